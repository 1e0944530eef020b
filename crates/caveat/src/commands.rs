//! One file a command: arguments in, library calls, results out.

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

use caveat_theory::{Learner, PresentationOrder, TransitiveTask};

use crate::cli::TaskSpec;
use crate::failure::Failure;
use crate::values::pairs;

/// The task that the options describe.
pub(crate) fn build_task(spec: &TaskSpec) -> Result<TransitiveTask, Failure> {
    let mut task = TransitiveTask::new(spec.n_items, &pairs(&spec.exception))?;
    for w in spec.weight.chunks_exact(3) {
        let rank = |value: f64| {
            if value >= 0.0 && value.fract() == 0.0 && value < spec.n_items as f64 {
                Ok(value as usize)
            } else {
                Err(Failure::input(format!(
                    "--weight {} {} {}: {value} is not a rank from 0 to {}",
                    w[0],
                    w[1],
                    w[2],
                    spec.n_items - 1
                )))
            }
        };
        task = task.with_weight(rank(w[0])?, rank(w[1])?, w[2])?;
    }
    Ok(task.with_order(spec.presentation))
}

/// The same, of commands whose theory is of pairs shown in both orders.
pub(crate) fn both_orders(spec: &TaskSpec) -> Result<TransitiveTask, Failure> {
    if spec.presentation != PresentationOrder::Both {
        return Err(Failure::input("--presentation: this is worked out for pairs shown in both orders; leave it out"));
    }
    build_task(spec)
}

/// The learner that --c and --time describe; they exclude each other.
pub(crate) fn learner(c: Option<f64>, time: Option<f64>) -> Learner {
    match time {
        Some(time) => Learner::GradientFlow { time },
        None => Learner::Ridge { c: c.unwrap_or(f64::INFINITY) },
    }
}
