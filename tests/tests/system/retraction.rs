//! What is taken back is gone: from the views, from the journal and from every operator's state.

use crate::every_epoch::each_seed;
use inkflow_connectors::journal::Collection;
use inkflow_oracle::Views;
use inkflow_schemas::Topic;
use inkflow_tests::core::Core;
use inkflow_tests::play::Play;
use inkflow_tests::said::Said;
use std::time::{Duration, Instant};

/// Histories that are taken back.
const SEEDS: u64 = 60;

/// Counts arrive, and idle arrangements merge, within this time, or never.
const SETTLING_MAX: Duration = Duration::from_secs(20);

/// What the operators hold of views, and in arrangements: all but the two that nothing takes back.
fn held(core: &Core) -> (Vec<(String, i64)>, i64) {
    let forever = ["Rejected", "Freshness"];
    let rows = core.held().rows().into_iter().filter(|(operator, rows)| *rows != 0 && !forever.contains(&&**operator));
    (rows.map(|(operator, rows)| (operator.to_string(), rows)).collect(), core.held().arranged_updates())
}

/// Waits until the operators hold what they should.
fn settles(core: &Core, is_so: impl Fn(&(Vec<(String, i64)>, i64)) -> bool) {
    let start = Instant::now();
    loop {
        let held = held(core);
        if is_so(&held) {
            return;
        }
        assert!(start.elapsed() < SETTLING_MAX, "rows by operator, updates arranged: {held:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn rows(views: &Views) -> Vec<(&str, usize)> {
    let forever = ["rejected", "freshness"];
    let rows = views.iter().map(|(view, text)| (view.as_str(), text.lines().count() - 1));
    rows.filter(|(view, rows)| *rows > 0 && !forever.contains(view)).collect()
}

#[test]
fn everything_taken_back_leaves_nothing() {
    each_seed(5_000, SEEDS, |seed| {
        let workers = 1 + (seed % 3) as usize;
        let mut play = Play::of_seed(seed, [30, 80, 160][(seed / 3 % 3) as usize], workers);
        if seed % 2 == 0 {
            play.to_the_end();
        } else {
            // In the middle: questions wait, and some are leased.
            while play.left() > 20 {
                play.step(12);
            }
        }
        play.deliver_all();
        assert!(!rows(&play.core.tables.texts()).is_empty(), "there is something to take back");
        let before = held(&play.core).1;
        play.undo_everything();
        assert_eq!(rows(&play.core.tables.texts()), vec![]);
        assert!(play.core.queue.is_settled(), "nothing is asked");
        assert_eq!((play.core.queue.pending(), play.core.queue.leased()), (0, 0));
        let left: Vec<Collection> = play.core.journal.all().map(|(key, _)| key.collection).collect();
        let forever = [Collection::Rejected, Collection::Erased, Collection::Attempts];
        assert!(left.iter().all(|collection| forever.contains(collection)), "{left:?}");
        // An arrangement forgets what cancelled when its batches merge; those of the last epochs have yet to.
        settles(&play.core, |(operators, arranged)| operators.is_empty() && *arranged <= 16 + before / 2);
    });
}

/// A page of a class of forty, uploaded again and again while rosters and due dates change.
#[test]
fn state_stays_proportional_to_live_rows() {
    let mut said = Said::new();
    let changes = |said: &mut Said, round: u64| {
        let due_at = 1_795_200_000_000 + round as i64 % 7;
        said.say(
            Topic::Assignments,
            &format!(r#"{{"assignment_id":"h","class_id":"5b","subject":"maths","pages":1,"due_at":{due_at}}}"#),
        );
        for student in 0..40 {
            let since = round % 5;
            said.say(
                Topic::Enrolments,
                &format!(r#"{{"student_id":"s{student}","class_id":"5b","school_id":"north","since":{since}}}"#),
            );
            said.say(
                Topic::Submissions,
                &format!(
                    r#"{{"submission_id":"u{round}","student_id":"s{student}","assignment_id":"h","page":1,
                        "photo":{{"uri":"s3://{}.jpg"}},"uploaded_at":{}}}"#,
                    (round * 40 + student) % 500,
                    1_795_100_000_000 + round
                ),
            );
        }
        while let Some(question) = said.core.lease() {
            said.read(&format!(r#"{{"uri":"{}","quality":"ok","completion_bp":9000}}"#, question.photo.uri));
        }
        said.epoch();
    };
    changes(&mut said, 0);
    changes(&mut said, 1);
    let after_few = held(&said.core);
    let rounds = 250;
    (2..rounds).for_each(|round| changes(&mut said, round));
    // 20,000 uploads, enrolments and due dates later: what is held has grown by the photos read, nothing else.
    settles(&said.core, |(operators, arranged)| {
        let of = |name: &str| operators.iter().find(|(operator, _)| operator == name).map_or(0, |(_, rows)| *rows);
        of("Pages") == 40 && of("Enrolments") == 40 && of("Readings") == 500 && *arranged < 500 + 8 * 40 + 20
    });
    assert!(after_few.0.len() > 8, "many operators count: {after_few:?}");
}
