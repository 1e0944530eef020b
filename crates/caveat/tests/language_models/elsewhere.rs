//! `caveat lm run` and `caveat lm sweep` beside processes on other machines: locks that are no system's, and runs done twice.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use crate::common::Place;
use crate::lm::{self, RUN, RUNS, Running, lab};
use serde_json::{Value, json};

/// The lock of a process on another machine, as old as that.
fn foreign_lock(place: &Place, age: Duration) {
    fs::create_dir_all(place.path(RUNS)).unwrap();
    let owner = json!({ "token": "00000000000000ff", "host": "node7", "machine": "another start", "pid": 4711, "started": 1,
        "beat": "000000000003" });
    place.write(&format!("{RUNS}/.seed0_fwd.lock"), format!("{owner}\n"));
    let lock = File::options().write(true).open(place.path(&format!("{RUNS}/.seed0_fwd.lock"))).unwrap();
    lock.set_modified(SystemTime::now() - age).unwrap();
    place.make_directory(&format!("{RUNS}/.seed0_fwd.00000000000000ff.partial"));
}

/// One run by a sweep.
fn sweep(place: &Place) {
    place.write(
        "sweep.toml",
        "[[grid]]\nmodels = 'llama'\nitems = { set = 'towns.txt', template = 'own.txt' }\nhierarchies = 'exc_4_1_n6'\nepochs = 2",
    );
}

fn counts(report: &Value) -> [u64; 5] {
    ["done", "there", "busy", "failed", "left"].map(|key| report[key].as_u64().unwrap())
}

#[test]
fn a_run_that_a_living_process_elsewhere_is_at_is_left_to_it() {
    let place = lab();
    sweep(&place);
    foreign_lock(&place, Duration::from_secs(20));
    let output = place.run(&format!("{RUN} --epochs 2"));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint, format!("error: {RUNS}/seed0_fwd: process 4711 on node7 is at this run\n"));
    let output = place.run("lm sweep sweep.toml --format json");
    assert!(output.status.success());
    assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap()), [0, 0, 1, 0, 0]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("process 4711 on node7 is at "));
    assert_eq!(lm::names(&place.path(RUNS)), [".seed0_fwd.00000000000000ff.partial", ".seed0_fwd.lock"]);
}

#[test]
fn a_run_that_a_dead_process_elsewhere_left_is_done_anew() {
    for is_sweep in [false, true] {
        let place = lab();
        sweep(&place);
        foreign_lock(&place, Duration::from_secs(3600));
        match is_sweep {
            true => assert_eq!(counts(&place.json("lm sweep sweep.toml")), [1, 0, 0, 0, 0]),
            false => drop(lm::run(&place, &format!("{RUN} --epochs 2"))),
        }
        assert_eq!(lm::names(&place.path(RUNS)), ["seed0_fwd"]);
    }
}

/// Starts a command, stops it within its run, and lets the same be done by another as if on another machine.
fn done_elsewhere(place: &Place, line: &str, other: &str) -> Running {
    let mut running = Running::start(place, line);
    let runs = place.path(RUNS);
    let is_begun = || runs.is_dir() && lm::names(&runs).iter().any(|name| name.ends_with(".partial"));
    running.wait_until(is_begun);
    running.signal("STOP");
    // The other machine has found it silent for minutes.
    fs::remove_file(runs.join(".seed0_fwd.lock")).unwrap();
    place.ok(other);
    assert_eq!(lm::names(&runs), ["seed0_fwd"]);
    running
}

#[test]
fn a_run_that_was_done_elsewhere_meanwhile_is_there_and_no_failure() {
    let place = lab();
    let line = format!("{RUN} --epochs 20 --format json");
    let running = done_elsewhere(&place, &line, &line);
    let before = place.content();
    running.signal("CONT");
    let output = running.end();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(told, "another process did the same run meanwhile: its results are kept\n");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["already_there"], json!(true));
    assert!(place.content() == before);
}

#[test]
fn a_sweep_counts_a_run_that_was_done_elsewhere_meanwhile_as_there() {
    let place = lab();
    sweep(&place);
    place.write("sweep.toml", place.text("sweep.toml").replace("epochs = 2", "epochs = 20"));
    let running = done_elsewhere(&place, "lm sweep sweep.toml --format json", "lm sweep sweep.toml");
    running.signal("CONT");
    let output = running.end();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(counts(&serde_json::from_slice(&output.stdout).unwrap()), [0, 1, 0, 0, 0]);
    assert!(told.contains("another process did "), "{told}");
    assert_eq!(lm::names(&place.path(RUNS)), ["seed0_fwd"]);
    assert!(!place.path("runs/failures.jsonl").exists());
}
