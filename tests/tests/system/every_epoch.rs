//! After every epoch every view is what the oracle recomputes from all that was admitted and answered so far, whatever
//! the order of arrival, the cut into epochs and the number of workers.

use inkflow_tests::play::Play;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Histories for each number of workers; INKFLOW_SEEDS asks for more.
const SEEDS: u64 = 100;

/// Records in a history: few, so that one that fails is read by eye; and enough that things meet.
const RECORDS: [usize; 5] = [30, 60, 100, 160, 260];

/// Runs a check on many seeds, and says which one failed.
pub fn each_seed(first: u64, count: u64, check: impl Fn(u64)) {
    let asked = std::env::var("INKFLOW_SEEDS").ok().and_then(|count| count.parse().ok());
    for seed in first..first + asked.unwrap_or(count) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(seed))) {
            eprintln!("seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
}

fn equals_the_oracle(first: u64, workers: usize) {
    each_seed(first, SEEDS, |seed| {
        let mut play = Play::of_seed(seed, RECORDS[(seed % RECORDS.len() as u64) as usize], workers);
        play.to_the_end();
        play.check_journal();
        play.restart(1 + workers % 3);
        play.check_journal();
    });
}

#[test]
fn at_one_worker() {
    equals_the_oracle(1_000, 1);
}

#[test]
fn at_two_workers() {
    equals_the_oracle(2_000, 2);
}

#[test]
fn at_three_workers() {
    equals_the_oracle(3_000, 3);
}
