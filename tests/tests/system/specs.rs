//! Specs: what comes in and what changes, as text. `UPDATE=1 cargo test -p inkflow-tests specs` writes what changes.
//!
//! A spec is a title, a line `show` with the views that it is about, and steps. A step is an epoch: lines of what comes
//! in, the line `----`, and the changes out, up to an empty line.
//!
//! ```text
//! at 2026-11-20T08:05:00Z                the clock of this epoch and those after it
//! enrolments {"student_id": "ana", ...}  a record; its key is made from the value
//! delete enrolments ana|5b               a null for a key
//! read {"uri": "a.jpg", ...}             a reader's answer, as in readings.jsonl
//! restart                                the process ends and another starts, before the epoch
//! ----
//! - page_status ana h 1 status=pending   a row is gone
//! + page_status ana h 1 status=complete  a row is new; what is empty, false or 0 is left out
//! asks a.jpg page@1                      a question that began to wait
//! drops a.jpg page@1                     a question that nobody waits for any more, without an answer
//! ```

use inkflow_operators::views::class_day::day_text;
use inkflow_schemas::{Cell, Millis, Question, Row, Topic, ViewSchema, DAY_MS};
use inkflow_tests::core::Changed;
use inkflow_tests::said::{named, Said};
use std::path::{Path, PathBuf};

/// Runs one spec; gives its text with the changes that came.
fn run(text: &str) -> String {
    let mut said = Said::new();
    let mut shown: Vec<&str> = Vec::new();
    let mut steps = Vec::new();
    for step in text.trim_end().split("\n\n") {
        let (input, _) = step.split_once("----").unwrap_or((step, ""));
        let mut notes = Vec::new();
        let mut is_epoch = false;
        for line in input.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("show", views) => {
                    shown = views.split(' ').collect();
                    continue;
                }
                ("at", time) => {
                    said.at(Millis(inkflow_oracle::parse_now(time).unwrap_or_else(|| panic!("no time: {time}"))))
                }
                ("restart", _) => said = said.restart(2),
                ("delete", key) => {
                    let (topic, key) = key.split_once(' ').unwrap_or_else(|| panic!("no key: {line}"));
                    said.delete(topic_of(topic), key);
                }
                ("read", reading) => {
                    if said.read(reading) == 0 {
                        notes.push("nobody waits for that answer".to_owned());
                    }
                }
                (topic, value) => {
                    if !said.say(topic_of(topic), value) {
                        notes.push(format!("a record of {topic} is dropped: its student is erased"));
                    }
                }
            }
            is_epoch = true;
        }
        if is_epoch {
            let changed = said.epoch();
            notes.extend(changes(&said, &changed, &shown));
            steps.push(format!("{}\n----\n{}", input.trim(), notes.join("\n")).trim_end().to_owned());
        } else {
            steps.push(input.trim_end().to_owned());
        }
    }
    steps.join("\n\n") + "\n"
}

fn topic_of(name: &str) -> Topic {
    Topic::parse(name).unwrap_or_else(|| panic!("no topic: {name}"))
}

/// What an epoch changed, in the words of a spec.
fn changes(said: &Said, changed: &Changed, shown: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for (schema, rows) in said.core.tables.schemas().iter().zip(&changed.views) {
        if shown.contains(&schema.name) {
            let mut rows: Vec<(&Row, isize)> = rows.iter().map(|(row, diff)| (row, *diff)).collect();
            rows.sort_by_key(|(row, diff)| (row.key(schema), *diff));
            lines.extend(rows.iter().map(|(row, diff)| {
                let sign = if *diff > 0 { '+' } else { '-' };
                format!("{sign} {} {}", schema.name, written(schema, row))
            }));
        }
    }
    let asked = |(question, diff): (&Question, &isize)| {
        let verb = if *diff > 0 { "asks" } else { "drops" };
        format!("{verb} {}", named(question))
    };
    lines.extend(changed.missing.iter().map(asked));
    lines
}

/// A row: its key, then its cells by name, less those that are empty or false and counts of 0. Times are written as such.
fn written(schema: &ViewSchema, row: &Row) -> String {
    let cells = schema.columns.iter().zip(row.0.iter()).enumerate();
    let cells = cells.filter_map(|(number, (column, cell))| {
        let is_time = column.name.ends_with("_at") || column.name == "last_upload";
        let is_count = !column.name.ends_with("_bp") && !column.name.starts_with("seconds");
        let text = match cell {
            Cell::Empty | Cell::Bool(false) => return None,
            Cell::Int(0) if is_count => return None,
            Cell::Bool(value) => value.to_string(),
            Cell::Int(ms) if is_time => time(*ms),
            Cell::Int(value) => value.to_string(),
            Cell::Text(text) => text.to_string(),
        };
        Some(if number < schema.key_columns { text } else { format!("{}={text}", column.name) })
    });
    cells.collect::<Vec<_>>().join(" ")
}

fn time(ms: i64) -> String {
    let second = ms.rem_euclid(DAY_MS) / 1000;
    let day = day_text(ms.div_euclid(DAY_MS) as i32);
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

fn specs() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "spec"));
    paths.sort();
    paths
}

#[test]
fn views_change_as_the_specs_say() {
    let is_update = std::env::var_os("UPDATE").is_some();
    let mut differing = Vec::new();
    for path in specs() {
        let text = std::fs::read_to_string(&path).expect("a spec");
        let actual = run(&text);
        if actual == text {
            continue;
        }
        if is_update {
            std::fs::write(&path, actual).expect("the spec is written");
        } else {
            let line = text.lines().zip(actual.lines()).position(|(text, actual)| text != actual);
            let line = line.unwrap_or(text.lines().count().min(actual.lines().count()));
            let shown = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
            let (said, came) = (shown(&text), shown(&actual));
            differing.push(format!("{}:{}\n  the spec: {said}\n  came:     {came}", path.display(), line + 1));
        }
    }
    assert!(differing.is_empty(), "UPDATE=1 accepts what came\n{}", differing.join("\n"));
}
