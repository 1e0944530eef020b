//! Least-squares fit of (α, C, gain) to observed margins, through a profile over the screening alone.
//!
//! Model: margin(i, j) = gain · f_{α,C}(i, j). With d = r_i − r_j at screening μ and y the label of a trained pair,
//! gain·f = A·(1+μ)d + B·(y − d)·1_trained, A = gain/(1+μ), B = gain·m: linear in (A, B) for every μ, with 0 ≤ B ≤ A(1+μ).
//! Each (μ, m) is one (α, C), so three parameters cost a one-dimensional search. The coordinates stay finite in all limits:
//! as μ → ∞, (1+μ)d → net wins of i minus those of j.

use serde::{Deserialize, Serialize};

use super::basis::BasisGrid;
pub(crate) use super::basis::{Basis, BasisMaker, Coefficients};
use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::numeric::minimum::minimize;

/// The edge of the parameter space that a fit lies on, where some parameters stand for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FitLimit {
    /// C → 0 with gain → ∞: margins follow K·y. `c` is 0 and `gain` is the finite gain·C.
    Hebbian,
    /// α → 0 and C → ∞ together: `memorization` is their limit, which α = 0, C = ∞ alone do not tell.
    Additive,
    /// α = 1: only trained pairs have margins, and C is not identified (reported as ∞, all strength in the gain).
    Conjunctive,
    /// No model with positive gain is better than none: gain 0, and no parameter is identified.
    NoSignal,
}

/// A fit of three parameters, and how well it describes the margins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// α; NaN without signal.
    pub conjunctivity: f64,
    /// C ∈ [0, ∞]; 0 only in the Hebbian limit.
    pub c: f64,
    /// μ ∈ [0, ∞].
    pub screening: f64,
    /// m ∈ [0, 1].
    pub memorization: f64,
    /// Scale of the margins; in the Hebbian limit gain·C.
    pub gain: f64,
    /// Which limit the optimum is, if any.
    pub limit: Option<FitLimit>,
    /// Σ residual².
    pub residual_squares: f64,
    /// 1 − Σ residual²/Σ margin², about zero.
    pub r_squared: f64,
    /// Pearson correlation of observed and fitted margins; NaN if either is constant.
    pub correlation: f64,
    /// Number of pairs.
    pub n_pairs: usize,
    /// Fitted margins, in the order of the pairs.
    pub fitted: Vec<f64>,
    pub(crate) coefficients: Coefficients,
    /// Presentation weight of every trained pair; C is per unit of it.
    pub(crate) weight: f64,
}

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
    /// Number of pairs of every task.
    task_sizes: Vec<usize>,
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
        let makers: Result<Vec<_>> = tasks.iter().map(|t| BasisMaker::new(t.graph, t.pairs)).collect();
        let makers = makers?;
        if makers.iter().any(|m| m.weight != makers[0].weight) {
            return Err(TheoryError::RouteUnavailable {
                route: "fit",
                reason: "tasks fitted together need equal presentation weights".into(),
            });
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
    pub fn fit(&self, observed: &[f64]) -> Result<Fit> {
        self.check(observed)?;
        let sse: Vec<f64> = self.grid.points.iter().map(|b| b.solve(observed).1).collect();
        let best = (0..sse.len()).min_by(|&a, &b| sse[a].total_cmp(&sse[b])).unwrap_or(0);
        let log = |k: usize| self.grid.log_screening(k);
        let mut failure = None;
        let (refined, _) =
            minimize(log(best.saturating_sub(1)), log((best + 1).min(sse.len() - 1)), log(best), 1e-9, |x| match self
                .grid
                .exact(x.exp())
            {
                Ok(basis) => basis.solve(observed).1,
                Err(e) => {
                    failure = Some(e);
                    f64::INFINITY
                }
            });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let refined = self.grid.exact(refined.exp())?;
        let value = refined.solve(observed).1;
        let mut fit = if value < sse[best] { (&refined, value) } else { (&self.grid.points[best], sse[best]) };
        for limit in [&self.grid.hebbian, &self.grid.additive] {
            let value = limit.solve(observed).1;
            if value <= fit.1 * (1.0 + LIMIT_TIE) {
                fit = (limit, value);
            }
        }
        Ok(Fit::new(fit.0, &fit.0.solve(observed).0, observed, self.grid.weight()))
    }

    /// Checks that there is one finite margin per pair, of a size that can be squared.
    pub(crate) fn check(&self, observed: &[f64]) -> Result<()> {
        if observed.len() != self.pairs.len() {
            return Err(TheoryError::BadInput {
                what: "observed margins",
                problem: format!("{} margins for {} pairs; give one each", observed.len(), self.pairs.len()),
            });
        }
        if let Some(at) = observed.iter().position(|o| !o.is_finite()) {
            let (i, j) = self.pairs[at];
            return Err(TheoryError::BadInput {
                what: "observed margins",
                problem: format!("the margin of pair {i} {j} is {}; leave out pairs without data", observed[at]),
            });
        }
        check_size(observed.iter().copied())
    }

    /// The pairs, in the order of the margins.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }

    /// Number of pairs of every task, in the order of the margins.
    pub(crate) fn task_sizes(&self) -> &[usize] {
        &self.task_sizes
    }
}

/// The parameters that coefficients stand for, as [`Fit`] reports them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parameters {
    pub(crate) conjunctivity: f64,
    pub(crate) c: f64,
    pub(crate) memorization: f64,
    pub(crate) gain: f64,
    pub(crate) limit: Option<FitLimit>,
}

impl Parameters {
    pub(crate) fn new(at: &Coefficients, weight: f64) -> Self {
        let Coefficients { screening, rank_slope, memory } = *at;
        if rank_slope == 0.0 && memory == 0.0 {
            let limit = Some(FitLimit::NoSignal);
            return Self { conjunctivity: f64::NAN, c: f64::NAN, memorization: f64::NAN, gain: 0.0, limit };
        }
        if rank_slope == 0.0 {
            let limit = Some(FitLimit::Conjunctive);
            return Self { conjunctivity: 1.0, c: f64::INFINITY, memorization: 1.0, gain: memory, limit };
        }
        if screening.is_infinite() {
            let gain = 2.0 * rank_slope + memory;
            let limit = Some(FitLimit::Hebbian);
            return Self { conjunctivity: memory / gain, c: 0.0, memorization: 0.0, gain: gain / weight, limit };
        }
        let gain = rank_slope * (1.0 + screening);
        let memorization = (memory / gain).min(1.0);
        let inverse = (1.0 - memorization) * screening / (2.0 + memorization * screening);
        Self {
            conjunctivity: memorization * screening / (2.0 + memorization * screening),
            c: 1.0 / (inverse * weight),
            memorization,
            gain,
            limit: (screening == 0.0).then_some(FitLimit::Additive),
        }
    }
}

impl Fit {
    fn new(basis: &Basis, at: &Coefficients, observed: &[f64], weight: f64) -> Self {
        let fitted = basis.margins(at);
        let (r_squared, correlation) = agreement(observed, &fitted);
        let Parameters { conjunctivity, c, memorization, gain, limit } = Parameters::new(at, weight);
        Self {
            conjunctivity,
            c,
            screening: at.screening,
            memorization,
            gain,
            limit,
            residual_squares: basis.residual(at.rank_slope, at.memory, observed),
            r_squared,
            correlation,
            n_pairs: observed.len(),
            fitted,
            coefficients: *at,
            weight,
        }
    }
}

/// Largest margin, and smallest of the largest ones, whose squares double precision holds with room to spare.
const SIZES: (f64, f64) = (1e-100, 1e100);

/// Refuses margins whose squares overflow or vanish.
pub(crate) fn check_size(margins: impl Iterator<Item = f64>) -> Result<()> {
    let largest = margins.fold(0.0_f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() || (SIZES.0..=SIZES.1).contains(&largest) {
        return Ok(());
    }
    Err(TheoryError::BadInput {
        what: "observed margins",
        problem: format!(
            "the largest is {largest:e}, and between {:e} and {:e} is what double precision can square; check the data, or multiply \
             all by one number, as the gain takes up their size",
            SIZES.0, SIZES.1
        ),
    })
}

/// R² about zero, and Pearson correlation (NaN if either side is constant).
pub(crate) fn agreement(observed: &[f64], fitted: &[f64]) -> (f64, f64) {
    let n = observed.len() as f64;
    let total: f64 = observed.iter().map(|o| o * o).sum();
    let residual: f64 = observed.iter().zip(fitted).map(|(o, f)| (o - f) * (o - f)).sum();
    let (mo, mf) = (observed.iter().sum::<f64>() / n, fitted.iter().sum::<f64>() / n);
    let (mut oo, mut ff, mut of) = (0.0, 0.0, 0.0);
    for (o, f) in observed.iter().zip(fitted) {
        oo += (o - mo) * (o - mo);
        ff += (f - mf) * (f - mf);
        of += (o - mo) * (f - mf);
    }
    let r_squared = if total > 0.0 { 1.0 - residual / total } else { f64::NAN };
    let correlation = if oo > 0.0 && ff > 0.0 { of / (oo.sqrt() * ff.sqrt()) } else { f64::NAN };
    (r_squared, correlation)
}

#[cfg(test)]
mod tests;
