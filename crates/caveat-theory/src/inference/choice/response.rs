//! What is observed on every ordered pair, and its likelihood as a function of the linear predictor.

/// Largest amplitude, the root mean square of gain·f over the distinct pairs, in logits: e^{−30} is below any error rate that
/// data could show.
pub const MAX_AMPLITUDE: f64 = 30.0;

/// Largest lapse rate: with λ = ½ a quarter of all answers is against a certain margin.
pub const MAX_LAPSE: f64 = 0.5;

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

    /// Whether a pair was never observed.
    fn is_missing(&self, pair: usize) -> bool;

    fn terms(&self, pair: usize, eta: f64, lapse: Option<f64>) -> Terms;

    /// A difference in log-likelihood of about one unit of evidence, given its value at an optimum.
    fn unit(&self, value: f64) -> f64;

    /// Largest amplitude and largest |b|.
    fn largest(&self) -> (f64, f64);
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

    fn largest(&self) -> (f64, f64) {
        (MAX_AMPLITUDE, MAX_AMPLITUDE)
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

    fn largest(&self) -> (f64, f64) {
        (f64::INFINITY, f64::INFINITY)
    }
}
