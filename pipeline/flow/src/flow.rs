//! `Flow`: how a dataflow is put together. Sources come in, views go out, and what `resolve` misses goes to a reader.
//!
//! A flow is built once on each worker, by the same function, so that timely sees the same graph everywhere. It knows
//! nothing of files, journals or clocks: it is fed whole epochs and hands back, epoch by epoch, what changed. Tests
//! drive exactly this, with no I/O.

use crate::feed::{Fed, Garbage, Want};
use inkflow_operators::keep::{Keep, Told, ToldStream};
use inkflow_operators::unasked::Unasked;
use inkflow_operators::views::View;
use inkflow_operators::{Epoch, Rows};
use inkflow_schemas::{Millis, Question, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::vec::input::Handle;
use timely::dataflow::operators::{Concatenate, Input};
use timely::dataflow::{Scope, Stream};

/// Something that leaves the dataflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Out {
    /// A row of the view of that number, in the order in which the flow defined its views.
    Row(usize, Row),
    /// A question that waits for its answer.
    Missing(Box<(Question, Want)>),
    /// A row that the journal can delete.
    Garbage(Garbage),
    /// What is to be done about what is known of a photo that nobody asks about.
    Unasked(Unasked),
    /// A worker's next instant, or none.
    Instant(usize, Option<Millis>),
}

/// All that an epoch changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The epoch; every earlier one has been delivered.
    pub epoch: Epoch,
    /// What left the dataflow, with its multiplicity.
    pub out: Vec<(Out, isize)>,
}

type Outputs<'s> = Stream<'s, Epoch, Vec<(Out, Epoch, isize)>>;

/// A dataflow under construction on one worker.
pub struct Flow<'s> {
    scope: Scope<'s, Epoch>,
    feeds: Vec<Box<dyn Feed>>,
    clock: Option<Stream<'s, Epoch, Vec<Millis>>>,
    views: Vec<&'static ViewSchema>,
    outputs: Vec<Outputs<'s>>,
}

/// An input that takes its part of what is fed.
trait Feed {
    fn feed(&mut self, fed: &Fed);
    fn advance_to(&mut self, epoch: Epoch);
}

struct Picked<D: Clone + 'static> {
    pick: fn(&Fed) -> Option<D>,
    handle: Handle<Epoch, D>,
}

impl<D: Clone + 'static> Feed for Picked<D> {
    fn feed(&mut self, fed: &Fed) {
        if let Some(picked) = (self.pick)(fed) {
            self.handle.send(picked);
        }
    }
    fn advance_to(&mut self, epoch: Epoch) {
        self.handle.advance_to(epoch);
        self.handle.flush();
    }
}

impl<'s> Flow<'s> {
    fn new(scope: Scope<'s, Epoch>) -> Flow<'s> {
        let mut flow = Flow { scope, feeds: Vec::new(), clock: None, views: Vec::new(), outputs: Vec::new() };
        flow.clock = Some(flow.input(|fed| match fed {
            Fed::Clock(clock) => Some(*clock),
            _ => None,
        }));
        flow
    }

    fn input<D: Clone + 'static>(&mut self, pick: fn(&Fed) -> Option<D>) -> Stream<'s, Epoch, Vec<D>> {
        let (handle, stream) = self.scope.new_input::<Vec<D>>();
        self.feeds.push(Box::new(Picked { pick, handle }));
        passed_on(stream)
    }

    /// What is told of state of kind `S`, picked from what is fed.
    pub fn source<S: Keep>(
        &mut self,
        pick: fn(&Fed) -> Option<Told<S::Group, S::Key, S::Command>>,
    ) -> ToldStream<'s, S> {
        self.input(pick)
    }

    /// The clock of each epoch.
    pub fn clock(&self) -> Stream<'s, Epoch, Vec<Millis>> {
        self.clock.clone().expect("a flow has a clock from its start")
    }

    /// These rows are a view: every sink gets it.
    pub fn view<V: View + Clone + 'static>(&mut self, rows: Rows<'s, V>) {
        let number = self.views.len();
        self.views.push(&V::SCHEMA);
        self.output(rows.map(move |row| Out::Row(number, row.cells())));
    }

    /// These questions wait for their answers.
    pub fn missing(&mut self, questions: Rows<'s, (Question, Want)>) {
        self.output(questions.map(|question| Out::Missing(Box::new(question))));
    }

    /// These rows can never count again.
    pub fn garbage(&mut self, rows: Rows<'s, Garbage>) {
        self.output(rows.map(Out::Garbage));
    }

    /// This is to be done about what is known of photos that nobody asks about.
    pub fn unasked(&mut self, rows: Rows<'s, Unasked>) {
        self.output(rows.map(Out::Unasked));
    }

    /// These are the next instants of the workers.
    pub fn instants(&mut self, instants: Stream<'s, Epoch, Vec<(usize, Option<Millis>)>>) {
        let out = instants.unary(Pipeline, "Instants", |_, _| {
            |input, output| {
                input.for_each(|capability, instants| {
                    let time = *capability.time();
                    let rows = instants.drain(..).map(|(worker, next)| (Out::Instant(worker, next), time, 1));
                    output.session(&capability).give_iterator(rows);
                });
            }
        });
        self.outputs.push(out);
    }

    fn output(&mut self, rows: Rows<'s, Out>) {
        self.outputs.push(rows.inner);
    }
}

/// Passes containers on as they come.
///
/// It stands between an input and whatever exchanges its rows: an exchange keeps rows back until it is told to flush, and
/// an input (timely 0.31) tells only where it has sent since the worker's last step. Rows that just filled a container
/// before a step, and had none after them, stayed in the exchange, and their epoch was never delivered. An operator's
/// output is flushed in the step in which it sends.
fn passed_on<D: Clone + 'static>(stream: Stream<'_, Epoch, Vec<D>>) -> Stream<'_, Epoch, Vec<D>> {
    stream.unary(Pipeline, "Fed", |_, _| {
        |input, output| input.for_each(|capability, rows| output.session(&capability).give_container(rows))
    })
}

/// A dataflow that has been built on this worker.
pub struct Built {
    feeds: Vec<Box<dyn Feed>>,
    /// Its views, in the order of [`Out::Row`].
    pub views: Vec<&'static ViewSchema>,
    sealed: Sealed,
}

/// The epoch after the last that was sealed.
type Sealed = Rc<Cell<Epoch>>;

impl Built {
    /// Feeds rows of the epoch that the inputs stand at. On worker 0 only.
    pub fn feed(&mut self, rows: &[Fed]) {
        for input in &mut self.feeds {
            for row in rows {
                input.feed(row);
            }
        }
    }

    /// Ends an epoch: what is fed from now on belongs to the next.
    pub fn seal(&mut self, epoch: Epoch, clock: Millis) {
        self.feed(&[Fed::Clock(clock)]);
        self.advance_to(epoch + 1);
        self.sealed.set(epoch + 1);
    }

    /// Moves the inputs on to that epoch.
    pub fn advance_to(&mut self, epoch: Epoch) {
        for input in &mut self.feeds {
            input.advance_to(epoch);
        }
    }
}

/// Takes what is delivered.
pub type Deliver = Box<dyn FnMut(Delivery) + Send>;

/// Builds a flow on this worker. From worker 0, what it delivers goes to `deliveries`, from epoch `first` on.
pub fn build(
    worker: &mut timely::worker::Worker,
    define: impl FnOnce(&mut Flow<'_>),
    first: Epoch,
    deliveries: Option<Deliver>,
) -> Built {
    worker.dataflow::<Epoch, _, _>(|scope| {
        let mut flow = Flow::new(scope);
        define(&mut flow);
        let outputs = scope.concatenate(std::mem::take(&mut flow.outputs));
        let sealed = Sealed::new(Cell::new(first));
        deliver(outputs, first, sealed.clone(), deliveries);
        Built { feeds: flow.feeds, views: flow.views, sealed }
    })
}

/// Gathers all that leaves the dataflow on worker 0 and hands it out one whole epoch after the other.
fn deliver(outputs: Outputs<'_>, first: Epoch, sealed: Sealed, mut deliveries: Option<Deliver>) {
    let mut builder = OperatorBuilder::new("Deliver".to_owned(), outputs.scope());
    let mut input = builder.new_input(outputs, Exchange::new(|_: &(Out, Epoch, isize)| 0));
    builder.build(move |_| {
        let mut waiting: BTreeMap<Epoch, Vec<(Out, isize)>> = BTreeMap::new();
        let mut delivered = first;
        move |frontiers| {
            input.for_each(|_, rows| {
                // A join gives rows of several epochs at the time of the first: each row says its own.
                for (out, epoch, diff) in rows.drain(..) {
                    waiting.entry(epoch).or_default().push((out, diff));
                }
            });
            let Some(deliveries) = &mut deliveries else { return };
            // Where the dataflow has ended, all that was sealed is whole.
            let whole_before = frontiers[0].frontier().first().copied().unwrap_or(sealed.get());
            while delivered < whole_before {
                let out = waiting.remove(&delivered).unwrap_or_default();
                deliveries(Delivery { epoch: delivered, out });
                delivered += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::Id;
    use std::sync::mpsc::channel;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};
    use timely::container::buffer::default_capacity;
    use timely::dataflow::operators::vec::Map;
    use timely::dataflow::operators::Exchange as _;

    /// Defends: an epoch is delivered whole, and the dataflow ends, however its rows fill the containers that travel
    /// between workers; also the last one, whose inputs are closed at once. (Rows of the first epoch that filled containers
    /// exactly were once kept back for ever, and what was sealed last was not delivered.)
    #[test]
    fn an_epoch_that_fills_its_containers_exactly_is_delivered() {
        let full = default_capacity::<Id>();
        for workers in [2, 3] {
            for count in [full - 1, full, full + 1, 2 * full, 3 * full] {
                assert_eq!(delivered(workers, count), [(1, count), (2, 0)], "{workers} workers, {count} rows");
            }
        }
    }

    /// Feeds an epoch of so many rows, with a step of the worker before it is sealed, and one of none: (epoch, rows) of all
    /// deliveries.
    fn delivered(workers: usize, count: usize) -> Vec<(Epoch, usize)> {
        let (sink, deliveries) = channel();
        let sink = Mutex::new(Some(sink));
        let deadline = Instant::now() + Duration::from_secs(60);
        let guards = timely::execute(timely::Config::process(workers), move |worker| {
            let first = worker.index() == 0;
            let sink = first.then(|| sink.lock().unwrap().take()).flatten();
            let deliver = sink.map(|sink| -> Deliver {
                Box::new(move |delivery: Delivery| sink.send((delivery.epoch, delivery.out.len())).unwrap())
            });
            let mut built = build(worker, exchanged, 1, deliver);
            if first {
                let student = |n: usize| Fed::Erased(Id::new(&"x".repeat(1 + n % 5)).unwrap());
                built.advance_to(1);
                built.feed(&(0..count).map(student).collect::<Vec<_>>());
                worker.step();
                built.seal(1, Millis(0));
                built.seal(2, Millis(0));
            }
            drop(built);
            while worker.has_dataflows() {
                assert!(Instant::now() < deadline, "the dataflow does not end");
                worker.step_or_park(Some(Duration::from_millis(10)));
            }
        });
        for ended in guards.unwrap().join() {
            ended.unwrap();
        }
        deliveries.iter().collect()
    }

    /// A row out for each row in, by way of another worker.
    fn exchanged(flow: &mut Flow<'_>) {
        let erased = flow.input(|fed| match fed {
            Fed::Erased(student) => Some(student.clone()),
            _ => None,
        });
        flow.instants(erased.exchange(|student| student.as_str().len() as u64).map(|_| (0, None)));
    }
}
