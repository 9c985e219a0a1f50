//! Recorded answers: what a model says of a photo, from `readings.jsonl`.

use std::collections::BTreeMap;

use crate::fields::{bp, text, Fields};
use crate::folder::{lines, DEPTH_MAX};
use crate::json::{self, Fault, Json};

/// The answer to (photo, model): a reading, or "a definite failure to read".
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    Reading(Reading),
    Fault(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub quality: &'static str,
    /// There exactly when the quality is `ok`.
    pub completion_bp: Option<i64>,
    pub confidence_bp: Option<i64>,
}

pub const QUALITIES: [&str; 5] = ["ok", "blurred", "dark", "cropped", "not_a_page"];

pub const FAULTS: [&str; 10] = [
    "not_found",
    "forbidden",
    "too_large",
    "not_an_image",
    "corrupt",
    "unsupported",
    "hash_mismatch",
    "timeout",
    "model_error",
    "reader_crashed",
];

/// The answers by uri and model; those under None are for "every model that has none of its own".
#[derive(Debug, Clone, Default)]
pub struct Readings {
    answers: BTreeMap<(String, Option<String>), Answer>,
}

impl Readings {
    /// "Of two for the same the last counts." A line that is no answer is passed over.
    pub fn of(bytes: &[u8]) -> Readings {
        let mut readings = Readings::default();
        for line in lines(bytes) {
            if let Ok((key, answer)) = answer_of(line) {
                readings.answers.insert(key, answer);
            }
        }
        readings
    }

    /// "A uri not in it is the fault `not_found`."
    pub fn answer(&self, uri: &str, model: &str) -> Answer {
        let own = self
            .answers
            .get(&(uri.to_string(), Some(model.to_string())));
        let general = self.answers.get(&(uri.to_string(), None));
        own.or(general)
            .copied()
            .unwrap_or(Answer::Fault("not_found"))
    }

    pub fn reading(&self, uri: &str, model: &str) -> Option<Reading> {
        match self.answer(uri, model) {
            Answer::Reading(reading) => Some(reading),
            Answer::Fault(_) => None,
        }
    }
}

/// `{"uri", "model"?, "quality", "completion_bp"?, "confidence_bp"?}` or `{"uri", "model"?, "fault"}`.
fn answer_of(line: &[u8]) -> Result<((String, Option<String>), Answer), Fault> {
    let json = json::parse(line, DEPTH_MAX)?;
    let known = [
        "uri",
        "model",
        "quality",
        "completion_bp",
        "confidence_bp",
        "fault",
    ];
    let fields = Fields::of(&json, &known)?;
    let key = (
        fields.required("uri", text)?,
        fields.optional("model", text)?,
    );
    let quality = fields.optional("quality", |json| known_word(json, &QUALITIES))?;
    let fault = fields.optional("fault", |json| known_word(json, &FAULTS))?;
    let completion_bp = fields.optional("completion_bp", bp)?;
    let confidence_bp = fields.optional("confidence_bp", bp)?;
    let answer = match (quality, fault) {
        // "An `ok` without completion_bp is the fault `model_error`."
        (Some("ok"), None) if completion_bp.is_none() => Answer::Fault("model_error"),
        (Some(quality), None) => Answer::Reading(Reading {
            quality,
            completion_bp: completion_bp.filter(|_| quality == "ok"),
            confidence_bp,
        }),
        (None, Some(fault)) => Answer::Fault(fault),
        _ => return Err("neither a reading nor a fault".into()),
    };
    Ok((key, answer))
}

fn known_word(json: &Json, words: &[&'static str]) -> Option<&'static str> {
    let text = text(json)?;
    words.iter().copied().find(|word| *word == text)
}
