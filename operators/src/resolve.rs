//! `resolve`: an effect as a dataflow step.
//!
//! `demand` is a collection of questions with what asked them; `ledger` is the collection of questions answered so far,
//! at most one answer each. Every row of demand comes out with its answer, or with none while there is none yet. What
//! has none is `missing`: the work queue, maintained like any other collection. Somebody outside answers it, the answer
//! is admitted through the journal and re-enters in the ledger at a later epoch. So nothing is asked again after a
//! restart, a replay, a retraction or a change of mind, and no slow answer holds back an epoch.
//!
//! `missing` is a multiset: a question counts once for each row that waits for it, so that no arrangement is needed to
//! make it a set. The queue asks a question while its count is positive, once.

use crate::Rows;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::ValSpine;
use differential_dataflow::ExchangeData;
use std::hash::Hash;

use crate::Epoch;

/// The answers known, arranged by question: share it between the demands of one reader.
pub type Ledger<'s, Q, A> = Arranged<'s, TraceAgent<ValSpine<Q, A, Epoch, isize>>>;

/// What `resolve` gives.
pub struct Resolved<'s, Q, V, A>
where
    Q: ExchangeData + Hash,
    V: ExchangeData,
    A: ExchangeData,
{
    /// What has its answer: (question, what asks it, answer).
    pub answered: Rows<'s, (Q, V, A)>,
    /// What waits for an answer: (question, what asks it), as often as it does.
    pub missing: Rows<'s, (Q, V)>,
}

/// Answers `demand` from `ledger`; what is not there is missing.
///
/// ```
/// use differential_dataflow::input::Input;
/// use inkflow_operators::resolve::resolve;
/// use timely::dataflow::operators::{Capture, capture::Extract};
///
/// let (rows, missing) = timely::execute_directly(|worker| {
///     let (mut demand, mut ledger, out) = worker.dataflow::<u64, _, _>(|scope| {
///         let (demand_in, demand) = scope.new_collection::<(char, u32), isize>();
///         let (ledger_in, ledger) = scope.new_collection::<(char, char), isize>();
///         let resolved = resolve(demand, ledger.arrange_by_key());
///         (demand_in, ledger_in, (resolved.rows().inner.capture(), resolved.missing.inner.capture()))
///     });
///     demand.insert(('p', 7));
///     demand.advance_to(1);
///     ledger.advance_to(1);
///     ledger.insert(('p', 'x'));
///     out
/// });
/// let mut rows: Vec<_> = rows.extract().into_iter().flat_map(|(_, rows)| rows).collect();
/// rows.sort();
/// assert_eq!(rows, vec![((7, None), 0, 1), ((7, None), 1, -1), ((7, Some('x')), 1, 1)]);
/// let missing: Vec<_> = missing.extract().into_iter().flat_map(|(_, rows)| rows).collect();
/// assert_eq!(missing, vec![(('p', 7), 0, 1), (('p', 7), 1, -1)]);
/// ```
pub fn resolve<'s, Q, V, A>(demand: Rows<'s, (Q, V)>, ledger: Ledger<'s, Q, A>) -> Resolved<'s, Q, V, A>
where
    Q: ExchangeData + Hash,
    V: ExchangeData,
    A: ExchangeData,
{
    let demand = demand.arrange_by_key_named("Demand");
    let answered =
        demand.clone().join_core(ledger, |question, value, answer| [(question.clone(), value.clone(), answer.clone())]);
    let missing = demand
        .as_collection(|question, value| (question.clone(), value.clone()))
        .concat(answered.clone().map(|(question, value, _)| (question, value)).negate());
    Resolved { answered, missing }
}

impl<'s, Q, V, A> Resolved<'s, Q, V, A>
where
    Q: ExchangeData + Hash,
    V: ExchangeData,
    A: ExchangeData,
{
    /// Every row of demand with the answer to its question, or none yet.
    pub fn rows(&self) -> Rows<'s, (V, Option<A>)> {
        let waiting = self.missing.clone().map(|(_, value)| (value, None));
        waiting.concat(self.answered.clone().map(|(_, value, answer)| (value, Some(answer))))
    }
}
