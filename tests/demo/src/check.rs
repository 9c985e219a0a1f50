//! The check: the views against an independent recompute, from the records and from what the model said of each photo.

use crate::inkflow::Inkflow;
use crate::stage::Stage;
use crate::views::Reader;
use crate::{fail, Result};
use inkflow_oracle::{compare, read_views, recompute_folder, Folder, Options, Views};
use serde_json::Value;

/// The flow's model.
const MODEL: &str = "page@16";

/// What is equal, and what was said of the photos.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// How many views.
    pub views: usize,
    /// How many rows they have.
    pub rows: usize,
    /// How many photos were read.
    pub read: u64,
    /// How many could not be.
    pub failed: u64,
}

/// Compares what is in SQLite and in the CSV files with the recompute at the views' own clock.
///
/// `exact`: the clock was fixed, so that every column can be known from outside. On a wall clock class_day's seconds
/// depend on when each epoch was sealed, which only the journal knows: they are left out.
pub fn check(stage: &Stage, inkflow: &Inkflow, reader: &Reader, clock: i64, exact: bool) -> Result<Checked> {
    let readings = inkflow.readings(stage)?;
    let (faults, lines) = count(&readings);
    std::fs::write(stage.path("records/readings.jsonl"), for_any_model(&readings)?)?;
    let folder = Folder { readings, ..Folder::read(&stage.path("records"))? };
    let options = Options { configured_model: MODEL.to_owned(), ..Options::default() };
    let masked = |views: Views| if exact { views } else { without_seconds(views) };
    let expected = masked(recompute_folder(&folder, clock, &options));
    for (what, actual) in [("views.sqlite", reader.views()?), ("csv", read_views(&stage.path("csv"))?)] {
        if let Err(diff) = compare(&expected, &masked(actual)) {
            return fail(format!("{what} is not what a recompute gives:\n{diff}"));
        }
    }
    let rows = expected.values().map(|text| text.lines().count() - 1).sum();
    Ok(Checked { views: expected.len(), rows, read: lines - faults, failed: faults })
}

/// How many of the lines are faults, and how many there are.
fn count(readings: &[u8]) -> (u64, u64) {
    let lines = || readings.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let is_fault = |line: &&[u8]| serde_json::from_slice::<Value>(line).is_ok_and(|value| value["fault"].is_string());
    (lines().filter(is_fault).count() as u64, lines().count() as u64)
}

/// Readings as a run over recorded answers takes them: whatever its model is called, there.
fn for_any_model(readings: &[u8]) -> Result<String> {
    let mut text = String::new();
    for line in std::str::from_utf8(readings)?.lines() {
        let mut value: Value = serde_json::from_str(line)?;
        if let Some(object) = value.as_object_mut() {
            object.remove("model");
        }
        text += &format!("{value}\n");
    }
    Ok(text)
}

/// Cuts the last two columns, seconds_p50 and seconds_p95, off class_day.
fn without_seconds(mut views: Views) -> Views {
    if let Some(text) = views.get_mut("class_day") {
        let cut = |line: &str| line.rsplitn(3, ',').nth(2).unwrap_or_default().to_owned() + "\n";
        *text = text.lines().map(cut).collect();
    }
    views
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_seconds_are_left_out() {
        let text = "class_id,subject,day,received,read,complete,seconds_p50,seconds_p95\n7a,maths,2026-11-21,3,2,1,,\n";
        let views = without_seconds(Views::from([("class_day".to_owned(), text.to_owned())]));
        assert_eq!(views["class_day"], "class_id,subject,day,received,read,complete\n7a,maths,2026-11-21,3,2,1\n");
    }

    #[test]
    fn readings_answer_for_any_model() {
        let text = for_any_model(b"{\"uri\":\"a\",\"model\":\"page@16\",\"fault\":\"corrupt\"}\n").unwrap();
        assert_eq!(text, "{\"fault\":\"corrupt\",\"uri\":\"a\"}\n");
    }
}
