//! The normal distribution function, and quantiles of Student's t for any number of degrees of freedom.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Degrees of freedom up to which statrs' continued fraction has converged; at 10⁶ it errs by 6e-5.
const CONVERGED: f64 = 2e3;

/// Φ(x), the standard normal distribution function, with full relative accuracy in the lower tail.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// φ(x), the standard normal density.
pub(crate) fn normal_density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / TAU.sqrt()
}

/// The quantile of Student's t with `degrees` > 0 degrees of freedom at `share` ∈ (0, 1), to about 1e-11 relative; NaN out of
/// these ranges.
///
/// Its square at (1 + s)/2 is the quantile at s of the F distribution with 1 and `degrees` degrees of freedom.
pub(crate) fn student_quantile(share: f64, degrees: f64) -> f64 {
    if !(share > 0.0 && share < 1.0) {
        return f64::NAN;
    }
    if degrees <= CONVERGED {
        return StudentsT::new(0.0, 1.0, degrees).map_or(f64::NAN, |t| t.inverse_cdf(share));
    }
    // Abramowitz & Stegun 26.7.5; what follows is below 1e-11 for shares that intervals use.
    let z = Normal::standard().inverse_cdf(share);
    let (square, n) = (z * z, degrees);
    let first = (square + 1.0) / 4.0;
    let second = ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    z * (1.0 + (first + (second + third / n) / n) / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

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
            let found = student_quantile(0.975, k).powi(2);
            assert!((found - table).abs() < 6e-4, "{k}: {found}");
        }
        for (k, table) in [(1.0, 12.706), (4.0, 2.776), (19.0, 2.093), (49.0, 2.010), (1e9, 3.841_f64.sqrt())] {
            assert!((student_quantile(0.975, k) - table).abs() < 6e-4);
        }
        assert!((normal_cdf(1.96) - 0.97500).abs() < 6e-6 && (normal_cdf(-3.0) - 0.00135).abs() < 6e-6);
    }

    #[test]
    fn closed_forms_are_met() {
        for share in [1e-3, 0.2, 0.5, 0.9, 0.975, 0.9999] {
            // One degree of freedom is Cauchy's distribution; with two, t = (2s − 1)/√(2s(1 − s)).
            let cauchy = (PI * (share - 0.5)).tan();
            let two = (2.0 * share - 1.0) / (2.0 * share * (1.0 - share)).sqrt();
            for (k, exact) in [(1.0, cauchy), (2.0, two)] {
                let found = student_quantile(share, k);
                assert!((found - exact).abs() < 1e-12 * (1.0 + exact.abs()), "{share} {k}: {found} {exact}");
            }
        }
    }

    #[test]
    fn both_ways_to_a_quantile_agree_where_they_meet() {
        // The expansion's next term is of order 1/n⁴.
        for share in [0.6, 0.9, 0.975, 0.999] {
            let (below, above) =
                (student_quantile(share, CONVERGED), student_quantile(share, CONVERGED * (1.0 + 1e-13)));
            assert!((below / above - 1.0).abs() < 1e-11, "{share}: {below} {above}");
        }
    }

    #[test]
    fn distribution_functions_are_integrals_of_their_densities() {
        let normal = |x: f64| (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        for x in [0.1, 1.0, 2.0, 2.9, 4.0, 6.0] {
            assert!((normal_cdf(x) - 0.5 - simpson(normal, 0.0, x)).abs() < 1e-13, "{x}");
            let tail = simpson(normal, x, x + 12.0);
            assert!((normal_cdf(-x) / tail - 1.0).abs() < 1e-9, "{x}");
        }
        // With k = 2m + 1 degrees of freedom the density is Γ(m + 1)/(Γ(m + ½)√(kπ))·(1 + t²/k)^−(m+1), and the gammas are products.
        for m in [1u32, 16, 40] {
            let k = f64::from(2 * m + 1);
            let ratio: f64 = (1..=m).map(|j| f64::from(j) / (f64::from(j) - 0.5)).product();
            let scale = ratio / PI / k.sqrt();
            let t = student_quantile(0.975, k);
            let inside = simpson(|x| scale * (1.0 + x * x / k).powi(-(m as i32) - 1), -t, t);
            assert!((inside - 0.95).abs() < 1e-11, "{k}: {inside}");
        }
    }

    #[test]
    fn what_is_no_share_has_no_quantile() {
        for (share, degrees) in [(0.0, 5.0), (1.0, 5.0), (f64::NAN, 5.0), (0.9, 0.0), (0.9, -1.0), (0.9, f64::NAN)] {
            assert!(student_quantile(share, degrees).is_nan(), "{share} {degrees}");
        }
    }
}
