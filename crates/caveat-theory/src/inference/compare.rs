//! Model comparison by cross-validated log-likelihood: whole seeds, subjects or sessions are left out of the fit and predicted.
//!
//! Of a model with p parameters and the log-likelihood ℓ of N trials or margins: AIC = 2p − 2ℓ (Akaike 1974, doi:10.1109/TAC.1974.1100705),
//! BIC = p·ln N − 2ℓ (Schwarz 1978, doi:10.1214/aos/1176344136), and the held-out log-likelihood Σ_k ℓ(cluster k | fit to the folds without
//! it). All are in nats. Differences of the last have the standard error √(K/(K−1)·Σ(d_k − d̄)²) over K clusters (§9.3).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::choice::{ChoiceCount, ChoiceFitter, ordered_pairs};
use crate::inference::engine::surface::pairs::distinct;
use crate::inference::margins::{MarginModelFitter, MarginObservation, log_density};
use crate::inference::model::ModelSpec;

/// A model that takes part in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// Nothing learned: every choice at chance, every margin 0, apart from a bias for the first position if there is one.
    Untrained {
        /// Whether it has that bias.
        position_bias: bool,
    },
    /// A learner.
    Learner(ModelSpec),
}

impl Candidate {
    /// Number of free parameters (of margins, the variance of errors is not counted).
    pub fn n_parameters(&self) -> usize {
        match self {
            Self::Untrained { position_bias } => usize::from(*position_bias),
            Self::Learner(spec) => spec.n_parameters(),
        }
    }
}

/// How one candidate did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The candidate.
    pub candidate: Candidate,
    /// Log-likelihood of all clusters, each predicted from folds without it. Of choices without binomial coefficients.
    pub held_out: f64,
    /// The same per trial, or per margin.
    pub held_out_mean: f64,
    /// Held-out log-likelihood minus that of the best candidate, so at most 0.
    pub difference: f64,
    /// Standard error of that difference, from its spread over clusters.
    pub difference_error: f64,
    /// Log-likelihood of all data at the fit to all data.
    pub log_likelihood: f64,
    /// Number of free parameters; of margins with the variance of errors.
    pub n_parameters: usize,
    /// 2·parameters − 2·log-likelihood (Akaike).
    pub aic: f64,
    /// parameters·ln(trials or margins) − 2·log-likelihood (Schwarz).
    pub bic: f64,
}

/// The candidates in the order given, and what they were compared on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelComparison {
    /// The candidates.
    pub candidates: Vec<Compared>,
    /// Number of folds.
    pub folds: usize,
    /// Number of clusters.
    pub clusters: usize,
    /// Number of trials, or of margins.
    pub size: f64,
    /// Seed of the folds.
    pub seed: u64,
}

/// Compares candidates on choices. Cost of `folds` + 1 fits each, in parallel.
///
/// Clusters are dealt to folds at random, as evenly as possible.
///
/// # Errors
/// No candidate, fewer than two clusters or folds, more folds than clusters, or what a fit refuses.
pub fn compare_choices(
    graph: &ComparisonGraph,
    candidates: &[Candidate],
    clusters: &[Vec<ChoiceCount>],
    folds: usize,
    seed: u64,
) -> Result<ModelComparison> {
    let pairs = ordered_pairs(clusters);
    let size: f64 = clusters.iter().flatten().map(|c| c.trials).sum();
    compare(candidates, clusters, folds, seed, size, |candidate| {
        Ok(match candidate {
            Candidate::Untrained { position_bias } => {
                Box::new(move |training: &[Vec<ChoiceCount>], judged: &[Vec<ChoiceCount>]| {
                    let share = if position_bias { first_share(training) } else { 0.5 };
                    Ok(judged.iter().map(|cluster| at_share(cluster, share)).collect())
                })
            }
            Candidate::Learner(spec) => {
                let fitter = ChoiceFitter::new(graph, &spec, &pairs)?;
                Box::new(move |training: &[Vec<ChoiceCount>], judged: &[Vec<ChoiceCount>]| {
                    let fit = fitter.fit(training)?;
                    judged.iter().map(|cluster| fitter.log_likelihood(&fit, cluster)).collect()
                })
            }
        })
    })
}

/// Compares candidates on margins, with independent Gaussian errors whose variance is that of the training residuals.
///
/// # Errors
/// As [`compare_choices`]; a candidate with lapses; training margins that a model explains without error.
pub fn compare_margins(
    graph: &ComparisonGraph,
    candidates: &[Candidate],
    clusters: &[Vec<MarginObservation>],
    folds: usize,
    seed: u64,
) -> Result<ModelComparison> {
    let pairs = distinct(clusters.iter().flatten().map(|o| (o.first, o.second)));
    let size = clusters.iter().map(Vec::len).sum::<usize>() as f64;
    let mut comparison = compare(candidates, clusters, folds, seed, size, |candidate| {
        Ok(match candidate {
            Candidate::Untrained { position_bias } => {
                Box::new(move |training: &[Vec<MarginObservation>], judged: &[Vec<MarginObservation>]| {
                    let (mean, variance) = constant(training, position_bias)?;
                    Ok(judged.iter().map(|cluster| around(cluster, mean, variance)).collect())
                })
            }
            Candidate::Learner(spec) => {
                let fitter = MarginModelFitter::new(graph, &spec, &pairs)?;
                Box::new(move |training: &[Vec<MarginObservation>], judged: &[Vec<MarginObservation>]| {
                    let fit = fitter.fit(training)?;
                    let variance =
                        positive(fit.residual_squares / training.iter().map(Vec::len).sum::<usize>() as f64)?;
                    judged.iter().map(|cluster| fitter.log_likelihood(&fit, variance, cluster)).collect()
                })
            }
        })
    })?;
    for compared in &mut comparison.candidates {
        // The variance of errors is a parameter too.
        compared.n_parameters += 1;
        compared.aic += 2.0;
        compared.bic += size.ln();
    }
    Ok(comparison)
}

/// Log-likelihoods of clusters under the fit to others.
type Judge<'a, T> = Box<dyn Fn(&[Vec<T>], &[Vec<T>]) -> Result<Vec<f64>> + Sync + 'a>;

fn compare<'a, T: Clone + Sync + Send>(
    candidates: &[Candidate],
    clusters: &[Vec<T>],
    folds: usize,
    seed: u64,
    size: f64,
    judge: impl Fn(Candidate) -> Result<Judge<'a, T>> + Sync,
) -> Result<ModelComparison> {
    let bad = |problem: String| TheoryError::BadInput { what: "model comparison", problem };
    if candidates.is_empty() {
        return Err(bad("there are no candidates; give at least one".into()));
    }
    if folds < 2 || folds > clusters.len() {
        return Err(bad(format!(
            "{folds} folds of {} clusters (seeds, subjects or sessions); give from 2 folds to one a cluster",
            clusters.len()
        )));
    }
    let fold_of = deal(clusters.len(), folds, seed);
    let scored: Vec<(Vec<f64>, f64)> = candidates
        .par_iter()
        .map(|&candidate| {
            let judge = judge(candidate)?;
            let parts: Vec<Vec<(usize, f64)>> = (0..folds)
                .into_par_iter()
                .map(|fold| {
                    let (inside, outside): (Vec<usize>, Vec<usize>) =
                        (0..clusters.len()).partition(|&k| fold_of[k] != fold);
                    let take = |which: &[usize]| which.iter().map(|&k| clusters[k].clone()).collect::<Vec<_>>();
                    let scores = judge(&take(&inside), &take(&outside))?;
                    Ok(outside.into_iter().zip(scores).collect())
                })
                .collect::<Result<_>>()?;
            let mut held_out = vec![0.0; clusters.len()];
            parts.into_iter().flatten().for_each(|(cluster, score)| held_out[cluster] = score);
            let all = judge(clusters, clusters)?.iter().sum();
            Ok((held_out, all))
        })
        .collect::<Result<_>>()?;
    let totals: Vec<f64> = scored.iter().map(|(held_out, _)| held_out.iter().sum()).collect();
    let best = (0..totals.len()).max_by(|&a, &b| totals[a].total_cmp(&totals[b])).unwrap_or(0);
    let candidates = candidates
        .iter()
        .zip(&scored)
        .zip(&totals)
        .map(|((&candidate, (held_out, log_likelihood)), &total)| {
            let differences: Vec<f64> = held_out.iter().zip(&scored[best].0).map(|(a, b)| a - b).collect();
            let n_parameters = candidate.n_parameters();
            Compared {
                candidate,
                held_out: total,
                held_out_mean: total / size,
                difference: total - totals[best],
                difference_error: error_of_sum(&differences),
                log_likelihood: *log_likelihood,
                n_parameters,
                aic: 2.0 * n_parameters as f64 - 2.0 * log_likelihood,
                bic: n_parameters as f64 * size.ln() - 2.0 * log_likelihood,
            }
        })
        .collect();
    Ok(ModelComparison { candidates, folds, clusters: clusters.len(), size, seed })
}

/// Fold of every cluster: a random order, dealt in turn.
fn deal(clusters: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..clusters).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for k in (1..clusters).rev() {
        order.swap(k, rng.random_range(0..=k));
    }
    let mut fold_of = vec![0; clusters];
    order.into_iter().enumerate().for_each(|(turn, cluster)| fold_of[cluster] = turn % folds);
    fold_of
}

/// Standard error of a sum of independent terms, from their spread.
fn error_of_sum(terms: &[f64]) -> f64 {
    let n = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / n;
    (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() * n / (n - 1.0)).sqrt()
}

/// Share of trials in which the first item was chosen, kept off 0 and 1 by half a trial.
fn first_share(clusters: &[Vec<ChoiceCount>]) -> f64 {
    let (chosen, trials) = clusters.iter().flatten().fold((0.0, 0.0), |(c, t), x| (c + x.first_chosen, t + x.trials));
    (chosen + 0.5) / (trials + 1.0)
}

fn at_share(cluster: &[ChoiceCount], share: f64) -> f64 {
    cluster.iter().map(|c| c.first_chosen * share.ln() + (c.trials - c.first_chosen) * (1.0 - share).ln()).sum()
}

/// Weighted mean (or 0) and variance of margins.
fn constant(clusters: &[Vec<MarginObservation>], free: bool) -> Result<(f64, f64)> {
    let all = || clusters.iter().flatten();
    let (sum, weight) = all().fold((0.0, 0.0), |(s, w), o| (s + o.weight * o.margin, w + o.weight));
    let mean = if free { sum / weight } else { 0.0 };
    let squares: f64 = all().map(|o| o.weight * (o.margin - mean).powi(2)).sum();
    Ok((mean, positive(squares / all().count() as f64)?))
}

fn around(cluster: &[MarginObservation], mean: f64, variance: f64) -> f64 {
    cluster.iter().map(|o| log_density(o.margin - mean, variance / o.weight)).sum()
}

fn positive(variance: f64) -> Result<f64> {
    let problem =
        "a model explains the training margins without error, so errors have no variance; compare on data with noise";
    if variance > 0.0 { Ok(variance) } else { Err(TheoryError::bad_input("model comparison", problem)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::RidgeModel;
    use crate::learner::LearnerKind;
    use crate::margins::{Margins, chain};
    use crate::task::TransitiveTask;
    use rand_distr::StandardNormal;

    const UNTRAINED: Candidate = Candidate::Untrained { position_bias: false };

    fn ridge() -> ModelSpec {
        ModelSpec::new(LearnerKind::Ridge)
    }

    /// Choices of `subjects` learners alike, `trials` on every ordered pair, with a bias for the first position.
    fn choices(task: &TransitiveTask, subjects: usize, trials: u32, bias: f64) -> Vec<Vec<ChoiceCount>> {
        let s = chain::solve(task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
        let n = task.n_items();
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        (0..subjects)
            .map(|_| {
                (0..n * n)
                    .map(|k| (k / n, k % n))
                    .filter(|(i, j)| i != j)
                    .map(|(first, second)| {
                        let p = 1.0 / (1.0 + (-(3.0 * s.margin(first, second) + bias)).exp());
                        let chosen = (0..trials).filter(|_| rng.random::<f64>() < p).count();
                        ChoiceCount { first, second, first_chosen: chosen as f64, trials: f64::from(trials) }
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn the_model_that_made_the_choices_predicts_them_best() {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let data = choices(&task, 12, 8, 0.6);
        let candidates = [
            UNTRAINED,
            Candidate::Untrained { position_bias: true },
            Candidate::Learner(ridge()),
            Candidate::Learner(ridge().with_conjunctivity(0.0).with_position_bias()),
            Candidate::Learner(ridge().with_position_bias()),
        ];
        let c = compare_choices(task.graph(), &candidates, &data, 6, 1).unwrap();
        assert_eq!(c.candidates[4].difference, 0.0);
        for other in &c.candidates[..4] {
            assert!(other.difference < -2.0 * other.difference_error, "{other:?}");
        }
        assert_eq!(c, compare_choices(task.graph(), &candidates, &data, 6, 1).unwrap());
        // Chance needs no fit: its held-out log-likelihood is −trials·ln 2.
        let trials = 12.0 * 42.0 * 8.0;
        assert!((c.candidates[0].held_out + trials * 2f64.ln()).abs() < 1e-9 * trials);
        assert_eq!(c.size, trials);
        assert!((c.candidates[0].held_out_mean + 2f64.ln()).abs() < 1e-9);
        // Nested candidates fit all data in the order of their parameters.
        assert!(c.candidates[4].log_likelihood >= c.candidates[3].log_likelihood);
        assert!(c.candidates[4].log_likelihood >= c.candidates[2].log_likelihood);
    }

    #[test]
    fn margins_are_compared_with_the_variance_of_their_errors() {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let s = chain::solve(&task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let data: Vec<Vec<MarginObservation>> = (0..8)
            .map(|_| {
                (0..7)
                    .flat_map(|i| (i + 1..7).map(move |j| (i, j)))
                    .map(|(first, second)| {
                        let noise: f64 = rng.sample(StandardNormal);
                        MarginObservation {
                            first,
                            second,
                            margin: 2.0 * s.margin(first, second) + 0.3 * noise,
                            weight: 1.0,
                        }
                    })
                    .collect()
            })
            .collect();
        let candidates = [UNTRAINED, Candidate::Learner(ridge().with_conjunctivity(0.0)), Candidate::Learner(ridge())];
        let c = compare_margins(task.graph(), &candidates, &data, 4, 0).unwrap();
        assert_eq!(c.candidates[2].difference, 0.0);
        assert!(c.candidates[0].difference < c.candidates[1].difference && c.candidates[1].difference < 0.0);
        assert_eq!(c.candidates[2].n_parameters, 4);
        // Untrained, by hand: zero mean, variance of all margins.
        let all: Vec<f64> = data.iter().flatten().map(|o| o.margin).collect();
        let variance = all.iter().map(|m| m * m).sum::<f64>() / all.len() as f64;
        let by_hand = -0.5 * all.len() as f64 * (1.0 + (std::f64::consts::TAU * variance).ln());
        assert!((c.candidates[0].log_likelihood - by_hand).abs() < 1e-9 * by_hand.abs());
    }

    #[test]
    fn clusters_are_dealt_evenly_and_bad_folds_refused() {
        for (clusters, folds) in [(10, 3), (7, 7), (50, 10)] {
            let fold_of = deal(clusters, folds, 5);
            for fold in 0..folds {
                let size = fold_of.iter().filter(|&&f| f == fold).count();
                assert!((clusters / folds..=clusters.div_ceil(folds)).contains(&size));
            }
        }
        let task = TransitiveTask::new(5, &[]).unwrap();
        let data = choices(&task, 3, 2, 0.0);
        for folds in [0, 1, 4] {
            assert!(compare_choices(task.graph(), &[UNTRAINED], &data, folds, 0).is_err());
        }
        assert!(compare_choices(task.graph(), &[], &data, 2, 0).is_err());
    }
}
