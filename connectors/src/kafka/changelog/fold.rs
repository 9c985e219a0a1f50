//! A topic folded by key: what its changelog says.

use super::super::client::{ask, trouble, Ear, ASK_TIMEOUT};
use super::super::Connection;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A topic that gives nothing for so long is given up for now.
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// How far a topic is folded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UpTo {
    /// To the first transaction that is open: whoever began it may have died, and it would be waited for in vain.
    Committed,
    /// To the end of what is written; what is not committed yet is waited for. Nobody but us writes, so it soon will be.
    Written,
}

/// A topic could not be folded.
#[derive(Debug)]
pub(super) enum Unfolded {
    /// There is no such topic.
    Absent(String),
    /// The brokers did not answer.
    Away(String),
}

impl std::fmt::Display for Unfolded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfolded::Absent(topic) => write!(f, "topic {topic} is not there"),
            Unfolded::Away(why) => f.write_str(why),
        }
    }
}

/// Whether there is no such topic.
pub(super) fn is_absent(error: &Unfolded) -> bool {
    matches!(error, Unfolded::Absent(_))
}

/// Where a partition begins and ends. One that was made this moment has no leader yet: that is asked again.
fn ends_of(consumer: &BaseConsumer<Ear>, topic: &str, partition: i32) -> Result<(i64, i64), KafkaError> {
    let asked = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, ASK_TIMEOUT) {
            Err(error) if is_without_leader(&error) && asked.elapsed() < ASK_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(50));
            }
            answer => return answer,
        }
    }
}

fn is_without_leader(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition, UnknownPartition, UnknownTopicOrPartition};
    let code = error.rdkafka_error_code();
    matches!(code, Some(LeaderNotAvailable | NotLeaderForPartition | UnknownPartition | UnknownTopicOrPartition))
}

/// The last value of each key of a topic, without those that are deleted: committed records only, and all that are there
/// now.
pub(super) fn fold(connection: &Connection, topic: &str, up_to: UpTo) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Unfolded> {
    let ear = Ear::default();
    let consumer = |level: &str| {
        let mut config = connection.config();
        config.set("group.id", "inkflow").set("enable.auto.commit", "false").set("auto.offset.reset", "error");
        config
            .set("isolation.level", level)
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "10");
        config.set("allow.auto.create.topics", "false");
        config.create_with_context(ear.clone())
    };
    let away = |error: KafkaError| Unfolded::Away(trouble(&ear, error));
    // What a client is told of a partition's end depends on what it reads.
    let level = if up_to == UpTo::Committed { "read_committed" } else { "read_uncommitted" };
    let ends: BaseConsumer<Ear> = consumer(level).map_err(away)?;
    let rows: BaseConsumer<Ear> = consumer("read_committed").map_err(away)?;
    let seen = ask(&ends, &[topic]).map_err(Unfolded::Away)?;
    let partitions = match seen.into_iter().next().map(|seen| seen.found) {
        Some(Ok((_, partitions))) => partitions,
        Some(Err(RDKafkaErrorCode::UnknownTopicOrPartition)) | None => return Err(Unfolded::Absent(topic.to_owned())),
        Some(Err(error)) => return Err(Unfolded::Away(format!("topic {topic}: {error}"))),
    };
    let mut left = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions.cast_signed() {
        let (low, high) = ends_of(&ends, topic, partition).map_err(away)?;
        if low < high {
            left.insert(partition, high);
            list.add_partition_offset(topic, partition, Offset::Offset(low)).map_err(away)?;
        }
    }
    rows.assign(&list).map_err(away)?;
    let mut held = BTreeMap::new();
    let mut moved = Instant::now();
    while !left.is_empty() {
        match rows.poll(Duration::from_millis(20)) {
            Some(Ok(message)) => {
                moved = Instant::now();
                let key = message.key().unwrap_or_default();
                match message.payload() {
                    Some(value) => held.insert(key.to_vec(), value.to_vec()),
                    None => held.remove(key),
                };
                // Reaching the end is seen by positions alone, which know of what is no record.
                continue;
            }
            Some(Err(error)) if moved.elapsed() > STALLED_AFTER => return Err(away(error)),
            Some(Err(_)) | None => {}
        }
        for found in rows.position().map_err(away)?.elements() {
            let at = match found.offset() {
                Offset::Offset(offset) => offset,
                _ => continue,
            };
            if left.get(&found.partition()).is_some_and(|end| at >= *end) {
                left.remove(&found.partition());
                moved = Instant::now();
            }
        }
        if moved.elapsed() > STALLED_AFTER {
            return Err(Unfolded::Away(trouble(&ear, format_args!("topic {topic} is not given to its end"))));
        }
    }
    Ok(held)
}
