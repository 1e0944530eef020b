//! Trial tables described: summaries by pair class, placements of items, and what is wrong with the files.

use caveat_results::{
    CheckReport, ConditionKey, Filter, GroupColumn, Hierarchy, Input, PairCell, PairTable, Placements, Selection,
    Table, check_trials, read_pair_table,
};

use crate::error::Result;
use crate::watch::{Watch, reading};

/// A table and its warnings, a line each.
pub type Told = (Table, Vec<String>);

/// Accuracy and margin of the rows that pass `filters`, one row per group of `by` and class of pairs.
///
/// # Errors
/// Files that cannot be read, and filters that do not fit them.
pub fn summarize(files: &[Input], by: &[GroupColumn], filters: Vec<Filter>, watch: &dyn Watch) -> Result<Told> {
    let selection = Selection::new(filters, by);
    let summary = reading(watch, |progress| caveat_results::summarize(files, by, &selection, progress))?;
    Ok((summary.table()?, summary.doubts))
}

/// The judgments that pass `filters`, by condition and ordered pair, and doubts about which pairs were trained, a line each.
///
/// # Errors
/// Files that cannot be read, and filters that do not fit them.
pub fn placements(files: &[Input], filters: Vec<Filter>, watch: &dyn Watch) -> Result<(PairTable, Vec<String>)> {
    let selection = Selection::new(filters, &[]);
    let pairs = reading(watch, |progress| read_pair_table(files, selection, progress))?;
    let doubts = pairs.hierarchies.iter().flat_map(Hierarchy::doubts).collect();
    Ok((pairs, doubts))
}

/// One row per condition and ordered pair with trials, in either order of presentation: how often the first is placed above.
///
/// # Errors
/// None in practice; those of [`Table`].
pub fn placement_table(pairs: &PairTable) -> Result<Table> {
    let placed: Vec<Placements> = (0..pairs.conditions.len()).map(|k| pairs.placed_above(k)).collect();
    let mut rows: Vec<(&PairCell, usize, usize)> =
        pairs.cells.iter().flat_map(|c| [(c, c.rank_a, c.rank_b), (c, c.rank_b, c.rank_a)]).collect();
    rows.sort_by_key(|(c, a, b)| (c.condition, *a, *b));
    // A pair shown in both orders occurs twice, with one class.
    rows.dedup_by_key(|(c, a, b)| (c.condition, *a, *b));
    Ok(ConditionKey::add_columns(rows.iter().map(|(c, ..)| &pairs.conditions[c.condition]), Table::new())?
        .count("rank_a", rows.iter().map(|(_, a, _)| *a))?
        .count("rank_b", rows.iter().map(|(.., b)| *b))?
        .text("class", rows.iter().map(|(c, ..)| c.class.name()))?
        .float("probability", rows.iter().map(|(c, a, b)| placed[c.condition].probability[*a][*b]))?
        .float("share", rows.iter().map(|(c, a, b)| placed[c.condition].share[*a][*b]))?
        .integer("n", rows.iter().map(|(c, a, b)| i64::try_from(placed[c.condition].n[*a][*b]).ok()))?)
}

/// Every problem of trial tables; at most `most` of one kind in one file are listed one by one.
///
/// # Errors
/// Paths that lead to no trial table. Problems inside tables are in the report.
pub fn check(files: &[Input], most: usize, watch: &dyn Watch) -> Result<CheckReport> {
    let work = watch.begin(1, "checking trial tables");
    Ok(check_trials(files, most, &|done, total| work.reach(done, total))?)
}
