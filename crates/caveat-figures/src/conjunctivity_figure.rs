//! Conjunctivity of wide networks over their depth: theory as curves, random networks as points.
//!
//! # Question
//! How conjunctive are the representations of networks, and what decides it?
//!
//! # Claim
//! A linear network is additive (α = 0). With a nonlinearity α grows with depth, faster the stronger the nonlinearity, and
//! faster where all weights are trained than where only the readout is.
//!
//! # Inputs
//! Activations, the largest depth, and estimates on finite random networks.
//!
//! # Drawing
//! α over the number of hidden layers, one curve per activation: **a** the last hidden layer (NNGP kernel), with random
//! features as points and bars of two standard errors; **b** training all weights (NTK).

use caveat_results::Table;
use caveat_theory::{Activation, NetworkKernelKind, RandomFeatures, RandomFeaturesEstimate, conjunctivity_by_depth};

use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, DOUBLE_COLUMN, Dash, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, ordered_color};
use crate::scale::Axis;

/// Draws the conjunctivity over up to `max_depth` hidden layers, one color for each activation, best in the order of their
/// nonlinearity. Random networks whose activation has no curve are black.
///
/// # Errors
/// No activation, or a largest depth of 0 or above 100 000.
pub fn draw(
    activations: &[Activation],
    max_depth: usize,
    random_features: &[RandomFeaturesEstimate],
) -> Result<Figure> {
    if activations.is_empty() {
        return Err(FigureError::nothing("conjunctivity", "name at least one activation"));
    }
    if !(1..=100_000).contains(&max_depth) {
        let problem = format!("{max_depth} is not between 1 and 100000 hidden layers");
        return Err(FigureError::bad("max_depth", problem));
    }
    let (left, below) = margins("0.8");
    let height = 176.0;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, height);
    let body = Rect::new(left + 8.0, 22.0, DOUBLE_COLUMN - left - 122.0, height - 22.0 - below);
    let cells = layout::columns_of(body, 2, left + 4.0);
    let kinds = [(NetworkKernelKind::Nngp, "last hidden layer (NNGP)"), (NetworkKernelKind::Ntk, "all weights (NTK)")];
    let mut numbers = Vec::new();
    let n = activations.len();
    for (k, ((kind, title), rect)) in kinds.into_iter().zip(cells).enumerate() {
        let y = Axis::linear(-0.03, 1.0).label(if k == 0 { "conjunctivity α" } else { "" });
        let panel = Panel::new(rect, depth_axis(max_depth), y);
        panel.grid(&mut canvas);
        for (a, &activation) in activations.iter().enumerate() {
            let by_depth = conjunctivity_by_depth(activation, kind, max_depth);
            let curve: Vec<_> = by_depth.iter().enumerate().map(|(d, &c)| (d as f64, c)).collect();
            panel.line(&mut canvas, &curve, stroke(a, n));
            let points = by_depth.iter().enumerate();
            numbers.extend(points.map(|(depth, &alpha)| (kind.name(), activation, depth, alpha, 0.0)));
        }
        if kind == NetworkKernelKind::Nngp {
            for estimate in random_features {
                draw_estimate(&mut canvas, &panel, estimate, activations);
                let RandomFeatures { activation, depth, .. } = estimate.settings;
                numbers.push(("random_features", activation, depth, estimate.conjunctivity, estimate.standard_error));
            }
        }
        panel.axes(&mut canvas);
        panel.title(&mut canvas, title);
        panel.letter(&mut canvas, &layout::letter(k));
    }
    let mut legend = Legend::new();
    for (a, activation) in activations.iter().enumerate() {
        legend.push(Key::Line(stroke(a, n)), name(*activation));
    }
    if !random_features.is_empty() {
        legend.push(Key::Point(Marker::Circle, BLACK), "random network");
    }
    legend.draw(&mut canvas, (body.right() + 14.0, body.y), 1);
    let caption = "Conjunctivity α of infinitely wide networks over the number of hidden layers, for leaky rectifiers of \
                   several slopes on negative inputs: (a) kernel of the last hidden layer, with finite random networks as \
                   points (bars: two standard errors); (b) neural tangent kernel.";
    let title = "Conjunctivity grows with depth and nonlinearity";
    Ok(Figure::new("conjunctivity", title, caption, canvas, table(&numbers)?))
}

/// Depth on a linear axis, with whole numbers as ticks.
fn depth_axis(max_depth: usize) -> Axis {
    let step = [1, 2, 5, 10, 20, 50].into_iter().find(|s| max_depth / s <= 6).unwrap_or(max_depth.div_ceil(5));
    let ticks = (0..=max_depth).step_by(step).map(|d| (d as f64, d.to_string()));
    let margin = 0.03 * max_depth as f64;
    Axis::linear(-margin, max_depth as f64 + margin).ticks(ticks).label("hidden layers")
}

fn stroke(a: usize, n: usize) -> Stroke {
    Stroke::new(ordered_color(a, n), 1.3).dash(Dash::ALL[a % Dash::ALL.len()])
}

fn name(activation: Activation) -> String {
    let short = activation.to_string();
    match short.as_str() {
        "relu" => "ReLU (slope 0)".into(),
        "linear" => "linear (slope 1)".into(),
        "abs" => "absolute (slope −1)".into(),
        other => other.strip_prefix("leaky:").map_or(short.clone(), |s| format!("slope {}", s.replace('-', "−"))),
    }
}

fn draw_estimate(canvas: &mut Canvas, panel: &Panel, estimate: &RandomFeaturesEstimate, activations: &[Activation]) {
    let settings = &estimate.settings;
    let curve = activations.iter().position(|a| *a == settings.activation);
    let color = curve.map_or(BLACK, |a| ordered_color(a, activations.len()));
    let (x, y, error) = (settings.depth as f64, estimate.conjunctivity, 2.0 * estimate.standard_error);
    panel.error_bars(canvas, &[(x, y - error, y + error)], Stroke::new(color, 0.9));
    panel.points(canvas, &[(x, y)], Marker::Circle, 2.1, color);
}

/// A point of a curve, or a random network: its kernel, activation and depth, α, and the standard error of α.
type Row = (&'static str, Activation, usize, f64, f64);

fn table(rows: &[Row]) -> Result<Table> {
    Ok(Table::new()
        .text("kind", rows.iter().map(|r| r.0))?
        .text("activation", rows.iter().map(|r| r.1.to_string()))?
        .float("slope", rows.iter().map(|r| r.1.slope()))?
        .count("depth", rows.iter().map(|r| r.2))?
        .float("conjunctivity", rows.iter().map(|r| r.3))?
        .float("standard_error", rows.iter().map(|r| r.4))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;
    use caveat_theory::RandomFeatures;

    #[test]
    fn curves_and_points_are_drawn() {
        let settings = RandomFeatures { width: 50, replicates: 3, ..RandomFeatures::new(Activation::RELU, 1, 1) };
        let figure = draw(&[Activation::LINEAR, Activation::RELU], 20, &[settings.estimate(None).unwrap()]).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert_eq!(figure.table.n_rows(), 2 * 2 * 21 + 1);
    }

    #[test]
    fn bad_inputs_are_refused() {
        assert!(draw(&[], 3, &[]).is_err());
        assert!(draw(&[Activation::RELU], 0, &[]).is_err());
    }
}
