//! `keep`: one state for each key, changed by what is told of it; its value goes on as a collection.
//!
//! This is where logs become collections: the newest submission of a page, the current row of an upserted key, the
//! answers known of a photo. A state is held in a map and not in an arrangement, because it must give what it replaces
//! at once and no operator downstream needs its history: on the catch-up benchmark that is twice as fast as a `reduce`.
//!
//! Keys belong to groups, and a group can be evicted whole: that is how an erased student leaves. What a state gives
//! up for good, because no later record can bring it back, comes out as garbage, so that a following epoch can delete
//! it from the journal.

use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::Stream;

use crate::held::Gauge;
use crate::stash::Stash;
use crate::{Epoch, Rows};

/// What is told of keyed state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Told<G, K, C> {
    /// Of this key of this group: this.
    Key(G, K, C),
    /// This group is gone, with all its keys.
    Evict(G),
}

/// A state that is kept for each key, how it changes, and what it shows.
///
/// Within an epoch the order of what is told is arbitrary, so `tell` must give the same state for every order.
pub trait Keep: 'static {
    /// Keys are evicted by group, and a group lives on one worker.
    type Group: ExchangeData + Hash;
    /// The key within its group.
    type Key: ExchangeData;
    /// What can be told of a key.
    type Command: ExchangeData;
    /// The state of a key.
    type State: Default;
    /// What the state shows.
    type Value: ExchangeData;
    /// What can be deleted from the journal.
    type Garbage: ExchangeData;

    /// Changes the state; pushes what it gives up for good.
    fn tell(
        group: &Self::Group,
        key: &Self::Key,
        state: &mut Self::State,
        told: Self::Command,
        garbage: &mut Vec<Self::Garbage>,
    );
    /// What the state shows; none where it shows nothing, and it is dropped if it is also [`Keep::forgettable`].
    fn value(state: &Self::State) -> Option<Self::Value>;
    /// True for a state that equals the default, so that memory stays proportional to live rows.
    fn forgettable(state: &Self::State) -> bool;
    /// The state's group was evicted: pushes all that it held.
    fn evict(group: &Self::Group, key: &Self::Key, state: Self::State, garbage: &mut Vec<Self::Garbage>);
}

/// What is told of keyed state, as the stream that a source gives.
pub type ToldStream<'s, S> = Stream<'s, Epoch, Vec<Told<<S as Keep>::Group, <S as Keep>::Key, <S as Keep>::Command>>>;

/// What a key shows: ((group, key), value).
pub type Shown<S> = ((<S as Keep>::Group, <S as Keep>::Key), <S as Keep>::Value);

type Held<S> = FxHashMap<<S as Keep>::Group, BTreeMap<<S as Keep>::Key, <S as Keep>::State>>;

/// The worker that a key belongs to.
pub(crate) fn route<K: Hash>(key: &K) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Keeps a state of kind `S` for each key that the stream tells of.
///
/// Gives the collection ((group, key), value), and the garbage as a stream in the epoch in which it became garbage.
pub fn keep<'s, S: Keep>(told: ToldStream<'s, S>, name: &str) -> (Rows<'s, Shown<S>>, Rows<'s, S::Garbage>) {
    let gauge = Gauge::new(told.scope().worker(), name);
    let mut builder = OperatorBuilder::new(name.to_owned(), told.scope());
    let exchange = Exchange::new(|told: &Told<S::Group, S::Key, S::Command>| match told {
        Told::Key(group, ..) | Told::Evict(group) => route(group),
    });
    let mut input = builder.new_input(told, exchange);
    let (values, value_stream) = builder.new_output();
    let (garbage, garbage_stream) = builder.new_output();
    let mut values = OutputBuilder::<_, CapacityContainerBuilder<Vec<(Shown<S>, Epoch, isize)>>>::from(values);
    let mut garbage = OutputBuilder::<_, CapacityContainerBuilder<Vec<(S::Garbage, Epoch, isize)>>>::from(garbage);

    builder.build(move |_| {
        let mut gauge = gauge;
        let mut waiting = Stash::default();
        let mut held: Held<S> = Held::<S>::default();
        let mut rows = 0;
        let mut spent = Vec::new();
        move |frontiers| {
            input.for_each(|capability, told| {
                waiting.take(*capability.time(), told, || (capability.retain(0), capability.retain(1)));
            });
            let (mut values, mut garbage) = (values.activate(), garbage.activate());
            // Epochs are applied whole and in order, however their records arrived.
            while let Some((time, (value_cap, garbage_cap), stash)) = waiting.next(&[&frontiers[0]]) {
                let mut session = values.session(&value_cap);
                for told in stash {
                    rows += apply::<S>(&mut held, told, &mut spent, |shown, diff| session.give((shown, time, diff)));
                }
                gauge.set(usize::try_from(rows).unwrap_or(0));
                garbage.session(&garbage_cap).give_iterator(spent.drain(..).map(|g| (g, time, 1)));
            }
        }
    });
    (value_stream.as_collection(), garbage_stream.as_collection())
}

/// Applies what is told; gives by how much the number of states changed.
fn apply<S: Keep>(
    held: &mut Held<S>,
    told: Told<S::Group, S::Key, S::Command>,
    spent: &mut Vec<S::Garbage>,
    mut give: impl FnMut(Shown<S>, isize),
) -> isize {
    match told {
        Told::Key(group, key, command) => {
            let mut keys = match held.entry(group.clone()) {
                Entry::Occupied(keys) => keys,
                Entry::Vacant(place) => place.insert_entry(BTreeMap::new()),
            };
            let states_before = keys.get().len();
            let state = keys.get_mut().entry(key.clone()).or_default();
            let before = S::value(state);
            S::tell(&group, &key, state, command, spent);
            let after = S::value(state);
            if S::forgettable(state) {
                keys.get_mut().remove(&key);
            }
            let states = keys.get().len();
            if states == 0 {
                keys.remove();
            }
            if before != after {
                if let Some(value) = before {
                    give(((group.clone(), key.clone()), value), -1);
                }
                if let Some(value) = after {
                    give(((group, key), value), 1);
                }
            }
            states as isize - states_before as isize
        }
        Told::Evict(group) => {
            let states = held.remove(&group).unwrap_or_default();
            let evicted = states.len() as isize;
            for (key, state) in states {
                if let Some(value) = S::value(&state) {
                    give(((group.clone(), key.clone()), value), -1);
                }
                S::evict(&group, &key, state, spent);
            }
            -evicted
        }
    }
}

/// The collection of a stream of updates; names the type for callers outside differential.
pub fn collection<D: Clone + 'static>(
    stream: Stream<'_, Epoch, Vec<(D, Epoch, isize)>>,
) -> VecCollection<'_, Epoch, D, isize> {
    stream.as_collection()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::Held;
    use crate::latest::latest_by;
    use timely::dataflow::operators::capture::Extract;
    use timely::dataflow::operators::{Capture, Input};

    type ToldUpload = Told<char, u8, u32>;

    /// Rows and garbage of these epochs, and how many states there were after the last.
    fn run(epochs: Vec<Vec<ToldUpload>>) -> (Vec<(u64, isize, char, u8, u32)>, Vec<u32>, i64) {
        let (rows, lost, states) = timely::execute_directly(move |worker| {
            let held = Held::default();
            held.watch(worker);
            let (mut input, rows, lost) = worker.dataflow::<Epoch, _, _>(|scope| {
                let (input, told) = scope.new_input::<Vec<_>>();
                let (rows, lost) = latest_by::<char, u8, u32>(told, "Uploads");
                (input, rows.inner.capture(), lost.inner.capture())
            });
            for (epoch, told) in epochs.into_iter().enumerate() {
                told.into_iter().for_each(|told| input.send(told));
                input.advance_to(epoch as Epoch + 1);
            }
            for _ in 0..10 {
                worker.step();
            }
            let states = held.rows().get("Uploads").copied().unwrap_or(0);
            (rows, lost, states)
        });
        let rows = rows.extract().into_iter().flat_map(|(_, rows)| rows);
        let mut rows: Vec<_> = rows.map(|(((group, key), row), epoch, diff)| (epoch, diff, group, key, row)).collect();
        rows.sort_unstable();
        let lost = lost.extract().into_iter().flat_map(|(_, lost)| lost).map(|((_, _, row), _, _)| row).collect();
        (rows, lost, states)
    }

    #[test]
    fn an_evicted_group_is_gone_and_all_that_it_held_is_garbage() {
        let told =
            vec![vec![Told::Key('a', 1, 10), Told::Key('a', 2, 20), Told::Key('b', 1, 30)], vec![Told::Evict('a')]];
        let (rows, mut lost, states) = run(told);
        let come = [(0, 1, 'a', 1, 10), (0, 1, 'a', 2, 20), (0, 1, 'b', 1, 30)];
        assert_eq!(rows, [&come[..], &[(1, -1, 'a', 1, 10), (1, -1, 'a', 2, 20)]].concat());
        lost.sort_unstable();
        assert_eq!((lost, states), (vec![10, 20], 1));
    }

    #[test]
    fn a_row_that_shows_nothing_new_gives_no_change() {
        let told = vec![vec![Told::Key('a', 1, 10)], vec![Told::Key('a', 1, 10)], vec![Told::Key('a', 1, 9)]];
        assert_eq!(run(told), (vec![(0, 1, 'a', 1, 10)], vec![9], 1));
    }

    #[test]
    fn within_an_epoch_any_order_comes_to_the_same() {
        let net = |told: Vec<ToldUpload>| {
            let (rows, mut lost, states) = run(vec![told]);
            let mut counts = BTreeMap::new();
            rows.into_iter()
                .for_each(|(_, diff, group, key, row)| *counts.entry((group, key, row)).or_insert(0) += diff);
            counts.retain(|_, count| *count != 0);
            lost.sort_unstable();
            (counts, lost, states)
        };
        let told = [Told::Key('a', 1, 2), Told::Key('a', 1, 3), Told::Key('a', 1, 1)];
        let first = net(told.to_vec());
        for turn in 1..3 {
            let mut told = told.to_vec();
            told.rotate_left(turn);
            assert_eq!(net(told), first);
        }
    }
}
