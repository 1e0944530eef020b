//! What hidden states tell about later answers: their conjunctivity and the margins they predict, before and after training.
//!
//! # Question
//! Do the hidden states of a model have, before any training, the geometry that its answers show afterwards?
//!
//! # Claim
//! In part. Ridge regression on the states before training, which have seen neither the order nor the exception, explains much of
//! the margins after training, and the conjunctivity of these states hardly differs between runs. α of the margins is close to it
//! where training changes only the readout or little else. Training that changes the states makes it larger, and that of the states
//! larger still.
//!
//! # Inputs
//! The rows of `caveat lm geometry` whose kernel is the cosine similarity of states or that of the fit; unknown values are left
//! out. Inner products, which weigh pairs by the length of their states, are ignored.
//!
//! # Drawing
//! A band of lanes for every condition, a lane for every kernel, a dot for every run, a large mark for the mean. **a** α of the
//! states' exchangeable projection, and of the theory fitted to the margins. **b** R² about zero of the margins after training, by
//! ridge regression on the projection, by ridge regression on the measured kernel itself, and by the fit. R² below zero is an
//! arrow at the axis. A panel without values is left out.

use caveat_results::{ConditionKey, GeometryRow, Table};
use caveat_theory::named_enum;

use super::{order, shortened, trained};
use crate::axes::{Panel, margins};
use crate::canvas::{Canvas, Marker, Rect, SINGLE_COLUMN};
use crate::error::{FigureError, Result};
use crate::figure::Figure;
use crate::layout;
use crate::legend::{Key, Legend};
use crate::palette::{BLACK, BLUE, Color, GREY, LIGHT_GREY, ORANGE, SKY_BLUE, WHITE};
use crate::scale::Axis;
use crate::text::{Anchor, Level, SMALL, Text};
use crate::violin::van_der_corput;

/// Most conditions of one figure.
pub const MOST_CONDITIONS: usize = 100;
/// Space beside the panels.
const SIDE: f64 = 8.0;
/// Space for the panels' titles.
const ABOVE: f64 = 20.0;
/// Space between panels.
const BETWEEN: f64 = 12.0;
/// Height of a condition's name.
const STRIP: f64 = 10.5;
/// Space above and below the lanes of a condition.
const PADDING: f64 = 2.0;
/// Height of all lanes together in a figure of few conditions, and the least and largest height of a lane.
const LANES: f64 = 76.0;
const LANE: (f64, f64) = (5.6, 8.0);
/// Radii of runs and means.
const RUN: f64 = 0.95;
const MEAN: f64 = 2.3;
/// Where the arrow of a value beyond its axis points.
const LEFT: (f64, f64) = (-1.0, 0.0);
/// Share of a lane that its runs spread over.
const SPREAD: f64 = 0.6;
/// The largest R² that an axis starts at: a narrower range would magnify small differences.
const NARROWEST: f64 = 0.8;

/// Draws the geometries of runs.
///
/// # Errors
/// No finite value, an R² above 1, or more than [`MOST_CONDITIONS`].
pub fn draw(runs: &[GeometryRow]) -> Result<Figure> {
    let shown = runs.iter().filter(|run| Kernel::of_row(run).is_some());
    let mut r_squared = shown.flat_map(|run| [run.numbers.r_squared, run.numbers.r_squared_measured]).flatten();
    if let Some(high) = r_squared.find(|r| *r > 1.0 + 1e-9) {
        return Err(FigureError::bad("R²", format!("{high} is above 1")));
    }
    let conditions = conditions(runs);
    let panels: Vec<Measure> = Measure::ALL.into_iter().filter(|m| conditions.iter().any(|c| c.has(*m))).collect();
    if panels.is_empty() {
        let missing = "no run has a conjunctivity or an R²; keep the similarities of hidden states";
        return Err(FigureError::nothing("hidden-states", missing));
    }
    if conditions.len() > MOST_CONDITIONS {
        let problem = format!("{} are too many for one figure: at most {MOST_CONDITIONS} are", conditions.len());
        return Err(FigureError::bad("conditions", problem));
    }
    let drawing = Drawing { conditions: &conditions, panels: &panels };
    let title = "What hidden states know before training";
    Ok(Figure::new("hidden-states", title, drawing.caption(), drawing.draw(), drawing.table()?))
}

named_enum! {
    /// What a panel shows.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Measure, ALL {
        Conjunctivity = "conjunctivity",
        RSquared = "r_squared",
    }
}

named_enum! {
    /// Whose numbers a lane shows.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Kernel, ALL {
        /// States before training.
        Before = "before",
        /// The same, not projected.
        BeforeMeasured = "before_measured",
        /// States after training.
        After = "after",
        /// The theory, fitted to margins.
        Fitted = "fitted",
    }
}

impl Measure {
    fn title(self) -> &'static str {
        match self {
            Self::Conjunctivity => "geometry",
            Self::RSquared => "margins after training",
        }
    }

    fn axis(self, values: impl Iterator<Item = f64>, width: f64) -> Axis {
        let (low, high) = values.fold((1.0f64, 0.1f64), |(low, high), v| (low.min(v), high.max(v)));
        let axis = match self {
            Self::Conjunctivity => {
                let (low, margin) = (low.min(0.0), 0.04 * (high - low.min(0.0)));
                Axis::linear(low - margin, high + margin).label("conjunctivity α")
            }
            Self::RSquared => {
                let low = (10.0 * low - 0.2).floor() / 10.0;
                let low = low.clamp(0.0, NARROWEST);
                Axis::linear(low, 1.0 + 0.03 * (1.0 - low)).label("R² (about zero)")
            }
        };
        axis.thinned(width)
    }
}

impl Kernel {
    /// Its marker, hollow for similarities as measured, its color and its words in the legend.
    fn look(self) -> (Marker, Color, &'static str) {
        match self {
            Self::Before => (Marker::Circle, BLUE, "states before training"),
            Self::BeforeMeasured => (Marker::Ring, SKY_BLUE, "the same, not projected"),
            Self::After => (Marker::Square, ORANGE, "states after training"),
            Self::Fitted => (Marker::Diamond, BLACK, "theory fitted to margins"),
        }
    }

    /// The lane of a row of the input, if its kernel is drawn.
    fn of_row(row: &GeometryRow) -> Option<Self> {
        match (row.source.phase.as_str(), row.source.kernel.as_str()) {
            (_, "fitted") => Some(Self::Fitted),
            ("pre", "cosine") => Some(Self::Before),
            ("post", "cosine") => Some(Self::After),
            _ => None,
        }
    }

    /// The value of a run in the lane of this kernel.
    fn value(self, measure: Measure, run: &GeometryRow) -> Option<f64> {
        let value = match (self, Self::of_row(run)?, measure) {
            (Self::BeforeMeasured, Self::Before, Measure::RSquared) => run.numbers.r_squared_measured,
            (lane, own, Measure::Conjunctivity) if lane == own => run.numbers.conjunctivity,
            (lane, own, Measure::RSquared) if lane == own => run.numbers.r_squared,
            _ => None,
        };
        value.filter(|value| value.is_finite())
    }
}

/// Runs that differ only in seed and order.
struct Condition<'a> {
    key: &'a ConditionKey,
    runs: Vec<&'a GeometryRow>,
}

impl Condition<'_> {
    fn values(&self, measure: Measure, kernel: Kernel) -> Vec<f64> {
        self.runs.iter().filter_map(|run| kernel.value(measure, run)).collect()
    }

    fn has(&self, measure: Measure) -> bool {
        Kernel::ALL.into_iter().any(|kernel| !self.values(measure, kernel).is_empty())
    }

    fn n_runs(&self) -> usize {
        let of = |kernel| self.runs.iter().filter(|run| Kernel::of_row(run) == Some(kernel)).count();
        Kernel::ALL.into_iter().map(of).max().unwrap_or(0)
    }

    /// What was run, apart from the model.
    fn name(&self) -> String {
        let key = self.key;
        let parts = [&trained(&key.setting, key.lora_r, key.l2_reg), &key.task, &key.hier];
        let words: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        words.join(" · ")
    }
}

/// Conditions with a value, in the order of all figures.
fn conditions(runs: &[GeometryRow]) -> Vec<Condition<'_>> {
    let mut found: Vec<Condition<'_>> = Vec::new();
    for run in runs {
        match found.iter_mut().find(|condition| *condition.key == run.condition) {
            Some(condition) => condition.runs.push(run),
            None => found.push(Condition { key: &run.condition, runs: vec![run] }),
        }
    }
    found.retain(|condition| Measure::ALL.into_iter().any(|measure| condition.has(measure)));
    // Here only the name of a task tells whether it has an exception.
    found.sort_by(|a, b| order::by_key(a.key, b.key, |key| !key.hier.starts_with("ti_")));
    found
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

struct Drawing<'a> {
    conditions: &'a [Condition<'a>],
    panels: &'a [Measure],
}

impl Drawing<'_> {
    fn draw(&self) -> Canvas {
        let n = self.conditions.len() as f64;
        let most = self.panels.iter().map(|&measure| self.kernels(measure).len()).max().unwrap_or(1) as f64;
        let lanes = most * (LANES / (most * n)).clamp(LANE.0, LANE.1);
        let row = STRIP + 2.0 * PADDING + lanes;
        let below = margins("").1;
        let body = Rect::new(SIDE, ABOVE, SINGLE_COLUMN - 2.0 * SIDE, row * n);
        let cells = layout::columns_of(body, self.panels.len(), BETWEEN);
        let legend = self.legend();
        let legend_top = body.bottom() + below + 6.0;
        let mut canvas = Canvas::new(SINGLE_COLUMN, legend_top + legend.height_within(body.width) + 4.0);
        for (k, (&measure, rect)) in self.panels.iter().zip(cells).enumerate() {
            let y = Axis::linear(body.height, 0.0).ticks::<String>([]);
            let panel = Panel::new(rect, measure.axis(self.values(measure), rect.width), y);
            panel.grid(&mut canvas);
            let kernels = self.kernels(measure);
            let lane = lanes / kernels.len() as f64;
            for (c, condition) in self.conditions.iter().enumerate() {
                let top = c as f64 * row + STRIP + PADDING;
                for (l, &kernel) in kernels.iter().enumerate() {
                    let middle = top + (l as f64 + 0.5) * lane;
                    draw_lane(&mut canvas, &panel, kernel, &condition.values(measure, kernel), (middle, lane));
                }
            }
            panel.axes(&mut canvas);
            panel.title(&mut canvas, measure.title());
            if self.panels.len() > 1 {
                panel.letter(&mut canvas, &layout::letter(k));
            }
        }
        for (c, condition) in self.conditions.iter().enumerate() {
            let strip = Rect::new(body.x - 0.5, body.y + c as f64 * row, body.width + 0.5, STRIP);
            let model = if self.model().is_none() { condition.key.model.as_str() } else { "" };
            draw_strip(&mut canvas, strip, model, &condition.name(), condition.n_runs());
        }
        legend.draw_centered(&mut canvas, body, legend_top);
        canvas
    }

    /// Whether values lie beyond an axis.
    fn is_clipped(&self) -> bool {
        self.values(Measure::RSquared).any(|v| v < 0.0)
    }

    /// The lanes of a panel, from top to bottom: those in which some condition has a value.
    fn kernels(&self, measure: Measure) -> Vec<Kernel> {
        let drawn = |kernel: &Kernel| self.conditions.iter().any(|c| !c.values(measure, *kernel).is_empty());
        Kernel::ALL.into_iter().filter(drawn).collect()
    }

    fn values(&self, measure: Measure) -> impl Iterator<Item = f64> {
        self.conditions.iter().flat_map(move |c| Kernel::ALL.into_iter().flat_map(move |k| c.values(measure, k)))
    }

    /// The model, where it is the same everywhere.
    fn model(&self) -> Option<&str> {
        let mut models = self.conditions.iter().map(|c| c.key.model.as_str());
        let first = models.next()?;
        models.all(|model| model == first).then_some(first)
    }

    fn legend(&self) -> Legend {
        let mut legend = Legend::new();
        let kernels: Vec<Kernel> = self.panels.iter().flat_map(|&measure| self.kernels(measure)).collect();
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernels.contains(kernel)) {
            let (marker, color, words) = kernel.look();
            legend.push(Key::Point(marker, color), words);
        }
        if self.conditions.iter().any(|c| c.n_runs() > 1) {
            legend.push(Key::Dot(GREY), "one run (large: mean)");
        }
        if self.is_clipped() {
            legend.push(Key::Beyond(GREY), "R² below zero");
        }
        legend
    }

    fn caption(&self) -> String {
        let mut caption = String::new();
        for (k, &measure) in self.panels.iter().enumerate() {
            if self.panels.len() > 1 {
                caption += &format!("({}) ", layout::letter(k));
            }
            caption += match measure {
                Measure::Conjunctivity => {
                    "Conjunctivity α of hidden states (their cosine similarities over all ordered pairs, projected on the \
                     exchangeable kernels) and of the theory fitted to the margins after training. "
                }
                Measure::RSquared => {
                    "R², about zero, of the margins after training: by ridge regression on the projection, where ridge and gain are \
                     fitted and α is not; the same on the similarities as measured; and by the theory, whose three parameters are \
                     fitted to these margins. "
                }
            };
        }
        caption += "Dots are runs (seeds and orders of presentation), large marks their means.";
        if self.is_clipped() {
            caption += " Arrows at the axis stand for R² below zero.";
        }
        if let Some(model) = self.model().filter(|model| !model.is_empty()) {
            caption += &format!(" Model: {model}.");
        }
        caption
    }

    /// One row per mark.
    fn table(&self) -> Result<Table> {
        let mut rows: Vec<(Measure, Kernel, &ConditionKey, &str, f64, usize)> = Vec::new();
        for &measure in self.panels {
            for condition in self.conditions {
                for kernel in self.kernels(measure) {
                    let values = condition.values(measure, kernel);
                    rows.extend(values.iter().map(|&v| (measure, kernel, condition.key, "run", v, 1)));
                    if !values.is_empty() {
                        rows.push((measure, kernel, condition.key, "mean", mean(&values), values.len()));
                    }
                }
            }
        }
        let table = Table::new()
            .text("measure", rows.iter().map(|row| row.0.name()))?
            .text("mark", rows.iter().map(|row| row.3))?;
        Ok(ConditionKey::add_columns(rows.iter().map(|row| row.2), table)?
            .text("kernel", rows.iter().map(|row| row.1.name()))?
            .float("value", rows.iter().map(|row| row.4))?
            .count("n", rows.iter().map(|row| row.5))?)
    }
}

/// The runs of a condition and their mean around `middle`, in units of the panel's y axis.
fn draw_lane(canvas: &mut Canvas, panel: &Panel, kernel: Kernel, values: &[f64], (middle, height): (f64, f64)) {
    if values.is_empty() {
        return;
    }
    let (marker, color, _) = kernel.look();
    let start = |y: f64| (panel.rect().x, panel.place((f64::NAN, y)).1);
    let beyond = |value: f64| panel.place((value, middle)).0 < panel.rect().x;
    for (run, &value) in values.iter().enumerate() {
        // A fixed low-discrepancy sequence: the figure is the same every time.
        let across = if values.len() > 1 { van_der_corput(run + 1) - 0.5 } else { 0.0 };
        let y = middle + across * SPREAD * height;
        match beyond(value) {
            true => canvas.arrow_head(start(y), LEFT, 2.6 * RUN, color.tint(0.7)),
            false => panel.points(canvas, &[(value, y)], Marker::Circle, RUN, color.tint(0.7)),
        }
    }
    let mean = mean(values);
    if beyond(mean) {
        canvas.arrow_head(start(middle), LEFT, 2.2 * MEAN, color);
    } else {
        panel.points(canvas, &[(mean, middle)], marker, MEAN + 0.5, WHITE);
        panel.points(canvas, &[(mean, middle)], marker, MEAN, color);
    }
}

/// The name of a condition and its number of runs, across all panels. Where there is too little room, the model is cut.
fn draw_strip(canvas: &mut Canvas, strip: Rect, model: &str, name: &str, n_runs: usize) {
    canvas.rect(strip, Some(LIGHT_GREY.tint(0.6)), None);
    let middle = strip.center().1;
    let runs = if n_runs == 1 { "1 run".into() } else { format!("{n_runs} runs") };
    let runs = Text::new(runs).size(SMALL).color(GREY).anchored(Anchor::End, Level::Middle);
    let room = strip.width - runs.width() - 12.0;
    canvas.text((strip.right() - 3.0, middle), &runs);
    let name = if model.is_empty() { name.to_owned() } else { format!(" · {name}") };
    let model = shortened(model, room - Text::new(&name).size(SMALL).width(), SMALL);
    let label = shortened(&format!("{model}{name}"), room, SMALL);
    canvas.text((strip.x + 3.0, middle), &Text::new(label).size(SMALL).anchored(Anchor::Start, Level::Middle));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Format;
    use caveat_results::{GeometryNumbers, GeometrySource, Values};

    const SOURCES: [(&str, &str); 3] = [("pre", "cosine"), ("post", "cosine"), ("post", "fitted")];

    fn key(setting: &str, hier: &str, lora_r: Option<f64>) -> ConditionKey {
        let [setting, model, task, hier] = [setting, "tiny", "fake", hier].map(String::from);
        ConditionKey { setting, model, task, hier, lora_r, l2_reg: None }
    }

    /// Runs whose values differ a little.
    fn runs(condition: &ConditionKey, n: usize) -> Vec<GeometryRow> {
        let of = |k: usize| {
            SOURCES.into_iter().enumerate().map(move |(source, (phase, kernel))| {
                let shift = 0.03 * (k as f64 * 12.9898 + source as f64).sin();
                let numbers = GeometryNumbers {
                    conjunctivity: Some(0.15 + shift),
                    r_squared: Some(0.9 + shift),
                    r_squared_measured: (kernel != "fitted").then_some(0.8 + shift),
                    ..Default::default()
                };
                let [phase, kernel] = [phase, kernel].map(String::from);
                let source = GeometrySource { phase, kernel, seed: None, reverse: false };
                GeometryRow { condition: condition.clone(), source, numbers }
            })
        };
        (0..n).flat_map(of).collect()
    }

    fn svg(runs: &[GeometryRow]) -> String {
        String::from_utf8(draw(runs).unwrap().canvas.render(Format::Svg).unwrap()).unwrap()
    }

    #[test]
    fn every_run_is_a_dot_and_every_kernel_has_a_mean() {
        for (n_conditions, n_runs) in [(1, 1), (1, 20), (10, 1), (10, 20)] {
            let keys = (0..n_conditions).map(|k| key("full", &format!("exc_mid_n{}", 9 + k), None));
            let all: Vec<GeometryRow> = keys.flat_map(|key| runs(&key, n_runs)).collect();
            let figure = draw(&all).unwrap();
            assert_eq!(figure.canvas.width(), SINGLE_COLUMN);
            let table = figure.table;
            assert_eq!(table.n_rows(), n_conditions * (3 + 4) * (n_runs + 1));
            let svg = svg(&all);
            let named = if n_runs == 1 { ">1 run<".to_owned() } else { format!(">{n_runs} runs<") };
            assert_eq!(svg.matches(&named).count(), n_conditions);
            assert!(svg.contains("conjunctivity α") && svg.contains("R² (about zero)") && !svg.contains("below zero"));
        }
    }

    #[test]
    fn means_are_over_the_runs_that_have_the_value() {
        let mut all = runs(&key("full", "ti_n9", None), 3);
        all.iter_mut().for_each(|run| (run.numbers.conjunctivity, run.numbers.r_squared) = (Some(0.1), None));
        (all[0].numbers.conjunctivity, all[3].numbers.conjunctivity) = (Some(0.2), Some(f64::NAN));
        let table = draw(&all).unwrap().table;
        let (Some(Values::Text(marks)), Some(Values::Text(kernels)), Some(Values::Float(values))) =
            (table.column("mark"), table.column("kernel"), table.column("value"))
        else {
            panic!("no marks, kernels and values")
        };
        let mean = |kernel: &str| {
            let row = (0..marks.len()).find(|&row| marks[row] == "mean" && kernels[row] == kernel);
            row.map(|row| values[row])
        };
        assert!((mean("before").unwrap() - 0.15).abs() < 1e-15 && (mean("after").unwrap() - 0.1).abs() < 1e-15);
        // Of R² only the measured kernel's is left, so that is the only lane of its panel with marks.
        assert!(mean("before_measured").is_some());
        assert_eq!(marks.iter().filter(|mark| *mark == "mean").count(), 3 + 1);
    }

    #[test]
    fn a_panel_without_values_is_left_out() {
        let mut before = runs(&key("none", "ti_n9", None), 4);
        before.retain(|run| run.source.phase == "pre");
        before.iter_mut().for_each(|run| (run.numbers.r_squared, run.numbers.r_squared_measured) = (None, None));
        let svg = svg(&before);
        assert!(svg.contains("states before training") && svg.contains("4 runs"));
        assert!(!svg.contains("R²") && !svg.contains("states after training"));
        assert!(!draw(&before).unwrap().caption.contains("(a)"));
    }

    #[test]
    fn r_squared_below_zero_is_an_arrow_and_said_to_be() {
        let mut all = runs(&key("full", "ti_n9", None), 2);
        let circles = svg(&all).matches("<circle").count();
        all[0].numbers.r_squared = Some(-3.0);
        let figure = draw(&all).unwrap();
        assert!(figure.caption.contains("Arrows") && svg(&all).contains("R² below zero"));
        // The run's dot and the mean's disc with its white edge are arrows now.
        assert_eq!(svg(&all).matches("<circle").count(), circles - 3);
    }

    #[test]
    fn conditions_are_named_by_what_tells_them_apart_and_plain_tasks_come_first() {
        let keys = [
            key("lora", "exc_mid_n9", Some(16.0)),
            key("full", "exc_mid_n11", None),
            key("full", "exc_mid_n9", None),
            key("full", "ti_n9", None),
        ];
        let mut all: Vec<GeometryRow> = keys.iter().flat_map(|key| runs(key, 1)).collect();
        let names: Vec<String> = conditions(&all).iter().map(Condition::name).collect();
        let full = ["full · fake · ti_n9", "full · fake · exc_mid_n9", "full · fake · exc_mid_n11"];
        assert_eq!(names[..3], full);
        assert_eq!(names[3], "LoRA r = 16 · fake · exc_mid_n9");
        assert!(draw(&all).unwrap().caption.ends_with("Model: tiny."));
        all[0].condition.model = "an-instructed-model-with-a-very-long-name-7b".into();
        assert!(svg(&all).contains(">tiny · full · fake · ti_n9<"));
        assert!(svg(&all).contains("… · LoRA r = 16 · fake · exc_mid_n9<"), "the model is cut, not what was run");
        assert!(!draw(&all).unwrap().caption.contains("Model"));
    }

    #[test]
    fn nothing_impossible_and_too_much_are_refused() {
        let one = key("full", "ti_n9", None);
        let mut nan = runs(&one, 2);
        nan.iter_mut().for_each(|run| {
            run.numbers = GeometryNumbers { conjunctivity: Some(f64::INFINITY), ..Default::default() };
        });
        for none in [&[], &nan[..]] {
            assert!(matches!(draw(none), Err(FigureError::Nothing { .. })));
        }
        let mut high = runs(&one, 1);
        high[2].numbers.r_squared = Some(1.5);
        assert!(draw(&high).unwrap_err().to_string().contains("1.5 is above 1"));
        high[2].source.kernel = "dot".into();
        assert!(draw(&high).is_ok(), "inner products are passed over");
        let many = (0..=MOST_CONDITIONS).flat_map(|n| runs(&key("full", &format!("ti_n{n}"), None), 1));
        let many: Vec<GeometryRow> = many.collect();
        assert!(matches!(draw(&many), Err(FigureError::BadInput { .. })));
        assert!(draw(&many[3..]).is_ok());
    }
}
