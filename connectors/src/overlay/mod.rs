//! What a model saw, drawn over the photo: each answer area in the colour of its state, and below it how much of the page is
//! done. For teachers, at a glance.
//!
//! The colours are Okabe and Ito's, which colour-blind people tell apart; and each state has a pattern and a sign besides,
//! so that a grey print says the same: answered is plain with a tick, blank is hatched with an empty ring, struck out is
//! crossed out, and of what the model cannot tell there is a question mark among dots.

mod canvas;
#[cfg(test)]
mod tests;

use crate::decode::{decode_inspected, inspect, Channels, InputSpec, Pixels};
use canvas::{text_width, Canvas, Colour, Frame};
use image::ImageEncoder;
use inkflow_schemas::{Area, AreaState, Bp, Fault, Quality, Reading};

/// An overlay's photo has at most this many pixels a side: enough to read the page on a screen.
pub const SIDE_PX_MAX: u32 = 1_600;

/// And the overlay is at least so wide, so that its legend can be read below a small photo.
const WIDTH_PX_MIN: i64 = 480;

/// Of a JPEG, 1 to 100.
const JPEG_QUALITY: i32 = 85;

const WHITE: Colour = [255, 255, 255];
const INK: Colour = [30, 30, 30];
const AROUND: Colour = [225, 225, 225];

/// The form of an overlay's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Without loss.
    Png,
    /// A fifth of its size.
    Jpeg,
}

impl Form {
    /// That of a file's name: `.png`, `.jpg` or `.jpeg`.
    pub fn of(path: &std::path::Path) -> Option<Form> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "png" => Some(Form::Png),
            "jpg" | "jpeg" => Some(Form::Jpeg),
            _ => None,
        }
    }
}

/// Draws what was said of a photo over it: the photo upright, at most [`SIDE_PX_MAX`] pixels a side, with a legend below.
/// The bytes of the picture, or what is wrong with the photo. It takes some 100 ms of the thread that it is called on.
pub fn overlay(photo: &[u8], reading: &Reading, areas: &[Area], form: Form) -> Result<Vec<u8>, Fault> {
    encode(&draw(&small(photo)?, reading, areas), form)
}

/// The photo alone, made small and upright as for an overlay.
pub fn upright(photo: &[u8], form: Form) -> Result<Vec<u8>, Fault> {
    encode(&small(photo)?, form)
}

fn small(photo: &[u8]) -> Result<Pixels, Fault> {
    let header = inspect(photo)?;
    let (width, height) = header.upright();
    let (mean, std) = (vec![0.0; 3], vec![1.0; 3]);
    let (width, height) = (width.min(SIDE_PX_MAX), height.min(SIDE_PX_MAX));
    let want = InputSpec { channels: Channels::Rgb, width, height, mean, std, pad: 0 };
    decode_inspected(photo, &header, &want)
}

fn encode(drawn: &Pixels, form: Form) -> Result<Vec<u8>, Fault> {
    let (width, height) = (drawn.width, drawn.height);
    match form {
        Form::Png => {
            let mut bytes = Vec::new();
            let png = image::codecs::png::PngEncoder::new(&mut bytes);
            // Into memory, of a size that is bounded: it fails by our own mistake alone.
            png.write_image(&drawn.bytes, width, height, image::ExtendedColorType::Rgb8).map_err(|_| Fault::Corrupt)?;
            Ok(bytes)
        }
        Form::Jpeg => {
            let image = turbojpeg::Image {
                pixels: &drawn.bytes[..],
                width: width as usize,
                pitch: width as usize * 3,
                height: height as usize,
                format: turbojpeg::PixelFormat::RGB,
            };
            let jpeg = turbojpeg::compress(image, JPEG_QUALITY, turbojpeg::Subsamp::Sub2x2);
            Ok(jpeg.map_err(|_| Fault::Corrupt)?.to_vec())
        }
    }
}

/// How a state is shown.
fn colour(state: AreaState) -> Colour {
    match state {
        AreaState::Answered => [0, 114, 178],
        AreaState::Blank => [230, 159, 0],
        AreaState::StruckOut => [204, 51, 120],
        AreaState::Unsure => [90, 90, 90],
    }
}

fn name(state: AreaState) -> &'static str {
    match state {
        AreaState::Answered => "answered",
        AreaState::Blank => "blank",
        AreaState::StruckOut => "struck out",
        AreaState::Unsure => "not sure",
    }
}

fn draw(photo: &Pixels, reading: &Reading, areas: &[Area]) -> Pixels {
    let (width, height) = (i64::from(photo.width), i64::from(photo.height));
    let wide = width.max(WIDTH_PX_MIN);
    let legend = Legend::of(reading, areas, wide);
    let mut canvas = Canvas::of(wide, height + legend.height(), AROUND);
    canvas.place(photo);
    // Strokes and signs grow with the picture.
    let unit = (width.max(height) / 500).max(1);
    for area in areas {
        draw_area(&mut canvas, frame_of(area, width, height), area.state, unit);
    }
    legend.draw(&mut canvas, height);
    canvas.into_pixels()
}

/// Where an area lies on a photo of that size.
fn frame_of(area: &Area, width: i64, height: i64) -> Frame {
    let [x, y, w, h] = area.at.map(|bp| i64::from(bp.get()));
    let px = |bp: i64, side: i64| (bp * side + 5_000) / 10_000;
    Frame { left: px(x, width), top: px(y, height), right: px(x + w, width), bottom: px(y + h, height) }
}

fn draw_area(canvas: &mut Canvas, frame: Frame, state: AreaState, unit: i64) {
    let ink = colour(state);
    patterned(canvas, frame, state, unit);
    canvas.border(frame.grown(unit), WHITE, unit);
    canvas.border(frame, ink, (unit * 3 / 2).max(2));
    // A sign in the corner, where it does not cover the answer.
    let sign = (frame.height().min(frame.width()) / 3).min(10 * unit);
    if sign >= 8 {
        let corner = Frame { right: frame.left + sign, bottom: frame.top + sign, ..frame };
        canvas.fill(corner, ink, 1.0);
        draw_sign(canvas, corner, state);
    }
}

/// The tint and the pattern of a state.
fn patterned(canvas: &mut Canvas, frame: Frame, state: AreaState, unit: i64) {
    let ink = colour(state);
    canvas.fill(frame, ink, 0.16);
    let step = 8 * unit;
    match state {
        AreaState::Answered => {}
        AreaState::Blank => canvas.fill_where(frame, ink, 0.5, |x, y| (x + y).rem_euclid(step) < unit),
        AreaState::StruckOut => {
            let [l, t, r, b] = [frame.left, frame.top, frame.right, frame.bottom].map(|side| side as f32);
            canvas.line((l, t), (r, b), unit as f32 * 1.5, ink);
            canvas.line((l, b), (r, t), unit as f32 * 1.5, ink);
        }
        AreaState::Unsure => canvas.fill_where(frame, ink, 0.6, |x, y| {
            x.rem_euclid(step / 2 + 1) < 2 * unit && y.rem_euclid(step / 2 + 1) < 2 * unit
        }),
    }
}

/// The sign of a state, white in a square.
fn draw_sign(canvas: &mut Canvas, square: Frame, state: AreaState) {
    let side = square.width() as f32;
    let at = |x: f32, y: f32| (square.left as f32 + x * side, square.top as f32 + y * side);
    let thick = (side / 8.0).max(1.2);
    match state {
        AreaState::Answered => {
            canvas.line(at(0.2, 0.55), at(0.42, 0.76), thick, WHITE);
            canvas.line(at(0.42, 0.76), at(0.8, 0.26), thick, WHITE);
        }
        AreaState::Blank => {
            let corners = 16;
            let point = |i: i32| {
                let turn = i as f32 / corners as f32 * std::f32::consts::TAU;
                at(0.5 + 0.27 * turn.cos(), 0.5 + 0.27 * turn.sin())
            };
            (0..corners).for_each(|i| canvas.line(point(i), point(i + 1), thick, WHITE));
        }
        AreaState::StruckOut => {
            canvas.line(at(0.25, 0.25), at(0.75, 0.75), thick, WHITE);
            canvas.line(at(0.25, 0.75), at(0.75, 0.25), thick, WHITE);
        }
        AreaState::Unsure => {
            let wide = text_width("?", side) as f32 / side;
            let (x, y) = at((1.0 - wide) / 2.0, 0.0);
            canvas.text((x.round() as i64, y.round() as i64), side, "?", WHITE);
        }
    }
}

/// What stands below the photo.
struct Legend {
    title: String,
    high: i64,
    /// State, what is written beside its square, and where the square is.
    items: Vec<(AreaState, String, (i64, i64))>,
    rows: i64,
}

impl Legend {
    fn of(reading: &Reading, areas: &[Area], wide: i64) -> Legend {
        let high = (wide / 36).clamp(18, 40);
        let mut legend = Legend { title: title(reading, areas), high, items: Vec::new(), rows: 0 };
        let (mut x, mut row) = (high / 2, 0);
        for state in AreaState::ALL {
            let count = areas.iter().filter(|area| area.state == state).count();
            if count == 0 {
                continue;
            }
            let text = format!("{count} {}", name(state));
            let taken = high * 2 + text_width(&text, high as f32);
            if x > high / 2 && x + taken > wide {
                (x, row) = (high / 2, row + 1);
            }
            legend.items.push((state, text, (x, row)));
            legend.rows = row + 1;
            x += taken;
        }
        legend
    }

    fn line(&self) -> i64 {
        self.high * 3 / 2
    }

    fn height(&self) -> i64 {
        self.high + self.line() + self.rows * self.line()
    }

    fn draw(&self, canvas: &mut Canvas, top: i64) {
        let all = Frame { left: 0, top, right: canvas.width, bottom: canvas.height };
        canvas.fill(all, WHITE, 1.0);
        canvas.fill(Frame { bottom: top + 2, ..all }, INK, 1.0);
        let first = top + self.high / 2;
        canvas.text((self.high / 2, first), self.high as f32 * 1.15, &self.title, INK);
        for (state, text, (x, row)) in &self.items {
            let y = first + self.line() * (row + 1) + self.high / 8;
            let square = Frame { left: *x, top: y, right: x + self.high, bottom: y + self.high };
            canvas.fill(square, colour(*state), 1.0);
            draw_sign(canvas, square, *state);
            canvas.text((x + self.high * 5 / 4, y - self.high / 8), self.high as f32, text, INK);
        }
    }
}

fn title(reading: &Reading, areas: &[Area]) -> String {
    let percent = |bp: Bp| (u32::from(bp.get()) + 50) / 100;
    let mut title = match (reading.quality, reading.completion) {
        (Quality::Ok, Some(done)) => format!("{} % complete", percent(done)),
        (Quality::Ok, None) => "no completion".to_owned(),
        (Quality::Blurred, _) => "too blurred to judge".to_owned(),
        (Quality::Dark, _) => "too dark to judge".to_owned(),
        (Quality::Cropped, _) => "cut off: not judged".to_owned(),
        (Quality::NotAPage, _) => "not a page".to_owned(),
    };
    if let Some(sure) = reading.confidence {
        title += &format!(" - confidence {} %", percent(sure));
    }
    if areas.is_empty() && reading.completion.is_some() {
        title += " - no areas told";
    }
    title
}
