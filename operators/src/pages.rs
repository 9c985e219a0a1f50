//! Pages: of each (student, assignment, page) the counting submission and the teacher's review.
//!
//! The counting submission is the greatest by (uploaded_at, submission_id, photo's uri, version), which is the order of
//! [`Upload`]. More tells copies of a record apart: of the same submission admitted twice the earlier admission counts,
//! because `class_day` measures from it; the later is garbage, whatever it says of the photo's length.

use crate::keep::{keep, Keep, ToldStream};
use crate::latest::challenge;
use crate::{Epoch, Rows};
use inkflow_schemas::{Bp, Id, Millis, Photo, ReviewStatus};
use serde::{Deserialize, Serialize};
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

/// An assignment's page.
pub type PageOf = (Id, u16);

/// A submission, less its key, with its admission.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl Ord for Upload {
    fn cmp(&self, other: &Upload) -> Ordering {
        let rank = self.uploaded_at.cmp(&other.uploaded_at);
        rank.then_with(|| self.submission_id.cmp(&other.submission_id))
            .then_with(|| self.photo.key.cmp(&other.photo.key))
            .then_with(|| self.admitted.cmp(&other.admitted))
            .then_with(|| self.admitted_at.cmp(&other.admitted_at))
            .then_with(|| self.photo.cmp(&other.photo))
    }
}

impl PartialOrd for Upload {
    fn partial_cmp(&self, other: &Upload) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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
pub fn pages<'s>(told: ToldStream<'s, Pages>) -> (Rows<'s, ((Id, PageOf), PageFacts)>, Rows<'s, PageGarbage>) {
    keep::<Pages>(told, "Pages")
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::PhotoKey;

    fn upload(version: &str, bytes: u64, epoch: Epoch) -> Arc<Upload> {
        let key = PhotoKey { uri: "a.jpg".into(), version: version.into() };
        Arc::new(Upload {
            uploaded_at: Millis(5),
            submission_id: Id::new("s").expect("an id"),
            photo: Photo { key, bytes: Some(bytes), sha256: None },
            admitted: Reverse(epoch),
            admitted_at: Millis(1_000 + epoch as i64),
        })
    }

    #[test]
    fn of_copies_the_first_admitted_counts_whatever_they_say_of_the_length() {
        let mut garbage = Vec::new();
        let mut state = PageFacts::default();
        let (student, page) = (Id::new("ana").expect("an id"), (Id::new("h").expect("an id"), 1));
        for copy in [upload("v1", 10, 1), upload("v1", 99, 2), upload("v1", 1, 2)] {
            Pages::tell(&student, &page, &mut state, PageTold::Upload(copy), &mut garbage);
        }
        assert_eq!((state.upload.clone(), garbage.len()), (Some(upload("v1", 10, 1)), 2));
        Pages::tell(&student, &page, &mut state, PageTold::Upload(upload("v2", 1, 3)), &mut garbage);
        assert_eq!((state.upload, garbage.len()), (Some(upload("v2", 1, 3)), 3));
    }
}
