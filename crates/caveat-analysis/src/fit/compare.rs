//! `compare`: nested models by cross-validated log-likelihood.

use caveat_results::Table;
use caveat_theory::LearnerKind;
use caveat_theory::inference::{Candidate, Compared, ModelComparison, ModelSpec, compare_choices, compare_margins};

use super::choices::ChoiceUnit;
use super::learners::observations;
use super::observe::Observed;
use super::report::{Head, head_columns};
use super::request::{FitRequest, Job};
use crate::error::{AnalysisError, Result};

/// The models compared, each nested in the last; their names say what they lack.
fn candidates(full: ModelSpec) -> Vec<(&'static str, Candidate)> {
    let learner = |spec: ModelSpec| Candidate::Learner(spec);
    let mut all = vec![("chance", Candidate::Untrained { position_bias: false })];
    if full.position_bias {
        all.push(("bias_only", Candidate::Untrained { position_bias: true }));
    }
    all.push(("additive", learner(full.with_conjunctivity(0.0))));
    // Cross-entropy without a penalty has no minimum.
    if full.learner != LearnerKind::Logistic {
        all.push(("ridgeless", learner(full.with_strength(f64::INFINITY))));
    }
    if full.lapse {
        all.push(("no_lapse", learner(ModelSpec { lapse: false, ..full })));
    }
    if full.position_bias {
        all.push(("no_bias", learner(ModelSpec { position_bias: false, ..full })));
    }
    all.push(("full", learner(full)));
    all
}

/// Compares the models on the choices of every unit.
pub(super) fn choices(units: &[ChoiceUnit], job: &Job<'_>) -> Result<Table> {
    let models = candidates(job.spec);
    let all: Vec<Candidate> = models.iter().map(|m| m.1).collect();
    let work = job.watch.begin(units.len() as u64, "comparing models");
    let mut compared = Vec::new();
    for unit in units {
        let folds = folds(job.request, unit.clusters.len(), unit.cluster, &unit.head)?;
        let comparison = compare_choices(&unit.graph, &all, &unit.clusters, folds, job.request.seed);
        compared.push((unit.head.clone(), comparison.map_err(|e| unit.head.in_place(e))?));
        work.advance(1);
    }
    let tasks: Option<Vec<&str>> = units.iter().map(|unit| unit.task.as_deref()).collect();
    let found = table(&models, &compared, "n_trials")?;
    Ok(match tasks {
        Some(tasks) => found.text("task", tasks.iter().flat_map(|task| models.iter().map(move |_| *task)))?,
        None => found,
    })
}

/// Compares the models on the margins of every condition, seed by seed.
pub(super) fn margins(observed: &[Observed], job: &Job<'_>) -> Result<Table> {
    let models = candidates(job.spec);
    let all: Vec<Candidate> = models.iter().map(|m| m.1).collect();
    let work = job.watch.begin(observed.len() as u64, "comparing models");
    let mut compared = Vec::new();
    for o in observed {
        let head = Head::Condition(o.key.clone());
        let seeds: Vec<_> =
            o.seeds_shown.iter().map(|shown| observations(&o.pairs, shown, job.spec.position_bias)).collect();
        let folds = folds(job.request, seeds.len(), "seed", &head)?;
        let comparison = compare_margins(&o.graph, &all, &seeds, folds, job.request.seed);
        let comparison = comparison.map_err(|e| head.in_place(e))?;
        compared.push((head, comparison));
        work.advance(1);
    }
    table(&models, &compared, "n_margins")
}

fn folds(request: &FitRequest, clusters: usize, what: &str, head: &Head) -> Result<usize> {
    let folds = request.folds.unwrap_or(FitRequest::FOLDS);
    if clusters < 2 {
        return Err(AnalysisError::input(format!(
            "{}: cross-validation leaves out whole clusters, and there is only one {what} here; name a column of sessions (or of \
             subjects) with several in each fit, or leave their column out of ⟨by⟩",
            head.name()
        )));
    }
    if folds < 2 {
        return Err(AnalysisError::input(format!("⟨folds={folds}⟩: give at least 2")));
    }
    Ok(folds.min(clusters))
}

/// One row per unit and model.
fn table(
    models: &[(&'static str, Candidate)],
    compared: &[(Head, ModelComparison)],
    size: &'static str,
) -> Result<Table> {
    let rows: Vec<(&Head, &ModelComparison, &str, &Compared)> = compared
        .iter()
        .flat_map(|(head, c)| models.iter().zip(&c.candidates).map(move |(m, row)| (head, c, m.0, row)))
        .collect();
    let score = |f: fn(&Compared) -> f64| rows.iter().map(move |r| f(r.3));
    Ok(head_columns(rows.iter().map(|r| r.0))?
        .text("model_compared", rows.iter().map(|r| r.2))?
        .count("n_parameters", rows.iter().map(|r| r.3.n_parameters))?
        .float("held_out", score(|c| c.held_out))?
        .float("held_out_each", score(|c| c.held_out_mean))?
        .float("difference", score(|c| c.difference))?
        .float("difference_se", score(|c| c.difference_error))?
        .float("log_likelihood", score(|c| c.log_likelihood))?
        .float("aic", score(|c| c.aic))?
        .float("bic", score(|c| c.bic))?
        .count("folds", rows.iter().map(|r| r.1.folds))?
        .count("n_clusters", rows.iter().map(|r| r.1.clusters))?
        .float(size, rows.iter().map(|r| r.1.size))?)
}
