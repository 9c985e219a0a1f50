//! Dead letters while the engine runs: written before the epoch that rejects them is sealed, waited for while they
//! cannot be, and cleared of whoever is erased.

use inkflow_connectors::dead_letter::{DeadLetters, Letter};
use inkflow_schemas::Id;
use std::time::Duration;

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
    pub async fn append(&mut self, letters: &[Letter]) {
        self.persist("written", |place| place.append(letters)).await;
    }

    /// Removes every letter of a student.
    pub async fn erase(&mut self, student: &Id) {
        self.persist("erased", |place| place.erase(student.as_str()).map(|_| ())).await;
    }

    async fn persist(&mut self, what: &str, mut step: impl FnMut(&mut dyn DeadLetters) -> std::io::Result<()>) {
        let mut wait = Duration::from_millis(50);
        while let Err(error) = step(&mut *self.place) {
            tracing::warn!(%error, "dead letters cannot be {what}, and admission waits");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }
}
