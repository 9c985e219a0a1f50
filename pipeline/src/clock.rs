//! The clock that stamps epochs. The only place, outside of waiting, where the wall clock is read.

use inkflow_schemas::Millis;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The wall clock. Epochs never go back: the engine takes the later of this and the last epoch's clock.
    Wall,
    /// Always this time.
    Fixed(Millis),
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Millis {
        match self {
            Clock::Fixed(now) => *now,
            Clock::Wall => {
                // A machine whose clock stands before 1970 gets 1970.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// How long until then; none for a clock that stands still.
    pub fn until(&self, then: Millis) -> Option<Duration> {
        match self {
            Clock::Fixed(_) => None,
            Clock::Wall => Some(Duration::from_millis(u64::try_from(then.0 - self.now().0).unwrap_or(0))),
        }
    }
}
