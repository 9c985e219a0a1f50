//! Pools: who answers questions. Leases go in, answers come out; concurrency is the pool's own affair.
//!
//! A pool has any number of [`Takers`], each of which pulls a lease when it has room for one: the photos of this process,
//! and every reader that has joined. So who is slow holds back nobody.

use crate::feed::Want;
use crate::live::Answered;
use inkflow_connectors::reader::{ReadError, Reader, Sheet};
use inkflow_connectors::recorded::RecordedReader;
use inkflow_schemas::{Outcome, Photo, Question};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, Mutex};

/// A reader that is not there is asked again after so long: long enough to be no load on it, short enough that nobody
/// sees it when it is back.
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(1);

/// So many leases lie between the queue and the takers: few, as they are no longer in the queue's order.
const LEASES_WAITING: usize = 4;
/// So many answers wait for the engine.
const ANSWERS_WAITING: usize = 64;

/// A question lent to a pool.
#[derive(Clone, Debug)]
pub struct Lease {
    /// What is asked.
    pub question: Question,
    /// What is known of the photo.
    pub want: Want,
}

/// What a pool says of a lease.
#[derive(Debug)]
pub enum PoolAnswer {
    /// It is answered.
    Done(Answered),
    /// It could not be answered this time.
    Again(Question),
    /// Its photo's store does not answer, and is worth asking again after that time.
    Away(Question, Duration),
}

/// A running pool, as the engine sees it.
pub struct Pool {
    /// Where leases go; what is taken from here is worked on.
    pub leases: mpsc::Sender<Vec<Lease>>,
    /// Where answers come from.
    pub answers: mpsc::Receiver<Vec<PoolAnswer>>,
    /// How many questions one lease may hold.
    pub lease_max: usize,
    /// True where a photo could end the process, so that attempts are worth counting.
    pub may_crash: bool,
}

/// One who takes leases of a pool.
#[derive(Clone)]
pub struct Takers {
    leases: Arc<Mutex<mpsc::Receiver<Vec<Lease>>>>,
    answers: mpsc::Sender<Vec<PoolAnswer>>,
}

impl Pool {
    /// A pool without anybody yet who takes its leases.
    pub fn new(lease_max: usize, may_crash: bool) -> (Pool, Takers) {
        let (leases, taken) = mpsc::channel(LEASES_WAITING);
        let (answered, answers) = mpsc::channel(ANSWERS_WAITING);
        let takers = Takers { leases: Arc::new(Mutex::new(taken)), answers: answered };
        (Pool { leases, answers, lease_max, may_crash }, takers)
    }

    /// A pool that answers from recorded readings, on a thread of its own, many at a time.
    pub fn recorded(reader: RecordedReader) -> std::io::Result<(Pool, Takers)> {
        let (pool, takers) = Pool::new(10_000, false);
        let Takers { leases, answers } = takers.clone();
        std::thread::Builder::new().name("recorded".into()).spawn(move || loop {
            let Some(leases) = leases.blocking_lock().blocking_recv() else { return };
            let answer = |Lease { question, .. }| {
                let outcome = match reader.answer(&question.photo.uri, &question.model) {
                    Ok(reading) => Outcome::Read(reading),
                    Err(fault) => Outcome::Failed { fault, attempts: 1 },
                };
                PoolAnswer::Done(Answered::new(question, outcome))
            };
            if answers.blocking_send(leases.into_iter().map(answer).collect()).is_err() {
                return;
            }
        })?;
        Ok((pool, takers))
    }

    /// A pool that reads photos: at most so many at a time. Must be called within a tokio runtime.
    pub fn photos(reader: Arc<dyn Reader>, in_flight_max: usize) -> (Pool, Takers) {
        let (pool, takers) = Pool::new(1, true);
        let permits = Arc::new(tokio::sync::Semaphore::new(in_flight_max.max(1)));
        let taking = takers.clone();
        tokio::spawn(async move {
            loop {
                let Ok(permit) = permits.clone().acquire_owned().await else { return };
                let Some(leases) = taking.take().await else { return };
                let (reader, taking) = (reader.clone(), taking.clone());
                tokio::spawn(async move {
                    // One, as this pool lends one at a time.
                    for lease in leases {
                        let answer = read(&*reader, lease).await;
                        taking.answer(vec![answer]).await;
                    }
                    drop(permit);
                });
            }
        });
        (pool, takers)
    }
}

impl Takers {
    /// The next lease; none when the engine is gone. May be dropped at any moment: no lease is lost by it.
    pub async fn take(&self) -> Option<Vec<Lease>> {
        self.leases.lock().await.recv().await
    }

    /// Says what came of leases. The engine is gone when nobody hears it: the questions are asked again after a restart.
    pub async fn answer(&self, answers: Vec<PoolAnswer>) {
        let _ = self.answers.send(answers).await;
    }
}

impl Answered {
    /// An answer with nothing beside it.
    pub fn new(question: Question, outcome: Outcome) -> Answered {
        Answered { question, outcome, may_pass: false, areas: Vec::new(), sha256: None, asked_for: None }
    }
}

/// What is known of a question's photo and blank page.
pub(crate) fn sheet(question: &Question, want: Want) -> Sheet {
    let photo = Photo { key: question.photo.clone(), bytes: want.bytes, sha256: want.sha256 };
    Sheet { photo, blank: want.blank }
}

async fn read(reader: &dyn Reader, Lease { question, want }: Lease) -> PoolAnswer {
    let sheet = sheet(&question, want);
    read_sheet(reader, question, sheet).await
}

/// Reads that photo, or says why not.
pub(crate) async fn read_sheet(reader: &dyn Reader, question: Question, sheet: Sheet) -> PoolAnswer {
    match reader.read(&question, &sheet).await {
        Ok(answer) => PoolAnswer::Done(Answered {
            question,
            outcome: Outcome::Read(answer.reading),
            may_pass: false,
            areas: answer.areas,
            sha256: answer.sha256,
            asked_for: None,
        }),
        Err(ReadError::Definite(fault)) => {
            PoolAnswer::Done(Answered::new(question, Outcome::Failed { fault, attempts: 1 }))
        }
        Err(ReadError::Passing { becomes, tries, what }) => {
            tracing::debug!(what, fault = becomes.as_str(), "a photo's tries are spent");
            let outcome = Outcome::Failed { fault: becomes, attempts: tries };
            PoolAnswer::Done(Answered { may_pass: true, ..Answered::new(question, outcome) })
        }
        // The breaker has said it already, once for all photos.
        Err(ReadError::Away { wait, .. }) => PoolAnswer::Away(question, wait),
        Err(ReadError::Unavailable { what }) => {
            tracing::warn!(what, "the reader is unavailable, and is asked again");
            tokio::time::sleep(UNAVAILABLE_WAIT).await;
            PoolAnswer::Again(question)
        }
    }
}
