//! Stores and databases as they are: PostgreSQL, an S3 server, a web server, and a proxy between that cuts and stalls.
//!
//! `tests/run.sh all` starts them. By hand: `eval "$(deploy/services.sh env)"` and `deploy/services/toxiproxy.sh start`,
//! then `cargo test -p inkflow-connectors --features postgres,s3,http --test stores`. Without them every test fails.

mod figures;
mod postgres;
mod postgres_access;
mod postgres_trouble;
mod services;
mod sinks;
