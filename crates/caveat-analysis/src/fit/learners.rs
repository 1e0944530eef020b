//! Fits to margins of learners other than ridge regression, and of margins with a position bias.

use caveat_theory::inference::{MarginModelFitter, MarginObservation};

use super::observe::Observed;
use super::report::{Head, Known, Report, margin_bounds, reported};
use super::request::Job;
use crate::error::Result;
use crate::watch::in_parallel;

/// Fits every set of margins by least squares.
pub(super) fn fit_all(observed: &[Observed], job: &Job<'_>) -> Result<Vec<Report>> {
    in_parallel(observed, job.watch, "fitting", |o| fit(o, job).map_err(|e| o.in_place(e)))
}

/// The margins as a model sees them: of every pair once, or where position matters, as it was shown.
pub(crate) fn observations(
    pairs: &[(usize, usize)],
    shown: &[[f64; 2]],
    position_bias: bool,
) -> Vec<MarginObservation> {
    let observation =
        |(first, second): (usize, usize), margin| MarginObservation { first, second, margin, weight: 1.0 };
    let shown = pairs.iter().zip(shown).flat_map(|(&(i, j), &[forward, backward])| match position_bias {
        true => vec![observation((i, j), forward), observation((j, i), backward)],
        false => vec![observation((i, j), (forward - backward) / 2.0)],
    });
    shown.collect()
}

fn fit(o: &Observed, job: &Job<'_>) -> caveat_theory::Result<Report> {
    let spec = &job.spec;
    let all = vec![observations(&o.pairs, &o.shown, spec.position_bias)];
    let pairs: Vec<(usize, usize)> = all[0].iter().map(|m| (m.first, m.second)).collect();
    let fitter = MarginModelFitter::new(&o.graph, spec, &pairs)?;
    let fit = fitter.fit(&all)?;
    let enough = fit.n_observations > fit.n_parameters;
    let profile = enough.then(|| fitter.intervals(&fit, &all)).transpose()?;
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
    let intervals = several.then(|| fitter.cluster_intervals(&fitter.fit(&seeds)?, &seeds)).transpose()?;
    let replicates = job.request.replicates();
    let resample = || fitter.bootstrap(&fit, &seeds, replicates, job.request.seed);
    let bootstrap = (several && replicates > 0).then(resample).transpose()?;
    let e = &fit.estimates;
    let known = Known::new(profile, intervals, bootstrap, e);
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
