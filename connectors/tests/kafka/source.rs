//! What Kafka does besides what every log does.

use crate::broker::{self, brokers, make, make_with, unique, until, Sender, PATIENCE};
use crate::contract::seal;
use inkflow_connectors::kafka::{Connection, KafkaSettings, KafkaSource, SourceTopic, Start};
use inkflow_connectors::source::{parse_record, Offsets, Origins, PollState, RawRecord, Source, SourceError, Starts};
use inkflow_schemas::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// The failures that a source must name, it names within this time.
const NAMED_WITHIN: Duration = Duration::from_secs(10);

fn settings(name: &str, start: Start) -> KafkaSettings {
    let topic = SourceTopic { topic: Topic::Submissions, name: name.to_owned(), start };
    KafkaSettings::new(broker::connection(), vec![topic])
}

fn open(name: &str, start: Start) -> KafkaSource {
    KafkaSource::new(settings(name, start)).unwrap()
}

/// A source that goes on, and what it found to seal at its first start.
fn begun(name: &str, start: Start) -> (KafkaSource, Starts) {
    let mut source = open(name, start);
    let starts = starts(&mut source);
    source.begin(&starts);
    (source, starts)
}

fn starts(source: &mut KafkaSource) -> Starts {
    let mut starts = None;
    until("a start", || {
        starts = source.starts().unwrap();
        starts.is_some()
    });
    starts.unwrap()
}

fn resumed(name: &str, positions: &Offsets, origins: &Origins) -> KafkaSource {
    let mut source = open(name, Start::Latest);
    source.know(origins);
    source.seek(positions).unwrap();
    source
}

fn take(source: &mut KafkaSource, out: &mut Vec<RawRecord>) -> Result<PollState, SourceError> {
    seal(source)?;
    let state = source.poll(1000, 1 << 20, out)?;
    if state != PollState::More {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(state)
}

fn takes(source: &mut KafkaSource, count: usize) -> Vec<RawRecord> {
    let mut out = Vec::new();
    until("so many records", || {
        take(source, &mut out).unwrap();
        out.len() >= count
    });
    out
}

fn to_end(source: &mut KafkaSource) -> Vec<RawRecord> {
    let mut out = Vec::new();
    source.end_at_start().unwrap();
    until("the end", || take(source, &mut out).unwrap() == PollState::End);
    out
}

fn fails(source: &mut KafkaSource) -> SourceError {
    let (began, mut out) = (Instant::now(), Vec::new());
    loop {
        if let Err(error) = take(source, &mut out) {
            return error;
        }
        assert!(began.elapsed() < NAMED_WITHIN, "not named in time; read {}", out.len());
    }
}

fn at(offsets: &[(u32, u64)]) -> Offsets {
    offsets.iter().map(|(partition, offset)| ((Topic::Submissions, *partition), *offset)).collect()
}

fn offsets_of(records: &[RawRecord]) -> Vec<(u32, u64)> {
    let mut offsets: Vec<_> = records.iter().map(|record| (record.partition, record.offset)).collect();
    offsets.sort_unstable();
    offsets
}

/// Two partitions with ten records each, one a second from second 100 on.
fn twenty(name: &str) -> Sender {
    make(name, 2);
    let sender = Sender::new();
    for n in 0..20 {
        sender.queue(name, n % 2, Some(b"k"), Some(b"v"), Some(100_000 + 1_000 * i64::from(n)), None);
    }
    sender.flush();
    sender
}

#[test]
fn a_start_is_resolved_once_and_sealed() {
    let name = unique("starts");
    let sender = twenty(&name);
    for (start, expected) in [
        (Start::Earliest, [0, 0]),
        (Start::Latest, [10, 10]),
        (Start::Offset(7), [7, 7]),
        // Partition 0 has the even seconds.
        (Start::Timestamp(105_000), [3, 2]),
        (Start::Timestamp(500_000), [10, 10]),
    ] {
        let starts = starts(&mut open(&name, start));
        assert_eq!(starts.offsets, at(&[(0, expected[0]), (1, expected[1])]), "{start:?}");
        assert!(starts.origins[&Topic::Submissions].id.is_some_and(|id| id > 0));
    }
    let (mut source, starts) = begun(&name, Start::Latest);
    sender.send(&name, 1, "k", "after");
    assert_eq!(offsets_of(&takes(&mut source, 1)), [(1, 10)]);
    // A restart asks no policy: had it died before it read a record, it would miss none.
    sender.send(&name, 0, "k", "after");
    let mut again = resumed(&name, &starts.offsets, &starts.origins);
    assert_eq!(offsets_of(&takes(&mut again, 2)), [(0, 10), (1, 10)]);
    assert_eq!(again.starts().unwrap(), None);
    let error = fails(&mut open(&name, Start::Offset(12)));
    assert!(matches!(error, SourceError::NoStart { partition: 0, wanted: 12, low: 0, high: 11, .. }), "{error}");
}

#[test]
fn no_record_comes_before_its_start_is_sealed() {
    let name = unique("unsealed");
    twenty(&name);
    let mut source = open(&name, Start::Earliest);
    let starts = starts(&mut source);
    let mut out = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(1);
    while Instant::now() < deadline {
        assert_eq!(source.poll(10, 1 << 20, &mut out).unwrap(), PollState::Idle);
    }
    assert_eq!(out, []);
    source.begin(&starts);
    assert_eq!(takes(&mut source, 20).len(), 20);
}

#[test]
fn partitions_that_come_later_are_read_from_their_beginning() {
    let name = unique("grows");
    make(&name, 3);
    let (mut source, _) = begun(&name, Start::Latest);
    Sender::new().send(&name, 2, "k", "v");
    takes(&mut source, 1);
    broker::more_partitions(&name, 6);
    let sender = Sender::new();
    (3..6).for_each(|partition| sender.send(&name, partition, "k", "v"));
    assert_eq!(offsets_of(&takes(&mut source, 3)), [(3, 0), (4, 0), (5, 0)]);
}

#[test]
fn a_topic_that_comes_later_is_sealed_and_read_from_its_beginning() {
    let name = unique("later");
    let (mut source, none) = begun(&name, Start::Latest);
    assert_eq!(none.origins[&Topic::Submissions].id, None);
    assert_eq!(to_end(&mut open(&name, Start::Latest)), []);
    twenty(&name);
    assert_eq!(takes(&mut source, 20).len(), 20);
    let mut restarted = resumed(&name, &none.offsets, &none.origins);
    assert_eq!(takes(&mut restarted, 20).len(), 20, "it was not there at the first start: all of it is later");
}

#[test]
fn a_topic_made_anew_is_named() {
    let name = unique("anew");
    twenty(&name);
    let (mut source, starts) = begun(&name, Start::Earliest);
    takes(&mut source, 20);
    let positions = source.positions();
    broker::delete(&name);
    // As long as the old one was: by its offsets alone nobody would see it.
    twenty(&name);
    let error = fails(&mut source);
    assert!(matches!(error, SourceError::Replaced { topic: Topic::Submissions, .. }), "{error}");
    let error = fails(&mut resumed(&name, &positions, &starts.origins));
    assert!(error.to_string().contains(&format!("topic {name} was deleted and made anew")), "{error}");
    broker::delete(&name);
    let error = fails(&mut resumed(&name, &positions, &starts.origins));
    assert!(error.to_string().ends_with("was deleted"), "{error}");
}

#[test]
fn records_that_were_deleted_unread_are_named() {
    let name = unique("retention");
    let sender = twenty(&name);
    let (mut source, starts) = begun(&name, Start::Earliest);
    takes(&mut source, 20);
    broker::delete_records(&name, 1, 10);
    sender.send(&name, 1, "k", "v");
    assert_eq!(offsets_of(&takes(&mut source, 1)), [(1, 10)], "what was read may go");
    let mut behind = resumed(&name, &at(&[(0, 10), (1, 9)]), &starts.origins);
    let error = fails(&mut behind);
    assert!(matches!(error, SourceError::Truncated { partition: 1, position: 9, .. }), "{error}");
    let mut ended = resumed(&name, &at(&[(0, 10), (1, 9)]), &starts.origins);
    let error = ended.end_at_start().err().unwrap_or_else(|| fails(&mut ended));
    assert!(matches!(error, SourceError::Truncated { partition: 1, position: 9, .. }), "{error}");
}

#[test]
fn what_was_aborted_is_no_record_and_ends_of_transactions_do_not_stall() {
    let name = unique("transactions");
    make(&name, 1);
    let sender = Sender::transactional(&name);
    for n in 0..6 {
        sender.begin();
        let value = if n % 2 == 0 { "kept" } else { "aborted" };
        (0..10).for_each(|_| sender.queue(&name, 0, Some(b"k"), Some(value.as_bytes()), None, None));
        if n % 2 == 0 {
            sender.commit();
        } else {
            sender.abort();
        }
    }
    let (mut source, starts) = begun(&name, Start::Earliest);
    let records = to_end(&mut source);
    assert_eq!(records.len(), 30);
    assert!(records.iter().all(|record| record.value.as_deref() == Some(b"kept")));
    // The last record is 10 aborted ones and two marks before the end.
    assert_eq!(records.last().map(|record| record.offset), Some(53));
    assert_eq!(source.passed(), at(&[(0, 66)]));
    assert_eq!(source.passed(), at(&[]), "told once");
    assert_eq!(to_end(&mut resumed(&name, &at(&[(0, 66)]), &starts.origins)), []);
    // A transaction that is open holds its records back, and not the end.
    sender.begin();
    sender.queue(&name, 0, Some(b"k"), Some(b"open"), None, None);
    sender.flush();
    assert_eq!(to_end(&mut resumed(&name, &at(&[(0, 66)]), &starts.origins)), []);
    let mut source = resumed(&name, &at(&[(0, 66)]), &starts.origins);
    sender.commit();
    assert_eq!(takes(&mut source, 1)[0].value.as_deref(), Some(&b"open"[..]));
    // What comes after the last record is told also to a source that has no end.
    until("the end of the transaction", || {
        take(&mut source, &mut Vec::new()).unwrap();
        source.passed() == at(&[(0, 68)])
    });
}

#[test]
fn any_bytes_are_a_record_of_any_length() {
    let name = unique("bytes");
    make_with(&name, 1, &[("max.message.bytes", "20000000")]);
    let sender = Sender::new();
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some("7") });
    let headers = headers.insert(Header { key: "none", value: None::<&str> });
    let large = vec![b'x'; 1 << 20];
    let larger = vec![b'y'; 9 << 20];
    sender.queue(&name, 0, None, Some(b"\xff\x00{"), Some(5), Some(headers));
    sender.queue(&name, 0, Some(b"k"), None, Some(6), None);
    sender.queue(&name, 0, Some(b"k"), Some(&large), None, None);
    sender.queue(&name, 0, Some(b"k"), Some(&larger), None, None);
    sender.queue(&name, 0, Some(b""), Some(b""), None, None);
    sender.flush();
    let records = takes(&mut begun(&name, Start::Earliest).0, 5);
    let kept = [("trace".to_owned(), Some(b"7".to_vec())), ("none".to_owned(), None)];
    assert_eq!(records[0].headers, kept);
    assert_eq!((&records[0].key, records[0].ts), (&None, Some(5)));
    assert_eq!(records[2].value.as_deref(), Some(&large[..]));
    assert_eq!(
        (&records[3].value, records[3].key.as_deref()),
        (&None, Some(&b"k"[..])),
        "more than can be read is not kept"
    );
    let reasons: Vec<_> = records.iter().map(|r| parse_record(r, &mut |_| {}).unwrap_err().to_string()).collect();
    let not_json = "value: not JSON";
    let expected =
        ["value: not UTF-8", "value: a null deletes nothing in this topic", not_json, "value: over 1 MiB", not_json];
    assert!(reasons.iter().zip(expected).all(|(reason, expected)| reason.starts_with(expected)), "{reasons:?}");
}

#[test]
fn what_is_sealed_is_told_to_those_who_watch_the_lag() {
    let name = unique("lag");
    twenty(&name);
    let settings = KafkaSettings { group: Some(name.clone()), ..settings(&name, Start::Earliest) };
    let mut source = KafkaSource::new(settings).unwrap();
    takes(&mut source, 20);
    source.sealed(&at(&[(0, 4), (1, 9)]));
    let watcher: BaseConsumer = broker::config().set("group.id", &name).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&name, 0, 1);
    until("the committed positions", || {
        take(&mut source, &mut Vec::new()).unwrap();
        let committed = watcher.committed_offsets(list.clone(), PATIENCE).unwrap();
        let offset = |partition| committed.find_partition(&name, partition).unwrap().offset();
        (offset(0), offset(1)) == (Offset::Offset(4), Offset::Offset(9))
    });
}

#[test]
fn brokers_that_are_away_are_waited_for_and_no_call_takes_long() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let topic = SourceTopic { topic: Topic::Submissions, name: "away".to_owned(), start: Start::Earliest };
    let mut source = KafkaSource::new(KafkaSettings::new(Connection::plain(nobody.to_string()), vec![topic])).unwrap();
    let mut out = Vec::new();
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(source.starts().unwrap(), None);
        assert_eq!(source.poll(10, 10, &mut out).unwrap(), PollState::Idle);
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        let why = source.waits_for().expect("it says so");
        assert!(why.contains("the brokers do not answer"), "{why}");
    }
    source.end_at_start().unwrap();
    assert_eq!(source.poll(10, 10, &mut out).unwrap(), PollState::Idle, "an end is nothing that can be guessed");
    let began = Instant::now();
    drop(source);
    assert!(began.elapsed() < Duration::from_secs(5));
    let wrong = Connection { brokers: brokers(), tls: Some(Default::default()), sasl: None };
    let topic = SourceTopic { topic: Topic::Submissions, name: "tls".to_owned(), start: Start::Earliest };
    let mut source = KafkaSource::new(KafkaSettings::new(wrong, vec![topic])).unwrap();
    source.starts().unwrap();
    assert!(source.waits_for().is_some());
}

/// 2 M records at once. Its figures are printed: `cargo test --release ... backlog -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_backlog_of_two_million_records() {
    const RECORDS: usize = 2_000_000;
    let name = unique("backlog");
    make(&name, 6);
    let sender = Sender::with(&[("linger.ms", "50"), ("compression.type", "zstd"), ("batch.num.messages", "10000")]);
    for n in 0..RECORDS {
        let student = format!("student-{}", n % 5000);
        let number = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let value = format!(
            r#"{{"submission_id":"{number:016x}","student_id":"{student}","assignment_id":"a-{}","page":1,"photo":{{"uri":"s3://photos/{number:016x}.jpg","etag":"{:016x}"}},"uploaded_at":{}}}"#,
            n % 300,
            number.rotate_left(17),
            1_795_000_000_000_u64 + n as u64
        );
        sender.queue(&name, (n % 6) as i32, Some(student.as_bytes()), Some(value.as_bytes()), None, None);
    }
    sender.flush();
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    drop(sender);
    let before = memory();
    let (mut source, _) = begun(&name, Start::Earliest);
    let (mut count, mut most, began) = (0, 0, Instant::now());
    let mut out = Vec::new();
    while count < RECORDS {
        source.poll(8_192, 8 << 20, &mut out).unwrap();
        count += out.len();
        out.clear();
        most = most.max(memory());
    }
    let took = began.elapsed().as_secs_f64();
    println!("{count} records in {took:.2} s, {:.0}/s; {before} MiB before, {most} MiB at most", count as f64 / took);
    // One that is not asked keeps what it fetched, and fetches no more.
    let (mut source, _) = begun(&name, Start::Earliest);
    takes(&mut source, 1);
    std::thread::sleep(Duration::from_secs(5));
    println!("paused for 5 s: {} MiB", memory());
}
