//! Taking typed fields out of JSON objects, by the rules of 'Records in'. A fault names the field, never its content.

use std::collections::BTreeMap;

use crate::json::{Fault, Json};
use crate::time;

/// The known fields of an object. A field that is null is as one that is not there.
pub struct Fields<'a> {
    present: BTreeMap<&'a str, &'a Json>,
}

impl<'a> Fields<'a> {
    /// "A known field named twice is a fault. Unknown fields are ignored."
    pub fn of(json: &'a Json, known: &[&str]) -> Result<Self, Fault> {
        let Json::Object(fields) = json else {
            return Err("no object".into());
        };
        let mut named = BTreeMap::new();
        for (name, value) in fields {
            if !known.contains(&name.as_str()) {
                continue;
            }
            if named.insert(name.as_str(), value).is_some() {
                return Err(format!("{name} twice"));
            }
        }
        named.retain(|_, value| **value != Json::Null);
        Ok(Fields { present: named })
    }

    /// The field as `read` takes it, or None where it is absent or null.
    pub fn optional<T>(&self, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Result<Option<T>, Fault> {
        match self.present.get(name) {
            None => Ok(None),
            Some(json) => match read(json) {
                Some(value) => Ok(Some(value)),
                None => Err(format!("{name} is malformed")),
            },
        }
    }

    /// The field as `read` takes it.
    pub fn required<T>(&self, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Result<T, Fault> {
        self.optional(name, read)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A field that is an object or list of its own, with faults of its own.
    pub fn nested<T>(&self, name: &str, read: impl FnOnce(&'a Json) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
        match self.present.get(name) {
            None => Ok(None),
            Some(json) => read(json).map(Some),
        }
    }
}

/// Any string.
pub fn text(json: &Json) -> Option<String> {
    match json {
        Json::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// "Ids: strings of 1 to 200 bytes of UTF-8 without control characters."
pub fn id(json: &Json) -> Option<String> {
    text(json).filter(|text| is_id(text))
}

pub fn is_id(text: &str) -> bool {
    is_plain(text, 1, 200)
}

/// Whether a text has so many bytes and no control character (U+0000-1F, U+007F-9F).
pub fn is_plain(text: &str, bytes_min: usize, bytes_max: usize) -> bool {
    let is_control = |c: char| matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}');
    (bytes_min..=bytes_max).contains(&text.len()) && !text.chars().any(is_control)
}

/// "JSON integers (`1.0`, `"1"`, `true` are not)" from `min` to `max`, both included.
pub fn integer(json: &Json, min: i64, max: i64) -> Option<i64> {
    let Json::Number(written) = json else {
        return None;
    };
    if written.contains(['.', 'e', 'E']) {
        return None;
    }
    let value = written.parse().ok()?;
    (min..=max).contains(&value).then_some(value)
}

/// "Basis points, 0..10000."
pub fn bp(json: &Json) -> Option<i64> {
    integer(json, 0, 10_000)
}

/// "page and pages: 1..1000."
pub fn page(json: &Json) -> Option<i64> {
    integer(json, 1, 1000)
}

/// "RFC 3339 with offset and `T`, or integer milliseconds since 1970; in [1970, 2100)."
pub fn time(json: &Json) -> Option<i64> {
    match json {
        Json::Text(text) => time::parse_rfc3339(text),
        other => integer(other, 0, time::END_MS - 1),
    }
}

/// "A model is `name@version`: one `@`, both sides 1 to 100 bytes without white space or control
/// characters."
pub fn model(json: &Json) -> Option<String> {
    let text = text(json)?;
    let (name, version) = text.split_once('@')?;
    let is_side = |side: &str| is_plain(side, 1, 100) && !side.contains('@') && !side.contains(char::is_whitespace);
    (is_side(name) && is_side(version)).then_some(text)
}

/// "A scope is `*`, `school:ID` or `class:ID`."
pub fn is_scope(text: &str) -> bool {
    let id = text.strip_prefix("school:").or_else(|| text.strip_prefix("class:"));
    text == "*" || id.is_some_and(is_id)
}
