//! Language models: observed margins beside those that the theory fits and predicts, and what their answers show.
//!
//! The inputs are plain numbers from a caller who has read and fitted the trials; nothing is estimated here.

pub mod conjunctivity;
pub mod heatmaps;
pub mod hidden_states;
mod marks;
mod order;
mod pairs;
pub mod placements;
pub mod scatter;
mod short;
pub mod study;

use caveat_results::Table;
use caveat_theory::{PairClasses, TransitiveTask};

use crate::error::{FigureError, Result};
pub(crate) use short::{fits, joined_apart, shortened, shortened_apart};

/// How a model was trained, with its rank or penalty, in the words of all figures: `full`, `LoRA r = 16`, `probe l2 = 1e-6`.
pub fn trained(setting: &str, lora_r: Option<f64>, l2: Option<f64>) -> String {
    let setting = if setting == "lora" { "LoRA" } else { setting };
    match (lora_r, l2) {
        (Some(r), _) => format!("{setting} r = {r}"),
        (_, Some(l2)) if l2 == 0.0 || (1e-3..1e6).contains(&l2) => format!("{setting} l2 = {l2}"),
        (_, Some(l2)) => format!("{setting} l2 = {l2:e}"),
        _ => setting.to_owned(),
    }
}

/// The rank of LoRA, or the penalty of another setting, that the study (arXiv 2605.22972) shows where it shows only one.
fn studied(setting: &str) -> f64 {
    if setting == "lora" { 32.0 } else { 1e-4 }
}

/// The rank of LoRA, or the penalty of another setting, for figures that show only one: the nearest by ratio to that of the study,
/// the smaller of two that are equally near; `None` if there are none.
pub fn typical(setting: &str, hyperparameters: impl IntoIterator<Item = f64>) -> Option<f64> {
    let distance = |value: &f64| (value / studied(setting)).ln().abs();
    hyperparameters.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.total_cmp(b)))
}

/// Margins from the theory and how well they describe the observed ones.
#[derive(Debug, Clone, PartialEq)]
pub struct TheoryMargins {
    /// n × n margins in units of the observed ones (gain included), row by row.
    pub margins: Vec<f64>,
    /// Share of the variance of the observed margins that they explain; NaN if unknown.
    pub r_squared: f64,
}

/// One learner on one task: what it did, and what the theory says.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Name of the model.
    pub model: String,
    /// How it was trained: full, lora, probe or any other word.
    pub setting: String,
    /// What the items were.
    pub task: String,
    /// Name of the hierarchy, as `exc_mid_n9`.
    pub hierarchy: String,
    /// Number of items.
    pub n_items: usize,
    /// Exceptions (winner, loser), in ranks.
    pub exceptions: Vec<(usize, usize)>,
    /// n × n observed margins of (row, column), row by row; NaN where nothing was observed, and on the diagonal.
    pub observed: Vec<f64>,
    /// Margins fitted to these observations.
    pub fitted: Option<TheoryMargins>,
    /// Margins predicted from other conditions, nothing fitted.
    pub predicted: Option<TheoryMargins>,
    /// Estimate of α; NaN if there is none.
    pub conjunctivity: f64,
    /// Interval of that estimate.
    pub conjunctivity_interval: Option<(f64, f64)>,
}

impl Condition {
    /// The parts of the label that tell this condition from others, in one line.
    pub fn label(&self) -> String {
        self.label_with(&self.model)
    }

    /// The label with another name of the model, or without one.
    pub(crate) fn label_with(&self, model: &str) -> String {
        let parts = [model, &self.setting, &self.task, &self.hierarchy];
        let words: Vec<&str> = parts.into_iter().filter(|s| !s.is_empty()).collect();
        words.join(" · ")
    }

    /// Classes of its pairs.
    pub(crate) fn classes(&self) -> Result<PairClasses> {
        Ok(TransitiveTask::new(self.n_items, &self.exceptions)?.classes()?)
    }

    /// Refuses margins, observed or from the theory, that are not n × n.
    pub(crate) fn check(&self, theory: Option<&TheoryMargins>) -> Result<()> {
        let n = self.n_items;
        let theory = theory.map(|theory| ("theory's margins", theory.margins.len()));
        let wrong =
            [("observed margins", self.observed.len())].into_iter().chain(theory).find(|(_, len)| *len != n * n);
        wrong.map_or(Ok(()), |(what, len)| {
            let label = self.label();
            Err(FigureError::bad(what, format!("{len} values for {label}, but {n} items need {}", n * n)))
        })
    }
}

/// A table with the names of conditions, one a row.
fn table_of<'a>(conditions: impl Iterator<Item = &'a Condition> + Clone) -> Result<Table> {
    let words = |of: fn(&Condition) -> &str| conditions.clone().map(of);
    Ok(Table::new()
        .text("setting", words(|c| &c.setting))?
        .text("model", words(|c| &c.model))?
        .text("task", words(|c| &c.task))?
        .text("hier", words(|c| &c.hierarchy))?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use caveat_theory::RidgeModel;
    use caveat_theory::margins::{Margins, chain};

    /// A condition whose observations are the theory's at α = 0.15 with a deterministic disturbance.
    pub(crate) fn condition(model: &str, setting: &str, n: usize, exceptions: &[(usize, usize)]) -> Condition {
        let task = TransitiveTask::new(n, exceptions).unwrap();
        let margins = |alpha: f64| -> Vec<f64> {
            let solution = chain::solve(&task, &RidgeModel::new(alpha, 10.0).unwrap()).unwrap();
            solution.matrix().iter().map(|f| 4.0 * f).collect()
        };
        let noisy = |(k, f): (usize, f64)| if k % (n + 1) == 0 { f64::NAN } else { f + (k as f64 * 12.9898).sin() };
        Condition {
            model: model.into(),
            setting: setting.into(),
            task: "numbers".into(),
            hierarchy: if exceptions.is_empty() { format!("ti_n{n}") } else { format!("exc_mid_n{n}") },
            n_items: n,
            exceptions: exceptions.to_vec(),
            observed: margins(0.15).into_iter().enumerate().map(noisy).collect(),
            fitted: Some(TheoryMargins { margins: margins(0.15), r_squared: 0.93 }),
            predicted: Some(TheoryMargins { margins: margins(0.1), r_squared: 0.88 }),
            conjunctivity: 0.15 + 0.02 * model.len() as f64,
            conjunctivity_interval: Some((0.12, 0.22 + 0.02 * model.len() as f64)),
        }
    }
}
