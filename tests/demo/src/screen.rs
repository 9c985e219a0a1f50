//! What is seen: one screen, redrawn in place. The terminal is left as it was found, also by Ctrl-C: no other screen, no
//! hidden cursor, nothing but lines that are written over.

use crate::scenario::{Event, HOMEWORK};
use crate::views::{Progress, Snapshot};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use terminal_size::{Height, Width};

/// The bar's width in characters: what a terminal of 80 columns leaves for it, up to one for each student.
const BAR_MIN: i64 = 16;
const BAR_MAX: i64 = 40;
/// The width of a line without its bar.
const BESIDE_BAR: i64 = 64;
/// As many lines are kept for what happens.
const NOTES: usize = 9;
/// The lines of a screen, and one for the cursor: what a terminal of the usual 24 lines holds.
const HEIGHT: u16 = 24;

const GREEN: &str = "32";
const CYAN: &str = "36";
const YELLOW: &str = "33";
const RED: &str = "31";
const BOLD: &str = "1";
const DIM: &str = "2";

/// All that a screen shows.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Milliseconds after the beginning.
    pub at_ms: i64,
    /// How long the story takes.
    pub length_ms: i64,
    /// When each homework is due, in milliseconds after the beginning.
    pub due: BTreeMap<&'static str, i64>,
    /// The views.
    pub snapshot: Snapshot,
    /// Submissions so far.
    pub uploads: usize,
    /// Photos read so far.
    pub read: Option<u64>,
    /// Photos that cannot be read.
    pub failed: Option<u64>,
    /// Readings that cost no inference.
    pub saved: Option<u64>,
    /// Photos a second, lately.
    pub rate: Option<f64>,
    /// How long it takes from a line in the folder to its row in SQLite: median and 95 of 100, in milliseconds.
    pub fresh_ms: Option<(u128, u128)>,
    /// When what happened.
    pub notes: Vec<(i64, String)>,
}

impl Scene {
    /// Something happens.
    pub fn see(&mut self, event: &Event) {
        self.uploads += usize::from(event.photo.is_some());
        self.due.extend(event.due);
        self.notes.extend(event.note.as_ref().map(|(note, _)| (event.at_ms, note.clone())));
    }
}

/// Where it is shown.
#[derive(Debug)]
pub struct Screen {
    in_place: bool,
    colours: bool,
    bar: i64,
    drawn: usize,
    notes_told: usize,
}

impl Screen {
    /// stdout: in place, where it is a terminal that is large enough.
    pub fn stdout() -> Screen {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let (Width(columns), Height(lines)) = terminal_size::terminal_size().unwrap_or((Width(100), Height(HEIGHT)));
        let terminal = io::stdout().is_terminal() && !dumb;
        Screen {
            in_place: terminal && lines >= HEIGHT,
            colours: terminal && !set("NO_COLOR"),
            bar: (i64::from(columns) - BESIDE_BAR).clamp(BAR_MIN, BAR_MAX),
            drawn: 0,
            notes_told: 0,
        }
    }

    /// True where it is redrawn in place.
    pub fn is_in_place(&self) -> bool {
        self.in_place
    }

    /// Shows a scene over the last one.
    pub fn draw(&mut self, scene: &Scene) -> io::Result<()> {
        let lines = self.lines(scene);
        // All at once, without wrapping, and with the cursor out of sight while it moves.
        let mut text = String::from("\x1b[?2026h\x1b[?25l\x1b[?7l");
        if self.drawn > 0 {
            let _ = write!(text, "\x1b[{}A", self.drawn);
        }
        for line in &lines {
            // Emptied first: at the end of a full line, that would take its last character.
            let _ = write!(text, "\r\x1b[K{line}\n");
        }
        text += "\x1b[J\x1b[?7h\x1b[?25h\x1b[?2026l";
        self.drawn = lines.len();
        put(&text)
    }

    /// Shows a scene, once.
    pub fn print(&self, scene: &Scene) -> io::Result<()> {
        put(&(self.lines(scene).join("\n") + "\n"))
    }

    /// Without a terminal: what has happened since, and where things stand.
    pub fn tell(&mut self, scene: &Scene) -> io::Result<()> {
        let mut text = String::new();
        for (at, note) in scene.notes.iter().skip(self.notes_told) {
            let _ = writeln!(text, "{}  {note}", clock(*at));
        }
        self.notes_told = scene.notes.len();
        let complete: i64 = scene.snapshot.progress.values().map(|progress| progress.complete).sum();
        let all: i64 = scene.snapshot.progress.values().map(|progress| progress.students).sum();
        let (at, uploads, pending) = (clock(scene.at_ms), scene.uploads, scene.snapshot.pending);
        let _ = writeln!(
            text,
            "{at}  {complete} of {all} homeworks complete; {uploads} photos handed in, {pending} to be read"
        );
        put(&text)
    }

    fn lines(&self, scene: &Scene) -> Vec<String> {
        let paint = |style: &str, text: &str| {
            if self.colours && !text.is_empty() {
                format!("\x1b[{style}m{text}\x1b[0m")
            } else {
                text.to_owned()
            }
        };
        let at = clock(scene.at_ms.min(scene.length_ms));
        let mut lines = vec![
            format!(
                "{}   three classes hand in their homework   {}",
                paint(BOLD, "inkflow"),
                paint(DIM, &format!("{at} of {}", clock(scene.length_ms)))
            ),
            String::new(),
            paint(
                DIM,
                &format!(
                    "     homework      due      {:<1$}  done on time partly missing retake",
                    legend(self.bar),
                    self.bar as usize
                ),
            ),
        ];
        let mut class = "";
        for homework in HOMEWORK {
            let shown = if homework.class == class { "" } else { homework.class };
            class = homework.class;
            let none = Progress::default();
            let row = scene.snapshot.of(homework.id).unwrap_or(&none);
            let due = due(scene.due.get(homework.id).copied(), scene.at_ms);
            let title = format!("{}, {}p", homework.title, homework.pages);
            let count = |style: &str, width: usize, n: i64| match n {
                0 => paint(DIM, &format!("{:>width$}", "-")),
                n => paint(style, &format!("{n:>width$}")),
            };
            lines.push(format!(
                "{shown:<3}  {title:<13} {due:<8} {} {:>5} {} {} {} {}",
                bar(row, self.bar, &paint),
                format!("{}/{}", row.complete, row.students),
                count("", 7, row.on_time),
                count(YELLOW, 6, row.incomplete),
                count(if row.overdue > 0 { RED } else { "" }, 7, row.open + row.overdue),
                count(YELLOW, 6, row.reshoot),
            ));
        }
        lines.push(String::new());
        lines.push(format!("{}{}", paint(DIM, "photos  "), photos(scene)));
        lines.push(format!("{}{}", paint(DIM, "speed   "), speed(scene)));
        lines.push(format!("{}{}", paint(DIM, "fresh   "), fresh(scene)));
        lines.push(String::new());
        for line in 0..NOTES {
            let Some((at, note)) = scene.notes.get(line) else {
                lines.push(String::new());
                continue;
            };
            let came_of = scene.snapshot.came_of.get(line).map(String::as_str).unwrap_or_default();
            lines.push(format!("{}    {note:<44}  {}", paint(DIM, &clock(*at)), paint(CYAN, came_of)));
        }
        lines
    }
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// `0:34`.
fn clock(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn due(due_ms: Option<i64>, at_ms: i64) -> String {
    match due_ms {
        None => String::new(),
        Some(due) if due <= at_ms => "past".to_owned(),
        Some(due) if due > 3_600_000 => "tomorrow".to_owned(),
        Some(due) => format!("in {}", clock(due - at_ms + 999)),
    }
}

/// What stands above the bars.
fn legend(bar: i64) -> &'static str {
    let whole = "█ done ▒ partly · missing";
    if bar >= whole.chars().count() as i64 {
        whole
    } else {
        "each student"
    }
}

/// A character for every student or two: complete, being read, short, missing.
fn bar(row: &Progress, width: i64, paint: &dyn Fn(&str, &str) -> String) -> String {
    let missing = if row.overdue > 0 { RED } else { DIM };
    let parts = [
        (row.complete, "█", GREEN),
        (row.awaiting, "▓", CYAN),
        (row.incomplete, "▒", YELLOW),
        (row.open + row.overdue, "·", missing),
    ];
    let students = row.students.max(1);
    let (mut before, mut text) = (0, String::new());
    for (count, character, style) in parts {
        // Each part ends where all that is before it ends, so that the parts always fill the bar.
        let from = before * width / students;
        before += count;
        let to = before * width / students;
        text += &paint(style, &character.repeat(usize::try_from(to - from).unwrap_or(0)));
    }
    let rest = width - before * width / students;
    text + &" ".repeat(usize::try_from(rest).unwrap_or(0))
}

fn photos(scene: &Scene) -> String {
    let mut parts = vec![format!("{} handed in", scene.uploads)];
    parts.extend(scene.read.map(|read| format!("{read} read")));
    parts.extend(scene.failed.map(|failed| format!("{failed} cannot be read")));
    parts.push(format!("{} pending", scene.snapshot.pending));
    parts.join(" · ")
}

fn speed(scene: &Scene) -> String {
    let mut parts: Vec<String> = scene.rate.map(|rate| format!("{rate:.1} photos/s")).into_iter().collect();
    parts.extend(scene.saved.map(|saved| format!("{saved} inferences saved (photos read before)")));
    parts.join(" · ")
}

fn fresh(scene: &Scene) -> String {
    let epoch = format!("epoch {}", scene.snapshot.epoch);
    match scene.fresh_ms {
        Some((median, most)) => {
            format!("{median} ms from a record to its row in SQLite (95 of 100: {most} ms) · {epoch}")
        }
        None => epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene() -> Scene {
        let progress = Progress {
            students: 40,
            complete: 20,
            on_time: 18,
            awaiting: 1,
            incomplete: 4,
            open: 0,
            overdue: 15,
            pending: 2,
            reshoot: 0,
        };
        Scene {
            at_ms: 34_200,
            length_ms: 60_000,
            due: BTreeMap::from([("7a-fractions", 30_000), ("7a-leaves", 86_400_000), ("7b-fractions", 50_000)]),
            snapshot: Snapshot {
                epoch: 12,
                progress: BTreeMap::from([("7a-fractions".to_owned(), progress)]),
                pending: 2,
                came_of: vec!["failed: corrupt".to_owned()],
                ..Snapshot::default()
            },
            uploads: 90,
            read: Some(87),
            rate: Some(5.5),
            saved: Some(20),
            fresh_ms: Some((40, 95)),
            notes: vec![(6_000, "7a-05's photo broke off on its way".to_owned())],
            ..Scene::default()
        }
    }

    fn screen(colours: bool) -> Screen {
        Screen { in_place: true, colours, bar: BAR_MIN, drawn: 0, notes_told: 0 }
    }

    #[test]
    fn a_scene_is_drawn_line_by_line() {
        let lines = screen(false).lines(&scene());
        assert_eq!(lines[0], "inkflow   three classes hand in their homework   0:34 of 1:00");
        assert_eq!(lines[3], "7a   Fractions, 2p past     ████████▒▒······ 20/40      18      4      15      -");
        assert!(lines[4].starts_with("     Leaves, 1p    tomorrow "), "{}", lines[4]);
        assert!(lines[5].contains("in 0:16 "), "{}", lines[5]);
        assert_eq!(lines[10], "photos  90 handed in · 87 read · 2 pending");
        assert_eq!(lines[11], "speed   5.5 photos/s · 20 inferences saved (photos read before)");
        assert_eq!(lines[12], "fresh   40 ms from a record to its row in SQLite (95 of 100: 95 ms) · epoch 12");
        assert!(
            lines[14].starts_with("0:06    7a-05's photo") && lines[14].ends_with("failed: corrupt"),
            "{}",
            lines[14]
        );
    }

    #[test]
    fn it_fits_on_a_screen_of_24_lines_whatever_happens() {
        let mut scene = scene();
        scene.notes = vec![(0, String::new()); NOTES];
        assert_eq!(screen(true).lines(&scene).len(), usize::from(HEIGHT) - 1);
        assert_eq!(screen(true).lines(&Scene::default()).len(), usize::from(HEIGHT) - 1);
    }

    #[test]
    fn the_parts_of_a_bar_always_fill_it() {
        let plain = |_: &str, text: &str| text.to_owned();
        for students in 1..50 {
            for complete in 0..=students {
                let row = Progress { students, complete, open: students - complete, ..Progress::default() };
                assert_eq!(bar(&row, 16, &plain).chars().count(), 16);
                assert_eq!(bar(&row, 16, &plain).contains('·'), complete < students, "{complete} of {students}");
            }
        }
    }
}
