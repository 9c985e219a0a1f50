//! The journal's laws, over a folder and over memory.

mod laws;
mod scrubbing;
mod trouble;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;

use super::*;

/// A store to test on, with the settings that fit it.
struct Place {
    store: Arc<dyn ObjectStore>,
    settings: JournalSettings,
    dir: Option<tempfile::TempDir>,
}

impl Place {
    fn folder() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let settings =
            JournalSettings { compaction_poll: std::time::Duration::from_millis(50), ..JournalSettings::folder() };
        Place { store: folder(dir.path()).unwrap(), settings, dir: Some(dir) }
    }

    fn memory() -> Place {
        Place { store: memory(), settings: JournalSettings::bucket(), dir: None }
    }

    fn both() -> [Place; 2] {
        [Place::folder(), Place::memory()]
    }

    async fn open(&self) -> Result<Journal, JournalError> {
        Journal::open(self.store.clone(), "journal", self.settings.clone()).await
    }

    fn path(&self) -> &Path {
        self.dir.as_ref().unwrap().path()
    }
}

fn key(collection: Collection, hash: u128) -> RowKey {
    RowKey { collection, hash, epoch: None }
}

fn put(collection: Collection, hash: u128, value: &str) -> Change {
    Change::Put { key: key(collection, hash), value: value.as_bytes().to_vec() }
}

fn delete(collection: Collection, hash: u128) -> Change {
    Change::Delete { key: key(collection, hash) }
}

fn draft(epoch: u64) -> Draft {
    Draft { epoch, clock: 1_000 * epoch as i64, positions: Positions::new() }
}

/// What a collection holds: key to (epoch, payload).
async fn rows(journal: &Journal, collection: Collection) -> BTreeMap<RowKey, (u64, Vec<u8>)> {
    let mut rows = BTreeMap::new();
    let count = journal
        .scan(collection, |key, row| {
            assert_eq!(row.clock, 1_000 * row.epoch as i64);
            rows.insert(key, (row.epoch, row.value.to_vec()));
        })
        .await
        .unwrap();
    assert_eq!(count, rows.len() as u64);
    rows
}

/// Runs `work` as a process would, and ends it as `kill -9` would: nothing of it goes on.
fn killed<T: Send + 'static>(work: impl std::future::Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (done, result) = std::sync::mpsc::channel();
    runtime.spawn(async move { done.send(work.await) });
    let result = result.recv().unwrap();
    runtime.shutdown_background();
    result
}

fn run<T>(work: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}
