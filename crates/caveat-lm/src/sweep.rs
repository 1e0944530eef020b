//! Sweeps: many runs from one file, each done once, however often the sweep is broken off and begun again.
//!
//! [`Sweep::read`] crosses the grids of a TOML file, and [`run_sweep`] does what is not there yet.

mod execute;
mod file;
mod plan;

pub use execute::{FAILURES, Outcome, SweepEvent, SweepOptions, SweepReport, run_sweep};
pub use plan::{MAX_RUNS, ModelSource, Sweep, SweepModel, SweepRun, item_set};
