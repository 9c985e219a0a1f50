//! What the statements of SQLite and of PostgreSQL have in common.

use inkflow_schemas::{Column, ViewSchema};

/// A name as SQL quotes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The names of columns, with commas.
pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| quoted(column.name)).collect::<Vec<_>>().join(", ")
}

/// A doc comment on one line.
pub(super) fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An upsert of a view's rows into `table`; `rows` is where they come from: VALUES or a SELECT.
pub(super) fn upsert(view: &ViewSchema, table: &str, rows: &str) -> String {
    let rest: Vec<String> = view.columns[view.key_columns..]
        .iter()
        .map(|column| format!("{0} = excluded.{0}", quoted(column.name)))
        .collect();
    let conflict = match rest.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!("UPDATE SET {}", rest.join(", ")),
    };
    let (columns, key) = (names(view.columns), names(view.key()));
    format!("INSERT INTO {table} ({columns}) {rows} ON CONFLICT ({key}) DO {conflict}")
}
