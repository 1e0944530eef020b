//! Data that speak for the opposite order of items: refused where there is no doubt, otherwise reported in a warning.

use caveat_theory::inference::opposite::{CLEAR, NOTABLE};
use caveat_theory::inference::{
    ChoiceCount, ChoiceFitter, FitLimit, MarginModelFitter, MarginObservation, ModelSpec, check_positions,
    leans_against, leans_opposite, opposite_choices, opposite_margins, ordered_pairs,
};
use rayon::prelude::*;

use super::choices::ChoiceUnit;
use super::learners::observations;
use super::observe::Observed;
use super::report::Head;
use crate::error::{AnalysisError, Result};

/// What to check in a trial table.
const TURN_TABLE: &str = "check which item rank_a is, the sign of logit_diff and what label says";

/// What one unit tells about the order.
struct Evidence {
    name: String,
    /// Log-likelihood of the fit with the opposite order minus that of the fit with the given order.
    opposite: f64,
    /// The evidence in words.
    words: String,
}

/// Where a position bias is to be fitted: refuses choices that cannot determine it, and warns if only some units cannot.
pub(super) fn check_bias(units: &[ChoiceUnit], spec: &ModelSpec) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if !spec.position_bias {
        return Ok(warnings);
    }
    let has_both = |unit: &ChoiceUnit| {
        let shown =
            |lower: bool| unit.clusters.iter().flatten().any(|c| c.trials > 0.0 && (c.first > c.second) == lower);
        shown(true) && shown(false)
    };
    for unit in units {
        match check_positions(&unit.clusters) {
            Err(e) if !has_both(unit) => return Err(in_unit(&unit.head.name(), e)),
            Err(e) => warnings.push(format!("{}: {e}", unit.head.name())),
            Ok(()) => {}
        }
    }
    if warnings.len() == units.len() {
        return Err(AnalysisError::input(warnings.swap_remove(0)));
    }
    Ok(warnings)
}

/// Warnings of units whose choices speak for the opposite order.
pub(super) fn of_choices(units: &[ChoiceUnit], spec: &ModelSpec, is_final: bool) -> Result<Vec<String>> {
    let leaning: Vec<bool> = units.iter().map(|unit| leans(unit, || unit.clusters.iter().flatten())).collect();
    let is_table = units.iter().any(|unit| matches!(unit.head, Head::Condition(_)));
    let turn = if is_table {
        TURN_TABLE
    } else {
        "turn it round (⟨items⟩ with the items or ranks, the highest first), or exchange winner and loser in ⟨columns⟩"
    };
    let of_units = judge(&leaning, ["choices", turn], is_final, |k| {
        let unit = &units[k];
        let name = unit.head.name();
        let fitter =
            ChoiceFitter::new(&unit.graph, spec, &ordered_pairs(&unit.clusters)).map_err(|e| in_unit(&name, e))?;
        let fit = fitter.fit(&unit.clusters).map_err(|e| in_unit(&name, e))?;
        let opposite = opposite_choices(&fitter, &fit, &unit.clusters).map_err(|e| in_unit(&name, e))?;
        let words = if leans_opposite(unit.clusters.iter().flatten().map(preference)) {
            let (mut lower, mut trials) = (0.0, 0.0);
            for c in unit.clusters.iter().flatten() {
                lower += if c.first < c.second { c.trials - c.first_chosen } else { c.first_chosen };
                trials += c.trials;
            }
            let percent = 100.0 * lower / trials;
            format!(
                "the lower item is chosen in {percent:.0} % of {trials:.0} trials, and the opposite order has a log-likelihood \
                 {opposite:.1} higher"
            )
        } else {
            format!(
                "trained pairs are answered against their labels, and turned round the log-likelihood is {opposite:.1} higher"
            )
        };
        Ok(Evidence { name, opposite, words })
    })?;
    let of_clusters: Vec<Option<String>> =
        units.par_iter().map(|unit| clusters_against(unit, spec)).collect::<Result<_>>()?;
    Ok(of_units.into_iter().chain(of_clusters.into_iter().flatten().filter(|_| is_final)).collect())
}

/// How strongly the first item is preferred: choices of it beyond one half.
fn preference(c: &ChoiceCount) -> (usize, usize, f64) {
    (c.first, c.second, c.first_chosen - 0.5 * c.trials)
}

/// Whether choices of a unit lean to the opposite order, or against the labels of the trained pairs.
fn leans<'a, I: Iterator<Item = &'a ChoiceCount>>(unit: &ChoiceUnit, choices: impl Fn() -> I) -> bool {
    leans_opposite(choices().map(preference)) || leans_against(&unit.graph, choices().map(preference))
}

/// Says how many clusters of a unit speak, each on its own, for the opposite order, where some do and others do not.
fn clusters_against(unit: &ChoiceUnit, spec: &ModelSpec) -> Result<Option<String>> {
    let shown: Vec<&Vec<ChoiceCount>> = unit.clusters.iter().filter(|c| c.iter().any(|c| c.trials > 0.0)).collect();
    let spec = ModelSpec { position_bias: false, ..*spec };
    let speaks = |cluster: &&Vec<ChoiceCount>| {
        let alone = std::slice::from_ref(*cluster);
        let fitter = ChoiceFitter::new(&unit.graph, &spec, &ordered_pairs(alone))?;
        Ok(opposite_choices(&fitter, &fitter.fit(alone)?, alone)? >= NOTABLE)
    };
    let leaning = shown.par_iter().filter(|cluster| leans(unit, || cluster.iter()));
    let against = leaning.map(speaks).collect::<caveat_theory::Result<Vec<bool>>>();
    let against = against.map_err(|e| in_unit(&unit.head.name(), e))?.into_iter().filter(|speaks| *speaks).count();
    if against == 0 || shown.len() < 2 {
        return Ok(None);
    }
    let speak = if against == 1 { "speaks" } else { "speak" };
    Ok(Some(format!(
        "{}: {against} of {} {}s {speak} for the opposite order of items: one model for all of them may describe none (⟨by={}⟩ fits \
         each)",
        unit.head.name(),
        shown.len(),
        unit.cluster,
        unit.cluster
    )))
}

/// Warnings of conditions whose margins speak for the opposite order.
pub(super) fn of_margins(observed: &[Observed], spec: &ModelSpec, is_final: bool) -> Result<Vec<String>> {
    let leaning: Vec<bool> = observed
        .iter()
        .map(|o| {
            let preferences = || o.pairs.iter().zip(&o.margins).map(|(&(i, j), &margin)| (i, j, margin));
            leans_opposite(preferences()) || leans_against(&o.graph, preferences())
        })
        .collect();
    let spec = ModelSpec { position_bias: false, ..*spec };
    judge(&leaning, ["margins", TURN_TABLE], is_final, |k| {
        let o = &observed[k];
        let name = o.key.to_string();
        let fitter = MarginModelFitter::new(&o.graph, &spec, &o.pairs).map_err(|e| in_unit(&name, e))?;
        let all = vec![observations(&o.pairs, &o.shown, false)];
        let turned = vec![all[0].iter().map(|m| MarginObservation { margin: -m.margin, ..*m }).collect()];
        let [fit, turned] = [fitter.fit(&all), fitter.fit(&turned)].map(|fit| fit.map_err(|e| in_unit(&name, e)));
        let (fit, turned) = (fit?, turned?);
        let squares: f64 = all[0].iter().map(|m| m.margin * m.margin).sum();
        let opposite = opposite_margins(fit.residual_squares, turned.residual_squares, squares, o.pairs.len());
        let here = if fit.estimates.limit == Some(FitLimit::NoSignal) { 0.0 } else { fit.r_squared };
        let words = format!("R² is {here:.2} as they are, and {:.2} with all signs turned", turned.r_squared);
        Ok(Evidence { name, opposite, words })
    })
}

/// Examines the units that lean to the opposite order and, if some speak for it, all of them.
fn judge(
    leaning: &[bool],
    [what, turn]: [&str; 2],
    is_final: bool,
    evidence: impl Fn(usize) -> Result<Evidence> + Sync,
) -> Result<Vec<String>> {
    let of = |wanted: bool| {
        let units: Vec<usize> = (0..leaning.len()).filter(|&k| leaning[k] == wanted).collect();
        units.into_par_iter().map(&evidence).collect::<Result<Vec<Evidence>>>()
    };
    let against: Vec<Evidence> = of(true)?;
    let loud: Vec<&Evidence> = against.iter().filter(|e| e.opposite >= NOTABLE).collect();
    let Some(worst) = loud.iter().max_by(|a, b| a.opposite.total_cmp(&b.opposite)) else { return Ok(Vec::new()) };
    let total = against.iter().chain(&of(false)?).map(|e| e.opposite).sum::<f64>();
    if total >= CLEAR && is_final {
        let whose = if leaning.len() > 1 { format!("{}: ", worst.name) } else { String::new() };
        return Err(AnalysisError::input(format!(
            "the {what} speak for the opposite order of items ({whose}{}): {turn}",
            worst.words
        )));
    }
    const LISTED: usize = 5;
    let mut warnings: Vec<String> = loud
        .iter()
        .take(LISTED)
        .map(|e| format!("{}: the {what} speak for the opposite order of items: {}", e.name, e.words))
        .collect();
    if loud.len() > LISTED {
        warnings.push(format!("so do those of {} more", loud.len() - LISTED));
    }
    Ok(warnings)
}

fn in_unit(name: &str, error: caveat_theory::TheoryError) -> AnalysisError {
    match AnalysisError::from(error) {
        AnalysisError::Input(words) => AnalysisError::Input(format!("{name}: {words}")),
        other => other,
    }
}
