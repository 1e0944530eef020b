//! The logistic sigmoid, its inverse and its logarithm.

/// σ(x) = 1/(1 + e^{−x}), with full relative precision at both ends.
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// σ(x) and σ(−x), both with full relative precision, from one exponential.
#[inline]
pub(crate) fn both_sigmoids(x: f64) -> (f64, f64) {
    let e = (-x.abs()).exp();
    let (high, low) = (1.0 / (1.0 + e), e / (1.0 + e));
    if x >= 0.0 { (high, low) } else { (low, high) }
}

/// log σ(x) and log σ(−x), from one exponential.
#[inline]
pub(crate) fn both_log_sigmoids(x: f64) -> (f64, f64) {
    let high = -(-x.abs()).exp().ln_1p();
    let low = high - x.abs();
    if x >= 0.0 { (high, low) } else { (low, high) }
}

/// σ⁻¹(p) = log p/(1−p), ±∞ at 0 and 1.
pub(crate) fn logit(share: f64) -> f64 {
    share.ln() - (-share).ln_1p()
}

/// −log σ(x) = log(1 + e^{−x}) without overflow.
pub(crate) fn log_loss(x: f64) -> f64 {
    (-x).max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tails_keep_their_digits() {
        for x in [-700.0, -40.0, -1.0, 0.0, 0.3, 30.0] {
            assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() < 1e-15, "{x}");
            assert!((sigmoid(x).ln() + log_loss(x)).abs() <= 1e-15 * log_loss(x).max(1.0), "{x}");
            // Next to 1 a share has lost digits of the distance to it.
            let lost = f64::EPSILON / sigmoid(-x);
            assert!((logit(sigmoid(x)) - x).abs() <= 1e-15 * x.abs() + lost.min(1.0), "{x}");
        }
        assert_eq!((logit(0.0), logit(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((sigmoid(-1e3), sigmoid(1e3), log_loss(-1e3)), (0.0, 1.0, 1e3));
    }
}
