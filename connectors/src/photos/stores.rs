//! Several stores as one: a photo's address says which, by its beginning.
//!
//! Each store has permits, tries, a time limit and a breaker of its own, so that one that is dead or slow holds back no
//! other's photos.

use super::breaker::{Breaker, Guarded, Requests, StoreState};
use super::{Backoff, BoxFuture, FetchError, InFlight, Limit, Photos, Retry, Timeout, Verify, FETCH_TIMEOUT};
use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// How a store is asked.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    /// Each time, the store has so long to give all of it.
    pub timeout: Duration,
    /// At most so many of its photos are in memory at once.
    pub photos_max: usize,
    /// And at most so many bytes of them.
    pub bytes_max: usize,
}

impl Default for StoreLimits {
    fn default() -> StoreLimits {
        StoreLimits { timeout: FETCH_TIMEOUT, photos_max: 256, bytes_max: 512 << 20 }
    }
}

/// One of several stores.
pub struct Store {
    name: String,
    prefixes: Vec<String>,
    photos: Box<dyn Photos>,
    breaker: Arc<Breaker>,
    retried: Arc<AtomicU64>,
}

/// How a store is, and what has come of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFigures {
    /// Its name in the flow.
    pub name: String,
    /// How its breaker stands.
    pub state: StoreState,
    /// What came of requests.
    pub requests: Requests,
    /// Requests that were tries after a first one.
    pub retried: u64,
}

impl Store {
    /// A store with its wrappers, in the order that their rules need, from the outside in: what is announced is checked
    /// against what came last of all; a photo waiting to be tried again holds no permit; the time waiting for a permit
    /// is not the store's; what takes too long is the breaker's to know. `seed` sets the jitter between tries.
    pub fn new(
        name: impl Into<String>,
        prefixes: Vec<String>,
        store: impl Photos + 'static,
        limits: StoreLimits,
        seed: u64,
    ) -> Store {
        let (breaker, retried) = (Arc::new(Breaker::default()), Arc::default());
        let in_flight = InFlight::new(limits.photos_max, limits.bytes_max);
        let guarded = Guarded::new(Timeout::new(store, limits.timeout), breaker.clone());
        let tried = Retry::new(Limit::new(guarded, in_flight), Backoff::default(), seed).counting(Arc::clone(&retried));
        Store { name: name.into(), prefixes, photos: Box::new(Verify::new(tried)), breaker, retried }
    }
}

/// Stores, told apart by how addresses begin: the longest beginning that fits says which. One of no bytes fits all.
pub struct Stores {
    stores: Vec<Store>,
}

impl Stores {
    /// These stores.
    pub fn new(stores: Vec<Store>) -> Stores {
        Stores { stores }
    }

    /// How each of them is.
    pub fn figures(&self) -> Vec<StoreFigures> {
        let figures = |store: &Store| StoreFigures {
            name: store.name.clone(),
            state: store.breaker.state(),
            requests: store.breaker.requests(),
            retried: store.retried.load(Ordering::Relaxed),
        };
        self.stores.iter().map(figures).collect()
    }
}

/// Which of several lists of beginnings holds the longest one of an address.
pub fn place<'a>(uri: &str, stores: impl Iterator<Item = &'a [String]>) -> Option<usize> {
    let fits = |prefixes: &[String]| prefixes.iter().filter(|prefix| uri.starts_with(*prefix)).map(String::len).max();
    let fitting = stores.enumerate().filter_map(|(index, prefixes)| Some((fits(prefixes)?, index)));
    // Of two that fit as well the first.
    fitting.max_by_key(|(length, index)| (*length, std::cmp::Reverse(*index))).map(|(_, index)| index)
}

impl Photos for Stores {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        let store = place(&photo.key.uri, self.stores.iter().map(|store| &store.prefixes[..]));
        match store.and_then(|index| self.stores.get(index)) {
            Some(store) => store.photos.fetch(photo),
            // What is not configured is not asked for, whoever sends it.
            None => Box::pin(async { Err(FetchError::Definite(Fault::Forbidden)) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::{photo, Script};
    use super::super::StoredPhotos;
    use super::*;

    fn prefixes(list: &[&str]) -> Vec<String> {
        list.iter().map(|prefix| (*prefix).to_owned()).collect()
    }

    #[test]
    fn the_longest_beginning_that_fits_says_which_store() {
        let stores = [
            prefixes(&["s3://photos/"]),
            prefixes(&["s3://photos/2026/", "s3://photos/new/"]),
            prefixes(&["https://", "http://"]),
        ];
        let at = |uri| place(uri, stores.iter().map(|prefixes| &prefixes[..]));
        assert_eq!(at("s3://photos/a"), Some(0));
        assert_eq!(at("s3://photos/2026/a"), Some(1));
        assert_eq!(at("s3://photos/2026"), Some(0));
        assert_eq!(at("http://h/a"), Some(2));
        assert_eq!([at("S3://photos/a"), at("a.jpg"), at("")], [None; 3]);
        let all = [prefixes(&[""]), prefixes(&[""])];
        assert_eq!(place("a.jpg", all.iter().map(|prefixes| &prefixes[..])), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_store_fails_no_photo_and_holds_back_no_other_store_s() {
        let alive = StoredPhotos::memory();
        alive.put("a.jpg", Bytes::from_static(b"page")).await.unwrap();
        let limits = StoreLimits { photos_max: 8, ..StoreLimits::default() };
        let stores = Arc::new(Stores::new(vec![
            Store::new("dead", prefixes(&["s3://dead/"]), Script::never(), limits, 1),
            Store::new("folder", prefixes(&[""]), alive, limits, 2),
        ]));
        let asked = |uri: String| {
            let stores = stores.clone();
            tokio::spawn(async move { stores.fetch(&photo(&uri)).await })
        };
        let dead: Vec<_> = (0..40).map(|n| asked(format!("s3://dead/{n}"))).collect();
        tokio::task::yield_now().await;
        let before = tokio::time::Instant::now();
        assert_eq!(asked("a.jpg".into()).await.unwrap(), Ok(Bytes::from_static(b"page")));
        assert!(before.elapsed() < Duration::from_millis(10), "while all of the other's permits are taken");
        for fetch in dead {
            let error = fetch.await.unwrap().unwrap_err();
            assert!(matches!(error, FetchError::Unavailable { .. }), "{error}");
        }
        let figures = stores.figures();
        assert_eq!((figures[0].state, figures[1].state), (StoreState::Open, StoreState::Closed));
        assert_eq!(figures[1].requests, Requests { fetched: 1, refused: 0, failed: 0 });
        assert!(figures[0].requests.failed <= 16, "{figures:?}");
    }

    #[tokio::test]
    async fn what_no_store_serves_is_forbidden() {
        let stores =
            Stores::new(vec![Store::new("s3", prefixes(&["s3://p/"]), Script::never(), StoreLimits::default(), 1)]);
        let refused = stores.fetch(&photo("http://169.254.169.254/latest")).await;
        assert_eq!(refused, Err(FetchError::Definite(Fault::Forbidden)));
    }
}
