//! What is observed on every ordered pair, and its likelihood as a function of the linear predictor.

mod binomial;
mod cells;
mod gaussian;

pub(crate) use binomial::Binomial;
pub(crate) use cells::Cell;
pub(crate) use gaussian::Gaussian;

/// Largest amplitude, the root mean square of gain·f over the distinct pairs, in logits: e^{−30} is below any error rate that
/// data could show.
pub const MAX_AMPLITUDE: f64 = 30.0;

/// Largest lapse rate: with λ = ½ a quarter of all answers is against a certain margin.
pub const MAX_LAPSE: f64 = 0.5;

/// Root mean square error relative to the margins below which a likelihood is not narrowed further.
const LEAST_ERROR: f64 = 1e-4;

/// 95 % quantile of χ² with one degree of freedom.
pub(crate) const THRESHOLD: f64 = 3.841_458_820_694_124;

/// Log-likelihood of one pair, its derivatives, and the expected information, in the predictor η and the lapse rate λ.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Terms {
    pub(crate) value: f64,
    pub(crate) eta: f64,
    pub(crate) lapse: f64,
    pub(crate) eta_eta: f64,
    pub(crate) eta_lapse: f64,
    pub(crate) lapse_lapse: f64,
}

/// Observations on a list of ordered pairs.
pub(crate) trait Response: Sync {
    /// No observation on any of `n_pairs` ordered pairs.
    fn empty(n_pairs: usize) -> Self;

    /// Forgets all observations.
    fn clear(&mut self);

    /// Adds the observations of another table of the same pairs.
    fn add(&mut self, other: &Self);

    /// Whether another table says the same about every pair.
    fn is_like(&self, other: &Self) -> bool;

    /// The evidence of tables that agree: for choices their total, as people may choose alike; for margins one of them, as margins that
    /// agree to the last digit are copies.
    fn evidence<'a>(total: &'a Self, one: &'a Self) -> &'a Self;

    /// Whether a pair was never observed.
    fn is_missing(&self, pair: usize) -> bool;

    fn terms(&self, pair: usize, eta: f64, lapse: Option<f64>) -> Terms;

    /// A difference in log-likelihood of about one unit of evidence, given its value at an optimum.
    fn unit(&self, value: f64) -> f64;

    /// How far twice the log-likelihood may fall below the optimum's `value` within a 95 % profile interval, of a model with this many
    /// parameters.
    fn threshold(&self, value: f64, parameters: usize) -> f64;

    /// Largest amplitude and largest |b|.
    fn largest(&self) -> (f64, f64);

    /// An amplitude whose log-likelihood differs from that of amplitude 0 by about 0.01 at most; `unit` is that of evidence.
    fn smallest(&self, unit: f64) -> f64;

    /// The smallest unit of evidence that [`log_likelihood`](Self::log_likelihood) resolves.
    fn least_unit(&self) -> f64;

    /// Log-likelihood from a sum of values; of margins with their error variance integrated out under 1/σ².
    fn log_likelihood(&self, value: f64) -> f64;

    /// The observations of every pair. With `merge`, for models without a position bias, both orders of a pair are one cell.
    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell>;

    /// Log-likelihood at an amplitude and a bias, for every lapse rate (none without lapses).
    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, lapses: &[f64], bias: f64, out: &mut Vec<f64>);
}
