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
