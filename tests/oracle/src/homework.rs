//! Given pairs as student_assignment shows them, and their tally, which five views share.

use crate::csv::Cell;
use crate::terms::{Page, Pair, Pairs};

/// A given pair and what became of it.
#[derive(Debug)]
pub struct Homework<'a> {
    pub pair: &'a Pair<'a>,
    /// Its counted pages that have a row in page_status.
    pub pages: Vec<&'a Page<'a>>,
    pub pages_pending: i64,
    pub pages_complete: i64,
    pub completion_bp: i64,
    pub status: &'static str,
    pub on_time: bool,
    pub last_upload: Option<i64>,
}

/// "One row for each given pair, submitted or not, over its counted pages."
pub fn homework<'a>(pairs: &'a Pairs<'a>, pages: &'a [Page<'a>], clock: i64) -> Vec<Homework<'a>> {
    let given = pairs.values().filter(|pair| pair.given);
    given.map(|pair| homework_of(pair, pages, clock)).collect()
}

fn homework_of<'a>(pair: &'a Pair<'a>, pages: &'a [Page<'a>], clock: i64) -> Homework<'a> {
    let is_of_pair =
        |page: &&Page| page.pair.is_some() && page.key.0 == pair.student && page.key.1 == pair.assignment_id;
    let pages: Vec<&Page> = pages.iter().filter(is_of_pair).collect();
    let expected = pair.assignment.pages;
    let received = pages.len() as i64;
    let pages_pending = count(&pages, |page| page.status == "pending");
    let pages_complete = count(&pages, |page| page.status == "complete");
    // "An empty completion counts as 0 in sums." "completion_bp = sum / pages_expected."
    let sum: i64 = pages.iter().map(|page| page.completion_bp.unwrap_or(0)).sum();
    // "`complete` when pages_complete = pages_expected; else, when pages_received = pages_expected, `awaiting` if a page is
    // pending, else `incomplete`; else `open` while clock < due_at, `overdue` from then on."
    let status = if pages_complete == expected {
        "complete"
    } else if received == expected && pages_pending > 0 {
        "awaiting"
    } else if received == expected {
        "incomplete"
    } else if clock < pair.assignment.due_at {
        "open"
    } else {
        "overdue"
    };
    let uploads: Vec<i64> = pages.iter().filter_map(|page| page.submission).map(|s| s.uploaded_at).collect();
    // "on_time: complete, and every uploaded_at that there is <= due_at."
    let in_time = uploads.iter().all(|uploaded_at| *uploaded_at <= pair.assignment.due_at);
    Homework {
        pair,
        pages_pending,
        pages_complete,
        completion_bp: sum / expected,
        status,
        on_time: status == "complete" && in_time,
        last_upload: uploads.into_iter().max(),
        pages,
    }
}

/// How many of the pages are such.
pub fn count<'a>(pages: &[&'a Page<'a>], is_such: impl Fn(&Page<'a>) -> bool) -> i64 {
    pages.iter().filter(|page| is_such(page)).count() as i64
}

/// How many pairs there are, how many of each status, and their mean completion:
/// assigned (or students), complete, on_time, awaiting, incomplete, open, overdue, completion_bp.
///
/// The mean is over those that are `in_mean`, rounded down, and "empty over none".
pub fn tally(over: &[&Homework], in_mean: impl Fn(&Homework) -> bool) -> Vec<Cell> {
    let of_status = |status: &str| over.iter().filter(|h| h.status == status).count() as i64;
    let on_time = over.iter().filter(|h| h.on_time).count() as i64;
    let completions: Vec<i64> = over.iter().filter(|h| in_mean(h)).map(|h| h.completion_bp).collect();
    vec![
        Cell::from(over.len() as i64),
        of_status("complete").into(),
        on_time.into(),
        of_status("awaiting").into(),
        of_status("incomplete").into(),
        of_status("open").into(),
        of_status("overdue").into(),
        mean(&completions).into(),
    ]
}

/// The mean, rounded toward zero; None over none. (Of numbers that are not negative that is rounding down.)
pub fn mean(numbers: &[i64]) -> Option<i64> {
    let number = numbers.len() as i64;
    (number > 0).then(|| numbers.iter().sum::<i64>() / number)
}
