//! The invariant subspaces of functions on ordered pairs, on which exchangeable kernels act one by one.

use serde::{Deserialize, Serialize};

use crate::named_enum;

named_enum! {
    /// The invariant subspaces of functions f(i, j) on ordered pairs, on each of which an exchangeable kernel acts by itself.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Subspace, ALL {
        /// The constant functions.
        #[serde(rename = "constant")]
        Constant = "constant",
        /// u_i + v_j with u and v of sum zero.
        #[serde(rename = "item-effect")]
        ItemEffect = "item-effect",
        /// Antisymmetric functions whose means over each item are 0.
        #[serde(rename = "cyclic (antisymmetric, zero item means)")]
        Cyclic = "cyclic (antisymmetric, zero item means)",
        /// Symmetric functions whose means over each item are 0.
        #[serde(rename = "symmetric (zero item means)")]
        Symmetric = "symmetric (zero item means)",
        /// The sign of the one pair of two items.
        #[serde(rename = "antisymmetric")]
        Sign = "antisymmetric",
    }
}
