//! What each field may hold.

use super::*;

#[test]
fn ids_have_1_to_200_bytes_without_control_characters() {
    let reason = "student_id: not an id of 1 to 200 bytes without control characters";
    for id in ["x".repeat(200), "é".repeat(100), "\\u00e9|%/\\\"".into(), " ".into(), "\u{a0}\u{2028}".into()] {
        check_submission("s-1", &id, "");
    }
    for id in [
        "".into(),
        "x".repeat(201),
        "é".repeat(101),
        "a\\u0000".into(),
        "\\n".into(),
        "\u{7f}".into(),
        "\u{80}".into(),
        "a\u{9f}b".into(),
        "\\u001f".into(),
    ] {
        check_submission("s-1", &id, reason);
    }
    for other in ["1", "[\"s\"]", "{}", "true"] {
        check_submission("\"s-1\"", other, "student_id: not a string");
    }
}

#[test]
fn integers_are_json_integers_in_range() {
    for page in ["1", "1000"] {
        check_submission("\"page\": 2", &format!("\"page\": {page}"), "");
    }
    for page in ["0", "-0", "-1", "1001", "65537", "99999999999999999999"] {
        check_submission("\"page\": 2", &format!("\"page\": {page}"), "page: not in 1 to 1000");
    }
    for page in ["1.0", "1e2", "2E0", "0.0", "\"1\"", "true", "[1]", "{}"] {
        check_submission("\"page\": 2", &format!("\"page\": {page}"), "page: not an integer");
    }
    for (page, reason) in [
        ("01", "value: not JSON"),
        ("1x", "value: not JSON"),
        ("0x1", "page: not in 1 to 1000"),
        ("+1", "page: not an integer"),
    ] {
        check_submission("\"page\": 2", &format!("\"page\": {page}"), reason);
    }
    check_submission("350000", "-0", "");
    check_submission("350000", "9007199254740992", "");
    check_submission("350000", "9007199254740993", "photo.bytes: not in 0 to 2^53");
    check_submission("350000", "-1", "photo.bytes: not in 0 to 2^53");
    check(Topic::Reviews, "4000", "10000", "");
    check(Topic::Reviews, "4000", "0", "");
    check(Topic::Reviews, "4000", "10001", "completion_bp: not in 0 to 10000");
    check(Topic::Assignments, "9000", "0", "complete_from_bp: not in 1 to 10000");
    check(Topic::Assignments, "9000", "1", "");
    check(Topic::Assignments, "\"pages\": 2", "\"pages\": 1001", "pages: not in 1 to 1000");
    check(Topic::Models, "10}", "100}", "");
    check(Topic::Models, "10}", "101}", "canary.percent: not in 0 to 100");
}

#[test]
fn times_are_rfc_3339_or_milliseconds_from_1970_to_2099() {
    let reason = "requested_at: not a time in 1970 to 2099 (RFC 3339 with offset, or integer milliseconds)";
    let time = "\"2026-11-21T08:56:00Z\"";
    for good in ["0", "4102444799999", "\"2026-11-21T08:56:00.123+05:30\"", "\"2026-11-21\\u005408:56:00Z\""] {
        check(Topic::Erasures, time, good, "");
    }
    for bad in [
        "-1",
        "4102444800000",
        "1.0",
        "1e3",
        "\"1\"",
        "\"2026-11-21T08:56:60Z\"",
        "\"2026-11-21T08:56:00\"",
        "\"2026-11-21 08:56:00Z\"",
        "true",
        "[]",
        "99999999999999999999",
        "\"2100-01-01T00:00:00Z\"",
    ] {
        check(Topic::Erasures, time, bad, reason);
    }
}

#[test]
fn a_photo_is_its_uri_and_version() {
    let hash = "AB".repeat(32);
    for (photo, version) in [
        ("\"etag\": \"x\"".to_string(), "x"),
        ("\"etag\": \"\\\"\\\"x\\\"\"".into(), "x"),
        ("\"etag\": \"W/\\\"x\\\"\"".into(), "W/\"x"),
        ("\"etag\": \"\"".into(), ""),
        ("\"etag\": \"\\\"\\\"\"".into(), ""),
        ("\"etag\": null".into(), ""),
        (format!("\"etag\": \"\\\"\", \"sha256\": \"{hash}\""), &*hash.to_lowercase()),
        (format!("\"etag\": \"x\", \"sha256\": \"{hash}\""), "x"),
        (format!("\"sha256\": \"{hash}\""), &*hash.to_lowercase()),
        ("\"bytes\": 1".into(), ""),
    ] {
        let value = SUBMISSION.replace("\"etag\": \"\\\"9b2c\\\"\", \"bytes\": 350000", &photo);
        let submission = submission(&value);
        assert_eq!(submission.photo.key.version, version, "{photo}");
        assert_eq!(submission.photo.key.uri, "s3://pages/1.jpg");
    }
    assert_eq!(submission(SUBMISSION).photo.key.version, "9b2c");
}

#[test]
fn photos_have_limits() {
    let uri = "photo.uri: not 1 to 2048 bytes without control characters";
    check_submission("s3://pages/1.jpg", &"u".repeat(2048), "");
    check_submission("s3://pages/1.jpg", &"u".repeat(2049), uri);
    check_submission("s3://pages/1.jpg", "", uri);
    check_submission("s3://pages/1.jpg", "a\\nb", uri);
    check_submission("\"uri\"", "\"url\"", "photo.uri: missing");
    let etag = "photo.etag: not up to 1024 bytes without control characters";
    check_submission("\\\"9b2c\\\"", &"e".repeat(1024), "");
    check_submission("\\\"9b2c\\\"", &"e".repeat(1025), etag);
    check_submission("\\\"9b2c\\\"", "\\u0085", etag);
    let (digits, short, long) = ("0f".repeat(32), "0".repeat(63), "0".repeat(65));
    for (sha256, reason) in [
        (&*digits, ""),
        (&*short, "photo.sha256: not 64 hex digits"),
        (&*long, "photo.sha256: not 64 hex digits"),
        (&*format!("{}g", &*short), "photo.sha256: not 64 hex digits"),
        (&*format!("+{}", &*short), "photo.sha256: not 64 hex digits"),
        ("", "photo.sha256: not 64 hex digits"),
    ] {
        check_submission("\"bytes\": 350000", &format!("\"sha256\": \"{sha256}\""), reason);
    }
    for photo in ["\"s3://x\"", "[]", "1"] {
        let value =
            SUBMISSION.replace("{\"uri\": \"s3://pages/1.jpg\", \"etag\": \"\\\"9b2c\\\"\", \"bytes\": 350000}", photo);
        assert_eq!(parse(Topic::Submissions, None, Some(value.as_bytes())).unwrap_err(), "photo: not an object");
    }
}

#[test]
fn models_and_scopes_have_their_form() {
    let long = "n".repeat(100);
    check(Topic::Models, "page@1", &format!("{long}@{long}"), "");
    let longer = format!("{long}n@1");
    for name in ["page", "page@", "@1", "a@b@c", "pa ge@1", "page@1\\n", "page\u{3000}@1", "a@\u{80}", "", &longer] {
        check(Topic::Models, "page@1", name, "live: not a model name@version");
    }
    check(Topic::Models, "page@2", "x", "shadow: not a model name@version");
    check(Topic::Models, "page@3", "x", "canary.model: not a model name@version");
    for scope in ["", "**", "class", "class:", "Class:c-1", "pupil:c-1", "class :c-1", "school:\\n"] {
        check(Topic::Models, "class:c-1", scope, "scope: not a scope: *, school:ID or class:ID");
    }
    check(Topic::Models, "{\"model\": \"page@3\", \"percent\": 10}", "null", "");
    check(Topic::Models, "{\"model\": \"page@3\", \"percent\": 10}", "[]", "canary: not an object");
    check(Topic::Models, ", \"percent\": 10", "", "canary.percent: missing");
    for (scope, key) in [("*", "*"), ("school:a|b%", "school:a|b%"), ("class:class:x", "class:class:x")] {
        let value = POLICY.replace("class:c-1", scope);
        assert!(parse(Topic::Models, Some(key), Some(value.as_bytes())).is_ok(), "{scope}");
    }
}

#[test]
fn reviews_have_one_of_four_statuses() {
    for status in ["complete", "partial", "blank", "unusable"] {
        check(Topic::Reviews, "\"partial\"", &format!("\"{status}\""), "");
    }
    for status in ["\"Partial\"", "\"ok\"", "\"\""] {
        check(Topic::Reviews, "\"partial\"", status, "status: not complete, partial, blank or unusable");
    }
    check(Topic::Reviews, "\"partial\"", "1", "status: not a string");
}

#[test]
fn templates_have_each_page_once_and_areas_on_the_page() {
    let page = "{\"page\": 1, \"photo\": {\"uri\": \"t\"}, \"areas\": [[0, 0, 10000, 5000]]}";
    let two = |first: u16, second: u16| {
        format!("{{\"page\": {first}, \"photo\": {{\"uri\": \"t\"}}}}, {{\"page\": {second}, \"photo\": {{\"uri\": \"t\"}}}}")
    };
    check(Topic::Assignments, page, &two(2, 1), "");
    check(Topic::Assignments, page, &two(1000, 999), "");
    check(Topic::Assignments, page, &two(1, 1), "template.page: the same page twice");
    check(Topic::Assignments, page, "", "");
    check(Topic::Assignments, page, "1", "template: not an array of objects");
    check(Topic::Assignments, "[{\"page\"", "{\"page\"", "template: not an array");
    check(Topic::Assignments, "{\"uri\": \"t\"}", "null", "template.photo: missing");
    check(Topic::Assignments, "{\"uri\": \"t\"}", "\"t\"", "template.photo: not an object");
    check(Topic::Assignments, "[[0, 0, 10000, 5000]]", "null", "");
    let form = "template.areas: not an array of [x, y, width, height] in basis points";
    for (areas, reason) in [
        ("[]", ""),
        ("[[10000, 10000, 0, 0]]", ""),
        ("[[5000, 0, 5000, 1], [1, 2, 3, 4]]", ""),
        ("[[5000, 0, 5001, 1]]", "template.areas: an area leaves the page"),
        ("[[0, 1, 1, 10000]]", "template.areas: an area leaves the page"),
        ("[[0, 0, 1]]", form),
        ("[[0, 0, 1, 1, 1]]", form),
        ("[0, 0, 1, 1]", form),
        ("{}", form),
        ("[[0, 0, 1, 1.0]]", "template.areas: not an integer"),
        ("[[0, 0, 1, 10001]]", "template.areas: not in 0 to 10000"),
        ("[[0, 0, 1, -1]]", "template.areas: not in 0 to 10000"),
        ("[[0, 0, 1, null]]", "template.areas: not an integer"),
    ] {
        check(Topic::Assignments, "[[0, 0, 10000, 5000]]", areas, reason);
    }
}

#[test]
fn a_template_is_kept_in_the_order_of_its_pages() {
    let value = ASSIGNMENT.replace("[{\"page\": 1", "[{\"page\": 9, \"photo\": {\"uri\": \"u\"}}, {\"page\": 1");
    let Ok(Event::Assignment { value: Some(assignment), .. }) =
        parse(Topic::Assignments, Some("a-1"), Some(value.as_bytes()))
    else {
        panic!("{value}")
    };
    assert_eq!(assignment.template.iter().map(|t| t.page).collect::<Vec<_>>(), [1, 9]);
}

#[test]
fn titles_are_any_text() {
    check(Topic::Assignments, "\"Sums\"", "\"\\u0000 \\ud83d\\ude00\"", "");
    check(Topic::Assignments, "\"Sums\"", "\"\"", "");
    check(Topic::Assignments, "\"Sums\"", "7", "title: not a string");
}

#[test]
fn an_upload_may_be_a_day_ahead_of_its_record_and_no_more() {
    let at = |ms: i64| SUBMISSION.replace("1795251360000", &ms.to_string());
    let day = 86_400_000;
    assert!(parse(Topic::Submissions, None, Some(at(TS + day).as_bytes())).is_ok());
    let late = at(TS + day + 1);
    let fault = parse(Topic::Submissions, None, Some(late.as_bytes())).unwrap_err();
    assert_eq!(fault, "uploaded_at: more than a day after the record");
    assert!(parse_event(Topic::Submissions, None, Some(late.as_bytes()), None, &mut |_| {}).is_ok());
    assert!(parse_event(Topic::Submissions, None, Some(late.as_bytes()), Some(i64::MIN), &mut |_| {}).is_err());
    // Only uploads: homework may be set for next year.
    assert!(parse(
        Topic::Assignments,
        Some("a-1"),
        Some(ASSIGNMENT.replace("2, \"complete", "4102444799999, \"complete").as_bytes())
    )
    .is_ok());
}
