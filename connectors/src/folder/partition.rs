//! One file of a folder source: lines out, in blocks, from any line on.
//!
//! Memory is one buffer: a block, or the longest line that may be, whichever is more. What is skipped is only searched
//! for LF. Marks remember where some lines begin, so that going back within a run does not start at byte 0.
//!
//! The last line may have no LF. Where the source has an end, it is a line like any other; else it is not yet written to
//! its end, and waited for. If it was handed out as a line and the file has grown since, what completes it is passed
//! over up to its LF: the line was that which stood there.

use super::line::parse_line;
use crate::source::{RawRecord, SourceError};
use inkflow_schemas::{RecordFault, Topic};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Read at once: large enough that a read's cost does not show, small enough to keep for every partition.
const BLOCK_BYTES: usize = 256 << 10;

/// A line may be this long: a value of 1 MiB as a raw with every byte escaped, twice over. More would be memory that the
/// sender chooses.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;

/// A mark is set every so many lines: some ten thousand marks for a file of a gigabyte.
const MARK_LINES: u64 = 1 << 10;

/// A partition's file, read from some line on.
#[derive(Debug)]
pub(super) struct Partition {
    topic: Topic,
    partition: u32,
    path: PathBuf,
    file: Option<File>,
    /// The next line to hand out.
    offset: u64,
    /// Read but not handed out: the next line begins at its `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Up to here the buffer holds no LF.
    searched: usize,
    /// Where in the file the buffer ends.
    read_to: u64,
    /// Lines that begin before this byte are handed out, and no others; none without an end.
    end: Option<u64>,
    /// Passing over the rest of a line: of one that was handed out without its LF, or of one that is too long.
    passing: Option<Passing>,
    /// Where some lines begin: line and byte, ascending.
    marks: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passing {
    HandedOut,
    TooLong,
}

impl Partition {
    /// A partition at its first line. The file need not exist yet.
    pub(super) fn new(topic: Topic, partition: u32, path: PathBuf) -> Partition {
        Partition {
            topic,
            partition,
            path,
            file: None,
            offset: 0,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            read_to: 0,
            end: None,
            passing: None,
            marks: vec![(0, 0)],
        }
    }

    /// From now on its end is where the file ends at this moment.
    pub(super) fn end_here(&mut self) -> Result<(), SourceError> {
        self.end = Some(self.length()?);
        Ok(())
    }

    /// Goes to a line: the next one to hand out.
    pub(super) fn go_to(&mut self, offset: u64) -> Result<(), SourceError> {
        let after = self.marks.partition_point(|(line, _)| *line <= offset);
        let (line, byte) = after.checked_sub(1).and_then(|at| self.marks.get(at)).copied().unwrap_or_default();
        self.offset = line;
        self.buffer.clear();
        (self.start, self.searched, self.read_to, self.passing) = (0, 0, byte, None);
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(byte)).map_err(|e| io_error(&self.path, e))?;
        }
        while self.offset < offset {
            match self.next_lf()? {
                Some(lf) => {
                    self.passing = None;
                    self.pass(lf + 1);
                }
                None if self.has_part() && self.offset + 1 == offset => {
                    // It was handed out as the last line, without its LF.
                    self.drop_buffer();
                    self.offset = offset;
                    self.passing = Some(Passing::HandedOut);
                }
                None => return Err(self.truncated(offset, "the file has fewer lines")),
            }
        }
        Ok(())
    }

    /// Hands out lines until there are no more or `enough` says so; true where there may be more.
    pub(super) fn read(
        &mut self,
        out: &mut Vec<RawRecord>,
        mut enough: impl FnMut(&RawRecord) -> bool,
    ) -> Result<bool, SourceError> {
        loop {
            if self.at_end() {
                return Ok(false);
            }
            let Some((from, to)) = self.next_line()? else { return Ok(false) };
            let record = self.record(from, to);
            self.pass_handed(to);
            let stop = enough(&record);
            out.push(record);
            if stop {
                return Ok(true);
            }
        }
    }

    /// True where something of the next line is there.
    fn has_part(&self) -> bool {
        self.start < self.buffer.len() || self.passing == Some(Passing::TooLong)
    }

    /// True where every line has been handed out that began before the end.
    fn at_end(&self) -> bool {
        let begins_at = self.read_to - (self.buffer.len() - self.start) as u64;
        self.passing.is_none() && self.end.is_some_and(|end| begins_at >= end)
    }

    /// Where the next line lies in the buffer, without its LF; none where there is none yet.
    fn next_line(&mut self) -> Result<Option<(usize, usize)>, SourceError> {
        loop {
            match (self.next_lf()?, self.passing) {
                (Some(lf), None) if lf - self.start <= LINE_BYTES_MAX => return Ok(Some((self.start, lf))),
                (Some(_), None) => self.passing = Some(Passing::TooLong),
                (Some(lf), Some(Passing::HandedOut)) => {
                    (self.start, self.searched, self.passing) = (lf + 1, lf + 1, None);
                    if self.at_end() {
                        return Ok(None);
                    }
                }
                // Stands for the whole line: an empty stretch that ends at its LF.
                (Some(lf), Some(Passing::TooLong)) => return Ok(Some((lf, lf))),
                (None, Some(Passing::TooLong)) if self.end.is_some() => {
                    return Ok(Some((self.buffer.len(), self.buffer.len())))
                }
                (None, None) if self.end.is_some() && self.start < self.buffer.len() => {
                    return Ok(Some((self.start, self.buffer.len())))
                }
                (None, _) => return Ok(None),
            }
        }
    }

    /// The record of a line.
    fn record(&self, from: usize, to: usize) -> RawRecord {
        let bytes = self.buffer.get(from..to).unwrap_or_default();
        let line = match self.passing {
            Some(_) => Err(RecordFault::LineTooLarge),
            None => parse_line(bytes),
        };
        let (topic, partition, offset) = (self.topic, self.partition, self.offset);
        match line {
            Ok(line) => RawRecord {
                topic,
                partition,
                offset,
                key: line.key,
                value: line.value,
                ts: line.ts,
                headers: Vec::new(),
                envelope: Ok(()),
            },
            Err(fault) => {
                let value = self.passing.is_none().then(|| bytes.to_vec());
                RawRecord {
                    topic,
                    partition,
                    offset,
                    key: None,
                    value,
                    ts: None,
                    headers: Vec::new(),
                    envelope: Err(fault),
                }
            }
        }
    }

    /// Goes past a line that was handed out and ends at `to`, by an LF or by the end of what there is.
    fn pass_handed(&mut self, to: usize) {
        self.passing = None;
        if to < self.buffer.len() {
            return self.pass(to + 1);
        }
        self.drop_buffer();
        self.offset += 1;
        self.passing = Some(Passing::HandedOut);
    }

    /// Goes to the next line, which begins at `start` in the buffer.
    fn pass(&mut self, start: usize) {
        (self.start, self.searched) = (start, start);
        self.offset += 1;
        if self.offset.is_multiple_of(MARK_LINES) && self.marks.last().is_some_and(|(line, _)| *line < self.offset) {
            let begins_at = self.read_to - (self.buffer.len() - self.start) as u64;
            self.marks.push((self.offset, begins_at));
        }
    }

    fn drop_buffer(&mut self) {
        self.buffer.clear();
        (self.start, self.searched) = (0, 0);
    }

    /// Where the next LF lies in the buffer; reads on until there is one, or the file ends.
    fn next_lf(&mut self) -> Result<Option<usize>, SourceError> {
        loop {
            let rest = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', rest) {
                return Ok(Some(self.searched + at));
            }
            self.searched = self.buffer.len();
            if self.passing.is_some() {
                self.drop_buffer();
            } else if self.buffer.len() - self.start > LINE_BYTES_MAX {
                self.passing = Some(Passing::TooLong);
                self.drop_buffer();
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads one more block; false at the file's end.
    fn fill(&mut self) -> Result<bool, SourceError> {
        if self.file.is_none() {
            self.open()?;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        let Some(file) = &mut self.file else { return Ok(false) };
        let had = self.buffer.len();
        self.buffer.resize(had + BLOCK_BYTES, 0);
        let read = loop {
            match file.read(self.buffer.get_mut(had..).unwrap_or_default()) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(had + read.as_ref().map_or(0, |n| *n));
        let read = read.map_err(|e| io_error(&self.path, e))?;
        self.read_to += read as u64;
        if read == 0 {
            self.still_there()?;
            if self.buffer.is_empty() {
                // A partition that waits needs no block.
                self.buffer = Vec::new();
            }
        }
        Ok(read > 0)
    }

    /// Opens the file where it was left. One that is not there has no lines.
    fn open(&mut self) -> Result<(), SourceError> {
        match File::open(&self.path) {
            Ok(mut file) => {
                file.seek(SeekFrom::Start(self.read_to)).map_err(|e| io_error(&self.path, e))?;
                self.file = Some(file);
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::NotFound && self.read_to == 0 && self.end.unwrap_or(0) == 0 => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Err(self.truncated(self.offset, "the file is gone")),
            Err(e) => Err(io_error(&self.path, e)),
        }
    }

    /// At the end of the open file: it must still be what lies at its path, and hold what was read. A file that was
    /// put in its place is gone on with, if it is no shorter: that is how some programs append.
    fn still_there(&mut self) -> Result<(), SourceError> {
        let length = self.length()?;
        if length < self.read_to.max(self.end.unwrap_or(0)) {
            let found = if length == 0 { "the file is gone or empty" } else { "the file is shorter" };
            return Err(self.truncated(self.offset, found));
        }
        if length > self.read_to {
            self.file = None;
        }
        Ok(())
    }

    /// The length in bytes of what lies at the path; 0 where there is nothing.
    fn length(&self) -> Result<u64, SourceError> {
        match std::fs::metadata(&self.path) {
            Ok(metadata) => Ok(metadata.len()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
            Err(e) => Err(io_error(&self.path, e)),
        }
    }

    fn truncated(&self, position: u64, found: &'static str) -> SourceError {
        let place = self.path.display().to_string();
        SourceError::Truncated { topic: self.topic, partition: self.partition, position, found, place }
    }
}

pub(super) fn io_error(path: &std::path::Path, source: std::io::Error) -> SourceError {
    SourceError::Io { path: path.to_path_buf(), source }
}
