//! The open journal: the writer, and readers that go on beside it.

use std::hash::Hasher;
use std::sync::Arc;

use object_store::path::Path;
use object_store::ObjectStore;
use siphasher::sip128::{Hasher128, SipHasher24};
use slatedb::bytes::Bytes;
use slatedb::config::{CloseOptions, DurabilityLevel, FlushOptions, FlushType, ReadOptions, ScanOptions};
use slatedb::{Db, WriteBatch, WriteHandle};
use tokio::sync::{watch, RwLock};
use tokio::task::JoinHandle;
use xxhash_rust::xxh3::Xxh3;

use super::layout::{self, Meta};
use super::open::{self, or_trouble};
use super::store::{Trouble, Watched};
use super::{Change, Collection, Draft, Header, JournalError, JournalSettings, LiveRow, RowKey};

/// A scan asks for so many bytes at once: large enough that a disk or a bucket streams, small beside the memory table.
const SCAN_AHEAD_BYTES: usize = 2 << 20;
/// And has so many such requests under way.
const SCAN_FETCH_TASKS: usize = 2;
/// How many of the oldest headers a seal removes at most, so that a lowered setting is worked off, not stumbled over.
const TRIM_HEADERS_MAX: u64 = 16;

/// What the writer and the readers share.
pub(super) struct Inner {
    pub(super) db: Db,
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    pub(super) settings: JournalSettings,
    pub(super) heard: watch::Receiver<Option<Trouble>>,
    pub(super) meta: Meta,
    /// Held for reading by whoever reads files, for writing while a scrub removes them.
    pub(super) files: RwLock<()>,
}

/// An open journal: the only writer of it.
pub struct Journal {
    shared: JournalReader,
    last: Option<Header>,
    incarnation: u64,
    /// The oldest header that is still kept.
    oldest_header: u64,
    /// Log files that an opening would replay, about.
    unwritten_epochs: u64,
    /// Writes the memory table out, beside the seals.
    writing_out: Option<JoinHandle<()>>,
    /// A seal that did not end, by trouble or because its future was dropped.
    open_seal: Option<OpenSeal>,
}

struct OpenSeal {
    header: Header,
    /// None while it is not known whether SlateDB has the batch. To give it the same batch twice is harmless.
    handle: Option<WriteHandle>,
}

/// Reads a journal beside its writer. Clones are cheap. A reader outlives the writer's fencing, but sees nothing newer
/// than that.
#[derive(Clone)]
pub struct JournalReader(pub(super) Arc<Inner>);

impl Journal {
    /// Opens the journal at `path` in `store`, or makes one there. Older writers are fenced.
    ///
    /// May be dropped at any point: the next opening starts afresh.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        path: &str,
        settings: JournalSettings,
    ) -> Result<Journal, JournalError> {
        let path = Path::from(path);
        let (store, heard) = Watched::new(store);
        let store: Arc<dyn ObjectStore> = store;
        let opened = or_trouble(&heard, settings.patience, open::open(store.clone(), &path, &settings)).await?;
        let inner = Inner { db: opened.db, store, path, settings, heard, meta: opened.meta, files: RwLock::new(()) };
        Ok(Journal {
            shared: JournalReader(Arc::new(inner)),
            last: opened.last,
            incarnation: opened.incarnation,
            oldest_header: opened.oldest_header,
            unwritten_epochs: opened.replayed,
            writing_out: None,
            open_seal: None,
        })
    }

    /// The last sealed epoch's header; none in a new journal.
    pub fn last(&self) -> Option<&Header> {
        self.last.as_ref()
    }

    /// Which opening of this journal this is: greater than every one before it.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The journal's own name: a random number, made with it. Sinks store it beside the epoch.
    pub fn id(&self) -> u64 {
        self.shared.0.meta.id
    }

    /// A reader of it, for other tasks.
    pub fn reader(&self) -> JournalReader {
        self.shared.clone()
    }

    /// See [`JournalReader::hash`].
    pub fn hash(&self, collection: Collection, parts: &[&[u8]]) -> u128 {
        self.shared.hash(collection, parts)
    }

    /// See [`JournalReader::scan`].
    pub async fn scan(&self, collection: Collection, f: impl FnMut(RowKey, LiveRow<'_>)) -> Result<u64, JournalError> {
        self.shared.scan(collection, f).await
    }

    /// See [`JournalReader::get`].
    pub async fn get(&self, key: RowKey) -> Result<Option<Vec<u8>>, JournalError> {
        self.shared.get(key).await
    }

    /// See [`JournalReader::scrub`].
    pub async fn scrub(&self) -> Result<(), JournalError> {
        self.shared.scrub().await
    }

    /// Seals an epoch: one atomic write, durable when this returns. Of two changes to one key the last counts.
    ///
    /// After an error that [is transient](JournalError::is_transient), or after its future was dropped, the epoch may or
    /// may not be durable, and nothing else can be sealed: repeat the call, with the same draft and changes.
    ///
    /// # Panics
    /// When the epoch is not the last one's plus 1, its clock is before the last one's, or an open seal is followed by
    /// another one: bugs of the caller, each of which would break a law.
    pub async fn seal(&mut self, draft: Draft, changes: &[Change]) -> Result<&Header, JournalError> {
        let (header, batch) = self.prepare(draft, changes)?;
        let inner = self.shared.0.clone();
        let open = match &self.open_seal {
            Some(open) => {
                assert_eq!(open.header, header, "a seal was left open, and this is another one");
                open.handle.clone()
            }
            None => None,
        };
        let seal = self.open_seal.insert(OpenSeal { header, handle: open });
        let work = async {
            let handle = match &seal.handle {
                Some(handle) => handle.clone(),
                None => seal.handle.insert(inner.db.write(batch).await?).clone(),
            };
            // Durable at once, not at the next tick of a timer; and then this very write must be among it.
            inner.db.flush().await?;
            Ok(handle.await_durable().await?)
        };
        or_trouble(&inner.heard, inner.settings.patience, work).await?;
        self.sealed()
    }

    /// The header in full, and the batch. Nothing of the journal is changed yet.
    fn prepare(&self, draft: Draft, changes: &[Change]) -> Result<(Header, WriteBatch), JournalError> {
        let (last_epoch, last_clock) = self.last.as_ref().map_or((0, i64::MIN), |last| (last.epoch, last.clock));
        assert_eq!(draft.epoch, last_epoch + 1, "epochs are consecutive");
        assert!(draft.clock >= last_clock, "the clock never goes back: {last_clock}, then {}", draft.clock);
        let mut positions = self.last.as_ref().map(|last| last.positions.clone()).unwrap_or_default();
        positions.extend(draft.positions.iter().map(|(partition, position)| (partition.clone(), *position)));
        let mut header = Header {
            epoch: draft.epoch,
            clock: draft.clock,
            incarnation: self.incarnation,
            positions,
            rows: 0,
            deletes: 0,
            digest: 0,
        };
        let (mut batch, digest) = batch_of(&draft, changes);
        let deletes = changes.iter().filter(|change| matches!(change, Change::Delete { .. })).count();
        header.deletes = deletes as u64;
        header.rows = (changes.len() - deletes) as u64;
        header.digest = digest;
        batch.put(layout::header_key(header.epoch), layout::encode(&header)?);
        for epoch in self.headers_to_trim(header.epoch) {
            batch.delete(layout::header_key(epoch));
        }
        Ok((header, batch))
    }

    /// The headers that are too old once `epoch` is sealed.
    fn headers_to_trim(&self, epoch: u64) -> std::ops::Range<u64> {
        let keep_from = (epoch + 1).saturating_sub(self.shared.0.settings.keep_headers.max(1));
        self.oldest_header..keep_from.min(self.oldest_header + TRIM_HEADERS_MAX).max(self.oldest_header)
    }

    /// The open seal is durable: it is the last epoch now.
    fn sealed(&mut self) -> Result<&Header, JournalError> {
        let Some(OpenSeal { header, .. }) = self.open_seal.take() else {
            return Err(JournalError::Closed("no seal was open".to_owned()));
        };
        self.oldest_header = self.headers_to_trim(header.epoch).end;
        self.unwritten_epochs += 1;
        let idle = self.writing_out.as_ref().is_none_or(JoinHandle::is_finished);
        if idle && self.unwritten_epochs >= self.shared.0.settings.replay_epochs_max {
            self.unwritten_epochs = 0;
            let inner = self.shared.0.clone();
            // Should it fail, the next opening replays a longer log, no more.
            self.writing_out = Some(tokio::spawn(async move {
                let table = FlushOptions { flush_type: FlushType::MemTable };
                if let Err(error) = inner.db.flush_with_options(table).await {
                    tracing::warn!(%error, "the journal's memory table could not be written out");
                }
            }));
        }
        Ok(self.last.insert(header))
    }

    /// Closes the journal, so that the next opening has no log to replay. Dropping it loses nothing either. An open
    /// seal may or may not be durable then.
    pub async fn close(self) -> Result<(), JournalError> {
        let inner = &self.shared.0;
        let whole = CloseOptions::default().with_flush_type(Some(FlushType::MemTable));
        or_trouble(&inner.heard, inner.settings.patience, async { Ok(inner.db.close_with_options(whole).await?) }).await
    }
}

/// The changes as one batch, and the digest of them as they are stored.
///
/// They are laid into one buffer, of which keys and values are slices, in the order of their keys: a hundred thousand
/// small allocations, and as many searches of a tree, were half the cost of a large epoch.
fn batch_of(draft: &Draft, changes: &[Change]) -> (WriteBatch, u64) {
    let mut sorted: Vec<(&RowKey, Option<&[u8]>)> = changes
        .iter()
        .map(|change| match change {
            Change::Put { key, value } => (key, Some(value.as_slice())),
            Change::Delete { key } => (key, None),
        })
        .collect();
    // Stable, so that of two changes to one key the last stays last.
    sorted.sort_by_key(|(key, _)| *key);
    let payloads: usize = sorted.iter().map(|(_, value)| value.map_or(0, <[u8]>::len)).sum();
    let per_row = layout::KEY_BYTES_MAX + layout::STAMP_BYTES;
    let mut bytes = Vec::with_capacity(payloads + sorted.len() * per_row);
    let mut ends = Vec::with_capacity(sorted.len());
    for (key, value) in &sorted {
        layout::push_row_key(&mut bytes, key);
        let key_end = bytes.len();
        if let Some(value) = value {
            layout::push_row_value(&mut bytes, draft.epoch, draft.clock, value);
        }
        ends.push((key_end, bytes.len()));
    }
    let bytes = Bytes::from(bytes);
    let mut digest = Xxh3::new();
    let mut batch = WriteBatch::new();
    let mut start = 0;
    for ((_, value), (key_end, end)) in sorted.iter().zip(ends) {
        let key = bytes.slice(start..key_end);
        digest.update(&((end - start) as u64).to_le_bytes());
        digest.update(&bytes[start..end]);
        match value {
            Some(_) => batch.put_bytes(key, bytes.slice(key_end..end)),
            None => batch.delete(key),
        }
        start = end;
    }
    (batch, digest.digest())
}

impl JournalReader {
    /// The keyed hash under which a row lies: SipHash-2-4-128 of the collection and the parts, each with its length
    /// before it, so that no two lists of parts are the same bytes.
    pub fn hash(&self, collection: Collection, parts: &[&[u8]]) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.0.meta.secret);
        hasher.write(&[collection as u8]);
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        hasher.finish128().as_u128()
    }

    /// Gives every live row of a collection, in the order of its key, and how many there were: hydration. It is the
    /// state at one epoch, whatever is sealed meanwhile.
    pub async fn scan(
        &self,
        collection: Collection,
        mut f: impl FnMut(RowKey, LiveRow<'_>),
    ) -> Result<u64, JournalError> {
        let _files = self.0.files.read().await;
        let options = ScanOptions::default()
            .with_read_ahead_bytes(SCAN_AHEAD_BYTES)
            .with_max_fetch_tasks(SCAN_FETCH_TASKS)
            // What is not durable is not sealed.
            .with_durability_filter(DurabilityLevel::Remote);
        let mut rows = self.0.db.scan_prefix_with_options(layout::rows_prefix(collection), .., &options).await?;
        let mut count = 0;
        while let Some(entry) = rows.next().await? {
            f(layout::read_row_key(collection, &entry.key)?, layout::read_row_value(&entry.value)?);
            count += 1;
        }
        Ok(count)
    }

    /// One row's payload; none where there is no such row. A point read, some hundred times slower than a row of a scan.
    pub async fn get(&self, key: RowKey) -> Result<Option<Vec<u8>>, JournalError> {
        let _files = self.0.files.read().await;
        let sealed = ReadOptions::default().with_durability_filter(DurabilityLevel::Remote);
        match self.0.db.get_with_options(layout::row_key(&key), &sealed).await? {
            Some(value) => Ok(Some(layout::read_row_value(&value)?.value.to_vec())),
            None => Ok(None),
        }
    }

    /// Gives the kept headers of the epochs from `first` on, oldest first.
    pub async fn headers(&self, first: u64, mut f: impl FnMut(Header)) -> Result<(), JournalError> {
        let _files = self.0.files.read().await;
        let range = layout::header_key(first).to_vec()..=layout::header_key(u64::MAX).to_vec();
        let mut headers = self.0.db.scan(range).await?;
        while let Some(entry) = headers.next().await? {
            f(layout::read_header(&entry.key, &entry.value)?);
        }
        Ok(())
    }
}
