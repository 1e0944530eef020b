//! Sweeps: many runs described by one file, each done only once, however often the sweep is interrupted and restarted.
//!
//! [`Sweep::read`] crosses the grids of a TOML file, and [`run_sweep`] does the runs that do not exist yet.

mod execute;
mod file;
mod plan;

pub use execute::{FAILURES, Outcome, SweepEvent, SweepOptions, SweepReport, run_sweep};
pub use plan::{ModelSource, Sweep, SweepModel, SweepRun, item_set};
