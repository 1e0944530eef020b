//! Tests of intervals over clusters: against Student's where fits are linear in the noise, and at limits.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::*;
use crate::inference::distributions::student_quantile;
use crate::inference::engine::profile::MarginFitter;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain};
use crate::task::TransitiveTask;

fn all_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

fn seeds(task: &TransitiveTask, model: &RidgeModel, noise: f64, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let s = chain::solve(task, model).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut one = || -> Vec<f64> {
        let pairs = all_pairs(task.n_items());
        pairs.iter().map(|&(i, j)| 3.0 * s.margin(i, j) + noise * rng.sample::<f64, _>(StandardNormal)).collect()
    };
    (0..count).map(|_| one()).collect()
}

/// Intervals of the fit to the mean of clusters of equal weight.
fn over(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    clusters: &[Vec<f64>],
    weights: Option<&[f64]>,
) -> Result<ClusterIntervals> {
    let mean: Vec<f64> = (0..pairs.len())
        .map(|k| clusters.iter().map(|c| c[k.min(c.len() - 1)]).sum::<f64>() / clusters.len() as f64)
        .collect();
    let fit = MarginFitter::new(task.graph(), pairs)?.fit(&mean)?;
    margin_intervals(task.graph(), pairs, &fit, clusters, weights)
}

const REPORTED: [Parameter; 5] =
    [Parameter::Conjunctivity, Parameter::Strength, Parameter::Gain, Parameter::Screening, Parameter::Memorization];

fn five(i: &ClusterIntervals) -> [Interval; 5] {
    REPORTED.map(|parameter| i.intervals.get(parameter).unwrap())
}

#[test]
fn with_little_noise_intervals_are_those_of_the_clusters_own_fits() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    for count in [2, 3, 5, 20] {
        let clusters = seeds(&task, &RidgeModel::new(0.25, 8.0).unwrap(), 1e-4, count, 4);
        let found = over(&task, &pairs, &clusters, None).unwrap();
        assert_eq!(found.clusters, count);
        let fits: Vec<_> = clusters.iter().map(|c| fitter.fit(c).unwrap()).collect();
        let own = REPORTED.map(|p| fits.iter().map(|f| f.estimates.get(p)).collect::<Vec<f64>>());
        for (interval, own) in five(&found).iter().zip(own) {
            let n = count as f64;
            let mean = own.iter().sum::<f64>() / n;
            let variance = own.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
            let half = student_quantile(0.975, n - 1.0) * (variance / n).sqrt();
            let (low, high) = (mean - half, mean + half);
            assert!(
                (interval.low - low).abs() < 0.05 * half && (interval.high - high).abs() < 0.05 * half,
                "{interval:?} {low} {high}"
            );
        }
    }
}

#[test]
fn neither_order_nor_scale_of_the_clusters_matters() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs = all_pairs(7);
    let mut clusters = seeds(&task, &RidgeModel::new(0.2, 4.0).unwrap(), 0.2, 4, 9);
    let a = five(&over(&task, &pairs, &clusters, None).unwrap());
    clusters.reverse();
    clusters.iter_mut().flatten().for_each(|m| *m *= 50.0);
    let b = five(&over(&task, &pairs, &clusters, Some(&[2.0; 4])).unwrap());
    for (k, (a, b)) in a.iter().zip(&b).enumerate() {
        let scale = if k == 2 { 50.0 } else { 1.0 };
        let near = |x: f64, y: f64| x == y || (scale * x / y - 1.0).abs() < 1e-3;
        assert!(near(a.low, b.low) && near(a.high, b.high), "{k}: {a:?} {b:?}");
    }
}

#[test]
fn two_clusters_are_wider_than_ten_and_one_is_refused() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    let clusters = seeds(&task, &RidgeModel::new(0.25, 8.0).unwrap(), 0.2, 10, 2);
    let width = |count: usize| {
        let i = over(&task, &pairs, &clusters[..count], None).unwrap().intervals.conjunctivity.unwrap();
        i.high - i.low
    };
    assert!(width(2) > 3.0 * width(10), "{} {}", width(2), width(10));
    let refused = |clusters: &[Vec<f64>]| over(&task, &pairs, clusters, None).unwrap_err().to_string();
    assert!(refused(&clusters[..1]).contains("at least 2"));
    assert!(refused(&[clusters[0].clone(), vec![1.0]]).contains("cluster 1 has 1 margins"));
    assert!(over(&task, &pairs, &clusters[..2], Some(&[1.0])).is_err());
}

#[test]
fn limits_and_what_is_not_identified_reach_the_end_of_the_range() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    // The truth lies at an end, so that the interval holds it but for two and a half percent.
    for (model, seed) in (0..8)
        .flat_map(|s| [(RidgeModel::new(0.0, 5.0).unwrap(), s), (RidgeModel::new(0.2, f64::INFINITY).unwrap(), s)])
    {
        let clusters = seeds(&task, &model, 0.05, 5, seed);
        let mean: Vec<f64> = (0..36).map(|k| clusters.iter().map(|c| c[k]).sum::<f64>() / 5.0).collect();
        let fit = MarginFitter::new(task.graph(), &pairs).unwrap().fit(&mean).unwrap();
        let i = over(&task, &pairs, &clusters, None).unwrap();
        let (a, c) = (i.intervals.conjunctivity.unwrap(), i.intervals.strength.unwrap());
        assert!(fit.estimates.conjunctivity > 0.0 || a.low == 0.0, "{fit:?} {i:?}");
        assert!(fit.estimates.strength.is_finite() || c.high.is_infinite(), "{fit:?} {i:?}");
        assert!(a.low <= fit.estimates.conjunctivity && fit.estimates.conjunctivity <= a.high + 1e-9, "{fit:?} {i:?}");
        assert!(c.low <= fit.estimates.strength && fit.estimates.strength <= c.high * (1.0 + 1e-6), "{fit:?} {i:?}");
    }
    // Untrained pairs tell neither α nor C.
    let untrained: Vec<_> = pairs.iter().copied().filter(|&(i, j)| j > i + 1 && (i, j) != (3, 5)).collect();
    let kept = |c: &Vec<f64>| {
        pairs.iter().zip(c).filter(|(p, _)| untrained.contains(p)).map(|(_, m)| *m).collect::<Vec<f64>>()
    };
    let clusters: Vec<_> = seeds(&task, &RidgeModel::new(0.3, 5.0).unwrap(), 0.05, 6, 1).iter().map(kept).collect();
    let i = over(&task, &untrained, &clusters, None).unwrap();
    let whole = |i: Option<Interval>| i.is_some_and(|i| i.low == 0.0 && i.high >= 1.0);
    assert!(whole(i.intervals.memorization) && i.intervals.strength.is_some_and(|c| c.high.is_infinite()), "{i:?}");
    assert!(i.intervals.gain.is_some_and(|g| g.low < 3.0 && g.high > 3.0 && g.high < 6.0), "{i:?}");
    // No signal: everything is open.
    let silent = vec![vec![0.0; 36]; 3];
    let i = over(&task, &pairs, &silent, None).unwrap();
    assert!(whole(i.intervals.conjunctivity) && whole(i.intervals.gain) && whole(i.intervals.memorization), "{i:?}");
}

#[test]
fn a_position_bias_that_nothing_holds_back_is_infinite() {
    let task = TransitiveTask::new(5, &[]).unwrap();
    let pairs: Vec<_> = (0..25).map(|k| (k / 5, k % 5)).filter(|(i, j)| i != j).collect();
    let spec = ModelSpec::new(LearnerKind::Ridge).with_position_bias();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &pairs).unwrap();
    for (share, bias) in [(1.0, f64::INFINITY), (0.0, f64::NEG_INFINITY)] {
        let one =
            |&(first, second): &(usize, usize)| ChoiceCount { first, second, first_chosen: 20.0 * share, trials: 20.0 };
        let clusters: Vec<Vec<ChoiceCount>> = vec![pairs.iter().map(one).collect(); 3];
        let fit = fitter.fit(&clusters).unwrap();
        assert_eq!(fit.estimates.position_bias, bias, "{:?}", fit.estimates);
        assert!(fit.margins.iter().chain(&fit.probabilities).all(|x| x.is_finite()));
        let i = fitter.cluster_intervals(&fit, &clusters).unwrap().intervals.position_bias.unwrap();
        assert!(if bias > 0.0 { i.high == bias && i.low < bias } else { i.low == bias && i.high > bias }, "{i:?}");
    }
    // One choice against it in a thousand is enough.
    let one = |&(first, second): &(usize, usize)| ChoiceCount { first, second, first_chosen: 999.0, trials: 1000.0 };
    let fit = fitter.fit(&[pairs.iter().map(one).collect()]).unwrap();
    assert!((fit.estimates.position_bias - 999f64.ln()).abs() < 1e-3, "{:?}", fit.estimates);
}

#[test]
fn an_estimate_at_an_end_that_all_clusters_pull_beyond_is_no_more_certain_than_by_its_likelihood() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = all_pairs(9);
    let margins = |c: f64| {
        let s = chain::solve(&task, &RidgeModel::new(0.3, c).unwrap()).unwrap();
        pairs.iter().map(|&(i, j)| s.margin(i, j)).collect::<Vec<f64>>()
    };
    // C beyond ∞: further from C = 20 than ∞ is, in every cluster.
    let (at_end, inside) = (margins(f64::INFINITY), margins(20.0));
    let clusters: Vec<Vec<MarginObservation>> = (0..5)
        .map(|k| {
            let beyond = 1.0 + 0.1 * f64::from(k);
            let value = |p: usize| at_end[p] + beyond * (at_end[p] - inside[p]);
            (0..pairs.len())
                .map(|p| MarginObservation { first: pairs[p].0, second: pairs[p].1, margin: value(p), weight: 1.0 })
                .collect()
        })
        .collect();
    let fitter = MarginModelFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &pairs).unwrap();
    let fit = fitter.fit(&clusters).unwrap();
    assert!(fit.estimates.strength.is_infinite(), "{fit:?}");
    let over = fitter.cluster_intervals(&fit, &clusters).unwrap().intervals.strength.unwrap();
    let profile = fitter.intervals(&fit, &clusters).unwrap().strength.unwrap().interval;
    assert!(over.high.is_infinite() && over.low <= profile.low * (1.0 + 1e-3), "{over:?} {profile:?}");

    // Fewer errors than any rate of lapses explains: the share of every choice further from chance than λ = 0 has it.
    let both: Vec<_> = (0..81).map(|k| (k / 9, k % 9)).filter(|(i, j)| i != j).collect();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge).with_lapse(), &both).unwrap();
    let s = chain::solve(&task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
    let clusters: Vec<Vec<ChoiceCount>> = (0..5)
        .map(|k| {
            let lapse = -0.02 - 0.002 * f64::from(k);
            let share = |(i, j): (usize, usize)| 0.5 * lapse + (1.0 - lapse) * sigmoid(3.0 * s.margin(i, j));
            let one = |&(first, second): &(usize, usize)| ChoiceCount {
                first,
                second,
                first_chosen: 50.0 * share((first, second)).clamp(0.0, 1.0),
                trials: 50.0,
            };
            both.iter().map(one).collect()
        })
        .collect();
    let fit = fitter.fit(&clusters).unwrap();
    assert!(fit.estimates.lapse < 1e-6, "{:?}", fit.estimates);
    let over = fitter.cluster_intervals(&fit, &clusters).unwrap().intervals.lapse.unwrap();
    let profile = fitter.intervals(&fit, &clusters).unwrap().lapse.unwrap().interval;
    assert!(over.low == 0.0 && over.high >= profile.high * (1.0 - 1e-3), "{over:?} {profile:?}");
}

#[test]
fn people_who_never_err_have_the_interval_of_the_likelihood() {
    let task = TransitiveTask::new(4, &[]).unwrap();
    let pairs: Vec<_> = (0..4).flat_map(|i| (i + 1..4).map(move |j| (i, j))).collect();
    let one = |&(first, second): &(usize, usize)| ChoiceCount { first, second, first_chosen: 16.0, trials: 16.0 };
    let clusters: Vec<Vec<ChoiceCount>> = (0..4).map(|_| pairs.iter().map(one).collect()).collect();
    for spec in [ModelSpec::new(LearnerKind::Ridge), ModelSpec::new(LearnerKind::Ridge).with_lapse()] {
        let fitter = ChoiceFitter::new(task.graph(), &spec, &pairs).unwrap();
        let fit = fitter.fit(&clusters).unwrap();
        assert!(fit.estimates.saturated, "{fit:?}");
        let over = fitter.cluster_intervals(&fit, &clusters).unwrap();
        let profile = fitter.intervals(&fit, &clusters).unwrap();
        for parameter in spec.parameters() {
            let (over, likely) = (over.intervals.get(parameter).unwrap(), profile.get(parameter).unwrap().interval);
            let estimate = fit.estimates.get(parameter);
            assert!(over.low <= likely.low && over.high >= likely.high, "{parameter:?} {over:?} {likely:?}");
            assert!(over.low <= estimate && estimate <= over.high, "{parameter:?} {over:?} {estimate}");
        }
        assert!(over.intervals.gain.unwrap().high.is_infinite());
        // Resampling people who all do the same tells nothing.
        let resampled = fitter.bootstrap(&fit, &clusters, 50, 1).unwrap();
        assert!(
            resampled.intervals.gain.unwrap().low.is_nan() && resampled.intervals.strength.unwrap().high.is_nan(),
            "{resampled:?}"
        );
    }
}

#[test]
fn people_who_err_alike_have_the_interval_of_the_likelihood() {
    let task = TransitiveTask::new(6, &[(3, 1)]).unwrap();
    let pairs: Vec<_> = (0..36).map(|k| (k / 6, k % 6)).filter(|(i, j)| i != j).collect();
    let truth = chain::solve(&task, &RidgeModel::new(0.2, 5.0).unwrap()).unwrap();
    let one = |&(first, second): &(usize, usize)| ChoiceCount {
        first,
        second,
        first_chosen: (12.0 * sigmoid(3.0 * truth.margin(first, second))).round(),
        trials: 12.0,
    };
    let person: Vec<ChoiceCount> = pairs.iter().map(one).collect();
    let clusters = [person.clone(), person.iter().rev().copied().collect()];
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &pairs).unwrap();
    let fit = fitter.fit(&clusters).unwrap();
    let over = fitter.cluster_intervals(&fit, &clusters).unwrap();
    let profile = fitter.intervals(&fit, &clusters).unwrap();
    for parameter in ModelSpec::new(LearnerKind::Ridge).parameters() {
        let (over, likely) = (over.intervals.get(parameter).unwrap(), profile.get(parameter).unwrap().interval);
        for (a, b) in [(over.low, likely.low), (over.high, likely.high)] {
            assert!((a - b).abs() <= 1e-4 * b.abs() || a == b, "{parameter:?} {over:?} {likely:?}");
        }
    }
    let (screening, e) = (over.intervals.screening.unwrap(), fit.estimates);
    assert!(screening.low < 0.95 * e.screening && screening.high > 1.05 * e.screening, "{screening:?} {e:?}");
}

#[test]
fn a_value_that_the_data_exclude_is_not_accepted_for_what_another_parameter_might_be_beyond_its_range() {
    let task = TransitiveTask::new(5, &[]).unwrap();
    let pairs: Vec<_> = (0..25).map(|k| (k / 5, k % 5)).filter(|(i, j)| i != j).collect();
    let truth = chain::solve(&task, &RidgeModel::new(0.5, 3.0).unwrap()).unwrap();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &pairs).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (mut excluded, mut reached) = (0, [0; 2]);
    for _ in 0..40 {
        let mut one = |&(first, second): &(usize, usize)| {
            let p = sigmoid(3.0 * truth.margin(first, second));
            let first_chosen = (0..6).filter(|_| rng.random::<f64>() < p).count() as f64;
            ChoiceCount { first, second, first_chosen, trials: 6.0 }
        };
        let clusters: Vec<Vec<ChoiceCount>> = (0..5).map(|_| pairs.iter().map(&mut one).collect()).collect();
        let fit = fitter.fit(&clusters).unwrap();
        let over = fitter.cluster_intervals(&fit, &clusters).unwrap();
        let likely = fitter.intervals(&fit, &clusters).unwrap();
        // All ends of the likelihood are far from 0, and C is poorly known.
        if likely.conjunctivity.unwrap().interval.low > 0.1 && likely.gain.unwrap().interval.low > 0.5 {
            excluded += 1;
            reached[0] += usize::from(over.intervals.conjunctivity.unwrap().low == 0.0);
            reached[1] += usize::from(over.intervals.gain.unwrap().low == 0.0);
        }
    }
    assert!(excluded >= 35 && reached.iter().all(|&r| r <= 2), "{excluded} {reached:?}");
}

#[test]
fn copies_of_margins_say_no_more_than_one() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let one = seeds(&task, &RidgeModel::new(0.2, 5.0).unwrap(), 0.1, 1, 3).remove(0);
    let of =
        |count: usize, weights: Option<&[f64]>| over(&task, &all_pairs(7), &vec![one.clone(); count], weights).unwrap();
    let (two, nine) = (of(2, None), of(9, None));
    let weighted = of(3, Some(&[1.0, 2.0, 0.3]));
    for other in [nine, weighted] {
        for (a, b) in five(&two).into_iter().zip(five(&other)) {
            assert!(a.low < a.high && (a.low - b.low).abs() <= 1e-4 * b.low.abs(), "{a:?} {b:?}");
            assert!(a.high == b.high || (a.high - b.high).abs() <= 1e-4 * b.high.abs(), "{a:?} {b:?}");
        }
    }
    // As wide as the interval of the one, whose residuals say how far the theory is off.
    let observed: Vec<MarginObservation> = all_pairs(7)
        .iter()
        .zip(&one)
        .map(|(&(first, second), &margin)| MarginObservation { first, second, margin, weight: 1.0 })
        .collect();
    let fitter = MarginModelFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &all_pairs(7)).unwrap();
    let fit = fitter.fit(std::slice::from_ref(&observed)).unwrap();
    let profile = fitter.intervals(&fit, &[observed]).unwrap().conjunctivity.unwrap().interval;
    let alpha = two.intervals.conjunctivity.unwrap();
    assert!(
        (alpha.low - profile.low).abs() < 1e-4 && (alpha.high - profile.high).abs() < 1e-4,
        "{alpha:?} {profile:?}"
    );
}

#[test]
fn intervals_reach_the_limits_that_the_data_allow() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs: Vec<_> = (0..81).map(|k| (k / 9, k % 9)).filter(|(i, j)| i != j).collect();
    let fitter = ChoiceFitter::new(task.graph(), &ModelSpec::new(LearnerKind::Ridge), &pairs).unwrap();
    let of = |margins: &dyn Fn(usize, usize) -> f64| {
        let one = |&(first, second): &(usize, usize)| ChoiceCount {
            first,
            second,
            first_chosen: 6.0 * sigmoid(margins(first, second)),
            trials: 6.0,
        };
        let clusters = vec![pairs.iter().map(one).collect::<Vec<_>>()];
        let fit = fitter.fit(&clusters).unwrap();
        let found = fitter.intervals(&fit, &clusters).unwrap();
        (fit.estimates, [found.conjunctivity, found.strength, found.gain].map(|i| i.unwrap().interval))
    };
    // Additive: C is ∞ at α = 0 and any m, which the plane's box does not reach.
    let additive = chain::solve(&task, &RidgeModel::new(0.0, f64::INFINITY).unwrap()).unwrap();
    let (e, [alpha, c, _]) = of(&|i, j| 3.0 * additive.margin(i, j));
    assert!(e.limit == Some(FitLimit::Additive) && alpha.low == 0.0 && c.high.is_infinite(), "{e:?} {alpha:?} {c:?}");
    // Chance but for a little: with C → 0 any gain.
    let weak = chain::solve(&task, &RidgeModel::new(0.2, 5.0).unwrap()).unwrap();
    let (e, [_, c, gain]) = of(&|i, j| 0.1 * weak.margin(i, j));
    assert!(c.low == 0.0 && gain.high.is_infinite(), "{e:?} {c:?} {gain:?}");
}
