//! `caveat task`: every ordered pair of a task with its class and label.

use caveat_results::{Table, Values};
use caveat_theory::{PairClasses, Section, TransitiveTask};

use super::{build_task, check_pairs};
use crate::cli::TaskArgs;
use crate::failure::Failure;
use crate::output::{check_table_path, print_table};

/// Beyond this many items the table of all ordered pairs would not fit a screen, a file, or memory sensibly.
const MAX_ITEMS: usize = 4_096;

pub(crate) fn run(args: &TaskArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    let task = build_task(&args.task)?;
    if task.n_items() > MAX_ITEMS {
        return Err(Failure::input(format!(
            "{} items have too many pairs to list: at most {MAX_ITEMS} items are",
            task.n_items()
        )));
    }
    check_pairs(task.n_items(), "a table")?;
    let table = table(&task, &task.classes()?)?;
    match &args.output.output {
        Some(path) => Ok(table.write(path)?),
        None => print_table(&table, args.output.format),
    }
}

/// One row per ordered pair.
pub(crate) fn table(task: &TransitiveTask, classes: &PairClasses) -> Result<Table, Failure> {
    let n = task.n_items();
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|a| (0..n).filter(move |&b| b != a).map(move |b| (a, b))).collect();
    let trained: std::collections::HashMap<(usize, usize), f64> =
        task.trials().iter().map(|t| ((t.first, t.second), t.weight)).collect();
    let exceptions: std::collections::HashSet<(usize, usize)> =
        task.exceptions().iter().flat_map(|e| [(e.winner, e.loser), (e.loser, e.winner)]).collect();
    let integer =
        |f: &dyn Fn(usize, usize) -> Option<i64>| Values::Integer(pairs.iter().map(|&(a, b)| f(a, b)).collect());
    let rank = |r: usize| i64::try_from(r).ok();
    Ok(Table::new()
        .with("rank_a", integer(&|a, _| rank(a)))?
        .with("rank_b", integer(&|_, b| rank(b)))?
        .with("gap", integer(&|a, b| rank(a.abs_diff(b))))?
        .text("class", pairs.iter().map(|&(a, b)| classes.class(a, b).name()))?
        .with("label", integer(&|a, b| classes.label(a, b).map(i64::from)))?
        .flag("is_train", pairs.iter().map(|p| trained.contains_key(p)))?
        .flag("is_exception", pairs.iter().map(|p| exceptions.contains(p)))?
        .float("weight", pairs.iter().map(|p| trained.get(p).copied().unwrap_or(f64::NAN)))?
        .text("section_a", pairs.iter().map(|&(a, _)| section(classes.section(a))))?
        .text("section_b", pairs.iter().map(|&(_, b)| section(classes.section(b))))?)
}

fn section(section: Section) -> String {
    match section {
        Section::Cycle(k) => format!("cycle {k}"),
        Section::Outer(k) => format!("outer {k}"),
    }
}
