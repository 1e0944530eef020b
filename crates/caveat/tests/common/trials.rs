//! Trial tables of simulated models, with the columns of published ones.

use std::path::Path;

use caveat_results::Table;
use serde_json::Value;

use super::{Place, margins};

/// A simulated condition: margins of the theory times a gain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Simulated {
    pub(crate) setting: &'static str,
    pub(crate) model: &'static str,
    pub(crate) hier: &'static str,
    pub(crate) n_items: usize,
    pub(crate) exception: Option<(usize, usize)>,
    pub(crate) conjunctivity: f64,
    pub(crate) c: f64,
    pub(crate) gain: f64,
    pub(crate) lora_r: Option<f64>,
}

/// Full fine-tuning on nine items without an exception.
pub(crate) const PLAIN: Simulated = Simulated {
    setting: "full",
    model: "simulated",
    hier: "ti_n9",
    n_items: 9,
    exception: None,
    conjunctivity: 0.2,
    c: 10.0,
    gain: 5.0,
    lora_r: None,
};

/// The same with an exception.
pub(crate) const EXCEPTION: Simulated = Simulated { hier: "exc_mid_n9", exception: Some((5, 3)), ..PLAIN };

impl Simulated {
    fn predict(&self, place: &Place) -> Value {
        let exception = self.exception.map_or(String::new(), |(w, l)| format!("--exception {w} {l}"));
        place.json(&format!("predict -n {} {exception} --alpha {} --c {}", self.n_items, self.conjunctivity, self.c))
    }
}

/// One row: the ordered pair, and where it stands.
struct Row {
    condition: usize,
    seed: i64,
    reverse: bool,
    phase: &'static str,
    a: usize,
    b: usize,
    logit: f64,
}

/// The trial table of conditions, both phases, both values of `reverse`, three seeds.
///
/// Seeds differ from the theory in margins that average to nothing, and presentation orders in a bias that cancels.
pub(crate) fn table(place: &Place, conditions: &[Simulated]) -> Table {
    let predicted: Vec<Vec<Vec<f64>>> = conditions.iter().map(|c| margins(&c.predict(place))).collect();
    let mut rows = Vec::new();
    for (condition, f) in predicted.iter().enumerate() {
        let (n, gain) = (f.len(), conditions[condition].gain);
        for (seed, reverse) in [-1, 0, 1].into_iter().flat_map(|s| [(s, false), (s, true)]) {
            for phase in ["pre", "post"] {
                for (a, b) in (0..n).flat_map(|a| (0..n).filter(move |&b| b != a).map(move |b| (a, b))) {
                    let scatter = 0.01 * seed as f64 * (a as f64 - b as f64);
                    let margin = if phase == "post" { gain * f[a][b] + scatter } else { 0.0 };
                    rows.push(Row { condition, seed, reverse, phase, a, b, logit: margin + 0.3 });
                }
            }
        }
    }
    let of = |row: &Row| conditions[row.condition];
    let is_exception =
        |row: &Row| of(row).exception.is_some_and(|(w, l)| (w, l) == (row.a.max(row.b), row.a.min(row.b)));
    let is_train = |row: &Row| row.a.abs_diff(row.b) == 1 || is_exception(row);
    // Inside a cycle of three all pairs are trained, so every pair has a ground truth.
    let first_wins = |row: &Row| (row.a < row.b) != is_exception(row);
    let truth = |row: &Row| if first_wins(row) { 1.0 } else { -1.0 };
    let yes = |row: &Row| 1.0 / (1.0 + (-row.logit).exp());
    let index = |k: usize| i64::try_from(k).unwrap();
    let build = || -> caveat_results::Result<Table> {
        Table::new()
            .text("setting", rows.iter().map(|r| of(r).setting))?
            .text("model", rows.iter().map(|r| of(r).model))?
            .text("task", rows.iter().map(|_| "made"))?
            .text("hier", rows.iter().map(|r| of(r).hier))?
            .integer("seed", rows.iter().map(|r| r.seed))?
            .flag("reverse", rows.iter().map(|r| r.reverse))?
            .text("phase", rows.iter().map(|r| r.phase))?
            .integer("rank_a", rows.iter().map(|r| index(r.a)))?
            .integer("rank_b", rows.iter().map(|r| index(r.b)))?
            .integer("rank_higher", rows.iter().map(|r| index(r.a.min(r.b))))?
            .integer("rank_lower", rows.iter().map(|r| index(r.a.max(r.b))))?
            .integer("gap", rows.iter().map(|r| index(r.a.abs_diff(r.b))))?
            .flag("is_train", rows.iter().map(is_train))?
            .flag("is_exception", rows.iter().map(is_exception))?
            .flag("no_gt", rows.iter().map(|_| false))?
            .text("direction", rows.iter().map(|r| if r.a < r.b { "forward" } else { "backward" }))?
            .text("label", rows.iter().map(|r| if first_wins(r) { "Yes" } else { "No" }))?
            .float("logit_diff", rows.iter().map(|r| r.logit))?
            .float("prob_yes", rows.iter().map(yes))?
            .float("ground_truth", rows.iter().map(truth))?
            .float("margin", rows.iter().map(|r| r.logit * truth(r)))?
            .float("correct", rows.iter().map(|r| f64::from((yes(r) > 0.5) == first_wins(r))))?
            .float("paired_correct", rows.iter().map(|r| f64::from((r.logit - 0.3) * truth(r) > 0.0)))?
            .float("lora_r", rows.iter().map(|r| of(r).lora_r.unwrap_or(f64::NAN)))?
            .float("l2_reg", rows.iter().map(|_| f64::NAN))
    };
    build().unwrap()
}

/// Writes the trial table of conditions, in the format of its extension.
pub(crate) fn write(place: &Place, name: &str, conditions: &[Simulated]) {
    table(place, conditions).write(Path::new(&place.path(name))).unwrap();
}

/// The table without one of its columns.
pub(crate) fn without(table: &Table, column: &str) -> Table {
    table
        .columns()
        .filter(|(name, _)| *name != column)
        .fold(Table::new(), |t, (name, values)| t.with(name, values.clone()).unwrap())
}
