//! Vital signs: whether the run is alive and ready, and if not, what it waits for.

use crate::progress::Progress;
use inkflow_connectors::photos::{StoreFigures, StoreState, Stores};
use inkflow_connectors::reader::{Figures, PageReader};
use inkflow_operators::Epoch;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The engine's loop hands back after each step: an epoch of 100,000 rows takes some 0.2 s of it. After so long in one
/// step it is stuck, and only a restart helps.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The vital signs of a run; shared by the run, the server and the terminal.
pub struct Vitals {
    started: Instant,
    /// Rows read so far while hydrating.
    pub hydrated: Arc<AtomicU64>,
    /// Milliseconds after `started` at which the present step began, plus 1; 0 between steps.
    step_began: AtomicU64,
    running: OnceLock<Running>,
    pages: OnceLock<Arc<PageReader>>,
    photos: OnceLock<Arc<Stores>>,
    /// Of a process that serves the one with the journal: whether its cluster runs.
    serving: OnceLock<watch::Receiver<bool>>,
}

struct Running {
    progress: watch::Receiver<Progress>,
    /// The epoch that was hydrated.
    hydrated: Epoch,
}

/// How a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// All is up to date that was there at the start.
    Ready,
    /// Not yet ready, and this is what it waits for.
    NotYet(String),
    /// The loop is stuck in one step.
    Stuck(String),
}

impl Default for Vitals {
    fn default() -> Self {
        Vitals {
            started: Instant::now(),
            hydrated: Arc::default(),
            step_began: AtomicU64::new(0),
            running: OnceLock::new(),
            pages: OnceLock::new(),
            photos: OnceLock::new(),
            serving: OnceLock::new(),
        }
    }
}

impl Vitals {
    /// The run is prepared, and this is how it goes. Its first value tells the epoch that was hydrated.
    pub fn running(&self, progress: watch::Receiver<Progress>) {
        let hydrated = progress.borrow().epoch;
        // A run is prepared once.
        let _ = self.running.set(Running { progress, hydrated });
    }

    /// This process serves another, from when the value turns true.
    pub fn serving(&self, gathered: watch::Receiver<bool>) {
        // A process serves one cluster.
        let _ = self.serving.set(gathered);
    }

    /// These threads read its photos.
    pub fn reading(&self, pages: Arc<PageReader>) {
        // A run has one reader.
        let _ = self.pages.set(pages);
    }

    /// These are the places of its photos.
    pub fn fetching(&self, photos: Arc<Stores>) {
        // A run has one set of them.
        let _ = self.photos.set(photos);
    }

    /// How the places of its photos are.
    pub fn stores(&self) -> Vec<StoreFigures> {
        self.photos.get().map(|photos| photos.figures()).unwrap_or_default()
    }

    /// What its reader has done and is doing, where models read.
    pub fn figures(&self) -> Option<Figures> {
        self.pages.get().map(|pages| pages.figures())
    }

    /// Does a run's work, and keeps an eye on it: a step is one poll of it, and no step should take long.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            self.step_began.store(self.millis() + 1, Ordering::Relaxed);
            let step = work.as_mut().poll(context);
            self.step_began.store(0, Ordering::Relaxed);
            step
        })
        .await
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// How the engine goes, once there is one.
    pub fn progress(&self) -> Option<Progress> {
        self.running.get().map(|running| running.progress.borrow().clone())
    }

    /// What holds back a run that is ready, where something does.
    pub fn held_back(&self) -> Option<String> {
        let running = self.running.get()?;
        let progress = running.progress.borrow();
        let journal = progress.waiting.as_ref().map(|why| format!("the journal is waited for: {why}"));
        let source = || progress.sources.iter().find_map(|source| Some((source.name, source.waiting.as_ref()?)));
        let source = || source().map(|(name, why)| format!("the source of {name} is waited for: {why}"));
        let journal = journal.or_else(source);
        let sink = || progress.sinks.iter().find_map(|sink| Some((&sink.name, sink.waiting.as_ref()?)));
        let away = || self.stores().into_iter().find(|store| store.state != StoreState::Closed);
        journal
            .or_else(|| sink().map(|(name, why)| format!("the sink {name} is waited for: {why}")))
            .or_else(|| away().map(|store| format!("the photos of {} are waited for: it does not answer", store.name)))
    }

    /// How the run is.
    pub fn health(&self) -> Health {
        if let Some(began) = self.step_began.load(Ordering::Relaxed).checked_sub(1) {
            let took = Duration::from_millis(self.millis().saturating_sub(began));
            if took > STUCK_AFTER {
                return Health::Stuck(format!("the engine has been in one step for {} s", took.as_secs()));
            }
        }
        if let Some(longest) = self.figures().map(|figures| figures.longest).filter(|longest| *longest > STUCK_AFTER) {
            return Health::Stuck(format!("a reader thread has been at one batch for {} s", longest.as_secs()));
        }
        if let Some(gathered) = self.serving.get() {
            return match *gathered.borrow() {
                true => Health::Ready,
                false => Health::NotYet("gathering: the cluster's other processes are waited for".to_owned()),
            };
        }
        let Some(running) = self.running.get() else {
            let rows = self.hydrated.load(Ordering::Relaxed);
            return Health::NotYet(format!("hydrating: {rows} rows read from the journal"));
        };
        match waits_for(&running.progress.borrow(), running.hydrated) {
            Some(what) => Health::NotYet(what),
            None => Health::Ready,
        }
    }
}

/// What a run waits for that is not ready: its first own epoch to be worked off, then its sinks to be reconciled.
fn waits_for(progress: &Progress, hydrated: Epoch) -> Option<String> {
    if progress.epoch <= hydrated {
        return Some("sealing the first epoch".to_owned());
    }
    if progress.delivered <= hydrated {
        return Some(format!("the dataflow is working off {} hydrated rows", progress.hydrated));
    }
    let sink = progress.sinks.iter().find(|sink| sink.applied.is_none())?;
    Some(match &sink.waiting {
        Some(why) => format!("the sink {} is waited for: {why}", sink.name),
        None => format!("the sink {} is being reconciled", sink.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::SinkProgress;

    fn health(epoch: Epoch, delivered: Epoch, applied: Option<u64>, waiting: Option<&str>) -> Health {
        let sink = SinkProgress { name: "sqlite".into(), applied, waiting: waiting.map(str::to_owned) };
        let vitals = Vitals::default();
        let (to, from) = watch::channel(Progress { epoch: 7, ..Progress::default() });
        vitals.running(from);
        to.send_replace(Progress { epoch, delivered, sinks: vec![sink], ..Progress::default() });
        vitals.health()
    }

    #[test]
    fn what_is_waited_for_is_named() {
        let not_yet = |what: &str| Health::NotYet(what.to_owned());
        assert_eq!(Vitals::default().health(), not_yet("hydrating: 0 rows read from the journal"));
        assert_eq!(health(7, 0, None, None), not_yet("sealing the first epoch"));
        assert_eq!(health(8, 7, None, None), not_yet("the dataflow is working off 0 hydrated rows"));
        assert_eq!(health(8, 8, None, None), not_yet("the sink sqlite is being reconciled"));
        assert_eq!(health(8, 8, None, Some("locked")), not_yet("the sink sqlite is waited for: locked"));
        assert_eq!(health(9, 8, Some(8), None), Health::Ready);
    }

    #[test]
    fn ready_is_not_lost_when_a_sink_goes_away_later() {
        assert_eq!(health(20, 20, Some(8), Some("locked")), Health::Ready, "a lag is a metric, not an unready process");
    }

    #[test]
    fn a_step_that_takes_too_long_is_stuck() {
        let mut vitals = Vitals::default();
        *vitals.step_began.get_mut() = 1;
        assert!(!matches!(vitals.health(), Health::Stuck(_)));
        vitals.started -= STUCK_AFTER + Duration::from_secs(1);
        assert!(matches!(vitals.health(), Health::Stuck(_)), "{:?}", vitals.health());
    }
}
