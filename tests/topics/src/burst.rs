//! Load: submissions at a rate or as many at once, and how long they took to be seen.

use crate::broker::{config, make, PATIENCE};
use crate::fold::each;
use crate::Result;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// As a topic of some size has.
const PARTITIONS: usize = 6;
/// Of so many students, each in a class of 40 with its assignments.
const STUDENTS: u64 = 20_000;
/// A class has so many assignments.
const ASSIGNMENTS: u64 = 8;
/// An assignment has so many pages.
const PAGES: u64 = 20;
/// A burst is sent in portions, so far apart.
const PORTION: Duration = Duration::from_millis(1);

/// The rosters that submissions are of: to be there before a burst.
pub fn rosters(prefix: &str) -> Result<()> {
    send_rosters(&producer("1")?, prefix)
}

/// So many submissions a second for so many seconds, each with the time at which it is sent.
pub fn burst(prefix: &str, rate: u64, seconds: u64) -> Result<()> {
    let topic = format!("{prefix}submissions");
    make(&topic, PARTITIONS)?;
    let producer = producer("1")?;
    let began = Instant::now();
    let mut sent = 0;
    while sent < rate * seconds {
        let due = (rate as f64 * began.elapsed().as_secs_f64()) as u64;
        while sent < due.min(rate * seconds) {
            send(&producer, &topic, sent)?;
            sent += 1;
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(PORTION);
    }
    producer.flush(PATIENCE)?;
    println!("{}", json!({"records": sent, "seconds": began.elapsed().as_secs_f64()}));
    Ok(())
}

/// So many submissions, as fast as the brokers take them.
pub fn fill(prefix: &str, records: u64) -> Result<()> {
    let topic = format!("{prefix}submissions");
    make(&topic, PARTITIONS)?;
    let producer = producer("50")?;
    send_rosters(&producer, prefix)?;
    let began = Instant::now();
    for number in 0..records {
        send(&producer, &topic, number)?;
    }
    producer.flush(PATIENCE)?;
    println!("{}", json!({"records": records, "seconds": began.elapsed().as_secs_f64()}));
    Ok(())
}

/// What a recorded reader answers for the photos of so many submissions.
pub fn readings(records: u64) {
    for number in 0..records {
        println!(
            "{}",
            json!({"uri": uri(number), "quality": "ok", "completion_bp": number % 10_001, "confidence_bp": 9_000})
        );
    }
}

fn uri(number: u64) -> String {
    format!("s3://photos/{:016x}.jpg", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The students in their classes, and the assignments of these.
fn send_rosters(producer: &BaseProducer, prefix: &str) -> Result<()> {
    let (enrolments, assignments) = (format!("{prefix}enrolments"), format!("{prefix}assignments"));
    make(&enrolments, 1)?;
    make(&assignments, 1)?;
    for student in 0..STUDENTS {
        let class = student / 40;
        let value = json!({"student_id": format!("s{student}"), "class_id": format!("c{class}"), "school_id": "x"});
        queue(producer, &enrolments, 0, &format!("s{student}|c{class}"), &value, now()?)?;
    }
    for assignment in 0..STUDENTS / 40 * ASSIGNMENTS {
        let class = format!("c{}", assignment / ASSIGNMENTS);
        let id = format!("a{assignment}");
        let due = now()? + 86_400_000;
        let value = json!({"assignment_id": id, "class_id": class, "subject": "maths", "pages": PAGES, "due_at": due});
        queue(producer, &assignments, 0, &id, &value, now()?)?;
    }
    Ok(producer.flush(PATIENCE)?)
}

fn now() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}

fn producer(linger_ms: &str) -> Result<BaseProducer> {
    let mut config = config()?;
    config.set("linger.ms", linger_ms).set("compression.type", "lz4").set("batch.num.messages", "10000");
    Ok(config.set("queue.buffering.max.messages", "200000").create()?)
}

fn send(producer: &BaseProducer, topic: &str, number: u64) -> Result<()> {
    let now = now()?;
    let student = number % STUDENTS;
    let turn = number / STUDENTS;
    let value = json!({
        "submission_id": format!("{number:016x}"),
        "student_id": format!("s{student}"),
        "assignment_id": format!("a{}", student / 40 * ASSIGNMENTS + turn % ASSIGNMENTS),
        "page": turn / ASSIGNMENTS % PAGES + 1,
        "photo": {"uri": uri(number)},
        "uploaded_at": now,
    });
    queue(producer, topic, i32::try_from(student % PARTITIONS as u64)?, &format!("s{student}"), &value, now)
}

fn queue(producer: &BaseProducer, topic: &str, partition: i32, key: &str, value: &Value, now: i64) -> Result<()> {
    let value = value.to_string();
    loop {
        let record = BaseRecord::to(topic).partition(partition).key(key).payload(&value).timestamp(now);
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                producer.poll(Duration::from_millis(10));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// By partition, (offset, time), in the order of offsets.
type Times = BTreeMap<i64, Vec<(i64, i64)>>;

/// From each record's time to that of the first row of freshness that reflects it.
pub fn latency(prefix: &str, views: &str) -> Result<()> {
    let mut sent = Times::new();
    each(&format!("{prefix}submissions"), |message| {
        let time = message.timestamp().to_millis().unwrap_or_default();
        sent.entry(i64::from(message.partition())).or_default().push((message.offset(), time));
    })?;
    let mut seen = Times::new();
    each(&format!("{views}freshness"), |message| {
        let row: Value = message.payload().and_then(|row| serde_json::from_slice(row).ok()).unwrap_or_default();
        if let (Some("submissions"), Some(partition), Some(offset)) =
            (row["topic"].as_str(), row["partition"].as_i64(), row["offset"].as_i64())
        {
            seen.entry(partition).or_default().push((offset, message.timestamp().to_millis().unwrap_or_default()));
        }
    })?;
    let mut waits = Vec::new();
    for (partition, records) in &mut sent {
        records.sort_unstable();
        let seen = seen.entry(*partition).or_default();
        seen.sort_unstable();
        for (offset, time) in records {
            let first = seen.partition_point(|(up_to, _)| up_to < offset);
            let (_, at) =
                seen.get(first).ok_or_else(|| format!("partition {partition} offset {offset} is not reflected"))?;
            waits.push(at - *time);
        }
    }
    waits.sort_unstable();
    let at = |share: f64| waits.get(((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1)));
    println!("{}", json!({"records": waits.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0)}));
    Ok(())
}
