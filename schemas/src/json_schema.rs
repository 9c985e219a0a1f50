//! JSON Schemas of the records in and of the view rows out, as files for other languages: `schemas/json/*.json`.
//!
//! They say what JSON Schema can: its lengths count characters where the contract counts bytes, and of fields that must
//! fit together (a template's pages, an area's sides, a key and its value) it knows nothing. [`parse_event`] decides.
//!
//! [`parse_event`]: crate::parse_event

use crate::view::{ColumnKind, ViewSchema};
use crate::wire;
use crate::Topic;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde_json::{json, Map, Value};
use std::borrow::Cow;

/// Declares a named form: text or numbers with limits, described once and referred to by name.
macro_rules! forms {
    ($($form:ident, $name:literal: $schema:tt;)*) => {$(
        #[doc = concat!("The form of `", $name, "`.")]
        pub(crate) struct $form;

        impl JsonSchema for $form {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

forms! {
    IdForm, "id": {
        "description": "1 to 200 bytes of UTF-8 without control characters",
        "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
    };
    TimeForm, "time": {
        "description": "RFC 3339 with offset and T, or integer milliseconds since 1970; from 1970 to 2099",
        "oneOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "exclusiveMaximum": 4_102_444_800_000_i64}
        ]
    };
    PageForm, "page": {"type": "integer", "minimum": 1, "maximum": 1000};
    BpForm, "bp": {"description": "basis points", "type": "integer", "minimum": 0, "maximum": 10_000};
    ThresholdForm, "threshold": {"description": "basis points", "type": "integer", "minimum": 1, "maximum": 10_000};
    PercentForm, "percent": {"type": "integer", "minimum": 0, "maximum": 100};
    ByteCountForm, "byte_count": {"type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_992_i64};
    UriForm, "uri": {
        "description": "1 to 2,048 bytes of UTF-8 without control characters",
        "type": "string", "minLength": 1, "maxLength": 2048, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
    };
    EtagForm, "etag": {
        "description": "up to 1,024 bytes of UTF-8 without control characters",
        "type": "string", "maxLength": 1024, "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
    };
    Sha256Form, "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"};
    ModelForm, "model": {
        "description": "name@version, both 1 to 100 bytes without white space or control characters",
        "type": "string", "maxLength": 201, "pattern": "^[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+@[^@\\s\\u0000-\\u001f\\u007f-\\u009f]+$"
    };
    ScopeForm, "scope": {
        "description": "*, school:ID or class:ID",
        "type": "string", "pattern": "^(\\*|(school|class):[^\\u0000-\\u001f\\u007f-\\u009f]+)$"
    };
    ReviewStatusForm, "review_status": {"type": "string", "enum": ["complete", "partial", "blank", "unusable"]};
    AreaForm, "area": {
        "description": "x, y, width, height in basis points of the page",
        "type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 10_000}, "minItems": 4, "maxItems": 4
    };
}

/// The folder of the schemas' files.
pub const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/json");

/// For tests: the file `<name>.json` in the folder must hold this schema. With UPDATE=1 in the environment it is written.
/// Files are compared as values: which order their keys have depends on features of serde_json that others may turn on.
pub fn check_file(name: &str, schema: &Schema) -> Result<(), String> {
    let path = std::path::Path::new(FOLDER).join(format!("{name}.json"));
    let told = |e: std::io::Error| format!("{}: {e}", path.display());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{:#}\n", schema.as_value())).map_err(told)?;
    }
    let file: Option<Value> = serde_json::from_str(&std::fs::read_to_string(&path).map_err(told)?).ok();
    if file.as_ref() == Some(schema.as_value()) {
        return Ok(());
    }
    Err(format!("{} is not what the code says: run the tests with UPDATE=1", path.display()))
}

/// The JSON Schema of a topic's values.
pub fn of_topic(topic: Topic) -> Schema {
    let generator = SchemaGenerator::default();
    let mut schema = match topic {
        Topic::Submissions => generator.into_root_schema_for::<wire::Submission<'_>>(),
        Topic::Enrolments => generator.into_root_schema_for::<wire::Enrolment<'_>>(),
        Topic::Assignments => generator.into_root_schema_for::<wire::Assignment<'_>>(),
        Topic::Reviews => generator.into_root_schema_for::<wire::Review<'_>>(),
        Topic::Models => generator.into_root_schema_for::<wire::Policy<'_>>(),
        Topic::Erasures => generator.into_root_schema_for::<wire::Erasure<'_>>(),
    };
    schema.insert("title".into(), topic.as_str().into());
    schema
}

/// The JSON Schema of a view's rows, each an object with a field for every column; null is an empty cell.
pub fn of_view(view: &ViewSchema) -> Schema {
    let mut properties = Map::new();
    for (index, column) in view.columns.iter().enumerate() {
        let kind = match column.kind {
            ColumnKind::Bool => "boolean",
            ColumnKind::Int => "integer",
            ColumnKind::Text => "string",
        };
        // A key is never empty.
        let kinds = if index < view.key_columns { json!(kind) } else { json!([kind, "null"]) };
        properties.insert(column.name.into(), json!({"description": column.doc, "type": kinds}));
    }
    let names = |columns: &[crate::Column]| columns.iter().map(|c| Value::from(c.name)).collect::<Vec<_>>();
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": view.name,
        "description": view.doc,
        "type": "object",
        "properties": properties,
        "required": names(view.columns),
        "additionalProperties": false,
        "x-key": names(view.key()),
    })
}
