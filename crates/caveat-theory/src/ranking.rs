//! Places of items: by component of the comparison graph, with items whose ranks differ by rounding at one position.
//!
//! Items i and k that are next to each other in the order of their ranks r tie iff |r_i − r_k| ≤ ε_i + ε_k, ε ≥ 0 the errors of their ranks,
//! both in units of margins (§11).

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::comparison_graph::{ComparisonGraph, numbered_by_size};
use crate::numeric::vectors::extremes;

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Index of the item.
    pub item: usize,
    /// Connected component of the comparisons, 0 the largest.
    pub component: usize,
    /// How many items of the component stand above this one: items that tie share a position, and the next ones skip theirs.
    pub position: usize,
    /// The item's rank; for items that tie, the middle of their ranks; 0 where only rounding tells it from 0.
    pub rank: f64,
}

/// Places of all items, sorted by component, position and then `order`.
///
/// `errors` bounds how far rounding may have moved each rank: neighbors in the order of ranks tie if they are no further apart than the
/// sum of their errors. Of equally large components, the one with the first item in `order` comes first. So places depend on neither the
/// order of items nor that of comparisons, as long as `order` does not. One rank and one error per item, none NaN. Cost O(n log n + m).
pub fn places(
    graph: &ComparisonGraph,
    ranks: &[f64],
    errors: &[f64],
    order: impl Fn(usize, usize) -> Ordering + Sync,
) -> Vec<Place> {
    let component = numbered_by_size(graph.components(), &order);
    let mut items: Vec<usize> = (0..ranks.len()).collect();
    // Adding zero makes −0 and 0 equal.
    items.par_sort_by(|&a, &b| {
        component[a].cmp(&component[b]).then_with(|| (ranks[b] + 0.0).total_cmp(&(ranks[a] + 0.0)))
    });
    let mut places = Vec::with_capacity(items.len());
    let (mut start, mut first_of_component) = (0, 0);
    while start < items.len() {
        let own = component[items[start]];
        if start > 0 && component[items[start - 1]] != own {
            first_of_component = start;
        }
        let same = |&at: &usize| {
            let (above, here) = (items[at - 1], items[at]);
            component[here] == own && ranks[above] - ranks[here] <= errors[above] + errors[here]
        };
        let end = (start + 1..items.len()).take_while(same).last().unwrap_or(start) + 1;
        let tied = &mut items[start..end];
        tied.par_sort_by(|&a, &b| order(a, b));
        // The middle of the range rather than a sum, which would depend on the order.
        let (low, high) = extremes(tied.iter().map(|&i| ranks[i]));
        let middle = if low == high { low } else { 0.5 * low + 0.5 * high };
        let error = tied.iter().fold(0.0_f64, |error, &i| error.max(errors[i]));
        let rank = if middle.abs() <= error { 0.0 } else { middle };
        let position = start - first_of_component;
        places.extend(tied.iter().map(|&item| Place { item, component: own as usize, position, rank }));
        start = end;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison_graph::Comparison;
    use crate::kernel::RidgeModel;
    use crate::margins::graph;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const INF: f64 = f64::INFINITY;

    fn solved(n: usize, wins: &[(usize, usize)], alpha: f64, c: f64) -> (ComparisonGraph, Vec<Place>) {
        let graph = ComparisonGraph::new(n, wins.iter().map(|&(w, l)| Comparison::new(w, l))).unwrap();
        let solution = graph::solve(&graph, &RidgeModel::new(alpha, c).unwrap()).unwrap();
        let errors = solution.rank_errors().unwrap();
        let places = places(&graph, &solution.ranks, &errors, |a, b| a.cmp(&b));
        (graph, places)
    }

    fn rows(places: &[Place]) -> Vec<(usize, usize, usize)> {
        places.iter().map(|p| (p.component, p.position, p.item)).collect()
    }

    #[test]
    fn components_are_placed_one_by_one_the_largest_first() {
        let (_, places) = solved(7, &[(0, 1), (4, 2), (2, 3), (6, 5)], 0.0, INF);
        assert_eq!(rows(&places), [(0, 0, 4), (0, 1, 2), (0, 2, 3), (1, 0, 0), (1, 1, 1), (2, 0, 6), (2, 1, 5)]);
        assert!((places[0].rank - 1.0).abs() < 1e-15 && places[1].rank == 0.0);
    }

    #[test]
    fn items_that_tie_share_a_position_and_a_rank() {
        // A cycle of three over a bottom item that all of them beat.
        let (_, places) = solved(4, &[(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)], 0.0, INF);
        assert_eq!(rows(&places), [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 3, 3)]);
        assert_eq!(places[0].rank, places[2].rank);
        // With only ties, or where nothing is known of untrained pairs, all are first.
        for (alpha, wins) in [(0.0, &[(0, 1), (1, 0), (1, 2), (2, 1)][..]), (1.0, &[(0, 1), (1, 2)])] {
            let (_, places) = solved(3, wins, alpha, 10.0);
            assert!(places.iter().all(|p| p.position == 0 && p.rank == 0.0), "{places:?}");
        }
    }

    #[test]
    fn a_screened_chain_is_never_out_of_order_and_ties_only_where_its_ranks_are_below_rounding() {
        let n = 200;
        let wins: Vec<_> = (1..n).map(|i| (i - 1, i)).collect();
        let (_, places) = solved(n, &wins, 0.2, 10.0);
        assert!(places.iter().enumerate().all(|(k, p)| p.item == k && p.position <= k));
        for p in &places {
            assert!(p.position == p.item || p.rank == 0.0, "{p:?}");
        }
        let tied: Vec<usize> = (0..n).filter(|&k| places[k].rank == 0.0).collect();
        // Ranks fall by a factor of 2.3 from item to item: 1e-13 is about 36 items from either end.
        assert!(tied[0] > 33 && tied[tied.len() - 1] < n - 34, "{tied:?}");
    }

    /// Two copies of a random graph, joined to one item each by one comparison: every item ties with its copy.
    fn mirrored(n: usize, edges: usize, rng: &mut ChaCha8Rng) -> Vec<(usize, usize)> {
        let mut half: Vec<(usize, usize)> = (1..n).map(|i| (rng.random_range(i.saturating_sub(3)..i), i)).collect();
        while half.len() < edges {
            let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
            if a != b {
                half.push((a, b));
            }
        }
        half.iter().flat_map(|&(w, l)| [(w, l), (w + n, l + n)]).chain([(2 * n, 0), (2 * n, n)]).collect()
    }

    #[test]
    fn copies_tie_whatever_the_route_and_items_that_differ_do_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        // Cholesky, a near tree, and conjugate gradients on badly and well conditioned graphs.
        for (n, edges) in [(4, 6), (40, 90), (300, 2_000), (5_000, 5_010), (2_000, 2_600), (3_000, 15_000)] {
            for (alpha, c) in [(0.0, INF), (0.0, 5.0), (0.2, 10.0)] {
                let wins = mirrored(n, edges, &mut rng);
                let (_, places) = solved(2 * n + 1, &wins, alpha, c);
                let mut position = vec![0; 2 * n + 1];
                places.iter().for_each(|p| position[p.item] = p.position);
                let split = (0..n).filter(|&i| position[i] != position[i + n]).count();
                assert_eq!(split, 0, "{n} items, {edges} edges, α {alpha}, C {c}");
                // Few items of a random graph tie with any but their copy.
                let mut kinds: Vec<usize> = position.clone();
                kinds.sort_unstable();
                kinds.dedup();
                assert!(
                    kinds.len() as f64 > 0.7 * n as f64,
                    "{} of {n} items, {edges} edges, α {alpha}, C {c}",
                    kinds.len()
                );
            }
        }
    }

    #[test]
    fn places_do_not_depend_on_how_items_are_numbered() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for round in 0..300 {
            let n = rng.random_range(2..14);
            let mut wins: Vec<(usize, usize)> = Vec::new();
            while wins.is_empty() || rng.random_bool(0.9) {
                let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
                if a != b {
                    wins.push((a, b));
                }
            }
            let mut name: Vec<usize> = (0..n).collect();
            name.shuffle(&mut rng);
            let renamed: Vec<_> = wins.iter().rev().map(|&(w, l)| (name[w], name[l])).collect();
            let (alpha, c) = [(0.0, INF), (0.3, 2.0), (0.0, 1e-3)][round % 3];
            let (_, plain) = solved(n, &wins, alpha, c);
            let graph = ComparisonGraph::new(n, renamed.iter().map(|&(w, l)| Comparison::new(w, l))).unwrap();
            let solution = graph::solve(&graph, &RidgeModel::new(alpha, c).unwrap()).unwrap();
            let mut original = vec![0; n];
            name.iter().enumerate().for_each(|(i, &to)| original[to] = i);
            let errors = solution.rank_errors().unwrap();
            let again = places(&graph, &solution.ranks, &errors, |a, b| original[a].cmp(&original[b]));
            let back: Vec<_> = again.iter().map(|p| (p.component, p.position, original[p.item])).collect();
            assert_eq!(back, rows(&plain), "{wins:?}");
        }
    }
}
