//! Lanczos approximation of (I − e^{−Aτ})z and its integrals for a symmetric positive semidefinite operator A.
//!
//! With AV = VT + βv₊eᵀ after k steps, u_k = ‖z‖·V e^{−Tτ}e₁ approximates u = e^{−Aτ}z with the residual u_k′ + Au_k =
//! β‖z‖(eᵀe^{−Tτ}e₁)v₊. All entries eᵀe^{−Ts}e₁ have one sign, (−1)^{k−1}: with alternate signs flipped, −T is
//! nonnegative off its diagonal, so its exponential is nonnegative. As e^{−As} contracts,
//!
//! > ‖u − u_k‖ ≤ β‖z‖·|eᵀφ(T)e₁|,  φ(θ) = (1 − e^{−θτ})/θ,
//!
//! an error bound that costs nothing (compare Hochbruck & Lubich 1997, doi:10.1137/S0036142995280572, for its decay:
//! superlinear after (τ‖A‖)^½ steps). The same amount bounds what b_k = ‖z‖·Vφ(T)e₁ adds to the residual of Ab = (I −
//! e^{−Aτ})z.

use faer::Mat;
use rayon::prelude::*;

use super::rates::{filled, integrated, rounding};
use crate::error::{Result, TheoryError};
use crate::numeric::eigen::Eigen;
use crate::numeric::vectors::{add_scaled, dot, largest};

/// Most iterations: the k × k eigenproblem then takes a few seconds.
const MAX_ITERATIONS: usize = 2_000;

/// Most entries of the basis: 2 GiB.
const MAX_ENTRIES: usize = 1 << 28;

/// Entries per parallel task; fixed, so that results do not depend on the number of threads.
const CHUNK: usize = 1 << 12;

/// What is to be approximated, and how well.
pub(super) struct Target {
    /// τ ∈ (0, ∞].
    pub(super) time: f64,
    /// The operators A + shift that share the Krylov space, each with the weight of its error.
    pub(super) shifts: Vec<(f64, f64)>,
    /// A lower bound on the spectrum of A.
    pub(super) lowest: f64,
    /// Dimension of the space that A and z live in.
    pub(super) rank: usize,
    /// Relative error to stop at.
    pub(super) tolerance: f64,
    /// Relative error to refuse at the limit of memory or iterations.
    pub(super) acceptance: f64,
}

/// A Krylov space with its Ritz pairs.
pub(super) struct Krylov {
    dimension: usize,
    /// Orthonormal vectors, one after the other.
    basis: Vec<f64>,
    norm: f64,
    ritz: Eigen,
    /// Estimated relative error.
    pub(super) error: f64,
}

/// The Ritz pairs of a Lanczos matrix.
fn ritz_pairs(diagonal: &[f64], off: &[f64], lowest: f64) -> Result<Eigen> {
    let k = diagonal.len();
    let matrix = Mat::from_fn(k, k, |a, b| match a.abs_diff(b) {
        0 => diagonal[a],
        1 => off[a.min(b)],
        _ => 0.0,
    });
    let mut ritz = Eigen::new(&matrix, "the eigendecomposition of the Lanczos matrix")?;
    // Ritz values lie within the spectrum; what is below its lower end is rounding.
    let floor = if lowest > 0.0 { lowest } else { f64::EPSILON * ritz.values[k - 1] };
    ritz.values.iter_mut().for_each(|v| *v = v.max(floor));
    Ok(ritz)
}

/// Bound on truncation relative to the norm of (I − e^{−Aτ})z, for β the next off-diagonal entry.
fn truncation(ritz: &Eigen, beta: f64, target: &Target) -> f64 {
    let last = ritz.values.len() - 1;
    let relative = |&(shift, weight): &(f64, f64)| {
        let (mut tail, mut terms) = (0.0, Vec::with_capacity(last + 1));
        for (k, theta) in ritz.values.iter().enumerate() {
            let (first, end) = (ritz.vectors[(0, k)], ritz.vectors[(last, k)]);
            tail += end * integrated(theta + shift, target.time) * first;
            terms.push(filled(theta + shift, target.time) * first);
        }
        let scale = largest(&terms);
        if scale == 0.0 {
            return 0.0;
        }
        // Scaled, since a square would underflow for times below 1e-154.
        let size = scale * terms.iter().map(|t| (t / scale).powi(2)).sum::<f64>().sqrt();
        // Twice: b_k errs by the bound itself and by the error of u_k.
        weight * 2.0 * beta * f64::abs(tail) / size
    };
    target.shifts.iter().map(relative).fold(0.0, f64::max)
}

impl Krylov {
    /// Builds the space of A from z until the bound falls below the tolerance, or below rounding where that is larger.
    ///
    /// `apply(x, y)` sets y = Ax. `project` takes a vector to the range of A, in which z lies: rounding would leave a trace of the
    /// null space, where nothing decays. Full reorthogonalization, twice: k steps cost 4k²·dimension multiplications.
    pub(super) fn new(
        start: &[f64],
        apply: impl Fn(&[f64], &mut [f64]),
        project: impl Fn(&mut [f64]),
        target: &Target,
    ) -> Result<Self> {
        let dimension = start.len();
        let norm = dot(start, start).sqrt();
        if norm == 0.0 {
            let ritz = Eigen { values: Vec::new(), vectors: Mat::new() };
            return Ok(Self { dimension, basis: Vec::new(), norm, ritz, error: 0.0 });
        }
        let limit = target.rank.min(MAX_ITERATIONS).min(MAX_ENTRIES / dimension).max(1);
        let mut basis: Vec<f64> = start.iter().map(|x| x / norm).collect();
        let (mut diagonal, mut off) = (Vec::new(), Vec::new());
        let mut next_check = 8;
        let mut w = vec![0.0; dimension];
        loop {
            let k = diagonal.len() + 1;
            let v = &basis[(k - 1) * dimension..];
            apply(v, &mut w);
            diagonal.push(dot(v, &w));
            for _ in 0..2 {
                let parts: Vec<f64> = basis.par_chunks(dimension).map(|v| dot(v, &w)).collect();
                w.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, w)| {
                    for (v, part) in basis.chunks(dimension).zip(&parts) {
                        add_scaled(w, -part, &v[chunk * CHUNK..]);
                    }
                });
            }
            project(&mut w);
            let beta = dot(&w, &w).sqrt();
            let size = largest(diagonal.iter().chain(&off));
            // What is left after reorthogonalization is rounding: the space is invariant.
            let complete = beta <= 16.0 * f64::EPSILON * size * (dimension as f64).sqrt() || k >= target.rank;
            if complete || k >= next_check || k >= limit {
                let ritz = ritz_pairs(&diagonal, &off, target.lowest)?;
                let bound = if complete { 0.0 } else { truncation(&ritz, beta, target) };
                let (low, high) = (ritz.values[0], ritz.values[k - 1]);
                let rounding =
                    target.shifts.iter().map(|(shift, weight)| weight * rounding(high, low + shift, target.time));
                let rounding = rounding.fold(0.0, f64::max);
                let needed = if k >= limit { target.acceptance } else { target.tolerance };
                if bound <= needed.max(rounding) {
                    return Ok(Self { dimension, basis, norm, ritz, error: bound + rounding });
                }
                if k >= limit {
                    let what = "the Krylov route of the gradient flow (shorten the time, or use ridge regression)";
                    return Err(TheoryError::not_converged(what, bound, needed, k));
                }
                // All checks together then cost a small multiple of the last.
                next_check = k + k / 4 + 2;
            }
            off.push(beta);
            basis.extend(w.iter().map(|w| w / beta));
        }
    }

    /// ‖z‖·V g(T)e₁ ≈ g(A)z.
    pub(super) fn combine(&self, g: impl Fn(f64) -> f64) -> Vec<f64> {
        let Eigen { values, vectors } = &self.ritz;
        let k = values.len();
        let factors: Vec<f64> = values.iter().enumerate().map(|(j, &v)| self.norm * g(v) * vectors[(0, j)]).collect();
        let parts: Vec<f64> = (0..k).map(|i| (0..k).map(|j| vectors[(i, j)] * factors[j]).sum()).collect();
        let mut out = vec![0.0; self.dimension];
        self.basis.chunks(self.dimension).zip(parts).for_each(|(v, part)| add_scaled(&mut out, part, v));
        out
    }

    pub(super) fn iterations(&self) -> usize {
        self.ritz.values.len()
    }
}
