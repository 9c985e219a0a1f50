//! The ends of a run: signals, other processes, and what cannot go on.

use crate::command::{inkflow, Homework};
use crate::running::{until, Running};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

const FLOW: &str = "version: 1\nsource: {folder: {path: day}}\nreaders: {recorded: {}}\njournal: {folder: j}\n\
                    sinks:\n  - csv: {folder: out}\n";

fn started(homework: &Homework, args: &[&str]) -> (Running, String) {
    homework.write("flow.yaml", FLOW);
    let args = [&["run", "flow.yaml", "--listen", "127.0.0.1:0"], args].concat();
    let mut run = Running::start(homework.path(), &args);
    let address = run.address();
    (run, address)
}

#[test]
fn a_signal_seals_flushes_and_ends_with_0() {
    for signal in ["TERM", "INT"] {
        let homework = Homework::first_day();
        let (mut run, address) = started(&homework, &[]);
        until(&address, "/metrics", |_, body| body.contains("inkflow_records_total 5"));
        assert!(run.is_running(), "it goes on");
        let asked = Instant::now();
        run.signal(signal);
        // As `timeout` does it: to the process, and to its group.
        run.signal(signal);
        run.end().is(0).says(&format!("SIG{signal}"));
        assert!(asked.elapsed().as_secs() < 15);
        let status = homework.read("out/page_status.csv");
        assert!(status.contains("sub1") && status.contains("sub2"), "{status}");
        // Nothing was lost, and nothing is taken twice.
        inkflow(homework.path(), &["run", "flow.yaml", "--until-end"]).is(0).says("records=0");
    }
}

#[test]
fn a_run_to_the_end_that_is_stopped_is_not_done_and_exports_nothing() {
    let homework = Homework::first_day();
    // SQLite waits for whoever has the file locked, and so does the end.
    let other = rusqlite::Connection::open(homework.path().join("views.sqlite")).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    homework.write("locked.yaml", &format!("{FLOW}  - sqlite: {{path: views.sqlite}}\n"));
    let args = ["run", "locked.yaml", "--until-end", "--listen", "127.0.0.1:0"];
    let mut run = Running::start(homework.path(), &args);
    let address = run.address();
    let waits = until(&address, "/readyz", |_, body| body.contains("is waited for"));
    assert!(waits.contains("sqlite"), "{waits}");
    run.signal("TERM");
    run.end().is(5).says("stopped before the end");
    assert!(!homework.path().join("out").exists(), "half an export would look like a whole one");
    other.execute_batch("ROLLBACK").expect("the lock is given back");
    inkflow(homework.path(), &["run", "locked.yaml", "--until-end"]).is(0);
    assert!(homework.path().join("out/page_status.csv").exists());
}

#[test]
fn a_second_signal_ends_at_once() {
    let homework = Homework::first_day();
    let other = rusqlite::Connection::open(homework.path().join("views.sqlite")).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    homework.write("locked.yaml", &format!("{FLOW}  - sqlite: {{path: views.sqlite}}\n"));
    let mut run = Running::start(homework.path(), &["run", "locked.yaml", "--listen", "127.0.0.1:0"]);
    let address = run.address();
    until(&address, "/readyz", |_, body| body.contains("is waited for"));
    run.signal("INT");
    run.line("once more ends at once");
    let asked = Instant::now();
    // What comes within half a second is the same request.
    while run.is_running() && asked.elapsed().as_secs() < 5 {
        run.signal("INT");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.end().is(5).says("a second time");
    assert!((400..5000).contains(&asked.elapsed().as_millis()), "{:?}", asked.elapsed());
}

#[test]
fn a_journal_that_is_away_is_waited_for_but_not_longer_than_the_end_may_take() {
    let homework = Homework::first_day();
    let (mut run, address) = started(&homework, &[]);
    until(&address, "/healthz", |_, body| body == "ok\n");
    let (here, away) = (homework.path().join("j"), homework.path().join("away"));
    homework.write("away", "in its place");
    // At once: a run that finds neither there makes a folder.
    let change_places = || {
        rustix::fs::renameat_with(rustix::fs::CWD, &here, rustix::fs::CWD, &away, rustix::fs::RenameFlags::EXCHANGE)
            .expect("the journal and the file change places");
    };
    change_places();
    homework.second_day();
    until(&address, "/healthz", |status, body| status == 200 && body.starts_with("ok; the journal is waited for"));
    change_places();
    until(&address, "/metrics", |_, body| body.contains("inkflow_records_total 6"));
    until(&address, "/healthz", |_, body| body == "ok\n");
    until(&address, "/metrics", |_, body| body.contains("inkflow_pending_questions 0"));

    change_places();
    run.signal("TERM");
    let asked = Instant::now();
    run.line("once more ends at once");
    run.end().is(5).says("not everything was sealed and flushed within 15 s");
    assert!((14..25).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
}

#[test]
fn whoever_comes_later_takes_the_journal_over() {
    let homework = Homework::first_day();
    let (first, address) = started(&homework, &[]);
    until(&address, "/readyz", |status, _| status == 200);
    inkflow(homework.path(), &["run", "flow.yaml", "--until-end", "--export", "out2"]).is(0).says("is taken over");
    // The first one finds out when it has something to seal.
    homework.second_day();
    first.end().is(3).says("another process has opened the journal since");
    inkflow(homework.path(), &["run", "flow.yaml", "--until-end", "--export", "out3"]).is(0).says("records=1");
}

#[test]
fn what_cannot_go_on_says_so() {
    let homework = Homework::first_day();
    let run = |args: &[&str]| inkflow(homework.path(), &[&["run", "--until-end"], args].concat());
    run(&["--folder", "missing"]).is(4).says("missing");
    run(&["--folder", "day", "--journal", "j"]).is(0);
    homework.write("day/submissions/0.jsonl", "");
    run(&["--folder", "day", "--journal", "j"]).is(4).says("submissions/0 is truncated");
    homework.write("j/journal/FORMAT", "99\n");
    run(&["--folder", "day", "--journal", "j"]).is(4).says("use the newer inkflow");
    homework.write("file", "");
    run(&["--folder", "day", "--journal", "file"]).is(4).says("the journal at file");
    run(&["--folder", "day", "--export", "file"]).is(4);
}

/// Set for the child process of the test below.
const TO_PANIC: &str = "INKFLOW_TEST_TO_PANIC";

#[test]
fn a_panic_in_any_thread_ends_the_process() {
    if std::env::var_os(TO_PANIC).is_some() {
        inkflow::panic::abort_on_panic(inkflow::config::LogFormat::Text);
        let worker = std::thread::Builder::new().name("worker 1".into()).spawn(|| panic!("off by one"));
        let _ = worker.expect("a thread").join();
        std::process::exit(0);
    }
    let me = std::env::current_exe().expect("this test");
    let child = std::process::Command::new(me)
        .args(["--exact", "ends::a_panic_in_any_thread_ends_the_process", "--nocapture"])
        .env(TO_PANIC, "1")
        .output()
        .expect("it starts");
    assert_eq!(child.status.signal(), Some(6), "SIGABRT, and not {:?}", child.status);
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(said.contains("panic in the thread worker 1 at") && said.contains("off by one"), "{said}");
}
