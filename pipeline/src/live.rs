//! Live rows: what lies in the journal, how it is keyed and written, and how it becomes what is fed.
//!
//! The payload of each collection is one of the types here, in postcard's encoding. Their fields are the journal's
//! format: a change of them is a change of its version.

use crate::feed::Fed;
use ecow::EcoString;
use inkflow_connectors::journal::{Change, Collection, RowKey};
use inkflow_connectors::source::Origin;
use inkflow_operators::pages::{Judged, Upload};
use inkflow_operators::pairs::{Enrolled, Task};
use inkflow_operators::views::positions::{Place, Rejected};
use inkflow_operators::Epoch;
use inkflow_schemas::{
    Area, Assignment, Enrolment, Id, Millis, Outcome, PhotoKey, Policy, Question, Review, Submission,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// The journal's keyed hash.
pub type HashOf<'a> = &'a dyn Fn(Collection, &[&[u8]]) -> u128;

/// An answer, with what does not enter the dataflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked.
    pub question: Question,
    /// What came of it.
    pub outcome: Outcome,
    /// True for a failure that may pass: the next start asks again.
    pub may_pass: bool,
    /// The areas found.
    pub areas: Vec<Area>,
    /// SHA-256 of the photo's bytes, where they were fetched.
    pub sha256: Option<[u8; 32]>,
    /// The keyed hash of the student for whom it was asked first: an erasure finds it by that.
    pub asked_for: Option<u128>,
}

/// A refused record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The topic.
    pub topic: EcoString,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// Why.
    pub reason: EcoString,
}

/// Which log a topic's records are read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadFrom {
    /// The topic, by its name in views.
    pub topic: EcoString,
    /// The log.
    pub origin: Origin,
}

/// How often a question was being answered when the process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempted {
    /// The question.
    pub question: Question,
    /// How often.
    pub attempts: u32,
}

/// A stored payload cannot be read: the journal is damaged, or of another format.
#[derive(Debug, thiserror::Error)]
#[error("a row of {collection:?} in the journal cannot be read: {error}")]
pub struct Unreadable {
    collection: Collection,
    error: postcard::Error,
}

/// Writes a payload.
pub fn payload<T: Serialize>(value: &T) -> Vec<u8> {
    // These types hold nothing that postcard refuses, and a vector takes any length.
    postcard::to_stdvec(value).expect("plain data in a vector")
}

/// Reads a payload.
pub fn read<T: DeserializeOwned>(collection: Collection, bytes: &[u8]) -> Result<T, Unreadable> {
    postcard::from_bytes(bytes).map_err(|error| Unreadable { collection, error })
}

/// Puts a row.
pub fn put<T: Serialize>(key: RowKey, value: &T) -> Change {
    Change::Put { key, value: payload(value) }
}

fn key(collection: Collection, hash: u128) -> RowKey {
    RowKey { collection, hash, epoch: None }
}

/// The row of a submission admitted in that epoch. Every field is hashed: rows that differ anywhere are two rows.
pub fn submission_key(hash: HashOf<'_>, submission: &Submission, admitted: Epoch) -> RowKey {
    submission_row(hash, &payload(submission), admitted)
}

/// Puts a submission. Its payload is its key, too, and is written once.
pub fn put_submission(hash: HashOf<'_>, submission: &Submission, admitted: Epoch) -> Change {
    let value = payload(submission);
    Change::Put { key: submission_row(hash, &value, admitted), value }
}

fn submission_row(hash: HashOf<'_>, payload: &[u8], admitted: Epoch) -> RowKey {
    let hash = hash(Collection::Submissions, &[payload]);
    RowKey { collection: Collection::Submissions, hash, epoch: Some(admitted) }
}

/// The row of an enrolment.
pub fn enrolment_key(hash: HashOf<'_>, student: &Id, class: &Id) -> RowKey {
    let parts = [student.as_str().as_bytes(), class.as_str().as_bytes()];
    key(Collection::Enrolments, hash(Collection::Enrolments, &parts))
}

/// The row of an assignment.
pub fn assignment_key(hash: HashOf<'_>, assignment: &Id) -> RowKey {
    key(Collection::Assignments, hash(Collection::Assignments, &[assignment.as_str().as_bytes()]))
}

/// The row of a review.
pub fn review_key(hash: HashOf<'_>, student: &Id, assignment: &Id, page: u16) -> RowKey {
    let parts = [student.as_str().as_bytes(), assignment.as_str().as_bytes(), &page.to_be_bytes()[..]];
    key(Collection::Reviews, hash(Collection::Reviews, &parts))
}

/// The row of a policy.
pub fn policy_key(hash: HashOf<'_>, scope: &str) -> RowKey {
    key(Collection::Models, hash(Collection::Models, &[scope.as_bytes()]))
}

/// The row that recognises an erased student: all that is kept of the id.
pub fn erased_key(hash: HashOf<'_>, student: &Id) -> RowKey {
    key(Collection::Erased, hash(Collection::Erased, &[student.as_str().as_bytes()]))
}

/// The row of an answer.
pub fn answer_key(hash: HashOf<'_>, question: &Question) -> RowKey {
    key(Collection::Readings, hash(Collection::Readings, &[&payload(question)]))
}

/// The row of a question's attempts.
pub fn attempts_key(hash: HashOf<'_>, question: &Question) -> RowKey {
    key(Collection::Attempts, hash(Collection::Attempts, &[&payload(question)]))
}

/// The row that is there while a process has the journal open: found at a start, the last end was unclean.
pub fn running_key(hash: HashOf<'_>) -> RowKey {
    key(Collection::Attempts, hash(Collection::Attempts, &[b"running"]))
}

/// The row that is there from an erasure until the erased bytes have left the journal's files.
pub fn scrub_key(hash: HashOf<'_>) -> RowKey {
    key(Collection::Attempts, hash(Collection::Attempts, &[b"scrub"]))
}

/// The row that says which log a topic is read from.
pub fn origin_key(hash: HashOf<'_>, topic: &str) -> RowKey {
    key(Collection::Origins, hash(Collection::Origins, &[topic.as_bytes()]))
}

/// The row of a photo's reading in that epoch.
pub fn first_reading_key(hash: HashOf<'_>, photo: &PhotoKey, epoch: Epoch) -> RowKey {
    let parts = [photo.uri.as_bytes(), photo.version.as_bytes()];
    RowKey { collection: Collection::FirstReadings, hash: hash(Collection::FirstReadings, &parts), epoch: Some(epoch) }
}

/// The row that says since when nobody asks about a photo. It holds nothing: who the photo is, its readings say.
pub fn left_demand_key(hash: HashOf<'_>, photo: &PhotoKey) -> RowKey {
    let parts = [photo.uri.as_bytes(), photo.version.as_bytes()];
    key(Collection::LeftDemand, hash(Collection::LeftDemand, &parts))
}

/// The row of a refused record.
pub fn rejected_key(hash: HashOf<'_>, topic: &str, partition: u32, offset: u64) -> RowKey {
    let parts = [topic.as_bytes(), &partition.to_be_bytes()[..], &offset.to_be_bytes()[..]];
    key(Collection::Rejected, hash(Collection::Rejected, &parts))
}

/// What is fed for a submission.
pub fn feed_submission(submission: Submission, epoch: Epoch, clock: Millis) -> Fed {
    let Submission { submission_id, student_id, assignment_id, page, photo, uploaded_at } = submission;
    let upload = Upload { uploaded_at, submission_id, photo, admitted: Reverse(epoch), admitted_at: clock };
    Fed::Upload(student_id, (assignment_id, page), Arc::new(upload))
}

/// The submission that was fed as this upload: the row that the journal holds.
pub fn submission_of(student: &Id, page: &(Id, u16), upload: &Upload) -> Submission {
    Submission {
        submission_id: upload.submission_id.clone(),
        student_id: student.clone(),
        assignment_id: page.0.clone(),
        page: page.1,
        photo: upload.photo.clone(),
        uploaded_at: upload.uploaded_at,
    }
}

/// What is fed for an enrolment.
pub fn feed_enrolment(row: &Enrolment) -> Fed {
    let enrolled = Enrolled { school_id: row.school_id.clone(), since: row.since };
    Fed::Enrolment(row.student_id.clone(), row.class_id.clone(), Some(enrolled))
}

/// What is fed for an assignment.
pub fn feed_assignment(row: &Assignment) -> Fed {
    Fed::Assignment(row.assignment_id.clone(), Some(Arc::new(Task::from(row))))
}

/// What is fed for a review.
pub fn feed_review(row: &Review) -> Fed {
    let judged = Judged { reviewed_at: row.reviewed_at, status: row.status, completion: row.completion };
    Fed::Review(row.student_id.clone(), (row.assignment_id.clone(), row.page), Some(Arc::new(judged)))
}

/// What is fed for a policy.
pub fn feed_policy(row: Policy) -> Fed {
    Fed::Policy(row.scope.clone(), Some(Arc::new(row)))
}

/// What is fed for a refused record.
pub fn feed_refused(row: Refused) -> Fed {
    let at = Place { topic: row.topic, partition: row.partition, offset: row.offset };
    Fed::Rejected(Rejected { at, reason: row.reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::{AreaState, Bp, ModelName, Quality, Reading};

    fn answered(areas: Vec<Area>) -> Answered {
        let photo = PhotoKey { uri: "p".into(), version: "".into() };
        let model = ModelName::new("page@1").expect("a name");
        let reading = Reading { quality: Quality::Ok, completion: Bp::new(300), confidence: None };
        let question = Question { photo, model, template: None };
        Answered { question, outcome: Outcome::Read(reading), may_pass: false, areas, sha256: None, asked_for: None }
    }

    /// Rows that were written before areas had a state hold none: no model gave any.
    #[test]
    fn answers_written_before_areas_had_a_state_are_read() {
        let written = b"\x01p\x00\x06page@1\x00\x00\x00\x01\xac\x02\x00\x00\x00\x00\x00";
        let read: Answered = read(Collection::Readings, written).expect("it is read");
        assert_eq!(read, answered(Vec::new()));
        assert_eq!(payload(&read), written);
    }

    #[test]
    fn areas_are_kept() {
        let at = [0, 1, 300, 10_000].map(|bp| Bp::new(bp).expect("basis points"));
        let areas = AreaState::ALL.map(|state| Area { at, state, probability: at[2] }).to_vec();
        let kept: Answered = read(Collection::Readings, &payload(&answered(areas.clone()))).expect("it is read");
        assert_eq!(kept.areas, areas);
    }
}
