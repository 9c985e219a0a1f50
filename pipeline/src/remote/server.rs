//! Lending to readers in other processes: a task for each connection.

use super::{FromReader, ToReader, LEASE_MAX, LOSSES_MAX, ROOM_MAX};
use crate::cluster::{frames, BEAT, SILENCE_MAX};
use crate::live::Answered;
use crate::names;
use crate::pool::{sheet, Lease, PoolAnswer, Takers};
use crate::start::KnownBytes;
use frames::MESSAGE_BYTES_MAX;
use inkflow_schemas::{Fault, Outcome, Question};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{interval, Instant};

/// Messages of one reader that wait to be looked at.
const SAID_MAX: usize = 64;

/// A photo whose store is away is asked again after so long at the latest, whatever a reader says.
const AWAY_MAX: Duration = Duration::from_secs(300);

/// How often a connection was lost while a question was lent over it. Holds only questions that wait still.
type Losses = Arc<Mutex<FxHashMap<Question, u32>>>;

/// Lends to every reader that joins, for ever.
pub async fn serve(mut joined: mpsc::Receiver<TcpStream>, takers: Takers, known: KnownBytes) {
    let losses = Losses::default();
    while let Some(socket) = joined.recv().await {
        let (takers, known, losses) = (takers.clone(), known.clone(), losses.clone());
        tokio::spawn(async move {
            let gauge = metrics::gauge!(names::READERS_JOINED.name);
            gauge.increment(1);
            let mut joint =
                Joint { takers, known, losses, lent: FxHashMap::default(), held: None, room: 0, alone: false };
            let why = joint.run(socket).await;
            gauge.decrement(1);
            let lost = joint.lent.len();
            joint.end().await;
            tracing::info!(why, lost, "a reader has left");
        });
    }
}

/// A lease over this connection.
struct Lent {
    since: Instant,
    /// Its time is up, and it was asked elsewhere. Its answer counts still, if it is the first.
    given_back: bool,
}

/// One reader's connection.
struct Joint {
    takers: Takers,
    known: KnownBytes,
    losses: Losses,
    lent: FxHashMap<Question, Lent>,
    /// A suspect, which waits until the reader has nothing else.
    held: Option<Lease>,
    /// For how many more leases the reader has room.
    room: u32,
    /// A suspect is lent, and nothing else may be.
    alone: bool,
}

impl Joint {
    /// Serves the connection to its end, and says what that was.
    async fn run(&mut self, socket: TcpStream) -> String {
        let (mut from, mut to) = socket.into_split();
        // A message is read in a task of its own: a read that is dropped halfway would lose its bytes.
        let (say, mut said) = mpsc::channel(SAID_MAX);
        let hearing = tokio::spawn(async move {
            loop {
                let read = frames::read::<FromReader>(&mut from, MESSAGE_BYTES_MAX);
                let heard = tokio::time::timeout(SILENCE_MAX, read).await.unwrap_or_else(|_| Err(silent()));
                let ended = heard.is_err();
                if say.send(heard).await.is_err() || ended {
                    return;
                }
            }
        });
        let mut beats = interval(BEAT);
        let ended = loop {
            let takers = self.takers.clone();
            let may_take = self.room > 0 && self.held.is_none() && !self.alone;
            let step = tokio::select! {
                said = said.recv() => match said {
                    Some(Ok(said)) => self.hear(said, &mut to).await,
                    Some(Err(error)) => Err(error),
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                },
                _ = beats.tick() => {
                    self.take_back_late().await;
                    frames::write(&mut to, &ToReader::Here).await
                }
                leases = takers.take(), if may_take => match leases {
                    Some(leases) => self.lend(leases, &mut to).await,
                    None => break "the run is over".to_owned(),
                },
            };
            if let Err(error) = step {
                break error.to_string();
            }
        };
        hearing.abort();
        ended
    }

    async fn hear(&mut self, said: FromReader, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        match said {
            FromReader::Here => {}
            FromReader::Room(more) => self.room = self.room.saturating_add(more).min(ROOM_MAX),
            FromReader::Answered(answered) => {
                // What was not lent here is none of its business.
                if self.settle(&answered.question) {
                    self.forget(&answered.question);
                    self.takers.answer(vec![PoolAnswer::Done(*answered)]).await;
                }
            }
            FromReader::GivenBack(question) => self.give_back(&question, PoolAnswer::Again(question.clone())).await,
            FromReader::Away(question, wait) => {
                let away = PoolAnswer::Away(question.clone(), wait.min(AWAY_MAX));
                self.give_back(&question, away).await;
            }
            FromReader::Known(sha256, model) => {
                let reading = self.known.lock().ok().and_then(|known| known.get(&(sha256, model.clone())).copied());
                frames::write(to, &ToReader::Known(sha256, model, reading)).await?;
            }
        }
        match self.held.take() {
            Some(suspect) if self.lent.is_empty() => self.send(suspect, to).await,
            held => {
                self.held = held;
                Ok(())
            }
        }
    }

    /// Ends a lease without an answer.
    async fn give_back(&mut self, question: &Question, answer: PoolAnswer) {
        if self.lent.get(question).is_some_and(|lent| !lent.given_back) {
            self.takers.answer(vec![answer]).await;
        }
        self.settle(question);
    }

    /// Ends a lease; false where there was none.
    fn settle(&mut self, question: &Question) -> bool {
        let lent = self.lent.remove(question).is_some();
        self.alone = self.alone && !self.lent.is_empty();
        lent
    }

    async fn lend(&mut self, leases: Vec<Lease>, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut leases = VecDeque::from(leases);
        while let Some(lease) = leases.pop_front() {
            let suspect = self.lock().contains_key(&lease.question);
            self.alone |= suspect;
            if suspect && !self.lent.is_empty() {
                self.held = Some(lease);
            } else {
                self.send(lease, to).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, Lease { question, want }: Lease, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        // Noted before it is sent: what is lost on the way is asked again.
        self.lent.insert(question.clone(), Lent { since: Instant::now(), given_back: false });
        self.room = self.room.saturating_sub(1);
        let sheet = sheet(&question, want);
        frames::write(to, &ToReader::Lent(Box::new((question, sheet)))).await
    }

    /// Asks elsewhere what was lent too long ago.
    async fn take_back_late(&mut self) {
        let mut late = Vec::new();
        for (question, lent) in &mut self.lent {
            if !lent.given_back && lent.since.elapsed() >= LEASE_MAX {
                lent.given_back = true;
                late.push(PoolAnswer::Again(question.clone()));
            }
        }
        if !late.is_empty() {
            tracing::warn!(late = late.len(), "leases of a reader ran out of time, and are asked elsewhere");
            self.takers.answer(late).await;
        }
    }

    /// The connection has ended: what was lent over it is asked again, unless it has ended too many.
    async fn end(mut self) {
        let mut answers: Vec<PoolAnswer> =
            self.held.take().map(|held| PoolAnswer::Again(held.question)).into_iter().collect();
        for (question, lent) in std::mem::take(&mut self.lent) {
            if lent.given_back {
                continue;
            }
            metrics::counter!(names::LEASES_LOST.name).increment(1);
            let losses = {
                let mut losses = self.lock();
                let count = losses.entry(question.clone()).or_default();
                *count += 1;
                *count
            };
            answers.push(match losses {
                LOSSES_MAX.. => {
                    self.forget(&question);
                    let outcome = Outcome::Failed { fault: Fault::ReaderCrashed, attempts: losses };
                    PoolAnswer::Done(Answered::new(question, outcome))
                }
                _ => PoolAnswer::Again(question),
            });
        }
        self.takers.answer(answers).await;
    }

    fn forget(&self, question: &Question) {
        self.lock().remove(question);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FxHashMap<Question, u32>> {
        // Changed in single steps, none of which panics halfway.
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("nothing heard of it for {} s", SILENCE_MAX.as_secs()))
}
