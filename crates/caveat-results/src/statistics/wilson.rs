//! Wilson's interval of a proportion.

/// The 0.975 quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % score interval of a proportion, `successes` of `trials`. Both may be fractions, as from rounded proportions.
///
/// Its ends are the two p with |successes/trials − p| = z·√(p(1 − p)/trials) (E. B. Wilson, 1927, *J. Am. Stat. Assoc.*
/// 22:209). It lies within [0, 1], reaches 0 or 1 exactly if all trials agree, and is (NaN, NaN) unless `trials` is positive.
/// Successes are clamped to the range from 0 to `trials`.
///
/// ```
/// let (low, high) = caveat_results::wilson_interval(8.0, 10.0);
/// assert!((low - 0.490_162).abs() < 1e-6 && (high - 0.943_318).abs() < 1e-6);
/// ```
pub fn wilson_interval(successes: f64, trials: f64) -> (f64, f64) {
    if trials.is_nan() || trials <= 0.0 {
        return (f64::NAN, f64::NAN);
    }
    let (k, m, z2) = (successes.clamp(0.0, trials), trials, Z * Z);
    let center = (k + z2 / 2.0) / (m + z2);
    let half = Z * (k * (1.0 - k / m) + z2 / 4.0).sqrt() / (m + z2);
    // If all trials agree, one end is exact; rounding must not leave it 1e-17 away.
    let low = if k == 0.0 { 0.0 } else { (center - half).max(0.0) };
    let high = if k == m { 1.0 } else { (center + half).min(1.0) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_ends_are_the_proportions_whose_score_is_z() {
        for n in [1.0_f64, 2.0, 7.0, 50.0, 7200.0, 1e6] {
            for k in [0.0, 0.3, 1.0, (n / 3.0).floor(), n / 2.0, n - 1.0, n] {
                let (low, high) = wilson_interval(k, n);
                let (p, m) = (k / n, n);
                assert!((0.0..=p).contains(&low) && (p..=1.0).contains(&high), "{k}/{n}: {low} {high}");
                for end in [low, high] {
                    let score = (p - end).powi(2) * m - Z * Z * end * (1.0 - end);
                    // An end is rounded by a few eps, and the score changes by at most 2·m·|p − end| + z² ≤ 2·m + 4 times that.
                    assert!(score.abs() <= 8.0 * f64::EPSILON * (2.0 * m + 4.0), "{k}/{n} at {end}: {score:e}");
                }
                let (mirrored_low, mirrored_high) = wilson_interval(n - k, n);
                assert!((low + mirrored_high - 1.0).abs() < 1e-15 && (high + mirrored_low - 1.0).abs() < 1e-15);
            }
        }
    }

    #[test]
    fn certain_outcomes_and_no_trials_have_exact_ends() {
        // For k = 0 the score equation gives the upper end z²/(n + z²).
        assert_eq!(wilson_interval(0.0, 10.0).0, 0.0);
        assert!((wilson_interval(0.0, 10.0).1 - Z * Z / (10.0 + Z * Z)).abs() < 1e-15);
        assert_eq!(wilson_interval(10.0, 10.0).1, 1.0);
        assert!([0.0, -1.0, f64::NAN].iter().all(|&trials| wilson_interval(3.0, trials).0.is_nan()));
        assert_eq!(wilson_interval(6.0, 5.0), wilson_interval(5.0, 5.0));
        let (low, high) = wilson_interval(1e300, 2e300);
        assert!(low <= 0.5 && 0.5 <= high && high - low < 1e-9);
    }
}
