//! What an overlay shows, looked at pixel by pixel.

use super::*;
use crate::decode::{decode, samples};

fn bp(value: u16) -> Bp {
    Bp::new(value).unwrap()
}

fn reading() -> Reading {
    Reading { quality: Quality::Ok, completion: Some(bp(7_250)), confidence: Some(bp(9_000)) }
}

fn area(at: [u16; 4], state: AreaState) -> Area {
    Area { at: at.map(bp), state, probability: bp(9_000) }
}

/// A white page.
fn white(width: u32, height: u32) -> Vec<u8> {
    samples::Png::of(width, height, 8, 0, vec![255; (width * height) as usize]).bytes()
}

fn drawn(photo: &[u8], areas: &[Area]) -> Pixels {
    let png = overlay(photo, &reading(), areas, Form::Png).unwrap();
    let header = inspect(&png).unwrap();
    let (width, height) = header.upright();
    let (mean, std) = (vec![0.0; 3], vec![1.0; 3]);
    decode(&png, &InputSpec { channels: Channels::Rgb, width, height, mean, std, pad: 0 }).unwrap()
}

fn at(pixels: &Pixels, x: u32, y: u32) -> Colour {
    let at = (y * pixels.width + x) as usize * 3;
    [pixels.bytes[at], pixels.bytes[at + 1], pixels.bytes[at + 2]]
}

#[test]
fn each_state_has_its_colour_and_what_is_no_area_is_as_it_was() {
    let quarter = |i: u16| [1_000 + 4_000 * (i % 2), 1_000 + 4_000 * (i / 2), 3_000, 3_000];
    let areas: Vec<Area> = AreaState::ALL.iter().zip(0..).map(|(state, i)| area(quarter(i), *state)).collect();
    let picture = drawn(&white(600, 600), &areas);
    assert_eq!(picture.width, 600);
    assert!(picture.height > 600, "the legend is below the photo, and covers none of it");
    for (state, (x, y)) in AreaState::ALL.into_iter().zip([(60, 60), (300, 60), (60, 300), (300, 300)]) {
        // The border, right of the sign.
        assert_eq!(at(&picture, x + 100, y), colour(state), "{state:?}");
        let inside = at(&picture, x + 100, y + 42);
        assert_ne!(inside, WHITE, "{state:?} is tinted");
    }
    assert_eq!(at(&picture, 5, 5), WHITE);
    let tints: std::collections::BTreeSet<Colour> = AreaState::ALL.map(colour).into_iter().collect();
    assert_eq!(tints.len(), 4);
}

#[test]
fn the_legend_names_the_states_that_are_there() {
    let areas = [area([0, 0, 5_000, 5_000], AreaState::Answered), area([5_000, 0, 5_000, 5_000], AreaState::Answered)];
    let legend = Legend::of(&reading(), &areas, 600);
    assert_eq!(legend.title, "73 % complete - confidence 90 %");
    assert_eq!(legend.items.iter().map(|(_, text, _)| text.as_str()).collect::<Vec<_>>(), ["2 answered"]);
    let dark = Reading { quality: Quality::Dark, completion: None, confidence: None };
    assert_eq!(title(&dark, &[]), "too dark to judge");
    assert_eq!(title(&reading(), &[]), "73 % complete - confidence 90 % - no areas told");
    // Letters are drawn.
    let mut canvas = Canvas::of(100, 40, WHITE);
    assert!(canvas.text((5, 5), 24.0, "73 %", INK) > 20);
    assert!(canvas.into_pixels().bytes.iter().any(|byte| *byte < 60));
}

#[test]
fn a_photo_of_any_size_has_an_overlay_and_large_ones_are_made_small() {
    let all = [area([0, 0, 10_000, 10_000], AreaState::StruckOut), area([9_999, 9_999, 1, 1], AreaState::Unsure)];
    for (width, height) in [(1, 1), (1, 3_000), (3_000, 1), (37, 91), (3_000, 2_000)] {
        let picture = drawn(&white(width, height), &all);
        assert!(picture.width <= SIDE_PX_MAX.max(WIDTH_PX_MIN as u32) && picture.height <= SIDE_PX_MAX + 200);
        assert!(picture.width >= WIDTH_PX_MIN as u32);
    }
}

#[test]
fn it_is_upright_and_the_same_each_time() {
    let jpeg = samples::with_exif(&samples::jpeg(300, 200), 6, true);
    let areas = [area([0, 0, 10_000, 5_000], AreaState::Blank)];
    let picture = drawn(&jpeg, &areas);
    assert!(picture.height > 300 && at(&picture, 210, 100) == AROUND, "the photo is 200 wide and 300 high");
    let once = overlay(&jpeg, &reading(), &areas, Form::Jpeg).unwrap();
    assert_eq!(once, overlay(&jpeg, &reading(), &areas, Form::Jpeg).unwrap());
    assert_eq!(inspect(&once).unwrap().kind, crate::decode::Kind::Jpeg);
}

#[test]
fn what_is_no_photo_is_a_fault() {
    assert_eq!(overlay(b"PK\x03\x04", &reading(), &[], Form::Png), Err(Fault::NotAnImage));
    assert_eq!(overlay(&white(20, 20)[..60], &reading(), &[], Form::Png), Err(Fault::Corrupt));
}

#[test]
fn the_form_is_the_name_s() {
    let of = |name: &str| Form::of(std::path::Path::new(name));
    assert_eq!([of("a.png"), of("b.JPG"), of("c.jpeg")], [Some(Form::Png), Some(Form::Jpeg), Some(Form::Jpeg)]);
    assert_eq!([of("a"), of("a.gif"), of(".png")], [None; 3]);
}
