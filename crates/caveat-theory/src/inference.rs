//! Inference from behavior: parameters from margins and choices, their uncertainty, predictions, and designs of experiments.

mod basis;
pub mod bootstrap;
pub mod choice;
pub mod compare;
pub mod design;
mod distributions;
mod estimates;
pub mod fit;
pub mod hierarchy;
pub mod identify;
pub mod kernel_fit;
mod model;
pub mod opposite;
pub mod predict;
pub mod profile;
mod refit;
pub mod surface;

pub use bootstrap::bootstrap;
pub use choice::{
    ChoiceCount, ChoiceFit, ChoiceFitter, MarginModelFitter, MarginObservation, margin_intervals, ordered_pairs,
};
pub use compare::{Candidate, Compared, ModelComparison, compare_choices, compare_margins, default_folds};
pub use estimates::{
    BootstrapIntervals, ClusterIntervals, Estimates, FitLimit, Interval, Parameter, ParameterInterval, PerParameter,
    ProfileIntervals,
};
pub use fit::{MarginFit, MarginFitter, ObservedTask};
pub use hierarchy::{
    Hierarchy, LARGEST_BETWEEN, PopulationFit, PopulationParameter, ShrunkenEstimate, UnitChoices, UnitMargins,
    UnitScale,
};
pub use identify::identified;
pub use kernel_fit::{KernelFit, KernelFitter};
pub use model::ModelSpec;
pub use opposite::{check_positions, leans_against, leans_opposite, opposite_choices, opposite_margins};
pub use predict::{
    Calibration, FailureCounts, Prediction, PredictionIntervals, calibration, predict, predicted_failures,
    predicted_margins, prediction_intervals,
};
pub use profile::{profile, profile_intervals};
pub use surface::Surface;
