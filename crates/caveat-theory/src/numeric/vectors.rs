//! Sums and sizes of vectors.

/// Σ xₖ·yₖ.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// The largest |xₖ|; 0 for none. NaN is passed over.
pub(crate) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0_f64, |a, x| a.max(x.abs()))
}
