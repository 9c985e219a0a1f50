//! Records in: submissions, enrolments, assignments, reviews, model policies and erasures.
//!
//! A value of these types has been admitted by the rules of the contract: its ids, times and numbers are in range.

use crate::scalar::{Bp, Id, Millis, ModelName, Scope};
use ecow::EcoString;
use serde::{Deserialize, Serialize};

/// What a photo is: its uri and its version. Two submissions of one photo share one reading.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhotoKey {
    /// Where it lies: 1 to 2,048 bytes.
    pub uri: EcoString,
    /// The etag without quotes at its ends, else the sha256 in lower case, else empty.
    pub version: EcoString,
}

/// A photo as an event names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Photo {
    /// What it is.
    pub key: PhotoKey,
    /// Its length in bytes, where the event says so.
    pub bytes: Option<u64>,
    /// The SHA-256 of its bytes, where the event says so.
    pub sha256: Option<[u8; 32]>,
}

/// A page handed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Submission {
    /// Orders two uploads of one millisecond; not a key by itself.
    pub submission_id: Id,
    /// Who hands in.
    pub student_id: Id,
    /// For which assignment; it need not exist yet.
    pub assignment_id: Id,
    /// Page of the assignment, 1 to 1,000.
    pub page: u16,
    /// The photo of the page.
    pub photo: Photo,
    /// When it was uploaded.
    pub uploaded_at: Millis,
}

/// A student's membership of a class. Key: (student_id, class_id).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Enrolment {
    /// The student.
    pub student_id: Id,
    /// The class.
    pub class_id: Id,
    /// The school through which the student is in the class; decides the model policy.
    pub school_id: Id,
    /// Since when: assignments due before are not given to the student.
    pub since: Option<Millis>,
}

/// The blank page that an assignment may carry, so that a model can compare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TemplatePage {
    /// Page of the assignment, 1 to 1,000.
    pub page: u16,
    /// The photo or scan of the blank page.
    pub photo: Photo,
    /// Where answers are expected: x, y, width, height in basis points of the page.
    pub areas: Vec<[Bp; 4]>,
}

/// Homework set for a class. Key: assignment_id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// The assignment.
    pub assignment_id: Id,
    /// The class that it is set for.
    pub class_id: Id,
    /// Its subject.
    pub subject: Id,
    /// What people call it; any text.
    pub title: Option<EcoString>,
    /// How many pages are expected, 1 to 1,000.
    pub pages: u16,
    /// From when on it is given; at once without it.
    pub opens_at: Option<Millis>,
    /// Until when it should be in.
    pub due_at: Millis,
    /// From how many basis points on a page is complete (1 to 10,000; 8,000 without it).
    pub complete_from: Option<Bp>,
    /// Blank pages, no page twice, ordered by page.
    pub template: Vec<TemplatePage>,
}

/// What a teacher may say of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReviewStatus {
    /// All done.
    Complete,
    /// Some of it done.
    Partial,
    /// Nothing done.
    Blank,
    /// Cannot be judged.
    Unusable,
}

impl ReviewStatus {
    /// All of them.
    pub const ALL: [ReviewStatus; 4] =
        [ReviewStatus::Complete, ReviewStatus::Partial, ReviewStatus::Blank, ReviewStatus::Unusable];
    /// The name in records and views.
    pub fn as_str(self) -> &'static str {
        match self {
            ReviewStatus::Complete => "complete",
            ReviewStatus::Partial => "partial",
            ReviewStatus::Blank => "blank",
            ReviewStatus::Unusable => "unusable",
        }
    }
    /// The status of that name.
    pub fn parse(name: &str) -> Option<ReviewStatus> {
        ReviewStatus::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// A teacher's judgement of a page. Key: (student_id, assignment_id, page).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Review {
    /// Whose page.
    pub student_id: Id,
    /// Of which assignment.
    pub assignment_id: Id,
    /// Which page, 1 to 1,000.
    pub page: u16,
    /// The judgement.
    pub status: ReviewStatus,
    /// How complete; without it 10,000, 5,000, 0, 0 for complete, partial, blank, unusable.
    pub completion: Option<Bp>,
    /// Who judged.
    pub reviewer: Id,
    /// When: it outranks uploads up to then.
    pub reviewed_at: Millis,
}

/// A part of the students of a scope on another model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Canary {
    /// The model that they get.
    pub model: ModelName,
    /// How many of them, 0 to 100, by a hash of the scope and the student.
    pub percent: u8,
}

/// Which model reads the photos of a scope. Key: scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// For whom.
    pub scope: Scope,
    /// The model whose readings count.
    pub live: ModelName,
    /// A model that reads the same photos, to be compared.
    pub shadow: Option<ModelName>,
    /// Students who get another live model.
    pub canary: Option<Canary>,
}

/// Forget a student, for good.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Erasure {
    /// Whom.
    pub student_id: Id,
    /// When that was asked for.
    pub requested_at: Millis,
}
