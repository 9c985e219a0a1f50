//! Dead letters in a file. Appends are synced; erasing writes a new file in its place.

use super::{At, DeadLetters, Letter};
use crate::source::Offsets;
use base64::prelude::{Engine, BASE64_STANDARD};
use inkflow_schemas::Topic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file of dead letters. It has one owner at a time.
#[derive(Debug)]
pub struct DeadLetterFile {
    path: PathBuf,
    file: File,
    /// Up to here the file holds whole lines; what lies behind is of an append that failed.
    length: u64,
    /// Letters that may come again, as their records were not sealed when the file was opened.
    again: BTreeSet<At>,
}

/// A letter as its line holds it.
#[derive(Serialize, Deserialize)]
struct Line {
    topic: String,
    partition: u32,
    offset: u64,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, Option<String>)>,
    #[serde(default)]
    students: Vec<String>,
}

impl DeadLetterFile {
    /// Opens the file, or makes it. `sealed`: the next offsets to read; letters from there on may come again. A last
    /// line that was not written to its end is cut off: its records come again.
    pub fn open(path: impl Into<PathBuf>, sealed: &Offsets) -> io::Result<DeadLetterFile> {
        let path = path.into();
        // What an erasure left that did not come to its end may hold letters of students erased since.
        match std::fs::remove_file(new_path(&path)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path)?;
        sync_folder(&path)?;
        let mut letters = DeadLetterFile { path, file, length: 0, again: BTreeSet::new() };
        let (mut again, mut length) = (BTreeSet::new(), 0);
        letters.lines(|bytes| {
            length += bytes.len() as u64;
            let at = letter(bytes).map(|letter| letter.at());
            let open = |at: &At| at.2 >= sealed.get(&(at.0, at.1)).copied().unwrap_or(0);
            again.extend(at.filter(open));
            Ok(())
        })?;
        letters.file.set_len(length)?;
        (letters.length, letters.again) = (length, again);
        Ok(letters)
    }

    /// The letters in the file, in the order in which they were appended. Lines that are none are passed over.
    pub fn read(path: &Path) -> io::Result<Vec<Letter>> {
        let mut letters = Vec::new();
        whole_lines(File::open(path)?, |bytes| {
            letters.extend(letter(bytes));
            Ok(())
        })?;
        Ok(letters)
    }

    fn lines(&self, each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        whole_lines(File::open(&self.path)?, each)
    }
}

impl DeadLetters for DeadLetterFile {
    fn append(&mut self, letters: &[Letter]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for letter in letters.iter().filter(|letter| !self.again.contains(&letter.at())) {
            serde_json::to_writer(&mut bytes, &line(letter))?;
            bytes.push(b'\n');
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += bytes.len() as u64,
            // The caller tries again; half a line, or all of it twice, must not stay.
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    fn erase(&mut self, student: &str) -> io::Result<u64> {
        let new_path = new_path(&self.path);
        let mut new = BufWriter::new(File::create(&new_path)?);
        let (mut length, mut erased) = (0, 0);
        self.lines(|bytes| {
            let is_of = match letter(bytes) {
                Some(letter) => letter.is_of(student),
                // A line that nobody can read is nobody's to lose.
                None => super::students::names(Some(bytes), student, false),
            };
            if is_of {
                erased += 1;
                return Ok(());
            }
            length += bytes.len() as u64;
            new.write_all(bytes)
        })?;
        if erased == 0 {
            std::fs::remove_file(new_path)?;
            return Ok(0);
        }
        new.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&new_path, &self.path)?;
        sync_folder(&self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.length = length;
        Ok(erased)
    }
}

/// Gives every line that has its LF, with it.
fn whole_lines(file: File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 && bytes.ends_with(b"\n") {
        each(&bytes)?;
        bytes.clear();
    }
    Ok(())
}

fn new_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(".tmp");
    name.into()
}

/// A file is durable once its folder knows of it.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn line(letter: &Letter) -> Line {
    let text = |bytes: &Option<Vec<u8>>| bytes.clone().map(String::from_utf8);
    let split = |text: Option<Result<String, std::string::FromUtf8Error>>| match text {
        None => (None, None),
        Some(Ok(text)) => (Some(text), None),
        Some(Err(other)) => (None, Some(BASE64_STANDARD.encode(other.as_bytes()))),
    };
    let (key, key_base64) = split(text(&letter.key));
    let (value, value_base64) = split(text(&letter.value));
    Line {
        topic: letter.topic.to_string(),
        partition: letter.partition,
        offset: letter.offset,
        reason: letter.reason.clone(),
        ts: letter.ts,
        key,
        key_base64,
        value,
        value_base64,
        headers: letter
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.as_ref().map(|v| BASE64_STANDARD.encode(v))))
            .collect(),
        students: letter.students.clone(),
    }
}

fn letter(bytes: &[u8]) -> Option<Letter> {
    let line: Line = serde_json::from_slice(bytes).ok()?;
    let bytes = |text: Option<String>, base64: Option<String>| match (text, base64) {
        (Some(text), _) => Some(Some(text.into_bytes())),
        (None, Some(base64)) => BASE64_STANDARD.decode(base64).ok().map(Some),
        (None, None) => Some(None),
    };
    Some(Letter {
        topic: Topic::parse(&line.topic)?,
        partition: line.partition,
        offset: line.offset,
        reason: line.reason,
        ts: line.ts,
        key: bytes(line.key, line.key_base64)?,
        value: bytes(line.value, line.value_base64)?,
        headers: line
            .headers
            .into_iter()
            .map(|(name, value)| Some((name, bytes(None, value)?)))
            .collect::<Option<_>>()?,
        students: line.students,
    })
}

#[cfg(test)]
mod tests {
    use super::super::MemoryDeadLetters;
    use super::*;
    use crate::source::RawRecord;
    use inkflow_schemas::RecordFault;

    fn letter(offset: u64, key: &[u8], value: Option<&[u8]>) -> Letter {
        let (key, value) = (Some(key.to_vec()), value.map(<[u8]>::to_vec));
        let fault = RecordFault::Missing { field: "page" };
        let topic = Topic::Submissions;
        let headers = match offset {
            5 => vec![("trace".to_owned(), Some(b"\xff7".to_vec())), ("none".to_owned(), None)],
            _ => Vec::new(),
        };
        Letter::new(
            RawRecord { topic, partition: 3, offset, key, value, ts: Some(5), headers, envelope: Ok(()) },
            fault,
        )
    }

    fn some_letters() -> Vec<Letter> {
        vec![
            letter(0, b"s-1", Some(b"{\"student_id\": \"s-1\"}")),
            letter(4, b"s-10", Some(b"\xff\x00 \"quoted\"\n")),
            letter(5, b"", None),
            letter(9, b"\xfe", Some(b"{\"student_id\": \"s-2\", \"photo\": {\"uri\": \"pages/s-1/1.jpg\"}}")),
            letter(11, b"x", Some(b"[\"Zo\\u00eb-4711")),
        ]
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.jsonl");
        (folder, path)
    }

    fn open(path: &Path) -> DeadLetterFile {
        DeadLetterFile::open(path, &Offsets::new()).unwrap()
    }

    #[test]
    fn letters_are_kept_as_they_came() {
        let (_folder, path) = file();
        open(&path).append(&some_letters()).unwrap();
        assert_eq!(DeadLetterFile::read(&path).unwrap(), some_letters());
        let text = std::fs::read_to_string(&path).unwrap();
        let first = r#"{"topic":"submissions","partition":3,"offset":0,"reason":"page: missing","ts":5,"key":"s-1","#;
        assert!(text.starts_with(first), "{text}");
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn letters_that_come_again_after_a_crash_are_not_written_twice() {
        let (_folder, path) = file();
        let letters = some_letters();
        open(&path).append(&letters[..3]).unwrap();
        let sealed = Offsets::from([((Topic::Submissions, 3), 4)]);
        let mut again = DeadLetterFile::open(&path, &sealed).unwrap();
        assert_eq!(again.again.len(), 2, "only what may come again is remembered");
        again.append(&letters[1..4]).unwrap();
        again.append(&letters[4..]).unwrap();
        assert_eq!(DeadLetterFile::read(&path).unwrap(), letters);
        let mut twin = MemoryDeadLetters::new();
        twin.append(&letters[..3]).unwrap();
        twin.append(&letters[1..]).unwrap();
        assert_eq!(twin.letters(), letters);
    }

    #[test]
    fn half_a_line_from_a_crash_is_cut_off() {
        let (_folder, path) = file();
        let letters = some_letters();
        open(&path).append(&letters).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        open(&path).append(&letters).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn an_erased_student_is_in_no_letter_and_no_byte() {
        let mut twin = MemoryDeadLetters::new();
        twin.append(&some_letters()).unwrap();
        let (_folder, path) = file();
        let mut letters = open(&path);
        letters.append(&some_letters()).unwrap();
        for (student, erased, left) in [("s-1", 2, 3), ("s-1", 0, 3), ("Zoë-4711", 1, 2), ("s-10", 1, 1), ("s-2", 0, 1)]
        {
            assert_eq!(letters.erase(student).unwrap(), erased, "{student}");
            assert_eq!(twin.erase(student).unwrap(), erased);
            assert_eq!(DeadLetterFile::read(&path).unwrap(), twin.letters());
            assert_eq!(twin.letters().len(), left);
        }
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside the file");
        // It is appended to as before.
        letters.append(&some_letters()[..1]).unwrap();
        assert_eq!(DeadLetterFile::read(&path).unwrap().len(), 2);
    }

    #[test]
    fn what_an_erasure_left_behind_in_a_crash_is_removed() {
        let (folder, path) = file();
        std::fs::write(new_path(&path), "{\"key\":\"s-1\"}\n").unwrap();
        open(&path);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn lines_of_others_are_kept_unless_they_name_the_student() {
        let (_folder, path) = file();
        std::fs::write(&path, "a note\nof student-7\n").unwrap();
        let mut letters = open(&path);
        letters.append(&some_letters()[..1]).unwrap();
        assert_eq!(letters.erase("student-7").unwrap(), 1);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("a note\n{\"topic\""));
    }
}
