//! From what a flow file says of stores to what reads and writes them, and what `inkflow check` says of them.

use crate::check::{finding, Finding};
use crate::config::{JournalBucketConfig, JournalConfig, ModelConfig, PhotoFolderConfig, PhotosConfig};
use crate::places::JournalPlace;
use crate::readers::ModelError;
use crate::run::RunError;
use inkflow_connectors::photos::{Store, StoreLimits, StoredPhotos, Stores};

/// The places of photos as one, each with its share of what may be in flight.
pub(crate) fn photos(places: &[PhotosConfig], model: &ModelConfig) -> Result<Stores, ModelError> {
    let shares = places.len().max(1);
    let limits = StoreLimits {
        photos_max: (model.in_flight_max.get() / shares).max(1),
        bytes_max: model.in_flight_bytes_max.get() / shares,
        ..StoreLimits::default()
    };
    // The seed sets the jitter between tries: two processes must not try in step.
    let seeds = u64::from(std::process::id()) << 8..;
    let stores = places.iter().zip(seeds).map(|(place, seed)| store(place, limits, seed));
    Ok(Stores::new(stores.collect::<Result<_, _>>()?))
}

fn store(place: &PhotosConfig, limits: StoreLimits, seed: u64) -> Result<Store, ModelError> {
    let name = place.name();
    match place {
        PhotosConfig::Folder(PhotoFolderConfig { path }) => {
            let photos = StoredPhotos::folder(path).map_err(|error| ModelError::Photos(error.to_string()))?;
            Ok(Store::new(name, place.prefixes(), photos, limits, seed))
        }
        #[cfg(feature = "web")]
        PhotosConfig::S3(_) | PhotosConfig::Web(_) => {
            web::store(place, limits, seed).map_err(|error| ModelError::Photos(format!("photos of {name}: {error}")))
        }
        #[cfg(not(feature = "web"))]
        PhotosConfig::S3(_) | PhotosConfig::Web(_) => Err(ModelError::Photos(WITHOUT.to_owned())),
    }
}

/// Where the journal lies.
pub(crate) fn journal(config: &JournalConfig) -> Result<JournalPlace, RunError> {
    match config {
        JournalConfig::Folder(folder) => Ok(JournalPlace::Folder(folder.clone())),
        #[cfg(feature = "web")]
        JournalConfig::S3(s3) => web::journal(s3).map_err(in_bucket),
        #[cfg(not(feature = "web"))]
        JournalConfig::S3(_) => Err(in_bucket(WITHOUT.to_owned())),
    }
}

fn in_bucket(error: String) -> RunError {
    RunError::Place { what: "the journal in a bucket", error }
}

#[cfg(not(feature = "web"))]
const WITHOUT: &str = "this inkflow was built without buckets and web servers (the feature `web`)";

/// Looks at every place of photos.
pub(crate) async fn check_photos(places: &[PhotosConfig]) -> Vec<Finding> {
    let mut found = Vec::new();
    for place in places {
        match place {
            PhotosConfig::Folder(PhotoFolderConfig { path }) => {
                let tried = StoredPhotos::folder(path).map(|_| format!("{} can be read.", path.display()));
                found.push(finding("photos", tried.map_err(|error| format!("{error}."))));
            }
            #[cfg(feature = "web")]
            PhotosConfig::S3(s3) => found.push(web::check_bucket(s3).await),
            #[cfg(feature = "web")]
            PhotosConfig::Web(web) => found.extend(web::check_hosts(web).await),
            #[cfg(not(feature = "web"))]
            PhotosConfig::S3(_) | PhotosConfig::Web(_) => found.push(finding("photos", Err(format!("{WITHOUT}.")))),
        }
    }
    found
}

/// Looks at a journal in a bucket.
pub(crate) async fn check_journal(config: &JournalBucketConfig) -> Vec<Finding> {
    #[cfg(feature = "web")]
    return web::check_journal(config).await;
    #[cfg(not(feature = "web"))]
    return vec![finding("journal", Err(format!("{WITHOUT}, and {} is one.", config.bucket.name)))];
}

#[cfg(feature = "web")]
mod web {
    use super::*;
    use crate::check::doubt;
    use crate::config::{PhotoBucketConfig, WebConfig};
    use inkflow_connectors::bucket::{holds_anything, open, try_conditions, Tries};
    use inkflow_connectors::journal::peek;
    use inkflow_connectors::photos::s3::BucketPhotos;
    use inkflow_connectors::photos::web::{WebPhotos, WebSettings};
    use object_store::path::Path;
    use object_store::Error as StoreError;
    use std::sync::Arc;
    use std::time::Duration;

    pub fn store(place: &PhotosConfig, limits: StoreLimits, seed: u64) -> Result<Store, String> {
        let (name, prefixes) = (place.name(), place.prefixes());
        let words = |error: &dyn std::fmt::Display| error.to_string();
        match place {
            PhotosConfig::S3(s3) => {
                let settings = s3.bucket.settings().map_err(|error| words(&error))?;
                let bucket = open(&settings, Tries::Ours).map_err(|error| words(&error))?;
                let prefix = prefixes.first().cloned().unwrap_or_default();
                let photos = BucketPhotos::new(Arc::new(bucket), prefix, s3.match_etag);
                Ok(Store::new(name, prefixes, photos, within(limits, s3.timeout_s.get()), seed))
            }
            PhotosConfig::Web(web) => {
                let photos = servers(web)?;
                Ok(Store::new(name, prefixes, photos, within(limits, web.timeout_s.get()), seed))
            }
            PhotosConfig::Folder(_) => Err("a folder is no web server".to_owned()),
        }
    }

    fn within(limits: StoreLimits, seconds: u64) -> StoreLimits {
        StoreLimits { timeout: Duration::from_secs(seconds), ..limits }
    }

    fn servers(web: &WebConfig) -> Result<WebPhotos, String> {
        let settings = WebSettings {
            hosts: web.hosts.clone(),
            networks: web.networks.iter().map(|network| network.0).collect(),
            allow_http: web.allow_http,
            match_etag: web.match_etag,
            ca_file: web.ca_file.clone(),
        };
        WebPhotos::new(settings).map_err(|error| error.to_string())
    }

    pub fn journal(config: &JournalBucketConfig) -> Result<JournalPlace, String> {
        let settings = config.bucket.settings().map_err(|error| error.to_string())?;
        let store = open(&settings, Tries::Theirs).map_err(|error| error.to_string())?;
        Ok(JournalPlace::Bucket(Arc::new(store), config.path.trim_matches('/').to_owned()))
    }

    /// Whether a bucket answers and lets us in, without knowing of any photo in it.
    pub async fn check_bucket(config: &PhotoBucketConfig) -> Finding {
        let name = &config.bucket.name;
        let opened = match config.bucket.settings() {
            Ok(settings) => open(&settings, Tries::Ours).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let store = match opened {
            Ok(store) => store,
            Err(error) => return finding("photos", Err(format!("the bucket {name}: {error}."))),
        };
        match holds_anything(&store).await {
            Ok(false) => finding("photos", Ok(format!("the bucket {name} can be read, and is empty yet."))),
            Ok(true) => finding("photos", Ok(format!("the bucket {name} can be read."))),
            Err(StoreError::PermissionDenied { .. }) => {
                let says = "may not be listed, so that it is not known whether its photos may be read";
                doubt("photos", format!("the bucket {name} {says}; with wrong keys it is the same."))
            }
            Err(StoreError::NotFound { .. }) => {
                finding("photos", Err(format!("there is no bucket {name} where it should be.")))
            }
            Err(error) => finding("photos", Err(format!("the bucket {name}: {error}."))),
        }
    }

    /// Whether the hosts lead anywhere that may be connected to. None of them is asked for anything.
    pub async fn check_hosts(config: &WebConfig) -> Vec<Finding> {
        let photos = match servers(config) {
            Ok(photos) => photos,
            Err(error) => return vec![finding("photos", Err(format!("{error}.")))],
        };
        let mut found = Vec::new();
        for host in &config.hosts {
            found.push(match photos.look_up(host).await {
                Ok(None) => finding("photos", Ok(format!("{host} may be asked."))),
                Ok(Some((_, allowed))) if allowed > 0 => {
                    finding("photos", Ok(format!("{host} may be asked, and is found.")))
                }
                Ok(Some(_)) => {
                    let says = "leads into a private network: name it in `networks`, if photos lie there";
                    finding("photos", Err(format!("{host} {says}.")))
                }
                Err(error) => finding("photos", Err(format!("{host} is not found: {error}."))),
            });
        }
        found
    }

    pub async fn check_journal(config: &JournalBucketConfig) -> Vec<Finding> {
        let (store, path) = match journal(config) {
            Ok(JournalPlace::Bucket(store, path)) => (store, path),
            Ok(JournalPlace::Folder(_)) => return Vec::new(),
            Err(error) => return vec![finding("journal", Err(format!("{error}.")))],
        };
        let at = format!("{}/{path}", config.bucket.name);
        let looked = match peek(store.clone(), &path).await {
            Ok(None) => finding("journal", Ok(format!("{at} is empty yet."))),
            Ok(Some(peek)) => {
                let known = format!("{at} has format {}, and was opened {} times.", peek.format, peek.openings);
                finding("journal", Ok(known))
            }
            Err(error) => return vec![finding("journal", Err(format!("{at}: {error}.")))],
        };
        // Beside the journal, under a name that no other check has.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let tried = Path::from(format!("{path}.tried-{}-{}", std::process::id(), now.as_nanos()));
        let writes = match try_conditions(&store, &tried).await {
            Ok(()) => {
                finding("journal", Ok("its bucket can be written, and lets one process at a time do so.".to_owned()))
            }
            Err(error) => finding("journal", Err(format!("its bucket cannot hold a journal: {error}."))),
        };
        vec![looked, writes]
    }
}
