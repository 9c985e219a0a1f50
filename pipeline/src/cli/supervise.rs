//! `inkflow supervise`: starts a command again when it ends in a way that a new start mends. For laptops and containers;
//! systemd and Kubernetes do it themselves.

use super::exit::Exit;
use super::Failure;
use crate::signals;
use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The first new start comes after so long, and each further one after twice that.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// No start waits longer.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A command that ran for so long had started well: the next wait is the first again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// A command that was asked to end has 15 s, and says so itself: this is for one that is stuck.
const KILL_AFTER: Duration = Duration::from_secs(20);

/// What `inkflow supervise` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct SuperviseArgs {
    /// The command of inkflow with its arguments, as `run flow.yaml`.
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub(super) fn run(SuperviseArgs { command }: SuperviseArgs) -> Result<(), Failure> {
    let other = |error: std::io::Error| Failure::Other(format!("cannot supervise: {error}"));
    let program = std::env::current_exe().map_err(other)?;
    super::run::runtime()?.block_on(async {
        let mut asked_to_end = signals::hear().map_err(other)?;
        let mut wait = WAIT_MIN;
        loop {
            let began = Instant::now();
            // In a group of its own: Ctrl-C is passed on by us, and once.
            let mut child =
                Command::new(&program).args(&command).process_group(0).kill_on_drop(true).spawn().map_err(other)?;
            let status = tokio::select! {
                status = child.wait() => status.map_err(other)?,
                _ = asked_to_end.wait_for(|asked| *asked) => return end(child).await,
            };
            if let Some(code) = is_final(status) {
                return if code == Exit::Done.code() { Ok(()) } else { Err(Failure::Said(Exit::of(code))) };
            }
            if began.elapsed() >= WELL_AFTER {
                wait = WAIT_MIN;
            }
            eprint_line(&format!(
                "inkflow supervise: it ended ({status}), and starts again in {:.1} s",
                wait.as_secs_f32()
            ));
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(WAIT_MAX),
                _ = asked_to_end.wait_for(|asked| *asked) => return Ok(()),
            }
        }
    })
}

/// The code with which a command ended for good; none where a new start may mend it.
fn is_final(status: ExitStatus) -> Option<i32> {
    let last = [Exit::Done, Exit::Usage, Exit::Fenced].map(Exit::code);
    status.code().filter(|code| last.contains(code))
}

async fn end(mut child: Child) -> Result<(), Failure> {
    if let Some(id) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    match tokio::time::timeout(KILL_AFTER, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(Failure::Said(status.code().map_or(Exit::Other, Exit::of))),
        _ => Err(Failure::Said(Exit::CutOff)),
    }
}

fn eprint_line(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn what_a_new_start_mends_is_started_again() {
        let of_code = |code: i32| is_final(ExitStatus::from_raw(code << 8));
        for exit in Exit::ALL {
            let is_last = matches!(exit, Exit::Done | Exit::Usage | Exit::Fenced);
            assert_eq!(of_code(exit.code()).is_some(), is_last, "{exit:?}");
        }
        assert_eq!(is_final(ExitStatus::from_raw(9)), None, "killed");
    }
}
