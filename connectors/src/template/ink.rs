//! What is written or printed, whatever the light: how much darker each pixel is than the paper around it.

use super::plane::Plane;
use crate::decode::{Channels, Pixels};

/// The paper is looked for in blocks of this side: letters fall between, and shadows are far wider.
const BLOCK_PX: usize = 8;
/// A dark thing up to about this many blocks wide lies on the paper, and is not the paper.
const CLOSED_BLOCKS: usize = 5;
/// Below this the paper is no paper: what is darker around it is noise.
const PAPER_LEAST: f32 = 48.0;

/// Red darker than this is a teacher's.
pub(super) const RED_LEAST: u8 = 30;

/// A page as ink.
#[derive(Clone, Debug)]
pub(crate) struct Inked {
    /// 0 is paper, 255 black.
    pub ink: Plane,
    /// The ink that is red, as a teacher's pen is; 0 elsewhere. None where there is none.
    pub red: Option<Plane>,
}

impl Inked {
    pub fn of(pixels: &Pixels) -> Inked {
        let (w, h) = (pixels.width as usize, pixels.height as usize);
        let n = pixels.channels.count();
        let line = |y: usize| pixels.bytes.get(y * w * n..(y + 1) * w * n).unwrap_or(&[]);
        let grey = Plane::build(w, h, |y, out| match pixels.channels {
            Channels::Grey => out.iter_mut().zip(line(y)).for_each(|(to, v)| *to = *v),
            Channels::Rgb => out.iter_mut().zip(line(y).chunks_exact(3)).for_each(|(to, p)| *to = luma(p)),
        });
        let paper = paper(&grey);
        let ink = Plane::build(w, h, |y, out| {
            let light = Between::new(&paper, y);
            for (x, (to, v)) in out.iter_mut().zip(grey.row(y)).enumerate() {
                let paper = light.at(x);
                *to = ((paper - f32::from(*v)) * 255.0 / paper.max(PAPER_LEAST)).clamp(0.0, 255.0) as u8;
            }
        });
        let red = (pixels.channels == Channels::Rgb).then(|| {
            Plane::build(w, h, |y, out| {
                for ((to, p), ink) in out.iter_mut().zip(line(y).chunks_exact(3)).zip(ink.row(y)) {
                    let (r, g, b) = (i32::from(p[0]), i32::from(p[1]), i32::from(p[2]));
                    let apart = r - g.max(b);
                    *to = if apart > 40 && (g - b).abs() < apart { *ink } else { 0 };
                }
            })
        });
        // Most photos have none, and need not be looked at for it again.
        let red = red.filter(|red| red.at.iter().any(|v| *v > RED_LEAST));
        Inked { ink, red }
    }
}

fn luma(p: &[u8]) -> u8 {
    match p {
        [r, g, b] => ((u32::from(*r) * 77 + u32::from(*g) * 150 + u32::from(*b) * 29 + 128) >> 8) as u8,
        _ => 0,
    }
}

/// The light of the paper, a pixel for each block: the lightest of each, dark islands closed, smoothed.
fn paper(grey: &Plane) -> Plane {
    let (bw, bh) = (grey.w.div_ceil(BLOCK_PX), grey.h.div_ceil(BLOCK_PX));
    let soft = grey.blurred(1);
    let mut most = Plane { w: bw, h: bh, at: vec![0; bw * bh] };
    for y in 0..grey.h {
        for (x, block) in soft.row(y).chunks(BLOCK_PX).enumerate() {
            let lightest = block.iter().copied().max().unwrap_or(0);
            if let Some(to) = most.at.get_mut((y / BLOCK_PX) * bw + x) {
                *to = lightest.max(*to);
            }
        }
    }
    // Closing: the greatest around, then the least of those around. The least is the greatest of the opposite.
    let opposite = |plane: Plane| Plane { at: plane.at.iter().map(|v| 255 - v).collect(), ..plane };
    let closed = opposite(opposite(most.widest(CLOSED_BLOCKS)).widest(CLOSED_BLOCKS));
    closed.blurred(2)
}

/// Bilinear in the plane of blocks, along one row of pixels.
struct Between {
    row: Vec<f32>,
    step: f32,
}

impl Between {
    fn new(blocks: &Plane, y: usize) -> Between {
        let v = ((y as f32 + 0.5) / BLOCK_PX as f32 - 0.5).clamp(0.0, blocks.h.saturating_sub(1) as f32);
        let (y0, f) = (v as usize, v.fract());
        let (a, b) = (blocks.row(y0), blocks.row((y0 + 1).min(blocks.h.saturating_sub(1))));
        let row = a.iter().zip(b).map(|(a, b)| f32::from(*a) + (f32::from(*b) - f32::from(*a)) * f).collect();
        Between { row, step: 1.0 / BLOCK_PX as f32 }
    }
    fn at(&self, x: usize) -> f32 {
        let last = self.row.len().saturating_sub(1);
        let u = ((x as f32 + 0.5) * self.step - 0.5).clamp(0.0, last as f32);
        let x0 = u as usize;
        let get = |i: usize| self.row.get(i.min(last)).copied().unwrap_or(255.0);
        get(x0) + (get(x0 + 1) - get(x0)) * (u - x0 as f32)
    }
}
