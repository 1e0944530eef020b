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

/// Where a fit lies, in the coordinates of the fitter that found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// Of [`MarginFitter`](super::MarginFitter): coefficients at a screening, and the presentation weight of every trained pair.
    Profile(Coefficients, f64),
    /// Of [`MarginModelFitter`](crate::inference::MarginModelFitter).
    Chart(At),
}

impl MarginFit {
    /// Coefficients and presentation weight of a fit of [`MarginFitter`](super::MarginFitter).
    pub(crate) fn coefficients(&self) -> Result<(&Coefficients, f64)> {
        match &self.place {
            Place::Profile(coefficients, weight) => Ok((coefficients, *weight)),
            Place::Chart(_) => Err(wrong_fitter("MarginModelFitter", "MarginFitter")),
        }
    }

    /// The point of a fit of [`MarginModelFitter`](crate::inference::MarginModelFitter).
    pub(crate) fn point(&self) -> Result<&At> {
        match &self.place {
            Place::Chart(at) => Ok(at),
            Place::Profile(..) => Err(wrong_fitter("MarginFitter", "MarginModelFitter")),
        }
    }
}

fn wrong_fitter(given: &str, needed: &str) -> TheoryError {
    TheoryError::BadInput { what: "fit", problem: format!("it is one of {given}; give a fit of {needed}") }
}

#[cfg(test)]
mod tests {
    use crate::inference::{
        MarginFitter, MarginModelFitter, MarginObservation, ModelSpec, identified, predicted_margins, profile_intervals,
    };
    use crate::kernel::RidgeModel;
    use crate::learner::LearnerKind;
    use crate::margins::{Margins, chain};
    use crate::task::TransitiveTask;

    #[test]
    fn fits_of_both_engines_agree_and_are_refused_by_the_other() {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let pairs: Vec<_> = (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))).collect();
        let solution = chain::solve(&task, &RidgeModel::new(0.3, 5.0).unwrap()).unwrap();
        // Off the model, so that correlation and R² are not 1.
        let observed: Vec<f64> =
            pairs.iter().map(|&(i, j)| 2.0 * solution.margin(i, j) + 0.3 * ((3 * i + 5 * j) as f64).sin()).collect();
        let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
        let spec = ModelSpec::new(LearnerKind::Ridge);
        let other = MarginModelFitter::new(task.graph(), &spec, &pairs).unwrap();
        let once = |weight: f64| -> Vec<MarginObservation> {
            let one = |(&(first, second), &margin)| MarginObservation { first, second, margin, weight };
            pairs.iter().zip(&observed).map(one).collect()
        };
        let (closed, surface) = (fitter.fit(&observed).unwrap(), other.fit(&[once(1.0)]).unwrap());
        // Both minimize to 1e-9 and better; what they say of the fit is flat there.
        assert!((closed.correlation - surface.correlation).abs() < 1e-8, "{closed:?} {surface:?}");
        assert!((closed.r_squared - surface.r_squared).abs() < 1e-8 && surface.r_squared < 0.99);
        // Two observations of a pair with half the weight each are one.
        let halves = other.fit(&[once(0.5), once(0.5)]).unwrap();
        assert!((halves.correlation - surface.correlation).abs() < 1e-8, "{halves:?}");

        let refused = |problem: String| {
            assert!(problem.contains("it is one of Margin") && problem.contains("give a fit of Margin"), "{problem}");
        };
        refused(profile_intervals(&fitter, &surface, &observed).unwrap_err().to_string());
        refused(identified(&fitter, &surface).unwrap_err().to_string());
        refused(predicted_margins(&surface, task.graph(), &pairs).unwrap_err().to_string());
        refused(other.intervals(&closed, &[once(1.0)]).unwrap_err().to_string());
        refused(other.bootstrap(&closed, &[once(1.0), once(1.0)], 10, 0).unwrap_err().to_string());
        refused(other.cluster_intervals(&closed, &[once(1.0), once(1.0)]).unwrap_err().to_string());
    }
}
