//! What keys look like, and what a null does.

use super::*;

#[test]
fn keys_are_the_ids_of_their_values() {
    let with = |topic: Topic, key: Option<&str>, from: &str, to: &str| {
        parse(topic, key, Some(valid(topic).1.replacen(from, to, 1).as_bytes())).map(drop)
    };
    for topic in [Topic::Enrolments, Topic::Assignments, Topic::Reviews, Topic::Models] {
        assert_eq!(with(topic, None, "", ""), Err("key: missing".into()));
        for key in ["", "x", "s-1", "s-1|c-1 ", "S-1|c-1", "s-1|a-1|02", "class:c-2", "a-1|", "s%2D1|c-1"] {
            assert_eq!(with(topic, Some(key), "", ""), Err("key: not the ids of the value".into()), "{key}");
        }
    }
    assert_eq!(with(Topic::Enrolments, Some("a%7Cb%25|c-1"), "s-1", "a|b%"), Ok(()));
    for key in ["a|b%|c-1", "a%7cb%25|c-1", "a%7Cb%|c-1"] {
        assert_eq!(with(Topic::Enrolments, Some(key), "s-1", "a|b%"), Err("key: not the ids of the value".into()));
    }
    assert_eq!(with(Topic::Assignments, Some("a|b%"), "a-1", "a|b%"), Ok(()), "a single id is its key as it is");
    assert_eq!(with(Topic::Reviews, Some("é|a-1|2"), "s-1", "\\u00e9"), Ok(()), "ids are compared unescaped");
}

#[test]
fn keys_of_submissions_and_erasures_are_not_looked_at() {
    for topic in [Topic::Submissions, Topic::Erasures] {
        for key in [None, Some(&b""[..]), Some(b"\xff"), Some(b"other")] {
            assert!(parse_event(topic, key, Some(valid(topic).1.as_bytes()), None, &mut |_| {}).is_ok());
        }
    }
}

#[test]
fn nulls_delete_what_can_be_deleted() {
    for (topic, key, _) in ALL {
        let result = parse(topic, Some(key), None);
        if matches!(topic, Topic::Submissions | Topic::Erasures) {
            assert_eq!(result.unwrap_err(), "value: a null deletes nothing in this topic");
        } else {
            let event = result.unwrap();
            assert_eq!(event.key_of(), key);
            assert_eq!(event.value_json(), None);
        }
    }
    for (topic, key, reason) in [
        (Topic::Enrolments, Some("s-1"), "key: not of the form student_id|class_id"),
        (Topic::Enrolments, Some("s-1|"), "key: not of the form student_id|class_id"),
        (Topic::Enrolments, Some("s|c|d"), "key: not of the form student_id|class_id"),
        (Topic::Enrolments, Some("s%|c"), "key: not of the form student_id|class_id"),
        (Topic::Assignments, Some(""), "key: not of the form assignment_id"),
        (Topic::Assignments, Some("a\n"), "key: not of the form assignment_id"),
        (Topic::Assignments, None, "key: missing"),
        (Topic::Reviews, Some("s|a"), "key: not of the form student_id|assignment_id|page"),
        (Topic::Reviews, Some("s|a|0"), "key: not of the form student_id|assignment_id|page"),
        (Topic::Reviews, Some("s|a|01"), "key: not of the form student_id|assignment_id|page"),
        (Topic::Models, Some("everybody"), "key: not of the form scope"),
    ] {
        assert_eq!(parse(topic, key, None).unwrap_err(), reason, "{key:?}");
    }
    let broken = parse_event(Topic::Assignments, Some(b"\xff"), None, None, &mut |_| {});
    assert_eq!(broken.unwrap_err().to_string(), "key: not of the form assignment_id");
    assert!(parse(Topic::Assignments, Some("a|b%"), None).is_ok(), "a single id is its key as it is");
}

#[test]
fn reasons_do_not_quote_their_record() {
    let secret = "Zoe-4711";
    for (topic, key, value) in ALL {
        for cut in 0..value.len() {
            let mut broken = value.replace("s-1", secret).replace("a-1", secret);
            if broken.is_char_boundary(cut) {
                broken.insert_str(cut, "\"Zoe-4711");
            }
            if let Err(reason) = parse(topic, Some(key), Some(broken.as_bytes())) {
                assert!(!reason.contains("4711"), "{reason}");
            }
        }
    }
}
