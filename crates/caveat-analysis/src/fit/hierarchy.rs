//! `hierarchical`: what subjects or models have in common, and how they differ.

use caveat_results::{ConditionKey, Grouping, Table};
use caveat_theory::inference::{
    Hierarchy, Interval, LARGEST_BETWEEN, MarginObservation, ModelSpec, PopulationFit, PopulationParameter,
    UnitChoices, UnitMargins, UnitScale,
};

use super::choices::ChoiceUnit;
use super::job::Job;
use super::learners::observations;
use super::observe::Observed;
use super::report::{Head, Report, head_columns, parameter_name};
use crate::error::{AnalysisError, Result};
use crate::watch::Watch;

/// Units with what all of them have in common.
struct Group<'a, T> {
    head: Head,
    /// Name, own fit, and data of every unit.
    members: Vec<(String, &'a Report, T)>,
}

/// One row per group, parameter and unit, and one for their population with an empty unit name, and warnings; of choices.
pub(super) fn of_choices(units: &[ChoiceUnit], reports: &[Report], job: &Job<'_>) -> Result<(Table, Vec<String>)> {
    let fit = |group: &Group<'_, &ChoiceUnit>| {
        let units: Vec<UnitChoices<'_>> = group
            .members
            .iter()
            .map(|(_, _, unit)| UnitChoices { graph: &unit.graph, clusters: &unit.clusters })
            .collect();
        fitted(group, job.watch, |done| Hierarchy::of_choices(&job.spec, &units, done))
    };
    table(&groups(units.iter(), reports)?, &job.spec, fit)
}

/// The same of margins.
pub(super) fn of_margins(observed: &[Observed], reports: &[Report], job: &Job<'_>) -> Result<(Table, Vec<String>)> {
    let seen = |o: &Observed| -> Vec<MarginObservation> {
        if job.spec.position_bias {
            return observations(&o.pairs, &o.shown, true);
        }
        let pairs = o.pairs.iter().zip(&o.margins);
        pairs.map(|(&(first, second), &margin)| MarginObservation { first, second, margin, weight: 1.0 }).collect()
    };
    let fit = |group: &Group<'_, &Observed>| {
        let margins: Vec<Vec<MarginObservation>> = group.members.iter().map(|(_, _, o)| seen(o)).collect();
        let units: Vec<UnitMargins<'_>> = group
            .members
            .iter()
            .zip(&margins)
            .map(|((_, _, o), observations)| UnitMargins { graph: &o.graph, observations })
            .collect();
        fitted(group, job.watch, |done| Hierarchy::of_margins(&job.spec, &units, done))
    };
    table(&groups(observed.iter(), reports)?, &job.spec, fit)
}

/// Units by what they share, in the order of their first.
fn groups<'a, T>(data: impl Iterator<Item = T>, reports: &'a [Report]) -> Result<Vec<Group<'a, T>>> {
    let mut groups: Vec<Group<'a, T>> = Vec::new();
    for (data, report) in data.zip(reports) {
        let (head, unit) = split_head(&report.head)?;
        let member = (unit, report, data);
        match groups.iter_mut().find(|g| g.head == head) {
            Some(group) => group.members.push(member),
            None => groups.push(Group { head, members: vec![member] }),
        }
    }
    // All are looked at before the first is fitted, which takes its time.
    for group in &groups {
        if let [(unit, _, _)] = group.members.as_slice() {
            let of = match &group.head {
                Head::Groups(by) if by.is_empty() => String::new(),
                head => format!(" of {}", head.name()),
            };
            return Err(AnalysisError::input(format!(
                "⟨hierarchical⟩ says how units differ, and{of} there is one alone, {unit}: give at least 2"
            )));
        }
    }
    Ok(groups)
}

/// The population of one group.
fn fitted<T>(
    group: &Group<'_, T>,
    watch: &dyn Watch,
    hierarchy: impl Fn(&(dyn Fn() + Sync)) -> caveat_theory::Result<Hierarchy>,
) -> Result<PopulationFit> {
    let work = watch.begin(group.members.len() as u64, "tabulating likelihoods");
    let hierarchy = hierarchy(&|| work.advance(1))?;
    drop(work);
    let work = watch.begin(hierarchy.steps() as u64, "fitting the population");
    Ok(hierarchy.fit(&|| work.advance(1)))
}

fn table<T>(
    groups: &[Group<'_, T>],
    spec: &ModelSpec,
    fit: impl Fn(&Group<'_, T>) -> Result<PopulationFit>,
) -> Result<(Table, Vec<String>)> {
    let mut rows = Vec::new();
    let mut warnings = Vec::new();
    for group in groups {
        let population = fit(group)?;
        warnings.extend(unlike(group, &population, spec));
        for parameter in &population.parameters {
            let name = parameter_name(parameter.parameter, spec.learner);
            rows.push(Row::population(&group.head, name, parameter, population.n_units));
            for ((unit, report, _), shrunken) in group.members.iter().zip(&parameter.units) {
                let own = report.parameters.iter().find(|p| p.name == name);
                rows.push(Row {
                    unit,
                    estimate: shrunken.estimate,
                    interval: shrunken.interval,
                    raw: own.map_or(f64::NAN, |p| p.estimate),
                    ..Row::empty(&group.head, name, parameter.scale)
                });
            }
        }
    }
    let float = |f: fn(&Row<'_>) -> f64| rows.iter().map(f).collect::<Vec<_>>();
    let whole = |f: fn(&Row<'_>) -> Option<usize>| {
        rows.iter().map(|r| f(r).and_then(|n| i64::try_from(n).ok())).collect::<Vec<_>>()
    };
    let table = head_columns(rows.iter().map(|r| r.group))?
        .text("parameter", rows.iter().map(|r| r.parameter))?
        .text("unit", rows.iter().map(|r| r.unit))?
        .float("estimate", float(|r| r.estimate))?
        .float("low", float(|r| r.interval.low))?
        .float("high", float(|r| r.interval.high))?
        .float("unshrunken", float(|r| r.raw))?
        .text("scale", rows.iter().map(|r| scale_name(r.scale)))?
        .float("between", float(|r| r.between))?
        .float("between_low", float(|r| r.between_interval.low))?
        .float("between_high", float(|r| r.between_interval.high))?
        .float("new_unit_low", float(|r| r.new_unit.low))?
        .float("new_unit_high", float(|r| r.new_unit.high))?
        .text("at_bound", rows.iter().map(Row::at_bound))?
        .integer("n_units", whole(|r| r.n_units))?
        .integer("n_excluded", whole(|r| r.n_units.map(|_| 0)))?;
    Ok((table, warnings))
}

/// A warning where units differ by more than any that follow the model would: a normal distribution then spreads over all values for
/// the sake of a few, and says nothing of the others.
fn unlike<T>(group: &Group<'_, T>, population: &PopulationFit, spec: &ModelSpec) -> Option<String> {
    let wide: Vec<&str> = population
        .parameters
        .iter()
        .filter(|p| p.between >= LARGEST_BETWEEN)
        .map(|p| parameter_name(p.parameter, spec.learner))
        .collect();
    if wide.is_empty() {
        return None;
    }
    let explained = |report: &Report| {
        report
            .scores
            .iter()
            .find(|(name, _)| ["deviance_explained", "r_squared"].contains(name))
            .map_or(f64::NAN, |s| s.1)
    };
    let worst = group.members.iter().min_by(|a, b| explained(a.1).total_cmp(&explained(b.1)));
    let worst = worst.map_or(String::new(), |(unit, report, _)| {
        format!("; of all own fits that of {unit} explains least ({:.2})", explained(report))
    });
    let name = match &group.head {
        Head::Groups(by) if by.is_empty() => String::new(),
        head => format!("{}: ", head.name()),
    };
    Some(format!(
        "{name}units differ in {} by more than is told (between at its largest, {LARGEST_BETWEEN}), as when one of them guesses \
         or does something else; then the population is not that of the others{worst}. See all with ⟨by⟩ and no ⟨hierarchical⟩, and \
         leave out who does not follow the model with ⟨where⟩",
        wide.join(" and ")
    ))
}

/// What units of one group share, and the name of this one: its subject (else session, else condition), or its model.
fn split_head(head: &Head) -> Result<(Head, String)> {
    match head {
        Head::Condition(key) => {
            if key.model.is_empty() {
                return Err(AnalysisError::input("⟨hierarchical⟩ summarizes over models: keep model in ⟨by⟩"));
            }
            let group = ConditionKey { model: String::new(), ..key.clone() };
            Ok((Head::Condition(group), key.model.clone()))
        }
        Head::Groups(groups) => {
            let unit = [Grouping::Subject, Grouping::Session, Grouping::Condition]
                .into_iter()
                .find_map(|g| groups.iter().position(|(by, _)| *by == g));
            let Some(unit) = unit else {
                return Err(AnalysisError::input(
                    "⟨hierarchical⟩ summarizes over subjects, sessions or conditions: name one in ⟨by⟩",
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
    unit: &'a str,
    estimate: f64,
    interval: Interval,
    raw: f64,
    between: f64,
    between_interval: Interval,
    new_unit: Interval,
    n_units: Option<usize>,
}

impl<'a> Row<'a> {
    fn empty(group: &'a Head, parameter: &'static str, scale: UnitScale) -> Self {
        Self {
            group,
            parameter,
            scale,
            unit: "",
            estimate: f64::NAN,
            interval: NONE,
            raw: f64::NAN,
            between: f64::NAN,
            between_interval: NONE,
            new_unit: NONE,
            n_units: None,
        }
    }

    /// What lies at an end of its range; of the population also the differences.
    fn at_bound(&self) -> String {
        let is_end = match self.scale {
            UnitScale::Logit => self.estimate == 0.0 || self.estimate == 1.0,
            UnitScale::Log => self.estimate == 0.0 || self.estimate.is_infinite(),
            UnitScale::HalfLogit => self.estimate == 0.0 || self.estimate == 0.5,
            UnitScale::Identity => self.estimate.is_infinite(),
        };
        let found = [
            is_end.then(|| format!("{}={}", self.parameter, self.estimate)),
            (self.between >= LARGEST_BETWEEN).then(|| format!("between={LARGEST_BETWEEN}")),
        ];
        let found: Vec<String> = found.into_iter().flatten().collect();
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    }

    fn population(group: &'a Head, name: &'static str, found: &PopulationParameter, n_units: usize) -> Self {
        Self {
            estimate: found.median,
            interval: found.interval,
            between: found.between,
            between_interval: found.between_interval,
            new_unit: found.new_unit,
            n_units: Some(n_units),
            ..Self::empty(group, name, found.scale)
        }
    }
}

fn scale_name(scale: UnitScale) -> &'static str {
    match scale {
        UnitScale::Logit => "logit",
        UnitScale::Log => "log",
        UnitScale::HalfLogit => "half_logit",
        UnitScale::Identity => "identity",
    }
}
