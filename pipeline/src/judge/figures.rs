//! Figures over what a model said and what is true, as `models/judge.py` defines them. Every source weighs the same, however
//! many photos it gave; a figure that a set of photos cannot give is none.

use std::cmp::Ordering;

/// Complete, by label.
pub const DONE: f64 = 0.9;

/// Blank and full, by label.
const BLANK_TO: f64 = 0.02;
const FULL_FROM: f64 = 0.98;

/// Completion is right within this.
const RIGHT_WITHIN: f64 = 0.1;

/// Usable photos that may be refused, of all of them; and so many usable ones there must be to say what is refused then.
const FALSE_REJECTS: f64 = 0.03;
const USABLE_MIN: usize = 30;

/// So many sets of photos are drawn for an interval, from this seed.
const DRAWS: usize = 400;
const SEED: u64 = 1;

/// What is true of a photo, and what a model said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where the photo comes from, by number: each weighs the same.
    pub source: usize,
    /// Near-duplicates of one sheet, by number: they are drawn together.
    pub family: usize,
    /// What it shows: worksheet, form, receipt, ...
    pub kind: String,
    /// photo, scan or digital.
    pub medium: String,
    /// It is a page.
    pub page: bool,
    /// It is neither blurred nor dark nor cut.
    pub usable: bool,
    /// How complete it is, where that is known.
    pub truth: Option<f64>,
    /// How far notes fill the page, where that is known.
    pub page_fill: Option<f64>,
    /// The model calls it a page.
    pub called_page: bool,
    /// The model's probability that it can be judged.
    pub ok: f64,
    /// The completion that the model says.
    pub said: f64,
    /// The confidence that the model says.
    pub sure: f64,
    /// The share of dark pixels.
    pub ink: f64,
}

/// A figure of a set of photos.
pub type Figure<'a> = &'a dyn Fn(&[&Row]) -> Option<f64>;

/// Each photo's weight: 1 / photos of its source.
fn weights(rows: &[&Row]) -> Vec<f64> {
    let mut counts = vec![0u32; rows.iter().map(|row| row.source + 1).max().unwrap_or(0)];
    for row in rows {
        if let Some(count) = counts.get_mut(row.source) {
            *count += 1;
        }
    }
    rows.iter().map(|row| 1.0 / f64::from(counts.get(row.source).copied().unwrap_or(1).max(1))).collect()
}

fn mean(values: &[f64], weights: &[f64]) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    (!values.is_empty()).then(|| values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total)
}

/// The mean of what is 1 where it holds.
fn share(rows: &[&Row], holds: impl Fn(&Row) -> bool) -> Option<f64> {
    let values: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(holds(row)))).collect();
    mean(&values, &weights(rows))
}

fn by_value(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |i: usize| values.get(i).copied().unwrap_or(f64::NAN);
    order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
    order
}

/// Runs of equal values in the order of values.
fn ties<'a>(order: &'a [usize], values: &'a [f64]) -> impl Iterator<Item = &'a [usize]> {
    order.chunk_by(|a, b| values.get(*a) == values.get(*b))
}

/// Weighted mid-ranks.
fn ranks(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let order = by_value(values);
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0.0;
    for tie in ties(&order, values) {
        let weight: f64 = tie.iter().filter_map(|i| weights.get(*i)).sum();
        for i in tie {
            if let Some(rank) = ranks.get_mut(*i) {
                *rank = below + weight / 2.0;
            }
        }
        below += weight;
    }
    ranks
}

fn spread(values: &[f64]) -> bool {
    values.iter().any(|value| Some(value) != values.first())
}

/// Spearman's rho, weighted.
fn rho(truth: &[f64], said: &[f64], weights: &[f64]) -> Option<f64> {
    if truth.len() < 4 || !spread(truth) || !spread(said) {
        return None;
    }
    let centred = |values: &[f64]| -> Option<Vec<f64>> {
        let ranks = ranks(values, weights);
        let middle = mean(&ranks, weights)?;
        Some(ranks.iter().map(|rank| rank - middle).collect())
    };
    let (a, b) = (centred(truth)?, centred(said)?);
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).zip(weights).map(|((x, y), w)| w * x * y).sum::<f64>();
    Some(sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt())
}

/// How often what is positive has a greater score than what is not, by weight; a tie counts a half.
fn auc(score: &[f64], positive: &[bool], weights: &[f64]) -> Option<f64> {
    let is = |i: &usize| positive.get(*i).copied().unwrap_or(false);
    let weight = |which: bool, of: &[usize]| -> f64 {
        of.iter().filter(|i| is(i) == which).filter_map(|i| weights.get(*i)).sum()
    };
    let order = by_value(score);
    let (all, none) = (weight(true, &order), weight(false, &order));
    if all <= 0.0 || none <= 0.0 {
        return None;
    }
    let (mut below, mut more) = (0.0, 0.0);
    for tie in ties(&order, score) {
        let beside = weight(false, tie);
        more += weight(true, tie) * (below + beside / 2.0);
        below += beside;
    }
    Some(more / (all * none))
}

/// The mean of how often it is said where it is so, and not said where it is not.
fn balanced(rows: &[&Row], said: impl Fn(&Row) -> bool, so: impl Fn(&Row) -> bool) -> Option<f64> {
    let weights = weights(rows);
    let half = |which: bool| -> Option<f64> {
        let those = rows.iter().zip(&weights).filter(|(row, _)| so(row) == which);
        let (right, weights): (Vec<f64>, Vec<f64>) =
            those.map(|(row, weight)| (f64::from(u8::from(said(row) == which)), *weight)).unzip();
        mean(&right, &weights)
    };
    Some((half(true)? + half(false)?) / 2.0)
}

/// Pages whose completion is known.
pub fn told<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    rows.iter().copied().filter(|row| row.page && row.truth.is_some()).collect()
}

fn truth(row: &Row) -> f64 {
    row.truth.unwrap_or(f64::NAN)
}

fn column(rows: &[&Row], value: impl Fn(&Row) -> f64) -> Vec<f64> {
    rows.iter().map(|row| value(row)).collect()
}

/// Mean absolute error of completion.
pub fn mae(rows: &[&Row]) -> Option<f64> {
    let rows = told(rows);
    mean(&column(&rows, |row| (truth(row) - row.said).abs()), &weights(&rows))
}

/// Spearman's rho of completion.
pub fn order(rows: &[&Row]) -> Option<f64> {
    let rows = told(rows);
    rho(&column(&rows, truth), &column(&rows, |row| row.said), &weights(&rows))
}

/// A page that is blank or full, by label.
pub fn is_end(row: &Row) -> bool {
    row.page && row.truth.is_some_and(|truth| truth <= BLANK_TO || truth >= FULL_FROM)
}

/// Blank against full, AUC.
pub fn ends(rows: &[&Row]) -> Option<f64> {
    let rows: Vec<&Row> = rows.iter().copied().filter(|row| is_end(row)).collect();
    let full: Vec<bool> = rows.iter().map(|row| truth(row) > 0.5).collect();
    auc(&column(&rows, |row| row.said), &full, &weights(&rows))
}

/// Balanced accuracy of complete or not, said complete from `threshold` on.
pub fn complete(threshold: f64) -> impl Fn(&[&Row]) -> Option<f64> {
    move |rows| balanced(&told(rows), |row| row.said >= threshold, |row| truth(row) >= DONE)
}

/// Page or not, accuracy.
pub fn page_accuracy(rows: &[&Row]) -> Option<f64> {
    share(rows, |row| row.called_page == row.page)
}

/// Of pages, those that are called one.
pub fn page_recall(rows: &[&Row]) -> Option<f64> {
    let pages: Vec<&Row> = rows.iter().copied().filter(|row| row.page).collect();
    share(&pages, |row| row.called_page)
}

/// Those that are called no page.
pub fn refused(rows: &[&Row]) -> Option<f64> {
    share(rows, |row| !row.called_page)
}

/// Of blurred, dark and cut pages, the share found by 1 - P(ok) where 3 % of usable pages are refused.
pub fn unusable(rows: &[&Row]) -> Option<f64> {
    let (good, bad): (Vec<&Row>, Vec<&Row>) = rows.iter().copied().filter(|row| row.page).partition(|row| row.usable);
    if bad.is_empty() || good.len() < USABLE_MIN {
        return None;
    }
    let limit = quantile(column(&good, |row| 1.0 - row.ok), 1.0 - FALSE_REJECTS)?;
    Some(bad.iter().filter(|row| 1.0 - row.ok > limit).count() as f64 / bad.len() as f64)
}

/// Photos of about one confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many.
    pub photos: usize,
    /// The mean of their confidences.
    pub sure: f64,
    /// The share that is right: a page taken as one and its completion within [`RIGHT_WITHIN`], or another picture refused.
    pub right: f64,
    /// The mean error of completion, over those that have one.
    pub off: Option<f64>,
}

/// A confidence in it can be right or wrong: its completion is known, or it is no page.
pub fn is_judged(row: &Row) -> bool {
    row.truth.is_some() || !row.page
}

/// A page taken as one and its completion within [`RIGHT_WITHIN`], or another picture refused.
fn is_right(row: &Row) -> bool {
    let near = row.truth.is_none_or(|truth| (truth - row.said).abs() <= RIGHT_WITHIN);
    row.called_page == row.page && near
}

/// How often a page that is read rightly has a higher confidence than one that is not.
pub fn tells(rows: &[&Row]) -> Option<f64> {
    let rows = told(rows);
    let right: Vec<bool> = rows.iter().map(|row| is_right(row)).collect();
    auc(&column(&rows, |row| row.sure), &right, &weights(&rows))
}

/// Which tenth of 0..1 a confidence is in.
fn tenth(sure: f64) -> usize {
    ((sure * 10.0).max(0.0) as usize).min(9)
}

/// What confidence is worth: the photos by tenths of it.
pub fn reliability(rows: &[&Row]) -> [Bin; 10] {
    let judged = |row: &&&Row| is_judged(row);
    std::array::from_fn(|bin| {
        let of = |row: &&&Row| tenth(row.sure) == bin;
        let some: Vec<&Row> = rows.iter().filter(judged).filter(of).copied().collect();
        let off: Vec<f64> = some.iter().filter_map(|row| Some((row.truth? - row.said).abs())).collect();
        let right = some.iter().filter(|row| is_right(row)).count();
        let mean = |sum: f64, of: usize| sum / of.max(1) as f64;
        Bin {
            photos: some.len(),
            sure: mean(some.iter().map(|row| row.sure).sum(), some.len()),
            right: mean(right as f64, some.len()),
            off: (!off.is_empty()).then(|| mean(off.iter().sum(), off.len())),
        }
    })
}

/// Expected calibration error: how far confidence is from being right, by tenths of it.
pub fn calibration(rows: &[&Row]) -> Option<f64> {
    let bins = reliability(rows);
    let photos: usize = bins.iter().map(|bin| bin.photos).sum();
    let off: f64 = bins.iter().map(|bin| bin.photos as f64 * (bin.right - bin.sure).abs()).sum();
    (photos > 0).then(|| off / photos as f64)
}

/// The calibration error to expect by luck alone, were each confidence exactly how likely it is to be right: few photos of one tenth are
/// seldom right just as often as they should be.
pub fn luck(rows: &[&Row]) -> Option<f64> {
    let judged: Vec<&Row> = rows.iter().copied().filter(|row| is_judged(row)).collect();
    let mut variance = [0.0; 10];
    for row in &judged {
        if let Some(sum) = variance.get_mut(tenth(row.sure)) {
            *sum += row.sure * (1.0 - row.sure);
        }
    }
    // The mean distance of a normal variable from its mean.
    let off: f64 = variance.iter().map(|sum: &f64| (std::f64::consts::FRAC_2_PI * sum).sqrt()).sum();
    (!judged.is_empty()).then(|| off / judged.len() as f64)
}

/// Linear between the two values beside it.
fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    let at = share * (values.len().checked_sub(1)? as f64);
    let (low, high) = (values.get(at.floor() as usize)?, values.get(at.ceil() as usize)?);
    Some(low + (high - low) * (at - at.floor()))
}

/// 95 % of a figure by bootstrap: families of near-duplicates are drawn again, within each source, from a fixed seed.
pub fn interval(rows: &[&Row], figure: Figure<'_>) -> Option<(f64, f64)> {
    let mut sources: Vec<(usize, Vec<(usize, Vec<&Row>)>)> = Vec::new();
    for row in rows.iter().copied() {
        let at = sources.iter().position(|(source, _)| *source == row.source).unwrap_or_else(|| {
            sources.push((row.source, Vec::new()));
            sources.len() - 1
        });
        let Some((_, families)) = sources.get_mut(at) else { continue };
        match families.iter_mut().find(|(family, _)| *family == row.family) {
            Some((_, members)) => members.push(row),
            None => families.push((row.family, vec![row])),
        }
    }
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut got = Vec::new();
    for _ in 0..DRAWS {
        let mut again: Vec<&Row> = Vec::with_capacity(rows.len());
        for (_, families) in &sources {
            for _ in 0..families.len() {
                let drawn = families.get(dice.usize(..families.len()));
                again.extend(drawn.iter().flat_map(|(_, members)| members.iter().copied()));
            }
        }
        got.extend(figure(&again));
    }
    (got.len() > DRAWS / 2).then(|| Some((quantile(got.clone(), 0.025)?, quantile(got, 0.975)?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of which `models/judge.py` said what stands below: three sources, ties, families, negatives.
    fn rows() -> Vec<Row> {
        (0..120usize)
            .map(|i| {
                let source = if i % 10 < 7 { 0 } else { i % 3 };
                let truth = [0.0, 0.02, 0.3, 0.5, 0.5, 0.9, 0.95, 1.0][i % 8];
                let page = i % 11 != 0;
                Row {
                    source,
                    family: i / 2,
                    kind: if page { "worksheet".into() } else { "receipt".into() },
                    medium: "photo".into(),
                    page,
                    usable: i % 13 != 0,
                    truth: (page && i % 17 != 0).then_some(truth),
                    page_fill: None,
                    called_page: page == (i % 9 != 0),
                    ok: ((i * 37) % 101) as f64 / 101.0 / if i % 13 == 0 { 4.0 } else { 1.0 },
                    said: (truth * 0.3 + ((i * 53) % 29) as f64 / 29.0 * 0.7).min(1.0),
                    sure: ((i * 71) % 100) as f64 / 100.0,
                    ink: 0.0,
                }
            })
            .collect()
    }

    /// `python` in models/, over the same rows: see the comment at [`rows`].
    const PYTHON: [(&str, f64); 11] = [
        ("mae", 0.269773292228),
        ("rho", 0.548854669776),
        ("ends", 0.919101123596),
        ("complete", 0.681528323584),
        ("page accuracy", 0.951388888889),
        ("page recall", 0.954022988506),
        ("receipts refused", 0.925925925926),
        ("unusable", 0.222222222222),
        ("calibration", 0.332389380531),
        ("luck", 0.093310447685),
        ("tells", 0.489194748841),
    ];

    #[test]
    fn the_figures_are_those_of_judge_py() {
        let rows = rows();
        let rows: Vec<&Row> = rows.iter().collect();
        let receipts: Vec<&Row> = rows.iter().copied().filter(|row| row.kind == "receipt").collect();
        let got = [
            mae(&rows),
            order(&rows),
            ends(&rows),
            complete(0.7)(&rows),
            page_accuracy(&rows),
            page_recall(&rows),
            refused(&receipts),
            unusable(&rows),
            calibration(&rows),
            luck(&rows),
            tells(&rows),
        ];
        for ((name, expected), got) in PYTHON.iter().zip(got) {
            let got = got.unwrap_or(f64::NAN);
            assert!((got - expected).abs() < 1e-9, "{name}: {got}, and judge.py says {expected}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_none() {
        let one = rows();
        let one: Vec<&Row> = one.iter().take(2).collect();
        assert_eq!((order(&one), ends(&one), unusable(&one)), (None, None, None));
        assert_eq!(
            (mae(&[]), page_accuracy(&[]), calibration(&[]).or(luck(&[])).or(tells(&[])), interval(&[], &mae)),
            (None, None, None, None)
        );
        let same: Vec<&Row> = std::iter::repeat_n(one[1], 9).collect();
        assert_eq!((order(&same), complete(0.5)(&same)), (None, None), "all alike, nothing to tell apart");
    }

    #[test]
    fn an_interval_holds_the_figure_and_is_the_same_each_time() {
        let rows = rows();
        let rows: Vec<&Row> = rows.iter().collect();
        let (low, high) = interval(&rows, &mae).unwrap();
        let value = mae(&rows).unwrap();
        assert!(low < value && value < high && high - low < 0.15, "{low}..{high} around {value}");
        assert_eq!(interval(&rows, &mae), Some((low, high)));
        // Photos of one sheet are one draw: of a single family nothing else can be drawn.
        let alike: Vec<Row> = rows.iter().map(|row| Row { family: 0, source: 0, ..(*row).clone() }).collect();
        let alike: Vec<&Row> = alike.iter().collect();
        let (low, high) = interval(&alike, &mae).unwrap();
        assert_eq!(low, high);
    }
}
