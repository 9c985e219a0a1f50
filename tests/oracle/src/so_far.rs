//! A run that goes on: the views as they must be at each of its epochs, recomputed at once from all that it has admitted
//! so far.

use std::collections::BTreeSet;

use crate::folder::State;
use crate::readings::{Answer, Answers, Known, Question};
use crate::records::{Photo, TOPICS};
use crate::terms::{demand, pages, pairs};
use crate::time::DAY_MS;
use crate::{texts, Options, Views};

/// What has been admitted so far. Within an epoch, lines are admitted by partition and offset.
#[derive(Debug, Clone, Default)]
pub struct SoFar {
    state: State,
}

impl SoFar {
    /// Admits a line of a partition, in an epoch of that clock. False for a topic that is none.
    pub fn admit(&mut self, topic: &str, partition: u32, offset: usize, line: &[u8], clock: i64) -> bool {
        let topic = TOPICS.into_iter().find(|known| *known == topic);
        if let Some(topic) = topic {
            self.state.admit(topic, partition, offset, line, clock);
        }
        topic.is_some()
    }

    /// Admits an answer, in an epoch of that clock.
    pub fn answer(&mut self, question: Question, answer: Answer, clock: i64) {
        let known = self.known();
        if answer.reading().is_some() {
            let first = known.first_readings.entry(question.photo.clone());
            first.or_insert(clock);
        }
        known.answers.insert(question, answer);
    }

    /// Deletes an answer.
    pub fn withdraw(&mut self, question: &Question) {
        self.known().answers.remove(question);
    }

    /// Deletes all answers about a photo, and when it was first read.
    pub fn forget(&mut self, photo: &Photo) {
        let known = self.known();
        known.answers.retain(|question, _| question.photo != *photo);
        known.first_readings.remove(photo);
    }

    /// The questions that have been answered.
    pub fn answered(&self) -> BTreeSet<Question> {
        match &self.state.answers {
            Answers::Known(known) => known.answers.keys().cloned().collect(),
            Answers::Recorded(_) => BTreeSet::new(),
        }
    }

    /// The photos that are known to have had a reading.
    pub fn first_read(&self) -> BTreeSet<Photo> {
        match &self.state.answers {
            Answers::Known(known) => known.first_readings.keys().cloned().collect(),
            Answers::Recorded(_) => BTreeSet::new(),
        }
    }

    /// Every view, at that clock.
    pub fn views(&self, clock: i64, options: &Options) -> Views {
        texts(&self.without_the_erased(), clock, options)
    }

    /// The questions in demand that have no answer yet.
    pub fn missing(&self, options: &Options) -> BTreeSet<Question> {
        let state = self.without_the_erased();
        // What is in demand depends on no clock.
        let pairs = pairs(&state, options, 0);
        let mut demand = demand(options, &pages(&state, options, &pairs));
        demand.retain(|question| state.answers.answer(question).is_none());
        demand
    }

    /// The photos in demand.
    pub fn demanded(&self, options: &Options) -> BTreeSet<Photo> {
        let state = self.without_the_erased();
        let pairs = pairs(&state, options, 0);
        demand(options, &pages(&state, options, &pairs)).into_iter().map(|question| question.photo).collect()
    }

    /// The first instant after that clock at which a view changes by itself: an assignment opens, is due, or leaves a recent
    /// window.
    pub fn next_instant(&self, clock: i64) -> Option<i64> {
        let instants = self.state.assignments.values().flat_map(|assignment| {
            let due_at = assignment.due_at;
            let leaves = [7, 30].map(|days| due_at + days * DAY_MS);
            assignment.opens_at.into_iter().chain([due_at]).chain(leaves)
        });
        instants.filter(|instant| *instant > clock).min()
    }

    /// How many submissions count.
    pub fn counting_submissions(&self) -> usize {
        self.without_the_erased().submissions.len()
    }

    fn without_the_erased(&self) -> State {
        let mut state = self.state.clone();
        state.erase();
        state
    }

    fn known(&mut self) -> &mut Known {
        if let Answers::Recorded(_) = self.state.answers {
            self.state.answers = Answers::default();
        }
        match &mut self.state.answers {
            Answers::Known(known) => known,
            Answers::Recorded(_) => unreachable!("replaced just now"),
        }
    }
}
