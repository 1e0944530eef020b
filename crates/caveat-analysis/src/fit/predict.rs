//! Out-of-sample prediction: parameters from some hierarchies of a model, margins of others, and how well they hold.

use caveat_results::{ConditionKey, Table};
use caveat_theory::inference::{
    Estimates, FailureCounts, MarginFit, MarginFitter, ObservedTask, Prediction, PredictionIntervals, calibration,
    predict, prediction_intervals,
};

use super::observe::Observed;
use super::report::limit_name;
use crate::error::{AnalysisError, Result};
use crate::short::short;
use crate::watch::{Watch, in_parallel};

/// A prediction of one set of margins from a fit of others.
#[derive(Debug, Clone)]
pub(crate) struct Predicted {
    pub(crate) observed: Observed,
    /// Hierarchies that were fitted, joined by +.
    pub(crate) train: String,
    pub(crate) fit: MarginFit,
    pub(crate) prediction: Prediction,
    /// `None` where nobody asks for them, a training condition has one seed, or there are at most three pairs.
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
    let predicted = in_parallel(tests, watch, "predicting", |o| {
        let at = |e| o.in_place(e);
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
        Ok(Some(Predicted { observed: o.clone(), train, fit, prediction, intervals }))
    })?;
    let predicted: Vec<Predicted> = predicted.into_iter().flatten().collect();
    if predicted.is_empty() {
        return Err(AnalysisError::input("no model has both a ⟨train⟩ and a ⟨test⟩ hierarchy"));
    }
    Ok(predicted)
}

/// One row per condition predicted.
pub(crate) fn table_of_predictions(predicted: &[Predicted]) -> Result<Table> {
    let fit = |f: fn(&Estimates) -> f64| predicted.iter().map(move |p| f(&p.fit.estimates));
    let score = |f: fn(&Prediction) -> f64| predicted.iter().map(move |p| f(&p.prediction));
    let count = |f: fn(&FailureCounts) -> usize| predicted.iter().map(move |p| f(&p.prediction.failures));
    let interval =
        |f: fn(&PredictionIntervals) -> f64| predicted.iter().map(move |p| p.intervals.as_ref().map_or(f64::NAN, f));
    Ok(ConditionKey::add_columns(predicted.iter().map(|p| &p.observed.key), Table::new())?
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
        .count("n_pairs", predicted.iter().map(|p| p.observed.pairs.len()))?
        .float("calibration_slope", score(|p| p.calibration.slope))?
        .float("calibration_intercept", score(|p| p.calibration.intercept))?
        .float("coverage", interval(|i| i.coverage))?
        .float("residual_deviation", interval(|i| i.residual_deviation))?
        .count("fails_both", count(|f| f.both))?
        .count("fails_predicted_only", count(|f| f.predicted_only))?
        .count("fails_observed_only", count(|f| f.observed_only))?
        .count("fails_neither", count(|f| f.neither))?)
}

/// One row per predicted condition and pair: predicted and observed margins, with intervals, and which of them are wrong.
pub(crate) fn table_of_pairs(predicted: &[Predicted]) -> Result<Table> {
    let rows: Vec<(&Predicted, usize)> =
        predicted.iter().flat_map(|p| (0..p.observed.pairs.len()).map(move |k| (p, k))).collect();
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
    Ok(ConditionKey::add_columns(rows.iter().map(|(p, _)| &p.observed.key), Table::new())?
        .text("train", rows.iter().map(|(p, _)| p.train.as_str()))?
        .count("rank_a", rows.iter().map(|(p, k)| p.observed.pairs[*k].0))?
        .count("rank_b", rows.iter().map(|(p, k)| p.observed.pairs[*k].1))?
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

/// How well predictions hold for several conditions together, as name and value of every finding; empty without predictions.
pub(crate) fn prediction_findings(predicted: &[&Predicted]) -> Result<Vec<(String, String)>> {
    if predicted.is_empty() {
        return Ok(Vec::new());
    }
    let median = |f: fn(&Prediction) -> f64| {
        let mut values: Vec<f64> = predicted.iter().map(|p| f(&p.prediction)).collect();
        values.sort_by(f64::total_cmp);
        let n = values.len();
        (values[(n - 1) / 2] + values[n / 2]) / 2.0
    };
    let observed: Vec<f64> = predicted.iter().flat_map(|p| p.observed.margins.iter().copied()).collect();
    let expected: Vec<f64> = predicted.iter().flat_map(|p| p.prediction.predicted.iter().copied()).collect();
    let pooled = calibration(&observed, &expected)?;
    let failures = |f: fn(&FailureCounts) -> usize| predicted.iter().map(|p| f(&p.prediction.failures)).sum::<usize>();
    let (both, observed_only) = (failures(|f| f.both), failures(|f| f.observed_only));
    let mut findings = vec![
        (
            format!("predicted from the other task, {} conditions", predicted.len()),
            format!(
                "median R² {:.3}, median correlation {:.3}, median sign agreement {:.3}",
                median(|p| p.r_squared),
                median(|p| p.correlation),
                median(|p| p.sign_agreement)
            ),
        ),
        (
            format!("over their {} pairs", pooled.count),
            format!(
                "R² {:.3}, correlation {:.3}, observed = {} + {:.3} · predicted",
                pooled.r_squared,
                pooled.correlation,
                short(pooled.intercept),
                pooled.slope
            ),
        ),
        (
            "pairs that the theory says will fail".into(),
            format!(
                "{both} of {} do; of the {} others, {observed_only} fail",
                both + failures(|f| f.predicted_only),
                observed_only + failures(|f| f.neither)
            ),
        ),
    ];
    // Share of observed margins inside their prediction intervals; NaN without intervals.
    let (mut inside, mut covered) = (0.0, 0);
    for p in predicted {
        if let Some(intervals) = &p.intervals {
            inside += intervals.coverage * p.observed.pairs.len() as f64;
            covered += p.observed.pairs.len();
        }
    }
    let coverage = inside / covered as f64;
    if !coverage.is_nan() {
        findings.push(("margins inside their 95 % prediction interval".into(), format!("{:.1} %", 100.0 * coverage)));
    }
    Ok(findings)
}
