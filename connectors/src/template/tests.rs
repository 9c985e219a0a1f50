//! Pages drawn here, and photos of them by known perspectives: what is found is held against what was done.

use super::homography::{Homography, Pair};
use super::*;
use proptest::prelude::*;

/// A grey page of lines of print-like marks and a column of boxes: no part of it is quite like another.
fn page(w: usize, h: usize, seed: u64) -> Vec<f32> {
    let mut dice = features::Dice(seed);
    let mut page = vec![245.0; w * h];
    let mut fill = |x: usize, y: usize, bw: usize, bh: usize, v: f32| {
        for row in page.chunks_exact_mut(w).skip(y).take(bh) {
            row.iter_mut().skip(x).take(bw).for_each(|p| *p = v);
        }
    };
    // Two pages of one book: the same boxes, other lines of text.
    let pitch = if seed % 2 == 1 { 36 } else { 31 };
    for line in 0..h / pitch - 2 {
        let y = 40 + line * pitch;
        let mut x = 50 + dice.below(30);
        while x < w / 2 {
            let (bw, bh) = (3 + dice.below(9), 6 + dice.below(10));
            fill(x, y + dice.below(6), bw, bh, 30.0);
            x += bw + 3 + dice.below(12);
        }
    }
    for [x, y, bw, bh] in boxes(w, h) {
        for (x, y, bw, bh) in [(x, y, bw, 2), (x, y + bh, bw, 2), (x, y, 2, bh), (x + bw, y, 2, bh)] {
            fill(x, y, bw, bh, 60.0);
        }
    }
    page
}

/// Where answers are expected: x, y, width, height.
fn boxes(w: usize, h: usize) -> Vec<[usize; 4]> {
    (0..10).map(|i| [w * 6 / 10, h / 16 + i * h / 12, w / 4, h / 20]).collect()
}

/// Scribbles into every second box.
fn answered(page: &[f32], w: usize, h: usize, dark: f32) -> Vec<f32> {
    let mut page = page.to_vec();
    for [x, y, bw, bh] in boxes(w, h).into_iter().step_by(2) {
        for i in 0..bw * 3 / 2 {
            let (u, v) = (x + bw / 8 + i / 2, y + bh / 2 + ((i as f32 * 0.35).sin() * bh as f32 / 4.0) as usize);
            for at in [v * w + u, v * w + u + 1, (v + 1) * w + u] {
                if let Some(p) = page.get_mut(at) {
                    *p = p.min(245.0 - dark);
                }
            }
        }
    }
    page
}

/// A photo: each of its pixels looked up on the page by the perspective's way back, on a dark table, under uneven light, with noise.
fn photo(page: &[f32], (w, h): (usize, usize), to: &Homography, (pw, ph): (usize, usize), noise: f32) -> Pixels {
    let back = to.back().unwrap();
    let mut dice = features::Dice(3);
    let mut bytes = Vec::with_capacity(pw * ph);
    for y in 0..ph {
        for x in 0..pw {
            let at = back.map((x as f32, y as f32)).unwrap_or((-1.0, -1.0));
            let inside = at.0 >= 0.0 && at.1 >= 0.0 && at.0 < (w - 1) as f32 && at.1 < (h - 1) as f32;
            let light = 0.6 + 0.4 * x as f32 / pw as f32;
            let v = if inside { bilinear(page, w, at) * light } else { 50.0 };
            let off: f32 = (0..4).map(|_| dice.part() - 0.5).sum::<f32>() * 1.7 * noise;
            bytes.push((v + off).clamp(0.0, 255.0) as u8);
        }
    }
    Pixels { width: pw as u32, height: ph as u32, channels: Channels::Grey, bytes }
}

fn bilinear(page: &[f32], w: usize, (x, y): (f32, f32)) -> f32 {
    let (i, fx, fy) = (y as usize * w + x as usize, x.fract(), y.fract());
    let mix = |a: f32, b: f32, f: f32| a + (b - a) * f;
    mix(mix(page[i], page[i + 1], fx), mix(page[i + w], page[i + w + 1], fx), fy)
}

fn flat(page: &[f32], w: usize, h: usize) -> Pixels {
    let bytes = page.iter().map(|v| *v as u8).collect();
    Pixels { width: w as u32, height: h as u32, channels: Channels::Grey, bytes }
}

fn corners_to(w: f32, h: f32, to: [(f32, f32); 4]) -> Homography {
    let from = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)];
    let pairs: Vec<Pair> = from.into_iter().zip(to).map(|(from, to)| Pair { from, to, weight: 1.0 }).collect();
    Homography::fit(&pairs, false).unwrap()
}

const W: usize = 720;
const H: usize = 960;
const PHOTO: (usize, usize) = (900, 1200);

/// Upright, tipped, turned by a quarter and upside down: where the page's corners are in the photo.
fn views() -> [[(f32, f32); 4]; 4] {
    [
        [(60.0, 70.0), (850.0, 60.0), (845.0, 1130.0), (50.0, 1120.0)],
        [(120.0, 90.0), (800.0, 130.0), (860.0, 1150.0), (40.0, 1080.0)],
        [(860.0, 150.0), (850.0, 960.0), (60.0, 930.0), (70.0, 160.0)],
        [(830.0, 1140.0), (80.0, 1100.0), (60.0, 90.0), (840.0, 60.0)],
    ]
}

fn areas() -> Vec<[Bp; 4]> {
    let bp = |v: usize, of: usize| Bp::new((v * 10_000 / of) as u16).unwrap();
    boxes(W, H).into_iter().map(|[x, y, w, h]| [bp(x + 4, W), bp(y + 4, H), bp(w - 8, W), bp(h - 8, H)]).collect()
}

/// A blank page, its areas, a photo of it on which every second one is answered, and a photo of another page.
pub(crate) fn homework() -> (Pixels, Vec<[Bp; 4]>, Pixels, Pixels) {
    let (mine, other) = (page(W, H, 1), page(W, H, 2));
    let to = corners_to(W as f32, H as f32, views()[1]);
    let shot = |page: &[f32]| photo(page, (W, H), &to, PHOTO, 4.0);
    (flat(&mine, W, H), areas(), shot(&answered(&mine, W, H, 120.0)), shot(&other))
}

#[test]
fn a_known_perspective_is_found_to_the_pixel() {
    let blank = page(W, H, 1);
    let template = Template::prepare(&flat(&blank, W, H)).unwrap();
    for corners in views() {
        let truth = corners_to(W as f32, H as f32, corners);
        let inked = Inked::of(&photo(&answered(&blank, W, H, 150.0), (W, H), &truth, PHOTO, 6.0));
        let laid = template.lay(&inked, &Photo::of(&inked.ink)).unwrap();
        // Where there is print: beyond it nothing says how the paper lies.
        for x in (60..W - 60).step_by(100) {
            for y in (60..H - 60).step_by(100) {
                let at = (x as f32, y as f32);
                let (found, there) = (laid.map(at).unwrap(), truth.map(at).unwrap());
                let off = (found.0 - there.0).hypot(found.1 - there.1);
                assert!(off < 1.0, "{corners:?}: {at:?} is {off} px off");
            }
        }
    }
}

#[test]
fn areas_are_told_apart_from_every_side_and_with_a_light_pencil() {
    let blank = page(W, H, 1);
    let template = Template::prepare(&flat(&blank, W, H)).unwrap();
    for (corners, dark) in views().into_iter().zip([150.0, 90.0, 150.0, 60.0]) {
        let truth = corners_to(W as f32, H as f32, corners);
        let photo = photo(&answered(&blank, W, H, dark), (W, H), &truth, PHOTO, 3.0);
        let compared = template.compare(&photo, &areas()).unwrap();
        let states: Vec<AreaState> = compared.areas.iter().map(|area| area.state).collect();
        assert_eq!(states, [AreaState::Answered, AreaState::Blank].repeat(5), "{corners:?}");
        assert_eq!(compared.completion.map(Bp::get), Some(5_000));
        // The box lies where the area is in the photo.
        let [x, y, w, h] = compared.areas[3].at.map(|v| f32::from(v.get()) / 10_000.0);
        let [bx, by, bw, bh] = boxes(W, H)[3];
        let middle = truth.map(((bx + bw / 2) as f32, (by + bh / 2) as f32)).unwrap();
        let off = ((x + w / 2.0) * PHOTO.0 as f32 - middle.0).hypot((y + h / 2.0) * PHOTO.1 as f32 - middle.1);
        assert!(off < 6.0, "{off}");
    }
}

#[test]
fn the_same_pictures_have_the_same_answer() {
    let blank = page(W, H, 1);
    let truth = corners_to(W as f32, H as f32, views()[1]);
    let photo = photo(&answered(&blank, W, H, 150.0), (W, H), &truth, PHOTO, 6.0);
    let ask = || Template::prepare(&flat(&blank, W, H)).unwrap().compare(&photo, &areas()).unwrap();
    assert_eq!(ask(), ask());
}

#[test]
fn another_page_bare_paper_and_a_mirrored_page_are_refused() {
    let template = Template::prepare(&flat(&page(W, H, 1), W, H)).unwrap();
    let other = flat(&page(W, H, 2), W, H);
    template.compare(&other, &areas()).unwrap_err();
    let bare = flat(&vec![240.0; W * H], W, H);
    assert_eq!(template.compare(&bare, &areas()).unwrap_err(), NoMatch::TooLittlePrint);
    assert_eq!(Template::prepare(&bare).err(), Some(NoMatch::TooLittlePrint));
    let mut mirrored = page(W, H, 1);
    mirrored.chunks_exact_mut(W).for_each(<[f32]>::reverse);
    template.compare(&flat(&mirrored, W, H), &areas()).unwrap_err();
}

#[test]
fn an_area_out_of_sight_is_unsure() {
    let blank = page(W, H, 1);
    let template = Template::prepare(&flat(&blank, W, H)).unwrap();
    // The page's upper third is beyond the photo.
    let truth = corners_to(W as f32, H as f32, [(60.0, -400.0), (860.0, -400.0), (860.0, 667.0), (60.0, 667.0)]);
    let photo = photo(&answered(&blank, W, H, 150.0), (W, H), &truth, PHOTO, 3.0);
    let compared = template.compare(&photo, &areas()).unwrap();
    assert_eq!(compared.areas[0].state, AreaState::Unsure);
    assert_eq!(compared.areas[8].state, AreaState::Answered);
    // What is out of sight counts for neither side: three of the last six are answered.
    assert_eq!(compared.completion.map(Bp::get), Some(5_000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pictures_and_areas_have_an_outcome(
        seed: u64, w in 1u32..400, h in 1u32..400, colour: bool, like in 0u8..3, area in prop::array::uniform4(0u16..=10_000),
    ) {
        let channels = if colour { Channels::Rgb } else { Channels::Grey };
        let mut dice = features::Dice(seed);
        let n = (w * h) as usize * channels.count();
        // Noise, stripes, or fewer bytes than the sides say.
        let bytes: Vec<u8> = match like {
            0 => (0..n).map(|_| dice.next() as u8).collect(),
            1 => (0..n).map(|i| if i / 7 % 2 == 0 { 0 } else { 255 }).collect(),
            _ => vec![9; n / 2],
        };
        let hostile = Pixels { width: w, height: h, channels, bytes };
        let area = [area.map(|v| Bp::new(v).unwrap())];
        let page = flat(&page(300, 400, 5), 300, 400);
        if let Ok(template) = Template::prepare(&hostile) {
            let _ = template.compare(&hostile, &area);
            let _ = template.compare(&page, &area);
        }
        let _ = Template::prepare(&page).unwrap().compare(&hostile, &area);
    }
}
