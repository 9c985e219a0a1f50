//! The changelog's topics: made where they are not there.

use super::super::client::{ask, trouble, Ear};
use super::ChangelogSettings;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::BaseConsumer;
use rdkafka::types::RDKafkaErrorCode;
use std::time::{Duration, Instant};

/// How long brokers may take to make topics.
const MAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What was deleted or replaced is compacted away within this time, as long as anything is written: erasure has a day.
const COMPACTED_WITHIN_MS: &str = "43200000";
/// A segment that is being written is never compacted: it is closed after so long.
const SEGMENT_MS: &str = "21600000";

/// Makes those topics that are not there: compacted.
pub(super) fn ensure(settings: &ChangelogSettings, names: &[String]) -> Result<(), String> {
    let config = settings.connection.config();
    let consumer: BaseConsumer<Ear> = config.create_with_context(Ear::default()).map_err(|error| error.to_string())?;
    let missing = missing(&consumer, names)?;
    if missing.is_empty() {
        return Ok(());
    }
    let ear = Ear::default();
    let admin: AdminClient<Ear> = config.create_with_context(ear.clone()).map_err(|error| error.to_string())?;
    let copies = settings.replication.map_or(-1, i32::from);
    let partitions =
        |name: &str| if name.ends_with(super::EPOCHS) { 1 } else { settings.partitions.max(1).cast_signed() };
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|name| {
            NewTopic::new(name, partitions(name), TopicReplication::Fixed(copies))
                .set("cleanup.policy", "compact")
                .set("max.compaction.lag.ms", COMPACTED_WITHIN_MS)
                .set("segment.ms", SEGMENT_MS)
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(MAKE_TIMEOUT)).request_timeout(Some(MAKE_TIMEOUT));
    let made = futures::executor::block_on(admin.create_topics(&topics, &options));
    for made in made.map_err(|error| trouble(&ear, error))? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => return Err(format!("topic {name} cannot be made: {error}")),
        }
    }
    tracing::info!(topics = missing.len(), "changelog topics were made");
    // A broker hears of a topic a moment after it was made.
    let began = Instant::now();
    while !self::missing(&consumer, names)?.is_empty() {
        if began.elapsed() > MAKE_TIMEOUT {
            return Err("topics were made, and are not there".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn missing(consumer: &BaseConsumer<Ear>, names: &[String]) -> Result<Vec<String>, String> {
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut missing = Vec::new();
    for seen in ask(consumer, &wanted)? {
        match seen.found {
            Ok(_) => {}
            Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => missing.push(seen.name),
            Err(error) => return Err(format!("topic {}: {error}", seen.name)),
        }
    }
    Ok(missing)
}
