//! A folder that grows: what a run that goes on where it stopped finds at each start.

use std::path::Path;

use crate::folder::Folder;
use crate::generate::Dice;
use crate::Result;

/// One stage of a folder: a prefix of every partition. The recorded answers are whole from the first stage on, as "an answer
/// once journalled stands".
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    folder: Folder,
}

impl Stage {
    /// Writes the stage below `dir`. Written over an earlier stage, it makes that one grow.
    pub fn write(&self, dir: &Path) -> Result<()> {
        self.folder.write(dir)
    }

    /// The stage's files.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

/// Cuts the history in `dir` into `n` prefixes, each within the next: partitions grow by whole lines, and some appear later.
/// The last stage is the whole history.
pub fn stages(seed: u64, dir: &Path, n: usize) -> Result<Vec<Stage>> {
    let whole = Folder::read(dir)?;
    let mut dice = Dice::new(seed);
    let empty = Folder { readings: whole.readings.clone(), ..Folder::default() };
    let mut stages = vec![Stage { folder: empty }; n];
    for (topic, partitions) in &whole.topics {
        for (partition, bytes) in partitions {
            for (stage, length) in stages.iter_mut().zip(cuts(&mut dice, bytes, n)) {
                // A partition that holds nothing yet has no file yet.
                if length > 0 {
                    let partitions = stage.folder.topics.entry(topic.clone()).or_default();
                    partitions.insert(*partition, bytes[..length].to_vec());
                }
            }
        }
    }
    if let Some(last) = stages.last_mut() {
        last.folder = whole;
    }
    Ok(stages)
}

/// `n` growing lengths of a file, each at a line's end, the last being all of it.
fn cuts(dice: &mut Dice, bytes: &[u8], n: usize) -> Vec<usize> {
    let after_lf = |(at, byte): (usize, &u8)| (*byte == b'\n').then_some(at + 1);
    let line_ends: Vec<usize> = bytes.iter().enumerate().filter_map(after_lf).collect();
    let mut cuts: Vec<usize> = (1..n)
        .map(|_| match dice.below(line_ends.len() + 1) {
            _ if dice.chance(15) => 0,
            0 => 0,
            lines => line_ends[lines - 1],
        })
        .collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    cuts
}
