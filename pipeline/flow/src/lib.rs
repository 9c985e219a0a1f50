//! The dataflow as a whole: what is fed, how a flow is put together, the homework flow, and the workers that run it.
//!
//! A crate of its own, because the compiler spends minutes on its generics: the shell around it, which changes most, is
//! built without them. It does no I/O.

pub mod feed;
pub mod flow;
pub mod homework;
pub mod workers;
