//! Tasks as text, and `task`: every ordered pair of a task with its class and label.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use caveat_results::Table;
use caveat_theory::{PairClasses, Section, TransitiveTask};

use crate::error::Result;

/// Most items of a task: more would fill the memory of an ordinary machine.
pub const MAX_ITEMS: usize = 10_000_000;

/// A task by its number of items and its exceptions (winner, loser), not yet checked.
///
/// As text, N or N:WINNER-LOSER,… with ranks from 0, as in 9, 9:5-3 or 12:4-2,9-7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainTask {
    /// Number of items.
    pub n_items: usize,
    /// Exceptions by rank.
    pub exceptions: Vec<(usize, usize)>,
}

impl PlainTask {
    /// The checked task.
    ///
    /// # Errors
    /// Those of [`TransitiveTask::new`].
    pub fn build(&self) -> Result<TransitiveTask> {
        Ok(TransitiveTask::new(self.n_items, &self.exceptions)?)
    }
}

impl FromStr for PlainTask {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let expected = || "expected N or N:WINNER-LOSER with ranks from 0, as in 9, 9:5-3 or 12:4-2,9-7".to_owned();
        let (n, list) = text.split_once(':').map_or((text, None), |(n, list)| (n, Some(list)));
        let n_items = n.trim().parse::<usize>().map_err(|_| expected())?;
        if n_items > MAX_ITEMS {
            return Err(format!("expected a whole number of items from 2 to {MAX_ITEMS}"));
        }
        let exceptions = list.map_or(Some(Vec::new()), |list| {
            list.split(',')
                .map(|e| e.split_once('-').and_then(|(w, l)| Some((w.trim().parse().ok()?, l.trim().parse().ok()?))))
                .collect()
        });
        Ok(Self { n_items, exceptions: exceptions.ok_or_else(expected)? })
    }
}

/// One row per ordered pair: ranks, class, label, and whether and how often it is trained.
///
/// # Errors
/// None in practice; those of [`Table`].
pub fn task_table(task: &TransitiveTask, classes: &PairClasses) -> Result<Table> {
    let pairs = ordered_pairs(task.n_items());
    let trained: HashMap<(usize, usize), f64> = task.trials().iter().map(|t| ((t.first, t.second), t.weight)).collect();
    let exceptions: HashSet<(usize, usize)> =
        task.exceptions().iter().flat_map(|e| [(e.winner, e.loser), (e.loser, e.winner)]).collect();
    Ok(Table::new()
        .count("rank_a", pairs.iter().map(|p| p.0))?
        .count("rank_b", pairs.iter().map(|p| p.1))?
        .count("gap", pairs.iter().map(|p| p.0.abs_diff(p.1)))?
        .text("class", pairs.iter().map(|&(a, b)| classes.class(a, b).name()))?
        .integer("label", pairs.iter().map(|&(a, b)| classes.label(a, b).map(i64::from)))?
        .flag("is_train", pairs.iter().map(|p| trained.contains_key(p)))?
        .flag("is_exception", pairs.iter().map(|p| exceptions.contains(p)))?
        .float("weight", pairs.iter().map(|p| trained.get(p).copied().unwrap_or(f64::NAN)))?
        .text("section_a", pairs.iter().map(|&(a, _)| section(classes.section(a))))?
        .text("section_b", pairs.iter().map(|&(_, b)| section(classes.section(b))))?)
}

/// All ordered pairs of different items, row by row.
pub(crate) fn ordered_pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|a| (0..n).filter(move |&b| b != a).map(move |b| (a, b))).collect()
}

fn section(section: Section) -> String {
    match section {
        Section::Cycle(k) => format!("cycle {k}"),
        Section::Outer(k) => format!("outer {k}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_items_and_exceptions() {
        let of = |n_items, exceptions: &[(usize, usize)]| Ok(PlainTask { n_items, exceptions: exceptions.to_vec() });
        assert_eq!("9".parse(), of(9, &[]));
        assert_eq!("9:5-3".parse(), of(9, &[(5, 3)]));
        assert_eq!("12: 4-2, 9-7".parse(), of(12, &[(4, 2), (9, 7)]));
        for bad in ["", "x", "9:", "9:5", "9:5-", "9:-5-3", "9;5-3", "9:5-3,", "-9", "9:5-3-1", "99999999"] {
            assert!(bad.parse::<PlainTask>().is_err(), "{bad}");
        }
    }
}
