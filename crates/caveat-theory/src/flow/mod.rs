//! Gradient flow: margins after training for a time t from zero initialization under squared loss, by three routes.
//!
//! The dual coefficients of the normalized antisymmetric kernel K = hBBᵀ + αI on the trained pairs, h = (1−α)/2, follow
//! da/dt = W(y − Ka), a(0) = 0, with W the presentation weights. Hence f = Ka = (I − e^{−KWt})y on trained pairs and
//! f = r_i − r_j with r = hBᵀa on all others: early stopping in place of the ridge, which is the limit t → ∞.
//!
//! **Unit of time.** Gradient descent at learning rate η on the loss ½Σ(f − y)² over all *ordered* trials (each pair in both
//! orders), on a kernel that is not normalized, has reached t = (κ_id − κ_flip)·η·steps.
//!
//! With weights w that are equal, K commutes with W. In the eigenpairs (ℓ, v) of the Laplacian L = BᵀB and τ = wt
//!
//! > r = Σ v·h(1 − e^{−(hℓ+α)τ})/(hℓ+α)·⟨v, Bᵀy⟩,  f_e = (1 − e^{−ατ})·y_e + e^{−ατ}·(q_i − q_j),
//!
//! where q is what r would be with the same h and no α: the memorization weight of the ridge becomes m = 1 − e^{−ατ}. With
//! α = 0 the same holds for any weights with L = BᵀWB. Otherwise the pairs' space is needed: W^½f = (I − e^{−Mt})W^½y with
//! M = W^½KW^½; the ranks solve (L + (α/h)I)r = Bᵀf, the ridgeless equation with the labels f.
//!
//! | route | graphs | cost |
//! |---|---|---|
//! | [`FlowRoute::Chain`] | plain chain, equal weights | O(n²) cosines, read from a table |
//! | [`FlowRoute::Spectral`] | up to [`MAX_DENSE`] items (weights equal or α = 0) or pairs | O(n³) or O(m³) |
//! | [`FlowRoute::Krylov`] | any | k products with the graph, O(k²) vectors' work, k ≲ 5(τ·‖hL‖)^½ |

use faer::{Mat, Side};
use rayon::prelude::*;
use serde::Serialize;

use crate::comparison_graph::{ComparisonGraph, Edge, PresentationOrder};
use crate::error::{Result, TheoryError, check_range};
use crate::kernel::RidgeModel;
use crate::kernel::exchangeable::check_conjunctivity;
use crate::margins::Margins;
use crate::margins::graph::weighted_ranks;
use crate::margins::laplacian::SparseSolver;

mod krylov;

use krylov::{Krylov, Target};

/// Largest dense matrix of the spectral route: 18 MB, about a second.
pub const MAX_DENSE: usize = 1_500;

/// Longest chain of the chain route: 10⁸ products, about a second.
pub const MAX_CHAIN: usize = 20_000;

/// Relative accuracy that the Krylov route iterates to.
const TOLERANCE: f64 = 1e-10;

/// How the flow is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowRoute {
    /// Closed form: cosine eigenvectors of the path graph.
    Chain,
    /// Dense eigendecomposition.
    Spectral,
    /// Lanczos approximation of the exponential.
    Krylov,
}

/// How a flow was computed, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FlowInfo {
    /// The route taken.
    pub route: FlowRoute,
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
pub struct FlowSolution<'g> {
    graph: &'g ComparisonGraph,
    conjunctivity: f64,
    time: f64,
    ranks: Vec<f64>,
    /// f on every trained pair (first, second).
    trained: Vec<f64>,
    info: FlowInfo,
    tie_tolerance: f64,
}

/// Margins at time `time` ∈ [0, ∞] for conjunctivity α ∈ [0, 1], by the fastest exact route that applies, else by Krylov.
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
/// A conjunctivity or time out of range or NaN, trials in one presentation order only, or a Krylov space that reached its
/// limit of memory or iterations before the tolerance (large graphs at long times).
pub fn solve(graph: &ComparisonGraph, conjunctivity: f64, time: f64) -> Result<FlowSolution<'_>> {
    let problem = Problem::new(graph, conjunctivity, time)?;
    let route = if problem.chain_obstacle().is_none() {
        FlowRoute::Chain
    } else if problem.dimension() <= MAX_DENSE {
        FlowRoute::Spectral
    } else {
        FlowRoute::Krylov
    };
    problem.solve(route)
}

/// As [`solve`], by the given route.
///
/// # Errors
/// As [`solve`], or a graph that the route does not cover.
pub fn solve_with(
    graph: &ComparisonGraph,
    conjunctivity: f64,
    time: f64,
    route: FlowRoute,
) -> Result<FlowSolution<'_>> {
    Problem::new(graph, conjunctivity, time)?.solve(route)
}

/// 1 − e^{−rate·time} without cancellation; 0 for rate 0 at any time, ∞ included.
fn filled(rate: f64, time: f64) -> f64 {
    if rate == 0.0 { 0.0 } else { -(-rate * time).exp_m1() }
}

/// e^{−rate·time}; 1 for rate 0 at any time.
fn remaining(rate: f64, time: f64) -> f64 {
    if rate == 0.0 { 1.0 } else { (-rate * time).exp() }
}

/// (1 − e^{−rate·time})/rate, the integral of [`remaining`].
fn integrated(rate: f64, time: f64) -> f64 {
    // To first order below eps, where the quotient could underflow.
    if rate * time < f64::EPSILON { time } else { filled(rate, time) / rate }
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0_f64, |a, x| a.max(x.abs()))
}

/// Bᵀx: what flows out of every item.
fn divergence(graph: &ComparisonGraph, flows: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut out = vec![0.0; graph.n_items()];
    for (e, x) in graph.edges().iter().zip(flows) {
        out[e.first as usize] += x;
        out[e.second as usize] -= x;
    }
    out
}

struct Problem<'g> {
    graph: &'g ComparisonGraph,
    conjunctivity: f64,
    /// h = (1−α)/2.
    strength: f64,
    time: f64,
    /// The weight of every pair, if they are equal.
    common_weight: Option<f64>,
}

/// What a route finds.
struct Fields {
    ranks: Vec<f64>,
    trained: Vec<f64>,
    iterations: usize,
    error: f64,
}

/// The flow in the space of items: dg/dτ = −h·BᵀWB·g from g(0) = BᵀWy.
struct ItemSpace {
    /// W relative to the common weight, one per pair.
    couplings: Vec<f64>,
    /// τ.
    time: f64,
}

impl<'g> Problem<'g> {
    fn new(graph: &'g ComparisonGraph, conjunctivity: f64, time: f64) -> Result<Self> {
        if graph.order() != PresentationOrder::Both {
            return Err(TheoryError::RouteUnavailable {
                route: "gradient flow",
                reason: "it needs both presentation orders; use ridge regression by the asymmetric or dense route".into(),
            });
        }
        let conjunctivity = check_conjunctivity(conjunctivity)?;
        let time = check_range("time", time, 0.0, f64::INFINITY, "a number of at least 0 (inf is allowed)")?;
        let mut weights = graph.edges().iter().map(Edge::weight);
        let first = weights.next();
        let common_weight = first.filter(|&w| weights.all(|other| other == w));
        Ok(Self { graph, conjunctivity, strength: (1.0 - conjunctivity) / 2.0, time, common_weight })
    }

    /// Whether K and W commute, so that the flow closes on the items.
    fn closes_on_items(&self) -> bool {
        self.common_weight.is_some() || self.conjunctivity == 0.0
    }

    fn dimension(&self) -> usize {
        if self.closes_on_items() { self.graph.n_items() } else { self.graph.edges().len() }
    }

    /// Why the chain route does not apply, if so.
    fn chain_obstacle(&self) -> Option<String> {
        let n = self.graph.n_items();
        let plain = self.graph.edges().len() == n - 1
            && self.graph.edges().iter().enumerate().all(|(k, e)| e.items() == (k, k + 1) && e.label() == 1.0);
        if !plain || self.common_weight.is_none() {
            Some("it needs a chain without exceptions and with equal weights; use the spectral or Krylov route".into())
        } else if n > MAX_CHAIN {
            Some(format!("{n} items are more than {MAX_CHAIN}; use the Krylov route"))
        } else {
            None
        }
    }

    fn solve(&self, route: FlowRoute) -> Result<FlowSolution<'g>> {
        let unavailable = |route, reason| Err(TheoryError::RouteUnavailable { route, reason });
        match (route, self.chain_obstacle()) {
            (FlowRoute::Chain, Some(reason)) => return unavailable("chain", reason),
            (FlowRoute::Spectral, _) if self.dimension() > MAX_DENSE => {
                let reason = format!("a dense matrix of {} rows exceeds {MAX_DENSE}", self.dimension());
                return unavailable("spectral", format!("{reason}; use the Krylov route"));
            }
            _ => {}
        }
        let fields = if self.strength == 0.0 || self.time == 0.0 {
            self.without_ranks()
        } else {
            match (route, self.closes_on_items()) {
                (FlowRoute::Chain, _) => self.chain(),
                (FlowRoute::Spectral, true) => self.spectral_on_items()?,
                (FlowRoute::Spectral, false) => self.spectral_on_pairs()?,
                (FlowRoute::Krylov, true) => self.krylov_on_items()?,
                (FlowRoute::Krylov, false) => self.krylov_on_pairs()?,
            }
        };
        let Fields { ranks, trained, iterations, error } = fields;
        // The scale of what a rank sums: itself, or h times the margins trained around it where these cancel.
        let scale = largest(&ranks).max(self.strength * largest(&trained));
        let spread = if self.closes_on_items() { 1.0 } else { self.weight_spread().sqrt() };
        let n = self.graph.n_items() as f64;
        // Rounding over a path of up to n items, as for the ridge, and the route's own error.
        let tie_tolerance = scale * (error * spread + 4.0 * f64::EPSILON * n);
        let info = FlowInfo { route, dimension: self.dimension(), iterations, error_estimate: error };
        Ok(FlowSolution {
            graph: self.graph,
            conjunctivity: self.conjunctivity,
            time: self.time,
            ranks,
            trained,
            info,
            tie_tolerance,
        })
    }

    /// max w / min w: a bound in the weighted norm loosens by its root for the lightest pair.
    fn weight_spread(&self) -> f64 {
        let (low, high) = self
            .graph
            .edges()
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), e| (low.min(e.weight()), high.max(e.weight())));
        high / low
    }

    /// α = 1 or t = 0: pairs do not interact, f_e = (1 − e^{−wt})·y_e.
    fn without_ranks(&self) -> Fields {
        let alpha = self.conjunctivity;
        // Adding zero turns −0 into 0.
        let trained =
            self.graph.edges().iter().map(|e| filled(alpha * e.weight(), self.time) * e.label() + 0.0).collect();
        Fields { ranks: vec![0.0; self.graph.n_items()], trained, iterations: 0, error: f64::EPSILON }
    }

    fn item_space(&self) -> ItemSpace {
        match self.common_weight {
            Some(w) => ItemSpace { couplings: vec![1.0; self.graph.edges().len()], time: w * self.time },
            None => ItemSpace { couplings: self.graph.edges().iter().map(Edge::weight).collect(), time: self.time },
        }
    }

    /// f on trained pairs from q, the ranks without α.
    fn trained_from(&self, potential: &[f64], time: f64) -> Vec<f64> {
        let (m, rest) = (filled(self.conjunctivity, time), remaining(self.conjunctivity, time));
        let of = |e: &Edge| m * e.label() + rest * (potential[e.first as usize] - potential[e.second as usize]);
        self.graph.edges().iter().map(of).collect()
    }

    /// The closed form: ℓ_k = 4 sin²(πk/2n), v_k(i) = (2/n)^½ cos(πk(i+½)/n), of which even k are orthogonal to Bᵀy.
    fn chain(&self) -> Fields {
        let (n, h) = (self.graph.n_items(), self.strength);
        let tau = self.item_space().time;
        let cosines: Vec<f64> =
            (0..4 * n).map(|j| (std::f64::consts::PI * j as f64 / (2 * n) as f64).cos()).collect();
        let field = |alpha: f64| -> (Vec<f64>, f64) {
            let weights: Vec<(usize, f64)> = (1..n)
                .step_by(2)
                .map(|k| {
                    let half = std::f64::consts::PI * k as f64 / (2 * n) as f64;
                    let rate = h * 4.0 * half.sin().powi(2) + alpha;
                    (k, 4.0 / n as f64 * half.cos() * h * integrated(rate, tau))
                })
                .collect();
            // Antisymmetric about the middle, so that the middle item of an odd chain has rank 0 exactly.
            let rank = |i: usize| weights.iter().map(|&(k, c)| c * cosines[k * (2 * i + 1) % (4 * n)]).sum::<f64>();
            let mut ranks: Vec<f64> = (0..n / 2).into_par_iter().map(rank).collect();
            ranks.extend((n % 2 == 1).then_some(0.0));
            ranks.extend((0..n / 2).rev().map(|i| -ranks[i]).collect::<Vec<_>>());
            (ranks, weights.iter().map(|w| w.1).sum())
        };
        let (ranks, size) = field(self.conjunctivity);
        let trained = self.trained_from(&field(0.0).0, tau);
        let error = 4.0 * f64::EPSILON * size / largest(&ranks);
        Fields { ranks, trained, iterations: 0, error: if error.is_finite() { error } else { f64::EPSILON } }
    }

    fn spectral_on_items(&self) -> Result<Fields> {
        let (n, h) = (self.graph.n_items(), self.strength);
        let ItemSpace { couplings, time } = self.item_space();
        let mut laplacian = Mat::<f64>::zeros(n, n);
        for (e, w) in self.graph.edges().iter().zip(&couplings) {
            let (i, j) = e.items();
            laplacian[(i, i)] += w;
            laplacian[(j, j)] += w;
            laplacian[(i, j)] -= w;
            laplacian[(j, i)] -= w;
        }
        let eigen = eigen(&laplacian)?;
        let source =
            divergence(self.graph, self.graph.edges().iter().zip(&couplings).map(|(e, w)| w * e.label()));
        // The constants on every component are the null space; the source has no part there.
        let null = self.components().1.len();
        let (mut ranks, mut potential) = (vec![0.0; n], vec![0.0; n]);
        for k in null..n {
            let v = eigen.vectors.col_as_slice(k);
            let part: f64 = v.iter().zip(&source).map(|(v, s)| v * s).sum();
            let rate = h * eigen.values[k].max(0.0);
            let (r, q) = (integrated(rate + self.conjunctivity, time), integrated(rate, time));
            for i in 0..n {
                ranks[i] += h * r * part * v[i];
                potential[i] += h * q * part * v[i];
            }
        }
        let lowest = eigen.values.get(null).copied().unwrap_or(0.0);
        let error = rounding(h * eigen.values[n - 1], h * lowest + self.conjunctivity, time);
        Ok(Fields { ranks, trained: self.trained_from(&potential, time), iterations: 0, error })
    }

    fn krylov_on_items(&self) -> Result<Fields> {
        let (n, h) = (self.graph.n_items(), self.strength);
        let ItemSpace { couplings, time } = self.item_space();
        let (component, sizes) = self.components();
        let edges = self.graph.edges();
        let apply = |x: &[f64], y: &mut [f64]| {
            y.fill(0.0);
            for (e, w) in edges.iter().zip(&couplings) {
                let (i, j) = e.items();
                let flow = h * w * (x[i] - x[j]);
                y[i] += flow;
                y[j] -= flow;
            }
            // Rounding would let the constants grow, on which a long time acts without decay.
            center(y, &component, &sizes);
        };
        let mut source = divergence(self.graph, edges.iter().zip(&couplings).map(|(e, w)| w * e.label()));
        center(&mut source, &component, &sizes);
        let alpha = self.conjunctivity;
        let target = Target {
            time,
            // q counts in f with the weight that memorization leaves it.
            shifts: vec![(alpha, 1.0), (0.0, remaining(alpha, time))],
            lowest: 0.0,
            rank: n - sizes.len(),
            tolerance: TOLERANCE,
        };
        let krylov = Krylov::new(&source, apply, &target)?;
        let ranks = krylov.combine(|rate| h * integrated(rate + alpha, time));
        let potential = krylov.combine(|rate| h * integrated(rate, time));
        let trained = self.trained_from(&potential, time);
        Ok(Fields { ranks, trained, iterations: krylov.iterations(), error: krylov.error() })
    }

    /// W^½y.
    fn scaled_labels(&self) -> Vec<f64> {
        self.graph.edges().iter().map(|e| e.weight().sqrt() * e.label()).collect()
    }

    /// α·min w, a lower bound on the spectrum of M.
    fn lowest_on_pairs(&self) -> f64 {
        self.conjunctivity * self.graph.edges().iter().map(Edge::weight).fold(f64::INFINITY, f64::min)
    }

    fn spectral_on_pairs(&self) -> Result<Fields> {
        let edges = self.graph.edges();
        let m = edges.len();
        let overlap = |e: &Edge, f: &Edge| {
            let same = f64::from(e.first == f.first) + f64::from(e.second == f.second);
            same - f64::from(e.first == f.second) - f64::from(e.second == f.first)
        };
        let matrix = Mat::from_fn(m, m, |a, b| {
            let (e, f) = (&edges[a], &edges[b]);
            let diagonal = if a == b { self.conjunctivity } else { 0.0 };
            (e.weight().sqrt() * f.weight().sqrt()) * (self.strength * overlap(e, f) + diagonal)
        });
        let eigen = eigen(&matrix)?;
        let (labels, lowest) = (self.scaled_labels(), self.lowest_on_pairs());
        let mut scaled = vec![0.0; m];
        for k in 0..m {
            let u = eigen.vectors.col_as_slice(k);
            let part: f64 = u.iter().zip(&labels).map(|(u, y)| u * y).sum();
            let factor = filled(eigen.values[k].max(lowest), self.time) * part;
            for (s, u) in scaled.iter_mut().zip(u) {
                *s += factor * u;
            }
        }
        self.from_scaled(scaled, 0, rounding(eigen.values[m - 1], lowest, self.time))
    }

    fn krylov_on_pairs(&self) -> Result<Fields> {
        let edges = self.graph.edges();
        let labels = self.scaled_labels();
        if self.time.is_infinite() {
            // α > 0 here: everything is learned.
            return self.from_scaled(labels, 0, f64::EPSILON);
        }
        let root: Vec<f64> = edges.iter().map(|e| e.weight().sqrt()).collect();
        let apply = |x: &[f64], y: &mut [f64]| {
            let out = divergence(self.graph, x.iter().zip(&root).map(|(x, w)| x * w));
            for (at, e) in edges.iter().enumerate() {
                let field = self.strength * (out[e.first as usize] - out[e.second as usize]);
                y[at] = root[at] * (field + self.conjunctivity * root[at] * x[at]);
            }
        };
        let target = Target {
            time: self.time,
            shifts: vec![(0.0, 1.0)],
            lowest: self.lowest_on_pairs(),
            rank: edges.len(),
            tolerance: TOLERANCE,
        };
        let krylov = Krylov::new(&labels, apply, &target)?;
        self.from_scaled(krylov.combine(|rate| filled(rate, self.time)), krylov.iterations(), krylov.error())
    }

    /// Margins and ranks from W^½f.
    fn from_scaled(&self, scaled: Vec<f64>, iterations: usize, error: f64) -> Result<Fields> {
        let mut trained = scaled;
        for (f, e) in trained.iter_mut().zip(self.graph.edges()) {
            *f /= e.weight().sqrt();
        }
        // Unlike r = hBᵀa, whose terms grow as 1/α and cancel, this loses nothing for small α. Scaled against underflow.
        let scale = largest(&trained).max(f64::MIN_POSITIVE);
        let labels: Vec<f64> = trained.iter().map(|f| f / scale).collect();
        let ridgeless = RidgeModel::new(self.conjunctivity, f64::INFINITY)?;
        let ones = vec![1.0; labels.len()];
        let (mut ranks, info) = weighted_ranks(self.graph, &ridgeless, &ones, &labels, &SparseSolver::default())?;
        for r in &mut ranks {
            *r *= scale;
        }
        Ok(Fields { ranks, trained, iterations, error: error + info.relative_residual })
    }

    /// Component of every item, and the components' sizes.
    fn components(&self) -> (Vec<u32>, Vec<f64>) {
        let component = self.graph.components();
        let mut sizes = vec![0.0; component.iter().max().map_or(0, |&c| c as usize + 1)];
        for &c in &component {
            sizes[c as usize] += 1.0;
        }
        (component, sizes)
    }
}

/// Subtracts every component's mean.
fn center(x: &mut [f64], component: &[u32], sizes: &[f64]) {
    let mut sums = vec![0.0; sizes.len()];
    for (x, &c) in x.iter().zip(component) {
        sums[c as usize] += x;
    }
    for (x, &c) in x.iter_mut().zip(component) {
        *x -= sums[c as usize] / sizes[c as usize];
    }
}

/// Relative error that rounding of the operator, eps·largest, makes in a flow whose slowest mode has rate `lowest`.
fn rounding(largest: f64, lowest: f64, time: f64) -> f64 {
    8.0 * f64::EPSILON * (1.0 + largest * integrated(lowest.max(f64::EPSILON * largest), time))
}

/// Eigenvalues in ascending order, and eigenvectors as columns.
struct Eigen {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

fn eigen(matrix: &Mat<f64>) -> Result<Eigen> {
    let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| TheoryError::NotConverged {
        what: "the eigendecomposition of the gradient flow",
        reached: f64::NAN,
        needed: f64::EPSILON,
        iterations: 0,
    })?;
    Ok(Eigen { values: eigen.S().column_vector().iter().copied().collect(), vectors: eigen.U().to_owned() })
}

impl FlowSolution<'_> {
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

impl Margins for FlowSolution<'_> {
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

    /// On the plain chain the order itself, while ranks exist at all: diffusion keeps a monotone profile strictly monotone,
    /// however far below rounding its steps are.
    fn sign(&self, i: usize, j: usize) -> i8 {
        if self.info.route == FlowRoute::Chain && self.conjunctivity < 1.0 && self.time > 0.0 {
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
