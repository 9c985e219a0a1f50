//! Reading beside the blank page, for photos that lie in files: see `docs/templates.md`.

use crate::read::Told;
use inkflow_connectors::decode::decode;
use inkflow_connectors::reader::{PageReader, AREAS_MAX};
use inkflow_connectors::template::{spec, NoMatch, Template};
use inkflow_schemas::{Bp, Fault, ModelName, Quality};
use serde::Serialize;

/// A blank page, and where answers are expected on it.
pub struct Blank {
    page: Result<Template, NoMatch>,
    areas: Vec<[Bp; 4]>,
}

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

impl Used {
    fn not(why: &'static str) -> Used {
        Used { used: false, found_bp: None, why: Some(why) }
    }
}

impl Blank {
    /// A blank page by its bytes. Without `areas`, those that the model finds on it.
    pub async fn of(
        bytes: bytes::Bytes,
        areas: Option<Vec<[Bp; 4]>>,
        pages: &PageReader,
        model: &ModelName,
    ) -> Result<Blank, Fault> {
        let picture = bytes.clone();
        let page = tokio::task::spawn_blocking(move || Ok(Template::prepare(&decode(&picture, &spec())?)));
        let page = page.await.map_err(|_| Fault::Corrupt)??;
        let areas = match areas {
            Some(areas) => areas,
            None => match pages.read(model, bytes).await {
                Ok((_, found)) => found.into_iter().map(|area| area.at).collect(),
                Err(_) => return Err(Fault::ModelError),
            },
        };
        Ok(Blank { page, areas })
    }

    /// What is told of a photo, by the blank page where that can be: areas, completion and confidence are then the
    /// comparison's. Where not it stays what the model said, and it says why. Some hundred milliseconds of one thread.
    pub fn compare(&self, photo: &[u8], mut told: Told) -> Told {
        told.template = Some(match self.compared(photo, &mut told) {
            Ok(found) => Used { used: true, found_bp: Some(found.get()), why: None },
            Err(why) => Used::not(why),
        });
        told
    }

    fn compared(&self, photo: &[u8], told: &mut Told) -> Result<Bp, &'static str> {
        // What is too dark or too blurred to judge is so beside a blank page, too.
        if told.reading.quality != Quality::Ok {
            return Err("quality");
        }
        if self.areas.is_empty() {
            return Err("no_areas");
        }
        let page = self.page.as_ref().map_err(|why| why.as_str())?;
        let pixels = decode(photo, &spec()).map_err(Fault::as_str)?;
        let compared = page.compare(&pixels, &self.areas).map_err(NoMatch::as_str)?;
        let completion = compared.completion.ok_or("out_of_sight")?;
        told.reading.completion = Some(completion);
        told.reading.confidence = compared.confidence;
        told.areas = compared.areas;
        Ok(compared.found)
    }
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
