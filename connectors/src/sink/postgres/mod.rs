//! Views as tables of a PostgreSQL database, for everybody's tools.
//!
//! A table for each view, under its name, in a schema of its own; text, bigint and boolean, NULL for an empty cell, but
//! the empty text in a key, because a key has no NULL. What tables and columns mean stands in their comments and in
//! `inkflow_columns`; `inkflow_epoch` has one row: what the tables reflect, and who writes them. Beside them lie views
//! for people and their tools ([`readable`]). Readers see whole epochs only.
//!
//! One transaction an epoch: it locks the epoch's row, requires our claim there, changes the rows, and writes the epoch.
//! So of two processes one writes, and the younger one ends what the older one holds locked.
//!
//! Errors: see [`error`]. What may pass is `Transient`: a server that is down, starts, is full, has too many
//! connections or is a standby; a lock; a way that is cut. A connection that breaks in a COMMIT is `Uncertain`. What is
//! refused at the first time that a process signs in is `Fatal`, as a setting is wrong: the password, the database, a
//! right; refused later, it is waited for. So is a table that changed beneath us: the next start makes it anew.

mod error;
mod probe;
mod readable;
mod session;
mod statements;
mod tables;
mod write;

use std::time::Duration;

use futures::TryStreamExt;
use inkflow_schemas::{Cell, Column, ColumnKind, Row, ViewSchema};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::plan::{self, Standing};
use super::sql::quoted;
use super::{Claim, EpochStamp, Sink, SinkError, ViewChanges};
use crate::hidden::Hidden;
use error::Failure;
use session::{within, Session};
use statements::Names;

pub use probe::probe;
pub use session::PostgresTls;

/// Rewriting a table for an erasure may take this long.
const SCRUB_TIMEOUT: Duration = Duration::from_secs(600);

/// Where the database is, and who signs in.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// The server's name or address; a path is the folder of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database. Its encoding is UTF8.
    pub database: String,
    /// The role that writes. It owns the schema, or may make it.
    pub user: String,
    /// Its password.
    pub password: Option<Hidden>,
    /// How the connection is protected.
    pub tls: PostgresTls,
    /// The schema that holds the tables; made if it is not there.
    pub schema: String,
    /// A role that may read the tables.
    pub readers_role: Option<String>,
    /// A step that has not ended after this long is given up, here and on the server.
    pub patience: Duration,
}

/// 60 s: a statement of ours moves a few thousand rows, and takes seconds on a disk that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL database.
#[derive(Debug)]
pub struct PostgresSink {
    settings: PostgresSettings,
    name: String,
    names: Names,
    opened: Option<Opened>,
    link: Link,
}

#[derive(Debug)]
struct Opened {
    views: Vec<&'static ViewSchema>,
    claim: Claim,
    /// The last epoch that this process knows to be there.
    applied: Option<u64>,
}

/// The way to the server. None after an error, until the next call.
#[derive(Default)]
struct Link {
    runtime: Option<Runtime>,
    session: Option<Session>,
    /// Something has gone well in this process: what is refused from now on was allowed before.
    known: bool,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("open", &self.session.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.session = None;
        if let Some(runtime) = self.runtime.take() {
            // In no place where that would block.
            runtime.shutdown_background();
        }
    }
}

impl PostgresSink {
    /// The database of these settings; [`Sink::open`] connects.
    pub fn new(settings: PostgresSettings) -> PostgresSink {
        let PostgresSettings { host, port, database, schema, .. } = &settings;
        let name = format!("postgres:{host}:{port}/{database}/{schema}");
        let names = Names { schema: schema.clone() };
        PostgresSink { settings, name, names, opened: None, link: Link::default() }
    }

    /// Does `work` on a connection, and turns its failure into ours. After a failure the connection is ended: a
    /// transaction that is open is rolled back by that.
    fn with<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Session, &mut Opened, &Names) -> Result<T, Failure>,
    ) -> Result<T, SinkError> {
        let PostgresSink { settings, name, names, opened, link } = self;
        let fatal = |reason: String| SinkError::Fatal { sink: name.clone(), reason };
        let opened = opened.as_mut().ok_or_else(|| fatal("it is not open".to_owned()))?;
        let Link { runtime, session: held, known } = link;
        let runtime = match runtime {
            Some(runtime) => runtime,
            None => runtime
                .insert(session::runtime().map_err(|error| fatal(format!("its thread cannot wait for it: {error}")))?),
        };
        let done = runtime.block_on(async {
            let mut session = match held.take() {
                Some(session) => session,
                None => Session::open(settings, Some(opened.claim)).await?,
            };
            match work(&mut session, opened, names).await {
                Ok(done) => {
                    *held = Some(session);
                    Ok(done)
                }
                Err(failure) => {
                    session.end().await;
                    if failure.is_locked() {
                        evict(settings, opened.claim).await;
                    }
                    Err(failure)
                }
            }
        });
        let before = std::mem::replace(known, *known || done.is_ok());
        done.map_err(|failure| failure.typed(name, before))
    }
}

impl Sink for PostgresSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, views: &[&'static ViewSchema], claim: Claim) -> Result<Option<EpochStamp>, SinkError> {
        self.opened = Some(Opened { views: views.to_vec(), claim, applied: None });
        let (name, patience) = (self.name.clone(), self.settings.patience);
        let role = self.settings.readers_role.clone();
        self.with(async |session, opened, names| {
            let transaction = begin(&mut session.client, patience).await?;
            let claiming = async {
                // Two processes that make the same tables at once would trip over each other.
                let key = format!("inkflow {}", names.schema);
                transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&key]).await?;
                tables::ensure_schema(&transaction, names).await?;
                let mut changed = tables::ensure_own(&transaction, names).await?;
                let standing = Standing::claimed(&name, read_standing(&transaction, names).await?, claim)?;
                changed |= tables::ensure_views(&transaction, names, &opened.views).await?;
                readable::ensure(&transaction, names, &opened.views, changed).await?;
                if let Some(role) = &role {
                    tables::grant(&transaction, names, &opened.views, role).await?;
                }
                write_standing(&transaction, names, standing).await?;
                Ok::<_, Failure>(standing.written)
            };
            // Each statement has the server's limit; this one is for a way that is cut.
            let written = within(patience * 4, claiming).await?;
            within(patience, transaction.commit()).await?;
            opened.applied = written.map(|stamp| stamp.epoch);
            Ok(written)
        })
    }

    fn read(&mut self, view: usize, f: &mut dyn FnMut(Row)) -> Result<(), SinkError> {
        let patience = self.settings.patience;
        self.with(async |session, opened, names| {
            let schema = opened.views[view];
            // As long as rows come, the statement may take as long as it takes.
            within(patience, session.client.batch_execute("SET statement_timeout = 0")).await?;
            let select = statements::select(names, schema);
            let no_parameters: [&str; 0] = [];
            let rows = within(patience, session.client.query_raw(&select, no_parameters)).await?;
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = within(patience, rows.try_next()).await? {
                let cells = schema.columns.iter().enumerate().map(|(index, column)| read_cell(&row, index, column));
                f(Row(cells.collect::<Result<_, Failure>>()?));
            }
            let again = format!("SET statement_timeout = {}", patience.as_millis());
            within(patience, session.client.batch_execute(&again)).await
        })
    }

    fn apply(&mut self, stamp: EpochStamp, changes: &[ViewChanges]) -> Result<(), SinkError> {
        let (name, patience) = (self.name.clone(), self.settings.patience);
        let views = self.opened.as_ref().map(|opened| opened.views.clone()).unwrap_or_default();
        plan::check_views(views.len(), changes);
        let mut plans = Vec::with_capacity(changes.len());
        for ViewChanges { view, changes } in changes {
            // Planned before a lock is taken.
            plans.push((*view, plan::plan(&name, views[*view], changes)?));
        }
        self.with(async |session, opened, names| {
            let Session { client, prepared, .. } = session;
            let transaction = begin(client, patience).await?;
            let stored = within(patience, read_standing(&transaction, names)).await?;
            let standing = Standing::written(&name, stored, opened.claim, stamp)?;
            let stored = stored.and_then(|stored| stored.written).map(|stored| stored.epoch);
            if stored < opened.applied {
                return Err(Failure::Fatal(format!(
                    "its tables went back from epoch {} to {}: were they restored, or did a standby take over? The next \
                     start makes them right",
                    opened.applied.unwrap_or(0),
                    stored.unwrap_or(0)
                )));
            }
            for (view, ops) in &plans {
                let view = write::View { index: *view, schema: views[*view], names };
                write::write(&transaction, prepared, view, ops, patience).await?;
            }
            within(patience, write_standing(&transaction, names, standing)).await?;
            within(patience, transaction.commit()).await.map_err(|failure| Failure::Commit(Box::new(failure)))?;
            opened.applied = Some(stamp.epoch);
            Ok(())
        })
    }

    /// Rewrites every table without what was deleted, and takes the samples that the planner keeps of its columns anew.
    /// Readers of a table wait meanwhile. The server's log is not in our hands: it is overwritten as more is written.
    fn scrub(&mut self) -> Result<(), SinkError> {
        let patience = self.settings.patience;
        self.with(async |session, opened, names| {
            within(patience, session.client.batch_execute("SET statement_timeout = 0")).await?;
            for view in &opened.views {
                let vacuum = format!("VACUUM (FULL, ANALYZE) {}", names.of(view.name));
                within(SCRUB_TIMEOUT, session.client.batch_execute(&vacuum)).await?;
            }
            let again = format!("SET statement_timeout = {}", patience.as_millis());
            within(patience, session.client.batch_execute(&again)).await
        })
    }
}

async fn begin(client: &mut Client, patience: Duration) -> Result<Transaction<'_>, Failure> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).read_only(false);
    within(patience, builder.start()).await
}

/// Ends the sessions that write the same tables for the same journal, and are older than ours or left over of ours: a
/// process that was stopped amid a transaction holds its locks for as long as it sleeps.
async fn evict(settings: &PostgresSettings, claim: Claim) {
    let evicted = async {
        let session = Session::open(settings, Some(claim)).await?;
        let others = "SELECT pid, application_name FROM pg_stat_activity
                      WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()";
        let family = session::family(settings, claim);
        for row in within(settings.patience, session.client.query(others, &[])).await? {
            let (pid, name): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
            let incarnation = name.strip_prefix(&family).and_then(|rest| rest.trim().parse::<u64>().ok());
            if incarnation.is_some_and(|incarnation| incarnation <= claim.incarnation) {
                tracing::info!(incarnation, "a session that holds the sink's tables locked is ended");
                within(settings.patience, session.client.execute("SELECT pg_terminate_backend($1)", &[&pid])).await?;
            }
        }
        session.end().await;
        Ok::<_, Failure>(())
    };
    if let Err(failure) = evicted.await {
        tracing::debug!(?failure, "who holds the sink's tables locked is not known");
    }
}

/// Reads the epoch's row, and locks it until the transaction ends.
async fn read_standing(transaction: &Transaction<'_>, names: &Names) -> Result<Option<Standing>, Failure> {
    let sql = format!(
        "SELECT journal, owner, epoch, incarnation, clock FROM {} WHERE id = 1 FOR UPDATE",
        names.of("inkflow_epoch")
    );
    let Some(row) = transaction.query_opt(&sql, &[]).await? else { return Ok(None) };
    // PostgreSQL has no unsigned numbers: the same 64 bits.
    let number = |index| row.try_get::<_, Option<i64>>(index);
    let claim = Claim { journal: row.try_get::<_, i64>(0)? as u64, incarnation: row.try_get::<_, i64>(1)? as u64 };
    let written = match (number(2)?, number(3)?, number(4)?) {
        (Some(epoch), Some(incarnation), Some(clock)) => {
            Some(EpochStamp { epoch: epoch as u64, incarnation: incarnation as u64, clock })
        }
        _ => None,
    };
    Ok(Some(Standing { claim, written }))
}

async fn write_standing(transaction: &Transaction<'_>, names: &Names, standing: Standing) -> Result<(), Failure> {
    let Standing { claim, written } = standing;
    let sql = format!(
        "INSERT INTO {} AS e VALUES (1, $1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE SET journal = $1, owner = $2, epoch = $3, incarnation = $4, clock = $5",
        names.of("inkflow_epoch")
    );
    let parameters: [Option<i64>; 5] = [
        Some(claim.journal as i64),
        Some(claim.incarnation as i64),
        written.map(|stamp| stamp.epoch as i64),
        written.map(|stamp| stamp.incarnation as i64),
        written.map(|stamp| stamp.clock),
    ];
    let [journal, owner, epoch, incarnation, clock] = &parameters;
    transaction.execute(&sql, &[journal, owner, epoch, incarnation, clock]).await?;
    Ok(())
}

fn read_cell(row: &tokio_postgres::Row, index: usize, column: &Column) -> Result<Cell, Failure> {
    Ok(match column.kind {
        ColumnKind::Text => match row.try_get::<_, Option<&str>>(index)? {
            None | Some("") => Cell::Empty,
            Some(text) => Cell::Text(text.into()),
        },
        ColumnKind::Int => row.try_get::<_, Option<i64>>(index)?.map_or(Cell::Empty, Cell::Int),
        ColumnKind::Bool => row.try_get::<_, Option<bool>>(index)?.map_or(Cell::Empty, Cell::Bool),
    })
}
