//! What the order of the loop must keep of an erasure, step by step: real journal, real dataflow, no loop.

use super::*;
use crate::config::TimeZone;
use crate::flow::Flow;
use crate::homework::{homework, Settings};
use crate::inlets::Inlets;
use crate::pool::Takers;
use crate::start::{start, KnownBytes, Parts, Ready};
use crate::workers::Place;
use inkflow_connectors::journal::{memory, Collection, JournalSettings};
use inkflow_connectors::memory::MemorySource;
use inkflow_schemas::{parse_event, Fault, Topic};
use std::num::NonZeroUsize;
use std::sync::Arc;

struct Driven {
    engine: Engine,
    inlets: Inlets,
    _takers: Takers,
    offset: u64,
}

impl Driven {
    async fn new() -> Driven {
        let (pool, takers) = Pool::new(1, false);
        let model = inkflow_schemas::ModelName::new("page@1").expect("a name");
        let settings = Settings {
            model,
            template_models: Arc::default(),
            day_of: TimeZone::default().day_of(),
            keep_readings_days: 30,
        };
        let parts = Parts {
            journal: Journal::open(memory(), "journal", JournalSettings::folder()).await.expect("it opens"),
            submissions: Box::new(MemorySource::new()),
            others: Box::new(MemorySource::new()),
            sinks: Vec::new(),
            dead_letters: None,
            notifications: None,
            pool,
            known: KnownBytes::default(),
            clock: Clock::Fixed(Millis(1_000_000)),
            place: Place::alone(NonZeroUsize::MIN),
            settings: EngineSettings::default(),
            hydrated: Arc::default(),
        };
        let define = move |flow: &mut Flow<'_>| homework(flow, settings.clone());
        let Ready { engine, inlets, .. } = start(parts, define).await.expect("it starts");
        let mut driven = Driven { engine, inlets, _takers: takers, offset: 0 };
        let sums = r#"{"assignment_id": "sums", "class_id": "4b", "subject": "maths", "pages": 1, "due_at": 2000000}"#;
        driven.record(Topic::Assignments, "sums", sums).await;
        driven.epoch().await;
        driven
    }

    async fn record(&mut self, topic: Topic, key: &str, value: &str) {
        let event = parse_event(topic, Some(key.as_bytes()), Some(value.as_bytes()), None, &mut |_| ()).expect("good");
        let at = crate::admission::At { topic, partition: 0, offset: self.offset, ts: None };
        self.offset += 1;
        self.engine.take_records(vec![Parsed { at, event: Ok(event) }]).await;
    }

    async fn hand_in(&mut self, student: &str) {
        let value = format!(
            r#"{{"submission_id": "of {student}", "student_id": "{student}", "assignment_id": "sums", "page": 1,
                "photo": {{"uri": "file:{student}.jpg", "etag": "1"}}, "uploaded_at": 1000}}"#
        );
        self.record(Topic::Submissions, student, &value).await;
    }

    async fn erase(&mut self, student: &str) {
        let value = format!(r#"{{"student_id": "{student}", "requested_at": 1000}}"#);
        self.record(Topic::Erasures, student, &value).await;
    }

    async fn deliver(&mut self) {
        let delivery = self.inlets.deliveries.recv().await.expect("the dataflow runs");
        self.engine.take_delivery(delivery).await.expect("it is taken");
    }

    /// Seals, and takes all that is delivered.
    async fn epoch(&mut self) {
        self.engine.seal().await.expect("it is sealed");
        while self.engine.in_flight() > 0 {
            self.deliver().await;
        }
    }

    async fn rows(&self, collection: Collection) -> u64 {
        self.engine.journal.scan(collection, |_, _| ()).await.expect("it is read")
    }

    async fn is_to_be_scrubbed(&self) -> bool {
        let journal = &self.engine.journal;
        let key = live::scrub_key(&|collection, parts| journal.hash(collection, parts));
        journal.get(key).await.expect("it is read").is_some()
    }

    /// A scrub that was begun for an earlier erasure ends now.
    async fn an_earlier_scrub_ends(&mut self) {
        let ended = tokio::spawn(async { Ok(()) });
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        self.engine.scrubbing = Some(ended);
        self.engine.scrub_beside().await;
    }
}

/// An answer that comes when its student's erasure is sealed, and not delivered yet, goes with the student.
#[tokio::test]
async fn an_answer_beside_the_erasure_goes_too() {
    let mut driven = Driven::new().await;
    driven.record(Topic::Enrolments, "ada|4b", r#"{"student_id": "ada", "class_id": "4b", "school_id": "s"}"#).await;
    driven.hand_in("ada").await;
    driven.epoch().await;
    let (question, _) = driven.engine.queue.lease().expect("her photo is asked for");

    driven.erase("ada").await;
    driven.engine.seal().await.expect("it is sealed");
    let outcome = Outcome::Failed { fault: Fault::NotFound, attempts: 1 };
    driven.engine.take_answers(vec![PoolAnswer::Done(Answered::new(question, outcome))]);
    driven.deliver().await;
    driven.epoch().await;

    assert_eq!(driven.rows(Collection::Submissions).await, 0);
    assert_eq!(driven.rows(Collection::Readings).await, 0, "what was read of her photo stays in the journal");
}

/// The journal knows until the end that files are to be rewritten for an erasure, whatever an earlier one's scrub did: else
/// a process that is killed meanwhile leaves the erased bytes there.
#[tokio::test]
async fn an_earlier_scrub_does_not_end_the_duty_of_a_later_one() {
    let mut sealed = Driven::new().await;
    sealed.hand_in("ada").await;
    sealed.epoch().await;
    sealed.erase("ada").await;
    sealed.engine.seal().await.expect("it is sealed");
    sealed.an_earlier_scrub_ends().await;
    sealed.engine.seal().await.expect("it is sealed");
    assert!(sealed.is_to_be_scrubbed().await, "sealed, not delivered");

    let mut gathered = Driven::new().await;
    gathered.erase("ada").await;
    gathered.an_earlier_scrub_ends().await;
    gathered.epoch().await;
    assert!(gathered.is_to_be_scrubbed().await, "not sealed yet");
}

/// Files are rewritten once what was erased is deleted in a sealed epoch, and the duty ends with that.
#[tokio::test]
async fn a_scrub_follows_the_deletion() {
    let mut driven = Driven::new().await;
    driven.hand_in("ada").await;
    driven.epoch().await;
    driven.erase("ada").await;
    driven.epoch().await;
    driven.engine.scrub_beside().await;
    assert!(driven.engine.scrubbing.is_none(), "her rows are not deleted yet");
    driven.epoch().await;
    driven.engine.scrub_beside().await;
    let scrubbing = driven.engine.scrubbing.take().expect("they are");
    scrubbing.await.expect("it ran").expect("it is scrubbed");
    driven.an_earlier_scrub_ends().await;
    driven.epoch().await;
    assert!(!driven.is_to_be_scrubbed().await);
}
