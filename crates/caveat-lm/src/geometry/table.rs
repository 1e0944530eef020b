//! The geometry of hidden states as a table: one row per phase and metric, and one for the margins alone.

use caveat_results::Table;

use super::{Geometry, KernelPredictions};
use crate::error::{LmError, Result};

impl Geometry {
    /// Conjunctivity, shares of variance explained, and agreement of predicted with observed margins, for every phase and
    /// metric; the last row, `kernel` "fitted", is the theory fitted to the margins alone. Missing where not defined.
    ///
    /// # Errors
    /// None in practice; the table's own.
    pub fn table(&self) -> Result<Table> {
        let fitted = self.behavior.as_slice();
        let rows = |of_kernel: &dyn Fn(&super::KernelGeometry) -> Option<f64>,
                    of_fit: &dyn Fn(&super::BehaviorFit) -> f64| {
            let kernels = self.kernels.iter().map(|kernel| of_kernel(kernel).unwrap_or(f64::NAN));
            kernels.chain(fitted.iter().map(of_fit)).collect::<Vec<f64>>()
        };
        let predicted = |of: fn(&KernelPredictions) -> f64| {
            move |kernel: &super::KernelGeometry| kernel.predictions.as_ref().map(of)
        };
        let none = |_: &super::BehaviorFit| f64::NAN;
        let phases = self.kernels.iter().map(|kernel| kernel.phase.name()).chain(fitted.iter().map(|_| "post"));
        let names = self.kernels.iter().map(|kernel| kernel.metric.name()).chain(fitted.iter().map(|_| "fitted"));
        let build = || {
            Table::new()
                .text("phase", phases)?
                .text("kernel", names)?
                .float(
                    "conjunctivity",
                    rows(&|k| k.projection.as_ref().map(|p| p.conjunctivity), &|f| f.conjunctivity),
                )?
                .float("variance", rows(&|k| k.projection.as_ref().map(|p| p.variance_explained), &none))?
                .float("antisymmetric", rows(&|k| k.antisymmetric_variance_explained, &none))?
                .float("c", rows(&predicted(|p| p.exchangeable.c), &|f| f.c))?
                .float("r_squared", rows(&predicted(|p| p.exchangeable.r_squared), &|f| f.r_squared))?
                .float("correlation", rows(&predicted(|p| p.exchangeable.correlation), &|f| f.correlation))?
                .float("r_squared_measured", rows(&predicted(|p| p.measured.r_squared), &none))?
                .float("correlation_measured", rows(&predicted(|p| p.measured.correlation), &none))
        };
        build().map_err(|e| LmError::Failed(e.to_string()))
    }
}
