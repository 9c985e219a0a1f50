//! Points of a page that can be found again: corners of its print at several sizes, each with 256 bits that say what is around it.

use super::plane::Plane;

/// The longer side of the largest size at which corners are looked for.
const SIDE_PX: usize = 800;
/// Each size is this much smaller than the one before. Four of them let a page half as large in the photo be known.
const STEP: f32 = 0.707;
const LEVELS: i32 = 4;
/// Bits are compared within this radius, and the direction comes from it.
const RADIUS: isize = 15;
/// At most this many corners in each square of this side, so that a dark corner of the page does not have them all.
const CELL_PX: usize = 28;
const PER_CELL: usize = 2;

/// A corner: where it is in the picture that it came from (pixels), its direction, its size, its bits.
#[derive(Clone, Debug)]
pub(crate) struct Feature {
    pub x: f32,
    pub y: f32,
    pub angle: f32,
    pub size: f32,
    pub bits: [u64; 4],
}

/// At most `most` features of a plane of ink, those of the strongest corners first.
pub(crate) fn features(ink: &Plane, most: usize) -> Vec<Feature> {
    let mut found = Vec::new();
    let tests = tests();
    for level in 0..LEVELS {
        let scale = (SIDE_PX as f32 / ink.w.max(ink.h).max(1) as f32) * STEP.powi(level);
        let (w, h) = ((ink.w as f32 * scale) as usize, (ink.h as f32 * scale) as usize);
        if w < 64 || h < 64 {
            break;
        }
        // What is the same on a sharp print and on a blurred photo of it.
        let soft = ink.scaled(w, h).blurred(1);
        let wide = soft.blurred(1);
        let share = (most as f32 * (1.0 - STEP) * STEP.powi(level) / (1.0 - STEP.powi(LEVELS))) as usize;
        for (x, y) in corners(&soft, share) {
            let angle = direction(&wide, x, y);
            let (fx, fy) = (ink.w as f32 / w as f32, ink.h as f32 / h as f32);
            found.push(Feature {
                x: (x as f32 + 0.5) * fx - 0.5,
                y: (y as f32 + 0.5) * fy - 0.5,
                angle,
                size: 1.0 / scale,
                bits: bits(&wide, x, y, angle, &tests),
            });
        }
    }
    found
}

/// Harris' measure at each pixel, the greatest of each cell.
fn corners(plane: &Plane, most: usize) -> Vec<(usize, usize)> {
    let (w, h, r) = (plane.w, plane.h, RADIUS as usize + 5);
    if w <= 2 * r || h <= 2 * r {
        return Vec::new();
    }
    let mut products = [vec![0f32; w * h], vec![0f32; w * h], vec![0f32; w * h]];
    for y in 1..h - 1 {
        let (above, row, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        for x in 1..w - 1 {
            let dx = f32::from(row[x + 1]) - f32::from(row[x - 1]);
            let dy = f32::from(below[x]) - f32::from(above[x]);
            let i = y * w + x;
            products[0][i] = dx * dx;
            products[1][i] = dy * dy;
            products[2][i] = dx * dy;
        }
    }
    for product in &mut products {
        sum_around(product, w, h);
    }
    let measure: Vec<f32> = (0..w * h)
        .map(|i| {
            let (a, b, c) = (products[0][i], products[1][i], products[2][i]);
            a * b - c * c - 0.05 * (a + b) * (a + b)
        })
        .collect();
    let (cells_x, cells_y) = (w.div_ceil(CELL_PX), h.div_ceil(CELL_PX));
    let mut best: Vec<Vec<(f32, usize, usize)>> = vec![Vec::new(); cells_x * cells_y];
    for y in r..h - r {
        for x in r..w - r {
            let here = measure[y * w + x];
            if here < LEAST {
                continue;
            }
            let rows = [y - 1, y, y + 1].map(|y| y * w + x);
            let around = rows.iter().flat_map(|i| measure.get(i - 1..i + 2).unwrap_or(&[]));
            if around.copied().any(|v| v > here) {
                continue;
            }
            best[(y / CELL_PX) * cells_x + x / CELL_PX].push((here, x, y));
        }
    }
    let mut kept: Vec<(f32, usize, usize)> = Vec::new();
    for mut cell in best {
        cell.sort_by(|a, b| b.0.total_cmp(&a.0));
        kept.extend(cell.into_iter().take(PER_CELL));
    }
    kept.sort_by(|a, b| b.0.total_cmp(&a.0));
    kept.into_iter().take(most).map(|(_, x, y)| (x, y)).collect()
}

/// Weaker corners are noise of paper: about a tenth of black on white.
const LEAST: f32 = 4.0e7;

/// Over 5 x 5 pixels, in place.
fn sum_around(of: &mut [f32], w: usize, h: usize) {
    let mut line = vec![0f32; w];
    for row in of.chunks_exact_mut(w) {
        line.copy_from_slice(row);
        for x in 2..w - 2 {
            row[x] = line[x - 2] + line[x - 1] + line[x] + line[x + 1] + line[x + 2];
        }
    }
    let copy = of.to_vec();
    for y in 2..h - 2 {
        for x in 0..w {
            let i = y * w + x;
            of[i] = copy[i - 2 * w] + copy[i - w] + copy[i] + copy[i + w] + copy[i + 2 * w];
        }
    }
}

/// From the corner to the middle of the ink around it.
fn direction(plane: &Plane, x: usize, y: usize) -> f32 {
    let (mut mx, mut my) = (0i64, 0i64);
    for dy in -RADIUS..=RADIUS {
        let half = ((RADIUS * RADIUS - dy * dy) as f32).sqrt() as isize;
        let row = plane.row((y as isize + dy).max(0) as usize);
        for dx in -half..=half {
            let v = row.get((x as isize + dx).max(0) as usize).copied().map_or(0, i64::from);
            mx += v * dx as i64;
            my += v * dy as i64;
        }
    }
    (my as f32).atan2(mx as f32)
}

/// Which of two places around the corner is darker, 256 times.
fn bits(plane: &Plane, x: usize, y: usize, angle: f32, tests: &[[f32; 4]; 256]) -> [u64; 4] {
    let (s, c) = angle.sin_cos();
    let look = |dx: f32, dy: f32| {
        let (u, v) = ((c * dx - s * dy).round() as isize, (s * dx + c * dy).round() as isize);
        plane.get(x as isize + u, y as isize + v)
    };
    let mut bits = [0u64; 4];
    for (i, t) in tests.iter().enumerate() {
        let darker = look(t[0], t[1]) > look(t[2], t[3]);
        bits[i / 64] |= u64::from(darker) << (i % 64);
    }
    bits
}

/// Places by a bell curve (the sum of four even ones), within the radius. The same at every start: they are part of what a
/// feature means.
fn tests() -> [[f32; 4]; 256] {
    let mut dice = Dice(7);
    let mut place = || (0..4).map(|_| dice.part() - 0.5).sum::<f32>() * 1.1 * RADIUS as f32;
    std::array::from_fn(|_| loop {
        let test = [place(), place(), place(), place()];
        let inside = |x: f32, y: f32| x * x + y * y < (RADIUS * RADIUS) as f32;
        if inside(test[0], test[1]) && inside(test[2], test[3]) {
            break test;
        }
    })
}

/// SplitMix64: the same numbers at every start.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0 to 1.
    pub fn part(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
    #[cfg(test)]
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}
