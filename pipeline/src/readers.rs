//! Reading photos with models: from the flow's settings to a reader that is warm.

use crate::config::{BatchConfig, ModelConfig};
use crate::run::Readers;
use inkflow_connectors::photos::Stores;
use inkflow_connectors::reader::{
    find_runtime, BatchSettings, ModelRefused, Models, PageReader, PhotoReader, Reader, ReaderSettings, RuntimeError,
    StartError,
};
use inkflow_schemas::ModelName;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why no model can read.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The folder of models cannot be read.
    #[error("the models in {}: {error}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The flow's model is not among those that may take traffic.
    #[error("the models in {} have no {model} that may read: {why}", folder.display())]
    NoSuchModel {
        /// Where it was looked for.
        folder: PathBuf,
        /// Which.
        model: ModelName,
        /// Who is there, or why it is refused.
        why: String,
    },
    /// The model that was asked for may not read.
    #[error(transparent)]
    Refused(#[from] ModelRefused),
    /// The folder that was named holds no model, or is not there.
    #[error(
        "no model is in {}: --model wants the folder of one, as models/page/1, or of models", folder.display()
    )]
    None {
        /// Which.
        folder: PathBuf,
    },
    /// The threads that read do not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The photos cannot be had.
    #[error("{0}")]
    Photos(String),
}

/// Loads every model of the flow's folder, each tried on its probe, and finds the flow's own among them.
pub fn load(config: &ModelConfig) -> Result<Models, ModelError> {
    let runtime = find_runtime()?;
    let folder = &config.folder;
    let models =
        Models::load(folder, &runtime).map_err(|error| ModelError::Folder { folder: folder.clone(), error })?;
    if models.good.iter().any(|model| *model.name() == config.name.0) {
        return Ok(models);
    }
    let (name, version) = config.name.0.parts();
    let own = folder.join(name).join(version);
    let why = match models.refused.iter().find(|refused| refused.folder == own) {
        Some(refused) => refused.why.to_string(),
        None if models.good.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", list(models.good.iter().map(|model| model.name()))),
    };
    Err(ModelError::NoSuchModel { folder: folder.clone(), model: config.name.0.clone(), why })
}

/// Names, for people.
pub fn list<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// A reader by models, its sessions warm; and its threads, for who watches them.
pub fn start(config: &ModelConfig, photos: Arc<Stores>) -> Result<(Readers, Arc<PageReader>), ModelError> {
    let models = load(config)?;
    for refused in &models.refused {
        tracing::warn!(%refused, "not served");
    }
    let templates: BTreeSet<ModelName> =
        models.good.iter().filter(|model| model.manifest().reads_templates).map(|model| model.name().clone()).collect();
    let in_flight_max = config.in_flight_max.get();
    let pages = Arc::new(PageReader::start(models.good, settings(config))?);
    let photo_reader = PhotoReader::new(photos, pages.clone());
    let readers = Readers::Photos {
        reader: Box::new(move |known| Arc::new(photo_reader.with_known(known)) as Arc<dyn Reader>),
        model: config.name.0.clone(),
        template_models: Arc::new(templates),
        in_flight_max,
    };
    Ok((readers, pages))
}

fn settings(ModelConfig { threads, batch, in_flight_max, .. }: &ModelConfig) -> ReaderSettings {
    let BatchConfig { size, bytes, age_ms } = batch;
    let default = ReaderSettings::default();
    ReaderSettings {
        threads: threads.map_or(default.threads, |threads| threads.get()),
        batch: BatchSettings {
            photos_max: size.get(),
            bytes_max: bytes.get(),
            age_max: Duration::from_millis(*age_ms),
        },
        waiting_max: in_flight_max.get(),
        ..default
    }
}
