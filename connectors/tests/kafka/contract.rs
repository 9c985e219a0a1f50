//! The contract that the folder and memory keep, kept by Kafka.

use crate::broker::{self, Sender, PATIENCE};
use crate::law;
use inkflow_connectors::kafka::{KafkaSettings, KafkaSource, SourceTopic, Start};
use inkflow_connectors::source::{Offsets, PollState, RawRecord, Source, SourceError};
use inkflow_schemas::Topic;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many records each partition holds: what a source must have given before it may idle.
type Held = Arc<Mutex<BTreeMap<(Topic, u32), u64>>>;

struct Topics {
    prefix: String,
    held: Held,
    sender: Sender,
}

impl Topics {
    fn name(&self, topic: Topic) -> String {
        format!("{}-{topic}", self.prefix)
    }
}

impl law::contract::Logs for Topics {
    type Source = Patient;

    fn new() -> Topics {
        let topics = Topics { prefix: broker::unique("contract"), held: Held::default(), sender: Sender::new() };
        Topic::ALL.iter().for_each(|topic| broker::make(&topics.name(*topic), 9));
        topics
    }

    fn append(&mut self, topic: Topic, partition: u32, key: &str, value: Option<&str>, ts: Option<i64>) {
        let (name, partition_of) = (self.name(topic), partition as i32);
        self.sender.queue(&name, partition_of, Some(key.as_bytes()), value.map(str::as_bytes), ts, None);
        *self.held.lock().unwrap().entry((topic, partition)).or_default() += 1;
    }

    fn truncate(&mut self, topic: Topic, partition: u32, records: usize) {
        self.sender.flush();
        broker::delete(&self.name(topic));
        broker::make(&self.name(topic), 9);
        self.held.lock().unwrap().retain(|at, _| at.0 != topic);
        self.sender = Sender::new();
        (0..records).for_each(|_| self.append(topic, partition, "again", None, None));
    }

    fn open(&self) -> Patient {
        let topic = |topic: &Topic| SourceTopic { topic: *topic, name: self.name(*topic), start: Start::Earliest };
        let mut settings = KafkaSettings::new(broker::connection(), Topic::ALL.iter().map(topic).collect());
        settings.look_every = Duration::from_millis(200);
        self.sender.flush();
        Patient { source: KafkaSource::new(settings).unwrap(), held: self.held.clone(), ended: false }
    }
}

/// A source of which nobody may say that it idles while what is there has not come over the network.
struct Patient {
    source: KafkaSource,
    held: Held,
    ended: bool,
}

impl Patient {
    fn has_all(&self) -> bool {
        let positions = self.source.positions();
        self.held.lock().unwrap().iter().all(|(at, held)| positions.get(at).is_some_and(|next| next >= held))
    }
}

impl Source for Patient {
    fn seek(&mut self, positions: &Offsets) -> Result<(), SourceError> {
        self.source.seek(positions)
    }

    fn end_at_start(&mut self) -> Result<(), SourceError> {
        self.ended = true;
        seal(&mut self.source)?;
        self.source.end_at_start()
    }

    fn poll(
        &mut self,
        records_max: usize,
        bytes_max: usize,
        out: &mut Vec<RawRecord>,
    ) -> Result<PollState, SourceError> {
        let deadline = Instant::now() + PATIENCE;
        let had = out.len();
        loop {
            seal(&mut self.source)?;
            let bytes: usize = out.iter().skip(had).map(RawRecord::bytes).sum();
            let (records, bytes) = (records_max - (out.len() - had), bytes_max.saturating_sub(bytes));
            match self.source.poll(records, bytes, out)? {
                PollState::Idle if self.ended || !self.has_all() => {
                    let (positions, waits) = (self.source.positions(), self.source.waits_for());
                    assert!(Instant::now() < deadline, "not all came: at {positions:?}, waiting for {waits:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
                state => return Ok(state),
            }
        }
    }
}

/// What the engine does: seals what is to be sealed.
pub fn seal(source: &mut KafkaSource) -> Result<(), SourceError> {
    if let Some(starts) = source.starts()? {
        source.begin(&starts);
    }
    Ok(())
}

#[test]
fn it_keeps_the_contract_of_sources() {
    law::contract::holds::<Topics>();
}
