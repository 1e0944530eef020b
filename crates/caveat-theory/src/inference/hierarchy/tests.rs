//! Tests of populations: limits, different tasks, margins, and the quadrature against Monte Carlo.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::*;
use crate::inference::distributions::{normal_cdf, student_quantile};
use crate::inference::engine::surface::Surface;
use crate::learner::LearnerKind;
use crate::task::TransitiveTask;

/// Trials on each pair in each order.
const TRIALS: f64 = 10.0;

fn pairs(n: usize) -> Vec<(usize, usize)> {
    (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
}

/// Choices at the rates of a model, in whole numbers drawn at random.
fn drawn(task: &TransitiveTask, (conjunctivity, c, gain): (f64, f64, f64), seed: u64) -> Vec<Vec<ChoiceCount>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs(task.n_items())).unwrap();
    let margins = surface.margins(conjunctivity, c).unwrap();
    let mut choices = Vec::new();
    for (&(i, j), f) in surface.pairs.iter().zip(margins) {
        for (first, second, f) in [(i, j, f), (j, i, -f)] {
            let p = 1.0 / (1.0 + (-gain * f).exp());
            let first_chosen = (0..TRIALS as usize).filter(|_| rng.random::<f64>() < p).count() as f64;
            choices.push(ChoiceCount { first, second, first_chosen, trials: TRIALS });
        }
    }
    vec![choices]
}

fn fitted(spec: &ModelSpec, task: &TransitiveTask, people: &[Vec<Vec<ChoiceCount>>], spacing: f64) -> PopulationFit {
    let units: Vec<UnitChoices<'_>> =
        people.iter().map(|clusters| UnitChoices { graph: task.graph(), clusters }).collect();
    Hierarchy::of_choices_spaced(spec, &units, spacing, &|| {}).unwrap().fit(&|| {})
}

#[test]
fn scales_go_there_and_back() {
    for scale in [UnitScale::Identity, UnitScale::Log, UnitScale::Logit, UnitScale::HalfLogit] {
        assert!((scale.apply(scale.invert(-0.7)) + 0.7).abs() < 1e-12, "{scale:?}");
    }
    assert_eq!(UnitScale::Logit.invert(f64::NEG_INFINITY), 0.0);
    assert_eq!(UnitScale::Log.invert(f64::INFINITY), f64::INFINITY);
    assert_eq!(UnitScale::HalfLogit.invert(f64::INFINITY), 0.5);
    assert!((UnitScale::HalfLogit.apply(0.1) + 4f64.ln()).abs() < 1e-15);
}

#[test]
fn lapses_together_with_a_position_bias_are_refused() {
    let task = TransitiveTask::new(6, &[(3, 1)]).unwrap();
    let choices = drawn(&task, (0.2, 4.0, 3.0), 1);
    let unit = UnitChoices { graph: task.graph(), clusters: &choices };
    let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse().with_position_bias();
    let refused = Hierarchy::of_choices(&spec, &[unit, unit], &|| {}).unwrap_err();
    assert!(refused.to_string().contains("leave one of them out"), "{refused}");
}

#[test]
fn a_marginal_likelihood_is_the_mean_over_people_drawn_from_the_population() {
    agrees_with_monte_carlo(&ModelSpec::new(LearnerKind::Ridge));
}

#[test]
fn a_marginal_likelihood_with_lapses_is_the_mean_over_people_drawn_from_the_population() {
    agrees_with_monte_carlo(&ModelSpec::new(LearnerKind::Ridge).with_lapse());
}

#[test]
fn a_marginal_likelihood_with_a_bias_is_the_mean_over_people_drawn_from_the_population() {
    agrees_with_monte_carlo(&ModelSpec::new(LearnerKind::Ridge).with_position_bias());
}

/// Holds the quadrature against the mean of one person's likelihood over parameters drawn from a population.
fn agrees_with_monte_carlo(spec: &ModelSpec) {
    let task = TransitiveTask::new(6, &[(3, 1)]).unwrap();
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs(6)).unwrap();
    for (seed, truth, means) in [(1, (0.2, 4.0, 3.0), [-1.2, 1.2, 1.0]), (2, (0.01, 40.0, 2.0), [-5.0, 3.5, 0.8])] {
        let choices = drawn(&task, truth, seed);
        let unit = UnitChoices { graph: task.graph(), clusters: &choices };
        let hierarchy = Hierarchy::of_choices(spec, &[unit, unit], &|| {}).unwrap();
        let (means, sds) = ([means[0], means[1], means[2], -2.5, 0.1], [0.8, 0.7, 0.3, 0.5, 0.2]);
        let population: Population = std::array::from_fn(|k| Level::Normal { mean: means[k], log_sd: f64::ln(sds[k]) });
        let (found, _) = Integral::new(&hierarchy.grids[0], &population).log_likelihood();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = 80_000;
        let likelihoods: Vec<f64> = (0..n)
            .map(|_| {
                let [x, z, gain, lapse, bias]: [f64; AXES] =
                    std::array::from_fn(|k| means[k] + sds[k] * rng.sample::<f64, _>(StandardNormal));
                let margins = surface.margins(UnitScale::Logit.invert(x), z.exp()).unwrap();
                let lapse = if spec.lapse { UnitScale::HalfLogit.invert(lapse) } else { 0.0 };
                let bias = if spec.position_bias { bias } else { 0.0 };
                // Every pair in both orders, one after the other.
                let log: f64 = choices[0]
                    .iter()
                    .zip(margins.iter().flat_map(|f| [*f, -f]))
                    .map(|(c, f)| {
                        let p = lapse / 2.0 + (1.0 - lapse) / (1.0 + (-gain.exp() * f - bias).exp());
                        c.first_chosen * p.ln() + (c.trials - c.first_chosen) * (1.0 - p).ln()
                    })
                    .sum();
                (log - hierarchy.grids[0].log_peak).exp()
            })
            .collect();
        let mean = likelihoods.iter().sum::<f64>() / f64::from(n);
        let error = (likelihoods.iter().map(|l| (l - mean).powi(2)).sum::<f64>()).sqrt() / f64::from(n) / mean;
        let difference = (found - hierarchy.grids[0].log_peak).exp() / mean - 1.0;
        // Four standard errors of the sample, and 2 % for the grid.
        assert!(error < 0.02 && difference.abs() < 4.0 * error + 0.02, "{truth:?}: {difference} ± {error}");
    }
}

/// People whose choices hardly depend on distance: many lapses with a large gain fit them about as well as few with a small one,
/// and only the latter say anything about α and C.
#[test]
fn a_marginal_likelihood_of_two_ridges_is_its_integral_over_gains_and_lapses() {
    let task = TransitiveTask::new(7, &[]).unwrap();
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs(7)).unwrap();
    let margins = surface.margins(0.2, f64::INFINITY).unwrap();
    // Means and standard deviations of log gain and logit 2λ.
    let [gain, lapse] = [(3f64.ln(), 0.3), (UnitScale::HalfLogit.apply(0.05), 0.5)];
    let level = |(mean, sd): (f64, f64)| Level::Normal { mean, log_sd: f64::ln(sd) };
    let conjunctivity = Level::Normal { mean: UnitScale::Logit.apply(0.2), log_sd: LOG_SD.0 };
    let population = [conjunctivity, Level::Limit(1), level(gain), level(lapse), Level::Limit(0)];
    for chosen in [
        [10, 7, 10, 12, 12, 12, 11, 12, 9, 10, 10, 11, 11, 9, 12, 11, 11, 12, 11, 11, 12],
        [11, 11, 11, 12, 12, 11, 11, 11, 9, 10, 11, 12, 12, 12, 11, 9, 9, 11, 11, 9, 12],
    ] {
        let count = |(&(first, second), n): (&(usize, usize), i32)| ChoiceCount {
            first,
            second,
            first_chosen: f64::from(n),
            trials: 12.0,
        };
        let choices = vec![surface.pairs.iter().zip(chosen).map(count).collect::<Vec<_>>()];
        let unit = UnitChoices { graph: task.graph(), clusters: &choices };
        let hierarchy =
            Hierarchy::of_choices(&ModelSpec::new(LearnerKind::Ridge).with_lapse(), &[unit, unit], &|| {}).unwrap();
        let grid = &hierarchy.grids[0];
        let (mut sum, mut total) = (0.0, 0.0);
        for (i, j) in (-24..=24).flat_map(|i| (-24..=24).map(move |j| (0.25 * f64::from(i), 0.25 * f64::from(j)))) {
            let (gain, lapse) = (f64::exp(gain.0 + gain.1 * i), UnitScale::HalfLogit.invert(lapse.0 + lapse.1 * j));
            let log: f64 = choices[0]
                .iter()
                .zip(margins.iter())
                .map(|(c, f)| {
                    let p = lapse / 2.0 + (1.0 - lapse) / (1.0 + (-gain * f).exp());
                    c.first_chosen * p.ln() + (c.trials - c.first_chosen) * (1.0 - p).ln()
                })
                .sum();
            let weight = (-0.5 * (i * i + j * j)).exp();
            sum += weight * (log - grid.log_peak).exp();
            total += weight;
        }
        let found = Integral::new(grid, &population).log_likelihood().0 - grid.log_peak;
        let exact = (sum / total).ln();
        assert!((found - exact).abs() < 0.06, "{found} {exact}");
    }
}

#[test]
fn one_error_at_a_small_margin_bounds_the_gain_however_sure_the_other_choices_are() {
    let task = TransitiveTask::new(7, &[]).unwrap();
    let margins = |(i, j): (usize, usize)| (j - i) as f64;
    let chosen = |pair| if pair == (2, 3) { 19.0 } else { 20.0 };
    let one = |&(first, second): &(usize, usize)| ChoiceCount {
        first,
        second,
        first_chosen: chosen((first, second)),
        trials: 20.0,
    };
    let choices = vec![pairs(7).iter().map(one).collect::<Vec<_>>()];
    let unit = UnitChoices { graph: task.graph(), clusters: &choices };
    let hierarchy = Hierarchy::of_choices(&ModelSpec::new(LearnerKind::Ridge), &[unit, unit], &|| {}).unwrap();
    let grid = &hierarchy.grids[0];
    // Without conjunctivity and ridge, margins are distances.
    let of = |gain: f64| {
        let level = Level::Normal { mean: gain.ln(), log_sd: LOG_SD.0 };
        let population = [Level::Limit(0), Level::Limit(1), level, Level::Limit(0), Level::Limit(0)];
        let exact: f64 = choices[0]
            .iter()
            .map(|c| {
                let logit = gain * margins((c.first, c.second));
                -c.first_chosen * (-logit).exp().ln_1p() - (c.trials - c.first_chosen) * logit.exp().ln_1p()
            })
            .sum();
        (Integral::new(grid, &population).log_likelihood().0, exact)
    };
    for gain in [3.0, 5.0, 7.0, 9.0, 11.0] {
        let (found, exact) = of(gain);
        assert!((found - exact).abs() < 0.3, "{gain}: {found} {exact}");
    }
    // Where it is negligible it stays so.
    assert!([20.0, 100.0, 1e4].map(of).iter().all(|(found, _)| *found < grid.log_peak - 9.0));
}

/// A unit whose logit α is known to be `center`, with a standard deviation of 1.
fn normal_unit(center: f64) -> UnitGrid {
    let at: Vec<f64> = (-70..=70).map(|k| center + 0.1 * f64::from(k)).collect();
    let values = at.iter().map(|u| (-0.5 * (u - center).powi(2)).exp() as f32).collect();
    let block = |k: usize| crate::inference::engine::surface::grid::Block {
        x: k as u32,
        z: 0,
        bias: 0,
        first: 0,
        gains: 1,
        start: k,
        open: [false; 2],
        largest: 1.0,
    };
    let single = || crate::inference::engine::surface::grid::Nodes { at: vec![0.0], open: [true; 2] };
    UnitGrid {
        blocks: (0..at.len()).map(block).collect(),
        nodes: [
            crate::inference::engine::surface::grid::Nodes { at, open: [false; 2] },
            single(),
            single(),
            single(),
            single(),
        ],
        present: [true, false, false, false, false],
        values,
        log_peak: 0.0,
        scales: [1.0; AXES],
        peak: [center, 0.0, 0.0, 0.0, 0.0],
    }
}

#[test]
fn the_population_of_normal_units_has_its_closed_form() {
    // Equal precision: the mean is the mean, and the variance that of the estimates less the units' own.
    let centers = [1.0, 2.0, 4.0, 7.0];
    let hierarchy = Hierarchy { grids: centers.map(normal_unit).to_vec() };
    let fit = hierarchy.fit(&|| {});
    let found = &fit.parameters[0];
    let place = |value: f64| UnitScale::Logit.apply(value);
    assert!((place(found.median) - 3.5).abs() < 2e-3, "{found:?}");
    // Σ(x − 3.5)²/4 − 1 = 4.25.
    assert!((found.between.powi(2) - 4.25).abs() < 0.02, "{found:?}");
    // The cut-off is that of Student's t where units are known; here they are known to 1.
    let t_interval = 3.182 * (7.0f64 / 4.0).sqrt();
    let half = 0.5 * (place(found.interval.high) - place(found.interval.low));
    assert!((half / t_interval - 1.0).abs() < 0.12, "{half} {t_interval}");
    // The last unit's posterior, with the population's integrated over: uniform in the logistic of its mean, half-Cauchy in its
    // standard deviation. The sampler's own error is about 0.1.
    let populations: Vec<(f64, f64, f64)> = (-60..=160)
        .flat_map(|m| (-60..=46).map(move |s| (0.1 * f64::from(m), (0.05 * f64::from(s)).exp())))
        .map(|(mean, sd)| {
            let log: f64 =
                centers.iter().map(|x| -0.5 * (x - mean).powi(2) / (1.0 + sd * sd) - 0.5 * (1.0 + sd * sd).ln()).sum();
            (mean, sd, log.exp() * sd / (1.0 + sd * sd) / (0.5 * mean).cosh().powi(2))
        })
        .collect();
    let below = |u: f64| {
        let of = |&(mean, sd, weight): &(f64, f64, f64)| {
            let precision = 1.0 + 1.0 / (sd * sd);
            (weight * normal_cdf((u - (7.0 + mean / (sd * sd)) / precision) * precision.sqrt()), weight)
        };
        let (sum, total) = populations.iter().map(of).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        sum / total
    };
    for (share, value) in
        [(0.025, found.units[3].interval.low), (0.5, found.units[3].estimate), (0.975, found.units[3].interval.high)]
    {
        let exact = quantile(share, below);
        assert!((place(value) - exact).abs() < 0.3, "{share} {} {exact}", place(value));
    }
}

#[test]
fn units_are_not_surer_than_their_number_allows() {
    // Alike by chance, they may differ all the same: with two, neither is known much better than it is by itself.
    let half = |n: usize, apart: f64| {
        let units = (0..n).map(|k| normal_unit(if k % 2 == 0 { apart } else { 0.0 })).collect();
        let fit = Hierarchy { grids: units }.fit(&|| {});
        let interval = fit.parameters[0].units[0].interval;
        let place = |value: f64| UnitScale::Logit.apply(value);
        0.5 * (place(interval.high) - place(interval.low)) / 1.96
    };
    // One value for all is known to 1/√n, one alone to 1.
    let (two, three, many) = (half(2, 0.5), half(3, 0.5), half(20, 0.5));
    // Under the prior on σ the variance is 1 − ½·E 1/(1 + σ²), about 2/3.
    assert!((0.68..0.95).contains(&two), "{two}");
    assert!(many < three && three < two && many < 0.75, "{two} {three} {many}");
    assert!((0.9..1.1).contains(&half(2, 6.0)));
}

#[test]
fn results_do_not_move_when_the_grid_is_refined() {
    let task = TransitiveTask::new(6, &[]).unwrap();
    let people: Vec<_> = (0..6).map(|k| drawn(&task, ([0.1, 0.3][k % 2], 6.0, 3.0), k as u64)).collect();
    let spec = ModelSpec::new(LearnerKind::Ridge);
    let (coarse, fine) = (fitted(&spec, &task, &people, SPACING), fitted(&spec, &task, &people, 0.5 * SPACING));
    for (a, b) in coarse.parameters.iter().zip(&fine.parameters) {
        let place = |value: f64| a.scale.apply(value);
        // Against half of the interval, where it has two ends.
        let width = [a.interval, b.interval]
            .iter()
            .flat_map(|i| [place(i.high) - place(a.median), place(a.median) - place(i.low)])
            .filter(|w| w.is_finite())
            .fold(0.0, f64::max);
        for (p, q) in [(a.median, b.median), (a.interval.low, b.interval.low), (a.interval.high, b.interval.high)] {
            let (p, q) = (place(p), place(q));
            assert!(p == q || (p - q).abs() < 0.08 * width, "{:?}: {a:?} {b:?}", a.parameter);
        }
    }
}

#[test]
fn units_that_are_known_precisely_have_students_interval_and_no_limits() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs(7)).unwrap();
    let margins = surface.margins(0.2, 5.0).unwrap();
    let person = |gain: f64, trials: f64| {
        let one = |(&(first, second), f): (&(usize, usize), &f64)| {
            let p = 1.0 / (1.0 + (-gain * f).exp());
            ChoiceCount { first, second, first_chosen: trials * p, trials }
        };
        vec![surface.pairs.iter().zip(&margins).map(one).collect::<Vec<_>>()]
    };
    let gains = [7.57_f64, 2.92, 3.65];
    let mut people: Vec<_> = gains.iter().map(|&gain| person(gain, 20_000.0)).collect();
    let spec = ModelSpec::new(LearnerKind::Ridge);
    let of = |people: &[Vec<Vec<ChoiceCount>>]| fitted(&spec, &task, people, 1.0).parameters;
    let found = of(&people);
    let logs = gains.map(f64::ln);
    let mean = logs.iter().sum::<f64>() / 3.0;
    let sd = (logs.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / 2.0).sqrt();
    let half = student_quantile(0.975, 2.0) * sd / 3.0_f64.sqrt();
    let gain = found.iter().find(|p| p.parameter == Parameter::Gain).unwrap();
    for (end, expected) in [(gain.interval.low, mean - half), (gain.interval.high, mean + half)] {
        assert!((end.ln() - expected).abs() < 0.05 * half, "{gain:?} {} {}", (mean - half).exp(), (mean + half).exp());
    }
    for p in &found {
        let (whole, new) = (p.interval, p.new_unit);
        assert!(p.scale.apply(new.low).is_finite() && p.scale.apply(new.high).is_finite(), "{p:?}");
        assert!(new.low < whole.low && whole.high < new.high || p.parameter == Parameter::Gain, "{p:?}");
    }
    // Somebody of whom next to nothing is known changes next to nothing.
    people.push(person(4.0, 0.2));
    for (before, after) in found.iter().zip(of(&people)) {
        let moved = |a: f64, b: f64| (place(before, a) - place(before, b)).abs();
        let width = place(before, before.interval.high) - place(before, before.interval.low);
        assert!(moved(before.interval.low, after.interval.low) < 0.5 * width, "{before:?} {after:?}");
        assert!(moved(before.interval.high, after.interval.high) < 0.5 * width, "{before:?} {after:?}");
    }
}

fn place(parameter: &PopulationParameter, value: f64) -> f64 {
    parameter.scale.apply(value)
}

#[test]
fn limits_are_in_reach_for_lists_of_any_length() {
    // C = ∞ and α = 0 are the last nodes to the last bit, whatever the ends of the surface are.
    for n in 4..13 {
        let task = TransitiveTask::new(n, &[]).unwrap();
        for (model, axis, side) in [((0.25, f64::INFINITY, 3.0), 1, 1), ((0.0, 5.0, 3.0), 0, 0)] {
            let choices = drawn(&task, model, 3);
            let unit = UnitChoices { graph: task.graph(), clusters: &choices };
            let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse();
            let hierarchy = Hierarchy::of_choices(&spec, &[unit, unit], &|| {}).unwrap();
            let nodes = &hierarchy.grids[0].nodes[axis];
            assert!(nodes.open[side], "{n} {model:?} {:?}", nodes.at);
        }
    }
}

#[test]
fn units_at_a_limit_pull_the_population_there() {
    let task = TransitiveTask::new(6, &[]).unwrap();
    let people: Vec<_> = (0..10).map(|k| drawn(&task, (0.0, 8.0, 3.0), k)).collect();
    let fit = fitted(&ModelSpec::new(LearnerKind::Ridge), &task, &people, SPACING);
    let found = &fit.parameters[0];
    assert_eq!((fit.n_units, found.units.len(), found.parameter), (10, 10, Parameter::Conjunctivity));
    assert_eq!(found.interval.low, 0.0, "{found:?}");
    assert!(found.median < 0.01 && found.interval.high < 0.05, "{found:?}");
    for unit in &found.units {
        assert!(unit.interval.low <= unit.estimate && unit.estimate <= unit.interval.high, "{unit:?}");
    }
}

#[test]
fn grids_that_would_be_too_large_are_coarser_and_say_the_same() {
    let task = TransitiveTask::new(6, &[(3, 1)]).unwrap();
    let spec = ModelSpec::new(LearnerKind::Ridge).with_lapse();
    let choices = drawn(&task, (0.2, 4.0, 3.0), 3);
    let shown: Vec<(usize, usize)> = choices[0].iter().map(|c| (c.first, c.second)).collect();
    let fitter = ChoiceFitter::new(task.graph(), &spec, &shown).unwrap();
    let level = |mean: f64, sd: f64| Level::Normal { mean, log_sd: sd.ln() };
    let population = [level(-1.2, 0.8), level(1.2, 0.7), level(1.0, 0.3), level(-2.5, 0.5), Level::Limit(0)];
    let of = |most: usize| {
        let grid = fitter.grid(&choices, 0.8, most).unwrap();
        (grid.values.len(), Integral::new(&grid, &population).log_likelihood().0)
    };
    let (all, exact) = of(usize::MAX);
    for (share, tolerance) in [(3, 0.02), (10, 0.25)] {
        let (size, found) = of(all / share);
        assert!(size < all / share + all / 20, "{size} of {all}");
        assert!((found - exact).abs() < tolerance, "{share}: {found} {exact}");
    }
}

#[test]
fn units_of_different_tasks_share_one_population() {
    let tasks = [TransitiveTask::new(6, &[]).unwrap(), TransitiveTask::new(7, &[(4, 2)]).unwrap()];
    let people: Vec<_> = (0..8).map(|k| drawn(&tasks[k % 2], (0.2, 6.0, 4.0), k as u64)).collect();
    let units: Vec<UnitChoices<'_>> =
        people.iter().enumerate().map(|(k, clusters)| UnitChoices { graph: tasks[k % 2].graph(), clusters }).collect();
    let fit = Hierarchy::of_choices(&ModelSpec::new(LearnerKind::Ridge), &units, &|| {}).unwrap().fit(&|| {});
    let found = &fit.parameters[0];
    assert!(found.interval.low < 0.2 && 0.2 < found.interval.high, "{found:?}");
    assert!(Hierarchy::of_choices(&ModelSpec::new(LearnerKind::Ridge), &units[..1], &|| {}).is_err());
}

#[test]
fn margins_of_models_are_summarized_with_those_at_a_limit() {
    let task = TransitiveTask::new(6, &[(3, 1)]).unwrap();
    let surface = Surface::whole(task.graph(), LearnerKind::Ridge, &pairs(6)).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for error in [0.0, 0.1] {
        let models: Vec<Vec<MarginObservation>> = [(0.2, 5.0), (0.25, 8.0), (0.15, 6.0), (0.0, 7.0)]
            .iter()
            .map(|&(conjunctivity, c)| {
                let margins = surface.margins(conjunctivity, c).unwrap();
                let observed = surface.pairs.iter().zip(margins).map(|(&(first, second), f)| {
                    let noise: f64 = rng.sample(StandardNormal);
                    MarginObservation { first, second, margin: 4.0 * f + error * noise, weight: 1.0 }
                });
                observed.collect()
            })
            .collect();
        let units: Vec<UnitMargins<'_>> =
            models.iter().map(|observations| UnitMargins { graph: task.graph(), observations }).collect();
        let fit = Hierarchy::of_margins(&ModelSpec::new(LearnerKind::Ridge), &units, &|| {}).unwrap().fit(&|| {});
        let gain = &fit.parameters[2];
        assert!((gain.median / 4.0 - 1.0).abs() < 0.1, "{error}: {gain:?}");
        let alpha = &fit.parameters[0];
        // The one at 0 is in, and stays near 0; the three others keep their values.
        assert!(alpha.units[3].estimate < 0.05 && (alpha.units[1].estimate - 0.25).abs() < 0.08, "{error}: {alpha:?}");
    }
}
