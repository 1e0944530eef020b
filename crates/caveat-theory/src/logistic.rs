//! Kernel logistic regression: margins that minimize the cross-entropy of choices plus the RKHS norm, by Newton's
//! method.
//!
//! On the normalized antisymmetric kernel k(e, e′) = h⟨b_e, b_e′⟩ + α[e = e′], h = (1−α)/2, minimize over the RKHS
//!
//! > P(f) = ½‖f‖² + C·Σ_e [w⁺_e·log(1 + e^{−f_e}) + w⁻_e·log(1 + e^{f_e})],
//!
//! with w⁺_e, w⁻_e the weights of presentations that the first and the second item of a pair won. C is the C of the
//! ridge, whose loss on a pair of weight w = w⁺ + w⁻ is ½C·w(f − y)²: both losses count an unordered pair once, and
//! since the logistic one has slope y/2 and curvature ¼ at f = 0, weak regression (C → 0) gives half of the ridge's
//! margins, f/C → K(w∘y)/2. On a kernel that is not normalized, with C̃ times the cross-entropy of each *ordered*
//! trial, C = (κ_id − κ_flip)·C̃.
//!
//! The dual coefficients are a_e = C(w⁺σ(−f_e) − w⁻σ(f_e)), and as for the ridge r = hBᵀa, f_e = (Br)_e + αa_e on
//! trained pairs and f = r_i − r_j elsewhere.
//!
//! **Newton step.** With κ_e = C·w_e·σ(f_e)σ(−f_e) the new coefficients are a′ = D(f + â/κ − Br′), D = 1/(α + 1/κ), â
//! the formula above at the present f, and (I + hBᵀDB)r′ = hBᵀD(f + â/κ): a weighted ridge. Written with D·(f + â/κ) =
//! (κf + â)/(1 + ακ) nothing is divided by κ, which underflows where |f| is large.
//!
//! **Certificate.** P is bounded above by P(r, a) = ½(‖r‖²/h + α‖a‖²) + loss(Br + αa) for any r and a, and below by its
//! Fenchel dual at â, which is always feasible (it is a convex combination of the labels, times C·w). The duality gap
//! is exactly ½‖r − hBᵀâ‖²/h + ½α‖a − â‖²: a sum of squares, so it is computed without the cancellation of P − D.
//!
//! Domains: α ∈ [0, 1], C ∈ (0, ∞], weights w⁺, w⁻ ≥ 0 in presentations, margins f and ranks r in log-odds.
//! Source: §7; with α = 0 and C = ∞ it is the model of Bradley & Terry 1952, doi:10.2307/2334029.

use std::iter::zip;

use serde::Serialize;

use crate::comparison_graph::{ComparisonGraph, Edge, NEEDS_BOTH_ORDERS, PresentationOrder};
use crate::components::Components;
use crate::error::{Result, TheoryError};
use crate::kernel::RidgeModel;
use crate::margins::laplacian::{ScreenedLaplacian, SparseSolver};
use crate::margins::{Margins, trained_or_ranks};
use crate::numeric::sigmoid::{log_loss, sigmoid};
use crate::numeric::vectors::{add_scaled, dot, largest};
use crate::pair_class::strongly_connected_components;

/// Most Newton steps.
pub const MAX_STEPS: usize = 100;

/// Relative duality gap and KKT residual beyond which a solution is refused.
pub const ACCEPTANCE: f64 = 1e-10;

/// KKT residual at which to stop: what rounding leaves on small graphs.
const TARGET: f64 = 1e-15;

/// How the logistic problem was solved, with the certificate of its optimality.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogisticInfo {
    /// Newton steps taken.
    pub steps: usize,
    /// The objective P (with C = ∞ the loss alone).
    pub objective: f64,
    /// (P − dual objective)/P. With C = ∞, where the dual has no interior, half the squared Newton decrement over P.
    pub relative_gap: f64,
    /// Largest violation of a = C(w⁺σ(−f) − w⁻σ(f)) and r = hBᵀa, relative to the change that a relative change of a
    /// and f as large as this number makes (a componentwise condition, a normwise scale).
    pub kkt_residual: f64,
}

/// Margins of kernel logistic regression, in log-odds. Memory O(n + m); a margin costs O(log m).
#[derive(Debug, Clone)]
pub struct LogisticSolution {
    graph: ComparisonGraph,
    /// The rank of every item, in log-odds, centered on every connected component.
    pub ranks: Vec<f64>,
    /// Dual coefficients a_e, in the order of [`ComparisonGraph::edges`] (with C = ∞ those of C = 1).
    pub dual: Vec<f64>,
    /// f(first, second) on every trained pair, in the order of [`ComparisonGraph::edges`].
    pub trained: Vec<f64>,
    /// How the problem was solved, and how close to the optimum.
    pub info: LogisticInfo,
    tie_tolerance: f64,
}

/// Minimizes the regularized cross-entropy. A Newton step costs a sparse solve on the graph; 5 to 30 steps are usual.
///
/// C = ∞ means no regularization and is solved where a maximum of the likelihood exists: α = 0 (a conjunctive part can
/// fit every one-sided pair without bound), and in every connected component a chain of wins from each item to each
/// other (Ford 1957, doi:10.2307/2308513). This is the Bradley–Terry model; ranks are centered on every component.
///
/// ```
/// use caveat_theory::{Comparison, ComparisonGraph, Margins, RidgeModel, logistic};
/// let wins = [(0, 1, 6.0), (1, 0, 2.0)].map(|(winner, loser, weight)| Comparison { winner, loser, weight });
/// let graph = ComparisonGraph::new(2, wins)?;
/// let bradley_terry = logistic::solve(&graph, &RidgeModel::new(0.0, f64::INFINITY)?)?;
/// assert!((bradley_terry.margin(0, 1) - 3.0_f64.ln()).abs() < 1e-12);
/// assert!((bradley_terry.probability(0, 1) - 0.75).abs() < 1e-12);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// Trials in one presentation order only, C·(total weight) beyond f64, C = ∞ where no maximum exists, or a certificate
/// above [`ACCEPTANCE`] after [`MAX_STEPS`] steps.
pub fn solve(graph: &ComparisonGraph, model: &RidgeModel) -> Result<LogisticSolution> {
    if graph.order() != PresentationOrder::Both {
        return Err(TheoryError::not_applicable("logistic regression", NEEDS_BOTH_ORDERS));
    }
    let problem = Problem::new(graph, model)?;
    let (State { ranks, dual, margins: trained }, info) = problem.minimize()?;
    let scale = largest(&ranks).max(problem.item_share * largest(&trained));
    let tie_tolerance = scale * (info.kkt_residual + 4.0 * f64::EPSILON * graph.n_items() as f64);
    Ok(LogisticSolution { graph: graph.clone(), ranks, dual, trained, info, tie_tolerance })
}

/// A point: ranks, dual coefficients, and the margins f = Br + αa that they make on trained pairs.
#[derive(Clone)]
struct State {
    ranks: Vec<f64>,
    dual: Vec<f64>,
    margins: Vec<f64>,
}

impl State {
    /// The point whose components are `f` of those of this point and of another.
    fn combined(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let combined = |a: &[f64], b: &[f64]| zip(a, b).map(|(&a, &b)| f(a, b)).collect();
        Self {
            ranks: combined(&self.ranks, &other.ranks),
            dual: combined(&self.dual, &other.dual),
            margins: combined(&self.margins, &other.margins),
        }
    }
}

/// The loss at a point.
struct Loss {
    /// â = C(w⁺σ(−f) − w⁻σ(f)), minus the derivative.
    pull: Vec<f64>,
    /// κ = C·w·σ(f)σ(−f), the second derivative.
    curvature: Vec<f64>,
}

struct Problem<'g> {
    graph: &'g ComparisonGraph,
    conjunctivity: f64,
    /// h.
    item_share: f64,
    /// C, or 1 without regularization.
    c: f64,
    /// 1, or 0 for C = ∞: the weight of ½‖f‖².
    regularization: f64,
    components: Components,
}

impl<'g> Problem<'g> {
    fn new(graph: &'g ComparisonGraph, model: &RidgeModel) -> Result<Self> {
        let unregularized = model.c().is_infinite();
        if unregularized {
            check_maximum_exists(graph, model)?;
        } else if !graph.edges().iter().map(|e| model.c() * e.weight()).sum::<f64>().is_finite() {
            let range = "small enough that C times the total weight is finite";
            return Err(TheoryError::OutOfRange { name: "C", value: model.c(), range });
        }
        let (c, regularization) = if unregularized { (1.0, 0.0) } else { (model.c(), 1.0) };
        let (conjunctivity, item_share) = (model.conjunctivity(), model.item_share());
        Ok(Self { graph, conjunctivity, item_share, c, regularization, components: Components::new(graph) })
    }

    /// (Br)_e.
    fn difference(e: &Edge, ranks: &[f64]) -> f64 {
        ranks[e.first as usize] - ranks[e.second as usize]
    }

    fn loss(&self, margins: &[f64]) -> Loss {
        let pull_of = |(e, &f): (&Edge, &f64)| self.c * (e.first_wins * sigmoid(-f) - e.second_wins * sigmoid(f));
        let curvature_of = |(e, &f): (&Edge, &f64)| self.c * e.weight() * sigmoid(f) * sigmoid(-f);
        let pairs = || self.graph.edges().iter().zip(margins);
        Loss { pull: pairs().map(pull_of).collect(), curvature: pairs().map(curvature_of).collect() }
    }

    fn objective(&self, state: &State) -> f64 {
        let terms = zip(self.graph.edges(), &state.margins);
        let loss: f64 = terms.map(|(e, &f)| e.first_wins * log_loss(f) + e.second_wins * log_loss(-f)).sum();
        let additive = if self.item_share > 0.0 { dot(&state.ranks, &state.ranks) / self.item_share } else { 0.0 };
        let norm = additive + self.conjunctivity * dot(&state.dual, &state.dual);
        0.5 * self.regularization * norm + self.c * loss
    }

    /// The minimizer of the quadratic model of P(r, a) at a point.
    fn newton_point(&self, state: &State, loss: &Loss) -> Result<State> {
        let edges = self.graph.edges();
        let (alpha, h) = (self.conjunctivity, self.item_share);
        let steepest = largest(&loss.curvature);
        // A curvature this far below the steepest is lost in every sum with it. Keeping it there keeps the matrix
        // definite; overestimated curvature shortens the step and leaves it a descent, for the gradient is exact.
        let curvature: Vec<f64> = loss.curvature.iter().map(|k| k.max(1e-30 * steepest)).collect();
        // The coefficients that the model would choose for the present ranks.
        let mut dual: Vec<f64> = (0..edges.len())
            .map(|at| {
                let (k, f) = (curvature[at], state.margins[at]);
                (k * (f - Self::difference(&edges[at], &state.ranks)) + loss.pull[at]) / (1.0 + alpha * k)
            })
            .collect();
        let mut ranks = state.ranks.clone();
        if h > 0.0 && steepest > 0.0 {
            // Solved for the step, so that an inexact solve errs relative to the step, and the next step corrects it.
            let mut source = self.graph.divergence(dual.iter().copied());
            source.iter_mut().zip(&ranks).for_each(|(s, r)| *s -= self.regularization * r / h);
            let step = self.solve(source, &curvature)?;
            add_scaled(&mut ranks, 1.0, &step);
            for ((a, k), e) in dual.iter_mut().zip(&curvature).zip(edges) {
                *a -= k / (1.0 + alpha * k) * Self::difference(e, &step);
            }
        }
        let margins = edges.iter().zip(&dual).map(|(e, a)| Self::difference(e, &ranks) + alpha * a).collect();
        Ok(State { ranks, dual, margins })
    }

    /// x with (I/h + BᵀDB)x = source, D = κ/(1 + ακ).
    fn solve(&self, mut source: Vec<f64>, curvature: &[f64]) -> Result<Vec<f64>> {
        let (alpha, h) = (self.conjunctivity, self.item_share);
        let steepest = largest(curvature);
        let strongest = steepest / (1.0 + alpha * steepest);
        let screening = self.regularization / (h * strongest);
        if !screening.is_finite() {
            // C·w below the reciprocal of f64::MAX: BᵀDB vanishes against I/h.
            return Ok(source.iter().map(|s| s * h).collect());
        }
        // The constants are no part of any step. Scaled: near the optimum squares would underflow.
        self.components.center(&mut source);
        let scale = largest(&source);
        if scale == 0.0 {
            return Ok(source);
        }
        let source: Vec<f64> = source.iter().map(|s| s / scale).collect();
        let couplings: Vec<f64> = curvature.iter().map(|k| k / (1.0 + alpha * k) / strongest).collect();
        let mut solver = SparseSolver { acceptance: 0.1, ..SparseSolver::default() };
        if solver.preconditioner.is_direct(self.graph) {
            // Newton's method is the refinement of the direct solve.
            solver.max_iterations = 1;
        }
        let (x, _) = ScreenedLaplacian::new(self.graph, Some(&couplings), screening).solve(&source, &solver)?;
        Ok(x.iter().map(|x| x * (scale / strongest)).collect())
    }

    /// Gradient of P in the ranks, r/h − Bᵀâ. That in the coefficients is α(a − â).
    fn gradient(&self, state: &State, loss: &Loss) -> Vec<f64> {
        let mut gradient = self.graph.divergence(loss.pull.iter().copied());
        for (g, r) in gradient.iter_mut().zip(&state.ranks) {
            *g = self.regularization * r / self.item_share - *g;
        }
        gradient
    }

    /// Derivative of P along a step, from the violations of optimality: nothing cancels near the minimum.
    fn slope(&self, state: &State, loss: &Loss, step: &State) -> f64 {
        let pairs = state.dual.iter().zip(&loss.pull).zip(&step.dual);
        let local = self.conjunctivity * pairs.map(|((a, pull), s)| (a - pull) * s).sum::<f64>();
        // h = 0 leaves all ranks 0.
        let additive = if self.item_share > 0.0 { dot(&self.gradient(state, loss), &step.ranks) } else { 0.0 };
        additive + local
    }

    /// The point on the way from `from` to `to` that a backtracking line search accepts.
    ///
    /// P is convex along the way: it has fallen where its slope is still negative. Beyond the minimum the slope must
    /// have halved, and P must not have grown by more than its rounding.
    fn advance(&self, from: &State, to: &State, loss: &Loss) -> Option<State> {
        let step = from.combined(to, |a, b| b - a);
        let slope = self.slope(from, loss, &step);
        let before = self.objective(from);
        let noise = f64::EPSILON * before * self.graph.edges().len() as f64;
        let mut length = 1.0;
        while length > 1e-12 {
            let trial = if length == 1.0 { to.clone() } else { from.combined(&step, |a, s| a + length * s) };
            let ahead = self.slope(&trial, &self.loss(&trial.margins), &step);
            if ahead <= 0.0 || (ahead <= 0.5 * slope.abs() && self.objective(&trial) <= before + noise) {
                return Some(trial);
            }
            length *= 0.5;
        }
        None
    }

    /// Relative gap and KKT residual. `next` is the Newton point, which measures the gap where there is no dual.
    fn certificate(&self, state: &State, loss: &Loss, next: &State) -> (f64, f64) {
        let (alpha, h, edges) = (self.conjunctivity, self.item_share, self.graph.edges());
        let (largest_pull, largest_margin) = (largest(&loss.pull), largest(&state.margins));
        let share = |violation: f64, of: f64| if violation == 0.0 { 0.0 } else { violation / of };
        let (mut gap, mut kkt) = (0.0, 0.0_f64);
        if h > 0.0 {
            let mut sizes = vec![self.regularization * largest(&state.ranks) / h; state.ranks.len()];
            for (e, k) in edges.iter().zip(&loss.curvature) {
                for item in [e.first, e.second] {
                    sizes[item as usize] += largest_pull + k * largest_margin;
                }
            }
            for (violation, size) in self.gradient(state, loss).iter().zip(&sizes) {
                gap += 0.5 * h * violation * violation;
                kkt = kkt.max(share(violation.abs(), *size));
            }
        }
        if alpha > 0.0 {
            for ((a, pull), k) in state.dual.iter().zip(&loss.pull).zip(&loss.curvature) {
                let violation = a - pull;
                gap += 0.5 * alpha * violation * violation;
                kkt = kkt.max(share(violation.abs(), largest_pull + k * largest_margin));
            }
        }
        if self.regularization == 0.0 {
            let change = |e: &Edge| Self::difference(e, &next.ranks) - Self::difference(e, &state.ranks);
            gap = 0.5 * zip(edges, &loss.pull).map(|(e, p)| p * change(e)).sum::<f64>().max(0.0);
        }
        (share(gap, self.objective(state)), kkt)
    }

    fn minimize(&self) -> Result<(State, LogisticInfo)> {
        let m = self.graph.edges().len();
        let mut state = State { ranks: vec![0.0; self.graph.n_items()], dual: vec![0.0; m], margins: vec![0.0; m] };
        let mut best: Option<(State, LogisticInfo)> = None;
        let mut stalled = 0;
        for steps in 0..=MAX_STEPS {
            let loss = self.loss(&state.margins);
            let next = match self.newton_point(&state, &loss) {
                // A step of rounding size may be beyond the sparse solver; the certificate says whether one is needed.
                Err(_) if best.is_some() => break,
                next => next?,
            };
            let (relative_gap, kkt_residual) = self.certificate(&state, &loss, &next);
            let info = LogisticInfo { steps, objective: self.objective(&state), relative_gap, kkt_residual };
            let accepted = relative_gap <= ACCEPTANCE && kkt_residual <= ACCEPTANCE;
            // Once acceptable, steps go on to rounding, which is reached when two of them gain nothing.
            let better = best.as_ref().is_none_or(|(_, b)| kkt_residual < 0.5 * b.kkt_residual);
            stalled = if better || !accepted { 0 } else { stalled + 1 };
            if best.as_ref().is_none_or(|(_, b)| kkt_residual < b.kkt_residual) {
                best = Some((state.clone(), info));
            }
            if accepted && (kkt_residual <= TARGET || stalled >= 2) {
                break;
            }
            match self.advance(&state, &next, &loss) {
                Some(trial) => state = trial,
                None => break,
            }
        }
        let (mut state, info) = best.ok_or(TheoryError::NoComparisons)?;
        // A comparison with NaN is false: no certificate, no solution.
        if !(info.relative_gap <= ACCEPTANCE && info.kkt_residual <= ACCEPTANCE) {
            let (what, reached) =
                ("Newton's method for the logistic problem", info.relative_gap.max(info.kkt_residual));
            return Err(TheoryError::not_converged(what, reached, ACCEPTANCE, info.steps));
        }
        if self.conjunctivity == 0.0 {
            // There f does not depend on a, and the formula in f is the accurate one.
            state.dual = self.loss(&state.margins).pull;
        }
        Ok((state, info))
    }
}

/// Whether the unregularized likelihood has a maximum.
fn check_maximum_exists(graph: &ComparisonGraph, model: &RidgeModel) -> Result<()> {
    let refuse = |reason: String| Err(TheoryError::not_applicable("logistic regression", reason));
    let alpha = model.conjunctivity();
    if alpha > 0.0 {
        return refuse(format!(
            "with C = inf the conjunctive part (conjunctivity {alpha}) fits every one-sided pair by a margin without bound; \
             use a finite C, or conjunctivity 0"
        ));
    }
    let mut below: Vec<Vec<u32>> = vec![Vec::new(); graph.n_items()];
    for e in graph.edges() {
        if e.first_wins > 0.0 {
            below[e.first as usize].push(e.second);
        }
        if e.second_wins > 0.0 {
            below[e.second as usize].push(e.first);
        }
    }
    let (component, _) = strongly_connected_components(&below);
    let one_sided = graph.edges().iter().find(|e| component[e.first as usize] != component[e.second as usize]);
    let Some(e) = one_sided else { return Ok(()) };
    let (winner, loser) = if e.first_wins > 0.0 { (e.first, e.second) } else { (e.second, e.first) };
    refuse(format!(
        "with C = inf the likelihood has no maximum: item {winner} beat item {loser}, but no chain of wins \
         leads from {loser} back to {winner}, so the margin between them grows without bound; use a finite C"
    ))
}

impl LogisticSolution {
    /// P(`i` beats `j`) = σ(f(i, j)) ∈ [0, 1].
    pub fn probability(&self, i: usize, j: usize) -> f64 {
        sigmoid(self.margin(i, j))
    }
}

impl Margins for LogisticSolution {
    fn n_items(&self) -> usize {
        self.graph.n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        trained_or_ranks(&self.graph, &self.trained, &self.ranks, (i, j))
    }

    fn tie_tolerance(&self) -> f64 {
        self.tie_tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison_graph::Comparison;
    use crate::kernel::ExchangeableKernel;
    use crate::task::TransitiveTask;
    use faer::Mat;
    use faer::linalg::solvers::{PartialPivLu, Solve};
    use proptest::prelude::*;

    const INF: f64 = f64::INFINITY;

    fn wins(n: usize, wins: &[(usize, usize, f64)]) -> ComparisonGraph {
        let wins = wins.iter().map(|&(winner, loser, weight)| Comparison { winner, loser, weight });
        ComparisonGraph::new(n, wins).unwrap()
    }

    fn model(conjunctivity: f64, c: f64) -> RidgeModel {
        RidgeModel::new(conjunctivity, c).unwrap()
    }

    fn comparisons() -> impl Strategy<Value = ComparisonGraph> {
        (2usize..10).prop_flat_map(|n| {
            prop::collection::vec((0..n, 0..n, prop_oneof![Just(1.0), 0.1..5.0f64]), 1..30).prop_filter_map(
                "no comparison",
                move |all| {
                    let kept: Vec<_> = all.into_iter().filter(|w| w.0 != w.1).collect();
                    (!kept.is_empty()).then(|| wins(n, &kept))
                },
            )
        })
    }

    fn conjunctivity() -> impl Strategy<Value = f64> {
        prop_oneof![6 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0), 1 => (0.0..4.0f64).prop_map(|x| 10f64.powf(-x))]
    }

    fn inverse_ridge() -> impl Strategy<Value = f64> {
        (-6.0..6.0f64).prop_map(|x| 10f64.powf(x))
    }

    /// k(e, e′) on unordered pairs, each e written (first, second), from the six orbits.
    fn kernel(alpha: f64, e: (usize, usize), f: (usize, usize)) -> f64 {
        let k = ExchangeableKernel::from_conjunctivity(alpha).unwrap();
        k.value(e, f) - k.value(e, (f.1, f.0))
    }

    /// Newton's method on the dual coefficients a with the full matrix: (I + diag(κ)K)δ = â − a. Returns f on all
    /// pairs.
    fn dense(g: &ComparisonGraph, alpha: f64, c: f64) -> Vec<f64> {
        let pairs: Vec<_> = g.edges().iter().map(Edge::items).collect();
        let m = pairs.len();
        let k = Mat::from_fn(m, m, |a, b| kernel(alpha, pairs[a], pairs[b]));
        let mut a = Mat::<f64>::zeros(m, 1);
        let objective = |a: &Mat<f64>| {
            let f = &k * a;
            let norm: f64 = (0..m).map(|e| a[(e, 0)] * f[(e, 0)]).sum();
            let loss = |x: f64| if x < -700.0 { -x } else { (-x).exp().ln_1p() };
            let edges = g.edges().iter().enumerate();
            let sum: f64 =
                edges.map(|(at, e)| e.first_wins * loss(f[(at, 0)]) + e.second_wins * loss(-f[(at, 0)])).sum();
            0.5 * norm + c * sum
        };
        for _ in 0..200 {
            let f = &k * &a;
            let chance = |x: f64| 1.0 / (1.0 + (-x).exp());
            let residual = Mat::from_fn(m, 1, |e, _| {
                let edge = &g.edges()[e];
                c * (edge.first_wins * chance(-f[(e, 0)]) - edge.second_wins * chance(f[(e, 0)])) - a[(e, 0)]
            });
            let system = Mat::from_fn(m, m, |p, q| {
                let curvature = c * g.edges()[p].weight() * chance(f[(p, 0)]) * chance(-f[(p, 0)]);
                f64::from(p == q) + curvature * k[(p, q)]
            });
            let step = PartialPivLu::new(system.as_ref()).solve(&residual);
            let (before, mut length) = (objective(&a), 1.0);
            while objective(&(&a + &step * faer::Scale(length))) > before * (1.0 + 1e-13) && length > 1e-10 {
                length /= 2.0;
            }
            a += &step * faer::Scale(length);
            if step.norm_max() <= 1e-15 * a.norm_max() {
                break;
            }
        }
        let n = g.n_items();
        let at = |i: usize, j: usize| -> f64 {
            if i == j { 0.0 } else { (0..m).map(|e| a[(e, 0)] * kernel(alpha, (i, j), pairs[e])).sum() }
        };
        (0..n * n).map(|e| at(e / n, e % n)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn margins_agree_with_a_dense_newton_method(
            g in comparisons(), alpha in conjunctivity(), log_c in -6.0..3.0f64,
        ) {
            let c = 10f64.powf(log_c);
            let solution = solve(&g, &model(alpha, c)).unwrap();
            let reference = dense(&g, alpha, c);
            let scale = largest(&reference).max(f64::MIN_POSITIVE);
            for (x, y) in solution.matrix().iter().zip(&reference) {
                // The dense system has condition up to C·w·‖K‖/4 < 1e5.
                prop_assert!((x - y).abs() <= 1e-10 * scale, "{x:e} {y:e}");
            }
        }

        #[test]
        fn every_problem_converges_with_its_certificate(
            g in comparisons(), alpha in conjunctivity(), c in inverse_ridge(),
        ) {
            let solution = solve(&g, &model(alpha, c)).unwrap();
            let info = solution.info;
            prop_assert!(info.relative_gap <= 1e-10 && info.kkt_residual <= 1e-10 && info.steps <= 60, "{info:?}");
            // Explicit dual objective at â: −½âᵀKâ + C Σ w H(σ(−f)).
            let h = (1.0 - alpha) / 2.0;
            let (mut norm, mut entropy) = (0.0, 0.0);
            let mut out = vec![0.0; g.n_items()];
            for (e, &f) in g.edges().iter().zip(&solution.trained) {
                let (p, q) = (sigmoid(-f), sigmoid(f));
                let a = c * (e.first_wins * p - e.second_wins * q);
                let (i, j) = e.items();
                out[i] += a;
                out[j] -= a;
                norm += alpha * a * a;
                // −p·log p − q·log q with log p = −log(1 + e^{f}).
                entropy += e.weight() * (p * log_loss(-f) + q * log_loss(f));
            }
            norm += h * out.iter().map(|x| x * x).sum::<f64>();
            let dual = -0.5 * norm + c * entropy;
            let gap = (info.objective - dual) / info.objective;
            prop_assert!((gap - info.relative_gap).abs() <= 1e-11, "{gap:e} {:e}", info.relative_gap);
        }

        #[test]
        fn margins_follow_from_the_dual_coefficients(
            g in comparisons(), alpha in conjunctivity(), log_c in -6.0..2.0f64,
        ) {
            let solution = solve(&g, &model(alpha, 10f64.powf(log_c))).unwrap();
            let scale = largest(&solution.matrix());
            for i in 0..g.n_items() {
                prop_assert_eq!(solution.margin(i, i), 0.0);
                for j in (0..g.n_items()).filter(|&j| j != i) {
                    let terms = g.edges().iter().zip(&solution.dual);
                    let f: f64 = terms.map(|(e, a)| a * kernel(alpha, (i, j), e.items())).sum();
                    prop_assert!((solution.margin(i, j) - f).abs() <= 1e-10 * scale);
                    prop_assert_eq!(solution.margin(i, j), -solution.margin(j, i));
                    prop_assert!((solution.probability(i, j) + solution.probability(j, i) - 1.0).abs() < 4e-16);
                }
            }
        }

        #[test]
        fn relabeling_items_permutes_margins(
            (g, order) in comparisons().prop_flat_map(|g| {
                let n = g.n_items();
                (Just(g), Just((0..n).collect::<Vec<_>>()).prop_shuffle())
            }),
            alpha in conjunctivity(), c in inverse_ridge(),
        ) {
            let all = g.edges().iter().flat_map(|e| {
                let (i, j) = e.items();
                [(order[i], order[j], e.first_wins), (order[j], order[i], e.second_wins)]
            });
            let relabeled = wins(g.n_items(), &all.filter(|w| w.2 > 0.0).collect::<Vec<_>>());
            let (a, b) = (solve(&g, &model(alpha, c)).unwrap(), solve(&relabeled, &model(alpha, c)).unwrap());
            let scale = largest(&a.matrix());
            for i in 0..g.n_items() {
                for j in 0..g.n_items() {
                    prop_assert!((a.margin(i, j) - b.margin(order[i], order[j])).abs() <= 1e-9 * scale);
                }
            }
        }

        #[test]
        fn weak_regression_is_hebbian(g in comparisons(), alpha in conjunctivity(), log_c in -290.0..-8.0f64) {
            let c = 10f64.powf(log_c);
            let solution = solve(&g, &model(alpha, c)).unwrap();
            for i in 0..g.n_items() {
                for j in (0..g.n_items()).filter(|&j| j != i) {
                    let terms = g.edges().iter();
                    let f: f64 =
                        terms.map(|e| (e.first_wins - e.second_wins) / 2.0 * kernel(alpha, (i, j), e.items())).sum();
                    // Next order: ‖KW‖²C/4 < 1e4·C. Rounding of sums of at most 30 weights up to 5.
                    prop_assert!((solution.margin(i, j) / c - f).abs() <= 1e4 * c + 600.0 * f64::EPSILON);
                }
            }
        }

        #[test]
        fn a_conjunctive_kernel_solves_one_equation_per_pair(g in comparisons(), c in inverse_ridge()) {
            let solution = solve(&g, &model(1.0, c)).unwrap();
            prop_assert!(solution.ranks.iter().all(|r| *r == 0.0));
            for (e, &f) in g.edges().iter().zip(&solution.trained) {
                let excess = |f: f64| f - c * (e.first_wins * sigmoid(-f) - e.second_wins * sigmoid(f));
                let (mut low, mut high) = (-40.0, 40.0);
                for _ in 0..200 {
                    let middle: f64 = (low + high) / 2.0;
                    if excess(middle) > 0.0 { high = middle } else { low = middle }
                }
                let scale = largest(&solution.trained);
                prop_assert!((f - low).abs() <= 1e-13 * scale.max(1.0), "{f} {low}");
            }
        }

        #[test]
        fn bradley_terry_expects_the_wins_that_it_saw(
            n in 2usize..10, chords in prop::collection::vec((0usize..10, 0usize..10, 0.1..5.0f64), 0..15),
        ) {
            // A ring of wins is strongly connected.
            let ring = (0..n).map(|i| (i, (i + 1) % n, 1.0));
            let chords = chords.into_iter().map(|(i, j, w)| (i % n, j % n, w)).filter(|w| w.0 != w.1);
            let g = wins(n, &ring.chain(chords).collect::<Vec<_>>());
            let solution = solve(&g, &model(0.0, INF)).unwrap();
            let mut expected = vec![0.0; n];
            let mut seen = vec![0.0; n];
            for e in g.edges() {
                let (i, j) = e.items();
                expected[i] += e.weight() * solution.probability(i, j);
                expected[j] += e.weight() * solution.probability(j, i);
                seen[i] += e.first_wins;
                seen[j] += e.second_wins;
            }
            for (a, b) in expected.iter().zip(&seen) {
                prop_assert!((a - b).abs() <= 1e-12 * g.edges().len() as f64, "{a} {b}");
            }
            prop_assert!(solution.ranks.iter().sum::<f64>().abs() < 1e-12);
            // C = 1e9 is close, and regularized.
            let nearly = solve(&g, &model(0.0, 1e9)).unwrap();
            for (a, b) in solution.ranks.iter().zip(&nearly.ranks) {
                prop_assert!((a - b).abs() <= 1e-5 * (1.0 + largest(&solution.ranks)));
            }
        }
    }

    #[test]
    fn two_items_without_regularization_have_the_log_odds() {
        for (w, l) in [(3.0, 1.0), (1.0, 1.0), (1e6, 1.0), (0.01, 7.0)] {
            let g = wins(2, &[(0, 1, w), (1, 0, l)]);
            let solution = solve(&g, &model(0.0, INF)).unwrap();
            let expected = (w / l).ln();
            assert!((solution.margin(0, 1) - expected).abs() <= 1e-13 * (1.0 + expected.abs()), "{w} {l}");
            assert_eq!(solution.ranks[0], -solution.ranks[1]);
        }
    }

    #[test]
    fn components_without_regularization_are_centered_separately() {
        let g = wins(7, &[(0, 1, 3.0), (1, 0, 1.0), (4, 5, 1.0), (5, 6, 2.0), (6, 4, 1.0)]);
        let ranks = solve(&g, &model(0.0, INF)).unwrap().ranks;
        assert!((ranks[0] - 3.0_f64.ln() / 2.0).abs() < 1e-13);
        assert_eq!((ranks[2], ranks[3]), (0.0, 0.0));
        assert!((ranks[4] + ranks[5] + ranks[6]).abs() < 1e-14);
    }

    #[test]
    fn a_likelihood_without_maximum_is_refused_with_the_pair_at_fault() {
        let message = |g: &ComparisonGraph, alpha| solve(g, &model(alpha, INF)).unwrap_err().to_string();
        let one_sided = wins(3, &[(0, 1, 1.0), (1, 0, 1.0), (2, 1, 1.0)]);
        let text = message(&one_sided, 0.0);
        assert!(text.contains("item 2 beat item 1") && text.contains("finite C"), "{text}");
        assert!(message(&wins(2, &[(0, 1, 1.0), (1, 0, 1.0)]), 0.1).contains("conjunctivity 0"));
        let once = wins(2, &[(0, 1, 1.0)]).with_order(PresentationOrder::LowerFirst);
        assert!(matches!(solve(&once, &model(0.5, 1.0)), Err(TheoryError::NotApplicable { .. })));
        let heavy = wins(2, &[(0, 1, 1e300)]);
        assert!(matches!(solve(&heavy, &model(0.5, 1e10)), Err(TheoryError::OutOfRange { name: "C", .. })));
    }

    #[test]
    fn the_published_task_is_memorized_and_generalized_as_the_dual_says() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        for c in [1e-6, 0.1, 10.0, 1e3, 1e6] {
            let solution = solve(task.graph(), &model(0.2, c)).unwrap();
            // The dual coefficient of a one-sided pair pulls towards its label, and never beyond C.
            for (e, a) in task.graph().edges().iter().zip(&solution.dual) {
                assert!(a * e.label() > 0.0 && a.abs() <= c, "C {c}");
            }
            let reference = dense(task.graph(), 0.2, c.min(1e3));
            if c <= 1e3 {
                for (at, f) in reference.iter().enumerate() {
                    let (i, j) = (at / 9, at % 9);
                    let clear = f.abs() > 1e-9 * largest(&reference);
                    assert!(!clear || f64::from(solution.sign(i, j)) == f.signum(), "C {c}, {i} {j}: {f:e}");
                }
            }
        }
        let strong = solve(task.graph(), &model(0.2, 1e3)).unwrap();
        assert!(task.graph().edges().iter().zip(&strong.trained).all(|(e, f)| e.label() * f > 0.0));
    }

    #[test]
    fn large_graphs_converge_by_conjugate_gradients() {
        let n = 20_000;
        let all = (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i * 7919 + 13) % n)]).filter(|w| w.0 != w.1);
        let g = ComparisonGraph::new(n, all.map(|(w, l)| Comparison::new(w, l))).unwrap();
        for (alpha, c) in [(0.1, 10.0), (0.0, 1e4)] {
            let solution = solve(&g, &model(alpha, c)).unwrap();
            assert!(solution.info.relative_gap <= 1e-10 && solution.info.steps < 40, "{:?}", solution.info);
        }
    }

    #[test]
    fn extreme_weights_and_regularizations_converge() {
        let g = wins(6, &[(0, 1, 1e6), (1, 2, 1e-6), (2, 0, 1.0), (3, 2, 1e3), (3, 4, 1.0), (4, 3, 1e-9), (5, 4, 1.0)]);
        for alpha in [0.0, 1e-9, 0.3, 1.0] {
            for c in [1e-300, 1e-12, 1e-6, 1.0, 1e6, 1e12] {
                let solution = solve(&g, &model(alpha, c)).unwrap_or_else(|e| panic!("α {alpha}, C {c}: {e}"));
                assert!(solution.margin(0, 1) > 0.0, "α {alpha}, C {c}");
            }
        }
    }
}
