//! What `predict` answers: values derived by hand, routes against each other, and the balance window against predictions.

use caveat_analysis::{KernelChoice, PredictOutcome, PredictRequest, predict, task_table};
use caveat_results::Values;
use caveat_theory::{Learner, PairClass, PresentationOrder, Route, TransitiveTask, balance_window};

/// Nine items, the sixth of which beats the fourth.
fn nine() -> TransitiveTask {
    TransitiveTask::new(9, &[(5, 3)]).unwrap()
}

fn ridge(c: f64) -> Learner {
    Learner::Ridge { c }
}

fn asked(task: &TransitiveTask, alpha: f64, learner: Learner) -> PredictRequest {
    let kernel = KernelChoice::Conjunctivity(alpha);
    PredictRequest { task: task.clone(), kernel, learner, route: None, ranks_only: false }
}

fn answer(task: &TransitiveTask, alpha: f64, learner: Learner) -> PredictOutcome {
    predict(&asked(task, alpha, learner)).unwrap()
}

fn on_orbits(orbits: [f64; 6], c: f64, route: Option<Route>) -> PredictOutcome {
    predict(&PredictRequest { kernel: KernelChoice::Orbits(orbits), route, ..asked(&nine(), 0.0, ridge(c)) }).unwrap()
}

fn in_class(found: &PredictOutcome, class: PairClass) -> Option<f64> {
    found.accuracy.as_ref().unwrap().in_class(class)
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

#[track_caller]
fn assert_margins_agree(a: &PredictOutcome, b: &PredictOutcome, tolerance: f64) {
    let (a, b) = (a.margins.as_ref().unwrap(), b.margins.as_ref().unwrap());
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance));
}

#[test]
fn screening_memorization_and_a_single_pair_follow_from_their_formulas() {
    // μ = 2(α + 1/C)/(1 − α) = 0.6/0.8, m = α/(α + 1/C) = 2/3, and one pair alone is fitted to 1/(1 + 1/C).
    let p = answer(&TransitiveTask::new(2, &[]).unwrap(), 0.2, ridge(10.0));
    assert_close(p.screening, 0.75, 1e-15);
    assert_close(p.memorization, 2.0 / 3.0, 1e-15);
    assert_close(p.ranks.as_ref().unwrap()[0], 1.0 / 2.75, 1e-15);
    assert_close(p.margin(0, 1), 1.0 / 1.1, 1e-15);
}

#[test]
fn ranks_solve_the_screened_poisson_equation_and_margins_follow_from_them() {
    let p = answer(&nine(), 0.2, ridge(10.0));
    let r = p.ranks.as_ref().unwrap();
    let trained = |i: usize, j: usize| i.abs_diff(j) == 1 || (i.min(j), i.max(j)) == (3, 5);
    for i in 0..9 {
        // Winners inject 1, losers −1: the ends of the chain, and the exception's items against the order.
        let source = match i {
            0 | 5 => 1.0,
            3 | 8 => -1.0,
            _ => 0.0,
        };
        let flow: f64 = (0..9).filter(|&j| trained(i, j)).map(|j| r[i] - r[j]).sum();
        assert!((flow + 0.75 * r[i] - source).abs() < 1e-14, "item {i}");
        for j in (0..9).filter(|&j| j != i) {
            let wins = if (i < j) != ((i.min(j), i.max(j)) == (3, 5)) { 1.0 } else { -1.0 };
            let expected = if trained(i, j) { (2.0 * wins + r[i] - r[j]) / 3.0 } else { r[i] - r[j] };
            assert!((p.margin(i, j) - expected).abs() < 1e-14, "f({i}, {j})");
        }
    }
}

#[test]
fn margins_are_antisymmetric_with_zero_diagonal() {
    let flow = Learner::GradientFlow { time: 7.0 };
    for learner in [ridge(f64::INFINITY), ridge(0.3), flow, Learner::Logistic { c: 3.0 }] {
        let p = answer(&nine(), 0.2, learner);
        for i in 0..9 {
            assert_eq!(p.margin(i, i), 0.0);
            assert!((0..9).all(|j| (p.margin(i, j) + p.margin(j, i)).abs() < 1e-13), "{learner:?}");
        }
    }
}

#[test]
fn all_routes_give_the_same_margins() {
    for (n, exceptions) in [(7, vec![]), (9, vec![(5, 3)]), (12, vec![(4, 2), (9, 7)]), (6, vec![(3, 2)])] {
        let task = TransitiveTask::new(n, &exceptions).unwrap();
        for (alpha, c) in [(0.2, 10.0), (0.0, 1.0), (0.9, 0.01), (0.3, f64::INFINITY)] {
            let request = asked(&task, alpha, ridge(c));
            let default = predict(&request).unwrap();
            for route in [Route::Chain, Route::Graph, Route::Asymmetric, Route::Dense] {
                let forced = predict(&PredictRequest { route: Some(route), ..request.clone() }).unwrap();
                assert_margins_agree(&default, &forced, 1e-10);
            }
        }
    }
}

#[test]
fn without_regularization_the_trained_pairs_are_fitted_exactly() {
    for learner in [ridge(f64::INFINITY), Learner::GradientFlow { time: f64::INFINITY }] {
        let p = answer(&TransitiveTask::new(9, &[]).unwrap(), 0.2, learner);
        assert!((1..9).all(|i| (p.margin(i - 1, i) - 1.0).abs() < 1e-12), "{learner:?}");
        // Without an exception the chain is one section.
        let accuracies = PairClass::SCORED.map(|class| in_class(&p, class).filter(|a| !a.is_nan()));
        assert_eq!(accuracies, [Some(1.0), None, Some(1.0), None, None]);
    }
}

#[test]
fn long_training_reaches_ridge_regression_without_ridge_and_short_training_does_not() {
    let flow = answer(&nine(), 0.2, Learner::GradientFlow { time: 1_000.0 });
    assert_eq!(flow.time, Some(1_000.0));
    assert!([flow.c, flow.screening, flow.memorization].iter().all(|value| value.is_nan()));
    assert_margins_agree(&flow, &answer(&nine(), 0.2, ridge(f64::INFINITY)), 1e-10);
    // At α = 1 every trained pair learns alone: 1 − e^{−t}.
    let early = answer(&nine(), 1.0, Learner::GradientFlow { time: 0.5 });
    assert_close(early.margin(0, 1), 1.0 - (-0.5f64).exp(), 1e-14);
    assert_close(early.margin(5, 3), 1.0 - (-0.5f64).exp(), 1e-14);
    assert_eq!(early.margin(0, 5), 0.0);
}

#[test]
fn six_orbit_values_act_as_their_conjunctivity_with_c_as_one_over_ridge() {
    // κ_id − κ_flip = 2 and α = (2 − 2(1.1 − 0.3))/2 = 0.2: a ridge of 1/C on this kernel is C·2 on the normalized one.
    let orbits = [2.5, 0.5, 1.1, 1.1, 0.3, 0.2];
    let (kernel, plain) = (on_orbits(orbits, 4.0, None), answer(&nine(), 0.2, ridge(8.0)));
    assert_close(kernel.conjunctivity, 0.2, 1e-15);
    assert_eq!((kernel.c, kernel.kernel), (4.0, Some(orbits)));
    assert_margins_agree(&kernel, &plain, 1e-12);
    for route in [Route::Asymmetric, Route::Dense] {
        assert_margins_agree(&on_orbits(orbits, 4.0, Some(route)), &plain, 1e-10);
    }
}

#[test]
fn position_asymmetric_kernels_agree_between_the_two_routes_that_take_them() {
    let orbits = [2.0, 0.3, 0.9, 0.6, 0.2, 0.1];
    let default = on_orbits(orbits, 5.0, None);
    assert!(default.screening.is_nan() && default.memorization.is_nan());
    assert_margins_agree(&default, &on_orbits(orbits, 5.0, Some(Route::Dense)), 1e-10);
    let forced = PredictRequest {
        kernel: KernelChoice::Orbits(orbits),
        route: Some(Route::Chain),
        ..asked(&nine(), 0.0, ridge(5.0))
    };
    let refused = predict(&forced).unwrap_err().to_string();
    assert!(refused.contains("position-symmetric") && refused.contains("asymmetric or dense"), "{refused}");
}

#[test]
fn exceptions_may_be_several_and_adjacent_ones_turn_their_premise() {
    let two = answer(&TransitiveTask::new(12, &[(4, 2), (9, 7)]).unwrap(), 0.4, ridge(f64::INFINITY));
    assert_eq!(two.exceptions, [(4, 2), (9, 7)]);
    assert!([(4, 2), (9, 7), (0, 1), (2, 3)].iter().all(|&(i, j)| (two.margin(i, j) - 1.0).abs() < 1e-12));
    let adjacent = answer(&TransitiveTask::new(5, &[(3, 2)]).unwrap(), 0.4, ridge(f64::INFINITY));
    assert!((adjacent.margin(3, 2) - 1.0).abs() < 1e-12 && (adjacent.margin(0, 1) - 1.0).abs() < 1e-12);
}

#[test]
fn a_weight_counts_as_so_many_presentations() {
    // A single pair of weight w is fitted to 1/(1 + 1/(C w)).
    let two = TransitiveTask::new(2, &[]).unwrap();
    let p = answer(&two.clone().with_weight(0, 1, 5.0).unwrap(), 0.2, ridge(2.0));
    assert_close(p.margin(0, 1), 1.0 / 1.1, 1e-14);
    assert_margins_agree(&p, &answer(&two, 0.2, ridge(10.0)), 1e-14);
    // A heavier exception is remembered better.
    let heavy = |weight| answer(&nine().with_weight(5, 3, weight).unwrap(), 0.2, ridge(1.0)).margin(5, 3);
    assert!(heavy(20.0) > heavy(2.0) && heavy(2.0) > answer(&nine(), 0.2, ridge(1.0)).margin(5, 3));
}

#[test]
fn presentation_orders_agree_between_routes_and_winner_first_differs_from_both() {
    let shown = |order, route| {
        let request = asked(&nine().with_order(order), 0.2, ridge(4.0));
        predict(&PredictRequest { route: Some(route), ..request }).unwrap()
    };
    use PresentationOrder::{Both, HigherFirst, LowerFirst, WinnerFirst};
    for order in [HigherFirst, LowerFirst, WinnerFirst] {
        assert_margins_agree(&shown(order, Route::Asymmetric), &shown(order, Route::Dense), 1e-10);
    }
    // With one order the reversed pair is not trained, and its margin not the opposite one.
    let first = shown(WinnerFirst, Route::Dense);
    assert!((first.margin(0, 1) + first.margin(1, 0)).abs() > 0.1);
    assert_margins_agree(&shown(Both, Route::Asymmetric), &answer(&nine(), 0.2, ridge(4.0)), 1e-10);
}

#[test]
fn accuracy_counts_pairs_of_each_class_with_the_right_sign() {
    // Strong screening puts items just above the exception below those just under it: some cross-section pairs fail.
    for (alpha, fails) in [(0.3, false), (0.36, true)] {
        let p = answer(&nine(), alpha, ridge(f64::INFINITY));
        let right = (0..3).flat_map(|i| (6..9).map(move |j| (i, j))).filter(|&(i, j)| p.margin(i, j) > 0.0).count();
        assert_close(in_class(&p, PairClass::CrossSection).unwrap(), right as f64 / 9.0, 1e-15);
        assert_eq!(right < 9, fails, "α = {alpha}");
        assert_eq!(in_class(&p, PairClass::WithinSection), Some(1.0));
    }
}

#[test]
fn a_million_items_are_ranked() {
    let task = TransitiveTask::new(1_000_000, &[(500_002, 499_998)]).unwrap();
    let p = predict(&PredictRequest { ranks_only: true, ..asked(&task, 0.2, ridge(10.0)) }).unwrap();
    let ranks = p.ranks.as_ref().unwrap();
    assert!(ranks.len() == 1_000_000 && p.margins.is_none() && p.accuracy.is_none());
    // Far from the exception the ends are those of a half-infinite chain: r_0 (e^λ − 1) = 1 + … decays by e^{−λ}, where
    // 2 cosh λ = 2.75.
    let lambda = (2.75f64 / 2.0).acosh();
    assert!((ranks[1] / ranks[0] - (-lambda).exp()).abs() < 1e-12);
    assert!((ranks[0] + ranks[999_999]).abs() < 1e-14 && ranks[500_002] > 0.0 && ranks[499_998] < 0.0);
    let refused = predict(&asked(&TransitiveTask::new(5_000, &[]).unwrap(), 0.2, ridge(10.0))).unwrap_err();
    assert!(refused.to_string().contains("⟨ranks_only⟩"), "{refused}");
}

#[test]
fn a_window_that_opens_late_says_where() {
    let task = TransitiveTask::new(12, &[(5, 1), (8, 7), (11, 2), (8, 6)]).unwrap();
    let from = balance_window(&task, ridge(1_000.0)).unwrap().generalization_from;
    for (alpha, generalizes) in [(from - 1e-6, false), (from + 1e-6, true)] {
        let accuracy = in_class(&answer(&task, alpha, ridge(1_000.0)), PairClass::CrossSection);
        assert_eq!(accuracy == Some(1.0), generalizes, "α = {alpha}: {accuracy:?}");
    }
}

#[test]
fn the_window_is_where_predictions_generalize_and_remember() {
    for learner in [ridge(40.0), Learner::GradientFlow { time: 60.0 }] {
        let w = balance_window(&nine(), learner).unwrap();
        assert!(w.balances, "{learner:?}");
        let (low, high) = (w.conjunctivity_memorization, w.conjunctivity_generalization);
        for (alpha, remembers, generalizes) in
            [(low - 1e-6, false, true), (low + 1e-6, true, true), (high - 1e-6, true, true), (high + 1e-6, true, false)]
        {
            let p = answer(&nine(), alpha, learner);
            assert_eq!(in_class(&p, PairClass::ExceptionCycle) == Some(1.0), remembers, "{learner:?} α = {alpha}");
            assert_eq!(in_class(&p, PairClass::CrossSection) == Some(1.0), generalizes, "{learner:?} α = {alpha}");
        }
    }
}

#[test]
fn the_window_closes_below_its_critical_regularization() {
    let learners: [fn(f64) -> Learner; 2] = [|c| Learner::Ridge { c }, |time| Learner::GradientFlow { time }];
    for learner in learners {
        let critical = balance_window(&nine(), learner(10.0)).unwrap().critical.unwrap();
        for (factor, balances) in [(0.99, false), (1.01, true)] {
            assert_eq!(balance_window(&nine(), learner(critical * factor)).unwrap().balances, balances, "{factor}");
        }
    }
}

#[test]
fn a_task_lists_every_ordered_pair_with_its_class_and_label() {
    let listed = |task: &TransitiveTask| {
        let table = task_table(task, &task.classes().unwrap()).unwrap();
        let integers = |name: &str| match table.column(name) {
            Some(Values::Integer(values)) => values.clone(),
            _ => panic!("{name}"),
        };
        let Some(Values::Text(classes)) = table.column("class").cloned() else { panic!("class") };
        let [a, b, labels] = ["rank_a", "rank_b", "label"].map(integers);
        (0..a.len()).map(|k| (a[k].unwrap(), b[k].unwrap(), classes[k].clone(), labels[k])).collect::<Vec<_>>()
    };
    let rows = listed(&nine());
    assert_eq!(rows.len(), 9 * 8);
    let count = |class: &str| rows.iter().filter(|r| r.2 == class).count();
    // Unordered: 8 premises less the 2 inside the cycle; 3 in the cycle; 1 in either section; 3·3; 3·6 less 2 trained.
    let counts = [
        ("premise", 6),
        ("exception_cycle", 3),
        ("within_section", 2),
        ("cross_section", 9),
        ("cycle_to_section", 16),
        ("ambiguous", 0),
    ];
    for (class, pairs) in counts {
        assert_eq!(count(class), 2 * pairs, "{class}");
    }
    let label = |a, b| rows.iter().find(|r| (r.0, r.1) == (a, b)).unwrap().3;
    assert_eq!([label(5, 3), label(3, 5), label(3, 4), label(0, 8)], [Some(1), Some(-1), Some(1), Some(1)]);
    // A longer cycle has pairs that the rule does not decide.
    let long = listed(&TransitiveTask::new(11, &[(7, 3)]).unwrap());
    let ambiguous: Vec<_> = long.into_iter().filter(|r| r.2 == "ambiguous").collect();
    assert!(ambiguous.len() == 2 * 5 && ambiguous.iter().all(|r| r.3.is_none()));
}
