//! The options of `caveat fit`.

use std::path::PathBuf;

use caveat_analysis::{ByColumn, ChoiceRequest, ClusterColumn, FitLoss, FitRequest, PlainTask};
use caveat_results::{ChoiceColumns, Input, Phase};
use caveat_theory::LearnerKind;
use caveat_theory::inference::posterior::SamplerSettings;
use clap::Args;

use super::OutputSpec;
use crate::values::{self, pairs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat fit results/ --by model,setting,task,hier --format json        margins of language models
  caveat fit results/ --train ti_n9 --test exc_mid_n9,exc_mid_n11       predict, nothing refitted
  caveat fit results/ --loss logistic --lapse --bootstrap 1000          yes/no answers instead of margins
  caveat fit choices.csv --columns winner=chosen,loser=other,subject=monkey --by subject --hierarchical
  caveat fit choices.csv -n 7 --exception 4 2 --compare                 which parameters the choices support
  caveat fit choices.csv --posterior --lapse -o posterior.parquet       posteriors of all people, and every draw
  caveat fit choices.csv --by condition --task plain=9 --task exc=9:5-3  a task for each condition
  caveat fit monkeys.csv --preset jensen2015-monkeys --figure pairs.svg

FILES are trial tables (.parquet or .csv), directories of them, or CSV files of choices. Several files are read as one. Files of \
choices need --columns or --preset, unless their columns are named winner,loser or higher,lower,accuracy,count.

Each condition has one task. By default, it is a list of all items that the condition shows, over all its subjects and sessions; \
the column task reports what was assumed. --task, or -n and --exception, declare another.

JSON is an array with one object per condition: {\"setting\", \"model\", \"task\", \"hier\", \"lora_r\", \"l2_reg\", \
\"conjunctivity\", \"c\", \"screening\", \"memorization\", \"gain\", \"limit\", \"r_squared\", \"correlation\", \"n_pairs\", …}. \
For choices: {\"subject\", …, \"conjunctivity\", \"c\", \"gain\", \"lapse\", \"position_bias\", \"log_likelihood\", \
\"n_trials\", …, \"task\"}. Infinity is null. A printed table holds the main columns only.

Each parameter has its 95 % interval (_low, _high), its profile-likelihood interval (_profile_low, _profile_high) and a flag: \
whether the pairs determine it (_identified). interval_over names what the 95 % interval is over: seeds, subjects or sessions if \
there are at least two (trials within one need not be independent); trials, for the choices of one person; none, for one seed. \
Profile intervals treat pairs or trials as independent.

limit says whether the fit lies in a limit of the theory:
  hebbian      C → 0 and gain → ∞: c is 0, and gain is the limit of gain·C
  additive     α → 0 and C → ∞ together: memorization is their limit
  conjunctive  α = 1: only trained pairs have margins, and C is not identified
  no_signal    gain is 0, and no parameter is identified
In all other fits limit is none, even if some parameter lies at an end of its range. at_bound names all such parameters, as in \
conjunctivity=0, c=inf, lapse=0.5, position_bias=inf (it diverges) or gain=saturated (any larger gain fits as well).

R² is computed about zero, not about the mean.

--compare, --hierarchical and --train print tables of their own. The --hierarchical table has one row per parameter for the \
population (unit empty) and one per unit. between is the standard deviation between units, on the scale named in the column \
scale. at_bound there names estimates at an end of their range, and between=10, the largest value tried.

--posterior samples the parameters of every person around those of the population and, if people have several sessions, of every \
session around the person's. Medians and 95 % intervals (low, high) are those of the draws. between and within are standard \
deviations between people and between sessions, on the scale named in the column scale. r_hat should be at most 1.01, and ess_bulk \
and ess_tail at least 100 per chain; a warning says if they are not. With -o, the file holds the draws, one row each, and the table \
is printed.

Priors of --posterior are weak. Medians (95 % ranges) of the population's parameters: α 0.18 (0.004 to 0.92), C or t 3 (0.06 to \
160), gain 3 (0.15 to 57), lapse 0.04 (0.002 to 0.29), position bias 0 (-2 to 2).")]
pub(crate) struct FitArgs {
    /// Trial tables or directories of them, or CSV files of choices
    #[arg(required = true)]
    pub(crate) files: Vec<Input>,
    /// Columns that define a condition, besides the hyperparameter; all others are averaged over
    /// [default: setting,model,task,hier; for choices: none, all in one fit]
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS", value_parser = values::named(&ByColumn::ALL))]
    pub(crate) by: Option<Vec<ByColumn>>,
    /// What is fitted: margins by least squares, or choices by maximum likelihood [default: squared; for choices: logistic]
    #[arg(long, value_name = "LOSS", value_parser = values::named(&FitLoss::ALL))]
    pub(crate) loss: Option<FitLoss>,
    /// What learns the margins: ridge regression, gradient flow (a time in place of C) or kernel logistic regression
    #[arg(long, value_name = "LEARNER", default_value = "ridge", value_parser = values::named(&LearnerKind::ALL))]
    pub(crate) learner: LearnerKind,
    /// Let some choices be random: estimate a lapse rate
    #[arg(long)]
    pub(crate) lapse: bool,
    /// Let the position of an item matter: estimate a bias for the one shown first
    #[arg(long)]
    pub(crate) position_bias: bool,
    /// Hierarchies to fit
    #[arg(long, value_delimiter = ',', value_name = "HIER", requires = "test", conflicts_with_all = ["compare", "hierarchical"])]
    pub(crate) train: Vec<String>,
    /// Hierarchies to predict
    #[arg(long, value_delimiter = ',', value_name = "HIER", requires = "train")]
    pub(crate) test: Vec<String>,
    /// Write every predicted pair of --test, with its interval: .parquet, .csv or .json
    #[arg(long, alias = "pairs", value_name = "FILE", requires = "test")]
    pub(crate) pairs_table: Option<PathBuf>,
    /// Compare nested models by cross-validated log-likelihood, leaving out whole seeds, subjects or sessions
    #[arg(long, conflicts_with = "hierarchical")]
    pub(crate) compare: bool,
    /// Folds of the cross-validation, at most one per cluster
    #[arg(long, default_value_t = FitRequest::FOLDS, value_name = "N", value_parser = values::count, allow_negative_numbers = true, requires = "compare")]
    pub(crate) folds: usize,
    /// Fit the population of subjects (for choices) or models from each subject's or model's full likelihood: median, spread
    /// between them, and each one's shrunken estimate, with 95 % intervals by profile likelihood; none is left out
    #[arg(long)]
    pub(crate) hierarchical: bool,
    /// Sample the posterior of the parameters of all people and of their population, with sessions within people: medians, intervals,
    /// R-hat and effective sizes; -o writes the draws
    #[arg(long, conflicts_with_all = ["hierarchical", "compare", "train", "bootstrap", "figure", "distance_figure", "cluster"])]
    pub(crate) posterior: bool,
    #[command(flatten)]
    pub(crate) sampler: SamplerSpec,
    /// Rows of trial tables to use: pre or post training
    #[arg(long, default_value = "post", value_name = "pre|post")]
    pub(crate) phase: Phase,
    /// Use only rows for which this holds, as in setting=full or "session!=1 & rt<2000"; repeatable
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filters: Vec<String>,
    /// Replicates of a bootstrap over seeds, sessions or subjects, for additional intervals (_bootstrap_low, _bootstrap_high)
    /// and for the intervals of --test [default: 0; with --test: 2000]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) bootstrap: Option<usize>,
    /// Seed of the bootstrap, of the folds and of the draws
    #[arg(long, default_value_t = 0, value_name = "SEED", value_parser = values::seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) choices: ChoiceSpec,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

/// How a posterior is sampled.
#[derive(Debug, Clone, Args)]
pub(crate) struct SamplerSpec {
    /// Draws of each chain of --posterior
    #[arg(long, default_value_t = SamplerSettings::default().draws, value_name = "N", value_parser = values::count, allow_negative_numbers = true, requires = "posterior")]
    pub(crate) draws: usize,
    /// Steps that tune each chain first and are thrown away
    #[arg(long, default_value_t = SamplerSettings::default().tune, value_name = "N", value_parser = values::count, allow_negative_numbers = true, requires = "posterior")]
    pub(crate) tune: usize,
    /// Number of chains
    #[arg(long, default_value_t = SamplerSettings::default().chains, value_name = "N", value_parser = values::count, allow_negative_numbers = true, requires = "posterior")]
    pub(crate) chains: usize,
    /// Acceptance rate that the step size aims at; closer to 1 where trajectories diverge
    #[arg(long, default_value_t = SamplerSettings::default().target_accept, value_name = "RATE", value_parser = values::number, allow_negative_numbers = true, requires = "posterior")]
    pub(crate) target_accept: f64,
}

/// How a file of choices is read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Choices of animals and people")]
pub(crate) struct ChoiceSpec {
    /// Columns of the file: winner, loser and optionally first; or higher, lower, accuracy and count; or distance, accuracy and
    /// count; and any of subject, session, condition
    #[arg(long, value_name = "ROLE=COLUMN,…", conflicts_with = "preset")]
    pub(crate) columns: Option<ChoiceColumns>,
    /// Columns of a published file: jensen2015-monkeys or jensen2015-humans
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Task trained in a condition (or, in files without conditions, of a subject or session): its number of items, and exceptions
    /// WINNER-LOSER by rank, 0 the highest, as in plain=9 or exc=9:5-3; without a name, for all others; repeatable
    #[arg(long, value_name = "[CONDITION=]N[:W-L,…]", value_parser = named_task, conflicts_with_all = ["n_items", "exception"],
          allow_hyphen_values = true)]
    pub(crate) task: Vec<NamedTask>,
    /// Number of items in every condition [default: as many as each shows]
    #[arg(short = 'n', long = "n-items", alias = "items", value_name = "N", value_parser = values::n_items, allow_negative_numbers = true)]
    pub(crate) n_items: Option<usize>,
    /// An exception that was trained, in a file with one condition: WINNER LOSER by rank, 0 the highest; repeatable
    #[arg(long, num_args = 2, value_names = ["WINNER", "LOSER"], action = clap::ArgAction::Append,
          value_parser = values::rank, allow_negative_numbers = true)]
    pub(crate) exception: Vec<usize>,
    /// Names of the items, highest first, where the file has names instead of ranks
    #[arg(long, value_delimiter = ',', value_name = "NAMES", conflicts_with = "n_items")]
    pub(crate) order: Option<Vec<String>>,
    /// Rank of the highest item in the file: 0 or 1 [default: the smallest that occurs]
    #[arg(long, value_name = "0|1", value_parser = values::rank, allow_negative_numbers = true)]
    pub(crate) first_rank: Option<usize>,
    /// Leave out rows that lack a value (an empty response, say), and report how many
    #[arg(long)]
    pub(crate) skip_missing: bool,
    /// Number of trials behind every row, where the file has no count
    #[arg(long, value_name = "N", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) trials: Option<f64>,
    /// Unit that is resampled and left out as a whole: subject or session [default: subject if the file has them and --by does not
    /// name them, else session]
    #[arg(long, value_name = "COLUMN", value_parser = values::named(&ClusterColumn::ALL))]
    pub(crate) cluster: Option<ClusterColumn>,
    /// Draw accuracy by pair with the fitted theory: .svg, .pdf or .png
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    pub(crate) figure: Option<PathBuf>,
    /// Draw accuracy by symbolic distance and position with the fitted theory: .svg, .pdf or .png
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    pub(crate) distance_figure: Option<PathBuf>,
}

impl FitArgs {
    /// The request that these options describe.
    pub(crate) fn request(&self) -> FitRequest {
        let choices = &self.choices;
        FitRequest {
            by: self.by.clone(),
            loss: self.loss,
            learner: self.learner,
            lapse: self.lapse,
            position_bias: self.position_bias,
            train: self.train.clone(),
            test: self.test.clone(),
            compare: self.compare,
            folds: self.compare.then_some(self.folds),
            hierarchical: self.hierarchical,
            posterior: self.posterior.then_some(SamplerSettings {
                chains: self.sampler.chains,
                tune: self.sampler.tune,
                draws: self.sampler.draws,
                target_accept: self.sampler.target_accept,
                seed: self.seed,
                ..SamplerSettings::default()
            }),
            phase: self.phase,
            filters: self.filters.clone(),
            bootstrap: self.bootstrap,
            seed: self.seed,
            choices: ChoiceRequest {
                columns: choices.columns.clone(),
                preset: choices.preset.clone(),
                tasks: choices.task.clone(),
                n_items: choices.n_items,
                exceptions: pairs(&choices.exception),
                items: choices.order.clone(),
                first_rank: choices.first_rank,
                skip_missing: choices.skip_missing,
                trials: choices.trials,
                cluster: choices.cluster,
                draw_pairs: choices.figure.is_some(),
                draw_distances: choices.distance_figure.is_some(),
            },
            ..FitRequest::new(self.files.clone())
        }
    }
}

/// A task, and whose it is: `None` for everything that is not named.
type NamedTask = (Option<String>, PlainTask);

fn named_task(text: &str) -> Result<NamedTask, String> {
    // Names may hold what tasks do not.
    match text.rsplit_once('=') {
        Some((name, _)) if name.trim().is_empty() => {
            Err("expected CONDITION=TASK, as in exc=9:5-3, or a task alone, as in 9:5-3".into())
        }
        Some((name, task)) => Ok((Some(name.trim().to_owned()), task.parse()?)),
        None => Ok((None, text.parse()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_of_a_condition_or_of_all() {
        let of = |name: Option<&str>, n_items, exceptions: &[(usize, usize)]| {
            Ok((name.map(str::to_owned), PlainTask { n_items, exceptions: exceptions.to_vec() }))
        };
        assert_eq!(named_task("9"), of(None, 9, &[]));
        assert_eq!(named_task(" plain =9"), of(Some("plain"), 9, &[]));
        assert_eq!(named_task("exc=12:4-2,9-7"), of(Some("exc"), 12, &[(4, 2), (9, 7)]));
        assert_eq!(named_task("dose=2 mg=9:5-3"), of(Some("dose=2 mg"), 9, &[(5, 3)]));
        for bad in ["", "=9", " =9", "exc", "exc=", "exc=9:5", "9=exc", "exc:9"] {
            assert!(named_task(bad).is_err(), "{bad}");
        }
    }
}
