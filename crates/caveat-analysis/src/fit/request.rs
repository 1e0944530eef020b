//! The request of a fit to files, and what every part of the fit needs.

use caveat_results::{ChoiceColumns, Filter, Input, Phase, Selection};
use caveat_theory::inference::ModelSpec;
use caveat_theory::inference::posterior::SamplerSettings;
use caveat_theory::{LearnerKind, named_enum};

use crate::error::{AnalysisError, Result};
use crate::task::PlainTask;
use crate::watch::Watch;

/// A fit to trial tables or to files of choices.
#[derive(Debug, Clone, Default)]
pub struct FitRequest {
    /// Trial tables or directories of them, or CSV files of choices; at least one.
    pub files: Vec<Input>,
    /// Columns that make a condition; others are averaged over. `None` for setting, model, task and hier, or no column of choices.
    pub by: Option<Vec<ByColumn>>,
    /// `None` for squared error of margins, or the likelihood of choices.
    pub loss: Option<FitLoss>,
    /// What learns the margins.
    pub learner: LearnerKind,
    /// Whether a lapse rate is estimated.
    pub lapse: bool,
    /// Whether a bias for the item shown first is estimated.
    pub position_bias: bool,
    /// Hierarchies to fit; with `test`.
    pub train: Vec<String>,
    /// Hierarchies to predict; with `train`.
    pub test: Vec<String>,
    /// Whether nested models are compared by cross-validation instead.
    pub compare: bool,
    /// Folds of the cross-validation, at most one a cluster; only with `compare`. `None` for [`Self::FOLDS`].
    pub folds: Option<usize>,
    /// Whether the population of models or subjects is fitted.
    pub hierarchical: bool,
    /// How the posterior of people or models is sampled instead, its seed in place of `seed`; `None` for no posterior.
    pub posterior: Option<SamplerSettings>,
    /// Rows of trial tables to use.
    pub phase: Phase,
    /// Which rows are used: expressions, all of which hold.
    pub filters: Vec<String>,
    /// Replicates of a bootstrap. `None` for none, or 2,000 where `test` is predicted.
    pub bootstrap: Option<usize>,
    /// Seed of the bootstrap and of the folds.
    pub seed: u64,
    /// How files of choices are read.
    pub choices: ChoiceRequest,
}

/// How files of choices are read, and what is drawn of them.
#[derive(Debug, Clone, Default)]
pub struct ChoiceRequest {
    /// What the columns mean; not with `preset`.
    pub columns: Option<ChoiceColumns>,
    /// Columns of a published file, by its name.
    pub preset: Option<String>,
    /// What was trained, by condition; the name `None` stands for all others.
    pub tasks: Vec<(Option<String>, PlainTask)>,
    /// Number of items of every condition.
    pub n_items: Option<usize>,
    /// Exceptions (winner, loser) by rank, in a file with one condition.
    pub exceptions: Vec<(usize, usize)>,
    /// Names of the items, highest first.
    pub items: Option<Vec<String>>,
    /// Rank of the highest item in the file, 0 or 1.
    pub first_rank: Option<usize>,
    /// Whether rows that lack a value are left out.
    pub skip_missing: bool,
    /// Number of trials behind every row.
    pub trials: Option<f64>,
    /// What is resampled and left out as a whole; `None` for subjects if there are any, else sessions.
    pub cluster: Option<ClusterColumn>,
    /// Whether accuracy by pair is drawn.
    pub draw_pairs: bool,
    /// Whether accuracy by symbolic distance is drawn.
    pub draw_distances: bool,
}

/// A request, the model that it asks for, and who watches.
pub(crate) struct Job<'a> {
    pub(crate) request: &'a FitRequest,
    pub(crate) spec: ModelSpec,
    pub(crate) watch: &'a dyn Watch,
}

impl FitRequest {
    /// Default number of folds of a cross-validation.
    pub const FOLDS: usize = 10;

    /// A fit of ridge regression to these files, with the default of every other option.
    pub fn new(files: Vec<Input>) -> Self {
        Self { files, ..Self::default() }
    }

    /// Refuses options that exclude each other, so that no option is ignored in silence.
    pub(super) fn check(&self) -> Result<()> {
        if self.train.is_empty() != self.test.is_empty() {
            return Err(AnalysisError::input(
                "⟨train⟩ and ⟨test⟩ go together: name what is fitted and what is predicted",
            ));
        }
        if self.folds.is_some() && !self.compare {
            return Err(AnalysisError::input("⟨folds⟩ are those of ⟨compare⟩: ask for it, or leave them out"));
        }
        let c = &self.choices;
        let [compare, hierarchical, train] =
            [("compare", self.compare), ("hierarchical", self.hierarchical), ("train", !self.train.is_empty())];
        let posterior = ("posterior", self.posterior.is_some());
        let [tasks, n_items] = [("tasks", !c.tasks.is_empty()), ("n_items", c.n_items.is_some())];
        for (one, other) in [
            (compare, hierarchical),
            (compare, train),
            (hierarchical, train),
            (posterior, compare),
            (posterior, hierarchical),
            (posterior, train),
            (posterior, ("figure", c.draw_pairs)),
            (posterior, ("distance_figure", c.draw_distances)),
            (posterior, ("cluster", c.cluster.is_some())),
            (compare, ("figure", c.draw_pairs)),
            (compare, ("distance_figure", c.draw_distances)),
            (("columns", c.columns.is_some()), ("preset", c.preset.is_some())),
            (tasks, n_items),
            (tasks, ("exceptions", !c.exceptions.is_empty())),
            (("items", c.items.is_some()), n_items),
        ] {
            if one.1 && other.1 {
                return Err(AnalysisError::input(format!(
                    "⟨{}⟩ and ⟨{}⟩ exclude each other: leave out one of them",
                    one.0, other.0
                )));
            }
        }
        for (option, is_given) in [compare, hierarchical, posterior] {
            if is_given && self.bootstrap.is_some_and(|n| n > 0) {
                return Err(AnalysisError::input(format!("⟨{option}⟩ draws no bootstrap: leave out ⟨bootstrap⟩")));
            }
        }
        if let Some(sampler) = &self.posterior {
            sampler.check()?;
        }
        Ok(())
    }

    /// The rows of trial tables that are used.
    pub(super) fn selection(&self) -> Result<Selection> {
        let mut filters = Vec::new();
        for expression in &self.filters {
            filters.extend(Filter::all(expression)?);
        }
        Ok(Selection::of_phase(self.phase, filters)?)
    }

    /// Columns that make a condition of trial tables.
    pub(super) fn trial_columns(&self) -> Result<Vec<ByColumn>> {
        let Some(by) = &self.by else { return Ok(ByColumn::OF_TRIALS.to_vec()) };
        if by.iter().any(|c| matches!(c, ByColumn::Subject | ByColumn::Session | ByColumn::Condition)) {
            return Err(AnalysisError::input(
                "trial tables have no subject, session or condition: ⟨by⟩ takes setting, model, task and hier",
            ));
        }
        Ok(by.clone())
    }

    pub(super) fn spec(&self) -> ModelSpec {
        ModelSpec { lapse: self.lapse, position_bias: self.position_bias, ..ModelSpec::new(self.learner) }
    }

    /// Bootstrap replicates of every fit; a population needs none.
    pub(super) fn replicates(&self) -> usize {
        if self.hierarchical { 0 } else { self.bootstrap.unwrap_or(0) }
    }
}

named_enum! {
    /// A column that makes conditions: the first four of trial tables, the others of choices.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[allow(missing_docs, reason = "named as the columns are")]
    pub enum ByColumn, ALL {
        Setting = "setting",
        Model = "model",
        Task = "task",
        Hier = "hier",
        Subject = "subject",
        Session = "session",
        Condition = "condition",
    }
}

impl ByColumn {
    /// Those of trial tables.
    pub const OF_TRIALS: [Self; 4] = [Self::Setting, Self::Model, Self::Task, Self::Hier];
}

named_enum! {
    /// What is resampled and left out as a whole.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ClusterColumn, ALL {
        /// All choices of a subject.
        Subject = "subject",
        /// Those of one session of one subject.
        Session = "session",
    }
}

named_enum! {
    /// What a fit minimizes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum FitLoss, ALL {
        Squared = "squared": "Squared error on margins",
        Logistic = "logistic": "Log-likelihood of choices",
    }
}
