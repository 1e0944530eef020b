//! Fits of ridge regression to margins, by least squares.

use std::collections::HashMap;

use caveat_results::{ConditionKey, Table};
use caveat_theory::LearnerKind;
use caveat_theory::inference::{
    BootstrapIntervals, ClusterIntervals, MarginFit, MarginFitter, Parameter, PerParameter, ProfileIntervals,
    bootstrap, identified, margin_intervals, profile_intervals,
};

use super::observe::Observed;
use super::predict::Predicted;
use super::report::{Head, Known, Report, margin_bounds, reported, table};
use crate::error::Result;
use crate::watch::{Watch, in_parallel};

/// A fit of one set of margins.
#[derive(Debug, Clone)]
pub(crate) struct Fitted {
    pub(crate) observed: Observed,
    pub(crate) fit: MarginFit,
    /// Over seeds; `None` for one seed, which tells nothing about their spread.
    pub(crate) intervals: Option<ClusterIntervals>,
    /// By resampling seeds; `None` where nobody asks for it or there is one seed.
    pub(crate) bootstrap: Option<BootstrapIntervals>,
    /// `None` for three pairs or fewer.
    pub(crate) profile: Option<ProfileIntervals>,
    pub(crate) identified: PerParameter<bool>,
}

/// Fits every set of margins, in parallel.
pub(crate) fn fit_all(observed: Vec<Observed>, replicates: usize, seed: u64, watch: &dyn Watch) -> Result<Vec<Fitted>> {
    in_parallel(observed, watch, "fitting", |o| {
        let at = |e| o.in_place(e);
        let fitter = MarginFitter::new(&o.graph, &o.pairs).map_err(at)?;
        let fit = fitter.fit(&o.margins).map_err(at)?;
        let several = o.seeds.len() > 1;
        let over_seeds = || margin_intervals(&o.graph, &o.pairs, &fit, &o.seeds, Some(&o.seed_weights));
        let intervals = several.then(over_seeds).transpose().map_err(at)?;
        let resample = || bootstrap(&fitter, &o.seeds, replicates, seed);
        let bootstrap = (several && replicates > 0).then(resample).transpose().map_err(at)?;
        let profile = (o.pairs.len() > 3).then(|| profile_intervals(&fitter, &fit, &o.margins)).transpose();
        let (profile, identified) = (profile.map_err(at)?, identified(&fitter, &fit).map_err(at)?);
        Ok(Fitted { observed: o, fit, intervals, bootstrap, profile, identified })
    })
}

/// The parameters reported of ridge regression: α and C, what follows from them, and the gain.
const REPORTED: [Parameter; 5] =
    [Parameter::Conjunctivity, Parameter::Strength, Parameter::Screening, Parameter::Memorization, Parameter::Gain];

impl Fitted {
    /// The fit as a row.
    pub(crate) fn report(&self) -> Report {
        let (fit, e) = (&self.fit, &self.fit.estimates);
        let known = Known {
            clusters: self.intervals.map(|i| i.intervals).unwrap_or_default(),
            bootstrap: self.bootstrap.as_ref().map(|b| b.intervals).unwrap_or_default(),
            profile: self.profile.unwrap_or_default(),
            identified: self.identified,
            over_trials: false,
        };
        Report {
            head: Head::Condition(self.observed.key.clone()),
            parameters: reported(&REPORTED, LearnerKind::Ridge, e, &known),
            over: self.intervals.map(|_| "seeds"),
            at_bound: margin_bounds(e.limit, e.conjunctivity, "c", e.strength),
            limit: e.limit,
            scores: vec![("r_squared", fit.r_squared), ("correlation", fit.correlation)],
            counts: vec![("n_pairs", fit.n_observations), ("n_seeds", self.observed.seeds.len())],
            saturated: None,
            task: None,
        }
    }
}

/// One row per condition fitted.
pub(crate) fn table_of_fits(fitted: &[Fitted]) -> Result<Table> {
    let reports: Vec<Report> = fitted.iter().map(Fitted::report).collect();
    table(&reports, false)
}

/// Observed, fitted and predicted margins, one row per condition and pair.
pub(crate) fn table_of_margins(fitted: &[Fitted], predicted: &[Predicted]) -> Result<Table> {
    let rows: Vec<(&Fitted, usize)> =
        fitted.iter().flat_map(|f| (0..f.observed.pairs.len()).map(move |k| (f, k))).collect();
    let predictions: HashMap<String, &Predicted> = predicted.iter().map(|p| (p.observed.key.to_string(), p)).collect();
    let prediction = |f: &Fitted, k: usize| {
        predictions.get(&f.observed.key.to_string()).map_or(f64::NAN, |p| p.prediction.predicted[k])
    };
    Ok(ConditionKey::add_columns(rows.iter().map(|(f, _)| &f.observed.key), Table::new())?
        .count("rank_a", rows.iter().map(|(f, k)| f.observed.pairs[*k].0))?
        .count("rank_b", rows.iter().map(|(f, k)| f.observed.pairs[*k].1))?
        .float("observed", rows.iter().map(|(f, k)| f.observed.margins[*k]))?
        .float("fitted", rows.iter().map(|(f, k)| f.fit.fitted[*k]))?
        .float("predicted", rows.iter().map(|(f, k)| prediction(f, *k)))?)
}
