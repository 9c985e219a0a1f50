//! Views as tables of a SQLite database, for a laptop, a school's server, and everybody's tools.
//!
//! A table for each view, under its name, keyed by the view's key; NULL for an empty cell, but the empty text in a key,
//! because a key has no NULL. `true` is 1. What columns mean stands in the table's own text (`.schema` shows it) and in
//! `inkflow_columns`. `inkflow_epoch` has one row: what the tables reflect, and who writes them. Readers may read at any
//! time (WAL), and see whole epochs only.
//!
//! Errors: locked, full and failing disks are `Transient`; after a failing disk the file is opened anew. What no waiting
//! helps against is `Fatal`: no database, no permission, a damaged file.

mod statements;

use std::path::{Path, PathBuf};
use std::time::Duration;

use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, Transaction, TransactionBehavior};

use super::plan::{self, Op, Standing};
use super::{Claim, EpochStamp, Sink, SinkError, ViewChanges};

/// How long a lock is waited for before a call is `Transient`. Writers of one file queue here for as long as another's
/// transaction takes; a second is longer than an epoch's, and short enough that a stuck one is noticed.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// What SQLite may take of memory for pages, in KiB.
const CACHE_KIB: i64 = 32 * 1024;
/// To what the log is cut back once it has been copied into the file.
const LOG_BYTES: i64 = 64 << 20;

/// A SQLite file.
#[derive(Debug)]
pub struct SqliteSink {
    path: PathBuf,
    name: String,
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    views: Vec<&'static ViewSchema>,
    claim: Claim,
    /// None after an I/O error, until the next call.
    connection: Option<Connection>,
}

impl SqliteSink {
    /// The database at `path`; [`Sink::open`] opens it, or makes it.
    pub fn new(path: &Path) -> SqliteSink {
        SqliteSink { path: path.to_owned(), name: format!("sqlite:{}", path.display()), opened: None }
    }

    fn opened(&mut self) -> Result<&mut Opened, SinkError> {
        let sink = &self.name;
        self.opened.as_mut().ok_or_else(|| SinkError::Fatal { sink: sink.clone(), reason: "it is not open".to_owned() })
    }

    /// Does `work` on the connection, and turns its failure into ours.
    fn with<T>(&mut self, work: impl FnOnce(&mut Connection, &Opened) -> Result<T, Failure>) -> Result<T, SinkError> {
        let (path, name) = (self.path.clone(), self.name.clone());
        let opened = self.opened()?;
        let mut connection = match opened.connection.take() {
            Some(connection) => connection,
            None => connect(&path).map_err(|error| typed(&name, &error))?,
        };
        let result = work(&mut connection, opened);
        if !matches!(&result, Err(Failure::Sqlite(error)) if is_io(error)) {
            opened.connection = Some(connection);
        }
        result.map_err(|failure| failure.typed(&name))
    }

    #[cfg(test)]
    pub(super) fn connection(&mut self) -> &Connection {
        self.opened.as_ref().and_then(|opened| opened.connection.as_ref()).expect("an open sink")
    }
}

/// Why a piece of work failed.
enum Failure {
    Sqlite(rusqlite::Error),
    Sink(SinkError),
    /// In words.
    Fatal(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Failure {
        Failure::Sink(error)
    }
}

impl Failure {
    fn typed(self, sink: &str) -> SinkError {
        match self {
            Failure::Sqlite(error) => typed(sink, &error),
            Failure::Sink(error) => error,
            Failure::Fatal(reason) => SinkError::Fatal { sink: sink.to_owned(), reason },
        }
    }
}

fn typed(sink: &str, error: &rusqlite::Error) -> SinkError {
    let (sink, reason) = (sink.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory,
        ) => SinkError::Transient { sink, reason },
        _ => SinkError::Fatal { sink, reason },
    }
}

fn is_io(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // An epoch that was acknowledged is there after a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Deleted rows are overwritten, for erasure.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

impl Sink for SqliteSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        self.opened = Some(Opened { views: views.to_vec(), claim, connection: None });
        let name = self.name.clone();
        self.with(|connection, opened| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            statements::ensure_own_tables(&transaction)?;
            let standing = Standing::claimed(&name, read_standing(&transaction)?, claim)?;
            statements::ensure_views(&transaction, &opened.views)?;
            write_standing(&transaction, standing)?;
            transaction.commit()?;
            Ok(standing.written)
        })
    }

    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        self.with(|connection, opened| {
            let schema = opened.views[view];
            let mut select = connection.prepare_cached(&statements::select(schema))?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                let cells = schema.columns.iter().enumerate();
                let cells = cells.map(|(index, column)| read_cell(schema, column, row.get_ref(index)?));
                f(Row(cells.collect::<Result<_, Failure>>()?));
            }
            Ok(())
        })
    }

    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        let name = self.name.clone();
        let opened = self.opened()?;
        plan::check_views(opened.views.len(), changes);
        let mut plans = Vec::with_capacity(changes.len());
        for ViewChanges { view, changes } in changes {
            let schema = opened.views[*view];
            // Planned before the lock is taken.
            plans.push((schema, plan::plan(&name, schema, changes)?));
        }
        self.with(|connection, opened| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let standing = Standing::written(&name, read_standing(&transaction)?, opened.claim, stamp)?;
            for (schema, ops) in &plans {
                write(&transaction, schema, ops)?;
            }
            write_standing(&transaction, standing)?;
            Ok(transaction.commit()?)
        })
    }

    /// Copies the log into the file and cuts it off: deleted rows stand in neither then. `Transient` while a reader
    /// holds an older state.
    fn scrub(&mut self) -> Result<(), SinkError> {
        let sink = self.name.clone();
        let busy: i64 = self
            .with(|connection, _| Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?))?;
        match busy {
            0 => Ok(()),
            _ => Err(SinkError::Transient { sink, reason: "a reader holds an older state".to_owned() }),
        }
    }
}

fn read_standing(connection: &Connection) -> Result<Option<Standing>, Failure> {
    let row = connection
        .prepare_cached("SELECT journal, owner, epoch, incarnation, clock FROM inkflow_epoch")?
        .query_row([], |row| {
            let stamp: (Option<i64>, Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, stamp))
        })
        .optional()?;
    Ok(row.map(|(journal, owner, stamp)| Standing {
        claim: Claim { journal: journal as u64, incarnation: owner as u64 },
        written: match stamp {
            (Some(epoch), Some(incarnation), Some(clock)) => {
                Some(EpochStamp { epoch: epoch as u64, incarnation: incarnation as u64, clock })
            }
            _ => None,
        },
    }))
}

fn write_standing(transaction: &Transaction<'_>, standing: Standing) -> Result<(), Failure> {
    // SQLite has no unsigned numbers: the same 64 bits.
    let Standing { claim, written } = standing;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO inkflow_epoch (id, journal, owner, epoch, incarnation, clock)
             VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            claim.journal as i64,
            claim.incarnation as i64,
            written.map(|stamp| stamp.epoch as i64),
            written.map(|stamp| stamp.incarnation as i64),
            written.map(|stamp| stamp.clock),
        ))?;
    Ok(())
}

fn write(transaction: &Transaction<'_>, schema: &ViewSchema, ops: &[Op<'_>]) -> Result<(), Failure> {
    let mut upsert = transaction.prepare_cached(&statements::upsert(schema))?;
    let mut delete = transaction.prepare_cached(&statements::delete(schema))?;
    for op in ops {
        let (statement, row, columns): (&mut Statement<'_>, _, _) = match op {
            Op::Upsert(row) => (&mut upsert, row, schema.columns),
            Op::Delete(row) => (&mut delete, row, schema.key()),
        };
        for (index, (column, cell)) in columns.iter().zip(row.0.iter()).enumerate() {
            bind(statement, index, index < schema.key_columns, column, cell)
                .map_err(|failure| failure.of(schema, column))?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}

/// A cell that could not be bound.
enum BindFailure {
    Sqlite(rusqlite::Error),
    Kind,
}

impl BindFailure {
    fn of(self, schema: &ViewSchema, column: &Column) -> Failure {
        match self {
            BindFailure::Sqlite(error) => Failure::Sqlite(error),
            BindFailure::Kind => {
                Failure::Fatal(format!("{}.{}: a cell that is no {:?}", schema.name, column.name, column.kind))
            }
        }
    }
}

fn bind(
    statement: &mut Statement<'_>,
    index: usize,
    key: bool,
    column: &Column,
    cell: &Cell,
) -> Result<(), BindFailure> {
    let at = index + 1;
    match (plan::normal(cell), column.kind) {
        (Cell::Text(text), ColumnKind::Text) => statement.raw_bind_parameter(at, text.as_str()),
        (Cell::Int(value), ColumnKind::Int) => statement.raw_bind_parameter(at, value),
        (Cell::Bool(value), ColumnKind::Bool) => statement.raw_bind_parameter(at, value),
        (Cell::Empty, ColumnKind::Text) if key => statement.raw_bind_parameter(at, ""),
        (Cell::Empty, _) if !key => statement.raw_bind_parameter(at, rusqlite::types::Null),
        _ => return Err(BindFailure::Kind),
    }
    .map_err(BindFailure::Sqlite)
}

fn read_cell(schema: &ViewSchema, column: &Column, value: ValueRef<'_>) -> Result<Cell, Failure> {
    match (value, column.kind) {
        (ValueRef::Null, _) => Ok(Cell::Empty),
        (ValueRef::Integer(value), ColumnKind::Int) => Ok(Cell::Int(value)),
        (ValueRef::Integer(value), ColumnKind::Bool) => Ok(Cell::Bool(value != 0)),
        (ValueRef::Text([]), ColumnKind::Text) => Ok(Cell::Empty),
        (ValueRef::Text(text), ColumnKind::Text) => match std::str::from_utf8(text) {
            Ok(text) => Ok(Cell::Text(text.into())),
            Err(_) => Err(Failure::Fatal(format!(
                "{}.{} holds a text that is not UTF-8, which inkflow never wrote: drop the table, and it is made anew",
                schema.name, column.name
            ))),
        },
        // The table is STRICT, and its columns have been compared.
        (value, _) => Err(Failure::Fatal(format!(
            "{}.{} holds {:?}: drop the table, and it is made anew",
            schema.name,
            column.name,
            value.data_type()
        ))),
    }
}
