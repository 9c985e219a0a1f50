//! Judging a model by labelled photos: labels in, a table of figures out, as `models/eval.py` prints it.

pub mod figures;
pub mod ink;
pub mod labels;
pub mod table;

use figures::Row;
use inkflow_connectors::decode::{decode_inspected, inspect};
use inkflow_connectors::reader::{Model, Numbers, Session};
use inkflow_schemas::{Fault, Quality};
use labels::Label;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a model said of a photo that is judged, and what the plain baseline sees on it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The model's numbers.
    pub numbers: Numbers,
    /// The share of dark pixels.
    pub ink: f64,
    /// The thread's own time that the model took, without decoding.
    pub took: Duration,
}

/// Reads a photo with a session of the model on the thread that calls.
pub fn see(model: &Model, session: &mut Session, photo: &[u8]) -> Result<Seen, Fault> {
    let header = inspect(photo)?;
    let spec = &model.manifest().input;
    let mut floats = Vec::with_capacity(spec.floats());
    spec.append_to(&decode_inspected(photo, &header, spec)?, &mut floats);
    let before = own_time();
    let numbers = model.numbers(session, &floats, 1);
    let took = own_time().saturating_sub(before);
    let failed = |why: String| {
        tracing::error!(model = %model.name(), %why, "the model failed");
        Fault::ModelError
    };
    let numbers = numbers.map_err(failed)?.into_iter().next().ok_or(Fault::ModelError)?;
    model.said(&numbers, (spec.width, spec.height))?;
    Ok(Seen { numbers, ink: ink::share(photo, &header)?, took })
}

/// How long this thread has run on a processor: what else runs on the machine is not the model's.
fn own_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// What is to be judged of each photo that was seen.
pub fn rows<'a>(model: &Model, seen: impl Iterator<Item = (&'a Label, &'a Seen)>) -> Vec<Row> {
    let classes = &model.manifest().classes;
    let probability = |numbers: &Numbers, of: Quality| -> f64 {
        let at = classes.iter().position(|class| *class == of);
        at.and_then(|at| numbers.quality.get(at)).map_or(0.0, |p| f64::from(*p))
    };
    let (mut sources, mut families) = (BTreeMap::new(), BTreeMap::new());
    let row = |(label, seen): (&Label, &Seen)| {
        let numbers = &seen.numbers;
        let called = model.said(numbers, (1, 1)).map(|(reading, _)| reading.quality);
        Row {
            source: number(&mut sources, label.source.clone()),
            family: number(&mut families, family(&label.file)),
            kind: label.kind.clone(),
            medium: label.medium.clone(),
            page: label.page,
            usable: label.usable,
            truth: label.completion,
            page_fill: label.page_fill,
            called_page: called.is_ok_and(|quality| quality != Quality::NotAPage),
            ok: probability(numbers, Quality::Ok),
            said: f64::from(numbers.completion),
            sure: f64::from(numbers.confidence),
            ink: seen.ink,
        }
    };
    seen.map(row).collect()
}

/// The number of a name: the next one where it is new.
fn number(known: &mut BTreeMap<String, usize>, name: String) -> usize {
    let next = known.len();
    *known.entry(name).or_insert(next)
}

/// Near-duplicates: files whose names differ by a number at the end alone.
fn family(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    stem.trim_end_matches(|c: char| c.is_numeric() || matches!(c, '_' | '.' | '-')).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_of_one_sheet_are_a_family() {
        assert_eq!(family("a/page_12.jpg"), "a/page");
        assert_eq!(family("a/page_7.2.png"), "a/page");
        assert_eq!(family("a/7b.png"), "a/7b");
        assert_eq!(family("photo"), "photo");
    }
}
