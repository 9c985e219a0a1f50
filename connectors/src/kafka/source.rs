//! Topics as a source of records. One client for all topics that a source reads, with one bounded queue.
//!
//! Every few seconds it *looks*: asks which id and how many partitions each topic has. So a topic that was deleted, or
//! deleted and made anew, is told, and a partition that is new is read from its offset 0. An offset that the brokers do
//! not have is told when it is asked for: there is no reset. Brokers that are away are waited for.

use super::client::{trouble, Ear};
use super::look::Trouble;
use super::start::Start;
use super::Connection;
use crate::source::{Offsets, Origins, PollState, RawRecord, RecordHeader, Source, SourceError, Starts};
use inkflow_schemas::{RecordFault, Topic, VALUE_BYTES_MAX};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The client's queue, in KiB: some hundred milliseconds of catching up.
const QUEUE_KIB: usize = 8 << 10;
/// And in records, each of which costs the client some 300 bytes besides its own.
const QUEUE_RECORDS: usize = 20_000;
/// One answer of a broker, in bytes as they are sent: it may come on top of a queue that is full, and compressed records
/// grow some ten times in it.
const FETCH_BYTES: usize = 1 << 20;
/// What one partition may have of it, unless its first batch is longer.
const FETCH_PARTITION_BYTES: usize = 128 << 10;
/// A broker sends a record that is longer than it was asked for, as otherwise nobody would get past it. So long may
/// such an answer be: brokers refuse records over 1 MiB unless told otherwise.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Headers are kept for dead letters; more of them than this in all are left out.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// Positions are committed this often for those who watch the lag.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
/// Where the client stands behind the last record is asked this often, at most.
const POSITION_EVERY: Duration = Duration::from_millis(100);

/// A topic to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTopic {
    /// What its records are about.
    pub topic: Topic,
    /// What it is called at the brokers.
    pub name: String,
    /// Where it is begun.
    pub start: Start,
}

/// What to read, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Where.
    pub connection: Connection,
    /// What.
    pub topics: Vec<SourceTopic>,
    /// The consumer group that sealed positions are committed to, for those who watch the lag; none are without it.
    pub group: Option<String>,
    /// How often ids and partitions are looked at.
    pub look_every: Duration,
}

impl KafkaSettings {
    /// These topics, as it is without a word said.
    pub fn new(connection: Connection, topics: Vec<SourceTopic>) -> KafkaSettings {
        KafkaSettings { connection, topics, group: None, look_every: Duration::from_secs(2) }
    }
}

/// A partition that is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// The offset to read next: behind the last record that was handed out, and what the client passed over since.
    pub(super) next: u64,
    /// As far as that is known outside.
    pub(super) told: u64,
    /// Where it ends, once the source has an end.
    pub(super) end: Option<u64>,
}

/// A source that reads Kafka.
pub struct KafkaSource {
    pub(super) settings: KafkaSettings,
    pub(super) consumer: BaseConsumer<Ear>,
    pub(super) ear: Ear,
    /// Sealed: which logs are read.
    pub(super) origins: Origins,
    /// Sealed: where they are gone on with.
    pub(super) positions: Offsets,
    /// Found, and not sealed yet.
    pub(super) unsealed: Option<Starts>,
    pub(super) parts: BTreeMap<(Topic, u32), Part>,
    pub(super) gone_since: BTreeMap<Topic, Instant>,
    pub(super) ended: bool,
    /// Parts have changed since they were assigned.
    pub(super) stale: bool,
    pub(super) looked: Option<Instant>,
    pub(super) positioned: Option<Instant>,
    pub(super) committed: Option<Instant>,
    pub(super) out_of_range: u32,
    pub(super) waiting: Option<String>,
    /// Topics that are not there, about which that was said.
    pub(super) absent: Vec<Topic>,
}

impl KafkaSource {
    /// A source of these topics. Nothing is asked of the brokers yet.
    pub fn new(settings: KafkaSettings) -> Result<KafkaSource, SourceError> {
        let ear = Ear::default();
        let mut config = settings.connection.config();
        // librdkafka assigns nothing to whoever has no group. Nobody joins it.
        config.set("group.id", settings.group.as_deref().unwrap_or("inkflow"));
        config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
        config.set("auto.offset.reset", "error").set("isolation.level", "read_committed");
        config.set("allow.auto.create.topics", "false").set("max.poll.interval.ms", "86400000");
        config.set("queued.max.messages.kbytes", QUEUE_KIB.to_string());
        config.set("queued.min.messages", QUEUE_RECORDS.to_string());
        config.set("fetch.message.max.bytes", FETCH_PARTITION_BYTES.to_string());
        config.set("fetch.max.bytes", FETCH_BYTES.to_string());
        config.set("receive.message.max.bytes", ANSWER_BYTES_MAX.to_string());
        // A queue that was full is looked at again at once, not after a second.
        config.set("fetch.queue.backoff.ms", "10").set("fetch.error.backoff.ms", "200");
        let consumer: BaseConsumer<Ear> = config.create_with_context(ear.clone()).map_err(|error| {
            SourceError::Refused { place: settings.connection.brokers.clone(), reason: error.to_string() }
        })?;
        Ok(KafkaSource {
            settings,
            consumer,
            ear,
            origins: Origins::new(),
            positions: Offsets::new(),
            unsealed: None,
            parts: BTreeMap::new(),
            gone_since: BTreeMap::new(),
            ended: false,
            stale: false,
            looked: None,
            positioned: None,
            committed: None,
            out_of_range: 0,
            waiting: None,
            absent: Vec::new(),
        })
    }

    /// The next offset to read of each partition that is read now.
    pub fn positions(&self) -> Offsets {
        self.parts.iter().map(|(at, part)| (*at, part.next)).collect()
    }

    pub(super) fn name(&self, topic: Topic) -> &str {
        self.settings.topics.iter().find(|of| of.topic == topic).map_or("", |of| of.name.as_str())
    }

    pub(super) fn place(&self, topic: Topic) -> String {
        format!("topic {}", self.name(topic))
    }

    pub(super) fn wait_for(&mut self, why: impl std::fmt::Display) {
        let why = trouble(&self.ear, why);
        if self.waiting.is_none() {
            tracing::warn!(brokers = self.settings.connection.brokers, "Kafka is waited for: {why}");
        }
        self.waiting = Some(why);
    }

    /// What the client says in place of a record.
    fn hear(&mut self, error: &KafkaError) -> Result<(), Trouble> {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::AutoOffsetReset
                | RDKafkaErrorCode::OffsetOutOfRange
                | RDKafkaErrorCode::LogTruncation,
            ) => self.examine(),
            // The client goes on by itself, and looking tells what is waited for.
            _ => {
                tracing::debug!(%error, "librdkafka");
                Ok(())
            }
        }
    }

    /// Moves positions over what is no record: ends of transactions, records that were aborted.
    fn move_on(&mut self) {
        if !self.ended && self.positioned.is_some_and(|at| at.elapsed() < POSITION_EVERY) {
            return;
        }
        self.positioned = Some(Instant::now());
        let Ok(positions) = self.consumer.position() else { return };
        for found in positions.elements() {
            let of = self.settings.topics.iter().find(|of| of.name == found.topic()).map(|of| of.topic);
            let (Some(topic), Offset::Offset(offset)) = (of, found.offset()) else { continue };
            let at = (topic, found.partition().cast_unsigned());
            if let Some(part) = self.parts.get_mut(&at) {
                let offset = offset.max(0).cast_unsigned();
                part.next = part.next.max(part.end.map_or(offset, |end| offset.min(end)));
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.ended
            && self.waiting.is_none()
            && self.unsealed.is_none()
            && !self.stale
            && self.looked.is_some()
            && self.parts.values().all(|part| part.end.is_some_and(|end| part.next >= end))
    }
}

impl Source for KafkaSource {
    fn know(&mut self, sealed: &Origins) {
        let mine = |topic: &Topic| self.settings.topics.iter().any(|of| of.topic == *topic);
        self.origins = sealed.iter().filter(|(topic, _)| mine(topic)).map(|(t, o)| (*t, o.clone())).collect();
    }

    fn seek(&mut self, positions: &Offsets) -> Result<(), SourceError> {
        let mine = |topic: Topic| self.settings.topics.iter().any(|of| of.topic == topic);
        self.positions =
            positions.iter().filter(|((topic, _), _)| mine(*topic)).map(|(at, next)| (*at, *next)).collect();
        // What is in the client's queue is of another position.
        self.consumer.unassign().map_err(|error| SourceError::Refused {
            place: self.settings.connection.brokers.clone(),
            reason: error.to_string(),
        })?;
        let ends: BTreeMap<_, _> = self.parts.iter().map(|(at, part)| (*at, part.end)).collect();
        self.parts.clear();
        for (at, end) in ends {
            let next = self.positions.get(&at).copied().unwrap_or(0);
            if let Some(end) = end {
                self.in_range(at, next, 0, end)?;
            }
            self.parts.insert(at, Part { next, told: next, end });
        }
        (self.stale, self.looked) = (true, None);
        Ok(())
    }

    fn end_at_start(&mut self) -> Result<(), SourceError> {
        self.ended = true;
        self.absent.clear();
        self.parts.values_mut().for_each(|part| part.end = None);
        (self.stale, self.looked) = (true, None);
        self.look()
    }

    fn starts(&mut self) -> Result<Option<Starts>, SourceError> {
        self.look()?;
        Ok(self.unsealed.clone())
    }

    fn begin(&mut self, sealed: &Starts) {
        self.origins.extend(sealed.origins.clone());
        self.positions.extend(sealed.offsets.clone());
        self.unsealed = None;
        self.looked = None;
    }

    fn passed(&mut self) -> Offsets {
        let moved = self.parts.iter_mut().filter(|(_, part)| part.next > part.told);
        moved.map(|(at, part)| (*at, std::mem::replace(&mut part.told, part.next).max(part.next))).collect()
    }

    fn sealed(&mut self, positions: &Offsets) {
        if self.settings.group.is_none() || self.committed.is_some_and(|at| at.elapsed() < COMMIT_EVERY) {
            return;
        }
        self.committed = Some(Instant::now());
        let mut list = TopicPartitionList::new();
        for (&(topic, partition), &next) in positions.iter().filter(|(at, _)| self.parts.contains_key(at)) {
            // A position is a number that Kafka gave.
            let _ = list.add_partition_offset(
                self.name(topic),
                partition.cast_signed(),
                Offset::Offset(next.cast_signed()),
            );
        }
        if list.count() > 0 {
            if let Err(error) = self.consumer.commit(&list, CommitMode::Async) {
                tracing::debug!(%error, "positions could not be committed for those who watch the lag");
            }
        }
    }

    fn waits_for(&self) -> Option<String> {
        self.waiting.clone()
    }

    fn poll(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<RawRecord>,
    ) -> Result<PollState, SourceError> {
        self.look()?;
        if self.unsealed.is_some() || self.stale {
            return Ok(PollState::Idle);
        }
        let (mut records, mut bytes) = (0, 0);
        // The client belongs to this thread alone; a message borrows it for one step.
        while records < records_max.max(1) && bytes < bytes_max.max(1) {
            let record = match self.consumer.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => Ok(self.record(&message)),
                Some(Err(error)) => Err(error),
            };
            match record {
                Ok(None) => {}
                Ok(Some(record)) => {
                    if let Some(part) = self.parts.get_mut(&(record.topic, record.partition)) {
                        part.next = record.offset + 1;
                        part.told = part.next;
                    }
                    records += 1;
                    bytes += record.bytes();
                    self.out_of_range = 0;
                    out.push(record);
                }
                Err(error) => match self.hear(&error) {
                    Ok(()) => {}
                    Err(Trouble::Later(why)) => {
                        self.wait_for(why);
                        self.stale = true;
                        return Ok(PollState::Idle);
                    }
                    Err(Trouble::Error(error)) => return Err(error),
                },
            }
        }
        if records >= records_max || bytes >= bytes_max {
            return Ok(PollState::More);
        }
        self.move_on();
        Ok(if self.is_at_end() { PollState::End } else { PollState::Idle })
    }
}

impl KafkaSource {
    /// The record of a message; none where it lies behind the end, or is of nothing that is read.
    fn record(&self, message: &BorrowedMessage<'_>) -> Option<RawRecord> {
        let of = self.settings.topics.iter().find(|of| of.name == message.topic())?;
        let (topic, partition) = (of.topic, message.partition().cast_unsigned());
        let offset = message.offset().max(0).cast_unsigned();
        let part = self.parts.get(&(topic, partition))?;
        if part.end.is_some_and(|end| offset >= end) || offset < part.next {
            return None;
        }
        let ts = message.timestamp().to_millis().filter(|ts| *ts >= 0);
        let whole = |bytes: &&[u8]| bytes.len() <= VALUE_BYTES_MAX;
        let too_large = !message.payload().iter().chain(&message.key()).all(whole);
        let (key, value) = (message.key().filter(whole), message.payload().filter(whole));
        let envelope = if too_large { Err(RecordFault::TooLarge) } else { Ok(()) };
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        Some(RawRecord { topic, partition, offset, key, value, ts, headers: headers(message), envelope })
    }
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<RecordHeader> {
    let Some(found) = message.headers() else { return Vec::new() };
    let mut left = HEADER_BYTES_MAX;
    let mut headers = Vec::new();
    for header in found.iter() {
        let bytes = header.key.len() + header.value.map_or(0, <[u8]>::len);
        let Some(rest) = left.checked_sub(bytes) else { break };
        left = rest;
        headers.push((header.key.to_owned(), header.value.map(<[u8]>::to_vec)));
    }
    headers
}
