//! Sinks: where views are kept for those who read them, together with the epoch they reflect.
//!
//! A sink holds rows and one stamp, and both change in one transaction. After a restart the sink is *reconciled*: what it
//! holds is compared with what the view says, and the difference is written. So a sink may be tampered with, dropped,
//! or restored from a backup: its tables are right again after the next start.
//!
//! The order of calls: [`Sink::open`] with our [`Claim`], from which moment older writers of the sink are fenced;
//! [`reconcile`], which [reads](Sink::read) all of it; then [`Sink::apply`] again and again, with epochs that grow. Claim
//! before you read: what is read without a claim may be changed behind your back by a process that is about to die.
//!
//! Cells: a text of no bytes is the same as [`Cell::Empty`](inkflow_schemas::Cell::Empty), as it is in CSV; reading a
//! sink gives `Empty`.

pub mod csv;
pub mod memory;
mod pending;
pub(crate) mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
mod sql;
pub mod sqlite;
#[cfg(test)]
mod tests;

use inkflow_schemas::{Row, ViewSchema};

pub use memory::MemorySink;
pub use pending::{reconcile, Pending};
#[cfg(feature = "postgres")]
pub use postgres::PostgresSink;
pub use sqlite::SqliteSink;

impl SinkError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, SinkError::Transient { .. } | SinkError::Uncertain { .. })
    }
}

/// Who writes: a journal, and which opening of it. Of one journal the greater incarnation owns a sink; a sink of
/// another journal is taken over, and reconciled as one that holds no epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The journal's own name: `Journal::id`.
    pub journal: u64,
    /// Which opening of it: `Journal::incarnation`.
    pub incarnation: u64,
}

/// What a sink's rows reflect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStamp {
    /// The epoch.
    pub epoch: u64,
    /// Which opening of the journal wrote it.
    pub incarnation: u64,
    /// The epoch's clock, in milliseconds since 1970.
    pub clock: i64,
}

/// One view's changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewChanges {
    /// Which view: its place among the schemas given at open.
    pub view: usize,
    /// Rows, each at most once, with by how much their number changes, never 0.
    pub changes: Vec<(Row, i64)>,
}

/// What can go wrong with a sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The sink is locked, full or away: nothing was written; wait and try the same again.
    #[error("{sink}: {reason}")]
    Transient {
        /// Which sink.
        sink: String,
        /// Why, in its own words.
        reason: String,
    },
    /// The connection broke while a transaction was being committed, so that it is not known whether it was. Wait, and
    /// try the very same again: neither fewer changes nor more, as what would be left out may be there.
    #[error("{sink}: {reason}, and it is not known whether what was sent is there")]
    Uncertain {
        /// Which sink.
        sink: String,
        /// Why, in its own words.
        reason: String,
    },
    /// A younger process writes this sink: this one must stop.
    #[error("{sink}: a younger process owns this sink ({reason})")]
    Fenced {
        /// Which sink.
        sink: String,
        /// What was found there.
        reason: String,
    },
    /// Waiting does not help.
    #[error("{sink}: {reason}")]
    Fatal {
        /// Which sink.
        sink: String,
        /// Why.
        reason: String,
    },
}

/// A place where views are kept. Blocking: call it on a thread of its own.
pub trait Sink: Send {
    /// Its name, for people and metrics.
    fn name(&self) -> &str;

    /// Makes or finds the views' tables, and claims them. A table whose columns are not the view's is dropped and made
    /// anew, empty; that of a view which is no more is dropped. Gives what was last written; none where nothing was, or
    /// another journal did. Whatever it gives, reconcile: somebody may have changed a table since.
    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError>;

    /// Gives every row that the sink holds of a view, in any order.
    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError>;

    /// Writes changes and the stamp in one transaction. A key with a row of positive change is upserted, one with only
    /// negative ones is deleted, each view named at most once. Requires our claim to stand still, else `Fenced`, and the
    /// stored epoch to be no later than this one: the same one again (after a restart, or because it is not known
    /// whether the last try went through) is harmless, as writing a row twice is.
    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError>;

    /// Makes deleted rows unreadable in what the sink stores, as far as that is in its hands: erasure.
    fn scrub(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
