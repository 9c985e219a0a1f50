//! Recorded answers in place of a model: `readings.jsonl`, for tests, demonstrations and comparisons.
//!
//! A line is `{"uri", "model"?, "quality", "completion_bp"?, "confidence_bp"?}` or `{"uri", "model"?, "fault"}`. A line
//! without model answers for every model that has none of its own; of two for the same the last counts. An `ok` without
//! completion_bp is the fault `model_error`; a completion_bp of any other quality is dropped. JSON is as strict as in
//! records; a line that has not the form is passed over and counted. A uri that is in no line is `not_found`.
//!
//! An answer is kept under a keyed 128-bit hash of uri and model, as rows of the journal are, and not under the uri
//! itself: some 60 bytes an answer, whatever the length of its uri.

use inkflow_schemas::parse::json::{Json, Number};
use inkflow_schemas::{Bp, Fault, ModelName, Quality, Reading, RecordFault};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

/// A reader that knows its answers. Immutable, so any number of threads may ask it.
#[derive(Debug)]
pub struct RecordedReader {
    answers: HashMap<[u64; 2], Result<Reading, Fault>>,
    hasher: SipHasher13,
    ignored: u64,
}

impl RecordedReader {
    /// Loads answers from a file; where there is none, no uri has an answer.
    pub fn load(path: &Path) -> io::Result<RecordedReader> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), "no recorded answers: every photo will be not_found");
                return Ok(RecordedReader::empty());
            }
            Err(e) => return Err(e),
        };
        let reader = RecordedReader::read(BufReader::with_capacity(1 << 20, file))?;
        if reader.ignored > 0 {
            tracing::warn!(path = %path.display(), lines = reader.ignored, "lines that are no answers were passed over");
        }
        Ok(reader)
    }

    /// Reads answers, a line each.
    pub fn read(mut lines: impl BufRead) -> io::Result<RecordedReader> {
        let mut reader = RecordedReader::empty();
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            match reader.parse(&line) {
                Ok((key, answer)) => drop(reader.answers.insert(key, answer)),
                Err(_) => reader.ignored += 1,
            }
            line.clear();
        }
        Ok(reader)
    }

    /// What is recorded of a photo for a model. Depends on nothing else, and never changes.
    pub fn answer(&self, uri: &str, model: &ModelName) -> Result<Reading, Fault> {
        let own = self.answers.get(&self.key(uri, Some(model.as_str())));
        let answer = own.or_else(|| self.answers.get(&self.key(uri, None)));
        answer.copied().unwrap_or(Err(Fault::NotFound))
    }

    /// How many answers it has.
    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// True where it has no answers.
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// How many lines were passed over, as they were no answers.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    fn empty() -> RecordedReader {
        // The system's randomness, by way of the standard library.
        let key = || RandomState::new().hash_one(0);
        RecordedReader { answers: HashMap::new(), hasher: SipHasher13::new_with_keys(key(), key()), ignored: 0 }
    }

    fn key(&self, uri: &str, model: Option<&str>) -> [u64; 2] {
        let mut hasher = self.hasher;
        // The length first, so that no uri and model run into each other.
        hasher.write_u64(uri.len() as u64);
        hasher.write(uri.as_bytes());
        if let Some(model) = model {
            hasher.write_u8(1);
            hasher.write(model.as_bytes());
        }
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    fn parse(&self, line: &[u8]) -> Result<([u64; 2], Result<Reading, Fault>), RecordFault> {
        let json = &mut Json::new(line)?;
        let (mut uri, mut model, mut quality, mut fault) = (None, None, None, None);
        let (mut completion, mut confidence) = (None, None);
        let mut seen = [false; 6];
        json.object(|json, name| {
            let fields = ["uri", "model", "quality", "fault", "completion_bp", "confidence_bp"];
            let Some((field, seen)) = fields.into_iter().zip(&mut seen).find(|(field, _)| *field == name) else {
                return Ok::<(), RecordFault>(json.skip()?);
            };
            if std::mem::replace(seen, true) {
                return Err(RecordFault::Twice { field });
            }
            if json.null()? {
                return Ok(());
            }
            match field {
                "uri" => uri = Some(json.string()?),
                "model" => model = Some(json.string()?),
                "quality" => quality = Some(word(json, field, Quality::parse)?),
                "fault" => fault = Some(word(json, field, Fault::parse)?),
                "completion_bp" => completion = Some(bp(json, field)?),
                _ => confidence = Some(bp(json, field)?),
            }
            Ok(())
        })?;
        json.end()?;
        let uri = uri.ok_or(RecordFault::Missing { field: "uri" })?;
        let answer = match (quality, fault) {
            (Some(Quality::Ok), None) if completion.is_none() => Err(Fault::ModelError),
            (Some(quality), None) => {
                let completion = completion.filter(|_| quality == Quality::Ok);
                Ok(Reading { quality, completion, confidence })
            }
            (None, Some(fault)) => Err(fault),
            _ => {
                return Err(RecordFault::Not { field: "quality", what: "there without a fault, or a fault without it" })
            }
        };
        Ok((self.key(&uri, model.as_deref()), answer))
    }
}

/// One of a set of words.
fn word<T>(json: &mut Json<'_>, field: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T, RecordFault> {
    parse(&json.string()?).ok_or(RecordFault::Not { field, what: "one of its words" })
}

fn bp(json: &mut Json<'_>, field: &'static str) -> Result<Bp, RecordFault> {
    let value = match json.number()? {
        Number::Integer(value) => u16::try_from(value).ok().and_then(Bp::new),
        Number::Huge | Number::Fraction => None,
    };
    value.ok_or(RecordFault::Not { field, what: "in 0 to 10000" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(lines: &str) -> RecordedReader {
        RecordedReader::read(lines.as_bytes()).unwrap()
    }

    fn ok(completion: u16, confidence: Option<u16>) -> Result<Reading, Fault> {
        let bp = |n| Bp::new(n).unwrap();
        Ok(Reading { quality: Quality::Ok, completion: Some(bp(completion)), confidence: confidence.map(bp) })
    }

    fn check(lines: &str, model: &str, answer: Result<Reading, Fault>) {
        let found = reader(lines).answer("u", &ModelName::new(model).unwrap());
        assert_eq!(found, answer, "{lines}");
    }

    #[test]
    fn answers_are_of_a_model_or_of_every_model_without_its_own() {
        let lines = r#"{"uri":"u","quality":"ok","completion_bp":1}
            {"uri":"u","model":"b@1","quality":"ok","completion_bp":2,"confidence_bp":9}"#;
        check(lines, "a@1", ok(1, None));
        check(lines, "b@1", ok(2, Some(9)));
        check(lines, "b@2", ok(1, None));
        check(r#"{"uri":"u","model":"b@1","quality":"ok","completion_bp":2}"#, "a@1", Err(Fault::NotFound));
        check(r#"{"uri":"U","quality":"ok","completion_bp":2}"#, "a@1", Err(Fault::NotFound));
    }

    #[test]
    fn of_two_answers_the_last_counts() {
        let line =
            |bp: u16| format!("{{\"uri\":\"\\u0075\",\"model\":null,\"quality\":\"ok\",\"completion_bp\":{bp}}}\n");
        check(&(line(1) + &line(2)), "a@1", ok(2, None));
        check(&(line(1) + "{\"uri\":\"u\",\"fault\":\"timeout\"}"), "a@1", Err(Fault::Timeout));
    }

    #[test]
    fn ok_needs_a_completion_and_nothing_else_keeps_one() {
        check(r#"{"uri":"u","quality":"ok","confidence_bp":5}"#, "a@1", Err(Fault::ModelError));
        let dark = Reading { quality: Quality::Dark, completion: None, confidence: Bp::new(7) };
        check(r#"{"uri":"u","quality":"dark","completion_bp":5,"confidence_bp":7}"#, "a@1", Ok(dark));
    }

    #[test]
    fn every_quality_and_fault_has_its_name() {
        for quality in Quality::ALL.into_iter().filter(|q| *q != Quality::Ok) {
            let answer = Reading { quality, completion: None, confidence: None };
            check(&format!("{{\"uri\":\"u\",\"quality\":\"{}\"}}", quality.as_str()), "a@1", Ok(answer));
        }
        for fault in Fault::ALL {
            check(&format!("{{\"uri\":\"u\",\"fault\":\"{}\"}}", fault.as_str()), "a@1", Err(fault));
        }
    }

    #[test]
    fn lines_that_are_no_answers_are_counted_and_change_nothing() {
        let lines = [
            "",
            " ",
            "[]",
            "null",
            "{}",
            "{\"uri\":\"u\"}",
            "{\"quality\":\"dark\"}",
            "{\"uri\":1,\"quality\":\"dark\"}",
            "{\"uri\":\"u\",\"quality\":\"fine\"}",
            "{\"uri\":\"u\",\"fault\":\"late\"}",
            "{\"uri\":\"u\",\"quality\":\"dark\",\"fault\":\"timeout\"}",
            "{\"uri\":\"u\",\"quality\":\"dark\"}x",
            "{\"uri\":\"u\",\"uri\":\"u\",\"quality\":\"dark\"}",
            "{\"uri\":\"u\",\"quality\":\"dark\",\"confidence_bp\":1.0}",
            "{\"uri\":\"u\",\"quality\":\"dark\",\"completion_bp\":10001}",
            "{\"uri\":\"u\",\"quality\":\"ok\",\"completion_bp\":-1}",
            "{\"uri\":\"u\",\"quality\":\"dark\",\"model\":7}",
        ];
        let all = format!("{{\"uri\":\"u\",\"quality\":\"ok\",\"completion_bp\":3}}\n{}\n", lines.join("\n"));
        let reader = reader(&all);
        assert_eq!((reader.len(), reader.ignored()), (1, lines.len() as u64));
        check(&all, "a@1", ok(3, None));
    }

    #[test]
    fn uri_and_model_do_not_run_into_each_other() {
        check(r#"{"uri":"ua","model":"@1","fault":"timeout"}"#, "a@1", Err(Fault::NotFound));
    }

    #[test]
    fn no_file_answers_not_found() {
        let reader = RecordedReader::load(Path::new("/nowhere/readings.jsonl")).unwrap();
        assert_eq!(reader.answer("u", &ModelName::new("a@1").unwrap()), Err(Fault::NotFound));
        assert!(reader.is_empty());
    }
}
