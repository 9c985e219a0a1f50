//! What enters the dataflow and what leaves it besides views: the vocabulary between the journal and the flow.
//!
//! Everything here has been sealed in an epoch before it is fed, and is fed again, as live rows, after a restart.

use ecow::EcoString;
use inkflow_operators::pages::{Judged, PageOf, Upload};
use inkflow_operators::pairs::{Enrolled, Task};
use inkflow_operators::views::positions::{Freshness, Rejected};
use inkflow_operators::Epoch;
use inkflow_schemas::{Id, Millis, Outcome, PhotoKey, Policy, Question, Scope, TemplatePage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Something fed to the dataflow, in the epoch that admitted it.
#[derive(Clone, Debug, PartialEq)]
pub enum Fed {
    /// The epoch's clock; each epoch has one.
    Clock(Millis),
    /// A submission.
    Upload(Id, PageOf, Arc<Upload>),
    /// A review, or its deletion.
    Review(Id, PageOf, Option<Arc<Judged>>),
    /// An enrolment by (student, class), or its deletion.
    Enrolment(Id, Id, Option<Enrolled>),
    /// An assignment, or its deletion.
    Assignment(Id, Option<Arc<Task>>),
    /// A model policy, or its deletion.
    Policy(Scope, Option<Arc<Policy>>),
    /// A student was erased. The epoch holds no row of that student, nor does any later one.
    Erased(Id),
    /// A question was answered, or its answer deleted.
    Answer(Question, Option<Outcome>),
    /// A photo had a reading in the epoch of that number and clock.
    Read(PhotoKey, Millis, Epoch),
    /// When a photo was first read is forgotten.
    Unread(PhotoKey),
    /// A photo left demand in an epoch of about that clock; or it came back.
    Left(PhotoKey, Option<Millis>),
    /// All that was known of a photo was deleted.
    Expired(PhotoKey),
    /// A record was refused.
    Rejected(Rejected),
    /// A source is reflected up to there.
    Fresh(EcoString, u32, Freshness),
}

/// A live row of the journal that can never count again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Garbage {
    /// A submission: superseded, a copy, or of an erased student.
    Upload(Id, PageOf, Arc<Upload>),
    /// A review of an erased student.
    Review(Id, PageOf),
    /// An enrolment of an erased student.
    Enrolment(Id, Id),
    /// The row of a reading that was not its photo's first: the photo, the epoch that admitted it.
    Read(PhotoKey, Epoch),
}

/// What a reader must know of a question, besides the question; and how urgent it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Want {
    /// True where only a comparison waits for it.
    pub shadow: bool,
    /// The epoch that admitted the submission.
    pub admitted: Epoch,
    /// Of which school: pools are shared fairly between schools.
    pub school_id: Id,
    /// Whose: an erasure must find what was read for a student.
    pub student_id: Id,
    /// The photo's length in bytes, where the event gave it.
    pub bytes: Option<u64>,
    /// The photo's SHA-256, where the event gave it.
    pub sha256: Option<[u8; 32]>,
    /// The blank page, where the question has one.
    pub blank: Option<Arc<TemplatePage>>,
}
