//! The sparse Cholesky factor of a screened Laplacian: a direct solution, and a preconditioner.

use faer::Side;
use faer::linalg::solvers::Solve;
use faer::sparse::linalg::solvers::{Llt, SymbolicLlt};
use faer::sparse::{SparseColMat, SymbolicSparseColMat};

use super::operator::ScreenedLaplacian;
use crate::error::{Result, TheoryError};
use crate::numeric::vectors::dot;

/// Cholesky factor of the matrix, without one item per component where screening is too small to keep it definite.
///
/// On vectors that sum to zero per component the pinned solve, centered before and after, is symmetric and, to O(μ), the inverse: a
/// valid preconditioner.
pub(super) struct PinnedCholesky {
    factor: Llt<usize, f64>,
    /// Row of each item in the reduced matrix; `usize::MAX` for a pinned one.
    row: Vec<usize>,
}

impl PinnedCholesky {
    pub(super) fn new(a: &ScreenedLaplacian<'_>) -> Result<Self> {
        let n = a.n();
        let pin = a.screening < 1e-9 * a.max_row_sum();
        let mut seen = vec![!pin; a.components.count()];
        let mut rows = 0;
        let row: Vec<usize> = (0..n)
            .map(|i| {
                let first = !std::mem::replace(&mut seen[a.components.component[i] as usize], true);
                if first {
                    return usize::MAX;
                }
                rows += 1;
                rows - 1
            })
            .collect();
        // Lower triangle by columns: each holds its diagonal, then the items of larger index. Edges come sorted that way.
        let edges = a.graph.edges();
        let (mut starts, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        let mut at = 0;
        for i in 0..n {
            let pinned = row[i] == usize::MAX;
            if !pinned {
                indices.push(row[i]);
                values.push(a.diagonal[i]);
            }
            while at < edges.len() && edges[at].first as usize == i {
                let below = row[edges[at].second as usize];
                if !pinned && below != usize::MAX {
                    indices.push(below);
                    values.push(-a.edge_couplings.map_or(1.0, |w| w[at]));
                }
                at += 1;
            }
            if !pinned {
                starts.push(indices.len());
            }
        }
        let matrix = SparseColMat::new(SymbolicSparseColMat::new_checked(rows, rows, starts, None, indices), values);
        let failed = || TheoryError::not_converged("the sparse Cholesky factorization", f64::NAN, f64::EPSILON, 1);
        let symbolic = SymbolicLlt::try_new(matrix.symbolic(), Side::Lower).map_err(|_| failed())?;
        let factor = Llt::try_new_with_symbolic(symbolic, matrix.as_ref(), Side::Lower).map_err(|_| failed())?;
        Ok(Self { factor, row })
    }

    /// z = C A⁻¹ C r with C the centering; returns rᵀz.
    pub(super) fn apply(&self, a: &ScreenedLaplacian<'_>, r: &[f64], z: &mut [f64]) -> f64 {
        z.copy_from_slice(r);
        a.center(z);
        self.solve(z);
        a.center(z);
        dot(r, z)
    }

    /// z = A⁻¹ z without the rows and columns of pinned items, which get 0.
    pub(super) fn solve(&self, z: &mut [f64]) {
        let rows = self.row.iter().filter(|&&row| row != usize::MAX).count();
        let mut rhs = faer::Mat::<f64>::zeros(rows, 1);
        for (&z, &row) in z.iter().zip(&self.row) {
            if row != usize::MAX {
                rhs[(row, 0)] = z;
            }
        }
        let solution = self.factor.solve(&rhs);
        for (z, &row) in z.iter_mut().zip(&self.row) {
            *z = if row == usize::MAX { 0.0 } else { solution[(row, 0)] };
        }
    }
}
