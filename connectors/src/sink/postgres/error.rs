//! What PostgreSQL's errors mean for who writes: wait, stop, or ask what came of it.
//!
//! No text of ours quotes an error's detail: it may hold a row.

use tokio_postgres::error::SqlState;

use super::super::SinkError;
use crate::tls::TrustError;

/// Why a piece of work failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// PostgreSQL, or the way to it.
    Server(tokio_postgres::Error),
    /// It did not answer in time.
    Silent,
    /// It broke off while committing.
    Commit(Box<Failure>),
    /// A law of sinks.
    Sink(SinkError),
    /// In words; waiting does not help.
    Fatal(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        Failure::Server(error)
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Failure {
        Failure::Sink(error)
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Failure {
        Failure::Fatal(error.to_string())
    }
}

impl Failure {
    /// Whether a lock was waited for as long as we wait.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self, Failure::Server(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// What it means. `known`: this process has been signed in before, so that what is refused now was allowed then, and
    /// somebody is changing it: it is waited for. At the first time it is a setting that is wrong.
    pub(super) fn typed(self, sink: &str, known: bool) -> SinkError {
        let sink = sink.to_owned();
        match self {
            Failure::Sink(error) => error,
            Failure::Fatal(reason) => SinkError::Fatal { sink, reason },
            Failure::Silent => SinkError::Transient { sink, reason: "it does not answer".to_owned() },
            Failure::Commit(failure) => match failure.typed(&sink, known) {
                SinkError::Transient { sink, reason } => SinkError::Uncertain { sink, reason },
                other => other,
            },
            Failure::Server(error) => {
                let reason = words(&error);
                match may_pass(&error, known) {
                    true => SinkError::Transient { sink, reason },
                    false => SinkError::Fatal { sink, reason },
                }
            }
        }
    }
}

/// Whether waiting may help.
fn may_pass(error: &tokio_postgres::Error, known: bool) -> bool {
    let Some(code) = error.code() else {
        // No answer of the server: the way to it. A certificate is its own word, and stays what it is.
        return !is_refused_certificate(error) || known;
    };
    match code.code().get(..2) {
        // Connection, transaction rollback (deadlock, serialization), insufficient resources (disk full, too many
        // connections), object in use (a lock), operator intervention (a shutdown, a start), the system (I/O).
        Some("08" | "40" | "53" | "55" | "57" | "58") => true,
        // It has become a standby, or has ended a transaction of ours that took too long.
        Some("25") => true,
        // Internal: damaged pages are no matter of waiting, all else may be.
        Some("XX") => *code == SqlState::INTERNAL_ERROR,
        // Password, database, role, permission: see `known`.
        Some("28" | "3D" | "3F") => known,
        _ => known && *code == SqlState::INSUFFICIENT_PRIVILEGE,
    }
}

fn is_refused_certificate(error: &tokio_postgres::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // tokio-rustls wraps it in an I/O error, whose source() skips what it wraps.
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()).or(error.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error in words that hold no row: the server's message and code, or what is behind ours.
pub(super) fn words(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        let code = db.code().code();
        // Which objects stand in the way: names, no rows.
        let detail = db.detail().filter(|_| code.starts_with("2B")).map(|detail| format!(" ({detail})"));
        return format!("{}{} [{code}]", db.message(), detail.unwrap_or_default());
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        cause = error.source();
    }
    words
}
