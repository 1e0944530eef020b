//! Estimated conjunctivity by model, training and task.
//!
//! # Question
//! How conjunctive are the representations that models bring to a task, and does training change it?
//!
//! # Claim
//! α is a property of the model: the same for all tasks, within the uncertainty of its estimate.
//!
//! # Inputs
//! [`Condition`]s with an estimate of α; others are left out.
//!
//! # Drawing
//! One panel per setting on a shared axis, one row per model and stimulus task, one marker per hierarchy (color and shape)
//! with its interval.

use std::collections::BTreeMap;

use caveat_results::Table;

use super::{Condition, order, shortened, shortened_apart, table_of};
use crate::axes::Panel;
use crate::canvas::{Canvas, DOUBLE_COLUMN, Marker, Rect, Stroke};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{GREY, category_color};
use crate::scale::Axis;
use crate::text::{Anchor, Level, SMALL, Text};

/// Space for the names of settings above the panels.
const ABOVE: f64 = 20.0;
/// Most settings side by side; further ones go below.
const MOST_ACROSS: usize = 4;
/// Space below a row of panels for ticks and the label of the axis.
const BELOW: f64 = 30.0;
/// Most room for a name, in points.
const WIDEST_NAME: f64 = 110.0;

/// Draws the estimates.
///
/// # Errors
/// No condition with an estimate.
pub fn draw(conditions: &[Condition]) -> Result<Figure> {
    let shown = order::sorted(conditions.iter().filter(|c| c.conjunctivity.is_finite()));
    if shown.is_empty() {
        return Err(FigureError::nothing("model-conjunctivity", "no condition has an estimate of α"));
    }
    let settings = order::words(shown.iter().map(|c| c.setting.as_str()));
    let hierarchies = order::hierarchies(&shown);
    let mut legend = Legend::new();
    for (k, hierarchy) in hierarchies.iter().enumerate() {
        legend.push(Key::Point(marker(k), category_color(k)), *hierarchy);
    }
    let rows = Rows::new(&shown, hierarchies.len());
    let across = settings.len().div_ceil(settings.len().div_ceil(MOST_ACROSS));
    let body_height = rows.height * rows.names.len() as f64;
    let columns = legend.columns_within(DOUBLE_COLUMN - rows.left);
    let legend_height = legend.size(columns).1;
    let down = settings.len().div_ceil(across);
    let mut canvas = Canvas::new(DOUBLE_COLUMN, down as f64 * (ABOVE + body_height + BELOW) + legend_height + 6.0);
    let high = shown.iter().flat_map(|c| [c.conjunctivity, c.conjunctivity_interval.map_or(0.0, |i| i.1)]);
    let high = high.filter(|v| v.is_finite()).fold(0.1, f64::max) * 1.04;
    for (band, settings) in settings.chunks(across).enumerate() {
        let top = ABOVE + band as f64 * (ABOVE + body_height + BELOW);
        let body = Rect::new(rows.left, top, DOUBLE_COLUMN - rows.left - 8.0, body_height);
        rows.draw_names(&mut canvas, body);
        let cells = layout::columns_of(body, across, 12.0);
        for (k, (setting, rect)) in settings.iter().zip(cells).enumerate() {
            let x = Axis::linear(0.0, high).label("conjunctivity α").thinned(rect.width);
            let y = Axis::linear(rows.names.len() as f64 - 0.5, -0.5).ticks(rows.ticks(k == 0));
            let panel = Panel::new(rect, x, y);
            panel.grid(&mut canvas);
            for between in rows.between_models() {
                panel.horizontal(&mut canvas, between, Stroke::new(GREY.tint(0.6), 0.5));
            }
            for condition in shown.iter().filter(|c| c.setting == *setting) {
                let h = hierarchies.iter().position(|x| *x == condition.hierarchy).unwrap_or(0);
                let lane = (h as f64 + 0.5) / hierarchies.len() as f64 - 0.5;
                let y = rows.index_of(condition) as f64 + 0.76 * lane;
                let color = category_color(h);
                if let Some((from, to)) = condition.conjunctivity_interval {
                    panel.line(&mut canvas, &[(from, y), (to, y)], Stroke::new(color, 0.9));
                }
                panel.points(&mut canvas, &[(condition.conjunctivity, y)], marker(h), 2.0, color);
            }
            panel.axes(&mut canvas);
            panel.title(&mut canvas, &shortened(setting, rect.width, crate::text::NORMAL));
        }
    }
    let y = canvas.height() - legend_height - 4.0;
    legend.draw(&mut canvas, (rows.left, y), columns);
    let caption = "Estimated conjunctivity α by model and stimulus task (rows), setting (panels) and hierarchy (markers); bars \
                   are the intervals of the estimates.";
    Ok(Figure::new("model-conjunctivity", "Conjunctivity by model and task", caption, canvas, table(&shown)?))
}

/// The rows of all panels: models and their stimulus tasks.
struct Rows<'a> {
    names: Vec<(&'a str, &'a str)>,
    /// Models and tasks as they are written.
    models: BTreeMap<&'a str, String>,
    short_tasks: BTreeMap<&'a str, String>,
    /// Height of a row.
    height: f64,
    /// Space for all names.
    left: f64,
    /// Part of it for the tasks.
    tasks: f64,
}

impl<'a> Rows<'a> {
    fn new(shown: &[&'a Condition], lanes: usize) -> Self {
        let mut names: Vec<(&str, &str)> = Vec::new();
        for model in order::words(shown.iter().map(|c| c.model.as_str())) {
            let here = shown.iter().filter(|c| c.model == model);
            names.extend(order::words(here.map(|c| c.task.as_str())).into_iter().map(|task| (model, task)));
        }
        let models = shortened_apart(names.iter().map(|n| n.0), WIDEST_NAME, SMALL);
        let short_tasks = shortened_apart(names.iter().map(|n| n.1), WIDEST_NAME, SMALL);
        let widest = |words: &BTreeMap<&str, String>| {
            words.values().map(|w| Text::new(w).size(SMALL).width()).fold(0.0, f64::max)
        };
        let tasks = widest(&short_tasks) + 9.0;
        let left = widest(&models) + tasks + 8.0;
        Self { names, models, short_tasks, height: (4.0 + 4.0 * lanes as f64).clamp(11.0, 40.0), left, tasks }
    }

    fn index_of(&self, condition: &Condition) -> usize {
        self.names.iter().position(|n| *n == (condition.model.as_str(), condition.task.as_str())).unwrap_or(0)
    }

    fn ticks(&self, named: bool) -> Vec<(f64, String)> {
        let name = |task: &str| if named { self.short_tasks[task].clone() } else { String::new() };
        self.names.iter().enumerate().map(|(k, (_, task))| (k as f64, name(task))).collect()
    }

    /// Where one model ends and the next begins.
    fn between_models(&self) -> impl Iterator<Item = f64> {
        self.names.windows(2).enumerate().filter(|(_, w)| w[0].0 != w[1].0).map(|(k, _)| k as f64 + 0.5)
    }

    /// The models, each in the middle of its tasks.
    fn draw_names(&self, canvas: &mut Canvas, body: Rect) {
        let mut first = 0;
        for group in self.names.chunk_by(|a, b| a.0 == b.0) {
            let middle = body.y + (first as f64 + group.len() as f64 / 2.0) * self.height;
            let name = Text::new(&self.models[group[0].0]).size(SMALL);
            canvas.text((body.x - self.tasks - 2.0, middle), &name.anchored(Anchor::End, Level::Middle));
            first += group.len();
        }
    }
}

fn marker(k: usize) -> Marker {
    Marker::ALL[k % Marker::ALL.len()]
}

fn table(shown: &[&Condition]) -> Result<Table> {
    let numbers = |f: fn(&Condition) -> f64| shown.iter().map(move |c| f(c));
    Ok(table_of(shown.iter().copied())?
        .float("conjunctivity", numbers(|c| c.conjunctivity))?
        .float("conjunctivity_low", numbers(|c| c.conjunctivity_interval.map_or(f64::NAN, |i| i.0)))?
        .float("conjunctivity_high", numbers(|c| c.conjunctivity_interval.map_or(f64::NAN, |i| i.1)))?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::condition;
    use super::*;
    use crate::canvas::Format;

    #[test]
    fn rows_are_the_tasks_of_each_model() {
        let of = |model, task: &str, setting| Condition { task: task.into(), ..condition(model, setting, 9, &[]) };
        let conditions = [of("qwen", "real", "full"), of("gpt2", "real", "probe"), of("gpt2", "fake", "full")];
        let shown = order::sorted(&conditions);
        let rows = Rows::new(&shown, 1);
        assert_eq!(rows.names, [("gpt2", "fake"), ("gpt2", "real"), ("qwen", "real")]);
        assert_eq!(rows.between_models().collect::<Vec<_>>(), [1.5]);
        assert_eq!(rows.index_of(&conditions[0]), 2);
        assert_eq!(draw(&conditions).unwrap().table.n_rows(), 3);
    }

    #[test]
    fn conditions_without_estimate_are_left_out() {
        let mut unknown = condition("gpt2", "probe", 9, &[]);
        unknown.conjunctivity = f64::NAN;
        let known = condition("pythia-160m", "full", 9, &[(5, 3)]);
        let figure = draw(&[known, unknown.clone()]).unwrap();
        assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
        assert_eq!(figure.table.n_rows(), 1);
        assert!(matches!(draw(&[unknown]), Err(FigureError::Nothing { .. })));
    }
}
