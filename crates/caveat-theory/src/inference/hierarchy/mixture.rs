//! What is not known of a population when one of its units is guessed: draws of its means and standard deviations.
//!
//! With few units a population is hardly known, and guesses under the best one would be too sure. Draws are from the likelihood of
//! all units with flat priors on means, within the tabulated range, and half-Cauchy priors of scale 1 on standard deviations (Gelman
//! 2006, *Bayesian Anal.* 1:515), wide on all scales of units. The sampler is that of walkers which stretch towards or away from each
//! other (Goodman & Weare 2010, *Commun. Appl. Math. Comput. Sci.* 5:65): means of C and gain go together, and it does not mind.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::super::choice::AXES;
use super::integral::{Level, Population, SLOPES, Slopes};
use super::likelihood::{Fitted, LOG_SD, Units, coordinates};

const WALKERS: usize = 24;

/// Steps of all walkers before draws are taken, between them, and how often.
const BURN_IN: usize = 40;
const BETWEEN: usize = 12;
const TIMES: usize = 4;

/// Largest stretch of a move.
const STRETCH: f64 = 2.0;

/// One seed, so that the same data give the same guesses.
const SEED: u64 = 18;

/// Populations that may be the true one, all of them equally.
pub(super) fn draws(units: &Units<'_>, best: &Fitted) -> Vec<Population> {
    let free: Vec<usize> = (0..AXES).filter(|&k| units.present[k]).flat_map(|k| [2 * k, 2 * k + 1]).collect();
    let bounds = |i: usize| if i.is_multiple_of(2) { units.ends[i / 2] } else { LOG_SD };
    let log_density = |at: &Slopes| -> f64 {
        if free.iter().any(|&i| !(bounds(i).0..=bounds(i).1).contains(&at[i])) {
            return f64::NEG_INFINITY;
        }
        // The density of log σ: that of σ, times σ.
        let prior: f64 = free.iter().filter(|i| *i % 2 == 1).map(|&i| at[i] - (2.0 * at[i]).exp().ln_1p()).sum();
        prior + units.log_likelihood(&populate(units, at))
    };
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let start = start(units, best);
    let mut walkers: Vec<(Slopes, f64)> = Vec::with_capacity(WALKERS);
    // Not all places near the best are likely; the likeliest of many are taken.
    let mut tried: Vec<(Slopes, f64)> = (0..4 * WALKERS)
        .map(|_| {
            let mut at = start;
            for &i in &free {
                let z: f64 = rng.sample(StandardNormal);
                let (low, high) = bounds(i);
                let moved = if i.is_multiple_of(2) { at[i] + 0.4 * z } else { at[i] + 0.7 * z };
                at[i] = moved.clamp(low, high);
            }
            (at, log_density(&at))
        })
        .collect();
    tried.sort_by(|a, b| b.1.total_cmp(&a.1));
    walkers.extend(tried.into_iter().take(WALKERS));
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

/// Around the best population, with differences between units where there may be some, and near a limit where it is one.
fn start(units: &Units<'_>, best: &Fitted) -> Slopes {
    let mut at = coordinates(&best.population);
    for k in (0..AXES).filter(|&k| units.present[k]) {
        let (low, high) = units.ends[k];
        match best.population[k] {
            Level::Normal { .. } => at[2 * k + 1] = at[2 * k + 1].clamp(-1.5, 1.0),
            Level::Limit(side) => (at[2 * k], at[2 * k + 1]) = ([low + 1.5, high - 1.5][side].clamp(low, high), -1.0),
        }
    }
    at
}

fn populate(units: &Units<'_>, at: &[f64; SLOPES]) -> Population {
    std::array::from_fn(|k| match units.present[k] {
        true => Level::Normal { mean: at[2 * k], log_sd: at[2 * k + 1] },
        false => Level::Limit(0),
    })
}
