//! Every view as a function of the state: nested loops over plain maps, with the sentences they implement.

use std::collections::{BTreeMap, BTreeSet};

use crate::csv::Cell;
use crate::folder::State;
use crate::homework::{count, homework, mean, tally, Homework};
use crate::readings::{Answer, Question, Reading};
use crate::records::Photo;
use crate::terms::{demand, pages, pairs, reading_status, review_completion, Page, Pairs};
use crate::time::{day_of, DAY_MS};
use crate::Options;

/// What the views are functions of, and the terms they share.
pub struct Facts<'a> {
    pub state: &'a State,
    pub options: &'a Options,
    pub clock: i64,
    pub pages: &'a [Page<'a>],
    pub homework: &'a [Homework<'a>],
}

type Rows = Vec<Vec<Cell>>;

/// The rows of every view, by its name.
pub fn all(state: &State, options: &Options, clock: i64) -> BTreeMap<&'static str, Rows> {
    let pairs: Pairs = pairs(state, options, clock);
    let pages = pages(state, options, &pairs);
    let homework = homework(&pairs, &pages, clock);
    let facts = Facts { state, options, clock, pages: &pages, homework: &homework };
    BTreeMap::from([
        ("page_status", page_status(&facts)),
        ("student_assignment", student_assignment(&facts)),
        ("student_completion", student_completion(&facts)),
        ("student_subject", student_subject(&facts)),
        ("student_recent", student_recent(&facts)),
        ("class_assignment", class_assignment(&facts)),
        ("class_day", class_day(&facts)),
        ("model_agreement", model_agreement(&facts)),
        ("review_agreement", review_agreement(&facts)),
        ("failed_photos", failed_photos(&facts)),
        ("rejected", rejected(&facts)),
        ("freshness", freshness(&facts)),
    ])
}

/// "One row for each key with a submission or a review (homework handed in on paper): then submission_id and uploaded_at are
/// empty. Not counted: status `unassigned`, the columns after it empty, reviewed false."
fn page_status(facts: &Facts) -> Rows {
    let row = |page: &Page| {
        let (student, assignment, number) = page.key;
        vec![
            student.as_str().into(),
            assignment.as_str().into(),
            (*number).into(),
            page.submission.map(|s| s.submission_id.as_str()).into(),
            page.submission.map(|s| s.uploaded_at).into(),
            page.status.into(),
            page.completion_bp.into(),
            page.confidence_bp.into(),
            page.reason.into(),
            page.model.into(),
            (page.pair.is_some() && page.review.is_some()).into(),
        ]
    };
    facts.pages.iter().map(row).collect()
}

/// "One row for each given pair, submitted or not, over its counted pages. pages_received: those with a row in page_status,
/// on paper too."
fn student_assignment(facts: &Facts) -> Rows {
    let row = |homework: &Homework| {
        vec![
            homework.pair.student.into(),
            homework.pair.class.into(),
            homework.pair.assignment_id.into(),
            homework.pair.assignment.pages.into(),
            (homework.pages.len() as i64).into(),
            homework.pages_pending.into(),
            homework.pages_complete.into(),
            homework.completion_bp.into(),
            homework.status.into(),
            homework.on_time.into(),
            homework.last_upload.into(),
        ]
    };
    facts.homework.iter().map(row).collect()
}

/// The mean "of those not open, so that homework set today lowers nobody".
fn student_tally(over: &[&Homework]) -> Vec<Cell> {
    tally(over, |homework| homework.status != "open")
}

/// The given pairs of one enrolment.
fn homework_of_enrolment<'a>(facts: &Facts<'a>, student: &str, class: &str) -> Vec<&'a Homework<'a>> {
    let is_of = |h: &&Homework| h.pair.student == student && h.pair.class == class;
    facts.homework.iter().filter(is_of).collect()
}

/// "One row for each enrolment, over its given pairs."
fn student_completion(facts: &Facts) -> Rows {
    let mut rows = Rows::new();
    for (student, class) in facts.state.enrolments.keys() {
        let over = homework_of_enrolment(facts, student, class);
        let key = vec![student.as_str().into(), class.as_str().into()];
        rows.push([key, student_tally(&over)].concat());
    }
    rows
}

/// "One row for each subject with a given pair."
fn student_subject(facts: &Facts) -> Rows {
    let mut rows = Rows::new();
    for (student, class) in facts.state.enrolments.keys() {
        let over = homework_of_enrolment(facts, student, class);
        let subjects: BTreeSet<&str> = over.iter().map(|h| h.pair.assignment.subject.as_str()).collect();
        for subject in subjects {
            let is_of = |h: &&&Homework| h.pair.assignment.subject == subject;
            let over: Vec<&Homework> = over.iter().filter(is_of).copied().collect();
            let key = vec![student.as_str().into(), class.as_str().into(), subject.into()];
            rows.push([key, student_tally(&over)].concat());
        }
    }
    rows
}

/// "Over given pairs with clock - days < due_at <= clock; one row for each enrolment and days in 7, 30."
fn student_recent(facts: &Facts) -> Rows {
    let mut rows = Rows::new();
    for (student, class) in facts.state.enrolments.keys() {
        for days in [7, 30] {
            let is_recent = |h: &&Homework| {
                let due_at = h.pair.assignment.due_at;
                facts.clock - days * DAY_MS < due_at && due_at <= facts.clock
            };
            let over = homework_of_enrolment(facts, student, class);
            let over: Vec<&Homework> = over.into_iter().filter(is_recent).collect();
            let key = vec![student.as_str().into(), class.as_str().into(), days.into()];
            rows.push([key, student_tally(&over)].concat());
        }
    }
    rows
}

/// "One row for each assignment, over its given pairs; completion_bp the mean of all of them; pending, reshoot: of their
/// counted pages, those pending, those unusable or failed."
fn class_assignment(facts: &Facts) -> Rows {
    let mut rows = Rows::new();
    for (assignment_id, assignment) in &facts.state.assignments {
        let is_of = |h: &&Homework| h.pair.assignment_id == assignment_id;
        let over: Vec<&Homework> = facts.homework.iter().filter(is_of).collect();
        let pages: Vec<&Page> = over.iter().flat_map(|h| h.pages.iter().copied()).collect();
        let pending = count(&pages, |page| page.status == "pending");
        let reshoot = count(&pages, |page| page.status == "unusable" || page.status == "failed");
        let key = vec![assignment.class.as_str().into(), assignment_id.as_str().into()];
        let pages = vec![pending.into(), reshoot.into()];
        rows.push([key, tally(&over, |_| true), pages].concat());
    }
    rows
}

/// "Over uploaded counted pages of given pairs, by the day of uploaded_at in the flow's time zone (UTC unless set). read:
/// neither pending nor failed."
fn class_day(facts: &Facts) -> Rows {
    let mut groups: BTreeMap<(&str, &str, String), Vec<&Page>> = BTreeMap::new();
    for homework in facts.homework {
        for page in &homework.pages {
            if let Some(submission) = page.submission {
                let day = day_of(submission.uploaded_at);
                let key = (homework.pair.class, homework.pair.assignment.subject.as_str(), day);
                groups.entry(key).or_default().push(page);
            }
        }
    }
    let row = |((class, subject, day), pages): ((&str, &str, String), Vec<&Page>)| {
        let seconds = seconds(facts, &pages);
        vec![
            class.into(),
            subject.into(),
            day.as_str().into(),
            (pages.len() as i64).into(),
            count(&pages, |page| page.status != "pending" && page.status != "failed").into(),
            count(&pages, |page| page.status == "complete").into(),
            nearest_rank(&seconds, 50).into(),
            nearest_rank(&seconds, 95).into(),
        ]
    };
    groups.into_iter().map(row).collect()
}

/// "Seconds: over those with a reading by the live model, from uploaded_at to the clock of the first epoch that had both the
/// counting submission and a reading of its photo by any model, rounded down, never below 0." In order, for the percentiles.
fn seconds(facts: &Facts, pages: &[&Page]) -> Vec<i64> {
    let read = pages.iter().filter(|page| page.reading.is_some());
    let seconds = |page: &&Page| {
        let submission = page.submission?;
        let first_reading = facts.state.answers.first_reading(&submission.photo());
        let both_known_at = page.admitted_at.max(first_reading);
        Some((both_known_at - submission.uploaded_at).max(0) / 1000)
    };
    let mut seconds: Vec<i64> = read.filter_map(seconds).collect();
    seconds.sort_unstable();
    seconds
}

/// "Percentiles by nearest rank, empty over none": the smallest that at least so many percent do not exceed.
fn nearest_rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// What model_agreement and review_agreement count of a group of pages.
#[derive(Default)]
struct Agreement {
    pages: i64,
    status_changed: i64,
    /// Completion by the second judge less that by the first, where both have one.
    deltas: Vec<i64>,
}

impl Agreement {
    fn add(&mut self, status_changed: bool, first: Option<i64>, second: Option<i64>) {
        self.pages += 1;
        self.status_changed += i64::from(status_changed);
        if let (Some(first), Some(second)) = (first, second) {
            self.deltas.push(second - first);
        }
    }

    /// "sum / number, rounded toward zero, empty over none."
    fn cells(&self) -> Vec<Cell> {
        vec![self.pages.into(), self.status_changed.into(), mean(&self.deltas).into()]
    }
}

/// "Over counted pages of given pairs read by both, live and shadow being two models; status_changed: their statuses by the
/// one and by the other reading differ, reviews aside; delta: over those ok in both, sum(shadow - live) / number, rounded
/// toward zero, empty over none. No row over no page."
fn model_agreement(facts: &Facts) -> Rows {
    let mut groups: BTreeMap<(&str, &str, &str), Agreement> = BTreeMap::new();
    for homework in facts.homework {
        let pair = homework.pair;
        let Some(shadow) = pair.shadow.filter(|shadow| *shadow != pair.live) else {
            continue;
        };
        for page in &homework.pages {
            let (Some(by_live), Some(by_shadow)) = (page.reading, page.shadow_reading) else {
                continue;
            };
            let status = |reading: &Reading| reading_status(reading, pair.assignment);
            let changed = status(&by_live) != status(&by_shadow);
            groups.entry((pair.class, pair.live, shadow)).or_default().add(
                changed,
                by_live.completion_bp,
                by_shadow.completion_bp,
            );
        }
    }
    let row = |((class, live, shadow), agreement): ((&str, &str, &str), Agreement)| {
        [vec![class.into(), live.into(), shadow.into()], agreement.cells()].concat()
    };
    groups.into_iter().map(row).collect()
}

/// "The same between the live model's reading and the review that outranks it: status_changed: reading's status is not the
/// review's; delta: review's completion - reading's, over those ok."
fn review_agreement(facts: &Facts) -> Rows {
    let mut groups: BTreeMap<(&str, &str), Agreement> = BTreeMap::new();
    for homework in facts.homework {
        let pair = homework.pair;
        for page in &homework.pages {
            let (Some(reading), Some(review)) = (page.reading, page.review) else {
                continue;
            };
            let changed = reading_status(&reading, pair.assignment) != review.status;
            groups.entry((pair.class, pair.live)).or_default().add(
                changed,
                reading.completion_bp,
                Some(review_completion(review)),
            );
        }
    }
    let row = |((class, model), agreement): ((&str, &str), Agreement)| {
        [vec![class.into(), model.into()], agreement.cells()].concat()
    };
    groups.into_iter().map(row).collect()
}

/// "Of photos in demand; template: the template photo's uri for a model that reads templates, else empty."
fn failed_photos(facts: &Facts) -> Rows {
    let demand = demand(facts.options, facts.pages);
    let fault = |question: &Question| match facts.state.answers.answer(question)? {
        Answer::Fault(fault) => Some(fault),
        Answer::Reading(_) => None,
    };
    // The view names a template by its uri alone, so two versions of one share a row.
    let mut failed: BTreeMap<(Photo, String, String), &str> = BTreeMap::new();
    for question in demand {
        if let Some(fault) = fault(&question) {
            let template = question.template.map(|(uri, _)| uri).unwrap_or_default();
            failed.insert((question.photo, template, question.model), fault);
        }
    }
    let row = |(((uri, version), template, model), fault): ((Photo, String, String), &str)| {
        let attempts = 1;
        vec![
            uri.as_str().into(),
            version.as_str().into(),
            template.as_str().into(),
            model.as_str().into(),
            fault.into(),
            attempts.into(),
        ]
    };
    failed.into_iter().map(row).collect()
}

/// A row for each record that was refused.
fn rejected(facts: &Facts) -> Rows {
    let row = |rejected: &crate::folder::Rejected| {
        vec![
            rejected.topic.into(),
            i64::from(rejected.partition).into(),
            (rejected.offset as i64).into(),
            rejected.reason.as_str().into(),
        ]
    };
    facts.state.rejected.iter().map(row).collect()
}

/// A row for each partition that holds a record. The epoch depends on how a run went: it stays empty.
fn freshness(facts: &Facts) -> Rows {
    let row = |partition: &crate::folder::Partition| {
        vec![
            partition.topic.into(),
            i64::from(partition.partition).into(),
            (partition.last_offset as i64).into(),
            partition.record_time.into(),
            Cell::Empty,
        ]
    };
    facts.state.partitions.iter().map(row).collect()
}
