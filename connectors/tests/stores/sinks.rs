//! What every sink keeps, kept by PostgreSQL.

use crate::services::postgres_settings;
use inkflow_connectors::sink::{reconcile, Claim, EpochStamp, Pending, PostgresSink, Sink, SinkError, ViewChanges};
use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};

#[path = "../../src/sink/tests/contract.rs"]
mod contract;
#[path = "../../src/sink/tests/rows.rs"]
pub mod rows;

use rows::*;

/// How many histories are played.
const CASES: u32 = 24;

/// Each call of it gives a handle of its own, as a process would have.
type Store = Box<dyn Fn() -> Box<dyn Sink>>;

/// Tables in a schema of their own.
fn stores() -> Vec<(Store, Option<tempfile::TempDir>)> {
    let settings = postgres_settings();
    vec![(Box::new(move || Box::new(PostgresSink::new(settings.clone()))), None)]
}
