//! Pools: who answers questions. Leases go in, answers come out; concurrency is the pool's own affair.

use crate::feed::Want;
use crate::live::Answered;
use inkflow_connectors::reader::{ReadError, Reader};
use inkflow_connectors::recorded::RecordedReader;
use inkflow_schemas::{Outcome, Photo, Question};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A reader that is not there is asked again after so long: long enough to be no load on it, short enough that nobody
/// sees it when it is back.
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(1);

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

impl Pool {
    /// A pool that answers from recorded readings, on a thread of its own, many at a time.
    pub fn recorded(reader: RecordedReader) -> std::io::Result<Pool> {
        let (leases, mut taken) = mpsc::channel::<Vec<Lease>>(2);
        let (answered, answers) = mpsc::channel(2);
        std::thread::Builder::new().name("recorded".into()).spawn(move || {
            while let Some(leases) = taken.blocking_recv() {
                let batch = leases
                    .into_iter()
                    .map(|Lease { question, .. }| {
                        let outcome = match reader.answer(&question.photo.uri, &question.model) {
                            Ok(reading) => Outcome::Read(reading),
                            Err(fault) => Outcome::Failed { fault, attempts: 1 },
                        };
                        PoolAnswer::Done(Answered::new(question, outcome))
                    })
                    .collect();
                if answered.blocking_send(batch).is_err() {
                    return;
                }
            }
        })?;
        Ok(Pool { leases, answers, lease_max: 10_000, may_crash: false })
    }

    /// A pool that reads photos: at most so many at a time. Must be called within a tokio runtime.
    pub fn photos(reader: Arc<dyn Reader>, in_flight_max: usize) -> Pool {
        let (leases, mut taken) = mpsc::channel::<Vec<Lease>>(1);
        let (answered, answers) = mpsc::channel(in_flight_max.max(1));
        let permits = Arc::new(tokio::sync::Semaphore::new(in_flight_max.max(1)));
        tokio::spawn(async move {
            while let Some(leases) = taken.recv().await {
                for lease in leases {
                    let Ok(permit) = permits.clone().acquire_owned().await else { return };
                    let (reader, answered) = (reader.clone(), answered.clone());
                    tokio::spawn(async move {
                        let answer = read(&*reader, lease).await;
                        drop(permit);
                        // The engine is gone when nobody takes this: the question is asked again after a restart.
                        let _ = answered.send(vec![answer]).await;
                    });
                }
            }
        });
        Pool { leases, answers, lease_max: 1, may_crash: true }
    }
}

impl Answered {
    /// An answer with nothing beside it.
    pub fn new(question: Question, outcome: Outcome) -> Answered {
        Answered { question, outcome, may_pass: false, areas: Vec::new(), sha256: None, asked_for: None }
    }
}

async fn read(reader: &dyn Reader, Lease { question, want }: Lease) -> PoolAnswer {
    let photo = Photo { key: question.photo.clone(), bytes: want.bytes, sha256: want.sha256 };
    match reader.read(&question, &photo).await {
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
