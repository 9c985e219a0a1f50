//! A reading goes when nobody has asked about its photo for long: not before, not while somebody asks, and for good.

use crate::every_epoch::each_seed;
use inkflow_connectors::journal::Collection;
use inkflow_schemas::{Millis, Topic};
use inkflow_tests::core::KEEP_READINGS_DAYS;
use inkflow_tests::play::Play;
use inkflow_tests::said::Said;
use std::cell::Cell;

/// Histories, at 1 to 3 workers.
const SEEDS: u64 = 90;

/// The play itself asserts, at every deletion, that the oracle's demand has not had the photo for long enough; that all
/// views stay as they are; and that nothing is asked whose answer is kept.
#[test]
fn what_nobody_asks_about_goes_and_nothing_else_through_restarts() {
    let expired = Cell::new(0);
    each_seed(7_000, SEEDS, |seed| {
        let mut play = Play::of_seed(seed, [60, 120, 200][(seed % 3) as usize], 1 + (seed / 3 % 3) as usize);
        while play.left() > 0 {
            play.step(12);
            if play.is_at_rest() && play.dice.chance(20) {
                let workers = 1 + play.dice.below(3);
                play.restart(workers);
            }
        }
        play.to_the_end();
        play.check_journal();
        play.expire_all();
        play.restart(1 + (seed % 3) as usize);
        play.check_journal();
        expired.set(expired.get() + play.expired);
    });
    let expired = expired.get();
    assert!(expired > 100, "{expired} photos expired: the histories show too little");
}

const ROW: &str = "ana,hw-1,1";

fn handed_in() -> Said {
    let mut said = Said::new();
    said.say(
        Topic::Assignments,
        r#"{"assignment_id":"hw-1","class_id":"5b","subject":"maths","pages":1,"due_at":1795200000000}"#,
    );
    enrol(&mut said);
    said.say(
        Topic::Submissions,
        r#"{"submission_id":"s1","student_id":"ana","assignment_id":"hw-1","page":1,
            "photo":{"uri":"a.jpg"},"uploaded_at":1795100000000}"#,
    );
    said.epoch();
    said.lease_all();
    assert_eq!(said.read(r#"{"uri":"a.jpg","quality":"ok","completion_bp":9000}"#), 1);
    said.epoch();
    said
}

fn enrol(said: &mut Said) {
    said.say(Topic::Enrolments, r#"{"student_id":"ana","class_id":"5b","school_id":"north"}"#);
}

fn known(said: &Said) -> [usize; 3] {
    [Collection::Readings, Collection::FirstReadings, Collection::LeftDemand].map(|of| said.core.journal.count(of))
}

fn settle(said: &mut Said) {
    (0..4).for_each(|_| drop(said.epoch()));
}

#[test]
fn it_goes_at_its_hour_and_is_read_again_should_the_photo_come_back() {
    let mut said = handed_in();
    said.delete(Topic::Enrolments, "ana|5b");
    settle(&mut said);
    assert_eq!(known(&said), [1, 1, 1]);
    let left = said.core.last().1;
    let expires = Millis((left.plus_days(KEEP_READINGS_DAYS.into()).0 + 3_599_999) / 3_600_000 * 3_600_000);
    said.at(Millis(expires.0 - 1));
    settle(&mut said);
    assert_eq!(known(&said), [1, 1, 1], "a millisecond before");
    said = said.restart(2);
    said.at(expires);
    settle(&mut said);
    assert_eq!(known(&said), [0, 0, 0]);
    enrol(&mut said);
    said.epoch();
    assert_eq!(said.lease_all(), ["a.jpg recorded@1"]);
    assert!(said.row("page_status", ROW).is_some_and(|row| row.contains("pending")));
}

/// It comes back in the very epoch that passes its instant, and in the one after it.
#[test]
fn what_comes_back_at_the_last_moment_stays_and_is_not_read_again() {
    for late in [false, true] {
        let mut said = handed_in();
        let row = said.row("page_status", ROW);
        said.delete(Topic::Enrolments, "ana|5b");
        settle(&mut said);
        let left = said.core.last().1;
        said.at(left.plus_days(i64::from(KEEP_READINGS_DAYS) + 1));
        if late {
            said.epoch();
            assert_eq!(said.core.expired().photos().count(), 1);
        }
        enrol(&mut said);
        settle(&mut said);
        assert_eq!(known(&said), [1, 1, 0], "late: {late}");
        assert_eq!((said.row("page_status", ROW), said.lease_all()), (row, vec![]));
        // Away once more, it has all its days again.
        said.delete(Topic::Enrolments, "ana|5b");
        settle(&mut said);
        assert_eq!(known(&said), [1, 1, 1]);
    }
}

/// The pages of a model that is no longer live are kept while their photo is asked about: a rollback costs nothing.
#[test]
fn readings_of_a_model_that_is_not_live_stay_with_their_photo() {
    let mut said = handed_in();
    said.say(Topic::Models, r#"{"scope":"*","live":"page@2"}"#);
    said.epoch();
    said.lease_all();
    assert_eq!(said.read(r#"{"uri":"a.jpg","model":"page@2","quality":"blurred"}"#), 1);
    said.at(said.core.last().1.plus_days(400));
    settle(&mut said);
    assert_eq!(known(&said), [2, 1, 0]);
    said.delete(Topic::Models, "*");
    settle(&mut said);
    assert_eq!((said.lease_all(), known(&said)), (vec![], [2, 1, 0]));
}
