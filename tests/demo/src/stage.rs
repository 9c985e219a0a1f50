//! The demo's folder: made anew each time, and only ever its own.

use crate::scenario::{Content, Event, Record};
use crate::{fail, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file that says whose folder it is. A running demo holds it locked.
const MARK: &str = ".inkflow-demo";
/// The flow file, with a place for the folder of models.
const FLOW: &str = include_str!("../../../deploy/demo/flow.yaml");

/// The demo's folder.
#[derive(Debug)]
pub struct Stage {
    /// Where it is.
    pub dir: PathBuf,
    /// Where the demo photos are.
    photos: PathBuf,
    /// Held locked while the demo runs.
    _mark: File,
}

impl Stage {
    /// Makes it. Deletes what an earlier demo left there, and nothing else.
    pub fn set(dir: &Path, models: &Path) -> Result<Stage> {
        let mark = dir.join(MARK);
        let is_empty = || fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
        if dir.exists() && !mark.is_file() && !is_empty() {
            return fail(format!(
                "{} is not the demo's: move it away, or name another folder with --dir",
                dir.display()
            ));
        }
        fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&mark)?;
        if file.try_lock().is_err() {
            return fail(format!("another demo is running in {}", dir.display()));
        }
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path == mark {
                continue;
            }
            // A link is removed, and never followed.
            let is_dir = fs::symlink_metadata(&path)?.is_dir();
            if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        for folder in ["records", "photos"] {
            fs::create_dir(dir.join(folder))?;
        }
        let models = models.canonicalize().map_err(|error| format!("{}: {error}", models.display()))?;
        fs::write(dir.join("flow.yaml"), FLOW.replace("MODELS", &models.display().to_string()))?;
        Ok(Stage { dir: dir.to_owned(), photos: models.join("demo-photos"), _mark: file })
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What the demo photos show.
    pub fn truth(&self) -> Result<String> {
        let path = self.photos.join("truth.csv");
        Ok(fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// Lets something happen: first the photo, then the records.
    pub fn play(&self, event: &Event) -> Result<()> {
        if let Some((uri, content)) = &event.photo {
            self.place(uri, content)?;
        }
        self.append(&event.records)
    }

    /// Appends records, each as one whole line.
    pub fn append(&self, records: &[Record]) -> Result<()> {
        for Record { topic, partition, line } in records {
            let folder = self.path("records").join(topic);
            fs::create_dir_all(&folder)?;
            let mut file =
                OpenOptions::new().create(true).append(true).open(folder.join(format!("{partition}.jsonl")))?;
            file.write_all(format!("{line}\n").as_bytes())?;
        }
        Ok(())
    }

    fn place(&self, uri: &str, content: &Content) -> Result<()> {
        let read = |name: &str| {
            let path = self.photos.join(name);
            fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let bytes = match content {
            Content::Missing => return Ok(()),
            Content::Copy(name) => read(name)?,
            Content::Own(name) => with_comment(&read(name)?, uri),
            Content::Half(name) => {
                let bytes = read(name)?;
                bytes[..bytes.len() / 2].to_vec()
            }
            Content::Text(text) => text.as_bytes().to_vec(),
        };
        let path = self.path("photos").join(uri);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        Ok(fs::write(&path, bytes)?)
    }
}

/// A JPEG with a comment in it: the same picture in other bytes.
fn with_comment(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let Some((start, rest)) = jpeg.split_at_checked(2) else {
        return jpeg.to_vec();
    };
    // The length counts its own two bytes.
    let length = u16::try_from(comment.len() + 2).unwrap_or(2);
    let mut bytes = start.to_vec();
    bytes.extend([0xff, 0xfe]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(comment.bytes().take(usize::from(length) - 2));
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
    }

    #[test]
    fn what_is_not_the_demos_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let thesis = dir.path().join("thesis.txt");
        fs::write(&thesis, "years of work").unwrap();
        let refused = Stage::set(dir.path(), &models()).unwrap_err().to_string();
        assert!(refused.contains("is not the demo's"), "{refused}");
        assert_eq!(fs::read_to_string(thesis).unwrap(), "years of work");
    }

    #[test]
    fn the_last_demo_is_cleared_away_but_not_one_that_runs() {
        let dir = tempfile::tempdir().unwrap();
        let stage = Stage::set(dir.path(), &models()).unwrap();
        fs::write(stage.path("records/old"), "").unwrap();
        let refused = Stage::set(dir.path(), &models()).unwrap_err().to_string();
        assert!(refused.contains("another demo is running"), "{refused}");
        drop(stage);
        let stage = Stage::set(dir.path(), &models()).unwrap();
        assert!(!stage.path("records/old").exists());
    }

    #[test]
    fn a_comment_goes_after_the_start_of_the_image() {
        assert_eq!(
            with_comment(&[0xff, 0xd8, 0xff, 0xdb], "ab"),
            [0xff, 0xd8, 0xff, 0xfe, 0, 4, b'a', b'b', 0xff, 0xdb]
        );
    }
}
