//! Dead letters while the engine runs: written before the epoch that rejects them is sealed, waited for while they
//! cannot be, and cleared of whoever is erased.

use inkflow_connectors::dead_letter::{DeadLetters, Letter};
use inkflow_schemas::Id;
use std::time::Duration;
use tokio::sync::watch;

/// The longest wait between two tries.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Where refused records go.
pub struct Letters {
    place: Box<dyn DeadLetters>,
}

impl Letters {
    /// Dead letters to that place.
    pub fn new(place: Box<dyn DeadLetters>) -> Letters {
        Letters { place }
    }

    /// Appends letters, durably. While that cannot be done admission waits: nothing is lost.
    /// False where the run was asked to end before it could be: then what they are of must not be sealed.
    pub async fn append(&mut self, letters: &[Letter], stop: &watch::Receiver<bool>) -> bool {
        self.persist("written", stop, |place| place.append(letters)).await
    }

    /// Removes every letter of a student.
    pub async fn erase(&mut self, student: &Id) {
        let (_never, stop) = watch::channel(false);
        self.persist("erased", &stop, |place| place.erase(student.as_str()).map(|_| ())).await;
    }

    async fn persist(
        &mut self,
        what: &str,
        stop: &watch::Receiver<bool>,
        mut step: impl FnMut(&mut dyn DeadLetters) -> std::io::Result<()>,
    ) -> bool {
        let mut wait = Duration::from_millis(50);
        let mut stop = stop.clone();
        while let Err(error) = step(&mut *self.place) {
            tracing::warn!(%error, "dead letters cannot be {what}, and admission waits");
            tokio::select! {
                Ok(_) = stop.wait_for(|stop| *stop) => return false,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
        true
    }
}
