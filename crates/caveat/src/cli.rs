//! The command line: every command with its options, help and examples.

mod design;
mod fit;
mod lm;
mod results;

use std::path::PathBuf;

use caveat_analysis::FigureName;
use caveat_results::{ComparisonColumns, Format, Input};
use caveat_theory::{Activation, Learner, LearnerKind, NetworkKernelKind, PresentationOrder, Route};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use design::DesignArgs;
pub(crate) use fit::FitArgs;
#[cfg(feature = "lm")]
pub(crate) use lm::{ComputeSpec, FetchArgs, ModelsArgs, RunArgs, Saved, ScoreArgs, SweepArgs};
pub(crate) use lm::{GeometryArgs, LmCommand};
pub(crate) use results::{CheckArgs, ConvertArgs, MatrixArgs, ResultsCommand, SummaryArgs};

use crate::values;

/// Rules and their exceptions: exact theory of transitive inference with exceptions.
///
/// A task trains neighbors in an order (rank 0 beats rank 1 beats …) and exceptions that contradict it. Kernel ridge
/// regression on an exchangeable representation then judges every pair in closed form. The result depends on the
/// representation's conjunctivity α (0 additive, 1 conjunctive) and the inverse regularization C.
#[derive(Debug, Parser)]
#[command(
    version,
    name = "caveat",
    max_term_width = 110,
    after_help = "\
Examples:
  caveat predict -n 9 --exception 5 3 --conjunctivity 0.2 --c 10     what a model answers on every pair
  caveat window -n 9 --exception 5 3 --c 10                          which α generalizes and remembers
  caveat phase -n 9 --exception 5 3 --figure phase.svg               accuracy over the plane of α and C
  caveat fit results/ --format json                                  α, C and gain from fine-tuned models
  caveat rank comparisons.csv --conjunctivity 0.1 --c 10             rank any items, at any size
  caveat reproduce                                                   every figure and table, in report/

Machine-readable output: --format csv or json. Exit code 2 for bad usage or input, 1 for a failed run."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all ordered pairs of a task with their class and label
    Task(TaskArgs),
    /// Predict ranks, margins and accuracy in closed form
    Predict(PredictArgs),
    /// Find the window of conjunctivity that both generalizes and remembers
    Window(WindowArgs),
    /// Map accuracy over conjunctivity and regularization
    Phase(PhaseArgs),
    /// Compute the conjunctivity of a network, random features or a measured kernel
    Conjunctivity(ConjunctivityArgs),
    /// Rank any items from a list of comparisons, at any size
    Rank(RankArgs),
    /// Fit (α, C, gain) to trial tables, or predict conditions that were not fitted
    Fit(Box<FitArgs>),
    /// Compare candidate tasks by how much they reveal about α, and find how many trials they need
    Design(DesignArgs),
    /// Check, summarize, convert and tabulate trial tables
    #[command(subcommand)]
    Results(ResultsCommand),
    #[cfg_attr(feature = "lm", doc = " Fetch, fine-tune and question pretrained language models")]
    #[cfg_attr(
        not(feature = "lm"),
        doc = " Tabulate hidden states of language models; running models needs a program built with them"
    )]
    #[command(subcommand)]
    Lm(LmCommand),
    /// Draw one figure
    Figure(FigureArgs),
    /// Make every figure and table, and a report of them
    Reproduce(ReproduceArgs),
    /// Print a shell completion script
    #[command(after_help = "Example:\n  caveat completions bash > ~/.local/share/bash-completion/completions/caveat")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Which task.
#[derive(Debug, Clone, Args)]
pub(crate) struct TaskSpec {
    /// Number of items, at least 2
    #[arg(short = 'n', long = "n-items", alias = "items", value_name = "N", value_parser = values::n_items, allow_negative_numbers = true)]
    pub(crate) n_items: usize,
    /// An exception: the item of rank WINNER beats the higher item of rank LOSER (0 is the highest); repeatable
    #[arg(long, num_args = 2, value_names = ["WINNER", "LOSER"], action = clap::ArgAction::Append,
          value_parser = values::rank, allow_negative_numbers = true)]
    pub(crate) exception: Vec<usize>,
    /// Present the trained pair {A, B} with this weight instead of 1; repeatable
    #[arg(long, num_args = 3, value_names = ["A", "B", "WEIGHT"], action = clap::ArgAction::Append,
          value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) weight: Vec<f64>,
    /// Order in which trained pairs are presented
    #[arg(long, alias = "order", value_name = "ORDER", default_value = "both", value_parser = values::named(&PresentationOrder::ALL))]
    pub(crate) presentation: PresentationOrder,
}

/// How a result is printed or written.
#[derive(Debug, Clone, Args)]
pub(crate) struct OutputSpec {
    /// Format on standard output
    #[arg(long, value_name = "table|csv|json", default_value = "table")]
    pub(crate) format: Format,
    /// Write to a file instead, in the format of its extension: .parquet, .csv or .json
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat task -n 9 --exception 5 3                          the published task
  caveat task -n 12 --exception 4 2 --exception 9 7 --format csv")]
pub(crate) struct TaskArgs {
    #[command(flatten)]
    pub(crate) task: TaskSpec,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat predict -n 9 --exception 5 3 --conjunctivity 0.2 --c 10 --format json
  caveat predict -n 9 --exception 5 3 --conjunctivity 0.2 --time 25         gradient flow instead of ridge
  caveat predict -n 9 --exception 5 3 --kernel 1,0.2,0.5,0.5,0.2,0.2 --c 4  orbit values; C is then 1/ridge
  caveat predict -n 9 --exception 5 3 --kernel-matrix K.npy --c 4           a measured kernel on all pairs

JSON: {\"n_items\", \"exceptions\", \"conjunctivity\", \"c\", \"screening\", \"memorization\", \"ranks\", \"margins\", \
\"accuracy\"}. margins[a][b] is f(a, b), positive where rank a wins. Infinity and absent values are null.")]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    pub(crate) task: TaskSpec,
    /// Conjunctivity α of the representation: 0 additive, 1 conjunctive
    #[arg(long, visible_alias = "alpha", value_name = "ALPHA", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) conjunctivity: Option<f64>,
    #[command(flatten)]
    pub(crate) strength: StrengthSpec,
    /// Six orbit values instead of a conjunctivity: identical, flipped, same first, same second, crossed, disjoint
    #[arg(long, value_name = "ID,FLIP,FIRST,SECOND,CROSS,DISJOINT", value_parser = values::orbits,
          allow_hyphen_values = true, conflicts_with_all = ["conjunctivity", "kernel_matrix"])]
    pub(crate) kernel: Option<[f64; 6]>,
    /// A kernel matrix (.npy) over all ordered pairs (0,1), (0,2), …, (1,0), … instead of a conjunctivity
    #[arg(long, value_name = "FILE.npy", conflicts_with = "conjunctivity")]
    pub(crate) kernel_matrix: Option<PathBuf>,
    /// Use the projection of --kernel-matrix onto exchangeable kernels instead of the matrix itself
    #[arg(long)]
    pub(crate) project: bool,
    /// What learns the margins: ridge regression, gradient flow (with --time) or kernel logistic regression [default: ridge; with --time:
    /// gradient-flow]
    #[arg(long, value_name = "LEARNER", value_parser = values::named(&LearnerKind::ALL))]
    pub(crate) learner: Option<LearnerKind>,
    /// The former spelling of --learner: squared or logistic
    #[arg(long, hide = true, value_parser = ["squared", "logistic"], conflicts_with = "learner")]
    pub(crate) loss: Option<String>,
    /// Force a route instead of the fastest that applies
    #[arg(long, value_name = "ROUTE", value_parser = values::named(&Route::OF_RIDGE))]
    pub(crate) route: Option<Route>,
    /// Leave out the n × n margins and the accuracy (needed beyond 4,096 items)
    #[arg(long)]
    pub(crate) ranks_only: bool,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

/// How strongly a learner is trained.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct StrengthSpec {
    /// Inverse regularization C, positive; inf for none [default: inf]
    #[arg(long, value_name = "C", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) c: Option<f64>,
    /// Train by gradient flow for this time instead of ridge regression; inf allowed
    #[arg(long, value_name = "T", value_parser = values::time, allow_negative_numbers = true, conflicts_with = "c")]
    pub(crate) time: Option<f64>,
}

impl StrengthSpec {
    /// Gradient flow for the time, else ridge regression.
    pub(crate) fn learner(self) -> Learner {
        match self.time {
            Some(time) => Learner::GradientFlow { time },
            None => Learner::Ridge { c: self.c.unwrap_or(f64::INFINITY) },
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat window -n 9 --exception 5 3 --c 10 --format json
  caveat window -n 16 --exception 5 3 --exception 11 9 --c 10
  caveat window -n 9 --exception 5 3 --time 25

JSON: {\"n_items\", \"exceptions\", \"c\", \"screening_star\", \"conjunctivity_generalization\", \"generalization_from\", \
\"conjunctivity_memorization\", \"balances\", \"critical_c\"}. With --time, time and critical_time take the places of c and \
critical_c.

Cross-section pairs are right iff α < conjunctivity_generalization. The cycle is remembered iff α > conjunctivity_memorization. \
generalization_from is 0 except for some tasks with reversed premises among several exceptions; there cross-section pairs are \
wrong for α below it.

screening_star is the smallest screening at which a cross-section pair fails. It is null if none ever fails, and with --time or \
unequal --weight, where no single screening exists.")]
pub(crate) struct WindowArgs {
    #[command(flatten)]
    pub(crate) task: TaskSpec,
    #[command(flatten)]
    pub(crate) strength: StrengthSpec,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat phase -n 9 --exception 5 3 --grid 400x400 -o phase.parquet --figure phase.svg
  caveat phase -n 11 --exception 6 4 --inverse-c 0.01 10 --format csv
  caveat phase -n 9 --exception 5 3 --gradient-flow --grid 60x60 -o flow.csv")]
pub(crate) struct PhaseArgs {
    #[command(flatten)]
    pub(crate) task: TaskSpec,
    /// Cells of the grid, conjunctivity by regularization
    #[arg(long, default_value = "200x200", value_name = "COLSxROWS", value_parser = values::grid)]
    pub(crate) grid: (usize, usize),
    /// Range of the conjunctivity
    #[arg(long, num_args = 2, default_values_t = [0.0, 1.0], value_names = ["LOW", "HIGH"],
          value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) conjunctivity: Vec<f64>,
    /// Range of 1/C (or of 1/T), on a logarithmic axis
    #[arg(long, num_args = 2, default_values_t = [1e-3, 1e1], value_names = ["LOW", "HIGH"],
          value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) inverse_c: Vec<f64>,
    /// Regularize by the time T of gradient flow instead of C; the second axis is then 1/T
    #[arg(long)]
    pub(crate) gradient_flow: bool,
    /// Also draw the phase diagram: .svg, .pdf or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) figure: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true), after_help = "\
Examples:
  caveat conjunctivity --network relu --depth 1 --kind nngp        0.147155
  caveat conjunctivity --network leaky:0.1 --depth 8 --kind ntk
  caveat conjunctivity --random-features relu --width 10000 --seed 0
  caveat conjunctivity --matrix K.npy                              a measured kernel on all ordered pairs")]
pub(crate) struct ConjunctivityArgs {
    /// Activation of an infinitely wide network: relu, linear, abs or leaky:SLOPE
    #[arg(long, value_name = "ACTIVATION", group = "source", allow_hyphen_values = true)]
    pub(crate) network: Option<Activation>,
    /// Activation of finite random networks: relu, linear, abs or leaky:SLOPE
    #[arg(long, value_name = "ACTIVATION", group = "source", allow_hyphen_values = true)]
    pub(crate) random_features: Option<Activation>,
    /// A measured kernel (.npy), a row and a column per ordered pair (0,1), (0,2), …, (1,0), …
    #[arg(long, value_name = "FILE.npy", group = "source")]
    pub(crate) matrix: Option<PathBuf>,
    /// Number of hidden layers
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) depth: usize,
    /// Kernel of the network: of its last hidden layer (nngp) or of its training (ntk)
    #[arg(long, default_value = "nngp", value_name = "nngp|ntk", conflicts_with_all = ["random_features", "matrix"])]
    pub(crate) kind: NetworkKernelKind,
    /// Units per hidden layer of a random network
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = values::count, allow_negative_numbers = true,
          conflicts_with_all = ["network", "matrix"])]
    pub(crate) width: usize,
    /// Number of random networks to draw
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = values::count, allow_negative_numbers = true,
          conflicts_with_all = ["network", "matrix"])]
    pub(crate) replicates: usize,
    /// Seed of the random numbers
    #[arg(long, default_value_t = 0, value_name = "SEED", value_parser = values::seed, allow_negative_numbers = true,
          conflicts_with_all = ["network", "matrix"])]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat rank comparisons.csv --conjunctivity 0.1 --c 10 -o ranks.csv
  caveat rank games.csv --columns winner=won,loser=lost,weight=games
  caveat rank arena.csv --columns item_a=model_a,item_b=model_b,chosen=winner
  zcat comparisons.csv.gz | caveat rank - --components

The table has the columns winner, loser and optionally weight, or those named with --columns. It is Parquet, or text with \
commas, semicolons or tabs, compressed or not, of any size.

The chosen item of a pair item_a, item_b is given by its label or its side (left, model_a, …). A tie counts half for each item. \
wins_a and wins_b count wins. Common names (model_a and model_b with winner, player1 and player2 with win1 and win2, left and \
right with choice, …) are understood without --columns.

Labels are text without white space around it, in Unicode's composed form. Numbers are compared by value: 2, 2.0 and 2e0 are one \
item, shown as 2, and 1.10 and 1.1 are one as well. A note reports such spellings. Codes such as 007 are shown as written. \
Labels that differ only in case stay two items, with a warning.

An empty label is an error. NA, NaN and None count as names, with a warning. With --skip-missing, rows are left out if a label \
is empty or is NA, NaN or None.

Output: position, item, rank, component. Positions count from 0 within each component; 0 has the largest rank. Items whose ranks \
are equal up to rounding share a position, and the next positions are skipped.")]
pub(crate) struct RankArgs {
    /// Table of comparisons; - for standard input
    pub(crate) comparisons: Input,
    /// What the columns mean, as winner=COLUMN,loser=COLUMN[,weight=COLUMN]; or item_a=…,item_b=…,chosen=…; or
    /// item_a=…,item_b=…,wins_a=…,wins_b=…
    #[arg(long, value_name = "ROLE=COLUMN,…")]
    pub(crate) columns: Option<ComparisonColumns>,
    /// Use only rows for which this holds, as in phase=test or "session!=1 & rt<2000"; repeatable
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filters: Vec<String>,
    /// Leave out rows that lack a label or number instead of refusing them
    #[arg(long)]
    pub(crate) skip_missing: bool,
    /// Conjunctivity α: 0 ranks by plain (ridge) least squares
    #[arg(long, visible_alias = "alpha", default_value_t = 0.0, value_name = "ALPHA", value_parser = values::number,
          allow_negative_numbers = true)]
    pub(crate) conjunctivity: f64,
    /// Inverse regularization C, positive; inf for none
    #[arg(long, default_value_t = f64::INFINITY, value_name = "C", value_parser = values::number,
          allow_negative_numbers = true)]
    pub(crate) c: f64,
    /// If the comparisons don't connect all items, rank each connected group on its own
    #[arg(long)]
    pub(crate) components: bool,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat figure task -o task.pdf
  caveat figure phase -n 11 --exception 7 3 -o phase.svg
  caveat figure predicted-margins --published results/ -o predicted.png")]
pub(crate) struct FigureArgs {
    /// Which figure
    #[arg(value_parser = values::named(&FigureName::ALL))]
    pub(crate) name: FigureName,
    /// Number of items, for task, margins, mechanism and phase [default: the published tasks]
    #[arg(short = 'n', long = "n-items", alias = "items", value_name = "N", value_parser = values::n_items, allow_negative_numbers = true)]
    pub(crate) n_items: Option<usize>,
    /// An exception WINNER LOSER by rank; repeatable
    #[arg(long, num_args = 2, value_names = ["WINNER", "LOSER"], action = clap::ArgAction::Append,
          value_parser = values::rank, allow_negative_numbers = true, requires = "n_items")]
    pub(crate) exception: Vec<usize>,
    /// Inverse regularization C, for margins [default: 10]
    #[arg(long, value_name = "C", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) c: Option<f64>,
    /// Trial tables or directories of them, for the figures of language models
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub(crate) published: Vec<Input>,
    /// File to draw: .svg, .pdf or .png [default: NAME.svg]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Also write the numbers in the figure: .parquet, .csv or .json
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  caveat reproduce                                   the theory, and our own fine-tuned language models
  caveat reproduce --published results/ -o report    with other trial tables instead of ours

Writes report/index.html (self-contained), report/figures/*.svg|pdf and report/tables/*.parquet|csv.")]
pub(crate) struct ReproduceArgs {
    /// Directory of published trial tables, as ti/*.parquet and exception/*.parquet, instead of our own
    #[arg(long, value_name = "DIR")]
    pub(crate) published: Option<PathBuf>,
    /// Directory of the report
    #[arg(short, long, default_value = "report", value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// The completion script of a shell.
pub(crate) fn completions(shell: Shell) -> Vec<u8> {
    // Into memory, because the generator panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "caveat", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
