//! The uncertainty of a population when one of its units is estimated: draws of its means and standard deviations.
//!
//! Few units hardly tell their population, and estimates under the best one would be too sure. Draws are from the likelihood of all units
//! with priors that matter where it tells nothing: half-Cauchy ones of scale 1 on standard deviations (Gelman 2006, *Bayesian Anal.*
//! 1:515), and logistic ones on means, which make α and λ uniform. A flat prior on a scale without bounds would put everything at the
//! limits: a unit that is always right would be known to have α = 0. The sampler moves walkers towards or away from each other (Goodman &
//! Weare 2010, *Commun. Appl. Math. Comput. Sci.* 5:65), which works although means of C and gain are correlated.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use crate::inference::engine::surface::grid::AXES;
use crate::inference::hierarchy::integral::{Level, Population, Slopes};
use crate::inference::hierarchy::likelihood::{Fitted, LOG_SD, Units, coordinates};

const WALKERS: usize = 24;

/// Steps of all walkers before draws are taken, between them, and how often.
const BURN_IN: usize = 60;
const BETWEEN: usize = 12;
const TIMES: usize = 4;

/// Largest stretch of a move.
const STRETCH: f64 = 2.0;

/// A fixed seed, so that the same data give the same estimates.
const SEED: u64 = 18;

/// Center and scale of the logistic prior on the mean of each axis: α and λ are uniform, and 95 % of C lie within 0.002 and 4,000, of
/// gains within 0.01 and 700, and of biases within ±7.
const MEANS: [(f64, f64); AXES] = [(0.0, 1.0), (1.0, 2.0), (1.0, 1.5), (0.0, 1.0), (0.0, 2.0)];

/// The log of the logistic density, up to a constant.
fn log_prior(mean: f64, (center, scale): (f64, f64)) -> f64 {
    let z = ((mean - center) / scale).abs();
    -z - 2.0 * (-z).exp().ln_1p()
}

/// Equally likely populations.
pub(super) fn draws(units: &Units<'_>, best: &Fitted) -> Vec<Population> {
    let free: Vec<usize> = (0..AXES).filter(|&k| units.present[k]).flat_map(|k| [2 * k, 2 * k + 1]).collect();
    let bounds = |i: usize| if i.is_multiple_of(2) { units.ends[i / 2] } else { LOG_SD };
    let log_density = |at: &Slopes| -> f64 {
        if free.iter().any(|&i| !(bounds(i).0..=bounds(i).1).contains(&at[i])) {
            return f64::NEG_INFINITY;
        }
        // The density of log σ: that of σ, times σ.
        let log_prior_of = |&i: &usize| match i % 2 {
            0 => log_prior(at[i], MEANS[i / 2]),
            _ => at[i] - (2.0 * at[i]).exp().ln_1p(),
        };
        let prior: f64 = free.iter().map(log_prior_of).sum();
        prior + units.log_likelihood(&populate(units, at))
    };
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let start = start(best);
    // From near a limit it is a long way to where priors are largest, and the likelihood may be flat all along.
    let reach: Slopes = std::array::from_fn(|i| match MEANS[i / 2] {
        (center, scale) if i.is_multiple_of(2) && (start[i] - center).abs() > 3.0 * scale => center - start[i],
        _ => 0.0,
    });
    // Not all places near the best are likely; the likeliest of many are taken.
    let mut tried: Vec<(Slopes, f64)> = (0..4 * WALKERS)
        .map(|_| {
            let mut at = start;
            for &i in &free {
                let z: f64 = rng.sample(StandardNormal);
                let (low, high) = bounds(i);
                let share = if reach[i] == 0.0 { 0.0 } else { rng.random::<f64>() };
                let width = (1.5 / best.information[i][i].sqrt()).min(if i.is_multiple_of(2) { 0.4 } else { 0.7 });
                at[i] = (at[i] + share * reach[i] + width * z).clamp(low, high);
            }
            (at, log_density(&at))
        })
        .collect();
    tried.sort_by(|a, b| b.1.total_cmp(&a.1));
    tried.truncate(WALKERS);
    let mut walkers = tried;
    let mut found = Vec::with_capacity(WALKERS * TIMES);
    for step in 1..=BURN_IN + BETWEEN * TIMES {
        for half in 0..2 {
            let (own, other) = if half == 0 { (0..WALKERS / 2, WALKERS / 2) } else { (WALKERS / 2..WALKERS, 0) };
            let moves: Vec<(usize, Slopes, f64, f64)> = own
                .map(|w| {
                    let towards = walkers[other + rng.random_range(0..WALKERS / 2)].0;
                    // Of density 1/√z between 1/a and a.
                    let u: f64 = rng.random();
                    let z = ((STRETCH - 1.0) * u + 1.0).powi(2) / STRETCH;
                    let at = std::array::from_fn(|i| towards[i] + z * (walkers[w].0[i] - towards[i]));
                    (w, at, z, rng.random::<f64>())
                })
                .collect();
            let values: Vec<f64> = moves.par_iter().map(|(_, at, _, _)| log_density(at)).collect();
            for ((w, at, z, chance), value) in moves.into_iter().zip(values) {
                let gain = (free.len() as f64 - 1.0) * z.ln() + value - walkers[w].1;
                if value.is_finite() && (gain >= 0.0 || chance.ln() < gain || walkers[w].1 == f64::NEG_INFINITY) {
                    walkers[w] = (at, value);
                }
            }
        }
        if step > BURN_IN && (step - BURN_IN).is_multiple_of(BETWEEN) {
            found.extend(walkers.iter().map(|(at, _)| populate(units, at)));
        }
    }
    found
}

/// The best population, moved inside where it is a limit or has no differences between units.
fn start(best: &Fitted) -> Slopes {
    let mut at = coordinates(&best.population);
    for k in 0..AXES {
        match best.population[k] {
            Level::Normal { .. } => at[2 * k + 1] = at[2 * k + 1].clamp(-1.5, 1.0),
            Level::Limit(side) => {
                let (center, scale) = MEANS[k];
                (at[2 * k], at[2 * k + 1]) = (center + [-12.0, 12.0][side] * scale, -1.0);
            }
        }
    }
    at
}

fn populate(units: &Units<'_>, at: &Slopes) -> Population {
    let level = |k: usize| Level::Normal { mean: at[2 * k], log_sd: at[2 * k + 1] };
    std::array::from_fn(|k| if units.present[k] { level(k) } else { Level::Limit(0) })
}
