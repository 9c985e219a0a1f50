//! A store that does not answer is left alone for a while: the circuit breaker.
//!
//! While it is open no photo is asked for, none has failed, and no try is spent: the fetch is `Unavailable` at once, with
//! how long to wait. Then a few photos go ahead; one answer, be it that there is no such photo, closes the breaker, and
//! another failure opens it for twice as long.
//!
//! What opens it is silence: no answer at all between failures that are the store's own. A store that answers others
//! and fails every third request is no dead store, and tries ride that out. So a photo that fails by itself, again and
//! again, opens no breaker while others are had.

use super::{BoxFuture, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::Photo;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many failures of the store in a row open it: as many as a photo has tries, so that a dead store fails none.
const FAILURES: u32 = 5;
/// And so long without an answer. The tries of one photo take longer than this, pauses and all; a store under load that
/// answers every third request does not.
const SILENCE: Duration = Duration::from_millis(500);
/// It is left alone for so long at first, then for twice as long each time.
const OPEN_MIN: Duration = Duration::from_secs(1);
/// And never for longer than this, so that a store that is back is seen soon.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// So many photos go ahead to see whether it is back. More than one, as the one may be a photo that fails by itself.
const PROBES: u32 = 3;
/// A store that names a time to be left alone for is believed up to this.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// A photo that finds all probes under way comes again after this.
const PROBING_WAIT: Duration = Duration::from_millis(250);

/// How a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreState {
    /// It answers.
    Closed,
    /// A few photos go ahead to see whether it is back.
    Probing,
    /// It is left alone.
    Open,
}

/// What has come of a store's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Photos that came.
    pub fetched: u64,
    /// Photos that are not to be had, by the store's own word.
    pub refused: u64,
    /// Requests that failed for what may pass.
    pub failed: u64,
}

enum State {
    /// Failures since the last answer, and when that was.
    Closed { failures: u32, answered: Instant },
    /// Until when, and how long it was opened for.
    Open { until: Instant, wait: Duration },
    /// How many are under way, and how long it had been open for.
    Probing { under_way: u32, wait: Duration },
}

/// One store's breaker; shared with who shows how it is.
pub struct Breaker {
    state: Mutex<State>,
    fetched: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker {
            state: Mutex::new(State::Closed { failures: 0, answered: Instant::now() }),
            fetched: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }
}

impl Breaker {
    /// How the store is.
    pub fn state(&self) -> StoreState {
        match &*self.lock() {
            State::Closed { .. } => StoreState::Closed,
            State::Probing { .. } => StoreState::Probing,
            State::Open { .. } => StoreState::Open,
        }
    }

    /// What has come of its requests.
    pub fn requests(&self) -> Requests {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Requests { fetched: read(&self.fetched), refused: read(&self.refused), failed: read(&self.failed) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one assignment: a panic leaves none half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may go now. The pass says how it ended, or gives its place back when it is dropped.
    fn enter(&self) -> Result<Pass<'_>, FetchError> {
        let mut state = self.lock();
        let now = Instant::now();
        match &mut *state {
            State::Closed { .. } => {}
            State::Open { until, .. } if now < *until => return Err(away(*until - now)),
            State::Open { wait, .. } => *state = State::Probing { under_way: 1, wait: *wait },
            State::Probing { under_way, .. } if *under_way < PROBES => *under_way += 1,
            State::Probing { .. } => return Err(away(PROBING_WAIT)),
        }
        Ok(Pass { breaker: self, ended: false })
    }

    /// The store has answered.
    fn answered(&self) {
        let mut state = self.lock();
        if !matches!(*state, State::Closed { .. }) {
            tracing::info!("the photo store answers again");
        }
        *state = State::Closed { failures: 0, answered: Instant::now() };
    }

    /// It has not. Gives how long it is left alone, where it is.
    fn silent(&self) -> Option<Duration> {
        let mut state = self.lock();
        let now = Instant::now();
        let wait = match &mut *state {
            State::Closed { failures, answered } => {
                *failures += 1;
                if *failures < FAILURES || now - *answered < SILENCE {
                    return None;
                }
                OPEN_MIN
            }
            State::Probing { wait, .. } => (*wait * 2).min(OPEN_MAX),
            // One that was under way when it was opened.
            State::Open { until, .. } => return Some(until.saturating_duration_since(now)),
        };
        *state = State::Open { until: now + wait, wait };
        Some(wait)
    }

    /// It asks to be left alone.
    fn busy(&self, after: Duration) -> Duration {
        let after = after.min(BUSY_MAX);
        let until = Instant::now() + after;
        let mut state = self.lock();
        match &mut *state {
            State::Open { until: before, .. } => *before = until.max(*before),
            State::Probing { wait, .. } => *state = State::Open { until, wait: *wait },
            State::Closed { .. } => *state = State::Open { until, wait: OPEN_MIN / 2 },
        }
        after
    }
}

fn away(wait: Duration) -> FetchError {
    FetchError::Unavailable { what: "its breaker is open".to_owned(), wait }
}

/// A request under way.
struct Pass<'a> {
    breaker: &'a Breaker,
    ended: bool,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Nothing is known of the store: the place of a probe is free again.
        if let State::Probing { under_way, .. } = &mut *self.breaker.lock() {
            *under_way = under_way.saturating_sub(1);
        }
    }
}

impl Pass<'_> {
    fn end(mut self, fetched: Result<Bytes, FetchError>) -> Result<Bytes, FetchError> {
        let breaker = self.breaker;
        let count = |count: &AtomicU64| {
            count.fetch_add(1, Ordering::Relaxed);
        };
        match &fetched {
            Ok(_) => count(&breaker.fetched),
            Err(FetchError::Definite(_)) => count(&breaker.refused),
            Err(_) => count(&breaker.failed),
        }
        // It says nothing of the store; its pass goes as it came.
        if matches!(fetched, Err(FetchError::Broken { .. })) {
            return fetched;
        }
        self.ended = true;
        match fetched {
            Ok(_) | Err(FetchError::Definite(_)) => {
                breaker.answered();
                fetched
            }
            Err(FetchError::Busy { what, after }) => {
                let wait = breaker.busy(after);
                Err(FetchError::Unavailable { what, wait })
            }
            Err(FetchError::Unavailable { what, wait }) => {
                let wait = breaker.busy(wait);
                Err(FetchError::Unavailable { what, wait })
            }
            Err(FetchError::Passing { what }) => match breaker.silent() {
                None => Err(FetchError::Passing { what }),
                Some(wait) => {
                    tracing::warn!(
                        what,
                        wait_ms = wait.as_millis(),
                        "a photo store does not answer, and is left alone"
                    );
                    Err(FetchError::Unavailable { what, wait })
                }
            },
            Err(FetchError::Broken { what }) => Err(FetchError::Broken { what }),
        }
    }
}

/// Asks a store through its breaker.
pub struct Guarded<P> {
    inner: P,
    breaker: Arc<Breaker>,
}

impl<P: Photos> Guarded<P> {
    /// Guards `inner` by that breaker.
    pub fn new(inner: P, breaker: Arc<Breaker>) -> Guarded<P> {
        Guarded { inner, breaker }
    }
}

impl<P: Photos> Photos for Guarded<P> {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let pass = self.breaker.enter()?;
            let fetched = self.inner.fetch(photo).await;
            pass.end(fetched)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::{photo, Script};
    use super::*;
    use inkflow_schemas::Fault;

    type Answer = Result<Bytes, FetchError>;

    fn page() -> Answer {
        Ok(Bytes::from_static(b"page"))
    }
    fn silence() -> Answer {
        Err(FetchError::passing("no answer"))
    }
    fn guarded(answers: impl IntoIterator<Item = Answer>) -> Guarded<Script> {
        Guarded::new(Script::of(answers), Arc::default())
    }
    async fn later(wait: Duration) {
        tokio::time::advance(wait).await;
    }
    fn is_away(answer: &Answer) -> bool {
        matches!(answer, Err(FetchError::Unavailable { .. }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_store_is_left_alone_and_the_failure_that_opens_fails_no_photo() {
        let store = guarded((0..4).map(|_| silence()).chain([silence(), page()]));
        later(SILENCE).await;
        for _ in 0..4 {
            assert_eq!(store.fetch(&photo("a")).await, silence());
        }
        assert!(is_away(&store.fetch(&photo("a")).await), "the fifth");
        for _ in 0..100 {
            assert!(is_away(&store.fetch(&photo("a")).await));
        }
        assert_eq!((store.inner.asked(), store.breaker.state()), (5, StoreState::Open));
        later(OPEN_MIN).await;
        assert_eq!(store.fetch(&photo("a")).await, page());
        assert_eq!(store.breaker.state(), StoreState::Closed);
        assert_eq!(store.breaker.requests(), Requests { fetched: 1, refused: 0, failed: 5 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_fails_doubles_the_wait_up_to_its_limit() {
        let store = guarded((0..99).map(|_| silence()));
        later(SILENCE).await;
        for _ in 0..FAILURES {
            let _ = store.fetch(&photo("a")).await;
        }
        let mut waits = Vec::new();
        for _ in 0..7 {
            let Err(FetchError::Unavailable { wait, .. }) = store.fetch(&photo("a")).await else {
                panic!("it is open")
            };
            waits.push(wait.as_secs());
            later(wait).await;
            assert!(is_away(&store.fetch(&photo("a")).await), "a probe, which failed");
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_answers_every_third_request_is_not_dead() {
        let answers = (0..300).map(|n| if n % 3 == 0 { page() } else { silence() });
        let store = guarded(answers);
        for _ in 0..300 {
            assert!(!is_away(&store.fetch(&photo("a")).await));
            later(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_there_is_no_such_photo_is_an_answer() {
        let gone = || Err(FetchError::Definite(Fault::NotFound));
        let store = guarded((0..50).map(|n| if n % 5 == 4 { gone() } else { silence() }));
        for _ in 0..50 {
            later(SILENCE / 4).await;
            assert!(!is_away(&store.fetch(&photo("a")).await));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_photo_that_breaks_by_itself_opens_nothing() {
        let broken = || Err(FetchError::Broken { what: "500".to_owned() });
        let store = guarded((0..50).map(|_| broken()));
        for _ in 0..50 {
            later(SILENCE).await;
            assert_eq!(store.fetch(&photo("a")).await, broken());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_asks_to_be_left_alone_is_for_that_long() {
        let busy = Err(FetchError::Busy { what: "429".to_owned(), after: Duration::from_secs(7) });
        let store = guarded([busy, page()]);
        assert!(is_away(&store.fetch(&photo("a")).await));
        later(Duration::from_millis(6_900)).await;
        assert!(is_away(&store.fetch(&photo("a")).await));
        assert_eq!(store.inner.asked(), 1);
        later(Duration::from_millis(100)).await;
        assert_eq!(store.fetch(&photo("a")).await, page());
    }

    #[tokio::test(start_paused = true)]
    async fn few_go_ahead_and_one_that_is_given_up_gives_its_place_back() {
        let store = guarded((0..FAILURES).map(|_| silence()));
        later(SILENCE).await;
        for _ in 0..FAILURES {
            let _ = store.fetch(&photo("a")).await;
        }
        later(OPEN_MIN).await;
        let asked = photo("a");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut probes: Vec<_> = (0..PROBES).map(|_| store.fetch(&asked)).collect();
        probes.iter_mut().for_each(|probe| assert!(probe.as_mut().poll(&mut context).is_pending()));
        assert_eq!(store.breaker.state(), StoreState::Probing);
        assert!(is_away(&store.fetch(&asked).await));
        probes.pop();
        let mut another = store.fetch(&asked);
        assert!(another.as_mut().poll(&mut context).is_pending());
        assert_eq!(store.inner.asked(), (FAILURES + PROBES + 1) as usize);
    }
}
