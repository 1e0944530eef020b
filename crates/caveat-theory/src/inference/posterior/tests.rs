//! Claims about posteriors: exact gradients, agreement with integrals on a grid and with the marginal likelihood, known diagnostics.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial as BinomialDraw, StandardNormal};

use super::*;
use crate::inference::engine::surface::Surface;
use crate::inference::hierarchy::{Hierarchy, UnitChoices};
use crate::learner::LearnerKind;
use crate::task::TransitiveTask;

fn graph(n: usize, exceptions: &[(usize, usize)]) -> ComparisonGraph {
    TransitiveTask::new(n, exceptions).unwrap().graph().clone()
}

fn no_watch(_: SamplerStep) -> bool {
    true
}

/// Choices in `trials` trials of every ordered pair, drawn at the parameters θ = (x, z, log gain, l, b) on their scales.
fn drawn(graph: &ComparisonGraph, theta: [f64; 5], trials: u64, rng: &mut ChaCha8Rng) -> Vec<ChoiceCount> {
    let n = graph.n_items();
    let pairs: Vec<(usize, usize)> =
        (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).collect();
    let surface = Surface::new(graph, LearnerKind::Ridge, &pairs, None, None).unwrap();
    let [x, z, log_gain, l, b] = theta;
    let margins = surface.margins(1.0 / (1.0 + (-x).exp()), z.exp()).unwrap();
    let lapse = lapse_of(l);
    pairs
        .iter()
        .zip(margins)
        .map(|(&(first, second), margin)| {
            let p = 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(log_gain.exp() * margin + b)).exp());
            let first_chosen = rng.sample(BinomialDraw::new(trials, p).unwrap()) as f64;
            ChoiceCount { first, second, first_chosen, trials: trials as f64 }
        })
        .collect()
}

fn settings(sessions_differ: bool) -> PosteriorSettings {
    PosteriorSettings { sessions_differ, priors: Vec::new() }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (plain, exception) = (graph(7, &[]), graph(7, &[(4, 2)]));
    let choices: Vec<Vec<ChoiceCount>> = (0..4)
        .map(|s| {
            let graph = if s % 2 == 0 { &plain } else { &exception };
            drawn(graph, [-1.0, 1.0, 1.0, -2.0, 0.3], 4, &mut rng)
        })
        .collect();
    let sessions: Vec<SessionChoices<'_>> = choices
        .iter()
        .enumerate()
        .map(|(s, choices)| SessionChoices {
            person: s / 2,
            graph: if s % 2 == 0 { &plain } else { &exception },
            choices,
        })
        .collect();
    let ridge = ModelSpec::new(LearnerKind::Ridge);
    let specs = [
        ridge,
        ridge.with_lapse().with_position_bias(),
        ridge.with_conjunctivity(0.0).with_lapse(),
        ridge.with_conjunctivity(0.3),
        ridge.with_strength(f64::INFINITY).with_position_bias(),
        ridge.with_strength(0.0),
        ridge.with_conjunctivity(0.2).with_strength(5.0).with_lapse(),
        ModelSpec::new(LearnerKind::GradientFlow).with_lapse(),
        ModelSpec::new(LearnerKind::Logistic),
    ];
    for spec in specs {
        for (sessions, differ) in [(&sessions[..], false), (&sessions[..], true), (&sessions[..1], false)] {
            let posterior = ChoicePosterior::new(&spec, sessions, &settings(differ)).unwrap();
            let n = posterior.dimension();
            let place: Vec<f64> = (0..n).map(|_| 0.7 * rng.sample::<f64, _>(StandardNormal)).collect();
            let (mut gradient, mut unused) = (vec![0.0; n], vec![0.0; n]);
            posterior.log_density(&place, &mut gradient).unwrap();
            let size = gradient.iter().fold(1.0_f64, |a, g| a.max(g.abs()));
            for k in 0..n {
                // Fourth-order differences: the error is of step⁴ and of rounding over the step, 1e-8 of the size or less.
                let step = 1e-3;
                let mut value = |steps: f64| {
                    let mut moved = place.clone();
                    moved[k] += steps * step;
                    posterior.log_density(&moved, &mut unused).unwrap()
                };
                let slope = (8.0 * (value(1.0) - value(-1.0)) - value(2.0) + value(-2.0)) / (12.0 * step);
                // Splines are only twice differentiable.
                let tolerance = if spec.learner == LearnerKind::Logistic { 1e-5 } else { 1e-7 };
                assert!(
                    (slope - gradient[k]).abs() < tolerance * size,
                    "{spec:?} {differ} {k}: {slope} {}",
                    gradient[k]
                );
            }
        }
    }
}

#[test]
fn the_likelihood_of_sessions_is_that_of_the_fitter_at_the_same_parameters() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let task = graph(6, &[(3, 1)]);
    let choices = drawn(&task, [-1.5, 1.0, 1.2, -2.0, 0.2], 5, &mut rng);
    let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse().with_position_bias();
    let session = SessionChoices { person: 0, graph: &task, choices: &choices };
    let posterior = ChoicePosterior::new(&spec, &[session], &settings(false)).unwrap();
    let pairs = crate::inference::ordered_pairs(std::slice::from_ref(&choices));
    let fit = ChoiceFitter::new(&task, &spec, &pairs).unwrap().fit(std::slice::from_ref(&choices)).unwrap();
    let theta: Vec<f64> = posterior
        .parameters()
        .iter()
        .map(|p| crate::inference::UnitScale::for_parameter(*p).apply(fit.estimates.get(*p)))
        .collect();
    assert!(theta.iter().all(|t| t.is_finite()), "{theta:?}");
    let mut gradient = vec![0.0; theta.len()];
    let value = posterior.log_likelihood(&theta, &mut gradient).unwrap();
    assert!((value - fit.log_likelihood).abs() < 1e-9 * value.abs(), "{value} {}", fit.log_likelihood);
    // The maximum has no slope.
    assert!(gradient.iter().all(|g| g.abs() < 1e-2), "{gradient:?}");
    for (p, q) in posterior.probabilities(0, &theta).unwrap().iter().zip(&fit.probabilities) {
        assert!((p - q).abs() < 1e-9);
    }
}

/// Mean and standard deviation of the draws of a quantity, and the standard error of the mean.
fn summary(values: &[f64], chains: usize) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    (mean, sd, sd / diagnose(values, chains).ess_bulk.sqrt())
}

#[test]
fn one_person_has_the_posterior_of_a_grid() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let task = graph(6, &[(3, 1)]);
    let choices = drawn(&task, [-1.0, 1.0, 1.2, -30.0, 0.0], 6, &mut rng);
    let spec = ModelSpec::new(LearnerKind::Ridge);
    let session = SessionChoices { person: 0, graph: &task, choices: &choices };
    let posterior = ChoicePosterior::new(&spec, &[session], &settings(false)).unwrap();
    let draws = sample(&posterior, &SamplerSettings::default(), &no_watch).unwrap().unwrap();
    // Mean and variance by a sum over a grid that reaches where the prior is 1e-8 of its peak.
    let priors = posterior.priors();
    let nodes = 61;
    let place = |p: usize, k: usize| priors[p].mean + priors[p].sd * 6.0 * (2.0 * k as f64 / (nodes - 1) as f64 - 1.0);
    let (mut points, mut unused) = (Vec::new(), [0.0; 3]);
    for a in 0..nodes {
        for b in 0..nodes {
            for c in 0..nodes {
                let at = [place(0, a), place(1, b), place(2, c)];
                points.push((at, posterior.log_density(&at, &mut unused).unwrap()));
            }
        }
    }
    let peak = points.iter().fold(f64::NEG_INFINITY, |peak, p| peak.max(p.1));
    let total: f64 = points.iter().map(|p| (p.1 - peak).exp()).sum();
    for p in 0..3 {
        let moment = |power: i32, about: f64| -> f64 {
            points.iter().map(|(at, log)| (at[p] - about).powi(power) * (log - peak).exp()).sum::<f64>() / total
        };
        let exact_mean = moment(1, 0.0);
        let exact_sd = moment(2, exact_mean).sqrt();
        let (mean, sd, error) = summary(&draws.map(|d| d[p]), 4);
        assert!((mean - exact_mean).abs() < 4.0 * error, "{p}: {mean} ± {error}, grid {exact_mean}");
        assert!((sd / exact_sd - 1.0).abs() < 0.1, "{p}: {sd}, grid {exact_sd}");
        assert!(diagnose(&draws.map(|d| d[p]), 4).are_good(4));
    }
    assert_eq!(draws.n_diverging(), 0);
}

#[test]
fn a_population_has_the_posterior_of_its_marginal_likelihood() {
    // With α and C held the gain alone differs between people, and both integrals are sums.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let task = graph(6, &[]);
    let spec = ModelSpec::new(LearnerKind::Ridge).with_conjunctivity(0.2).with_strength(5.0);
    let people: Vec<Vec<ChoiceCount>> = (0..12)
        .map(|_| {
            let log_gain = 1.0 + 0.7 * rng.sample::<f64, _>(StandardNormal);
            drawn(&task, [0.2_f64.ln() - 0.8_f64.ln(), 5.0_f64.ln(), log_gain, -30.0, 0.0], 2, &mut rng)
        })
        .collect();
    let sessions: Vec<SessionChoices<'_>> =
        people.iter().enumerate().map(|(person, choices)| SessionChoices { person, graph: &task, choices }).collect();
    let posterior = ChoicePosterior::new(&spec, &sessions, &settings(false)).unwrap();
    let draws = sample(&posterior, &SamplerSettings::default(), &no_watch).unwrap().unwrap();

    let prior = posterior.priors()[0];
    let gains: Vec<f64> = (0..161).map(|k| -5.0 + 0.075 * f64::from(k)).collect();
    let alone: Vec<Vec<f64>> = sessions
        .iter()
        .map(|s| {
            let one = ChoicePosterior::new(&spec, &[SessionChoices { person: 0, ..*s }], &settings(false)).unwrap();
            gains.iter().map(|g| one.log_likelihood(&[*g], &mut [0.0]).unwrap()).collect()
        })
        .collect();
    let mut points = Vec::new();
    for i in 0..60 {
        for j in 0..60 {
            let (mean, log_sd) = (-1.0 + 0.07 * f64::from(i), -4.5 + 0.1 * f64::from(j));
            let sd = f64::exp(log_sd);
            let off = (mean - prior.mean) / prior.sd;
            let mut log = -0.5 * off * off + log_sd - 0.5 * (sd / prior.between).powi(2);
            for likelihood in &alone {
                // ∫ L(g) N(g; mean, sd²) dg with nodes at the normal's own distances.
                let sum: f64 = (-40..=40)
                    .map(|k| {
                        let z = 0.15 * f64::from(k);
                        let place = ((mean + sd * z + 5.0) / 0.075).clamp(0.0, 159.0);
                        let (cell, t) = (place as usize, place.fract());
                        let log = likelihood[cell] * (1.0 - t) + likelihood[cell + 1] * t;
                        (log - 0.5 * z * z).exp()
                    })
                    .sum();
                log += sum.ln();
            }
            points.push(([mean, log_sd], log));
        }
    }
    let peak = points.iter().fold(f64::NEG_INFINITY, |peak, p| peak.max(p.1));
    let total: f64 = points.iter().map(|p| (p.1 - peak).exp()).sum();
    for p in 0..2 {
        let exact: f64 = points.iter().map(|(at, log)| at[p] * (log - peak).exp()).sum::<f64>() / total;
        let (mean, _, error) = summary(&draws.map(|d| d[p]), 4);
        assert!((mean - exact).abs() < 4.0 * error + 0.01, "{p}: {mean} ± {error}, sum {exact}");
    }
}

#[test]
fn a_large_population_has_the_median_of_the_fit_by_marginal_likelihood() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let task = graph(7, &[(4, 2)]);
    let mut normal = |mean: f64, sd: f64| mean + sd * rng.sample::<f64, _>(StandardNormal);
    let thetas: Vec<[f64; 5]> =
        (0..20).map(|_| [normal(-1.0, 0.4), normal(1.0, 0.4), normal(1.3, 0.3), -30.0, 0.0]).collect();
    let people: Vec<Vec<ChoiceCount>> = thetas.iter().map(|t| drawn(&task, *t, 8, &mut rng)).collect();
    let spec = ModelSpec::new(LearnerKind::Ridge);
    let sessions: Vec<SessionChoices<'_>> =
        people.iter().enumerate().map(|(person, choices)| SessionChoices { person, graph: &task, choices }).collect();
    let posterior = ChoicePosterior::new(&spec, &sessions, &settings(false)).unwrap();
    let sampler = SamplerSettings { tune: 400, draws: 400, ..SamplerSettings::default() };
    let draws = sample(&posterior, &sampler, &no_watch).unwrap().unwrap();
    let clusters: Vec<[Vec<ChoiceCount>; 1]> = people.iter().map(|p| [p.clone()]).collect();
    let units: Vec<UnitChoices<'_>> = clusters.iter().map(|c| UnitChoices { graph: &task, clusters: c }).collect();
    let fit = Hierarchy::of_choices(&spec, &units, &|| ()).unwrap().fit(&|| ());
    for (p, own) in fit.parameters.iter().enumerate() {
        let (mean, sd, _) = summary(&draws.map(|d| d[p]), 4);
        let place = own.scale.apply(own.median);
        // Both are estimates of the same number from the same data: they differ by the prior's pull, a part of the uncertainty.
        assert!((mean - place).abs() < sd, "{:?}: {mean} ± {sd}, fit {place}", own.parameter);
        let width = own.scale.apply(own.interval.high) - own.scale.apply(own.interval.low);
        assert!((3.92 * sd / width - 1.0).abs() < 0.4, "{:?}: {} {width}", own.parameter, 3.92 * sd);
    }
}

#[test]
fn the_same_seed_gives_the_same_draws_and_watching_may_stop_them() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let task = graph(5, &[]);
    let choices = drawn(&task, [-1.0, 1.0, 1.0, -30.0, 0.0], 3, &mut rng);
    let session = SessionChoices { person: 0, graph: &task, choices: &choices };
    let posterior = ChoicePosterior::new(&ModelSpec::new(LearnerKind::Ridge), &[session], &settings(false)).unwrap();
    let short = SamplerSettings { chains: 2, tune: 60, draws: 20, ..SamplerSettings::default() };
    let [a, b] = [0, 0].map(|_| sample(&posterior, &short, &no_watch).unwrap().unwrap());
    assert_eq!(a, b);
    assert_ne!(a.positions[..3], a.positions[20 * 3..20 * 3 + 3], "chains differ");
    let other = sample(&posterior, &SamplerSettings { seed: 1, ..short }, &no_watch).unwrap().unwrap();
    assert_ne!(a.positions, other.positions);
    assert!(sample(&posterior, &short, &|step| step.done < 30).unwrap().is_none());
}

#[test]
fn what_cannot_be_sampled_is_refused() {
    let task = graph(5, &[]);
    let choices = [ChoiceCount { first: 0, second: 1, first_chosen: 1.0, trials: 2.0 }];
    let session = SessionChoices { person: 0, graph: &task, choices: &choices };
    let spec = ModelSpec::new(LearnerKind::Ridge);
    let problem = |sessions: &[SessionChoices<'_>], settings: &PosteriorSettings| {
        ChoicePosterior::new(&spec, sessions, settings).unwrap_err().to_string()
    };
    assert!(problem(&[], &settings(false)).contains("no choices"));
    assert!(problem(&[SessionChoices { person: 1, ..session }], &settings(false)).contains("person 0 has no choices"));
    assert!(problem(&[session], &settings(true)).contains("more than one session"));
    let lapse = (Parameter::Lapse, ParameterPrior::weak(Parameter::Lapse));
    assert!(
        problem(&[session], &PosteriorSettings { priors: vec![lapse], ..settings(false) })
            .contains("not a free parameter")
    );
    let flat = (Parameter::Gain, ParameterPrior { sd: 0.0, ..ParameterPrior::weak(Parameter::Gain) });
    assert!(
        problem(&[session], &PosteriorSettings { priors: vec![flat], ..settings(false) }).contains("positive others")
    );
    for (bad, word) in [
        (SamplerSettings { chains: 0, ..SamplerSettings::default() }, "0 chains"),
        (SamplerSettings { tune: 0, ..SamplerSettings::default() }, "tune"),
        (SamplerSettings { draws: 1, ..SamplerSettings::default() }, "1 draws"),
        (SamplerSettings { chains: usize::MAX, ..SamplerSettings::default() }, "at most 1,000"),
        (SamplerSettings { tune: usize::MAX, ..SamplerSettings::default() }, "at most 1,000,000"),
        (SamplerSettings { max_depth: 30, ..SamplerSettings::default() }, "depth of 30"),
        (SamplerSettings { target_accept: f64::NAN, ..SamplerSettings::default() }, "acceptance"),
    ] {
        assert!(bad.check().unwrap_err().to_string().contains(word));
    }
}

mod diagnostics {
    use super::*;

    fn autoregressive(phi: f64, n: usize, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut x: f64 = rng.sample(StandardNormal);
        (0..n)
            .map(|_| {
                x = phi * x + (1.0 - phi * phi).sqrt() * rng.sample::<f64, _>(StandardNormal);
                x
            })
            .collect()
    }

    #[test]
    fn the_effective_size_of_autoregressive_chains_is_the_known_one() {
        for phi in [-0.4, 0.0, 0.5, 0.9] {
            let values: Vec<f64> = (0..4).flat_map(|c| autoregressive(phi, 5000, c)).collect();
            let exact = 20_000.0 * (1.0 - phi) / (1.0 + phi);
            let found = diagnose(&values, 4);
            // The relative error of the estimate is a few √(time/size).
            let tolerance = 4.0 * ((1.0 + phi.abs()) / (1.0 - phi.abs()) / 20_000.0_f64).sqrt() * 3.0;
            assert!((found.ess_bulk / exact - 1.0).abs() < tolerance.max(0.1), "{phi}: {} {exact}", found.ess_bulk);
            assert!(found.r_hat < 1.01, "{phi}: {}", found.r_hat);
        }
    }

    #[test]
    fn chains_in_other_places_or_of_other_widths_do_not_agree() {
        let chains = |change: &dyn Fn(u64, f64) -> f64| -> Vec<f64> {
            (0..4)
                .flat_map(|c| autoregressive(0.0, 500, c).into_iter().map(move |v| (c, v)))
                .map(|(c, v)| change(c, v))
                .collect()
        };
        assert!(diagnose(&chains(&|_, v| v), 4).r_hat < 1.01);
        assert!(diagnose(&chains(&|c, v| v + if c == 0 { 1.0 } else { 0.0 }), 4).r_hat > 1.05);
        assert!(diagnose(&chains(&|c, v| v * if c == 0 { 3.0 } else { 1.0 }), 4).r_hat > 1.05);
        // A monotone map changes nothing but by rounding.
        let (plain, mapped) = (diagnose(&chains(&|_, v| v), 4), diagnose(&chains(&|_, v| v.exp()), 4));
        assert!((plain.ess_bulk - mapped.ess_bulk).abs() < 1e-6 * plain.ess_bulk);
    }

    #[test]
    fn what_says_nothing_is_not_a_number() {
        for values in [vec![1.0; 40], vec![f64::NAN; 40], vec![1.0, 2.0, 3.0]] {
            let chains = if values.len() == 3 { 1 } else { 4 };
            assert!(diagnose(&values, chains).r_hat.is_nan());
        }
    }
}
