//! Sources at work: a thread each, which polls, parses, and hands on batches. Parsing stays off the timely workers.

use crate::admission::At;
use crate::inlets::{Batch, Parsed};
use inkflow_connectors::dead_letter::Letter;
use inkflow_connectors::notification::Notifications;
use inkflow_connectors::source::{parse_record, Offsets, Origins, PollState, RawRecord, Source, SourceError};
use inkflow_schemas::Topic;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// A batch holds at most so many records: at 250 bytes each about 2 MB.
const BATCH_RECORDS_MAX: usize = 8_192;
/// A batch holds at most so many bytes of records, and one more record.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// So many batches wait for the engine at most.
const BATCHES_MAX: usize = 2;
/// A source that had nothing is asked again after so long.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// What was sealed of the sources before this process, and whether the run has an end.
#[derive(Clone, Default)]
pub struct Resume {
    /// Which logs were read.
    pub origins: Origins,
    /// How far.
    pub offsets: Offsets,
    /// The run ends with what the sources hold now.
    pub until_end: bool,
    /// Which submissions are notifications of a store.
    pub notifications: Option<Arc<Notifications>>,
}

/// A source's thread, as the engine sees it.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Its name, for people and metrics.
    pub name: &'static str,
    waiting: Arc<Mutex<Option<String>>>,
}

impl SourceState {
    /// Why nothing can be read, while that is so.
    pub fn waiting(&self) -> Option<String> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Starts a source's thread. It ends when the source is at its end (where it ends), breaks, or nobody listens.
/// `sealed` tells what is sealed meanwhile; `on_change` is called when it begins to wait, or waits no more.
pub fn start(
    source: Box<dyn Source>,
    name: &'static str,
    resume: Resume,
    sealed: watch::Receiver<Offsets>,
    on_change: impl Fn() + Send + 'static,
) -> std::io::Result<(mpsc::Receiver<Batch>, SourceState)> {
    let (sink, batches) = mpsc::channel(BATCHES_MAX);
    let state = SourceState { name, waiting: Arc::default() };
    let waiting = state.waiting.clone();
    let notifications = resume.notifications.clone();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut work = Work { source, sink, sealed, waiting, notifications, on_change };
        if let Err(error) = work.run(&resume) {
            let _ = work.sink.blocking_send(Batch::Broken(error.to_string()));
        }
    })?;
    Ok((batches, state))
}

struct Work<F> {
    source: Box<dyn Source>,
    sink: mpsc::Sender<Batch>,
    sealed: watch::Receiver<Offsets>,
    waiting: Arc<Mutex<Option<String>>>,
    notifications: Option<Arc<Notifications>>,
    on_change: F,
}

impl<F: Fn()> Work<F> {
    fn run(&mut self, resume: &Resume) -> Result<(), SourceError> {
        self.source.know(&resume.origins);
        self.source.seek(&resume.offsets)?;
        if resume.until_end {
            self.source.end_at_start()?;
        }
        let mut raw = Vec::new();
        while !self.sink.is_closed() {
            let began = self.begin()?;
            let state = self.source.poll(BATCH_RECORDS_MAX, BATCH_BYTES_MAX, &mut raw)?;
            self.tell_waiting();
            let mut records = Vec::with_capacity(raw.len());
            raw.drain(..).for_each(|record| parse(record, self.notifications.as_deref(), &mut records));
            if !began || !records.is_empty() && !self.send(Batch::Records(records)) {
                return Ok(());
            }
            let passed = self.source.passed();
            if !passed.is_empty() && !self.send(Batch::Passed(passed)) {
                return Ok(());
            }
            if self.sealed.has_changed().unwrap_or(false) {
                let positions = self.sealed.borrow_and_update().clone();
                self.source.sealed(&positions);
            }
            match state {
                PollState::End => {
                    self.send(Batch::End);
                    return Ok(());
                }
                PollState::Idle => std::thread::sleep(IDLE_WAIT),
                PollState::More => {}
            }
        }
        Ok(())
    }

    fn send(&self, batch: Batch) -> bool {
        self.sink.blocking_send(batch).is_ok()
    }

    /// Has new logs sealed before they are read. False where nobody listens any more.
    fn begin(&mut self) -> Result<bool, SourceError> {
        let Some(starts) = self.source.starts()? else { return Ok(true) };
        let (tell, told) = oneshot::channel();
        let sealed = self.send(Batch::Starts(starts.clone(), tell)) && told.blocking_recv().is_ok();
        if sealed {
            self.source.begin(&starts);
        }
        Ok(sealed)
    }

    fn tell_waiting(&self) {
        let now = self.source.waits_for();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting != now {
            *waiting = now;
            drop(waiting);
            (self.on_change)();
        }
    }
}

/// What a record says: one event, or of a notification as many as it tells of objects.
fn parse(record: RawRecord, notifications: Option<&Notifications>, out: &mut Vec<Parsed>) {
    let at = At { topic: record.topic, partition: record.partition, offset: record.offset, ts: record.ts };
    if let Some(notifications) = notifications.filter(|_| at.topic == Topic::Submissions && record.envelope.is_ok()) {
        match notifications.submissions(record.value.as_deref(), at.ts) {
            Some(Ok(events)) => return out.extend(events.into_iter().map(|event| Parsed { at, event: Ok(event) })),
            Some(Err(fault)) => {
                let students = notifications.students(record.value.as_deref());
                let mut letter = Letter::new(record, fault);
                letter.about(students);
                return out.push(Parsed { at, event: Err(Box::new(letter)) });
            }
            None => {}
        }
    }
    let mut unknown = |_: &str| metrics::counter!(crate::names::UNKNOWN_FIELDS.name).increment(1);
    let event = parse_record(&record, &mut unknown);
    out.push(Parsed { at, event: event.map_err(|fault| Box::new(Letter::new(record, fault))) });
}
