//! Records in their wire form: what [`parse_event`](crate::parse_event) reads, written back.
//!
//! One set of structs gives both the JSON and its JSON Schema (`schemas/json/*.json`), so the two cannot part. Times are
//! written as integer milliseconds. A photo's version is written as the etag, unless it is the sha256's own text; the
//! quotes that an etag had are not kept, as they are no part of it.

use crate::event::Event;
use crate::json_schema::{AreaForm, BpForm, ByteCountForm, EtagForm, IdForm, ModelForm, PageForm, PercentForm};
use crate::json_schema::{ReviewStatusForm, ScopeForm, Sha256Form, ThresholdForm, TimeForm, UriForm};
use crate::parse::photo::hex;
use crate::record;
use crate::scalar::{Bp, Millis};
use schemars::JsonSchema;
use serde::Serialize;

/// A photo, as an event names it: its uri, and its version by etag or sha256.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Photo<'a> {
    /// Where it lies.
    #[schemars(with = "UriForm")]
    uri: &'a str,
    /// The store's etag; quotes at its ends do not count, and an empty one is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<EtagForm>")]
    etag: Option<&'a str>,
    /// Its length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ByteCountForm>")]
    bytes: Option<u64>,
    /// The SHA-256 of its bytes; its version where there is no etag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Sha256Form>")]
    sha256: Option<String>,
}

/// A page handed in. Key: the student_id, which is not looked at. Needs no order and may come twice.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Submission<'a> {
    /// Orders two uploads of one millisecond.
    #[schemars(with = "IdForm")]
    submission_id: &'a str,
    /// Who hands in.
    #[schemars(with = "IdForm")]
    student_id: &'a str,
    /// For which assignment; it need not exist yet.
    #[schemars(with = "IdForm")]
    assignment_id: &'a str,
    /// Page of the assignment.
    #[schemars(with = "PageForm")]
    page: u16,
    /// The photo of the page.
    photo: Photo<'a>,
    /// When it was uploaded; at most a day after the record's own time.
    #[schemars(with = "TimeForm")]
    uploaded_at: Millis,
}

/// A student's membership of a class. Key: `student_id|class_id`, `%` and `|` within an id written `%25` and `%7C`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Enrolment<'a> {
    /// The student.
    #[schemars(with = "IdForm")]
    student_id: &'a str,
    /// The class.
    #[schemars(with = "IdForm")]
    class_id: &'a str,
    /// The school through which the student is in the class.
    #[schemars(with = "IdForm")]
    school_id: &'a str,
    /// Since when: assignments due before are not given to the student.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TimeForm>")]
    since: Option<Millis>,
}

/// The blank page of an assignment.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TemplatePage<'a> {
    /// Page of the assignment; no page twice.
    #[schemars(with = "PageForm")]
    page: u16,
    /// The photo or scan of the blank page.
    photo: Photo<'a>,
    /// Where answers are expected; x + width and y + height are at most 10,000.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Option<Vec<AreaForm>>")]
    areas: &'a [[Bp; 4]],
}

/// Homework set for a class. Key: the assignment_id.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Assignment<'a> {
    /// The assignment.
    #[schemars(with = "IdForm")]
    assignment_id: &'a str,
    /// The class that it is set for.
    #[schemars(with = "IdForm")]
    class_id: &'a str,
    /// Its subject.
    #[schemars(with = "IdForm")]
    subject: &'a str,
    /// What people call it; any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    /// How many pages are expected.
    #[schemars(with = "PageForm")]
    pages: u16,
    /// From when on it is given; at once without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<TimeForm>")]
    opens_at: Option<Millis>,
    /// Until when it should be in.
    #[schemars(with = "TimeForm")]
    due_at: Millis,
    /// From how many basis points on a page is complete; 8,000 without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ThresholdForm>")]
    complete_from_bp: Option<Bp>,
    /// Its blank pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<Vec<TemplatePage>>")]
    template: Vec<TemplatePage<'a>>,
}

/// A teacher's judgement of a page. Key: `student_id|assignment_id|page`, `%` and `|` within an id written `%25` and
/// `%7C`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Review<'a> {
    /// Whose page.
    #[schemars(with = "IdForm")]
    student_id: &'a str,
    /// Of which assignment.
    #[schemars(with = "IdForm")]
    assignment_id: &'a str,
    /// Which page.
    #[schemars(with = "PageForm")]
    page: u16,
    /// The judgement.
    #[schemars(with = "ReviewStatusForm")]
    status: &'a str,
    /// How complete; without it 10,000, 5,000, 0, 0 for complete, partial, blank, unusable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BpForm>")]
    completion_bp: Option<Bp>,
    /// Who judged.
    #[schemars(with = "IdForm")]
    reviewer: &'a str,
    /// When: it outranks uploads up to then.
    #[schemars(with = "TimeForm")]
    reviewed_at: Millis,
}

/// A part of the students of a scope on another model.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Canary<'a> {
    /// The model that they get.
    #[schemars(with = "ModelForm")]
    model: &'a str,
    /// How many of them, by a hash of the scope and the student.
    #[schemars(with = "PercentForm")]
    percent: u8,
}

/// Which model reads the photos of a scope. Key: the scope.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Policy<'a> {
    /// For whom.
    #[schemars(with = "ScopeForm")]
    scope: String,
    /// The model whose readings count.
    #[schemars(with = "ModelForm")]
    live: &'a str,
    /// A model that reads the same photos, to be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ModelForm>")]
    shadow: Option<&'a str>,
    /// Students who get another live model.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<Canary<'a>>,
}

/// Forget a student, for good. Key: the student_id, which is not looked at.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Erasure<'a> {
    /// Whom.
    #[schemars(with = "IdForm")]
    student_id: &'a str,
    /// When that was asked for.
    #[schemars(with = "TimeForm")]
    requested_at: Millis,
}

fn json(value: &impl Serialize) -> String {
    // Strings, numbers, arrays and structs have a JSON form, and a string is written to without fail.
    serde_json::to_string(value).expect("plain records have a JSON form")
}

fn photo(photo: &record::Photo) -> Photo<'_> {
    let sha256 = photo.sha256.as_ref().map(hex);
    let version = Some(photo.key.version.as_str()).filter(|v| !v.is_empty() && sha256.as_deref() != Some(*v));
    Photo { uri: &photo.key.uri, etag: version, bytes: photo.bytes, sha256: sha256.map(String::from) }
}

fn template_page(page: &record::TemplatePage) -> TemplatePage<'_> {
    TemplatePage { page: page.page, photo: photo(&page.photo), areas: &page.areas }
}

impl record::Submission {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Submission {
            submission_id: self.submission_id.as_str(),
            student_id: self.student_id.as_str(),
            assignment_id: self.assignment_id.as_str(),
            page: self.page,
            photo: photo(&self.photo),
            uploaded_at: self.uploaded_at,
        })
    }
}

impl record::Enrolment {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Enrolment {
            student_id: self.student_id.as_str(),
            class_id: self.class_id.as_str(),
            school_id: self.school_id.as_str(),
            since: self.since,
        })
    }
}

impl record::Assignment {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Assignment {
            assignment_id: self.assignment_id.as_str(),
            class_id: self.class_id.as_str(),
            subject: self.subject.as_str(),
            title: self.title.as_deref(),
            pages: self.pages,
            opens_at: self.opens_at,
            due_at: self.due_at,
            complete_from_bp: self.complete_from,
            template: self.template.iter().map(template_page).collect(),
        })
    }
}

impl record::Review {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Review {
            student_id: self.student_id.as_str(),
            assignment_id: self.assignment_id.as_str(),
            page: self.page,
            status: self.status.as_str(),
            completion_bp: self.completion,
            reviewer: self.reviewer.as_str(),
            reviewed_at: self.reviewed_at,
        })
    }
}

impl record::Policy {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Policy {
            scope: self.scope.to_string(),
            live: self.live.as_str(),
            shadow: self.shadow.as_ref().map(|model| model.as_str()),
            canary: self.canary.as_ref().map(|c| Canary { model: c.model.as_str(), percent: c.percent }),
        })
    }
}

impl record::Erasure {
    /// The record's value as compact JSON.
    pub fn to_json(&self) -> String {
        json(&Erasure { student_id: self.student_id.as_str(), requested_at: self.requested_at })
    }
}

impl Event {
    /// The value of its record as compact JSON; none where it deletes.
    pub fn value_json(&self) -> Option<String> {
        match self {
            Event::Submission(submission) => Some(submission.to_json()),
            Event::Enrolment { value, .. } => value.as_ref().map(record::Enrolment::to_json),
            Event::Assignment { value, .. } => value.as_ref().map(record::Assignment::to_json),
            Event::Review { value, .. } => value.as_ref().map(record::Review::to_json),
            Event::Policy { value, .. } => value.as_ref().map(record::Policy::to_json),
            Event::Erasure(erasure) => Some(erasure.to_json()),
        }
    }
}
