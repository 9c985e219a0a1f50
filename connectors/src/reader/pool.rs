//! A pool of threads that read photos, and the queue before it.
//!
//! Each thread decodes photos into a batch and runs the model on it, with a session of its own. So a photo's pixels never
//! leave the thread that decoded them, nothing is locked while a model runs, and as many photos are read at once as there
//! are threads. Several models may be served; each has its own batches. A model is added or removed while others, and
//! photos already queued for it, go on: what was accepted is answered by the model that it was accepted for.

use super::blank::Beside;
use super::budget::Budget;
use super::model::Model;
use super::worker;
use super::ReadError;
use crate::decode::{decode_inspected, inspect, InputSpec, Pixels};
use bytes::Bytes;
use inkflow_schemas::{Area, Fault, ModelName, Reading};
use ort::session::Session;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

/// How many photos go through a model at once.
#[derive(Clone, Copy, Debug)]
pub struct BatchSettings {
    /// A batch has at most this many photos.
    pub photos_max: usize,
    /// Its tensor has at most this many bytes.
    pub bytes_max: usize,
    /// Its first photo waits at most this long for others to be decoded. It does not wait when nothing is queued.
    pub age_max: Duration,
}

impl Default for BatchSettings {
    /// One photo, 64 MiB, 50 ms. On processors a larger batch loses: of the page model's 12.2 ms a photo become 13.4 at
    /// two, 14.8 at four and 15.3 at eight, as its activations leave the caches, and each photo more holds 75 MB more on
    /// every thread. It is for models, and devices, that gain by it.
    fn default() -> BatchSettings {
        BatchSettings { photos_max: 1, bytes_max: 64 << 20, age_max: Duration::from_millis(50) }
    }
}

/// What a model runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU: refused at start, as this version has none. It never means the processor instead.
    Gpu,
}

/// How the pool works.
#[derive(Clone, Copy, Debug)]
pub struct ReaderSettings {
    /// Threads that decode and infer, at least 1.
    pub threads: usize,
    /// How photos are batched.
    pub batch: BatchSettings,
    /// Photos that may be queued or being read; whoever asks for more waits.
    pub waiting_max: usize,
    /// Bytes that decoders may hold together, beside one photo that is larger: it is decoded alone.
    pub decode_bytes_max: u64,
    /// What models run on.
    pub device: Device,
}

impl Default for ReaderSettings {
    /// As many threads as processors, and queued photos for a second or so; 1 GiB for decoding, which is two of the
    /// largest photos that are read at all.
    fn default() -> ReaderSettings {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        ReaderSettings {
            threads,
            batch: BatchSettings::default(),
            waiting_max: 32 * threads,
            decode_bytes_max: 1 << 30,
            device: Device::Cpu,
        }
    }
}

/// Models come from records, so that there is no end to those that can be absent; so many are told.
const ABSENT_MAX: usize = 100;

/// Why a pool does not start, or a model does not join it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A GPU was asked for.
    #[error("a GPU was asked for, and this version of inkflow reads on the processor only: set the device to cpu")]
    NoGpu,
    /// A session could not be made or warmed up.
    #[error("{model} cannot be run: {why}")]
    Session {
        /// Which model.
        model: ModelName,
        /// What ONNX Runtime says.
        why: String,
    },
    /// The system gives no more threads.
    #[error("a reader thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// What the pool has done and is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Photos queued or being read.
    pub waiting: usize,
    /// Photos answered with a reading.
    pub read: u64,
    /// Photos answered with a fault.
    pub failed: u64,
    /// Photos whose bytes the model had read before, under another name: they cost no inference.
    pub saved: u64,
    /// Photos that were laid over their blank page.
    pub compared: u64,
    /// Photos that have a blank page and could not be laid over it.
    pub not_compared: u64,
    /// Photos whose blank page was not to be had.
    pub blank_missing: u64,
    /// Batches run.
    pub batches: u64,
    /// For how long the thread that is longest at one photo or batch has been at it. A thread that hangs cannot be stopped:
    /// who sees too much here ends the process.
    pub longest: Duration,
}

/// A model in service: a session for each thread.
pub(super) struct Served {
    pub model: Model,
    /// By thread. Each is locked by its own thread only: the lock is never waited for, and never shared.
    pub sessions: Vec<Mutex<Session>>,
}

/// A photo that waits for its reading.
pub(super) struct Job {
    pub served: Arc<Served>,
    pub bytes: Bytes,
    pub waiting: Waiting,
}

/// Who waits, and the place in the queue, which is taken until the answer is given.
pub(super) struct Waiting {
    answer: oneshot::Sender<Result<(Reading, Vec<Area>), Fault>>,
    room: OwnedSemaphorePermit,
}

impl Waiting {
    /// True where whoever asked has gone: a lease that timed out, a shutdown.
    pub fn in_vain(&self) -> bool {
        self.answer.is_closed()
    }
    /// Frees the place, then answers: whoever has the answer finds the place free.
    pub fn answer(self, outcome: Result<(Reading, Vec<Area>), Fault>) {
        drop(self.room);
        let _ = self.answer.send(outcome);
    }
}

pub(super) struct Shared {
    queue: Mutex<VecDeque<Job>>,
    queued: Condvar,
    closed: AtomicBool,
    pub batch: BatchSettings,
    decoding: Budget,
    started: Instant,
    /// By thread: milliseconds after `started` at which it took up what it is at, plus one; 0 when idle.
    busy_since: Vec<AtomicU64>,
    pub read: AtomicU64,
    pub failed: AtomicU64,
    saved: AtomicU64,
    compared: AtomicU64,
    not_compared: AtomicU64,
    blank_missing: AtomicU64,
    pub batches: AtomicU64,
}

/// What a thread is to do next.
pub(super) enum Next {
    Read(Box<Job>),
    /// Nothing is queued.
    Idle,
    /// Nothing is queued, and nothing will be.
    Closed,
}

impl Shared {
    /// The next photo; where there is none, waits for one if told to.
    pub fn next(&self, wait: bool) -> Next {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.pop_front() {
                return Next::Read(Box::new(job));
            }
            if self.closed.load(Ordering::Acquire) {
                return Next::Closed;
            }
            if !wait {
                return Next::Idle;
            }
            queue = self.queued.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Decodes a photo once there is room for it: `decode_bytes_max` is for all decoders together.
    pub fn decode(&self, photo: &[u8], want: &InputSpec) -> Result<Pixels, Fault> {
        let header = inspect(photo)?;
        let _held = self.decoding.lend(header.estimate_bytes(want));
        decode_inspected(photo, &header, want)
    }

    pub fn busy(&self, thread: usize, busy: bool) {
        let now = self.started.elapsed().as_millis() as u64 + 1;
        if let Some(since) = self.busy_since.get(thread) {
            since.store(if busy { now } else { 0 }, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads pages: bytes in, readings out. Dropping it ends its threads, after the batches that they are at.
pub struct PageReader {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    waiting_max: usize,
    models: RwLock<BTreeMap<ModelName, Arc<Served>>>,
    /// Models that were asked for and are not there: each is told once.
    absent: Mutex<BTreeSet<ModelName>>,
    threads: Vec<JoinHandle<()>>,
}

impl PageReader {
    /// Starts the threads, with a warm session for each model on each.
    pub fn start(models: Vec<Model>, settings: ReaderSettings) -> Result<PageReader, StartError> {
        if settings.device == Device::Gpu {
            return Err(StartError::NoGpu);
        }
        let count = settings.threads.max(1);
        let waiting_max = settings.waiting_max.clamp(1, Semaphore::MAX_PERMITS);
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            queued: Condvar::new(),
            closed: AtomicBool::new(false),
            batch: settings.batch,
            decoding: Budget::new(settings.decode_bytes_max),
            started: Instant::now(),
            busy_since: (0..count).map(|_| AtomicU64::new(0)).collect(),
            read: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            saved: AtomicU64::new(0),
            compared: AtomicU64::new(0),
            not_compared: AtomicU64::new(0),
            blank_missing: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        });
        let mut reader = PageReader {
            shared,
            room: Arc::new(Semaphore::new(waiting_max)),
            waiting_max,
            models: RwLock::default(),
            absent: Mutex::default(),
            threads: Vec::new(),
        };
        for thread in 0..count {
            let shared = reader.shared.clone();
            let named = std::thread::Builder::new().name(format!("reader-{thread}"));
            reader.threads.push(named.spawn(move || worker::work(&shared, thread))?);
        }
        for model in models {
            reader.add(model)?;
        }
        Ok(reader)
    }

    /// Serves one more model, or a newly loaded one in place of its namesake; those being read go on with the old one.
    /// Blocks while sessions are made: some tens of milliseconds a thread.
    pub fn add(&self, model: Model) -> Result<(), StartError> {
        let name = model.name().clone();
        let failed = |why: String| StartError::Session { model: name.clone(), why };
        let mut sessions = Vec::new();
        for _ in 0..self.threads.len() {
            let mut session = model.session().map_err(|e| failed(e.to_string()))?;
            // The first run of each size lays out its memory, which no photo should have to wait for.
            for count in [1, worker::batch_max(&self.shared.batch, &model)] {
                let blank = vec![0.0; count * model.manifest().input.floats()];
                model.numbers(&mut session, &blank, count).map_err(failed)?;
            }
            sessions.push(Mutex::new(session));
        }
        let served = Arc::new(Served { model, sessions });
        self.models.write().unwrap_or_else(PoisonError::into_inner).insert(name, served);
        Ok(())
    }

    /// Serves a model no more; what is queued for it is still read. False where it was not served.
    pub fn remove(&self, model: &ModelName) -> bool {
        self.models.write().unwrap_or_else(PoisonError::into_inner).remove(model).is_some()
    }

    /// The models that are served, in order.
    pub fn models(&self) -> Vec<ModelName> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// True where a model is served.
    pub fn serves(&self, model: &ModelName) -> bool {
        self.served(model).is_some()
    }

    fn served(&self, model: &ModelName) -> Option<Arc<Served>> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).get(model).cloned()
    }

    /// What a model says of a photo's bytes. Waits while the queue is full. A model that is not served may be later: till
    /// then it is `model_error`.
    pub async fn read(&self, model: &ModelName, bytes: Bytes) -> Result<(Reading, Vec<Area>), ReadError> {
        let gone = || ReadError::Unavailable { what: "the reader has stopped".into() };
        let room = self.room.clone().acquire_owned().await.map_err(|_| gone())?;
        let served = self.served(model).ok_or_else(|| self.not_served(model))?;
        let (answer, answered) = oneshot::channel();
        self.shared.lock().push_back(Job { served, bytes, waiting: Waiting { answer, room } });
        self.shared.queued.notify_one();
        Ok(answered.await.map_err(|_| gone())??)
    }

    /// Decodes a photo on the thread that calls, within the bytes that the pool's decoders may hold together.
    pub fn decode(&self, photo: &[u8], want: &InputSpec) -> Result<Pixels, Fault> {
        self.shared.decode(photo, want)
    }

    /// That this model is not served.
    pub(super) fn not_served(&self, model: &ModelName) -> ReadError {
        let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        if absent.len() < ABSENT_MAX && absent.insert(model.clone()) {
            tracing::warn!(%model, "asked for, and not loaded here: its photos fail until a start that has it");
        }
        ReadError::Passing { becomes: Fault::ModelError, tries: 1, what: format!("{model} is not loaded here") }
    }

    /// A photo's bytes were read before.
    pub(super) fn save(&self) {
        self.shared.saved.fetch_add(1, Ordering::Relaxed);
    }

    /// What became of a photo that has a blank page.
    pub(super) fn compared(&self, beside: Beside) {
        let Shared { compared, not_compared, blank_missing, .. } = &*self.shared;
        let count = match beside {
            Beside::Used => compared,
            Beside::NotUsed => not_compared,
            Beside::Missing => blank_missing,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// What it has done and is doing.
    pub fn figures(&self) -> Figures {
        let now = self.shared.started.elapsed().as_millis() as u64 + 1;
        let since = self.shared.busy_since.iter().map(|since| since.load(Ordering::Relaxed));
        let longest = since.filter(|since| *since > 0).map(|since| now.saturating_sub(since)).max();
        Figures {
            waiting: self.waiting_max.saturating_sub(self.room.available_permits()),
            read: self.shared.read.load(Ordering::Relaxed),
            failed: self.shared.failed.load(Ordering::Relaxed),
            saved: self.shared.saved.load(Ordering::Relaxed),
            compared: self.shared.compared.load(Ordering::Relaxed),
            not_compared: self.shared.not_compared.load(Ordering::Relaxed),
            blank_missing: self.shared.blank_missing.load(Ordering::Relaxed),
            batches: self.shared.batches.load(Ordering::Relaxed),
            longest: Duration::from_millis(longest.unwrap_or(0)),
        }
    }
}

impl Drop for PageReader {
    fn drop(&mut self) {
        self.room.close();
        self.shared.closed.store(true, Ordering::Release);
        // Under the lock, so that no thread is between looking and waiting. What is queued has nobody who waits for it.
        let mut queue = self.shared.lock();
        queue.clear();
        drop(queue);
        self.shared.queued.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader thread had panicked");
            }
        }
    }
}
