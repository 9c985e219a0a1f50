//! Dead letters in a topic.

use crate::broker::{self, connection, unique, until};
use inkflow_connectors::dead_letter::{DeadLetters, Letter};
use inkflow_connectors::kafka::{Connection, KafkaDeadLetters};
use inkflow_connectors::source::RawRecord;
use inkflow_schemas::{RecordFault, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

fn letter(offset: u64, key: Option<&[u8]>, value: Option<Vec<u8>>) -> Letter {
    let headers = vec![("trace".to_owned(), Some(b"\xff7".to_vec())), ("none".to_owned(), None)];
    let (topic, key) = (Topic::Reviews, key.map(<[u8]>::to_vec));
    let record =
        RawRecord { topic, partition: 3, offset, key, value, ts: Some(1_700_000_000_000), headers, envelope: Ok(()) };
    Letter::new(record, RecordFault::Missing { field: "page" })
}

fn letters_in(topic: &str, count: usize) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = broker::config().set("group.id", "reads").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut found = Vec::new();
    until("the letters", || {
        found.extend(consumer.poll(Duration::from_millis(200)).map(|message| message.unwrap().detach()));
        found.len() >= count
    });
    found
}

#[test]
fn letters_keep_what_came_and_say_why_and_where() {
    let topic = unique("letters");
    broker::make(&topic, 1);
    let mut letters = KafkaDeadLetters::new(&connection(), &topic).unwrap();
    let long = vec![b'x'; 1 << 20];
    letters
        .append(&[
            letter(7, Some(b"k"), Some(b"\xff{".to_vec())),
            letter(8, None, None),
            letter(9, Some(b"l"), Some(long)),
        ])
        .unwrap();
    let found = letters_in(&topic, 3);
    let headers = |message: &OwnedMessage| {
        let headers = message.headers().unwrap();
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        headers.iter().map(|header| (header.key.to_owned(), text(header.value))).collect::<Vec<_>>()
    };
    let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    let mut expected = vec![
        some("trace", "\u{fffd}7"),
        ("none".to_owned(), None),
        some("inkflow-reason", "page: missing"),
        some("inkflow-topic", "reviews"),
        some("inkflow-partition", "3"),
        some("inkflow-offset", "7"),
    ];
    assert_eq!(headers(&found[0]), expected);
    assert_eq!((found[0].key(), found[0].payload()), (Some(&b"k"[..]), Some(&b"\xff{"[..])));
    assert_eq!(found[0].timestamp().to_millis(), Some(1_700_000_000_000));
    assert_eq!((found[1].key(), found[1].payload()), (None, None));
    expected[5].1 = Some("9".to_owned());
    expected.push(some("inkflow-left-out", "value"));
    assert_eq!(
        (headers(&found[2]), found[2].payload()),
        (expected, None),
        "one that no topic takes is told without it"
    );
}

#[test]
fn letters_that_cannot_be_written_are_told_in_time() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let began = Instant::now();
    let mut away = KafkaDeadLetters::new(&Connection::plain(nobody.to_string()), "letters").unwrap();
    away.append(&[letter(1, None, None)]).unwrap_err();
    let absent = unique("absent");
    let mut letters = KafkaDeadLetters::new(&connection(), &absent).unwrap();
    letters.append(&[letter(1, None, None)]).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    broker::make(&absent, 1);
    until("the letter is written", || letters.append(&[letter(1, None, None)]).is_ok());
    assert_eq!(letters_in(&absent, 1).len(), 1, "a try that failed left nothing behind");
}
