//! Regions of cells: the closed outlines of any set of cells of a grid, and how they are drawn.

use std::collections::BTreeSet;

use crate::canvas::{Canvas, Rect, Stroke};

/// A corner of cells as (column, row): (0, 0) is the top left of the grid, (j + 1, i + 1) the bottom right of cell (i, j).
type Corner = (usize, usize);

/// Steps along a side of a cell, clockwise as seen on the page: right, down, left, up.
const STEPS: [(isize, isize); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// The closed outlines of those cells (row, column) of a `rows` × `columns` grid that are `inside`.
///
/// Each outline is the list of its corners (column, row), straight stretches without points between, in the order of its first
/// corner in reading order. It runs clockwise around cells and counterclockwise around holes, so that the region is always on
/// its right. Cells that touch only at a corner get outlines of their own. Cost O(rows · columns · log).
pub fn outlines(rows: usize, columns: usize, inside: impl Fn(usize, usize) -> bool) -> Vec<Vec<Corner>> {
    let contains = |row: Option<usize>, column: Option<usize>| match (row, column) {
        (Some(i), Some(j)) => i < rows && j < columns && inside(i, j),
        _ => false,
    };
    // Sides between inside and outside by (row, column) of the corner that they start from and their direction.
    let mut sides = BTreeSet::new();
    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))).filter(|&(i, j)| inside(i, j)) {
        let around = [
            (contains(i.checked_sub(1), Some(j)), (i, j, 0)),
            (contains(Some(i), Some(j + 1)), (i, j + 1, 1)),
            (contains(Some(i + 1), Some(j)), (i + 1, j + 1, 2)),
            (contains(Some(i), j.checked_sub(1)), (i + 1, j, 3)),
        ];
        sides.extend(around.into_iter().filter(|(shared, _)| !shared).map(|(_, side)| side));
    }
    let mut found = Vec::new();
    while let Some((mut row, mut column, mut direction)) = sides.pop_first() {
        let mut walk: Vec<(Corner, usize)> = Vec::new();
        loop {
            walk.push(((column, row), direction));
            let (across, down) = STEPS[direction];
            (row, column) = (row.saturating_add_signed(down), column.saturating_add_signed(across));
            // Where two cells touch at a corner, the sharpest turn to the right stays with the same cell. Every corner is left
            // as often as it is entered, so the walk ends only where it began.
            let next =
                [1, 0, 3].map(|turn| (direction + turn) % 4).into_iter().find(|&d| sides.remove(&(row, column, d)));
            match next {
                Some(turned) => direction = turned,
                None => break,
            }
        }
        let before = |k: usize| walk[(k + walk.len() - 1) % walk.len()].1;
        found.push((0..walk.len()).filter(|&k| before(k) != walk[k].1).map(|k| walk[k].0).collect());
    }
    found
}

/// Draws the outlines of the cells (row, column) of an n × n matrix in `rect` that are `inside`, shifted into the region by
/// `inset` points so that neighboring regions do not share a line.
pub(crate) fn outline_region(
    canvas: &mut Canvas,
    rect: Rect,
    n: usize,
    inside: impl Fn(usize, usize) -> bool,
    inset: f64,
    stroke: Stroke,
) {
    let (w, h) = (rect.width / n.max(1) as f64, rect.height / n.max(1) as f64);
    for outline in outlines(n, n, inside) {
        let count = outline.len();
        let direction = |from: Corner, to: Corner| {
            let along = |a: usize, b: usize| (b as f64 - a as f64).clamp(-1.0, 1.0);
            (along(from.0, to.0), along(from.1, to.1))
        };
        let mut points: Vec<(f64, f64)> = (0..count)
            .map(|k| {
                let here = outline[k];
                let (into, out) =
                    (direction(outline[(k + count - 1) % count], here), direction(here, outline[(k + 1) % count]));
                // The region lies to the right of both sides that meet here.
                let (dx, dy) = (-(into.1 + out.1) * inset, (into.0 + out.0) * inset);
                (rect.x + here.0 as f64 * w + dx, rect.y + here.1 as f64 * h + dy)
            })
            .collect();
        // The first side again, so that its corner is joined like the others.
        points.extend_from_within(..2.min(count));
        canvas.polyline(&points, stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caveat_theory::{PairClass, TransitiveTask};
    use proptest::prelude::*;

    fn of_class(n: usize, exceptions: &[(usize, usize)], class: PairClass) -> Vec<Vec<Corner>> {
        let classes = TransitiveTask::new(n, exceptions).unwrap().classes().unwrap();
        outlines(n, n, |i, j| i < j && classes.class(i, j) == class)
    }

    #[test]
    fn regions_of_the_published_tasks_are_those_drawn_by_hand() {
        // n = 9, cycle of ranks 3 to 5: within are (0, 2) and (6, 8), across are rows 0 to 2 against columns 6 to 8.
        let within = [vec![(2, 0), (3, 0), (3, 1), (2, 1)], vec![(8, 6), (9, 6), (9, 7), (8, 7)]];
        assert_eq!(of_class(9, &[(5, 3)], PairClass::WithinSection), within);
        assert_eq!(of_class(9, &[(5, 3)], PairClass::CrossSection), [vec![(6, 0), (9, 0), (9, 3), (6, 3)]]);
        // n = 11, cycle of ranks 4 to 6: a staircase over (0, 2), (0, 3), (1, 3), and its like below.
        let stairs = vec![(2, 0), (4, 0), (4, 2), (3, 2), (3, 1), (2, 1)];
        let below = stairs.iter().map(|(x, y)| (x + 7, y + 7)).collect();
        assert_eq!(of_class(11, &[(6, 4)], PairClass::WithinSection), [stairs, below]);
        // n = 13, cycles of ranks 2 to 4 and 8 to 10: three outer sections {0, 1}, {5, 6, 7}, {11, 12}.
        let across = [
            vec![(5, 0), (8, 0), (8, 2), (5, 2)],
            vec![(11, 0), (13, 0), (13, 2), (11, 2)],
            vec![(11, 5), (13, 5), (13, 8), (11, 8)],
        ];
        assert_eq!(of_class(13, &[(4, 2), (10, 8)], PairClass::CrossSection), across);
    }

    #[test]
    fn a_hole_runs_the_other_way_and_corners_that_touch_are_apart() {
        let ring = outlines(3, 3, |i, j| (i, j) != (1, 1));
        assert_eq!(
            ring,
            [vec![(0, 0), (3, 0), (3, 3), (0, 3)], vec![(2, 1), (1, 1), (1, 2), (2, 2)]].map(sorted_start)
        );
        assert_eq!(outlines(2, 2, |i, j| i == j).len(), 2);
        assert!(outlines(3, 3, |_, _| false).is_empty() && outlines(0, 0, |_, _| true).is_empty());
    }

    /// An outline written from its first corner in reading order.
    fn sorted_start(mut outline: Vec<Corner>) -> Vec<Corner> {
        let first = (0..outline.len()).min_by_key(|&k| (outline[k].1, outline[k].0)).unwrap_or(0);
        outline.rotate_left(first);
        outline
    }

    #[test]
    fn an_inset_moves_every_side_into_the_region() {
        let mut canvas = Canvas::new(30.0, 30.0);
        let stroke = Stroke::new(crate::palette::BLACK, 1.0);
        outline_region(&mut canvas, Rect::new(0.0, 0.0, 30.0, 30.0), 3, |i, j| (i, j) == (1, 1), 1.0, stroke);
        let svg = canvas.svg();
        assert!(svg.contains("M 11 11 L 19 11 L 19 19 L 11 19 L 11 11"), "{svg}");
    }

    proptest! {
        #[test]
        fn outlines_enclose_as_many_cells_as_there_are(cells in prop::collection::vec(any::<bool>(), 30)) {
            let inside = |i: usize, j: usize| cells[i * 6 + j];
            let found = outlines(5, 6, inside);
            // Shoelace formula, doubled: positive around cells, negative around holes.
            let twice: i64 = found.iter().flat_map(|o| (0..o.len()).map(move |k| {
                let ((x, y), (u, v)) = (o[k], o[(k + 1) % o.len()]);
                x as i64 * v as i64 - u as i64 * y as i64
            })).sum();
            prop_assert_eq!(twice, 2 * cells.iter().filter(|c| **c).count() as i64);
            // Their length is the number of sides between inside and outside.
            let length: usize = found.iter().flat_map(|o| (0..o.len()).map(move |k| {
                let ((x, y), (u, v)) = (o[k], o[(k + 1) % o.len()]);
                x.abs_diff(u) + y.abs_diff(v)
            })).sum();
            let at = |i: i64, j: i64| (0..5).contains(&i) && (0..6).contains(&j) && cells[(i * 6 + j) as usize];
            let sides = (-1..5).flat_map(|i| (-1..6).map(move |j| (i, j)))
                .map(|(i, j)| usize::from(at(i, j) != at(i, j + 1)) + usize::from(at(i, j) != at(i + 1, j))).sum::<usize>();
            prop_assert_eq!(length, sides);
        }
    }
}
