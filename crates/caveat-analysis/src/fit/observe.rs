//! Trial tables as sets of margins: reads conditions and averages them over the columns that do not make conditions.

use caveat_results::{AsInput, Condition, ConditionKey, Selection, read_conditions};
use caveat_theory::{ComparisonGraph, TheoryError};

use super::request::ByColumn;
use crate::error::{AnalysisError, Result};
use crate::watch::{Watch, reading};

/// Conditions averaged to one set of margins.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// What the conditions have in common; empty text where they were averaged over.
    pub(crate) key: ConditionKey,
    pub(crate) graph: ComparisonGraph,
    pub(crate) n_items: usize,
    pub(crate) exceptions: Vec<(usize, usize)>,
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) margins: Vec<f64>,
    /// Margins of every seed that has all pairs.
    pub(crate) seeds: Vec<Vec<f64>>,
    /// Weights with which the mean over seeds is the mean over conditions; all 1 if these have equally many seeds.
    pub(crate) seed_weights: Vec<f64>,
    /// Mean logit differences of every pair (i, j) as shown: at (i, j) and at (j, i).
    pub(crate) shown: Vec<[f64; 2]>,
    /// The same for every seed that has all pairs.
    pub(crate) seeds_shown: Vec<Vec<[f64; 2]>>,
    /// Notes about pairs that some or all seeds show in one order only, a line each.
    pub(crate) notes: Vec<String>,
}

/// Reads conditions.
pub(crate) fn read<P: AsInput>(files: &[P], rows: impl Into<Selection>, watch: &dyn Watch) -> Result<Vec<Condition>> {
    reading(watch, |progress| read_conditions(files, rows, progress))
}

/// Averages conditions over the columns not in `by`.
pub(crate) fn group(conditions: &[Condition], by: &[ByColumn]) -> Result<Vec<Observed>> {
    let mut groups: Vec<(ConditionKey, Vec<&Condition>)> = Vec::new();
    for condition in conditions {
        let key = reduced(condition.key(), by);
        match groups.iter_mut().find(|(k, _)| *k == key) {
            Some((_, members)) => members.push(condition),
            None => groups.push((key, vec![condition])),
        }
    }
    groups.into_iter().map(|(key, members)| Observed::new(key, &members)).collect()
}

/// A key without the columns that are averaged over.
pub(super) fn reduced(key: &ConditionKey, by: &[ByColumn]) -> ConditionKey {
    let keep = |column: ByColumn, value: &str| if by.contains(&column) { value.to_owned() } else { String::new() };
    ConditionKey {
        setting: keep(ByColumn::Setting, &key.setting),
        model: keep(ByColumn::Model, &key.model),
        task: keep(ByColumn::Task, &key.task),
        hier: keep(ByColumn::Hier, &key.hier),
        lora_r: key.lora_r,
        l2_reg: key.l2_reg,
    }
}

/// A note about pairs that no seed shows in both orders: they have no margin.
fn one_sided(condition: &Condition) -> Option<String> {
    let n = condition.n_items();
    let count = |a, b| condition.count(a, b);
    let found: Vec<(usize, usize)> = (0..n)
        .flat_map(|a| (0..n).map(move |b| (a, b)))
        .filter(|&(a, b)| count(a, b) > 0 && count(b, a) == 0)
        .collect();
    let &(a, b) = found.first()?;
    let (are, have) = if found.len() == 1 {
        ("pair is", "it has no margin and is")
    } else {
        ("pairs are", "they have no margin and are")
    };
    Some(format!(
        "condition {}: {} {are} shown in one order only, as ({a}, {b}) but never ({b}, {a}): {have} left out",
        condition.key(),
        found.len(),
    ))
}

/// A note about the seeds of a condition that lack some pair in some order.
fn lacking(condition: &Condition, pairs: &[(usize, usize)]) -> Option<String> {
    let lacks = |margins: &[f64]| margins.iter().position(|m| !m.is_finite());
    let all = condition.seed_margins();
    let found: Vec<(i64, usize)> =
        condition.seeds().iter().zip(&all).filter_map(|(seed, margins)| Some((*seed, lacks(margins)?))).collect();
    let (seed, at) = *found.first()?;
    let (i, j) = pairs[at];
    let others = match found.len() - 1 {
        0 => String::new(),
        1 => ", and another seed lacks pairs too".to_owned(),
        more => format!(", and {more} other seeds lack pairs too"),
    };
    Some(format!(
        "condition {}: seed {seed} does not show the pair ({i}, {j}) in both orders{others}; what it shows counts in the estimates, but \
         intervals are over the {} of {} seeds that show all pairs",
        condition.key(),
        all.len() - found.len(),
        all.len()
    ))
}

impl Observed {
    fn new(key: ConditionKey, members: &[&Condition]) -> Result<Self> {
        let first = members[0];
        let listed = first.margins();
        let pairs: Vec<(usize, usize)> = listed.iter().map(|m| (m.first, m.second)).collect();
        if pairs.is_empty() {
            return Err(AnalysisError::input(format!("condition {}: no pair was shown in both orders", first.key())));
        }
        let mut margins = vec![0.0; pairs.len()];
        let mut shown = vec![[0.0; 2]; pairs.len()];
        let (mut seeds, mut seeds_shown, mut seed_weights) = (Vec::new(), Vec::new(), Vec::new());
        let mut notes = Vec::new();
        for member in members {
            let here = member.margins();
            if member.graph() != first.graph()
                || here.len() != pairs.len()
                || here.iter().zip(&pairs).any(|(m, p)| (m.first, m.second) != *p)
            {
                return Err(AnalysisError::input(format!(
                    "{} and {} train or show different pairs, so they cannot be averaged: add hier (or what tells them apart) to ⟨by⟩",
                    first.key(),
                    member.key()
                )));
            }
            for (sum, m) in margins.iter_mut().zip(&here) {
                *sum += m.margin / members.len() as f64;
            }
            for (sum, &(i, j)) in shown.iter_mut().zip(&pairs) {
                for (sum, mean) in sum.iter_mut().zip([member.mean(i, j), member.mean(j, i)]) {
                    *sum += mean.unwrap_or(f64::NAN) / members.len() as f64;
                }
            }
            notes.extend(one_sided(member));
            notes.extend(lacking(member, &pairs));
            let before = seeds.len();
            for (seed, margins) in member.seed_margins().into_iter().enumerate() {
                if margins.iter().all(|m| m.is_finite()) {
                    let mean = |i, j| {
                        let (total, count) = member.seed_sum(seed, i, j);
                        total / count as f64
                    };
                    seeds_shown.push(pairs.iter().map(|&(i, j)| [mean(i, j), mean(j, i)]).collect());
                    seeds.push(margins);
                }
            }
            let here = seeds.len() - before;
            seed_weights.extend(std::iter::repeat_n(1.0 / here as f64, here));
        }
        let scale = seeds.len() as f64 / members.len() as f64;
        seed_weights.iter_mut().for_each(|w| *w *= scale);
        Ok(Self {
            key,
            graph: first.graph().clone(),
            n_items: first.n_items(),
            exceptions: first.exceptions().to_vec(),
            pairs,
            margins,
            seeds,
            seed_weights,
            shown,
            seeds_shown,
            notes,
        })
    }

    /// An error about this condition.
    pub(super) fn in_place(&self, error: TheoryError) -> AnalysisError {
        AnalysisError::from(error).in_place(format_args!("condition {}", self.key))
    }
}
