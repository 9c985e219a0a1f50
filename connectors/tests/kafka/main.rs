//! Kafka as it is: every test runs against the brokers of `KAFKA_BROKERS`, each with topics of its own.
//!
//! `tests/run.sh all` starts a broker for them. Without one they fail, and say so: a test that passes by not running would
//! defend nothing.
#![allow(clippy::unwrap_used)] // clippy allows it in tests, but does not know the helpers here for tests

mod broker;
mod changelog;
mod contract;
mod law;
mod letters;
mod security;
mod sink_law;
mod source;
