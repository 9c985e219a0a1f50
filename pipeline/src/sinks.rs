//! Sinks at work: a thread each, which writes whole epochs, several at once when it is behind.
//!
//! A sink that is locked, full or away is waited for, and holds back neither admission nor other sinks: what changes in
//! the meantime is coalesced by row in its mailbox, never more than its views. What a restart finds in a sink is compared
//! with what the views say, and the difference is written.

use inkflow_connectors::sink::{reconcile, Claim, EpochStamp, Pending, Sink, SinkError, ViewChanges};
use inkflow_schemas::{Row, ViewSchema};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A sink that could not be written is tried again after so long, doubled each time up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(20);
/// The longest wait between two tries.
const RETRY_MAX: Duration = Duration::from_secs(2);

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
    closing: bool,
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
            if let Err(error) = work(&mut *sink, &views, claim, &shared, &on_change) {
                shared.lock().failed = Some(error);
            }
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

    /// Lets the thread end when it has written what it has; a sink that is down is not waited for beyond `patience`.
    pub fn close(mut self, patience: Duration) {
        let deadline = std::time::Instant::now() + patience;
        let mut state = self.mailbox.lock();
        state.closing = true;
        self.mailbox.changed.notify_all();
        while state.failed.is_none() && state.stamp.is_some() {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.mailbox.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
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
    persist(mailbox, || sink.open(views, claim))?;
    let mut reconciled = false;
    loop {
        let (stamp, mut changes) = {
            let mut state = mailbox.lock();
            while state.stamp.is_none() && !state.closing {
                state = mailbox.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(stamp) = state.stamp else { return Ok(()) };
            (stamp, state.pending.take())
        };
        if !reconciled {
            changes = persist(mailbox, || reconcile(sink, views.len(), changes.clone()))?;
            reconciled = true;
        }
        let mut wait = RETRY_MIN;
        let mut stamp = stamp;
        loop {
            match sink.apply(stamp, &changes) {
                Ok(()) => break,
                Err(SinkError::Transient { reason, .. }) => {
                    tracing::warn!(sink = sink.name(), reason, "the sink cannot be written, and is waited for");
                    let mut state = mailbox.lock();
                    state.waiting_since = Some(reason);
                    if state.closing {
                        return Ok(());
                    }
                    // What came meanwhile goes with it: one transaction for all of it.
                    let state = mailbox.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
                    let mut state = state;
                    state.pending.absorb(changes);
                    changes = state.pending.take();
                    stamp = state.stamp.unwrap_or(stamp);
                    wait = (wait * 2).min(RETRY_MAX);
                }
                Err(error) => return Err(error),
            }
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

/// Does something until it is done or fails for good.
fn persist<T>(mailbox: &Mailbox, mut step: impl FnMut() -> Result<T, SinkError>) -> Result<T, SinkError> {
    let mut wait = RETRY_MIN;
    loop {
        match step() {
            Err(SinkError::Transient { sink, reason }) => {
                tracing::warn!(sink, reason, "the sink does not open, and is waited for");
                let mut state = mailbox.lock();
                state.waiting_since = Some(reason.clone());
                if state.closing {
                    return Err(SinkError::Transient { sink, reason });
                }
                drop(mailbox.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0);
                wait = (wait * 2).min(RETRY_MAX);
            }
            other => return other,
        }
    }
}

/// Splits what left the dataflow by view, each row once with its net change.
pub fn net(changes: Vec<(usize, Row, i64)>) -> Vec<ViewChanges> {
    let mut pending = Pending::new();
    for (view, row, diff) in changes {
        pending.add(view, row, diff);
    }
    pending.take()
}
