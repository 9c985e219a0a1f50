//! Reading photos: the trait that a pool asks, and the reader that fetches, decodes and infers with ONNX Runtime.
//!
//! A reader answers a [`Question`]: this photo, by this model. [`PhotoReader`] does it for real; the recorded twin is in
//! `recorded.rs`. An answer is a function of (photo, model), and of the blank page for a model that reads templates; who
//! answers, and on which thread, shows in no number.

pub mod manifest;
pub mod model;
pub mod photo_reader;
pub mod pool;
pub mod runtime;

mod areas;
mod blank;
mod budget;
mod outputs;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiny;
mod worker;

pub use crate::photos::BoxFuture;
pub use inkflow_schemas::AREAS_MAX;
use inkflow_schemas::{Area, Fault, Photo, Question, Reading, TemplatePage};
pub use ort::session::Session;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use blank::Blank;
pub use manifest::{Manifest, ManifestError, MapsSpec, PLANES};
pub use model::{Model, ModelRefused, Models, Refusal};
pub use outputs::Numbers;
pub use photo_reader::{Known, PhotoReader};
pub use pool::{BatchSettings, Device, Figures, PageReader, ReaderSettings, StartError};
pub use runtime::{find_runtime, RuntimeError};

/// What a question is about, with what the records announced of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// The photo.
    pub photo: Photo,
    /// The blank page, where the question names one.
    pub blank: Option<Arc<TemplatePage>>,
}

/// Answers questions about photos.
pub trait Reader: Send + Sync {
    /// What `question.model` says of its photo, beside its blank page where it names one.
    fn read<'a>(&'a self, question: &'a Question, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answer, ReadError>>;
}

impl<R: Reader + ?Sized> Reader for Arc<R> {
    fn read<'a>(&'a self, question: &'a Question, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answer, ReadError>> {
        (**self).read(question, sheet)
    }
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The part that enters the dataflow.
    pub reading: Reading,
    /// Answer areas, kept beside the reading; empty for a model that gives none, and where the reading was known of other
    /// photos of the same bytes: it has them.
    pub areas: Vec<Area>,
    /// SHA-256 of the photo's bytes, where they were fetched. Another photo of the same bytes needs no inference.
    pub sha256: Option<[u8; 32]>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There will be none by asking again.
    #[error("the photo cannot be read: {}", .0.as_str())]
    Definite(Fault),
    /// It may pass, but did not while it was tried. It is recorded as `becomes`, until a later start asks again.
    #[error("the photo could not be read this time: {what}")]
    Passing {
        /// The fault that it is, when it did not pass as often as it was tried.
        becomes: Fault,
        /// How often it was.
        tries: u32,
        /// What happened, for logs: never a photo's address.
        what: String,
    },
    /// The photo's store is not there. It spends no try and fails no photo.
    #[error("the photo's store is away: {what}")]
    Away {
        /// What happened, for logs.
        what: String,
        /// After how long it is worth asking again.
        wait: std::time::Duration,
    },
    /// The pool is not there. It spends no try and fails no photo.
    #[error("the reader is unavailable: {what}")]
    Unavailable {
        /// What happened, for logs.
        what: String,
    },
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> ReadError {
        ReadError::Definite(fault)
    }
}
