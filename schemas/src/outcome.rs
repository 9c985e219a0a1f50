//! The question that a photo poses, and what may come of it: a reading, or a fault.

use crate::record::PhotoKey;
use crate::scalar::{Bp, ModelName};
use serde::{Deserialize, Serialize};

/// What is asked of a reader: this photo, by this model, against this blank page. The key of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Question {
    /// The photo.
    pub photo: PhotoKey,
    /// The model that is to read it.
    pub model: ModelName,
    /// The blank page, for a model that reads templates.
    pub template: Option<PhotoKey>,
}

/// What a photo shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quality {
    /// A page that can be judged.
    Ok,
    /// Too blurred to judge.
    Blurred,
    /// Too dark to judge.
    Dark,
    /// A page of which a part is missing.
    Cropped,
    /// Something else.
    NotAPage,
}

impl Quality {
    /// All of them.
    pub const ALL: [Quality; 5] = [Quality::Ok, Quality::Blurred, Quality::Dark, Quality::Cropped, Quality::NotAPage];
    /// The name in records and views.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Ok => "ok",
            Quality::Blurred => "blurred",
            Quality::Dark => "dark",
            Quality::Cropped => "cropped",
            Quality::NotAPage => "not_a_page",
        }
    }
    /// The quality of that name.
    pub fn parse(name: &str) -> Option<Quality> {
        Quality::ALL.into_iter().find(|q| q.as_str() == name)
    }
}

/// A definite failure to read a photo. What may pass is retried before it becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fault {
    /// The store has no such photo.
    NotFound,
    /// The store refuses us.
    Forbidden,
    /// Over a limit of bytes or pixels.
    TooLarge,
    /// The bytes are no picture.
    NotAnImage,
    /// A picture that breaks off or contradicts itself.
    Corrupt,
    /// A picture of a kind that is not read here.
    Unsupported,
    /// The bytes are not those that the event announced.
    HashMismatch,
    /// The store did not answer in time, as often as it was tried.
    Timeout,
    /// The model failed on it.
    ModelError,
    /// Reading it ended the process, more than once.
    ReaderCrashed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 10] = [
        Fault::NotFound,
        Fault::Forbidden,
        Fault::TooLarge,
        Fault::NotAnImage,
        Fault::Corrupt,
        Fault::Unsupported,
        Fault::HashMismatch,
        Fault::Timeout,
        Fault::ModelError,
        Fault::ReaderCrashed,
    ];
    /// The name in records and views.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::NotFound => "not_found",
            Fault::Forbidden => "forbidden",
            Fault::TooLarge => "too_large",
            Fault::NotAnImage => "not_an_image",
            Fault::Corrupt => "corrupt",
            Fault::Unsupported => "unsupported",
            Fault::HashMismatch => "hash_mismatch",
            Fault::Timeout => "timeout",
            Fault::ModelError => "model_error",
            Fault::ReaderCrashed => "reader_crashed",
        }
    }
    /// The fault of that name.
    pub fn parse(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|f| f.as_str() == name)
    }
}

/// What a model says of a photo, as far as statistics need it: no area enters the dataflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reading {
    /// What the photo shows.
    pub quality: Quality,
    /// How complete the page is; there is one exactly when the quality is ok.
    pub completion: Option<Bp>,
    /// How sure the model is.
    pub confidence: Option<Bp>,
}

/// A photo has at most so many areas, and so many of a blank page are compared. They are kept with every reading.
pub const AREAS_MAX: usize = 256;

/// How an answer area stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AreaState {
    /// Something was written there.
    Answered,
    /// Nothing was.
    Blank,
    /// What was written is struck out, with nothing in its place.
    StruckOut,
    /// The model cannot tell.
    Unsure,
}

impl AreaState {
    /// All of them, in the order in which they are told.
    pub const ALL: [AreaState; 4] = [AreaState::Answered, AreaState::Blank, AreaState::StruckOut, AreaState::Unsure];

    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            AreaState::Answered => "answered",
            AreaState::Blank => "blank",
            AreaState::StruckOut => "struck_out",
            AreaState::Unsure => "unsure",
        }
    }
}

/// An answer area that a model found, kept beside the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// x, y, width, height in basis points of the photo when upright: of its width, its height, its width, its height.
    pub at: [Bp; 4],
    /// How it stands.
    pub state: AreaState,
    /// How much speaks for that; of an unsure one, for what it most likely is.
    pub probability: Bp,
}

/// What came of a question. A reading is final; a failure is replaced by a reading or a later failure only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The model's reading.
    Read(Reading),
    /// A definite failure.
    Failed {
        /// Why.
        fault: Fault,
        /// After how many attempts.
        attempts: u32,
    },
}
