//! The sinks' laws, over memory and over SQLite. Kafka keeps them in `connectors/tests/kafka`, PostgreSQL in
//! `connectors/tests/stores`.

mod contract;
mod csv_form;
mod in_sqlite;
mod rows;

use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};
use rows::*;

use super::*;

/// How many histories are played.
const CASES: u32 = 24;

/// A store of views: each call gives a handle on it of its own, as a process would have.
type Store = Box<dyn Fn() -> Box<dyn Sink>>;

fn stores() -> Vec<(Store, Option<tempfile::TempDir>)> {
    let memory = MemorySink::new();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("views.db");
    vec![
        (Box::new(move || Box::new(memory.clone())), None),
        (Box::new(move || Box::new(SqliteSink::new(&path))), Some(dir)),
    ]
}
