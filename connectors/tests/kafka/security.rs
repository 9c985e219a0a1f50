//! TLS and passwords: each way in is gone through by a source, dead letters and a changelog; and whoever may not come in is
//! told why, without a word of a secret.

use crate::broker::{self, unique, until, Sender};
use crate::sink_law::rows::{all, changes, claim, progress, stamp, VIEWS};
use inkflow_connectors::dead_letter::{DeadLetters, Letter};
use inkflow_connectors::hidden::Hidden;
use inkflow_connectors::kafka::{
    topics, ChangelogSettings, ChangelogSink, Connection, KafkaDeadLetters, KafkaSettings, KafkaSource, Mechanism,
    Sasl, SourceTopic, Start, Tls, TopicIs,
};
use inkflow_connectors::sink::Sink;
use inkflow_connectors::source::Source;
use inkflow_schemas::{RecordFault, Topic};
use std::path::PathBuf;

fn of_environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: `tests/broker.sh start` prints it"))
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(of_environment("KAFKA_CERTIFICATES")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

fn tls(authority: &str) -> Option<Tls> {
    Some(Tls { authority: Some(file(authority)), certificate: None })
}

fn with_certificate(authority: &str) -> Option<Tls> {
    let certificate = Some((file("client.pem"), Hidden::new(text("client.key"))));
    Some(Tls { authority: Some(file(authority)), certificate })
}

fn user(mechanism: Mechanism, password: &str) -> Option<Sasl> {
    Some(Sasl { mechanism, username: "inkflow".to_owned(), password: Hidden::new(password.to_owned()) })
}

/// What a whole flow does with Kafka.
fn works(connection: &Connection) {
    let name = unique("secured");
    broker::make(&name, 1);
    Sender::new().send(&name, 0, "k", "v");
    let topic = SourceTopic { topic: Topic::Submissions, name: name.clone(), start: Start::Earliest };
    let mut source = KafkaSource::new(KafkaSettings::new(connection.clone(), vec![topic])).unwrap();
    let mut records = Vec::new();
    until("the record", || {
        crate::contract::seal(&mut source).unwrap();
        source.poll(10, 1 << 20, &mut records).unwrap();
        !records.is_empty()
    });
    let letter = Letter::new(records.remove(0), RecordFault::Missing { field: "page" });
    KafkaDeadLetters::new(connection, &name).unwrap().append(&[letter]).unwrap();
    let settings = ChangelogSettings {
        connection: connection.clone(),
        prefix: format!("{name}."),
        partitions: 1,
        replication: None,
    };
    let mut sink = ChangelogSink::new(settings);
    sink.open(VIEWS, claim(1)).unwrap();
    sink.apply(stamp(1, 1), &[changes(0, &[(progress("ann", 1), 1)])]).unwrap();
    assert_eq!(all(&mut sink), [(0, progress("ann", 1))]);
    assert_eq!(topics(connection, std::slice::from_ref(&name)).unwrap(), [(name, TopicIs::There(1))]);
}

#[test]
fn each_way_in_carries_a_flow() {
    let password = text("password");
    for mechanism in [Mechanism::Scram512, Mechanism::Scram256, Mechanism::Plain] {
        let sasl = user(mechanism, &password);
        works(&Connection { brokers: of_environment("KAFKA_SASL_TLS"), tls: tls("authority.pem"), sasl });
    }
    for mechanism in [Mechanism::Scram512, Mechanism::Scram256] {
        works(&Connection { brokers: of_environment("KAFKA_SASL"), tls: None, sasl: user(mechanism, &password) });
    }
    let tls = with_certificate("authority.pem");
    works(&Connection { brokers: of_environment("KAFKA_TLS"), tls, sasl: None });
}

#[test]
fn whoever_may_not_come_in_is_told_why_and_no_secret() {
    let (password, sasl_tls) = (text("password"), of_environment("KAFKA_SASL_TLS"));
    let at = |brokers: &str, tls, sasl| Connection { brokers: brokers.to_owned(), tls, sasl };
    let scram = || user(Mechanism::Scram512, &password);
    let by_name = sasl_tls.replace("127.0.0.1", "localhost");
    let wrong = "sesame-7f3a9";
    for (connection, why) in [
        (at(&sasl_tls, tls("authority.pem"), user(Mechanism::Scram512, wrong)), "Authentication failed"),
        (at(&sasl_tls, tls("authority.pem"), user(Mechanism::Plain, wrong)), "Authentication failed"),
        (at(&of_environment("KAFKA_SASL"), None, user(Mechanism::Scram256, wrong)), "Authentication failed"),
        (at(&of_environment("KAFKA_SASL"), None, user(Mechanism::Plain, &password)), "mechanism"),
        (at(&sasl_tls, tls("stranger.pem"), scram()), "certificate"),
        (at(&by_name, tls("authority.pem"), scram()), "certificate"),
        (at(&of_environment("KAFKA_TLS"), tls("authority.pem"), None), "certificate"),
    ] {
        let said = topics(&connection, &["none".to_owned()]).unwrap_err();
        println!("{said}");
        assert!(said.to_lowercase().contains(&why.to_lowercase()), "want {why}: {said}");
        assert!(!said.contains(wrong) && !said.contains(&password), "{said}");
        let topic = SourceTopic { topic: Topic::Submissions, name: "none".to_owned(), start: Start::Earliest };
        let mut source = KafkaSource::new(KafkaSettings::new(connection, vec![topic])).unwrap();
        assert_eq!(source.starts().unwrap(), None);
        let said = source.waits_for().expect("it is waited for");
        assert!(said.to_lowercase().contains(&why.to_lowercase()), "want {why}: {said}");
    }
}
