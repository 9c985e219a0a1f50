//! The timely workers: threads that run a flow, fed whole epochs from outside, delivering whole epochs to the outside.
//!
//! Worker 0 alone is fed, so the order of epochs is one sequence by construction; timely's exchange distributes. A
//! worker without work parks: a spinning one collapses the others when another program takes a core.
//!
//! Several processes make one cluster, over sockets that are connected already. It lives and dies as one: timely panics
//! where a socket closes before its time, with [`LOST`] in the message, and every process must end then.

use crate::feed::Fed;
use crate::flow::{build, Deliver, Delivery, Flow};
use inkflow_operators::held::Held;
use inkflow_operators::Epoch;
use inkflow_schemas::{Millis, ViewSchema};
use std::any::Any;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::mpsc::{channel, Receiver, Sender, TryRecvError};
use std::sync::Mutex;
use std::thread::{JoinHandle, Thread};
use std::time::Duration;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::ProcessBuilder;
use timely::communication::{AllocatorBuilder, Hooks};

/// A parked worker looks up this often at the latest. It is woken at once when there is work; this bounds what a lost
/// wake-up would cost, on every worker and while the dataflow ends too.
const PARK_MAX: Duration = Duration::from_millis(100);

/// Arrangements that are idle merge so many updates a step until nothing is left to merge: so what was retracted leaves
/// memory though nothing more comes. Few enough that a step with new work waits about a millisecond.
const IDLE_MERGE_UPDATES: isize = 10_000;

/// How timely's panic begins where another process of the cluster is lost.
pub const LOST: &str = "timely communication error";

/// The workers of this process, and their place among those of others.
pub struct Place {
    /// How many threads this process has for the dataflow; in a cluster each process has as many.
    pub workers: NonZeroUsize,
    /// The other processes; none where this is the only one.
    pub cluster: Option<Sockets>,
}

/// The sockets of a cluster, as one of its processes has them.
pub struct Sockets {
    /// This process's index, from 0.
    pub index: usize,
    /// A connected socket to each process, in the order of their indices; none to itself.
    pub sockets: Vec<Option<TcpStream>>,
}

impl Place {
    /// So many workers, in this process alone.
    pub fn alone(workers: NonZeroUsize) -> Place {
        Place { workers, cluster: None }
    }

    /// What timely builds its channels from, and what must be dropped when all workers have ended.
    fn build(self) -> Result<(Vec<AllocatorBuilder>, Box<dyn Any + Send>), WorkersError> {
        let start = |error: &dyn ToString| WorkersError::Start(error.to_string());
        let workers = self.workers.get();
        let Some(Sockets { index, sockets }) = self.cluster else {
            let config = match workers {
                1 => timely::CommunicationConfig::Thread,
                _ => timely::CommunicationConfig::Process(workers),
            };
            return config.try_build().map_err(|error| start(&error));
        };
        let hooks = Hooks::default();
        let within = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), hooks.spill.clone());
        let (builders, guard) = initialize_networking_from_sockets(within, sockets, index, workers, hooks)
            .map_err(|error| start(&error))?;
        Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(guard)))
    }
}

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

/// The running workers of the process that feeds them. Dropping it ends the dataflow, in every process, when all that was
/// fed has been delivered.
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

/// What worker 0 is given: it alone is fed, and delivers.
struct First {
    fills: Receiver<Fill>,
    deliver: Deliver,
    started: Sender<(Thread, Vec<&'static ViewSchema>)>,
}

impl Workers {
    /// Starts the workers of the process that has worker 0 on the flow that `define` defines. Deliveries begin with epoch
    /// `first`.
    pub fn start(
        place: Place,
        first: Epoch,
        define: impl Fn(&mut Flow<'_>) + Send + Sync + 'static,
        deliver: impl FnMut(Delivery) + Send + 'static,
    ) -> Result<Workers, WorkersError> {
        let (fills, fill_source) = channel();
        let (started_sink, started) = channel();
        let given = First { fills: fill_source, deliver: Box::new(deliver), started: started_sink };
        let held = Held::default();
        let supervisor = spawn(place, first, define, held.clone(), Some(given))?;
        let (first, views) = started.recv().map_err(|_| WorkersError::Ended)?;
        Ok(Workers { fills: Some(fills), first, views, held, supervisor: Some(supervisor) })
    }

    /// Runs the workers of a process that has not worker 0, on the same flow, until the dataflow ends in all processes.
    /// Blocks.
    pub fn serve(
        place: Place,
        first: Epoch,
        define: impl Fn(&mut Flow<'_>) + Send + Sync + 'static,
    ) -> Result<(), WorkersError> {
        spawn(place, first, define, Held::default(), None)?.join().map_err(|_| WorkersError::Ended)
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

/// Starts the worker threads, and one that waits for their end.
fn spawn(
    place: Place,
    first: Epoch,
    define: impl Fn(&mut Flow<'_>) + Send + Sync + 'static,
    held: Held,
    given: Option<First>,
) -> Result<JoinHandle<()>, WorkersError> {
    let (builders, others) = place.build()?;
    let mut config = timely::WorkerConfig::default();
    let idle = differential_dataflow::Config::default().idle_merge_effort(Some(IDLE_MERGE_UPDATES));
    differential_dataflow::configure(&mut config, &idle);
    let given = Mutex::new(given);
    let guards = timely::execute::execute_from(builders, others, config, move |worker| {
        held.watch(worker);
        let mine = (worker.index() == 0).then(|| given.lock().ok().and_then(|mut given| given.take()));
        match mine.flatten() {
            // The inputs of every worker but the first are closed at once.
            None => drop(build(worker, |flow| define(flow), first, None)),
            Some(First { fills, deliver, started }) => {
                let mut built = build(worker, |flow| define(flow), first, Some(deliver));
                built.advance_to(first);
                let _ = started.send((std::thread::current(), built.views.clone()));
                run_first(worker, built, &fills);
            }
        }
        run_out(worker);
    })
    .map_err(WorkersError::Start)?;
    std::thread::Builder::new()
        .name("workers".into())
        .spawn(move || drop(guards))
        .map_err(|error| WorkersError::Start(error.to_string()))
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
