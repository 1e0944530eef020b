//! Draws from a posterior over people by the no-U-turn sampler of nuts-rs, several chains in parallel.

use std::collections::HashMap;

use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::Serialize;

use super::ChoicePosterior;
use super::density::Layout;
use crate::error::{Result, TheoryError};

/// How to sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SamplerSettings {
    /// Number of chains, at least 1; convergence can be judged from 2, better 4.
    pub chains: usize,
    /// Steps of each chain that tune it and are thrown away.
    pub tune: usize,
    /// Draws that each chain keeps.
    pub draws: usize,
    /// Acceptance rate that the step size aims at, in (0, 1): closer to 1 where transitions diverge.
    pub target_accept: f64,
    /// Largest depth of a trajectory: 2^depth steps at most.
    pub max_depth: usize,
    /// Seed of the random numbers; the same seed gives the same draws on any number of threads.
    pub seed: u64,
}

impl Default for SamplerSettings {
    fn default() -> Self {
        Self { chains: 4, tune: 1000, draws: 1000, target_accept: 0.8, max_depth: 10, seed: 0 }
    }
}

/// How far a chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplerStep {
    /// Which chain, from 0.
    pub chain: usize,
    /// Steps done, those that tune it among them.
    pub done: usize,
    /// Whether this step diverged after tuning.
    pub diverged: bool,
}

/// Draws of all chains, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// How they were made.
    pub settings: SamplerSettings,
    /// Number of coordinates of a draw.
    pub dimension: usize,
    /// Coordinates, `[chain][draw][coordinate]`.
    pub positions: Vec<f64>,
    /// Log density of each draw up to a constant, `[chain][draw]`.
    pub log_density: Vec<f64>,
    /// Whether the transition to each draw diverged, `[chain][draw]`.
    pub diverging: Vec<bool>,
    /// Steps of the trajectory to each draw, `[chain][draw]`.
    pub n_steps: Vec<u64>,
    /// Step size of each chain after tuning.
    pub step_sizes: Vec<f64>,
}

impl Draws {
    /// The coordinates of every draw, chain after chain.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.positions.chunks_exact(self.dimension)
    }

    /// What `value` gives for each draw, `[chain][draw]`.
    pub fn map(&self, value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
        self.iter().map(value).collect()
    }

    /// Number of diverging transitions after tuning.
    pub fn n_diverging(&self) -> usize {
        self.diverging.iter().filter(|d| **d).count()
    }
}

/// Draws from a posterior; `None` where `watch` stopped it. `watch` is told of every step of every chain, from several threads, and
/// stops them by returning false.
///
/// Cost: chains × (tune + draws) trajectories of some tens of steps, each a [`log_density`](ChoicePosterior::log_density).
///
/// # Errors
/// Settings out of range; a chain that finds no place to begin; what the solvers refuse.
pub fn sample(
    posterior: &ChoicePosterior,
    settings: &SamplerSettings,
    watch: &(dyn Fn(SamplerStep) -> bool + Sync),
) -> Result<Option<Draws>> {
    settings.check()?;
    let chains: Vec<Option<OneChain>> = (0..settings.chains)
        .into_par_iter()
        .map(|chain| one_chain(posterior, settings, chain, watch))
        .collect::<Result<_>>()?;
    let mut all = Draws {
        settings: *settings,
        dimension: posterior.dimension(),
        positions: Vec::new(),
        log_density: Vec::new(),
        diverging: Vec::new(),
        n_steps: Vec::new(),
        step_sizes: Vec::new(),
    };
    for chain in chains {
        let Some(chain) = chain else { return Ok(None) };
        all.positions.extend(chain.positions);
        all.diverging.extend(chain.diverging);
        all.n_steps.extend(chain.n_steps);
        all.step_sizes.push(chain.step_size);
    }
    let mut gradient = vec![0.0; all.dimension];
    all.log_density =
        all.iter().map(|position| posterior.log_density(position, &mut gradient)).collect::<Result<_>>()?;
    Ok(Some(all))
}

impl SamplerSettings {
    /// Refuses settings out of range.
    ///
    /// # Errors
    /// No chain or more than 1,000, fewer than 50 steps of tuning, fewer than 4 draws, more than a million of either, an acceptance rate outside (0, 1), or a depth outside 1 to 20.
    pub fn check(&self) -> Result<()> {
        let bad = |problem: String| Err(TheoryError::BadInput { what: "sampler", problem });
        match self {
            Self { chains: 0, .. } => bad("0 chains draw nothing; give at least 1".into()),
            Self { tune: ..50, .. } => bad(format!("{} steps do not tune a chain; give at least 50", self.tune)),
            Self { draws: ..4, .. } => bad(format!("{} draws tell nothing; give at least 4", self.draws)),
            Self { chains: 1_001.., .. } => bad(format!("{} chains are too many; give at most 1,000", self.chains)),
            Self { tune: 1_000_001.., .. } | Self { draws: 1_000_001.., .. } => bad(format!(
                "{} draws after {} steps are too many; give at most 1,000,000 of each",
                self.draws, self.tune
            )),
            Self { max_depth: 0 | 21.., .. } => {
                bad(format!("a depth of {} is out of range; give one from 1 to 20", self.max_depth))
            }
            Self { target_accept, .. } if !(*target_accept > 0.0 && *target_accept < 1.0) => {
                bad(format!("a target acceptance of {target_accept} is out of range; give one between 0 and 1"))
            }
            _ => Ok(()),
        }
    }
}

struct OneChain {
    positions: Vec<f64>,
    diverging: Vec<bool>,
    n_steps: Vec<u64>,
    step_size: f64,
}

/// Tries of a place to begin before giving up.
const BEGINNINGS: usize = 100;

fn one_chain(
    posterior: &ChoicePosterior,
    settings: &SamplerSettings,
    chain: usize,
    watch: &(dyn Fn(SamplerStep) -> bool + Sync),
) -> Result<Option<OneChain>> {
    let fail = |problem: String| TheoryError::BadInput { what: "sampler", problem };
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    rng.set_stream(chain as u64);
    let mut options = DiagNutsSettings {
        num_tune: settings.tune as u64,
        num_draws: settings.draws as u64,
        maxdepth: settings.max_depth as u64,
        ..DiagNutsSettings::default()
    };
    options.adapt_options.step_size_settings.target_accept = settings.target_accept;
    let mut sampler = options
        .new_chain(chain as u64, CpuMath::new(Density(posterior)), &mut rng)
        .map_err(|e| fail(format!("chain {chain}: {e}")))?;
    let mut begun = Err(fail(String::new()));
    for _ in 0..BEGINNINGS {
        begun = sampler.set_position(&beginning(posterior, &mut rng)).map_err(|e| {
            fail(format!("chain {chain} finds no place to begin: {e}; the choices may be beyond what the model allows"))
        });
        if begun.is_ok() {
            break;
        }
    }
    begun?;
    let mut kept = OneChain { positions: Vec::new(), diverging: Vec::new(), n_steps: Vec::new(), step_size: 0.0 };
    for step in 0..settings.tune + settings.draws {
        let (position, progress) = sampler.draw().map_err(|e| fail(format!("chain {chain}: {e}")))?;
        let is_kept = step >= settings.tune;
        if is_kept {
            kept.positions.extend_from_slice(&position);
            kept.diverging.push(progress.diverging);
            kept.n_steps.push(progress.num_steps);
            kept.step_size = progress.step_size;
        }
        if !watch(SamplerStep { chain, done: step + 1, diverged: is_kept && progress.diverging }) {
            return Ok(None);
        }
    }
    Ok(Some(kept))
}

/// A place near the middle of the prior: half its width for means, a quarter to once its scale for standard deviations.
fn beginning(posterior: &ChoicePosterior, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let layout = Layout::new(posterior);
    let mut position: Vec<f64> = (0..layout.sessions.end).map(|_| 0.5 * rng.sample::<f64, _>(StandardNormal)).collect();
    for (p, prior) in posterior.priors().iter().enumerate() {
        position[p] = prior.mean + prior.sd * position[p];
        for (range, scale) in [(&layout.between, prior.between), (&layout.within, prior.within)] {
            if !range.is_empty() {
                position[range.start + p] = (scale * rng.random_range(0.25..1.0)).ln();
            }
        }
    }
    position
}

/// The density as the sampler wants it.
struct Density<'a>(&'a ChoicePosterior);

/// A place that the sampler is to leave: the density there is beyond floating point.
#[derive(Debug, thiserror::Error)]
#[error("the density is not finite there")]
struct NotFinite;

impl LogpError for NotFinite {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl HasDims for Density<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_string(), self.0.dimension() as u64)])
    }
}

impl CpuLogpFunc for Density<'_> {
    type LogpError = NotFinite;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.0.dimension()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> std::result::Result<f64, NotFinite> {
        let value = self.0.log_density(position, gradient).map_err(|_| NotFinite)?;
        if value.is_finite() && gradient.iter().all(|g| g.is_finite()) { Ok(value) } else { Err(NotFinite) }
    }

    fn expand_vector<R: Rng + ?Sized>(
        &mut self,
        _: &mut R,
        position: &[f64],
    ) -> std::result::Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}
