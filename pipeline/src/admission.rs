//! Admission: from records and answers to one epoch: what the journal stores and what the dataflow is fed.
//!
//! Pure: no clock, no I/O. An [`Admission`] gathers; [`Admission::seal`] closes what was gathered into an epoch. What the
//! order of records decides is decided here: of each upserted key only the last row is kept, and an erased student's
//! rows are dropped, whether they came before the erasure in the same epoch or ever after.

use crate::feed::{Fed, Garbage};
use crate::live::{self, Answered, HashOf, ReadFrom, Refused};
use ecow::EcoString;
use inkflow_connectors::journal::{Change, Position, Positions, RowKey};
use inkflow_connectors::source::{Offsets, Starts};
use inkflow_operators::readings::PhotoAnswers;
use inkflow_operators::views::positions::{Freshness, Place};
use inkflow_operators::Epoch;
use inkflow_schemas::{Erasure, Event, Id, Millis, Outcome, PhotoKey, Question, Submission, Topic};
use rustc_hash::{FxHashMap, FxHashSet};

/// Where a record stands, and its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The topic.
    pub topic: Topic,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The record's own time, in ms since 1970, where it has one.
    pub ts: Option<i64>,
}

/// What an epoch will be.
#[derive(Default)]
pub struct Admission {
    erased: FxHashSet<u128>,
    submissions: Vec<Submission>,
    /// Of each upserted key the last row: greater (partition, offset) wins within an epoch.
    upserts: FxHashMap<RowKey, ((u32, u64), Option<Id>, Change, Fed)>,
    erasures: Vec<Id>,
    refused: Vec<Refused>,
    answers: Vec<Answered>,
    changes: Vec<Change>,
    withdrawn: Vec<Fed>,
    /// Photos that left demand, or came back.
    moved: Vec<(PhotoKey, bool)>,
    positions: FxHashMap<(Topic, u32), Position>,
    /// The time of the last record of each partition, whenever it was admitted.
    times: FxHashMap<(Topic, u32), i64>,
    rows: usize,
}

/// A closed epoch.
pub struct Sealed {
    /// Where each source that moved stands after it.
    pub positions: Positions,
    /// What the journal stores.
    pub changes: Vec<Change>,
    /// What the dataflow is fed.
    pub fed: Vec<Fed>,
    /// Who was erased in it.
    pub erased: Vec<Id>,
}

impl Admission {
    /// An admission that knows who was erased, by the rows' hashes.
    pub fn new(erased: FxHashSet<u128>) -> Admission {
        Admission { erased, ..Admission::default() }
    }

    /// How many records, answers and changes have been gathered.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// True when a seal now would change nothing, not even a position.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// True when that student was erased, in this epoch or before.
    pub fn is_erased(&self, hash: HashOf<'_>, student: &Id) -> bool {
        !self.erased.is_empty() && self.erased.contains(&live::erased_key(hash, student).hash)
    }

    /// True when somebody is erased in what was gathered.
    pub fn erases(&self) -> bool {
        !self.erasures.is_empty()
    }

    /// Passes a record: it stands before all that follows in its partition.
    fn pass(&mut self, at: At) {
        self.rows += 1;
        let position = Position { next_offset: at.offset + 1, record_time: at.ts };
        self.positions.insert((at.topic, at.partition), position);
        match at.ts {
            Some(ts) => self.times.insert((at.topic, at.partition), ts),
            None => self.times.remove(&(at.topic, at.partition)),
        };
    }

    /// Where a partition stood before this process: so that its last record's time is not forgotten.
    pub fn stood(&mut self, topic: Topic, partition: u32, position: &Position) {
        self.times.extend(position.record_time.map(|time| ((topic, partition), time)));
    }

    /// Passes what is no record, up to these positions.
    pub fn passed(&mut self, positions: &Offsets) {
        for (&at, &next_offset) in positions {
            let position = Position { next_offset, record_time: self.times.get(&at).copied() };
            let known = self.positions.entry(at).or_insert(position);
            known.next_offset = known.next_offset.max(next_offset);
        }
        self.rows += positions.len();
    }

    /// Takes where logs are begun that are read for the first time, and which logs they are.
    pub fn begin(&mut self, hash: HashOf<'_>, starts: &Starts) {
        for (topic, origin) in &starts.origins {
            let row = ReadFrom { topic: topic.as_str().into(), origin: origin.clone() };
            self.note(live::put(live::origin_key(hash, topic.as_str()), &row));
        }
        self.passed(&starts.offsets);
    }

    /// Takes a record that was parsed. False when it is of an erased student, and dropped.
    pub fn record(&mut self, hash: HashOf<'_>, at: At, event: Event) -> bool {
        self.pass(at);
        if student_of(&event).is_some_and(|student| self.is_erased(hash, student)) {
            return false;
        }
        match event {
            Event::Submission(submission) => self.submissions.push(submission),
            Event::Erasure(erasure) => self.erase(hash, &erasure),
            Event::Enrolment { student_id, class_id, value } => {
                let key = live::enrolment_key(hash, &student_id, &class_id);
                let fed = value.as_ref().map(live::feed_enrolment);
                let fed = fed.unwrap_or(Fed::Enrolment(student_id.clone(), class_id, None));
                self.upsert(at, key, Some(student_id), change(key, value.as_ref()), fed);
            }
            Event::Assignment { assignment_id, value } => {
                let key = live::assignment_key(hash, &assignment_id);
                let fed = value.as_ref().map(live::feed_assignment);
                let fed = fed.unwrap_or(Fed::Assignment(assignment_id, None));
                self.upsert(at, key, None, change(key, value.as_ref()), fed);
            }
            Event::Review { student_id, assignment_id, page, value } => {
                let key = live::review_key(hash, &student_id, &assignment_id, page);
                let fed = value.as_ref().map(live::feed_review);
                let fed = fed.unwrap_or(Fed::Review(student_id.clone(), (assignment_id, page), None));
                self.upsert(at, key, Some(student_id), change(key, value.as_ref()), fed);
            }
            Event::Policy { scope, value } => {
                let key = live::policy_key(hash, &scope.to_string());
                let change = change(key, value.as_ref());
                let fed = value.map(live::feed_policy).unwrap_or(Fed::Policy(scope, None));
                self.upsert(at, key, None, change, fed);
            }
        }
        true
    }

    fn upsert(&mut self, at: At, key: RowKey, student: Option<Id>, change: Change, fed: Fed) {
        let place = (at.partition, at.offset);
        let row = (place, student, change, fed);
        match self.upserts.entry(key) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(row);
            }
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                if entry.get().0 <= place {
                    entry.insert(row);
                }
            }
        }
    }

    fn erase(&mut self, hash: HashOf<'_>, erasure: &Erasure) {
        let key = live::erased_key(hash, &erasure.student_id);
        if self.erased.insert(key.hash) {
            self.changes.push(live::put(key, &()));
            self.changes.push(live::put(live::scrub_key(hash), &()));
            self.erasures.push(erasure.student_id.clone());
        }
    }

    /// Takes a record that was refused.
    pub fn refuse(&mut self, at: At, reason: EcoString) {
        self.pass(at);
        let topic = at.topic.as_str().into();
        self.refused.push(Refused { topic, partition: at.partition, offset: at.offset, reason });
    }

    /// Takes an answer. The caller has seen that its question is outstanding.
    pub fn answer(&mut self, answered: Answered) {
        self.rows += 1;
        self.answers.push(answered);
    }

    /// Deletes an answer, so that its question may be asked again.
    pub fn withdraw(&mut self, hash: HashOf<'_>, question: &Question) {
        self.rows += 1;
        self.changes.push(Change::Delete { key: live::answer_key(hash, question) });
        self.withdrawn.push(Fed::Answer(question.clone(), None));
    }

    /// Forgets when a photo was first read; its answers are withdrawn one by one.
    pub fn forget(&mut self, photo: PhotoKey) {
        self.rows += 1;
        self.withdrawn.push(Fed::Unread(photo));
    }

    /// Says since when nobody asks about a photo: since this epoch; or no longer, where it did not leave.
    pub fn moved(&mut self, photo: PhotoKey, left: bool) {
        self.rows += 1;
        self.moved.push((photo, left));
    }

    /// Deletes all that is known of a photo. Nobody asks about it in this epoch.
    pub fn expire(&mut self, hash: HashOf<'_>, photo: PhotoKey, known: &PhotoAnswers) {
        self.rows += 1;
        let answers = known.asked().map(|(model, template)| {
            let question = Question { photo: photo.clone(), model: model.clone(), template: template.clone() };
            live::answer_key(hash, &question)
        });
        let first = known.first_read_in().map(|epoch| live::first_reading_key(hash, &photo, epoch));
        let keys = answers.chain(first).chain([live::left_demand_key(hash, &photo)]);
        self.changes.extend(keys.map(|key| Change::Delete { key }));
        self.withdrawn.push(Fed::Expired(photo));
    }

    /// Deletes a row that can never count again. It is in no view, so that nothing is fed.
    pub fn collect(&mut self, hash: HashOf<'_>, garbage: &Garbage) {
        self.rows += 1;
        let key = match garbage {
            Garbage::Upload(student, page, upload) => {
                live::submission_key(hash, &live::submission_of(student, page, upload), upload.admitted.0)
            }
            Garbage::Review(student, (assignment, page)) => live::review_key(hash, student, assignment, *page),
            Garbage::Enrolment(student, class) => live::enrolment_key(hash, student, class),
            Garbage::Read(photo, epoch) => live::first_reading_key(hash, photo, *epoch),
        };
        self.changes.push(Change::Delete { key });
    }

    /// Stores or deletes a row that no view depends on.
    pub fn note(&mut self, change: Change) {
        self.rows += 1;
        self.changes.push(change);
    }

    /// Closes the epoch. What was gathered is taken out; who was erased stays known.
    pub fn seal(&mut self, hash: HashOf<'_>, epoch: Epoch, clock: Millis) -> Sealed {
        let mut changes = std::mem::take(&mut self.changes);
        let erased = std::mem::take(&mut self.erasures);
        let mut fed: Vec<Fed> = erased.iter().cloned().map(Fed::Erased).collect();
        let gone = |student: &Id| erased.contains(student);
        // What is deleted here was told in an earlier epoch; what this epoch says of the same photo stands.
        fed.append(&mut self.withdrawn);

        for submission in self.submissions.drain(..).filter(|submission| !gone(&submission.student_id)) {
            changes.push(live::put_submission(hash, &submission, epoch));
            fed.push(live::feed_submission(submission, epoch, clock));
        }
        for (_, (_, student, change, row)) in self.upserts.drain() {
            if !student.as_ref().is_some_and(gone) {
                changes.push(change);
                fed.push(row);
            }
        }
        for (photo, left) in self.moved.drain(..) {
            changes.push(change(live::left_demand_key(hash, &photo), left.then_some(&())));
            fed.push(Fed::Left(photo, left.then_some(clock)));
        }
        for refused in self.refused.drain(..) {
            let key = live::rejected_key(hash, &refused.topic, refused.partition, refused.offset);
            changes.push(live::put(key, &refused));
            fed.push(live::feed_refused(refused));
        }
        for answered in self.answers.drain(..) {
            let question = &answered.question;
            changes.push(live::put(live::answer_key(hash, question), &answered));
            fed.push(Fed::Answer(question.clone(), Some(answered.outcome)));
            if matches!(answered.outcome, Outcome::Read(_)) {
                changes.push(live::put(live::first_reading_key(hash, &question.photo, epoch), &question.photo));
                fed.push(Fed::Read(question.photo.clone(), clock, epoch));
            }
        }
        let mut positions = Positions::new();
        for ((topic, partition), position) in self.positions.drain() {
            fed.extend(fresh(topic.as_str(), partition, &position, epoch));
            positions.insert((topic.as_str().to_owned(), partition), position);
        }
        self.rows = 0;
        Sealed { positions, changes, fed, erased }
    }
}

/// What is fed for a source's position; nothing for one before the first record.
pub fn fresh(topic: &str, partition: u32, position: &Position, epoch: Epoch) -> Option<Fed> {
    let at = Place { topic: topic.into(), partition, offset: position.next_offset.checked_sub(1)? };
    let record_time = position.record_time.map(Millis);
    Some(Fed::Fresh(topic.into(), partition, Freshness { at, record_time, epoch }))
}

fn change<T: serde::Serialize>(key: RowKey, value: Option<&T>) -> Change {
    match value {
        Some(value) => live::put(key, value),
        None => Change::Delete { key },
    }
}

/// Whose record it is, where it is a student's. An erasure is not: it is admitted whoever was erased before.
fn student_of(event: &Event) -> Option<&Id> {
    match event {
        Event::Submission(submission) => Some(&submission.student_id),
        Event::Enrolment { student_id, .. } | Event::Review { student_id, .. } => Some(student_id),
        Event::Assignment { .. } | Event::Policy { .. } | Event::Erasure(_) => None,
    }
}
