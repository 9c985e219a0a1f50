//! Fetching photos: from a folder, or from memory in tests, behind one trait.
//!
//! [`Photos`] is the trait; [`store`] implements it over an object store. Everything else is a small wrapper of the same
//! trait, one file each, so that each rule is tested alone: [`retry`], [`timeout`], [`limit`], [`verify`]. [`standard`]
//! puts them together in the order that their rules need.

pub mod limit;
pub mod retry;
pub mod store;
pub mod timeout;
pub mod verify;

#[cfg(test)]
pub(crate) mod store_tests_support;

use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use std::future::Future;
use std::pin::Pin;

pub use limit::{InFlight, Limit};
pub use retry::{Backoff, Retry};
pub use store::StoredPhotos;
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
    /// It may pass: too many requests, a timeout, a connection that broke.
    #[error("the photo could not be fetched this time: {what}")]
    Passing {
        /// What happened, for logs: never a photo's address.
        what: String,
    },
    /// The store itself is not there. This says nothing of the photo, and fails none.
    #[error("the photo store is unavailable: {what}")]
    Unavailable {
        /// What happened, for logs.
        what: String,
    },
}

impl FetchError {
    /// True where asking again may help.
    pub fn may_pass(&self) -> bool {
        !matches!(self, FetchError::Definite(_))
    }
    pub(crate) fn passing(what: impl std::fmt::Display) -> FetchError {
        FetchError::Passing { what: what.to_string() }
    }
}

/// The wrappers in the order that their rules need, from the outside in: what is announced is checked against what came
/// last of all; a photo waiting to be tried again holds no permit; the time waiting for a permit is not the store's.
pub fn standard<P: Photos>(store: P, in_flight: InFlight, seed: u64) -> impl Photos {
    Verify::new(Retry::new(Limit::new(Timeout::new(store, FETCH_TIMEOUT), in_flight), Backoff::default(), seed))
}
