//! No bytes end the process; what is read is written so that it reads the same; and JSON is what serde_json takes.
//!
//! `cd schemas && cargo +nightly fuzz run parse_event fuzz/corpus fuzz/seeds`. Input: a byte that picks
//! the topic, one that is the key's length, the key, the value.

#![no_main]

use inkflow_schemas::parse::json::Json;
use inkflow_schemas::{parse_event, Topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [topic, key_length, rest @ ..] = input else { return };
    let topic = Topic::ALL[usize::from(*topic) % Topic::ALL.len()];
    let (key, value) = rest.split_at(usize::from(*key_length).min(rest.len()));
    for value in [Some(value), None] {
        for key in [Some(key), None] {
            round_trip(topic, key, value);
        }
    }
    json(value);
});

fn round_trip(topic: Topic, key: Option<&[u8]>, value: Option<&[u8]>) {
    let Ok(event) = parse_event(topic, key, value, None, &mut |_| {}) else { return };
    let (key, value) = (event.key_of(), event.value_json());
    let again = parse_event(topic, Some(key.as_bytes()), value.as_deref().map(str::as_bytes), None, &mut |_| {});
    assert_eq!(again, Ok(event));
}

fn json(text: &[u8]) {
    let ours = Json::new(text).and_then(|mut json| json.skip().and_then(|()| json.end())).is_ok();
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(_) => assert!(ours, "refused: {text:?}"),
        // Both meant: a number too large for a float is JSON, and 128 deep is not yet too deep.
        Err(e) if e.to_string().starts_with("number out of range") => {}
        Err(e) if e.to_string().starts_with("recursion limit") => {}
        Err(_) => assert!(!ours, "taken: {text:?}"),
    }
}
