//! The journal: the one durable truth. Views are pure functions of it, and everything else can be rebuilt from it.
//!
//! # What an epoch is
//!
//! **An epoch is one atomic, durable write**: the rows it puts and deletes, the source positions they end at, and its
//! clock. These laws hold, whatever crashes:
//!
//! 1. *All or nothing.* After a crash an epoch is there with all its rows and its header, or nothing of it is.
//! 2. *One sequence.* Epochs are numbered 1, 2, 3...; their clocks never go back. Epoch 0 is the empty journal.
//! 3. *Sealed is durable.* When [`Journal::seal`] has returned, the epoch survives the loss of power.
//! 4. *One writer.* Opening fences every older writer: none of its later seals is admitted, it gets
//!    [`JournalError::Fenced`]. Each opening has an incarnation of its own, greater than all before it, durable before
//!    [`Journal::open`] returns.
//! 5. *The last header is complete*: it names every partition whose position was ever sealed.
//! 6. *No id stands in a key.* A row lies under a keyed hash; the secret key lies in the journal and nowhere else.
//! 7. *Deleted is gone*: after [`Journal::scrub`] the bytes of rows that were deleted, or replaced, before it was called
//!    stand in no file.
//!
//! # How it lies
//!
//! One SlateDB database in a folder, a bucket or memory. See `layout.rs` for the bytes.

mod error;
mod handle;
mod layout;
mod open;
mod peek;
mod scrub;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use error::JournalError;
pub use handle::{Journal, JournalReader};
pub use open::JournalSettings;
pub use peek::{peek, Peek};
pub use store::{folder, memory};

/// How far a source has been admitted: topic and partition to position.
pub type Positions = BTreeMap<(String, u32), Position>;

/// Where a partition's admitted rows end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The offset to read next.
    pub next_offset: u64,
    /// The record's own time, of the last record admitted, in milliseconds since 1970; none where none had one.
    pub record_time: Option<i64>,
}

/// What a row is of. The number is stored, so a number once used is never given to another collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Collection {
    /// Photos handed in.
    Submissions = 1,
    /// Who is in which class.
    Enrolments = 2,
    /// Homework set.
    Assignments = 3,
    /// Teachers' judgements.
    Reviews = 4,
    /// Which model counts where.
    Models = 5,
    /// Keyed hashes of erased students.
    Erased = 6,
    /// What models said of photos: the ledger.
    Readings = 7,
    /// The clock of each photo's first reading.
    FirstReadings = 8,
    /// Records that were refused.
    Rejected = 9,
    /// Photos that were being read when the process ended.
    Attempts = 10,
    /// When a photo left demand.
    LeftDemand = 11,
    /// Which logs the sources read.
    Origins = 12,
}

/// Where a row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// What it is of.
    pub collection: Collection,
    /// The keyed hash of its key: see [`Journal::hash`].
    pub hash: u128,
    /// The epoch that admitted it, in collections whose duplicates are told apart by that; else none.
    pub epoch: Option<u64>,
}

/// One row of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row is this from now on.
    Put {
        /// Where.
        key: RowKey,
        /// The payload.
        value: Vec<u8>,
    },
    /// The row is no more. Deleting a row that is not there is no fault.
    Delete {
        /// Where.
        key: RowKey,
    },
}

/// An epoch about to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its number: the last one's plus 1.
    pub epoch: u64,
    /// Its clock, in milliseconds since 1970; not before the last one's.
    pub clock: i64,
    /// Where the sources stand after it. Partitions not named keep the position they had.
    pub positions: Positions,
}

/// A sealed epoch's header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its number, from 1.
    pub epoch: u64,
    /// Its clock, in milliseconds since 1970.
    pub clock: i64,
    /// Which opening of the journal sealed it.
    pub incarnation: u64,
    /// Where every source stood after it.
    pub positions: Positions,
    /// How many rows it put.
    pub rows: u64,
    /// How many rows it deleted.
    pub deletes: u64,
    /// XXH3-64 over its changes as they are stored.
    pub digest: u64,
}

/// A live row, as the scan gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveRow<'a> {
    /// The epoch that admitted it.
    pub epoch: u64,
    /// That epoch's clock, in milliseconds since 1970.
    pub clock: i64,
    /// The payload.
    pub value: &'a [u8],
}
