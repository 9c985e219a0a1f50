//! Object-created notifications as submissions: what S3, MinIO and OSS tell when a photo was uploaded, and what its key
//! tells of whose it is.
//!
//! A message tells of one object or several, in `Records`; each is a submission of its own. A message with a fault in any of
//! them is rejected whole, as one record.

use inkflow_schemas::parse::time::rfc3339;
use inkflow_schemas::{parse_event, Event, RecordFault, Topic, VALUE_BYTES_MAX};
use serde::Deserialize;
use serde_json::{json, Value};

/// How an object's key tells whose page it is: `{school_id}/{student_id}/{assignment_id}/{page}.jpg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// Text, then a name and the text behind it, and so on.
    head: String,
    parts: Vec<(String, String)>,
}

/// The names that a pattern must have.
const NAMES: [&str; 3] = ["student_id", "assignment_id", "page"];

impl Pattern {
    /// Reads a pattern, or says what is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let mut pieces = text.split('{');
        let head = pieces.next().unwrap_or_default().to_owned();
        let mut parts: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            let (name, tail) = piece.split_once('}').ok_or("a brace is open")?;
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                return Err(format!("{{{name}}} is no name"));
            }
            if parts.iter().any(|(known, _)| known == name) {
                return Err(format!("{{{name}}} is there twice"));
            }
            parts.push((name.to_owned(), tail.to_owned()));
        }
        if head.contains('}') || parts.iter().any(|(_, tail)| tail.contains('}')) {
            return Err("a brace is closed that is not open".to_owned());
        }
        let inner = parts.split_last().map_or(&[][..], |(_, inner)| inner);
        if inner.iter().any(|(_, tail)| tail.is_empty()) {
            return Err("between two names there is nothing, so that nobody knows where the first ends".to_owned());
        }
        match NAMES.iter().find(|name| !parts.iter().any(|(known, _)| known == *name)) {
            Some(name) => Err(format!("it has no {{{name}}}")),
            None => Ok(Pattern { text: text.to_owned(), head, parts }),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part of a key that a name stands for; none where the key is of another form. A part has no `/` in it.
    fn part<'a>(&self, key: &'a str, wanted: &str) -> Option<&'a str> {
        let mut rest = key.strip_prefix(self.head.as_str())?;
        let mut found = None;
        for (index, (name, tail)) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            let (value, after) = match last {
                true => (rest.strip_suffix(tail.as_str())?, ""),
                false => rest.split_once(tail.as_str())?,
            };
            if value.is_empty() || value.contains('/') {
                return None;
            }
            found = found.or((name == wanted).then_some(value));
            rest = after;
        }
        found
    }
}

/// Which notifications are submissions, and where their photos lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notifications {
    /// How keys are read.
    pub key: Pattern,
    /// What stands before a key in a photo's uri; `{bucket}` stands for the bucket.
    pub uri_prefix: String,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Records")]
    records: Vec<Told>,
}

/// What a message tells of one object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    event_name: String,
    event_time: String,
    s3: Stored,
}

#[derive(Deserialize)]
struct Stored {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    e_tag: Option<String>,
    size: Option<u64>,
}

const FORM: RecordFault = RecordFault::Not { field: "Records", what: "notifications of an object store" };
const KEY: RecordFault = RecordFault::Not { field: "Records.s3.object.key", what: "of the pattern" };
const CREATED: RecordFault = RecordFault::Not { field: "Records.eventName", what: "an object's creation" };
const TIME: RecordFault = RecordFault::Not { field: "Records.eventTime", what: "a time" };

impl Notifications {
    /// The submissions that a message tells of; none where it is no notification, but a record like others.
    pub fn submissions(&self, value: Option<&[u8]>, ts_ms: Option<i64>) -> Option<Result<Vec<Event>, RecordFault>> {
        let value = value.filter(|value| value.len() <= VALUE_BYTES_MAX)?;
        // A record of ours has no such field; looking for it is cheaper than reading every record twice.
        memchr::memmem::find(value, b"\"Records\"")?;
        let object: Value = serde_json::from_slice(value).ok()?;
        object.get("Records")?;
        let Ok(message) = serde_json::from_value::<Message>(object) else { return Some(Err(FORM)) };
        if message.records.is_empty() {
            return Some(Err(FORM));
        }
        Some(message.records.iter().map(|told| self.submission(told, ts_ms)).collect())
    }

    /// Whose objects a message seems to tell of, also one that is rejected.
    pub fn students(&self, value: Option<&[u8]>) -> Vec<String> {
        let object = value.and_then(|value| serde_json::from_slice::<Value>(value).ok()).unwrap_or_default();
        let keys =
            object["Records"].as_array().into_iter().flatten().filter_map(|told| told["s3"]["object"]["key"].as_str());
        let students = keys.filter_map(|key| Some(self.key.part(&decode(key)?, "student_id")?.to_owned()));
        students.collect()
    }

    fn submission(&self, told: &Told, ts_ms: Option<i64>) -> Result<Event, RecordFault> {
        if !told.event_name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            return Err(CREATED);
        }
        let Object { key, e_tag, size } = &told.s3.object;
        let key = decode(key).ok_or(KEY)?;
        let part = |name| self.key.part(&key, name).ok_or(KEY);
        let page: u16 = part("page")?.parse().map_err(|_| KEY)?;
        let uploaded_at = rfc3339(&told.event_time).ok_or(TIME)?;
        let uri = self.uri_prefix.replace("{bucket}", &told.s3.bucket.name) + &key;
        let etag = e_tag.as_deref().unwrap_or_default();
        // As one of our own records, so that every rule for those holds.
        let record = json!({
            "submission_id": submission_id(&uri, etag.trim_matches('"')),
            "student_id": part("student_id")?,
            "assignment_id": part("assignment_id")?,
            "page": page,
            "photo": { "uri": uri, "etag": etag, "bytes": size },
            "uploaded_at": uploaded_at.0,
        });
        parse_event(Topic::Submissions, None, Some(record.to_string().as_bytes()), ts_ms, &mut |_| {})
    }
}

/// `uri@etag`, and where that is longer than an id may be, its hash: equal for equal ones, which is all that an id is for.
fn submission_id(uri: &str, etag: &str) -> String {
    let id = format!("{uri}@{etag}");
    match inkflow_schemas::Id::new(&id) {
        Some(_) => id,
        None => format!("{:032x}", xxhash_rust::xxh3::xxh3_128(id.as_bytes())),
    }
}

/// A key as it was given to the store: `+` is a space, and `%2F` a slash.
fn decode(key: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                rest = after.get(2..)?;
                u8::from_str_radix(digits, 16).ok()?
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "{school_id}/{class_id}/{student_id}/{assignment_id}/{page}.jpg";

    fn notifications() -> Notifications {
        Notifications { key: Pattern::new(KEY).unwrap(), uri_prefix: "s3://{bucket}/".to_owned() }
    }

    /// A message as MinIO sends it.
    fn message(key: &str, name: &str) -> String {
        json!({
            "EventName": name,
            "Key": "photos/plain",
            "Records": [{
                "eventVersion": "2.0", "eventSource": "minio:s3", "eventTime": "2026-11-21T08:56:00.123Z", "eventName": name,
                "s3": {
                    "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
                    "object": {"key": key, "size": 1234, "eTag": "\"abc\"", "contentType": "image/jpeg", "sequencer": "1"}
                }
            }]
        })
        .to_string()
    }

    fn check(key: &str, name: &str) -> Result<Vec<Event>, String> {
        let read = notifications().submissions(Some(message(key, name).as_bytes()), None).expect("a notification");
        read.map_err(|fault| fault.to_string())
    }

    #[test]
    fn an_object_that_was_created_is_a_submission() {
        let events = check("s+1%2F7b%2Fann%7C4%2Fa-1%2F2.jpg", "s3:ObjectCreated:Put").unwrap();
        let [Event::Submission(submission)] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(
            (submission.student_id.as_str(), submission.assignment_id.as_str(), submission.page),
            ("ann|4", "a-1", 2)
        );
        assert_eq!(submission.photo.key.uri, "s3://photos/s 1/7b/ann|4/a-1/2.jpg");
        assert_eq!((submission.photo.key.version.as_str(), submission.photo.bytes), ("abc", Some(1234)));
        assert_eq!(submission.submission_id.as_str(), "s3://photos/s 1/7b/ann|4/a-1/2.jpg@abc");
        assert_eq!(submission.uploaded_at.0, 1_795_251_360_123);
        assert!(check("s/7b/ann/a-1/2.jpg", "ObjectCreated:CompleteMultipartUpload").is_ok());
        let long = check(&format!("s/7b/ann/{}/2.jpg", "a".repeat(200)), "ObjectCreated:Put").unwrap();
        let [Event::Submission(long)] = long.as_slice() else { panic!("{long:?}") };
        assert_eq!(long.submission_id.as_str().len(), 32, "an id is no longer than one may be");
    }

    #[test]
    fn what_is_no_submission_says_why() {
        for (key, name, reason) in [
            ("s/7b/ann/a-1/2.jpg", "s3:ObjectRemoved:Delete", "Records.eventName: not an object's creation"),
            ("s/7b/ann/2.jpg", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b/ann/a-1/x/2.jpg", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b//a-1/2.jpg", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b/ann/a-1/two.jpg", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b/ann/a-1/2.jpg%", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b/%ff/a-1/2.jpg", "ObjectCreated:Put", "Records.s3.object.key: not of the pattern"),
            ("s/7b/ann/a-1/0.jpg", "ObjectCreated:Put", "page: not an integer from 1 to 1000"),
            ("s/7b/a%00b/a-1/1.jpg", "ObjectCreated:Put", "photo.uri: not 1 to 2048 bytes without control characters"),
        ] {
            let refused = check(key, name).unwrap_err();
            assert!(
                refused == reason || refused.starts_with(&reason[..reason.find(':').unwrap_or(0)]),
                "{key}: {refused}"
            );
        }
        let told = |text: &str| notifications().submissions(Some(text.as_bytes()), None);
        assert_eq!(told(r#"{"Records": []}"#), Some(Err(FORM)));
        assert_eq!(told(r#"{"Records": [{"s3": 5}]}"#), Some(Err(FORM)));
        assert_eq!(told(r#"{"student_id": "\"Records\""}"#), None, "a record like others");
        assert_eq!(told("{\"Records\": ["), None, "no JSON is for the parser of records to say");
        assert_eq!(notifications().submissions(None, None), None);
        assert_eq!(notifications().students(Some(message("s/7b/z%20oe/a-1/0.jpg", "x").as_bytes())), ["z oe"]);
    }

    #[test]
    fn patterns_are_told_what_is_wrong_with_them() {
        for (text, why) in [
            ("{student_id}/{page}.jpg", "it has no {assignment_id}"),
            ("{student_id}{assignment_id}/{page}", "nobody knows where the first ends"),
            ("{student_id}/{student_id}/{assignment_id}/{page}", "{student_id} is there twice"),
            ("{student_id/{page}", "a brace is open"),
            ("{student id}/{page}", "is no name"),
            ("{student_id", "a brace is open"),
            ("}{student_id}/{assignment_id}/{page}", "not open"),
        ] {
            let found = Pattern::new(text).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
        let of_dates = Pattern::new("in/{assignment_id}-{page}-{student_id}").unwrap();
        assert_eq!(of_dates.part("in/a-2-ann-b", "student_id"), Some("ann-b"));
    }
}
