//! `caveat design`: candidate tasks ranked by what they tell about α, and the trials that takes.

use caveat_analysis::{PlainTask, design, design_table};
use caveat_figures::design_figure::{self, DesignInputs, DesignRow};
use caveat_theory::TransitiveTask;
use caveat_theory::inference::design::{DesignQuestion, DesignSettings, DesignTarget, single_exception_tasks};
use serde_json::{Map, Value, json};

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
    let mut all = Vec::new();
    for task in &args.task {
        all.push(PlainTask::build(task)?);
    }
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
        let mut object = Map::new();
        let exceptions: Vec<[usize; 2]> = row.task.exceptions().iter().map(|e| [e.winner, e.loser]).collect();
        object.insert("rank".into(), json!(k + 1));
        object.insert("task".into(), json!(row.name()));
        object.insert("n_items".into(), json!(row.task.n_items()));
        object.insert("exceptions".into(), json!(exceptions));
        object.insert("n_pairs".into(), json!(row.pairs.len()));
        object.insert("information_bits".into(), json!(e.information_bits));
        object.insert("information_se".into(), json!(e.information_se));
        object.insert("trials_for_power".into(), json!(e.trials_for_power));
        object.insert("power".into(), json!(settings.power));
        object.insert("trials".into(), json!(settings.trials));
        if let Some(accuracy) = e.decision_accuracy {
            object.insert("decision_accuracy".into(), json!(accuracy));
        }
        if let Some(width) = e.interval_width {
            object.insert("interval_width".into(), json!(width));
        }
        Value::Object(object)
    };
    rows.iter().enumerate().map(object).collect()
}
