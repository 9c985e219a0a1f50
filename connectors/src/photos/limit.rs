//! How many photos, and how many bytes of them, are in memory at once: whatever the backlog, no more than this.
//!
//! A permit is taken before the store is asked, in the order of asking (tokio's semaphores are fair), and returns when the
//! last clone of the photo's bytes is dropped: after decoding, not after fetching. A photo whose length nobody announced
//! takes the permit of the largest, and gives back what it did not need once it is there.

use super::{BoxFuture, FetchError, Photos, PHOTO_BYTES_MAX};
use bytes::Bytes;
use inkflow_schemas::Photo;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits for photos in flight, by count and by bytes. Clones share them.
#[derive(Clone, Debug)]
pub struct InFlight {
    photos: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    photos_max: usize,
    bytes_max: usize,
}

impl InFlight {
    /// At most `photos_max` photos of `bytes_max` bytes together. Less than one photo of [`PHOTO_BYTES_MAX`] is taken as
    /// one such photo: otherwise the largest could never be fetched.
    pub fn new(photos_max: usize, bytes_max: usize) -> InFlight {
        let photos_max = photos_max.clamp(1, Semaphore::MAX_PERMITS);
        let bytes_max = bytes_max.clamp(PHOTO_BYTES_MAX as usize, Semaphore::MAX_PERMITS);
        InFlight {
            photos: Arc::new(Semaphore::new(photos_max)),
            bytes: Arc::new(Semaphore::new(bytes_max)),
            photos_max,
            bytes_max,
        }
    }

    /// Photos and bytes in flight now.
    pub fn taken(&self) -> (usize, usize) {
        (self.photos_max - self.photos.available_permits(), self.bytes_max - self.bytes.available_permits())
    }
}

impl Default for InFlight {
    /// 256 photos, 512 MiB: at 50 ms a fetch, 256 are 5,000 photos a second; at 2 MB a photo they fit the bytes.
    fn default() -> InFlight {
        InFlight::new(256, 512 << 20)
    }
}

/// Holds fetches back until there is room.
#[derive(Clone, Debug)]
pub struct Limit<P> {
    inner: P,
    in_flight: InFlight,
}

impl<P: Photos> Limit<P> {
    /// Fetches from `inner` within the permits.
    pub fn new(inner: P, in_flight: InFlight) -> Limit<P> {
        Limit { inner, in_flight }
    }
}

/// Bytes that hold their permits.
struct Held {
    bytes: Bytes,
    _photo: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<P: Photos> Photos for Limit<P> {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let closed = |_| FetchError::unavailable("shutting down");
            // Always count before bytes: two orders could hold each other up.
            let count = self.in_flight.photos.clone().acquire_owned().await.map_err(closed)?;
            let expected = photo.bytes.unwrap_or(PHOTO_BYTES_MAX).min(PHOTO_BYTES_MAX) as u32;
            let mut room = self.in_flight.bytes.clone().acquire_many_owned(expected).await.map_err(closed)?;
            let bytes = self.inner.fetch(photo).await?;
            // A body longer than announced is refused by the check outside; its permit stays what was announced.
            if let Some(spare) = room.num_permits().checked_sub(bytes.len()) {
                drop(room.split(spare));
            }
            Ok(Bytes::from_owner(Held { bytes, _photo: count, _room: room }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::{photo, Script};
    use super::*;
    use std::future::Future;
    use std::task::{Context, Poll, Waker};

    fn poll_once<F: Future + ?Sized>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn permits_last_as_long_as_the_bytes() {
        let in_flight = InFlight::new(2, PHOTO_BYTES_MAX as usize);
        let photos = Limit::new(Script::of([Ok(Bytes::from_static(b"page")), Ok(Bytes::new())]), in_flight.clone());
        let page = photos.fetch(&photo("a")).await.unwrap();
        assert_eq!(in_flight.taken(), (1, 4));
        let part = page.slice(1..2);
        drop(page);
        assert_eq!(in_flight.taken(), (1, 4));
        drop(part);
        assert_eq!(in_flight.taken(), (0, 0));
    }

    #[tokio::test]
    async fn a_failure_or_a_dropped_fetch_returns_its_permits() {
        let in_flight = InFlight::new(2, 0);
        let photos = Limit::new(Script::of([Err(FetchError::passing("503"))]), in_flight.clone());
        photos.fetch(&photo("a")).await.unwrap_err();
        assert_eq!(in_flight.taken(), (0, 0));
        let photos = Limit::new(Script::never(), in_flight.clone());
        let asked = photo("a");
        let mut fetch = photos.fetch(&asked);
        assert!(poll_once(fetch.as_mut()).is_pending());
        assert_eq!(in_flight.taken(), (1, PHOTO_BYTES_MAX as usize));
        drop(fetch);
        assert_eq!(in_flight.taken(), (0, 0));
    }

    #[tokio::test]
    async fn a_small_photo_does_not_overtake_a_large_one() {
        let in_flight = InFlight::new(9, 0);
        let photos = Limit::new(Script::never(), in_flight.clone());
        let [half, large, small] =
            [PHOTO_BYTES_MAX / 2, PHOTO_BYTES_MAX, 1].map(|n| Photo { bytes: Some(n), ..photo("a") });
        let mut first = photos.fetch(&half);
        let mut second = photos.fetch(&large);
        let mut third = photos.fetch(&small);
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        assert!(poll_once(third.as_mut()).is_pending());
        assert_eq!(photos.inner.asked(), 1, "the small one waits its turn");
        drop(first);
        assert!(poll_once(second.as_mut()).is_pending());
        assert_eq!(photos.inner.asked(), 2);
        assert!(poll_once(third.as_mut()).is_pending());
        drop(second);
        assert!(poll_once(third.as_mut()).is_pending());
        assert_eq!(photos.inner.asked(), 3);
    }
}
