//! The likelihood of a population, its maximum, and its maximum with one of its parameters held.

use rayon::prelude::*;

use crate::inference::engine::surface::grid::{AXES, UnitGrid};
use crate::inference::hierarchy::integral::{Integral, Level, Population, SLOPES, Slopes};
use crate::numeric::cholesky::solve_part;
use crate::numeric::vectors::{dot, extremes};

/// Logs of the smallest standard deviation that differs from 0 and of the largest one, [`LARGEST_BETWEEN`](crate::inference::hierarchy::LARGEST_BETWEEN).
pub(super) const LOG_SD: (f64, f64) = (-6.9, std::f64::consts::LN_10);

/// A negligible difference in log-likelihood: a standard deviation of 0, or a limit, is taken where it costs no more.
pub(super) const SLACK: f64 = 0.01;

/// A difference in log-likelihood that the other parameters cannot make up for.
const NEAR: f64 = 5.0;

/// Expected gain in log-likelihood at which a maximum is good.
const TOLERANCE: f64 = 3e-5;

/// How far beyond all that is known of units a mean may be.
const BEYOND: f64 = 15.0;

const STEPS: usize = 100;

type Matrix = [[f64; SLOPES]; SLOPES];

/// The units of a population, all with the same model.
pub(super) struct Units<'a> {
    pub(super) grids: &'a [UnitGrid],
    pub(super) present: [bool; AXES],
    /// Lowest and highest mean of each axis: where the likelihood of some unit goes on to a limit, its last place; elsewhere far
    /// beyond the last place of all units, whose likelihoods end where they are negligible.
    pub(super) ends: [(f64, f64); AXES],
    /// Which of these are limits.
    pub(super) open: [[bool; 2]; AXES],
    /// Typical standard deviation of a unit's place, with all else known.
    scales: [f64; AXES],
}

/// A population with its log-likelihood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fitted {
    pub(super) population: Population,
    pub(super) value: f64,
    /// The sum of squares of units' derivatives: about the information.
    pub(super) information: Matrix,
    /// What the search knew of the curvature at its end.
    hessian: Matrix,
}

impl<'a> Units<'a> {
    pub(super) fn new(grids: &'a [UnitGrid]) -> Self {
        let present = grids[0].present;
        let open = std::array::from_fn(|k| [0, 1].map(|side| grids.iter().any(|g| g.nodes[k].open[side])));
        let ends = std::array::from_fn(|k| {
            let (low, high) = extremes(grids.iter().flat_map(|g| g.nodes[k].at.iter().copied()));
            let [below, above]: [bool; 2] = open[k];
            (if below { low } else { low - BEYOND }, if above { high } else { high + BEYOND })
        });
        let scales = std::array::from_fn(|k| {
            let mut scales: Vec<f64> = grids.iter().map(|g| g.scales[k].clamp(1e-3, 1.0)).collect();
            scales.sort_by(f64::total_cmp);
            scales[scales.len() / 2]
        });
        Self { grids, present, ends, open, scales }
    }

    /// Log-likelihood, derivatives, and the sum of squares of units' derivatives.
    fn evaluate(&self, population: &Population) -> (f64, Slopes, Matrix) {
        let parts: Vec<(f64, Slopes)> =
            self.grids.par_iter().map(|grid| Integral::new(grid, population).log_likelihood()).collect();
        let (mut value, mut slopes, mut squares) = (0.0, [0.0; SLOPES], [[0.0; SLOPES]; SLOPES]);
        for (own, own_slopes) in parts {
            value += own;
            for i in 0..SLOPES {
                slopes[i] += own_slopes[i];
                for j in 0..SLOPES {
                    squares[i][j] += own_slopes[i] * own_slopes[j];
                }
            }
        }
        (value, slopes, squares)
    }

    /// The best population, from several starts and with every axis at its limits.
    pub(super) fn best(&self) -> Fitted {
        let [narrow, wide] = [1.0, 2.5].map(|width| self.maximize(&self.start(width), [false; SLOPES], None));
        let mut best = if wide.value > narrow.value + 1e-9 { wide } else { narrow };
        for k in (0..AXES).filter(|&k| self.present[k]) {
            for side in (0..2).filter(|&side| self.open[k][side]) {
                // Worth a search only where it is not far worse as it is.
                let mut there = best.population;
                there[k] = Level::Limit(side);
                if self.evaluate(&there).0 < best.value - NEAR {
                    continue;
                }
                let limit = self.at_limit(k, side, &best);
                if limit.value >= best.value - SLACK {
                    best = limit;
                }
            }
            let none = self.without_spread(k, &best);
            if none.value >= best.value - SLACK {
                best = none;
            }
        }
        best
    }

    /// Normal around the units' peaks, those at an end of the grid counted nearer.
    fn start(&self, width: f64) -> Population {
        std::array::from_fn(|k| {
            let mut peaks: Vec<f64> = self.grids.iter().map(|g| g.peak[k]).collect();
            peaks.sort_by(f64::total_cmp);
            let n = peaks.len();
            let middle = 0.5 * (peaks[(n - 1) / 2] + peaks[n / 2]);
            // Half of the middle half's width, normally 0.67 standard deviations.
            let spread = 0.75 * (peaks[(3 * n / 4).min(n - 1)] - peaks[n / 4]);
            let near = [(-7.0, 5.0), (-5.0, 7.0), (-20.0, 20.0), (-7.0, 4.0), (-30.0, 30.0)][k];
            let sd = (width * spread.clamp(2.0 * self.scales[k], 3.0)).min(5.0);
            Level::Normal { mean: middle.clamp(near.0, near.1), log_sd: sd.ln() }
        })
    }

    /// The best population with everybody at one end of an axis.
    pub(super) fn at_limit(&self, axis: usize, side: usize, near: &Fitted) -> Fitted {
        let mut start = self.lifted(&near.population);
        start[axis] = Level::Limit(side);
        let known = self.maximize(&start, [false; SLOPES], Some(&near.hessian));
        // What was known of the curvature elsewhere may have stopped the search on its way.
        let fresh = self.maximize(&known.population, [false; SLOPES], None);
        if fresh.value > known.value { fresh } else { known }
    }

    /// The best population without differences on an axis.
    fn without_spread(&self, axis: usize, near: &Fitted) -> Fitted {
        let mut start = near.population;
        let mut held = [false; SLOPES];
        held[2 * axis + 1] = true;
        if let Level::Normal { log_sd, .. } = &mut start[axis] {
            if *log_sd <= LOG_SD.0 {
                return *near;
            }
            *log_sd = LOG_SD.0;
        }
        if self.evaluate(&start).0 < near.value - NEAR {
            return *near;
        }
        self.maximize(&start, held, Some(&near.hessian))
    }

    /// The best population with one of its parameters held, climbed to from another.
    pub(super) fn held(&self, parameter: usize, value: f64, near: &Fitted) -> Fitted {
        let axis = parameter / 2;
        let mut held = [false; SLOPES];
        held[parameter] = true;
        let mut start = self.lifted(&near.population);
        let (mut mean, mut log_sd) = match start[axis] {
            Level::Normal { mean, log_sd } => (mean, log_sd),
            Level::Limit(0) => (self.ends[axis].0, 0.0),
            Level::Limit(_) => (self.ends[axis].1, 0.0),
        };
        *(if parameter.is_multiple_of(2) { &mut mean } else { &mut log_sd }) = value;
        start[axis] = Level::Normal { mean, log_sd };
        self.maximize(&start, held, Some(&near.hessian))
    }

    /// The log-likelihood of one population.
    pub(super) fn log_likelihood(&self, population: &Population) -> f64 {
        self.grids.iter().map(|grid| Integral::new(grid, population).log_likelihood().0).sum()
    }

    /// The population with spreads raised so far that a search can find larger ones: near 0 the likelihood does not change with them.
    fn lifted(&self, population: &Population) -> Population {
        std::array::from_fn(|k| match population[k] {
            Level::Normal { mean, log_sd } => Level::Normal { mean, log_sd: log_sd.max((0.5 * self.scales[k]).ln()) },
            limit => limit,
        })
    }

    /// Climbs from `start` by a quasi-Newton method within bounds: BFGS from a known curvature or from the units' outer products.
    fn maximize(&self, start: &Population, held: [bool; SLOPES], known: Option<&Matrix>) -> Fitted {
        let mut free = [false; SLOPES];
        for k in (0..AXES).filter(|&k| self.present[k]) {
            if let Level::Normal { .. } = start[k] {
                (free[2 * k], free[2 * k + 1]) = (!held[2 * k], !held[2 * k + 1]);
            }
        }
        let bounds: [(f64, f64); SLOPES] = std::array::from_fn(|i| if i % 2 == 0 { self.ends[i / 2] } else { LOG_SD });
        let mut at = coordinates(start);
        for i in 0..SLOPES {
            if free[i] {
                at[i] = at[i].clamp(bounds[i].0, bounds[i].1);
            }
        }
        let levels = |at: &Slopes| population(start, at);
        let (mut value, mut slopes, mut squares) = self.evaluate(&levels(&at));
        let mut hessian = known.copied().unwrap_or_else(|| regularized(&squares));
        let mut is_fresh = known.is_none();
        let mut calm = 0;
        for _ in 0..STEPS {
            let mut moving = free;
            for i in 0..SLOPES {
                let outward = (at[i] <= bounds[i].0 && slopes[i] <= 0.0) || (at[i] >= bounds[i].1 && slopes[i] >= 0.0);
                moving[i] &= !outward;
            }
            // A pivot that rounding has made negative leaves its direction out.
            let least = |i: usize| 1e-12 * hessian[i][i].abs();
            let step = solve_part(&moving, |i, j| hessian[i][j], |i| slopes[i], least);
            let expected = 0.5 * dot(&step, &slopes);
            if expected.is_nan() || expected < TOLERANCE {
                break;
            }
            // No farther than the likelihood is known to stay of the same form.
            let longest = (0..SLOPES).map(|i| step[i].abs() / if i % 2 == 0 { 2.0 } else { 1.5 }).fold(1.0, f64::max);
            let mut share = 1.0 / longest;
            let mut found = None;
            for _ in 0..25 {
                let mut there = at;
                for i in 0..SLOPES {
                    if moving[i] {
                        there[i] = (at[i] + share * step[i]).clamp(bounds[i].0, bounds[i].1);
                    }
                }
                let new = self.evaluate(&levels(&there));
                let promised: f64 = (0..SLOPES).map(|i| slopes[i] * (there[i] - at[i])).sum();
                if new.0.is_finite() && (new.0 >= value + 1e-4 * promised || value == f64::NEG_INFINITY) {
                    found = Some((there, new));
                    break;
                }
                share *= 0.35;
            }
            let Some((there, new)) = found else {
                if is_fresh {
                    break;
                }
                // A poor curvature: begin again from the outer products.
                hessian = regularized(&squares);
                is_fresh = true;
                continue;
            };
            update(&mut hessian, &at, &there, &slopes, &new.1, &moving);
            is_fresh = false;
            calm = if new.0 - value < TOLERANCE { calm + 1 } else { 0 };
            (at, value, slopes, squares) = (there, new.0, new.1, new.2);
            if calm == 2 {
                break;
            }
        }
        Fitted { population: levels(&at), value, information: squares, hessian }
    }
}

pub(super) fn coordinates(population: &Population) -> Slopes {
    let mut at = [0.0; SLOPES];
    for (k, level) in population.iter().enumerate() {
        if let Level::Normal { mean, log_sd } = level {
            (at[2 * k], at[2 * k + 1]) = (*mean, *log_sd);
        }
    }
    at
}

fn population(form: &Population, at: &Slopes) -> Population {
    std::array::from_fn(|k| match form[k] {
        Level::Normal { .. } => Level::Normal { mean: at[2 * k], log_sd: at[2 * k + 1] },
        limit => limit,
    })
}

/// Outer products, with enough on the diagonal that nothing is unbounded.
fn regularized(squares: &Matrix) -> Matrix {
    let mut matrix = *squares;
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] = 1.1 * row[i] + 0.02;
    }
    matrix
}

/// Damped BFGS update of the negative Hessian (Powell 1978), over the coordinates that moved.
fn update(hessian: &mut Matrix, from: &Slopes, to: &Slopes, before: &Slopes, after: &Slopes, moving: &[bool; SLOPES]) {
    let moved = |f: &dyn Fn(usize) -> f64| -> Slopes { std::array::from_fn(|i| if moving[i] { f(i) } else { 0.0 }) };
    let step = moved(&|i| to[i] - from[i]);
    let change = moved(&|i| before[i] - after[i]);
    let product = moved(&|i| dot(&hessian[i], &step));
    let curvature = dot(&step, &product);
    if curvature <= 0.0 {
        return;
    }
    let plain = dot(&step, &change);
    let share = if plain >= 0.2 * curvature { 1.0 } else { 0.8 * curvature / (curvature - plain) };
    let change: Slopes = std::array::from_fn(|i| share * change[i] + (1.0 - share) * product[i]);
    let damped = dot(&step, &change);
    if damped <= 0.0 {
        return;
    }
    for i in 0..SLOPES {
        for j in 0..SLOPES {
            hessian[i][j] += change[i] * change[j] / damped - product[i] * product[j] / curvature;
        }
    }
}
