//! What a fit says, whatever was fitted: parameters with their intervals, in one table for all kinds of fits.

use caveat_results::{ConditionKey, Grouping, Table};
use caveat_theory::inference::{FitLimit, Interval};

use crate::failure::Failure;

/// What tells one fit of a table from another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Head {
    /// A condition of trial tables.
    Condition(ConditionKey),
    /// Groups of a file of choices.
    Groups(Vec<(Grouping, String)>),
}

impl Head {
    /// In words, for messages and pictures.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Condition(key) => key.to_string(),
            Self::Groups(groups) if groups.is_empty() => "all choices".into(),
            Self::Groups(groups) => {
                groups.iter().map(|(by, name)| format!("{by} {name}")).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// The columns that tell fits apart. Heads of one table are of one kind.
pub(crate) fn head_columns<'a>(heads: impl Iterator<Item = &'a Head> + Clone) -> Result<Table, Failure> {
    let keys: Vec<&ConditionKey> = heads
        .clone()
        .filter_map(|h| match h {
            Head::Condition(key) => Some(key),
            Head::Groups(_) => None,
        })
        .collect();
    if !keys.is_empty() {
        return key_columns(keys.into_iter());
    }
    let groups: Vec<&Vec<(Grouping, String)>> = heads
        .filter_map(|h| match h {
            Head::Groups(groups) => Some(groups),
            Head::Condition(_) => None,
        })
        .collect();
    let mut table = Table::new();
    if let Some(first) = groups.first() {
        for (k, (by, _)) in first.iter().enumerate() {
            table = table.text(by.name(), groups.iter().map(|g| g[k].1.as_str()))?;
        }
    }
    Ok(table)
}

/// The columns of conditions of trial tables.
pub(crate) fn key_columns<'a>(keys: impl Iterator<Item = &'a ConditionKey> + Clone) -> Result<Table, Failure> {
    Ok(Table::new()
        .text("setting", keys.clone().map(|k| k.setting.as_str()))?
        .text("model", keys.clone().map(|k| k.model.as_str()))?
        .text("task", keys.clone().map(|k| k.task.as_str()))?
        .text("hier", keys.clone().map(|k| k.hier.as_str()))?
        .float("lora_r", keys.clone().map(|k| k.lora_r.unwrap_or(f64::NAN)))?
        .float("l2_reg", keys.map(|k| k.l2_reg.unwrap_or(f64::NAN)))?)
}

/// One parameter of one fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) estimate: f64,
    /// Over resampled seeds, sessions or subjects.
    pub(crate) bootstrap: Option<Interval>,
    /// By profile likelihood.
    pub(crate) profile: Option<Interval>,
    /// Whether the observed pairs determine it.
    pub(crate) identified: bool,
}

/// One fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) head: Head,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) limit: Option<FitLimit>,
    /// How well it fits, and to how much.
    pub(crate) scores: Vec<(&'static str, f64)>,
    pub(crate) counts: Vec<(&'static str, usize)>,
    /// Whether data without error leave the gain open upward; of choices only.
    pub(crate) saturated: Option<bool>,
    /// What was trained, as `--task` takes it; of files of choices only.
    pub(crate) task: Option<String>,
}

pub(crate) fn limit_name(limit: Option<FitLimit>) -> &'static str {
    match limit {
        None => "none",
        Some(FitLimit::Hebbian) => "hebbian",
        Some(FitLimit::Additive) => "additive",
        Some(FitLimit::Conjunctive) => "conjunctive",
        Some(FitLimit::NoSignal) => "no_signal",
    }
}

/// One row per fit; all have the same parameters, scores and counts. The brief form leaves out what a terminal has no room for.
pub(crate) fn table(reports: &[Report], brief: bool) -> Result<Table, Failure> {
    let Some(first) = reports.first() else { return Ok(Table::new()) };
    let mut table = head_columns(reports.iter().map(|r| &r.head))?;
    if brief {
        table = without_empty(table)?;
    }
    let of = |k: usize| reports.iter().map(move |r| &r.parameters[k]);
    for (k, parameter) in first.parameters.iter().enumerate() {
        table = table.float(parameter.name, of(k).map(|p| p.estimate))?;
        let is_main = ["conjunctivity", "c", "time", "gain"].contains(&parameter.name);
        if brief && is_main && of(k).any(|p| p.bootstrap.or(p.profile).is_some()) {
            let interval = |p: &Parameter| p.bootstrap.or(p.profile).map_or("-".to_owned(), |i| in_brackets(&i));
            table = table.text(format!("{}_95%", parameter.name), of(k).map(interval))?;
        }
    }
    table = table.text("limit", reports.iter().map(|r| limit_name(r.limit)))?;
    for (k, (name, _)) in first.scores.iter().enumerate() {
        table = table.float(*name, reports.iter().map(|r| r.scores[k].1))?;
    }
    for (k, (name, _)) in first.counts.iter().enumerate() {
        table = table.integer(*name, reports.iter().map(|r| i64::try_from(r.counts[k].1).ok()))?;
    }
    let tasks = |table: Table| match &first.task {
        Some(_) => table.text("task", reports.iter().map(|r| r.task.as_deref().unwrap_or_default())),
        None => Ok(table),
    };
    if brief {
        return Ok(tasks(table)?);
    }
    type Ends = fn(&Parameter) -> Option<Interval>;
    let kinds: [(&str, Ends); 2] = [("", |p| p.bootstrap), ("_profile", |p| p.profile)];
    for (kind, interval) in kinds {
        for (k, parameter) in first.parameters.iter().enumerate() {
            let end = |f: fn(Interval) -> f64| of(k).map(move |p| interval(p).map_or(f64::NAN, f));
            table = table
                .float(format!("{}{kind}_low", parameter.name), end(|i| i.low))?
                .float(format!("{}{kind}_high", parameter.name), end(|i| i.high))?;
        }
    }
    for (k, parameter) in first.parameters.iter().enumerate() {
        table = table.flag(format!("{}_identified", parameter.name), of(k).map(|p| p.identified))?;
    }
    if first.saturated.is_some() {
        table = table.flag("saturated", reports.iter().map(|r| r.saturated == Some(true)))?;
    }
    Ok(tasks(table)?)
}

fn in_brackets(interval: &Interval) -> String {
    let short = |x: f64| {
        if x.is_infinite() {
            "inf".to_owned()
        } else if x != 0.0 && !(1e-3..1e5).contains(&x.abs()) {
            format!("{x:.1e}")
        } else {
            let digits = (2 - x.abs().max(1e-3).log10().floor() as i32).clamp(0, 4) as usize;
            format!("{x:.digits$}")
        }
    };
    format!("[{}, {}]", short(interval.low), short(interval.high))
}

/// Without columns that hold nothing.
fn without_empty(table: Table) -> Result<Table, Failure> {
    use caveat_results::Values;
    let mut kept = Table::new();
    for (name, values) in table.columns() {
        let empty = match values {
            Values::Float(v) => v.iter().all(|x| x.is_nan()),
            Values::Text(v) => v.iter().all(String::is_empty),
            _ => false,
        };
        if !empty {
            kept = kept.with(name, values.clone())?;
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_short_in_print() {
        let show = |low, high| in_brackets(&Interval { low, high });
        assert_eq!(show(0.20512, 0.21), "[0.205, 0.210]");
        assert_eq!(show(12.345, f64::INFINITY), "[12.3, inf]");
        assert_eq!(show(0.0, 123456.0), "[0.0000, 1.2e5]");
    }
}
