//! The SQL that changes rows, and names as SQL has them.

use inkflow_schemas::{Column, ColumnKind, ViewSchema};

/// Names within the sink's schema.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) schema: String,
}

impl Names {
    /// A table or view, as every statement names it: in full, so that no search path decides.
    pub(super) fn of(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(name))
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| quoted(column.name)).collect::<Vec<_>>().join(", ")
}

pub(super) fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn select(names_: &Names, view: &ViewSchema) -> String {
    format!("SELECT {} FROM {}", names(view.columns), names_.of(view.name))
}

/// Rows come as an array for each column: one statement for any number of them, which is prepared once.
fn arrays(columns: &[Column]) -> String {
    let array = |(index, column): (usize, &Column)| {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Int => "int8",
            ColumnKind::Bool => "bool",
        };
        format!("${}::{kind}[]", index + 1)
    };
    columns.iter().enumerate().map(array).collect::<Vec<_>>().join(", ")
}

pub(super) fn upsert(names_: &Names, view: &ViewSchema) -> String {
    let rest: Vec<String> = view.columns[view.key_columns..]
        .iter()
        .map(|column| format!("{0} = excluded.{0}", quoted(column.name)))
        .collect();
    let conflict = match rest.is_empty() {
        true => "NOTHING".to_owned(),
        false => format!("UPDATE SET {}", rest.join(", ")),
    };
    format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({}) ON CONFLICT ({}) DO {conflict}",
        names_.of(view.name),
        names(view.columns),
        arrays(view.columns),
        names(view.key())
    )
}

pub(super) fn delete(names_: &Names, view: &ViewSchema) -> String {
    let on: Vec<String> = view.key().iter().map(|column| format!("t.{0} = k.{0}", quoted(column.name))).collect();
    format!(
        "DELETE FROM {} t USING unnest({}) AS k ({}) WHERE {}",
        names_.of(view.name),
        arrays(view.key()),
        names(view.key()),
        on.join(" AND ")
    )
}
