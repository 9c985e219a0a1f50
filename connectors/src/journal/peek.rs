//! Looking at a journal from outside. Opening one fences whoever writes it; this does not: it reads, and writes nothing.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use slatedb::admin::Admin;

use super::open::read_format;
use super::{layout, JournalError};

/// What can be said of a journal without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// The version of its format: one that is known here.
    pub format: u32,
    /// How often it was opened.
    pub openings: u64,
}

/// Looks at the journal at `path` in `store`; none where there is no journal yet.
pub async fn peek(store: Arc<dyn ObjectStore>, path: &str) -> Result<Option<Peek>, JournalError> {
    let path = Path::from(path);
    let at = path.clone().join(layout::FORMAT_OBJECT);
    let format = match store.get(&at).await {
        Ok(found) => read_format(&at, &found.bytes().await?)?,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let manifest = Admin::builder(path, store).build().read_manifest(None).await?;
    Ok(Some(Peek { format, openings: manifest.map_or(0, |manifest| manifest.writer_epoch()) }))
}

#[cfg(test)]
mod tests {
    use super::super::{folder, Draft, Journal, JournalSettings, Positions};
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_look_fences_nobody_and_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = folder(dir.path()).unwrap();
        assert_eq!(peek(store.clone(), "journal").await, Ok(None));
        let mut journal = Journal::open(store.clone(), "journal", JournalSettings::folder()).await.unwrap();
        let format = layout::FORMAT;
        assert_eq!(peek(store.clone(), "journal").await, Ok(Some(Peek { format, openings: 1 })));
        let draft = Draft { epoch: 1, clock: 0, positions: Positions::new() };
        journal.seal(draft, &[]).await.expect("the writer is not fenced");
        journal.close().await.unwrap();
        let again = Journal::open(store.clone(), "journal", JournalSettings::folder()).await.unwrap();
        again.close().await.unwrap();
        assert_eq!(peek(store, "journal").await, Ok(Some(Peek { format, openings: 2 })));
    }

    #[tokio::test]
    async fn a_newer_journal_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("journal")).unwrap();
        std::fs::write(dir.path().join("journal/FORMAT"), "99\n").unwrap();
        let found = peek(folder(dir.path()).unwrap(), "journal").await;
        assert_eq!(found, Err(JournalError::NewerFormat { found: 99, known: layout::FORMAT }));
    }
}
