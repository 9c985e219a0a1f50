//! Who has a journal's folder: a mark for people and for `inkflow check`. It guards nothing: the journal's own fencing
//! does, also between machines.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// The file in the journal's folder that running processes hold locked, shared, with the last one's process id in it.
const FILE: &str = "running";

/// While it lives, others can see that this process has the journal.
#[derive(Default)]
pub struct Presence {
    _held: Option<File>,
}

impl Presence {
    /// Says that this process has the journal in that folder. Where that cannot be said, nothing else is wrong.
    pub fn announce(folder: &Path) -> Presence {
        if let Some(other) = holder(folder) {
            tracing::warn!("{other} has this journal open: it is taken over, and that process will end");
        }
        let open = || {
            std::fs::create_dir_all(folder)?;
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(folder.join(FILE))?;
            writeln!(file, "{}", std::process::id())?;
            file.try_lock_shared().map_err(std::io::Error::from)?;
            std::io::Result::Ok(file)
        };
        Presence { _held: open().ok() }
    }
}

/// The process that has the journal in that folder open, where there is one.
pub fn holder(folder: &Path) -> Option<String> {
    let mut file = File::open(folder.join(FILE)).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut id = String::new();
            let named = file.read_to_string(&mut id).is_ok() && !id.trim().is_empty();
            Some(if named { format!("process {}", id.trim()) } else { "another process".to_owned() })
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_seen_while_it_has_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(holder(folder.path()), None);
        let first = Presence::announce(folder.path());
        let second = Presence::announce(folder.path());
        let me = format!("process {}", std::process::id());
        assert_eq!(holder(folder.path()), Some(me.clone()));
        drop(first);
        assert_eq!(holder(folder.path()), Some(me), "the second one has it still");
        drop(second);
        assert_eq!(holder(folder.path()), None);
    }
}
