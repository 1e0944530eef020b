//! The tasks that a person declares for a file, and the trials that the file shows.

use std::collections::BTreeMap;

use caveat_theory::TransitiveTask;

use crate::labels::label_key;

/// Tasks that a person declares for a file of choices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeclaredTasks {
    /// Tasks by the name of a condition, else of a subject, else of a session, else of a unit (names joined by commas). All names are
    /// of one kind.
    pub named: Vec<(String, TransitiveTask)>,
    /// The task of everything else.
    pub others: Option<TransitiveTask>,
    /// Exceptions (winner, loser) by rank from 0, for a file with one condition and no declared task.
    pub exceptions: Vec<(usize, usize)>,
    /// The number of items, if it was given for the whole file, also for reading it.
    pub n_items: Option<usize>,
}

/// Numbers of trials by pair (higher, lower); by distance alone, by (distance, distance).
pub(super) type Trials = BTreeMap<(usize, usize), f64>;

/// The trials of one subject, session and condition.
pub(super) struct Cell {
    pub(super) groups: [u32; 3],
    pub(super) trials: Trials,
}

/// Whether two texts are the same name.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    label_key(a) == label_key(b)
}
