//! `caveat fit --hierarchical`: what subjects or models have in common, and how they differ.

use caveat_results::{ConditionKey, Grouping, Table};
use caveat_theory::inference::{HierarchicalSummary, Interval, UnitEstimate, summarize_units};

use super::report::{Head, Parameter, Report, head_columns};
use crate::failure::Failure;

/// 97.5 % quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

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
            let Some(scale) = Scale::of(name) else { continue };
            let units: Vec<UnitEstimate> = members.iter().map(|(_, r)| scale.unit(&r.parameters[k])).collect();
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
                    estimate: shrunken.map_or(f64::NAN, |s| scale.back(s.estimate)),
                    interval: shrunken.map_or(NONE, |s| scale.interval(s.interval)),
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
        .text("scale", rows.iter().map(|r| r.scale.name()))?
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
    scale: Scale,
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
    fn empty(group: &'a Head, parameter: &'static str, scale: Scale) -> Self {
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
        scale: Scale,
        summary: Option<&HierarchicalSummary>,
        units: usize,
    ) -> Self {
        let empty = Self::empty(group, parameter, scale);
        let Some(summary) = summary else {
            return Self { n_units: Some(0), n_excluded: Some(units), ..empty };
        };
        Self {
            estimate: scale.back(summary.mean),
            interval: scale.interval(summary.interval),
            standard_error: summary.standard_error,
            between: summary.between,
            new_unit: scale.interval(summary.new_unit),
            heterogeneity: summary.heterogeneity,
            n_units: Some(summary.n_units),
            n_excluded: Some(summary.n_excluded),
            ..empty
        }
    }
}

/// The scale without bounds on which a parameter is summarized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Logit,
    Log,
    Identity,
}

impl Scale {
    /// `None` for parameters that are functions of the others.
    fn of(parameter: &str) -> Option<Self> {
        match parameter {
            "conjunctivity" => Some(Self::Logit),
            "c" | "time" | "gain" => Some(Self::Log),
            "position_bias" => Some(Self::Identity),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Log => "log",
            Self::Identity => "identity",
        }
    }

    fn forth(self, x: f64) -> f64 {
        match self {
            Self::Logit => x.ln() - (-x).ln_1p(),
            Self::Log => x.ln(),
            Self::Identity => x,
        }
    }

    fn back(self, x: f64) -> f64 {
        match self {
            Self::Logit => 1.0 / (1.0 + (-x).exp()),
            Self::Log => x.exp(),
            Self::Identity => x,
        }
    }

    fn interval(self, interval: Interval) -> Interval {
        Interval { low: self.back(interval.low), high: self.back(interval.high) }
    }

    /// The estimate with the standard error that its interval implies, of the longer side where only one is inside the range;
    /// the bootstrap's where there is one.
    fn unit(self, parameter: &Parameter) -> UnitEstimate {
        let estimate = self.forth(parameter.estimate);
        let sides = parameter
            .bootstrap
            .or(parameter.profile)
            .map_or([f64::NAN; 2], |i| [estimate - self.forth(i.low), self.forth(i.high) - estimate]);
        let longest = sides.into_iter().filter(|s| s.is_finite()).fold(f64::NAN, f64::max);
        UnitEstimate { estimate, standard_error: longest / Z }
    }
}
