//! Tests of geometry: known representations, direct averages, rotations, an independent regression, files, degenerate states.

use std::fs;

use burn::tensor::{DType, Device, TensorData};
use caveat_results::read_matrix;
use caveat_theory::RidgeModel;
use caveat_theory::margins::{Margins, chain};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::*;
use crate::stimuli::{CustomItems, ItemSet, Prompt, StimulusSettings};

fn stimuli(n_items: usize, exceptions: &[(usize, usize)]) -> Stimuli {
    StimulusSettings { n_items, exceptions: exceptions.to_vec(), ..StimulusSettings::default() }.build().unwrap()
}

/// States in the order of the prompts, in double precision.
fn states(stimuli: &Stimuli, mut of: impl FnMut(&Prompt) -> Vec<f64>) -> Tensor<2> {
    let rows: Vec<Vec<f64>> = stimuli.prompts.iter().map(&mut of).collect();
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), (&Device::flex(), DType::F64))
}

/// Squared lengths of the parts of an exchangeable representation.
#[derive(Clone, Copy)]
struct Parts {
    shared: f64,
    first: f64,
    second: f64,
    either: f64,
    conjunctive: f64,
    symmetric: f64,
}

const PARTS: Parts = Parts { shared: 40.0, first: 0.7, second: 1.6, either: 0.4, conjunctive: 0.9, symmetric: 0.3 };

impl Parts {
    /// What all pairs share, the item in first and in second position, in either, the ordered pair and the unordered one.
    fn state(self, n: usize, i: usize, j: usize) -> Vec<f64> {
        let mut state = vec![0.0; 1 + 3 * n + 2 * n * n];
        state[0] = self.shared.sqrt();
        state[1 + i] = self.first.sqrt();
        state[1 + n + j] = self.second.sqrt();
        state[1 + 2 * n + i] += self.either.sqrt();
        state[1 + 2 * n + j] += self.either.sqrt();
        state[1 + 3 * n + i * n + j] = self.conjunctive.sqrt();
        state[1 + 3 * n + n * n + i.min(j) * n + i.max(j)] = self.symmetric.sqrt();
        state
    }

    fn orbits(self) -> [f64; 6] {
        let Self { shared, first, second, either, conjunctive, symmetric } = self;
        [
            shared + first + second + 2.0 * either + conjunctive + symmetric,
            shared + 2.0 * either + symmetric,
            shared + first + either,
            shared + second + either,
            shared + either,
            shared,
        ]
    }

    fn conjunctivity(self) -> f64 {
        self.conjunctive / (self.first + self.second + self.conjunctive)
    }
}

fn noise(stimuli: &Stimuli, width: usize, seed: u64) -> Tensor<2> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let common: Vec<f64> = (0..width).map(|_| rng.random_range(-2.0..2.0)).collect();
    states(stimuli, |_| common.iter().map(|c| c + rng.random_range(-1.0..1.0)).collect())
}

fn logit_diffs(stimuli: &Stimuli, margin: impl Fn(usize, usize) -> f64, bias: f64) -> Vec<f64> {
    stimuli.prompts.iter().map(|p| bias + margin(p.rank_a, p.rank_b)).collect()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs().max(1.0)
}

#[test]
fn a_known_exchangeable_representation_gives_its_orbits_and_conjunctivity_back() {
    for n in [3, 4, 9] {
        let stimuli = stimuli(n, &[]);
        let states = states(&stimuli, |p| PARTS.state(n, p.rank_a, p.rank_b));
        let found = geometry(&[(Phase::Pre, &states)], &stimuli, None).unwrap();
        assert_eq!((found.n_items, found.pairs.len(), found.kernels.len()), (n, n * (n - 1) / 2, 2));
        let scale = PARTS.orbits()[0];
        for (kernel, unit) in found.kernels.iter().zip([scale, 1.0]) {
            let projection = kernel.projection.as_ref().unwrap();
            assert!(close(projection.conjunctivity, PARTS.conjunctivity(), 1e-12), "{projection:?}");
            // Every state has the same length, so cosines are inner products in another unit. Three items have no disjoint pairs.
            let known = if n == 3 { 5 } else { 6 };
            for (found, expected) in projection.kernel.orbits().iter().zip(PARTS.orbits()).take(known) {
                assert!(close(*found, expected / unit, 1e-13), "{found} {expected}");
            }
            assert!(close(projection.variance_explained, 1.0, 1e-12));
            assert!(close(kernel.antisymmetric_variance_explained.unwrap(), 1.0, 1e-12));
            assert_eq!((&kernel.undefined, &kernel.predictions), (&None, &None));
        }
        assert_eq!([found.kernels[0].metric, found.kernels[1].metric], Metric::ALL);
    }
}

#[test]
fn orbit_values_are_averages_of_similarities_computed_one_by_one() {
    let (n, width) = (6, 13);
    let stimuli = stimuli(n, &[(4, 2)]);
    let states = noise(&stimuli, width, 3);
    let found = geometry(&[(Phase::Post, &states)], &stimuli, None).unwrap();
    let rows: Vec<f64> = states.into_data().try_into_vec().unwrap();
    let row = |k: usize| &rows[k * width..(k + 1) * width];
    let inner = |a: usize, b: usize| -> f64 { row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum() };
    for (kernel, metric) in found.kernels.iter().zip(Metric::ALL) {
        let (mut sums, mut counts) = ([0.0; 6], [0.0; 6]);
        for (a, p) in stimuli.prompts.iter().enumerate() {
            for (b, q) in stimuli.prompts.iter().enumerate() {
                let shared = (p.rank_a == q.rank_a, p.rank_b == q.rank_b);
                let crossed = (p.rank_a == q.rank_b, p.rank_b == q.rank_a);
                let orbit = match (shared, crossed) {
                    ((true, true), _) => 0,
                    (_, (true, true)) => 1,
                    ((true, false), _) => 2,
                    ((false, true), _) => 3,
                    (_, (true, false) | (false, true)) => 4,
                    _ => 5,
                };
                let similarity = match metric {
                    Metric::Dot => inner(a, b),
                    Metric::Cosine => inner(a, b) / (inner(a, a) * inner(b, b)).sqrt(),
                };
                sums[orbit] += similarity;
                counts[orbit] += 1.0;
            }
        }
        let projection = kernel.projection.as_ref().unwrap();
        for (k, found) in projection.kernel.orbits().into_iter().enumerate() {
            assert!(close(found, sums[k] / counts[k], 1e-12), "{metric} orbit {k}: {found} {}", sums[k] / counts[k]);
        }
        let share = kernel.antisymmetric_variance_explained.unwrap();
        assert!((0.0..1.0).contains(&projection.variance_explained) && (0.0..1.0).contains(&share));
    }
}

#[test]
fn the_antisymmetric_share_is_that_of_the_differences_of_both_orders() {
    let n = 5;
    let stimuli = stimuli(n, &[]);
    let original = noise(&stimuli, 9, 11);
    let rows: Vec<f64> = original.clone().into_data().try_into_vec().unwrap();
    let at = |i: usize, j: usize| stimuli.prompts.iter().position(|p| (p.rank_a, p.rank_b) == (i, j)).unwrap();
    let row = |k: usize| rows[9 * k..9 * (k + 1)].to_vec();
    let differences = states(&stimuli, |p| {
        let (this, other) = (row(at(p.rank_a, p.rank_b)), row(at(p.rank_b, p.rank_a)));
        this.iter().zip(other).map(|(x, y)| x - y).collect()
    });
    let dot = |states: &Tensor<2>| geometry(&[(Phase::Pre, states)], &stimuli, None).unwrap().kernels[1].clone();
    let (found, expected) = (dot(&original), dot(&differences));
    let expected_projection = expected.projection.unwrap();
    assert!(close(found.antisymmetric_variance_explained.unwrap(), expected_projection.variance_explained, 1e-12));
    // Antisymmetric features have the conjunctivity of the whole.
    assert!(close(found.projection.unwrap().conjunctivity, expected_projection.conjunctivity, 1e-11));
}

#[test]
fn a_rotation_and_what_all_states_share_change_neither_geometry_nor_predictions() {
    let (n, width) = (7, 10);
    let stimuli = stimuli(n, &[(5, 2)]);
    let original = noise(&stimuli, width, 5);
    let rows: Vec<f64> = original.clone().into_data().try_into_vec().unwrap();
    let mut rng = ChaCha12Rng::seed_from_u64(6);
    let mirrors: Vec<Vec<f64>> = (0..4).map(|_| (0..width).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
    let shift: Vec<f64> = (0..width).map(|_| rng.random_range(-30.0..30.0)).collect();
    let changed = |shifted: bool| {
        let mut k = 0;
        states(&stimuli, |_| {
            let mut x = rows[k * width..(k + 1) * width].to_vec();
            k += 1;
            for mirror in &mirrors {
                let factor = 2.0 * dot(&x, mirror) / dot(mirror, mirror);
                x.iter_mut().zip(mirror).for_each(|(x, m)| *x -= factor * m);
            }
            if shifted {
                x.iter_mut().zip(&shift).for_each(|(x, s)| *x += s);
            }
            x
        })
    };
    let observed = logit_diffs(&stimuli, |a, b| (b as f64 - a as f64) + ((3 * a + 5 * b) as f64).sin(), 1.0);
    let all = |states: &Tensor<2>| geometry(&[(Phase::Post, states)], &stimuli, Some(&observed)).unwrap().kernels;
    let reference = all(&original);
    // A shift changes cosines, and orbit values of inner products, but nothing else under the inner product.
    for (found, metrics) in [(all(&changed(false)), 0..2), (all(&changed(true)), 1..2)] {
        for metric in metrics {
            let (a, b) = (&found[metric], &reference[metric]);
            let (x, y) = (a.projection.as_ref().unwrap(), b.projection.as_ref().unwrap());
            assert!(close(x.conjunctivity, y.conjunctivity, 1e-10));
            assert!(close(x.variance_explained, y.variance_explained, 1e-10));
            assert!(close(
                a.antisymmetric_variance_explained.unwrap(),
                b.antisymmetric_variance_explained.unwrap(),
                1e-10
            ));
            let (p, q) = (a.predictions.as_ref().unwrap(), b.predictions.as_ref().unwrap());
            for (p, q) in [(&p.exchangeable, &q.exchangeable), (&p.measured, &q.measured)] {
                assert!(
                    close(p.r_squared, q.r_squared, 1e-9) && close(p.correlation, q.correlation, 1e-9),
                    "{p:?} {q:?}"
                );
                for (f, g) in p.margins.iter().zip(&q.margins) {
                    // The ridge is found to the square root of rounding.
                    assert!(close(*f, *g, 1e-5), "{f} {g}");
                }
            }
        }
    }
}

#[test]
fn margins_of_the_theory_are_predicted_by_its_kernel_with_the_strength_they_were_made_with() {
    let (n, c, gain) = (9, 6.0, 3.5);
    let stimuli = stimuli(n, &[(5, 3)]);
    let symmetric = Parts { second: PARTS.first, ..PARTS };
    let states = states(&stimuli, |p| symmetric.state(n, p.rank_a, p.rank_b));
    let task = TransitiveTask::new(n, &[(5, 3)]).unwrap();
    let solution = chain::solve(&task, &RidgeModel::new(symmetric.conjunctivity(), c).unwrap()).unwrap();
    let observed = logit_diffs(&stimuli, |a, b| gain * solution.margin(a, b), -2.0);
    let found = geometry(&[(Phase::Post, &states)], &stimuli, Some(&observed)).unwrap();
    let behavior = found.behavior.as_ref().unwrap();
    assert!(
        close(behavior.conjunctivity, symmetric.conjunctivity(), 1e-5) && close(behavior.c, c, 1e-4),
        "{behavior:?}"
    );
    for kernel in &found.kernels {
        let predictions = kernel.predictions.as_ref().unwrap();
        for prediction in [&predictions.exchangeable, &predictions.measured] {
            assert!(close(prediction.c, c, 1e-4) && close(prediction.gain, gain, 1e-4), "{prediction:?}");
            assert!(prediction.r_squared > 1.0 - 1e-10 && prediction.correlation > 1.0 - 1e-10);
            for (pair, margin) in found.pairs.iter().zip(&prediction.margins) {
                assert!(close(*margin, gain * solution.margin(pair.rank_a, pair.rank_b), 1e-5));
                assert!(close(pair.margin.unwrap(), gain * solution.margin(pair.rank_a, pair.rank_b), 1e-12));
            }
        }
    }
    let trained = found.pairs.iter().filter(|p| p.is_train).count();
    let open = found.pairs.iter().filter(|p| p.no_gt).count();
    // Between ranks 3 and 5 everything is trained.
    assert_eq!((trained, open, found.pairs.iter().filter(|p| p.is_exception).count()), (9, 0, 1));
}

/// Solves a linear system by elimination with pivots.
fn solve(mut system: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&a, &b| system[a][k].abs().total_cmp(&system[b][k].abs())).unwrap();
        system.swap(k, pivot);
        right.swap(k, pivot);
        for r in k + 1..n {
            let factor = system[r][k] / system[k][k];
            let pivot = system[k].clone();
            system[r][k..].iter_mut().zip(&pivot[k..]).for_each(|(entry, pivot)| *entry -= factor * pivot);
            right[r] -= factor * right[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|c| system[k][c] * right[c]).sum();
        right[k] = (right[k] - known) / system[k][k];
    }
    right
}

#[test]
fn the_measured_kernel_predicts_what_ridge_regression_on_the_states_with_an_intercept_does() {
    let (n, width) = (6, 8);
    let stimuli = stimuli(n, &[(4, 1)]);
    let tensor = noise(&stimuli, width, 21);
    let rows: Vec<f64> = tensor.clone().into_data().try_into_vec().unwrap();
    let observed = logit_diffs(&stimuli, |a, b| 2.0 * (b as f64 - a as f64) + ((a + 4 * b) as f64).cos(), 0.3);
    let found = geometry(&[(Phase::Pre, &tensor)], &stimuli, Some(&observed)).unwrap();
    let prediction = &found.kernels[1].predictions.as_ref().unwrap().measured;
    assert_eq!(prediction.limit, None, "the ridge is inside its range");
    // Normal equations of Σ (w·x + b − y)² + ridge·|w|², the intercept last.
    let mut system = vec![vec![0.0; width + 1]; width + 1];
    let mut right = vec![0.0; width + 1];
    let with_one = |k: usize| [&rows[k * width..(k + 1) * width], &[1.0]].concat();
    for (k, prompt) in stimuli.prompts.iter().enumerate().filter(|(_, p)| p.is_train) {
        let (x, y) = (with_one(k), if prompt.label == Some(crate::stimuli::Answer::Yes) { 1.0 } else { -1.0 });
        for a in 0..=width {
            (0..=width).for_each(|b| system[a][b] += x[a] * x[b]);
            right[a] += x[a] * y;
        }
    }
    (0..width).for_each(|a| system[a][a] += prediction.ridge);
    let weights = solve(system, right);
    let at = |i: usize, j: usize| stimuli.prompts.iter().position(|p| (p.rank_a, p.rank_b) == (i, j)).unwrap();
    let output = |i: usize, j: usize| -> f64 { with_one(at(i, j)).iter().zip(&weights).map(|(x, w)| x * w).sum() };
    for (pair, margin) in found.pairs.iter().zip(&prediction.margins) {
        let (a, b) = (pair.rank_a, pair.rank_b);
        let expected = 0.5 * prediction.gain * (output(a, b) - output(b, a));
        assert!(close(*margin, expected, 1e-9), "{a} {b}: {margin} {expected}");
    }
}

#[test]
fn cosines_do_not_depend_on_lengths() {
    let stimuli = stimuli(5, &[]);
    let original = noise(&stimuli, 6, 9);
    let rows: Vec<f64> = original.clone().into_data().try_into_vec().unwrap();
    let mut k = 0;
    let stretched = states(&stimuli, |_| {
        k += 1;
        rows[6 * (k - 1)..6 * k].iter().map(|x| x * 10f64.powi(k as i32 * 13 % 300 - 150)).collect()
    });
    let cosine = |states: &Tensor<2>| geometry(&[(Phase::Pre, states)], &stimuli, None).unwrap().kernels.swap_remove(0);
    let (a, b) = (cosine(&original).projection.unwrap(), cosine(&stretched).projection.unwrap());
    assert!(close(a.conjunctivity, b.conjunctivity, 1e-12) && close(a.variance_explained, b.variance_explained, 1e-12));
}

#[test]
fn states_without_a_projection_are_described_as_such_and_leave_no_number_that_is_none() {
    let four = stimuli(4, &[]);
    let observed = logit_diffs(&four, |a, b| b as f64 - a as f64, 0.0);
    let equal = states(&four, |_| vec![1.0, 2.0, 3.0]);
    let position_blind = states(&four, |p| vec![1.0, (p.rank_a + p.rank_b) as f64, (p.rank_a * p.rank_b) as f64]);
    let with_zero = states(&four, |p| {
        PARTS.state(4, p.rank_a, p.rank_b).iter().map(|x| x * f64::from((p.rank_a, p.rank_b) != (1, 2))).collect()
    });
    let two = stimuli(2, &[]);
    let two_states = states(&two, |p| PARTS.state(2, p.rank_a, p.rank_b));
    for (stimuli, states, undefined, says) in [
        (&four, &equal, [true, true], "κ_id − κ_flip"),
        (&four, &position_blind, [true, true], "κ_id − κ_flip"),
        (&four, &with_zero, [true, false], "has no direction"),
        (&two, &two_states, [true, true], "at least 3 items"),
    ] {
        let observed = if stimuli.prompts.len() == 12 { observed.as_slice() } else { &[1.0, -1.0] };
        let found = geometry(&[(Phase::Post, states)], stimuli, Some(observed)).unwrap();
        for (kernel, undefined) in found.kernels.iter().zip(undefined) {
            assert_eq!(kernel.undefined.is_some(), undefined, "{kernel:?}");
            assert_eq!(kernel.projection.is_none() && kernel.predictions.is_none(), undefined);
            if let Some(reason) = &kernel.undefined {
                assert!(reason.contains(says) && !reason.contains('\n'), "{reason}");
            }
        }
        let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
        assert_eq!(json["kernels"][0]["projection"], serde_json::Value::Null);
        assert!(found.behavior.as_ref().unwrap().r_squared > 0.9);
        assert_eq!(found.table().unwrap().render(caveat_results::Format::Csv).unwrap().lines().count(), 4);
    }
}

#[test]
fn no_signal_is_null_in_json() {
    let four = stimuli(4, &[]);
    let states = states(&four, |p| PARTS.state(4, p.rank_a, p.rank_b));
    let wrong = logit_diffs(&four, |a, b| a as f64 - b as f64, 0.0);
    let found = geometry(&[(Phase::Post, &states)], &four, Some(&wrong)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
    let prediction = &json["kernels"][1]["predictions"]["measured"];
    assert_eq!(prediction["limit"], "no_signal");
    assert_eq!((&prediction["gain"], &prediction["c"]), (&serde_json::json!(0.0), &serde_json::Value::Null));
    assert_eq!(json["behavior"]["conjunctivity"], serde_json::Value::Null);
}

#[test]
fn what_does_not_fit_the_prompts_is_refused_in_one_line() {
    let four = stimuli(4, &[]);
    let good = noise(&four, 5, 1);
    let observed = vec![0.0; 12];
    let refusal = |states: &Tensor<2>, stimuli: &Stimuli, observed: &[f64]| {
        let message = geometry(&[(Phase::Pre, states)], stimuli, Some(observed)).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    };
    assert!(
        refusal(&good.clone().narrow(0, 0, 11), &four, &observed).contains("11 × 5: expected one for each of the 12")
    );
    assert!(refusal(&good, &four, &observed[1..]).contains("11 logit differences"));
    let mut bad = observed.clone();
    bad[7] = f64::NAN;
    assert!(refusal(&good, &four, &bad).contains("is NaN: all must be finite"));
    let infinite = states(&four, |p| vec![1.0, if p.rank_a == 3 { f64::INFINITY } else { p.rank_b as f64 }]);
    let message = refusal(&infinite, &four, &observed);
    assert!(message.contains("has inf at number 1") && message.contains(&four.hierarchy[3]), "{message}");
    let mut fewer = four.clone();
    fewer.prompts.pop();
    assert!(refusal(&good, &fewer, &observed).contains("not those of all ordered pairs of 4 items"));
    let names = (0..=MAX_ITEMS + 2).map(|k| format!("item {k}")).collect();
    let item_set = ItemSet::Custom(CustomItems::new("many", names, true).unwrap());
    let many = StimulusSettings { item_set, n_items: MAX_ITEMS + 1, ..StimulusSettings::default() }.build().unwrap();
    assert!(refusal(&good, &many, &observed).contains("101 items"));
}

#[test]
fn written_matrices_are_read_as_kernels_and_say_what_their_rows_are() {
    let n = 5;
    let stimuli = stimuli(n, &[(3, 1)]);
    let (before, after) = (noise(&stimuli, 7, 1), noise(&stimuli, 7, 2));
    let phases = [(Phase::Pre, &before), (Phase::Post, &after)];
    let directory = tempfile::tempdir().unwrap();
    write_similarities(directory.path(), &phases, &stimuli).unwrap();
    let found = geometry(&phases, &stimuli, None).unwrap();
    write_geometry(directory.path(), &found).unwrap();
    let names =
        ["rep_sim_pre.npy", "rep_sim_pre_dot.npy", "rep_sim_post.npy", "rep_sim_post_dot.npy", "rep_sim_meta.json"];
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), names.len() + 1);
    let files = names.map(|name| directory.path().join(name));
    let path = directory.path().join("geometry.json");
    for (file, kernel) in files.iter().zip(&found.kernels) {
        let (matrix, side) = read_matrix(file).unwrap();
        assert_eq!(side, n * (n - 1));
        assert_eq!(MeasuredKernel::project_square(&matrix).unwrap(), kernel.projection.clone().unwrap());
    }
    let json =
        |path: &std::path::Path| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let meta = json(&files[4]);
    assert_eq!((&meta["metric"], &meta["n_items"]), (&serde_json::json!("cosine"), &serde_json::json!(5)));
    assert_eq!(meta["files"][1], serde_json::json!({"file": "rep_sim_pre_dot.npy", "phase": "pre", "metric": "dot"}));
    let rows = meta["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    let names = |rank: usize| stimuli.hierarchy[rank].as_str();
    // (1, 3) is the exception in the order that is labeled No.
    assert_eq!(
        rows[6],
        serde_json::json!({"index": 6, "team_a": names(1), "team_b": names(3), "rank_a": 1, "rank_b": 3, "direction": "backward",
            "is_train": true, "is_exception": true, "no_gt": false, "label": "No", "gap": 2})
    );
    let order: Vec<_> =
        rows.iter().map(|row| (row["rank_a"].as_u64().unwrap(), row["rank_b"].as_u64().unwrap())).collect();
    assert!(order.is_sorted() && rows.iter().enumerate().all(|(k, row)| row["index"] == k));
    assert_eq!(json(&path)["kernels"].as_array().unwrap().len(), 4);
    // A diagonal of cosines is 1, and the matrix is symmetric bit for bit.
    let (cosine, side) = read_matrix(&files[0]).unwrap();
    for a in 0..side {
        assert!((cosine[a * side + a] - 1.0).abs() < 4.0 * f64::EPSILON);
        assert!((0..a).all(|b| cosine[a * side + b].to_bits() == cosine[b * side + a].to_bits()));
    }
    let absent = directory.path().join("absent");
    assert!(write_geometry(&absent, &found).unwrap_err().to_string().contains("absent"));
}
