//! Labels of photos: a CSV with a line for each, by the columns of its head.
//!
//! `file` and `completion` must be there, the others may be: `source`, `sheet`, `page`, `kind`, `unusable`, `medium`,
//! `page_fill`. What else stands there is not looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A file of labels is at most this long: a line has some hundred bytes.
pub const LABELS_BYTES_MAX: u64 = 64 << 20;

/// What is true of a photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Label {
    /// The photo, from the folder of photos.
    pub file: String,
    /// How complete the page is, 0..1; none where that cannot be said.
    pub completion: Option<f64>,
    /// Where the photo comes from.
    pub source: String,
    /// Which sheet it shows, where several photos show one; empty where that is not known.
    pub sheet: String,
    /// It is a page.
    pub page: bool,
    /// worksheet, form, notes, receipt, ...
    pub kind: String,
    /// It can be judged.
    pub usable: bool,
    /// photo, scan or digital.
    pub medium: String,
    /// Of notes, how far they fill the page, 0..1.
    pub page_fill: Option<f64>,
}

/// Labels that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It is no CSV.
    #[error("{}: {error}", path.display())]
    Csv {
        /// Which.
        path: PathBuf,
        /// Why not, with its line.
        error: csv::Error,
    },
    /// A column is missing.
    #[error("{}:1: there is no column {column:?}; there is {}", path.display(), there.join(", "))]
    Column {
        /// In which file.
        path: PathBuf,
        /// Which.
        column: &'static str,
        /// Those that are there.
        there: Vec<String>,
    },
    /// A value cannot be meant.
    #[error("{}:{line}: {column}: {why}", path.display())]
    Value {
        /// In which file.
        path: PathBuf,
        /// In which line, from 1.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a file of labels.
pub fn read(path: &Path) -> Result<Vec<Label>, LabelsError> {
    let failed = |error| LabelsError::File { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > LABELS_BYTES_MAX {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
    }
    parse(path, file)
}

/// Where each column stands.
struct Columns {
    names: Vec<String>,
}

impl Columns {
    fn at(&self, column: &str) -> Option<usize> {
        self.names.iter().position(|name| name == column)
    }
}

fn parse(path: &Path, csv: impl std::io::Read) -> Result<Vec<Label>, LabelsError> {
    let failed = |error| LabelsError::Csv { path: path.to_owned(), error };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let head = reader.headers().map_err(failed)?;
    let columns = Columns { names: head.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect() };
    for column in ["file", "completion"] {
        if columns.at(column).is_none() {
            return Err(LabelsError::Column { path: path.to_owned(), column, there: columns.names });
        }
    }
    let (mut labels, mut seen) = (Vec::new(), HashSet::new());
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |column, why: String| LabelsError::Value { path: path.to_owned(), line, column, why };
        let text = |column| columns.at(column).and_then(|at| record.get(at)).unwrap_or("");
        let share = |column| match text(column) {
            "" => Ok(None),
            said => match said.parse::<f64>() {
                Ok(share) if (0.0..=1.0).contains(&share) => Ok(Some(share)),
                _ => Err(wrong(column, format!("{said:?} is no number from 0 to 1"))),
            },
        };
        let file = text("file").to_owned();
        if file.is_empty() {
            return Err(wrong("file", "is empty".to_owned()));
        }
        if !seen.insert(file.clone()) {
            return Err(wrong("file", format!("{file} stands here a second time")));
        }
        let page = match text("page") {
            "" | "yes" => true,
            "no" => false,
            said => return Err(wrong("page", format!("{said:?} is neither yes nor no"))),
        };
        labels.push(Label {
            completion: share("completion")?,
            page_fill: share("page_fill")?,
            page,
            usable: usable(text("unusable")),
            source: text("source").to_owned(),
            sheet: text("sheet").to_owned(),
            kind: text("kind").to_owned(),
            medium: text("medium").to_owned(),
            file,
        });
    }
    Ok(labels)
}

/// By what stands in the column `unusable`: what is wrong with a photo, or that nothing is.
pub fn usable(said: &str) -> bool {
    matches!(said, "" | "none" | "no")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(csv: &str) -> Result<Vec<Label>, String> {
        parse(Path::new("labels.csv"), csv.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn two_columns_are_enough() {
        let label = |file: &str, completion| Label {
            file: file.into(),
            completion,
            page: true,
            usable: true,
            ..Label::default()
        };
        let expected = vec![label("a.jpg", Some(0.5)), label("b, c.jpg", None)];
        assert_eq!(labels("file,completion\na.jpg, 0.5\n\"b, c.jpg\",\n"), Ok(expected.clone()));
        assert_eq!(labels("\u{feff}completion,notes,file\r\n0.5,x,a.jpg\r\n,,\"b, c.jpg\"\r\n"), Ok(expected));
        assert_eq!(labels("file,completion\n"), Ok(vec![]));
    }

    #[test]
    fn every_column_counts() {
        let all = "file,source,page,kind,completion,page_fill,unusable,medium,sheet\na,s,no,receipt,,,blur,scan,\nb,s,yes,notes,1,0.3,none,,7\nc,s,,,,,no,,7\n";
        let read = labels(all).expect("labels");
        let (a, b, c) = (&read[0], &read[1], &read[2]);
        assert_eq!((a.page, a.usable, a.kind.as_str(), a.medium.as_str()), (false, false, "receipt", "scan"));
        assert_eq!((b.page, b.usable, b.completion, b.page_fill), (true, true, Some(1.0), Some(0.3)));
        assert_eq!((a.sheet.as_str(), b.sheet.as_str(), c.sheet.as_str(), c.usable), ("", "7", "7", true));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_column() {
        for (csv, says) in [
            ("file,done\na,1\n", "labels.csv:1: there is no column \"completion\"; there is file, done"),
            ("", "labels.csv:1: there is no column \"file\""),
            ("file,completion\na,1\nb,1.5\n", "labels.csv:3: completion: \"1.5\" is no number from 0 to 1"),
            ("file,completion\na,NaN\n", "labels.csv:2: completion: \"NaN\""),
            ("file,completion\n\"x\ny\",1\na,half\n", "labels.csv:4: completion: \"half\""),
            ("file,completion\n,1\n", "labels.csv:2: file: is empty"),
            ("file,completion\na,1\na,0\n", "labels.csv:3: file: a stands here a second time"),
            ("file,completion,page\na,1,maybe\n", "labels.csv:2: page: \"maybe\" is neither yes nor no"),
            ("file,completion\na\n", "line: 2"),
        ] {
            let error = labels(csv).expect_err(csv);
            assert!(error.contains(says), "{csv:?}: {error}");
        }
    }
}
