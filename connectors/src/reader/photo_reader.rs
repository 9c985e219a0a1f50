//! The reader that does it for real: fetch, hash, look whether these bytes were read before, decode, infer; then lay the photo
//! over the blank page, where it has one.

use super::blank::Blanks;
use super::{Answer, BoxFuture, PageReader, ReadError, Reader, Sheet};
use crate::photos::verify::sha256;
use crate::photos::{Backoff, FetchError, Photos};
use bytes::Bytes;
use inkflow_schemas::{Fault, ModelName, Question, Reading};
use std::sync::Arc;

/// Looks up what a model said of the same bytes before, by their SHA-256.
pub type Known = dyn Fn([u8; 32], ModelName) -> BoxFuture<'static, Option<Reading>> + Send + Sync;

/// Fetches photos and reads them with models.
pub struct PhotoReader<P> {
    photos: P,
    pages: Arc<PageReader>,
    blanks: Blanks,
    known: Option<Arc<Known>>,
}

impl<P: Photos> PhotoReader<P> {
    /// Reads `photos` with the models of `pages`.
    pub fn new(photos: P, pages: Arc<PageReader>) -> PhotoReader<P> {
        PhotoReader { photos, pages, blanks: Blanks::default(), known: None }
    }

    /// Asks `known` after each fetch: a photo uploaded again under another name then costs no inference. Not where it has a
    /// blank page, of which the answer is a function too. It runs on the runtime's threads and must not block.
    pub fn with_known(mut self, known: Arc<Known>) -> PhotoReader<P> {
        self.known = Some(known);
        self
    }

    /// The pool that infers.
    pub fn pages(&self) -> &Arc<PageReader> {
        &self.pages
    }

    async fn answer(&self, model: &ModelName, sheet: &Sheet) -> Result<Answer, ReadError> {
        // Before the fetch, which would be for nothing.
        if !self.pages.serves(model) {
            return Err(self.pages.not_served(model));
        }
        let blank = match &sheet.blank {
            None => None,
            Some(blank) => self.blanks.ready(blank, &self.photos, &self.pages, model).await?,
        };
        let bytes = self.photos.fetch(&sheet.photo).await?;
        let sha256 = digest(&bytes).await?;
        if let (Some(known), None) = (&self.known, &sheet.blank) {
            if let Some(reading) = known(sha256, model.clone()).await {
                self.pages.save();
                return Ok(Answer { reading, areas: Vec::new(), sha256: Some(sha256) });
            }
        }
        let (reading, areas) = self.pages.read(model, bytes.clone()).await?;
        let answer = Answer { reading, areas, sha256: Some(sha256) };
        match &sheet.blank {
            None => Ok(answer),
            Some(page) => self.blanks.beside(blank, &page.areas, &self.pages, bytes, answer).await,
        }
    }
}

impl<P: Photos> Reader for PhotoReader<P> {
    fn read<'a>(&'a self, question: &'a Question, sheet: &'a Sheet) -> BoxFuture<'a, Result<Answer, ReadError>> {
        Box::pin(self.answer(&question.model, sheet))
    }
}

impl From<FetchError> for ReadError {
    /// A store that did not answer as often as it was tried is the fault `timeout`.
    fn from(error: FetchError) -> ReadError {
        match error {
            FetchError::Definite(fault) => ReadError::Definite(fault),
            FetchError::Passing { what } | FetchError::Broken { what } | FetchError::Busy { what, .. } => {
                ReadError::Passing { becomes: Fault::Timeout, tries: Backoff::default().tries, what }
            }
            FetchError::Unavailable { what, wait } => ReadError::Away { what, wait },
        }
    }
}

/// Photos above this many bytes are hashed off the runtime's threads: 1 MiB takes about 1 ms.
const INLINE_BYTES_MAX: usize = 1 << 20;

async fn digest(bytes: &Bytes) -> Result<[u8; 32], ReadError> {
    if bytes.len() <= INLINE_BYTES_MAX {
        return Ok(sha256(bytes));
    }
    let bytes = bytes.clone();
    let ended = |_| ReadError::Unavailable { what: "the runtime is ending".into() };
    tokio::task::spawn_blocking(move || sha256(&bytes)).await.map_err(ended)
}
