//! Whether an export shows the views that the oracle computed, and where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::{csv, Result, Views, VIEWS};

/// How many rows of a view a difference shows: the first few tell more than all of them.
const SHOWN_MAX: usize = 5;

/// Where two sets of views differ.
#[derive(Debug)]
pub struct Diff {
    report: String,
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

impl std::error::Error for Diff {}

/// The columns, counted from 0, that depend on how a run went: "attempts, rejected's reason and freshness".
fn ignored_columns(view: &str) -> &'static [usize] {
    match view {
        "failed_photos" => &[5],
        "rejected" => &[3],
        "freshness" => &[2, 3, 4],
        _ => &[],
    }
}

/// Compares every view byte for byte, but for the columns that depend on how a run went.
pub fn compare(expected: &Views, actual: &Views) -> std::result::Result<(), Diff> {
    let mut report = String::new();
    for (view, _, key_columns) in VIEWS {
        match (expected.get(view), actual.get(view)) {
            (Some(expected), Some(actual)) => {
                report += &compare_view(view, key_columns, expected, actual);
            }
            (None, _) => report += &format!("{view}: not expected at all\n"),
            (_, None) => report += &format!("{view}: missing\n"),
        }
    }
    if report.is_empty() {
        Ok(())
    } else {
        Err(Diff { report })
    }
}

/// The differences of one view, empty for none.
fn compare_view(view: &str, key_columns: usize, expected: &str, actual: &str) -> String {
    let expected = masked_lines(view, key_columns, expected);
    let actual = masked_lines(view, key_columns, actual);
    if expected == actual {
        return String::new();
    }
    let by_key = |lines: &[(String, String)]| -> BTreeMap<String, Vec<String>> {
        let mut by_key = BTreeMap::<String, Vec<String>>::new();
        for (key, line) in lines {
            by_key.entry(key.clone()).or_default().push(line.clone());
        }
        by_key
    };
    let (expected_rows, actual_rows) = (by_key(&expected), by_key(&actual));
    let keys: BTreeSet<&String> = expected_rows.keys().chain(actual_rows.keys()).collect();
    let differing: Vec<&String> =
        keys.into_iter().filter(|key| expected_rows.get(*key) != actual_rows.get(*key)).collect();
    if differing.is_empty() {
        return format!("{view}: the same rows in another order\n");
    }
    let mut report = format!("{view}: {} rows differ\n", differing.len());
    for key in differing.iter().take(SHOWN_MAX) {
        let shown = |rows: &BTreeMap<String, Vec<String>>| match rows.get(*key) {
            Some(lines) => lines.concat().trim_end_matches('\n').to_string(),
            None => "(no row)".to_string(),
        };
        report += &format!("  key      {key}\n");
        report += &format!("  expected {}\n", shown(&expected_rows));
        report += &format!("  actual   {}\n", shown(&actual_rows));
    }
    report
}

/// Each line's key and bytes, with the ignored columns replaced by `?`. The header is a line like the others, unmasked.
fn masked_lines(view: &str, key_columns: usize, text: &str) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let rows = csv::rows(text);
    for (number, mut row) in rows.iter().cloned().enumerate() {
        for column in ignored_columns(view) {
            if let Some(field) = row.get_mut(*column).filter(|_| number > 0) {
                *field = "?".to_string();
            }
        }
        let is_unended = number + 1 == rows.len() && !text.ends_with('\n');
        let end = if is_unended { "(no LF)" } else { "\n" };
        let key = row[..key_columns.min(row.len())].join(",");
        lines.push((key, row.join(",") + end));
    }
    lines
}

/// Reads the views of a folder that `--export` wrote. Files that are no view are not looked at.
pub fn read_views(dir: &Path) -> Result<Views> {
    let mut views = Views::new();
    for (view, _, _) in VIEWS {
        let path = dir.join(format!("{view}.csv"));
        if path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            views.insert(view.to_string(), text);
        }
    }
    Ok(views)
}

/// Writes each view as `DIR/<view>.csv`.
pub fn write_views(views: &Views, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    for (view, text) in views {
        std::fs::write(dir.join(format!("{view}.csv")), text)?;
    }
    Ok(())
}
