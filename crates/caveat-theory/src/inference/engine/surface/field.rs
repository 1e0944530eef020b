//! Margins at one point of a surface, as shape and scale with their slopes, and the ends of its coordinates.

use crate::numeric::vectors::largest;

/// Shape, scale, and their derivatives in the free coordinates of a chart, on the distinct unordered pairs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    /// ψ; zero if all margins vanish.
    pub(crate) shape: Vec<f64>,
    /// ∂ψ/∂u for up to two coordinates.
    pub(crate) slopes: [Vec<f64>; 2],
    /// log ρ, of f/s at s = 0.
    pub(crate) log_scale: f64,
    /// ∂ log ρ/∂u.
    pub(crate) scale_slopes: [f64; 2],
    /// Room for the spectral sums.
    pub(crate) scratch: Vec<f64>,
}

impl Field {
    pub(crate) fn resize(&mut self, n_pairs: usize) {
        self.shape.resize(n_pairs, 0.0);
        self.slopes.iter_mut().for_each(|slope| slope.resize(n_pairs, 0.0));
    }

    /// Turns margins f and their slopes, in place, into shape and scale.
    pub(crate) fn normalize(&mut self, dimension: usize) {
        let largest = largest(&self.shape);
        self.scale_slopes = [0.0; 2];
        if largest == 0.0 {
            self.log_scale = 0.0;
            return;
        }
        let n = self.shape.len() as f64;
        let mean = self.shape.iter().map(|f| (f / largest) * (f / largest)).sum::<f64>() / n;
        let scale = largest * mean.sqrt();
        self.log_scale = scale.ln();
        self.shape.iter_mut().for_each(|f| *f /= scale);
        for (slope, scale_slope) in self.slopes.iter_mut().zip(&mut self.scale_slopes).take(dimension) {
            let sum: f64 = slope.iter().zip(&self.shape).map(|(d, f)| d / scale * f).sum();
            *scale_slope = sum / n;
            for (d, f) in slope.iter_mut().zip(&self.shape) {
                *d = *d / scale - f * *scale_slope;
            }
        }
    }
}

/// Ends of the two coordinates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) x: (f64, f64),
    pub(crate) z: (f64, f64),
}
