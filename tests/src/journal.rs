//! The journal as a map: what [`Admission`](inkflow::admission::Admission) seals, without a database.

use inkflow::admission::{fresh, Sealed};
use inkflow::feed::Fed;
use inkflow::live::{self, Answered, Refused};
use inkflow_connectors::journal::{Change, Collection, Positions, RowKey};
use inkflow_operators::Epoch;
use inkflow_schemas::{Assignment, Enrolment, Id, Millis, PhotoKey, Policy, Review, Submission};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, BTreeSet};

/// The keyed hash of a row's key, here with no secret.
pub fn hash(collection: Collection, parts: &[&[u8]]) -> u128 {
    let mut bytes = vec![collection as u8];
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    xxhash_rust::xxh3::xxh3_128(&bytes)
}

/// A live row.
#[derive(Clone, Debug)]
pub struct Live {
    /// The epoch that admitted it.
    pub epoch: Epoch,
    /// The clock of that epoch.
    pub clock: Millis,
    /// The payload.
    pub value: Vec<u8>,
}

/// The live rows, and where the sources stand.
#[derive(Clone, Default)]
pub struct Journal {
    rows: BTreeMap<RowKey, Live>,
    positions: Positions,
}

impl Journal {
    /// Stores an epoch.
    pub fn seal(&mut self, epoch: Epoch, clock: Millis, sealed: &Sealed) {
        for change in &sealed.changes {
            match change {
                Change::Put { key, value } => {
                    let live = Live { epoch, clock, value: value.clone() };
                    self.rows.insert(*key, live);
                }
                Change::Delete { key } => {
                    self.rows.remove(key);
                }
            }
        }
        self.positions.extend(sealed.positions.clone());
    }

    /// The rows of a collection.
    pub fn rows(&self, collection: Collection) -> impl Iterator<Item = (&RowKey, &Live)> {
        self.rows.iter().filter(move |(key, _)| key.collection == collection)
    }

    /// Every row.
    pub fn all(&self) -> impl Iterator<Item = (&RowKey, &Live)> {
        self.rows.iter()
    }

    /// How many rows a collection has.
    pub fn count(&self, collection: Collection) -> usize {
        self.rows(collection).count()
    }

    /// Every payload: no byte of an erased student may stand in one.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.values().map(|row| row.value.as_slice())
    }

    /// Who was erased, by the rows' hashes.
    pub fn erased(&self) -> FxHashSet<u128> {
        self.rows(Collection::Erased).map(|(key, _)| key.hash).collect()
    }

    /// Rows that the last process did not live to delete: those of students who are erased, and of photos of which nothing
    /// is known any more.
    pub fn stale(&self) -> Vec<RowKey> {
        let photo = |row: &Live| read::<Answered>(Collection::Readings, &row.value).question.photo;
        let known: BTreeSet<RowKey> =
            self.rows(Collection::Readings).map(|(_, row)| live::left_demand_key(&hash, &photo(row))).collect();
        let erased = self.erased();
        let is_erased = |student: &Id| erased.contains(&live::erased_key(&hash, student).hash);
        let is_stale = |(key, row): &(&RowKey, &Live)| match key.collection {
            Collection::Submissions => is_erased(&read::<Submission>(key.collection, &row.value).student_id),
            Collection::Enrolments => is_erased(&read::<Enrolment>(key.collection, &row.value).student_id),
            Collection::Reviews => is_erased(&read::<Review>(key.collection, &row.value).student_id),
            Collection::LeftDemand => !known.contains(key),
            _ => false,
        };
        self.rows.iter().filter(is_stale).map(|(key, _)| *key).collect()
    }

    /// What a start feeds: every live row that is not stale, as of the last epoch.
    pub fn hydrate(&self, last: Epoch) -> Vec<Fed> {
        let stale: BTreeSet<RowKey> = self.stale().into_iter().collect();
        let rows = self.rows.iter().filter(|(key, _)| !stale.contains(key));
        let left = self.rows.iter().filter(|(key, _)| key.collection == Collection::Readings).filter_map(|(_, row)| {
            let photo = read::<Answered>(Collection::Readings, &row.value).question.photo;
            let left = self.rows.get(&live::left_demand_key(&hash, &photo))?;
            Some(Fed::Left(photo, Some(left.clock)))
        });
        let rows = rows.filter_map(|(key, row)| fed(key.collection, row)).chain(left);
        let positions = self.positions.iter();
        rows.chain(positions.filter_map(|((topic, partition), position)| fresh(topic, *partition, position, last)))
            .collect()
    }
}

fn fed(collection: Collection, row: &Live) -> Option<Fed> {
    let (epoch, clock, value) = (row.epoch, row.clock, row.value.as_slice());
    match collection {
        Collection::Submissions => Some(live::feed_submission(read::<Submission>(collection, value), epoch, clock)),
        Collection::Enrolments => Some(live::feed_enrolment(&read::<Enrolment>(collection, value))),
        Collection::Reviews => Some(live::feed_review(&read::<Review>(collection, value))),
        Collection::Assignments => Some(live::feed_assignment(&read::<Assignment>(collection, value))),
        Collection::Models => Some(live::feed_policy(read::<Policy>(collection, value))),
        Collection::Readings => {
            let row: Answered = read(collection, value);
            Some(Fed::Answer(row.question, Some(row.outcome)))
        }
        Collection::FirstReadings => Some(Fed::Read(read::<PhotoKey>(collection, value), clock, epoch)),
        Collection::Rejected => Some(live::feed_refused(read::<Refused>(collection, value))),
        Collection::Erased | Collection::Attempts | Collection::LeftDemand | Collection::Origins => None,
    }
}

fn read<T: serde::de::DeserializeOwned>(collection: Collection, value: &[u8]) -> T {
    live::read(collection, value).expect("what was written is read")
}
