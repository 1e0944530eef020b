//! The set of models that are accepted, in (μ, A, B), and the extremes of every parameter over it.
//!
//! At one μ the squared error is a quadratic form in (A, B), so the accepted set is an ellipse cut by the cone 0 ≤ B ≤ A(1+μ).
//! The gain A(1+μ) is linear there, and m, α and C follow the slope B/A, so that their extremes are explicit points of the
//! set's boundary. What remains is a search over μ. (The accepted values of a parameter are its image of the set of accepted
//! models, so the hull of that image is the profile interval.)

use crate::error::Result;
use crate::inference::engine::profile::basis::{Basis, BasisGrid, Gram};
use crate::inference::estimates::Interval;
use crate::numeric::minimum::try_minimize;
use crate::numeric::roots::bisect;
use crate::numeric::vectors::dot;

/// Models with Σ residual² up to a threshold that is below Σ observed².
pub(crate) struct Region<'a, 'g> {
    pub(crate) grid: &'a BasisGrid<'g>,
    pub(crate) observed: &'a [f64],
    pub(crate) threshold: f64,
}

/// Hulls over the accepted models.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extremes {
    pub(crate) conjunctivity: Interval,
    /// Of 1/C per presentation weight.
    pub(crate) inverse_c: Interval,
    pub(crate) gain: Interval,
    pub(crate) memorization: Interval,
    pub(crate) screening: Interval,
    /// Of gain·C; NaN where not asked for.
    pub(crate) gain_c: Interval,
}

/// Holds no value; joined with an interval, it is that.
const NOTHING: Interval = Interval { low: f64::INFINITY, high: f64::NEG_INFINITY };

/// Ranges at one μ: of α, 1/C, gain and m.
type Ranges = [Interval; 4];

/// Width in log μ to which extremes and the ends of the accepted set are found.
const TOLERANCE: f64 = 1e-8;

impl Region<'_, '_> {
    /// The extremes over all accepted models; `center` is the screening of the best one. `with_gain_c` asks for gain·C too,
    /// which has no closed form at one μ.
    pub(crate) fn extremes(&self, center: f64, with_gain_c: bool) -> Result<Extremes> {
        let mut found = [NOTHING; 4];
        let mut gain_c = NOTHING;
        let mut screening = NOTHING;
        for limit in [&self.grid.additive, &self.grid.hebbian] {
            if let Some(ranges) = self.ranges(limit) {
                join_all(&mut found, &ranges);
                screening.include(limit.screening);
                if with_gain_c {
                    gain_c.join(self.gain_c(limit, &ranges));
                }
            }
        }
        for (low, high) in self.components(center)? {
            screening.include(low.exp());
            screening.include(high.exp());
            // Twice as dense as the grid, on which the bases vary little from point to point.
            let steps = ((high - low) / (0.5 * BasisGrid::STEP)).ceil().max(16.0);
            let sample = |k: usize| {
                let x = low + (high - low) * (k as f64 / steps);
                Ok((x, self.ranges(&self.grid.exact(x.exp())?)))
            };
            let samples: Vec<(f64, Option<Ranges>)> = (0..=steps as usize).map(sample).collect::<Result<_>>()?;
            samples.iter().filter_map(|s| s.1).for_each(|ranges| join_all(&mut found, &ranges));
            for parameter in 0..4 {
                let range = |x: f64| Ok(self.ranges(&self.grid.exact(x.exp())?).map(|r| r[parameter]));
                let known: Vec<_> = samples.iter().map(|(x, r)| (*x, r.map(|r| r[parameter]))).collect();
                found[parameter].join(refine(&known, range)?);
            }
            if with_gain_c {
                let range = |x: f64| {
                    let basis = self.grid.exact(x.exp())?;
                    Ok(self.ranges(&basis).map(|r| self.gain_c(&basis, &r)))
                };
                let known: Result<Vec<_>> = samples.iter().map(|&(x, _)| Ok((x, range(x)?))).collect();
                gain_c.join(refine(&known?, range)?);
            }
        }
        let [conjunctivity, inverse_c, gain, memorization] = found;
        Ok(Extremes { conjunctivity, inverse_c, gain, memorization, screening, gain_c })
    }

    /// Whether some model of that screening is accepted.
    fn accepts(&self, basis: &Basis) -> bool {
        basis.solve(self.observed).1 <= self.threshold
    }

    /// The accepted intervals of log μ strictly between the limits.
    fn components(&self, center: f64) -> Result<Vec<(f64, f64)>> {
        let points = &self.grid.points;
        let sse: Vec<f64> = points.iter().map(|b| b.solve(self.observed).1).collect();
        let log = |k: usize| self.grid.log_screening(k);
        let mut samples: Vec<(f64, bool)> =
            sse.iter().enumerate().map(|(k, &s)| (log(k), s <= self.threshold)).collect();
        let mut extra: Vec<f64> = (center > 0.0 && center.is_finite()).then(|| center.ln()).into_iter().collect();
        // Minima between grid points may be accepted though no grid point is.
        for k in 1..sse.len() - 1 {
            if sse[k] > self.threshold && sse[k] <= sse[k - 1] && sse[k] <= sse[k + 1] {
                let value = |x: f64| self.grid.exact(x.exp()).map(|b| b.solve(self.observed).1);
                extra.push(try_minimize((log(k - 1), log(k + 1)), log(k), TOLERANCE, value)?.0);
            }
        }
        for x in extra {
            samples.push((x, self.accepts(&self.grid.exact(x.exp())?)));
        }
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut components = Vec::new();
        let mut start: Option<f64> = None;
        for k in 0..samples.len() {
            let (x, accepted) = samples[k];
            if accepted && start.is_none() {
                start = Some(if k == 0 { x } else { self.boundary(x, samples[k - 1].0)? });
            }
            if let Some(low) = start {
                match samples.get(k + 1) {
                    Some(&(outside, false)) => components.push((low, self.boundary(x, outside)?)),
                    None => components.push((low, x)),
                    Some(_) => continue,
                }
                start = None;
            }
        }
        Ok(components)
    }

    /// The accepted end of the accepted interval between an accepted and another point.
    fn boundary(&self, inside: f64, outside: f64) -> Result<f64> {
        let narrow = |inside: f64, outside: f64| (inside - outside).abs() <= TOLERANCE;
        let accepted = |x: f64| Ok(self.accepts(&self.grid.exact(x.exp())?));
        Ok(bisect((inside, outside), 200, narrow, accepted)?.0)
    }

    /// Ranges of the parameters over the accepted models of one screening; `None` if there is none.
    fn ranges(&self, basis: &Basis) -> Option<Ranges> {
        let mu = basis.screening;
        let scale = 1.0 + mu;
        let gram = basis.gram();
        let (uo, vo) = (dot(&basis.rank, self.observed), dot(&basis.memory, self.observed));
        let mut ranges = [NOTHING; 4];
        let mut include = |a: f64, b: f64, m: f64| self.include(&mut ranges, mu, a, b, m);
        // Where the edges of the cone cut the ellipse. As the origin is not accepted, both ends are on the same side of it.
        let full = if mu.is_infinite() { (0.0, 1.0) } else { (1.0, scale) };
        for ((a, b), m) in [((1.0, 0.0), 0.0), (full, 1.0)] {
            if let Some((low, high)) = self.accepted_multiples(basis, (uo, vo), &gram, (a, b)) {
                include(low * a, low * b, m);
                include(high * a, high * b, m);
            }
        }
        let inside = |a: f64, b: f64| a > 0.0 && b >= 0.0 && b <= a * scale;
        if let Some((a0, b0)) = gram.free(uo, vo) {
            let slack = self.threshold - basis.residual(a0, b0, self.observed);
            if slack >= 0.0 {
                let determinant = 1.0 / gram.inverse_determinant;
                let mut consider = |a: f64, b: f64| {
                    if inside(a, b) {
                        include(a, b, if mu.is_infinite() { 0.0 } else { (b / (a * scale)).min(1.0) });
                    }
                };
                consider(a0, b0);
                let reach = (slack * gram.vv / determinant).sqrt();
                for da in [reach, -reach] {
                    consider(a0 + da, b0 - da * gram.uv / gram.vv);
                }
                // Tangents from the origin, B = sA with (B0 − sA0)²·det = slack·(uu + 2s·uv + s²·vv).
                let p2 = determinant * a0 * a0 - slack * gram.vv;
                let p1 = determinant * a0 * b0 + slack * gram.uv;
                let p0 = determinant * b0 * b0 - slack * gram.uu;
                let size = a0 * a0 * gram.uu + 2.0 * a0 * b0 * gram.uv + b0 * b0 * gram.vv;
                let root = (slack * determinant * (size - slack)).max(0.0).sqrt();
                let q = p1 + root.copysign(p1);
                for s in [q / p2, p0 / q] {
                    if s.is_finite() && s >= 0.0 {
                        let ww = gram.uu + s * (2.0 * gram.uv + s * gram.vv);
                        let k = (uo + s * vo) / ww;
                        consider(k, k * s);
                    }
                }
            }
        } else if gram.uv < 0.0 || gram.uu == 0.0 && gram.vv > 0.0 {
            // v = −u/s for collinear u and v: along B = sA nothing changes, and the accepted strip is unbounded.
            let s = if gram.vv > 0.0 { (gram.uu / gram.vv).sqrt() } else { f64::INFINITY };
            if s <= scale && ranges[0].low <= ranges[0].high {
                self.include(&mut ranges, mu, f64::INFINITY, s, if mu.is_infinite() { 0.0 } else { s / scale });
            }
        }
        (ranges[0].low <= ranges[0].high).then_some(ranges)
    }

    /// Adds the model (A, B) with memorization m; A = ∞ stands for the direction (1, B).
    fn include(&self, ranges: &mut Ranges, mu: f64, a: f64, b: f64, m: f64) {
        let [conjunctivity, inverse_c, gain, memorization] = ranges;
        if mu.is_infinite() {
            let slope = if a.is_infinite() { b } else { b / a };
            conjunctivity.include(if slope.is_infinite() { 1.0 } else { slope / (2.0 + slope) });
            inverse_c.include(f64::INFINITY);
            gain.include(f64::INFINITY);
            memorization.include(0.0);
            if a == 0.0 {
                // α = 1 allows any C, and only gain·m counts.
                inverse_c.include(0.0);
                gain.include(b);
                memorization.include(1.0);
            }
            return;
        }
        let p = m * mu;
        conjunctivity.include(p / (2.0 + p));
        inverse_c.include((1.0 - m) * mu / (2.0 + p));
        gain.include(a * (1.0 + mu));
        memorization.include(m);
    }

    /// The accepted multiples k > 0 of the direction (A, B); uo and vo are the products of the basis with the observed margins.
    fn accepted_multiples(
        &self,
        basis: &Basis,
        (uo, vo): (f64, f64),
        gram: &Gram,
        (a, b): (f64, f64),
    ) -> Option<(f64, f64)> {
        let (wo, ww) = (a * uo + b * vo, a * a * gram.uu + 2.0 * a * b * gram.uv + b * b * gram.vv);
        if ww <= 0.0 || wo <= 0.0 {
            return None;
        }
        let k = wo / ww;
        let slack = self.threshold - basis.residual(k * a, k * b, self.observed);
        let reach = (slack.max(0.0) / ww).sqrt();
        (slack >= 0.0).then_some((k - reach, k + reach))
    }

    /// The range of gain·C over the accepted models of one screening, whose ranges are given.
    fn gain_c(&self, basis: &Basis, ranges: &Ranges) -> Interval {
        let mu = basis.screening;
        let (uo, vo, gram) = (dot(&basis.rank, self.observed), dot(&basis.memory, self.observed), basis.gram());
        let range = |conjunctivity: f64| -> Option<Interval> {
            let p = 2.0 * conjunctivity / (1.0 - conjunctivity);
            let (m, s) = if mu.is_infinite() { (0.0, p) } else { ((p / mu).min(1.0), p * (1.0 + 1.0 / mu)) };
            let (a, b) = if s.is_infinite() { (0.0, 1.0) } else { (1.0 / (1.0 + s), s / (1.0 + s)) };
            let (low, high) = self.accepted_multiples(basis, (uo, vo), &gram, (a, b))?;
            // gain·C = A(1+μ)(2 + mμ)/((1−m)μ), and 2A + B at μ = ∞.
            let factor = if mu.is_infinite() { 2.0 * a + b } else { a * (1.0 + 1.0 / mu) * (2.0 + p) / (1.0 - m) };
            Some(Interval { low: low * factor, high: high * factor })
        };
        let Interval { low, high } = ranges[0];
        let known: Vec<_> = (0..=16).map(|k| low + (high - low) * f64::from(k) / 16.0).map(|x| (x, range(x))).collect();
        let mut found = NOTHING;
        known.iter().filter_map(|k| k.1).for_each(|range| found.join(range));
        if let Ok(refined) = refine(&known, |x| Ok(range(x))) {
            found.join(refined);
        }
        found
    }
}

fn join_all(found: &mut Ranges, ranges: &Ranges) {
    found.iter_mut().zip(ranges).for_each(|(all, one)| all.join(*one));
}

/// The hull of the intervals that a function gives between samples, refined around the extreme ones.
fn refine(samples: &[(f64, Option<Interval>)], range: impl Fn(f64) -> Result<Option<Interval>>) -> Result<Interval> {
    let mut found = NOTHING;
    for low in [true, false] {
        let signed = |i: Option<Interval>| match i {
            None => f64::INFINITY,
            Some(i) if low => i.low,
            Some(i) => -i.high,
        };
        let best = (0..samples.len()).min_by(|&a, &b| signed(samples[a].1).total_cmp(&signed(samples[b].1)));
        let Some(best) = best else { continue };
        let (from, to) = (samples[best.saturating_sub(1)].0, samples[(best + 1).min(samples.len() - 1)].0);
        let value = signed(samples[best].1);
        // An end of the parameter's range cannot be exceeded.
        if value.is_infinite() || from >= to || (low && value == 0.0) {
            continue;
        }
        let (_, refined) = try_minimize((from, to), samples[best].0, TOLERANCE, |x| range(x).map(signed))?;
        if refined.is_finite() {
            found.include(if low { refined } else { -refined });
        }
    }
    Ok(found)
}
