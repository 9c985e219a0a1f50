//! How fast PostgreSQL's tables are written, for `docs/postgres.md`:
//! `cargo test -p inkflow-connectors --features postgres,web --test stores figures -- --ignored --nocapture`.

use crate::services::{env, postgres_settings, unique};
use crate::sinks::rows::*;
use inkflow_connectors::sink::{reconcile, PostgresSink, Sink};
use std::time::Instant;

const ROWS: usize = 300_000;
const LIVE: usize = 100;

#[test]
#[ignore = "measures, and proves nothing"]
fn figures_of_postgres() {
    let settings = postgres_settings();
    let mut sink = PostgresSink::new(settings.clone());
    sink.open(VIEWS, claim(1)).unwrap();
    let mut epoch = 1;
    let mut timed = |sink: &mut PostgresSink, what: &str, rows: Vec<(inkflow_schemas::Row, i64)>| {
        let (started, count) = (Instant::now(), rows.len());
        epoch += 1;
        sink.apply(stamp(epoch, 1), &[changes(0, &rows)]).unwrap();
        let took = started.elapsed().as_secs_f64();
        println!("{what}: {count} rows in {:.1} ms, {:.0} rows/s", took * 1e3, count as f64 / took);
        took
    };
    let rows =
        |n: usize, value: i64| (0..n).map(|n| (progress(&format!("student-{n:07}"), value), 1)).collect::<Vec<_>>();
    timed(&mut sink, "insert", rows(ROWS, 1));
    timed(&mut sink, "update", rows(ROWS, 2));
    let mut live: Vec<f64> = (0..200).map(|value| timed(&mut sink, "", rows(LIVE, value + 3))).collect();
    live.sort_by(f64::total_cmp);
    println!("{LIVE} changes: p50 {:.2} ms, p99 {:.2} ms", live[100] * 1e3, live[198] * 1e3);
    let started = Instant::now();
    let snapshot = vec![changes(0, &rows(ROWS, 2))];
    let difference = reconcile(&mut sink, VIEWS.len(), snapshot).unwrap();
    println!("reconcile: {ROWS} rows in {:.2} s, {} views differ", started.elapsed().as_secs_f64(), difference.len());
    copied(&settings);
    timed(&mut sink, "delete", rows(ROWS, 2).into_iter().map(|(row, _)| (row, -1)).collect());
    println!("on {}, schema {}", env("DATABASE_URL"), unique(&settings.schema));
}

/// The same rows by COPY into a staging table, and from there: what was not chosen.
fn copied(settings: &inkflow_connectors::sink::postgres::PostgresSettings) {
    use futures::SinkExt;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = tokio_postgres::Config::new();
        config.host(&settings.host).port(settings.port).user(&settings.user).dbname(&settings.database);
        let (mut client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path = \"{}\"", settings.schema)).await.unwrap();
        for count in [ROWS, ROWS, LIVE, LIVE, LIVE, LIVE, LIVE, LIVE] {
            let started = Instant::now();
            let transaction = client.transaction().await.unwrap();
            transaction
                .batch_execute("CREATE TEMP TABLE IF NOT EXISTS staging (LIKE progress) ON COMMIT DELETE ROWS")
                .await
                .unwrap();
            let sink = transaction.copy_in("COPY staging FROM STDIN").await.unwrap();
            let mut sink = std::pin::pin!(sink);
            let mut text = String::new();
            for n in 0..count {
                text += &format!("student-{n:07}\t7b\t7\t{}\tt\topen\n", 7 + count % 3);
                if text.len() > 1 << 18 {
                    sink.send(bytes::Bytes::from(std::mem::take(&mut text))).await.unwrap();
                }
            }
            sink.send(bytes::Bytes::from(text)).await.unwrap();
            sink.finish().await.unwrap();
            transaction
                .batch_execute(
                    "INSERT INTO progress SELECT * FROM staging ON CONFLICT (student_id, class_id, days) DO UPDATE SET
                     completion_bp = excluded.completion_bp, on_time = excluded.on_time, status = excluded.status",
                )
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            let took = started.elapsed().as_secs_f64();
            println!("by COPY: {count} rows in {:.1} ms, {:.0} rows/s", took * 1e3, count as f64 / took);
        }
    });
}
