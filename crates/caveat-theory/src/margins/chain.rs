//! Chain route: ranks and margins in closed form for a chain with exceptions, from the screened Green's function.
//!
//! With 2 cosh λ = 2 + μ and items numbered 1 … n, the rule alone has the ranks
//! r⁰_i = sinh(((n+1)/2 − i)λ) / (2 cosh(nλ/2) sinh(λ/2)). A trained pair e = (p, q) beyond the plain chain changes the
//! screened Poisson equation by a rank-one term, so that r = r⁰ + Σ x_e g_e with g_e = G(·, p) − G(·, q) and a k × k system
//! for x (Woodbury). Every field's differences are written as products and sums of positive terms, from μ = 0 to 10³⁰⁰ and n to
//! 10⁶. What remains is the model's own cancellation between fields: for one exception it is resolved inside the cycle too; for
//! several, differences inside a cycle keep a relative accuracy of about eps/μ.
//!
//! Source: §4; the task is that of Cheng & Lippl 2026, arXiv 2605.22972.

use faer::linalg::solvers::Solve;
use faer::{Mat, linalg::solvers::FullPivLu};

use super::Margins;
use super::hyperbolic::{Hyperbolic, Scaled};
use crate::comparison_graph::{Edge, PresentationOrder};
use crate::error::{Result, TheoryError};
use crate::kernel::RidgeModel;
use crate::route::Route;
use crate::task::TransitiveTask;

/// Largest number of exceptions and reweighted pairs that the chain route takes on.
pub const MAX_CHANGES: usize = 1_000;

/// Roundings of the terms of a margin within which it is a tie, for one change; they grow as the square of the number of changes.
pub(crate) const ROUNDINGS: f64 = 16.0;

/// A pair whose training differs from the plain chain's.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Change {
    /// 0-based, the smaller index first.
    pair: (usize, usize),
    /// Trained label of the pair.
    label: f64,
    /// Change of its coupling D_e/D_0 against the plain chain.
    coupling: f64,
    /// Change of its source D_e·y_e/D_0 against the plain chain.
    source: f64,
    /// m_e.
    memorization: f64,
    /// x_e, by which its field is multiplied.
    multiplier: f64,
}

/// Closed-form solution on a chain with exceptions. Memory O(k); each rank or margin costs O(k).
#[derive(Debug, Clone, PartialEq)]
pub struct ChainSolution {
    n_items: usize,
    screening: f64,
    memorization: f64,
    /// `None` for infinite screening (α = 1 or C → 0), where all ranks are 0.
    chain: Option<Chain>,
    /// Sorted by pair.
    changes: Vec<Change>,
}

/// Solves the task by the closed form. Cost O(n + k³) for k exceptions and reweighted pairs.
///
/// ```
/// use caveat_theory::{margins::chain, Margins, RidgeModel, TransitiveTask};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// let solution = chain::solve(&task, &RidgeModel::new(0.2, 10.0)?)?;
/// assert!(solution.margin(2, 6) > 0.0); // generalizes across the exception
/// assert!(solution.margin(5, 3) > 0.0); // and remembers it
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// Where [`obstacle`] finds one.
pub fn solve(task: &TransitiveTask, model: &RidgeModel) -> Result<ChainSolution> {
    Route::Chain.unless(obstacle(task))?;
    let base = common_premise_weight(task);
    let mut changes = Vec::new();
    for edge in task.graph().edges() {
        if is_plain(edge, base) {
            continue;
        }
        let (pair, label, weight) = (edge.items(), edge.label(), edge.weight());
        let relative = model.relative_conductance(weight, base);
        let chain = if pair.1 == pair.0 + 1 { 1.0 } else { 0.0 };
        changes.push(Change {
            pair,
            label,
            coupling: relative - chain,
            source: relative * label - chain,
            memorization: model.memorization(weight),
            multiplier: 0.0,
        });
    }
    let screening = model.screening(base);
    let n_items = task.n_items();
    let chain = screening.is_finite().then(|| Chain { n: n_items as f64, h: Hyperbolic::from_screening(screening) });
    let mut solution = ChainSolution { n_items, screening, memorization: model.memorization(base), chain, changes };
    solution.find_multipliers()?;
    Ok(solution)
}

/// Why the route does not apply, and which does: trials in one presentation order only, or more than [`MAX_CHANGES`] pairs that
/// differ from the plain chain. O(1) where exceptions and weights are few.
pub fn obstacle(task: &TransitiveTask) -> Option<String> {
    if task.order() != PresentationOrder::Both {
        return Some("it needs both presentation orders; use the asymmetric or dense route".into());
    }
    if task.exceptions().len() + task.weights().len() <= MAX_CHANGES {
        return None;
    }
    let base = common_premise_weight(task);
    let changes = task.graph().edges().iter().filter(|edge| !is_plain(edge, base)).count();
    (changes > MAX_CHANGES)
        .then(|| format!("more than {MAX_CHANGES} exceptions and reweighted pairs; use the graph route"))
}

/// Whether a pair is a premise of the usual weight.
fn is_plain(edge: &Edge, base: f64) -> bool {
    edge.second == edge.first + 1 && edge.label() == 1.0 && edge.weight() == base
}

/// The presentation weight that most premise pairs have.
fn common_premise_weight(task: &TransitiveTask) -> f64 {
    let adjacent = |pair: &(usize, usize)| pair.1 == pair.0 + 1;
    let set: Vec<f64> = task.weights().iter().filter(|(pair, _)| adjacent(pair)).map(|(_, &w)| w).collect();
    if 2 * set.len() < task.n_items() {
        return 1.0;
    }
    let mut counts = std::collections::HashMap::<u64, usize>::new();
    counts.insert(1.0_f64.to_bits(), task.n_items() - 1 - set.len());
    for w in set {
        *counts.entry(w.to_bits()).or_default() += 1;
    }
    // Ties go to the smaller weight, so that the choice does not depend on the hash order.
    counts
        .into_iter()
        .max_by_key(|&(bits, count)| (count, u64::MAX - bits))
        .map_or(1.0, |(bits, _)| f64::from_bits(bits))
}

impl ChainSolution {
    /// Solves (I + WΓ)x = σ − WΔ for the multipliers of the fields.
    fn find_multipliers(&mut self) -> Result<()> {
        let Some(chain) = self.chain else { return Ok(()) };
        let k = self.changes.len();
        let overlap = |e: &Change, f: &Change| chain.exception_difference(e.pair, f.pair).0.value();
        if let [e] = &mut self.changes[..] {
            let (delta, gamma) = (chain.rule_difference(e.pair).value(), overlap(e, e));
            e.multiplier = (e.source - e.coupling * delta) / (1.0 + e.coupling * gamma);
            return Ok(());
        }
        let system = Mat::from_fn(k, k, |a, b| {
            let (e, f) = (&self.changes[a], &self.changes[b]);
            f64::from(a == b) + e.coupling * overlap(e, f)
        });
        let rhs = Mat::from_fn(k, 1, |a, _| {
            let e = &self.changes[a];
            e.source - e.coupling * chain.rule_difference(e.pair).value()
        });
        let x = FullPivLu::new(system.as_ref()).solve(&rhs);
        for (e, &x) in self.changes.iter_mut().zip(x.col_as_slice(0)) {
            e.multiplier = x;
            if !x.is_finite() {
                let what = "the system for the exceptions";
                return Err(TheoryError::not_converged(what, f64::INFINITY, f64::EPSILON, 1));
            }
        }
        Ok(())
    }

    /// Screening μ of the premise pairs; ∞ for α = 1.
    pub fn screening(&self) -> f64 {
        self.screening
    }

    /// The rank r_i of an item.
    pub fn rank(&self, item: usize) -> f64 {
        self.rule_rank(item) + self.exception_rank(item)
    }

    /// The ranks of all items. Cost O(n·k).
    pub fn ranks(&self) -> Vec<f64> {
        (0..self.n_items).map(|i| self.rank(i)).collect()
    }

    /// The chain field r⁰_i: the rank without any exception.
    pub fn rule_rank(&self, item: usize) -> f64 {
        self.chain.map_or(0.0, |chain| chain.rule_rank(item))
    }

    /// The exceptions' field at an item: rank minus chain field.
    pub fn exception_rank(&self, item: usize) -> f64 {
        let Some(chain) = self.chain else { return 0.0 };
        self.changes.iter().map(|e| e.multiplier * chain.exception_rank(item, e.pair)).sum()
    }

    /// r_i − r_j for i < j, and the size of the terms that it sums (its rounding error is that times eps); `None` for infinite
    /// screening, where there are no ranks. Scaled, so that far pairs keep their sign where the plain number underflows.
    fn rank_difference(&self, i: usize, j: usize) -> Option<(Scaled, Scaled)> {
        let chain = self.chain?;
        if let [e] = self.changes[..]
            && e.source == -e.coupling
            && e.pair.0 <= i
            && j <= e.pair.1
        {
            // Without screening the same current flows all around the cycle.
            return Some(chain.within_one_cycle((i, j), e.pair, e.coupling, self.screening > 0.0));
        }
        let rule = chain.rule_difference((i, j));
        Some(self.changes.iter().fold((rule, rule.abs()), |(sum, size), e| {
            let (term, terms) = chain.exception_difference((i, j), e.pair);
            (sum + term * e.multiplier, size + terms * e.multiplier.abs())
        }))
    }

    /// Label and memorization weight of a trained pair i < j.
    fn trained(&self, i: usize, j: usize) -> Option<(f64, f64)> {
        match self.changes.binary_search_by_key(&(i, j), |e| e.pair) {
            Ok(at) => Some((self.changes[at].label, self.changes[at].memorization)),
            Err(_) => (j == i + 1).then_some((1.0, self.memorization)),
        }
    }

    /// Rounding of a margin relative to the terms that it sums.
    fn rounding(&self) -> f64 {
        ROUNDINGS * f64::EPSILON * (1 + self.changes.len() * self.changes.len()) as f64
    }

    /// Sign of r_i − r_j for i < j, without what is memorized: 0 only within a few roundings of the terms of this very difference.
    pub(crate) fn rank_sign(&self, i: usize, j: usize) -> i8 {
        match self.rank_difference(i, j) {
            // Sum and size add the same terms, so they share their power and the mantissas decide.
            Some((d, size)) if d.mantissa.abs() > self.rounding() * size.mantissa => d.mantissa.signum() as i8,
            _ => 0,
        }
    }
}

impl Margins for ChainSolution {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        if i >= j {
            return if i == j { 0.0 } else { -self.margin(j, i) };
        }
        let difference = self.rank_difference(i, j).map_or(0.0, |(d, _)| d.value());
        match self.trained(i, j) {
            Some((y, m)) => m * y + (1.0 - m) * difference,
            None => difference,
        }
    }

    /// A tie only within a few roundings of the terms of this very margin, so that far pairs keep their true signs.
    fn sign(&self, i: usize, j: usize) -> i8 {
        if i >= j {
            return if i == j { 0 } else { -self.sign(j, i) };
        }
        let (f, size) = match (self.rank_difference(i, j), self.trained(i, j)) {
            (None, None) => return 0,
            (None, Some((y, m))) => (m * y, m),
            (Some(_), None | Some((_, 0.0))) => return self.rank_sign(i, j),
            (Some((d, size)), Some((y, m))) => (m * y + (1.0 - m) * d.value(), m + (1.0 - m) * size.value()),
        };
        if f.abs() <= self.rounding() * size { 0 } else { f.signum() as i8 }
    }

    fn tie_tolerance(&self) -> f64 {
        0.0
    }
}

/// The closed forms of a chain of n items. Items are 0-based, formulas 1-based.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Chain {
    n: f64,
    h: Hyperbolic,
}

impl Chain {
    fn one_based((i, j): (usize, usize)) -> (f64, f64) {
        (i as f64 + 1.0, j as f64 + 1.0)
    }

    /// r⁰_i.
    fn rule_rank(self, item: usize) -> f64 {
        let Self { n, h } = self;
        let i = item as f64 + 1.0;
        (h.sinh((n + 1.0) / 2.0 - i) / (h.cosh(n / 2.0) * h.sinh(0.5) * 2.0)).value()
    }

    /// r⁰_i − r⁰_j > 0 for i < j.
    fn rule_difference(self, pair: (usize, usize)) -> Scaled {
        let Self { n, h } = self;
        let (i, j) = Self::one_based(pair);
        h.cosh((n + 1.0 - i - j) / 2.0) * h.sinh((j - i) / 2.0) / (h.cosh(n / 2.0) * h.sinh(0.5))
    }

    fn denominator(self) -> Scaled {
        self.h.sinh(1.0) * self.h.sinh(self.n)
    }

    /// g_i = G(i, p) − G(i, q).
    fn exception_rank(self, item: usize, exception: (usize, usize)) -> f64 {
        let [a, b] = self.exception_terms(item, exception);
        (a + b).value()
    }

    /// The terms of g_i; of both signs between the items of the exception alone.
    fn exception_terms(self, item: usize, exception: (usize, usize)) -> [Scaled; 2] {
        let Self { n, h } = self;
        let i = item as f64 + 1.0;
        let (p, q) = Self::one_based(exception);
        let terms = if i <= p {
            [h.cosh(i - 0.5) * h.sinh((2.0 * n + 1.0 - p - q) / 2.0) * h.sinh((q - p) / 2.0) * 2.0, h.zero()]
        } else if i >= q {
            [-(h.cosh(n + 0.5 - i) * h.sinh((p + q - 1.0) / 2.0) * h.sinh((q - p) / 2.0) * 2.0), h.zero()]
        } else {
            [
                h.sinh((2.0 * n + p - q) / 2.0) * h.sinh((p + q) / 2.0 - i),
                h.sinh((q - p) / 2.0) * h.sinh(n + 1.0 - i - (p + q) / 2.0),
            ]
        };
        terms.map(|term| term / self.denominator())
    }

    /// g_i − g_j for i < j and the size of the terms that it sums.
    ///
    /// Within a stretch, above, inside or below the exception, nothing cancels. Across, the field climbs and falls: far from the
    /// exception the sum over stretches cancels to the field's tails, and the difference of these is the better sum.
    fn exception_difference(self, (i, j): (usize, usize), (p, q): (usize, usize)) -> (Scaled, Scaled) {
        let parts = [
            (i < j.min(p)).then(|| self.difference_above((i, j.min(p)), (p, q))),
            (i.max(p) < j.min(q)).then(|| self.difference_inside((i.max(p), j.min(q)), (p, q))),
            (i.max(q) < j).then(|| self.difference_below((i.max(q), j), (p, q))),
        ];
        let sum = |(sum, size): (Scaled, Scaled), part: Scaled| (sum + part, size + part.abs());
        let zero = (self.h.zero(), self.h.zero());
        let by_stretch = parts.into_iter().flatten().fold(zero, sum);
        if parts.iter().flatten().count() < 2 {
            return by_stretch;
        }
        let [gi, gj] = [i, j].map(|item| self.exception_terms(item, (p, q)));
        let by_item = gi.into_iter().chain(gj.map(|g| -g)).fold(zero, sum);
        if by_item.1.is_below(by_stretch.1) { by_item } else { by_stretch }
    }

    /// g_i − g_j < 0 for i < j ≤ p.
    fn difference_above(self, pair: (usize, usize), exception: (usize, usize)) -> Scaled {
        let Self { n, h } = self;
        let ((i, j), (p, q)) = (Self::one_based(pair), Self::one_based(exception));
        let slope = h.sinh((2.0 * n + 1.0 - p - q) / 2.0) * h.sinh((q - p) / 2.0) / self.denominator();
        -(h.sinh((i + j - 1.0) / 2.0) * h.sinh((j - i) / 2.0)) * slope * 4.0
    }

    /// g_i − g_j > 0 for p ≤ i < j ≤ q.
    fn difference_inside(self, pair: (usize, usize), exception: (usize, usize)) -> Scaled {
        let Self { n, h } = self;
        let ((i, j), (p, q)) = (Self::one_based(pair), Self::one_based(exception));
        let sum = h.sinh((2.0 * n + p - q) / 2.0) * h.cosh((p + q - i - j) / 2.0)
            + h.sinh((q - p) / 2.0) * h.cosh((2.0 * n + 2.0 - i - j - p - q) / 2.0);
        sum * h.sinh((j - i) / 2.0) / self.denominator() * 2.0
    }

    /// g_i − g_j < 0 for q ≤ i < j.
    fn difference_below(self, pair: (usize, usize), exception: (usize, usize)) -> Scaled {
        let Self { n, h } = self;
        let ((i, j), (p, q)) = (Self::one_based(pair), Self::one_based(exception));
        let slope = h.sinh((p + q - 1.0) / 2.0) * h.sinh((q - p) / 2.0) / self.denominator();
        -(h.sinh((2.0 * n + 1.0 - i - j) / 2.0) * h.sinh((j - i) / 2.0)) * slope * 4.0
    }

    /// (g_i − g_j) − (r⁰_i − r⁰_j) ≥ 0 for p ≤ i < j ≤ q: how much more of the exception's current than of the rule's
    /// flows from i to j. It vanishes with μ, and all its terms are positive.
    fn current_excess(self, pair: (usize, usize), exception: (usize, usize)) -> Scaled {
        let Self { n, h } = self;
        let ((i, j), (p, q)) = (Self::one_based(pair), Self::one_based(exception));
        let from_end = n + 1.0 - q;
        let sum = h.sinh(p / 2.0) * h.sinh((p - 1.0) / 2.0) * h.sinh((2.0 * n + 1.0 - i - j) / 2.0)
            + h.sinh(from_end / 2.0) * h.sinh((from_end - 1.0) / 2.0) * h.sinh((i + j - 1.0) / 2.0);
        sum * (h.sinh((j - i) / 2.0) / (h.sinh(0.5) * h.cosh(0.5) * h.sinh(n))) * 2.0
    }

    /// r_i − r_j and its size within the cycle of one exception of relative conductance w.
    ///
    /// r⁰ − (1+Δ)w/(1+wγ)·g cancels to O(μ) there; with z = g − r⁰ (differences) it is
    /// [(1 − w + w·z_pq)(r⁰_i − r⁰_j) − w(1+Δ)·z_ij]/(1 + wγ).
    fn within_one_cycle(
        self,
        pair: (usize, usize),
        exception: (usize, usize),
        w: f64,
        screened: bool,
    ) -> (Scaled, Scaled) {
        let delta = self.rule_difference(exception).value();
        let gamma = self.exception_difference(exception, exception).0.value();
        let excess_of = |pair| if screened { self.current_excess(pair, exception) } else { self.h.zero() };
        let rule = self.rule_difference(pair) * ((1.0 - w + w * excess_of(exception).value()) / (1.0 + w * gamma));
        let excess = excess_of(pair) * (w * (1.0 + delta) / (1.0 + w * gamma));
        (rule + -excess, rule.abs() + excess.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycle_margins_keep_their_relative_accuracy_where_fields_cancel() {
        // n = 9, (5, 3), α = 0: with μ = 2/C → 0 the current around the cycle leaves r_3 − r_4 = −2μ + O(μ²), by hand: charges
        // ±1 at the ends push 1 − O(μ) through the chain, of which the excess ζ = μ·Σ_{k≤4}(g_k − …) is left over.
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let margin = |mu: f64| solve(&task, &RidgeModel::new(0.0, 2.0 / mu).unwrap()).unwrap().margin(3, 4);
        let slope = margin(1e-6) / 1e-6;
        for mu in [1e-8, 1e-10, 1e-12, 1e-15] {
            // The next order is O(μ), the terms round at a few eps.
            assert!((margin(mu) / (mu * slope) - 1.0).abs() < 1e-4, "μ {mu}: {} {slope}", margin(mu) / mu);
        }
        assert_eq!(solve(&task, &RidgeModel::new(0.0, f64::INFINITY).unwrap()).unwrap().sign(3, 4), 0);
    }

    #[test]
    fn far_pairs_are_ordered_although_their_margins_underflow() {
        let model = RidgeModel::new(0.5, f64::INFINITY).unwrap();
        for exceptions in [vec![], vec![(110, 100)], vec![(110, 100), (2_500, 2_400)]] {
            let task = TransitiveTask::new(3_000, &exceptions).unwrap();
            let s = solve(&task, &model).unwrap();
            assert_eq!((s.margin(1_450, 1_460), s.sign(1_450, 1_460), s.sign(1_460, 1_450)), (0.0, 1, -1));
        }
    }

    #[test]
    fn far_pairs_across_an_exception_follow_what_is_nearer_to_them() {
        // Toward the exception r_i falls below 0 above it and rises above 0 below it; toward the ends the rule has its signs.
        let task = TransitiveTask::new(3_000, &[(1_510, 1_490)]).unwrap();
        let s = solve(&task, &RidgeModel::new(0.5, f64::INFINITY).unwrap()).unwrap();
        for (pair, sign) in [((100, 2_900), 1), ((1_400, 1_600), -1), ((100, 1_550), -1), ((1_450, 2_900), -1)] {
            assert_eq!(s.sign(pair.0, pair.1), sign, "{pair:?}");
        }
    }
}
