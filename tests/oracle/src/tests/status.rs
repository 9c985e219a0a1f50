//! page_status, and what it rests on: which submission counts, upserts, reviews, models, erasure.

use super::*;

/// status, completion_bp, confidence_bp, reason, model, reviewed of Ana's page 1 of `h`.
fn judged(case: &Case) -> String {
    let row = case.row("page_status", "ana,h,1");
    row.splitn(3, ',').last().unwrap_or_default().to_string()
}

#[test]
fn the_greatest_submission_counts_in_any_order_of_arrival() {
    let submissions: [(&str, &str, i64); 6] = [
        ("s9", r#"{"uri":"z"}"#, 10),
        ("s1", r#"{"uri":"z"}"#, 20),
        ("s2", r#"{"uri":"a","etag":"zz"}"#, 20),
        ("s2", r#"{"uri":"b"}"#, 20),
        ("s2", r#"{"uri":"b","etag":"B"}"#, 20),
        ("s2", r#"{"uri":"b","etag":"\"a\""}"#, 20),
    ];
    let mut forward = Case::new();
    let mut backward = Case::new();
    for (id, photo, at) in submissions {
        forward.submission(id, "ana", "h", 1, photo, at);
    }
    for (id, photo, at) in submissions.iter().chain(&submissions).rev() {
        backward.submission(id, "ana", "h", 1, photo, *at);
    }
    for case in [forward, backward] {
        assert_eq!(case.row("page_status", "ana,h,1"), "s2,20,failed,,,not_found,recorded@1,false");
        assert_eq!(case.rows("failed_photos"), ["b,a,,recorded@1,not_found,1"]);
    }
}

#[test]
fn a_photos_version_is_its_etag_else_its_sha256_else_nothing() {
    let sha = "AB".repeat(32);
    let lower = sha.to_lowercase();
    for (photo, version) in [
        (format!(r#""etag":"\"\"v\"","sha256":"{sha}""#), "v"),
        (format!(r#""etag":"\"\"","sha256":"{sha}""#), lower.as_str()),
        (format!(r#""etag":null,"sha256":"{sha}""#), lower.as_str()),
        (r#""etag":"W/\"v\"""#.to_string(), "\"W/\"\"v\""),
        (r#""etag":"""#.to_string(), ""),
    ] {
        let mut case = Case::new();
        case.submission("s", "ana", "h", 1, &format!(r#"{{"uri":"u",{photo}}}"#), 5);
        assert_eq!(case.rows("failed_photos"), [format!("u,{version},,recorded@1,not_found,1")]);
    }
}

#[test]
fn a_reading_is_judged_by_thresholds() {
    for (completion, more, status) in [
        (8000, "", "complete"),
        (7999, "", "partial"),
        (500, "", "partial"),
        (499, "", "blank"),
        (0, "", "blank"),
        (9000, r#","complete_from_bp":9001"#, "partial"),
        (300, r#","complete_from_bp":300"#, "complete"),
        (299, r#","complete_from_bp":300"#, "blank"),
        (8000, r#","complete_from_bp":null"#, "complete"),
    ] {
        let mut case = Case::new();
        case.assignment("h", 2, DUE, more).upload("ana", 1, "u", 5).read("u", completion);
        assert_eq!(judged(&case), format!("{status},{completion},,,recorded@1,false"), "{more}");
    }
}

#[test]
fn qualities_and_faults_are_reasons() {
    for (answer, expected) in [
        (r#""quality":"dark","confidence_bp":77"#, "unusable,,77,dark,recorded@1,false"),
        (r#""quality":"dark","completion_bp":9000"#, "unusable,,,dark,recorded@1,false"),
        (r#""quality":"ok","confidence_bp":77"#, "failed,,,model_error,recorded@1,false"),
        (r#""quality":"ok","completion_bp":9000,"confidence_bp":0"#, "complete,9000,0,,recorded@1,false"),
        (r#""fault":"corrupt""#, "failed,,,corrupt,recorded@1,false"),
        (r#""model":"other@1","fault":"corrupt""#, "failed,,,not_found,recorded@1,false"),
    ] {
        let mut case = Case::new();
        case.upload("ana", 1, "u", 5).answer(&format!(r#"{{"uri":"u",{answer}}}"#));
        assert_eq!(judged(&case), expected, "{answer}");
    }
}

#[test]
fn the_last_of_two_answers_counts_and_an_own_one_goes_before_the_general() {
    let mut case = Case::new();
    case.upload("ana", 1, "u", 5).read("u", 1000).read_by("recorded@1", "u", 1);
    case.read_by("recorded@1", "u", 9000).read("u", 2000);
    assert_eq!(judged(&case), "complete,9000,,,recorded@1,false");
    // Lines that are no answers are passed over: the last that is one still counts.
    for line in ["", "x", "{}", "[]", r#"{"uri":"u","model":"recorded@1","quality":"good"}"#] {
        case.answer(line);
    }
    case.answer(r#"{"uri":"u","model":"recorded@1","quality":"ok","completion_bp":1.0}"#);
    assert_eq!(judged(&case), "complete,9000,,,recorded@1,false");
}

#[test]
fn a_review_stands_until_a_later_upload() {
    let mut case = Case::new();
    case.upload("ana", 1, "u", 50).read("u", 9000);
    for (at, expected) in
        [(51, "partial,5000,,,,true"), (50, "partial,5000,,,,true"), (49, "complete,9000,,,recorded@1,false")]
    {
        let mut case = case.clone();
        case.review("ana", 1, "partial", at, "");
        assert_eq!(judged(&case), expected, "reviewed at {at}");
    }
}

#[test]
fn a_review_without_completion_stands_for_one() {
    for (status, more, completion) in [
        ("complete", "", 10_000),
        ("partial", "", 5000),
        ("blank", r#","completion_bp":null"#, 0),
        ("unusable", "", 0),
        ("complete", r#","completion_bp":0"#, 0),
        ("unusable", r#","completion_bp":123"#, 123),
    ] {
        let mut case = Case::new();
        case.review("ana", 1, status, 50, more);
        let expected = format!(",,{status},{completion},,,,true");
        assert_eq!(case.row("page_status", "ana,h,1"), expected);
    }
}

#[test]
fn a_page_that_is_not_counted_is_unassigned() {
    let mut case = Case::new();
    case.upload("ana", 3, "u", 5).review("ana", 3, "complete", 6, "");
    case.upload("cleo", 1, "u", 5).upload_of("none", "ana", 1, "u", 5);
    assert_eq!(case.row("page_status", "ana,h,3"), "s,5,unassigned,,,,,false");
    assert_eq!(case.row("page_status", "cleo,h,1"), "s,5,unassigned,,,,,false");
    assert_eq!(case.row("page_status", "ana,none,1"), "s,5,unassigned,,,,,false");
    assert_eq!(case.rows("failed_photos"), [""; 0]);
    // The assignment is corrected, the roster comes late.
    case.assignment("h", 3, DUE, "").enrolment("cleo", "5b", "");
    assert_eq!(case.row("page_status", "ana,h,3"), "s,5,complete,10000,,,,true");
    assert_eq!(case.row("page_status", "cleo,h,1"), "s,5,failed,,,not_found,recorded@1,false");
}

#[test]
fn a_page_of_homework_not_yet_given_is_counted_all_the_same() {
    let mut case = Case::new();
    case.assignment("h", 2, DUE, &format!(r#","opens_at":{}"#, DUE - 1)).upload("ana", 1, "u", 5);
    assert_eq!(judged(&case), "failed,,,not_found,recorded@1,false");
    assert_eq!(case.rows("failed_photos"), ["u,,,recorded@1,not_found,1"]);
    assert_eq!(case.row("student_assignment", "ana,5b,h"), "no row");
}

#[test]
fn the_highest_offset_of_a_key_counts_deletes_among_them() {
    let mut case = Case::new();
    case.review("ana", 1, "blank", 9, "").review("ana", 1, "partial", 3, "");
    assert_eq!(judged(&case), "partial,5000,,,,true");
    case.delete("reviews", "ana|h|1").delete("reviews", "ana|h|1").delete("reviews", "x|y|7");
    assert_eq!(case.row("page_status", "ana,h,1"), "no row");
    case.review("ana", 1, "complete", 1, "");
    assert_eq!(judged(&case), "complete,10000,,,,true");
    case.delete("enrolments", "ana|5b");
    assert_eq!(case.row("page_status", "ana,h,1"), ",,unassigned,,,,,false");
    case.enrolment("ana", "5b", "").delete("assignments", "h").delete("models", "class:none");
    assert_eq!(case.row("page_status", "ana,h,1"), ",,unassigned,,,,,false");
    assert_eq!(case.rejected(), [""; 0]);
}

#[test]
fn a_rejected_upsert_leaves_the_one_before() {
    let mut case = Case::new();
    case.review("ana", 1, "blank", 9, "").review("ana", 1, "perfect", 10, "");
    assert_eq!(judged(&case), "blank,0,,,,true");
    assert_eq!(case.rejected(), ["reviews,0,1"]);
}

#[test]
fn the_closest_policy_gives_the_model() {
    let mut case = Case::new();
    case.upload("ana", 1, "u", 5).read("u", 9000);
    let model = |case: &Case| case.row("page_status", "ana,h,1").replace("s,5,complete,9000,,,", "");
    assert_eq!(model(&case), "recorded@1,false");
    assert_eq!(model(case.policy("*", "all@1", "")), "all@1,false");
    assert_eq!(model(case.policy("school:north", "school@1", "")), "school@1,false");
    assert_eq!(model(case.policy("class:5b", "class@1", "")), "class@1,false");
    assert_eq!(model(case.policy("class:6a", "other@1", "")), "class@1,false");
    assert_eq!(model(case.delete("models", "class:5b")), "school@1,false");
    assert_eq!(model(case.delete("models", "school:north").delete("models", "*")), "recorded@1,false");
}

#[test]
fn the_canary_takes_students_by_their_hash() {
    // XXH3-64("class:5b\0ana") mod 100 = 62, XXH3-64("school:north\0ana") mod 100 = 70, by Python's xxhash.
    for (scope, percent, model) in [
        ("class:5b", 0, "live@1"),
        ("class:5b", 62, "live@1"),
        ("class:5b", 63, "canary@1"),
        ("class:5b", 100, "canary@1"),
        ("school:north", 70, "live@1"),
        ("school:north", 71, "canary@1"),
    ] {
        let mut case = Case::new();
        let canary = format!(r#","canary":{{"model":"canary@1","percent":{percent}}}"#);
        case.policy(scope, "live@1", &canary).upload("ana", 1, "u", 5).read("u", 0);
        assert_eq!(judged(&case), format!("blank,0,,,{model},false"), "{percent} % of {scope}");
    }
}

#[test]
fn an_erased_student_is_gone_but_rejected_rows_stay() {
    let fill = |case: &mut Case| {
        case.upload("ana", 1, "u", 5).upload("ana", 0, "u", 5).review("ana", 2, "blank", 5, "");
        case.enrolment("ana", "6a", "");
    };
    let mut before = Case::new();
    before.erase("ana");
    fill(&mut before);
    let mut after = Case::new();
    fill(&mut after);
    after.erase("ana");
    assert_eq!(before.views(), after.views());
    assert_eq!(after.rejected(), ["submissions,0,1"]);
    for (view, text) in after.views() {
        assert!(!text.contains("ana"), "{view}: {text}");
    }
    assert_eq!(after.row("student_completion", "ben,5b"), "1,0,0,0,0,1,0,");
}
