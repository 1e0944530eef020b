//! The Python module `caveat._lib`: the library crates in Python's and NumPy's terms, with no science of its own.

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

/// The allocator of the command, which the wheel holds too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Builds the package with language models in its command.
const BUILD: &str = "pip install ./python --config-settings build-args='--features lm'";

/// The compiled part of the package; everything public of it is found in `caveat`.
#[pyo3::pymodule]
mod _lib {
    #[pymodule_export]
    use crate::choices::{ChoiceFit, fit_choices};
    #[pymodule_export]
    use crate::design::{Design, design};
    #[pymodule_export]
    use crate::drawing::{conjunctivity_figure, margins_figure, mechanism_figure, task_figure, window_figure};
    #[pymodule_export]
    use crate::figure::Figure;
    #[pymodule_export]
    use crate::files::{PyCondition, read_choices, read_conditions, read_trials};
    #[pymodule_export]
    use crate::graph::ComparisonGraph;
    #[pymodule_export]
    use crate::inference::{Fit, Intervals, bootstrap, cluster_intervals, fit};
    #[pymodule_export]
    use crate::kept::restore;
    #[pymodule_export]
    use crate::kernel::{ExchangeableKernel, conjunctivity_by_depth};
    #[pymodule_export]
    use crate::labels::{is_missing_label, label_key, may_be_stage, may_count, merge_labels};
    #[pymodule_export]
    use crate::learning::{gradient_flow, logistic, solve};
    #[pymodule_export]
    use crate::prediction::{Prediction, PredictionIntervals, predict, prediction_intervals};
    #[pymodule_export]
    use crate::requests::{check_trials, fit_files, geometry_of_runs, placements, summarize_trials, trials_figure};
    #[pymodule_export]
    use crate::solution::{LogisticSolution, Solution};
    #[pymodule_export]
    use crate::table::Table;
    #[pymodule_export]
    use crate::task::TransitiveTask;
    #[pymodule_export]
    use crate::window::{BalanceWindow, balance_window, phase_axes, phase_figure, phase_grid};

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
