//! What is served while a run goes on.

use crate::command::{Homework, STUDENT};
use crate::running::{get, until, Running};

#[test]
fn health_readiness_and_metrics_are_served() {
    let homework = Homework::first_day();
    let flow = "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\njournal: {folder: j}\n\
                sinks:\n  - sqlite: {path: views.sqlite}\n";
    homework.write("flow.yaml", flow);
    let mut run = Running::start(homework.path(), &["run", "flow.yaml", "--listen", "127.0.0.1:0"]);
    let address = run.address();
    assert_eq!(get(&address, "/healthz").0, 200, "healthy from the start");
    until(&address, "/readyz", |status, body| (status, body) == (200, "ready\n"));
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".to_owned()));

    let metrics =
        until(&address, "/metrics", |_, body| body.contains("inkflow_answers_total{outcome=\"not_found\"} 1"));
    for line in [
        "# TYPE inkflow_records_total counter",
        "inkflow_records_total 5",
        "inkflow_records_rejected_total 1",
        "inkflow_answers_total{outcome=\"ok\"} 1",
        "inkflow_pending_questions 0",
        "inkflow_ready 1",
        "inkflow_sink_waiting{sink=\"sqlite",
        "inkflow_seal_seconds_bucket{le=\"0.001\"}",
        concat!("inkflow_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
    ] {
        assert!(metrics.contains(line), "no {line} in:\n{metrics}");
    }
    // What is served is what the reference lists.
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap_or_default();
        assert!(inkflow::names::ALL.iter().any(|metric| metric.name == name), "{name} is not in names.rs");
    }
    assert!(!metrics.contains(STUDENT), "{metrics}");
    assert_eq!(get(&address, "/").0, 404);

    homework.second_day();
    until(&address, "/metrics", |_, body| body.contains("inkflow_records_total 6"));
    run.signal("TERM");
    run.end().is(0);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let homework = Homework::first_day();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let run = Running::start(homework.path(), &["run", "--folder", "day", "--listen", &address]);
    run.end().is(4).says(&format!("cannot listen on {address}"));
}
