//! What librdkafka says by itself, and how its errors are put.

use super::topic_ids::{describe, Described};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// No question to the brokers takes longer: whoever asks must come back in time to be stopped.
pub(super) const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// A client that reads nothing has said all after so many words.
const SAID_MAX: usize = 100;

/// Hears what a client says by itself. Clones hear together.
#[derive(Clone, Debug, Default)]
pub(super) struct Ear {
    last: Arc<Mutex<Option<String>>>,
    /// The first delivery that failed.
    failed: Arc<Mutex<Option<RDKafkaErrorCode>>>,
}

impl Ear {
    /// The last thing that went wrong, once.
    pub(super) fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The first delivery that failed since this was asked last.
    pub(super) fn failed(&self) -> Option<RDKafkaErrorCode> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hear(&self, what: &str) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
    }
}

impl ClientContext for Ear {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                self.hear(message);
                tracing::info!(facility, "librdkafka: {message}");
            }
            RDKafkaLogLevel::Warning => tracing::info!(facility, "librdkafka: {message}"),
            _ => tracing::debug!(facility, "librdkafka: {message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That all are down follows from why each is, which was heard before.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.hear(reason);
        }
        tracing::debug!(%error, "librdkafka: {reason}");
    }
}

impl ConsumerContext for Ear {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(%error, "positions could not be committed for those who watch the lag");
        }
    }
}

impl ProducerContext for Ear {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed = failed.or(error.rdkafka_error_code());
        }
    }
}

/// Asks the brokers for topics.
pub(super) fn ask(consumer: &BaseConsumer<Ear>, names: &[&str]) -> Result<Vec<Described>, String> {
    describe(consumer.client(), names, ASK_TIMEOUT).map_err(|error| {
        overhear(consumer);
        trouble(consumer.context(), error)
    })
}

/// Hears what a consumer has to say that reads nothing: who polls it hears that, and nobody does. One that reads may not be
/// asked so, as its records would be lost.
pub(super) fn overhear(consumer: &BaseConsumer<Ear>) {
    for _ in 0..SAID_MAX {
        if consumer.poll(Duration::ZERO).is_none() {
            return;
        }
    }
}

/// Why brokers did not do what was asked, with the last that was heard of them.
pub(super) fn trouble(ear: &Ear, error: impl std::fmt::Display) -> String {
    match ear.last() {
        Some(heard) => format!("{error} ({heard})"),
        None => error.to_string(),
    }
}
