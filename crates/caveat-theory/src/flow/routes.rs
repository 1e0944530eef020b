//! The three routes of the gradient flow: cosines on the chain, dense eigenvectors, and Krylov spaces.

use faer::Mat;
use rayon::prelude::*;

use super::krylov::{Krylov, Target};
use super::rates::{filled, integrated, remaining, rounding};
use super::solution::{FlowInfo, FlowSolution};
use crate::comparison_graph::{ComparisonGraph, Edge, NEEDS_BOTH_ORDERS, PresentationOrder};
use crate::components::Components;
use crate::error::{Result, TheoryError, check_range};
use crate::kernel::RidgeModel;
use crate::kernel::exchangeable::check_conjunctivity;
use crate::margins::graph::weighted_ranks;
use crate::margins::laplacian::SparseSolver;
use crate::numeric::eigen::Eigen;
use crate::numeric::vectors::{add_scaled, dot, largest};
use crate::route::Route;

/// Relative accuracy that the Krylov route iterates to, in the weighted norm: single margins then keep [`ACCEPTANCE`].
const TOLERANCE: f64 = 1e-12;

/// Relative accuracy that the Krylov route must reach.
const ACCEPTANCE: f64 = 1e-10;

/// Largest dense matrix of the spectral route: 18 MB, about a second.
pub const MAX_DENSE: usize = 1_500;

/// Names the eigendecomposition in errors.
const FAILED: &str = "the eigendecomposition of the gradient flow";

/// Longest chain of the chain route: 10⁸ products, about a second.
pub const MAX_CHAIN: usize = 20_000;

pub(super) struct Problem<'g> {
    graph: &'g ComparisonGraph,
    conjunctivity: f64,
    /// h = (1−α)/2.
    item_share: f64,
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
    pub(super) fn new(graph: &'g ComparisonGraph, conjunctivity: f64, time: f64) -> Result<Self> {
        if graph.order() != PresentationOrder::Both {
            return Err(TheoryError::not_applicable("gradient flow", NEEDS_BOTH_ORDERS));
        }
        let conjunctivity = check_conjunctivity(conjunctivity)?;
        let time = check_range("time", time, 0.0, f64::INFINITY, "a number of at least 0 (inf is allowed)")?;
        let item_share = (1.0 - conjunctivity) / 2.0;
        Ok(Self { graph, conjunctivity, item_share, time, common_weight: graph.common_weight() })
    }

    /// Whether K and W commute, so that the flow closes on the items.
    fn closes_on_items(&self) -> bool {
        self.common_weight.is_some() || self.conjunctivity == 0.0
    }

    fn dimension(&self) -> usize {
        if self.closes_on_items() { self.graph.n_items() } else { self.graph.edges().len() }
    }

    pub(super) fn fastest_route(&self) -> Route {
        if self.chain_obstacle().is_none() {
            Route::Chain
        } else if self.dimension() <= MAX_DENSE {
            Route::Spectral
        } else {
            Route::Krylov
        }
    }

    /// Why a route does not apply, and which does.
    fn obstacle(&self, route: Route) -> Option<String> {
        match route {
            Route::Chain => self.chain_obstacle(),
            Route::Spectral if self.dimension() > MAX_DENSE => {
                Some(format!("a dense matrix of {} rows exceeds {MAX_DENSE}; use the Krylov route", self.dimension()))
            }
            Route::Spectral | Route::Krylov => None,
            _ => Some("gradient flow has the routes chain, spectral and Krylov".into()),
        }
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

    pub(super) fn solve(&self, route: Route) -> Result<FlowSolution> {
        route.unless(self.obstacle(route))?;
        let Fields { ranks, trained, iterations, error } = if self.item_share == 0.0 || self.time == 0.0 {
            self.without_ranks()
        } else {
            match (route, self.closes_on_items()) {
                (Route::Chain, _) => self.chain(),
                (Route::Spectral, true) => self.spectral_on_items()?,
                (Route::Spectral, false) => self.spectral_on_pairs()?,
                (_, true) => self.krylov_on_items()?,
                (_, false) => self.krylov_on_pairs()?,
            }
        };
        // The scale of what a rank sums: itself, or h times the margins trained around it where these cancel.
        let scale = largest(&ranks).max(self.item_share * largest(&trained));
        // A bound in the weighted norm loosens by the root of max w / min w for the lightest pair.
        let (lightest, heaviest) = self.graph.weight_range();
        let spread = if self.closes_on_items() { 1.0 } else { (heaviest / lightest).sqrt() };
        let n = self.graph.n_items() as f64;
        // Rounding over a path of up to n items, as for the ridge, and the route's own error.
        let tie_tolerance = scale * (error * spread + 4.0 * f64::EPSILON * n);
        let info = FlowInfo { route, dimension: self.dimension(), iterations, error_estimate: error };
        let (graph, conjunctivity, time) = (self.graph.clone(), self.conjunctivity, self.time);
        Ok(FlowSolution { graph, conjunctivity, time, ranks, trained, info, tie_tolerance })
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
        let margin = |e: &Edge| m * e.label() + rest * (potential[e.first as usize] - potential[e.second as usize]);
        self.graph.edges().iter().map(margin).collect()
    }

    /// The closed form: ℓ_k = 4 sin²(πk/2n), v_k(i) = (2/n)^½ cos(πk(i+½)/n), of which even k are orthogonal to Bᵀy.
    fn chain(&self) -> Fields {
        let (n, h) = (self.graph.n_items(), self.item_share);
        let tau = self.item_space().time;
        let cosines: Vec<f64> = (0..4 * n).map(|j| (std::f64::consts::PI * j as f64 / (2 * n) as f64).cos()).collect();
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
        let (n, h) = (self.graph.n_items(), self.item_share);
        let ItemSpace { couplings, time } = self.item_space();
        let eigen = Eigen::new(&self.graph.laplacian(couplings.iter().copied()), FAILED)?;
        let source = self.graph.divergence(self.graph.edges().iter().zip(&couplings).map(|(e, w)| w * e.label()));
        // The constants on every component are the null space; the source has no part there.
        let null = Components::new(self.graph).count();
        let (mut ranks, mut potential) = (vec![0.0; n], vec![0.0; n]);
        for k in null..n {
            let v = eigen.vectors.col_as_slice(k);
            let part = dot(v, &source);
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
        let (n, h) = (self.graph.n_items(), self.item_share);
        let ItemSpace { couplings, time } = self.item_space();
        let components = Components::new(self.graph);
        let edges = self.graph.edges();
        let apply = |x: &[f64], y: &mut [f64]| {
            y.fill(0.0);
            for (e, w) in edges.iter().zip(&couplings) {
                let (i, j) = e.items();
                let flow = h * w * (x[i] - x[j]);
                y[i] += flow;
                y[j] -= flow;
            }
        };
        let mut source = self.graph.divergence(edges.iter().zip(&couplings).map(|(e, w)| w * e.label()));
        components.center(&mut source);
        let alpha = self.conjunctivity;
        let target = Target {
            time,
            // q counts in f with the weight that memorization leaves it.
            shifts: vec![(alpha, 1.0), (0.0, remaining(alpha, time))],
            lowest: 0.0,
            rank: n - components.count(),
            tolerance: TOLERANCE,
            acceptance: ACCEPTANCE,
        };
        let krylov = Krylov::new(&source, apply, |x| components.center(x), &target)?;
        let ranks = krylov.combine(|rate| h * integrated(rate + alpha, time));
        let potential = krylov.combine(|rate| h * integrated(rate, time));
        let trained = self.trained_from(&potential, time);
        Ok(Fields { ranks, trained, iterations: krylov.iterations(), error: krylov.error })
    }

    /// W^½y.
    fn scaled_labels(&self) -> Vec<f64> {
        self.graph.edges().iter().map(|e| e.weight().sqrt() * e.label()).collect()
    }

    /// α·min w, a lower bound on the spectrum of M.
    fn lowest_on_pairs(&self) -> f64 {
        self.conjunctivity * self.graph.weight_range().0
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
            (e.weight().sqrt() * f.weight().sqrt()) * (self.item_share * overlap(e, f) + diagonal)
        });
        let eigen = Eigen::new(&matrix, FAILED)?;
        let (labels, lowest) = (self.scaled_labels(), self.lowest_on_pairs());
        let mut scaled = vec![0.0; m];
        for k in 0..m {
            let u = eigen.vectors.col_as_slice(k);
            let part = dot(u, &labels);
            add_scaled(&mut scaled, filled(eigen.values[k].max(lowest), self.time) * part, u);
        }
        self.unscaled(scaled, 0, rounding(eigen.values[m - 1], lowest, self.time))
    }

    fn krylov_on_pairs(&self) -> Result<Fields> {
        let edges = self.graph.edges();
        let labels = self.scaled_labels();
        if self.time.is_infinite() {
            // α > 0 here: everything is learned.
            return self.unscaled(labels, 0, f64::EPSILON);
        }
        let root: Vec<f64> = edges.iter().map(|e| e.weight().sqrt()).collect();
        let apply = |x: &[f64], y: &mut [f64]| {
            let out = self.graph.divergence(x.iter().zip(&root).map(|(x, w)| x * w));
            for (at, e) in edges.iter().enumerate() {
                let field = self.item_share * (out[e.first as usize] - out[e.second as usize]);
                y[at] = root[at] * (field + self.conjunctivity * root[at] * x[at]);
            }
        };
        let target = Target {
            time: self.time,
            shifts: vec![(0.0, 1.0)],
            lowest: self.lowest_on_pairs(),
            rank: edges.len(),
            tolerance: TOLERANCE,
            acceptance: ACCEPTANCE,
        };
        let krylov = Krylov::new(&labels, apply, |_| {}, &target)?;
        self.unscaled(krylov.combine(|rate| filled(rate, self.time)), krylov.iterations(), krylov.error)
    }

    /// Margins and ranks from W^½f.
    fn unscaled(&self, scaled: Vec<f64>, iterations: usize, error: f64) -> Result<Fields> {
        let mut trained = scaled;
        trained.iter_mut().zip(self.graph.edges()).for_each(|(f, e)| *f /= e.weight().sqrt());
        // Unlike r = hBᵀa, whose terms grow as 1/α and cancel, this loses nothing for small α. Scaled against
        // underflow.
        let scale = largest(&trained).max(f64::MIN_POSITIVE);
        let labels: Vec<f64> = trained.iter().map(|f| f / scale).collect();
        let ridgeless = RidgeModel::new(self.conjunctivity, f64::INFINITY)?;
        let ones = vec![1.0; labels.len()];
        let (mut ranks, info) = weighted_ranks(self.graph, &ridgeless, &ones, &labels, &SparseSolver::default())?;
        ranks.iter_mut().for_each(|r| *r *= scale);
        Ok(Fields { ranks, trained, iterations, error: error + info.relative_residual })
    }
}
