//! Plane perspective: points of one picture to those of another.

/// A 3 x 3 matrix, rows one after the other, that takes (x, y, 1) of one picture to another's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Homography(pub [f64; 9]);

/// A point and where it is in the other picture, with its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub from: (f32, f32),
    pub to: (f32, f32),
    pub weight: f32,
}

impl Homography {
    /// The similarity that takes two points to two others; None where they lie together.
    pub fn similar(a: (f32, f32), b: (f32, f32), to_a: (f32, f32), to_b: (f32, f32)) -> Option<Homography> {
        let (dx, dy) = (f64::from(b.0 - a.0), f64::from(b.1 - a.1));
        let (ex, ey) = (f64::from(to_b.0 - to_a.0), f64::from(to_b.1 - to_a.1));
        let long = dx * dx + dy * dy;
        if long < 1.0 {
            return None;
        }
        let (c, s) = ((dx * ex + dy * ey) / long, (dx * ey - dy * ex) / long);
        let (x, y) = (f64::from(a.0), f64::from(a.1));
        Some(Homography([
            c,
            -s,
            f64::from(to_a.0) - c * x + s * y,
            s,
            c,
            f64::from(to_a.1) - s * x - c * y,
            0.0,
            0.0,
            1.0,
        ]))
    }

    /// First this, then `then`.
    pub fn then(&self, then: &Homography) -> Homography {
        let (a, b) = (&then.0, &self.0);
        Homography(std::array::from_fn(|i| (0..3).map(|k| a[i / 3 * 3 + k] * b[k * 3 + i % 3]).sum()))
    }

    /// The way back; None where there is none.
    pub fn back(&self) -> Option<Homography> {
        let m = &self.0;
        let minor = |a: usize, b: usize, c: usize, d: usize| m[a] * m[b] - m[c] * m[d];
        let back = [
            minor(4, 8, 5, 7),
            minor(2, 7, 1, 8),
            minor(1, 5, 2, 4),
            minor(5, 6, 3, 8),
            minor(0, 8, 2, 6),
            minor(2, 3, 0, 5),
            minor(3, 7, 4, 6),
            minor(1, 6, 0, 7),
            minor(0, 4, 1, 3),
        ];
        let last = back[8];
        (last.is_finite() && last.abs() > 1e-12).then(|| Homography(back.map(|v| v / last)))
    }

    /// Where a point goes; None behind the camera.
    pub fn map(&self, (x, y): (f32, f32)) -> Option<(f32, f32)> {
        let (x, y, m) = (f64::from(x), f64::from(y), &self.0);
        let z = m[6] * x + m[7] * y + m[8];
        let to = (((m[0] * x + m[1] * y + m[2]) / z) as f32, ((m[3] * x + m[4] * y + m[5]) / z) as f32);
        (z > 1e-6 && to.0.is_finite() && to.1.is_finite()).then_some(to)
    }

    /// The least squares homography of weighted pairs, at least four; affine where `affine` says so, at least three.
    /// Points are brought to about -1..1 first, without which the numbers are lost in rounding.
    pub fn fit(pairs: &[Pair], affine: bool) -> Option<Homography> {
        let (n, least) = if affine { (6, 3) } else { (8, 4) };
        if pairs.iter().filter(|pair| pair.weight > 0.0).count() < least {
            return None;
        }
        let (a, b) = (norm(pairs.iter().map(|p| (p.from, p.weight)))?, norm(pairs.iter().map(|p| (p.to, p.weight)))?);
        let mut normal = [[0.0f64; 9]; 8];
        for pair in pairs {
            let ((x, y), (u, v)) = (a.put(pair.from), b.put(pair.to));
            let w = f64::from(pair.weight);
            for (row, value) in
                [([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u), ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v)]
            {
                for i in 0..n {
                    for j in 0..n {
                        normal[i][j] += w * row[i] * row[j];
                    }
                    normal[i][8] += w * row[i] * value;
                }
            }
        }
        let h = solve(&mut normal, n)?;
        let inner = Homography([h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1.0]);
        let found = a.matrix().then(&inner).then(&b.back());
        // Scaled so that the last is 1: where it is not positive, the page's corner lies behind the camera.
        let last = found.0[8];
        (last.abs() > 1e-12).then(|| Homography(found.0.map(|v| v / last)))
    }
}

struct Norm {
    x: f64,
    y: f64,
    scale: f64,
}

impl Norm {
    fn put(&self, (x, y): (f32, f32)) -> (f64, f64) {
        ((f64::from(x) - self.x) * self.scale, (f64::from(y) - self.y) * self.scale)
    }
    fn matrix(&self) -> Homography {
        Homography([self.scale, 0.0, -self.x * self.scale, 0.0, self.scale, -self.y * self.scale, 0.0, 0.0, 1.0])
    }
    fn back(&self) -> Homography {
        Homography([1.0 / self.scale, 0.0, self.x, 0.0, 1.0 / self.scale, self.y, 0.0, 0.0, 1.0])
    }
}

fn norm(points: impl Iterator<Item = ((f32, f32), f32)> + Clone) -> Option<Norm> {
    let sum = |of: &dyn Fn((f32, f32)) -> f64| points.clone().map(|(p, w)| f64::from(w) * of(p)).sum::<f64>();
    let all = sum(&|_| 1.0);
    if all <= 0.0 {
        return None;
    }
    let (x, y) = (sum(&|p| f64::from(p.0)) / all, sum(&|p| f64::from(p.1)) / all);
    let spread = sum(&|p| (f64::from(p.0) - x).powi(2) + (f64::from(p.1) - y).powi(2)) / all;
    (spread > 1e-9).then(|| Norm { x, y, scale: (2.0 / spread).sqrt() })
}

/// Gauss with pivots: n equations, the right side in column 8.
fn solve(m: &mut [[f64; 9]; 8], n: usize) -> Option<[f64; 8]> {
    for k in 0..n {
        let best = (k..n).max_by(|a, b| m[*a][k].abs().total_cmp(&m[*b][k].abs()))?;
        m.swap(k, best);
        if m[k][k].abs() < 1e-10 {
            return None;
        }
        for i in k + 1..n {
            let f = m[i][k] / m[k][k];
            let above = m[k];
            m[i].iter_mut().zip(above).skip(k).for_each(|(v, a)| *v -= f * a);
        }
    }
    let mut x = [0.0; 8];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| m[k][j] * x[j]).sum();
        x[k] = (m[k][8] - known) / m[k][k];
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}
