//! The options of `caveat design`.

use std::path::PathBuf;

use caveat_analysis::PlainTask;
use caveat_theory::inference::design::JudgedPairs;
use clap::Args;

use super::OutputSpec;
use crate::values;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("candidates").required(true).multiple(true), after_help = "\
Examples:
  caveat design --task 9 --task 9:5-3 --task 11:6-4                      which task reveals most about α
  caveat design -n 7 9 --one-exception --figure design.pdf               the best exception for 7 and 9 items
  caveat design --task 9 --task 9:5-3 --hypotheses 0:0.1 0.2:1           is α small or large?
  caveat design --task 9:5-3 --pairs untrained --pairs-table pairs.csv   what each untrained pair reveals

Nobody is trained or tested: judgments are simulated. Each trial is one judgment of a pair (a, b), in which a wins with \
probability LAPSE/2 + (1 − LAPSE)·logistic(gain·f(a, b)). f is the margin by the exact theory at (α, C). The parameters are \
drawn from their prior: α uniform, C and gain log-uniform. Each pair is judged equally often.

Information is how much the trials are expected to reveal about α, in bits, with C and gain averaged out.

trials_for_power is the smallest number of trials (to within 9 %) that succeeds with probability --power; null if --max-trials \
is too small. Success means that the 95 % interval of α is no wider than --precision or, with --hypotheses, that the posterior \
odds favor the true hypothesis.

JSON: an array, the most informative task first: {\"rank\", \"task\", \"n_items\", \"exceptions\", \"n_pairs\", \
\"information_bits\", \"information_se\", \"trials_for_power\", \"power\", \"trials\", \"interval_width\"}. interval_width is a \
median; with --hypotheses, decision_accuracy takes its place. Both are at --trials.

information_se is the Monte Carlo error of information_bits; more --samples reduce it. All tasks share the simulated parameters.")]
pub(crate) struct DesignArgs {
    /// A candidate: N items, and exceptions WINNER-LOSER by rank (0 is the highest), as in 9, 9:5-3 or 12:4-2,9-7; repeatable
    #[arg(long, value_name = "N[:W-L,…]", group = "candidates", value_parser = str::parse::<PlainTask>, allow_hyphen_values = true)]
    pub(crate) task: Vec<PlainTask>,
    /// Candidates with these numbers of items: without exceptions, or with --one-exception all that have one
    #[arg(short = 'n', long = "n-items", alias = "items", value_name = "N", num_args = 1.., group = "candidates", value_parser = values::n_items,
          allow_negative_numbers = true)]
    pub(crate) n_items: Vec<usize>,
    /// All tasks with a single exception for each -n; of two mirror images, equally informative, the one nearer the top
    #[arg(long, requires = "n_items")]
    pub(crate) one_exception: bool,
    /// Prior range of the conjunctivity α
    #[arg(long, num_args = 2, default_values_t = [0.0, 1.0], value_names = ["LOW", "HIGH"], value_parser = values::number,
          allow_negative_numbers = true)]
    pub(crate) conjunctivity: Vec<f64>,
    /// Ask which of two hypotheses about α holds, instead of its value; each is LOW:HIGH or one value
    #[arg(long, num_args = 2, value_names = ["H0", "H1"], value_parser = range, conflicts_with_all = ["conjunctivity", "precision"],
          allow_hyphen_values = true)]
    pub(crate) hypotheses: Option<Vec<(f64, f64)>>,
    /// Prior range of the inverse regularization C; the same number twice if C is known (inf is allowed)
    #[arg(long, num_args = 2, default_values_t = [1.0, 100.0], value_names = ["LOW", "HIGH"], value_parser = values::number,
          allow_negative_numbers = true)]
    pub(crate) c: Vec<f64>,
    /// Prior range of the gain, which turns margins into log odds
    #[arg(long, num_args = 2, default_values_t = [2.0, 10.0], value_names = ["LOW", "HIGH"], value_parser = values::number,
          allow_negative_numbers = true)]
    pub(crate) gain: Vec<f64>,
    /// Share of judgments made by chance
    #[arg(long, default_value_t = 0.02, value_name = "SHARE", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) lapse: f64,
    /// Which pairs are judged
    #[arg(long, value_name = "PAIRS", default_value = "all", value_parser = values::named(&JudgedPairs::ALL))]
    pub(crate) pairs: JudgedPairs,
    /// Number of trials (judgments of a pair) at which tasks are compared
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) trials: usize,
    /// Probability of success that trials_for_power must reach
    #[arg(long, default_value_t = 0.9, value_name = "P", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) power: f64,
    /// Wanted width of the 95 % interval of α
    #[arg(long, default_value_t = 0.1, value_name = "WIDTH", value_parser = values::number, allow_negative_numbers = true)]
    pub(crate) precision: f64,
    /// Largest number of trials to consider for trials_for_power
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) max_trials: usize,
    /// Simulated experiments per task
    #[arg(long, default_value_t = 512, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) samples: usize,
    /// Seed of the simulation
    #[arg(long, default_value_t = 0, value_name = "SEED", value_parser = values::seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Also draw the comparison: .svg, .pdf or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) figure: Option<PathBuf>,
    /// Also write the information in a single trial, for every pair of every task: .parquet, .csv or .json
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs_table: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputSpec,
}

fn range(text: &str) -> Result<(f64, f64), String> {
    let parsed = match text.split_once(':') {
        Some((low, high)) => values::number(low).and_then(|low| Ok((low, values::number(high)?))),
        None => values::number(text).map(|value| (value, value)),
    };
    parsed.map_err(|_| "expected LOW:HIGH or one number, as in 0:0.1 or 0.3".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypotheses_are_ranges_or_values() {
        assert_eq!(range("0:0.1"), Ok((0.0, 0.1)));
        assert_eq!(range("0.3"), Ok((0.3, 0.3)));
        for bad in ["", ":", "0:", "a:b", "0:0.1:0.2"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}
