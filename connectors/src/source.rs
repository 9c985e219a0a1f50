//! Where records come from: partitions of topics, each a log with offsets from 0.
//!
//! A source blocks and is driven by a thread of its own; it parses nothing but its own envelope, so that
//! [`parse_record`] can run on any number of threads. It hands a partition's records out in the order of their offsets,
//! each once between two seeks; between partitions there is no order. Positions are the *next* offset to read.
//!
//! A source never fails by falling silent: what it cannot go on with is a [`SourceError`], and a log that lost records
//! we had not read, or had, is one by name. Bad records are no errors; they are records that say so.

#[cfg(test)]
pub(crate) mod contract;

use inkflow_schemas::{parse_event, Event, RecordFault, Topic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The next offset to read of each partition.
pub type Offsets = BTreeMap<(Topic, u32), u64>;

/// Which log a topic's records lie in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What it is called where it lies.
    pub name: String,
    /// What tells it from another log of that name; none where it was not there yet.
    pub id: Option<u128>,
}

/// The logs of topics.
pub type Origins = BTreeMap<Topic, Origin>;

/// Where logs are begun that nothing was sealed of: the answer to a question that must not be asked twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// Which logs they are.
    pub origins: Origins,
    /// The first offsets to read.
    pub offsets: Offsets,
}

/// A header of a record: its name and its value.
pub type RecordHeader = (String, Option<Vec<u8>>);

/// A record as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// What it is about.
    pub topic: Topic,
    /// The partition that it lies in.
    pub partition: u32,
    /// Where in its partition, from 0.
    pub offset: u64,
    /// The key's bytes; none for a null.
    pub key: Option<Vec<u8>>,
    /// The value's bytes; none for a null. Where the envelope is broken, the bytes of the whole of it.
    pub value: Option<Vec<u8>>,
    /// The record's own time in milliseconds since 1970, if it has one.
    pub ts: Option<i64>,
    /// Its headers, which mean nothing here and are kept for its dead letter.
    pub headers: Vec<RecordHeader>,
    /// Whether what stands around key and value could be read. A record with a fault here is rejected for it.
    pub envelope: Result<(), RecordFault>,
}

/// How a poll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollState {
    /// There may be more at once.
    More,
    /// All that is here now was handed out; more may come. Wait a little before the next poll.
    Idle,
    /// All that there was when [`Source::end_at_start`] was called has been handed out. No poll will give more.
    End,
}

/// A source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Records that were there are there no longer: the log is truncated. Going on would skip them in silence.
    #[error("{topic}/{partition} is truncated: read up to offset {position}, but {found} ({place})")]
    Truncated {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// The next offset that was to be read.
        position: u64,
        /// What is there instead.
        found: &'static str,
        /// Where: a path or a name.
        place: String,
    },
    /// The log is not the one that was read. Its offsets mean other records.
    #[error("{topic} is not the log that was read before: {place} {found}")]
    Replaced {
        /// The topic.
        topic: Topic,
        /// What became of it.
        found: &'static str,
        /// Where: a path or a name.
        place: String,
    },
    /// A partition has no such offset to begin at.
    #[error("{topic}/{partition} cannot begin at offset {wanted}: {place} holds {low} to {high}")]
    NoStart {
        /// The topic.
        topic: Topic,
        /// The partition.
        partition: u32,
        /// Where it was to begin.
        wanted: u64,
        /// Its first offset.
        low: u64,
        /// The offset after its last.
        high: u64,
        /// Where: a path or a name.
        place: String,
    },
    /// The settings are of no use, or the other side refuses us for good.
    #[error("{place}: {reason}")]
    Refused {
        /// What was asked.
        place: String,
        /// Why it refuses.
        reason: String,
    },
    /// The file system refuses us.
    #[error("cannot read {path}: {source}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Logs of records. All calls block. After an error nothing that a source says counts any more: open a new one.
pub trait Source: Send {
    /// Goes on at these positions; partitions not named start at 0. Costs no parsing of what is skipped.
    ///
    /// A position beyond a partition's end is [`SourceError::Truncated`], here or at the next poll.
    fn seek(&mut self, positions: &Offsets) -> Result<(), SourceError>;

    /// From now on the source has an end: what it holds at this moment. Partitions found later are not looked at.
    fn end_at_start(&mut self) -> Result<(), SourceError>;

    /// Tells which logs were read before, as sealed: one that is another now must not be gone on with. Told once, before
    /// anything else.
    fn know(&mut self, _sealed: &Origins) {}

    /// What must be sealed before more is polled: logs that are read for the first time, and where each is begun. Their
    /// records are handed out once [`Source::begin`] has been told so; those of other logs, meanwhile.
    fn starts(&mut self) -> Result<Option<Starts>, SourceError> {
        Ok(None)
    }

    /// These starts are sealed.
    fn begin(&mut self, _sealed: &Starts) {}

    /// Positions that have moved beyond the last record handed out, as what lies there is no record: each told once.
    fn passed(&mut self) -> Offsets {
        Offsets::new()
    }

    /// What is sealed up to now, for those who watch from outside. Nothing depends on it.
    fn sealed(&mut self, _positions: &Offsets) {}

    /// Why nothing can be read, while that is so.
    fn waits_for(&self) -> Option<String> {
        None
    }

    /// Appends to `out` at most `records_max` records, and stops once their keys and values reach `bytes_max` bytes: at
    /// least one record, if there is one. Never waits for records to come.
    fn poll(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<RawRecord>,
    ) -> Result<PollState, SourceError>;
}

impl RawRecord {
    /// How many bytes of data it carries.
    pub fn bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// What a record says, or why it is rejected. Depends on the record alone. `unknown` is told the unknown fields' names.
pub fn parse_record(record: &RawRecord, unknown: &mut impl FnMut(&str)) -> Result<Event, RecordFault> {
    record.envelope?;
    parse_event(record.topic, record.key.as_deref(), record.value.as_deref(), record.ts, unknown)
}
