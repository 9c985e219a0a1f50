//! Records of any kind, one after the other, at the ends of topics.

use crate::broker::{self, PATIENCE};
use crate::Result;
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::Value;
use std::io::BufRead;

/// Appends a record for each line.
pub fn lines(lines: impl BufRead) -> Result<()> {
    let producer = broker::producer()?;
    for line in lines.lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let topic = line["topic"].as_str().ok_or("a line without a topic")?;
        let mut message = BaseRecord::<[u8], [u8]>::to(topic);
        message = line["key"].as_str().iter().fold(message, |message, key| message.key(key.as_bytes()));
        message = line["value"].as_str().iter().fold(message, |message, value| message.payload(value.as_bytes()));
        broker::send(&producer, message)?;
    }
    Ok(producer.flush(PATIENCE)?)
}
