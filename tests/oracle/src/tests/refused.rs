//! Which records are refused, and where they are shown.

use super::*;

/// A good value of each topic, by its key.
const GOOD: [(&str, &str, &str); 6] = [
    (
        "submissions",
        "any",
        r#"{"submission_id":"s","student_id":"ana","assignment_id":"h","page":1,"photo":{"uri":"u","bytes":9007199254740992},"uploaded_at":"2026-11-18T10:00:00.5+01:00"}"#,
    ),
    ("enrolments", "a%25|b%7C", r#"{"student_id":"a%","class_id":"b|","school_id":"north","since":null}"#),
    (
        "assignments",
        "50%|",
        r#"{"assignment_id":"50%|","class_id":"c","subject":"s","title":"","pages":1000,"due_at":0,"complete_from_bp":1,"template":[{"page":9,"photo":{"uri":"t"},"areas":[[5000,0,5000,10000]]}]}"#,
    ),
    (
        "reviews",
        "ana|h|1000",
        r#"{"student_id":"ana","assignment_id":"h","page":1000,"status":"blank","completion_bp":10000,"reviewer":"r","reviewed_at":4102444799999}"#,
    ),
    (
        "models",
        "school:north",
        r#"{"scope":"school:north","live":"a@1","shadow":"b@2","canary":{"model":"c@é","percent":100}}"#,
    ),
    ("erasures", "any", r#"{"student_id":"zoe","requested_at":1}"#),
];

fn good(topic: &str) -> (&'static str, &'static str) {
    let found = GOOD.iter().find(|(known, ..)| *known == topic);
    found.map(|(_, key, value)| (*key, *value)).expect("a topic")
}

fn is_rejected(topic: &str, line: &str) -> bool {
    let mut case = Case { folder: Folder::default(), now: DUE };
    case.line(topic, line);
    let rejected = case.rejected();
    assert!(rejected.is_empty() || rejected == [format!("{topic},0,0")], "{rejected:?}");
    !rejected.is_empty()
}

/// The good record of a topic, with one piece of its value's text replaced.
fn is_rejected_with(topic: &str, piece: &str, replacement: &str) -> bool {
    let (key, value) = good(topic);
    assert!(value.contains(piece), "{piece}");
    let value = value.replacen(piece, replacement, 1);
    is_rejected(topic, &format!(r#"{{"key":"{key}","value":{value}}}"#))
}

#[test]
fn good_records_are_taken_as_values_and_raw() {
    for (topic, key, value) in GOOD {
        let raw = value.replace('"', "\\\"");
        for line in [
            format!(r#"{{"key":"{key}","value":{value}}}"#),
            format!(r#" {{ "raw" : "\n{raw} ", "key":"{key}", "ts":null, "more":{{}} }} "#),
        ] {
            assert!(!is_rejected(topic, &line), "{line}");
        }
    }
}

#[test]
fn lines_that_are_no_such_object_are_refused_and_counted() {
    let (key, value) = good("models");
    for line in [
        "".to_string(),
        " ".into(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        format!("\u{feff}{{\"key\":\"{key}\",\"value\":{value}}}"),
        format!(r#"{{"key":"{key}","key":"{key}","value":{value}}}"#),
        format!(r#"{{"key":"{key}","value":{value},"raw":"x"}}"#),
        format!(r#"{{"key":"{key}","value":{value},"ts":1.5}}"#),
        format!(r#"{{"key":"{key}","value":{value},"ts":"2026-11-18T10:00:00Z"}}"#),
        format!(r#"{{"key":"{key}","value":{value},"x":"\ud800"}}"#),
        format!(r#"{{"key":"{key}","value":{value}}} x"#),
        format!(r#"{{"key":["{key}"],"value":{value}}}"#),
        format!(r#"{{"value":{value}}}"#),
        format!(r#"{{"key":"{key}","value":"null"}}"#),
        format!(r#"{{"key":"{key}","raw":"null"}}"#),
        format!(r#"{{"key":"{key}","raw":""}}"#),
        format!(r#"{{"key":"{key}","raw":{value}}}"#),
        format!(r#"{{"key":"{key}","value":[{value}]}}"#),
    ] {
        assert!(is_rejected("models", &line), "{line}");
    }
    let mut case = Case::new();
    case.line_in("erasures", 10, "").line_in("erasures", 10, "").line_in("erasures", 2, "x");
    assert_eq!(case.rejected(), ["erasures,2,0", "erasures,10,0", "erasures,10,1"]);
}

#[test]
fn a_null_deletes_by_a_key_of_its_form_only() {
    for (topic, key, rejected) in [
        ("submissions", "ana", true),
        ("erasures", "ana", true),
        ("enrolments", "a|b", false),
        ("enrolments", "a%7C|b%25", false),
        ("enrolments", "a%7c|b", true),
        ("enrolments", "a%|b", true),
        ("enrolments", "ab", true),
        ("enrolments", "a|", true),
        ("enrolments", "a|b|c", true),
        ("assignments", "50%|x", false),
        ("assignments", "", true),
        ("assignments", "a\\u0000", true),
        ("reviews", "a|b|1", false),
        ("reviews", "a|b|1000", false),
        ("reviews", "a|b|01", true),
        ("reviews", "a|b|0", true),
        ("reviews", "a|b|1001", true),
        ("reviews", "a|b", true),
        ("models", "*", false),
        ("models", "class:x", false),
        ("models", "class:", true),
        ("models", "x", true),
    ] {
        for line in [format!(r#"{{"key":"{key}"}}"#), format!(r#"{{"key":"{key}","value":null}}"#)] {
            assert_eq!(is_rejected(topic, &line), rejected, "{topic} {line}");
        }
    }
    assert!(is_rejected("reviews", r#"{"key":null}"#));
}

#[test]
fn the_key_is_that_of_the_value_where_it_is_looked_at() {
    for (topic, _, value) in GOOD {
        for key in [r#""other""#, "null", "7"] {
            let is_upsert = !matches!(topic, "submissions" | "erasures");
            let line = format!(r#"{{"key":{key},"value":{value}}}"#);
            assert_eq!(is_rejected(topic, &line), is_upsert, "{topic} {key}");
        }
    }
    let (_, value) = good("enrolments");
    assert!(is_rejected("enrolments", &format!(r#"{{"key":"a%|b|","value":{value}}}"#)));
    let (_, value) = good("reviews");
    assert!(is_rejected("reviews", &format!(r#"{{"key":"ana|h|01000","value":{value}}}"#)));
}

#[test]
fn fields_that_are_not_what_they_must_be_are_refused() {
    for (topic, piece, replacement) in [
        ("submissions", "1,", "1.0,"),
        ("submissions", "1,", "1e0,"),
        ("submissions", "1,", "\"1\","),
        ("submissions", "1,", "0,"),
        ("submissions", "1,", "1001,"),
        ("submissions", "\"ana\"", "\"\""),
        ("submissions", "\"ana\"", "\"a\\u0085\""),
        ("submissions", "\"ana\"", "null"),
        ("submissions", "\"u\"", "\"\""),
        ("submissions", "9007199254740992", "9007199254740993"),
        ("submissions", "{\"uri\"", "{\"uri\":\"u\",\"uri\""),
        ("submissions", "{\"uri\"", "{\"sha256\":\"ab\",\"uri\""),
        ("submissions", "\"page\"", "\"page\":1,\"p\\u0061ge\""),
        ("submissions", "10:00:00", "10:00:60"),
        ("submissions", "T10", " 10"),
        ("submissions", "+01:00", ""),
        ("enrolments", "null", "-1"),
        ("enrolments", "\"north\"", "5"),
        ("assignments", "1000", "1001"),
        ("assignments", "\"\"", "5"),
        ("assignments", "from_bp\":1", "from_bp\":0"),
        ("assignments", "5000,10000", "5001,10000"),
        ("assignments", "5000,10000", "5000,10000,1"),
        ("assignments", "[{\"page\"", "[{\"page\":9,\"photo\":{\"uri\":\"x\"}},{\"page\""),
        ("assignments", "[{\"page\"", "[{\"page\":1,\"page\""),
        ("reviews", "blank", "Blank"),
        ("reviews", "10000", "10001"),
        ("reviews", "4102444799999", "4102444800000"),
        ("reviews", "\"r\"", "\"\""),
        ("models", "a@1", "a@1@2"),
        ("models", "a@1", "@1"),
        ("models", "a@1", "a\u{a0}@1"),
        ("models", "100", "101"),
        ("models", "\"percent\"", "\"model\":\"x@1\",\"percent\""),
        ("erasures", "1}", "null}"),
    ] {
        assert!(is_rejected_with(topic, piece, replacement), "{topic}: {piece} -> {replacement}");
    }
}

#[test]
fn unknown_fields_are_ignored_even_twice_but_must_be_json() {
    for (inserted, rejected) in [
        (r#""Page":0,"Page":"x","#.to_string(), false),
        (r#""x":1e999,"#.into(), false),
        (format!(r#""x":{}{},"#, "[".repeat(127), "]".repeat(127)), false),
        (format!(r#""x":{}{},"#, "[".repeat(128), "]".repeat(128)), true),
        (r#""x":["\udfff"],"#.into(), true),
        (r#""x":NaN,"#.into(), true),
        (r#""x":01,"#.into(), true),
    ] {
        let (key, value) = good("reviews");
        let value = value.replacen('{', &format!("{{{inserted}"), 1);
        let raw = value.replace('\\', "\\\\").replace('"', "\\\"");
        for line in [format!(r#"{{"key":"{key}","value":{value}}}"#), format!(r#"{{"key":"{key}","raw":"{raw}"}}"#)] {
            assert_eq!(is_rejected("reviews", &line), rejected, "{line}");
        }
    }
}

#[test]
fn ids_are_measured_in_bytes() {
    for (id, rejected) in [("é".repeat(100), false), ("é".repeat(100) + "x", true), (" ".into(), false)] {
        assert_eq!(is_rejected_with("erasures", "zoe", &id), rejected, "{id}");
    }
}

#[test]
fn an_upload_is_at_most_a_day_after_its_record() {
    let value = r#"{"submission_id":"s","student_id":"a","assignment_id":"h","page":1,"photo":{"uri":"u"},"uploaded_at":86400005}"#;
    for (ts, rejected) in [(r#","ts":5"#, false), (r#","ts":4"#, true), ("", false), (r#","ts":null"#, false)] {
        assert_eq!(is_rejected("submissions", &format!(r#"{{"value":{value}{ts}}}"#)), rejected);
    }
}

#[test]
fn a_value_is_at_most_one_mib_of_compact_json() {
    const MIB: usize = 1 << 20;
    let value = |bytes: usize, space: &str| {
        let empty = r#"{"student_id":"a","requested_at":1,"x":""}"#;
        let pad = "x".repeat(bytes - empty.len());
        format!(r#"{{"student_id":"a",{space}"requested_at":1,"x":"{pad}"}}"#)
    };
    let spaces = " ".repeat(2 * MIB);
    for (value, rejected) in [
        (value(MIB, ""), false),
        (value(MIB + 1, ""), true),
        (value(MIB, &spaces), false),
        (value(MIB + 1, &spaces), true),
    ] {
        assert_eq!(is_rejected("erasures", &format!(r#"{{"value":{value}}}"#)), rejected);
    }
    // Bytes as they came are measured as they came.
    let raw = value(1000, &spaces).replace('"', "\\\"");
    assert!(is_rejected("erasures", &format!(r#"{{"raw":"{raw}"}}"#)));
}
