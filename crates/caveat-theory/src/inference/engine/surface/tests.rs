//! Surfaces against the solvers, their slopes against differences, and the box against its limits.

use super::*;
use crate::comparison_graph::Comparison;
use crate::flow;
use crate::kernel::RidgeModel;
use crate::margins::{Margins, chain, graph};
use crate::task::TransitiveTask;
use proptest::prelude::*;

fn ordered(n: usize) -> Vec<(usize, usize)> {
    (0..n * n).map(|k| (k / n, k % n)).filter(|(i, j)| i != j).collect()
}

/// A graph that is no chain, with a contradictory pair; two components.
fn other_graph(weight: f64) -> ComparisonGraph {
    let wins = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (4, 0), (5, 6)].map(|(winner, loser)| (winner, loser, 1.0));
    let mixed = [(6, 7, 0.75), (7, 6, 0.25)];
    ComparisonGraph::new(
        8,
        wins.iter().chain(&mixed).map(|&(winner, loser, w)| Comparison { winner, loser, weight: weight * w }),
    )
    .unwrap()
}

fn agree(found: &[f64], expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0.0_f64, |a, f| a.max(f.abs()));
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance * largest, "{f} {e} of {largest}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn spectral_sums_are_the_margins_of_the_solvers(
        alpha in 0.0..1.0f64, log_s in -6.0..6.0f64, chained in any::<bool>(), weight in 0.2..4.0f64,
    ) {
        let s = log_s.exp();
        let mut task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        for e in task.graph().edges().to_vec() {
            task = task.with_weight(e.items().0, e.items().1, weight).unwrap();
        }
        let graph = if chained { task.graph().clone() } else { other_graph(weight) };
        let pairs = ordered(graph.n_items());
        let model = RidgeModel::new(alpha, s).unwrap();
        let of = |m: &dyn Margins| pairs.iter().map(|&(i, j)| m.margin(i, j)).collect::<Vec<f64>>();
        let ridge = if chained { of(&chain::solve(&task, &model).unwrap()) } else { of(&graph::solve(&graph, &model).unwrap()) };
        let surface = Surface::whole(&graph, LearnerKind::Ridge, &pairs).unwrap();
        agree(&surface.margins(alpha, s).unwrap(), &ridge, 1e-12);
        let surface = Surface::whole(&graph, LearnerKind::GradientFlow, &pairs).unwrap();
        agree(&surface.margins(alpha, s).unwrap(), &of(&flow::solve(&graph, alpha, s, None).unwrap()), 1e-12);
    }

    #[test]
    fn slopes_are_the_limits_of_differences(x in -8.0..8.0f64, z in -8.0..8.0f64, which in 0usize..5, flow in any::<bool>()) {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let learner = if flow { LearnerKind::GradientFlow } else { LearnerKind::Ridge };
        let surface = Surface::whole(task.graph(), learner, &ordered(7)).unwrap();
        let infinity = f64::INFINITY;
        let charts = [Chart::Plane, Chart::AlongStrength { x: -infinity }, Chart::AlongConjunctivity { z: infinity },
            Chart::AlongConjunctivity { z: -infinity }, Chart::Corner];
        let chart = charts[which];
        let (mut at, mut up, mut down) = (Field::default(), Field::default(), Field::default());
        surface.evaluate(chart, [x, z], true, &mut at).unwrap();
        let rms = at.shape.iter().map(|f| f * f).sum::<f64>() / at.shape.len() as f64;
        prop_assert!((rms - 1.0).abs() < 1e-12);
        let step = 1e-4;
        for d in 0..chart.dimension() {
            let moved = |by: f64| { let mut u = [x, z]; u[d] += by; u };
            surface.evaluate(chart, moved(step), true, &mut up).unwrap();
            surface.evaluate(chart, moved(-step), true, &mut down).unwrap();
            // Truncation step²/6 times a third derivative of order 1, and rounding 1e-13/step of 1 − α at large x.
            for k in 0..at.shape.len() {
                let difference = (up.shape[k] - down.shape[k]) / (2.0 * step);
                prop_assert!((at.slopes[d][k] - difference).abs() < 1e-7, "{chart:?} {d} {k}: {} {difference}", at.slopes[d][k]);
            }
            let difference = (up.log_scale - down.log_scale) / (2.0 * step);
            prop_assert!((at.scale_slopes[d] - difference).abs() < 1e-7);
        }
    }
}

#[test]
fn the_box_ends_where_shapes_are_their_limits() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs = ordered(9);
    let infinity = f64::INFINITY;
    for learner in [LearnerKind::Ridge, LearnerKind::GradientFlow] {
        let surface = Surface::whole(task.graph(), learner, &pairs).unwrap();
        let bounds = surface.bounds;
        let shape = |chart: Chart, u: [f64; 2]| {
            let mut field = Field::default();
            surface.evaluate(chart, u, true, &mut field).unwrap();
            field.shape
        };
        for k in 0..=20 {
            let share = f64::from(k) / 20.0;
            let x = bounds.x.0 + share * (bounds.x.1 - bounds.x.0);
            let z = bounds.z.0 + share * (bounds.z.1 - bounds.z.0);
            let close = |a: Vec<f64>, b: Vec<f64>| agree(&a, &b, 1e-6);
            close(shape(Chart::Plane, [x, bounds.z.0]), shape(Chart::AlongConjunctivity { z: -infinity }, [x, 0.0]));
            close(shape(Chart::Plane, [x, bounds.z.1]), shape(Chart::AlongConjunctivity { z: infinity }, [x, 0.0]));
            close(shape(Chart::Plane, [bounds.x.1, z]), shape(Chart::Fixed { x: infinity, z: infinity }, [0.0; 2]));
            if z < -bounds.x.0 - 14.0 {
                close(shape(Chart::Plane, [bounds.x.0, z]), shape(Chart::AlongStrength { x: -infinity }, [z, 0.0]));
            }
            // The corner's line: αs fixes m.
            let logit_m = -9.0 + 18.0 * share;
            let log_rate = match learner {
                LearnerKind::Ridge => logit_m,
                _ => (logit_m.exp().ln_1p()).ln(),
            };
            // Of small m the box keeps a screening of about 1/s.
            let inverse = (bounds.x.0 - log_rate).exp();
            let corner = shape(Chart::Corner, [logit_m, 0.0]);
            agree(&shape(Chart::Plane, [bounds.x.0, log_rate - bounds.x.0]), &corner, 1e-6 + 20.0 * inverse);
        }
    }
}

#[test]
fn strength_zero_gives_margins_per_unit_of_strength() {
    let graph = other_graph(2.5);
    let pairs = ordered(8);
    for learner in [LearnerKind::Ridge, LearnerKind::GradientFlow, LearnerKind::Logistic] {
        // A small region suffices for the logistic margins.
        let surface = Surface::new(&graph, learner, &pairs, Some(0.3), Some(1e-7)).unwrap();
        let limit = surface.shape(0.3, 0.0).unwrap();
        let weak = surface.shape(0.3, 1e-7).unwrap();
        agree(&weak.values, &limit.values, 1e-6);
        assert!((weak.log_scale - 1e-7f64.ln() - limit.log_scale).abs() < 1e-6, "{learner:?}");
    }
}

#[test]
fn the_spline_of_solved_surfaces_is_good_to_its_bound() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let uneven = task.clone().with_weight(4, 2, 3.0).unwrap();
    for (task, learner) in
        [(&task, LearnerKind::Logistic), (&uneven, LearnerKind::Ridge), (&uneven, LearnerKind::GradientFlow)]
    {
        let surface = Surface::whole(task.graph(), learner, &ordered(7)).unwrap();
        assert!(!surface.is_exact());
        let (mut read, mut solved) = (Field::default(), Field::default());
        let mut worst = [0.0f64; 3];
        for k in 0..60 {
            let u = [6.0 * (1.3 * f64::from(k)).sin() - 1.0, 7.0 * (2.1 * f64::from(k)).cos()];
            surface.evaluate(Chart::Plane, u, false, &mut read).unwrap();
            surface.evaluate(Chart::Plane, u, true, &mut solved).unwrap();
            for p in 0..read.shape.len() {
                worst[0] = worst[0].max((read.shape[p] - solved.shape[p]).abs());
                for d in 0..2 {
                    worst[1] = worst[1].max((read.slopes[d][p] - solved.slopes[d][p]).abs());
                }
            }
            worst[2] = worst[2].max((read.log_scale - solved.log_scale).abs());
        }
        println!("{learner:?} {worst:?}");
        assert!(worst[0] < 2e-4 && worst[1] < 2e-3 && worst[2] < 2e-4, "{learner:?} {worst:?}");
    }
    // Unequal weights are the solvers'.
    let surface = Surface::whole(uneven.graph(), LearnerKind::Ridge, &ordered(7)).unwrap();
    let s = chain::solve(&uneven, &RidgeModel::new(0.3, 2.0).unwrap()).unwrap();
    let expected: Vec<f64> = ordered(7).iter().map(|&(i, j)| s.margin(i, j)).collect();
    agree(&surface.margins(0.3, 2.0).unwrap(), &expected, 1e-11);
}

#[test]
fn bad_surfaces_are_refused() {
    let task = TransitiveTask::new(5, &[]).unwrap();
    let new = |pairs: &[(usize, usize)]| Surface::whole(task.graph(), LearnerKind::Ridge, pairs);
    assert!(new(&[]).is_err() && new(&[(0, 5)]).is_err() && new(&[(2, 2)]).is_err());
    let one_order = task.clone().with_order(PresentationOrder::HigherFirst);
    assert!(Surface::whole(one_order.graph(), LearnerKind::Ridge, &[(0, 1)]).is_err());
    let surface = new(&[(0, 1)]).unwrap();
    for (conjunctivity, strength) in
        [(-0.1, 1.0), (1.1, 1.0), (f64::NAN, 1.0), (0.5, -1.0), (0.5, f64::NAN), (0.5, 0.0)]
    {
        assert!(surface.margins(conjunctivity, strength).is_err());
    }
    assert!(Surface::new(task.graph(), LearnerKind::Logistic, &[(0, 1)], None, Some(f64::INFINITY)).is_err());
}

#[test]
fn the_screening_chart_is_the_plane_in_other_coordinates() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs: Vec<_> = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))).collect();
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs).unwrap();
    for (alpha, c) in [(0.2, 5.0), (0.6, 0.3), (1e-3, 50.0)] {
        let model = crate::kernel::RidgeModel::new(alpha, c).unwrap();
        let u = [model.screening(1.0).ln(), logit(model.memorization(1.0))];
        let margins = |u: [f64; 2]| -> Vec<f64> {
            let mut field = Field::default();
            surface.evaluate(Chart::Screening, u, true, &mut field).unwrap();
            field.shape.iter().map(|f| f * field.log_scale.exp()).collect()
        };
        for (a, b) in margins(u).iter().zip(surface.margins(alpha, c).unwrap()) {
            assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()), "{a} {b}");
        }
        let mut field = Field::default();
        surface.evaluate(Chart::Screening, u, true, &mut field).unwrap();
        for d in 0..2 {
            let step = |h: f64| margins(std::array::from_fn(|k| if k == d { u[k] + h } else { u[k] }));
            let (up, down) = (step(1e-5), step(-1e-5));
            for k in 0..pairs.len() {
                let slope = field.log_scale.exp() * (field.slopes[d][k] + field.shape[k] * field.scale_slopes[d]);
                assert!(((up[k] - down[k]) / 2e-5 - slope).abs() < 1e-8, "{d} {k}: {slope}");
            }
        }
    }
}
