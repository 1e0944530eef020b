//! Odd but valid input, closed pipes, and help.

use std::process::{Command, Stdio};

use crate::common::{Place, margins};

const COMMANDS: [&str; 10] =
    ["task", "predict", "window", "phase", "conjunctivity", "rank", "fit", "figure", "reproduce", "completions"];

/// Runs the command with standard output closed at the other end before anything is written.
fn into_closed_pipe(place: &Place, line: &str) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("caveat"));
    command.args(line.split_whitespace()).current_dir(place.path(""));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "caveat {line}: {:?} {complaint}", output.status);
}

#[test]
fn a_closed_standard_output_is_no_error() {
    let place = Place::new();
    for format in ["table", "csv", "json"] {
        for line in [
            "predict -n 300 --alpha 0.2",
            "task -n 200",
            "phase -n 9 --grid 50x50",
            "window -n 9",
            "conjunctivity --network relu",
        ] {
            into_closed_pipe(&place, &format!("{line} --format {format}"));
        }
    }
    for line in ["--help", "predict --help", "--version", "completions zsh"] {
        into_closed_pipe(&place, line);
    }
}

#[test]
fn a_closed_standard_error_is_no_error() {
    let place = Place::new();
    place.write("c.csv", "winner,loser\na,b\n");
    for (line, code) in [("rank c.csv", 0), ("figure task", 0), ("predict -n 1 --alpha 0.2", 2), ("nothing", 2)] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("caveat"));
        command.args(line.split_whitespace()).current_dir(place.path("")).stdout(Stdio::null());
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(command.stderr(writer).status().unwrap().code(), Some(code), "caveat {line}");
    }
}

#[test]
fn odd_tasks_run_through_every_command() {
    let place = Place::new();
    let tasks = [
        "-n 2",
        "-n 2 --exception 1 0",
        "-n 3",
        "-n 3 --exception 2 0",
        "-n 9 --exception 8 0",
        "-n 4 --exception 1 0 --exception 2 1 --exception 3 2",
        "-n 4 --exception 1 0 --exception 2 1 --exception 3 2 --exception 2 0 --exception 3 1 --exception 3 0",
    ];
    for task in tasks {
        for options in ["--c inf", "--c 0.5", "--time 3"] {
            let w = place.json(&format!("window {task} {options}"));
            assert!(w["balances"].is_boolean(), "{task}: {w}");
        }
        place.ok(&format!("task {task}"));
        place.ok(&format!("phase {task} --grid 3x3 --figure phase.svg -o phase.csv"));
        place.ok(&format!("phase {task} --grid 3x3 --gradient-flow"));
        for figure in ["task", "margins", "mechanism"] {
            place.ok(&format!("figure {figure} {task}"));
        }
    }
}

#[test]
fn odd_tasks_have_finite_margins_at_every_extreme() {
    let place = Place::new();
    let tasks = [
        "-n 2",
        "-n 2 --exception 1 0",
        "-n 3",
        "-n 9 --exception 8 0",
        "-n 3 --exception 1 0 --exception 2 1 --exception 2 0",
    ];
    let models = [
        "--alpha 0",
        "--alpha 1",
        "--alpha 1 --c 1",
        "--alpha 0.2",
        "--alpha 0.2 --c 1e-300",
        "--alpha 0.2 --c 1e300",
        "--alpha 0 --c 1e300",
        "--alpha 1e-300",
        "--alpha 0.2 --time 1e-300",
        "--alpha 0.2 --time 1e300",
        "--alpha 0 --time inf",
        "--alpha 1 --time 2",
        "--alpha 0.2 --c 3 --learner logistic",
        "--alpha 0.2 --c 3 --presentation winner-first",
    ];
    for task in tasks {
        for model in models {
            let line = format!("predict {task} {model}");
            let f = margins(&place.json(&line));
            assert!(f.iter().flatten().all(|x| x.abs() <= 2.0 + 1e-12), "{line}: {f:?}");
            assert!(!place.ok(&line).contains("NaN"), "{line}");
        }
    }
}

#[test]
fn an_adjacent_exception_turns_the_only_pair() {
    let place = Place::new();
    let f = margins(&place.json("predict -n 2 --exception 1 0 --alpha 0.2"));
    assert!((f[1][0] - 1.0).abs() < 1e-14 && (f[0][1] + 1.0).abs() < 1e-14);
}

#[test]
fn an_exception_over_the_whole_chain_ties_all_ranks() {
    // Every item wins once and loses once.
    let place = Place::new();
    let p = place.json("predict -n 9 --exception 8 0 --alpha 0.2 --c 10");
    assert!(crate::common::numbers(&p["ranks"]).iter().all(|r| r.abs() < 1e-15));
    assert!((p["margins"][8][0].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-14);
}

#[test]
fn help_of_every_command_shows_an_example() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.ok(&format!("{command} --help"));
        assert!(help.contains("Example") && help.contains(&format!("caveat {command} ")), "{help}");
        assert!(help.contains("Usage:"), "{help}");
    }
    let help = place.ok("--help");
    assert!(COMMANDS.iter().all(|command| help.contains(command)) && help.contains("Examples:"));
    assert!(place.ok("--version").starts_with("caveat "));
}

#[test]
fn every_example_in_the_help_is_accepted_by_the_parser() {
    let place = Place::new();
    let mut tried = 0;
    for command in COMMANDS {
        for line in place.ok(&format!("{command} --help")).lines() {
            let Some(example) = line.trim().strip_prefix("caveat ") else { continue };
            // What follows two spaces explains the example; `>` is the shell's.
            let example = example.split("  ").next().unwrap().split('>').next().unwrap();
            // --help at the end: the parser reads the line up to there, and nothing is run.
            let output = place.run(&format!("{example} --help"));
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && complaint.is_empty(), "{example}: {complaint}");
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn without_a_command_help_is_shown_as_bad_usage() {
    let output = Place::new().run("");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && String::from_utf8_lossy(&output.stderr).contains("Usage: caveat <COMMAND>"));
}
