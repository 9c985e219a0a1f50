//! The deterministic core, driven by hand: admission, dataflow, views and queue, with no I/O and no clock of its own.
//!
//! The order of a record's way: [`Core::record`] gathers, [`Core::seal`] closes an epoch and feeds it, [`Core::deliver`]
//! takes what it changed, [`Core::lease`] and [`Core::answer`] stand for the readers. It does what the engine does, less
//! the engine's waiting.

use crate::journal::{hash, Journal};
use crate::tables::{RowChanges, Tables};
use inkflow::admission::{Admission, At};
use inkflow::expired::Expired;
use inkflow::feed::{Garbage, Want};
use inkflow::flow::{Delivery, Out};
use inkflow::homework::{homework, Settings};
use inkflow::live::Answered;
use inkflow::queue::Queue;
use inkflow::workers::{Fill, Place, Workers};
use inkflow_connectors::journal::{Change, Collection};
use inkflow_operators::held::Held;
use inkflow_operators::views::class_day::utc_day;
use inkflow_operators::Epoch;
use inkflow_schemas::{Event, Millis, ModelName, Outcome, PhotoKey, Question};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::mpsc::{channel, Receiver};
use std::sync::{Arc, Once};
use std::time::Duration;

/// A delivery that takes longer than this will never come.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(60);

/// How long readings are kept here: for less than a history takes.
pub const KEEP_READINGS_DAYS: u32 = 6;

/// What an epoch changed.
pub struct Changed {
    /// The epoch.
    pub epoch: Epoch,
    /// Of each view, in the order of the flow.
    pub views: Vec<RowChanges>,
    /// Questions that began to wait, and those that no longer do.
    pub missing: BTreeMap<Question, isize>,
}

/// The core, running.
pub struct Core {
    settings: Settings,
    workers: Workers,
    deliveries: Receiver<Delivery>,
    /// What was gathered since the last seal.
    pub admission: Admission,
    /// The questions that wait.
    pub queue: Queue,
    /// The views.
    pub tables: Tables,
    /// What has been sealed.
    pub journal: Journal,
    garbage: Vec<Garbage>,
    expired: Expired,
    instants: BTreeMap<usize, Option<Millis>>,
    hydrated: Epoch,
    sealed: (Epoch, Millis),
    delivered: Epoch,
}

/// The settings of a flow whose configured model is `recorded@1`, with these models reading templates.
pub fn settings(template_models: impl IntoIterator<Item = String>) -> Settings {
    let template_models = template_models.into_iter().map(|name| ModelName::new(&name).expect("a model"));
    Settings {
        model: ModelName::new("recorded@1").expect("a model"),
        template_models: Arc::new(template_models.collect()),
        day_of: utc_day(),
        keep_readings_days: KEEP_READINGS_DAYS,
    }
}

/// The others would wait for a worker that panicked for ever, and the test with them, its message unseen: as in the
/// command, a panic there ends the process.
fn abort_when_a_worker_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            let Some(name) = thread.name().filter(|name| name.starts_with("timely")) else { return usual(info) };
            let said = format!("\n{name}: {info}\n{}\n", std::backtrace::Backtrace::force_capture());
            let _ = std::io::stderr().write_all(said.as_bytes());
            std::process::abort();
        }));
    });
}

impl Core {
    /// Starts with an empty journal.
    pub fn start(workers: usize, settings: Settings) -> Core {
        Core::open(workers, settings, Journal::default(), (0, Millis(0)))
    }

    /// Ends the workers and starts others on what the journal holds, as a new process would. What was gathered and not
    /// sealed is lost.
    pub fn restart(self, workers: usize) -> Core {
        let Core { settings, journal, sealed, .. } = self;
        Core::open(workers, settings, journal, sealed)
    }

    fn open(workers: usize, settings: Settings, journal: Journal, last: (Epoch, Millis)) -> Core {
        abort_when_a_worker_panics();
        let (deliver, deliveries) = channel();
        let define = settings.clone();
        let workers = Workers::start(
            Place::alone(NonZeroUsize::new(workers).expect("a worker at least")),
            last.0,
            move |flow| homework(flow, define.clone()),
            move |delivery| drop(deliver.send(delivery)),
        )
        .expect("workers start");
        workers.feed(Fill::Rows(journal.hydrate(last.0))).expect("workers run");
        workers.feed(Fill::Seal { epoch: last.0, clock: last.1 }).expect("workers run");
        let mut core = Core {
            settings,
            admission: Admission::new(journal.erased()),
            queue: Queue::default(),
            tables: Tables::new(workers.views()),
            workers,
            deliveries,
            journal,
            garbage: Vec::new(),
            expired: Expired::default(),
            instants: BTreeMap::new(),
            hydrated: last.0,
            sealed: last,
            delivered: last.0.wrapping_sub(1),
        };
        for key in core.journal.stale() {
            core.admission.note(Change::Delete { key });
        }
        core.deliver();
        core
    }

    /// Gathers a record; false where it is of an erased student.
    pub fn record(&mut self, at: At, event: Event) -> bool {
        self.admission.record(&hash, at, event)
    }

    /// Deletes an answer.
    pub fn withdraw(&mut self, question: &Question) {
        self.admission.withdraw(&hash, question);
    }

    /// Deletes all answers about a photo, and when it was first read, as an erasure does.
    pub fn forget(&mut self, photo: &PhotoKey) {
        let answered = self.journal.rows(Collection::Readings).map(|(_, row)| row.value.as_slice());
        let answered = answered.map(|value| inkflow::live::read::<Answered>(Collection::Readings, value));
        let questions: Vec<Question> = answered.map(|answered| answered.expect("an answer").question).collect();
        for question in questions.iter().filter(|question| question.photo == *photo) {
            self.admission.withdraw(&hash, question);
        }
        let is_of_photo = |value: &[u8]| {
            let read = inkflow::live::read::<PhotoKey>(Collection::FirstReadings, value);
            read.expect("a photo") == *photo
        };
        for (key, row) in self.journal.rows(Collection::FirstReadings) {
            if is_of_photo(&row.value) {
                self.admission.note(Change::Delete { key: *key });
            }
        }
        self.admission.forget(photo.clone());
    }

    /// Closes an epoch at that clock and feeds it. Its rows come in two pieces, as pieces must not matter.
    pub fn seal(&mut self, clock: Millis) -> Epoch {
        let epoch = self.sealed.0 + 1;
        assert!(clock >= self.sealed.1, "a clock never goes back");
        if self.may_expire() {
            self.expired.expire(&hash, &mut self.admission);
        }
        for garbage in self.garbage.drain(..) {
            self.admission.collect(&hash, &garbage);
        }
        let mut sealed = self.admission.seal(&hash, epoch, clock);
        self.journal.seal(epoch, clock, &sealed);
        self.sealed = (epoch, clock);
        let rest = sealed.fed.split_off(sealed.fed.len() / 2);
        for fill in [Fill::Rows(sealed.fed), Fill::Rows(rest), Fill::Seal { epoch, clock }] {
            self.workers.feed(fill).expect("workers run");
        }
        epoch
    }

    /// Takes the next epoch's changes.
    pub fn deliver(&mut self) -> Changed {
        let delivery = self.deliveries.recv_timeout(DELIVERY_PATIENCE).expect("every epoch is delivered");
        let Delivery { epoch, out } = delivery;
        assert_eq!(epoch, self.delivered.wrapping_add(1), "epochs are delivered in order");
        let mut rows = Vec::new();
        let mut missing: Vec<(Question, Want, isize)> = Vec::new();
        for (out, diff) in out {
            match out {
                Out::Row(view, row) => rows.push((view, row, diff)),
                Out::Missing(asked) => missing.push((asked.0, asked.1, diff)),
                Out::Garbage(garbage) => {
                    assert_eq!(diff, 1, "{garbage:?}");
                    self.garbage.push(garbage);
                }
                Out::Unasked(unasked) => self.expired.take(&mut self.admission, unasked, diff),
                Out::Instant(worker, next) => drop(self.instants.insert(worker, next)),
            }
        }
        let before: BTreeSet<Question> = self.queue.questions().cloned().collect();
        self.queue.apply(epoch, epoch == self.hydrated, missing);
        let after: BTreeSet<Question> = self.queue.questions().cloned().collect();
        let gone = before.difference(&after).map(|question| (question.clone(), -1));
        let come = after.difference(&before).map(|question| (question.clone(), 1));
        self.delivered = epoch;
        Changed { epoch, views: self.tables.apply(rows), missing: gone.chain(come).collect() }
    }

    /// Seals and delivers.
    pub fn epoch(&mut self, clock: Millis) -> Changed {
        self.seal(clock);
        self.deliver()
    }

    /// The next question.
    pub fn lease(&mut self) -> Option<Question> {
        self.queue.lease().map(|(question, _)| question)
    }

    /// Admits an answer to a question; false where nobody waits for it, and it is dropped.
    pub fn answer(&mut self, question: &Question, outcome: Outcome) -> bool {
        let wanted = self.queue.answer(question).is_some();
        if wanted {
            self.admission.answer(Answered::new(question.clone(), outcome));
        }
        wanted
    }

    /// The last sealed epoch and its clock.
    pub fn last(&self) -> (Epoch, Millis) {
        self.sealed
    }

    /// How many epochs are sealed and not delivered.
    pub fn in_flight(&self) -> usize {
        (self.sealed.0 - self.delivered) as usize
    }

    /// The next instant of any assignment.
    pub fn next_instant(&self) -> Option<Millis> {
        self.instants.values().filter_map(|next| *next).min()
    }

    /// How many rows the operators hold.
    pub fn held(&self) -> &Held {
        self.workers.held()
    }

    /// True where the next epoch deletes what is known of [`Core::expired`].
    pub fn may_expire(&self) -> bool {
        self.in_flight() == 0 && self.admission.is_empty()
    }

    /// The photos whose readings can be deleted.
    pub fn expired(&self) -> &Expired {
        &self.expired
    }

    /// How many rows can be deleted and have not been yet.
    pub fn garbage(&self) -> usize {
        self.garbage.len()
    }
}
