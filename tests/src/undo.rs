//! A history taken back: what is left of it must be nothing.

use crate::play::{told, Play};
use crate::records::record;
use inkflow::live::{self, Answered};
use inkflow_connectors::journal::Collection;
use inkflow_schemas::key::{key_of_enrolment, key_of_review};
use inkflow_schemas::{Assignment, Enrolment, Id, PhotoKey, Policy, Review, Submission, Topic};
use std::collections::BTreeSet;

/// A partition that no history has, for the records that take back.
const PARTITION: u32 = 99;

/// A thing to take back.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Undo {
    Key(Topic, String),
    Student(String),
    Photo(inkflow_oracle::Photo),
}

fn read<T: serde::de::DeserializeOwned>(value: &[u8]) -> T {
    live::read(Collection::Attempts, value).expect("what was written is read")
}

impl Play {
    /// Deletes every upsert, erases every student and withdraws every answer, in any order and cut into epochs, until
    /// nothing is left to collect.
    pub fn undo_everything(&mut self) {
        self.deliver_all();
        let mut undoing = self.undoing();
        self.dice.shuffle(&mut undoing);
        let pace = 1 + undoing.len() / (1 + self.dice.below(10));
        for (offset, undo) in undoing.into_iter().enumerate() {
            let deleted = |topic, key: &str| record(topic, PARTITION, offset as u64, key, None);
            match undo {
                Undo::Key(topic, key) => self.admit(deleted(topic, &key)),
                Undo::Student(student) => {
                    let value = serde_json::json!({"student_id": student, "requested_at": 0}).to_string();
                    self.admit(record(Topic::Erasures, PARTITION, offset as u64, &student, Some(&value)));
                }
                Undo::Photo(photo) => self.forget(&photo),
            }
            if offset % pace == 0 {
                let clock = self.tick();
                self.seal(clock);
                self.deliver_all();
            }
        }
        while self.core.garbage() > 0 || !self.core.admission.is_empty() {
            let clock = self.tick();
            self.seal(clock);
            self.deliver_all();
        }
    }

    fn undoing(&self) -> Vec<Undo> {
        let mut undoing = BTreeSet::new();
        let journal = &self.core.journal;
        for (key, row) in journal.all() {
            let value = row.value.as_slice();
            let student = |id: &Id| Undo::Student(id.to_string());
            match key.collection {
                Collection::Submissions => drop(undoing.insert(student(&read::<Submission>(value).student_id))),
                Collection::Enrolments => {
                    let row: Enrolment = read(value);
                    let key = key_of_enrolment(&row.student_id, &row.class_id);
                    undoing.extend([student(&row.student_id), Undo::Key(Topic::Enrolments, key)]);
                }
                Collection::Reviews => {
                    let row: Review = read(value);
                    let key = key_of_review(&row.student_id, &row.assignment_id, row.page);
                    undoing.extend([student(&row.student_id), Undo::Key(Topic::Reviews, key)]);
                }
                Collection::Assignments => {
                    let row: Assignment = read(value);
                    undoing.insert(Undo::Key(Topic::Assignments, row.assignment_id.to_string()));
                }
                Collection::Models => {
                    let row: Policy = read(value);
                    undoing.insert(Undo::Key(Topic::Models, row.scope.to_string()));
                }
                Collection::Readings => {
                    undoing.insert(Undo::Photo(told(&read::<Answered>(value).question).photo));
                }
                Collection::FirstReadings => {
                    let photo: PhotoKey = read(value);
                    undoing.insert(Undo::Photo((photo.uri.to_string(), photo.version.to_string())));
                }
                _ => {}
            }
        }
        undoing.into_iter().collect()
    }
}
