//! PNG and WebP, decoded whole by `image`, then made grey or RGB in the buffer that they were decoded to.

use super::header::Header;
use super::{Channels, Pixels};
use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, ImageError, Limits};
use inkflow_schemas::Fault;
use std::io::Cursor;

pub(super) fn png(bytes: &[u8], header: &Header, want: Channels) -> Result<Pixels, Fault> {
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits(header)).map_err(|e| fault(&e))?;
    whole(decoder, header, want)
}

pub(super) fn webp(bytes: &[u8], header: &Header, want: Channels) -> Result<Pixels, Fault> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| fault(&e))?;
    decoder.set_limits(limits(header)).map_err(|e| fault(&e))?;
    whole(decoder, header, want)
}

/// What the header allowed, and nothing beyond it.
fn limits(header: &Header) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(header.width);
    limits.max_image_height = Some(header.height);
    limits.max_alloc = Some(u64::from(header.width) * u64::from(header.height) * 8 + MARGIN_BYTES);
    limits
}

/// For a decoder's tables and what its chunks may hold: a colour profile inflates to no more.
const MARGIN_BYTES: u64 = 4 << 20;

fn whole(decoder: impl ImageDecoder, header: &Header, want: Channels) -> Result<Pixels, Fault> {
    if decoder.dimensions() != (header.width, header.height) {
        return Err(Fault::Corrupt);
    }
    let colour = decoder.color_type();
    let bytes = decoder.total_bytes();
    if bytes > u64::from(header.width) * u64::from(header.height) * 8 {
        return Err(Fault::Corrupt);
    }
    let mut pixels = vec![0; bytes as usize];
    decoder.read_image(&mut pixels).map_err(|e| fault(&e))?;
    // Grey stays grey until it is small, whatever is wanted: see `letterbox::in_channels`.
    let channels = if colour.has_color() { want } else { Channels::Grey };
    convert(&mut pixels, colour, channels)?;
    Ok(Pixels { width: header.width, height: header.height, channels, bytes: pixels })
}

fn fault(error: &ImageError) -> Fault {
    match error {
        ImageError::Unsupported(_) => Fault::Unsupported,
        ImageError::Limits(_) => Fault::TooLarge,
        _ => Fault::Corrupt,
    }
}

/// In place: no kind has fewer bytes a pixel than what becomes of it, as grey never becomes RGB here.
fn convert(pixels: &mut Vec<u8>, colour: ColorType, want: Channels) -> Result<(), Fault> {
    let step = usize::from(colour.bytes_per_pixel());
    let wide = step / usize::from(colour.channel_count()) == 2;
    let read = move |pixel: &[u8], i: usize| -> u8 {
        if !wide {
            return pixel[i];
        }
        // 16 bits are rounded, not cut, so that white stays white and half stays half.
        let value = u16::from_ne_bytes([pixel[2 * i], pixel[2 * i + 1]]);
        ((u32::from(value) + 128) / 257) as u8
    };
    let rgb = move |pixel: &[u8]| -> [u8; 3] {
        let (grey, alpha) = match colour {
            ColorType::L8 | ColorType::L16 => (true, 255),
            ColorType::La8 | ColorType::La16 => (true, read(pixel, 1)),
            ColorType::Rgba8 | ColorType::Rgba16 => (false, read(pixel, 3)),
            _ => (false, 255),
        };
        let [r, g, b] = if grey { [0, 0, 0] } else { [0, 1, 2] };
        [r, g, b].map(|i| over_white(read(pixel, i), alpha))
    };
    match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {}
        _ => return Err(Fault::Unsupported),
    }
    let count = pixels.len() / step;
    match want {
        Channels::Grey if colour == ColorType::L8 => {}
        Channels::Rgb if colour == ColorType::Rgb8 => {}
        Channels::Rgb if step < 3 => return Err(Fault::Unsupported),
        Channels::Grey | Channels::Rgb => {
            let width = want.count();
            for i in 0..count {
                let [r, g, b] = rgb(&pixels[i * step..(i + 1) * step]);
                match want {
                    Channels::Grey => pixels[i] = luma(r, g, b),
                    Channels::Rgb => pixels[i * width..(i + 1) * width].copy_from_slice(&[r, g, b]),
                }
            }
            pixels.truncate(count * width);
            pixels.shrink_to_fit();
        }
    }
    Ok(())
}

/// Paper is white: what is transparent shows it.
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// BT.601 luma of 8 bits, as JPEG and Pillow's `L` have it. Of a grey pixel it is the pixel.
pub(super) fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19_595 + u32::from(g) * 38_470 + u32::from(b) * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_what_it_is() {
        assert!((0..=255).all(|v| luma(v, v, v) == v));
    }

    #[test]
    fn transparent_is_white_and_opaque_is_itself() {
        assert_eq!([over_white(0, 0), over_white(7, 255), over_white(0, 128)], [255, 7, 127]);
    }

    #[test]
    fn every_colour_type_becomes_grey_and_rgb() {
        let wide = |v: u16| v.to_ne_bytes();
        let cases: [(ColorType, Vec<u8>); 8] = [
            (ColorType::L8, vec![51]),
            (ColorType::La8, vec![51, 255]),
            (ColorType::Rgb8, vec![51; 3]),
            (ColorType::Rgba8, vec![51, 51, 51, 255]),
            (ColorType::L16, wide(51 * 257).to_vec()),
            (ColorType::La16, [wide(51 * 257), wide(65_535)].concat()),
            (ColorType::Rgb16, wide(51 * 257).repeat(3)),
            (ColorType::Rgba16, [wide(51 * 257).repeat(3), wide(65_535).to_vec()].concat()),
        ];
        for (colour, pixel) in cases {
            for (want, becomes) in [(Channels::Grey, vec![51; 2]), (Channels::Rgb, vec![51; 6])] {
                if want == Channels::Rgb && !colour.has_color() {
                    continue;
                }
                let mut pixels = pixel.repeat(2);
                convert(&mut pixels, colour, want).unwrap();
                assert_eq!(pixels, becomes, "{colour:?} {want:?}");
            }
        }
    }
}
