//! Inference from behavior: parameters from margins and choices, their uncertainty, predictions, and designs of experiments.

pub mod choice;
pub mod compare;
pub mod design;
mod distributions;
mod engine;
mod estimates;
pub mod hierarchy;
mod intervals;
pub mod kernel_fit;
mod margin_fit;
mod margins;
mod model;
pub mod opposite;
pub mod predict;
mod response;

pub use choice::{ChoiceCount, ChoiceFit, ChoiceFitter, ordered_pairs};
pub use compare::{Candidate, Compared, ModelComparison, compare_choices, compare_margins};
pub use engine::profile::identify::identified;
pub use engine::profile::{MarginFitter, ObservedTask};
pub use engine::surface::{LOGISTIC_MAX, Surface};
pub use estimates::{
    BootstrapIntervals, ClusterIntervals, Estimates, FitLimit, Interval, Parameter, ParameterInterval, PerParameter,
    ProfileIntervals,
};
pub use hierarchy::{
    Hierarchy, LARGEST_BETWEEN, PopulationFit, PopulationParameter, ShrunkenEstimate, UnitChoices, UnitMargins,
    UnitScale,
};
pub use intervals::bootstrap::bootstrap;
pub use intervals::clusters::margin_intervals;
pub use intervals::profile::{profile, profile_intervals};
pub use kernel_fit::{KernelFit, KernelFitter};
pub use margin_fit::MarginFit;
pub use margins::{MarginModelFitter, MarginObservation};
pub use model::ModelSpec;
pub use opposite::{check_positions, leans_against, leans_opposite, opposite_choices, opposite_margins};
pub use predict::{
    Calibration, FailureCounts, Prediction, PredictionIntervals, calibration, predict, predicted_failures,
    predicted_margins, prediction_intervals,
};
pub use response::{MAX_AMPLITUDE, MAX_LAPSE};
