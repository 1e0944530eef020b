//! Matrices as colors: heatmaps of items against items, color bars, and fine grids merged into few rectangles.

use caveat_theory::PairClasses;

use crate::canvas::{Canvas, Marker, Rect, Stroke};
use crate::palette::{BLACK, Color, ColorScale};
use crate::scale::Axis;
use crate::text::{Anchor, Level, NORMAL, SMALL, Text, item};

/// Which words stand beside an item matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemLabels {
    /// Items left of the rows.
    pub rows: bool,
    /// Items above the columns.
    pub columns: bool,
}

impl ItemLabels {
    /// On both sides.
    pub const BOTH: Self = Self { rows: true, columns: true };
}

/// Draws cells of items against items in `rect`, the diagonal left white, with item labels I₁ … I_n.
pub fn item_cells(
    canvas: &mut Canvas,
    rect: Rect,
    n: usize,
    color: impl Fn(usize, usize) -> Color,
    labels: ItemLabels,
) {
    if n == 0 {
        return;
    }
    let (w, h) = (rect.width / n as f64, rect.height / n as f64);
    raster(canvas, rect, n, n, |i, j| (i != j).then(|| color(i, j)));
    canvas.rect(rect, None, Some(Stroke::new(BLACK.tint(0.5), 0.5)));
    // Every k-th label, so that they do not overlap.
    let row_step = ((f64::from(SMALL) * 1.15) / h).ceil().max(1.0) as usize;
    let widest = Text::new(item(n - 1)).size(SMALL).width();
    let column_step = ((widest + 2.0) / w).ceil().max(1.0) as usize;
    for k in 0..n {
        if labels.rows && k % row_step == 0 {
            let y = rect.y + (k as f64 + 0.5) * h;
            canvas.text((rect.x - 2.5, y), &Text::new(item(k)).size(SMALL).anchored(Anchor::End, Level::Middle));
        }
        if labels.columns && k % column_step == 0 {
            let x = rect.x + (k as f64 + 0.5) * w;
            canvas.text((x, rect.y - 3.5), &Text::new(item(k)).size(SMALL).anchored(Anchor::Middle, Level::Baseline));
        }
    }
}

/// Draws n × n values, row by row, as item cells; NaN takes the color of missing cells.
pub fn heatmap(canvas: &mut Canvas, rect: Rect, n: usize, values: &[f64], scale: ColorScale, labels: ItemLabels) {
    item_cells(canvas, rect, n, |i, j| scale.color(values[i * n + j]), labels);
}

/// Draws n × n margins with trained pairs outlined and wrong answers crossed: pairs whose `sign` is not that of their label.
pub(crate) fn judged_heatmap(
    canvas: &mut Canvas,
    square: Rect,
    margins: &[f64],
    scale: ColorScale,
    classes: &PairClasses,
    labels: ItemLabels,
    sign: impl Fn(usize, usize) -> i8,
) {
    let n = classes.n_items();
    heatmap(canvas, square, n, margins, scale, labels);
    let outline = Stroke::new(BLACK, if square.width / n as f64 > 6.0 { 0.8 } else { 0.5 });
    outline_cells(canvas, square, n, ordered_pairs(n).filter(|&(i, j)| classes.is_trained(i, j)), outline);
    let wrong = ordered_pairs(n).filter(|&(i, j)| classes.label(i, j).is_some_and(|y| sign(i, j) * y < 0));
    cross_cells(canvas, square, n, wrong, |i, j| scale.color(margins[i * n + j]).ink());
}

/// All ordered pairs of different items, row by row.
pub(crate) fn ordered_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n * n).map(move |k| (k / n, k % n)).filter(|(i, j)| i != j)
}

/// Outlines cells (row, column) of an n × n matrix drawn in `rect`.
pub fn outline_cells(
    canvas: &mut Canvas,
    rect: Rect,
    n: usize,
    cells: impl IntoIterator<Item = (usize, usize)>,
    stroke: Stroke,
) {
    let (w, h) = (rect.width / n.max(1) as f64, rect.height / n.max(1) as f64);
    let inset = stroke.width / 2.0;
    for (i, j) in cells {
        let cell = Rect::new(rect.x + j as f64 * w, rect.y + i as f64 * h, w, h);
        canvas.rect(cell.inset(inset, inset, inset, inset), None, Some(stroke));
    }
}

/// Puts a small cross on cells (row, column) of an n × n matrix drawn in `rect`, the sign of wrong answers.
pub fn cross_cells(
    canvas: &mut Canvas,
    rect: Rect,
    n: usize,
    cells: impl IntoIterator<Item = (usize, usize)>,
    color: impl Fn(usize, usize) -> Color,
) {
    let (w, h) = (rect.width / n.max(1) as f64, rect.height / n.max(1) as f64);
    for (i, j) in cells {
        let at = (rect.x + (j as f64 + 0.5) * w, rect.y + (i as f64 + 0.5) * h);
        canvas.marker(Marker::Cross, at, 0.3 * w.min(h), color(i, j));
    }
}

/// A block of equal cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
    color: Color,
}

/// Draws a grid of colors, row 0 on top; `None` is left white.
///
/// Equal neighbors in a row become one rectangle, and so do equal runs of successive rows, so that a fine grid of few
/// regions is few elements.
pub fn raster(
    canvas: &mut Canvas,
    rect: Rect,
    rows: usize,
    columns: usize,
    color: impl Fn(usize, usize) -> Option<Color>,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    let (w, h) = (rect.width / columns as f64, rect.height / rows as f64);
    // Neighbors overlap a little: viewers that smooth edges would show the paper between them.
    let hair = 0.15;
    let blocks = merge(rows, columns, color);
    canvas.crisp_cells(blocks.into_iter().map(|b| {
        let (x, y) = (rect.x + b.column as f64 * w, rect.y + b.row as f64 * h);
        let right = (x + b.columns as f64 * w + hair).min(rect.right());
        let bottom = (y + b.rows as f64 * h + hair).min(rect.bottom());
        (Rect::new(x, y, right - x, bottom - y), b.color)
    }));
}

fn merge(rows: usize, columns: usize, color: impl Fn(usize, usize) -> Option<Color>) -> Vec<Block> {
    let mut done: Vec<Block> = Vec::new();
    // Blocks that reach down to the row before this one, from left to right.
    let mut open: Vec<Block> = Vec::new();
    for row in 0..rows {
        let mut runs: Vec<Block> = Vec::new();
        for column in 0..columns {
            let Some(color) = color(row, column) else {
                continue;
            };
            match runs.last_mut() {
                Some(run) if run.color == color && run.column + run.columns == column => run.columns += 1,
                _ => runs.push(Block { row, column, rows: 1, columns: 1, color }),
            }
        }
        let mut above = open.into_iter().peekable();
        for run in &mut runs {
            while let Some(block) = above.next_if(|b| b.column <= run.column) {
                if (block.column, block.columns, block.color) == (run.column, run.columns, run.color) {
                    *run = Block { rows: block.rows + 1, ..block };
                } else {
                    done.push(block);
                }
            }
        }
        done.extend(above);
        open = runs;
    }
    done.extend(open);
    // In reading order, so that the overlap of a block lies under its right and lower neighbors.
    done.sort_by_key(|b| (b.row, b.column));
    done
}

/// Draws a vertical color bar in `rect` with ticks and label at its right.
pub fn color_bar(canvas: &mut Canvas, rect: Rect, scale: ColorScale, label: &str) {
    let (min, max) = scale.range();
    let axis = Axis::linear(min, max);
    let steps = 128;
    raster(canvas, rect, steps, 1, |k, _| Some(scale.color(axis.value(1.0 - (k as f64 + 0.5) / steps as f64))));
    let stroke = Stroke::new(BLACK, 0.5);
    canvas.rect(rect, None, Some(stroke));
    let mut widest = 0.0f64;
    for (p, tick) in axis.visible_ticks() {
        let y = rect.bottom() - p * rect.height;
        canvas.line((rect.right(), y), (rect.right() + 2.5, y), stroke);
        let text = Text::new(&tick.label).size(SMALL).anchored(Anchor::Start, Level::Middle);
        widest = widest.max(text.width());
        canvas.text((rect.right() + 4.5, y), &text);
    }
    let x = rect.right() + 4.5 + widest + 4.0 + 0.73 * f64::from(NORMAL);
    let text = Text::new(label).anchored(Anchor::Middle, Level::Baseline).rotated(-90.0);
    canvas.text((x, rect.center().1), &text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::{BLUE, GREEN, ORANGE};
    use proptest::prelude::*;

    #[test]
    fn a_fine_grid_of_few_regions_is_few_elements() {
        let mut canvas = Canvas::new(200.0, 200.0);
        let wavy = |i: usize, j: usize| if (j as f64) < 200.0 + 90.0 * (i as f64 / 70.0).sin() { BLUE } else { ORANGE };
        raster(&mut canvas, Rect::new(0.0, 0.0, 200.0, 200.0), 400, 400, |i, j| Some(wavy(i, j)));
        assert!(canvas.n_elements() < 900, "{}", canvas.n_elements());
    }

    #[test]
    fn a_uniform_grid_is_one_block() {
        assert_eq!(
            merge(50, 70, |_, _| Some(GREEN)),
            [Block { row: 0, column: 0, rows: 50, columns: 70, color: GREEN }]
        );
        assert!(merge(3, 3, |_, _| None).is_empty());
    }

    proptest! {
        #[test]
        fn merged_blocks_cover_every_cell_once_in_its_color(
            cells in prop::collection::vec(0u8..4, 42),
        ) {
            let palette = [None, Some(BLUE), Some(ORANGE), Some(GREEN)];
            let color = |i: usize, j: usize| palette[usize::from(cells[i * 7 + j])];
            let mut seen = [None; 42];
            for b in merge(6, 7, color) {
                for i in b.row..b.row + b.rows {
                    for j in b.column..b.column + b.columns {
                        prop_assert_eq!(seen[i * 7 + j].replace(b.color), None, "covered twice");
                    }
                }
            }
            for i in 0..6 {
                for j in 0..7 {
                    prop_assert_eq!(seen[i * 7 + j], color(i, j));
                }
            }
        }
    }
}
