//! Kafka for test scripts, at the brokers of `KAFKA_BROKERS`: folders of records into topics, and changelogs folded into
//! tables.
#![allow(clippy::print_stdout)] // what it says is what it is for

mod append;
mod broker;
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
