//! Keys of records: a single id as it is, or ids joined by `|`.
//!
//! Within an id of a composite key `%` is written `%25` and `|` is written `%7C`, so that a key names one tuple of ids
//! only. A key is compared byte for byte: `%7c`, or an escape that is not needed, is another key, and of no record.

use crate::scalar::Id;
use std::fmt::Write;

/// The composite key of these ids.
pub fn composite<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let mut key = String::with_capacity(64);
    for (index, id) in ids.into_iter().enumerate() {
        if index > 0 {
            key.push('|');
        }
        push_escaped(&mut key, id);
    }
    key
}

/// The key of an enrolment: `student_id|class_id`.
pub fn key_of_enrolment(student_id: &Id, class_id: &Id) -> String {
    composite([student_id.as_str(), class_id.as_str()])
}

/// The key of a review: `student_id|assignment_id|page`.
pub fn key_of_review(student_id: &Id, assignment_id: &Id, page: u16) -> String {
    let mut key = composite([student_id.as_str(), assignment_id.as_str()]);
    // Writing to a string does not fail.
    let _ = write!(key, "|{page}");
    key
}

/// The ids of an enrolment's key, or none where it has not the form.
pub fn parse_enrolment_key(key: &str) -> Option<(Id, Id)> {
    let (student, class) = key.split_once('|')?;
    Some((unescape(student)?, unescape(class)?))
}

/// The ids and the page of a review's key, or none where it has not the form.
pub fn parse_review_key(key: &str) -> Option<(Id, Id, u16)> {
    let (ids, page) = key.rsplit_once('|')?;
    let (student, assignment) = parse_enrolment_key(ids)?;
    Some((student, assignment, parse_page(page)?))
}

/// A page as a key writes it: decimal, no sign, no zero before it.
fn parse_page(text: &str) -> Option<u16> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let page = text.parse().ok()?;
    (canonical && (1..=1000).contains(&page)).then_some(page)
}

fn push_escaped(key: &mut String, id: &str) {
    for c in id.chars() {
        match c {
            '%' => key.push_str("%25"),
            '|' => key.push_str("%7C"),
            _ => key.push(c),
        }
    }
}

/// The id that a part of a composite key stands for. What is left of `%` after its two escapes is none.
fn unescape(part: &str) -> Option<Id> {
    if part.contains('|') {
        return None;
    }
    let mut id = String::with_capacity(part.len());
    let mut runs = part.split('%');
    id.push_str(runs.next().unwrap_or_default());
    for run in runs {
        let (c, rest) = match run.split_at_checked(2)? {
            ("25", rest) => ('%', rest),
            ("7C", rest) => ('|', rest),
            _ => return None,
        };
        id.push(c);
        id.push_str(rest);
    }
    Id::new(&id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    #[test]
    fn ids_with_bars_and_percents_have_keys_of_their_own() {
        assert_eq!(key_of_enrolment(&id("a|b"), &id("c%7C")), "a%7Cb|c%257C");
        assert_eq!(parse_enrolment_key("a%7Cb|c%257C"), Some((id("a|b"), id("c%7C"))));
        assert_eq!(key_of_review(&id("s"), &id("a"), 1000), "s|a|1000");
    }

    #[test]
    fn keys_of_another_form_are_none() {
        for key in ["", "a", "|", "a|", "|b", "a|b|c", "a%|b", "a%7c|b", "a%2|b", "a%41|b", "a|b%", "a\n|b", "a%2é|b"]
        {
            assert_eq!(parse_enrolment_key(key), None, "{key}");
        }
        for key in ["s|a", "s|a|", "s|a|0", "s|a|01", "s|a|+1", "s|a|1001", "s|a|65537", "s|a|1|1", "s|a|1 ", "s|a|१"]
        {
            assert_eq!(parse_review_key(key), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn keys_name_their_ids(a in "[a|%257C/é]{1,20}", b in "[a|%257C/é]{1,20}", page in 1u16..=1000) {
            let (a, b) = (id(&a), id(&b));
            prop_assert_eq!(parse_enrolment_key(&key_of_enrolment(&a, &b)), Some((a.clone(), b.clone())));
            prop_assert_eq!(parse_review_key(&key_of_review(&a, &b, page)), Some((a, b, page)));
        }

        #[test]
        fn what_parses_is_written_the_same(key in "[a|%257C\u{1}é]{0,12}") {
            if let Some((a, b)) = parse_enrolment_key(&key) {
                prop_assert_eq!(key_of_enrolment(&a, &b), key);
            }
        }
    }
}
