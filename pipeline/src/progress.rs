//! How a run goes, in numbers.

use crate::metrics::Outcomes;
use crate::sinks::SinkThread;
use crate::sources::SourceState;
use ecow::EcoString;
use inkflow_operators::Epoch;

/// What happened so far, for progress and metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The last sealed epoch and its clock.
    pub epoch: Epoch,
    /// Its clock.
    pub clock: i64,
    /// The last delivered epoch.
    pub delivered: Epoch,
    /// Records passed.
    pub records: u64,
    /// Of these, refused.
    pub rejected: u64,
    /// Of these, of erased students.
    pub erased_dropped: u64,
    /// Answers admitted.
    pub answers: u64,
    /// Of these, readings.
    pub readings: u64,
    /// Of these, how many came of each outcome.
    pub outcomes: Outcomes,
    /// Answers dropped because nobody waited for them.
    pub answers_dropped: u64,
    /// Questions that wait.
    pub pending: usize,
    /// Of these, those whose photos' store does not answer.
    pub away: usize,
    /// Rows deleted as garbage.
    pub collected: u64,
    /// Photos whose readings were deleted, as nobody had asked about them for long.
    pub expired: u64,
    /// Live rows hydrated at the start.
    pub hydrated: u64,
    /// How the sources are.
    pub sources: Vec<SourceProgress>,
    /// How the sinks are.
    pub sinks: Vec<SinkProgress>,
    /// Why the journal is waited for, while it is.
    pub waiting: Option<String>,
}

/// How a source is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceProgress {
    /// Its name.
    pub name: &'static str,
    /// Why it is waited for, if it is.
    pub waiting: Option<String>,
}

/// How a sink is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SinkProgress {
    /// Its name.
    pub name: EcoString,
    /// The last epoch that it has written; none before it is reconciled.
    pub applied: Option<Epoch>,
    /// Why it is waited for, if it is.
    pub waiting: Option<String>,
}

impl Progress {
    /// Looks how the sources are.
    pub fn see_sources(&mut self, sources: &[SourceState]) {
        self.sources.clear();
        self.sources.extend(sources.iter().map(|of| SourceProgress { name: of.name, waiting: of.waiting() }));
    }

    /// Looks how the sinks are.
    pub fn see_sinks(&mut self, sinks: &[SinkThread]) {
        self.sinks.resize_with(sinks.len(), SinkProgress::default);
        for (seen, sink) in self.sinks.iter_mut().zip(sinks) {
            if seen.name.is_empty() {
                seen.name = sink.name().into();
            }
            (seen.applied, seen.waiting) = (sink.applied(), sink.waiting());
        }
    }
}
