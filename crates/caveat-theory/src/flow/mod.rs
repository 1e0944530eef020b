//! Gradient flow: margins after training for a time t from zero initialization under squared loss, by three routes.
//!
//! The dual coefficients of the normalized antisymmetric kernel K = hBBᵀ + αI on the trained pairs, h = (1−α)/2, follow
//! da/dt = W(y − Ka), a(0) = 0, with W the presentation weights. Hence f = Ka = (I − e^{−KWt})y on trained pairs and
//! f = r_i − r_j with r = hBᵀa on all others: early stopping in place of the ridge, which is the limit t → ∞.
//!
//! **Unit of time.** Gradient descent at learning rate η on the loss ½Σ(f − y)² over all *ordered* trials (each pair in
//! both orders), on a kernel that is not normalized, has reached t = (κ_id − κ_flip)·η·steps.
//!
//! With weights w that are equal, K commutes with W. In the eigenpairs (ℓ, v) of the Laplacian L = BᵀB and τ = wt
//!
//! > r = Σ v·h(1 − e^{−(hℓ+α)τ})/(hℓ+α)·⟨v, Bᵀy⟩,  f_e = (1 − e^{−ατ})·y_e + e^{−ατ}·(q_i − q_j),
//!
//! where q is what r would be with the same h and no α: the memorization weight of the ridge becomes m = 1 − e^{−ατ}.
//! With α = 0 the same holds for any weights with L = BᵀWB. Otherwise the pairs' space is needed: W^½f = (I −
//! e^{−Mt})W^½y with M = W^½KW^½; the ranks solve (L + (α/h)I)r = Bᵀf, the ridgeless equation with the labels f.
//!
//! | route | graphs | cost |
//! |---|---|---|
//! | [`Route::Chain`] | plain chain, equal weights | O(n²) cosines, read from a table |
//! | [`Route::Spectral`] | up to [`MAX_DENSE`] items (weights equal or α = 0) or pairs | O(n³) or O(m³) |
//! | [`Route::Krylov`] | any | k products with the graph, O(k²) vectors' work, k ≲ 6(τ·‖hL‖)^½, at most 2 000 |

use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::error::Result;
use crate::margins::Margins;
use crate::route::Route;

mod krylov;
mod routes;

use routes::Problem;

/// Largest dense matrix of the spectral route: 18 MB, about a second.
pub const MAX_DENSE: usize = 1_500;

/// Longest chain of the chain route: 10⁸ products, about a second.
pub const MAX_CHAIN: usize = 20_000;

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
    graph: ComparisonGraph,
    conjunctivity: f64,
    time: f64,
    ranks: Vec<f64>,
    /// f on every trained pair (first, second).
    trained: Vec<f64>,
    info: FlowInfo,
    tie_tolerance: f64,
}

/// Margins at time `time` ∈ [0, ∞] for conjunctivity α ∈ [0, 1], by the fastest exact route that applies, else by
/// Krylov.
///
/// ```
/// use caveat_theory::{Margins, TransitiveTask, flow};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// let early = flow::solve(task.graph(), 0.2, 0.5)?;
/// let late = flow::solve(task.graph(), 0.2, f64::INFINITY)?;
/// assert!(early.margin(5, 3) < late.margin(5, 3)); // the exception is memorized with time
/// assert!((late.margin(5, 3) - 1.0).abs() < 1e-12);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// A conjunctivity or time out of range or NaN, trials in one presentation order only, or a Krylov space that reached
/// its limit of memory or iterations before the tolerance (large graphs at long times).
pub fn solve(graph: &ComparisonGraph, conjunctivity: f64, time: f64) -> Result<FlowSolution> {
    let problem = Problem::new(graph, conjunctivity, time)?;
    problem.solve(problem.fastest_route())
}

/// As [`solve`], by the given route.
///
/// # Errors
/// As [`solve`], or a graph that the route does not cover.
pub fn solve_with(graph: &ComparisonGraph, conjunctivity: f64, time: f64, route: Route) -> Result<FlowSolution> {
    Problem::new(graph, conjunctivity, time)?.solve(route)
}

impl FlowSolution {
    /// The conjunctivity factor α.
    pub fn conjunctivity(&self) -> f64 {
        self.conjunctivity
    }

    /// The training time t.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// The rank of every item, centered on every connected component.
    pub fn ranks(&self) -> &[f64] {
        &self.ranks
    }

    /// f(first, second) on every trained pair, in the order of [`ComparisonGraph::edges`].
    pub fn trained_margins(&self) -> &[f64] {
        &self.trained
    }

    /// Which route was taken, and how accurate it is.
    pub fn info(&self) -> &FlowInfo {
        &self.info
    }
}

impl Margins for FlowSolution {
    fn n_items(&self) -> usize {
        self.graph.n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        match self.graph.edge_index(i, j) {
            Some(at) if i < j => self.trained[at],
            Some(at) => -self.trained[at],
            None => self.ranks[i] - self.ranks[j],
        }
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

#[cfg(test)]
mod tests;
