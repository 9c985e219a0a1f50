//! What is known of photos that nobody has asked about for long, until an epoch deletes it.
//!
//! Pure. It follows a collection of the dataflow, so that a photo that is asked about again is no longer here.

use crate::admission::Admission;
use crate::live::HashOf;
use inkflow_operators::readings::PhotoAnswers;
use inkflow_operators::unasked::Unasked;
use inkflow_schemas::PhotoKey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The photos whose readings can be deleted.
#[derive(Default)]
pub struct Expired {
    photos: BTreeMap<(PhotoKey, Arc<PhotoAnswers>), isize>,
}

impl Expired {
    /// Takes what is to be done about a photo, or no longer is. That it left or came back is for the next epoch to say: it
    /// may have moved on since, but then the dataflow says so once more.
    pub fn take(&mut self, admission: &mut Admission, unasked: Unasked, diff: isize) {
        match unasked {
            Unasked::Left(photo) if diff > 0 => admission.moved(photo, true),
            Unasked::Back(photo) if diff > 0 => admission.moved(photo, false),
            Unasked::Left(_) | Unasked::Back(_) => {}
            Unasked::Expired(photo, known) => {
                let row = (photo, known);
                let count = self.photos.get(&row).copied().unwrap_or(0) + diff;
                match count {
                    0 => drop(self.photos.remove(&row)),
                    _ => drop(self.photos.insert(row, count)),
                }
            }
        }
    }

    /// True where nothing can be deleted.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty()
    }

    /// The photos.
    pub fn photos(&self) -> impl Iterator<Item = &PhotoKey> {
        self.photos.keys().map(|(photo, _)| photo)
    }

    /// Deletes all, in the epoch that is being gathered; gives of how many photos. Every earlier epoch has been delivered,
    /// and this one holds no record. They stay here until its delivery retracts them.
    pub fn expire(&self, hash: HashOf<'_>, admission: &mut Admission) -> u64 {
        self.photos.keys().for_each(|(photo, known)| admission.expire(hash, photo.clone(), known));
        self.photos.len() as u64
    }
}
