//! Changelogs, as a consumer of theirs sees them.

use crate::broker::{self, unique, until, Sender};
use crate::sink_law::rows::{all, changes, claim, progress, row, stamp, text, VIEWS};
use crate::sink_law::settings;
use inkflow_connectors::kafka::ChangelogSink;
use inkflow_connectors::sink::{reconcile, Sink, SinkError};
use inkflow_schemas::Cell;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Whoever takes a sink over has it within this time, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(12);

/// All committed records of a topic, in order: key, value, epoch.
fn records(topic: &str, partitions: i32, at_least: usize) -> Vec<(String, Option<String>, Option<String>)> {
    let consumer: BaseConsumer = broker::config().set("group.id", "reads").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    list.set_all_offsets(Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut records = Vec::new();
    until("the records", || {
        while let Some(message) = consumer.poll(Duration::from_millis(300)) {
            let message = message.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let epoch = message.headers().and_then(|headers| headers.iter().find(|header| header.key == "epoch"));
            let epoch = epoch.and_then(|header| header.value).map(text);
            records.push((text(message.key().unwrap()), message.payload().map(text), epoch));
        }
        records.len() >= at_least
    });
    records
}

#[test]
fn a_consumer_sees_rows_deletions_and_their_epoch() {
    let settings = settings(&unique("seen"));
    let mut sink = ChangelogSink::new(settings.clone());
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(4, 1), &[changes(0, &[(progress("a|n%n", 100), 1), (progress("bob", 0), 1)])]).unwrap();
    sink.apply(stamp(5, 1), &[changes(0, &[(progress("bob", 0), -1)])]).unwrap();
    let mut seen = records(&format!("{}progress", settings.prefix), 2, 3);
    seen.sort();
    let value = |student: &str, completion: i64, status: &str| {
        format!(
            r#"{{"class_id":"7b","completion_bp":{completion},"days":7,"on_time":false,"status":{status},"student_id":"{student}"}}"#
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        seen,
        [
            ("a%7Cn%25n|7b|7".to_owned(), Some(value("a|n%n", 100, r#""open""#)), some("4")),
            ("bob|7b|7".to_owned(), None, some("5")),
            ("bob|7b|7".to_owned(), Some(value("bob", 0, "null")), some("4")),
        ]
    );
    let epochs = records(&format!("{}epochs", settings.prefix), 1, 3);
    let last: serde_json::Value = serde_json::from_str(epochs[2].1.as_deref().unwrap()).unwrap();
    assert_eq!((&last["epoch"], &last["owner"], &last["clock"]), (&5.into(), &1.into(), &5000.into()));
}

/// A zombie writes on, with rows of its own, between its heir's claim and its end: nothing of it is ever folded.
#[test]
fn what_a_zombie_writes_is_in_no_fold() {
    let settings = settings(&unique("zombie"));
    let mut zombie = ChangelogSink::new(settings.clone());
    zombie.open(VIEWS, claim(1)).unwrap();
    zombie.apply(stamp(1, 1), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
    for incarnation in 2..5 {
        let mut heir = ChangelogSink::new(settings.clone());
        heir.open(VIEWS, claim(incarnation)).unwrap();
        let refused = zombie.apply(stamp(9, incarnation - 1), &[changes(0, &[(progress("zoe", 1), 1)])]).unwrap_err();
        assert!(matches!(refused, SinkError::Fenced { .. }), "{refused}");
        // It does not come to life again.
        let refused = zombie.apply(stamp(9, incarnation - 1), &[]).unwrap_err();
        assert!(matches!(refused, SinkError::Fenced { .. }), "{refused}");
        let snapshot = vec![changes(0, &[(progress("ann", i64::try_from(incarnation).unwrap()), 1)])];
        let difference = reconcile(&mut heir, VIEWS.len(), snapshot).unwrap();
        heir.apply(stamp(1, incarnation), &difference).unwrap();
        assert_eq!(all(&mut heir), [(0, progress("ann", i64::try_from(incarnation).unwrap()))]);
        zombie = heir;
    }
    let folded: BTreeMap<String, Option<String>> = records(&format!("{}progress", settings.prefix), 2, 4)
        .into_iter()
        .map(|(key, value, _)| (key, value))
        .collect();
    assert_eq!(folded.len(), 1, "{folded:?}");
}

/// An old process that opens the sink late may disturb its heir for a moment, and does not end it.
#[test]
fn an_heir_that_lost_the_id_takes_it_again() {
    let settings = settings(&unique("again"));
    let mut heir = ChangelogSink::new(settings.clone());
    heir.open(VIEWS, claim(2)).unwrap();
    heir.apply(stamp(1, 2), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
    // Somebody takes the id, and claims nothing.
    drop(Sender::transactional(&format!("inkflow-changelog-{}", settings.prefix)));
    let epoch = [changes(0, &[(progress("bob", 1), 1)])];
    let refused = heir.apply(stamp(2, 2), &epoch).unwrap_err();
    assert!(matches!(refused, SinkError::Transient { .. }), "{refused}");
    heir.apply(stamp(2, 2), &epoch).unwrap();
    assert_eq!(all(&mut heir), [(0, progress("ann", 1)), (0, progress("bob", 1))]);
}

/// A process that was killed leaves its transaction open, and brokers hold up readers for two minutes then: whoever comes
/// after it must not wait for that.
#[test]
fn a_transaction_left_open_is_not_waited_for() {
    let settings = settings(&unique("killed"));
    let mut sink = ChangelogSink::new(settings.clone());
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(1, 1), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
    let dies = || {
        let sender = Sender::transactional(&format!("inkflow-changelog-{}", settings.prefix));
        sender.begin();
        for topic in ["progress", "epochs"] {
            sender.queue(&format!("{}{topic}", settings.prefix), 0, Some(b"zoe|7b|7"), Some(b"{}"), None, None);
        }
        sender.flush();
    };
    dies();
    let began = Instant::now();
    let mut heir = ChangelogSink::new(settings.clone());
    heir.open(VIEWS, claim(2)).unwrap();
    assert_eq!(all(&mut heir), [(0, progress("ann", 1))]);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // An heir that died before it had claimed anything leaves the sink to whoever has it.
    dies();
    let (began, epoch) = (Instant::now(), [changes(0, &[(progress("bob", 1), 1)])]);
    until("the epoch is written", || match heir.apply(stamp(2, 2), &epoch) {
        Ok(()) => true,
        Err(error) => {
            assert!(error.is_transient(), "{error}");
            false
        }
    });
    assert!(began.elapsed() < SOON * 2, "{:?}", began.elapsed());
    assert_eq!(all(&mut heir), [(0, progress("ann", 1)), (0, progress("bob", 1))]);
}

#[test]
fn what_others_wrote_is_put_right() {
    let settings = settings(&unique("tampered"));
    let mut sink = ChangelogSink::new(settings.clone());
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(1, 1), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
    let topic = format!("{}progress", settings.prefix);
    let sender = Sender::new();
    sender.send(&topic, 0, "garbage", "{");
    sender.send(&topic, 0, "bob|7b|7", r#"{"student_id":"another"}"#);
    let mut again = ChangelogSink::new(settings.clone());
    again.open(VIEWS, claim(2)).unwrap();
    let failed = row([text("u"), Cell::Empty, text("corrupt")]);
    let snapshot =
        vec![changes(0, &[(progress("ann", 1), 1), (progress("bob", 2), 1)]), changes(1, &[(failed.clone(), 1)])];
    let difference = reconcile(&mut again, VIEWS.len(), snapshot).unwrap();
    again.apply(stamp(1, 2), &difference).unwrap();
    assert_eq!(all(&mut again), [(0, progress("ann", 1)), (0, progress("bob", 2)), (1, failed)]);
    let folded: BTreeMap<_, _> = records(&topic, 2, 6).into_iter().map(|(key, value, _)| (key, value)).collect();
    assert_eq!(folded["garbage"], None);
    broker::delete(&topic);
    let mut restored = ChangelogSink::new(settings);
    restored.open(VIEWS, claim(3)).unwrap();
    assert_eq!(all(&mut restored).len(), 1, "a topic that was deleted is made anew, empty");
}

#[test]
fn brokers_that_are_away_are_waited_for() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut away = settings(&unique("away"));
    away.connection.brokers = nobody.to_string();
    let refused = ChangelogSink::new(away).open(VIEWS, claim(1)).unwrap_err();
    assert!(refused.is_transient(), "{refused}");
}
