//! Views as CSV files.
use std::io;
use std::path::Path;

use inkflow_schemas::{Row, ViewSchema};

use super::memory::MemorySink;

/// Writes `dir/<view>.csv`; rows in any order, they are sorted by key. Written beside, then renamed.
pub fn export(dir: &Path, schema: &ViewSchema, rows: Vec<&Row>) -> io::Result<()> {
    let _ = (dir, schema, rows);
    todo!()
}

/// Writes every view of an in-memory sink.
pub fn export_all(dir: &Path, sink: &MemorySink) -> io::Result<()> {
    for (view, schema) in sink.views().iter().enumerate() {
        export(dir, schema, sink.rows(view).collect())?;
    }
    Ok(())
}
