//! Least-squares fit of (α, C, gain) to observed margins, through a profile over the screening alone.
//!
//! Model: margin(i, j) = gain · f_{α,C}(i, j). With d = r_i − r_j at screening μ and y the label of a trained pair,
//! gain·f = A·(1+μ)d + B·(y − d)·1_trained, A = gain/(1+μ), B = gain·m: linear in (A, B) for every μ, with 0 ≤ B ≤ A(1+μ).
//! Each (μ, m) is one (α, C), so three parameters cost a one-dimensional search. The coordinates stay finite in all limits:
//! as μ → ∞, (1+μ)d → net wins of i minus those of j.
//!
//! μ ∈ [0, ∞], A and B in units of the observed margins (§9.1).

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::engine::profile::basis::{Basis, BasisGrid, BasisMaker, Coefficients};
use crate::inference::estimates::{Estimates, FitLimit};
use crate::inference::margin_fit::{MarginFit, Place};
use crate::numeric::minimum::try_minimize;
use crate::numeric::vectors::dot;

pub(crate) mod basis;
pub(crate) mod identify;
pub(crate) mod refit;

/// One task of a fit: what it trains, and which pairs were observed.
#[derive(Debug, Clone, Copy)]
pub struct ObservedTask<'a, 'g> {
    /// What is trained.
    pub graph: &'g ComparisonGraph,
    /// The pairs whose margins are observed.
    pub pairs: &'a [(usize, usize)],
}

/// Fits many sets of margins on the same task (or tasks, jointly) and pairs; the grid of bases is made once.
#[derive(Debug, Clone)]
pub struct MarginFitter<'g> {
    pairs: Vec<(usize, usize)>,
    /// Number of pairs of every task, in the order of the margins.
    pub(crate) task_sizes: Vec<usize>,
    pub(crate) grid: BasisGrid<'g>,
}

/// A limit is the best fit unless something inside is better by this share of its squared error, which is rounding.
pub(crate) const LIMIT_TIE: f64 = 1e-9;

impl<'g> MarginFitter<'g> {
    /// Prepares fits of margins of `pairs` for what `graph` trains. Cost about 130 solves.
    ///
    /// # Errors
    /// No pair, a pair out of range, or pairs trained unequally often or in one order only.
    pub fn new(graph: &'g ComparisonGraph, pairs: &[(usize, usize)]) -> Result<Self> {
        Self::joint(&[ObservedTask { graph, pairs }])
    }

    /// Prepares fits of one (α, C, gain) to the margins of several tasks, one after the other in every list of margins.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn joint(tasks: &[ObservedTask<'_, 'g>]) -> Result<Self> {
        if tasks.iter().all(|t| t.pairs.is_empty()) {
            return Err(TheoryError::NoComparisons);
        }
        let makers: Vec<_> = tasks.iter().map(|t| BasisMaker::new(t.graph, t.pairs)).collect::<Result<_>>()?;
        if makers.iter().any(|m| m.weight != makers[0].weight) {
            return Err(TheoryError::not_applicable(
                "the fit",
                "tasks fitted together need equal presentation weights",
            ));
        }
        let pairs = tasks.iter().flat_map(|t| t.pairs).copied().collect();
        let task_sizes = tasks.iter().map(|t| t.pairs.len()).collect();
        Ok(Self { pairs, task_sizes, grid: BasisGrid::new(makers)? })
    }

    /// The least-squares fit to margins in the order of the pairs.
    ///
    /// Without trained pairs among them, m is not identified: the fit reports m = 0.
    ///
    /// # Errors
    /// A number of margins other than that of the pairs, one that is not finite, or a largest one whose square is out of range.
    pub fn fit(&self, observed: &[f64]) -> Result<MarginFit> {
        self.check(observed)?;
        let sse: Vec<f64> = self.grid.points.iter().map(|b| b.solve(observed).1).collect();
        let best = (0..sse.len()).min_by(|&a, &b| sse[a].total_cmp(&sse[b])).unwrap_or(0);
        let log = |k: usize| self.grid.log_screening(k);
        let around = (log(best.saturating_sub(1)), log((best + 1).min(sse.len() - 1)));
        let (refined, _) =
            try_minimize(around, log(best), 1e-9, |x| self.grid.exact(x.exp()).map(|basis| basis.solve(observed).1))?;
        let refined = self.grid.exact(refined.exp())?;
        let value = refined.solve(observed).1;
        let mut fit = if value < sse[best] { (&refined, value) } else { (&self.grid.points[best], sse[best]) };
        for limit in [&self.grid.hebbian, &self.grid.additive] {
            let value = limit.solve(observed).1;
            if value <= fit.1 * (1.0 + LIMIT_TIE) {
                fit = (limit, value);
            }
        }
        Ok(described(fit.0, &fit.0.solve(observed).0, observed, self.grid.weight()))
    }

    /// Checks that there is one finite margin per pair, of a size that can be squared.
    pub(crate) fn check(&self, observed: &[f64]) -> Result<()> {
        let bad = |problem| Err(TheoryError::BadInput { what: "observed margins", problem });
        if observed.len() != self.pairs.len() {
            return bad(format!("{} margins for {} pairs; give one each", observed.len(), self.pairs.len()));
        }
        if let Some(at) = observed.iter().position(|o| !o.is_finite()) {
            let (i, j) = self.pairs[at];
            return bad(format!("the margin of pair {i} {j} is {}; leave out pairs without data", observed[at]));
        }
        check_size(observed.iter().copied())
    }

    /// The pairs, in the order of the margins.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }
}

/// The parameters that coefficients stand for.
pub(crate) fn estimates(at: &Coefficients, weight: f64) -> Estimates {
    let Coefficients { screening, rank_slope, memory } = *at;
    let found = |conjunctivity, strength, memorization, gain, limit| Estimates {
        conjunctivity,
        strength,
        gain,
        lapse: 0.0,
        position_bias: 0.0,
        screening,
        memorization,
        limit,
        saturated: false,
    };
    if rank_slope == 0.0 && memory == 0.0 {
        return found(f64::NAN, f64::NAN, f64::NAN, 0.0, Some(FitLimit::NoSignal));
    }
    if rank_slope == 0.0 {
        return found(1.0, f64::INFINITY, 1.0, memory, Some(FitLimit::Conjunctive));
    }
    if screening.is_infinite() {
        let gain = 2.0 * rank_slope + memory;
        return found(memory / gain, 0.0, 0.0, gain / weight, Some(FitLimit::Hebbian));
    }
    let gain = rank_slope * (1.0 + screening);
    let memorization = (memory / gain).min(1.0);
    let inverse = (1.0 - memorization) * screening / (2.0 + memorization * screening);
    let conjunctivity = memorization * screening / (2.0 + memorization * screening);
    let limit = (screening == 0.0).then_some(FitLimit::Additive);
    found(conjunctivity, 1.0 / (inverse * weight), memorization, gain, limit)
}

fn described(basis: &Basis, at: &Coefficients, observed: &[f64], weight: f64) -> MarginFit {
    let fitted = basis.margins(at);
    let (r_squared, correlation) = agreement(observed, &fitted);
    MarginFit {
        estimates: estimates(at, weight),
        residual_squares: basis.residual(at.rank_slope, at.memory, observed),
        r_squared,
        correlation,
        n_observations: observed.len(),
        n_parameters: 3,
        fitted,
        place: Place::Profile(*at, weight),
    }
}

/// Largest margin, and smallest of the largest ones, whose squares double precision holds with room to spare.
const SIZES: (f64, f64) = (1e-100, 1e100);

/// Refuses margins whose squares overflow or vanish.
pub(crate) fn check_size(margins: impl Iterator<Item = f64>) -> Result<()> {
    let largest = margins.fold(0.0_f64, |m, x| m.max(x.abs()));
    let (low, high) = SIZES;
    if largest == 0.0 || !largest.is_finite() || (low..=high).contains(&largest) {
        return Ok(());
    }
    let problem = format!(
        "the largest is {largest:e}, and between {low:e} and {high:e} is what double precision can square; check the data, or multiply \
         all by one number, as the gain takes up their size"
    );
    Err(TheoryError::BadInput { what: "observed margins", problem })
}

/// R² about zero, and Pearson correlation (NaN if either side is constant).
pub(crate) fn agreement(observed: &[f64], fitted: &[f64]) -> (f64, f64) {
    let total = dot(observed, observed);
    let residual: f64 = observed.iter().zip(fitted).map(|(o, f)| (o - f) * (o - f)).sum();
    let r_squared = if total > 0.0 { 1.0 - residual / total } else { f64::NAN };
    let pairs: Vec<(f64, f64, f64)> = observed.iter().zip(fitted).map(|(o, f)| (*o, *f, 1.0)).collect();
    (r_squared, correlation(&pairs))
}

/// Pearson correlation of observed and fitted values with weights; NaN if either side is constant.
pub(crate) fn correlation(pairs: &[(f64, f64, f64)]) -> f64 {
    let n: f64 = pairs.iter().map(|(.., w)| w).sum();
    let (mo, mf) =
        (pairs.iter().map(|(o, _, w)| w * o).sum::<f64>() / n, pairs.iter().map(|(_, f, w)| w * f).sum::<f64>() / n);
    let (mut oo, mut ff, mut of) = (0.0, 0.0, 0.0);
    for &(o, f, w) in pairs {
        oo += w * ((o - mo) * (o - mo));
        ff += w * ((f - mf) * (f - mf));
        of += w * ((o - mo) * (f - mf));
    }
    if oo > 0.0 && ff > 0.0 { of / (oo.sqrt() * ff.sqrt()) } else { f64::NAN }
}

#[cfg(test)]
mod tests;
