//! Pictures that tests make themselves: no file of anybody's is stored for them.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// A grey page: brighter to the right and, twice as fast, to the bottom, so that no turn of it is like another.
pub fn page(width: usize, height: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(width * height);
    for y in 0..height {
        bytes.extend((0..width).map(|x| (40 + 60 * x / width + 120 * y / height) as u8));
    }
    bytes
}

/// The page in RGB: three channels alike.
pub fn rgb_page(width: usize, height: usize) -> Vec<u8> {
    page(width, height).into_iter().flat_map(|v| [v; 3]).collect()
}

pub struct Jpeg {
    pub format: PixelFormat,
    pub subsamp: Subsamp,
    pub progressive: bool,
    pub quality: i32,
}

impl Default for Jpeg {
    fn default() -> Jpeg {
        Jpeg { format: PixelFormat::RGB, subsamp: Subsamp::Sub2x2, progressive: false, quality: 92 }
    }
}

impl Jpeg {
    pub fn of(&self, pixels: &[u8], width: usize, height: usize) -> Vec<u8> {
        let mut compressor = Compressor::new().unwrap();
        compressor.set_quality(self.quality).unwrap();
        compressor.set_subsamp(self.subsamp).unwrap();
        compressor.set_progressive(self.progressive).unwrap();
        let pitch = width * self.format.size();
        compressor.compress_to_vec(Image { pixels, width, pitch, height, format: self.format }).unwrap()
    }
}

pub fn jpeg(width: usize, height: usize) -> Vec<u8> {
    Jpeg::default().of(&rgb_page(width, height), width, height)
}

/// Noise: much to decode for its size, as a photo has.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// An EXIF block that says nothing but an orientation.
pub fn exif(orientation: u16, big_endian: bool) -> Vec<u8> {
    let two = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let four = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
    let magic = if big_endian { b"MM\0*" } else { b"II*\0" };
    let mut tiff = magic.to_vec();
    tiff.extend(four(8));
    tiff.extend(two(1));
    tiff.extend(two(0x0112));
    tiff.extend(two(3));
    tiff.extend(four(1));
    tiff.extend(two(orientation));
    tiff.extend([0; 2]);
    tiff.extend(four(0));
    tiff
}

/// A JPEG with another segment after its start.
pub fn with_segment(jpeg: &[u8], marker: u8, data: &[u8]) -> Vec<u8> {
    let length = (data.len() + 2) as u16;
    [&jpeg[..2], &[0xff, marker], &length.to_be_bytes(), data, &jpeg[2..]].concat()
}

pub fn with_exif(jpeg: &[u8], orientation: u16, big_endian: bool) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0".to_vec(), exif(orientation, big_endian)].concat())
}

/// A JPEG header alone, of any size.
pub fn jpeg_header(width: u16, height: u16, progressive: bool) -> Vec<u8> {
    let sof = if progressive { 0xc2 } else { 0xc0 };
    let mut bytes = vec![0xff, 0xd8, 0xff, sof, 0, 17, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    bytes.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0, 0xff, 0xd9]);
    bytes
}

pub struct Png {
    pub width: u32,
    pub height: u32,
    pub depth: u8,
    pub colour: u8,
    /// Chunks between the header and the data.
    pub extra: Vec<(&'static [u8; 4], Vec<u8>)>,
    /// The rows, without filter bytes.
    pub rows: Vec<u8>,
}

impl Png {
    pub fn of(width: u32, height: u32, depth: u8, colour: u8, rows: Vec<u8>) -> Png {
        Png { width, height, depth, colour, extra: Vec::new(), rows }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut header = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        header.extend([self.depth, self.colour, 0, 0, 0]);
        chunk(&mut png, b"IHDR", &header);
        for (name, data) in &self.extra {
            chunk(&mut png, name, data);
        }
        let row = (self.rows.len() / self.height as usize).max(1);
        let raw: Vec<u8> = self.rows.chunks(row).flat_map(|r| [&[0], r].concat()).collect();
        chunk(&mut png, b"IDAT", &stored_zlib(&raw));
        chunk(&mut png, b"IEND", &[]);
        png
    }
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    let body = [&name[..], data].concat();
    png.extend(&body);
    png.extend(crc32(&body).to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

fn stored_zlib(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = raw.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = raw.iter().fold((1u32, 0u32), |(a, b), v| {
        let a = (a + u32::from(*v)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// Lossless WebP.
pub fn webp(pixels: &[u8], width: u32, height: u32, colour: image::ExtendedColorType) -> Vec<u8> {
    let mut out = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut out).encode(pixels, width, height, colour).unwrap();
    out
}

/// The smallest lossy WebP: one grey pixel.
pub const LOSSY_WEBP: &[u8] =
    b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9d\x01\x2a\x01\0\x01\0\x0e\xc0\xfe\x25\xa4\0\x03p\0\0\0\0";

/// A WebP of these chunks.
pub fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, data) in chunks {
        body.extend(*name);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.resize(body.len() + data.len() % 2, 0);
    }
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

/// The extended header of a WebP: flags and canvas.
pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (w, h) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    [&[flags, 0, 0, 0], &w[..3], &h[..3]].concat()
}
