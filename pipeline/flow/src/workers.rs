//! The timely workers: threads that run a flow, fed whole epochs from outside, delivering whole epochs to the outside.
//!
//! Worker 0 alone is fed, so the order of epochs is one sequence by construction; timely's exchange distributes. A
//! worker without work parks: a spinning one collapses the others when another program takes a core.

use crate::feed::Fed;
use crate::flow::{build, Deliver, Delivery, Flow};
use inkflow_operators::held::Held;
use inkflow_operators::Epoch;
use inkflow_schemas::{Millis, ViewSchema};
use std::sync::mpsc::{channel, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// A parked worker looks up this often at the latest. It is woken at once when there is work; this bounds what a lost
/// wake-up would cost, on every worker and while the dataflow ends too.
const PARK_MAX: Duration = Duration::from_millis(100);

/// Arrangements that are idle merge so many updates a step until nothing is left to merge: so what was retracted leaves
/// memory though nothing more comes. Few enough that a step with new work waits about a millisecond.
const IDLE_MERGE_UPDATES: isize = 10_000;

/// What workers are fed with.
pub enum Fill {
    /// Rows of the epoch that is open: the first one, or the one after the last sealed.
    Rows(Vec<Fed>),
    /// The open epoch has this number and clock, and is whole.
    Seal {
        /// Its number.
        epoch: Epoch,
        /// Its clock.
        clock: Millis,
    },
}

/// The running workers of this process. Dropping it ends them, when all that was fed has been delivered.
pub struct Workers {
    fills: Option<Sender<Fill>>,
    first: Thread,
    views: Vec<&'static ViewSchema>,
    held: Held,
    supervisor: Option<JoinHandle<()>>,
}

/// The workers cannot be started, or have ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// timely refused the configuration.
    #[error("the dataflow's workers cannot be started: {0}")]
    Start(String),
    /// A worker ended while there was work.
    #[error("the dataflow's workers have ended")]
    Ended,
}

impl Workers {
    /// Starts so many workers on the flow that `define` defines. Deliveries begin with epoch `first`.
    pub fn start(
        count: usize,
        first: Epoch,
        define: impl Fn(&mut Flow<'_>) + Send + Sync + 'static,
        deliver: impl FnMut(Delivery) + Send + 'static,
    ) -> Result<Workers, WorkersError> {
        let (fills, fill_source) = channel();
        let delivery_sink: Deliver = Box::new(deliver);
        let (started_sink, started) = channel();
        let fill_source = Mutex::new(Some((fill_source, delivery_sink, started_sink)));
        let mut config = if count <= 1 { timely::Config::thread() } else { timely::Config::process(count) };
        let idle = differential_dataflow::Config::default().idle_merge_effort(Some(IDLE_MERGE_UPDATES));
        differential_dataflow::configure(&mut config.worker, &idle);
        let define = Arc::new(define);
        let held = Held::default();
        let watching = held.clone();
        let guards = timely::execute(config, move |worker| {
            watching.watch(worker);
            let mine = (worker.index() == 0).then(|| fill_source.lock().ok().and_then(|mut source| source.take()));
            let Some((fills, deliveries, started)) = mine.flatten() else {
                // The inputs of every worker but the first are closed at once.
                drop(build(worker, |flow| define(flow), first, None));
                run_out(worker);
                return;
            };
            let mut built = build(worker, |flow| define(flow), first, Some(deliveries));
            built.advance_to(first);
            let _ = started.send((std::thread::current(), built.views.clone()));
            run_first(worker, built, &fills);
            run_out(worker);
        })
        .map_err(|error| WorkersError::Start(error.to_string()))?;
        let supervisor = std::thread::Builder::new()
            .name("workers".into())
            .spawn(move || drop(guards))
            .map_err(|error| WorkersError::Start(error.to_string()))?;
        let (first, views) = started.recv().map_err(|_| WorkersError::Ended)?;
        Ok(Workers { fills: Some(fills), first, views, held, supervisor: Some(supervisor) })
    }

    /// The views of the flow, in the order of their numbers.
    pub fn views(&self) -> &[&'static ViewSchema] {
        &self.views
    }

    /// How many rows the operators of this process hold.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Feeds an epoch. Returns at once; the delivery of the epoch says when it is done.
    pub fn feed(&self, fill: Fill) -> Result<(), WorkersError> {
        let fills = self.fills.as_ref().ok_or(WorkersError::Ended)?;
        fills.send(fill).map_err(|_| WorkersError::Ended)?;
        self.first.unpark();
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.fills.take());
        self.first.unpark();
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.join();
        }
    }
}

fn run_first(worker: &mut timely::worker::Worker, mut built: crate::flow::Built, fills: &Receiver<Fill>) {
    loop {
        match fills.try_recv() {
            Ok(Fill::Rows(rows)) => {
                built.feed(&rows);
                worker.step();
            }
            Ok(Fill::Seal { epoch, clock }) => {
                built.seal(epoch, clock);
                worker.step();
            }
            Err(TryRecvError::Empty) => {
                worker.step_or_park(Some(PARK_MAX));
            }
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// Works until the dataflow has ended: its inputs are closed and all that was fed has been delivered.
fn run_out(worker: &mut timely::worker::Worker) {
    while worker.has_dataflows() {
        worker.step_or_park(Some(PARK_MAX));
    }
}
