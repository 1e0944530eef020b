//! Predicts margins by kernel ridge regression on hidden states, with the exchangeable projection and with the measured kernel.

use caveat_theory::inference::KernelFitter;
use caveat_theory::{MeasuredKernel, TransitiveTask};

use super::states::Vectors;
use super::{GeometryPair, KernelPredictions, MarginPrediction, dot, row_of, theory};
use crate::error::Result;

impl KernelPredictions {
    /// Fits both kernels to `margins`; `vectors` must be centered.
    pub(super) fn fit(
        projection: &MeasuredKernel,
        vectors: &Vectors,
        task: &TransitiveTask,
        pairs: &[GeometryPair],
        margins: &[f64],
    ) -> Result<Self> {
        let n = task.n_items();
        let kernel = projection.kernel;
        // A constant has no effect, and without it nothing is lost to cancellation.
        let exchangeable = |e, f| kernel.value(e, f) - kernel.disjoint;
        let measured = |e, f| dot(vectors.row(row_of(n, e)), vectors.row(row_of(n, f)));
        Ok(Self {
            exchangeable: MarginPrediction::with(exchangeable, kernel.scale(), task, pairs, margins)?,
            measured: MarginPrediction::with(measured, kernel.scale(), task, pairs, margins)?,
        })
    }
}

impl MarginPrediction {
    /// Fits a kernel; `scale` is κ_id − κ_flip, which converts a ridge to C.
    fn with(
        kernel: impl Fn((usize, usize), (usize, usize)) -> f64,
        scale: f64,
        task: &TransitiveTask,
        pairs: &[GeometryPair],
        margins: &[f64],
    ) -> Result<Self> {
        let pairs: Vec<(usize, usize)> = pairs.iter().map(|pair| (pair.rank_a, pair.rank_b)).collect();
        let fitter = KernelFitter::new(task.n_items(), &task.trials(), kernel, &pairs);
        let fit = fitter.and_then(|fitter| fitter.fit(margins)).map_err(theory)?;
        Ok(Self {
            c: scale / fit.ridge,
            ridge: fit.ridge,
            gain: fit.gain,
            limit: fit.limit,
            r_squared: fit.r_squared,
            correlation: fit.correlation,
            margins: fit.fitted,
        })
    }
}
