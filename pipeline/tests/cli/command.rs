//! Running the command to its end, over a small folder of records.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The student of all records here: an id that stands nowhere else.
pub const STUDENT: &str = "st-4711";

/// How a command ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// It ended with that code.
    #[track_caller]
    pub fn is(&self, code: i32) -> &Ended {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// It says that.
    #[track_caller]
    pub fn says(&self, what: &str) -> &Ended {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert!(said.contains(what), "it does not say {what:?}:\n{said}");
        self
    }
}

/// The command in that folder, without anybody's environment.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inkflow"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env_remove("INKFLOW_LOG").env_remove("ORT_DYLIB_PATH");
    // No ONNX Runtime that this machine may have: what is tried here needs none.
    command.env("INKFLOW_CACHE", folder.join("no-cache"));
    command
}

/// Runs the command to its end.
pub fn inkflow(folder: &Path, args: &[&str]) -> Ended {
    end(command(folder, args))
}

/// Runs the command to its end with a log level.
pub fn with_log(folder: &Path, args: &[&str], level: &str) -> Ended {
    let mut command = command(folder, args);
    command.env("INKFLOW_LOG", level);
    end(command)
}

fn end(mut command: Command) -> Ended {
    let output = command.output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder with a folder `day` of records: one student, one assignment of two pages.
pub struct Homework {
    folder: tempfile::TempDir,
}

impl Homework {
    /// Both pages are handed in in time; the first is read as complete, the second one's photo is missing. Beside it, a
    /// record that is refused.
    pub fn first_day() -> Homework {
        let homework = Homework { folder: tempfile::tempdir().expect("a folder") };
        let assignment =
            r#"{"assignment_id": "a1", "class_id": "c1", "subject": "maths", "pages": 2, "due_at": 1000000}"#;
        homework.append("day/assignments/0.jsonl", &format!(r#"{{"key": "a1", "value": {assignment}, "ts": 1000}}"#));
        let enrolment = format!(r#"{{"student_id": "{STUDENT}", "class_id": "c1", "school_id": "s1"}}"#);
        homework.append(
            "day/enrolments/0.jsonl",
            &format!(r#"{{"key": "{STUDENT}|c1", "value": {enrolment}, "ts": 1000}}"#),
        );
        homework.append("day/enrolments/0.jsonl", &format!(r#"{{"key": "{STUDENT}|c2", "raw": "{{", "ts": 1000}}"#));
        homework.submit(0, "sub1", 1, "p1.jpg", 500_000);
        homework.submit(0, "sub2", 2, "p2.jpg", 500_001);
        homework.append(
            "day/readings.jsonl",
            r#"{"uri": "p1.jpg", "quality": "ok", "completion_bp": 9000, "confidence_bp": 8000}"#,
        );
        homework
    }

    /// The second page comes again, still in time, and is read as complete.
    pub fn second_day(&self) {
        self.append("day/readings.jsonl", r#"{"uri": "p3.jpg", "quality": "ok", "completion_bp": 9500}"#);
        self.submit(1, "sub3", 2, "p3.jpg", 800_000);
    }

    /// The student is erased.
    pub fn erase(&self) {
        let erasure = format!(r#"{{"student_id": "{STUDENT}", "requested_at": 900000}}"#);
        self.append("day/erasures/0.jsonl", &format!(r#"{{"key": "{STUDENT}", "value": {erasure}, "ts": 1000}}"#));
    }

    /// A page is handed in.
    pub fn submit(&self, partition: u32, id: &str, page: u32, uri: &str, uploaded_at: i64) {
        let value = format!(
            r#"{{"submission_id": "{id}", "student_id": "{STUDENT}", "assignment_id": "a1", "page": {page}, "photo": {{"uri": "{uri}"}}, "uploaded_at": {uploaded_at}}}"#
        );
        self.append(
            &format!("day/submissions/{partition}.jsonl"),
            &format!(r#"{{"key": "{STUDENT}", "value": {value}, "ts": {uploaded_at}}}"#),
        );
    }

    /// The folder that all of it lies in.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, text).expect("the file is written");
    }

    /// Appends a line to a file.
    pub fn append(&self, file: &str, line: &str) {
        let before = fs::read_to_string(self.path().join(file)).unwrap_or_default();
        self.write(file, &format!("{before}{line}\n"));
    }

    /// Reads a file.
    #[track_caller]
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// The names of the files and folders in a folder.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).expect("a folder");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}
