//! Simulation-based calibration of posteriors: among draws given data from the prior, the truth has any rank equally often.
//!
//! Source: Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv 1804.06788.

use caveat_theory::inference::posterior::{
    ChoicePosterior, ParameterPrior, PosteriorSettings, SamplerSettings, SessionChoices, sample,
};
use caveat_theory::inference::{ChoiceCount, ModelSpec, Parameter, UnitScale};
use caveat_theory::{LearnerKind, Margins, RidgeModel, TransitiveTask, margins::chain};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

const DATA_SETS: u64 = 200;
const PEOPLE: usize = 6;
const SESSIONS: usize = 2;
const TRIALS: u32 = 4;
/// Ranks run from 0 to this number of draws, each some transitions from the one before it.
const RANKS: usize = 99;

struct Truth {
    /// m and s of the population, t of sessions, then the parameters of the first person and of its first session.
    values: Vec<f64>,
    /// Parameters of every session.
    sessions: Vec<Vec<f64>>,
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

fn truth(priors: &[(Parameter, ParameterPrior)], sessions_differ: bool, rng: &mut ChaCha8Rng) -> Truth {
    let means: Vec<f64> = priors.iter().map(|(_, p)| p.mean + p.sd * normal(rng)).collect();
    let between: Vec<f64> = priors.iter().map(|(_, p)| p.between * normal(rng).abs()).collect();
    let within: Vec<f64> = priors.iter().map(|(_, p)| p.within * normal(rng).abs()).collect();
    let mut sessions: Vec<Vec<f64>> = Vec::new();
    let mut first = Vec::new();
    for person in 0..PEOPLE {
        let own: Vec<f64> = means.iter().zip(&between).map(|(m, s)| m + s * normal(rng)).collect();
        for _ in 0..SESSIONS {
            let spread = if sessions_differ { 1.0 } else { 0.0 };
            sessions.push(own.iter().zip(&within).map(|(o, t)| o + spread * t * normal(rng)).collect());
        }
        if person == 0 {
            first = own;
        }
    }
    let within = if sessions_differ { within } else { Vec::new() };
    let values = [means, between, within, first, sessions[0].clone()].concat();
    Truth { values, sessions }
}

fn choices(
    task: &TransitiveTask,
    spec: &ModelSpec,
    parameters: &[Parameter],
    theta: &[f64],
    rng: &mut ChaCha8Rng,
) -> Vec<ChoiceCount> {
    let value = |parameter: Parameter, otherwise: f64| {
        let at = parameters.iter().position(|p| *p == parameter);
        at.map_or(otherwise, |k| UnitScale::for_parameter(parameter).invert(theta[k]))
    };
    let alpha = spec.conjunctivity.unwrap_or_else(|| value(Parameter::Conjunctivity, 0.0));
    let c = value(Parameter::Strength, f64::INFINITY);
    let (gain, lapse) = (value(Parameter::Gain, 1.0), value(Parameter::Lapse, 0.0));
    let bias = value(Parameter::PositionBias, 0.0);
    let solution = chain::solve(task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
    let n = task.n_items();
    (0..n * n)
        .map(|k| (k / n, k % n))
        .filter(|(i, j)| i != j)
        .map(|(first, second)| {
            let p = 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(gain * solution.margin(first, second) + bias)).exp());
            let chosen = (0..TRIALS).filter(|_| rng.random::<f64>() < p).count();
            ChoiceCount { first, second, first_chosen: chosen as f64, trials: f64::from(TRIALS) }
        })
        .collect()
}

/// Ranks of every true value among the draws, one row a data set.
fn ranks(spec: &ModelSpec, sessions_differ: bool, seed: u64) -> Vec<Vec<usize>> {
    let task = TransitiveTask::new(5, &[(3, 1)]).unwrap();
    // As wide as data of this size can tell anything, and no wider: at the ends of the scales all places are alike.
    let prior =
        |parameter: Parameter| ParameterPrior { sd: 0.8, between: 0.6, within: 0.4, ..ParameterPrior::weak(parameter) };
    let parameters: Vec<Parameter> = spec
        .parameters()
        .into_iter()
        .filter(|p| *p != Parameter::Conjunctivity || spec.conjunctivity.is_none())
        .collect();
    let priors: Vec<_> = parameters.iter().map(|p| (*p, prior(*p))).collect();
    let settings = PosteriorSettings { sessions_differ, priors: priors.clone() };
    let k = parameters.len();
    (0..DATA_SETS)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(set);
            let truth = truth(&priors, sessions_differ, &mut rng);
            let data: Vec<Vec<ChoiceCount>> =
                truth.sessions.iter().map(|t| choices(&task, spec, &parameters, t, &mut rng)).collect();
            let sessions: Vec<SessionChoices<'_>> = data
                .iter()
                .enumerate()
                .map(|(s, choices)| SessionChoices { person: s / SESSIONS, graph: task.graph(), choices })
                .collect();
            let posterior = ChoicePosterior::new(spec, &sessions, &settings).unwrap();
            let sampler = SamplerSettings {
                chains: 3,
                tune: 500,
                draws: 330,
                target_accept: 0.9,
                seed: set,
                ..SamplerSettings::default()
            };
            let draws = sample(&posterior, &sampler, &|_| true).unwrap().unwrap();
            let mut below = vec![0; truth.values.len()];
            for position in draws.iter().step_by(10) {
                let sds = position[k..if sessions_differ { 3 * k } else { 2 * k }].iter().map(|s| s.exp());
                let drawn = [
                    position[..k].to_vec(),
                    sds.collect(),
                    posterior.person_parameters(position)[..k].to_vec(),
                    posterior.session_parameters(position)[..k].to_vec(),
                ]
                .concat();
                assert_eq!(drawn.len(), truth.values.len());
                for (below, (drawn, truth)) in below.iter_mut().zip(drawn.iter().zip(&truth.values)) {
                    *below += usize::from(drawn < truth);
                }
            }
            below
        })
        .collect()
}

/// χ² of the ranks of each value in ten classes: 9 degrees of freedom, above 35 with probability 6e-5. The mean rank, besides, is within
/// four standard errors of the middle.
fn check(spec: &ModelSpec, sessions_differ: bool, seed: u64) {
    let ranks = ranks(spec, sessions_differ, seed);
    let n = ranks.len() as f64;
    for value in 0..ranks[0].len() {
        let mut classes = [0.0; 10];
        ranks.iter().for_each(|r| classes[r[value] * 10 / (RANKS + 1)] += 1.0);
        let expected = n / 10.0;
        let statistic: f64 = classes.iter().map(|c| (c - expected) * (c - expected) / expected).sum();
        let mean = ranks.iter().map(|r| r[value] as f64).sum::<f64>() / n / RANKS as f64;
        println!("{value}: χ² {statistic:.1}, mean rank {mean:.3}");
        assert!(statistic < 35.0, "{spec:?}, value {value}: {classes:?}");
        assert!((mean - 0.5).abs() < 4.0 / (12.0 * n).sqrt(), "{spec:?}, value {value}: {mean}");
    }
}

#[test]
#[ignore = "slow: samples the posteriors of 200 data sets, two to four minutes"]
fn posteriors_are_calibrated() {
    check(&ModelSpec::new(LearnerKind::Ridge).with_lapse(), false, 1);
}

#[test]
#[ignore = "slow: samples the posteriors of 200 data sets, two to four minutes"]
fn posteriors_with_sessions_that_differ_are_calibrated() {
    check(&ModelSpec::new(LearnerKind::Ridge).with_position_bias(), true, 2);
}
