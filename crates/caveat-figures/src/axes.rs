//! A panel: a rectangle of the page with two axes, on which data is drawn in data coordinates and never outside it.

use crate::canvas::{Canvas, Marker, Rect, Stroke};
use crate::fonts;
use crate::palette::{BLACK, Color, LIGHT_GREY};
use crate::scale::{Axis, Tick};
use crate::text::{Anchor, LARGE, Level, NORMAL, SMALL, Text};

/// Length of a labeled tick in points.
const TICK: f64 = 2.8;
/// Space between a tick and its label.
const GAP: f64 = 2.0;
/// Width of axes and ticks.
const AXIS_WIDTH: f64 = 0.6;

/// A rectangle with an x and a y axis.
#[derive(Debug, Clone)]
pub struct Panel {
    rect: Rect,
    x: Axis,
    y: Axis,
    /// Whether there are lines on all four sides, for areas filled to the edge; otherwise only on the left and at the bottom.
    is_closed: bool,
}

impl Panel {
    /// A panel whose data area is `rect`; ticks, labels and title stand outside it.
    pub fn new(rect: Rect, x: Axis, y: Axis) -> Self {
        Self { rect, x, y, is_closed: false }
    }

    /// With a line on all four sides.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.is_closed = true;
        self
    }

    /// The data area.
    pub fn rect(&self) -> Rect {
        self.rect
    }

    /// Place of a data point on the page; NaN coordinates if it has none, as 0 on a logarithmic axis.
    pub fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.rect.x + self.x.place(x) * self.rect.width, self.rect.bottom() - self.y.place(y) * self.rect.height)
    }

    fn contains(&self, (x, y): (f64, f64)) -> bool {
        let slack = 1e-6;
        x >= self.rect.x - slack
            && x <= self.rect.right() + slack
            && y >= self.rect.y - slack
            && y <= self.rect.bottom() + slack
    }

    /// Light lines at the labeled ticks; drawn before the data.
    pub fn grid(&self, canvas: &mut Canvas) {
        let stroke = Stroke::new(LIGHT_GREY.tint(0.6), 0.5);
        for (p, _) in self.x.visible_ticks().filter(|(_, t)| !t.minor) {
            let x = self.rect.x + p * self.rect.width;
            canvas.line((x, self.rect.y), (x, self.rect.bottom()), stroke);
        }
        for (p, _) in self.y.visible_ticks().filter(|(_, t)| !t.minor) {
            let y = self.rect.bottom() - p * self.rect.height;
            canvas.line((self.rect.x, y), (self.rect.right(), y), stroke);
        }
    }

    /// Lines, ticks and labels of both axes; drawn after the data.
    pub fn axes(&self, canvas: &mut Canvas) {
        let r = self.rect;
        let stroke = Stroke::new(BLACK, AXIS_WIDTH);
        if self.is_closed {
            canvas.rect(r, None, Some(stroke));
        } else {
            canvas.polyline(&[(r.x, r.y), (r.x, r.bottom()), (r.right(), r.bottom())], stroke);
        }
        let length = |tick: &Tick| if tick.minor { TICK * 0.55 } else { TICK };
        for (p, tick) in self.x.visible_ticks() {
            let x = r.x + p * r.width;
            canvas.line((x, r.bottom()), (x, r.bottom() + length(tick)), stroke);
            let label = Text::new(&tick.label).size(SMALL).anchored(Anchor::Middle, Level::Top);
            canvas.text((x, r.bottom() + TICK + GAP), &label);
        }
        let mut widest = 0.0f64;
        for (p, tick) in self.y.visible_ticks() {
            let y = r.bottom() - p * r.height;
            canvas.line((r.x, y), (r.x - length(tick), y), stroke);
            let label = Text::new(&tick.label).size(SMALL).anchored(Anchor::End, Level::Middle);
            widest = widest.max(label.width());
            canvas.text((r.x - TICK - GAP, y), &label);
        }
        let (cx, cy) = r.center();
        let below = r.bottom() + TICK + GAP + f64::from(SMALL) + 4.0;
        canvas.text((cx, below), &Text::new(&self.x.label).anchored(Anchor::Middle, Level::Top));
        let beside = r.x - TICK - GAP - widest - 4.5;
        let label = Text::new(&self.y.label).anchored(Anchor::Middle, Level::Baseline).rotated(-90.0);
        canvas.text((beside, cy), &label);
    }

    /// A title centered above the data area.
    pub fn title(&self, canvas: &mut Canvas, title: &str) {
        title_above(canvas, self.rect, title);
    }

    /// A bold letter at the top left corner, outside the data area.
    pub fn letter(&self, canvas: &mut Canvas, letter: &str) {
        letter_above(canvas, self.rect, letter);
    }

    /// A line through data points, cut off at the edges; a point that has no place on the page breaks it.
    pub fn line(&self, canvas: &mut Canvas, points: &[(f64, f64)], stroke: Stroke) {
        let placed: Vec<_> = points.iter().map(|&p| self.place(p)).collect();
        for piece in clip_line(&placed, self.rect) {
            canvas.polyline(&piece, stroke);
        }
    }

    /// The area between `low` and `high` over x, for points (x, low, high); points that have no place on the page are skipped.
    pub fn band(&self, canvas: &mut Canvas, points: &[(f64, f64, f64)], color: Color, opacity: f64) {
        let lower = points.iter().map(|&(x, low, _)| self.place((x, low)));
        let upper = points.iter().rev().map(|&(x, _, high)| self.place((x, high)));
        let corners: Vec<_> = lower.chain(upper).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        canvas.polygon(&clip_polygon(&corners, self.rect), color, opacity);
    }

    /// Markers at those data points that lie in the panel.
    pub fn points(&self, canvas: &mut Canvas, points: &[(f64, f64)], marker: Marker, radius: f64, color: Color) {
        for p in points.iter().map(|&p| self.place(p)).filter(|&p| self.contains(p)) {
            canvas.marker(marker, p, radius, color);
        }
    }

    /// Vertical bars from `low` to `high` at x, for (x, low, high), cut off at the edges.
    pub fn error_bars(&self, canvas: &mut Canvas, bars: &[(f64, f64, f64)], stroke: Stroke) {
        for &(x, low, high) in bars {
            self.line(canvas, &[(x, low), (x, high)], stroke);
        }
    }

    /// A horizontal line across the panel.
    pub fn horizontal(&self, canvas: &mut Canvas, y: f64, stroke: Stroke) {
        self.line(canvas, &[(self.x.min(), y), (self.x.max(), y)], stroke);
    }

    /// A vertical line across the panel.
    pub fn vertical(&self, canvas: &mut Canvas, x: f64, stroke: Stroke) {
        self.line(canvas, &[(x, self.y.min()), (x, self.y.max())], stroke);
    }

    /// Text at a data point shifted by points of the page, if that point lies in the panel.
    pub fn note(&self, canvas: &mut Canvas, at: (f64, f64), shift: (f64, f64), text: &Text) {
        let p = self.place(at);
        if self.contains(p) {
            canvas.text((p.0 + shift.0, p.1 + shift.1), text);
        }
    }
}

/// A title centered above a rectangle.
pub fn title_above(canvas: &mut Canvas, rect: Rect, title: &str) {
    canvas.text((rect.center().0, rect.y - 5.0), &Text::new(title).anchored(Anchor::Middle, Level::Baseline));
}

/// A bold panel letter at the top left of a rectangle, outside it.
pub fn letter_above(canvas: &mut Canvas, rect: Rect, letter: &str) {
    let x = (rect.x - 14.0 - fonts::width(letter, f64::from(LARGE), true)).max(1.0);
    canvas.text((x, rect.y - 5.0), &Text::new(letter).size(LARGE).bold());
}

/// The pieces of a line within a rectangle (Liang & Barsky 1984, doi:10.1145/357332.357333, segment by segment).
fn clip_line(points: &[(f64, f64)], r: Rect) -> Vec<Vec<(f64, f64)>> {
    let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut joined = false;
    for w in points.windows(2) {
        match clip_segment(w[0], w[1], r) {
            Some((a, b)) => {
                match pieces.last_mut() {
                    Some(piece) if joined => piece.push(b),
                    _ => pieces.push(vec![a, b]),
                }
                joined = b == w[1];
            }
            None => joined = false,
        }
    }
    pieces
}

/// A pair of points of the page.
type Segment = ((f64, f64), (f64, f64));

fn clip_segment(a: (f64, f64), b: (f64, f64), r: Rect) -> Option<Segment> {
    if ![a.0, a.1, b.0, b.1].iter().all(|v| v.is_finite()) {
        return None;
    }
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    for (speed, distance) in [(-dx, a.0 - r.x), (dx, r.right() - a.0), (-dy, a.1 - r.y), (dy, r.bottom() - a.1)] {
        if speed == 0.0 {
            // Parallel to this edge; a tiny distance outside counts as on it, so that lines along the frame are drawn.
            if distance < -1e-6 {
                return None;
            }
        } else if speed < 0.0 {
            enter = enter.max(distance / speed);
        } else {
            leave = leave.min(distance / speed);
        }
    }
    let at = |t: f64| (a.0 + t * dx, a.1 + t * dy);
    (enter <= leave).then(|| (if enter > 0.0 { at(enter) } else { a }, if leave < 1.0 { at(leave) } else { b }))
}

/// The part of a polygon within a rectangle (Sutherland & Hodgman 1974, doi:10.1145/360767.360802).
fn clip_polygon(corners: &[(f64, f64)], r: Rect) -> Vec<(f64, f64)> {
    // Signed distances to the four edges, positive inside.
    let edges: [&dyn Fn((f64, f64)) -> f64; 4] =
        [&|p| p.0 - r.x, &|p| r.right() - p.0, &|p| p.1 - r.y, &|p| r.bottom() - p.1];
    let mut kept = corners.to_vec();
    for inside in edges {
        let mut next = Vec::with_capacity(kept.len() + 4);
        for (k, &b) in kept.iter().enumerate() {
            let a = kept[(k + kept.len() - 1) % kept.len()];
            let (da, db) = (inside(a), inside(b));
            if (da >= 0.0) != (db >= 0.0) {
                let t = da / (da - db);
                next.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
            }
            if db >= 0.0 {
                next.push(b);
            }
        }
        kept = next;
    }
    kept
}

/// Space for the words of the axes: left of a panel whose y axis has ticks this wide, and below it.
pub fn margins(widest_y_tick: &str) -> (f64, f64) {
    let left = TICK + GAP + fonts::width(widest_y_tick, f64::from(SMALL), false) + 4.5 + f64::from(NORMAL) + 1.0;
    (left, TICK + GAP + f64::from(SMALL + NORMAL) + 6.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const R: Rect = Rect { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };

    #[test]
    fn a_line_leaving_and_returning_is_two_pieces() {
        let pieces = clip_line(&[(1.0, 5.0), (5.0, -5.0), (9.0, 5.0)], R);
        assert_eq!(pieces, [vec![(1.0, 5.0), (3.0, 0.0)], vec![(7.0, 0.0), (9.0, 5.0)]]);
        assert!(clip_line(&[(-5.0, -5.0), (-1.0, 20.0)], R).is_empty());
        assert_eq!(clip_line(&[(1.0, 1.0), (f64::NAN, 1.0), (2.0, 2.0), (3.0, 3.0)], R).len(), 1);
    }

    #[test]
    fn a_polygon_around_the_panel_becomes_the_panel() {
        let clipped = clip_polygon(&[(-5.0, -5.0), (50.0, -5.0), (50.0, 50.0), (-5.0, 50.0)], R);
        assert_eq!(clipped.len(), 4);
        assert!(clip_polygon(&[], R).is_empty());
        assert!(clip_polygon(&[(20.0, 20.0), (30.0, 20.0), (20.0, 30.0)], R).is_empty());
    }

    #[test]
    fn data_coordinates_grow_up_and_right() {
        let panel = Panel::new(R, Axis::linear(0.0, 1.0), Axis::log(1.0, 100.0));
        assert_eq!(panel.place((0.0, 1.0)), (0.0, 10.0));
        assert_eq!(panel.place((1.0, 100.0)), (10.0, 0.0));
        let (x, y) = panel.place((0.5, 10.0));
        assert!((x - 5.0).abs() < 1e-12 && (y - 5.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside_the_panel(points in prop::collection::vec((-30.0..30.0f64, -30.0..30.0f64), 0..20)) {
            let inside = |p: &(f64, f64)| (-1e-9..=10.0 + 1e-9).contains(&p.0) && (-1e-9..=10.0 + 1e-9).contains(&p.1);
            prop_assert!(clip_line(&points, R).iter().flatten().all(inside));
            prop_assert!(clip_polygon(&points, R).iter().all(inside));
        }
    }
}
