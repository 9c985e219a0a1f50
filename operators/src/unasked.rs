//! `unasked`: what is to be done about what is known of photos that nobody asks about any more.
//!
//! A photo is in demand while any question about it is, by whatever model. When it leaves, that goes out, so that a row
//! of the journal says since when; the row comes in again and waits for its instant in an ordered map. When it comes
//! back, the row is to go. When it has been away for long enough, by the clock of the epochs, all that is known of it
//! may be deleted. So the time away outlasts restarts, and costs work for the photos that move only.
//!
//! What goes out is a collection: what no longer holds is retracted in the epoch in which it ceases to.

use crate::phases::{phases, Timed};
use crate::readings::{Known, PhotoAnswers};
use crate::tally::{tally, Summary};
use crate::{Epoch, Rows};
use inkflow_schemas::{Millis, PhotoKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use timely::dataflow::Stream;

/// Photos expire at whole hours, so that those of an hour go in one epoch.
const HOUR_MS: i64 = 3_600_000;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unasked {
    /// The photo left demand: the journal should say so.
    Left(PhotoKey),
    /// It is in demand again, or nothing is known of it any more: the journal should no longer say that it left.
    Back(PhotoKey),
    /// Nobody has asked about it for long: what is known of it can be deleted.
    Expired(PhotoKey, Arc<PhotoAnswers>),
}

/// What comes in about a photo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Seen {
    Asked,
    Known(Arc<PhotoAnswers>),
}

/// How a photo stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Shown {
    Left,
    Back,
    Away(Millis, Arc<PhotoAnswers>),
}

/// Who asks about a photo, and what is known of it: one thing once an epoch is whole.
#[derive(Default)]
struct Standing {
    asked: isize,
    known: Vec<(Arc<PhotoAnswers>, isize)>,
}

impl Summary for Standing {
    type Row = Seen;
    type Shown = Shown;

    fn update(&mut self, row: Seen, diff: isize) {
        match row {
            Seen::Asked => self.asked += diff,
            Seen::Known(known) => match self.known.iter().position(|(there, _)| *there == known) {
                Some(at) => {
                    self.known[at].1 += diff;
                    if self.known[at].1 == 0 {
                        self.known.swap_remove(at);
                    }
                }
                None => {
                    self.known.reserve_exact(1);
                    self.known.push((known, diff));
                }
            },
        }
    }

    fn show(&self) -> Option<Shown> {
        let (known, _) = self.known.first()?;
        let useless = known.asked().next().is_none();
        match (known.left(), self.asked > 0 || useless) {
            (None, true) => None,
            (None, false) => Some(Shown::Left),
            (Some(_), true) => Some(Shown::Back),
            (Some(left), false) => Some(Shown::Away(left, known.clone())),
        }
    }

    fn is_empty(&self) -> bool {
        self.asked == 0 && self.known.is_empty()
    }
}

/// The instant from which on a photo's readings can be deleted.
struct Expiry(Millis);

impl Expiry {
    fn new(left: Millis, keep_days: u32) -> Expiry {
        let until = left.plus_days(keep_days.into()).0;
        Expiry(Millis((until + HOUR_MS - 1).div_euclid(HOUR_MS) * HOUR_MS))
    }
}

impl Timed for Expiry {
    type Phase = bool;

    fn phase(&self, clock: Millis) -> bool {
        self.0 <= clock
    }
    fn next(&self, clock: Millis) -> Option<Millis> {
        (self.0 > clock).then_some(self.0)
    }
}

/// What is to be done about photos that nobody asks about. `asked` has a photo once for each question about it that is in
/// demand, and `keep_days` is how long what is known of it is kept after it left.
pub fn unasked<'s>(
    asked: Rows<'s, PhotoKey>,
    known: Known<'s>,
    clocks: Stream<'s, Epoch, Vec<Millis>>,
    keep_days: u32,
) -> Rows<'s, Unasked> {
    let asked = asked.map(|photo| (photo, Seen::Asked));
    let known = known.map(|(photo, known)| (photo, Seen::Known(known)));
    let standing = tally::<_, Standing>(asked.concat(known), "Standing");
    let moved = standing.clone().flat_map(|(photo, shown)| match shown {
        Shown::Left => Some(Unasked::Left(photo)),
        Shown::Back => Some(Unasked::Back(photo)),
        Shown::Away(..) => None,
    });
    let away = standing.flat_map(|(photo, shown)| match shown {
        Shown::Away(left, known) => Some((photo, left, known)),
        _ => None,
    });
    // The sealer is not told of these instants: an epoch that comes anyway passes them.
    let expiry = move |(_, left, _): &(PhotoKey, Millis, Arc<PhotoAnswers>)| Expiry::new(*left, keep_days);
    let (phased, _) = phases(away, clocks, expiry, "Away");
    let expired = phased.flat_map(|((photo, _, known), expired)| expired.then_some(Unasked::Expired(photo, known)));
    moved.concat(expired)
}
