//! The pairs that a surface gives margins of, with what the task says about them.

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError, check_pairs};
use crate::learner::LearnerKind;
use crate::numeric::sigmoid::sigmoid;

/// The observed pairs, reduced to distinct unordered ones.
#[derive(Debug, Clone)]
pub(crate) struct ObservedPairs {
    /// i < j.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// Trained label of (i, j); NaN if untrained.
    pub(crate) labels: Vec<f64>,
    /// Difference of the weighted net wins Σ w_e y_e of i and j, relative to the reference weight.
    pub(crate) net: Vec<f64>,
    /// w_e relative to the reference weight.
    pub(crate) weights: Vec<f64>,
}

impl ObservedPairs {
    /// The distinct pairs, and for every ordered pair its place and sign.
    pub(crate) fn new(
        graph: &ComparisonGraph,
        ordered: &[(usize, usize)],
        reference: f64,
    ) -> Result<(Self, Vec<(usize, f64)>)> {
        if ordered.is_empty() {
            return Err(TheoryError::bad_input("observed pairs", "there are none; give at least one"));
        }
        check_pairs(ordered.iter().copied(), graph.n_items())?;
        let unordered = |&(i, j): &(usize, usize)| (i.min(j), i.max(j));
        let pairs = distinct(ordered.iter().map(unordered));
        // Every ordered pair put its unordered one into the list.
        let place = |pair| pairs.partition_point(|&p| p < unordered(pair));
        let index = ordered.iter().map(|pair| (place(pair), if pair.0 < pair.1 { 1.0 } else { -1.0 })).collect();
        let wins = graph.divergence(graph.edges().iter().map(|e| e.weight() / reference * e.label()));
        let edge = |&(i, j): &(usize, usize)| graph.edge_index(i, j).map(|at| &graph.edges()[at]);
        let labels = pairs.iter().map(|p| edge(p).map_or(f64::NAN, |e| e.label())).collect();
        let weights = pairs.iter().map(|p| edge(p).map_or(0.0, |e| e.weight() / reference)).collect();
        let net = pairs.iter().map(|&(i, j)| wins[i] - wins[j]).collect();
        Ok((Self { pairs, labels, net, weights }, index))
    }
}

/// The distinct pairs, sorted.
pub(crate) fn distinct(pairs: impl Iterator<Item = (usize, usize)>) -> Vec<(usize, usize)> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Margins per unit of strength at s → 0 (times weight), K(w∘y), and their slope in x.
pub(crate) fn hebbian(observed: &ObservedPairs, learner: LearnerKind, x: f64, margins: &mut [f64], slope: &mut [f64]) {
    let (a, rest) = (sigmoid(x), sigmoid(-x));
    let half = if learner == LearnerKind::Logistic { 0.5 } else { 1.0 };
    for k in 0..margins.len() {
        let trained = if observed.labels[k].is_nan() { 0.0 } else { observed.labels[k] * observed.weights[k] };
        margins[k] = half * (rest / 2.0 * observed.net[k] + a * trained);
        slope[k] = half * a * rest * (trained - observed.net[k] / 2.0);
    }
}
