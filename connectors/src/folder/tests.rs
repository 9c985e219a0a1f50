//! A folder is read line by line, goes on where it was left, and tells what is wrong with it.

use super::partition::LINE_BYTES_MAX;
use super::*;
use crate::source::contract::{self, drain, Logs};
use crate::source::parse_record;
use inkflow_schemas::RecordFault;
use std::io::Write;

struct Folder(tempfile::TempDir);

impl Folder {
    fn path(&self, topic: Topic, partition: u32) -> PathBuf {
        let folder = self.0.path().join(topic.as_str());
        std::fs::create_dir_all(&folder).unwrap();
        folder.join(format!("{partition}.jsonl"))
    }

    fn add(&self, text: impl AsRef<[u8]>) {
        let path = self.path(Topic::Erasures, 0);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    fn ended(&self, position: u64) -> FolderSource {
        let mut source = self.open();
        source.seek(&Offsets::from([((Topic::Erasures, 0), position)])).unwrap();
        source.end_at_start().unwrap();
        source
    }
}

impl Logs for Folder {
    type Source = FolderSource;
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }
    fn append(&mut self, topic: Topic, partition: u32, key: &str, value: Option<&str>, ts: Option<i64>) {
        let ts = ts.map_or(String::new(), |ts| format!(", \"ts\": {ts}"));
        let line = format!("{{\"key\": {key:?}, \"value\": {}{ts}}}\n", value.unwrap_or("null"));
        let path = self.path(topic, partition);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    fn truncate(&mut self, topic: Topic, partition: u32, records: usize) {
        let path = self.path(topic, partition);
        let text = std::fs::read_to_string(&path).unwrap();
        let rest: String = text.split_inclusive('\n').take(records).collect();
        std::fs::write(path, rest).unwrap();
    }
    fn open(&self) -> FolderSource {
        FolderSource::open(self.0.path(), &Topic::ALL).unwrap()
    }
}

fn folder(text: impl AsRef<[u8]>) -> Folder {
    let folder = Folder::new();
    folder.add(text);
    folder
}

/// The values of the lines from a position on, as text.
fn values(source: &mut FolderSource) -> Vec<String> {
    let text = |r: RawRecord| String::from_utf8(r.value.unwrap_or_default()).unwrap();
    drain(source, 100).0.into_iter().map(text).collect()
}

#[test]
fn it_keeps_the_contract_of_sources() {
    contract::holds::<Folder>();
}

#[test]
fn a_last_line_without_lf_is_a_line_where_the_source_ends() {
    let folder = folder("{\"value\":1}\n{\"value\":2}");
    assert_eq!(values(&mut folder.ended(0)), ["1", "2"]);
    // The next run goes on behind it, whether the line got its LF since, or got longer.
    assert_eq!(values(&mut folder.ended(2)), [""; 0]);
    folder.add("\n{\"value\":3}\n");
    assert_eq!(values(&mut folder.ended(2)), ["3"]);
    assert_eq!(values(&mut folder.ended(1)), ["2", "3"]);
}

#[test]
fn a_last_line_without_lf_is_waited_for_where_the_source_goes_on() {
    let folder = folder("{\"value\":1}\n{\"va");
    let mut source = folder.open();
    assert_eq!(values(&mut source), ["1"]);
    folder.add("lue\":2");
    assert_eq!(values(&mut source), [""; 0]);
    folder.add("}\n");
    assert_eq!(values(&mut source), ["2"]);
    // A position behind a line that had no LF.
    folder.add("{\"value\":3}");
    source.seek(&Offsets::from([((Topic::Erasures, 0), 3)])).unwrap();
    folder.add("\n{\"value\":4}\n");
    assert_eq!(values(&mut source), ["4"]);
}

#[test]
fn lines_count_from_0_and_every_line_counts() {
    let folder = folder("\n{\"value\":1}\r\n\n \n[]\n{\"value\":2}\n");
    let (records, _) = drain(&mut folder.ended(0), 100);
    assert_eq!(records.iter().map(|r| r.offset).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    let faults: Vec<_> = records.iter().filter_map(|r| r.envelope.err()).map(|f| f.to_string()).collect();
    assert_eq!(faults, ["line: not JSON", "line: not JSON", "line: not JSON", "line: not an object"]);
    assert_eq!(records[4].value.as_deref(), Some(&b"[]"[..]), "a broken line is kept whole");
    assert_eq!(parse_record(&records[4], &mut |_| {}), Err(RecordFault::LineNotAnObject));
    assert_eq!(values(&mut Folder::new().ended(0)), [""; 0]);
}

#[test]
fn records_say_what_their_lines_say() {
    let folder = folder("{\"key\":null,\"value\":{\"student_id\":\"s\",\"requested_at\":7},\"ts\":9}\n");
    let (records, _) = drain(&mut folder.ended(0), 100);
    let event = parse_record(&records[0], &mut |_| {}).unwrap();
    assert_eq!(event.value_json().unwrap(), "{\"student_id\":\"s\",\"requested_at\":7}");
}

#[test]
fn lines_longer_than_blocks_come_whole() {
    let long = |n: usize| format!("{{\"value\":\"{}\"}}\n", "x".repeat(n));
    let lengths = [0, 262_130, 262_131, 262_132, 1_000_000, 3, 700_000, 262_144];
    let folder = folder(lengths.map(long).concat());
    let found: Vec<_> = values(&mut folder.ended(0)).iter().map(|v| v.len() - 2).collect();
    assert_eq!(found, lengths);
    for from in 0..=lengths.len() {
        let found: Vec<_> = values(&mut folder.ended(from as u64)).iter().map(|v| v.len() - 2).collect();
        assert_eq!(found, lengths[from..]);
    }
}

#[test]
fn a_line_over_the_limit_is_rejected_and_not_held() {
    let line = |length: usize| format!("{}{{\"value\":1}}", " ".repeat(length - 11));
    let lengths = [LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 20, 2 * LINE_BYTES_MAX, 30, LINE_BYTES_MAX + 1];
    let folder = folder(lengths.map(line).join("\n"));
    let mut source = folder.ended(0);
    let (records, _) = drain(&mut source, 100);
    let fits: Vec<_> = records.iter().map(|r| r.envelope.is_ok()).collect();
    assert_eq!(fits, [true, false, true, false, true, false]);
    assert_eq!(records[1].envelope, Err(RecordFault::LineTooLarge));
    assert_eq!(records[1].value, None);
    assert_eq!(drain(&mut folder.ended(3), 100).0, records[3..]);
    assert_eq!(drain(&mut folder.ended(6), 100).0, []);
}

#[test]
fn going_back_and_forth_over_many_lines_finds_them_all() {
    let folder = folder((0..5000).map(|n| format!("{{\"value\":{n}}}\n")).collect::<String>());
    let mut source = folder.ended(0);
    assert_eq!(values(&mut source).len(), 5000);
    for from in [4999, 0, 1024, 1023, 1025, 2048, 4096, 5000, 17] {
        source.seek(&Offsets::from([((Topic::Erasures, 0), from)])).unwrap();
        let expected: Vec<_> = (from..5000).map(|n| n.to_string()).collect();
        assert_eq!(values(&mut source), expected);
    }
}

#[test]
fn files_that_are_no_partitions_are_passed_over() {
    let folder = folder("{\"value\":1}\n");
    for name in ["01.jsonl", "x.jsonl", "-1.jsonl", "+1.jsonl", "4294967296.jsonl", ".jsonl", "1.json", "1.jsonl.tmp"] {
        std::fs::write(folder.0.path().join("erasures").join(name), "{}\n").unwrap();
    }
    std::fs::create_dir(folder.0.path().join("homework")).unwrap();
    std::fs::write(folder.0.path().join("readings.jsonl"), "{}\n").unwrap();
    assert_eq!(values(&mut folder.ended(0)), ["1"]);
}

#[test]
fn only_the_topics_asked_for_are_read() {
    let mut folder = folder("{\"value\":1}\n");
    folder.append(Topic::Models, 0, "k", Some("2"), None);
    let mut source = FolderSource::open(folder.0.path(), &[Topic::Models]).unwrap();
    source.seek(&Offsets::from([((Topic::Erasures, 5), 9)])).unwrap();
    source.end_at_start().unwrap();
    assert_eq!(values(&mut source), ["2"]);
}

#[test]
fn no_folder_is_an_error() {
    let folder = Folder::new();
    let result = FolderSource::open(folder.0.path().join("nowhere"), &Topic::ALL);
    assert!(matches!(result, Err(SourceError::Io { .. })));
}

#[test]
fn a_file_that_is_gone_or_cut_off_is_truncated() {
    let spoil: [fn(&Path); 3] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| std::fs::write(path, "").unwrap(),
        |path| std::fs::write(path, "{\"value\":1}\n").unwrap(),
    ];
    for spoil in spoil {
        for ended in [false, true] {
            let folder = folder("{\"value\":1}\n{\"value\":2}\n{\"value\":3}\n");
            let mut source = folder.open();
            if ended {
                // Not even begun: what there was at the start must come.
                source.end_at_start().unwrap();
            } else {
                assert_eq!(values(&mut source).len(), 3);
            }
            spoil(&folder.path(Topic::Erasures, 0));
            let mut out = Vec::new();
            let result = (0..3).find_map(|_| source.poll(100, 1 << 20, &mut out).err());
            assert!(matches!(result, Some(SourceError::Truncated { .. })), "{result:?} {ended}");
        }
    }
}

#[test]
fn a_file_put_in_its_place_is_gone_on_with() {
    let folder = folder("{\"value\":1}\n");
    let mut source = folder.open();
    assert_eq!(values(&mut source), ["1"]);
    let new = folder.0.path().join("new");
    std::fs::write(&new, "{\"value\":1}\n{\"value\":2}\n").unwrap();
    std::fs::rename(new, folder.path(Topic::Erasures, 0)).unwrap();
    let mut found = values(&mut source);
    found.extend(values(&mut source));
    assert_eq!(found, ["2"]);
}

#[test]
fn no_partition_starves() {
    let mut folder = Folder::new();
    for n in 0..100 {
        for partition in 0..4 {
            folder.append(Topic::Submissions, partition, "k", Some(&n.to_string()), None);
        }
    }
    let mut source = folder.open();
    let mut out = Vec::new();
    for _ in 0..4 {
        source.poll(1, 1 << 20, &mut out).unwrap();
    }
    assert_eq!(out.iter().map(|r| r.partition).collect::<Vec<_>>(), [0, 1, 2, 3]);
}
