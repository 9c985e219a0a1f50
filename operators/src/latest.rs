//! `latest_by`: of each key the greatest row; all others are garbage, as none of them can ever count again.
//!
//! Rows need no order and may come twice. A row that equals the one kept is not garbage: it is that row.

use crate::keep::{keep, Keep, ToldStream};
use crate::Rows;
use differential_dataflow::ExchangeData;
use std::cmp::Ordering;
use std::hash::Hash;
use std::marker::PhantomData;

/// The state of a key: its greatest row, by the row's own order.
pub struct Latest<G, K, V>(PhantomData<(G, K, V)>);

/// Puts `row` in `kept` if it is greater, and what loses into `lost`.
pub fn challenge<V: Ord>(kept: &mut Option<V>, row: V, mut lost: impl FnMut(V)) {
    let order = kept.as_ref().map_or(Ordering::Greater, |kept| row.cmp(kept));
    match order {
        Ordering::Greater => {
            if let Some(loser) = kept.replace(row) {
                lost(loser);
            }
        }
        Ordering::Less => lost(row),
        Ordering::Equal => {}
    }
}

impl<G: ExchangeData + Hash, K: ExchangeData, V: ExchangeData> Keep for Latest<G, K, V> {
    type Group = G;
    type Key = K;
    type Command = V;
    type State = Option<V>;
    type Value = V;
    type Garbage = (G, K, V);

    fn tell(group: &G, key: &K, state: &mut Option<V>, told: V, garbage: &mut Vec<(G, K, V)>) {
        challenge(state, told, |lost| garbage.push((group.clone(), key.clone(), lost)));
    }
    fn value(state: &Option<V>) -> Option<V> {
        state.clone()
    }
    fn forgettable(state: &Option<V>) -> bool {
        state.is_none()
    }
    fn evict(group: &G, key: &K, state: Option<V>, garbage: &mut Vec<(G, K, V)>) {
        garbage.extend(state.map(|row| (group.clone(), key.clone(), row)));
    }
}

/// Of each key the greatest row: the collection ((group, key), row), and the rows that lost.
///
/// ```
/// use inkflow_operators::keep::Told;
/// use inkflow_operators::latest::latest_by;
/// use timely::dataflow::operators::{Capture, capture::Extract, Input};
///
/// let (rows, lost) = timely::execute_directly(|worker| {
///     let (mut input, out) = worker.dataflow::<u64, _, _>(|scope| {
///         let (input, told) = scope.new_input::<Vec<_>>();
///         let (rows, lost) = latest_by(told, "Uploads");
///         (input, (rows.inner.capture(), lost.inner.capture()))
///     });
///     input.send(Told::Key('a', 1, 700));
///     input.advance_to(1);
///     input.send(Told::Key('a', 1, 650));
///     out
/// });
/// assert_eq!(rows.extract().into_iter().flat_map(|(_, r)| r).collect::<Vec<_>>(), vec![((('a', 1), 700), 0, 1)]);
/// assert_eq!(lost.extract().into_iter().flat_map(|(_, l)| l).collect::<Vec<_>>(), vec![(('a', 1, 650), 1, 1)]);
/// ```
pub fn latest_by<'s, G, K, V>(
    told: ToldStream<'s, Latest<G, K, V>>,
    name: &str,
) -> (Rows<'s, ((G, K), V)>, Rows<'s, (G, K, V)>)
where
    G: ExchangeData + Hash,
    K: ExchangeData,
    V: ExchangeData,
{
    keep::<Latest<G, K, V>>(told, name)
}
