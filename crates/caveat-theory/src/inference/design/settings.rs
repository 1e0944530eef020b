//! How a design is evaluated: numbers of judgments and of simulated experiments.

use serde::{Deserialize, Serialize};

use crate::error::{Result, TheoryError};

/// Most simulated experiments.
pub const MAX_SAMPLES: usize = 20_000;
/// Most trials of a design.
pub const MAX_TRIALS: usize = 1_000_000;

/// How a design is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DesignSettings {
    /// Judgments at which information is compared, from 1 to [`MAX_TRIALS`]; spread over the pairs as evenly as they go, the
    /// remainder over pairs drawn anew in every experiment.
    pub trials: usize,
    /// Probability of success that [`DesignEvaluation::trials_for_power`](crate::inference::design::DesignEvaluation::trials_for_power) reaches, in (0, 1).
    pub power: f64,
    /// Most judgments that [`DesignEvaluation::trials_for_power`](crate::inference::design::DesignEvaluation::trials_for_power) considers, from 1 to [`MAX_TRIALS`].
    pub max_trials: usize,
    /// Simulated experiments, from 2 to [`MAX_SAMPLES`].
    pub samples: usize,
    /// Seed of the random numbers; the same seed gives the same result on any number of threads.
    pub seed: u64,
}

impl Default for DesignSettings {
    fn default() -> Self {
        Self { trials: 1_000, power: 0.9, max_trials: 100_000, samples: 512, seed: 0 }
    }
}

impl DesignSettings {
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |what, problem| Err(TheoryError::BadInput { what, problem });
        for (what, value) in [("trials", self.trials), ("largest number of trials", self.max_trials)] {
            if !(1..=MAX_TRIALS).contains(&value) {
                return refuse(what, format!("{value} is out of range: 1 to {MAX_TRIALS} are possible"));
            }
        }
        if !(2..=MAX_SAMPLES).contains(&self.samples) {
            let problem = format!("{} simulated experiments are out of range: 2 to {MAX_SAMPLES}", self.samples);
            return refuse("samples", problem);
        }
        if !(self.power > 0.0 && self.power < 1.0) {
            let range = "between 0 and 1, both excluded";
            return Err(TheoryError::OutOfRange { name: "power", value: self.power, range });
        }
        Ok(())
    }
}
