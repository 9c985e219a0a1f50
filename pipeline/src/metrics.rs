//! Metrics: kept in this process, and written out for Prometheus when it asks.
//!
//! What the engine counts anyway is read from its progress at that moment, so that it costs the engine nothing.

use crate::clock::Clock;
use crate::names::{self, Kind, Metric};
use crate::progress::Progress;
use crate::vitals::{Health, Vitals};
use inkflow_connectors::photos::{Requests, StoreFigures, StoreState};
use inkflow_schemas::{Fault, Outcome, Quality};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::atomic::Ordering;

/// Starts keeping metrics. None where the process keeps them already, as in tests with several runs.
pub fn install() -> Option<PrometheusHandle> {
    let builder = names::ALL.iter().fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        // Refused for a histogram without bounds only, and ours have some: a test sees them.
        Kind::Histogram(bounds) => builder
            .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), bounds)
            .unwrap_or_else(|_| PrometheusBuilder::new()),
        Kind::Counter | Kind::Gauge => builder,
    });
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    names::ALL.iter().for_each(describe);
    gauge!(names::BUILD.name, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Some(handle)
}

fn describe(Metric { name, kind, unit, help, labels }: &Metric) {
    match kind {
        Kind::Counter => metrics::describe_counter!(*name, *unit, *help),
        Kind::Gauge => metrics::describe_gauge!(*name, *unit, *help),
        Kind::Histogram(_) => metrics::describe_histogram!(*name, *unit, *help),
    }
    // A counter without labels is there from the start, so that its first step is seen as one.
    if labels.is_empty() && *kind == Kind::Counter {
        counter!(*name).increment(0);
    }
}

/// How many answers came of each outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    read: [u64; Quality::ALL.len()],
    failed: [u64; Fault::ALL.len()],
}

impl Outcomes {
    /// Counts one.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Read(reading) => self.read[reading.quality as usize] += 1,
            Outcome::Failed { fault, .. } => self.failed[*fault as usize] += 1,
        }
    }

    /// Each that came at least once, by its name in records and views.
    fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let read = Quality::ALL.into_iter().zip(self.read).map(|(quality, count)| (quality.as_str(), count));
        let failed = Fault::ALL.into_iter().zip(self.failed).map(|(fault, count)| (fault.as_str(), count));
        read.chain(failed).filter(|(_, count)| *count > 0)
    }
}

fn set(metric: &Metric, value: u64) {
    gauge!(metric.name).set(value as f64);
}

fn count(metric: &Metric, value: u64) {
    counter!(metric.name).absolute(value);
}

/// Sets what a run's vital signs tell.
pub fn record(vitals: &Vitals) {
    set(&names::READY, u64::from(vitals.health() == Health::Ready));
    set(&names::HYDRATED_ROWS, vitals.hydrated.load(Ordering::Relaxed));
    if let Some(progress) = vitals.progress() {
        record_progress(&progress);
    }
    vitals.stores().iter().for_each(record_store);
    if let Some(figures) = vitals.figures() {
        set(&names::READER_PHOTOS, figures.waiting as u64);
        count(&names::READER_READ, figures.read);
        count(&names::READER_SAVED, figures.saved);
        let beside =
            [("used", figures.compared), ("not_used", figures.not_compared), ("missing", figures.blank_missing)];
        for (outcome, count) in beside {
            counter!(names::READER_TEMPLATES.name, "outcome" => outcome).absolute(count);
        }
        count(&names::READER_BATCHES, figures.batches);
        gauge!(names::READER_BUSY.name).set(figures.longest.as_secs_f64());
    }
}

fn record_store(store: &StoreFigures) {
    let Requests { fetched, refused, failed } = store.requests;
    for (outcome, count) in [("fetched", fetched), ("refused", refused), ("failed", failed)] {
        counter!(names::STORE_REQUESTS.name, "store" => store.name.clone(), "outcome" => outcome).absolute(count);
    }
    counter!(names::STORE_RETRIES.name, "store" => store.name.clone()).absolute(store.retried);
    let away = if store.state == StoreState::Closed { 0.0 } else { 1.0 };
    gauge!(names::STORE_AWAY.name, "store" => store.name.clone()).set(away);
}

fn record_progress(progress: &Progress) {
    count(&names::RECORDS, progress.records);
    count(&names::RECORDS_REJECTED, progress.rejected);
    count(&names::RECORDS_ERASED, progress.erased_dropped);
    for source in &progress.sources {
        let waiting = if source.waiting.is_some() { 1.0 } else { 0.0 };
        gauge!(names::SOURCE_WAITING.name, "source" => source.name).set(waiting);
    }
    set(&names::EPOCH, progress.epoch);
    set(&names::EPOCH_DELIVERED, progress.delivered);
    gauge!(names::EPOCH_CLOCK.name).set(progress.clock as f64 / 1e3);
    gauge!(names::EPOCH_LAG.name).set((Clock::Wall.now().0 - progress.clock).max(0) as f64 / 1e3);
    set(&names::PENDING, progress.pending as u64);
    set(&names::PENDING_AWAY, progress.away as u64);
    for (outcome, count) in progress.outcomes.named() {
        counter!(names::ANSWERS.name, "outcome" => outcome).absolute(count);
    }
    count(&names::ANSWERS_DROPPED, progress.answers_dropped);
    count(&names::GARBAGE, progress.collected);
    count(&names::EXPIRED, progress.expired);
    for sink in &progress.sinks {
        let applied = sink.applied.unwrap_or(0);
        let of_sink =
            |metric: &Metric, value: u64| gauge!(metric.name, "sink" => sink.name.to_string()).set(value as f64);
        of_sink(&names::SINK_EPOCH, applied);
        of_sink(&names::SINK_LAG, progress.epoch.saturating_sub(applied));
        of_sink(&names::SINK_WAITING, u64::from(sink.waiting.is_some()));
    }
}

/// `docs/reference/metrics.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\nAt `/metrics`, for Prometheus, where the flow has `http`. Made from `pipeline/src/names.rs`; \
         `UPDATE=1 cargo test -p inkflow reference` writes it anew.\n\nNo label holds an id of a student, a school or a photo.\n\n\
         | name | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n",
    );
    for Metric { name, kind, unit, labels, help } in names::ALL {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let unit = if *unit == metrics::Unit::Seconds { "seconds" } else { "" };
        text += &format!("| `{name}` | {kind} | {unit} | {} | {help} |\n", labels.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use inkflow_schemas::Reading;

    #[test]
    fn every_outcome_is_counted_under_its_own_name() {
        let mut outcomes = Outcomes::default();
        for quality in Quality::ALL {
            outcomes.count(&Outcome::Read(Reading { quality, completion: None, confidence: None }));
        }
        for fault in Fault::ALL {
            outcomes.count(&Outcome::Failed { fault, attempts: 1 });
        }
        let names = Quality::ALL.into_iter().map(Quality::as_str).chain(Fault::ALL.into_iter().map(Fault::as_str));
        assert!(outcomes.named().eq(names.map(|name| (name, 1))));
    }

    #[test]
    fn the_reference_lists_every_metric() {
        crate::config::reference::same_as_file("docs/reference/metrics.md", &reference());
    }

    #[test]
    fn every_name_is_of_the_form_that_prometheus_recommends_and_stands_once() {
        for (index, metric) in names::ALL.iter().enumerate() {
            let name = metric.name;
            assert!(
                name.starts_with("inkflow_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), metric.unit == metrics::Unit::Seconds, "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
            assert!(names::ALL[..index].iter().all(|other| other.name != name), "{name} stands twice");
        }
    }
}
