//! What the engine takes in: batches of parsed records, deliveries of the dataflow, and the word to stop.

use crate::admission::At;
use crate::flow::Delivery;
use inkflow_connectors::dead_letter::Letter;
use inkflow_connectors::source::{Offsets, Starts};
use tokio::sync::{mpsc, oneshot};

/// What a source gives: parsed records in the order of their partitions, or its end.
pub enum Batch {
    /// Records.
    Records(Vec<Parsed>),
    /// Where logs are begun that are read for the first time; to be told once that is sealed. No record of them comes
    /// before.
    Starts(Starts, oneshot::Sender<()>),
    /// Positions behind what is no record.
    Passed(Offsets),
    /// A source has given all that it held when the run started.
    End,
    /// A source cannot go on.
    Broken(String),
}

/// A record that was parsed, or refused.
pub struct Parsed {
    /// Where it stands.
    pub at: At,
    /// What it says, or the letter that it becomes because it was refused.
    pub event: Result<inkflow_schemas::Event, Box<Letter>>,
}

/// Where records come from while the engine runs.
pub struct Inlets {
    /// Submissions: paused while too many photos wait.
    pub submissions: Inlet,
    /// All other topics: never paused but by the size of an epoch.
    pub others: Inlet,
    /// What the dataflow delivers.
    pub deliveries: mpsc::UnboundedReceiver<Delivery>,
    /// A sink wrote, waits or failed.
    pub sinks_changed: std::sync::Arc<tokio::sync::Notify>,
    /// Set to true to end the run.
    pub stop: tokio::sync::watch::Receiver<bool>,
}

/// A source's batches, up to its end.
pub struct Inlet(Option<mpsc::Receiver<Batch>>);

impl Inlet {
    /// An open inlet.
    pub fn new(batches: mpsc::Receiver<Batch>) -> Inlet {
        Inlet(Some(batches))
    }

    /// The next batch. Waits for ever after the end. A source that is gone without an end is a broken one.
    pub(crate) async fn next(&mut self) -> Batch {
        let Some(batches) = &mut self.0 else { return std::future::pending().await };
        match batches.recv().await {
            Some(Batch::End) => {
                self.0 = None;
                Batch::End
            }
            Some(batch) => batch,
            None => Batch::Broken("a source ended by itself".to_owned()),
        }
    }
}
