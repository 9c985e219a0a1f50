//! ONNX Runtime's library: where it lies, and loading it once.

use ort::environment::Environment;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The release that `deploy/onnxruntime.sh` fetches and that everything here is tested with.
pub const ONNXRUNTIME_VERSION: &str = "1.31.1";

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library lies where it is looked for.
    #[error(
        "ONNX Runtime is not installed: no file {}\n  install it with: deploy/onnxruntime.sh\n  or say where it lies: \
         export ORT_DYLIB_PATH=/path/to/libonnxruntime.so", looked_for.display()
    )]
    NotFound {
        /// The last place.
        looked_for: PathBuf,
    },
    /// It is there and cannot be used: another platform, too old, damaged.
    #[error("ONNX Runtime at {} cannot be loaded: {why}", path.display())]
    NotLoaded {
        /// The library.
        path: PathBuf,
        /// What the loader says.
        why: String,
    },
}

/// Where ONNX Runtime's library lies: at `ORT_DYLIB_PATH`, else in inkflow's cache, where `deploy/onnxruntime.sh` puts it.
pub fn find_runtime() -> Result<PathBuf, RuntimeError> {
    find(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn find(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, RuntimeError> {
    let looked_for = match variable("ORT_DYLIB_PATH") {
        // What was asked for by name is that or nothing.
        Some(path) => path,
        None => {
            let home = variable("HOME").unwrap_or_else(|| "/tmp".into());
            let cache = variable("INKFLOW_CACHE").unwrap_or_else(|| home.join(".cache/inkflow"));
            cache.join(format!("onnxruntime-{ONNXRUNTIME_VERSION}/libonnxruntime.so"))
        }
    };
    if looked_for.is_file() {
        Ok(looked_for)
    } else {
        Err(RuntimeError::NotFound { looked_for })
    }
}

/// Loads the library, once a process: a second call gives the first one's environment, whatever the path.
pub(super) fn environment(path: &Path) -> Result<Environment, RuntimeError> {
    static LOADED: Mutex<Option<Environment>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(environment) = &*loaded {
        return Ok(environment.clone());
    }
    let not_loaded = |why: String| RuntimeError::NotLoaded { path: path.to_owned(), why };
    let builder = ort::init_from(path).map_err(|e| not_loaded(e.to_string()))?;
    let environment = builder
        .with_name("inkflow")
        // Photos are children's: nothing about them, not even how many there are, is sent to anybody.
        .with_telemetry(false)
        .build()
        .map_err(|e| not_loaded(e.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Error);
    *loaded = Some(environment.clone());
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_before_the_cache_and_an_error_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("named.so");
        let cached = folder.path().join("onnxruntime-1.31.1/libonnxruntime.so");
        std::fs::create_dir(cached.parent().unwrap()).unwrap();
        let cache = |name: &str| (name == "INKFLOW_CACHE").then(|| folder.path().to_owned());
        let both = |name: &str| if name == "ORT_DYLIB_PATH" { Some(named.clone()) } else { cache(name) };
        let message = find(cache).unwrap_err().to_string();
        assert!(message.contains("deploy/onnxruntime.sh") && message.contains("ORT_DYLIB_PATH"), "{message}");
        std::fs::write(&cached, "").unwrap();
        assert_eq!(find(cache).unwrap(), cached);
        assert!(find(both).is_err(), "a library that was named and is missing is not replaced by another");
        std::fs::write(&named, "").unwrap();
        assert_eq!(find(both).unwrap(), named);
    }
}
