//! The fields that records share: each reads one JSON value, or says what it should have been.
//!
//! A [`Slot`] keeps the three things to know of a field: whether it was there, whether it was null, and its value. So
//! a field named twice is found also where the first was null.

use super::json::{Json, Number};
use crate::fault::RecordFault;
use crate::scalar::{has_control, Bp, Id, Millis, ModelName, Scope};
use std::borrow::Cow;

/// A result of reading a record or a part of it.
pub(crate) type Parsed<T> = Result<T, RecordFault>;

/// Told the name of each unknown field, that of the object around it before it: `photo.width`.
pub(crate) type Unknown<'u> = &'u mut dyn FnMut(&str);

/// A known field of an object.
pub(crate) struct Slot<T> {
    field: &'static str,
    seen: bool,
    value: Option<T>,
}

impl<T> Slot<T> {
    /// A field not seen yet.
    pub(crate) fn new(field: &'static str) -> Slot<T> {
        Slot { field, seen: false, value: None }
    }

    /// Reads the field's value, which may be null, by `read`.
    #[inline]
    pub(crate) fn fill<'a>(
        &mut self,
        json: &mut Json<'a>,
        read: impl FnOnce(&mut Json<'a>, &'static str) -> Parsed<T>,
    ) -> Parsed<()> {
        if self.seen {
            return Err(RecordFault::Twice { field: self.field });
        }
        self.seen = true;
        if !json.null()? {
            self.value = Some(read(json, self.field)?);
        }
        Ok(())
    }

    /// The value of a field that must be there.
    #[inline]
    pub(crate) fn required(self) -> Parsed<T> {
        self.value.ok_or(RecordFault::Missing { field: self.field })
    }

    /// The value of a field that may be absent or null.
    #[inline]
    pub(crate) fn optional(self) -> Option<T> {
        self.value
    }
}

/// A string.
#[inline]
pub(crate) fn string<'a>(json: &mut Json<'a>, field: &'static str) -> Parsed<Cow<'a, str>> {
    if json.peek() != b'"' {
        return Err(RecordFault::Not { field, what: "a string" });
    }
    Ok(json.string()?)
}

/// An integer within limits, both of them allowed; `what` says them.
#[inline]
fn integer(json: &mut Json<'_>, field: &'static str, from: i64, to: i64, what: &'static str) -> Parsed<i64> {
    match number(json, field, "an integer")? {
        Number::Integer(value) if (from..=to).contains(&value) => Ok(value),
        Number::Integer(_) | Number::Huge => Err(RecordFault::Not { field, what }),
        Number::Fraction => Err(RecordFault::Not { field, what: "an integer" }),
    }
}

fn number(json: &mut Json<'_>, field: &'static str, what: &'static str) -> Parsed<Number> {
    if !matches!(json.peek(), b'-' | b'0'..=b'9') {
        return Err(RecordFault::Not { field, what });
    }
    Ok(json.number()?)
}

/// An id.
pub(crate) fn id(json: &mut Json<'_>, field: &'static str) -> Parsed<Id> {
    let what = "an id of 1 to 200 bytes without control characters";
    Id::new(&string(json, field)?).ok_or(RecordFault::Not { field, what })
}

/// A time: RFC 3339, or integer milliseconds since 1970.
pub(crate) fn time(json: &mut Json<'_>, field: &'static str) -> Parsed<Millis> {
    let what = "a time in 1970 to 2099 (RFC 3339 with offset, or integer milliseconds)";
    let time = match json.peek() {
        b'"' => super::time::rfc3339(&json.string()?),
        _ => match number(json, field, what)? {
            Number::Integer(ms) => Millis::new(ms),
            Number::Huge | Number::Fraction => None,
        },
    };
    time.ok_or(RecordFault::Not { field, what })
}

/// A page, or a number of pages: 1 to 1,000.
pub(crate) fn page(json: &mut Json<'_>, field: &'static str) -> Parsed<u16> {
    Ok(integer(json, field, 1, 1000, "in 1 to 1000")? as u16)
}

/// Basis points: 0 to 10,000.
pub(crate) fn bp(json: &mut Json<'_>, field: &'static str) -> Parsed<Bp> {
    let what = "in 0 to 10000";
    Bp::new(integer(json, field, 0, 10_000, what)? as u16).ok_or(RecordFault::Not { field, what })
}

/// Basis points above 0.
pub(crate) fn bp_above_0(json: &mut Json<'_>, field: &'static str) -> Parsed<Bp> {
    let what = "in 1 to 10000";
    Bp::new(integer(json, field, 1, 10_000, what)? as u16).ok_or(RecordFault::Not { field, what })
}

/// Percent: 0 to 100.
pub(crate) fn percent(json: &mut Json<'_>, field: &'static str) -> Parsed<u8> {
    Ok(integer(json, field, 0, 100, "in 0 to 100")? as u8)
}

/// A length in bytes: 0 to 2^53, both included.
pub(crate) fn bytes(json: &mut Json<'_>, field: &'static str) -> Parsed<u64> {
    Ok(integer(json, field, 0, 1 << 53, "in 0 to 2^53")? as u64)
}

/// Text of a length in bytes between limits, without control characters.
pub(crate) fn text<'a>(
    json: &mut Json<'a>,
    field: &'static str,
    bytes: std::ops::RangeInclusive<usize>,
    what: &'static str,
) -> Parsed<Cow<'a, str>> {
    let text = string(json, field)?;
    if !bytes.contains(&text.len()) || has_control(&text) {
        return Err(RecordFault::Not { field, what });
    }
    Ok(text)
}

/// A model.
pub(crate) fn model(json: &mut Json<'_>, field: &'static str) -> Parsed<ModelName> {
    ModelName::new(&string(json, field)?).ok_or(RecordFault::Not { field, what: "a model name@version" })
}

/// A scope.
pub(crate) fn scope(json: &mut Json<'_>, field: &'static str) -> Parsed<Scope> {
    Scope::new(&string(json, field)?).ok_or(RecordFault::Not { field, what: "a scope: *, school:ID or class:ID" })
}
