//! A folder of records into topics.

use crate::broker::{self, config, ends, make, PATIENCE};
use crate::Result;
use inkflow_connectors::folder::FolderSource;
use inkflow_connectors::source::{PollState, RawRecord, Source};
use inkflow_schemas::Topic;
use rdkafka::consumer::BaseConsumer;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::BTreeMap;
use std::path::Path;

/// The time of a line without one: nothing is too late then. Kafka gives every record a time.
const LATEST_MS: i64 = 4_102_444_800_000;

pub fn folder(dir: &Path, prefix: &str) -> Result<()> {
    let records = records(dir)?;
    let mut partitions = BTreeMap::new();
    for record in &records {
        let most = partitions.entry(record.topic).or_insert(0);
        *most = (*most).max(record.partition as usize + 1);
    }
    let consumer: BaseConsumer = config()?.create()?;
    let mut held = BTreeMap::new();
    for (topic, partitions) in &partitions {
        let name = format!("{prefix}{topic}");
        make(&name, *partitions)?;
        for partition in 0..*partitions as u32 {
            let (_, end) = ends(&consumer, &name, partition.cast_signed())?;
            held.insert((*topic, partition), end.max(0).cast_unsigned());
        }
    }
    let new = records
        .iter()
        .filter(|record| held.get(&(record.topic, record.partition)).is_none_or(|end| record.offset >= *end));
    let producer = broker::producer()?;
    let mut count = 0;
    for record in new {
        send(&producer, prefix, record)?;
        count += 1;
    }
    producer.flush(PATIENCE)?;
    println!("{count} records");
    // That all of them are where their lines stand is what makes positions comparable.
    for ((topic, partition), expected) in lengths(&records) {
        let (_, end) = ends(&consumer, &format!("{prefix}{topic}"), partition.cast_signed())?;
        if end.cast_unsigned() != expected {
            return Err(format!("{prefix}{topic} partition {partition} holds {end} records, not {expected}").into());
        }
    }
    Ok(())
}

/// Every line of a folder, as a record.
fn records(dir: &Path) -> Result<Vec<RawRecord>> {
    let mut source = FolderSource::open(dir, &Topic::ALL)?;
    source.end_at_start()?;
    let mut records = Vec::new();
    while source.poll(10_000, 64 << 20, &mut records)? != PollState::End {}
    Ok(records)
}

fn lengths(records: &[RawRecord]) -> BTreeMap<(Topic, u32), u64> {
    let mut lengths = BTreeMap::new();
    for record in records {
        let length = lengths.entry((record.topic, record.partition)).or_insert(0);
        *length = record.offset.max(*length - u64::from(*length > 0)) + 1;
    }
    lengths
}

/// A line that is no record goes as it stands, as the value of one.
fn send(producer: &BaseProducer, prefix: &str, record: &RawRecord) -> Result<()> {
    let topic = format!("{prefix}{}", record.topic);
    let mut message = BaseRecord::<[u8], [u8]>::to(&topic).partition(record.partition.cast_signed());
    message = message.timestamp(record.ts.unwrap_or(LATEST_MS).clamp(1, LATEST_MS));
    message = record.key.iter().fold(message, |message, key| message.key(key));
    message = record.value.iter().fold(message, |message, value| message.payload(value));
    broker::send(producer, message)
}
