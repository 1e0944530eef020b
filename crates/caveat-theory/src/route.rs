//! The ways in which margins are computed, by name.
//!
//! Each solves the equation of its module, and where several cover a problem they agree to rounding: (L + μI)r = Bᵀy on the chain, graph,
//! asymmetric and dense routes of the ridge (§3), da/dt = W(y − Ka) on the spectral and Krylov ones of the flow (§6), and Newton's steps of
//! logistic regression (§7).

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Result, TheoryError};

/// How margins are computed; the table in [`mod@crate::solve`] says what each covers and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Closed form on a chain, with exceptions for the ridge and without for gradient flow.
    Chain,
    /// Ridge: sparse equation for the ranks.
    Graph,
    /// Ridge: item effects by position, for kernels or trials that tell the positions apart.
    Asymmetric,
    /// Ridge: the full kernel matrix.
    Dense,
    /// Gradient flow: dense eigendecomposition.
    Spectral,
    /// Gradient flow: Lanczos approximation of the exponential.
    Krylov,
    /// Logistic regression: Newton's method on the ranks.
    Newton,
}

impl Route {
    /// Those of the ridge, which a user may choose among.
    pub const OF_RIDGE: [Self; 4] = [Self::Chain, Self::Graph, Self::Asymmetric, Self::Dense];

    /// Its name in files and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Graph => "graph",
            Self::Asymmetric => "asymmetric",
            Self::Dense => "dense",
            Self::Spectral => "spectral",
            Self::Krylov => "krylov",
            Self::Newton => "newton",
        }
    }

    /// The error of a route that does not apply, and why; `reason` also names one that does.
    pub(crate) fn unavailable(self, reason: impl Into<String>) -> TheoryError {
        TheoryError::RouteUnavailable { route: self.name(), reason: reason.into() }
    }

    /// Refuses with the obstacle that a route has found, if any.
    pub(crate) fn unless(self, obstacle: Option<String>) -> Result<()> {
        obstacle.map_or(Ok(()), |reason| Err(self.unavailable(reason)))
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Route {
    type Err = TheoryError;

    fn from_str(name: &str) -> Result<Self> {
        Self::OF_RIDGE.into_iter().find(|route| route.name() == name).ok_or_else(|| TheoryError::BadInput {
            what: "route",
            problem: format!("\"{name}\" is unknown: it must be chain, graph, asymmetric or dense"),
        })
    }
}
