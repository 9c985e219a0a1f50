//! The bytes of the journal.
