//! `rejected` and `freshness`: what was refused, and up to where each source is reflected.

use super::{int, row, text, View};
use ecow::EcoString;
use inkflow_schemas::{Millis, Row, ViewSchema};
use serde::{Deserialize, Serialize};

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The topic.
    pub topic: EcoString,
    /// The partition.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
}

/// A row of `rejected`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rejected {
    /// Where the record stands.
    pub at: Place,
    /// Why it was refused; never quotes the record.
    pub reason: EcoString,
}

/// A row of `freshness`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Freshness {
    /// The last record that is reflected.
    pub at: Place,
    /// That record's own time, where it has one.
    pub record_time: Option<Millis>,
    /// The epoch that admitted it.
    pub epoch: u64,
}

impl View for Rejected {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "rejected",
        doc: "The records that were refused",
        key_columns: 3,
        columns: &[
            text("topic", "The topic"),
            int("partition", "The partition"),
            int("offset", "The offset"),
            text("reason", "Why; it never quotes the record"),
        ],
    };
    fn cells(&self) -> Row {
        row([&self.at.topic, &self.at.partition, &self.at.offset, &self.reason])
    }
}

impl View for Freshness {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "freshness",
        doc: "Up to where each source is reflected",
        key_columns: 2,
        columns: &[
            text("topic", "The topic"),
            int("partition", "The partition"),
            int("offset", "The last offset that is reflected"),
            int("record_time", "That record's own time, in ms since 1970, where it has one"),
            int("epoch", "The epoch that admitted it"),
        ],
    };
    fn cells(&self) -> Row {
        row([&self.at.topic, &self.at.partition, &self.at.offset, &self.record_time, &self.epoch])
    }
}
