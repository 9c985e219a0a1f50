//! The views that count: by student, by class, by day, by model.

use super::*;

/// pages_expected, pages_received, pages_pending, pages_complete, completion_bp, status, on_time, last_upload.
fn pair(case: &Case) -> String {
    case.row("student_assignment", "ana,5b,h")
}

#[test]
fn a_pair_is_given_from_opens_at_on() {
    let mut case = Case::new();
    case.assignment("h", 2, DUE, &format!(r#","opens_at":{}"#, DUE - 5));
    assert_eq!(pair(case.at(DUE - 6)), "no row");
    assert_eq!(case.row("student_completion", "ana,5b"), "0,0,0,0,0,0,0,");
    assert_eq!(case.row("class_assignment", "5b,h"), "0,0,0,0,0,0,0,,0,0");
    assert_eq!(pair(case.at(DUE - 5)), "2,0,0,0,0,open,false,");
}

#[test]
fn a_pair_is_not_given_when_due_before_the_student_came() {
    let mut case = Case::new();
    case.enrolment("ana", "5b", &format!(r#","since":{DUE}"#));
    assert_eq!(pair(&case), "2,0,0,0,0,open,false,");
    case.enrolment("ana", "5b", &format!(r#","since":{}"#, DUE + 1));
    assert_eq!(pair(&case), "no row");
    assert_eq!(case.row("student_assignment", "ben,5b,h"), "2,0,0,0,0,open,false,");
}

#[test]
fn a_pair_is_open_until_due_and_overdue_from_then_on() {
    let mut case = Case::new();
    case.upload("ana", 2, "u", 7).read("u", 9001);
    assert_eq!(pair(case.at(DUE - 1)), "2,1,0,1,4500,open,false,7");
    assert_eq!(pair(case.at(DUE)), "2,1,0,1,4500,overdue,false,7");
    case.review("ana", 1, "unusable", 5, r#","completion_bp":1000"#);
    assert_eq!(pair(&case), "2,2,0,1,5000,incomplete,false,7");
    case.review("ana", 1, "complete", 5, "");
    assert_eq!(pair(&case), "2,2,0,2,9500,complete,true,7");
}

#[test]
fn on_time_asks_for_every_upload_there_is() {
    let mut case = Case::new();
    case.upload("ana", 1, "u", 7).upload("ana", 2, "u", DUE).read("u", 9000).at(DUE + DAY_MS);
    assert_eq!(pair(&case), format!("2,2,0,2,9000,complete,true,{DUE}"));
    // A better photo, too late; the teacher's review does not turn the clock back.
    case.upload("ana", 2, "u", DUE + 1).review("ana", 2, "complete", DUE + 2, "");
    assert_eq!(pair(&case), format!("2,2,0,2,9500,complete,false,{}", DUE + 1));
    // On paper there is no upload that could be late.
    case.review("ben", 1, "complete", DUE + 9, "").review("ben", 2, "complete", DUE + 9, "");
    assert_eq!(case.row("student_assignment", "ben,5b,h"), "2,2,0,2,10000,complete,true,");
    // A corrected due date.
    case.assignment("h", 2, DUE + 1, "");
    assert_eq!(pair(&case), format!("2,2,0,2,9500,complete,true,{}", DUE + 1));
}

#[test]
fn pages_above_the_assignments_do_not_count() {
    let mut case = Case::new();
    case.assignment("h", 1, DUE, "").upload("ana", 1, "u", 7).upload("ana", 2, "u", DUE + 9);
    case.read("u", 8000);
    assert_eq!(pair(&case), "1,1,0,1,8000,complete,true,7");
}

#[test]
fn homework_that_is_open_lowers_nobodys_mean() {
    let mut case = Case::new();
    case.assignment("i", 1, DUE - DAY_MS, "").assignment("j", 1, DUE - DAY_MS, "");
    // Complete though not yet due, so not open; then two overdue or incomplete; then one open.
    case.assignment("k", 1, DUE, "").upload_of("k", "ana", 1, "u", 5).read("u", 10_000);
    case.upload_of("j", "ana", 1, "v", 5).read("v", 1);
    assert_eq!(case.row("student_completion", "ana,5b"), "4,1,1,0,1,1,1,3333");
    assert_eq!(case.row("student_completion", "ben,5b"), "4,0,0,0,0,2,2,0");
    assert_eq!(Case::new().row("student_completion", "ben,5b"), "1,0,0,0,0,1,0,");
}

#[test]
fn a_student_has_a_row_for_each_class_and_subject() {
    let mut case = Case::new();
    case.enrolment("ana", "6a", "");
    let art = r#"{"assignment_id":"p","class_id":"6a","subject":"art","pages":1,"due_at":9}"#;
    case.line("assignments", &format!(r#"{{"key":"p","value":{art}}}"#));
    assert_eq!(case.row("student_completion", "ana,5b"), "1,0,0,0,0,1,0,");
    assert_eq!(case.row("student_completion", "ana,6a"), "1,0,0,0,0,0,1,0");
    let subjects = ["ana,5b,maths,1,0,0,0,0,1,0,", "ana,6a,art,1,0,0,0,0,0,1,0", "ben,5b,maths,1,0,0,0,0,1,0,"];
    assert_eq!(case.rows("student_subject"), subjects);
    // The homework moves to another class: with its rows.
    let moved = art.replace("6a", "5b");
    case.line("assignments", &format!(r#"{{"key":"p","value":{moved}}}"#));
    assert_eq!(case.row("student_completion", "ana,6a"), "0,0,0,0,0,0,0,");
    assert_eq!(case.row("class_assignment", "6a,p"), "no row");
    assert_eq!(case.row("class_assignment", "5b,p"), "2,0,0,0,0,0,2,0,0,0");
}

#[test]
fn recent_windows_are_open_at_their_start_and_closed_at_their_end() {
    let day_before = |days: i64, ms: i64| DUE - days * DAY_MS + ms;
    let mut case = Case::new();
    case.at(DUE);
    let of = |case: &Case, days: i64| {
        let row = case.row("student_recent", &format!("ana,5b,{days}"));
        row.split(',').next().unwrap_or_default().to_string()
    };
    assert_eq!((of(&case, 7), of(&case, 30)), ("1".into(), "1".into()));
    case.assignment("i", 1, day_before(7, 1), "").assignment("j", 1, day_before(7, 0), "");
    case.assignment("k", 1, day_before(30, 1), "").assignment("l", 1, day_before(30, 0), "");
    case.assignment("m", 1, DUE + 1, "");
    assert_eq!((of(&case, 7), of(&case, 30)), ("2".into(), "4".into()));
    assert_eq!(case.row("student_recent", "ana,5b,7"), "2,0,0,0,0,0,2,0");
    let keys: Vec<_> = case.rows("student_recent").iter().map(|row| row[..8].to_string()).collect();
    assert_eq!(keys, ["ana,5b,7", "ana,5b,3", "ben,5b,7", "ben,5b,3"]);
}

#[test]
fn a_class_shows_the_mean_of_all_and_what_to_shoot_again() {
    let mut case = Case::new();
    case.upload("ana", 1, "ok", 5).upload("ana", 2, "dark", 5).upload("ana", 3, "gone", 5);
    case.upload("ben", 1, "gone", 5).review("ben", 2, "unusable", 5, "");
    case.read("ok", 9001).answer(r#"{"uri":"dark","quality":"dark"}"#);
    // Ana (9001 + 0) / 2 = 4500, Ben 0; pages above the assignment's are nobody's to shoot again.
    assert_eq!(case.row("class_assignment", "5b,h"), "2,0,0,0,2,0,0,2250,0,3");
    case.delete("enrolments", "ana|5b").delete("enrolments", "ben|5b");
    assert_eq!(case.row("class_assignment", "5b,h"), "0,0,0,0,0,0,0,,0,0");
}

#[test]
fn a_class_day_is_the_day_of_upload() {
    let midnight = DUE - DUE % DAY_MS;
    let mut case = Case::new();
    case.upload("ana", 1, "ok", midnight - 1).upload("ana", 2, "ok", midnight);
    case.upload("ben", 1, "gone", midnight + 5).upload("ben", 2, "future", DUE + DAY_MS);
    case.read("ok", 9000).read("future", 1).review("ana", 3, "complete", 1, "").at(midnight + 1998);
    assert_eq!(case.row("class_day", "5b,maths,2026-11-17"), "1,1,1,1,1");
    assert_eq!(case.row("class_day", "5b,maths,2026-11-18"), "2,1,1,1,1");
    assert_eq!(case.row("class_day", "5b,maths,2026-11-19"), "1,1,0,0,0");
    // Reviewed, a page whose photo failed is read, and has no seconds.
    case.review("ben", 1, "complete", midnight + 5, "");
    assert_eq!(case.row("class_day", "5b,maths,2026-11-18"), "2,2,2,1,1");
    case.delete("enrolments", "ana|5b");
    assert_eq!(case.row("class_day", "5b,maths,2026-11-18"), "1,1,1,,");
}

#[test]
fn percentiles_are_of_nearest_rank() {
    for (pages, p50, p95) in [(1, 1, 1), (2, 1, 2), (3, 2, 3), (19, 10, 19), (20, 10, 19), (21, 11, 20)] {
        let mut case = Case::new();
        case.assignment("h", 1000, DUE, "").read("u", 1).at(DUE);
        for page in 1..=pages {
            case.upload("ana", page, "u", DUE - 1000 * page);
        }
        let expected = format!("{pages},{pages},0,{p50},{p95}");
        assert_eq!(case.row("class_day", "5b,maths,2026-11-18"), expected);
    }
}

#[test]
fn two_models_are_compared_where_both_have_read() {
    let mut case = Case::new();
    case.policy("class:5b", "a@1", r#","shadow":"b@1""#);
    case.upload("ana", 1, "u", 5).upload("ana", 2, "v", 5).upload("ben", 1, "w", 5).upload("ben", 2, "x", 5);
    assert_eq!(case.rows("model_agreement"), [""; 0]);
    case.read_by("a@1", "u", 8000).read_by("b@1", "u", 7990).review("ana", 1, "blank", 9, "");
    case.read_by("a@1", "v", 100).read_by("b@1", "v", 103);
    assert_eq!(case.rows("model_agreement"), ["5b,a@1,b@1,2,1,-3"]);
    // One of them unusable: the statuses differ, and there is no delta. One of them failed: not read by both.
    case.read_by("a@1", "w", 100).answer(r#"{"uri":"w","model":"b@1","quality":"cropped"}"#);
    case.read_by("a@1", "x", 100).answer(r#"{"uri":"x","model":"b@1","fault":"timeout"}"#);
    assert_eq!(case.rows("model_agreement"), ["5b,a@1,b@1,3,2,-3"]);
    let failed = case.rows("failed_photos");
    assert_eq!(failed, ["x,,,b@1,timeout,1"]);
    // A canary that is the shadow: one model is not compared with itself.
    case.policy("class:5b", "a@1", r#","shadow":"b@1","canary":{"model":"b@1","percent":100}"#);
    assert_eq!(case.rows("model_agreement"), [""; 0]);
}

#[test]
fn a_delta_is_empty_over_none_ok() {
    let mut case = Case::new();
    case.policy("*", "a@1", r#","shadow":"b@1""#).upload("ana", 1, "u", 5);
    case.answer(r#"{"uri":"u","quality":"dark"}"#).review("ana", 1, "unusable", 5, "");
    assert_eq!(case.rows("model_agreement"), ["5b,a@1,b@1,1,0,"]);
    assert_eq!(case.rows("review_agreement"), ["5b,a@1,1,0,"]);
}

#[test]
fn reviews_are_compared_with_the_reading_they_outrank() {
    let mut case = Case::new();
    case.upload("ana", 1, "u", 5).upload("ana", 2, "u", 5).upload("ben", 1, "v", 5).read("u", 7000);
    // A fault is no reading; a review that a later upload outranks, and one on paper, have none to compare with.
    case.review("ben", 1, "complete", 5, "").review("ana", 2, "complete", 4, "");
    case.review("ben", 2, "complete", 4, "");
    assert_eq!(case.rows("review_agreement"), [""; 0]);
    case.review("ana", 1, "partial", 5, "");
    assert_eq!(case.rows("review_agreement"), ["5b,recorded@1,1,0,-2000"]);
    case.review("ana", 2, "complete", 5, r#","completion_bp":7001"#);
    assert_eq!(case.rows("review_agreement"), ["5b,recorded@1,2,1,-999"]);
}

#[test]
fn photos_in_demand_fail_once_for_each_version_and_model() {
    let mut case = Case::new();
    case.policy("*", "a@1", r#","shadow":"b@1""#);
    let photo = |version: &str| format!(r#"{{"uri":"u","etag":"{version}"}}"#);
    case.submission("s", "ana", "h", 1, &photo("1"), 5).submission("s", "ben", "h", 1, &photo("1"), 5);
    case.submission("s", "ana", "h", 2, &photo("2"), 5).submission("s", "ana", "h", 3, &photo("3"), 5);
    case.submission("s", "ben", "h", 1, &photo("0"), 4).read_by("b@1", "u", 1);
    case.review("ana", 1, "complete", 5, "");
    assert_eq!(case.rows("failed_photos"), ["u,1,,a@1,not_found,1", "u,2,,a@1,not_found,1"]);
    // With the shadow's also failing; and where live and shadow are one model, once.
    case.answer(r#"{"uri":"u","model":"b@1","fault":"corrupt"}"#);
    assert_eq!(case.rows("failed_photos").len(), 4);
    case.policy("*", "b@1", r#","shadow":"b@1""#);
    assert_eq!(case.rows("failed_photos"), ["u,1,,b@1,corrupt,1", "u,2,,b@1,corrupt,1"]);
}

#[test]
fn freshness_has_a_row_for_each_partition_with_a_record() {
    let mut case = Case::new();
    case.line_in("reviews", 10, r#"{"key":"a|b|1","ts":5}"#).line_in("reviews", 2, "x");
    let rows = ["assignments,0,0,,", "enrolments,0,1,,", "reviews,2,0,,", "reviews,10,0,5,"];
    assert_eq!(case.rows("freshness"), rows);
}
