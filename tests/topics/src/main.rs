//! Kafka for test scripts, at the brokers of `KAFKA_BROKERS`: folders of records into topics, and changelogs folded into
//! tables.
#![allow(clippy::print_stdout)] // what it says is what it is for

mod append;
mod broker;
mod burst;
mod fold;
mod produce;

use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong, for a person to read.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result whose error a person reads.
pub type Result<T> = std::result::Result<T, Error>;

const USAGE: &str = "\
inkflow-topics produce DIR --prefix P           the records of DIR/<topic>/<partition>.jsonl into topics P<topic>, one a
                                                line, with partitions and topics made as they are needed; what a topic
                                                holds from an earlier call is not written again
inkflow-topics append < LINES                   records at the ends of topics: a line each, JSON with a topic, a key and a value,
                                                texts or null; those of a key go into one partition
inkflow-topics fold --prefix P --like DIR --out OUTDIR
                                                the topics P<view>, folded by key, as tables with the columns of
                                                DIR/<view>.csv
inkflow-topics read TOPIC                       a topic's records: a line each, its partition, offset, headers, key and
                                                value as JSON
inkflow-topics make [--partitions N] TOPIC...   topics of one partition, or of N, made where they are not there
inkflow-topics rosters --prefix P                the enrolments and assignments of what burst sends
inkflow-topics burst --prefix P --rate N --seconds S
                                                submissions into P<submissions>, so many a second, evenly; prints as JSON how
                                                many were sent in how long
inkflow-topics fill --prefix P --records N      a backlog of so many submissions, as fast as brokers take them
inkflow-topics readings --records N             what a recorded reader answers for them, as readings.jsonl
inkflow-topics latency --prefix P --views V     for each record of the topic P<submissions>: from its time to that of the row of
                                                the changelog V<freshness> that reflects it; percentiles in ms, as JSON

KAFKA_BROKERS says where.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let wanted = |name: &str| option(name).ok_or_else(|| format!("no {name}\n{USAGE}"));
    match arguments {
        [command, dir, ..] if command == "produce" => produce::folder(&PathBuf::from(dir), wanted("--prefix")?),
        [command, ..] if command == "fold" => {
            fold::tables(wanted("--prefix")?, &PathBuf::from(wanted("--like")?), &PathBuf::from(wanted("--out")?))
        }
        [command, ..] if command == "rosters" => burst::rosters(wanted("--prefix")?),
        [command, ..] if command == "burst" => {
            burst::burst(wanted("--prefix")?, wanted("--rate")?.parse()?, wanted("--seconds")?.parse()?)
        }
        [command, ..] if command == "fill" => burst::fill(wanted("--prefix")?, wanted("--records")?.parse()?),
        [command, ..] if command == "readings" => {
            burst::readings(wanted("--records")?.parse()?);
            Ok(())
        }
        [command, ..] if command == "latency" => burst::latency(wanted("--prefix")?, wanted("--views")?),
        [command, topic] if command == "read" => fold::read(topic),
        [command] if command == "append" => append::lines(std::io::stdin().lock()),
        [command, flag, partitions, topics @ ..] if command == "make" && flag == "--partitions" => {
            let partitions = partitions.parse()?;
            topics.iter().try_for_each(|topic| broker::make(topic, partitions))
        }
        [command, topics @ ..] if command == "make" && !topics.is_empty() => {
            topics.iter().try_for_each(|topic| broker::make(topic, 1))
        }
        _ => Err(USAGE.into()),
    }
}
