//! The queue: the questions that wait for an answer, and who gets one next. The outside half of `resolve`.
//!
//! It follows the collection `missing`: a question waits while its count is positive. It is leased once, and its answer
//! is taken only while it waits: a second answer, or one that nobody waits for any more, is dropped. Live photos come
//! before those of a policy change before a backlog; within a class of urgency schools take turns.

use crate::feed::Want;
use inkflow_operators::Epoch;
use inkflow_schemas::{Id, Question};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, VecDeque};
use tokio::time::Instant;

/// How urgent a question is; the first is leased first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A photo that was just handed in.
    Live,
    /// A photo that could not be read the last time, for what may pass.
    Retry,
    /// A photo that is asked about again because a policy, a roster or an assignment changed, or by a shadow.
    Change,
    /// A photo that was waiting when the process started.
    Backlog,
}

const URGENCIES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a line.
    Waiting,
    /// With a pool.
    Leased,
    /// In no line: its photo's store does not answer, and is asked again at a time.
    PutOff,
    /// Answered; the answer is on its way through an epoch.
    Answered,
}

struct Entry {
    count: isize,
    want: Want,
    state: State,
}

/// Lines of one urgency: one for each school, which take turns.
#[derive(Default)]
struct Lines {
    turns: VecDeque<Id>,
    lines: FxHashMap<Id, VecDeque<Question>>,
}

impl Lines {
    fn push(&mut self, school: &Id, question: Question) {
        let line = self.lines.entry(school.clone()).or_default();
        if line.is_empty() {
            self.turns.push_back(school.clone());
        }
        line.push_back(question);
    }

    fn pop(&mut self) -> Option<Question> {
        let school = self.turns.pop_front()?;
        let line = self.lines.get_mut(&school)?;
        let question = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&school);
        } else {
            self.turns.push_back(school);
        }
        question
    }
}

/// The questions that wait.
#[derive(Default)]
pub struct Queue {
    entries: FxHashMap<Question, Entry>,
    lines: [Lines; URGENCIES],
    /// Those that are put off, by when they come back; told apart by a number.
    put_off: BTreeMap<(Instant, u64), Question>,
    number: u64,
    leased: usize,
    away: usize,
    answered: usize,
}

impl Queue {
    /// Applies one epoch's changes of `missing`. `backlog`: the epoch is the one that a start began with.
    pub fn apply(&mut self, epoch: Epoch, backlog: bool, changes: impl IntoIterator<Item = (Question, Want, isize)>) {
        // Counts pass through zero while an epoch's changes are applied; only where they end says who waits.
        let mut net: FxHashMap<Question, (isize, Option<Want>)> = FxHashMap::default();
        for (question, want, diff) in changes {
            let (count, last) = net.entry(question).or_default();
            *count += diff;
            if diff > 0 {
                *last = Some(want);
            }
        }
        for (question, (diff, want)) in net {
            self.change(epoch, backlog, question, diff, want);
        }
    }

    fn change(&mut self, epoch: Epoch, backlog: bool, question: Question, diff: isize, want: Option<Want>) {
        use std::collections::hash_map::Entry as Place;
        match self.entries.entry(question) {
            Place::Occupied(mut place) => {
                let entry = place.get_mut();
                entry.count += diff;
                if entry.count <= 0 {
                    let state = entry.state;
                    place.remove();
                    self.uncount(state);
                }
            }
            Place::Vacant(place) => {
                let Some(want) = want.filter(|_| diff > 0) else { return };
                let urgency = match () {
                    () if backlog => Urgency::Backlog,
                    () if want.shadow || want.admitted < epoch => Urgency::Change,
                    () => Urgency::Live,
                };
                self.lines[urgency as usize].push(&want.school_id, place.key().clone());
                place.insert(Entry { count: diff, want, state: State::Waiting });
            }
        }
    }

    fn uncount(&mut self, state: State) {
        match state {
            State::Waiting => {}
            State::Leased => self.leased -= 1,
            State::PutOff => self.away -= 1,
            State::Answered => self.answered -= 1,
        }
    }

    /// The next question, leased; none when none waits.
    pub fn lease(&mut self) -> Option<(Question, Want)> {
        loop {
            let question = self.lines.iter_mut().find_map(Lines::pop)?;
            // A line may hold a question that left, or left and came back: its entry knows.
            if let Some(entry) = self.entries.get_mut(&question).filter(|entry| entry.state == State::Waiting) {
                entry.state = State::Leased;
                self.leased += 1;
                return Some((question, entry.want.clone()));
            }
        }
    }

    /// Takes an answer, and says who wants it: nobody when none waits for it any more, or it was answered before. Then
    /// it is dropped.
    pub fn answer(&mut self, question: &Question) -> Option<Want> {
        let entry = self.entries.get_mut(question).filter(|entry| entry.state != State::Answered)?;
        let before = std::mem::replace(&mut entry.state, State::Answered);
        let want = entry.want.clone();
        self.answered += 1;
        self.uncount(before);
        Some(want)
    }

    /// Gives a lease back: what hindered it may pass.
    pub fn give_back(&mut self, question: Question) {
        let Some(entry) = self.entries.get_mut(&question).filter(|entry| entry.state == State::Leased) else { return };
        entry.state = State::Waiting;
        let school = entry.want.school_id.clone();
        self.leased -= 1;
        self.lines[Urgency::Retry as usize].push(&school, question);
    }

    /// Gives a lease back whose photo's store does not answer: it waits in no line until then.
    pub fn put_off(&mut self, question: Question, until: Instant) {
        let Some(entry) = self.entries.get_mut(&question).filter(|entry| entry.state == State::Leased) else { return };
        entry.state = State::PutOff;
        self.leased -= 1;
        self.away += 1;
        self.number += 1;
        self.put_off.insert((until, self.number), question);
    }

    /// When the first of those that are put off comes back.
    pub fn next_back(&self) -> Option<Instant> {
        self.put_off.first_key_value().map(|((until, _), _)| *until)
    }

    /// Puts those in line again whose time has come.
    pub fn come_back(&mut self, now: Instant) {
        while let Some(first) = self.put_off.first_entry().filter(|first| first.key().0 <= now) {
            let question = first.remove();
            // It may have been answered, or have left.
            let Some(entry) = self.entries.get_mut(&question).filter(|entry| entry.state == State::PutOff) else {
                continue;
            };
            entry.state = State::Waiting;
            self.away -= 1;
            self.lines[Urgency::Retry as usize].push(&entry.want.school_id, question);
        }
    }

    /// How many are put off, as their photos' stores do not answer.
    pub fn away(&self) -> usize {
        self.away
    }

    /// How many questions have no answer yet.
    pub fn pending(&self) -> usize {
        self.entries.len() - self.answered
    }

    /// How many could be lent now.
    pub fn waiting(&self) -> usize {
        self.entries.len() - self.leased - self.away - self.answered
    }

    /// How many are with pools.
    pub fn leased(&self) -> usize {
        self.leased
    }

    /// The questions that wait for an answer.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.entries.iter().filter(|(_, entry)| entry.state != State::Answered).map(|(question, _)| question)
    }

    /// True when every question has been answered, and every answer has been through an epoch.
    pub fn is_settled(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::{ModelName, PhotoKey};

    fn question(name: &str) -> Question {
        let photo = PhotoKey { uri: name.into(), version: "".into() };
        Question { photo, model: ModelName::new("m@1").expect("a model"), template: None }
    }

    fn want(school: &str, admitted: Epoch) -> Want {
        let school_id = Id::new(school).expect("an id");
        Want {
            shadow: false,
            admitted,
            school_id,
            student_id: Id::new("s").expect("an id"),
            bytes: None,
            sha256: None,
            blank: None,
        }
    }

    fn ask(queue: &mut Queue, epoch: Epoch, name: &str, school: &str, diff: isize) {
        queue.apply(epoch, false, [(question(name), want(school, epoch), diff)]);
    }

    #[test]
    fn a_question_is_leased_once_and_answered_once() {
        let mut queue = Queue::default();
        ask(&mut queue, 1, "a", "x", 1);
        ask(&mut queue, 2, "a", "x", 1);
        assert_eq!(queue.lease().map(|(q, _)| q), Some(question("a")));
        assert_eq!(queue.lease(), None);
        assert!(queue.answer(&question("a")).is_some());
        assert!(queue.answer(&question("a")).is_none(), "first wins");
        assert!(!queue.is_settled(), "the answer has yet to pass an epoch");
        queue.apply(3, false, [(question("a"), want("x", 1), -2)]);
        assert!(queue.is_settled());
    }

    #[test]
    fn an_answer_that_nobody_waits_for_is_dropped() {
        let mut queue = Queue::default();
        ask(&mut queue, 1, "a", "x", 1);
        queue.lease();
        ask(&mut queue, 2, "a", "x", -1);
        assert!(queue.answer(&question("a")).is_none());
        assert!(queue.is_settled() && queue.leased() == 0);
    }

    #[test]
    fn counts_may_pass_through_zero_within_an_epoch() {
        let mut queue = Queue::default();
        ask(&mut queue, 1, "a", "x", 1);
        queue.lease();
        let moved = [(question("a"), want("x", 1), -1), (question("a"), want("x", 2), 1)];
        queue.apply(2, false, moved);
        assert_eq!(queue.leased(), 1, "the lease stands");
        assert!(queue.answer(&question("a")).is_some());
    }

    #[test]
    fn schools_take_turns_and_live_photos_come_before_a_backlog() {
        let mut queue = Queue::default();
        queue.apply(1, true, [(question("old"), want("x", 1), 1)]);
        for name in ["a1", "a2", "a3"] {
            ask(&mut queue, 2, name, "a", 1);
        }
        ask(&mut queue, 2, "b1", "b", 1);
        let order: Vec<_> = std::iter::from_fn(|| queue.lease()).map(|(q, _)| q.photo.uri.to_string()).collect();
        assert_eq!(order, ["a1", "b1", "a2", "a3", "old"]);
    }

    #[test]
    fn a_lease_put_off_waits_in_no_line_until_its_time() {
        let mut queue = Queue::default();
        let now = Instant::now();
        let second = std::time::Duration::from_secs(1);
        for name in ["a", "b", "c"] {
            ask(&mut queue, 1, name, "x", 1);
        }
        for wait in [3, 1, 2] {
            let (question, _) = queue.lease().expect("it waits");
            queue.put_off(question, now + second * wait);
        }
        assert_eq!((queue.pending(), queue.away(), queue.leased()), (3, 3, 0));
        assert_eq!(queue.waiting(), 0, "whoever waits for room to lend them would wait for nothing, and spin");
        assert_eq!((queue.lease(), queue.next_back()), (None, Some(now + second)));
        ask(&mut queue, 2, "c", "x", -1);
        assert!(queue.answer(&question("b")).is_some(), "somebody else may answer meanwhile");
        assert_eq!(queue.away(), 1);
        queue.come_back(now + second * 2);
        assert_eq!(queue.lease(), None, "b is answered, and nobody asks for c");
        queue.come_back(now + second * 3);
        assert_eq!(queue.lease().map(|(leased, _)| leased), Some(question("a")));
        assert_eq!((queue.away(), queue.leased(), queue.next_back()), (0, 1, None));
    }

    #[test]
    fn a_lease_given_back_waits_again_behind_live_photos() {
        let mut queue = Queue::default();
        ask(&mut queue, 1, "a", "x", 1);
        let (leased, _) = queue.lease().expect("a waits");
        queue.give_back(leased);
        ask(&mut queue, 2, "b", "x", 1);
        let order: Vec<_> = std::iter::from_fn(|| queue.lease()).map(|(q, _)| q.photo.uri.to_string()).collect();
        assert_eq!(order, ["b", "a"]);
    }
}
