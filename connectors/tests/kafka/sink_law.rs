//! The sinks' laws: the library's own files, with changelogs in place of its stores.

use crate::broker::{connection, unique};
use inkflow_connectors::kafka::{ChangelogSettings, ChangelogSink};
use inkflow_connectors::sink::*;
use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};
use rows::*;

#[path = "../../src/sink/tests/contract.rs"]
mod contract;
#[path = "../../src/sink/tests/rows.rs"]
pub mod rows;

/// How many histories are played: each is some dozen transactions, and a claim at each restart.
const CASES: u32 = 4;

type Store = Box<dyn Fn() -> Box<dyn Sink>>;

fn stores() -> Vec<(Store, Option<()>)> {
    let settings = settings(&unique("law-"));
    vec![(Box::new(move || Box::new(ChangelogSink::new(settings.clone()))), None)]
}

pub fn settings(prefix: &str) -> ChangelogSettings {
    ChangelogSettings { connection: connection(), prefix: format!("{prefix}."), partitions: 2, replication: None }
}
