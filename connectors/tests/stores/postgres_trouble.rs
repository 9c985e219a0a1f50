//! What only a database over a network can suffer.

use crate::postgres::{filled, snapshot};
use crate::services::{postgres_settings, sql, until, OwnPostgres, Proxy, Psql};
use crate::sinks::rows::*;
use inkflow_connectors::sink::postgres::PostgresSettings;
use inkflow_connectors::sink::{reconcile, Pending, PostgresSink, Sink, SinkError};
use serde_json::json;
use std::time::{Duration, Instant};

/// The database behind a proxy, and the way around it.
fn behind() -> (Proxy, PostgresSettings, PostgresSettings) {
    let direct = postgres_settings();
    let proxy = Proxy::before(&format!("{}:{}", direct.host, direct.port));
    let proxied = PostgresSettings { host: proxy.host.clone(), port: proxy.port, ..direct.clone() };
    (proxy, proxied, direct)
}

#[test]
fn a_commit_whose_answer_is_lost_is_uncertain_and_repeated_without_harm() {
    let (proxy, settings, direct) = behind();
    let mut sink = filled(&settings);
    // A COMMIT that takes its time.
    sql(
        &direct,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
         CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON inkflow_epoch DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION slow()",
    );
    let first = [changes(0, &[(progress("cid", 3), 1), (progress("ann", 1), -1)])];
    let lost = std::thread::scope(|scope| {
        let writing = scope.spawn(|| sink.apply(stamp(2, 1), &first));
        let mut watcher = Psql::open(&direct);
        let committing = "SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
                          WHERE a.query = 'COMMIT' AND a.state = 'active' AND l.relation = 'inkflow_epoch'::regclass";
        until("it commits", || !watcher.run(committing).is_empty());
        proxy.cut();
        writing.join().unwrap().unwrap_err()
    });
    assert!(matches!(lost, SinkError::Uncertain { .. }), "{lost}");
    until("it is committed", || !sql(&direct, "SELECT 1 FROM progress WHERE student_id = 'cid'").is_empty());
    let away = sink.apply(stamp(2, 1), &first).unwrap_err();
    assert!(matches!(away, SinkError::Transient { .. }), "{away}");
    proxy.mend();
    sql(&direct, "DROP TRIGGER slow ON inkflow_epoch");
    sink.apply(stamp(2, 1), &first).unwrap();
    sink.apply(stamp(3, 1), &[changes(0, &[(progress("cid", 3), -1)])]).unwrap();
    assert_eq!(all(&mut sink), [(0, progress("bob", 2))]);
}

#[test]
fn a_way_that_is_cut_or_silent_is_waited_for() {
    let (proxy, settings, _direct) = behind();
    let settings = PostgresSettings { patience: Duration::from_secs(1), ..settings };
    let mut sink = filled(&settings);
    let epoch = [changes(0, &[(progress("cid", 3), 1)])];
    proxy.cut();
    for _ in 0..2 {
        let cut = sink.apply(stamp(2, 1), &epoch).unwrap_err();
        assert!(matches!(cut, SinkError::Transient { .. }), "{cut}");
    }
    proxy.mend();
    sink.apply(stamp(2, 1), &epoch).unwrap();
    // It takes every byte and answers none.
    proxy.toxic("timeout", json!({"timeout": 0}));
    let before = Instant::now();
    let silent = sink.apply(stamp(3, 1), &epoch).unwrap_err();
    assert!(matches!(silent, SinkError::Transient { .. }), "{silent}");
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
    proxy.heal("timeout");
    sink.apply(stamp(3, 1), &epoch).unwrap();
    assert_eq!(all(&mut sink).len(), 3);
}

#[test]
fn a_table_locked_by_another_is_waited_for() {
    let settings = postgres_settings();
    let settings = PostgresSettings { patience: Duration::from_secs(2), ..settings };
    let mut sink = filled(&settings);
    let mut locker = Psql::open(&settings);
    locker.run("BEGIN; LOCK TABLE progress");
    let epoch = [changes(0, &[(progress("cid", 3), 1)])];
    let locked = sink.apply(stamp(2, 1), &epoch).unwrap_err();
    assert!(matches!(locked, SinkError::Transient { .. }), "{locked}");
    locker.run("COMMIT");
    sink.apply(stamp(2, 1), &epoch).unwrap();
}

#[test]
fn a_process_stopped_amid_a_transaction_holds_nobody_up() {
    let settings = PostgresSettings { patience: Duration::from_secs(2), ..postgres_settings() };
    let mut zombie = filled(&settings);
    // Its session, as the server knows it, in the middle of a transaction.
    let mut stopped = Psql::open(&settings);
    let named = format!("SELECT 1 FROM pg_stat_activity WHERE application_name = '{}'", name_of(&settings, 1));
    assert_eq!(sql(&settings, &named).len(), 1);
    stopped.run(&format!("SET application_name = '{}'", name_of(&settings, 1)));
    stopped.run("BEGIN; SELECT * FROM inkflow_epoch FOR UPDATE");
    let mut heir = PostgresSink::new(settings.clone());
    let before = Instant::now();
    let opened = loop {
        match heir.open(VIEWS, claim(2)) {
            Err(error) if error.is_transient() && before.elapsed() < Duration::from_secs(30) => {}
            opened => break opened,
        }
    };
    assert_eq!(opened.unwrap(), Some(stamp(1, 1)));
    assert!(stopped.try_run("COMMIT").is_err(), "its session was ended");
    assert!(matches!(zombie.apply(stamp(2, 1), &[]), Err(SinkError::Fenced { .. } | SinkError::Transient { .. })));
    assert!(matches!(zombie.apply(stamp(2, 1), &[]), Err(SinkError::Fenced { .. })));
    heir.apply(stamp(2, 2), &[]).unwrap();
}

/// How a sink's session is called.
fn name_of(settings: &PostgresSettings, incarnation: u64) -> String {
    let schema = xxhash_rust::xxh3::xxh3_64(settings.schema.as_bytes()) as u32;
    format!("inkflow {:016x} {schema:08x} {incarnation}", claim(incarnation).journal)
}

#[test]
fn tables_that_went_back_are_not_written_on() {
    let settings = postgres_settings();
    let mut sink = filled(&settings);
    sink.apply(stamp(5, 1), &[changes(0, &[(progress("cid", 3), 1)])]).unwrap();
    // A backup from before, or a standby that had not heard of it.
    sql(&settings, "UPDATE inkflow_epoch SET epoch = 1; DELETE FROM progress WHERE student_id = 'cid'");
    let refused = sink.apply(stamp(6, 1), &[changes(0, &[(progress("ann", 1), -1)])]).unwrap_err();
    assert!(matches!(refused, SinkError::Fatal { .. }), "{refused}");
    assert_eq!(sql(&settings, "SELECT 1 FROM progress").len(), 2);
}

#[test]
fn a_server_killed_midway_and_restarted_loses_and_doubles_nothing() {
    let mut server = OwnPostgres::start();
    let mut sink = filled(&server.settings);
    let mut view: Vec<_> = snapshot()[0].changes.iter().map(|(row, _)| row.clone()).collect();
    let (mut pending, mut epoch) = (Pending::new(), 1);
    for round in 0..3 {
        let kill = std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let mut failed = 0;
                for step in 0..100_000 {
                    let row = progress(&format!("s{round} {step}"), 5);
                    view.push(row.clone());
                    pending.add(0, row, 1);
                    if view.len() > 1_000 {
                        pending.add(0, view.remove(0), -1);
                    }
                    epoch += 1;
                    let taken = pending.take();
                    if let Err(error) = sink.apply(stamp(epoch, 1), &taken) {
                        assert!(error.is_transient(), "{error}");
                        failed += 1;
                        // What is not known is sent again as it was.
                        pending.absorb(taken);
                        let uncertain = matches!(error, SinkError::Uncertain { .. });
                        return (failed, uncertain.then(|| (epoch, pending.take())));
                    }
                }
                (failed, None)
            });
            let mut watcher = Psql::open(&server.settings);
            let target = format!("SELECT 1 FROM progress WHERE student_id = 's{round} 20'");
            until("it writes", || !watcher.run(&target).is_empty());
            server.kill();
            writing.join().unwrap()
        });
        assert_eq!(kill.0, 1, "the server was killed while it wrote");
        // Several epochs while it is down, in one when it is back.
        let mut resend = kill.1;
        server.again("");
        if let Some((epoch, changes)) = resend.take() {
            until("the uncertain epoch is written", || sink.apply(stamp(epoch, 1), &changes).is_ok());
        }
        epoch += 3;
        let row = progress(&format!("after {round}"), 7);
        view.push(row.clone());
        pending.add(0, row, 1);
        let changes = pending.take();
        until("the server is back", || sink.apply(stamp(epoch, 1), &changes).is_ok());
        let mut expected: Vec<_> = view.iter().map(|row| (0, row.clone())).collect();
        expected.sort();
        assert_eq!(all(&mut sink), expected);
        // And what a restart of ours would find is right.
        let snapshot = vec![changes_of(&view)];
        assert_eq!(reconcile(&mut sink, VIEWS.len(), snapshot).unwrap(), []);
    }
}

fn changes_of(view: &[inkflow_schemas::Row]) -> inkflow_connectors::sink::ViewChanges {
    changes(0, &view.iter().map(|row| (row.clone(), 1)).collect::<Vec<_>>())
}

#[test]
fn a_full_disk_and_too_many_connections_are_waited_for() {
    let mut server = OwnPostgres::start();
    let settings = server.settings.clone();
    let mut sink = filled(&settings);
    server.stop();
    server.again("max_connections=4 superuser_reserved_connections=0 max_wal_senders=0");
    let mut others: Vec<Psql> = (0..4).map(|_| Psql::open(&settings)).collect();
    let epoch = [changes(0, &[(progress("cid", 3), 1)])];
    // The first call finds that its old connection is gone.
    for _ in 0..2 {
        let full = sink.apply(stamp(2, 1), &epoch).unwrap_err();
        assert!(full.is_transient(), "{full}");
    }
    others.clear();
    until("there is room", || sink.apply(stamp(2, 1), &epoch).is_ok());
}

#[test]
fn an_erased_name_stands_in_no_table_s_file() {
    let server = OwnPostgres::start();
    let mut sink = filled(&server.settings);
    let planted: Vec<_> = (0..3_000).map(|n| (progress(&format!("Planted {}", n * 7919 % 3_000), 3), 1)).collect();
    sink.apply(stamp(2, 1), &[changes(0, &planted)]).unwrap();
    let found = || {
        sql(&server.settings, "CHECKPOINT");
        files_with(&server.data().join("base"), b"Planted")
    };
    // The planner's samples hold names, too.
    sql(&server.settings, "ANALYZE");
    assert_ne!(found(), 0);
    let erased: Vec<_> = planted.into_iter().map(|(row, _)| (row, -1)).collect();
    sink.apply(stamp(3, 1), &[changes(0, &erased)]).unwrap();
    sink.scrub().unwrap();
    assert_eq!(sql(&server.settings, "SELECT 1 FROM pg_stats WHERE most_common_vals::text LIKE '%Planted%' OR histogram_bounds::text LIKE '%Planted%'").len(), 0);
    until("no file holds the name", || found() == 0);
    assert_eq!(all(&mut sink).len(), 2);
}

/// How many files below a folder hold some bytes.
fn files_with(folder: &std::path::Path, bytes: &[u8]) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => files_with(&path, bytes),
            path => {
                let file = std::fs::read(path).unwrap_or_default();
                usize::from(file.windows(bytes.len()).any(|window| window == bytes))
            }
        })
        .sum()
}
