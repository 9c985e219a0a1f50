//! The start: open the journal, hydrate the dataflow from its live rows, and put the engine together.
//!
//! Recovery is nothing else: live rows are scanned into one timestamp, the last sealed epoch, so that each operator runs
//! once; sinks reconcile to what the views then say; sources go on at the sealed positions; what is missing is asked
//! again. No per-worker file exists, so a restart may have any number of workers.

use crate::admission::{fresh, Admission};
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, EngineSettings};
use crate::expired::Expired;
use crate::feed::Fed;
use crate::flow::Flow;
use crate::inlets::{Inlet, Inlets};
use crate::letters::Letters;
use crate::live::{self, Answered, Attempted, ReadFrom, Refused, Unreadable};
use crate::poison::Poison;
use crate::pool::Pool;
use crate::progress::Progress;
use crate::queue::Queue;
use crate::sinks::SinkThread;
use crate::sources::Resume;
use crate::workers::{Fill, Place, Workers};
use inkflow_connectors::journal::{Change, Collection, Journal, LiveRow, Positions, RowKey};
use inkflow_connectors::notification::Notifications;
use inkflow_connectors::sink::{Claim, Sink};
use inkflow_connectors::source::{Offsets, Origins, Source};
use inkflow_schemas::{Assignment, Enrolment, Millis, Outcome, PhotoKey, Policy, Question, Review, Submission, Topic};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch, Notify};

/// Rows are fed to the workers in pieces of so many while hydrating, so that scan and dataflow work side by side.
const HYDRATION_ROWS: usize = 50_000;

/// The readings known by the photo's bytes: (sha256, model), so that the same photo under another uri costs no inference.
/// Models that read templates are not in it.
pub type KnownBytes = Arc<Mutex<FxHashMap<([u8; 32], inkflow_schemas::ModelName), inkflow_schemas::Reading>>>;

/// The parts of a run.
pub struct Parts {
    /// An open journal.
    pub journal: Journal,
    /// Submissions; paused while too many photos wait.
    pub submissions: Box<dyn Source>,
    /// All other topics.
    pub others: Box<dyn Source>,
    /// Where views go.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Where refused records go; nowhere without it.
    pub dead_letters: Option<Letters>,
    /// Which submissions are notifications of a store.
    pub notifications: Option<Arc<Notifications>>,
    /// Who answers questions.
    pub pool: Pool,
    /// Filled with what is known, for the pool to look up.
    pub known: KnownBytes,
    /// What stamps epochs.
    pub clock: Clock,
    /// How many timely workers, and the other processes of the cluster.
    pub place: Place,
    /// Limits.
    pub settings: EngineSettings,
    /// Counts the rows that are hydrated, while they are.
    pub hydrated: Arc<AtomicU64>,
}

/// A run that can be started.
pub struct Ready {
    /// The engine.
    pub engine: Engine,
    /// What it takes in.
    pub inlets: Inlets,
    /// How it goes.
    pub progress: watch::Receiver<Progress>,
    /// Set to true to end it.
    pub stop: watch::Sender<bool>,
}

/// Opens what a run needs and hydrates its dataflow.
pub async fn start(parts: Parts, define: impl Fn(&mut Flow<'_>) + Send + Sync + 'static) -> Result<Ready, EngineError> {
    let Parts {
        journal,
        submissions,
        others,
        sinks,
        dead_letters,
        notifications,
        pool,
        known,
        clock,
        place,
        settings,
        hydrated,
    } = parts;
    let (epoch, last_clock, positions) =
        journal.last().map(|header| (header.epoch, Millis(header.clock), header.positions.clone())).unwrap_or_default();

    let (deliver, deliveries) = mpsc::unbounded_channel();
    let workers = Workers::start(place, epoch, define, move |delivery| {
        // Nobody listening is the end of the run.
        let _ = deliver.send(delivery);
    })?;

    let mut hydration = Hydration::new(&journal, &workers, &known, &hydrated);
    let marks = positions.iter().filter_map(|((topic, partition), position)| fresh(topic, *partition, position, epoch));
    hydration.rows.extend(marks);
    hydration.run().await?;
    let Hydration { erased, stale, attempted, unclean, scrub_due, passing, count, origins, .. } = hydration;
    workers.feed(Fill::Seal { epoch, clock: last_clock })?;

    let sinks_changed = Arc::new(Notify::new());
    let claim = Claim { journal: journal.id(), incarnation: journal.incarnation() };
    let sinks = sinks
        .into_iter()
        .map(|sink| {
            let changed = sinks_changed.clone();
            SinkThread::start(sink, workers.views().to_vec(), claim, move || changed.notify_one())
        })
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| EngineError::Source(format!("a sink's thread cannot be started: {error}")))?;

    if scrub_due {
        sinks.iter().for_each(SinkThread::scrub);
    }
    let mut admission = Admission::new(erased);
    stale.into_iter().for_each(|key| admission.note(Change::Delete { key }));
    // What may have passed is asked again: its failures are taken back in the first epoch.
    let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
    passing.iter().for_each(|(question, _)| admission.withdraw(&hash, question));
    let spent = passing.into_iter().collect();
    for ((topic, partition), position) in &positions {
        Topic::parse(topic).into_iter().for_each(|topic| admission.stood(topic, *partition, position));
    }
    if pool.may_crash {
        admission.note(live::put(live::running_key(&hash), &()));
    }
    let broken = |error: std::io::Error| EngineError::Source(format!("a source's thread cannot be started: {error}"));
    // From its first value on it says which epoch was hydrated, and which sinks there are.
    let mut counts = Progress { epoch, clock: last_clock.0, hydrated: count, ..Progress::default() };
    counts.see_sinks(&sinks);
    let (progress_sink, progress) = watch::channel(counts.clone());
    let (stop, stop_seen) = watch::channel(false);
    let resume = Resume { origins, offsets: offsets_of(&positions), until_end: settings.until_end, notifications };
    let (sealed, sealed_seen) = watch::channel(Offsets::new());
    let read = |source, name| {
        let changed = sinks_changed.clone();
        crate::sources::start(source, name, resume.clone(), sealed_seen.clone(), move || changed.notify_one())
    };
    let (submissions, submissions_state) = read(submissions, "submissions").map_err(broken)?;
    let (others, others_state) = read(others, "records").map_err(broken)?;
    let inlets = Inlets {
        submissions: Inlet::new(submissions),
        others: Inlet::new(others),
        deliveries,
        sinks_changed,
        stop: stop_seen.clone(),
    };
    let engine = Engine {
        settings,
        suspicious: unclean && pool.may_crash,
        journal,
        clock,
        workers,
        pool,
        known,
        sinks,
        dead_letters,
        admission,
        queue: Queue::default(),
        garbage: Vec::new(),
        expired: Expired::default(),
        instants: BTreeMap::new(),
        hydrated_epoch: epoch,
        last: (epoch, last_clock),
        sealed_at: None,
        oldest_ts: None,
        delivered: None,
        clocks: BTreeMap::from([(epoch, last_clock)]),
        erasing: BTreeMap::new(),
        collect_now: false,
        scrub_due,
        scrubbing: None,
        open_sources: 2,
        sources: vec![submissions_state, others_state],
        begun: Vec::new(),
        sealed,
        stop: stop_seen,
        abandoned: false,
        poison: Poison::new(attempted),
        spent,
        alone: false,
        counts,
        progress: progress_sink,
    };
    Ok(Ready { engine, inlets, progress, stop })
}

/// Where the sources stand after the last sealed epoch.
pub fn sealed_offsets(journal: &Journal) -> Offsets {
    journal.last().map(|header| offsets_of(&header.positions)).unwrap_or_default()
}

/// Positions as sources have them.
pub(crate) fn offsets_of(positions: &Positions) -> Offsets {
    let offset = |((topic, partition), position): (&(String, u32), &inkflow_connectors::journal::Position)| {
        Some(((Topic::parse(topic)?, *partition), position.next_offset))
    };
    positions.iter().filter_map(offset).collect()
}

/// A scan of the live rows into the workers.
struct Hydration<'a> {
    journal: &'a Journal,
    workers: &'a Workers,
    known: &'a KnownBytes,
    /// How many rows have been read, for who watches.
    seen: &'a AtomicU64,
    rows: Vec<Fed>,
    erased: FxHashSet<u128>,
    /// Rows of erased students that the last process did not live to delete.
    stale: Vec<RowKey>,
    /// When which photo left demand, by the rows' hashes; what is over in the end is of photos that are gone.
    left: FxHashMap<u128, Millis>,
    attempted: Vec<Attempted>,
    /// What failed and may pass, with its tries so far.
    passing: Vec<(Question, u32)>,
    unclean: bool,
    /// Somebody was erased, and the last process did not live to see the bytes leave the journal's files.
    scrub_due: bool,
    origins: Origins,
    count: u64,
}

impl<'a> Hydration<'a> {
    fn new(journal: &'a Journal, workers: &'a Workers, known: &'a KnownBytes, seen: &'a AtomicU64) -> Hydration<'a> {
        Hydration {
            journal,
            workers,
            known,
            seen,
            rows: Vec::new(),
            erased: FxHashSet::default(),
            stale: Vec::new(),
            left: FxHashMap::default(),
            attempted: Vec::new(),
            passing: Vec::new(),
            unclean: false,
            scrub_due: false,
            origins: Origins::new(),
            count: 0,
        }
    }

    async fn run(&mut self) -> Result<(), EngineError> {
        for collection in [
            Collection::Erased,
            Collection::Assignments,
            Collection::Models,
            Collection::Enrolments,
            Collection::Reviews,
            Collection::Attempts,
            Collection::LeftDemand,
            Collection::Readings,
            Collection::FirstReadings,
            Collection::Rejected,
            Collection::Origins,
            Collection::Submissions,
        ] {
            let journal = self.journal;
            let mut fault = None;
            self.count += journal
                .scan(collection, |key, row| {
                    if fault.is_none() {
                        fault = self.take(key, row).err();
                    }
                })
                .await?;
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        let gone = self.left.drain().map(|(hash, _)| RowKey { collection: Collection::LeftDemand, hash, epoch: None });
        self.stale.extend(gone);
        self.flush()
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        Ok(self.workers.feed(Fill::Rows(std::mem::take(&mut self.rows)))?)
    }

    fn is_erased(&self, student: &inkflow_schemas::Id) -> bool {
        let hash = |collection, parts: &[&[u8]]| self.journal.hash(collection, parts);
        !self.erased.is_empty() && self.erased.contains(&live::erased_key(&hash, student).hash)
    }

    fn take(&mut self, key: RowKey, row: LiveRow<'_>) -> Result<(), EngineError> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let collection = key.collection;
        let (epoch, clock) = (row.epoch, Millis(row.clock));
        let fed = match collection {
            Collection::Erased => {
                self.erased.insert(key.hash);
                None
            }
            Collection::Submissions => {
                let row: Submission = live::read(collection, row.value)?;
                self.unless_erased(key, &row.student_id.clone(), || live::feed_submission(row, epoch, clock))
            }
            Collection::Enrolments => {
                let row: Enrolment = live::read(collection, row.value)?;
                self.unless_erased(key, &row.student_id, || live::feed_enrolment(&row))
            }
            Collection::Reviews => {
                let row: Review = live::read(collection, row.value)?;
                self.unless_erased(key, &row.student_id, || live::feed_review(&row))
            }
            Collection::Assignments => Some(live::feed_assignment(&live::read::<Assignment>(collection, row.value)?)),
            Collection::Models => Some(live::feed_policy(live::read::<Policy>(collection, row.value)?)),
            Collection::Readings => {
                let row: Answered = live::read(collection, row.value)?;
                if row.asked_for.is_some_and(|tag| self.erased.contains(&tag)) {
                    self.stale.push(key);
                    None
                } else {
                    self.know(&row);
                    self.leave(&row.question.photo);
                    if let (true, Outcome::Failed { attempts, .. }) = (row.may_pass, row.outcome) {
                        self.passing.push((row.question.clone(), attempts));
                    }
                    Some(Fed::Answer(row.question, Some(row.outcome)))
                }
            }
            Collection::FirstReadings => {
                let photo: PhotoKey = live::read(collection, row.value)?;
                Some(Fed::Read(photo, clock, epoch))
            }
            Collection::Rejected => Some(live::feed_refused(live::read::<Refused>(collection, row.value)?)),
            Collection::Attempts => {
                self.attempt(key, &row)?;
                None
            }
            Collection::LeftDemand => {
                self.left.insert(key.hash, clock);
                None
            }
            Collection::Origins => {
                let row: ReadFrom = live::read(collection, row.value)?;
                self.origins.extend(Topic::parse(&row.topic).map(|topic| (topic, row.origin)));
                None
            }
        };
        self.rows.extend(fed);
        if self.rows.len() >= HYDRATION_ROWS {
            self.flush()?;
        }
        Ok(())
    }

    fn unless_erased(&mut self, key: RowKey, student: &inkflow_schemas::Id, fed: impl FnOnce() -> Fed) -> Option<Fed> {
        if self.is_erased(student) {
            self.stale.push(key);
            return None;
        }
        Some(fed())
    }

    /// Says when the photo left demand, where it did.
    fn leave(&mut self, photo: &PhotoKey) {
        if self.left.is_empty() {
            return;
        }
        let hash = |collection, parts: &[&[u8]]| self.journal.hash(collection, parts);
        if let Some(clock) = self.left.remove(&live::left_demand_key(&hash, photo).hash) {
            self.rows.push(Fed::Left(photo.clone(), Some(clock)));
        }
    }

    fn know(&self, row: &Answered) {
        if let (Some(sha256), Outcome::Read(reading), None) = (row.sha256, row.outcome, &row.question.template) {
            if let Ok(mut known) = self.known.lock() {
                known.insert((sha256, row.question.model.clone()), reading);
            }
        }
    }

    fn attempt(&mut self, key: RowKey, row: &LiveRow<'_>) -> Result<(), Unreadable> {
        let hash = |collection, parts: &[&[u8]]| self.journal.hash(collection, parts);
        if key == live::running_key(&hash) {
            self.unclean = true;
        } else if key == live::scrub_key(&hash) {
            self.scrub_due = true;
        } else {
            self.attempted.push(live::read(Collection::Attempts, row.value)?);
        }
        Ok(())
    }
}
