//! What is reported of every kind of fit: parameters with their intervals, in one table.

use caveat_results::{ConditionKey, Grouping, Table, Values};
use caveat_theory::inference::{
    BootstrapIntervals, ClusterIntervals, Estimates, FitLimit, Interval, MAX_LAPSE, Parameter, PerParameter,
    ProfileIntervals,
};
use caveat_theory::{LearnerKind, TheoryError};

use crate::error::{AnalysisError, Result};

/// What distinguishes one fit of a table from another.
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

    /// An error about this fit.
    pub(crate) fn in_place(&self, error: TheoryError) -> AnalysisError {
        AnalysisError::from(error).in_place(self.name())
    }
}

/// The columns that distinguish fits. All heads of a table are of one kind.
pub(crate) fn head_columns<'a>(heads: impl Iterator<Item = &'a Head> + Clone) -> Result<Table> {
    let keys = heads.clone().filter_map(|head| if let Head::Condition(key) = head { Some(key) } else { None });
    if keys.clone().next().is_some() {
        return Ok(ConditionKey::add_columns(keys, Table::new())?);
    }
    let groups = heads.filter_map(|head| if let Head::Groups(groups) = head { Some(groups) } else { None });
    let mut table = Table::new();
    for (k, (by, _)) in groups.clone().next().into_iter().flatten().enumerate() {
        table = table.text(by.name(), groups.clone().map(|groups| groups[k].1.as_str()))?;
    }
    Ok(table)
}

/// One parameter of one fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReportedParameter {
    pub(crate) name: &'static str,
    pub(crate) estimate: f64,
    /// The main interval: over seeds, sessions, subjects or trials, as the report says.
    pub(crate) interval: Option<Interval>,
    /// Over resampled seeds, sessions or subjects, on request.
    pub(crate) bootstrap: Option<Interval>,
    /// By profile likelihood, for independent pairs or trials.
    pub(crate) profile: Option<Interval>,
    /// Whether the observed pairs determine it.
    pub(crate) identified: bool,
}

/// What is known about the parameters of a fit besides their estimates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Over clusters.
    pub(crate) clusters: PerParameter<Option<Interval>>,
    /// Over resampled clusters.
    pub(crate) bootstrap: PerParameter<Option<Interval>>,
    pub(crate) profile: ProfileIntervals,
    pub(crate) identified: PerParameter<bool>,
    /// Whether trials are the sample: then the profile is the main interval.
    pub(crate) over_trials: bool,
}

impl Known {
    /// Intervals where there are any. That of the gain by profile is of the gain itself, so it is left out where the estimate is
    /// gain·strength.
    pub(crate) fn new(
        profile: Option<ProfileIntervals>,
        clusters: Option<ClusterIntervals>,
        bootstrap: Option<BootstrapIntervals>,
        estimates: &Estimates,
    ) -> Self {
        let mut profile = profile.unwrap_or_default();
        if estimates.limit == Some(FitLimit::Hebbian) {
            profile.gain = None;
        }
        Self {
            clusters: clusters.map(|i| i.intervals).unwrap_or_default(),
            bootstrap: bootstrap.map(|b| b.intervals).unwrap_or_default(),
            profile,
            identified: profile.map(|p| p.is_some_and(|p| p.identified)),
            over_trials: false,
        }
    }
}

/// Parameters of a fit as they are reported.
pub(crate) fn reported(
    parameters: &[Parameter],
    learner: LearnerKind,
    estimates: &Estimates,
    known: &Known,
) -> Vec<ReportedParameter> {
    let report = |&which: &Parameter| {
        let profile = known.profile.get(which);
        let own = profile.map(|p| p.interval);
        // Where all lapse rates are equally likely, the estimate is only where the search began.
        let is_any = which == Parameter::Lapse
            && (estimates.limit == Some(FitLimit::NoSignal)
                || profile.is_some_and(|p| !p.identified && (p.interval.low, p.interval.high) == (0.0, MAX_LAPSE)));
        ReportedParameter {
            name: parameter_name(which, learner),
            estimate: if is_any { f64::NAN } else { estimates.get(which) },
            interval: known.clusters.get(which).or(own.filter(|_| known.over_trials)),
            bootstrap: known.bootstrap.get(which),
            profile: own,
            identified: known.identified.get(which),
        }
    };
    parameters.iter().map(report).collect()
}

/// A parameter's name in tables.
pub(crate) fn parameter_name(parameter: Parameter, learner: LearnerKind) -> &'static str {
    match parameter {
        Parameter::Conjunctivity => "conjunctivity",
        Parameter::Strength => learner.strength_name(),
        Parameter::Gain => "gain",
        Parameter::Lapse => "lapse",
        Parameter::PositionBias => "position_bias",
        Parameter::Screening => "screening",
        Parameter::Memorization => "memorization",
    }
}

/// One fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report {
    pub(crate) head: Head,
    pub(crate) parameters: Vec<ReportedParameter>,
    /// What the intervals are over: another sample of these would give other estimates. `None` without intervals.
    pub(crate) over: Option<&'static str>,
    /// Parameters at an end of their range, as name=value.
    pub(crate) at_bound: Vec<String>,
    pub(crate) limit: Option<FitLimit>,
    /// How well it fits.
    pub(crate) scores: Vec<(&'static str, f64)>,
    /// Numbers of data.
    pub(crate) counts: Vec<(&'static str, usize)>,
    /// Whether data without error leave the gain unbounded; for choices only.
    pub(crate) saturated: Option<bool>,
    /// What was trained, as N:W-L,…; for files of choices only.
    pub(crate) task: Option<String>,
}

pub(crate) fn limit_name(limit: Option<FitLimit>) -> &'static str {
    limit.map_or("none", FitLimit::name)
}

/// The parameters of a fit to margins that lie at an end of their range.
pub(crate) fn margin_bounds(limit: Option<FitLimit>, conjunctivity: f64, name: &str, strength: f64) -> Vec<String> {
    let mut found = Vec::new();
    if limit == Some(FitLimit::NoSignal) {
        found.push("gain=0".to_owned());
    }
    if conjunctivity == 0.0 || conjunctivity == 1.0 {
        found.push(format!("conjunctivity={conjunctivity}"));
    }
    if strength == 0.0 || strength.is_infinite() {
        found.push(format!("{name}={strength}"));
    }
    found
}

/// The same for a fit to choices. A saturated gain may be any larger number.
pub(crate) fn choice_bounds(e: &Estimates, name: &str, lapse: bool) -> Vec<String> {
    let mut found = margin_bounds(e.limit, e.conjunctivity, name, e.strength);
    if e.saturated {
        found.push("gain=saturated".to_owned());
    }
    // The likelihood resolves no smaller distance from an end of the range.
    if lapse && e.lapse <= SMALLEST_LAPSE {
        found.push("lapse=0".to_owned());
    } else if lapse && e.lapse >= MAX_LAPSE - SMALLEST_LAPSE {
        found.push(format!("lapse={MAX_LAPSE}"));
    }
    if e.position_bias.is_infinite() {
        found.push(format!("position_bias={}", e.position_bias));
    }
    found
}

/// Lapse rates below this count as none.
const SMALLEST_LAPSE: f64 = 1e-6;

/// One row per fit; all have the same parameters, scores and counts. The brief form has only the columns that fit a terminal.
pub(crate) fn table(reports: &[Report], brief: bool) -> Result<Table> {
    let Some(first) = reports.first() else { return Ok(Table::new()) };
    let mut table = head_columns(reports.iter().map(|r| &r.head))?;
    if brief {
        table = without_empty(table)?;
    }
    let of = |k: usize| reports.iter().map(move |r| &r.parameters[k]);
    // One name for all intervals of a table, or a column that distinguishes them.
    let mut kinds: Vec<&str> = reports.iter().filter_map(|r| r.over).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let over = if let [kind] = kinds[..] { format!("_over_{kind}") } else { String::new() };
    for (k, parameter) in first.parameters.iter().enumerate() {
        table = table.float(parameter.name, of(k).map(|p| p.estimate))?;
        let is_shown = !["screening", "memorization"].contains(&parameter.name);
        if brief && is_shown && of(k).any(|p| p.interval.is_some()) {
            let interval = |p: &ReportedParameter| p.interval.map_or("-".to_owned(), |i| in_brackets(&i));
            table = table.text(format!("{}_95%{over}", parameter.name), of(k).map(interval))?;
        }
    }
    let with_kinds = |table: Table| table.text("interval_over", reports.iter().map(|r| r.over.unwrap_or("none")));
    let with_bounds = |table: Table| {
        let bounds = |r: &Report| if r.at_bound.is_empty() { "none".to_owned() } else { r.at_bound.join(", ") };
        table.text("at_bound", reports.iter().map(bounds))
    };
    if brief && kinds.len() > 1 {
        table = with_kinds(table)?;
    }
    table = table.text("limit", reports.iter().map(|r| limit_name(r.limit)))?;
    if brief && reports.iter().any(|r| !r.at_bound.is_empty()) {
        table = with_bounds(table)?;
    }
    for (k, (name, _)) in first.scores.iter().enumerate() {
        table = table.float(*name, reports.iter().map(|r| r.scores[k].1))?;
    }
    for (k, (name, _)) in first.counts.iter().enumerate() {
        table = table.count(*name, reports.iter().map(|r| r.counts[k].1))?;
    }
    let tasks = |table: Table| match &first.task {
        Some(_) => table.text("task", reports.iter().map(|r| r.task.as_deref().unwrap_or_default())),
        None => Ok(table),
    };
    if brief {
        return Ok(tasks(table)?);
    }
    table = with_bounds(with_kinds(table)?)?;
    type Ends = fn(&ReportedParameter) -> Option<Interval>;
    let mut kinds: Vec<(&str, Ends)> = vec![("", |p| p.interval), ("_profile", |p| p.profile)];
    if reports.iter().any(|r| r.parameters.iter().any(|p| p.bootstrap.is_some())) {
        kinds.push(("_bootstrap", |p| p.bootstrap));
    }
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

/// An interval in print; a dash if it is unknown or all of it lies at infinity.
fn in_brackets(interval: &Interval) -> String {
    let Interval { low, high } = *interval;
    if low.is_nan() || high.is_nan() || (low == high && low.is_infinite()) {
        return "-".to_owned();
    }
    let short = |x: f64| {
        if x == 0.0 || x == 1.0 {
            x.to_string()
        } else if x.is_infinite() {
            if x > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
        } else if !(1e-3..1e5).contains(&x.abs()) {
            format!("{x:.1e}")
        } else {
            let digits = (2 - x.abs().max(1e-3).log10().floor() as i32).clamp(0, 4) as usize;
            format!("{x:.digits$}")
        }
    };
    format!("[{}, {}]", short(low), short(high))
}

/// The table without empty columns.
fn without_empty(table: Table) -> Result<Table> {
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
        assert_eq!(show(0.0, 123456.0), "[0, 1.2e5]");
        assert_eq!(show(f64::NEG_INFINITY, -0.25), "[-inf, -0.250]");
        assert_eq!(show(f64::INFINITY, f64::INFINITY), "-");
        assert_eq!(show(f64::NAN, 1.0), "-");
    }
}
