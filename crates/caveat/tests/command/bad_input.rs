//! Bad usage and bad values: exit code 2, one line that says what would be right, and no file left behind.

use crate::common::{Place, TASK};

/// Every pair of options and words: the command with these options complains in these words.
fn refuses(command: &str, cases: &[(&str, &str)]) {
    let place = Place::new();
    for (options, words) in cases {
        place.refused_saying(&format!("{command} {options}"), &[words]);
    }
}

/// The same with the options that name an output.
fn refuses_with(output: &str, command: &str, cases: &[(&str, &str)]) {
    refuses(command, cases);
    refuses(&format!("{command} {output}"), cases);
}

#[test]
fn numbers_of_items_and_ranks_are_checked() {
    for command in ["predict --alpha 0.2", "window", "task", "phase"] {
        refuses_with(
            "-o out.csv",
            command,
            &[
                ("-n 1", "at least 2 items, got 1"),
                ("-n 0", "at least 2 items, got 0"),
                ("-n -3", "'-3' for '--n-items <N>': expected a whole number of items from 2"),
                ("-n nine", "expected a whole number of items"),
                ("-n 2.5", "expected a whole number of items"),
                ("-n 99999999999999999999999", "to 10000000"),
                ("", "--n-items <N>"),
                ("-n 9 --exception 9 3", "9 items have ranks 0 to 8"),
                ("-n 9 --exception 5 -3", "'-3' for '--exception <WINNER> <LOSER>': expected a rank"),
                ("-n 9 --exception 5 x", "expected a rank"),
                ("-n 9 --exception 3 5", "as in 5 3"),
                ("-n 9 --exception 4 4", "two different items"),
                ("-n 9 --exception 5 3 --exception 5 3", "given twice"),
                ("-n 9 --exception 5", "2 values required"),
                ("-n 9 --weight 0 1", "3 values required"),
                ("-n 9 --weight 0 1 -2", "positive, finite"),
                ("-n 9 --weight 0 1 x", "expected a number"),
                ("-n 9 --weight 0 1.5 2", "not a rank from 0 to 8"),
                ("-n 9 --weight 0 5 2", "weight a premise pair or an exception"),
                ("-n 9 --presentation any", "both, higher-first"),
            ],
        );
    }
}

#[test]
fn conjunctivities_are_from_0_to_1() {
    let rank = "between 0 (additive) and 1 (conjunctive)";
    refuses_with(
        "-o out.csv",
        &format!("predict {TASK}"),
        &[
            ("--alpha -0.1", rank),
            ("--alpha 1.5", rank),
            ("--alpha NaN", rank),
            ("--alpha abc", "expected a number, as in 0.2"),
            ("--alpha 0.2 --alpha 0.3", "cannot be used multiple times"),
            ("", "give --conjunctivity, --kernel or --kernel-matrix"),
        ],
    );
    refuses_with(
        "-o out.csv",
        &format!("phase {TASK}"),
        &[("--conjunctivity 0.5 0.1", "between the lower one and 1"), ("--conjunctivity -1 1", "out of range")],
    );
    let place = Place::new();
    assert!(place.refused_of(&["predict", "-n", "9", "--alpha", ""]).contains("expected a number"));
}

#[test]
fn regularization_and_time_are_positive() {
    for command in [format!("predict {TASK} --alpha 0.2"), format!("window {TASK}")] {
        refuses_with(
            "-o out.csv",
            &command,
            &[
                ("--c 0", "must be positive (inf is allowed)"),
                ("--c -1", "must be positive (inf is allowed)"),
                ("--c NaN", "must be positive (inf is allowed)"),
                ("--c much", "expected a number, as in 0.2, or inf"),
                ("--time 0", "expected a positive number, or inf"),
                ("--time -1", "expected a positive number, or inf"),
                ("--time NaN", "expected a positive number, or inf"),
                ("--time 3 --c 3", "cannot be used with"),
            ],
        );
    }
    refuses_with("-o out.svg --table out.csv", "figure margins", &[("--c 0", "must be positive")]);
    refuses_with(
        "-o out.csv",
        &format!("phase {TASK}"),
        &[
            (
                "--inverse-c 0 1",
                "--inverse-c 0e0 1e0: expected the lower and the upper end of a range within 1e-100 to 1e100",
            ),
            ("--inverse-c 2 1", "--inverse-c 2e0 1e0: expected the lower"),
            ("--inverse-c NaN 1", "--inverse-c NaN 1e0: expected the lower"),
            ("--inverse-c 1e-300 1e300", "--inverse-c 1e-300 1e300: expected the lower"),
            ("--inverse-c 1e-300 1e300 --figure out.svg", "--inverse-c 1e-300 1e300: expected the lower"),
            ("--inverse-c 1", "2 values required"),
        ],
    );
}

#[test]
fn kernels_are_six_values_of_a_definite_kernel() {
    refuses_with(
        "-o out.csv",
        &format!("predict {TASK} --c 4"),
        &[
            ("--kernel 1,0.2,0.9,0.9,0.2,0.2", "indefinite on ordered pairs of 9 items"),
            ("--kernel 1,1,0.5,0.5,0.2,0.2", "κ_id − κ_flip = 0"),
            ("--kernel 1,1.5,0.5,0.5,0.2,0.2", "must be positive"),
            ("--kernel 1,0.2,0.5,0.5,0.2", "expected six numbers"),
            ("--kernel 1,0.2,0.5,0.5,0.2,0.2,0.2", "got 7 fields"),
            ("--kernel 1,0.2,0.5,0.5,0.2,NaN", "finite"),
            ("--kernel 1,0.2,0.5,0.5,0.2,x", "expected six numbers"),
            ("--kernel 1,0.2,0.5,0.5,0.2,0.2 --alpha 0.2", "cannot be used with"),
        ],
    );
}

#[test]
fn routes_and_losses_that_do_not_apply_name_others() {
    refuses_with(
        "-o out.csv",
        &format!("predict {TASK} --alpha 0.2"),
        &[
            ("--learner logistic", "use a finite C"),
            ("--learner logistic --c inf", "use a finite C"),
            ("--learner logistic --c 3 --route dense", "leave out --route"),
            ("--learner logistic --c 3 --presentation winner-first", "both presentation orders"),
            ("--loss hinge", "squared, logistic"),
            ("--time 3 --route dense", "leave out --route"),
            ("--time 3 --learner logistic", "--time is of gradient flow"),
            ("--time 3 --learner ridge", "--time is of gradient flow"),
            ("--learner gradient-flow", "add --time T"),
            ("--learner logistic --loss squared", "cannot be used with"),
            ("--weight 0 1 2 --weight 1 0 3", "pair 1 0 has two weights"),
            ("--time 3 --presentation winner-first", "both presentation orders"),
            ("--route graph --presentation winner-first", "asymmetric or dense"),
            ("--route fast", "chain, graph, asymmetric, dense"),
            ("--project", "--project is for --kernel-matrix"),
        ],
    );
    refuses("predict -n 20000 --alpha 0.2 --ranks-only", &[("--route asymmetric", "use the graph route")]);
}

#[test]
fn unknown_commands_flags_names_and_formats_say_what_there_is() {
    refuses(
        "",
        &[
            ("nothing", "usage: caveat <COMMAND>"),
            ("figure nothing", "task, margins, mechanism, phase"),
            ("completions csh", "bash, elvish, fish"),
            ("conjunctivity --network sigmoid", "relu, linear, abs or leaky"),
            ("conjunctivity --network leaky:steep", "leaky:0.1"),
            ("conjunctivity --network relu --kind ntp", "nngp or ntk"),
            ("conjunctivity --network relu --depth -1", "expected a whole number"),
            ("conjunctivity --network relu --depth 999999999999", "at most"),
            ("conjunctivity --network relu --random-features relu", "cannot be used with"),
            ("conjunctivity", "--random-features"),
            ("conjunctivity --random-features relu --width 0", "at least 1"),
            ("conjunctivity --random-features relu --replicates 1", "at least 2"),
            ("conjunctivity --random-features relu --depth 0", "at least 1"),
            ("conjunctivity --random-features relu --seed -1", "expected a whole number"),
            ("fit", "<FILES>..."),
            ("rank", "<COMPARISONS>"),
        ],
    );
    refuses_with(
        "-o out.csv",
        &format!("predict {TASK} --alpha 0.2"),
        &[("--format yaml", "table, csv or json"), ("--frmat json", "tip: a similar argument exists: '--format'")],
    );
    refuses_with(
        "-o out.csv",
        &format!("phase {TASK}"),
        &[("--grid 0x5", "as in 400x400"), ("--grid 5", "as in 400x400"), ("--grid 1000001x1", "as in 400x400")],
    );
    refuses("reproduce --nothing", &[("", "usage: caveat reproduce")]);
}

#[test]
fn figures_refuse_what_they_do_not_heed_and_what_they_lack() {
    refuses_with(
        "-o out.svg --table out.csv",
        "figure",
        &[
            ("task --exception 5 3", "--n-items <N>"),
            ("task -n 9 --exception 3 5", "as in 5 3"),
            ("window -n 9", "does not depend on -n"),
            ("task --c 3", "does not depend on --c"),
            ("phase --published .", "does not depend on --published"),
            ("fitted-margins", "name them with --published"),
        ],
    );
    refuses("figure fitted-margins --published", &[("none", "cannot be read"), (".", "no trial tables found")]);
}

#[test]
fn places_that_cannot_be_written_are_refused_before_the_work() {
    let place = Place::new();
    place.make_directory("d.csv").make_directory("d.svg").write("file", "text");
    let commands = [
        format!("predict {TASK} --alpha 0.2"),
        format!("window {TASK}"),
        format!("task {TASK}"),
        format!("phase {TASK}"),
        "conjunctivity --network relu".into(),
        "rank absent.csv".into(),
        "fit absent.csv".into(),
    ];
    for command in &commands {
        place.refused_saying(&format!("{command} -o none/out.csv"), &["none/out.csv", "create it first"]);
        place.refused_saying(&format!("{command} -o file/out.csv"), &["file/out.csv"]);
        place.refused_saying(&format!("{command} -o d.csv"), &["d.csv", "it is a directory"]);
        for name in ["out.txt", "out", ".csv", "out.svg"] {
            place.refused_saying(&format!("{command} -o {name}"), &[name, ".parquet, .csv or .json"]);
        }
    }
    for command in ["figure task -o", "phase -n 9 -o out.csv --figure"] {
        place.refused_saying(&format!("{command} none/out.svg"), &["create it first"]);
        place.refused_saying(&format!("{command} d.svg"), &["it is a directory"]);
        place.refused_saying(&format!("{command} out.gif"), &[".svg, .pdf or .png"]);
        place.refused_saying(&format!("{command} out"), &[".svg, .pdf or .png"]);
    }
    place.refused_saying("figure task --table out.txt", &[".parquet, .csv or .json"]);
    place.refused_saying("figure task --table none/out.csv", &["create it first"]);
}

#[test]
fn reports_need_a_directory_and_tables() {
    let place = Place::new();
    place.write("file", "text").make_directory("empty").make_directory("taken").write("taken/tables", "text");
    place.refused_saying("reproduce --published none -o out", &["none: not a directory", "ti/*.parquet"]);
    place.refused_saying("reproduce --published file -o out", &["file: not a directory"]);
    place.refused_saying("reproduce --published empty -o out", &["empty: no trial tables found"]);
    place.refused_saying("reproduce -o file", &["file: it is a file where a directory is needed"]);
    place.refused_saying("reproduce -o file/deeper", &["file: it is a file where a directory is needed"]);
    place.refused_saying("reproduce -o taken", &["taken/tables: it is a file"]);
}

#[test]
fn names_with_line_breaks_do_not_break_the_line() {
    let place = Place::new();
    for arguments in [["rank", "a\nb.csv"], ["fit", "a\nb"], ["figure", "a\n\nUsage: b"]] {
        place.refused_of(&arguments);
    }
    place.refused_of(&["predict", "-n", "9", "--alpha", "0.2", "-o", "a\r\nb"]);
}

#[test]
fn what_memory_does_not_hold_is_refused_with_what_would_fit() {
    let place = Place::new();
    let words = ["cells needs", "of memory, and", "are free: a grid of", "would fit"];
    for output in ["-o out.parquet", "-o out.csv", "--format json", "--figure out.svg"] {
        place.refused_saying(&format!("phase {TASK} --grid 1000000x1000000 {output}"), &words);
    }
    place.refused_saying(&format!("phase {TASK} --grid 1000001x5"), &["from 1 to 1000000"]);
}
