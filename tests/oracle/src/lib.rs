//! The oracle: every view of views.md recomputed from a folder at once, with plain maps and nested loops.
//!
//! The real system keeps the same views incrementally. The two share no line of code, so where they give the same bytes
//! both read the contract alike. [`recompute`] gives the views of a folder, [`compare`] holds them against an export,
//! [`history`] makes folders that are as hostile as the contract allows, and [`stages`] lets a folder grow.

mod compare;
mod csv;
mod fields;
mod folder;
mod generate;
mod homework;
mod json;
mod keys;
mod readings;
mod records;
mod so_far;
mod stages;
mod terms;
#[cfg(test)]
mod tests;
mod time;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub use compare::{compare, read_views, write_views, Diff};
pub use folder::Folder;
pub use generate::{history, history_folder, Dice, Size};
pub use readings::{Answer, Question, Reading, Readings};
pub use records::Photo;
pub use so_far::SoFar;
pub use stages::{stages, Stage};

/// What went wrong with a file or an argument.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result whose error a person reads.
pub type Result<T> = std::result::Result<T, Error>;

/// The text of each view, as `--export` writes it, by the view's name.
pub type Views = BTreeMap<String, String>;

/// What a flow may set. Its time zone is UTC.
#[derive(Debug, Clone)]
pub struct Options {
    /// The model of a page for which no policy exists.
    pub configured_model: String,
    /// The models that read templates. "Recorded answers never do."
    pub template_models: BTreeSet<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { configured_model: "recorded@1".to_string(), template_models: BTreeSet::new() }
    }
}

/// A view's name, its columns, and how many of them are its key.
pub(crate) const VIEWS: [(&str, &str, usize); 12] = [
    (
        "page_status",
        "student_id,assignment_id,page,submission_id,uploaded_at,status,completion_bp,confidence_bp,reason,model,reviewed",
        3,
    ),
    (
        "student_assignment",
        "student_id,class_id,assignment_id,pages_expected,pages_received,pages_pending,pages_complete,completion_bp,\
         status,on_time,last_upload",
        3,
    ),
    (
        "student_completion",
        "student_id,class_id,assigned,complete,on_time,awaiting,incomplete,open,overdue,completion_bp",
        2,
    ),
    (
        "student_subject",
        "student_id,class_id,subject,assigned,complete,on_time,awaiting,incomplete,open,overdue,completion_bp",
        3,
    ),
    (
        "student_recent",
        "student_id,class_id,days,assigned,complete,on_time,awaiting,incomplete,open,overdue,completion_bp",
        3,
    ),
    (
        "class_assignment",
        "class_id,assignment_id,students,complete,on_time,awaiting,incomplete,open,overdue,completion_bp,pending,reshoot",
        2,
    ),
    ("class_day", "class_id,subject,day,received,read,complete,seconds_p50,seconds_p95", 3),
    ("model_agreement", "class_id,live,shadow,pages,status_changed,completion_delta_bp", 3),
    ("review_agreement", "class_id,model,pages,status_changed,completion_delta_bp", 2),
    ("failed_photos", "uri,version,template,model,reason,attempts", 4),
    ("rejected", "topic,partition,offset,reason", 3),
    ("freshness", "topic,partition,offset,record_time,epoch", 2),
];

/// Every view of the folder `dir`, with the clock at `now_ms` in every epoch.
pub fn recompute(dir: &Path, now_ms: i64, options: &Options) -> Result<Views> {
    Ok(recompute_folder(&Folder::read(dir)?, now_ms, options))
}

/// [`recompute`] of a folder that is in memory.
pub fn recompute_folder(folder: &Folder, now_ms: i64, options: &Options) -> Views {
    texts(&folder::State::of(folder, now_ms), now_ms, options)
}

fn texts(state: &folder::State, clock: i64, options: &Options) -> Views {
    let mut rows = views::all(state, options, clock);
    let mut texts = Views::new();
    for (name, columns, key_columns) in VIEWS {
        let columns: Vec<&str> = columns.split(',').collect();
        let rows = rows.remove(name).unwrap_or_default();
        texts.insert(name.to_string(), csv::table(&columns, key_columns, rows));
    }
    texts
}

/// Milliseconds since 1970 of a `--now`: milliseconds, or RFC 3339.
pub fn parse_now(text: &str) -> Option<i64> {
    let ms = text.parse().ok().or_else(|| time::parse_rfc3339(text))?;
    time::in_range(ms)
}
