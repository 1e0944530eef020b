//! The invariant subspaces of functions on ordered pairs, on which exchangeable kernels act one by one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The invariant subspaces of functions f(i, j) on ordered pairs, on each of which an exchangeable kernel acts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subspace {
    /// The constant functions.
    #[serde(rename = "constant")]
    Constant,
    /// u_i + v_j with u and v of sum zero.
    #[serde(rename = "item-effect")]
    ItemEffect,
    /// Antisymmetric functions whose means over each item are 0.
    #[serde(rename = "cyclic (antisymmetric, zero item means)")]
    Cyclic,
    /// Symmetric functions whose means over each item are 0.
    #[serde(rename = "symmetric (zero item means)")]
    Symmetric,
    /// The sign of the one pair of two items.
    #[serde(rename = "antisymmetric")]
    Sign,
}

impl Subspace {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::ItemEffect => "item-effect",
            Self::Cyclic => "cyclic (antisymmetric, zero item means)",
            Self::Symmetric => "symmetric (zero item means)",
            Self::Sign => "antisymmetric",
        }
    }
}

impl fmt::Display for Subspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
