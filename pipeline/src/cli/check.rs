//! `inkflow check`: what was found, a line each.

use super::exit::Exit;
use super::{load, say, Failure};
use crate::check::{check, Verdict};
use std::path::Path;

pub(super) fn run(flow: &Path) -> Result<(), Failure> {
    let config = load(flow)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("no runtime: {error}")))?;
    let found = runtime.block_on(check(&config));
    say(&format!("✓ flow: {} is well formed.", flow.display()));
    found.iter().for_each(|finding| say(&finding.to_string()));
    match found.iter().filter(|finding| finding.verdict == Verdict::Bad).count() {
        0 => Ok(()),
        wrong => {
            say(&format!("\n{wrong} of these must be mended."));
            Err(Failure::Said(Exit::Other))
        }
    }
}
