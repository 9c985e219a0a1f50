//! A picture that is drawn on: rectangles, lines and text, each blended over what is there. Whatever lies outside is cut off.

use crate::decode::{Channels, Pixels};
use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// The letters of a legend.
const LETTERS: &[u8] = include_bytes!("open-sans-ascii.ttf");

/// Left, top, right, bottom in pixels; right and bottom are the first beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub left: i64,
    pub top: i64,
    pub right: i64,
    pub bottom: i64,
}

impl Frame {
    pub fn width(&self) -> i64 {
        self.right - self.left
    }
    pub fn height(&self) -> i64 {
        self.bottom - self.top
    }
    /// Larger by so many pixels on every side.
    pub fn grown(&self, by: i64) -> Frame {
        Frame { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }
}

pub struct Canvas {
    pub width: i64,
    pub height: i64,
    bytes: Vec<u8>,
}

impl Canvas {
    /// Of one colour.
    pub fn of(width: i64, height: i64, colour: Colour) -> Canvas {
        let (width, height) = (width.max(1), height.max(1));
        Canvas { width, height, bytes: colour.repeat((width * height) as usize) }
    }

    pub fn into_pixels(self) -> Pixels {
        Pixels { width: self.width as u32, height: self.height as u32, channels: Channels::Rgb, bytes: self.bytes }
    }

    /// Puts an RGB picture at the top left.
    pub fn place(&mut self, picture: &Pixels) {
        let stride = picture.width as usize * 3;
        let shown = stride.min(self.width as usize * 3);
        for (from, to) in picture.bytes.chunks(stride.max(1)).zip(self.bytes.chunks_mut(self.width as usize * 3)) {
            if let (Some(from), Some(to)) = (from.get(..shown), to.get_mut(..shown)) {
                to.copy_from_slice(from);
            }
        }
    }

    /// Blends a colour over a pixel: 0 leaves it, 1 covers it.
    pub fn blend(&mut self, x: i64, y: i64, colour: Colour, cover: f32) {
        if x < 0 || y < 0 || x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) as usize * 3;
        for (byte, new) in self.bytes.iter_mut().skip(at).take(3).zip(colour) {
            *byte = (f32::from(*byte) + (f32::from(new) - f32::from(*byte)) * cover.clamp(0.0, 1.0)).round() as u8;
        }
    }

    /// Blends a colour over the pixels of a frame that `which` picks by their place.
    pub fn fill_where(&mut self, frame: Frame, colour: Colour, cover: f32, which: impl Fn(i64, i64) -> bool) {
        for y in frame.top.max(0)..frame.bottom.min(self.height) {
            for x in frame.left.max(0)..frame.right.min(self.width) {
                if which(x, y) {
                    self.blend(x, y, colour, cover);
                }
            }
        }
    }

    pub fn fill(&mut self, frame: Frame, colour: Colour, cover: f32) {
        self.fill_where(frame, colour, cover, |_, _| true);
    }

    /// A border inside a frame.
    pub fn border(&mut self, frame: Frame, colour: Colour, thick: i64) {
        let inner = frame.grown(-thick);
        self.fill_where(frame, colour, 1.0, |x, y| {
            x < inner.left || x >= inner.right || y < inner.top || y >= inner.bottom
        });
    }

    /// A line with round ends.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), thick: f32, colour: Colour) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).max(1e-6);
        let reach = thick / 2.0 + 1.0;
        let frame = Frame {
            left: (from.0.min(to.0) - reach).floor() as i64,
            top: (from.1.min(to.1) - reach).floor() as i64,
            right: (from.0.max(to.0) + reach).ceil() as i64 + 1,
            bottom: (from.1.max(to.1) + reach).ceil() as i64 + 1,
        };
        for y in frame.top.max(0)..frame.bottom.min(self.height) {
            for x in frame.left.max(0)..frame.right.min(self.width) {
                let (px, py) = (x as f32 + 0.5 - from.0, y as f32 + 0.5 - from.1);
                let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
                let off = ((px - along * dx).powi(2) + (py - along * dy).powi(2)).sqrt();
                self.blend(x, y, colour, thick / 2.0 + 0.5 - off);
            }
        }
    }

    /// Text with its top left there, so high; gives how wide it is.
    pub fn text(&mut self, (x, y): (i64, i64), high: f32, text: &str, colour: Colour) -> i64 {
        glyphs(text, high, |glyph, font, at| {
            let glyph = glyph.with_scale_and_position(high, ab_glyph::point(x as f32 + at.0, y as f32 + at.1));
            if let Some(outline) = font.outline_glyph(glyph) {
                let bounds = outline.px_bounds();
                let corner = (bounds.min.x as i64, bounds.min.y as i64);
                outline.draw(|gx, gy, cover| {
                    self.blend(corner.0 + i64::from(gx), corner.1 + i64::from(gy), colour, cover);
                });
            }
        })
    }
}

/// How wide a text is.
pub fn text_width(text: &str, high: f32) -> i64 {
    glyphs(text, high, |_, _, _| ())
}

fn glyphs(text: &str, high: f32, mut draw: impl FnMut(GlyphId, &FontRef<'_>, (f32, f32))) -> i64 {
    // The font is part of the program: a test draws with it.
    let Ok(font) = FontRef::try_from_slice(LETTERS) else { return 0 };
    let scaled = font.as_scaled(PxScale::from(high));
    let (ascent, mut x) = (scaled.ascent(), 0.0);
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        draw(glyph, &font, (x, ascent));
        x += scaled.h_advance(glyph);
    }
    x.ceil() as i64
}
