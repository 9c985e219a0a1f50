//! PostgreSQL's tables: right again whatever was done to them, and read by people.

use crate::services::{postgres_settings, sql, unique, Psql};
use crate::sinks::rows::*;
use inkflow_connectors::sink::postgres::PostgresSettings;
use inkflow_connectors::sink::{reconcile, PostgresSink, Sink, SinkError, ViewChanges};
use inkflow_schemas::{Cell, Column, ColumnKind, ViewSchema};

/// A sink with ann and bob in it.
pub fn filled(settings: &PostgresSettings) -> PostgresSink {
    let mut sink = PostgresSink::new(settings.clone());
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(1, 1), &snapshot()).unwrap();
    sink
}

pub fn snapshot() -> Vec<ViewChanges> {
    vec![changes(0, &[(progress("ann", 1), 1), (progress("bob", 2), 1)])]
}

#[test]
fn a_table_tampered_with_or_dropped_is_right_again_after_a_restart() {
    for damage in [
        "DELETE FROM progress WHERE student_id = 'ann'",
        "UPDATE progress SET completion_bp = 9999, on_time = NULL",
        "UPDATE progress SET student_id = 'eve' WHERE student_id = 'bob'",
        "INSERT INTO failed VALUES ('u', '', 'forged')",
        "DROP TABLE progress CASCADE",
        "ALTER TABLE progress ADD COLUMN note text",
        "ALTER TABLE progress ALTER COLUMN completion_bp TYPE integer; DROP VIEW bi_epoch",
        "ALTER TABLE progress DROP CONSTRAINT progress_pkey",
        "ALTER TABLE progress RENAME TO elsewhere",
        "DROP TABLE progress CASCADE; CREATE VIEW progress AS SELECT 1",
        "DROP TABLE inkflow_epoch CASCADE",
        "DROP TABLE inkflow_columns; CREATE TABLE inkflow_columns (x int)",
        "UPDATE inkflow_epoch SET epoch = NULL",
        "DROP SCHEMA current CASCADE",
    ] {
        let settings = postgres_settings();
        drop(filled(&settings));
        if damage.contains("TYPE integer") {
            sql(&settings, "DROP VIEW bi_progress");
        }
        sql(&settings, &damage.replace("current", &settings.schema));
        let mut sink = PostgresSink::new(settings.clone());
        sink.open(VIEWS, claim(2)).unwrap_or_else(|error| panic!("{damage}: {error}"));
        let difference = reconcile(&mut sink, VIEWS.len(), snapshot()).unwrap();
        sink.apply(stamp(1, 2), &difference).unwrap();
        assert_eq!(all(&mut sink), [(0, progress("ann", 1)), (0, progress("bob", 2))], "{damage}");
        let shown = sql(&settings, "SELECT student_id FROM bi_progress ORDER BY 1");
        assert_eq!(shown, [[Some("ann".to_owned())], [Some("bob".to_owned())]], "{damage}");
    }
}

#[test]
fn what_others_built_on_a_table_is_not_dropped_with_it() {
    let settings = postgres_settings();
    drop(filled(&settings));
    sql(&settings, "ALTER TABLE progress ADD COLUMN note text; CREATE VIEW mine AS SELECT note FROM progress");
    let refused = PostgresSink::new(settings.clone()).open(VIEWS, claim(2)).unwrap_err();
    assert!(matches!(refused, SinkError::Fatal { .. }), "{refused}");
    assert!(refused.to_string().contains(".mine depends on"), "{refused}");
}

#[test]
fn a_restart_changes_no_table_that_is_right() {
    let settings = postgres_settings();
    drop(filled(&settings));
    let look = "SELECT relname, oid, relfilenode FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                ORDER BY 1";
    let before = sql(&settings, look);
    PostgresSink::new(settings.clone()).open(VIEWS, claim(2)).unwrap();
    assert_eq!(sql(&settings, look), before);
}

#[test]
fn the_tables_explain_themselves() {
    let settings = postgres_settings();
    drop(filled(&settings));
    let one = |query: &str| sql(&settings, query).concat().into_iter().flatten().collect::<Vec<_>>().join(" | ");
    assert_eq!(one("SELECT obj_description('progress'::regclass)"), "How far a student is.");
    assert_eq!(one("SELECT col_description('progress'::regclass, 4)"), "how complete; basis points");
    assert_eq!(one("SELECT doc FROM inkflow_columns WHERE view = 'progress' AND name = 'days'"), "of how many days");
    assert_eq!(one("SELECT epoch, as_of AT TIME ZONE 'UTC' FROM bi_epoch"), "1 | 1970-01-01 00:00:01");
    assert_eq!(
        one("SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position)
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'progress'"),
        "student_id text, class_id text, days bigint, completion_bp bigint, on_time boolean, status text"
    );
    assert!(one("SET enable_seqscan = off; EXPLAIN SELECT * FROM progress WHERE class_id = '7b'").contains("Index"));
    // Bytewise, as everywhere.
    assert_eq!(one("SELECT string_agg(x, '' ORDER BY x COLLATE \"C\") FROM unnest(ARRAY['a', 'B', 'ä']) x"), "Baä");
}

/// A class's part of PROGRESS, with times and days, as the homework flow's views have them.
static PLACE: ViewSchema = ViewSchema {
    name: "place",
    doc: "A class.",
    key_columns: 2,
    columns: &[
        Column { name: "class_id", kind: ColumnKind::Text, doc: "the class" },
        Column { name: "days", kind: ColumnKind::Int, doc: "of how many days" },
        Column { name: "completion_bp", kind: ColumnKind::Int, doc: "how complete; basis points" },
        Column { name: "last_upload", kind: ColumnKind::Int, doc: "the last upload, in ms since 1970" },
        Column { name: "day", kind: ColumnKind::Text, doc: "as 2026-11-21" },
    ],
};

#[test]
fn people_read_times_and_percentages_and_what_belongs_together() {
    let settings = postgres_settings();
    let mut sink = PostgresSink::new(settings.clone());
    sink.open(&[&PROGRESS, &PLACE], claim(1)).unwrap();
    let place = row([text("7b"), Cell::Int(7), Cell::Int(-1234), Cell::Int(1_795_190_580_123), text("2026-11-21")]);
    let both = [changes(0, &[(progress("ann", 6789), 1), (progress("bob", 0), 1)]), changes(1, &[(place, 1)])];
    sink.apply(stamp(1, 1), &both).unwrap();
    let mut session = Psql::open(&settings);
    session.run("SET timezone = 'UTC'");
    let shown = session.run(
        "SELECT student_id, completion_percent, place_completion_percent, place_last_upload, place_day + 1
         FROM bi_progress_with_place ORDER BY 1",
    );
    let said = |cells: [&str; 5]| cells.map(|cell| Some(cell.to_owned())).to_vec();
    assert_eq!(
        shown,
        [
            said(["ann", "67.89", "-12.34", "2026-11-20 16:03:00.123+00", "2026-11-22"]),
            said(["bob", "0.00", "-12.34", "2026-11-20 16:03:00.123+00", "2026-11-22"]),
        ]
    );
}

#[test]
fn readers_read_and_nothing_else() {
    let role = unique("reader");
    let settings = PostgresSettings { readers_role: Some(role.clone()), ..postgres_settings() };
    let mut sink = PostgresSink::new(settings.clone());
    let refused = sink.open(VIEWS, claim(1)).unwrap_err();
    assert!(matches!(refused, SinkError::Fatal { .. }) && refused.to_string().contains(&role), "{refused}");
    sql(&settings, &format!("CREATE ROLE {role} LOGIN"));
    let mut sink = filled(&settings);
    let mut reader = Psql::open(&PostgresSettings { user: role, ..settings.clone() });
    for table in ["progress", "failed", "inkflow_epoch", "inkflow_columns", "bi_progress", "bi_epoch"] {
        reader.run(&format!("SELECT count(*) FROM {table}"));
    }
    for forbidden in ["DELETE FROM progress", "UPDATE inkflow_epoch SET owner = 99", "CREATE TABLE mine (x int)"] {
        let refused = reader.try_run(forbidden).unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{forbidden}");
    }
    // A reader sees one epoch for as long as it looks, and holds nobody back.
    reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    let count = |reader: &mut Psql| reader.run("SELECT count(*) FROM progress")[0][0].clone().unwrap();
    assert_eq!(count(&mut reader), "2");
    sink.apply(stamp(2, 1), &[changes(0, &[(progress("cid", 3), 1)])]).unwrap();
    assert_eq!(count(&mut reader), "2");
    reader.run("COMMIT");
    assert_eq!(count(&mut reader), "3");
}

#[test]
fn rows_in_thousands_and_any_text() {
    let settings = postgres_settings();
    let mut sink = filled(&settings);
    let texts = ["'; DROP TABLE progress; --", "\\", "\"", "{a,b}", "NULL", "ärger 数学 🙂", "\t\r\n", " "];
    let many: Vec<_> = (0..25_001).map(|n| (progress(&format!("{} {n}", texts[n % texts.len()]), 1), 1)).collect();
    sink.apply(stamp(2, 1), &[changes(0, &many)]).unwrap();
    let mut expected: Vec<_> = many.iter().map(|(row, _)| (0, row.clone())).collect();
    expected.extend([(0, progress("ann", 1)), (0, progress("bob", 2))]);
    expected.sort();
    assert_eq!(all(&mut sink), expected);
    let none: Vec<_> = many.into_iter().map(|(row, _)| (row, -1)).collect();
    sink.apply(stamp(3, 1), &[changes(0, &none)]).unwrap();
    assert_eq!(all(&mut sink).len(), 2);
}
