//! What a reader thread does: takes photos from the queue, decodes them into batches, runs the models.
//!
//! A batch is run when it is full, when its first photo has waited `age_max`, or when nothing more is queued: on an idle
//! pool a photo waits for nobody, and on a busy one batches fill by themselves.

use super::model::Model;
use super::pool::{BatchSettings, Job, Next, Served, Shared, Waiting};
use inkflow_schemas::{Area, Fault, Reading};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// How many photos a batch of this model has at most.
pub(super) fn batch_max(settings: &BatchSettings, model: &Model) -> usize {
    let photo_bytes = model.manifest().input.floats().saturating_mul(4).max(1);
    (settings.bytes_max / photo_bytes).clamp(1, settings.photos_max.max(1))
}

/// Photos decoded for one model, and who waits for their readings.
struct Batch {
    served: Arc<Served>,
    floats: Vec<f32>,
    /// How much of the input each photo covers.
    shown: Vec<(u32, u32)>,
    waiting: Vec<Waiting>,
    since: Instant,
}

/// Works until the pool is closed.
pub(super) fn work(shared: &Shared, thread: usize) {
    let mut open: Vec<Batch> = Vec::new();
    let mut spare = Vec::new();
    loop {
        match shared.next(open.is_empty()) {
            Next::Read(job) => {
                shared.busy(thread, true);
                take(shared, &mut open, &mut spare, *job);
            }
            Next::Idle => open.drain(..).for_each(|batch| spare = run(shared, thread, batch)),
            Next::Closed => {
                open.drain(..).for_each(|batch| drop(run(shared, thread, batch)));
                return;
            }
        }
        let mut at = 0;
        while let Some(batch) = open.get(at) {
            let full = batch.waiting.len() >= batch_max(&shared.batch, &batch.served.model);
            if full || batch.since.elapsed() >= shared.batch.age_max {
                spare = run(shared, thread, open.swap_remove(at));
            } else {
                at += 1;
            }
        }
        shared.busy(thread, false);
    }
}

/// Decodes a photo into the open batch of its model.
fn take(shared: &Shared, open: &mut Vec<Batch>, spare: &mut Vec<f32>, job: Job) {
    if job.waiting.in_vain() {
        return;
    }
    let spec = &job.served.model.manifest().input;
    let pixels = match shared.decode(&job.bytes, spec) {
        Ok(pixels) => pixels,
        Err(fault) => {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            job.waiting.answer(Err(fault));
            return;
        }
    };
    let at = open.iter().position(|batch| Arc::ptr_eq(&batch.served, &job.served)).unwrap_or_else(|| {
        let (served, floats) = (job.served.clone(), std::mem::take(spare));
        open.push(Batch { served, floats, shown: Vec::new(), waiting: Vec::new(), since: Instant::now() });
        open.len() - 1
    });
    if let Some(batch) = open.get_mut(at) {
        spec.append_to(&pixels, &mut batch.floats);
        batch.shown.push((pixels.width, pixels.height));
        // The photo's bytes go with the rest of the job here, and its permits with them; its place stays taken.
        batch.waiting.push(job.waiting);
    }
}

/// Runs a batch and answers its photos; gives its buffer back.
fn run(shared: &Shared, thread: usize, batch: Batch) -> Vec<f32> {
    let Batch { served, mut floats, shown, waiting, .. } = batch;
    shared.busy(thread, true);
    let readings = infer(&served, thread, &floats, &shown);
    shared.batches.fetch_add(1, Ordering::Relaxed);
    for (waiting, reading) in waiting.into_iter().zip(readings) {
        let counter = if reading.is_ok() { &shared.read } else { &shared.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        waiting.answer(reading);
    }
    floats.clear();
    floats
}

/// What came of a photo.
type Outcome = Result<(Reading, Vec<Area>), Fault>;

/// An outcome for each photo. A batch that fails as a whole is run one by one: the others are not to blame for one.
fn infer(served: &Served, thread: usize, floats: &[f32], shown: &[(u32, u32)]) -> Vec<Outcome> {
    let Some(session) = served.sessions.get(thread) else { return vec![Err(Fault::ModelError); shown.len()] };
    let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
    let why = match served.model.infer(&mut session, floats, shown) {
        Ok(readings) if readings.len() == shown.len() => return readings,
        Ok(_) => "it gave too few answers".to_owned(),
        Err(why) => why,
    };
    tracing::error!(model = %served.model.name(), %why, photos = shown.len(), "a batch failed");
    if shown.len() == 1 {
        return vec![Err(Fault::ModelError)];
    }
    let each = served.model.manifest().input.floats().max(1);
    let mut alone = |(photo, shown): (&[f32], &(u32, u32))| {
        let said = served.model.infer(&mut session, photo, std::slice::from_ref(shown));
        said.ok().and_then(|said| said.into_iter().next()).unwrap_or(Err(Fault::ModelError))
    };
    floats.chunks(each).zip(shown).map(&mut alone).collect()
}
