//! The terms of views.md that several views share: pairs, models, and pages with their status.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use crate::folder::{Counting, State};
use crate::readings::{Answer, Question, Reading};
use crate::records::{Assignment, Enrolment, PageKey, Policy, Review, Submission};
use crate::Options;

/// "The pair (student, assignment) exists while the student is enrolled in the assignment's class and the assignment exists."
#[derive(Debug)]
pub struct Pair<'a> {
    pub student: &'a str,
    pub class: &'a str,
    pub assignment_id: &'a str,
    pub assignment: &'a Assignment,
    pub given: bool,
    pub live: &'a str,
    pub shadow: Option<&'a str>,
}

/// The pairs by (student, assignment). An assignment is in one class, so there is at most one enrolment to it.
pub type Pairs<'a> = BTreeMap<(&'a str, &'a str), Pair<'a>>;

pub fn pairs<'a>(state: &'a State, options: &'a Options, clock: i64) -> Pairs<'a> {
    let mut pairs = Pairs::new();
    for ((student, class), enrolment) in &state.enrolments {
        for (assignment_id, assignment) in &state.assignments {
            if assignment.class != *class {
                continue;
            }
            let (live, shadow) = models(state, options, student, class, enrolment);
            let given = is_given(enrolment, assignment, clock);
            let pair = Pair { student, class, assignment_id, assignment, given, live, shadow };
            pairs.insert((student, assignment_id), pair);
        }
    }
    pairs
}

/// "It is given from opens_at on (at once without it), and not at all when due_at < the enrolment's since."
fn is_given(enrolment: &Enrolment, assignment: &Assignment, clock: i64) -> bool {
    let is_open = assignment.opens_at.is_none_or(|opens_at| clock >= opens_at);
    let is_too_early = enrolment.since.is_some_and(|since| assignment.due_at < since);
    is_open && !is_too_early
}

/// The live model and the shadow: "of the policies of `class:` its class, else `school:` the school in that enrolment, else
/// `*`, the first that exists. With none of the three, the flow's configured model and no shadow."
fn models<'a>(
    state: &'a State,
    options: &'a Options,
    student: &str,
    class: &str,
    enrolment: &Enrolment,
) -> (&'a str, Option<&'a str>) {
    let scopes = [format!("class:{class}"), format!("school:{}", enrolment.school), "*".to_string()];
    for scope in scopes {
        if let Some(policy) = state.policies.get(&scope) {
            return (live_model(&scope, policy, student), policy.shadow.as_deref());
        }
    }
    (&options.configured_model, None)
}

/// "With a canary of P percent, a student whose XXH3-64("scope\0student_id", seed 0) mod 100 < P gets the canary's model."
fn live_model<'a>(scope: &str, policy: &'a Policy, student: &str) -> &'a str {
    let bucket = xxh3_64(format!("{scope}\0{student}").as_bytes()) % 100;
    match &policy.canary {
        Some((model, percent)) if (bucket as i64) < *percent => model,
        _ => &policy.live,
    }
}

/// A page that was handed in as a photo, on paper (a review without a submission), or both.
#[derive(Debug)]
pub struct Page<'a> {
    pub key: &'a PageKey,
    pub submission: Option<&'a Submission>,
    /// The clock of the epoch that admitted the submission.
    pub admitted_at: i64,
    /// The review, where it outranks the submission.
    pub review: Option<&'a Review>,
    /// There when the page is counted.
    pub pair: Option<&'a Pair<'a>>,
    pub status: &'static str,
    pub completion_bp: Option<i64>,
    pub confidence_bp: Option<i64>,
    /// A fault, or a quality that is not `ok`.
    pub reason: Option<&'static str>,
    /// The live model, where its reading is the page's status.
    pub model: Option<&'a str>,
    pub reading: Option<Reading>,
    pub shadow_reading: Option<Reading>,
}

/// "One row for each key with a submission or a review."
pub fn pages<'a>(state: &'a State, options: &Options, pairs: &'a Pairs<'a>) -> Vec<Page<'a>> {
    let keys: BTreeSet<&PageKey> = state.submissions.keys().chain(state.reviews.keys()).collect();
    keys.into_iter().map(|key| page(state, options, pairs, key)).collect()
}

fn page<'a>(state: &'a State, options: &Options, pairs: &'a Pairs<'a>, key: &'a PageKey) -> Page<'a> {
    let (student, assignment_id, number) = (key.0.as_str(), key.1.as_str(), key.2);
    let counting: Option<&Counting> = state.submissions.get(key);
    let submission = counting.map(|counting| &counting.submission);
    // "With a review and no submission, or one whose reviewed_at >= uploaded_at." "A later upload is judged afresh."
    let review = state
        .reviews
        .get(key)
        .filter(|review| submission.is_none_or(|submission| review.reviewed_at >= submission.uploaded_at));
    // "A page is counted when its pair exists and page <= assignment.pages."
    let pair = pairs.get(&(student, assignment_id)).filter(|pair| number <= pair.assignment.pages);
    let page = Page {
        key,
        submission,
        admitted_at: counting.map_or(i64::MIN, |counting| counting.admitted_at),
        review,
        pair,
        status: "unassigned",
        completion_bp: None,
        confidence_bp: None,
        reason: None,
        model: None,
        reading: None,
        shadow_reading: None,
    };
    match pair {
        Some(pair) => judge(state, options, pair, page),
        None => page,
    }
}

/// The status of a counted page, and its readings whether they decide that status or not.
fn judge<'a>(state: &'a State, options: &Options, pair: &'a Pair<'a>, mut page: Page<'a>) -> Page<'a> {
    let answer = |model| {
        let question = question(options, pair, &page, model)?;
        state.answers.answer(&question)
    };
    let live_answer = answer(pair.live);
    let shadow_answer = pair.shadow.and_then(answer);
    page.reading = live_answer.and_then(Answer::reading);
    page.shadow_reading = shadow_answer.and_then(Answer::reading);
    match (page.review, page.submission) {
        (Some(review), _) => {
            page.status = review.status;
            page.completion_bp = Some(review_completion(review));
        }
        (None, Some(_)) => {
            page.model = Some(pair.live);
            match live_answer {
                None => page.status = "pending",
                Some(Answer::Fault(fault)) => {
                    page.status = "failed";
                    page.reason = Some(fault);
                }
                Some(Answer::Reading(reading)) => {
                    page.status = reading_status(&reading, pair.assignment);
                    page.completion_bp = reading.completion_bp;
                    page.confidence_bp = reading.confidence_bp;
                    page.reason = Some(reading.quality).filter(|quality| *quality != "ok");
                }
            }
        }
        (None, None) => unreachable!("a page has a submission, or a review that nothing outranks"),
    }
    page
}

/// What a reader by that model is asked for a counted page with a submission: "(photo, model), and the template page for a
/// model whose manifest says that it reads templates".
pub fn question(options: &Options, pair: &Pair<'_>, page: &Page<'_>, model: &str) -> Option<Question> {
    let template = pair.assignment.template.get(&page.key.2);
    let reads_templates = options.template_models.contains(model);
    Some(Question {
        photo: page.submission?.photo(),
        model: model.to_string(),
        template: template.filter(|_| reads_templates).cloned(),
    })
}

/// "In demand: the photos of the counting submissions of counted pages, reviewed or not, under the live model and under the
/// shadow."
pub fn demand(options: &Options, pages: &[Page<'_>]) -> BTreeSet<Question> {
    let of_page = |page: &Page<'_>| {
        let models = page.pair.map(|pair| [Some(pair.live), pair.shadow]);
        let models: Vec<&str> = models.into_iter().flatten().flatten().collect();
        let ask = |model| question(options, page.pair?, page, model);
        models.into_iter().filter_map(ask).collect::<Vec<_>>()
    };
    pages.iter().flat_map(of_page).collect()
}

/// "Its completion_bp, or without one 10000, 5000, 0, 0 for complete, partial, blank, unusable."
pub fn review_completion(review: &Review) -> i64 {
    review.completion_bp.unwrap_or(match review.status {
        "complete" => 10_000,
        "partial" => 5000,
        _ => 0,
    })
}

/// "Quality not ok `unusable`; completion_bp >= complete_from_bp `complete`; < 500 `blank`; else `partial`." A run that ends
/// leaves nothing `pending`: recorded answers know every photo, if only as `not_found`. One that goes on does.
pub fn reading_status(reading: &Reading, assignment: &Assignment) -> &'static str {
    match reading.completion_bp {
        None => "unusable",
        Some(bp) if bp >= assignment.complete_from_bp => "complete",
        Some(bp) if bp < 500 => "blank",
        Some(_) => "partial",
    }
}
