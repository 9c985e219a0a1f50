//! The folder source: `DIR/<topic>/<partition>.jsonl`, a record a line, the line number from 0 its offset.
//!
//! For tests, backfills and cron jobs, and for whoever has files but no Kafka. Files only grow: lines are appended,
//! partitions and topics may come later. A file that got shorter than what was read of it, or is gone, is
//! [`SourceError::Truncated`]. The partition is the file's stem, a number as it is written in decimal; other files are
//! passed over, with one warning each. A topic without a folder is empty.
//!
//! Lines end with LF; what follows the last LF is a line too where the source has an end
//! ([`Source::end_at_start`]), and is waited for where it has none. Every line counts, also an empty one: it is a record
//! that is rejected.

mod line;
mod partition;
#[cfg(test)]
mod tests;

use crate::source::{Offsets, PollState, RawRecord, Source, SourceError};
use inkflow_schemas::Topic;
use partition::{io_error, Partition};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// New partitions are looked for this often while old ones still have lines; when none has, at every poll.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A source that reads a folder.
#[derive(Debug)]
pub struct FolderSource {
    dir: PathBuf,
    topics: Vec<Topic>,
    partitions: BTreeMap<(Topic, u32), Partition>,
    /// The partition after which the next poll begins, so that none starves.
    last: Option<(Topic, u32)>,
    looked: Option<Instant>,
    ended: bool,
    warned: BTreeSet<PathBuf>,
}

impl FolderSource {
    /// A source of those topics of a folder, at the start of each partition. The folder must exist; its topics need not.
    pub fn open(dir: impl Into<PathBuf>, topics: &[Topic]) -> Result<FolderSource, SourceError> {
        let dir = dir.into();
        std::fs::read_dir(&dir).map_err(|e| io_error(&dir, e))?;
        let mut source = FolderSource {
            dir,
            topics: topics.to_vec(),
            partitions: BTreeMap::new(),
            last: None,
            looked: None,
            ended: false,
            warned: BTreeSet::new(),
        };
        source.look()?;
        Ok(source)
    }

    /// Looks for partitions that were not there before; true where there are some.
    fn look(&mut self) -> Result<bool, SourceError> {
        let had = self.partitions.len();
        for topic in self.topics.clone() {
            let folder = self.dir.join(topic.as_str());
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => return Err(io_error(&folder, e)),
            };
            for entry in entries {
                let path = entry.map_err(|e| io_error(&folder, e))?.path();
                match partition_of(&path) {
                    Some(partition) => {
                        let new = || Partition::new(topic, partition, path.clone());
                        self.partitions.entry((topic, partition)).or_insert_with(new);
                    }
                    None => self.warn(path),
                }
            }
        }
        self.looked = Some(Instant::now());
        Ok(self.partitions.len() > had)
    }

    fn warn(&mut self, path: PathBuf) {
        if !self.warned.contains(&path) {
            tracing::warn!(path = %path.display(), "passed over: no partition, as those are called 0.jsonl, 1.jsonl, ...");
            self.warned.insert(path);
        }
    }

    /// One round over the partitions, each giving at most its share; true where some may have more.
    fn round(&mut self, budget: &mut Budget, out: &mut Vec<RawRecord>) -> Result<bool, SourceError> {
        let share = budget.records.div_ceil(self.partitions.len().max(1)).max(1);
        let after: Vec<_> = self.partitions.keys().copied().collect();
        let split = after.partition_point(|at| Some(*at) <= self.last);
        let (before, after) = after.split_at_checked(split).unwrap_or((&[], &[]));
        let mut more = false;
        for at in after.iter().chain(before) {
            if budget.is_spent() {
                return Ok(true);
            }
            let Some(partition) = self.partitions.get_mut(at) else { continue };
            let mut left = share;
            more |= partition.read(out, |record| {
                left -= 1;
                budget.take(record.bytes());
                left == 0 || budget.is_spent()
            })?;
            self.last = Some(*at);
        }
        Ok(more)
    }
}

/// What a poll may still hand out.
struct Budget {
    records: usize,
    bytes: usize,
}

impl Budget {
    fn take(&mut self, bytes: usize) {
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn is_spent(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

impl Source for FolderSource {
    fn seek(&mut self, positions: &Offsets) -> Result<(), SourceError> {
        for (&(topic, partition), &offset) in positions {
            // A position in a file that is not there: to be told by going to it.
            if offset > 0 && self.topics.contains(&topic) && !self.partitions.contains_key(&(topic, partition)) {
                let path = self.dir.join(topic.as_str()).join(format!("{partition}.jsonl"));
                let mut new = Partition::new(topic, partition, path);
                if self.ended {
                    new.end_here()?;
                }
                self.partitions.insert((topic, partition), new);
            }
        }
        for (at, partition) in &mut self.partitions {
            partition.go_to(positions.get(at).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    fn end_at_start(&mut self) -> Result<(), SourceError> {
        self.look()?;
        self.ended = true;
        self.partitions.values_mut().try_for_each(Partition::end_here)
    }

    fn poll(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<RawRecord>,
    ) -> Result<PollState, SourceError> {
        let mut budget = Budget { records: records_max.max(1), bytes: bytes_max.max(1) };
        if !self.ended && self.looked.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
            self.look()?;
        }
        let had = out.len();
        while self.round(&mut budget, out)? {
            if budget.is_spent() {
                return Ok(PollState::More);
            }
        }
        if self.ended {
            return Ok(PollState::End);
        }
        let more = self.look()? || out.len() > had;
        Ok(if more { PollState::More } else { PollState::Idle })
    }
}

/// The partition of `7.jsonl`. `07.jsonl` is none, or two files could be one partition.
fn partition_of(path: &Path) -> Option<u32> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    let partition: u32 = stem.parse().ok()?;
    (partition.to_string() == stem).then_some(partition)
}
