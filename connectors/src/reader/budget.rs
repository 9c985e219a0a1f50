//! Bytes that decoders may hold together: a thread waits here, before it allocates, until they are free.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A number of bytes, lent in the order of asking.
#[derive(Debug)]
pub(super) struct Budget {
    most: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    next_ticket: u64,
    serving: u64,
}

/// Bytes that are lent, until it is dropped.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub fn new(most: u64) -> Budget {
        let state = Mutex::new(State { free: most, next_ticket: 0, serving: 0 });
        Budget { most, state, changed: Condvar::new() }
    }

    /// Waits for so many bytes. More than there are is taken as all of them: such a photo is decoded alone. In the order
    /// of asking, so that large photos are not passed by small ones for ever.
    pub fn lend(&self, bytes: u64) -> Lent<'_> {
        let bytes = bytes.min(self.most);
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket || state.free < bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free -= bytes;
        state.serving += 1;
        drop(state);
        self.changed.notify_all();
        Lent { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.budget.lock().free += self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn never_more_than_there_are_and_everybody_gets_through() {
        let budget = Budget::new(10);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for i in 0..200u64 {
                        let bytes = (thread * 7 + i * 3) % 13;
                        let _lent = budget.lend(bytes);
                        let now = held.fetch_add(bytes.min(10), Ordering::SeqCst) + bytes.min(10);
                        most.fetch_max(now, Ordering::SeqCst);
                        held.fetch_sub(bytes.min(10), Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 10);
        assert_eq!(budget.lock().free, 10);
    }
}
