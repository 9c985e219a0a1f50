//! Records that must be refused: each takes a good record and breaks one rule of it.

use super::drafts::Draft;
use super::text::{nested, object, quote, Members};
use super::Dice;
use crate::time::DAY_MS;

/// The draft as a line that breaks a rule.
pub fn spoiled_line(draft: &Draft, dice: &mut Dice) -> Vec<u8> {
    let mut draft = draft.clone();
    match dice.below(10) {
        0..2 => spoil_bytes(dice, &draft),
        2 => spoil_line(dice, &draft),
        3 => spoil_raw(dice, &draft),
        4 => spoil_key(dice, &mut draft),
        5 => spoil_structure(dice, &draft),
        _ => {
            spoil_field(dice, &mut draft);
            draft.line(dice)
        }
    }
}

/// Lines that are no JSON object at all. (None of them holds an LF.)
fn spoil_bytes(dice: &mut Dice, draft: &Draft) -> Vec<u8> {
    let line = draft.line(dice);
    match dice.below(12) {
        0 => Vec::new(),
        1 => b"   ".to_vec(),
        2 => b"not json".to_vec(),
        3 => dice.pick(&["null", "[]", "42", "\"text\"", "true", "{}"]).as_bytes().to_vec(),
        4 => [&b"\xef\xbb\xbf"[..], &line].concat(),
        5 => [&line[..], b" {}"].concat(),
        6 => line[..dice.below(line.len())].to_vec(),
        7 => [b"{\"x\":\"\xff\xfe\",", &line[1..]].concat(),
        8 => [b"{\"x\":\"\\ud83d\",", &line[1..]].concat(),
        9 => [b"{\"x\":NaN,", &line[1..]].concat(),
        10 => [&b"["[..], &line, b"]"].concat(),
        _ => (0..20).map(|_| dice.next() as u8).filter(|byte| *byte != b'\n').collect(),
    }
}

/// Lines that are objects, but not such as a partition holds.
fn spoil_line(dice: &mut Dice, draft: &Draft) -> Vec<u8> {
    let members = draft.members.clone().unwrap_or_default();
    let value = object(dice, &members);
    let mut line = draft.envelope(dice);
    match dice.below(4) {
        0 => line.extend([("value".into(), value.clone()), ("raw".into(), quote(dice, &value))]),
        1 => line.extend([("value".into(), value.clone()), ("value".into(), value)]),
        2 => {
            line.retain(|(name, _)| name != "ts");
            let ts = *dice.pick(&["1.5", "\"1795000000000\"", "true", "1e12", "1e99", "[]"]);
            line.extend([("value".into(), value), ("ts".into(), ts.into())]);
        }
        _ => line.push(("raw".into(), dice.pick(&["5", "{}", "[]", "true"]).to_string())),
    }
    object(dice, &line).into_bytes()
}

/// Bytes in place of a value: garbage, or a value that is nearly JSON.
fn spoil_raw(dice: &mut Dice, draft: &Draft) -> Vec<u8> {
    let members = draft.members.clone().unwrap_or_default();
    let value = object(dice, &members);
    let raw = match dice.below(11) {
        0 => String::new(),
        1 => "null".into(),
        2 => dice.pick(&["NaN", "[]", "1", "\"x\"", "\u{0}", "{", "undefined", "{}"]).to_string(),
        3 => format!("\u{feff}{value}"),
        4 => value.replacen('"', "'", 2),
        5 => value.replacen('}', ",}", 1),
        6 => format!("{value}{value}"),
        7 => value.replacen('{', r#"{"x":"\udc00\ud800","#, 1),
        8 => value.replacen('{', "{\"x\":Infinity,", 1),
        9 => value.replacen('{', "{\"x\":\"\u{1}\",", 1),
        _ => value.replacen('{', &format!("{{\"x\":{},", nested(128)), 1),
    };
    let mut line = draft.envelope(dice);
    line.push(("raw".into(), quote(dice, &raw)));
    object(dice, &line).into_bytes()
}

/// A key that is not the value's, or that no value could have. Where the key is not looked at: a null, which these topics
/// do not know, or an upload a millisecond too late.
fn spoil_key(dice: &mut Dice, draft: &mut Draft) -> Vec<u8> {
    if draft.topic == "erasures" || (draft.topic == "submissions" && dice.chance(50)) {
        draft.members = None;
        return draft.line(dice);
    }
    if draft.topic == "submissions" {
        let uploaded_at = 1_795_000_000_000;
        draft.set("uploaded_at", uploaded_at.to_string());
        draft.ts = Some(uploaded_at - DAY_MS - 1);
        return draft.line(dice);
    }
    let key = match dice.below(9) {
        0 => String::new(),
        1 => format!("{}|", draft.key),
        2 => format!("|{}", draft.key),
        3 => format!("{}\u{7f}", draft.key),
        4 => format!("{}{}", draft.key, "x".repeat(201)),
        5 if draft.topic == "reviews" => draft.key.replacen('|', "%7C", 1),
        5 if draft.topic == "enrolments" => draft.key.replacen('|', "%7c", 1),
        6 if draft.topic == "reviews" => match draft.key.rsplit_once('|') {
            Some((ids, page)) => format!("{ids}|{}{page}", dice.pick(&["0", "+", " ", "-"])),
            None => String::new(),
        },
        7 if draft.topic == "models" => draft.key.to_uppercase() + "X",
        _ => {
            // No key, and one that is no string.
            let mut line = draft.envelope(dice);
            line.retain(|(name, _)| name != "key");
            if dice.chance(50) {
                line.push(("key".into(), dice.pick(&["null", "1", "[]", "{\"a\":\"b\"}"]).to_string()));
            }
            let value = draft.members.as_ref().map_or("null".into(), |members| object(dice, members));
            line.push(("value".into(), value));
            return object(dice, &line).into_bytes();
        }
    };
    // The key of a null must have the form of one: keys that could be those of another record stay with a value.
    let is_a_key_of_its_own = matches!(draft.topic, "assignments" | "models");
    if draft.members.is_none() && is_a_key_of_its_own {
        draft.members = Some(Members::new());
    }
    draft.key = key;
    draft.line(dice)
}

/// A value that is no object, or one with a known field twice, or that nests too deep.
fn spoil_structure(dice: &mut Dice, draft: &Draft) -> Vec<u8> {
    let mut members = draft.members.clone().unwrap_or_default();
    let value = match dice.below(5) {
        0 => dice.pick(&["[]", "\"text\"", "1", "true", "[{}]"]).to_string(),
        1 => {
            members.push(("x".into(), nested(128)));
            object(dice, &members)
        }
        2 => {
            members.push(("x".into(), r#"["\ud800"]"#.into()));
            object(dice, &members)
        }
        // A known field twice: as it is, and with its name in escapes.
        3 if !members.is_empty() => {
            members.push(dice.pick(&members).clone());
            object(dice, &members)
        }
        _ if !members.is_empty() => {
            let (name, value) = dice.pick(&members).clone();
            let escaped: String = name.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
            object(dice, &members).replacen('{', &format!("{{\"{escaped}\":{value},"), 1)
        }
        _ => "{}".into(),
    };
    let mut line = draft.envelope(dice);
    line.push(("value".into(), value));
    object(dice, &line).into_bytes()
}

const NO_IDS: [&str; 10] =
    ["\"\"", "\"a\\u0000b\"", "\"\\u007f\"", "\"\\u0085\"", "\"tab\\t\"", "1", "true", "[]", "{}", "\"line\\nfeed\""];
const NO_PAGES: [&str; 10] = ["0", "1001", "-1", "1.0", "1e0", "\"1\"", "true", "[1]", "99999999999999999999", "{}"];
const NO_BPS: [&str; 8] = ["-1", "10001", "0.5", "1e3", "\"1\"", "false", "[]", "18446744073709551616"];
const NO_TIMES: [&str; 24] = [
    "-1",
    "4102444800000",
    "1.5",
    "1795000000000.0",
    "1e12",
    "true",
    "{}",
    "\"\"",
    "\"1795000000000\"",
    "\"2026-11-21\"",
    "\"2026-11-21T10:00:00\"",
    "\"2026-11-21 10:00:00Z\"",
    "\"2026-11-21T10:00Z\"",
    "\"2026-11-21T10:00:60Z\"",
    "\"2026-11-21T24:00:00Z\"",
    "\"2026-02-29T10:00:00Z\"",
    "\"2026-13-01T10:00:00Z\"",
    "\"2026-11-21T10:00:00+0100\"",
    "\"2026-11-21T10:00:00+24:00\"",
    "\"2026-11-21T10:00:00.Z\"",
    "\"2100-01-01T00:00:00Z\"",
    "\"1969-12-31T23:59:59.999Z\"",
    "\"1970-01-01T00:30:00+01:00\"",
    "\"2100-01-01T00:30:00-00:30\"",
];
const NO_PHOTOS: [&str; 21] = [
    "\"s3://a\"",
    "[]",
    "{}",
    r#"{"uri":""}"#,
    r#"{"uri":null}"#,
    r#"{"uri":"a\u0001"}"#,
    r#"{"uri":"a\u009f"}"#,
    r#"{"uri":"a","etag":1}"#,
    r#"{"uri":"a","etag":"\u0000"}"#,
    r#"{"uri":"a","bytes":-1}"#,
    r#"{"uri":"a","bytes":9007199254740993}"#,
    r#"{"uri":"a","bytes":1.0}"#,
    r#"{"uri":"a","bytes":"1"}"#,
    r#"{"uri":"a","sha256":"abc"}"#,
    r#"{"uri":"a","sha256":""}"#,
    r#"{"uri":"a","uri":"a"}"#,
    r#"{"uri":"a","etag":"b","etag":"b"}"#,
    r#"{"uri":"a","etag":null,"etag":"b"}"#,
    r#"{"uri":"a","etag":"b","sha256":"g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#,
    r#"{"uri":"a","sha256":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"}"#,
    r#"{"uri":["a"]}"#,
];
const NO_STATUSES: [&str; 6] = ["\"Complete\"", "\"pending\"", "\"\"", "1", "true", "\"complete \""];
const NO_SCOPES: [&str; 9] = [
    "\"\"",
    "\"**\"",
    "\"school:\"",
    "\"class:\"",
    "\"group:x\"",
    "\"School:x\"",
    "\"class\"",
    "\"class:a\\u0007\"",
    "1",
];
const NO_MODELS: [&str; 11] = [
    "\"\"",
    "\"page\"",
    "\"page@\"",
    "\"@1\"",
    "\"a@b@c\"",
    "\"a b@1\"",
    "\"a@1 \"",
    "\"a\u{3000}@1\"",
    "\"a@\\u0085\"",
    "1",
    "\"a\u{a0}@1\"",
];
const NO_CANARIES: [&str; 9] = [
    "\"a@1\"",
    "[]",
    "{}",
    r#"{"model":"a@1"}"#,
    r#"{"percent":5}"#,
    r#"{"model":"a@1","percent":101}"#,
    r#"{"model":"a@1","percent":-1}"#,
    r#"{"model":"a","percent":5}"#,
    r#"{"model":"a@1","percent":5,"percent":5}"#,
];
const NO_TEMPLATES: [&str; 13] = [
    "{}",
    "\"x\"",
    "[1]",
    "[{}]",
    r#"[{"page":1}]"#,
    r#"[{"photo":{"uri":"t"}}]"#,
    r#"[{"page":1,"photo":"t"}]"#,
    r#"[{"page":1,"photo":{"uri":"t"}},{"page":1,"photo":{"uri":"u"}}]"#,
    r#"[{"page":1,"page":2,"photo":{"uri":"t"}}]"#,
    r#"[{"page":1,"photo":{"uri":"t"},"areas":[[1,2,3]]}]"#,
    r#"[{"page":1,"photo":{"uri":"t"},"areas":[[5000,0,5001,1]]}]"#,
    r#"[{"page":1,"photo":{"uri":"t"},"areas":[[0,1,1,10000]]}]"#,
    r#"[{"page":1,"photo":{"uri":"t"},"areas":[1,2,3,4]}]"#,
];

/// Each known field, what it may not be, and whether it must be there.
const FIELDS: [(&str, &[&str], bool); 21] = [
    ("submission_id", &NO_IDS, true),
    ("student_id", &NO_IDS, true),
    ("assignment_id", &NO_IDS, true),
    ("class_id", &NO_IDS, true),
    ("school_id", &NO_IDS, true),
    ("subject", &NO_IDS, true),
    ("reviewer", &NO_IDS, true),
    ("page", &NO_PAGES, true),
    ("pages", &NO_PAGES, true),
    ("photo", &NO_PHOTOS, true),
    ("uploaded_at", &NO_TIMES, true),
    ("due_at", &NO_TIMES, true),
    ("reviewed_at", &NO_TIMES, true),
    ("requested_at", &NO_TIMES, true),
    ("status", &NO_STATUSES, true),
    ("scope", &NO_SCOPES, true),
    ("live", &NO_MODELS, true),
    ("shadow", &NO_MODELS, false),
    ("canary", &NO_CANARIES, false),
    ("template", &NO_TEMPLATES, false),
    ("completion_bp", &NO_BPS, false),
];

/// The optional fields of a topic, which a draft may lack.
fn optional_fields(topic: &str) -> &'static [(&'static str, &'static [&'static str])] {
    match topic {
        "enrolments" => &[("since", &NO_TIMES)],
        "assignments" => &[
            ("title", &["1", "[]", "{}", "true"]),
            ("opens_at", &NO_TIMES),
            ("complete_from_bp", &["0", "-1", "10001", "8000.0", "\"8000\"", "true"]),
            ("template", &NO_TEMPLATES),
        ],
        "reviews" => &[("completion_bp", &NO_BPS)],
        "models" => &[("shadow", &NO_MODELS), ("canary", &NO_CANARIES)],
        _ => &[],
    }
}

/// One known field that is missing, null though it must be there, or not what it may be.
fn spoil_field(dice: &mut Dice, draft: &mut Draft) {
    let optional = optional_fields(draft.topic);
    if !optional.is_empty() && dice.chance(40) {
        let (name, bad) = dice.pick(optional);
        draft.set(name, dice.pick(bad).to_string());
        return;
    }
    let members = draft.members.clone().unwrap_or_default();
    let is_present = |name: &str| members.iter().any(|(known, _)| known == name);
    let present: Vec<_> = FIELDS.iter().filter(|(name, ..)| is_present(name)).collect();
    if present.is_empty() {
        draft.members = Some(Members::new());
        return;
    }
    let (name, bad, is_required) = **dice.pick(&present);
    match dice.below(12) {
        0 if is_required => draft.remove(name),
        1 if is_required => draft.set(name, "null".into()),
        2 if name.ends_with("_id") => draft.set(name, format!("\"{}a\"", "é".repeat(100))),
        2 if name == "live" => draft.set(name, format!("\"{}@1\"", "m".repeat(101))),
        2 if name == "photo" => draft.set(name, format!("{{\"uri\":\"{}\"}}", "u".repeat(2049))),
        3 if name == "photo" => {
            draft.set(name, format!("{{\"uri\":\"u\",\"etag\":\"{}\"}}", "e".repeat(1025)));
        }
        _ => draft.set(name, dice.pick(bad).to_string()),
    }
}
