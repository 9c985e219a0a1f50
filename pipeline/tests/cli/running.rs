//! The command while it runs: its log, its address, signals.

use crate::command::{command, Ended};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{channel, Receiver};
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that runs; it is killed when this is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    /// Starts `inkflow` with a log in JSON.
    pub fn start(folder: &Path, args: &[&str]) -> Running {
        let mut command = command(folder, args);
        command.args(["--log", "json"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines, said: String::new() }
    }

    /// Waits for a line of the log.
    #[track_caller]
    pub fn line(&mut self, with: &str) -> serde_json::Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { panic!("it did not say {with:?}:\n{}", self.said) };
            self.said += &format!("{line}\n");
            if line.contains(with) {
                return serde_json::from_str(&line).expect("each line is a JSON object");
            }
        }
    }

    /// The address that it serves.
    #[track_caller]
    pub fn address(&mut self) -> String {
        self.line("serving /healthz")["fields"]["address"].as_str().expect("an address").to_owned()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while self.is_running() {
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.said);
            std::thread::sleep(Duration::from_millis(10));
        }
        let code = self.child.wait().expect("it can be waited for").code();
        let said: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let stderr = format!("{}{said}", self.said);
        Ended { code, stdout: String::new(), stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks over HTTP; the status and the body.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: inkflow\r\nConnection: close\r\n\r\n").expect("it takes the request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// Asks again and again until the answer is what is wanted.
#[track_caller]
pub fn until(address: &str, path: &str, wanted: impl Fn(u16, &str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = get(address, path);
        if wanted(status, &body) {
            return body;
        }
        assert!(Instant::now() < deadline, "{path} stays {status}:\n{body}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
