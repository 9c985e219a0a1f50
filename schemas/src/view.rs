//! View rows out: a row is cells, a view's schema names them. Sinks know no view by name; they read its schema.

use ecow::EcoString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A value in a view. Statistics are integers; ratios are basis points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Cell {
    /// None.
    Empty,
    /// true or false.
    Bool(bool),
    /// A number; its column says the unit.
    Int(i64),
    /// Text; compares bytewise.
    Text(EcoString),
}

/// A row of a view: as many cells as its schema has columns, key columns first. Shared, as every sink gets it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row(pub Arc<[Cell]>);

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// true or false.
    Bool,
    /// A number.
    Int,
    /// Text.
    Text,
}

/// A column of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in every sink.
    pub name: &'static str,
    /// What it holds, when it is not empty.
    pub kind: ColumnKind,
    /// What it means, with its unit: becomes the comment of the table's column.
    pub doc: &'static str,
}

/// A view: its name, its columns, and how many of them, from the first, are its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSchema {
    /// Its name in every sink.
    pub name: &'static str,
    /// What it says: becomes the comment of the table.
    pub doc: &'static str,
    /// The first so many columns are the key.
    pub key_columns: usize,
    /// Its columns, key first.
    pub columns: &'static [Column],
}

impl ViewSchema {
    /// The key columns.
    pub fn key(&self) -> &'static [Column] {
        &self.columns[..self.key_columns]
    }
}

impl Row {
    /// The cells of the key of this row in a view of that schema.
    pub fn key(&self, schema: &ViewSchema) -> &[Cell] {
        &self.0[..schema.key_columns]
    }
}

impl From<&EcoString> for Cell {
    fn from(text: &EcoString) -> Cell {
        Cell::Text(text.clone())
    }
}
