//! Margins per unit of the two linear coefficients of a fit, at any screening: exact, and interpolated from a grid.

use serde::Serialize;

use crate::comparison_graph::{ComparisonGraph, Edge, PresentationOrder};
use crate::error::{Result, TheoryError, check_pairs};
use crate::kernel::RidgeModel;
use crate::margins::{chain, graph};
use crate::numeric::vectors::{add_scaled, dot};
use crate::task::TransitiveTask;

/// The fit in the coordinates that are finite everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Coefficients {
    pub(crate) screening: f64,
    /// A = gain/(1+μ), or its limit.
    pub(crate) rank_slope: f64,
    /// B = gain·m.
    pub(crate) memory: f64,
}

/// Margins per unit of A and of B for every pair, at one screening.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    pub(crate) screening: f64,
    /// (1+μ)(r_i − r_j).
    pub(crate) rank: Vec<f64>,
    /// y − (r_i − r_j) where trained, else 0.
    pub(crate) memory: Vec<f64>,
}

/// Inner products of a basis, u its rank part and v its memory part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gram {
    pub(crate) uu: f64,
    pub(crate) uv: f64,
    pub(crate) vv: f64,
    /// 1/(uu·vv − uv²), or 0 where u and v are collinear.
    pub(crate) inverse_determinant: f64,
}

/// u and v count as collinear where sin² of their angle is below this: it is then made of rounding.
const COLLINEAR: f64 = 1e-14;

impl Gram {
    fn new(uu: f64, uv: f64, vv: f64) -> Self {
        let determinant = uu * vv - uv * uv;
        let inverse_determinant = if determinant > COLLINEAR * uu * vv { 1.0 / determinant } else { 0.0 };
        Self { uu, uv, vv, inverse_determinant }
    }

    /// Unconstrained least squares for the products uo and vo with the observed margins; `None` for collinear u and v.
    pub(crate) fn free(&self, uo: f64, vo: f64) -> Option<(f64, f64)> {
        let scale = self.inverse_determinant;
        (scale > 0.0).then_some(((self.vv * uo - self.uv * vo) * scale, (self.uu * vo - self.uv * uo) * scale))
    }

    /// Least squares over A and B within 0 ≤ B ≤ A(1+μ), and the part of Σ observed² that it explains.
    pub(crate) fn solve(&self, screening: f64, uo: f64, vo: f64) -> (f64, f64, f64) {
        if let Some((a, b)) = self.free(uo, vo)
            && a >= 0.0
            && b >= 0.0
            && b <= a * (1.0 + screening)
        {
            return (a, b, a * uo + b * vo);
        }
        // The optimum lies on an edge: m = 0, or m = 1 (for μ = ∞: α = 1, that is A = 0).
        let ray = |wo: f64, ww: f64| if ww > 0.0 { (wo / ww).max(0.0) } else { 0.0 };
        let none = ray(uo, self.uu);
        let (full, full_a, full_b) = if screening.is_infinite() {
            let b = ray(vo, self.vv);
            (b * vo, 0.0, b)
        } else {
            let scale = 1.0 + screening;
            let wo = uo + scale * vo;
            let a = ray(wo, self.uu + 2.0 * scale * self.uv + scale * scale * self.vv);
            (a * wo, a, a * scale)
        };
        if none * uo >= full { (none, 0.0, none * uo) } else { (full_a, full_b, full) }
    }
}

impl Basis {
    pub(crate) fn margins(&self, at: &Coefficients) -> Vec<f64> {
        self.rank.iter().zip(&self.memory).map(|(u, v)| at.rank_slope * u + at.memory * v).collect()
    }

    pub(crate) fn gram(&self) -> Gram {
        let (u, v) = (&self.rank, &self.memory);
        Gram::new(dot(u, u), dot(u, v), dot(v, v))
    }

    /// Least squares over A and B within 0 ≤ B ≤ A(1+μ); returns the sum of squared residuals too.
    pub(crate) fn solve(&self, observed: &[f64]) -> (Coefficients, f64) {
        let (rank_slope, memory, _) =
            self.gram().solve(self.screening, dot(&self.rank, observed), dot(&self.memory, observed));
        let best = Coefficients { screening: self.screening, rank_slope, memory };
        (best, self.residual(rank_slope, memory, observed))
    }

    /// Σ (observed − A·u − B·v)².
    pub(crate) fn residual(&self, rank_slope: f64, memory: f64, observed: &[f64]) -> f64 {
        let fitted = self.rank.iter().zip(&self.memory).map(|(u, v)| rank_slope * u + memory * v);
        fitted.zip(observed).map(|(f, o)| (o - f) * (o - f)).sum()
    }
}

/// The task as the fit sees it: what it needs to make a basis at any screening.
#[derive(Debug, Clone)]
pub(crate) struct BasisMaker<'g> {
    graph: &'g ComparisonGraph,
    /// Presentation weight of every trained pair.
    pub(crate) weight: f64,
    task: Option<TransitiveTask>,
    pairs: Vec<(usize, usize)>,
    /// Label of each pair, NaN if untrained.
    labels: Vec<f64>,
    net_wins: Vec<f64>,
}

impl<'g> BasisMaker<'g> {
    pub(crate) fn new(graph: &'g ComparisonGraph, pairs: &[(usize, usize)]) -> Result<Self> {
        let (PresentationOrder::Both, Some(weight)) = (graph.order(), graph.common_weight()) else {
            let reason = "it needs every trained pair in both orders and equally often";
            return Err(TheoryError::not_applicable("the fit", reason));
        };
        check_pairs(pairs.iter().copied(), graph.n_items())?;
        let labels = pairs.iter().map(|&(i, j)| graph.trained_label(i, j).unwrap_or(f64::NAN)).collect();
        let net_wins = graph.divergence(graph.edges().iter().map(Edge::label));
        Ok(Self { graph, weight, task: TransitiveTask::from_graph(graph), pairs: pairs.to_vec(), labels, net_wins })
    }

    pub(crate) fn basis(&self, screening: f64) -> Result<Basis> {
        // (1+μ)r for every item; at μ = ∞ the net wins.
        let scaled: Vec<f64> = if screening.is_infinite() {
            self.net_wins.clone()
        } else {
            let model = RidgeModel::new(0.0, 2.0 / (screening * self.weight))?;
            let ranks = match &self.task {
                Some(task) => chain::solve(task, &model)?.ranks(),
                None => graph::solve(self.graph, &model)?.ranks,
            };
            ranks.into_iter().map(|r| r * (1.0 + screening)).collect()
        };
        let rank: Vec<f64> = self.pairs.iter().map(|&(i, j)| scaled[i] - scaled[j]).collect();
        let memory = |(r, &y): (&f64, &f64)| if y.is_nan() { 0.0 } else { y - r / (1.0 + screening) };
        let memory = rank.iter().zip(&self.labels).map(memory).collect();
        Ok(Basis { screening, rank, memory })
    }
}

/// The bases of several tasks, one after the other.
fn joint_basis(makers: &[BasisMaker<'_>], screening: f64) -> Result<Basis> {
    let mut all = Basis { screening, rank: Vec::new(), memory: Vec::new() };
    for maker in makers {
        let basis = maker.basis(screening)?;
        all.rank.extend(basis.rank);
        all.memory.extend(basis.memory);
    }
    Ok(all)
}

/// log₁₀ μ of the grid runs over ±LOG_RANGE in steps of 1/PER_DECADE.
const LOG_RANGE: i32 = 8;
const PER_DECADE: i32 = 8;
/// Number of neighboring grid points that an interpolated basis uses.
const STENCIL: usize = 8;
/// Binomial coefficients of order STENCIL − 1 with alternating signs: barycentric weights of equidistant points.
const BARYCENTRIC: [f64; STENCIL] = [1.0, -7.0, 21.0, -35.0, 35.0, -21.0, 7.0, -1.0];

/// Bases over log μ from 1e-8 to 1e8, and at both limits.
#[derive(Debug, Clone)]
pub(crate) struct BasisGrid<'g> {
    makers: Vec<BasisMaker<'g>>,
    pub(crate) points: Vec<Basis>,
    pub(crate) additive: Basis,
    pub(crate) hebbian: Basis,
}

impl<'g> BasisGrid<'g> {
    /// Cost about 130 solves.
    pub(crate) fn new(makers: Vec<BasisMaker<'g>>) -> Result<Self> {
        let point = |k: i32| joint_basis(&makers, 10f64.powf(f64::from(k) / f64::from(PER_DECADE)));
        let points = (-LOG_RANGE * PER_DECADE..=LOG_RANGE * PER_DECADE).map(point).collect::<Result<_>>()?;
        let (additive, hebbian) = (joint_basis(&makers, 0.0)?, joint_basis(&makers, f64::INFINITY)?);
        Ok(Self { makers, points, additive, hebbian })
    }

    /// Presentation weight of every trained pair.
    pub(crate) fn weight(&self) -> f64 {
        self.makers[0].weight
    }

    /// log μ of a grid point, increasing from 0 to `points.len() - 1`.
    pub(crate) fn log_screening(&self, point: usize) -> f64 {
        Self::LOWEST + point as f64 * Self::STEP
    }

    /// Distance in log μ of two neighboring grid points.
    pub(crate) const STEP: f64 = std::f64::consts::LN_10 / PER_DECADE as f64;
    const LOWEST: f64 = -std::f64::consts::LN_10 * LOG_RANGE as f64;

    /// The basis at any μ in [0, ∞]. Cost one solve per task.
    pub(crate) fn exact(&self, screening: f64) -> Result<Basis> {
        joint_basis(&self.makers, screening)
    }

    /// The basis at log μ within the grid, by polynomial interpolation through the eight nearest points; `into` has their size.
    ///
    /// As functions of log μ the bases are sums of (1+μ)/(μ+ℓ) over the eigenvalues ℓ of the Laplacian, analytic within π of the real
    /// axis: the error is about 43·(STEP/π)⁸ ≈ 2e-7 of the change that μ makes. Cost 16 multiplications a pair.
    pub(crate) fn interpolate(&self, log_screening: f64, into: &mut Basis) {
        let last = self.points.len() - 1;
        let at = ((log_screening - Self::LOWEST) / Self::STEP).clamp(0.0, last as f64);
        let start = (at.floor() as usize).saturating_sub(STENCIL / 2 - 1).min(last + 1 - STENCIL);
        into.screening = (Self::LOWEST + at * Self::STEP).exp();
        let local = at - start as f64;
        let mut weights = [0.0; STENCIL];
        // On a grid point itself the barycentric formula divides by zero.
        if local.fract() == 0.0 {
            weights[local as usize] = 1.0;
        } else {
            for (k, w) in weights.iter_mut().enumerate() {
                *w = BARYCENTRIC[k] / (local - k as f64);
            }
            let total: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= total);
        }
        into.rank.fill(0.0);
        into.memory.fill(0.0);
        for (w, point) in weights.iter().zip(&self.points[start..start + STENCIL]) {
            add_scaled(&mut into.rank, *w, &point.rank);
            add_scaled(&mut into.memory, *w, &point.memory);
        }
    }

    /// The basis at μ in [0, ∞], exact at both limits and interpolated between.
    pub(crate) fn approximate(&self, screening: f64, into: &mut Basis) {
        if screening == 0.0 {
            into.clone_from(&self.additive);
        } else if screening.is_infinite() {
            into.clone_from(&self.hebbian);
        } else {
            self.interpolate(screening.ln(), into);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn interpolated_bases_are_exact_to_the_stated_error() {
        for (n, exceptions) in [(9, &[][..]), (9, &[(5, 3)]), (30, &[(20, 11), (8, 2)])] {
            let task = TransitiveTask::new(n, exceptions).unwrap();
            let pairs: Vec<_> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
            let grid = BasisGrid::new(vec![BasisMaker::new(task.graph(), &pairs).unwrap()]).unwrap();
            let mut near = grid.additive.clone();
            for k in 0..400 {
                let x = -18.4 + 36.8 * (f64::from(k) + 0.37) / 400.0;
                let exact = grid.exact(x.exp()).unwrap();
                grid.interpolate(x, &mut near);
                let mu = x.exp();
                // The change that μ makes near a limit is proportional to μ or 1/μ.
                let change = 1.0f64.min(mu * (n * n) as f64).min((n * n) as f64 / mu);
                let size = exact.rank.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                for (a, b) in near.rank.iter().chain(&near.memory).zip(exact.rank.iter().chain(&exact.memory)) {
                    let tolerance = 1e-6 * change * size + 1e-13 * size;
                    assert!((a - b).abs() < tolerance, "n {n} x {x}: {} over {tolerance}", a - b);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_constrained_optimum_satisfies_the_optimality_conditions(
            mu in 0.01..100.0f64, noise in prop::collection::vec(-3.0..3.0f64, 21), signal in -1.0..3.0f64,
        ) {
            let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
            let pairs: Vec<_> = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))).collect();
            let basis = BasisMaker::new(task.graph(), &pairs).unwrap().basis(mu).unwrap();
            let observed: Vec<f64> = basis.rank.iter().zip(&noise).map(|(u, e)| signal * u + e).collect();
            let (best, sse) = basis.solve(&observed);
            let (a, b) = (best.rank_slope, best.memory);
            prop_assert!(a >= 0.0 && b >= 0.0 && b <= a * (1.0 + mu) * (1.0 + 1e-15));
            // The cone is convex, so it is enough that no step toward another point of it goes down.
            for (to_a, to_b) in [(0.0, 0.0), (a + 1.0, 0.0), (a + 1.0, (a + 1.0) * (1.0 + mu)), (a + 1.0, b)] {
                let step = 1e-6;
                let moved = basis.residual(a + step * (to_a - a), b + step * (to_b - b), &observed);
                prop_assert!(moved >= sse * (1.0 - 1e-13), "{moved} < {sse}");
            }
        }
    }
}
