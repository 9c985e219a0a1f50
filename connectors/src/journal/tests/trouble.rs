//! A store that is full or away: nothing is lost, nothing is sealed twice, nobody waits without being told.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::{path::Path as At, *};

use super::*;

const WELL: u8 = 0;
const FULL: u8 = 1;
const AWAY: u8 = 2;

/// A store whose writes fail while it is told so.
#[derive(Debug)]
struct Faulty(Arc<dyn ObjectStore>, AtomicU8);

impl Faulty {
    fn set(&self, state: u8) {
        self.1.store(state, Ordering::SeqCst);
    }

    fn check(&self) -> object_store::Result<()> {
        let kind = match self.1.load(Ordering::SeqCst) {
            WELL => return Ok(()),
            FULL => std::io::ErrorKind::StorageFull,
            _ => std::io::ErrorKind::TimedOut,
        };
        Err(object_store::Error::Generic { store: "faulty", source: Box::new(std::io::Error::from(kind)) })
    }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, at: &At, payload: PutPayload, opts: PutOptions) -> object_store::Result<PutResult> {
        self.check()?;
        self.0.put_opts(at, payload, opts).await
    }
    async fn put_multipart_opts(
        &self,
        at: &At,
        opts: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.check()?;
        self.0.put_multipart_opts(at, opts).await
    }
    async fn get_opts(&self, at: &At, options: GetOptions) -> object_store::Result<GetResult> {
        self.0.get_opts(at, options).await
    }
    async fn get_ranges(&self, at: &At, ranges: &[Range<u64>]) -> object_store::Result<Vec<bytes::Bytes>> {
        self.0.get_ranges(at, ranges).await
    }
    fn delete_stream(
        &self,
        at: BoxStream<'static, object_store::Result<At>>,
    ) -> BoxStream<'static, object_store::Result<At>> {
        self.0.delete_stream(at)
    }
    fn list(&self, prefix: Option<&At>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&At>) -> object_store::Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &At, to: &At, options: CopyOptions) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

fn faulty() -> (Arc<Faulty>, JournalSettings) {
    let settings = JournalSettings { patience: Duration::from_millis(200), ..JournalSettings::bucket() };
    (Arc::new(Faulty(memory(), AtomicU8::new(WELL))), settings)
}

#[test]
fn a_full_store_is_told_at_once_and_the_same_seal_goes_through_later() {
    let (store, settings) = faulty();
    run(async {
        let mut journal = Journal::open(store.clone(), "journal", settings.clone()).await.unwrap();
        journal.seal(draft(1), &[put(Collection::Reviews, 1, "one")]).await.unwrap();
        store.set(FULL);
        let changes = [put(Collection::Reviews, 2, "two")];
        for _ in 0..3 {
            let full = journal.seal(draft(2), &changes).await.unwrap_err();
            assert!(matches!(full, JournalError::Full(_)) && full.is_transient(), "{full}");
        }
        assert_eq!(journal.last().unwrap().epoch, 1);
        assert_eq!(rows(&journal, Collection::Reviews).await.len(), 1);
        store.set(WELL);
        // It may take one more report of a failure that was under way.
        while let Err(error) = journal.seal(draft(2), &changes).await {
            assert!(error.is_transient());
        }
        journal.seal(draft(3), &[]).await.unwrap();
        drop(journal);
        let journal = Journal::open(store.clone(), "journal", settings).await.unwrap();
        assert_eq!(journal.last().unwrap().epoch, 3);
        assert_eq!(rows(&journal, Collection::Reviews).await.len(), 2);
    });
}

#[test]
fn a_store_that_is_away_is_waited_for_and_then_told() {
    let (store, settings) = faulty();
    run(async {
        let mut journal = Journal::open(store.clone(), "journal", settings.clone()).await.unwrap();
        store.set(AWAY);
        let started = std::time::Instant::now();
        let away = journal.seal(draft(1), &[]).await.unwrap_err();
        assert!(matches!(away, JournalError::Unavailable(_)), "{away}");
        assert!(started.elapsed() >= settings.patience);
        store.set(WELL);
        while journal.seal(draft(1), &[]).await.is_err() {}
        assert_eq!(journal.last().unwrap().epoch, 1);
        // Opening tells as well, in place of waiting for ever.
        store.set(FULL);
        let full = Journal::open(store.clone(), "journal", settings.clone()).await.err().unwrap();
        assert!(matches!(full, JournalError::Full(_)), "{full}");
    });
}

#[test]
fn an_epoch_that_was_not_sealed_is_not_there_after_a_kill() {
    let (store, settings) = faulty();
    let (inner, same) = (store.0.clone(), settings.clone());
    killed(async move {
        let mut journal = Journal::open(store.clone(), "journal", settings).await.unwrap();
        journal.seal(draft(1), &[put(Collection::Reviews, 1, "one")]).await.unwrap();
        store.set(FULL);
        journal
            .seal(draft(2), &[put(Collection::Reviews, 1, "two"), put(Collection::Reviews, 2, "two")])
            .await
            .unwrap_err();
    });
    run(async {
        let journal = Journal::open(inner, "journal", same).await.unwrap();
        assert_eq!(journal.last().unwrap().epoch, 1);
        let one = key(Collection::Reviews, 1);
        assert_eq!(rows(&journal, Collection::Reviews).await, BTreeMap::from([(one, (1, b"one".to_vec()))]));
    });
}

#[test]
fn a_seal_whose_future_was_dropped_is_repeated_not_doubled() {
    let (store, settings) = faulty();
    run(async {
        let mut journal = Journal::open(store.clone(), "journal", settings).await.unwrap();
        store.set(AWAY);
        let changes = [put(Collection::Reviews, 1, "one")];
        let dropped = tokio::time::timeout(Duration::from_millis(20), journal.seal(draft(1), &changes)).await;
        assert!(dropped.is_err());
        store.set(WELL);
        while journal.seal(draft(1), &changes).await.is_err() {}
        journal.seal(draft(2), &[]).await.unwrap();
        let mut epochs = vec![];
        journal.reader().headers(0, |header| epochs.push(header.epoch)).await.unwrap();
        assert_eq!(epochs, [1, 2]);
    });
}

#[test]
#[should_panic(expected = "a seal was left open")]
fn another_seal_than_the_open_one_is_a_bug() {
    let (store, settings) = faulty();
    run(async {
        let mut journal = Journal::open(store.clone(), "journal", settings).await.unwrap();
        store.set(FULL);
        journal.seal(draft(1), &[put(Collection::Reviews, 1, "one")]).await.unwrap_err();
        let _ = journal.seal(draft(1), &[]).await;
    });
}
