//! `caveat design`: candidate tasks ranked by what they tell about α, and the trials that are needed.

use caveat_analysis::{PlainTask, design, design_table};
use caveat_figures::design_figure::{self, DesignInputs, DesignRow};
use caveat_theory::TransitiveTask;
use caveat_theory::inference::design::{DesignQuestion, DesignSettings, DesignTarget, single_exception_tasks};
use serde_json::{Value, json};

use crate::cli::DesignArgs;
use crate::failure::Failure;
use crate::output::write_figure;
use crate::progress::Bars;

pub(crate) fn run(args: &DesignArgs) -> Result<(), Failure> {
    args.output.check([], &[&args.pairs_table], &[&args.figure])?;
    let question = question(args)?;
    let settings = DesignSettings {
        trials: args.trials,
        power: args.power,
        max_trials: args.max_trials,
        samples: args.samples,
        seed: args.seed,
    };
    let rows = design(candidates(args)?, args.pairs, &question, &settings, &Bars)?;
    if let Some(path) = &args.figure {
        write_figure(path, &design_figure::draw(&DesignInputs { rows: &rows, question: &question, settings })?)?;
    }
    if let Some(path) = &args.pairs_table {
        design_figure::pair_table(&rows)?.write(path)?;
    }
    args.output.give_value(&design_table(&rows, &settings)?, || objects(&rows, &settings))
}

fn question(args: &DesignArgs) -> Result<DesignQuestion, Failure> {
    let pair = |values: &[f64]| (values[0], values[1]);
    let target = match args.hypotheses.as_deref() {
        // The parser takes exactly two.
        Some(hypotheses) => DesignTarget::Hypotheses([hypotheses[0], hypotheses[1]]),
        None => {
            let (low, high) = pair(&args.conjunctivity);
            DesignTarget::Value { low, high, precision: args.precision }
        }
    };
    Ok(DesignQuestion::new(target, pair(&args.c), pair(&args.gain), args.lapse)?)
}

/// The candidates in the order given.
fn candidates(args: &DesignArgs) -> Result<Vec<TransitiveTask>, Failure> {
    let mut all = args.task.iter().map(PlainTask::build).collect::<Result<Vec<_>, _>>()?;
    for &n in &args.n_items {
        if args.one_exception {
            all.extend(single_exception_tasks(n)?);
        } else {
            all.push(TransitiveTask::new(n, &[])?);
        }
    }
    Ok(all)
}

fn objects(rows: &[DesignRow], settings: &DesignSettings) -> Vec<Value> {
    let object = |(k, row): (usize, &DesignRow)| {
        let e = &row.evaluation;
        let exceptions: Vec<[usize; 2]> = row.task.exceptions().iter().map(|e| [e.winner, e.loser]).collect();
        let mut object = json!({
            "rank": k + 1,
            "task": row.name(),
            "n_items": row.task.n_items(),
            "exceptions": exceptions,
            "n_pairs": row.pairs.len(),
            "information_bits": e.information_bits,
            "information_se": e.information_se,
            "trials_for_power": e.trials_for_power,
            "power": settings.power,
            "trials": settings.trials,
        });
        for (key, number) in [("decision_accuracy", e.decision_accuracy), ("interval_width", e.interval_width)] {
            if let Some(number) = number {
                object[key] = json!(number);
            }
        }
        object
    };
    rows.iter().enumerate().map(object).collect()
}
