//! Signals: the first SIGTERM or SIGINT asks the run to end, a second one half a second later or more ends it at once.
//!
//! To end is to seal what was gathered, to write the sinks and to close the journal. That has [`STOP_PATIENCE`]: a
//! supervisor gives some 30 s before it kills, and a process that is killed has told nobody what it was waiting for.

use crate::cli::exit::Exit;
use std::io;
use std::time::{Duration, Instant};
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::sync::watch;

/// A run that was asked to end is given so long.
pub const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// What comes so soon after the first signal is the same request: `timeout` signals its child and then its group, a shell
/// and a supervisor may both pass on what they got.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// From now on signals are heard: the value turns true at the first, and `what` is said to be done. Must be called within a
/// tokio runtime.
pub fn listen(what: &'static str) -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (asked, heard) = watch::channel(false);
    tokio::spawn(async move {
        let name = first_of(&mut terminate, &mut interrupt).await;
        let asked_at = Instant::now();
        tracing::info!("{name}: {what}, then ending; once more ends at once");
        // Nobody listens any more where the run has ended by itself.
        let _ = asked.send(true);
        if let Err(error) = watchdog() {
            tracing::error!(%error, "no thread for the time limit of the end; there is none");
        }
        let name = loop {
            let name = first_of(&mut terminate, &mut interrupt).await;
            if asked_at.elapsed() >= SAME_REQUEST {
                break name;
            }
        };
        end_now(&format!("{name} a second time: ending at once, without sealing or flushing"));
    });
    Ok(heard)
}

/// From now on signals are heard, and nothing else is done about them. Must be called within a tokio runtime.
pub fn hear() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (asked, heard) = watch::channel(false);
    tokio::spawn(async move {
        first_of(&mut terminate, &mut interrupt).await;
        let _ = asked.send(true);
        // The value stays true for whoever looks later.
        asked.closed().await;
    });
    Ok(heard)
}

async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// A thread and not a task: it must hold also when every thread of the runtime is stuck in a file system.
fn watchdog() -> io::Result<()> {
    let watch = || {
        std::thread::sleep(STOP_PATIENCE);
        end_now(&format!("not everything was sealed and flushed within {} s", STOP_PATIENCE.as_secs()));
    };
    std::thread::Builder::new().name("watchdog".into()).spawn(watch).map(drop)
}

fn end_now(why: &str) -> ! {
    tracing::error!("{why}; what was sealed before is in the journal, and the next start makes the sinks right");
    std::process::exit(Exit::CutOff.code());
}
