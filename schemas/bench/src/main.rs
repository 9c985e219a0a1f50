//! Submissions parsed a second, by inkflow's parser and by the libraries that were not taken, in one run and on one
//! thread; and which of them refuse what the contract refuses. docs/decisions/001-json-parser.md has the figures.
//!
//! `cargo run --release --manifest-path schemas/bench/Cargo.toml [seconds a measurement]`
//!
//! Every parser ends with the same `Submission`, its ids and times checked by the same code.

use inkflow_schemas::parse::time::rfc3339;
use inkflow_schemas::{parse_event, Event, Id, Millis, Photo, PhotoKey, Submission, Topic};
use serde::Deserialize;
use std::borrow::Cow;
use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As a user of serde would write it.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    submission_id: Cow<'a, str>,
    #[serde(borrow)]
    student_id: Cow<'a, str>,
    #[serde(borrow)]
    assignment_id: Cow<'a, str>,
    page: u16,
    #[serde(borrow)]
    photo: WirePhoto<'a>,
    uploaded_at: Time,
}

#[derive(Deserialize)]
struct WirePhoto<'a> {
    #[serde(borrow)]
    uri: Cow<'a, str>,
    #[serde(borrow, default)]
    etag: Option<Cow<'a, str>>,
    #[serde(default)]
    bytes: Option<u64>,
}

/// By a visitor, as serde's untagged enums are slow.
struct Time(Option<Millis>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a time")
            }
            fn visit_i64<E>(self, ms: i64) -> Result<Time, E> {
                Ok(Time(Millis::new(ms)))
            }
            fn visit_u64<E>(self, ms: u64) -> Result<Time, E> {
                Ok(Time(i64::try_from(ms).ok().and_then(Millis::new)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Time, E> {
                Ok(Time(rfc3339(text)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Wire<'_> {
    fn submission(self) -> Option<Submission> {
        let WirePhoto { uri, etag, bytes } = self.photo;
        let clean = |text: &str| !inkflow_schemas::scalar::has_control(text);
        let etag = etag.unwrap_or_default();
        let fits = (1..=2048).contains(&uri.len()) && clean(&uri) && etag.len() <= 1024 && clean(&etag);
        let key = PhotoKey { uri: (&*uri).into(), version: etag.trim_matches('"').into() };
        fits.then_some(Submission {
            submission_id: Id::new(&self.submission_id)?,
            student_id: Id::new(&self.student_id)?,
            assignment_id: Id::new(&self.assignment_id)?,
            page: Some(self.page).filter(|page| (1..=1000).contains(page))?,
            photo: Photo { key, bytes, sha256: None },
            uploaded_at: self.uploaded_at.0?,
        })
    }
}

fn inkflow(bytes: &[u8], _: &mut Vec<u8>) -> Option<Submission> {
    match parse_event(Topic::Submissions, None, Some(bytes), None, &mut |_| {}) {
        Ok(Event::Submission(submission)) => Some(submission),
        _ => None,
    }
}

fn serde_json(bytes: &[u8], _: &mut Vec<u8>) -> Option<Submission> {
    serde_json::from_slice::<Wire>(bytes).ok()?.submission()
}

fn sonic_rs(bytes: &[u8], _: &mut Vec<u8>) -> Option<Submission> {
    sonic_rs::from_slice::<Wire>(bytes).ok()?.submission()
}

/// It parses in place, so a message that is to be kept, for the dead letters, is copied first.
fn simd_json(bytes: &[u8], scratch: &mut Vec<u8>) -> Option<Submission> {
    scratch.clear();
    scratch.extend_from_slice(bytes);
    simd_json::serde::from_slice::<Wire>(scratch).ok()?.submission()
}

type Parser = fn(&[u8], &mut Vec<u8>) -> Option<Submission>;

const PARSERS: [(&str, Parser); 4] =
    [("inkflow", inkflow), ("serde_json", serde_json), ("sonic-rs", sonic_rs), ("simd-json", simd_json)];

/// Distinct messages, so that no branch predictor learns one by heart.
fn messages(form: impl Fn(u64) -> String) -> Vec<Vec<u8>> {
    (0..10_000u64).map(|n| form(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes()).collect()
}

fn message(n: u64, quote: &str, uploaded_at: &str, extra: &str) -> String {
    format!(
        r#"{{"submission_id":"018f6c2e-{:04x}-7c3a-9f00-{:012x}","student_id":"st-{:06}","assignment_id":"as-{:04}","page":{},"photo":{{"uri":"s3://homework/2026/11/21/{n:016x}.jpg","etag":"{quote}{n:032x}{quote}","bytes":{}}},"uploaded_at":{uploaded_at}{extra}}}"#,
        n % 65_536,
        n >> 16,
        n % 200_000,
        n % 5_000,
        n % 9 + 1,
        n % 4_000_000,
    )
}

/// Seconds that this thread has been on a core: others may be busy there too.
fn core_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

fn events_per_second(parser: Parser, messages: &[Vec<u8>], seconds: f64) -> f64 {
    let mut scratch = Vec::new();
    let (start, mut count, mut took) = (core_seconds(), 0, 0.0);
    while took < seconds {
        for message in messages {
            assert!(black_box(parser(black_box(message), &mut scratch)).is_some());
        }
        count += messages.len();
        took = core_seconds() - start;
    }
    count as f64 / took
}

fn main() {
    let argument = |n| std::env::args().nth(n);
    if let (Some("--refuse"), Some(case), Some(parser)) = (argument(1).as_deref(), argument(2), argument(3)) {
        return refuse(&case, &parser);
    }
    let seconds = argument(1).and_then(|s| s.parse().ok()).unwrap_or(0.2);
    let rfc = "\"2026-11-21T08:56:00.123Z\"";
    let extra = r#","device":{"model":"Pixel 9","os":"android 16","lens":[1.85,24]},"note":"Übung für die Klasse"#;
    let forms = [
        ("time in ms", messages(|n| message(n, "", "1795251360123", ""))),
        ("time RFC 3339", messages(|n| message(n, "", rfc, ""))),
        ("and etag in quotes", messages(|n| message(n, "\\\"", rfc, ""))),
        ("and unknown fields", messages(|n| message(n, "\\\"", rfc, &format!("{extra}\"")))),
    ];
    println!("million submissions a second of one core; best of nine, in turns\n");
    print!("{:<24}{:>6}", "", "bytes");
    PARSERS.iter().for_each(|(name, _)| print!("{name:>12}"));
    println!();
    for (name, messages) in &forms {
        print!("{name:<24}{:>6}", messages[0].len());
        let mut best = [0.0; PARSERS.len()];
        for _ in 0..9 {
            for (best, (_, parser)) in best.iter_mut().zip(PARSERS) {
                *best = events_per_second(parser, messages, seconds).max(*best);
            }
        }
        best.iter().for_each(|best| print!("{:>12.2}", best / 1e6));
        println!();
    }
    refusals();
}

/// What a parser does with a case, told by a process of its own: some do not survive.
fn outcome(case: &str, parser: &str) -> &'static str {
    let program = std::env::current_exe().expect("the path of this program");
    let status = std::process::Command::new(program)
        .args(["--refuse", case, parser])
        .stderr(std::process::Stdio::null())
        .status();
    match status.map(|status| status.code()) {
        Ok(Some(0)) => "refused",
        Ok(Some(1)) => "TAKEN",
        _ => "DIES",
    }
}

fn refuse(case: &str, parser: &str) {
    let (_, message) = cases().into_iter().find(|(name, _)| *name == case).expect("a case of that name");
    let (_, parser) = PARSERS.into_iter().find(|(name, _)| *name == parser).expect("a parser of that name");
    std::process::exit(i32::from(parser(&message, &mut Vec::new()).is_some()));
}

fn refusals() {
    println!("\nwhat must be refused");
    for (case, _) in cases() {
        print!("{case:<32}");
        PARSERS.iter().for_each(|(parser, _)| print!("{:>12}", outcome(case, parser)));
        println!();
    }
}

/// What must be refused, in a submission that is else as it should be; last, what must not.
fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let with = |field: &str| message(7, "", "5", &format!(",{field}")).into_bytes();
    let raw = |bytes: &[u8]| {
        let mut message = with("\"x\":\"?\"");
        let at = message.iter().position(|b| *b == b'?').unwrap_or(0);
        message.splice(at..=at, bytes.iter().copied());
        message
    };
    let plain = message(7, "", "5", "");
    vec![
        ("lone surrogate, unknown field", with(r#""x":"\ud800""#)),
        ("lone surrogate, unknown name", with(r#""\udc00":1"#)),
        ("lone surrogate, known field", plain.replace("st-", "\\ud800").into_bytes()),
        ("invalid UTF-8, unknown field", raw(b"\xff")),
        ("surrogate as UTF-8, unknown", raw(b"\xed\xa0\x80")),
        ("raw control character, unknown", raw(b"\x01")),
        ("known field twice", with("\"page\":1")),
        ("129 deep, unknown field", with(&format!("\"x\":{}{}", "[".repeat(128), "]".repeat(128)))),
        ("100,000 deep, unknown field", with(&format!("\"x\":{}{}", "[".repeat(100_000), "]".repeat(100_000)))),
        ("NaN, unknown field", with("\"x\":NaN")),
        ("01, unknown field", with("\"x\":01")),
        ("page 1.0", plain.replace("\"page\":", "\"page\":1.0,\"x\":").into_bytes()),
        ("byte order mark", format!("\u{feff}{plain}").into_bytes()),
        ("bytes after the object", format!("{plain}x").into_bytes()),
        ("not an object: array of fields", br#"["a","b","c",1,["u",null,null],5]"#.to_vec()),
        ("but not: bytes -0, an integer", plain.replace("\"bytes\":", "\"bytes\":-0,\"x\":").into_bytes()),
    ]
}
