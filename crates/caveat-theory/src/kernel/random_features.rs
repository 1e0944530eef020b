//! Monte Carlo: the conjunctivity α of finite random networks, estimated from their empirical kernel over ordered pairs.
//!
//! A network's last hidden layer has the features φ_u(i, j), u = 1 … width, and the empirical kernel
//! K(e, e′) = Σ_u φ_u(e)·φ_u(e′)/width. Its six orbit averages give α as in [`exchangeable`](super::exchangeable), with noise
//! of order 1/√width around the α of the infinitely wide network ([`network`](super::network)) and a bias of order 1/width.
//!
//! Source: Lippl et al. 2024, doi:10.1073/pnas.2314511121; §8.2.

use std::sync::atomic::{AtomicUsize, Ordering};

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::exchangeable::{ExchangeableKernel, orbit_sizes};
use super::network::Activation;
use crate::error::{Result, TheoryError};
use crate::numeric::vectors::{dot, mean_and_error};

/// Most weights drawn, multiplied and dropped together (16 MiB), in whole rows of at least one and at most 128.
const BLOCK_WEIGHTS: usize = 1 << 21;

/// Largest number of hidden activations (width × ordered pairs) kept per replicate for depth > 1: 2 GiB.
const MAX_ACTIVATIONS: usize = 1 << 28;

/// An experiment on finite random networks; [`estimate`](Self::estimate) runs it.
///
/// The networks are bias-free and fully connected, with independent Gaussian weights of the variance that keeps the second
/// moment of every layer at 1 in expectation, on concatenated one-hot items.
///
/// ```
/// use caveat_theory::{Activation, RandomFeatures};
/// let estimate = RandomFeatures { width: 1000, ..RandomFeatures::new(Activation::RELU, 1, 7) }.estimate(None)?;
/// assert!((estimate.conjunctivity - 0.147155).abs() < 4.0 * estimate.standard_error);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RandomFeatures {
    /// Activation of every hidden layer.
    pub activation: Activation,
    /// Number of hidden layers, at least 1.
    pub depth: usize,
    /// Number of units of every hidden layer, at least 1 (default 10 000).
    pub width: usize,
    /// Number of items whose n(n−1) ordered pairs are the stimuli, at least 4 so that every orbit occurs (default 6).
    pub n_items: usize,
    /// Number of independent networks, at least 2 so that there is a standard error (default 32).
    pub replicates: usize,
    /// Seed of the random weights.
    pub seed: u64,
}

/// What [`RandomFeatures::estimate`] found, with the settings that reproduce it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomFeaturesEstimate {
    /// The settings, seed included.
    pub settings: RandomFeatures,
    /// Mean of α over replicates. Its bias is O(1/width).
    pub conjunctivity: f64,
    /// Standard error of that mean, O(1/√(width·replicates)).
    pub standard_error: f64,
    /// α of each replicate, in order.
    pub replicate_conjunctivities: Vec<f64>,
    /// Mean over replicates of the kernel's average on each orbit, κ_id near 1.
    pub kernel: ExchangeableKernel,
}

impl RandomFeatures {
    /// The experiment with the default width, number of items and number of replicates.
    pub fn new(activation: Activation, depth: usize, seed: u64) -> Self {
        Self { activation, depth, width: 10_000, n_items: 6, replicates: 32, seed }
    }

    /// Draws the networks, in parallel, and averages the kernel of each one's last hidden layer over the six orbits.
    ///
    /// Replicate r uses stream r of one ChaCha8 generator, so that the result does not depend on the number of threads.
    /// After every replicate, `progress` is called with the number done so far, from any thread.
    ///
    /// Cost per replicate, P = n(n−1): O(width·P) for the first layer, O(width²·P) for every further one; memory, for depth
    /// > 1, 2·8·width·P bytes a thread.
    ///
    /// # Errors
    /// Settings out of range; a replicate so narrow that its features cannot tell a pair from its reversal.
    pub fn estimate(&self, progress: Option<&(dyn Fn(usize) + Sync)>) -> Result<RandomFeaturesEstimate> {
        self.check()?;
        let done = AtomicUsize::new(0);
        let kernels = (0..self.replicates)
            .into_par_iter()
            .map(|replicate| {
                let kernel = self.replicate(replicate as u64);
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if let Some(progress) = progress {
                    progress(done);
                }
                ExchangeableKernel::from_orbits(kernel).map_err(|_| {
                    let Self { width, depth, seed, .. } = self;
                    let problem = format!(
                        "in replicate {replicate} no feature tells a pair from its reversal (width {width}, depth {depth}, seed \
                         {seed}): choose a larger width"
                    );
                    TheoryError::BadInput { what: "random features", problem }
                })
            })
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let count = self.replicates as f64;
        let replicate_conjunctivities: Vec<f64> = kernels.iter().map(ExchangeableKernel::conjunctivity).collect();
        let (conjunctivity, standard_error) = mean_and_error(&replicate_conjunctivities);
        let mut orbits = [0.0; 6];
        for kernel in &kernels {
            for (mean, value) in orbits.iter_mut().zip(kernel.orbits()) {
                *mean += value / count;
            }
        }
        Ok(RandomFeaturesEstimate {
            settings: *self,
            conjunctivity,
            standard_error,
            replicate_conjunctivities,
            kernel: ExchangeableKernel::from_orbits(orbits)?.with_conjunctivity(conjunctivity),
        })
    }

    fn check(&self) -> Result<()> {
        let at_least = |name, value: usize, least: usize, range| {
            if value >= least { Ok(()) } else { Err(TheoryError::OutOfRange { name, value: value as f64, range }) }
        };
        at_least("depth", self.depth, 1, "at least 1 hidden layer (the input itself has conjunctivity 0)")?;
        at_least("width", self.width, 1, "at least 1")?;
        at_least("replicates", self.replicates, 2, "at least 2, for a standard error")?;
        at_least("n_items", self.n_items, 4, "at least 4, for pairs without a shared item")?;
        let pairs = self.n_items.checked_mul(self.n_items - 1);
        let activations =
            pairs.and_then(|pairs| if self.depth > 1 { pairs.checked_mul(self.width) } else { Some(pairs) });
        if activations.is_none_or(|count| count > MAX_ACTIVATIONS) {
            let Self { width, depth, n_items, .. } = self;
            let problem = format!(
                "width {width} at depth {depth} on the ordered pairs of {n_items} items takes too much memory: width × n(n−1) must be \
                 at most {MAX_ACTIVATIONS}, or n(n−1) at depth 1"
            );
            return Err(TheoryError::BadInput { what: "random features", problem });
        }
        Ok(())
    }

    /// Orbit averages of one network's last hidden layer.
    fn replicate(&self, stream: u64) -> [f64; 6] {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        let n = self.n_items;
        let pairs = n * (n - 1);
        let mut sums = OrbitSums::new(n);
        let mut feature = vec![0.0; pairs];
        let mut layer = Vec::with_capacity(if self.depth > 1 { self.width * pairs } else { 0 });
        for _ in 0..self.width {
            self.first_layer_feature(&mut rng, &mut feature);
            if self.depth == 1 {
                sums.add(&feature);
            } else {
                layer.extend_from_slice(&feature);
            }
        }
        for hidden in 2..=self.depth {
            layer = self.next_layer(&mut rng, &layer, pairs, (hidden == self.depth).then_some(&mut sums));
        }
        sums.means(self.width)
    }

    /// φ(u_i + v_j) for all ordered pairs: on one-hot pairs, a unit's input is the sum of two of its 2n weights.
    fn first_layer_feature(&self, rng: &mut ChaCha8Rng, feature: &mut [f64]) {
        let n = self.n_items;
        // E[(u_i + v_j)²] = 1.
        let weights: Vec<f64> =
            (0..2 * n).map(|_| rng.sample::<f64, _>(StandardNormal) * std::f64::consts::FRAC_1_SQRT_2).collect();
        let (first, second) = weights.split_at(n);
        for (i, row) in feature.chunks_exact_mut(n - 1).enumerate() {
            let others = (0..n).filter(|&j| j != i);
            for (value, j) in row.iter_mut().zip(others) {
                *value = self.activation.normalized(first[i] + second[j]);
            }
        }
    }

    /// Features (width × pairs, one row per unit) of the next layer; for the last one, only their orbit sums.
    fn next_layer(
        &self,
        rng: &mut ChaCha8Rng,
        layer: &[f64],
        pairs: usize,
        mut last: Option<&mut OrbitSums>,
    ) -> Vec<f64> {
        let width = self.width;
        let scale = 1.0 / (width as f64).sqrt();
        let input = MatRef::from_row_major_slice(layer, width, pairs);
        let block_rows = (BLOCK_WEIGHTS / width).clamp(1, 128).min(width);
        let mut weights = vec![0.0; block_rows * width];
        let mut output = vec![0.0; block_rows * pairs];
        let mut next = Vec::with_capacity(if last.is_some() { 0 } else { layer.len() });
        for start in (0..width).step_by(block_rows) {
            let rows = block_rows.min(width - start);
            let weights = &mut weights[..rows * width];
            let output = &mut output[..rows * pairs];
            weights.iter_mut().for_each(|weight| *weight = rng.sample(StandardNormal));
            // Sequential: the replicates already run in parallel, and the order of summation must not vary.
            matmul(
                MatMut::from_row_major_slice_mut(output, rows, pairs),
                Accum::Replace,
                MatRef::from_row_major_slice(weights, rows, width),
                input,
                scale,
                Par::Seq,
            );
            output.iter_mut().for_each(|value| *value = self.activation.normalized(*value));
            match &mut last {
                Some(sums) => output.chunks_exact(pairs).for_each(|feature| sums.add(feature)),
                None => next.extend_from_slice(output),
            }
        }
        next
    }
}

/// Sums of φ_p·φ_q over the pairs (p, q) of each orbit and over features, O(n²) per feature and without the kernel matrix.
struct OrbitSums {
    n_items: usize,
    /// In the order of [`ExchangeableKernel::from_orbits`].
    sums: [f64; 6],
    row_sums: Vec<f64>,
    column_sums: Vec<f64>,
}

impl OrbitSums {
    fn new(n_items: usize) -> Self {
        Self { n_items, sums: [0.0; 6], row_sums: vec![0.0; n_items], column_sums: vec![0.0; n_items] }
    }

    /// Adds one feature φ, given on the ordered pairs in lexicographic order.
    ///
    /// With row sums R_i = Σ_j φ_ij, column sums S_j = Σ_i φ_ij and total T, the orbits are: Σφ_ij², Σφ_ijφ_ji,
    /// ΣR_i² − Σφ_ij², ΣS_j² − Σφ_ij², 2(ΣR_iS_i − Σφ_ijφ_ji), and what these leave of T².
    fn add(&mut self, feature: &[f64]) {
        let n = self.n_items;
        self.row_sums.fill(0.0);
        self.column_sums.fill(0.0);
        let (mut identical, mut flipped) = (0.0, 0.0);
        for (i, row) in feature.chunks_exact(n - 1).enumerate() {
            for (position, &value) in row.iter().enumerate() {
                let j = position + usize::from(position >= i);
                self.row_sums[i] += value;
                self.column_sums[j] += value;
                identical += value * value;
                // φ_ji, row j, where the diagonal is left out.
                flipped += value * feature[j * (n - 1) + i - usize::from(i > j)];
            }
        }
        let total: f64 = self.row_sums.iter().sum();
        let first = dot(&self.row_sums, &self.row_sums) - identical;
        let second = dot(&self.column_sums, &self.column_sums) - identical;
        let crossed = 2.0 * (dot(&self.row_sums, &self.column_sums) - flipped);
        let disjoint = total * total - identical - flipped - first - second - crossed;
        for (sum, value) in self.sums.iter_mut().zip([identical, flipped, first, second, crossed, disjoint]) {
            *sum += value;
        }
    }

    /// Averages over orbits and over `features` features.
    fn means(&self, features: usize) -> [f64; 6] {
        let n = self.n_items as f64;
        let (pairs, counts) = (n * (n - 1.0), orbit_sizes(self.n_items));
        std::array::from_fn(|orbit| self.sums[orbit] / (pairs * counts[orbit] * features as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::network::{NetworkKernel, NetworkKernelKind};

    fn small(activation: Activation, depth: usize) -> RandomFeatures {
        RandomFeatures { width: 400, replicates: 16, ..RandomFeatures::new(activation, depth, 3) }
    }

    #[test]
    fn finite_networks_agree_with_the_infinite_ones() {
        let leaky = Activation::leaky(0.3).unwrap();
        // The bias is O(1/width) and the standard error O(1/√(width·replicates)): few replicates keep the bias below it.
        let cases = [
            (Activation::RELU, 1, 10_000),
            (Activation::ABS, 1, 10_000),
            (leaky, 1, 10_000),
            (Activation::RELU, 2, 1000),
            (Activation::ABS, 3, 1000),
            (leaky, 4, 1000),
        ];
        for (activation, depth, width) in cases {
            let settings = RandomFeatures { width, replicates: 24, ..RandomFeatures::new(activation, depth, 11) };
            let estimate = settings.estimate(None).unwrap();
            let network = NetworkKernel { activation, depth, kind: NetworkKernelKind::Nngp };
            let error = estimate.conjunctivity - network.conjunctivity();
            assert!(error.abs() < 4.0 * estimate.standard_error, "{activation} depth {depth}: {error} {estimate:?}");
            // A product of two activations has a standard deviation of at most √5 (E φ⁴ = 6 for ReLU), and every layer adds
            // one such error.
            let deviation = 3.0 * depth as f64 / ((width * settings.replicates) as f64).sqrt();
            for (mean, exact) in estimate.kernel.orbits().into_iter().zip(network.kernel().unwrap().orbits()) {
                assert!((mean - exact).abs() < 4.0 * deviation, "{activation} depth {depth}: {mean} {exact}");
            }
        }
    }

    #[test]
    fn linear_networks_of_any_width_are_additive() {
        for depth in [1, 3] {
            for width in [1, 5, 200] {
                let settings = RandomFeatures { width, ..small(Activation::LINEAR, depth) };
                let estimate = settings.estimate(None).unwrap();
                // α is a difference of orbit sums of order κ_id, over κ_id − κ_flip, which is not small for 6 items.
                assert!(estimate.conjunctivity.abs() < 1e3 * f64::EPSILON, "{estimate:?}");
            }
        }
    }

    #[test]
    fn estimates_depend_on_the_seed_and_on_nothing_else() {
        for depth in [1, 2] {
            let settings = small(Activation::RELU, depth);
            let in_pool = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| settings.estimate(None).unwrap())
            };
            let one = in_pool(1);
            assert_eq!(one, in_pool(3));
            assert_eq!(one, settings.estimate(None).unwrap());
            let other = RandomFeatures { seed: 4, ..settings }.estimate(None).unwrap();
            assert_ne!(one.conjunctivity, other.conjunctivity);
            // Replicates do not repeat one another, and more of them extend the same sequence.
            assert_ne!(one.replicate_conjunctivities[0], one.replicate_conjunctivities[1]);
            let fewer = RandomFeatures { replicates: 5, ..settings }.estimate(None).unwrap();
            assert_eq!(fewer.replicate_conjunctivities, one.replicate_conjunctivities[..5]);
        }
    }

    #[test]
    fn orbit_sums_are_the_averages_of_the_kernel_matrix() {
        let n = 5;
        let pairs: Vec<(usize, usize)> =
            (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let features: Vec<Vec<f64>> =
            (0..7).map(|_| pairs.iter().map(|_| rng.sample(StandardNormal)).collect()).collect();
        let mut sums = OrbitSums::new(n);
        features.iter().for_each(|feature| sums.add(feature));
        let labels = ExchangeableKernel::from_orbits([1.0, 0.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let (mut direct, mut counts) = ([0.0; 6], [0.0; 6]);
        for (a, &p) in pairs.iter().enumerate() {
            for (b, &q) in pairs.iter().enumerate() {
                let orbit = labels.orbits().iter().position(|&label| label == labels.value(p, q)).unwrap();
                direct[orbit] += features.iter().map(|feature| feature[a] * feature[b]).sum::<f64>() / 7.0;
                counts[orbit] += 1.0;
            }
        }
        for (orbit, mean) in sums.means(7).into_iter().enumerate() {
            // At most P² = 400 terms of order 1, each rounded.
            assert!((mean - direct[orbit] / counts[orbit]).abs() < 400.0 * f64::EPSILON);
        }
    }

    #[test]
    fn progress_counts_every_replicate_once() {
        let seen = std::sync::Mutex::new(Vec::new());
        small(Activation::ABS, 1).estimate(Some(&|done| seen.lock().unwrap().push(done))).unwrap();
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, (1..=16).collect::<Vec<_>>());
    }

    #[test]
    fn settings_without_an_answer_are_refused() {
        let base = small(Activation::RELU, 1);
        let bad = [
            RandomFeatures { width: 0, ..base },
            RandomFeatures { depth: 0, ..base },
            RandomFeatures { replicates: 1, ..base },
            RandomFeatures { n_items: 3, ..base },
            RandomFeatures { n_items: 20, width: 1_000_000, depth: 2, ..base },
            RandomFeatures { n_items: usize::MAX, ..base },
        ];
        for settings in bad {
            let error = settings.estimate(None).unwrap_err();
            assert!(matches!(error, TheoryError::OutOfRange { .. } | TheoryError::BadInput { .. }), "{error}");
        }
        // One ReLU unit is silent on all pairs with probability of at least 2⁻¹².
        let narrow = RandomFeatures { width: 1, replicates: 20_000, n_items: 4, ..base };
        assert!(narrow.estimate(None).unwrap_err().to_string().contains("larger width"));
    }
}
