//! Exact theory of transitive inference with exceptions under kernel ridge regression on exchangeable representations.
//!
//! The files are the nouns of the theory: a [`task`] or [`comparison_graph`] says what is trained, a [`kernel`] says how
//! pairs are represented, [`margins`] says how every pair is then judged.

pub mod comparison_graph;
mod components;
pub mod error;
pub mod flow;
pub mod inference;
pub mod kernel;
pub mod learner;
pub mod logistic;
pub mod margins;
pub mod memory;
mod numeric;
pub mod pair_class;
pub mod phase;
pub mod ranking;
pub mod route;
pub mod solve;
pub mod task;
pub mod window;

pub use comparison_graph::{Comparison, ComparisonGraph, Edge, PresentationOrder, Trial};
pub use error::{ErrorKind, Result, TheoryError};
pub use inference::{MarginFit, MarginFitter};
pub use kernel::{
    Activation, ExchangeableKernel, MeasuredKernel, NetworkKernel, NetworkKernelKind, RandomFeatures,
    RandomFeaturesEstimate, RidgeModel, StoredPrecision, conjunctivity_by_depth, n_items_from_pairs,
};
pub use learner::{Learner, LearnerKind};
pub use margins::{Accuracy, Margins};
pub use pair_class::{PairClass, PairClasses, Section};
pub use phase::{PhaseAxes, PhaseGrid, phase_grid};
pub use route::Route;
pub use solve::{Kernel, Solution, SolutionInfo, Trained, solve};
pub use task::{Exception, TransitiveTask};
pub use window::{BalanceWindow, balance_window, window_boundaries};
