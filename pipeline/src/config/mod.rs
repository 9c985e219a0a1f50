//! The flow file: one YAML for everything that a run needs to be told.
//!
//! The documentation of these fields is the user's: `docs/reference/config.md`, `docs/examples/homework.yaml` and the JSON
//! Schema of `inkflow schema` are made from it, and a test keeps them so. Paths are relative to the file they stand in.

pub mod cluster;
mod kafka;
mod load;
mod postgres;
pub mod reference;
mod scalars;
mod secret;
mod stores;
#[cfg(test)]
mod tests;

use crate::engine::EngineSettings;
use crate::run::KEEP_READINGS_DAYS;
use inkflow_connectors::reader::BatchSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

pub use cluster::ClusterConfig;
pub use kafka::{
    ChangelogConfig, DeadLettersTopicConfig, KafkaConfig, KafkaSasl, KafkaSourceConfig, KafkaTls, NotificationsConfig,
    SaslMechanism, TopicNames,
};
pub(crate) use load::nearest;
pub use load::{load, parse, ConfigError};
pub use postgres::{PostgresConfig, TlsMode};
pub use scalars::{Model, Start, TimeZone, Version};
pub use secret::{Secret, SecretError};
pub use stores::{
    BucketConfig, JournalBucketConfig, JournalConfig, PhotoBucketConfig, PhotoFolderConfig, PhotosConfig, WebConfig,
};

/// The name of the file with recorded readings in a folder of records, as `views.md` has it.
pub const READINGS_FILE: &str = "readings.jsonl";

/// A flow: where records come from, who reads the photos, where the statistics go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// The version of this file's form: always 1.
    pub version: Version,
    /// Where records come from.
    pub source: SourceConfig,
    /// Kafka's brokers. Needed where the source, the dead letters or a changelog is in Kafka.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaConfig>,
    /// Where photos lie: one place, or several, told apart by what a photo's uri begins with. Needed by a model; recorded
    /// readings need none. A place that does not answer is left alone for a while, and asked for more and more seldom until
    /// it is back: its photos wait, fail not, and hold back no other's.
    #[serde(default, deserialize_with = "stores::one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "stores::one_or_more_schema")]
    pub photos: Vec<PhotosConfig>,
    /// Who reads the photos: a model, or answers recorded before.
    pub readers: ReaderConfig,
    /// The journal: the one durable truth, from which all else can be rebuilt. Only a run with `--until-end` may lack it;
    /// that one then keeps a temporary one, and the next run starts from nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalConfig>,
    /// Where the views go. A sink that is locked, full or away is waited for, and holds back nothing else.
    #[serde(default)]
    pub sinks: Vec<SinkConfig>,
    /// Where refused records go, so that they can be looked at and handed in again. Without it they are only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<DeadLettersConfig>,
    /// The time zone in which a day begins and ends, by its IANA name.
    #[serde(default)]
    pub time_zone: TimeZone,
    /// So many days after nobody asks about its photo any more (another counts for its page, or its student, class or
    /// assignment is gone) a reading is deleted from the journal. Should the photo be asked about again after that, it
    /// is read again.
    #[serde(default = "keep_readings_days")]
    pub keep_readings_days: u32,
    /// How many threads the dataflow has. It changes no number; a journal may be opened with another count each time.
    #[serde(default = "one")]
    pub workers: NonZeroUsize,
    /// Several processes as one, and where readers in other processes join. Without it the process is alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterConfig>,
    /// Limits, each of which bounds memory or the length of an epoch.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Serves `/healthz`, `/readyz` and `/metrics`. Nothing is served without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpConfig>,
    /// What is said on stderr. No line names a student.
    #[serde(default)]
    pub log: LogConfig,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SourceConfig {
    /// A folder of records, one a line: `<topic>/<partition>.jsonl`.
    Folder(FolderConfig),
    /// Topics in Kafka.
    Kafka(Box<KafkaSourceConfig>),
}

/// A folder of records.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FolderConfig {
    /// The folder. It must exist; a topic without a folder in it is empty.
    #[schemars(extend("examples" = ["records"]))]
    pub path: PathBuf,
}

/// Who reads the photos.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReaderConfig {
    /// An ONNX model, on this machine.
    Model(ModelConfig),
    /// Answers recorded before, in place of a model: for tests, and to go over old readings again.
    Recorded(RecordedConfig),
    /// Only readers that join from other processes: `inkflow reader --join`.
    Joined(JoinedConfig),
}

/// Readers that join from other processes, and none in this one.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinedConfig {
    /// The model that reads where no record of the topic `models` names another.
    #[schemars(extend("examples" = ["page@16"]))]
    pub name: Model,
    /// The models that compare a photo with the blank page.
    #[serde(default)]
    pub template_models: Vec<Model>,
}

/// An ONNX model, on this machine.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The folder of the models: `page@16` lies in `page/16` below it.
    #[schemars(extend("examples" = ["models"]))]
    pub folder: PathBuf,
    /// The model that reads where no record of the topic `models` names another.
    #[schemars(extend("examples" = ["page@16"]))]
    pub name: Model,
    /// How many threads infer. Without it, one for each core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [4]))]
    pub threads: Option<NonZeroUsize>,
    /// A thread that has been at one photo for longer than so many seconds hangs, and a thread cannot be stopped: the
    /// process ends (exit code 134), for whatever starts it again. A photo that did it three times is not read again: it
    /// has failed, as `reader_crashed`.
    #[serde(default = "hung_after_s")]
    pub hung_after_s: NonZeroU64,
    /// How photos are gathered into one inference.
    #[serde(default)]
    pub batch: BatchConfig,
    /// At most so many photos are being fetched, decoded or read at once.
    #[serde(default = "in_flight_max")]
    pub in_flight_max: NonZeroUsize,
    /// And at most so many bytes of them: 512 MiB. Both are shared evenly between the places of photos.
    #[serde(default = "in_flight_bytes_max")]
    pub in_flight_bytes_max: NonZeroUsize,
}

/// How photos are gathered into one inference: as many as are there, but no more than this.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// At most so many photos.
    pub size: NonZeroUsize,
    /// At most so many bytes of the tensor that they make: 64 MiB.
    pub bytes: NonZeroUsize,
    /// A photo that is decoded waits at most so long for others that are being decoded, in milliseconds.
    pub age_ms: u64,
}

/// Recorded answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedConfig {
    /// The file with the answers, a line each. Without it, `readings.jsonl` in the folder of the records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["records/readings.jsonl"]))]
    pub path: Option<PathBuf>,
}

/// Where views go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SinkConfig {
    /// A SQLite file: a table for each view, changed in one transaction with the epoch that it reflects.
    Sqlite(SqliteConfig),
    /// A PostgreSQL database: a table for each view, changed in one transaction with the epoch that it reflects.
    Postgres(PostgresConfig),
    /// Compacted topics in Kafka, one for each view: keyed by the view's key, a null where a row is gone, an epoch in one
    /// transaction.
    Changelog(ChangelogConfig),
    /// A folder of CSV files, one for each view, written when the run ends.
    Csv(CsvConfig),
}

/// A SQLite file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteConfig {
    /// The file, made if it is not there. Tables of your own in it are left alone.
    #[schemars(extend("examples" = ["homework.sqlite"]))]
    pub path: PathBuf,
}

/// A folder of CSV files.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// The folder, made if it is not there.
    #[schemars(extend("examples" = ["export"]))]
    pub folder: PathBuf,
}

/// Where refused records go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeadLettersConfig {
    /// A file, a line for each record. A student's are removed from it when the student is erased.
    #[schemars(extend("examples" = ["dead-letters.jsonl"]))]
    Path(PathBuf),
    /// A topic in Kafka.
    Kafka(DeadLettersTopicConfig),
}

/// Limits.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// About so many rows go into one epoch at most. Catching up is fastest at about 100,000.
    pub epoch_rows_max: NonZeroUsize,
    /// So many epochs may be sealed and not yet worked off by the dataflow.
    pub epochs_ahead_max: NonZeroUsize,
    /// Submissions are not read on while so many photos wait. Rosters, reviews and erasures always are.
    pub pending_questions_max: NonZeroUsize,
}

/// What is served over HTTP.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The address and port. It has no password: keep it inside.
    #[serde(deserialize_with = "scalars::address")]
    #[schemars(with = "String", extend("examples" = ["127.0.0.1:8080"]))]
    pub listen: SocketAddr,
}

/// What is said on stderr.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// From which level on: `error`, `warn`, `info`, `debug` or `trace`, also by target, as in `info,slatedb=debug`. The
    /// environment variable INKFLOW_LOG goes before it.
    pub level: String,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text, for people; and a progress bar, where stderr is a terminal.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

const fn count(n: usize) -> NonZeroUsize {
    match NonZeroUsize::new(n) {
        Some(n) => n,
        None => NonZeroUsize::MIN,
    }
}

fn one() -> NonZeroUsize {
    count(1)
}

fn keep_readings_days() -> u32 {
    KEEP_READINGS_DAYS
}

fn hung_after_s() -> NonZeroU64 {
    match NonZeroU64::new(60) {
        Some(seconds) => seconds,
        None => NonZeroU64::MIN,
    }
}

fn in_flight_max() -> NonZeroUsize {
    count(256)
}

fn in_flight_bytes_max() -> NonZeroUsize {
    count(512 << 20)
}

impl Default for BatchConfig {
    fn default() -> Self {
        let BatchSettings { photos_max, bytes_max, age_max } = BatchSettings::default();
        let age_ms = u64::try_from(age_max.as_millis()).unwrap_or(u64::MAX);
        BatchConfig { size: count(photos_max), bytes: count(bytes_max), age_ms }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let EngineSettings { epoch_rows_max, epochs_ahead_max, pending_questions_max, .. } = EngineSettings::default();
        LimitsConfig {
            epoch_rows_max: count(epoch_rows_max),
            epochs_ahead_max: count(epochs_ahead_max),
            pending_questions_max: count(pending_questions_max),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { format: LogFormat::Text, level: "info,slatedb=warn".to_owned() }
    }
}

impl FlowConfig {
    /// The homework flow over a folder of records, with the readings recorded in it: what runs without a flow file.
    pub fn of_folder(folder: &Path) -> FlowConfig {
        FlowConfig {
            version: Version,
            source: SourceConfig::Folder(FolderConfig { path: folder.to_owned() }),
            kafka: None,
            photos: Vec::new(),
            readers: ReaderConfig::Recorded(RecordedConfig::default()),
            journal: None,
            sinks: Vec::new(),
            dead_letters: None,
            time_zone: TimeZone::default(),
            keep_readings_days: KEEP_READINGS_DAYS,
            workers: one(),
            cluster: None,
            limits: LimitsConfig::default(),
            http: None,
            log: LogConfig::default(),
        }
    }

    /// The folder of the records, where they are in one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.source {
            SourceConfig::Folder(FolderConfig { path }) => Some(path),
            SourceConfig::Kafka(_) => None,
        }
    }

    /// Whether anything in it is in Kafka.
    pub fn needs_kafka(&self) -> bool {
        matches!(self.source, SourceConfig::Kafka(_))
            || matches!(self.dead_letters, Some(DeadLettersConfig::Kafka(_)))
            || self.sinks.iter().any(|sink| matches!(sink, SinkConfig::Changelog(_)))
    }

    /// The file with recorded readings, where they are who reads.
    pub fn recorded(&self) -> Option<PathBuf> {
        match &self.readers {
            ReaderConfig::Recorded(RecordedConfig { path: Some(path) }) => Some(path.clone()),
            ReaderConfig::Recorded(RecordedConfig { path: None }) => Some(self.folder()?.join(READINGS_FILE)),
            ReaderConfig::Model(_) | ReaderConfig::Joined(_) => None,
        }
    }

    /// Makes every path relative to the folder of the file that it stands in.
    fn resolve(&mut self, base: &Path) {
        if let Some(secret) = self.cluster.as_mut().and_then(|cluster| cluster.secret.as_mut()) {
            secret.resolve(base);
        }
        self.kafka.iter_mut().for_each(|kafka| kafka.resolve(base));
        self.photos.iter_mut().for_each(|place| place.resolve(base));
        self.journal.iter_mut().for_each(|journal| journal.resolve(base));
        let mut paths = Vec::new();
        if let SourceConfig::Folder(FolderConfig { path }) = &mut self.source {
            paths.push(path);
        }
        match &mut self.readers {
            ReaderConfig::Model(model) => paths.push(&mut model.folder),
            ReaderConfig::Recorded(recorded) => paths.extend(recorded.path.as_mut()),
            ReaderConfig::Joined(_) => {}
        }
        if let Some(DeadLettersConfig::Path(path)) = &mut self.dead_letters {
            paths.push(path);
        }
        paths.extend(self.sinks.iter_mut().filter_map(|sink| match sink {
            SinkConfig::Sqlite(SqliteConfig { path }) => Some(path),
            SinkConfig::Csv(CsvConfig { folder }) => Some(folder),
            SinkConfig::Changelog(_) => None,
            SinkConfig::Postgres(postgres) => {
                postgres.resolve(base);
                None
            }
        }));
        for path in paths {
            // An absolute path stays what it is.
            *path = base.join(&*path);
        }
    }
}
