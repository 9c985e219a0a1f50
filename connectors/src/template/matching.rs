//! Which features are the same, and the one perspective that most of them agree on.

use super::features::{Dice, Feature};
use super::homography::{Homography, Pair};
use super::NoMatch;

/// Features whose bits differ in more than this many of 256 are different: by chance 128 differ.
const BITS_OFF_MAX: u32 = 80;
/// Matches that are looked at: those that are most alone in being alike come first.
const MATCHES_MAX: usize = 700;
/// Pairs of matches that are tried. A tenth of the matches being right, one pair in a hundred is.
const TRIES: usize = 6000;
/// How many of the best are looked at closer.
const KEPT: usize = 12;
/// At least so many matches agree.
pub(super) const AGREEING_LEAST: usize = 10;
/// Directions agree within this: 35 degrees.
const TURN_OFF_MAX: f32 = 0.6;

struct Match {
    from: (f32, f32),
    to: (f32, f32),
    turn: f32,
    scale: f32,
    ratio: f32,
}

/// The perspectives from the template to the photo that most features agree on, best first.
pub(super) fn perspectives(
    template: &[Feature],
    photo: &[Feature],
    template_size: (f32, f32),
    photo_size: (f32, f32),
) -> Result<Vec<Homography>, NoMatch> {
    let matches = matches(template, photo);
    if matches.len() < AGREEING_LEAST {
        return Err(NoMatch::TooLittlePrint);
    }
    let span = photo_size.0.max(photo_size.1);
    let mut best: Vec<(f32, Homography)> = Vec::new();
    let mut dice = Dice(11);
    for _ in 0..TRIES {
        let pick = |part: f32| matches.get((part * part * matches.len() as f32) as usize);
        let (Some(a), Some(b)) = (pick(dice.part()), pick(dice.part())) else { continue };
        let Some(h) = proposal(a, b, template_size) else { continue };
        let score = score(&matches, &h, 0.02 * span);
        if best.len() < KEPT || best.last().is_some_and(|worst| score > worst.0) {
            // Two of the same kind are one.
            let at = |h: &Homography| h.map((template_size.0 / 2.0, template_size.1 / 2.0)).unwrap_or((0.0, 0.0));
            let (x, y) = at(&h);
            let same = |o: &(f32, Homography)| {
                let (u, v) = at(&o.1);
                (u - x).hypot(v - y) < 0.02 * span && turned(&o.1, &h) < 0.2
            };
            match best.iter().position(same) {
                Some(i) if best[i].0 >= score => {}
                Some(i) => best[i] = (score, h),
                None => best.push((score, h)),
            }
            best.sort_by(|a, b| b.0.total_cmp(&a.0));
            best.truncate(KEPT);
        }
    }
    let mut found: Vec<(Homography, usize)> =
        best.iter().filter_map(|(_, h)| closer(&matches, *h, span)).filter(|(_, n)| *n >= AGREEING_LEAST).collect();
    found.sort_by_key(|(_, agreeing)| std::cmp::Reverse(*agreeing));
    let ends = |h: &Homography| {
        let (w, ht) = template_size;
        [(0.0, 0.0), (w, 0.0), (w, ht), (0.0, ht)].map(|p| h.map(p).unwrap_or((f32::MAX, f32::MAX)))
    };
    let mut apart: Vec<(Homography, usize)> = Vec::new();
    for (h, n) in found {
        let same = |o: &(Homography, usize)| {
            ends(&o.0).iter().zip(ends(&h)).all(|(a, b)| (a.0 - b.0).hypot(a.1 - b.1) < 0.03 * span)
        };
        if !apart.iter().any(same) {
            apart.push((h, n));
        }
    }
    if apart.is_empty() {
        return Err(NoMatch::OtherPage);
    }
    Ok(apart.into_iter().map(|(h, _)| h).collect())
}

/// For each feature of the template the most alike of the photo.
fn matches(template: &[Feature], photo: &[Feature]) -> Vec<Match> {
    let mut matches: Vec<Match> = Vec::new();
    for t in template {
        let (mut best, mut second, mut which) = (u32::MAX, u32::MAX, None);
        for p in photo {
            let off: u32 = t.bits.iter().zip(&p.bits).map(|(a, b)| (a ^ b).count_ones()).sum();
            if off < best {
                // The same corner at another size is no rival.
                let near = which.is_some_and(|w: &Feature| (w.x - p.x).hypot(w.y - p.y) < 6.0 * p.size);
                second = if near { second } else { best };
                (best, which) = (off, Some(p));
            } else if off < second && which.is_some_and(|w| (w.x - p.x).hypot(w.y - p.y) >= 6.0 * p.size) {
                second = off;
            }
        }
        if let (Some(p), true) = (which, best <= BITS_OFF_MAX) {
            let ratio = best as f32 / second.max(1) as f32;
            matches.push(Match {
                from: (t.x, t.y),
                to: (p.x, p.y),
                turn: p.angle - t.angle,
                scale: p.size / t.size,
                ratio,
            });
        }
    }
    matches.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    matches.truncate(MATCHES_MAX);
    matches
}

/// The similarity of two matches, if their own directions and sizes say the same.
fn proposal(a: &Match, b: &Match, (w, h): (f32, f32)) -> Option<Homography> {
    if (a.from.0 - b.from.0).hypot(a.from.1 - b.from.1) < 0.1 * w.max(h) {
        return None;
    }
    let found = Homography::similar(a.from, b.from, a.to, b.to)?;
    let (turn, scale) = (found.0[3].atan2(found.0[0]) as f32, found.0[0].hypot(found.0[3]) as f32);
    let agrees = |m: &Match| apart(m.turn, turn) < TURN_OFF_MAX && (0.55..1.8).contains(&(m.scale / scale));
    (agrees(a) && agrees(b)).then_some(found)
}

fn apart(a: f32, b: f32) -> f32 {
    let d = (a - b).rem_euclid(std::f32::consts::TAU);
    d.min(std::f32::consts::TAU - d)
}

fn turned(a: &Homography, b: &Homography) -> f32 {
    apart(a.0[3].atan2(a.0[0]) as f32, b.0[3].atan2(b.0[0]) as f32)
}

fn score(matches: &[Match], h: &Homography, off_max: f32) -> f32 {
    let each = |m: &Match| {
        h.map(m.from).map_or(0.0, |to| (1.0 - ((to.0 - m.to.0).hypot(to.1 - m.to.1) / off_max).powi(2)).max(0.0))
    };
    matches.iter().map(each).sum()
}

/// From a similarity over an affine map to a perspective, by what agrees with it, ever closer. With how many agree in the end.
fn closer(matches: &[Match], mut h: Homography, span: f32) -> Option<(Homography, usize)> {
    let mut agreeing = 0;
    for (off_max, affine) in [(0.03, true), (0.025, true), (0.02, false), (0.015, false), (0.01, false), (0.008, false)]
    {
        let off_max = off_max * span;
        let pairs: Vec<Pair> = matches
            .iter()
            .filter_map(|m| {
                let to = h.map(m.from)?;
                let off = (to.0 - m.to.0).hypot(to.1 - m.to.1) / off_max;
                (off < 1.0).then_some(Pair { from: m.from, to: m.to, weight: 1.0 - off * off })
            })
            .collect();
        agreeing = pairs.len();
        h = Homography::fit(&pairs, affine || agreeing < 12)?;
    }
    Some((h, agreeing))
}
