//! `design`: candidate tasks ranked by what judgments of their pairs tell about α, and the trials that are needed.

use caveat_figures::design_figure::DesignRow;
use caveat_results::Table;
use caveat_theory::TransitiveTask;
use caveat_theory::inference::design::{DesignQuestion, DesignSettings, JudgedPairs, evaluate_design, progress_steps};

use crate::error::{AnalysisError, Result};
use crate::watch::Watch;

/// Evaluates each candidate once and returns them with the most informative first.
///
/// # Errors
/// No candidate, a task without such pairs, or a simulation that fails.
pub fn design(
    candidates: impl IntoIterator<Item = TransitiveTask>,
    pairs: JudgedPairs,
    question: &DesignQuestion,
    settings: &DesignSettings,
    watch: &dyn Watch,
) -> Result<Vec<DesignRow>> {
    let mut tasks: Vec<TransitiveTask> = Vec::new();
    for task in candidates {
        if !tasks.iter().any(|kept| kept.graph() == task.graph()) {
            tasks.push(task);
        }
    }
    if tasks.is_empty() {
        return Err(AnalysisError::input("there is no candidate: give at least one task"));
    }
    let judged: Vec<_> =
        tasks.into_iter().map(|task| Ok((pairs.list(&task)?, task))).collect::<caveat_theory::Result<_>>()?;
    let total: usize = judged.iter().map(|(pairs, _)| progress_steps(settings, pairs.len())).sum();
    let work = watch.begin(total as u64, "evaluating designs");
    let mut rows = Vec::new();
    for (pairs, task) in judged {
        let evaluation = evaluate_design(&task, &pairs, question, settings, &|done| work.advance(done as u64))?;
        rows.push(DesignRow { task, pairs, evaluation });
    }
    rows.sort_by(|a, b| b.evaluation.information_bits.total_cmp(&a.evaluation.information_bits));
    Ok(rows)
}

/// One row per task, in the order given.
///
/// # Errors
/// None in practice; those of [`Table`].
pub fn design_table(rows: &[DesignRow], settings: &DesignSettings) -> Result<Table> {
    let trials = |row: &DesignRow| row.evaluation.trials_for_power.and_then(|n| i64::try_from(n).ok());
    let evaluations = || rows.iter().map(|row| &row.evaluation);
    let table = Table::new()
        .count("rank", 1..=rows.len())?
        .text("task", rows.iter().map(DesignRow::name))?
        .count("n_items", rows.iter().map(|row| row.task.n_items()))?
        .count("n_pairs", rows.iter().map(|row| row.pairs.len()))?
        .float("information_bits", evaluations().map(|e| e.information_bits))?
        .float("information_se", evaluations().map(|e| e.information_se))?
        .integer("trials_for_power", rows.iter().map(trials))?
        .float("power", rows.iter().map(|_| settings.power))?
        .count("trials", rows.iter().map(|_| settings.trials))?;
    let last = |get: fn(&DesignRow) -> Option<f64>| rows.iter().filter_map(get).collect::<Vec<f64>>();
    let (accuracy, width) = (last(|r| r.evaluation.decision_accuracy), last(|r| r.evaluation.interval_width));
    if accuracy.is_empty() {
        Ok(table.float("interval_width", width)?)
    } else {
        Ok(table.float("decision_accuracy", accuracy)?)
    }
}
