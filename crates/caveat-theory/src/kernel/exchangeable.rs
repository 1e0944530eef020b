//! Exchangeable kernels: six orbit values, their closed-form eigenvalues, and the conjunctivity α that they come down to.
//!
//! | value | two ordered pairs | | value | two ordered pairs |
//! |---|---|---|---|---|
//! | κ_id | are the same | | κ_2 | share the second item alone |
//! | κ_flip | are each other's reversal | | κ_x | share an item in different positions |
//! | κ_1 | share the first item alone | | κ_0 | share nothing |
//!
//! All are real, with κ_id > κ_flip. With κ_s = (κ_1 + κ_2)/2,
//!
//! > α = (κ_id − κ_flip − 2(κ_s − κ_x))/(κ_id − κ_flip),  C = (κ_id − κ_flip)/λ for the ridge λ ≥ 0,
//! > μ = 2(α + 1/(Cw))/(1 − α),  m = α/(α + 1/(Cw)) of a pair of presentation weight w.
//!
//! Source: α for κ_flip = κ_x = κ_0 is the factor of Lippl et al. 2024, doi:10.1073/pnas.2314511121; the eigenvalues are §2.2, α §2.3 and
//! μ and m §3.1.

use serde::{Deserialize, Serialize};

use super::subspace::Subspace;
use crate::error::{Result, TheoryError, check_range};
use crate::numeric::vectors::largest;

/// A kernel K((i,j),(k,l)) on ordered pairs that does not change when the items are relabeled: one value on each of six orbits.
///
/// The two positions may weigh differently (`same_first` ≠ `same_second`); the conjunctivity is defined through their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ExchangeableKernel {
    /// κ_id, the same ordered pair.
    pub identical: f64,
    /// κ_flip, the pair against its reversal (j, i).
    pub flipped: f64,
    /// κ_1, a shared item in first position.
    pub same_first: f64,
    /// κ_2, a shared item in second position.
    pub same_second: f64,
    /// κ_x, a shared item in different positions.
    pub crossed: f64,
    /// κ_0, no shared item.
    pub disjoint: f64,
    /// α where it is known more exactly than from the orbit values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact_conjunctivity: Option<f64>,
}

/// Orbit of the pairs (i, j) and (k, l), as a position in [`ExchangeableKernel::from_orbits`].
#[inline]
pub(crate) fn orbit((i, j): (usize, usize), (k, l): (usize, usize)) -> usize {
    match (i == k, j == l) {
        (true, true) => 0,
        (true, false) => 2,
        (false, true) => 3,
        (false, false) => match (i == l, j == k) {
            (true, true) => 1,
            (false, false) => 5,
            _ => 4,
        },
    }
}

/// How many ordered pairs stand in each orbit to one of n items.
pub(crate) fn orbit_sizes(n_items: usize) -> [f64; 6] {
    let n = n_items as f64;
    [1.0, 1.0, n - 2.0, n - 2.0, 2.0 * (n - 2.0), (n - 2.0) * (n - 3.0)]
}

/// One eigenvalue of an exchangeable kernel on the n(n−1) ordered pairs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelEigenvalue {
    /// Which invariant subspace of functions f(i, j) it belongs to.
    pub subspace: Subspace,
    /// The eigenvalue.
    pub value: f64,
    /// Dimension of its eigenspace.
    pub multiplicity: usize,
}

impl ExchangeableKernel {
    /// The kernel with the six orbit values in the order identical, flipped, same first, same second, crossed, disjoint.
    ///
    /// # Errors
    /// A value that is not finite, or κ_id − κ_flip ≤ 0. Definiteness depends on the number of items:
    /// [`check_definite`](Self::check_definite).
    pub fn from_orbits(orbits: [f64; 6]) -> Result<Self> {
        const NAMES: [&str; 6] = ["κ_id", "κ_flip", "κ_first", "κ_second", "κ_cross", "κ_disjoint"];
        for (name, value) in NAMES.into_iter().zip(orbits) {
            if !value.is_finite() {
                return Err(TheoryError::OutOfRange { name, value, range: "a finite number" });
            }
        }
        let [identical, flipped, same_first, same_second, crossed, disjoint] = orbits;
        if identical - flipped <= 0.0 {
            return Err(TheoryError::NoAntisymmetricPart(identical - flipped));
        }
        Ok(Self { identical, flipped, same_first, same_second, crossed, disjoint, exact_conjunctivity: None })
    }

    /// One-hot items in separate positions, plus a conjunctive feature per pair: κ_id = 1, κ_1 = κ_2 = (1−α)/2, all else 0.
    ///
    /// The simplest kernel of its conjunctivity; with both presentation orders all others of that conjunctivity act like it.
    ///
    /// # Errors
    /// A conjunctivity outside [0, 1].
    pub fn from_conjunctivity(conjunctivity: f64) -> Result<Self> {
        let alpha = check_conjunctivity(conjunctivity)?;
        let shared = (1.0 - alpha) / 2.0;
        Ok(Self::from_orbits([1.0, 0.0, shared, shared, 0.0, 0.0])?.with_conjunctivity(alpha))
    }

    /// The kernel with an α known more exactly than from the orbit values, as for a deep network.
    #[must_use]
    pub(crate) fn with_conjunctivity(mut self, conjunctivity: f64) -> Self {
        self.exact_conjunctivity = Some(conjunctivity);
        self
    }

    /// The kernel with all values times `factor`, a positive power of two.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        let [identical, flipped, same_first, same_second, crossed, disjoint] = self.orbits().map(|k| k * factor);
        Self { identical, flipped, same_first, same_second, crossed, disjoint, ..*self }
    }

    /// The six orbit values, in the order of [`from_orbits`](Self::from_orbits).
    pub fn orbits(&self) -> [f64; 6] {
        [self.identical, self.flipped, self.same_first, self.same_second, self.crossed, self.disjoint]
    }

    /// K((i,j),(k,l)) for i ≠ j and k ≠ l. Cost O(1).
    pub fn value(&self, e: (usize, usize), f: (usize, usize)) -> f64 {
        self.orbits()[orbit(e, f)]
    }

    /// κ_id − κ_flip > 0: the norm of the antisymmetric part, which sets the scale of the ridge.
    pub fn scale(&self) -> f64 {
        self.identical - self.flipped
    }

    /// The conjunctivity factor α = (κ_id − κ_flip − 2(κ_s − κ_x))/(κ_id − κ_flip), κ_s the mean of κ_1 and κ_2.
    ///
    /// 0 additive, 1 fully conjunctive (THEORY: Lippl et al. 2024, generalized to κ_flip, κ_x ≠ κ_0). A valid kernel has
    /// α ≥ 0; α > 1 happens where pairs sharing an item are less similar than pairs sharing it crosswise.
    pub fn conjunctivity(&self) -> f64 {
        let shared = self.same_first + self.same_second - 2.0 * self.crossed;
        self.exact_conjunctivity.unwrap_or_else(|| (self.scale() - shared) / self.scale())
    }

    /// The kernel with κ_1 and κ_2 replaced by their mean, which keeps the conjunctivity.
    #[must_use]
    pub fn symmetrized(mut self) -> Self {
        self.exact_conjunctivity = Some(self.conjunctivity());
        let mean = f64::midpoint(self.same_first, self.same_second);
        (self.same_first, self.same_second) = (mean, mean);
        self
    }

    /// Whether both positions have the same effect (κ_1 = κ_2).
    pub fn is_position_symmetric(&self) -> bool {
        self.same_first == self.same_second
    }

    /// Ridge λ = (κ_id − κ_flip)/C on this kernel for the inverse regularization C of the normalized one; C = ∞ gives 0.
    ///
    /// # Errors
    /// C ≤ 0 or NaN.
    pub fn ridge_from_c(&self, c: f64) -> Result<f64> {
        Ok(self.scale() / check_c(c)?)
    }

    /// All eigenvalues of K on the ordered pairs of `n_items` ≥ 2 items, in closed form.
    ///
    /// Functions on ordered pairs split into the constants; the symmetric and the antisymmetric functions without item
    /// means (n ≥ 4 and n ≥ 3); and the item effects u_i + v_j, twice the same irreducible representation, on which K acts
    /// as a 2 × 2 matrix (for n = 2 once, as the sign of the pair).
    pub fn eigenvalues(&self, n_items: usize) -> Vec<KernelEigenvalue> {
        let n = n_items as f64;
        let [id, flip, first, second, cross, zero] = self.orbits();
        let mut all = vec![KernelEigenvalue {
            subspace: Subspace::Constant,
            value: id + flip + (n - 2.0) * (first + second + 2.0 * cross) + (n - 2.0) * (n - 3.0) * zero,
            multiplicity: 1,
        }];
        if n_items == 2 {
            all.push(KernelEigenvalue { subspace: Subspace::Sign, value: id - flip, multiplicity: 1 });
            return all;
        }
        let [uu, vv, vu, uv] = self.item_block(n);
        let mean = (uu + vv) / 2.0;
        // The discriminant is nonnegative: K is symmetric for the (positive definite) inner product of u_i and v_j.
        let spread = (((uu - vv) / 2.0).powi(2) + uv * vu).max(0.0).sqrt();
        for value in [mean + spread, mean - spread] {
            all.push(KernelEigenvalue { subspace: Subspace::ItemEffect, value, multiplicity: n_items - 1 });
        }
        all.push(KernelEigenvalue {
            subspace: Subspace::Cyclic,
            value: id - flip - first - second + 2.0 * cross,
            multiplicity: (n_items - 1) * (n_items - 2) / 2,
        });
        if n_items >= 4 {
            all.push(KernelEigenvalue {
                subspace: Subspace::Symmetric,
                value: id + flip - first - second - 2.0 * cross + 2.0 * zero,
                multiplicity: n_items * (n_items - 3) / 2,
            });
        }
        all
    }

    /// The nearest kernel on `n_items` ≥ 3 items without the negative eigenvalues that an error of at most `error` in every orbit
    /// value can leave; others stay. Where α is above 1 by no more than that, it becomes 1.
    pub(crate) fn without_rounding(&self, n_items: usize, error: f64) -> Self {
        let n = n_items as f64;
        let mut orbits = self.orbits();
        for KernelEigenvalue { subspace, value, .. } in self.eigenvalues(n_items) {
            let h = 0.5 / n;
            // How many orbit values each eigenvalue sums, and the orbit values of the projector on its eigenspace.
            let (terms, projector) = match subspace {
                Subspace::Constant => (n * (n - 1.0), [1.0 / (n * (n - 1.0)); 6]),
                // The antisymmetric functions less the gradients r_i − r_j.
                Subspace::Cyclic => (6.0, [0.5 - 2.0 * h, 2.0 * h - 0.5, -h, -h, h, 0.0]),
                // The second eigenspace of the Johnson scheme on unordered pairs.
                Subspace::Symmetric => {
                    let (same, none) = ((n - 3.0) / (n - 1.0) / 2.0, 1.0 / ((n - 1.0) * (n - 2.0)));
                    let shared = -same / (n - 2.0);
                    (8.0, [same, same, shared, shared, shared, none])
                }
                Subspace::ItemEffect | Subspace::Sign => {
                    // Functions a·x_i + b·x_j over x of sum zero and norm 1, of norm 1 themselves.
                    let (a, b) = self.item_eigenvector(n, value);
                    let (own, cross) = (a * a + b * b, a * b);
                    let projector = [
                        own * (1.0 - 1.0 / n) - 2.0 * cross / n,
                        2.0 * cross * (1.0 - 1.0 / n) - own / n,
                        a * a - (own + 2.0 * cross) / n,
                        b * b - (own + 2.0 * cross) / n,
                        cross - (own + 2.0 * cross) / n,
                        -(own + 2.0 * cross) / n,
                    ];
                    (4.0 * n, projector)
                }
            };
            if value < 0.0 && value >= -error * terms {
                orbits.iter_mut().zip(projector).for_each(|(orbit, p)| *orbit -= value * p);
            }
        }
        let [identical, flipped, mut same_first, mut same_second, mut crossed, disjoint] = orbits;
        let excess = (2.0 * crossed - same_first - same_second) / 4.0;
        if excess > 0.0 && excess <= error {
            same_first += excess;
            same_second += excess;
            crossed -= excess;
        }
        Self { identical, flipped, same_first, same_second, crossed, disjoint, exact_conjunctivity: None }
    }

    /// (a, b) of the item effects a·x_i + b·x_j that belong to the eigenvalue `value`, of norm 1 where x has sum zero and norm 1.
    fn item_eigenvector(&self, n: f64, value: f64) -> (f64, f64) {
        let [uu, vv, vu, uv] = self.item_block(n);
        // In the orthonormal basis of antisymmetric and symmetric item effects, where the block is symmetric.
        let antisymmetric = (uu - uv - vu + vv) / 2.0;
        let symmetric = (uu + uv + vu + vv) / 2.0;
        let mixed = (uu + uv - vu - vv) / 2.0 * (n / (n - 2.0)).sqrt();
        let (p, q) = if (antisymmetric - value).abs() >= (symmetric - value).abs() {
            (-mixed, antisymmetric - value)
        } else {
            (symmetric - value, -mixed)
        };
        let norm = p.hypot(q);
        // Where both are the same eigenvalue any direction is an eigenvector.
        let (p, q) = if norm > 0.0 { (p / norm, q / norm) } else { (1.0, 0.0) };
        let (p, q) = (p / (2.0 * n).sqrt(), q / (2.0 * (n - 2.0)).sqrt());
        (p + q, q - p)
    }

    /// [uu, vv, vu, uv], with K(u_i) = uu·u_i + vu·u_j and K(v_j) = uv·v_i + vv·v_j for u and v that sum to zero.
    fn item_block(&self, n: f64) -> [f64; 4] {
        let [id, flip, first, second, cross, zero] = self.orbits();
        [
            id + (n - 2.0) * first - second - cross - (n - 3.0) * zero,
            id + (n - 2.0) * second - first - cross - (n - 3.0) * zero,
            flip - second + (n - 3.0) * (cross - zero),
            flip - first + (n - 3.0) * (cross - zero),
        ]
    }

    /// Whether the kernel is positive semidefinite on the ordered pairs of `n_items` items, up to rounding.
    ///
    /// # Errors
    /// [`TheoryError::IndefiniteKernel`] with the most negative eigenvalue, or fewer than two items.
    pub fn check_definite(&self, n_items: usize) -> Result<()> {
        if n_items < 2 {
            return Err(TheoryError::TooFewItems(n_items));
        }
        let n = n_items as f64;
        let largest = largest(&self.orbits());
        for KernelEigenvalue { subspace, value, .. } in self.eigenvalues(n_items) {
            // Each eigenvalue is a sum of orbit values with at most n² terms for the constant and 3n for the rest; the
            // rounding of the 2 × 2 block enters through a square root.
            let terms = if subspace == Subspace::Constant { n * n } else { 4.0 * n };
            if value < -16.0 * f64::EPSILON * terms * largest {
                return Err(TheoryError::IndefiniteKernel { n_items, subspace, eigenvalue: value });
            }
        }
        Ok(())
    }
}

/// Checks a conjunctivity factor α ∈ [0, 1].
pub(crate) fn check_conjunctivity(conjunctivity: f64) -> Result<f64> {
    check_range("conjunctivity", conjunctivity, 0.0, 1.0, "between 0 (additive) and 1 (conjunctive)")
}

/// Checks an inverse regularization C ∈ (0, ∞].
pub(crate) fn check_c(c: f64) -> Result<f64> {
    let range = "positive (inf is allowed)";
    if c > 0.0 { Ok(c) } else { Err(TheoryError::OutOfRange { name: "C", value: c, range }) }
}

/// Ridge regression on the normalized antisymmetric kernel: conjunctivity α and inverse regularization C.
///
/// ```
/// use caveat_theory::RidgeModel;
/// let model = RidgeModel::new(0.2, 10.0)?;
/// assert!((model.screening(1.0) - 0.75).abs() < 1e-15); // μ = 2(0.2 + 0.1)/0.8
/// assert!((model.memorization(1.0) - 2.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RidgeModel {
    conjunctivity: f64,
    c: f64,
}

impl RidgeModel {
    /// α ∈ [0, 1] and C ∈ (0, ∞].
    ///
    /// # Errors
    /// A parameter out of range or NaN.
    pub fn new(conjunctivity: f64, c: f64) -> Result<Self> {
        Ok(Self { conjunctivity: check_conjunctivity(conjunctivity)?, c: check_c(c)? })
    }

    /// The model with screening μ ∈ [0, ∞) and memorization m ∈ [0, 1]: α = mμ/(2 + mμ), 1/C = (1−m)μ/(2 + mμ).
    ///
    /// μ = 0 gives α = 0 and C = ∞, whose memorization is 0 by convention.
    ///
    /// # Errors
    /// A parameter out of range or NaN.
    pub fn from_screening(screening: f64, memorization: f64) -> Result<Self> {
        let mu = check_range("screening", screening, 0.0, f64::MAX, "a finite number of at least 0")?;
        let m = check_range("memorization", memorization, 0.0, 1.0, "between 0 and 1")?;
        let (a, b) = (m * mu, (1.0 - m) * mu);
        // Divided through by mμ where that is large, so that nothing overflows.
        let conjunctivity = if a > 1.0 { 1.0 / (1.0 + 2.0 / a) } else { a / (2.0 + a) };
        let c = if a > 1.0 { (1.0 + 2.0 / a) / (b / a) } else { (2.0 + a) / b };
        Self::new(conjunctivity, c)
    }

    /// The conjunctivity factor α.
    pub fn conjunctivity(&self) -> f64 {
        self.conjunctivity
    }

    /// The inverse regularization C.
    pub fn c(&self) -> f64 {
        self.c
    }

    /// h = (1−α)/2, the share of the kernel that each of the two items brings.
    pub fn item_share(&self) -> f64 {
        (1.0 - self.conjunctivity) / 2.0
    }

    /// α + 1/(C·weight), the diagonal of a trained pair; ∞ for C below 1/f64::MAX.
    pub fn diagonal(&self, weight: f64) -> f64 {
        self.conjunctivity + 1.0 / (self.c * weight)
    }

    /// Screening μ = 2(α + 1/(C·weight))/(1−α) of pairs of that presentation weight; ∞ for α = 1, 0 for α = 0 and C = ∞.
    pub fn screening(&self, weight: f64) -> f64 {
        self.diagonal(weight) / self.item_share()
    }

    /// Memorization weight m = α/(α + 1/(C·weight)) of a trained pair; 0 where α = 0.
    pub fn memorization(&self, weight: f64) -> f64 {
        if self.conjunctivity == 0.0 { 0.0 } else { self.conjunctivity / self.diagonal(weight) }
    }

    /// Conductance of a pair of presentation weight `weight` relative to one of weight `base`, D_e/D_base ∈ (0, ∞).
    pub(crate) fn relative_conductance(&self, weight: f64, base: f64) -> f64 {
        if weight == base {
            1.0
        } else if self.conjunctivity == 0.0 {
            weight / base
        } else {
            // (α + 1/(C·base))/(α + 1/(C·weight)), multiplied through by C·base so that C → 0 keeps its limit.
            let ac = self.conjunctivity * self.c;
            if ac.is_infinite() { 1.0 } else { (ac * base + 1.0) / (ac * weight + 1.0) * (weight / base) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{Mat, Side};
    use proptest::prelude::*;

    fn ordered_pairs(n: usize) -> Vec<(usize, usize)> {
        (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).collect()
    }

    fn numerical_eigenvalues(kernel: &ExchangeableKernel, n: usize) -> Vec<f64> {
        let pairs = ordered_pairs(n);
        let k = Mat::from_fn(pairs.len(), pairs.len(), |a, b| kernel.value(pairs[a], pairs[b]));
        k.self_adjoint_eigenvalues(Side::Lower).unwrap()
    }

    proptest! {
        #[test]
        fn rounding_is_taken_off_as_a_projection_does(
            n in 3usize..8, rest in prop::array::uniform5(-1.0..1.0f64), excess in 0.01..2.0f64,
        ) {
            let [flip, first, second, cross, zero] = rest;
            // No two pairs of 3 items are without a shared item.
            let zero = if n == 3 { cross } else { zero };
            let kernel = ExchangeableKernel::from_orbits([flip + excess, flip, first, second, cross, zero]).unwrap();
            // With an error as large as the kernel every negative eigenvalue goes, as in the matrix.
            let taken = ExchangeableKernel { ..kernel }.without_rounding(n, 1e3);
            let pairs = ordered_pairs(n);
            let k = Mat::from_fn(pairs.len(), pairs.len(), |a, b| kernel.value(pairs[a], pairs[b]));
            let eigen = k.self_adjoint_eigen(Side::Lower).unwrap();
            let u = eigen.U();
            let kept = Mat::from_fn(pairs.len(), pairs.len(), |r, c| {
                u[(r, c)] * eigen.S().column_vector()[c].max(0.0)
            });
            let expected = kept * u.transpose();
            if taken.conjunctivity() < 1.0 - 1e-9 {
                for (a, &p) in pairs.iter().enumerate() {
                    for (b, &q) in pairs.iter().enumerate() {
                        prop_assert!((taken.value(p, q) - expected[(a, b)]).abs() < 1e-10, "{kernel:?}");
                    }
                }
            }
            // Without an error nothing changes.
            prop_assert_eq!(kernel.without_rounding(n, 0.0), kernel);
        }

        #[test]
        fn closed_form_eigenvalues_are_those_of_the_matrix(
            n in 2usize..8, rest in prop::array::uniform5(-1.0..1.0f64), excess in 0.01..2.0f64,
        ) {
            let [flip, first, second, cross, zero] = rest;
            let kernel = ExchangeableKernel::from_orbits([flip + excess, flip, first, second, cross, zero]).unwrap();
            let mut closed: Vec<f64> =
                kernel.eigenvalues(n).iter().flat_map(|e| vec![e.value; e.multiplicity]).collect();
            closed.sort_by(f64::total_cmp);
            let numerical = numerical_eigenvalues(&kernel, n);
            prop_assert_eq!(closed.len(), numerical.len());
            for (a, b) in closed.iter().zip(&numerical) {
                prop_assert!((a - b).abs() < 1e-12 * (n * n) as f64, "{:?} {:?}", closed, numerical);
            }
            prop_assert_eq!(kernel.check_definite(n).is_ok(), numerical[0] > -1e-12, "smallest {}", numerical[0]);
        }

        #[test]
        fn screening_and_memorization_invert(alpha in 0.0..0.999f64, log_c in -6.0..6.0f64) {
            let model = RidgeModel::new(alpha, 10f64.powf(log_c)).unwrap();
            let back = RidgeModel::from_screening(model.screening(1.0), model.memorization(1.0)).unwrap();
            prop_assert!((back.conjunctivity() - alpha).abs() < 1e-13);
            // 1 − m cancels where αC is large.
            prop_assert!((back.c() / model.c() - 1.0).abs() < 4.0 * f64::EPSILON * (4.0 + alpha * model.c()));
        }

        #[test]
        fn ridge_and_c_invert(scale in 0.1..10.0f64, c in 0.001..1e6f64) {
            let kernel = ExchangeableKernel::from_orbits([scale + 0.3, 0.3, 0.4, 0.4, 0.3, 0.3]).unwrap();
            let back = kernel.scale() / kernel.ridge_from_c(c).unwrap();
            prop_assert!((back / c - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn conjunctivity_of_orbits_matches_the_published_form() {
        // κ_id = 1 and κ_flip = κ_x = κ_0: α = (1 + κ_0 − 2κ_s)/(1 − κ_0).
        let kernel = ExchangeableKernel::from_orbits([1.0, 0.2, 0.5, 0.5, 0.2, 0.2]).unwrap();
        assert!((kernel.conjunctivity() - 0.2 / 0.8).abs() < 1e-15);
        for a in [0.0, 0.3, 1.0] {
            let k = ExchangeableKernel::from_conjunctivity(a).unwrap();
            assert!((k.conjunctivity() - a).abs() < 1e-15);
            k.check_definite(12).unwrap();
        }
    }

    #[test]
    fn invalid_kernels_are_refused() {
        assert!(matches!(
            ExchangeableKernel::from_orbits([1.0, 0.0, 0.9, 0.9, 0.0, 0.0]).unwrap().check_definite(9),
            Err(TheoryError::IndefiniteKernel { .. })
        ));
        assert!(ExchangeableKernel::from_orbits([1.0, 1.0, 0.0, 0.0, 0.0, 0.0]).is_err());
        assert!(ExchangeableKernel::from_orbits([1.0, 0.0, f64::NAN, 0.0, 0.0, 0.0]).is_err());
        for alpha in [-0.1, 1.1, f64::NAN] {
            assert!(RidgeModel::new(alpha, 1.0).is_err());
        }
        for c in [0.0, -1.0, f64::NAN] {
            assert!(RidgeModel::new(0.5, c).is_err());
        }
    }

    #[test]
    fn limits_of_the_model_are_finite_or_the_limit_itself() {
        let additive = RidgeModel::new(0.0, f64::INFINITY).unwrap();
        assert_eq!((additive.screening(1.0), additive.memorization(1.0)), (0.0, 0.0));
        let conjunctive = RidgeModel::new(1.0, 4.0).unwrap();
        assert_eq!((conjunctive.screening(1.0), conjunctive.memorization(1.0)), (f64::INFINITY, 0.8));
        assert_eq!(RidgeModel::new(0.5, f64::INFINITY).unwrap().memorization(1.0), 1.0);
        assert_eq!(RidgeModel::new(0.5, 1e-320).unwrap().memorization(1.0), 0.0);
        assert_eq!(RidgeModel::from_screening(0.0, 1.0).unwrap().c(), f64::INFINITY);
        assert!((RidgeModel::from_screening(1e300, 0.5).unwrap().conjunctivity() - 1.0).abs() < 1e-15);
    }
}
