//! The files in `schemas/json` are what the code says: `UPDATE=1 cargo test -p inkflow-schemas` writes them.

use inkflow_schemas::json_schema::{check_file, of_topic, of_view};
use inkflow_schemas::{Column, ColumnKind, Topic, ViewSchema};

#[test]
fn the_files_are_what_the_code_says() {
    for topic in Topic::ALL {
        assert_eq!(check_file(topic.as_str(), &of_topic(topic)), Ok(()));
    }
}

#[test]
fn rows_are_objects_whose_keys_are_never_null() {
    const VIEW: ViewSchema = ViewSchema {
        name: "seen",
        doc: "Who was seen",
        key_columns: 1,
        columns: &[
            Column { name: "student_id", kind: ColumnKind::Text, doc: "The student" },
            Column { name: "at", kind: ColumnKind::Int, doc: "When, ms" },
        ],
    };
    let expected = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seen",
        "description": "Who was seen",
        "type": "object",
        "properties": {
            "student_id": {"description": "The student", "type": "string"},
            "at": {"description": "When, ms", "type": ["integer", "null"]},
        },
        "required": ["student_id", "at"],
        "additionalProperties": false,
        "x-key": ["student_id"],
    });
    assert_eq!(of_view(&VIEW).as_value(), &expected);
}
