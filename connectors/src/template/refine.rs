//! From a rough perspective to one that is right to the pixel, and how paper that is bent lies off it.
//!
//! Patches of the template's print are looked for around where they should be, at three sizes, ever finer. What all agree on
//! mends the perspective; what neighbours agree on beyond that is the bend.

use super::decide::Blank;
use super::homography::{Homography, Pair};
use super::plane::Plane;

/// The longer side of the template at each step, in pixels.
pub(super) const SIDES: [usize; 3] = [300, 600, 1200];
/// A patch is looked for this far around, in pixels of its step.
const SEARCH: [isize; 3] = [5, 4, 3];
/// A patch has this radius; every other pixel of it counts at the finest step.
const PATCH: isize = 9;
/// One patch in each square of this side.
const CELLS: [usize; 3] = [22, 32, 48];
/// Fewer patches than these say nothing.
const FOUND_LEAST: usize = 8;
/// A patch is found where it is at least this alike (correlation).
const ALIKE: f32 = 0.5;

/// A patch changes at least so much both ways: ten times the noise of paper.
const PATCH_LEAST: f32 = 2.0e4;

/// A patch that is this much alike speaks for the page being the same; those that are less help to lay it.
const SAME: f32 = 0.6;

/// Where the bend is known: so many places across the longer side.
const NODES: usize = 16;

/// A page's ink at the three sizes, and the patches that are looked for.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    /// The finest, as sharp as it is.
    pub plane: Plane,
    pub blank: Blank,
    /// All of them, as patches are looked for: the finest a little blurred, as photos are.
    sought: [Plane; 3],
    patches: [Vec<(usize, usize)>; 3],
    /// Of the plane that points are given in.
    pub size: (f32, f32),
}

impl Steps {
    pub fn of(ink: &Plane) -> Steps {
        let side = ink.w.max(ink.h).max(1) as f32;
        let planes = SIDES.map(|to| {
            let scale = to as f32 / side;
            ink.scaled(((ink.w as f32 * scale) as usize).max(1), ((ink.h as f32 * scale) as usize).max(1))
        });
        let plane = planes[2].clone();
        let sought: [Plane; 3] = {
            let [a, b, c] = planes;
            [a, b, c.blurred(1)]
        };
        let patches =
            std::array::from_fn(|i| patches(&sought[i], CELLS[i], PATCH as usize * if i == 2 { 2 } else { 1 }));
        Steps { patches, blank: Blank::of(&plane), plane, sought, size: (ink.w as f32, ink.h as f32) }
    }
}

/// In each cell the place whose surroundings change most in every direction.
fn patches(plane: &Plane, cell: usize, r: usize) -> Vec<(usize, usize)> {
    let (w, h) = (plane.w, plane.h);
    let mut found = Vec::new();
    // Sums over blocks of 4 x 4 are fine enough to choose by.
    const B: usize = 4;
    let (bw, bh) = (w / B, h / B);
    let mut sums = vec![[0f32; 3]; bw * bh];
    for y in 1..h.saturating_sub(1) {
        let (above, row, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        for x in 1..w.saturating_sub(1) {
            let (dx, dy) = (f32::from(row[x + 1]) - f32::from(row[x - 1]), f32::from(below[x]) - f32::from(above[x]));
            if let Some(sum) = sums.get_mut((y / B).min(bh.saturating_sub(1)) * bw + (x / B).min(bw.saturating_sub(1)))
            {
                sum[0] += dx * dx;
                sum[1] += dy * dy;
                sum[2] += dx * dy;
            }
        }
    }
    let reach = (r / B).max(1) as isize;
    for cy in (0..bh).step_by((cell / B).max(1)) {
        for cx in (0..bw).step_by((cell / B).max(1)) {
            let mut best = (0f32, 0, 0);
            for by in (cy..(cy + cell / B).min(bh)).step_by(2) {
                for bx in (cx..(cx + cell / B).min(bw)).step_by(2) {
                    let (x, y) = (bx * B + B / 2, by * B + B / 2);
                    if x < r + 1 || y < r + 1 || x + r + 1 >= w || y + r + 1 >= h {
                        continue;
                    }
                    let mut s = [0f32; 3];
                    for oy in -reach..=reach {
                        for ox in -reach..=reach {
                            let i = (by as isize + oy) * bw as isize + bx as isize + ox;
                            if let Some(sum) = usize::try_from(i).ok().and_then(|i| sums.get(i)) {
                                s.iter_mut().zip(sum).for_each(|(a, b)| *a += b);
                            }
                        }
                    }
                    let least = (s[0] + s[1]) / 2.0 - ((s[0] - s[1]) * (s[0] - s[1]) / 4.0 + s[2] * s[2]).sqrt();
                    if least > best.0 {
                        best = (least, x, y);
                    }
                }
            }
            if best.0 > PATCH_LEAST {
                found.push((best.1, best.2));
            }
        }
    }
    found
}

/// How the photo lies over the template.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    /// From the template's points to the photo's.
    pub h: Homography,
    /// Beyond that, in points of the template, at nodes: see `Laid::bend`.
    nodes: Vec<(f32, f32)>,
    across: (usize, usize),
    size: (f32, f32),
    /// Of the print in sight, the share that was found where it should be: 0 to 1.
    pub found: f32,
    /// The same of the quarter of the page where the least was found.
    pub least: f32,
}

impl Laid {
    pub fn flat(h: Homography, size: (f32, f32)) -> Laid {
        let step = size.0.max(size.1) / NODES as f32;
        let across = ((size.0 / step).ceil() as usize + 1, (size.1 / step).ceil() as usize + 1);
        Laid { h, nodes: vec![(0.0, 0.0); across.0 * across.1], across, size, found: 0.0, least: 0.0 }
    }

    fn step(&self) -> f32 {
        self.size.0.max(self.size.1) / NODES as f32
    }

    /// How far off the flat page a point lies.
    fn bend(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (u, v) = ((x / self.step()).max(0.0), (y / self.step()).max(0.0));
        let (i, j) =
            ((u as usize).min(self.across.0.saturating_sub(2)), (v as usize).min(self.across.1.saturating_sub(2)));
        let (fu, fv) = ((u - i as f32).min(1.0), (v - j as f32).min(1.0));
        let node = |i: usize, j: usize| self.nodes.get(j * self.across.0 + i).copied().unwrap_or((0.0, 0.0));
        let mix = |a: (f32, f32), b: (f32, f32), f: f32| (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f);
        mix(mix(node(i, j), node(i + 1, j), fu), mix(node(i, j + 1), node(i + 1, j + 1), fu), fv)
    }

    /// Where a point of the template is in the photo.
    pub fn map(&self, at: (f32, f32)) -> Option<(f32, f32)> {
        let off = self.bend(at);
        self.h.map((at.0 + off.0, at.1 + off.1))
    }

    /// The photo as the template lies, at a size; 255 in the second plane where the photo shows it.
    pub fn warp(&self, photo: &Photo, w: usize, h: usize) -> (Plane, Vec<bool>) {
        let (sx, sy) = (self.size.0 / w.max(1) as f32, self.size.1 / h.max(1) as f32);
        let corner = |x: f32, y: f32| self.h.map((x, y)).unwrap_or((0.0, 0.0));
        let (a, b) = (corner(0.0, self.size.1 / 2.0), corner(self.size.0, self.size.1 / 2.0));
        let per = (a.0 - b.0).hypot(a.1 - b.1) / w.max(1) as f32;
        let (from, scale) = photo.at(per);
        let mut sight = vec![false; w * h];
        // The map is exact at every eighth pixel and straight between.
        const EACH: usize = 8;
        let plane = Plane::build(w, h, |y, out| {
            let ends: Vec<Option<(f32, f32)>> = (0..=w.div_ceil(EACH))
                .map(|k| self.map(((k * EACH) as f32 * sx + (sx - 1.0) / 2.0, (y as f32 + 0.5) * sy - 0.5)))
                .collect();
            let seen = sight.get_mut(y * w..(y + 1) * w).unwrap_or(&mut []);
            for (k, (out, seen)) in out.chunks_mut(EACH).zip(seen.chunks_mut(EACH)).enumerate() {
                let (Some(Some(a)), Some(Some(b))) = (ends.get(k), ends.get(k + 1)) else { continue };
                let (dx, dy) = ((b.0 - a.0) / EACH as f32, (b.1 - a.1) / EACH as f32);
                for (i, (to, seen)) in out.iter_mut().zip(seen).enumerate() {
                    let (x, y) = (a.0 + dx * i as f32, a.1 + dy * i as f32);
                    if let Some(v) = from.between((x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5) {
                        *to = (v + 0.5) as u8;
                        *seen = true;
                    }
                }
            }
        });
        (plane, sight)
    }
}

/// A photo's ink at full size and reduced.
pub(super) struct Photo {
    sizes: Vec<Plane>,
}

impl Photo {
    pub fn of(ink: &Plane) -> Photo {
        let mut sizes = vec![ink.clone()];
        for _ in 0..2 {
            if let Some(last) = sizes.last().filter(|p| p.w > 64 && p.h > 64) {
                sizes.push(last.scaled(last.w / 2, last.h / 2));
            }
        }
        Photo { sizes }
    }
    /// The one to look at where neighbouring points are `per` pixels apart, and its scale.
    fn at(&self, per: f32) -> (&Plane, f32) {
        let i = if per > 2.8 { 2 } else { usize::from(per > 1.4) }.min(self.sizes.len().saturating_sub(1));
        let full = &self.sizes[0];
        (&self.sizes[i], self.sizes[i].w as f32 / full.w.max(1) as f32)
    }
}

/// A patch that was looked for.
struct Found {
    from: (f32, f32),
    /// Where it is, in the template's points as the page was laid before.
    at: (f32, f32),
    alike: f32,
}

/// Mends how a photo lies over the template, from a rough perspective.
pub(super) fn refine(template: &Steps, photo: &Photo, rough: Homography) -> Option<Laid> {
    let mut laid = Laid::flat(rough, template.size);
    for (step, side) in SIDES.iter().enumerate() {
        let plane = &template.sought[step];
        let (shown, sight) = laid.warp(photo, plane.w, plane.h);
        let shown = if step == 2 { shown.blurred(1) } else { shown };
        let (found, seen) = look(template, step, &shown, &sight);
        if found.len() < FOUND_LEAST {
            // Fine print is all grey at the smallest size.
            if step == 0 {
                continue;
            }
            return None;
        }
        let targets: Vec<(Found, (f32, f32))> =
            found.into_iter().filter_map(|f| laid.map(f.at).map(|to| (f, to))).collect();
        if step < 2 {
            laid.h = robust(&targets, laid.h, template.size)?;
        }
        if step > 0 {
            bend(&mut laid, &targets, if step == 1 { 0.09 } else { 0.06 })?;
        }
        // How far from where it lies now each patch was found.
        let close = laid.size.0.max(laid.size.1) * 3.0 / *side as f32;
        let mut right = targets.iter().filter(|(f, to)| {
            f.alike >= SAME && laid.map(f.from).is_some_and(|at| (at.0 - to.0).hypot(at.1 - to.1) < close * span(&laid))
        });
        let (mut there, mut sought) = ([0usize; 4], [0usize; 4]);
        right.by_ref().for_each(|(f, _)| there[quarter(f.from, laid.size)] += 1);
        seen.iter().for_each(|at| sought[quarter(*at, laid.size)] += 1);
        let share = |n: usize, of: usize| n as f32 / of.max(1) as f32;
        let all = share(there.iter().sum(), sought.iter().sum());
        // Half a page of like boxes agrees with itself, some rows off: the rest of the print has to agree too.
        let least = there.iter().zip(sought).filter(|(_, of)| *of >= FOUND_LEAST).map(|(n, of)| share(*n, of));
        // A blurred photo has lost the finest print: what was found at a smaller size counts as well.
        if step > 0 && all >= laid.found {
            (laid.found, laid.least) = (all, least.fold(1.0, f32::min));
        }
    }
    Some(laid)
}

/// Which quarter of the page a point lies in: 0 to 3.
fn quarter((x, y): (f32, f32), (w, h): (f32, f32)) -> usize {
    usize::from(x > w / 2.0) + 2 * usize::from(y > h / 2.0)
}

/// Pixels of the photo for one point of the template, about its middle.
fn span(laid: &Laid) -> f32 {
    let (x, y) = (laid.size.0 / 2.0, laid.size.1 / 2.0);
    match (laid.h.map((x - 50.0, y)), laid.h.map((x + 50.0, y))) {
        (Some(a), Some(b)) => (a.0 - b.0).hypot(a.1 - b.1) / 100.0,
        _ => 1.0,
    }
}

fn look(template: &Steps, step: usize, shown: &Plane, sight: &[bool]) -> (Vec<Found>, Vec<(f32, f32)>) {
    let plane = &template.sought[step];
    let (sx, sy) = (template.size.0 / plane.w as f32, template.size.1 / plane.h as f32);
    let stride = if step == 2 { 2 } else { 1 };
    let reach = SEARCH[step] + PATCH * stride;
    let (mut found, mut seen) = (Vec::new(), Vec::new());
    for &(x, y) in &template.patches[step] {
        let inside = |dx: isize, dy: isize| {
            let (u, v) = (x as isize + dx, y as isize + dy);
            u >= 0
                && v >= 0
                && u < plane.w as isize
                && v < plane.h as isize
                && sight.get(v as usize * plane.w + u as usize) == Some(&true)
        };
        if ![(-reach, -reach), (reach, -reach), (-reach, reach), (reach, reach)].iter().all(|(a, b)| inside(*a, *b)) {
            continue;
        }
        let point = |x: f32, y: f32| ((x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5);
        seen.push(point(x as f32, y as f32));
        let Some((dx, dy, alike)) = best(plane, shown, (x as isize, y as isize), SEARCH[step], stride) else {
            continue;
        };
        if alike < ALIKE {
            continue;
        }
        found.push(Found { from: point(x as f32, y as f32), at: point(x as f32 + dx, y as f32 + dy), alike });
    }
    (found, seen)
}

/// Where around a place the patch is most alike, to parts of a pixel, and how alike (correlation).
fn best(plane: &Plane, shown: &Plane, (x, y): (isize, isize), search: isize, stride: isize) -> Option<(f32, f32, f32)> {
    let side = (2 * PATCH + 1) as usize;
    let mut patch = Vec::with_capacity(side * side);
    for dy in -PATCH..=PATCH {
        for dx in -PATCH..=PATCH {
            patch.push(i32::from(plane.get(x + dx * stride, y + dy * stride)));
        }
    }
    let n = patch.len() as f32;
    let (sum, squares) = (patch.iter().sum::<i32>() as f32, patch.iter().map(|v| v * v).sum::<i32>() as f32);
    let own = squares - sum * sum / n;
    if own < n {
        return None;
    }
    let wide = (2 * search + 1) as usize;
    let mut values = vec![-1f32; wide * wide];
    let mut top = (0, -1f32);
    for oy in -search..=search {
        for ox in -search..=search {
            let (mut s, mut ss, mut st) = (0i32, 0i32, 0i32);
            for (k, dy) in (-PATCH..=PATCH).enumerate() {
                let row = shown.row((y + oy + dy * stride).max(0) as usize);
                let start = (x + ox - PATCH * stride).max(0) as usize;
                let line = patch.get(k * side..(k + 1) * side).unwrap_or(&[]);
                for (t, v) in line.iter().zip(row.get(start..).unwrap_or(&[]).iter().step_by(stride as usize)) {
                    let v = i32::from(*v);
                    s += v;
                    ss += v * v;
                    st += v * t;
                }
            }
            let (s, ss, st) = (s as f32, ss as f32, st as f32);
            let other = ss - s * s / n;
            let alike = if other > n { (st - s * sum / n) / (own * other).sqrt() } else { -1.0 };
            let i = (oy + search) as usize * wide + (ox + search) as usize;
            values[i] = alike;
            if alike > top.1 {
                top = (i, alike);
            }
        }
    }
    let (i, j) = (top.0 % wide, top.0 / wide);
    if i == 0 || j == 0 || i + 1 == wide || j + 1 == wide {
        return None;
    }
    // The top of the parabola through three values.
    let part = |a: f32, b: f32, c: f32| {
        let curve = a - 2.0 * b + c;
        if curve < -1e-6 {
            (0.5 * (a - c) / curve).clamp(-0.5, 0.5)
        } else {
            0.0
        }
    };
    let at = |i: usize, j: usize| values[j * wide + i];
    let (fx, fy) = (part(at(i - 1, j), top.1, at(i + 1, j)), part(at(i, j - 1), top.1, at(i, j + 1)));
    Some((i as f32 - search as f32 + fx, j as f32 - search as f32 + fy, top.1))
}

/// The perspective that most patches agree on: least squares, those far off counting ever less.
fn robust(targets: &[(Found, (f32, f32))], start: Homography, size: (f32, f32)) -> Option<Homography> {
    let mut h = start;
    let side = size.0.max(size.1);
    for off_max in [0.012, 0.008, 0.005, 0.004, 0.004] {
        let near = Laid::flat(h, size);
        let off_max = off_max * side * span(&near);
        let pairs: Vec<Pair> = targets
            .iter()
            .filter_map(|(f, to)| {
                let at = h.map(f.from)?;
                let off = ((at.0 - to.0).hypot(at.1 - to.1)) / off_max;
                Some(Pair { from: f.from, to: *to, weight: (f.alike - ALIKE + 0.1) / (1.0 + off * off).powi(2) })
            })
            .collect();
        h = Homography::fit(&pairs, false)?;
    }
    Some(h)
}

/// What neighbouring patches agree on beyond the perspective.
fn bend(laid: &mut Laid, targets: &[(Found, (f32, f32))], wide: f32) -> Option<()> {
    let back = laid.h.back()?;
    let side = laid.size.0.max(laid.size.1);
    let offs: Vec<((f32, f32), (f32, f32), f32)> = targets
        .iter()
        .filter_map(|(f, to)| {
            let at = back.map(*to)?;
            let off = (at.0 - f.from.0, at.1 - f.from.1);
            // Paper bends by a fiftieth of the page at most.
            (off.0.hypot(off.1) < 0.02 * side).then_some((f.from, off, f.alike - ALIKE + 0.1))
        })
        .collect();
    let step = laid.step();
    let mut nodes = Vec::with_capacity(laid.nodes.len());
    for j in 0..laid.across.1 {
        for i in 0..laid.across.0 {
            let (x, y) = (i as f32 * step, j as f32 * step);
            let mut mean = (0.0, 0.0);
            for pass in 0..3 {
                // Where nothing is known the page is flat.
                let (mut all, mut sum) = (0.15f32, (0.0f32, 0.0f32));
                for (at, off, weight) in &offs {
                    let far = ((at.0 - x).powi(2) + (at.1 - y).powi(2)) / (wide * side).powi(2);
                    if far > 9.0 {
                        continue;
                    }
                    let odd = if pass == 0 { 0.0 } else { (off.0 - mean.0).hypot(off.1 - mean.1) / (0.003 * side) };
                    let weight = weight * (-far / 2.0).exp() / (1.0 + odd * odd);
                    all += weight;
                    sum = (sum.0 + weight * off.0, sum.1 + weight * off.1);
                }
                mean = (sum.0 / all, sum.1 / all);
            }
            nodes.push(mean);
        }
    }
    laid.nodes = nodes;
    Some(())
}
