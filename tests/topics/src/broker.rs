//! Topics as the brokers have them.

use crate::Result;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::ClientConfig;
use std::time::{Duration, Instant};

/// No call takes longer, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn config() -> Result<ClientConfig> {
    let brokers = std::env::var("KAFKA_BROKERS").map_err(|_| "KAFKA_BROKERS does not say where Kafka is")?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "inkflow-topics").set("enable.auto.commit", "false");
    config.set("message.max.bytes", "20000000").set("auto.offset.reset", "error");
    Ok(config)
}

/// Writes each record once, and in order.
pub fn producer() -> Result<BaseProducer> {
    Ok(config()?.set("enable.idempotence", "true").set("linger.ms", "2").create()?)
}

/// Hands a record to a producer, whose queue may be full for a while.
pub fn send(producer: &BaseProducer, mut message: BaseRecord<'_, [u8], [u8]>) -> Result<()> {
    loop {
        match producer.send(message) {
            Ok(()) => {
                producer.poll(Duration::ZERO);
                return Ok(());
            }
            Err((error, refused)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                producer.poll(Duration::from_millis(10));
                message = refused;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// How many partitions a topic has; none where it is not there.
pub fn partitions(consumer: &BaseConsumer, topic: &str) -> Result<usize> {
    let seen = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    Ok(seen.topics().first().filter(|topic| topic.error().is_none()).map_or(0, |topic| topic.partitions().len()))
}

/// Where a partition begins and ends. One that was made this moment is waited for.
pub fn ends(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match consumer.fetch_watermarks(topic, partition, PATIENCE) {
            Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(50)),
            ends => return Ok(ends?),
        }
    }
}

/// Makes a topic, or gives it more partitions, until it has so many. Records stay for ever, also those of long ago and of
/// days to come.
pub fn make(topic: &str, wanted: usize) -> Result<()> {
    let consumer: BaseConsumer = config()?.create()?;
    let admin: AdminClient<DefaultClientContext> = config()?.create()?;
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let done = match partitions(&consumer, topic)? {
        0 => {
            let new = NewTopic::new(topic, i32::try_from(wanted)?, TopicReplication::Fixed(-1))
                .set("retention.ms", "-1")
                .set("max.message.bytes", "20000000")
                .set("message.timestamp.after.max.ms", "9223372036854775807");
            futures::executor::block_on(admin.create_topics([&new], &options))?
        }
        there if there < wanted => {
            let more = NewPartitions::new(topic, wanted);
            futures::executor::block_on(admin.create_partitions([&more], &options))?
        }
        _ => return Ok(()),
    };
    for done in done {
        match done {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, error)) => return Err(format!("{topic}: {error}").into()),
        }
    }
    let deadline = Instant::now() + PATIENCE;
    while partitions(&consumer, topic)? < wanted {
        if Instant::now() > deadline {
            return Err(format!("{topic} does not come about").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
