//! Transitive inference with exceptions: a chain of premise pairs, some reversed or joined by pairs that contradict the order.
//!
//! Items are ranks 0 … n − 1, 0 the highest. The premises are (i, i+1) ↦ +1. An exception of a `winner` q and a `loser` p < q is the
//! pair (p, q) ↦ −1: with q = p + 1 it takes the place of a premise, otherwise it closes the cycle p ≻ p+1 ≻ … ≻ q ≻ p. Every pair has a
//! presentation weight w ∈ (0, ∞), 1 unless it is set, and is shown in both orders unless said otherwise.
//!
//! Source: Cheng & Lippl 2026, arXiv 2605.22972; §1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::comparison_graph::{Comparison, ComparisonGraph, PresentationOrder, Trial};
use crate::error::{Result, TheoryError, check_comparison, check_weight};
use crate::memory;
use crate::pair_class::PairClasses;

/// A trained pair that contradicts the order: the item of rank `winner` beats the higher item of rank `loser`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exception {
    /// Rank of the item that wins, larger than `loser`.
    pub winner: usize,
    /// Rank of the item that loses.
    pub loser: usize,
}

impl Exception {
    /// Whether it reverses a premise pair instead of adding a pair.
    pub fn is_adjacent(&self) -> bool {
        self.winner == self.loser + 1
    }
}

/// Transitive inference on `n_items` items in order (rank 0 the highest), with any number of exceptions.
///
/// ```
/// use caveat_theory::{PairClass, TransitiveTask};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// assert_eq!(task.trials().len(), 2 * 9); // 8 premise pairs and the exception, in both orders
/// assert_eq!(task.classes()?.class(2, 6), PairClass::CrossSection);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransitiveTask {
    n_items: usize,
    exceptions: Vec<Exception>,
    /// Presentation weights other than 1, by (smaller rank, larger rank).
    weights: BTreeMap<(usize, usize), f64>,
    graph: ComparisonGraph,
}

/// The items and exceptions as the command takes them: `9`, `9:5-3` or `12:4-2,9-7`; weights and order are left out.
impl fmt::Display for TransitiveTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.n_items)?;
        for (k, e) in self.exceptions.iter().enumerate() {
            write!(f, "{}{}-{}", if k == 0 { ':' } else { ',' }, e.winner, e.loser)?;
        }
        Ok(())
    }
}

impl TransitiveTask {
    /// A task of `n_items` ≥ 2 items with the exceptions `(winner, loser)`, in ranks.
    ///
    /// # Errors
    /// Fewer than two items, a rank out of range, a winner that already is the higher item, or an exception named twice.
    pub fn new(n_items: usize, exceptions: &[(usize, usize)]) -> Result<Self> {
        if n_items < 2 {
            return Err(TheoryError::TooFewItems(n_items));
        }
        let mut seen = Vec::with_capacity(exceptions.len());
        for &(winner, loser) in exceptions {
            check_comparison([winner, loser], n_items)?;
            if winner < loser {
                return Err(TheoryError::NotAnException { winner, loser });
            }
            if seen.contains(&Exception { winner, loser }) {
                return Err(TheoryError::DuplicateException { winner, loser });
            }
            seen.push(Exception { winner, loser });
        }
        Self::build(n_items, seen, BTreeMap::new(), PresentationOrder::Both)
    }

    fn build(
        n_items: usize,
        exceptions: Vec<Exception>,
        weights: BTreeMap<(usize, usize), f64>,
        order: PresentationOrder,
    ) -> Result<Self> {
        check_items(n_items)?;
        let reversed: BTreeSet<usize> = exceptions.iter().filter(|e| e.is_adjacent()).map(|e| e.loser).collect();
        let premises = (1..n_items).filter(|i| !reversed.contains(&(i - 1))).map(|i| (i - 1, i));
        let all = premises.chain(exceptions.iter().map(|e| (e.winner, e.loser)));
        let comparisons = all.map(|(winner, loser)| {
            let weight = weights.get(&(winner.min(loser), winner.max(loser))).copied().unwrap_or(1.0);
            Comparison { winner, loser, weight }
        });
        let graph = ComparisonGraph::new(n_items, comparisons)?;
        Ok(Self { n_items, exceptions, weights, graph: graph.with_order(order) })
    }

    /// The same task with the pair {a, b} presented with weight `weight` instead of its present one.
    ///
    /// # Errors
    /// A pair that is not trained, or a weight that is not positive and finite.
    pub fn with_weight(self, a: usize, b: usize, weight: f64) -> Result<Self> {
        if self.graph.edge_index(a, b).is_none() {
            return Err(TheoryError::NotTrained(a, b));
        }
        check_weight([a, b], weight)?;
        let mut weights = self.weights;
        weights.insert((a.min(b), a.max(b)), weight);
        Self::build(self.n_items, self.exceptions, weights, self.graph.order())
    }

    /// The same task with its pairs presented in `order` instead of both.
    pub fn with_order(mut self, order: PresentationOrder) -> Self {
        self.graph = self.graph.with_order(order);
        self
    }

    /// Recognizes a comparison graph that is a chain 0 > 1 > … with exceptions, each pair trained one way.
    ///
    /// `None` where a premise pair is missing, a pair that skips ranks agrees with the order, or labels contradict each other.
    pub fn from_graph(graph: &ComparisonGraph) -> Option<Self> {
        let n_items = graph.n_items();
        let (mut exceptions, mut weights, mut adjacent) = (Vec::new(), BTreeMap::new(), 0);
        for e in graph.edges() {
            let (i, j) = e.items();
            let label = e.label();
            if label.abs() != 1.0 || (label > 0.0 && j != i + 1) {
                return None;
            }
            adjacent += usize::from(j == i + 1);
            if label < 0.0 {
                exceptions.push(Exception { winner: j, loser: i });
            }
            if e.weight() != 1.0 {
                weights.insert((i, j), e.weight());
            }
        }
        if adjacent != n_items - 1 {
            return None;
        }
        Self::build(n_items, exceptions, weights, graph.order()).ok()
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The exceptions, in the order given.
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Presentation weights that were set, by (smaller rank, larger rank); all other pairs weigh 1.
    pub fn weights(&self) -> &BTreeMap<(usize, usize), f64> {
        &self.weights
    }

    /// The trained pairs as a comparison graph.
    pub fn graph(&self) -> &ComparisonGraph {
        &self.graph
    }

    /// In which order pairs are presented.
    pub fn order(&self) -> PresentationOrder {
        self.graph.order()
    }

    /// The ordered training trials.
    pub fn trials(&self) -> Vec<Trial> {
        self.graph.trials()
    }

    /// Sections, classes and labels of all pairs.
    ///
    /// # Errors
    /// More items than [`PairClasses::MAX_ITEMS`].
    pub fn classes(&self) -> Result<PairClasses> {
        self.graph.classes()
    }
}

/// Refuses more items than fit in memory with their trained pairs, held twice while they are sorted.
fn check_items(n_items: usize) -> Result<()> {
    const BYTES: f64 = 64.0;
    memory::check(
        BYTES * n_items as f64,
        || format!("a task of {n_items} items"),
        |free| format!("{:.0} items would fit", free / BYTES),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_tasks_are_refused_with_a_reason() {
        let err = |n, e: &[(usize, usize)]| TransitiveTask::new(n, e).unwrap_err();
        assert_eq!(err(1, &[]), TheoryError::TooFewItems(1));
        assert_eq!(err(9, &[(9, 3)]), TheoryError::RankOutOfRange { rank: 9, n_items: 9 });
        assert_eq!(err(9, &[(3, 5)]), TheoryError::NotAnException { winner: 3, loser: 5 });
        assert_eq!(err(9, &[(5, 5)]), TheoryError::SelfComparison(5));
        assert_eq!(err(9, &[(5, 3), (5, 3)]), TheoryError::DuplicateException { winner: 5, loser: 3 });
    }

    #[test]
    fn an_adjacent_exception_replaces_the_premise_label() {
        let task = TransitiveTask::new(5, &[(3, 2)]).unwrap();
        assert_eq!(task.graph().edges().len(), 4);
        assert_eq!(task.graph().edges()[2].label(), -1.0);
    }

    #[test]
    fn a_graph_of_a_task_is_recognized_and_others_are_not() {
        let task = TransitiveTask::new(8, &[(5, 3), (2, 1)]).unwrap().with_weight(5, 3, 2.5).unwrap();
        let recognized = TransitiveTask::from_graph(task.graph()).unwrap();
        assert_eq!(recognized.graph(), task.graph());
        assert_eq!(recognized.weights(), task.weights());
        let skips = ComparisonGraph::new(3, [(0, 1), (1, 2), (0, 2)].map(|(w, l)| Comparison::new(w, l))).unwrap();
        assert_eq!(TransitiveTask::from_graph(&skips), None);
    }

    #[test]
    fn only_trained_pairs_carry_weights() {
        let task = TransitiveTask::new(5, &[]).unwrap();
        assert_eq!(task.clone().with_weight(0, 2, 2.0), Err(TheoryError::NotTrained(0, 2)));
        assert!(matches!(task.with_weight(0, 1, -1.0), Err(TheoryError::BadWeight { .. })));
    }
}
