//! Measured kernel matrices over ordered pairs, projected on the exchangeable kernels: their conjunctivity, and what the projection loses.
//!
//! A measurement (hidden states of a network or a language model, neural recordings, similarity judgments) gives one
//! kernel value for every two ordered pairs. Averaging over all relabelings of the items is the orthogonal projection, in
//! the Frobenius norm, on the exchangeable kernels, and comes down to six averages, one over each orbit. (Conjunctivity:
//! Lippl et al. 2024, doi 10.1073/pnas.2314511121, and Cheng & Lippl 2026, arXiv 2605.22972.)
//!
//! Centering K ↦ HKH, H = I − 11ᵀ/P, commutes with relabeling, hence with the projection Π: HΠ(K)H = Π(HKH). It shifts all
//! six orbit values by the same amount and leaves α unchanged.
//!
//! With P = n(n−1) ordered pairs and κ̂ the averages over the orbits, Π(K) has the entries κ̂, and the shares that it explains are
//! ‖HΠ(K)H‖²/‖HKH‖² and 1 − ‖K − Π(K)‖²/‖K − K̄‖², both in [0, 1], K̄ the mean entry (§8.2).

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::exchangeable::{ExchangeableKernel, orbit, orbit_sizes};
use super::subspace::Subspace;
use crate::error::{Result, TheoryError};
use crate::named_enum;
use crate::numeric::compensated::CompensatedSum;
use crate::numeric::vectors::extremes;

/// Largest |K_ab − K_ba| that counts as rounding, relative to the largest |K_ab|: 16 ulps of single precision, in which
/// representations are commonly stored and multiplied.
const ASYMMETRY_TOLERANCE: f64 = 16.0 * f32::EPSILON as f64;

named_enum! {
    /// The coarsest format of floating-point numbers that holds every entry of a matrix: that in which it was computed or stored. Names
    /// are NumPy's.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum StoredPrecision, ALL {
        /// 8 binary digits, of accelerators.
        Bfloat16 = "bfloat16",
        /// 11 binary digits.
        Float16 = "float16",
        /// 24 binary digits, in which representations are commonly kept.
        Float32 = "float32",
        /// 53 binary digits, or whole numbers and fractions of fewer than 8 digits, which are exact.
        Float64 = "float64",
    }
}

impl StoredPrecision {
    /// The format of a matrix, recognized by its numbers, also after they have been read or converted as `f64`.
    pub fn recognize(matrix: &[f64]) -> Self {
        let single = |x: &f64| f64::from(*x as f32) == *x;
        // How many of the last digits of single precision are zero.
        let ends = |x: &f64, zeros: u32| (*x as f32).to_bits().trailing_zeros() >= zeros;
        // Whole numbers, halves and the like are exact: rounding would fill the last digits of some entry.
        let is_exact = || matrix.par_iter().all(|x| x.fract() == 0.0) || matrix.par_iter().all(|x| ends(x, 17));
        if !matrix.par_iter().all(single) || is_exact() {
            Self::Float64
        } else if matrix.par_iter().all(|x| ends(x, 16)) {
            Self::Bfloat16
        } else if matrix.par_iter().all(|x| ends(x, 13) && x.abs() <= 65_504.0) {
            Self::Float16
        } else {
            Self::Float32
        }
    }

    /// Largest |K_ab − K_ba| that counts as rounding, relative to the largest |K_ab|: in half precision both may be rounded.
    fn asymmetry(self) -> f64 {
        match self {
            Self::Bfloat16 | Self::Float16 => 2.0 * self.entry_error(),
            Self::Float32 | Self::Float64 => ASYMMETRY_TOLERANCE,
        }
    }

    /// Largest error of an entry that counts as rounding, relative to the largest entry.
    ///
    /// Double precision gets the error of single precision, in which representations are commonly stored and summed: 16 units. Half
    /// precision was only stored, rounded once.
    pub fn entry_error(self) -> f64 {
        match self {
            Self::Bfloat16 => (2.0_f64).powi(-8),
            Self::Float16 => (2.0_f64).powi(-11),
            Self::Float32 | Self::Float64 => ASYMMETRY_TOLERANCE,
        }
    }
}

/// Side of the square tiles in which a matrix is compared with its transpose, so that both stay in cache.
const TILE: usize = 64;

/// A measured kernel's projection on the exchangeable kernels, and how well it describes the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredKernel {
    /// Number of items n; the kernel was measured on P = n(n−1) ordered pairs.
    pub n_items: usize,
    /// The projection: each orbit's value is the measured average over it, with negative eigenvalues within rounding set to 0.
    pub kernel: ExchangeableKernel,
    /// α of the projection. Sampling error can put it below 0 or above 1; where the matrix is positive semidefinite, α ≥ 0: it is set
    /// to 0 where only rounding puts it below.
    pub conjunctivity: f64,
    /// Share of ‖HKH‖² (Frobenius norm of the double-centered kernel) that the projection explains, ‖HΠ(K)H‖²/‖HKH‖² ∈ [0, 1].
    ///
    /// It is 1 − ‖H(K − Π(K))H‖²/‖HKH‖² as well, since the projection commutes with centering and is orthogonal. What all
    /// pairs have in common, and how typical each is, does not count.
    pub variance_explained: f64,
    /// 1 − ‖K − Π(K)‖²/‖K − K̄‖² ∈ [0, 1] with K̄ the mean entry: the share of the entries' variance.
    ///
    /// At most [`variance_explained`](Self::variance_explained): it counts differences in row means too, of which an
    /// exchangeable kernel has none.
    pub entry_variance_explained: f64,
    /// Largest |K_ab − K_ba| of the input relative to its largest |K_ab|.
    pub asymmetry: f64,
    /// Smallest eigenvalue of the averages on the n(n−1) ordered pairs, as measured.
    pub smallest_eigenvalue: f64,
    /// Invariant subspace that it belongs to.
    pub smallest_eigenvalue_subspace: Subspace,
    /// The precision of the matrix, by its numbers.
    pub precision: StoredPrecision,
    /// Whether the projection is positive semidefinite up to rounding in that precision. Where the measured matrix is, its projection is.
    pub is_definite: bool,
    /// Whether κ_0 was set to κ_x, since no two ordered pairs of 3 items are without a shared item.
    ///
    /// Neither α nor any prediction on 3 items depends on κ_0; κ_0 = κ_x is what one-hot items in separate positions have.
    pub disjoint_is_filled: bool,
}

/// n for a number of ordered pairs n(n−1) ≥ 2; `None` where it is not of that form. Cost O(1).
///
/// ```
/// assert_eq!(caveat_theory::n_items_from_pairs(72), Some(9));
/// assert_eq!(caveat_theory::n_items_from_pairs(73), None);
/// ```
pub fn n_items_from_pairs(len: usize) -> Option<usize> {
    // (n−1)² ≤ n(n−1) < n², so n − 1 is the integer square root; len − root² cannot underflow.
    let root = len.isqrt();
    (root > 0 && len - root * root == root).then(|| root + 1)
}

impl MeasuredKernel {
    /// Projects the kernel `matrix` over the ordered pairs of `n_items` ≥ 3 items.
    ///
    /// `matrix` is row-major, P × P with P = n(n−1), the ordered pairs in lexicographic order: (0,1), (0,2), …, (1,0), (1,2),
    /// …. Its unit is kept. Cost O(n⁴) time, in parallel, beside O(n²) memory; the result does not depend on the number of
    /// threads.
    ///
    /// # Errors
    /// Fewer than 3 items (2 have no pairs that share one item, so α is not defined); a matrix of another size; an entry that
    /// is not finite; asymmetry beyond single-precision rounding; averages with κ_id ≤ κ_flip.
    pub fn project(n_items: usize, matrix: &[f64]) -> Result<Self> {
        if n_items < 2 {
            return Err(TheoryError::TooFewItems(n_items));
        }
        if n_items == 2 {
            return Err(bad_kernel(
                "2 items have only the two orbits κ_id and κ_flip: no two of their ordered pairs share exactly one item, \
                 so the conjunctivity is not defined; at least 3 items are needed",
            ));
        }
        let sizes = n_items.checked_mul(n_items - 1).and_then(|pairs| Some((pairs, pairs.checked_mul(pairs)?)));
        let Some((pairs, entries)) = sizes else {
            return Err(bad_kernel(format!("{n_items} items are too many: their matrix does not fit in memory")));
        };
        if matrix.len() != entries {
            return Err(bad_kernel(format!(
                "{n_items} items have {pairs} ordered pairs, so the matrix must be {pairs} × {pairs} = {entries} entries, \
                 got {}",
                matrix.len()
            )));
        }
        let largest = check_finite(n_items, matrix)?;
        let precision = StoredPrecision::recognize(matrix);
        let asymmetry = check_symmetric(n_items, pairs, matrix, largest, precision.asymmetry())?;
        // Sums of squares of very large or small entries would leave the range of numbers.
        let unit = if (SMALL..LARGE).contains(&largest) || largest == 0.0 { 1.0 } else { power_of_two(largest) };
        let scaled: Vec<f64>;
        let (matrix, largest) = if unit == 1.0 {
            (matrix, largest)
        } else {
            scaled = matrix.iter().map(|value| value / unit).collect();
            (&scaled[..], largest / unit)
        };
        let (orbits, means) = orbit_averages(n_items, matrix);
        let kernel = ExchangeableKernel::from_orbits(orbits)?;
        // The averages are accurate to an ulp of the entries' magnitude.
        if kernel.scale() <= 4.0 * f64::EPSILON * largest {
            return Err(TheoryError::NoAntisymmetricPart(kernel.scale()));
        }
        let (variance_explained, entry_variance_explained) = shares_explained(n_items, matrix, &kernel, &means);
        // Coarsely stored numbers have lost digits to their common part; in double precision an added constant changes nothing.
        let (low, high) = extremes(orbits);
        let size = if precision == StoredPrecision::Float64 { high - low } else { largest };
        let rounded = kernel.without_rounding(n_items, precision.entry_error() * size);
        let conjunctivity = rounded.conjunctivity();
        // An α that was raised to 0 is 0 up to the rounding of sums of orbit values.
        let was_negative = kernel.conjunctivity() < 0.0 || conjunctivity < 0.0;
        let rounding = 64.0 * f64::EPSILON * largest / kernel.scale();
        let conjunctivity = if was_negative && conjunctivity.abs() <= rounding { 0.0 } else { conjunctivity };
        let eigenvalues = kernel.eigenvalues(n_items);
        let smallest = eigenvalues.iter().fold(eigenvalues[0], |a, &b| if b.value < a.value { b } else { a });
        Ok(Self {
            n_items,
            kernel: rounded.with_conjunctivity(conjunctivity).scaled(unit),
            conjunctivity,
            variance_explained,
            entry_variance_explained,
            asymmetry,
            smallest_eigenvalue: smallest.value * unit,
            smallest_eigenvalue_subspace: smallest.subspace,
            precision,
            is_definite: rounded.check_definite(n_items).is_ok(),
            disjoint_is_filled: n_items == 3,
        })
    }

    /// [`project`](Self::project) for a square, row-major matrix, whose size gives the number of items.
    ///
    /// # Errors
    /// A matrix that is not square or whose side is not n(n−1), and those of [`project`](Self::project).
    pub fn project_square(matrix: &[f64]) -> Result<Self> {
        let side = matrix.len().isqrt();
        if side * side != matrix.len() {
            return Err(bad_kernel(format!(
                "{} entries do not make a square matrix: it must be P × P over the P = n(n−1) ordered pairs of n items",
                matrix.len()
            )));
        }
        let n_items = n_items_from_pairs(side).ok_or_else(|| {
            // The neighbors n(n−1) < side < (n+1)n, from 2 on.
            let root = side.isqrt();
            let below = if root * (root + 1) <= side { root + 1 } else { root.max(1) };
            let [low, high] = [below.max(2), (below + 1).max(3)];
            bad_kernel(format!(
                "a {side} × {side} matrix is not one over the n(n−1) ordered pairs of n items: {low} items have {}, {high} \
                 have {}",
                low * (low - 1),
                high * (high - 1)
            ))
        })?;
        Self::project(n_items, matrix)
    }
}

/// Between these, squares of entries and their sums are exact to rounding.
const SMALL: f64 = 1e-100;
const LARGE: f64 = 1e100;

/// The power of two below a positive number, at least the smallest normal one.
fn power_of_two(value: f64) -> f64 {
    f64::from_bits(value.max(f64::MIN_POSITIVE).to_bits() & (0x7ff << 52))
}

pub(crate) fn bad_kernel(problem: impl Into<String>) -> TheoryError {
    TheoryError::bad_input("kernel matrix over ordered pairs", problem)
}

/// The ordered pair of a lexicographic index.
fn pair(n_items: usize, index: usize) -> (usize, usize) {
    let (i, position) = (index / (n_items - 1), index % (n_items - 1));
    (i, position + usize::from(position >= i))
}

/// The largest |K_ab|, or an error that names the first entry that is not finite.
fn check_finite(n_items: usize, matrix: &[f64]) -> Result<f64> {
    if let Some(index) = matrix.par_iter().position_first(|value| !value.is_finite()) {
        let pairs = n_items * (n_items - 1);
        let (row, column) = (index / pairs, index % pairs);
        return Err(bad_kernel(format!(
            "the entry in row {row}, column {column} (pairs {:?} and {:?}) is {}: all must be finite",
            pair(n_items, row),
            pair(n_items, column),
            matrix[index]
        )));
    }
    Ok(matrix.par_iter().fold(|| 0.0_f64, |a, &b| a.max(b.abs())).reduce(|| 0.0, f64::max))
}

/// The largest |K_ab − K_ba| relative to `largest`, or an error that names where it is too large.
fn check_symmetric(n_items: usize, pairs: usize, matrix: &[f64], largest: f64, tolerance: f64) -> Result<f64> {
    let tiles = pairs.div_ceil(TILE);
    let worst_of_rows = |tile: usize| {
        let rows = tile * TILE..((tile + 1) * TILE).min(pairs);
        let mut worst = (0.0, 0, 0);
        for column_tile in tile..tiles {
            for row in rows.clone() {
                for column in column_tile * TILE..((column_tile + 1) * TILE).min(pairs) {
                    let difference = (matrix[row * pairs + column] - matrix[column * pairs + row]).abs();
                    if difference > worst.0 {
                        worst = (difference, row, column);
                    }
                }
            }
        }
        worst
    };
    let all: Vec<(f64, usize, usize)> = (0..tiles).into_par_iter().map(worst_of_rows).collect();
    let (difference, row, column) = all.into_iter().fold((0.0, 0, 0), |a, b| if b.0 > a.0 { b } else { a });
    if difference > tolerance * largest {
        let (low, high) = (row.min(column), row.max(column));
        return Err(bad_kernel(format!(
            "it is not symmetric: row {low}, column {high} (pairs {:?} and {:?}) is {}, and row {high}, column {low} is {}; \
             a kernel takes one value for both",
            pair(n_items, low),
            pair(n_items, high),
            matrix[low * pairs + high],
            matrix[high * pairs + low]
        )));
    }
    Ok(if difference == 0.0 { 0.0 } else { difference / largest })
}

/// Calls `visit(orbit, column, value)` for all entries of the row of pair `index`.
#[inline]
fn visit_row(n_items: usize, matrix: &[f64], index: usize, mut visit: impl FnMut(usize, usize, f64)) {
    let pairs = n_items * (n_items - 1);
    let this = pair(n_items, index);
    let row = &matrix[index * pairs..(index + 1) * pairs];
    for (k, block) in row.chunks_exact(n_items - 1).enumerate() {
        for (position, &value) in block.iter().enumerate() {
            let l = position + usize::from(position >= k);
            visit(orbit(this, (k, l)), k * (n_items - 1) + position, value);
        }
    }
}

/// What centering subtracts: the mean of every row, of every column, and of all entries.
///
/// Row and column means of a nearly symmetric matrix differ by rounding. With one of them for both, projection and centering would
/// commute only up to that.
struct Means {
    rows: Vec<f64>,
    columns: Vec<f64>,
    all: f64,
}

/// Averages over the six orbits (κ_0 := κ_x where n = 3 leaves it empty), and the row, column and total means.
fn orbit_averages(n_items: usize, matrix: &[f64]) -> ([f64; 6], Means) {
    let pairs = n_items * (n_items - 1);
    let row_sums: Vec<[CompensatedSum; 6]> = (0..pairs)
        .into_par_iter()
        .map(|index| {
            let mut sums = [CompensatedSum::default(); 6];
            visit_row(n_items, matrix, index, |orbit, _, value| sums[orbit].add(value));
            sums
        })
        .collect();
    // Rows one after another, in the same order whatever the number of threads.
    let mut sums = [CompensatedSum::default(); 6];
    let mut total = CompensatedSum::default();
    let mut rows = Vec::with_capacity(pairs);
    for row in row_sums {
        let mut row_total = CompensatedSum::default();
        for (sum, part) in sums.iter_mut().zip(row) {
            sum.merge(part);
            row_total.merge(part);
        }
        rows.push(row_total.value() / pairs as f64);
        total.merge(row_total);
    }
    let bands = matrix.par_chunks(pairs * TILE).map(|band| {
        let mut sums = vec![CompensatedSum::default(); pairs];
        for row in band.chunks_exact(pairs) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| sum.add(value));
        }
        sums
    });
    let mut columns = vec![CompensatedSum::default(); pairs];
    for band in bands.collect::<Vec<_>>() {
        columns.iter_mut().zip(band).for_each(|(sum, part)| sum.merge(part));
    }
    let counts = orbit_sizes(n_items);
    let mut averages: [f64; 6] = std::array::from_fn(|orbit| sums[orbit].value() / (pairs as f64 * counts[orbit]));
    if n_items == 3 {
        averages[5] = averages[4];
    }
    let columns = columns.into_iter().map(|sum| sum.value() / pairs as f64).collect();
    (averages, Means { rows, columns, all: total.value() / (pairs as f64).powi(2) })
}

/// The shares of the double-centered kernel's squared norm and of the entries' variance that `kernel` explains.
fn shares_explained(n_items: usize, matrix: &[f64], kernel: &ExchangeableKernel, means: &Means) -> (f64, f64) {
    let pairs = n_items * (n_items - 1);
    let orbits = kernel.orbits();
    // Per row: squared residuals and squared values, centered and raw.
    let rows: Vec<[CompensatedSum; 4]> = (0..pairs)
        .into_par_iter()
        .map(|index| {
            let mut sums = [CompensatedSum::default(); 4];
            visit_row(n_items, matrix, index, |orbit, column, value| {
                // Every row and column of the projection has the mean of all entries, so centering takes off that alone.
                let typical = (means.rows[index] - means.all) + (means.columns[column] - means.all);
                let residual = value - orbits[orbit];
                let deviation = value - means.all;
                let terms = [residual - typical, deviation - typical, residual, deviation];
                sums.iter_mut().zip(terms).for_each(|(sum, term)| sum.add(term * term));
            });
            sums
        })
        .collect();
    let mut sums = [CompensatedSum::default(); 4];
    for row in rows {
        sums.iter_mut().zip(row).for_each(|(sum, part)| sum.merge(part));
    }
    let [centered_residual, centered, residual, raw] = sums.map(CompensatedSum::value);
    // Neither total is 0, since κ_id > κ_flip; the shares can leave [0, 1] by rounding only.
    let share = |residual: f64, total: f64| (1.0 - residual / total).clamp(0.0, 1.0);
    (share(centered_residual, centered), share(residual, raw))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::network::{Activation, NetworkKernel, NetworkKernelKind};
    use crate::kernel::random_features::RandomFeatures;
    use faer::{Mat, Side};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    fn ordered_pairs(n: usize) -> Vec<(usize, usize)> {
        (0..n).flat_map(|i| (0..n).filter(move |&j| j != i).map(move |j| (i, j))).collect()
    }

    fn matrix_of(n: usize, kernel: impl Fn((usize, usize), (usize, usize)) -> f64) -> Vec<f64> {
        let pairs = ordered_pairs(n);
        pairs.iter().flat_map(|&p| pairs.iter().map(|&q| kernel(p, q)).collect::<Vec<_>>()).collect()
    }

    fn normals(count: usize, seed: u64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| rng.sample(StandardNormal)).collect()
    }

    /// Gram matrix, divided by the number of features, of `features` (row-major, one row per ordered pair).
    fn gram(pairs: usize, features: &[f64]) -> Vec<f64> {
        let width = features.len() / pairs;
        let rows: Vec<&[f64]> = features.chunks_exact(width).collect();
        let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / width as f64;
        rows.iter().flat_map(|a| rows.iter().map(|b| inner(a, b)).collect::<Vec<_>>()).collect()
    }

    /// HKH, by definition.
    fn centered(side: usize, matrix: &[f64]) -> Mat<f64> {
        let h = Mat::from_fn(side, side, |a, b| f64::from(u8::from(a == b)) - 1.0 / side as f64);
        &h * Mat::from_fn(side, side, |a, b| matrix[a * side + b]) * &h
    }

    proptest! {
        #[test]
        fn exchangeable_kernels_are_recovered_exactly(
            n in 3usize..9, rest in prop::array::uniform5(-1.0..1.0f64), excess in 0.01..2.0f64,
        ) {
            let [flip, first, second, cross, zero] = rest;
            let zero = if n == 3 { cross } else { zero };
            let kernel = ExchangeableKernel::from_orbits([flip + excess, flip, first, second, cross, zero]).unwrap();
            // Eigenvalues just below 0 and α just above 1 are taken for rounding in single precision.
            prop_assume!(kernel.eigenvalues(n).iter().all(|e| e.value >= 0.0 || e.value < -1e-3));
            prop_assume!(!(1.0..1.001).contains(&kernel.conjunctivity()));
            let measured = MeasuredKernel::project(n, &matrix_of(n, |p, q| kernel.value(p, q))).unwrap();
            // Compensated averages of equal numbers of magnitude ≤ 3: the sum and the division round once each.
            for (a, b) in measured.kernel.orbits().iter().zip(kernel.orbits()) {
                prop_assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs());
            }
            // α = 1 − 2(κ_s − κ_x)/(κ_id − κ_flip): a relative error eps/excess of the denominator times a quotient ≤ 4/excess.
            let tolerance = 64.0 * f64::EPSILON * (1.0 + 1.0 / excess) / excess;
            prop_assert!((measured.conjunctivity - kernel.conjunctivity()).abs() < tolerance);
            prop_assert!(measured.variance_explained > 1.0 - 1e-14);
            prop_assert!(measured.entry_variance_explained > 1.0 - 1e-14);
            prop_assert_eq!(measured.asymmetry, 0.0);
            prop_assert_eq!(measured.is_definite, kernel.check_definite(n).is_ok());
            prop_assert_eq!(measured.disjoint_is_filled, n == 3);
            prop_assert_eq!(MeasuredKernel::project_square(&matrix_of(n, |p, q| kernel.value(p, q))).unwrap(), measured);
        }

        #[test]
        fn projection_is_orthogonal_idempotent_and_keeps_definiteness(n in 3usize..6, rank in 1usize..40, seed in 0u64..1000) {
            let pairs = n * (n - 1);
            let matrix = gram(pairs, &normals(pairs * rank, seed));
            // κ_id > κ_flip almost surely: they are equal only for features that are symmetric in the positions.
            let measured = MeasuredKernel::project(n, &matrix).unwrap();
            prop_assert!(measured.is_definite, "{:?}", measured);
            let projected = matrix_of(n, |p, q| measured.kernel.value(p, q));
            let again = MeasuredKernel::project(n, &projected).unwrap();
            for (a, b) in again.kernel.orbits().iter().zip(measured.kernel.orbits()) {
                prop_assert!((a - b).abs() <= 4.0 * f64::EPSILON * b.abs());
            }
            // Closed-form eigenvalues against those of the matrix: eps × size × norm.
            let dense = Mat::from_fn(pairs, pairs, |a, b| projected[a * pairs + b]);
            let smallest = dense.self_adjoint_eigenvalues(Side::Lower).unwrap()[0];
            let tolerance = 16.0 * f64::EPSILON * pairs as f64 * dense.norm_l2();
            prop_assert!((smallest - measured.smallest_eigenvalue).abs() < tolerance);
            // The residual is orthogonal to the projection, raw and centered, so that the shares have two equal forms.
            let (full, part) = (centered(pairs, &matrix), centered(pairs, &projected));
            let share = part.squared_norm_l2() / full.squared_norm_l2();
            let residual = 1.0 - (&full - &part).squared_norm_l2() / full.squared_norm_l2();
            let rounding = 16.0 * f64::EPSILON * (pairs * pairs) as f64;
            prop_assert!((measured.variance_explained - share).abs() < rounding);
            prop_assert!((measured.variance_explained - residual).abs() < rounding);
            prop_assert!(measured.entry_variance_explained <= measured.variance_explained + rounding);
        }

        #[test]
        fn relabeling_items_and_adding_a_constant_change_nothing(n in 3usize..7, seed in 0u64..1000, shift in -100.0..100.0f64) {
            let pairs = ordered_pairs(n);
            let matrix = gram(pairs.len(), &normals(pairs.len() * 12, seed));
            let reverse = |(i, j): (usize, usize)| (n - 1 - i, n - 1 - j);
            let index = |p| pairs.iter().position(|&q| q == p).unwrap();
            let relabeled: Vec<f64> =
                matrix_of(n, |p, q| shift + matrix[index(reverse(p)) * pairs.len() + index(reverse(q))]);
            let (a, b) = (MeasuredKernel::project(n, &matrix).unwrap(), MeasuredKernel::project(n, &relabeled).unwrap());
            // The shift costs digits: entries of order 100, differences of order κ_id − κ_flip, divided by the same.
            let tolerance = 64.0 * f64::EPSILON * (1.0 + shift.abs()) * (2.0 + a.conjunctivity.abs()) / a.kernel.scale();
            prop_assert!((a.conjunctivity - b.conjunctivity).abs() < tolerance);
            prop_assert!((a.variance_explained - b.variance_explained).abs() < tolerance * 10.0);
            prop_assert!((a.entry_variance_explained - b.entry_variance_explained).abs() < tolerance * 10.0);
        }

        #[test]
        fn pair_counts_are_recognized(n in 2usize..3_000_000_000, off in 1usize..1_000_000) {
            prop_assert_eq!(n_items_from_pairs(n * (n - 1)), Some(n));
            // The next count is 2n further.
            if off < 2 * n {
                prop_assert_eq!(n_items_from_pairs(n * (n - 1) + off), None);
            }
        }
    }

    /// `x` with `digits` binary digits, rounded to the nearest.
    fn with_digits(x: f64, digits: i32) -> f64 {
        if x == 0.0 {
            return 0.0;
        }
        let unit = (2.0_f64).powi(x.abs().log2().floor() as i32 + 1 - digits);
        (x / unit).round() * unit
    }

    /// Additive kernels with items of any scale, as they come out in a format of so many digits.
    fn additive(n: usize, digits: i32, seed: u64) -> Vec<f64> {
        let values = normals(3, seed);
        let (first, second) = (20.0 * values[0].abs() + 0.1, 20.0 * values[1].abs() + 0.1);
        let kernel = ExchangeableKernel::from_orbits([first + second, 0.0, first, second, 0.0, 0.0]).unwrap();
        matrix_of(n, |p, q| with_digits(kernel.value(p, q) + values[2].abs(), digits))
    }

    proptest! {
        #[test]
        fn additive_kernels_stay_additive_in_every_precision(n in 3usize..10, seed in 0u64..10_000, at in 0usize..3) {
            let digits = [8, 11, 24][at];
            let expected = [StoredPrecision::Bfloat16, StoredPrecision::Float16, StoredPrecision::Float32][at];
            let matrix = additive(n, digits, seed);
            // Numbers of fewer digits say nothing of the format.
            prop_assume!(matrix.iter().any(|&x| with_digits(x, digits - 1) != x));
            let measured = MeasuredKernel::project(n, &matrix).unwrap();
            prop_assert_eq!(measured.precision, expected);
            prop_assert!(measured.is_definite, "{measured:?}");
            prop_assert!(measured.conjunctivity >= 0.0 && measured.conjunctivity < 8.0 * expected.entry_error());
            prop_assert!(measured.kernel.check_definite(n).is_ok());
            let moved = measured.kernel.orbits();
            for (k, orbit) in moved.iter().enumerate() {
                let stored = [matrix[0], moved[1], matrix[1], moved[3], moved[4], moved[5]][k];
                prop_assert!((orbit - stored).abs() <= 8.0 * expected.entry_error() * matrix[0]);
            }
            // So it is where the numbers were made doubles and scaled, in single precision.
            if digits == 24 {
                let scaled: Vec<f64> = matrix.iter().map(|x| x / 3.0).collect();
                let scaled = MeasuredKernel::project(n, &scaled).unwrap();
                prop_assert!(scaled.is_definite && scaled.conjunctivity >= 0.0);
            }
        }
    }

    #[test]
    fn the_unit_of_a_matrix_changes_nothing_but_its_own_numbers() {
        let kernel = ExchangeableKernel::from_orbits([2.0, 0.3, 0.9, 1.1, 0.2, 0.1]).unwrap();
        let noise = gram(20, &normals(20 * 30, 3));
        let matrix: Vec<f64> = matrix_of(5, |p, q| kernel.value(p, q)).iter().zip(&noise).map(|(k, e)| k + e).collect();
        let measured = MeasuredKernel::project(5, &matrix).unwrap();
        assert!(measured.is_definite && measured.variance_explained < 0.99);
        for unit in [2f64.powi(-950), 2f64.powi(-400), 2f64.powi(400), 2f64.powi(1000)] {
            let other = matrix.iter().map(|k| k * unit).collect::<Vec<_>>();
            let other = MeasuredKernel::project(5, &other).unwrap();
            let expected = MeasuredKernel {
                kernel: measured.kernel.scaled(unit),
                smallest_eigenvalue: measured.smallest_eigenvalue * unit,
                ..measured.clone()
            };
            assert_eq!(other, expected);
        }
    }

    #[test]
    fn what_is_more_than_rounding_stays_indefinite() {
        for (excess, is_definite) in [(1e-7, true), (1e-3, false), (0.05, false)] {
            let kernel = ExchangeableKernel::from_orbits([1.0, 0.0, 0.5, 0.5 + excess, 0.0, 0.0]).unwrap();
            let measured = MeasuredKernel::project(6, &matrix_of(6, |p, q| kernel.value(p, q))).unwrap();
            assert_eq!(measured.is_definite, is_definite, "{measured:?}");
            assert_eq!(measured.conjunctivity == 0.0, is_definite);
            assert!(measured.smallest_eigenvalue < -0.9 * excess);
        }
        let halves = ExchangeableKernel::from_orbits([40.0, 3.0, 20.0, 23.5, 3.0, 3.0]).unwrap();
        let measured = MeasuredKernel::project(6, &matrix_of(6, |p, q| halves.value(p, q))).unwrap();
        assert_eq!((measured.precision, measured.is_definite), (StoredPrecision::Float64, false));
        // Whole numbers are exact.
        let counts = ExchangeableKernel::from_orbits([200.0, 0.0, 100.0, 101.0, 0.0, 0.0]).unwrap();
        let measured = MeasuredKernel::project(6, &matrix_of(6, |p, q| counts.value(p, q))).unwrap();
        assert_eq!((measured.precision, measured.is_definite), (StoredPrecision::Float64, false));
    }

    #[test]
    fn noise_that_relabeling_averages_away_leaves_the_kernel() {
        // Noise less its own projection: K + N − Π(N) projects on K, and the share explained is that of K.
        let n = 5;
        let pairs = n * (n - 1);
        let kernel = ExchangeableKernel::from_orbits([2.0, 0.3, 0.9, 1.1, 0.2, 0.1]).unwrap();
        let noise = gram(pairs, &normals(pairs * 30, 5));
        let noise_projection = MeasuredKernel::project(n, &noise).unwrap().kernel;
        let exact = matrix_of(n, |p, q| kernel.value(p, q));
        let subtract = matrix_of(n, |p, q| noise_projection.value(p, q));
        let matrix: Vec<f64> = exact.iter().zip(&noise).zip(&subtract).map(|((k, e), p)| k + e - p).collect();
        let measured = MeasuredKernel::project(n, &matrix).unwrap();
        for (a, b) in measured.kernel.orbits().iter().zip(kernel.orbits()) {
            assert!((a - b).abs() < 16.0 * f64::EPSILON);
        }
        let share = centered(pairs, &exact).squared_norm_l2() / centered(pairs, &matrix).squared_norm_l2();
        assert!((measured.variance_explained - share).abs() < 1e-12 && share < 0.99);
    }

    #[test]
    fn gram_matrix_of_random_features_recovers_the_networks_conjunctivity() {
        let (n, width, activation) = (6, 2000, Activation::RELU);
        let pairs = ordered_pairs(n);
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut features = vec![0.0; pairs.len() * width];
        for unit in 0..width {
            let weights: Vec<f64> = (0..2 * n).map(|_| rng.sample(StandardNormal)).collect();
            for (row, &(i, j)) in pairs.iter().enumerate() {
                features[row * width + unit] = (weights[i] + weights[n + j]).max(0.0);
            }
        }
        let measured = MeasuredKernel::project(n, &gram(pairs.len(), &features)).unwrap();
        let network = NetworkKernel { activation, depth: 1, kind: NetworkKernelKind::Nngp };
        // The sampling error of one network of this width, from independent ones.
        let sample = RandomFeatures { width, ..RandomFeatures::new(activation, 1, 1) }.estimate(None).unwrap();
        let deviation = sample.standard_error * (sample.settings.replicates as f64).sqrt();
        let error = measured.conjunctivity - network.conjunctivity();
        assert!(error.abs() < 4.0 * deviation, "{error} {deviation}");
        assert!(measured.variance_explained > 0.9 && measured.is_definite, "{measured:?}");
    }

    #[test]
    fn matrices_that_are_not_kernels_are_refused_with_the_place() {
        let n = 4;
        let kernel = ExchangeableKernel::from_conjunctivity(0.3).unwrap();
        let good = matrix_of(n, |p, q| kernel.value(p, q));
        let message = |n, matrix: &[f64]| MeasuredKernel::project(n, matrix).unwrap_err().to_string();
        let mut bad = good.clone();
        bad[2 * 12 + 7] = f64::NAN;
        assert!(message(n, &bad).contains("row 2, column 7 (pairs (0, 3) and (2, 1)) is NaN"), "{}", message(n, &bad));
        bad[2 * 12 + 7] = f64::INFINITY;
        assert!(message(n, &bad).contains("is inf"));
        let mut bad = good.clone();
        bad[7 * 12 + 2] += 1e-5;
        assert!(message(n, &bad).contains("row 2, column 7"), "{}", message(n, &bad));
        // Single-precision rounding passes, and is reported.
        let mut rounded = good.clone();
        rounded[7 * 12 + 2] += 1e-6;
        assert!((MeasuredKernel::project(n, &rounded).unwrap().asymmetry - 1e-6).abs() < 1e-15);
        assert!(message(5, &good).contains("20 × 20 = 400 entries, got 144"), "{}", message(5, &good));
        assert!(message(2, &[1.0, 0.0, 0.0, 1.0]).contains("at least 3 items"));
        assert_eq!(MeasuredKernel::project(1, &[]), Err(TheoryError::TooFewItems(1)));
        assert!(message(usize::MAX, &good).contains("too many"));
        assert!(matches!(MeasuredKernel::project(n, &[1.0; 144]), Err(TheoryError::NoAntisymmetricPart(_))));
        assert!(matches!(MeasuredKernel::project(n, &[0.0; 144]), Err(TheoryError::NoAntisymmetricPart(_))));
        // Blind to the order of a pair, up to rounding.
        let blind = matrix_of(n, |(i, j), (k, l)| {
            let shared = [i, j].iter().filter(|&a| [k, l].contains(a)).count() as f64;
            shared * 0.1 * if i < j { 1.0 + f64::EPSILON } else { 1.0 } * if k < l { 1.0 + f64::EPSILON } else { 1.0 }
        });
        assert!(matches!(MeasuredKernel::project(n, &blind), Err(TheoryError::NoAntisymmetricPart(_))));
    }

    #[test]
    fn sizes_that_no_number_of_items_has_are_refused_with_the_neighbors() {
        let message = |len: usize| MeasuredKernel::project_square(&vec![0.0; len]).unwrap_err().to_string();
        assert!(message(143).contains("square"));
        assert!(message(73 * 73).contains("9 items have 72, 10 have 90"), "{}", message(73 * 73));
        assert!(message(89 * 89).contains("9 items have 72, 10 have 90"), "{}", message(89 * 89));
        assert!(message(1).contains("2 items have 2, 3 have 6"), "{}", message(1));
        assert!(message(0).contains("2 items have 2"), "{}", message(0));
        assert_eq!([0, 1, 2, 6, 7, usize::MAX].map(n_items_from_pairs), [None, None, Some(2), Some(3), None, None]);
    }
}
