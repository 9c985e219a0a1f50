//! Pages: of each (student, assignment, page) the counting submission and the teacher's review.
//!
//! The counting submission is the greatest by (uploaded_at, submission_id, photo's uri, version); the order of the
//! fields of [`Upload`] is that order. One more tells copies of a record apart: of the same submission admitted twice
//! the earlier admission counts, because `class_day` measures from it; the later is garbage.

use crate::keep::{keep, Keep, ToldStream};
use crate::latest::challenge;
use crate::{Epoch, Rows};
use inkflow_schemas::{Bp, Id, Millis, Photo, ReviewStatus};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// An assignment's page.
pub type PageOf = (Id, u16);

/// A submission, less its key, with its admission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Upload {
    /// When it was uploaded.
    pub uploaded_at: Millis,
    /// Tells uploads of one millisecond apart.
    pub submission_id: Id,
    /// The photo.
    pub photo: Photo,
    /// The epoch that admitted it.
    pub admitted: Reverse<Epoch>,
    /// The clock of that epoch.
    pub admitted_at: Millis,
}

/// A review, less its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Judged {
    /// When the teacher judged.
    pub reviewed_at: Millis,
    /// The judgement.
    pub status: ReviewStatus,
    /// How complete, where the teacher said so.
    pub completion: Option<Bp>,
}

/// What is told of a page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PageTold {
    /// A submission was admitted.
    Upload(Arc<Upload>),
    /// A review was admitted, or deleted.
    Review(Option<Arc<Judged>>),
}

/// What is known of a page; never both empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PageFacts {
    /// The counting submission.
    pub upload: Option<Arc<Upload>>,
    /// The review.
    pub review: Option<Arc<Judged>>,
}

/// A row that the journal can delete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PageGarbage {
    /// Whose page.
    pub student_id: Id,
    /// Which page.
    pub page: PageOf,
    /// The submission, or none where the row is the review.
    pub upload: Option<Arc<Upload>>,
}

/// The state of a page.
pub struct Pages;

impl Keep for Pages {
    type Group = Id;
    type Key = PageOf;
    type Command = PageTold;
    type State = PageFacts;
    type Value = PageFacts;
    type Garbage = PageGarbage;

    fn tell(student: &Id, page: &PageOf, state: &mut PageFacts, told: PageTold, garbage: &mut Vec<PageGarbage>) {
        match told {
            PageTold::Review(review) => state.review = review,
            PageTold::Upload(upload) => challenge(&mut state.upload, upload, |lost| {
                garbage.push(PageGarbage { student_id: student.clone(), page: page.clone(), upload: Some(lost) });
            }),
        }
    }
    fn value(state: &PageFacts) -> Option<PageFacts> {
        (!Pages::forgettable(state)).then(|| state.clone())
    }
    fn forgettable(state: &PageFacts) -> bool {
        state.upload.is_none() && state.review.is_none()
    }
    fn evict(student: &Id, page: &PageOf, state: PageFacts, garbage: &mut Vec<PageGarbage>) {
        let row = |upload| PageGarbage { student_id: student.clone(), page: page.clone(), upload };
        garbage.extend(state.upload.map(|upload| row(Some(upload))));
        garbage.extend(state.review.map(|_| row(None)));
    }
}

/// What is known of each page, ((student, page), facts), and the rows that can never count again.
#[allow(clippy::type_complexity)]
pub fn pages<'s>(told: ToldStream<'s, Pages>) -> (Rows<'s, ((Id, PageOf), PageFacts)>, Rows<'s, PageGarbage>) {
    keep::<Pages>(told, "Pages")
}
