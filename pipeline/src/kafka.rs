//! From what a flow file says of Kafka to what connects to it, and what `inkflow check` says of it.

use crate::check::{doubt, finding, Finding};
use crate::config::{
    DeadLettersConfig, FlowConfig, KafkaConfig, KafkaSourceConfig, SaslMechanism, SecretError, SinkConfig,
    SourceConfig, Start as StartConfig,
};
use crate::places::{LettersTo, Records};
use crate::readers::list;
use crate::run::Setup;
use inkflow_connectors::kafka::{
    topics, ChangelogSettings, ChangelogSink, Connection, KafkaSettings, Mechanism, Sasl, SourceTopic, Start, Tls,
    TopicIs,
};
use inkflow_connectors::notification::Notifications;
use inkflow_schemas::Topic;
use std::sync::Arc;

/// Puts into a setup what of a flow is in Kafka. Fails where a secret is not where the flow says.
pub(crate) fn set_up(config: &FlowConfig, setup: &mut Setup) -> Result<(), SecretError> {
    // A flow that is in Kafka without saying where was refused when it was read.
    let Some(kafka) = config.kafka.as_ref().filter(|_| config.needs_kafka()) else { return Ok(()) };
    let connection = connection(kafka)?;
    if let SourceConfig::Kafka(source) = &config.source {
        let notifications = source.notifications.as_ref();
        let notifications = notifications
            .map(|of| Arc::new(Notifications { key: of.key.0.clone(), uri_prefix: of.uri_prefix.clone() }));
        setup.records = Records::Kafka(Box::new(settings(&connection, source)), notifications);
    }
    if let Some(DeadLettersConfig::Kafka(letters)) = &config.dead_letters {
        setup.dead_letters = Some(LettersTo::Topic(Box::new(connection.clone()), letters.topic.clone()));
    }
    for sink in &config.sinks {
        let SinkConfig::Changelog(changelog) = sink else { continue };
        setup.sinks.push(Box::new(ChangelogSink::new(ChangelogSettings {
            connection: connection.clone(),
            prefix: changelog.prefix.clone(),
            partitions: changelog.partitions.get(),
            replication: changelog.replication.map(|copies| copies.get()),
        })));
    }
    Ok(())
}

/// Reads the secrets that a connection needs.
fn connection(config: &KafkaConfig) -> Result<Connection, SecretError> {
    let tls = match &config.tls {
        None => None,
        Some(tls) => {
            let key = tls.key.as_ref().map(|key| key.read()).transpose()?;
            Some(Tls { authority: tls.authority.clone(), certificate: tls.certificate.clone().zip(key) })
        }
    };
    let sasl = match &config.sasl {
        None => None,
        Some(sasl) => Some(Sasl {
            mechanism: match sasl.mechanism {
                SaslMechanism::ScramSha512 => Mechanism::Scram512,
                SaslMechanism::ScramSha256 => Mechanism::Scram256,
                SaslMechanism::Plain => Mechanism::Plain,
            },
            username: sasl.username.clone(),
            password: sasl.password.read()?,
        }),
    };
    Ok(Connection { brokers: config.brokers.clone(), tls, sasl })
}

fn settings(connection: &Connection, config: &KafkaSourceConfig) -> [KafkaSettings; 2] {
    let start = match config.start {
        StartConfig::Earliest => Start::Earliest,
        StartConfig::Latest => Start::Latest,
        StartConfig::Offset(offset) => Start::Offset(offset),
        StartConfig::Time(time) => Start::Timestamp(time.0),
    };
    let of = |of: Topic| {
        // The other topics tell a state, of which no part may be left out.
        let start = if of == Topic::Submissions { start } else { Start::Earliest };
        SourceTopic { topic: of, name: config.topics.of(of).to_owned(), start }
    };
    [true, false].map(|submissions| {
        let topics = Topic::ALL.into_iter().filter(|topic| (*topic == Topic::Submissions) == submissions);
        let mut settings = KafkaSettings::new(connection.clone(), topics.map(of).collect());
        settings.group.clone_from(&config.group);
        settings
    })
}

/// Tries the brokers, and looks at the topics of a flow.
pub(crate) fn check(config: &FlowConfig) -> Vec<Finding> {
    const WHAT: &str = "Kafka";
    let Some(kafka) = config.kafka.as_ref().filter(|_| config.needs_kafka()) else { return Vec::new() };
    let connection = match connection(kafka) {
        Ok(connection) => connection,
        Err(error) => return vec![finding(WHAT, Err(format!("{error}.")))],
    };
    let mut names: Vec<String> = Vec::new();
    if let SourceConfig::Kafka(source) = &config.source {
        names.extend(Topic::ALL.iter().map(|topic| source.topics.of(*topic).to_owned()));
    }
    let letters = match &config.dead_letters {
        Some(DeadLettersConfig::Kafka(letters)) => Some(letters.topic.clone()),
        _ => None,
    };
    names.extend(letters.clone());
    let found = match topics(&connection, &names) {
        Ok(found) => found,
        Err(error) => {
            let said = format!(
                "{} cannot be asked: {error}; is it up, and are `tls` and `sasl` as it wants them?",
                kafka.brokers
            );
            return vec![finding(WHAT, Err(said))];
        }
    };
    let mut said = vec![finding(WHAT, Ok(format!("{} answers.", kafka.brokers)))];
    let there = found.iter().filter_map(|(name, is)| match is {
        TopicIs::There(1) => Some(format!("{name} (1 partition)")),
        TopicIs::There(partitions) => Some(format!("{name} ({partitions} partitions)")),
        _ => None,
    });
    let there: Vec<String> = there.collect();
    if !there.is_empty() {
        said.push(finding(WHAT, Ok(format!("it holds {}.", list(there.iter().map(String::as_str))))));
    }
    for (name, is) in &found {
        match is {
            TopicIs::There(_) => {}
            TopicIs::Absent if letters.as_ref() == Some(name) => {
                said.push(finding(
                    WHAT,
                    Err(format!("there is no topic {name} for dead letters: admission would wait for it.")),
                ));
            }
            TopicIs::Absent => {
                said.push(doubt(WHAT, format!("there is no topic {name} yet: it is empty until there is.")));
            }
            TopicIs::Refused(why) => said.push(finding(WHAT, Err(format!("topic {name} cannot be looked at: {why}.")))),
        }
    }
    for sink in &config.sinks {
        let SinkConfig::Changelog(changelog) = sink else { continue };
        said.push(finding("changelog", Ok(format!("topics {}* are made where they are not there.", changelog.prefix))));
    }
    said
}
