//! What is a record, and what is rejected: the contract's "Records in", case by case, each named by what it defends.

#![allow(clippy::unwrap_used)] // clippy allows it in tests, but does not know the helpers here for tests

mod fields;
mod json;
mod keys;

use inkflow_schemas::{parse_event, Event, Topic};

const TS: i64 = 1_795_251_360_000;

const SUBMISSION: &str = r#"{"submission_id": "u-1", "student_id": "s-1", "assignment_id": "a-1", "page": 2,
    "photo": {"uri": "s3://pages/1.jpg", "etag": "\"9b2c\"", "bytes": 350000}, "uploaded_at": 1795251360000}"#;
const ENROLMENT: &str = r#"{"student_id": "s-1", "class_id": "c-1", "school_id": "o-1", "since": 1}"#;
const ASSIGNMENT: &str = r#"{"assignment_id": "a-1", "class_id": "c-1", "subject": "maths", "title": "Sums",
    "pages": 2, "opens_at": 1, "due_at": 2, "complete_from_bp": 9000,
    "template": [{"page": 1, "photo": {"uri": "t"}, "areas": [[0, 0, 10000, 5000]]}]}"#;
const REVIEW: &str = r#"{"student_id": "s-1", "assignment_id": "a-1", "page": 2, "status": "partial",
    "completion_bp": 4000, "reviewer": "t-1", "reviewed_at": 5}"#;
const POLICY: &str = r#"{"scope": "class:c-1", "live": "page@1", "shadow": "page@2",
    "canary": {"model": "page@3", "percent": 10}}"#;
const ERASURE: &str = r#"{"student_id": "s-1", "requested_at": "2026-11-21T08:56:00Z"}"#;

const ALL: [(Topic, &str, &str); 6] = [
    (Topic::Submissions, "anything", SUBMISSION),
    (Topic::Enrolments, "s-1|c-1", ENROLMENT),
    (Topic::Assignments, "a-1", ASSIGNMENT),
    (Topic::Reviews, "s-1|a-1|2", REVIEW),
    (Topic::Models, "class:c-1", POLICY),
    (Topic::Erasures, "anything", ERASURE),
];

fn valid(topic: Topic) -> (&'static str, &'static str) {
    let (_, key, value) = ALL.into_iter().find(|(t, ..)| *t == topic).unwrap();
    (key, value)
}

fn parse(topic: Topic, key: Option<&str>, value: Option<&[u8]>) -> Result<Event, String> {
    parse_event(topic, key.map(str::as_bytes), value, Some(TS), &mut |_| {}).map_err(|fault| fault.to_string())
}

/// The topic's record with `from` replaced by `to` must be rejected for this reason, or be read where it is empty.
#[track_caller]
fn check(topic: Topic, from: &str, to: &str, reason: &str) {
    let (key, value) = valid(topic);
    assert!(value.contains(from), "{from} is not in the record");
    let result = parse(topic, Some(key), Some(value.replacen(from, to, 1).as_bytes()));
    match reason {
        "" => assert!(result.is_ok(), "{to}: {result:?}"),
        _ => assert_eq!(result.unwrap_err(), reason, "{to}"),
    }
}

#[track_caller]
fn check_submission(from: &str, to: &str, reason: &str) {
    check(Topic::Submissions, from, to, reason);
}

/// A submission with one more, unknown, field of that value.
#[track_caller]
fn check_unknown(value: &str, reason: &str) {
    check_submission("{", &format!("{{\"x\": {value}, "), reason);
}

fn submission(value: &str) -> inkflow_schemas::Submission {
    match parse(Topic::Submissions, None, Some(value.as_bytes())) {
        Ok(Event::Submission(submission)) => submission,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_topic_has_records() {
    for (topic, key, value) in ALL {
        let event = parse(topic, Some(key), Some(value.as_bytes())).unwrap();
        assert_eq!(event.topic(), topic);
        assert_eq!(Topic::parse(topic.as_str()), Some(topic));
    }
}

#[test]
fn every_required_field_is_required_and_every_optional_one_is_not() {
    let optional = ["bytes", "since", "title", "opens_at", "complete_from_bp", "template", "shadow", "canary", "etag"];
    for (topic, key, value) in ALL {
        let object: serde_json::Value = serde_json::from_str(value).unwrap();
        for name in object.as_object().unwrap().keys() {
            for null in [false, true] {
                let mut less = object.clone();
                let fields = less.as_object_mut().unwrap();
                if null {
                    fields.insert(name.clone(), serde_json::Value::Null);
                } else {
                    fields.remove(name);
                }
                let result = parse(topic, Some(key), Some(less.to_string().as_bytes()));
                if optional.contains(&name.as_str()) || name == "completion_bp" {
                    assert!(result.is_ok(), "{topic} {name}: {result:?}");
                } else {
                    assert_eq!(result.unwrap_err(), format!("{name}: missing"));
                }
            }
        }
    }
}

#[test]
fn every_known_field_counts_once() {
    for (topic, key, value) in ALL {
        let object: serde_json::Value = serde_json::from_str(value).unwrap();
        for (name, field) in object.as_object().unwrap() {
            for twice in [format!("{{\"{name}\": {field}, "), format!("{{\"{name}\": null, ")] {
                let value = value.replacen('{', &twice, 1);
                let fault = parse(topic, Some(key), Some(value.as_bytes())).unwrap_err();
                assert_eq!(fault, format!("{name}: twice"));
            }
        }
    }
    check_submission("\"page\": 2", "\"page\": 2, \"p\\u0061ge\": 2", "page: twice");
    check_submission("\"uri\":", "\"uri\": \"x\", \"uri\":", "photo.uri: twice");
    check_submission("{\"uri\":", "{\"etag\": null, \"uri\":", "photo.etag: twice");
    check(Topic::Models, "{\"model\":", "{\"model\": \"a@1\", \"model\":", "canary.model: twice");
    check(Topic::Assignments, "{\"page\":", "{\"page\": 1, \"page\":", "template.page: twice");
    check_submission("{", "{\"x\": 1, \"x\": 2, ", "");
}

#[test]
fn unknown_fields_are_told_by_name() {
    let mut names: Vec<String> = Vec::new();
    let value =
        SUBMISSION.replacen('{', "{\"grade\\u0020\": [{\"page\": 0}], ", 1).replace("{\"uri\"", "{\"w\": 1, \"uri\"");
    let event =
        parse_event(Topic::Submissions, None, Some(value.as_bytes()), None, &mut |name| names.push(name.into()));
    assert!(event.is_ok());
    assert_eq!(names, ["grade ".to_string(), "photo.w".to_string()]);
}
