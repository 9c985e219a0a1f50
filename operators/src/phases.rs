//! `phases`: which of a row's instants the epoch's clock has passed.
//!
//! An assignment has four: when it opens, when it is due, and 7 and 30 days after that. Instants lie in an ordered map;
//! an epoch whose clock passes some costs work for those rows only, and for none where it passes none. The clock is
//! data: it comes in with each epoch, and no operator reads one. The next instant goes out, so that whoever seals
//! epochs can seal one then.

use crate::{Epoch, Rows};
use differential_dataflow::{AsCollection, ExchangeData};
use inkflow_schemas::Millis;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::vec::Broadcast;
use timely::dataflow::Stream;

use crate::held::Gauge;
use crate::keep::route;
use crate::stash::Stash;

/// The windows of `student_recent`, in days.
pub const RECENT_DAYS: [i64; 2] = [7, 30];

/// Something that changes by itself at certain instants.
pub trait Timed {
    /// What it is between two of them.
    type Phase: ExchangeData;
    /// What it is at that clock.
    fn phase(&self, clock: Millis) -> Self::Phase;
    /// The first instant after that clock.
    fn next(&self, clock: Millis) -> Option<Millis>;
}

/// The instants of an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instants {
    /// From when on it is given; at once without it.
    pub opens_at: Option<Millis>,
    /// Until when it should be in.
    pub due_at: Millis,
}

/// Where the clock stands among an assignment's instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Phase {
    /// opens_at <= clock, or there is none.
    pub opened: bool,
    /// due_at <= clock.
    pub due: bool,
    /// For each of [`RECENT_DAYS`]: clock - days < due_at <= clock.
    pub recent: [bool; 2],
}

impl Timed for Instants {
    type Phase = Phase;

    fn phase(&self, clock: Millis) -> Phase {
        let due = self.due_at <= clock;
        Phase {
            opened: self.opens_at.is_none_or(|opens| opens <= clock),
            due,
            recent: RECENT_DAYS.map(|days| due && clock < self.due_at.plus_days(days)),
        }
    }

    fn next(&self, clock: Millis) -> Option<Millis> {
        let recent = RECENT_DAYS.map(|days| self.due_at.plus_days(days));
        self.opens_at.into_iter().chain([self.due_at]).chain(recent).filter(|instant| *instant > clock).min()
    }
}

/// Every row with the phase of its instants, and the next instant of each worker's rows (none when there is none), as
/// (worker, instant) in the epoch in which it changed. `clocks` has one clock an epoch, fed by any one worker.
pub fn phases<'s, D, T>(
    rows: Rows<'s, D>,
    clocks: Stream<'s, Epoch, Vec<Millis>>,
    instants: impl Fn(&D) -> T + 'static,
    name: &str,
) -> (Rows<'s, (D, T::Phase)>, Stream<'s, Epoch, Vec<(usize, Option<Millis>)>>)
where
    D: ExchangeData + Hash,
    T: Timed,
{
    let worker = rows.scope().index();
    let gauge = Gauge::new(rows.scope().worker(), name);
    let mut builder = OperatorBuilder::new(name.to_owned(), rows.scope());
    let mut row_input = builder.new_input(rows.inner, Exchange::new(|(row, _, _): &(D, Epoch, isize)| route(row)));
    let mut clock_input = builder.new_input(clocks.broadcast(), Pipeline);
    let (out, out_stream) = builder.new_output();
    let (next, next_stream) = builder.new_output();
    let mut out = OutputBuilder::<_, CapacityContainerBuilder<Vec<((D, T::Phase), Epoch, isize)>>>::from(out);
    let mut next = OutputBuilder::<_, CapacityContainerBuilder<Vec<(usize, Option<Millis>)>>>::from(next);

    builder.build(move |_| {
        let mut gauge = gauge;
        let mut waiting = Stash::default();
        let mut clocks = BTreeMap::new();
        let mut state = State::default();
        let mut announced = None;
        move |frontiers| {
            row_input.for_each(|capability, rows| {
                waiting.take_updates(rows, |epoch| (capability.delayed(&epoch, 0), capability.delayed(&epoch, 1)));
            });
            clock_input.for_each(|capability, passed| {
                let epoch = *capability.time();
                waiting.open(epoch, || (capability.retain(0), capability.retain(1)));
                let clock = clocks.entry(epoch).or_insert(Millis(i64::MIN));
                *clock = passed.drain(..).max().unwrap_or(*clock).max(*clock);
            });
            let (mut out, mut next) = (out.activate(), next.activate());
            while let Some((time, (out_cap, next_cap), rows)) = waiting.next(&[&frontiers[0], &frontiers[1]]) {
                let clock = clocks.remove(&time);
                let mut session = out.session(&out_cap);
                let mut give = |row, phase, diff| session.give(((row, phase), time, diff));
                if let Some(clock) = clock {
                    state.pass(clock, &instants, &mut give);
                }
                for (row, _, diff) in rows {
                    state.change(row, diff, &instants, &mut give);
                }
                gauge.set(state.rows.len());
                let first = state.pending.first_key_value().map(|(instant, _)| *instant);
                if announced != Some(first) {
                    announced = Some(first);
                    next.session(&next_cap).give((worker, first));
                }
            }
        }
    });
    (out_stream.as_collection(), next_stream)
}

/// The rows, their multiplicities, and whose next instant is when.
struct State<D> {
    clock: Millis,
    rows: HashMap<D, isize>,
    pending: BTreeMap<Millis, BTreeSet<D>>,
}

impl<D> Default for State<D> {
    fn default() -> Self {
        State { clock: Millis(i64::MIN), rows: HashMap::new(), pending: BTreeMap::new() }
    }
}

impl<D: Clone + Ord + Hash> State<D> {
    /// Moves the clock on, and the rows whose instants it passes.
    fn pass<T: Timed>(
        &mut self,
        clock: Millis,
        instants: &impl Fn(&D) -> T,
        give: &mut impl FnMut(D, T::Phase, isize),
    ) {
        let before = self.clock;
        self.clock = self.clock.max(clock);
        while let Some(entry) = self.pending.first_entry().filter(|entry| *entry.key() <= self.clock) {
            for row in entry.remove() {
                let count = self.rows.get(&row).copied().unwrap_or(0);
                let instants = instants(&row);
                give(row.clone(), instants.phase(before), -count);
                give(row.clone(), instants.phase(self.clock), count);
                if let Some(next) = instants.next(self.clock) {
                    self.pending.entry(next).or_default().insert(row);
                }
            }
        }
    }

    /// Changes the multiplicity of a row.
    fn change<T: Timed>(
        &mut self,
        row: D,
        diff: isize,
        instants: &impl Fn(&D) -> T,
        give: &mut impl FnMut(D, T::Phase, isize),
    ) {
        let of = instants(&row);
        give(row.clone(), of.phase(self.clock), diff);
        let count = self.rows.entry(row.clone()).or_insert(0);
        *count += diff;
        let gone = *count == 0;
        if gone {
            self.rows.remove(&row);
        }
        let Some(next) = of.next(self.clock) else { return };
        if gone {
            if let Some(rows) = self.pending.get_mut(&next) {
                rows.remove(&row);
                if rows.is_empty() {
                    self.pending.remove(&next);
                }
            }
        } else {
            self.pending.entry(next).or_default().insert(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::DAY_MS;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};
    use timely::dataflow::operators::{Input, Inspect};

    type Row = (u8, Instants);
    /// A clock in days, rows that come, and which of those there go.
    type Step = (i64, Vec<Row>, Vec<usize>);
    type Shown = Vec<(Epoch, (Row, Phase), isize)>;
    type Nexts = Vec<(Epoch, usize, Option<Millis>)>;

    fn run(workers: usize, steps: Vec<(Millis, Vec<(Row, isize)>)>) -> (Shown, Nexts) {
        let out = Arc::new(Mutex::new((Shown::new(), Nexts::new())));
        let (shown, nexts) = (out.clone(), out.clone());
        let guards = timely::execute(timely::Config::process(workers), move |worker| {
            let (shown, nexts) = (shown.clone(), nexts.clone());
            let (mut rows, mut clocks) = worker.dataflow::<Epoch, _, _>(|scope| {
                let (rows, row_stream) = scope.new_input::<Vec<(Row, Epoch, isize)>>();
                let (clocks, clock_stream) = scope.new_input::<Vec<Millis>>();
                let (phased, next) =
                    phases(row_stream.as_collection(), clock_stream, |(_, instants): &Row| *instants, "Phases");
                phased.inspect(move |(row, epoch, diff)| shown.lock().expect("out").0.push((*epoch, *row, *diff)));
                next.inspect_time(move |epoch, (worker, next)| {
                    nexts.lock().expect("out").1.push((*epoch, *worker, *next))
                });
                (rows, clocks)
            });
            let mine = if worker.index() == 0 { steps.as_slice() } else { &[] };
            for (epoch, (clock, changes)) in mine.iter().enumerate() {
                let epoch = epoch as Epoch;
                changes.iter().for_each(|(row, diff)| rows.send((*row, epoch, *diff)));
                clocks.send(*clock);
                rows.advance_to(epoch + 1);
                clocks.advance_to(epoch + 1);
                if epoch.is_multiple_of(2) {
                    worker.step();
                }
            }
        });
        drop(guards.expect("workers"));
        let mut out = out.lock().expect("out");
        std::mem::take(&mut *out)
    }

    fn row() -> impl Strategy<Value = Row> {
        let days = |days: i64| Millis(days * DAY_MS);
        (0..3u8, prop::option::of(0..12i64), 0..12i64)
            .prop_map(move |(id, opens, due)| (id, Instants { opens_at: opens.map(days), due_at: days(due) }))
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = (0..4i64, prop::collection::vec(row(), 0..3), prop::collection::vec(0..9usize, 0..3));
        prop::collection::vec(step, 1..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn at_every_epoch_each_row_has_the_phase_of_the_clock(steps in steps(), workers in 1..=3usize) {
            let (mut clock, mut live, mut fed, mut expected) = (Millis(0), Vec::new(), Vec::new(), Vec::new());
            for (days, come, go) in steps {
                clock = clock.plus_days(days);
                let mut changes: Vec<(Row, isize)> = come.iter().map(|row| (*row, 1)).collect();
                live.extend(come);
                for at in go {
                    if at < live.len() {
                        changes.push((live.remove(at), -1));
                    }
                }
                fed.push((clock, changes));
                expected.push((clock, live.clone()));
            }
            let (shown, nexts) = run(workers, fed);
            for (epoch, (clock, live)) in expected.into_iter().enumerate() {
                let mut oracle: BTreeMap<(Row, Phase), isize> = BTreeMap::new();
                live.iter().for_each(|row| *oracle.entry((*row, row.1.phase(clock))).or_default() += 1);
                let mut folded: BTreeMap<(Row, Phase), isize> = BTreeMap::new();
                let until = shown.iter().filter(|(at, ..)| *at <= epoch as Epoch);
                until.for_each(|(_, row, diff)| *folded.entry(*row).or_default() += diff);
                folded.retain(|_, count| *count != 0);
                prop_assert_eq!(folded, oracle, "epoch {}", epoch);
                let mut next: BTreeMap<usize, (Epoch, Option<Millis>)> = BTreeMap::new();
                for (at, worker, instant) in nexts.iter().filter(|(at, ..)| *at <= epoch as Epoch) {
                    let latest = next.entry(*worker).or_insert((*at, *instant));
                    *latest = (*latest).max((*at, *instant));
                }
                let next = next.values().filter_map(|(_, instant)| *instant).min();
                let oracle = live.iter().filter_map(|(_, instants)| instants.next(clock)).min();
                prop_assert_eq!(next, oracle, "the next instant at epoch {}", epoch);
            }
        }
    }
}
