//! The oracle for scripts: recompute a folder's views, make and cut histories, compare exports.

use std::path::PathBuf;
use std::process::ExitCode;

use inkflow_oracle::{compare, history, parse_now, read_views, recompute, stages, write_views, Options, Result, Size};

const USAGE: &str = "\
inkflow-oracle recompute DIR --now TIME --out OUTDIR    the views of a folder, a CSV file each
inkflow-oracle history --seed N --records M --out DIR   a random folder; its now (ms) is in DIR/now.txt
inkflow-oracle stages DIR --seed N --count K --out OUT  the folder as it grows: OUT/1 to OUT/K
inkflow-oracle compare EXPECTED_DIR ACTUAL_DIR          exit 1 and the differences, if there are any

TIME is milliseconds since 1970, or RFC 3339.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (command, rest) = arguments.split_first().ok_or(USAGE)?;
    let arguments = Arguments::of(rest)?;
    match command.as_str() {
        "recompute" => {
            let now = arguments.option("now")?;
            let now_ms = parse_now(&now).ok_or_else(|| format!("--now {now}: no time"))?;
            let views = recompute(&arguments.folder(0)?, now_ms, &Options::default())?;
            write_views(&views, &PathBuf::from(arguments.option("out")?))?;
        }
        "history" => {
            let size = Size { records: arguments.number("records")? as usize };
            history(arguments.number("seed")?, size, &PathBuf::from(arguments.option("out")?))?;
        }
        "stages" => {
            let (seed, count) = (arguments.number("seed")?, arguments.number("count")?);
            let out = PathBuf::from(arguments.option("out")?);
            let stages = stages(seed, &arguments.folder(0)?, count as usize)?;
            for (number, stage) in stages.iter().enumerate() {
                stage.write(&out.join((number + 1).to_string()))?;
            }
        }
        "compare" => {
            let expected = read_views(&arguments.folder(0)?)?;
            if let Err(diff) = compare(&expected, &read_views(&arguments.folder(1)?)?) {
                eprint!("{diff}");
                return Ok(ExitCode::FAILURE);
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Folders by position, and options by name.
struct Arguments {
    positional: Vec<String>,
    options: Vec<(String, String)>,
}

impl Arguments {
    fn of(arguments: &[String]) -> Result<Arguments> {
        let mut parsed = Arguments { positional: Vec::new(), options: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.strip_prefix("--") {
                Some(name) => {
                    let value = rest.next().ok_or_else(|| format!("--{name} needs a value"))?;
                    parsed.options.push((name.to_string(), value.clone()));
                }
                None => parsed.positional.push(argument.clone()),
            }
        }
        Ok(parsed)
    }

    fn folder(&self, position: usize) -> Result<PathBuf> {
        let folder = self.positional.get(position).ok_or(USAGE)?;
        Ok(PathBuf::from(folder))
    }

    fn option(&self, name: &str) -> Result<String> {
        let option = self.options.iter().find(|(known, _)| known == name);
        Ok(option.map(|(_, value)| value.clone()).ok_or(USAGE)?)
    }

    fn number(&self, name: &str) -> Result<u64> {
        let text = self.option(name)?;
        Ok(text.parse().map_err(|_| format!("--{name} {text}: no number"))?)
    }
}
