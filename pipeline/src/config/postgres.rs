//! The flow file's words for PostgreSQL.

use super::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// The server's name or address; a path is the folder of its socket.
    #[schemars(extend("examples" = ["db.example.org"]))]
    pub host: String,
    /// Its port.
    #[serde(default = "port")]
    pub port: u16,
    /// The database. Its encoding is UTF8.
    #[schemars(extend("examples" = ["homework"]))]
    pub database: String,
    /// The role that writes. It owns the schema, or may make it.
    #[schemars(extend("examples" = ["inkflow"]))]
    pub user: String,
    /// Its password, where it needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// The schema that holds the tables; made if it is not there. Tables of your own in it are left alone.
    #[serde(default = "own_schema")]
    pub schema: String,
    /// A role that may read the tables, and nothing else of them. It must exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["dashboards"]))]
    pub readers_role: Option<String>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: TlsMode,
    /// The authorities whose certificates are believed (PEM), in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ca.pem"]))]
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a database is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// It is not: for a server on this machine, or a way that is protected otherwise.
    Disable,
    /// Nobody reads on the way; who answers is not asked.
    Require,
    /// The server's name and certificate must be right, too.
    #[default]
    VerifyFull,
}

fn port() -> u16 {
    5432
}

fn own_schema() -> String {
    "inkflow".to_owned()
}

impl PostgresConfig {
    /// Makes its paths relative to the folder of the file that they stand in.
    pub(super) fn resolve(&mut self, base: &Path) {
        self.password.iter_mut().for_each(|password| password.resolve(base));
        self.ca_file.iter_mut().for_each(|file| *file = base.join(&*file));
    }

    /// What the sink is told, its password read.
    #[cfg(feature = "postgres")]
    pub fn settings(&self) -> Result<inkflow_connectors::sink::postgres::PostgresSettings, super::SecretError> {
        use inkflow_connectors::sink::postgres::{PostgresSettings, PostgresTls, PATIENCE};
        Ok(PostgresSettings {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            user: self.user.clone(),
            password: self.password.as_ref().map(Secret::read).transpose()?,
            tls: match self.tls {
                TlsMode::Disable => PostgresTls::Disable,
                TlsMode::Require => PostgresTls::Require,
                TlsMode::VerifyFull => PostgresTls::VerifyFull(self.ca_file.clone()),
            },
            schema: self.schema.clone(),
            readers_role: self.readers_role.clone(),
            patience: PATIENCE,
        })
    }
}
