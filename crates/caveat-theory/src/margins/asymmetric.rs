//! Asymmetric route: any exchangeable kernel and any ordered training trials, by a system of 2n + 1 unknowns.
//!
//! f(i, j) = u_i + v_j + c + local terms. With features φ(i, j) = (e_i, e_j, 1), S = blockdiag(A ⊗ I_n, κ_0),
//! A = [[κ_1−κ_0, κ_x−κ_0], [κ_x−κ_0, κ_2−κ_0]], local kernel D = (conj + 1/(C·w)) I + flip·(reversal) on the trials,
//! conj = κ_id − κ_1 − κ_2 + κ_0 and flip = κ_flip − 2κ_x + κ_0:
//! (I + ΦᵀD⁻¹ΦS) z = ΦᵀD⁻¹y, a = D⁻¹(y − ΦSz), f(i, j) = φ(i, j)ᵀSz + conj·a_(i,j) + flip·a_(j,i).
//!
//! Items are 0 … n − 1, u and v ∈ ℝⁿ the effects of an item in first and in second position, y ∈ [−1, 1] the labels and w > 0 the weights
//! of the trials, C ∈ (0, ∞]. Source: §3.4; the six values κ are those of [`exchangeable`](crate::kernel::exchangeable).

mod parts;

use std::collections::BTreeMap;

use faer::Mat;
use faer::linalg::solvers::{PartialPivLu, Solve};

use super::Margins;
use crate::comparison_graph::Trial;
use crate::error::{Result, TheoryError, check_comparison};
use crate::kernel::ExchangeableKernel;
use crate::kernel::exchangeable::check_c;
use crate::numeric::vectors::{add_scaled, center, largest};
use crate::route::Route;
use parts::{ItemPart, Parts};

/// Largest number of items: the system is dense, (2n+1)² numbers.
pub const MAX_ITEMS: usize = 3_000;

/// Margins f(i, j) = u_i + v_j + constant + local terms; not antisymmetric in general.
#[derive(Debug, Clone)]
pub struct AsymmetricSolution {
    n_items: usize,
    first_effects: Vec<f64>,
    second_effects: Vec<f64>,
    constant: f64,
    /// conj·a_(i,j) + flip·a_(j,i), where (i, j) or its reversal was trained.
    local: BTreeMap<(usize, usize), f64>,
    tie_tolerance: f64,
}

/// (trial, its reversal if trained and listed later, diagonal entries, off-diagonal entry): a 1 × 1 or 2 × 2 block of D.
type Block = (usize, Option<usize>, [f64; 2], f64);

/// The equations of ridge regression on ordered trials, before they are solved.
pub struct System {
    n_items: usize,
    /// Each ordered pair once, sorted.
    trials: Vec<Trial>,
    parts: Parts,
    blocks: Vec<Block>,
    /// The largest |κ|.
    scale: f64,
    /// S^{1/2}; `None` where S is indefinite.
    root: Option<ItemPart>,
    /// Exactly singular local parts (α = 0 with C = ∞).
    singular: bool,
}

/// A trained ordered pair, or a combination of the two orders, on which D acts by a number.
struct Direction {
    /// Trials with their coefficients.
    trials: Vec<(usize, f64)>,
    /// Row of ΦS^{1/2}.
    features: Vec<f64>,
    label: f64,
    weight: f64,
    /// Eigenvalue of D, 0 where it is rounding.
    value: f64,
}

impl System {
    /// Collects the trials for `kernel`; repeated ones add their weights. `c` is (κ_id − κ_flip)/ridge, ∞ allowed. Cost O(trials·log).
    ///
    /// # Errors
    /// A kernel that is indefinite for that many items, a trial out of range, `c` ≤ 0 or NaN.
    pub fn new(n_items: usize, trials: &[Trial], kernel: &ExchangeableKernel, c: f64) -> Result<Self> {
        check_c(c)?;
        kernel.check_definite(n_items)?;
        let trials = merge(n_items, trials)?;
        let parts = Parts::new(kernel);
        let blocks = blocks(&trials, &parts, kernel.ridge_from_c(c)?);
        let scale = largest(&kernel.orbits());
        // They come out within a few roundings of zero.
        let singular = smallest_eigenvalue(&blocks).abs() <= 32.0 * f64::EPSILON * scale;
        let root = parts.item.root(scale);
        Ok(Self { n_items, trials, parts, blocks, scale, root, singular })
    }

    /// Why the route does not apply, and which does: more than [`MAX_ITEMS`] items, or C = ∞ with a kernel whose local part is
    /// singular and whose item part is indefinite, or with trials whose two orders weigh differently there.
    pub fn obstacle(&self) -> Option<String> {
        if self.n_items > MAX_ITEMS {
            return Some(format!("{} items are more than {MAX_ITEMS}; use the graph route", self.n_items));
        }
        if !self.singular {
            return None;
        }
        if self.root.is_none() {
            let reason = "with C = inf its local part is singular and its item part indefinite; use the dense route";
            return Some(reason.into());
        }
        let uneven = |&&(t, other, _, b): &&Block| {
            other.is_some_and(|s| !self.is_zero(b) && self.trials[t].weight != self.trials[s].weight)
        };
        self.blocks.iter().find(uneven).map(|&(t, ..)| {
            let Trial { first, second, .. } = self.trials[t];
            format!(
                "with C = inf its local part is singular and the two orders of pair {first} {second} weigh differently; use the \
                 dense route"
            )
        })
    }

    /// Whether a local kernel value is rounding.
    fn is_zero(&self, value: f64) -> bool {
        value.abs() <= 64.0 * f64::EPSILON * self.scale
    }

    /// The three ones in a trial's row of Φ: positions i, n + j and 2n.
    fn features(&self, t: usize) -> [usize; 3] {
        [self.trials[t].first, self.n_items + self.trials[t].second, 2 * self.n_items]
    }

    /// Solves them. Cost O(n³).
    ///
    /// # Errors
    /// Where [`obstacle`](Self::obstacle) finds one.
    pub fn solve(&self) -> Result<AsymmetricSolution> {
        Route::Asymmetric.unless(self.obstacle())?;
        let n = self.n_items;
        let (item_values, dual) = match &self.root {
            Some(root) if self.singular => self.minimum_norm(root)?,
            _ => self.screened(),
        };
        let mut local = BTreeMap::new();
        for (t, &a) in self.trials.iter().zip(&dual) {
            *local.entry((t.first, t.second)).or_insert(0.0) += self.parts.conj * a;
            *local.entry((t.second, t.first)).or_insert(0.0) += self.parts.flip * a;
        }
        let size = largest(&item_values).max(1.0).min(self.term_size(&item_values));
        Ok(AsymmetricSolution {
            n_items: n,
            first_effects: item_values[..n].to_vec(),
            second_effects: item_values[n..2 * n].to_vec(),
            constant: item_values[2 * n],
            local,
            tie_tolerance: size * f64::EPSILON * 64.0 * n as f64,
        })
    }

    /// C = ∞ with a singular local part: the minimum-norm least-squares solution.
    ///
    /// In the eigenbasis of D, trials with zero local kernel can only be fitted by the item part, S^{1/2}x: least squares fixes x
    /// up to their null space. The others are interpolated, and x moves in that null space to keep their local terms small:
    /// minimize ‖x‖² + Σ (y − φᵀS^{1/2}x)²/d.
    fn minimum_norm(&self, root: &ItemPart) -> Result<(Vec<f64>, Vec<f64>)> {
        let (n, size) = (self.n_items, 2 * self.n_items + 1);
        let directions: Vec<Direction> = self.blocks.iter().flat_map(|block| self.directions(block, root)).collect();
        // Least squares on unweighted rows is right only for equal weights; hard rows carry the square root of theirs.
        let (hard, soft): (Vec<&Direction>, Vec<&Direction>) = directions.iter().partition(|d| d.value == 0.0);
        let hard_matrix = Mat::from_fn(hard.len(), size, |r, k| hard[r].weight.sqrt() * hard[r].features[k]);
        let hard_labels = Mat::from_fn(hard.len(), 1, |r, _| hard[r].weight.sqrt() * hard[r].label);
        let (mut x, null) = pseudo_solve(&hard_matrix, &hard_labels)?;
        if !soft.is_empty() && null.ncols() > 0 {
            let soft_matrix = Mat::from_fn(soft.len(), size, |r, k| soft[r].features[k]);
            let projected = &soft_matrix * &null;
            let residual = Mat::from_fn(soft.len(), 1, |r, _| soft[r].label) - &soft_matrix * &x;
            let scaled = Mat::from_fn(soft.len(), null.ncols(), |r, k| projected[(r, k)] * (1.0 / soft[r].value));
            let system = Mat::<f64>::identity(null.ncols(), null.ncols()) + projected.transpose() * &scaled;
            let rhs = scaled.transpose() * &residual;
            x += &null * PartialPivLu::new(system.as_ref()).solve(&rhs);
        }
        let item_values = root.times(n, |k| x[(k, 0)]);
        let mut dual = vec![0.0; self.trials.len()];
        for d in soft {
            let fitted = d.features.iter().enumerate().map(|(k, v)| v * x[(k, 0)]).sum::<f64>();
            for &(t, c) in &d.trials {
                dual[t] += c * ((d.label - fitted) / d.value);
            }
        }
        Ok((item_values, dual))
    }

    /// The eigenvectors of a block of D.
    fn directions(&self, &(t, other, [a, d], b): &Block, root: &ItemPart) -> Vec<Direction> {
        // At C = ∞ the diagonal is conj for every weight, so the eigenvectors are the sum and the difference; the weights
        // of the two orders stay separate only where no local term couples them.
        let h = std::f64::consts::FRAC_1_SQRT_2;
        let eigen = match other {
            None => vec![(vec![(t, 1.0)], a)],
            Some(s) if self.is_zero(b) => vec![(vec![(t, 1.0)], a), (vec![(s, 1.0)], d)],
            Some(s) => vec![(vec![(t, h), (s, h)], a + b), (vec![(t, h), (s, -h)], a - b)],
        };
        let direction = |(trials, value): (Vec<(usize, f64)>, f64)| {
            let mut features = vec![0.0; 2 * self.n_items + 1];
            for &(t, c) in &trials {
                let ones = self.features(t);
                let row = root.times(self.n_items, |k| f64::from(ones.contains(&k)));
                add_scaled(&mut features, c, &row);
            }
            let label = trials.iter().map(|&(t, c)| c * self.trials[t].label).sum();
            let weight = trials.iter().map(|&(t, c)| c * c * self.trials[t].weight).sum();
            Direction { trials, features, label, weight, value: if self.is_zero(value) { 0.0 } else { value } }
        };
        eigen.into_iter().map(direction).collect()
    }

    /// D⁻¹ x.
    fn solve_blocks(&self, x: &[f64]) -> Vec<f64> {
        let mut y = vec![0.0; x.len()];
        for &(t, other, [a, d], b) in &self.blocks {
            match other {
                None => y[t] = x[t] / a,
                Some(s) => {
                    // No product of two entries, which may be ∞ where C is tiny.
                    y[t] = (x[t] - b / d * x[s]) / (a - b / d * b);
                    y[s] = (x[s] - b / a * x[t]) / (d - b / a * b);
                }
            }
        }
        y
    }

    /// The regular case: returns Sz and the dual coefficients a.
    fn screened(&self) -> (Vec<f64>, Vec<f64>) {
        let (n, size) = (self.n_items, 2 * self.n_items + 1);
        let mut gram = Mat::<f64>::zeros(size, size);
        let mut add = |t: usize, s: usize, value: f64| {
            for row in self.features(t) {
                for column in self.features(s) {
                    gram[(row, column)] += value;
                }
            }
        };
        for &(t, other, [a, d], b) in &self.blocks {
            match other {
                None => add(t, t, 1.0 / a),
                Some(s) => {
                    let [first, second] = [1.0 / (a - b / d * b), 1.0 / (d - b / a * b)];
                    add(t, t, first);
                    add(s, s, second);
                    add(t, s, -b / d * first);
                    add(s, t, -b / a * second);
                }
            }
        }
        // I + (ΦᵀD⁻¹Φ) S, row by row: S is symmetric.
        let mut system = Mat::<f64>::zeros(size, size);
        for row in 0..size {
            let product = self.parts.item.times(n, |k| gram[(row, k)]);
            for (column, value) in product.into_iter().enumerate() {
                system[(row, column)] = value + f64::from(row == column);
            }
        }
        let labels: Vec<f64> = self.trials.iter().map(|t| t.label).collect();
        let mut rhs = Mat::<f64>::zeros(size, 1);
        for (t, w) in self.solve_blocks(&labels).into_iter().enumerate() {
            for k in self.features(t) {
                rhs[(k, 0)] += w;
            }
        }
        let z = PartialPivLu::new(system.as_ref()).solve(&rhs);
        let item_values = self.parts.item.times(n, |k| z[(k, 0)]);
        let residual = |(t, y): (usize, &f64)| y - self.features(t).iter().map(|&k| item_values[k]).sum::<f64>();
        let residuals: Vec<f64> = labels.iter().enumerate().map(residual).collect();
        let dual = self.solve_blocks(&residuals);
        (item_values, dual)
    }

    /// The size of the terms that margins are sums of: a label and the item values that it is compared with, through the local part of
    /// its trial, and through the item part. It goes to 0 with C, as margins do.
    fn term_size(&self, item_values: &[f64]) -> f64 {
        let mut sizes = vec![0.0_f64; self.trials.len()];
        for &(t, other, diagonal, _) in &self.blocks {
            for (k, d) in [Some(t), other].into_iter().flatten().zip(diagonal) {
                let values: f64 = self.features(k).iter().map(|&f| item_values[f].abs()).sum();
                sizes[k] = (self.trials[k].label.abs() + values) / d.abs();
            }
        }
        let mut sums = vec![0.0; 2 * self.n_items + 1];
        for (t, size) in sizes.iter().enumerate() {
            self.features(t).iter().for_each(|&f| sums[f] += size);
        }
        let local = (self.parts.conj.abs() + self.parts.flip.abs()) * largest(&sizes);
        self.parts.item.abs().times(self.n_items, |k| sums[k]).into_iter().fold(local, f64::max)
    }
}

/// The trials with repetitions merged: each ordered pair once, sorted.
fn merge(n_items: usize, trials: &[Trial]) -> Result<Vec<Trial>> {
    let mut sums = BTreeMap::<(usize, usize), (f64, f64)>::new();
    for t in trials {
        check_comparison([t.first, t.second], n_items)?;
        if !(t.weight > 0.0 && t.weight.is_finite() && t.label.is_finite()) {
            return Err(TheoryError::BadWeight { first: t.first, second: t.second, weight: t.weight });
        }
        let (label, weight) = sums.entry((t.first, t.second)).or_default();
        *label += t.weight * t.label;
        *weight += t.weight;
    }
    if sums.is_empty() {
        return Err(TheoryError::NoComparisons);
    }
    let merged = |((first, second), (sum, weight))| Trial { first, second, label: sum / weight, weight };
    Ok(sums.into_iter().map(merged).collect())
}

/// D on the trials: 1 × 1 blocks, and 2 × 2 ones where a trial's reversal is trained too.
fn blocks(trials: &[Trial], parts: &Parts, ridge: f64) -> Vec<Block> {
    let diagonal = |t: usize| parts.conj + ridge / trials[t].weight;
    let block = |(t, trial): (usize, &Trial)| {
        let reversed = (trial.second, trial.first);
        match trials.binary_search_by_key(&reversed, |other| (other.first, other.second)) {
            Err(_) => Some((t, None, [diagonal(t), 0.0], 0.0)),
            Ok(s) => (s > t).then(|| (t, Some(s), [diagonal(t), diagonal(s)], parts.flip)),
        }
    };
    trials.iter().enumerate().filter_map(block).collect()
}

/// The eigenvalue of D that is closest to zero.
fn smallest_eigenvalue(blocks: &[Block]) -> f64 {
    let eigenvalues = blocks.iter().flat_map(|&(_, other, [a, d], b)| match other {
        None => [a, a],
        Some(_) => {
            let (mean, spread) = ((a + d) / 2.0, ((a - d) / 2.0).hypot(b));
            [mean - spread, mean + spread]
        }
    });
    eigenvalues.fold(f64::INFINITY, |x, y| if y.abs() < x.abs() { y } else { x })
}

/// Least-squares solution of minimum norm, and a basis of the null space.
fn pseudo_solve(a: &Mat<f64>, b: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)> {
    let size = a.ncols();
    let svd = a.svd().map_err(|_| TheoryError::failed("the singular value decomposition"))?;
    let s: Vec<f64> = svd.S().column_vector().iter().copied().collect();
    let cutoff = s.first().copied().unwrap_or(0.0) * f64::EPSILON * (a.nrows().max(size)) as f64;
    let rank = s.iter().filter(|&&s| s > cutoff).count();
    let coefficients = svd.U().subcols(0, rank).transpose() * b;
    let scaled = Mat::from_fn(rank, 1, |r, _| coefficients[(r, 0)] / s[r]);
    Ok((svd.V().subcols(0, rank) * scaled, svd.V().subcols(rank, size - rank).to_owned()))
}

impl AsymmetricSolution {
    /// The rank of every item: half of its effect in first position minus that in second, centered.
    ///
    /// For a position-symmetric kernel with both presentation orders these are the ranks of the other routes.
    pub fn ranks(&self) -> Vec<f64> {
        let mut ranks: Vec<f64> =
            self.first_effects.iter().zip(&self.second_effects).map(|(u, v)| (u - v) / 2.0).collect();
        center(&mut ranks);
        ranks
    }
}

impl Margins for AsymmetricSolution {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        if i == j {
            return 0.0;
        }
        let local = self.local.get(&(i, j)).copied().unwrap_or(0.0);
        self.first_effects[i] + self.second_effects[j] + self.constant + local
    }

    fn tie_tolerance(&self) -> f64 {
        self.tie_tolerance
    }
}
