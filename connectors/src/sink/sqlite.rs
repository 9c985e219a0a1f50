//! Views as tables of a SQLite database.
use std::path::Path;

use inkflow_schemas::{Row, ViewSchema};

use super::{Claim, EpochStamp, Sink, SinkError, ViewChanges};

/// A SQLite file.
#[derive(Debug)]
pub struct SqliteSink {}

impl SqliteSink {
    /// The database at `path`, opened (or made) by [`Sink::open`].
    pub fn new(path: &Path) -> SqliteSink {
        let _ = path;
        todo!()
    }
}

impl Sink for SqliteSink {
    fn name(&self) -> &str {
        todo!()
    }
    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        let _ = (views, claim);
        todo!()
    }
    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        let _ = (view, f);
        todo!()
    }
    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        let _ = (stamp, changes);
        todo!()
    }
}
