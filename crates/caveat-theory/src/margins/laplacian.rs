//! The screened graph Laplacian BᵀWB + μI: assembly, parallel product, and solution by sparse Cholesky or conjugate gradients.
//!
//! W > 0 are couplings, one per trained pair, and μ ≥ 0 is the screening. Where μ = 0, A = BᵀWB + μI is singular: x and b sum to zero on
//! every connected component, and the solution is that of minimum norm. A is a symmetric M-matrix, so A⁻¹ has no negative entry, which
//! bounds rounding item by item. Source: conjugate gradients, Golub & Van Loan, *Matrix Computations*, §11.3; the equation is §3.2.

mod cholesky;
mod operator;

use rayon::prelude::*;
use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::numeric::vectors::dot;
use cholesky::PinnedCholesky;

pub(super) use operator::CHUNK;
pub(crate) use operator::ScreenedLaplacian;

/// How a sparse system is to be solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseSolver {
    /// Preconditioner, or [`Preconditioner::Auto`] to choose by size.
    pub preconditioner: Preconditioner,
    /// Relative residual ‖b − Ax‖/‖b‖ to stop at. Default 1e-12.
    pub tolerance: f64,
    /// Relative residual beyond which the solution is refused. Default 1e-10.
    pub acceptance: f64,
    /// Most iterations. Default 20 000.
    pub max_iterations: usize,
}

impl Default for SparseSolver {
    fn default() -> Self {
        Self { preconditioner: Preconditioner::Auto, tolerance: 1e-12, acceptance: 1e-10, max_iterations: 20_000 }
    }
}

/// The preconditioner of conjugate gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preconditioner {
    /// Cholesky for up to 2,000 items and for graphs with few cycles, the diagonal otherwise.
    Auto,
    /// Division by the diagonal.
    Diagonal,
    /// Sparse Cholesky factorization (minimum-degree ordering): a direct solve, refined to the tolerance.
    Cholesky,
}

impl Preconditioner {
    /// Whether systems on a graph are factorized.
    pub(crate) fn is_direct(self, graph: &ComparisonGraph) -> bool {
        let (items, pairs) = (graph.n_items(), graph.edges().len());
        match self {
            Self::Cholesky => true,
            Self::Diagonal => false,
            Self::Auto => items <= SMALL || pairs <= items + items / 50,
        }
    }
}

/// Up to this many items the factor fits and costs well under a second even if it fills in completely.
const SMALL: usize = 2_000;

/// How a sparse system was solved, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SolveInfo {
    /// `cholesky` or `conjugate gradients`.
    pub method: &'static str,
    /// Iterations; for Cholesky 1 is the direct solve, each further one a refinement.
    pub iterations: usize,
    /// ‖b − Ax‖/‖b‖ of the solution returned, recomputed from it.
    pub relative_residual: f64,
    /// ‖b − Ax‖/(‖A‖·‖x‖ + ‖b‖) with the maximum row sum for ‖A‖: about 1e-16 is as good as f64 can represent.
    pub backward_error: f64,
    /// Connected components of the graph.
    pub components: usize,
    /// Conjugate gradients: how far any rank may be from the exact one, from the residual and the smallest Ritz value. `None` for
    /// Cholesky, where it is found on demand.
    #[serde(skip)]
    pub rank_error: Option<f64>,
}

impl ScreenedLaplacian<'_> {
    /// Solves (BᵀWB + μI)x = b, b summing to zero on every component; refuses a residual above the acceptance that is not rounding.
    pub(crate) fn solve(&self, b: &[f64], solver: &SparseSolver) -> Result<(Vec<f64>, SolveInfo)> {
        let direct = solver.preconditioner.is_direct(self.graph);
        let factor = if direct { Some(PinnedCholesky::new(self)?) } else { None };
        let mut x = vec![0.0; self.n()];
        let (iterations, smallest) = self.conjugate_gradients(b, &mut x, factor.as_ref(), solver);
        self.center(&mut x);
        let info = self.info(b, &x, smallest, iterations);
        // Below 8 eps the residual is what storing x in f64 leaves.
        let accepted = info.relative_residual <= solver.acceptance || info.backward_error <= 8.0 * f64::EPSILON;
        if accepted {
            return Ok((x, info));
        }
        Err(TheoryError::not_converged("the sparse solve", info.relative_residual, solver.acceptance, iterations))
    }

    /// How good x is; `smallest` is the smallest eigenvalue of the scaled matrix, known from conjugate gradients.
    fn info(&self, b: &[f64], x: &[f64], smallest: Option<f64>, iterations: usize) -> SolveInfo {
        let mut ax = vec![0.0; self.n()];
        self.times(x, &mut ax);
        let residual = b.iter().zip(&ax).map(|(b, a)| (b - a) * (b - a)).sum::<f64>().sqrt();
        let (b_norm, x_norm) = (norm(b), norm(x));
        let share = |of: f64| if of > 0.0 { residual / of } else { 0.0 };
        // With M = D^(−1/2) A D^(−1/2) and e the error, D^(1/2) e = M⁻¹ D^(−1/2) (b − Ax).
        let rank_error = smallest.map(|smallest| {
            let least = self.diagonal.iter().fold(f64::INFINITY, |a, &d| a.min(d));
            let rounding = 4.0 * f64::EPSILON;
            let scaled = |((b, a), (x, d)): ((&f64, &f64), (&f64, &f64))| {
                let r = (b - a).abs() + rounding * (b.abs() + d * x.abs());
                r * r / d
            };
            let sum: f64 = b.iter().zip(&ax).zip(x.iter().zip(&self.diagonal)).map(scaled).sum();
            (sum / least).sqrt() / smallest
        });
        SolveInfo {
            method: if smallest.is_none() { "cholesky" } else { "conjugate gradients" },
            iterations,
            relative_residual: share(b_norm),
            backward_error: share(self.max_row_sum() * x_norm + b_norm),
            components: self.components.count(),
            rank_error,
        }
    }

    /// Bounds on the errors of x, given the labels y of all edges, up to a shift of every component.
    ///
    /// A⁻¹ has no negative entries (with one item pinned per component where μ = 0), so |A⁻¹r| ≤ A⁻¹|r|, item by item.
    pub(crate) fn rounding_errors(&self, labels: &[f64], x: &[f64]) -> Result<Vec<f64>> {
        let n = self.n();
        let mut flow: Vec<f64> = x.iter().map(|x| self.screening * x).collect();
        let (mut size, mut terms) = (flow.iter().map(|f| f.abs()).collect::<Vec<_>>(), vec![4.0; n]);
        for (at, e) in self.graph.edges().iter().enumerate() {
            let (i, j) = e.items();
            let w = self.edge_couplings.map_or(1.0, |w| w[at]);
            let out = w * (x[i] - x[j] - labels[at]);
            flow[i] += out;
            flow[j] -= out;
            for k in [i, j] {
                size[k] += w * ((x[i] - x[j]).abs() + labels[at].abs());
                terms[k] += 1.0;
            }
        }
        let mut errors: Vec<f64> = (0..n).map(|k| flow[k].abs() + terms[k] * f64::EPSILON * size[k]).collect();
        PinnedCholesky::new(self)?.solve(&mut errors);
        errors.iter_mut().for_each(|e| *e = e.max(0.0));
        Ok(errors)
    }

    /// Preconditioned conjugate gradients from x = 0; the number of iterations and, without a factor, the smallest Ritz value.
    fn conjugate_gradients(
        &self,
        b: &[f64],
        x: &mut [f64],
        factor: Option<&PinnedCholesky>,
        solver: &SparseSolver,
    ) -> (usize, Option<f64>) {
        let b_norm = norm(b);
        if b_norm == 0.0 {
            return (0, factor.is_none().then_some(1.0));
        }
        // Steps and ratios are Lanczos's tridiagonal matrix (Golub & Van Loan, Matrix Computations, §11.3).
        let mut lanczos = Tridiagonal::default();
        let smallest = |lanczos: &Tridiagonal| factor.is_none().then(|| lanczos.smallest_eigenvalue());
        // With a factorization few iterations are needed: go on to rounding, since on long chains a small residual still allows a
        // large error.
        let target = if factor.is_some() { 0.1 * f64::EPSILON * b_norm } else { solver.tolerance * b_norm };
        let mut r = b.to_vec();
        let mut p = vec![0.0; self.n()];
        let mut q = vec![0.0; self.n()];
        let mut z = vec![0.0; if factor.is_some() { self.n() } else { 0 }];
        let mut rho_before = f64::INFINITY;
        // A direct solve is refined until rounding stops it. Later steps are noise and may spoil x, so the best x is kept.
        let mut best = (f64::INFINITY, Vec::new());
        let mut stalled = 0;
        let mut rho = match factor {
            None => self.diagonal_step(&r),
            Some(f) => f.apply(self, &r, &mut z),
        };
        for iteration in 1..=solver.max_iterations {
            let beta = if rho_before.is_finite() { rho / rho_before } else { 0.0 };
            match factor {
                None => self.next_direction(&mut p, beta, |i| r[i] / self.diagonal[i]),
                Some(_) => self.next_direction(&mut p, beta, |i| z[i]),
            }
            let curvature = self.times(&p, &mut q);
            let step = rho / curvature;
            let usable = curvature > 0.0 && step.is_finite();
            if usable {
                lanczos.push(step, beta);
            }
            let (r_norm, r_z) = if usable { self.advance(step, &p, &q, x, &mut r) } else { (f64::INFINITY, 0.0) };
            if r_norm <= target {
                return (iteration, smallest(&lanczos));
            }
            if factor.is_some() {
                stalled = if r_norm < 0.5 * best.0 { 0 } else { stalled + 1 };
                if r_norm < best.0 {
                    best = (r_norm, x.to_vec());
                }
                if stalled > 3 || !usable {
                    if !best.1.is_empty() {
                        x.copy_from_slice(&best.1);
                    }
                    return (iteration, smallest(&lanczos));
                }
            } else if !usable {
                return (iteration, smallest(&lanczos));
            }
            rho_before = rho;
            rho = match factor {
                None => r_z,
                Some(f) => f.apply(self, &r, &mut z),
            };
        }
        (solver.max_iterations, smallest(&lanczos))
    }

    /// rᵀ diag⁻¹ r.
    fn diagonal_step(&self, r: &[f64]) -> f64 {
        let chunks = r.par_chunks(CHUNK).zip(self.diagonal.par_chunks(CHUNK));
        let sums = chunks.map(|(r, d)| r.iter().zip(d).map(|(r, d)| r * r / d).sum::<f64>());
        sums.collect::<Vec<_>>().iter().sum()
    }

    fn next_direction(&self, p: &mut [f64], beta: f64, z: impl Fn(usize) -> f64 + Sync) {
        p.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, p)| {
            for (k, p) in p.iter_mut().enumerate() {
                *p = z(chunk * CHUNK + k) + beta * *p;
            }
        });
    }

    /// x += step·p, r −= step·q; returns ‖r‖ and rᵀ diag⁻¹ r.
    fn advance(&self, step: f64, p: &[f64], q: &[f64], x: &mut [f64], r: &mut [f64]) -> (f64, f64) {
        let sums: Vec<(f64, f64)> = x
            .par_chunks_mut(CHUNK)
            .zip(r.par_chunks_mut(CHUNK))
            .zip(p.par_chunks(CHUNK).zip(q.par_chunks(CHUNK)))
            .zip(self.diagonal.par_chunks(CHUNK))
            .map(|(((x, r), (p, q)), d)| {
                let (mut rr, mut rz) = (0.0, 0.0);
                for k in 0..x.len() {
                    x[k] += step * p[k];
                    r[k] -= step * q[k];
                    rr += r[k] * r[k];
                    rz += r[k] * r[k] / d[k];
                }
                (rr, rz)
            })
            .collect();
        let (rr, rz) = sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        (rr.sqrt(), rz)
    }
}

/// The symmetric tridiagonal matrix of Lanczos that conjugate gradients build.
#[derive(Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Squares of the entries beside the diagonal; the first is 0.
    beside: Vec<f64>,
    last_step: f64,
}

impl Tridiagonal {
    fn push(&mut self, step: f64, ratio: f64) {
        let first = self.diagonal.is_empty();
        self.diagonal.push(1.0 / step + if first { 0.0 } else { ratio / self.last_step });
        self.beside.push(if first { 0.0 } else { ratio / (self.last_step * self.last_step) });
        self.last_step = step;
    }

    /// By bisection with Sturm sequences, to a hundredth.
    fn smallest_eigenvalue(&self) -> f64 {
        let is_below_all = |x: f64| {
            let mut pivot = 1.0;
            self.diagonal.iter().zip(&self.beside).all(|(d, b)| {
                pivot = d - x - b / pivot;
                pivot > 0.0
            })
        };
        let (mut low, mut high) = (0.0, self.diagonal.iter().copied().fold(f64::INFINITY, f64::min));
        while high - low > 0.01 * high && high > f64::MIN_POSITIVE {
            // Geometric once a lower bound is known: the smallest eigenvalue may be far below the others.
            let middle = if low > 0.0 { 0.5 * (low + high) } else { 0.1 * high };
            if is_below_all(middle) { low = middle } else { high = middle }
        }
        low.max(f64::MIN_POSITIVE)
    }
}

/// Euclidean norm.
fn norm(x: &[f64]) -> f64 {
    let sums: Vec<f64> = x.par_chunks(CHUNK).map(|x| dot(x, x)).collect();
    sums.iter().sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::operator::Couplings;
    use super::*;
    use crate::comparison_graph::{Comparison, ComparisonGraph};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A random graph with a right-hand side that sums to zero on every component.
    fn problem(rng: &mut ChaCha8Rng) -> (ComparisonGraph, Vec<f64>, f64) {
        let n = rng.random_range(2..12);
        let wins = (0..rng.random_range(1..25)).map(|_| (rng.random_range(0..n), rng.random_range(0..n)));
        let wins: Vec<_> = wins.filter(|w| w.0 != w.1).chain([(0, 1)]).map(|w| Comparison::new(w.0, w.1)).collect();
        let graph = ComparisonGraph::new(n, wins).unwrap();
        let mut b = vec![0.0; n];
        for e in graph.edges() {
            let label: f64 = rng.random_range(-1.0..1.0);
            b[e.first as usize] += label;
            b[e.second as usize] -= label;
        }
        let screening = if rng.random_bool(0.3) { 0.0 } else { 10f64.powf(rng.random_range(-18.0..6.0)) };
        (graph, b, screening)
    }

    #[test]
    fn every_small_system_is_solved_to_tolerance_by_both_methods() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..30_000 {
            let (graph, b, screening) = problem(&mut rng);
            let a = ScreenedLaplacian::new(&graph, None, screening);
            let solutions = [Preconditioner::Cholesky, Preconditioner::Diagonal].map(|preconditioner| {
                a.solve(&b, &SparseSolver { preconditioner, ..SparseSolver::default() }).unwrap()
            });
            let scale = solutions[0].0.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
            for (x, y) in solutions[0].0.iter().zip(&solutions[1].0) {
                // Residuals of 1e-12 times a condition number below 12² on components of at most 11 items.
                assert!((x - y).abs() <= 1e-9 * scale, "{x} {y} μ {screening}");
            }
        }
    }

    #[test]
    fn couplings_kept_as_a_list_act_like_couplings_kept_in_full() {
        let n = 40_000;
        let graph = ComparisonGraph::new(n, (1..n).map(|i| Comparison::new(i - 1, i))).unwrap();
        let mut couplings = vec![1.0; n - 1];
        for at in [0, 16_383, 16_384, 20_000, n - 2] {
            couplings[at] = 0.25;
        }
        let x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin()).collect();
        let (mut y, a) = (vec![0.0; n], ScreenedLaplacian::new(&graph, Some(&couplings), 0.1));
        assert!(matches!(a.couplings, Couplings::NearlyEqual(_)));
        a.times(&x, &mut y);
        for i in 0..n {
            let flow = |at: usize, j: usize| couplings[at] * (x[i] - x[j]);
            let above = if i > 0 { flow(i - 1, i - 1) } else { 0.0 };
            let below = if i + 1 < n { flow(i, i + 1) } else { 0.0 };
            assert!((y[i] - (0.1 * x[i] + above + below)).abs() < 1e-14, "{i}");
        }
    }

    #[test]
    fn items_without_comparisons_stay_at_zero() {
        let graph = ComparisonGraph::new(4, [Comparison::new(1, 2)]).unwrap();
        for screening in [0.0, 0.5] {
            let (x, info) = ScreenedLaplacian::new(&graph, None, screening)
                .solve(&[0.0, 1.0, -1.0, 0.0], &SparseSolver::default())
                .unwrap();
            assert_eq!((x[0], x[3], info.components), (0.0, 0.0, 3));
            assert!((x[1] - 1.0 / (2.0 + screening)).abs() < 1e-15 && x[1] == -x[2]);
        }
    }
}
