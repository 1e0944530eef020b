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
    /// Reads the lower triangle and refuses entries that are not finite; `what` names the decomposition in the error.
    pub(crate) fn new(matrix: &Mat<f64>, what: &'static str) -> Result<Self> {
        let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| TheoryError::failed(what))?;
        Ok(Self { values: eigen.S().column_vector().iter().copied().collect(), vectors: eigen.U().to_owned() })
    }
}
