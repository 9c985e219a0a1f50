//! connectors

pub mod photos;
pub mod reader;
