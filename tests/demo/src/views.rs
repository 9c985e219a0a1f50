//! The views in the SQLite file, read as anybody would.

use crate::scenario::{Look, HOMEWORK};
use crate::{fail, Result};
use inkflow_oracle::Views;
use rusqlite::types::ValueRef;
use rusqlite::{params, Connection, OpenFlags, OptionalExtension, Row, Transaction};
use std::collections::BTreeMap;
use std::path::Path;

/// The file, once it is there.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    version: Option<i64>,
}

/// A homework's row in class_assignment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Whose it is to do.
    pub students: i64,
    /// Have it complete.
    pub complete: i64,
    /// Had it complete in time.
    pub on_time: i64,
    /// Have handed in all, and a page is yet to be read.
    pub awaiting: i64,
    /// Have handed in all, and it is not complete.
    pub incomplete: i64,
    /// May yet hand in.
    pub open: i64,
    /// Should have.
    pub overdue: i64,
    /// Pages yet to be read.
    pub pending: i64,
    /// Pages to photograph again.
    pub reshoot: i64,
}

/// What the views say, all of one epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Which epoch.
    pub epoch: i64,
    /// Its clock.
    pub clock: i64,
    /// By the assignment's id.
    pub progress: BTreeMap<String, Progress>,
    /// Pages with a submission, or a review.
    pub pages: i64,
    /// Of these, yet to be read.
    pub pending: i64,
    /// Refused records.
    pub rejected: i64,
    /// What came of each thing that happened.
    pub came_of: Vec<String>,
}

impl Reader {
    /// Opens it for reading; none while it is not there.
    pub fn open(path: &Path) -> Option<Reader> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        Some(Reader { connection, version: None })
    }

    /// True if something was written since the last call.
    pub fn has_changed(&mut self) -> Result<bool> {
        let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).optional()?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }

    /// The last offset of each partition of the submissions that the views reflect.
    pub fn offsets(&self) -> Result<Vec<(u32, i64)>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT \"partition\", \"offset\" FROM freshness WHERE topic = 'submissions'")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// What the views say now.
    pub fn snapshot(&mut self, looks: &[&Look]) -> Result<Snapshot> {
        let transaction = self.connection.transaction()?;
        let (epoch, clock) =
            transaction.query_row("SELECT coalesce(epoch, 0), coalesce(clock, 0) FROM inkflow_epoch", [], pair)?;
        let progress = transaction
            .prepare_cached(
                "SELECT assignment_id, students, complete, on_time, awaiting, incomplete, open, overdue, pending, reshoot
                 FROM class_assignment",
            )?
            .query_map([], |row| Ok((row.get(0)?, progress_of(row)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let (pages, pending) = transaction.query_row(
            "SELECT count(*), count(*) FILTER (WHERE status = 'pending') FROM page_status",
            [],
            pair,
        )?;
        let rejected = transaction.query_row("SELECT count(*) FROM rejected", [], |row| row.get(0))?;
        let came_of = looks.iter().map(|look| came_of(&transaction, look)).collect::<Result<_>>()?;
        Ok(Snapshot { epoch, clock, progress, pages, pending, rejected, came_of })
    }

    /// Every view as `--export` writes it.
    pub fn views(&self) -> Result<Views> {
        let mut query = self
            .connection
            .prepare("SELECT view, name, kind, key FROM inkflow_columns WHERE position > 0 ORDER BY view, position")?;
        let mut rows = query.query([])?;
        let mut columns = BTreeMap::<String, Vec<(String, String, bool)>>::new();
        while let Some(row) = rows.next()? {
            columns.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?, row.get(3)?));
        }
        columns.into_iter().map(|(view, columns)| Ok((view.clone(), self.csv(&view, &columns)?))).collect()
    }

    fn csv(&self, view: &str, columns: &[(String, String, bool)]) -> Result<String> {
        let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
        let quoted = |names: &[&str]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let keys: Vec<&str> = columns.iter().filter(|(.., is_key)| *is_key).map(|(name, ..)| name.as_str()).collect();
        let mut query = self.connection.prepare(&format!(
            "SELECT {} FROM \"{view}\" ORDER BY {}",
            quoted(&names),
            quoted(&keys)
        ))?;
        let mut rows = query.query([])?;
        let mut text = names.join(",") + "\n";
        while let Some(row) = rows.next()? {
            for (index, (_, kind, _)) in columns.iter().enumerate() {
                text += if index > 0 { "," } else { "" };
                match row.get_ref(index)? {
                    ValueRef::Null => {}
                    ValueRef::Integer(value) if kind == "bool" => text += if value == 1 { "true" } else { "false" },
                    ValueRef::Integer(value) => text += &value.to_string(),
                    ValueRef::Text(value) => text += &csv_field(std::str::from_utf8(value)?),
                    other => return fail(format!("{view} holds {other:?}")),
                }
            }
            text += "\n";
        }
        Ok(text)
    }
}

fn pair(row: &Row<'_>) -> rusqlite::Result<(i64, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn progress_of(row: &Row<'_>) -> rusqlite::Result<Progress> {
    Ok(Progress {
        students: row.get(1)?,
        complete: row.get(2)?,
        on_time: row.get(3)?,
        awaiting: row.get(4)?,
        incomplete: row.get(5)?,
        open: row.get(6)?,
        overdue: row.get(7)?,
        pending: row.get(8)?,
        reshoot: row.get(9)?,
    })
}

/// What came of a thing, in a few words.
fn came_of(transaction: &Transaction<'_>, look: &Look) -> Result<String> {
    Ok(match look {
        Look::Page((student, assignment, page)) => {
            let query = "SELECT status, completion_bp, reason, reviewed FROM page_status
                         WHERE student_id = ?1 AND assignment_id = ?2 AND page = ?3";
            let found = transaction.query_row(query, params![student, assignment, page], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, Option<i64>>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get::<_, bool>(3)?,
                ))
            });
            match found.optional()? {
                None => String::new(),
                Some((status, _, _, true)) => format!("{status}, reviewed"),
                Some((status, _, Some(reason), _)) => format!("{status}: {reason}"),
                Some((status, Some(completion), ..)) => format!("{status}, {} %", completion / 100),
                Some((status, ..)) => status,
            }
        }
        Look::Student(student) => {
            let query = "SELECT (SELECT count(*) FROM page_status WHERE student_id = ?1)
                + (SELECT count(*) FROM student_assignment WHERE student_id = ?1)
                + (SELECT count(*) FROM student_completion WHERE student_id = ?1)";
            let rows: i64 = transaction.query_row(query, [student], |row| row.get(0))?;
            format!("{rows} rows left")
        }
        Look::OnTime(assignment) => {
            let query = "SELECT on_time, students FROM class_assignment WHERE assignment_id = ?1";
            match transaction.query_row(query, [assignment], pair).optional()? {
                Some((on_time, students)) => format!("{on_time} of {students} on time"),
                None => String::new(),
            }
        }
        Look::Rejected => {
            let rejected: i64 = transaction.query_row("SELECT count(*) FROM rejected", [], |row| row.get(0))?;
            if rejected == 0 {
                String::new()
            } else {
                "refused: in dead-letters".to_owned()
            }
        }
    })
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

impl Snapshot {
    /// The row of a homework.
    pub fn of(&self, id: &str) -> Option<&Progress> {
        self.progress.get(id)
    }

    /// Whether every homework is there.
    pub fn is_whole(&self) -> bool {
        HOMEWORK.iter().all(|homework| self.progress.contains_key(homework.id))
    }
}
