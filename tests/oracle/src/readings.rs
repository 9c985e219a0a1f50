//! Answers: what models say of photos. Those of a run that ends are recorded, in `readings.jsonl`.

use std::collections::BTreeMap;

use crate::fields::{bp, text, Fields};
use crate::folder::{lines, DEPTH_MAX};
use crate::json::{self, Fault, Json};
use crate::records::Photo;

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// What the model says.
    Reading(Reading),
    /// "A definite failure to read."
    Fault(&'static str),
}

impl Answer {
    /// The reading, if it is one.
    pub fn reading(self) -> Option<Reading> {
        match self {
            Answer::Reading(reading) => Some(reading),
            Answer::Fault(_) => None,
        }
    }
}

/// "A reading is what a model says of a photo."
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// `ok`, or what is wrong with the photo.
    pub quality: &'static str,
    /// There exactly when the quality is `ok`.
    pub completion_bp: Option<i64>,
    /// How sure the model is.
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

/// What is asked of a reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The photo's uri and version.
    pub photo: Photo,
    /// The model that is to read it.
    pub model: String,
    /// The blank page, "for a model whose manifest says that it reads templates".
    pub template: Option<Photo>,
}

/// Where answers come from.
#[derive(Debug, Clone)]
pub enum Answers {
    /// Everything has been answered, as it was recorded.
    Recorded(Readings),
    /// This much has been answered so far.
    Known(Known),
}

/// The answers so far, and the clock of the epoch with each photo's first reading.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub answers: BTreeMap<Question, Answer>,
    pub first_readings: BTreeMap<Photo, i64>,
}

impl Default for Answers {
    fn default() -> Self {
        Answers::Known(Known::default())
    }
}

impl Answers {
    /// The answer to a question; None while there is none.
    pub fn answer(&self, question: &Question) -> Option<Answer> {
        match self {
            Answers::Recorded(recorded) => Some(recorded.answer(&question.photo.0, &question.model)),
            Answers::Known(known) => known.answers.get(question).copied(),
        }
    }

    /// The clock of the epoch with the first reading of a photo that has one. Where all is recorded, it was known from the
    /// start.
    pub fn first_reading(&self, photo: &Photo) -> i64 {
        match self {
            Answers::Recorded(_) => i64::MIN,
            Answers::Known(known) => known.first_readings.get(photo).copied().unwrap_or(i64::MIN),
        }
    }
}

/// The recorded answers by uri and model; those under None are for "every model that has none of its own".
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
        let own = self.answers.get(&(uri.to_string(), Some(model.to_string())));
        let general = self.answers.get(&(uri.to_string(), None));
        own.or(general).copied().unwrap_or(Answer::Fault("not_found"))
    }
}

/// `{"uri", "model"?, "quality", "completion_bp"?, "confidence_bp"?}` or `{"uri", "model"?, "fault"}`.
fn answer_of(line: &[u8]) -> Result<((String, Option<String>), Answer), Fault> {
    let json = json::parse(line, DEPTH_MAX)?;
    let known = ["uri", "model", "quality", "completion_bp", "confidence_bp", "fault"];
    let fields = Fields::of(&json, &known)?;
    let key = (fields.required("uri", text)?, fields.optional("model", text)?);
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
