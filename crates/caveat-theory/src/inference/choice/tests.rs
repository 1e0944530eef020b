//! Tests of fits to choices.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::inference::MarginFitter;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain};
use crate::task::TransitiveTask;

fn all_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).collect()
}

fn half_pairs(n: usize) -> Vec<(usize, usize)> {
    all_pairs(n).into_iter().filter(|(i, j)| i < j).collect()
}

fn probability(gain: f64, margin: f64, lapse: f64, bias: f64) -> f64 {
    lapse / 2.0 + (1.0 - lapse) / (1.0 + (-(gain * margin + bias)).exp())
}

/// Expected counts of choices of a ridge learner, `trials` on every ordered pair: data without noise.
fn expected(
    task: &TransitiveTask,
    alpha: f64,
    c: f64,
    gain: f64,
    lapse: f64,
    bias: f64,
    trials: f64,
) -> Vec<ChoiceCount> {
    let s = chain::solve(task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
    all_pairs(task.n_items())
        .into_iter()
        .map(|(first, second)| {
            let p = probability(gain, s.margin(first, second), lapse, bias);
            ChoiceCount { first, second, first_chosen: trials * p, trials }
        })
        .collect()
}

/// The same with binomial noise.
fn drawn(of: &[ChoiceCount], seed: u64) -> Vec<ChoiceCount> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    of.iter()
        .map(|c| {
            let p = c.first_chosen / c.trials;
            let chosen = (0..c.trials as usize).filter(|_| rng.random::<f64>() < p).count();
            ChoiceCount { first_chosen: chosen as f64, ..*c }
        })
        .collect()
}

fn log_likelihood(choices: &[ChoiceCount], p: impl Fn(usize, usize) -> f64) -> f64 {
    choices
        .iter()
        .map(|c| {
            let p = p(c.first, c.second);
            c.first_chosen * p.ln() + (c.trials - c.first_chosen) * (1.0 - p).ln()
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn parameters_are_recovered_from_choices_without_noise(
        alpha in 0.05..0.8f64, log_c in -0.5..1.5f64, gain in 1.0..6.0f64, lapse in 0.0..0.2f64, bias in -0.8..0.8f64,
        exception in any::<bool>(),
    ) {
        let exceptions: &[_] = if exception { &[(5, 3)] } else { &[] };
        let task = TransitiveTask::new(8, exceptions).unwrap();
        let c = 10f64.powf(log_c);
        let data = vec![expected(&task, alpha, c, gain, lapse, bias, 100.0)];
        let spec = ModelSpec::new(Family::Ridge).with_lapse().with_position_bias();
        let fitter = ChoiceFitter::new(task.graph(), &spec, &all_pairs(8)).unwrap();
        let fit = fitter.fit(&data).unwrap();
        // Rates at the truth are the saturated model: no other parameters have a larger likelihood.
        let s = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        let truth = log_likelihood(&data[0], |i, j| probability(gain, s.margin(i, j), lapse, bias));
        prop_assert!(fit.log_likelihood > truth - 1e-6, "{fit:?}");
        prop_assert!(fit.deviance_explained > 1.0 - 1e-6);
        for (p, c) in fit.probabilities.iter().zip(&data[0]) {
            prop_assert!((p - c.first_chosen / c.trials).abs() < 1e-4);
        }
        prop_assert!((fit.estimates.position_bias - bias).abs() < 1e-2, "{fit:?}");
    }
}

#[test]
fn the_fit_is_no_worse_than_a_dense_search_and_is_stationary() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let data = drawn(&expected(&task, 0.3, 5.0, 3.0, 0.0, 0.0, 40.0), 3);
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(Family::Ridge), &all_pairs(7)).unwrap();
    let fit = fitter.fit(&[data.clone()]).unwrap();
    let at = |alpha: f64, c: f64, gain: f64| {
        let s = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        log_likelihood(&data, |i, j| probability(gain, s.margin(i, j), 0.0, 0.0))
    };
    let e = fit.estimates;
    let best = at(e.conjunctivity, e.strength, e.gain);
    assert!((best - fit.log_likelihood).abs() < 1e-7 * best.abs(), "{best} {}", fit.log_likelihood);
    for a in 0..=40 {
        for k in -10..=25 {
            for g in 1..=60 {
                let other = at(f64::from(a) / 40.0, 10f64.powf(f64::from(k) / 10.0), 0.15 * f64::from(g));
                assert!(other <= best + 1e-6);
            }
        }
    }
    // Inside the range every derivative vanishes, to the rounding of a difference.
    let h = 1e-4;
    for step in [[h, 0.0, 0.0], [0.0, h * e.strength, 0.0], [0.0, 0.0, h * e.gain]] {
        let shifted = |s: f64| at(e.conjunctivity + s * step[0], e.strength + s * step[1], e.gain + s * step[2]);
        let slope = (shifted(1.0) - shifted(-1.0)) / (2.0 * h);
        assert!(slope.abs() < 1e-2, "{slope}");
    }
}

#[test]
fn margins_by_the_surface_agree_with_the_closed_profile() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = half_pairs(9);
    for (alpha, c, phase) in [(0.2, 8.0, 0.0), (0.5, 1.0, 1.0), (0.05, 30.0, 2.0)] {
        let s = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        let margins: Vec<f64> = pairs
            .iter()
            .enumerate()
            .map(|(k, &(i, j))| 4.0 * s.margin(i, j) + 0.2 * (2.4 * k as f64 + phase).sin())
            .collect();
        let closed = MarginFitter::new(task.graph(), &pairs).unwrap().fit(&margins).unwrap();
        let observations: Vec<MarginObservation> = pairs
            .iter()
            .zip(&margins)
            .map(|(&(first, second), &margin)| MarginObservation { first, second, margin, weight: 1.0 })
            .collect();
        let fitter = MarginModelFitter::new(task.graph(), &ModelSpec::new(Family::Ridge), &pairs).unwrap();
        let fit = fitter.fit(&[observations]).unwrap();
        // Both minimize one sum of squares, each to the square root of its rounding in the parameters.
        assert!((fit.r_squared - closed.r_squared).abs() < 1e-9, "{} {}", fit.r_squared, closed.r_squared);
        assert!((fit.estimates.conjunctivity - closed.conjunctivity).abs() < 1e-4, "{fit:?} {closed:?}");
        assert!((fit.estimates.gain / closed.gain - 1.0).abs() < 1e-3, "{fit:?} {closed:?}");
    }
}

#[test]
fn profiles_rise_by_the_threshold_at_the_ends_of_intervals() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let data = vec![drawn(&expected(&task, 0.3, 5.0, 3.0, 0.08, 0.0, 60.0), 5)];
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(Family::Ridge).with_lapse(), &all_pairs(7)).unwrap();
    let fit = fitter.fit(&data).unwrap();
    let intervals = fitter.intervals(&fit, &data).unwrap();
    let alpha = intervals.conjunctivity.unwrap();
    assert!(alpha.interval.low <= fit.estimates.conjunctivity && fit.estimates.conjunctivity <= alpha.interval.high);
    assert!(alpha.identified && alpha.bounded, "{intervals:?}");
    let ends = [alpha.interval.low, alpha.interval.high];
    for rise in fitter.profile(&fit, &data, ChoiceParameter::Conjunctivity, &ends).unwrap() {
        assert!((rise - 3.841_458_820_694_124).abs() < 0.02, "{rise}");
    }
    // With the value of the fit nothing is lost.
    let here = fitter.profile(&fit, &data, ChoiceParameter::Conjunctivity, &[fit.estimates.conjunctivity]).unwrap()[0];
    assert!(here.abs() < 1e-4, "{here}");
}

#[test]
fn untrained_pairs_alone_do_not_separate_conjunctivity_from_regularization() {
    let task = TransitiveTask::new(8, &[(5, 3)]).unwrap();
    let untrained: Vec<ChoiceCount> = expected(&task, 0.2, 5.0, 3.0, 0.0, 0.0, 50.0)
        .into_iter()
        .filter(|c| task.graph().edge_index(c.first, c.second).is_none())
        .collect();
    let data = vec![untrained];
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(Family::Ridge), &ordered_pairs(&data)).unwrap();
    let fit = fitter.fit(&data).unwrap();
    let intervals = fitter.intervals(&fit, &data).unwrap();
    assert!(!intervals.conjunctivity.unwrap().identified && !intervals.strength.unwrap().identified, "{intervals:?}");
    // They do determine the screening: the fit, wherever it lies on the ridge, has that of the truth.
    let truth = RidgeModel::new(0.2, 5.0).unwrap().screening(1.0);
    assert!((fit.estimates.screening / truth - 1.0).abs() < 1e-2, "{fit:?}");
}

#[test]
fn choices_without_error_saturate_with_finite_numbers() {
    let task = TransitiveTask::new(6, &[]).unwrap();
    let sure: Vec<ChoiceCount> = all_pairs(6)
        .into_iter()
        .map(|(first, second)| ChoiceCount {
            first,
            second,
            first_chosen: if first < second { 20.0 } else { 0.0 },
            trials: 20.0,
        })
        .collect();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(Family::Ridge), &all_pairs(6)).unwrap();
    let fit = fitter.fit(&[sure]).unwrap();
    assert!(fit.estimates.saturated, "{fit:?}");
    assert!(fit.log_likelihood > -1e-6 && fit.probabilities.iter().all(|p| p.is_finite()));
}

#[test]
fn resampled_clusters_give_intervals_around_the_fit() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let rates = expected(&task, 0.3, 5.0, 3.0, 0.0, 0.3, 10.0);
    let clusters: Vec<Vec<ChoiceCount>> = (0..20).map(|k| drawn(&rates, k)).collect();
    let spec = ModelSpec::new(Family::Ridge).with_position_bias();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &all_pairs(7)).unwrap();
    let fit = fitter.fit(&clusters).unwrap();
    let sample = fitter.bootstrap(&fit, &clusters, 300, 1).unwrap();
    assert_eq!(sample, fitter.bootstrap(&fit, &clusters, 300, 1).unwrap());
    for (interval, estimate) in [
        (sample.conjunctivity, fit.estimates.conjunctivity),
        (sample.strength, fit.estimates.strength),
        (sample.gain, fit.estimates.gain),
        (sample.position_bias, fit.estimates.position_bias),
    ] {
        let interval = interval.unwrap();
        assert!(interval.low < estimate && estimate < interval.high, "{interval:?} {estimate}");
    }
    // A replicate is a fit: the first one, refitted from scratch.
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    rng.set_stream(0);
    let resampled: Vec<Vec<ChoiceCount>> = (0..20).map(|_| clusters[rng.random_range(0..20)].clone()).collect();
    let again = fitter.fit(&resampled).unwrap().estimates;
    assert!((sample.draws[0][0] - again.conjunctivity).abs() < 0.02, "{:?} {again:?}", sample.draws[0]);
    assert!((sample.draws[0][2] / again.gain - 1.0).abs() < 0.05, "{:?} {again:?}", sample.draws[0]);
    assert!(fitter.bootstrap(&fit, &clusters[..1], 300, 1).is_err());
}

#[test]
fn bad_choices_and_specifications_are_refused() {
    let task = TransitiveTask::new(5, &[]).unwrap();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(Family::Ridge), &all_pairs(5)).unwrap();
    let count = |first, second, first_chosen, trials| vec![vec![ChoiceCount { first, second, first_chosen, trials }]];
    for bad in [
        count(0, 1, 3.0, 2.0),
        count(0, 1, -1.0, 2.0),
        count(0, 1, 0.0, f64::NAN),
        count(0, 7, 1.0, 2.0),
        count(0, 1, 0.0, 0.0),
    ] {
        assert!(fitter.fit(&bad).is_err(), "{bad:?}");
    }
    for spec in [
        ModelSpec::new(Family::Ridge).with_conjunctivity(1.5),
        ModelSpec::new(Family::Ridge).with_strength(-1.0),
        ModelSpec::new(Family::Logistic).with_strength(f64::INFINITY),
    ] {
        assert!(ChoiceFitter::new(task.graph(), &spec, &all_pairs(5)).is_err(), "{spec:?}");
    }
    assert!(MarginModelFitter::new(task.graph(), &ModelSpec::new(Family::Ridge).with_lapse(), &all_pairs(5)).is_err());
}
