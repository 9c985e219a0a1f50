//! Buckets of S3-compatible stores: where they are, and who signs in.

use std::path::PathBuf;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutMode, RetryConfig, UpdateVersion};

use crate::hidden::Hidden;
use crate::tls::{self, Trust, TrustError};

/// A connection that is not made after this is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a bucket is, and who signs in.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// Its name.
    pub bucket: String,
    /// Where the store answers, as `https://s3.example.org`; without it AWS does.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The key's id and the key. Without them the environment's, or those of the machine's role.
    pub keys: Option<(Hidden, Hidden)>,
    /// The bucket stands in the path, not in the host's name: as MinIO and most others have it.
    pub path_style: bool,
    /// The way may be without TLS.
    pub allow_http: bool,
    /// The authorities whose certificates are believed (PEM), in place of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why a bucket cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client.
    #[error("no requests can be made: {0}")]
    Client(String),
    /// The settings do not go together.
    #[error("the bucket cannot be used: {0}")]
    Settings(String),
}

/// Who tries a request again that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// The caller: every failure is told at once, and a store that asks for patience is a [`Refused`].
    Ours,
    /// The library, up to a limit.
    Theirs,
}

/// The store said that it does not answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}")]
pub struct Refused {
    /// What it said: 408, 429, or from 500 on.
    pub status: u16,
    /// For how long it asks to be left alone.
    pub after: Option<Duration>,
}

/// Opens a bucket; nothing is asked yet.
pub fn open(settings: &BucketSettings, tries: Tries) -> Result<AmazonS3, BucketError> {
    let trust = settings.ca_file.clone().map_or(Trust::System, Trust::Authorities);
    // Who speaks no TLS needs nobody's certificate.
    let trust = match (&settings.endpoint, &trust) {
        (Some(endpoint), Trust::System) if endpoint.starts_with("http://") => Trust::Anyone,
        _ => trust,
    };
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client(&trust)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| BucketError::Client(error.to_string()))?;
    let builder = match &settings.keys {
        Some((id, key)) => AmazonS3Builder::new().with_access_key_id(id.reveal()).with_secret_access_key(key.reveal()),
        None => AmazonS3Builder::from_env(),
    };
    let retry = match tries {
        Tries::Ours => RetryConfig { max_retries: 0, ..RetryConfig::default() },
        // What waits for it repeats it for ever, so that its own patience is short.
        Tries::Theirs => {
            RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(10), ..RetryConfig::default() }
        }
    };
    let mut builder = builder
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_allow_http(settings.allow_http)
        .with_retry(retry)
        .with_http_connector(Web { client, tries });
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder.build().map_err(|error| BucketError::Settings(error.to_string()))
}

/// Whether there is anything in a bucket.
pub async fn holds_anything(store: &dyn ObjectStore) -> object_store::Result<bool> {
    Ok(store.list(None).try_next().await?.is_some())
}

/// Tries what a journal needs of a bucket: that an object is written only where there is none, or where it has not changed
/// since. A store that does so lets one process at a time write a journal. What is written is removed.
pub async fn try_conditions(store: &dyn ObjectStore, at: &Path) -> Result<(), String> {
    let words = |error: object_store::Error| error.to_string();
    let put = async |mode: PutMode| store.put_opts(at, "tried".into(), mode.into()).await;
    let first = put(PutMode::Create).await.map_err(words)?;
    let tried = async {
        match put(PutMode::Create).await {
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {}
            Err(error) => return Err(words(error)),
            Ok(_) => return Err("it writes an object over one that it was told not to".to_owned()),
        }
        let version = || UpdateVersion { e_tag: first.e_tag.clone(), version: first.version.clone() };
        // Another body, as the same one would have the same etag.
        store.put_opts(at, "again".into(), PutMode::Update(version()).into()).await.map_err(words)?;
        match put(PutMode::Update(version())).await {
            Err(object_store::Error::Precondition { .. }) => Ok(()),
            Err(error) => Err(words(error)),
            Ok(_) => Err("it replaces an object that has changed, though it was told not to".to_owned()),
        }
    };
    let tried = tried.await;
    store.delete(at).await.map_err(words).and(tried)
}

/// The HTTP of a bucket: ours, so that TLS, redirects and what a store says of patience are ours too.
#[derive(Clone, Debug)]
struct Web {
    client: reqwest::Client,
    tries: Tries,
}

impl HttpConnector for Web {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for Web {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let response = self.client.call(request).await?;
        match refused(response.status().as_u16(), response.headers()) {
            Some(refused) if self.tries == Tries::Ours => Err(HttpError::new(HttpErrorKind::Unknown, refused)),
            _ => Ok(response),
        }
    }
}

/// Whether an answer is none.
pub(crate) fn refused(status: u16, headers: &reqwest::header::HeaderMap) -> Option<Refused> {
    let is_refused = status == 408 || status == 429 || status >= 500;
    // In seconds; the other form, a date, is of those who send no 429.
    let after = headers.get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    is_refused.then(|| Refused { status, after: after.map(Duration::from_secs) })
}

/// What is behind an error, where that is a store that said so.
pub fn refused_by(error: &(dyn std::error::Error + 'static)) -> Option<Refused> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(*refused);
        }
        cause = error.source();
    }
    None
}
