//! The blank page beside a reading: prepared once, then each photo is laid over it.

use super::{Answer, PageReader, ReadError, AREAS_MAX};
use crate::decode::decode;
use crate::photos::Photos;
use crate::template::{spec, Compared, NoMatch, Template};
use bytes::Bytes;
use inkflow_schemas::{Area, Bp, Fault, ModelName, PhotoKey, Quality, Reading, TemplatePage};
use lru::LruCache;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, Semaphore};

/// So many blank pages are kept prepared, of about 4 MB each.
const KEPT_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// A blank page that is ready to have photos laid over it.
pub struct Blank {
    page: Result<Template, NoMatch>,
    /// Where the model finds that answers are expected, for whoever names no areas.
    found: Vec<[Bp; 4]>,
}

impl Blank {
    /// A blank page by its bytes. Some fifty milliseconds of a blocking thread, and an inference.
    pub async fn of(bytes: Bytes, pages: &PageReader, model: &ModelName) -> Result<Blank, ReadError> {
        let picture = bytes.clone();
        let prepared = tokio::task::spawn_blocking(move || Ok(Template::prepare(&decode(&picture, &spec())?)));
        let page = prepared.await.map_err(|_| Fault::Corrupt)?.map_err(|fault: Fault| fault)?;
        let found = match pages.read(model, bytes).await {
            Ok((_, areas)) => areas.into_iter().map(|area| area.at).collect(),
            // It is laid under photos all the same, where areas are named.
            Err(ReadError::Definite(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Blank { page, found })
    }

    /// Lays a photo over it and judges areas: those named, or where none are, those found on it. What the model said of
    /// completion, confidence and areas becomes what the comparison says; gives the share of the print that was found where
    /// it belongs. Where it cannot, nothing is changed: the reason, as `docs/templates.md` has them. Some hundred
    /// milliseconds of the thread.
    pub fn decide(
        &self,
        photo: &[u8],
        named: &[[Bp; 4]],
        reading: &mut Reading,
        areas: &mut Vec<Area>,
    ) -> Result<Bp, &'static str> {
        // What is too dark or too blurred to judge is so beside a blank page, too.
        if reading.quality != Quality::Ok {
            return Err("quality");
        }
        let Compared { areas: judged, completion, confidence, found } = self.compare(photo, named)?;
        reading.completion = Some(completion.ok_or("out_of_sight")?);
        reading.confidence = confidence;
        *areas = judged;
        Ok(found)
    }

    fn compare(&self, photo: &[u8], named: &[[Bp; 4]]) -> Result<Compared, &'static str> {
        let areas = if named.is_empty() { &self.found } else { named };
        let areas = areas.get(..AREAS_MAX).unwrap_or(areas);
        if areas.is_empty() {
            return Err("no_areas");
        }
        let page = self.page.as_ref().map_err(|why| why.as_str())?;
        let pixels = decode(photo, &spec()).map_err(Fault::as_str)?;
        page.compare(&pixels, areas).map_err(NoMatch::as_str)
    }
}

/// The blank pages of late, prepared; and room for as many comparisons at a time as there are processors.
pub(super) struct Blanks {
    kept: Mutex<LruCache<(PhotoKey, ModelName), Arc<OnceCell<Arc<Blank>>>>>,
    comparing: Semaphore,
}

impl Default for Blanks {
    fn default() -> Blanks {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Blanks { kept: Mutex::new(LruCache::new(KEPT_MAX)), comparing: Semaphore::new(processors) }
    }
}

impl Blanks {
    /// What a photo's answer is beside the blank page: the comparison's completion, confidence and areas, where it can be
    /// compared, else the model's, as it is. A blank page that is not to be had fails no photo; one that may be had later is
    /// waited for.
    pub async fn beside(
        &self,
        blank: &TemplatePage,
        photos: &impl Photos,
        pages: &PageReader,
        model: &ModelName,
        bytes: Bytes,
        answer: Answer,
    ) -> Result<Answer, ReadError> {
        // As `decide` has it, and no blank page is fetched for it.
        if answer.reading.quality != Quality::Ok {
            pages.compared(Beside::NotUsed);
            return Ok(answer);
        }
        let prepared = match self.prepared(blank, photos, pages, model).await {
            Ok(prepared) => prepared,
            Err(ReadError::Definite(fault)) => {
                tracing::debug!(fault = fault.as_str(), "a blank page is not to be had: its photos are read without");
                pages.compared(Beside::Missing);
                return Ok(answer);
            }
            Err(error) => return Err(error),
        };
        let ended = || ReadError::Unavailable { what: "the runtime is ending".into() };
        let permit = self.comparing.acquire().await.map_err(|_| ended())?;
        let (mut decided, named) = (answer.clone(), blank.areas.clone());
        let decided = tokio::task::spawn_blocking(move || {
            prepared.decide(&bytes, &named, &mut decided.reading, &mut decided.areas).map(|_| decided)
        });
        let decided = decided.await;
        drop(permit);
        match decided {
            Ok(Ok(decided)) => {
                pages.compared(Beside::Used);
                return Ok(decided);
            }
            Ok(Err(why)) => tracing::debug!(why, "a photo is read without its blank page"),
            Err(error) if error.is_cancelled() => return Err(ended()),
            Err(_) => {}
        }
        pages.compared(Beside::NotUsed);
        Ok(answer)
    }

    /// The blank page, fetched and prepared by the first who asks; others wait. A fault is not kept: the page may be there
    /// for the next photo.
    async fn prepared(
        &self,
        blank: &TemplatePage,
        photos: &impl Photos,
        pages: &PageReader,
        model: &ModelName,
    ) -> Result<Arc<Blank>, ReadError> {
        let key = (blank.photo.key.clone(), model.clone());
        let cell = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(key, Arc::default).clone()
        };
        let prepare = || async {
            let bytes = photos.fetch(&blank.photo).await?;
            Ok(Arc::new(Blank::of(bytes, pages, model).await?))
        };
        cell.get_or_try_init(prepare).await.cloned()
    }
}

/// What became of a photo that has a blank page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// It was compared.
    Used,
    /// It could not be laid over the page, or is not fit to be read.
    NotUsed,
    /// The blank page is not to be had.
    Missing,
}
