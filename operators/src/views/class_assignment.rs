//! `class_assignment`: how far a class is with each assignment.

use super::standing::{Part, Standing, Standings};
use super::student_assignment::Progress;
use super::{int, row, text, View};
use crate::pairs::Task;
use crate::tally::tally;
use crate::Rows;
use inkflow_schemas::{Id, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A row of `class_assignment`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClassAssignment {
    class_id: Id,
    assignment_id: Id,
    standing: Standing,
}

/// One row for each assignment, over its given pairs.
pub fn class_assignment<'s>(
    progress: Rows<'s, Arc<Progress>>,
    tasks: Rows<'s, Arc<Task>>,
) -> Rows<'s, ClassAssignment> {
    let key = |task: &Task| (task.class_id.clone(), task.assignment_id.clone());
    let pairs = progress.map(move |progress| (key(&progress.task), Part::Pair(Standing::of(&progress))));
    let rows = tasks.map(move |task| (key(&task), Part::Exists)).concat(pairs);
    tally::<_, Standings>(rows, "ClassAssignment").map(|((class_id, assignment_id), standing)| ClassAssignment {
        class_id,
        assignment_id,
        standing,
    })
}

impl View for ClassAssignment {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "class_assignment",
        doc: "How far a class is with each assignment",
        key_columns: 2,
        columns: &[
            text("class_id", "The class"),
            text("assignment_id", "The assignment"),
            int("students", "Students whom it is given to"),
            int("complete", "Of these, complete"),
            int("on_time", "Of these, complete with every upload by the due date"),
            int("awaiting", "Of these, all in, a page waits for its reading"),
            int("incomplete", "Of these, all in, a page is not complete"),
            int("open", "Of these, not all in, with time left"),
            int("overdue", "Of these, not all in, and due"),
            int("completion_bp", "The mean completion of all of them, in basis points, rounded down; empty over none"),
            int("pending", "Counted pages of theirs without a reading yet"),
            int("reshoot", "Counted pages of theirs that are unusable or failed"),
        ],
    };
    fn cells(&self) -> Row {
        let s = &self.standing;
        row([
            &self.class_id,
            &self.assignment_id,
            &s.assigned,
            &s.complete,
            &s.on_time,
            &s.awaiting,
            &s.incomplete,
            &s.open,
            &s.overdue,
            &s.completion_bp(),
            &s.pages_pending,
            &s.pages_reshoot,
        ])
    }
}
