//! A unit's marginal likelihood under a normal population, and what it says of each parameter.
//!
//! Along each axis the likelihood is a cubic spline through its values at the nodes. Its integral against normal densities is then
//! a sum over nodes, whose weights are products of those of each axis: exact at any σ, down to the interpolation at the mean
//! itself for σ → 0. What lies beyond an open end counts for the end.

use std::ops::Range;

use crate::inference::distributions::normal_cdf;
use crate::inference::engine::surface::grid::{AXES, Block, Nodes, UnitGrid};
use crate::inference::hierarchy::spline::{Jet, Spline, between};
use crate::numeric::roots::turning_point;

/// A population along one axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Level {
    /// Normal, with its mean and the log of its standard deviation.
    Normal { mean: f64, log_sd: f64 },
    /// Everybody at the lower (0) or upper (1) end.
    Limit(usize),
}

/// Below and above all places of an axis.
pub(super) const INFINITIES: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

impl Level {
    /// Share of the population below a place.
    pub(super) fn share_below(self, u: f64) -> f64 {
        match self {
            Self::Normal { mean, log_sd } => normal_cdf((u - mean) / log_sd.exp()),
            Self::Limit(0) => 1.0,
            Self::Limit(_) => f64::from(u == f64::INFINITY),
        }
    }
}

/// A population on every axis.
pub(super) type Population = [Level; AXES];

/// Number of derivatives: in mean and log standard deviation of every axis.
pub(super) const SLOPES: usize = 2 * AXES;

/// Derivatives of one unit's log marginal likelihood, mean and log standard deviation of each axis in turn.
pub(super) type Slopes = [f64; SLOPES];

/// Weights of nodes: inside, and of a node that ends a window beyond which the likelihood stays the same.
#[derive(Debug, Clone, Default)]
struct Weights {
    inner: [Vec<f64>; 3],
    /// For the lower and the upper end.
    ends: [[Vec<f64>; 3]; 2],
}

impl Weights {
    /// Of one node alone.
    fn single() -> Self {
        Self { inner: [vec![1.0], vec![0.0], vec![0.0]], ends: Default::default() }
    }

    /// Weights of a window's inside and ends; without windows, the ends of the axis are among the inner weights.
    fn new(nodes: &Nodes, level: &Level, is_windowed: bool) -> Self {
        let at = &nodes.at;
        let n = at.len();
        let zeros = || [vec![0.0; n], vec![0.0; n], vec![0.0; n]];
        let (mean, sd) = match *level {
            Level::Normal { mean, log_sd } => (mean, log_sd.exp()),
            Level::Limit(side) => {
                let mut weights = Self { inner: zeros(), ends: [zeros(), zeros()] };
                let end = if side == 0 { 0 } else { n - 1 };
                if is_windowed {
                    // Only a window that reaches the limit has anything there, and all of that.
                    weights.ends[side][0].fill(1.0);
                } else if nodes.open[side] {
                    weights.inner[0][end] = 1.0;
                }
                return weights;
            }
        };
        if n == 1 && !is_windowed {
            return Self::single();
        }
        // One more node on each closed side, where the likelihood is 0. Windows end at any node: theirs are closed on both.
        let more = if is_windowed { [true; 2] } else { nodes.open.map(|open| !open) };
        let first = if n > 1 { at[1] - at[0] } else { 1.0 };
        let last = if n > 1 { at[n - 1] - at[n - 2] } else { 1.0 };
        let mut all = Vec::with_capacity(n + 2);
        all.extend(more[0].then_some(at[0] - first));
        all.extend_from_slice(at);
        all.extend(more[1].then_some(at[n - 1] + last));
        let spline = Spline::new(&all).weights(mean, sd);
        let (a, b) = ((all[0] - mean) / sd, (all[all.len() - 1] - mean) / sd);
        let beyond = [normal_cdf(a), normal_cdf(-b)];
        let from = usize::from(more[0]);
        let mut weights = Self { inner: zeros(), ends: [zeros(), zeros()] };
        for (d, spline) in spline.iter().enumerate() {
            weights.inner[d].copy_from_slice(&spline[from..from + n]);
            let beyond = if d == 0 { beyond } else { [0.0; 2] };
            if is_windowed {
                // All on one side counts for the end.
                let mut below = beyond[0] + spline[0];
                let mut above = beyond[1] + spline[n + 1];
                for k in 0..n {
                    below += spline[1 + k];
                    above += spline[n - k];
                    weights.ends[0][d][k] = below;
                    weights.ends[1][d][n - 1 - k] = above;
                }
            } else {
                weights.inner[d][0] += if nodes.open[0] { beyond[0] } else { 0.0 };
                weights.inner[d][n - 1] += if nodes.open[1] { beyond[1] } else { 0.0 };
            }
        }
        weights
    }
}

/// Windows are over gains, their rows over lapses; the axis of biases is an outer one like the first two.
const GAIN: usize = 2;
const LAPSE: usize = 3;
const BIAS: usize = 4;
const OUTER: [usize; 3] = [0, 1, BIAS];

/// A place whose weight is below this share of the largest is left out.
const NEGLIGIBLE: f64 = 1e-6;

/// A spline may be negative: where it swings about 0, this share of its absolute value is taken.
const LEAST: f64 = 0.01;

/// The largest of a node's weight and its derivatives.
fn largest_weight(weights: &[Vec<f64>; 3], k: u32) -> f64 {
    weights.iter().fold(0.0_f64, |largest, w| largest.max(w[k as usize].abs()))
}

/// Rows of an axis that have any weight, with their weights and derivatives.
fn active(weights: &Weights) -> Vec<(usize, [f32; 3])> {
    let n = weights.inner[0].len();
    let size = |k: usize| largest_weight(&weights.inner, k as u32);
    let largest = (0..n).map(size).fold(0.0, f64::max);
    let kept = (0..n).filter(|&k| size(k) > NEGLIGIBLE * largest);
    kept.map(|k| (k, std::array::from_fn(|d| weights.inner[d][k] as f32))).collect()
}

/// The part of a window within the gains that have weight; open ends always belong to it.
fn counting(block: &Block, gains: &Range<usize>) -> Range<usize> {
    let (first, n) = (block.first as usize, block.gains as usize);
    let from = if block.open[0] { 0 } else { gains.start.saturating_sub(first) };
    let to = if block.open[1] { n } else { gains.end.saturating_sub(first).min(n) };
    let to = if block.open[0] { to.max(1) } else { to };
    let from = if block.open[1] { from.min(n - 1) } else { from };
    from..to
}

/// One unit's grid, integrated.
pub(super) struct Integral<'a> {
    grid: &'a UnitGrid,
    weights: Vec<Weights>,
}

impl<'a> Integral<'a> {
    pub(super) fn new(grid: &'a UnitGrid, population: &Population) -> Self {
        let axis_weights = |k: usize| {
            if grid.present[k] { Weights::new(&grid.nodes[k], &population[k], k == GAIN) } else { Weights::single() }
        };
        Self { grid, weights: (0..AXES).map(axis_weights).collect() }
    }

    /// The log marginal likelihood and its derivatives; −∞ and zeros where none of the likelihood is within reach.
    pub(super) fn log_likelihood(&self) -> (f64, Slopes) {
        // The sum with its derivatives, and that of absolute values.
        let (mut total, mut absolute) = ((0.0, [0.0; SLOPES]), (0.0, [0.0; SLOPES]));
        let [x, z, bias] = OUTER.map(|k| &self.weights[k].inner);
        let lapses = active(&self.weights[LAPSE]);
        let gains = active(&self.weights[GAIN]);
        let gains = gains.first().map_or(0, |g| g.0)..gains.last().map_or(0, |g| g.0 + 1);
        let size = |block: &Block| {
            if counting(block, &gains).is_empty() {
                return 0.0;
            }
            let outer = largest_weight(x, block.x) * largest_weight(z, block.z) * largest_weight(bias, block.bias);
            outer * f64::from(block.largest)
        };
        let threshold = NEGLIGIBLE * self.grid.blocks.iter().map(size).fold(0.0, f64::max);
        let mut rows = Rows::default();
        for block in &self.grid.blocks {
            if size(block) <= threshold {
                continue;
            }
            let jet = |w: &[Vec<f64>; 3], k: u32| [0, 1, 2].map(|d| w[d][k as usize]);
            let (x, z, bias) = (jet(x, block.x), jet(z, block.z), jet(bias, block.bias));
            let counting = counting(block, &gains);
            rows.sum(self.grid, block, &lapses, counting.clone());
            let [value, by_gain @ ..] = self.over_gains(block, counting.start, &rows.sums[0]);
            let outer = x[0] * z[0] * bias[0];
            let mut slopes = [0.0; SLOPES];
            for d in 0..2 {
                slopes[d] = x[1 + d] * z[0] * bias[0] * value;
                slopes[2 + d] = x[0] * z[1 + d] * bias[0] * value;
                slopes[4 + d] = outer * by_gain[d];
                if self.grid.present[LAPSE] {
                    let [slope, ..] = self.over_gains(block, counting.start, &rows.sums[1 + d]);
                    slopes[2 * LAPSE + d] = outer * slope;
                }
                slopes[2 * BIAS + d] = x[0] * z[0] * bias[1 + d] * value;
            }
            let value = outer * value;
            for ((sum, sums), sign) in [(&mut total, 1.0), (&mut absolute, value.signum())] {
                *sum += sign * value;
                sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += sign * slope);
            }
        }
        let (sum, slopes) = if total.0 > LEAST * absolute.0 {
            total
        } else {
            (LEAST * absolute.0, absolute.1.map(|slope| LEAST * slope))
        };
        if sum <= 0.0 || !sum.is_finite() {
            return (f64::NEG_INFINITY, [0.0; SLOPES]);
        }
        (self.grid.log_peak + sum.ln(), slopes.map(|s| s / sum))
    }

    /// The sum over a window of gains, or over a part from `start` on that counts, and its derivatives in their mean and log
    /// standard deviation.
    fn over_gains(&self, block: &Block, start: usize, values: &[f32]) -> Jet {
        let gain = &self.weights[GAIN];
        let (first, n) = (block.first as usize + start, values.len());
        let open = [block.open[0] && start == 0, block.open[1] && start + n == block.gains as usize];
        let (low, high) = (usize::from(open[0]), n - usize::from(open[1]));
        std::array::from_fn(|d| {
            let mut sum = 0.0;
            if low < high {
                for (w, v) in gain.inner[d][first + low..first + high].iter().zip(&values[low..high]) {
                    sum += w * f64::from(*v);
                }
            }
            if open[0] {
                sum += gain.ends[0][d][first] * f64::from(values[0]);
            }
            if open[1] && (n > 1 || !open[0]) {
                sum += gain.ends[1][d][first + n - 1] * f64::from(values[n - 1]);
            }
            sum
        })
    }

    /// For every axis, the likelihood at its nodes with all other axes integrated out.
    pub(super) fn marginals(&self) -> [Vec<f64>; AXES] {
        let mut out: [Vec<f64>; AXES] = std::array::from_fn(|k| vec![0.0; self.grid.nodes[k].at.len()]);
        let [x, z, gain, lapse, bias] = std::array::from_fn(|k| &self.weights[k].inner[0]);
        let ends = [0, 1].map(|side| &self.weights[GAIN].ends[side][0]);
        let n_gains = self.grid.nodes[GAIN].at.len();
        for block in &self.grid.blocks {
            let (i, j, b) = (block.x as usize, block.z as usize, block.bias as usize);
            let outer = x[i] * z[j] * bias[b];
            let (first, n) = (block.first as usize, block.gains as usize);
            let mut by_gain = vec![0.0; n];
            let mut total = 0.0;
            for (l, w) in lapse.iter().enumerate() {
                let mut sum = 0.0;
                for (k, v) in self.grid.values[block.start + l * n..block.start + (l + 1) * n].iter().enumerate() {
                    let v = f64::from(*v);
                    by_gain[k] += w * v;
                    sum += v * match (block.open[0] && k == 0, block.open[1] && k == n - 1) {
                        (true, _) => ends[0][first],
                        (_, true) => ends[1][first + k],
                        _ => gain[first + k],
                    };
                }
                out[LAPSE][l] += outer * sum;
                total += w * sum;
            }
            out[0][i] += z[j] * bias[b] * total;
            out[1][j] += x[i] * bias[b] * total;
            out[BIAS][b] += x[i] * z[j] * total;
            for k in 0..n {
                out[GAIN][first + k] += outer * by_gain[k];
            }
            if block.open[0] {
                out[GAIN][..first].iter_mut().for_each(|m| *m += outer * by_gain[0]);
            }
            if block.open[1] {
                out[GAIN][(first + n).min(n_gains)..].iter_mut().for_each(|m| *m += outer * by_gain[n - 1]);
            }
        }
        out
    }
}

/// A block summed over lapses, gain by gain: the sum, and its derivatives in their mean and log standard deviation.
#[derive(Default)]
struct Rows {
    sums: [Vec<f32>; 3],
}

impl Rows {
    fn sum(&mut self, grid: &UnitGrid, block: &Block, lapses: &[(usize, [f32; 3])], counting: Range<usize>) {
        for own in &mut self.sums {
            own.clear();
            own.resize(counting.len(), 0.0);
        }
        let needed = if grid.present[LAPSE] { 3 } else { 1 };
        for &(l, weights) in lapses {
            let from = block.start + l * block.gains as usize;
            let row = &grid.values[from + counting.start..from + counting.end];
            for (own, weight) in self.sums.iter_mut().zip(weights).take(needed) {
                for (to, from) in own.iter_mut().zip(row) {
                    *to += weight * from;
                }
            }
        }
    }
}

/// One unit's posterior on an axis: its likelihood at the nodes times the population.
pub(super) struct Posterior<'a> {
    nodes: &'a Nodes,
    values: Vec<f64>,
    /// The spline through them; `None` for a single node.
    spline: Option<(Spline<'a>, Vec<f64>)>,
    level: Level,
    total: f64,
}

impl<'a> Posterior<'a> {
    pub(super) fn new(nodes: &'a Nodes, mut values: Vec<f64>, level: Level) -> Self {
        values.iter_mut().for_each(|v| *v = v.max(0.0));
        let spline = (values.len() > 1).then(|| {
            let spline = Spline::new(&nodes.at);
            let curvatures = spline.curvatures(&values);
            (spline, curvatures)
        });
        let mut posterior = Self { nodes, values, spline, level, total: 1.0 };
        posterior.total = posterior.mass(f64::INFINITY);
        posterior
    }

    /// The probability of a place of at most `u`.
    pub(super) fn share_below(&self, u: f64) -> f64 {
        match self.level {
            Level::Normal { .. } if self.total > 0.0 => self.mass(u) / self.total,
            // Out of reach of the tabulated likelihood: the population alone.
            level => level.share_below(u),
        }
    }

    /// ∫ likelihood × density up to u.
    fn mass(&self, u: f64) -> f64 {
        let Level::Normal { mean, log_sd } = self.level else { return 1.0 };
        let sd = log_sd.exp();
        let at = &self.nodes.at;
        let n = at.len();
        let share = |from: f64, to: f64| between((from - mean) / sd, (to - mean) / sd);
        let mut sum = 0.0;
        if self.nodes.open[0] || n == 1 {
            sum += self.values[0] * share(f64::NEG_INFINITY, u.min(at[0]));
        }
        if let Some((spline, curvatures)) = &self.spline {
            sum += spline.mass(&self.values, curvatures, (mean, sd), u);
        }
        if u > at[n - 1] && (self.nodes.open[1] || n == 1) {
            sum += self.values[n - 1] * share(at[n - 1], u);
        }
        sum.max(0.0)
    }
}

/// The place below which a share of a mixture lies; ±∞ where a limit holds it.
pub(super) fn quantile(share: f64, below: impl Fn(f64) -> f64) -> f64 {
    const FAR: f64 = 1e3;
    if below(-FAR) >= share {
        return f64::NEG_INFINITY;
    }
    if below(FAR) < share {
        return f64::INFINITY;
    }
    turning_point(-FAR, FAR, 36, |u| below(u) < share)
}

#[cfg(test)]
mod tests;
