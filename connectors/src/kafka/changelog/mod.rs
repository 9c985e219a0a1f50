//! Views as changelogs: a compacted topic for each, keyed by the view's key, a null where a row is gone.
//!
//! Folded by key, read committed, a topic is the view as of the epoch that the topic of epochs tells. One transaction
//! carries an epoch's rows and its stamp. The key is the view's key as records write keys: a single id as it is, several
//! joined by `|` with `%` and `|` within them escaped. The value is a JSON object of the view's columns; an empty cell is
//! null. Each record has its epoch in the header `epoch`.
//!
//! **One writer.** The transactional id is the sink's own, of its prefix: who claims the sink takes it with
//! `init_transactions`, which ends an older writer's open transaction and refuses all that it sends later. Then it reads
//! who stands there, and writes its claim. So a claim of an older incarnation is refused by what stands there, and its
//! writes by the brokers. Should an old process take the id from its heir in the moment before it reads that it is old, the
//! heir, finding its own claim still there, takes it again.

mod fold;
mod record;
mod topics;

use super::client::{trouble, Ear};
use super::Connection;
use crate::sink::plan::{self, Op, Standing};
use crate::sink::{Claim, EpochStamp, Sink, SinkError, ViewChanges};
use fold::{fold, UpTo};
use inkflow_schemas::{Row, ViewSchema};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use record::Stood;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A call of ours is given so long before it is given up and tried again: a sink that is stopped must come back.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// So long may a transaction be open. One of a process that died, and does not come back, holds up readers that long.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(120);
/// The topic of epochs, behind the prefix.
const EPOCHS: &str = "epochs";
/// The key of its one record.
const STANDING: &[u8] = b"standing";

/// Where changelogs go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangelogSettings {
    /// Where.
    pub connection: Connection,
    /// What stands before a view's name in the name of its topic.
    pub prefix: String,
    /// How many partitions a topic gets that is made.
    pub partitions: u32,
    /// How many copies; as the brokers are told, without it.
    pub replication: Option<u16>,
}

/// Views as changelogs.
pub struct ChangelogSink {
    settings: ChangelogSettings,
    name: String,
    opened: Option<Opened>,
}

struct Opened {
    views: Vec<&'static ViewSchema>,
    claim: Claim,
    standing: Standing,
    /// None after an error that left it unknown what is written, until the next call.
    writer: Option<Writer>,
    /// Keys whose rows nobody can read: to be deleted with the next epoch.
    strays: BTreeSet<(usize, Vec<u8>)>,
}

struct Writer {
    producer: ThreadedProducer<Ear>,
    ear: Ear,
}

/// Why a transaction did not come about.
enum Failure {
    /// Another writer took the id.
    Fenced(String),
    /// It may be tried again, with a writer made anew.
    Again(String),
    Sink(SinkError),
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Failure {
        Failure::Sink(error)
    }
}

impl ChangelogSink {
    /// Changelogs to these topics. [`Sink::open`] makes those that are not there.
    pub fn new(settings: ChangelogSettings) -> ChangelogSink {
        let name = format!("changelog:{}", settings.prefix);
        ChangelogSink { settings, name, opened: None }
    }

    fn topic(&self, view: &ViewSchema) -> String {
        format!("{}{}", self.settings.prefix, view.name)
    }

    fn epochs(&self) -> String {
        format!("{}{EPOCHS}", self.settings.prefix)
    }

    fn transient(&self, reason: impl std::fmt::Display) -> SinkError {
        SinkError::Transient { sink: self.name.clone(), reason: reason.to_string() }
    }

    fn fatal(&self, reason: impl std::fmt::Display) -> SinkError {
        SinkError::Fatal { sink: self.name.clone(), reason: reason.to_string() }
    }

    /// What stands in the topic of epochs.
    fn stood(&self, up_to: UpTo) -> Result<Option<Stood>, SinkError> {
        let mut stood = None;
        let held = fold(&self.settings.connection, &self.epochs(), up_to).map_err(|error| self.transient(error))?;
        if let Some(value) = held.get(STANDING) {
            stood = Stood::read(value);
            if stood.is_none() {
                return Err(self.fatal(format!("topic {} holds what inkflow never wrote", self.epochs())));
            }
        }
        Ok(stood)
    }

    /// Takes the transactional id: from now on no older writer's record is committed.
    fn take_over(&self) -> Result<Writer, Failure> {
        let ear = Ear::default();
        let mut config = self.settings.connection.config();
        config.set("transactional.id", format!("inkflow-changelog-{}", self.settings.prefix));
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
        config.set("linger.ms", "5").set("compression.type", "zstd").set("partitioner", "murmur2_random");
        config.set("queue.buffering.max.kbytes", "65536").set("allow.auto.create.topics", "false");
        let producer: ThreadedProducer<Ear> =
            config.create_with_context(ear.clone()).map_err(|error| self.fatal(error))?;
        let writer = Writer { producer, ear };
        match writer.producer.init_transactions(CALL_TIMEOUT) {
            Ok(()) => Ok(writer),
            Err(error) => Err(writer.failure(&error)),
        }
    }

    /// One transaction.
    fn write(
        &self,
        writer: &Writer,
        rows: &[(String, Vec<u8>, Option<Vec<u8>>)],
        stood: &Stood,
        epoch: Option<u64>,
    ) -> Result<(), Failure> {
        writer.producer.begin_transaction().map_err(|error| writer.failure(&error))?;
        let written = rows.iter().try_for_each(|(topic, key, value)| writer.queue(topic, key, value.as_deref(), epoch));
        let written = written.and_then(|()| writer.queue(&self.epochs(), STANDING, Some(&stood.write()), epoch));
        written.and_then(|()| {
            writer
                .producer
                .commit_transaction(TRANSACTION_TIMEOUT.min(CALL_TIMEOUT * 3))
                .map_err(|error| writer.failure(&error))
        })
    }

    /// Turns a failure into what the caller can do about it; what was taken is given back.
    fn settled(&self, claim: Claim, failure: Failure) -> SinkError {
        match failure {
            Failure::Sink(error) => error,
            Failure::Again(reason) => self.transient(reason),
            // Whoever took the id from us may have found that it may not have it.
            Failure::Fenced(reason) => {
                self.still_ours(claim, UpTo::Written).map_or_else(|error| error, |_| self.transient(reason))
            }
        }
    }

    /// The same for whoever has not claimed the sink yet: it may be tried again unless somebody has it who goes before.
    fn unclaimed(&self, claim: Claim, failure: Failure) -> SinkError {
        let Failure::Fenced(reason) = failure else { return self.settled(claim, failure) };
        let stood = self.stood(UpTo::Written).map(|stood| stood.map(|stood| stood.standing));
        let standing = stood.and_then(|standing| Standing::claimed(&self.name, standing, claim));
        standing.map_or_else(|error| error, |_| self.transient(reason))
    }

    /// A writer for whoever has claimed the sink, and still has it. Asked before the id is taken, so that an old process
    /// does not disturb its heir, and after, when nobody else can write, and no transaction is open.
    fn regain(&self, claim: Claim) -> Result<(Writer, Standing), SinkError> {
        self.still_ours(claim, UpTo::Committed)?;
        let writer = self.take_over().map_err(|failure| self.settled(claim, failure))?;
        Ok((writer, self.still_ours(claim, UpTo::Written)?))
    }

    fn still_ours(&self, claim: Claim, up_to: UpTo) -> Result<Standing, SinkError> {
        let fenced = |reason: &str| SinkError::Fenced { sink: self.name.clone(), reason: reason.to_owned() };
        match self.stood(up_to)? {
            Some(stood) if stood.standing.claim == claim => Ok(stood.standing),
            Some(stood) => match Standing::claimed(&self.name, Some(stood.standing), claim) {
                Err(error) => Err(error),
                Ok(_) => Err(fenced("a process of another journal, or an older one of ours, wrote it")),
            },
            None => Err(fenced("its stamp is gone")),
        }
    }

    /// Deletions of all rows of a topic.
    fn emptied(&self, topic: &str) -> Result<Vec<(String, Vec<u8>, Option<Vec<u8>>)>, SinkError> {
        let held = match fold(&self.settings.connection, topic, UpTo::Written) {
            Ok(held) => held,
            // Somebody deleted it: all its rows are gone.
            Err(error) if fold::is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(self.transient(error)),
        };
        Ok(held.into_keys().map(|key| (topic.to_owned(), key, None)).collect())
    }
}

impl Writer {
    fn queue(&self, topic: &str, key: &[u8], value: Option<&[u8]>, epoch: Option<u64>) -> Result<(), Failure> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let number = epoch.map(|epoch| epoch.to_string());
        loop {
            let headers = number.iter().fold(OwnedHeaders::new(), |headers, number| {
                headers.insert(Header { key: "epoch", value: Some(number) })
            });
            let mut record = BaseRecord::<[u8], [u8]>::to(topic).key(key).headers(headers);
            record = value.into_iter().fold(record, BaseRecord::payload);
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, _))
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && Instant::now() < deadline =>
                {
                    // The producer's thread makes room.
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(self.failure(&error)),
            }
        }
    }

    fn failure(&self, error: &KafkaError) -> Failure {
        let fatal = self.producer.client().fatal_error();
        let codes = [error.rdkafka_error_code(), fatal.as_ref().map(|(code, _)| *code)];
        let fenced = |code: &RDKafkaErrorCode| {
            use RDKafkaErrorCode as Code;
            matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
        };
        let why = trouble(&self.ear, error);
        match codes.iter().flatten().any(fenced) {
            true => Failure::Fenced(why),
            false => Failure::Again(why),
        }
    }
}

impl Sink for ChangelogSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        self.opened = None;
        let mut names: Vec<String> = views.iter().map(|view| self.topic(view)).collect();
        names.push(self.epochs());
        topics::ensure(&self.settings, &names).map_err(|error| self.transient(error))?;
        // Asked before the id is taken, so that an old process does not disturb its heir; taking it ends the transaction that
        // a process left open when it was killed.
        Standing::claimed(&self.name, self.stood(UpTo::Committed)?.map(|stood| stood.standing), claim)?;
        let writer = self.take_over().map_err(|failure| self.unclaimed(claim, failure))?;
        let stood = self.stood(UpTo::Written)?;
        let standing = Standing::claimed(&self.name, stood.as_ref().map(|stood| stood.standing), claim)?;
        let mut gone = Vec::new();
        for (name, columns) in stood.iter().flat_map(|stood| &stood.views) {
            if !views.iter().any(|view| view.name == name && record::columns(view) == *columns) {
                gone.extend(self.emptied(&format!("{}{name}", self.settings.prefix))?);
            }
        }
        let stood = Stood { standing, views: record::views(views) };
        self.write(&writer, &gone, &stood, None).map_err(|failure| self.unclaimed(claim, failure))?;
        let strays = BTreeSet::new();
        self.opened = Some(Opened { views: views.to_vec(), claim, standing, writer: Some(writer), strays });
        Ok(standing.written)
    }

    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        let Some(opened) = &self.opened else { return Err(self.fatal("it is not open")) };
        let schema = opened.views[view];
        let held = fold(&self.settings.connection, &self.topic(schema), UpTo::Written)
            .map_err(|error| self.transient(error))?;
        let mut strays = BTreeSet::new();
        for (key, value) in held {
            match record::read(schema, &value).filter(|row| record::key(schema, row) == key) {
                Some(row) => f(row),
                None => {
                    strays.insert((view, key));
                }
            }
        }
        if let Some(opened) = &mut self.opened {
            opened.strays.retain(|(of, _)| *of != view);
            opened.strays.append(&mut strays);
        }
        Ok(())
    }

    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        let Some(mut opened) = self.opened.take() else { return Err(self.fatal("it is not open")) };
        let applied = self.apply_opened(&mut opened, stamp, changes);
        self.opened = Some(opened);
        applied
    }
}

impl ChangelogSink {
    fn apply_opened(&self, opened: &mut Opened, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        plan::check_views(opened.views.len(), changes);
        let claim = opened.claim;
        let strays = opened.strays.iter().map(|(view, key)| (self.topic(opened.views[*view]), key.clone(), None));
        // Before the rows: a row of a key that nobody could read comes after its deletion.
        let mut rows: Vec<_> = strays.collect();
        for ViewChanges { view, changes } in changes {
            let schema = opened.views[*view];
            let topic = self.topic(schema);
            for op in plan::plan(&self.name, schema, changes)? {
                let (row, value) = match op {
                    Op::Upsert(row) => (row, Some(record::write(schema, row))),
                    Op::Delete(row) => (row, None),
                };
                rows.push((topic.clone(), record::key(schema, row), value));
            }
        }
        let writer = match opened.writer.take() {
            Some(writer) => writer,
            None => {
                let (writer, standing) = self.regain(claim)?;
                opened.standing = standing;
                writer
            }
        };
        let standing = match Standing::written(&self.name, Some(opened.standing), claim, stamp) {
            Ok(standing) => standing,
            Err(error) => {
                opened.writer = Some(writer);
                return Err(error);
            }
        };
        let stood = Stood { standing, views: record::views(&opened.views) };
        // After a failure the writer is dropped: the next one finds out what became of its transaction.
        self.write(&writer, &rows, &stood, Some(stamp.epoch)).map_err(|failure| self.settled(claim, failure))?;
        (opened.standing, opened.writer) = (standing, Some(writer));
        opened.strays.clear();
        Ok(())
    }
}
