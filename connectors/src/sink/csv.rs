//! Views as CSV files: what a run that ends leaves behind.
//!
//! The form is a contract, to the byte: a header of column names; UTF-8, LF; nothing for an empty cell, `true` and
//! `false`, numbers in decimal; a field in quotes only if it holds a comma, a quote, CR or LF, a quote within doubled;
//! rows in the order of their key columns, strings bytewise, numbers as numbers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use inkflow_schemas::{Cell, Row, ViewSchema};

use super::memory::MemorySink;
use super::plan::compare_keys;

/// Writes `dir/<view>.csv`, of rows in any order. The folder is made if it is not there; a file that is there is
/// replaced in one step, so that nobody reads half of one.
pub fn export(dir: &Path, schema: &ViewSchema, mut rows: Vec<&Row>) -> io::Result<()> {
    rows.sort_by(|a, b| compare_keys(a.key(schema), b.key(schema)));
    fs::create_dir_all(dir)?;
    let beside = dir.join(format!(".{}.csv.{}", schema.name, std::process::id()));
    let written =
        write_file(&beside, schema, &rows).and_then(|()| fs::rename(&beside, dir.join(format!("{}.csv", schema.name))));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Writes every view of an in-memory sink.
pub fn export_all(dir: &Path, sink: &MemorySink) -> io::Result<()> {
    for (view, schema) in sink.views().into_iter().enumerate() {
        export(dir, schema, sink.rows(view).iter().collect())?;
    }
    Ok(())
}

fn write_file(path: &Path, schema: &ViewSchema, rows: &[&Row]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for (index, column) in schema.columns.iter().enumerate() {
        write_separator(&mut out, index)?;
        write_text(&mut out, column.name)?;
    }
    out.write_all(b"\n")?;
    for row in rows {
        for (index, cell) in row.0.iter().enumerate() {
            write_separator(&mut out, index)?;
            match cell {
                Cell::Empty => {}
                Cell::Bool(value) => write!(out, "{value}")?,
                Cell::Int(value) => write!(out, "{value}")?,
                Cell::Text(text) => write_text(&mut out, text)?,
            }
        }
        out.write_all(b"\n")?;
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn write_separator(out: &mut impl Write, index: usize) -> io::Result<()> {
    if index > 0 {
        out.write_all(b",")?;
    }
    Ok(())
}

fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.contains([',', '"', '\r', '\n']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}
