//! From bytes to records: a strict JSON parser, the fields that records share, and the records.
//!
//! Everything that comes from outside passes through here once; behind it, types vouch for ids, ranges and times. The
//! way in is [`parse_event`](crate::event::parse_event).

pub mod json;
pub mod time;

pub(crate) mod field;
pub(crate) mod photo;
pub(crate) mod record;
