//! Reading beside the blank page, for photos that lie in files: see `docs/templates.md`.

use crate::read::Told;
use inkflow_connectors::reader::{Blank, PageReader, AREAS_MAX};
use inkflow_schemas::Bp;
use serde::Serialize;

/// Whether the blank page helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Used {
    used: bool,
    /// The share of the print in sight that was found where it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    found_bp: Option<u16>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// What is told of a photo, by the blank page where that can be: areas, completion and confidence are then the comparison's.
/// Where not it stays what the model said, and it says why. Some hundred milliseconds of one thread.
pub fn compare(pages: &PageReader, blank: &Blank, areas: &[[Bp; 4]], photo: &[u8], mut told: Told) -> Told {
    told.template = Some(match blank.decide(pages, photo, areas, &mut told.reading, &mut told.areas) {
        Ok(found) => Used { used: true, found_bp: Some(found.get()), why: None },
        Err(why) => Used { used: false, found_bp: None, why: Some(why) },
    });
    told
}

/// Areas as an assignment names them: `[[x, y, width, height], ..]` in basis points of the blank page.
pub fn areas(json: &str) -> Result<Vec<[Bp; 4]>, String> {
    let form = "want [[x, y, width, height], ..] in basis points, each on the page";
    let areas: Vec<[u16; 4]> = serde_json::from_str(json).map_err(|error| format!("{form}: {error}"))?;
    if areas.len() > AREAS_MAX {
        return Err(format!("{} areas; at most {AREAS_MAX}", areas.len()));
    }
    let area = |[x, y, w, h]: [u16; 4]| -> Option<[Bp; 4]> {
        let on = |from: u16, long: u16| u32::from(from) + u32::from(long) <= 10_000;
        let [x, y, w, h] = [Bp::new(x)?, Bp::new(y)?, Bp::new(w)?, Bp::new(h)?];
        (on(x.get(), w.get()) && on(y.get(), h.get())).then_some([x, y, w, h])
    };
    areas.into_iter().map(area).collect::<Option<Vec<_>>>().ok_or_else(|| form.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_lie_on_the_page() {
        assert_eq!(areas("[]").map(|areas| areas.len()), Ok(0));
        assert_eq!(areas("[[0, 0, 10000, 10000], [5000, 1, 5000, 9999]]").map(|areas| areas.len()), Ok(2));
        for wrong in [
            "",
            "{}",
            "[[1, 2, 3]]",
            "[[0, 0, 1, -1]]",
            "[[5000, 0, 5001, 1]]",
            "[[0, 65535, 1, 1]]",
            "[[0, 0, 1, 1.5]]",
        ] {
            assert!(areas(wrong).is_err(), "{wrong}");
        }
        assert!(areas(&serde_json::to_string(&vec![[0; 4]; AREAS_MAX + 1]).expect("JSON")).is_err());
    }
}
