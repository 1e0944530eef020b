//! What a person says of the tasks of a file, and the trials that it shows.

use std::collections::BTreeMap;

use caveat_theory::TransitiveTask;

use super::super::Grouping;
use crate::labels::label_key;

/// What a person says of the tasks in a file of choices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeclaredTasks {
    /// Tasks by name: of a condition, else of a subject, else of a session, else of a unit, whose names stand with commas
    /// between them. All names are of one kind.
    pub named: Vec<(String, TransitiveTask)>,
    /// The task of everything that is not named.
    pub others: Option<TransitiveTask>,
    /// Exceptions (winner, loser) by rank from 0 of a file with one condition and no task declared.
    pub exceptions: Vec<(usize, usize)>,
    /// The number of items, if it was given for the whole file, which was read with it.
    pub n_items: Option<usize>,
}

/// Numbers of trials by pair (higher, lower); by distance alone, by (distance, distance).
pub(super) type Trials = BTreeMap<(usize, usize), f64>;

/// The trials of one subject, session and condition.
pub(super) struct Cell {
    pub(super) groups: [u32; 3],
    pub(super) trials: Trials,
}

/// Whether two texts are one name, as names are read from a file.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    label_key(a) == label_key(b)
}

/// Groups of which only some kinds count.
pub(super) fn masked(groups: [u32; 3], by: &[Grouping]) -> [u32; 3] {
    let mut key = [0; 3];
    by.iter().for_each(|&g| key[g as usize] = groups[g as usize]);
    key
}
