//! A core that is told things briefly: records as one line of JSON whose key is made from the value.

use crate::core::{settings, Changed, Core};
use crate::play::{outcome, told};
use inkflow::admission::At;
use inkflow_oracle::Readings;
use inkflow_schemas::key::composite;
use inkflow_schemas::{parse_event, Event, Millis, Question, Topic};
use serde_json::Value;
use std::collections::BTreeMap;

/// A core, and how far each topic has come.
pub struct Said {
    /// The core.
    pub core: Core,
    offsets: BTreeMap<Topic, u64>,
    now: Millis,
}

/// The event that a value of a topic is.
pub fn event(topic: Topic, value: &str) -> Event {
    let key = key(topic, &serde_json::from_str(value).unwrap_or_else(|error| panic!("{error}: {value}")));
    let event = parse_event(topic, Some(key.as_bytes()), Some(value.as_bytes()), None, &mut |_| {});
    event.unwrap_or_else(|fault| panic!("{fault}: {value}"))
}

fn key(topic: Topic, value: &Value) -> String {
    let field = |name: &str| match &value[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match topic {
        Topic::Submissions | Topic::Erasures => field("student_id"),
        Topic::Enrolments => composite([field("student_id").as_str(), &field("class_id")]),
        Topic::Assignments => field("assignment_id"),
        Topic::Reviews => composite([field("student_id").as_str(), &field("assignment_id"), &field("page")]),
        Topic::Models => field("scope"),
    }
}

impl Said {
    /// A core of one worker with an empty journal, at 2026-11-20T08:00:00Z.
    pub fn new() -> Said {
        Said { core: Core::start(1, settings([])), offsets: BTreeMap::new(), now: Millis(1_795_161_600_000) }
    }

    /// Moves the clock on.
    pub fn at(&mut self, now: Millis) {
        self.now = now;
    }

    /// Gathers a record; false where it is of an erased student.
    pub fn say(&mut self, topic: Topic, value: &str) -> bool {
        self.tell(event(topic, value))
    }

    /// Gathers the deletion of a key.
    pub fn delete(&mut self, topic: Topic, key: &str) -> bool {
        let event = parse_event(topic, Some(key.as_bytes()), None, None, &mut |_| {});
        self.tell(event.unwrap_or_else(|fault| panic!("{fault}: {key}")))
    }

    fn tell(&mut self, event: Event) -> bool {
        let topic = event.topic();
        let next = self.offsets.entry(topic).or_default();
        let offset = std::mem::replace(next, *next + 1);
        self.core.record(At { topic, partition: 0, offset, ts: None }, event)
    }

    /// Answers every question that waits and that a line of `readings.jsonl` is about; gives how many wanted the answer.
    pub fn read(&mut self, line: &str) -> usize {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let recorded = Readings::of(line.as_bytes());
        let is_about = |question: &Question| {
            value["uri"] == *question.photo.uri && value["model"].as_str().is_none_or(|m| m == question.model.as_str())
        };
        let mut waiting: Vec<Question> = self.core.queue.questions().filter(|q| is_about(q)).cloned().collect();
        waiting.sort();
        let answer = |question: &Question| recorded.answer(&told(question).photo.0, question.model.as_str());
        waiting.iter().filter(|question| self.core.answer(question, outcome(answer(question), 1))).count()
    }

    /// Ends an epoch at the clock.
    pub fn epoch(&mut self) -> Changed {
        self.core.epoch(self.now)
    }

    /// Leases all that waits, and names it: `uri model`.
    pub fn lease_all(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.core.lease()).map(|question| named(&question)).collect()
    }

    /// The row of `view` whose line of CSV starts with that key; none where there is none.
    pub fn row(&self, view: &str, key: &str) -> Option<String> {
        let start = format!("{key},");
        let written = self.core.tables.rows(view).map(crate::tables::written);
        written.into_iter().find_map(|row| row.strip_prefix(&start).map(str::to_owned))
    }

    /// Starts anew from the journal.
    pub fn restart(self, workers: usize) -> Said {
        Said { core: self.core.restart(workers), ..self }
    }
}

impl Default for Said {
    fn default() -> Self {
        Said::new()
    }
}

/// A question as a person names it.
pub fn named(question: &Question) -> String {
    let version = Some(question.photo.version.as_str()).filter(|version| !version.is_empty());
    let version = version.map(|version| format!(" ({version})")).unwrap_or_default();
    format!("{}{version} {}", question.photo.uri, question.model)
}
