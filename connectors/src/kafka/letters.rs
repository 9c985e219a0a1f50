//! Dead letters in a topic: key, value, headers and time as they came, and why and where in headers of ours.
//!
//! A topic forgets by its retention alone. Whoever must forget within a time gives the topic no longer retention than
//! that; letters of students erased before are not written at all, which is up to the caller.

use super::client::{trouble, Ear};
use super::Connection;
use crate::dead_letter::{DeadLetters, Letter};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use std::io;
use std::time::Duration;

/// One try to write letters takes no longer; whoever calls tries again.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);
/// Brokers take a record of so many bytes where nobody told them otherwise; one that is longer loses its value.
const LETTER_BYTES_MAX: usize = 1_000_000;

/// The headers that say what became of a record.
pub const REASON: &str = "inkflow-reason";
/// Which topic it is of, by its name in views.
pub const TOPIC: &str = "inkflow-topic";
/// Its partition, in decimal.
pub const PARTITION: &str = "inkflow-partition";
/// Its offset, in decimal.
pub const OFFSET: &str = "inkflow-offset";
/// There where the value was left out, as it is too long for the topic.
pub const LEFT_OUT: &str = "inkflow-left-out";

/// Dead letters in a topic.
pub struct KafkaDeadLetters {
    producer: ThreadedProducer<Ear>,
    ear: Ear,
    topic: String,
}

impl KafkaDeadLetters {
    /// Letters to that topic, which must be there. Nothing is asked of the brokers yet.
    pub fn new(connection: &Connection, topic: &str) -> io::Result<KafkaDeadLetters> {
        let ear = Ear::default();
        let mut config = connection.config();
        // Every letter once, in order; one that could not be written within the time is not written later.
        config.set("enable.idempotence", "true").set("message.timeout.ms", "3500").set("linger.ms", "5");
        config.set("message.max.bytes", "2000000").set("queue.buffering.max.kbytes", "32768");
        config.set("allow.auto.create.topics", "false");
        let producer = config.create_with_context(ear.clone()).map_err(io::Error::other)?;
        Ok(KafkaDeadLetters { producer, ear, topic: topic.to_owned() })
    }

    fn queue(&self, letter: &Letter) -> io::Result<()> {
        let length = letter.value.as_ref().map_or(0, Vec::len);
        let others: usize =
            letter.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let whole = length + letter.key.as_ref().map_or(0, Vec::len) + others <= LETTER_BYTES_MAX;
        let key = letter.key.as_deref().filter(|key| key.len() + others <= LETTER_BYTES_MAX);
        let value = letter.value.as_deref().filter(|_| whole);
        loop {
            let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).headers(headers(letter, whole));
            record = key.into_iter().fold(record, BaseRecord::key);
            record = value.into_iter().fold(record, BaseRecord::payload);
            record = letter.ts.into_iter().filter(|ts| *ts > 0).fold(record, BaseRecord::timestamp);
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => self.flush()?,
                Err((error, _)) => return Err(self.failed(error)),
            }
        }
    }

    fn flush(&self) -> io::Result<()> {
        self.producer.flush(WRITE_TIMEOUT).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl std::fmt::Display) -> io::Error {
        io::Error::other(format!("topic {}: {}", self.topic, trouble(&self.ear, error)))
    }
}

fn headers(letter: &Letter, whole: bool) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for (key, value) in &letter.headers {
        headers = headers.insert(Header { key, value: value.as_deref() });
    }
    headers = headers.insert(Header { key: REASON, value: Some(&letter.reason) });
    headers = headers.insert(Header { key: TOPIC, value: Some(letter.topic.as_str()) });
    headers = headers.insert(Header { key: PARTITION, value: Some(&letter.partition.to_string()) });
    headers = headers.insert(Header { key: OFFSET, value: Some(&letter.offset.to_string()) });
    match whole {
        true => headers,
        false => headers.insert(Header { key: LEFT_OUT, value: Some("value") }),
    }
}

impl DeadLetters for KafkaDeadLetters {
    fn append(&mut self, letters: &[Letter]) -> io::Result<()> {
        // What failed before was told then.
        self.ear.failed();
        letters.iter().try_for_each(|letter| self.queue(letter))?;
        self.flush()?;
        match self.ear.failed() {
            None => Ok(()),
            Some(error) => Err(self.failed(error)),
        }
    }

    fn erase(&mut self, _: &str) -> io::Result<u64> {
        Ok(0)
    }
}
