//! What a person sees while a run goes on: a line of progress where stderr is a terminal, and a line of log now and then
//! where it is not. The log is written past the progress line, so that neither tears the other.

use crate::config::{LogConfig, LogFormat};
use crate::progress::Progress;
use crate::vitals::Vitals;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::EnvFilter;

/// The progress line is drawn anew so often: fast enough to be seen moving.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// Without a terminal, a line of log this often while something happens.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// The environment variable that goes before the flow's log level.
pub const LOG_VARIABLE: &str = "INKFLOW_LOG";

/// stderr, with or without a progress line.
#[derive(Clone)]
pub struct Terminal {
    bar: Option<ProgressBar>,
}

impl Terminal {
    /// stderr. It has a progress line if it is a terminal and the log is for people.
    pub fn stderr(format: LogFormat) -> Terminal {
        let drawn = format == LogFormat::Text && io::stderr().is_terminal();
        let bar = || {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            match ProgressStyle::with_template("{spinner} {wide_msg}") {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        };
        Terminal { bar: drawn.then(bar) }
    }

    /// Starts the log. What is wrong with the level is said, and `info` taken.
    pub fn log(&self, config: &LogConfig) -> Result<(), String> {
        let named = std::env::var(LOG_VARIABLE).ok().filter(|level| !level.is_empty());
        let level = named.as_deref().unwrap_or(&config.level);
        let filter = EnvFilter::builder().parse(level).map_err(|error| format!("the log level {level:?}: {error}"))?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(self.clone());
        // Fails where a log has been started already, as in tests.
        let _ = match config.format {
            LogFormat::Json => builder.json().try_init(),
            LogFormat::Text => builder.with_ansi(io::stderr().is_terminal()).with_target(false).try_init(),
        };
        Ok(())
    }

    /// Shows how a run goes, until it is dropped.
    pub async fn follow(self, vitals: Arc<Vitals>) {
        let every = if self.bar.is_some() { DRAW_EVERY } else { LOG_EVERY };
        let mut pace = Pace::new(every);
        let mut last = Seen::default();
        loop {
            tokio::time::sleep(every).await;
            let now = Seen::of(&vitals);
            pace.step(&last, &now);
            match &self.bar {
                Some(bar) => {
                    bar.set_message(line(&now, &pace));
                    bar.tick();
                }
                None if now.moved() > last.moved() => tracing::info!("{}", line(&now, &pace)),
                None => {}
            }
            last = now;
        }
    }

    /// Removes the progress line.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A log line on its way to stderr.
pub struct LogLine {
    terminal: Terminal,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.terminal.bar {
            Some(bar) => bar.suspend(|| io::stderr().lock().write(bytes)),
            None => io::stderr().lock().write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = LogLine;
    fn make_writer(&'a self) -> LogLine {
        LogLine { terminal: self.clone() }
    }
}

/// What is shown, at a moment.
#[derive(Clone, Default)]
struct Seen {
    hydrated: u64,
    progress: Option<Progress>,
}

impl Seen {
    fn of(vitals: &Vitals) -> Seen {
        Seen { hydrated: vitals.hydrated.load(Ordering::Relaxed), progress: vitals.progress() }
    }

    /// A number that grows whenever something happens.
    fn moved(&self) -> u64 {
        self.hydrated + self.records() + self.answers()
    }

    fn records(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.records)
    }

    fn answers(&self) -> u64 {
        self.progress.as_ref().map_or(0, |progress| progress.answers)
    }
}

/// How fast it goes, smoothed over some two seconds.
struct Pace {
    every: Duration,
    at: Instant,
    rows: f64,
    records: f64,
    photos: f64,
}

impl Pace {
    fn new(every: Duration) -> Pace {
        Pace { every, at: Instant::now(), rows: 0.0, records: 0.0, photos: 0.0 }
    }

    fn step(&mut self, last: &Seen, now: &Seen) {
        let seconds = self.at.elapsed().as_secs_f64().max(1e-3);
        self.at = Instant::now();
        let weight = (self.every.as_secs_f64() / 2.0).min(1.0);
        let smooth =
            |rate: &mut f64, from: u64, to: u64| *rate += weight * (to.saturating_sub(from) as f64 / seconds - *rate);
        smooth(&mut self.rows, last.hydrated, now.hydrated);
        smooth(&mut self.records, last.records(), now.records());
        smooth(&mut self.photos, last.answers(), now.answers());
    }
}

fn line(seen: &Seen, pace: &Pace) -> String {
    let Some(Progress { epoch, delivered, records, answers, pending, sinks, waiting, .. }) = &seen.progress else {
        if seen.hydrated == 0 {
            return "starting".to_owned();
        }
        return format!("hydrating: {} rows ({}/s)", HumanCount(seen.hydrated), HumanCount(pace.rows as u64));
    };
    let mut line = format!(
        "epoch {}: {} records ({}/s)",
        HumanCount(*epoch),
        HumanCount(*records),
        HumanCount(pace.records as u64)
    );
    let asked = answers + *pending as u64;
    if asked > 0 {
        line += &format!(
            ", photos {} of {} ({}/s)",
            HumanCount(*answers),
            HumanCount(asked),
            HumanCount(pace.photos as u64)
        );
    }
    if *pending > 0 && pace.photos >= 1.0 {
        let left = Duration::from_secs((*pending as f64 / pace.photos).ceil() as u64);
        line += &format!(", about {} left", indicatif::HumanDuration(left));
    }
    if delivered < epoch {
        line += &format!(", dataflow {} behind", HumanCount(epoch - delivered));
    }
    if let Some(why) = waiting {
        line += &format!(", waiting for the journal: {why}");
    }
    for sink in sinks {
        let behind = delivered.saturating_sub(sink.applied.unwrap_or(0));
        match &sink.waiting {
            Some(why) => line += &format!(", waiting for {}: {why}", sink.name),
            None if behind > 1 => line += &format!(", {} {} behind", sink.name, HumanCount(behind)),
            None => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::SinkProgress;

    fn pace(rows: f64, records: f64, photos: f64) -> Pace {
        Pace { rows, records, photos, ..Pace::new(DRAW_EVERY) }
    }

    #[test]
    fn hydration_shows_its_rows() {
        assert_eq!(line(&Seen::default(), &pace(0.0, 0.0, 0.0)), "starting");
        let seen = Seen { hydrated: 1_234_567, progress: None };
        assert_eq!(line(&seen, &pace(900_000.0, 0.0, 0.0)), "hydrating: 1,234,567 rows (900,000/s)");
    }

    #[test]
    fn a_run_shows_what_passes_and_what_waits() {
        let sink = |name: &str, waiting: Option<&str>| SinkProgress {
            name: name.into(),
            applied: Some(2),
            waiting: waiting.map(str::to_owned),
        };
        let sinks = vec![sink("sqlite", Some("locked")), sink("export", None)];
        let progress = Progress {
            epoch: 9,
            delivered: 8,
            records: 12_000,
            answers: 30,
            pending: 70,
            sinks,
            ..Progress::default()
        };
        let seen = Seen { hydrated: 0, progress: Some(progress) };
        assert_eq!(
            line(&seen, &pace(0.0, 4_000.4, 7.0)),
            "epoch 9: 12,000 records (4,000/s), photos 30 of 100 (7/s), about 10 seconds left, dataflow 1 behind, \
             waiting for sqlite: locked, export 6 behind"
        );
    }

    #[test]
    fn a_quiet_run_shows_little() {
        let progress = Progress { epoch: 1, delivered: 1, ..Progress::default() };
        assert_eq!(
            line(&Seen { hydrated: 0, progress: Some(progress) }, &pace(0.0, 0.0, 0.0)),
            "epoch 1: 0 records (0/s)"
        );
    }

    #[test]
    fn a_pace_follows_what_happens() {
        let mut pace = pace(0.0, 0.0, 0.0);
        pace.every = LOG_EVERY;
        pace.at -= Duration::from_secs(10);
        pace.step(&Seen::default(), &Seen { hydrated: 1_000, progress: None });
        assert!((90.0..=100.0).contains(&pace.rows), "{}", pace.rows);
    }
}
