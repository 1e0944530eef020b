//! What is observed on every ordered pair, and its likelihood as a function of the linear predictor.

use super::super::distributions::student_quantile;

/// Largest amplitude, the root mean square of gain·f over the distinct pairs, in logits: e^{−30} is below any error rate that
/// data could show.
pub const MAX_AMPLITUDE: f64 = 30.0;

/// Largest lapse rate: with λ = ½ a quarter of all answers is against a certain margin.
pub const MAX_LAPSE: f64 = 0.5;

/// 95 % quantile of χ² with one degree of freedom.
pub(super) const THRESHOLD: f64 = 3.841_458_820_694_124;

/// Root mean square error relative to the margins below which a likelihood is not narrowed further.
const LEAST_ERROR: f64 = 1e-4;

/// Log-likelihood of one pair, its derivatives, and the expected information, in the predictor η and the lapse rate λ.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    pub(super) value: f64,
    pub(super) eta: f64,
    pub(super) lapse: f64,
    pub(super) eta_eta: f64,
    pub(super) eta_lapse: f64,
    pub(super) lapse_lapse: f64,
}

/// Observations on a list of ordered pairs.
pub(super) trait Response: Sync {
    /// No observation on any of `n_pairs` ordered pairs.
    fn empty(n_pairs: usize) -> Self;

    /// Forgets all observations.
    fn clear(&mut self);

    /// Adds the observations of another table of the same pairs.
    fn add(&mut self, other: &Self);

    /// Whether another table says the same of every pair.
    fn is_like(&self, other: &Self) -> bool;

    /// What tables that all say the same are evidence of, given their total and one of them: people may choose alike, but
    /// margins that are alike to the last digit are copies.
    fn evidence<'a>(total: &'a Self, one: &'a Self) -> &'a Self;

    /// Whether a pair was never observed.
    fn is_missing(&self, pair: usize) -> bool;

    fn terms(&self, pair: usize, eta: f64, lapse: Option<f64>) -> Terms;

    /// A difference in log-likelihood of about one unit of evidence, given its value at an optimum.
    fn unit(&self, value: f64) -> f64;

    /// By how much twice the log-likelihood may fall below `value`, an optimum's, within a 95 % profile interval of one of
    /// `parameters`.
    fn threshold(&self, value: f64, parameters: usize) -> f64;

    /// Largest amplitude and largest |b|.
    fn largest(&self) -> (f64, f64);

    /// An amplitude that changes the log-likelihood of none by about 0.01 at most, `unit` being that of evidence.
    fn smallest(&self, unit: f64) -> f64;

    /// The least unit of evidence that [`log_likelihood`](Self::log_likelihood) believes.
    fn least_unit(&self) -> f64;

    /// Log-likelihood from a sum of values; of margins with their error variance integrated out under 1/σ².
    fn log_likelihood(&self, value: f64) -> f64;

    /// What was observed, by distinct pair; `merge` turns all to the same order, as where position does not matter.
    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell>;

    /// Log-likelihood at an amplitude and a bias, for every lapse rate (none without lapses).
    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, lapses: &[f64], bias: f64, out: &mut Vec<f64>);
}

/// Observations on a pair in one order: counts for and against the first, or weighted sum and weight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pair: usize,
    sign: f64,
    parts: [f64; 2],
}

/// log x of a positive, normal number to 10⁻¹² absolute, in steps that the processor takes for several numbers at once.
#[inline(always)]
fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    // The exponent as the last digits of a number of which 2^52 is then taken off.
    let exponent = f64::from_bits((bits >> 52) | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let mantissa = f64::from_bits((bits & FRACTION) | 0x3FF0_0000_0000_0000);
    let is_large = mantissa > std::f64::consts::SQRT_2;
    let (mantissa, exponent) = if is_large { (0.5 * mantissa, exponent + 1.0) } else { (mantissa, exponent) };
    // log m = 2·artanh((m − 1)/(m + 1)), the argument at most 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let q = s * s;
    let series = 1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0))));
    exponent * std::f64::consts::LN_2 + 2.0 * s * (1.0 + q * series)
}

/// Cells from the parts of every ordered pair; `turn` gives those of the opposite order.
fn cells_of(
    index: &[(usize, f64)],
    parts: impl Iterator<Item = [f64; 2]>,
    missing: impl Fn(usize) -> bool,
    merge: Option<fn([f64; 2]) -> [f64; 2]>,
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    let mut of_pair = std::collections::HashMap::new();
    for (k, (&(pair, sign), parts)) in index.iter().zip(parts).enumerate() {
        if missing(k) {
            continue;
        }
        let Some(turn) = merge else {
            cells.push(Cell { pair, sign, parts });
            continue;
        };
        let parts = if sign < 0.0 { turn(parts) } else { parts };
        let at = *of_pair.entry(pair).or_insert_with(|| {
            cells.push(Cell { pair, sign: 1.0, parts: [0.0; 2] });
            cells.len() - 1
        });
        cells[at].parts[0] += parts[0];
        cells[at].parts[1] += parts[1];
    }
    cells
}

fn add_all(own: &mut [f64], more: &[f64]) {
    for (own, more) in own.iter_mut().zip(more) {
        *own += more;
    }
}

/// Counts of choices.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binomial {
    chosen: Vec<f64>,
    trials: Vec<f64>,
}

impl Binomial {
    pub(super) fn add_count(&mut self, pair: usize, chosen: f64, trials: f64) {
        self.chosen[pair] += chosen;
        self.trials[pair] += trials;
    }

    pub(super) fn n_trials(&self) -> f64 {
        self.trials.iter().sum()
    }

    /// Log-likelihood at p = ½.
    pub(super) fn chance(&self) -> f64 {
        -self.n_trials() * std::f64::consts::LN_2
    }

    /// Log-likelihood at each pair's own rate.
    pub(super) fn saturated(&self) -> f64 {
        let part = |k: f64, n: f64| if k > 0.0 { k * (k / n).ln() } else { 0.0 };
        self.chosen.iter().zip(&self.trials).map(|(&k, &n)| part(k, n) + part(n - k, n)).sum()
    }
}

impl Response for Binomial {
    fn empty(n_pairs: usize) -> Self {
        Self { chosen: vec![0.0; n_pairs], trials: vec![0.0; n_pairs] }
    }

    fn clear(&mut self) {
        self.chosen.fill(0.0);
        self.trials.fill(0.0);
    }

    fn add(&mut self, other: &Self) {
        add_all(&mut self.chosen, &other.chosen);
        add_all(&mut self.trials, &other.trials);
    }

    fn is_like(&self, other: &Self) -> bool {
        self == other
    }

    fn evidence<'a>(total: &'a Self, _: &'a Self) -> &'a Self {
        total
    }

    fn is_missing(&self, pair: usize) -> bool {
        self.trials[pair] == 0.0
    }

    fn terms(&self, pair: usize, eta: f64, lapse: Option<f64>) -> Terms {
        let (k, n) = (self.chosen[pair], self.trials[pair]);
        // e^{−|η|} is what both σ(η) and σ(−η) keep their relative precision from.
        let e = (-eta.abs()).exp();
        let (high, low) = (1.0 / (1.0 + e), e / (1.0 + e));
        let (up, down) = if eta >= 0.0 { (high, low) } else { (low, high) };
        match lapse {
            None => {
                let log_high = -e.ln_1p();
                let log_low = log_high - eta.abs();
                let (log_up, log_down) = if eta >= 0.0 { (log_high, log_low) } else { (log_low, log_high) };
                Terms {
                    value: k * log_up + (n - k) * log_down,
                    eta: k * down - (n - k) * up,
                    eta_eta: n * up * down,
                    ..Terms::default()
                }
            }
            Some(lapse) => {
                let (p, q) = (0.5 * lapse + (1.0 - lapse) * up, 0.5 * lapse + (1.0 - lapse) * down);
                let log_part = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
                // 0/0 where a count is 0 and its probability underflows.
                let part = |count: f64, share: f64| if count > 0.0 { count / share } else { 0.0 };
                let score = part(k, p) - part(n - k, q);
                let (by_eta, by_lapse) = ((1.0 - lapse) * up * down, 0.5 * (down - up));
                let information = n / (p * q).max(f64::MIN_POSITIVE);
                Terms {
                    value: log_part(k, p) + log_part(n - k, q),
                    eta: score * by_eta,
                    lapse: score * by_lapse,
                    eta_eta: information * by_eta * by_eta,
                    eta_lapse: information * by_eta * by_lapse,
                    lapse_lapse: information * by_lapse * by_lapse,
                }
            }
        }
    }

    fn unit(&self, _: f64) -> f64 {
        1.0
    }

    fn threshold(&self, _: f64, _: usize) -> f64 {
        THRESHOLD
    }

    fn largest(&self) -> (f64, f64) {
        (MAX_AMPLITUDE, MAX_AMPLITUDE)
    }

    fn smallest(&self, _: f64) -> f64 {
        0.02 / self.n_trials()
    }

    fn least_unit(&self) -> f64 {
        1.0
    }

    fn log_likelihood(&self, value: f64) -> f64 {
        value
    }

    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell> {
        let parts = self.chosen.iter().zip(&self.trials).map(|(k, n)| [*k, n - k]);
        cells_of(index, parts, |k| self.is_missing(k), merge.then_some(|[a, b]| [b, a]))
    }

    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, lapses: &[f64], bias: f64, out: &mut Vec<f64>) {
        out.clear();
        out.resize(lapses.len().max(1), 0.0);
        for cell in cells {
            let eta = amplitude * cell.sign * shape[cell.pair] + bias;
            let [k, rest] = cell.parts;
            let e = (-eta.abs()).exp();
            if lapses.is_empty() {
                let log_high = -e.ln_1p();
                let log_low = log_high - eta.abs();
                let (log_up, log_down) = if eta >= 0.0 { (log_high, log_low) } else { (log_low, log_high) };
                out[0] += k * log_up + rest * log_down;
                continue;
            }
            let (high, low) = (1.0 / (1.0 + e), e / (1.0 + e));
            let (up, down) = if eta >= 0.0 { (high, low) } else { (low, high) };
            // Lapse rates are positive here, and with them all probabilities.
            for (sum, lapse) in out.iter_mut().zip(lapses) {
                let (floor, share) = (0.5 * lapse, 1.0 - lapse);
                *sum += k * ln(floor + share * up) + rest * ln(floor + share * down);
            }
        }
    }
}

/// Mean margins with weights: −½ Σ w(y − η)².
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gaussian {
    /// Σ w·y per pair.
    sums: Vec<f64>,
    weights: Vec<f64>,
    /// Σ w·y².
    squares: f64,
    /// Number of observations.
    count: usize,
}

impl Gaussian {
    pub(super) fn add_margin(&mut self, pair: usize, margin: f64, weight: f64) {
        self.sums[pair] += weight * margin;
        self.weights[pair] += weight;
        self.squares += weight * margin * margin;
        self.count += 1;
    }

    pub(super) fn squares(&self) -> f64 {
        self.squares
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The value that is summed over pair means, from Σ w(y − η)² of all single observations.
    pub(super) fn value(&self, residual: f64) -> f64 {
        0.5 * (self.residual(0.0) - residual)
    }

    /// Σ w(y − η)² of all single observations, from the value that is summed over pair means.
    pub(super) fn residual(&self, value: f64) -> f64 {
        let between: f64 =
            self.sums.iter().zip(&self.weights).map(|(s, w)| if *w > 0.0 { s * s / w } else { 0.0 }).sum();
        (self.squares - between).max(0.0) - 2.0 * value
    }
}

impl Response for Gaussian {
    fn empty(n_pairs: usize) -> Self {
        Self { sums: vec![0.0; n_pairs], weights: vec![0.0; n_pairs], squares: 0.0, count: 0 }
    }

    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.weights.fill(0.0);
        (self.squares, self.count) = (0.0, 0);
    }

    fn add(&mut self, other: &Self) {
        add_all(&mut self.sums, &other.sums);
        add_all(&mut self.weights, &other.weights);
        self.squares += other.squares;
        self.count += other.count;
    }

    fn is_like(&self, other: &Self) -> bool {
        let weight: f64 = self.weights.iter().sum();
        let rounding = 8.0 * f64::EPSILON * (self.squares / weight).sqrt();
        // A pair without weight gives NaN, which is like NaN.
        let means = |table: &Self, k: usize| table.sums[k] / table.weights[k];
        let close = |a: f64, b: f64| (a - b).abs() <= rounding || a.is_nan() && b.is_nan();
        (0..self.sums.len()).all(|k| close(means(self, k), means(other, k)))
    }

    fn evidence<'a>(_: &'a Self, one: &'a Self) -> &'a Self {
        one
    }

    fn is_missing(&self, pair: usize) -> bool {
        self.weights[pair] == 0.0
    }

    fn terms(&self, pair: usize, eta: f64, _: Option<f64>) -> Terms {
        let w = self.weights[pair];
        let residual = self.sums[pair] / w - eta;
        Terms { value: -0.5 * w * residual * residual, eta: w * residual, eta_eta: w, ..Terms::default() }
    }

    fn unit(&self, value: f64) -> f64 {
        // σ², and where the fit is exact the rounding of the squares.
        (self.residual(value) / self.count as f64).max(1e-20 * self.squares)
    }

    /// Without degrees of freedom the variance is unknown, and nothing is excluded.
    fn threshold(&self, value: f64, parameters: usize) -> f64 {
        if self.count <= parameters {
            return f64::INFINITY;
        }
        let freedom = (self.count - parameters) as f64;
        let t = student_quantile(0.975, freedom);
        t * t * (self.residual(value) / freedom).max(self.unit(0.0) * 1e-9)
    }

    fn largest(&self) -> (f64, f64) {
        (f64::INFINITY, f64::INFINITY)
    }

    fn smallest(&self, unit: f64) -> f64 {
        0.01 * unit / (self.squares * self.weights.iter().sum::<f64>()).sqrt().max(f64::MIN_POSITIVE)
    }

    fn least_unit(&self) -> f64 {
        LEAST_ERROR * LEAST_ERROR * self.squares / self.count as f64
    }

    fn log_likelihood(&self, value: f64) -> f64 {
        let least = LEAST_ERROR * LEAST_ERROR * self.squares;
        -0.5 * self.count as f64 * (self.residual(value) + least).max(f64::MIN_POSITIVE).ln()
    }

    fn cells(&self, index: &[(usize, f64)], merge: bool) -> Vec<Cell> {
        let parts = self.sums.iter().zip(&self.weights).map(|(s, w)| [*s, *w]);
        cells_of(index, parts, |k| self.is_missing(k), merge.then_some(|[s, w]| [-s, w]))
    }

    fn fill(&self, cells: &[Cell], shape: &[f64], amplitude: f64, _: &[f64], bias: f64, out: &mut Vec<f64>) {
        let between: f64 =
            self.sums.iter().zip(&self.weights).map(|(s, w)| if *w > 0.0 { s * s / w } else { 0.0 }).sum();
        let residual: f64 = cells
            .iter()
            .map(|cell| {
                let eta = amplitude * cell.sign * shape[cell.pair] + bias;
                cell.parts[1] * eta * eta - 2.0 * cell.parts[0] * eta
            })
            .sum();
        out.clear();
        out.push(self.log_likelihood(-0.5 * (residual + between).max(0.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn logarithms_of_probabilities_are_those_of_the_library() {
        for k in 0..4000 {
            let x = (-0.0171 * f64::from(k)).exp();
            assert!((ln(x) - x.ln()).abs() < 1e-11, "{x}");
        }
    }
}
