//! The contract of `task`, `predict` and `window`: keys, types, and values derived by hand.

use crate::common::{Place, TASK, assert_close, assert_margins_agree, keys, margins, numbers, records};
use serde_json::{Value, json};

/// The classes whose accuracy is counted.
const CLASSES: [&str; 5] = ["premise", "exception_cycle", "within_section", "cross_section", "cycle_to_section"];

#[test]
fn predict_has_the_documented_keys_and_types() {
    let p = Place::new().json(&format!("predict {TASK} --conjunctivity 0.2 --c 10"));
    let expected =
        ["n_items", "exceptions", "conjunctivity", "c", "screening", "memorization", "ranks", "margins", "accuracy"];
    assert_eq!(keys(&p), expected);
    assert_eq!((&p["n_items"], &p["exceptions"]), (&json!(9), &json!([[5, 3]])));
    assert_eq!((&p["conjunctivity"], &p["c"]), (&json!(0.2), &json!(10.0)));
    assert_eq!(numbers(&p["ranks"]).len(), 9);
    assert!(margins(&p).len() == 9 && margins(&p).iter().all(|row| row.len() == 9));
    assert_eq!(keys(&p["accuracy"]), CLASSES);
    assert!(CLASSES.iter().all(|class| p["accuracy"][class].as_f64().is_some_and(|a| (0.0..=1.0).contains(&a))));
}

#[test]
fn screening_memorization_and_a_single_pair_follow_from_their_formulas() {
    // μ = 2(α + 1/C)/(1 − α) = 0.6/0.8, m = α/(α + 1/C) = 2/3, and one pair alone is fitted to 1/(1 + 1/C).
    let p = Place::new().json("predict -n 2 --alpha 0.2 --c 10");
    assert_close(&p["screening"], 0.75, 1e-15);
    assert_close(&p["memorization"], 2.0 / 3.0, 1e-15);
    assert_close(&p["ranks"][0], 1.0 / 2.75, 1e-15);
    assert_close(&p["margins"][0][1], 1.0 / 1.1, 1e-15);
}

#[test]
fn ranks_solve_the_screened_poisson_equation_and_margins_follow_from_them() {
    let place = Place::new();
    let p = place.json(&format!("predict {TASK} --alpha 0.2 --c 10"));
    let (r, f) = (numbers(&p["ranks"]), margins(&p));
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
            assert!((f[i][j] - expected).abs() < 1e-14, "f({i}, {j})");
        }
    }
}

#[test]
fn margins_are_antisymmetric_with_zero_diagonal() {
    let place = Place::new();
    for options in ["--alpha 0.2", "--alpha 0.2 --c 0.3", "--alpha 0.2 --time 7", "--alpha 0.2 --c 3 --loss logistic"] {
        let f = margins(&place.json(&format!("predict {TASK} {options}")));
        for (i, row) in f.iter().enumerate() {
            assert_eq!(row[i], 0.0);
            assert!(row.iter().enumerate().all(|(j, x)| (x + f[j][i]).abs() < 1e-13), "{options}");
        }
    }
}

#[test]
fn all_routes_give_the_same_margins() {
    let place = Place::new();
    for task in ["-n 7", TASK, "-n 12 --exception 4 2 --exception 9 7", "-n 6 --exception 3 2"] {
        for options in ["--alpha 0.2 --c 10", "--alpha 0 --c 1", "--alpha 0.9 --c 0.01", "--alpha 0.3 --c inf"] {
            let line = format!("predict {task} {options}");
            let default = place.json(&line);
            for route in ["chain", "graph", "asymmetric", "dense"] {
                assert_margins_agree(&default, &place.json(&format!("{line} --route {route}")), 1e-10);
            }
        }
    }
}

#[test]
fn without_regularization_the_trained_pairs_are_fitted_exactly() {
    let place = Place::new();
    for c in ["", "--c inf", "--time inf"] {
        let p = place.json(&format!("predict -n 9 --alpha 0.2 {c}"));
        let f = margins(&p);
        assert!((1..9).all(|i| (f[i - 1][i] - 1.0).abs() < 1e-12), "{c}");
        assert_eq!(p["c"], Value::Null);
        // Without an exception the chain is one section.
        for (class, expected) in CLASSES.iter().zip([json!(1.0), Value::Null, json!(1.0), Value::Null, Value::Null]) {
            assert_eq!(p["accuracy"][class], expected, "{class}");
        }
    }
}

#[test]
fn long_training_reaches_ridge_regression_without_ridge_and_short_training_does_not() {
    let place = Place::new();
    let line = format!("predict {TASK} --alpha 0.2");
    let flow = place.json(&format!("{line} --time 1000"));
    assert_eq!(flow["time"], json!(1000.0));
    assert!(flow["c"].is_null() && flow["screening"].is_null() && flow["memorization"].is_null());
    assert_margins_agree(&flow, &place.json(&format!("{line} --c inf")), 1e-10);
    // At α = 1 every trained pair learns alone: 1 − e^{−t}.
    let early = place.json(&format!("predict {TASK} --alpha 1 --time 0.5"));
    assert_close(&early["margins"][0][1], 1.0 - (-0.5f64).exp(), 1e-14);
    assert_close(&early["margins"][5][3], 1.0 - (-0.5f64).exp(), 1e-14);
    assert_eq!(early["margins"][0][5], json!(0.0));
}

#[test]
fn six_orbit_values_act_as_their_conjunctivity_with_c_as_one_over_ridge() {
    // κ_id − κ_flip = 2 and α = (2 − 2(1.1 − 0.3))/2 = 0.2: a ridge of 1/C on this kernel is C·2 on the normalized one.
    let place = Place::new();
    let kernel = place.json(&format!("predict {TASK} --kernel 2.5,0.5,1.1,1.1,0.3,0.2 --c 4"));
    let plain = place.json(&format!("predict {TASK} --conjunctivity 0.2 --c 8"));
    assert_close(&kernel["conjunctivity"], 0.2, 1e-15);
    assert_eq!(kernel["c"], json!(4.0));
    assert_eq!(numbers(&kernel["kernel"]), [2.5, 0.5, 1.1, 1.1, 0.3, 0.2]);
    assert_margins_agree(&kernel, &plain, 1e-12);
    for route in ["asymmetric", "dense"] {
        let line = format!("predict {TASK} --kernel 2.5,0.5,1.1,1.1,0.3,0.2 --c 4 --route {route}");
        assert_margins_agree(&place.json(&line), &plain, 1e-10);
    }
    // Orbits below zero are values, not options.
    let shifted = place.json(&format!("predict {TASK} --kernel 1,-0.5,0.3,0.3,-0.3,-0.005 --c 4"));
    assert_margins_agree(
        &shifted,
        &place.json(&format!("predict {TASK} --kernel=1,-0.5,0.3,0.3,-0.3,-0.005 --c 4")),
        0.0,
    );
}

#[test]
fn position_asymmetric_kernels_agree_between_the_two_routes_that_take_them() {
    let place = Place::new();
    let line = format!("predict {TASK} --kernel 2,0.3,0.9,0.6,0.2,0.1 --c 5");
    let default = place.json(&line);
    assert!(default["screening"].is_null() && default["memorization"].is_null());
    assert_margins_agree(&default, &place.json(&format!("{line} --route dense")), 1e-10);
    place.refused_saying(&format!("{line} --route chain"), &["position-symmetric", "asymmetric or dense"]);
}

#[test]
fn alpha_is_another_name_for_conjunctivity() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\na,b\nb,c\n");
    for line in [format!("predict {TASK} --c 10 --NAME 0.2"), "rank c.csv --NAME 0.2 --c 10".into()] {
        let [full, short] = ["conjunctivity", "alpha"].map(|name| place.ok(&line.replace("NAME", name)));
        assert_eq!(full, short);
    }
}

#[test]
fn exceptions_may_be_several_and_adjacent_ones_turn_their_premise() {
    let place = Place::new();
    let two = place.json("predict -n 12 --exception 4 2 --exception 9 7 --alpha 0.4");
    assert_eq!(two["exceptions"], json!([[4, 2], [9, 7]]));
    let f = margins(&two);
    assert!([(4, 2), (9, 7), (0, 1), (2, 3)].iter().all(|&(i, j)| (f[i][j] - 1.0).abs() < 1e-12));
    let adjacent = margins(&place.json("predict -n 5 --exception 3 2 --alpha 0.4"));
    assert!((adjacent[3][2] - 1.0).abs() < 1e-12 && (adjacent[0][1] - 1.0).abs() < 1e-12);
}

#[test]
fn a_weight_counts_as_so_many_presentations() {
    // A single pair of weight w is fitted to 1/(1 + 1/(C w)).
    let place = Place::new();
    let p = place.json("predict -n 2 --alpha 0.2 --c 2 --weight 0 1 5");
    assert_close(&p["margins"][0][1], 1.0 / 1.1, 1e-14);
    assert_margins_agree(&p, &place.json("predict -n 2 --alpha 0.2 --c 10"), 1e-14);
    // A heavier exception is remembered better.
    let of = |weight: &str| {
        place.json(&format!("predict {TASK} --alpha 0.2 --c 1 {weight}"))["margins"][5][3].as_f64().unwrap()
    };
    assert!(of("--weight 5 3 20") > of("--weight 3 5 2") && of("--weight 3 5 2") > of(""));
}

#[test]
fn presentation_orders_agree_between_routes_and_winner_first_differs_from_both() {
    let place = Place::new();
    let of = |order: &str, route: &str| {
        place.json(&format!("predict {TASK} --alpha 0.2 --c 4 --order {order} --route {route}"))
    };
    for order in ["higher-first", "lower-first", "winner-first"] {
        assert_margins_agree(&of(order, "asymmetric"), &of(order, "dense"), 1e-10);
    }
    // With one order the reversed pair is not trained, and its margin not the opposite one.
    let f = margins(&of("winner-first", "dense"));
    assert!((f[0][1] + f[1][0]).abs() > 0.1);
    assert_margins_agree(&of("both", "asymmetric"), &place.json(&format!("predict {TASK} --alpha 0.2 --c 4")), 1e-10);
}

#[test]
fn accuracy_counts_pairs_of_each_class_with_the_right_sign() {
    // Strong screening puts items just above the exception below those just under it: some cross-section pairs fail.
    let place = Place::new();
    for (alpha, fails) in [(0.3, false), (0.36, true)] {
        let p = place.json(&format!("predict {TASK} --alpha {alpha} --c inf"));
        let f = margins(&p);
        let right = (0..3).flat_map(|i| (6..9).map(move |j| (i, j))).filter(|&(i, j)| f[i][j] > 0.0).count();
        assert_close(&p["accuracy"]["cross_section"], right as f64 / 9.0, 1e-15);
        assert_eq!(right < 9, fails, "α = {alpha}");
        assert_eq!(p["accuracy"]["within_section"], json!(1.0));
    }
}

#[test]
fn predict_writes_the_same_margins_as_table_csv_json_and_files() {
    let place = Place::new();
    let line = format!("predict {TASK} --alpha 0.2 --c 10");
    let csv = place.ok(&format!("{line} --format csv"));
    let rows = records(&csv);
    assert_eq!(rows[0], ["rank_a", "rank_b", "class", "label", "margin"]);
    assert_eq!(rows.len(), 1 + 72);
    let f = margins(&place.json(&line));
    for row in &rows[1..] {
        let (a, b): (usize, usize) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        // Reading JSON may round the last digit.
        assert!((row[4].parse::<f64>().unwrap() - f[a][b]).abs() < 1e-15);
    }
    for name in ["p.csv", "p.json", "p.parquet"] {
        assert_eq!(place.ok(&format!("{line} -o {name}")), "");
    }
    assert_eq!(place.text("p.csv"), csv);
    assert_eq!(place.text("p.json"), place.ok(&format!("{line} --format json")));
    let (columns, n_rows) = crate::common::parquet_shape(&place.path("p.parquet"));
    assert_eq!((columns, n_rows), (rows[0].iter().map(|s| (*s).to_owned()).collect(), 72));
    let table = place.ok(&line);
    assert!(table.contains("conjunctivity 0.2   screening 0.75   memorization 0.666667"), "{table}");
}

#[test]
fn a_million_items_are_ranked() {
    let place = Place::new();
    let line = "predict -n 1000000 --exception 500002 499998 --alpha 0.2 --c 10 --ranks-only";
    let p = place.json(line);
    let ranks = numbers(&p["ranks"]);
    assert!(ranks.len() == 1_000_000 && p["margins"].is_null() && p["accuracy"].is_null());
    // Far from the exception the ends are those of a half-infinite chain: r_0 (e^λ − 1) = 1 + … decays by e^{−λ}, where
    // 2 cosh λ = 2.75.
    let lambda = (2.75f64 / 2.0).acosh();
    assert!((ranks[1] / ranks[0] - (-lambda).exp()).abs() < 1e-12);
    assert!((ranks[0] + ranks[999_999]).abs() < 1e-14 && ranks[500_002] > 0.0 && ranks[499_998] < 0.0);
    place.refused_saying("predict -n 5000 --alpha 0.2", &["--ranks-only"]);
}

#[test]
fn window_has_the_documented_keys_and_the_known_critical_screenings() {
    let place = Place::new();
    let contract =
        ["screening_star", "conjunctivity_generalization", "conjunctivity_memorization", "balances", "critical_c"];
    for (task, star) in [(TASK, 1.0), ("-n 11 --exception 6 4", 2f64.sqrt() - 1.0)] {
        for (options, inverse_c) in [("", 0.0), ("--c inf", 0.0), ("--c 10", 0.1)] {
            let w = place.json(&format!("window {task} {options}"));
            assert!(contract.iter().all(|key| keys(&w).contains(key)));
            assert_close(&w["screening_star"], star, 1e-10);
            let generalization = (star / 2.0 - inverse_c) / (1.0 + star / 2.0);
            assert_close(&w["conjunctivity_generalization"], generalization, 1e-10);
            assert!(w["balances"].is_boolean() && w["critical_c"].is_f64());
        }
    }
    let short = place.json("window -n 7 --exception 4 2 --c 10");
    assert!(short["screening_star"].is_null());
    assert_eq!(short["conjunctivity_generalization"], json!(1.0));
    assert_eq!(short["generalization_from"], json!(0.0));
}

#[test]
fn a_window_that_opens_late_says_where() {
    let place = Place::new();
    let task = "-n 12 --exception 5 1 --exception 8 7 --exception 11 2 --exception 8 6";
    let from = place.json(&format!("window {task} --c 1000"))["generalization_from"].as_f64().unwrap();
    for (alpha, generalizes) in [(from - 1e-6, false), (from + 1e-6, true)] {
        let accuracy = place.json(&format!("predict {task} --alpha {alpha} --c 1000"))["accuracy"].clone();
        assert_eq!(accuracy["cross_section"] == json!(1.0), generalizes, "α = {alpha}: {accuracy}");
    }
}

#[test]
fn the_window_is_where_predictions_generalize_and_remember() {
    let place = Place::new();
    for strength in ["--c 40", "--time 60"] {
        let w = place.json(&format!("window {TASK} {strength}"));
        assert_eq!(w["balances"], json!(true), "{strength}");
        let accuracy =
            |alpha: f64| place.json(&format!("predict {TASK} --alpha {alpha} {strength}"))["accuracy"].clone();
        let low = w["conjunctivity_memorization"].as_f64().unwrap();
        let high = w["conjunctivity_generalization"].as_f64().unwrap();
        for (alpha, remembers, generalizes) in
            [(low - 1e-6, false, true), (low + 1e-6, true, true), (high - 1e-6, true, true), (high + 1e-6, true, false)]
        {
            let a = accuracy(alpha);
            assert_eq!(a["exception_cycle"] == json!(1.0), remembers, "{strength} α = {alpha}: {a}");
            assert_eq!(a["cross_section"] == json!(1.0), generalizes, "{strength} α = {alpha}: {a}");
        }
    }
}

#[test]
fn the_window_closes_below_its_critical_regularization() {
    let place = Place::new();
    for (flag, key) in [("--c", "critical_c"), ("--time", "critical_time")] {
        let critical = place.json(&format!("window {TASK} {flag} 10"))[key].as_f64().unwrap();
        for (factor, balances) in [(0.99, false), (1.01, true)] {
            let w = place.json(&format!("window {TASK} {flag} {}", critical * factor));
            assert_eq!(w["balances"], json!(balances), "{flag} {}", critical * factor);
        }
    }
}

#[test]
fn window_writes_one_row_to_files_and_the_whole_answer_as_json() {
    let place = Place::new();
    let line = format!("window {TASK} --c 10");
    for name in ["w.csv", "w.json", "w.parquet"] {
        place.ok(&format!("{line} -o {name}"));
    }
    assert_eq!(place.text("w.json"), place.ok(&format!("{line} --format json")));
    assert_eq!(place.text("w.csv"), place.ok(&format!("{line} --format csv")));
    assert_eq!(records(&place.text("w.csv")).len(), 2);
    assert_eq!(crate::common::parquet_shape(&place.path("w.parquet")).1, 1);
}

#[test]
fn task_lists_every_ordered_pair_with_its_class_and_label() {
    let place = Place::new();
    let csv = place.ok(&format!("task {TASK} --format csv"));
    let rows = records(&csv);
    assert_eq!(rows[0][..5], ["rank_a", "rank_b", "gap", "class", "label"]);
    assert_eq!(rows.len(), 1 + 9 * 8);
    let count = |class: &str| rows[1..].iter().filter(|r| r[3] == class).count();
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
    let label = |a: &str, b: &str| rows.iter().find(|r| r[0] == a && r[1] == b).unwrap()[4].to_owned();
    assert_eq!([label("5", "3"), label("3", "5"), label("3", "4"), label("0", "8")], ["1", "-1", "1", "1"]);
    // A longer cycle has pairs that the rule does not decide.
    let long = place.ok("task -n 11 --exception 7 3 --format csv");
    let ambiguous: Vec<_> = records(&long).into_iter().filter(|r| r[3] == "ambiguous").collect();
    assert!(ambiguous.len() == 2 * 5 && ambiguous.iter().all(|r| r[4].is_empty()));
}

#[test]
fn a_small_task_prints_as_a_table() {
    insta::assert_snapshot!(Place::new().ok("task -n 3 --exception 2 0 --weight 0 1 2.5"), @r"
    rank_a  rank_b  gap  class            label  is_train  is_exception  weight  section_a  section_b
         0       1    1  exception_cycle      1  true      false            2.5  cycle 0    cycle 0
         0       2    2  exception_cycle     -1  true      true             1.0  cycle 0    cycle 0
         1       0    1  exception_cycle     -1  true      false            2.5  cycle 0    cycle 0
         1       2    1  exception_cycle      1  true      false            1.0  cycle 0    cycle 0
         2       0    2  exception_cycle      1  true      true             1.0  cycle 0    cycle 0
         2       1    1  exception_cycle     -1  true      false            1.0  cycle 0    cycle 0
    ");
}
