//! What the arguments of `caveat fit` mean, for all kinds of fits.

use caveat_results::{Filter, Selection};
use caveat_theory::inference::ModelSpec;

use crate::cli::{ByColumn, FitArgs};
use crate::failure::Failure;

/// The pictures of choices to draw.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChoicePictures {
    /// Accuracy by pair.
    pub by_pair: bool,
    /// Accuracy by symbolic distance.
    pub by_distance: bool,
}

/// The rows of trial tables that are used.
pub(super) fn selection(args: &FitArgs) -> Result<Selection, Failure> {
    let mut filters = Vec::new();
    for expression in &args.filters {
        filters.extend(Filter::all(expression)?);
    }
    Ok(Selection::of_phase(args.phase, filters)?)
}

/// Columns that make a condition of trial tables.
pub(super) fn by_columns(by: Option<&[ByColumn]>) -> Result<Vec<ByColumn>, Failure> {
    let Some(by) = by else { return Ok(vec![ByColumn::Setting, ByColumn::Model, ByColumn::Task, ByColumn::Hier]) };
    if by.iter().any(|c| matches!(c, ByColumn::Subject | ByColumn::Session | ByColumn::Condition)) {
        return Err(Failure::input(
            "trial tables have no subject, session or condition: --by takes setting, model, task and hier",
        ));
    }
    Ok(by.to_vec())
}

pub(super) fn model_spec(args: &FitArgs) -> ModelSpec {
    ModelSpec { lapse: args.lapse, position_bias: args.position_bias, ..ModelSpec::new(args.learner.into()) }
}
