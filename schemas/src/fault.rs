//! Why a record is rejected: a reason that names a field and never quotes the record.
//!
//! Reasons end in the view `rejected`, which outlives the erasure of a student, and in logs. So a fault holds static
//! text only: no id, no value and no name of an unknown field can get into it.

use crate::parse::json::JsonFault;

/// Why a record is rejected. `Display` gives the reason: short, stable, and free of the record's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RecordFault {
    /// The value is longer than [`VALUE_BYTES_MAX`](crate::event::VALUE_BYTES_MAX).
    #[error("value: over 1 MiB")]
    TooLarge,
    /// The value is no JSON of RFC 8259.
    #[error("value: {0}")]
    Json(#[from] JsonFault),
    /// The value is JSON, but not an object.
    #[error("value: not an object")]
    NotAnObject,
    /// A null for a topic whose records cannot be deleted.
    #[error("value: a null deletes nothing in this topic")]
    NullValue,
    /// A field that must be there is not, or is null.
    #[error("{field}: missing")]
    Missing {
        /// The field, with the names of the objects around it.
        field: &'static str,
    },
    /// A known field stands twice in its object.
    #[error("{field}: twice")]
    Twice {
        /// The field.
        field: &'static str,
    },
    /// A field is not what it has to be: of another type, too long, out of range.
    #[error("{field}: not {what}")]
    Not {
        /// The field.
        field: &'static str,
        /// What it has to be.
        what: &'static str,
    },
    /// A template has a page twice.
    #[error("template.page: the same page twice")]
    TemplatePageTwice,
    /// x + width or y + height is over 10,000 basis points.
    #[error("template.areas: an area leaves the page")]
    AreaLeavesPage,
    /// A page uploaded more than a day after the record that tells of it.
    #[error("uploaded_at: more than a day after the record")]
    UploadedAfterRecord,
    /// A record of a keyed topic without a key.
    #[error("key: missing")]
    KeyMissing,
    /// The key is not, byte for byte, the ids of the value.
    #[error("key: not the ids of the value")]
    KeyDiffers,
    /// The key of a null has not the form of the topic's keys.
    #[error("key: not of the form {form}")]
    KeyForm {
        /// The form, as the contract writes it.
        form: &'static str,
    },
    /// A folder's line is longer than a line may be.
    #[error("line: over 16 MiB")]
    LineTooLarge,
    /// A folder's line is no JSON.
    #[error("line: {0}")]
    LineJson(JsonFault),
    /// A folder's line is JSON, but no object.
    #[error("line: not an object")]
    LineNotAnObject,
    /// A folder's line has both a value and a raw.
    #[error("line: both a value and a raw")]
    LineValueAndRaw,
}
