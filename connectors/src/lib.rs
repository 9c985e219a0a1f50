//! connectors

#[cfg(feature = "web")]
pub mod bucket;
pub mod dead_letter;
pub mod decode;
pub mod folder;
pub mod hidden;
pub mod journal;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
pub mod notification;
pub mod overlay;
pub mod photos;
pub mod reader;
pub mod recorded;
pub mod sink;
pub mod source;
pub mod template;
#[cfg(feature = "tls")]
pub mod tls;
