//! The records of a folder, read as a run reads them, with the lines that the oracle reads.

use inkflow::admission::At;
use inkflow_connectors::folder::FolderSource;
use inkflow_connectors::source::{parse_record, PollState, Source};
use inkflow_oracle::{Dice, Folder};
use inkflow_schemas::{parse_event, Event, RecordFault, Topic};
use std::collections::{BTreeMap, VecDeque};

/// A record, parsed by us, and the line that it was.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub at: At,
    /// What it says, or why it is refused.
    pub event: Result<Event, RecordFault>,
    /// Its line.
    pub line: Vec<u8>,
}

/// A record of our own: none for a value deletes the key.
pub fn record(topic: Topic, partition: u32, offset: u64, key: &str, value: Option<&str>) -> Record {
    let at = At { topic, partition, offset, ts: None };
    let event = parse_event(topic, Some(key.as_bytes()), value.map(str::as_bytes), None, &mut |_| {});
    let line = format!("{{\"key\":{},\"value\":{}}}", serde_json::Value::from(key), value.unwrap_or("null"));
    Record { at, event, line: line.into_bytes() }
}

/// The records of a folder by topic and partition, in order.
pub fn records(folder: &Folder) -> BTreeMap<(Topic, u32), VecDeque<Record>> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    folder.write(dir.path()).expect("the folder is written");
    let mut source = FolderSource::open(dir.path(), &Topic::ALL).expect("a folder");
    source.end_at_start().expect("its end");
    let mut raws = Vec::new();
    while source.poll(1000, usize::MAX, &mut raws).expect("records") != PollState::End {}
    let mut records = BTreeMap::<_, VecDeque<Record>>::new();
    for raw in raws {
        let lines = lines(&folder.topics[raw.topic.as_str()][&raw.partition]);
        let at = At { topic: raw.topic, partition: raw.partition, offset: raw.offset, ts: raw.ts };
        let event = parse_record(&raw, &mut |_| {});
        let line = lines[raw.offset as usize].to_vec();
        records.entry((raw.topic, raw.partition)).or_default().push_back(Record { at, event, line });
    }
    records
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

/// The same lines dealt anew, so that keys keep to no partition.
pub fn strayed(dice: &mut Dice, folder: &Folder) -> Folder {
    let mut strayed = Folder { readings: folder.readings.clone(), ..Folder::default() };
    for (topic, partitions) in &folder.topics {
        let dealt = strayed.topics.entry(topic.clone()).or_default();
        for line in partitions.values().flat_map(|bytes| lines(bytes)) {
            let partition: &mut Vec<u8> = dealt.entry(*dice.pick(&[0, 1, 10])).or_default();
            partition.extend_from_slice(line);
            partition.push(b'\n');
        }
    }
    strayed
}
