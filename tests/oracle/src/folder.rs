//! A folder of 'A run that ends', and what its records come to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::fields::{integer, text, Fields};
use crate::json::{self, Fault, Json};
use crate::readings::{Answers, Readings};
use crate::records::{self, Assignment, Change, Enrolment, PageKey, Policy, Review, Submission, TOPICS};
use crate::Result;

/// "Nesting beyond 128 is a fault."
pub const DEPTH_MAX: usize = 128;

/// "A value over 1 MiB is rejected."
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// The bytes of a folder: of each topic its partitions' files, and the recorded answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Folder {
    /// By topic and partition, the bytes of `<topic>/<partition>.jsonl`.
    pub topics: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// The bytes of `readings.jsonl`.
    pub readings: Vec<u8>,
}

impl Folder {
    /// Reads `DIR/<topic>/<partition>.jsonl` of the six topics and `DIR/readings.jsonl`. What is not there is empty; other
    /// files and folders are not looked at.
    pub fn read(dir: &Path) -> Result<Folder> {
        if !dir.is_dir() {
            return Err(format!("{} is no folder", dir.display()).into());
        }
        let mut folder = Folder::default();
        for topic in TOPICS {
            let topic_dir = dir.join(topic);
            if !topic_dir.is_dir() {
                continue;
            }
            let partitions = folder.topics.entry(topic.to_string()).or_default();
            for entry in std::fs::read_dir(topic_dir)? {
                let path = entry?.path();
                if let Some(partition) = partition_of(&path) {
                    partitions.insert(partition, std::fs::read(&path)?);
                }
            }
        }
        let readings = dir.join("readings.jsonl");
        if readings.is_file() {
            folder.readings = std::fs::read(readings)?;
        }
        Ok(folder)
    }

    /// Writes every file of the folder below `dir`, over what is there.
    pub fn write(&self, dir: &Path) -> Result<()> {
        for (topic, partitions) in &self.topics {
            std::fs::create_dir_all(dir.join(topic))?;
            for (partition, bytes) in partitions {
                std::fs::write(dir.join(topic).join(format!("{partition}.jsonl")), bytes)?;
            }
        }
        std::fs::create_dir_all(dir)?;
        std::fs::write(dir.join("readings.jsonl"), &self.readings)?;
        Ok(())
    }
}

/// The partition of `7.jsonl`.
fn partition_of(path: &Path) -> Option<u32> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    let partition: u32 = stem.parse().ok()?;
    (partition.to_string() == stem).then_some(partition)
}

/// The lines of a file without their LF. What follows the last LF is a line too, unless it is empty.
pub fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines
}

/// Everything that counts, once a folder is read: a row of `rejected` for each record that was refused, and of the others
/// the state they leave behind.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub enrolments: BTreeMap<(String, String), Enrolment>,
    pub assignments: BTreeMap<String, Assignment>,
    pub reviews: BTreeMap<PageKey, Review>,
    /// By scope.
    pub policies: BTreeMap<String, Policy>,
    /// The counting submission of each page.
    pub submissions: BTreeMap<PageKey, Counting>,
    pub rejected: Vec<Rejected>,
    pub partitions: Vec<Partition>,
    pub answers: Answers,
    erased: BTreeSet<String>,
}

/// The counting submission of a page.
#[derive(Debug, Clone)]
pub struct Counting {
    pub submission: Submission,
    /// The clock of the epoch that admitted it first, as it may come twice.
    pub admitted_at: i64,
}

#[derive(Debug, Clone)]
pub struct Rejected {
    pub topic: &'static str,
    pub partition: u32,
    pub offset: usize,
    pub reason: Fault,
}

/// A partition that holds a record.
#[derive(Debug, Clone)]
pub struct Partition {
    pub topic: &'static str,
    pub partition: u32,
    pub last_offset: usize,
    pub record_time: Option<i64>,
}

impl State {
    /// What a whole folder comes to, admitted at that clock.
    pub fn of(folder: &Folder, clock: i64) -> State {
        let mut state = State { answers: Answers::Recorded(Readings::of(&folder.readings)), ..State::default() };
        for topic in TOPICS {
            for (partition, bytes) in folder.topics.get(topic).into_iter().flatten() {
                // "The line number from 0 is the offset."
                for (offset, line) in lines(bytes).into_iter().enumerate() {
                    state.admit(topic, *partition, offset, line, clock);
                }
            }
        }
        state.erase();
        state
    }

    /// Admits one line, in an epoch of that clock. Of one partition, lines come in the order of their offsets.
    pub fn admit(&mut self, topic: &'static str, partition: u32, offset: usize, line: &[u8], clock: i64) {
        let line = Line::of(line);
        let record_time = line.as_ref().ok().and_then(|line| line.ts);
        self.pass(topic, partition, offset, record_time);
        match line.and_then(|line| line.change(topic)) {
            Ok(change) => self.apply(change, clock),
            Err(reason) => self.rejected.push(Rejected { topic, partition, offset, reason }),
        }
    }

    fn pass(&mut self, topic: &'static str, partition: u32, last_offset: usize, ts: Option<i64>) {
        let is_this = |known: &&mut Partition| known.topic == topic && known.partition == partition;
        match self.partitions.iter_mut().find(is_this) {
            Some(known) => {
                known.last_offset = last_offset;
                known.record_time = ts.or(known.record_time);
            }
            None => self.partitions.push(Partition { topic, partition, last_offset, record_time: ts }),
        }
    }

    /// Offsets come in order, so the last change of a key is that of its highest offset. "A rejected record changes nothing",
    /// it never comes here; "deleting a key that is not there is no fault".
    fn apply(&mut self, change: Change, clock: i64) {
        fn upsert<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        match change {
            Change::Submission(key, submission) => {
                let greater = self.submissions.get(&key).is_none_or(|counting| submission > counting.submission);
                if greater {
                    let counting = Counting { submission, admitted_at: clock };
                    self.submissions.insert(key, counting);
                }
            }
            Change::Enrolment(key, value) => upsert(&mut self.enrolments, key, value),
            Change::Assignment(key, value) => upsert(&mut self.assignments, key, value),
            Change::Review(key, value) => upsert(&mut self.reviews, key, value),
            Change::Policy(key, value) => upsert(&mut self.policies, key, value),
            Change::Erasure(student) => drop(self.erased.insert(student)),
        }
    }

    /// "Erasure is for good: nothing of that student, earlier or later, counts. Order does not matter. Rows of `rejected`
    /// stay."
    pub fn erase(&mut self) {
        let erased = &self.erased;
        self.submissions.retain(|key, _| !erased.contains(&key.0));
        self.reviews.retain(|key, _| !erased.contains(&key.0));
        self.enrolments.retain(|key, _| !erased.contains(&key.0));
    }
}

/// One line of a partition: `{"key": ..., "value": ..., "ts": ms}`, or `"raw": "..."` in place of value.
struct Line {
    /// None for a key that is no string.
    key: Option<String>,
    payload: Payload,
    ts: Option<i64>,
}

enum Payload {
    Null,
    Value(Json),
    Raw(String),
}

impl Line {
    fn of(bytes: &[u8]) -> std::result::Result<Line, Fault> {
        // The line is one object around the value, so the value may still nest as deep as it may by itself.
        let json = json::parse(bytes, DEPTH_MAX + 1)?;
        let fields = Fields::of(&json, &["key", "value", "raw", "ts"])?;
        let value = fields.optional("value", |json| Some(json.clone()))?;
        let raw = fields.optional("raw", text)?;
        let payload = match (value, raw) {
            (None, None) => Payload::Null,
            (Some(value), None) => Payload::Value(value),
            (None, Some(raw)) => Payload::Raw(raw),
            (Some(_), Some(_)) => return Err("both value and raw".into()),
        };
        Ok(Line {
            key: fields.optional("key", |json| Some(text(json)))?.flatten(),
            payload,
            ts: fields.optional("ts", |json| integer(json, i64::MIN, i64::MAX))?,
        })
    }

    fn change(&self, topic: &str) -> std::result::Result<Change, Fault> {
        let key = self.key.as_deref();
        let (value, length) = match &self.payload {
            Payload::Null => return records::deletion(topic, key),
            Payload::Value(value) => (value.clone(), value.compact_len()),
            Payload::Raw(raw) => (json::parse(raw.as_bytes(), DEPTH_MAX)?, raw.len()),
        };
        if length > VALUE_BYTES_MAX {
            return Err("over 1 MiB".into());
        }
        records::change(topic, key, &value, self.ts)
    }
}
