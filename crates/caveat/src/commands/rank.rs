//! `caveat rank`: ranks of any items from a list of comparisons.

use caveat_results::{LabeledComparisons, RowFilter, label_order, places, ranks_table, read_comparisons};
use caveat_theory::RidgeModel;
use caveat_theory::margins::graph;
use caveat_theory::ranking::Place;
use serde_json::json;

use crate::cli::RankArgs;
use crate::failure::Failure;
use crate::progress;
use crate::tell::{counted, tell};

pub(crate) fn run(args: &RankArgs) -> Result<(), Failure> {
    args.output.check([args.comparisons.path()], &[], &[])?;
    let model = RidgeModel::new(args.conjunctivity, args.c)?;
    let spinner = progress::bar(0, "reading comparisons");
    let mut columns = args.columns.clone().unwrap_or_default();
    columns.skip_missing = args.skip_missing;
    for expression in &args.filters {
        columns.filters.extend(RowFilter::all(expression)?);
    }
    let comparisons = read_comparisons(&args.comparisons, &columns)?;
    comparisons.notes.iter().for_each(|note| spinner.suspend(|| tell(note)));
    if !args.components {
        refuse_components(&comparisons)?;
    }
    spinner.set_message("solving");
    let solution = graph::solve(&comparisons.graph, &model)?;
    let places = places(&comparisons, &solution)?;
    spinner.finish_and_clear();
    let info = solution.info;
    let labels = &comparisons.labels;
    tell(&format!(
        "{}, {}, {}: {}, {}, relative residual {:.1e}",
        counted(labels.len() as u64, "item"),
        counted(comparisons.graph.edges().len() as u64, "pair"),
        counted(info.components as u64, "connected component"),
        info.method,
        counted(info.iterations as u64, "iteration"),
        info.relative_residual,
    ));
    let table = ranks_table(labels, &places)?;
    let value = || {
        let row = |p: &Place| json!({"position": p.position, "item": labels[p.item], "rank": p.rank, "component": p.component});
        json!({
            "conjunctivity": args.conjunctivity,
            "c": args.c,
            "solve": info,
            "ranks": places.iter().map(row).collect::<Vec<_>>(),
        })
    };
    args.output.give_value(&table, value)
}

/// Refuses groups of items that no comparison connects: there is no order between them.
fn refuse_components(comparisons: &LabeledComparisons) -> Result<(), Failure> {
    let LabeledComparisons { labels, graph, .. } = comparisons;
    let component = graph.components();
    let count = component.iter().max().map_or(0, |&c| c as usize + 1);
    if count < 2 {
        return Ok(());
    }
    // Size and first label of every group.
    let mut groups: Vec<(usize, &str)> = vec![(0, ""); count];
    for (label, &c) in labels.iter().zip(&component) {
        let (size, first) = &mut groups[c as usize];
        if *size == 0 || label_order(label, first).is_lt() {
            *first = label;
        }
        *size += 1;
    }
    groups.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| label_order(a.1, b.1)));
    let named = |&(size, first): &(usize, &str)| format!("{size} items with {first:?}");
    let rest = match &groups[2..] {
        [] => String::new(),
        [(size, _)] => format!(" and one of {size}"),
        [(largest, _), .., (smallest, _)] if largest == smallest => format!(" and {} of {largest}", count - 2),
        [(largest, _), .., (smallest, _)] => format!(" and {} of {largest} to {smallest}", count - 2),
    };
    Err(Failure::input(format!(
        "the comparisons make {count} groups that nothing connects ({}, {}{rest}): who stands above whom across groups has no \
         answer; add comparisons between them, or rank each on its own with --components",
        named(&groups[0]),
        named(&groups[1]),
    )))
}
