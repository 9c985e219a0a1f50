//! inkflow's whole-system tests, one binary: each module defends what its name says.

mod every_epoch;
mod keep_readings;
mod layers;
mod resolve_promises;
mod retraction;
mod specs;
mod view_schemas;
