//! The routes of the flow against each other, a matrix exponential, time stepping, and the limits of the theory.

use super::rates::filled;
use super::*;
use crate::comparison_graph::{Comparison, PresentationOrder, Trial};
use crate::error::TheoryError;
use crate::kernel::{ExchangeableKernel, RidgeModel};
use crate::margins::laplacian::{Preconditioner, SparseSolver};
use crate::margins::{Margins, graph};
use crate::numeric::vectors::largest;
use crate::task::TransitiveTask;
use faer::Mat;
use proptest::prelude::*;

const INF: f64 = f64::INFINITY;

fn wins(n: usize, wins: &[(usize, usize, f64)]) -> ComparisonGraph {
    let wins = wins.iter().map(|&(winner, loser, weight)| Comparison { winner, loser, weight });
    ComparisonGraph::new(n, wins).unwrap()
}

/// Connected or not, with repeated, contradictory comparisons; half of them of equal weights.
fn comparisons() -> impl Strategy<Value = ComparisonGraph> {
    (2usize..10, any::<bool>()).prop_flat_map(|(n, equal)| {
        prop::collection::vec((0..n, 0..n, 0.2..4.0f64), 1..24).prop_filter_map("no comparison", move |all| {
            let mut seen = std::collections::BTreeSet::new();
            let all = all.into_iter().filter(|w| w.0 != w.1);
            let kept: Vec<_> = all.filter(|w| !equal || seen.insert((w.0.min(w.1), w.0.max(w.1)))).collect();
            (!kept.is_empty()).then(|| {
                wins(n, &kept.iter().map(|&(a, b, w)| (a, b, if equal { 1.5 } else { w })).collect::<Vec<_>>())
            })
        })
    })
}

fn conjunctivity() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0), 1 => (0.0..4.0f64).prop_map(|x| 10f64.powf(-x))]
}

fn time() -> impl Strategy<Value = f64> {
    prop_oneof![8 => (-6.0..4.0f64).prop_map(|x| 10f64.powf(x)), 1 => Just(INF), 1 => Just(0.0)]
}

/// Largest difference relative to the largest margin, or to 1e-2 of what one pair alone learns by then: labels may
/// cancel.
fn disagreement(a: &[f64], b: &[f64], t: f64) -> f64 {
    let scale = largest(a).max(1e-2 * filled(1.0, t)).max(f64::MIN_POSITIVE);
    a.iter().zip(b).fold(0.0_f64, |m, (x, y)| m.max((x - y).abs() / scale))
}

/// The ODE da/dt = W(y − Ka) over all ordered trials on a kernel that is not normalized, as z′ = Az with z = (a, 1).
struct OrderedPairs {
    n_items: usize,
    trials: Vec<Trial>,
    kernel: ExchangeableKernel,
    system: Mat<f64>,
}

impl OrderedPairs {
    fn new(g: &ComparisonGraph, kernel: ExchangeableKernel) -> Self {
        let trials = g.trials();
        let pair = |t: &Trial| (t.first, t.second);
        let m = trials.len();
        let system = Mat::from_fn(m + 1, m + 1, |a, b| match (a < m, b < m) {
            (true, true) => -trials[a].weight * kernel.value(pair(&trials[a]), pair(&trials[b])),
            (true, false) => trials[a].weight * trials[a].label,
            _ => 0.0,
        });
        Self { n_items: g.n_items(), trials, kernel, system }
    }

    fn margins(&self, dual: impl Fn(usize) -> f64) -> Vec<f64> {
        let n = self.n_items;
        let at = |i: usize, j: usize| -> f64 {
            if i == j {
                return 0.0;
            }
            let terms = self.trials.iter().enumerate();
            terms.map(|(k, t)| dual(k) * self.kernel.value((i, j), (t.first, t.second))).sum()
        };
        (0..n * n).map(|e| at(e / n, e % n)).collect()
    }

    /// e^{At} by scaling and squaring of a Taylor series.
    fn exponential(&self, time: f64) -> Mat<f64> {
        let size = self.system.nrows();
        let norm = time * self.system.norm_l2();
        let halvings = norm.log2().ceil().max(0.0) as i32 + 2;
        let small = &self.system * faer::Scale(time / 2f64.powi(halvings));
        let (mut sum, mut term) = (Mat::<f64>::identity(size, size), Mat::<f64>::identity(size, size));
        for k in 1..20 {
            term = &term * &small * faer::Scale(1.0 / k as f64);
            sum += &term;
        }
        for _ in 0..halvings {
            sum = &sum * &sum;
        }
        sum
    }

    fn by_exponential(&self, time: f64) -> Vec<f64> {
        let e = self.exponential(time);
        self.margins(|k| e[(k, e.ncols() - 1)])
    }

    /// Classical Runge–Kutta of fourth order.
    fn by_time_stepping(&self, time: f64, steps: usize) -> Vec<f64> {
        let size = self.system.nrows();
        let dt = faer::Scale(time / steps as f64);
        let mut z = Mat::from_fn(size, 1, |i, _| if i + 1 == size { 1.0 } else { 0.0 });
        for _ in 0..steps {
            let k1 = &self.system * &z * dt;
            let k2 = &self.system * (&z + &k1 * faer::Scale(0.5)) * dt;
            let k3 = &self.system * (&z + &k2 * faer::Scale(0.5)) * dt;
            let k4 = &self.system * (&z + &k3) * dt;
            z += (&k1 + (&k2 + &k3) * faer::Scale(2.0) + &k4) * faer::Scale(1.0 / 6.0);
        }
        self.margins(|k| z[(k, 0)])
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn spectral_and_krylov_routes_agree_on_any_graph(g in comparisons(), alpha in conjunctivity(), t in time()) {
        let spectral = solve(&g, alpha, t, Some(Route::Spectral)).unwrap();
        let krylov = solve(&g, alpha, t, Some(Route::Krylov)).unwrap();
        let d = disagreement(&spectral.matrix(), &krylov.matrix(), t);
        prop_assert!(d <= 1e-10, "{d:e} {:?}", krylov.info);
        prop_assert!(krylov.info.error_estimate <= 2e-10 && spectral.info.error_estimate <= 1e-9);
    }

    #[test]
    fn three_routes_agree_on_the_plain_chain(n in 2usize..40, w in 0.1..4.0f64, alpha in conjunctivity(), t in time()) {
        let chain = wins(n, &(1..n).map(|i| (i - 1, i, w)).collect::<Vec<_>>());
        let closed = solve(&chain, alpha, t, Some(Route::Chain)).unwrap();
        for route in [Route::Spectral, Route::Krylov] {
            let other = solve(&chain, alpha, t, Some(route)).unwrap();
            let d = disagreement(&closed.matrix(), &other.matrix(), t);
            prop_assert!(d <= 1e-10, "{route:?} {d:e}");
        }
    }

    #[test]
    fn the_flow_is_the_exponential_of_the_ordered_pairs_ode(
        g in comparisons(), alpha in conjunctivity(), log_t in -3.0..2.0f64, scale in 0.2..3.0f64,
        symmetric in 0.0..0.5f64,
    ) {
        // A kernel of that α on its own scale, with a constant and a symmetric part: t = (κ_id − κ_flip)·time.
        let (shared, flip) = (scale * (1.0 - alpha) / 2.0 + 0.3, symmetric + 0.3);
        let kernel = ExchangeableKernel::from_orbits([scale + flip, flip, shared, shared, 0.3, 0.3]).unwrap();
        prop_assert!((kernel.conjunctivity() - alpha).abs() < 1e-14);
        let time = 10f64.powf(log_t);
        let reference = OrderedPairs::new(&g, kernel).by_exponential(time);
        let flow = solve(&g, alpha, scale * time, None).unwrap();
        let d = disagreement(&reference, &flow.matrix(), scale * time);
        // The reference loses eps·‖K‖·t: ‖K‖ < 100, t < 100.
        prop_assert!(d <= 1e-10, "{d:e}");
    }

    #[test]
    fn an_endless_flow_is_the_ridgeless_solution(g in comparisons(), alpha in conjunctivity()) {
        let model = RidgeModel::new(alpha, INF).unwrap();
        let solver = SparseSolver { preconditioner: Preconditioner::Diagonal, ..SparseSolver::default() };
        let ridge = graph::solve_with(&g, &model, &solver).unwrap();
        for route in [Route::Spectral, Route::Krylov] {
            let flow = solve(&g, alpha, INF, Some(route)).unwrap();
            let scale = largest(&flow.trained).max(1e-3);
            for (x, y) in flow.matrix().iter().zip(ridge.matrix()) {
                prop_assert!((x - y).abs() <= 1e-10 * scale, "{route:?} {x:e} {y:e}");
            }
        }
    }

    #[test]
    fn training_error_falls_and_the_flow_is_a_semigroup(
        g in comparisons(), alpha in conjunctivity(), s in 0.01..3.0f64, t in 0.01..3.0f64,
    ) {
        let error = |f: &FlowSolution| -> f64 {
            g.edges().iter().zip(&f.trained).map(|(e, f)| e.weight() * (e.label() - f).powi(2)).sum()
        };
        let (early, late) = (solve(&g, alpha, s, None).unwrap(), solve(&g, alpha, s + t, None).unwrap());
        prop_assert!(error(&late) <= error(&early) * (1.0 + 1e-12) + 1e-28);
        // What is left at s is learned from s on as fresh labels: f(s + t) = f(s) + flow of the residual. Halved and by
        // √m, for labels must lie in [−1, 1].
        let lightest = g.edges().iter().fold(4.0_f64, |m, e| m.min(e.weight()));
        let shrink = 0.125 * lightest / (g.edges().len() as f64).sqrt();
        let residual = g.edges().iter().zip(&early.trained).flat_map(|(e, f)| {
            let (y, (i, j)) = (shrink * (e.label() - f), e.items());
            let share = |sign: f64| e.weight() * (1.0 + sign * y) / 2.0;
            [(i, j, share(1.0)), (j, i, share(-1.0))]
        });
        let rest = wins(g.n_items(), &residual.collect::<Vec<_>>());
        let rest = solve(&rest, alpha, t, None).unwrap();
        for ((a, b), c) in early.matrix().iter().zip(rest.matrix()).zip(late.matrix()) {
            prop_assert!((a + b / shrink - c).abs() <= 1e-10, "{a} {b} {c}");
        }
    }

    #[test]
    fn early_margins_are_hebbian_with_full_relative_precision(
        g in comparisons(), alpha in conjunctivity(), log_t in -290.0..-12.0f64,
    ) {
        let t = 10f64.powf(log_t);
        let flow = solve(&g, alpha, t, None).unwrap();
        let net = g.divergence(g.edges().iter().map(|e| e.first_wins - e.second_wins));
        let h = (1.0 - alpha) / 2.0;
        let hebbian = |i: usize, j: usize| {
            let own = g.edge_index(i, j).map_or(0.0, |at| {
                let e = &g.edges()[at];
                (if i < j { 1.0 } else { -1.0 }) * alpha * (e.first_wins - e.second_wins)
            });
            h * (net[i] - net[j]) + own
        };
        for i in 0..g.n_items() {
            for j in 0..g.n_items() {
                // Next order ‖KW‖²t‖y‖ < 1e5·t; rounding of sums of at most 24 weights of at most 100 in all.
                let (f, expected) = (flow.margin(i, j) / t, hebbian(i, j));
                prop_assert!((f - expected).abs() <= 1e5 * t + 2_400.0 * f64::EPSILON, "{f} {expected}");
            }
        }
    }

    #[test]
    fn margins_are_antisymmetric_and_ranks_centered(g in comparisons(), alpha in conjunctivity(), t in time()) {
        let flow = solve(&g, alpha, t, None).unwrap();
        for i in 0..g.n_items() {
            prop_assert_eq!(flow.margin(i, i), 0.0);
            for j in 0..g.n_items() {
                prop_assert_eq!(flow.margin(i, j), -flow.margin(j, i));
            }
        }
        let (sum, scale) = (flow.ranks.iter().sum::<f64>(), 1.0 + largest(&flow.ranks));
        prop_assert!(sum.abs() <= 1e-12 * scale * g.n_items() as f64);
    }
}

#[test]
fn time_stepping_of_the_ordered_pairs_reaches_the_same_margins() {
    for (g, alpha) in [
        (TransitiveTask::new(9, &[(5, 3)]).unwrap().graph().clone(), 0.2),
        (TransitiveTask::new(6, &[(4, 1)]).unwrap().with_weight(4, 1, 2.5).unwrap().graph().clone(), 0.4),
    ] {
        let kernel = ExchangeableKernel::from_conjunctivity(alpha).unwrap();
        let ode = OrderedPairs::new(&g, kernel);
        for t in [0.3, 2.0, 8.0] {
            // Fourth order: (‖K‖t/steps)⁴·‖K‖t < (2.5e-2)⁴·100/120 ≈ 3e-7 a bound, far less for the slow modes.
            let stepped = ode.by_time_stepping(t, 4_000);
            let flow = solve(&g, alpha, t, None).unwrap();
            let d = disagreement(&flow.matrix(), &stepped, t);
            assert!(d <= 1e-9, "t {t}: {d:e}");
        }
    }
}

#[test]
fn no_time_gives_no_margin() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    for route in [Route::Spectral, Route::Krylov] {
        let flow = solve(task.graph(), 0.3, 0.0, Some(route)).unwrap();
        assert!(flow.matrix().iter().all(|f| *f == 0.0));
        assert_eq!(flow.sign(0, 1), 0);
    }
}

#[test]
fn a_conjunctive_kernel_learns_each_pair_alone() {
    let g = wins(5, &[(0, 1, 1.0), (1, 2, 1.0), (3, 1, 1.0)]);
    for t in [1e-9, 0.7, 30.0, INF] {
        let flow = solve(&g, 1.0, t, None).unwrap();
        assert!(flow.ranks.iter().all(|r| *r == 0.0));
        assert_eq!(flow.margin(0, 1), -(-t).exp_m1());
        assert_eq!(flow.margin(3, 1), -(-t).exp_m1());
        assert_eq!(flow.margin(0, 2), 0.0);
    }
}

#[test]
fn two_items_follow_one_exponential() {
    // ⟨b, b⟩ = 2, so K = 1 whatever α.
    for alpha in [0.0, 0.3, 1.0] {
        for route in [Route::Chain, Route::Spectral, Route::Krylov] {
            let flow = solve(&wins(2, &[(0, 1, 2.0)]), alpha, 0.4, Some(route)).map(|f| f.margin(0, 1)).unwrap();
            assert!((flow + (-0.8_f64).exp_m1()).abs() < 4.0 * f64::EPSILON, "{flow}");
        }
    }
}

#[test]
fn far_pairs_of_the_plain_chain_keep_their_sign_below_rounding() {
    let task = TransitiveTask::new(200, &[]).unwrap();
    let flow = solve(task.graph(), 0.2, 1.0, None).unwrap();
    assert_eq!(flow.info.route, Route::Chain);
    let accuracy = flow.accuracy(&task.classes().unwrap());
    assert_eq!((accuracy.premise, accuracy.within_section), (Some(1.0), Some(1.0)));
}

#[test]
fn unequal_weights_with_small_conjunctivity_keep_their_ranks() {
    // Where α → 0 the flow tends to the additive one, continuously: the ranks must not lose eps/α.
    let g = wins(5, &[(0, 1, 1.0), (1, 2, 3.0), (2, 0, 0.5), (2, 3, 1.0), (4, 3, 2.0)]);
    let additive = solve(&g, 0.0, 5.0, None).unwrap();
    for route in [Route::Spectral, Route::Krylov] {
        let nearly = solve(&g, 1e-13, 5.0, Some(route)).unwrap();
        let d = disagreement(&additive.ranks, &nearly.ranks, 5.0);
        assert!(d < 1e-10, "{route:?} {d:e}");
    }
}

#[test]
fn a_large_graph_is_solved_by_krylov_to_its_estimate() {
    // A ring with chords, 30 000 items and 60 000 pairs.
    let n = 30_000;
    let all = (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i * 7919 + 13) % n)]).filter(|w| w.0 != w.1);
    let g = ComparisonGraph::new(n, all.map(|(w, l)| Comparison::new(w, l))).unwrap();
    let flow = solve(&g, 0.1, 3.0, None).unwrap();
    assert_eq!(flow.info.route, Route::Krylov);
    assert!(flow.info.error_estimate <= 2e-10 && flow.info.iterations < 100, "{:?}", flow.info);
    let longer = solve(&g, 0.1, 1e6, None).unwrap();
    let ridge = graph::solve(&g, &RidgeModel::new(0.1, INF).unwrap()).unwrap();
    assert!(disagreement(&ridge.ranks, &longer.ranks, 1e6) < 1e-8);
}

#[test]
fn bad_input_and_unavailable_routes_are_refused_with_a_reason() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    for t in [-1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(matches!(solve(task.graph(), 0.2, t, None), Err(TheoryError::OutOfRange { name: "time", .. })));
    }
    assert!(matches!(solve(task.graph(), 1.2, 1.0, None), Err(TheoryError::OutOfRange { .. })));
    let unavailable = |r: Result<FlowSolution>| matches!(r, Err(TheoryError::RouteUnavailable { .. }));
    assert!(unavailable(solve(task.graph(), 0.2, 1.0, Some(Route::Chain))));
    let once = task.graph().clone().with_order(PresentationOrder::HigherFirst);
    assert!(matches!(solve(&once, 0.2, 1.0, None), Err(TheoryError::NotApplicable { .. })));
    let long = TransitiveTask::new(3_000, &[(20, 10)]).unwrap();
    assert!(unavailable(solve(long.graph(), 0.2, 1.0, Some(Route::Spectral))));
    assert!(solve(long.graph(), 0.2, 20.0, None).is_ok());
}
