//! Small cases computed by hand, each named by what it defends, over one class:
//! Ana and Ben of class 5b at school north, with homework `h` of two pages.

mod histories;
mod refused;
mod statistics;
mod status;

use crate::folder::Folder;
use crate::time::DAY_MS;
use crate::{recompute_folder, Options, Views};

/// When homework `h` is due: 2026-11-18T09:46:40Z.
const DUE: i64 = 1_794_995_200_000;
const HOUR: i64 = DAY_MS / 24;

/// A folder in the making, and the clock.
#[derive(Clone)]
struct Case {
    folder: Folder,
    now: i64,
}

impl Case {
    /// Ana and Ben enrolled in 5b, homework `h` given, the clock an hour before it is due.
    fn new() -> Case {
        let mut case = Case { folder: Folder::default(), now: DUE - HOUR };
        case.enrolment("ana", "5b", "").enrolment("ben", "5b", "");
        case.assignment("h", 2, DUE, "");
        case
    }

    /// Adds a line to partition 0.
    fn line(&mut self, topic: &str, line: &str) -> &mut Case {
        self.line_in(topic, 0, line)
    }

    fn line_in(&mut self, topic: &str, partition: u32, line: &str) -> &mut Case {
        let partitions = self.folder.topics.entry(topic.to_string()).or_default();
        let bytes = partitions.entry(partition).or_default();
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        self
    }

    fn enrolment(&mut self, student: &str, class: &str, more: &str) -> &mut Case {
        let value = format!(r#"{{"student_id":"{student}","class_id":"{class}","school_id":"north"{more}}}"#);
        self.line("enrolments", &format!(r#"{{"key":"{student}|{class}","value":{value}}}"#))
    }

    /// Homework of 5b in maths.
    fn assignment(&mut self, id: &str, pages: i64, due_at: i64, more: &str) -> &mut Case {
        let value = format!(
            r#"{{"assignment_id":"{id}","class_id":"5b","subject":"maths","pages":{pages},"due_at":{due_at}{more}}}"#
        );
        self.line("assignments", &format!(r#"{{"key":"{id}","value":{value}}}"#))
    }

    /// A photo of page `page` of homework `h`.
    fn upload(&mut self, student: &str, page: i64, uri: &str, uploaded_at: i64) -> &mut Case {
        self.upload_of("h", student, page, uri, uploaded_at)
    }

    fn upload_of(&mut self, assignment: &str, student: &str, page: i64, uri: &str, uploaded_at: i64) -> &mut Case {
        let photo = format!(r#"{{"uri":"{uri}"}}"#);
        self.submission("s", student, assignment, page, &photo, uploaded_at)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a submission, for tests")]
    fn submission(
        &mut self,
        id: &str,
        student: &str,
        assignment: &str,
        page: i64,
        photo: &str,
        uploaded_at: i64,
    ) -> &mut Case {
        let value = format!(
            r#"{{"submission_id":"{id}","student_id":"{student}","assignment_id":"{assignment}","page":{page},"photo":{photo},"uploaded_at":{uploaded_at}}}"#
        );
        self.line("submissions", &format!(r#"{{"key":"{student}","value":{value}}}"#))
    }

    /// A review of a page of homework `h`.
    fn review(&mut self, student: &str, page: i64, status: &str, at: i64, more: &str) -> &mut Case {
        let value = format!(
            r#"{{"student_id":"{student}","assignment_id":"h","page":{page},"status":"{status}","reviewer":"r","reviewed_at":{at}{more}}}"#
        );
        self.line("reviews", &format!(r#"{{"key":"{student}|h|{page}","value":{value}}}"#))
    }

    fn policy(&mut self, scope: &str, live: &str, more: &str) -> &mut Case {
        let value = format!(r#"{{"scope":"{scope}","live":"{live}"{more}}}"#);
        self.line("models", &format!(r#"{{"key":"{scope}","value":{value}}}"#))
    }

    fn delete(&mut self, topic: &str, key: &str) -> &mut Case {
        self.line(topic, &format!(r#"{{"key":"{key}","value":null}}"#))
    }

    fn erase(&mut self, student: &str) -> &mut Case {
        self.line("erasures", &format!(r#"{{"value":{{"student_id":"{student}","requested_at":1}}}}"#))
    }

    /// A line of readings.jsonl.
    fn answer(&mut self, line: &str) -> &mut Case {
        self.folder.readings.extend_from_slice(line.as_bytes());
        self.folder.readings.push(b'\n');
        self
    }

    /// A photo that every model reads as so complete.
    fn read(&mut self, uri: &str, completion_bp: i64) -> &mut Case {
        self.answer(&format!(r#"{{"uri":"{uri}","quality":"ok","completion_bp":{completion_bp}}}"#))
    }

    /// A photo that one model reads as so complete.
    fn read_by(&mut self, model: &str, uri: &str, completion_bp: i64) -> &mut Case {
        self.answer(&format!(r#"{{"uri":"{uri}","model":"{model}","quality":"ok","completion_bp":{completion_bp}}}"#))
    }

    fn at(&mut self, now: i64) -> &mut Case {
        self.now = now;
        self
    }

    fn views(&self) -> Views {
        recompute_folder(&self.folder, self.now, &Options::default())
    }

    /// The rows of a view, without the header.
    fn rows(&self, view: &str) -> Vec<String> {
        self.views()[view].lines().skip(1).map(String::from).collect()
    }

    /// What follows the key in the one row of that key, or "no row".
    fn row(&self, view: &str, key: &str) -> String {
        let start = format!("{key},");
        let rows = self.rows(view);
        match rows.iter().filter_map(|row| row.strip_prefix(&start)).collect::<Vec<_>>()[..] {
            [] => "no row".to_string(),
            [row] => row.to_string(),
            ref more => panic!("{} rows start with {start}", more.len()),
        }
    }

    /// The `topic,partition,offset` of every row of `rejected`.
    fn rejected(&self) -> Vec<String> {
        let position = |row: &String| row.split(',').take(3).collect::<Vec<_>>().join(",");
        self.rows("rejected").iter().map(position).collect()
    }
}
