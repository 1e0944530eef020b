//! Fits to choices against exact expectations, dense searches, the other fitter, and their own laws.

mod limits;

use super::*;
use crate::inference::MarginFitter;
use crate::inference::engine::surface::search::point_inside;
use crate::inference::estimates::{FitLimit, Parameter};
use crate::inference::intervals::likelihood::Profile;
use crate::inference::margins::{MarginModelFitter, MarginObservation};
use crate::kernel::RidgeModel;
use crate::learner::LearnerKind;
use crate::margins::{Margins, chain};
use crate::numeric::sigmoid::logit;
use crate::task::TransitiveTask;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn ordered(n: usize) -> Vec<(usize, usize)> {
    (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).collect()
}

fn task() -> TransitiveTask {
    TransitiveTask::new(7, &[(4, 2)]).unwrap()
}

/// The counts that are expected on every pair, not rounded.
fn expected(
    pairs: &[(usize, usize)],
    margins: &[f64],
    gain: f64,
    lapse: f64,
    bias: f64,
    trials: f64,
) -> Vec<ChoiceCount> {
    pairs
        .iter()
        .zip(margins)
        .map(|(&(first, second), f)| {
            let p = 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(gain * f + bias)).exp());
            ChoiceCount { first, second, first_chosen: trials * p, trials }
        })
        .collect()
}

/// Drawn choices of several subjects.
fn drawn(task: &TransitiveTask, seed: u64, subjects: usize, trials: u32, truth: [f64; 5]) -> Vec<Vec<ChoiceCount>> {
    let [alpha, c, gain, lapse, bias] = truth;
    let s = chain::solve(task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..subjects)
        .map(|_| {
            ordered(task.n_items())
                .into_iter()
                .map(|(first, second)| {
                    let p = 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(gain * s.margin(first, second) + bias)).exp());
                    let chosen = (0..trials).filter(|_| rng.random::<f64>() < p).count();
                    ChoiceCount { first, second, first_chosen: chosen as f64, trials: f64::from(trials) }
                })
                .collect()
        })
        .collect()
}

/// Log-likelihood from the closed forms alone.
fn by_hand(task: &TransitiveTask, data: &[Vec<ChoiceCount>], [alpha, c, gain, lapse, bias]: [f64; 5]) -> f64 {
    let s = chain::solve(task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
    data.iter()
        .flatten()
        .map(|d| {
            let p = 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(gain * s.margin(d.first, d.second) + bias)).exp());
            d.first_chosen * p.ln() + (d.trials - d.first_chosen) * (1.0 - p).ln()
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn parameters_are_recovered_from_expected_counts(
        alpha in 0.05..0.8f64, log_c in -0.7..1.5f64, log_gain in 0.3..1.5f64, lapse in 0.02..0.2f64, bias in -0.8..0.8f64,
        flow in any::<bool>(),
    ) {
        let task = task();
        let learner = if flow { LearnerKind::GradientFlow } else { LearnerKind::Ridge };
        let spec = ModelSpec::new(learner).with_lapse().with_position_bias();
        let fitter = ChoiceFitter::new(task.graph(), &spec, &ordered(7)).unwrap();
        // A flow forgets its time as e^{−αt}: shorter times, so that data of this size can tell.
        let s = 10f64.powf(if flow { 0.5 * log_c } else { log_c });
        // A gain that makes the largest margins two to five logits.
        let margins = fitter.model.surface.margins(alpha, s).unwrap();
        let largest = margins.iter().fold(0.0_f64, |a, m| a.max(m.abs()));
        let gain = log_gain.exp() / largest;
        let fit = fitter.fit(&[expected(&ordered(7), &margins, gain, lapse, bias, 1e4)]).unwrap();
        // The likelihood at the truth is the saturated one, which the maximum reaches to its tolerance of 1e-10.
        prop_assert!(1.0 - fit.deviance_explained < 1e-12, "{fit:?}");
        let e = fit.estimates;
        prop_assert!((e.position_bias - bias).abs() < 1e-4 && (e.lapse - lapse).abs() < 1e-4, "{e:?}");
        prop_assert!((e.conjunctivity - alpha).abs() < 1e-3 && (e.gain / gain).ln().abs() < 1e-2, "{e:?} {alpha} {gain}");
        prop_assert!((e.strength / s).ln().abs() < 1e-2 && e.limit.is_none(), "{e:?} {s}");
    }
}

#[test]
fn logistic_margins_and_unequal_weights_are_recovered_too() {
    let uneven = task().with_weight(4, 2, 3.0).unwrap();
    for (task, learner) in
        [(task(), LearnerKind::Logistic), (uneven.clone(), LearnerKind::Ridge), (uneven, LearnerKind::GradientFlow)]
    {
        let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(learner), &ordered(7)).unwrap();
        let margins = fitter.model.surface.margins(0.3, 4.0).unwrap();
        let fit = fitter.fit(&[expected(&ordered(7), &margins, 1.5, 0.0, 0.0, 1e4)]).unwrap();
        let e = fit.estimates;
        assert!((e.conjunctivity - 0.3).abs() < 1e-3 && (e.strength / 4.0).ln().abs() < 1e-2, "{learner:?} {e:?}");
        assert!((e.gain / 1.5).ln().abs() < 1e-2 && 1.0 - fit.deviance_explained < 1e-10, "{learner:?} {e:?}");
    }
}

#[test]
fn a_dense_search_finds_nothing_better_and_slopes_vanish() {
    let task = task();
    let truth = [0.3, 5.0, 3.0, 0.0, 0.0];
    for seed in 0..4 {
        let data = drawn(&task, seed, 1, 20, truth);
        let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &ordered(7)).unwrap();
        let fit = fitter.fit(&data).unwrap();
        let e = fit.estimates;
        let mut dense = f64::NEG_INFINITY;
        for a in 0..=40 {
            for k in -15..=30 {
                for g in 0..=40 {
                    let (alpha, c) = (f64::from(a) / 40.0, 10f64.powf(f64::from(k) / 10.0));
                    dense =
                        dense.max(by_hand(&task, &data, [alpha, c, 10f64.powf(f64::from(g) / 20.0 - 0.5), 0.0, 0.0]));
                }
            }
        }
        assert!(fit.log_likelihood >= dense - 1e-9 && fit.log_likelihood < dense + 1.0, "{dense} {fit:?}");
        if e.limit.is_some() || !(e.conjunctivity > 0.0 && e.strength.is_finite()) {
            continue;
        }
        let here = by_hand(&task, &data, [e.conjunctivity, e.strength, e.gain, 0.0, 0.0]);
        assert!((here - fit.log_likelihood).abs() < 1e-9 * here.abs());
        // Slopes per standard error, of order sqrt(2e-10) at the search's tolerance, with differences' own error.
        for k in 0..3 {
            let moved = |factor: f64| {
                let mut p = [e.conjunctivity, e.strength, e.gain, 0.0, 0.0];
                p[k] *= factor;
                by_hand(&task, &data, p)
            };
            let slope = (moved(1.0 + 1e-4) - moved(1.0 - 1e-4)) / 2e-4;
            let curvature = (moved(1.0 + 1e-3) + moved(1.0 - 1e-3) - 2.0 * here) / 1e-6;
            assert!(curvature < 0.0 && slope.abs() < 1e-3 * (-curvature).sqrt(), "{k}: {slope} {curvature}");
        }
    }
}

#[test]
fn margins_are_fitted_as_by_the_other_fitter() {
    let task = task();
    let pairs: Vec<(usize, usize)> = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))).collect();
    let s = chain::solve(&task, &RidgeModel::new(0.25, 4.0).unwrap()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..6 {
        let observed: Vec<f64> =
            pairs.iter().map(|&(i, j)| 3.0 * s.margin(i, j) + rng.random_range(-0.3..0.3)).collect();
        let one = MarginFitter::new(task.graph(), &pairs).unwrap().fit(&observed).unwrap();
        let data: Vec<MarginObservation> = pairs
            .iter()
            .zip(&observed)
            .map(|(&(first, second), &margin)| MarginObservation { first, second, margin, weight: 1.0 })
            .collect();
        let fitter = MarginModelFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &pairs).unwrap();
        let two = fitter.fit(std::slice::from_ref(&data)).unwrap();
        // Both find the minimum of the residual to rounding or 1e-10 of a variance, the parameters to its square root.
        assert!((one.r_squared - two.r_squared).abs() < 1e-9, "{one:?} {two:?}");
        let e = two.estimates;
        assert_eq!(one.estimates.limit, e.limit);
        assert!((one.estimates.conjunctivity - e.conjunctivity).abs() < 1e-3, "{one:?} {e:?}");
        if one.estimates.limit.is_none() && one.estimates.strength.is_finite() {
            assert!(
                (one.estimates.strength / e.strength).ln().abs() < 1e-3
                    && (one.estimates.gain / e.gain).ln().abs() < 1e-3
            );
            assert!(
                (one.estimates.screening / e.screening - 1.0).abs() < 1e-3
                    && (one.estimates.memorization - e.memorization).abs() < 1e-3
            );
        }
        // A bias for the first position is found where both orders tell it.
        let both: Vec<MarginObservation> = data
            .iter()
            .flat_map(|o| {
                [
                    MarginObservation { margin: o.margin + 0.7, ..*o },
                    MarginObservation { first: o.second, second: o.first, margin: 0.7 - o.margin, weight: 1.0 },
                ]
            })
            .collect();
        let spec = ModelSpec::new(LearnerKind::Ridge).with_position_bias();
        let biased = MarginModelFitter::new(task.graph(), &spec, &ordered(7)).unwrap().fit(&[both]).unwrap();
        assert!((biased.estimates.position_bias - 0.7).abs() < 1e-6);
        assert!((biased.residual_squares - 2.0 * two.residual_squares).abs() < 1e-6 * two.residual_squares);
    }
}

#[test]
fn mirrored_trials_mirror_the_bias_and_single_trials_are_counts() {
    let task = task();
    let data = drawn(&task, 5, 1, 12, [0.3, 5.0, 2.5, 0.0, 0.4]);
    let spec = ModelSpec::new(LearnerKind::Ridge).with_position_bias();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &ordered(7)).unwrap();
    let fit = fitter.fit(&data).unwrap();
    let mirrored: Vec<ChoiceCount> = data[0]
        .iter()
        .map(|d| ChoiceCount { first: d.second, second: d.first, first_chosen: d.trials - d.first_chosen, ..*d })
        .collect();
    let mirror = fitter.fit(&[mirrored]).unwrap();
    assert!((fit.log_likelihood - mirror.log_likelihood).abs() < 1e-8);
    assert!((fit.estimates.position_bias + mirror.estimates.position_bias).abs() < 1e-4);
    assert!((fit.estimates.conjunctivity - mirror.estimates.conjunctivity).abs() < 1e-4);
    let single: Vec<ChoiceCount> = data[0]
        .iter()
        .flat_map(|d| {
            (0..12).map(move |t| ChoiceCount {
                first_chosen: f64::from(u8::from(f64::from(t) < d.first_chosen)),
                trials: 1.0,
                ..*d
            })
        })
        .collect();
    let singles = fitter.fit(std::slice::from_ref(&single)).unwrap();
    assert!((fit.log_likelihood - singles.log_likelihood).abs() < 1e-9);
    assert!((fitter.log_likelihood(&fit, &single).unwrap() - fit.log_likelihood).abs() < 1e-9);
    // Each fitted pair's share adds up: with a bias, as many first choices are expected as made.
    let made: f64 = data[0].iter().map(|d| d.first_chosen).sum();
    let predicted: f64 = fit.probabilities.iter().map(|p| 12.0 * p).sum();
    assert!((made - predicted).abs() < 1e-4 * made);
    assert!((fit.mcfadden - (1.0 - fit.log_likelihood / (-fit.n_trials * 2f64.ln()))).abs() < 1e-12);
}

#[test]
fn interval_ends_are_where_a_dense_profile_crosses() {
    let task = task();
    let data = drawn(&task, 8, 1, 60, [0.3, 4.0, 3.0, 0.0, 0.0]);
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &ordered(7)).unwrap();
    let fit = fitter.fit(&data).unwrap();
    let intervals = fitter.intervals(&fit, &data).unwrap();
    let alpha = intervals.conjunctivity.unwrap();
    assert!(alpha.identified && alpha.bounded && alpha.interval.low < fit.estimates.conjunctivity);
    for end in [alpha.interval.low, alpha.interval.high] {
        // α held there; C and gain from a search that narrows from a dense grid.
        let (mut center, mut width, mut best) = ([1.4, 1.1], [4.0, 2.0], f64::NEG_INFINITY);
        for _ in 0..8 {
            let at = center;
            for a in -12..=12 {
                for b in -12..=12 {
                    let p = [at[0] + width[0] * f64::from(a) / 12.0, at[1] + width[1] * f64::from(b) / 12.0];
                    let value = by_hand(&task, &data, [end, p[0].exp(), p[1].exp(), 0.0, 0.0]);
                    if value > best {
                        (best, center) = (value, p);
                    }
                }
            }
            width = width.map(|w| w / 3.0);
        }
        let loss = 2.0 * (fit.log_likelihood - best);
        assert!((loss - 3.841_458_8).abs() < 2e-3, "{end}: {loss}");
    }
    let ends = [alpha.interval.low, fit.estimates.conjunctivity, alpha.interval.high];
    let total = fitter.total(&fitter.tabulate(&data).unwrap()).unwrap();
    let (chart, start) = (fitter.model.surface.primary, point_inside(&fitter.model, &fit.at));
    let mut constrained = Profile::on_chart(&fitter.model, &total, chart, start, 1e-7).unwrap();
    let coordinate = fitter.model.coordinate(Parameter::Conjunctivity).unwrap();
    let profile = ends.map(|end| constrained.loss(coordinate, logit(end), start).unwrap().0);
    assert!(
        (profile[0] - 3.841_458_8).abs() < 1e-3 && profile[1].abs() < 1e-6 && (profile[2] - 3.841_458_8).abs() < 1e-3
    );
}

#[test]
fn pairs_that_cannot_tell_a_parameter_are_said_not_to() {
    let task = task();
    let of = |pairs: &[(usize, usize)], spec: &ModelSpec| {
        let fitter = ChoiceFitter::new(task.graph(), spec, pairs).unwrap();
        let margins = fitter.model.surface.margins(0.3, 5.0).unwrap();
        let data = [expected(pairs, &margins, 3.0, 0.05, 0.3, 100.0)];
        let fit = fitter.fit(&data).unwrap();
        let i = fitter.intervals(&fit, &data).unwrap();
        [i.conjunctivity, i.strength, i.gain, i.lapse, i.position_bias].map(|p| p.map(|p| p.identified))
    };
    let ridge = ModelSpec::new(LearnerKind::Ridge);
    let full = ridge.with_lapse().with_position_bias();
    assert_eq!(of(&ordered(7), &full), [Some(true); 5]);
    // Untrained pairs know the screening alone.
    let untrained: Vec<(usize, usize)> =
        ordered(7).into_iter().filter(|&(i, j)| task.graph().edge_index(i, j).is_none()).collect();
    assert_eq!(of(&untrained, &full), [Some(false), Some(false), Some(true), Some(true), Some(true)]);
    // With C held, the screening is α.
    assert_eq!(of(&untrained, &ridge.with_strength(5.0)), [Some(true), None, Some(true), None, None]);
    // One pair in both orders: a margin and a bias.
    let one = [(0, 1), (1, 0)];
    assert_eq!(of(&one, &ridge.with_position_bias()), [Some(false), Some(false), Some(false), None, Some(true)]);
    // One order only: shape tells bias and margins apart.
    let forward: Vec<(usize, usize)> = ordered(7).into_iter().filter(|(i, j)| i < j).collect();
    assert_eq!(of(&forward, &ridge.with_position_bias()), [Some(true), Some(true), Some(true), None, Some(true)]);
    // A single pair in one order is its margin or its bias.
    let single = of(&[(0, 2)], &ridge.with_position_bias());
    assert_eq!(single, [Some(false), Some(false), Some(false), None, Some(false)]);
}

#[test]
fn replicates_are_the_fits_of_resampled_clusters() {
    let task = task();
    let data = drawn(&task, 3, 12, 8, [0.3, 5.0, 3.0, 0.05, 0.2]);
    let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse().with_position_bias();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &ordered(7)).unwrap();
    let fit = fitter.fit(&data).unwrap();
    let all = fitter.bootstrap(&fit, &data, 200, 11).unwrap();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(all.draws.len(), 200);
    let again = one_thread.install(|| fitter.bootstrap(&fit, &data, 200, 11).unwrap());
    assert_eq!(format!("{:?}", all.draws), format!("{:?}", again.draws));
    let spread = |parameter: Parameter| {
        let mean = all.draws.iter().map(|d| d.get(parameter)).sum::<f64>() / 200.0;
        (all.draws.iter().map(|d| (d.get(parameter) - mean).powi(2)).sum::<f64>() / 199.0).sqrt()
    };
    for replicate in 0..25 {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        rng.set_stream(replicate);
        let sample: Vec<Vec<ChoiceCount>> =
            (0..data.len()).map(|_| data[rng.random_range(0..data.len())].clone()).collect();
        let e = fitter.fit(&sample).unwrap().estimates;
        let draw = all.draws[replicate as usize];
        // The refit stops at 1e-6 in log-likelihood: 10⁻³ of a standard error, and here within a hundredth.
        for parameter in spec.parameters() {
            let (drawn, value) = (draw.get(parameter), e.get(parameter));
            if matches!(parameter, Parameter::Strength | Parameter::Gain) {
                if value.is_finite() && value > 0.0 {
                    assert!((drawn / value).ln().abs() < 2e-2, "{replicate} {parameter:?}: {drawn} {value}");
                }
            } else {
                let near = 1e-2 * spread(parameter);
                assert!((drawn - value).abs() < near, "{replicate} {parameter:?}: {drawn} {value}");
            }
        }
    }
    let alpha = all.intervals.conjunctivity.unwrap();
    assert!(alpha.low < 0.3 && 0.3 < alpha.high && alpha.high - alpha.low < 0.3, "{alpha:?}");
    assert!(fitter.bootstrap(&fit, &data[..1], 200, 11).is_err() && fitter.bootstrap(&fit, &data, 1, 11).is_err());
    // Clusters alike: every replicate is the fit.
    let alike = vec![data[0].clone(); 4];
    let fit = fitter.fit(&alike).unwrap();
    let same = fitter.bootstrap(&fit, &alike, 8, 0).unwrap();
    assert!(same.draws.iter().all(|d| (d.conjunctivity - fit.estimates.conjunctivity).abs() < 1e-4));
}

#[test]
fn margins_have_intervals_and_replicates_too() {
    let task = task();
    let s = chain::solve(&task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let clusters: Vec<Vec<MarginObservation>> = (0..20)
        .map(|_| {
            ordered(7)
                .into_iter()
                .map(|(first, second)| {
                    let margin = 3.0 * s.margin(first, second) + 0.5 + rng.random_range(-0.6..0.6);
                    MarginObservation { first, second, margin, weight: 1.0 }
                })
                .collect()
        })
        .collect();
    let spec = ModelSpec::new(LearnerKind::Ridge).with_position_bias();
    let fitter = MarginModelFitter::new(task.graph(), &spec, &ordered(7)).unwrap();
    let fit = fitter.fit(&clusters).unwrap();
    // Uniform errors of width 1.2 have the variance 0.12, found to sqrt(0.8/840) of it.
    let variance = fit.residual_squares / (fit.n_observations - fit.n_parameters) as f64;
    assert!((variance / 0.12 - 1.0).abs() < 4.0 * (0.8f64 / 840.0).sqrt(), "{variance}");
    let profile = fitter.intervals(&fit, &clusters).unwrap();
    let replicates = fitter.bootstrap(&fit, &clusters, 2000, 3).unwrap();
    let pairs = [
        (profile.conjunctivity, replicates.intervals.conjunctivity, 0.3),
        (profile.strength, replicates.intervals.strength, 5.0),
        (profile.gain, replicates.intervals.gain, 3.0),
        (profile.position_bias, replicates.intervals.position_bias, 0.5),
    ];
    for (profile, replicates, truth) in pairs {
        let (p, b) = (profile.unwrap().interval, replicates.unwrap());
        assert!(p.low < truth && truth < p.high && b.low < truth && truth < b.high, "{p:?} {b:?}");
        // Errors are alike and independent, so that both widths estimate one; that of 20 clusters to about a sixth.
        let ratio = (b.high - b.low) / (p.high - p.low);
        assert!((0.5..1.5).contains(&ratio), "{p:?} {b:?}");
    }
    assert!(profile.lapse.is_none() && replicates.intervals.lapse.is_none());
    // The Gaussian log-likelihood, summed by hand.
    let by_hand: f64 = clusters[0]
        .iter()
        .zip(&fit.fitted)
        .map(|(o, f)| -0.5 * ((o.margin - f).powi(2) / 0.2 + (std::f64::consts::TAU * 0.2).ln()))
        .sum();
    assert!((fitter.log_likelihood(&fit, 0.2, &clusters[0]).unwrap() - by_hand).abs() < 1e-10 * by_hand.abs());
}

#[test]
fn bad_choices_are_refused() {
    let task = task();
    let ridge = ModelSpec::new(LearnerKind::Ridge);
    let fitter = ChoiceFitter::new(task.graph(), &ridge, &[(0, 1), (1, 0)]).unwrap();
    let count = |first, second, first_chosen, trials| vec![vec![ChoiceCount { first, second, first_chosen, trials }]];
    for bad in [
        count(0, 2, 1.0, 2.0),
        count(0, 1, 3.0, 2.0),
        count(0, 1, -1.0, 2.0),
        count(0, 1, f64::NAN, 2.0),
        count(0, 1, 1.0, f64::INFINITY),
        count(0, 1, 0.0, 0.0),
        Vec::new(),
    ] {
        assert!(fitter.fit(&bad).is_err(), "{bad:?}");
    }
    assert!(ChoiceFitter::new(task.graph(), &ridge, &[(0, 1), (0, 1)]).is_err());
    assert!(ChoiceFitter::new(task.graph(), &ridge.with_conjunctivity(1.2), &[(0, 1)]).is_err());
    assert!(MarginModelFitter::new(task.graph(), &ridge.with_lapse(), &[(0, 1)]).is_err());
    let margins = MarginModelFitter::new(task.graph(), &ridge, &[(0, 1)]).unwrap();
    let observation = |margin, weight| vec![vec![MarginObservation { first: 0, second: 1, margin, weight }]];
    for bad in [observation(f64::NAN, 1.0), observation(1.0, 0.0), observation(1.0, f64::INFINITY), Vec::new()] {
        assert!(margins.fit(&bad).is_err(), "{bad:?}");
    }
}
