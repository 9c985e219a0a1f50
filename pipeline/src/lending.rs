//! Lending: which questions go to the pool, and with how much care.

use crate::engine::Engine;
use crate::live::Answered;
use crate::poison::{Verdict, CAUTIOUS_LEASES_MAX};
use crate::pool::Lease;
use inkflow_schemas::{Fault, Outcome};
use tokio::sync::mpsc;

impl Engine {
    /// Lends questions to the pool while it takes them.
    pub(crate) fn lend(&mut self) {
        if self.poison.is_cautious() {
            return self.lend_with_care();
        }
        while let Ok(permit) = self.pool.leases.clone().try_reserve_owned() {
            let mut leases = Vec::new();
            while leases.len() < self.pool.lease_max {
                let Some((question, want)) = self.queue.lease() else { break };
                leases.push(Lease { question, want });
            }
            if leases.is_empty() {
                return;
            }
            permit.send(leases);
        }
    }

    /// After an unclean end: few at a time, each noted durably as attempted before it is lent.
    fn lend_with_care(&mut self) {
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        while self.queue.leased() < CAUTIOUS_LEASES_MAX && !self.alone {
            let Some((question, want)) = self.queue.lease() else { return };
            let lease = Lease { question, want };
            match self.poison.judge(&lease.question) {
                Verdict::Crashed(attempts) => {
                    let outcome = Outcome::Failed { fault: Fault::ReaderCrashed, attempts };
                    self.admit_answer(Answered::new(lease.question, outcome));
                    return;
                }
                Verdict::NoteAlone(_) if self.queue.leased() > 1 => {
                    self.queue.give_back(lease.question);
                    return;
                }
                verdict => {
                    let attempts = match verdict {
                        Verdict::Note(attempts) => attempts,
                        Verdict::NoteAlone(attempts) => {
                            self.alone = true;
                            attempts
                        }
                        _ => 1,
                    };
                    let change = self.poison.note(&hash, lease, attempts);
                    self.admission.note(change);
                }
            }
        }
    }

    /// Lends what was noted, now that the note is sealed.
    pub(crate) fn lend_prepared(&mut self) {
        for lease in self.poison.take_prepared() {
            match self.pool.leases.try_send(vec![lease]) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(leases) | mpsc::error::TrySendError::Closed(leases)) => {
                    leases.into_iter().for_each(|lease| self.queue.give_back(lease.question));
                }
            }
        }
    }
}
