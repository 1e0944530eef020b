//! `caveat fit --hierarchical`: what subjects or models have in common, and how they differ.

use caveat_results::{ConditionKey, Grouping, Table};
use caveat_theory::inference::{HierarchicalSummary, Interval, UnitEstimate, UnitScale, summarize_units};

use super::report::{Head, Parameter, Report, head_columns};
use crate::failure::Failure;

/// One row per group, parameter and unit, and one for their mean with an empty unit name.
pub(super) fn table(reports: &[Report]) -> Result<Table, Failure> {
    let mut groups: Vec<(Head, Vec<(String, &Report)>)> = Vec::new();
    for report in reports {
        let (group, unit) = apart(&report.head)?;
        match groups.iter_mut().find(|(g, _)| *g == group) {
            Some((_, members)) => members.push((unit, report)),
            None => groups.push((group, vec![(unit, report)])),
        }
    }
    let mut rows = Vec::new();
    for (group, members) in &groups {
        let names: Vec<&str> = members[0].1.parameters.iter().map(|p| p.name).collect();
        for (k, name) in names.into_iter().enumerate() {
            let Some(scale) = scale_of(name) else { continue };
            let units: Vec<UnitEstimate> = members.iter().map(|(_, r)| unit(scale, &r.parameters[k])).collect();
            // Fewer than two units inside their range have no spread: then there is no mean, and no unit is shrunken.
            let summary = summarize_units(&units).ok();
            rows.push(Row::mean(group, name, scale, summary.as_ref(), units.len()));
            let shrunken = summary.map_or(vec![None; units.len()], |s| s.units);
            for (((unit, report), estimate), shrunken) in members.iter().zip(&units).zip(shrunken) {
                let own = &report.parameters[k];
                rows.push(Row {
                    unit: unit.clone(),
                    raw: own.estimate,
                    standard_error: if shrunken.is_some() { estimate.standard_error } else { f64::NAN },
                    estimate: shrunken.map_or(f64::NAN, |s| scale.invert(s.estimate)),
                    interval: shrunken.map_or(NONE, |s| back(scale, s.interval)),
                    ..Row::empty(group, name, scale)
                });
            }
        }
    }
    let float = |f: fn(&Row<'_>) -> f64| rows.iter().map(f).collect::<Vec<_>>();
    let whole = |f: fn(&Row<'_>) -> Option<usize>| {
        rows.iter().map(|r| f(r).and_then(|n| i64::try_from(n).ok())).collect::<Vec<_>>()
    };
    Ok(head_columns(rows.iter().map(|r| r.group))?
        .text("parameter", rows.iter().map(|r| r.parameter))?
        .text("unit", rows.iter().map(|r| r.unit.as_str()))?
        .float("estimate", float(|r| r.estimate))?
        .float("low", float(|r| r.interval.low))?
        .float("high", float(|r| r.interval.high))?
        .float("unshrunken", float(|r| r.raw))?
        .text("scale", rows.iter().map(|r| scale_name(r.scale)))?
        .float("standard_error", float(|r| r.standard_error))?
        .float("between", float(|r| r.between))?
        .float("new_unit_low", float(|r| r.new_unit.low))?
        .float("new_unit_high", float(|r| r.new_unit.high))?
        .float("heterogeneity", float(|r| r.heterogeneity))?
        .integer("n_units", whole(|r| r.n_units))?
        .integer("n_excluded", whole(|r| r.n_excluded))?)
}

/// What units of one group share, and the name of this one: its subject (else session, else condition), or its model.
fn apart(head: &Head) -> Result<(Head, String), Failure> {
    match head {
        Head::Condition(key) => {
            if key.model.is_empty() {
                return Err(Failure::input("--hierarchical summarizes over models: keep model in --by"));
            }
            let group = ConditionKey { model: String::new(), ..key.clone() };
            Ok((Head::Condition(group), key.model.clone()))
        }
        Head::Groups(groups) => {
            let unit = [Grouping::Subject, Grouping::Session, Grouping::Condition]
                .into_iter()
                .find_map(|g| groups.iter().position(|(by, _)| *by == g));
            let Some(unit) = unit else {
                return Err(Failure::input(
                    "--hierarchical summarizes over subjects, sessions or conditions: name one in --by",
                ));
            };
            let rest = groups.iter().enumerate().filter(|(k, _)| *k != unit).map(|(_, g)| g.clone()).collect();
            Ok((Head::Groups(rest), groups[unit].1.clone()))
        }
    }
}

const NONE: Interval = Interval { low: f64::NAN, high: f64::NAN };

struct Row<'a> {
    group: &'a Head,
    parameter: &'static str,
    scale: UnitScale,
    unit: String,
    estimate: f64,
    interval: Interval,
    raw: f64,
    standard_error: f64,
    between: f64,
    new_unit: Interval,
    heterogeneity: f64,
    n_units: Option<usize>,
    n_excluded: Option<usize>,
}

impl<'a> Row<'a> {
    fn empty(group: &'a Head, parameter: &'static str, scale: UnitScale) -> Self {
        Self {
            group,
            parameter,
            scale,
            unit: String::new(),
            estimate: f64::NAN,
            interval: NONE,
            raw: f64::NAN,
            standard_error: f64::NAN,
            between: f64::NAN,
            new_unit: NONE,
            heterogeneity: f64::NAN,
            n_units: None,
            n_excluded: None,
        }
    }

    fn mean(
        group: &'a Head,
        parameter: &'static str,
        scale: UnitScale,
        summary: Option<&HierarchicalSummary>,
        units: usize,
    ) -> Self {
        let empty = Self::empty(group, parameter, scale);
        let Some(summary) = summary else {
            return Self { n_units: Some(0), n_excluded: Some(units), ..empty };
        };
        Self {
            estimate: scale.invert(summary.mean),
            interval: back(scale, summary.interval),
            standard_error: summary.standard_error,
            between: summary.between,
            new_unit: back(scale, summary.new_unit),
            heterogeneity: summary.heterogeneity,
            n_units: Some(summary.n_units),
            n_excluded: Some(summary.n_excluded),
            ..empty
        }
    }
}

/// The scale on which a parameter is summarized; `None` for parameters that are functions of the others.
fn scale_of(parameter: &str) -> Option<UnitScale> {
    match parameter {
        "conjunctivity" => Some(UnitScale::Logit),
        "c" | "time" | "gain" => Some(UnitScale::Log),
        "position_bias" => Some(UnitScale::Identity),
        _ => None,
    }
}

fn scale_name(scale: UnitScale) -> &'static str {
    match scale {
        UnitScale::Logit => "logit",
        UnitScale::Log => "log",
        UnitScale::Identity => "identity",
    }
}

fn back(scale: UnitScale, interval: Interval) -> Interval {
    Interval { low: scale.invert(interval.low), high: scale.invert(interval.high) }
}

/// An estimate with the standard error of its interval, the bootstrap's where there is one.
fn unit(scale: UnitScale, parameter: &Parameter) -> UnitEstimate {
    UnitEstimate::from_interval(scale, parameter.estimate, &parameter.bootstrap.or(parameter.profile).unwrap_or(NONE))
}
