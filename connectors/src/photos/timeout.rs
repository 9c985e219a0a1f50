//! A store that does not answer is given up after a while, and may be asked again.

use super::{BoxFuture, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::Photo;
use std::time::Duration;

/// A fetch may take this long: 10 s. A photo of 20 MiB takes 5 s over 32 Mbit/s, and a store that has not answered
/// after ten seconds is better asked anew.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Gives up after a while.
#[derive(Clone, Debug)]
pub struct Timeout<P> {
    inner: P,
    after: Duration,
}

impl<P: Photos> Timeout<P> {
    /// Gives `inner` so much time for each photo.
    pub fn new(inner: P, after: Duration) -> Timeout<P> {
        Timeout { inner, after }
    }
}

impl<P: Photos> Photos for Timeout<P> {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            match tokio::time::timeout(self.after, self.inner.fetch(photo)).await {
                Ok(fetched) => fetched,
                Err(_) => Err(FetchError::passing(format_args!("no answer within {:?}", self.after))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::{photo, Script};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_never_answers_is_given_up() {
        let before = tokio::time::Instant::now();
        let photos = Timeout::new(Script::never(), FETCH_TIMEOUT);
        assert!(photos.fetch(&photo("a")).await.unwrap_err().may_pass());
        assert_eq!(before.elapsed(), FETCH_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_passed_on() {
        let photos = Timeout::new(Script::of([Ok(Bytes::from_static(b"page"))]), FETCH_TIMEOUT);
        assert_eq!(photos.fetch(&photo("a")).await, Ok(Bytes::from_static(b"page")));
    }
}
