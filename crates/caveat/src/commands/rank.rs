//! `caveat rank`: ranks of any items from a list of comparisons.

use caveat_results::{Format, ranks_table, read_comparisons};
use caveat_theory::RidgeModel;
use caveat_theory::margins::graph;
use serde_json::json;

use crate::cli::RankArgs;
use crate::failure::Failure;
use crate::output::{check_table_path, json as to_json, print_table, print_text, tell, write_bytes};
use crate::progress;

pub(crate) fn run(args: &RankArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    let model = RidgeModel::new(args.conjunctivity, args.c)?;
    let spinner = progress::bar(0, "reading comparisons");
    let comparisons = read_comparisons(&args.comparisons)?;
    spinner.set_message("solving");
    let solution = graph::solve(&comparisons.graph, &model)?;
    spinner.finish_and_clear();
    let info = *solution.info();
    let ranks = solution.into_ranks();
    tell(&format!(
        "{} items, {} pairs, {} connected component{}: {}, {} iteration{}, relative residual {:.1e}",
        ranks.len(),
        comparisons.graph.edges().len(),
        info.components,
        if info.components == 1 { "" } else { "s" },
        info.method,
        info.iterations,
        if info.iterations == 1 { "" } else { "s" },
        info.relative_residual,
    ));
    let table = ranks_table(&comparisons.labels, &ranks)?;
    let value = || {
        let items: Vec<_> = {
            let mut order: Vec<usize> = (0..ranks.len()).collect();
            // Adding zero makes −0 and 0 tie, as in the table.
            order.sort_by(|&a, &b| (ranks[b] + 0.0).total_cmp(&(ranks[a] + 0.0)));
            order.into_iter().map(|i| json!({"item": comparisons.labels[i], "rank": ranks[i]})).collect()
        };
        json!({
            "conjunctivity": args.conjunctivity,
            "c": args.c,
            "solve": info,
            "ranks": items,
        })
    };
    match (&args.output.output, args.output.format) {
        (Some(path), _) if path.extension().is_some_and(|e| e == "json") => {
            write_bytes(path, to_json(&value())?.as_bytes())
        }
        (Some(path), _) => Ok(table.write(path)?),
        (None, Format::Json) => print_text(&to_json(&value())?),
        (None, format) => print_table(&table, format),
    }
}
