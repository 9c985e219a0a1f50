//! What every sink does alike: it asks whether it may write, and turns changes of rows into changes of keys.

use std::cmp::Ordering;

use inkflow_schemas::{Cell, Row, ViewSchema};

use super::{Claim, EpochStamp, SinkError, ViewChanges};

/// What a sink has stored about who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) claim: Claim,
    pub(crate) written: Option<EpochStamp>,
}

impl Standing {
    /// What stands once `claim` has taken the sink over. Of one journal the greater incarnation wins; another journal's
    /// rows are taken over as rows of no epoch.
    pub(crate) fn claimed(sink: &str, stored: Option<Standing>, claim: Claim) -> Result<Standing, SinkError> {
        match stored {
            Some(stored) if stored.claim.journal == claim.journal => {
                if stored.claim.incarnation > claim.incarnation {
                    return Err(fenced(sink, stored.claim, claim));
                }
                Ok(Standing { claim, ..stored })
            }
            _ => Ok(Standing { claim, written: None }),
        }
    }

    /// What stands once `stamp` is written.
    pub(crate) fn written(
        sink: &str,
        stored: Option<Standing>,
        claim: Claim,
        stamp: EpochStamp,
    ) -> Result<Standing, SinkError> {
        assert_eq!(stamp.incarnation, claim.incarnation, "a stamp is of the incarnation that claimed the sink");
        let Some(stored) = stored else {
            return Err(SinkError::Fenced { sink: sink.to_owned(), reason: "its epoch row is gone".to_owned() });
        };
        if stored.claim != claim {
            return Err(fenced(sink, stored.claim, claim));
        }
        match stored.written {
            Some(written) if written.epoch > stamp.epoch => Err(SinkError::Fatal {
                sink: sink.to_owned(),
                reason: format!(
                    "it reflects epoch {}, later than {}: was the journal put back? Drop its tables to start over",
                    written.epoch, stamp.epoch
                ),
            }),
            _ => Ok(Standing { claim, written: Some(stamp) }),
        }
    }
}

fn fenced(sink: &str, found: Claim, ours: Claim) -> SinkError {
    SinkError::Fenced {
        sink: sink.to_owned(),
        reason: format!(
            "journal {:016x}, incarnation {}; ours is {:016x}, {}",
            found.journal, found.incarnation, ours.journal, ours.incarnation
        ),
    }
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op<'a> {
    /// Its row is this.
    Upsert(&'a Row),
    /// It has no row; this one names it.
    Delete(&'a Row),
}

/// Checks that changes name known views, each once.
///
/// # Panics
/// Where they do not: a bug of the caller.
pub(crate) fn check_views(views: usize, changes: &[ViewChanges]) {
    let mut seen = vec![false; views];
    for ViewChanges { view, .. } in changes {
        assert!(!std::mem::replace(&mut seen[*view], true), "view {view} is named twice in one epoch");
    }
}

/// Changes of one view as changes of its keys, in the order of the keys: so a table's tree is written in one walk.
pub(crate) fn plan<'a>(sink: &str, schema: &ViewSchema, changes: &'a [(Row, i64)]) -> Result<Vec<Op<'a>>, SinkError> {
    let fatal = |reason: String| SinkError::Fatal { sink: sink.to_owned(), reason };
    let mut sorted: Vec<&(Row, i64)> = changes.iter().collect();
    if let Some((row, _)) = changes.iter().find(|(row, _)| row.0.len() != schema.columns.len()) {
        return Err(fatal(format!("{}: a row of {} cells", schema.name, row.0.len())));
    }
    // Of one key, what is added comes last.
    sorted.sort_unstable_by(|(a, a_diff), (b, b_diff)| {
        compare_keys(a.key(schema), b.key(schema)).then(a_diff.cmp(b_diff))
    });
    let mut ops: Vec<Op<'a>> = Vec::with_capacity(sorted.len());
    for (row, diff) in sorted {
        let same_key = match ops.last() {
            Some(Op::Upsert(last) | Op::Delete(last)) => compare_keys(last.key(schema), row.key(schema)).is_eq(),
            None => false,
        };
        if *diff > 1 || (*diff > 0 && same_key && matches!(ops.last(), Some(Op::Upsert(_)))) {
            return Err(fatal(format!("{}: two rows of the key {:?}", schema.name, row.key(schema))));
        }
        let op = if *diff > 0 { Op::Upsert(row) } else { Op::Delete(row) };
        match ops.last_mut() {
            Some(last) if same_key => *last = op,
            _ => ops.push(op),
        }
    }
    Ok(ops)
}

/// Keys cell by cell; a text of no bytes is Empty.
pub(crate) fn compare_keys(a: &[Cell], b: &[Cell]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = normal(a).cmp(normal(b));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// A text of no bytes as Empty.
pub(crate) fn normal(cell: &Cell) -> &Cell {
    match cell {
        Cell::Text(text) if text.is_empty() => &Cell::Empty,
        cell => cell,
    }
}
