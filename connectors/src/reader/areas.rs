//! From a model's maps to the areas where an answer is expected: which cells belong together, and how they stand.
//!
//! A cell belongs to an area where the shares of empty, filled and struck out add up to more than a half, and is what has
//! the largest of them. Cells of one kind that touch by a side are one area. A speck of another kind inside an area, a
//! cell or two, is the area's. All of it is a function of the maps alone: the same maps give the same areas, in the
//! order in which a page is read.

use super::manifest::{MapsSpec, PLANES};
use super::outputs::{basis_points, in_range, ROUNDING};
use crate::decode::InputSpec;
use inkflow_schemas::{Area, AreaState, Bp, Fault, AREAS_MAX};

/// A cell belongs to an area from this share of asked-for answers on.
const ASKED_ABOVE: f32 = 0.5;

/// An area has at least so many cells: fewer are specks. A bubble to tick on a page of A4 has about four.
const CELLS_MIN: usize = 3;

/// The planes that an area is made of, and what each stands for.
const KINDS: [(usize, AreaState); 3] =
    [(EMPTY, AreaState::Blank), (FILLED, AreaState::Answered), (STRUCK, AreaState::StruckOut)];
const EMPTY: usize = 1;
const FILLED: usize = 2;
const STRUCK: usize = 3;
const DENSITY: usize = 5;

/// The areas of one photo, which covers `shown` pixels of the input, from its top left. `maps` has a number for each
/// plane and cell; any that cannot be is `model_error`.
pub(super) fn areas(maps: &[f32], spec: &MapsSpec, input: &InputSpec, shown: (u32, u32)) -> Result<Vec<Area>, Fault> {
    let columns = (input.width / spec.cell.max(1)) as usize;
    let cells = columns * (input.height / spec.cell.max(1)) as usize;
    if cells == 0 || maps.len() != cells * PLANES.len() {
        return Err(Fault::ModelError);
    }
    for (plane, values) in maps.chunks(cells).enumerate() {
        let possible = |v: &f32| if plane == DENSITY { v.is_finite() && *v >= -ROUNDING } else { in_range(*v) };
        if !values.iter().all(possible) {
            return Err(Fault::ModelError);
        }
    }
    let grid = Grid { maps, cells, columns, cell: spec.cell, shown };
    let mut kinds: Vec<Option<usize>> = (0..cells).map(|at| grid.kind(at)).collect();
    absorb_specks(&mut kinds, columns);
    let mut found: Vec<Part> = parts(&kinds, columns).into_iter().filter(|part| part.len() >= CELLS_MIN).collect();
    found.sort_by_key(|part| std::cmp::Reverse(part.len()));
    // Of more the smallest are left out.
    found.truncate(AREAS_MAX);
    let areas: Result<Vec<Area>, Fault> = found.iter().map(|part| grid.area(part, spec.unsure_below)).collect();
    Ok(in_reading_order(areas?))
}

/// Cells that touch, by number, rows from the top.
type Part = Vec<usize>;

struct Grid<'a> {
    maps: &'a [f32],
    cells: usize,
    columns: usize,
    cell: u32,
    shown: (u32, u32),
}

impl Grid<'_> {
    fn share(&self, plane: usize, at: usize) -> f32 {
        self.maps.get(plane * self.cells + at).copied().unwrap_or(0.0)
    }

    /// Left, top, right and bottom of a cell in pixels of the input.
    fn sides(&self, at: usize) -> [u32; 4] {
        let (x, y) = ((at % self.columns) as u32 * self.cell, (at / self.columns) as u32 * self.cell);
        [x, y, x + self.cell, y + self.cell]
    }

    /// Which of [`KINDS`] a cell is; none where nothing is asked for, and beside the photo.
    fn kind(&self, at: usize) -> Option<usize> {
        let [left, top, ..] = self.sides(at);
        let shares = KINDS.map(|(plane, _)| self.share(plane, at));
        if left >= self.shown.0 || top >= self.shown.1 || shares.iter().sum::<f32>() <= ASKED_ABOVE {
            return None;
        }
        largest(&shares)
    }

    fn area(&self, part: &Part, unsure_below: f32) -> Result<Area, Fault> {
        let mut sums = [0.0; KINDS.len()];
        let [mut left, mut top, mut right, mut bottom] = [u32::MAX, u32::MAX, 0, 0];
        for &at in part {
            for (sum, (plane, _)) in sums.iter_mut().zip(KINDS) {
                *sum += self.share(plane, at).max(0.0);
            }
            let [l, t, r, b] = self.sides(at);
            (left, top, right, bottom) = (left.min(l), top.min(t), right.max(r), bottom.max(b));
        }
        let (kind, best) =
            largest(&sums).and_then(|i| Some((KINDS.get(i)?.1, *sums.get(i)?))).ok_or(Fault::ModelError)?;
        let share = best / sums.iter().sum::<f32>();
        let (width, height) = self.shown;
        let (x0, x1) = (points(left, width), points(right, width));
        let (y0, y1) = (points(top, height), points(bottom, height));
        let bp = |value: u16| Bp::new(value).ok_or(Fault::ModelError);
        Ok(Area {
            at: [bp(x0)?, bp(y0)?, bp(x1.saturating_sub(x0))?, bp(y1.saturating_sub(y0))?],
            state: if share < unsure_below { AreaState::Unsure } else { kind },
            probability: basis_points(share)?,
        })
    }
}

/// Where a pixel of the input lies in the photo, in basis points of its side. The last cell may reach over the edge.
fn points(px: u32, side: u32) -> u16 {
    let side = u64::from(side.max(1));
    ((u64::from(px) * 10_000 + side / 2) / side).min(10_000) as u16
}

/// Of equal ones the first.
fn largest(values: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (i, value) in values.iter().enumerate() {
        if best.is_none_or(|(_, most)| *value > most) {
            best = Some((i, *value));
        }
    }
    best.map(|(i, _)| i)
}

/// The cells that share a side with one.
fn beside(at: usize, columns: usize, cells: usize) -> impl Iterator<Item = usize> {
    let column = at % columns;
    let left = (column > 0).then(|| at - 1);
    let right = (column + 1 < columns).then_some(at + 1);
    let below = Some(at + columns).filter(|at| *at < cells);
    [at.checked_sub(columns), left, right, below].into_iter().flatten()
}

/// The cells of one kind that touch, each part by its first cell.
fn parts(kinds: &[Option<usize>], columns: usize) -> Vec<Part> {
    let mut seen = vec![false; kinds.len()];
    let mut parts = Vec::new();
    for (start, kind) in kinds.iter().enumerate() {
        if kind.is_none() || seen.get(start) != Some(&false) {
            continue;
        }
        let (mut part, mut open) = (Vec::new(), vec![start]);
        if let Some(seen) = seen.get_mut(start) {
            *seen = true;
        }
        while let Some(at) = open.pop() {
            part.push(at);
            for next in beside(at, columns, kinds.len()) {
                if kinds.get(next) == Some(kind) {
                    if let Some(seen @ false) = seen.get_mut(next) {
                        *seen = true;
                        open.push(next);
                    }
                }
            }
        }
        part.sort_unstable();
        parts.push(part);
    }
    parts
}

/// Gives each speck to the area that it has the longest border with; one that touches none is no area.
fn absorb_specks(kinds: &mut [Option<usize>], columns: usize) {
    let parts = parts(kinds, columns);
    let (areas, specks): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| part.len() >= CELLS_MIN);
    let mut area_of = vec![None; kinds.len()];
    for (i, area) in areas.iter().enumerate() {
        for &at in *area {
            if let Some(of) = area_of.get_mut(at) {
                *of = Some(i);
            }
        }
    }
    for speck in specks {
        let mut borders = std::collections::BTreeMap::<usize, usize>::new();
        let around = speck.iter().flat_map(|&at| beside(at, columns, kinds.len()));
        for area in around.filter_map(|at| area_of.get(at).copied().flatten()) {
            *borders.entry(area).or_default() += 1;
        }
        // Of equal borders the first area's: `max_by_key` would take the last.
        let longest = borders.iter().rev().max_by_key(|(_, length)| **length).map(|(area, _)| *area);
        let kind = longest.and_then(|i| areas.get(i)?.first()).and_then(|&at| kinds.get(at).copied().flatten());
        for &at in speck {
            if let Some(of) = kinds.get_mut(at) {
                *of = kind;
            }
        }
    }
}

/// Rows from the top, and each from the left. An area is in the row whose first area its middle is beside, so that a line
/// of answers on a photo that is a little aslant stays one.
fn in_reading_order(mut areas: Vec<Area>) -> Vec<Area> {
    let side = |area: &Area, i: usize| area.at.get(i).map_or(0, |bp| u32::from(bp.get()));
    areas.sort_by_key(|area| (side(area, 1), side(area, 0)));
    let mut ordered = Vec::with_capacity(areas.len());
    while let Some(first) = areas.first() {
        let bottom = side(first, 1) + side(first, 3);
        let (mut row, rest): (Vec<Area>, Vec<Area>) =
            areas.into_iter().partition(|area| side(area, 1) + side(area, 3) / 2 < bottom);
        row.sort_by_key(|area| (side(area, 0), side(area, 1)));
        ordered.append(&mut row);
        areas = rest;
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Channels;

    const COLUMNS: usize = 10;
    const ROWS: usize = 8;

    fn input() -> InputSpec {
        let (mean, std) = (vec![0.5], vec![0.25]);
        InputSpec { channels: Channels::Grey, width: 80, height: 64, mean, std, pad: 128 }
    }

    fn spec() -> MapsSpec {
        MapsSpec { name: "maps".into(), cell: 8, unsure_below: 0.6 }
    }

    /// Maps drawn as text: `e` empty, `f` filled, `s` struck out, `?` as much of one as of the other, `.` nothing.
    fn drawn(rows: [&str; ROWS]) -> Vec<f32> {
        let cells: Vec<[f32; 6]> = rows
            .concat()
            .chars()
            .map(|c| match c {
                'e' => [1.0, 0.9, 0.05, 0.05, 0.0, 20.0],
                'f' => [1.0, 0.05, 0.9, 0.05, 1.0, 20.0],
                's' => [1.0, 0.05, 0.05, 0.9, 1.0, 20.0],
                '?' => [1.0, 0.45, 0.44, 0.0, 0.0, 20.0],
                _ => [1.0, 0.2, 0.2, 0.1, 0.0, 0.1],
            })
            .collect();
        (0..6).flat_map(|plane| cells.iter().map(move |cell| cell[plane])).collect()
    }

    fn told(rows: [&str; ROWS]) -> Vec<([u16; 4], &'static str, u16)> {
        let found = areas(&drawn(rows), &spec(), &input(), (80, 64)).unwrap();
        found.iter().map(|a| (a.at.map(Bp::get), a.state.as_str(), a.probability.get())).collect()
    }

    #[test]
    fn cells_of_a_kind_that_touch_are_an_area() {
        let found = told([
            "..........",
            "eeee..ffff",
            "eeee..ffff",
            "..........",
            "..sss.....",
            "..........",
            ".???......",
            "..........",
        ]);
        assert_eq!(
            found,
            [
                ([0, 1_250, 4_000, 2_500], "blank", 9_000),
                ([6_000, 1_250, 4_000, 2_500], "answered", 9_000),
                ([2_000, 5_000, 3_000, 1_250], "struck_out", 9_000),
                ([1_000, 7_500, 3_000, 1_250], "unsure", 5_056),
            ]
        );
    }

    #[test]
    fn kinds_that_touch_are_two_areas_and_corners_do_not_touch() {
        let found = told([
            "eeefff....",
            "..........",
            "eee.......",
            "...eee....",
            "..........",
            "..........",
            "..........",
            "..........",
        ]);
        let states: Vec<_> = found.iter().map(|(at, state, _)| (at[0], *state)).collect();
        assert_eq!(states, [(0, "blank"), (3_000, "answered"), (0, "blank"), (3_000, "blank")]);
    }

    #[test]
    fn a_speck_is_its_area_s_and_one_alone_is_nothing() {
        let found = told([
            "eefee...f.",
            "eeeee.....",
            "..........",
            ".eeefeee..",
            "..........",
            "....ff....",
            "..........",
            "..........",
        ]);
        let boxes: Vec<_> = found.iter().map(|(at, state, _)| (*at, *state)).collect();
        // A speck that parts a line does not part its area.
        assert_eq!(boxes, [([0, 0, 5_000, 2_500], "blank"), ([1_000, 3_750, 7_000, 1_250], "blank")]);
    }

    #[test]
    fn rows_are_read_from_the_left_though_the_photo_is_aslant() {
        let found = told([
            ".....eee..",
            "eee..eee..",
            "eee.......",
            "....fff...",
            "fff.fff...",
            "fff.......",
            "..........",
            "..........",
        ]);
        let lefts: Vec<_> = found.iter().map(|(at, state, _)| (at[0], *state)).collect();
        assert_eq!(lefts, [(5_000, "blank"), (0, "blank"), (4_000, "answered"), (0, "answered")]);
        let found = told([
            "....eeee..",
            "eee.eeee..",
            "eee.eeee..",
            "eee.......",
            "..........",
            "..........",
            "..........",
            "..........",
        ]);
        assert_eq!(found.iter().map(|(at, ..)| at[0]).collect::<Vec<_>>(), [0, 4_000]);
    }

    #[test]
    fn boxes_are_of_the_photo_and_not_of_the_padding() {
        let all = drawn(["ffffffffff"; ROWS]);
        // The photo covers 60 x 32 of 80 x 64: the eighth column of cells is cut, the rest is padding.
        let found = areas(&all, &spec(), &input(), (60, 32)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].at.map(Bp::get), [0, 0, 10_000, 10_000]);
        let nothing = "..........";
        let some = "....ff....";
        let corner = drawn([nothing, nothing, some, some, nothing, nothing, nothing, nothing]);
        let found = areas(&corner, &spec(), &input(), (64, 32)).unwrap();
        assert_eq!(found[0].at.map(Bp::get), [5_000, 5_000, 2_500, 5_000]);
    }

    #[test]
    fn never_more_than_are_kept_and_the_largest_of_them() {
        let side = 200u32;
        let wide = InputSpec { width: side, height: side, ..input() };
        let fine = MapsSpec { cell: 1, ..spec() };
        let cells = (side * side) as usize;
        let mut maps = vec![0.0; cells * 6];
        // Bars of three cells, and one of five at the end of the page.
        for at in 0..cells {
            let (x, y) = (at as u32 % side, at as u32 / side);
            if y % 2 == 0 && (x % 4 < 3 || (y == side - 2 && x >= side - 5)) {
                maps[cells + at] = 1.0;
            }
        }
        let found = areas(&maps, &fine, &wide, (side, side)).unwrap();
        assert_eq!(found.len(), AREAS_MAX);
        let widest = found.iter().map(|area| area.at[2].get()).max();
        assert!(widest > Some(150), "{widest:?}");
        assert!(found.iter().all(|a| a.state == AreaState::Blank && a.probability.get() == 10_000));
    }

    #[test]
    fn the_limit_of_unsure_is_the_manifest_s() {
        let maps = drawn(["???......."; ROWS]);
        let state =
            |unsure_below| areas(&maps, &MapsSpec { unsure_below, ..spec() }, &input(), (80, 64)).unwrap()[0].state;
        assert_eq!((state(0.5), state(0.51)), (AreaState::Blank, AreaState::Unsure));
    }

    #[test]
    fn what_no_map_can_say_is_an_error() {
        let good = drawn(["eeee......"; ROWS]);
        let check = |maps: &[f32]| areas(maps, &spec(), &input(), (80, 64));
        check(&good).unwrap();
        for (plane, value) in [(0, 1.1), (1, f32::NAN), (2, -0.1), (4, f32::INFINITY), (5, -1.0), (5, f32::NAN)] {
            let mut maps = good.clone();
            maps[plane * COLUMNS * ROWS] = value;
            assert_eq!(check(&maps), Err(Fault::ModelError), "{value} in {}", PLANES[plane]);
        }
        assert_eq!(check(&good[1..]), Err(Fault::ModelError));
        assert_eq!(check(&[]), Err(Fault::ModelError));
    }
}
