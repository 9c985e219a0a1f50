//! What a flow file says of Kafka.

use super::scalars::{PathPattern, Start};
use super::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};

/// Where Kafka's brokers are, and how to sign in.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Some of the brokers, as `host:port`, separated by commas; they name the others.
    #[schemars(extend("examples" = ["127.0.0.1:9092"]))]
    pub brokers: String,
    /// TLS, with the brokers' certificates and names verified. Plain text without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTls>,
    /// Who we are, by name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sasl: Option<KafkaSasl>,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaTls {
    /// A file with the certificates of those whom we trust, in PEM. Without it, those whom the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ca.pem"]))]
    pub authority: Option<PathBuf>,
    /// A file with our own certificate, in PEM, where brokers ask for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["inkflow.pem"]))]
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Secret>,
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaSasl {
    /// How they are proved.
    pub mechanism: SaslMechanism,
    /// The name.
    #[schemars(extend("examples" = ["inkflow"]))]
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a password is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaslMechanism {
    /// By SCRAM-SHA-512: the brokers never see it.
    ScramSha512,
    /// By SCRAM-SHA-256: likewise.
    ScramSha256,
    /// It is sent, so that it needs `tls`.
    Plain,
}

/// Records from Kafka, each kind from a topic.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaSourceConfig {
    /// What the topics are called. One that is not there is empty, and is read from its beginning once it is.
    #[serde(default)]
    pub topics: TopicNames,
    /// Where submissions begin when this flow's journal has none of them: `earliest`, `latest`, `offset N` in each partition,
    /// or a time, from which on they are read. It is asked once; what came of it is in the journal. All other topics tell a
    /// state, and are read from their beginning.
    #[serde(default)]
    pub start: Start,
    /// Takes the notifications of an object store in the topic of submissions as submissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifications: Option<NotificationsConfig>,
    /// A consumer group to which positions are committed once they are sealed, for tools that watch the lag. Nothing is read
    /// from it, and nobody joins it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["inkflow"]))]
    pub group: Option<String>,
}

/// What the topics are called.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopicNames {
    /// Pages handed in.
    pub submissions: String,
    /// Who is in which class.
    pub enrolments: String,
    /// Homework set.
    pub assignments: String,
    /// Teachers' judgements.
    pub reviews: String,
    /// Which model reads where.
    pub models: String,
    /// Students to forget.
    pub erasures: String,
}

impl Default for TopicNames {
    fn default() -> Self {
        let [submissions, enrolments, assignments, reviews, models, erasures] =
            inkflow_schemas::Topic::ALL.map(|topic| topic.as_str().to_owned());
        TopicNames { submissions, enrolments, assignments, reviews, models, erasures }
    }
}

impl TopicNames {
    /// What a topic is called.
    pub fn of(&self, topic: inkflow_schemas::Topic) -> &str {
        use inkflow_schemas::Topic;
        match topic {
            Topic::Submissions => &self.submissions,
            Topic::Enrolments => &self.enrolments,
            Topic::Assignments => &self.assignments,
            Topic::Reviews => &self.reviews,
            Topic::Models => &self.models,
            Topic::Erasures => &self.erasures,
        }
    }
}

/// Object-created notifications, as S3, MinIO and OSS send them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationsConfig {
    /// How an object's key tells whose page it is: names in braces stand for one part each, up to the text that follows.
    /// `{student_id}`, `{assignment_id}` and `{page}` must be there; others may, and are passed over.
    #[schemars(extend("examples" = ["{school_id}/{class_id}/{student_id}/{assignment_id}/{page}.jpg"]))]
    pub key: PathPattern,
    /// What stands before the object's key in the photo's uri; `{bucket}` stands for the bucket.
    #[serde(default = "uri_prefix")]
    pub uri_prefix: String,
}

fn uri_prefix() -> String {
    "s3://{bucket}/".to_owned()
}

/// Dead letters in a topic.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersTopicConfig {
    /// The topic, which must be there. It forgets by its retention alone: give it no longer one than you may keep the words
    /// of a student who is erased.
    #[schemars(extend("examples" = ["inkflow-dead-letters"]))]
    pub topic: String,
}

/// Views as changelogs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangelogConfig {
    /// What stands before a view's name in the name of its topic. Two flows must not share one.
    #[schemars(extend("examples" = ["inkflow."]))]
    pub prefix: String,
    /// How many partitions a topic gets that is made. Topics that are there stay as they are.
    #[serde(default = "one_partition")]
    pub partitions: NonZeroU32,
    /// How many copies of it. Without it, as many as the brokers' default says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [3]))]
    pub replication: Option<NonZeroU16>,
}

fn one_partition() -> NonZeroU32 {
    NonZeroU32::MIN
}

impl KafkaConfig {
    pub(super) fn resolve(&mut self, base: &Path) {
        if let Some(tls) = &mut self.tls {
            for path in [&mut tls.authority, &mut tls.certificate].into_iter().flatten() {
                *path = base.join(&*path);
            }
            tls.key.iter_mut().for_each(|key| key.resolve(base));
        }
        self.sasl.iter_mut().for_each(|sasl| sasl.password.resolve(base));
    }

    /// What is wrong with it, where something is.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let plain = self.sasl.as_ref().is_some_and(|sasl| sasl.mechanism == SaslMechanism::Plain);
        let tls = self.tls.as_ref();
        match tls {
            None if plain => {
                Some(("the mechanism `plain` sends the password as it is", "add `tls: {}`, or use `scram_sha512`"))
            }
            Some(tls) if tls.certificate.is_some() != tls.key.is_some() => {
                Some(("a certificate needs its key, and a key its certificate", "name both, or neither"))
            }
            _ => None,
        }
    }
}
