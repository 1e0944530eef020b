//! Kernels of pair representations: exchangeable ones in closed form, and the networks and measurements that they come from.

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
