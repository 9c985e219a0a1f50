//! Photos in an object store: a folder, or the in-memory twin that passes the same tests.
//!
//! A uri is a path below the root (`class-7/a.jpg`, taken literally), or `file://` and an absolute path that lies below
//! the root (percent-decoded, as such addresses are). Nothing else is opened: a uri comes from outside, so `..`, an
//! absolute path, another scheme, or a symlink that leads out of the root is `forbidden`, whether a file lies there or not.

use super::verify::{collect, PHOTO_BYTES_MAX};
use super::{BoxFuture, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use object_store::path::Path;
use object_store::{GetResult, GetResultPayload, ObjectStore, ObjectStoreExt};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// Photos in an object store.
#[derive(Clone, Debug)]
pub struct StoredPhotos {
    store: Arc<dyn ObjectStore>,
    /// The folder, canonical, where the store is one.
    root: Option<PathBuf>,
}

/// Why a folder of photos cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the photo folder {} cannot be opened: {source}", folder.display())]
pub struct OpenError {
    folder: PathBuf,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoredPhotos {
    /// The photos below a folder. It must exist.
    pub fn folder(folder: impl Into<PathBuf>) -> Result<StoredPhotos, OpenError> {
        let folder = folder.into();
        let error = |source| OpenError { folder: folder.clone(), source };
        let root = std::fs::canonicalize(&folder).map_err(|e| error(e.into()))?;
        if !root.is_dir() {
            return Err(error("it is not a folder".into()));
        }
        let store = object_store::local::LocalFileSystem::new_with_prefix(&root).map_err(|e| error(e.into()))?;
        Ok(StoredPhotos { store: Arc::new(store), root: Some(root) })
    }

    /// Photos in memory; [`put`](Self::put) adds one.
    pub fn memory() -> StoredPhotos {
        StoredPhotos { store: Arc::new(object_store::memory::InMemory::new()), root: None }
    }

    /// Stores a photo under a path below the root.
    pub async fn put(&self, uri: &str, bytes: impl Into<Bytes>) -> Result<(), FetchError> {
        let path = self.path_of(uri)?;
        self.store.put(&path, bytes.into().into()).await.map_err(fetch_error)?;
        Ok(())
    }

    /// The path below the root that a uri names. A folder that was given as the root stays the root: an absolute path
    /// may be written with the root as it was canonicalised only.
    fn path_of(&self, uri: &str) -> Result<Path, FetchError> {
        const FORBIDDEN: FetchError = FetchError::Definite(Fault::Forbidden);
        let relative = match uri.strip_prefix("file://") {
            Some(absolute) => {
                let decoded = Path::from_url_path(absolute).map_err(|_| FORBIDDEN)?;
                let root = match &self.root {
                    Some(root) => root.to_str().ok_or(FORBIDDEN)?.trim_matches('/').to_owned(),
                    None => String::new(),
                };
                // `file://host/a` names another machine, unless nothing stands between the slashes.
                if !absolute.starts_with('/') {
                    return Err(FORBIDDEN);
                }
                let below = decoded.as_ref().strip_prefix(root.as_str()).ok_or(FORBIDDEN)?;
                match (root.is_empty(), below.strip_prefix('/')) {
                    (true, _) => below.to_owned(),
                    (false, Some(below)) => below.to_owned(),
                    (false, None) => return Err(FORBIDDEN),
                }
            }
            None if uri.starts_with('/') || uri.contains("://") || uri.contains('\\') => return Err(FORBIDDEN),
            None => uri.to_owned(),
        };
        let path = Path::parse(&relative).map_err(|_| FORBIDDEN)?;
        if path.is_root() || relative.ends_with('/') {
            return Err(FetchError::Definite(Fault::NotFound));
        }
        Ok(path)
    }

    async fn get(&self, uri: &str) -> Result<Bytes, FetchError> {
        let path = self.path_of(uri)?;
        if let Some(root) = self.root.clone() {
            if reserved(&path) {
                return Err(FetchError::Definite(Fault::NotFound));
            }
            let file = root.join(path.as_ref());
            // Opening a pipe would block for ever, so that what it is must be known before it is opened.
            tokio::task::spawn_blocking(move || check_below(&root, &file)).await.map_err(FetchError::passing)??;
        }
        let found = self.store.get(&path).await.map_err(fetch_error)?;
        if found.meta.size > PHOTO_BYTES_MAX {
            return Err(FetchError::Definite(Fault::TooLarge));
        }
        if let Some(root) = &self.root {
            check_opened(root, &found)?;
        }
        let size = found.meta.size;
        let bytes = match found.payload {
            // In one read: the stream of a file comes in pieces of 8 KiB, each from a thread of its own.
            GetResultPayload::File(..) => found.bytes().await.map_err(fetch_error)?,
            GetResultPayload::Stream(stream) => collect(stream).await?,
        };
        if bytes.len() as u64 != size {
            return Err(FetchError::Broken { what: "the body is not as long as the store says".to_owned() });
        }
        Ok(bytes)
    }
}

impl Photos for StoredPhotos {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(self.get(&photo.key.uri))
    }
}

/// `name#12` is what object_store calls a file that it has not finished writing; it serves none of that name.
fn reserved(path: &Path) -> bool {
    let digits = path.filename().and_then(|name| name.rsplit_once('#')).map(|(_, digits)| digits);
    digits.is_some_and(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))
}

/// Refuses what leads out of the root, and all that is no file. Blocking.
fn check_below(root: &std::path::Path, file: &std::path::Path) -> Result<(), FetchError> {
    let real = match std::fs::canonicalize(file) {
        Ok(real) => real,
        Err(error) => {
            // A missing root is a store that is not there (a disk that is not mounted), not a missing photo.
            if error.kind() == ErrorKind::NotFound && !root.is_dir() {
                return Err(FetchError::unavailable("the photo folder is gone"));
            }
            return Err(io_error(&error));
        }
    };
    if !real.starts_with(root) {
        return Err(FetchError::Definite(Fault::Forbidden));
    }
    let kind = std::fs::metadata(&real).map_err(|e| io_error(&e))?;
    if !kind.is_file() {
        return Err(FetchError::Definite(Fault::NotFound));
    }
    Ok(())
}

/// Refuses a file that was opened outside the root all the same: a symlink put there since [`check_below`] looked.
fn check_opened(root: &std::path::Path, found: &GetResult) -> Result<(), FetchError> {
    #[cfg(target_os = "linux")]
    if let GetResultPayload::File(file, _) = &found.payload {
        use std::os::fd::AsRawFd;
        let opened = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        if opened.is_ok_and(|path| !path.starts_with(root)) {
            return Err(FetchError::Definite(Fault::Forbidden));
        }
    }
    let _ = (root, found);
    Ok(())
}

fn io_error(error: &std::io::Error) -> FetchError {
    match error.kind() {
        // A path that goes on below a file, or is longer than any file's, or circles, names nothing.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
            FetchError::Definite(Fault::NotFound)
        }
        ErrorKind::PermissionDenied => FetchError::Definite(Fault::Forbidden),
        _ if error.raw_os_error() == Some(ELOOP) => FetchError::Definite(Fault::NotFound),
        kind => FetchError::passing(kind),
    }
}

/// "Too many levels of symbolic links", for which `ErrorKind` has no stable name.
const ELOOP: i32 = 40;

/// What an object store's error means for the photo. Its text may hold the address, which logs must not.
fn fetch_error(error: object_store::Error) -> FetchError {
    use object_store::Error::*;
    match error {
        NotFound { .. } => FetchError::Definite(Fault::NotFound),
        PermissionDenied { .. } | Unauthenticated { .. } | InvalidPath { .. } => FetchError::Definite(Fault::Forbidden),
        Generic { store, source } => {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source.as_ref());
            while let Some(error) = cause {
                if let Some(error) = error.downcast_ref::<std::io::Error>() {
                    return io_error(error);
                }
                cause = error.source();
            }
            FetchError::Passing { what: format!("{store} store") }
        }
        NotSupported { .. } | NotImplemented { .. } => {
            FetchError::unavailable("the photo store cannot serve whole objects")
        }
        _ => FetchError::passing("object store"),
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
