//! `inkflow eval`: how good a model is on photos that somebody has labelled.

use super::exit::Exit;
use super::read::bar;
use super::{say, Failure};
use crate::judge::table::Table;
use crate::judge::{figures, labels, rows, see, Seen};
use crate::read;
use crate::readings::recorded;
use inkflow_connectors::reader::Model;
use inkflow_schemas::Fault;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) const EXAMPLES: &str = "\
The CSV has a line for each photo: `file`, from DIR, and `completion`, 0 to 1, or empty where it cannot be said. These may
be there besides: `source` (each weighs the same), `sheet` (of which several are photos), `page` (yes, no), `kind` (worksheet,
form, notes, receipt, ..), `unusable` (none, blur, dark, cut), `medium` (photo, scan, digital), `page_fill` (of notes, 0 to
1). `inkflow label DIR` writes one.
docs/reading.md says what the figures mean. A photo that cannot be read is told of and not judged; the exit code is then 1.

Examples:
  inkflow eval --photos photos --labels photos/labels.csv
  inkflow eval --photos photos --labels photos/labels.csv --model models/page/1 --readings readings.jsonl";

/// What `inkflow eval` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct EvalArgs {
    /// The folder of the photos.
    #[arg(long, value_name = "DIR")]
    photos: PathBuf,
    /// What is true of them.
    #[arg(long, value_name = "CSV")]
    labels: PathBuf,
    /// The model's folder, or one of models, of which the newest version of `page` is taken.
    #[arg(long, value_name = "DIR", default_value = read::MODELS)]
    model: PathBuf,
    /// A page is said to be complete from this completion on, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = figures::DONE, value_parser = share)]
    complete_from: f64,
    /// Writes what the model says of each photo, as the lines of a readings.jsonl.
    #[arg(long, value_name = "OUT.jsonl")]
    readings: Option<PathBuf>,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "want a number from 0 to 1".to_owned())
}

pub(super) fn run(args: EvalArgs) -> Result<(), Failure> {
    let labels = labels::read(&args.labels).map_err(|error| Failure::Usage(error.to_string()))?;
    if labels.is_empty() {
        return Err(Failure::Usage(format!("{} has no photo", args.labels.display())));
    }
    let model = read::model(Some(&args.model))?;
    let mut session = model.session().map_err(|error| Failure::Other(error.to_string()))?;
    let bar = bar(labels.len());
    let mut seen = Vec::new();
    for label in &labels {
        let photo = read::photo(&args.photos.join(&label.file));
        seen.push(photo.and_then(|photo| see(&model, &mut session, &photo)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(out) = &args.readings {
        let named = labels.iter().map(|label| label.file.as_str());
        write_readings(out, &model, named.zip(&seen))
            .map_err(|error| Failure::Other(format!("{}: {error}", out.display())))?;
    }
    let good = labels.iter().zip(&seen).filter_map(|(label, seen)| Some((label, seen.as_ref().ok()?)));
    let judged = rows(good);
    let table = Table::of(&judged, args.complete_from);
    let millis: f64 = seen.iter().flatten().map(|seen| seen.took.as_secs_f64() * 1_000.0).sum();
    let each = millis / judged.len().max(1) as f64;
    say(&format!(
        "{}: said complete from {:.2} on\n\n{}\n\n{each:.1} ms a page on one thread (mean of its own time, without \
         decoding; aim <= 20), {} bytes (aim <= 8000000)",
        model.name(),
        args.complete_from,
        table.text(),
        model.bytes(),
    ));
    let faults: Vec<(&str, Fault)> = labels
        .iter()
        .zip(&seen)
        .filter_map(|(label, seen)| Some((label.file.as_str(), *seen.as_ref().err()?)))
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    let mut told = std::io::stderr().lock();
    for (file, fault) in &faults {
        let _ = writeln!(told, "not judged: {file}: {}", fault.as_str());
    }
    Err(Failure::Said(Exit::Other))
}

/// The form of `readings.jsonl` in docs/views.md.
fn write_readings<'a>(
    out: &Path,
    model: &Model,
    seen: impl Iterator<Item = (&'a str, &'a Result<Seen, Fault>)>,
) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(out)?);
    for (uri, seen) in seen {
        let said = seen.as_ref().map(|seen| seen.reading).map_err(|fault| *fault);
        let line = serde_json::Value::from(recorded(uri, model.name(), said));
        writeln!(file, "{line}")?;
    }
    file.flush()
}
