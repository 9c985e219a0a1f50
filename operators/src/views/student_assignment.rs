//! `student_assignment`: how far each student is with each assignment given.

use super::page_status::{PageState, Status};
use super::{flag, int, row, text, View};
use crate::pairs::{Pair, PairOf, Task};
use crate::phases::Phase;
use crate::tally::{tally, Summary};
use crate::Rows;
use inkflow_schemas::{Bp, Id, Millis, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The status of a student's assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProgressState {
    /// Every page is complete.
    Complete,
    /// Every page is in, and a page waits for its reading.
    Awaiting,
    /// Every page is in, and read, and one is not complete.
    Incomplete,
    /// Not every page is in, and there is time.
    Open,
    /// Not every page is in, and the due date has passed.
    Overdue,
}

impl ProgressState {
    /// The name in views.
    pub fn as_str(self) -> &'static str {
        match self {
            ProgressState::Complete => "complete",
            ProgressState::Awaiting => "awaiting",
            ProgressState::Incomplete => "incomplete",
            ProgressState::Open => "open",
            ProgressState::Overdue => "overdue",
        }
    }
}

/// How far a student is with an assignment: a row of `student_assignment`, with what other views need of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// The student.
    pub student_id: Id,
    /// The assignment.
    pub task: Arc<Task>,
    /// Where the clock stands among its instants.
    pub phase: Phase,
    /// Its pages: received, pending, complete, unusable or failed.
    pub pages: PageCounts,
    /// The mean over the pages expected, in basis points, rounded down.
    pub completion_bp: i64,
    /// The status.
    pub state: ProgressState,
    /// Complete, with every upload in time.
    pub on_time: bool,
    /// The greatest upload time.
    pub last_upload: Option<Millis>,
}

/// Counts of an assignment's pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PageCounts {
    /// With a submission or a review.
    pub received: i64,
    /// Without a reading yet.
    pub pending: i64,
    /// Complete.
    pub complete: i64,
    /// Unusable or failed: to be photographed again.
    pub reshoot: i64,
}

/// What makes up a student's assignment: that it is given, and its pages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// The pair is given.
    Given(Arc<Task>, Phase),
    /// A counted page, its completion and its upload.
    Page(PageState, Option<Bp>, Option<Millis>),
}

/// The progress of one (student, assignment): sums, and the few times of its uploads.
#[derive(Default)]
pub struct Progressing {
    given: Vec<((Arc<Task>, Phase), isize)>,
    pages: PageCounts,
    completion_sum_bp: i64,
    uploads: Vec<(Millis, isize)>,
}

/// Adds to the multiplicity of `item` in a small multiset.
fn add<T: PartialEq>(items: &mut Vec<(T, isize)>, item: T, diff: isize) {
    match items.iter().position(|(known, _)| *known == item) {
        None => {
            items.reserve_exact(1);
            items.push((item, diff));
        }
        Some(at) => {
            items[at].1 += diff;
            if items[at].1 == 0 {
                items.swap_remove(at);
            }
        }
    }
}

impl Summary for Progressing {
    type Row = Part;
    type Shown = Progress0;

    fn update(&mut self, part: Part, diff: isize) {
        match part {
            Part::Given(task, phase) => add(&mut self.given, (task, phase), diff),
            Part::Page(state, completion, uploaded_at) => {
                let diff_i64 = diff as i64;
                self.pages.received += diff_i64;
                self.completion_sum_bp += diff_i64 * completion.map_or(0, |bp| i64::from(bp.get()));
                match state {
                    PageState::Pending => self.pages.pending += diff_i64,
                    PageState::Complete => self.pages.complete += diff_i64,
                    PageState::Unusable | PageState::Failed => self.pages.reshoot += diff_i64,
                    PageState::Unassigned | PageState::Blank | PageState::Partial => {}
                }
                if let Some(uploaded_at) = uploaded_at {
                    add(&mut self.uploads, uploaded_at, diff);
                }
            }
        }
    }

    fn show(&self) -> Option<Progress0> {
        let ((task, phase), _) = self.given.iter().find(|(_, count)| *count > 0)?;
        let expected = i64::from(task.pages);
        let last_upload = self.uploads.iter().map(|(uploaded_at, _)| *uploaded_at).max();
        let complete = self.pages.complete == expected;
        let state = match () {
            () if complete => ProgressState::Complete,
            () if self.pages.received == expected && self.pages.pending > 0 => ProgressState::Awaiting,
            () if self.pages.received == expected => ProgressState::Incomplete,
            () if phase.due => ProgressState::Overdue,
            () => ProgressState::Open,
        };
        Some(Progress0 {
            task: task.clone(),
            phase: *phase,
            pages: self.pages,
            completion_bp: self.completion_sum_bp.div_euclid(expected),
            state,
            on_time: complete && last_upload.is_none_or(|last| last <= task.instants.due_at),
            last_upload,
        })
    }

    fn is_empty(&self) -> bool {
        self.given.is_empty() && self.uploads.is_empty() && self.pages == PageCounts::default()
    }
}

/// [`Progress`] less the student, who is the key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Progress0 {
    task: Arc<Task>,
    phase: Phase,
    pages: PageCounts,
    completion_bp: i64,
    state: ProgressState,
    on_time: bool,
    last_upload: Option<Millis>,
}

/// One row for each given pair, submitted or not, over its counted pages.
pub fn student_assignment<'s>(statuses: Rows<'s, Status>, pairs: Rows<'s, (PairOf, Pair)>) -> Rows<'s, Arc<Progress>> {
    let given = pairs.flat_map(|(key, pair)| pair.given().then(|| (key, Part::Given(pair.task.clone(), pair.phase))));
    let pages = statuses.map(|status| {
        let uploaded_at = status.page.upload().map(|upload| upload.uploaded_at);
        (status.page.pair(), Part::Page(status.state, status.completion, uploaded_at))
    });
    tally::<_, Progressing>(given.concat(pages), "StudentAssignment").map(|((student_id, _), shown)| {
        Arc::new(Progress {
            student_id,
            task: shown.task,
            phase: shown.phase,
            pages: shown.pages,
            completion_bp: shown.completion_bp,
            state: shown.state,
            on_time: shown.on_time,
            last_upload: shown.last_upload,
        })
    })
}

impl View for Progress {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "student_assignment",
        doc: "How far each student is with each assignment given",
        key_columns: 3,
        columns: &[
            text("student_id", "The student"),
            text("class_id", "The class that the assignment was given to"),
            text("assignment_id", "The assignment"),
            int("pages_expected", "Pages that the assignment has"),
            int("pages_received", "Counted pages with a submission or a review"),
            int("pages_pending", "Of these, without a reading yet"),
            int("pages_complete", "Of these, complete"),
            int("completion_bp", "The mean completion over the pages expected, in basis points, rounded down"),
            text("status", "complete, awaiting, incomplete, open or overdue"),
            flag("on_time", "True when complete with every upload by the due date"),
            int("last_upload", "The greatest upload time, in ms since 1970"),
        ],
    };
    fn cells(&self) -> Row {
        row([
            &self.student_id,
            &self.task.class_id,
            &self.task.assignment_id,
            &self.task.pages,
            &self.pages.received,
            &self.pages.pending,
            &self.pages.complete,
            &self.completion_bp,
            &self.state.as_str(),
            &self.on_time,
            &self.last_upload,
        ])
    }
}
