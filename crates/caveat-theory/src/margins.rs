//! The margins f(i, j), those of ridge regression by four independent routes, and the accuracy that they imply for every class of pairs.
//!
//! | route | kernels | tasks | cost |
//! |---|---|---|---|
//! | [`chain`] | position-symmetric | chain with exceptions | O(k³) once, O(k) per margin |
//! | [`graph`] | position-symmetric | any graph, any weights | sparse Cholesky or conjugate gradients |
//! | [`asymmetric`] | any exchangeable kernel | any ordered trials | O((2n+1)³) |
//! | [`dense`] | any kernel matrix | any ordered trials | O(trials³) |
//!
//! [`crate::solve()`] chooses among them.
//!
//! With each pair in both orders, equal weights and a position-symmetric kernel all four find
//!
//! > (L + μI) r = Bᵀy,  f(i, j) = r_i − r_j (untrained),  f_e = m·y_e + (1 − m)(r_i − r_j) (trained e = (i, j)),
//!
//! L = BᵀB the Laplacian of the trained pairs, μ ∈ [0, ∞] the screening and m ∈ [0, 1] the memorization weight of
//! [`RidgeModel`](crate::RidgeModel). Margins are in units of the labels, ±1.
//!
//! Source: the equation is derived in §3.1 from kernel ridge regression on the kernel of Cheng & Lippl 2026, arXiv 2605.22972; with μ = 0 it
//! is HodgeRank (Jiang, Lim, Yao & Ye 2011, doi:10.1007/s10107-010-0419-x).

use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::pair_class::{PairClass, PairClasses};

pub mod asymmetric;
pub mod chain;
pub mod dense;
pub mod graph;
pub(crate) mod hyperbolic;
pub mod laplacian;

/// Anything that judges ordered pairs.
pub trait Margins {
    /// Number of items.
    fn n_items(&self) -> usize;

    /// f(i, j): positive says that item `i` wins. Zero for i = j.
    fn margin(&self, i: usize, j: usize) -> f64;

    /// Sign of f(i, j), 0 where only rounding decides it: by default, up to `tie_tolerance`.
    fn sign(&self, i: usize, j: usize) -> i8 {
        let f = self.margin(i, j);
        if f.abs() <= self.tie_tolerance() { 0 } else { f.signum() as i8 }
    }

    /// Size below which a margin is rounding error.
    fn tie_tolerance(&self) -> f64;

    /// The n × n margins, row-major: entry i·n + j is f(i, j).
    fn matrix(&self) -> Vec<f64> {
        let n = self.n_items();
        (0..n * n).map(|e| if e / n == e % n { 0.0 } else { self.margin(e / n, e % n) }).collect()
    }

    /// Share of correct judgments in every class; both orders of a pair count, and a tie counts one half.
    fn accuracy(&self, classes: &PairClasses) -> Accuracy {
        let mut tally = [(0.0, 0usize); 6];
        for (i, j, class, label) in classes.pairs() {
            let Some(label) = label else { continue };
            let score = |sign: i8| 0.5 * (1.0 + f64::from(sign * label));
            let (sum, count) = &mut tally[class as usize];
            *sum += 0.5 * (score(self.sign(i, j)) + score(-self.sign(j, i)));
            *count += 1;
        }
        let [premise, exception_cycle, within_section, cross_section, cycle_to_section] =
            PairClass::SCORED.map(|class| match tally[class as usize] {
                (_, 0) => None,
                (sum, count) => Some(sum / count as f64),
            });
        Accuracy { premise, exception_cycle, within_section, cross_section, cycle_to_section }
    }
}

/// Share of correct judgments per pair class, in [0, 1]; `None` for a class with no pair.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Accuracy {
    /// On premise pairs.
    pub premise: Option<f64>,
    /// On the exception and the premise pairs that it contradicts.
    pub exception_cycle: Option<f64>,
    /// On untrained pairs within one outer section.
    pub within_section: Option<f64>,
    /// On untrained pairs across the exception.
    pub cross_section: Option<f64>,
    /// On untrained pairs between a cycle and an item outside it.
    pub cycle_to_section: Option<f64>,
}

impl Accuracy {
    /// Accuracy of one class; `None` for [`PairClass::Ambiguous`] and for classes with no pair.
    pub fn in_class(&self, class: PairClass) -> Option<f64> {
        match class {
            PairClass::Premise => self.premise,
            PairClass::ExceptionCycle => self.exception_cycle,
            PairClass::WithinSection => self.within_section,
            PairClass::CrossSection => self.cross_section,
            PairClass::CycleToSection => self.cycle_to_section,
            PairClass::Ambiguous => None,
        }
    }
}

/// f(i, j): of a trained pair its own margin, in the order of the edges; of another, the difference of the ranks.
pub(crate) fn trained_or_ranks(graph: &ComparisonGraph, trained: &[f64], ranks: &[f64], (i, j): (usize, usize)) -> f64 {
    match graph.edge_index(i, j) {
        Some(at) if i < j => trained[at],
        Some(at) => -trained[at],
        None => ranks[i] - ranks[j],
    }
}
