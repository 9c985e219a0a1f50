//! `inkflow reader`: reads photos for a run in another process.

use super::{load, Failure};
use crate::cluster::hello::Shared;
use crate::config::{cluster, FlowConfig, LogFormat, ReaderConfig};
use crate::run::{MakeReader, Readers};
use crate::terminal::Terminal;
use crate::vitals::Vitals;
use crate::{panic, readers, remote, signals, stores, watchdog};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What `inkflow reader` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct ReaderArgs {
    /// Where process 0 of the run listens.
    #[arg(long, value_name = "HOST:PORT")]
    join: String,
    /// The flow file: its photos, its model and its cluster's secret count.
    #[arg(value_name = "FLOW.yaml")]
    flow: PathBuf,
    /// The form of the log.
    #[arg(long, value_name = "FORM")]
    log: Option<LogFormat>,
}

pub(super) fn run(ReaderArgs { join, flow, log }: ReaderArgs) -> Result<(), Failure> {
    let mut config = load(&flow)?;
    if let Some(format) = log {
        config.log.format = format;
    }
    Terminal::stderr(config.log.format).log(&config.log).map_err(Failure::Usage)?;
    panic::abort_on_panic(config.log.format);
    let secret = config.cluster.as_ref().and_then(|cluster| cluster.secret.as_ref());
    let secret = cluster::shared(secret, std::iter::once(&join)).map_err(Failure::Usage)?;
    let runtime = super::run::runtime()?;
    runtime.block_on(async {
        let asked_to_end = signals::listen("answering what is lent, or giving it back")
            .map_err(|error| Failure::Other(format!("signals cannot be heard: {error}")))?;
        let Some(reader) = of(&config, None)? else {
            let why = format!("{} has no model that reads: `readers: {{model: ...}}`", flow.display());
            return Err(Failure::Usage(why));
        };
        read_for(&join, &secret, reader, asked_to_end).await
    })
}

/// What makes a reader, and how many photos it reads at a time.
pub(super) type Reading = (MakeReader, usize);

/// The reader of a flow, watched for threads that hang; none where no model reads in it.
pub(super) fn of(config: &FlowConfig, vitals: Option<&Vitals>) -> Result<Option<Reading>, Failure> {
    let (ReaderConfig::Model(model), places @ [_, ..]) = (&config.readers, &config.photos[..]) else {
        return Ok(None);
    };
    let (readers, pages) = readers::start(model, Arc::new(stores::photos(places, model)?))?;
    let hung_after = Duration::from_secs(model.hung_after_s.get());
    if let Some(vitals) = vitals {
        vitals.reading(pages.clone());
    }
    watchdog::start(hung_after, config.log.format, pages)
        .map_err(|error| Failure::Other(format!("no thread for the watchdog: {error}")))?;
    match readers {
        Readers::Photos { reader, in_flight_max, .. } => Ok(Some((reader, in_flight_max))),
        _ => Ok(None),
    }
}

/// Reads until it is asked to end.
pub(super) async fn read_for(
    address: &str,
    secret: &Shared,
    (make, in_flight_max): Reading,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    Ok(remote::read_for(address, secret, make, in_flight_max, stop).await?)
}
