//! Scrubbing: what was deleted or replaced before the call stands in no file after it.
//!
//! SlateDB drops old versions of a row when it merges files, and removes the files some time later. Here both are made
//! to happen now:
//!
//! 1. A row without meaning is written, and the memory table with it. So every log file from before the call is behind
//!    the point from which an opening replays.
//! 2. All sorted files from before the call are merged into one run, in which only live rows are left.
//! 3. Another such row is written out: the collector spares the newest file of level 0, which must not be an old one.
//! 4. While nobody reads, checkpoints are deleted (SlateDB's compactor makes one at each merge, for readers of the old
//!    files), and files and log are collected.
//!
//! Manifests are left to age: they hold keys, which are hashes, and no values. To collect them at once could let a slow
//! update of the manifest take the place of one that was just deleted, and lose a file.

use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use slatedb::admin::{Admin, AdminBuilder};
use slatedb::compactor::{CompactionSpec, SourceId};
use slatedb::config::{FlushOptions, FlushType, GarbageCollectorDirectoryOptions, GarbageCollectorOptions};
use slatedb::VersionedManifest;

use super::layout;
use super::{JournalError, JournalReader};

/// How long is waited between two looks at a merge.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl JournalReader {
    /// Makes law 7 true: rows deleted or replaced before this call stand in no file after it. Rewrites the journal once,
    /// so seconds to minutes; sealing and scanning go on meanwhile, scans pause at its end. May be dropped, and called
    /// again. Waits as long as the store is in trouble.
    pub async fn scrub(&self) -> Result<(), JournalError> {
        let admin = AdminBuilder::new(self.0.path.clone(), self.0.store.clone()).build();
        self.write_out().await?;
        self.merge_all(&admin).await?;
        self.write_out().await?;
        let _nobody_reads = self.0.files.write().await;
        self.0.db.refresh_manifest().await?;
        for checkpoint in self.latest(&admin).await?.checkpoints() {
            if let Some(name) = &checkpoint.name {
                tracing::warn!(name, "a checkpoint is deleted: it held rows that were erased");
            }
            admin.delete_checkpoint(checkpoint.id).await?;
        }
        self.0.db.refresh_manifest().await?;
        admin.run_gc_once(everything_at_once()).await?;
        self.check_collected(&admin).await
    }

    /// Writes the memory table out, with at least one row in it, so that the log before it is done with.
    async fn write_out(&self) -> Result<(), JournalError> {
        // File names hold milliseconds, and "before" must be told from "after".
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.0.db.put(layout::SCRUB_KEY, b"").await?;
        self.0.db.flush().await?;
        self.0.db.flush_with_options(FlushOptions { flush_type: FlushType::MemTable }).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(())
    }

    /// Merges until no file is left that is there now. The scheduler's own merges may stand in the way of ours, which is
    /// then refused; so it is submitted until it is done.
    async fn merge_all(&self, admin: &Admin) -> Result<(), JournalError> {
        let manifest = self.latest(admin).await?;
        let newest = manifest.all_sst_views().map(|view| view.sst.id.value()).max();
        let Some(newest) = newest else { return Ok(()) };
        loop {
            let manifest = self.latest(admin).await?;
            if manifest.all_sst_views().all(|view| view.sst.id.value() > newest) {
                return Ok(());
            }
            let Some(spec) = all_into_one(&manifest) else {
                return Ok(());
            };
            let id = admin.submit_compaction(spec).await?.id();
            loop {
                tokio::time::sleep(LOOK_AGAIN).await;
                if let Some(reason) = self.0.db.status().close_reason {
                    return Err(JournalError::Closed(format!("{reason:?}")));
                }
                match admin.read_compaction(id, None).await? {
                    Some(compaction) if compaction.active() => {}
                    _ => break,
                }
            }
        }
    }

    async fn latest(&self, admin: &Admin) -> Result<VersionedManifest, JournalError> {
        match admin.read_manifest(None).await? {
            Some(manifest) => Ok(manifest),
            None => Err(JournalError::Corrupt("its manifest is gone".to_owned())),
        }
    }

    /// The collector only logs what it could not remove; this looks.
    async fn check_collected(&self, admin: &Admin) -> Result<(), JournalError> {
        let manifest = self.latest(admin).await?;
        let live: std::collections::BTreeSet<String> =
            manifest.all_sst_views().map(|view| format!("{}.sst", view.sst.id.value())).collect();
        let newest = manifest.l0().iter().map(|view| view.sst.id.value().datetime()).max();
        let log = self.0.path.clone().join("wal");
        let files: Vec<_> = self.0.store.list(Some(&self.0.path.clone().join("compacted"))).try_collect().await?;
        for file in files {
            let name = file.location.filename().unwrap_or_default();
            if !live.contains(name) && newest.is_some_and(|newest| SystemTime::from(file.last_modified) < newest) {
                return Err(JournalError::Unavailable(format!("{} could not be removed", file.location)));
            }
        }
        let logs: Vec<_> = self.0.store.list(Some(&log)).try_collect().await?;
        for file in logs {
            let number = file.location.filename().and_then(|name| name.split('.').next()?.parse::<u64>().ok());
            // An empty one is a fence, which stays. The last one before the replay stays too: it is our own row.
            if file.size > 0 && number.is_some_and(|number| number < manifest.replay_after_wal_id()) {
                return Err(JournalError::Unavailable(format!("{} could not be removed", file.location)));
            }
        }
        Ok(())
    }
}

/// A merge of all runs and all of level 0 into one run, newest first, as SlateDB asks; none of nothing.
fn all_into_one(manifest: &VersionedManifest) -> Option<CompactionSpec> {
    let level_0 = manifest.l0().iter().map(|view| SourceId::SstView(view.id));
    let runs = manifest.compacted().iter().map(|run| SourceId::SortedRun(run.id));
    let sources: Vec<SourceId> = level_0.chain(runs).collect();
    // The oldest run's place, or the first one's.
    let destination = manifest.compacted().iter().map(|run| run.id).min().unwrap_or(0);
    (!sources.is_empty()).then(|| CompactionSpec::new(sources, destination))
}

fn everything_at_once() -> GarbageCollectorOptions {
    let now = Some(GarbageCollectorDirectoryOptions { interval: None, min_age: Duration::ZERO, dry_run: false });
    GarbageCollectorOptions {
        wal_options: now,
        compacted_options: now,
        manifest_options: None,
        compactions_options: None,
        wal_fence_options: None,
        detach_options: None,
        ..GarbageCollectorOptions::default()
    }
}
