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
//!
//! Domains: α ∈ [0, 1], t ∈ [0, ∞], w > 0 in presentations, labels y ∈ [−1, 1]. Source: §6.

use crate::comparison_graph::ComparisonGraph;
use crate::error::Result;
use crate::route::Route;

mod krylov;
mod rates;
mod routes;
mod solution;

pub use routes::{MAX_CHAIN, MAX_DENSE};
pub use solution::{FlowInfo, FlowSolution};

use routes::Problem;

/// Margins at time `time` ∈ [0, ∞] for conjunctivity α ∈ [0, 1]; without a `route`, by the fastest exact one that applies, else by
/// Krylov.
///
/// ```
/// use caveat_theory::{Margins, TransitiveTask, flow};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// let early = flow::solve(task.graph(), 0.2, 0.5, None)?;
/// let late = flow::solve(task.graph(), 0.2, f64::INFINITY, None)?;
/// assert!(early.margin(5, 3) < late.margin(5, 3)); // the exception is memorized with time
/// assert!((late.margin(5, 3) - 1.0).abs() < 1e-12);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// A conjunctivity or time out of range or NaN, trials in one presentation order only, a graph that the route does not cover, or a
/// Krylov space that reached its limit of memory or iterations before the tolerance (large graphs at long times).
pub fn solve(graph: &ComparisonGraph, conjunctivity: f64, time: f64, route: Option<Route>) -> Result<FlowSolution> {
    let problem = Problem::new(graph, conjunctivity, time)?;
    problem.solve(route.unwrap_or_else(|| problem.fastest_route()))
}

#[cfg(test)]
mod tests;
