//! The commands, one file each: arguments in, library calls, results out.

pub(crate) mod conjunctivity;
pub(crate) mod design;
pub(crate) mod figure;
pub(crate) mod fit;
pub(crate) mod lm;
pub(crate) mod phase;
pub(crate) mod predict;
pub(crate) mod rank;
pub(crate) mod results;
pub(crate) mod task;
pub(crate) mod window;

use std::collections::BTreeSet;

use caveat_theory::{PresentationOrder, TransitiveTask};

use crate::cli::TaskSpec;
use crate::failure::Failure;
use crate::values::pairs;

/// The task that the options describe.
pub(crate) fn build_task(spec: &TaskSpec) -> Result<TransitiveTask, Failure> {
    let mut task = TransitiveTask::new(spec.n_items, &pairs(&spec.exception))?;
    let mut weighted = BTreeSet::new();
    for w in spec.weight.chunks_exact(3) {
        let (a, b, weight) = (w[0], w[1], w[2]);
        let rank = |value: f64| {
            if value >= 0.0 && value.fract() == 0.0 && value < spec.n_items as f64 {
                return Ok(value as usize);
            }
            let last = spec.n_items - 1;
            Err(Failure::input(format!("--weight {a} {b} {weight}: {value} is not a rank from 0 to {last}")))
        };
        let (a, b) = (rank(a)?, rank(b)?);
        if !weighted.insert((a.min(b), a.max(b))) {
            return Err(Failure::input(format!("--weight: pair {a} {b} has two weights; give one")));
        }
        task = task.with_weight(a, b, weight)?;
    }
    Ok(task.with_order(spec.presentation))
}

/// The same, for commands whose theory is of pairs shown in both orders.
pub(crate) fn both_orders(spec: &TaskSpec) -> Result<TransitiveTask, Failure> {
    if spec.presentation != PresentationOrder::Both {
        return Err(Failure::input(
            "--presentation: the window and the phase diagram are of pairs shown in both orders; leave it out",
        ));
    }
    build_task(spec)
}
