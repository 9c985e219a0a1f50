//! Sinks at work: a thread each, which writes whole epochs, several at once when it is behind.
//!
//! A sink that is locked, full or away is waited for, and holds back neither admission nor other sinks: what changes in
//! the meantime is coalesced by row in its mailbox, never more than its views. What a restart finds in a sink is compared
//! with what the views say, and the difference is written.

use inkflow_connectors::sink::{reconcile, Claim, EpochStamp, Pending, Sink, SinkError, ViewChanges};
use inkflow_schemas::{Row, ViewSchema};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A sink that could not be written is tried again after so long, doubled each time up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(20);
/// The longest wait between two tries.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A write that is under way when the time is up gets so much more.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// A sink, its thread, and its mailbox.
pub struct SinkThread {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
    name: String,
}

#[derive(Default)]
struct Mailbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: Pending,
    stamp: Option<EpochStamp>,
    applied: Option<u64>,
    waiting_since: Option<String>,
    failed: Option<SinkError>,
    /// Until when to go on trying, once nothing more will come.
    closing: Option<Instant>,
    /// The thread has ended.
    ended: bool,
    /// What was deleted must leave the sink's files too, once all that came is written.
    scrub: bool,
}

impl State {
    /// The time to go on trying is up.
    fn is_over(&self) -> bool {
        self.closing.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is changed in single steps, none of which panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SinkThread {
    /// Starts a sink's thread: it claims its tables, then writes what comes. The first epoch that is sent must hold the
    /// whole of every view: it is reconciled with what the sink holds.
    pub fn start(
        mut sink: Box<dyn Sink>,
        views: Vec<&'static ViewSchema>,
        claim: Claim,
        on_change: impl Fn() + Send + 'static,
    ) -> std::io::Result<SinkThread> {
        let mailbox = Arc::new(Mailbox::default());
        let name = sink.name().to_owned();
        let shared = mailbox.clone();
        let thread = std::thread::Builder::new().name(format!("sink {name}")).spawn(move || {
            let worked = work(&mut *sink, &views, claim, &shared, &on_change);
            let mut state = shared.lock();
            state.failed = worked.err();
            state.ended = true;
            drop(state);
            shared.changed.notify_all();
            on_change();
        })?;
        Ok(SinkThread { mailbox, thread: Some(thread), name })
    }

    /// The sink's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends an epoch's changes of the views' rows.
    pub fn send<'a>(&self, stamp: EpochStamp, changes: impl IntoIterator<Item = (usize, &'a Row, i64)>) {
        let mut state = self.mailbox.lock();
        for (view, row, diff) in changes {
            state.pending.add(view, row.clone(), diff);
        }
        state.stamp = Some(stamp);
        drop(state);
        self.mailbox.changed.notify_all();
    }

    /// What the epochs sent so far delete must leave the sink's files: somebody was erased.
    pub fn scrub(&self) {
        self.mailbox.lock().scrub = true;
    }

    /// The last epoch that the sink has written.
    pub fn applied(&self) -> Option<u64> {
        self.mailbox.lock().applied
    }

    /// Why the sink is being waited for, if it is.
    pub fn waiting(&self) -> Option<String> {
        self.mailbox.lock().waiting_since.clone()
    }

    /// The error that ended the sink, if one did.
    pub fn failed(&self) -> Option<SinkError> {
        self.mailbox.lock().failed.take()
    }

    /// Nothing more will come: the thread ends when it has written what it has, or cannot by then.
    pub fn finish(&self, deadline: Instant) {
        self.mailbox.lock().closing = Some(deadline);
        self.mailbox.changed.notify_all();
    }

    /// Waits for the end that [`SinkThread::finish`] asked for, a moment longer than its deadline. Gives the last epoch
    /// that the sink has written.
    pub fn close(mut self, deadline: Instant) -> Result<Option<u64>, SinkError> {
        self.finish(deadline);
        let mut state = self.mailbox.lock();
        while !state.ended {
            let left = (deadline + CLOSE_GRACE).saturating_duration_since(Instant::now());
            if left.is_zero() {
                // It is in the middle of a write that does not return.
                return Ok(state.applied);
            }
            state = self.mailbox.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (applied, failed) = (state.applied, state.failed.take());
        drop(state);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        match failed {
            Some(error) if !error.is_transient() => Err(error),
            _ => Ok(applied),
        }
    }
}

fn work(
    sink: &mut dyn Sink,
    views: &[&'static ViewSchema],
    claim: Claim,
    mailbox: &Mailbox,
    on_change: &impl Fn(),
) -> Result<(), SinkError> {
    persist(mailbox, on_change, || sink.open(views, claim))?;
    let mut reconciled = false;
    loop {
        let (stamp, mut changes) = {
            let mut state = mailbox.lock();
            while state.stamp.is_none() && state.closing.is_none() {
                state = mailbox.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(stamp) = state.stamp else { return Ok(()) };
            (stamp, state.pending.take())
        };
        if !reconciled {
            changes = persist(mailbox, on_change, || reconcile(sink, views.len(), changes.clone()))?;
            reconciled = true;
        }
        let stamp = write(sink, stamp, changes, mailbox, on_change)?;
        let scrub = {
            let mut state = mailbox.lock();
            // Not before the deletions have been written, which may be in what came meanwhile.
            state.stamp == Some(stamp) && std::mem::take(&mut state.scrub)
        };
        if scrub {
            persist(mailbox, on_change, || sink.scrub())?;
        }
        let mut state = mailbox.lock();
        state.applied = Some(stamp.epoch);
        state.waiting_since = None;
        if state.stamp == Some(stamp) {
            state.stamp = None;
        }
        drop(state);
        mailbox.changed.notify_all();
        on_change();
    }
}

/// Writes changes, and while the sink is away what comes meanwhile with them. Gives the stamp that was written.
fn write(
    sink: &mut dyn Sink,
    mut stamp: EpochStamp,
    mut changes: Vec<ViewChanges>,
    mailbox: &Mailbox,
    on_change: &impl Fn(),
) -> Result<EpochStamp, SinkError> {
    let (mut wait, mut uncertain) = (RETRY_MIN, false);
    loop {
        let reason = match sink.apply(stamp, &changes) {
            Ok(()) => return Ok(stamp),
            Err(SinkError::Uncertain { reason, .. }) => {
                uncertain = true;
                reason
            }
            Err(SinkError::Transient { reason, .. }) => reason,
            Err(error) => return Err(error),
        };
        tracing::warn!(sink = sink.name(), reason, uncertain, "the sink cannot be written, and is waited for");
        let mut state = pause(sink.name(), reason, wait, mailbox, on_change)?;
        // Until it is known what came of a commit the very same is sent. A row that came and went would be left out
        // otherwise, and its first half may be there.
        if !uncertain {
            // What came meanwhile goes with it: one transaction for all of it.
            state.pending.absorb(changes);
            changes = state.pending.take();
            stamp = state.stamp.unwrap_or(stamp);
        }
        wait = (wait * 2).min(RETRY_MAX);
    }
}

/// Waits so long, and tells why. An error when the time to go on trying is up before.
fn pause<'a>(
    sink: &str,
    reason: String,
    wait: Duration,
    mailbox: &'a Mailbox,
    on_change: &impl Fn(),
) -> Result<MutexGuard<'a, State>, SinkError> {
    mailbox.lock().waiting_since = Some(reason.clone());
    on_change();
    let until = Instant::now() + wait;
    let mut state = mailbox.lock();
    loop {
        if state.is_over() {
            return Err(SinkError::Transient { sink: sink.to_owned(), reason });
        }
        // Epochs that come meanwhile wake this thread, and are no reason to try sooner.
        let until = state.closing.map_or(until, |closing| until.min(closing));
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(state);
        }
        state = mailbox.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Does something until it is done or fails for good.
fn persist<T>(
    mailbox: &Mailbox,
    on_change: &impl Fn(),
    mut step: impl FnMut() -> Result<T, SinkError>,
) -> Result<T, SinkError> {
    let mut wait = RETRY_MIN;
    loop {
        match step() {
            Err(SinkError::Transient { sink, reason }) => {
                tracing::warn!(sink, reason, "the sink does not open, and is waited for");
                drop(pause(&sink, reason, wait, mailbox, on_change)?);
                wait = (wait * 2).min(RETRY_MAX);
            }
            other => return other,
        }
    }
}
