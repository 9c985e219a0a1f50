//! The story: three classes of some forty students, six homeworks, one minute, and nine things that do not go as planned.
//!
//! A pure function of when it begins and how long it takes: the same story every time.

use inkflow_oracle::Dice;
use serde_json::{json, Value};
use std::collections::BTreeSet;

/// The school of all three classes.
const SCHOOL: &str = "riverside";
/// The classes and how many students each has.
const CLASSES: [(&str, usize); 3] = [("7a", 40), ("7b", 41), ("7c", 39)];
/// The story is told in seconds of a minute, whatever time it takes.
const MINUTE_MS: i64 = 60_000;
/// Nobody hands in anything after this.
const LAST_UPLOAD_S: f64 = 57.0;
/// A page counts as complete from here on. Lower than the 8000 of a flow that says nothing: the demo's small model is
/// trained on drawn pages for minutes, and its readings scatter.
const COMPLETE_FROM_BP: i64 = 6000;
const DAY_S: f64 = 86_400.0;
/// A demo photo of a finished page, and one of a page that was begun: the model is sure of both.
const FINISHED: &str = "0006.jpg";
const BEGUN: &str = "0032.jpg";

/// What is in the folder of demo photos, by what is on them.
#[derive(Clone, Debug, Default)]
pub struct Album {
    /// Finished, or nearly.
    pub done: Vec<String>,
    /// Begun.
    pub begun: Vec<String>,
    /// Empty, or nearly.
    pub blank: Vec<String>,
    /// Blurred, dark, cropped, or no page at all.
    pub unfit: Vec<String>,
}

impl Album {
    /// Of `truth.csv`: file, quality, completion, ...
    pub fn of(truth: &str) -> Album {
        let mut album = Album::default();
        for line in truth.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let [file, quality, completion, ..] = fields[..] else {
                continue;
            };
            let shelf = match (quality, completion.parse::<f64>()) {
                ("ok", Ok(completion)) if completion >= 0.8 => &mut album.done,
                ("ok", Ok(completion)) if completion >= 0.05 => &mut album.begun,
                ("ok", _) => &mut album.blank,
                _ => &mut album.unfit,
            };
            shelf.push(file.to_owned());
        }
        album
    }
}

/// A line for a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The topic.
    pub topic: &'static str,
    /// Its partition.
    pub partition: u32,
    /// The line, without its end.
    pub line: String,
}

/// What lies under a uri.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A demo photo, byte for byte.
    Copy(String),
    /// A demo photo with a comment in it, so that no other photo has its bytes.
    Own(String),
    /// Half a demo photo.
    Half(String),
    /// Text.
    Text(&'static str),
    /// Nothing: the photo never arrived.
    Missing,
}

/// A page: student, assignment, number.
pub type Page = (String, &'static str, i64);

/// What came of a thing that happened: where to look.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// The page's row.
    Page(Page),
    /// What is left of a student.
    Student(&'static str),
    /// How many are on time.
    OnTime(&'static str),
    /// How many records were refused.
    Rejected,
}

/// Something happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in milliseconds after the beginning.
    pub at_ms: i64,
    /// A photo that arrives first: its uri and what lies there.
    pub photo: Option<(String, Content)>,
    /// Then these records.
    pub records: Vec<Record>,
    /// What to tell about it.
    pub note: Option<(String, Look)>,
    /// A due date that it sets: the assignment's id, and milliseconds after the beginning.
    pub due: Option<(&'static str, i64)>,
}

/// A homework.
#[derive(Clone, Copy, Debug)]
pub struct Homework {
    /// Its id.
    pub id: &'static str,
    /// Its class.
    pub class: &'static str,
    /// Its subject.
    pub subject: &'static str,
    /// Its title.
    pub title: &'static str,
    /// How many pages it has.
    pub pages: i64,
    /// When it is due, in the story's seconds; as first told.
    due_s: f64,
    /// Until when students take it to be due.
    believed_s: f64,
}

/// All of them. The due date of 7b's Fractions is a mistake, which is corrected later.
pub const HOMEWORK: [Homework; 6] = [
    homework("7a-fractions", "7a", "mathematics", "Fractions", 2, 46.0, 46.0),
    homework("7a-leaves", "7a", "biology", "Leaves", 1, DAY_S, LAST_UPLOAD_S),
    homework("7b-fractions", "7b", "mathematics", "Fractions", 2, 20.0, MISTAKEN_S),
    homework("7b-a-letter", "7b", "english", "A letter", 1, 40.0, 40.0),
    homework("7c-fractions", "7c", "mathematics", "Fractions", 2, 52.0, 52.0),
    homework("7c-the-nile", "7c", "history", "The Nile", 1, 30.0, 30.0),
];

/// When 7b's Fractions was meant to be due.
const MISTAKEN_S: f64 = 50.0;

const fn homework(
    id: &'static str,
    class: &'static str,
    subject: &'static str,
    title: &'static str,
    pages: i64,
    due_s: f64,
    believed_s: f64,
) -> Homework {
    Homework { id, class, subject, title, pages, due_s, believed_s }
}

/// The story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Who goes to which class. Known before it begins.
    pub rosters: Vec<Record>,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// How long it takes.
    pub length_ms: i64,
}

/// Tells the story that begins at `start_ms` and takes `length_ms`.
pub fn tell(album: &Album, start_ms: i64, length_ms: i64) -> Scenario {
    let mut teller = Teller {
        album,
        dice: Dice::new(7),
        start_ms,
        length_ms,
        uploads: 0,
        special: BTreeSet::new(),
        events: Vec::new(),
    };
    let rosters = CLASSES.iter().flat_map(|(class, size)| (1..=*size).map(|n| teller.enrolment(class, n))).collect();
    for homework in HOMEWORK {
        teller.set(0.0, &homework, homework.due_s, None);
    }
    teller.mishaps();
    for homework in HOMEWORK {
        let size = CLASSES.iter().find(|(class, _)| *class == homework.class).map_or(0, |(_, size)| *size);
        for number in 1..=size {
            teller.hand_in(&homework, number);
        }
    }
    let mut events = teller.events;
    events.sort_by_key(|event| event.at_ms);
    Scenario { rosters, events, length_ms }
}

struct Teller<'a> {
    album: &'a Album,
    dice: Dice,
    start_ms: i64,
    length_ms: i64,
    uploads: u32,
    /// Whose homework is part of a mishap, and told there.
    special: BTreeSet<(String, &'static str)>,
    events: Vec<Event>,
}

fn student(class: &str, number: usize) -> String {
    format!("{class}-{number:02}")
}

/// Submissions have a partition for each class.
fn partition(class: &str) -> u32 {
    CLASSES.iter().position(|(name, _)| *name == class).unwrap_or(0) as u32
}

fn homework_of(id: &str) -> &'static Homework {
    HOMEWORK.iter().find(|homework| homework.id == id).unwrap_or(&HOMEWORK[0])
}

impl Teller<'_> {
    /// A time of the story, in milliseconds after the beginning.
    fn after_ms(&self, seconds: f64) -> i64 {
        if seconds >= DAY_S {
            return (seconds * 1000.0) as i64;
        }
        (seconds / 60.0 * self.length_ms as f64) as i64
    }

    fn enrolment(&self, class: &str, number: usize) -> Record {
        let student = student(class, number);
        let value = json!({"student_id": student, "class_id": class, "school_id": SCHOOL});
        record("enrolments", 0, &format!("{student}|{class}"), &value, self.start_ms)
    }

    fn tell(
        &mut self,
        at_s: f64,
        photo: Option<(String, Content)>,
        records: Vec<Record>,
        note: Option<(String, Look)>,
    ) {
        let at_ms = self.after_ms(at_s);
        self.events.push(Event { at_ms, photo, records, note, due: None });
    }

    /// An assignment is made, or changed.
    fn set(&mut self, at_s: f64, homework: &Homework, due_s: f64, note: Option<(String, Look)>) {
        let Homework { id, class, subject, title, pages, .. } = *homework;
        let (at_ms, due_ms) = (self.after_ms(at_s), self.after_ms(due_s));
        let value = json!({
            "assignment_id": id, "class_id": class, "subject": subject, "title": title, "pages": pages,
            "due_at": self.start_ms + due_ms, "complete_from_bp": COMPLETE_FROM_BP,
        });
        let records = vec![record("assignments", 0, id, &value, self.start_ms + at_ms)];
        self.events.push(Event { at_ms, photo: None, records, note, due: Some((id, due_ms)) });
    }

    /// A photo is taken and handed in. Returns the record, which a queue may bring again.
    fn upload(
        &mut self,
        at_s: f64,
        (student, assignment, page): Page,
        content: Content,
        note: Option<String>,
    ) -> Record {
        self.uploads += 1;
        let at = self.start_ms + self.after_ms(at_s);
        let class = homework_of(assignment).class;
        let uri = format!("{class}/{student}-{}-p{page}-{:03}.jpg", &assignment[3..], self.uploads);
        let value = json!({
            "submission_id": format!("upload-{:03}", self.uploads), "student_id": student, "assignment_id": assignment,
            "page": page, "photo": {"uri": uri}, "uploaded_at": at,
        });
        let record = record("submissions", partition(class), &student, &value, at);
        let note = note.map(|text| (text, Look::Page((student, assignment, page))));
        self.tell(at_s, Some((uri, content)), vec![record.clone()], note);
        record
    }

    /// What an ordinary student hands in.
    fn hand_in(&mut self, homework: &Homework, number: usize) {
        let student = student(homework.class, number);
        if self.special.contains(&(student.clone(), homework.id)) || self.dice.chance(5) {
            return;
        }
        let due = homework.believed_s.min(LAST_UPLOAD_S);
        let late = self.dice.chance(9) && due < LAST_UPLOAD_S - 2.0;
        let (from, to) = if late { (due, LAST_UPLOAD_S) } else { (1.0, due - 0.5) };
        let mut at = from + (to - from) * self.dice.below(1000) as f64 / 1000.0;
        for page in 1..=homework.pages {
            if page > 1 && self.dice.chance(4) {
                return; // The second page was forgotten.
            }
            let again = self.dice.chance(7);
            let content = if again { self.poor() } else { self.ordinary() };
            self.upload(at.min(LAST_UPLOAD_S), (student.clone(), homework.id, page), content, None);
            if again {
                let later = (at + 4.0 + self.dice.below(60) as f64 / 10.0).min(LAST_UPLOAD_S);
                let content = self.done();
                self.upload(later, (student.clone(), homework.id, page), content, None);
            }
            at += 0.3 + self.dice.below(12) as f64 / 10.0;
        }
    }

    fn ordinary(&mut self) -> Content {
        let album = self.album;
        let file = match self.dice.below(100) {
            0..=81 => return self.done(),
            82..=93 => self.dice.pick(&album.begun),
            94..=96 => self.dice.pick(&album.blank),
            _ => self.dice.pick(&album.unfit),
        };
        Content::Own(file.clone())
    }

    fn done(&mut self) -> Content {
        let album = self.album;
        let file = self.dice.pick(&album.done).clone();
        // A third are photos that others hand in too: their bytes have been read before.
        if self.dice.chance(33) {
            Content::Copy(file)
        } else {
            Content::Own(file)
        }
    }

    /// A photo that is better taken again.
    fn poor(&mut self) -> Content {
        let album = self.album;
        let shelf = if self.dice.chance(50) { &album.unfit } else { &album.begun };
        Content::Own(self.dice.pick(shelf).clone())
    }

    /// What does not go as planned.
    fn mishaps(&mut self) {
        let page = |student: &str, assignment: &'static str, page| (student.to_owned(), assignment, page);
        let (done, begun) = (FINISHED.to_owned(), BEGUN.to_owned());
        self.special.extend(
            [
                ("7a-05", "7a-leaves"),
                ("7b-11", "7b-a-letter"),
                ("7c-03", "7c-the-nile"),
                ("7a-09", "7a-leaves"),
                ("7a-17", "7a-fractions"),
                ("7a-31", "7a-fractions"),
                ("7c-22", "7c-fractions"),
                ("7c-22", "7c-the-nile"),
            ]
            .map(|(student, assignment)| (student.to_owned(), assignment)),
        );

        let say = |text: &str| Some(text.to_owned());
        self.upload(
            6.0,
            page("7a-05", "7a-leaves", 1),
            Content::Half(done.clone()),
            say("7a-05's photo broke off on its way"),
        );
        let text = "Dear teacher, this is my letter. I could not find the camera.\n";
        self.upload(
            11.0,
            page("7b-11", "7b-a-letter", 1),
            Content::Text(text),
            say("7b-11 hands in a text file called .jpg"),
        );
        self.upload(16.0, page("7c-03", "7c-the-nile", 1), Content::Missing, say("7c-03's photo never arrived"));

        // What is no JSON has no student either: anybody's key.
        let raw = r#"{"submission_id": "upload-x", "student_id": "7b-30", "page": NaN}"#;
        let line = json!({"key": "7b-30", "raw": raw, "ts": self.start_ms + self.after_ms(22.0)}).to_string();
        let refused = Record { topic: "submissions", partition: partition("7b"), line };
        self.tell(22.0, None, vec![refused], Some(("a record comes that is no JSON".to_owned(), Look::Rejected)));

        // Handed in, handed in again better, and then the queue brings the first one once more.
        let leaves = page("7a-09", "7a-leaves", 1);
        let first = self.upload(12.0, leaves.clone(), Content::Own(begun.clone()), None);
        self.upload(20.0, leaves.clone(), Content::Copy(done.clone()), None);
        let note = ("7a-09's first upload is delivered again".to_owned(), Look::Page(leaves));
        self.tell(28.0, None, vec![first], Some(note));

        let corrected = ("the due date of 7b's Fractions is corrected".to_owned(), Look::OnTime("7b-fractions"));
        self.set(34.0, homework_of("7b-fractions"), MISTAKEN_S, Some(corrected));

        let reviewed = page("7a-17", "7a-fractions", 1);
        self.upload(8.0, reviewed.clone(), Content::Own(begun), None);
        self.upload(9.0, page("7a-17", "7a-fractions", 2), Content::Own(done.clone()), None);
        let at = self.start_ms + self.after_ms(41.0);
        let value = json!({
            "student_id": "7a-17", "assignment_id": "7a-fractions", "page": 1, "status": "complete",
            "reviewer": "ms-wong", "reviewed_at": at,
        });
        let review = record("reviews", 0, "7a-17|7a-fractions|1", &value, at);
        let note = ("the teacher reviews 7a-17's page 1".to_owned(), Look::Page(reviewed));
        self.tell(41.0, None, vec![review], Some(note));

        self.upload(48.0, page("7a-31", "7a-fractions", 1), Content::Own(done.clone()), None);
        self.upload(48.5, page("7a-31", "7a-fractions", 2), Content::Own(done.clone()), say("7a-31 hands in late"));

        self.upload(5.0, page("7c-22", "7c-the-nile", 1), Content::Own(done.clone()), None);
        self.upload(15.0, page("7c-22", "7c-fractions", 1), Content::Own(done.clone()), None);
        self.upload(16.0, page("7c-22", "7c-fractions", 2), Content::Own(done), None);
        let at = self.start_ms + self.after_ms(54.0);
        let erasure = record("erasures", 0, "7c-22", &json!({"student_id": "7c-22", "requested_at": at}), at);
        let note = ("7c-22 asks to be forgotten".to_owned(), Look::Student("7c-22"));
        self.tell(54.0, None, vec![erasure], Some(note));
    }
}

fn record(topic: &'static str, partition: u32, key: &str, value: &Value, ts: i64) -> Record {
    Record { topic, partition, line: json!({"key": key, "value": value, "ts": ts}).to_string() }
}

/// The story's length, where nobody says otherwise.
pub const LENGTH_MS: i64 = MINUTE_MS;

#[cfg(test)]
mod tests {
    use super::*;

    fn album() -> Album {
        Album::of("file,quality,completion,kind,medium\na.jpg,ok,1.0,form,photo\nb.jpg,ok,0.4,form,photo\nc.jpg,ok,0.0,form,scan\nd.jpg,dark,,form,photo\n")
    }

    #[test]
    fn photos_are_told_apart_by_what_is_on_them() {
        let Album { done, begun, blank, unfit } = album();
        assert_eq!([done, begun, blank, unfit], ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].map(|file| vec![file.to_owned()]));
    }

    #[test]
    fn the_story_is_the_same_every_time_and_in_order() {
        let (one, two) = (tell(&album(), 1_000, LENGTH_MS), tell(&album(), 1_000, LENGTH_MS));
        assert_eq!(one.events, two.events);
        assert!(one.events.is_sorted_by_key(|event| event.at_ms));
        assert!(one.events.iter().all(|event| (0..LENGTH_MS).contains(&event.at_ms)));
        assert_eq!(one.rosters.len(), 120);
    }

    #[test]
    fn it_has_all_that_is_promised() {
        let story = tell(&album(), 0, LENGTH_MS);
        let count = |want: fn(&Content) -> bool| {
            story.events.iter().filter_map(|event| event.photo.as_ref()).filter(|(_, content)| want(content)).count()
        };
        let photos = count(|_| true);
        assert!((300..420).contains(&photos), "{photos} photos");
        assert_eq!(count(|content| *content == Content::Missing), 1);
        assert_eq!(count(|content| matches!(content, Content::Half(_))), 1);
        assert_eq!(count(|content| matches!(content, Content::Text(_))), 1);
        assert!(count(|content| matches!(content, Content::Copy(_))) > photos / 5);
        assert_eq!(story.events.iter().filter(|event| event.note.is_some()).count(), 9);
        for topic in ["assignments", "submissions", "reviews", "erasures"] {
            assert!(
                story.events.iter().flat_map(|event| &event.records).any(|record| record.topic == topic),
                "{topic}"
            );
        }
    }

    #[test]
    fn a_shorter_one_is_the_same_told_faster() {
        let (long, short) = (tell(&album(), 0, LENGTH_MS), tell(&album(), 0, LENGTH_MS / 4));
        assert_eq!(long.events.len(), short.events.len());
        assert!(short.events.iter().all(|event| event.at_ms < LENGTH_MS / 4));
    }
}
