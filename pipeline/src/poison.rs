//! Poison: photos that end the process that reads them, found without a write for every photo.
//!
//! While all is well nothing is written. After an unclean end, questions of the backlog are journalled as attempted
//! before they are lent, few at a time, until that backlog is worked off. At two attempts a question runs alone, so that
//! the next crash blames it and no other; at three it is `reader_crashed`.

use crate::live::{self, Attempted, HashOf};
use crate::pool::Lease;
use inkflow_connectors::journal::Change;
use inkflow_schemas::Question;
use rustc_hash::{FxHashMap, FxHashSet};

/// At so many attempts a question runs alone.
pub const ALONE_AT: u32 = 2;
/// At so many it has crashed the reader.
pub const CRASHED_AT: u32 = 3;
/// After an unclean end at most so many questions are lent at once: a crash blames few.
pub const CAUTIOUS_LEASES_MAX: usize = 4;

/// What is known of attempts.
#[derive(Default)]
pub struct Poison {
    attempts: FxHashMap<Question, u32>,
    /// Questions of the backlog that have not been answered since an unclean end.
    backlog: FxHashSet<Question>,
    /// Attempted, and to be lent once that is durable.
    prepared: Vec<Lease>,
}

/// What to do with a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lend it.
    Lend,
    /// Note the attempt first, then lend it.
    Note(u32),
    /// Note the attempt first, then lend it alone.
    NoteAlone(u32),
    /// It ended the process too often.
    Crashed(u32),
}

impl Poison {
    /// Starts with the attempts that the journal holds.
    pub fn new(attempted: impl IntoIterator<Item = Attempted>) -> Poison {
        let attempts = attempted.into_iter().map(|row| (row.question, row.attempts)).collect();
        Poison { attempts, ..Poison::default() }
    }

    /// After an unclean end: these questions waited when the process started.
    pub fn suspect(&mut self, backlog: impl IntoIterator<Item = Question>) {
        self.backlog.extend(backlog);
    }

    /// True while questions of the backlog are to be lent with care.
    pub fn is_cautious(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// What to do with a question that is next.
    pub fn judge(&self, question: &Question) -> Verdict {
        let attempts = self.attempts.get(question).copied().unwrap_or(0);
        match () {
            () if attempts >= CRASHED_AT => Verdict::Crashed(attempts),
            () if !self.backlog.contains(question) && attempts == 0 => Verdict::Lend,
            () if attempts >= ALONE_AT => Verdict::NoteAlone(attempts + 1),
            () => Verdict::Note(attempts + 1),
        }
    }

    /// Notes an attempt: the change must be sealed before the lease is taken out by [`Poison::take_prepared`].
    pub fn note(&mut self, hash: HashOf<'_>, lease: Lease, attempts: u32) -> Change {
        self.attempts.insert(lease.question.clone(), attempts);
        let row = Attempted { question: lease.question.clone(), attempts };
        self.prepared.push(lease);
        live::put(live::attempts_key(hash, &row.question), &row)
    }

    /// What was noted and may be lent now that it is sealed.
    pub fn take_prepared(&mut self) -> Vec<Lease> {
        std::mem::take(&mut self.prepared)
    }

    /// True while something waits to be sealed.
    pub fn has_prepared(&self) -> bool {
        !self.prepared.is_empty()
    }

    /// A question came back without having been read: that attempt was none.
    pub fn undo(&mut self, hash: HashOf<'_>, question: &Question) -> Option<Change> {
        // What is lent without care was not noted.
        let attempts = self.attempts.get_mut(question).filter(|_| !self.backlog.is_empty())?;
        if *attempts <= 1 {
            return self.forget(hash, question);
        }
        *attempts -= 1;
        let row = Attempted { question: question.clone(), attempts: *attempts };
        Some(live::put(live::attempts_key(hash, question), &row))
    }

    /// A question was answered, or nobody asks it any more: its attempts are forgotten.
    pub fn forget(&mut self, hash: HashOf<'_>, question: &Question) -> Option<Change> {
        self.backlog.remove(question);
        self.attempts.remove(question).map(|_| Change::Delete { key: live::attempts_key(hash, question) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Want;
    use inkflow_schemas::{Id, ModelName, PhotoKey};

    fn lease(name: &str) -> Lease {
        let photo = PhotoKey { uri: name.into(), version: "".into() };
        let question = Question { photo, model: ModelName::new("m@1").expect("a model"), template: None };
        let id = Id::new("x").expect("an id");
        let want = Want {
            shadow: false,
            admitted: 1,
            school_id: id.clone(),
            student_id: id,
            bytes: None,
            sha256: None,
            blank: None,
        };
        Lease { question, want }
    }

    #[test]
    fn without_an_unclean_end_nothing_is_written() {
        assert_eq!(Poison::default().judge(&lease("a").question), Verdict::Lend);
    }

    #[test]
    fn a_photo_that_ends_the_process_each_time_is_found_at_the_third_attempt() {
        let hash = |_, parts: &[&[u8]]| parts[0].len() as u128;
        let bad = lease("bad");
        let mut stored = Vec::new();
        for verdict in [Verdict::Note(1), Verdict::Note(2), Verdict::NoteAlone(3), Verdict::Crashed(3)] {
            // The process starts anew, with what the last one left in the journal.
            let mut poison = Poison::new(stored.clone());
            poison.suspect([bad.question.clone()]);
            assert_eq!(poison.judge(&bad.question), verdict);
            if let Verdict::Note(attempts) | Verdict::NoteAlone(attempts) = verdict {
                poison.note(&hash, bad.clone(), attempts);
                assert_eq!(poison.take_prepared().len(), 1);
                stored = vec![Attempted { question: bad.question.clone(), attempts }];
            }
        }
    }

    #[test]
    fn an_answer_ends_the_suspicion() {
        let hash = |_, _: &[&[u8]]| 1;
        let good = lease("good");
        let mut poison = Poison::default();
        poison.suspect([good.question.clone()]);
        poison.note(&hash, good.clone(), 1);
        assert!(poison.forget(&hash, &good.question).is_some(), "its row is deleted");
        assert!(!poison.is_cautious());
        assert_eq!(poison.judge(&good.question), Verdict::Lend);
    }

    #[test]
    fn a_photo_whose_store_is_dead_is_never_suspected_and_keeps_the_suspicion_it_had() {
        let hash = |_, _: &[&[u8]]| 1;
        let (new, bad) = (lease("new"), lease("bad"));
        let mut poison = Poison::new([Attempted { question: bad.question.clone(), attempts: 2 }]);
        poison.suspect([new.question.clone(), bad.question.clone()]);
        for _ in 0..9 {
            poison.note(&hash, bad.clone(), 3);
            assert!(matches!(poison.undo(&hash, &bad.question), Some(Change::Put { .. })), "it had two before");
            assert_eq!(poison.judge(&bad.question), Verdict::NoteAlone(3));
        }
        poison.note(&hash, new.clone(), 1);
        assert!(matches!(poison.undo(&hash, &new.question), Some(Change::Delete { .. })));
        assert_eq!(poison.judge(&new.question), Verdict::Lend);
        assert!(poison.undo(&hash, &new.question).is_none(), "what was not noted is not undone");
    }
}
