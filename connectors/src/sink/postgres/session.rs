//! A connection, and the thread's own runtime that drives it.
//!
//! Every step has a time limit of ours: a server that hangs, or a way to it that swallows packets, is noticed, whatever
//! the operating systems between think of the connection. The server has the same limits, so that what we gave up does
//! not go on there holding locks.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::Claim;
use super::error::Failure;
use super::write::Prepared;
use super::PostgresSettings;
use crate::tls::{self, Trust};

/// Connecting, TLS and signing in may take this long together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A lock is waited for so long before a call fails for now: longer than an epoch's transaction, and short enough that
/// a stuck one is noticed.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostgresTls {
    /// It is not.
    Disable,
    /// By TLS with anyone who answers.
    Require,
    /// By TLS with the server whose name and authority are right: those of the file, or without one the system's.
    VerifyFull(Option<PathBuf>),
}

/// A connection that is signed in.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) prepared: Prepared,
    driver: JoinHandle<()>,
}

/// A runtime for one thread: it runs while somebody waits in it.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Gives a step so much time.
pub(super) async fn within<T, E: Into<Failure>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Failure::Silent),
    }
}

impl Session {
    /// Connects and signs in. With a claim the session says in the server's list who it is, so that an heir can end it.
    pub(super) async fn open(settings: &PostgresSettings, claim: Option<Claim>) -> Result<Session, Failure> {
        let mut config = Config::new();
        config.host(&settings.host).port(settings.port).dbname(&settings.database).user(&settings.user);
        if let Some(password) = &settings.password {
            config.password(password.reveal());
        }
        config.application_name(application(settings, claim));
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(settings.patience);
        let connect = async {
            let trust = match &settings.tls {
                PostgresTls::Disable => {
                    let (client, connection) = config.ssl_mode(SslMode::Disable).connect(NoTls).await?;
                    return Ok((client, tokio::spawn(drive(connection))));
                }
                PostgresTls::Require => Trust::Anyone,
                PostgresTls::VerifyFull(Some(file)) => Trust::Authorities(file.clone()),
                PostgresTls::VerifyFull(None) => Trust::System,
            };
            let tls = MakeRustlsConnect::new(tls::client(&trust)?);
            let (client, connection) = config.ssl_mode(SslMode::Require).connect(tls).await?;
            Ok::<_, Failure>((client, tokio::spawn(drive(connection))))
        };
        let (client, driver) = within(CONNECT_TIMEOUT, connect).await?;
        let session = Session { client, prepared: Prepared::new(), driver };
        within(CONNECT_TIMEOUT, session.set_up(settings)).await?;
        Ok(session)
    }

    async fn set_up(&self, settings: &PostgresSettings) -> Result<(), Failure> {
        let (lock, step) = (LOCK_TIMEOUT.min(settings.patience / 2).as_millis(), settings.patience.as_millis());
        // An epoch that was acknowledged is there after a crash of the server: else what follows would be written on
        // top of less than is thought.
        let set = format!(
            "SET search_path = pg_catalog; SET client_min_messages = warning; SET lock_timeout = {lock};
             SET statement_timeout = {step}; SET idle_in_transaction_session_timeout = {step};
             SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        );
        self.client.batch_execute(&set).await?;
        let encoding: String = self.client.query_one("SHOW server_encoding", &[]).await?.try_get(0)?;
        match encoding.as_str() {
            "UTF8" => Ok(()),
            _ => Err(Failure::Fatal(format!("the database is encoded in {encoding}, and has to be in UTF8"))),
        }
    }

    /// Ends the connection at once. A transaction that is open is rolled back by the server.
    pub(super) async fn end(self) {
        let Session { client, driver, .. } = self;
        drop(client);
        driver.abort();
        // The socket is closed when the task is gone, and that takes a turn of the runtime.
        let _ = driver.await;
    }
}

async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    // What went wrong is told to whoever waits for an answer.
    let _ = connection.await;
}

/// How the session is called in `pg_stat_activity`: `inkflow JOURNAL SCHEMA INCARNATION`, 63 bytes at most.
fn application(settings: &PostgresSettings, claim: Option<Claim>) -> String {
    match claim {
        Some(claim) => format!("{} {}", family(settings, claim), claim.incarnation),
        None => "inkflow check".to_owned(),
    }
}

/// What sessions that write the same tables for the same journal have in common.
pub(super) fn family(settings: &PostgresSettings, claim: Claim) -> String {
    let schema = xxhash_rust::xxh3::xxh3_64(settings.schema.as_bytes()) as u32;
    format!("inkflow {:016x} {schema:08x}", claim.journal)
}
