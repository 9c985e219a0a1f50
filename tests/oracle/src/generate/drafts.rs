//! Records before they are written as lines: those that views.md accepts.

use super::text::{nested, object, quote, time, Members};
use super::{Dice, World};
use crate::folder::VALUE_BYTES_MAX;
use crate::keys::composite;
use crate::time::DAY_MS;

/// A record before it is a line.
#[derive(Debug, Clone)]
pub struct Draft {
    pub topic: &'static str,
    pub key: String,
    /// The fields of the value; none for a null.
    pub members: Option<Members>,
    pub ts: Option<i64>,
}

impl Draft {
    /// A record of any topic, most of them submissions.
    pub fn any(dice: &mut Dice, world: &World) -> Draft {
        let (student, class) = *dice.pick(&world.enrolled_or_any());
        let number = dice.below(world.assignments.len());
        match dice.below(1000) {
            0..550 => submission(dice, world),
            550..660 => enrolment(dice, world, student, class).or_null(dice),
            660..760 => assignment(dice, world, number).or_null(dice),
            760..930 => review(dice, world).or_null(dice),
            930..993 => policy(dice, world).or_null(dice),
            _ => erasure(dice, world),
        }
    }

    /// Now and then a null for the same key.
    fn or_null(mut self, dice: &mut Dice) -> Draft {
        if dice.chance(8) {
            self.members = None;
        }
        self
    }

    pub fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        self.members.get_or_insert_with(Vec::new).push((name.to_string(), value));
    }

    pub fn remove(&mut self, name: &str) {
        self.members.get_or_insert_with(Vec::new).retain(|(known, _)| known != name);
    }

    /// The line as it stands in a partition, without its LF.
    pub fn line(&self, dice: &mut Dice) -> Vec<u8> {
        let members = self.members.clone().map(|members| decorated(dice, members));
        let mut line = self.envelope(dice);
        match members {
            None if dice.chance(50) => {}
            None => line.push(("value".into(), "null".into())),
            Some(members) => {
                let value = object(dice, &members);
                let value = if dice.chance(10) {
                    let padded = value.replacen('{', "{\n", 1) + " \n";
                    ("raw".to_string(), quote(dice, &padded))
                } else {
                    ("value".to_string(), value)
                };
                line.push(value);
            }
        }
        object(dice, &line).into_bytes()
    }

    /// Everything of the line but its value.
    pub fn envelope(&self, dice: &mut Dice) -> Members {
        let mut line = Members::new();
        let is_upsert = !matches!(self.topic, "submissions" | "erasures");
        match dice.below(100) {
            0..5 if !is_upsert => {}
            5..10 if !is_upsert => line.push(("key".into(), "null".into())),
            10..15 if !is_upsert => line.push(("key".into(), quote(dice, "some other key"))),
            _ => line.push(("key".into(), quote(dice, &self.key))),
        }
        match self.ts {
            Some(ts) => line.push(("ts".into(), ts.to_string())),
            None if dice.chance(10) => line.push(("ts".into(), "null".into())),
            None => {}
        }
        if dice.chance(5) {
            line.push(("headers".into(), r#"{"trace":["x"],"trace":1}"#.into()));
        }
        line
    }
}

/// Adds what must be ignored: unknown fields, even ones that are odd, as long as they are JSON.
fn decorated(dice: &mut Dice, mut members: Members) -> Members {
    let mut unknown = |name: &str, value: String| members.push((name.to_string(), value));
    match dice.below(60) {
        0 => unknown("device", quote(dice, "Телефон \"x\"\u{1}")),
        1 => unknown("extra", "1e400".into()),
        2 => {
            unknown("twice", "1".into());
            unknown("twice", "{}".into());
        }
        3 => unknown("deep", nested(127)),
        4 => unknown("Page", "-0.0e-7".into()),
        _ => {}
    }
    members
}

impl World {
    fn enrolled_or_any(&self) -> Vec<(usize, usize)> {
        let mut pairs = self.enrolled.clone();
        pairs.push((0, 0));
        pairs.push((self.students.len() - 1, self.classes.len() - 1));
        pairs
    }

    /// A student, and mostly an assignment of a class that this student is in, and mostly one of its pages.
    fn page(&self, dice: &mut Dice) -> (String, String, i64) {
        let (student, class) = *dice.pick(&self.enrolled_or_any());
        let of_class: Vec<_> = self.assignments.iter().filter(|a| a.class == class).collect();
        // Some homework is done by nearly everybody, some by few: else nothing would be open or overdue.
        let popular = dice.below(of_class.len()).min(dice.below(of_class.len()));
        let assignment = match dice.chance(90) {
            true => of_class[popular],
            false => dice.pick(&self.assignments),
        };
        let page = match dice.below(100) {
            0..4 => assignment.pages + 1,
            4 => 1000,
            _ => dice.between(1, assignment.pages),
        };
        (self.students[student].clone(), assignment.id.clone(), page)
    }
}

fn member(name: &str, value: String) -> (String, String) {
    (name.to_string(), value)
}

fn id_member(dice: &mut Dice, name: &str, id: &str) -> (String, String) {
    member(name, quote(dice, id))
}

/// An optional field: there in so many percent, else absent or null.
fn maybe(dice: &mut Dice, members: &mut Members, name: &str, percent: u64, value: impl FnOnce(&mut Dice) -> String) {
    if dice.chance(percent) {
        let value = value(dice);
        members.push(member(name, value));
    } else if dice.chance(10) {
        members.push(member(name, "null".into()));
    }
}

fn any_ts(dice: &mut Dice, world: &World) -> Option<i64> {
    dice.chance(60).then(|| world.instant(dice))
}

pub fn submission(dice: &mut Dice, world: &World) -> Draft {
    let (student, assignment, page) = world.page(dice);
    // The earlier of two for half of them, so that a good part is in time.
    let uploaded_at = match dice.chance(50) {
        true => world.instant(dice).min(world.instant(dice)),
        false => world.instant(dice),
    };
    let ts = match dice.below(10) {
        0..4 => None,
        4 => Some((uploaded_at - DAY_MS).max(0)),
        _ => Some(uploaded_at + dice.between(0, 3 * DAY_MS)),
    };
    let submission_id = dice.pick(&world.submission_ids).clone();
    let members = vec![
        id_member(dice, "submission_id", &submission_id),
        id_member(dice, "student_id", &student),
        id_member(dice, "assignment_id", &assignment),
        member("page", page.to_string()),
        member("photo", photo(dice, world)),
        member("uploaded_at", time(dice, uploaded_at)),
    ];
    Draft { topic: "submissions", key: student, members: Some(members), ts }
}

/// The same upload once more: the very same, or one that ties with it in all but its photo, or in its time only.
pub fn twin(dice: &mut Dice, world: &World, submission: &Draft) -> Draft {
    let mut twin = submission.clone();
    if dice.chance(70) {
        twin.set("photo", photo(dice, world));
    }
    if dice.chance(25) {
        let submission_id = dice.pick(&world.submission_ids).clone();
        twin.set("submission_id", quote(dice, &submission_id));
    }
    twin
}

/// A photo of few: its version may be an etag in any dress, a hash in either case, or nothing.
pub fn photo(dice: &mut Dice, world: &World) -> String {
    const SHA: &str = "0123456789abcdefABCDEF0123456789abcdef0123456789ABCDEF0123456789";
    let uri = dice.pick(&world.uris).clone();
    let etags = ["v1", "\"v1\"", "\"\"v1\"", "v2", "\"\"", "", "\"", "W/\"v1\"", "é,\"\"x"];
    let mut members = vec![id_member(dice, "uri", &uri)];
    maybe(dice, &mut members, "etag", 50, |dice| {
        let etag = dice.pick(&etags).to_string();
        quote(dice, &etag)
    });
    maybe(dice, &mut members, "sha256", 30, |dice| match dice.below(3) {
        0 => quote(dice, SHA),
        1 => quote(dice, &SHA.to_lowercase()),
        _ => quote(dice, &SHA.to_uppercase()),
    });
    maybe(dice, &mut members, "bytes", 30, |dice| dice.pick(&["0", "3500000", "9007199254740992"]).to_string());
    if dice.chance(3) {
        members.push(member("width", "[{}]".into()));
    }
    object(dice, &members)
}

pub fn enrolment(dice: &mut Dice, world: &World, student: usize, class: usize) -> Draft {
    let (student, class) = (&world.students[student], &world.classes[class]);
    let school = dice.pick(&world.schools).clone();
    let mut members = vec![
        id_member(dice, "student_id", student),
        id_member(dice, "class_id", class),
        id_member(dice, "school_id", &school),
    ];
    maybe(dice, &mut members, "since", 30, |dice| {
        let since = world.instant(dice).min(world.instant(dice));
        time(dice, since)
    });
    let key = composite(&[student, class]);
    Draft { topic: "enrolments", key, members: Some(members), ts: any_ts(dice, world) }
}

pub fn assignment(dice: &mut Dice, world: &World, number: usize) -> Draft {
    let home = &world.assignments[number];
    let class = if dice.chance(95) { &world.classes[home.class] } else { dice.pick(&world.classes) };
    let subject = dice.pick(&world.subjects).clone();
    let pages = if dice.chance(85) { home.pages } else { dice.between(1, 4) };
    // The later of two for half of them, so that a good part of the uploads is in time.
    let due_at = match dice.chance(50) {
        true => world.instant(dice).max(world.instant(dice)),
        false => world.instant(dice),
    };
    let mut members = vec![
        id_member(dice, "assignment_id", &home.id),
        id_member(dice, "class_id", class),
        id_member(dice, "subject", &subject),
        member("pages", pages.to_string()),
        member("due_at", time(dice, due_at)),
    ];
    maybe(dice, &mut members, "title", 30, |dice| quote(dice, "Blatt 3,\n\"Brüche\" \u{7}"));
    maybe(dice, &mut members, "opens_at", 40, |dice| {
        let opens_at = match dice.chance(20) {
            true => world.now_ms,
            false => world.instant(dice).min(world.instant(dice)),
        };
        time(dice, opens_at)
    });
    maybe(dice, &mut members, "complete_from_bp", 40, |dice| {
        dice.pick(&["1", "499", "500", "501", "7999", "8000", "8001", "10000"]).to_string()
    });
    maybe(dice, &mut members, "template", 30, |dice| template(dice, world));
    let key = home.id.clone();
    Draft { topic: "assignments", key, members: Some(members), ts: any_ts(dice, world) }
}

fn template(dice: &mut Dice, world: &World) -> String {
    let mut entries = Vec::new();
    for page in 1..=dice.between(0, 3) {
        let mut members = vec![member("page", page.to_string()), member("photo", photo(dice, world))];
        maybe(dice, &mut members, "areas", 60, |dice| {
            let areas = ["[]", "[[0,0,10000,10000]]", "[[1,2,3,4],[9999,0,1,1]]", "[ [0,0,0,0] ]"];
            dice.pick(&areas).to_string()
        });
        entries.push(object(dice, &members));
    }
    format!("[{}]", entries.join(","))
}

pub fn review(dice: &mut Dice, world: &World) -> Draft {
    let (student, assignment, page) = world.page(dice);
    let status = *dice.pick(&["complete", "complete", "partial", "blank", "unusable"]);
    let reviewer = dice.pick(&["ms frizzle", "r,2", "\u{2029}"]).to_string();
    let reviewed_at = world.instant(dice);
    let mut members = vec![
        id_member(dice, "student_id", &student),
        id_member(dice, "assignment_id", &assignment),
        member("page", page.to_string()),
        id_member(dice, "status", status),
        id_member(dice, "reviewer", &reviewer),
        member("reviewed_at", time(dice, reviewed_at)),
    ];
    maybe(dice, &mut members, "completion_bp", 50, |dice| dice.between(0, 10_000).to_string());
    let key = composite(&[&student, &assignment, &page.to_string()]);
    Draft { topic: "reviews", key, members: Some(members), ts: any_ts(dice, world) }
}

pub fn policy(dice: &mut Dice, world: &World) -> Draft {
    let scope = match dice.below(5) {
        0 => "*".to_string(),
        1 | 2 => format!("school:{}", dice.pick(&world.schools)),
        _ => format!("class:{}", dice.pick(&world.classes)),
    };
    let live = dice.pick(&world.models).clone();
    let shadow = dice.pick(&world.models).clone();
    let mut members = vec![id_member(dice, "scope", &scope), id_member(dice, "live", &live)];
    maybe(dice, &mut members, "shadow", 60, |dice| quote(dice, &shadow));
    maybe(dice, &mut members, "canary", 50, |dice| {
        let model = dice.pick(&world.models).clone();
        let percent = canary_percent(dice, world, &scope).to_string();
        let canary = vec![id_member(dice, "model", &model), member("percent", percent)];
        object(dice, &canary)
    });
    Draft { topic: "models", key: scope, members: Some(members), ts: any_ts(dice, world) }
}

/// A percent, half of them just one that a student's hash meets.
fn canary_percent(dice: &mut Dice, world: &World, scope: &str) -> u64 {
    let student = dice.pick(&world.students);
    let bucket = xxhash_rust::xxh3::xxh3_64(format!("{scope}\0{student}").as_bytes()) % 100;
    match dice.below(4) {
        0 => bucket,
        1 => bucket + 1,
        _ => *dice.pick(&[0, 1, 30, 50, 99, 100]),
    }
}

/// Of the last tenth of the students only, so that there is somebody left; and of one whom nothing else names.
pub fn erasure(dice: &mut Dice, world: &World) -> Draft {
    let count = world.students.len();
    let student = match dice.below(4) {
        0 => "nobody".to_string(),
        _ => world.students[count - 1 - dice.below(count.div_ceil(10))].clone(),
    };
    let requested_at = world.instant(dice);
    let members = vec![id_member(dice, "student_id", &student), member("requested_at", time(dice, requested_at))];
    Draft { topic: "erasures", key: student, members: Some(members), ts: any_ts(dice, world) }
}

/// Writes a draft as a line.
type Writer = fn(&Draft, &mut Dice) -> Vec<u8>;

/// Values of exactly 1 MiB and of one byte more, and one that is as large only for its white space.
pub fn about_1_mib(dice: &mut Dice, world: &World) -> Vec<(Draft, Writer)> {
    vec![
        (submission(dice, world), |draft, _| padded(draft, VALUE_BYTES_MAX).into_bytes()),
        (submission(dice, world), |draft, _| padded(draft, VALUE_BYTES_MAX + 1).into_bytes()),
        (submission(dice, world), |draft, _| {
            let blank = format!("\"value\":{}{{", " ".repeat(VALUE_BYTES_MAX));
            padded(draft, 2000).replacen("\"value\":{", &blank, 1).into_bytes()
        }),
    ]
}

/// The line whose value has so many bytes of compact JSON, written compactly and without an escape.
fn padded(draft: &Draft, bytes: usize) -> String {
    let compact = |pad: usize| {
        format!(
            "{{\"submission_id\":\"large\",\"student_id\":\"student1\",\"assignment_id\":\"assignment1\",\"page\":1,\
             \"photo\":{{\"uri\":\"s3://pages/3.jpg\"}},\"uploaded_at\":{},\"pad\":\"{}\"}}",
            draft.ts.unwrap_or(1_795_000_000_000),
            "p".repeat(pad)
        )
    };
    let value = compact(bytes - compact(0).len());
    format!("{{\"key\":\"student1\",\"value\":{value}}}")
}
