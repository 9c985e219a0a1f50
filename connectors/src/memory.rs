//! A source in memory: the twin of the folder and of Kafka, for tests and for programs that have their records at hand.

use crate::source::{Offsets, PollState, RawRecord, Source, SourceError};
use inkflow_schemas::Topic;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Logs by topic and partition.
type Logs = BTreeMap<(Topic, u32), Vec<Entry>>;

#[derive(Clone, Debug)]
struct Entry {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    ts: Option<i64>,
}

/// A source that reads logs in memory. Clones read the same logs, each from positions of its own.
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    logs: Arc<Mutex<Logs>>,
    next: Offsets,
    ends: Option<Offsets>,
}

impl MemorySource {
    /// A source of no records.
    pub fn new() -> MemorySource {
        MemorySource::default()
    }

    /// Appends a record to a partition, also while others read it. Returns its offset.
    pub fn append(
        &self,
        topic: Topic,
        partition: u32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        ts: Option<i64>,
    ) -> u64 {
        let mut logs = self.logs();
        let log = logs.entry((topic, partition)).or_default();
        log.push(Entry { key: key.map(<[u8]>::to_vec), value: value.map(<[u8]>::to_vec), ts });
        log.len() as u64 - 1
    }

    /// Cuts a partition off, as no log should be.
    pub fn truncate(&self, topic: Topic, partition: u32, records: usize) {
        if let Some(log) = self.logs().get_mut(&(topic, partition)) {
            log.truncate(records);
        }
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        // No code that holds the lock can leave a log half changed.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for MemorySource {
    fn seek(&mut self, positions: &Offsets) -> Result<(), SourceError> {
        self.next = positions.clone();
        Ok(())
    }

    fn end_at_start(&mut self) -> Result<(), SourceError> {
        let ends = self.logs().iter().map(|(at, log)| (*at, log.len() as u64)).collect();
        self.ends = Some(ends);
        Ok(())
    }

    fn poll(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<RawRecord>,
    ) -> Result<PollState, SourceError> {
        let logs = Arc::clone(&self.logs);
        let logs = logs.lock().unwrap_or_else(PoisonError::into_inner);
        for (&(topic, partition), &position) in &self.next {
            if (logs.get(&(topic, partition)).map_or(0, Vec::len) as u64) < position {
                let place = format!("in memory, {topic}/{partition}");
                return Err(SourceError::Truncated { topic, partition, position, found: "the log is shorter", place });
            }
        }
        let (mut records, mut bytes) = (0, 0);
        for (&(topic, partition), log) in &*logs {
            let next = self.next.entry((topic, partition)).or_default();
            let end = match &self.ends {
                Some(ends) => ends.get(&(topic, partition)).copied().unwrap_or(0),
                None => log.len() as u64,
            };
            let rest = log.get(*next as usize..end as usize).unwrap_or_default();
            for Entry { key, value, ts } in rest {
                if records >= records_max || bytes >= bytes_max {
                    return Ok(PollState::More);
                }
                let (key, value, ts) = (key.clone(), value.clone(), *ts);
                let record = RawRecord {
                    topic,
                    partition,
                    offset: *next,
                    key,
                    value,
                    ts,
                    headers: Vec::new(),
                    envelope: Ok(()),
                };
                *next += 1;
                records += 1;
                bytes += record.bytes();
                out.push(record);
            }
        }
        Ok(if self.ends.is_some() { PollState::End } else { PollState::Idle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::contract::{self, Logs as Writer};

    struct Memory(MemorySource);

    impl Writer for Memory {
        type Source = MemorySource;
        fn new() -> Memory {
            Memory(MemorySource::new())
        }
        fn append(&mut self, topic: Topic, partition: u32, key: &str, value: Option<&str>, ts: Option<i64>) {
            self.0.append(topic, partition, Some(key.as_bytes()), value.map(str::as_bytes), ts);
        }
        fn truncate(&mut self, topic: Topic, partition: u32, records: usize) {
            self.0.truncate(topic, partition, records);
        }
        fn open(&self) -> MemorySource {
            self.0.clone()
        }
    }

    #[test]
    fn it_keeps_the_contract_of_sources() {
        contract::holds::<Memory>();
    }
}
