//! The decoding section: the one place where a panic is a photo's outcome and not the end of the process.

use inkflow_schemas::Fault;
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};

thread_local! {
    static IN_DECODER: Cell<bool> = const { Cell::new(false) };
}

/// True while this thread decodes a photo. The process ends on a panic; its hook lets one pass where this is true,
/// because it will be caught and be the fault `corrupt` of the photo.
pub fn in_decoder() -> bool {
    IN_DECODER.get()
}

/// Runs `work` inside the decoding section. It must not touch what outlives it: after a panic all of it is dropped.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            IN_DECODER.set(self.0);
        }
    }
    let _leave = Leave(IN_DECODER.replace(true));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("a decoder panicked; its photo is corrupt");
        Err(Fault::Corrupt)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_outcome_and_the_hook_can_tell() {
        assert!(!in_decoder());
        let outcome: Result<(), Fault> = caught(|| {
            assert!(in_decoder());
            panic!("as a decoder might");
        });
        assert_eq!(outcome, Err(Fault::Corrupt));
        assert!(!in_decoder());
    }
}
