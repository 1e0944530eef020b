//! `caveat fit`: (α, C, gain) of every condition in trial tables, or predictions of conditions not fitted.

use std::path::PathBuf;

use caveat_results::{Condition, ConditionKey, Format, Phase, Table, read_conditions};
use caveat_theory::ComparisonGraph;
use caveat_theory::inference::{Fit, FitLimit, Intervals, MarginFitter, ObservedTask, Prediction, bootstrap, predict};
use rayon::prelude::*;

use crate::cli::{ByColumn, FitArgs};
use crate::failure::Failure;
use crate::output::{check_table_path, print_table, print_text, write_bytes};
use crate::progress;

/// Conditions averaged to one set of margins.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// What the conditions have in common; empty text where they were averaged over.
    pub(crate) key: ConditionKey,
    pub(crate) graph: ComparisonGraph,
    pub(crate) n_items: usize,
    pub(crate) exceptions: Vec<(usize, usize)>,
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) margins: Vec<f64>,
    /// Margins of every seed that has all pairs.
    pub(crate) seeds: Vec<Vec<f64>>,
}

/// A fit of one set of margins.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) observed: Observed,
    pub(crate) fit: Fit,
    pub(crate) intervals: Option<Intervals>,
}

/// A prediction of one set of margins from a fit of others.
#[derive(Debug, Clone)]
pub(crate) struct Predicted {
    pub(crate) observed: Observed,
    /// Hierarchies that were fitted, joined by +.
    pub(crate) train: String,
    pub(crate) fit: Fit,
    pub(crate) prediction: Prediction,
}

pub(crate) fn run(args: &FitArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output.output {
        check_table_path(path)?;
    }
    if !args.train.is_empty() && !args.by.contains(&ByColumn::Hier) {
        return Err(Failure::input("--train and --test name hierarchies: keep hier in --by"));
    }
    let conditions = read(&args.files, args.phase)?;
    let observed = group(&conditions, &args.by)?;
    let table = if args.train.is_empty() {
        table_of_fits(&fit_all(observed, args.bootstrap, args.seed)?)?
    } else {
        table_of_predictions(&predict_all(&observed, &args.train, &args.test)?)?
    };
    match (&args.output.output, args.output.format) {
        (Some(path), _) if path.extension().is_some_and(|e| e == "json") => {
            write_bytes(path, table.render(Format::Json)?.as_bytes())
        }
        (Some(path), _) => Ok(table.write(path)?),
        (None, Format::Json) => print_text(&table.render(Format::Json)?),
        (None, format) => print_table(&table, format),
    }
}

/// Reads conditions behind a progress bar.
pub(crate) fn read(files: &[PathBuf], phase: Phase) -> Result<Vec<Condition>, Failure> {
    let bar = progress::bar(1, "reading trial tables");
    let conditions = read_conditions(files, phase, &|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    Ok(conditions?)
}

/// Averages conditions over the columns not in `by`.
pub(crate) fn group(conditions: &[Condition], by: &[ByColumn]) -> Result<Vec<Observed>, Failure> {
    let reduced = |key: &ConditionKey| {
        let keep = |column: ByColumn, value: &str| if by.contains(&column) { value.to_owned() } else { String::new() };
        ConditionKey {
            setting: keep(ByColumn::Setting, &key.setting),
            model: keep(ByColumn::Model, &key.model),
            task: keep(ByColumn::Task, &key.task),
            hier: keep(ByColumn::Hier, &key.hier),
            lora_r: key.lora_r,
            l2_reg: key.l2_reg,
        }
    };
    let mut groups: Vec<(ConditionKey, Vec<&Condition>)> = Vec::new();
    for condition in conditions {
        let key = reduced(condition.key());
        match groups.iter_mut().find(|(k, _)| *k == key) {
            Some((_, members)) => members.push(condition),
            None => groups.push((key, vec![condition])),
        }
    }
    groups.into_iter().map(|(key, members)| Observed::new(key, &members)).collect()
}

impl Observed {
    fn new(key: ConditionKey, members: &[&Condition]) -> Result<Self, Failure> {
        let first = members[0];
        let listed = first.margins();
        let pairs: Vec<(usize, usize)> = listed.iter().map(|m| (m.first, m.second)).collect();
        if pairs.is_empty() {
            return Err(Failure::input(format!("condition {}: no pair was shown in both orders", first.key())));
        }
        let mut margins = vec![0.0; pairs.len()];
        let mut seeds = Vec::new();
        for member in members {
            let here = member.margins();
            if member.graph() != first.graph()
                || here.len() != pairs.len()
                || here.iter().zip(&pairs).any(|(m, p)| (m.first, m.second) != *p)
            {
                return Err(Failure::input(format!(
                    "{} and {} train or show different pairs, so they cannot be averaged: add hier (or what tells them apart) to --by",
                    first.key(),
                    member.key()
                )));
            }
            for (sum, m) in margins.iter_mut().zip(&here) {
                *sum += m.margin / members.len() as f64;
            }
            seeds.extend(member.seed_margins().into_iter().filter(|s| s.iter().all(|m| m.is_finite())));
        }
        Ok(Self {
            key,
            graph: first.graph().clone(),
            n_items: first.n_items(),
            exceptions: first.exceptions().to_vec(),
            pairs,
            margins,
            seeds,
        })
    }

    /// The label of the condition for messages.
    fn name(&self) -> String {
        self.key.to_string()
    }
}

/// Fits every set of margins, in parallel.
pub(crate) fn fit_all(observed: Vec<Observed>, replicates: usize, seed: u64) -> Result<Vec<Fitted>, Failure> {
    let bar = progress::bar(observed.len() as u64, "fitting");
    let fitted: Result<Vec<Fitted>, Failure> = observed
        .into_par_iter()
        .map(|o| {
            let at = |e: caveat_theory::TheoryError| Failure::input(format!("condition {}: {e}", o.name()));
            let fitter = MarginFitter::new(&o.graph, &o.pairs).map_err(at)?;
            let fit = fitter.fit(&o.margins).map_err(at)?;
            // One seed tells nothing about the spread over seeds.
            let intervals = if replicates > 0 && o.seeds.len() > 1 {
                Some(bootstrap(&fitter, &o.seeds, replicates, seed).map_err(at)?)
            } else {
                None
            };
            bar.inc(1);
            Ok(Fitted { observed: o, fit, intervals })
        })
        .collect();
    bar.finish_and_clear();
    fitted
}

/// Fits the `train` hierarchies of every model jointly and predicts its `test` hierarchies.
pub(crate) fn predict_all(observed: &[Observed], train: &[String], test: &[String]) -> Result<Vec<Predicted>, Failure> {
    for hier in train.iter().chain(test) {
        if !observed.iter().any(|o| o.key.hier == *hier) {
            let mut known: Vec<&str> = observed.iter().map(|o| o.key.hier.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            return Err(Failure::input(format!(
                "hierarchy {hier:?} is not in the tables, which have {}",
                known.join(", ")
            )));
        }
    }
    let same_model = |a: &ConditionKey, b: &ConditionKey| {
        (&a.setting, &a.model, &a.task, a.lora_r, a.l2_reg) == (&b.setting, &b.model, &b.task, b.lora_r, b.l2_reg)
    };
    let tests: Vec<&Observed> = observed.iter().filter(|o| test.contains(&o.key.hier)).collect();
    let predicted: Result<Vec<Option<Predicted>>, Failure> = tests
        .into_par_iter()
        .map(|o| {
            let at = |e: caveat_theory::TheoryError| Failure::input(format!("condition {}: {e}", o.name()));
            let sources: Vec<&Observed> =
                observed.iter().filter(|s| train.contains(&s.key.hier) && same_model(&s.key, &o.key)).collect();
            // A model without the training task cannot be predicted; it is left out.
            if sources.is_empty() {
                return Ok(None);
            }
            let tasks: Vec<ObservedTask<'_, '_>> =
                sources.iter().map(|s| ObservedTask { graph: &s.graph, pairs: &s.pairs }).collect();
            let margins: Vec<f64> = sources.iter().flat_map(|s| s.margins.iter().copied()).collect();
            let fit = MarginFitter::joint(&tasks).and_then(|f| f.fit(&margins)).map_err(at)?;
            let prediction = predict(&fit, &o.graph, &o.pairs, &o.margins).map_err(at)?;
            let train = sources.iter().map(|s| s.key.hier.as_str()).collect::<Vec<_>>().join("+");
            Ok(Some(Predicted { observed: o.clone(), train, fit, prediction }))
        })
        .collect();
    let predicted: Vec<Predicted> = predicted?.into_iter().flatten().collect();
    if predicted.is_empty() {
        return Err(Failure::input("no model has both a --train and a --test hierarchy"));
    }
    Ok(predicted)
}

fn limit_name(limit: Option<FitLimit>) -> String {
    match limit {
        None => "none",
        Some(FitLimit::Hebbian) => "hebbian",
        Some(FitLimit::Additive) => "additive",
        Some(FitLimit::Conjunctive) => "conjunctive",
        Some(FitLimit::NoSignal) => "no_signal",
    }
    .into()
}

/// The columns that name a condition, one row a key.
pub(crate) fn key_columns<'a>(keys: impl Iterator<Item = &'a ConditionKey> + Clone) -> Result<Table, Failure> {
    Ok(Table::new()
        .text("setting", keys.clone().map(|k| k.setting.as_str()))?
        .text("model", keys.clone().map(|k| k.model.as_str()))?
        .text("task", keys.clone().map(|k| k.task.as_str()))?
        .text("hier", keys.clone().map(|k| k.hier.as_str()))?
        .float("lora_r", keys.clone().map(|k| k.lora_r.unwrap_or(f64::NAN)))?
        .float("l2_reg", keys.map(|k| k.l2_reg.unwrap_or(f64::NAN)))?)
}

fn parameter_columns<'a>(table: Table, fits: impl Iterator<Item = &'a Fit> + Clone) -> Result<Table, Failure> {
    Ok(table
        .float("conjunctivity", fits.clone().map(|f| f.conjunctivity))?
        .float("c", fits.clone().map(|f| f.c))?
        .float("screening", fits.clone().map(|f| f.screening))?
        .float("memorization", fits.clone().map(|f| f.memorization))?
        .float("gain", fits.clone().map(|f| f.gain))?
        .text("limit", fits.map(|f| limit_name(f.limit)))?)
}

/// One row per condition fitted.
pub(crate) fn table_of_fits(fitted: &[Fitted]) -> Result<Table, Failure> {
    let table = parameter_columns(key_columns(fitted.iter().map(|f| &f.observed.key))?, fitted.iter().map(|f| &f.fit))?
        .float("r_squared", fitted.iter().map(|f| f.fit.r_squared))?
        .float("correlation", fitted.iter().map(|f| f.fit.correlation))?
        .integer("n_pairs", fitted.iter().map(|f| i64::try_from(f.fit.n_pairs).ok()))?
        .integer("n_seeds", fitted.iter().map(|f| i64::try_from(f.observed.seeds.len()).ok()))?;
    let end = |f: fn(&Intervals) -> f64| fitted.iter().map(move |x| x.intervals.as_ref().map_or(f64::NAN, f));
    Ok(table
        .float("conjunctivity_low", end(|i| i.conjunctivity.low))?
        .float("conjunctivity_high", end(|i| i.conjunctivity.high))?
        .float("c_low", end(|i| i.c.low))?
        .float("c_high", end(|i| i.c.high))?
        .float("gain_low", end(|i| i.gain.low))?
        .float("gain_high", end(|i| i.gain.high))?)
}

/// One row per condition predicted.
pub(crate) fn table_of_predictions(predicted: &[Predicted]) -> Result<Table, Failure> {
    let table = key_columns(predicted.iter().map(|p| &p.observed.key))?
        .text("train", predicted.iter().map(|p| p.train.as_str()))?;
    Ok(parameter_columns(table, predicted.iter().map(|p| &p.fit))?
        .float("r_squared", predicted.iter().map(|p| p.prediction.r_squared))?
        .float("correlation", predicted.iter().map(|p| p.prediction.correlation))?
        .float("sign_agreement", predicted.iter().map(|p| p.prediction.sign_agreement))?
        .integer("n_pairs", predicted.iter().map(|p| i64::try_from(p.observed.pairs.len()).ok()))?)
}

/// Observed, fitted and predicted margins, one row per condition and pair.
pub(crate) fn table_of_margins(fitted: &[Fitted], predicted: &[Predicted]) -> Result<Table, Failure> {
    let rows: Vec<(&Fitted, usize)> =
        fitted.iter().flat_map(|f| (0..f.observed.pairs.len()).map(move |k| (f, k))).collect();
    let prediction_of: std::collections::HashMap<String, &Predicted> =
        predicted.iter().map(|p| (p.observed.name(), p)).collect();
    let table = key_columns(rows.iter().map(|(f, _)| &f.observed.key))?;
    let index = |k: usize| i64::try_from(k).ok();
    Ok(table
        .integer("rank_a", rows.iter().map(|(f, k)| index(f.observed.pairs[*k].0)))?
        .integer("rank_b", rows.iter().map(|(f, k)| index(f.observed.pairs[*k].1)))?
        .float("observed", rows.iter().map(|(f, k)| f.observed.margins[*k]))?
        .float("fitted", rows.iter().map(|(f, k)| f.fit.fitted[*k]))?
        .float(
            "predicted",
            rows.iter()
                .map(|(f, k)| prediction_of.get(&f.observed.name()).map_or(f64::NAN, |p| p.prediction.predicted[*k])),
        )?)
}

/// Medians over the full fine-tuning conditions that were predicted.
pub(crate) struct PredictionSummary {
    pub(crate) conditions: usize,
    pub(crate) r_squared: f64,
    pub(crate) correlation: f64,
    pub(crate) sign_agreement: f64,
}

/// Summarizes the predictions of full fine-tuning; `None` without any.
pub(crate) fn summary_of_predictions(predicted: &[Predicted]) -> Option<PredictionSummary> {
    let full: Vec<&Predicted> = predicted.iter().filter(|p| p.observed.key.setting == "full").collect();
    if full.is_empty() {
        return None;
    }
    let median = |f: fn(&Prediction) -> f64| {
        let mut values: Vec<f64> = full.iter().map(|p| f(&p.prediction)).collect();
        values.sort_by(f64::total_cmp);
        let n = values.len();
        (values[(n - 1) / 2] + values[n / 2]) / 2.0
    };
    Some(PredictionSummary {
        conditions: full.len(),
        r_squared: median(|p| p.r_squared),
        correlation: median(|p| p.correlation),
        sign_agreement: median(|p| p.sign_agreement),
    })
}
