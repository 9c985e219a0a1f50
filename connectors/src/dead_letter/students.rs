//! Whose a broken record may be. Guesses, as good as a broken record allows; they decide only what is forgotten.

use inkflow_schemas::Topic;
use memchr::memmem;

/// Below this many bytes an id occurs in any text by chance, and is looked for only where it stands by itself.
const CHANCE_BYTES: usize = 4;

/// How often escapes are undone: a record within a string within a line is two.
const ESCAPES_DEPTH: usize = 2;

/// The students that a record seems to be about: by its key where the topic's keys begin with a student, and by every
/// field of its value that is called student_id. Ascending, none twice.
pub(super) fn of_record(topic: Topic, key: Option<&[u8]>, value: Option<&[u8]>) -> Vec<String> {
    let mut students = Vec::new();
    if let Some(key) = key.filter(|_| !matches!(topic, Topic::Assignments | Topic::Models)) {
        let first = match topic {
            Topic::Enrolments | Topic::Reviews => unescape_key(key.split(|b| *b == b'|').next().unwrap_or_default()),
            _ => key.to_vec(),
        };
        students.extend(id(&first));
    }
    let mut text = value.unwrap_or_default().to_vec();
    for depth in 0..=ESCAPES_DEPTH {
        let name = b"student_id";
        for at in memmem::find_iter(&text, name) {
            students.extend(text.get(at + name.len()..).and_then(field_value));
        }
        if depth == ESCAPES_DEPTH || !text.contains(&b'\\') {
            break;
        }
        text = unescape_json(&text);
    }
    students.sort_unstable();
    students.dedup();
    students
}

/// True where a student's id occurs in bytes, however they are escaped. `alone`: only where it stands by itself, no
/// letter or digit before or after it.
pub(super) fn names(bytes: Option<&[u8]>, student: &str, alone: bool) -> bool {
    let Some(bytes) = bytes else { return false };
    let alone = alone || student.len() < CHANCE_BYTES;
    if occurs(bytes, student, alone) || occurs(&unescape_key(bytes), student, alone) {
        return true;
    }
    let mut text = bytes.to_vec();
    for _ in 0..ESCAPES_DEPTH {
        if !text.contains(&b'\\') {
            return false;
        }
        text = unescape_json(&text);
        if occurs(&text, student, alone) {
            return true;
        }
    }
    false
}

fn occurs(text: &[u8], student: &str, alone: bool) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    memmem::find_iter(text, student).any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        !alone || !word(before) && !word(text.get(at + student.len()))
    })
}

/// What follows a field's name: `": "s-1"`, quoted at any depth or broken off, or a number.
fn field_value(rest: &[u8]) -> Option<String> {
    let between = |b: &u8| matches!(b, b'"' | b'\\' | b':' | b' ' | b'\t' | b'\r' | b'\n');
    let begin = rest.iter().position(|b| !between(b))?;
    // Backslashes before the value are of its first character.
    let begin = begin - rest.get(..begin)?.iter().rev().take_while(|b| **b == b'\\').count();
    let quoted = rest.get(..begin)?.ends_with(b"\"");
    let value = rest.get(begin..)?;
    let ends = |b: &u8| match quoted {
        true => matches!(b, b'"' | 0..=0x1f),
        false => matches!(b, b',' | b'}' | b']' | b'"' | 0..=0x20),
    };
    let value = value.get(..value.iter().position(ends).unwrap_or(value.len()))?;
    // The backslashes of an escaped quote.
    let escapes = value.iter().rev().take_while(|b| **b == b'\\').count();
    id(&unescape_json(value.get(..value.len() - escapes)?))
}

/// Text that can be an id, or be the beginning of one.
fn id(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    inkflow_schemas::Id::new(&text).map(|id| id.to_string())
}

/// The escapes of composite keys undone.
fn unescape_key(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len());
    let mut rest = key;
    while let Some((first, after)) = rest.split_first() {
        (rest, _) = match rest {
            [b'%', b'2', b'5', after @ ..] => (after, out.push(b'%')),
            [b'%', b'7', b'C' | b'c', after @ ..] => (after, out.push(b'|')),
            _ => (after, out.push(*first)),
        };
    }
    out
}

/// The escapes of JSON undone, wherever they stand; what is no escape stays.
fn unescape_json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'\\', [b'u', after @ ..]) => match unicode(after) {
                Some((c, after)) => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = after;
                    continue;
                }
                None => (b'\\', after),
            },
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [escaped @ (b'"' | b'\\' | b'/'), after @ ..]) => (*escaped, after),
            _ => (*first, after),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// The character of `00e9`, or of `d83d\ude00`, and what follows it.
fn unicode(text: &[u8]) -> Option<(char, &[u8])> {
    let half = |text: &[u8]| {
        let digits = std::str::from_utf8(text.get(..4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = half(text)?;
    let after = text.get(4..)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, after));
    }
    let second = half(after.strip_prefix(b"\\u")?)?;
    let pair = 0x1_0000 + (first.checked_sub(0xd800)? << 10) + second.checked_sub(0xdc00)?;
    Some((char::from_u32(pair)?, after.get(6..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(topic: Topic, key: Option<&str>, value: &str, students: &[&str]) {
        assert_eq!(of_record(topic, key.map(str::as_bytes), Some(value.as_bytes())), students, "{key:?} {value}");
    }

    #[test]
    fn broken_records_tell_whose_they_are() {
        check(Topic::Submissions, None, r#"{"student_id": "s-1", "page": 0}"#, &["s-1"]);
        check(Topic::Submissions, Some("s-2"), r#"{"student_id":"s-1","student_id":"s-3"}"#, &["s-1", "s-2", "s-3"]);
        check(Topic::Submissions, None, r#"{"student_id": "s-1"#, &["s-1"]);
        check(Topic::Submissions, None, r#"{"student_id": 17}"#, &["17"]);
        check(Topic::Submissions, None, r#"{"student_id": "\u0041bc", x"#, &["Abc"]);
        check(Topic::Reviews, Some("a%7Cb%25|x|1"), "{", &["a|b%"]);
        check(Topic::Assignments, Some("s-1"), "{", &[]);
        check(Topic::Submissions, None, "", &[]);
        check(Topic::Submissions, None, "student_id", &[]);
    }

    #[test]
    fn records_within_strings_tell_whose_they_are() {
        check(Topic::Submissions, None, r#"{"raw": "{\"student_id\": \"s-1\"}", x"#, &["s-1"]);
        check(Topic::Submissions, None, r#""{\"raw\": \"{\\\"student_id\\\": \\\"s-1\\\"}\"}""#, &["s-1"]);
    }

    #[test]
    fn ids_are_found_however_they_are_escaped() {
        let student = "Zoë|%4711";
        for text in
            ["xZoë|%4711x", "Zo\\u00eb|%4711", "\\u005ao\\u00EB\\u007c%4711", "Zoë%7C%254711|c", "Zo\\\\u00eb|%4711"]
        {
            assert!(names(Some(text.as_bytes()), student, false), "{text}");
        }
        assert!(names(Some("\\ud83d\\ude00-17".as_bytes()), "\u{1F600}-17", false));
        assert!(!names(Some("Zoë|%471".as_bytes()), student, false));
        assert!(!names(None, student, false));
    }

    #[test]
    fn an_id_by_itself_is_told_from_a_longer_one() {
        for (text, alone, found) in [
            ("s-10", false, false),
            ("s-10", true, false),
            ("pages/s-1/2.jpg", true, true),
            ("s-1", true, true),
            ("xs-1", true, false),
            ("s-12 s-1", true, true),
        ] {
            assert_eq!(names(Some(text.as_bytes()), "s-1", alone), found, "{text}");
        }
        assert!(names(Some(b"student-10"), "student-1", false));
        assert!(!names(Some(b"student-10"), "student-1", true));
    }
}
