//! The sink's twin in memory: the views as sorted maps. It keeps every law of [`Sink`], and is what CSV is written from.
use std::collections::BTreeMap;

use inkflow_schemas::{Cell, Row, ViewSchema};

use super::{Claim, EpochStamp, Sink, SinkError, ViewChanges};

/// Views in memory. It outlives its opening: drop nothing, open again, and it is a restarted sink.
#[derive(Debug, Default)]
pub struct MemorySink {
    views: Vec<&'static ViewSchema>,
    tables: Vec<BTreeMap<Vec<Cell>, Row>>,
}

impl MemorySink {
    /// An empty one.
    pub fn new() -> MemorySink {
        MemorySink::default()
    }

    /// A view's rows, in the order of their key.
    pub fn rows(&self, view: usize) -> impl Iterator<Item = &Row> {
        self.tables[view].values()
    }

    /// The views' schemas, as opened.
    pub fn views(&self) -> &[&'static ViewSchema] {
        &self.views
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        "memory"
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
