//! Secrets: a flow file says where one is found, never what it is. So a flow file, and what is printed of it, may be shown.

use inkflow_connectors::hidden::Hidden;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a secret is found. It is read when the run starts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// A file that holds it and nothing else; a line's end after it does not count.
    #[schemars(extend("examples" = ["password.txt"]))]
    File(PathBuf),
    /// The environment's variable of that name.
    #[schemars(extend("examples" = ["PASSWORD"]))]
    Env(String),
}

/// A secret is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret in {} cannot be read: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// There is no such variable, or it is not text.
    #[error("the environment has no variable {0} that is text, where a secret should be")]
    Env(String),
    /// It holds nothing.
    #[error("the secret in {0} is empty")]
    Empty(String),
}

impl Secret {
    /// The places where one can be found, as a flow file names them.
    pub(super) const PLACES: &'static [&'static str] = &["file", "env"];

    /// Reads it.
    pub fn read(&self) -> Result<Hidden, SecretError> {
        let (value, place) = match self {
            Secret::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|error| SecretError::File { path: path.clone(), error })?;
                let value = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
                (value.to_owned(), path.display().to_string())
            }
            Secret::Env(name) => {
                (std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?, format!("the variable {name}"))
            }
        };
        match value.is_empty() {
            true => Err(SecretError::Empty(place)),
            false => Ok(Hidden::new(value)),
        }
    }

    /// Makes its path relative to the folder of the file that it stands in.
    pub fn resolve(&mut self, base: &Path) {
        if let Secret::File(path) = self {
            *path = base.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("password");
        std::fs::write(&path, "hunter2 \r\n").expect("a file");
        let secret = Secret::File(path.clone());
        let value = secret.read().expect("a secret");
        assert_eq!(value.reveal(), "hunter2 ");
        let shown = format!("{secret:?} {value:?} {}", serde_json::to_string(&secret).expect("plain data"));
        assert!(!shown.contains("hunter2"), "{shown}");
        std::fs::write(&path, "\n").expect("a file");
        assert!(matches!(secret.read(), Err(SecretError::Empty(_))));
        std::fs::remove_file(&path).expect("a file");
        assert!(matches!(secret.read(), Err(SecretError::File { .. })));
        assert!(matches!(Secret::Env("INKFLOW_NO_SUCH_SECRET".into()).read(), Err(SecretError::Env(_))));
    }

    #[test]
    fn where_it_is_stands_in_the_flow_file() {
        let read = |text: &str| serde_saphyr::from_str::<Secret>(text).ok();
        assert_eq!(read("{file: a/b}"), Some(Secret::File("a/b".into())));
        assert_eq!(read("{env: NAME}"), Some(Secret::Env("NAME".into())));
        assert_eq!(read("hunter2"), None, "the secret itself may not stand there");
    }
}
