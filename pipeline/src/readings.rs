//! The ledger as recorded readings: what a run's models answered, in the form in which another run can replay it.

use crate::live::{self, Answered};
use crate::places::JournalPlace;
use crate::run::RunError;
use inkflow_connectors::journal::Collection;
use inkflow_schemas::{Bp, Fault, ModelName, Outcome, Reading};
use std::io::Write;
use std::path::Path;

/// Writes every answer of a journal as a line of a readings.jsonl; gives how many. The journal must be there, and no other
/// process have it: opening it ends whoever has.
pub async fn write_readings(place: &JournalPlace, out: &mut dyn Write) -> Result<u64, RunError> {
    let said = place.to_string();
    if !place.is_there().await? {
        return Err(RunError::file("the journal at", Path::new(&said), "there is none"));
    }
    let journal = place.open().await?;
    let mut fault: Option<String> = None;
    let scanned = journal
        .scan(Collection::Readings, |_, row| {
            if fault.is_some() {
                return;
            }
            let written = live::read::<Answered>(Collection::Readings, row.value)
                .map_err(|error| error.to_string())
                .and_then(|answered| writeln!(out, "{}", line(&answered)).map_err(|error| error.to_string()));
            fault = written.err();
        })
        .await;
    let journal_error = |error| RunError::Journal { path: said.clone(), error };
    let count = scanned.map_err(journal_error)?;
    journal.close().await.map_err(journal_error)?;
    match fault {
        Some(fault) => Err(RunError::file("the readings of", Path::new(&said), fault)),
        None => Ok(count),
    }
}

fn line(answered: &Answered) -> serde_json::Value {
    let outcome = match answered.outcome {
        Outcome::Failed { fault, .. } => Err(fault),
        Outcome::Read(reading) => Ok(reading),
    };
    let mut line = recorded(&answered.question.photo.uri, &answered.question.model, outcome);
    if let Some(blank) = &answered.question.template {
        line.insert("template".to_owned(), blank.uri.as_str().into());
    }
    line.into()
}

/// A line of a readings.jsonl: what that model said of the photo at `uri`.
pub fn recorded(
    uri: &str,
    model: &ModelName,
    outcome: Result<Reading, Fault>,
) -> serde_json::Map<String, serde_json::Value> {
    let mut line = serde_json::Map::new();
    let mut put = |name: &str, value: serde_json::Value| line.insert(name.to_owned(), value);
    put("uri", uri.into());
    put("model", model.as_str().into());
    match outcome {
        Err(fault) => {
            put("fault", fault.as_str().into());
        }
        Ok(reading) => {
            put("quality", reading.quality.as_str().into());
            if let Some(completion) = reading.completion.map(Bp::get) {
                put("completion_bp", completion.into());
            }
            if let Some(confidence) = reading.confidence.map(Bp::get) {
                put("confidence_bp", confidence.into());
            }
        }
    }
    line
}
