//! Graph route: ranks on any comparison graph, with any weights, from the sparse screened Poisson equation.
//!
//! (BᵀWB + μI) r = BᵀWy, with μ the screening of a reference pair and W_e = D_e/D_reference the couplings relative to it; the
//! reference has the weight of most pairs if most share one, else the largest
//! (HodgeRank: Jiang, Lim, Yao & Ye 2011, doi:10.1007/s10107-010-0419-x, where μ = 0).
//!
//! Edge by edge D_e = 1/(α + 1/(C·w_e)) and m_e = α·D_e, w_e > 0 the presentation weight; divided by the D of the reference pair this is
//! the equation above, §3.2.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Margins;
use super::laplacian::{CHUNK, ScreenedLaplacian, SolveInfo, SparseSolver};
use crate::comparison_graph::{ComparisonGraph, PresentationOrder};
use crate::components::Components;
use crate::error::{Result, TheoryError};
use crate::kernel::RidgeModel;
use crate::numeric::vectors::largest;
use crate::route::Route;

/// Solution on a comparison graph. A margin costs O(log m).
#[derive(Debug, Clone)]
pub struct GraphSolution {
    graph: ComparisonGraph,
    model: RidgeModel,
    /// The rank of every item.
    pub ranks: Vec<f64>,
    /// How the system was solved, and to what residual.
    pub info: SolveInfo,
    tie_tolerance: f64,
}

/// Solves for the ranks of a comparison graph with the default solver.
///
/// With α = 0 and C = ∞ this is weighted least squares of minimum norm: ranks are centered on every connected component.
/// An item without comparisons has rank 0. Memory about 24 bytes per comparison and 80 per item with conjugate gradients.
///
/// # Errors
/// Trials in one presentation order only, weights of one component that differ by more than 10¹⁵ (with α = 0; what counts is the
/// conductance that they give their pairs), or a relative residual above 1e-10 that rounding does not explain.
pub fn solve(graph: &ComparisonGraph, model: &RidgeModel) -> Result<GraphSolution> {
    solve_with(graph, model, &SparseSolver::default())
}

/// Solves for the ranks of a comparison graph with a chosen solver; see [`solve`].
///
/// # Errors
/// As [`solve`], with the acceptance of `solver`.
pub fn solve_with(graph: &ComparisonGraph, model: &RidgeModel, solver: &SparseSolver) -> Result<GraphSolution> {
    Route::Graph.unless(obstacle(graph))?;
    let (weights, labels) = weights_and_labels(graph);
    let (ranks, info) = weighted_ranks(graph, model, &weights, &labels, solver)?;
    let n = graph.n_items() as f64;
    // Forward error of a rank: the residual's share, or rounding over a path of up to n items.
    let tie_tolerance = largest(&ranks) * (info.relative_residual + 4.0 * f64::EPSILON * n);
    Ok(GraphSolution { graph: graph.clone(), model: *model, ranks, info, tie_tolerance })
}

/// Why the route does not apply, and which does: trials in one presentation order only.
pub fn obstacle(graph: &ComparisonGraph) -> Option<String> {
    (graph.order() != PresentationOrder::Both)
        .then(|| "it needs both presentation orders; use the asymmetric or dense route".into())
}

/// Of every pair, in the order of the edges.
fn weights_and_labels(graph: &ComparisonGraph) -> (Vec<f64>, Vec<f64>) {
    graph.edges().par_iter().with_min_len(CHUNK).map(|e| (e.weight(), e.label())).unzip()
}

impl GraphSolution {
    /// How far rounding and the solver's residual may have moved each rank, relative to the others of its component.
    ///
    /// Two ranks that differ by no more than the sum of their errors are not told apart. Cost: a factorization where the system
    /// was factorized, little where it was solved by conjugate gradients.
    ///
    /// # Errors
    /// As [`solve`].
    pub fn rank_errors(&self) -> Result<Vec<f64>> {
        if let Some(error) = self.info.rank_error {
            return Ok(vec![error; self.ranks.len()]);
        }
        let (weights, labels) = weights_and_labels(&self.graph);
        let couplings = Couplings::new(&self.model, &weights);
        ScreenedLaplacian::new(&self.graph, couplings.each.as_deref(), couplings.screening)
            .rounding_errors(&labels, &self.ranks)
    }
}

/// W_e relative to the reference pair, `None` if all are 1, and that pair's screening.
struct Couplings {
    each: Option<Vec<f64>>,
    screening: f64,
}

impl Couplings {
    fn new(model: &RidgeModel, weights: &[f64]) -> Self {
        let reference = reference_weight(weights);
        let uniform = weights.par_iter().with_min_len(CHUNK).all(|&w| w == reference);
        let conductance = |&w: &f64| model.relative_conductance(w, reference);
        let each = (!uniform).then(|| weights.par_iter().with_min_len(CHUNK).map(conductance).collect());
        Self { each, screening: model.screening(reference) }
    }
}

/// Couplings below this share of another are lost where one item has both: sums round at ε/2 of the larger one.
const LOST: f64 = 4.0 * f64::EPSILON;

/// Refuses weights of one component so unequal that the rounding of strong pairs' flows hides the flows of weak pairs.
fn check_digits(graph: &ComparisonGraph, couplings: &[f64], weights: &[f64]) -> Result<()> {
    let is_lost = |low: f64, high: f64| low < LOST * high;
    let (low, high) = couplings
        .par_iter()
        .with_min_len(CHUNK)
        .fold(|| (f64::INFINITY, 0.0_f64), |(low, high), &w| (low.min(w), high.max(w)))
        .reduce(|| (f64::INFINITY, 0.0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if !is_lost(low, high) {
        return Ok(());
    }
    let component = graph.components();
    let mut ends: HashMap<u32, [usize; 2]> = HashMap::new();
    for (at, e) in graph.edges().iter().enumerate() {
        let [least, most] = ends.entry(component[e.first as usize]).or_insert([at; 2]);
        if couplings[at] < couplings[*least] {
            *least = at;
        }
        if couplings[at] > couplings[*most] {
            *most = at;
        }
    }
    // The first by item, whatever the order of the map.
    let lost = ends.values().filter(|[least, most]| is_lost(couplings[*least], couplings[*most])).min();
    let Some(&[least, most]) = lost else { return Ok(()) };
    let problem = format!(
        "{:e} and {:e} differ so much that double precision loses the smaller one beside the larger; give weights within a factor of \
         1e15 of each other, or leave out the comparisons that hardly count",
        weights[least], weights[most]
    );
    Err(TheoryError::BadInput { what: "weights", problem })
}

/// Ranks for given weights and labels, one per edge: (I + hBᵀDB) r = hBᵀDy with D_e = 1/(α + 1/(C·w_e)).
pub(crate) fn weighted_ranks(
    graph: &ComparisonGraph,
    model: &RidgeModel,
    weights: &[f64],
    labels: &[f64],
    solver: &SparseSolver,
) -> Result<(Vec<f64>, SolveInfo)> {
    let Couplings { each: couplings, screening } = Couplings::new(model, weights);
    if screening.is_infinite() {
        let info = SolveInfo {
            method: "closed form",
            iterations: 0,
            relative_residual: 0.0,
            backward_error: 0.0,
            components: Components::new(graph).count(),
            rank_error: Some(0.0),
        };
        return Ok((vec![0.0; graph.n_items()], info));
    }
    if let Some(couplings) = &couplings {
        check_digits(graph, couplings, weights)?;
    }
    let flows = labels.iter().enumerate().map(|(at, y)| couplings.as_ref().map_or(1.0, |w| w[at]) * y);
    let source = graph.divergence(flows);
    ScreenedLaplacian::new(graph, couplings.as_deref(), screening).solve(&source, solver)
}

/// The weight that more than half of the pairs have, else the largest.
fn reference_weight(weights: &[f64]) -> f64 {
    // Boyer and Moore's vote finds the only weight that can have a majority.
    let (candidate, _) =
        weights.iter().fold((weights[0], 0usize), |(candidate, votes), &w| match (w == candidate, votes) {
            (true, _) => (candidate, votes + 1),
            (false, 0) => (w, 1),
            (false, _) => (candidate, votes - 1),
        });
    if 2 * weights.par_iter().with_min_len(CHUNK).filter(|&&w| w == candidate).count() > weights.len() {
        candidate
    } else {
        largest(weights)
    }
}

impl Margins for GraphSolution {
    fn n_items(&self) -> usize {
        self.graph.n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        let difference = self.ranks[i] - self.ranks[j];
        match self.graph.edge_index(i, j) {
            Some(at) => {
                let e = &self.graph.edges()[at];
                let y = if i < j { e.label() } else { -e.label() };
                let m = self.model.memorization(e.weight());
                m * y + (1.0 - m) * difference
            }
            None => difference,
        }
    }

    fn tie_tolerance(&self) -> f64 {
        self.tie_tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison_graph::Comparison;

    #[test]
    fn weights_that_lose_each_other_are_refused_and_others_give_the_ranks_by_hand() {
        let model = RidgeModel::new(0.0, f64::INFINITY).unwrap();
        let graph = |n: usize, wins: &[(usize, usize, f64)]| {
            let one = |&(winner, loser, weight): &(usize, usize, f64)| Comparison { winner, loser, weight };
            ComparisonGraph::new(n, wins.iter().map(one)).unwrap()
        };
        // A and B are one apart, and C as far below the one as the other.
        let exact = [5.0 / 6.0, -1.0 / 6.0, -2.0 / 3.0];
        for weight in [1e8, 1e12, 1e15] {
            let solution = solve(&graph(3, &[(0, 1, weight), (1, 2, 1.0), (0, 2, 1.0)]), &model).unwrap();
            for (rank, exact) in solution.ranks.iter().zip(exact) {
                assert!((rank - exact).abs() <= f64::EPSILON * weight + 1.0 / weight, "{weight} {:?}", solution.ranks);
            }
        }
        for weight in [1e16, 1e30, 1e300] {
            let refused = solve(&graph(3, &[(0, 1, weight), (1, 2, 1.0), (0, 2, 1.0)]), &model).unwrap_err();
            assert!(refused.to_string().contains(&format!("1e0 and {weight:e} differ")), "{refused}");
        }
        // Apart from each other they do no harm, nor do weights that memory levels out.
        let apart = solve(&graph(4, &[(0, 1, 1e30), (2, 3, 1.0)]), &model).unwrap();
        assert!(apart.ranks.iter().all(|r| (r.abs() - 0.5).abs() < 1e-15), "{:?}", apart.ranks);
        let level = RidgeModel::new(0.5, 1.0).unwrap();
        assert!(solve(&graph(3, &[(0, 1, 1e30), (1, 2, 1.0), (0, 2, 1.0)]), &level).is_ok());
    }
}
