//! The errors of the theory: each names what was wrong, where, and what would be right.

use thiserror::Error;

use crate::kernel::Subspace;

/// Why a task, kernel, or computation was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TheoryError {
    /// Fewer than two items.
    #[error("a task needs at least 2 items, got {0}")]
    TooFewItems(usize),
    /// More items than a 32-bit index can name.
    #[error("{0} items are too many: at most {max} are supported", max = u32::MAX)]
    TooManyItems(usize),
    /// A rank beyond the last item.
    #[error("rank {rank} is out of range: {n_items} items have ranks 0 to {last}", last = n_items - 1)]
    RankOutOfRange {
        /// The offending rank (0 is the highest).
        rank: usize,
        /// Number of items in the task.
        n_items: usize,
    },
    /// A comparison of an item with itself.
    #[error("item {0} is compared with itself: a comparison needs two different items")]
    SelfComparison(usize),
    /// An exception whose winner already is the higher item.
    #[error(
        "exception {winner} {loser}: rank {winner} beating rank {loser} is the rule, not an exception; \
         an exception names the lower item (larger rank) first, as in {loser} {winner}"
    )]
    NotAnException {
        /// Rank given as the winner.
        winner: usize,
        /// Rank given as the loser.
        loser: usize,
    },
    /// The same exception twice.
    #[error("exception {winner} {loser} is given twice: name it once, and weight it to present it more often")]
    DuplicateException {
        /// Rank of the winner.
        winner: usize,
        /// Rank of the loser.
        loser: usize,
    },
    /// A weight for a pair that is not trained.
    #[error("pair {0} {1} is not trained, so it cannot carry a weight: weight a premise pair or an exception")]
    NotTrained(usize, usize),
    /// A nonpositive or non-finite weight.
    #[error("weight {weight} of pair {first} {second} is not a positive, finite number")]
    BadWeight {
        /// First item of the pair.
        first: usize,
        /// Second item of the pair.
        second: usize,
        /// The weight as given.
        weight: f64,
    },
    /// A graph without comparisons.
    #[error("there are no comparisons: at least one is needed")]
    NoComparisons,
    /// A parameter outside its range.
    #[error("{name} = {value} is out of range: it must be {range}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value as given.
        value: f64,
        /// The admissible range, in words.
        range: &'static str,
    },
    /// A kernel that is not positive semidefinite on the ordered pairs of `n_items` items.
    #[error(
        "the kernel is indefinite on ordered pairs of {n_items} items: its {subspace} eigenvalue is {eigenvalue:.6e}, \
         and all must be at least 0"
    )]
    IndefiniteKernel {
        /// Number of items.
        n_items: usize,
        /// Which invariant subspace the eigenvalue belongs to.
        subspace: Subspace,
        /// The negative eigenvalue.
        eigenvalue: f64,
    },
    /// A kernel with no antisymmetric part to learn from.
    #[error("the kernel cannot tell (i, j) from (j, i): κ_id − κ_flip = {0:.6e} must be positive")]
    NoAntisymmetricPart(f64),
    /// A route that does not cover the given problem.
    #[error("the {route} route does not apply: {reason}")]
    RouteUnavailable {
        /// Name of the route.
        route: &'static str,
        /// Why, and which route does apply.
        reason: String,
    },
    /// A learner or computation that does not cover the given problem.
    #[error("{what} does not apply: {reason}")]
    NotApplicable {
        /// Which.
        what: &'static str,
        /// Why, and what does apply.
        reason: String,
    },
    /// A matrix or list of the wrong size or content.
    #[error("{what}: {problem}")]
    BadInput {
        /// Which input.
        what: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// An iterative or direct solver that missed its tolerance.
    #[error("{what} did not converge: reached {reached:.3e} after {iterations} iterations, needed {needed:.3e}")]
    NotConverged {
        /// Which computation.
        what: &'static str,
        /// Measure reached.
        reached: f64,
        /// Measure needed.
        needed: f64,
        /// Iterations done.
        iterations: usize,
    },
    /// A computation that needs more memory than is free.
    #[error("{what} needs {} of memory, and {} are free: {fits}", spoken(*bytes), spoken(*free))]
    TooLarge {
        /// Which computation.
        what: String,
        /// Estimate of what it needs, in bytes.
        bytes: f64,
        /// What is free, in bytes.
        free: f64,
        /// What would fit.
        fits: String,
    },
    /// An error at one of many configurations.
    #[error("{place}: {source}")]
    At {
        /// Which one.
        place: String,
        /// What went wrong there.
        source: Box<TheoryError>,
    },
}

/// What caused an error, and so what can fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input: other arguments fix it.
    Input,
    /// The computation, on valid input.
    Numerics,
    /// The machine: it has too little memory.
    Memory,
}

impl TheoryError {
    /// An input of the wrong size or content.
    pub(crate) fn bad_input(what: &'static str, problem: impl Into<String>) -> Self {
        Self::BadInput { what, problem: problem.into() }
    }

    /// A learner or computation that does not apply; `reason` also names one that does.
    pub(crate) fn not_applicable(what: &'static str, reason: impl Into<String>) -> Self {
        Self::NotApplicable { what, reason: reason.into() }
    }

    /// A solver that stopped at `reached`, short of `needed`.
    pub(crate) fn not_converged(what: &'static str, reached: f64, needed: f64, iterations: usize) -> Self {
        Self::NotConverged { what, reached, needed, iterations }
    }

    /// A decomposition that ended without a result.
    pub(crate) fn failed(what: &'static str) -> Self {
        Self::not_converged(what, f64::NAN, f64::EPSILON, 0)
    }

    /// What caused the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotConverged { .. } => ErrorKind::Numerics,
            Self::TooLarge { .. } => ErrorKind::Memory,
            Self::At { source, .. } => source.kind(),
            _ => ErrorKind::Input,
        }
    }

    /// The same error with the place where it happened.
    #[must_use]
    pub fn in_place(self, place: impl Into<String>) -> Self {
        Self::At { place: place.into(), source: Box::new(self) }
    }
}

/// Result of a theory computation.
pub type Result<T> = std::result::Result<T, TheoryError>;

/// Checks `low <= value <= high`, refusing NaN; `range` is the rule in words.
pub(crate) fn check_range(name: &'static str, value: f64, low: f64, high: f64, range: &'static str) -> Result<f64> {
    if value >= low && value <= high { Ok(value) } else { Err(TheoryError::OutOfRange { name, value, range }) }
}

/// Refuses ranks beyond the last item.
pub(crate) fn check_ranks(ranks: [usize; 2], n_items: usize) -> Result<()> {
    match ranks.into_iter().find(|&rank| rank >= n_items) {
        Some(rank) => Err(TheoryError::RankOutOfRange { rank, n_items }),
        None => Ok(()),
    }
}

/// Refuses ranks beyond the last item, and an item compared with itself.
pub(crate) fn check_comparison([i, j]: [usize; 2], n_items: usize) -> Result<()> {
    check_ranks([i, j], n_items)?;
    if i == j { Err(TheoryError::SelfComparison(i)) } else { Ok(()) }
}

/// Refuses a presentation weight that is not positive and finite.
pub(crate) fn check_weight([first, second]: [usize; 2], weight: f64) -> Result<()> {
    if weight > 0.0 && weight.is_finite() { Ok(()) } else { Err(TheoryError::BadWeight { first, second, weight }) }
}

/// Refuses pairs of an item with itself, and ranks beyond the last item.
pub(crate) fn check_pairs(pairs: impl IntoIterator<Item = (usize, usize)>, n_items: usize) -> Result<()> {
    pairs.into_iter().try_for_each(|(i, j)| {
        if i == j {
            return Err(TheoryError::SelfComparison(i));
        }
        check_ranks([i, j], n_items)
    })
}

/// A number of bytes in the units that people use.
fn spoken(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes / 1e3;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{value:.*} {}", usize::from(value < 9.95), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_kind_and_its_words_wherever_it_happens() {
        let failed = TheoryError::NotConverged { what: "a solver", reached: 1.0, needed: 1e-9, iterations: 3 };
        let placed = failed.clone().in_place("conjunctivity 0.2").in_place("condition a");
        assert_eq!(placed.kind(), ErrorKind::Numerics);
        assert_eq!(placed.to_string(), format!("condition a: conjunctivity 0.2: {failed}"));
        assert_eq!(TheoryError::NoComparisons.in_place("b").kind(), ErrorKind::Input);
        assert_eq!([1_500.0, 9.99e6, 4.16e10, 1.2e12].map(spoken), ["1.5 kB", "10 MB", "42 GB", "1.2 TB"]);
        let large = TheoryError::TooLarge { what: "it".into(), bytes: 2e9, free: 1e9, fits: "half would fit".into() };
        assert_eq!(
            (large.kind(), large.to_string().as_str()),
            (ErrorKind::Memory, "it needs 2.0 GB of memory, and 1.0 GB are free: half would fit")
        );
    }
}
