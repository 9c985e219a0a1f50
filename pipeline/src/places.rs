//! The places that a run reads from and writes to: in files, or in Kafka where it is built with that.

use crate::run::RunError;
use inkflow_connectors::dead_letter::{DeadLetterFile, DeadLetters};
use inkflow_connectors::folder::FolderSource;
use inkflow_connectors::journal::{folder, peek, Journal, JournalSettings};
#[cfg(feature = "kafka")]
use inkflow_connectors::kafka;
use inkflow_connectors::notification::Notifications;
use inkflow_connectors::source::{Offsets, Source};
use inkflow_schemas::Topic;
use object_store::local::LocalFileSystem;
use object_store::ObjectStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where records come from.
pub enum Records {
    /// A folder of them.
    Folder(PathBuf),
    /// Topics in Kafka, those of submissions and the others, and which submissions are notifications.
    #[cfg(feature = "kafka")]
    Kafka(Box<[kafka::KafkaSettings; 2]>, Option<Arc<Notifications>>),
}

/// Where refused records go.
pub enum LettersTo {
    /// A file.
    File(PathBuf),
    /// A topic.
    #[cfg(feature = "kafka")]
    Topic(Box<kafka::Connection>, String),
}

/// Where the journal lies in its folder.
pub const JOURNAL_PATH: &str = "journal";

/// Where the journal lies.
pub enum JournalPlace {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket, under names that begin so.
    Bucket(Arc<dyn ObjectStore>, String),
}

impl JournalPlace {
    /// Its folder, where it is in one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            JournalPlace::Folder(folder) => Some(folder),
            JournalPlace::Bucket(..) => None,
        }
    }

    /// Looks whether it is there, and changes nothing.
    pub async fn is_there(&self) -> Result<bool, RunError> {
        match self {
            JournalPlace::Folder(folder) => Ok(folder.is_dir()),
            JournalPlace::Bucket(store, path) => {
                let found = peek(store.clone(), path).await;
                let found = found.map_err(|error| RunError::Journal { path: self.to_string(), error })?;
                Ok(found.is_some())
            }
        }
    }

    /// Opens it, which fences whoever has it.
    pub async fn open(&self) -> Result<Journal, RunError> {
        let (store, path, settings) = match self {
            JournalPlace::Folder(at) => {
                let store = folder(at).map_err(|error| RunError::file("the journal at", at, error))?;
                (store, JOURNAL_PATH, JournalSettings::folder())
            }
            JournalPlace::Bucket(store, path) => (store.clone(), path.as_str(), JournalSettings::bucket()),
        };
        let opened = Journal::open(store, path, settings).await;
        opened.map_err(|error| RunError::Journal { path: self.to_string(), error })
    }
}

impl std::fmt::Display for JournalPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JournalPlace::Folder(folder) => write!(f, "{}", folder.display()),
            JournalPlace::Bucket(store, path) => write!(f, "{store}/{path}"),
        }
    }
}

/// A journal that is gone with the run: it need not survive the loss of power.
pub async fn temporary_journal(at: &Path) -> Result<Journal, RunError> {
    let store = LocalFileSystem::new_with_prefix(at).map_err(|error| RunError::file("the journal at", at, error))?;
    let opened = Journal::open(Arc::new(store), JOURNAL_PATH, JournalSettings::folder()).await;
    opened.map_err(|error| RunError::Journal { path: at.display().to_string(), error })
}

impl Records {
    /// The sources: of submissions, and of all other topics.
    pub fn open(&self) -> Result<[Box<dyn Source>; 2], RunError> {
        match self {
            Records::Folder(path) => {
                let others = Topic::ALL.into_iter().filter(|topic| *topic != Topic::Submissions);
                let open = |topics: &[Topic]| match FolderSource::open(path, topics) {
                    Ok(source) => Ok(Box::new(source) as Box<dyn Source>),
                    Err(error) => Err(RunError::file("the records in", path, error)),
                };
                Ok([open(&[Topic::Submissions])?, open(&others.collect::<Vec<_>>())?])
            }
            #[cfg(feature = "kafka")]
            Records::Kafka(settings, _) => {
                let open = |settings: &kafka::KafkaSettings| match kafka::KafkaSource::new(settings.clone()) {
                    Ok(source) => Ok(Box::new(source) as Box<dyn Source>),
                    Err(error) => Err(RunError::Place { what: "the records in Kafka", error: error.to_string() }),
                };
                let [submissions, others] = &**settings;
                Ok([open(submissions)?, open(others)?])
            }
        }
    }

    /// Which submissions are notifications of a store.
    pub fn notifications(&self) -> Option<Arc<Notifications>> {
        match self {
            Records::Folder(_) => None,
            #[cfg(feature = "kafka")]
            Records::Kafka(_, notifications) => notifications.clone(),
        }
    }
}

impl LettersTo {
    /// Opens it. `sealed`: what is rejected from there on may come again.
    pub fn open(&self, sealed: &Offsets) -> Result<Box<dyn DeadLetters>, RunError> {
        match self {
            LettersTo::File(path) => match DeadLetterFile::open(path, sealed) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(RunError::file("dead letters in", path, error)),
            },
            #[cfg(feature = "kafka")]
            LettersTo::Topic(connection, topic) => match kafka::KafkaDeadLetters::new(connection, topic) {
                Ok(letters) => Ok(Box::new(letters)),
                Err(error) => Err(RunError::Place { what: "dead letters in Kafka", error: error.to_string() }),
            },
        }
    }
}
