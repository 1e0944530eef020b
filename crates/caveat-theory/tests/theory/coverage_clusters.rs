//! Slow check that 95 % intervals over clusters hold the truth 92 to 98 % of the time: with 2 to 20 seeds or subjects, with noise
//! that every pair or trial has of its own and with noise that a seed or subject shares.
//!
//! `CAVEAT_SIMULATIONS` sets the number of simulations a setting (1,000). The truth is what infinitely many clusters give.

use caveat_theory::inference::{
    ChoiceCount, ChoiceFitter, Interval, MarginFitter, ModelSpec, ObservedTask, margin_intervals, prediction_intervals,
};
use caveat_theory::{LearnerKind, Margins, RidgeModel, TransitiveTask, margins::chain};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

const CLUSTERS: [usize; 5] = [2, 3, 5, 10, 20];

/// Draws behind the truth where it has no closed form: its error is a fourteenth of the standard error with 20 clusters.
const DRAWS: usize = 4_000;

fn simulations() -> u64 {
    std::env::var("CAVEAT_SIMULATIONS").map_or(1_000, |n| n.parse().expect("CAVEAT_SIMULATIONS is a whole number"))
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// A share of probability p with its logit moved by a normal deviate.
fn moved(p: f64, deviation: f64, rng: &mut ChaCha8Rng) -> f64 {
    let odds = p / (1.0 - p) * (deviation * normal(rng)).exp();
    odds / (1.0 + odds)
}

/// Results of all simulations of a setting, each with random numbers of its own.
fn simulate<T: Send>(one: impl Fn(&mut ChaCha8Rng) -> T + Sync) -> Vec<T> {
    let run = |simulation| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        rng.set_stream(simulation);
        one(&mut rng)
    };
    (0..simulations()).into_par_iter().map(run).collect()
}

/// Prints the percentages of a setting and notes those that are not 92 to 98 % up to two standard errors.
fn judge(setting: &str, shares: &[(&str, f64)], failures: &mut Vec<String>) {
    let printed: Vec<String> = shares.iter().map(|(name, share)| format!("{name} {:.1}", 100.0 * share)).collect();
    println!("{setting}: {}", printed.join(", "));
    for (name, share) in shares {
        // Of the share wanted: one that is 1 by chance has no error of its own.
        let error = (0.95_f64 * 0.05 / simulations() as f64).sqrt();
        if share + 2.0 * error < 0.92 || share - 2.0 * error > 0.98 {
            failures.push(format!("{setting}, {name}: {:.1} %", 100.0 * share));
        }
    }
}

fn share(held: impl Iterator<Item = bool>) -> f64 {
    let (mut yes, mut all) = (0.0, 0.0);
    for held in held {
        yes += f64::from(u8::from(held));
        all += 1.0;
    }
    yes / all
}

/// How seeds differ.
#[derive(Debug, Clone, Copy, Default)]
struct Noise {
    /// In every pair, relative to the root mean square of the margins.
    pairs: f64,
    /// In the gain, relative.
    gain: f64,
    /// In logit α.
    conjunctivity: f64,
    /// In the value of every item, a random walk over ranks: a smooth deviation over pairs.
    items: f64,
}

const NOISES: [(&str, Noise); 5] = [
    ("independent", Noise { pairs: 0.2, gain: 0.0, conjunctivity: 0.0, items: 0.0 }),
    ("own gain", Noise { pairs: 0.1, gain: 0.25, conjunctivity: 0.0, items: 0.0 }),
    ("own alpha", Noise { pairs: 0.1, gain: 0.0, conjunctivity: 0.3, items: 0.0 }),
    ("smooth", Noise { pairs: 0.05, gain: 0.0, conjunctivity: 0.0, items: 0.2 }),
    ("all of them", Noise { pairs: 0.1, gain: 0.2, conjunctivity: 0.3, items: 0.1 }),
];

/// α, C and gain.
type Truth = (f64, f64, f64);

fn margins(task: &TransitiveTask, pairs: &[(usize, usize)], (alpha, c, gain): Truth) -> Vec<f64> {
    let s = chain::solve(task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
    pairs.iter().map(|&(i, j)| gain * s.margin(i, j)).collect()
}

/// A population of seeds on a task of nine items.
struct Seeds<'a> {
    task: &'a TransitiveTask,
    pairs: Vec<(usize, usize)>,
    truth: Truth,
    noise: Noise,
    size: f64,
}

impl<'a> Seeds<'a> {
    fn new(task: &'a TransitiveTask, truth: Truth, noise: Noise) -> Self {
        let pairs: Vec<_> = (0..9).flat_map(|i| (i + 1..9).map(move |j| (i, j))).collect();
        let exact = margins(task, &pairs, truth);
        let size = (exact.iter().map(|m| m * m).sum::<f64>() / 36.0).sqrt();
        Self { task, pairs, truth, noise, size }
    }

    fn one(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let (alpha, c, gain) = self.truth;
        let alpha = moved(alpha, self.noise.conjunctivity, rng);
        let own = margins(self.task, &self.pairs, (alpha, c, gain * (1.0 + self.noise.gain * normal(rng))));
        let mut values = [0.0; 9];
        for i in 1..9 {
            values[i] = values[i - 1] + self.noise.items * self.size * normal(rng);
        }
        let noise = |rng: &mut ChaCha8Rng| self.noise.pairs * self.size * normal(rng);
        self.pairs.iter().zip(own).map(|(&(i, j), m)| m + values[i] - values[j] + noise(rng)).collect()
    }

    /// The margins of infinitely many seeds: only their own α bends the mean.
    fn mean(&self) -> Vec<f64> {
        if self.noise.conjunctivity == 0.0 {
            return margins(self.task, &self.pairs, self.truth);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut mean = vec![0.0; 36];
        for _ in 0..DRAWS {
            let alpha = moved(self.truth.0, self.noise.conjunctivity, &mut rng);
            let one = margins(self.task, &self.pairs, (alpha, self.truth.1, self.truth.2));
            mean.iter_mut().zip(one).for_each(|(m, x)| *m += x / DRAWS as f64);
        }
        mean
    }
}

#[test]
#[ignore = "slow: 1,000 simulations for each of 75 settings, about five minutes"]
fn intervals_over_seeds_hold_the_truth() {
    let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
    let mut failures = Vec::new();
    for (name, noise) in NOISES {
        for truth in [(0.25, 5.0, 3.0), (0.15, 2.0, 8.0), (0.05, 10.0, 4.0)] {
            let seeds = Seeds::new(&task, truth, noise);
            let fitter = MarginFitter::new(task.graph(), &seeds.pairs).unwrap();
            let fit = fitter.fit(&seeds.mean()).unwrap();
            let true_values = [
                fit.estimates.conjunctivity,
                fit.estimates.strength,
                fit.estimates.gain,
                fit.estimates.screening,
                fit.estimates.memorization,
            ];
            for count in CLUSTERS {
                let found = simulate(|rng| {
                    let clusters: Vec<_> = (0..count).map(|_| seeds.one(rng)).collect();
                    let mean: Vec<f64> =
                        (0..36).map(|k| clusters.iter().map(|c| c[k]).sum::<f64>() / count as f64).collect();
                    let fit = fitter.fit(&mean).unwrap();
                    let i = margin_intervals(task.graph(), &seeds.pairs, &fit, &clusters, None).unwrap();
                    [
                        i.intervals.conjunctivity,
                        i.intervals.strength,
                        i.intervals.gain,
                        i.intervals.screening,
                        i.intervals.memorization,
                    ]
                    .map(Option::unwrap)
                });
                let held = |k: usize| share(found.iter().map(|i| (i[k].low..=i[k].high).contains(&true_values[k])));
                let shares: Vec<_> = ["alpha", "C", "gain", "mu", "m"]
                    .into_iter()
                    .enumerate()
                    .map(|(k, name)| (name, held(k)))
                    .collect();
                judge(&format!("{name}, {truth:?}, {count} seeds"), &shares, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How subjects differ.
#[derive(Debug, Clone, Copy)]
struct People {
    truth: Truth,
    lapse: f64,
    bias: f64,
    /// Standard deviations of log gain, logit α, bias and logit lapse.
    spread: [f64; 4],
}

impl People {
    /// One subject's probabilities of choosing the first.
    fn one(&self, task: &TransitiveTask, pairs: &[(usize, usize)], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let (alpha, c, gain) = self.truth;
        let alpha = moved(alpha, self.spread[1], rng);
        let own = margins(task, pairs, (alpha, c, gain * (self.spread[0] * normal(rng)).exp()));
        let bias = if self.lapse > 0.0 { self.bias + self.spread[2] * normal(rng) } else { 0.0 };
        let lapse = if self.lapse > 0.0 { moved(self.lapse, self.spread[3], rng).min(0.5) } else { 0.0 };
        own.iter().map(|m| 0.5 * lapse + (1.0 - lapse) / (1.0 + (-(m + bias)).exp())).collect()
    }
}

#[test]
#[ignore = "slow: 1,000 simulations for each of 60 settings, about ten minutes"]
fn intervals_over_subjects_hold_the_truth() {
    let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
    let pairs: Vec<_> = (0..49).map(|k| (k / 7, k % 7)).filter(|(i, j)| i != j).collect();
    let mut failures = Vec::new();
    for (name, spread) in [("alike", [0.0; 4]), ("own gain", [0.25, 0.0, 0.0, 0.0]), ("all own", [0.25, 0.3, 0.3, 0.4])]
    {
        for (lapse, bias) in [(0.0, 0.0), (0.1, 0.3)] {
            let people = People { truth: (0.25, 4.0, 4.0), lapse, bias, spread };
            let mut spec = ModelSpec::new(LearnerKind::Ridge);
            if lapse > 0.0 {
                spec = spec.with_lapse().with_position_bias();
            }
            let fitter = ChoiceFitter::new(task.graph(), &spec, &pairs).unwrap();
            let counts = |chosen: Vec<f64>, trials: f64| -> Vec<ChoiceCount> {
                let one = |(&(first, second), first_chosen)| ChoiceCount { first, second, first_chosen, trials };
                pairs.iter().zip(chosen).map(one).collect()
            };
            let mut mean = vec![0.0; pairs.len()];
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            for _ in 0..DRAWS {
                let one = people.one(&task, &pairs, &mut rng);
                mean.iter_mut().zip(one).for_each(|(m, p)| *m += p / DRAWS as f64);
            }
            let e = fitter.fit(&[counts(mean, 1.0)]).unwrap().estimates;
            let true_values = [e.conjunctivity, e.strength, e.gain, e.lapse, e.position_bias];
            for trials in [8_u32, 30] {
                for count in CLUSTERS {
                    let found: Vec<[Option<Interval>; 5]> = simulate(|rng| {
                        let clusters: Vec<_> = (0..count)
                            .map(|_| {
                                let p = people.one(&task, &pairs, rng);
                                let draw = |p: f64| (0..trials).filter(|_| rng.random::<f64>() < p).count() as f64;
                                counts(p.into_iter().map(draw).collect(), f64::from(trials))
                            })
                            .collect();
                        let fit = fitter.fit(&clusters).unwrap();
                        let i = fitter.cluster_intervals(&fit, &clusters).unwrap();
                        [
                            i.intervals.conjunctivity,
                            i.intervals.strength,
                            i.intervals.gain,
                            i.intervals.lapse,
                            i.intervals.position_bias,
                        ]
                    });
                    let shares: Vec<_> = ["alpha", "C", "gain", "lapse", "bias"]
                        .into_iter()
                        .enumerate()
                        .filter(|(k, _)| found[0][*k].is_some())
                        .map(|(k, name)| {
                            let holds = |i: Interval| (i.low..=i.high).contains(&true_values[k]);
                            (name, share(found.iter().map(|i| i[k].is_some_and(holds))))
                        })
                        .collect();
                    judge(&format!("{name}, lapse {lapse}, {trials} trials, {count} subjects"), &shares, &mut failures);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Means over pairs of the shares of intervals that hold the true mean margin, and an observed mean over as many seeds.
#[test]
#[ignore = "slow: 1,000 simulations for each of 50 settings, about three minutes"]
fn prediction_intervals_hold_the_truth() {
    let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(9, &[(5, 3)]).unwrap());
    let mut failures = Vec::new();
    for (name, noise) in NOISES {
        for truth in [(0.25, 5.0, 3.0), (0.15, 2.0, 8.0)] {
            let (source, target) = (Seeds::new(&plain, truth, noise), Seeds::new(&task, truth, noise));
            let fitter = MarginFitter::new(plain.graph(), &source.pairs).unwrap();
            let mean = target.mean();
            for count in CLUSTERS {
                let found: Vec<[f64; 2]> = simulate(|rng| {
                    let seeds: Vec<_> = (0..count).map(|_| source.one(rng)).collect();
                    let mut observed = vec![0.0; 36];
                    for _ in 0..count {
                        observed.iter_mut().zip(target.one(rng)).for_each(|(o, m)| *o += m / count as f64);
                    }
                    let to = ObservedTask { graph: task.graph(), pairs: &target.pairs };
                    let p = prediction_intervals(&fitter, &[&seeds], &to, &observed, 400, 1).unwrap();
                    let held = p.theory.iter().zip(&mean).map(|(i, m)| (i.low..=i.high).contains(m));
                    [share(held), p.coverage]
                });
                let average = |k: usize| found.iter().map(|f| f[k]).sum::<f64>() / found.len() as f64;
                let shares = [("theory", average(0)), ("observation", average(1))];
                judge(&format!("{name}, {truth:?}, {count} seeds"), &shares, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
