//! The labels of a folder of photos, as a CSV in it: read at the start, written whole after each change.
//!
//! Columns that are not ours, and lines of photos that are not there, stay as they are.

use crate::judge::labels::{usable, LABELS_BYTES_MAX};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The file of labels, in the folder of the photos.
pub const LABELS: &str = "labels.csv";

/// So many photos are labelled at most; and folders in folders are looked into so deep.
const PHOTOS_MAX: usize = 100_000;
const DEPTH_MAX: usize = 8;

/// The columns of a new file. Those that are not set here are for whoever wants to fill them in by hand.
const COLUMNS: [&str; 7] = ["file", "source", "page", "kind", "completion", "unusable", "medium"];

/// What somebody says of a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// How complete the page is, 0 to 100; none where that cannot be said.
    pub percent: Option<u8>,
    /// It is a page.
    pub page: bool,
    /// It is too blurred, too dark or cut off.
    pub unusable: bool,
}

/// Why labels cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or its labels cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The labels are no CSV with a column `file`.
    #[error("{}: {why}", path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another program has written the labels since.
    #[error("{} was changed by another program: start again, which takes it up", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}

/// The photos of a folder and what was said of them.
pub struct Store {
    path: PathBuf,
    photos: Vec<(String, PathBuf)>,
    columns: Vec<String>,
    lines: Vec<BTreeMap<usize, String>>,
    /// The line of a file.
    at: HashMap<String, usize>,
    /// What the file holds, as far as is known here.
    written: Option<Vec<u8>>,
}

impl Store {
    /// Finds the photos below a folder, and reads their labels where there are some.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| StoreError::File { path, error }
        };
        let mut photos = Vec::new();
        find(folder, "", 0, &mut photos).map_err(failed(folder))?;
        photos.sort();
        let path = folder.join(LABELS);
        let written = match std::fs::metadata(&path) {
            Ok(file) if file.len() > LABELS_BYTES_MAX => return Err(failed(&path)(io::ErrorKind::FileTooLarge.into())),
            Ok(_) => Some(std::fs::read(&path).map_err(failed(&path))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path)(error)),
        };
        let columns = COLUMNS.map(str::to_owned).to_vec();
        let mut store = Store { path, photos, columns, lines: Vec::new(), at: HashMap::new(), written };
        store.parse()?;
        Ok(store)
    }

    fn parse(&mut self) -> Result<(), StoreError> {
        let Some(bytes) = &self.written else { return Ok(()) };
        let wrong = |why: String| StoreError::Form { path: self.path.clone(), why };
        let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let head = reader.headers().map_err(|error| wrong(error.to_string()))?;
        let mut columns: Vec<String> = head.iter().map(|name| name.trim().to_owned()).collect();
        let Some(file) = columns.iter().position(|name| name == "file") else {
            return Err(wrong("there is no column `file`".to_owned()));
        };
        for ours in ["page", "completion", "unusable"] {
            if !columns.iter().any(|name| name == ours) {
                columns.push(ours.to_owned());
            }
        }
        let (mut lines, mut at) = (Vec::new(), HashMap::new());
        for record in reader.records() {
            let record = record.map_err(|error| wrong(error.to_string()))?;
            at.insert(record.get(file).unwrap_or("").trim().to_owned(), lines.len());
            lines.push(record.iter().map(str::to_owned).enumerate().collect());
        }
        (self.columns, self.lines, self.at) = (columns, lines, at);
        Ok(())
    }

    /// Where the photos lie, in their order.
    pub fn photos(&self) -> &[(String, PathBuf)] {
        &self.photos
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    fn cell(&self, line: usize, column: &str) -> &str {
        let cell = || self.lines.get(line)?.get(&self.column(column)?);
        cell().map_or("", |cell| cell.trim())
    }

    /// What was said of a photo; none where nothing was.
    pub fn mark(&self, photo: usize) -> Option<Mark> {
        let line = *self.at.get(&self.photos.get(photo)?.0)?;
        let (page, completion) = (self.cell(line, "page"), self.cell(line, "completion"));
        if page.is_empty() && completion.is_empty() {
            return None;
        }
        let percent = completion.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        Some(Mark {
            percent: percent.map(|share| (share * 100.0).round() as u8),
            page: page != "no",
            unusable: !usable(self.cell(line, "unusable")),
        })
    }

    /// Keeps what is said of a photo, durably. False where there is no such photo.
    pub fn set(&mut self, photo: usize, mark: Mark) -> Result<bool, StoreError> {
        let Some((file, _)) = self.photos.get(photo).cloned() else { return Ok(false) };
        self.unchanged()?;
        let line = *self.at.entry(file.clone()).or_insert_with(|| {
            self.lines.push(BTreeMap::new());
            self.lines.len() - 1
        });
        let completion = mark.percent.map(|percent| format!("{:.2}", f64::from(percent.min(100)) / 100.0));
        // What kind of unusable somebody wrote by hand is more than is known here.
        let unusable = match (mark.unusable, self.cell(line, "unusable")) {
            (false, _) => "none",
            (true, said) if usable(said) => "yes",
            (true, said) => said,
        };
        let cells = [
            ("file", file),
            ("page", if mark.page { "yes" } else { "no" }.to_owned()),
            ("completion", completion.unwrap_or_default()),
            ("unusable", unusable.to_owned()),
        ];
        let cells = cells.map(|(column, value)| (self.column(column), value));
        if let Some(line) = self.lines.get_mut(line) {
            line.extend(cells.into_iter().filter_map(|(column, value)| Some((column?, value))));
        }
        self.write()?;
        Ok(true)
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::File { path: self.path.clone(), error }
    }

    /// What another program wrote is not lost by ours.
    fn unchanged(&self) -> Result<(), StoreError> {
        let there = match std::fs::read(&self.path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.failed(error)),
        };
        if there != self.written {
            return Err(StoreError::Changed { path: self.path.clone() });
        }
        Ok(())
    }

    /// Beside the old file first, and then in its place: a file that is cut off is never there.
    fn write(&mut self) -> Result<(), StoreError> {
        let bytes = self.csv().map_err(|error| self.failed(io::Error::other(error)))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let replace = || -> io::Result<()> {
            let mode = std::fs::Permissions::from_mode(0o644);
            let mut beside = tempfile::Builder::new().prefix(".labels-").permissions(mode).tempfile_in(folder)?;
            beside.write_all(&bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(&self.path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        replace().map_err(|error| self.failed(error))?;
        self.written = Some(bytes);
        Ok(())
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for line in &self.lines {
            writer.write_record((0..self.columns.len()).map(|at| line.get(&at).map_or("", String::as_str)))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// The photos below a folder, by their names from there. Links are not followed, and what is hidden is passed over.
fn find(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A name that is no UTF-8 cannot stand in a CSV.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        let name = format!("{prefix}{name}");
        if kind.is_dir() && depth < DEPTH_MAX {
            find(&entry.path(), &format!("{name}/"), depth + 1, found)?;
        } else if kind.is_file() && is_photo(&entry.path()) {
            if found.len() >= PHOTOS_MAX {
                return Err(io::Error::other(format!("holds more than {PHOTOS_MAX} photos")));
            }
            found.push((name, entry.path()));
        }
    }
    Ok(())
}

fn is_photo(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "webp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::labels;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        folder
    }

    const HALF: Mark = Mark { percent: Some(50), page: true, unusable: false };

    #[test]
    fn what_was_said_is_there_again_and_is_what_eval_reads() {
        let folder = folder(&["b.jpg", "a \"1\", é.PNG", "in/c.webp", "notes.txt", ".hidden.jpg"]);
        let mut store = Store::open(folder.path()).expect("a store");
        let names: Vec<_> = store.photos().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a \"1\", é.PNG", "b.jpg", "in/c.webp"]);
        assert_eq!(store.mark(0), None);
        assert!(store.set(0, HALF).expect("kept"));
        assert!(store.set(2, Mark { percent: None, page: false, unusable: true }).expect("kept"));
        assert!(!store.set(3, HALF).expect("no such photo"));
        let again = Store::open(folder.path()).expect("a store");
        assert_eq!(again.mark(0), Some(HALF));
        assert_eq!((again.mark(1), again.mark(2).map(|mark| mark.page)), (None, Some(false)));
        let read = labels::read(&folder.path().join(LABELS)).expect("labels");
        assert_eq!((read.len(), read[0].completion, read[0].usable), (2, Some(0.5), true));
        assert_eq!((read[1].file.as_str(), read[1].page, read[1].usable), ("in/c.webp", false, false));
        let rest: Vec<_> = std::fs::read_dir(folder.path()).expect("files").collect();
        assert_eq!(rest.len(), 6, "nothing is left beside the labels");
    }

    #[test]
    fn what_others_wrote_stays() {
        let folder = folder(&["a.jpg", "b.jpg"]);
        let path = folder.path().join(LABELS);
        let theirs = "file,licence,completion,unusable\nb.jpg,MIT,0.25,blur\ngone.jpg,\"x,y\",1,\n";
        std::fs::write(&path, theirs).expect("a file");
        let mut store = Store::open(folder.path()).expect("a store");
        assert_eq!(store.mark(1), Some(Mark { percent: Some(25), page: true, unusable: true }));
        store.set(0, HALF).expect("kept");
        store.set(1, Mark { percent: Some(30), page: true, unusable: true }).expect("kept");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(
            text,
            "file,licence,completion,unusable,page\nb.jpg,MIT,0.30,blur,yes\ngone.jpg,\"x,y\",1,,\na.jpg,,0.50,none,yes\n"
        );
        std::fs::write(&path, theirs).expect("a file");
        assert!(matches!(store.set(0, HALF), Err(StoreError::Changed { .. })));
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), theirs);
        std::fs::write(&path, "name,completion\n").expect("a file");
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Form { .. })));
    }
}
