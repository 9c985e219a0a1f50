//! One number a pixel, and how it is reduced, blurred and looked at between pixels.

/// A picture of one byte a pixel, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub w: usize,
    pub h: usize,
    pub at: Vec<u8>,
}

impl Plane {
    /// A plane of this size, computed by rows.
    pub fn build(w: usize, h: usize, mut row: impl FnMut(usize, &mut [u8])) -> Plane {
        let mut at = vec![0; w * h];
        if w > 0 {
            at.chunks_exact_mut(w).enumerate().for_each(|(y, out)| row(y, out));
        }
        Plane { w, h, at }
    }

    pub fn row(&self, y: usize) -> &[u8] {
        self.at.get(y * self.w..(y + 1) * self.w).unwrap_or(&[])
    }

    /// The pixel, or 0 outside.
    pub fn get(&self, x: isize, y: isize) -> u8 {
        if x < 0 || y < 0 || x >= self.w as isize || y >= self.h as isize {
            return 0;
        }
        self.at.get(y as usize * self.w + x as usize).copied().unwrap_or(0)
    }

    /// Between four pixels; None outside.
    pub fn between(&self, x: f32, y: f32) -> Option<f32> {
        // False for what is not a number, too.
        if !(x >= 0.0 && y >= 0.0 && x <= (self.w as f32) - 1.001 && y <= (self.h as f32) - 1.001) {
            return None;
        }
        let (x0, y0) = (x as usize, y as usize);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let i = y0 * self.w + x0;
        let (above, below) = (self.at.get(i..i + 2)?, self.at.get(i + self.w..i + self.w + 2)?);
        let (a, b) = (f32::from(above[0]), f32::from(above[1]));
        let (c, d) = (f32::from(below[0]), f32::from(below[1]));
        let (top, bottom) = (a + (b - a) * fx, c + (d - c) * fx);
        Some(top + (bottom - top) * fy)
    }

    /// Scaled to a size by means over what each pixel covers.
    pub fn scaled(&self, w: usize, h: usize) -> Plane {
        use fast_image_resize as fir;
        if (w, h) == (self.w, self.h) || w == 0 || h == 0 || self.w == 0 || self.h == 0 {
            return self.clone();
        }
        let kind = fir::PixelType::U8;
        let mut out = fir::images::Image::new(w as u32, h as u32, kind);
        let options = fir::ResizeOptions::new().resize_alg(fir::ResizeAlg::Convolution(fir::FilterType::Bilinear));
        // It fails only where a buffer is not as long as its sides say, which cannot be: see `build`.
        let source = fir::images::ImageRef::new(self.w as u32, self.h as u32, &self.at, kind);
        if source.is_err() || source.is_ok_and(|s| fir::Resizer::new().resize(&s, &mut out, &options).is_err()) {
            return Plane { w, h, at: vec![0; w * h] };
        }
        Plane { w, h, at: out.into_vec() }
    }

    /// The mean over a square of side 2 r + 1, cut off at the edges.
    pub fn blurred(&self, r: usize) -> Plane {
        let sideways = Plane::build(self.w, self.h, |y, out| box_line(self.row(y), r, out));
        // Down the columns all at once: sums that the next row joins and the last one leaves.
        let mut sums = vec![0u32; self.w];
        let mut count = 0u32;
        for y in 0..r.min(self.h) {
            sums.iter_mut().zip(sideways.row(y)).for_each(|(sum, v)| *sum += u32::from(*v));
            count += 1;
        }
        Plane::build(self.w, self.h, |y, out| {
            if y + r < self.h {
                sums.iter_mut().zip(sideways.row(y + r)).for_each(|(sum, v)| *sum += u32::from(*v));
                count += 1;
            }
            if y > r {
                sums.iter_mut().zip(sideways.row(y - r - 1)).for_each(|(sum, v)| *sum -= u32::from(*v));
                count -= 1;
            }
            let part = 1.0 / count.max(1) as f32;
            out.iter_mut().zip(&sums).for_each(|(to, sum)| *to = (*sum as f32 * part + 0.5) as u8);
        })
    }

    /// The greatest within r pixels, sideways and up and down.
    pub fn widest(&self, r: usize) -> Plane {
        let sideways = Plane::build(self.w, self.h, |y, out| {
            let line = self.row(y);
            out.copy_from_slice(line);
            for k in 1..=r.min(self.w.saturating_sub(1)) {
                out.iter_mut().zip(line.iter().skip(k)).for_each(|(to, v)| *to = (*to).max(*v));
                out.iter_mut().skip(k).zip(line).for_each(|(to, v)| *to = (*to).max(*v));
            }
        });
        Plane::build(self.w, self.h, |y, out| {
            for near in y.saturating_sub(r)..(y + r + 1).min(self.h) {
                out.iter_mut().zip(sideways.row(near)).for_each(|(to, v)| *to = (*to).max(*v));
            }
        })
    }
}

fn box_line(line: &[u8], r: usize, out: &mut [u8]) {
    let n = line.len();
    let at = |i: usize| u32::from(line.get(i).copied().unwrap_or(0));
    let (mut sum, mut count) = ((0..r.min(n)).map(at).sum::<u32>(), r.min(n) as u32);
    for (i, to) in out.iter_mut().enumerate() {
        if i + r < n {
            sum += at(i + r);
            count += 1;
        }
        if i > r {
            sum -= at(i - r - 1);
            count -= 1;
        }
        *to = (sum as f32 / count.max(1) as f32 + 0.5) as u8;
    }
}
