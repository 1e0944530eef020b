//! Inference from behavior: (α, C, gain) from margins, their uncertainty, and predictions for tasks not fitted.

mod basis;
pub mod bootstrap;
pub mod distributions;
pub mod fit;
pub mod identify;
mod minimize;
pub mod predict;
pub mod profile;
mod refit;

pub use bootstrap::{Interval, Intervals, bootstrap};
pub use fit::{Fit, FitLimit, MarginFitter, ObservedTask};
pub use identify::{Identified, PerParameter, identified};
pub use predict::{
    Calibration, FailureCounts, Prediction, PredictionIntervals, calibration, predict, prediction_intervals,
};
pub use profile::{Parameter, ProfileIntervals, profile, profile_intervals};
