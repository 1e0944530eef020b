//! The content of the report: per section its findings, figures and tables.

use std::path::PathBuf;

use caveat_figures::language_models::{hidden_states, trained};
use caveat_figures::window_figure::{self, WindowInputs};
use caveat_figures::{Figure, task_figure};
use caveat_results::{
    ConditionKey, Geometries, GroupColumn, GroupValue, Phase, Selection, Summary, Table, TrialColumn, summarize,
};
use caveat_theory::window::{BalanceWindow, balance_window};
use caveat_theory::{Activation, Learner, NetworkKernel, NetworkKernelKind, PairClass, TransitiveTask};

use super::models::LanguageModels;
use crate::error::Result;
use crate::figure::{
    FigureName, conjunctivity, fit_published, language_model_figure, margins, mechanism, phase_diagrams, placements,
    published_tasks, read_pairs,
};
use crate::fit::{
    Fitted, Predicted, REPLICATES, prediction_findings, table_of_fits, table_of_margins, table_of_pairs,
    table_of_predictions,
};
use crate::phase::phase_table;
use crate::short::short;
use crate::task::task_table;
use crate::watch::{Watch, reading};

/// A part of the report.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// One paragraph: the question and the answer.
    pub(crate) text: String,
    /// What was found, as name and value.
    pub(crate) findings: Vec<(String, String)>,
    pub(crate) figures: Vec<Figure>,
    /// Tables by file name without extension.
    pub(crate) tables: Vec<(String, Table)>,
}

/// Everything that needs no data.
pub(crate) fn theory(watch: &dyn Watch) -> Result<Vec<Section>> {
    let tasks = published_tasks()?;
    Ok(vec![
        task_section(&tasks[0])?,
        margins_section(&tasks[0])?,
        window_section(&tasks, watch)?,
        network_section(watch)?,
    ])
}

fn task_section(task: &TransitiveTask) -> Result<Section> {
    let classes = task.classes()?;
    let findings = PairClass::SCORED
        .iter()
        .map(|&class| (class.name().replace('_', " "), classes.pairs().filter(|p| p.2 == class).count().to_string()))
        .collect();
    Ok(Section {
        title: "The task: nine items in order, one exception",
        text: "Neighbors are trained in order, and one pair against it: the sixth item beats the fourth. All other pairs are \
               judged without training. The exception closes a cycle; items above and below it form the outer sections, and \
               each pair belongs to one class. Numbers of pairs:"
            .into(),
        findings,
        figures: vec![task_figure::draw(task)?],
        tables: vec![("task".into(), task_table(task, &classes)?)],
    })
}

fn margins_section(task: &TransitiveTask) -> Result<Section> {
    Ok(Section {
        title: "What a model answers, and why",
        text: "Ridge regression on an exchangeable representation ranks the items by a screened potential on the chain of \
               trained pairs. Without an exception the ranks always fall in order. With one, the field of the exception \
               pushes the items above it down and those below it up; the stronger the screening, the more this local field \
               outweighs the rule, until items across the exception are judged in the wrong order."
            .into(),
        findings: Vec::new(),
        figures: vec![margins(task, 10.0)?, mechanism(task)?],
        tables: Vec::new(),
    })
}

fn window_section(tasks: &[TransitiveTask], watch: &dyn Watch) -> Result<Section> {
    let mut findings = Vec::new();
    let mut rows: Vec<(String, f64, BalanceWindow)> = Vec::new();
    for task in tasks {
        let name = task_name(task);
        let w = balance_window(task, Learner::Ridge { c: f64::INFINITY })?;
        let star = w.screening_star.map_or("none: never fails".into(), short);
        findings.push((format!("{name}: critical screening μ*"), star));
        findings.push((format!("{name}: α_gen without ridge"), short(w.conjunctivity_generalization)));
        findings.push((format!("{name}: critical C"), w.critical.map_or("none".into(), short)));
        for exponent in -4..=12 {
            let c = 10f64.powf(f64::from(exponent) / 4.0);
            rows.push((name.clone(), c, balance_window(task, Learner::Ridge { c })?));
        }
    }
    let windows = Table::new()
        .text("task", rows.iter().map(|r| r.0.as_str()))?
        .float("c", rows.iter().map(|r| r.1))?
        .float("screening_star", rows.iter().map(|r| r.2.screening_star.unwrap_or(f64::NAN)))?
        .float("conjunctivity_generalization", rows.iter().map(|r| r.2.conjunctivity_generalization))?
        .float("conjunctivity_memorization", rows.iter().map(|r| r.2.conjunctivity_memorization))?
        .float("critical_c", rows.iter().map(|r| r.2.critical.unwrap_or(f64::NAN)))?;
    let (phase_figure, grids) = phase_diagrams(tasks, 240, watch)?;
    let mut tables = vec![("windows".to_owned(), windows)];
    for (task, grid) in tasks.iter().zip(&grids) {
        tables.push((format!("phase-{}", task_file_name(task)), phase_table(grid)?));
    }
    Ok(Section {
        title: "The balance window",
        text: "A model generalizes across the exception only while its conjunctivity stays below α_gen(C), and remembers the \
               exception only above α_mem(C). Between the two it balances; below a critical C no representation does. \
               The window speaks of cross-section and exception-cycle pairs only: pairs between cycle and section can fail \
               inside it."
            .into(),
        findings,
        figures: vec![phase_figure, window_figure::draw(&WindowInputs::default())?],
        tables,
    })
}

fn network_section(watch: &dyn Watch) -> Result<Section> {
    let mut findings = Vec::new();
    for kind in [NetworkKernelKind::Nngp, NetworkKernelKind::Ntk] {
        for depth in [1, 2, 4] {
            let alpha = NetworkKernel { activation: Activation::RELU, depth, kind }.conjunctivity();
            let name = kind.to_string().to_uppercase();
            let layers = if depth == 1 { "layer" } else { "layers" };
            findings.push((format!("ReLU {name}, {depth} hidden {layers}: α"), short(alpha)));
        }
    }
    Ok(Section {
        title: "Where conjunctivity comes from",
        text: "A wide network with random weights fixes α by its nonlinearity and depth. Finite random networks scatter around \
               the limit of infinite width."
            .into(),
        findings,
        figures: vec![conjunctivity(watch)?],
        tables: Vec::new(),
    })
}

/// What the models answer: the figure of the study, and accuracies by pair class.
pub(crate) fn language_model_accuracy(models: &LanguageModels, watch: &dyn Watch) -> Result<Section> {
    let paths = [models.directory.clone()];
    let pairs = read_pairs(&paths, watch)?;
    let accuracy = accuracy(&paths, models, watch)?;
    let mut findings = Vec::new();
    for group in accuracy.groups.iter().filter(|g| g.n > 0) {
        let [
            GroupValue::Text(setting),
            GroupValue::Text(hier),
            GroupValue::Real(rank),
            GroupValue::Real(l2),
            task @ ..,
        ] = group.values.as_slice()
        else {
            continue;
        };
        if !models.shows(setting) {
            continue;
        }
        let (low, high) = group.interval();
        let stimuli = match task {
            [GroupValue::Text(task)] => format!(" {task}"),
            _ => String::new(),
        };
        let trained = trained(setting, known(*rank), known(*l2));
        findings.push((
            format!("{trained}{stimuli}, {hier}, {}", group.class.name().replace('_', " ")),
            format!("{:.4} [{low:.4}, {high:.4}], {} answers", group.accuracy(), group.n),
        ));
    }
    Ok(Section {
        title: "What fine-tuned language models answer",
        text: format!(
            "{}Accuracy by pair class after training: the mean of right answers over models, stimuli, seeds, pairs and both orders, \
             with Wilson 95 % intervals.{}",
            models.source, models.found
        ),
        findings,
        figures: vec![caveat_figures::language_models::study::draw(&pairs)?, placements(&pairs)?],
        tables: vec![("accuracy".into(), accuracy.table()?)],
    })
}

fn accuracy(paths: &[PathBuf], models: &LanguageModels, watch: &dyn Watch) -> Result<Summary> {
    let mut by = vec![TrialColumn::Setting, TrialColumn::Hier, TrialColumn::LoraR, TrialColumn::L2Reg];
    if models.all_settings {
        by.push(TrialColumn::Task);
    }
    let by: Vec<GroupColumn> = by.into_iter().map(GroupColumn::Trial).collect();
    reading(watch, |progress| summarize(paths, &by, &Selection::from(Phase::Post), progress))
}

/// Fits and predictions of trial tables.
pub(crate) fn language_models(models: &LanguageModels, watch: &dyn Watch) -> Result<Section> {
    let (fitted, predicted) = fit_published(std::slice::from_ref(&models.directory), REPLICATES, watch)?;
    let with_prediction = !predicted.is_empty();
    let mut names = vec![
        FigureName::FittedMargins,
        FigureName::PredictedMargins,
        FigureName::ObservedMargins,
        FigureName::ModelConjunctivity,
    ];
    names.retain(|name| *name != FigureName::PredictedMargins || with_prediction);
    let figures = names.into_iter().map(|name| language_model_figure(name, &fitted, &predicted));
    let mut tables =
        vec![("fits".to_owned(), table_of_fits(&fitted)?), ("margins".into(), table_of_margins(&fitted, &predicted)?)];
    if with_prediction {
        tables.push(("predictions".into(), table_of_predictions(&predicted)?));
        tables.push(("predicted-pairs".into(), table_of_pairs(&predicted)?));
    }
    Ok(Section {
        title: "Fine-tuned language models",
        text: "Margins are logit differences, averaged over seeds and both orders of presentation. Three parameters are fitted \
               to each condition by least squares; R² is taken about zero. Predictions take the parameters fitted to the task \
               without an exception and refit nothing."
            .into(),
        findings: language_model_findings(&fitted, &predicted, models)?,
        figures: figures.collect::<Result<_>>()?,
        tables,
    })
}

fn language_model_findings(
    fitted: &[Fitted],
    predicted: &[Predicted],
    models: &LanguageModels,
) -> Result<Vec<(String, String)>> {
    let mut findings = vec![("conditions fitted".to_owned(), fitted.len().to_string())];
    for f in fitted.iter().filter(|f| models.shows(&f.observed.key.setting)) {
        let key = &f.observed.key;
        let name = match models.all_settings {
            true => {
                format!("{} {} {} {}", trained(&key.setting, key.lora_r, key.l2_reg), key.model, key.task, key.hier)
            }
            false => format!("{} {} {}", key.model, key.task, key.hier),
        };
        let interval = f
            .intervals
            .and_then(|i| i.intervals.conjunctivity)
            .map_or(String::new(), |i| format!(" [{:.3}, {:.3}]", i.low, i.high));
        findings.push((
            name,
            format!(
                "α {:.3}{interval}, C {}, R² {:.4}",
                f.fit.estimates.conjunctivity,
                short(f.fit.estimates.strength),
                f.fit.r_squared
            ),
        ));
    }
    let shown: Vec<&Predicted> = predicted.iter().filter(|p| models.shows(&p.observed.key.setting)).collect();
    findings.extend(prediction_findings(&shown)?);
    Ok(findings)
}

/// What similarities of hidden states are, and the margins they predict.
pub(crate) fn hidden_states_section(geometries: &Geometries) -> Result<Section> {
    let mut findings = Vec::new();
    for (row, _) in geometries.mean_rows().into_iter().filter(|(row, _)| row.source.kernel != "dot") {
        let kernel = match (row.source.phase.as_str(), row.source.kernel.as_str()) {
            (_, "fitted") => "fitted to the margins",
            ("pre", _) => "states before training",
            _ => "states after training",
        };
        let [alpha, r_squared] =
            [row.numbers.conjunctivity, row.numbers.r_squared].map(|value| value.unwrap_or(f64::NAN));
        let ConditionKey { setting, task, hier, lora_r, l2_reg, .. } = &row.condition;
        let value = format!("α {alpha:.3}, R² {r_squared:.3}");
        findings.push((format!("{} {task}, {hier}, {kernel}", trained(setting, *lora_r, *l2_reg)), value));
    }
    Ok(Section {
        title: "What hidden states know before training",
        text: "Cosine similarities of the last hidden states of all ordered pairs, projected on the exchangeable kernels, and the R² \
               (about zero) with which ridge regression on that projection predicts the margins after training: ridge and gain are \
               fitted, α is not. Means over seeds and orders. States before training have seen neither the order nor the exception."
            .into(),
        findings,
        figures: vec![hidden_states::draw(geometries.rows())?],
        tables: vec![("geometry".into(), geometries.table()?), ("geometry-means".into(), geometries.means()?)],
    })
}

/// A hyperparameter, unless it is missing.
fn known(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

/// As in (9; 5 3).
fn task_name(task: &TransitiveTask) -> String {
    let exceptions: Vec<String> = task.exceptions().iter().map(|e| format!("{} {}", e.winner, e.loser)).collect();
    format!("({}; {})", task.n_items(), exceptions.join(", "))
}

fn task_file_name(task: &TransitiveTask) -> String {
    let exceptions: String = task.exceptions().iter().map(|e| format!("-{}-{}", e.winner, e.loser)).collect();
    format!("n{}{exceptions}", task.n_items())
}
