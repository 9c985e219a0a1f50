//! Stores and databases as they are: PostgreSQL, an S3 server, a web server, and a proxy between that cuts and stalls.
//!
//! `tests/run.sh all` starts them. By hand: `eval "$(deploy/services.sh env)"` and `deploy/services/toxiproxy.sh start`,
//! then `cargo test -p inkflow-connectors --features postgres,web --test stores`. Without them every test fails.
// Clippy allows these in tests, but does not know the helpers here for tests.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod figures;
mod journal;
mod postgres;
mod postgres_access;
mod postgres_trouble;
mod s3;
mod services;
mod sinks;
mod web;
