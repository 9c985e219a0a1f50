//! A standing: how many assignments of a set are complete, on time, awaiting and so on, and how complete they are.
//!
//! Five views count assignments in the same words; they differ in the set.

use super::student_assignment::{Progress, ProgressState};
use crate::tally::Summary;
use serde::{Deserialize, Serialize};

/// Counts over a set of given pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Given pairs.
    pub assigned: i64,
    /// Complete.
    pub complete: i64,
    /// Complete, with every upload in time.
    pub on_time: i64,
    /// All pages in, one waits for its reading.
    pub awaiting: i64,
    /// All pages in, one is not complete.
    pub incomplete: i64,
    /// Not all in, with time left.
    pub open: i64,
    /// Not all in, and due.
    pub overdue: i64,
    /// The sum of completion_bp over all pairs.
    pub completion_sum_bp: i64,
    /// The same over those not open.
    pub closed_completion_sum_bp: i64,
    /// Pages without a reading yet.
    pub pages_pending: i64,
    /// Pages unusable or failed.
    pub pages_reshoot: i64,
}

impl Standing {
    /// The standing of one pair.
    pub fn of(progress: &Progress) -> Standing {
        let is = |state| i64::from(progress.state == state);
        let open = is(ProgressState::Open);
        Standing {
            assigned: 1,
            complete: is(ProgressState::Complete),
            on_time: i64::from(progress.on_time),
            awaiting: is(ProgressState::Awaiting),
            incomplete: is(ProgressState::Incomplete),
            open,
            overdue: is(ProgressState::Overdue),
            completion_sum_bp: progress.completion_bp,
            closed_completion_sum_bp: progress.completion_bp * (1 - open),
            pages_pending: progress.pages.pending,
            pages_reshoot: progress.pages.reshoot,
        }
    }

    /// The mean completion of all pairs, in basis points, rounded down; empty over none.
    pub fn completion_bp(&self) -> Option<i64> {
        mean(self.completion_sum_bp, self.assigned)
    }

    /// The mean of those not open, so that homework set today lowers nobody; empty over none.
    pub fn closed_completion_bp(&self) -> Option<i64> {
        mean(self.closed_completion_sum_bp, self.assigned - self.open)
    }

    fn add(&mut self, other: &Standing, times: i64) {
        let Standing {
            assigned,
            complete,
            on_time,
            awaiting,
            incomplete,
            open,
            overdue,
            completion_sum_bp,
            closed_completion_sum_bp,
            pages_pending,
            pages_reshoot,
        } = other;
        self.assigned += times * assigned;
        self.complete += times * complete;
        self.on_time += times * on_time;
        self.awaiting += times * awaiting;
        self.incomplete += times * incomplete;
        self.open += times * open;
        self.overdue += times * overdue;
        self.completion_sum_bp += times * completion_sum_bp;
        self.closed_completion_sum_bp += times * closed_completion_sum_bp;
        self.pages_pending += times * pages_pending;
        self.pages_reshoot += times * pages_reshoot;
    }
}

fn mean(sum: i64, count: i64) -> Option<i64> {
    (count > 0).then(|| sum.div_euclid(count))
}

/// What a standing is made of: that its row exists, and the pairs of its set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// The row exists, with or without pairs.
    Exists,
    /// A given pair of the set.
    Pair(Standing),
}

/// The standing of a set, shown while its row exists.
#[derive(Default)]
pub struct Standings {
    exists: isize,
    standing: Standing,
}

impl Summary for Standings {
    type Row = Part;
    type Shown = Standing;

    fn update(&mut self, part: Part, diff: isize) {
        match part {
            Part::Exists => self.exists += diff,
            Part::Pair(standing) => self.standing.add(&standing, diff as i64),
        }
    }
    fn show(&self) -> Option<Standing> {
        (self.exists > 0).then_some(self.standing)
    }
    fn is_empty(&self) -> bool {
        self.exists == 0 && self.standing == Standing::default()
    }
}
