//! Reading a flow file: strictly, and with errors that name the place, and what was probably meant.
//!
//! `${NAME}` stands for the environment's variable of that name, `${NAME:-default}` for a default where there is none; in
//! quotes it stands for itself, and within `{..}` YAML itself wants quotes. What came from the environment is quoted by no error: its name is.

use super::{stores, FlowConfig, JournalConfig, ReaderConfig, Secret};
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use serde_saphyr::{DefaultMessageFormatter, Error as YamlError, Location, MessageFormatter};
use std::collections::HashMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A word is taken for another up to this distance: the share of letters that agree, in order (Jaro-Winkler).
const NEAR: f64 = 0.8;

/// A flow file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the flow file {} cannot be read: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// What stands in it is no flow.
    #[error("{message}")]
    Wrong {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: Option<String>,
        /// The file's text, under its name.
        text: Box<NamedSource<String>>,
        /// Where.
        place: Option<LabeledSpan>,
    },
}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        match self {
            ConfigError::Wrong { help, .. } => help.as_ref().map(|help| Box::new(help) as Box<dyn Display>),
            ConfigError::Unreadable { .. } => None,
        }
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            ConfigError::Wrong { text, place: Some(_), .. } => Some(&**text),
            _ => None,
        }
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self {
            ConfigError::Wrong { place: Some(place), .. } => Some(Box::new(std::iter::once(place.clone()))),
            _ => None,
        }
    }
}

/// Reads a flow file; its paths are relative to the folder it lies in.
pub fn load(path: &Path) -> Result<FlowConfig, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
    // Variables that are no UTF-8 cannot be asked for by a file that is.
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut config = parse(&text, &path.display().to_string(), environment.collect())?;
    config.resolve(path.parent().unwrap_or(Path::new("")));
    Ok(config)
}

/// Reads a flow from text. `name` is what errors call it.
pub fn parse(text: &str, name: &str, environment: HashMap<String, String>) -> Result<FlowConfig, ConfigError> {
    // Snippets are drawn by miette, from the span.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false }.with_properties(environment);
    let config: FlowConfig =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| wrong(&error, text, name))?;
    let said = |(message, help): (&str, &str)| ConfigError::Wrong {
        message: message.to_owned(),
        help: Some(help.to_owned()),
        text: source(text, name),
        place: None,
    };
    fault(&config).map_or(Ok(config), |fault| Err(said(fault)))
}

/// What does not go together in a flow, and what to do about it.
fn fault(config: &FlowConfig) -> Option<(&'static str, &'static str)> {
    match (&config.readers, &config.photos[..]) {
        (ReaderConfig::Model(_), []) => {
            let message = "a model reads the photos, and the flow does not say where they lie";
            return Some((message, "add `photos: {folder: {path: photos}}`"));
        }
        (ReaderConfig::Recorded(_), _) if config.recorded().is_none() => {
            let message = "recorded readings lie in no folder of records here, and the flow does not say where";
            return Some((message, "add `path: readings.jsonl` to `recorded`"));
        }
        _ => {}
    }
    let journal = config.journal.as_ref().and_then(JournalConfig::fault);
    if let Some(fault) = stores::fault(&config.photos).or(journal) {
        return Some(fault);
    }
    match &config.kafka {
        None if config.needs_kafka() => Some((
            "the flow is in Kafka, and does not say where the brokers are",
            "add `kafka: {brokers: \"host:9092\"}`",
        )),
        Some(kafka) => kafka.fault(),
        None => None,
    }
}

fn source(text: &str, name: &str) -> Box<NamedSource<String>> {
    Box::new(NamedSource::new(name, text.to_owned()).with_language("yaml"))
}

fn wrong(error: &YamlError, text: &str, name: &str) -> ConfigError {
    let is_secret = |error: &YamlError| matches!(error, YamlError::SerdeUnknownVariant { expected, .. } if expected == Secret::PLACES);
    if is_secret(error.without_snippet()) {
        // What stands there may be the secret: it is not quoted, nor is its line.
        let line = error.location().map(|at| format!("{name}, line {}: ", at.line())).unwrap_or_default();
        let message = format!("{line}a secret cannot stand in a flow file, but in a file or a variable of its own");
        let help = Some("write `{file: secret.txt}` or `{env: SECRET}` in its place".to_owned());
        return ConfigError::Wrong { message, help, text: source(text, name), place: None };
    }
    let (message, label, help) = explain(error.without_snippet());
    let place = error
        .location()
        .and_then(|at| place(at, text))
        .map(|span| LabeledSpan::new_primary_with_span(Some(label), span));
    ConfigError::Wrong { message, help, text: source(text, name), place }
}

/// The bytes of the text that an error is about. Where the file ends too early, that is its last line.
fn place(at: Location, text: &str) -> Option<Range<usize>> {
    let start = match at.span().byte_offset() {
        Some(start) => usize::try_from(start).ok()?,
        None => line_start(text, at.line()),
    };
    if text.get(start..).is_none_or(|rest| rest.trim().is_empty()) {
        let last = text.trim_end();
        let line = last.rfind('\n').map_or(0, |newline| newline + 1);
        return (line < last.len()).then_some(line..last.len());
    }
    let len = at.span().byte_len().and_then(|len| usize::try_from(len).ok()).unwrap_or(1);
    // A value that goes on for lines is pointed at by its first.
    let first = text.get(start..start.saturating_add(len)).and_then(|value| value.lines().next()).unwrap_or_default();
    Some(start..start + first.trim_end().len().max(1))
}

/// Where a line begins, counted from 1; the end of the text for a line that it has not.
fn line_start(text: &str, line: u64) -> usize {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    text.split_inclusive('\n').take(before).map(str::len).sum()
}

/// What is wrong, what to write beside the place, and what to do.
fn explain(error: &YamlError) -> (String, String, Option<String>) {
    let known = |expected: &[&'static str]| expected.join(", ");
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            let help = match nearest(field, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? Known here: {}", known(expected)),
                None => format!("known here: {}", known(expected)),
            };
            (format!("there is no field `{field}`"), "not known here".to_owned(), Some(help))
        }
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            let help = match nearest(variant, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? One of: {}", known(expected)),
                None => format!("one of: {}", known(expected)),
            };
            (format!("`{variant}` is none of what can stand here"), "not known here".to_owned(), Some(help))
        }
        YamlError::SerdeMissingField { field, .. } => {
            let help = "`inkflow schema` describes every field; docs/examples/homework.yaml is a whole one".to_owned();
            (format!("the field `{field}` is missing"), format!("here, `{field}` is wanted"), Some(help))
        }
        YamlError::SerdeInvalidValue { unexpected, expected, .. } => {
            let want = if expected.contains("nonzero") { "a whole number from 1" } else { expected };
            (format!("this cannot be {unexpected}"), format!("want {want}"), None)
        }
        YamlError::Unexpected { expected, .. } => {
            let want = match *expected {
                "mapping start" => "fields, as `name: value`",
                "sequence start" => "a list: lines that begin with `- `",
                "string scalar" => "a text",
                other => other,
            };
            ("this is not of the right form".to_owned(), format!("want {want}"), None)
        }
        YamlError::InvalidScalar { ty, .. } => {
            let want = match *ty {
                "bool" => "true or false",
                "f32" | "f64" => "a number",
                _ => "a whole number, not below 0",
            };
            ("this is not a value of the right kind".to_owned(), format!("want {want}"), None)
        }
        YamlError::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("a key");
            (format!("`{key}` stands here twice"), "the second time".to_owned(), None)
        }
        YamlError::UnresolvedProperty { name, .. } => {
            let help = format!("set it, or write ${{{name}:-default}}; in quotes it is taken as it stands");
            (format!("the environment has no variable {name}"), "asked for here".to_owned(), Some(help))
        }
        YamlError::ExpectedMappingEndAfterEnumVariantValue { .. } => (
            "two are named where one can stand".to_owned(),
            "the second one".to_owned(),
            Some("keep one of them".to_owned()),
        ),
        YamlError::Eof { .. } => {
            let help = "start from docs/examples/homework.yaml".to_owned();
            ("the flow file is empty".to_owned(), "nothing here".to_owned(), Some(help))
        }
        other => {
            let message = DefaultMessageFormatter.format_message(other).into_owned();
            (message, "here".to_owned(), None)
        }
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    among
        .map(|known| (strsim::jaro_winkler(&lower, &known.to_lowercase()), known))
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
