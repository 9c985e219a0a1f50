//! `inkflow run`: from a flow file and options to a run, and to its end.

use super::{load, reader, Failure, RunArgs};
use crate::cluster::{self, Membership};
use crate::config::{
    ClusterConfig, CsvConfig, DeadLettersConfig, FlowConfig, FolderConfig, HttpConfig, JournalConfig, LogFormat,
    PostgresConfig, ReaderConfig, SinkConfig, SourceConfig,
};
use crate::engine::EngineSettings;
use crate::places::LettersTo;
use crate::progress::Progress;
use crate::run::{prepare, Readers, RunError, Setup};
use crate::terminal::Terminal;
use crate::vitals::Vitals;
use crate::{metrics, panic, readers, serve, signals, stores, watchdog};
use inkflow_connectors::reader::Figures;
use inkflow_connectors::sink::{Sink, SqliteSink};
use inkflow_schemas::Millis;
use metrics_exporter_prometheus::PrometheusHandle;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Sealing, fetching and serving all wait rather than work: the work is done on threads of its own.
const RUNTIME_THREADS: usize = 2;

const ENDED: &str = "ended; all is sealed and written";

pub(super) fn run(args: RunArgs) -> Result<(), Failure> {
    let (until_end, now) = (args.until_end, args.now);
    let config = configure(args)?;
    let terminal = Terminal::stderr(config.log.format);
    terminal.log(&config.log).map_err(Failure::Usage)?;
    panic::abort_on_panic(config.log.format);
    let metrics = metrics::install();
    let runtime = runtime()?;
    let ended = runtime.block_on(go(&config, until_end, now, terminal.clone(), metrics));
    // Nothing that still runs is waited for: all that counts has ended, and workers of a cluster that has lost a process
    // never would.
    runtime.shutdown_background();
    terminal.clear();
    match ended {
        // Whoever reads JSON gets this line, too, as JSON.
        Err(failure) if config.log.format == LogFormat::Json => {
            tracing::error!(code = failure.exit().code(), "{failure}");
            Err(Failure::Said(failure.exit()))
        }
        ended => ended,
    }
}

/// The runtime of a command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("no threads for the runtime: {error}")))
}

/// What the flow file says, and what options say in its place.
fn configure(args: RunArgs) -> Result<FlowConfig, Failure> {
    let RunArgs { flow, folder, until_end, export, now: _, journal, workers, process, processes, listen, log } = args;
    let mut config = match (&flow, &folder) {
        (Some(flow), _) => load(flow)?,
        (None, Some(folder)) => FlowConfig::of_folder(folder),
        (None, None) => {
            return Err(Failure::Usage(
                "nothing to run: name a flow file, or a folder of records\n\n  inkflow run flow.yaml\n  \
                 inkflow run --folder DIR --until-end --export OUT\n\nSee inkflow run --help."
                    .to_owned(),
            ))
        }
    };
    if let Some(path) = folder {
        config.source = SourceConfig::Folder(FolderConfig { path });
    }
    if let Some(folder) = journal {
        config.journal = Some(JournalConfig::Folder(folder));
    }
    if let Some(folder) = export {
        config.sinks.retain(|sink| !matches!(sink, SinkConfig::Csv(_)));
        config.sinks.push(SinkConfig::Csv(CsvConfig { folder }));
    }
    if let Some(workers) = workers {
        config.workers = workers;
    }
    if let Some(processes) = processes {
        let cluster = config.cluster.get_or_insert_with(|| ClusterConfig::local(processes));
        let named = cluster.processes.len();
        if named != processes.get() {
            return Err(Failure::Usage(format!(
                "--processes {processes}, and the flow's cluster names {named} processes"
            )));
        }
    }
    match (process, &mut config.cluster) {
        (Some(process), Some(cluster)) => cluster.process = process,
        (Some(_), None) => {
            return Err(Failure::Usage("--process I needs --processes N, or a `cluster` in the flow file".to_owned()))
        }
        (None, _) => {}
    }
    if let Some(listen) = listen {
        config.http = Some(HttpConfig { listen });
    }
    if let Some(format) = log {
        config.log.format = format;
    }
    match flow {
        // Process 0 alone has a journal.
        Some(flow) if config.journal.is_none() && !until_end && !is_other(&config) => Err(Failure::Usage(format!(
            "{} names no journal, so that nothing would be left of the run: add `journal: {{folder: journal}}`, or run it \
             with --journal DIR or --until-end",
            flow.display()
        ))),
        _ => Ok(config),
    }
}

/// Whether this is another process of a cluster than number 0.
fn is_other(config: &FlowConfig) -> bool {
    config.cluster.as_ref().is_some_and(|cluster| cluster.process > 0)
}

async fn go(
    config: &FlowConfig,
    until_end: bool,
    now: Option<Millis>,
    terminal: Terminal,
    metrics: Option<PrometheusHandle>,
) -> Result<(), Failure> {
    let mut asked_to_end = signals::listen("sealing what was gathered, writing the sinks")
        .map_err(|error| Failure::Other(format!("signals cannot be heard: {error}")))?;
    let vitals = Arc::new(Vitals::default());
    if let Some(HttpConfig { listen }) = config.http {
        let bound = serve::start(listen, vitals.clone(), metrics).await;
        bound.map_err(|error| Failure::Listen { address: listen, error })?;
    }
    let membership = config.cluster.as_ref().map(|cluster| cluster.membership(config.workers)).transpose();
    let membership = membership.map_err(Failure::Usage)?;
    if let Some(membership) = membership.clone().filter(|membership| membership.index > 0) {
        return serve(config, membership, asked_to_end, &vitals).await;
    }
    let shown = tokio::spawn(terminal.follow(vitals.clone()));
    let setup = Setup { membership, ..setup(config, until_end, now, &vitals)? };
    let run = tokio::select! {
        run = vitals.watch(prepare(setup)) => run?,
        // Nothing was taken yet, and nothing sealed: to stop here is to stop.
        _ = asked_to_end.wait_for(|asked| *asked) => {
            return if until_end { Err(RunError::CutOff.into()) } else { Ok(()) };
        }
    };
    vitals.running(run.ready.progress.clone());
    let stop = run.ready.stop.clone();
    tokio::spawn(async move {
        // An error is the end of the listener, which outlives the run.
        if asked_to_end.wait_for(|asked| *asked).await.is_ok() {
            let _ = stop.send(true);
        }
    });
    let progress = vitals.watch(run.run()).await?;
    shown.abort();
    let Progress { epoch, records, rejected, readings, answers, .. } = progress;
    let failed = answers - readings;
    match vitals.figures() {
        Some(Figures { read, saved, .. }) => {
            tracing::info!(epoch, records, rejected, readings, failed, inferences = read, saved, "{ENDED}")
        }
        None => tracing::info!(epoch, records, rejected, readings, failed, "{ENDED}"),
    }
    Ok(())
}

/// What of a run is in Kafka.
#[cfg(feature = "kafka")]
fn in_kafka(config: &FlowConfig, setup: &mut Setup) -> Result<(), Failure> {
    crate::kafka::set_up(config, setup).map_err(|why| Failure::Usage(why.to_string()))
}

#[cfg(not(feature = "kafka"))]
fn in_kafka(config: &FlowConfig, _: &mut Setup) -> Result<(), Failure> {
    match config.needs_kafka() {
        true => Err(Failure::Usage("the flow is in Kafka, and this inkflow was built without it".to_owned())),
        false => Ok(()),
    }
}

/// Serves a cluster as one of its other processes: with workers, and with a reader, where the flow has a model.
async fn serve(
    config: &FlowConfig,
    membership: Membership,
    mut asked_to_end: watch::Receiver<bool>,
    vitals: &Vitals,
) -> Result<(), Failure> {
    let (gathered, serving) = watch::channel(false);
    vitals.serving(serving);
    let (address, secret) = (membership.addresses.first().cloned().unwrap_or_default(), membership.secret.clone());
    let (joined, joining) = oneshot::channel();
    let serving = cluster::serve(membership, joined);
    let stop = asked_to_end.clone();
    let reading = async {
        let reader = reader::of(config, Some(vitals))?;
        if joining.await.is_ok() {
            let _ = gathered.send(true);
        }
        let Some(reader) = reader.filter(|_| *gathered.borrow()) else { return std::future::pending().await };
        reader::read_for(&address, &secret, reader, stop).await
    };
    tokio::select! {
        served = serving => served.map_err(|error| Failure::Run(error.into())),
        read = reading => read,
        _ = asked_to_end.wait_for(|asked| *asked) => Ok(()),
    }
}

fn setup(config: &FlowConfig, until_end: bool, now: Option<Millis>, vitals: &Vitals) -> Result<Setup, Failure> {
    let readers = match (&config.readers, &config.photos[..], config.recorded()) {
        (ReaderConfig::Model(_), [], _) => return Err(Failure::Usage("a model reads, and no photos are named".into())),
        (ReaderConfig::Model(model), places, _) => {
            let photos = Arc::new(stores::photos(places, model)?);
            let (readers, pages) = readers::start(model, photos.clone())?;
            vitals.fetching(photos);
            vitals.reading(pages.clone());
            watchdog::start(Duration::from_secs(model.hung_after_s.get()), config.log.format, pages)
                .map_err(|error| Failure::Other(format!("no thread for the watchdog: {error}")))?;
            readers
        }
        (ReaderConfig::Recorded(_), _, path) => Readers::Recorded(path.unwrap_or_default()),
        (ReaderConfig::Joined(joined), _, _) => Readers::Joined {
            model: joined.name.0.clone(),
            template_models: Arc::new(joined.template_models.iter().map(|model| model.0.clone()).collect()),
        },
    };
    let mut setup = Setup { readers, ..Setup::of_folder(config.folder().unwrap_or(Path::new(""))) };
    in_kafka(config, &mut setup)?;
    setup.journal = config.journal.as_ref().map(stores::journal).transpose()?;
    let seal_every = match &config.journal {
        Some(JournalConfig::S3(s3)) => Duration::from_millis(s3.seal_every_ms.into()),
        // In a folder a seal costs a millisecond and no money.
        _ => Duration::ZERO,
    };
    for sink in &config.sinks {
        match sink {
            SinkConfig::Sqlite(sqlite) => setup.sinks.push(Box::new(SqliteSink::new(&sqlite.path))),
            SinkConfig::Postgres(postgres) => setup.sinks.push(self::postgres(postgres)?),
            SinkConfig::Csv(csv) => setup.export.push(csv.folder.clone()),
            // Done with all else that is in Kafka.
            SinkConfig::Changelog(_) => {}
        }
    }
    if let Some(DeadLettersConfig::Path(path)) = &config.dead_letters {
        setup.dead_letters = Some(LettersTo::File(path.clone()));
    }
    setup.now = now;
    setup.time_zone = config.time_zone.clone();
    setup.keep_readings_days = config.keep_readings_days;
    setup.workers = config.workers;
    setup.settings = EngineSettings {
        epoch_rows_max: config.limits.epoch_rows_max.get(),
        epochs_ahead_max: config.limits.epochs_ahead_max.get(),
        pending_questions_max: config.limits.pending_questions_max.get(),
        until_end,
        seal_every,
        ..EngineSettings::default()
    };
    setup.hydrated = vitals.hydrated.clone();
    Ok(setup)
}

#[cfg(feature = "postgres")]
fn postgres(config: &PostgresConfig) -> Result<Box<dyn Sink>, Failure> {
    let settings = config.settings().map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Box::new(inkflow_connectors::sink::PostgresSink::new(settings)))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &PostgresConfig) -> Result<Box<dyn Sink>, Failure> {
    Err(Failure::Usage("this inkflow was built without PostgreSQL (the feature `postgres`)".to_owned()))
}
