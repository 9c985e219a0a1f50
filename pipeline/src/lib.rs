//! inkflow: homework photos to per-student completion statistics, live, exactly once, explainable.

pub mod feed;
pub mod flow;
pub mod homework;
pub mod workers;
pub mod admission;
pub mod live;
pub mod queue;
