//! Area by area: is there ink that the blank page has not?
//!
//! How dark a pixel may be is not assumed but taken from the photo itself: from what the print of each darkness, and the paper
//! near print and far from it, became beside the answer areas. So a bad copy, a scanner that makes all grey black, and a
//! blurred photo each say themselves what is no answer.

use super::ink::RED_LEAST;
use super::plane::Plane;
use super::refine::{Laid, Photo, Steps};

/// Fainter than this is no print.
const PRINT_LEAST: u8 = 14;
const FAR: u8 = 0;
const NEAR: u8 = 1;
const PRINT: u8 = 2;
/// Print and what is written over it are compared by means this far around.
const MEAN_PX: usize = 4;
/// What stands on a tint is this much darker.
const TINT_MARGIN: f32 = 40.0;
/// What is measured of an area begins so far inside, in pixels, or a fifth of its side: a neighbour's mark is none of its own.
const INSET_PX: f32 = 4.0;
/// A kind with fewer pixels beside the areas is judged by all of the page.
const KIND_PX_LEAST: u32 = 400;

/// What was measured in one area.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Measured {
    /// The share of the area that the photo shows.
    pub sight: f32,
    /// New ink, in pixels of a page 1200 high, faint ink counting less.
    pub ink: f32,
    /// How dark it is beyond what was to be expected, 0 to 1.
    pub dark: f32,
    /// Pixels.
    pub area: f32,
    /// Pixels of print.
    pub print: f32,
    /// Of them, those that are darker than their print makes them.
    pub over: f32,
    /// How rough the area is between its print, against the paper beside the areas: 1 is the same.
    pub rough: f32,
}

impl Measured {
    /// How likely it is that something was written here, 0 to 1; None where the photo does not show the area.
    ///
    /// Logistic in five numbers. The weights are fitted on the synthetic pairs of `models/pairs.py`, each page weighing the same,
    /// and blank areas together as much as answered ones.
    pub fn answered(&self) -> Option<f32> {
        if self.sight < SIGHT_LEAST {
            return None;
        }
        let ink = self.ink + self.over;
        let numbers = [
            ink.ln_1p(),
            self.rough.max(0.05).ln(),
            4.0 * self.dark,
            self.print / self.area.max(1.0),
            (1000.0 * ink / self.area.max(1.0)).ln_1p(),
        ];
        let sum = WEIGHTS.iter().zip(numbers).map(|(w, v)| w * v).sum::<f32>() + WEIGHT;
        Some(1.0 / (1.0 + (-sum).exp()))
    }
}

/// Of an area that is judged the photo shows so much.
const SIGHT_LEAST: f32 = 0.7;
const WEIGHTS: [f32; 5] = [0.2935, 0.1604, 0.5912, 0.6904, 0.7813];
const WEIGHT: f32 = -3.6604;

pub(super) fn measure(
    template: &Steps,
    photo: &Photo,
    red: Option<&Photo>,
    laid: &Laid,
    areas: &[[f32; 4]],
) -> Vec<Measured> {
    let plane = &template.plane;
    let (w, h) = (plane.w, plane.h);
    let (shown, sight) = laid.warp(photo, w, h);
    let red = red.map(|red| laid.warp(red, w, h).0);
    let Blank { print, kinds, mean: before } = &template.blank;
    let areas: Vec<[f32; 4]> = areas.iter().map(|area| inset(plane, *area)).collect();
    let mut beside = vec![true; w * h];
    for area in &areas {
        each(plane, *area, |i| beside.get_mut(i).into_iter().for_each(|b| *b = false));
    }
    let most = paper_most(kinds, &shown, &sight, &beside);
    let (over, gain) = overwritten(before, &shown, kinds, &sight);
    let new = Plane::build(w, h, |y, out| {
        let reds = red.as_ref().map(|red| red.row(y));
        for (x, (to, (v, kind))) in out.iter_mut().zip(shown.row(y).iter().zip(kinds.row(y))).enumerate() {
            let red = reds.and_then(|r| r.get(x)).is_some_and(|r| *r > RED_LEAST);
            *to = match most.get(usize::from(*kind)) {
                _ if red => 0,
                Some(most) => v.saturating_sub(*most),
                // A tint is no print: what is far darker stands on it.
                None => {
                    let print = f32::from(print.get(x as isize, y as isize));
                    (f32::from(*v) - 1.5 * gain.max(1.0) * print - TINT_MARGIN).clamp(0.0, 255.0) as u8
                }
            };
        }
    });
    let rough = roughness(&shown);
    let usual = {
        let (mut sum, mut count) = (0f32, 1f32);
        for i in (0..w * h).step_by(3).filter(|i| beside[*i] && sight[*i] && kinds.at[*i] == 0) {
            sum += f32::from(rough.at[i]);
            count += 1.0;
        }
        sum / count + 0.25
    };
    areas
        .iter()
        .map(|area| {
            let mut m = Measured::default();
            let (mut seen, mut new_px, mut sum, mut between) = (0f32, 0f32, 0f32, 0f32);
            each(plane, *area, |i| {
                m.area += 1.0;
                m.over += over.at.get(i).copied().map_or(0.0, |v| (f32::from(v) / 24.0).min(1.0));
                m.print += f32::from(u8::from(kinds.at.get(i) == Some(&PRINT)));
                if sight.get(i) != Some(&true) {
                    return;
                }
                seen += 1.0;
                let value = new.at.get(i).copied().map_or(0.0, f32::from);
                if value > 0.0 {
                    new_px += 1.0;
                    m.ink += (value / 24.0).min(1.0);
                    m.dark += value;
                }
                if kinds.at.get(i) == Some(&FAR) {
                    sum += rough.at.get(i).copied().map_or(0.0, f32::from);
                    between += 1.0;
                }
            });
            m.sight = seen / m.area.max(1.0);
            m.dark /= 255.0 * new_px.max(1.0);
            m.rough = if between > 30.0 { (sum / between + 0.25) / usual } else { 1.0 };
            m
        })
        .collect()
}

/// What is known of the blank page without a photo.
#[derive(Clone, Debug)]
pub(super) struct Blank {
    /// Its print, two pixels wider: how far a photo may be off.
    print: Plane,
    /// Where what stands: far from print, near it, on it.
    kinds: Plane,
    mean: Plane,
}

impl Blank {
    pub fn of(plane: &Plane) -> Blank {
        let (print, near) = (plane.widest(2), plane.widest(5));
        let kinds = Plane::build(plane.w, plane.h, |y, out| {
            for (to, (t, wide)) in out.iter_mut().zip(print.row(y).iter().zip(near.row(y))) {
                *to = match (t, wide) {
                    (0..PRINT_LEAST, 0..PRINT_LEAST) => FAR,
                    (0..PRINT_LEAST, _) => NEAR,
                    _ => PRINT,
                };
            }
        });
        Blank { print, kinds, mean: plane.blurred(MEAN_PX) }
    }
}

/// How dark paper is at most where nothing was written: far from print, and near it, where the print's own blur is.
fn paper_most(kinds: &Plane, shown: &Plane, sight: &[bool], beside: &[bool]) -> [u8; 2] {
    let mut counts = [[[0u32; 256]; 2]; 2];
    for (((kind, v), seen), beside) in kinds.at.iter().zip(&shown.at).zip(sight).zip(beside) {
        if let (true, Some(counts)) = (*seen, counts[usize::from(*beside)].get_mut(usize::from(*kind))) {
            counts[usize::from(*v)] += 1;
        }
    }
    let [within, out] = counts;
    std::array::from_fn(|kind| {
        let out = &out[kind];
        // Names, dates and marks are written beside the areas too, and answers in them: not the very darkest.
        let by = if out.iter().sum::<u32>() >= KIND_PX_LEAST {
            part(out, 0.85)
        } else {
            part(&std::array::from_fn(|v| out[v] + within[kind][v]), 0.7)
        };
        (by * 1.3 + 7.0).clamp(8.0, 255.0) as u8
    })
}

/// The value that a share of what was counted does not exceed.
fn part(counts: &[u32; 256], share: f32) -> f32 {
    let all: u32 = counts.iter().sum();
    let mut below = 0;
    let at = counts.iter().position(|n| {
        below += n;
        below as f32 >= share * all as f32
    });
    at.unwrap_or(0) as f32
}

/// How much darker a place on the print is than its print makes it. Means over squares, which neither blur nor a pixel's
/// shift changes much. How dark the photo has the print is the middle over all print: most of it nobody wrote on.
fn overwritten(before: &Plane, shown: &Plane, kinds: &Plane, sight: &[bool]) -> (Plane, f32) {
    let now = shown.blurred(MEAN_PX);
    let on = |i: &usize| kinds.at[*i] == PRINT && sight[*i] && before.at[*i] >= 12;
    let places: Vec<usize> = (0..kinds.at.len()).step_by(5).filter(on).collect();
    let mut ratios: Vec<f32> = places.iter().map(|i| f32::from(now.at[*i]) / f32::from(before.at[*i])).collect();
    ratios.sort_by(f32::total_cmp);
    let gain = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0).clamp(0.2, 4.0);
    let beyond = |i: usize| f32::from(now.at[i]) - gain * f32::from(before.at[i]);
    let mut offs: Vec<f32> = places.iter().map(|i| beyond(*i).abs()).collect();
    offs.sort_by(f32::total_cmp);
    let least = 8.0 + 2.5 * offs.get(offs.len() / 2).copied().unwrap_or(0.0);
    let over = Plane::build(now.w, now.h, |y, out| {
        for (x, to) in out.iter_mut().enumerate() {
            let i = y * now.w + x;
            *to = if kinds.at[i] == PRINT { (beyond(i) - least).clamp(0.0, 255.0) as u8 } else { 0 };
        }
    });
    (over, gain)
}

/// How far each pixel is from the mean around it, noise smoothed away: what faint strokes leave, and a shadow does not.
fn roughness(shown: &Plane) -> Plane {
    let (fine, wide) = (shown.blurred(1), shown.blurred(7));
    let at = fine.at.iter().zip(&wide.at).map(|(a, b)| a.abs_diff(*b)).collect();
    Plane { w: shown.w, h: shown.h, at }
}

/// An area without its rim.
fn inset(plane: &Plane, [x, y, w, h]: [f32; 4]) -> [f32; 4] {
    let (dx, dy) = ((INSET_PX / plane.w as f32).min(w / 5.0), (INSET_PX / plane.h as f32).min(h / 5.0));
    [x + dx, y + dy, w - 2.0 * dx, h - 2.0 * dy]
}

/// The places of an area's pixels.
fn each(plane: &Plane, [x, y, aw, ah]: [f32; 4], mut of: impl FnMut(usize)) {
    let (w, h) = (plane.w as f32, plane.h as f32);
    for v in (y * h) as usize..(((y + ah) * h).ceil() as usize).min(plane.h) {
        for u in (x * w) as usize..(((x + aw) * w).ceil() as usize).min(plane.w) {
            of(v * plane.w + u);
        }
    }
}
