//! Summaries over subjects or models: a random-effects model of their estimates, each with its standard error.
//!
//! Unit k has the estimate x_k with standard error s_k, on a scale without bounds (logit α, log C, log gain):
//! x_k ~ N(θ, τ² + s_k²). τ² maximizes the restricted likelihood (Patterson & Thompson 1971, *Biometrika* 58:545); the
//! interval of θ is that of Hartung & Knapp (2001, *Statistics in Medicine* 20:3875), that of a new unit that of Higgins,
//! Thompson & Spiegelhalter (2009, *J. R. Statist. Soc. A* 172:137).

use serde::Serialize;

use super::bootstrap::Interval;
use super::distributions::student_quantile;
use crate::error::{Result, TheoryError};

/// One unit's estimate on a scale without bounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct UnitEstimate {
    /// The estimate; units at a limit, where it is infinite or NaN, are left out of the summary.
    pub estimate: f64,
    /// Its standard error; a unit whose standard error is not positive and finite is left out too.
    pub standard_error: f64,
}

/// The scale without bounds on which units are summarized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScale {
    /// As it is, for a position bias.
    Identity,
    /// Logarithm, for C, times and gains.
    Log,
    /// log p/(1 − p), for α.
    Logit,
}

impl UnitScale {
    /// A parameter's value on this scale; infinite at an end of its range.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::Log => value.ln(),
            Self::Logit => value.ln() - (-value).ln_1p(),
        }
    }

    /// The value of a parameter from its place on this scale.
    pub fn invert(self, place: f64) -> f64 {
        match self {
            Self::Identity => place,
            Self::Log => place.exp(),
            Self::Logit => 1.0 / (1.0 + (-place).exp()),
        }
    }
}

impl UnitEstimate {
    /// An estimate and the standard error that its 95 % interval, from a profile or a bootstrap, implies on a scale: the longer of
    /// its two sides there over 1.96, of those that do not reach the end of the parameter's range. An estimate or an interval
    /// that lies there altogether leaves the unit out.
    pub fn from_interval(scale: UnitScale, estimate: f64, interval: &Interval) -> Self {
        let estimate = scale.apply(estimate);
        let sides = [estimate - scale.apply(interval.low), scale.apply(interval.high) - estimate];
        let longest = sides.into_iter().filter(|s| s.is_finite()).fold(f64::NAN, f64::max);
        Self { estimate, standard_error: longest / NORMAL }
    }
}

/// 97.5 % quantile of the normal distribution.
const NORMAL: f64 = 1.959_963_984_540_054;

/// What units have in common, and how they differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HierarchicalSummary {
    /// Mean θ over units.
    pub mean: f64,
    /// Its standard error, of Hartung and Knapp.
    pub standard_error: f64,
    /// 95 % interval of θ.
    pub interval: Interval,
    /// Standard deviation τ between units.
    pub between: f64,
    /// 95 % interval for the true value of a new unit; NaN with fewer than three units.
    pub new_unit: Interval,
    /// Share of the variance of estimates that is between units, I² ∈ [0, 1] (Higgins & Thompson 2002).
    pub heterogeneity: f64,
    /// Every unit given, in order: its estimate shrunken towards θ and the 95 % interval of its true value; `None` for a unit
    /// left out.
    pub units: Vec<Option<ShrunkenEstimate>>,
    /// Number of units that are in.
    pub n_units: usize,
    /// Number of units left out.
    pub n_excluded: usize,
}

/// The best guess for one unit, given all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ShrunkenEstimate {
    /// θ + (x − θ)·τ²/(τ² + s²).
    pub estimate: f64,
    /// 95 % interval, the uncertainty of θ included, that of τ not.
    pub interval: Interval,
}

/// Summarizes units. Cost O(units), about 200 passes.
///
/// # Errors
/// Fewer than two units with a finite estimate and a positive, finite standard error.
pub fn summarize_units(units: &[UnitEstimate]) -> Result<HierarchicalSummary> {
    let is_in = |u: &UnitEstimate| u.estimate.is_finite() && u.standard_error > 0.0 && u.standard_error.is_finite();
    let kept: Vec<UnitEstimate> = units.iter().copied().filter(is_in).collect();
    let n = kept.len();
    if n < 2 {
        return Err(TheoryError::BadInput {
            what: "hierarchical summary",
            problem: format!(
                "{n} of {} units have an estimate inside its range and a standard error; at least 2 are needed",
                units.len()
            ),
        });
    }
    let variance = restricted_maximum(&kept);
    let (mean, weight) = weighted_mean(&kept, variance);
    let spread: f64 =
        kept.iter().map(|u| (u.estimate - mean).powi(2) / (variance + u.standard_error.powi(2))).sum::<f64>();
    let standard_error = (spread / ((n - 1) as f64 * weight)).sqrt();
    let t = student_quantile(0.975, (n - 1) as f64);
    let around = |center: f64, half: f64| Interval { low: center - half, high: center + half };
    let new_unit = if n > 2 {
        around(mean, student_quantile(0.975, (n - 2) as f64) * (variance + standard_error.powi(2)).sqrt())
    } else {
        Interval { low: f64::NAN, high: f64::NAN }
    };
    let shrink = |u: &UnitEstimate| {
        let own = u.standard_error.powi(2);
        let kept_share = variance / (variance + own);
        let deviation = (kept_share * own + (1.0 - kept_share).powi(2) * standard_error.powi(2)).sqrt();
        let estimate = mean + kept_share * (u.estimate - mean);
        ShrunkenEstimate { estimate, interval: around(estimate, NORMAL * deviation) }
    };
    Ok(HierarchicalSummary {
        mean,
        standard_error,
        interval: around(mean, t * standard_error),
        between: variance.sqrt(),
        new_unit,
        heterogeneity: variance / (variance + typical_variance(&kept)),
        units: units.iter().map(|u| is_in(u).then(|| shrink(u))).collect(),
        n_units: n,
        n_excluded: units.len() - n,
    })
}

/// θ at one τ², and the sum of weights.
fn weighted_mean(units: &[UnitEstimate], variance: f64) -> (f64, f64) {
    let (sum, weight) = units.iter().fold((0.0, 0.0), |(sum, weight), u| {
        let w = 1.0 / (variance + u.standard_error.powi(2));
        (sum + w * u.estimate, weight + w)
    });
    (sum / weight, weight)
}

/// The sampling variance that all units would have in a homogeneous set of the same precision.
fn typical_variance(units: &[UnitEstimate]) -> f64 {
    let weights = units.iter().map(|u| u.standard_error.powi(-2));
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), w| (sum + w, squares + w * w));
    (units.len() - 1) as f64 * sum / (sum * sum - squares)
}

/// τ² of the largest restricted likelihood: a scan over powers of ten, as several maxima are possible, then golden section.
fn restricted_maximum(units: &[UnitEstimate]) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    let n = units.len() as f64;
    let mean = units.iter().map(|u| u.estimate).sum::<f64>() / n;
    let spread = units.iter().map(|u| (u.estimate - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // The maximum is below the variance of the estimates unless standard errors differ wildly; ten times it is safe.
    let top = (10.0 * spread).max(f64::MIN_POSITIVE);
    let loss = |log_variance: f64| restricted_loss(units, log_variance.exp());
    let knots: Vec<f64> = (0..=64).map(|k| top.ln() - f64::from(64 - k) * 0.5).collect();
    let best = (0..knots.len()).min_by(|&a, &b| loss(knots[a]).total_cmp(&loss(knots[b]))).unwrap_or(0);
    let (mut low, mut high) = (knots[best.saturating_sub(1)], knots[(best + 1).min(knots.len() - 1)]);
    for _ in 0..60 {
        let (a, b) = (high - RATIO * (high - low), low + RATIO * (high - low));
        if loss(a) <= loss(b) {
            high = b;
        } else {
            low = a;
        }
    }
    let found = ((low + high) / 2.0).exp();
    if restricted_loss(units, 0.0) <= restricted_loss(units, found) { 0.0 } else { found }
}

/// −2 log of the restricted likelihood of τ², without constants.
fn restricted_loss(units: &[UnitEstimate], variance: f64) -> f64 {
    let (mean, weight) = weighted_mean(units, variance);
    units.iter().fold(weight.ln(), |sum, u| {
        let total = variance + u.standard_error.powi(2);
        sum + total.ln() + (u.estimate - mean).powi(2) / total
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    /// Thirteen trials of the BCG vaccine (Colditz et al. 1994): log relative risks and their variances.
    const VACCINE: [(f64, f64); 13] = [
        (-0.8893, 0.3256),
        (-1.5854, 0.1946),
        (-1.3481, 0.4154),
        (-1.4416, 0.0200),
        (-0.2175, 0.0512),
        (-0.7861, 0.0069),
        (-1.6209, 0.2230),
        (0.0120, 0.0040),
        (-0.4694, 0.0564),
        (-1.3713, 0.0730),
        (-0.3394, 0.0124),
        (0.4459, 0.5325),
        (-0.0173, 0.0714),
    ];

    fn units(pairs: &[(f64, f64)]) -> Vec<UnitEstimate> {
        pairs.iter().map(|&(estimate, variance)| UnitEstimate { estimate, standard_error: variance.sqrt() }).collect()
    }

    #[test]
    fn the_vaccine_trials_give_the_published_summary() {
        // Restricted maximum likelihood as documented for the R package metafor: τ² 0.3132, mean −0.7145, I² 92.22 %.
        let summary = summarize_units(&units(&VACCINE)).unwrap();
        assert!((summary.between.powi(2) - 0.3132).abs() < 3e-4, "{summary:?}");
        assert!((summary.mean + 0.7145).abs() < 3e-4 && (summary.heterogeneity - 0.9222).abs() < 3e-4, "{summary:?}");
        assert_eq!((summary.n_units, summary.n_excluded), (13, 0));
    }

    #[test]
    fn equal_standard_errors_have_a_closed_form() {
        // τ² = sample variance − s², θ = mean, and Hartung–Knapp's variance = sample variance/n.
        let x = [1.0, 2.0, 4.0, 7.0];
        let summary = summarize_units(&x.map(|estimate| UnitEstimate { estimate, standard_error: 1.0 })).unwrap();
        assert!((summary.mean - 3.5).abs() < 1e-12 && (summary.between.powi(2) - 6.0).abs() < 1e-6, "{summary:?}");
        assert!((summary.standard_error.powi(2) - 7.0 / 4.0).abs() < 1e-6);
        let shrunken = summary.units[3].unwrap();
        assert!((shrunken.estimate - (3.5 + 3.5 * 6.0 / 7.0)).abs() < 1e-6);
    }

    #[test]
    fn intervals_become_standard_errors_on_the_scale() {
        let half = 1.959_963_984_540_054 * 0.4;
        let of = |scale: UnitScale, center: f64| {
            let interval = Interval { low: scale.invert(center - half), high: scale.invert(center + half) };
            UnitEstimate::from_interval(scale, scale.invert(center), &interval)
        };
        for scale in [UnitScale::Identity, UnitScale::Log, UnitScale::Logit] {
            let unit = of(scale, -0.7);
            assert!((unit.estimate + 0.7).abs() < 1e-12 && (unit.standard_error - 0.4).abs() < 1e-12, "{scale:?}");
        }
        // logit 0.2 = log(1/4).
        assert!((UnitScale::Logit.apply(0.2) + 4f64.ln()).abs() < 1e-15);
        let open =
            UnitEstimate::from_interval(UnitScale::Log, 1.0, &Interval { low: (-half).exp(), high: f64::INFINITY });
        assert!((open.standard_error - 0.4).abs() < 1e-12);
        let open = UnitEstimate::from_interval(UnitScale::Log, 3.0, &Interval { low: 0.0, high: f64::INFINITY });
        assert!(summarize_units(&[open, of(UnitScale::Log, 0.0)]).is_err());
    }

    #[test]
    fn like_units_have_no_spread_between_them_and_limits_are_left_out() {
        let mut all = units(&[(1.0, 1.0), (1.1, 1.0), (0.9, 1.0)]);
        all.push(UnitEstimate { estimate: f64::INFINITY, standard_error: 1.0 });
        all.push(UnitEstimate { estimate: 1.0, standard_error: f64::NAN });
        let summary = summarize_units(&all).unwrap();
        assert_eq!((summary.between, summary.n_excluded), (0.0, 2));
        assert!(summary.units[3].is_none() && summary.units[0].is_some_and(|u| (u.estimate - 1.0).abs() < 1e-12));
        assert!(summarize_units(&all[2..4]).is_err() && summarize_units(&[]).is_err());
    }

    #[test]
    fn intervals_of_the_mean_cover_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut covered = 0;
        let simulations = 1000;
        for _ in 0..simulations {
            let drawn: Vec<UnitEstimate> = (0..8)
                .map(|k| {
                    let standard_error = 0.2 + 0.1 * f64::from(k % 4);
                    let (a, b): (f64, f64) = (rng.sample(StandardNormal), rng.sample(StandardNormal));
                    UnitEstimate { estimate: 0.7 + 0.5 * a + standard_error * b, standard_error }
                })
                .collect();
            let interval = summarize_units(&drawn).unwrap().interval;
            covered += u32::from(interval.low <= 0.7 && 0.7 <= interval.high);
        }
        // 95 % within four standard errors of the simulation.
        let share = f64::from(covered) / f64::from(simulations);
        assert!((share - 0.95).abs() < 4.0 * (0.95 * 0.05 / f64::from(simulations)).sqrt(), "{share}");
    }
}
