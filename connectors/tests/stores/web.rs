//! Photos of web servers: a small one here, which answers as it is told.

use crate::s3::photo;
use bytes::Bytes;
use inkflow_connectors::photos::web::{WebPhotos, WebSettings};
use inkflow_connectors::photos::{FetchError, Photos, Store, StoreLimits, Stores, PHOTO_BYTES_MAX};
use inkflow_schemas::Fault;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What was asked: the lines of the request's head.
type Heard = Arc<Mutex<Vec<String>>>;

/// A web server on this machine; `answer` writes all that it says to a request for a path.
fn server(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let heard = Heard::default();
    let (answer, hearing) = (Arc::new(answer), heard.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, hearing) = (answer.clone(), hearing.clone());
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
                hearing.lock().unwrap().extend(head);
                answer(&path, &mut { stream });
            });
        }
    });
    (address, heard)
}

fn say(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(body);
}

/// May ask this machine, at that host, without TLS.
fn settings(hosts: &[&str]) -> WebSettings {
    WebSettings {
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        allow_http: true,
        match_etag: true,
        ca_file: Some(certificate()),
    }
}

/// TLS wants an authority to trust, though nobody is asked for one here.
fn certificate() -> std::path::PathBuf {
    static MADE: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let dir = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-keyout",
                "key",
                "-out",
                "crt",
            ])
            .current_dir(dir.path())
            .output()
            .expect("openssl runs");
        assert!(made.status.success());
        dir
    });
    dir.path().join("crt")
}

async fn get(photos: &WebPhotos, uri: &str) -> Result<bytes::Bytes, FetchError> {
    photos.fetch(&photo(uri, "v1")).await
}

fn definite<T>(fault: Fault) -> Result<T, FetchError> {
    Err(FetchError::Definite(fault))
}

#[tokio::test]
async fn a_signed_address_is_sent_as_it_came() {
    let (at, heard) = server(|_, stream| say(stream, "200 OK", "", b"page"));
    let photos = WebPhotos::new(settings(&[&at])).unwrap();
    let path = "/b/a%20b+c.jpg?X-Amz-Expires=60&X-Amz-Signature=0a%2F%2b1&x=%E6%95%B0";
    assert_eq!(get(&photos, &format!("http://{at}{path}")).await.unwrap(), &b"page"[..]);
    let heard = heard.lock().unwrap().join("\n").to_lowercase();
    assert!(heard.starts_with(&format!("get {path} http/1.1").to_lowercase()), "{heard}");
    assert!(heard.contains("if-match: \"v1\"") && !heard.contains("referer"), "{heard}");
}

#[tokio::test]
async fn answers_that_are_none_are_typed() {
    let (at, _) = server(|path, stream| match path {
        "/429" => say(stream, "429 Too Many Requests", "Retry-After: 7\r\n", b""),
        "/503" => say(stream, "503 Service Unavailable", "Retry-After: 120\r\n", b""),
        "/short" => drop(write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npage")),
        "/large" => drop(write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PHOTO_BYTES_MAX + 1)),
        "/endless" => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while stream.write_all(&[7; 1 << 16]).is_ok() {}
        }
        "/gone" => {}
        path => say(stream, &format!("{} Said", &path[1..]), "", b""),
    });
    let photos = WebPhotos::new(settings(&[&at])).unwrap();
    let ask = async |path: &str| get(&photos, &format!("http://{at}/{path}")).await;
    let busy =
        |status, after| Err(FetchError::Busy { what: format!("HTTP {status}"), after: Duration::from_secs(after) });
    assert_eq!(ask("429").await, busy(429, 7));
    assert_eq!(ask("503").await, busy(503, 120));
    for (path, fault) in [
        ("404", Fault::NotFound),
        ("410", Fault::NotFound),
        ("412", Fault::NotFound),
        ("403", Fault::Forbidden),
        ("401", Fault::Forbidden),
        ("400", Fault::Forbidden),
        ("large", Fault::TooLarge),
        ("endless", Fault::TooLarge),
    ] {
        assert_eq!(ask(path).await, definite(fault), "{path}");
    }
    for path in ["502", "504", "408", "gone"] {
        let passing = ask(path).await;
        assert!(matches!(passing, Err(FetchError::Passing { .. })), "{path}: {passing:?}");
    }
    for path in ["500", "short"] {
        let broken = ask(path).await;
        assert!(matches!(broken, Err(FetchError::Broken { .. })), "{path}: {broken:?}");
    }
}

#[tokio::test]
async fn a_redirect_leads_to_listed_hosts_only_and_into_no_private_network() {
    let (elsewhere, asked_elsewhere) = server(|_, stream| say(stream, "200 OK", "", b"secret"));
    let port = elsewhere.rsplit_once(':').unwrap().1.to_owned();
    let target = elsewhere.clone();
    let (at, _) = server(move |path, stream| {
        let to = match path {
            "/listed" => format!("http://{target}/x"),
            "/address" => format!("http://127.0.0.1:{port}/x"),
            "/mapped" => format!("http://[::ffff:127.0.0.1]:{port}/x"),
            "/metadata" => "http://169.254.169.254/latest".to_owned(),
            "/file" => "file:///etc/passwd".to_owned(),
            "/loop" => "/loop".to_owned(),
            _ => return say(stream, "200 OK", "", b"page"),
        };
        say(stream, "302 Found", &format!("Location: {to}\r\n"), b"");
    });
    let both = WebPhotos::new(settings(&[&at, &elsewhere])).unwrap();
    assert_eq!(get(&both, &format!("http://{at}/listed")).await.unwrap(), &b"secret"[..]);
    asked_elsewhere.lock().unwrap().clear();
    let one = WebPhotos::new(settings(&[&at])).unwrap();
    for path in ["listed", "address", "mapped", "metadata", "file", "loop"] {
        assert_eq!(get(&one, &format!("http://{at}/{path}")).await, definite(Fault::Forbidden), "{path}");
    }
    // The host is listed, and what its name resolves to is in a network that is not.
    let outside = WebPhotos::new(WebSettings { networks: Vec::new(), ..settings(&[&at, &elsewhere]) }).unwrap();
    for host in [&at, &elsewhere] {
        assert_eq!(get(&outside, &format!("http://{host}/")).await, definite(Fault::Forbidden));
    }
    let tls_only = WebPhotos::new(WebSettings { allow_http: false, ..settings(&[&at]) }).unwrap();
    assert_eq!(get(&tls_only, &format!("http://{at}/")).await, definite(Fault::Forbidden));
    assert!(asked_elsewhere.lock().unwrap().is_empty(), "nobody there was asked");
}

/// Three of ten photos are refused at first, with 429 or 503: every photo comes, and none is asked for again before the time
/// that the store named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_sheds_load_is_ridden_out() {
    // When each photo was asked for.
    let asked = Arc::new(Mutex::new(BTreeMap::<usize, Vec<Instant>>::new()));
    let log = asked.clone();
    let (at, _) = server(move |path, stream| {
        let n: usize = path.trim_start_matches('/').parse().unwrap();
        // No photo is refused as often as it is tried.
        let refusals = match n % 20 {
            0 => 1,
            _ if n % 10 < 3 => 2,
            _ => 0,
        };
        let so_far = {
            let mut log = log.lock().unwrap();
            let times = log.entry(n).or_default();
            times.push(Instant::now());
            times.len()
        };
        let refuse = so_far <= refusals;
        match (refuse, n % 20) {
            (true, 0) => say(stream, "429 Too Many Requests", "Retry-After: 1\r\n", b""),
            (true, _) => say(stream, "503 Service Unavailable", "", b""),
            _ => say(stream, "200 OK", "", b"page"),
        }
    });
    let web = WebPhotos::new(settings(&[&at])).unwrap();
    let limits = StoreLimits { photos_max: 8, ..StoreLimits::default() };
    let stores = Arc::new(Stores::new(vec![Store::new("web", vec!["http://".to_owned()], web, limits, 3)]));
    let mut fetches = Vec::new();
    for n in 0..100 {
        let (stores, uri) = (stores.clone(), format!("http://{at}/{n}"));
        fetches.push(tokio::spawn(async move {
            loop {
                match stores.fetch(&photo(&uri, "")).await {
                    Err(FetchError::Unavailable { wait, .. }) => tokio::time::sleep(wait).await,
                    // A copy: the photo itself holds its permit until it is dropped.
                    fetched => return fetched.map(|bytes| Bytes::copy_from_slice(&bytes)),
                }
            }
        }));
    }
    for fetch in fetches {
        assert_eq!(fetch.await.unwrap().unwrap(), &b"page"[..]);
    }
    let asked = asked.lock().unwrap();
    for (n, times) in asked.iter().filter(|(n, _)| n.is_multiple_of(20)) {
        let [refused, again] = times[..] else { panic!("photo {n} was asked for {} times", times.len()) };
        assert!(again - refused >= Duration::from_secs(1), "photo {n} was asked for again after {:?}", again - refused);
    }
}
