//! A photo is what its event announced, or it is a fault: its length, its SHA-256, and never over [`PHOTO_BYTES_MAX`].

use super::{BoxFuture, FetchError, Photos};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use inkflow_schemas::{Fault, Photo};
use sha2::{Digest, Sha256};

/// A photo is at most this many bytes: 20 MiB. The largest that phones write (48 Mpixel, best quality) are 12 to 18 MB,
/// and 64 of this size in flight are still only 1.25 GiB.
pub const PHOTO_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Checks photos against what their events announced.
#[derive(Clone, Debug)]
pub struct Verify<P> {
    inner: P,
}

impl<P: Photos> Verify<P> {
    /// Checks what `inner` gives.
    pub fn new(inner: P) -> Verify<P> {
        Verify { inner }
    }
}

impl<P: Photos> Photos for Verify<P> {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            if photo.bytes.is_some_and(|announced| announced > PHOTO_BYTES_MAX) {
                return Err(FetchError::Definite(Fault::TooLarge));
            }
            let bytes = self.inner.fetch(photo).await?;
            check(photo, &bytes)?;
            Ok(bytes)
        })
    }
}

fn check(photo: &Photo, bytes: &[u8]) -> Result<(), FetchError> {
    if bytes.len() as u64 > PHOTO_BYTES_MAX {
        return Err(FetchError::Definite(Fault::TooLarge));
    }
    let length_differs = photo.bytes.is_some_and(|announced| announced != bytes.len() as u64);
    if length_differs || photo.sha256.is_some_and(|announced| announced != sha256(bytes)) {
        return Err(FetchError::Definite(Fault::HashMismatch));
    }
    Ok(())
}

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A body of unknown length, of which never more than [`PHOTO_BYTES_MAX`] and one piece are held.
pub(super) async fn collect<E: std::fmt::Display>(
    stream: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<Bytes, FetchError> {
    let mut stream = std::pin::pin!(stream);
    let mut body = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| FetchError::Broken { what: "the body broke off".to_owned() })?;
        if (body.len() + piece.len()) as u64 > PHOTO_BYTES_MAX {
            return Err(FetchError::Definite(Fault::TooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::super::store::StoredPhotos;
    use super::super::store_tests_support::photo;
    use super::*;

    #[tokio::test]
    async fn passes_what_was_announced_and_nothing_else() {
        let store = StoredPhotos::memory();
        store.put("a", Bytes::from_static(b"page")).await.unwrap();
        let photos = Verify::new(store);
        let whole = Photo { bytes: Some(4), sha256: Some(sha256(b"page")), ..photo("a") };
        assert_eq!(photos.fetch(&whole).await, Ok(Bytes::from_static(b"page")));
        assert_eq!(photos.fetch(&photo("a")).await, Ok(Bytes::from_static(b"page")));
        let mismatch = Err(FetchError::Definite(Fault::HashMismatch));
        assert_eq!(photos.fetch(&Photo { bytes: Some(5), ..whole.clone() }).await, mismatch);
        assert_eq!(photos.fetch(&Photo { sha256: Some([0; 32]), ..whole }).await, mismatch);
    }

    #[tokio::test]
    async fn announced_as_too_large_is_not_asked_for() {
        // It would be `not_found`, were the store asked.
        let photos = Verify::new(StoredPhotos::memory());
        let large = Photo { bytes: Some(PHOTO_BYTES_MAX + 1), ..photo("a") };
        assert_eq!(photos.fetch(&large).await, Err(FetchError::Definite(Fault::TooLarge)));
    }

    #[tokio::test]
    async fn an_endless_body_is_cut_off() {
        let piece = Bytes::from(vec![0u8; 1 << 20]);
        let endless = futures::stream::repeat_with(move || Ok::<_, String>(piece.clone()));
        assert_eq!(collect(endless).await, Err(FetchError::Definite(Fault::TooLarge)));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_may_pass() {
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"pa")), Err("reset")]);
        assert!(collect(broken).await.unwrap_err().may_pass());
    }
}
