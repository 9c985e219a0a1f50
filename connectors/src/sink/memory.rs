//! The sink's twin in memory: the views as sorted maps. It keeps every law of [`Sink`], and CSV is written from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inkflow_schemas::{Cell, Row, ViewSchema};

use super::plan::{self, Op, Standing};
use super::{Claim, EpochStamp, Sink, SinkError, ViewChanges};

const NAME: &str = "memory";

/// Views in memory. Clones share the tables, as two processes share a database; a clone that is opened again is a sink
/// after a restart.
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    shared: Arc<Mutex<Tables>>,
    /// Of this clone.
    claim: Option<Claim>,
}

#[derive(Debug, Default)]
struct Tables {
    standing: Option<Standing>,
    views: Vec<&'static ViewSchema>,
    /// By name, as a database's tables: key to row.
    rows: BTreeMap<&'static str, BTreeMap<Vec<Cell>, Row>>,
}

impl MemorySink {
    /// An empty one.
    pub fn new() -> MemorySink {
        MemorySink::default()
    }

    /// The views' schemas, as last opened.
    pub fn views(&self) -> Vec<&'static ViewSchema> {
        self.tables().views.clone()
    }

    /// A view's rows, in the order of their key.
    pub fn rows(&self, view: usize) -> Vec<Row> {
        let tables = self.tables();
        let rows = tables.views.get(view).and_then(|schema| tables.rows.get(schema.name));
        rows.map_or_else(Vec::new, |rows| rows.values().cloned().collect())
    }

    /// What the rows reflect.
    pub fn stamp(&self) -> Option<EpochStamp> {
        self.tables().standing.and_then(|standing| standing.written)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change of the tables is checked before it begins, so a panic leaves them whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for MemorySink {
    fn name(&self) -> &str {
        NAME
    }

    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        let mut guard = self.tables();
        let tables = &mut *guard;
        let standing = Standing::claimed(NAME, tables.standing, claim)?;
        tables.standing = Some(standing);
        let before = std::mem::replace(&mut tables.views, views.to_vec());
        tables.rows.retain(|name, _| {
            let found =
                |views: &[&'static ViewSchema]| views.iter().find(|view| view.name == *name).map(|view| view.columns);
            found(&before) == found(views)
        });
        for view in views {
            tables.rows.entry(view.name).or_default();
        }
        drop(guard);
        self.claim = Some(claim);
        Ok(standing.written)
    }

    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        self.rows(view).into_iter().for_each(f);
        Ok(())
    }

    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        let Some(claim) = self.claim else {
            return Err(SinkError::Fatal { sink: NAME.to_owned(), reason: "it is not open".to_owned() });
        };
        let mut guard = self.tables();
        let tables = &mut *guard;
        let standing = Standing::written(NAME, tables.standing, claim, stamp)?;
        plan::check_views(tables.views.len(), changes);
        let mut plans = Vec::with_capacity(changes.len());
        for ViewChanges { view, changes } in changes {
            let schema = tables.views[*view];
            plans.push((schema, plan::plan(NAME, schema, changes)?));
        }
        for (schema, ops) in plans {
            let rows = tables.rows.entry(schema.name).or_default();
            for op in ops {
                match op {
                    Op::Upsert(row) => rows.insert(normal(row.key(schema)), Row(normal(&row.0).into())),
                    Op::Delete(row) => rows.remove(&normal(row.key(schema))),
                };
            }
        }
        tables.standing = Some(standing);
        Ok(())
    }
}

fn normal(cells: &[Cell]) -> Vec<Cell> {
    cells.iter().map(|cell| plan::normal(cell).clone()).collect()
}
