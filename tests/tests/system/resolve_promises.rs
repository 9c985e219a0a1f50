//! "Effects are remembered, not repeated": what `resolve` promises of questions and answers, each promise a test.

use inkflow_connectors::journal::Collection;
use inkflow_oracle::Dice;
use inkflow_schemas::{Millis, Outcome, Topic};
use inkflow_tests::play::Play;
use inkflow_tests::said::{named, Said};

use crate::every_epoch::each_seed;

const H: &str = r#"{"assignment_id":"h","class_id":"5b","subject":"maths","pages":2,"due_at":"2026-11-21T08:00:00Z"}"#;
const ANA: &str = r#"{"student_id":"ana","class_id":"5b","school_id":"north"}"#;
const BEN: &str = r#"{"student_id":"ben","class_id":"5b","school_id":"north"}"#;

/// Ana and Ben in 5b, with homework `h`.
fn class() -> Said {
    let mut said = Said::new();
    said.say(Topic::Assignments, H);
    said.say(Topic::Enrolments, ANA);
    said.say(Topic::Enrolments, BEN);
    said.epoch();
    said
}

/// Page 1 of somebody's homework, uploaded at a minute past eight.
fn upload(said: &mut Said, student: &str, uri: &str, minute: u32) {
    let value = format!(
        r#"{{"submission_id":"u{minute}","student_id":"{student}","assignment_id":"h","page":1,
            "photo":{{"uri":"{uri}"}},"uploaded_at":"2026-11-20T08:{minute:02}:00Z"}}"#
    );
    said.say(Topic::Submissions, &value);
}

fn policy(said: &mut Said, live: &str, more: &str) -> bool {
    said.say(Topic::Models, &format!(r#"{{"scope":"*","live":"{live}"{more}}}"#))
}

/// What is asked in the epoch that ends now.
fn asked(said: &mut Said) -> Vec<String> {
    said.epoch();
    said.lease_all()
}

fn complete(uri: &str) -> String {
    format!(r#"{{"uri":"{uri}","quality":"ok","completion_bp":9000}}"#)
}

/// Ana's photo `a.jpg` was read.
fn read_once() -> Said {
    let mut said = class();
    upload(&mut said, "ana", "a.jpg", 1);
    assert_eq!(asked(&mut said), ["a.jpg recorded@1"]);
    assert_eq!(said.read(&complete("a.jpg")), 1);
    assert_eq!(asked(&mut said), [""; 0]);
    said
}

#[test]
fn retraction_and_another_demand_ask_nothing_that_is_answered() {
    let mut said = read_once();
    let before = said.row("page_status", "ana,h,1");
    // Each takes the photo out of demand, and puts it back.
    type Step = fn(&mut Said) -> bool;
    let steps: [(Step, Step); 5] = [
        (|said| said.delete(Topic::Enrolments, "ana|5b"), |said| said.say(Topic::Enrolments, ANA)),
        (|said| said.delete(Topic::Assignments, "h"), |said| said.say(Topic::Assignments, H)),
        (|said| said.say(Topic::Assignments, &H.replace("5b", "5c")), |said| said.say(Topic::Assignments, H)),
        (|said| policy(said, "page@2", ""), |said| said.delete(Topic::Models, "*")),
        // No reading is lost to a threshold, and no question born of one.
        (
            |said| said.say(Topic::Assignments, &H.replace("}", r#","complete_from_bp":9500}"#)),
            |said| said.say(Topic::Assignments, H),
        ),
    ];
    for (number, (there, back)) in steps.into_iter().enumerate() {
        there(&mut said);
        let born = asked(&mut said);
        assert!(born.iter().all(|question| question == "a.jpg page@2"), "step {number}: {born:?}");
        assert_ne!(said.row("page_status", "ana,h,1"), before, "step {number}");
        back(&mut said);
        assert_eq!(asked(&mut said), [""; 0], "step {number}");
        assert_eq!(said.row("page_status", "ana,h,1"), before, "step {number}");
    }
}

#[test]
fn a_reupload_of_the_same_photo_and_a_second_page_of_it_ask_nothing() {
    let mut said = read_once();
    upload(&mut said, "ana", "a.jpg", 2);
    upload(&mut said, "ben", "a.jpg", 3);
    assert_eq!(asked(&mut said), [""; 0]);
    assert_eq!(said.row("page_status", "ben,h,1"), Some("u3,1795161780000,complete,9000,,,recorded@1,false".into()));
}

#[test]
fn one_photo_of_two_pages_is_asked_once() {
    let mut said = class();
    upload(&mut said, "ana", "a.jpg", 1);
    upload(&mut said, "ben", "a.jpg", 1);
    assert_eq!(asked(&mut said), ["a.jpg recorded@1"]);
    upload(&mut said, "ana", "a.jpg", 2);
    assert_eq!(asked(&mut said), [""; 0], "leased already");
    assert_eq!(said.core.queue.leased(), 1);
}

#[test]
fn a_rollback_of_the_model_asks_nothing_and_changes_the_numbers_back() {
    let mut said = read_once();
    let before = said.core.tables.texts();
    policy(&mut said, "page@2", "");
    assert_eq!(asked(&mut said), ["a.jpg page@2"]);
    assert_eq!(said.row("page_status", "ana,h,1"), Some("u1,1795161660000,pending,,,,page@2,false".into()));
    said.read(r#"{"uri":"a.jpg","quality":"ok","completion_bp":100}"#);
    said.epoch();
    assert_eq!(said.row("page_status", "ana,h,1"), Some("u1,1795161660000,blank,100,,,page@2,false".into()));
    said.delete(Topic::Models, "*");
    assert_eq!(asked(&mut said), [""; 0]);
    let after = said.core.tables.texts();
    for (view, text) in before.iter().filter(|(view, _)| *view != "freshness") {
        assert_eq!(text, &after[view]);
    }
    // And forward again: that model's reading is kept, too.
    policy(&mut said, "page@2", "");
    assert_eq!(asked(&mut said), [""; 0]);
}

#[test]
fn a_shadow_that_becomes_live_asks_nothing() {
    let mut said = read_once();
    policy(&mut said, "recorded@1", r#","shadow":"page@2""#);
    assert_eq!(asked(&mut said), ["a.jpg page@2"]);
    said.read(&complete("a.jpg"));
    policy(&mut said, "page@2", r#","shadow":"recorded@1""#);
    assert_eq!(asked(&mut said), [""; 0]);
}

#[test]
fn a_restart_asks_what_is_missing_and_nothing_that_is_answered() {
    let mut said = read_once();
    upload(&mut said, "ben", "b.jpg", 1);
    assert_eq!(asked(&mut said), ["b.jpg recorded@1"]);
    let before = said.core.tables.texts();
    let mut said = said.restart(2);
    // b.jpg was leased when the process ended: asking twice around a crash is allowed.
    assert_eq!(said.lease_all(), ["b.jpg recorded@1"]);
    assert_eq!(said.core.tables.texts()["page_status"], before["page_status"]);
    said.read(&complete("b.jpg"));
    said.epoch();
    let mut said = said.restart(3);
    assert_eq!(said.lease_all(), [""; 0]);
    assert!(said.core.queue.is_settled());
}

#[test]
fn the_first_answer_wins() {
    let mut said = class();
    upload(&mut said, "ana", "a.jpg", 1);
    asked(&mut said);
    assert_eq!(said.read(&complete("a.jpg")), 1);
    // Before its epoch is sealed, while it is, and after.
    let other = r#"{"uri":"a.jpg","quality":"ok","completion_bp":100}"#;
    assert_eq!(said.read(other), 0);
    said.core.seal(Millis(1_795_161_600_000));
    assert_eq!(said.read(other), 0);
    said.core.deliver();
    assert_eq!(said.read(other), 0);
    assert_eq!(said.core.journal.count(Collection::Readings), 1);
    assert_eq!(said.row("page_status", "ana,h,1"), Some("u1,1795161660000,complete,9000,,,recorded@1,false".into()));
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut said = class();
    upload(&mut said, "ana", "a.jpg", 1);
    said.epoch();
    let leased = said.core.lease().expect("a question");
    upload(&mut said, "ana", "b.jpg", 2);
    said.epoch();
    let fault = Outcome::Failed { fault: inkflow_schemas::Fault::Corrupt, attempts: 1 };
    assert!(!said.core.answer(&leased, fault), "{} is superseded", named(&leased));
    assert_eq!(said.lease_all(), ["b.jpg recorded@1"]);
    said.epoch();
    assert_eq!(said.core.journal.count(Collection::Readings), 0);
}

#[test]
fn a_question_that_comes_back_while_it_is_leased_is_not_leased_again_and_its_answer_counts() {
    let mut said = class();
    upload(&mut said, "ana", "a.jpg", 1);
    said.epoch();
    let leased = said.core.lease().expect("a question");
    // In one epoch out of demand and back: the lease stands.
    said.delete(Topic::Enrolments, "ana|5b");
    said.say(Topic::Enrolments, ANA);
    assert_eq!(asked(&mut said), [""; 0]);
    // Out in one epoch and back in another: it may be leased again, and the first answer of either wins.
    said.delete(Topic::Enrolments, "ana|5b");
    said.epoch();
    said.say(Topic::Enrolments, ANA);
    assert_eq!(asked(&mut said), ["a.jpg recorded@1"]);
    let fault = Outcome::Failed { fault: inkflow_schemas::Fault::Corrupt, attempts: 1 };
    assert!(said.core.answer(&leased, fault));
    assert!(!said.core.answer(&leased, fault));
}

#[test]
fn a_slow_photo_holds_back_no_epoch_and_a_dead_one_fails_alone() {
    let mut said = class();
    upload(&mut said, "ana", "slow.jpg", 1);
    upload(&mut said, "ben", "b.jpg", 1);
    said.epoch();
    said.read(&complete("b.jpg"));
    for _ in 0..5 {
        said.epoch();
    }
    assert_eq!(said.row("page_status", "ben,h,1"), Some("u1,1795161660000,complete,9000,,,recorded@1,false".into()));
    assert_eq!(said.row("page_status", "ana,h,1"), Some("u1,1795161660000,pending,,,,recorded@1,false".into()));
    said.read(r#"{"uri":"slow.jpg","fault":"timeout"}"#);
    said.epoch();
    assert_eq!(said.row("page_status", "ana,h,1"), Some("u1,1795161660000,failed,,,timeout,recorded@1,false".into()));
    assert_eq!(said.row("failed_photos", "slow.jpg,,,recorded@1"), Some("timeout,1".into()));
}

#[test]
fn a_change_of_model_waits_behind_live_photos() {
    let mut said = read_once();
    policy(&mut said, "page@2", "");
    said.epoch();
    upload(&mut said, "ben", "b.jpg", 5);
    assert_eq!(asked(&mut said), ["b.jpg page@2", "a.jpg page@2"]);
}

#[test]
fn what_is_asked_again_after_an_answer_is_withdrawn_is_asked_once() {
    let mut said = read_once();
    let question = inkflow_tests::play::asked(&inkflow_oracle::Question {
        photo: ("a.jpg".into(), String::new()),
        model: "recorded@1".into(),
        template: None,
    });
    said.core.withdraw(&question);
    assert_eq!(asked(&mut said), ["a.jpg recorded@1"]);
    assert_eq!(asked(&mut said), [""; 0]);
}

/// Crashes at any epoch, with anything in flight, at any number of workers before and after.
#[test]
fn restarts_change_no_view_and_repeat_no_answered_question() {
    each_seed(6_000, 60, |seed| {
        let mut dice = Dice::new(seed);
        let mut play = Play::of_seed(seed, [60, 120][(seed % 2) as usize], 1 + (seed % 3) as usize);
        while play.left() > 0 {
            play.step(12);
            if dice.chance(20) {
                play.restart(1 + dice.below(3));
            }
        }
        play.to_the_end();
        play.check_journal();
    });
}
