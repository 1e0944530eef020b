//! Rectangles in rows and columns, for figures of several panels.

use crate::canvas::Rect;

/// Equal cells of a rectangle, row by row, with gaps between columns and rows.
pub fn grid(rect: Rect, rows: usize, columns: usize, (gap_x, gap_y): (f64, f64)) -> Vec<Rect> {
    let height = ((rect.height - gap_y * rows.saturating_sub(1) as f64) / rows.max(1) as f64).max(1.0);
    (0..rows)
        .flat_map(|row| {
            let y = rect.y + row as f64 * (height + gap_y);
            columns_of(Rect::new(rect.x, y, rect.width, height), columns, gap_x)
        })
        .collect()
}

/// Equal columns of a rectangle.
pub fn columns_of(rect: Rect, n: usize, gap: f64) -> Vec<Rect> {
    let width = (rect.width - gap * n.saturating_sub(1) as f64).max(1.0) / n as f64;
    let mut x = rect.x;
    let column = |_| {
        let cell = Rect::new(x, rect.y, width, rect.height);
        x = cell.right() + gap;
        cell
    };
    (0..n).map(column).collect()
}

/// The largest square in a rectangle, at its top left.
pub fn square(rect: Rect) -> Rect {
    let side = rect.width.min(rect.height);
    Rect::new(rect.x, rect.y, side, side)
}

/// Letter of the k-th panel: a … z, then a number.
pub fn letter(k: usize) -> String {
    u8::try_from(k).ok().filter(|k| *k < 26).map_or_else(|| (k + 1).to_string(), |k| char::from(b'a' + k).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_fills_its_rectangle() {
        let cells = grid(Rect::new(10.0, 20.0, 100.0, 50.0), 2, 3, (5.0, 10.0));
        assert_eq!(cells.len(), 6);
        assert_eq!(cells[0], Rect::new(10.0, 20.0, 30.0, 20.0));
        assert!((cells[5].right() - 110.0).abs() < 1e-9 && (cells[5].bottom() - 70.0).abs() < 1e-9);
        assert!(grid(Rect::new(0.0, 0.0, 1.0, 1.0), 0, 0, (0.0, 0.0)).is_empty());
    }

    #[test]
    fn letters_run_through_the_alphabet() {
        assert_eq!([letter(0), letter(25), letter(26)], ["a", "z", "27"]);
    }
}
