//! `caveat fit` on choices: files of choices simulated from known parameters, trial tables, and published behavior.

use crate::common::trials::{self, EXCEPTION, PLAIN};
use crate::common::{Place, assert_close, behavior, is_picture, keys, margins, records};
use serde_json::{Value, json};

/// A file of expected counts: `subjects` learners alike on seven items with the exception 4 2, shown in both orders.
fn write_choices(place: &Place, name: &str, subjects: usize, lapse: f64, bias: f64) {
    let prediction = place.json("predict -n 7 --exception 4 2 --conjunctivity 0.3 --c 5");
    let f = margins(&prediction);
    let mut text = "monkey,chosen,other,left,n\n".to_owned();
    for subject in 0..subjects {
        for (a, row) in f.iter().enumerate() {
            for (b, margin) in row.iter().enumerate().filter(|(b, _)| *b != a) {
                // The first item is a; twenty trials each, split as the model says, one count per outcome.
                let p = lapse / 2.0 + (1.0 - lapse) / (1.0 + (-(3.0 * margin + bias)).exp());
                for (winner, loser, count) in [(a, b, 20.0 * p), (b, a, 20.0 * (1.0 - p))] {
                    text += &format!("m{subject},{winner},{loser},{a},{count}\n");
                }
            }
        }
    }
    place.write(name, text);
}

const COLUMNS: &str =
    "--columns winner=chosen,loser=other,first=left,count=n,subject=monkey --exception 4 2 --first-rank 0";

#[test]
fn choices_fit_to_the_parameters_that_made_them() {
    let place = Place::new();
    write_choices(&place, "c.csv", 3, 0.1, 0.4);
    let fits = place.json(&format!("fit c.csv {COLUMNS} --lapse --position-bias --bootstrap 50"));
    let fit = &fits[0];
    assert_eq!(fits.as_array().unwrap().len(), 1);
    // Counts are the model's own rates, so the maximum is at the truth.
    for (name, truth) in [("conjunctivity", 0.3), ("c", 5.0), ("gain", 3.0), ("lapse", 0.1), ("position_bias", 0.4)] {
        let value = fit[name].as_f64().unwrap();
        assert!((value / truth - 1.0).abs() < 1e-2, "{name}: {value}");
        let [low, high] =
            ["low", "high"].map(|end| fit[format!("{name}_profile_{end}")].as_f64().unwrap_or(f64::INFINITY));
        assert!(low <= value && value <= high, "{name}: {low} {value} {high}");
        assert_eq!(fit[format!("{name}_identified")], json!(true));
    }
    assert_eq!((&fit["limit"], &fit["n_pairs"], &fit["n_clusters"]), (&json!("none"), &json!(42), &json!(3)));
    assert_close(&fit["n_trials"], 3.0 * 42.0 * 20.0, 1e-9);
    assert_close(&fit["deviance_explained"], 1.0, 1e-5);
    // Alike subjects do not scatter: what is left is the likelihood.
    for end in ["low", "high"] {
        let profile = fit[format!("conjunctivity_profile_{end}")].as_f64().unwrap();
        assert_close(&fit[format!("conjunctivity_{end}")], profile, 1e-4);
    }
}

#[test]
fn counts_with_a_point_between_thousands_are_asked_about() {
    let place = Place::new();
    let fit = "fit c.csv --columns winner=w,loser=l,count=n --bootstrap 0";
    for (counts, is_read) in [
        ("30 25 1.000 3", false),
        ("1.200 1.000 1.100 2.000", false),
        ("1.200 0.812 1.100 2.000", true),
        ("1.5 1.000 1.100 2.000", true),
        ("30 25 1 3", true),
    ] {
        let counts: Vec<&str> = counts.split(' ').collect();
        let rows = [(0, 1), (1, 2), (0, 2), (2, 1)];
        let rows = rows.iter().zip(&counts).map(|((w, l), n)| format!("{w},{l},{n}\n"));
        place.write("c.csv", format!("w,l,n\n{}", rows.collect::<String>()));
        if is_read {
            assert!(place.run(fit).status.success(), "{counts:?}");
        } else {
            place.refused_saying(fit, &["may have a point between thousands: write 1"]);
        }
    }
}

#[test]
fn a_filter_on_items_tells_that_it_shortens_the_list() {
    let place = Place::new();
    write_choices(&place, "c.csv", 3, 0.0, 0.0);
    let told = |more: &str| {
        let run = place.run(&format!("fit c.csv {COLUMNS} --bootstrap 0 {more}"));
        String::from_utf8(run.stderr).unwrap()
    };
    assert!(
        told("--where chosen<5 --where other<5").contains("the items are those of the rows that chosen<5 lets through")
    );
    assert!(!told("--where chosen<5 --where other<5 -n 7").contains("the items are"));
    assert!(!told("--where monkey!=m0").contains("the items are"));
}

#[test]
fn a_subject_who_chooses_against_the_others_is_told() {
    let place = Place::new();
    write_choices(&place, "c.csv", 3, 0.0, 0.0);
    let text = place.text("c.csv");
    let turned = text.lines().filter(|line| line.starts_with("m0,")).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        format!("against,{},{},{},{}\n", fields[2], fields[1], fields[3], fields[4])
    });
    let turned: String = turned.collect();
    place.write("d.csv", text + &turned);
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    for learner in ["ridge", "logistic"] {
        let fit = |file: &str| told(&format!("fit {file} {COLUMNS} --learner {learner} --bootstrap 0"));
        assert!(fit("d.csv").contains("1 of 4 subjects speaks for the opposite order of items"), "{learner}");
        assert!(!fit("c.csv").contains("opposite order"));
    }
}

#[test]
fn subjects_are_fitted_apart_and_summarized() {
    let place = Place::new();
    write_choices(&place, "c.csv", 3, 0.0, 0.0);
    let by = place.json(&format!("fit c.csv {COLUMNS} --by subject --bootstrap 0"));
    assert_eq!(by.as_array().unwrap().iter().map(|f| f["subject"].clone()).collect::<Vec<_>>(), ["m0", "m1", "m2"]);
    let summary = place.json(&format!("fit c.csv {COLUMNS} --by subject --bootstrap 0 --hierarchical"));
    let rows: Vec<&Value> = summary.as_array().unwrap().iter().filter(|r| r["parameter"] == "conjunctivity").collect();
    assert_eq!(rows.iter().map(|r| r["unit"].as_str().unwrap()).collect::<Vec<_>>(), ["", "m0", "m1", "m2"]);
    // All alike: no spread, and every estimate is the mean.
    assert_eq!(rows[0]["between"], json!(0.0));
    assert_eq!((&rows[0]["n_units"], &rows[0]["n_excluded"]), (&json!(3), &json!(0)));
    for row in rows {
        assert_close(&row["estimate"], 0.3, 2e-2);
        assert!(row["low"].as_f64() < row["high"].as_f64());
    }
}

#[test]
fn nested_models_are_compared_on_subjects_left_out() {
    let place = Place::new();
    write_choices(&place, "c.csv", 4, 0.0, 0.8);
    let rows = place.json(&format!("fit c.csv {COLUMNS} --compare --folds 2 --position-bias"));
    let names: Vec<&str> = rows.as_array().unwrap().iter().map(|r| r["model_compared"].as_str().unwrap()).collect();
    assert_eq!(names, ["chance", "bias_only", "additive", "ridgeless", "no_bias", "full"]);
    assert_close(&rows[5]["difference"], 0.0, 1e-9);
    for row in &rows.as_array().unwrap()[..5] {
        assert!(row["difference"].as_f64().unwrap() < -1.0, "{row}");
    }
    assert_close(&rows[0]["held_out_each"], -std::f64::consts::LN_2, 1e-12);
}

#[test]
fn columns_named_as_their_roles_need_no_mapping_and_pictures_are_drawn() {
    let place = Place::new();
    let mut text = "higher,lower,accuracy,count\n".to_owned();
    for (a, b) in (0..6).flat_map(|a| (a + 1..6).map(move |b| (a, b))) {
        text += &format!("{a},{b},{},40\n", 0.5 + 0.08 * f64::from(b - a) + 0.01 * f64::from(a));
    }
    place.write("pairs.csv", text);
    let fit = place.json("fit pairs.csv --figure pairs.svg --distance-figure distance.pdf");
    assert_eq!((&fit[0]["n_pairs"], &fit[0]["n_clusters"]), (&json!(15), &json!(1)));
    // One cluster: the interval is over its trials.
    assert_eq!((&fit[0]["interval_over"], &fit[0]["gain_low"]), (&json!("trials"), &fit[0]["gain_profile_low"]));
    assert!(is_picture(&place.path("pairs.svg")) && is_picture(&place.path("distance.pdf")));
    // Named items, highest first.
    place.write("named.csv", "winner,loser\nann,bob\nbob,cat\nann,cat\nbob,ann\n");
    let fit = place.json("fit named.csv --order ann,bob,cat");
    assert_close(&fit[0]["n_trials"], 4.0, 0.0);
    place.refused_saying("fit named.csv --order ann,bob", &["named.csv", "cat"]);
}

#[test]
fn trial_tables_are_fitted_by_their_answers_and_by_other_learners() {
    let place = Place::new();
    trials::write(&place, "t.csv", &[PLAIN, EXCEPTION]);
    let by_answers = place.json("fit t.csv --loss logistic --position-bias --bootstrap 0");
    assert_eq!(
        keys(&by_answers[0])[..8],
        ["setting", "model", "task", "hier", "lora_r", "l2_reg", "conjunctivity", "c"]
    );
    assert_eq!(by_answers.as_array().unwrap().len(), 2);
    assert!(by_answers[0]["n_trials"].as_f64().unwrap() > 0.0);
    // With a bias to estimate, ridge regression by the surface is the same fit.
    let (plain, biased) =
        (place.json("fit t.csv --bootstrap 0"), place.json("fit t.csv --position-bias --bootstrap 0"));
    for (a, b) in plain.as_array().unwrap().iter().zip(biased.as_array().unwrap()) {
        assert_close(&b["conjunctivity"], a["conjunctivity"].as_f64().unwrap(), 1e-3);
        assert!(b["position_bias"].is_number());
    }
    let flow = place.json("fit t.csv --learner gradient-flow --bootstrap 20");
    assert!(flow[0]["time"].as_f64().unwrap() > 0.0 && flow[0]["r_squared"].as_f64().unwrap() > 0.9, "{}", flow[0]);
    let compared = place.ok("fit t.csv --compare --folds 3 --format csv");
    assert_eq!(records(&compared).len(), 1 + 2 * 4);
}

#[test]
fn what_does_not_fit_together_is_refused_in_one_line() {
    let place = Place::new();
    write_choices(&place, "c.csv", 2, 0.0, 0.0);
    trials::write(&place, "t.csv", &[PLAIN]);
    place.write("one.csv", "winner,loser\n0,1\n1,2\n");
    place.write("bad.csv", "winner,loser\n0,1\n1,1\n");
    for (line, words) in [
        ("fit c.csv --columns winner=chosen", vec!["loser"]),
        ("fit c.csv --columns winner=chosen,loser=nobody", vec!["nobody", "monkey"]),
        ("fit c.csv --columns winner=chosen,loser=other --train a --test b", vec!["trial tables"]),
        ("fit c.csv --columns winner=chosen,loser=other --loss squared", vec!["no margins"]),
        ("fit c.csv --columns winner=chosen,loser=other --by model", vec!["subject, session and condition"]),
        ("fit c.csv --columns winner=chosen,loser=other --exception 2 4", vec!["exception 2 4"]),
        (
            "fit c.csv --columns winner=chosen,loser=other,subject=monkey --by subject --cluster subject",
            vec!["--cluster", "one subject alone"],
        ),
        ("fit c.csv --columns winner=chosen,loser=other --trials 2.5", vec!["2.5 trials", "whole number"]),
        ("fit c.csv --preset somebody", vec!["somebody", "jensen2015-monkeys"]),
        ("fit bad.csv", vec!["bad.csv", "line 3"]),
        ("fit one.csv --compare", vec!["only one file"]),
        ("fit t.csv --exception 5 3", vec!["--exception", "trial tables"]),
        ("fit t.csv --by subject", vec!["setting, model, task and hier"]),
        ("fit t.csv --lapse", vec!["--loss logistic"]),
        ("fit t.csv --hierarchical --by hier", vec!["keep model"]),
        ("fit t.csv --figure f.svg", vec!["--figure"]),
        ("fit one.csv --compare --figure f.svg", vec!["--figure", "--compare"]),
        ("fit c.csv --columns winner=chosen,loser=other --figure f.gif", vec!["f.gif"]),
    ] {
        place.refused_saying(line, &words);
    }
}

#[test]
fn published_behavior_is_read_by_its_presets() {
    let Some(directory) = behavior() else { return };
    let place = Place::new();
    let monkeys = format!("{directory}/jensen2015_monkeys.csv");
    let fit = |options: &[&str]| -> Value {
        let output = place.command_of(
            &[&["fit", monkeys.as_str(), "--preset", "jensen2015-monkeys", "--format", "json"], options].concat(),
        );
        let output = { output }.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let all = fit(&["--bootstrap", "200", "--figure", "m.png"]);
    assert_eq!((&all[0]["n_pairs"], &all[0]["n_clusters"]), (&json!(21), &json!(57)));
    // Monkeys judge by a nearly additive representation.
    assert!(all[0]["conjunctivity"].as_f64().unwrap() < 0.05, "{}", all[0]);
    assert!(all[0]["deviance_explained"].as_f64().unwrap() > 0.95 && is_picture(&place.path("m.png")));
    assert_eq!(fit(&["--by", "session", "--bootstrap", "0"]).as_array().unwrap().len(), 57);
    let humans = format!("{directory}/jensen2015_humans.csv");
    place.refused_of(&["fit", &humans, "--preset", "jensen2015-humans", "--figure", "h.svg"]);
    let output = place
        .command_of(&[
            "fit",
            &humans,
            "--preset",
            "jensen2015-humans",
            "--distance-figure",
            "h.svg",
            "--bootstrap",
            "0",
        ])
        .output()
        .unwrap();
    assert!(output.status.success() && is_picture(&place.path("h.svg")));
}

#[test]
fn fits_to_distances_alone_are_doubtful_and_warned_of() {
    let place = Place::new();
    place.write("d.csv", "distance,accuracy,count\n1,0.9,600\n2,0.77,500\n3,0.84,400\n4,0.91,300\n");
    let run = place.run("fit d.csv");
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && told.contains("warning: the file tells symbolic distances only"), "{told}");
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let place = Place::new();
    write_choices(&place, "c.csv", 3, 0.0, 0.0);
    for (line, words) in [
        ("fit c.csv --compare --bootstrap 100", "--compare draws no bootstrap"),
        ("fit c.csv --by subject --hierarchical --bootstrap 100", "--hierarchical draws no bootstrap"),
        ("fit c.csv --phase pre", "--phase pre is for trial tables"),
        ("window -n 9 --presentation higher-first", "both orders"),
        ("phase -n 9 --presentation higher-first", "both orders"),
        ("conjunctivity --random-features relu --kind ntk", "--kind"),
        ("conjunctivity --network relu --seed 3", "--seed"),
    ] {
        place.refused_saying(&line.replace("c.csv", &format!("c.csv {COLUMNS}")), &[words]);
    }
}

#[test]
fn right_and_wrong_beside_a_winner_are_no_proportions() {
    let place = Place::new();
    place.write("c.csv", "winner,loser,accuracy\n1,2,1\n2,1,0\n2,3,1\n3,1,0\n1,3,1\n");
    place.refused_saying("fit c.csv", &["name these two alone (--columns winner=COLUMN,loser=COLUMN)"]);
    let says = ["\"accuracy\" (the accuracy) holds 0 and 1 only", "leave it out", "higher=COLUMN,lower=COLUMN"];
    place.refused_saying("fit c.csv --trials 1", &says);
    place.refused_saying("fit c.csv --columns winner=winner,loser=loser,accuracy=accuracy --trials 1", &says);
    place.write("n.csv", "winner,loser,accuracy,count\n1,2,1,9\n2,1,0,3\n2,3,1,9\n3,1,0,2\n1,3,1,4\n");
    place.refused_saying("fit n.csv", &says);
    place.write("s.csv", "left,right,correct\n1,2,1\n2,1,0\n2,3,TRUE\n3,1,0\n1,3,1\n");
    place.refused_saying(
        "fit s.csv --columns winner=left,loser=right,accuracy=correct --trials 1",
        &["holds 0 and 1 only"],
    );
    // Nor does the message about pairs in either order lead there.
    let fit = "fit s.csv --columns higher=left,lower=right,accuracy=correct --trials 1";
    place.refused_saying(fit, &["stands below the lower one", "winner=COLUMN,loser=COLUMN, without accuracy"]);
    place.write("chose.csv", "left,right,chose_left\n1,2,1\n2,1,0\n2,3,1\n3,1,0\n1,3,1\n2,3,0\n");
    place.ok("fit chose.csv --columns winner=left,loser=right,accuracy=chose_left --trials 1 --bootstrap 0");
    place.write("p.csv", "winner,loser,accuracy\n1,2,1\n2,3,0.75\n1,3,1\n");
    place.ok("fit p.csv --trials 4 --bootstrap 0");
}

#[test]
fn columns_that_matter_and_are_not_read_are_told() {
    let place = Place::new();
    let told = |line: &str| String::from_utf8(place.run(line).stderr).unwrap();
    let rows = [("1,2", "train"), ("2,3", "train"), ("1,3", "test"), ("2,1", "test"), ("2,3", "test"), ("1,2", "test")];
    for name in ["phase", "block", "trial_type", "stage", "Training", "part", "is_practice"] {
        let text: String = rows.iter().map(|(pair, value)| format!("{pair},{value}\n")).collect();
        place.write("p.csv", format!("winner,loser,{name}\n{text}"));
        let note = told("fit p.csv --bootstrap 0");
        let says = format!("\"{name}\" is not read, and rows with \"train\", \"test\" in it are taken together");
        assert!(note.contains(&says) && note.contains(&format!("--where {name}=test")), "{note}");
        assert!(!told(&format!("fit p.csv --bootstrap 0 --where {name}=test")).contains("not read"));
    }
    // A column that is read as the condition may tell the same.
    let text: String = rows.iter().map(|(pair, value)| format!("{pair},{value}\n")).collect();
    place.write("c.csv", format!("winner,loser,condition\n{text}"));
    let note = told("fit c.csv --bootstrap 0 --task 3");
    assert!(note.contains("the conditions \"train\" and \"test\" are taken together"), "{note}");
    assert!(!told("fit c.csv --bootstrap 0 --by condition --task 3").contains("taken together"));
    for name in ["weights", "counts", "games", "num", "wt", "repeats", "total", "observations", "wins", "N", "times"] {
        place.write("n.csv", format!("winner,loser,{name}\n1,2,2\n2,3,1\n1,3,4\n2,1,1\n"));
        assert!(told("fit n.csv --bootstrap 0").contains(&format!("the column {name} is not read")), "{name}");
    }
    place.write("r.csv", "winner,loser,correct\n1,2,1\n2,3,0\n1,3,1\n2,1,1\n");
    assert!(told("fit r.csv --bootstrap 0").contains("the column correct is not read, and the winner is taken for"));
}

#[test]
fn names_that_stand_in_several_files_and_copies_of_files_are_told() {
    let place = Place::new();
    let told = |line: &str| {
        let run = place.run(line);
        let told = String::from_utf8(run.stderr).unwrap();
        assert!(run.status.success(), "{line}: {told}");
        told
    };
    let rows =
        |subject: &str, last: &str| format!("winner,loser,subject\n1,2,{subject}\n2,3,{subject}\n{last},{subject}\n");
    place.write("a.csv", rows("1", "1,3")).write("b.csv", rows("1", "3,1")).write("c.csv", rows("2", "2,1"));
    let note = told("fit a.csv b.csv c.csv --bootstrap 0");
    assert!(note.contains("the subject \"1\" stands in 2 files and is taken for one and the same"), "{note}");
    assert!(note.contains("subject=COLUMN") && note.contains("person=1/"), "{note}");
    assert!(!told("fit a.csv c.csv --bootstrap 0").contains("one and the same"));
    let session = |name: &str, last: &str| place.write(name, format!("winner,loser,session\n1,2,1\n2,3,1\n{last},1\n"));
    session("s1.csv", "1,3");
    session("s2.csv", "3,1");
    assert!(told("fit s1.csv s2.csv --bootstrap 0").contains("the session \"1\" stands in 2 files"));
    // Of those that folders tell apart nothing is said.
    for (subject, last) in [("1", "1,3"), ("2", "3,1"), ("3", "1,3")] {
        place.make_directory(&format!("all/subject={subject}"));
        place.write(&format!("all/subject={subject}/c.csv"), format!("winner,loser\n1,2\n2,3\n{last}\n"));
    }
    assert!(!told("fit all --bootstrap 0").contains("files"));
    place.write("p.csv", "winner,loser\n1,2\n2,3\n1,3\n").write("q.csv", "winner,loser\n1,2\n2,3\n3,1\n");
    assert!(told("fit p.csv q.csv --bootstrap 0").contains("the choices of 2 files are taken together as of one"));
    // A folder and a column that say different things are asked about, where the column is read.
    place.make_directory("odd/subject=1").write("odd/subject=1/c.csv", "winner,loser,subject\n1,2,1\n2,3,1\n1,3,2\n");
    place.refused_saying(
        "fit odd --bootstrap 0",
        &["line 4", "the column subject says \"2\", and the folder subject=1", "of another name"],
    );
    place.ok("fit odd --bootstrap 0 --columns winner=winner,loser=loser");
    // As the note says: a folder of another name is a column.
    for person in ["1", "2"] {
        let file = format!("people/person={person}/c.csv");
        place.make_directory(&format!("people/person={person}"));
        place.write(&file, rows("1", if person == "1" { "1,3" } else { "3,1" }));
    }
    let note = told("fit people --bootstrap 0 --columns winner=winner,loser=loser,subject=person");
    assert!(!note.contains("one and the same"), "{note}");
    // The same under two names counts once or not at all.
    place.write("p (copy).csv", "winner,loser\n1,2\n2,3\n1,3\n");
    let copies = place.command_of(&["fit", "p.csv", "p (copy).csv"]).output().unwrap();
    let says = String::from_utf8(copies.stderr).unwrap();
    assert!(says.contains("p (copy).csv: holds byte for byte what p.csv holds"), "{says}");
    assert_eq!(copies.status.code(), Some(2), "{says}");
    place
        .write("all/subject=3/.c.csv", "winner,loser\n3,1\n")
        .make_directory("all/_old")
        .write("all/_old/c.csv", "winner,loser\n3,1\n");
    let note = told("fit all --bootstrap 0");
    assert!(note.contains("names that begin with . or _ are passed over; passed over: "), "{note}");
    assert!(note.contains("all/_old/c.csv and 1 more"), "{note}");
}

#[test]
fn codes_in_place_of_ranks_are_asked_about() {
    let place = Place::new();
    let all = (0..7).flat_map(|i| (i + 1..7).map(move |j| format!("{i},{j}\n"))).collect::<String>();
    for code in ["99", "999", "100000"] {
        place.write("c.csv", format!("winner,loser\n{all}0,{code}\n"));
        let says = format!("the ranks run from 0 to {code}, and only 8 of these");
        place.refused_saying("fit c.csv --bootstrap 0", &[&says, "--where", "-n "]);
    }
    place.write("c.csv", format!("winner,loser\n{all}0,99\n"));
    place.ok("fit c.csv --bootstrap 0 --where loser!=99");
    // A long list of which most occur is one.
    let long = (0..40).map(|i| format!("{i},{}\n", i + 2)).collect::<String>();
    place.write("long.csv", format!("winner,loser\n{long}"));
    place.ok("fit long.csv --bootstrap 0");
}

#[test]
fn counts_that_are_no_numbers_of_trials_are_refused() {
    let place = Place::new();
    let rows = |unit: f64| {
        let of = |pair: &str, n: f64| format!("{pair},{}\n", n * unit);
        [of("1,2", 15.0), of("2,1", 5.0), of("2,3", 12.0), of("3,2", 8.0), of("1,3", 18.0), of("3,1", 2.0)].concat()
    };
    place.write("n.csv", format!("winner,loser,count\n{}", rows(1.0)));
    place.ok("fit n.csv --bootstrap 0");
    place.write("tiny.csv", format!("winner,loser,count\n{}", rows(1e-9)));
    place.refused_saying("fit tiny.csv", &["the counts add up to 6", "e-8 trials", "expected numbers of trials"]);
}
