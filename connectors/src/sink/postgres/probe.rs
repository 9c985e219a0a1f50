//! Looking at a database from outside: what a run would find there. It changes nothing and takes nothing over.

use tokio_postgres::error::SqlState;

use super::error::{words, Failure};
use super::session::{self, within, Session};
use super::{quoted, PostgresSettings};
use crate::sink::SinkError;

/// Signs in and looks whether the tables could be made and written. A sentence, or one that says what is wrong. Blocking.
pub fn probe(settings: &PostgresSettings) -> Result<String, String> {
    let runtime = session::runtime().map_err(|error| format!("no thread to wait for it: {error}"))?;
    let found = runtime.block_on(async {
        let session = Session::open(settings, None).await?;
        let looked = within(settings.patience, look(&session, settings)).await;
        session.end().await;
        looked
    });
    found.map_err(|failure| explain(settings, failure))
}

/// A failure as a sentence, with what is to be done where that is known.
fn explain(settings: &PostgresSettings, failure: Failure) -> String {
    let PostgresSettings { host, port, database, user, .. } = settings;
    if let Failure::Server(error) = &failure {
        let at = format!("{host}:{port}");
        return match error.code() {
            Some(code) if *code == SqlState::INVALID_PASSWORD => format!("{at} refuses the password of {user}."),
            Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                format!("{at} does not let {user} in: {}.", words(error))
            }
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
                format!("{at} has no database {database}: make it, or name another.")
            }
            Some(_) => format!("{at}: {}.", words(error)),
            None => format!("{at} cannot be reached: {}.", words(error)),
        };
    }
    match failure.typed(&format!("{host}:{port}"), false) {
        SinkError::Transient { sink, reason } | SinkError::Fatal { sink, reason } => format!("{sink}: {reason}."),
        other => format!("{other}."),
    }
}

async fn look(session: &Session, settings: &PostgresSettings) -> Result<String, Failure> {
    let PostgresSettings { host, port, database, user, schema, readers_role, .. } = settings;
    let wrong = |why: String| Err(Failure::Fatal(why));
    let client = &session.client;
    let standby: bool = client.query_one("SELECT pg_is_in_recovery()", &[]).await?.try_get(0)?;
    if standby {
        return wrong("it is a standby, and cannot be written".to_owned());
    }
    if let Some(role) = readers_role {
        let there = client.query_one("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", &[role]).await?;
        if !there.try_get::<_, bool>(0)? {
            return wrong(format!("there is no role {role}, which is to read the tables"));
        }
    }
    let name = quoted(schema);
    let there: bool = client.query_one("SELECT to_regnamespace($1) IS NOT NULL", &[&name]).await?.try_get(0)?;
    if !there {
        let may = "SELECT has_database_privilege(current_database(), 'CREATE')";
        if !client.query_one(may, &[]).await?.try_get::<_, bool>(0)? {
            return wrong(format!(
                "there is no schema {schema}, and {user} may not make it: CREATE SCHEMA {name} AUTHORIZATION {}",
                quoted(user)
            ));
        }
        return Ok(format!("{user} is signed in at {host}:{port}/{database}; the schema {schema} will be made."));
    }
    let may = "SELECT has_schema_privilege($1, 'USAGE') AND has_schema_privilege($1, 'CREATE')";
    if !client.query_one(may, &[schema]).await?.try_get::<_, bool>(0)? {
        return wrong(format!(
            "{user} may not make tables in the schema {schema}: GRANT USAGE, CREATE ON SCHEMA {name} TO {}",
            quoted(user)
        ));
    }
    // Only their owner can change tables, and vacuum them.
    let theirs = "SELECT c.relname::text, r.rolname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
                  WHERE c.relnamespace = to_regnamespace($1) AND c.relname IN ('inkflow_epoch', 'inkflow_columns')
                  AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1";
    if let Some(row) = client.query_opt(theirs, &[&name]).await? {
        let (table, owner): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        return wrong(format!("the table {schema}.{table} belongs to {owner}, so that {user} cannot write it: sign in as {owner}, or name another schema"));
    }
    Ok(format!("{user} is signed in at {host}:{port}/{database}, and may write the schema {schema}."))
}
