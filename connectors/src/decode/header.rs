//! What a picture's header says, and whether that is within the limits. No pixel is allocated here.

use super::{jpeg, Channels, InputSpec, PIXELS_MAX, SIDE_PX_MAX};
use crate::photos::PHOTO_BYTES_MAX;
use image::metadata::Orientation;
use inkflow_schemas::Fault;

/// A kind of picture that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Baseline or progressive, Huffman-coded, 8 bits; grey, YCbCr, RGB, CMYK or YCCK.
    Jpeg,
    /// Any depth and colour type, interlaced or not.
    Png,
    /// Lossy or lossless, with alpha or without.
    WebP,
}

/// What a picture's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// As stored, in pixels.
    pub width: u32,
    /// As stored, in pixels.
    pub height: u32,
    /// How it must be turned to be upright.
    pub orientation: Orientation,
    /// Bytes a pixel while it is decoded whole. Of a JPEG those of the scaled picture, which is decoded line by line.
    pub(super) pixel_bytes: u64,
    /// What else the decoder holds, whatever the scale.
    pub(super) fixed_bytes: u64,
    pub(super) jpeg: Option<jpeg::Facts>,
}

impl Header {
    /// Width and height of the picture when upright.
    pub fn upright(&self) -> (u32, u32) {
        if self.turned() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// True where upright and stored sides change places.
    pub(super) fn turned(&self) -> bool {
        use Orientation::*;
        matches!(self.orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
    }

    /// At most how many bytes decoding it for `want` holds at once, the photo's own bytes aside. From above, and near:
    /// permits are taken by it.
    pub fn estimate_bytes(&self, want: &InputSpec) -> u64 {
        let (width, height) = want.fit(self.upright());
        let stored = if self.turned() { (height, width) } else { (width, height) };
        let whole = match self.kind {
            Kind::Jpeg => jpeg::scaled(self, stored),
            Kind::Png | Kind::WebP => (self.width, self.height),
        };
        let result = u64::from(width) * u64::from(height) * want.channels.count() as u64;
        let pixel = match self.kind {
            Kind::Jpeg => self.pixel_bytes.max(want.channels.count() as u64),
            Kind::Png | Kind::WebP => self.pixel_bytes,
        };
        // The resizer holds one more picture, as wide as the result and as high as the source, and the result twice.
        let between = u64::from(stored.0) * u64::from(whole.1) * want.channels.count() as u64;
        u64::from(whole.0) * u64::from(whole.1) * pixel + self.fixed_bytes + between + 2 * result + SMALL_BYTES
    }
}

/// Tables, windows and line buffers of any decoder: below a quarter of a MiB, and a MiB for the widest lines.
const SMALL_BYTES: u64 = 1 << 20;

/// Reads the header and checks the limits.
pub fn inspect(bytes: &[u8]) -> Result<Header, Fault> {
    super::guard::caught(|| parse(bytes))
}

fn parse(bytes: &[u8]) -> Result<Header, Fault> {
    if bytes.len() as u64 > PHOTO_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    let header = match bytes {
        [0xff, 0xd8, 0xff, ..] | [0xff, 0xd8] => jpeg::header(bytes)?,
        [0x89, b'P', b'N', b'G', rest @ ..] => png(rest)?,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', chunks @ ..] => webp(chunks)?,
        _ if other_picture(bytes) => return Err(Fault::Unsupported),
        _ => return Err(Fault::NotAnImage),
    };
    if header.width == 0 || header.height == 0 {
        return Err(Fault::Corrupt);
    }
    let pixels = u64::from(header.width) * u64::from(header.height);
    if header.width > SIDE_PX_MAX || header.height > SIDE_PX_MAX || pixels > PIXELS_MAX {
        return Err(Fault::TooLarge);
    }
    if header.jpeg.as_ref().is_some_and(|facts| facts.scans > super::SCANS_MAX) {
        return Err(Fault::TooLarge);
    }
    Ok(header)
}

/// Pictures that are told apart from what is none, so that a student learns that the kind is the matter.
fn other_picture(bytes: &[u8]) -> bool {
    const STARTS: [&[u8]; 11] = [
        b"GIF87a",
        b"GIF89a",
        b"II*\0",                    // TIFF, and most raw formats
        b"MM\0*",                    // the same, big-endian
        b"\0\0\0\x0cjP  \r\n\x87\n", // JPEG 2000
        b"\xff\x4f\xff\x51",         // its bare codestream
        b"\0\0\0\x0cJXL \r\n\x87\n", // JPEG XL
        b"\xff\x0a",                 // its bare codestream
        b"8BPS",                     // Photoshop
        b"qoif",
        b"\x76\x2f\x31\x01", // OpenEXR
    ];
    let bitmap = bytes.starts_with(b"BM") && bytes.get(6..10) == Some(&[0; 4]);
    // HEIC and AVIF: phones write the first by default, unless told otherwise or asked for a JPEG.
    let brands = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"];
    let heif = bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..12).is_some_and(|b| brands.iter().any(|x| b == *x));
    bitmap || heif || STARTS.iter().any(|start| bytes.starts_with(start))
}

/// The orientation in an EXIF block, with or without the `Exif` that some writers put before it.
pub(super) fn orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms)
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn le(bytes: &[u8], at: usize, count: usize) -> Option<u32> {
    Some(bytes.get(at..at + count)?.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

/// After the first four bytes of the signature.
fn png(rest: &[u8]) -> Result<Header, Fault> {
    let mut chunks = rest.strip_prefix(b"\r\n\x1a\n").ok_or(Fault::Corrupt)?;
    let start = chunks.get(..25).ok_or(Fault::Corrupt)?;
    if !start.starts_with(b"\0\0\0\x0dIHDR") {
        return Err(Fault::Corrupt);
    }
    let [depth, colour, ..] = start[16..] else { return Err(Fault::Corrupt) };
    // A palette may have alpha; tRNS may add it to the others.
    let samples = match colour {
        0 | 4 => 2,
        2 | 3 | 6 => 4,
        _ => return Err(Fault::Corrupt),
    };
    let mut header = Header {
        kind: Kind::Png,
        width: be32(start, 8).ok_or(Fault::Corrupt)?,
        height: be32(start, 12).ok_or(Fault::Corrupt)?,
        orientation: Orientation::NoTransforms,
        pixel_bytes: samples * if depth == 16 { 2 } else { 1 },
        fixed_bytes: 0,
        jpeg: None,
    };
    // The walk ends at what is no chunk; whether the rest matters is the decoder's to say.
    while let (Some(length), Some(name)) = (be32(chunks, 0), chunks.get(4..8)) {
        let Some(data) = chunks.get(8..8 + length as usize) else { break };
        match name {
            b"acTL" if be32(data, 0).is_some_and(|frames| frames > super::FRAMES_MAX) => {
                return Err(Fault::Unsupported);
            }
            b"eXIf" => header.orientation = orientation(data),
            b"IEND" => break,
            _ => {}
        }
        chunks = chunks.get(12 + length as usize..).unwrap_or(&[]);
    }
    Ok(header)
}

/// After `RIFF....WEBP`.
fn webp(mut chunks: &[u8]) -> Result<Header, Fault> {
    let mut sizes = Vec::new();
    let mut header = Header {
        kind: Kind::WebP,
        width: 0,
        height: 0,
        orientation: Orientation::NoTransforms,
        // Lossless: four channels, and four more while transforms are undone. Lossy: YUV and RGB, less than that.
        pixel_bytes: 8,
        fixed_bytes: 0,
        jpeg: None,
    };
    while let (Some(name), Some(length)) = (chunks.get(..4), le(chunks, 4, 4)) {
        let body = chunks.get(8..).unwrap_or(&[]);
        let data = body.get(..length as usize).unwrap_or(body);
        match name {
            b"VP8X" => {
                if data.first().is_some_and(|flags| flags & 0b10 != 0) {
                    return Err(Fault::Unsupported);
                }
                let side = |at| le(data, at, 3).map(|less_one| less_one + 1).ok_or(Fault::Corrupt);
                sizes.push((side(4)?, side(7)?));
            }
            b"VP8 " => {
                let side = |at| le(data, at, 2).map(|px| px & 0x3fff).ok_or(Fault::Corrupt);
                sizes.push((side(6)?, side(8)?));
            }
            b"VP8L" => {
                let bits = le(data, 1, 4).ok_or(Fault::Corrupt)?;
                sizes.push(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1));
            }
            b"ANIM" | b"ANMF" => return Err(Fault::Unsupported),
            b"EXIF" => header.orientation = orientation(data),
            _ => {}
        }
        chunks = body.get(length as usize + (length & 1) as usize..).unwrap_or(&[]);
    }
    // The picture must be as large as its canvas: decoders allocate by the one and check by the other.
    let (&size, others) = sizes.split_first().ok_or(Fault::Corrupt)?;
    if others.iter().any(|other| *other != size) {
        return Err(Fault::Corrupt);
    }
    (header.width, header.height) = size;
    Ok(header)
}

/// So that callers need not know how many channels a kind has.
impl From<Channels> for turbojpeg::PixelFormat {
    fn from(channels: Channels) -> turbojpeg::PixelFormat {
        match channels {
            Channels::Grey => turbojpeg::PixelFormat::GRAY,
            Channels::Rgb => turbojpeg::PixelFormat::RGB,
        }
    }
}
