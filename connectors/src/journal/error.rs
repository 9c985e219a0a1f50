//! What can go wrong with a journal, told apart by what the caller can do about it.

use slatedb::{CloseReason, ErrorKind};

/// What can go wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another process has opened this journal since: this one must stop.
    #[error("another process has opened the journal since: this one may write no more")]
    Fenced,
    /// The store has no room. Nothing is lost; free some, and do the same again.
    #[error("the journal's store is full: {0}")]
    Full(String),
    /// The store does not answer. Nothing is lost; do the same again.
    #[error("the journal's store does not answer: {0}")]
    Unavailable(String),
    /// A newer inkflow wrote this journal.
    #[error("this journal has format {found}, and this inkflow knows formats up to {known}: use the newer inkflow")]
    NewerFormat {
        /// The version that it has.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// What is stored is not what was written.
    #[error("the journal is damaged: {0}")]
    Corrupt(String),
    /// The handle is of no use any more: the process must open the journal anew.
    #[error("the journal is closed: {0}")]
    Closed(String),
}

impl JournalError {
    /// Whether the same call may succeed later, on the same handle.
    pub fn is_transient(&self) -> bool {
        matches!(self, JournalError::Full(_) | JournalError::Unavailable(_))
    }
}

impl From<slatedb::Error> for JournalError {
    fn from(error: slatedb::Error) -> JournalError {
        match error.kind() {
            ErrorKind::Closed(CloseReason::Fenced) => JournalError::Fenced,
            ErrorKind::Data => JournalError::Corrupt(error.to_string()),
            ErrorKind::Unavailable => JournalError::Unavailable(error.to_string()),
            // Internal, Invalid, Transaction: a bug here or there. No call on this handle can be trusted after it.
            _ => JournalError::Closed(error.to_string()),
        }
    }
}

impl From<object_store::Error> for JournalError {
    fn from(error: object_store::Error) -> JournalError {
        super::store::Trouble::of(&error).into()
    }
}
