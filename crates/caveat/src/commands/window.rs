//! `caveat window`: where generalization and memorization hold together.

use caveat_results::Table;
use caveat_theory::balance_window;
use serde_json::json;

use super::both_orders;
use crate::cli::{StrengthSpec, WindowArgs};
use crate::failure::Failure;

pub(crate) fn run(args: &WindowArgs) -> Result<(), Failure> {
    args.output.check([], &[], &[])?;
    let task = both_orders(&args.task)?;
    let w = balance_window(&task, args.strength.learner())?;
    let exceptions: Vec<[usize; 2]> = task.exceptions().iter().map(|e| [e.winner, e.loser]).collect();
    let StrengthSpec { c, time } = args.strength;
    let (strength, critical) = if time.is_some() { ("time", "critical_time") } else { ("c", "critical_c") };
    let value = json!({
        "n_items": task.n_items(),
        "exceptions": exceptions,
        strength: time.or(c).filter(|s| s.is_finite()),
        "screening_star": w.screening_star,
        "conjunctivity_generalization": w.conjunctivity_generalization,
        "generalization_from": w.generalization_from,
        "conjunctivity_memorization": w.conjunctivity_memorization,
        "balances": w.balances,
        critical: w.critical,
    });
    let table = Table::new()
        .float("screening_star", [w.screening_star.unwrap_or(f64::NAN)])?
        .float("conjunctivity_generalization", [w.conjunctivity_generalization])?
        .float("generalization_from", [w.generalization_from])?
        .float("conjunctivity_memorization", [w.conjunctivity_memorization])?
        .flag("balances", [w.balances])?
        .float(critical, [w.critical.unwrap_or(f64::NAN)])?;
    args.output.give_value(&table, || &value)
}
