//! How a kernel is trained: the three learners of the theory, each with the strength of its training.
//!
//! | learner | what it minimizes or follows | strength | its limit |
//! |---|---|---|---|
//! | [`Learner::Ridge`] | ½‖f‖² + ½C·Σ w(f − y)² | C | C → ∞ interpolates |
//! | [`Learner::GradientFlow`] | the descent of ½Σ w(f − y)² from f = 0, stopped at t | t | t → ∞ is ridge with C = ∞ |
//! | [`Learner::Logistic`] | ½‖f‖² + C·Σ w·log(1 + e^{−yf}) | C | separable data have none |
//!
//! Norms are those of the kernel normalized to κ_id − κ_flip = 1, sums are over unordered pairs.
//!
//! Sources: ridge and its α: Lippl et al. 2024, doi:10.1073/pnas.2314511121, and Cheng & Lippl 2026, arXiv 2605.22972 (§3); flow
//! §6; logistic regression §7.

use serde::{Deserialize, Serialize};

use crate::error::{Result, TheoryError, check_range};
use crate::kernel::exchangeable::check_c;
use crate::named::Named;
use crate::named_enum;

/// How a kernel is trained, and how strongly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    /// Kernel ridge regression.
    Ridge {
        /// Inverse regularization C ∈ (0, ∞].
        c: f64,
    },
    /// Gradient flow under squared loss from zero.
    GradientFlow {
        /// Time t ∈ [0, ∞], in units of the normalized kernel ([`crate::flow`]).
        time: f64,
    },
    /// Kernel logistic regression.
    Logistic {
        /// Inverse regularization C ∈ (0, ∞].
        c: f64,
    },
}

named_enum! {
    /// A learner without its strength, as where the strength is an axis or is estimated.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum LearnerKind, ALL {
        /// The strength is C.
        #[default]
        Ridge = "ridge": "Kernel ridge regression",
        /// It starts from zero under squared loss; the strength is the time t.
        GradientFlow = "gradient_flow" as "gradient-flow": "Gradient flow, stopped after a time",
        /// The strength is C.
        Logistic = "logistic": "Kernel logistic regression",
    }
    refuse |name| -> TheoryError {
        let problem = format!("'{name}' is unknown: it must be {}", Self::list_names());
        TheoryError::BadInput { what: "learner", problem }
    }
}

impl Learner {
    /// The learner of that kind and strength, which is C or t.
    pub fn with_strength(kind: LearnerKind, strength: f64) -> Self {
        match kind {
            LearnerKind::Ridge => Self::Ridge { c: strength },
            LearnerKind::GradientFlow => Self::GradientFlow { time: strength },
            LearnerKind::Logistic => Self::Logistic { c: strength },
        }
    }

    /// Which learner it is.
    pub fn kind(self) -> LearnerKind {
        match self {
            Self::Ridge { .. } => LearnerKind::Ridge,
            Self::GradientFlow { .. } => LearnerKind::GradientFlow,
            Self::Logistic { .. } => LearnerKind::Logistic,
        }
    }

    /// C or t.
    pub fn strength(self) -> f64 {
        match self {
            Self::Ridge { c } | Self::Logistic { c } => c,
            Self::GradientFlow { time } => time,
        }
    }

    /// Refuses a strength out of its range.
    ///
    /// # Errors
    /// C that is 0 or less, a time below 0, or NaN.
    pub fn check(self) -> Result<Self> {
        match self {
            Self::Ridge { c } | Self::Logistic { c } => check_c(c)?,
            Self::GradientFlow { time } => {
                check_range("time", time, 0.0, f64::INFINITY, "a number of at least 0 (inf is allowed)")?
            }
        };
        Ok(self)
    }
}

impl LearnerKind {
    /// The name of its strength in files and arguments.
    pub fn strength_name(self) -> &'static str {
        match self {
            Self::Ridge | Self::Logistic => "c",
            Self::GradientFlow => "time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learner_is_its_kind_and_its_strength() {
        for kind in LearnerKind::ALL {
            let learner = Learner::with_strength(kind, 2.5);
            assert_eq!((learner.kind(), learner.strength()), (kind, 2.5));
            assert_eq!(kind.to_string().parse::<LearnerKind>().unwrap(), kind);
            assert_eq!(learner.check().unwrap(), learner);
            assert!(Learner::with_strength(kind, f64::INFINITY).check().is_ok());
            assert_eq!(Learner::with_strength(kind, 0.0).check().is_ok(), kind == LearnerKind::GradientFlow);
            for refused in [-1.0, f64::NAN] {
                let refusal = Learner::with_strength(kind, refused).check().unwrap_err().to_string();
                let name = if kind == LearnerKind::GradientFlow { "time" } else { "C" };
                assert!(refusal.starts_with(&format!("{name} = {refused} is out of range")), "{refusal}");
            }
        }
        let refusal = "boosting".parse::<LearnerKind>().unwrap_err().to_string();
        assert_eq!(refusal, "learner: 'boosting' is unknown: it must be ridge, gradient_flow or logistic");
    }
}
