//! The scalars of the contract, each a type of its own, so that a page number is never taken for basis points.

use ecow::EcoString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A day in milliseconds. A day of the contract is 24 hours; calendars matter only to `class_day`.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// An id is at most this many bytes of UTF-8: it is a key in every table that a view is written to.
pub const ID_BYTES_MAX: usize = 200;

/// A photo's uri is at most this many bytes, as long as the longest key that object stores allow, twice.
pub const URI_BYTES_MAX: usize = 2048;

/// An etag is at most this many bytes.
pub const ETAG_BYTES_MAX: usize = 1024;

/// Either side of a model's `name@version` is at most this many bytes.
pub const MODEL_PART_BYTES_MAX: usize = 100;

/// Times lie in [1970, 2100): 4,102,444,800,000 is 2100-01-01T00:00:00Z.
pub const MILLIS_END: i64 = 4_102_444_800_000;

/// True for what no id, uri, etag or model name may contain: U+0000-1F and U+007F-9F.
pub fn is_control(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}')
}

/// True where [`is_control`] holds for a character of the text. Almost all text is ASCII, and told byte by byte.
pub fn has_control(text: &str) -> bool {
    // Without an early end the loop is done many bytes at a time.
    let plain = text.bytes().fold(true, |plain, b| plain & matches!(b, 0x20..=0x7e));
    !plain && text.chars().any(is_control)
}

/// The id of a student, class, school, assignment, submission, subject or reviewer: 1 to 200 bytes of UTF-8 without
/// control characters. Cheap to clone; up to 15 bytes are kept inline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(EcoString);

impl Id {
    /// The id, or none where `text` is empty, too long, or has a control character.
    pub fn new(text: &str) -> Option<Id> {
        let fits = (1..=ID_BYTES_MAX).contains(&text.len()) && !has_control(text);
        fits.then(|| Id(text.into()))
    }
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The id's text, shared.
    pub fn text(&self) -> EcoString {
        self.0.clone()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Basis points: 0 to 10,000, a ten-thousandth of the whole each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bp(u16);

impl Bp {
    /// The whole: 10,000.
    pub const WHOLE: Bp = Bp(10_000);
    /// The half: 5,000.
    pub const HALF: Bp = Bp(5_000);
    /// None of it.
    pub const ZERO: Bp = Bp(0);
    /// Basis points, or none above 10,000.
    pub const fn new(value: u16) -> Option<Bp> {
        if value <= 10_000 {
            Some(Bp(value))
        } else {
            None
        }
    }
    /// The number of basis points.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, in [1970, 2100) where they come from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The time, or none outside [1970, 2100).
    pub const fn new(ms: i64) -> Option<Millis> {
        if ms >= 0 && ms < MILLIS_END {
            Some(Millis(ms))
        } else {
            None
        }
    }
    /// This time and so many days of 24 hours.
    pub const fn plus_days(self, days: i64) -> Millis {
        Millis(self.0 + days * DAY_MS)
    }
}

/// A model: `name@version`, one `@`, both sides 1 to 100 bytes without white space or control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelName(EcoString);

impl ModelName {
    /// The name, or none where `text` has not the form.
    pub fn new(text: &str) -> Option<ModelName> {
        let (name, version) = text.split_once('@')?;
        let part = |s: &str| {
            (1..=MODEL_PART_BYTES_MAX).contains(&s.len())
                && !s.chars().any(|c| c == '@' || c.is_whitespace() || is_control(c))
        };
        (part(name) && part(version)).then(|| ModelName(text.into()))
    }
    /// `name@version`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// `name@version`, shared.
    pub fn text(&self) -> EcoString {
        self.0.clone()
    }
    /// Name and version.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('@').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whom a model policy is for. In order of precedence: a class before its school before everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// `class:ID`
    Class(Id),
    /// `school:ID`
    School(Id),
    /// `*`
    All,
}

impl Scope {
    /// The scope, or none where `text` is not `*`, `school:ID` or `class:ID`.
    pub fn new(text: &str) -> Option<Scope> {
        if text == "*" {
            return Some(Scope::All);
        }
        match text.split_once(':')? {
            ("class", id) => Some(Scope::Class(Id::new(id)?)),
            ("school", id) => Some(Scope::School(Id::new(id)?)),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All => f.write_str("*"),
            Scope::School(id) => write!(f, "school:{id}"),
            Scope::Class(id) => write!(f, "class:{id}"),
        }
    }
}
