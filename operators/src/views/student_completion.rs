//! `student_completion`, `student_subject`, `student_recent`: how far each student is, over all that was given, by
//! subject, and over what was due lately.

use super::standing::{Part, Standing, Standings};
use super::student_assignment::Progress;
use super::{int, row, text, View};
use crate::phases::RECENT_DAYS;
use crate::tally::tally;
use crate::Rows;
use inkflow_schemas::{Column, Id, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A student in a class.
pub type SeatOf = (Id, Id);

/// A row of `student_completion`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StudentCompletion(SeatOf, Standing);

/// A row of `student_subject`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StudentSubject(SeatOf, Id, Standing);

/// A row of `student_recent`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StudentRecent(SeatOf, i64, Standing);

fn seat(progress: &Progress) -> SeatOf {
    (progress.student_id.clone(), progress.task.class_id.clone())
}

/// One row for each enrolment, over its given pairs.
pub fn student_completion<'s>(
    progress: Rows<'s, Arc<Progress>>,
    enrolments: Rows<'s, SeatOf>,
) -> Rows<'s, StudentCompletion> {
    let pairs = progress.map(|progress| (seat(&progress), Part::Pair(Standing::of(&progress))));
    let rows = enrolments.map(|seat| (seat, Part::Exists)).concat(pairs);
    tally::<_, Standings>(rows, "StudentCompletion").map(|(seat, standing)| StudentCompletion(seat, standing))
}

/// One row for each student, class and subject with a given pair.
pub fn student_subject<'s>(progress: Rows<'s, Arc<Progress>>) -> Rows<'s, StudentSubject> {
    let rows = progress.flat_map(|progress| {
        let key = (seat(&progress), progress.task.subject.clone());
        [(key.clone(), Part::Exists), (key, Part::Pair(Standing::of(&progress)))]
    });
    tally::<_, Standings>(rows, "StudentSubject")
        .map(|((seat, subject), standing)| StudentSubject(seat, subject, standing))
}

/// One row for each enrolment and each of 7 and 30 days, over the given pairs that fell due in them.
pub fn student_recent<'s>(progress: Rows<'s, Arc<Progress>>, enrolments: Rows<'s, SeatOf>) -> Rows<'s, StudentRecent> {
    let pairs = progress.flat_map(|progress| {
        let rows: Vec<_> = RECENT_DAYS
            .iter()
            .zip(progress.phase.recent)
            .filter(|(_, within)| *within)
            .map(|(days, _)| ((seat(&progress), *days), Part::Pair(Standing::of(&progress))))
            .collect();
        rows
    });
    let exist = enrolments.flat_map(|seat| RECENT_DAYS.map(|days| ((seat.clone(), days), Part::Exists)));
    tally::<_, Standings>(exist.concat(pairs), "StudentRecent")
        .map(|((seat, days), standing)| StudentRecent(seat, days, standing))
}

const STUDENT: Column = text("student_id", "The student");
const CLASS: Column = text("class_id", "The class that the student is enrolled in");
const ASSIGNED: Column = int("assigned", "Given assignments");
const COMPLETE: Column = int("complete", "Of these, complete");
const ON_TIME: Column = int("on_time", "Of these, complete with every upload by the due date");
const AWAITING: Column = int("awaiting", "Of these, all in, a page waits for its reading");
const INCOMPLETE: Column = int("incomplete", "Of these, all in, a page is not complete");
const OPEN: Column = int("open", "Of these, not all in, with time left");
const OVERDUE: Column = int("overdue", "Of these, not all in, and due");
const COMPLETION: Column =
    int("completion_bp", "The mean completion of those not open, in basis points, rounded down; empty over none");

impl View for StudentCompletion {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "student_completion",
        doc: "How far each student is, over all that was given",
        key_columns: 2,
        columns: &[STUDENT, CLASS, ASSIGNED, COMPLETE, ON_TIME, AWAITING, INCOMPLETE, OPEN, OVERDUE, COMPLETION],
    };
    fn cells(&self) -> Row {
        let StudentCompletion((student, class), s) = self;
        let completion = s.closed_completion_bp();
        row([
            student,
            class,
            &s.assigned,
            &s.complete,
            &s.on_time,
            &s.awaiting,
            &s.incomplete,
            &s.open,
            &s.overdue,
            &completion,
        ])
    }
}

impl View for StudentSubject {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "student_subject",
        doc: "How far each student is, by subject",
        key_columns: 3,
        columns: &[
            STUDENT,
            CLASS,
            text("subject", "The subject"),
            ASSIGNED,
            COMPLETE,
            ON_TIME,
            AWAITING,
            INCOMPLETE,
            OPEN,
            OVERDUE,
            COMPLETION,
        ],
    };
    fn cells(&self) -> Row {
        let StudentSubject((student, class), subject, s) = self;
        let completion = s.closed_completion_bp();
        row([
            student,
            class,
            subject,
            &s.assigned,
            &s.complete,
            &s.on_time,
            &s.awaiting,
            &s.incomplete,
            &s.open,
            &s.overdue,
            &completion,
        ])
    }
}

impl View for StudentRecent {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "student_recent",
        doc: "How far each student is with what fell due in the last days",
        key_columns: 3,
        columns: &[
            STUDENT,
            CLASS,
            int("days", "Due within so many days: 7 or 30"),
            ASSIGNED,
            COMPLETE,
            ON_TIME,
            AWAITING,
            INCOMPLETE,
            OPEN,
            OVERDUE,
            COMPLETION,
        ],
    };
    fn cells(&self) -> Row {
        let StudentRecent((student, class), days, s) = self;
        let completion = s.closed_completion_bp();
        row([
            student,
            class,
            days,
            &s.assigned,
            &s.complete,
            &s.on_time,
            &s.awaiting,
            &s.incomplete,
            &s.open,
            &s.overdue,
            &completion,
        ])
    }
}
