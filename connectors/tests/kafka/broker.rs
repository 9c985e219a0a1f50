//! The broker, and what a test does to it.

use inkflow_connectors::kafka::Connection;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nothing here takes longer, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn brokers() -> String {
    std::env::var("KAFKA_BROKERS").expect(
        "these tests need Kafka: KAFKA_BROKERS and what else `tests/broker.sh start` prints, or tests/run.sh all",
    )
}

pub fn connection() -> Connection {
    Connection::plain(brokers())
}

/// A name that no other test has, now or before.
pub fn unique(what: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    format!("{what}-{time}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers());
    config
}

fn admin() -> AdminClient<DefaultClientContext> {
    config().create().unwrap()
}

fn done<T>(
    work: impl std::future::Future<
        Output = rdkafka::error::KafkaResult<Vec<Result<T, (String, rdkafka::types::RDKafkaErrorCode)>>>,
    >,
) where
    T: std::fmt::Debug,
{
    let results = futures::executor::block_on(work).expect("the broker does it");
    for result in results {
        result.expect("the broker does it");
    }
}

pub fn make_with(name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
    done(admin().create_topics([&topic], &AdminOptions::new().operation_timeout(Some(PATIENCE))));
}

pub fn make(name: &str, partitions: i32) {
    make_with(name, partitions, &[]);
}

/// Deletes a topic; it is gone when this returns.
pub fn delete(name: &str) {
    let admin = admin();
    done(admin.delete_topics(&[name], &AdminOptions::new().operation_timeout(Some(PATIENCE))));
    let gone = || {
        let seen = admin.inner().fetch_metadata(Some(name), PATIENCE).unwrap();
        seen.topics().first().is_none_or(|topic| topic.error().is_some())
    };
    until("the topic is gone", gone);
}

pub fn more_partitions(name: &str, partitions: usize) {
    done(admin().create_partitions([&NewPartitions::new(name, partitions)], &AdminOptions::new()));
}

/// Deletes the records before an offset.
pub fn delete_records(name: &str, partition: i32, before: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(name, partition, Offset::Offset(before)).unwrap();
    futures::executor::block_on(admin().delete_records(&list, &AdminOptions::new())).unwrap();
}

/// Waits for a condition.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A producer whose records are there when its calls return.
pub struct Sender(BaseProducer);

impl Sender {
    pub fn new() -> Sender {
        Sender::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Sender {
        let mut config = config();
        config.set("message.max.bytes", "20000000").set("linger.ms", "0");
        settings.iter().for_each(|(key, value)| {
            config.set(*key, *value);
        });
        Sender(config.create().unwrap())
    }

    /// A producer of transactions.
    pub fn transactional(id: &str) -> Sender {
        let sender = Sender::with(&[("transactional.id", id)]);
        sender.0.init_transactions(PATIENCE).unwrap();
        sender
    }

    pub fn begin(&self) {
        self.0.begin_transaction().unwrap();
    }

    pub fn commit(&self) {
        self.0.commit_transaction(PATIENCE).unwrap();
    }

    pub fn abort(&self) {
        self.flush();
        self.0.abort_transaction(PATIENCE).unwrap();
    }

    /// Queues a record.
    pub fn queue(
        &self,
        name: &str,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        ts: Option<i64>,
        headers: Option<OwnedHeaders>,
    ) {
        loop {
            let mut record = BaseRecord::<[u8], [u8]>::to(name).partition(partition);
            record = key.into_iter().fold(record, BaseRecord::key);
            record = value.into_iter().fold(record, BaseRecord::payload);
            record = ts.into_iter().fold(record, BaseRecord::timestamp);
            record = headers.clone().into_iter().fold(record, BaseRecord::headers);
            match self.0.send(record) {
                Ok(()) => return self.0.poll(Duration::ZERO),
                Err((error, _)) if error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull) => {
                    self.0.poll(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }

    pub fn flush(&self) {
        self.0.flush(PATIENCE).unwrap();
    }

    pub fn send(&self, name: &str, partition: i32, key: &str, value: &str) {
        self.queue(name, partition, Some(key.as_bytes()), Some(value.as_bytes()), None, None);
        self.flush();
    }
}
