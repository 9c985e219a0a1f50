//! `failed_photos`: the photos in demand that could not be read.

use super::{int, row, text, View};
use crate::readings::Answer;
use crate::tally::{tally, Summary};
use crate::Rows;
use ecow::EcoString;
use inkflow_schemas::{Fault, ModelName, Outcome, PhotoKey, Question, Row, ViewSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The failures of one question in demand: one, but while it changes.
#[derive(Default)]
pub struct Failures(BTreeMap<(Fault, u32), isize>);

impl Summary for Failures {
    type Row = (Fault, u32);
    type Shown = (Fault, u32);
    fn update(&mut self, failure: (Fault, u32), diff: isize) {
        let count = self.0.entry(failure).or_insert(0);
        *count += diff;
        if *count == 0 {
            self.0.remove(&failure);
        }
    }
    fn show(&self) -> Option<(Fault, u32)> {
        self.0.iter().find(|(_, count)| **count > 0).map(|(failure, _)| *failure)
    }
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A row of `failed_photos`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FailedPhoto {
    photo: PhotoKey,
    template: EcoString,
    model: ModelName,
    fault: Fault,
    attempts: u32,
}

/// One row for each question in demand whose answer is a failure; `answered` has one row for each page that asks.
pub fn failed_photos<'s>(answered: Rows<'s, (Question, Answer)>) -> Rows<'s, FailedPhoto> {
    let failures = answered.flat_map(|(question, answer)| match answer.outcome {
        Outcome::Failed { fault, attempts } => {
            let template = question.template.map_or_else(EcoString::new, |photo| photo.uri);
            Some(((question.photo, template, question.model), (fault, attempts)))
        }
        Outcome::Read(_) => None,
    });
    tally::<_, Failures>(failures, "FailedPhotos").map(|((photo, template, model), (fault, attempts))| FailedPhoto {
        photo,
        template,
        model,
        fault,
        attempts,
    })
}

impl View for FailedPhoto {
    const SCHEMA: ViewSchema = ViewSchema {
        name: "failed_photos",
        doc: "The photos in demand that could not be read",
        key_columns: 4,
        columns: &[
            text("uri", "The photo's uri"),
            text("version", "The photo's version; empty where the event gave none"),
            text("template", "The uri of the blank page, for a model that reads templates"),
            text("model", "The model that was asked"),
            text("reason", "The fault"),
            int("attempts", "How often it was tried"),
        ],
    };
    fn cells(&self) -> Row {
        let photo = &self.photo;
        row([&photo.uri, &photo.version, &self.template, &self.model, &self.fault.as_str(), &self.attempts])
    }
}
