//! `model_agreement` and `review_agreement`: where two models, or a model and a teacher, differ.

use super::page_status::{review_completion, PageState, Status};
use super::{int, row, text, View};
use crate::counted::Counted;
use crate::readings::Answer;
use crate::tally::{tally, Summary};
use crate::Rows;
use inkflow_schemas::{Bp, Id, ModelName, Outcome, Quality, Reading, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A page judged twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Compared {
    status_changed: bool,
    /// The second completion less the first, where both are known.
    delta_bp: Option<i64>,
}

/// Pages judged twice: how many, how many with another status, and the sum of deltas over those with one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Agreement {
    pages: i64,
    status_changed: i64,
    deltas: i64,
    delta_sum_bp: i64,
}

impl Agreement {
    /// The mean delta in basis points, rounded toward zero; empty over none.
    fn completion_delta_bp(&self) -> Option<i64> {
        (self.deltas > 0).then(|| self.delta_sum_bp / self.deltas)
    }
}

impl Summary for Agreement {
    type Row = Compared;
    type Shown = Agreement;
    fn update(&mut self, page: Compared, diff: isize) {
        let diff = diff as i64;
        self.pages += diff;
        self.status_changed += diff * i64::from(page.status_changed);
        self.deltas += diff * i64::from(page.delta_bp.is_some());
        self.delta_sum_bp += diff * page.delta_bp.unwrap_or(0);
    }
    fn show(&self) -> Option<Agreement> {
        (self.pages > 0).then_some(*self)
    }
    fn is_empty(&self) -> bool {
        *self == Agreement::default()
    }
}

/// One page's readings by the live model and by the shadow; shown when both are there.
#[derive(Default)]
pub struct Twice {
    live: Vec<(Reading, isize)>,
    shadow: Vec<(Reading, isize)>,
}

fn add(readings: &mut Vec<(Reading, isize)>, reading: Reading, diff: isize) {
    match readings.iter_mut().find(|(known, _)| *known == reading) {
        Some((_, count)) => *count += diff,
        None => readings.push((reading, diff)),
    }
    readings.retain(|(_, count)| *count != 0);
}

fn only(readings: &[(Reading, isize)]) -> Option<Reading> {
    readings.iter().find(|(_, count)| *count > 0).map(|(reading, _)| *reading)
}

impl Summary for Twice {
    /// True for the shadow's reading.
    type Row = (bool, Reading);
    type Shown = (Reading, Reading);
    fn update(&mut self, (shadow, reading): (bool, Reading), diff: isize) {
        add(if shadow { &mut self.shadow } else { &mut self.live }, reading, diff);
    }
    fn show(&self) -> Option<(Reading, Reading)> {
        only(&self.live).zip(only(&self.shadow))
    }
    fn is_empty(&self) -> bool {
        self.live.is_empty() && self.shadow.is_empty()
    }
}

fn ok_completion(reading: &Reading) -> Option<Bp> {
    reading.completion.filter(|_| reading.quality == Quality::Ok)
}

/// A row of `model_agreement`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelAgreement {
    class_id: Id,
    live: ModelName,
    shadow: ModelName,
    agreement: Agreement,
}

/// Over counted pages of given pairs read by both the live model and the shadow, which are two models.
pub fn model_agreement<'s>(
    live: Rows<'s, (Arc<Counted>, Option<Answer>)>,
    shadow: Rows<'s, (Arc<Counted>, Option<Answer>)>,
) -> Rows<'s, ModelAgreement> {
    let read = |is_shadow: bool| {
        move |(page, answer): (Arc<Counted>, Option<Answer>)| {
            let models = &page.seat.models;
            let compared = page.given && models.shadow.as_ref().is_some_and(|shadow| *shadow != models.live);
            match answer?.outcome {
                Outcome::Read(reading) if compared => Some((page, (is_shadow, reading))),
                _ => None,
            }
        }
    };
    let both = live.flat_map(read(false)).concat(shadow.flat_map(read(true)));
    let compared = tally::<_, Twice>(both, "ReadTwice").flat_map(|(page, (live, shadow))| {
        let from = page.task.complete_from_bp;
        let key = (page.task.class_id.clone(), page.seat.models.live.clone(), page.seat.models.shadow.clone()?);
        let compared = Compared {
            status_changed: PageState::of_reading(&live, from) != PageState::of_reading(&shadow, from),
            delta_bp: ok_completion(&live)
                .zip(ok_completion(&shadow))
                .map(|(live, shadow)| i64::from(shadow.get()) - i64::from(live.get())),
        };
        Some((key, compared))
    });
    tally::<_, Agreement>(compared, "ModelAgreement").map(|((class_id, live, shadow), agreement)| ModelAgreement {
        class_id,
        live,
        shadow,
        agreement,
    })
}

/// A row of `review_agreement`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReviewAgreement {
    class_id: Id,
    model: ModelName,
    agreement: Agreement,
}

/// Over counted pages of given pairs with a reading by the live model and a review that outranks it.
pub fn review_agreement<'s>(statuses: Rows<'s, Status>) -> Rows<'s, ReviewAgreement> {
    let compared = statuses.flat_map(|status| {
        let page = status.page.clone();
        let review = page.outranking_review().filter(|_| page.given)?;
        let reading = status.reading()?;
        let judged = PageState::of_reading(reading, page.task.complete_from_bp);
        let completion = i64::from(review_completion(review.status, review.completion).get());
        let compared = Compared {
            status_changed: judged != PageState::of_review(review.status),
            delta_bp: ok_completion(reading).map(|read| completion - i64::from(read.get())),
        };
        Some(((page.task.class_id.clone(), page.seat.models.live.clone()), compared))
    });
    tally::<_, Agreement>(compared, "ReviewAgreement").map(|((class_id, model), agreement)| ReviewAgreement {
        class_id,
        model,
        agreement,
    })
}

impl View for ModelAgreement {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "model_agreement",
        doc: "Where the live model and its shadow differ",
        key_columns: 3,
        columns: &[
            text("class_id", "The class"),
            text("live", "The live model"),
            text("shadow", "The model compared with it"),
            int("pages", "Counted pages read by both"),
            int("status_changed", "Of these, with another status by the shadow"),
            int(
                "completion_delta_bp",
                "Mean of shadow less live in basis points, rounded toward zero; empty over none",
            ),
        ],
    };
    fn cells(&self) -> Row {
        let a = &self.agreement;
        row([&self.class_id, &self.live, &self.shadow, &a.pages, &a.status_changed, &a.completion_delta_bp()])
    }
}

impl View for ReviewAgreement {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "review_agreement",
        doc: "Where the live model and teachers differ",
        key_columns: 2,
        columns: &[
            text("class_id", "The class"),
            text("model", "The live model"),
            int("pages", "Counted pages with its reading and a review that outranks it"),
            int("status_changed", "Of these, with another status by the review"),
            int(
                "completion_delta_bp",
                "Mean of review less reading in basis points, rounded toward zero; empty over none",
            ),
        ],
    };
    fn cells(&self) -> Row {
        let a = &self.agreement;
        row([&self.class_id, &self.model, &a.pages, &a.status_changed, &a.completion_delta_bp()])
    }
}
