//! The `inkflow` command, driven from outside: started, asked, ended.

use crate::stage::Stage;
use crate::{fail, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A model is loaded and tried in well under a second; a busy machine is given more.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// inkflow gives itself 15 s.
const END_PATIENCE: Duration = Duration::from_secs(20);
const ASK_PATIENCE: Duration = Duration::from_secs(2);

/// The command.
#[derive(Clone, Debug)]
pub struct Inkflow {
    /// The program.
    pub program: PathBuf,
}

/// A flow that runs. Killed if nobody ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    address: String,
}

impl Inkflow {
    fn command(&self, stage: &Stage, arguments: &[&str]) -> Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(stage.path("inkflow.log"))?;
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(command)
    }

    /// Runs the flow until all is done, at a fixed time.
    pub fn run_until_end(&self, stage: &Stage, now_ms: i64) -> Result<()> {
        let (flow, csv) = (stage.path("flow.yaml"), stage.path("csv"));
        let (flow, csv, now) = (flow.to_string_lossy(), csv.to_string_lossy(), now_ms.to_string());
        let mut command = self.command(stage, &["run", &flow, "--until-end", "--export", &csv, "--now", &now])?;
        let status = command.status().map_err(|error| format!("{}: {error}", self.program.display()))?;
        if !status.success() {
            return fail(format!("inkflow run: {status}\n{}", end_of(&stage.path("inkflow.log"))));
        }
        Ok(())
    }

    /// Starts the flow, and waits until it is ready.
    pub fn start(&self, stage: &Stage) -> Result<Running> {
        let flow = stage.path("flow.yaml");
        let mut command = self.command(stage, &["run", &flow.to_string_lossy()])?;
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.program.display()))?;
        let mut running = Running { child, log: stage.path("inkflow.log"), address: String::new() };
        let since = Instant::now();
        while !running.is_ready() {
            running.check()?;
            if since.elapsed() > START_PATIENCE {
                return fail(format!(
                    "inkflow is not ready after {} s\n{}",
                    START_PATIENCE.as_secs(),
                    end_of(&running.log)
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    /// What the model said of each photo, a line each.
    pub fn readings(&self, stage: &Stage) -> Result<Vec<u8>> {
        let journal = stage.path("journal");
        let mut command = self.command(stage, &["readings", "--journal", &journal.to_string_lossy()])?;
        let output = command.stdout(Stdio::piped()).output()?;
        if !output.status.success() {
            return fail(format!("inkflow readings: {}\n{}", output.status, end_of(&stage.path("inkflow.log"))));
        }
        Ok(output.stdout)
    }
}

impl Running {
    fn is_ready(&mut self) -> bool {
        if self.address.is_empty() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            self.address = address(&log).unwrap_or_default();
        }
        self.get("/readyz").is_ok_and(|body| body.starts_with("ready"))
    }

    /// What it answers.
    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ASK_PATIENCE))?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: inkflow\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    /// Its metrics, as far as it answers.
    pub fn metrics(&self) -> Metrics {
        Metrics { text: self.get("/metrics").unwrap_or_default() }
    }

    /// Fails if it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => fail(format!("inkflow has ended: {status}\n{}", end_of(&self.log))),
            None => Ok(()),
        }
    }

    /// Asks it to end (SIGTERM), and waits until it has: all that it took is then sealed and written.
    pub fn end(mut self) -> Result<()> {
        let kill = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &kill]).status()?;
        let since = Instant::now();
        while since.elapsed() < END_PATIENCE {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return fail(format!("inkflow ended badly: {status}\n{}", end_of(&self.log))),
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        fail(format!("inkflow does not end\n{}", end_of(&self.log)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `end` there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Metrics, as Prometheus reads them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    text: String,
}

impl Metrics {
    /// The sum of a metric over all its labels; none if there is none of that name.
    pub fn sum(&self, name: &str) -> Option<f64> {
        let values = self.text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labels) => labels.rsplit_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.trim().parse::<f64>().ok()
        });
        values.reduce(|sum, value| sum + value)
    }
}

/// Where it listens, by its own log.
fn address(log: &str) -> Option<String> {
    let (_, rest) = log.rsplit_once("address=")?;
    rest.split_once('\n').map(|(address, _)| address.trim().to_owned())
}

/// The last lines of a file.
fn end_of(path: &Path) -> String {
    let mut text = String::new();
    // Where there is no log, there is nothing to say.
    let _ = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# HELP a_total x\na_total{outcome=\"ok\"} 3\na_total{outcome=\"dark\"} 1\na_total_more 9\nb 0.5\n"
            .to_owned();
        let metrics = Metrics { text };
        assert_eq!(metrics.sum("a_total"), Some(4.0));
        assert_eq!(metrics.sum("b"), Some(0.5));
        assert_eq!(metrics.sum("c"), None);
    }

    #[test]
    fn the_address_is_taken_from_a_whole_line() {
        assert_eq!(address("INFO serving address=127.0.0.1:80"), None);
        assert_eq!(address("INFO serving address=127.0.0.1:8080\nmore"), Some("127.0.0.1:8080".to_owned()));
    }
}
