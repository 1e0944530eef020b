//! The four routes to the margins agree wherever they apply, and obey the laws of the task.

use caveat_theory::margins::asymmetric::{AsymmetricSolution, System};
use caveat_theory::margins::{chain, dense, graph};
use caveat_theory::{
    Comparison, ComparisonGraph, ExchangeableKernel, Margins, PairClass, PresentationOrder, Result, RidgeModel,
    TransitiveTask, Trial,
};
use proptest::prelude::*;

fn solve_asymmetric(n: usize, trials: &[Trial], kernel: &ExchangeableKernel, c: f64) -> Result<AsymmetricSolution> {
    System::new(n, trials, kernel, c)?.solve()
}

/// α including both ends.
fn conjunctivity() -> impl Strategy<Value = f64> {
    prop_oneof![6 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0), 1 => (0.0..4.0f64).prop_map(|x| 10f64.powf(-x))]
}

/// C over ten decades, and ∞.
fn inverse_ridge() -> impl Strategy<Value = f64> {
    prop_oneof![6 => (-4.0..6.0f64).prop_map(|x| 10f64.powf(x)), 1 => Just(f64::INFINITY)]
}

/// Tasks of 2 to 14 items with up to 4 exceptions, overlapping, nested, adjacent; some pairs reweighted.
fn task() -> impl Strategy<Value = TransitiveTask> {
    (2usize..15).prop_flat_map(|n| {
        let exception = (0..n - 1).prop_flat_map(move |loser| (loser + 1..n, Just(loser)));
        (
            Just(n),
            prop::collection::btree_set(exception, 0..=4.min(n - 1)),
            prop::collection::vec((any::<prop::sample::Index>(), 0.1..5.0f64), 0..4),
        )
            .prop_map(|(n, exceptions, weights)| {
                let exceptions: Vec<_> = exceptions.into_iter().collect();
                let mut task = TransitiveTask::new(n, &exceptions).unwrap();
                for (at, w) in weights {
                    let edges = task.graph().edges();
                    let (i, j) = edges[at.index(edges.len())].items();
                    task = task.with_weight(i, j, w).unwrap();
                }
                task
            })
    })
}

/// Connected or not, with repeated, contradictory, weighted comparisons.
fn comparisons() -> impl Strategy<Value = ComparisonGraph> {
    (2usize..12).prop_flat_map(|n| {
        prop::collection::vec((0..n, 0..n, prop_oneof![Just(1.0), 0.1..5.0f64]), 1..30).prop_filter_map(
            "no self comparisons",
            move |wins| {
                let wins = wins.into_iter().filter(|w| w.0 != w.1);
                ComparisonGraph::new(n, wins.map(|(winner, loser, weight)| Comparison { winner, loser, weight })).ok()
            },
        )
    })
}

fn dense_solution(g: &ComparisonGraph, kernel: &ExchangeableKernel, c: f64) -> dense::DenseSolution {
    dense::solve_exchangeable(g.n_items(), &g.trials(), kernel, c).unwrap()
}

/// Largest difference of two routes' margins relative to the largest margin. Labels of size 1 may cancel to margins at
/// rounding level, so differences below 1e-15 count as none.
fn disagreement(a: &dyn Margins, b: &dyn Margins) -> f64 {
    let (a, b) = (a.matrix(), b.matrix());
    let scale = a.iter().fold(f64::MIN_POSITIVE, |m, f| m.max(f.abs()));
    a.iter().zip(&b).fold(0.0_f64, |m, (x, y)| m.max(((x - y).abs() - 1e-15).max(0.0) / scale))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn all_four_routes_agree_on_tasks(task in task(), alpha in conjunctivity(), c in inverse_ridge()) {
        let model = RidgeModel::new(alpha, c).unwrap();
        let kernel = ExchangeableKernel::from_conjunctivity(alpha).unwrap();
        let chain = chain::solve(&task, &model).unwrap();
        let graph = graph::solve(task.graph(), &model).unwrap();
        let asymmetric = solve_asymmetric(task.n_items(), &task.trials(), &kernel, c).unwrap();
        let dense = dense_solution(task.graph(), &kernel, c);
        prop_assert!(graph.info.relative_residual <= 1e-10);
        // Labels that cancel in every item leave no rank (three items in a cycle do), and a route that goes through the dual
        // coefficients, of size 1/(α + 1/C), has their rounding instead of a relative error.
        let largest = |m: &dyn Margins| m.matrix().iter().fold(0.0_f64, |a, f| a.max(f.abs()));
        let cancels = largest(&chain) <= 1e-14;
        for (name, other) in [("graph", &graph as &dyn Margins), ("asymmetric", &asymmetric), ("dense", &dense)] {
            if cancels {
                let rounding = 64.0 * f64::EPSILON * (1.0 + 1.0 / (alpha + 1.0 / c));
                prop_assert!(largest(other) <= rounding, "{name}: {:e} instead of 0", largest(other));
            } else {
                let d = disagreement(&chain, other);
                prop_assert!(d <= 1e-10, "chain against {name}: {d:e}");
            }
        }
        let ranks = chain.ranks();
        for other in [&asymmetric.ranks(), dense.ranks().unwrap()] {
            for (r, rank) in other.iter().zip(&ranks) {
                prop_assert!((r - rank).abs() <= 1e-10 * (1.0 + ranks[0].abs()));
            }
        }
    }

    #[test]
    fn routes_agree_on_any_graph(g in comparisons(), alpha in conjunctivity(), c in inverse_ridge()) {
        let model = RidgeModel::new(alpha, c).unwrap();
        let kernel = ExchangeableKernel::from_conjunctivity(alpha).unwrap();
        let graph = graph::solve(&g, &model).unwrap();
        let dense = dense_solution(&g, &kernel, c);
        let asymmetric = solve_asymmetric(g.n_items(), &g.trials(), &kernel, c).unwrap();
        let (d, a) = (disagreement(&graph, &dense), disagreement(&graph, &asymmetric));
        prop_assert!(d <= 1e-10 && a <= 1e-10, "graph against dense {d:e}, against asymmetric {a:e}");
    }

    #[test]
    fn position_asymmetric_kernels_and_single_orders_agree_with_dense(
        task in task(), alpha in conjunctivity(), c in inverse_ridge(), bias in 0.0..1.0f64, extra in 0.0..0.5f64,
        order in prop::sample::select(vec![
            PresentationOrder::Both, PresentationOrder::HigherFirst, PresentationOrder::LowerFirst,
            PresentationOrder::WinnerFirst,
        ]),
    ) {
        // Positive combinations of valid kernels: positions weighted differently, a shared constant, a symmetric part.
        let h = (1.0 - alpha) / 2.0;
        let kernel = ExchangeableKernel::from_orbits([
            h * (1.0 + bias) + h * (1.0 - bias) + alpha + extra, 0.3 * extra + 0.5 * alpha, h * (1.0 + bias) + 0.3 * extra,
            h * (1.0 - bias) + 0.3 * extra, 0.3 * extra, 0.3 * extra,
        ]).unwrap();
        kernel.check_definite(task.n_items()).unwrap();
        let task = task.with_order(order);
        let asymmetric = solve_asymmetric(task.n_items(), &task.trials(), &kernel, c).unwrap();
        let dense = dense_solution(task.graph(), &kernel, c);
        let d = disagreement(&dense, &asymmetric);
        prop_assert!(d <= 1e-10, "{d:e}");
    }

    #[test]
    fn margins_are_antisymmetric(task in task(), alpha in conjunctivity(), c in inverse_ridge()) {
        let model = RidgeModel::new(alpha, c).unwrap();
        let chain = chain::solve(&task, &model).unwrap();
        let graph = graph::solve(task.graph(), &model).unwrap();
        for i in 0..task.n_items() {
            for j in 0..task.n_items() {
                prop_assert_eq!(chain.margin(i, j), -chain.margin(j, i));
                prop_assert_eq!(graph.margin(i, j), -graph.margin(j, i));
                prop_assert_eq!(chain.sign(i, j), -chain.sign(j, i));
            }
        }
    }

    #[test]
    fn relabeling_items_permutes_margins(
        (g, order) in comparisons().prop_flat_map(|g| { let n = g.n_items(); (Just(g), Just((0..n).collect::<Vec<_>>()).prop_shuffle()) }),
        alpha in conjunctivity(), c in inverse_ridge(),
    ) {
        let relabeled = ComparisonGraph::new(g.n_items(), g.edges().iter().flat_map(|e| {
            let (i, j) = e.items();
            let wins = [(order[i], order[j], e.first_wins), (order[j], order[i], e.second_wins)];
            wins.into_iter().filter(|w| w.2 > 0.0).map(|(winner, loser, weight)| Comparison { winner, loser, weight })
        })).unwrap();
        let model = RidgeModel::new(alpha, c).unwrap();
        let (a, b) = (graph::solve(&g, &model).unwrap(), graph::solve(&relabeled, &model).unwrap());
        let scale = a.matrix().iter().fold(1e-3_f64, |m, f| m.max(f.abs()));
        for i in 0..g.n_items() {
            for j in 0..g.n_items() {
                prop_assert!((a.margin(i, j) - b.margin(order[i], order[j])).abs() <= 1e-11 * scale);
            }
        }
    }

    #[test]
    fn reversing_the_order_negates_and_mirrors(task in task(), alpha in conjunctivity(), c in inverse_ridge()) {
        let n = task.n_items();
        let mirrored: Vec<_> =
            task.exceptions().iter().map(|e| (n - 1 - e.loser, n - 1 - e.winner)).collect();
        let mut mirror = TransitiveTask::new(n, &mirrored).unwrap();
        for (&(i, j), &w) in task.weights() {
            mirror = mirror.with_weight(n - 1 - i, n - 1 - j, w).unwrap();
        }
        let model = RidgeModel::new(alpha, c).unwrap();
        let (a, b) = (chain::solve(&task, &model).unwrap(), chain::solve(&mirror, &model).unwrap());
        let scale = a.matrix().iter().fold(1e-3_f64, |m, f| m.max(f.abs()));
        for i in 0..n {
            for j in 0..n {
                prop_assert!((a.margin(i, j) + b.margin(n - 1 - i, n - 1 - j)).abs() <= 1e-11 * scale);
            }
        }
    }
}

#[test]
fn a_million_items_solve_by_two_routes_alike() {
    let n = 1_000_000;
    let task = TransitiveTask::new(n, &[(700_000, 400_000), (500_010, 500_000)]).unwrap();
    for (alpha, c) in [(0.1, 10.0), (0.0, 1e6), (0.0, f64::INFINITY), (1e-9, f64::INFINITY), (0.999, 1e-3)] {
        let model = RidgeModel::new(alpha, c).unwrap();
        let chain = chain::solve(&task, &model).unwrap();
        let graph = graph::solve(task.graph(), &model).unwrap();
        let scale = graph.ranks.iter().fold(0.0_f64, |m, r| m.max(r.abs()));
        for i in (0..n).step_by(9_973).chain([399_999, 400_000, 500_005, 700_001, n - 1]) {
            let (x, y) = (chain.rank(i), graph.ranks[i]);
            // Forward error of the sparse solve: eps times a path of up to n items, with a margin.
            assert!((x - y).abs() <= 64.0 * f64::EPSILON * n as f64 * scale, "α {alpha} C {c} item {i}: {x:e} {y:e}");
        }
    }
}

#[test]
fn the_asymmetric_route_tells_signs_however_small_c_is() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let kernel = ExchangeableKernel::from_orbits([1.0, 0.0, 0.4, 0.3, 0.0, 0.0]).unwrap();
    let trials = task.graph().trials();
    let classes = task.classes().unwrap();
    // Signs of the exact rational solution: 2 of 3 in the cycle, 8 of 9 across, 9 of 16 from the cycle.
    let exact = [1.0, 2.0 / 3.0, 1.0, 8.0 / 9.0, 9.0 / 16.0];
    let found = |c: f64| {
        let accuracy = solve_asymmetric(9, &trials, &kernel, c).unwrap().accuracy(&classes);
        PairClass::SCORED.map(|class| accuracy.in_class(class).unwrap())
    };
    for c in [1e-3, 1e-4] {
        assert!(found(c).iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-12), "{c} {:?}", found(c));
    }
    // What is of third order in C is then a tie, and what is of the first order is told.
    for c in [1e-6, 1e-9, 1e-13, 1e-200] {
        let [premise, _, within, cross, _] = found(c);
        assert!(premise == 1.0 && within == 1.0 && cross >= 7.0 / 9.0 - 1e-12, "{c} {:?}", found(c));
    }
    // To first order margins are C times those of the labels, down to the smallest numbers.
    let margins = |c: f64| solve_asymmetric(9, &trials, &kernel, c).unwrap().matrix();
    let (small, tiny) = (margins(1e-12), margins(1e-290));
    for (a, b) in small.iter().zip(&tiny) {
        assert!((a * 1e12 - b * 1e290).abs() < 1e-10, "{a} {b}");
    }
}
