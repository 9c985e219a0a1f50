//! Random histories, as hostile as views.md allows: small spaces of ids, times and photos, so that everything collides with
//! everything, and every kind of record that must be refused among those that must not.

mod answers;
mod dice;
mod drafts;
mod spoil;
mod text;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use crate::folder::Folder;
use crate::Result;

pub use dice::Dice;
use drafts::Draft;
use world::World;

/// How much there is in a history.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Records over all topics, refused ones among them.
    pub records: usize,
}

/// Writes the history of `seed` below `out`, with its `now` in milliseconds also in `out/now.txt`, and returns that `now`.
/// The same seed and size give the same bytes.
pub fn history(seed: u64, size: Size, out: &Path) -> Result<i64> {
    let (folder, now_ms) = history_folder(seed, size);
    folder.write(out)?;
    std::fs::write(out.join("now.txt"), format!("{now_ms}\n"))?;
    Ok(now_ms)
}

/// [`history`], in memory.
pub fn history_folder(seed: u64, size: Size) -> (Folder, i64) {
    let mut dice = Dice::new(seed);
    let world = World::new(&mut dice, size.records);
    let mut lines = Vec::new();
    for draft in foundation(&mut dice, &world) {
        lines.push(Placed::new(&mut dice, &draft, Draft::line));
    }
    lines.truncate(size.records);
    while lines.len() < size.records {
        let draft = Draft::any(&mut dice, &world);
        let write = if dice.chance(8) { spoil::spoiled_line } else { Draft::line };
        lines.push(Placed::new(&mut dice, &draft, write));
        if draft.topic == "submissions" && dice.chance(15) {
            let twin = drafts::twin(&mut dice, &world, &draft);
            lines.push(Placed::new(&mut dice, &twin, Draft::line));
        }
    }
    if size.records >= 1000 {
        for (draft, write) in drafts::about_1_mib(&mut dice, &world) {
            lines.push(Placed::new(&mut dice, &draft, write));
        }
    }
    dice.shuffle(&mut lines);
    let folder = Folder { topics: partitioned(&mut dice, lines), readings: answers::readings(&mut dice, &world) };
    (folder, world.now_ms)
}

/// Most enrolments and all assignments once, so that a history is not all `unassigned`. Shuffled among the others, they come
/// early or late.
fn foundation(dice: &mut Dice, world: &World) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (student, class) in &world.enrolled {
        if dice.chance(80) {
            drafts.push(drafts::enrolment(dice, world, *student, *class));
        }
    }
    for assignment in 0..world.assignments.len() {
        drafts.push(drafts::assignment(dice, world, assignment));
    }
    drafts
}

/// A line and where it goes.
struct Placed {
    topic: &'static str,
    /// Lines of one spread go to one partition: a key keeps to its partition.
    spread: u64,
    line: Vec<u8>,
}

impl Placed {
    fn new(dice: &mut Dice, draft: &Draft, write: fn(&Draft, &mut Dice) -> Vec<u8>) -> Placed {
        let is_upsert = !matches!(draft.topic, "submissions" | "erasures");
        let by_key = draft.key.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let by_chance = dice.next();
        Placed { topic: draft.topic, spread: if is_upsert { by_key } else { by_chance }, line: write(draft, dice) }
    }
}

/// The partitions' names in a topic of so many: with 10 after 2, so that they must be ordered as numbers.
const PARTITIONS: [u32; 4] = [0, 1, 2, 10];

fn partitioned(dice: &mut Dice, lines: Vec<Placed>) -> BTreeMap<String, BTreeMap<u32, Vec<u8>>> {
    let counts: BTreeMap<&str, usize> =
        crate::records::TOPICS.iter().map(|topic| (*topic, 1 + dice.below(PARTITIONS.len()))).collect();
    let mut topics = BTreeMap::<String, BTreeMap<u32, Vec<u8>>>::new();
    for placed in lines {
        let partition = PARTITIONS[(placed.spread % counts[placed.topic] as u64) as usize];
        let partitions = topics.entry(placed.topic.to_string()).or_default();
        let bytes = partitions.entry(partition).or_default();
        bytes.extend_from_slice(&placed.line);
        bytes.push(b'\n');
    }
    // A last line is one without its LF, too.
    for bytes in topics.values_mut().flat_map(BTreeMap::values_mut) {
        if dice.chance(10) && !bytes.ends_with(b"\n\n") && bytes.len() > 1 {
            bytes.pop();
        }
    }
    topics
}

/// Gives so many lines of a seed each, whole ones and spoiled ones, with their topic.
#[cfg(test)]
pub fn each_kind_of_line(count: u64, mut visit: impl FnMut(&str, &[u8], bool)) {
    for seed in 0..count {
        let mut dice = Dice::new(seed);
        let world = World::new(&mut dice, 100);
        let draft = Draft::any(&mut dice, &world);
        visit(draft.topic, &draft.line(&mut dice), false);
        visit(draft.topic, &spoil::spoiled_line(&draft, &mut dice), true);
    }
}
