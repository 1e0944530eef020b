//! The pieces of a surface of margins: charts with up to two coordinates, and the points that they mean.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use crate::numeric::sigmoid::sigmoid;

/// A point of a surface in its coordinates, limits included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Point {
    /// x and z, each possibly infinite, but not x = −∞ with z = ∞ unless m = 0 is meant.
    Plane { x: f64, z: f64 },
    /// α → 0 and s → ∞ together, at log m/(1−m).
    Corner { logit_memorization: f64 },
}

/// A smooth piece of the surface with 0 to 2 free coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Chart {
    /// x and z.
    Plane,
    /// z at one x.
    AlongStrength { x: f64 },
    /// x at one z.
    AlongConjunctivity { z: f64 },
    /// log m/(1−m) where α → 0 and s → ∞ together.
    Corner,
    /// Nothing is free.
    Fixed { x: f64, z: f64 },
    /// log μ and log m/(1−m), of ridge regression with equal weights.
    Screening,
}

impl Chart {
    /// Number of free coordinates.
    pub(crate) fn dimension(self) -> usize {
        match self {
            Self::Plane | Self::Screening => 2,
            Self::AlongStrength { .. } | Self::AlongConjunctivity { .. } | Self::Corner => 1,
            Self::Fixed { .. } => 0,
        }
    }

    pub(crate) fn point(self, u: [f64; 2]) -> Point {
        match self {
            Self::Plane => Point::Plane { x: u[0], z: u[1] },
            Self::AlongStrength { x } => Point::Plane { x, z: u[0] },
            Self::AlongConjunctivity { z } => Point::Plane { x: u[0], z },
            Self::Corner => Point::Corner { logit_memorization: u[0] },
            Self::Fixed { x, z } => Point::Plane { x, z },
            Self::Screening => {
                // α/(1−α) = mμ/2 and (1 + mμ/2)/C = (1−m)μ/2.
                let odds = sigmoid(u[1]) * u[0].exp() / 2.0;
                Point::Plane {
                    x: u[0] - LN_2 - (-u[1]).exp().ln_1p(),
                    z: odds.ln_1p() + u[1].exp().ln_1p() + LN_2 - u[0],
                }
            }
        }
    }
}
