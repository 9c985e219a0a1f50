//! The views: each a function over collections, its row type, and its schema for sinks.
//!
//! A view's rows are plain types here; [`View::cells`] turns one into the cells that sinks store.

pub mod agreement;
pub mod class_assignment;
pub mod class_day;
pub mod failed_photos;
pub mod page_status;
pub mod positions;
pub mod standing;
pub mod student_assignment;
pub mod student_completion;

use ecow::EcoString;
use std::sync::Arc;

use inkflow_schemas::{Bp, Cell, Column, ColumnKind, Id, Millis, ModelName, Row, ViewSchema};

/// A row of a view.
pub trait View {
    /// The view's name and columns.
    const SCHEMA: ViewSchema;
    /// The row as cells, in the order of the schema's columns.
    fn cells(&self) -> Row;
}

impl<V: View> View for Arc<V> {
    const SCHEMA: ViewSchema = V::SCHEMA;
    fn cells(&self) -> Row {
        (**self).cells()
    }
}

pub(crate) const fn text(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Text, doc }
}
pub(crate) const fn int(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Int, doc }
}
pub(crate) const fn flag(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Bool, doc }
}

/// What becomes a cell.
pub(crate) trait ToCell {
    fn cell(&self) -> Cell;
}
impl ToCell for Id {
    fn cell(&self) -> Cell {
        Cell::Text(self.text())
    }
}
impl ToCell for ModelName {
    fn cell(&self) -> Cell {
        Cell::Text(self.text())
    }
}
impl ToCell for EcoString {
    fn cell(&self) -> Cell {
        if self.is_empty() {
            Cell::Empty
        } else {
            Cell::Text(self.clone())
        }
    }
}
impl ToCell for &'static str {
    fn cell(&self) -> Cell {
        Cell::Text(EcoString::from(*self))
    }
}
impl ToCell for bool {
    fn cell(&self) -> Cell {
        Cell::Bool(*self)
    }
}
impl ToCell for i64 {
    fn cell(&self) -> Cell {
        Cell::Int(*self)
    }
}
impl ToCell for u64 {
    fn cell(&self) -> Cell {
        Cell::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}
impl ToCell for u32 {
    fn cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }
}
impl ToCell for u16 {
    fn cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }
}
impl ToCell for Bp {
    fn cell(&self) -> Cell {
        self.get().cell()
    }
}
impl ToCell for Millis {
    fn cell(&self) -> Cell {
        self.0.cell()
    }
}
impl<T: ToCell> ToCell for Option<T> {
    fn cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Empty, ToCell::cell)
    }
}

pub(crate) fn row<const N: usize>(cells: [&dyn ToCell; N]) -> Row {
    Row(cells.iter().map(|cell| cell.cell()).collect())
}
