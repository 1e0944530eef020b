//! `caveat fit`: (α, C, gain) of every condition, from margins or from choices, and predictions of conditions not fitted.

mod behavior;
mod choices;
mod compare;
mod direction;
mod hierarchy;
mod learners;
mod margins;
mod observed;
mod prediction;
mod report;
mod settings;

use std::collections::BTreeSet;
use std::path::PathBuf;

use caveat_figures::Figure;
use caveat_results::{Condition, ConditionKey, Format, Input, Phase, Table, look_alikes_of};
use caveat_theory::inference::{Hierarchy, ModelSpec};

use crate::cli::{ByColumn, FitArgs, FitLoss, LearnerName};
use crate::commands::results::tell_passed_over;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, print_table, write_figure};
use crate::tell::tell;

pub(crate) use margins::{Fitted, fit_all, table_of_fits, table_of_margins};
pub(crate) use observed::{group, read};
pub(crate) use prediction::{Predicted, PredictionSummary, predict_all, table_of_pairs, table_of_predictions};
pub(crate) use report::key_columns;
pub use settings::ChoicePictures;
use settings::{by_columns, model_spec, selection};

/// Replicates behind the intervals of predictions, where no number is asked for.
const REPLICATES: usize = 2_000;

/// What a fit found.
#[derive(Debug, Clone)]
pub struct FitOutcome {
    /// One row per fit, per prediction, per model compared, or per parameter of their summary.
    pub table: Table,
    /// The columns of it that a person reads first, where there are more.
    brief: Option<Table>,
    /// Every predicted pair, where conditions were predicted.
    pub pairs: Option<Table>,
    /// Accuracy by pair with the fitted theory, where it was asked for.
    pub by_pair: Option<Figure>,
    /// Accuracy by symbolic distance and position with the fitted theory, where it was asked for.
    pub by_distance: Option<Figure>,
    /// What a person should know of it, a line each.
    pub notes: Vec<String>,
    /// What makes the result doubtful, a line each.
    pub warnings: Vec<String>,
}

impl FitOutcome {
    fn new(table: Table) -> Self {
        Self {
            table,
            brief: None,
            pairs: None,
            by_pair: None,
            by_distance: None,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// One row per fit.
    fn of_reports(reports: &[report::Report]) -> Result<Self, Failure> {
        Ok(Self { brief: Some(report::table(reports, true)?), ..Self::new(report::table(reports, false)?) })
    }
}

pub(crate) fn run(args: &FitArgs) -> Result<(), Failure> {
    for path in args.output.output.iter().chain(&args.pairs) {
        check_table_path(path)?;
    }
    let paths = (&args.choices.figure, &args.choices.distance_figure);
    for path in paths.0.iter().chain(paths.1) {
        check_picture_path(path)?;
    }
    let written = args.output.output.iter().chain(&args.pairs).chain(paths.0).chain(paths.1);
    check_separate(args.files.iter().map(Input::path), written.map(PathBuf::as_path))?;
    tell_passed_over(&args.files);
    let found = perform(args, ChoicePictures { by_pair: paths.0.is_some(), by_distance: paths.1.is_some() })?;
    found.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
    found.notes.iter().for_each(|note| tell(note));
    for (path, figure) in [(paths.0, &found.by_pair), (paths.1, &found.by_distance)] {
        if let (Some(path), Some(figure)) = (path, figure) {
            write_figure(path, figure)?;
            tell(&path.display().to_string());
        }
    }
    if let (Some(path), Some(pairs)) = (&args.pairs, &found.pairs) {
        pairs.write(path)?;
    }
    match (&args.output.output, &found.brief) {
        (Some(path), _) => Ok(found.table.write(path)?),
        (None, Some(brief)) if args.output.format == Format::Table => print_table(brief, Format::Table),
        (None, _) => print_table(&found.table, args.output.format),
    }
}

/// Fits and predicts, and writes nothing.
pub(crate) fn perform(args: &FitArgs, pictures: ChoicePictures) -> Result<FitOutcome, Failure> {
    if let Some(option) = [("--compare", args.compare), ("--hierarchical", args.hierarchical)].iter().find(|o| o.1)
        && args.bootstrap.is_some_and(|n| n > 0)
    {
        return Err(Failure::input(format!("{} draws no bootstrap: leave out --bootstrap", option.0)));
    }
    if choices::is_choice_file(args)? { of_choices(args, pictures) } else { of_trials(args) }
}

/// A file of choices.
fn of_choices(args: &FitArgs, pictures: ChoicePictures) -> Result<FitOutcome, Failure> {
    if !args.train.is_empty() {
        return Err(Failure::input("--train and --test name hierarchies of trial tables: a file of choices has none"));
    }
    if args.loss == Some(FitLoss::Squared) {
        return Err(Failure::input("a file of choices has no margins: leave out --loss squared"));
    }
    if args.phase == Phase::Pre {
        return Err(Failure::input("--phase pre is for trial tables: a file of choices has no phases"));
    }
    let file = choices::read_file(args)?;
    if pictures.by_pair {
        behavior::check(&file)?;
    }
    let notes = file.notes.clone();
    let spec = model_spec(args);
    if args.hierarchical {
        Hierarchy::check(&spec)?;
    }
    let mut warnings = file.warnings.clone();
    warnings.extend(direction::check_bias(&file.units, &spec)?);
    warnings.extend(direction::of_choices(&file.units, &spec, true)?);
    if args.compare {
        return Ok(FitOutcome { notes, warnings, ..FitOutcome::new(compare::choices(&file.units, args)?) });
    }
    let fitted = choices::fit_all(&file.units, &spec, replicates(args), args.seed)?;
    let [by_pair, by_distance] = behavior::draw(pictures, &file, &fitted)?;
    let found = of_fits(&file.units, fitted, &spec, args)?;
    warnings.extend(found.warnings.iter().cloned());
    Ok(FitOutcome { notes, warnings, by_pair, by_distance, ..found })
}

/// Fits to choices, or the population of their units.
fn of_fits(
    units: &[choices::ChoiceUnit],
    fitted: Vec<choices::FittedChoices>,
    spec: &ModelSpec,
    args: &FitArgs,
) -> Result<FitOutcome, Failure> {
    let reports: Vec<report::Report> = fitted.into_iter().map(|f| f.report).collect();
    if args.hierarchical {
        let (table, warnings) = hierarchy::of_choices(units, &reports, spec)?;
        return Ok(FitOutcome { warnings, ..FitOutcome::new(table) });
    }
    FitOutcome::of_reports(&reports)
}

/// Bootstrap replicates of every fit; a population needs none.
fn replicates(args: &FitArgs) -> usize {
    if args.hierarchical { 0 } else { args.bootstrap.unwrap_or(0) }
}

fn of_trials(args: &FitArgs) -> Result<FitOutcome, Failure> {
    refuse_choice_options(args)?;
    let by = by_columns(args.by.as_deref())?;
    // Before training, a model may well prefer the opposite order.
    let is_final = args.phase == Phase::Post;
    if args.loss == Some(FitLoss::Logistic) {
        if !args.train.is_empty() {
            return Err(Failure::input("--train and --test predict margins: leave out --loss logistic"));
        }
        let choices::TrialUnits { units, doubts } = choices::read_trials(&args.files, args)?;
        let mut warnings = doubts;
        warnings.extend(direction::check_bias(&units, &model_spec(args))?);
        warnings.extend(direction::of_choices(&units, &model_spec(args), is_final)?);
        if args.compare {
            return Ok(FitOutcome { warnings, ..FitOutcome::new(compare::choices(&units, args)?) });
        }
        let spec = model_spec(args);
        let fitted = choices::fit_all(&units, &spec, replicates(args), args.seed)?;
        let found = of_fits(&units, fitted, &spec, args)?;
        warnings.extend(found.warnings.iter().cloned());
        return Ok(FitOutcome { warnings, ..found });
    }
    if args.lapse {
        return Err(Failure::input("margins have no lapses: --lapse is for choices, --loss logistic"));
    }
    if !args.train.is_empty() && !by.contains(&ByColumn::Hier) {
        return Err(Failure::input("--train and --test name hierarchies: keep hier in --by"));
    }
    let is_plain = args.learner == LearnerName::Ridge && !args.position_bias;
    if !args.train.is_empty() && !is_plain {
        return Err(Failure::input(
            "--train and --test predict with ridge regression: leave out --learner and --position-bias",
        ));
    }
    let read = read(&args.files, selection(args)?)?;
    let mut doubts = alike(read.iter().map(Condition::key));
    for doubt in read.iter().flat_map(Condition::doubts) {
        if !doubts.contains(&doubt) {
            doubts.push(doubt);
        }
    }
    let observed = group(&read, &by)?;
    let lacking: Vec<String> = observed.iter().flat_map(|o| o.notes.clone()).collect();
    if !args.train.is_empty() {
        let train: Vec<observed::Observed> =
            observed.iter().filter(|o| args.train.contains(&o.key.hier)).cloned().collect();
        let mut warnings = doubts;
        warnings.extend(direction::of_margins(&train, &model_spec(args), is_final)?);
        let predicted =
            predict_all(&observed, &args.train, &args.test, args.bootstrap.unwrap_or(REPLICATES), args.seed)?;
        let findings = PredictionSummary::summarize(predicted.iter())?;
        let findings = findings.iter().flat_map(PredictionSummary::findings);
        return Ok(FitOutcome {
            pairs: Some(table_of_pairs(&predicted)?),
            notes: lacking.into_iter().chain(findings.map(|(what, value)| format!("{what}: {value}"))).collect(),
            warnings,
            ..FitOutcome::new(table_of_predictions(&predicted)?)
        });
    }
    let mut warnings = doubts;
    warnings.extend(direction::of_margins(&observed, &model_spec(args), is_final)?);
    if args.compare {
        return Ok(FitOutcome { warnings, notes: lacking, ..FitOutcome::new(compare::margins(&observed, args)?) });
    }
    let spec = model_spec(args);
    let kept = if args.hierarchical { observed.clone() } else { Vec::new() };
    let reports: Vec<report::Report> = if is_plain {
        fit_all(observed, replicates(args), args.seed)?.iter().map(Fitted::report).collect()
    } else {
        learners::fit_all(&observed, &spec, replicates(args), args.seed)?
    };
    if args.hierarchical {
        let (table, more) = hierarchy::of_margins(&kept, &reports, &spec)?;
        warnings.extend(more);
        return Ok(FitOutcome { warnings, notes: lacking, ..FitOutcome::new(table) });
    }
    Ok(FitOutcome { warnings, notes: lacking, ..FitOutcome::of_reports(&reports)? })
}

/// Warnings of settings, models, tasks and hierarchies whose names differ by case alone.
fn alike<'a>(keys: impl Iterator<Item = &'a ConditionKey>) -> Vec<String> {
    let keys: Vec<&ConditionKey> = keys.collect();
    let names = |of: fn(&ConditionKey) -> &str| keys.iter().map(|key| of(key)).collect::<BTreeSet<_>>();
    let all: [(&str, BTreeSet<&str>); 4] = [
        ("settings", names(|key| &key.setting)),
        ("models", names(|key| &key.model)),
        ("tasks", names(|key| &key.task)),
        ("hierarchies", names(|key| &key.hier)),
    ];
    all.into_iter().filter_map(|(noun, names)| look_alikes_of(&names.into_iter().collect::<Vec<_>>(), noun)).collect()
}

fn refuse_choice_options(args: &FitArgs) -> Result<(), Failure> {
    let c = &args.choices;
    let given = [
        ("-n", c.n_items.is_some()),
        ("--task", !c.task.is_empty()),
        ("--exception", !c.exception.is_empty()),
        ("--order", c.order.is_some()),
        ("--first-rank", c.first_rank.is_some()),
        ("--trials", c.trials.is_some()),
        ("--skip-missing", c.skip_missing),
        ("--cluster", c.cluster.is_some()),
        ("--figure", c.figure.is_some()),
        ("--distance-figure", c.distance_figure.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::input(format!(
            "{option} is for a file of choices, and this is not taken for one: trial tables say themselves what was trained, and of choices \
             the columns are known by name or told with --columns, as in --columns winner=chosen,loser=other"
        ))),
        None => Ok(()),
    }
}
