//! What may pass is tried again, after pauses that grow and are spread by chance.
//!
//! Chance comes from a seed, and time from tokio, so that a simulation with paused time runs the same twice.

use super::{BoxFuture, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::Photo;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// How often, and after which pauses.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Times that the store is asked, the first included.
    pub tries: u32,
    /// The first pause lies between half of this and this; each later one may be twice as long.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Default for Backoff {
    /// Five tries, with pauses of up to 0.1, 0.2, 0.4 and 0.8 s: a store that sheds load for a second is ridden out
    /// here. What lasts longer goes back to the queue, which keeps the order between schools.
    fn default() -> Backoff {
        Backoff { tries: 5, first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The pause after `tried` tries, for a number drawn from all of `u64`. Half of it is fixed, so that a store under
    /// load has its rest; half is chance, so that those who were refused together do not come back together.
    fn pause(&self, tried: u32, drawn: u64) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(tried.saturating_sub(1)).unwrap_or(u32::MAX));
        let most = doubled.min(self.longest);
        most.mul_f64(0.5 + 0.5 * (drawn as f64 / u64::MAX as f64))
    }
}

/// Tries again what may pass.
#[derive(Debug)]
pub struct Retry<P> {
    inner: P,
    backoff: Backoff,
    drawn: AtomicU64,
    retried: Arc<AtomicU64>,
}

impl<P: Photos> Retry<P> {
    /// Asks `inner` again by the rule of `backoff`, with pauses drawn from `seed`.
    pub fn new(inner: P, backoff: Backoff, seed: u64) -> Retry<P> {
        Retry { inner, backoff, drawn: AtomicU64::new(seed), retried: Arc::default() }
    }

    /// Counts there how often it tried again.
    pub fn counting(self, retried: Arc<AtomicU64>) -> Retry<P> {
        Retry { retried, ..self }
    }

    /// SplitMix64: good enough to spread pauses, and one atomic addition.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.drawn.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl<P: Photos> Photos for Retry<P> {
    /// The last error stays what it is when the tries are spent: whether it counts as a failure is the queue's to say.
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let mut tried = 0;
            loop {
                let fetched = self.inner.fetch(photo).await;
                tried += 1;
                match fetched {
                    // A store that is not there is nobody's failed try: whoever lent the photo waits, holding nothing.
                    Err(FetchError::Unavailable { .. }) => return fetched,
                    Err(ref error) if error.may_pass() && tried < self.backoff.tries => {
                        self.retried.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(self.backoff.pause(tried, self.draw())).await;
                    }
                    done => return done,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::{photo, Script};
    use super::*;
    use inkflow_schemas::Fault;

    fn busy() -> Result<Bytes, FetchError> {
        Err(FetchError::passing("503"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_in_time_is_had() {
        let page = Bytes::from_static(b"page");
        let script = Script::of([busy(), busy(), busy(), busy(), Ok(page.clone())]);
        let photos = Retry::new(script, Backoff::default(), 7);
        assert_eq!(photos.fetch(&photo("a")).await, Ok(page));
    }

    #[tokio::test(start_paused = true)]
    async fn five_tries_and_pauses_within_bounds() {
        let photos = Retry::new(Script::of((0..9).map(|_| busy())), Backoff::default(), 7);
        let before = tokio::time::Instant::now();
        assert_eq!(photos.fetch(&photo("a")).await, busy());
        assert_eq!(photos.inner.asked(), 5);
        let took = before.elapsed().as_millis();
        assert!((750..=1505).contains(&took), "{took} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_definite_is_not_tried_again() {
        let definite = Err(FetchError::Definite(Fault::NotFound));
        let photos = Retry::new(Script::of([definite.clone(), busy()]), Backoff::default(), 7);
        assert_eq!(photos.fetch(&photo("a")).await, definite);
        assert_eq!(photos.inner.asked(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_not_there_spends_no_try() {
        let away = Err(FetchError::unavailable("gone"));
        let photos = Retry::new(Script::of([busy(), away.clone(), busy()]), Backoff::default(), 7);
        assert_eq!(photos.fetch(&photo("a")).await, away);
        assert_eq!((photos.inner.asked(), photos.retried.load(Ordering::Relaxed)), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_seed_gives_one_course() {
        let mut took = Vec::new();
        for _ in 0..2 {
            let photos = Retry::new(Script::of((0..9).map(|_| busy())), Backoff::default(), 42);
            let before = tokio::time::Instant::now();
            let _ = photos.fetch(&photo("a")).await;
            took.push(before.elapsed());
        }
        assert_eq!(took[0], took[1]);
    }

    #[test]
    fn pauses_grow_and_are_capped() {
        let backoff = Backoff::default();
        assert_eq!(backoff.pause(1, 0), Duration::from_millis(50));
        assert_eq!(backoff.pause(1, u64::MAX), Duration::from_millis(100));
        assert_eq!(backoff.pause(4, u64::MAX), Duration::from_millis(800));
        assert_eq!(backoff.pause(400, u64::MAX), Duration::from_secs(5));
    }
}
