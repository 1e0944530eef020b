//! Coverage of 95 % intervals over clusters, by simulation, with few clusters and with noise that a cluster shares.
//!
//! `CAVEAT_SIMULATIONS` sets the number of simulations a setting.

use caveat_theory::inference::{
    ChoiceCount, ChoiceFitter, Family, MarginFitter, MarginModelFitter, MarginObservation, ModelSpec,
};
use caveat_theory::{Margins, RidgeModel, TransitiveTask, margins::chain};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

fn simulations() -> u64 {
    std::env::var("CAVEAT_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// How seeds differ.
#[derive(Debug, Clone, Copy)]
struct Noise {
    /// Of every pair, relative to the root mean square of the margins.
    pair: f64,
    /// Of log gain.
    gain: f64,
    /// Of logit α.
    alpha: f64,
    /// Of a value of every item, a random walk over ranks.
    items: f64,
}

fn margins(task: &TransitiveTask, pairs: &[(usize, usize)], (a, c, gain): (f64, f64, f64)) -> Vec<f64> {
    let s = chain::solve(task, &RidgeModel::new(a, c).unwrap()).unwrap();
    pairs.iter().map(|&(i, j)| gain * s.margin(i, j)).collect()
}

fn seed_margins(
    task: &TransitiveTask,
    pairs: &[(usize, usize)],
    truth: (f64, f64, f64),
    size: f64,
    noise: &Noise,
    rng: &mut ChaCha8Rng,
) -> Vec<f64> {
    let odds = truth.0 / (1.0 - truth.0) * (noise.alpha * normal(rng)).exp();
    let gain = truth.2 * (1.0 + noise.gain * normal(rng));
    let own = margins(task, pairs, (odds / (1.0 + odds), truth.1, gain));
    let mut walk = vec![0.0; task.n_items()];
    for i in 1..walk.len() {
        walk[i] = walk[i - 1] + noise.items * size * normal(rng);
    }
    pairs.iter().zip(own).map(|(&(i, j), m)| m + walk[i] - walk[j] + noise.pair * size * normal(rng)).collect()
}

#[test]
fn margins_hold() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let pairs: Vec<_> = (0..9).flat_map(|i| (i + 1..9).map(move |j| (i, j))).collect();
    let fitter = MarginFitter::new(task.graph(), &pairs).unwrap();
    let spec = ModelSpec::new(Family::Ridge);
    let general = MarginModelFitter::new(task.graph(), &spec, &pairs).unwrap();
    let observe = |m: &Vec<f64>| -> Vec<MarginObservation> {
        pairs
            .iter()
            .zip(m)
            .map(|(&(first, second), &margin)| MarginObservation { first, second, margin, weight: 1.0 })
            .collect()
    };
    let quiet = Noise { pair: 0.0, gain: 0.0, alpha: 0.0, items: 0.0 };
    for (name, noise) in [
        ("pairs 0.1", Noise { pair: 0.1, ..quiet }),
        ("pairs 0.4", Noise { pair: 0.4, ..quiet }),
        ("gain", Noise { pair: 0.1, gain: 0.3, ..quiet }),
        ("alpha", Noise { pair: 0.05, alpha: 0.5, ..quiet }),
        ("items 0.3", Noise { pair: 0.05, items: 0.3, ..quiet }),
        ("all", Noise { pair: 0.1, gain: 0.2, alpha: 0.3, items: 0.1 }),
    ] {
        for truth in [(0.25, 5.0, 3.0), (0.15, 2.0, 8.0), (0.02, 20.0, 4.0), (0.0, 5.0, 3.0), (0.2, f64::INFINITY, 3.0)]
        {
            let exact = margins(&task, &pairs, truth);
            let size = (exact.iter().map(|m| m * m).sum::<f64>() / 36.0).sqrt();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut mean = exact.clone();
            if noise.alpha > 0.0 {
                mean.fill(0.0);
                for _ in 0..4000 {
                    let alone = Noise { alpha: noise.alpha, ..quiet };
                    for (m, x) in mean.iter_mut().zip(seed_margins(&task, &pairs, truth, size, &alone, &mut rng)) {
                        *m += x / 4000.0;
                    }
                }
            }
            let pseudo = fitter.fit(&mean).unwrap();
            let values = [pseudo.conjunctivity, pseudo.c, pseudo.gain, pseudo.screening, pseudo.memorization];
            for k in [2, 3, 5, 10, 20] {
                let found: Vec<_> = (0..simulations())
                    .into_par_iter()
                    .map(|s| {
                        let mut rng = ChaCha8Rng::seed_from_u64(7);
                        rng.set_stream(s);
                        let clusters: Vec<_> = (0..k)
                            .map(|_| observe(&seed_margins(&task, &pairs, truth, size, &noise, &mut rng)))
                            .collect();
                        let fit = general.fit(&clusters).unwrap();
                        let i = general.cluster_intervals(&fit, &clusters).unwrap();
                        [i.conjunctivity, i.strength, i.gain, i.screening, i.memorization].map(|i| i.unwrap())
                    })
                    .collect();
                let shares: Vec<String> = (0..5)
                    .map(|p| {
                        let share = |f: &dyn Fn(f64, f64) -> bool| {
                            100.0 * found.iter().filter(|t| f(t[p].low, t[p].high)).count() as f64 / found.len() as f64
                        };
                        let mut w: Vec<f64> = found.iter().map(|t| t[p].high - t[p].low).collect();
                        w.sort_by(f64::total_cmp);
                        let slack = 1e-6 * values[p];
                        format!(
                            "{:.1} ({:.1} {:.1}; {:.2})",
                            share(&|l, h| l <= values[p] + slack && h >= values[p] - slack),
                            share(&|_, h| h < values[p] - slack),
                            share(&|l, _| l > values[p] + slack),
                            w[w.len() / 2]
                        )
                    })
                    .collect();
                println!("{name:10} {truth:?} K {k:2}: {}", shares.join("  "));
            }
        }
    }
}

#[test]
fn choices_hold() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs: Vec<_> = (0..49).map(|k| (k / 7, k % 7)).filter(|(i, j)| i != j).collect();
    // Of log gain, logit α, bias, logit lapse.
    for (name, spread) in [("same", [0.0; 4]), ("gain", [0.4, 0.0, 0.0, 0.0]), ("all", [0.3, 0.5, 0.3, 0.4])] {
        for (alpha, c, gain, lapse, bias) in
            [(0.25, 4.0, 4.0, 0.0, 0.0), (0.25, 4.0, 4.0, 0.1, 0.3), (0.03, 10.0, 4.0, 0.0, 0.0)]
        {
            for trials in [6u32, 30] {
                let mut spec = ModelSpec::new(Family::Ridge);
                if lapse > 0.0 {
                    spec = spec.with_lapse().with_position_bias();
                }
                let fitter = ChoiceFitter::new(task.graph(), &spec, &pairs).unwrap();
                let person = |rng: &mut ChaCha8Rng| -> Vec<f64> {
                    let odds = alpha / (1.0 - alpha) * (spread[1] * normal(rng)).exp();
                    let m = margins(&task, &pairs, (odds / (1.0 + odds), c, gain * (spread[0] * normal(rng)).exp()));
                    let b = if lapse > 0.0 { bias + spread[2] * normal(rng) } else { 0.0 };
                    let l = if lapse > 0.0 {
                        let o = lapse / (1.0 - lapse) * (spread[3] * normal(rng)).exp();
                        (o / (1.0 + o)).min(0.5)
                    } else {
                        0.0
                    };
                    m.iter().map(|m| 0.5 * l + (1.0 - l) / (1.0 + (-(m + b)).exp())).collect()
                };
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                let mut mean = vec![0.0; pairs.len()];
                let n = if spread == [0.0; 4] { 1 } else { 4000 };
                for _ in 0..n {
                    for (m, p) in mean.iter_mut().zip(person(&mut rng)) {
                        *m += p / n as f64;
                    }
                }
                let count = |p: &[f64], trials: f64| -> Vec<ChoiceCount> {
                    pairs
                        .iter()
                        .zip(p)
                        .map(|(&(first, second), &p)| ChoiceCount { first, second, first_chosen: p * trials, trials })
                        .collect()
                };
                let e = fitter.fit(&[count(&mean, 1.0)]).unwrap().estimates;
                let values = [e.conjunctivity, e.strength, e.gain, e.lapse, e.position_bias];
                for k in [2, 3, 5, 10, 20] {
                    let found: Vec<_> = (0..simulations())
                        .into_par_iter()
                        .map(|s| {
                            let mut rng = ChaCha8Rng::seed_from_u64(7);
                            rng.set_stream(s);
                            let clusters: Vec<_> = (0..k)
                                .map(|_| {
                                    let p = person(&mut rng);
                                    let mut counts = count(&p, f64::from(trials));
                                    for (c, p) in counts.iter_mut().zip(p) {
                                        c.first_chosen = (0..trials).filter(|_| rng.random::<f64>() < p).count() as f64;
                                    }
                                    counts
                                })
                                .collect();
                            let fit = fitter.fit(&clusters).unwrap();
                            let i = fitter.cluster_intervals(&fit, &clusters).unwrap();
                            [i.conjunctivity, i.strength, i.gain, i.lapse, i.position_bias]
                        })
                        .collect();
                    let shares: Vec<String> = (0..5)
                        .filter(|&p| found[0][p].is_some())
                        .map(|p| {
                            let share = |f: &dyn Fn(f64, f64) -> bool| {
                                100.0
                                    * found
                                        .iter()
                                        .filter(|t| {
                                            let t = t[p].unwrap();
                                            f(t.low, t.high)
                                        })
                                        .count() as f64
                                    / found.len() as f64
                            };
                            let mut w: Vec<f64> =
                                found.iter().map(|t| t[p].unwrap().high - t[p].unwrap().low).collect();
                            w.sort_by(f64::total_cmp);
                            format!(
                                "{:.1} ({:.1} {:.1}; {:.2})",
                                share(&|l, h| l <= values[p] && h >= values[p]),
                                share(&|_, h| h < values[p]),
                                share(&|l, _| l > values[p]),
                                w[w.len() / 2]
                            )
                        })
                        .collect();
                    println!("{name:6} {alpha} {c} {lapse} trials {trials:2} K {k:2}: {}", shares.join("  "));
                }
            }
        }
    }
}
