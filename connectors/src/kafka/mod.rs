//! Kafka, by librdkafka: a source of records, dead letters in a topic, and views as changelogs.
//!
//! Nothing here joins a consumer group: partitions are assigned by ourselves, positions are the journal's, and what is
//! committed to a group is for those who watch the lag.

mod changelog;
mod client;
mod letters;
mod look;
mod source;
mod start;
mod topic_ids;

use crate::hidden::Hidden;
use rdkafka::consumer::BaseConsumer;
use rdkafka::ClientConfig;
use std::path::PathBuf;

pub use changelog::{ChangelogSettings, ChangelogSink};
pub use letters::KafkaDeadLetters;
pub use source::{KafkaSettings, KafkaSource, SourceTopic};
pub use start::Start;

/// Where brokers are, and how to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Brokers to begin with, as `host:port,host:port`; they name the others.
    pub brokers: String,
    /// TLS; plain text without it.
    pub tls: Option<Tls>,
    /// Who we are, by name and password.
    pub sasl: Option<Sasl>,
}

/// TLS to the brokers. Their certificate is always verified, and their name with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of those whom we trust, in PEM; the system's without it.
    pub authority: Option<PathBuf>,
    /// Our own certificate, in PEM, and its key.
    pub certificate: Option<(PathBuf, Hidden)>,
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How they are proved.
    pub mechanism: Mechanism,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Hidden,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// It is sent: only with TLS.
    Plain,
    /// SCRAM-SHA-256.
    Scram256,
    /// SCRAM-SHA-512.
    Scram512,
}

impl Mechanism {
    /// Its name in Kafka.
    pub fn as_str(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram256 => "SCRAM-SHA-256",
            Mechanism::Scram512 => "SCRAM-SHA-512",
        }
    }
}

impl Connection {
    /// Brokers on a network that needs no secrets.
    pub fn plain(brokers: impl Into<String>) -> Connection {
        Connection { brokers: brokers.into(), ..Connection::default() }
    }

    /// librdkafka's settings that all clients share.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "inkflow");
        // Brokers come and go: a new leader is looked for every few seconds, and a broker that is back within two.
        config.set("topic.metadata.refresh.interval.ms", "5000").set("reconnect.backoff.max.ms", "2000");
        config.set("socket.keepalive.enable", "true").set("socket.timeout.ms", "15000");
        config.set("socket.connection.setup.timeout.ms", "5000");
        // Brokers close connections that idle; that is no news.
        config.set("log.connection.close", "false");
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            if let Some(authority) = &tls.authority {
                config.set("ssl.ca.location", authority.to_string_lossy());
            }
            if let Some((certificate, key)) = &tls.certificate {
                config.set("ssl.certificate.location", certificate.to_string_lossy());
                config.set("ssl.key.pem", key.reveal());
            }
        }
        if let Some(sasl) = &self.sasl {
            config.set("sasl.mechanisms", sasl.mechanism.as_str());
            config.set("sasl.username", &sasl.username).set("sasl.password", sasl.password.reveal());
        }
        config
    }
}

/// What a topic is, for people who check a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicIs {
    /// There, with so many partitions.
    There(u32),
    /// Not there.
    Absent,
    /// It may not be looked at.
    Refused(String),
}

/// Looks at topics, without a change to anything. Fails where the brokers do not answer.
pub fn topics(connection: &Connection, names: &[String]) -> Result<Vec<(String, TopicIs)>, String> {
    use rdkafka::types::RDKafkaErrorCode;
    let consumer: BaseConsumer<client::Ear> =
        connection.config().create_with_context(client::Ear::default()).map_err(|error| error.to_string())?;
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        // A name that nobody has: it is the answer that counts.
        wanted.push("inkflow-check");
    }
    let asked = client::ask(&consumer, &wanted)?;
    let is = |found| match found {
        Ok((_, partitions)) => TopicIs::There(partitions),
        Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => TopicIs::Absent,
        Err(error) => TopicIs::Refused(error.to_string()),
    };
    let found = asked.into_iter().map(|seen| (seen.name, is(seen.found)));
    Ok(found.filter(|(name, _)| names.contains(name)).collect())
}
