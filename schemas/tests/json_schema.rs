//! The files in `schemas/json` are what the code says: `UPDATE=1 cargo test -p inkflow-schemas` writes them.

use inkflow_schemas::{json_schema, Topic};
use std::path::Path;

#[test]
fn the_files_are_what_the_code_says() {
    for topic in Topic::ALL {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("json").join(format!("{topic}.json"));
        let text = json_schema::file_text(&json_schema::of_topic(topic));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        // Compared as values: which order keys have depends on serde_json's features, which other crates may turn on.
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let file = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(value(&file) == value(&text), "{} is not what the code says: run with UPDATE=1", path.display());
    }
}
