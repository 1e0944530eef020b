//! Eigenvalues and eigenvectors of symmetric matrices.

use faer::{Mat, Side};

use crate::error::{Result, TheoryError};

/// The eigendecomposition of a symmetric matrix.
#[derive(Debug, Clone)]
pub(crate) struct Eigen {
    /// In ascending order.
    pub(crate) values: Vec<f64>,
    /// As columns, in the order of the values.
    pub(crate) vectors: Mat<f64>,
}

impl Eigen {
    /// Of a matrix of which the lower triangle is read; `what` names it in an error.
    ///
    /// # Errors
    /// Entries that are not finite.
    pub(crate) fn new(matrix: &Mat<f64>, what: &'static str) -> Result<Self> {
        let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| TheoryError::failed(what))?;
        Ok(Self { values: eigen.S().column_vector().iter().copied().collect(), vectors: eigen.U().to_owned() })
    }
}
