//! What gradient flow finds: ranks, the margins of trained pairs, and how well.

use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::margins::{Margins, trained_or_ranks};
use crate::route::Route;

/// How a flow was computed, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FlowInfo {
    /// The route taken.
    pub route: Route,
    /// Size of the operator's space: items, or trained pairs where weights differ and α > 0.
    pub dimension: usize,
    /// Lanczos iterations; 0 on the other routes.
    pub iterations: usize,
    /// Estimated relative error: bound on the residual of Ka = (I − e^{−KWt})y relative to its right-hand side in the
    /// weighted norm, plus rounding. At most 1e-10 unless rounding itself is larger, as it is for α·min(w)·‖M‖⁻¹ below
    /// 1e-5 with unequal weights and long times.
    pub error_estimate: f64,
}

/// Margins at one time of the flow. Memory O(n + m); a margin costs O(log m).
#[derive(Debug, Clone)]
pub struct FlowSolution {
    pub(super) graph: ComparisonGraph,
    pub(super) conjunctivity: f64,
    pub(super) time: f64,
    /// The rank of every item, centered on every connected component.
    pub ranks: Vec<f64>,
    /// f(first, second) on every trained pair, in the order of [`ComparisonGraph::edges`].
    pub trained: Vec<f64>,
    /// Which route was taken, and how accurate it is.
    pub info: FlowInfo,
    pub(super) tie_tolerance: f64,
}

impl Margins for FlowSolution {
    fn n_items(&self) -> usize {
        self.graph.n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        trained_or_ranks(&self.graph, &self.trained, &self.ranks, (i, j))
    }

    /// On the plain chain the order itself, while ranks exist at all: diffusion keeps a monotone profile strictly
    /// monotone, however far below rounding its steps are.
    fn sign(&self, i: usize, j: usize) -> i8 {
        if self.info.route == Route::Chain && self.conjunctivity < 1.0 && self.time > 0.0 {
            return j.cmp(&i) as i8;
        }
        let f = self.margin(i, j);
        if f.abs() <= self.tie_tolerance { 0 } else { f.signum() as i8 }
    }

    fn tie_tolerance(&self) -> f64 {
        self.tie_tolerance
    }
}
