//! The sinks' laws, over memory and over SQLite.

mod contract;
mod csv_form;
mod in_sqlite;

use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};

use super::*;

const fn column(name: &'static str, kind: ColumnKind, doc: &'static str) -> Column {
    Column { name, kind, doc }
}

static PROGRESS: ViewSchema = ViewSchema {
    name: "progress",
    doc: "How far\n  a student is.",
    key_columns: 3,
    columns: &[
        column("student_id", ColumnKind::Text, "the student"),
        column("class_id", ColumnKind::Text, "the class"),
        column("days", ColumnKind::Int, "of how many days"),
        column("completion_bp", ColumnKind::Int, "how complete; basis points"),
        column("on_time", ColumnKind::Bool, "whether all was"),
        column("status", ColumnKind::Text, "open or complete"),
    ],
};

static FAILED: ViewSchema = ViewSchema {
    name: "failed",
    doc: "Photos that could not be read.",
    key_columns: 2,
    columns: &[
        column("uri", ColumnKind::Text, "where"),
        column("version", ColumnKind::Text, "which; may be empty"),
        column("reason", ColumnKind::Text, "why"),
    ],
};

static VIEWS: &[&ViewSchema] = &[&PROGRESS, &FAILED];

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn row<const N: usize>(cells: [Cell; N]) -> Row {
    Row(cells.into())
}

/// A row of PROGRESS.
fn progress(student: &str, completion_bp: i64) -> Row {
    row([
        text(student),
        text("7b"),
        Cell::Int(7),
        Cell::Int(completion_bp),
        Cell::Bool(completion_bp > 5000),
        if completion_bp == 0 { Cell::Empty } else { text("open") },
    ])
}

fn claim(incarnation: u64) -> Claim {
    Claim { journal: u64::MAX - 7, incarnation }
}

fn stamp(epoch: u64, incarnation: u64) -> EpochStamp {
    EpochStamp { epoch, incarnation, clock: 1_000 * epoch as i64 }
}

fn changes(view: usize, changes: &[(Row, i64)]) -> ViewChanges {
    ViewChanges { view, changes: changes.to_vec() }
}

/// Every row that a sink holds, in the order of views and rows.
fn all(sink: &mut dyn Sink) -> Vec<(usize, Row)> {
    let mut rows = vec![];
    for view in 0..VIEWS.len() {
        sink.read(view, &mut |row| rows.push((view, row))).unwrap();
    }
    rows.sort();
    rows
}

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
