//! Finds what was trained from the marks of ordered pairs, for conditions, summaries and checks alike.

use std::fmt;

use caveat_theory::{Comparison, PresentationOrder};

use crate::trial_table::TrialColumn;

/// Mark of an ordered pair that has rows.
pub(crate) const SEEN: u8 = 1;
/// Mark of a trained ordered pair.
pub(crate) const TRAINED: u8 = 2;
/// Mark of an exception.
pub(crate) const EXCEPTION: u8 = 4;
/// Mark of the label Yes: the item shown first wins.
pub(crate) const YES: u8 = 8;
/// Mark of the label No.
pub(crate) const NO: u8 = 16;

/// The trained pairs that marks tell.
pub(crate) struct Trained {
    /// Winner and loser of every trained pair, sorted by (higher, lower) item.
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) order: PresentationOrder,
    /// The pairs marked as exceptions, (winner, loser).
    pub(crate) exceptions: Vec<(usize, usize)>,
    /// What is wrong with the marks, by pair. If any is fatal, the rest means nothing.
    pub(crate) problems: Vec<Problem>,
}

/// What is wrong with the marks of a pair (higher, lower).
pub(crate) struct Problem {
    pub(crate) pair: (usize, usize),
    pub(crate) flaw: Flaw,
}

/// What can be wrong with marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The pair is marked as an exception in one order only.
    MarkedOnce,
    /// The pair is marked as an exception but not as trained.
    Untrained,
    /// The pair is marked as an exception, but its label follows the rank order.
    InOrder,
    /// Both orders have this label.
    Alike(&'static str),
    /// The pair is trained in other orders of presentation than those before it.
    OtherOrders,
}

impl Flaw {
    /// Whether such rows mean nothing; otherwise their meaning is clear.
    pub(crate) fn is_fatal(self) -> bool {
        !matches!(self, Self::Untrained | Self::InOrder)
    }

    /// The column with the flaw.
    pub(crate) fn column(self) -> TrialColumn {
        match self {
            Self::MarkedOnce | Self::Untrained | Self::InOrder => TrialColumn::IsException,
            Self::Alike(_) => TrialColumn::Label,
            Self::OtherOrders => TrialColumn::IsTrain,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (i, j) = self.pair;
        match self.flaw {
            Flaw::MarkedOnce => {
                write!(f, "pair ({i}, {j}) is marked in one order only: expected the same in both")
            }
            Flaw::Untrained => {
                write!(f, "pair ({i}, {j}) is marked as an exception, but is_train is false: exceptions are trained")
            }
            Flaw::InOrder => write!(
                f,
                "pair ({i}, {j}) is marked as an exception, but its label follows the rank order: expected that {j} wins"
            ),
            Flaw::Alike(label) => {
                write!(f, "trained pair ({i}, {j}) is labelled {label} in both orders: expected Yes in one")
            }
            Flaw::OtherOrders => write!(
                f,
                "pair ({i}, {j}) is trained in other orders than the pairs before it: expected both orders of every trained pair, or \
                 one kind of order throughout"
            ),
        }
    }
}

impl Trained {
    /// Finds the trained pairs of n items and their winners from the marks of every ordered pair, 0 for one without rows.
    ///
    /// A pair is presented in both orders unless the rows of one say that it was not trained; an order without rows counts as
    /// trained like the other. A trained pair without a label is won by the higher item unless it is marked as an exception.
    pub(crate) fn find(n: usize, marks: impl Fn(usize, usize) -> u8) -> Self {
        let (mut comparisons, mut exceptions, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        // The kinds of order that all trained pairs so far admit.
        let mut admitted = u8::MAX;
        for pair @ (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
            let (forward, backward) = (marks(i, j), marks(j, i));
            let (either, both) = (forward | backward, forward & backward);
            let mut report = |flaw| problems.push(Problem { pair, flaw });
            let (is_trained, is_exception) = (either & TRAINED != 0, either & EXCEPTION != 0);
            let first_wins = match (forward & (YES | NO), backward & (YES | NO)) {
                (YES, _) | (0, NO) => Some(true),
                (NO, _) | (0, YES) => Some(false),
                _ => None,
            };
            if is_exception {
                if both & SEEN != 0 && both & EXCEPTION == 0 {
                    report(Flaw::MarkedOnce);
                } else if !is_trained {
                    report(Flaw::Untrained);
                } else if first_wins == Some(true) {
                    report(Flaw::InOrder);
                }
                exceptions.push(if first_wins == Some(true) { (i, j) } else { (j, i) });
            }
            if both & (YES | NO) != 0 {
                report(Flaw::Alike(if both & YES != 0 { "Yes" } else { "No" }));
            }
            if !is_trained {
                continue;
            }
            let first_wins = first_wins.unwrap_or(!is_exception);
            comparisons.push(if first_wins { Comparison::new(i, j) } else { Comparison::new(j, i) });
            let is_untrained = |marks: u8| marks & (SEEN | TRAINED) == SEEN;
            let orders = orders_admitted(is_untrained(backward), is_untrained(forward), first_wins);
            match admitted & orders {
                0 => report(Flaw::OtherOrders),
                common => admitted = common,
            }
        }
        let order = match admitted {
            _ if admitted & BOTH != 0 => PresentationOrder::Both,
            _ if admitted & HIGHER_FIRST != 0 => PresentationOrder::HigherFirst,
            _ if admitted & LOWER_FIRST != 0 => PresentationOrder::LowerFirst,
            _ => PresentationOrder::WinnerFirst,
        };
        Self { comparisons, order, exceptions, problems }
    }
}

/// The kinds of order, as bits, that a trained pair admits, given whether rows say that only one order was trained.
fn orders_admitted(forward_only: bool, backward_only: bool, first_wins: bool) -> u8 {
    match (forward_only, backward_only) {
        (true, _) if first_wins => HIGHER_FIRST | WINNER_FIRST,
        (true, _) => HIGHER_FIRST,
        (_, true) if first_wins => LOWER_FIRST,
        (_, true) => LOWER_FIRST | WINNER_FIRST,
        (false, false) => BOTH,
    }
}

const BOTH: u8 = 1;
const HIGHER_FIRST: u8 = 2;
const LOWER_FIRST: u8 = 4;
const WINNER_FIRST: u8 = 8;
