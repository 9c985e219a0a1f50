//! JPEG: its markers walked here, its pixels by libjpeg-turbo, scaled while they are still frequencies.

use super::header::{orientation, Header, Kind};
use super::{Channels, Pixels};
use image::metadata::Orientation;
use inkflow_schemas::Fault;
use std::borrow::Cow;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

/// What the markers say beyond size and orientation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Components: 1 grey, 3 colour, 4 ink.
    pub components: u8,
    /// Written by Adobe's rule: ink is stored inverted.
    adobe: bool,
    pub progressive: bool,
    pub scans: u32,
    /// The end marker is there.
    ended: bool,
}

/// Walks the markers, to the end marker or the end of the file.
pub(super) fn header(bytes: &[u8]) -> Result<Header, Fault> {
    let mut facts = Facts::default();
    let mut turn = None;
    let mut frame: Option<Frame> = None;
    let mut coefficients = 0;
    let mut rest = bytes.get(2..).unwrap_or(&[]);
    // Between segments decoders skip to the next marker, and so does this.
    while let Some(marker) = next_marker(&mut rest) {
        match marker {
            0xd9 => {
                facts.ended = true;
                break;
            }
            0xd8 => return Err(Fault::Corrupt),
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let Some(length) = rest.get(..2).map(|l| usize::from(l[0]) << 8 | usize::from(l[1])) else { break };
        let Some(segment) = rest.get(2..length.max(2)) else { break };
        if length < 2 {
            return Err(Fault::Corrupt);
        }
        match marker {
            0xc0..=0xc2 => {
                let found = Frame::parse(segment)?;
                if frame.replace(found).is_some() {
                    return Err(Fault::Corrupt);
                }
                facts.progressive = marker == 0xc2;
            }
            // Lossless, hierarchical, arithmetic-coded.
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Err(Fault::Unsupported),
            0xda => {
                facts.scans += 1;
                let frame = frame.as_ref().ok_or(Fault::Corrupt)?;
                let together = segment.first().copied().unwrap_or(0);
                // Coefficients are kept for the whole picture where more scans follow that add to them.
                if facts.progressive || together < frame.components {
                    coefficients = frame.coefficient_bytes;
                }
            }
            0xe1 if turn.is_none() && segment.starts_with(b"Exif\0\0") => turn = Some(orientation(segment)),
            0xee if segment.starts_with(b"Adobe") => facts.adobe = true,
            _ => {}
        }
        rest = rest.get(length..).unwrap_or(&[]);
        if marker == 0xda {
            skip_entropy_coded(&mut rest);
        }
    }
    let frame = frame.ok_or(Fault::Corrupt)?;
    if facts.scans == 0 {
        return Err(Fault::Corrupt);
    }
    facts.components = frame.components;
    Ok(Header {
        kind: Kind::Jpeg,
        width: frame.width,
        height: frame.height,
        orientation: turn.unwrap_or(Orientation::NoTransforms),
        // Ink, and the light that is made of it.
        pixel_bytes: if frame.components == 4 { 4 + 3 } else { 1 },
        // Line buffers: some tens of lines of every component. A file without its end marker is copied to get one.
        fixed_bytes: coefficients
            + u64::from(frame.width) * u64::from(frame.components) * 64
            + if facts.ended { 0 } else { bytes.len() as u64 },
        jpeg: Some(facts),
    })
}

fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    loop {
        let at = memchr::memchr(0xff, rest)?;
        let after = rest.get(at..)?;
        let fill = after.iter().position(|byte| *byte != 0xff)?;
        *rest = after.get(fill + 1..)?;
        match after.get(fill) {
            Some(0) => continue,
            marker => return marker.copied(),
        }
    }
}

/// To the next marker that is no restart and no stuffed byte, and leaves it there.
fn skip_entropy_coded(rest: &mut &[u8]) {
    let mut at = 0;
    while let Some(found) = rest.get(at..).and_then(|tail| memchr::memchr(0xff, tail)) {
        at += found;
        match rest.get(at + 1) {
            Some(0 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            _ => {
                *rest = rest.get(at..).unwrap_or(&[]);
                return;
            }
        }
    }
    *rest = &[];
}

struct Frame {
    width: u32,
    height: u32,
    components: u8,
    coefficient_bytes: u64,
}

impl Frame {
    fn parse(segment: &[u8]) -> Result<Frame, Fault> {
        let [precision, h1, h0, w1, w0, components, sampling @ ..] = segment else { return Err(Fault::Corrupt) };
        if *precision != 8 || !matches!(components, 1 | 3 | 4) {
            return Err(Fault::Unsupported);
        }
        let (width, height) = (u16::from_be_bytes([*w1, *w0]).into(), u16::from_be_bytes([*h1, *h0]).into());
        let mut factors = Vec::new();
        for component in sampling.chunks_exact(3).take(usize::from(*components)) {
            factors.push((u64::from(component[1] >> 4), u64::from(component[1] & 15)));
        }
        let valid = |factor: &(u64, u64)| (1..=4).contains(&factor.0) && (1..=4).contains(&factor.1);
        if factors.len() != usize::from(*components) || !factors.iter().all(valid) {
            return Err(Fault::Corrupt);
        }
        let most_h = factors.iter().map(|f| f.0).max().unwrap_or(1);
        let most_v = factors.iter().map(|f| f.1).max().unwrap_or(1);
        let (across, down) = (u64::from(width).div_ceil(8 * most_h), u64::from(height).div_ceil(8 * most_v));
        // Blocks of 64 coefficients of two bytes, in whole units.
        let coefficient_bytes = factors.iter().map(|(h, v)| across * h * down * v * 128).sum();
        Ok(Frame { width, height, components: *components, coefficient_bytes })
    }
}

/// The eighths that libjpeg-turbo decodes at here.
const EIGHTHS: std::ops::RangeInclusive<u32> = 1..=8;

/// The scale at which the picture is the smallest that is not below `wanted` in either side; whole at most.
fn eighths(header: &Header, (width, height): (u32, u32)) -> usize {
    let enough = |n: &u32| (header.width * n).div_ceil(8) >= width && (header.height * n).div_ceil(8) >= height;
    EIGHTHS.clone().find(enough).unwrap_or(8) as usize
}

/// Width and height as decoded for `wanted`, in stored orientation.
pub(super) fn scaled(header: &Header, wanted: (u32, u32)) -> (u32, u32) {
    let n = eighths(header, wanted) as u32;
    ((header.width * n).div_ceil(8), (header.height * n).div_ceil(8))
}

/// Decodes at the smallest scale that is not below `wanted`.
pub(super) fn decode(bytes: &[u8], header: &Header, want: Channels, wanted: (u32, u32)) -> Result<Pixels, Fault> {
    let facts = header.jpeg.as_ref().ok_or(Fault::Corrupt)?;
    let bytes = ended(bytes, facts)?;
    let failed = |error| fault(&error, facts.ended);
    let mut decompressor = Decompressor::new().map_err(failed)?;
    decompressor.set_scan_limit(super::SCANS_MAX).map_err(failed)?;
    decompressor.set_scaling_factor(ScalingFactor::new(eighths(header, wanted), 8)).map_err(failed)?;
    let ink = facts.components == 4;
    let format = if ink { PixelFormat::CMYK } else { want.into() };
    let (width, height) = scaled(header, wanted);
    let pitch = width as usize * format.size();
    let mut pixels = vec![0; pitch * height as usize];
    let image = Image { pixels: &mut pixels[..], width: width as usize, pitch, height: height as usize, format };
    match decompressor.decompress(&bytes, image) {
        Err(error) if !harmless(&error, facts.ended) => return Err(failed(error)),
        _ => {}
    }
    if ink {
        pixels = ink_to_light(&pixels, facts.adobe, want);
    }
    Ok(Pixels { width, height, channels: want, bytes: pixels })
}

/// A picture of one scan whose end marker is missing gets one, and libjpeg says whether pixels are missing as well. With
/// several scans it could not: those that came are whole, and those that did not leave no trace.
fn ended<'a>(bytes: &'a [u8], facts: &Facts) -> Result<Cow<'a, [u8]>, Fault> {
    if facts.ended {
        return Ok(Cow::Borrowed(bytes));
    }
    if facts.progressive || facts.scans > 1 {
        return Err(Fault::Corrupt);
    }
    let mut whole = Vec::with_capacity(bytes.len() + 2);
    whole.extend_from_slice(bytes);
    whole.extend_from_slice(&[0xff, 0xd9]);
    Ok(Cow::Owned(whole))
}

/// libjpeg reports its first warning in place of success, although every pixel was written. These say nothing of the
/// pixels. As they may hide a later one, they are let pass only where the file is known to be whole.
fn harmless(error: &turbojpeg::Error, ended: bool) -> bool {
    const HARMLESS: [&str; 3] =
        ["unknown JFIF revision", "Unknown Adobe color transform", "Invalid SOS parameters for sequential"];
    let turbojpeg::Error::TurboJpegError(text) = error else { return false };
    // Padding before the end marker; before any other marker it means that something is lost.
    let padding = text.contains("extraneous bytes before marker 0xd9");
    ended && (padding || HARMLESS.iter().any(|known| text.contains(known)))
}

fn fault(error: &turbojpeg::Error, ended: bool) -> Fault {
    match error {
        turbojpeg::Error::TurboJpegError(text) => {
            tracing::debug!(%text, ended, "libjpeg refused a photo");
            if text.starts_with("Unsupported") || text.contains("not supported") {
                Fault::Unsupported
            } else {
                Fault::Corrupt
            }
        }
        _ => Fault::Corrupt,
    }
}

/// Cyan, magenta, yellow and black on white paper, as light. Without a profile this is the usual approximation.
fn ink_to_light(inks: &[u8], inverted: bool, want: Channels) -> Vec<u8> {
    let mut light = Vec::with_capacity(inks.len() / 4 * want.count());
    for pixel in inks.chunks_exact(4) {
        let paper = |i: usize| u32::from(if inverted { pixel[i] } else { 255 - pixel[i] });
        let [r, g, b] = [0, 1, 2].map(|i| ((paper(i) * paper(3) + 127) / 255) as u8);
        match want {
            Channels::Grey => light.push(super::raster::luma(r, g, b)),
            Channels::Rgb => light.extend_from_slice(&[r, g, b]),
        }
    }
    light
}
