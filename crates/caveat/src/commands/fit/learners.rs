//! Fits to margins of learners other than ridge regression, and of margins with a position bias.

use caveat_theory::inference::{FitLimit, MarginModelFitter, MarginObservation, ModelSpec, ParameterInterval};
use rayon::prelude::*;

use super::observed::Observed;
use super::report::{Head, Parameter, Report};
use super::strength_name;
use crate::failure::Failure;
use crate::progress;

/// Fits every set of margins by least squares.
pub(crate) fn fit_all(
    observed: &[Observed],
    spec: &ModelSpec,
    replicates: usize,
    seed: u64,
) -> Result<Vec<Report>, Failure> {
    let bar = progress::bar(observed.len() as u64, "fitting");
    let fitted = observed
        .par_iter()
        .map(|o| {
            let report = fit(o, spec, replicates, seed);
            bar.inc(1);
            report
        })
        .collect();
    bar.finish_and_clear();
    fitted
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

fn fit(o: &Observed, spec: &ModelSpec, replicates: usize, seed: u64) -> Result<Report, Failure> {
    let at = |e: caveat_theory::TheoryError| Failure::from(e).at(format_args!("condition {}", o.name()));
    let all = vec![observations(&o.pairs, &o.shown, spec.position_bias)];
    let pairs: Vec<(usize, usize)> = all[0].iter().map(|m| (m.first, m.second)).collect();
    let fitter = MarginModelFitter::new(&o.graph, spec, &pairs).map_err(at)?;
    let fit = fitter.fit(&all).map_err(at)?;
    let enough = fit.n_observations > fit.n_parameters;
    let profile = if enough { Some(fitter.intervals(&fit, &all).map_err(at)?) } else { None };
    let bootstrap = if replicates > 0 && o.seeds_shown.len() > 1 {
        let seeds: Vec<_> =
            o.seeds_shown.iter().map(|shown| observations(&o.pairs, shown, spec.position_bias)).collect();
        Some(fitter.bootstrap(&fit, &seeds, replicates, seed).map_err(at)?)
    } else {
        None
    };
    let (e, b) = (&fit.estimates, bootstrap.as_ref());
    let parameter = |name, estimate, bootstrap, profile: Option<ParameterInterval>| Parameter {
        name,
        estimate,
        bootstrap,
        profile: profile.map(|p| p.interval),
        identified: profile.is_some_and(|p| p.identified),
    };
    let p = profile.as_ref();
    // In the Hebbian limit the estimate is gain·strength, and the profile is that of the gain itself.
    let is_hebbian = e.limit == Some(FitLimit::Hebbian);
    let gain_profile = p.and_then(|p| p.gain).filter(|_| !is_hebbian);
    let mut parameters = vec![
        parameter("conjunctivity", e.conjunctivity, b.and_then(|b| b.conjunctivity), p.and_then(|p| p.conjunctivity)),
        parameter(strength_name(spec.family), e.strength, b.and_then(|b| b.strength), p.and_then(|p| p.strength)),
        parameter("gain", e.gain, b.and_then(|b| b.gain), gain_profile),
    ];
    if spec.position_bias {
        let bias = b.and_then(|b| b.position_bias);
        parameters.push(parameter("position_bias", e.position_bias, bias, p.and_then(|p| p.position_bias)));
    }
    Ok(Report {
        head: Head::Condition(o.key.clone()),
        parameters,
        limit: e.limit,
        scores: vec![("screening", e.screening), ("memorization", e.memorization), ("r_squared", fit.r_squared)],
        counts: vec![("n_pairs", o.pairs.len()), ("n_seeds", o.seeds.len())],
        saturated: None,
    })
}
