//! `caveat results matrix`: how often each item is placed above each other.

use std::path::PathBuf;

use caveat_figures::language_models::placements;
use caveat_results::{Format, Hierarchy, Input, PairCell, PairTable, Placements, Selection, Table};

use super::reading::{finish, reading, tell_passed_over};
use crate::cli::MatrixArgs;
use crate::commands::fit::key_columns;
use crate::failure::Failure;
use crate::output::{check_picture_path, check_separate, check_table_path, write_figure};
use crate::tell::tell;
use crate::values::Filters;

pub(crate) fn run(args: &MatrixArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    args.figure.as_deref().map_or(Ok(()), check_picture_path)?;
    let written = args.output.output.iter().chain(&args.figure).map(PathBuf::as_path);
    check_separate(args.files.iter().map(Input::path), written)?;
    tell_passed_over(&args.files);
    let pairs = read(args)?;
    doubts(&pairs).iter().for_each(|doubt| tell(&format!("warning: {doubt}")));
    if let Some(path) = &args.figure {
        let all: Vec<usize> = (0..pairs.conditions.len()).collect();
        write_figure(path, &placements::draw(&pairs, &all)?)?;
        tell(&path.display().to_string());
        // The picture alone, unless the numbers are asked for too.
        if args.output.output.is_none() && args.output.format == Format::Table {
            return Ok(());
        }
    }
    finish(&table(&pairs)?, &args.output)
}

/// Reads the judgments that the filters let through, behind a progress bar.
pub(crate) fn read(args: &MatrixArgs) -> Result<PairTable, Failure> {
    let selection = Selection::new(Filters::all(&args.filters), &[]);
    reading(|progress| PairTable::read(&args.files, &selection, progress))
}

/// What speaks against what was taken for trained.
pub(crate) fn doubts(pairs: &PairTable) -> Vec<String> {
    pairs.hierarchies.iter().flat_map(Hierarchy::doubts).collect()
}

/// One row per condition and ordered pair with trials, in either order of presentation.
pub(crate) fn table(pairs: &PairTable) -> Result<Table, Failure> {
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
