//! Counted pages: those whose pair exists and which the assignment has; and what is asked of a reader for them.

use crate::pages::{Judged, PageFacts, PageOf, Upload};
use crate::pairs::{Pair, PairOf, Seat, Task};
use crate::Rows;
use inkflow_schemas::{Id, ModelName, Question, TemplatePage};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A page that counts, with all that its status depends on but the reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Counted {
    /// Whose.
    pub student_id: Id,
    /// The assignment.
    pub task: Arc<Task>,
    /// Which page of it.
    pub page: u16,
    /// Through which seat.
    pub seat: Arc<Seat>,
    /// True when the assignment is given to the student.
    pub given: bool,
    /// The submission and the review; never both empty.
    pub facts: PageFacts,
}

impl Counted {
    /// The counting submission.
    pub fn upload(&self) -> Option<&Upload> {
        self.facts.upload.as_deref()
    }
    /// The review, where it outranks the upload: there is none, or none after it.
    pub fn outranking_review(&self) -> Option<&Judged> {
        let review = self.facts.review.as_deref()?;
        self.upload().is_none_or(|upload| review.reviewed_at >= upload.uploaded_at).then_some(review)
    }
    /// The blank page, where the assignment has one.
    pub fn blank(&self) -> Option<&Arc<TemplatePage>> {
        self.task.template.iter().find(|blank| blank.page == self.page)
    }
    /// (student, assignment).
    pub fn pair(&self) -> PairOf {
        (self.student_id.clone(), self.task.assignment_id.clone())
    }
}

/// Who waits for an answer: a page, for its status or only for a comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Asking {
    /// The page.
    pub page: Arc<Counted>,
    /// True for the shadow's question.
    pub shadow: bool,
}

/// The pages that count, and those that do not, by key, with what is known of them.
pub fn counted<'s>(
    pages: Rows<'s, ((Id, PageOf), PageFacts)>,
    pairs: Rows<'s, (PairOf, Pair)>,
) -> (Rows<'s, Arc<Counted>>, Rows<'s, (PairOf, (u16, PageFacts))>) {
    let pages = pages
        .map(|((student, (assignment, page)), facts)| ((student, assignment), (page, facts)))
        .arrange_by_key_named("Pages");
    // A phase moves few of the things that a page depends on; without the others, most of its changes cancel here.
    let pairs = pairs.map(|(key, pair)| (key, (pair.given(), pair.seat, pair.task))).arrange_by_key_named("Pairs");
    let counted = pages.clone().join_core(pairs, |(student, _), (page, facts), (given, seat, task)| {
        (*page <= task.pages).then(|| {
            Arc::new(Counted {
                student_id: student.clone(),
                task: task.clone(),
                page: *page,
                seat: seat.clone(),
                given: *given,
                facts: facts.clone(),
            })
        })
    });
    let uncounted = pages
        .as_collection(|pair, page| (pair.clone(), page.clone()))
        .concat(counted.clone().map(|page| (page.pair(), (page.page, page.facts.clone()))).negate());
    (counted, uncounted)
}

/// What is asked for the counted pages, reviewed or not: the live model's reading, and the shadow's where that is
/// another model. Only a model that reads templates is asked with one.
pub fn questions<'s>(
    counted: Rows<'s, Arc<Counted>>,
    reads_templates: impl Fn(&ModelName) -> bool + 'static,
) -> Rows<'s, (Question, Asking)> {
    counted.flat_map(move |page| {
        let photo = page.upload().map(|upload| upload.photo.key.clone());
        let models = &page.seat.models;
        let shadow = models.shadow.as_ref().filter(|shadow| **shadow != models.live);
        let asked: Vec<_> = photo
            .into_iter()
            .flat_map(|photo| {
                let live = (photo.clone(), &models.live, false);
                std::iter::once(live).chain(shadow.map(|shadow| (photo, shadow, true)))
            })
            .map(|(photo, model, shadow)| {
                let template = page.blank().filter(|_| reads_templates(model)).map(|blank| blank.photo.key.clone());
                let question = Question { photo, model: model.clone(), template };
                (question, Asking { page: page.clone(), shadow })
            })
            .collect();
        asked
    })
}
