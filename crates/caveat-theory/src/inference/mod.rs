//! Inference from behavior: (α, C, gain) from margins, their uncertainty, and predictions for tasks not fitted.

pub mod bootstrap;
pub mod design;
pub mod fit;
pub mod predict;

pub use bootstrap::{Interval, Intervals, bootstrap};
pub use fit::{Fit, FitLimit, MarginFitter, ObservedTask};
pub use predict::{Prediction, predict};
