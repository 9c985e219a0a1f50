//! The servers that the tests need, and what stands between.

use inkflow_connectors::bucket::BucketSettings;
use inkflow_connectors::hidden::Hidden;
use inkflow_connectors::sink::postgres::{PostgresSettings, PostgresTls};
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A variable that says where a server is.
pub fn env(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: these tests need servers, see tests/stores/main.rs"))
}

/// A name that no other test has, nor another run of this one on the same servers.
pub fn unique(stem: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{stem}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so() {
        assert!(Instant::now() < end, "after a minute, still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The database that is there for all tests, and a schema of one's own.
pub fn postgres_settings() -> PostgresSettings {
    PostgresSettings {
        host: env("PGHOST"),
        port: env("PGPORT").parse().expect("a port"),
        database: env("PGDATABASE"),
        user: env("PGUSER"),
        password: None,
        tls: PostgresTls::Disable,
        schema: unique("views"),
        readers_role: None,
        patience: Duration::from_secs(20),
    }
}

/// A bucket of one's own on the S3 server that is there for all tests.
pub fn bucket_settings() -> BucketSettings {
    let bucket = "stores".to_owned();
    let settings = BucketSettings {
        bucket: unique(&bucket).replace('_', "-"),
        endpoint: Some(env("S3_ENDPOINT")),
        region: env("AWS_REGION"),
        keys: Some((Hidden::new(env("AWS_ACCESS_KEY_ID")), Hidden::new(env("AWS_SECRET_ACCESS_KEY")))),
        path_style: true,
        allow_http: true,
        ca_file: None,
    };
    // The child of a test is told which.
    let settings = match std::env::var("INKFLOW_TEST_BUCKET") {
        Ok(bucket) => BucketSettings { bucket, ..settings },
        Err(_) => settings,
    };
    let made = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT"])
        .args(["--aws-sigv4", &format!("aws:amz:{}:s3", settings.region)])
        .args(["--user", &format!("{}:{}", env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"))])
        .arg(format!("{}/{}", env("S3_ENDPOINT"), settings.bucket))
        .output()
        .expect("curl runs");
    let code = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(["200", "409"].contains(&code.as_str()), "{}: HTTP {code}", settings.bucket);
    settings
}

/// Runs SQL on a connection of its own, and gives the rows of the last statement.
pub fn sql(settings: &PostgresSettings, sql: &str) -> Vec<Vec<Option<String>>> {
    let mut session = Psql::open(settings);
    session.run(sql)
}

/// A session that stays open.
pub struct Psql {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Psql {
    pub fn open(settings: &PostgresSettings) -> Psql {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host(&settings.host).port(settings.port).user(&settings.user).dbname(&settings.database);
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a connection");
            tokio::spawn(connection);
            client
        });
        let mut session = Psql { runtime, client };
        session.run(&format!("SET search_path = \"{}\", public", settings.schema));
        session
    }

    pub fn run(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_run(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    pub fn try_run(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        let messages = self.runtime.block_on(self.client.simple_query(sql))?;
        let mut rows = Vec::new();
        for message in messages {
            match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|index| row.get(index).map(str::to_owned)).collect());
                }
                tokio_postgres::SimpleQueryMessage::RowDescription(_) => rows.clear(),
                _ => {}
            }
        }
        Ok(rows)
    }
}

/// A PostgreSQL of one's own, to be killed or signed in to.
pub struct OwnPostgres {
    run: tempfile::TempDir,
    pub settings: PostgresSettings,
}

impl OwnPostgres {
    pub fn start() -> OwnPostgres {
        let run = tempfile::tempdir().unwrap();
        let mut own = OwnPostgres {
            run,
            settings: PostgresSettings {
                host: "127.0.0.1".to_owned(),
                port: 0,
                database: "inkflow".to_owned(),
                user: "inkflow".to_owned(),
                password: None,
                tls: PostgresTls::Disable,
                schema: unique("views"),
                readers_role: None,
                patience: Duration::from_secs(20),
            },
        };
        own.again("");
        own
    }

    /// Starts it again, with settings of its own.
    pub fn again(&mut self, conf: &str) {
        let lines = self.script("start", conf);
        let port = lines.lines().find_map(|line| line.strip_prefix("export PGPORT=")).expect("a port");
        self.settings.port = port.parse().unwrap();
    }

    pub fn kill(&self) {
        self.script("kill", "");
    }

    pub fn stop(&self) {
        self.script("stop", "");
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.run.path().join("postgres/data")
    }

    fn script(&self, verb: &str, conf: &str) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/services/postgres.sh");
        let done = Command::new(script)
            .arg(verb)
            .env("INKFLOW_RUN", self.run.path())
            .env("POSTGRES_PORT", self.settings.port.to_string())
            .env("POSTGRES_CONF", conf)
            .env_remove("POSTGRES_DB")
            .output()
            .expect("the script runs");
        assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.script("wipe", "");
    }
}

/// A proxy before a server.
pub struct Proxy {
    name: String,
    pub host: String,
    pub port: u16,
}

impl Proxy {
    pub fn before(upstream: &str) -> Proxy {
        let name = unique("proxy");
        let made = toxiproxy("POST", "/proxies", json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream}));
        let listen = made["listen"].as_str().expect("an address");
        let (host, port) = listen.rsplit_once(':').expect("a port");
        Proxy { name, host: host.to_owned(), port: port.parse().unwrap() }
    }

    /// Ends every connection, and refuses new ones.
    pub fn cut(&self) {
        toxiproxy("POST", &format!("/proxies/{}", self.name), json!({"enabled": false}));
    }

    pub fn mend(&self) {
        toxiproxy("POST", &format!("/proxies/{}", self.name), json!({"enabled": true}));
    }

    /// A fault of every connection from now on.
    pub fn toxic(&self, kind: &str, attributes: Value) {
        let toxic = json!({"name": kind, "type": kind, "attributes": attributes});
        toxiproxy("POST", &format!("/proxies/{}/toxics", self.name), toxic);
    }

    pub fn heal(&self, kind: &str) {
        toxiproxy("DELETE", &format!("/proxies/{}/toxics/{kind}", self.name), Value::Null);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        toxiproxy("DELETE", &format!("/proxies/{}", self.name), Value::Null);
    }
}

/// Asks toxiproxy for something.
fn toxiproxy(method: &str, path: &str, body: Value) -> Value {
    let url = env("TOXIPROXY_URL");
    let at = url.strip_prefix("http://").expect("an http address");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut stream = TcpStream::connect(at).expect("toxiproxy is there");
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {at}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let code = head.split(' ').nth(1).unwrap_or_default();
    assert!(code.starts_with('2'), "{method} {path}: {answer}");
    serde_json::from_str(body).unwrap_or(Value::Null)
}
