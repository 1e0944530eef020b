//! Estimated conjunctivity by model, training and task.
//!
//! # Question
//! How conjunctive are the representations that models bring to a task, and does training change it?
//!
//! # Claim
//! α is a property of the model: the same over tasks, within the uncertainty of its estimate.
//!
//! # Inputs
//! [`Condition`]s with an estimate of α; others are left out.
//!
//! # Drawing
//! One panel per setting, one row per model, one marker per hierarchy (color and shape) with its interval.

use super::{Condition, shortened};
use crate::axes::Panel;
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::category_color;
use crate::scale::Axis;
use crate::table::Table;
use crate::text::{SMALL, Text};

/// Draws the estimates.
///
/// # Errors
/// No condition with an estimate.
pub fn draw(conditions: &[Condition]) -> Result<Figure> {
    let shown: Vec<&Condition> = conditions.iter().filter(|c| c.conjunctivity.is_finite()).collect();
    if shown.is_empty() {
        let missing = "no condition has an estimate of α".into();
        return Err(FigureError::Nothing { figure: "model-conjunctivity", missing });
    }
    let settings = distinct(shown.iter().map(|c| c.setting.as_str()));
    let models = distinct(shown.iter().map(|c| c.model.as_str()));
    let hierarchies = distinct(shown.iter().map(|c| c.hierarchy.as_str()));
    let names: Vec<String> = models.iter().map(|m| shortened(m, 110.0, SMALL)).collect();
    let left = names.iter().map(|n| Text::new(n).size(SMALL).width()).fold(0.0, f64::max) + 14.0;
    let row = 7.0 + 4.5 * hierarchies.len().min(6) as f64;
    let mut legend = Legend::new();
    for (k, hierarchy) in hierarchies.iter().enumerate() {
        legend.push(Key::Point(marker(k), category_color(k)), *hierarchy);
    }
    let columns = legend.columns_within(DOUBLE_COLUMN - left);
    let (_, legend_height) = legend.size(columns);
    let body_height = row * models.len() as f64;
    let mut canvas = Canvas::new(DOUBLE_COLUMN, 22.0 + body_height + 34.0 + legend_height + 4.0);
    let body = Rect::new(left, 22.0, DOUBLE_COLUMN - left - 10.0, body_height);
    let high = shown.iter().flat_map(|c| [c.conjunctivity, c.conjunctivity_interval.map_or(0.0, |i| i.1)]);
    let high = high.filter(|v| v.is_finite()).fold(0.1, f64::max) * 1.05;
    let cells = layout::columns_of(body, &vec![1.0; settings.len()], 12.0);
    for (k, (setting, rect)) in settings.iter().zip(cells).enumerate() {
        let ticks: Vec<(f64, String)> = names
            .iter()
            .enumerate()
            .map(|(m, name)| (m as f64, if k == 0 { name.clone() } else { String::new() }))
            .collect();
        // Models from top to bottom.
        let y = Axis::linear(models.len() as f64 - 0.5, -0.5).ticks(ticks);
        let panel = Panel::new(rect, Axis::linear(0.0, high).label("conjunctivity α"), y);
        panel.grid(&mut canvas);
        for condition in shown.iter().filter(|c| c.setting == *setting) {
            let place = |list: &[&str], name: &str| list.iter().position(|x| *x == name).unwrap_or(0);
            let h = place(&hierarchies, &condition.hierarchy);
            let lane = (h as f64 + 0.5) / hierarchies.len() as f64 - 0.5;
            let y = place(&models, &condition.model) as f64 + 0.72 * lane;
            let color = category_color(h);
            if let Some((from, to)) = condition.conjunctivity_interval {
                panel.line(&mut canvas, &[(from, y), (to, y)], Stroke::new(color, 0.9));
            }
            panel.points(&mut canvas, &[(condition.conjunctivity, y)], marker(h), 2.2, color);
        }
        panel.axes(&mut canvas);
        panel.title(&mut canvas, setting);
    }
    let y = canvas.height() - legend_height - 4.0;
    legend.draw(&mut canvas, (left, y), columns);
    let caption = "Estimated conjunctivity α of every model, by setting (panels) and hierarchy (markers); bars are the \
                   intervals of the estimates.";
    Ok(Figure::new("model-conjunctivity", "Conjunctivity by model and task", caption, canvas).with_table(table(&shown)))
}

fn marker(k: usize) -> Marker {
    Marker::ALL[k % Marker::ALL.len()]
}

/// Distinct words in the order of their first appearance.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

fn table(shown: &[&Condition]) -> Table {
    let words = |f: fn(&Condition) -> &String| shown.iter().map(|c| f(c).clone()).collect::<Vec<_>>();
    let numbers = |f: fn(&Condition) -> f64| shown.iter().map(|c| f(c)).collect::<Vec<_>>();
    Table::new()
        .with("setting", words(|c| &c.setting))
        .with("model", words(|c| &c.model))
        .with("task", words(|c| &c.task))
        .with("hier", words(|c| &c.hierarchy))
        .with("conjunctivity", numbers(|c| c.conjunctivity))
        .with("conjunctivity_low", numbers(|c| c.conjunctivity_interval.map_or(f64::NAN, |i| i.0)))
        .with("conjunctivity_high", numbers(|c| c.conjunctivity_interval.map_or(f64::NAN, |i| i.1)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn conditions_without_estimate_are_left_out() {
        let mut unknown = condition("gpt2", "probe", 9, &[]);
        unknown.conjunctivity = f64::NAN;
        let known = condition("pythia-160m", "full", 9, &[(5, 3)]);
        let figure = draw(&[known, unknown.clone()]).unwrap();
        assert!(!figure.render(Format::Svg).unwrap().is_empty());
        assert_eq!(figure.table.unwrap().n_rows(), 1);
        assert!(matches!(draw(&[unknown]), Err(FigureError::Nothing { .. })));
    }
}
