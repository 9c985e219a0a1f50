//! Photos in a bucket of an S3-compatible store.
//!
//! The key is what comes after the store's prefix in a photo's uri, taken literally. Where the event gave an etag, it is
//! asked for that version: a photo that was overwritten since is `not_found`, as its successor has an event of its own.

use super::verify::{collect, PHOTO_BYTES_MAX};
use super::{BoxFuture, FetchError, Photos};
use crate::bucket::{refused_by, Refused};
use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore};
use std::sync::Arc;

/// Photos in a bucket.
#[derive(Clone, Debug)]
pub struct BucketPhotos {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    match_etag: bool,
}

impl BucketPhotos {
    /// The photos of `store` whose uris begin with `prefix`. `match_etag`: events give the store's own etags.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: impl Into<String>, match_etag: bool) -> BucketPhotos {
        BucketPhotos { store, prefix: prefix.into(), match_etag }
    }

    async fn get(&self, photo: &Photo) -> Result<Bytes, FetchError> {
        const FORBIDDEN: FetchError = FetchError::Definite(Fault::Forbidden);
        let key = photo.key.uri.strip_prefix(&self.prefix).ok_or(FORBIDDEN)?;
        let path = Path::parse(key).map_err(|_| FORBIDDEN)?;
        let if_match = etag(photo).filter(|_| self.match_etag).map(|etag| format!("\"{etag}\""));
        let options = GetOptions { if_match, ..GetOptions::default() };
        let found = self.store.get_opts(&path, options).await.map_err(fetch_error)?;
        let size = found.meta.size;
        if size > PHOTO_BYTES_MAX {
            return Err(FetchError::Definite(Fault::TooLarge));
        }
        let bytes = collect(found.into_stream()).await?;
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => Err(FetchError::Broken { what: "the body is not as long as the store says".to_owned() }),
        }
    }
}

impl Photos for BucketPhotos {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(self.get(photo))
    }
}

/// The etag that a photo's event gave: its version, unless that is its hash, or nothing that a header could hold.
pub(super) fn etag(photo: &Photo) -> Option<&str> {
    let version = photo.key.version.as_str();
    let hash = || photo.sha256.is_some_and(|hash| hash.iter().map(|byte| format!("{byte:02x}")).eq(hex(version)));
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (!version.is_empty() && !version.starts_with("W/") && version.bytes().all(fits) && !hash()).then_some(version)
}

fn hex(text: &str) -> impl Iterator<Item = String> + '_ {
    text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned())
}

/// What an answer that is none means.
pub(super) fn of_refused(Refused { status, after }: Refused) -> FetchError {
    let what = format!("HTTP {status}");
    match (status, after) {
        (429 | 503, Some(after)) => FetchError::Busy { what, after },
        // The store answers, and has trouble with this one.
        (500 | 501 | 505.., _) => FetchError::Broken { what },
        _ => FetchError::Passing { what },
    }
}

/// What a bucket's error means for the photo. Its text may hold the address, which logs must not.
fn fetch_error(error: object_store::Error) -> FetchError {
    use object_store::Error::*;
    match error {
        // Another version is there by now, which has an event of its own.
        NotFound { .. } | Precondition { .. } => FetchError::Definite(Fault::NotFound),
        PermissionDenied { .. } | Unauthenticated { .. } | InvalidPath { .. } => FetchError::Definite(Fault::Forbidden),
        error => match refused_by(&error) {
            Some(refused) => of_refused(refused),
            None => FetchError::passing("the way to the store broke"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::store_tests_support::photo;
    use super::*;
    use inkflow_schemas::PhotoKey;

    #[test]
    fn a_version_is_an_etag_unless_it_is_the_hash_or_fits_no_header() {
        let of = |version: &str, sha256| Photo {
            key: PhotoKey { uri: "u".into(), version: version.into() },
            sha256,
            ..photo("u")
        };
        assert_eq!(etag(&of("d41d8cd9-2", None)), Some("d41d8cd9-2"));
        assert_eq!(etag(&of(&"ab".repeat(32), Some([0xab; 32]))), None);
        assert_eq!(etag(&of(&"ab".repeat(32), Some([0xac; 32]))), Some("ab".repeat(32).as_str()));
        for none in ["", "W/\"a\"", "a b", "a\"b", "ä"] {
            assert_eq!(etag(&of(none, None)), None, "{none}");
        }
    }
}
