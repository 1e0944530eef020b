//! Fast repetition of a fit on margins that change: inner products with all grid points at once, then a refined minimum.

use crate::inference::engine::profile::basis::{Basis, BasisGrid, Coefficients, Gram};
use crate::inference::engine::profile::{LIMIT_TIE, MarginFitter};
use crate::numeric::minimum::minimize;
use crate::numeric::vectors::{add_scaled, dot};

/// Width in log μ to which a refit brackets its minimum.
const TOLERANCE: f64 = 1e-5;

/// Refits the model to many sets of margins of the same pairs.
///
/// The Gram terms of every grid point are known beforehand, so a refit costs the inner products of the margins with the
/// bases, a closed-form solution per grid point, and about ten interpolated bases around the best one. Its μ is that of
/// [`MarginFitter::fit`] up to 1e-5 in log μ plus the error of the interpolated bases, 2e-7 of the margins.
#[derive(Debug, Clone)]
pub(crate) struct Refitter<'f, 'g> {
    grid: &'f BasisGrid<'g>,
    /// Entry k·points + p: the rank part of pair k at point p. Points are the grid's, then both limits.
    rank: Vec<f64>,
    /// The same for the memory part, of the pairs in `trained` only.
    memory: Vec<f64>,
    trained: Vec<usize>,
    gram: Vec<(f64, Gram)>,
}

/// Memory that a refit works in.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    rank: Vec<f64>,
    memory: Vec<f64>,
    basis: Basis,
}

impl<'f, 'g> Refitter<'f, 'g> {
    pub(crate) fn new(fitter: &'f MarginFitter<'g>) -> Self {
        let grid = &fitter.grid;
        let points: Vec<&Basis> = grid.points.iter().chain([&grid.hebbian, &grid.additive]).collect();
        let n_pairs = fitter.pairs().len();
        let trained: Vec<usize> = (0..n_pairs).filter(|&k| points.iter().any(|b| b.memory[k] != 0.0)).collect();
        let rank = (0..n_pairs).flat_map(|k| points.iter().map(move |b| b.rank[k])).collect();
        let memory = trained.iter().flat_map(|&k| points.iter().map(move |b| b.memory[k])).collect();
        let gram = points.iter().map(|b| (b.screening, b.gram())).collect();
        Self { grid, rank, memory, trained, gram }
    }

    pub(crate) fn scratch(&self) -> Scratch {
        let points = self.gram.len();
        Scratch { rank: vec![0.0; points], memory: vec![0.0; points], basis: self.grid.additive.clone() }
    }

    /// The coefficients of the least-squares fit to finite margins, one per pair. Cost about 7 µs for 36 pairs.
    pub(crate) fn refit(&self, observed: &[f64], scratch: &mut Scratch) -> Coefficients {
        let points = self.gram.len();
        let Scratch { rank, memory, basis } = scratch;
        rank.fill(0.0);
        memory.fill(0.0);
        for (o, row) in observed.iter().zip(self.rank.chunks_exact(points)) {
            add_scaled(rank, *o, row);
        }
        for (&k, row) in self.trained.iter().zip(self.memory.chunks_exact(points)) {
            add_scaled(memory, observed[k], row);
        }
        let explained = |p: usize| -> f64 { self.gram[p].1.solve(self.gram[p].0, rank[p], memory[p]).2 };
        let (mut best, mut most) = (0, f64::NEG_INFINITY);
        for p in 0..points - 2 {
            let e = explained(p);
            if e > most {
                (best, most) = (p, e);
            }
        }
        let log = |p: usize| self.grid.log_screening(p);
        let around = (log(best.saturating_sub(1)), log((best + 1).min(points - 3)));
        // From here on squared errors are sums over residuals: differences from Σ observed² would cancel.
        let (x, mut least) = minimize(around, log(best), TOLERANCE, |x| {
            self.grid.interpolate(x, basis);
            basis.solve(observed).1
        });
        self.grid.interpolate(x, basis);
        let mut found = basis.solve(observed).0;
        let total = dot(observed, observed);
        for (p, limit) in [(points - 2, &self.grid.hebbian), (points - 1, &self.grid.additive)] {
            // The difference from Σ observed² is exact to rounding, enough to dismiss a limit that is clearly worse.
            if total - explained(p) > least * (1.0 + 1e-6) + 1e-12 * total {
                continue;
            }
            let (coefficients, value) = limit.solve(observed);
            if value <= least * (1.0 + LIMIT_TIE) {
                (found, least) = (coefficients, value);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::engine::profile::estimates;
    use crate::kernel::RidgeModel;
    use crate::margins::{Margins, chain};
    use crate::task::TransitiveTask;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_refit_is_the_fit(
            alpha in 0.01..0.95f64, log_c in -2.0..3.0f64, noise in 1e-3..1.0f64, seed in any::<u64>(), exception in any::<bool>(),
        ) {
            let task = TransitiveTask::new(9, if exception { &[(5, 3)] } else { &[] }).unwrap();
            let pairs: Vec<_> = (0..9).flat_map(|i| (i + 1..9).map(move |j| (i, j))).collect();
            let s = chain::solve(&task, &RidgeModel::new(alpha, 10f64.powf(log_c)).unwrap()).unwrap();
            let mut rng = <rand_chacha::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(seed);
            let truth: Vec<f64> = pairs.iter().map(|&(i, j)| s.margin(i, j)).collect();
            let size = (truth.iter().map(|t| t * t).sum::<f64>() / 36.0).sqrt();
            let observed: Vec<f64> =
                truth.iter().map(|t| 3.0 * (t + size * noise * rand::RngExt::random_range(&mut rng, -1.0..1.0))).collect();
            let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
            let refitter = Refitter::new(&fitter);
            let fast = refitter.refit(&observed, &mut refitter.scratch());
            let exact = fitter.fit(&observed).unwrap();
            let basis = fitter.grid.exact(fast.screening).unwrap();
            let sse = basis.residual(fast.rank_slope, fast.memory, &observed);
            // The refit's margins are exact to 1e-6 of their size; its squared error follows by Cauchy–Schwarz.
            let total: f64 = observed.iter().map(|o| o * o).sum();
            let slack = 1e-6 * (exact.residual_squares * total).sqrt() + 1e-12 * total;
            prop_assert!((sse - exact.residual_squares).abs() < slack, "{sse} against {}", exact.residual_squares);
            // Where the minimum is unique, and not a limit, it is found within a small part of any real standard error.
            let p = estimates(&fast, 1.0);
            if exact.estimates.limit.is_none() && p.limit.is_none() && (1e-2..1e2).contains(&exact.estimates.screening) && exact.r_squared > 0.9 {
                prop_assert!((p.conjunctivity - exact.estimates.conjunctivity).abs() < 2e-4, "{p:?} {exact:?}");
                prop_assert!((fast.screening / exact.estimates.screening).ln().abs() < 1e-3, "{p:?} {exact:?}");
            }
        }
    }
}
