//! `caveat task`: every ordered pair of a task with its class and label.

use caveat_analysis::{check_pairs, task_table};

use super::build_task;
use crate::cli::TaskArgs;
use crate::failure::Failure;

/// Most items whose table of all ordered pairs is of use on a screen or in a file.
const MAX_ITEMS: usize = 4_096;

pub(crate) fn run(args: &TaskArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let task = build_task(&args.task)?;
    if task.n_items() > MAX_ITEMS {
        let n = task.n_items();
        return Err(Failure::input(format!("{n} items have too many pairs to list: at most {MAX_ITEMS} items are")));
    }
    check_pairs(task.n_items(), "a table")?;
    args.output.give(&task_table(&task, &task.classes()?)?)
}
