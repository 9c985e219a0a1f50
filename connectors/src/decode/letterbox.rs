//! What a model wants to see: how large, in which channels, and where in the tensor.

use fast_image_resize as fir;
use image::metadata::Orientation;
use inkflow_schemas::Fault;

/// Grey, or red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One byte a pixel: luma by BT.601, as JPEG has it.
    Grey,
    /// Three bytes a pixel, sRGB as stored; colour profiles are not applied.
    Rgb,
}

impl Channels {
    /// How many: 1 or 3.
    pub const fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
        }
    }
}

/// A model's input: [N, channels, height, width], float32, each value `(byte/255 - mean)/std` of its channel.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Grey or RGB.
    pub channels: Channels,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// One for each channel.
    pub mean: Vec<f32>,
    /// One for each channel, never 0.
    pub std: Vec<f32>,
    /// The byte that fills what the picture does not cover.
    pub pad: u8,
}

/// A picture, rows from the top, pixels from the left, channels interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Grey or RGB.
    pub channels: Channels,
    /// width x height x channels bytes.
    pub bytes: Vec<u8>,
}

impl InputSpec {
    /// The size of a picture of `(width, height)` that is scaled, up or down, until it just fits.
    pub fn fit(&self, (width, height): (u32, u32)) -> (u32, u32) {
        let (w, h) = (f64::from(width.max(1)), f64::from(height.max(1)));
        let scale = (f64::from(self.width) / w).min(f64::from(self.height) / h);
        // Ties to even, as the Python that the models are trained with rounds.
        let side = |px: f64, most: u32| ((px * scale).round_ties_even() as u32).clamp(1, most.max(1));
        (side(w, self.width), side(h, self.height))
    }

    /// How many floats a photo takes.
    pub fn floats(&self) -> usize {
        self.channels.count() * self.width as usize * self.height as usize
    }

    /// Appends a picture to a batch as planes: top left, the rest filled with `pad`. Exactly [`floats`](Self::floats)
    /// numbers, whatever the picture's size: what lies outside is cut off.
    pub fn append_to(&self, pixels: &Pixels, batch: &mut Vec<f32>) {
        let channels = self.channels.count();
        let stride = pixels.width as usize * pixels.channels.count();
        let shown = self.width.min(pixels.width) as usize;
        for channel in 0..channels {
            let (mean, std) = (self.mean.get(channel).copied(), self.std.get(channel).copied());
            let table = table(mean.unwrap_or(0.0), std.unwrap_or(1.0));
            let pad = table[usize::from(self.pad)];
            let from = if pixels.channels.count() == channels { channel } else { 0 };
            for y in 0..self.height as usize {
                let row = pixels.bytes.get(y * stride..(y + 1) * stride).unwrap_or(&[]);
                let values = row.iter().skip(from).step_by(pixels.channels.count()).take(shown);
                let before = batch.len();
                batch.extend(values.map(|&byte| table[usize::from(byte)]));
                batch.resize(before + self.width as usize, pad);
            }
        }
    }
}

/// What each byte is as a float: 256 divisions, not one a pixel.
fn table(mean: f32, std: f32) -> [f32; 256] {
    std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / std)
}

/// Scales to a size by the bilinear filter that widens when it reduces (Pillow's BILINEAR).
pub(super) fn resize(from: Pixels, (width, height): (u32, u32)) -> Result<Pixels, Fault> {
    if (from.width, from.height) == (width, height) {
        return Ok(from);
    }
    let kind = match from.channels {
        Channels::Grey => fir::PixelType::U8,
        Channels::Rgb => fir::PixelType::U8x3,
    };
    // These fail only where a buffer is not as long as its sides say, which would be our own mistake.
    let source =
        fir::images::Image::from_vec_u8(from.width, from.height, from.bytes, kind).map_err(|_| Fault::Corrupt)?;
    let mut scaled = fir::images::Image::new(width, height, kind);
    let bilinear = fir::ResizeAlg::Convolution(fir::FilterType::Bilinear);
    let options = fir::ResizeOptions::new().resize_alg(bilinear).use_alpha(false);
    fir::Resizer::new().resize(&source, &mut scaled, &options).map_err(|_| Fault::Corrupt)?;
    Ok(Pixels { width, height, channels: from.channels, bytes: scaled.into_vec() })
}

/// Makes grey RGB where that is wanted.
pub(super) fn in_channels(from: Pixels, want: Channels) -> Pixels {
    match (from.channels, want) {
        (Channels::Grey, Channels::Rgb) => {
            Pixels { channels: want, bytes: from.bytes.iter().flat_map(|v| [*v; 3]).collect(), ..from }
        }
        _ => from,
    }
}

/// Turns a picture as its EXIF orientation says.
pub(super) fn upright(from: Pixels, orientation: Orientation) -> Pixels {
    use Orientation::*;
    let (w, h, n) = (from.width as usize, from.height as usize, from.channels.count());
    let (width, height) = match orientation {
        NoTransforms => return from,
        Rotate180 | FlipHorizontal | FlipVertical => (w, h),
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => (h, w),
    };
    let mut bytes = Vec::with_capacity(from.bytes.len());
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = match orientation {
                NoTransforms => (x, y),
                FlipHorizontal => (w - 1 - x, y),
                Rotate180 => (w - 1 - x, h - 1 - y),
                FlipVertical => (x, h - 1 - y),
                Rotate90FlipH => (y, x),
                Rotate90 => (y, h - 1 - x),
                Rotate270FlipH => (w - 1 - y, h - 1 - x),
                Rotate270 => (w - 1 - y, x),
            };
            let at = (sy * w + sx) * n;
            bytes.extend_from_slice(from.bytes.get(at..at + n).unwrap_or(&[0; 3][..n]));
        }
    }
    Pixels { width: width as u32, height: height as u32, channels: from.channels, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> InputSpec {
        let (mean, std) = (vec![0.5], vec![0.25]);
        InputSpec { channels: Channels::Grey, width: 480, height: 640, mean, std, pad: 128 }
    }

    #[test]
    fn fits_within_and_never_vanishes() {
        assert_eq!(spec().fit((960, 1280)), (480, 640));
        assert_eq!(spec().fit((1280, 960)), (480, 360));
        assert_eq!(spec().fit((1, 1)), (480, 480));
        assert_eq!(spec().fit((20_000, 1)), (480, 1));
        assert_eq!(spec().fit((1, 20_000)), (1, 640));
        assert_eq!(spec().fit((3, 2)), (480, 320));
    }

    #[test]
    fn lies_top_left_and_the_rest_is_padding() {
        let spec = InputSpec { width: 3, height: 2, ..spec() };
        let picture = Pixels { width: 2, height: 1, channels: Channels::Grey, bytes: vec![255, 0] };
        let mut batch = vec![9.0];
        spec.append_to(&picture, &mut batch);
        let pad = (128.0 / 255.0 - 0.5) / 0.25;
        assert_eq!(batch, [9.0, 2.0, -2.0, pad, pad, pad, pad]);
    }

    #[test]
    fn colour_becomes_planes() {
        let (mean, std) = (vec![0.0; 3], vec![1.0; 3]);
        let spec = InputSpec { channels: Channels::Rgb, width: 2, height: 1, mean, std, pad: 0 };
        let picture = Pixels { width: 1, height: 1, channels: Channels::Rgb, bytes: vec![255, 51, 0] };
        let mut batch = Vec::new();
        spec.append_to(&picture, &mut batch);
        assert_eq!(batch, [1.0, 0.0, 0.2, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_picture_larger_than_the_input_is_cut() {
        let spec = InputSpec { width: 1, height: 1, ..spec() };
        let picture = Pixels { width: 2, height: 2, channels: Channels::Grey, bytes: vec![255; 4] };
        let mut batch = Vec::new();
        spec.append_to(&picture, &mut batch);
        assert_eq!(batch, [2.0]);
    }
}
