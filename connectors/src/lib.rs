//! connectors

pub mod decode;
pub mod journal;
pub mod photos;
pub mod reader;
pub mod sink;
