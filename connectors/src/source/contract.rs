//! What every source must do, whatever it reads: run over each of them by its own tests.

use super::*;

/// A world with logs in it that a source of the kind under test reads.
pub trait Logs {
    type Source: Source;
    /// No logs yet.
    fn new() -> Self;
    /// Appends a record; the value is JSON text.
    fn append(&mut self, topic: Topic, partition: u32, key: &str, value: Option<&str>, ts: Option<i64>);
    /// Cuts a log off after so many records, or puts another with so many records in its place.
    fn truncate(&mut self, topic: Topic, partition: u32, records: usize);
    /// A source at the start of every log.
    fn open(&self) -> Self::Source;
}

/// Fails where a source of this kind breaks the contract.
pub fn holds<L: Logs>() {
    records_come_whole_and_in_order::<L>();
    limits_are_kept::<L>();
    a_source_without_an_end_goes_on::<L>();
    an_end_is_what_was_there::<L>();
    positions_are_gone_on_at::<L>();
    truncated_logs_are_told::<L>();
}

fn at(record: &RawRecord) -> (Topic, u32, u64) {
    (record.topic, record.partition, record.offset)
}

/// Polls until there is nothing more now.
pub fn drain(source: &mut impl Source, records_max: usize) -> (Vec<RawRecord>, PollState) {
    let mut out = Vec::new();
    loop {
        match source.poll(records_max, 1 << 20, &mut out).unwrap() {
            PollState::More => {}
            state => return (out, state),
        }
    }
}

fn three_partitions<L: Logs>() -> L {
    let mut logs = L::new();
    for n in 0..100 {
        let value = format!("{{\"n\":{n}}}");
        logs.append(Topic::Submissions, n % 2, &format!("k{n}"), Some(&value), Some(i64::from(n)));
        logs.append(Topic::Reviews, 7, "k|é", None, Some(5));
    }
    logs
}

fn records_come_whole_and_in_order<L: Logs>() {
    let logs = three_partitions::<L>();
    for records_max in [1, 3, 1000] {
        let (records, state) = drain(&mut logs.open(), records_max);
        assert_eq!((records.len(), state), (200, PollState::Idle));
        for (topic, partition, count) in
            [(Topic::Submissions, 0, 50), (Topic::Submissions, 1, 50), (Topic::Reviews, 7, 100)]
        {
            let of_it = |r: &&RawRecord| (r.topic, r.partition) == (topic, partition);
            let offsets: Vec<u64> = records.iter().filter(of_it).map(|r| r.offset).collect();
            assert_eq!(offsets, (0..count).collect::<Vec<u64>>());
        }
        let fifth = records.iter().find(|r| at(r) == (Topic::Submissions, 1, 5)).unwrap();
        assert_eq!(fifth.key.as_deref(), Some(&b"k11"[..]));
        assert_eq!(fifth.value.as_deref(), Some(&b"{\"n\":11}"[..]));
        assert_eq!((fifth.ts, fifth.envelope), (Some(11), Ok(())));
        let null = records.iter().find(|r| r.topic == Topic::Reviews).unwrap();
        assert_eq!((null.key.as_deref(), &null.value, null.ts), (Some("k|é".as_bytes()), &None, Some(5)));
    }
}

fn limits_are_kept<L: Logs>() {
    let logs = three_partitions::<L>();
    let mut source = logs.open();
    let mut out = Vec::new();
    assert_eq!(source.poll(3, 1 << 20, &mut out).unwrap(), PollState::More);
    assert_eq!(out.len(), 3);
    source.poll(1000, 1, &mut out).unwrap();
    assert_eq!(out.len(), 4, "a record that is over the bytes is still one");
    source.poll(1000, 20, &mut out).unwrap();
    let bytes: usize = out[4..].iter().map(RawRecord::bytes).sum();
    assert!((20..35).contains(&bytes), "{bytes}");
}

fn a_source_without_an_end_goes_on<L: Logs>() {
    let mut logs = L::new();
    let mut source = logs.open();
    assert_eq!(drain(&mut source, 10), (vec![], PollState::Idle));
    logs.append(Topic::Erasures, 0, "a", Some("1"), None);
    assert_eq!(drain(&mut source, 10).0.len(), 1);
    assert_eq!(drain(&mut source, 10), (vec![], PollState::Idle));
    logs.append(Topic::Erasures, 0, "b", Some("2"), None);
    logs.append(Topic::Erasures, 1, "c", Some("3"), None);
    logs.append(Topic::Models, 0, "d", Some("4"), None);
    let mut found: Vec<_> = drain(&mut source, 10).0.iter().map(at).collect();
    found.sort_unstable();
    assert_eq!(found, [(Topic::Models, 0, 0), (Topic::Erasures, 0, 1), (Topic::Erasures, 1, 0)]);
}

fn an_end_is_what_was_there<L: Logs>() {
    let mut logs = three_partitions::<L>();
    let mut source = logs.open();
    source.end_at_start().unwrap();
    logs.append(Topic::Reviews, 7, "late", None, None);
    logs.append(Topic::Reviews, 8, "late", None, None);
    let (records, state) = drain(&mut source, 7);
    assert_eq!((records.len(), state), (200, PollState::End));
    assert_eq!(drain(&mut source, 7), (vec![], PollState::End));
    let mut empty = L::new().open();
    empty.end_at_start().unwrap();
    assert_eq!(drain(&mut empty, 7), (vec![], PollState::End));
}

fn positions_are_gone_on_at<L: Logs>() {
    let mut logs = three_partitions::<L>();
    let positions = Offsets::from([((Topic::Submissions, 0), 40), ((Topic::Reviews, 7), 100), ((Topic::Models, 3), 0)]);
    for ended in [false, true] {
        let mut source = logs.open();
        source.seek(&positions).unwrap();
        if ended {
            source.end_at_start().unwrap();
        }
        let all = |source: &mut L::Source, records_max| {
            let (mut records, _) = drain(source, records_max);
            records.sort_by_key(at);
            records
        };
        let records = all(&mut source, 7);
        assert_eq!(records.len(), 10 + 50);
        assert_eq!(records.iter().find(|r| r.partition == 0).map(|r| r.offset), Some(40));
        // Back and forth again within a run.
        source.seek(&Offsets::from([((Topic::Submissions, 1), 10), ((Topic::Reviews, 7), 99)])).unwrap();
        assert_eq!(drain(&mut source, 1000).0.len(), 50 + 40 + 1);
        source.seek(&positions).unwrap();
        assert!(all(&mut source, 1000) == records);
    }
    logs.append(Topic::Reviews, 7, "new", None, None);
    let mut source = logs.open();
    source.seek(&positions).unwrap();
    assert!(drain(&mut source, 1000).0.iter().any(|r| at(r) == (Topic::Reviews, 7, 100)));
}

fn truncated_logs_are_told<L: Logs>() {
    let told = |source: &mut L::Source| {
        let mut out = Vec::new();
        (0..10).find_map(|_| source.poll(1000, 1 << 20, &mut out).err())
    };
    // While it is read.
    let mut logs = three_partitions::<L>();
    let mut source = logs.open();
    drain(&mut source, 1000);
    logs.truncate(Topic::Reviews, 7, 99);
    let error = told(&mut source);
    match &error {
        Some(SourceError::Truncated { topic: Topic::Reviews, partition: 7, position: 100, .. }) => {}
        Some(SourceError::Replaced { topic: Topic::Reviews, .. }) => {}
        _ => panic!("a log lost its last record, and no one was told: {error:?}"),
    }
    // Between two runs.
    for (partition, position) in [(7, 100), (9, 1)] {
        let mut source = logs.open();
        let result = source.seek(&Offsets::from([((Topic::Reviews, partition), position)]));
        let error = result.err().or_else(|| source.end_at_start().err()).or_else(|| told(&mut source));
        assert!(matches!(error, Some(SourceError::Truncated { .. })), "{error:?}");
    }
}
