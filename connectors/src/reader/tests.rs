//! Models that are refused, photos that are read, and what the pool keeps while both change.

use super::tiny::Tiny;
use super::*;
use crate::decode::samples::Png;
use crate::decode::Pixels;
use crate::photos::limit::{InFlight, Limit};
use crate::photos::{StoredPhotos, Verify};
use bytes::Bytes;
use inkflow_schemas::{AreaState, Bp, ModelName, PhotoKey, Quality};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

fn runtime() -> PathBuf {
    find_runtime().unwrap_or_else(|error| panic!("{error}"))
}

fn load(tiny: Tiny) -> Result<Model, ModelRefused> {
    let root = tempfile::tempdir().unwrap();
    Model::load(&tiny.write(root.path(), "1"), &runtime())
}

fn name(text: &str) -> ModelName {
    ModelName::new(text).unwrap()
}

fn settings(threads: usize) -> ReaderSettings {
    ReaderSettings { threads, ..ReaderSettings::default() }
}

/// A grey PNG of 6 x 8: its mean is its value.
fn grey(value: u8) -> Bytes {
    Png::of(6, 8, 8, 0, vec![value; 48]).bytes().into()
}

fn completion(value: u8) -> Option<Bp> {
    Bp::new((f64::from(value) / 255.0 * 10_000.0 + 0.5) as u16)
}

#[track_caller]
fn refused(tiny: Tiny, why: &str) {
    let error = load(tiny).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn bad_models_are_refused_with_a_reason() {
    load(Tiny::default()).unwrap();
    refused(Tiny { sides: [1, 6, 8], ..Tiny::default() }, "input \"image\" is");
    refused(Tiny { sides: [1, 8, 7], ..Tiny::default() }, "want float32 [N, 1, 8, 6]");
    // ONNX Runtime itself finds that these cannot be.
    refused(Tiny { sides: [3, 8, 6], ..Tiny::default() }, "");
    refused(Tiny { element: 11, ..Tiny::default() }, "ONNX Runtime");
    refused(Tiny { fixed_batch: true, ..Tiny::default() }, "input \"image\" is");
    refused(Tiny { input: "photo", ..Tiny::default() }, "has no input \"image\"; it has photo");
    refused(Tiny { factor: f32::NAN, ..Tiny::default() }, "not a number");
    refused(Tiny { factor: 1.5, ..Tiny::default() }, "where it should");
    refused(Tiny { probabilities: [0.5; 5], ..Tiny::default() }, "out of range");
    refused(Tiny { probabilities: [f32::NAN; 5], ..Tiny::default() }, "probe");
}

#[test]
fn damaged_folders_are_refused_with_a_reason() {
    let check = |why: &str, damage: &dyn Fn(&std::path::Path)| {
        let root = tempfile::tempdir().unwrap();
        let folder = Tiny::default().write(root.path(), "1");
        damage(&folder);
        let error = Model::load(&folder, &runtime()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    let edit = |file: &'static str, from: &'static str, to: &'static str| {
        move |folder: &std::path::Path| {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            assert!(text.contains(from), "{text}");
            std::fs::write(folder.join(file), text.replace(from, to)).unwrap();
        }
    };
    check("manifest.json", &|folder| std::fs::remove_file(folder.join("manifest.json")).unwrap());
    check("model.onnx", &|folder| std::fs::remove_file(folder.join("model.onnx")).unwrap());
    check("probe.json", &|folder| std::fs::remove_file(folder.join("probe.json")).unwrap());
    check("probe.json", &|folder| std::fs::write(folder.join("probe.json"), "{}").unwrap());
    check("SHA-256 of model.onnx", &|folder| std::fs::write(folder.join("model.onnx"), "other").unwrap());
    check("its folder tiny/1", &edit("manifest.json", "\"version\":\"1\"", "\"version\":\"2\""));
    check("has no output \"filled\"", &edit("manifest.json", "{\"name\":\"completion\"}", "{\"name\":\"filled\"}"));
    // Garbage that the manifest does mean.
    check("ONNX Runtime", &|folder| {
        std::fs::write(folder.join("model.onnx"), b"garbage").unwrap();
        let hex: String = crate::photos::verify::sha256(b"garbage").iter().map(|b| format!("{b:02x}")).collect();
        let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
        let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        manifest["sha256"] = hex.into();
        std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    });
}

/// Maps of a tiny model: the upper two rows of cells are filled, the lower two empty, each by 0.9.
fn halves() -> Vec<f32> {
    let plane = |upper: f32, lower: f32| [[upper; 6], [lower; 6]].concat();
    [plane(1.0, 1.0), plane(0.05, 0.9), plane(0.9, 0.05), plane(0.0, 0.0), plane(0.5, 0.0), plane(4.0, 4.0)].concat()
}

#[test]
fn a_model_whose_maps_are_not_what_it_says_is_refused() {
    let with = |maps: Vec<f32>| Tiny { maps: Some(maps), ..Tiny::default() };
    load(with(halves())).unwrap();
    let mut over = halves();
    over[12] = 1.5;
    refused(with(over), "out of range");
    let mut broken = halves();
    broken[70] = f32::NAN;
    refused(with(broken), "out of range");
    let damaged = |from: &str, to: &str| {
        let root = tempfile::tempdir().unwrap();
        let folder = with(halves()).write(root.path(), "1");
        let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
        assert!(manifest.contains(from), "{manifest}");
        std::fs::write(folder.join("manifest.json"), manifest.replace(from, to)).unwrap();
        Model::load(&folder, &runtime()).unwrap_err().to_string()
    };
    let error = damaged("\"cell\":2", "\"cell\":1");
    assert!(error.contains("output \"maps\" is") && error.contains("want float32 [N, 6, 8, 6]"), "{error}");
    let error = damaged("\"name\":\"maps\"", "\"name\":\"map\"");
    assert!(error.contains("has no output \"map\""), "{error}");
}

#[tokio::test]
async fn areas_come_with_the_reading_of_a_page_that_can_be_judged() {
    let tiny = Tiny { maps: Some(halves()), ..Tiny::default() };
    let batch = BatchSettings { photos_max: 3, ..BatchSettings::default() };
    let reader = PageReader::start(vec![load(tiny).unwrap()], ReaderSettings { batch, ..settings(1) }).unwrap();
    let tiny = name("tiny@1");
    let wide = || Png::of(6, 4, 8, 0, vec![9; 24]).bytes().into();
    let asked = [grey(1), wide(), grey(2)].map(|photo| reader.read(&tiny, photo));
    let told: Vec<_> = futures::future::join_all(asked).await.into_iter().map(|said| boxes(&said.unwrap().1)).collect();
    let whole = [("answered", [0, 0, 10_000, 5_000]), ("blank", [0, 5_000, 10_000, 5_000])];
    assert_eq!(told[0], whole);
    assert_eq!(told[2], whole);
    // A photo of 6 x 4 covers the upper two rows of cells: what is said below it is not of it.
    assert_eq!(told[1], [("answered", [0, 0, 10_000, 10_000])]);

    let dark = Tiny { maps: Some(halves()), probabilities: [0.1, 0.1, 0.6, 0.1, 0.1], ..Tiny::default() };
    let reader = PageReader::start(vec![load(dark).unwrap()], settings(1)).unwrap();
    let (reading, areas) = reader.read(&tiny, grey(1)).await.unwrap();
    assert_eq!((reading.quality, areas), (Quality::Dark, vec![]));
}

fn boxes(areas: &[Area]) -> Vec<(&'static str, [u16; 4])> {
    areas.iter().map(|area| (area.state.as_str(), area.at.map(Bp::get))).collect()
}

#[test]
fn a_folder_of_models_is_loaded_whole_and_the_bad_ones_are_named() {
    let root = tempfile::tempdir().unwrap();
    Tiny::default().write(root.path(), "2");
    Tiny::default().write(root.path(), "1");
    Tiny { name: "broken", factor: f32::NAN, ..Tiny::default() }.write(root.path(), "1");
    let models = Models::load(root.path(), &runtime()).unwrap();
    let names: Vec<&str> = models.good.iter().map(|m| m.name().as_str()).collect();
    assert_eq!(names, ["tiny@1", "tiny@2"]);
    assert_eq!(models.refused.len(), 1);
}

#[test]
fn a_gpu_that_is_asked_for_is_never_the_processor() {
    let gpu = ReaderSettings { device: Device::Gpu, ..settings(1) };
    assert!(matches!(PageReader::start(vec![], gpu), Err(StartError::NoGpu)));
}

#[tokio::test]
async fn photos_get_their_own_readings_however_they_are_batched() {
    let model = load(Tiny::default()).unwrap();
    for photos_max in [1, 3, 16] {
        let batch = BatchSettings { photos_max, ..BatchSettings::default() };
        let reader = Arc::new(PageReader::start(vec![model.clone()], ReaderSettings { batch, ..settings(2) }).unwrap());
        let tiny = name("tiny@1");
        let all = (0..=255u8).map(|value| {
            let (reader, tiny) = (reader.clone(), tiny.clone());
            tokio::spawn(async move { (value, reader.read(&tiny, grey(value)).await) })
        });
        for read in all.collect::<Vec<_>>() {
            let (value, answer) = read.await.unwrap();
            let (reading, areas) = answer.unwrap();
            assert_eq!((reading.quality, reading.completion), (Quality::Ok, completion(value)));
            assert_eq!((reading.confidence, areas.len()), (completion(value), 0));
        }
        let figures = reader.figures();
        assert_eq!((figures.waiting, figures.read, figures.failed), (0, 256, 0));
        assert!(figures.batches as usize >= 256 / photos_max);
    }
}

#[tokio::test]
async fn bad_photos_do_not_spoil_the_batch() {
    let broken = Tiny { breaks_above: Some(0.9), ..Tiny::default() };
    let batch = BatchSettings { photos_max: 6, ..BatchSettings::default() };
    let reader = PageReader::start(vec![load(broken).unwrap()], ReaderSettings { batch, ..settings(1) }).unwrap();
    let tiny = name("tiny@1");
    let photos = [grey(10), Bytes::from_static(b"PK\x03\x04"), grey(255), grey(20), grey(30).slice(..60), Bytes::new()];
    let answers = futures::future::join_all(photos.map(|photo| reader.read(&tiny, photo))).await;
    let outcomes: Vec<_> = answers.into_iter().map(|a| a.map(|(r, _)| r.completion)).collect();
    assert_eq!(
        outcomes,
        [
            Ok(completion(10)),
            Err(Fault::NotAnImage.into()),
            Err(Fault::ModelError.into()),
            Ok(completion(20)),
            Err(Fault::Corrupt.into()),
            Err(Fault::NotAnImage.into()),
        ]
    );
}

#[tokio::test]
async fn an_unknown_model_may_come_and_is_an_error_if_it_does_not() {
    let reader = PageReader::start(vec![], settings(1)).unwrap();
    let error = reader.read(&name("page@16"), grey(1)).await.unwrap_err();
    assert!(matches!(error, ReadError::Passing { becomes: Fault::ModelError, tries: 1, .. }), "{error}");
}

#[tokio::test]
async fn several_models_at_once() {
    let root = tempfile::tempdir().unwrap();
    let dark = [0.1, 0.1, 0.6, 0.1, 0.1];
    Tiny::default().write(root.path(), "1");
    Tiny { probabilities: dark, ..Tiny::default() }.write(root.path(), "2");
    let models = Models::load(root.path(), &runtime()).unwrap();
    let reader = PageReader::start(models.good, settings(2)).unwrap();
    let names = [name("tiny@1"), name("tiny@2")];
    let all = (0..100u8).map(|i| reader.read(&names[usize::from(i % 2)], grey(i)));
    for (i, answer) in futures::future::join_all(all).await.into_iter().enumerate() {
        let (reading, _) = answer.unwrap();
        assert_eq!(reading.quality, if i % 2 == 0 { Quality::Ok } else { Quality::Dark });
        assert_eq!(reading.completion.is_some(), i % 2 == 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_swaps_under_load_lose_no_request() {
    let root = tempfile::tempdir().unwrap();
    let [one, two] = ["1", "2"].map(|v| Model::load(&Tiny::default().write(root.path(), v), &runtime()).unwrap());
    let reader = Arc::new(PageReader::start(vec![one.clone()], settings(2)).unwrap());
    let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let load = (0..4u8).map(|value| {
        let (reader, asked, stop) = (reader.clone(), asked.clone(), stop.clone());
        tokio::spawn(async move {
            while stop.load(Ordering::Relaxed) == 0 {
                // Whichever is served when the queue takes it: here at least one of them always is.
                let mut answer = reader.read(&name("tiny@1"), grey(value)).await;
                if matches!(answer, Err(ReadError::Passing { .. })) {
                    answer = reader.read(&name("tiny@2"), grey(value)).await;
                }
                match answer {
                    Ok((reading, _)) => assert_eq!(reading.completion, completion(value)),
                    // Between the two questions it was swapped back; nothing was lost, it was never taken.
                    Err(error) => assert!(matches!(error, ReadError::Passing { .. }), "{error}"),
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let load: Vec<_> = load.collect();
    let swapping = reader.clone();
    tokio::task::spawn_blocking(move || {
        for swap in 0..100 {
            let (add, remove) = if swap % 2 == 0 { (&two, &one) } else { (&one, &two) };
            swapping.add(add.clone()).unwrap();
            swapping.remove(remove.name());
        }
    })
    .await
    .unwrap();
    stop.store(1, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    let figures = reader.figures();
    assert!(asked.load(Ordering::Relaxed) > 0);
    assert_eq!((figures.failed, figures.waiting), (0, 0));
    assert_eq!(reader.models(), [name("tiny@1")]);
}

#[tokio::test]
async fn the_queue_is_bounded_and_a_dropped_question_frees_its_place() {
    let model = load(Tiny::default()).unwrap();
    let waiting_max = 2;
    let reader = PageReader::start(vec![model], ReaderSettings { waiting_max, ..settings(1) }).unwrap();
    let tiny = name("tiny@1");
    let many = futures::future::join_all((0..50).map(|_| reader.read(&tiny, grey(7))));
    let watch = async {
        for _ in 0..50 {
            assert!(reader.figures().waiting <= waiting_max);
            tokio::task::yield_now().await;
        }
    };
    let (answers, ()) = futures::join!(many, watch);
    assert!(answers.iter().all(Result::is_ok));
    for _ in 0..10 {
        let _ = tokio::time::timeout(Duration::ZERO, reader.read(&tiny, grey(7))).await;
    }
    reader.read(&tiny, grey(7)).await.unwrap();
}

#[tokio::test]
async fn fetch_hash_known_decode_infer() {
    let store = StoredPhotos::memory();
    store.put("a.png", grey(51)).await.unwrap();
    let pages = Arc::new(PageReader::start(vec![load(Tiny::default()).unwrap()], settings(1)).unwrap());
    let reader = PhotoReader::new(Verify::new(store), pages.clone());
    let ask = |uri: &str, model: &str| {
        let key = PhotoKey { uri: uri.into(), version: "".into() };
        let photo = Photo { key: key.clone(), bytes: None, sha256: None };
        (Question { photo: key, model: name(model), template: None }, Sheet { photo, blank: None })
    };
    let (question, sheet) = ask("a.png", "tiny@1");
    let answer = reader.read(&question, &sheet).await.unwrap();
    let sha256 = crate::photos::verify::sha256(&grey(51));
    assert_eq!((answer.reading.completion, answer.sha256), (Bp::new(2_000), Some(sha256)));

    let (missing, sheet_missing) = ask("b.png", "tiny@1");
    assert_eq!(reader.read(&missing, &sheet_missing).await, Err(ReadError::Definite(Fault::NotFound)));
    let (other, sheet_other) = ask("b.png", "tiny@2");
    let unknown = reader.read(&other, &sheet_other).await.unwrap_err();
    assert!(matches!(unknown, ReadError::Passing { .. }), "the store is not asked for a model that is not there");
    let photo = Photo { sha256: Some([0; 32]), ..sheet.photo.clone() };
    let false_hash = Sheet { photo, blank: None };
    assert_eq!(reader.read(&question, &false_hash).await, Err(ReadError::Definite(Fault::HashMismatch)));

    let stored = Reading { quality: Quality::Dark, completion: None, confidence: None };
    let before = pages.figures().read;
    let reader = reader.with_known(Arc::new(move |hash, model| {
        let known = (hash == sha256 && model.as_str() == "tiny@1").then_some(stored);
        Box::pin(std::future::ready(known))
    }));
    assert_eq!(reader.read(&question, &sheet).await.unwrap().reading, stored);
    let figures = pages.figures();
    assert_eq!((figures.read, figures.saved), (before, 1), "what is known costs no inference");
}

/// Where the photo can be laid over its blank page, that decides; where not, the model alone does, and no photo fails for
/// want of a blank page, nor waits for one with the only place in its hands.
#[tokio::test]
async fn the_blank_page_decides_where_it_can() {
    let (blank, areas, done, other) = crate::template::tests::homework();
    let png = |picture: Pixels| -> Bytes { Png::of(picture.width, picture.height, 8, 0, picture.bytes).bytes().into() };
    let store = StoredPhotos::memory();
    store.put("done.png", png(done)).await.unwrap();
    store.put("other.png", png(other)).await.unwrap();
    let pages = Arc::new(PageReader::start(vec![load(Tiny::default()).unwrap()], settings(1)).unwrap());
    // Only a photo with no blank page is looked up by its bytes alone.
    let one_at_a_time = Limit::new(Verify::new(store.clone()), InFlight::new(1, 0));
    let reader = PhotoReader::new(one_at_a_time, pages.clone())
        .with_known(Arc::new(|_, _| panic!("its blank page was not looked at")));
    let photo = |uri: &str| Photo { key: PhotoKey { uri: uri.into(), version: "".into() }, bytes: None, sha256: None };
    let page = Arc::new(TemplatePage { page: 1, photo: photo("blank.png"), areas });
    let read = async |uri: &str| {
        let sheet = Sheet { photo: photo(uri), blank: Some(page.clone()) };
        let template = Some(page.photo.key.clone());
        let question = Question { photo: sheet.photo.key.clone(), model: name("tiny@1"), template };
        tokio::time::timeout(Duration::from_secs(60), reader.read(&question, &sheet)).await.expect("no end").unwrap()
    };
    let beside = || {
        let Figures { compared, not_compared, blank_missing, .. } = pages.figures();
        (compared, not_compared, blank_missing)
    };

    let without = read("done.png").await;
    assert_eq!((without.areas.len(), beside()), (0, (0, 0, 1)), "the blank page is not there yet");
    store.put("blank.png", png(blank)).await.unwrap();
    let with = read("done.png").await;
    assert_eq!((with.reading.completion, beside()), (Bp::new(5_000), (1, 0, 1)));
    assert_ne!(without.reading.completion, with.reading.completion);
    let states: Vec<AreaState> = with.areas.iter().map(|area| area.state).collect();
    assert_eq!(states, [AreaState::Answered, AreaState::Blank].repeat(5));
    // Prepared once: what lies there now does not matter.
    store.put("blank.png", grey(0)).await.unwrap();
    assert_eq!(read("done.png").await, with);
    assert_eq!((read("other.png").await.areas.len(), beside()), (0, (2, 1, 1)), "a photo of another page");
}

#[test]
fn the_project_s_own_model_passes() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models");
    let models = Models::load(&root, &runtime()).unwrap();
    assert!(models.refused.is_empty(), "{}", models.refused.iter().map(|r| r.to_string()).collect::<String>());
    assert!(models.good.iter().any(|m| m.name().parts().0 == "page"));
}
