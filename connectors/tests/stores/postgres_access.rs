//! Signing in: passwords, certificates, rights; and what a person is told of each.

use crate::postgres::filled;
use crate::services::{sql, OwnPostgres};
use crate::sinks::rows::*;
use inkflow_connectors::hidden::Hidden;
use inkflow_connectors::sink::postgres::{probe, PostgresSettings, PostgresTls};
use inkflow_connectors::sink::{PostgresSink, Sink, SinkError};
use std::path::PathBuf;
use std::process::Command;

const SECRET: &str = "hunter2 of the database";

/// A server with TLS and passwords: `writer` may write, and its certificate's authority lies in the file.
fn guarded() -> (OwnPostgres, PathBuf) {
    let mut server = OwnPostgres::start();
    sql(
        &server.settings,
        &format!(
            "CREATE ROLE writer LOGIN PASSWORD '{SECRET}'; CREATE SCHEMA \"{}\" AUTHORIZATION writer",
            server.settings.schema
        ),
    );
    server.stop();
    let data = server.data();
    // PostgreSQL reads its key as the user that it runs as.
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "server.key", "-out", "server.crt"])
        .current_dir(&data)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&data).unwrap());
    for file in ["server.key", "server.crt"] {
        std::os::unix::fs::chown(data.join(file), Some(owner), None).unwrap();
    }
    std::fs::set_permissions(data.join("server.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let rules = "host all inkflow 127.0.0.1/32 trust\nhostssl all writer 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
    server.again("ssl=on");
    let authority = data.join("server.crt");
    (server, authority)
}

#[test]
fn tls_and_passwords_and_what_is_said_when_they_are_wrong() {
    let (server, authority) = guarded();
    let right = PostgresSettings {
        host: "localhost".to_owned(),
        user: "writer".to_owned(),
        password: Some(Hidden::new(SECRET)),
        tls: PostgresTls::VerifyFull(Some(authority)),
        ..server.settings.clone()
    };
    filled(&right);
    filled(&PostgresSettings { tls: PostgresTls::Require, ..right.clone() });
    let said = probe(&right).unwrap();
    assert!(said.starts_with("writer is signed in at localhost:"), "{said}");

    let cases = [
        (
            "refuses the password of writer",
            PostgresSettings { password: Some(Hidden::new("hunter3")), ..right.clone() },
        ),
        ("has no database nowhere", PostgresSettings { database: "nowhere".to_owned(), ..right.clone() }),
        ("does not let writer in", PostgresSettings { tls: PostgresTls::Disable, ..right.clone() }),
        ("may not make it: CREATE SCHEMA \"other\"", PostgresSettings { schema: "other".to_owned(), ..right.clone() }),
        ("certificate", PostgresSettings { host: "127.0.0.1".to_owned(), ..right.clone() }),
        ("certificate", PostgresSettings { tls: PostgresTls::VerifyFull(None), ..right.clone() }),
        (
            "cannot be read as certificates",
            PostgresSettings { tls: PostgresTls::VerifyFull(Some("/nowhere.pem".into())), ..right.clone() },
        ),
    ];
    for (what, settings) in cases {
        let said = probe(&settings).unwrap_err();
        assert!(said.contains(what), "{what}: {said}");
        // A setting that is wrong ends the start, and is not waited for.
        let refused = PostgresSink::new(settings).open(VIEWS, claim(9)).unwrap_err();
        assert!(matches!(refused, SinkError::Fatal { .. }), "{what}: {refused}");
        for text in [said, refused.to_string()] {
            assert!(!text.contains("hunter"), "{text}");
        }
    }
    // Nobody is there: that may pass.
    let nobody = PostgresSettings { port: 1, ..right.clone() };
    assert!(probe(&nobody).unwrap_err().contains("cannot be reached"));
    assert!(matches!(PostgresSink::new(nobody).open(VIEWS, claim(9)), Err(SinkError::Transient { .. })));
}

#[test]
fn what_is_refused_later_is_waited_for() {
    let (server, authority) = guarded();
    let settings = PostgresSettings {
        host: "localhost".to_owned(),
        user: "writer".to_owned(),
        password: Some(Hidden::new(SECRET)),
        tls: PostgresTls::VerifyFull(Some(authority)),
        ..server.settings.clone()
    };
    let mut sink = filled(&settings);
    let epoch = [changes(0, &[(progress("cid", 3), 1)])];
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writer'";
    // Somebody changes the password, and us after it.
    sql(&server.settings, &format!("ALTER ROLE writer PASSWORD 'another'; {end}"));
    for _ in 0..2 {
        let refused = sink.apply(stamp(2, 1), &epoch).unwrap_err();
        assert!(matches!(refused, SinkError::Transient { .. }), "{refused}");
    }
    sql(&server.settings, &format!("ALTER ROLE writer PASSWORD '{SECRET}'"));
    sink.apply(stamp(2, 1), &epoch).unwrap();
    let table = format!("\"{}\".progress", settings.schema);
    sql(&server.settings, &format!("ALTER TABLE {table} OWNER TO inkflow"));
    let refused = sink.apply(stamp(3, 1), &epoch).unwrap_err();
    assert!(matches!(refused, SinkError::Transient { .. }), "{refused}");
    sql(&server.settings, &format!("ALTER TABLE {table} OWNER TO writer"));
    sink.apply(stamp(3, 1), &epoch).unwrap();
}
