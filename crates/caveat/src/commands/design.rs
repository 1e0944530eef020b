//! `caveat design`: candidate tasks ranked by what they tell about α, and the trials that takes.

use caveat_figures::design_figure::{self, DesignInputs, DesignRow};
use caveat_results::{Format, Table};
use caveat_theory::TransitiveTask;
use caveat_theory::inference::design::{
    DesignQuestion, DesignSettings, DesignTarget, JudgedPairs, evaluate_design, progress_steps, single_exception_tasks,
};
use serde_json::{Map, Value, json};

use crate::cli::DesignArgs;
use crate::failure::Failure;
use crate::output::{
    check_picture_path, check_table_path, json as to_json, print_table, print_text, write_figure, write_result,
};
use crate::progress;

pub(crate) fn run(args: &DesignArgs) -> Result<(), Failure> {
    for path in [&args.output.output, &args.pairs_table].into_iter().flatten() {
        check_table_path(path)?;
    }
    if let Some(path) = &args.figure {
        check_picture_path(path)?;
    }
    let question = question(args)?;
    let settings = DesignSettings {
        trials: args.trials,
        power: args.power,
        max_trials: args.max_trials,
        samples: args.samples,
        seed: args.seed,
    };
    let rows = evaluate(&candidates(args)?, args, &question, &settings)?;
    if let Some(path) = &args.figure {
        write_figure(path, &design_figure::draw(&DesignInputs { rows: &rows, question: &question, settings })?)?;
    }
    if let Some(path) = &args.pairs_table {
        design_figure::pair_table(&rows)?.write(path)?;
    }
    let value = objects(&rows, &settings);
    let table = table(&rows, &settings)?;
    match (&args.output.output, args.output.format) {
        (Some(path), _) => write_result(path, &table, &value),
        (None, Format::Json) => print_text(&to_json(&value)?),
        (None, format) => print_table(&table, format),
    }
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

/// The candidates in the order given, each once.
fn candidates(args: &DesignArgs) -> Result<Vec<TransitiveTask>, Failure> {
    let mut all = Vec::new();
    for candidate in &args.task {
        all.push(TransitiveTask::new(candidate.n_items, &candidate.exceptions)?);
    }
    for &n in &args.n_items {
        if args.one_exception {
            all.extend(single_exception_tasks(n)?);
        } else {
            all.push(TransitiveTask::new(n, &[])?);
        }
    }
    let mut kept: Vec<TransitiveTask> = Vec::new();
    for task in all {
        if !kept.iter().any(|k| k.graph() == task.graph()) {
            kept.push(task);
        }
    }
    Ok(kept)
}

/// Evaluates the candidates behind a progress bar, the most informative first.
fn evaluate(
    tasks: &[TransitiveTask],
    args: &DesignArgs,
    question: &DesignQuestion,
    settings: &DesignSettings,
) -> Result<Vec<DesignRow>, Failure> {
    let mut judged = Vec::new();
    for task in tasks {
        judged.push((task, JudgedPairs::from(args.pairs).list(task)?));
    }
    let total: usize = judged.iter().map(|(_, pairs)| progress_steps(settings, pairs.len())).sum();
    let bar = progress::bar(total as u64, "evaluating designs");
    let mut rows = Vec::new();
    for (task, pairs) in judged {
        let evaluation = evaluate_design(task, &pairs, question, settings, &|done| bar.inc(done as u64))?;
        rows.push(DesignRow { task: task.clone(), pairs, evaluation });
    }
    bar.finish_and_clear();
    rows.sort_by(|a, b| b.evaluation.information_bits.total_cmp(&a.evaluation.information_bits));
    Ok(rows)
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

/// One row per task, in the order given.
///
/// # Errors
/// None that can be provoked: columns have one length and names of their own.
pub fn table(rows: &[DesignRow], settings: &DesignSettings) -> Result<Table, Failure> {
    let whole = |n: usize| i64::try_from(n).ok();
    let evaluations = || rows.iter().map(|row| &row.evaluation);
    let table = Table::new()
        .integer("rank", (1..=rows.len()).map(whole))?
        .text("task", rows.iter().map(DesignRow::name))?
        .integer("n_items", rows.iter().map(|row| whole(row.task.n_items())))?
        .integer("n_pairs", rows.iter().map(|row| whole(row.pairs.len())))?
        .float("information_bits", evaluations().map(|e| e.information_bits))?
        .float("information_se", evaluations().map(|e| e.information_se))?
        .integer("trials_for_power", evaluations().map(|e| e.trials_for_power.and_then(whole)))?
        .float("power", rows.iter().map(|_| settings.power))?
        .integer("trials", rows.iter().map(|_| whole(settings.trials)))?;
    let last = |get: fn(&DesignRow) -> Option<f64>| rows.iter().filter_map(get).collect::<Vec<f64>>();
    let (accuracy, width) = (last(|r| r.evaluation.decision_accuracy), last(|r| r.evaluation.interval_width));
    if accuracy.is_empty() {
        Ok(table.float("interval_width", width)?)
    } else {
        Ok(table.float("decision_accuracy", accuracy)?)
    }
}
