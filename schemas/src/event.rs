//! Records as they come: a topic, a key, a value and a time in; an [`Event`] or a [`RecordFault`] out.
//!
//! The contract's table of records is [`parse_event`]. It decides on a record by itself alone, so records can be parsed
//! on any number of threads, and whether one is rejected depends on nothing that came before it.
//!
//! Decided where the contract leaves room: `-0` is the integer 0; a time's `T` is upper case, its `Z` may be lower case,
//! and `-00:00` is UTC; both ends of every range are allowed, so a photo may have 2^53 bytes; an etag's length counts
//! before its quotes are stripped; a value that is too long is refused before it is looked at; of several faults the one
//! that comes first in the value is named, one of the key last.

use crate::fault::RecordFault;
use crate::key::{key_of_enrolment, key_of_review, parse_enrolment_key, parse_review_key};
use crate::parse::json::Json;
use crate::parse::record;
use crate::record::{Assignment, Enrolment, Erasure, Policy, Review, Submission};
use crate::scalar::{Id, Millis, Scope, DAY_MS};

/// A value is at most this many bytes, as Kafka's own limit of a message is by default.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// What a record may be about. The order is that of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Pages handed in.
    Submissions,
    /// Who is in which class.
    Enrolments,
    /// Homework set.
    Assignments,
    /// Teachers' judgements.
    Reviews,
    /// Which model reads whose photos.
    Models,
    /// Students to forget.
    Erasures,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 6] =
        [Topic::Submissions, Topic::Enrolments, Topic::Assignments, Topic::Reviews, Topic::Models, Topic::Erasures];

    /// The name in views and folders.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Submissions => "submissions",
            Topic::Enrolments => "enrolments",
            Topic::Assignments => "assignments",
            Topic::Reviews => "reviews",
            Topic::Models => "models",
            Topic::Erasures => "erasures",
        }
    }

    /// The topic of that name.
    pub fn parse(name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.as_str() == name)
    }

    /// What its keys look like. Submissions and erasures may have any key, and none.
    pub fn key_form(self) -> &'static str {
        match self {
            Topic::Submissions | Topic::Erasures => "student_id",
            Topic::Enrolments => "student_id|class_id",
            Topic::Assignments => "assignment_id",
            Topic::Reviews => "student_id|assignment_id|page",
            Topic::Models => "scope",
        }
    }
}

impl std::fmt::Display for Topic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a record says. A value of none deletes the key, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A page was handed in.
    Submission(Submission),
    /// A student is in a class, or no longer.
    Enrolment {
        /// The student.
        student_id: Id,
        /// The class.
        class_id: Id,
        /// The membership, or none to end it.
        value: Option<Enrolment>,
    },
    /// Homework is set, or withdrawn.
    Assignment {
        /// The assignment.
        assignment_id: Id,
        /// The assignment, or none to withdraw it.
        value: Option<Assignment>,
    },
    /// A teacher judges a page, or takes that back.
    Review {
        /// Whose page.
        student_id: Id,
        /// Of which assignment.
        assignment_id: Id,
        /// Which page, 1 to 1,000.
        page: u16,
        /// The judgement, or none to take it back.
        value: Option<Review>,
    },
    /// A scope has a model policy, or none any more.
    Policy {
        /// For whom.
        scope: Scope,
        /// The policy, or none to end it.
        value: Option<Policy>,
    },
    /// A student is to be forgotten.
    Erasure(Erasure),
}

impl Event {
    /// The topic that it belongs to.
    pub fn topic(&self) -> Topic {
        match self {
            Event::Submission(_) => Topic::Submissions,
            Event::Enrolment { .. } => Topic::Enrolments,
            Event::Assignment { .. } => Topic::Assignments,
            Event::Review { .. } => Topic::Reviews,
            Event::Policy { .. } => Topic::Models,
            Event::Erasure(_) => Topic::Erasures,
        }
    }

    /// The key that its record has, or should have.
    pub fn key_of(&self) -> String {
        match self {
            Event::Submission(submission) => submission.student_id.to_string(),
            Event::Enrolment { student_id, class_id, .. } => key_of_enrolment(student_id, class_id),
            Event::Assignment { assignment_id, .. } => assignment_id.to_string(),
            Event::Review { student_id, assignment_id, page, .. } => key_of_review(student_id, assignment_id, *page),
            Event::Policy { scope, .. } => scope.to_string(),
            Event::Erasure(erasure) => erasure.student_id.to_string(),
        }
    }
}

/// Reads a record.
///
/// `value`: none is a Kafka null, which deletes; the four bytes `null` are no object, hence a fault. `ts_ms`: the
/// record's own time in milliseconds since 1970; without it no upload is too late. `unknown` is told the name of each
/// unknown field, also of records that turn out to be rejected; such a name is the sender's text, of any length.
///
/// ```
/// use inkflow_schemas::{parse_event, Event, Topic};
/// let value = br#"{"student_id": "s-1", "requested_at": "2026-11-21T08:56:00+01:00"}"#;
/// let event = parse_event(Topic::Erasures, None, Some(value), None, &mut |_| {})?;
/// assert!(matches!(event, Event::Erasure(erasure) if erasure.requested_at.0 == 1_795_247_760_000));
/// # Ok::<(), inkflow_schemas::RecordFault>(())
/// ```
pub fn parse_event(
    topic: Topic,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    ts_ms: Option<i64>,
    unknown: &mut impl FnMut(&str),
) -> Result<Event, RecordFault> {
    let Some(value) = value else { return deletion(topic, key) };
    if value.len() > VALUE_BYTES_MAX {
        return Err(RecordFault::TooLarge);
    }
    let json = &mut Json::new(value)?;
    let event = match topic {
        Topic::Submissions => {
            let submission = record::submission(json, unknown)?;
            not_after_record(submission.uploaded_at, ts_ms)?;
            return Ok(Event::Submission(submission));
        }
        Topic::Erasures => return Ok(Event::Erasure(record::erasure(json, unknown)?)),
        Topic::Enrolments => {
            let value = record::enrolment(json, unknown)?;
            let (student_id, class_id) = (value.student_id.clone(), value.class_id.clone());
            Event::Enrolment { student_id, class_id, value: Some(value) }
        }
        Topic::Assignments => {
            let value = record::assignment(json, unknown)?;
            Event::Assignment { assignment_id: value.assignment_id.clone(), value: Some(value) }
        }
        Topic::Reviews => {
            let value = record::review(json, unknown)?;
            let (student_id, assignment_id) = (value.student_id.clone(), value.assignment_id.clone());
            Event::Review { student_id, assignment_id, page: value.page, value: Some(value) }
        }
        Topic::Models => {
            let value = record::policy(json, unknown)?;
            Event::Policy { scope: value.scope.clone(), value: Some(value) }
        }
    };
    match key {
        None => Err(RecordFault::KeyMissing),
        Some(key) if key == event.key_of().as_bytes() => Ok(event),
        Some(_) => Err(RecordFault::KeyDiffers),
    }
}

/// What a null says: the key must have the form that a value's key would have.
fn deletion(topic: Topic, key: Option<&[u8]>) -> Result<Event, RecordFault> {
    if matches!(topic, Topic::Submissions | Topic::Erasures) {
        return Err(RecordFault::NullValue);
    }
    let key = key.ok_or(RecordFault::KeyMissing)?;
    let form = RecordFault::KeyForm { form: topic.key_form() };
    let key = std::str::from_utf8(key).map_err(|_| form)?;
    let event = match topic {
        Topic::Submissions | Topic::Erasures => None,
        Topic::Enrolments => parse_enrolment_key(key).map(|(student_id, class_id)| Event::Enrolment {
            student_id,
            class_id,
            value: None,
        }),
        Topic::Assignments => Id::new(key).map(|assignment_id| Event::Assignment { assignment_id, value: None }),
        Topic::Reviews => parse_review_key(key).map(|(student_id, assignment_id, page)| Event::Review {
            student_id,
            assignment_id,
            page,
            value: None,
        }),
        Topic::Models => Scope::new(key).map(|scope| Event::Policy { scope, value: None }),
    };
    event.ok_or(form)
}

/// An upload from more than a day in the record's future is some clock's mistake, and would outrank all later ones.
fn not_after_record(uploaded_at: Millis, ts_ms: Option<i64>) -> Result<(), RecordFault> {
    match ts_ms {
        Some(ts) if uploaded_at.0.saturating_sub(ts) > DAY_MS => Err(RecordFault::UploadedAfterRecord),
        _ => Ok(()),
    }
}
