//! Tests of the fit: recovery, a search of the plane, limits, weights, other graphs, and joint fits.

use super::*;
use crate::comparison_graph::Comparison;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain, graph};
use crate::task::TransitiveTask;
use proptest::prelude::*;

fn all_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

fn fit(task: &TransitiveTask, margins: &[f64]) -> MarginFit {
    MarginFitter::new(task.graph(), &all_pairs(task.n_items())).unwrap().fit(margins).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn parameters_are_recovered_from_exact_margins(
        alpha in 0.02..0.95f64, log_c in -1.0..2.0f64, log_gain in -2.0..3.0f64, exception in any::<bool>(),
    ) {
        let exceptions: &[_] = if exception { &[(5, 3)] } else { &[] };
        let task = TransitiveTask::new(9, exceptions).unwrap();
        let (c, gain) = (10f64.powf(log_c), 10f64.powf(log_gain));
        let solution = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        let margins: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| gain * solution.margin(i, j)).collect();
        let fit = fit(&task, &margins);
        // The minimum of a sum of squares is found to the square root of its rounding.
        prop_assert!((fit.estimates.conjunctivity - alpha).abs() < 1e-5, "{fit:?}");
        prop_assert!((fit.estimates.strength / c - 1.0).abs() < 1e-4 && (fit.estimates.gain / gain - 1.0).abs() < 1e-4, "{fit:?}");
        prop_assert!(fit.r_squared > 1.0 - 1e-10 && fit.estimates.limit.is_none());
    }
}

#[test]
fn the_fit_is_no_worse_than_a_fine_search_of_the_plane() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    // A deterministic disturbance of a model's margins.
    let solution = chain::solve(&task, &RidgeModel::new(0.25, 4.0).unwrap()).unwrap();
    let observed: Vec<f64> = all_pairs(9)
        .iter()
        .enumerate()
        .map(|(k, &(i, j))| 3.0 * solution.margin(i, j) + 0.4 * (2.4 * k as f64).sin())
        .collect();
    let best = fit(&task, &observed);
    let total: f64 = observed.iter().map(|o| o * o).sum();
    for a in 0..=60 {
        for k in -20..=40 {
            let model = RidgeModel::new(f64::from(a) / 60.0, 10f64.powf(f64::from(k) / 10.0)).unwrap();
            let s = chain::solve(&task, &model).unwrap();
            let f: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| s.margin(i, j)).collect();
            let (of, ff): (f64, f64) =
                observed.iter().zip(&f).fold((0.0, 0.0), |acc, (o, f)| (acc.0 + o * f, acc.1 + f * f));
            let r_squared = of.max(0.0).powi(2) / (ff * total);
            assert!(r_squared <= best.r_squared + 1e-12, "{model:?}: {r_squared} > {}", best.r_squared);
        }
    }
}

#[test]
fn limits_are_reported_as_limits_with_finite_numbers() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    // Hebbian: margins K·y of α = 0.3, times 5.
    let model = RidgeModel::new(0.3, 1e-9).unwrap();
    let s = chain::solve(&task, &model).unwrap();
    let hebbian: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| 5e9 * s.margin(i, j)).collect();
    let f = fit(&task, &hebbian);
    assert_eq!((f.estimates.limit, f.estimates.strength), (Some(FitLimit::Hebbian), 0.0));
    assert!((f.estimates.gain - 5.0).abs() < 1e-5 && (f.estimates.conjunctivity - 0.3).abs() < 1e-6, "{f:?}");
    // Conjunctive: only trained pairs.
    let classes = task.classes().unwrap();
    let conjunctive: Vec<f64> = all_pairs(9)
        .iter()
        .map(|&(i, j)| if classes.is_trained(i, j) { 2.0 * f64::from(classes.label(i, j).unwrap()) } else { 0.0 })
        .collect();
    let f = fit(&task, &conjunctive);
    assert_eq!((f.estimates.limit, f.estimates.conjunctivity), (Some(FitLimit::Conjunctive), 1.0));
    assert!((f.estimates.gain - 2.0).abs() < 1e-12);
    // Additive: unscreened ranks.
    let additive: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| (j - i) as f64).collect();
    let plain = TransitiveTask::new(9, &[]).unwrap();
    let f = fit(&plain, &additive);
    assert_eq!((f.estimates.limit, f.estimates.strength), (Some(FitLimit::Additive), f64::INFINITY));
    assert!((f.r_squared - 1.0).abs() < 1e-12);
    // Reversed margins have no positive gain.
    let reversed: Vec<f64> = additive.iter().map(|m| -m).collect();
    let f = fit(&plain, &reversed);
    assert_eq!((f.estimates.limit, f.estimates.gain, f.r_squared), (Some(FitLimit::NoSignal), 0.0, 0.0));
}

#[test]
fn c_is_per_unit_of_presentation_weight() {
    let mut task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    for e in task.graph().edges().to_vec() {
        task = task.with_weight(e.items().0, e.items().1, 3.0).unwrap();
    }
    let s = chain::solve(&task, &RidgeModel::new(0.3, 2.0).unwrap()).unwrap();
    let observed: Vec<f64> = all_pairs(7).iter().map(|&(i, j)| s.margin(i, j)).collect();
    let f = fit(&task, &observed);
    assert!((f.estimates.strength - 2.0).abs() < 1e-4 && (f.estimates.conjunctivity - 0.3).abs() < 1e-5, "{f:?}");
}

#[test]
fn other_graphs_and_partial_pairs_are_fitted_too() {
    let graph =
        ComparisonGraph::new(5, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (4, 0)].map(|(w, l)| Comparison::new(w, l)))
            .unwrap();
    let pairs = [(0, 1), (1, 3), (2, 4), (0, 4), (4, 1)];
    let s = graph::solve(&graph, &RidgeModel::new(0.4, 3.0).unwrap()).unwrap();
    let observed: Vec<f64> = pairs.iter().map(|&(i, j)| 2.0 * s.margin(i, j)).collect();
    let f = MarginFitter::new(&graph, &pairs).unwrap().fit(&observed).unwrap();
    assert!((f.estimates.conjunctivity - 0.4).abs() < 1e-5 && (f.estimates.strength - 3.0).abs() < 1e-4, "{f:?}");
}

#[test]
fn one_model_is_fitted_to_two_tasks_at_once() {
    let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(11, &[(6, 4)]).unwrap());
    let model = RidgeModel::new(0.3, 6.0).unwrap();
    let mut observed = Vec::new();
    for t in [&plain, &task] {
        let s = chain::solve(t, &model).unwrap();
        observed.extend(all_pairs(t.n_items()).iter().map(|&(i, j)| 2.5 * s.margin(i, j)));
    }
    let fitter = MarginFitter::joint(&[
        ObservedTask { graph: plain.graph(), pairs: &all_pairs(9) },
        ObservedTask { graph: task.graph(), pairs: &all_pairs(11) },
    ]);
    let f = fitter.unwrap().fit(&observed).unwrap();
    assert!(
        (f.estimates.conjunctivity - 0.3).abs() < 1e-5
            && (f.estimates.gain - 2.5).abs() < 1e-4
            && f.n_observations == 36 + 55,
        "{f:?}"
    );
}

#[test]
fn bad_margins_are_refused() {
    let task = TransitiveTask::new(4, &[]).unwrap();
    let fitter = MarginFitter::new(task.graph(), &[(0, 1), (1, 2)]).unwrap();
    assert!(fitter.fit(&[1.0]).is_err());
    assert!(fitter.fit(&[1.0, f64::NAN]).is_err());
    assert!(MarginFitter::new(task.graph(), &[]).is_err());
    assert!(MarginFitter::new(task.graph(), &[(0, 4)]).is_err());
}

#[test]
fn margins_whose_squares_are_out_of_range_are_refused_and_others_fit_alike() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs: Vec<_> = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))).collect();
    let solution = crate::margins::chain::solve(&task, &crate::RidgeModel::new(0.2, 10.0).unwrap()).unwrap();
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    let of = |size: f64| {
        let margins: Vec<f64> = pairs.iter().map(|&(i, j)| size * solution.margin(i, j)).collect();
        fitter.fit(&margins)
    };
    for size in [1e-160, 1e160, 1e300] {
        assert!(of(size).unwrap_err().to_string().contains("multiply all by one number"), "{size}");
    }
    for size in [1e-90, 1.0, 1e90] {
        let fit = of(size).unwrap();
        assert!(
            (fit.estimates.conjunctivity - 0.2).abs() < 1e-6 && (fit.estimates.gain / size - 1.0).abs() < 1e-4,
            "{size} {fit:?}"
        );
    }
}
