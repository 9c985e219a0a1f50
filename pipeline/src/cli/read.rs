//! `inkflow read`: what a model says of photos, a line of JSON each.

use super::exit::Exit;
use super::Failure;
use crate::blank;
use crate::read::{self, Line, Told};
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use inkflow_connectors::overlay::{overlay, Form};
use inkflow_connectors::reader::{Blank, Model, PageReader, ReaderSettings};
use inkflow_schemas::Fault;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;

pub(super) const EXAMPLES: &str = "\
A line has the file, the quality, the completion and the confidence in basis points, the areas where an answer is expected
(box: left, top, width, height in basis points of the upright photo; state: answered, blank, struck_out or unsure), the
model, and the SHA-256 of model and photo. A photo that cannot be read has a line with its fault; the others are read, and
the exit code is then 1. docs/reading.md says what it all means.

Examples:
  inkflow read page.jpg
  inkflow read page.jpg --overlay seen.png
      Draws the photo with its areas coloured by state.
  inkflow read *.jpg --overlay seen > read.jsonl
      Of several photos, overlays go to a folder, as seen/NAME.overlay.jpg.
  inkflow read --model models/page/1 page.jpg
  inkflow read --template blank.jpg page.jpg
      Compares with the blank page: areas are then its areas, and \"template\" says whether that could be done.";

/// What `inkflow read` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// The photos: JPEG, PNG or WebP.
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    /// The model's folder, or one of models, of which the newest version of `page` is taken.
    #[arg(long, value_name = "DIR", default_value = read::MODELS)]
    model: PathBuf,
    /// Draws what was seen: to a file (.png, .jpg), or of several photos to a folder.
    #[arg(long, value_name = "OUT")]
    overlay: Option<PathBuf>,
    /// The page as it was handed out, blank: what is on a photo and not on it is an answer.
    #[arg(long, value_name = "BLANK")]
    template: Option<PathBuf>,
    /// Where answers are expected on the blank page: [[x, y, width, height], ..] in basis points. Else where the model finds
    /// them on it.
    #[arg(long, value_name = "JSON", requires = "template", value_parser = blank::areas)]
    areas: Option<Areas>,
}

type Areas = Vec<[inkflow_schemas::Bp; 4]>;

pub(super) fn run(ReadArgs { photos, model, overlay, template, areas }: ReadArgs) -> Result<(), Failure> {
    let overlays = match &overlay {
        None => vec![None; photos.len()],
        Some(out) => places(&photos, template.as_deref(), out)?.into_iter().map(Some).collect(),
    };
    let model = read::model(Some(&model))?;
    let default = ReaderSettings::default();
    let settings = ReaderSettings { threads: default.threads.min(photos.len()), ..default };
    let pages = PageReader::start(vec![model.clone()], settings).map_err(crate::readers::ModelError::from)?;
    let all = photos.into_iter().zip(overlays).collect();
    let blank = template.map(|template| (template, areas.unwrap_or_default()));
    super::run::runtime()?.block_on(read_all(all, blank, Arc::new(pages), model, settings.threads * 2))
}

/// Where each photo's overlay goes: never over what is read.
fn places(photos: &[PathBuf], blank: Option<&Path>, out: &Path) -> Result<Vec<(PathBuf, Form)>, Failure> {
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    let inputs: HashMap<PathBuf, &str> = (photos.iter().map(|photo| (photo.as_path(), "a photo")))
        .chain(blank.map(|blank| (blank, "the blank page")))
        .filter_map(|(path, what)| Some((whole(path)?, what)))
        .collect();
    let kept = |out: &Path| match whole(out).and_then(|there| inputs.get(&there)) {
        Some(what) => {
            Err(Failure::Usage(format!("the overlay would be written over {}, {what} to read", out.display())))
        }
        None => Ok(()),
    };
    if photos.len() == 1 && !out.is_dir() {
        let form = Form::of(out).ok_or_else(|| {
            Failure::Usage(format!("{}: an overlay's name ends in .png, .jpg or .jpeg", out.display()))
        })?;
        kept(out)?;
        return Ok(vec![(out.to_owned(), form)]);
    }
    std::fs::create_dir_all(out)
        .map_err(|error| Failure::Usage(format!("the folder {} cannot be made: {error}", out.display())))?;
    let mut taken = HashSet::new();
    let place = |photo: &PathBuf| {
        let stem = photo.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut name = format!("{stem}.overlay.jpg");
        let mut copies = 1;
        while !taken.insert(name.clone()) {
            copies += 1;
            name = format!("{stem}-{copies}.overlay.jpg");
        }
        let path = out.join(name);
        kept(&path).map(|()| (path, Form::Jpeg))
    };
    photos.iter().map(place).collect()
}

type Place = Option<(PathBuf, Form)>;

/// What became of a photo: what was said, and whether its overlay could be written.
type Done = (PathBuf, Result<Told, Fault>, io::Result<()>);

/// Reads photos, at most `at_once` of them together, and prints their lines in the order of asking.
async fn read_all(
    mut photos: VecDeque<(PathBuf, Place)>,
    blank: Option<(PathBuf, Areas)>,
    pages: Arc<PageReader>,
    model: Model,
    at_once: usize,
) -> Result<(), Failure> {
    let blank = match blank {
        Some((path, areas)) => Some(Arc::new((prepared(&path, &pages, &model).await?, areas))),
        None => None,
    };
    let bar = bar(photos.len());
    let mut reading: VecDeque<JoinHandle<Done>> = VecDeque::new();
    let mut faults = 0;
    loop {
        while reading.len() < at_once.max(1) {
            let Some((photo, place)) = photos.pop_front() else { break };
            reading.push_back(tokio::spawn(one(photo, place, blank.clone(), pages.clone(), model.clone())));
        }
        let Some(next) = reading.pop_front() else { break };
        let (photo, outcome, drawn) = next.await.map_err(|error| Failure::Other(format!("a photo's task: {error}")))?;
        if let Err(error) = &drawn {
            let _ = writeln!(io::stderr().lock(), "the overlay of {} is not written: {error}", photo.display());
        }
        faults += usize::from(outcome.is_err() || drawn.is_err());
        let name = photo.to_string_lossy();
        let line = serde_json::to_string(&Line::of(&name, &model, &outcome))
            .map_err(|error| Failure::Other(error.to_string()))?;
        // Whoever does not want to read on closes stdout: then nothing more is read.
        if writeln!(io::stdout().lock(), "{line}").is_err() {
            return Ok(());
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    match faults {
        0 => Ok(()),
        _ => Err(Failure::Said(Exit::Other)),
    }
}

/// The blank page; without it nothing is read, as whoever named it wants it used.
async fn prepared(path: &Path, pages: &Arc<PageReader>, model: &Model) -> Result<Blank, Failure> {
    let failed = |fault: Fault| Failure::Usage(format!("the blank page {}: {}", path.display(), fault.as_str()));
    let bytes = read::photo(path).map_err(failed)?;
    Blank::of(bytes, pages, model.name()).await.map_err(|error| failed(read::fault(error)))
}

async fn one(
    photo: PathBuf,
    place: Place,
    blank: Option<Arc<(Blank, Areas)>>,
    pages: Arc<PageReader>,
    model: Model,
) -> Done {
    let path = photo.clone();
    let bytes = match tokio::task::spawn_blocking(move || read::photo(&path)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(fault)) => return (photo, Err(fault), Ok(())),
        Err(error) => return (photo, Err(Fault::Corrupt), Err(io::Error::other(error))),
    };
    let mut outcome = read::read(&pages, &model, bytes.clone()).await;
    if let (Ok(told), Some(blank)) = (&outcome, blank) {
        let (told, bytes, pages) = (told.clone(), bytes.clone(), pages.clone());
        let compare = move || blank::compare(&pages, &blank.0, &blank.1, &bytes, told);
        let compared = tokio::task::spawn_blocking(compare).await;
        outcome = compared.map_err(|_| Fault::ModelError);
    }
    let drawn = match (&outcome, place) {
        (Ok(told), Some(place)) => {
            let told = told.clone();
            let ended = tokio::task::spawn_blocking(move || draw(&bytes, &told, &place)).await;
            ended.unwrap_or_else(|error| Err(io::Error::other(error)))
        }
        _ => Ok(()),
    };
    (photo, outcome, drawn)
}

fn draw(photo: &Bytes, told: &Told, (path, form): &(PathBuf, Form)) -> io::Result<()> {
    let drawn = overlay(photo, &told.reading, &told.areas, *form);
    std::fs::write(path, drawn.map_err(|fault| io::Error::other(fault.as_str()))?)
}

/// A bar on stderr where a person waits and the lines themselves are not seen.
pub(super) fn bar(photos: usize) -> ProgressBar {
    if photos < 2 || !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(photos as u64);
    match ProgressStyle::with_template("{wide_bar} {pos}/{len} photos, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlays_have_places_of_their_own_and_no_photo_is_written_over() {
        let root = tempfile::tempdir().expect("a folder");
        let (photo, out) = (root.path().join("a.jpg"), root.path().join("out"));
        std::fs::write(&photo, "").expect("a file");
        let blank = root.path().join("blank.png");
        std::fs::write(&blank, "").expect("a file");
        let one = |out: &Path| places(std::slice::from_ref(&photo), Some(&blank), out);
        assert_eq!(one(&root.path().join("b.png")).expect("a place")[0].1, Form::Png);
        assert!(matches!(one(&photo), Err(Failure::Usage(_))));
        assert!(matches!(one(&blank), Err(Failure::Usage(_))), "nor the blank page");
        assert!(matches!(one(&root.path().join("b.gif")), Err(Failure::Usage(_))));
        let several = places(&["x/a.jpg".into(), "y/a.jpg".into(), "b.png".into()], None, &out).expect("places");
        let names: Vec<_> = several.iter().filter_map(|(path, _)| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["a.overlay.jpg", "a-2.overlay.jpg", "b.overlay.jpg"]);
        assert_eq!(places(std::slice::from_ref(&photo), None, &out).expect("a place")[0].0, out.join("a.overlay.jpg"));
        let drawn = out.join("a.overlay.jpg");
        std::fs::write(&drawn, "").expect("a file");
        assert!(
            matches!(places(&[photo.clone(), drawn], None, &out), Err(Failure::Usage(_))),
            "one that is read again"
        );
    }
}
