//! Erasure: what was read for a student goes with the student, from the ledger and from the journal's files.

use crate::engine::{Engine, EngineError};
use crate::feed::Garbage;
use crate::live::{self, Answered};
use crate::sinks::SinkThread;
use inkflow_connectors::journal::{Change, Collection};
use inkflow_schemas::Id;
use rustc_hash::FxHashSet;

impl Engine {
    /// Deletes what was read of the photos of erased students: those that they had, and those asked for them before.
    /// Where another student handed in the same photo, it is read again.
    pub(crate) async fn erase_photos(&mut self, students: &[Id], garbage: &[Garbage]) -> Result<(), EngineError> {
        // What was answered meanwhile must lie in the journal before it is searched.
        if !self.admission.is_empty() {
            self.seal().await?;
        }
        let journal = &self.journal;
        let hash = |collection, parts: &[&[u8]]| journal.hash(collection, parts);
        let tags: FxHashSet<u128> = students.iter().map(|student| live::erased_key(&hash, student).hash).collect();
        let mut photos: FxHashSet<inkflow_schemas::PhotoKey> = garbage
            .iter()
            .filter_map(|row| match row {
                Garbage::Upload(student, _, upload) if students.contains(student) => Some(upload.photo.key.clone()),
                _ => None,
            })
            .collect();
        let mut answers = Vec::new();
        let mut unreadable = None;
        journal
            .scan(Collection::Readings, |_, row| match live::read::<Answered>(Collection::Readings, row.value) {
                Ok(answered) => {
                    if answered.asked_for.is_some_and(|tag| tags.contains(&tag))
                        || photos.contains(&answered.question.photo)
                    {
                        answers.push(answered.question);
                    }
                }
                Err(error) => unreadable = Some(error),
            })
            .await?;
        photos.extend(answers.iter().map(|question| question.photo.clone()));
        let mut firsts = Vec::new();
        journal
            .scan(Collection::FirstReadings, |key, row| {
                match live::read::<inkflow_schemas::PhotoKey>(Collection::FirstReadings, row.value) {
                    Ok(photo) if photos.contains(&photo) => firsts.push(key),
                    Ok(_) => {}
                    Err(error) => unreadable = Some(error),
                }
            })
            .await?;
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        for question in &answers {
            self.admission.withdraw(&hash, question);
        }
        for key in firsts {
            self.admission.note(Change::Delete { key });
        }
        for photo in photos {
            self.admission.forget(photo);
        }
        // What the erased students' rows were must leave the journal now, not with the next record that comes.
        self.collect_now = true;
        self.scrub_due = true;
        self.sinks.iter().for_each(SinkThread::scrub);
        Ok(())
    }

    /// Somebody was erased, and what there is to delete for it is not known yet.
    fn is_erasing(&self) -> bool {
        self.admission.erases() || !self.erasing.is_empty()
    }

    /// After an erasure, once what was deleted is sealed as deleted: rewrites the journal's files without it, beside
    /// the run. It costs a compaction; erasures are rare, and those that come meanwhile share the next one.
    pub(crate) async fn scrub_beside(&mut self) {
        if let Some(task) = self.scrubbing.take_if(|task| task.is_finished()) {
            let failed = match task.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if failed.is_none() && !self.scrub_due && !self.is_erasing() {
                let journal = &self.journal;
                let key = live::scrub_key(&|collection, parts| journal.hash(collection, parts));
                self.admission.note(Change::Delete { key });
            }
            if let Some(error) = failed {
                tracing::warn!(error, "erased bytes could not be removed from the journal's files yet");
                self.scrub_due = true;
            }
        }
        let deleted = self.garbage.is_empty() && self.admission.is_empty() && !self.collect_now;
        if self.scrub_due && deleted && !self.is_erasing() && self.scrubbing.is_none() && !self.settings.until_end {
            self.scrub_due = false;
            let reader = self.journal.reader();
            self.scrubbing = Some(tokio::spawn(async move { reader.scrub().await }));
        }
    }
}
