//! Ranks: a multiset of numbers that gives its n-th smallest without a scan of all.
//!
//! A trie over the sixteen hexadecimal digits of a number, as counts of prefixes in one map: adding a number changes
//! sixteen counts, and finding a rank descends sixteen levels of at most sixteen counts each. That is a few hundred
//! map look-ups at worst, for a thousand numbers as for a billion.

use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;

const DIGITS: u32 = 16;

/// A multiset of unsigned numbers with order statistics.
#[derive(Clone, Debug, Default)]
pub struct Ranks {
    /// How many numbers start with these digits: (number of digits, the digits).
    counts: FxHashMap<(u32, u64), isize>,
}

impl Ranks {
    /// Adds `diff` to the multiplicity of `number`.
    pub fn update(&mut self, number: u64, diff: isize) {
        for digits in 0..=DIGITS {
            let prefix = if digits == 0 { 0 } else { number >> (4 * (DIGITS - digits)) };
            match self.counts.entry((digits, prefix)) {
                Entry::Vacant(entry) => {
                    entry.insert(diff);
                }
                Entry::Occupied(mut entry) => {
                    *entry.get_mut() += diff;
                    if *entry.get() == 0 {
                        entry.remove();
                    }
                }
            }
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> isize {
        self.count(0, 0)
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The percentile by nearest rank: the smallest number such that at least `percent` of all are not above it.
    /// Empty over none. `percent` lies in 1 to 100.
    pub fn percentile(&self, percent: u32) -> Option<u64> {
        let len = u64::try_from(self.len()).ok().filter(|len| *len > 0)?;
        let rank = (len * u64::from(percent)).div_ceil(100);
        Some(self.nth(rank as isize))
    }

    /// The number of that rank, counted from 1; the rank must not be above `len`.
    fn nth(&self, rank: isize) -> u64 {
        let mut below = rank;
        let mut prefix = 0;
        for digits in 1..=DIGITS {
            prefix <<= 4;
            let last = prefix | 0xf;
            loop {
                let here = self.count(digits, prefix);
                if below <= here || prefix == last {
                    break;
                }
                below -= here;
                prefix += 1;
            }
        }
        prefix
    }

    fn count(&self, digits: u32, prefix: u64) -> isize {
        self.counts.get(&(digits, prefix)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, on a sorted list.
    fn oracle_percentile(numbers: &[u64], percent: u32) -> Option<u64> {
        let mut sorted = numbers.to_vec();
        sorted.sort_unstable();
        let rank = (sorted.len() as u64 * u64::from(percent)).div_ceil(100);
        sorted.get((rank as usize).checked_sub(1)?).copied()
    }

    proptest! {
        #[test]
        fn percentiles_equal_those_of_a_sorted_list(
            numbers in prop::collection::vec(prop_oneof![0..50u64, any::<u64>()], 0..60),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let (mut left, mut ranks) = (numbers.clone(), Ranks::default());
            numbers.iter().for_each(|n| ranks.update(*n, 1));
            for index in removed {
                if left.is_empty() { break }
                let n = left.swap_remove(index.index(left.len()));
                ranks.update(n, -1);
            }
            for percent in [1, 50, 95, 100] {
                prop_assert_eq!(ranks.percentile(percent), oracle_percentile(&left, percent));
            }
            left.iter().for_each(|n| ranks.update(*n, -1));
            prop_assert!(ranks.is_empty());
        }
    }
}
