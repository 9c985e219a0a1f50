//! What only a database can suffer.

use rusqlite::Connection;

use super::*;

/// A sink with ann and bob in it, and its folder.
fn sink() -> (SqliteSink, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = SqliteSink::new(&dir.path().join("views.db"));
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(1, 1), &[changes(0, &snapshot()[0].changes)]).unwrap();
    (sink, dir)
}

fn snapshot() -> Vec<ViewChanges> {
    vec![changes(0, &[(progress("ann", 1), 1), (progress("bob", 2), 1)])]
}

fn other(dir: &tempfile::TempDir) -> Connection {
    Connection::open(dir.path().join("views.db")).unwrap()
}

#[test]
fn a_table_tampered_with_or_dropped_is_right_again_after_a_restart() {
    for damage in [
        "DELETE FROM progress WHERE student_id = 'ann'",
        "UPDATE progress SET completion_bp = 9999, on_time = NULL",
        "UPDATE progress SET student_id = 'eve' WHERE student_id = 'bob'",
        "INSERT INTO failed VALUES ('u', '', 'forged')",
        "DROP TABLE progress",
        "ALTER TABLE progress ADD COLUMN note TEXT",
        "ALTER TABLE progress RENAME TO elsewhere",
        "DROP TABLE progress; CREATE VIEW progress AS SELECT 1",
        "DROP TABLE inkflow_epoch",
        "DROP TABLE inkflow_columns; CREATE TABLE inkflow_columns (x)",
        "UPDATE inkflow_epoch SET epoch = NULL",
    ] {
        let (sink, dir) = sink();
        drop(sink);
        other(&dir).execute_batch(damage).unwrap();
        let mut sink = SqliteSink::new(&dir.path().join("views.db"));
        sink.open(VIEWS, claim(2)).unwrap_or_else(|error| panic!("{damage}: {error}"));
        let difference = reconcile(&mut sink, VIEWS.len(), snapshot()).unwrap();
        sink.apply(stamp(1, 2), &difference).unwrap();
        assert_eq!(all(&mut sink), [(0, progress("ann", 1)), (0, progress("bob", 2))], "{damage}");
    }
}

#[test]
fn a_locked_database_is_waited_for() {
    let (mut sink, dir) = sink();
    let locker = other(&dir);
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let epoch = [changes(0, &[(progress("cid", 3), 1)])];
    let locked = sink.apply(stamp(2, 1), &epoch).unwrap_err();
    assert!(locked.is_transient(), "{locked}");
    locker.execute_batch("COMMIT").unwrap();
    sink.apply(stamp(2, 1), &epoch).unwrap();
    assert_eq!(all(&mut sink).len(), 3);
    // A reader stops nobody, and sees one epoch for as long as it looks.
    let reader = other(&dir);
    reader.execute_batch("BEGIN; SELECT * FROM progress").unwrap();
    let count = || reader.query_row("SELECT count(*) FROM progress", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 3);
    sink.apply(stamp(3, 1), &[changes(0, &[(progress("dan", 3), 1)])]).unwrap();
    assert_eq!(count(), 3);
}

#[test]
fn a_full_disk_is_waited_for() {
    let (mut sink, _dir) = sink();
    let pages: i64 = sink.connection().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    sink.connection().query_row(&format!("PRAGMA max_page_count = {}", pages + 2), [], |_| Ok(())).unwrap();
    let many: Vec<_> = (0..5_000).map(|number| (progress(&format!("s{number}"), 3), 1)).collect();
    for _ in 0..2 {
        let full = sink.apply(stamp(2, 1), &[changes(0, &many)]).unwrap_err();
        assert!(full.is_transient(), "{full}");
        assert_eq!(all(&mut sink).len(), 2);
    }
    sink.connection().query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(())).unwrap();
    sink.apply(stamp(2, 1), &[changes(0, &many)]).unwrap();
    assert_eq!(all(&mut sink).len(), 5_002);
}

#[test]
fn what_is_no_database_is_fatal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("views.db");
    std::fs::write(&path, "this is a text, and no database at all. ".repeat(100)).unwrap();
    let refused = SqliteSink::new(&path).open(VIEWS, claim(1)).unwrap_err();
    assert!(matches!(refused, SinkError::Fatal { .. }), "{refused}");
    let refused = SqliteSink::new(&dir.path().join("none/views.db")).open(VIEWS, claim(1)).unwrap_err();
    assert!(matches!(refused, SinkError::Fatal { .. }), "{refused}");
}

#[test]
fn the_tables_explain_themselves() {
    let (sink, dir) = sink();
    drop(sink);
    let reader = other(&dir);
    let sql: String =
        reader.query_row("SELECT sql FROM sqlite_master WHERE name = 'progress'", [], |row| row.get(0)).unwrap();
    for line in [
        "-- How far a student is.",
        "\"student_id\" TEXT NOT NULL DEFAULT '', -- the student",
        "\"completion_bp\" INTEGER, -- how complete; basis points",
        "\"on_time\" INTEGER CHECK (\"on_time\" IN (0, 1)), -- whether all was",
    ] {
        assert!(sql.contains(line), "{sql}");
    }
    let doc: String = reader
        .query_row("SELECT doc FROM inkflow_columns WHERE view = 'progress' AND name = 'days'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(doc, "of how many days");
    let epoch: (i64, i64) =
        reader.query_row("SELECT epoch, clock FROM inkflow_epoch", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(epoch, (1, 1_000));
    let plan: String = reader
        .query_row("EXPLAIN QUERY PLAN SELECT * FROM progress WHERE class_id = '7b'", [], |row| row.get(3))
        .unwrap();
    assert!(plan.contains("progress_by_class_id"), "{plan}");
}

#[test]
fn an_erased_name_stands_in_no_file() {
    let (mut sink, dir) = sink();
    // Enough rows that pages split, and their neighbours are moved about.
    let planted: Vec<_> =
        (0..3_000).map(|number| (progress(&format!("Planted {}", number * 7919 % 3_000), 3), 1)).collect();
    sink.apply(stamp(2, 1), &[changes(0, &planted)]).unwrap();
    let bystanders: Vec<_> = (0..3_000).map(|number| (progress(&format!("Plant {number}"), 3), 1)).collect();
    sink.apply(stamp(3, 1), &[changes(0, &bystanders)]).unwrap();
    let found = || {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(7).any(|window| window == b"Planted")).count()
    };
    assert_ne!(found(), 0);
    let erased: Vec<_> = planted.into_iter().map(|(row, _)| (row, -1)).collect();
    sink.apply(stamp(4, 1), &[changes(0, &erased)]).unwrap();
    sink.scrub().unwrap();
    assert_eq!(found(), 0);
    assert_eq!(all(&mut sink).len(), 3_002);
}
