//! What is said at the end: whether it is right, where it is, and what to try next.

use crate::check::Checked;
use crate::inkflow::Inkflow;
use crate::stage::Stage;
use std::process::{Command, Stdio};

/// That the views are what they should be.
pub fn checked(Checked { views, rows, .. }: &Checked, exact: bool) -> String {
    let but = if exact { "" } else { "\n(class_day's seconds aside: they depend on when epochs were sealed)" };
    format!("Checked: {views} views, {rows} rows, in SQLite and as CSV: as recomputed independently.{but}\n\n")
}

/// Where the results are, and what to try with them.
pub fn where_it_is(stage: &Stage, inkflow: &Inkflow) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let program = inkflow.program.strip_prefix(&here).unwrap_or(&inkflow.program).display();
    let (dir, sqlite) = (stage.dir.display(), sqlite());
    format!(
        "\
In {dir}/
  views.sqlite         every view, a table each; .schema explains the columns
  csv/                 the same, a file each
  dead-letters.jsonl   the refused record, and why
  flow.yaml            the whole flow; beside it: records, photos, journal, log

Try next
  1. Who is overdue:
     {sqlite} {dir}/views.sqlite \\
       \"SELECT student_id, assignment_id, pages_received FROM student_assignment
        WHERE status = 'overdue'\"
  2. Why a page of one child counts as it does:
     {sqlite} {dir}/views.sqlite \\
       \"SELECT assignment_id, page, status, reason FROM page_status
        WHERE student_id = '7b-11'\"
  3. All of it again from what the model said, without photos or a model:
     {program} run --folder {dir}/records \\
       --until-end --export {dir}/again"
    )
}

/// A command line for SQLite that is there.
fn sqlite() -> &'static str {
    let there = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
    };
    if there("sqlite3", &["--version"]).is_ok() {
        return "sqlite3 -header -column";
    }
    // Python has one since 3.12.
    match there("python3", &["-m", "sqlite3", "--help"]) {
        Ok(status) if status.success() => "python3 -m sqlite3",
        _ => "sqlite3 -header -column",
    }
}
