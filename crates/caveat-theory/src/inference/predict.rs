//! Out-of-sample prediction: margins on another task from a fit, nothing refitted, and how well they hold.

use serde::Serialize;

use super::fit::{BasisMaker, Fit, agreement};
use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};

/// Predicted margins of pairs, and their agreement with what was observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// Predicted margins, in the order of the pairs.
    pub predicted: Vec<f64>,
    /// 1 − Σ (observed − predicted)²/Σ observed², about zero; negative if predicting nothing were better.
    pub r_squared: f64,
    /// Pearson correlation; NaN if either side is constant.
    pub correlation: f64,
    /// Share of pairs whose sign is predicted (a zero on one side counts one half).
    pub sign_agreement: f64,
}

/// Predicts the margins of `pairs` on the task `graph` with the parameters of `fit`, and compares them with `observed`.
///
/// # Errors
/// Pairs out of range, or margins that are not one finite number per pair.
pub fn predict(fit: &Fit, graph: &ComparisonGraph, pairs: &[(usize, usize)], observed: &[f64]) -> Result<Prediction> {
    if pairs.len() != observed.len() || observed.iter().any(|o| !o.is_finite()) {
        return Err(TheoryError::BadInput {
            what: "observed margins",
            problem: format!("{} margins for {} pairs; give one finite number each", observed.len(), pairs.len()),
        });
    }
    let maker = BasisMaker::new(graph, pairs)?;
    if maker.weight != fit.weight {
        return Err(TheoryError::RouteUnavailable {
            route: "prediction",
            reason: format!(
                "pairs were fitted with presentation weight {} and would be predicted with {}; they must be equal",
                fit.weight, maker.weight
            ),
        });
    }
    let basis = maker.basis(fit.coefficients.screening)?;
    let predicted = basis.margins(&fit.coefficients);
    let (r_squared, correlation) = agreement(observed, &predicted);
    let agreeing: f64 = observed
        .iter()
        .zip(&predicted)
        .map(|(&o, &p)| if o == 0.0 || p == 0.0 { 0.5 } else { f64::from(u8::from((o > 0.0) == (p > 0.0))) })
        .sum();
    Ok(Prediction { predicted, r_squared, correlation, sign_agreement: agreeing / observed.len() as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::MarginFitter;
    use crate::kernel::RidgeModel;
    use crate::margins::{Margins, chain};
    use crate::task::TransitiveTask;

    #[test]
    fn a_fit_without_the_exception_predicts_the_exception() {
        let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(11, &[(6, 4)]).unwrap());
        let model = RidgeModel::new(0.2, 7.0).unwrap();
        let margins = |task: &TransitiveTask| -> (Vec<(usize, usize)>, Vec<f64>) {
            let s = chain::solve(task, &model).unwrap();
            let pairs: Vec<_> =
                (0..task.n_items()).flat_map(|i| (i + 1..task.n_items()).map(move |j| (i, j))).collect();
            let values = pairs.iter().map(|&(i, j)| 4.0 * s.margin(i, j)).collect();
            (pairs, values)
        };
        let (pairs, values) = margins(&plain);
        let fit = MarginFitter::new(plain.graph(), &pairs).unwrap().fit(&values).unwrap();
        let (pairs, values) = margins(&task);
        let prediction = predict(&fit, task.graph(), &pairs, &values).unwrap();
        assert!(prediction.r_squared > 1.0 - 1e-8 && prediction.correlation > 1.0 - 1e-8);
        assert_eq!(prediction.sign_agreement, 1.0);
        assert!(predict(&fit, task.graph(), &pairs, &values[1..]).is_err());
    }
}
