//! What arrives for epochs that are not whole yet. Epochs are handed out whole and in order, however their rows came.
//!
//! Containers are kept as they come, not copied into one: at catch-up an epoch has a hundred thousand rows, and growing
//! a vector for them costs more in fresh pages than the work on them.

use crate::Epoch;
use std::collections::BTreeMap;
use timely::progress::frontier::MutableAntichain;

/// Rows by epoch, each with `C`, the capabilities to answer at that epoch.
pub(crate) struct Stash<C, R> {
    epochs: BTreeMap<Epoch, Waiting<C, R>>,
}

struct Waiting<C, R> {
    capabilities: C,
    containers: Vec<Vec<R>>,
    /// Rows that shared a container with those of other epochs.
    loose: Vec<R>,
}

impl<C, R> Default for Stash<C, R> {
    fn default() -> Self {
        Stash { epochs: BTreeMap::new() }
    }
}

impl<C, R> Stash<C, R> {
    /// Makes sure that the epoch will be handed out, with rows or without.
    pub(crate) fn open(&mut self, epoch: Epoch, capabilities: impl FnOnce() -> C) {
        self.waiting(epoch, capabilities);
    }

    fn waiting(&mut self, epoch: Epoch, capabilities: impl FnOnce() -> C) -> &mut Waiting<C, R> {
        let make = || Waiting { capabilities: capabilities(), containers: Vec::new(), loose: Vec::new() };
        self.epochs.entry(epoch).or_insert_with(make)
    }

    /// Takes a container whose rows are all of that epoch.
    pub(crate) fn take(&mut self, epoch: Epoch, rows: &mut Vec<R>, capabilities: impl FnOnce() -> C) {
        let rows = std::mem::take(rows);
        self.waiting(epoch, capabilities).containers.push(rows);
    }

    /// The next epoch that all of these frontiers have passed: its capabilities and its rows.
    pub(crate) fn next(
        &mut self,
        frontiers: &[&MutableAntichain<Epoch>],
    ) -> Option<(Epoch, C, impl Iterator<Item = R>)> {
        let entry = self.epochs.first_entry()?;
        let epoch = *entry.key();
        if frontiers.iter().any(|frontier| frontier.less_equal(&epoch)) {
            return None;
        }
        let Waiting { capabilities, containers, loose } = entry.remove();
        Some((epoch, capabilities, containers.into_iter().flatten().chain(loose)))
    }
}

impl<C, D> Stash<C, (D, Epoch, isize)> {
    /// Takes a container of updates, each of which says its own epoch: a join gives those of several epochs at once, at
    /// the time of the first. `capabilities` gives those of an epoch.
    pub(crate) fn take_updates(&mut self, rows: &mut Vec<(D, Epoch, isize)>, mut capabilities: impl FnMut(Epoch) -> C) {
        let Some(first) = rows.first().map(|row| row.1) else { return };
        if rows.iter().all(|row| row.1 == first) {
            return self.take(first, rows, || capabilities(first));
        }
        for row in rows.drain(..) {
            let epoch = row.1;
            self.waiting(epoch, || capabilities(epoch)).loose.push(row);
        }
    }
}
