//! `fit`: (α, C, gain) of every condition, from margins or from choices, and predictions of conditions not fitted.

mod behavior;
mod choices;
mod compare;
mod direction;
mod hierarchy;
mod learners;
mod margins;
mod observe;
mod posterior;
mod predict;
mod report;
mod request;

use std::collections::BTreeSet;

use caveat_figures::Figure;
use caveat_results::{Condition, ConditionKey, Phase, Table, look_alikes_of};
use caveat_theory::LearnerKind;
use caveat_theory::inference::Hierarchy;

use crate::error::{AnalysisError, Result};
use crate::watch::Watch;
use choices::{ChoiceUnit, FittedChoices};
use observe::Observed;
use report::Report;
use request::Job;

pub(crate) use margins::{Fitted, fit_all, table_of_fits, table_of_margins};
pub(crate) use observe::{group, read};
pub(crate) use predict::{Predicted, predict_all, prediction_findings, table_of_pairs, table_of_predictions};
pub use request::{ByColumn, ChoiceRequest, ClusterColumn, FitLoss, FitRequest};

/// Default number of replicates behind the intervals of predictions.
pub(crate) const REPLICATES: usize = 2_000;

/// What a fit found.
#[derive(Debug, Clone, Default)]
pub struct FitOutcome {
    /// One row per fit, per prediction, per model compared, or per parameter of their population.
    pub table: Table,
    /// Its main columns, for a person; `None` where these are all.
    pub brief: Option<Table>,
    /// Every draw of a posterior, where one was sampled.
    pub draws: Option<Table>,
    /// Every predicted pair, where conditions were predicted.
    pub pairs: Option<Table>,
    /// Accuracy by pair with the fitted theory, on request.
    pub by_pair: Option<Figure>,
    /// Accuracy by symbolic distance and position with the fitted theory, on request.
    pub by_distance: Option<Figure>,
    /// What a person should know about it, a line each.
    pub notes: Vec<String>,
    /// What makes the result doubtful, a line each.
    pub warnings: Vec<String>,
}

impl FitOutcome {
    fn new(table: Table) -> Self {
        Self { table, ..Self::default() }
    }

    /// One row per fit.
    fn from_reports(reports: &[Report]) -> Result<Self> {
        Ok(Self { brief: Some(report::table(reports, true)?), ..Self::new(report::table(reports, false)?) })
    }
}

/// Fits and predicts what `request` asks for; nothing is printed or written.
///
/// # Errors
/// A request or file that is wrong, with what would be right, or a computation that fails.
pub fn fit(request: &FitRequest, watch: &dyn Watch) -> Result<FitOutcome> {
    let Some(first) = request.files.first() else {
        return Err(AnalysisError::input("there is no file to fit: name at least one"));
    };
    request.check()?;
    let of_choices =
        request.choices.columns.is_some() || request.choices.preset.is_some() || caveat_results::is_choice_file(first)?;
    let job = Job { request, spec: request.spec(), watch };
    match (of_choices, request.loss) {
        (true, _) => job.choice_files(),
        (false, Some(FitLoss::Logistic)) => job.trial_choices(),
        (false, _) => job.trial_margins(),
    }
}

impl Job<'_> {
    fn choice_files(&self) -> Result<FitOutcome> {
        let request = self.request;
        if !request.train.is_empty() {
            return Err(AnalysisError::input(
                "⟨train⟩ and ⟨test⟩ name hierarchies of trial tables: a file of choices has none",
            ));
        }
        if request.loss == Some(FitLoss::Squared) {
            return Err(AnalysisError::input("a file of choices has no margins: leave out ⟨loss=squared⟩"));
        }
        if request.phase == Phase::Pre {
            return Err(AnalysisError::input("⟨phase=pre⟩ is for trial tables: a file of choices has no phases"));
        }
        let file = choices::read_file(request)?;
        if request.choices.draw_pairs && file.tables.iter().all(|t| t.rows.is_empty()) {
            return Err(AnalysisError::input(
                "⟨figure⟩ shows accuracy by pair, and the file tells symbolic distances only: use ⟨distance_figure⟩",
            ));
        }
        let mut found = self.units(&file.units, file.warnings.clone(), true, |fitted| {
            behavior::draw(&request.choices, &file, fitted)
        })?;
        found.notes.splice(0..0, file.notes);
        Ok(found)
    }

    /// Fits the choices in trial tables.
    fn trial_choices(&self) -> Result<FitOutcome> {
        refuse_choice_options(self.request)?;
        if !self.request.train.is_empty() {
            return Err(AnalysisError::input("⟨train⟩ and ⟨test⟩ predict margins: leave out ⟨loss=logistic⟩"));
        }
        let (units, doubts) = choices::read_trials(self.request, self.watch)?;
        self.units(&units, doubts, self.request.phase == Phase::Post, |_| Ok([None, None]))
    }

    /// Fits units of choices, compares models of them, or fits their population.
    fn units(
        &self,
        units: &[ChoiceUnit],
        mut warnings: Vec<String>,
        is_final: bool,
        draw: impl FnOnce(&[FittedChoices]) -> Result<[Option<Figure>; 2]>,
    ) -> Result<FitOutcome> {
        if self.request.hierarchical {
            Hierarchy::check(&self.spec)?;
        }
        warnings.extend(direction::check_bias(units, &self.spec)?);
        warnings.extend(direction::of_choices(units, &self.spec, is_final)?);
        if self.request.compare {
            return Ok(FitOutcome { warnings, ..FitOutcome::new(compare::choices(units, self)?) });
        }
        if let Some(sampler) = self.request.posterior {
            let found = posterior::of_choices(units, &sampler, self)?;
            warnings.extend(found.warnings);
            let draws = Some(found.draws);
            return Ok(FitOutcome { warnings, notes: found.notes, draws, ..FitOutcome::new(found.table) });
        }
        let fitted = choices::fit_all(units, self)?;
        let [by_pair, by_distance] = draw(&fitted)?;
        let reports: Vec<Report> = fitted.into_iter().map(|f| f.report).collect();
        let found = if self.request.hierarchical {
            let (table, more) = hierarchy::of_choices(units, &reports, self)?;
            warnings.extend(more);
            FitOutcome::new(table)
        } else {
            FitOutcome::from_reports(&reports)?
        };
        Ok(FitOutcome { warnings, by_pair, by_distance, ..found })
    }

    /// Fits the margins in trial tables.
    fn trial_margins(&self) -> Result<FitOutcome> {
        let request = self.request;
        refuse_choice_options(request)?;
        let by = request.trial_columns()?;
        if request.posterior.is_some() {
            return Err(AnalysisError::input("⟨posterior⟩ is of choices: add ⟨loss=logistic⟩"));
        }
        if request.lapse {
            return Err(AnalysisError::input("margins have no lapses: ⟨lapse⟩ is for choices, ⟨loss=logistic⟩"));
        }
        if !request.train.is_empty() && !by.contains(&ByColumn::Hier) {
            return Err(AnalysisError::input("⟨train⟩ and ⟨test⟩ name hierarchies: keep hier in ⟨by⟩"));
        }
        let is_plain = request.learner == LearnerKind::Ridge && !request.position_bias;
        if !request.train.is_empty() && !is_plain {
            return Err(AnalysisError::input(
                "⟨train⟩ and ⟨test⟩ predict with ridge regression: leave out ⟨learner⟩ and ⟨position_bias⟩",
            ));
        }
        let read = read(&request.files, request.selection()?, self.watch)?;
        let mut warnings = alike(read.iter().map(Condition::key));
        for doubt in read.iter().flat_map(Condition::doubts) {
            if !warnings.contains(&doubt) {
                warnings.push(doubt);
            }
        }
        let observed = group(&read, &by)?;
        let notes: Vec<String> = observed.iter().flat_map(|o| o.notes.clone()).collect();
        let is_fitted = |o: &&Observed| request.train.is_empty() || request.train.contains(&o.key.hier);
        let fitted: Vec<Observed> = observed.iter().filter(is_fitted).cloned().collect();
        // Before training, a model may well prefer the opposite order.
        warnings.extend(direction::of_margins(&fitted, &self.spec, request.phase == Phase::Post)?);
        if !request.train.is_empty() {
            let found = self.predict(&observed)?;
            let notes = notes.into_iter().chain(found.notes).collect();
            return Ok(FitOutcome { warnings, notes, ..found });
        }
        if request.compare {
            return Ok(FitOutcome { warnings, notes, ..FitOutcome::new(compare::margins(&observed, self)?) });
        }
        let reports: Vec<Report> = if is_plain {
            fit_all(fitted, request.replicates(), request.seed, self.watch)?.iter().map(Fitted::report).collect()
        } else {
            learners::fit_all(&observed, self)?
        };
        let found = if request.hierarchical {
            let (table, more) = hierarchy::of_margins(&observed, &reports, self)?;
            warnings.extend(more);
            FitOutcome::new(table)
        } else {
            FitOutcome::from_reports(&reports)?
        };
        Ok(FitOutcome { warnings, notes, ..found })
    }

    /// Predictions of `test` from fits of `train`.
    fn predict(&self, observed: &[Observed]) -> Result<FitOutcome> {
        let FitRequest { train, test, bootstrap, seed, .. } = self.request;
        let predicted = predict_all(observed, train, test, bootstrap.unwrap_or(REPLICATES), *seed, self.watch)?;
        let findings = prediction_findings(&predicted.iter().collect::<Vec<_>>())?;
        Ok(FitOutcome {
            pairs: Some(table_of_pairs(&predicted)?),
            notes: findings.into_iter().map(|(what, value)| format!("{what}: {value}")).collect(),
            ..FitOutcome::new(table_of_predictions(&predicted)?)
        })
    }
}

/// Warnings about settings, models, tasks and hierarchies whose names differ only by case.
fn alike<'a>(keys: impl Iterator<Item = &'a ConditionKey>) -> Vec<String> {
    let keys: Vec<&ConditionKey> = keys.collect();
    let warning = |noun: &str, of: fn(&ConditionKey) -> &str| {
        let names: BTreeSet<&str> = keys.iter().map(|key| of(key)).collect();
        look_alikes_of(&names.into_iter().collect::<Vec<_>>(), noun)
    };
    let warnings = [
        warning("settings", |key| &key.setting),
        warning("models", |key| &key.model),
        warning("tasks", |key| &key.task),
        warning("hierarchies", |key| &key.hier),
    ];
    warnings.into_iter().flatten().collect()
}

fn refuse_choice_options(request: &FitRequest) -> Result<()> {
    let c = &request.choices;
    let given = [
        ("n_items", c.n_items.is_some()),
        ("tasks", !c.tasks.is_empty()),
        ("exceptions", !c.exceptions.is_empty()),
        ("items", c.items.is_some()),
        ("first_rank", c.first_rank.is_some()),
        ("trials", c.trials.is_some()),
        ("skip_missing", c.skip_missing),
        ("cluster", c.cluster.is_some()),
        ("figure", c.draw_pairs),
        ("distance_figure", c.draw_distances),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(AnalysisError::input(format!(
            "⟨{option}⟩ is for a file of choices, and this is not taken for one: trial tables say themselves what was trained, and of choices \
             the columns are known by name or told with ⟨columns⟩, as in ⟨columns=winner=chosen,loser=other⟩"
        ))),
        None => Ok(()),
    }
}
