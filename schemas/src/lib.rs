//! inkflow's records and views: what comes in, what goes out, and what a photo may turn into.
//!
//! Plain data and its validation. This crate knows nothing of dataflows, of files or of clocks, and everything else
//! depends on it. The order of the modules is the order of a record's way: scalars, records in, the question that a
//! photo poses and its outcome, view rows out.

pub mod event;
pub mod fault;
pub mod json_schema;
pub mod key;
pub mod outcome;
pub mod parse;
pub mod record;
pub mod scalar;
pub mod view;
mod wire;

pub use event::{parse_event, Event, Topic, VALUE_BYTES_MAX};
pub use fault::RecordFault;
pub use outcome::{Area, AreaState, Fault, Outcome, Quality, Question, Reading, AREAS_MAX};
pub use record::{
    Assignment, Canary, Enrolment, Erasure, Photo, PhotoKey, Policy, Review, ReviewStatus, Submission, TemplatePage,
};
pub use scalar::{Bp, Id, Millis, ModelName, Scope, DAY_MS};
pub use view::{Cell, Column, ColumnKind, Row, ViewSchema};
