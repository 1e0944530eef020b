//! `caveat task`: every ordered pair of a task with its class and label.

use caveat_analysis::{check_pairs, task_table};

use super::build_task;
use crate::cli::TaskArgs;
use crate::failure::Failure;

/// Beyond this many items the table of all ordered pairs would not fit a screen, a file, or memory sensibly.
const MAX_ITEMS: usize = 4_096;

pub(crate) fn run(args: &TaskArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let task = build_task(&args.task)?;
    if task.n_items() > MAX_ITEMS {
        return Err(Failure::input(format!(
            "{} items have too many pairs to list: at most {MAX_ITEMS} items are",
            task.n_items()
        )));
    }
    check_pairs(task.n_items(), "a table")?;
    args.output.give(&task_table(&task, &task.classes()?)?)
}
