//! Tests of profile intervals: against the profile itself, against brute force, in limits, and in cost.

mod constrained;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::*;
use crate::comparison_graph::{Comparison, ComparisonGraph};
use crate::inference::ObservedTask;
use crate::inference::estimates::Parameter;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain, graph};
use crate::task::TransitiveTask;
use constrained::profile;

const ALL: [Parameter; 5] =
    [Parameter::Conjunctivity, Parameter::Strength, Parameter::Gain, Parameter::Screening, Parameter::Memorization];

fn all_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

/// Margins of a model times a gain, with Gaussian noise relative to their root mean square.
fn noisy(task: &TransitiveTask, model: &RidgeModel, gain: f64, noise: f64, seed: u64) -> Vec<f64> {
    let s = chain::solve(task, model).unwrap();
    let truth: Vec<f64> = all_pairs(task.n_items()).iter().map(|&(i, j)| gain * s.margin(i, j)).collect();
    let size = (dot(&truth, &truth) / truth.len() as f64).sqrt();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    truth.iter().map(|t| t + noise * size * rng.sample::<f64, _>(StandardNormal)).collect()
}

/// What a profile says, with its threshold.
#[derive(Debug)]
struct Profiled {
    at: PerParameter<Interval>,
    identified: PerParameter<bool>,
    bounded: PerParameter<bool>,
    threshold: f64,
}

fn profiled(fitter: &MarginFitter<'_>, fit: &MarginFit, observed: &[f64]) -> Result<Profiled> {
    let found = profile_intervals(fitter, fit, observed)?;
    let none = Interval { low: f64::NAN, high: f64::NAN };
    Ok(Profiled {
        at: found.map(|p| p.map_or(none, |p| p.interval)),
        identified: found.map(|p| p.is_some_and(|p| p.identified)),
        bounded: found.map(|p| p.is_some_and(|p| p.bounded)),
        threshold: threshold(fit, observed),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    /// The two routes: extremes over the accepted set, and constrained optima.
    #[test]
    fn the_profile_crosses_its_threshold_at_the_ends_of_the_intervals(
        alpha in 0.02..0.9f64, log_c in -1.5..2.5f64, log_noise in -3.0..0.0f64, seed in any::<u64>(), exception in any::<bool>(),
    ) {
        let task = TransitiveTask::new(9, if exception { &[(5, 3)] } else { &[] }).unwrap();
        let pairs = all_pairs(9);
        let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
        let model = RidgeModel::new(alpha, 10f64.powf(log_c)).unwrap();
        let observed = noisy(&task, &model, 3.0, 10f64.powf(log_noise), seed);
        let fit = fitter.fit(&observed).unwrap();
        let intervals = profiled(&fitter, &fit, &observed).unwrap();
        for parameter in ALL {
            if parameter == Parameter::Gain && fit.estimates.limit == Some(FitLimit::Hebbian) {
                continue;
            }
            let Interval { low, high } = intervals.at.get(parameter);
            let best = fit.estimates.get(parameter);
            prop_assert!(low <= best * (1.0 + 1e-9) && best <= high * (1.0 + 1e-9), "{parameter:?} {low} {best} {high}");
            let sse = |values: &[f64]| profile(&fitter, parameter, values, &observed).unwrap();
            // The optimum of the fit is one of the profile's.
            prop_assert!((sse(&[best])[0] / fit.residual_squares - 1.0).abs() < 1e-6, "{parameter:?} at {best}");
            let upper = if matches!(parameter, Parameter::Conjunctivity | Parameter::Memorization) { 1.0 } else { f64::INFINITY };
            for (end, bound, outward) in [(low, 0.0, -1.0), (high, upper, 1.0)] {
                let at = sse(&[end])[0];
                if end == bound {
                    // The limit itself is accepted.
                    prop_assert!(at <= intervals.threshold * (1.0 + 1e-6), "{parameter:?} bound {end}: {at} {intervals:?}");
                } else {
                    // An end is found to 1e-8 in log μ; where it is flat in μ, the profile is flat too.
                    prop_assert!((at / intervals.threshold - 1.0).abs() < 1e-4, "{parameter:?} end {end}: {at} {intervals:?}");
                    let farther = if upper == 1.0 && outward > 0.0 { end + 0.02 * (1.0 - end) } else { end * (1.0 + 0.02 * outward) };
                    prop_assert!(sse(&[farther])[0] > intervals.threshold, "{parameter:?} beyond {end}");
                }
            }
        }
    }

}

proptest! {
    // Each case tries 3,430 models.
    #![proptest_config(ProptestConfig::with_cases(15))]
    /// A model found by brute force within the threshold has all its parameters in the intervals.
    #[test]
    fn no_accepted_model_lies_outside(alpha in 0.05..0.8f64, log_c in -1.0..2.0f64, seed in any::<u64>()) {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let pairs = all_pairs(7);
        let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
        let observed = noisy(&task, &RidgeModel::new(alpha, 10f64.powf(log_c)).unwrap(), 2.0, 0.3, seed);
        let fit = fitter.fit(&observed).unwrap();
        let i = profiled(&fitter, &fit, &observed).unwrap();
        let holds = |i: Interval, x: f64| i.low * (1.0 - 1e-6) <= x && x <= i.high * (1.0 + 1e-6);
        let mut accepted = 0;
        for a in 1..50 {
            for k in -30..40 {
                let model = RidgeModel::new(f64::from(a) / 50.0, 10f64.powf(f64::from(k) / 10.0)).unwrap();
                let s = chain::solve(&task, &model).unwrap();
                let f: Vec<f64> = pairs.iter().map(|&(i, j)| s.margin(i, j)).collect();
                let (of, ff, oo) = (dot(&observed, &f), dot(&f, &f), dot(&observed, &observed));
                let best = of / ff;
                let sse = oo - of * of / ff;
                if best <= 0.0 || sse > i.threshold {
                    continue;
                }
                accepted += 1;
                let reach = ((i.threshold - sse) / ff).sqrt();
                prop_assert!(holds(i.at.conjunctivity, model.conjunctivity()), "{model:?} {i:?}");
                prop_assert!(holds(i.at.strength, model.c()), "{model:?} {i:?}");
                prop_assert!(holds(i.at.screening, model.screening(1.0)), "{model:?} {i:?}");
                prop_assert!(holds(i.at.memorization, model.memorization(1.0)), "{model:?} {i:?}");
                if fit.estimates.limit != Some(FitLimit::Hebbian) {
                    prop_assert!(holds(i.at.gain, best - reach) && holds(i.at.gain, best + reach), "{model:?} {i:?}");
                }
            }
        }
        prop_assume!(accepted > 0);
    }
}

#[test]
fn unidentified_parameters_have_unbounded_intervals() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let classes = task.classes().unwrap();
    let keep: Vec<usize> = (0..36).filter(|&k| !classes.is_trained(all_pairs(9)[k].0, all_pairs(9)[k].1)).collect();
    let pairs: Vec<_> = keep.iter().map(|&k| all_pairs(9)[k]).collect();
    let observed = noisy(&task, &RidgeModel::new(0.3, 5.0).unwrap(), 3.0, 0.05, 3);
    let observed: Vec<f64> = keep.iter().map(|&k| observed[k]).collect();
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    let fit = fitter.fit(&observed).unwrap();
    let p = profiled(&fitter, &fit, &observed).unwrap();
    // m is free in [0, 1]; α and C are only bounded through μ: α ≤ μ/(2+μ), and C ≥ 2/μ.
    assert_eq!((p.at.memorization.low, p.at.memorization.high), (0.0, 1.0));
    assert_eq!((p.at.conjunctivity.low, p.at.strength.high), (0.0, f64::INFINITY));
    let mu = p.at.screening;
    assert!((p.at.conjunctivity.high - mu.high / (2.0 + mu.high)).abs() < 1e-7);
    assert!((p.at.strength.low / (2.0 / mu.high) - 1.0).abs() < 1e-6);
    assert!(!p.identified.memorization && !p.bounded.memorization && !p.bounded.strength);
    assert!(
        p.identified.gain
            && p.bounded.gain
            && p.at.gain.low < fit.estimates.gain
            && fit.estimates.gain < p.at.gain.high,
        "{p:?}"
    );
}

#[test]
fn a_hebbian_fit_has_an_interval_of_gain_times_c() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    let mut tried = 0;
    for seed in 0..20 {
        let observed = noisy(&task, &RidgeModel::new(0.3, 1e-3).unwrap(), 5000.0, 0.1, seed);
        let fit = fitter.fit(&observed).unwrap();
        if fit.estimates.limit != Some(FitLimit::Hebbian) {
            continue;
        }
        tried += 1;
        let p = profiled(&fitter, &fit, &observed).unwrap();
        assert_eq!((p.at.strength.low, p.at.screening.high, p.at.memorization.low), (0.0, f64::INFINITY, 0.0));
        assert!(p.at.gain.low < fit.estimates.gain && fit.estimates.gain < p.at.gain.high, "{p:?} {fit:?}");
        assert!(!p.identified.gain && !p.bounded.strength);
        // Brute force: gain·C of accepted models.
        for a in 0..40 {
            for k in 0..40 {
                let model = RidgeModel::new(f64::from(a) / 40.0, 10f64.powf(f64::from(k) / 10.0 - 3.5)).unwrap();
                let s = chain::solve(&task, &model).unwrap();
                let f: Vec<f64> = pairs.iter().map(|&(i, j)| s.margin(i, j)).collect();
                let (of, ff, oo) = (dot(&observed, &f), dot(&f, &f), dot(&observed, &observed));
                let slack = p.threshold - (oo - of * of / ff);
                if slack < 0.0 {
                    continue;
                }
                for gain in [of / ff - (slack / ff).sqrt(), of / ff + (slack / ff).sqrt()] {
                    let g = gain * model.c();
                    assert!(
                        p.at.gain.low * (1.0 - 1e-6) <= g && g <= p.at.gain.high * (1.0 + 1e-6),
                        "{g} {model:?} {p:?}"
                    );
                }
            }
        }
    }
    assert!(tried > 3, "{tried} Hebbian fits");
}

#[test]
fn margins_without_signal_accept_everything() {
    let task = TransitiveTask::new(5, &[]).unwrap();
    let pairs = all_pairs(5);
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    for observed in [vec![0.0; 10], (0..10).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 }).collect()] {
        let fit = fitter.fit(&observed).unwrap();
        let p = profiled(&fitter, &fit, &observed).unwrap();
        assert_eq!(
            (p.at.conjunctivity.low, p.at.conjunctivity.high, p.at.strength.low, p.at.gain.low),
            (0.0, 1.0, 0.0, 0.0)
        );
        assert_eq!((p.at.strength.high, p.at.screening.high), (f64::INFINITY, f64::INFINITY));
        assert_eq!(p.bounded, PerParameter::default());
    }
}

#[test]
fn perfect_margins_have_narrow_intervals() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    let observed = noisy(&task, &RidgeModel::new(0.3, 5.0).unwrap(), 3.0, 0.0, 0);
    let fit = fitter.fit(&observed).unwrap();
    let p = profiled(&fitter, &fit, &observed).unwrap();
    assert!(p.at.conjunctivity.high - p.at.conjunctivity.low < 1e-5, "{p:?}");
    assert!(p.at.strength.high / p.at.strength.low - 1.0 < 1e-4 && p.at.gain.high / p.at.gain.low - 1.0 < 1e-4);
    assert!(ALL.iter().all(|&k| p.identified.get(k) && p.bounded.get(k)), "{p:?}");
}

#[test]
fn weights_scale_c_alone() {
    let pairs = all_pairs(7);
    let plain = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let mut heavy = plain.clone();
    for e in plain.graph().edges().to_vec() {
        heavy = heavy.with_weight(e.items().0, e.items().1, 4.0).unwrap();
    }
    let observed = noisy(&plain, &RidgeModel::new(0.3, 2.0).unwrap(), 1.0, 0.1, 8);
    let of = |task: &TransitiveTask| {
        let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
        let fit = fitter.fit(&observed).unwrap();
        let p = profiled(&fitter, &fit, &observed).unwrap();
        let at_end = profile(&fitter, Parameter::Strength, &[p.at.strength.low], &observed).unwrap()[0];
        assert!((at_end / p.threshold - 1.0).abs() < 1e-5);
        p
    };
    // One presentation of weight 4 regularizes as four of weight 1.
    let (a, b) = (of(&plain), of(&heavy));
    assert!(
        (a.at.strength.low / b.at.strength.low - 4.0).abs() < 1e-3
            && (a.at.strength.high / b.at.strength.high - 4.0).abs() < 1e-3,
        "{a:?} {b:?}"
    );
    assert!((a.at.gain.high / b.at.gain.high - 1.0).abs() < 1e-5);
}

#[test]
fn bad_requests_are_refused() {
    let task = TransitiveTask::new(4, &[]).unwrap();
    let fitter = MarginFitter::new(task.graph(), &[(0, 1), (1, 2), (0, 2)]).unwrap();
    let observed = [1.0, 1.0, 1.5];
    let fit = fitter.fit(&observed).unwrap();
    assert!(profiled(&fitter, &fit, &observed).unwrap_err().to_string().contains("at least 4"));
    assert!(profile(&fitter, Parameter::Conjunctivity, &[1.1], &observed).is_err());
    assert!(profile(&fitter, Parameter::Strength, &[-1.0], &observed).is_err());
    assert!(profile(&fitter, Parameter::Gain, &[f64::NAN], &observed).is_err());
    assert!(profile(&fitter, Parameter::Gain, &[1.0], &observed[1..]).is_err());
}

#[test]
fn joint_fits_and_other_graphs_have_intervals_too() {
    let graph = ComparisonGraph::new(
        6,
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 2), (4, 1)].map(|(w, l)| Comparison::new(w, l)),
    )
    .unwrap();
    let plain = TransitiveTask::new(7, &[]).unwrap();
    let model = RidgeModel::new(0.3, 5.0).unwrap();
    let (pairs, other) = (all_pairs(6), all_pairs(7));
    let s = graph::solve(&graph, &model).unwrap();
    let mut observed: Vec<f64> =
        pairs.iter().enumerate().map(|(k, &(i, j))| 2.0 * s.margin(i, j) + 0.05 * (1.7 * k as f64).sin()).collect();
    observed.extend(noisy(&plain, &model, 2.0, 0.05, 1));
    let fitter = MarginFitter::joint(&[
        ObservedTask { graph: &graph, pairs: &pairs },
        ObservedTask { graph: plain.graph(), pairs: &other },
    ])
    .unwrap();
    let fit = fitter.fit(&observed).unwrap();
    let p = profiled(&fitter, &fit, &observed).unwrap();
    assert!(ALL.iter().all(|&k| p.identified.get(k) && p.bounded.get(k)), "{p:?}");
    for parameter in ALL {
        let Interval { low, high } = p.at.get(parameter);
        for sse in profile(&fitter, parameter, &[low, high], &observed).unwrap() {
            assert!((sse / p.threshold - 1.0).abs() < 1e-5, "{parameter:?} {sse} {p:?}");
        }
    }
}
