//! `inkflow check`: a sentence for each thing that a flow needs.

use crate::command::{inkflow, Homework};
use crate::running::{until, Running};

const GOOD: &str = "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\njournal: {folder: j}\n\
                    sinks:\n  - sqlite: {path: views.sqlite}\n  - csv: {folder: out}\ndead_letters: {path: letters.jsonl}\n\
                    time_zone: Europe/Vienna\nhttp: {listen: '127.0.0.1:0'}\n";

#[test]
fn a_good_flow_is_good_and_stays_untouched() {
    let homework = Homework::first_day();
    homework.write("flow.yaml", GOOD);
    let ended = inkflow(homework.path(), &["check", "flow.yaml"]);
    ended.is(0);
    let cores = ended.stdout.lines().find(|line| line.contains("workers")).expect("a line about workers");
    assert_eq!(
        ended.stdout.replace(cores, "(workers)"),
        "✓ flow: flow.yaml is well formed.\n\
         ✓ records: day holds submissions (1 partition), enrolments (1 partition), assignments (1 partition).\n\
         ✓ readings: day/readings.jsonl holds recorded answers.\n\
         ✓ journal: j will be made.\n\
         ✓ sqlite: views.sqlite will be made.\n\
         ✓ csv: out can be written.\n\
         ✓ dead letters: letters.jsonl can be appended to.\n\
         ✓ time zone: days begin and end as in Europe/Vienna.\n\
         (workers)\n\
         ✓ http: 127.0.0.1:0 is free.\n"
    );
    assert_eq!(homework.files(""), ["day", "flow.yaml"]);
}

#[test]
fn each_thing_that_is_wrong_is_a_sentence() {
    let homework = Homework::first_day();
    homework.write("file", "no database");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    homework.write("j/journal/FORMAT", "99\n");
    homework.write(
        "flow.yaml",
        &format!(
            "version: 1\nsource: {{folder: {{path: nowhere}}}}\nphotos: {{folder: {{path: no-photos}}}}\n\
             readers: {{model: {{folder: models, name: page@1}}}}\njournal: {{folder: j}}\n\
             sinks:\n  - sqlite: {{path: file}}\n  - sqlite: {{path: no/such/views.sqlite}}\n  - csv: {{folder: file}}\n\
             http: {{listen: '{address}'}}\n"
        ),
    );
    let ended = inkflow(homework.path(), &["check", "flow.yaml"]);
    ended
        .is(1)
        .says("✗ records: nowhere cannot be read: No such file or directory")
        .says("✗ photos: the photo folder no-photos cannot be opened")
        .says("✗ ONNX Runtime: ONNX Runtime is not installed")
        .says("✗ journal: j: this journal has format 99")
        .says("✗ sqlite: file is there, and is no SQLite file.")
        .says("✗ sqlite: the folder no/such is not there.")
        .says("✗ csv: file is no folder.")
        .says(&format!("✗ http: cannot listen on {address}"))
        .says("8 of these must be mended.");
}

#[test]
fn what_may_not_be_meant_is_doubted() {
    let homework = Homework::first_day();
    homework.write("day/enrollments/0.jsonl", "");
    homework.write(
        "flow.yaml",
        "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {path: other.jsonl}}\nworkers: 999\n",
    );
    inkflow(homework.path(), &["check", "flow.yaml"])
        .is(0)
        .says("! records: day holds a folder enrollments, which is no topic; did you mean enrolments?")
        .says("! readings: there is no other.jsonl")
        .says("! journal: the flow names none")
        .says("! sinks: there are none")
        .says("! workers: 999 are more than");
}

#[test]
fn a_flow_file_that_is_wrong_is_pointed_at() {
    let homework = Homework::first_day();
    homework.write("flow.yaml", &GOOD.replace("Europe/Vienna", "Europe/Wien"));
    inkflow(homework.path(), &["check", "flow.yaml"]).is(2).says("flow.yaml:9:12").says("no time zone is called");
}

#[test]
fn a_running_process_is_seen_and_left_alone() {
    let homework = Homework::first_day();
    homework.write("flow.yaml", GOOD);
    let mut run = Running::start(homework.path(), &["run", "flow.yaml"]);
    let address = run.address();
    until(&address, "/readyz", |status, _| status == 200);
    for _ in 0..2 {
        inkflow(homework.path(), &["check", "flow.yaml"])
            .is(0)
            .says("j has format 1, and was opened 1 times.")
            .says("has it open; `inkflow run` would take it over");
    }
    homework.second_day();
    until(&address, "/metrics", |_, body| body.contains("inkflow_records_total 6"));
    run.signal("TERM");
    run.end().is(0);
    inkflow(homework.path(), &["check", "flow.yaml"]).is(0).says("views.sqlite is a database that can be written.");
}
