//! The `inkflow` command: what it can be told, and how it ends.

mod check;
pub mod exit;
mod run;

use crate::config::{self, ConfigError, FlowConfig, LogFormat};
use crate::readers::ModelError;
use crate::run::RunError;
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
    or sink cannot go on, 5 stopped before it was done. All of it: docs/reference/."
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a flow, until it is asked to end or, with --until-end, until all is done.
    Run(Box<RunArgs>),
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
        Example:\n  inkflow readings --journal j > replay/readings.jsonl")]
    Readings {
        /// Where the journal lies.
        #[arg(long, value_name = "DIR")]
        journal: PathBuf,
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
      journal, after the folder has grown, it goes on where it stopped.";

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

fn command(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(args) => run::run(*args),
        Command::Check { flow } => check::run(&flow),
        Command::Readings { journal } => {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Other(error.to_string()))?;
            let mut out = io::BufWriter::new(io::stdout().lock());
            runtime.block_on(crate::readings::write_readings(&journal, &mut out))?;
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
