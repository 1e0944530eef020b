//! Out-of-sample prediction: margins on another task from a fit, nothing refitted, how well they hold, and how far off
//! they may be.
//!
//! From the fitted (μ, A, B) the margin of a pair of another task is A(1+μ)(r_i − r_j) + B(y − (r_i − r_j))·\[trained], r its ranks at
//! screening μ and y its label: the equation of the fit ([`MarginFitter`]) with the parameters kept. Margins are in units of those fitted.
//! Source: §9.5.

use rand_distr::{Distribution, StudentT};
use serde::{Deserialize, Serialize};

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::engine::profile::basis::{BasisMaker, Coefficients};
use crate::inference::engine::profile::{MarginFitter, ObservedTask, agreement};
use crate::inference::estimates::Interval;
use crate::inference::intervals::bootstrap::{Resampler, quantile};
use crate::inference::margin_fit::MarginFit;
use crate::numeric::vectors::largest;
use crate::pair_class::PairClasses;

/// Predicted margins of pairs, and their agreement with what was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Predicted margins, in the order of the pairs.
    pub predicted: Vec<f64>,
    /// 1 − Σ (observed − predicted)²/Σ observed², about zero; negative if predicting nothing were better.
    pub r_squared: f64,
    /// Pearson correlation; NaN if either side is constant.
    pub correlation: f64,
    /// Share of pairs whose sign is predicted (a zero on one side counts one half).
    pub sign_agreement: f64,
    /// Observed against predicted margins.
    pub calibration: Calibration,
    /// Per pair, whether the prediction contradicts the right answer; `None` where there is no right answer.
    pub fails_predicted: Vec<Option<bool>>,
    /// Per pair, whether the observed margin contradicts the right answer; `None` where there is no right answer.
    pub fails_observed: Vec<Option<bool>>,
    /// The same as counts.
    pub failures: FailureCounts,
}

/// Scored pairs by whether they were predicted and observed to fail: to have a margin that contradicts the right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FailureCounts {
    /// Predicted and observed.
    pub both: usize,
    /// Predicted, but judged right.
    pub predicted_only: usize,
    /// Judged wrong, but not predicted.
    pub observed_only: usize,
    /// Neither.
    pub neither: usize,
}

/// How observed margins depend on predicted ones. A perfect prediction has slope 1, intercept 0 and R² 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Number of margins.
    pub count: usize,
    /// Slope of the least-squares line of observed on predicted margins; NaN if the predictions are constant. Below 1, the
    /// predictions are too extreme.
    pub slope: f64,
    /// Intercept of that line, in units of the margins; NaN if the predictions are constant. It depends on the order in which
    /// the two items of a pair are named.
    pub intercept: f64,
    /// 1 − Σ (observed − predicted)²/Σ observed², about zero, of the predictions themselves (not of the line).
    pub r_squared: f64,
    /// Pearson correlation; NaN if either side is constant.
    pub correlation: f64,
    /// √(mean (observed − predicted)²).
    pub root_mean_square_error: f64,
}

/// Calibration of predictions, pooled over as many conditions as one likes. Cost O(margins).
///
/// Conditions of different gain weigh by the squares of their margins; scale them first where that is not wanted.
///
/// # Errors
/// No margin, lists of different lengths, or a number that is not finite.
pub fn calibration(observed: &[f64], predicted: &[f64]) -> Result<Calibration> {
    check_lengths(observed, predicted.len())?;
    if observed.is_empty() || predicted.iter().any(|p| !p.is_finite()) {
        let problem = "there is none, or one is not finite; give one finite number per observed margin";
        return Err(TheoryError::bad_input("predicted margins", problem));
    }
    let n = observed.len() as f64;
    let (mo, mp) = (observed.iter().sum::<f64>() / n, predicted.iter().sum::<f64>() / n);
    let (mut pp, mut po, mut squares) = (0.0, 0.0, 0.0);
    for (o, p) in observed.iter().zip(predicted) {
        pp += (p - mp) * (p - mp);
        po += (p - mp) * (o - mo);
        squares += (o - p) * (o - p);
    }
    let slope = if pp > 0.0 { po / pp } else { f64::NAN };
    let (r_squared, correlation) = agreement(observed, predicted);
    Ok(Calibration {
        count: observed.len(),
        slope,
        intercept: mo - slope * mp,
        r_squared,
        correlation,
        root_mean_square_error: (squares / n).sqrt(),
    })
}

/// Predicts the margins of `pairs` on the task `graph` with the parameters of `fit`.
///
/// # Errors
/// No pair, pairs out of range, or pairs trained with another presentation weight than those fitted.
pub fn predicted_margins(fit: &MarginFit, graph: &ComparisonGraph, pairs: &[(usize, usize)]) -> Result<Vec<f64>> {
    let maker = BasisMaker::new(graph, pairs)?;
    check_weight(fit, maker.weight)?;
    let (at, _) = fit.coefficients()?;
    Ok(maker.basis(at.screening)?.margins(at))
}

/// Per pair, whether a predicted margin contradicts the right answer; `None` where there is no right answer.
///
/// # Errors
/// More items than can be classified.
pub fn predicted_failures(
    graph: &ComparisonGraph,
    pairs: &[(usize, usize)],
    predicted: &[f64],
) -> Result<Vec<Option<bool>>> {
    // A margin within rounding of zero is a tie, which contradicts nothing.
    Ok(failures(&graph.classes()?, pairs, predicted, 64.0 * f64::EPSILON * largest(predicted)))
}

fn failures(classes: &PairClasses, pairs: &[(usize, usize)], margins: &[f64], tie: f64) -> Vec<Option<bool>> {
    let failed = |(&(i, j), &f): (&(usize, usize), &f64)| classes.label(i, j).map(|y| f64::from(y) * f < -tie);
    pairs.iter().zip(margins).map(failed).collect()
}

/// Predicts the margins of `pairs` on the task `graph` with the parameters of `fit`, and compares them with `observed`.
///
/// The right answers are those of the task's own trained relations, [`ComparisonGraph::classes`].
///
/// # Errors
/// No pair, pairs out of range, or margins that are not one finite number per pair.
pub fn predict(
    fit: &MarginFit,
    graph: &ComparisonGraph,
    pairs: &[(usize, usize)],
    observed: &[f64],
) -> Result<Prediction> {
    check_lengths(observed, pairs.len())?;
    let predicted = predicted_margins(fit, graph, pairs)?;
    let calibration = calibration(observed, &predicted)?;
    let agrees = |(&o, &p): (&f64, &f64)| if o == 0.0 || p == 0.0 { 0.5 } else { f64::from((o > 0.0) == (p > 0.0)) };
    let agreeing: f64 = observed.iter().zip(&predicted).map(agrees).sum();
    let fails_predicted = predicted_failures(graph, pairs, &predicted)?;
    let fails_observed = failures(&graph.classes()?, pairs, observed, 0.0);
    let mut counts = FailureCounts::default();
    for pair in fails_predicted.iter().zip(&fails_observed) {
        match pair {
            (Some(true), Some(true)) => counts.both += 1,
            (Some(true), Some(false)) => counts.predicted_only += 1,
            (Some(false), Some(true)) => counts.observed_only += 1,
            (Some(false), Some(false)) => counts.neither += 1,
            _ => {}
        }
    }
    Ok(Prediction {
        r_squared: calibration.r_squared,
        correlation: calibration.correlation,
        sign_agreement: agreeing / observed.len() as f64,
        calibration,
        predicted,
        fails_predicted,
        fails_observed,
        failures: counts,
    })
}

/// 95 % intervals of predicted margins, and how many observed ones they hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionIntervals {
    /// Where the theory's margin lies, given the uncertainty of the parameters alone; per pair.
    pub theory: Vec<Interval>,
    /// Where an observed mean margin lies; per pair.
    pub observation: Vec<Interval>,
    /// Share of the observed margins inside `observation`, 0.95 where the theory is calibrated.
    pub coverage: f64,
    /// Standard deviation of the training residuals, √(Σ residual²/(N − 3)).
    pub residual_deviation: f64,
    /// Number of bootstrap replicates.
    pub replicates: usize,
    /// Seed of the random numbers; the same seed gives the same intervals on any number of threads.
    pub seed: u64,
}

/// Prediction intervals for the pairs of `target`, whose mean margins `observed` the model was not fitted to.
///
/// `clusters[t]` are the clusters (seeds, subjects) of the t-th task of `training`, each with one margin per pair of the task.
/// Every replicate draws the mean margins of the training tasks anew, refits, and predicts: `theory` is between the 2.5 and 97.5 %
/// quantiles of the predictions. Mean margins are drawn from the multivariate Student's t that has the clusters' own covariance
/// and K − 1 degrees of freedom, K the number of clusters of the task: intervals hold with two clusters and include errors that
/// a cluster shares. For `observation`, every replicate adds the shared error of the target's clusters (a second draw of the same size,
/// as other clusters were trained on it) and an error of each pair: the residual standard deviation of the fit to all clusters times
/// a draw of Student's t with N − 3 degrees of freedom, N the number of training pairs. Residuals contain the sampling error of a mean
/// over clusters, so the target's means should be over about as many clusters, on the same scale. Without signal a replicate predicts 0.
///
/// Cost that of the bootstrap, and about 1 µs more per replicate and ten pairs.
///
/// # Errors
/// Three training pairs or fewer; what [`bootstrap`](super::bootstrap()) and [`predict`] refuse.
pub fn prediction_intervals(
    training: &MarginFitter<'_>,
    clusters: &[&[Vec<f64>]],
    target: &ObservedTask<'_, '_>,
    observed: &[f64],
    replicates: usize,
    seed: u64,
) -> Result<PredictionIntervals> {
    let n = training.pairs().len();
    if n <= 3 {
        let problem = format!("{n} training pairs leave no degree of freedom for 3 parameters; give at least 4");
        return Err(TheoryError::BadInput { what: "prediction intervals", problem });
    }
    check_lengths(observed, target.pairs.len())?;
    let sample = Resampler::new(training, clusters, replicates, seed)?;
    let fit = training.fit(&sample.mean())?;
    let predictor = MarginFitter::new(target.graph, target.pairs)?;
    check_weight(&fit, predictor.grid.weight())?;
    let free = (n - 3) as f64;
    let residual_deviation = (fit.residual_squares / free).sqrt();
    let bad = |e| TheoryError::bad_input("prediction intervals", format!("{free} degrees of freedom: {e}"));
    let student = StudentT::new(free).map_err(bad)?;
    let margins = |at: &Coefficients| {
        let mut basis = predictor.grid.additive.clone();
        predictor.grid.approximate(at.screening, &mut basis);
        basis.margins(at)
    };
    let center = margins(fit.coefficients()?.0);
    // Of every replicate, the theory and an observation.
    let draws: Vec<[Vec<f64>; 2]> = sample.map_students(|rng, [at, other]| {
        let (theory, shared) = (margins(at), margins(other));
        let observation = (0..theory.len())
            .map(|k| theory[k] + shared[k] - center[k] + residual_deviation * student.sample(rng))
            .collect();
        [theory, observation]
    })?;
    let interval = |which: usize, pair: usize| {
        let mut values: Vec<f64> = draws.iter().map(|d| d[which][pair]).collect();
        values.sort_unstable_by(f64::total_cmp);
        Interval { low: quantile(&values, 0.025), high: quantile(&values, 0.975) }
    };
    let all = 0..target.pairs.len();
    let theory: Vec<Interval> = all.clone().map(|k| interval(0, k)).collect();
    let observation: Vec<Interval> = all.map(|k| interval(1, k)).collect();
    let inside = observed.iter().zip(&observation).filter(|(o, i)| (i.low..=i.high).contains(o)).count();
    Ok(PredictionIntervals {
        theory,
        observation,
        coverage: inside as f64 / observed.len() as f64,
        residual_deviation,
        replicates,
        seed,
    })
}

fn check_lengths(observed: &[f64], pairs: usize) -> Result<()> {
    if pairs == observed.len() && observed.iter().all(|o| o.is_finite()) {
        return Ok(());
    }
    let problem = format!("{} margins for {pairs} pairs; give one finite number each", observed.len());
    Err(TheoryError::BadInput { what: "observed margins", problem })
}

/// C is per unit of presentation weight, and one screening serves one weight.
fn check_weight(fit: &MarginFit, weight: f64) -> Result<()> {
    let (_, fitted) = fit.coefficients()?;
    if weight == fitted {
        return Ok(());
    }
    let reason = format!(
        "pairs were fitted with presentation weight {fitted} and would be predicted with {weight}; they must be equal"
    );
    Err(TheoryError::not_applicable("the prediction", reason))
}

#[cfg(test)]
mod tests;
