//! Sealing: when an epoch is sealed, and how.

use crate::clock::Clock;
use crate::engine::{Engine, EngineError};
use crate::names;
use crate::progress::Progress;
use crate::start::offsets_of;
use crate::workers::Fill;
use inkflow_connectors::journal::{Change, Draft, Journal, JournalError};
use std::time::Duration;
use tokio::time::Instant;

impl Engine {
    /// Whether there is an epoch to be sealed, and room for it.
    pub(crate) fn may_seal(&self) -> bool {
        let due = !self.admission.is_empty() || self.poison.has_prepared() || self.collect_now;
        due && self.in_flight() < self.settings.epochs_ahead_max
    }

    /// When the next epoch may be sealed; none while there is none to be.
    pub(crate) fn seal_at(&self) -> Option<Instant> {
        let is_full = self.admission.len() >= self.settings.epoch_rows_max;
        let after = self.sealed_at.filter(|_| !is_full).map(|last| last + self.settings.seal_every);
        self.may_seal().then(|| after.unwrap_or_else(Instant::now))
    }

    /// Readings can be deleted, in an epoch of their own: what every epoch before it changed is known, and it holds no
    /// record, so that nobody can begin to ask about their photos in it.
    pub(crate) fn may_expire(&self) -> bool {
        self.in_flight() == 0 && self.admission.is_empty() && !self.expired.is_empty()
    }

    /// Seals what was gathered as the next epoch, durably, then feeds it.
    pub(crate) async fn seal(&mut self) -> Result<(), EngineError> {
        let epoch = self.last.0 + 1;
        let clock = self.clock.now().max(self.last.1);
        let collected = self.garbage.len() as u64;
        let may_expire = self.may_expire();
        let sealed = {
            let journal = &self.journal;
            let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
            if may_expire {
                self.counts.expired += self.expired.expire(&hash, &mut self.admission);
            }
            for garbage in self.garbage.drain(..) {
                self.admission.collect(&hash, &garbage);
            }
            self.admission.seal(&hash, epoch, clock)
        };
        if let Some(dead_letters) = self.dead_letters.as_mut() {
            for student in &sealed.erased {
                dead_letters.erase(student).await;
            }
        }
        let offsets = offsets_of(&sealed.positions);
        let draft = Draft { epoch, clock: clock.0, positions: sealed.positions };
        let started = Instant::now();
        self.sealed_at = Some(started);
        seal_patiently(&mut self.journal, draft, sealed.changes, &self.progress).await?;
        metrics::histogram!(names::SEAL_SECONDS.name).record(started.elapsed());
        if let Some(oldest) = self.oldest_ts.take() {
            let waited = Clock::Wall.now().0.saturating_sub(oldest).max(0);
            metrics::histogram!(names::ADMISSION_SECONDS.name).record(waited as f64 / 1e3);
        }
        self.last = (epoch, clock);
        self.collect_now = false;
        self.clocks.insert(epoch, clock);
        if !sealed.erased.is_empty() {
            self.erasing.insert(epoch, sealed.erased);
        }
        self.begun.drain(..).for_each(|begun| {
            let _ = begun.send(());
        });
        if !offsets.is_empty() {
            self.sealed.send_modify(|sealed| sealed.extend(offsets));
        }
        self.workers.feed(Fill::Rows(sealed.fed))?;
        self.workers.feed(Fill::Seal { epoch, clock })?;
        (self.counts.epoch, self.counts.clock) = (epoch, clock.0);
        self.counts.collected += collected;
        self.lend_prepared();
        Ok(())
    }
}

/// Seals; a store that is full or away is waited for: nothing is lost, as nothing later is admitted.
pub(crate) async fn seal_patiently(
    journal: &mut Journal,
    draft: Draft,
    changes: Vec<Change>,
    progress: &tokio::sync::watch::Sender<Progress>,
) -> Result<(), JournalError> {
    let mut wait = Duration::from_millis(50);
    loop {
        match journal.seal(draft.clone(), &changes).await {
            Err(error @ (JournalError::Full(_) | JournalError::Unavailable(_))) => {
                tracing::warn!(%error, "the journal cannot be written, and is waited for");
                metrics::counter!(names::JOURNAL_WAITS.name).increment(1);
                // Not in the engine's own counts: the next thing that it publishes clears it.
                progress.send_modify(|progress| progress.waiting = Some(error.to_string()));
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
}
