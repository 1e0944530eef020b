//! Trial tables described: summaries by pair class, placements of items, and what is wrong with the files.

use caveat_results::{
    CheckReport, Filter, GroupColumn, Hierarchy, Input, PairCell, PairTable, Placements, Selection, Table,
    check_trials, read_pair_table,
};

use crate::error::Result;
use crate::fit::key_columns;
use crate::watch::{Watch, reading};

/// A table, and the warnings that go with it, a line each.
pub type Told = (Table, Vec<String>);

/// Accuracy and margin, one row per group of `by` and class of pairs, of the rows that `filters` let through.
///
/// # Errors
/// Of the files, and of filters that do not fit them.
pub fn summarize(files: &[Input], by: &[GroupColumn], filters: Vec<Filter>, watch: &dyn Watch) -> Result<Told> {
    let selection = Selection::new(filters, by);
    let summary = reading(watch, |progress| caveat_results::summarize(files, by, &selection, progress))?;
    Ok((summary.table()?, summary.doubts))
}

/// The judgments that `filters` let through, by condition and ordered pair, and what speaks against what was taken for trained.
///
/// # Errors
/// Of the files, and of filters that do not fit them.
pub fn placements(files: &[Input], filters: Vec<Filter>, watch: &dyn Watch) -> Result<(PairTable, Vec<String>)> {
    let selection = Selection::new(filters, &[]);
    let pairs = reading(watch, |progress| read_pair_table(files, selection, progress))?;
    let doubts = pairs.hierarchies.iter().flat_map(Hierarchy::doubts).collect();
    Ok((pairs, doubts))
}

/// One row per condition and ordered pair with trials, in either order of presentation: how often the first is placed above.
///
/// # Errors
/// None that can be provoked: columns have one length and names of their own.
pub fn placement_table(pairs: &PairTable) -> Result<Table> {
    let placed: Vec<Placements> = (0..pairs.conditions.len()).map(|k| pairs.placed_above(k)).collect();
    let mut rows: Vec<(&PairCell, usize, usize)> =
        pairs.cells.iter().flat_map(|c| [(c, c.rank_a, c.rank_b), (c, c.rank_b, c.rank_a)]).collect();
    rows.sort_by_key(|(c, a, b)| (c.condition, *a, *b));
    // A pair shown in both orders is there twice, with one class.
    rows.dedup_by_key(|(c, a, b)| (c.condition, *a, *b));
    let rank = |r: usize| i64::try_from(r).ok();
    Ok(key_columns(rows.iter().map(|(c, ..)| &pairs.conditions[c.condition]))?
        .integer("rank_a", rows.iter().map(|(_, a, _)| rank(*a)))?
        .integer("rank_b", rows.iter().map(|(.., b)| rank(*b)))?
        .text("class", rows.iter().map(|(c, ..)| c.class.name()))?
        .float("probability", rows.iter().map(|(c, a, b)| placed[c.condition].probability[*a][*b]))?
        .float("share", rows.iter().map(|(c, a, b)| placed[c.condition].share[*a][*b]))?
        .integer("n", rows.iter().map(|(c, a, b)| i64::try_from(placed[c.condition].n[*a][*b]).ok()))?)
}

/// Every problem of trial tables; `most` of one kind in one file are spelled out.
///
/// # Errors
/// Of paths that lead to no trial table; what is wrong inside them is in the report.
pub fn check(files: &[Input], most: usize, watch: &dyn Watch) -> Result<CheckReport> {
    let work = watch.begin(1, "checking trial tables");
    Ok(check_trials(files, most, &|done, total| work.reach(done, total))?)
}
