//! What SQLite takes: `cargo run -p inkflow-connectors --example sink_bench [FILE] [ROWS]`.
//!
//! Prints row changes a second in bulk (inserts, updates, both with the index by class), milliseconds for an epoch of 100
//! changes, rows a second of a reconciliation that finds nothing.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use inkflow_connectors::sink::{reconcile, Claim, EpochStamp, Sink, SqliteSink, ViewChanges};
use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};

const CLASS_SIZE: usize = 30;
const LIVE_EPOCHS: u64 = 500;
const LIVE_CHANGES: usize = 100;

const fn column(name: &'static str, kind: ColumnKind) -> Column {
    Column { name, kind, doc: "" }
}

static PROGRESS: ViewSchema = ViewSchema {
    name: "student_assignment",
    doc: "",
    key_columns: 3,
    columns: &[
        column("student_id", ColumnKind::Text),
        column("class_id", ColumnKind::Text),
        column("assignment_id", ColumnKind::Text),
        column("pages_expected", ColumnKind::Int),
        column("pages_received", ColumnKind::Int),
        column("pages_pending", ColumnKind::Int),
        column("pages_complete", ColumnKind::Int),
        column("completion_bp", ColumnKind::Int),
        column("status", ColumnKind::Text),
        column("on_time", ColumnKind::Bool),
        column("last_upload", ColumnKind::Int),
    ],
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let temporary = std::env::temp_dir().join(format!("sink_bench.{}.db", std::process::id()));
    let path = arguments.next().map_or(temporary, Into::into);
    let rows: usize = arguments.next().map_or(Ok(600_000), |rows| rows.parse())?;

    let mut sink = SqliteSink::new(&path);
    sink.open(&[&PROGRESS], Claim { journal: 1, incarnation: 1 })?;
    let mut epoch = 0;
    let mut apply = |sink: &mut SqliteSink, changes: Vec<(Row, i64)>| {
        epoch += 1;
        let changes = [ViewChanges { view: 0, changes }];
        let started = Instant::now();
        sink.apply(EpochStamp { epoch, incarnation: 1, clock: 0 }, &changes).map(|()| started.elapsed())
    };
    let rate = |count: usize, time: Duration| count as f64 / time.as_secs_f64() / 1e6;

    let took = apply(&mut sink, (0..rows).map(|number| (row(number, 0), 1)).collect())?;
    println!("inserts in one epoch: {:.2} M rows/s", rate(rows, took));
    let update = |number| [(row(number, 0), -1), (row(number, 1), 1)];
    let took = apply(&mut sink, (0..rows).flat_map(update).collect())?;
    println!("updates of every row in one epoch: {:.2} M rows/s", rate(rows, took));
    let mut times = Vec::new();
    for live in 0..LIVE_EPOCHS {
        let at = |place: usize| (place * 7919 + live as usize * 104_729) % rows;
        times.push(apply(&mut sink, (0..LIVE_CHANGES).map(|place| (row(at(place), 2), 1)).collect())?);
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("epoch of 100 changes: median {:.2} ms, p99 {:.2} ms", ms(times[250]), ms(times[495]));

    let mut snapshot = Vec::new();
    let started = Instant::now();
    sink.read(0, &mut |row| snapshot.push((row, 1)))?;
    println!("reading: {:.2} M rows/s", rate(rows, started.elapsed()));
    let started = Instant::now();
    let difference = reconcile(&mut sink, 1, vec![ViewChanges { view: 0, changes: snapshot }])?;
    println!("reconciling: {:.2} M rows/s, {} views differ", rate(rows, started.elapsed()), difference.len());
    let bytes = std::fs::metadata(&path)?.len();
    println!("file: {} bytes a row", bytes as usize / rows);
    Ok(())
}

/// Students of classes of thirty, twenty assignments each.
fn row(number: usize, version: i64) -> Row {
    let (student, assignment) = (number / 20, number % 20);
    let class = student / CLASS_SIZE;
    let text = |text: String| Cell::Text(text.as_str().into());
    Row(Arc::new([
        text(format!("student-{student:07}")),
        text(format!("class-{class:05}")),
        text(format!("assignment-{class:05}-{assignment:03}")),
        Cell::Int(4),
        Cell::Int(version),
        Cell::Int(0),
        Cell::Int(version),
        Cell::Int(2500 * version),
        Cell::Text("incomplete".into()),
        Cell::Bool(false),
        Cell::Int(1_800_000_000_000 + version),
    ]))
}
