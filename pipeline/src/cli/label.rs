//! `inkflow label`: a page on this machine with which photos are labelled.

use super::{say, Failure};
use crate::label::store::{Store, LABELS};
use crate::label::Labelling;
use crate::signals;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "\
Prints an address to open in a browser on this machine: a photo, a slider and keys. What is said of each photo is kept in
DIR/labels.csv at once, and started again it goes on where it was. Columns and lines that others wrote there stay. Ctrl-C
ends it.

Examples:
  inkflow label photos
  inkflow eval --photos photos --labels photos/labels.csv";

/// What `inkflow label` can be told.
#[derive(Debug, clap::Args)]
pub(super) struct LabelArgs {
    /// The folder of the photos: JPEG, PNG or WebP, in folders within it too.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The port of 127.0.0.1; any without it.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

pub(super) fn run(LabelArgs { folder, port }: LabelArgs) -> Result<(), Failure> {
    let store = Store::open(&folder).map_err(|error| Failure::Usage(error.to_string()))?;
    if store.photos().is_empty() {
        return Err(Failure::Usage(format!("{} holds no photo: JPEG, PNG or WebP", folder.display())));
    }
    let told = (0..store.photos().len()).filter(|photo| store.mark(*photo).is_some()).count();
    let summary = format!("{} photos, {told} labelled, in {}", store.photos().len(), folder.join(LABELS).display());
    super::run::runtime()?.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let labelling = Labelling::new(store, port).await.map_err(|error| Failure::Listen { address, error })?;
        let stop = signals::hear().map_err(|error| Failure::Other(format!("signals cannot be heard: {error}")))?;
        say(&format!("{summary}\nopen {}", labelling.url()));
        labelling.serve(stop).await.map_err(|error| Failure::Other(format!("the page has ended: {error}")))
    })
}
