//! Readings: the ledger of `resolve` for photos. Of each photo the answers known, when the first reading came, and since
//! when nobody asks about it.

use crate::keep::{keep, Keep, ToldStream};
use crate::latest::challenge;
use crate::{Epoch, Rows};
use inkflow_schemas::{Millis, ModelName, Outcome, PhotoKey, Question};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;

/// Which reader: the model, and the blank page where the model reads templates.
pub type Asked = (ModelName, Option<PhotoKey>);

/// An answer, as the dataflow sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// What came of the question.
    pub outcome: Outcome,
    /// The clock of the epoch with the photo's first reading, by any model.
    pub first_read_at: Option<Millis>,
}

/// What is told of a photo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PhotoTold {
    /// A question about it was answered; or the answer was deleted.
    Answer(Asked, Option<Outcome>),
    /// It had a reading in the epoch of that number and clock.
    Read(Millis, Epoch),
    /// When it was first read is forgotten; its answers are deleted one by one.
    Forgotten,
    /// It left demand in an epoch of about that clock; or it came back.
    Left(Option<Millis>),
}

/// The state of a photo.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PhotoAnswers {
    /// By who was asked: one or two.
    answers: Vec<(Asked, Outcome)>,
    /// The least is kept: the first reading's clock and epoch.
    first: Option<Reverse<(Millis, Epoch)>>,
    /// Since when nobody asks about it, as the journal has it.
    left: Option<Millis>,
}

impl PhotoAnswers {
    /// Who answered.
    pub fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.answers.iter().map(|(asked, _)| asked)
    }

    /// The epoch with the first reading.
    pub fn first_read_in(&self) -> Option<Epoch> {
        self.first.map(|Reverse((_, epoch))| epoch)
    }

    /// Since when nobody asks about the photo, as the journal has it.
    pub fn left(&self) -> Option<Millis> {
        self.left
    }
}

/// The state of photos, by photo. A photo is evicted when nobody has asked about it for long.
pub struct Photos;

impl Keep for Photos {
    type Group = PhotoKey;
    type Key = ();
    type Command = PhotoTold;
    /// Shared with what it showed last, and copied only where that is still looked at.
    type State = Arc<PhotoAnswers>;
    type Value = Arc<PhotoAnswers>;
    /// The row of a reading that was not the photo's first: the photo, and the epoch that admitted the row.
    type Garbage = (PhotoKey, Epoch);

    fn tell(
        photo: &PhotoKey,
        (): &(),
        state: &mut Arc<PhotoAnswers>,
        told: PhotoTold,
        garbage: &mut Vec<(PhotoKey, Epoch)>,
    ) {
        let state = Arc::make_mut(state);
        match told {
            PhotoTold::Answer(asked, outcome) => {
                let place = state.answers.binary_search_by(|(known, _)| known.cmp(&asked));
                match (place, outcome) {
                    (Ok(at), Some(outcome)) => state.answers[at].1 = outcome,
                    (Ok(at), None) => drop(state.answers.remove(at)),
                    (Err(at), Some(outcome)) => {
                        state.answers.reserve_exact(1);
                        state.answers.insert(at, (asked, outcome));
                    }
                    (Err(_), None) => {}
                }
            }
            PhotoTold::Forgotten => state.first = None,
            PhotoTold::Left(left) => state.left = left,
            PhotoTold::Read(clock, epoch) => challenge(&mut state.first, Reverse((clock, epoch)), |lost| {
                garbage.push((photo.clone(), lost.0 .1));
            }),
        }
    }
    fn value(state: &Arc<PhotoAnswers>) -> Option<Arc<PhotoAnswers>> {
        (!state.answers.is_empty() || state.left.is_some()).then(|| state.clone())
    }
    fn forgettable(state: &Arc<PhotoAnswers>) -> bool {
        state.answers.is_empty() && state.first.is_none() && state.left.is_none()
    }
    fn evict(_: &PhotoKey, (): &(), _: Arc<PhotoAnswers>, _: &mut Vec<(PhotoKey, Epoch)>) {}
}

/// What is known of each photo.
pub type Known<'s> = Rows<'s, (PhotoKey, Arc<PhotoAnswers>)>;

/// What is known of each photo, and the rows of readings that were not the first of their photo.
pub fn readings<'s>(told: ToldStream<'s, Photos>) -> (Known<'s>, Rows<'s, (PhotoKey, Epoch)>) {
    let (photos, garbage) = keep::<Photos>(told, "Readings");
    (photos.map(|((photo, ()), known)| (photo, known)), garbage)
}

/// The answers known, by question.
pub fn answers(known: Known<'_>) -> Rows<'_, (Question, Answer)> {
    known.flat_map(|(photo, known)| {
        let first_read_at = known.first.map(|Reverse((clock, _))| clock);
        let rows: Vec<_> = known
            .answers
            .iter()
            .map(|((model, template), outcome)| {
                let question = Question { photo: photo.clone(), model: model.clone(), template: template.clone() };
                (question, Answer { outcome: *outcome, first_read_at })
            })
            .collect();
        rows
    })
}
