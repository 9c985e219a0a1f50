//! Every kind of picture, every limit, and bytes that are none of them.

use super::samples::*;
use super::*;
use image::ExtendedColorType as Colour;
use proptest::prelude::*;
use turbojpeg::{PixelFormat, Subsamp};

fn grey(width: u32, height: u32) -> InputSpec {
    InputSpec { channels: Channels::Grey, width, height, mean: vec![0.0], std: vec![1.0], pad: 128 }
}

fn rgb(width: u32, height: u32) -> InputSpec {
    InputSpec { channels: Channels::Rgb, mean: vec![0.0; 3], std: vec![1.0; 3], ..grey(width, height) }
}

/// The page, as what `bytes` decode to, at its own size: no value further off than `off`.
#[track_caller]
fn is_page(bytes: &[u8], width: usize, height: usize, off: u8) {
    for (spec, expected) in [
        (grey(width as u32, height as u32), page(width, height)),
        (rgb(width as u32, height as u32), rgb_page(width, height)),
    ] {
        let pixels = decode(bytes, &spec).unwrap();
        assert_eq!((pixels.width, pixels.height, pixels.channels), (spec.width, spec.height, spec.channels));
        let worst = pixels.bytes.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert_eq!(pixels.bytes.len(), expected.len());
        assert!(worst <= off, "{:?}: off by {worst}", spec.channels);
    }
}

#[test]
fn jpegs_of_every_kind_are_the_same_page() {
    for (w, h) in [(96, 64), (33, 47), (1, 1), (8, 200)] {
        for progressive in [false, true] {
            for subsamp in
                [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub2x2, Subsamp::Sub1x2, Subsamp::Sub4x1, Subsamp::Gray]
            {
                let kind = Jpeg { subsamp, progressive, quality: 98, ..Jpeg::default() };
                is_page(&kind.of(&rgb_page(w, h), w, h), w, h, 4);
            }
            let kind = Jpeg { format: PixelFormat::GRAY, subsamp: Subsamp::Gray, progressive, quality: 98 };
            is_page(&kind.of(&page(w, h), w, h), w, h, 4);
        }
    }
}

#[test]
fn ink_jpegs_are_read_as_light() {
    let (w, h) = (48, 32);
    // Black alone: of plain CMYK the inks, of Adobe's the paper that is left.
    let plain: Vec<u8> = page(w, h).iter().flat_map(|v| [0, 0, 0, 255 - v]).collect();
    let adobe: Vec<u8> = page(w, h).iter().flat_map(|v| [255, 255, 255, *v]).collect();
    let ycck = Jpeg { format: PixelFormat::CMYK, subsamp: Subsamp::None, quality: 98, progressive: false };
    let written = ycck.of(&adobe, w, h);
    assert!(written.windows(5).any(|s| s == b"Adobe"), "libjpeg marks YCCK as Adobe's");
    is_page(&written, w, h, 6);
    // Without the marker libjpeg takes four components for plain CMYK.
    let mut unmarked = ycck.of(&plain, w, h);
    let at = unmarked.windows(5).position(|s| s == b"Adobe").unwrap();
    let length = usize::from(unmarked[at - 1]);
    unmarked.drain(at - 4..at - 2 + length);
    let pixels = decode(&unmarked, &rgb(w as u32, h as u32)).unwrap();
    assert_eq!(pixels.bytes.len(), w * h * 3);
}

#[test]
fn pngs_of_every_kind_are_the_same_page() {
    let (w, h) = (37, 21);
    let each = |f: &dyn Fn(u8) -> Vec<u8>| page(w, h).iter().flat_map(|v| f(*v)).collect::<Vec<u8>>();
    let of = |depth, colour, rows| Png::of(w as u32, h as u32, depth, colour, rows).bytes();
    is_page(&of(8, 0, page(w, h)), w, h, 0);
    is_page(&of(8, 2, rgb_page(w, h)), w, h, 0);
    is_page(&of(8, 4, each(&|v| vec![v, 255])), w, h, 0);
    is_page(&of(8, 6, each(&|v| vec![v, v, v, 255])), w, h, 0);
    is_page(&of(16, 0, each(&|v| vec![v, v])), w, h, 0);
    is_page(&of(16, 2, each(&|v| [v; 6].to_vec())), w, h, 0);
    is_page(&of(16, 4, each(&|v| vec![v, v, 255, 255])), w, h, 0);
    is_page(&of(16, 6, each(&|v| [&[v; 6][..], &[255, 255]].concat())), w, h, 0);
    // A palette whose every entry is opaque, then one whose entries show the paper.
    let entries: Vec<u8> = (0..=255).flat_map(|v| [v; 3]).collect();
    let mut palette = Png::of(w as u32, h as u32, 8, 3, page(w, h));
    palette.extra = vec![(b"PLTE", entries.clone())];
    is_page(&palette.bytes(), w, h, 0);
    palette.extra = vec![(b"PLTE", vec![0; 768]), (b"tRNS", (0..=255).rev().collect())];
    is_page(&palette.bytes(), w, h, 0);
}

#[test]
fn few_bits_a_pixel() {
    let bits = Png::of(8, 1, 1, 0, vec![0b1010_0000]).bytes();
    let pixels = decode(&bits, &grey(8, 1)).unwrap();
    assert_eq!(pixels.bytes, [255, 0, 255, 0, 0, 0, 0, 0]);
    let mut palette = Png::of(4, 1, 2, 3, vec![0b0001_1011]);
    palette.extra = vec![(b"PLTE", vec![9, 9, 9, 50, 50, 50, 100, 100, 100, 200, 200, 200])];
    assert_eq!(decode(&palette.bytes(), &grey(4, 1)).unwrap().bytes, [9, 50, 100, 200]);
}

#[test]
fn webps_are_the_same_page() {
    let (w, h) = (37, 21);
    is_page(&webp(&page(w, h), 37, 21, Colour::L8), w, h, 0);
    is_page(&webp(&rgb_page(w, h), 37, 21, Colour::Rgb8), w, h, 0);
    let transparent: Vec<u8> = page(w, h).iter().flat_map(|v| [0, 0, 0, 255 - v]).collect();
    is_page(&webp(&transparent, 37, 21, Colour::Rgba8), w, h, 0);
    let pixels = decode(LOSSY_WEBP, &grey(1, 1)).unwrap();
    assert_eq!((pixels.width, pixels.height, pixels.bytes.len()), (1, 1, 1));
}

#[test]
fn all_eight_orientations() {
    let (w, h) = (64, 32);
    let jpeg = Jpeg { quality: 98, ..Jpeg::default() }.of(&rgb_page(w, h), w, h);
    let png = |o: u16| {
        let mut png = Png::of(w as u32, h as u32, 8, 0, page(w, h));
        png.extra = vec![(b"eXIf", exif(o, true))];
        png.bytes()
    };
    let lossless = webp(&page(w, h), w as u32, h as u32, Colour::L8);
    let webp = |o: u16| riff(&[(b"VP8X", &vp8x(8, 64, 32)), (b"VP8L", &lossless[20..]), (b"EXIF", &exif(o, false))]);
    let reference = image::GrayImage::from_raw(w as u32, h as u32, page(w, h)).unwrap();
    for o in 1..=8u16 {
        let mut upright = image::DynamicImage::ImageLuma8(reference.clone());
        upright.apply_orientation(image::metadata::Orientation::from_exif(o as u8).unwrap());
        let spec = grey(upright.width(), upright.height());
        for (bytes, off) in [(with_exif(&jpeg, o, false), 4), (with_exif(&jpeg, o, true), 4), (png(o), 0), (webp(o), 0)]
        {
            let pixels = decode(&bytes, &spec).unwrap();
            assert_eq!((pixels.width, pixels.height), (spec.width, spec.height), "{o}");
            let worst = pixels.bytes.iter().zip(upright.as_bytes()).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(off), "orientation {o}: off by {worst:?}");
        }
    }
    // 6 is what a phone held upright writes: the stored left is the top.
    let pixels = decode(&with_exif(&jpeg, 6, false), &grey(32, 64)).unwrap();
    let (top_left, top_right) = (pixels.bytes[0], pixels.bytes[31]);
    assert!(top_left > 150 && top_right < 60, "the bottom left of the stored page has come to the top left");
}

#[test]
fn an_orientation_that_is_none_turns_nothing() {
    let (w, h) = (16, 8);
    let jpeg = Jpeg { quality: 98, ..Jpeg::default() }.of(&rgb_page(w, h), w, h);
    for o in [0, 9, 65_535] {
        is_page(&with_exif(&jpeg, o, false), w, h, 4);
    }
    for garbage in [&b"Exif\0\0"[..], b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"] {
        is_page(&with_segment(&jpeg, 0xe1, garbage), w, h, 4);
    }
}

#[test]
fn a_large_jpeg_is_scaled_and_stays_the_page() {
    let spec = grey(480, 640);
    for (w, h) in [(1_536, 2_048), (2_000, 2_666), (481, 641), (3_000, 1_000)] {
        let scaled = decode(&jpeg(w, h), &spec).unwrap();
        let (fw, fh) = spec.fit((w as u32, h as u32));
        assert_eq!((scaled.width, scaled.height), (fw, fh));
        let expected = page(fw as usize, fh as usize);
        let worst = scaled.bytes.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(4), "{w}x{h}: off by {worst:?}");
    }
}

#[test]
fn what_is_no_picture() {
    for bytes in [
        &b""[..],
        b"\0",
        b"\xff",
        b"PK\x03\x04 a zip named .jpg",
        b"<!DOCTYPE html><html>not found</html>",
        b"%PDF-1.7",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypmp42",
    ] {
        assert_eq!(inspect(bytes), Err(Fault::NotAnImage), "{bytes:?}");
        assert_eq!(decode(bytes, &grey(4, 4)), Err(Fault::NotAnImage));
    }
}

#[test]
fn what_is_a_picture_of_another_kind() {
    let mut animated_png = Png::of(1, 1, 8, 0, vec![7]);
    animated_png.extra = vec![(b"acTL", vec![0, 0, 0, 2, 0, 0, 0, 0])];
    let animated_webp = riff(&[(b"VP8X", &vp8x(2, 9, 9)), (b"ANIM", &[0; 6]), (b"ANMF", &[0; 24])]);
    let marker = |sof| {
        let mut header = jpeg_header(8, 8, false);
        header[3] = sof;
        header
    };
    let mut twelve_bits = jpeg_header(8, 8, false);
    twelve_bits[6] = 12;
    for bytes in [
        &b"GIF89a\x01\0\x01\0"[..],
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\0\0\0\x20ftypavif",
        b"II*\0\x08\0\0\0",
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0",
        b"\xff\x0a",
        &animated_png.bytes(),
        &animated_webp,
        &marker(0xc3),
        &marker(0xc9),
        &marker(0xca),
        &twelve_bits,
    ] {
        assert_eq!(inspect(bytes), Err(Fault::Unsupported), "{bytes:?}");
    }
    let mut one_frame = Png::of(1, 1, 8, 0, vec![7]);
    one_frame.extra = vec![(b"acTL", vec![0, 0, 0, 1, 0, 0, 0, 0])];
    assert_eq!(decode(&one_frame.bytes(), &grey(1, 1)).unwrap().bytes, [7]);
}

#[test]
fn bombs_are_refused_by_their_headers() {
    let large = |w, h| Png { rows: vec![0], ..Png::of(w, h, 16, 6, vec![]) };
    let mut header = large(60_000, 60_000);
    header.height = 1;
    let mut png = header.bytes();
    png[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    for bytes in [
        png,
        jpeg_header(65_535, 65_535, true),
        jpeg_header(65_535, 65_535, false),
        jpeg_header(20_001, 1, false),
        jpeg_header(1, 20_001, false),
        jpeg_header(8_000, 7_501, false),
        riff(&[(b"VP8X", &vp8x(0, 16_383, 16_383))]),
        riff(&[(b"VP8X", &vp8x(0, 1 << 24, 1))]),
        vec![0; 20 * 1024 * 1024 + 1],
    ] {
        assert_eq!(inspect(&bytes), Err(Fault::TooLarge), "{:?}", &bytes[..32.min(bytes.len())]);
        assert_eq!(decode(&bytes, &grey(4, 4)), Err(Fault::TooLarge));
    }
    assert!(inspect(&jpeg_header(20_000, 3_000, false)).is_ok());
}

#[test]
fn a_canvas_and_its_picture_are_of_one_size() {
    let lossless = webp(&page(8, 8), 8, 8, Colour::L8);
    let bytes = riff(&[(b"VP8X", &vp8x(0, 9, 8)), (b"VP8L", &lossless[20..])]);
    assert_eq!(decode(&bytes, &grey(8, 8)), Err(Fault::Corrupt));
}

#[test]
fn too_many_scans() {
    let progressive = Jpeg { progressive: true, ..Jpeg::default() }.of(&rgb_page(16, 16), 16, 16);
    let last = progressive.windows(2).rposition(|m| m == [0xff, 0xda]).unwrap();
    let scan = &progressive[last..progressive.len() - 2];
    let repeated = [&progressive[..last], &scan.repeat(101)[..], &[0xff, 0xd9]].concat();
    assert_eq!(inspect(&repeated), Err(Fault::TooLarge));
    let header = inspect(&progressive).unwrap();
    assert!(header.jpeg.unwrap().scans <= 15);
}

#[test]
fn progressive_costs_its_coefficients() {
    let spec = grey(480, 640);
    let estimate = |progressive| inspect(&jpeg_header(7_750, 7_740, progressive)).unwrap().estimate_bytes(&spec);
    assert!(estimate(true) - estimate(false) >= 7_750 * 7_740 * 3, "4:2:0 holds three bytes a pixel");
    assert!(estimate(true) < 200 << 20);
    assert!(estimate(false) < 16 << 20, "scaled down, a large baseline photo costs little: {}", estimate(false));
    let png = Png { rows: vec![], ..Png::of(7_750, 1, 16, 6, vec![0; 7_750 * 8]) };
    assert!(inspect(&png.bytes()).unwrap().estimate_bytes(&spec) >= 7_750 * 8);
}

#[test]
fn a_jpeg_may_lack_its_end_marker_and_no_more() {
    let (w, h) = (64, 48);
    let whole = Jpeg::default().of(&noise(w * h * 3), w, h);
    let spec = grey(64, 48);
    let pixels = decode(&whole, &spec).unwrap();
    for lost in [1, 2] {
        assert_eq!(decode(&whole[..whole.len() - lost], &spec).as_ref(), Ok(&pixels), "without {lost} bytes");
    }
    // The last bytes of data may be padding; four cannot.
    for kept in 2..whole.len() - 5 {
        assert_eq!(decode(&whole[..kept], &spec), Err(Fault::Corrupt), "cut after {kept}");
    }
    let trailing = [&whole[..], b"a second picture, as some phones append"].concat();
    assert_eq!(decode(&trailing, &spec).as_ref(), Ok(&pixels));
    let padded = [&whole[..whole.len() - 2], &[0, 0, 0], &[0xff, 0xd9]].concat();
    assert_eq!(decode(&padded, &spec).as_ref(), Ok(&pixels));
}

#[test]
fn a_jpeg_that_lost_its_middle_is_corrupt() {
    let (w, h) = (64, 48);
    let whole = Jpeg::default().of(&noise(w * h * 3), w, h);
    let mut refused = 0;
    for at in (700..whole.len() - 64).step_by(29) {
        let holed = [&whole[..at], &whole[at + 48..]].concat();
        refused += u32::from(decode(&holed, &grey(64, 48)) == Err(Fault::Corrupt));
    }
    assert!(refused > 0);
}

#[test]
fn other_kinds_that_break_off_are_corrupt() {
    let (w, h) = (40, 30);
    let progressive = Jpeg { progressive: true, ..Jpeg::default() }.of(&noise(w * h * 3), w, h);
    let png = Png::of(40, 30, 8, 2, noise(w * h * 3)).bytes();
    let webp = webp(&noise(w * h * 3), 40, 30, Colour::Rgb8);
    for (bytes, spare) in [(progressive, 1), (png, 24), (webp, 24)] {
        decode(&bytes, &grey(40, 30)).unwrap();
        for kept in (12..bytes.len() - spare).step_by(7).chain([bytes.len() - spare - 1]) {
            assert_eq!(
                decode(&bytes[..kept], &grey(40, 30)),
                Err(Fault::Corrupt),
                "cut after {kept} of {}",
                bytes.len()
            );
        }
    }
}

/// Whatever comes of it, it is an outcome of the right size.
#[track_caller]
fn survives(bytes: &[u8]) {
    for spec in [grey(32, 40), rgb(5, 3)] {
        if let Ok(pixels) = decode(bytes, &spec) {
            let expected = pixels.width as usize * pixels.height as usize * spec.channels.count();
            assert_eq!(pixels.bytes.len(), expected);
            assert!(pixels.width <= spec.width && pixels.height <= spec.height);
            let mut batch = Vec::new();
            spec.append_to(&pixels, &mut batch);
            assert_eq!(batch.len(), spec.floats());
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut palette = Png::of(9, 9, 8, 3, page(9, 9));
    palette.extra = vec![(b"PLTE", vec![7; 768]), (b"tRNS", vec![9; 256])];
    let lossless = webp(&noise(27 * 3), 9, 3, Colour::Rgb8);
    vec![
        with_exif(&jpeg(40, 24), 6, true),
        Jpeg { progressive: true, ..Jpeg::default() }.of(&noise(24 * 24 * 3), 24, 24),
        Jpeg { format: PixelFormat::CMYK, ..Jpeg::default() }.of(&noise(16 * 16 * 4), 16, 16),
        Png::of(9, 9, 16, 6, noise(9 * 9 * 8)).bytes(),
        palette.bytes(),
        riff(&[(b"VP8X", &vp8x(8, 9, 3)), (b"VP8L", &lossless[20..]), (b"EXIF", &exif(3, false))]),
        LOSSY_WEBP.to_vec(),
    ]
}

proptest! {
    // More by PROPTEST_CASES, never fewer.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]

    #[test]
    fn mutated_pictures_have_an_outcome(
        seed in 0usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        survives(&bytes);
    }

    #[test]
    fn any_bytes_have_an_outcome(start in 0usize..7, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let magic: [&[u8]; 7] =
            [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0", b"RIFF\0\0\0\0WEBPVP8L", b"GIF8"];
        survives(&[magic[start], &bytes].concat());
    }
}
