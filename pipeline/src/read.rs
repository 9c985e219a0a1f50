//! Reading photos that lie in files, beside any flow: which model, what it says of each, and as which line of JSON.

use crate::blank::Used;
use crate::readers::ModelError;
use bytes::Bytes;
use inkflow_connectors::photos::verify::sha256;
use inkflow_connectors::photos::PHOTO_BYTES_MAX;
use inkflow_connectors::reader::{find_runtime, Model, PageReader, ReadError};
use inkflow_schemas::{Area, Bp, Fault, Reading};
use serde::Serialize;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where models are looked for when none is named.
pub const MODELS: &str = "models";

/// The name of the model that is looked for in a folder of models.
const NAME: &str = "page";

/// Loads one model. `dir` is its own folder, as `models/page/1`, or one of models, of which the newest version of `page`
/// is taken; without it, [`MODELS`] below the folder where the command is run.
pub fn model(dir: Option<&Path>) -> Result<Model, ModelError> {
    let dir = dir.unwrap_or(Path::new(MODELS));
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::None { folder: dir.to_owned() },
        _ => ModelError::Folder { folder: dir.to_owned(), error },
    };
    // A model checks that it lies in a folder of its name: `.` does not say which.
    let whole = std::fs::canonicalize(dir).map_err(failed)?;
    let folder = if is_model(&whole) {
        whole
    } else {
        let versions = if whole.join(NAME).is_dir() { whole.join(NAME) } else { whole };
        newest(&versions).map_err(failed)?.ok_or_else(|| ModelError::None { folder: dir.to_owned() })?
    };
    Ok(Model::load(&folder, &find_runtime()?)?)
}

fn is_model(folder: &Path) -> bool {
    folder.join("manifest.json").is_file()
}

/// Of the models in a folder that with the greatest version; numbers are compared as such.
fn newest(versions: &Path) -> io::Result<Option<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(versions)? {
        let path = entry?.path();
        let version = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_model(&path) {
            found.push((version.parse::<u64>().ok(), version, path));
        }
    }
    Ok(found.into_iter().max().map(|(_, _, path)| path))
}

/// A photo's bytes. What is longer than a photo may be is not read.
pub fn photo(path: &Path) -> Result<Bytes, Fault> {
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Fault::NotFound,
        io::ErrorKind::PermissionDenied => Fault::Forbidden,
        io::ErrorKind::IsADirectory => Fault::NotAnImage,
        _ => Fault::Corrupt,
    };
    let file = std::fs::File::open(path).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(PHOTO_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > PHOTO_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    Ok(bytes.into())
}

/// What is said of a photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Of the photo's bytes.
    pub sha256: [u8; 32],
    /// What the model says.
    pub reading: Reading,
    /// And where.
    pub areas: Vec<Area>,
    /// Whether the blank page helped; None where there is none.
    pub template: Option<Used>,
}

/// Reads a photo with a model that `pages` serves.
pub async fn read(pages: &PageReader, model: &Model, bytes: Bytes) -> Result<Told, Fault> {
    let sha256 = sha256(&bytes);
    let (reading, areas) = pages.read(model.name(), bytes).await.map_err(fault)?;
    Ok(Told { sha256, reading, areas, template: None })
}

/// Why it cannot be read: where nothing comes later, what may pass is a fault, too.
pub(crate) fn fault(error: ReadError) -> Fault {
    match error {
        ReadError::Definite(fault) | ReadError::Passing { becomes: fault, .. } => fault,
        ReadError::Away { .. } | ReadError::Unavailable { .. } => Fault::ModelError,
    }
}

/// A line of `inkflow read`.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(flatten)]
    told: Option<Said>,
    model: &'a str,
    model_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    photo_sha256: Option<String>,
}

#[derive(Debug, Serialize)]
struct Said {
    quality: &'static str,
    completion_bp: Option<u16>,
    confidence_bp: Option<u16>,
    areas: Vec<Spot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<Used>,
}

#[derive(Debug, Serialize)]
struct Spot {
    box_bp: [u16; 4],
    state: &'static str,
    probability_bp: u16,
}

impl<'a> Line<'a> {
    /// What came of a photo, by that name.
    pub fn of(file: &'a str, model: &'a Model, outcome: &Result<Told, Fault>) -> Line<'a> {
        let told = outcome.as_ref().ok();
        Line {
            file,
            fault: outcome.as_ref().err().map(|fault| fault.as_str()),
            told: told.map(Said::of),
            model: model.name().as_str(),
            model_sha256: hex(&model.manifest().sha256),
            photo_sha256: told.map(|told| hex(&told.sha256)),
        }
    }
}

impl Said {
    fn of(told: &Told) -> Said {
        let spot = |area: &Area| Spot {
            box_bp: area.at.map(Bp::get),
            state: area.state.as_str(),
            probability_bp: area.probability.get(),
        };
        Said {
            quality: told.reading.quality.as_str(),
            completion_bp: told.reading.completion.map(Bp::get),
            confidence_bp: told.reading.confidence.map(Bp::get),
            areas: told.areas.iter().map(spot).collect(),
            template: told.template.clone(),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_taken_and_numbers_are_numbers() {
        let root = tempfile::tempdir().expect("a folder");
        for version in ["2", "10", "9", "draft"] {
            let folder = root.path().join(version);
            std::fs::create_dir(&folder).expect("a folder");
            if version != "draft" {
                std::fs::write(folder.join("manifest.json"), "{}").expect("a file");
            }
        }
        let found = newest(root.path()).expect("it is read").expect("one");
        assert_eq!(found, root.path().join("10"));
        let empty = tempfile::tempdir().expect("a folder");
        assert!(matches!(model(Some(empty.path())), Err(ModelError::None { .. })));
        assert!(matches!(model(Some(&empty.path().join("nowhere"))), Err(ModelError::None { .. })));
    }

    #[test]
    fn what_is_no_photo_s_file_is_a_fault() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(photo(&root.path().join("a.jpg")), Err(Fault::NotFound));
        assert_eq!(photo(root.path()), Err(Fault::NotAnImage));
        let long = std::fs::File::create(root.path().join("long")).expect("a file");
        long.set_len(PHOTO_BYTES_MAX + 1).expect("a length");
        assert_eq!(photo(&root.path().join("long")), Err(Fault::TooLarge));
    }
}
