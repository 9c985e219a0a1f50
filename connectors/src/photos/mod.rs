//! Fetching photos: from folders, buckets and web servers, or from memory in tests, behind one trait.
//!
//! [`Photos`] is the trait; [`store`] implements it over an object store. Everything else is a small wrapper of the same
//! trait, one file each, so that each rule is tested alone: [`retry`], [`timeout`], [`limit`], [`breaker`], [`verify`].
//! [`stores`] puts them together, for each store, in the order that their rules need.

pub mod breaker;
pub mod limit;
pub mod network;
pub mod retry;
#[cfg(feature = "web")]
pub mod s3;
pub mod store;
pub mod stores;
pub mod timeout;
pub mod verify;
#[cfg(feature = "web")]
pub mod web;

#[cfg(test)]
pub(crate) mod store_tests_support;

use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use breaker::{Requests, StoreState};
pub use limit::{InFlight, Limit};
pub use network::Network;
pub use retry::{Backoff, Retry};
pub use store::StoredPhotos;
pub use stores::{Store, StoreFigures, StoreLimits, Stores};
pub use timeout::{Timeout, FETCH_TIMEOUT};
pub use verify::{Verify, PHOTO_BYTES_MAX};

/// A future that can be sent, boxed, so that traits with asynchronous methods can be used as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place where photos lie.
pub trait Photos: Send + Sync {
    /// The whole photo, at most [`PHOTO_BYTES_MAX`] bytes. Dropping the future ends the request.
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>>;
}

impl<P: Photos + ?Sized> Photos for std::sync::Arc<P> {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        (**self).fetch(photo)
    }
}

/// Why a photo could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// It will not be had by asking again.
    #[error("the photo cannot be fetched: {}", .0.as_str())]
    Definite(Fault),
    /// The store did not answer, or not to the point: it may pass.
    #[error("the photo could not be fetched this time: {what}")]
    Passing {
        /// What happened, for logs: never a photo's address.
        what: String,
    },
    /// The store answered, and the photo did not come whole: it may pass, and says nothing of the store.
    #[error("the photo did not come whole this time: {what}")]
    Broken {
        /// What happened, for logs.
        what: String,
    },
    /// The store asks to be left alone for a while.
    #[error("the photo store is busy: {what}")]
    Busy {
        /// What it said, for logs.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// The store itself is not there. This says nothing of the photo, spends no try, and fails none.
    #[error("the photo store is unavailable: {what}")]
    Unavailable {
        /// What happened, for logs.
        what: String,
        /// After how long it is worth asking again.
        wait: Duration,
    },
}

/// A store that is not there, and does not say for how long, is asked again after this: long enough to be no load on it,
/// short enough that nobody sees it when it is back.
pub const UNAVAILABLE_WAIT: Duration = Duration::from_secs(1);

impl FetchError {
    /// True where asking again may help.
    pub fn may_pass(&self) -> bool {
        !matches!(self, FetchError::Definite(_))
    }
    pub(crate) fn passing(what: impl std::fmt::Display) -> FetchError {
        FetchError::Passing { what: what.to_string() }
    }
    pub(crate) fn unavailable(what: &str) -> FetchError {
        FetchError::Unavailable { what: what.to_owned(), wait: UNAVAILABLE_WAIT }
    }
}
