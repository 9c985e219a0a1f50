//! Views of the tables for people and their tools: times as times, ratios in percent, and what belongs together beside
//! each other. The tables themselves stay integers, the same bytes as in every other sink.
//!
//! `bi_<table>` shows each table so. Where the key of a table is a part of another's, `bi_<other>_with_<table>` shows the
//! two joined: a student's assignment with its class's, a student's subject with all of the student's subjects.

use inkflow_schemas::{Column, ColumnKind, ViewSchema};
use tokio_postgres::Transaction;
use xxhash_rust::xxh3::xxh3_64;

use super::super::sql::{one_line, quoted};
use super::error::Failure;
use super::statements::{literal, Names};

/// A view that is found by its comment, so that nobody else's is ever dropped.
struct Readable {
    name: String,
    comment: String,
    select: String,
}

/// The end of our views' comments, before the digest of what they show.
const MARK: &str = "[inkflow ";

/// Makes the views, where they are not there as they should be, or where a table below them was made anew.
pub(super) async fn ensure(
    transaction: &Transaction<'_>,
    names: &Names,
    views: &[&'static ViewSchema],
    tables_changed: bool,
) -> Result<(), Failure> {
    let wanted = wanted(names, views);
    let mut found = found(transaction, names).await?;
    found.sort();
    let mut expected: Vec<(String, String)> =
        wanted.iter().map(|view| (view.name.clone(), view.comment.clone())).collect();
    expected.sort();
    if found == expected && !tables_changed {
        return Ok(());
    }
    drop_all(transaction, names).await?;
    for Readable { name, comment, select } in &wanted {
        let at = names.of(name);
        let sql = format!("CREATE VIEW {at} AS {select}; COMMENT ON VIEW {at} IS {}", literal(comment));
        transaction.batch_execute(&sql).await?;
    }
    Ok(())
}

/// Our views: names and comments.
pub(super) async fn found(transaction: &Transaction<'_>, names: &Names) -> Result<Vec<(String, String)>, Failure> {
    let rows = transaction
        .query(
            "SELECT c.relname::text, obj_description(c.oid, 'pg_class') FROM pg_class c
             WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'v'
             AND strpos(obj_description(c.oid, 'pg_class'), $2) > 0",
            &[&quoted(&names.schema), &MARK],
        )
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Drops them.
pub(super) async fn drop_all(transaction: &Transaction<'_>, names: &Names) -> Result<(), Failure> {
    let all: Vec<String> = found(transaction, names).await?.iter().map(|(name, _)| names.of(name)).collect();
    match all.is_empty() {
        true => Ok(()),
        false => Ok(transaction.batch_execute(&format!("DROP VIEW {}", all.join(", "))).await?),
    }
}

fn wanted(names: &Names, views: &[&'static ViewSchema]) -> Vec<Readable> {
    let epoch = format!("SELECT epoch, to_timestamp(clock / 1000.0) AS as_of FROM {}", names.of("inkflow_epoch"));
    let mut all = vec![readable("bi_epoch".to_owned(), "Which epoch the tables reflect, and its clock.", epoch)];
    for view in views {
        let select = format!("SELECT {} FROM {} a", shown(view.columns, "a", ""), names.of(view.name));
        all.push(readable(format!("bi_{}", view.name), &one_line(view.doc), select));
    }
    for view in views {
        for part in views.iter().filter(|part| is_part(part, view)) {
            let on: Vec<String> =
                part.key().iter().map(|column| format!("b.{0} = a.{0}", quoted(column.name))).collect();
            let rest = &part.columns[part.key_columns..];
            let select = format!(
                "SELECT {}, {} FROM {} a LEFT JOIN {} b ON {}",
                shown(view.columns, "a", ""),
                shown(rest, "b", &format!("{}_", part.name)),
                names.of(view.name),
                names.of(part.name),
                on.join(" AND ")
            );
            let doc = format!("{}, each row with its row of {}", view.name, part.name);
            all.push(readable(format!("bi_{}_with_{}", view.name, part.name), &doc, select));
        }
    }
    all
}

fn readable(name: String, doc: &str, select: String) -> Readable {
    let comment = format!("{doc} {MARK}{:016x}]", xxh3_64(select.as_bytes()));
    Readable { name, comment, select }
}

/// The key of `part` lies within that of `view`, and is smaller; and it says something beside its key.
fn is_part(part: &ViewSchema, view: &ViewSchema) -> bool {
    part.key_columns < view.key_columns
        && part.key_columns < part.columns.len()
        && part.key().iter().all(|column| view.key().iter().any(|other| other.name == column.name))
}

/// Columns as people read them: ms since 1970 as a time, basis points in percent, a day as a date.
fn shown(columns: &[Column], of: &str, prefix: &str) -> String {
    let column = |column: &Column| {
        let at = format!("{of}.{}", quoted(column.name));
        let (value, name) = match (column.kind, column.name.strip_suffix("_bp")) {
            (ColumnKind::Int, Some(stem)) => (format!("round({at} / 100.0, 2)"), format!("{stem}_percent")),
            (ColumnKind::Int, None) if column.doc.contains("ms since 1970") => {
                (format!("to_timestamp({at} / 1000.0)"), column.name.to_owned())
            }
            (ColumnKind::Text, None) if column.name == "day" => (format!("{at}::date"), column.name.to_owned()),
            _ => (at, column.name.to_owned()),
        };
        format!("{value} AS {}", quoted(&format!("{prefix}{name}")))
    };
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}
