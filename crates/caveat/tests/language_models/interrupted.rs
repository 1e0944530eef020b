//! `caveat lm run` and `caveat lm sweep` ended from outside: nothing half-written, and the next call goes on.
#![cfg(unix)]

use std::fs;
use std::path::Path;

use crate::common::Place;
use crate::lm::{self, RUN, RUNS, Running, lab};
use serde_json::{Value, json};

/// Steps of a tiny model that take minutes.
const LONG: &str = "--epochs 1000000";

/// Starts a run, and waits until it has its folder.
fn started(place: &Place, options: &str) -> Running {
    let mut running = Running::start(place, &format!("{RUN} {LONG} {options}"));
    running.wait_until(|| is_begun(place));
    running
}

/// Whether a run has its hidden folder.
fn is_begun(place: &Place) -> bool {
    let runs = place.path(RUNS);
    runs.is_dir() && lm::names(&runs).iter().any(|name| name.starts_with(".seed0_fwd.") && name.ends_with(".partial"))
}

/// How a run ended, and what it said.
fn ended(running: Running) -> (Option<i32>, String) {
    let output = running.end();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn training_keeps_its_memory_unless_told_otherwise() {
    let place = lab();
    const DELAY: &str = "MIMALLOC_PURGE_DELAY";
    for (given, expected) in [(None, "-1"), (Some("7"), "7")] {
        let given: Vec<(&str, &str)> = given.map(|delay| (DELAY, delay)).into_iter().collect();
        let mut running = Running::start_with(&place, &format!("{RUN} {LONG}"), &given);
        running.wait_until(|| is_begun(&place));
        let environment = fs::read_to_string(format!("/proc/{}/environ", running.id())).unwrap();
        assert!(environment.split('\0').any(|variable| variable == format!("{DELAY}={expected}")), "{expected}");
        running.signal("INT");
        assert_eq!(ended(running).0, Some(130));
    }
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let place = lab();
    let before = place.content();
    for signal in ["INT", "TERM"] {
        let running = started(&place, "");
        running.signal(signal);
        assert_eq!(ended(running), (Some(130), "interrupted: nothing is left behind\n".into()));
        assert!(place.content() == before, "{signal}");
    }
}

#[test]
fn an_interrupted_replacement_leaves_the_run_that_was_there() {
    let place = lab();
    place.ok(&format!("{RUN} --epochs 2 --save model"));
    let before = place.content();
    let running = started(&place, "--force");
    running.signal("INT");
    assert_eq!(ended(running).0, Some(130));
    assert!(place.content() == before);
}

#[test]
fn a_run_that_another_process_is_at_is_left_to_it() {
    let place = lab();
    let running = started(&place, "");
    let output = place.run(&format!("{RUN} {LONG}"));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    let process = format!("error: {RUNS}/seed0_fwd: process {} on ", running.id());
    assert!(complaint.starts_with(&process) && complaint.ends_with(" is at this run\n"), "{complaint}");
    running.signal("KILL");
    assert_eq!(ended(running), (None, String::new()));
    // What is left is hidden, makes no run, and is taken away by the next.
    let left = lm::names(&place.path(RUNS));
    assert!(left.len() == 2 && left.iter().all(|name| name.starts_with(".seed0_fwd.")), "{left:?}");
    place.refused_saying("results convert runs -o trials.csv", &["runs"]);
    lm::run(&place, &format!("{RUN} --epochs 2"));
    assert_eq!(lm::names(&place.path(RUNS)), ["seed0_fwd"]);
}

/// Twenty-four runs of some milliseconds.
const SWEEP: &str = "
    [defaults]
    models = 'llama'
    items = { set = 'towns.txt', template = 'own.txt' }
    hierarchies = 'ti_n6'
    [[grid]]
    seeds = '0-11'
    orders = ['fwd', 'rev']
    epochs = 5
";
/// One more, so that no sweep ends before it is ended.
const ENDLESS: &str = "
    [[grid]]
    hierarchies = 'ti_n5'
    epochs = 1000000
";

/// Starts a sweep without end, and waits until a run is there.
fn sweeping(place: &Place, run: &str) -> Running {
    place.write("sweep.toml", format!("{SWEEP}{ENDLESS}"));
    let mut running = Running::start(place, "lm sweep sweep.toml --format json");
    running.wait_until(|| place.path("runs/llama/towns/ti_n6").join(run).is_dir());
    running
}

/// The number of visible runs, all of which must be whole.
fn whole_runs(place: &Place) -> usize {
    let folder = place.path("runs/llama/towns/ti_n6");
    let visible: Vec<String> = if folder.is_dir() { lm::names(&folder) } else { Vec::new() };
    let visible: Vec<&String> = visible.iter().filter(|name| !name.starts_with('.')).collect();
    for name in &visible {
        let results = fs::read_to_string(folder.join(name).join("results.json")).unwrap();
        let results: Value = serde_json::from_str(&results).unwrap();
        assert_eq!(results["post_finetune"].as_array().unwrap().len(), 30, "{name}");
    }
    visible.len()
}

/// The same sweep with an end does what is left, and then nothing.
fn assert_goes_on(place: &Place) {
    place.write("sweep.toml", SWEEP);
    let there = whole_runs(place);
    let report = place.json("lm sweep sweep.toml");
    let counts = ["runs", "there", "done", "busy", "failed", "left"].map(|key| report[key].as_u64().unwrap() as usize);
    assert_eq!(counts, [24, there, 24 - there, 0, 0, 0]);
    assert_eq!((whole_runs(place), lm::names(&place.path("runs/llama/towns/ti_n6")).len()), (24, 24));
    assert_eq!(place.json("lm sweep sweep.toml")["there"], json!(24));
}

#[test]
fn a_sweep_that_is_killed_goes_on_where_it_was() {
    let place = lab();
    // In the first run, and twice somewhere later.
    for (run, at_least) in [("", 0), ("seed0_rev", 2), ("seed3_fwd", 7)] {
        let running = sweeping(&place, run);
        running.signal("KILL");
        assert_eq!(running.end().status.code(), None);
        assert!(whole_runs(&place) >= at_least);
    }
    assert_goes_on(&place);
}

#[test]
fn an_interrupted_sweep_says_so_and_goes_on() {
    let place = lab();
    let running = sweeping(&place, "seed1_fwd");
    running.signal("INT");
    let output = running.end();
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.lines().last(), Some("interrupted: the same command goes on with the runs that are left"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted"], json!(true));
    let done = report["done"].as_u64().unwrap() as usize;
    assert!(done >= 3 && report["left"] == json!(25 - done));
    assert_eq!((whole_runs(&place), hidden(&place.path("runs"))), (done, 0));
    assert_goes_on(&place);
}

#[test]
fn two_sweeps_at_once_do_every_run_once() {
    let place = lab();
    place.write("sweep.toml", SWEEP);
    let both = [(); 2].map(|()| Running::start(&place, "lm sweep sweep.toml --format json --threads 1"));
    let reports = both.map(|running| {
        let output = running.end();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    });
    let sum = |key: &str| reports.iter().map(|report| report[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("done"), sum("failed"), sum("left")), (24, 0, 0));
    assert_goes_on(&place);
}

/// Hidden files and folders at any depth.
fn hidden(folder: &Path) -> usize {
    let below = |name: &String| if folder.join(name).is_dir() { hidden(&folder.join(name)) } else { 0 };
    lm::names(folder).iter().map(|name| usize::from(name.starts_with('.')) + below(name)).sum()
}
