//! Who and what a history is about: ids, photos and instants, few of each, many of them awkward.

use super::Dice;
use crate::time::{DAY_MS, END_MS};

pub struct World {
    pub now_ms: i64,
    pub students: Vec<String>,
    pub classes: Vec<String>,
    pub schools: Vec<String>,
    pub subjects: Vec<String>,
    pub submission_ids: Vec<String>,
    pub assignments: Vec<HomeAssignment>,
    /// Who is usually enrolled where, as positions in `students` and `classes`.
    pub enrolled: Vec<(usize, usize)>,
    pub uris: Vec<String>,
    pub models: Vec<String>,
    /// Instants that records share, so that they meet exactly.
    pub instants: Vec<i64>,
}

/// What an assignment is in most of its records.
pub struct HomeAssignment {
    pub id: String,
    /// Its position in `classes`.
    pub class: usize,
    pub pages: i64,
}

/// Ids that break naive code: of CSV, of composite keys, of byte order against UTF-16 order, of trimming, of normalising.
const AWKWARD: [&str; 22] = [
    "a,b",
    "say \"hi\"",
    "50%",
    "p|q",
    "%7C",
    "%25",
    "|",
    "学生",
    "é",
    "e\u{301}",
    " lead",
    "trail ",
    "🙂",
    "Ａ",
    "*",
    "school:1",
    "null",
    "-1",
    "=1+1",
    "\u{2028}",
    "\u{feff}bom",
    "c:\\d/e'f",
];

/// A name that no other number has, awkward for a third of them; number 0 is as long as an id may be.
fn name(dice: &mut Dice, kind: &str, number: usize) -> String {
    let long = |unit: &str, count: usize| kind[..1].to_string() + &unit.repeat(count);
    match number {
        0 if dice.chance(50) => long("L", 199),
        0 => long("é", 99) + "z",
        _ if dice.chance(33) => format!("{}{number}", dice.pick(&AWKWARD)),
        _ => format!("{kind}{number}"),
    }
}

fn names(dice: &mut Dice, kind: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| name(dice, kind, number)).collect()
}

impl World {
    pub fn new(dice: &mut Dice, records: usize) -> World {
        let now_ms = 1_795_000_000_000 + dice.between(0, 40 * DAY_MS);
        let students = names(dice, "student", (records / 50).clamp(3, 300));
        let class_count = 2 + dice.below(4) + records / 1500;
        let classes = names(dice, "class", class_count);
        let enrolled = (0..students.len())
            .flat_map(|student| [(student, student), (student, student + 1)])
            .map(|(student, class)| (student, class % classes.len()))
            .filter(|_| dice.chance(75))
            .collect();
        let assignments = names(dice, "assignment", classes.len() * 4)
            .into_iter()
            .enumerate()
            .map(|(number, id)| HomeAssignment { id, class: number % classes.len(), pages: *dice.pick(&[1, 1, 2, 3]) })
            .collect();
        World {
            now_ms,
            students,
            classes,
            schools: names(dice, "school", 3),
            subjects: names(dice, "maths", 3),
            submission_ids: names(dice, "upload", 12),
            assignments,
            enrolled,
            uris: uris(dice, (records / 6).clamp(4, 5000)),
            models: ["recorded@1", "page@1", "page@2", "modèle,\"x\"|%@β"].map(String::from).to_vec(),
            instants: instants(dice, now_ms),
        }
    }

    /// An instant of this world, or one a millisecond beside it.
    pub fn instant(&self, dice: &mut Dice) -> i64 {
        let instant = *dice.pick(&self.instants) + *dice.pick(&[0, 0, 0, 0, 1, -1]);
        match dice.below(150) {
            0 => 0,
            1 => END_MS - 1,
            _ => instant,
        }
    }
}

fn uris(dice: &mut Dice, count: usize) -> Vec<String> {
    let uri = |number: usize| match number % 9 {
        0 if number == 0 => "s3://pages/".to_string() + &"x".repeat(2037),
        1 => format!("s3://pages/{number},\"quoted\".jpg"),
        2 => format!("https://例え.example/{number}?a=1&b=%20"),
        _ if dice.chance(10) => format!("{number} not a uri at all"),
        _ => format!("s3://pages/{number}.jpg"),
    };
    (0..count).map(uri).collect()
}

/// `now`, the bounds of the recent windows, midnights, and a few instants of the last weeks and the next days.
fn instants(dice: &mut Dice, now_ms: i64) -> Vec<i64> {
    let midnight = now_ms - now_ms % DAY_MS;
    let mut instants =
        vec![now_ms, now_ms - 7 * DAY_MS, now_ms - 30 * DAY_MS, now_ms - DAY_MS, midnight, midnight - 3 * DAY_MS];
    for _ in 0..14 {
        instants.push(now_ms - dice.between(0, 40 * DAY_MS));
    }
    for _ in 0..5 {
        instants.push(now_ms + dice.between(0, 10 * DAY_MS));
    }
    instants
}
