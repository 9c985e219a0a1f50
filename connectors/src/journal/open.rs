//! Opening: settings, fencing, making a new journal, and checking an old one.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use slatedb::config::{
    CompactionWorkerOptions, CompactorOptions, GarbageCollectorDirectoryOptions, GarbageCollectorOptions, ScanOptions,
    Settings,
};
use slatedb::{Db, IterationOrder, SstBlockSize};
use tokio::sync::watch;

use super::layout::{self, Meta};
use super::store::Trouble;
use super::{Header, JournalError};

/// Settings of a journal. [`JournalSettings::folder`] and [`JournalSettings::bucket`] are good starts.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// How many epochs' headers are kept, the last one always. A header takes some 40 bytes for each partition, so
    /// 100,000 of 12 partitions are 50 MB, and at ten epochs a second three hours.
    pub keep_headers: u64,
    /// The memory table is written out as a sorted file at this size. Up to `unflushed_bytes_max` may wait; so this,
    /// four times, is about what the journal takes of memory when rows pour in.
    pub table_bytes: usize,
    /// Sealing waits while so many bytes are not in sorted files yet.
    pub unflushed_bytes_max: usize,
    /// After so many epochs the memory table is written out, however small: an opening replays few more than these, at
    /// some 0.2 ms each from a folder, and a request or two each from a bucket.
    pub replay_epochs_max: u64,
    /// How often files are looked at for merging. Each look is a listing or two: free in a folder, money in a bucket.
    pub compaction_poll: Duration,
    /// How old a file that nothing refers to must be before it is removed. Younger than a slow process's last request
    /// is too young: see scrub.rs.
    pub garbage_age: Duration,
    /// Whether the store can replace an object on condition that it has not changed. A local folder cannot.
    pub conditional_replace: bool,
    /// How long a store that fails is waited for before a call returns [`JournalError::Unavailable`].
    pub patience: Duration,
}

impl JournalSettings {
    /// For a folder.
    pub fn folder() -> JournalSettings {
        JournalSettings {
            keep_headers: 100_000,
            table_bytes: 32 << 20,
            unflushed_bytes_max: 128 << 20,
            replay_epochs_max: 100,
            compaction_poll: Duration::from_millis(500),
            garbage_age: Duration::from_secs(300),
            conditional_replace: false,
            patience: Duration::from_secs(5),
        }
    }

    /// For a bucket (and for memory).
    pub fn bucket() -> JournalSettings {
        JournalSettings {
            compaction_poll: Duration::from_secs(5),
            conditional_replace: true,
            replay_epochs_max: 50,
            ..JournalSettings::folder()
        }
    }

    fn database(&self) -> Settings {
        let garbage = |interval| {
            Some(GarbageCollectorDirectoryOptions {
                interval: Some(interval),
                min_age: self.garbage_age,
                dry_run: false,
            })
        };
        Settings {
            // A seal flushes by itself, at once. A timer would add its interval to every seal.
            flush_interval: None,
            l0_sst_size_bytes: self.table_bytes,
            max_unflushed_bytes: self.unflushed_bytes_max,
            // Hydration reads every row, and point reads are rare: filters would cost more than they save.
            min_filter_keys: u32::MAX,
            l0_flush_parallelism: 1,
            compactor_options: Some(CompactorOptions {
                poll_interval: self.compaction_poll,
                commit_compacted_interval: self.compaction_poll.min(Duration::from_secs(1)),
                max_concurrent_compactions: 1,
                worker: Some(CompactionWorkerOptions {
                    max_concurrent_compactions: 1,
                    compactions_poll_interval: self.compaction_poll,
                    max_subcompactions: 1,
                    min_filter_keys: u32::MAX,
                    ..CompactionWorkerOptions::default()
                }),
                ..CompactorOptions::default()
            }),
            garbage_collector_options: Some(GarbageCollectorOptions {
                manifest_options: garbage(Duration::from_secs(300)),
                // Log files are many: thousands in a minute when epochs are short.
                wal_options: garbage(Duration::from_secs(60)),
                // Never: a fence is what stops a process that sleeps for a week. They are empty, one for each opening.
                wal_fence_options: None,
                compacted_options: garbage(Duration::from_secs(300)),
                compactions_options: garbage(Duration::from_secs(300)),
                detach_options: None,
                boundary_files_enabled: self.conditional_replace,
                ..GarbageCollectorOptions::default()
            }),
            ..Settings::default()
        }
    }
}

/// What opening found or made.
pub(super) struct Opened {
    pub(super) db: Db,
    pub(super) meta: Meta,
    pub(super) last: Option<Header>,
    pub(super) oldest_header: u64,
    pub(super) incarnation: u64,
    /// How many log files were replayed.
    pub(super) replayed: u64,
}

pub(super) async fn open(
    store: Arc<dyn ObjectStore>,
    path: &Path,
    settings: &JournalSettings,
) -> Result<Opened, JournalError> {
    check_format(&store, path).await?;
    let db = Db::builder(path.clone(), store)
        .with_settings(settings.database())
        .with_sst_block_size(SstBlockSize::Block16Kib)
        .build()
        .await?;
    // The writer's epoch of SlateDB: one more at each opening, durable before build() returns.
    let manifest = db.manifest();
    let incarnation = manifest.writer_epoch();
    let replayed = manifest.next_wal_sst_id().saturating_sub(manifest.replay_after_wal_id());
    let last = edge_header(&db, IterationOrder::Descending).await?;
    let oldest = edge_header(&db, IterationOrder::Ascending).await?;
    let meta = match db.get(layout::META_KEY).await? {
        Some(bytes) => layout::decode::<Meta>("meta", &bytes)?,
        None if last.is_none() => make(&db).await?,
        None => return Err(JournalError::Corrupt("it has epochs, but no meta row".to_owned())),
    };
    if meta.format > layout::FORMAT {
        return Err(JournalError::NewerFormat { found: meta.format, known: layout::FORMAT });
    }
    if let Some(last) = &last {
        // What the laws promise and a file put back by hand could break.
        if last.incarnation >= incarnation {
            return Err(JournalError::Corrupt(format!(
                "epoch {} was sealed by incarnation {}, but this is incarnation {incarnation}: were files put back?",
                last.epoch, last.incarnation
            )));
        }
    }
    Ok(Opened { db, meta, oldest_header: oldest.map_or(1, |header| header.epoch), last, incarnation, replayed })
}

/// Refuses a newer version before anything is touched, and writes ours where there is none.
async fn check_format(store: &Arc<dyn ObjectStore>, path: &Path) -> Result<(), JournalError> {
    let at = path.clone().join(layout::FORMAT_OBJECT);
    match store.get(&at).await {
        Ok(found) => {
            read_format(&at, &found.bytes().await?)?;
            Ok(())
        }
        Err(object_store::Error::NotFound { .. }) => {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match store.put_opts(&at, format!("{}\n", layout::FORMAT).into(), create).await {
                Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// The version in the object that holds it, if it is known here.
pub(super) fn read_format(at: &Path, bytes: &[u8]) -> Result<u32, JournalError> {
    let text = String::from_utf8_lossy(bytes);
    let found = text.trim().parse::<u32>().map_err(|_| JournalError::Corrupt(format!("{at} is no number")))?;
    if found > layout::FORMAT {
        return Err(JournalError::NewerFormat { found, known: layout::FORMAT });
    }
    Ok(found)
}

/// Makes a journal's meta row, durably.
async fn make(db: &Db) -> Result<Meta, JournalError> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| JournalError::Closed(format!("no randomness: {error}")))?;
    let [a, b, c, d, e, f, g, h, secret @ ..] = random;
    let meta = Meta { format: layout::FORMAT, id: u64::from_le_bytes([a, b, c, d, e, f, g, h]), secret };
    db.put(layout::META_KEY, layout::encode(&meta)?).await?;
    db.flush().await?;
    Ok(meta)
}

/// The first header in that order.
async fn edge_header(db: &Db, order: IterationOrder) -> Result<Option<Header>, JournalError> {
    let options = ScanOptions::default().with_order(order);
    let mut headers = db.scan_prefix_with_options(layout::headers_prefix(), .., &options).await?;
    match headers.next().await? {
        Some(entry) => layout::read_header(&entry.key, &entry.value).map(Some),
        None => Ok(None),
    }
}

/// Does `work`, unless the store says that it is full, or fails for longer than `patience`. The work is dropped then,
/// but what it has given to SlateDB is tried on.
pub(super) async fn or_trouble<T>(
    heard: &watch::Receiver<Option<Trouble>>,
    patience: Duration,
    work: impl std::future::Future<Output = Result<T, JournalError>>,
) -> Result<T, JournalError> {
    let trouble = async {
        let mut heard = heard.clone();
        heard.mark_unchanged();
        let started = tokio::time::Instant::now();
        loop {
            if heard.changed().await.is_err() {
                // The store is gone with its database: the work itself will tell.
                std::future::pending::<()>().await;
            }
            match heard.borrow_and_update().clone() {
                Some(Trouble::Full(reason)) => return Trouble::Full(reason),
                Some(away) if started.elapsed() >= patience => return away,
                _ => {}
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        trouble = trouble => Err(trouble.into()),
    }
}
