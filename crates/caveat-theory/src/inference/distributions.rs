//! Distribution functions and quantiles that intervals need: normal, χ² with one degree of freedom, Student's t and F.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// ln Γ(x) for x > 0, to about 1e-14 relative or absolute, whichever is larger.
///
/// Stirling's series (NIST Digital Library of Mathematical Functions, 5.11.1), after Γ(x + 1) = xΓ(x) has brought x above 12.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 12.0 {
        product *= x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series - product.ln()
}

/// Regularized incomplete beta function I_x(a, b) for x ∈ [0, 1] and a, b > 0, to about 1e-13.
///
/// Continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22) by the modified Lentz method, on the side of
/// the mean where it converges fast.
pub fn regularized_beta(x: f64, a: f64, b: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return if x.is_nan() { x } else { 0.0 };
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) { 1.0 - lower_beta(1.0 - x, b, a) } else { lower_beta(x, a, b) }
}

/// I_x(a, b) for x below about the mean.
fn lower_beta(x: f64, a: f64, b: f64) -> f64 {
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    // Where a partial denominator vanishes, the smallest number stands for it and cancels in the next step.
    let guard = |v: f64| if v.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { v };
    let (mut c, mut d) = (1.0, 1.0 / guard(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            factor = c * d;
            fraction *= factor;
        }
        if (factor - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    front * fraction
}

/// P(F ≤ x) for the F distribution with `numerator` and `denominator` degrees of freedom, both positive.
pub fn f_cdf(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x.is_infinite() && x > 0.0 {
        return 1.0;
    }
    // Both I_t(a, b) and 1 − I_{1−t}(b, a), so that neither tail is a difference from 1.
    let t = numerator * x / (numerator * x + denominator);
    if t < 0.5 {
        regularized_beta(t, numerator / 2.0, denominator / 2.0)
    } else {
        1.0 - regularized_beta(denominator / (numerator * x + denominator), denominator / 2.0, numerator / 2.0)
    }
}

/// The quantile of the F distribution at `share` ∈ (0, 1), to about 1e-12 relative (1e-9 with a million degrees of freedom); 0 or ∞ at and beyond the ends, NaN for NaN.
pub fn f_quantile(share: f64, numerator: f64, denominator: f64) -> f64 {
    increasing_root(share, |x| f_cdf(x, numerator, denominator))
}

/// The quantile of the χ² distribution with one degree of freedom at `share` ∈ (0, 1).
pub fn chi_squared_quantile(share: f64) -> f64 {
    increasing_root(share, |x| 1.0 - 2.0 * normal_cdf(-x.sqrt()))
}

/// The quantile of Student's t with `degrees` > 0 degrees of freedom at `share` ∈ [0.5, 1).
pub fn student_quantile(share: f64, degrees: f64) -> f64 {
    // t² is F with 1 and `degrees` degrees of freedom.
    f_quantile(2.0 * share - 1.0, 1.0, degrees).sqrt()
}

/// The x > 0 with cdf(x) = share of an increasing distribution function, by bisection in log x.
fn increasing_root(share: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    if share.is_nan() {
        return f64::NAN;
    }
    if share <= 0.0 {
        return 0.0;
    }
    if share >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (-700.0f64, 700.0f64);
    // 60 halvings of 1400 reach 1e-15.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if cdf(middle.exp()) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).exp()
}

/// Φ(x), the standard normal distribution function, with full relative accuracy in the lower tail.
///
/// The series of erf (NIST Digital Library of Mathematical Functions, 7.6.2) near 0, else the continued fraction of erfc (7.9.1).
pub fn normal_cdf(x: f64) -> f64 {
    let z = x.abs() * FRAC_1_SQRT_2;
    if z < 2.0 {
        let (mut term, mut sum) = (z, z);
        for n in 1..100 {
            term *= 2.0 * z * z / f64::from(2 * n + 1);
            sum += term;
            if term < 1e-17 * sum {
                break;
            }
        }
        let half_erf = (-z * z).exp() / PI.sqrt() * sum;
        return if x < 0.0 { 0.5 - half_erf } else { 0.5 + half_erf };
    }
    // Evaluated from the far end; 120 levels suffice from z = 2 on.
    let fraction = (1..=120).rev().fold(z, |below, k| z + f64::from(k) / 2.0 / below);
    let tail = 0.5 * (-z * z).exp() / (PI.sqrt() * fraction);
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ∫ f from a to b by Simpson's rule.
    fn simpson(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
        let n = 20_000;
        let h = (b - a) / f64::from(n);
        let inner: f64 = (1..n).map(|k| f(a + h * f64::from(k)) * if k % 2 == 1 { 4.0 } else { 2.0 }).sum();
        h / 3.0 * (f(a) + f(b) + inner)
    }

    #[test]
    fn quantiles_are_those_of_published_tables() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7: upper 5 % points of F(1, k), and of t and χ².
        for (k, table) in
            [(1.0, 161.448), (2.0, 18.513), (3.0, 10.128), (5.0, 6.608), (10.0, 4.965), (30.0, 4.171), (100.0, 3.936)]
        {
            assert!((f_quantile(0.95, 1.0, k) - table).abs() < 6e-4, "{k}: {}", f_quantile(0.95, 1.0, k));
        }
        assert!((f_quantile(0.95, 3.0, 7.0) - 4.347).abs() < 6e-4);
        for (k, table) in [(1.0, 12.706), (4.0, 2.776), (19.0, 2.093), (49.0, 2.010)] {
            assert!((student_quantile(0.975, k) - table).abs() < 6e-4);
        }
        assert!((chi_squared_quantile(0.95) - 3.841).abs() < 6e-4);
        assert!((normal_cdf(1.96) - 0.97500).abs() < 6e-6 && (normal_cdf(-3.0) - 0.00135).abs() < 6e-6);
    }

    #[test]
    fn closed_forms_are_met() {
        // F(1, 1): P = (2/π) atan √x. F(2, k): P = 1 − (1 + 2x/k)^(−k/2). Γ(1/2) = √π, Γ(20) = 19!.
        for x in [1e-6, 0.3, 1.0, 7.0, 1e6] {
            assert!((f_cdf(x, 1.0, 1.0) - 2.0 / PI * x.sqrt().atan()).abs() < 1e-13);
            assert!((f_cdf(x, 2.0, 5.0) - (1.0 - (1.0 + 0.4 * x).powf(-2.5))).abs() < 1e-13);
        }
        assert!((ln_gamma(0.5) - 0.5 * PI.ln()).abs() < 1e-14);
        let factorial: f64 = (1..20).map(f64::from).product();
        assert!((ln_gamma(20.0) - factorial.ln()).abs() < 1e-13);
        // Many degrees of freedom tend to the χ², with an error of (1 + x)/(2k).
        let x = chi_squared_quantile(0.95);
        let expected = 1.0 + (1.0 + x) / 2e6;
        assert!((f_quantile(0.95, 1.0, 1e6) / x - expected).abs() < 1e-8);
    }

    #[test]
    fn distribution_functions_are_integrals_of_their_densities() {
        let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        for x in [0.1, 1.0, 2.0, 2.9, 4.0, 6.0] {
            assert!((normal_cdf(x) - 0.5 - simpson(normal, 0.0, x)).abs() < 1e-13, "{x}");
            let tail = simpson(normal, x, x + 12.0);
            assert!((normal_cdf(-x) / tail - 1.0).abs() < 1e-9, "{x}");
        }
        // P(T ≤ t) − 1/2 with T² of the F distribution.
        for k in [3.0, 33.0] {
            let scale = (ln_gamma((k + 1.0) / 2.0) - ln_gamma(k / 2.0)).exp() / (k * PI).sqrt();
            let t = student_quantile(0.975, k);
            let inside = simpson(|x| scale * (1.0 + x * x / k).powf(-(k + 1.0) / 2.0), -t, t);
            assert!((inside - 0.95).abs() < 1e-11, "{k}: {inside}");
        }
    }

    #[test]
    fn quantiles_invert_and_ends_are_ends() {
        for share in [1e-3, 0.2, 0.5, 0.95, 0.999] {
            for k in [1.0, 6.0, 300.0] {
                assert!((f_cdf(f_quantile(share, 1.0, k), 1.0, k) - share).abs() < 1e-12);
            }
        }
        assert_eq!((f_quantile(0.0, 1.0, 5.0), f_quantile(1.0, 1.0, 5.0)), (0.0, f64::INFINITY));
        assert!(f_quantile(f64::NAN, 1.0, 5.0).is_nan());
    }
}
