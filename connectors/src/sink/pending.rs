//! What a sink has yet to be told.

use std::collections::HashMap;

use inkflow_schemas::{Cell, Row};

use super::{Sink, SinkError, ViewChanges};

/// Changes of several epochs, coalesced: of each row the net change, and nothing where that is 0. So it never holds more
/// than the rows that the sink has and those that it should have, however long the sink is away.
#[derive(Debug, Default)]
pub struct Pending {
    views: Vec<HashMap<Row, i64>>,
}

impl Pending {
    /// Nothing pending.
    pub fn new() -> Pending {
        Pending::default()
    }

    /// Adds one change of a row.
    pub fn add(&mut self, view: usize, mut row: Row, diff: i64) {
        use std::collections::hash_map::Entry;
        if self.views.len() <= view {
            self.views.resize_with(view + 1, HashMap::new);
        }
        // Sinks give Empty back for a text of no bytes, and the two must meet here.
        let is_no_text = |cell: &Cell| matches!(cell, Cell::Text(text) if text.is_empty());
        if row.0.iter().any(is_no_text) {
            row = Row(row.0.iter().map(|cell| if is_no_text(cell) { Cell::Empty } else { cell.clone() }).collect());
        }
        match self.views[view].entry(row) {
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += diff;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
            Entry::Vacant(entry) => {
                if diff != 0 {
                    entry.insert(diff);
                }
            }
        }
    }

    /// Adds changes: an epoch's, or those that [`Pending::take`] gave and the sink refused for now.
    pub fn absorb(&mut self, changes: Vec<ViewChanges>) {
        for ViewChanges { view, changes } in changes {
            for (row, diff) in changes {
                self.add(view, row, diff);
            }
        }
    }

    /// How many rows have a change pending.
    pub fn len(&self) -> usize {
        self.views.iter().map(HashMap::len).sum()
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.views.iter().all(HashMap::is_empty)
    }

    /// Takes all of it out: an entry for each view that has any, in the order of views.
    pub fn take(&mut self) -> Vec<ViewChanges> {
        let views = std::mem::take(&mut self.views).into_iter().enumerate();
        views
            .filter(|(_, rows)| !rows.is_empty())
            .map(|(view, rows)| ViewChanges { view, changes: rows.into_iter().collect() })
            .collect()
    }
}

/// The exact difference between what the sink holds and what the views say: [apply](Sink::apply) it, and the sink is
/// right. `views` is how many there are; `snapshot` is what they say, each row with its number, which is 1.
///
/// Holds the snapshot in memory, not the sink: a row that is right leaves both.
pub fn reconcile(sink: &mut dyn Sink, views: usize, snapshot: Vec<ViewChanges>) -> Result<Vec<ViewChanges>, SinkError> {
    let mut difference = Pending::new();
    difference.absorb(snapshot);
    for view in 0..views {
        sink.read(view, &mut |row| difference.add(view, row, -1))?;
    }
    Ok(difference.take())
}
