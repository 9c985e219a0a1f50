//! Sinks: where views are kept for those who read them, together with the epoch they reflect.
//!
//! A sink holds rows and one stamp, and both change in one transaction. After a restart the sink is *reconciled*: what it
//! holds is compared with what the view says, and the difference is written. So a sink may be tampered with, dropped,
//! or restored from a backup: its tables are right again after the next start.
//!
//! The order of calls: [`Sink::open`] with our [`Claim`], from which moment older writers of the sink are fenced;
//! [`Sink::read`] or [`reconcile`]; then [`Sink::apply`] again and again, with epochs that grow.

pub mod csv;
pub mod memory;
pub mod sqlite;

use inkflow_schemas::{Row, ViewSchema};

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
    /// anew, empty. Gives what the tables reflect; none where they are new or another journal's.
    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError>;

    /// Gives every row that the sink holds of a view, in any order.
    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError>;

    /// Writes changes and the stamp in one transaction. A key with a row of positive change is upserted, one with only
    /// negative ones is deleted. Requires our claim still to stand, and the stored epoch to be before this one (or the
    /// same, where an earlier incarnation wrote it); else `Fenced`. The very same stamp again is done already: `Ok`.
    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError>;
}

/// Changes of several epochs, coalesced: of each row the net change, and nothing where that is 0. So it never holds more
/// than the rows that the sink has and those that it should have.
#[derive(Debug, Default)]
pub struct Pending {}

impl Pending {
    /// Nothing pending.
    pub fn new() -> Pending {
        Pending::default()
    }

    /// Adds one change of a row.
    pub fn add(&mut self, view: usize, row: Row, diff: i64) {
        let _ = (view, row, diff);
        todo!()
    }

    /// Adds changes: an epoch's, or those that [`Pending::take`] gave and the sink refused for now.
    pub fn absorb(&mut self, changes: Vec<ViewChanges>) {
        let _ = changes;
        todo!()
    }

    /// How many rows have a change pending.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes all of it out, one entry for each view that has any.
    pub fn take(&mut self) -> Vec<ViewChanges> {
        todo!()
    }
}

/// The exact difference between what the sink holds and what the views say: apply it, and the sink is right. `snapshot`
/// is what the views say, each row with its number (1).
pub fn reconcile(sink: &mut dyn Sink, views: usize, snapshot: Vec<ViewChanges>) -> Result<Vec<ViewChanges>, SinkError> {
    let _ = (sink, views, snapshot);
    todo!()
}
