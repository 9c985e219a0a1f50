//! The `inkflow` command: what it can be told, and how it ends.

mod check;
mod eval;
pub mod exit;
mod label;
mod read;
mod reader;
mod run;
mod supervise;

use crate::config::{self, ConfigError, FlowConfig, JournalConfig, LogFormat};
use crate::places::JournalPlace;
use crate::readers::ModelError;
use crate::remote::ReaderError;
use crate::run::RunError;
use crate::stores;
use clap::{Parser, Subcommand};
use exit::Exit;
use inkflow_schemas::Millis;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Homework photos to per-student completion statistics: live, exactly once, explainable.
#[derive(Debug, Parser)]
#[command(name = "inkflow", version, about)]
#[command(
    after_help = "Exit codes: 0 done, 1 other, 2 usage or flow file, 3 another process took over, 4 a source, journal \
    or sink cannot go on, 5 stopped before it was done, 6 the cluster lost a process. All of it: docs/reference/."
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a flow, until it is asked to end or, with --until-end, until all is done.
    Run(Box<RunArgs>),
    /// Reads photos for a run in another process, or on another machine; any number may come and go.
    #[command(after_help = READER_EXAMPLES)]
    Reader(reader::ReaderArgs),
    /// Says what a model sees on photos: a line of JSON each, and on request a picture with its answer areas.
    #[command(after_help = read::EXAMPLES)]
    Read(read::ReadArgs),
    /// Serves a page on this machine with which somebody says of each photo how complete it is.
    #[command(after_help = label::EXAMPLES)]
    Label(label::LabelArgs),
    /// Judges a model by labelled photos: a table of figures.
    #[command(after_help = eval::EXAMPLES)]
    Eval(eval::EvalArgs),
    /// Runs a command of inkflow, and starts it again when it ends in a way that a new start mends.
    #[command(after_help = SUPERVISE_EXAMPLES)]
    Supervise(supervise::SuperviseArgs),
    /// Tries everything that a flow needs, and says of each in a sentence what is wrong. Touches nothing.
    #[command(
        after_help = "Ends with 0 if nothing is wrong, with 1 if something is.\n\nExample:\n  inkflow check flow.yaml"
    )]
    Check {
        /// The flow file.
        #[arg(value_name = "FLOW.yaml")]
        flow: PathBuf,
    },
    /// Prints what a run's models answered, as the lines of a readings.jsonl, so that another run can replay it.
    #[command(after_help = "No other process may have the journal: opening it ends whoever has.\n\n\
        Examples:\n  inkflow readings --journal j > replay/readings.jsonl\n  inkflow readings flow.yaml > replay/readings.jsonl")]
    Readings {
        /// The flow file whose journal it is: in a folder or in a bucket.
        #[arg(value_name = "FLOW.yaml", required_unless_present = "journal")]
        flow: Option<PathBuf>,
        /// The journal's folder, without a flow file.
        #[arg(long, value_name = "DIR", conflicts_with = "flow")]
        journal: Option<PathBuf>,
    },
    /// Prints the JSON Schema of a flow file, for editors.
    #[command(
        after_help = "Example:\n  inkflow schema > flow.schema.json\nthen, as the first line of a flow file:\n  \
        # yaml-language-server: $schema=flow.schema.json"
    )]
    Schema,
}

const RUN_EXAMPLES: &str = "\
Options go before what the flow file says. SIGTERM or Ctrl-C ends the run: what was gathered is sealed and flushed within
15 s, and the exit code is 0. A second one ends it at once.

Examples:
  inkflow run flow.yaml
      Runs a flow until it is asked to end.
  inkflow run flow.yaml --until-end --export out
      Takes what the sources hold now, waits until no photo is pending, writes every sink, and ends.
  inkflow run --folder day1 --until-end --export out --journal j --now 2026-11-21T09:00:00Z
      Runs the homework flow over a folder of records, with day1/readings.jsonl in place of a model. Again with the same
      journal, after the folder has grown, it goes on where it stopped.
  inkflow run flow.yaml --process 0 --processes 2      and, beside it,
  inkflow run flow.yaml --process 1 --processes 2
      Runs a flow as two processes. They start and end as one; inkflow supervise starts them again.";

const READER_EXAMPLES: &str = "\
The flow file says where photos and models lie, and with `cluster: {secret: ...}` what a reader must know; it can be that
of the run. Process 0 of the run listens where its `cluster` says. SIGTERM or Ctrl-C finishes what is being read, within
10 s, and gives back the rest.

Example:
  inkflow reader --join 127.0.0.1:7400 flow.yaml";

const SUPERVISE_EXAMPLES: &str = "\
It starts the command again when it crashed, was killed, or lost another process of its cluster, after a moment that grows
up to 30 s while that goes on. It ends as the command did when the command is done, cannot be used, or was replaced by
another process (exit codes 0, 2 and 3). SIGTERM or Ctrl-C is passed on, and ends both.

Examples:
  inkflow supervise run flow.yaml
  inkflow supervise run flow.yaml --process 1 --processes 2
  inkflow supervise reader --join 127.0.0.1:7400 flow.yaml";

/// What `inkflow run` can be told.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
struct RunArgs {
    /// The flow file.
    #[arg(value_name = "FLOW.yaml")]
    flow: Option<PathBuf>,
    /// Takes records from this folder: DIR/<topic>/<partition>.jsonl. Without a flow file, runs the homework flow over
    /// it, with DIR/readings.jsonl in place of a model.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Takes what the sources hold now, waits until no photo is pending, writes every sink, and ends.
    #[arg(long)]
    until_end: bool,
    /// Writes each view to DIR/<view>.csv at the end, in place of the flow's csv sinks.
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Fixes the clock: RFC 3339, or milliseconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = parse_time, allow_negative_numbers = true)]
    now: Option<Millis>,
    /// Where the journal lies. Without it and a flow file, it is a temporary one.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// How many threads the dataflow has.
    #[arg(short, long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Runs as this process of a cluster, counted from 0: process 0 has journal, sources and sinks, the others lend it
    /// their workers, and read for it where the flow has a model.
    #[arg(long, value_name = "I")]
    process: Option<usize>,
    /// How many processes the cluster has. Without a `cluster` in the flow file they are on this machine, from port 7400 on.
    #[arg(long, value_name = "N")]
    processes: Option<NonZeroUsize>,
    /// Serves /healthz, /readyz and /metrics here.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The form of the log.
    #[arg(long, value_name = "FORM")]
    log: Option<LogFormat>,
}

fn parse_time(text: &str) -> Result<Millis, String> {
    let millis = || text.parse().ok().and_then(Millis::new);
    inkflow_schemas::parse::time::rfc3339(text)
        .or_else(millis)
        .ok_or_else(|| "want RFC 3339, as 2026-11-21T09:00:00Z, or milliseconds, from 1970 to 2099".to_owned())
}

/// What ended a command.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{0}")]
    Other(String),
    /// All is said already.
    #[error("ended with code {}", .0.code())]
    Said(Exit),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Config(error) => error.into(),
            Failure::Reader(_) => Exit::Usage,
            Failure::Model(_) | Failure::Listen { .. } => Exit::CannotGoOn,
            Failure::Run(error) => error.into(),
            Failure::Other(_) => Exit::Other,
            Failure::Said(exit) => *exit,
        }
    }
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let exit = match command(Args::parse().command) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            report(&failure);
            failure.exit()
        }
    };
    ExitCode::from(u8::try_from(exit.code()).unwrap_or(1))
}

/// Where the journal of a flow lies, or one that is named.
fn journal_of(flow: Option<PathBuf>, journal: Option<PathBuf>) -> Result<JournalPlace, Failure> {
    let config = match (&flow, journal) {
        (Some(flow), _) => load(flow)?.journal,
        (None, journal) => journal.map(JournalConfig::Folder),
    };
    let config = config.ok_or_else(|| {
        let named = flow.map(|flow| flow.display().to_string()).unwrap_or_default();
        Failure::Usage(format!("{named} names no journal"))
    })?;
    Ok(stores::journal(&config)?)
}

fn command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(*args),
        Command::Reader(args) => reader::run(args),
        Command::Read(args) => read::run(args),
        Command::Label(args) => label::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Supervise(args) => supervise::run(args),
        Command::Check { flow } => check::run(&flow),
        Command::Readings { flow, journal } => {
            let place = journal_of(flow, journal)?;
            let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Other(error.to_string()))?;
            let mut out = io::BufWriter::new(io::stdout().lock());
            runtime.block_on(crate::readings::write_readings(&place, &mut out))?;
            out.flush().map_err(|error| Failure::Other(error.to_string()))
        }
        Command::Schema => {
            say(&config::reference::json_schema());
            Ok(())
        }
    }
}

/// Reads a flow file, with a hint where something else was named.
fn load(path: &std::path::Path) -> Result<FlowConfig, Failure> {
    if path.is_dir() {
        let dir = path.display();
        return Err(Failure::Usage(format!(
            "{dir} is a folder, and no flow file; for a folder of records: --folder {dir}"
        )));
    }
    Ok(config::load(path)?)
}

/// Prints to stdout. Whoever does not want to read on closes it: no fault of ours.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
}

fn report(failure: &Failure) {
    let text = match failure {
        Failure::Said(_) => return,
        Failure::Config(error) => draw(error),
        other => format!("inkflow: {other}\n"),
    };
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Draws an error with the lines of the file that it is about.
fn draw(error: &dyn Diagnostic) -> String {
    let theme = if io::stderr().is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(120).with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, error) {
        Ok(()) => text,
        Err(_) => format!("inkflow: {error}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_time_is_rfc_3339_or_milliseconds() {
        assert_eq!(parse_time("1970-01-02T00:00:00+01:00"), Ok(Millis(82_800_000)));
        assert_eq!(parse_time("86400000"), Ok(Millis(86_400_000)));
        for wrong in ["", "yesterday", "-1", "4102444800000", "1970-01-02"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
