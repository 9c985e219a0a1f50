//! Photos to pixels: JPEG, PNG and WebP, within limits, upright, and as large as a model wants them.
//!
//! Bytes come from outside, so nothing is taken on trust. [`inspect`] reads the header alone and refuses what is over a
//! limit before a pixel is allocated; [`Header::estimate_bytes`] says what decoding will hold, for permits; [`decode`]
//! gives [`Pixels`] or a [`Fault`]: never a panic, never memory without bound, and the same bytes give the same pixels.
//!
//! What is refused, and as what:
//! - no picture at all, or an empty file: `not_an_image`;
//! - a picture of a kind that is not read (GIF, HEIC, TIFF, ..; arithmetic, lossless or 12-bit JPEG; more than one
//!   frame): `unsupported`;
//! - over a limit: `too_large`;
//! - a picture that breaks off or contradicts itself: `corrupt`. A JPEG that lacks no more than its end marker is read
//!   (some cameras write none); one that lacks pixels is not, were it only a corner: nobody knows what stood there, and
//!   the grey that decoders put in its place would count as unfinished homework.

mod guard;
mod header;
mod jpeg;
mod letterbox;
mod raster;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use guard::in_decoder;
pub use header::{inspect, Header, Kind};
pub use letterbox::{Channels, InputSpec, Pixels};

use inkflow_schemas::Fault;

/// A side is at most 20,000 px: cameras stay below 17,000 and WebP below 16,384; a scan of A3 at 1,200 dpi has 19,843.
pub const SIDE_PX_MAX: u32 = 20_000;

/// A picture has at most 60 Mpixel: phones make up to 50; the decoder's memory grows with it (see
/// [`Header::estimate_bytes`]: 360 MB of coefficients for a progressive JPEG of this size).
pub const PIXELS_MAX: u64 = 60_000_000;

/// A JPEG has at most 100 scans. Encoders write up to about 15; each costs a pass over all coefficients, so that a few
/// bytes could cost minutes.
pub const SCANS_MAX: u32 = 100;

/// A picture has one frame: of an animation nobody knows which is the page.
pub const FRAMES_MAX: u32 = 1;

/// Decodes a photo for a model: upright, scaled to fit, in the model's channels.
pub fn decode(bytes: &[u8], want: &InputSpec) -> Result<Pixels, Fault> {
    decode_inspected(bytes, &inspect(bytes)?, want)
}

/// [`decode`] for bytes that were inspected before. `header` must be theirs: with another's they are `corrupt`, or the
/// other's picture in size.
pub fn decode_inspected(bytes: &[u8], header: &Header, want: &InputSpec) -> Result<Pixels, Fault> {
    guard::caught(|| {
        let (width, height) = want.fit(header.upright());
        // Scaling first and turning then is the same picture, in a fraction of the memory.
        let stored = if header.turned() { (height, width) } else { (width, height) };
        let whole = match header.kind {
            Kind::Jpeg => jpeg::decode(bytes, header, want.channels, stored)?,
            Kind::Png => raster::png(bytes, header, want.channels)?,
            Kind::WebP => raster::webp(bytes, header, want.channels)?,
        };
        let scaled = letterbox::resize(whole, stored)?;
        Ok(letterbox::in_channels(letterbox::upright(scaled, header.orientation), want.channels))
    })
}
