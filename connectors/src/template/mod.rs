//! Reading with the blank page: the photo is laid over it, and what is there and was not before is an answer.
//!
//! [`Template::prepare`] does once for a blank page what can be done without a photo; [`Template::compare`] lays a photo over
//! it and decides area by area. In between: `ink.rs` takes the light away, `features.rs` finds corners of the print,
//! `matching.rs` the perspective that they agree on, `refine.rs` makes it right to the pixel and finds how the paper bends,
//! `decide.rs` judges the areas. All of it is a function of the two pictures: no clock, no chance, the same bytes the same
//! answer. Whatever the pictures are, the work is bounded by [`SIDE_PX`] and a few constants.
//!
//! Where the photo cannot be laid over the page, [`NoMatch`] says why, and whoever asked reads without.

mod decide;
mod features;
mod homography;
mod ink;
mod matching;
mod plane;
mod refine;
#[cfg(test)]
pub(crate) mod tests;

use crate::decode::{Channels, InputSpec, Pixels};
use features::{features, Feature};
use homography::Homography;
use ink::Inked;
use inkflow_schemas::{Area, AreaState, Bp};
use refine::{refine, Laid, Photo, Steps};

/// Pictures are compared within a square of this side: a pencil's line is a pixel or two wide then.
pub const SIDE_PX: u32 = 1280;

/// So many corners of the blank page are looked for among half as many again of the photo's. Their comparison is the square.
const FEATURES: usize = 1000;
/// Perspectives that are looked at to the pixel.
const WAYS: usize = 3;
/// So much of the print in sight must be where it belongs; a photo of another page has a tenth by chance.
const FOUND_LEAST: f32 = 0.4;
/// In each quarter of the page this much must be: what stands in one may be all written over.
const QUARTER_LEAST: f32 = 0.25;
/// So much is enough not to look further.
const FOUND_ENOUGH: f32 = 0.6;
/// Between this and its opposite an area is unsure.
const UNSURE: f32 = 0.4;

/// How a picture is decoded for [`Template`]: in colour, as teachers write in red.
pub fn spec() -> InputSpec {
    InputSpec {
        channels: Channels::Rgb,
        width: SIDE_PX,
        height: SIDE_PX,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
        pad: 255,
    }
}

/// Why a photo was not laid over the blank page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMatch {
    /// One of the two has too little on it.
    #[error("too little print to go by")]
    TooLittlePrint,
    /// Corners are alike, but no perspective takes the ones to the others.
    #[error("the photo does not show this page")]
    OtherPage,
    /// The best perspective is one in which no page can lie: seen from its back, from behind, or far too slanted.
    #[error("a page cannot lie so")]
    NoPage,
    /// Too much of the print is not where the perspective has it.
    #[error("the print does not agree")]
    PrintDiffers,
}

impl NoMatch {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            NoMatch::TooLittlePrint => "too_little_print",
            NoMatch::OtherPage => "other_page",
            NoMatch::NoPage => "no_page",
            NoMatch::PrintDiffers => "print_differs",
        }
    }
}

/// A blank page, prepared to have photos laid over it: about 4 MB.
pub struct Template {
    steps: Steps,
    features: Vec<Feature>,
    size: (f32, f32),
}

/// What a photo says against the blank page.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The template's areas, in their order: where each lies in the photo, and how it stands.
    pub areas: Vec<Area>,
    /// Answered areas of all that the photo shows; None where it shows none.
    pub completion: Option<Bp>,
    /// The mean of the areas' probabilities.
    pub confidence: Option<Bp>,
    /// The share of the print in sight that was found where it belongs.
    pub found: Bp,
}

impl Template {
    /// Of a blank page's picture, decoded as [`spec`] says.
    pub fn prepare(blank: &Pixels) -> Result<Template, NoMatch> {
        let inked = Inked::of(blank);
        let features = features(&inked.ink, FEATURES);
        if features.len() < matching::AGREEING_LEAST {
            return Err(NoMatch::TooLittlePrint);
        }
        let size = (blank.width as f32, blank.height as f32);
        Ok(Template { features, steps: Steps::of(&inked.ink), size })
    }

    /// Lays a photo, decoded as [`spec`] says, over the page, and judges areas, [x, y, width, height] in basis points of
    /// the blank page.
    pub fn compare(&self, photo: &Pixels, areas: &[[Bp; 4]]) -> Result<Compared, NoMatch> {
        let inked = Inked::of(photo);
        let planes = Photo::of(&inked.ink);
        let laid = self.lay(&inked, &planes)?;
        let red = inked.red.as_ref().map(Photo::of);
        let parts: Vec<[f32; 4]> = areas.iter().map(|area| area.map(|side| f32::from(side.get()) / 10_000.0)).collect();
        let measured = decide::measure(&self.steps, &planes, red.as_ref(), &laid, &parts);
        let size = (photo.width as f32, photo.height as f32);
        let told: Vec<Option<f32>> = measured.iter().map(decide::Measured::answered).collect();
        let areas = parts.iter().zip(&told).map(|(part, told)| area(self.box_in(&laid, *part, size), *told)).collect();
        let seen: Vec<f32> = told.into_iter().flatten().collect();
        let mean = |of: &dyn Fn(f32) -> f32| {
            (!seen.is_empty()).then(|| points(seen.iter().map(|p| of(*p)).sum::<f32>() / seen.len() as f32))
        };
        Ok(Compared {
            areas,
            completion: mean(&|p| f32::from(u8::from(p >= 0.5))),
            confidence: mean(&|p| p.max(1.0 - p)),
            found: points(laid.found),
        })
    }

    /// How the photo lies over the page.
    fn lay(&self, inked: &Inked, planes: &Photo) -> Result<Laid, NoMatch> {
        let found = features(&inked.ink, FEATURES * 3 / 2);
        let size = (inked.ink.w as f32, inked.ink.h as f32);
        let mut why = NoMatch::NoPage;
        let mut best: Option<Laid> = None;
        for h in matching::perspectives(&self.features, &found, self.size, size)?.into_iter().take(WAYS) {
            if !lies(&h, self.size, size) {
                continue;
            }
            why = NoMatch::PrintDiffers;
            let better = |laid: &Laid| best.as_ref().is_none_or(|best| laid.found > best.found);
            if let Some(laid) = refine(&self.steps, planes, h).filter(|l| lies(&l.h, self.size, size)).filter(better) {
                best = Some(laid);
            }
            if best.as_ref().is_some_and(|best| best.found > FOUND_ENOUGH && best.least > QUARTER_LEAST) {
                break;
            }
        }
        best.filter(|best| best.found >= FOUND_LEAST && best.least >= QUARTER_LEAST).ok_or(why)
    }

    /// The box around an area as it lies in the photo, in parts of the photo.
    fn box_in(&self, laid: &Laid, [x, y, w, h]: [f32; 4], photo: (f32, f32)) -> [f32; 4] {
        let corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)].map(|(x, y)| {
            let (u, v) = laid.map((x * self.size.0, y * self.size.1)).unwrap_or((0.0, 0.0));
            ((u / photo.0.max(1.0)).clamp(0.0, 1.0), (v / photo.1.max(1.0)).clamp(0.0, 1.0))
        });
        let least = corners.iter().fold((1f32, 1f32), |a, b| (a.0.min(b.0), a.1.min(b.1)));
        let most = corners.iter().fold((0f32, 0f32), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        [least.0, least.1, (most.0 - least.0).max(0.0), (most.1 - least.1).max(0.0)]
    }
}

fn area([x, y, w, h]: [f32; 4], answered: Option<f32>) -> Area {
    let p = answered.unwrap_or(0.5);
    let state = match p {
        p if p > UNSURE && p < 1.0 - UNSURE => AreaState::Unsure,
        p if p >= 0.5 => AreaState::Answered,
        _ => AreaState::Blank,
    };
    let (x, y) = (points(x), points(y));
    // An area never leaves the photo, whatever was rounded.
    let side = |from: Bp, long: f32| points(long.min(1.0 - f32::from(from.get()) / 10_000.0));
    Area { at: [x, y, side(x, w), side(y, h)], state, probability: points(p.max(1.0 - p)) }
}

fn points(part: f32) -> Bp {
    Bp::new((part.clamp(0.0, 1.0) * 10_000.0) as u16).unwrap_or(Bp::ZERO)
}

/// True where a page may lie so in a photo: not behind the camera, not seen from its back, not far smaller or longer than it is.
fn lies(h: &Homography, (w, long): (f32, f32), photo: (f32, f32)) -> bool {
    let [Some(a), Some(b), Some(c), Some(d)] = [(0.0, 0.0), (w, 0.0), (w, long), (0.0, long)].map(|p| h.map(p)) else {
        return false;
    };
    type Point = (f32, f32);
    let turn = |p: Point, q: Point, r: Point| (q.0 - p.0) * (r.1 - q.1) - (q.1 - p.1) * (r.0 - q.0);
    if ![turn(a, b, c), turn(b, c, d), turn(c, d, a), turn(d, a, b)].iter().all(|turn| *turn > 0.0) {
        return false;
    }
    let far = |p: Point, q: Point| (p.0 - q.0).hypot(p.1 - q.1);
    let (top, right, bottom, left) = (far(a, b), far(b, c), far(c, d), far(d, a));
    let even = |p: f32, q: f32| p < 2.5 * q && q < 2.5 * p;
    let shape = ((top + bottom) / (left + right)) / (w / long);
    let area = (top + bottom) * (left + right) / 4.0;
    even(top, bottom) && even(left, right) && (0.5..2.0).contains(&shape) && area > 0.03 * photo.0 * photo.1
}
