//! `tally`: a summary for each key, kept up to date by the changes of its rows.
//!
//! A summary takes a row with its multiplicity, positive or negative, and says at any time what it shows. Sums, counts
//! of counts and exact percentiles are such summaries; each costs what changed, not what is there. It is held in a map:
//! nothing downstream needs its history, and a key's summary is emitted once an epoch, however many rows changed.

use crate::held::Gauge;
use crate::keep::route;
use crate::stash::Stash;
use crate::{Epoch, Rows};
use differential_dataflow::{AsCollection, ExchangeData};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::Operator;

/// A summary of a multiset of rows.
pub trait Summary: Default + 'static {
    /// What it summarises.
    type Row: ExchangeData;
    /// What it shows.
    type Shown: ExchangeData;
    /// Takes the change of a row's multiplicity.
    fn update(&mut self, row: Self::Row, diff: isize);
    /// What it shows; none where the key has no row in the result.
    fn show(&self) -> Option<Self::Shown>;
    /// True when all that came has gone, so that the key can be forgotten.
    fn is_empty(&self) -> bool;
}

/// Summarises the rows of each key: the collection (key, what the summary shows).
///
/// ```
/// use differential_dataflow::input::Input;
/// use inkflow_operators::tally::{tally, Summary};
/// use timely::dataflow::operators::{Capture, capture::Extract};
///
/// #[derive(Default)]
/// struct Sum(isize, isize);
/// impl Summary for Sum {
///     type Row = isize;
///     type Shown = isize;
///     fn update(&mut self, row: isize, diff: isize) { self.0 += row * diff; self.1 += diff; }
///     fn show(&self) -> Option<isize> { (self.1 > 0).then_some(self.0) }
///     fn is_empty(&self) -> bool { self.1 == 0 }
/// }
///
/// let sums = timely::execute_directly(|worker| {
///     let (mut input, sums) = worker.dataflow::<u64, _, _>(|scope| {
///         let (input, rows) = scope.new_collection::<(char, isize), isize>();
///         (input, tally::<_, Sum>(rows, "Sums").inner.capture())
///     });
///     input.insert(('a', 2));
///     input.insert(('a', 3));
///     input.advance_to(1);
///     input.remove(('a', 2));
///     sums
/// });
/// let sums: Vec<_> = sums.extract().into_iter().flat_map(|(_, rows)| rows).collect();
/// assert_eq!(sums, vec![(('a', 5), 0, 1), (('a', 3), 1, 1), (('a', 5), 1, -1)]);
/// ```
pub fn tally<'s, K, S>(rows: Rows<'s, (K, S::Row)>, name: &str) -> Rows<'s, (K, S::Shown)>
where
    K: ExchangeData + Hash,
    S: Summary,
{
    let exchange = Exchange::new(|((key, _), _, _): &((K, S::Row), Epoch, isize)| route(key));
    let gauge = Gauge::new(rows.scope().worker(), name);
    rows.inner
        .unary_frontier(exchange, name, |_, _| {
            let mut gauge = gauge;
            let mut waiting = Stash::default();
            let mut kept: FxHashMap<K, S> = FxHashMap::default();
            move |(input, frontier), output| {
                input.for_each(|capability, rows| {
                    waiting.take_updates(rows, |epoch| capability.delayed(&epoch, 0));
                });
                while let Some((time, capability, stash)) = waiting.next(&[frontier]) {
                    let mut session = output.session(&capability);
                    for (key, (before, after)) in absorb(&mut kept, stash) {
                        if before != after {
                            if let Some(shown) = before {
                                session.give(((key.clone(), shown), time, -1));
                            }
                            if let Some(shown) = after {
                                session.give(((key, shown), time, 1));
                            }
                        }
                    }
                    gauge.set(kept.len());
                }
            }
        })
        .as_collection()
}

type Change<S> = (Option<<S as Summary>::Shown>, Option<<S as Summary>::Shown>);

/// Applies an epoch's changes; gives what each touched key showed before and shows now.
fn absorb<K, S>(
    kept: &mut FxHashMap<K, S>,
    rows: impl Iterator<Item = ((K, S::Row), Epoch, isize)>,
) -> FxHashMap<K, Change<S>>
where
    K: ExchangeData + Hash,
    S: Summary,
{
    let mut touched: FxHashMap<K, Change<S>> = FxHashMap::default();
    for ((key, row), _, diff) in rows {
        let summary = match kept.entry(key.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(S::default()),
        };
        if let Entry::Vacant(entry) = touched.entry(key) {
            entry.insert((summary.show(), None));
        }
        summary.update(row, diff);
    }
    for (key, (_, after)) in &mut touched {
        if let Entry::Occupied(entry) = kept.entry(key.clone()) {
            *after = entry.get().show();
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
    touched
}

#[cfg(test)]
mod tests {
    use super::*;
    use differential_dataflow::input::Input;
    use timely::dataflow::operators::capture::Extract;
    use timely::dataflow::operators::Capture;

    #[derive(Default)]
    struct Count(isize);
    impl Summary for Count {
        type Row = ();
        type Shown = isize;
        fn update(&mut self, (): (), diff: isize) {
            self.0 += diff;
        }
        fn show(&self) -> Option<isize> {
            (self.0 > 0).then_some(self.0)
        }
        fn is_empty(&self) -> bool {
            self.0 == 0
        }
    }

    #[test]
    fn epochs_that_come_at_once_through_a_join_stay_apart() {
        let counts = timely::execute_directly(|worker| {
            let (mut left, mut right, counts) = worker.dataflow::<Epoch, _, _>(|scope| {
                let (left_in, left) = scope.new_collection::<(char, u8), isize>();
                let (right_in, right) = scope.new_collection::<(char, u8), isize>();
                let rows = left.join_map(right, |key, _, _| (*key, ()));
                (left_in, right_in, tally::<_, Count>(rows, "Counts").inner.capture())
            });
            right.insert(('a', 0));
            left.insert(('a', 1));
            // Both epochs are there before the worker takes a step.
            left.advance_to(1);
            left.insert(('a', 2));
            left.advance_to(2);
            right.advance_to(2);
            counts
        });
        let counts: Vec<_> = counts.extract().into_iter().flat_map(|(_, rows)| rows).collect();
        assert_eq!(counts, vec![(('a', 1), 0, 1), (('a', 1), 1, -1), (('a', 2), 1, 1)]);
    }
}
