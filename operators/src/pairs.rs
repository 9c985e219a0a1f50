//! Pairs: (student, assignment), while the student is enrolled in the assignment's class and the assignment exists.

use crate::phases::{Instants, Phase};
use crate::policy::{Models, Place, Rule};
use crate::Rows;
use inkflow_schemas::{Assignment, Bp, Id, Millis, TemplatePage, AREAS_MAX};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// From so many basis points on a page is complete, unless the assignment says otherwise.
pub const COMPLETE_FROM_DEFAULT_BP: u16 = 8_000;

/// An enrolment, less its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Enrolled {
    /// The school through which.
    pub school_id: Id,
    /// Since when.
    pub since: Option<Millis>,
}

/// An assignment, as far as the views need it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Task {
    /// The assignment.
    pub assignment_id: Id,
    /// Its class.
    pub class_id: Id,
    /// Its subject.
    pub subject: Id,
    /// Pages expected.
    pub pages: u16,
    /// From how many basis points on a page is complete.
    pub complete_from_bp: u16,
    /// When it opens and is due.
    pub instants: Instants,
    /// The blank pages, by page.
    pub template: Vec<Arc<TemplatePage>>,
}

impl From<&Assignment> for Task {
    fn from(assignment: &Assignment) -> Task {
        Task {
            assignment_id: assignment.assignment_id.clone(),
            class_id: assignment.class_id.clone(),
            subject: assignment.subject.clone(),
            pages: assignment.pages,
            complete_from_bp: assignment.complete_from.map_or(COMPLETE_FROM_DEFAULT_BP, Bp::get),
            instants: Instants { opens_at: assignment.opens_at, due_at: assignment.due_at },
            template: assignment.template.iter().map(blank).collect(),
        }
    }
}

/// A blank page, as far as readers compare with it: each question takes it along.
fn blank(page: &TemplatePage) -> Arc<TemplatePage> {
    let areas = page.areas.iter().take(AREAS_MAX).copied().collect();
    Arc::new(TemplatePage { areas, ..page.clone() })
}

/// A student's seat in a class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seat {
    /// The school through which.
    pub school_id: Id,
    /// Since when.
    pub since: Option<Millis>,
    /// Which models read the student's photos in this class.
    pub models: Models,
}

/// A student who has an assignment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pair {
    /// The seat through which.
    pub seat: Arc<Seat>,
    /// The assignment.
    pub task: Arc<Task>,
    /// Where the clock stands among the assignment's instants.
    pub phase: Phase,
}

impl Pair {
    /// True when the assignment is given to the student: it has opened, and was not due before the student came.
    pub fn given(&self) -> bool {
        self.phase.opened && self.seat.since.is_none_or(|since| self.task.instants.due_at >= since)
    }
}

/// (student, assignment), the key of a pair.
pub type PairOf = (Id, Id);

/// The pairs of these enrolments, ((student, class), enrolled), the rules of their places, and these tasks.
pub fn pairs<'s>(
    enrolments: Rows<'s, ((Id, Id), Enrolled)>,
    rules: Rows<'s, (Place, Arc<Rule>)>,
    tasks: Rows<'s, (Arc<Task>, Phase)>,
) -> Rows<'s, (PairOf, Pair)> {
    let seats = enrolments
        .map(|((student, class), enrolled)| ((class, enrolled.school_id), (student, enrolled.since)))
        .join_map(rules, |(class, school), (student, since), rule| {
            let seat = Seat { school_id: school.clone(), since: *since, models: rule.models(student) };
            (class.clone(), (student.clone(), Arc::new(seat)))
        });
    let tasks = tasks.map(|(task, phase)| (task.class_id.clone(), (task, phase)));
    seats.join_map(tasks, |_, (student, seat), (task, phase)| {
        let pair = Pair { seat: seat.clone(), task: task.clone(), phase: *phase };
        ((student.clone(), task.assignment_id.clone()), pair)
    })
}
