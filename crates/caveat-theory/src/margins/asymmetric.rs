//! Asymmetric route: any exchangeable kernel and any ordered training trials, by a system of 2n + 1 unknowns.
//!
//! f(i, j) = u_i + v_j + c + local terms. With features φ(i, j) = (e_i, e_j, 1), S = blockdiag(A ⊗ I_n, κ_0),
//! A = [[κ_1−κ_0, κ_x−κ_0], [κ_x−κ_0, κ_2−κ_0]], local kernel D = (conj + 1/(C·w)) I + flip·(reversal) on the trials,
//! conj = κ_id − κ_1 − κ_2 + κ_0 and flip = κ_flip − 2κ_x + κ_0:
//! (I + ΦᵀD⁻¹ΦS) z = ΦᵀD⁻¹y, a = D⁻¹(y − ΦSz), f(i, j) = φ(i, j)ᵀSz + conj·a_(i,j) + flip·a_(j,i).
//!
//! Items are 0 … n − 1, u and v ∈ ℝⁿ the effects of an item in first and in second position, y ∈ [−1, 1] the labels and w > 0 the weights
//! of the trials, C ∈ (0, ∞]. Source: §3.4; the six values κ are those of [`exchangeable`](crate::kernel::exchangeable).

use std::collections::BTreeMap;

mod parts;

use faer::Mat;
use faer::linalg::solvers::{PartialPivLu, Solve};

use super::Margins;
use crate::comparison_graph::Trial;
use crate::error::{Result, TheoryError, check_ranks};
use crate::kernel::ExchangeableKernel;
use crate::kernel::exchangeable::check_c;
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

/// A trained ordered pair after merging its repetitions.
struct Merged {
    pair: (usize, usize),
    label: f64,
    weight: f64,
}

/// Solves ridge regression on `kernel` for ordered trials; `c` is (κ_id − κ_flip)/ridge, ∞ allowed.
///
/// Repeated trials add their weights. Cost O(n³ + trials).
///
/// # Errors
/// A kernel that is indefinite for that many items, a trial out of range, or where [`System::obstacle`] finds one.
pub fn solve(n_items: usize, trials: &[Trial], kernel: &ExchangeableKernel, c: f64) -> Result<AsymmetricSolution> {
    System::new(n_items, trials, kernel, c)?.solve()
}

/// The equations of one problem before they are solved.
pub struct System {
    n_items: usize,
    merged: Vec<Merged>,
    parts: Parts,
    blocks: Blocks,
    /// The largest |κ|.
    scale: f64,
    /// S^{1/2}; `None` where S is indefinite.
    root: Option<ItemPart>,
    /// Exactly singular local parts (α = 0 with C = ∞).
    singular: bool,
}

impl System {
    /// Collects the trials. Cost O(trials·log).
    ///
    /// # Errors
    /// A kernel that is indefinite for that many items, a trial out of range, `c` ≤ 0 or NaN.
    pub fn new(n_items: usize, trials: &[Trial], kernel: &ExchangeableKernel, c: f64) -> Result<Self> {
        check_c(c)?;
        kernel.check_definite(n_items)?;
        let merged = merge(n_items, trials)?;
        let parts = Parts::new(kernel);
        let blocks = Blocks::new(&merged, &parts, kernel.ridge_from_c(c)?);
        let scale = kernel.orbits().iter().fold(0.0_f64, |a, k| a.max(k.abs()));
        // They come out within a few roundings of zero.
        let singular = blocks.smallest_eigenvalue().abs() <= 32.0 * f64::EPSILON * scale;
        let root = parts.item.root(scale);
        Ok(Self { n_items, merged, parts, blocks, scale, root, singular })
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
            return Some(
                "with C = inf its local part is singular and its item part indefinite; use the dense route".into(),
            );
        }
        let uneven = |&&(t, other, _, b): &&Block| {
            other.is_some_and(|s| !self.is_zero(b) && self.merged[t].weight != self.merged[s].weight)
        };
        self.blocks.blocks.iter().find(uneven).map(|&(t, ..)| {
            let (i, j) = self.merged[t].pair;
            format!(
                "with C = inf its local part is singular and the two orders of pair {i} {j} weigh differently; use the dense \
                 route"
            )
        })
    }

    /// Whether a local kernel value is rounding.
    fn is_zero(&self, value: f64) -> bool {
        value.abs() <= 64.0 * f64::EPSILON * self.scale
    }

    /// Solves them. Cost O(n³).
    ///
    /// # Errors
    /// Where [`obstacle`](Self::obstacle) finds one.
    pub fn solve(&self) -> Result<AsymmetricSolution> {
        Route::Asymmetric.unless(self.obstacle())?;
        let Self { n_items, merged, parts, blocks, .. } = self;
        let (item_values, dual) = match &self.root {
            Some(root) if self.singular => self.minimum_norm(root)?,
            _ => screened(*n_items, merged, parts, blocks),
        };
        Ok(AsymmetricSolution::new(*n_items, merged, parts, blocks, item_values, &dual))
    }

    /// C = ∞ with a singular local part: the minimum-norm least-squares solution.
    ///
    /// In the eigenbasis of D, trials with zero local kernel can only be fitted by the item part, S^{1/2}x: least squares fixes x
    /// up to their null space. The others are interpolated, and x moves in that null space to keep their local terms small:
    /// minimize ‖x‖² + Σ (y − φᵀS^{1/2}x)²/d.
    fn minimum_norm(&self, root: &ItemPart) -> Result<(Vec<f64>, Vec<f64>)> {
        let Self { n_items, merged, blocks, .. } = self;
        let n = *n_items;
        let size = 2 * n + 1;
        // Rows of the feature matrix in the eigenbasis of D, each with its local eigenvalue.
        let mut rows: Vec<(Vec<f64>, f64, f64)> = Vec::with_capacity(merged.len());
        let row_of = |t: usize| {
            let mut row = vec![0.0; size];
            for k in features(n, merged[t].pair) {
                row[k] = 1.0;
            }
            root.times(n, |k| row[k])
        };
        let mut directions = Vec::with_capacity(merged.len());
        for &(t, other, [a, d], b) in &blocks.blocks {
            // At C = ∞ the diagonal is conj for every weight, so the eigenvectors are the sum and the difference; the weights
            // of the two orders stay separate only where no local term couples them.
            let eigen: Vec<(f64, f64, f64)> = match other {
                None => vec![(1.0, 0.0, a)],
                Some(_) if self.is_zero(b) => vec![(1.0, 0.0, a), (0.0, 1.0, d)],
                Some(_) => {
                    let h = std::f64::consts::FRAC_1_SQRT_2;
                    vec![(h, h, a + b), (h, -h, a - b)]
                }
            };
            let first = row_of(t);
            for (x, z, value) in eigen {
                let mut row: Vec<f64> = first.iter().map(|v| x * v).collect();
                let mut label = x * merged[t].label;
                if let Some(s) = other {
                    for (r, v) in row.iter_mut().zip(row_of(s)) {
                        *r += z * v;
                    }
                    label += z * merged[s].label;
                }
                directions.push((t, other, x, z));
                rows.push((row, label, if self.is_zero(value) { 0.0 } else { value }));
            }
        }
        // Least squares on unweighted rows is right only for equal weights; hard rows carry the square root of theirs.
        let hard: Vec<usize> = (0..rows.len()).filter(|&r| rows[r].2 == 0.0).collect();
        let soft: Vec<usize> = (0..rows.len()).filter(|&r| rows[r].2 != 0.0).collect();
        let weight_of = |r: usize| {
            let (t, other, x, z) = directions[r];
            x * x * merged[t].weight + other.map_or(0.0, |s| z * z * merged[s].weight)
        };
        let hard_matrix = Mat::from_fn(hard.len(), size, |r, k| weight_of(hard[r]).sqrt() * rows[hard[r]].0[k]);
        let hard_labels = Mat::from_fn(hard.len(), 1, |r, _| weight_of(hard[r]).sqrt() * rows[hard[r]].1);
        let (x0, null) = pseudo_solve(&hard_matrix, &hard_labels)?;
        let mut x = x0;
        if !soft.is_empty() && null.ncols() > 0 {
            let soft_matrix = Mat::from_fn(soft.len(), size, |r, k| rows[soft[r]].0[k]);
            let projected = &soft_matrix * &null;
            let residual = Mat::from_fn(soft.len(), 1, |r, _| rows[soft[r]].1) - &soft_matrix * &x;
            let inverse = |r: usize| 1.0 / rows[soft[r]].2;
            let scaled = Mat::from_fn(soft.len(), null.ncols(), |r, k| projected[(r, k)] * inverse(r));
            let system = Mat::<f64>::identity(null.ncols(), null.ncols()) + projected.transpose() * &scaled;
            let rhs = scaled.transpose() * &residual;
            let v = PartialPivLu::new(system.as_ref()).solve(&rhs);
            x += &null * v;
        }
        let item_values = root.times(n, |k| x[(k, 0)]);
        let mut dual = vec![0.0; merged.len()];
        for &r in &soft {
            let (row, label, value) = &rows[r];
            let (t, other, cx, cz) = directions[r];
            let a = (label - row.iter().enumerate().map(|(k, v)| v * x[(k, 0)]).sum::<f64>()) / value;
            dual[t] += cx * a;
            if let Some(s) = other {
                dual[s] += cz * a;
            }
        }
        Ok((item_values, dual))
    }
}

fn merge(n_items: usize, trials: &[Trial]) -> Result<Vec<Merged>> {
    let mut sums = BTreeMap::<(usize, usize), (f64, f64)>::new();
    for t in trials {
        check_ranks([t.first, t.second], n_items)?;
        if t.first == t.second {
            return Err(TheoryError::SelfComparison(t.first));
        }
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
    Ok(sums.into_iter().map(|(pair, (sum, weight))| Merged { pair, label: sum / weight, weight }).collect())
}

/// D on the trials: 1 × 1 blocks, and 2 × 2 ones where a trial's reversal is trained too.
struct Blocks {
    blocks: Vec<Block>,
}

/// (trial, its reversal if trained and listed later, diagonal entries, off-diagonal entry).
type Block = (usize, Option<usize>, [f64; 2], f64);

impl Blocks {
    fn new(merged: &[Merged], parts: &Parts, ridge: f64) -> Self {
        let at = |pair: (usize, usize)| merged.binary_search_by_key(&pair, |t| t.pair).ok();
        let diagonal = |t: usize| parts.conj + ridge / merged[t].weight;
        let mut blocks = Vec::new();
        for (t, trial) in merged.iter().enumerate() {
            let (i, j) = trial.pair;
            match at((j, i)) {
                None => blocks.push((t, None, [diagonal(t), 0.0], 0.0)),
                Some(s) if s > t => blocks.push((t, Some(s), [diagonal(t), diagonal(s)], parts.flip)),
                Some(_) => {}
            }
        }
        Self { blocks }
    }

    /// The eigenvalue closest to zero.
    fn smallest_eigenvalue(&self) -> f64 {
        let eigenvalues = self.blocks.iter().flat_map(|&(_, other, [a, d], b)| match other {
            None => [a, a],
            Some(_) => {
                let (mean, spread) = ((a + d) / 2.0, ((a - d) / 2.0).hypot(b));
                [mean - spread, mean + spread]
            }
        });
        eigenvalues.fold(f64::INFINITY, |x, y| if y.abs() < x.abs() { y } else { x })
    }

    /// D⁻¹ x.
    fn solve(&self, x: &[f64]) -> Vec<f64> {
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
}

/// Rows of Φ hold three ones: positions i, n + j and 2n.
fn features(n: usize, pair: (usize, usize)) -> [usize; 3] {
    [pair.0, n + pair.1, 2 * n]
}

/// The regular case: returns Sz and the dual coefficients a.
fn screened(n: usize, merged: &[Merged], parts: &Parts, blocks: &Blocks) -> (Vec<f64>, Vec<f64>) {
    let size = 2 * n + 1;
    let y: Vec<f64> = merged.iter().map(|t| t.label).collect();
    let mut gram = Mat::<f64>::zeros(size, size);
    let mut add = |t: usize, s: usize, value: f64| {
        for row in features(n, merged[t].pair) {
            for column in features(n, merged[s].pair) {
                gram[(row, column)] += value;
            }
        }
    };
    for &(t, other, [a, d], b) in &blocks.blocks {
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
        let product = parts.item.times(n, |k| gram[(row, k)]);
        for (column, value) in product.into_iter().enumerate() {
            system[(row, column)] = value + f64::from(row == column);
        }
    }
    let weighted = blocks.solve(&y);
    let mut rhs = Mat::<f64>::zeros(size, 1);
    for (t, w) in merged.iter().zip(&weighted) {
        for k in features(n, t.pair) {
            rhs[(k, 0)] += w;
        }
    }
    let z = PartialPivLu::new(system.as_ref()).solve(&rhs);
    let item_values = parts.item.times(n, |k| z[(k, 0)]);
    let residual: Vec<f64> =
        merged.iter().map(|t| t.label - features(n, t.pair).iter().map(|&k| item_values[k]).sum::<f64>()).collect();
    let dual = blocks.solve(&residual);
    (item_values, dual)
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

/// The size of the terms that margins are sums of: a label and the item values that it is compared with, through the local part of
/// its trial, and through the item part. It goes to 0 with C, as margins do.
fn rounded(n: usize, merged: &[Merged], parts: &Parts, blocks: &Blocks, item_values: &[f64]) -> f64 {
    let mut sizes = vec![0.0_f64; merged.len()];
    for &(t, other, diagonal, _) in &blocks.blocks {
        for (k, d) in [Some(t), other].into_iter().flatten().zip(diagonal) {
            let values: f64 = features(n, merged[k].pair).iter().map(|&f| item_values[f].abs()).sum();
            sizes[k] = (merged[k].label.abs() + values) / d.abs();
        }
    }
    let mut sums = vec![0.0; 2 * n + 1];
    for (t, size) in merged.iter().zip(&sizes) {
        features(n, t.pair).iter().for_each(|&f| sums[f] += size);
    }
    let local = (parts.conj.abs() + parts.flip.abs()) * sizes.iter().fold(0.0, |m: f64, v| m.max(*v));
    parts.item.abs().times(n, |k| sums[k]).into_iter().fold(local, f64::max)
}

impl AsymmetricSolution {
    fn new(n: usize, merged: &[Merged], parts: &Parts, blocks: &Blocks, item_values: Vec<f64>, dual: &[f64]) -> Self {
        let mut local = BTreeMap::new();
        for (t, &a) in merged.iter().zip(dual) {
            let (i, j) = t.pair;
            *local.entry((i, j)).or_insert(0.0) += parts.conj * a;
            *local.entry((j, i)).or_insert(0.0) += parts.flip * a;
        }
        let largest = item_values.iter().fold(1.0_f64, |m, v| m.max(v.abs()));
        let largest = largest.min(rounded(n, merged, parts, blocks, &item_values));
        Self {
            n_items: n,
            first_effects: item_values[..n].to_vec(),
            second_effects: item_values[n..2 * n].to_vec(),
            constant: item_values[2 * n],
            local,
            tie_tolerance: largest * f64::EPSILON * 64.0 * n as f64,
        }
    }

    /// The rank of every item: half of its effect in first position minus that in second, centered.
    ///
    /// For a position-symmetric kernel with both presentation orders these are the ranks of the other routes.
    pub fn ranks(&self) -> Vec<f64> {
        let mut ranks: Vec<f64> =
            self.first_effects.iter().zip(&self.second_effects).map(|(u, v)| (u - v) / 2.0).collect();
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        for r in &mut ranks {
            *r -= mean;
        }
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
