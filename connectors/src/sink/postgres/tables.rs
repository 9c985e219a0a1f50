//! The tables: made, compared, described, and shown to readers. All of it in the transaction that claims them.

use inkflow_schemas::{Column, ColumnKind, ViewSchema};
use tokio_postgres::Transaction;

use super::super::sql::{names, one_line, quoted};
use super::error::Failure;
use super::statements::{literal, Names};

const EPOCH_TABLE: &str = "inkflow_epoch";
const EPOCH_DOC: &str =
    "What the tables reflect, and who writes them: one row, written in the same transaction as they are.";
/// Name, type, whether it may not be NULL, what it means.
const EPOCH_COLUMNS: &[(&str, &str, bool, &str)] = &[
    ("id", "smallint", true, "always 1"),
    ("journal", "bigint", true, "the journal's own name: 64 bits"),
    ("owner", "bigint", true, "which opening of the journal may write here"),
    ("epoch", "bigint", false, "the epoch that the tables reflect; NULL: none yet"),
    ("incarnation", "bigint", false, "which opening of the journal wrote it"),
    ("clock", "bigint", false, "the epoch's clock, in ms since 1970"),
];

const COLUMNS_TABLE: &str = "inkflow_columns";
const COLUMNS_DOC: &str = "What the columns of the views mean.";
const COLUMNS_COLUMNS: &[(&str, &str, bool, &str)] = &[
    ("view", "text", true, "the table"),
    ("position", "smallint", true, "0 is the table itself, its columns follow"),
    ("name", "text", true, "the column"),
    ("kind", "text", true, "view, text, int or bool"),
    ("key", "boolean", true, "whether it is part of the table's key"),
    ("doc", "text", true, "what it means, with its unit"),
];

/// A table as it should be.
struct Wanted {
    name: String,
    doc: String,
    columns: Vec<WantedColumn>,
    key: usize,
}

struct WantedColumn {
    name: String,
    kind: &'static str,
    /// Text is compared bytewise, as everywhere in inkflow.
    bytewise: bool,
    not_null: bool,
    doc: String,
}

impl Wanted {
    fn own(name: &str, doc: &str, columns: &[(&str, &'static str, bool, &str)], key: usize) -> Wanted {
        let column = |(name, kind, not_null, doc): &(&str, &'static str, bool, &str)| WantedColumn {
            name: (*name).to_owned(),
            kind,
            bytewise: *kind == "text",
            not_null: *not_null,
            doc: (*doc).to_owned(),
        };
        Wanted { name: name.to_owned(), doc: doc.to_owned(), columns: columns.iter().map(column).collect(), key }
    }

    fn view(view: &ViewSchema) -> Wanted {
        let column = |(index, column): (usize, &Column)| WantedColumn {
            name: column.name.to_owned(),
            kind: match column.kind {
                ColumnKind::Text => "text",
                ColumnKind::Int => "bigint",
                ColumnKind::Bool => "boolean",
            },
            bytewise: column.kind == ColumnKind::Text,
            not_null: index < view.key_columns,
            doc: one_line(column.doc),
        };
        let columns = view.columns.iter().enumerate().map(column).collect();
        Wanted { name: view.name.to_owned(), doc: one_line(view.doc), columns, key: view.key_columns }
    }

    fn create(&self, names: &Names) -> String {
        let column = |column: &WantedColumn| {
            let (collate, null) = (if column.bytewise { " COLLATE \"C\"" } else { "" }, column.not_null);
            format!("{} {}{collate}{}", quoted(&column.name), column.kind, if null { " NOT NULL" } else { "" })
        };
        let mut parts: Vec<String> = self.columns.iter().map(column).collect();
        let key: Vec<String> = self.columns[..self.key].iter().map(|column| quoted(&column.name)).collect();
        parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
        format!("CREATE TABLE {} ({})", names.of(&self.name), parts.join(", "))
    }
}

/// Makes the schema where it is not there.
pub(super) async fn ensure_schema(transaction: &Transaction<'_>, names: &Names) -> Result<(), Failure> {
    let there: bool =
        transaction.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&quoted(&names.schema)]).await?.try_get(0)?;
    if !there {
        // Whether it may: without the right on the database an administrator makes it.
        transaction.batch_execute(&format!("CREATE SCHEMA {}", quoted(&names.schema))).await?;
    }
    Ok(())
}

/// Makes inkflow's own tables, or makes them anew where they are not as they should be. True where it made one.
pub(super) async fn ensure_own(transaction: &Transaction<'_>, names: &Names) -> Result<bool, Failure> {
    let mut made = false;
    for wanted in [
        Wanted::own(EPOCH_TABLE, EPOCH_DOC, EPOCH_COLUMNS, 1),
        Wanted::own(COLUMNS_TABLE, COLUMNS_DOC, COLUMNS_COLUMNS, 2),
    ] {
        made |= ensure(transaction, names, &wanted).await?;
    }
    Ok(made)
}

/// Makes a table for each view. One that is there with other columns is dropped first; so are those of views that are
/// no more: nobody would keep their rows right, nor erase them. True where it made or dropped one.
pub(super) async fn ensure_views(
    transaction: &Transaction<'_>,
    names: &Names,
    views: &[&'static ViewSchema],
) -> Result<bool, Failure> {
    let mut changed = false;
    let before = transaction
        .query(&format!("SELECT DISTINCT view FROM {} WHERE position = 0", names.of(COLUMNS_TABLE)), &[])
        .await?;
    for row in before {
        let name: String = row.try_get(0)?;
        if views.iter().all(|view| view.name != name) {
            changed |= drop_relation(transaction, names, &name).await?;
        }
    }
    for view in views {
        changed |= ensure(transaction, names, &Wanted::view(view)).await?;
        ensure_index(transaction, names, view).await?;
    }
    describe(transaction, names, views).await?;
    Ok(changed)
}

async fn ensure(transaction: &Transaction<'_>, names: &Names, wanted: &Wanted) -> Result<bool, Failure> {
    let is_right = is_as_wanted(transaction, names, wanted).await?;
    if !is_right {
        drop_relation(transaction, names, &wanted.name).await?;
        transaction.batch_execute(&wanted.create(names)).await?;
    }
    comment(transaction, names, wanted).await?;
    Ok(!is_right)
}

async fn is_as_wanted(transaction: &Transaction<'_>, names: &Names, wanted: &Wanted) -> Result<bool, Failure> {
    let at = names.of(&wanted.name);
    let is_table = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'r'
                    AND relpersistence = 'p')";
    if !transaction.query_one(is_table, &[&at]).await?.try_get::<_, bool>(0)? {
        return Ok(false);
    }
    let columns = transaction
        .query(
            "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(c.collname = 'C', false),
                    coalesce(array_position(i.indkey::int2[], a.attnum), -1)::int8
             FROM pg_attribute a
             LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND i.indisvalid
             LEFT JOIN pg_collation c ON c.oid = a.attcollation
             WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum",
            &[&at],
        )
        .await?;
    if columns.len() != wanted.columns.len() {
        return Ok(false);
    }
    for (index, (found, wanted_column)) in columns.iter().zip(&wanted.columns).enumerate() {
        let key = if index < wanted.key { index as i64 } else { -1 };
        let same = found.try_get::<_, String>(0)? == wanted_column.name
            && found.try_get::<_, String>(1)? == wanted_column.kind
            && found.try_get::<_, bool>(2)? == wanted_column.not_null
            && found.try_get::<_, bool>(3)? == wanted_column.bytewise
            && found.try_get::<_, i64>(4)? == key;
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Drops what has a name, whatever it has become in other hands, and our own views of it. What others have built on it
/// stands in the way: it is theirs to drop.
async fn drop_relation(transaction: &Transaction<'_>, names: &Names, name: &str) -> Result<bool, Failure> {
    let at = names.of(name);
    let kind = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)";
    let Some(row) = transaction.query_opt(kind, &[&at]).await? else { return Ok(false) };
    let kind = match row.try_get::<_, String>(0)?.as_str() {
        "v" => "VIEW",
        "m" => "MATERIALIZED VIEW",
        "f" => "FOREIGN TABLE",
        "S" => "SEQUENCE",
        "i" | "I" => "INDEX",
        "c" => "TYPE",
        _ => "TABLE",
    };
    super::readable::drop_all(transaction, names).await?;
    transaction.batch_execute(&format!("DROP {kind} {at}")).await?;
    Ok(true)
}

/// Comments that are not yet what they should be.
async fn comment(transaction: &Transaction<'_>, names: &Names, wanted: &Wanted) -> Result<(), Failure> {
    let at = names.of(&wanted.name);
    let found = transaction
        .query(
            "SELECT objsubid, description FROM pg_description
             WHERE objoid = to_regclass($1) AND classoid = 'pg_class'::regclass",
            &[&at],
        )
        .await?;
    let mut said = std::collections::HashMap::new();
    for row in &found {
        said.insert(row.try_get::<_, i32>(0)?, row.try_get::<_, String>(1)?);
    }
    let mut sql = String::new();
    if said.get(&0) != Some(&wanted.doc) {
        sql += &format!("COMMENT ON TABLE {at} IS {};", literal(&wanted.doc));
    }
    for (number, column) in (1..).zip(&wanted.columns) {
        // A table whose columns are right was made by us, so that they are numbered from 1.
        if said.get(&number) != Some(&column.doc) {
            sql += &format!("COMMENT ON COLUMN {at}.{} IS {};", quoted(&column.name), literal(&column.doc));
        }
    }
    if !sql.is_empty() {
        transaction.batch_execute(&sql).await?;
    }
    Ok(())
}

/// An index for those who ask by the second key column: a class's students, an assignment's pages. The primary key
/// answers those who ask by the first. It is found by its columns: its name may have gone with a table that was renamed.
async fn ensure_index(transaction: &Transaction<'_>, names: &Names, view: &ViewSchema) -> Result<(), Failure> {
    let rest = view.key().get(1..).filter(|rest| rest.first().is_some_and(|column| column.name.ends_with("_id")));
    let Some(rest) = rest else { return Ok(()) };
    let at = names.of(view.name);
    let wanted: Vec<&str> = rest.iter().map(|column| column.name).collect();
    let there = transaction
        .query_one(
            "SELECT EXISTS (
               SELECT FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisvalid AND i.indpred IS NULL
               AND $2 = (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k (n, place)
                         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n))",
            &[&at, &wanted],
        )
        .await?;
    if !there.try_get::<_, bool>(0)? {
        transaction.batch_execute(&format!("CREATE INDEX ON {at} ({})", self::names(rest))).await?;
    }
    Ok(())
}

/// Writes what the columns mean, where it is not what stands there.
async fn describe(transaction: &Transaction<'_>, names: &Names, views: &[&'static ViewSchema]) -> Result<(), Failure> {
    let mut wanted: Vec<(String, i16, String, &str, bool, String)> = Vec::new();
    for view in views {
        wanted.push((view.name.to_owned(), 0, view.name.to_owned(), "view", false, one_line(view.doc)));
        for (position, column) in (1..).zip(view.columns) {
            let kind = match column.kind {
                ColumnKind::Text => "text",
                ColumnKind::Int => "int",
                ColumnKind::Bool => "bool",
            };
            let key = usize::from(position as u16) <= view.key_columns;
            wanted.push((view.name.to_owned(), position, column.name.to_owned(), kind, key, one_line(column.doc)));
        }
    }
    wanted.sort();
    let at = names.of(COLUMNS_TABLE);
    let rows = transaction.query(&format!("SELECT view, position, name, kind, key, doc FROM {at}"), &[]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let kind: String = row.try_get(3)?;
        found.push((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, kind, row.try_get(4)?, row.try_get(5)?));
    }
    found.sort();
    let same = found.len() == wanted.len()
        && found.iter().zip(&wanted).all(|(a, b): (&(String, i16, String, String, bool, String), _)| {
            (&a.0, a.1, &a.2, a.3.as_str(), a.4, &a.5) == (&b.0, b.1, &b.2, b.3, b.4, &b.5)
        });
    if same {
        return Ok(());
    }
    transaction.execute(&format!("DELETE FROM {at}"), &[]).await?;
    let insert = transaction.prepare(&format!("INSERT INTO {at} VALUES ($1, $2, $3, $4, $5, $6)")).await?;
    for (view, position, name, kind, key, doc) in &wanted {
        transaction.execute(&insert, &[view, position, name, kind, key, doc]).await?;
    }
    Ok(())
}

/// Lets a role read: the schema, the tables and the views of them.
pub(super) async fn grant(
    transaction: &Transaction<'_>,
    names: &Names,
    views: &[&'static ViewSchema],
    role: &str,
) -> Result<(), Failure> {
    let there = transaction.query_one("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", &[&role]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Err(Failure::Fatal(format!(
            "there is no role {role}, which is to read the tables: make it, or leave readers_role out"
        )));
    }
    let mut all: Vec<String> = views.iter().map(|view| names.of(view.name)).collect();
    all.extend([EPOCH_TABLE, COLUMNS_TABLE].map(|name| names.of(name)));
    all.extend(super::readable::found(transaction, names).await?.iter().map(|(name, _)| names.of(name)));
    let (role, schema) = (quoted(role), quoted(&names.schema));
    let sql = format!("GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {} TO {role}", all.join(", "));
    Ok(transaction.batch_execute(&sql).await?)
}
