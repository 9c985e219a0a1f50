//! The keys of upserted records: composed for a value, and taken apart for a null.

use crate::fields::is_id;

/// "In a composite key `%` and `|` within an id are written `%25` and `%7C`."
pub fn composite(parts: &[&str]) -> String {
    let escaped: Vec<String> = parts.iter().map(|part| part.replace('%', "%25").replace('|', "%7C")).collect();
    escaped.join("|")
}

/// The two ids of an enrolment's key, if it has that form.
pub fn student_and_class(key: &str) -> Option<(String, String)> {
    match parts(key)?.as_slice() {
        [student, class] if is_id(student) && is_id(class) => Some((student.clone(), class.clone())),
        _ => None,
    }
}

/// The two ids and the page of a review's key, if it has that form.
pub fn student_assignment_page(key: &str) -> Option<(String, String, i64)> {
    match parts(key)?.as_slice() {
        [student, assignment, page] if is_id(student) && is_id(assignment) => {
            Some((student.clone(), assignment.clone(), page_of(page)?))
        }
        _ => None,
    }
}

/// A page as it is written in a key: decimal, no sign, no leading zero, 1 to 1000.
fn page_of(text: &str) -> Option<i64> {
    (1..=1000).find(|page| page.to_string() == text)
}

/// The parts of a composite key. None when a `%` stands for neither `%25` nor `%7C`: no value could have that key.
fn parts(key: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = key.split('|').map(|part| part.replace("%7C", "|").replace("%25", "%")).collect();
    let same_parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    (composite(&same_parts) == key).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_composed_and_taken_apart_again() {
        for ids in [["a", "b"], ["50%", "p|q"], ["%7C", "%25"], ["%257C", "||"], ["ü,", "\""]] {
            let key = composite(&ids);
            let (student, class) = student_and_class(&key).expect(&key);
            assert_eq!([student.as_str(), class.as_str()], ids);
        }
    }

    #[test]
    fn a_key_that_no_value_could_have_is_refused() {
        for key in ["", "a", "a|", "|b", "a|b|c", "a%|b", "a%7c|b", "a%2|b", "a%41|b", "a|b\n"] {
            assert_eq!(student_and_class(key), None, "{key}");
        }
        for key in ["a|b", "a|b|0", "a|b|01", "a|b|+1", "a|b|1001", "a|b|1 ", "a|b|", "a|b|1|"] {
            assert_eq!(student_assignment_page(key), None, "{key}");
        }
        assert!(student_assignment_page("a|b|1000").is_some());
    }
}
