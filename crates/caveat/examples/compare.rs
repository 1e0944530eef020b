//! Our side of the comparison in benches/compare.py: does one job and prints its times as JSON.
//!
//! `compare phase` · `compare rank FILE ITEMS CONJUNCTIVITY C TOLERANCE` (pairs of little-endian u32) · `compare published DIR` ·
//! `compare statistics DIR` · `compare python`

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use caveat_results::{GroupColumn, Phase, Selection, read_conditions, read_pair_table, summarize};
use caveat_theory::inference::predicted_margins;
use caveat_theory::margins::graph;
use caveat_theory::margins::laplacian::SparseSolver;
use caveat_theory::{
    Comparison, ComparisonGraph, ExchangeableKernel, Learner, MarginFitter, Margins, PairClass, PhaseAxes, RidgeModel,
    TransitiveTask, balance_window, flow, logistic, phase_grid,
};
use serde_json::json;

/// The same as in the command and in the Python package.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["phase"] => phase()?,
        ["rank", file, items, alpha, c, tolerance] => {
            rank(file, items.parse()?, RidgeModel::new(alpha.parse()?, c.parse()?)?, tolerance.parse()?)?
        }
        ["published", directory] => published(directory)?,
        ["statistics", directory] => statistics(directory)?,
        ["python"] => python()?,
        _ => bail!(
            "usage: compare phase | rank FILE ITEMS CONJUNCTIVITY C TOLERANCE | published DIR | statistics DIR | python"
        ),
    };
    println!("{result}");
    Ok(())
}

/// The 400 × 400 grid of (9; 5 3), all classes; the median of five.
fn phase() -> Result<serde_json::Value> {
    let task = TransitiveTask::new(9, &[(5, 3)])?;
    let axes = PhaseAxes::cell_centers(400, 400, (0.0, 1.0), (1e-3, 1e1))?;
    let (seconds, grid) = timed(5, || Ok(phase_grid(&task, &axes, &|_| ())?))?;
    let checksum: f64 = grid.class(PairClass::CrossSection).iter().sum();
    Ok(json!({ "configurations": 160_000, "seconds": seconds, "mean_cross_section": checksum / 160_000.0 }))
}

fn rank(file: &str, n_items: usize, model: RidgeModel, tolerance: f64) -> Result<serde_json::Value> {
    let bytes = std::fs::read(file).with_context(|| file.to_owned())?;
    let start = Instant::now();
    let numbers = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let pairs: Vec<usize> = numbers.collect();
    let graph = ComparisonGraph::new(n_items, pairs.chunks_exact(2).map(|p| Comparison::new(p[0], p[1])))?;
    drop((pairs, bytes));
    let built = start.elapsed().as_secs_f64();
    let solver = SparseSolver { tolerance, ..SparseSolver::default() };
    let (seconds, solution) = timed(3, || Ok(graph::solve_with(&graph, &model, &solver)?))?;
    Ok(json!({
        "build_seconds": built,
        "solve_seconds": seconds,
        "iterations": solution.info.iterations,
        "relative_residual": solution.info.relative_residual,
        "ranks": &solution.ranks[..5],
        "peak_bytes": peak_bytes(),
    }))
}

fn published(directory: &str) -> Result<serde_json::Value> {
    let paths = [PathBuf::from(directory)];
    let (seconds, conditions) = timed(5, || Ok(read_conditions(&paths, Phase::Post, &|_, _| ())?))?;
    let sum: f64 = conditions.iter().flat_map(|c| c.margins()).map(|m| m.margin.abs()).sum();
    Ok(json!({
        "seconds": seconds,
        "conditions": conditions.len(),
        "sum_of_absolute_margins": sum,
        "peak_bytes": peak_bytes(),
    }))
}

/// The table of ordered pairs, and a summary by setting, hierarchy and class.
fn statistics(directory: &str) -> Result<serde_json::Value> {
    let paths = [PathBuf::from(directory)];
    let by = ["setting", "hier"].map(str::parse::<GroupColumn>).into_iter().collect::<Result<Vec<_>, _>>()?;
    let selection = Selection::new(Vec::new(), &by);
    let (pair_seconds, pairs) = timed(5, || Ok(read_pair_table(&paths, Phase::Post, &|_, _| ())?))?;
    let (summary_seconds, summary) = timed(5, || Ok(summarize(&paths, &by, &selection, &|_, _| ())?))?;
    let (cells, groups) = (pairs.cells, summary.groups);
    Ok(json!({
        "pair_seconds": pair_seconds,
        "cells": cells.len(),
        "sum_of_probabilities": cells.iter().map(|c| c.prob_yes).sum::<f64>(),
        "sum_of_margins": cells.iter().map(|c| c.margin).sum::<f64>(),
        "correct": cells.iter().map(|c| c.n_correct).sum::<u64>(),
        "yes": cells.iter().map(|c| c.n_yes).sum::<u64>(),
        "summary_seconds": summary_seconds,
        "groups": groups.len(),
        "sum_of_accuracies": groups.iter().map(|g| g.accuracy()).filter(|a| !a.is_nan()).sum::<f64>(),
        "sum_of_errors": groups.iter().map(|g| g.margin_se).filter(|e| !e.is_nan()).sum::<f64>(),
        "peak_bytes": peak_bytes(),
    }))
}

/// What the Python package does in Rust, on (9; 5 3), and a grid of a million configurations.
fn python() -> Result<serde_json::Value> {
    let task = TransitiveTask::new(9, &[(5, 3)])?;
    let kernel = ExchangeableKernel::from_conjunctivity(0.2)?;
    let solve = || caveat_theory::solve(&task, &kernel, Learner::Ridge { c: 10.0 }, None);
    let solution = solve()?;
    let pairs: Vec<(usize, usize)> = (0..9).flat_map(|i| (i + 1..9).map(move |j| (i, j))).collect();
    let margins: Vec<f64> = pairs.iter().map(|&(i, j)| solution.margin(i, j)).collect();
    let fit = || MarginFitter::new(task.graph(), &pairs)?.fit(&margins);
    let fitted = fit()?;
    let learner = Learner::Ridge { c: 10.0 };
    let mut calls = serde_json::Map::new();
    let mut time = |name: &str, call: &dyn Fn() -> caveat_theory::Result<()>| -> Result<()> {
        let (seconds, ()) = timed(50, || (0..100).try_for_each(|_| Ok(call()?)))?;
        calls.insert(name.into(), json!(seconds / 100.0));
        Ok(())
    };
    time("TransitiveTask", &|| TransitiveTask::new(9, &[(5, 3)]).map(|t| drop(black_box(t))))?;
    time("solve", &|| solve().map(|s| drop(black_box(s))))?;
    time("solve, margins", &|| solve().map(|s| drop(black_box(s.matrix()))))?;
    time("accuracy", &|| task.classes().map(|c| _ = black_box(solution.accuracy(&c))))?;
    time("gradient_flow", &|| flow::solve(task.graph(), 0.2, 10.0, None).map(|s| drop(black_box(s))))?;
    time("logistic", &|| logistic::solve(task.graph(), &RidgeModel::new(0.2, 10.0)?).map(|s| drop(black_box(s))))?;
    time("balance_window", &|| balance_window(&task, learner).map(|w| _ = black_box(w)))?;
    time("fit", &|| fit().map(|f| drop(black_box(f))))?;
    time("predict", &|| predicted_margins(&fitted, task.graph(), &pairs).map(|p| drop(black_box(p))))?;
    let axes = PhaseAxes::cell_centers(1_000, 1_000, (0.0, 1.0), (1e-3, 1e1))?;
    let (seconds, _) = timed(9, || Ok(black_box(phase_grid(&task, &axes, &|_| ())?)))?;
    Ok(json!({ "calls": calls, "grid": seconds }))
}

/// Does a job this many times, at least once; returns its median time in seconds and its last result.
fn timed<T>(times: usize, job: impl Fn() -> Result<T>) -> Result<(f64, T)> {
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        let result = job()?;
        seconds.push(start.elapsed().as_secs_f64());
        if seconds.len() >= times {
            seconds.sort_by(f64::total_cmp);
            return Ok((seconds[seconds.len() / 2], result));
        }
    }
}

/// Largest resident size of this process, where the system tells it (Linux).
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}
