//! `caveat figure`: one figure, drawn to a file.

use std::path::PathBuf;

use caveat_figures::conjunctivity_figure::{self, ConjunctivityInputs};
use caveat_figures::language_models::{self, Condition, TheoryMargins};
use caveat_figures::margins_figure::{self, MarginsInputs};
use caveat_figures::mechanism_figure::{self, MechanismInputs};
use caveat_figures::phase_figure::{self, PhaseInputs};
use caveat_figures::window_figure::{self, WindowInputs};
use caveat_figures::{Figure, task_figure};
use caveat_results::{AsInput, Input, PairTable, Phase, read_pair_table};
use caveat_theory::{Activation, PhaseAxes, RandomFeatures, TransitiveTask};
use clap::ValueEnum;

use super::fit::{Fitted, Predicted, fit_all, group, predict_all, read};
use super::pairs;
use super::phase::with_progress;
use super::results::reading;
use crate::cli::{ByColumn, FigureArgs, FigureName};
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, write_figure};
use crate::progress;
use crate::tell::tell;

/// The published tasks with an exception, and a longer cycle: (n; winner loser).
pub(crate) const TASKS: [(usize, (usize, usize)); 3] = [(9, (5, 3)), (11, (6, 4)), (11, (7, 3))];

/// Replicates behind the intervals of predictions in figures and in the report.
pub(crate) const REPLICATES: usize = 2_000;

pub(crate) fn run(args: &FigureArgs) -> Result<(), Failure> {
    let name = name_of(args);
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.svg")));
    check_picture_path(&path)?;
    if let Some(table) = &args.table {
        check_table_path(table)?;
    }
    let written = [path.as_path()].into_iter().chain(args.table.as_deref());
    check_separate(args.published.iter().map(Input::path), written)?;
    let figure = perform(args)?;
    let table = match (&args.table, &figure.table) {
        (Some(path), Some(table)) => Some((path, table)),
        (Some(_), None) => {
            return Err(Failure::input(format!("the figure {name} has no numbers to write: leave out --table")));
        }
        (None, _) => None,
    };
    write_figure(&path, &figure)?;
    if let Some((path, table)) = table {
        table.write(path)?;
    }
    tell(&path.display().to_string());
    if let Some(left_out) = &figure.left_out {
        tell(&format!("note: {left_out}"));
    }
    Ok(())
}

/// Draws, and writes nothing.
pub(crate) fn perform(args: &FigureArgs) -> Result<Figure, Failure> {
    refuse_unused(args, &name_of(args))?;
    draw(args)
}

fn name_of(args: &FigureArgs) -> String {
    args.name.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

/// Refuses options that the figure would not heed.
fn refuse_unused(args: &FigureArgs, name: &str) -> Result<(), Failure> {
    use FigureName as F;
    let of_task = matches!(args.name, F::Task | F::Margins | F::Mechanism | F::Phase);
    let of_trials = !matches!(args.name, F::Task | F::Margins | F::Mechanism | F::Phase | F::Window | F::Conjunctivity);
    for (given, heeded, option, figures) in [
        (args.n_items.is_some(), of_task, "-n", "task, margins, mechanism and phase"),
        (args.c.is_some(), args.name == F::Margins, "--c", "margins"),
        (!args.published.is_empty(), of_trials, "--published", "the figures of language models"),
    ] {
        if given && !heeded {
            return Err(Failure::input(format!(
                "the figure {name} does not depend on {option}, which is for {figures}"
            )));
        }
    }
    Ok(())
}

fn draw(args: &FigureArgs) -> Result<Figure, Failure> {
    let task = args.n_items.map(|n| TransitiveTask::new(n, &pairs(&args.exception))).transpose()?;
    let published = || match &task {
        Some(task) => Ok(task.clone()),
        None => TransitiveTask::new(TASKS[0].0, &[TASKS[0].1]),
    };
    Ok(match args.name {
        FigureName::Task => task_figure::draw(&published()?)?,
        FigureName::Margins => margins(&published()?, args.c.unwrap_or(10.0))?,
        FigureName::Mechanism => mechanism(published()?)?,
        FigureName::Phase => match task {
            Some(task) => phase(&[task], 240)?.0,
            None => phase(&published_tasks()?, 240)?.0,
        },
        FigureName::Window => window_figure::draw(&WindowInputs::default())?,
        FigureName::Conjunctivity => conjunctivity()?,
        _ if args.published.is_empty() => {
            return Err(Failure::input("this figure is drawn from trial tables: name them with --published"));
        }
        FigureName::Study => language_models::study::draw(&read_pairs(&args.published)?)?,
        FigureName::Placements => placements(&read_pairs(&args.published)?)?,
        FigureName::FittedMargins
        | FigureName::PredictedMargins
        | FigureName::ObservedMargins
        | FigureName::ModelConjunctivity => {
            let replicates = if args.name == FigureName::ModelConjunctivity { REPLICATES } else { 0 };
            let (fitted, predicted) = fit_published(&args.published, replicates)?;
            language_model_figure(args.name, &fitted, &predicted)?
        }
    })
}

/// Judgments by condition and ordered pair, behind a progress bar.
pub(crate) fn read_pairs<P: AsInput>(paths: &[P]) -> Result<PairTable, Failure> {
    reading(|progress| read_pair_table(paths, Phase::Post, progress))
}

/// Heatmaps of the conditions with full fine-tuning, or of all if there are none; as many as a figure holds.
pub(crate) fn placements(table: &PairTable) -> Result<Figure, Failure> {
    let all = 0..table.conditions.len();
    let full: Vec<usize> = all.clone().filter(|&k| table.conditions[k].setting == "full").collect();
    let mut shown = if full.is_empty() { all.collect() } else { full };
    let (n, most) = (shown.len(), language_models::placements::MOST_CONDITIONS);
    shown.truncate(most);
    let figure = language_models::placements::draw(table, &shown)?;
    Ok(if n > most { figure.leaving_out(format!("These are the first {most} of {n} conditions.")) } else { figure })
}

/// The tasks of [`TASKS`].
pub(crate) fn published_tasks() -> Result<Vec<TransitiveTask>, Failure> {
    TASKS.iter().map(|&(n, e)| Ok(TransitiveTask::new(n, &[e])?)).collect()
}

pub(crate) fn margins(task: &TransitiveTask, c: f64) -> Result<Figure, Failure> {
    Ok(margins_figure::draw(&MarginsInputs {
        n_items: task.n_items(),
        exceptions: task.exceptions().iter().map(|e| (e.winner, e.loser)).collect(),
        c,
        ..MarginsInputs::default()
    })?)
}

pub(crate) fn mechanism(task: TransitiveTask) -> Result<Figure, Failure> {
    Ok(mechanism_figure::draw(&MechanismInputs { task, screenings: vec![0.1, 1.0, 4.0] })?)
}

/// Phase diagrams, a row per task, and their grids.
pub(crate) fn phase(
    tasks: &[TransitiveTask],
    cells: usize,
) -> Result<(Figure, Vec<caveat_theory::PhaseGrid>), Failure> {
    let axes = PhaseAxes::cell_centers(cells, cells, (0.0, 1.0), (1e-3, 1e1))?;
    let mut rows = Vec::new();
    for task in tasks {
        rows.push((task.clone(), with_progress(task, &axes, "phase grid")?));
    }
    let figure = phase_figure::draw(PhaseInputs { rows: &rows })?;
    Ok((figure, rows.into_iter().map(|r| r.1).collect()))
}

/// α by depth, with random networks of 1,000 units at depths 1 to 4 for the same activations.
pub(crate) fn conjunctivity() -> Result<Figure, Failure> {
    let activations = vec![Activation::RELU, Activation::leaky(0.3)?, Activation::ABS];
    let depths = 1..=4;
    let bar = progress::bar((activations.len() * depths.clone().count()) as u64, "random networks");
    let mut random_features = Vec::new();
    for &activation in &activations {
        for depth in depths.clone() {
            let mut settings = RandomFeatures::new(activation, depth, 0);
            settings.width = 1_000;
            settings.replicates = 12;
            random_features.push(settings.estimate(None)?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(conjunctivity_figure::draw(&ConjunctivityInputs { activations, max_depth: 16, random_features })?)
}

/// Fits of all conditions, and predictions of those with an exception from those without, model by model.
pub(crate) fn fit_published<P: AsInput>(
    paths: &[P],
    replicates: usize,
) -> Result<(Vec<Fitted>, Vec<Predicted>), Failure> {
    let conditions = read(paths, Phase::Post)?;
    let observed = group(&conditions, &[ByColumn::Setting, ByColumn::Model, ByColumn::Task, ByColumn::Hier])?;
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
        predict_all(&observed, &train, &test, replicates, 0)?
    };
    Ok((fit_all(observed, 0, 0)?, predicted))
}

/// One of the four figures of language models.
pub(crate) fn language_model_figure(
    name: FigureName,
    fitted: &[Fitted],
    predicted: &[Predicted],
) -> Result<Figure, Failure> {
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
