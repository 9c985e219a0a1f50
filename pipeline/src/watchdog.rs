//! The watchdog: a reader thread that hangs cannot be stopped, so the process ends, and is started anew by whatever
//! supervises it. The poison accounting finds the photo that does it, and sets it aside.

use crate::config::LogFormat;
use inkflow_connectors::reader::PageReader;
use std::io::Write;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// It looks so many times before a thread counts as hung.
const LOOKS: u32 = 8;
/// And at least so often.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(1);

/// From now on the process aborts when a thread of `pages` has been at one photo or batch for longer than `hung_after`.
/// It looks until `pages` is gone.
pub fn start(hung_after: Duration, format: LogFormat, pages: Arc<PageReader>) -> std::io::Result<()> {
    let pages = Arc::downgrade(&pages);
    // A thread of its own: what hangs may hold all of the runtime's.
    std::thread::Builder::new().name("watchdog".into()).spawn(move || watch(hung_after, format, &pages))?;
    Ok(())
}

fn watch(hung_after: Duration, format: LogFormat, pages: &Weak<PageReader>) {
    while let Some(pages) = pages.upgrade() {
        let longest = pages.figures().longest;
        if longest > hung_after {
            // Straight to stderr: a lock of the log may be what is waited for.
            let _ = std::io::stderr().lock().write_all(message(longest, format).as_bytes());
            std::process::abort();
        }
        drop(pages);
        std::thread::sleep((hung_after / LOOKS).min(LOOK_EVERY_MAX));
    }
}

fn message(longest: Duration, format: LogFormat) -> String {
    let seconds = longest.as_secs();
    match format {
        LogFormat::Json => {
            let message = "a reader thread hangs, and the process ends, to be started anew";
            let fields = serde_json::json!({ "message": message, "seconds": seconds });
            format!("{}\n", serde_json::json!({ "level": "ERROR", "fields": fields, "target": "inkflow::watchdog" }))
        }
        LogFormat::Text => format!(
            "\ninkflow: a reader thread has been at one photo for {seconds} s, longer than readers.model.hung_after_s.\n\
             inkflow: the process ends, to be started anew: what was sealed is in the journal. A photo that does this three \
             times is set aside as reader_crashed.\n"
        ),
    }
}
