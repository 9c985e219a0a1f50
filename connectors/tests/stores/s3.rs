//! Photos in a bucket of a real S3 server.

use crate::services::{bucket_settings, Proxy};
use bytes::Bytes;
use inkflow_connectors::bucket::{open, BucketSettings, Tries};
use inkflow_connectors::hidden::Hidden;
use inkflow_connectors::photos::s3::BucketPhotos;
use inkflow_connectors::photos::{FetchError, Photos, Store, StoreLimits, StoreState, Stores, PHOTO_BYTES_MAX};
use inkflow_schemas::{Fault, Photo, PhotoKey};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn photo(uri: &str, version: &str) -> Photo {
    Photo { key: PhotoKey { uri: uri.into(), version: version.into() }, bytes: None, sha256: None }
}

fn photos(settings: &BucketSettings) -> (Arc<dyn ObjectStore>, BucketPhotos) {
    let store: Arc<dyn ObjectStore> = Arc::new(open(settings, Tries::Ours).unwrap());
    (store.clone(), BucketPhotos::new(store, "s3://photos/", true))
}

fn definite<T>(fault: Fault) -> Result<T, FetchError> {
    Err(FetchError::Definite(fault))
}

#[tokio::test]
async fn a_bucket_gives_what_lies_in_it_and_a_fault_for_what_does_not() {
    let settings = bucket_settings();
    let (store, photos) = photos(&settings);
    let page = Bytes::from_static(b"page");
    for key in ["a.jpg", "class 7/b#1%2f?.jpg", "数学/第一页+.jpg", "a..b/c"] {
        store.put(&Path::parse(key).unwrap(), page.clone().into()).await.unwrap();
        assert_eq!(photos.fetch(&photo(&format!("s3://photos/{key}"), "")).await, Ok(page.clone()), "{key}");
    }
    for key in ["nothing.jpg", "a.jpg/b", "A.JPG"] {
        assert_eq!(photos.fetch(&photo(&format!("s3://photos/{key}"), "")).await, definite(Fault::NotFound), "{key}");
    }
    for uri in ["s3://other/a.jpg", "s3://photos/../a.jpg", "s3://photos/x//a.jpg", "http://169.254.169.254/", "a.jpg"]
    {
        assert_eq!(photos.fetch(&photo(uri, "")).await, definite(Fault::Forbidden), "{uri}");
    }
    store.put(&Path::from("most"), vec![7; PHOTO_BYTES_MAX as usize].into()).await.unwrap();
    assert_eq!(photos.fetch(&photo("s3://photos/most", "")).await.unwrap().len() as u64, PHOTO_BYTES_MAX);
    store.put(&Path::from("more"), vec![7; PHOTO_BYTES_MAX as usize + 1].into()).await.unwrap();
    assert_eq!(photos.fetch(&photo("s3://photos/more", "")).await, definite(Fault::TooLarge));
}

#[tokio::test]
async fn a_version_that_was_overwritten_is_not_its_successor() {
    let settings = bucket_settings();
    let (store, photos) = photos(&settings);
    let at = Path::from("a.jpg");
    let first = store.put(&at, "first".into()).await.unwrap().e_tag.unwrap();
    let first = first.trim_matches('"');
    assert_eq!(photos.fetch(&photo("s3://photos/a.jpg", first)).await, Ok(Bytes::from_static(b"first")));
    store.put(&at, "second".into()).await.unwrap();
    assert_eq!(photos.fetch(&photo("s3://photos/a.jpg", first)).await, definite(Fault::NotFound));
    assert_eq!(photos.fetch(&photo("s3://photos/a.jpg", "")).await, Ok(Bytes::from_static(b"second")));
}

#[tokio::test]
async fn wrong_keys_are_forbidden_and_a_missing_bucket_has_no_photo() {
    let settings = bucket_settings();
    let wrong = BucketSettings { keys: Some((Hidden::new("inkflow"), Hidden::new("wrong"))), ..settings.clone() };
    assert_eq!(photos(&wrong).1.fetch(&photo("s3://photos/a.jpg", "")).await, definite(Fault::Forbidden));
    let missing = BucketSettings { bucket: "no-such-bucket".to_owned(), ..settings };
    assert_eq!(photos(&missing).1.fetch(&photo("s3://photos/a.jpg", "")).await, definite(Fault::NotFound));
}

/// The same bucket behind a proxy.
fn behind(settings: &BucketSettings) -> (Proxy, BucketSettings) {
    let direct = settings.endpoint.as_deref().unwrap().trim_start_matches("http://").to_owned();
    let proxy = Proxy::before(&direct);
    let endpoint = Some(format!("http://{}:{}", proxy.host, proxy.port));
    (proxy, BucketSettings { endpoint, ..settings.clone() })
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_photo_s_trouble_and_may_pass() {
    let settings = bucket_settings();
    photos(&settings).0.put(&Path::from("a.jpg"), vec![7; 1 << 20].into()).await.unwrap();
    let (proxy, proxied) = behind(&settings);
    let (_, photos) = photos(&proxied);
    proxy.toxic("limit_data", json!({"bytes": 100_000}));
    let broken = photos.fetch(&photo("s3://photos/a.jpg", "")).await;
    assert!(matches!(broken, Err(FetchError::Broken { .. })), "{broken:?}");
    proxy.heal("limit_data");
    assert_eq!(photos.fetch(&photo("s3://photos/a.jpg", "")).await.unwrap().len(), 1 << 20);
}

/// A dead store, one that hangs and one that is slow, each for a while: no photo fails, other stores' come, and when it is
/// back so do its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_dead_for_a_while_fails_no_photo_and_holds_back_no_other() {
    let settings = bucket_settings();
    let (direct, alive) = photos(&settings);
    for n in 0..50 {
        direct.put(&Path::from(format!("{n}.jpg")), format!("page {n}").into()).await.unwrap();
    }
    for how in ["cut", "silent"] {
        let (proxy, proxied) = behind(&settings);
        let store = Arc::new(open(&proxied, Tries::Ours).unwrap());
        let dead = BucketPhotos::new(store, "s3://dead/", true);
        let limits = StoreLimits { timeout: Duration::from_secs(1), photos_max: 16, ..StoreLimits::default() };
        let all = vec![
            Store::new("dead", vec!["s3://dead/".to_owned()], dead, limits, 1),
            Store::new("alive", vec!["s3://photos/".to_owned()], alive.clone(), limits, 2),
        ];
        let stores = Arc::new(Stores::new(all));
        match how {
            "cut" => proxy.cut(),
            _ => proxy.toxic("timeout", json!({"timeout": 0})),
        }
        // As the queue does: a photo whose store is away is asked for again, and waits for nobody.
        let ask = |uri: String| {
            let stores = stores.clone();
            tokio::spawn(async move {
                let end = Instant::now() + Duration::from_secs(60);
                loop {
                    match stores.fetch(&photo(&uri, "")).await {
                        Err(FetchError::Unavailable { wait, .. }) if Instant::now() < end => {
                            tokio::time::sleep(wait.min(Duration::from_millis(200))).await;
                        }
                        // A copy: the photo itself holds its permit until it is dropped.
                        fetched => return fetched.map(|bytes| Bytes::copy_from_slice(&bytes)),
                    }
                }
            })
        };
        let waiting: Vec<_> = (0..50).map(|n| ask(format!("s3://dead/{n}.jpg"))).collect();
        let before = Instant::now();
        for n in 0..50 {
            let fetched = ask(format!("s3://photos/{n}.jpg")).await.unwrap();
            assert_eq!(fetched, Ok(format!("page {n}").into()), "{how}");
        }
        assert!(before.elapsed() < Duration::from_secs(5), "{how}: {:?}", before.elapsed());
        let end = Instant::now() + Duration::from_secs(30);
        while stores.figures()[0].state != StoreState::Open {
            assert!(Instant::now() < end, "{how}: its breaker opens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match how {
            "cut" => proxy.mend(),
            _ => proxy.heal("timeout"),
        }
        for (n, fetch) in waiting.into_iter().enumerate() {
            assert_eq!(fetch.await.unwrap(), Ok(format!("page {n}").into()), "{how}");
        }
        let figures = stores.figures();
        assert_eq!(
            (figures[0].state, figures[0].requests.fetched, figures[1].requests.failed),
            (StoreState::Closed, 50, 0)
        );
    }
}
