//! A run: from a setup, wherever it came from, to a finished engine. The shell around [`crate::start`].

use crate::clock::Clock;
use crate::cluster::{self, ClusterError, Guests, Host, Listener, Membership, Terms, Watched};
use crate::config::{TimeZone, READINGS_FILE};
use crate::engine::{Engine, EngineError, EngineSettings};
use crate::homework::{homework, Settings};
use crate::inlets::Inlets;
use crate::letters::Letters;
use crate::places::{temporary_journal, JournalPlace, LettersTo, Records};
use crate::pool::{Pool, Takers};
use crate::presence::Presence;
use crate::progress::Progress;
use crate::start::{sealed_offsets, start, KnownBytes, Parts, Ready};
use crate::workers::Place;
use inkflow_connectors::journal::JournalError;
use inkflow_connectors::reader::{BoxFuture, Known, Reader};
use inkflow_connectors::recorded::RecordedReader;
use inkflow_connectors::sink::csv::export_all;
use inkflow_connectors::sink::memory::MemorySink;
use inkflow_connectors::sink::{Claim, EpochStamp, Sink, SinkError, ViewChanges};
use inkflow_schemas::{Millis, ModelName, Row, ViewSchema};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// The model that recorded readings are said to be of.
pub const RECORDED_MODEL: &str = "recorded@1";

/// So many days after its photo left demand a reading is deleted, where nothing else is said: longer than anybody takes to
/// undo a mistake in a roster.
pub const KEEP_READINGS_DAYS: u32 = 30;

/// Makes a reader that asks whether a photo's bytes were read before.
pub type MakeReader = Box<dyn FnOnce(Arc<Known>) -> Arc<dyn Reader> + Send>;

/// Who reads.
pub enum Readers {
    /// Recorded answers, in this file.
    Recorded(PathBuf),
    /// A reader of photos, the model that reads where no policy says otherwise, and how many photos at a time.
    Photos {
        /// The reader; made with who looks up what bytes are known.
        reader: MakeReader,
        /// The configured model.
        model: ModelName,
        /// The models that read templates.
        template_models: Arc<BTreeSet<ModelName>>,
        /// Photos in flight at most.
        in_flight_max: usize,
    },
    /// Only readers that join from other processes.
    Joined {
        /// The configured model.
        model: ModelName,
        /// The models that read templates.
        template_models: Arc<BTreeSet<ModelName>>,
    },
}

/// All that a run needs to be told.
pub struct Setup {
    /// Where records come from.
    pub records: Records,
    /// Who reads.
    pub readers: Readers,
    /// Where the journal lies; a temporary one without it.
    pub journal: Option<JournalPlace>,
    /// Databases and changelogs that get the views.
    pub sinks: Vec<Box<dyn Sink>>,
    /// Folders that get the views as CSV at the end.
    pub export: Vec<PathBuf>,
    /// Where refused records go.
    pub dead_letters: Option<LettersTo>,
    /// A fixed clock.
    pub now: Option<Millis>,
    /// So many days after its photo left demand a reading is deleted.
    pub keep_readings_days: u32,
    /// Where a day begins and ends.
    pub time_zone: TimeZone,
    /// How many timely workers this process has.
    pub workers: NonZeroUsize,
    /// This process's place among others, and where readers join; it is process 0.
    pub membership: Option<Membership>,
    /// Limits, and whether the run ends.
    pub settings: EngineSettings,
    /// Counts the rows that are hydrated, while they are.
    pub hydrated: Arc<AtomicU64>,
}

impl Setup {
    /// The homework flow over a folder, with the readings recorded in it; all else as it is without a word said.
    pub fn of_folder(folder: &Path) -> Setup {
        Setup {
            records: Records::Folder(folder.to_owned()),
            readers: Readers::Recorded(folder.join(READINGS_FILE)),
            journal: None,
            sinks: Vec::new(),
            export: Vec::new(),
            dead_letters: None,
            now: None,
            keep_readings_days: KEEP_READINGS_DAYS,
            time_zone: TimeZone::default(),
            workers: NonZeroUsize::MIN,
            membership: None,
            settings: EngineSettings::default(),
            hydrated: Arc::default(),
        }
    }
}

/// What ended a run, with what a person needs to know.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The engine stopped.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal cannot be opened.
    #[error("the journal at {path}: {error}")]
    Journal {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        error: JournalError,
    },
    /// The cluster did not gather, or a process of it is lost.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file cannot be used.
    #[error("{what} {path}: {error}")]
    File {
        /// What the file is for.
        what: &'static str,
        /// Which.
        path: String,
        /// Why not.
        error: String,
    },
    /// Something that is no file cannot be used.
    #[error("{what}: {error}")]
    Place {
        /// What it is for.
        what: &'static str,
        /// Why not.
        error: String,
    },
    /// The run was to go on to its end, and was stopped before. What it took is sealed; nothing was exported.
    #[error("stopped before the end: what was taken is in the journal, and nothing was exported")]
    CutOff,
    /// The run was stopped, all is sealed, and a sink could not be written in time.
    #[error("stopped, and {sink} could not be written in time: all is in the journal, and the next start makes the sink right")]
    Behind {
        /// Which sink.
        sink: String,
    },
}

impl RunError {
    /// That file cannot be used.
    pub fn file(what: &'static str, path: &Path, error: impl std::fmt::Display) -> RunError {
        RunError::File { what, path: path.display().to_string(), error: error.to_string() }
    }
}

/// A run that is ready to go, and what is to be done when it has ended.
pub struct Run {
    /// The engine and its ends.
    pub ready: Ready,
    until_end: bool,
    exported: Exported,
    export: Vec<PathBuf>,
    /// The other processes.
    guests: Option<Watched>,
    /// Says that this process has the journal.
    _presence: Presence,
    /// Removed when the run is over.
    _temporary: Option<tempfile::TempDir>,
}

/// Puts a run together: opens the journal, hydrates, starts sources, readers and sinks.
pub async fn prepare(setup: Setup) -> Result<Run, RunError> {
    let folder = setup.journal.as_ref().and_then(JournalPlace::folder);
    let presence = folder.map_or_else(Presence::default, Presence::announce);
    let (journal, temporary) = match &setup.journal {
        Some(place) => (place.open().await?, None),
        None => {
            let folder = tempfile::tempdir()
                .map_err(|error| RunError::file("a temporary journal in", &std::env::temp_dir(), error))?;
            (temporary_journal(folder.path()).await?, Some(folder))
        }
    };

    let [submissions, others] = setup.records.open()?;
    let notifications = setup.records.notifications();

    let mut sinks = setup.sinks;
    let exported = Exported::default();
    if !setup.export.is_empty() {
        sinks.push(Box::new(exported.clone()));
    }
    let letters = setup.dead_letters.as_ref().map(|to| to.open(&sealed_offsets(&journal))).transpose()?;
    let dead_letters = letters.map(Letters::new);

    let known = KnownBytes::default();
    let (pool, takers, model, template_models) = pool(setup.readers, &known)?;
    let gathered = match &setup.membership {
        None => (Place::alone(setup.workers), None),
        Some(membership) => {
            let terms = Terms {
                cluster: journal.id(),
                incarnation: journal.incarnation(),
                epoch: journal.last().map_or(0, |header| header.epoch),
                model: model.clone(),
                template_models: BTreeSet::clone(&template_models),
                time_zone: setup.time_zone.name().to_owned(),
                keep_readings_days: setup.keep_readings_days,
            };
            let (place, guests) = gather(membership, terms, takers, &known).await?;
            (place, Some(guests))
        }
    };
    let (place, guests) = gathered;
    let homework_settings = Settings {
        model,
        template_models,
        day_of: setup.time_zone.day_of(),
        keep_readings_days: setup.keep_readings_days,
    };
    let until_end = setup.settings.until_end;
    let clock = setup.now.map_or(Clock::Wall, Clock::Fixed);
    let parts = Parts {
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
        settings: setup.settings,
        hydrated: setup.hydrated,
    };
    let ready = start(parts, move |flow| homework(flow, homework_settings.clone())).await?;
    Ok(Run { ready, until_end, exported, export: setup.export, guests, _presence: presence, _temporary: temporary })
}

/// Listens for the other processes of the cluster and for readers, and waits for the former.
async fn gather(
    membership: &Membership,
    terms: Terms,
    takers: Takers,
    known: &KnownBytes,
) -> Result<(Place, Watched), RunError> {
    let listener = Listener::bind(membership).await?;
    let (joined, joining) = cluster::readers();
    let host = Host::new(membership, terms, Some(joined));
    tokio::spawn(listener.take(host.clone(), membership.clone()));
    tokio::spawn(crate::remote::serve(joining, takers, known.clone()));
    let (place, guests) = Guests::gather(&host, membership).await?;
    // From now on, as hydration takes its time and silence is taken for loss.
    Ok((place, guests.watch()))
}

type Reading = (Pool, Takers, ModelName, Arc<BTreeSet<ModelName>>);

fn pool(readers: Readers, known: &KnownBytes) -> Result<Reading, RunError> {
    match readers {
        Readers::Photos { reader, model, template_models, in_flight_max } => {
            let known = known.clone();
            let look_up = move |sha256: [u8; 32], model: ModelName| -> BoxFuture<'static, Option<_>> {
                let reading = known.lock().ok().and_then(|known| known.get(&(sha256, model)).copied());
                Box::pin(std::future::ready(reading))
            };
            let (pool, takers) = Pool::photos(reader(Arc::new(look_up)), in_flight_max);
            Ok((pool, takers, model, template_models))
        }
        Readers::Joined { model, template_models } => {
            let (pool, takers) = Pool::new(1, false);
            Ok((pool, takers, model, template_models))
        }
        Readers::Recorded(path) => {
            let reader =
                RecordedReader::load(&path).map_err(|error| RunError::file("recorded readings in", &path, error))?;
            let (pool, takers) =
                Pool::recorded(reader).map_err(|error| RunError::file("recorded readings in", &path, error))?;
            let model = ModelName::new(RECORDED_MODEL).expect("the name of recorded readings is a model's");
            Ok((pool, takers, model, Arc::default()))
        }
    }
}

/// Runs to the end, or until another process of the cluster is lost.
async fn run_watched(engine: Engine, inlets: Inlets, mut watched: Watched) -> Result<Progress, RunError> {
    let mut running = Box::pin(engine.run(inlets));
    let progress = tokio::select! {
        biased;
        progress = &mut running => progress?,
        lost = watched.lost() => {
            // Its end would wait for workers that wait for who is lost. The process ends now.
            std::mem::forget(running);
            return Err(lost.into());
        }
    };
    watched.say_goodbye().await;
    Ok(progress)
}

impl Run {
    /// Runs to the end, then exports.
    pub async fn run(self) -> Result<Progress, RunError> {
        let Ready { engine, inlets, stop, .. } = self.ready;
        let progress = match self.guests {
            None => engine.run(inlets).await?,
            Some(guests) => run_watched(engine, inlets, guests).await?,
        };
        if self.until_end && *stop.borrow() {
            // Half an export would look like a whole one.
            return Err(RunError::CutOff);
        }
        if let Some(sink) = progress.sinks.iter().find(|sink| sink.applied != Some(progress.epoch)) {
            return Err(RunError::Behind { sink: sink.name.to_string() });
        }
        for dir in &self.export {
            self.exported
                .with(|sink| export_all(dir, sink))
                .map_err(|error| RunError::file("the export to", dir, error))?;
        }
        Ok(progress)
    }
}

/// The views in memory, shared with whoever exports them.
#[derive(Clone, Default)]
pub struct Exported(Arc<Mutex<MemorySink>>);

impl Exported {
    fn with<T>(&self, f: impl FnOnce(&mut MemorySink) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Exported {
    fn name(&self) -> &str {
        "export"
    }
    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        self.with(|sink| sink.open(views, claim))
    }
    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        self.with(|sink| sink.read(view, f))
    }
    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        self.with(|sink| sink.apply(stamp, changes))
    }
}
