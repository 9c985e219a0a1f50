//! `page_status`: what is known of each page handed in or reviewed, and why.

use super::{flag, int, row, text, View};
use crate::counted::Counted;
use crate::pages::{PageFacts, Upload};
use crate::pairs::PairOf;
use crate::readings::Answer;
use crate::Rows;
use inkflow_schemas::{Bp, Fault, Id, Millis, ModelName, Outcome, Quality, Reading, ReviewStatus, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Below so many basis points a page is blank.
pub const BLANK_BELOW_BP: u16 = 500;

/// The status of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PageState {
    /// Its pair does not exist, or the assignment has no such page.
    Unassigned,
    /// No reading yet.
    Pending,
    /// The photo could not be read; the reason says why.
    Failed,
    /// The photo shows no page that can be judged; the reason says why.
    Unusable,
    /// All done, by the assignment's threshold.
    Complete,
    /// Nothing done.
    Blank,
    /// Some of it done.
    Partial,
}

impl PageState {
    /// The name in views.
    pub fn as_str(self) -> &'static str {
        match self {
            PageState::Unassigned => "unassigned",
            PageState::Pending => "pending",
            PageState::Failed => "failed",
            PageState::Unusable => "unusable",
            PageState::Complete => "complete",
            PageState::Blank => "blank",
            PageState::Partial => "partial",
        }
    }
    /// The state that a reading gives, by the threshold of its assignment.
    pub fn of_reading(reading: &Reading, complete_from_bp: u16) -> PageState {
        let completion = reading.completion.map_or(0, Bp::get);
        match reading.quality {
            Quality::Ok if completion >= complete_from_bp => PageState::Complete,
            Quality::Ok if completion < BLANK_BELOW_BP => PageState::Blank,
            Quality::Ok => PageState::Partial,
            _ => PageState::Unusable,
        }
    }
    /// The state that a review gives.
    pub fn of_review(status: ReviewStatus) -> PageState {
        match status {
            ReviewStatus::Complete => PageState::Complete,
            ReviewStatus::Partial => PageState::Partial,
            ReviewStatus::Blank => PageState::Blank,
            ReviewStatus::Unusable => PageState::Unusable,
        }
    }
}

/// What a review that gives no completion stands for.
pub fn review_completion(status: ReviewStatus, given: Option<Bp>) -> Bp {
    given.unwrap_or(match status {
        ReviewStatus::Complete => Bp::WHOLE,
        ReviewStatus::Partial => Bp::HALF,
        ReviewStatus::Blank | ReviewStatus::Unusable => Bp::ZERO,
    })
}

/// Why a page failed or is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The photo could not be read.
    Fault(Fault),
    /// The photo shows no page that can be judged.
    Quality(Quality),
}

/// The status of a counted page, with what it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Status {
    /// The page.
    pub page: Arc<Counted>,
    /// The live model's answer, where there is one, whether or not a review outranks it.
    pub answer: Option<Answer>,
    /// The status.
    pub state: PageState,
    /// How complete; empty counts as 0 in sums.
    pub completion: Option<Bp>,
}

impl Status {
    /// The live model's reading, where there is one.
    pub fn reading(&self) -> Option<&Reading> {
        match &self.answer.as_ref()?.outcome {
            Outcome::Read(reading) => Some(reading),
            Outcome::Failed { .. } => None,
        }
    }
}

/// The status of a counted page with that answer of its live model. Tested in the order of the contract.
pub fn judge(page: Arc<Counted>, answer: Option<Answer>) -> Status {
    let (state, completion) = match (page.outranking_review(), answer.map(|answer| answer.outcome)) {
        (Some(review), _) => {
            (PageState::of_review(review.status), Some(review_completion(review.status, review.completion)))
        }
        (None, None) => (PageState::Pending, None),
        (None, Some(Outcome::Failed { .. })) => (PageState::Failed, None),
        (None, Some(Outcome::Read(reading))) => {
            (PageState::of_reading(&reading, page.task.complete_from_bp), reading.completion)
        }
    };
    Status { page, answer, state, completion }
}

/// The status of every counted page: those with an upload as `resolve` gives them, and those on paper.
pub fn statuses<'s>(
    counted: Rows<'s, Arc<Counted>>,
    live: Rows<'s, (Arc<Counted>, Option<Answer>)>,
) -> Rows<'s, Status> {
    let on_paper = counted.filter(|page| page.upload().is_none()).map(|page| judge(page, None));
    live.map(|(page, answer)| judge(page, answer)).concat(on_paper)
}

/// A row of `page_status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PageStatus {
    student_id: Id,
    assignment_id: Id,
    page: u16,
    submission_id: Option<Id>,
    uploaded_at: Option<Millis>,
    state: PageState,
    completion: Option<Bp>,
    confidence: Option<Bp>,
    reason: Option<Reason>,
    model: Option<ModelName>,
    reviewed: bool,
}

impl PageStatus {
    fn of_status(status: &Status) -> PageStatus {
        let page = &status.page;
        let reviewed = page.outranking_review().is_some();
        let read = status.reading().filter(|_| !reviewed);
        let reason = match (status.state, status.answer.map(|answer| answer.outcome)) {
            (PageState::Failed, Some(Outcome::Failed { fault, .. })) => Some(Reason::Fault(fault)),
            (PageState::Unusable, Some(Outcome::Read(reading))) if !reviewed => Some(Reason::Quality(reading.quality)),
            _ => None,
        };
        PageStatus {
            student_id: page.student_id.clone(),
            assignment_id: page.task.assignment_id.clone(),
            page: page.page,
            submission_id: page.upload().map(|upload| upload.submission_id.clone()),
            uploaded_at: page.upload().map(|upload| upload.uploaded_at),
            state: status.state,
            completion: status.completion,
            confidence: read.and_then(|reading| reading.confidence),
            reason,
            model: (!reviewed).then(|| page.seat.models.live.clone()),
            reviewed,
        }
    }

    fn unassigned((student_id, assignment_id): PairOf, page: u16, facts: &PageFacts) -> PageStatus {
        let upload: Option<&Upload> = facts.upload.as_deref();
        PageStatus {
            student_id,
            assignment_id,
            page,
            submission_id: upload.map(|upload| upload.submission_id.clone()),
            uploaded_at: upload.map(|upload| upload.uploaded_at),
            state: PageState::Unassigned,
            completion: None,
            confidence: None,
            reason: None,
            model: None,
            reviewed: false,
        }
    }
}

/// One row for each page with a submission or a review, counted or not.
pub fn page_status<'s>(
    statuses: Rows<'s, Status>,
    uncounted: Rows<'s, (PairOf, (u16, PageFacts))>,
) -> Rows<'s, PageStatus> {
    let unassigned = uncounted.map(|(pair, (page, facts))| PageStatus::unassigned(pair, page, &facts));
    statuses.map(|status| PageStatus::of_status(&status)).concat(unassigned)
}

impl View for PageStatus {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "page_status",
        doc: "What is known of each page handed in or reviewed, and why",
        key_columns: 3,
        columns: &[
            text("student_id", "Whose page"),
            text("assignment_id", "Of which assignment"),
            int("page", "Which page of it, from 1"),
            text("submission_id", "The counting submission; empty for a page on paper"),
            int("uploaded_at", "When it was uploaded, in ms since 1970; empty for a page on paper"),
            text("status", "unassigned, pending, failed, unusable, complete, blank or partial"),
            int("completion_bp", "How complete the page is, in basis points; empty where that is not known"),
            int("confidence_bp", "How sure the model is, in basis points"),
            text("reason", "Why it failed or is unusable"),
            text("model", "The model that reads it; empty where a review decides"),
            flag("reviewed", "True where a teacher's review decides"),
        ],
    };
    fn cells(&self) -> Row {
        let reason = self.reason.map(|reason| match reason {
            Reason::Fault(fault) => fault.as_str(),
            Reason::Quality(quality) => quality.as_str(),
        });
        row([
            &self.student_id,
            &self.assignment_id,
            &self.page,
            &self.submission_id,
            &self.uploaded_at,
            &self.state.as_str(),
            &self.completion,
            &self.confidence,
            &reason,
            &self.model,
            &self.reviewed,
        ])
    }
}
