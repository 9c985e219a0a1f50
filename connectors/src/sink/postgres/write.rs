//! Rows in: an array for each column, so that one statement, prepared once, moves thousands.
//!
//! COPY into a staging table and from there is as fast for many rows, and slower for the few of a live epoch:
//! `docs/postgres.md` has the figures.

use std::collections::HashMap;
use std::time::Duration;

use inkflow_schemas::{Cell, Column, ColumnKind, ViewSchema};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Statement, Transaction};

use super::super::plan::{self, Op};
use super::error::Failure;
use super::session::within;
use super::statements::{self, Names};

/// So many rows go into one statement at most: some 2 MB on the way, and well below a second.
const ROWS_MAX: usize = 10_000;

/// Statements of a connection, by view, and whether they delete.
pub(super) type Prepared = HashMap<(usize, bool), Statement>;

/// Which table.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) index: usize,
    pub(super) schema: &'static ViewSchema,
    pub(super) names: &'a Names,
}

/// Writes one view's changes.
pub(super) async fn write(
    transaction: &Transaction<'_>,
    prepared: &mut Prepared,
    view: View<'_>,
    ops: &[Op<'_>],
    patience: Duration,
) -> Result<(), Failure> {
    let rows = |deletes: bool| {
        let of = move |op: &Op<'_>| matches!(op, Op::Delete(_)) == deletes;
        ops.iter().filter(move |op| of(op)).map(|op| match op {
            Op::Upsert(row) | Op::Delete(row) => &row.0[..],
        })
    };
    for deletes in [true, false] {
        let columns = if deletes { view.schema.key() } else { view.schema.columns };
        let rows: Vec<&[Cell]> = rows(deletes).collect();
        for rows in rows.chunks(ROWS_MAX) {
            let statement = match prepared.get(&(view.index, deletes)) {
                Some(statement) => statement.clone(),
                None => {
                    let sql = match deletes {
                        true => statements::delete(view.names, view.schema),
                        false => statements::upsert(view.names, view.schema),
                    };
                    let statement = within(patience, transaction.prepare(&sql)).await?;
                    prepared.entry((view.index, deletes)).or_insert(statement).clone()
                }
            };
            let arrays = arrays(view.schema, columns, rows)?;
            let parameters: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| &**array as _).collect();
            within(patience, transaction.execute(&statement, &parameters)).await?;
        }
    }
    Ok(())
}

type Array<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// Rows as an array for each column.
fn arrays<'a>(schema: &ViewSchema, columns: &[Column], rows: &[&'a [Cell]]) -> Result<Vec<Array<'a>>, Failure> {
    let array = |(index, column): (usize, &Column)| -> Result<Array<'a>, Failure> {
        let key = index < schema.key_columns;
        let wrong = || Failure::Fatal(format!("{}.{}: a cell that is no {:?}", schema.name, column.name, column.kind));
        let cells = rows.iter().map(|row| plan::normal(&row[index]));
        Ok(match column.kind {
            ColumnKind::Text => Box::new(
                cells
                    .map(|cell| match cell {
                        Cell::Text(text) => Ok(Some(text.as_str())),
                        Cell::Empty => Ok(key.then_some("")),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<Vec<Option<&str>>, Failure>>()?,
            ),
            ColumnKind::Int => Box::new(
                cells
                    .map(|cell| match cell {
                        Cell::Int(value) => Ok(Some(*value)),
                        Cell::Empty if !key => Ok(None),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<Vec<Option<i64>>, Failure>>()?,
            ),
            ColumnKind::Bool => Box::new(
                cells
                    .map(|cell| match cell {
                        Cell::Bool(value) => Ok(Some(*value)),
                        Cell::Empty if !key => Ok(None),
                        _ => Err(wrong()),
                    })
                    .collect::<Result<Vec<Option<bool>>, Failure>>()?,
            ),
        })
    };
    columns.iter().enumerate().map(array).collect()
}
