//! The object store under the journal: where it lies, and a wrapper that tells when it is in trouble.
//!
//! SlateDB tries a failing request again for ever, which is right, as nothing is lost by that. But it tells nobody, and
//! somebody must free the disk. So the wrapper listens on the way, and [`Trouble`] is what it has heard last.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use slatedb::bytes::Bytes;
use tokio::sync::watch;

use super::JournalError;

/// A folder as a store, made if it is not there; every write is forced to the disk.
///
/// Files that a killed process was still writing are removed: nothing else would ever find them, and they may hold
/// rows. A process that still writes them has lost the journal anyway, as it is about to be opened.
pub fn folder(dir: &FilePath) -> io::Result<Arc<dyn ObjectStore>> {
    std::fs::create_dir_all(dir)?;
    sweep_staged(dir)?;
    let store = LocalFileSystem::new_with_prefix(dir).map_err(io::Error::other)?;
    Ok(Arc::new(store.with_fsync(true)))
}

/// A store in memory: the twin for tests and for runs that keep nothing.
pub fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// Removes `<name>#<digits>`, the names under which `LocalFileSystem` writes a file before it shows it.
fn sweep_staged(dir: &FilePath) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let staged = name
            .to_str()
            .and_then(|name| name.rsplit_once('#'))
            .is_some_and(|(_, tail)| !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit()));
        if entry.file_type()?.is_dir() {
            sweep_staged(&entry.path())?;
        } else if staged {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Why the store's last request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room.
    Full(String),
    /// Anything else that may pass.
    Away(String),
}

impl Trouble {
    pub(super) fn of(error: &object_store::Error) -> Trouble {
        if is_full(error) {
            Trouble::Full(error.to_string())
        } else {
            Trouble::Away(error.to_string())
        }
    }
}

impl From<Trouble> for JournalError {
    fn from(trouble: Trouble) -> JournalError {
        match trouble {
            Trouble::Full(reason) => JournalError::Full(reason),
            Trouble::Away(reason) => JournalError::Unavailable(reason),
        }
    }
}

/// Whether an error, or what is behind it, is the disk or the quota being full.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if matches!(
                io.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
            ) {
                return true;
            }
        }
        next = error.source();
    }
    false
}

/// Answers that are no trouble: SlateDB asks for what may not be there, and writes what may be.
fn is_answer(error: &object_store::Error) -> bool {
    use object_store::Error::*;
    matches!(
        error,
        NotFound { .. }
            | AlreadyExists { .. }
            | Precondition { .. }
            | NotModified { .. }
            | NotImplemented { .. }
            | NotSupported { .. }
    )
}

/// A store that tells of its trouble.
#[derive(Debug)]
pub(super) struct Watched {
    inner: Arc<dyn ObjectStore>,
    trouble: watch::Sender<Option<Trouble>>,
}

impl Watched {
    /// The store, and where its trouble is told: `None` after a request that went well.
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> (Arc<Watched>, watch::Receiver<Option<Trouble>>) {
        let (trouble, heard) = watch::channel(None);
        (Arc::new(Watched { inner, trouble }), heard)
    }

    fn hear<T>(&self, result: Result<T>) -> Result<T> {
        match &result {
            Err(error) if !is_answer(error) => {
                self.trouble.send_replace(Some(Trouble::of(error)));
            }
            _ => {
                self.trouble.send_if_modified(|trouble| trouble.take().is_some());
            }
        }
        result
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.hear(self.inner.put_opts(location, payload, opts).await)
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.hear(self.inner.put_multipart_opts(location, opts).await)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.hear(self.inner.get_opts(location, options).await)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.hear(self.inner.get_ranges(location, ranges).await)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.hear(self.inner.list_with_delimiter(prefix).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.hear(self.inner.copy_opts(from, to, options).await)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.hear(self.inner.rename_opts(from, to, options).await)
    }
}
