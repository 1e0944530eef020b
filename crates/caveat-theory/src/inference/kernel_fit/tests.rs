//! Tests of fits of a kernel's ridge and gain: the dense route, the closed forms, what all pairs share, and limits.

use super::*;
use crate::kernel::{ExchangeableKernel, RidgeModel};
use crate::margins::{Margins, chain, dense};
use crate::task::TransitiveTask;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn all_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

/// Random features of ordered pairs, `width` each, beside a vector that all share.
fn features(n: usize, width: usize, shared: f64, seed: u64) -> impl Fn((usize, usize), (usize, usize)) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = move || -> f64 { rng.sample(StandardNormal) };
    let common: Vec<f64> = (0..width).map(|_| shared * normal()).collect();
    let rows: Vec<Vec<f64>> = (0..n * n).map(|_| common.iter().map(|c| c + normal()).collect()).collect();
    move |(i, j), (k, l)| rows[i * n + j].iter().zip(&rows[k * n + l]).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn margins_are_those_of_the_dense_route_on_centered_features(
        width in 1usize..40, log_ridge in -2.0..3.0f64, seed in any::<u64>(), weight in 0.5..3.0f64,
    ) {
        let n = 6;
        let task = TransitiveTask::new(n, &[(4, 1)]).unwrap().with_weight(4, 1, weight).unwrap();
        let trials = task.trials();
        let kernel = features(n, width, 1.0, seed);
        let ridge = 10f64.powf(log_ridge);
        let total: f64 = trials.iter().map(|t| t.weight).sum();
        let mean = |e| -> f64 { trials.iter().map(|t| t.weight / total * kernel(e, (t.first, t.second))).sum() };
        let grand: f64 = trials.iter().map(|t| t.weight / total * mean((t.first, t.second))).sum();
        let centered = |e, f| kernel(e, f) - mean(e) - mean(f) + grand;
        let reference = dense::solve(n, &trials, centered, ridge).unwrap();
        let pairs = all_pairs(n);
        let margins = KernelFitter::new(n, &trials, &kernel, &pairs).unwrap().margins(ridge).unwrap();
        let scale = (0..n * n).fold(1.0f64, |m, e| m.max(reference.margin(e / n, e % n).abs()));
        for (&(i, j), margin) in pairs.iter().zip(margins) {
            let expected = 0.5 * (reference.margin(i, j) - reference.margin(j, i));
            // The condition number of the system is at most that of the largest entry, some hundreds, to the ridge.
            prop_assert!((margin - expected).abs() < 1e-9 * scale, "{i} {j}: {margin} {expected}");
        }
    }

    #[test]
    fn what_all_pairs_share_has_no_effect(seed in any::<u64>(), shared in 0.1..100.0f64, constant in -10.0..1e4f64) {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let pairs = all_pairs(7);
        let margins = |kernel: &dyn Fn((usize, usize), (usize, usize)) -> f64| {
            KernelFitter::new(7, &task.trials(), kernel, &pairs).unwrap().margins(3.0).unwrap()
        };
        let (alone, with) = (features(7, 12, 0.0, seed), features(7, 12, shared, seed));
        let expected = margins(&alone);
        let largest = (constant.abs() + 1e3 * (1.0 + shared * shared)) * f64::EPSILON;
        for other in [margins(&with), margins(&|e, f| alone(e, f) + constant)] {
            for (a, b) in other.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 100.0 * largest, "{a} {b}");
            }
        }
    }

    #[test]
    fn an_exchangeable_kernel_has_the_closed_form_margins_and_gives_its_parameters_back(
        alpha in 0.02..0.98f64, log_c in -1.0..2.0f64, gain in 0.1..50.0f64, flip in -0.5..0.9f64, shift in -3.0..3.0f64,
    ) {
        let n = 9;
        let task = TransitiveTask::new(n, &[(6, 3)]).unwrap();
        let pairs = all_pairs(n);
        let c = 10f64.powf(log_c);
        // κ_id − κ_flip = 1 − flip, and all six values are shifted.
        let shared = (1.0 - alpha) * (1.0 - flip) / 2.0;
        let orbits = [1.0, flip, shared, shared, 0.0, 0.0].map(|k| k + shift);
        let kernel = ExchangeableKernel::from_orbits(orbits).unwrap();
        let fitter = KernelFitter::new(n, &task.trials(), |e, f| kernel.value(e, f), &pairs);
        let Ok(fitter) = fitter else { return Ok(()) }; // A flip may make the kernel indefinite.
        let closed = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        let expected: Vec<f64> = pairs.iter().map(|&(i, j)| gain * closed.margin(i, j)).collect();
        let ridge = kernel.ridge_from_c(c).unwrap();
        for (margin, expected) in fitter.margins(ridge).unwrap().iter().zip(&expected) {
            prop_assert!((gain * margin - expected).abs() < 1e-11 * gain, "{margin} {expected}");
        }
        let fit = fitter.fit(&expected).unwrap();
        // The minimum of a sum of squares is found to the square root of its rounding.
        prop_assert!((fit.ridge / ridge - 1.0).abs() < 1e-4 && (fit.gain / gain - 1.0).abs() < 1e-4, "{fit:?}");
        prop_assert!(fit.r_squared > 1.0 - 1e-10 && fit.correlation > 1.0 - 1e-10 && fit.limit.is_none());
    }
}

#[test]
fn a_free_intercept_is_the_limit_of_a_large_constant() {
    let task = TransitiveTask::new(6, &[(4, 1)]).unwrap();
    let (kernel, pairs) = (features(6, 9, 0.5, 8), all_pairs(6));
    let margins = KernelFitter::new(6, &task.trials(), &kernel, &pairs).unwrap().margins(2.0).unwrap();
    let large = 1e7;
    let reference = dense::solve(6, &task.trials(), |e, f| kernel(e, f) + large, 2.0).unwrap();
    let without = dense::solve(6, &task.trials(), &kernel, 2.0).unwrap();
    let mut moved = 0.0f64;
    for (&(i, j), margin) in pairs.iter().zip(&margins) {
        let antisymmetrized = |s: &dense::DenseSolution| 0.5 * (s.margin(i, j) - s.margin(j, i));
        assert!((margin - antisymmetrized(&reference)).abs() < 1e-5, "{margin} {}", antisymmetrized(&reference));
        moved = moved.max((margin - antisymmetrized(&without)).abs());
    }
    assert!(moved > 1e-3, "the intercept matters here: {moved}");
}

#[test]
fn the_fit_is_no_worse_than_a_fine_search_of_the_ridge() {
    let task = TransitiveTask::new(8, &[(5, 2)]).unwrap();
    for seed in 0..20 {
        let pairs = all_pairs(8);
        let fitter = KernelFitter::new(8, &task.trials(), features(8, 20, 0.0, seed), &pairs).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 100);
        let at = fitter.margins(10f64.powi(seed as i32 % 5 - 1)).unwrap();
        let observed: Vec<f64> = at.iter().map(|f| 5.0 * f + 0.5 * rng.sample::<f64, _>(StandardNormal)).collect();
        let fit = fitter.fit(&observed).unwrap();
        for k in -600..=900 {
            let error = scaled(&fitter.margins_at(10f64.powf(f64::from(k) / 100.0)), &observed).1;
            assert!(error >= fit.residual_squares * (1.0 - 1e-9), "seed {seed}, 10^{k}/100: {error} < {fit:?}");
        }
    }
}

#[test]
fn limits_are_reported_as_limits_with_finite_numbers() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs = all_pairs(7);
    let fitter = KernelFitter::new(7, &task.trials(), features(7, 30, 0.0, 1), &pairs).unwrap();
    let hebbian = fitter.margins(f64::INFINITY).unwrap();
    let near = fitter.margins(1e9).unwrap();
    for (a, b) in hebbian.iter().zip(&near) {
        assert!((a - 1e9 * b).abs() < 1e-5, "{a} {b}");
    }
    let fit = fitter.fit(&hebbian.iter().map(|f| 3.0 * f).collect::<Vec<_>>()).unwrap();
    assert_eq!(fit.limit, Some(FitLimit::Hebbian));
    assert!(fit.ridge.is_infinite() && (fit.gain - 3.0).abs() < 1e-12);

    let fit = fitter.fit(&fitter.margins(0.0).unwrap()).unwrap();
    assert_eq!((fit.limit, fit.ridge), (Some(FitLimit::Ridgeless), 0.0));
    assert!((fit.gain - 1.0).abs() < 1e-12);

    let reversed: Vec<f64> = hebbian.iter().map(|f| -f).collect();
    let constant = KernelFitter::new(7, &task.trials(), |_, _| 5.0, &pairs).unwrap();
    for fit in [fitter.fit(&reversed).unwrap(), constant.fit(&hebbian).unwrap()] {
        assert_eq!((fit.limit, fit.gain, fit.r_squared), (Some(FitLimit::NoSignal), 0.0, 0.0));
        assert!(fit.ridge.is_nan() && fit.correlation.is_nan() && fit.fitted.iter().all(|f| *f == 0.0));
    }
}

#[test]
fn what_cannot_be_fitted_is_refused_with_a_reason() {
    let task = TransitiveTask::new(4, &[]).unwrap();
    let trials = task.trials();
    let one_hot = |e, f| f64::from(u8::from(e == f));
    let refusal = |trials: &[Trial], pairs: &[(usize, usize)]| {
        KernelFitter::new(4, trials, one_hot, pairs).unwrap_err().to_string()
    };
    assert_eq!(refusal(&trials, &[]), TheoryError::NoComparisons.to_string());
    assert_eq!(refusal(&[], &[(0, 1)]), TheoryError::NoComparisons.to_string());
    assert!(refusal(&trials, &[(0, 4)]).contains("rank 4"));
    assert!(refusal(&trials, &[(2, 2)]).contains("item 2"));
    let with_nan = |e, _| if e == (2, 1) { f64::NAN } else { 1.0 };
    let error = KernelFitter::new(4, &trials, with_nan, &[(0, 1)]).unwrap_err().to_string();
    assert!(error.contains("(2, 1)") && error.contains("finite"), "{error}");
    let error = KernelFitter::new(4, &trials, |e, f| -one_hot(e, f), &[(0, 1)]).unwrap_err().to_string();
    assert!(error.contains("indefinite"), "{error}");
    let fitter = KernelFitter::new(4, &trials, one_hot, &[(0, 1)]).unwrap();
    assert!(fitter.fit(&[1.0, 2.0]).unwrap_err().to_string().contains("2 margins for 1 pairs"));
    assert!(fitter.fit(&[f64::INFINITY]).is_err());
    assert!(fitter.margins(-1.0).is_err() && fitter.margins(f64::NAN).is_err());
}
