//! The hierarchies of trial tables: what was trained under each name, and the classes of pairs.

use std::collections::HashMap;

use caveat_theory::{ComparisonGraph, PairClass, PairClasses};

use crate::conditions::{ConditionKey, Group, Tallied, Tally};
use crate::error::{Result, ResultsError};
use crate::hierarchy_name::doubts;
use crate::trial_table::TrialColumn;

/// What was trained under one name of a hierarchy, the same in all conditions.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// Its name in the column `hier`.
    pub name: String,
    /// Number of items: the largest rank met, plus one.
    pub n_items: usize,
    /// The trained pairs with their winners, each of weight 1.
    pub graph: ComparisonGraph,
    /// The pairs marked as exceptions, (winner, loser) by rank, sorted by their higher item.
    pub exceptions: Vec<(usize, usize)>,
    /// Class and label of every pair.
    pub classes: PairClasses,
}

impl Hierarchy {
    /// Reasons to doubt that this was trained, as in [`Condition::doubts`](crate::Condition::doubts).
    pub fn doubts(&self) -> Vec<String> {
        doubts(&self.name, &self.exceptions, &self.graph)
    }

    /// Class of the pair {a, b}; `None` for an item with itself or a rank that does not exist.
    pub fn class(&self, a: usize, b: usize) -> Option<PairClass> {
        (a != b && a.max(b) < self.n_items).then(|| self.classes.class(a, b))
    }
}

/// The conditions of a tally, sorted by key, each with the index of its hierarchy.
pub(super) struct Sorted<S> {
    pub(super) hierarchies: Vec<Hierarchy>,
    pub(super) conditions: Vec<(ConditionKey, usize, Group<S>)>,
}

/// Sorts the conditions of a tally and finds their hierarchies, sorted by name. Refuses conditions without trained pairs, and those
/// of one hierarchy that contradict each other or do not show the same trained pairs.
pub(super) fn sort<S: Tallied>(mut tally: Tally<S>) -> Result<Sorted<S>> {
    // In order of appearance, so that the later rows are blamed for a contradiction.
    let groups: Vec<(ConditionKey, Group<S>)> =
        tally.take_groups().into_iter().map(|group| (tally.key(&group), group)).collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (k, (key, _)) in groups.iter().enumerate() {
        by_name.entry(&key.hier).or_default().push(k);
    }
    let mut names: Vec<(&str, Vec<usize>)> = by_name.into_iter().collect();
    names.sort_unstable();
    let mut hierarchies = Vec::with_capacity(names.len());
    let mut number = vec![0; groups.len()];
    for (name, members) in names {
        for &k in &members {
            number[k] = hierarchies.len();
        }
        let members: Vec<&(ConditionKey, Group<S>)> = members.iter().map(|&k| &groups[k]).collect();
        hierarchies.push(hierarchy(name, &members, &tally)?);
    }
    let mut conditions: Vec<(ConditionKey, usize, Group<S>)> =
        groups.into_iter().zip(number).map(|((key, group), h)| (key, h, group)).collect();
    conditions.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(Sorted { hierarchies, conditions })
}

fn hierarchy<S: Tallied>(name: &str, members: &[&(ConditionKey, Group<S>)], tally: &Tally<S>) -> Result<Hierarchy> {
    let (first_key, first) = members[0];
    let trained = tally.trained(first, first_key)?;
    let pairs: Vec<(usize, usize)> = trained.comparisons.iter().map(|c| (c.winner, c.loser)).collect();
    for (key, group) in &members[1..] {
        let whole = format!("the conditions of hierarchy {name:?}");
        if let Some(error) = tally.contradiction_between(first, group, &whole) {
            return Err(error);
        }
        let here = tally.trained(group, key)?;
        let here: Vec<(usize, usize)> = here.comparisons.iter().map(|c| (c.winner, c.loser)).collect();
        if here == pairs {
            continue;
        }
        // They agree where both have rows, so one of them lacks a pair or an order.
        let only_first = pairs.iter().find(|p| !here.contains(p)).map(|p| (p, first, first_key, key));
        let only_here = here.iter().find(|p| !pairs.contains(p)).map(|p| (p, group, key, first_key));
        if let Some((&(winner, loser), trainer, condition, other)) = only_first.or(only_here) {
            let problem = format!(
                "true, rank {winner} beats rank {loser}, which condition {other} does not train: expected the same trained \
                 pairs in all conditions of hierarchy {name:?}"
            );
            return Err(tally.bad_cell(trainer, (winner, loser), TrialColumn::IsTrain, condition, problem));
        }
    }
    let n_items = members.iter().map(|(_, group)| group.n_items()).max().unwrap_or(0);
    let theory = |source| {
        let context = format!("hierarchy {name:?}, rows with is_train true");
        ResultsError::Theory { context, source }
    };
    let graph = ComparisonGraph::new(n_items, trained.comparisons).map_err(theory)?.with_order(trained.order);
    let classes = graph.classes().map_err(theory)?;
    Ok(Hierarchy { name: name.to_owned(), n_items, graph, exceptions: trained.exceptions, classes })
}
