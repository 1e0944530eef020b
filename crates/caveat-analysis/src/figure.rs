//! `figure`: one figure of the theory, or of language models from their trial tables.

use std::collections::BTreeSet;

use caveat_figures::language_models::{self, Condition, TheoryMargins};
use caveat_figures::margins_figure::{self, MarginsInputs};
use caveat_figures::window_figure::{self, WindowInputs};
use caveat_figures::{Figure, conjunctivity_figure, mechanism_figure, phase_figure, task_figure};
use caveat_results::{AsInput, Input, PairTable, Phase, read_pair_table};
use caveat_theory::{Activation, PhaseAxes, PhaseGrid, RandomFeatures, TransitiveTask, named_enum};

use crate::error::{AnalysisError, Result};
use crate::fit::{ByColumn, Fitted, Predicted, REPLICATES, fit_all, group, predict_all, read};
use crate::phase::phase;
use crate::watch::{Watch, reading};

/// The published tasks with an exception, and a longer cycle: (n; winner loser).
pub(crate) const TASKS: [(usize, (usize, usize)); 3] = [(9, (5, 3)), (11, (6, 4)), (11, (7, 3))];

/// A figure to draw.
#[derive(Debug, Clone)]
pub struct FigureRequest {
    /// Which figure.
    pub name: FigureName,
    /// The task, for task, margins, mechanism and phase; `None` for the published ones.
    pub task: Option<TransitiveTask>,
    /// Inverse regularization C, for margins; `None` for 10.
    pub c: Option<f64>,
    /// Trial tables or directories of them, for the figures of language models.
    pub published: Vec<Input>,
}

named_enum! {
    /// A figure, by name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum FigureName, ALL {
        Task = "task": "The task and its pair classes",
        Margins = "margins": "Margins over conjunctivity, with and without the exception",
        Mechanism = "mechanism": "Chain field, exception field and their sum",
        Phase = "phase": "Accuracy over α and 1/C with the analytic boundaries",
        Window = "window": "The window over items, position and cycle length",
        Conjunctivity = "conjunctivity": "Conjunctivity by depth of networks",
        FittedMargins = "fitted-margins": "Language models: fitted against observed margins",
        PredictedMargins = "predicted-margins": "Language models: predicted against observed margins",
        ObservedMargins = "observed-margins": "Language models: observed, fitted and predicted heatmaps",
        ModelConjunctivity = "model-conjunctivity": "Language models: conjunctivity by model and task",
        Study = "study":
            "Language models: the figure of the study, accuracy by pair class, setting, regularization and hierarchy",
        Placements = "placements":
            "Language models: how often each item is placed above each other, by condition",
    }
}

/// Draws a figure; nothing is written.
///
/// # Errors
/// An option that the figure does not depend on, trial tables that cannot be read or drawn, or a computation that fails.
pub fn figure(request: &FigureRequest, watch: &dyn Watch) -> Result<Figure> {
    refuse_unused(request)?;
    let published = || match &request.task {
        Some(task) => Ok(task.clone()),
        None => TransitiveTask::new(TASKS[0].0, &[TASKS[0].1]),
    };
    let name = request.name;
    Ok(match name {
        FigureName::Task => task_figure::draw(&published()?)?,
        FigureName::Margins => margins(&published()?, request.c.unwrap_or(10.0))?,
        FigureName::Mechanism => mechanism(&published()?)?,
        FigureName::Phase => match &request.task {
            Some(task) => phase_diagrams(std::slice::from_ref(task), 240, watch)?.0,
            None => phase_diagrams(&published_tasks()?, 240, watch)?.0,
        },
        FigureName::Window => window_figure::draw(&WindowInputs::default())?,
        FigureName::Conjunctivity => conjunctivity(watch)?,
        _ if request.published.is_empty() => {
            return Err(AnalysisError::input("this figure is drawn from trial tables: name them with ⟨published⟩"));
        }
        FigureName::Study => language_models::study::draw(&read_pairs(&request.published, watch)?)?,
        FigureName::Placements => placements(&read_pairs(&request.published, watch)?)?,
        FigureName::FittedMargins
        | FigureName::PredictedMargins
        | FigureName::ObservedMargins
        | FigureName::ModelConjunctivity => {
            let replicates = if name == FigureName::ModelConjunctivity { REPLICATES } else { 0 };
            let (fitted, predicted) = fit_published(&request.published, replicates, watch)?;
            language_model_figure(name, &fitted, &predicted)?
        }
    })
}

/// Refuses options that the figure would ignore.
fn refuse_unused(request: &FigureRequest) -> Result<()> {
    use FigureName as F;
    let of_task = matches!(request.name, F::Task | F::Margins | F::Mechanism | F::Phase);
    let of_theory = of_task || matches!(request.name, F::Window | F::Conjunctivity);
    for (is_given, is_used, option, figures) in [
        (request.task.is_some(), of_task, "n_items", "task, margins, mechanism and phase"),
        (request.c.is_some(), request.name == F::Margins, "c", "margins"),
        (!request.published.is_empty(), !of_theory, "published", "the figures of language models"),
    ] {
        if is_given && !is_used {
            return Err(AnalysisError::input(format!(
                "the figure {} does not depend on ⟨{option}⟩, which is for {figures}",
                request.name.name()
            )));
        }
    }
    Ok(())
}

/// Judgments by condition and ordered pair.
pub(crate) fn read_pairs<P: AsInput>(paths: &[P], watch: &dyn Watch) -> Result<PairTable> {
    reading(watch, |progress| read_pair_table(paths, Phase::Post, progress))
}

/// Heatmaps of the conditions with full fine-tuning, or of all if there are none; as many as a figure holds.
pub(crate) fn placements(table: &PairTable) -> Result<Figure> {
    let mut shown: Vec<usize> = (0..table.conditions.len()).collect();
    if table.conditions.iter().any(|key| key.setting == "full") {
        shown.retain(|&k| table.conditions[k].setting == "full");
    }
    let (n, most) = (shown.len(), language_models::placements::MOST_CONDITIONS);
    shown.truncate(most);
    let figure = language_models::placements::draw(table, &shown)?;
    Ok(if n > most { figure.leaving_out(format!("These are the first {most} of {n} conditions.")) } else { figure })
}

/// The tasks of [`TASKS`].
pub(crate) fn published_tasks() -> Result<Vec<TransitiveTask>> {
    TASKS.iter().map(|&(n, e)| Ok(TransitiveTask::new(n, &[e])?)).collect()
}

pub(crate) fn margins(task: &TransitiveTask, c: f64) -> Result<Figure> {
    Ok(margins_figure::draw(&MarginsInputs {
        n_items: task.n_items(),
        exceptions: task.exceptions().iter().map(|e| (e.winner, e.loser)).collect(),
        c,
        ..MarginsInputs::default()
    })?)
}

pub(crate) fn mechanism(task: &TransitiveTask) -> Result<Figure> {
    Ok(mechanism_figure::draw(task, &[0.1, 1.0, 4.0])?)
}

/// Phase diagrams, a row per task, and their grids.
pub(crate) fn phase_diagrams(
    tasks: &[TransitiveTask],
    cells: usize,
    watch: &dyn Watch,
) -> Result<(Figure, Vec<PhaseGrid>)> {
    let axes = PhaseAxes::cell_centers(cells, cells, (0.0, 1.0), (1e-3, 1e1))?;
    let rows = tasks.iter().map(|task| Ok((task.clone(), phase(task, &axes, watch)?))).collect::<Result<Vec<_>>>()?;
    let figure = phase_figure::draw(&rows)?;
    Ok((figure, rows.into_iter().map(|r| r.1).collect()))
}

/// α by depth, with random networks of 1,000 units at depths 1 to 4 for the same activations.
pub(crate) fn conjunctivity(watch: &dyn Watch) -> Result<Figure> {
    let activations = [Activation::RELU, Activation::leaky(0.3)?, Activation::ABS];
    let networks: Vec<RandomFeatures> = activations
        .iter()
        .flat_map(|&activation| (1..=4).map(move |depth| RandomFeatures::new(activation, depth, 0)))
        .map(|settings| RandomFeatures { width: 1_000, replicates: 12, ..settings })
        .collect();
    let work = watch.begin(networks.len() as u64, "random networks");
    let mut random_features = Vec::new();
    for settings in networks {
        random_features.push(settings.estimate(None)?);
        work.advance(1);
    }
    Ok(conjunctivity_figure::draw(&activations, 16, &random_features)?)
}

/// Fits of all conditions, and predictions of those with an exception from those without, model by model.
pub(crate) fn fit_published<P: AsInput>(
    paths: &[P],
    replicates: usize,
    watch: &dyn Watch,
) -> Result<(Vec<Fitted>, Vec<Predicted>)> {
    let conditions = read(paths, Phase::Post, watch)?;
    let observed = group(&conditions, &ByColumn::OF_TRIALS)?;
    let names = |with_exception: bool| -> Vec<String> {
        let observed = observed.iter().filter(|o| o.exceptions.is_empty() != with_exception);
        observed.map(|o| o.key.hier.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    let (train, test) = (names(false), names(true));
    let predicted = if train.is_empty() || test.is_empty() {
        Vec::new()
    } else {
        predict_all(&observed, &train, &test, replicates, 0, watch)?
    };
    Ok((fit_all(observed, 0, 0, watch)?, predicted))
}

/// One of the four figures of language models.
pub(crate) fn language_model_figure(name: FigureName, fitted: &[Fitted], predicted: &[Predicted]) -> Result<Figure> {
    use language_models::scatter::Against;
    if name == FigureName::ModelConjunctivity {
        let typical: Vec<&Fitted> = fitted.iter().filter(|f| is_typical(f, fitted)).collect();
        return Ok(language_models::conjunctivity::draw(&figure_conditions(&typical, predicted))?);
    }
    let full: Vec<&Fitted> = fitted.iter().filter(|f| f.observed.key.setting == "full").collect();
    // Without full fine-tuning in the tables, all conditions are shown.
    let shown = if full.is_empty() { fitted.iter().collect() } else { full };
    let mut shown = figure_conditions(&shown, predicted);
    Ok(match name {
        FigureName::FittedMargins => language_models::scatter::draw(&shown, Against::Fitted)?,
        FigureName::PredictedMargins => language_models::scatter::draw(&shown, Against::Predicted)?,
        _ => {
            // The conditions of one model and task, if possible with an exception.
            let all = shown.len();
            if let Some(first) = shown.iter().find(|c| !c.exceptions.is_empty()) {
                let (model, task) = (first.model.clone(), first.task.clone());
                shown.retain(|c| (&c.model, &c.task) == (&model, &task));
            }
            shown.truncate(6);
            let (drawn, figure) = (shown.len(), language_models::heatmaps::draw(&shown)?);
            if drawn < all { figure.leaving_out(format!("These are {drawn} of {all} conditions.")) } else { figure }
        }
    })
}

/// Whether a fit has the hyperparameter that stands for its setting.
fn is_typical(fit: &Fitted, all: &[Fitted]) -> bool {
    let hyperparameter = |f: &Fitted| f.observed.key.lora_r.or(f.observed.key.l2_reg);
    let setting = &fit.observed.key.setting;
    let of_setting = all.iter().filter(|f| f.observed.key.setting == *setting).filter_map(hyperparameter);
    hyperparameter(fit) == language_models::typical(setting, of_setting)
}

fn figure_conditions(fitted: &[&Fitted], predicted: &[Predicted]) -> Vec<Condition> {
    let square = |n: usize, pairs: &[(usize, usize)], values: &[f64], missing: f64| {
        let mut matrix = vec![missing; n * n];
        for (&(i, j), &m) in pairs.iter().zip(values) {
            matrix[i * n + j] = m;
            matrix[j * n + i] = -m;
        }
        matrix
    };
    let condition = |f: &&Fitted| {
        let o = &f.observed;
        let square = |values, missing| square(o.n_items, &o.pairs, values, missing);
        let theory = |values, r_squared| TheoryMargins { margins: square(values, 0.0), r_squared };
        let prediction = predicted.iter().find(|p| p.observed.key == o.key).map(|p| &p.prediction);
        Condition {
            model: o.key.model.clone(),
            setting: language_models::trained(&o.key.setting, o.key.lora_r, o.key.l2_reg),
            task: o.key.task.clone(),
            hierarchy: o.key.hier.clone(),
            n_items: o.n_items,
            exceptions: o.exceptions.clone(),
            observed: square(&o.margins, f64::NAN),
            fitted: Some(theory(&f.fit.fitted, f.fit.r_squared)),
            predicted: prediction.map(|p| theory(&p.predicted, p.r_squared)),
            conjunctivity: f.fit.estimates.conjunctivity,
            conjunctivity_interval: f.intervals.and_then(|i| i.intervals.conjunctivity).map(|i| (i.low, i.high)),
        }
    };
    fitted.iter().map(condition).collect()
}
