//! The generator makes what it says, and the comparison sees what it must.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::folder::lines;
use crate::generate::{history_folder, Size};
use crate::{compare, history, read_views, recompute, stages, write_views, Readings, SoFar};

const SIZE: Size = Size { records: 1500 };

/// A folder of its own below the system's, removed at the end.
struct TempDir(PathBuf);

impl TempDir {
    fn new(name: &str) -> TempDir {
        let path = std::env::temp_dir().join(format!("inkflow-oracle-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        TempDir(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_seed_always_makes_the_same_history_and_another_seed_another() {
    assert_eq!(history_folder(1, SIZE), history_folder(1, SIZE));
    assert_ne!(history_folder(1, SIZE), history_folder(2, SIZE));
    // What a seed stands for may be written down in a bug report: its first numbers never change.
    let mut dice = crate::generate::Dice::new(1);
    assert_eq!((dice.next(), dice.next()), (10451216379200822465, 13757245211066428519));
}

#[test]
fn a_history_shows_every_status_and_fills_every_view() {
    let mut seen = BTreeMap::<String, usize>::new();
    for seed in 0..6 {
        let (folder, now) = history_folder(seed, SIZE);
        let case = Case { folder, now };
        for (view, text) in case.views() {
            if view == "page_status" || view == "student_assignment" {
                for field in text.split([',', '\n']) {
                    *seen.entry(field.to_string()).or_default() += 1;
                }
            }
            *seen.entry(view).or_default() += text.lines().count() - 1;
        }
        for row in case.rows("page_status").iter().chain(&case.rows("student_assignment")) {
            for field in row.split(',') {
                *seen.entry(field.to_string()).or_default() += 1;
            }
        }
    }
    let statuses = "complete partial blank unusable failed unassigned incomplete open overdue true";
    let views = crate::VIEWS.map(|(view, ..)| view);
    for name in statuses.split(' ').chain(views) {
        assert!(seen.get(name).is_some_and(|count| *count >= 10), "{name}: {:?}", seen.get(name));
    }
}

#[test]
fn of_the_generators_records_exactly_the_spoiled_are_rejected() {
    crate::generate::each_kind_of_line(2000, |topic, line, is_spoiled| {
        let mut folder = Folder::default();
        folder.topics.insert(topic.to_string(), BTreeMap::from([(0, [line, b"\n"].concat())]));
        let case = Case { folder, now: DUE };
        let expected = usize::from(is_spoiled);
        let line = String::from_utf8_lossy(line);
        assert_eq!(case.rejected().len(), expected, "{topic}: {line}\n{:?}", case.rows("rejected"));
    });
}

#[test]
fn partitions_change_no_view_but_rejected_and_freshness() {
    let (folder, now) = history_folder(3, SIZE);
    let mut merged = Folder { readings: folder.readings.clone(), ..Folder::default() };
    for (topic, partitions) in &folder.topics {
        let mut whole = Vec::new();
        for line in partitions.values().rev().flat_map(|bytes| lines(bytes)) {
            whole.extend([line, b"\n"].concat());
        }
        merged.topics.insert(topic.clone(), BTreeMap::from([(0, whole)]));
    }
    let (parted, merged) = (Case { folder, now }, Case { folder: merged, now });
    assert_eq!(parted.rejected().len(), merged.rejected().len());
    for (view, text) in parted.views() {
        if view != "rejected" && view != "freshness" {
            assert_eq!(text, merged.views()[&view], "{view}");
        }
    }
}

#[test]
fn admitted_line_by_line_and_answered_a_history_comes_to_the_same() {
    let (folder, now) = history_folder(9, SIZE);
    let recorded = Readings::of(&folder.readings);
    let options = Options::default();
    let mut so_far = SoFar::default();
    for (topic, partitions) in &folder.topics {
        for (partition, bytes) in partitions {
            for (offset, line) in lines(bytes).into_iter().enumerate() {
                assert!(so_far.admit(topic, *partition, offset, line, now));
            }
        }
    }
    let pending = so_far.views(now, &options)["page_status"].matches(",pending,").count();
    let missing = so_far.missing(&options);
    assert!(pending > 50 && missing.len() > 50, "{pending} {}", missing.len());
    for question in missing {
        let answer = recorded.answer(&question.photo.0, &question.model);
        so_far.answer(question, answer, now);
    }
    assert!(so_far.missing(&options).is_empty());
    let whole = Case { folder, now }.views();
    assert_eq!(so_far.views(now, &options), whole);
}

#[test]
fn stages_grow_by_whole_lines_to_the_whole_history() {
    let dir = TempDir::new("stages");
    let now = history(7, SIZE, &dir.0).expect("a history");
    let written = std::fs::read_to_string(dir.0.join("now.txt")).expect("now.txt");
    assert_eq!(written.trim(), now.to_string());
    let whole = Folder::read(&dir.0).expect("a folder");
    assert_eq!((whole.clone(), now), history_folder(7, SIZE));
    let stages = stages(7, &dir.0, 4).expect("stages");
    assert_eq!(stages.len(), 4);
    assert_eq!(*stages[3].folder(), whole);
    for pair in stages.windows(2) {
        let (earlier, later) = (pair[0].folder(), pair[1].folder());
        assert_ne!(earlier, later);
        for (topic, partitions) in &earlier.topics {
            for (partition, bytes) in partitions {
                assert!(later.topics[topic][partition].starts_with(bytes));
                let is_whole = whole.topics[topic][partition] == *bytes;
                assert!(is_whole || bytes.ends_with(b"\n"));
            }
        }
    }
    // Written over each other they end as the history itself.
    let grown = TempDir::new("grown");
    for stage in &stages {
        stage.write(&grown.0).expect("a stage");
    }
    let options = Options::default();
    let expected = recompute(&dir.0, now, &options).expect("views");
    let actual = recompute(&grown.0, now, &options).expect("views");
    compare(&expected, &actual).expect("the same views");
}

#[test]
fn exported_views_are_read_back_as_they_were_written() {
    let dir = TempDir::new("export");
    let (folder, now) = history_folder(5, SIZE);
    let views = Case { folder, now }.views();
    write_views(&views, &dir.0).expect("an export");
    assert_eq!(read_views(&dir.0).expect("views"), views);
}

#[test]
fn a_difference_is_shown_by_view_and_key() {
    let mut case = Case::new();
    case.upload("ana", 1, "u,1", 5).line("erasures", "x");
    let expected = case.views();
    let changed = |view: &str, from: &str, to: &str| {
        let mut actual = expected.clone();
        let text = actual.get_mut(view).expect("a view");
        assert!(text.contains(from), "{text}");
        *text = text.replacen(from, to, 1);
        compare(&expected, &actual).map_err(|diff| diff.to_string())
    };
    assert_eq!(changed("student_completion", "ana", "ana"), Ok(()));
    let diff = changed("page_status", "not_found", "corrupt").expect_err("a difference");
    assert!(diff.contains("page_status: 1 rows differ\n  key      ana,h,1\n"), "{diff}");
    assert!(diff.contains("expected ana,h,1,s,5,failed,,,not_found,recorded@1,false\n"), "{diff}");
    assert!(diff.contains("actual   ana,h,1,s,5,failed,,,corrupt,recorded@1,false\n"), "{diff}");
    // What depends on how a run went.
    assert!(changed("failed_photos", ",1\n", ",3\n").is_ok());
    assert!(changed("rejected", ",0,not JSON", ",0,\"bad, luck\"").is_ok());
    assert!(changed("freshness", "enrolments,0,1,,", "enrolments,0,2,7,9").is_ok());
    // What does not.
    assert!(changed("rejected", "erasures,0,0", "erasures,0,1").is_err());
    assert!(changed("freshness", "enrolments,0,1,,", "enrolments,1,1,,").is_err());
    assert!(changed("failed_photos", "\"u,1\"", "'u,1'").is_err());
    assert!(changed("failed_photos", "attempts\n", "tries\n").is_err());
    assert!(changed("student_completion", "ana,5b", "\"ana\",5b").is_err());
    assert!(changed("student_completion", ",1,0,\n", ",1,0,\r\n").is_err());
    assert!(changed("class_assignment", "0,1\n", "0,1").is_err());
    let mut missing = expected.clone();
    missing.remove("class_day");
    assert!(compare(&expected, &missing).is_err());
}

#[test]
fn rows_in_another_order_differ() {
    let expected = Case::new().views();
    let mut actual = expected.clone();
    let text = actual.get_mut("student_completion").expect("a view");
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    *text = lines.join("\n") + "\n";
    let diff = compare(&expected, &actual).expect_err("a difference").to_string();
    assert_eq!(diff, "student_completion: the same rows in another order\n");
}
