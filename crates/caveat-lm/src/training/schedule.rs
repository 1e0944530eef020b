//! How the learning rate changes over the steps of training.

use std::f64::consts::PI;

use caveat_theory::{Named, named_enum};
use serde::{Deserialize, Serialize};

use crate::error::LmError;

/// A factor of the learning rate for every step: a linear warm-up from 0, then a constant, or a line or half a cosine that reaches 0
/// after the last step, as in Transformers' `get_constant_schedule_with_warmup`, `get_linear_…` and `get_cosine_schedule_with_warmup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What follows the warm-up.
    pub decay: Decay,
    /// Steps of warm-up. With w of them, step k < w (from 0) has the factor k / w.
    pub warmup_steps: usize,
}

named_enum! {
    /// What the learning rate does after the warm-up.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
    #[serde(rename_all = "lowercase", try_from = "String")]
    pub enum Decay, ALL {
        /// It stays the same.
        Constant = "constant",
        /// It falls linearly to 0.
        Linear = "linear",
        /// It falls along half a cosine to 0.
        Cosine = "cosine",
    }
    refuse |name| -> LmError {
        let known = Self::list_arguments();
        LmError::Invalid(format!("unknown schedule {name:?}: expected one of {known}"))
    }
}

impl Schedule {
    /// The factor at `step` (from 0) of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        if step < self.warmup_steps {
            return step as f64 / self.warmup_steps as f64;
        }
        let after = steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let passed = ((step - self.warmup_steps) as f64 / after).min(1.0);
        match self.decay {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - passed,
            Decay::Cosine => 0.5 * (1.0 + (PI * passed).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_over_the_warm_up_and_falls_to_zero_after_the_last_step() {
        for decay in [Decay::Linear, Decay::Cosine] {
            let schedule = Schedule { decay, warmup_steps: 4 };
            let factors: Vec<f64> = (0..=12).map(|step| schedule.factor(step, 12)).collect();
            assert_eq!(&factors[..5], &[0.0, 0.25, 0.5, 0.75, 1.0]);
            assert!((factors[8] - 0.5).abs() < 1e-15, "half way down: {factors:?}");
            assert!(factors[12].abs() < 1e-15);
        }
        assert_eq!(Schedule { decay: Decay::Constant, warmup_steps: 0 }.factor(7, 8), 1.0);
    }

    #[test]
    fn a_warm_up_longer_than_training_only_rises() {
        let schedule = Schedule { decay: Decay::Cosine, warmup_steps: 10 };
        assert_eq!(schedule.factor(4, 5), 0.4);
        assert_eq!(schedule.factor(10, 5), 1.0);
    }
}
