//! The flow file's words for where photos and the journal lie: folders, buckets, web servers.

use super::scalars::PrivateNetwork;
use super::Secret;
use schemars::{json_schema, JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// Where photos lie.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PhotosConfig {
    /// A folder of photos; a uri that no other place takes is a path below it.
    Folder(PhotoFolderConfig),
    /// A bucket of an S3-compatible store; a uri is its prefix, and then the object's key as it is.
    S3(PhotoBucketConfig),
    /// Web servers; a uri is asked for as it is, signature and all.
    Web(WebConfig),
}

/// A folder of photos.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoFolderConfig {
    /// The folder. Nothing outside it is ever opened.
    #[schemars(extend("examples" = ["photos"]))]
    pub path: PathBuf,
}

/// A bucket of an S3-compatible store.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketConfig {
    /// Its name.
    #[schemars(extend("examples" = ["photos"]))]
    pub name: String,
    /// Where the store answers. One that begins with http:// is spoken to without TLS. Without it, AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://s3.example.org"]))]
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    #[serde(default = "region")]
    pub region: String,
    /// The id of the key that signs. Without it, what AWS's own tools find in the environment, or the machine's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Secret>,
    /// The key that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<Secret>,
    /// The bucket stands in the path, as MinIO and most others have it, and not in the host's name.
    #[serde(default = "yes")]
    pub path_style: bool,
    /// The authorities whose certificates are believed (PEM), in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ca.pem"]))]
    pub ca_file: Option<PathBuf>,
}

/// Photos in a bucket.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoBucketConfig {
    /// The bucket.
    pub bucket: BucketConfig,
    /// What its photos' uris begin with; of several places the one with the longest beginning that fits is asked. Without
    /// it, `s3://` and the bucket's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["s3://photos/"]))]
    pub prefix: Option<String>,
    /// A photo's version is the store's etag, and another one is not taken in its place: it is `not_found`.
    #[serde(default)]
    pub match_etag: bool,
    /// A photo that is not there whole after so many seconds is asked for again.
    #[serde(default = "timeout_s")]
    pub timeout_s: NonZeroU64,
}

/// Photos of web servers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// The hosts that may be asked: `photos.example.org`, `*.example.org` for all below it, with `:PORT` where it is not
    /// the usual one. A redirect to any other is not followed.
    #[schemars(extend("examples" = [["photos.example.org"]]))]
    pub hosts: Vec<String>,
    /// Private networks in which these hosts may lie, as 10.1.0.0/16. Others are never connected to, whatever a name
    /// resolves to.
    #[serde(default)]
    pub networks: Vec<PrivateNetwork>,
    /// Uris may begin with http://, too.
    #[serde(default)]
    pub allow_http: bool,
    /// What uris begin with that are asked for here. Without it, `https://`, and `http://` where that is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["https://photos.example.org/"]))]
    pub prefix: Option<String>,
    /// A photo's version is the server's etag, and another one is not taken in its place: it is `not_found`.
    #[serde(default)]
    pub match_etag: bool,
    /// A photo that is not there whole after so many seconds is asked for again.
    #[serde(default = "timeout_s")]
    pub timeout_s: NonZeroU64,
    /// The authorities whose certificates are believed (PEM), in place of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ca.pem"]))]
    pub ca_file: Option<PathBuf>,
}

/// The journal.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum JournalConfig {
    /// A folder, made if it is not there. One process writes it: a second one takes it over, and the first ends.
    #[schemars(extend("examples" = ["journal"]))]
    Folder(PathBuf),
    /// A bucket of an S3-compatible store, with the same said of processes, wherever they run.
    S3(JournalBucketConfig),
}

/// The journal in a bucket.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalBucketConfig {
    /// The bucket. The store must be able to write an object on condition that it is not there, or has not changed.
    pub bucket: BucketConfig,
    /// What the names of the journal's objects begin with. Two flows must not share one.
    #[serde(default = "journal_path")]
    pub path: String,
    /// An epoch is sealed so many milliseconds after the last one at the earliest, or when it is full. Each costs the store
    /// a request or two, and is waited for.
    #[serde(default = "seal_every_ms")]
    pub seal_every_ms: u16,
}

fn region() -> String {
    "us-east-1".to_owned()
}

fn yes() -> bool {
    true
}

fn timeout_s() -> NonZeroU64 {
    NonZeroU64::new(inkflow_connectors::photos::FETCH_TIMEOUT.as_secs()).unwrap_or(NonZeroU64::MIN)
}

fn journal_path() -> String {
    "journal".to_owned()
}

/// Ten requests a second are 26 million in a month, some 130 dollars at AWS, for a flow that is never idle.
fn seal_every_ms() -> u16 {
    100
}

/// Reads one place, or a list of them.
pub(super) fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PhotosConfig>, D::Error> {
    struct Places;
    impl<'de> Visitor<'de> for Places {
        type Value = Vec<PhotosConfig>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a place where photos lie, or a list of them")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut places = Vec::new();
            while let Some(place) = list.next_element()? {
                places.push(place);
            }
            Ok(places)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let place = PhotosConfig::deserialize(MapAccessDeserializer::new(&mut map))?;
            match map.next_key::<IgnoredAny>()? {
                None => Ok(vec![place]),
                Some(_) => {
                    Err(A::Error::custom("several places where photos lie make a list: lines that begin with `- `"))
                }
            }
        }
    }
    from.deserialize_any(Places)
}

pub(super) fn one_or_more_schema(generator: &mut SchemaGenerator) -> Schema {
    let place = generator.subschema_for::<PhotosConfig>();
    json_schema!({ "anyOf": [{ "type": "array", "items": place }, place] })
}

impl BucketConfig {
    fn resolve(&mut self, base: &Path) {
        self.access_key_id.iter_mut().chain(&mut self.secret_access_key).for_each(|key| key.resolve(base));
        self.ca_file.iter_mut().for_each(|file| *file = base.join(&*file));
    }

    fn fault(&self) -> Option<(&'static str, &'static str)> {
        let half = self.access_key_id.is_some() != self.secret_access_key.is_some();
        half.then_some(("a bucket's key needs its id, and the id its key", "name both, or neither"))
    }

    /// Where it is and who signs in, its secrets read.
    #[cfg(feature = "web")]
    pub fn settings(&self) -> Result<inkflow_connectors::bucket::BucketSettings, super::SecretError> {
        let keys = match (&self.access_key_id, &self.secret_access_key) {
            (Some(id), Some(key)) => Some((id.read()?, key.read()?)),
            _ => None,
        };
        Ok(inkflow_connectors::bucket::BucketSettings {
            bucket: self.name.clone(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            keys,
            path_style: self.path_style,
            allow_http: self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")),
            ca_file: self.ca_file.clone(),
        })
    }
}

impl PhotosConfig {
    /// What the uris of its photos begin with.
    pub fn prefixes(&self) -> Vec<String> {
        match self {
            PhotosConfig::Folder(_) => vec![String::new()],
            PhotosConfig::S3(s3) => vec![s3.prefix.clone().unwrap_or_else(|| format!("s3://{}/", s3.bucket.name))],
            PhotosConfig::Web(WebConfig { prefix: Some(prefix), .. }) => vec![prefix.clone()],
            PhotosConfig::Web(web) => {
                let usual = if web.allow_http { &["https://", "http://"][..] } else { &["https://"] };
                usual.iter().map(|&prefix| prefix.to_owned()).collect()
            }
        }
    }

    /// What it is called in metrics and logs.
    pub fn name(&self) -> &str {
        match self {
            PhotosConfig::Folder(_) => "folder",
            PhotosConfig::S3(s3) => s3.prefix.as_deref().unwrap_or(&s3.bucket.name),
            PhotosConfig::Web(web) => web.prefix.as_deref().unwrap_or("web"),
        }
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        match self {
            PhotosConfig::Folder(folder) => folder.path = base.join(&folder.path),
            PhotosConfig::S3(s3) => s3.bucket.resolve(base),
            PhotosConfig::Web(web) => web.ca_file.iter_mut().for_each(|file| *file = base.join(&*file)),
        }
    }
}

/// What is wrong with the places of photos, where something is.
pub(super) fn fault(places: &[PhotosConfig]) -> Option<(&'static str, &'static str)> {
    let prefixes: Vec<String> = places.iter().flat_map(PhotosConfig::prefixes).collect();
    let twice = prefixes.iter().enumerate().any(|(index, prefix)| prefixes.iter().take(index).any(|p| p == prefix));
    let of_place = |place: &PhotosConfig| match place {
        PhotosConfig::S3(s3) => s3.bucket.fault(),
        PhotosConfig::Web(web) if web.hosts.is_empty() => {
            Some(("no host may be asked for photos", "name them: `hosts: [photos.example.org]`"))
        }
        _ => None,
    };
    match twice {
        true => Some((
            "two places take the photos whose uris begin alike",
            "give each a `prefix` of its own; a folder takes what is left",
        )),
        false => places.iter().find_map(of_place),
    }
}

impl JournalConfig {
    pub(super) fn resolve(&mut self, base: &Path) {
        match self {
            JournalConfig::Folder(folder) => *folder = base.join(&*folder),
            JournalConfig::S3(s3) => s3.bucket.resolve(base),
        }
    }

    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            JournalConfig::S3(JournalBucketConfig { path, .. }) if path.trim_matches('/').is_empty() => {
                Some(("the journal needs a path of its own in its bucket", "leave `path` out, or give it a name"))
            }
            JournalConfig::S3(s3) => s3.bucket.fault(),
            JournalConfig::Folder(_) => None,
        }
    }
}
