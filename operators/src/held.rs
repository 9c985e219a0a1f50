//! `held`: how many rows the operators of a process hold. State must stay proportional to live rows, so it is counted.
//!
//! Counts travel as timely's own logging does: a worker that nobody [watches](Held::watch) pays nothing, and operators
//! need no argument for it. Every stateful operator here counts under its name; what differential arranges is counted
//! together, in updates, as an arrangement holds those that are not yet merged away, too.

use differential_dataflow::logging::{DifferentialEvent, DifferentialEventBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use timely::container::CapacityContainerBuilder;
use timely::logging_core::Logger;
use timely::worker::Worker;

/// The stream of counts among a worker's logs.
const LOG: &str = "inkflow/held";
/// The stream in which differential tells of its arrangements.
const ARRANGEMENTS_LOG: &str = "differential/arrange";

/// (operator, by how much its rows changed).
type Change = (Arc<str>, i64);
type Changes = CapacityContainerBuilder<Vec<(Duration, Change)>>;

/// How many rows the operators of a process hold, over all watched workers.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    rows: BTreeMap<Arc<str>, i64>,
    arranged: i64,
}

impl Held {
    /// Counts what this worker's operators hold: those that are built from now on.
    pub fn watch(&self, worker: &Worker) {
        let Some(mut logs) = worker.log_register() else { return };
        let counts = self.0.clone();
        logs.insert::<Changes, _>(LOG, move |_, changes| {
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            for (_, (operator, diff)) in changes.iter_mut().flat_map(|changes| changes.drain(..)) {
                *counts.rows.entry(operator).or_default() += diff;
            }
        });
        let counts = self.0.clone();
        logs.insert::<DifferentialEventBuilder, _>(ARRANGEMENTS_LOG, move |_, events| {
            let diff: i64 =
                events.iter_mut().flat_map(|events| events.drain(..)).map(|(_, event)| updates(&event)).sum();
            counts.lock().unwrap_or_else(PoisonError::into_inner).arranged += diff;
        });
    }

    /// How many rows each operator holds, over all workers.
    pub fn rows(&self) -> BTreeMap<Arc<str>, i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows.clone()
    }

    /// How many updates all arrangements hold.
    pub fn arranged_updates(&self) -> i64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).arranged
    }
}

/// By how much an event changes the number of updates in arrangements.
fn updates(event: &DifferentialEvent) -> i64 {
    match event {
        DifferentialEvent::Batch(batch) => batch.length as i64,
        DifferentialEvent::Merge(merge) => {
            merge.complete.map_or(0, |merged| merged as i64 - merge.length1 as i64 - merge.length2 as i64)
        }
        DifferentialEvent::Drop(dropped) => -(dropped.length as i64),
        // What a batcher holds is on its way into a batch.
        DifferentialEvent::Batcher(_) | DifferentialEvent::MergeShortfall(_) | DifferentialEvent::TraceShare(_) => 0,
    }
}

/// An operator's count of its rows.
pub(crate) struct Gauge {
    log: Option<Logger<Changes>>,
    operator: Arc<str>,
    rows: usize,
}

impl Gauge {
    /// The gauge of an operator of that name.
    pub(crate) fn new(worker: &Worker, operator: &str) -> Gauge {
        Gauge { log: worker.logger_for(LOG), operator: operator.into(), rows: 0 }
    }

    /// The operator holds so many rows.
    pub(crate) fn set(&mut self, rows: usize) {
        let before = std::mem::replace(&mut self.rows, rows);
        if let Some(log) = self.log.as_ref().filter(|_| before != rows) {
            log.log((self.operator.clone(), rows as i64 - before as i64));
        }
    }
}
