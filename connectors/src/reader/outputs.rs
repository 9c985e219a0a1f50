//! A model's numbers, and the reading that they are.

use inkflow_schemas::{Bp, Fault, Quality, Reading};

/// Float arithmetic may step this far over 0 or 1, and is then taken as 0 or 1. Further off is no probability.
pub(super) const ROUNDING: f32 = 1e-4;

/// The five probabilities add up to 1 within this: float32 softmax is off by 1e-6, a model without one by far more.
const SUM_OFF_MAX: f32 = 0.01;

/// A model's numbers for one photo, as it gave them.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The probability of each class, in the order of the manifest's `classes`.
    pub quality: Vec<f32>,
    /// 0..1, whatever the quality.
    pub completion: f32,
    /// 0..1.
    pub confidence: f32,
    /// For each plane each cell of the input, rows from the top; empty for a model without maps.
    pub maps: Vec<f32>,
}

/// What a model says of one photo: class probabilities in its own order, completion and confidence in 0..1.
///
/// Completion counts only where the most probable class is `ok` (of two equal ones the first), and is not looked at
/// otherwise. Anything that is not a number, or out of its range, is `model_error`: no reading is better than a wrong one.
pub(super) fn reading(
    probabilities: &[f32],
    classes: &[Quality; 5],
    completion: f32,
    confidence: f32,
) -> Result<Reading, Fault> {
    if probabilities.len() != classes.len() || !probabilities.iter().all(|p| in_range(*p)) {
        return Err(Fault::ModelError);
    }
    if (probabilities.iter().sum::<f32>() - 1.0).abs() > SUM_OFF_MAX {
        return Err(Fault::ModelError);
    }
    let mut best = 0;
    for (i, p) in probabilities.iter().enumerate() {
        if *p > probabilities[best] {
            best = i;
        }
    }
    let quality = classes[best];
    let completion = if quality == Quality::Ok { Some(basis_points(completion)?) } else { None };
    Ok(Reading { quality, completion, confidence: Some(basis_points(confidence)?) })
}

pub(super) fn in_range(value: f32) -> bool {
    (-ROUNDING..=1.0 + ROUNDING).contains(&value)
}

/// 0..1 as basis points, halves up.
pub(super) fn basis_points(value: f32) -> Result<Bp, Fault> {
    if !in_range(value) {
        return Err(Fault::ModelError);
    }
    let points = (f64::from(value.clamp(0.0, 1.0)) * 10_000.0 + 0.5).floor();
    Bp::new(points as u16).ok_or(Fault::ModelError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: [f32; 5] = [0.6, 0.1, 0.1, 0.1, 0.1];
    const DARK: [f32; 5] = [0.1, 0.1, 0.6, 0.1, 0.1];

    fn read(probabilities: &[f32], completion: f32, confidence: f32) -> Result<Reading, Fault> {
        reading(probabilities, &Quality::ALL, completion, confidence)
    }

    #[test]
    fn halves_go_up_and_ends_are_kept() {
        let points = |value| basis_points(value).map(Bp::get);
        assert_eq!(points(0.0), Ok(0));
        assert_eq!(points(1.0), Ok(10_000));
        assert_eq!(points(1.000_05), Ok(10_000));
        assert_eq!(points(-0.000_05), Ok(0));
        // 0.5^5 is exact in float32: 312.5 basis points.
        assert_eq!(points(0.031_25), Ok(313));
        assert_eq!(points(0.8), Ok(8_000));
        assert_eq!(points(0.799_94), Ok(7_999));
    }

    #[test]
    fn completion_only_of_a_page_that_can_be_judged() {
        let page = read(&OK, 0.5, 0.25).unwrap();
        assert_eq!((page.quality, page.completion, page.confidence), (Quality::Ok, Bp::new(5_000), Bp::new(2_500)));
        let dark = read(&DARK, f32::NAN, 0.25).unwrap();
        assert_eq!((dark.quality, dark.completion), (Quality::Dark, None));
        let tie = read(&[0.3, 0.3, 0.2, 0.1, 0.1], 0.0, 0.0).unwrap();
        assert_eq!(tie.quality, Quality::Ok);
        let mut other_order = Quality::ALL;
        other_order.swap(0, 2);
        assert_eq!(reading(&OK, &other_order, 0.5, 0.5).unwrap().quality, Quality::Dark);
    }

    #[test]
    fn what_is_no_probability_is_an_error() {
        let not = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.01, 1.01];
        for value in not {
            assert_eq!(read(&OK, value, 0.5), Err(Fault::ModelError), "completion {value}");
            assert_eq!(read(&OK, 0.5, value), Err(Fault::ModelError), "confidence {value}");
            let mut probabilities = OK;
            probabilities[4] = value;
            assert_eq!(read(&probabilities, 0.5, 0.5), Err(Fault::ModelError), "probability {value}");
        }
        for probabilities in [&OK[..4], &[0.0; 5], &[0.5; 5], &[]] {
            assert_eq!(read(probabilities, 0.5, 0.5), Err(Fault::ModelError));
        }
    }
}
