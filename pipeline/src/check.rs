//! `inkflow check`: tries everything that a flow needs, each by itself, and says in a sentence what came of it. It takes
//! nothing over and leaves nothing behind: a journal is looked at, not opened.

use crate::config::{
    ClusterConfig, DeadLettersConfig, FlowConfig, HttpConfig, JournalConfig, PostgresConfig, ReaderConfig, SinkConfig,
};
use crate::readers::{self, list};
use crate::{places, presence, stores};
use inkflow_connectors::journal::peek;
use inkflow_connectors::reader::find_runtime;
use inkflow_connectors::recorded::RecordedReader;
use inkflow_schemas::Topic;
use object_store::local::LocalFileSystem;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What came of trying something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Good,
    /// It works, and may not be what was meant.
    Doubtful,
    /// It does not work.
    Bad,
}

/// Something that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which part of the flow.
    pub what: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// The sentence.
    pub says: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.verdict {
            Verdict::Good => '✓',
            Verdict::Doubtful => '!',
            Verdict::Bad => '✗',
        };
        write!(f, "{mark} {}: {}", self.what, self.says)
    }
}

/// A sentence, or one that says what is wrong.
type Tried = Result<String, String>;

pub(crate) fn finding(what: &'static str, tried: Tried) -> Finding {
    match tried {
        Ok(says) => Finding { what, verdict: Verdict::Good, says },
        Err(says) => Finding { what, verdict: Verdict::Bad, says },
    }
}

pub(crate) fn doubt(what: &'static str, says: String) -> Finding {
    Finding { what, verdict: Verdict::Doubtful, says }
}

/// Tries everything, in the order of a record's way.
pub async fn check(config: &FlowConfig) -> Vec<Finding> {
    let mut found = config.folder().map(records).unwrap_or_default();
    found.extend(in_kafka(config));
    found.extend(reading(config).await);
    found.extend(journal(config).await);
    for sink in &config.sinks {
        found.push(match sink {
            SinkConfig::Sqlite(sqlite) => finding("sqlite", self::sqlite(&sqlite.path)),
            SinkConfig::Changelog(_) => continue,
            SinkConfig::Postgres(postgres) => finding("postgres", self::postgres(postgres).await),
            SinkConfig::Csv(csv) => {
                finding("csv", writable(&csv.folder).map(|()| format!("{} can be written.", csv.folder.display())))
            }
        });
    }
    if config.sinks.is_empty() {
        found.push(doubt("sinks", "there are none, so that nobody will see the views but by --export.".to_owned()));
    }
    if let Some(DeadLettersConfig::Path(path)) = &config.dead_letters {
        let tried = appendable(path).map(|()| format!("{} can be appended to.", path.display()));
        found.push(finding("dead letters", tried));
    }
    found.push(finding("time zone", Ok(format!("days begin and end as in {}.", config.time_zone.name()))));
    found.push(workers(config.workers.get()));
    if let Some(cluster) = &config.cluster {
        found.extend(self::cluster(cluster, config.workers));
    }
    if let Some(HttpConfig { listen }) = config.http {
        found.push(finding(
            "http",
            match TcpListener::bind(listen) {
                Ok(_) => Ok(format!("{listen} is free.")),
                Err(error) => Err(format!("cannot listen on {listen}: {error}; is another inkflow running?")),
            },
        ));
    }
    found
}

#[cfg(feature = "kafka")]
fn in_kafka(config: &FlowConfig) -> Vec<Finding> {
    crate::kafka::check(config)
}

#[cfg(not(feature = "kafka"))]
fn in_kafka(config: &FlowConfig) -> Vec<Finding> {
    let without = || finding("Kafka", Err("this inkflow was built without it.".to_owned()));
    config.needs_kafka().then(without).into_iter().collect()
}

fn records(folder: &Path) -> Vec<Finding> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()),
        Err(error) => return vec![finding("records", Err(format!("{} cannot be read: {error}.", folder.display())))],
    };
    let (mut topics, mut strange) = (Vec::new(), Vec::new());
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match Topic::parse(&name) {
            Some(topic) => topics.push((topic, partitions(&path))),
            None => strange.push(name),
        }
    }
    topics.sort_by_key(|(topic, _)| *topic);
    strange.sort();
    let folder = folder.display();
    let mut found = Vec::new();
    found.push(if topics.is_empty() {
        let known = list(Topic::ALL.into_iter().map(Topic::as_str));
        doubt("records", format!("{folder} holds no topic yet; topics are {known}."))
    } else {
        let held = list(topics.iter().map(|(topic, partitions)| {
            format!("{} ({partitions} partition{})", topic.as_str(), if *partitions == 1 { "" } else { "s" })
        }));
        finding("records", Ok(format!("{folder} holds {held}.")))
    });
    for name in strange {
        if let Some(near) = crate::config::nearest(&name, Topic::ALL.into_iter().map(Topic::as_str)) {
            found.push(doubt(
                "records",
                format!("{folder} holds a folder {name}, which is no topic; did you mean {near}?"),
            ));
        }
    }
    found
}

/// How many files of a topic are partitions.
fn partitions(topic: &Path) -> usize {
    let is_partition = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|extension| extension == "jsonl") && stem.parse::<u32>().is_ok()
    };
    fs::read_dir(topic).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).filter(is_partition).count()
}

/// The processes of a cluster: this one's place, and whether the others' addresses mean anything here.
fn cluster(config: &ClusterConfig, workers: NonZeroUsize) -> Vec<Finding> {
    let membership = match config.membership(workers) {
        Ok(membership) => membership,
        Err(why) => return vec![finding("cluster", Err(format!("{why}.")))],
    };
    let (index, processes) = (membership.index, membership.addresses.len());
    let others = membership.addresses.iter().enumerate().filter(|(other, _)| *other != index);
    let mut found: Vec<Finding> = others
        .filter_map(|(other, address)| {
            let error = address.to_socket_addrs().err()?;
            Some(finding("cluster", Err(format!("process {other} at {address} cannot be found: {error}."))))
        })
        .collect();
    // Process 0 is joined by all, and the last by nobody.
    if index + 1 < processes || index == 0 {
        let listen = membership.listen.as_ref().or(membership.addresses.get(index)).map_or("", String::as_str);
        found.push(match TcpListener::bind(listen) {
            Ok(_) => finding("cluster", Ok(format!("this is process {index} of {processes}, and {listen} is free."))),
            Err(error) => {
                let why = format!("process {index} cannot listen on {listen}: {error}; is it running already?");
                finding("cluster", Err(why))
            }
        });
    } else {
        found.push(finding("cluster", Ok(format!("this is process {index} of {processes}."))));
    }
    found
}

async fn reading(config: &FlowConfig) -> Vec<Finding> {
    if let ReaderConfig::Joined(joined) = &config.readers {
        return vec![match &config.cluster {
            Some(_) => finding(
                "readers",
                Ok(format!("readers that join read, by {} where nothing else is said.", joined.name.0)),
            ),
            None => {
                finding("readers", Err("only readers that join are to read, and no `cluster` says where.".to_owned()))
            }
        }];
    }
    let ReaderConfig::Model(model) = &config.readers else {
        let path = config.recorded().unwrap_or_default();
        return vec![match RecordedReader::load(&path) {
            Ok(_) if !path.exists() => {
                doubt("readings", format!("there is no {}, so that no photo will be found.", path.display()))
            }
            Ok(_) => finding("readings", Ok(format!("{} holds recorded answers.", path.display()))),
            Err(error) => finding("readings", Err(format!("{} cannot be read: {error}.", path.display()))),
        }];
    };
    let mut found = Vec::new();
    found.extend(stores::check_photos(&config.photos).await);
    match find_runtime() {
        Ok(runtime) => found.push(finding("ONNX Runtime", Ok(format!("it is at {}.", runtime.display())))),
        // Without it no model can be tried.
        Err(error) => return found.into_iter().chain([finding("ONNX Runtime", Err(error.to_string()))]).collect(),
    }
    match readers::load(model) {
        Ok(models) => {
            let names = list(models.good.iter().map(|model| model.name()));
            found.push(finding(
                "model",
                Ok(format!("{} is loaded and passes its probe; served: {names}.", model.name.0)),
            ));
            found.extend(models.refused.iter().map(|refused| doubt("model", format!("{refused}."))));
        }
        Err(error) => found.push(finding("model", Err(format!("{error}.")))),
    }
    found
}

async fn journal(config: &FlowConfig) -> Vec<Finding> {
    let folder = match &config.journal {
        Some(JournalConfig::Folder(folder)) => folder,
        Some(JournalConfig::S3(s3)) => return stores::check_journal(s3).await,
        None => return vec![doubt("journal", "the flow names none: it can be run with --until-end only.".to_owned())],
    };
    let at = folder.display();
    if let Err(error) = writable(folder) {
        return vec![finding("journal", Err(error))];
    }
    if !folder.exists() {
        return vec![finding("journal", Ok(format!("{at} will be made.")))];
    }
    let looked = match LocalFileSystem::new_with_prefix(folder) {
        Ok(store) => peek(Arc::new(store), places::JOURNAL_PATH).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let found = match looked {
        Ok(None) => finding("journal", Ok(format!("{at} is there, and empty yet."))),
        Ok(Some(peek)) => {
            let known = format!("{at} has format {}, and was opened {} times.", peek.format, peek.openings);
            finding("journal", Ok(known))
        }
        Err(error) => finding("journal", Err(format!("{at}: {error}."))),
    };
    let holder = presence::holder(folder).map(|who| {
        doubt("journal", format!("{who} has it open; `inkflow run` would take it over, and that process would end."))
    });
    std::iter::once(found).chain(holder).collect()
}

#[cfg(feature = "postgres")]
async fn postgres(config: &PostgresConfig) -> Tried {
    let settings = config.settings().map_err(|error| format!("{error}."))?;
    let probed = tokio::task::spawn_blocking(move || inkflow_connectors::sink::postgres::probe(&settings)).await;
    probed.unwrap_or_else(|error| Err(format!("it could not be tried: {error}.")))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &PostgresConfig) -> Tried {
    Err("this inkflow was built without PostgreSQL (the feature `postgres`).".to_owned())
}

fn sqlite(path: &Path) -> Tried {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let at = path.display();
    appendable(path)?;
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut head));
    match read {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(format!("{at} will be made.")),
        Err(error) => Err(format!("{at} cannot be read: {error}.")),
        // SQLite makes an empty file before it writes to it.
        Ok(_) if head.is_empty() || head == MAGIC => Ok(format!("{at} is a database that can be written.")),
        Ok(_) => Err(format!("{at} is there, and is no SQLite file.")),
    }
}

/// A file can be made, or is there and can be written on.
fn appendable(path: &Path) -> Result<(), String> {
    match fs::OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() {
                return Err(format!("the folder {} is not there.", folder.display()));
            }
            writable(folder)
        }
        Err(error) => Err(format!("{} cannot be written: {error}.", path.display())),
    }
}

/// A folder can be written in, or can be made.
fn writable(folder: &Path) -> Result<(), String> {
    let refused = |at: &Path, error: io::Error| Err(format!("{} cannot be written in: {error}.", at.display()));
    for at in folder.ancestors() {
        let at = if at.as_os_str().is_empty() { Path::new(".") } else { at };
        match fs::metadata(at) {
            Ok(found) if !found.is_dir() => return Err(format!("{} is no folder.", at.display())),
            Ok(_) => return tempfile::tempfile_in(at).map(drop).or_else(|error| refused(at, error)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return refused(at, error),
        }
    }
    Err(format!("no folder above {} is there.", folder.display()))
}

fn workers(workers: usize) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match workers > cores {
        true => doubt(
            "workers",
            format!("{workers} are more than this machine's {cores} cores, and get in each other's way."),
        ),
        false => finding("workers", Ok(format!("{workers} of this machine's {cores} cores."))),
    }
}
