//! The engine: the one loop that ties journal, dataflow, readers, sources and sinks together.
//!
//! All decisions are made here, one after the other, in one task: what is admitted, when an epoch is sealed, which
//! question is leased. Everything slow is elsewhere: sources and sinks on threads of their own, readers in a pool, the
//! dataflow in its workers. So the order of what happens is the order of this loop.
//!
//! The order of a record's way: a batch of parsed records comes in ([`Engine::take_batch`]), is gathered by the
//! admission, sealed in the journal ([`Engine::seal`]), and only then fed; the delivery of its epoch
//! ([`Engine::take_delivery`]) goes to the sinks and to the queue of questions; answers come back
//! ([`Engine::take_answers`]) and are admitted like records.

use crate::admission::Admission;
use crate::clock::Clock;
use crate::expired::Expired;
use crate::feed::{Garbage, Want};
use crate::flow::{Delivery, Out};
use crate::inlets::{Batch, Inlets, Parsed};
use crate::live::{self, Answered};
use crate::poison::Poison;
use crate::pool::{Pool, PoolAnswer};
use crate::progress::Progress;
use crate::queue::Queue;
use crate::sealing::seal_patiently;
use crate::sinks::SinkThread;
use crate::sources::SourceState;
use crate::workers::{Workers, WorkersError};
use inkflow_connectors::journal::{Change, Draft, Journal, JournalError};
use inkflow_connectors::sink::{EpochStamp, SinkError};
use inkflow_connectors::source::Offsets;
use inkflow_operators::Epoch;
use inkflow_schemas::{Id, Millis, Outcome, Question, Row};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Limits of the engine; each bounds a queue or a batch.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// An epoch holds at most about so many rows: catch-up is fastest at about 100,000, and a batch more is bounded
    /// memory.
    pub epoch_rows_max: usize,
    /// So many epochs may be sealed and not yet delivered: timely's channels have no bound of their own.
    pub epochs_ahead_max: usize,
    /// Submissions are paused while so many questions wait; rosters, reviews and erasures never are.
    pub pending_questions_max: usize,
    /// End when the sources have given what they had, every question is answered and every sink written.
    pub until_end: bool,
    /// An epoch is sealed so long after the last one at the earliest, or when it is full.
    pub seal_every: Duration,
    /// How long sinks may take to finish at the end of a run that is stopped.
    pub close_patience: Duration,
}

impl Default for EngineSettings {
    fn default() -> Self {
        EngineSettings {
            epoch_rows_max: 100_000,
            epochs_ahead_max: 2,
            pending_questions_max: 1_000_000,
            until_end: false,
            seal_every: Duration::ZERO,
            close_patience: Duration::from_secs(10),
        }
    }
}

/// What ended a run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal cannot go on.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal holds what this program cannot read.
    #[error(transparent)]
    Unreadable(#[from] live::Unreadable),
    /// The dataflow ended.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// A sink cannot go on.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// A source cannot go on.
    #[error("{0}")]
    Source(String),
    /// A channel closed whose other end should outlive the engine.
    #[error("the {0} ended by itself")]
    Ended(&'static str),
}

/// The running engine.
pub struct Engine {
    pub(crate) settings: EngineSettings,
    pub(crate) journal: Journal,
    pub(crate) clock: Clock,
    pub(crate) workers: Workers,
    pub(crate) pool: Pool,
    pub(crate) known: crate::start::KnownBytes,
    pub(crate) sinks: Vec<SinkThread>,
    /// The last end was unclean, and what waits at the start is suspect.
    pub(crate) suspicious: bool,
    pub(crate) dead_letters: Option<crate::letters::Letters>,
    pub(crate) admission: Admission,
    pub(crate) queue: Queue,
    pub(crate) garbage: Vec<Garbage>,
    pub(crate) expired: Expired,
    pub(crate) instants: BTreeMap<usize, Option<Millis>>,
    pub(crate) hydrated_epoch: Epoch,
    pub(crate) last: (Epoch, Millis),
    /// When the last epoch began to be sealed here; none before the first.
    pub(crate) sealed_at: Option<Instant>,
    /// The earliest time among the records of the open epoch.
    pub(crate) oldest_ts: Option<i64>,
    pub(crate) delivered: Option<Epoch>,
    pub(crate) clocks: BTreeMap<Epoch, Millis>,
    pub(crate) erasing: BTreeMap<Epoch, Vec<Id>>,
    pub(crate) collect_now: bool,
    pub(crate) scrub_due: bool,
    pub(crate) scrubbing: Option<tokio::task::JoinHandle<Result<(), JournalError>>>,
    pub(crate) open_sources: usize,
    pub(crate) sources: Vec<SourceState>,
    /// Sources that wait for their starts to be sealed.
    pub(crate) begun: Vec<tokio::sync::oneshot::Sender<()>>,
    /// Tells the sources what is sealed.
    pub(crate) sealed: tokio::sync::watch::Sender<Offsets>,
    pub(crate) stop: tokio::sync::watch::Receiver<bool>,
    /// What was gathered must not be sealed: its dead letters could not be written.
    pub(crate) abandoned: bool,
    pub(crate) poison: Poison,
    /// How often questions were tried before this start, of those that it asks again.
    pub(crate) spent: FxHashMap<Question, u32>,
    /// True while a question that may end the process runs alone.
    pub(crate) alone: bool,
    pub(crate) counts: Progress,
    pub(crate) progress: tokio::sync::watch::Sender<Progress>,
}

impl Engine {
    /// Runs until the sources end (where that is asked for), somebody stops it, or something breaks.
    pub async fn run(mut self, mut inlets: Inlets) -> Result<Progress, EngineError> {
        // The first epoch after opening: it seals our incarnation and the clock.
        self.seal().await?;
        loop {
            self.publish();
            self.check_sinks()?;
            self.queue.come_back(Instant::now());
            self.lend();
            self.scrub_beside().await;
            if self.may_expire() {
                self.seal().await?;
            }
            if *inlets.stop.borrow() {
                break;
            }
            if self.settings.until_end && self.is_done() {
                break;
            }
            let may_take = self.admission.len() < self.settings.epoch_rows_max;
            // Photos that cannot be had count not: their store may be away for long, and others' photos are there.
            let could_be_read = self.queue.pending() - self.queue.away();
            let may_submit = may_take && could_be_read < self.settings.pending_questions_max;
            let seal_at = self.seal_at();
            let may_lend = self.queue.waiting() > 0 && !self.poison.is_cautious();
            let leases = self.pool.leases.clone();
            let instant = self.until_next_instant();
            let wake = self.queue.next_back().into_iter().chain(seal_at).min();
            let may_seal = seal_at.is_some_and(|at| at <= Instant::now());
            tokio::select! {
                biased;
                changed = inlets.stop.changed() => if changed.is_err() { break },
                delivery = inlets.deliveries.recv() => {
                    self.take_delivery(delivery.ok_or(WorkersError::Ended)?).await?;
                }
                answers = self.pool.answers.recv(), if may_take => {
                    self.take_answers(answers.ok_or(EngineError::Ended("readers"))?);
                }
                // There is room for a lease again, and a question for it: lent at the top of the loop.
                room = leases.reserve(), if may_lend => drop(room),
                batch = inlets.others.next(), if may_take => self.take_batch(batch).await?,
                batch = inlets.submissions.next(), if may_submit => self.take_batch(batch).await?,
                () = std::future::ready(()), if may_seal => self.seal().await?,
                () = tokio::time::sleep(instant.unwrap_or(Duration::MAX / 4)), if instant.is_some() && self.in_flight() == 0 => {
                    self.seal().await?;
                }
                () = inlets.sinks_changed.notified() => {}
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
        self.finish(&mut inlets).await
    }

    pub(crate) fn in_flight(&self) -> usize {
        (self.last.0 - self.delivered.unwrap_or(self.hydrated_epoch.saturating_sub(1))) as usize
    }

    /// Nothing more will come of itself: sources at their end, all delivered, all answered, all sinks written.
    fn is_done(&self) -> bool {
        self.open_sources == 0
            && !self.may_seal()
            && self.expired.is_empty()
            && self.in_flight() == 0
            && self.queue.is_settled()
            && self.sinks.iter().all(|sink| sink.applied() == Some(self.last.0))
    }

    /// How long until an assignment's next instant; none where there is none, or the clock stands still.
    fn until_next_instant(&self) -> Option<Duration> {
        let next = self.instants.values().filter_map(|next| *next).min()?;
        self.clock.until(next)
    }

    /// Takes a batch of a source.
    async fn take_batch(&mut self, batch: Batch) -> Result<(), EngineError> {
        match batch {
            Batch::Broken(why) => Err(EngineError::Source(why)),
            Batch::End => {
                self.open_sources = self.open_sources.saturating_sub(1);
                Ok(())
            }
            Batch::Records(records) => {
                self.take_records(records).await;
                Ok(())
            }
            Batch::Starts(starts, begun) => {
                let journal = &self.journal;
                self.admission.begin(&|collection, parts| journal.hash(collection, parts), &starts);
                self.begun.push(begun);
                Ok(())
            }
            Batch::Passed(positions) => {
                self.admission.passed(&positions);
                Ok(())
            }
        }
    }

    async fn take_records(&mut self, records: Vec<Parsed>) {
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        let mut letters = Vec::new();
        let (mut rejected, mut dropped) = (0, 0);
        let count = records.len() as u64;
        for Parsed { at, event } in records {
            self.oldest_ts = self.oldest_ts.into_iter().chain(at.ts).min();
            match event {
                Ok(event) => dropped += u64::from(!self.admission.record(&hash, at, event)),
                Err(letter) => {
                    rejected += 1;
                    self.admission.refuse(at, letter.reason.as_str().into());
                    letters.push(*letter);
                }
            }
        }
        self.counts.records += count;
        self.counts.rejected += rejected;
        self.counts.erased_dropped += dropped;
        if let Some(dead_letters) = self.dead_letters.as_mut().filter(|_| !letters.is_empty()) {
            let admission = &self.admission;
            let erased = |id: &String| Id::new(id).is_some_and(|id| admission.is_erased(&hash, &id));
            letters.retain(|letter| !letter.students().iter().any(erased));
            // They must lie there before the epoch that rejects them is sealed: so admission waits.
            self.abandoned |= !dead_letters.append(&letters, &self.stop).await;
        }
    }

    /// Takes answers of the pool.
    fn take_answers(&mut self, answers: Vec<PoolAnswer>) {
        for answer in answers {
            match answer {
                PoolAnswer::Again(question) => {
                    self.unnote(&question);
                    self.queue.give_back(question);
                }
                PoolAnswer::Away(question, wait) => {
                    self.unnote(&question);
                    self.queue.put_off(question, Instant::now() + wait);
                }
                PoolAnswer::Done(answered) => self.admit_answer(answered),
            }
        }
        self.alone = self.alone && self.queue.leased() > 0;
    }

    /// A question came back unread, so that it was no attempt that could have ended the process.
    fn unnote(&mut self, question: &Question) {
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        if let Some(change) = self.poison.undo(&hash, question) {
            self.admission.note(change);
        }
    }

    /// Admits an answer while its question waits; else drops it: the first wins.
    pub(crate) fn admit_answer(&mut self, mut answered: Answered) {
        let Some(want) = self.queue.answer(&answered.question) else {
            self.counts.answers_dropped += 1;
            return;
        };
        if let (Outcome::Failed { attempts, .. }, Some(spent)) =
            (&mut answered.outcome, self.spent.remove(&answered.question))
        {
            *attempts = attempts.saturating_add(spent);
        }
        self.counts.answers += 1;
        self.counts.outcomes.count(&answered.outcome);
        self.counts.readings += u64::from(matches!(answered.outcome, Outcome::Read(_)));
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        if let Some(change) = self.poison.forget(&hash, &answered.question) {
            self.admission.note(change);
        }
        self.know(&answered);
        let asked_for = Some(live::erased_key(&hash, &want.student_id).hash);
        self.admission.answer(Answered { asked_for, ..answered });
    }

    /// Remembers a reading by the photo's bytes.
    fn know(&self, answered: &Answered) {
        if let (Some(sha256), Outcome::Read(reading), None) =
            (answered.sha256, answered.outcome, &answered.question.template)
        {
            if let Ok(mut known) = self.known.lock() {
                known.insert((sha256, answered.question.model.clone()), reading);
            }
        }
    }

    /// Takes what an epoch changed: rows to the sinks, questions to the queue, garbage to a following epoch.
    async fn take_delivery(&mut self, delivery: Delivery) -> Result<(), EngineError> {
        let Delivery { epoch, out } = delivery;
        let mut rows: Vec<(usize, Row, i64)> = Vec::new();
        let mut missing: Vec<(Question, Want, isize)> = Vec::new();
        let mut garbage = Vec::new();
        for (out, diff) in out {
            match out {
                Out::Row(view, row) => rows.push((view, row, diff as i64)),
                Out::Missing(asked) => missing.push((asked.0, asked.1, diff)),
                Out::Garbage(row) => garbage.push(row),
                Out::Unasked(unasked) => self.expired.take(&mut self.admission, unasked, diff),
                Out::Instant(worker, next) => {
                    self.instants.insert(worker, next);
                }
            }
        }
        let clock = self.clocks.remove(&epoch).unwrap_or(self.last.1);
        let stamp = EpochStamp { epoch, incarnation: self.journal.incarnation(), clock: clock.0 };
        for sink in &self.sinks {
            sink.send(stamp, rows.iter().map(|(view, row, diff)| (*view, row, *diff)));
        }
        self.queue.apply(epoch, epoch == self.hydrated_epoch, missing);
        if self.suspicious && epoch == self.hydrated_epoch {
            self.poison.suspect(self.queue.questions().cloned());
        }
        if let Some(students) = self.erasing.remove(&epoch) {
            self.erase_photos(&students, &garbage).await?;
        }
        self.garbage.append(&mut garbage);
        self.delivered = Some(epoch);
        self.counts.delivered = epoch;
        Ok(())
    }

    fn check_sinks(&mut self) -> Result<(), EngineError> {
        for sink in &self.sinks {
            if let Some(error) = sink.failed() {
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.counts.pending = self.queue.pending();
        self.counts.away = self.queue.away();
        self.counts.see_sinks(&self.sinks);
        self.counts.see_sources(&self.sources);
        self.progress.send_if_modified(|progress| {
            let changed = *progress != self.counts;
            progress.clone_from(&self.counts);
            changed
        });
    }

    /// Ends the run: seals what was gathered, waits for its delivery and for the sinks, cleans up, closes the journal.
    async fn finish(mut self, inlets: &mut Inlets) -> Result<Progress, EngineError> {
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        if self.abandoned {
            // All of it comes again: no position of it is sealed.
            (self.admission, self.garbage) = (Admission::default(), Vec::new());
        }
        // The mark of a running process goes last: found at a start, it says that the last end was unclean.
        self.admission.note(Change::Delete { key: live::running_key(&hash) });
        while !self.admission.is_empty() || !self.garbage.is_empty() || self.in_flight() > 0 {
            if (!self.admission.is_empty() || !self.garbage.is_empty()) && self.in_flight() == 0 {
                self.seal().await?;
            }
            let delivery = inlets.deliveries.recv().await.ok_or(WorkersError::Ended)?;
            self.take_delivery(delivery).await?;
        }
        let deadline = std::time::Instant::now() + self.settings.close_patience;
        self.sinks.iter().for_each(|sink| sink.finish(deadline));
        for (sink, seen) in self.sinks.drain(..).zip(&mut self.counts.sinks) {
            seen.applied = sink.close(deadline)?;
        }
        if self.scrub_due || self.scrubbing.is_some() {
            self.journal.scrub().await?;
            // Nothing is fed any more: the row says to the next start that this is done.
            let journal = &self.journal;
            let key = live::scrub_key(&|collection, parts| journal.hash(collection, parts));
            let draft = Draft { epoch: self.last.0 + 1, clock: self.last.1 .0, positions: Default::default() };
            seal_patiently(&mut self.journal, draft, vec![Change::Delete { key }], &self.progress).await?;
        }
        self.journal.close().await?;
        Ok(self.counts)
    }
}

#[cfg(test)]
mod tests;
