//! inkflow: homework photos to per-student completion statistics, live, exactly once, explainable.

pub use inkflow_flow::{feed, flow, homework, workers};

pub mod admission;
pub mod blank;
pub mod check;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod engine;
mod erasure;
pub mod expired;
pub mod inlets;
pub mod judge;
#[cfg(feature = "kafka")]
mod kafka;
pub mod label;
mod lending;
pub mod letters;
pub mod live;
pub mod metrics;
pub mod names;
pub mod panic;
pub mod places;
pub mod poison;
pub mod pool;
pub mod presence;
pub mod progress;
pub mod queue;
pub mod read;
pub mod readers;
pub mod readings;
pub mod remote;
pub mod run;
mod sealing;
pub mod serve;
pub mod signals;
pub mod sinks;
pub mod sources;
pub mod start;
mod stores;
pub mod terminal;
pub mod vitals;
pub mod watchdog;
