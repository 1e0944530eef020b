//! The Python module `caveat._lib`: the library crates in terms of Python and NumPy, without any science of its own.

#[macro_use]
mod fields;

mod arguments;
mod arrays;
mod choices;
mod design;
mod drawing;
mod errors;
mod figure;
mod files;
mod graph;
mod inference;
mod kept;
mod kernel;
mod labels;
mod learning;
mod long;
mod observed;
mod prediction;
mod requests;
mod solution;
mod table;
mod task;
mod trained;
mod window;

/// The allocator of the command, which is in the wheel too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How to build the package with language models in its command.
const BUILD: &str = "pip install ./python --config-settings build-args='--features lm'";

/// The compiled part of the package; `caveat` exports what is public of it.
#[pyo3::pymodule]
mod _lib {
    #[pymodule_export]
    use crate::{
        choices::{ChoiceFit, fit_choices},
        design::{Design, design},
        drawing::{conjunctivity_figure, margins_figure, mechanism_figure, task_figure, window_figure},
        figure::Figure,
        files::{PyCondition, read_choices, read_conditions, read_trials},
        graph::ComparisonGraph,
        inference::{Fit, Intervals, bootstrap, cluster_intervals, fit},
        kept::restore,
        kernel::{ExchangeableKernel, conjunctivity_by_depth},
        labels::{is_missing_label, label_key, may_be_stage, may_count, merge_labels},
        learning::{gradient_flow, logistic, solve},
        prediction::{Prediction, PredictionIntervals, predict, prediction_intervals},
        requests::{check_trials, fit_files, geometry_of_runs, placements, summarize_trials, trials_figure},
        solution::{LogisticSolution, Solution},
        table::Table,
        task::TransitiveTask,
        window::{BalanceWindow, balance_window, phase_axes, phase_figure, phase_grid},
    };
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::long::remember_process();
        caveat::watch_memory();
        Ok(())
    }

    /// Runs the command with these arguments, the program's name first, and gives its exit code.
    #[pyfunction]
    fn command(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
        py.detach(|| caveat::run(arguments, super::BUILD))
    }
}
