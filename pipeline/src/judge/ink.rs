//! The plain baseline: how much of a photo is darker than its surroundings. A model must beat it, or it has learnt little.

use inkflow_connectors::decode::{decode_inspected, Channels, Header, InputSpec, Pixels};
use inkflow_schemas::Fault;

/// The photo is looked at no larger than this, in pixels a side.
const SIDE_PX_MAX: u32 = 640;

/// So much of each side is left away, where desks are seen.
const EDGE: usize = 16;

/// Surroundings: a square of so many pixels a side, the pixel in its middle.
const AROUND_PX: usize = 25;

/// Dark is what has less than this of its surroundings' light.
const DARK_BELOW: f64 = 0.82;

/// Completion is ten times that share, 1 at most: a page of writing is a tenth ink.
pub const FULL_AT: f64 = 0.1;

/// The share of dark pixels in the middle of a photo, 0..1.
pub fn share(photo: &[u8], header: &Header) -> Result<f64, Fault> {
    let (width, height) = header.upright();
    let (width, height) = (width.min(SIDE_PX_MAX), height.min(SIDE_PX_MAX));
    let (mean, std) = (vec![0.0], vec![1.0]);
    let want = InputSpec { channels: Channels::Grey, width, height, mean, std, pad: 0 };
    Ok(dark(&decode_inspected(photo, header, &want)?))
}

fn dark(grey: &Pixels) -> f64 {
    let (width, height) = (grey.width as usize, grey.height as usize);
    let (left, top) = (width / EDGE, height / EDGE);
    let (across, down) = (width - 2 * left, height - 2 * top);
    let middle: Vec<f64> = grey
        .bytes
        .chunks(width.max(1))
        .skip(top)
        .take(down)
        .flat_map(|row| row.iter().skip(left).take(across).map(|byte| f64::from(*byte)))
        .collect();
    let rows: Vec<f64> = middle.chunks(across.max(1)).flat_map(blurred).collect();
    // Columns are rows of the picture turned over.
    let turned: Vec<f64> = (0..across).flat_map(|x| rows.iter().skip(x).step_by(across).copied()).collect();
    let blurred: Vec<f64> = turned.chunks(down.max(1)).flat_map(blurred).collect();
    let around = |x: usize, y: usize| blurred.get(x * down + y).copied().unwrap_or(0.0);
    let is_dark = |(i, value): &(usize, &f64)| **value < DARK_BELOW * around(i % across, i / across);
    middle.iter().enumerate().filter(is_dark).count() as f64 / middle.len().max(1) as f64
}

/// The mean of each value's surroundings; beyond the ends the line is mirrored at its last value.
fn blurred(line: &[f64]) -> Vec<f64> {
    let reach = (AROUND_PX / 2) as i64;
    let last = line.len() as i64 - 1;
    let mirrored = |at: i64| -> f64 {
        let period = (2 * last).max(1);
        let at = at.rem_euclid(period);
        line.get(at.min(period - at) as usize).or(line.first()).copied().unwrap_or(0.0)
    };
    let mut sum: f64 = (-reach..=reach).map(mirrored).sum();
    let mut means = Vec::with_capacity(line.len());
    for at in 0..line.len() as i64 {
        means.push(sum / AROUND_PX as f64);
        sum += mirrored(at + reach + 1) - mirrored(at - reach);
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surroundings_of_a_line() {
        let plain = blurred(&[7.0; 60]);
        assert!(plain.iter().all(|v| (v - 7.0).abs() < 1e-9));
        let mut line = vec![0.0; 60];
        line[30] = 25.0;
        let spread = blurred(&line);
        assert!((spread[30] - 1.0).abs() < 1e-9 && (spread[18] - 1.0).abs() < 1e-9 && spread[17].abs() < 1e-9);
        // Mirrored at the last value, which stands once: what lies beside it lies there twice.
        let mut line = vec![0.0; 60];
        line[1] = 25.0;
        assert!((blurred(&line)[0] - 2.0).abs() < 1e-9);
        for short in 1..30 {
            assert!(blurred(&vec![3.0; short]).iter().all(|v| (v - 3.0).abs() < 1e-9), "{short}");
        }
    }

    #[test]
    fn writing_is_dark_and_paper_is_not() {
        let picture = |mark: bool| {
            let pixel =
                |x: usize, y: usize| if mark && (40..45).contains(&x) && (20..60).contains(&y) { 20 } else { 200 };
            let bytes = (0..80).flat_map(|y| (0..80).map(move |x| pixel(x, y))).collect();
            Pixels { width: 80, height: 80, channels: Channels::Grey, bytes }
        };
        assert_eq!(dark(&picture(false)), 0.0);
        assert_eq!(dark(&picture(true)), 200.0 / 4_900.0);
    }
}
