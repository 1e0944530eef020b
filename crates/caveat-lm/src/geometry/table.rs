//! The geometry of hidden states as a table, with a row for each phase and metric and one for the margins alone.

use caveat_results::{GeometryNumbers, Table};

use super::{BehaviorFit, Geometry, KernelGeometry, KernelPredictions};
use crate::error::Result;

impl Geometry {
    /// Conjunctivity, shares of variance explained, and agreement of predicted with observed margins, for every phase and metric. The
    /// last row, `kernel` "fitted", is the theory fitted to the margins alone. Undefined numbers are missing.
    ///
    /// # Errors
    /// Those of the table; none in practice.
    pub fn table(&self) -> Result<Table> {
        let kernels = self.kernels.iter().map(|kernel| ((kernel.phase.name(), kernel.metric.name()), kernel.numbers()));
        let fitted = self.behavior.iter().map(|fit| (("post", "fitted"), fit.numbers()));
        let (names, numbers): (Vec<_>, Vec<_>) = kernels.chain(fitted).unzip();
        let table = Table::new().text("phase", names.iter().map(|(phase, _)| *phase))?;
        Ok(GeometryNumbers::add_columns(numbers, table.text("kernel", names.iter().map(|(_, kernel)| *kernel))?)?)
    }
}

impl KernelGeometry {
    fn numbers(&self) -> GeometryNumbers {
        let projection = self.projection.as_ref();
        let predicted = |of: fn(&KernelPredictions) -> f64| self.predictions.as_ref().map(of);
        GeometryNumbers {
            conjunctivity: projection.map(|p| p.conjunctivity),
            variance: projection.map(|p| p.variance_explained),
            antisymmetric: self.antisymmetric_variance_explained,
            c: predicted(|p| p.exchangeable.c),
            r_squared: predicted(|p| p.exchangeable.r_squared),
            correlation: predicted(|p| p.exchangeable.correlation),
            r_squared_measured: predicted(|p| p.measured.r_squared),
            correlation_measured: predicted(|p| p.measured.correlation),
        }
    }
}

impl BehaviorFit {
    fn numbers(&self) -> GeometryNumbers {
        let [conjunctivity, c, r_squared, correlation] =
            [self.conjunctivity, self.c, self.r_squared, self.correlation].map(Some);
        GeometryNumbers { conjunctivity, c, r_squared, correlation, ..Default::default() }
    }
}
