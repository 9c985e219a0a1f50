//! The sources' contract: the library's own file, with what it finds beside it there.

pub use inkflow_connectors::source::{Offsets, PollState, RawRecord, Source, SourceError};
pub use inkflow_schemas::Topic;

#[path = "../../src/source/contract.rs"]
pub mod contract;
