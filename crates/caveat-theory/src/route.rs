//! The ways in which margins are computed, by name.
//!
//! Each solves the equation of its module, and where several cover a problem they agree to rounding: (L + μI)r = Bᵀy on the chain, graph,
//! asymmetric and dense routes of the ridge (§3), da/dt = W(y − Ka) on the spectral and Krylov ones of the flow (§6), and Newton's steps of
//! logistic regression (§7).

use serde::Serialize;

use crate::error::{Result, TheoryError};
use crate::named_enum;

named_enum! {
    /// How margins are computed; the table in [`mod@crate::solve`] says what each covers and costs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Route, ALL {
        /// For the ridge with exceptions, for gradient flow without.
        Chain = "chain": "Closed form on the chain",
        /// For the ridge.
        Graph = "graph": "Sparse solve on the comparison graph",
        /// For the ridge, with kernels or trials that tell the positions apart.
        Asymmetric = "asymmetric": "The 2n+1 system of any exchangeable kernel",
        /// The full kernel matrix.
        Dense = "dense": "Dense kernel ridge regression",
        /// Gradient flow: dense eigendecomposition.
        Spectral = "spectral",
        /// Gradient flow: Lanczos approximation of the exponential.
        Krylov = "krylov",
        /// Logistic regression: Newton's method on the ranks.
        Newton = "newton",
    }
}

impl Route {
    /// Those of the ridge, which a user may choose among.
    pub const OF_RIDGE: [Self; 4] = [Self::Chain, Self::Graph, Self::Asymmetric, Self::Dense];

    /// The error where it does not apply; `reason` also names a route that does.
    pub(crate) fn unavailable(self, reason: impl Into<String>) -> TheoryError {
        TheoryError::RouteUnavailable { route: self.name(), reason: reason.into() }
    }

    /// Refuses if there is an obstacle to the route.
    pub(crate) fn unless(self, obstacle: Option<String>) -> Result<()> {
        obstacle.map_or(Ok(()), |reason| Err(self.unavailable(reason)))
    }
}

impl std::str::FromStr for Route {
    type Err = TheoryError;

    fn from_str(name: &str) -> Result<Self> {
        Self::OF_RIDGE.into_iter().find(|route| route.name() == name).ok_or_else(|| {
            let problem = format!("\"{name}\" is unknown: it must be chain, graph, asymmetric or dense");
            TheoryError::BadInput { what: "route", problem }
        })
    }
}
