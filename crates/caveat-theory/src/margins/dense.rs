//! Dense route: kernel ridge regression for any kernel matrix on ordered pairs and any trials, by a dense factorization.
//!
//! With K_tr the kernel on the T trials, W = diag(w), labels y and the ridge λ ∈ [0, ∞) on the kernel's own scale,
//!
//! > a = (K_tr + λW⁻¹)⁻¹ y,  f(i, j) = Σ_t K((i, j), t)·a_t,
//!
//! for λ = 0 the solution of minimum norm. It knows nothing of orbits or graphs: the other routes are tested against it. Source: §3.4.

use faer::linalg::solvers::{Llt, Solve};
use faer::{Mat, Side};

use super::Margins;
use crate::comparison_graph::Trial;
use crate::error::{Result, TheoryError, check_range, check_ranks, check_weight};
use crate::kernel::ExchangeableKernel;
use crate::memory;
use crate::numeric::eigen::Eigen;
use crate::numeric::vectors::{center, largest};
use crate::route::Route;

/// Largest number of trials: the system is dense.
pub const MAX_TRIALS: usize = 10_000;

/// Margins as a full n × n table.
#[derive(Debug, Clone)]
pub struct DenseSolution {
    n_items: usize,
    margins: Vec<f64>,
    dual: Vec<f64>,
    ranks: Option<Vec<f64>>,
    tie_tolerance: f64,
}

/// [`solve`] for an exchangeable kernel, with its ranks; `c` is (κ_id − κ_flip)/ridge, ∞ allowed.
///
/// # Errors
/// As [`solve`], and a kernel that is indefinite for that many items.
pub fn solve_exchangeable(
    n_items: usize,
    trials: &[Trial],
    kernel: &ExchangeableKernel,
    c: f64,
) -> Result<DenseSolution> {
    kernel.check_definite(n_items)?;
    let mut solution = solve(n_items, trials, |e, f| kernel.value(e, f), kernel.ridge_from_c(c)?)?;
    // u_i − v_i over trials: item i in first position adds (κ_1 − κ_x)·a, in second (κ_x − κ_2)·a.
    let mut ranks = vec![0.0; n_items];
    for (t, a) in trials.iter().zip(&solution.dual) {
        ranks[t.first] += 0.5 * (kernel.same_first - kernel.crossed) * a;
        ranks[t.second] -= 0.5 * (kernel.same_second - kernel.crossed) * a;
    }
    center(&mut ranks);
    solution.ranks = Some(ranks);
    Ok(solution)
}

/// Solves a = (K_tr + λW⁻¹)⁻¹y and evaluates f = K a on all ordered pairs.
///
/// `kernel((i, j), (k, l))` is any positive semidefinite kernel; `ridge` λ ≥ 0 is on that kernel's own scale (0 gives the
/// minimum-norm least-squares solution, by an eigendecomposition). Repeated trials may be listed as such or weighted.
/// Cost O(T³ + T·n²) for T trials.
///
/// # Errors
/// A trial out of range, a kernel value that is not finite, a training matrix that is not positive semidefinite, more than
/// [`MAX_TRIALS`] trials.
pub fn solve(
    n_items: usize,
    trials: &[Trial],
    kernel: impl Fn((usize, usize), (usize, usize)) -> f64,
    ridge: f64,
) -> Result<DenseSolution> {
    solve_rounded(n_items, trials, kernel, ridge, EntryError::default())
}

/// The error of every kernel value, relative to the largest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct EntryError {
    /// An error that is certain, as in a matrix stored in single precision.
    pub known: f64,
    /// The largest possible error; it counts where an eigenvalue below 0 that it can explain shows that there is one.
    pub at_most: f64,
}

/// [`solve`] for a kernel whose values have errors: eigenvalues that these can leave count as 0.
///
/// # Errors
/// As [`solve`].
pub fn solve_rounded(
    n_items: usize,
    trials: &[Trial],
    kernel: impl Fn((usize, usize), (usize, usize)) -> f64,
    ridge: f64,
    error: EntryError,
) -> Result<DenseSolution> {
    check_range("ridge", ridge, 0.0, f64::INFINITY, "a number of at least 0")?;
    check_trials(n_items, trials)?;
    // The matrix, its eigenvectors and their products, and the margins.
    let bytes = |side: f64| 8.0 * (5.0 * side * side + (n_items * n_items) as f64);
    let fits = |free: f64| format!("{:.0} trials would fit", (free / 40.0).sqrt());
    memory::check(bytes(trials.len() as f64), || format!("a dense system of {} trials", trials.len()), fits)?;
    let pair = |t: &Trial| (t.first, t.second);
    // Rows scaled by √w: minimizing Σ w(f − y)² + λ‖f‖² is ridge regression on √w-scaled trials.
    let root: Vec<f64> = trials.iter().map(|t| t.weight.sqrt()).collect();
    let k =
        Mat::from_fn(trials.len(), trials.len(), |a, b| root[a] * root[b] * kernel(pair(&trials[a]), pair(&trials[b])));
    for a in 0..trials.len() {
        if let Some(b) = (0..trials.len()).find(|&b| !k[(a, b)].is_finite()) {
            let problem = format!("entry for pairs {:?}, {:?} is not finite", pair(&trials[a]), pair(&trials[b]));
            return Err(TheoryError::BadInput { what: "kernel matrix", problem });
        }
    }
    let y = Mat::from_fn(trials.len(), 1, |t, _| root[t] * trials[t].label);
    let norm = (0..trials.len()).map(|a| (0..trials.len()).map(|b| k[(a, b)].abs()).sum()).fold(0.0_f64, f64::max);
    // Cholesky loses eps·‖K‖/λ of the margins where K is singular; below this share the eigenbasis keeps them.
    let scaled = if ridge >= 1e-4 * norm && ridge.is_finite() {
        regular(&k, &y, ridge, error)?
    } else {
        spectral(&k, &y, ridge, error)?
    };
    let dual: Vec<f64> = (0..trials.len()).map(|t| scaled[(t, 0)] * root[t]).collect();
    let mut margins = vec![0.0; n_items * n_items];
    for i in 0..n_items {
        for j in (0..n_items).filter(|&j| j != i) {
            margins[i * n_items + j] = trials.iter().zip(&dual).map(|(t, a)| a * kernel((i, j), pair(t))).sum();
        }
    }
    let tie_tolerance = largest(&margins) * f64::EPSILON * 64.0 * trials.len() as f64;
    Ok(DenseSolution { n_items, margins, dual, ranks: None, tie_tolerance })
}

/// Refuses trials that this route cannot take: none, too many, an item out of range, a weight that is not positive.
pub(crate) fn check_trials(n_items: usize, trials: &[Trial]) -> Result<()> {
    if n_items < 2 {
        return Err(TheoryError::TooFewItems(n_items));
    }
    if trials.is_empty() {
        return Err(TheoryError::NoComparisons);
    }
    if trials.len() > MAX_TRIALS {
        let reason = format!("{} trials are more than {MAX_TRIALS}; use the graph or asymmetric route", trials.len());
        return Err(Route::Dense.unavailable(reason));
    }
    for t in trials {
        check_ranks([t.first, t.second], n_items)?;
        check_weight([t.first, t.second], t.weight)?;
    }
    Ok(())
}

fn regular(k: &Mat<f64>, y: &Mat<f64>, ridge: f64, error: EntryError) -> Result<Mat<f64>> {
    let mut system = k.clone();
    for t in 0..k.nrows() {
        system[(t, t)] += ridge;
    }
    match Llt::new(system.as_ref(), Side::Lower) {
        Ok(factor) => Ok(factor.solve(y)),
        Err(_) => spectral(k, y, ridge, error),
    }
}

/// The solution in the eigenbasis of K, without the directions whose eigenvalue is rounding error: a positive semidefinite
/// kernel takes them to zero on every pair, so they are no part of f (with λ = 0 this is the minimum-norm solution).
///
/// Errors of relative size ε in all entries move no eigenvalue by more than ε·√T of the largest (Weyl, with the Frobenius norm).
fn spectral(k: &Mat<f64>, y: &Mat<f64>, ridge: f64, error: EntryError) -> Result<Mat<f64>> {
    let Eigen { values, vectors } = Eigen::new(k, "the eigendecomposition of the kernel matrix")?;
    let (largest, size) = (largest(&values), k.nrows() as f64);
    let cutoff_of = |error: f64| largest * (f64::EPSILON * 8.0 * size).max(error * size.sqrt());
    let mut cutoff = cutoff_of(error.known);
    if values.first().is_some_and(|&smallest| smallest < -cutoff) {
        cutoff = cutoff_of(error.at_most);
    }
    check_semidefinite(&values, cutoff)?;
    let coefficients = vectors.transpose() * y;
    let kept = |r: usize| if values[r] <= cutoff { 0.0 } else { coefficients[(r, 0)] / (values[r] + ridge) };
    Ok(vectors * Mat::from_fn(k.nrows(), 1, |r, _| kept(r)))
}

/// Refuses a kernel on the trained pairs with an eigenvalue below `-cutoff`; `eigenvalues` are in increasing order.
pub(crate) fn check_semidefinite(eigenvalues: &[f64], cutoff: f64) -> Result<()> {
    match eigenvalues.first() {
        Some(negative) if *negative < -cutoff => Err(TheoryError::bad_input(
            "kernel matrix",
            format!(
                "it is indefinite on the trained pairs: smallest eigenvalue {negative:.6e}, and all must be at least 0"
            ),
        )),
        _ => Ok(()),
    }
}

impl DenseSolution {
    /// The rank of every item, centered; `None` for a kernel that is not known to be exchangeable.
    pub fn ranks(&self) -> Option<&[f64]> {
        self.ranks.as_deref()
    }
}

impl Margins for DenseSolution {
    fn n_items(&self) -> usize {
        self.n_items
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        self.margins[i * self.n_items + j]
    }

    fn tie_tolerance(&self) -> f64 {
        self.tie_tolerance
    }
}
