//! Exact theory of transitive inference with exceptions under kernel ridge regression on exchangeable representations.
//!
//! A learner is told that item 0 beats item 1, item 1 beats item 2, and so on, and one thing that does not fit: item 5 beats item 3. Can
//! it keep the exception and still infer that item 2 beats item 6? Solve such a task, fit margins that were observed without
//! an exception, and predict those with one:
//!
//! ```
//! use caveat_theory::inference::{MarginFitter, predicted_margins};
//! use caveat_theory::{ExchangeableKernel, Learner, Margins, TransitiveTask, solve};
//!
//! let (plain, exception) = (TransitiveTask::new(9, &[])?, TransitiveTask::new(9, &[(5, 3)])?);
//! let kernel = ExchangeableKernel::from_conjunctivity(0.2)?;
//! let truth = solve(&exception, &kernel, Learner::Ridge { c: 10.0 }, None)?;
//! assert!(truth.margin(2, 6) > 0.0 && truth.margin(5, 3) > 0.0); // it generalizes and remembers
//!
//! let pairs: Vec<(usize, usize)> = plain.classes()?.pairs().map(|(i, j, ..)| (i, j)).collect();
//! let observed = solve(&plain, &kernel, Learner::Ridge { c: 10.0 }, None)?;
//! let observed: Vec<f64> = pairs.iter().map(|&(i, j)| 3.0 * observed.margin(i, j)).collect();
//! let fit = MarginFitter::new(plain.graph(), &pairs)?.fit(&observed)?;
//! assert!((fit.estimates.conjunctivity - 0.2).abs() < 1e-4 && (fit.estimates.gain - 3.0).abs() < 1e-3);
//!
//! let predicted = predicted_margins(&fit, exception.graph(), &pairs)?; // nothing is fitted to the exception
//! let error = |(&(i, j), f): (&(usize, usize), &f64)| (f - 3.0 * truth.margin(i, j)).abs();
//! assert!(pairs.iter().zip(&predicted).map(error).fold(0.0, f64::max) < 1e-2);
//! # Ok::<(), caveat_theory::TheoryError>(())
//! ```
//!
//! # In reading order
//!
//! **What is trained.** [`task`]: a chain of items with exceptions. [`comparison_graph`]: any comparisons. [`pair_class`]: what they imply of
//! every other pair.
//!
//! **How pairs are represented.** [`kernel`]: six numbers, which come down to the conjunctivity α. Wide networks
//! ([`kernel::network`]), finite ones ([`kernel::random_features`]) and measurements ([`kernel::measured`]) have one.
//!
//! **How every pair is then judged.** [`learner`]: ridge regression, gradient flow and logistic regression. [`mod@solve`]: one call for all.
//! [`margins`] with its four routes, [`flow`] and [`logistic`]: the equations. [`route`]: their names. [`ranking`]: places
//! of items from ranks.
//!
//! **What follows.** [`window`]: for which α a learner generalizes and remembers. [`phase`]: accuracies over α and C.
//!
//! **What data tell.** [`inference`]: α, C and the gain from margins and choices, with intervals; other tasks predicted; experiments
//! designed.
//!
//! [`error`] says what was wrong and what would be right, [`memory`] refuses what would not fit, and [`Named`] are the choices that
//! have names.
//!
//! # Notation
//!
//! | symbol | domain | meaning |
//! |---|---|---|
//! | i, j | 0 … n − 1 | items; where they have an order, ranks, 0 the highest |
//! | f(i, j) | ℝ | margin of an ordered pair: positive says that i wins |
//! | y | \[−1, 1\] | label of a trained pair: 1 if its first item always wins |
//! | w | (0, ∞) | presentation weight of a trained pair, in presentations |
//! | α | \[0, 1\] | conjunctivity: 0 knows items and not pairs, 1 knows pairs and not items |
//! | h | \[0, ½\] | (1 − α)/2 |
//! | C | (0, ∞] | inverse regularization, in units of the kernel normalized to κ_id − κ_flip = 1 |
//! | t | \[0, ∞] | time of gradient flow, in the same units |
//! | μ | \[0, ∞] | screening (α + 1/(Cw))/h |
//! | m | \[0, 1\] | memorization weight α/(α + 1/(Cw)) of a trained pair |
//! | r | ℝⁿ | ranks: r_i − r_j is the margin of an untrained pair |
//! | B, L | | incidence matrix, a row e_i − e_j per trained pair i < j, and the Laplacian BᵀB |
//!
//! Tasks and question: Cheng & Lippl 2026, arXiv 2605.22972. Transitive inference without exceptions and the conjunctivity factor: Lippl,
//! Kay, Jensen, Ferrera & Abbott 2024, doi:10.1073/pnas.2314511121. Derivations: `docs/theory.md` of the repository, whose sections (§)
//! the modules name.

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
mod named;
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
pub use named::Named;
pub use pair_class::{PairClass, PairClasses, Section};
pub use phase::{PhaseAxes, PhaseGrid, phase_grid};
pub use route::Route;
pub use solve::{Kernel, Solution, SolutionInfo, Trained, solve};
pub use task::{Exception, TransitiveTask};
pub use window::{BalanceWindow, balance_window, window_boundaries};
