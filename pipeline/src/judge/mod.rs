//! Judging a model by labelled photos: labels in, a table of figures out, as `models/eval.py` prints it.

pub mod figures;
pub mod ink;
pub mod labels;
pub mod table;

use figures::Row;
use inkflow_connectors::decode::{decode_inspected, inspect};
use inkflow_connectors::reader::{Model, Session};
use inkflow_schemas::{Fault, Quality, Reading};
use labels::Label;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a model said of a photo that is judged, and what the plain baseline sees on it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it makes of its numbers.
    pub reading: Reading,
    /// Its probability that the photo can be judged.
    pub ok: f64,
    /// Its completion, whatever the quality.
    pub completion: f64,
    /// Its confidence.
    pub confidence: f64,
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
    let (before, begun) = (own_time(), Instant::now());
    let numbers = model.numbers(session, &floats, 1);
    let took = own_time().zip(before).map_or_else(|| begun.elapsed(), |(after, before)| after.saturating_sub(before));
    let failed = |why: String| {
        tracing::error!(model = %model.name(), %why, "the model failed");
        Fault::ModelError
    };
    let numbers = numbers.map_err(failed)?.into_iter().next().ok_or(Fault::ModelError)?;
    let (reading, _) = model.said(&numbers, (spec.width, spec.height))?;
    let ok = model.manifest().classes.iter().zip(&numbers.quality).find(|(class, _)| **class == Quality::Ok);
    Ok(Seen {
        reading,
        ok: ok.map_or(0.0, |(_, probability)| f64::from(*probability)),
        completion: f64::from(numbers.completion),
        confidence: f64::from(numbers.confidence),
        ink: ink::share(photo, &header)?,
        took,
    })
}

/// How long this thread has run on a processor: what else runs on the machine is not the model's.
/// None where the kernel does not count it.
fn own_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// What is to be judged of each photo that was seen.
pub fn rows<'a>(seen: impl Iterator<Item = (&'a Label, &'a Seen)>) -> Vec<Row> {
    let (mut sources, mut families) = (BTreeMap::new(), BTreeMap::new());
    let row = |(label, seen): (&'a Label, &Seen)| Row {
        source: number(&mut sources, &label.source),
        // Where nobody says which photos show one sheet, each is taken for a sheet of its own.
        family: number(&mut families, if label.sheet.is_empty() { &label.file } else { &label.sheet }),
        kind: label.kind.clone(),
        medium: label.medium.clone(),
        page: label.page,
        usable: label.usable,
        truth: label.completion,
        page_fill: label.page_fill,
        called_page: seen.reading.quality != Quality::NotAPage,
        ok: seen.ok,
        said: seen.completion,
        sure: seen.confidence,
        ink: seen.ink,
    };
    seen.map(row).collect()
}

/// The number of a name: the next one where it is new.
fn number<'a>(known: &mut BTreeMap<&'a str, usize>, name: &'a str) -> usize {
    let next = known.len();
    *known.entry(name).or_insert(next)
}
