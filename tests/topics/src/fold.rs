//! Changelogs as anybody would read them: the last value of each key, and a null deletes.

use crate::broker::{config, ends, partitions, PATIENCE};
use crate::Result;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes `OUT/<view>.csv` for every `LIKE/<view>.csv`: its columns, and the rows of the topic `<prefix><view>`.
pub fn tables(prefix: &str, like: &Path, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)?;
    for entry in std::fs::read_dir(like)? {
        let path = entry?.path();
        let Some(view) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| path.extension().is_some()) else {
            continue;
        };
        let text = std::fs::read_to_string(&path)?;
        let header = text.lines().next().unwrap_or_default();
        let columns: Vec<&str> = header.split(',').collect();
        let mut rows = Vec::new();
        for value in folded(&format!("{prefix}{view}"))?.into_values() {
            let row: Map<String, Value> = serde_json::from_slice(&value)?;
            let cells = columns.iter().map(|column| row.get(*column).and_then(Cell::of));
            let cells = cells.collect::<Option<Vec<Cell>>>().ok_or_else(|| format!("{view}: {row:?}"))?;
            rows.push(cells);
        }
        // A view's rows differ in its key columns, which come first.
        rows.sort();
        let line = |row: &Vec<Cell>| row.iter().map(Cell::written).collect::<Vec<_>>().join(",") + "\n";
        let table: String = rows.iter().map(line).collect();
        std::fs::write(out.join(format!("{view}.csv")), format!("{header}\n{table}"))?;
    }
    Ok(())
}

/// A cell in its column's order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Empty,
    Bool(bool),
    Number(i64),
    Text(String),
}

impl Cell {
    fn of(value: &Value) -> Option<Cell> {
        match value {
            Value::Null => Some(Cell::Empty),
            Value::Bool(value) => Some(Cell::Bool(*value)),
            Value::Number(value) => value.as_i64().map(Cell::Number),
            Value::String(text) => Some(Cell::Text(text.clone())),
            _ => None,
        }
    }

    fn written(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Bool(value) => value.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Text(text) if text.contains([',', '"', '\r', '\n']) => format!("\"{}\"", text.replace('"', "\"\"")),
            Cell::Text(text) => text.clone(),
        }
    }
}

fn folded(topic: &str) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut held = BTreeMap::new();
    each(topic, |message| {
        let key = message.key().unwrap_or_default();
        match message.payload() {
            Some(value) => held.insert(key.to_vec(), value.to_vec()),
            None => held.remove(key),
        };
    })?;
    Ok(held)
}

/// Prints a topic's records.
pub fn read(topic: &str) -> Result<()> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    each(topic, |message| {
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        let headers: Map<String, Value> =
            headers.map(|header| (header.key.to_owned(), header.value.map(text).into())).collect();
        let (key, value) = (message.key().map(text), message.payload().map(text));
        let (partition, offset) = (message.partition(), message.offset());
        println!(
            "{}",
            json!({"partition": partition, "offset": offset, "headers": headers, "key": key, "value": value})
        );
    })
}

/// Every committed record that a topic holds now.
pub fn each(topic: &str, mut visit: impl FnMut(&BorrowedMessage<'_>)) -> Result<()> {
    let consumer: BaseConsumer = config()?.set("isolation.level", "read_committed").create()?;
    let mut left = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions(&consumer, topic)?)? {
        let (low, high) = ends(&consumer, topic, partition)?;
        if low < high {
            left.insert(partition, high);
            list.add_partition_offset(topic, partition, Offset::Offset(low))?;
        }
    }
    consumer.assign(&list)?;
    let deadline = Instant::now() + PATIENCE;
    while !left.is_empty() {
        if let Some(message) = consumer.poll(Duration::from_millis(20)) {
            visit(&message?);
            continue;
        }
        // Ends of transactions are no records: that they were passed is seen by positions alone.
        for found in consumer.position()?.elements() {
            if let Offset::Offset(at) = found.offset() {
                left.retain(|partition, end| *partition != found.partition() || at < *end);
            }
        }
        if Instant::now() > deadline {
            return Err(format!("{topic} is not given to its end").into());
        }
    }
    Ok(())
}
