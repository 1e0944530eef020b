//! Inference from behavior: parameters from margins and choices, their uncertainty, predictions, and designs of experiments.
//!
//! A learner's observed margin of a pair is gain·f_{α,C}(i, j), gain ∈ (0, ∞) in units of what was observed; it chooses the item shown
//! first with probability
//!
//! > P(i) = λ/2 + (1 − λ)·σ(gain·f_{α,C}(i, j) + b),  σ(x) = 1/(1 + e^{−x}),
//!
//! λ ∈ [0, ½] the lapse rate and b ∈ ℝ the bias for the first position, in logits. R² is about zero, 1 − Σ residual²/Σ margin².
//!
//! | to | use | with |
//! |---|---|---|
//! | fit margins of ridge regression | [`MarginFitter`] | [`identified`], [`profile_intervals`], [`bootstrap()`], [`margin_intervals`] |
//! | fit margins of any learner | [`MarginModelFitter`] | its own intervals and bootstrap |
//! | fit margins of any kernel | [`KernelFitter`] | |
//! | fit choices | [`ChoiceFitter`] | its own intervals and bootstrap |
//! | fit many subjects or models | [`Hierarchy`] | |
//! | sample the posterior of many people | [`posterior::ChoicePosterior`] | [`posterior::sample`], [`posterior::diagnose`] |
//! | choose between models | [`mod@compare`] | |
//! | predict another task | [`predict()`], [`predicted_margins`] | [`prediction_intervals`], [`calibration`] |
//! | check the data's order | [`mod@opposite`] | |
//! | design an experiment | [`design`] | |
//!
//! Source: §9; the fits and predictions are this project's, the models those of Cheng & Lippl 2026, arXiv 2605.22972.

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
pub mod posterior;
pub mod predict;
mod response;

pub use choice::{ChoiceCount, ChoiceFit, ChoiceFitter, ordered_pairs};
pub use compare::{Candidate, Compared, ModelComparison, compare_choices, compare_margins};
pub use engine::profile::identify::identified;
pub use engine::profile::{MarginFitter, ObservedTask};
pub use engine::surface::LOGISTIC_MAX;
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
pub use intervals::profile::profile_intervals;
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
