//! `caveat fit`: (α, C, gain) of every condition, from margins or from choices, and predictions of conditions not fitted.

mod behavior;
mod choices;
mod compare;
mod hierarchy;
mod learners;
mod margins;
mod observed;
mod prediction;
mod report;

use caveat_results::{Format, Table};
use caveat_theory::inference::{Family, ModelSpec};

use crate::cli::{ByColumn, FitArgs, FitLoss, Learner};
use crate::failure::Failure;
use crate::output::{check_picture_path, check_table_path, print_table, tell};

pub(crate) use margins::{Fitted, fit_all, table_of_fits, table_of_margins};
pub(crate) use observed::{group, read};
pub(crate) use prediction::{Predicted, PredictionSummary, predict_all, table_of_pairs, table_of_predictions};
pub(crate) use report::key_columns;

pub(crate) fn run(args: &FitArgs) -> Result<(), Failure> {
    for path in args.output.output.iter().chain(&args.pairs) {
        check_table_path(path)?;
    }
    for path in args.choices.figure.iter().chain(&args.choices.distance_figure) {
        check_picture_path(path)?;
    }
    if choices::is_choice_file(args)? { run_on_choices(args) } else { run_on_trials(args) }
}

/// A file of choices.
fn run_on_choices(args: &FitArgs) -> Result<(), Failure> {
    if !args.train.is_empty() {
        return Err(Failure::input("--train and --test name hierarchies of trial tables: a file of choices has none"));
    }
    if args.loss == Some(FitLoss::Squared) {
        return Err(Failure::input("a file of choices has no margins: leave out --loss squared"));
    }
    let file = choices::read_file(args)?;
    behavior::check(args, &file)?;
    if let Some(note) = &file.note {
        tell(note);
    }
    let spec = model_spec(args);
    if args.compare {
        return emit(&compare::choices(&file.units, args)?, args);
    }
    let fitted = choices::fit_all(&file.units, &spec, args.bootstrap, args.seed)?;
    behavior::draw(args, &file, &fitted)?;
    let reports: Vec<report::Report> = fitted.into_iter().map(|f| f.report).collect();
    emit_reports(&reports, args)
}

fn run_on_trials(args: &FitArgs) -> Result<(), Failure> {
    refuse_choice_options(args)?;
    let by = by_columns(args.by.as_deref())?;
    if args.loss == Some(FitLoss::Logistic) {
        if !args.train.is_empty() {
            return Err(Failure::input("--train and --test predict margins: leave out --loss logistic"));
        }
        let units = choices::read_trials(&args.files, args)?;
        if args.compare {
            return emit(&compare::choices(&units, args)?, args);
        }
        let fitted = choices::fit_all(&units, &model_spec(args), args.bootstrap, args.seed)?;
        let reports: Vec<report::Report> = fitted.into_iter().map(|f| f.report).collect();
        return emit_reports(&reports, args);
    }
    if args.lapse {
        return Err(Failure::input("margins have no lapses: --lapse is for choices, --loss logistic"));
    }
    if !args.train.is_empty() && !by.contains(&ByColumn::Hier) {
        return Err(Failure::input("--train and --test name hierarchies: keep hier in --by"));
    }
    let is_plain = args.learner == Learner::Ridge && !args.position_bias;
    if !args.train.is_empty() && !is_plain {
        return Err(Failure::input(
            "--train and --test predict with ridge regression: leave out --learner and --position-bias",
        ));
    }
    let observed = group(&read(&args.files, args.phase)?, &by)?;
    if !args.train.is_empty() {
        let predicted = predict_all(&observed, &args.train, &args.test, args.bootstrap, args.seed)?;
        if let Some(path) = &args.pairs {
            table_of_pairs(&predicted)?.write(path)?;
        }
        for (what, value) in PredictionSummary::of(predicted.iter())?.iter().flat_map(PredictionSummary::findings) {
            tell(&format!("{what}: {value}"));
        }
        return emit(&table_of_predictions(&predicted)?, args);
    }
    if args.compare {
        return emit(&compare::margins(&observed, args)?, args);
    }
    let reports: Vec<report::Report> = if is_plain {
        fit_all(observed, args.bootstrap, args.seed)?.iter().map(Fitted::report).collect()
    } else {
        learners::fit_all(&observed, &model_spec(args), args.bootstrap, args.seed)?
    };
    emit_reports(&reports, args)
}

fn refuse_choice_options(args: &FitArgs) -> Result<(), Failure> {
    let c = &args.choices;
    let given = [
        ("-n", c.n_items.is_some()),
        ("--exception", !c.exception.is_empty()),
        ("--order", c.order.is_some()),
        ("--first-rank", c.first_rank.is_some()),
        ("--trials", c.trials.is_some()),
        ("--cluster", c.cluster.is_some()),
        ("--figure", c.figure.is_some()),
        ("--distance-figure", c.distance_figure.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::input(format!(
            "{option} is for a file of choices, and these are trial tables, which say themselves what was trained; to read choices \
             name their columns with --columns"
        ))),
        None => Ok(()),
    }
}

/// One row per fit, or their summary over subjects or models.
fn emit_reports(reports: &[report::Report], args: &FitArgs) -> Result<(), Failure> {
    if args.hierarchical {
        return emit(&hierarchy::table(reports)?, args);
    }
    let brief = args.output.output.is_none() && args.output.format == Format::Table;
    emit(&report::table(reports, brief)?, args)
}

fn emit(table: &Table, args: &FitArgs) -> Result<(), Failure> {
    match &args.output.output {
        Some(path) => Ok(table.write(path)?),
        None => print_table(table, args.output.format),
    }
}

/// Columns that make a condition of trial tables.
fn by_columns(by: Option<&[ByColumn]>) -> Result<Vec<ByColumn>, Failure> {
    let Some(by) = by else { return Ok(vec![ByColumn::Setting, ByColumn::Model, ByColumn::Task, ByColumn::Hier]) };
    if by.iter().any(|c| matches!(c, ByColumn::Subject | ByColumn::Session | ByColumn::Condition)) {
        return Err(Failure::input(
            "trial tables have no subject, session or condition: --by takes setting, model, task and hier",
        ));
    }
    Ok(by.to_vec())
}

fn model_spec(args: &FitArgs) -> ModelSpec {
    ModelSpec { lapse: args.lapse, position_bias: args.position_bias, ..ModelSpec::new(family(args.learner)) }
}

fn family(learner: Learner) -> Family {
    match learner {
        Learner::Ridge => Family::Ridge,
        Learner::GradientFlow => Family::GradientFlow,
        Learner::Logistic => Family::Logistic,
    }
}

/// Name of a learner's strength in tables.
fn strength_name(family: Family) -> &'static str {
    if family == Family::GradientFlow { "time" } else { "c" }
}
