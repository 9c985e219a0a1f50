//! What inkflow's whole-system tests share: the deterministic core driven by hand, and the oracle beside it.
//!
//! [`core`] is the dataflow with admission and queue, with no I/O: epochs are sealed, delivered and answered when a test
//! says so. [`play`] plays a history on it, epoch by epoch, and compares every view with the oracle after each.

pub mod core;
pub mod journal;
pub mod play;
pub mod records;
pub mod said;
pub mod tables;
mod undo;
