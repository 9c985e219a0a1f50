//! `upsert`: of each key the row told last; none deletes it.
//!
//! The admission seals at most one row of a key in an epoch, so there are no ties.

use crate::keep::{keep, Keep, Told, ToldStream};
use crate::Rows;
use differential_dataflow::ExchangeData;
use std::hash::Hash;
use std::marker::PhantomData;

/// The state of an upserted key: its row.
pub struct Upsert<G, K, V>(PhantomData<(G, K, V)>);

impl<G: ExchangeData + Hash, K: ExchangeData, V: ExchangeData> Keep for Upsert<G, K, V> {
    type Group = G;
    type Key = K;
    type Command = Option<V>;
    type State = Option<V>;
    type Value = V;
    /// The key of a row that went with its group.
    type Garbage = (G, K);

    fn tell(_: &G, _: &K, state: &mut Option<V>, told: Option<V>, _: &mut Vec<(G, K)>) {
        *state = told;
    }
    fn value(state: &Option<V>) -> Option<V> {
        state.clone()
    }
    fn forgettable(state: &Option<V>) -> bool {
        state.is_none()
    }
    fn evict(group: &G, key: &K, _: Option<V>, garbage: &mut Vec<(G, K)>) {
        garbage.push((group.clone(), key.clone()));
    }
}

/// Of each key the row told last: the collection ((group, key), row), and the keys that went with an evicted group.
///
/// ```
/// use inkflow_operators::keep::Told;
/// use inkflow_operators::upsert::upsert;
/// use timely::dataflow::operators::{Capture, capture::Extract, Input};
///
/// let rows = timely::execute_directly(|worker| {
///     let (mut input, rows) = worker.dataflow::<u64, _, _>(|scope| {
///         let (input, told) = scope.new_input::<Vec<_>>();
///         (input, upsert(told, "Rooms").0.inner.capture())
///     });
///     input.send(Told::Key('a', 'm', Some(1)));
///     input.advance_to(1);
///     input.send(Told::Key('a', 'm', Some(2)));
///     input.advance_to(2);
///     input.send(Told::Key('a', 'm', None));
///     rows
/// });
/// let rows: Vec<_> = rows.extract().into_iter().flat_map(|(_, rows)| rows).collect();
/// let key = ('a', 'm');
/// assert_eq!(rows, vec![((key, 1), 0, 1), ((key, 1), 1, -1), ((key, 2), 1, 1), ((key, 2), 2, -1)]);
/// ```
pub fn upsert<'s, G, K, V>(
    told: ToldStream<'s, Upsert<G, K, V>>,
    name: &str,
) -> (Rows<'s, ((G, K), V)>, Rows<'s, (G, K)>)
where
    G: ExchangeData + Hash,
    K: ExchangeData,
    V: ExchangeData,
{
    keep::<Upsert<G, K, V>>(told, name)
}

/// What is told of an upserted key.
pub type ToldUpsert<G, K, V> = Told<G, K, Option<V>>;
