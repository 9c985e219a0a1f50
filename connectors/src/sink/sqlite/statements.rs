//! The SQL: tables that explain themselves, and the statements that change them.

use super::super::sql::{self, names, one_line, quoted};
use inkflow_schemas::{Column, ColumnKind, ViewSchema};
use rusqlite::{params, Connection, OptionalExtension, Transaction};

const EPOCH_TABLE: &str = "CREATE TABLE inkflow_epoch (
  -- One row: what the tables reflect, written in the same transaction as they are.
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  journal INTEGER NOT NULL, -- the journal's own name: 64 bits
  owner INTEGER NOT NULL, -- which opening of the journal may write here
  epoch INTEGER, -- the epoch that the tables reflect; NULL: none yet
  incarnation INTEGER, -- which opening of the journal wrote it
  clock INTEGER -- the epoch's clock, ms since 1970
) STRICT";

const COLUMNS_TABLE: &str = "CREATE TABLE inkflow_columns (
  -- What the columns of the views mean.
  view TEXT NOT NULL,
  position INTEGER NOT NULL, -- 0 is the view itself, its columns follow
  name TEXT NOT NULL,
  kind TEXT NOT NULL, -- view, text, int or bool
  key INTEGER NOT NULL, -- 1 where it is part of the view's key
  doc TEXT NOT NULL,
  PRIMARY KEY (view, position)
) STRICT, WITHOUT ROWID";

/// Makes the tables that are inkflow's own, or makes them anew where they are not as they should be.
pub(super) fn ensure_own_tables(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    for (name, create) in [("inkflow_epoch", EPOCH_TABLE), ("inkflow_columns", COLUMNS_TABLE)] {
        let found: Option<String> = transaction
            .query_row("SELECT sql FROM sqlite_master WHERE name = ?1", [name], |row| row.get(0))
            .optional()?;
        if found.as_deref() != Some(create) {
            drop_table(transaction, name)?;
            transaction.execute_batch(create)?;
        }
    }
    Ok(())
}

/// Makes a table for each view. One that is there with other columns is dropped first; so are those of views that are
/// no more: nobody would keep their rows right, nor erase them.
pub(super) fn ensure_views(transaction: &Transaction<'_>, views: &[&'static ViewSchema]) -> rusqlite::Result<()> {
    let before: Vec<String> = transaction
        .prepare("SELECT DISTINCT view FROM inkflow_columns")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for name in before.iter().filter(|name| views.iter().all(|view| view.name != **name)) {
        drop_table(transaction, name)?;
    }
    transaction.execute("DELETE FROM inkflow_columns", [])?;
    for view in views {
        if columns_found(transaction, view.name)? != columns_wanted(view) {
            drop_table(transaction, view.name)?;
            transaction.execute_batch(&create(view))?;
        }
        if let Some(index) = create_index(view) {
            transaction.execute_batch(&index)?;
        }
        describe(transaction, view)?;
    }
    Ok(())
}

/// Of a column: name, type, whether it may not be NULL, its place in the key from 1.
type Found = (String, String, bool, i64);

fn columns_found(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Found>> {
    connection
        .prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1)")?
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect()
}

fn columns_wanted(view: &ViewSchema) -> Vec<Found> {
    let key = (1..).take(view.key_columns).chain(std::iter::repeat(0));
    let columns = view.columns.iter().zip(key);
    columns.map(|(column, key)| (column.name.to_owned(), sql_type(column).to_owned(), key > 0, key)).collect()
}

fn sql_type(column: &Column) -> &'static str {
    match column.kind {
        ColumnKind::Text => "TEXT",
        ColumnKind::Int | ColumnKind::Bool => "INTEGER",
    }
}

/// The table's text, with what it means in comments, which SQLite keeps.
fn create(view: &ViewSchema) -> String {
    let mut sql = format!("CREATE TABLE {} (\n  -- {}\n", quoted(view.name), one_line(view.doc));
    for (index, column) in view.columns.iter().enumerate() {
        let constraint = match (index < view.key_columns, column.kind) {
            (true, ColumnKind::Text) => " NOT NULL DEFAULT ''".to_owned(),
            (true, _) => " NOT NULL".to_owned(),
            (false, ColumnKind::Bool) => format!(" CHECK ({} IN (0, 1))", quoted(column.name)),
            (false, _) => String::new(),
        };
        sql += &format!("  {} {}{constraint}, -- {}\n", quoted(column.name), sql_type(column), one_line(column.doc));
    }
    sql + &format!("  PRIMARY KEY ({})\n) STRICT, WITHOUT ROWID", names(view.key()))
}

/// An index for those who ask by the second key column: a class's students, an assignment's pages. The table itself
/// answers those who ask by the first.
fn create_index(view: &ViewSchema) -> Option<String> {
    let rest = view.key().get(1..).filter(|rest| rest.first().is_some_and(|column| column.name.ends_with("_id")))?;
    let name = quoted(&format!("{}_by_{}", view.name, rest[0].name));
    Some(format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({})", quoted(view.name), names(rest)))
}

fn describe(transaction: &Transaction<'_>, view: &ViewSchema) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO inkflow_columns VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    insert.execute(params![view.name, 0, view.name, "view", false, view.doc])?;
    for (position, column) in (1_i64..).zip(view.columns) {
        let kind = match column.kind {
            ColumnKind::Text => "text",
            ColumnKind::Int => "int",
            ColumnKind::Bool => "bool",
        };
        let key = position <= view.key_columns as i64;
        insert.execute(params![view.name, position, column.name, kind, key, column.doc])?;
    }
    Ok(())
}

fn drop_table(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    let kind: Option<String> =
        transaction.query_row("SELECT type FROM sqlite_master WHERE name = ?1", [name], |row| row.get(0)).optional()?;
    match kind {
        // It may have become something else in other hands.
        Some(kind) => transaction.execute_batch(&format!("DROP {kind} {}", quoted(name))),
        None => Ok(()),
    }
}

pub(super) fn select(view: &ViewSchema) -> String {
    format!("SELECT {} FROM {}", names(view.columns), quoted(view.name))
}

pub(super) fn upsert(view: &ViewSchema) -> String {
    sql::upsert(view, &quoted(view.name), &format!("VALUES ({})", vec!["?"; view.columns.len()].join(", ")))
}

pub(super) fn delete(view: &ViewSchema) -> String {
    let key: Vec<String> = view.key().iter().map(|column| format!("{} = ?", quoted(column.name))).collect();
    format!("DELETE FROM {} WHERE {}", quoted(view.name), key.join(" AND "))
}
