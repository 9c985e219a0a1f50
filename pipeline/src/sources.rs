//! Sources at work: a thread each, which polls, parses, and hands on batches. Parsing stays off the timely workers.

use crate::admission::At;
use crate::inlets::{Batch, Parsed};
use inkflow_connectors::dead_letter::Letter;
use inkflow_connectors::source::{parse_record, PollState, RawRecord, Source};
use std::time::Duration;
use tokio::sync::mpsc;

/// A batch holds at most so many records: at 250 bytes each about 2 MB.
const BATCH_RECORDS_MAX: usize = 8_192;
/// A batch holds at most so many bytes of records, and one more record.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// So many batches wait for the engine at most.
const BATCHES_MAX: usize = 2;
/// A source that had nothing is asked again after so long.
const IDLE_WAIT: Duration = Duration::from_millis(5);

/// Starts a source's thread. It ends when the source is at its end (where it ends), breaks, or nobody listens.
pub fn start(mut source: Box<dyn Source>, name: &str) -> std::io::Result<mpsc::Receiver<Batch>> {
    let (sink, batches) = mpsc::channel(BATCHES_MAX);
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let mut raw = Vec::new();
        while !sink.is_closed() {
            let state = match source.poll(BATCH_RECORDS_MAX, BATCH_BYTES_MAX, &mut raw) {
                Ok(state) => state,
                Err(error) => {
                    let _ = sink.blocking_send(Batch::Broken(error.to_string()));
                    return;
                }
            };
            let records: Vec<Parsed> = raw.drain(..).map(parse).collect();
            let empty = records.is_empty();
            if !empty && sink.blocking_send(Batch::Records(records)).is_err() {
                return;
            }
            match state {
                PollState::End => {
                    let _ = sink.blocking_send(Batch::End);
                    return;
                }
                PollState::Idle => std::thread::sleep(IDLE_WAIT),
                PollState::More => {}
            }
        }
    })?;
    Ok(batches)
}

fn parse(record: RawRecord) -> Parsed {
    let at = At { topic: record.topic, partition: record.partition, offset: record.offset, ts: record.ts };
    let mut unknown = |_: &str| metrics::counter!(crate::names::UNKNOWN_FIELDS.name).increment(1);
    let event = parse_record(&record, &mut unknown);
    Parsed { at, event: event.map_err(|fault| Box::new(Letter::new(record, fault))) }
}
