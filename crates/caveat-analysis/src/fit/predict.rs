//! Out-of-sample prediction: parameters from some hierarchies of a model, margins of others, and how well they hold.

use caveat_results::{ConditionKey, Table};
use caveat_theory::inference::{
    Calibration, Estimates, FailureCounts, MarginFit, MarginFitter, ObservedTask, Prediction, PredictionIntervals,
    calibration, predict, prediction_intervals,
};
use rayon::prelude::*;

use super::observe::Observed;
use super::report::{key_columns, limit_name};
use crate::error::{AnalysisError, Result};
use crate::short::short;
use crate::watch::Watch;

/// A prediction of one set of margins from a fit of others.
#[derive(Debug, Clone)]
pub(crate) struct Predicted {
    pub(crate) observed: Observed,
    /// Hierarchies that were fitted, joined by +.
    pub(crate) train: String,
    pub(crate) fit: MarginFit,
    pub(crate) prediction: Prediction,
    /// `None` where none were asked for, or a training condition has one seed or three pairs.
    pub(crate) intervals: Option<PredictionIntervals>,
}

/// Fits the `train` hierarchies of every model jointly and predicts its `test` hierarchies.
pub(crate) fn predict_all(
    observed: &[Observed],
    train: &[String],
    test: &[String],
    replicates: usize,
    seed: u64,
    watch: &dyn Watch,
) -> Result<Vec<Predicted>> {
    for hier in train.iter().chain(test) {
        if !observed.iter().any(|o| o.key.hier == *hier) {
            let mut known: Vec<&str> = observed.iter().map(|o| o.key.hier.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(AnalysisError::input(format!(
                "hierarchy {hier:?} is not in the tables, which have {}",
                known.join(", ")
            )));
        }
    }
    if let Some(hier) = test.iter().find(|hier| train.contains(hier)) {
        return Err(AnalysisError::input(format!(
            "hierarchy {hier:?} is to train and to test: a prediction is of one that was not fitted, so name it for one of both"
        )));
    }
    let same_model = |a: &ConditionKey, b: &ConditionKey| {
        (&a.setting, &a.model, &a.task, a.lora_r, a.l2_reg) == (&b.setting, &b.model, &b.task, b.lora_r, b.l2_reg)
    };
    let tests: Vec<&Observed> = observed.iter().filter(|o| test.contains(&o.key.hier)).collect();
    let work = watch.begin(tests.len() as u64, "predicting");
    let predicted: Result<Vec<Option<Predicted>>> = tests
        .into_par_iter()
        .map(|o| {
            let at =
                |e: caveat_theory::TheoryError| AnalysisError::from(e).in_place(format_args!("condition {}", o.name()));
            let sources: Vec<&Observed> =
                observed.iter().filter(|s| train.contains(&s.key.hier) && same_model(&s.key, &o.key)).collect();
            // A model without the training task cannot be predicted; it is left out.
            if sources.is_empty() {
                return Ok(None);
            }
            let tasks: Vec<ObservedTask<'_, '_>> =
                sources.iter().map(|s| ObservedTask { graph: &s.graph, pairs: &s.pairs }).collect();
            let margins: Vec<f64> = sources.iter().flat_map(|s| s.margins.iter().copied()).collect();
            let fitter = MarginFitter::joint(&tasks).map_err(at)?;
            let fit = fitter.fit(&margins).map_err(at)?;
            let prediction = predict(&fit, &o.graph, &o.pairs, &o.margins).map_err(at)?;
            let intervals = if replicates > 0 && margins.len() > 3 && sources.iter().all(|s| s.seeds.len() > 1) {
                let clusters: Vec<&[Vec<f64>]> = sources.iter().map(|s| s.seeds.as_slice()).collect();
                let target = ObservedTask { graph: &o.graph, pairs: &o.pairs };
                Some(prediction_intervals(&fitter, &clusters, &target, &o.margins, replicates, seed).map_err(at)?)
            } else {
                None
            };
            let train = sources.iter().map(|s| s.key.hier.as_str()).collect::<Vec<_>>().join("+");
            work.advance(1);
            Ok(Some(Predicted { observed: o.clone(), train, fit, prediction, intervals }))
        })
        .collect();
    let predicted: Vec<Predicted> = predicted?.into_iter().flatten().collect();
    if predicted.is_empty() {
        return Err(AnalysisError::input("no model has both a ⟨train⟩ and a ⟨test⟩ hierarchy"));
    }
    Ok(predicted)
}

/// One row per condition predicted.
pub(crate) fn table_of_predictions(predicted: &[Predicted]) -> Result<Table> {
    let fit = |f: fn(&Estimates) -> f64| predicted.iter().map(move |p| f(&p.fit.estimates));
    let score = |f: fn(&Prediction) -> f64| predicted.iter().map(move |p| f(&p.prediction));
    let count =
        |f: fn(&FailureCounts) -> usize| predicted.iter().map(move |p| i64::try_from(f(&p.prediction.failures)).ok());
    let interval =
        |f: fn(&PredictionIntervals) -> f64| predicted.iter().map(move |p| p.intervals.as_ref().map_or(f64::NAN, f));
    Ok(key_columns(predicted.iter().map(|p| &p.observed.key))?
        .text("train", predicted.iter().map(|p| p.train.as_str()))?
        .float("conjunctivity", fit(|f| f.conjunctivity))?
        .float("c", fit(|f| f.strength))?
        .float("screening", fit(|f| f.screening))?
        .float("memorization", fit(|f| f.memorization))?
        .float("gain", fit(|f| f.gain))?
        .text("limit", predicted.iter().map(|p| limit_name(p.fit.estimates.limit)))?
        .float("r_squared", score(|p| p.r_squared))?
        .float("correlation", score(|p| p.correlation))?
        .float("sign_agreement", score(|p| p.sign_agreement))?
        .integer("n_pairs", predicted.iter().map(|p| i64::try_from(p.observed.pairs.len()).ok()))?
        .float("calibration_slope", score(|p| p.calibration.slope))?
        .float("calibration_intercept", score(|p| p.calibration.intercept))?
        .float("coverage", interval(|i| i.coverage))?
        .float("residual_deviation", interval(|i| i.residual_deviation))?
        .integer("fails_both", count(|f| f.both))?
        .integer("fails_predicted_only", count(|f| f.predicted_only))?
        .integer("fails_observed_only", count(|f| f.observed_only))?
        .integer("fails_neither", count(|f| f.neither))?)
}

/// One row per predicted condition and pair: what was predicted and observed, with intervals, and who was wrong.
pub(crate) fn table_of_pairs(predicted: &[Predicted]) -> Result<Table> {
    let rows: Vec<(&Predicted, usize)> =
        predicted.iter().flat_map(|p| (0..p.observed.pairs.len()).map(move |k| (p, k))).collect();
    let rank =
        |f: fn(&(usize, usize)) -> usize| rows.iter().map(move |(p, k)| i64::try_from(f(&p.observed.pairs[*k])).ok());
    let end = |f: fn(&PredictionIntervals, usize) -> f64| {
        rows.iter().map(move |(p, k)| p.intervals.as_ref().map_or(f64::NAN, |i| f(i, *k)))
    };
    // 1 or 0, missing where the rule gives no answer.
    let fails =
        |f: fn(&Prediction) -> &[Option<bool>]| rows.iter().map(move |(p, k)| f(&p.prediction)[*k].map(i64::from));
    let mut classes = Vec::with_capacity(rows.len());
    for p in predicted {
        let of = p.observed.graph.classes()?;
        classes.extend(p.observed.pairs.iter().map(|&(i, j)| of.class(i, j).name()));
    }
    Ok(key_columns(rows.iter().map(|(p, _)| &p.observed.key))?
        .text("train", rows.iter().map(|(p, _)| p.train.as_str()))?
        .integer("rank_a", rank(|p| p.0))?
        .integer("rank_b", rank(|p| p.1))?
        .text("class", classes)?
        .float("observed", rows.iter().map(|(p, k)| p.observed.margins[*k]))?
        .float("predicted", rows.iter().map(|(p, k)| p.prediction.predicted[*k]))?
        .float("low", end(|i, k| i.observation[k].low))?
        .float("high", end(|i, k| i.observation[k].high))?
        .float("theory_low", end(|i, k| i.theory[k].low))?
        .float("theory_high", end(|i, k| i.theory[k].high))?
        .integer("fails_predicted", fails(|p| &p.fails_predicted))?
        .integer("fails_observed", fails(|p| &p.fails_observed))?)
}

/// How well predictions hold over several conditions together.
pub(crate) struct PredictionSummary {
    pub(crate) conditions: usize,
    /// Medians over conditions.
    pub(crate) r_squared: f64,
    pub(crate) correlation: f64,
    pub(crate) sign_agreement: f64,
    /// Over all their pairs.
    pub(crate) pooled: Calibration,
    /// Share of observed margins inside their prediction intervals; NaN without intervals.
    pub(crate) coverage: f64,
    pub(crate) failures: FailureCounts,
}

impl PredictionSummary {
    /// Summarizes some predictions; `None` without any.
    pub(crate) fn summarize<'a>(predicted: impl Iterator<Item = &'a Predicted>) -> Result<Option<Self>> {
        let all: Vec<&Predicted> = predicted.collect();
        if all.is_empty() {
            return Ok(None);
        }
        let median = |f: fn(&Prediction) -> f64| {
            let mut values: Vec<f64> = all.iter().map(|p| f(&p.prediction)).collect();
            values.sort_by(f64::total_cmp);
            let n = values.len();
            (values[(n - 1) / 2] + values[n / 2]) / 2.0
        };
        let observed: Vec<f64> = all.iter().flat_map(|p| p.observed.margins.iter().copied()).collect();
        let predicted: Vec<f64> = all.iter().flat_map(|p| p.prediction.predicted.iter().copied()).collect();
        let mut failures = FailureCounts::default();
        let (mut inside, mut covered) = (0.0, 0);
        for p in &all {
            let here = &p.prediction.failures;
            failures.both += here.both;
            failures.predicted_only += here.predicted_only;
            failures.observed_only += here.observed_only;
            failures.neither += here.neither;
            if let Some(intervals) = &p.intervals {
                inside += intervals.coverage * p.observed.pairs.len() as f64;
                covered += p.observed.pairs.len();
            }
        }
        Ok(Some(Self {
            conditions: all.len(),
            r_squared: median(|p| p.r_squared),
            correlation: median(|p| p.correlation),
            sign_agreement: median(|p| p.sign_agreement),
            pooled: calibration(&observed, &predicted)?,
            coverage: inside / covered as f64,
            failures,
        }))
    }

    /// Name and value of everything found, for a person.
    pub(crate) fn findings(&self) -> Vec<(String, String)> {
        let FailureCounts { both, predicted_only, observed_only, neither } = self.failures;
        let mut findings = vec![
            (
                format!("predicted from the other task, {} conditions", self.conditions),
                format!(
                    "median R² {:.3}, median correlation {:.3}, median sign agreement {:.3}",
                    self.r_squared, self.correlation, self.sign_agreement
                ),
            ),
            (
                format!("over their {} pairs", self.pooled.count),
                format!(
                    "R² {:.3}, correlation {:.3}, observed = {} + {:.3} · predicted",
                    self.pooled.r_squared,
                    self.pooled.correlation,
                    short(self.pooled.intercept),
                    self.pooled.slope
                ),
            ),
            (
                "pairs that the theory says will fail".into(),
                format!(
                    "{} of {} do; of the {} others, {observed_only} fail",
                    both,
                    both + predicted_only,
                    observed_only + neither
                ),
            ),
        ];
        if !self.coverage.is_nan() {
            findings.push((
                "margins inside their 95 % prediction interval".into(),
                format!("{:.1} %", 100.0 * self.coverage),
            ));
        }
        findings
    }
}
