//! Fits to margins of learners other than ridge regression, and of margins with a position bias.

use caveat_theory::inference::{MarginModelFitter, MarginObservation, ModelSpec};
use rayon::prelude::*;

use super::job::Job;
use super::observe::Observed;
use super::report::{Head, Known, Report, margin_bounds, reported};
use crate::error::{AnalysisError, Result};

/// Fits every set of margins by least squares.
pub(super) fn fit_all(observed: &[Observed], job: &Job<'_>) -> Result<Vec<Report>> {
    let work = job.watch.begin(observed.len() as u64, "fitting");
    let fit = |o| {
        let report = fit(o, &job.spec, job.request.replicates(), job.request.seed);
        work.advance(1);
        report
    };
    observed.par_iter().map(fit).collect()
}

/// The margins as a model sees them: of every pair once, or where position matters, as it was shown.
pub(crate) fn observations(
    pairs: &[(usize, usize)],
    shown: &[[f64; 2]],
    position_bias: bool,
) -> Vec<MarginObservation> {
    let observation =
        |(first, second): (usize, usize), margin| MarginObservation { first, second, margin, weight: 1.0 };
    pairs
        .iter()
        .zip(shown)
        .flat_map(|(&(i, j), &[forward, backward])| {
            let both = [observation((i, j), forward), observation((j, i), backward)];
            let one = [observation((i, j), (forward - backward) / 2.0)];
            if position_bias { both.to_vec() } else { one.to_vec() }
        })
        .collect()
}

fn fit(o: &Observed, spec: &ModelSpec, replicates: usize, seed: u64) -> Result<Report> {
    let at = |e: caveat_theory::TheoryError| AnalysisError::from(e).in_place(format_args!("condition {}", o.name()));
    let all = vec![observations(&o.pairs, &o.shown, spec.position_bias)];
    let pairs: Vec<(usize, usize)> = all[0].iter().map(|m| (m.first, m.second)).collect();
    let fitter = MarginModelFitter::new(&o.graph, spec, &pairs).map_err(at)?;
    let fit = fitter.fit(&all).map_err(at)?;
    let enough = fit.n_observations > fit.n_parameters;
    let profile = if enough { Some(fitter.intervals(&fit, &all).map_err(at)?) } else { None };
    let seeds: Vec<Vec<MarginObservation>> = o
        .seeds_shown
        .iter()
        .zip(&o.seed_weights)
        .map(|(shown, &weight)| {
            let all = observations(&o.pairs, shown, spec.position_bias);
            all.into_iter().map(|one| MarginObservation { weight, ..one }).collect()
        })
        .collect();
    let several = seeds.len() > 1;
    let over_seeds = || fitter.cluster_intervals(&fitter.fit(&seeds)?, &seeds);
    let intervals = several.then(over_seeds).transpose().map_err(at)?;
    let resample = || fitter.bootstrap(&fit, &seeds, replicates, seed);
    let bootstrap = (several && replicates > 0).then(resample).transpose().map_err(at)?;
    let e = &fit.estimates;
    let known = Known {
        clusters: intervals.map(|i| i.intervals).unwrap_or_default(),
        bootstrap: bootstrap.map(|b| b.intervals).unwrap_or_default(),
        ..Known::of_profile(profile, e)
    };
    Ok(Report {
        head: Head::Condition(o.key.clone()),
        parameters: reported(&spec.parameters(), spec.learner, e, &known),
        over: intervals.map(|_| "seeds"),
        at_bound: margin_bounds(e.limit, e.conjunctivity, spec.learner.strength_name(), e.strength),
        limit: e.limit,
        scores: vec![("screening", e.screening), ("memorization", e.memorization), ("r_squared", fit.r_squared)],
        counts: vec![("n_pairs", o.pairs.len()), ("n_seeds", o.seeds.len())],
        saturated: None,
        task: None,
    })
}
