//! Two views and their rows, which the laws are tried on: here, and on real databases in `connectors/tests/stores`.

use super::*;

pub const fn column(name: &'static str, kind: ColumnKind, doc: &'static str) -> Column {
    Column { name, kind, doc }
}

pub static PROGRESS: ViewSchema = ViewSchema {
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

pub static FAILED: ViewSchema = ViewSchema {
    name: "failed",
    doc: "Photos that could not be read.",
    key_columns: 2,
    columns: &[
        column("uri", ColumnKind::Text, "where"),
        column("version", ColumnKind::Text, "which; may be empty"),
        column("reason", ColumnKind::Text, "why"),
    ],
};

pub static VIEWS: &[&ViewSchema] = &[&PROGRESS, &FAILED];

pub fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

pub fn row<const N: usize>(cells: [Cell; N]) -> Row {
    Row(cells.into())
}

/// A row of PROGRESS.
pub fn progress(student: &str, completion_bp: i64) -> Row {
    row([
        text(student),
        text("7b"),
        Cell::Int(7),
        Cell::Int(completion_bp),
        Cell::Bool(completion_bp > 5000),
        if completion_bp == 0 { Cell::Empty } else { text("open") },
    ])
}

pub fn claim(incarnation: u64) -> Claim {
    Claim { journal: u64::MAX - 7, incarnation }
}

pub fn stamp(epoch: u64, incarnation: u64) -> EpochStamp {
    EpochStamp { epoch, incarnation, clock: 1_000 * epoch as i64 }
}

pub fn changes(view: usize, changes: &[(Row, i64)]) -> ViewChanges {
    ViewChanges { view, changes: changes.to_vec() }
}

/// Every row that a sink holds, in the order of views and rows.
pub fn all(sink: &mut dyn Sink) -> Vec<(usize, Row)> {
    let mut rows = vec![];
    for view in 0..VIEWS.len() {
        sink.read(view, &mut |row| rows.push((view, row))).unwrap();
    }
    rows.sort();
    rows
}
