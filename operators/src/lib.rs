//! inkflow's pure dataflow: keyed state, `resolve`, the clock's instants, tallies, and the views.
//!
//! Nothing here reads a clock, does I/O, calls a model or spawns a thread. Time is the epoch, a `u64`, totally ordered;
//! what the wall clock says comes in as data (see [`phases`]). Each file is one verb, and each view is a function over
//! collections that can be called alone. The order of the modules is the order of a record's way.

pub mod counted;
pub mod held;
pub mod keep;
pub mod latest;
pub mod pages;
pub mod pairs;
pub mod phases;
pub mod policy;
pub mod ranks;
pub mod readings;
pub mod resolve;
mod stash;
pub mod tally;
pub mod unasked;
pub mod upsert;
pub mod views;

use differential_dataflow::VecCollection;

/// The time of every collection: the number of the epoch that admitted a change.
pub type Epoch = u64;

/// A collection of rows that change with the epochs.
pub type Rows<'s, D> = VecCollection<'s, Epoch, D, isize>;
