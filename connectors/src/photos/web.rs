//! Photos by http and https, from hosts that are named, signed addresses too.
//!
//! An address comes from outside, so that it could name anything that this machine can reach. Hence: only hosts of a
//! list; the address that a name resolves to is checked at the moment of connecting, and must not lie in a private
//! network unless that is named, too; a redirect is followed under the same rules; no proxy stands between, as it would
//! connect elsewhere. An address is sent as it came, and stands in no log: a signature is a secret.

use super::network::{is_public, Network};
use super::s3::{etag, of_refused};
use super::verify::{collect, PHOTO_BYTES_MAX};
use super::{BoxFuture, FetchError, Photos};
use crate::bucket::refused;
use crate::tls::{self, Trust, TrustError};
use bytes::Bytes;
use inkflow_schemas::{Fault, Photo};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderValue, IF_MATCH};
use reqwest::redirect::{Attempt, Policy};
use reqwest::Url;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A connection that is not made after this is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A photo's address leads to it in so many steps at most.
const REDIRECTS_MAX: usize = 3;

/// What may be asked for.
#[derive(Clone, Debug, Default)]
pub struct WebSettings {
    /// The hosts: `photos.example.org`, `*.example.org` for those below it, each with `:PORT` where it is not the usual.
    pub hosts: Vec<String>,
    /// Private networks that these hosts may lie in; none without it.
    pub networks: Vec<Network>,
    /// Addresses may begin with http://, too.
    pub allow_http: bool,
    /// Events give the server's own etags.
    pub match_etag: bool,
    /// The authorities whose certificates are believed (PEM), in place of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where requests may go.
#[derive(Debug)]
struct Rules {
    hosts: Vec<String>,
    networks: Vec<Network>,
    allow_http: bool,
}

/// An address or a redirect leads where nothing may be asked for.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it leads where nothing may be asked for")]
struct Forbidden;

impl Rules {
    /// Whether an address may be asked for, as far as it can be told before its name is resolved.
    fn allow(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.allow_http,
            _ => false,
        };
        let Some(host) = url.host_str() else { return false };
        let Some(port) = url.port_or_known_default() else { return false };
        let usual = if url.scheme() == "https" { 443 } else { 80 };
        let named = |rule: &String| {
            let (name, wanted) = match rule.rsplit_once(':') {
                Some((name, port)) if !name.is_empty() && !port.contains(']') => (name, port.parse().ok()),
                _ => (rule.as_str(), Some(usual)),
            };
            let fits = match name.strip_prefix("*.") {
                Some(parent) => {
                    let below = host.len().checked_sub(parent.len() + 1).and_then(|at| host.get(at..));
                    below.is_some_and(|below| below.strip_prefix('.').is_some_and(|h| h.eq_ignore_ascii_case(parent)))
                }
                None => host.eq_ignore_ascii_case(name),
            };
            fits && wanted == Some(port)
        };
        // An address in place of a name is never resolved, so that it is looked at here.
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        scheme
            && url.username().is_empty()
            && url.password().is_none()
            && self.hosts.iter().any(named)
            && literal.map_or(true, |address| self.reaches(address))
    }

    /// Whether a connection may be made to this address.
    fn reaches(&self, address: IpAddr) -> bool {
        let plain = match address {
            // The same machine by another spelling.
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            v4 => v4,
        };
        is_public(plain) || self.networks.iter().any(|network| network.holds(plain))
    }
}

/// Resolves names to those addresses that may be connected to. What is checked here is what is connected to.
struct Resolver(Arc<Rules>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| rules.reaches(address.ip())).collect();
            match allowed.is_empty() {
                true => Err(Forbidden.into()),
                false => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// Photos of web servers.
#[derive(Clone, Debug)]
pub struct WebPhotos {
    client: reqwest::Client,
    rules: Arc<Rules>,
    match_etag: bool,
}

/// Why photos cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// TLS.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client.
    #[error("no requests can be made: {0}")]
    Client(#[from] reqwest::Error),
}

impl WebPhotos {
    /// The photos that these settings allow.
    pub fn new(settings: WebSettings) -> Result<WebPhotos, WebError> {
        let WebSettings { hosts, networks, allow_http, match_etag, ca_file } = settings;
        let rules = Arc::new(Rules { hosts, networks, allow_http });
        let followed = rules.clone();
        let follow = move |attempt: Attempt<'_>| {
            // A way that began protected stays so.
            let downgraded = attempt.previous().last().is_some_and(|from| from.scheme() == "https")
                && attempt.url().scheme() != "https";
            if attempt.previous().len() > REDIRECTS_MAX || downgraded || !followed.allow(attempt.url()) {
                return attempt.error(Forbidden);
            }
            attempt.follow()
        };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client(&ca_file.map_or(Trust::System, Trust::Authorities))?)
            .redirect(Policy::custom(follow))
            .no_proxy()
            .referer(false)
            .dns_resolver(Resolver(rules.clone()))
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        Ok(WebPhotos { client, rules, match_etag })
    }

    /// To how many addresses a host of the list leads, and to how many of these a connection may be made. None for a host
    /// that stands for many.
    pub async fn look_up(&self, host: &str) -> std::io::Result<Option<(usize, usize)>> {
        if host.starts_with('*') {
            return Ok(None);
        }
        // A port of its own stands there already, or any will do.
        let found = match tokio::net::lookup_host(host).await {
            Ok(found) => found.collect::<Vec<_>>(),
            Err(_) => tokio::net::lookup_host((host, 443)).await?.collect(),
        };
        Ok(Some((found.len(), found.iter().filter(|address| self.rules.reaches(address.ip())).count())))
    }

    async fn get(&self, photo: &Photo) -> Result<Bytes, FetchError> {
        let definite = |fault| Err(FetchError::Definite(fault));
        let Some(url) = Url::parse(&photo.key.uri).ok().filter(|url| self.rules.allow(url)) else {
            return definite(Fault::Forbidden);
        };
        let mut request = self.client.get(url);
        let version = etag(photo).filter(|_| self.match_etag).map(|etag| HeaderValue::try_from(format!("\"{etag}\"")));
        if let Some(Ok(version)) = version {
            request = request.header(IF_MATCH, version);
        }
        let response = request.send().await.map_err(fetch_error)?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 | 412 => return definite(Fault::NotFound),
            status => {
                let refused = refused(status, response.headers());
                return refused.map_or(definite(Fault::Forbidden), |refused| Err(of_refused(refused)));
            }
        }
        if response.content_length().is_some_and(|length| length > PHOTO_BYTES_MAX) {
            return definite(Fault::TooLarge);
        }
        // A body shorter than its length says is an error of the stream.
        collect(response.bytes_stream()).await
    }
}

impl Photos for WebPhotos {
    fn fetch<'a>(&'a self, photo: &'a Photo) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(self.get(photo))
    }
}

/// What an error on the way means. Its text would hold the address, which logs must not.
fn fetch_error(error: reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return FetchError::Definite(Fault::Forbidden);
        }
        cause = error.source();
    }
    match error.is_connect() {
        true => FetchError::passing("no connection"),
        false => FetchError::passing("the connection broke"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str], networks: &[&str]) -> Rules {
        Rules {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            allow_http: false,
        }
    }

    #[test]
    fn only_hosts_of_the_list_are_asked() {
        let rules = rules(&["photos.example.org", "*.cdn.example.org", "other.example.org:8443", "93.184.215.14"], &[]);
        let allow = |url: &str| rules.allow(&Url::parse(url).unwrap());
        for allowed in [
            "https://photos.example.org/a.jpg?X-Amz-Signature=1",
            "https://PHOTOS.example.org/a",
            "https://a.b.cdn.example.org/a",
            "https://other.example.org:8443/a",
            "https://93.184.215.14/a",
        ] {
            assert!(allow(allowed), "{allowed}");
        }
        for refused in [
            "http://photos.example.org/a",
            "https://photos.example.org:8443/a",
            "https://photos.example.org.evil.org/a",
            "https://evil-photos.example.org/a",
            "https://cdn.example.org/a",
            "https://evilcdn.example.org/a",
            "https://other.example.org/a",
            "https://user:password@photos.example.org/a",
            "https://photos.example.org@evil.org/a",
            "https://127.0.0.1/a",
            "https://2130706433/a",
            "https://[::1]/a",
            "ftp://photos.example.org/a",
            "file:///etc/passwd",
            "data:,a",
        ] {
            assert!(!allow(refused), "{refused}");
        }
    }

    #[test]
    fn a_private_address_is_reached_only_where_its_network_is_named() {
        let (none, some) = (rules(&[], &[]), rules(&[], &["10.1.0.0/16", "fd00::/8", "127.0.0.1/32"]));
        let private = [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.0.1",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2001::1",
        ];
        for address in private {
            assert!(!none.reaches(address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"] {
            assert!(none.reaches(address.parse().unwrap()), "{address}");
        }
        for (address, reached) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:10.1.2.3", true),
        ] {
            assert_eq!(some.reaches(address.parse().unwrap()), reached, "{address}");
        }
    }
}
