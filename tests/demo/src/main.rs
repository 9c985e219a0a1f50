//! `make demo`: three classes hand in homework for a minute, and inkflow keeps their statistics.
//!
//! It plays the part of the world: it puts photos into a folder and appends records, and reads the SQLite file and the
//! metrics, as anybody could. `inkflow run` does the rest. With `--once` nothing is waited for: the clock is fixed, the
//! story is told in two halves with a restart between them, and every view must be, byte for byte, what an independent
//! recompute makes of the records.

mod check;
mod inkflow;
mod live;
mod once;
mod scenario;
mod screen;
mod stage;
mod summary;
mod views;

use inkflow::Inkflow;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What went wrong, for a person to read.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// A result whose error a person reads.
pub type Result<T> = std::result::Result<T, Error>;

const USAGE: &str = "\
inkflow-demo [--once] [--dir DIR] [--models DIR] [--inkflow PROGRAM] [--seconds N]

  --once       without waiting and without a terminal: prints the final table, and ends with 0 only if every view equals
               an independent recompute
  --dir        its folder, made anew each time                        (demo-run)
  --models     the folder with page/16 and demo-photos                 (models)
  --inkflow    the command                                            (the one beside this program)
  --seconds    how long the minute takes                              (60)
";

/// What it was told.
struct Options {
    once: bool,
    dir: PathBuf,
    models: PathBuf,
    inkflow: Inkflow,
    length_ms: i64,
}

impl Options {
    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
        let program = std::env::current_exe()?.with_file_name("inkflow");
        let mut options = Options {
            once: false,
            dir: "demo-run".into(),
            models: "models".into(),
            inkflow: Inkflow { program },
            length_ms: scenario::LENGTH_MS,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
            match argument.as_str() {
                "--once" => options.once = true,
                "--dir" => options.dir = value()?.into(),
                "--models" => options.models = value()?.into(),
                "--inkflow" => options.inkflow.program = value()?.into(),
                "--seconds" => {
                    let seconds = value()?.parse::<i64>().ok().filter(|seconds| (1..=3600).contains(seconds));
                    options.length_ms = 1000 * seconds.ok_or("--seconds: want a whole number from 1 to 3600")?;
                }
                _ => return fail(USAGE),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let done = Options::of(std::env::args().skip(1)).and_then(|options| {
        if options.once {
            once::play(&options)
        } else {
            live::play(&options)
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_to(&mut std::io::stderr(), &format!("demo: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// An error, of its text.
fn fail<T>(text: impl Into<String>) -> Result<T> {
    Err(text.into().into())
}

/// Prints a line, or several. Whoever does not want to read on closes it: no fault of ours.
fn say(text: &str) {
    say_to(&mut std::io::stdout(), text);
}

fn say_to(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{}", text.strip_suffix('\n').unwrap_or(text)).and_then(|()| to.flush());
}
