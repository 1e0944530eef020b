//! Accuracy and margin by pair class and any columns.

use super::filter::{GroupColumn, Selection};
use super::groups::{GroupValue, Part, Scan, SummaryGroup};
use super::hierarchy::{self, Hierarchy};
use crate::conditions::{RowCount, Tally, rows_twice};
use crate::error::{Result, ResultsError};
use crate::input::{AsInput, Input};
use crate::table::{Table, Values};
use crate::trial_table::{ColumnKind, Progress, TrialColumn, scan_trials};

/// Most words of all keys, for 2.8 million groups and seeds by one column or one million by six. Keeps a summary below one GiB.
const MAX_WORDS: usize = 1 << 23;

/// Accuracy and margin by pair class and any columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The columns that the rows are grouped by.
    pub by: Vec<GroupColumn>,
    /// The groups with rows, sorted by the columns in order, then by class; missing values come first.
    pub groups: Vec<SummaryGroup>,
    /// Reasons to doubt what was trained, as in [`Condition::doubts`](crate::Condition::doubts), for all hierarchies.
    pub doubts: Vec<String>,
}

impl Summary {
    /// One row per group: the columns in order, class unless it is among them, accuracy, n, low, high, margin, margin_se and
    /// n_seeds. Does not fail in practice.
    pub fn table(&self) -> Result<Table> {
        let mut table = Table::new();
        for (k, column) in self.by.iter().enumerate() {
            table = table.with(column.name(), column_values(*column, self.groups.iter().map(|g| &g.values[k])))?;
        }
        if !self.by.contains(&GroupColumn::Class) {
            table = table.text("class", self.groups.iter().map(|g| g.class.name()))?;
        }
        let count = |n: u64| i64::try_from(n).ok();
        let statistics = [
            ("accuracy", Values::Float(self.groups.iter().map(SummaryGroup::accuracy).collect())),
            ("n", Values::Integer(self.groups.iter().map(|g| count(g.n)).collect())),
            ("low", Values::Float(self.groups.iter().map(|g| g.interval().0).collect())),
            ("high", Values::Float(self.groups.iter().map(|g| g.interval().1).collect())),
            ("margin", Values::Float(self.groups.iter().map(|g| g.margin).collect())),
            ("margin_se", Values::Float(self.groups.iter().map(|g| g.margin_se).collect())),
            ("n_seeds", Values::Integer(self.groups.iter().map(|g| count(g.n_seeds)).collect())),
        ];
        for (name, values) in statistics {
            // If the rows are grouped by margin, that column is already there.
            if table.column(name).is_none() {
                table = table.with(name, values)?;
            }
        }
        Ok(table)
    }
}

fn column_values<'a>(column: GroupColumn, values: impl Iterator<Item = &'a GroupValue>) -> Values {
    let kind = match column {
        GroupColumn::Trial(column) => column.kind(),
        GroupColumn::Class => ColumnKind::Text,
    };
    let text = |v: &GroupValue| match v {
        GroupValue::Text(text) => text.clone(),
        GroupValue::Class(class) => class.name().to_owned(),
        _ => String::new(),
    };
    match kind {
        ColumnKind::Text => Values::Text(values.map(text).collect()),
        ColumnKind::Integer => {
            Values::Integer(values.map(|v| if let GroupValue::Integer(x) = v { Some(*x) } else { None }).collect())
        }
        ColumnKind::Real => {
            Values::Float(values.map(|v| if let GroupValue::Real(x) = v { *x } else { f64::NAN }).collect())
        }
        ColumnKind::Flag => Values::Flag(values.map(|v| *v == GroupValue::Flag(true)).collect()),
    }
}

/// Accuracy and margin of the selected rows of the trial tables under `paths`, by the columns of `by` and by pair class.
///
/// The tables are read twice: for what was trained under each hierarchy, then for the statistics. Only the needed columns are read,
/// in parallel; the result does not depend on the number of threads. Memory: about 100 bytes per group and seed, whatever the
/// number of rows. `progress` is called with the rows done and in all, of both passes together.
///
/// # Errors
/// Those of [`scan_trials`]; no selected row; a column named twice; millions of groups and seeds; rows that contradict each other on
/// what was trained, as in [`read_pair_table`](super::read_pair_table); a `correct` other than 0, 1 or missing; an infinite margin.
pub fn summarize<P: AsInput>(
    paths: &[P],
    by: &[GroupColumn],
    selection: &Selection,
    progress: Progress<'_>,
) -> Result<Summary> {
    // As an `Input`, a pipe can be read twice.
    let inputs: Vec<Input> = paths.iter().map(AsInput::as_input).collect();
    summarize_within(MAX_WORDS, &inputs, by, selection, progress)
}

/// [`summarize`] with another bound on the words of all keys.
pub(super) fn summarize_within(
    max_words: usize,
    paths: &[Input],
    by: &[GroupColumn],
    selection: &Selection,
    progress: Progress<'_>,
) -> Result<Summary> {
    if let Some((_, column)) = by.iter().enumerate().find(|(k, c)| by[..*k].contains(c)) {
        return Err(ResultsError::BadTable(format!("column {column} is named twice to group by: name it once")));
    }
    let by_alpha = by.contains(&GroupColumn::Trial(TrialColumn::LoraAlpha));
    let (hierarchies, doubts) = read_hierarchies(paths, selection, by_alpha, &|done, total| progress(done, 2 * total))?;
    let scan = Scan::new(by, selection, &hierarchies, max_words);
    let second = |done, total| progress(total + done, 2 * total);
    let parts = scan_trials(paths, &scan.columns(), &second, |part: &mut Part, batch| scan.add(part, batch))?;
    let mut all = Part::default();
    for part in parts {
        scan.merge(&mut all, &part)?;
    }
    if all.is_empty() {
        return Err(selection.no_rows(paths));
    }
    let groups = scan.groups(all);
    Ok(Summary { by: by.to_vec(), groups, doubts })
}

/// Finds what was trained under each hierarchy, from the rows of all runs that pass, and reasons to doubt it.
fn read_hierarchies(
    paths: &[Input],
    selection: &Selection,
    by_alpha: bool,
    progress: Progress<'_>,
) -> Result<(Vec<Hierarchy>, Vec<String>)> {
    let all =
        Tally::<RowCount>::read(paths, selection.run_columns(), by_alpha, progress, |batch| selection.run_uses(batch))?;
    let sorted = hierarchy::sort(all)?;
    if sorted.hierarchies.is_empty() {
        return Err(selection.no_rows(paths));
    }
    let mut doubts: Vec<String> = sorted.hierarchies.iter().flat_map(Hierarchy::doubts).collect();
    // Conditions that differ in lora_alpha are one here.
    for (key, _, group) in sorted.conditions.into_iter().filter(|_| !by_alpha) {
        let counts = group.sums().map(|(seed, pair, count)| (seed, pair, count.0));
        doubts.extend(rows_twice(&key, selection.n_phases(), counts));
    }
    Ok((sorted.hierarchies, doubts))
}
