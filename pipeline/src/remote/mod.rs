//! Readers in other processes: `inkflow reader --join ADDRESS`. They lease questions of process 0's queue over one
//! connection, read the photos themselves, and answer. Any number may come and go at any moment: reading is stateless.
//!
//! A reader pulls: it says for how many more questions it has room, and is lent so many. A lease ends with its answer,
//! with its time, or with the connection; what was lent and not answered is asked again. A question that was lent when a
//! connection was lost [`LOSSES_MAX`] times, the last times to a reader that had nothing else, is answered
//! `reader_crashed`.

mod client;
mod server;

use inkflow_connectors::reader::Sheet;
use inkflow_schemas::{ModelName, Question, Reading};
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use client::{read_for, ReaderError};
pub use server::serve;

/// A reader that has said nothing of a lease for so long is not waited for: it is asked elsewhere. A fetch may take five
/// tries of 10 s and their waits, a page some 20 ms.
pub const LEASE_MAX: Duration = Duration::from_secs(120);

/// A reader has room for so many leases at most, whatever it says.
pub const ROOM_MAX: u32 = 4_096;

/// A question at whose reading a connection was lost so often is answered `reader_crashed`.
pub const LOSSES_MAX: u32 = 3;

/// What a reader says.
#[derive(Debug, Serialize, Deserialize)]
enum FromReader {
    /// It has room for so many more leases.
    Room(u32),
    /// It answers.
    Answered(Box<crate::live::Answered>),
    /// It gives a lease back: what hindered it may pass, or it is about to end.
    GivenBack(Question),
    /// It gives a lease back: the photo's store is away, and is worth asking again after that time.
    Away(Question, Duration),
    /// Has that model read those bytes before? By their SHA-256.
    Known([u8; 32], ModelName),
    /// It is there.
    Here,
}

/// What a reader is told.
#[derive(Debug, Serialize, Deserialize)]
enum ToReader {
    /// It is lent a question; this is known of the photo, and of the blank page.
    Lent(Box<(Question, Sheet)>),
    /// What that model said of those bytes; nothing where it has not read them.
    Known([u8; 32], ModelName, Option<Reading>),
    /// Process 0 is there.
    Here,
}
