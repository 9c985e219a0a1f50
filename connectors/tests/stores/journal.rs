//! The journal in a bucket: its laws hold there too, and of two processes one writes.

use crate::services::{bucket_settings, unique, Proxy};
use inkflow_connectors::bucket::{open, BucketSettings, Tries};
use inkflow_connectors::journal::{
    Change, Collection, Draft, Journal, JournalError, JournalSettings, Position, Positions, RowKey,
};
use object_store::ObjectStore;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn store(settings: &BucketSettings) -> Arc<dyn ObjectStore> {
    Arc::new(open(settings, Tries::Theirs).unwrap())
}

fn draft(epoch: u64) -> Draft {
    let position = Position { next_offset: epoch, record_time: None };
    Draft { epoch, clock: epoch as i64, positions: Positions::from([(("submissions".to_owned(), 0), position)]) }
}

fn put(epoch: u64) -> Change {
    let key = RowKey { collection: Collection::Assignments, hash: u128::from(epoch), epoch: None };
    Change::Put { key, value: epoch.to_le_bytes().to_vec() }
}

async fn rows(journal: &Journal) -> Vec<u64> {
    let mut rows = Vec::new();
    let take = |_: RowKey, row: inkflow_connectors::journal::LiveRow<'_>| {
        rows.push(u64::from_le_bytes(row.value.try_into().unwrap()));
    };
    journal.scan(Collection::Assignments, take).await.unwrap();
    rows.sort_unstable();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sealed_in_a_bucket_is_there_after_a_kill_and_the_older_writer_is_fenced() {
    let (settings, path) = (bucket_settings(), unique("journal"));
    let mut first = Journal::open(store(&settings), &path, JournalSettings::bucket()).await.unwrap();
    for epoch in 1..=60 {
        first.seal(draft(epoch), &[put(epoch)]).await.unwrap();
    }
    let mut second = Journal::open(store(&settings), &path, JournalSettings::bucket()).await.unwrap();
    assert_eq!(second.last().map(|header| header.epoch), Some(60));
    assert!(second.incarnation() > first.incarnation() && second.id() == first.id());
    assert_eq!(first.seal(draft(61), &[put(61)]).await.unwrap_err(), JournalError::Fenced);
    second.seal(draft(61), &[put(100)]).await.unwrap();
    assert_eq!(rows(&second).await, (1..=60).chain([100]).collect::<Vec<_>>());
    second.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_is_waited_for_and_nothing_is_lost_or_doubled() {
    let (settings, path) = (bucket_settings(), unique("journal"));
    let proxy = Proxy::before(settings.endpoint.as_deref().unwrap().trim_start_matches("http://"));
    let proxied =
        BucketSettings { endpoint: Some(format!("http://{}:{}", proxy.host, proxy.port)), ..settings.clone() };
    let patience = Duration::from_millis(500);
    let mut journal =
        Journal::open(store(&proxied), &path, JournalSettings { patience, ..JournalSettings::bucket() }).await.unwrap();
    for epoch in 1..=10 {
        if epoch % 3 == 0 {
            proxy.cut();
            let away = journal.seal(draft(epoch), &[put(epoch)]).await.unwrap_err();
            assert!(away.is_transient(), "{away}");
            proxy.mend();
        }
        let end = Instant::now() + Duration::from_secs(60);
        while let Err(error) = journal.seal(draft(epoch), &[put(epoch)]).await {
            assert!(error.is_transient() && Instant::now() < end, "{error}");
        }
    }
    drop(journal);
    let again = Journal::open(store(&settings), &path, JournalSettings::bucket()).await.unwrap();
    assert_eq!(again.last().map(|header| header.epoch), Some(10));
    assert_eq!(rows(&again).await, (1..=10).collect::<Vec<_>>());
}

/// The journal that a process of its own is to write.
const OF_CHILD: &str = "INKFLOW_TEST_JOURNAL";

/// A process that seals an epoch after the other until it may not.
fn child(bucket: &str, path: &str) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["journal::writes_until_it_is_fenced", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(OF_CHILD, path)
        .env("INKFLOW_TEST_BUCKET", bucket)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    (child, lines.filter(|line| line.starts_with("journal ")))
}

#[test]
#[ignore = "the other process of a test, and none by itself"]
fn writes_until_it_is_fenced() {
    let path = std::env::var(OF_CHILD).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut journal = Journal::open(store(&bucket_settings()), &path, JournalSettings::bucket()).await.unwrap();
        println!("\njournal opened {}", journal.incarnation());
        loop {
            let epoch = journal.last().map_or(0, |header| header.epoch) + 1;
            match journal.seal(draft(epoch), &[put(epoch)]).await {
                Ok(_) => println!("journal sealed {epoch}"),
                Err(JournalError::Fenced) => return println!("journal fenced"),
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    });
}

/// Two live processes, each of which would go on for ever; then a third one that is stopped, replaced and resumed.
#[test]
fn of_two_live_processes_the_older_one_is_fenced_and_admits_nothing_more() {
    let (bucket, path) = (bucket_settings().bucket, unique("journal"));
    let (mut first, mut of_first) = child(&bucket, &path);
    fn sealed(lines: &mut impl Iterator<Item = String>) -> u64 {
        let line = lines.find(|line| line.starts_with("journal sealed ")).expect("it seals");
        line["journal sealed ".len()..].parse().unwrap()
    }
    while sealed(&mut of_first) < 5 {}
    let (mut second, mut of_second) = child(&bucket, &path);
    let begins = sealed(&mut of_second);
    let mut last = 0;
    for line in of_first {
        match line.strip_prefix("journal sealed ") {
            Some(epoch) => last = epoch.parse().unwrap(),
            None => assert_eq!(line, "journal fenced"),
        }
    }
    assert!(first.wait().unwrap().success());
    assert_eq!(begins, last + 1, "the younger one goes on where the older one ended");
    // Stopped amid its work, replaced, resumed.
    signal("STOP", &second);
    let (mut third, mut of_third) = child(&bucket, &path);
    let begins = sealed(&mut of_third);
    while sealed(&mut of_third) < begins + 5 {}
    signal("CONT", &second);
    let rest: Vec<String> = of_second.collect();
    assert_eq!(rest.last().map(String::as_str), Some("journal fenced"));
    let late = rest.iter().filter_map(|line| line.strip_prefix("journal sealed ")?.parse::<u64>().ok()).max();
    assert!(late.is_none_or(|late| late < begins), "{late:?} was sealed, and {begins} too");
    assert!(second.wait().unwrap().success());
    third.kill().unwrap();
    third.wait().unwrap();
}

fn signal(name: &str, process: &Child) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
