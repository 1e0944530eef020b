//! `figure`: one figure of the theory, or of language models from their trial tables.

use caveat_figures::conjunctivity_figure::{self, ConjunctivityInputs};
use caveat_figures::language_models::{self, Condition, TheoryMargins};
use caveat_figures::margins_figure::{self, MarginsInputs};
use caveat_figures::mechanism_figure::{self, MechanismInputs};
use caveat_figures::phase_figure::{self, PhaseInputs};
use caveat_figures::window_figure::{self, WindowInputs};
use caveat_figures::{Figure, task_figure};
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
    /// Of which task; `None` for the published ones. For task, margins, mechanism and phase.
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
/// Of what the figure does not depend on but is given, of trial tables, and of computations.
pub fn figure(request: &FigureRequest, watch: &dyn Watch) -> Result<Figure> {
    refuse_unused(request)?;
    let published = || match &request.task {
        Some(task) => Ok(task.clone()),
        None => TransitiveTask::new(TASKS[0].0, &[TASKS[0].1]),
    };
    Ok(match request.name {
        FigureName::Task => task_figure::draw(&published()?)?,
        FigureName::Margins => margins(&published()?, request.c.unwrap_or(10.0))?,
        FigureName::Mechanism => mechanism(published()?)?,
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
            let replicates = if request.name == FigureName::ModelConjunctivity { REPLICATES } else { 0 };
            let (fitted, predicted) = fit_published(&request.published, replicates, watch)?;
            language_model_figure(request.name, &fitted, &predicted)?
        }
    })
}

/// Refuses what the figure would not heed.
fn refuse_unused(request: &FigureRequest) -> Result<()> {
    use FigureName as F;
    let of_task = matches!(request.name, F::Task | F::Margins | F::Mechanism | F::Phase);
    let of_theory = of_task || matches!(request.name, F::Window | F::Conjunctivity);
    for (given, heeded, option, figures) in [
        (request.task.is_some(), of_task, "n_items", "task, margins, mechanism and phase"),
        (request.c.is_some(), request.name == F::Margins, "c", "margins"),
        (!request.published.is_empty(), !of_theory, "published", "the figures of language models"),
    ] {
        if given && !heeded {
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
    let all = 0..table.conditions.len();
    let full: Vec<usize> = all.clone().filter(|&k| table.conditions[k].setting == "full").collect();
    let mut shown = if full.is_empty() { all.collect() } else { full };
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

pub(crate) fn mechanism(task: TransitiveTask) -> Result<Figure> {
    Ok(mechanism_figure::draw(&MechanismInputs { task, screenings: vec![0.1, 1.0, 4.0] })?)
}

/// Phase diagrams, a row per task, and their grids.
pub(crate) fn phase_diagrams(
    tasks: &[TransitiveTask],
    cells: usize,
    watch: &dyn Watch,
) -> Result<(Figure, Vec<PhaseGrid>)> {
    let axes = PhaseAxes::cell_centers(cells, cells, (0.0, 1.0), (1e-3, 1e1))?;
    let mut rows = Vec::new();
    for task in tasks {
        rows.push((task.clone(), phase(task, &axes, watch)?));
    }
    let figure = phase_figure::draw(PhaseInputs { rows: &rows })?;
    Ok((figure, rows.into_iter().map(|r| r.1).collect()))
}

/// α by depth, with random networks of 1,000 units at depths 1 to 4 for the same activations.
pub(crate) fn conjunctivity(watch: &dyn Watch) -> Result<Figure> {
    let activations = vec![Activation::RELU, Activation::leaky(0.3)?, Activation::ABS];
    let depths = 1..=4;
    let work = watch.begin((activations.len() * depths.clone().count()) as u64, "random networks");
    let mut random_features = Vec::new();
    for &activation in &activations {
        for depth in depths.clone() {
            let mut settings = RandomFeatures::new(activation, depth, 0);
            settings.width = 1_000;
            settings.replicates = 12;
            random_features.push(settings.estimate(None)?);
            work.advance(1);
        }
    }
    Ok(conjunctivity_figure::draw(&ConjunctivityInputs { activations, max_depth: 16, random_features })?)
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
        let mut names: Vec<String> =
            observed.iter().filter(|o| o.exceptions.is_empty() != with_exception).map(|o| o.key.hier.clone()).collect();
        names.sort();
        names.dedup();
        names
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
    // Without full fine-tuning in the tables, show what there is.
    let shown = if full.is_empty() { fitted.iter().collect() } else { full };
    let shown = figure_conditions(&shown, predicted);
    Ok(match name {
        FigureName::FittedMargins => language_models::scatter::draw(&shown, Against::Fitted)?,
        FigureName::PredictedMargins => language_models::scatter::draw(&shown, Against::Predicted)?,
        _ => {
            // A column of heatmaps per hierarchy of one model and task that has them all.
            let one: Vec<Condition> = match shown.iter().find(|c| !c.exceptions.is_empty()) {
                Some(first) => shown
                    .iter()
                    .filter(|c| (&c.model, &c.task) == (&first.model, &first.task))
                    .take(6)
                    .cloned()
                    .collect(),
                None => shown.iter().take(6).cloned().collect(),
            };
            let (drawn, all) = (one.len(), shown.len());
            let figure = language_models::heatmaps::draw(&one)?;
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
    fitted
        .iter()
        .map(|f| {
            let (o, n) = (&f.observed, f.observed.n_items);
            let prediction = predicted.iter().find(|p| p.observed.key == o.key).map(|p| TheoryMargins {
                margins: square(n, &o.pairs, &p.prediction.predicted, 0.0),
                r_squared: p.prediction.r_squared,
            });
            Condition {
                model: o.key.model.clone(),
                setting: language_models::trained(&o.key.setting, o.key.lora_r, o.key.l2_reg),
                task: o.key.task.clone(),
                hierarchy: o.key.hier.clone(),
                n_items: n,
                exceptions: o.exceptions.clone(),
                observed: square(n, &o.pairs, &o.margins, f64::NAN),
                fitted: Some(TheoryMargins {
                    margins: square(n, &o.pairs, &f.fit.fitted, 0.0),
                    r_squared: f.fit.r_squared,
                }),
                predicted: prediction,
                conjunctivity: f.fit.estimates.conjunctivity,
                conjunctivity_interval: f.intervals.and_then(|i| i.intervals.conjunctivity).map(|i| (i.low, i.high)),
            }
        })
        .collect()
}
