//! A least-squares fit to margins, whichever engine found it.

use serde::Serialize;

use crate::error::{Result, TheoryError};
use crate::inference::engine::profile::basis::Coefficients;
use crate::inference::engine::surface::model::At;
use crate::inference::estimates::Estimates;

/// A least-squares fit of a learner to margins, and how well it describes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarginFit {
    /// The parameters; no lapses.
    #[serde(flatten)]
    pub estimates: Estimates,
    /// Σ weight·residual².
    pub residual_squares: f64,
    /// 1 − Σ weight·residual²/Σ weight·margin², about zero.
    pub r_squared: f64,
    /// Pearson correlation of observed and fitted margins, weighted; NaN if either is constant.
    pub correlation: f64,
    /// Number of margins observed.
    pub n_observations: usize,
    /// Number of free parameters, without the error variance.
    pub n_parameters: usize,
    /// Fitted margins gain·f + b, in the order of the pairs.
    pub fitted: Vec<f64>,
    #[serde(skip)]
    pub(crate) place: Place,
}

/// Where a fit lies, in the coordinates of what found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// Of [`MarginFitter`](super::MarginFitter): coefficients at a screening, and the presentation weight of every trained pair, which C is per unit of.
    Profile(Coefficients, f64),
    /// Of [`MarginModelFitter`](crate::inference::MarginModelFitter).
    Chart(At),
}

impl MarginFit {
    /// Unbiased error variance at weight 1, Σ weight·residual²/(N − p); the mean square without degrees of freedom.
    pub fn variance(&self) -> f64 {
        let freedom = self.n_observations.saturating_sub(self.n_parameters);
        self.residual_squares / if freedom > 0 { freedom } else { self.n_observations } as f64
    }

    /// Coefficients and presentation weight of a fit of [`MarginFitter`](super::MarginFitter).
    pub(crate) fn coefficients(&self) -> Result<(&Coefficients, f64)> {
        match &self.place {
            Place::Profile(coefficients, weight) => Ok((coefficients, *weight)),
            Place::Chart(_) => Err(of_another("MarginModelFitter", "MarginFitter")),
        }
    }

    /// The point of a fit of [`MarginModelFitter`](crate::inference::MarginModelFitter).
    pub(crate) fn point(&self) -> Result<&At> {
        match &self.place {
            Place::Chart(at) => Ok(at),
            Place::Profile(..) => Err(of_another("MarginFitter", "MarginModelFitter")),
        }
    }
}

fn of_another(given: &str, needed: &str) -> TheoryError {
    TheoryError::BadInput { what: "fit", problem: format!("it is one of {given}; give a fit of {needed}") }
}
