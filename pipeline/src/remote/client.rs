//! The reader's side: it joins, reads what it is lent, and joins again when process 0 is gone.

use super::{FromReader, ToReader};
use crate::cluster::hello::{HelloError, Shared};
use crate::cluster::{connect_as_reader, frames, Terms, BEAT, SILENCE_MAX};
use crate::pool::{read_sheet, PoolAnswer};
use frames::MESSAGE_BYTES_MAX;
use inkflow_connectors::reader::{BoxFuture, Known, Reader, Sheet};
use inkflow_schemas::{ModelName, Question, Reading};
use rustc_hash::{FxHashMap, FxHashSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, Instant};

/// Between two tries to join: it grows from this...
const REJOIN_WAIT_MIN: Duration = Duration::from_millis(50);
/// ...to this, so that a process 0 that restarts is found soon.
const REJOIN_WAIT_MAX: Duration = Duration::from_secs(2);
/// A reader that is asked to end finishes what it reads, for so long.
const FINISH_PATIENCE: Duration = Duration::from_secs(10);
/// What is known of bytes is waited for so long: then the photo is read.
const KNOWN_PATIENCE: Duration = Duration::from_secs(2);
/// Messages that wait to be sent.
const SAYING_MAX: usize = 256;

/// Why a reader cannot read for that process.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// It is refused, and would be again.
    #[error("{address} does not take this reader: {error}")]
    Refused {
        /// Where it was refused.
        address: String,
        /// Why.
        error: HelloError,
    },
}

/// Asks process 0 what is known of bytes. Shared by the reader, which is made once, and the connection, of which there
/// are many.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<AskedState>>);

#[derive(Default)]
struct AskedState {
    say: Option<mpsc::Sender<FromReader>>,
    waiting: FxHashMap<([u8; 32], ModelName), Vec<oneshot::Sender<Option<Reading>>>>,
}

impl Asked {
    fn lock(&self) -> std::sync::MutexGuard<'_, AskedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, sha256: [u8; 32], model: ModelName) -> BoxFuture<'static, Option<Reading>> {
        let (answer, answered) = oneshot::channel();
        let say = {
            let mut state = self.lock();
            state.waiting.entry((sha256, model.clone())).or_default().push(answer);
            state.say.clone()
        };
        Box::pin(async move {
            say?.send(FromReader::Known(sha256, model)).await.ok()?;
            tokio::time::timeout(KNOWN_PATIENCE, answered).await.ok()?.ok()?
        })
    }

    fn answer(&self, sha256: [u8; 32], model: ModelName, reading: Option<Reading>) {
        for waiting in self.lock().waiting.remove(&(sha256, model)).unwrap_or_default() {
            // Who waited has given up.
            let _ = waiting.send(reading);
        }
    }

    /// From now on it asks over that connection.
    fn over(&self, say: Option<mpsc::Sender<FromReader>>) {
        let mut state = self.lock();
        state.say = say;
        state.waiting.clear();
    }
}

/// Reads for the process at `address` until `stop` turns true, at most so many photos at a time; joins again and again
/// when it is gone.
pub async fn read_for(
    address: &str,
    secret: &Shared,
    make: impl FnOnce(Arc<Known>) -> Arc<dyn Reader>,
    in_flight_max: usize,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ReaderError> {
    let asked = Asked::default();
    let asking = asked.clone();
    let reader = make(Arc::new(move |sha256, model| asking.ask(sha256, model)));
    let mut wait = REJOIN_WAIT_MIN;
    let mut quiet = false;
    while !*stop.borrow() {
        let connected = tokio::select! {
            connected = connect_as_reader(address, secret) => connected,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        match connected {
            Ok((socket, terms)) => {
                let Terms { incarnation, .. } = terms;
                let began = Instant::now();
                tracing::info!(incarnation, "joined, and reading");
                let why = session(socket, &reader, in_flight_max, &asked, &mut stop).await;
                asked.over(None);
                tracing::info!(why, "no longer joined");
                quiet = false;
                // A process that is about to end lets readers in, and out again.
                if began.elapsed() > REJOIN_WAIT_MAX {
                    wait = REJOIN_WAIT_MIN;
                }
            }
            Err(error) if crate::cluster::may_pass(&error) => {
                if !quiet {
                    tracing::warn!(%error, "cannot join yet, and tries again");
                    quiet = true;
                }
            }
            Err(error) => return Err(ReaderError::Refused { address: address.to_owned(), error }),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(REJOIN_WAIT_MAX),
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
    Ok(())
}

/// Reads over one connection to its end, and says what that was.
async fn session(
    socket: TcpStream,
    reader: &Arc<dyn Reader>,
    in_flight_max: usize,
    asked: &Asked,
    stop: &mut watch::Receiver<bool>,
) -> String {
    let (mut from, mut to) = socket.into_split();
    let (say, mut saying) = mpsc::channel::<FromReader>(SAYING_MAX);
    asked.over(Some(say.clone()));
    let writing = tokio::spawn(async move {
        let mut beats = interval(BEAT);
        loop {
            let said = tokio::select! {
                said = saying.recv() => match said {
                    Some(said) => frames::write(&mut to, &said).await,
                    None => return,
                },
                _ = beats.tick() => frames::write(&mut to, &FromReader::Here).await,
            };
            if said.is_err() {
                // The other half sees it, too.
                return;
            }
        }
    });
    // A message is read in a task of its own: a read that is dropped halfway would lose its bytes.
    let (hear, mut heard) = mpsc::channel::<io::Result<ToReader>>(1);
    let hearing = tokio::spawn(async move {
        loop {
            let read = frames::read(&mut from, MESSAGE_BYTES_MAX);
            let silent = |_| Err(io::Error::new(io::ErrorKind::TimedOut, "process 0 says nothing any more"));
            let said = tokio::time::timeout(SILENCE_MAX, read).await.unwrap_or_else(silent);
            let ended = said.is_err();
            if hear.send(said).await.is_err() || ended {
                return;
            }
        }
    });
    let mut reading: JoinSet<Question> = JoinSet::new();
    let mut lent: FxHashSet<Question> = FxHashSet::default();
    let _ = say.send(FromReader::Room(u32::try_from(in_flight_max).unwrap_or(u32::MAX))).await;
    let mut finishing: Option<Instant> = None;
    let ended = loop {
        let deadline = finishing.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            message = heard.recv() => match message {
                Some(Ok(ToReader::Lent(lease))) => {
                    let (question, sheet) = *lease;
                    if finishing.is_some() {
                        let _ = say.send(FromReader::GivenBack(question)).await;
                        continue;
                    }
                    lent.insert(question.clone());
                    reading.spawn(answer(reader.clone(), question, sheet, say.clone()));
                }
                Some(Ok(ToReader::Known(sha256, model, reading))) => asked.answer(sha256, model, reading),
                Some(Ok(ToReader::Here)) => {}
                Some(Err(error)) => break error.to_string(),
                None => break "its connection ended".to_owned(),
            },
            Some(read) = reading.join_next(), if !reading.is_empty() => {
                // A panic ends the process.
                if let Ok(question) = read {
                    lent.remove(&question);
                }
                if finishing.is_none() {
                    let _ = say.send(FromReader::Room(1)).await;
                }
            }
            _ = stop.wait_for(|stop| *stop), if finishing.is_none() => finishing = Some(Instant::now() + FINISH_PATIENCE),
            () = tokio::time::sleep_until(deadline), if finishing.is_some() => break "time is up".to_owned(),
        }
        if finishing.is_some() && reading.is_empty() {
            break "asked to end".to_owned();
        }
    };
    reading.abort_all();
    if finishing.is_some() {
        for question in lent {
            let _ = say.send(FromReader::GivenBack(question)).await;
        }
    }
    asked.over(None);
    drop(say);
    while reading.join_next().await.is_some() {}
    // All that was said is sent, where there is somebody to hear it.
    let _ = tokio::time::timeout(BEAT, writing).await;
    hearing.abort();
    ended
}

async fn answer(reader: Arc<dyn Reader>, question: Question, sheet: Sheet, say: mpsc::Sender<FromReader>) -> Question {
    let said = match read_sheet(&*reader, question.clone(), sheet).await {
        PoolAnswer::Done(answered) => FromReader::Answered(Box::new(answered)),
        PoolAnswer::Again(question) => FromReader::GivenBack(question),
        PoolAnswer::Away(question, wait) => FromReader::Away(question, wait),
    };
    let _ = say.send(said).await;
    question
}
