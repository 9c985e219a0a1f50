//! Records that were rejected, kept for whoever mends them: a file of JSON lines, and its twin in memory.
//!
//! A line is `{"topic", "partition", "offset", "reason", "ts"?, "key"?, "value"?, "students"}`. Key and value are text as
//! it came; where they are not UTF-8 they are `key_base64` and `value_base64` in its place. A null has neither. `headers`, where
//! there are some, are pairs of a name and a value in base64. `students` are the ids that the record seems to be about, as far as a broken record tells.
//!
//! **Once**: letters are appended before the epoch that rejects their records is sealed. After a crash between the two
//! they come again, and are not written twice.
//!
//! **Erasure**: [`DeadLetters::erase`] removes what is a student's, or names the student. Who appends must leave out the
//! letters of students erased before: [`Letter::students`] says whose they may be.

mod file;
mod students;

use crate::source::{RawRecord, RecordHeader};
use inkflow_schemas::{RecordFault, Topic};
use std::collections::BTreeSet;
use std::io;

pub use file::DeadLetterFile;

/// A rejected record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Why it was rejected; quotes nothing of it.
    pub reason: String,
    /// Its own time in milliseconds since 1970.
    pub ts: Option<i64>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value, or all of its envelope where that is broken.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<RecordHeader>,
    students: Vec<String>,
}

impl Letter {
    /// The letter of a record that is rejected for `fault`.
    pub fn new(record: RawRecord, fault: RecordFault) -> Letter {
        let students = students::of_record(record.topic, record.key.as_deref(), record.value.as_deref());
        Letter {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            reason: fault.to_string(),
            ts: record.ts,
            key: record.key,
            value: record.value,
            headers: record.headers,
            students,
        }
    }

    /// Says that the record seems to be about these students too.
    pub fn about(&mut self, students: Vec<String>) {
        self.students.extend(students);
        self.students.sort_unstable();
        self.students.dedup();
    }

    /// The ids of the students that the record seems to be about: of its value, of its key, in neither of which they
    /// need be right. None where it tells of no student.
    pub fn students(&self) -> &[String] {
        &self.students
    }

    /// True where the letter is that student's, or names the student.
    ///
    /// A letter that seems to be another student's is taken only where the id stands in it by itself, so that erasing
    /// `s-1` leaves `s-10` be; one that tells of nobody, wherever the id's bytes occur. In doubt a letter goes: it is an
    /// aid to mend records, and the row of `rejected` stays.
    pub fn is_of(&self, student: &str) -> bool {
        self.students.iter().any(|s| s == student)
            || students::names(self.key.as_deref(), student, !self.students.is_empty())
            || students::names(self.value.as_deref(), student, !self.students.is_empty())
            || self
                .headers
                .iter()
                .any(|(_, value)| students::names(value.as_deref(), student, !self.students.is_empty()))
    }

    fn at(&self) -> At {
        (self.topic, self.partition, self.offset)
    }
}

/// Where a record lies.
type At = (Topic, u32, u64);

/// Keeps rejected records. All calls block.
pub trait DeadLetters: Send {
    /// Keeps letters, durably once this returns. Those that are there already, from before a restart, are not kept twice in
    /// a file; in a topic they may be, with the same position in their headers.
    fn append(&mut self, letters: &[Letter]) -> io::Result<()>;

    /// Removes every letter that is of a student, for good, where that is in its hands: a topic forgets by its retention
    /// alone. Returns how many.
    fn erase(&mut self, student: &str) -> io::Result<u64>;
}

/// Dead letters in memory: the file's twin.
#[derive(Debug, Default)]
pub struct MemoryDeadLetters {
    letters: Vec<Letter>,
    seen: BTreeSet<At>,
}

impl MemoryDeadLetters {
    /// None yet.
    pub fn new() -> MemoryDeadLetters {
        MemoryDeadLetters::default()
    }

    /// What is there, in the order in which it was appended.
    pub fn letters(&self) -> &[Letter] {
        &self.letters
    }
}

impl DeadLetters for MemoryDeadLetters {
    fn append(&mut self, letters: &[Letter]) -> io::Result<()> {
        for letter in letters {
            if self.seen.insert(letter.at()) {
                self.letters.push(letter.clone());
            }
        }
        Ok(())
    }

    fn erase(&mut self, student: &str) -> io::Result<u64> {
        let had = self.letters.len();
        self.letters.retain(|letter| !letter.is_of(student));
        Ok((had - self.letters.len()) as u64)
    }
}
