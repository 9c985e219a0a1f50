//! Records written and read again are the same; and no bytes, however broken, end the process.

#![allow(clippy::unwrap_used)] // clippy allows it in tests, but does not know the helpers here for tests

use ecow::EcoString;
use inkflow_schemas::parse::json::Json;
use inkflow_schemas::{
    parse_event, Assignment, Bp, Canary, Enrolment, Erasure, Event, Id, Millis, ModelName, Photo, PhotoKey, Policy,
    Review, ReviewStatus, Scope, Submission, TemplatePage, Topic,
};
use proptest::prelude::*;

fn id() -> impl Strategy<Value = Id> {
    "[a-c|%7C:*@\" \\\\é\u{1F600}-]{1,9}".prop_map(|text| Id::new(&text).unwrap())
}

fn time() -> impl Strategy<Value = Millis> {
    (0..inkflow_schemas::scalar::MILLIS_END).prop_map(Millis)
}

fn bp() -> impl Strategy<Value = Bp> {
    (0..=10_000u16).prop_map(|n| Bp::new(n).unwrap())
}

fn model() -> impl Strategy<Value = ModelName> {
    "[a-z]{1,4}@[0-9.é]{1,4}".prop_map(|text| ModelName::new(&text).unwrap())
}

fn photo() -> impl Strategy<Value = Photo> {
    let uri = "[a-z:/%\"é]{1,20}";
    let sha256 = proptest::option::of(any::<[u8; 32]>());
    (uri, "([a-f0-9-]|W/\"[a-f]{1,8}){0,8}", proptest::option::of(0..=1u64 << 53), sha256).prop_map(
        |(uri, etag, bytes, sha256)| {
            let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let etag = etag.trim_matches('"');
            let version = if etag.is_empty() { sha256.map(hex).unwrap_or_default() } else { etag.into() };
            Photo { key: PhotoKey { uri: uri.into(), version: version.into() }, bytes, sha256 }
        },
    )
}

fn template() -> impl Strategy<Value = Vec<TemplatePage>> {
    let sides = (0..=10_000u16, 0..=10_000u16).prop_map(|(a, b)| (a.min(b), a.max(b) - a.min(b)));
    let area = (sides.clone(), sides).prop_map(|((x, w), (y, h))| [x, y, w, h].map(|n| Bp::new(n).unwrap()));
    let page = (photo(), proptest::collection::vec(area, 0..3));
    proptest::collection::btree_map(1..=1000u16, page, 0..3)
        .prop_map(|pages| pages.into_iter().map(|(page, (photo, areas))| TemplatePage { page, photo, areas }).collect())
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![Just(Scope::All), id().prop_map(Scope::School), id().prop_map(Scope::Class)]
}

fn submission() -> impl Strategy<Value = Event> {
    (id(), id(), id(), 1..=1000u16, photo(), time()).prop_map(
        |(submission_id, student_id, assignment_id, page, photo, uploaded_at)| {
            Event::Submission(Submission { submission_id, student_id, assignment_id, page, photo, uploaded_at })
        },
    )
}

fn enrolment() -> impl Strategy<Value = Event> {
    (id(), id(), proptest::option::of((id(), proptest::option::of(time())))).prop_map(|(student_id, class_id, rest)| {
        let value = rest.map(|(school_id, since)| Enrolment {
            student_id: student_id.clone(),
            class_id: class_id.clone(),
            school_id,
            since,
        });
        Event::Enrolment { student_id, class_id, value }
    })
}

fn assignment() -> impl Strategy<Value = Event> {
    let title = proptest::option::of(any::<String>().prop_map(EcoString::from));
    let threshold = proptest::option::of((1..=10_000u16).prop_map(|n| Bp::new(n).unwrap()));
    let rest = (id(), id(), title, 1..=1000u16, proptest::option::of(time()), time(), threshold, template());
    (id(), proptest::option::of(rest)).prop_map(|(assignment_id, rest)| {
        let value = rest.map(|(class_id, subject, title, pages, opens_at, due_at, complete_from, template)| {
            let assignment_id = assignment_id.clone();
            Assignment { assignment_id, class_id, subject, title, pages, opens_at, due_at, complete_from, template }
        });
        Event::Assignment { assignment_id, value }
    })
}

fn review() -> impl Strategy<Value = Event> {
    let rest = (proptest::sample::select(&ReviewStatus::ALL[..]), proptest::option::of(bp()), id(), time());
    (id(), id(), 1..=1000u16, proptest::option::of(rest)).prop_map(|(student_id, assignment_id, page, rest)| {
        let value = rest.map(|(status, completion, reviewer, reviewed_at)| {
            let (student_id, assignment_id) = (student_id.clone(), assignment_id.clone());
            Review { student_id, assignment_id, page, status, completion, reviewer, reviewed_at }
        });
        Event::Review { student_id, assignment_id, page, value }
    })
}

fn policy() -> impl Strategy<Value = Event> {
    let canary = (model(), 0..=100u8).prop_map(|(model, percent)| Canary { model, percent });
    let rest = (model(), proptest::option::of(model()), proptest::option::of(canary));
    (scope(), proptest::option::of(rest)).prop_map(|(scope, rest)| {
        let value = rest.map(|(live, shadow, canary)| Policy { scope: scope.clone(), live, shadow, canary });
        Event::Policy { scope, value }
    })
}

fn erasure() -> impl Strategy<Value = Event> {
    (id(), time()).prop_map(|(student_id, requested_at)| Event::Erasure(Erasure { student_id, requested_at }))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![submission(), enrolment(), assignment(), review(), policy(), erasure()]
}

/// Nothing below may panic; what is read must be written so that it reads the same.
fn read(topic: Topic, key: Option<&[u8]>, value: Option<&[u8]>) {
    if let Ok(event) = parse_event(topic, key, value, None, &mut |_| {}) {
        let (key, value) = (event.key_of(), event.value_json());
        let again = parse_event(topic, Some(key.as_bytes()), value.as_deref().map(str::as_bytes), None, &mut |_| {});
        assert_eq!(again.as_ref(), Ok(&event));
    }
}

/// Accepted by our parser, and by serde_json, which knows of no lone surrogate or depth in what it skips: the oracle
/// reads everything into a `Value`, where it is strict.
fn oracle_json(text: &[u8]) {
    let ours = Json::new(text).and_then(|mut json| json.skip().and_then(|()| json.end()));
    let oracle = serde_json::from_slice::<serde_json::Value>(text);
    // The one difference that is meant: a number too large for 64-bit floats is JSON all the same.
    let too_large = oracle.as_ref().is_err_and(|e| e.to_string().starts_with("number out of range"));
    assert!(ours.is_ok() == oracle.is_ok() || too_large, "{:?}: {ours:?}, {oracle:?}", String::from_utf8_lossy(text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_written_reads_the_same(event in event()) {
        let (key, value) = (event.key_of(), event.value_json());
        // A submission or erasure is never a null, and the others may be.
        let again = parse_event(event.topic(), Some(key.as_bytes()), value.as_deref().map(str::as_bytes), None, &mut |name| {
            panic!("{name} is written but not known")
        });
        prop_assert_eq!(again, Ok(event));
    }

    #[test]
    fn no_bytes_end_the_process(key in any::<Option<Vec<u8>>>(), value in any::<Option<Vec<u8>>>()) {
        for topic in Topic::ALL {
            read(topic, key.as_deref(), value.as_deref());
        }
    }

    #[test]
    fn no_change_to_a_record_ends_the_process(
        event in event(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8), 1..4),
    ) {
        let bytes = br#"{}[]",:\u0000dcn123.e-+ ltr"#;
        let mut value = event.value_json().unwrap_or_default().into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(value.len() + 1);
            match kind {
                0 => value.insert(at, *byte.get(bytes)),
                1 if at < value.len() => value[at] = *byte.get(bytes),
                2 if at < value.len() => drop(value.remove(at)),
                _ => value.truncate(at),
            }
        }
        read(event.topic(), Some(event.key_of().as_bytes()), Some(&value));
        oracle_json(&value);
    }

    #[test]
    fn oracle_json_is_what_serde_json_takes(text in "([\\[\\]{},:\" ]|\"[a-z\\\\u0dc8/]{0,8}\"|-?[0-9.eE+-]{1,4}|true|null|\\\\ud83d|é){0,12}") {
        oracle_json(text.as_bytes());
    }
}
