//! Policies: which models read the photos of a class in a school, and of a student in them.

use crate::Rows;
use differential_dataflow::operators::ThresholdTotal;
use inkflow_schemas::{Canary, Id, ModelName, Policy, Scope};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// What a policy says, or the flow's configured model where there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Of the policy that applies: a canary is drawn by it.
    pub scope: Scope,
    /// The model whose readings count.
    pub live: ModelName,
    /// The model to compare with.
    pub shadow: Option<ModelName>,
    /// Students on another live model.
    pub canary: Option<Canary>,
}

/// The models for a student.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Models {
    /// The model whose readings count.
    pub live: ModelName,
    /// The model to compare with.
    pub shadow: Option<ModelName>,
}

impl Rule {
    /// The models for that student. A canary draws by XXH3-64 of scope, a zero byte and the student, so that the same
    /// students stay in it as its percentage grows.
    pub fn models(&self, student: &Id) -> Models {
        let in_canary = |canary: &&Canary| {
            let drawn = xxh3_64(format!("{}\0{student}", self.scope).as_bytes()) % 100;
            drawn < u64::from(canary.percent)
        };
        let live = self.canary.as_ref().filter(in_canary).map_or(&self.live, |canary| &canary.model);
        Models { live: live.clone(), shadow: self.shadow.clone() }
    }
}

impl From<&Policy> for Rule {
    fn from(policy: &Policy) -> Rule {
        Rule {
            scope: policy.scope.clone(),
            live: policy.live.clone(),
            shadow: policy.shadow.clone(),
            canary: policy.canary.clone(),
        }
    }
}

/// Where a student sits: (class, school).
pub type Place = (Id, Id);

/// The rule of each place: of the policies of its class, its school and everybody the first that exists, else `default`.
/// Work is in proportion to places, not to students.
pub fn rules<'s>(
    places: Rows<'s, Place>,
    policies: Rows<'s, (Scope, Arc<Policy>)>,
    default: ModelName,
) -> Rows<'s, (Place, Arc<Rule>)> {
    let places = places.distinct_total();
    let policies =
        policies.map(|(scope, policy)| (scope, Arc::new(Rule::from(&*policy)))).arrange_by_key_named("Policies");
    let of = |precedence: u8, scope: fn(&Place) -> Scope| {
        places
            .clone()
            .map(move |place| (scope(&place), place))
            .arrange_by_key_named("Scopes")
            .join_core(policies.clone(), move |_, place, rule| [(place.clone(), (precedence, rule.clone()))])
    };
    let default = Arc::new(Rule { scope: Scope::All, live: default, shadow: None, canary: None });
    let candidates = of(0, |(class, _)| Scope::Class(class.clone()))
        .concat(of(1, |(_, school)| Scope::School(school.clone())))
        .concat(of(2, |_| Scope::All))
        .concat(places.clone().map(move |place| (place, (3, default.clone()))));
    candidates.reduce(|_, candidates, first| {
        if let Some(((_, rule), _)) = candidates.first() {
            first.push((rule.clone(), 1));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_takes_none_at_0_all_at_100_and_keeps_its_students_as_it_grows() {
        let model = |name| ModelName::new(name).expect("a model");
        let rule = |percent| Rule {
            scope: Scope::All,
            live: model("a@1"),
            shadow: None,
            canary: Some(Canary { model: model("b@1"), percent }),
        };
        let students: Vec<Id> = (0..500).filter_map(|n| Id::new(&format!("s{n}"))).collect();
        let taken = |percent| -> Vec<&Id> {
            students.iter().filter(|s| rule(percent).models(s).live == model("b@1")).collect()
        };
        assert_eq!((taken(0).len(), taken(100).len()), (0, 500));
        let (ten, half) = (taken(10), taken(50));
        assert!(ten.iter().all(|s| half.contains(s)), "a canary that grows keeps whom it has");
        assert!((20..90).contains(&ten.len()) && (180..320).contains(&half.len()), "{} {}", ten.len(), half.len());
    }
}
