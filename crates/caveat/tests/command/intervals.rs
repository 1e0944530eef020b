//! The intervals of `caveat fit`: what they are over, where there are none, and what lies at a bound.

use crate::common::{Place, assert_close, keys, margins};
use serde_json::{Value, json};

const HEADER: &str = "setting,model,task,hier,seed,reverse,phase,rank_a,rank_b,rank_higher,rank_lower,gap,is_train,is_exception,no_gt,\
                      direction,label,logit_diff,prob_yes,ground_truth,margin,correct,paired_correct,lora_r,l2_reg\n";

/// Trial rows of a plain task of seven items, a row per seed and ordered pair: margins of the theory times 4, and what a seed adds.
fn seeds(place: &Place, model: &str, options: &str, seeds: usize, add: impl Fn(usize, usize, usize) -> f64) -> String {
    let f = margins(&place.json(&format!("predict -n 7 {options}")));
    let mut text = String::new();
    for seed in 0..seeds {
        for (a, b) in (0..7).flat_map(|a| (0..7).filter(move |&b| b != a).map(move |b| (a, b))) {
            let (high, low) = (a.min(b), a.max(b));
            let sign = if a < b { 1.0 } else { -1.0 };
            let margin = 4.0 * f[high][low] + add(seed, high, low);
            let logit = sign * margin;
            let (direction, label) = if a < b { ("forward", "Yes") } else { ("backward", "No") };
            let right = f64::from(u8::from(margin > 0.0));
            text += &format!(
                "full,{model},made,ti_n7,{seed},False,post,{a},{b},{high},{low},{},{},False,False,{direction},{label},{logit},{},{sign},\
                 {margin},{right},{right},,\n",
                low - high,
                if low - high == 1 { "True" } else { "False" },
                1.0 / (1.0 + (-logit).exp()),
            );
        }
    }
    text
}

/// Deviations without a pattern, the same in every run.
fn scatter(seed: usize, a: usize, b: usize) -> f64 {
    let x = (seed * 131 + a * 17 + b * 7 + 1) as f64;
    0.4 * (x * 12.9898).sin()
}

fn ends(fit: &Value, name: &str) -> [f64; 2] {
    ["low", "high"].map(|end| fit[format!("{name}_{end}")].as_f64().unwrap_or(f64::INFINITY))
}

#[test]
fn one_seed_has_no_interval_and_two_have_a_wider_one_than_ten() {
    let place = Place::new();
    let of = |count: usize| {
        let rows = seeds(&place, "m", "--alpha 0.2 --c 5", count, scatter);
        place.write("t.csv", &(HEADER.to_owned() + &rows));
        (place.json("fit t.csv")[0].clone(), place.ok("fit t.csv"))
    };
    let (one, printed) = of(1);
    assert!(
        one["conjunctivity_low"].is_null() && one["gain_high"].is_null() && one["interval_over"] == "none",
        "{one}"
    );
    // What pairs alone tell is in the data, and not in print.
    assert!(one["conjunctivity_profile_low"].is_number());
    assert!(!printed.contains("95%"), "{printed}");
    let width = |fit: &Value| {
        let [low, high] = ends(fit, "conjunctivity");
        let value = fit["conjunctivity"].as_f64().unwrap();
        assert!(low <= value && value <= high, "{fit}");
        high - low
    };
    let ((two, _), (ten, printed)) = (of(2), of(10));
    assert!(width(&two) > 2.0 * width(&ten), "{} {}", width(&two), width(&ten));
    assert_eq!((&two["interval_over"], &ten["interval_over"]), (&json!("seeds"), &json!("seeds")));
    for name in ["conjunctivity_95%_over_seeds", "c_95%_over_seeds", "gain_95%_over_seeds"] {
        assert!(printed.contains(name), "{printed}");
    }
}

#[test]
fn the_bootstrap_has_names_of_its_own_and_changes_nothing_else() {
    let place = Place::new();
    let rows = seeds(&place, "m", "--alpha 0.2 --c 5", 4, scatter);
    place.write("t.csv", &(HEADER.to_owned() + &rows));
    let (plain, both) = (place.json("fit t.csv")[0].clone(), place.json("fit t.csv --bootstrap 100")[0].clone());
    assert!(!keys(&plain).iter().any(|k| k.contains("bootstrap")));
    for key in keys(&plain) {
        assert_eq!(plain[key], both[key], "{key}");
    }
    assert!(both["conjunctivity_bootstrap_low"].is_number() && both["gain_bootstrap_high"].is_number());
    assert_ne!(both["conjunctivity_bootstrap_low"], both["conjunctivity_low"]);
    // Every answer is right, in every seed: of choices all replicates are alike, which is no interval.
    let choices = place.json("fit t.csv --loss logistic --bootstrap 20")[0].clone();
    assert!(choices["saturated"] == json!(true) && choices["interval_over"] == "seeds", "{choices}");
    assert!(choices["conjunctivity_bootstrap_low"].is_null() && choices["gain_bootstrap_high"].is_null(), "{choices}");
    let [low, high] = ends(&choices, "conjunctivity");
    assert!(high - low > 0.2, "{choices}");
    // With errors there is one.
    let erring = seeds(&place, "m", "--alpha 0.2 --c 5", 4, |seed, a, b| 6.0 * scatter(seed, a, b));
    place.write("e.csv", &(HEADER.to_owned() + &erring));
    let choices = place.json("fit e.csv --loss logistic --bootstrap 20")[0].clone();
    assert!(choices["conjunctivity_bootstrap_low"].is_number(), "{choices}");
}

#[test]
fn an_estimate_at_a_limit_shows_the_other_end_and_is_named() {
    let place = Place::new();
    let rows = seeds(&place, "m", "--alpha 0.2 --c inf", 5, |seed, a, b| 0.3 * scatter(seed, a, b))
        + &seeds(&place, "none", "--alpha 0 --c 5", 5, |seed, a, b| 0.3 * scatter(seed, a, b))
        + &seeds(&place, "alike", "--alpha 0.2 --c inf", 2, |_, _, _| 0.0);
    place.write("t.csv", &(HEADER.to_owned() + &rows));
    let printed = place.ok("fit t.csv");
    assert!(printed.contains("at_bound"), "{printed}");
    assert!(!printed.contains("[inf, inf]") && !printed.contains("NaN"), "{printed}");
    for fit in place.json("fit t.csv").as_array().unwrap() {
        let bounds = fit["at_bound"].as_str().unwrap();
        // Infinity is null in JSON.
        assert_eq!(bounds.contains("c=inf"), fit["c"].is_null(), "{fit}");
        assert_eq!(bounds.contains("conjunctivity=0"), fit["conjunctivity"] == 0.0, "{fit}");
        if fit["c"].is_null() {
            assert!(fit["c_high"].is_null(), "{fit}");
        }
        for name in ["conjunctivity", "gain"] {
            let (value, [low, high]) = (fit[name].as_f64().unwrap(), ends(fit, name));
            assert!(low <= value * (1.0 + 1e-6) && value * (1.0 - 1e-6) <= high, "{name}: {fit}");
        }
    }
}

const CHOICES: &str = "--columns winner=winner,loser=loser,first=first,count=count";

/// Choices on five items, all pairs in both orders; `chosen` gives how many of 20 trials the first item was chosen.
fn choices(subjects: usize, chosen: impl Fn(usize, usize, usize) -> usize) -> String {
    let mut text = "winner,loser,first,count,subject\n".to_owned();
    for s in 0..subjects {
        for (a, b) in (0..5).flat_map(|a| (0..5).filter(move |&b| b != a).map(move |b| (a, b))) {
            let k = chosen(s, a, b).min(20);
            for (winner, loser, count) in [(a, b, k), (b, a, 20 - k)] {
                if count > 0 {
                    text += &format!("{winner},{loser},{a},{count},s{s}\n");
                }
            }
        }
    }
    text
}

#[test]
fn a_position_bias_that_runs_off_says_so() {
    let place = Place::new();
    // One of three always chooses what is shown first, or second, whatever it is.
    let others = |a: usize, b: usize| if a < b { 15 + a } else { 6 - b };
    place.write("first.csv", choices(3, |s, a, b| if s == 0 { 20 } else { others(a, b) }));
    place.write("second.csv", choices(3, |s, a, b| if s == 0 { 0 } else { others(a, b) }));
    for (file, bound) in [("first.csv", "position_bias=inf"), ("second.csv", "position_bias=-inf")] {
        let command = format!("fit {file} {CHOICES},subject=subject --by subject --position-bias");
        let fits = place.json(&command);
        assert!(fits[0]["at_bound"].as_str().unwrap().contains(bound), "{fits}");
        assert!(fits[0]["position_bias"].is_null() && fits[1]["position_bias"].is_number(), "{fits}");
        let printed = place.ok(&command);
        assert!(
            printed.contains(bound) && !printed.contains("[inf, inf]") && !printed.contains("[-inf, -inf]"),
            "{printed}"
        );
    }
}

#[test]
fn a_lapse_rate_at_its_bound_is_marked_in_the_table() {
    let place = Place::new();
    // The higher item is chosen in seven of ten trials at every distance: half of the answers at random would give more.
    place.write("c.csv", choices(3, |s, a, b| if a < b { 13 + s % 2 } else { 7 - s % 2 }));
    let printed = place.ok(&format!("fit c.csv {CHOICES} --lapse"));
    let fit = place.json(&format!("fit c.csv {CHOICES} --lapse"))[0].clone();
    let bound = fit["at_bound"].as_str().unwrap();
    assert!(bound.contains("lapse=") || bound.contains("gain="), "{fit}");
    assert!(printed.contains("at_bound") && printed.contains(bound), "{printed}");
}

#[test]
fn intervals_of_choices_say_what_they_are_over() {
    let place = Place::new();
    let some = |s: usize, a: usize, b: usize| {
        let right = 10 + 2 * a.abs_diff(b) + (s + a + 2 * b) % 3;
        if a < b { right } else { 20 - right }
    };
    place.write("c.csv", choices(4, some));
    let columns = format!("{CHOICES},subject=subject");
    let all = place.json(&format!("fit c.csv {columns}"));
    assert_eq!(all[0]["interval_over"], "subjects", "{all}");
    assert!(place.ok(&format!("fit c.csv {columns}")).contains("conjunctivity_95%_over_subjects"));
    // One person's trials are a sample of their own: the profile.
    let by = place.json(&format!("fit c.csv {columns} --by subject"));
    for fit in by.as_array().unwrap() {
        assert_eq!(fit["interval_over"], "trials");
        assert_close(&fit["gain_low"], fit["gain_profile_low"].as_f64().unwrap(), 0.0);
    }
    assert!(place.ok(&format!("fit c.csv {columns} --by subject")).contains("gain_95%_over_trials"));
}
