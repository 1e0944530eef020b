//! Kernels of pair representations: exchangeable ones in closed form, and the networks and measurements that they come from.
//!
//! A representation treats all items alike if its kernel K((i, j), (k, l)) is unchanged when items are relabeled. Such a kernel takes six
//! values ([`exchangeable`]), and where each pair is shown in both orders only one number of them matters, the conjunctivity α:
//!
//! > k(e, e′) = h·⟨b_e, b_e′⟩ + α·[e = e′],  h = (1 − α)/2,  b_e = e_i − e_j for the pair e = (i, j),
//!
//! normalized to k(e, e) = 1. Where α comes from: wide networks ([`network`]), finite random ones ([`random_features`]),
//! and whatever was measured ([`measured`]).
//!
//! Source: Lippl et al. 2024, doi:10.1073/pnas.2314511121, and Cheng & Lippl 2026, arXiv 2605.22972; §2.

pub mod exchangeable;
pub mod measured;
pub mod network;
pub mod random_features;
mod subspace;

pub use exchangeable::{ExchangeableKernel, KernelEigenvalue, RidgeModel};
pub use measured::{MeasuredKernel, StoredPrecision, n_items_from_pairs};
pub use network::{Activation, NetworkKernel, NetworkKernelKind, conjunctivity_by_depth};
pub use random_features::{RandomFeatures, RandomFeaturesEstimate};
pub use subspace::Subspace;
