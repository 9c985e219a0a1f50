//! A model in a folder: checked, probed, and refused with a reason before it can take traffic.
//!
//! `models/<name>/<version>/` holds `manifest.json`, `probe.json` and the ONNX file. The file must be the one that the
//! manifest means (SHA-256), take and give what it says, and answer the probe as it did when it was exported. A model
//! that fails any of this never answers a photo; those that are loaded go on.

use super::areas;
use super::manifest::{Field, Manifest, ManifestError};
use super::outputs::{self, Numbers};
use super::runtime::{environment, RuntimeError};
use crate::photos::verify::sha256;
use inkflow_schemas::{Area, Fault, ModelName, Reading};
use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, PrepackedWeights};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A probe's outputs may differ by this from what was exported, where it does not say itself: other processors add in
/// another order.
const PROBE_TOLERANCE: f32 = 1e-3;

/// A model file is at most this long: a page model has a few MB, and the file is held in memory.
const MODEL_BYTES_MAX: u64 = 1 << 30;

/// A model that was checked and probed. Clones share the file and its weights.
#[derive(Clone)]
pub struct Model {
    manifest: Arc<Manifest>,
    file: Arc<[u8]>,
    /// Weights laid out for the processor: once, for the sessions of all threads.
    weights: PrepackedWeights,
    environment: Environment,
}

/// Why a model takes no traffic.
#[derive(Debug, thiserror::Error)]
#[error("the model in {} is refused: {why}", folder.display())]
pub struct ModelRefused {
    /// Where it lies.
    pub folder: PathBuf,
    /// What is wrong.
    pub why: Refusal,
}

/// What is wrong with a model.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A file is missing or cannot be read.
    #[error("{file}: {source}")]
    File {
        /// Its name in the folder.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It lies in the folder of another model.
    #[error("its manifest says {said}, its folder {lies}")]
    Place {
        /// `name@version` of the manifest.
        said: ModelName,
        /// `name/version` of the folder.
        lies: String,
    },
    /// The file is not the one that the manifest means.
    #[error("the SHA-256 of {file} is not the manifest's")]
    Hash {
        /// The file.
        file: String,
    },
    /// ONNX Runtime is not there.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// ONNX Runtime does not take it, or fails to run it.
    #[error("ONNX Runtime: {0}")]
    Onnx(String),
    /// An input or output is not what the manifest says.
    #[error("{0}")]
    Shape(String),
    /// It does not answer the probe as it should.
    #[error("the probe: {0}")]
    Probe(String),
}

impl From<ort::Error> for Refusal {
    fn from(error: ort::Error) -> Refusal {
        Refusal::Onnx(error.to_string())
    }
}

/// Every model below a folder, good or refused.
#[derive(Default)]
pub struct Models {
    /// Those that may take traffic, by name.
    pub good: Vec<Model>,
    /// The others, with reasons.
    pub refused: Vec<ModelRefused>,
}

impl Models {
    /// Loads each `<root>/<name>/<version>/` that has a `manifest.json`, with ONNX Runtime's library at `runtime`.
    pub fn load(root: &Path, runtime: &Path) -> std::io::Result<Models> {
        let mut models = Models::default();
        for name in folders(root)? {
            for folder in folders(&name)? {
                if !folder.join("manifest.json").exists() {
                    continue;
                }
                match Model::load(&folder, runtime) {
                    Ok(model) => models.good.push(model),
                    Err(refused) => models.refused.push(refused),
                }
            }
        }
        Ok(models)
    }
}

/// The folders in a folder, by name, so that the order never depends on the disk.
fn folders(of: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(of)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

impl Model {
    /// Loads and checks the model in a folder, with ONNX Runtime's library at `runtime` (see
    /// [`find_runtime`](super::find_runtime)).
    pub fn load(folder: &Path, runtime: &Path) -> Result<Model, ModelRefused> {
        Model::checked(folder, runtime).map_err(|why| ModelRefused { folder: folder.to_owned(), why })
    }

    fn checked(folder: &Path, runtime: &Path) -> Result<Model, Refusal> {
        let manifest = Manifest::parse(&file(folder, "manifest.json")?)?;
        let lies: PathBuf = folder.components().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
        let (name, version) = manifest.model.parts();
        if lies != Path::new(name).join(version) {
            return Err(Refusal::Place { said: manifest.model, lies: lies.display().to_string() });
        }
        let bytes = file(folder, &manifest.file)?;
        if sha256(&bytes) != manifest.sha256 {
            return Err(Refusal::Hash { file: manifest.file });
        }
        let probe = Probe::parse(&file(folder, "probe.json")?)?;
        let environment = environment(runtime)?;
        let (manifest, file) = (Arc::new(manifest), bytes.into());
        let model = Model { manifest, file, weights: PrepackedWeights::new(), environment };
        let mut session = model.session()?;
        model.check_shapes(&session)?;
        probe.ask(&model, &mut session)?;
        Ok(model)
    }

    /// Its `name@version`.
    pub fn name(&self) -> &ModelName {
        &self.manifest.model
    }

    /// What its manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How long its file is.
    pub fn bytes(&self) -> usize {
        self.file.len()
    }

    /// A session for one thread: one thread inside as well, as the pool has as many as there are processors.
    pub fn session(&self) -> ort::Result<Session> {
        Session::builder(&self.environment)?
            .with_intra_threads(1)?
            .with_inter_threads(1)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_prepacked_weights(&self.weights)?
            .commit_from_memory(&self.file)
    }

    fn check_shapes(&self, session: &Session) -> Result<(), Refusal> {
        let m = &self.manifest;
        let sides = [m.input.channels.count() as i64, m.input.height.into(), m.input.width.into()];
        if session.inputs().len() != 1 {
            return Err(Refusal::Shape(format!("it has {} inputs; want one", session.inputs().len())));
        }
        check_shape("input", session.inputs(), &m.input_name, &sides)?;
        check_shape("output", session.outputs(), &m.quality, &[m.classes.len() as i64])?;
        check_shape("output", session.outputs(), &m.completion, &[])?;
        check_shape("output", session.outputs(), &m.confidence, &[])?;
        let Some(maps) = &m.maps else { return Ok(()) };
        check_shape("output", session.outputs(), &maps.name, &maps.sides(&m.input).map(|side| side as i64))
    }

    /// Runs a batch of photos, as [`InputSpec::append_to`] lays them out, and gives what is said of each. `shown` has for
    /// each how many pixels of the input it covers, from the top left ([`InputSpec::fit`]). An error is the batch's, not a
    /// photo's.
    ///
    /// [`InputSpec::append_to`]: crate::decode::InputSpec::append_to
    /// [`InputSpec::fit`]: crate::decode::InputSpec::fit
    pub fn infer(
        &self,
        session: &mut Session,
        batch: &[f32],
        shown: &[(u32, u32)],
    ) -> Result<Vec<Result<(Reading, Vec<Area>), Fault>>, String> {
        let photos = self.numbers(session, batch, shown.len())?;
        Ok(photos.iter().zip(shown).map(|(numbers, shown)| self.said(numbers, *shown)).collect())
    }

    /// What numbers for a photo say, which covers `shown` pixels of the input. Areas are told of where completion is: of
    /// a page that can be judged.
    pub fn said(&self, numbers: &Numbers, shown: (u32, u32)) -> Result<(Reading, Vec<Area>), Fault> {
        let m = &self.manifest;
        let reading = outputs::reading(&numbers.quality, &m.classes, numbers.completion, numbers.confidence)?;
        let areas = match &m.maps {
            Some(maps) => areas::areas(&numbers.maps, maps, &m.input, shown)?,
            None => Vec::new(),
        };
        Ok((reading, if reading.completion.is_some() { areas } else { Vec::new() }))
    }

    /// Runs a batch of `count` photos, and gives the model's numbers for each: exactly `count`.
    pub fn numbers(&self, session: &mut Session, batch: &[f32], count: usize) -> Result<Vec<Numbers>, String> {
        let m = &self.manifest;
        let shape = [count, m.input.channels.count(), m.input.height as usize, m.input.width as usize];
        let tensor = TensorRef::from_array_view((shape, batch)).map_err(|e| e.to_string())?;
        let outputs = session.run(ort::inputs![m.input_name.as_str() => tensor]).map_err(|e| e.to_string())?;
        let output = |name: &str, each: usize| -> Result<Vec<f32>, String> {
            let value = outputs.get(name).ok_or_else(|| format!("gives no {name}"))?;
            let (_, values) = value.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
            if values.len() != count * each {
                return Err(format!("gives {} numbers of {name}; want {}", values.len(), count * each));
            }
            Ok(values.to_vec())
        };
        let classes = m.classes.len();
        let quality = output(&m.quality, classes)?;
        let (completion, confidence) = (output(&m.completion, 1)?, output(&m.confidence, 1)?);
        let cells = m.maps.as_ref().map_or(0, |maps| maps.sides(&m.input).into_iter().product());
        let maps = match &m.maps {
            Some(maps) => output(&maps.name, cells)?,
            None => Vec::new(),
        };
        let photos = quality.chunks(classes).zip(completion).zip(confidence).enumerate();
        let numbers = photos.map(|(i, ((quality, completion), confidence))| Numbers {
            quality: quality.to_vec(),
            completion,
            confidence,
            maps: maps.get(i * cells..(i + 1) * cells).unwrap_or_default().to_vec(),
        });
        Ok(numbers.collect())
    }
}

fn file(folder: &Path, name: &str) -> Result<Vec<u8>, Refusal> {
    let error = |source| Refusal::File { file: name.to_owned(), source };
    let path = folder.join(name);
    if std::fs::metadata(&path).map_err(error)?.len() > MODEL_BYTES_MAX {
        return Err(error(std::io::ErrorKind::FileTooLarge.into()));
    }
    std::fs::read(path).map_err(error)
}

/// Float32, any number of photos, then `sides`; a side may be left open by the file.
fn check_shape(what: &str, outlets: &[Outlet], name: &str, sides: &[i64]) -> Result<(), Refusal> {
    let Some(outlet) = outlets.iter().find(|outlet| outlet.name() == name) else {
        let names: Vec<&str> = outlets.iter().map(Outlet::name).collect();
        return Err(Refusal::Shape(format!("it has no {what} {name:?}; it has {}", names.join(", "))));
    };
    let want = || format!("{what} {name:?} is {}; want float32 [N{}]", outlet.dtype(), list(sides));
    let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = outlet.dtype() else {
        return Err(Refusal::Shape(want()));
    };
    let open = |have: &i64, side: &i64| *have == -1 || have == side;
    let fits = match &shape[..] {
        // A file that fixes the number of photos cannot be given a batch.
        [-1, have @ ..] => have.len() == sides.len() && have.iter().zip(sides).all(|(have, side)| open(have, side)),
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::Shape(want()))
    }
}

fn list(sides: &[i64]) -> String {
    sides.iter().map(|side| format!(", {side}")).collect()
}

/// An input that needs no file, and what the model answered to it when it was exported.
struct Probe {
    quality: Vec<f32>,
    completion: f32,
    confidence: f32,
    tolerance: f32,
}

impl Probe {
    fn parse(json: &[u8]) -> Result<Probe, Refusal> {
        let problem = |e: &dyn std::fmt::Display| Refusal::Probe(format!("probe.json: {e}"));
        let root: serde_json::Value = serde_json::from_slice(json).map_err(|e| problem(&e))?;
        let numbers = |path: &str, count| Field::of(&root, path).numbers(count).map_err(|e| problem(&e));
        let one = |path| Ok::<f32, Refusal>(numbers(path, 1)?.first().copied().unwrap_or(f32::NAN));
        let tolerance = root.get("tolerance").and_then(serde_json::Value::as_f64).unwrap_or(PROBE_TOLERANCE.into());
        Ok(Probe {
            quality: numbers("outputs.quality.0", 5)?,
            completion: one("outputs.completion")?,
            confidence: one("outputs.confidence")?,
            tolerance: tolerance as f32,
        })
    }

    /// The probe's input: `value(y, x) = (x*7 + y*13) % 256` in every channel, over the whole input.
    fn input(model: &Model) -> Vec<f32> {
        let spec = &model.manifest.input;
        let value = |x: u32, y: u32| ((x * 7 + y * 13) % 256) as u8;
        let channels = spec.channels.count();
        let rows = (0..spec.height).flat_map(|y| (0..spec.width).map(move |x| value(x, y)));
        let bytes = rows.flat_map(|v| std::iter::repeat_n(v, channels)).collect();
        let pattern = crate::decode::Pixels { width: spec.width, height: spec.height, channels: spec.channels, bytes };
        let mut input = Vec::with_capacity(spec.floats());
        spec.append_to(&pattern, &mut input);
        input
    }

    fn ask(&self, model: &Model, session: &mut Session) -> Result<(), Refusal> {
        // Twice in one batch: a model that can only be asked for one photo, or mixes them up, shows it here.
        let one = Probe::input(model);
        let both = model.numbers(session, &[one.as_slice(), &one].concat(), 2).map_err(Refusal::Probe)?;
        let expected = self.quality.iter().chain([&self.completion, &self.confidence]);
        for photo in &both {
            let given = photo.quality.iter().chain([&photo.completion, &photo.confidence]);
            for (given, expected) in given.zip(expected.clone()) {
                if given.is_nan() {
                    return Err(Refusal::Probe("it answers with what is not a number".into()));
                }
                if (given - expected).abs() > self.tolerance {
                    return Err(Refusal::Probe(format!("it answers {given} where it should {expected}")));
                }
            }
        }
        let input = &model.manifest.input;
        let readings = model.infer(session, &one, &[(input.width, input.height)]).map_err(Refusal::Probe)?;
        if readings.iter().any(Result::is_err) {
            return Err(Refusal::Probe("its answer is out of range".into()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({})", self.name())
    }
}
