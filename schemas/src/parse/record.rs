//! The six records: which fields each has, and which of them it must have.

use super::field::{self, Parsed, Slot, Unknown};
use super::json::Json;
use super::photo::{self, open, unknown_field};
use crate::fault::RecordFault;
use crate::record::{Assignment, Canary, Enrolment, Erasure, Policy, Review, ReviewStatus, Submission};
use ecow::EcoString;

/// Reads the object of a record: `field` reads the known fields and returns false for an unknown one.
fn object<'a>(json: &mut Json<'a>, mut field: impl FnMut(&mut Json<'a>, &str) -> Parsed<()>) -> Parsed<()> {
    if json.peek() != b'{' {
        // What is no JSON at all is told apart from what is only no object.
        json.skip()?;
        json.end()?;
        return Err(RecordFault::NotAnObject);
    }
    json.object(&mut field)?;
    Ok(json.end()?)
}

/// Passes over an unknown field of a record.
#[cold]
fn ignore(json: &mut Json<'_>, name: &str, unknown: Unknown<'_>) -> Parsed<()> {
    unknown(name);
    Ok(json.skip()?)
}

pub(crate) fn submission(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Submission> {
    let mut submission_id = Slot::new("submission_id");
    let mut student_id = Slot::new("student_id");
    let mut assignment_id = Slot::new("assignment_id");
    let mut page = Slot::new("page");
    let mut photo = Slot::new("photo");
    let mut uploaded_at = Slot::new("uploaded_at");
    object(json, |json, name| match name {
        "submission_id" => submission_id.fill(json, field::id),
        "student_id" => student_id.fill(json, field::id),
        "assignment_id" => assignment_id.fill(json, field::id),
        "page" => page.fill(json, field::page),
        "photo" => photo.fill(json, |json, field| photo::photo(json, field, unknown)),
        "uploaded_at" => uploaded_at.fill(json, field::time),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Submission {
        submission_id: submission_id.required()?,
        student_id: student_id.required()?,
        assignment_id: assignment_id.required()?,
        page: page.required()?,
        photo: photo.required()?,
        uploaded_at: uploaded_at.required()?,
    })
}

pub(crate) fn enrolment(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Enrolment> {
    let mut student_id = Slot::new("student_id");
    let mut class_id = Slot::new("class_id");
    let mut school_id = Slot::new("school_id");
    let mut since = Slot::new("since");
    object(json, |json, name| match name {
        "student_id" => student_id.fill(json, field::id),
        "class_id" => class_id.fill(json, field::id),
        "school_id" => school_id.fill(json, field::id),
        "since" => since.fill(json, field::time),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Enrolment {
        student_id: student_id.required()?,
        class_id: class_id.required()?,
        school_id: school_id.required()?,
        since: since.optional(),
    })
}

pub(crate) fn assignment(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Assignment> {
    let mut assignment_id = Slot::new("assignment_id");
    let mut class_id = Slot::new("class_id");
    let mut subject = Slot::new("subject");
    let mut title = Slot::new("title");
    let mut pages = Slot::new("pages");
    let mut opens_at = Slot::new("opens_at");
    let mut due_at = Slot::new("due_at");
    let mut complete_from = Slot::new("complete_from_bp");
    let mut template = Slot::new("template");
    object(json, |json, name| match name {
        "assignment_id" => assignment_id.fill(json, field::id),
        "class_id" => class_id.fill(json, field::id),
        "subject" => subject.fill(json, field::id),
        "title" => title.fill(json, |json, field| Ok(EcoString::from(&*field::string(json, field)?))),
        "pages" => pages.fill(json, field::page),
        "opens_at" => opens_at.fill(json, field::time),
        "due_at" => due_at.fill(json, field::time),
        "complete_from_bp" => complete_from.fill(json, field::bp_above_0),
        "template" => template.fill(json, |json, field| photo::template(json, field, unknown)),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Assignment {
        assignment_id: assignment_id.required()?,
        class_id: class_id.required()?,
        subject: subject.required()?,
        title: title.optional(),
        pages: pages.required()?,
        opens_at: opens_at.optional(),
        due_at: due_at.required()?,
        complete_from: complete_from.optional(),
        template: template.optional().unwrap_or_default(),
    })
}

pub(crate) fn review(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Review> {
    let mut student_id = Slot::new("student_id");
    let mut assignment_id = Slot::new("assignment_id");
    let mut page = Slot::new("page");
    let mut status = Slot::new("status");
    let mut completion = Slot::new("completion_bp");
    let mut reviewer = Slot::new("reviewer");
    let mut reviewed_at = Slot::new("reviewed_at");
    object(json, |json, name| match name {
        "student_id" => student_id.fill(json, field::id),
        "assignment_id" => assignment_id.fill(json, field::id),
        "page" => page.fill(json, field::page),
        "status" => status.fill(json, review_status),
        "completion_bp" => completion.fill(json, field::bp),
        "reviewer" => reviewer.fill(json, field::id),
        "reviewed_at" => reviewed_at.fill(json, field::time),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Review {
        student_id: student_id.required()?,
        assignment_id: assignment_id.required()?,
        page: page.required()?,
        status: status.required()?,
        completion: completion.optional(),
        reviewer: reviewer.required()?,
        reviewed_at: reviewed_at.required()?,
    })
}

fn review_status(json: &mut Json<'_>, field: &'static str) -> Parsed<ReviewStatus> {
    let what = "complete, partial, blank or unusable";
    ReviewStatus::parse(&field::string(json, field)?).ok_or(RecordFault::Not { field, what })
}

pub(crate) fn policy(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Policy> {
    let mut scope = Slot::new("scope");
    let mut live = Slot::new("live");
    let mut shadow = Slot::new("shadow");
    let mut canary = Slot::new("canary");
    object(json, |json, name| match name {
        "scope" => scope.fill(json, field::scope),
        "live" => live.fill(json, field::model),
        "shadow" => shadow.fill(json, field::model),
        "canary" => canary.fill(json, |json, field| self::canary(json, field, unknown)),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Policy {
        scope: scope.required()?,
        live: live.required()?,
        shadow: shadow.optional(),
        canary: canary.optional(),
    })
}

fn canary(json: &mut Json<'_>, field: &'static str, unknown: Unknown<'_>) -> Parsed<Canary> {
    let mut model = Slot::new("canary.model");
    let mut percent = Slot::new("canary.percent");
    open(json, b'{', field, "an object")?;
    json.object(|json, name| match name {
        "model" => model.fill(json, field::model),
        "percent" => percent.fill(json, field::percent),
        _ => unknown_field(json, field, name, unknown),
    })?;
    Ok(Canary { model: model.required()?, percent: percent.required()? })
}

pub(crate) fn erasure(json: &mut Json<'_>, unknown: Unknown<'_>) -> Parsed<Erasure> {
    let mut student_id = Slot::new("student_id");
    let mut requested_at = Slot::new("requested_at");
    object(json, |json, name| match name {
        "student_id" => student_id.fill(json, field::id),
        "requested_at" => requested_at.fill(json, field::time),
        _ => ignore(json, name, unknown),
    })?;
    Ok(Erasure { student_id: student_id.required()?, requested_at: requested_at.required()? })
}
