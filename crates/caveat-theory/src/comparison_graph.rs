//! A comparison graph: any set of weighted wins between items, with its trials, labels, components and pair classes.
//!
//! Presentations of a pair i < j merge into one edge e. With w⁺ won by i and w⁻ won by j it has the weight w = w⁺ + w⁻ > 0 and the label
//! y = (w⁺ − w⁻)/w ∈ [−1, 1]. B has a row e_i − e_j per edge: (Bx)_e = x_i − x_j, and (Bᵀa)_i is what flows out of item i.
//!
//! Source: HodgeRank, Jiang, Lim, Yao & Ye 2011, doi:10.1007/s10107-010-0419-x; §3.2.

use std::cmp::Ordering;
use std::sync::Arc;

use faer::Mat;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Result, TheoryError, check_comparison, check_weight};
use crate::named_enum;

/// One observed win: `winner` beat `loser`, `weight` times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Index of the item that won.
    pub winner: usize,
    /// Index of the item that lost.
    pub loser: usize,
    /// Number (or weight) of presentations, positive and finite.
    pub weight: f64,
}

impl Comparison {
    /// A win presented once.
    pub fn new(winner: usize, loser: usize) -> Self {
        Self { winner, loser, weight: 1.0 }
    }
}

/// A trained unordered pair: all presentations of `first` against `second`, `first < second`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The item with the smaller index.
    pub first: u32,
    /// The item with the larger index.
    pub second: u32,
    /// Total weight of presentations that `first` won.
    pub first_wins: f64,
    /// Total weight of presentations that `second` won.
    pub second_wins: f64,
}

impl Edge {
    /// Total presentation weight of the pair.
    pub fn weight(&self) -> f64 {
        self.first_wins + self.second_wins
    }

    /// Mean label of (first, second): +1 if `first` always won, −1 if `second` did, between for contradictory presentations.
    pub fn label(&self) -> f64 {
        (self.first_wins - self.second_wins) / self.weight()
    }

    /// The two items as indices.
    pub fn items(&self) -> (usize, usize) {
        (self.first as usize, self.second as usize)
    }
}

/// One ordered training trial: `label` is +1 if the item shown first wins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Item in the first position.
    pub first: usize,
    /// Item in the second position.
    pub second: usize,
    /// Target margin, in [−1, 1].
    pub label: f64,
    /// Presentation weight.
    pub weight: f64,
}

/// Why a learner other than the ridge refuses trials in one presentation order.
pub(crate) const NEEDS_BOTH_ORDERS: &str =
    "it needs both presentation orders; use ridge regression by the asymmetric or dense route";

named_enum! {
    /// In which order the two items of every trained pair are shown.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
    pub enum PresentationOrder, ALL {
        /// As in the published task.
        #[default]
        Both = "both": "Both orders",
        HigherFirst = "higher-first": "Only the higher item (smaller rank) first",
        LowerFirst = "lower-first": "Only the lower item first",
        WinnerFirst = "winner-first": "Only the trained winner first",
    }
}

/// A set of comparisons between `n_items` items; repeated presentations of a pair are merged into one edge.
///
/// Clones share the edges, so that a solution can keep its graph at no cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonGraph {
    n_items: usize,
    /// Sorted by (first, second), each pair once.
    #[serde(serialize_with = "write_edges", deserialize_with = "read_edges")]
    edges: Arc<Vec<Edge>>,
    order: PresentationOrder,
}

fn write_edges<S: Serializer>(edges: &Arc<Vec<Edge>>, to: S) -> std::result::Result<S::Ok, S::Error> {
    edges.as_slice().serialize(to)
}

fn read_edges<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Arc<Vec<Edge>>, D::Error> {
    Vec::deserialize(from).map(Arc::new)
}

impl ComparisonGraph {
    /// Builds the graph from wins; presentations of one pair add up, in either direction.
    ///
    /// Cost O(m log m) for m comparisons.
    ///
    /// # Errors
    /// Fewer than two items, an index out of range, an item against itself, a weight that is not positive and finite,
    /// or no comparison at all.
    pub fn new(n_items: usize, comparisons: impl IntoIterator<Item = Comparison>) -> Result<Self> {
        if n_items < 2 {
            return Err(TheoryError::TooFewItems(n_items));
        }
        if u32::try_from(n_items).is_err() {
            return Err(TheoryError::TooManyItems(n_items));
        }
        let comparisons = comparisons.into_iter();
        let mut edges = Vec::with_capacity(comparisons.size_hint().0);
        for Comparison { winner, loser, weight } in comparisons {
            check_comparison([winner, loser], n_items)?;
            check_weight([winner, loser], weight)?;
            let (first, second) = (winner.min(loser) as u32, winner.max(loser) as u32);
            let (first_wins, second_wins) = if winner < loser { (weight, 0.0) } else { (0.0, weight) };
            edges.push(Edge { first, second, first_wins, second_wins });
        }
        if edges.is_empty() {
            return Err(TheoryError::NoComparisons);
        }
        // Stable, so that sums do not depend on how the sort permutes equal keys.
        edges.sort_by_key(|e| (e.first, e.second));
        edges.dedup_by(|later, kept| {
            let same = (later.first, later.second) == (kept.first, kept.second);
            if same {
                kept.first_wins += later.first_wins;
                kept.second_wins += later.second_wins;
            }
            same
        });
        // Finite weights may add up to infinity.
        edges.iter().try_for_each(|e| check_weight([e.first as usize, e.second as usize], e.weight()))?;
        Ok(Self { n_items, edges: Arc::new(edges), order: PresentationOrder::Both })
    }

    /// The same graph with its pairs presented in `order`.
    pub fn with_order(mut self, order: PresentationOrder) -> Self {
        self.order = order;
        self
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The trained pairs, sorted by (first, second).
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// In which order pairs are presented.
    pub fn order(&self) -> PresentationOrder {
        self.order
    }

    /// The presentation weight of every trained pair, if they are equal.
    pub(crate) fn common_weight(&self) -> Option<f64> {
        let first = self.edges.first()?.weight();
        self.edges.iter().all(|e| e.weight() == first).then_some(first)
    }

    /// The smallest and the largest presentation weight of a trained pair.
    pub(crate) fn weight_range(&self) -> (f64, f64) {
        let weights = self.edges.iter().map(Edge::weight);
        weights.fold((f64::INFINITY, 0.0), |(low, high), w| (low.min(w), high.max(w)))
    }

    /// BᵀWB as a dense matrix, for couplings W in the order of the edges.
    pub(crate) fn laplacian(&self, couplings: impl IntoIterator<Item = f64>) -> Mat<f64> {
        let mut laplacian = Mat::zeros(self.n_items, self.n_items);
        for (e, w) in self.edges.iter().zip(couplings) {
            let (i, j) = e.items();
            laplacian[(i, i)] += w;
            laplacian[(j, j)] += w;
            laplacian[(i, j)] -= w;
            laplacian[(j, i)] -= w;
        }
        laplacian
    }

    /// Trained label of (i, j), the opposite of that of (j, i); `None` if the pair is not trained. Cost O(log m).
    pub(crate) fn trained_label(&self, i: usize, j: usize) -> Option<f64> {
        let label = self.edges[self.edge_index(i, j)?].label();
        Some(if i < j { label } else { -label })
    }

    /// Index into [`edges`](Self::edges) of the pair {i, j}, if it is trained. Cost O(log m).
    pub fn edge_index(&self, i: usize, j: usize) -> Option<usize> {
        let key = (i.min(j) as u32, i.max(j) as u32);
        self.edges.binary_search_by_key(&key, |e| (e.first, e.second)).ok()
    }

    /// The ordered training trials, pair by pair; with both orders, the reversed trial follows at once.
    pub fn trials(&self) -> Vec<Trial> {
        let mut trials = Vec::with_capacity(2 * self.edges.len());
        for e in self.edges.iter() {
            let (i, j) = e.items();
            let (y, weight) = (e.label(), e.weight());
            let forward = Trial { first: i, second: j, label: y, weight };
            let backward = Trial { first: j, second: i, label: -y, weight };
            match self.order {
                PresentationOrder::Both => trials.extend([forward, backward]),
                PresentationOrder::HigherFirst => trials.push(forward),
                PresentationOrder::LowerFirst => trials.push(backward),
                PresentationOrder::WinnerFirst => trials.push(if y >= 0.0 { forward } else { backward }),
            }
        }
        trials
    }

    /// Connected component of every item: 0 the one with most items; of equally large ones, that with the smallest item comes
    /// first. Cost O((n + m) log* n).
    pub fn components(&self) -> Vec<u32> {
        let mut parent: Vec<u32> = (0..self.n_items as u32).collect();
        fn root(parent: &mut [u32], mut i: u32) -> u32 {
            while parent[i as usize] != i {
                parent[i as usize] = parent[parent[i as usize] as usize];
                i = parent[i as usize];
            }
            i
        }
        for e in self.edges.iter() {
            let (a, b) = (root(&mut parent, e.first), root(&mut parent, e.second));
            parent[a.max(b) as usize] = a.min(b);
        }
        // A root is the smallest item of its component, so it is numbered before the others.
        let mut number = vec![0; self.n_items];
        let mut next = 0;
        for i in 0..self.n_items {
            let root = root(&mut parent, i as u32) as usize;
            if root == i {
                (number[i], next) = (next, next + 1);
            } else {
                number[i] = number[root];
            }
        }
        numbered_by_size(number, &|a, b| a.cmp(&b))
    }

    /// Bᵀx: what flows out of every item, less what flows in, for a flow from the first to the second item of every edge.
    pub(crate) fn divergence(&self, flows: impl IntoIterator<Item = f64>) -> Vec<f64> {
        let mut out = vec![0.0; self.n_items];
        for (e, flow) in self.edges.iter().zip(flows) {
            out[e.first as usize] += flow;
            out[e.second as usize] -= flow;
        }
        out
    }
}

/// Numbers components by size, the largest first, and equally large ones by their first items in `order`.
pub(crate) fn numbered_by_size(mut component: Vec<u32>, order: &impl Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let count = component.iter().max().map_or(0, |&c| c as usize + 1);
    if count < 2 {
        return component;
    }
    let (mut sizes, mut first) = (vec![0_usize; count], vec![usize::MAX; count]);
    for (item, &c) in component.iter().enumerate() {
        let c = c as usize;
        sizes[c] += 1;
        if first[c] == usize::MAX || order(item, first[c]).is_lt() {
            first[c] = item;
        }
    }
    let mut sorted: Vec<usize> = (0..count).collect();
    sorted.sort_by(|&a, &b| sizes[b].cmp(&sizes[a]).then_with(|| order(first[a], first[b])));
    let mut number = vec![0; count];
    sorted.iter().enumerate().for_each(|(k, &c)| number[c] = k as u32);
    component.iter_mut().for_each(|c| *c = number[*c as usize]);
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presentations_of_one_pair_are_merged_with_their_mean_label() {
        let wins =
            [(1, 0, 1.0), (0, 1, 3.0), (2, 1, 0.5)].map(|(winner, loser, weight)| Comparison { winner, loser, weight });
        let graph = ComparisonGraph::new(3, wins).unwrap();
        assert_eq!(graph.edges().len(), 2);
        let e = graph.edges()[graph.edge_index(1, 0).unwrap()];
        assert_eq!((e.weight(), e.label()), (4.0, 0.5));
        let net_wins = graph.divergence(graph.edges().iter().map(|e| e.first_wins - e.second_wins));
        assert_eq!(net_wins, vec![2.0, -2.5, 0.5]);
    }

    #[test]
    fn bad_comparisons_are_refused() {
        let one = |winner, loser, weight| ComparisonGraph::new(3, [Comparison { winner, loser, weight }]).unwrap_err();
        assert_eq!(one(0, 3, 1.0), TheoryError::RankOutOfRange { rank: 3, n_items: 3 });
        assert_eq!(one(1, 1, 1.0), TheoryError::SelfComparison(1));
        assert!(matches!(one(0, 1, f64::NAN), TheoryError::BadWeight { .. }));
        assert!(matches!(one(0, 1, 0.0), TheoryError::BadWeight { .. }));
        assert_eq!(ComparisonGraph::new(3, []).unwrap_err(), TheoryError::NoComparisons);
        assert_eq!(ComparisonGraph::new(1, []).unwrap_err(), TheoryError::TooFewItems(1));
    }

    #[test]
    fn components_are_numbered_from_the_largest() {
        let graph = ComparisonGraph::new(6, [(4, 1), (2, 3), (3, 5)].map(|(w, l)| Comparison::new(w, l))).unwrap();
        assert_eq!(graph.components(), vec![2, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn one_order_presents_each_pair_once() {
        let graph = ComparisonGraph::new(3, [Comparison::new(0, 1), Comparison::new(2, 1)]).unwrap();
        assert_eq!(graph.trials().len(), 4);
        let first_items = |order| -> Vec<(usize, f64)> {
            graph.clone().with_order(order).trials().iter().map(|t| (t.first, t.label)).collect()
        };
        assert_eq!(first_items(PresentationOrder::HigherFirst), [(0, 1.0), (1, -1.0)]);
        assert_eq!(first_items(PresentationOrder::LowerFirst), [(1, -1.0), (2, 1.0)]);
        assert_eq!(first_items(PresentationOrder::WinnerFirst), [(0, 1.0), (2, 1.0)]);
    }
}
