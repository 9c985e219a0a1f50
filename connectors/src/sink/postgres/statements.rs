//! The SQL that changes rows, and names as SQL has them.

use super::super::sql::{self, quoted};
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

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn select(names: &Names, view: &ViewSchema) -> String {
    format!("SELECT {} FROM {}", sql::names(view.columns), names.of(view.name))
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

pub(super) fn upsert(names: &Names, view: &ViewSchema) -> String {
    sql::upsert(view, &names.of(view.name), &format!("SELECT * FROM unnest({})", arrays(view.columns)))
}

pub(super) fn delete(names: &Names, view: &ViewSchema) -> String {
    let on: Vec<String> = view.key().iter().map(|column| format!("t.{0} = k.{0}", quoted(column.name))).collect();
    format!(
        "DELETE FROM {} t USING unnest({}) AS k ({}) WHERE {}",
        names.of(view.name),
        arrays(view.key()),
        sql::names(view.key()),
        on.join(" AND ")
    )
}
