//! `hierarchical`: what subjects or models have in common, and how they differ.

use caveat_results::{ConditionKey, Grouping, Table};
use caveat_theory::inference::{
    Hierarchy, Interval, LARGEST_BETWEEN, MarginObservation, ModelSpec, PopulationFit, PopulationParameter,
    UnitChoices, UnitMargins, UnitScale,
};

use super::choices::ChoiceUnit;
use super::learners::observations;
use super::observe::Observed;
use super::report::{Head, Report, head_columns, parameter_name};
use super::request::Job;
use crate::error::{AnalysisError, Result};
use crate::watch::Watch;

/// Units that are fitted together, and what they have in common.
struct Group<'a, T> {
    head: Head,
    /// Name, own fit, and data of every unit.
    members: Vec<(String, &'a Report, T)>,
}

/// Fits choices: one row per group, parameter and unit, one for their population with an empty unit name, and warnings.
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

/// The same for margins.
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
    // All are checked before the first is fitted, which takes time.
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
            let row = |unit, estimate, interval, own, population| Row {
                group: &group.head,
                name,
                scale: parameter.scale,
                unit,
                estimate,
                interval,
                own,
                population,
            };
            let of_all = Some((parameter.clone(), population.n_units));
            rows.push(row("", parameter.median, parameter.interval, f64::NAN, of_all));
            for ((unit, report, _), shrunken) in group.members.iter().zip(&parameter.units) {
                let own = report.parameters.iter().find(|p| p.name == name).map_or(f64::NAN, |p| p.estimate);
                rows.push(row(unit.as_str(), shrunken.estimate, shrunken.interval, own, None));
            }
        }
    }
    let float = |f: fn(&Row<'_>) -> f64| rows.iter().map(f);
    let population = |f: fn(&PopulationParameter) -> f64| {
        rows.iter().map(move |r| r.population.as_ref().map_or(f64::NAN, |(population, _)| f(population)))
    };
    let count = |f: fn(usize) -> Option<i64>| rows.iter().map(move |r| r.population.as_ref().and_then(|p| f(p.1)));
    let table = head_columns(rows.iter().map(|r| r.group))?
        .text("parameter", rows.iter().map(|r| r.name))?
        .text("unit", rows.iter().map(|r| r.unit))?
        .float("estimate", float(|r| r.estimate))?
        .float("low", float(|r| r.interval.low))?
        .float("high", float(|r| r.interval.high))?
        .float("unshrunken", float(|r| r.own))?
        .text("scale", rows.iter().map(|r| r.scale.name()))?
        .float("between", population(|p| p.between))?
        .float("between_low", population(|p| p.between_interval.low))?
        .float("between_high", population(|p| p.between_interval.high))?
        .float("new_unit_low", population(|p| p.new_unit.low))?
        .float("new_unit_high", population(|p| p.new_unit.high))?
        .text("at_bound", rows.iter().map(Row::at_bound))?
        .integer("n_units", count(|n| i64::try_from(n).ok()))?
        .integer("n_excluded", count(|_| Some(0)))?;
    Ok((table, warnings))
}

/// A warning where units differ by more than units that follow the model would: to cover a few of them, the normal distribution of the
/// population then spreads over all values and tells nothing about the others.
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

/// What the units of a group share, and the name of this unit: its subject (else session, else condition), or its model.
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

/// A parameter of a unit, or of a population of this many units.
struct Row<'a> {
    group: &'a Head,
    name: &'static str,
    scale: UnitScale,
    unit: &'a str,
    estimate: f64,
    interval: Interval,
    /// The estimate of the unit's own fit.
    own: f64,
    population: Option<(PopulationParameter, usize)>,
}

impl Row<'_> {
    /// What lies at an end of its range; for a population also the differences between units.
    fn at_bound(&self) -> String {
        let is_end = match self.scale {
            UnitScale::Logit => self.estimate == 0.0 || self.estimate == 1.0,
            UnitScale::Log => self.estimate == 0.0 || self.estimate.is_infinite(),
            UnitScale::HalfLogit => self.estimate == 0.0 || self.estimate == 0.5,
            UnitScale::Identity => self.estimate.is_infinite(),
        };
        let is_wide = self.population.as_ref().is_some_and(|(found, _)| found.between >= LARGEST_BETWEEN);
        let found = [
            is_end.then(|| format!("{}={}", self.name, self.estimate)),
            is_wide.then(|| format!("between={LARGEST_BETWEEN}")),
        ];
        let found: Vec<String> = found.into_iter().flatten().collect();
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    }
}
