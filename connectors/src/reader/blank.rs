//! The blank page beside a reading: prepared once, then each photo is laid over it.

use super::{Answer, PageReader, ReadError, AREAS_MAX};
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
    pub async fn of(bytes: Bytes, pages: &Arc<PageReader>, model: &ModelName) -> Result<Blank, ReadError> {
        let (picture, decoder) = (bytes.clone(), pages.clone());
        let prepared = tokio::task::spawn_blocking(move || Ok(Template::prepare(&decoder.decode(&picture, &spec())?)));
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
        pages: &PageReader,
        photo: &[u8],
        named: &[[Bp; 4]],
        reading: &mut Reading,
        areas: &mut Vec<Area>,
    ) -> Result<Bp, &'static str> {
        // What is too dark or too blurred to judge is so beside a blank page, too.
        if reading.quality != Quality::Ok {
            return Err("quality");
        }
        let Compared { areas: judged, completion, confidence, found } = self.compare(pages, photo, named)?;
        reading.completion = Some(completion.ok_or("out_of_sight")?);
        reading.confidence = confidence;
        *areas = judged;
        Ok(found)
    }

    fn compare(&self, pages: &PageReader, photo: &[u8], named: &[[Bp; 4]]) -> Result<Compared, &'static str> {
        let areas = if named.is_empty() { &self.found } else { named };
        let areas = areas.get(..AREAS_MAX).unwrap_or(areas);
        if areas.is_empty() {
            return Err("no_areas");
        }
        let page = self.page.as_ref().map_err(|why| why.as_str())?;
        let pixels = pages.decode(photo, &spec()).map_err(Fault::as_str)?;
        page.compare(&pixels, areas).map_err(NoMatch::as_str)
    }
}

/// The blank pages of late, prepared; and room for as many at work at a time as there are processors.
pub(super) struct Blanks {
    kept: Mutex<LruCache<(PhotoKey, ModelName), Arc<OnceCell<Arc<Blank>>>>>,
    working: Semaphore,
}

impl Default for Blanks {
    fn default() -> Blanks {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Blanks { kept: Mutex::new(LruCache::new(KEPT_MAX)), working: Semaphore::new(processors) }
    }
}

impl Blanks {
    /// What a photo's answer is beside its blank page, as `ready` has it: the comparison's completion, confidence and areas,
    /// where it can be compared, else the model's, as it is.
    pub async fn beside(
        &self,
        blank: Option<Arc<Blank>>,
        named: &[[Bp; 4]],
        pages: &Arc<PageReader>,
        bytes: Bytes,
        answer: Answer,
    ) -> Result<Answer, ReadError> {
        // As `decide` has it, and no thread is asked for it.
        if answer.reading.quality != Quality::Ok {
            pages.compared(Beside::NotUsed);
            return Ok(answer);
        }
        let Some(blank) = blank else {
            pages.compared(Beside::Missing);
            return Ok(answer);
        };
        let permit = self.working.acquire().await.map_err(|_| ended())?;
        let (mut decided, named, decoder) = (answer.clone(), named.to_vec(), pages.clone());
        let decided = tokio::task::spawn_blocking(move || {
            blank.decide(&decoder, &bytes, &named, &mut decided.reading, &mut decided.areas).map(|_| decided)
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

    /// The blank page, fetched and prepared by the first who asks; others wait. None where it is not to be had, which fails
    /// no photo and is not kept: it may be there for the next. One that may be had later is waited for.
    ///
    /// To be asked before the photo is fetched: a photo in flight that waited for another one's place, when all who have
    /// places do, would wait for ever.
    pub async fn ready(
        &self,
        blank: &TemplatePage,
        photos: &impl Photos,
        pages: &Arc<PageReader>,
        model: &ModelName,
    ) -> Result<Option<Arc<Blank>>, ReadError> {
        let key = (blank.photo.key.clone(), model.clone());
        let cell = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(key, Arc::default).clone()
        };
        let prepare = || async {
            let bytes = photos.fetch(&blank.photo).await?;
            let _permit = self.working.acquire().await.map_err(|_| ended())?;
            Ok(Arc::new(Blank::of(bytes, pages, model).await?))
        };
        match cell.get_or_try_init(prepare).await {
            Ok(blank) => Ok(Some(blank.clone())),
            Err(ReadError::Definite(fault)) => {
                tracing::debug!(fault = fault.as_str(), "a blank page is not to be had: its photos are read without");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn ended() -> ReadError {
    ReadError::Unavailable { what: "the runtime is ending".into() }
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
