//! The six kinds of record: what they hold, and when a value is one.

use std::collections::BTreeMap;

use crate::fields::{bp, id, integer, is_plain, is_scope, model, page, text, time, Fields};
use crate::json::{Fault, Json};
use crate::keys;

/// "A photo is its uri and version", empty for none.
pub type Photo = (String, String);

/// (student, assignment, page).
pub type PageKey = (String, String, i64);

/// A page that was handed in as a photo.
///
/// The order of the fields is the rank of a submission among those of its page: "the greatest by
/// (uploaded_at, submission_id, photo.uri, version), strings bytewise".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Submission {
    /// Milliseconds since 1970.
    pub uploaded_at: i64,
    pub submission_id: String,
    pub uri: String,
    /// The photo's version; empty for none.
    pub version: String,
}

impl Submission {
    pub fn photo(&self) -> Photo {
        (self.uri.clone(), self.version.clone())
    }
}

#[derive(Debug, Clone)]
pub struct Enrolment {
    pub school: String,
    pub since: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Assignment {
    pub class: String,
    pub subject: String,
    pub pages: i64,
    pub opens_at: Option<i64>,
    pub due_at: i64,
    /// "8000 without one."
    pub complete_from_bp: i64,
    /// The blank pages, by page.
    pub template: BTreeMap<i64, Photo>,
}

#[derive(Debug, Clone)]
pub struct Review {
    pub status: &'static str,
    pub completion_bp: Option<i64>,
    pub reviewed_at: i64,
}

#[derive(Debug, Clone)]
pub struct Policy {
    pub live: String,
    pub shadow: Option<String>,
    /// The canary's model and its percent.
    pub canary: Option<(String, i64)>,
}

/// What an accepted record does. None as the second part deletes the key.
#[derive(Debug, Clone)]
pub enum Change {
    Submission(PageKey, Submission),
    Enrolment((String, String), Option<Enrolment>),
    Assignment(String, Option<Assignment>),
    Review(PageKey, Option<Review>),
    Policy(String, Option<Policy>),
    Erasure(String),
}

/// The topics, in the order of a record's way.
pub const TOPICS: [&str; 6] = ["submissions", "enrolments", "assignments", "reviews", "models", "erasures"];

/// A null value: it deletes its key, where the key has the form of one and the topic knows deletes.
pub fn deletion(topic: &str, key: Option<&str>) -> Result<Change, Fault> {
    let change = key.and_then(|key| match topic {
        "enrolments" => Some(Change::Enrolment(keys::student_and_class(key)?, None)),
        "assignments" if is_plain(key, 1, 200) => Some(Change::Assignment(key.to_string(), None)),
        "reviews" => Some(Change::Review(keys::student_assignment_page(key)?, None)),
        "models" if is_scope(key) => Some(Change::Policy(key.to_string(), None)),
        _ => None,
    });
    change.ok_or_else(|| "a null that deletes nothing".into())
}

/// A value that is an object. `key` matters for upserts only, `ts` for submissions only.
pub fn change(topic: &str, key: Option<&str>, value: &Json, ts: Option<i64>) -> Result<Change, Fault> {
    match topic {
        "submissions" => submission(value, ts),
        "enrolments" => enrolment(key, value),
        "assignments" => assignment(key, value),
        "reviews" => review(key, value),
        "models" => policy(key, value),
        "erasures" => erasure(value),
        _ => Err("no such topic".into()),
    }
}

/// "The key must equal, byte for byte, the ids of the value."
fn check_key(key: Option<&str>, expected: &str) -> Result<(), Fault> {
    if key == Some(expected) {
        Ok(())
    } else {
        Err("the key is not that of the value".into())
    }
}

fn submission(value: &Json, ts: Option<i64>) -> Result<Change, Fault> {
    let fields = Fields::of(value, &["submission_id", "student_id", "assignment_id", "page", "photo", "uploaded_at"])?;
    let page_key = page_key(&fields)?;
    let (uri, version) = fields.nested("photo", photo)?.ok_or("photo is missing")?;
    let submission = Submission {
        uploaded_at: fields.required("uploaded_at", time)?,
        submission_id: fields.required("submission_id", id)?,
        uri,
        version,
    };
    // "An uploaded_at more than a day after the record's own time" is rejected.
    if ts.is_some_and(|ts| submission.uploaded_at > ts.saturating_add(crate::time::DAY_MS)) {
        return Err("uploaded_at is more than a day after the record".into());
    }
    Ok(Change::Submission(page_key, submission))
}

fn page_key(fields: &Fields) -> Result<PageKey, Fault> {
    Ok((fields.required("student_id", id)?, fields.required("assignment_id", id)?, fields.required("page", page)?))
}

/// The uri and version of a photo: "the etag (every `"` at both ends stripped; empty is none), else
/// the sha256 in lower case, else nothing".
fn photo(json: &Json) -> Result<Photo, Fault> {
    const BYTES_MAX: i64 = 1 << 53;
    let fields = Fields::of(json, &["uri", "etag", "bytes", "sha256"])?;
    let uri = fields.required("uri", |json| text(json).filter(|t| is_plain(t, 1, 2048)))?;
    let etag = fields.optional("etag", |json| text(json).filter(|t| is_plain(t, 0, 1024)))?;
    fields.optional("bytes", |json| integer(json, 0, BYTES_MAX))?;
    let sha256 = fields.optional("sha256", |json| text(json).filter(|t| is_sha256(t)))?;
    let etag = etag.unwrap_or_default().trim_matches('"').to_string();
    let version = if etag.is_empty() { sha256.unwrap_or_default().to_ascii_lowercase() } else { etag };
    Ok((uri, version))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn enrolment(key: Option<&str>, value: &Json) -> Result<Change, Fault> {
    let fields = Fields::of(value, &["student_id", "class_id", "school_id", "since"])?;
    let student = fields.required("student_id", id)?;
    let class = fields.required("class_id", id)?;
    let enrolment = Enrolment { school: fields.required("school_id", id)?, since: fields.optional("since", time)? };
    check_key(key, &keys::composite(&[&student, &class]))?;
    Ok(Change::Enrolment((student, class), Some(enrolment)))
}

fn assignment(key: Option<&str>, value: &Json) -> Result<Change, Fault> {
    let known = [
        "assignment_id",
        "class_id",
        "subject",
        "title",
        "pages",
        "opens_at",
        "due_at",
        "complete_from_bp",
        "template",
    ];
    let fields = Fields::of(value, &known)?;
    let assignment_id = fields.required("assignment_id", id)?;
    let assignment = Assignment {
        class: fields.required("class_id", id)?,
        subject: fields.required("subject", id)?,
        pages: fields.required("pages", page)?,
        opens_at: fields.optional("opens_at", time)?,
        due_at: fields.required("due_at", time)?,
        complete_from_bp: fields.optional("complete_from_bp", |json| integer(json, 1, 10_000))?.unwrap_or(8000),
        template: fields.nested("template", template)?.unwrap_or_default(),
    };
    fields.optional("title", text)?;
    check_key(key, &assignment_id)?;
    Ok(Change::Assignment(assignment_id, Some(assignment)))
}

/// Rejected is "a template with a page twice or an area that leaves the page".
fn template(json: &Json) -> Result<BTreeMap<i64, Photo>, Fault> {
    let Json::Array(entries) = json else {
        return Err("template is no list".into());
    };
    let mut pages = BTreeMap::new();
    for entry in entries {
        let fields = Fields::of(entry, &["page", "photo", "areas"])?;
        let page = fields.required("page", page)?;
        if pages.contains_key(&page) {
            return Err("a template page twice".into());
        }
        let photo = fields.nested("photo", photo)?.ok_or("photo is missing")?;
        pages.insert(page, photo);
        fields.optional("areas", areas)?;
    }
    Ok(pages)
}

/// "[[x, y, w, h]] in bp of the page."
fn areas(json: &Json) -> Option<()> {
    let Json::Array(areas) = json else {
        return None;
    };
    for area in areas {
        let Json::Array(sides) = area else {
            return None;
        };
        let sides: Vec<i64> = sides.iter().map(bp).collect::<Option<_>>()?;
        let [x, y, w, h] = sides.as_slice() else {
            return None;
        };
        if x + w > 10_000 || y + h > 10_000 {
            return None;
        }
    }
    Some(())
}

fn review(key: Option<&str>, value: &Json) -> Result<Change, Fault> {
    let known = ["student_id", "assignment_id", "page", "status", "completion_bp", "reviewer", "reviewed_at"];
    let fields = Fields::of(value, &known)?;
    let page_key = page_key(&fields)?;
    let review = Review {
        status: fields.required("status", review_status)?,
        completion_bp: fields.optional("completion_bp", bp)?,
        reviewed_at: fields.required("reviewed_at", time)?,
    };
    fields.required("reviewer", id)?;
    let page = page_key.2.to_string();
    check_key(key, &keys::composite(&[&page_key.0, &page_key.1, &page]))?;
    Ok(Change::Review(page_key, Some(review)))
}

fn review_status(json: &Json) -> Option<&'static str> {
    let status = text(json)?;
    ["complete", "partial", "blank", "unusable"].into_iter().find(|known| *known == status)
}

fn policy(key: Option<&str>, value: &Json) -> Result<Change, Fault> {
    let fields = Fields::of(value, &["scope", "live", "shadow", "canary"])?;
    let scope = fields.required("scope", |json| text(json).filter(|t| is_scope(t)))?;
    let policy = Policy {
        live: fields.required("live", model)?,
        shadow: fields.optional("shadow", model)?,
        canary: fields.nested("canary", canary)?,
    };
    check_key(key, &scope)?;
    Ok(Change::Policy(scope, Some(policy)))
}

fn canary(json: &Json) -> Result<(String, i64), Fault> {
    let fields = Fields::of(json, &["model", "percent"])?;
    let percent = fields.required("percent", |json| integer(json, 0, 100))?;
    Ok((fields.required("model", model)?, percent))
}

fn erasure(value: &Json) -> Result<Change, Fault> {
    let fields = Fields::of(value, &["student_id", "requested_at"])?;
    fields.required("requested_at", time)?;
    Ok(Change::Erasure(fields.required("student_id", id)?))
}
