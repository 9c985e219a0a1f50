//! A panic ends the process, wherever it happens: never half of it goes on. A supervisor starts it anew, and the journal
//! holds all that was admitted.
//!
//! The one exception is the decoding section, where a panic is caught and is the photo's outcome.

use crate::cli::exit::Exit;
use crate::config::LogFormat;
use crate::workers::LOST;
use inkflow_connectors::decode::in_decoder;
use std::any::Any;
use std::io::Write;
use std::panic::PanicHookInfo;

/// From now on a panic says where and why, and aborts the process.
pub fn abort_on_panic(format: LogFormat) {
    std::panic::set_hook(Box::new(move |info| {
        if in_decoder() {
            return;
        }
        if let Some(why) = text_of(info.payload()).strip_prefix(LOST) {
            // No bug: timely says so where a socket of the cluster closes before its time.
            let line = lost(why, std::thread::current().name(), format);
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
            std::process::exit(Exit::Lost.code());
        }
        // Straight to stderr: whoever panicked may hold a lock of the log or of the progress bar.
        let line = message(info.payload(), &place(info), std::thread::current().name(), format);
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
        std::process::abort();
    }));
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string)
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("something that is no text")
}

/// What is said when another process is lost. timely's threads end with its index.
fn lost(why: &str, thread: Option<&str>, format: LogFormat) -> String {
    let index = thread.and_then(|name| name.rsplit_once('-')).map_or("?", |(_, index)| index);
    let why = why.trim_start_matches(':').trim();
    let message = format!("process {index} of the cluster is lost ({why}): all start again from the journal");
    match format {
        LogFormat::Json => {
            let fields = serde_json::json!({ "message": message, "code": Exit::Lost.code() });
            format!("{}\n", serde_json::json!({ "level": "ERROR", "fields": fields, "target": "inkflow::cluster" }))
        }
        LogFormat::Text => format!("\ninkflow: {message}\n"),
    }
}

fn message(payload: &(dyn Any + Send), place: &str, thread: Option<&str>, format: LogFormat) -> String {
    let what = text_of(payload);
    let thread = thread.unwrap_or("without a name");
    match format {
        LogFormat::Json => {
            let message = "inkflow panicked and ends; this is a bug";
            let fields = serde_json::json!({ "message": message, "panic": what, "place": place, "thread": thread });
            format!("{}\n", serde_json::json!({ "level": "ERROR", "fields": fields, "target": "inkflow::panic" }))
        }
        LogFormat::Text => format!(
            "\ninkflow: panic in the thread {thread} at {place}: {what}\n\
             inkflow: this is a bug. The process ends; what was sealed is in the journal, and a restart goes on from there.\n"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_where_and_in_which_thread() {
        let text = message(&"off by one", "queue.rs:7:3", Some("worker 1"), LogFormat::Text);
        assert!(text.contains("panic in the thread worker 1 at queue.rs:7:3: off by one"), "{text}");
        let json = message(&"off by\n\"one\"".to_owned(), "queue.rs:7:3", None, LogFormat::Json);
        let json: serde_json::Value = serde_json::from_str(json.trim_end()).expect("one JSON object a line");
        assert_eq!(json["fields"]["panic"], "off by\n\"one\"");
        assert_eq!(json["level"], "ERROR");
    }
}
