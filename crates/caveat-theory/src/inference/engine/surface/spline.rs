//! Bicubic interpolation on a grid by cubic B-splines: twice continuously differentiable, error O(step⁴).

/// Equidistant nodes; a single node stands for a coordinate that is not free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) step: f64,
    pub(crate) nodes: usize,
}

impl Axis {
    /// Nodes from `low` to `high`, at most `step` apart and at least four.
    pub(crate) fn new((low, high): (f64, f64), step: f64) -> Self {
        let nodes = (((high - low) / step).ceil() as usize + 1).max(4);
        Self { low, step: (high - low) / (nodes - 1) as f64, nodes }
    }

    pub(crate) fn single() -> Self {
        Self { low: 0.0, step: 1.0, nodes: 1 }
    }

    pub(crate) fn node(&self, k: usize) -> f64 {
        self.low + self.step * k as f64
    }

    /// Coefficients along this axis: one more at either end.
    fn coefficients(&self) -> usize {
        if self.nodes == 1 { 1 } else { self.nodes + 2 }
    }

    /// First coefficient that counts at u (clamped to the axis), their number, weights and weights of the derivative.
    fn weights(&self, u: f64) -> (usize, usize, [f64; 4], [f64; 4]) {
        if self.nodes == 1 {
            return (0, 1, [1.0, 0.0, 0.0, 0.0], [0.0; 4]);
        }
        let s = ((u - self.low) / self.step).clamp(0.0, (self.nodes - 1) as f64);
        let cell = (s as usize).min(self.nodes - 2);
        let t = s - cell as f64;
        let r = 1.0 - t;
        let value = [
            r * r * r / 6.0,
            (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0,
            (4.0 - 6.0 * r * r + 3.0 * r * r * r) / 6.0,
            t * t * t / 6.0,
        ];
        let slope = [-r * r / 2.0, (3.0 * t * t - 4.0 * t) / 2.0, (4.0 * r - 3.0 * r * r) / 2.0, t * t / 2.0];
        (cell, 4, value, slope.map(|d| d / self.step))
    }
}

/// Several functions on one grid.
#[derive(Debug, Clone)]
pub(crate) struct Spline {
    axes: [Axis; 2],
    /// Number of functions.
    functions: usize,
    /// Coefficients, by first axis, second axis, and function.
    coefficients: Vec<f64>,
}

impl Spline {
    /// Interpolates `values[(a·nodes₂ + b)·functions + c]`, with vanishing second derivative at the ends.
    pub(crate) fn new(axes: [Axis; 2], functions: usize, values: &[f64]) -> Self {
        let (na, nb) = (axes[0].nodes, axes[1].nodes);
        let cb = axes[1].coefficients();
        // Along the second axis, into rows of cb; then along the first.
        let mut rows = vec![0.0; na * cb * functions];
        for a in 0..na {
            let source = &values[a * nb * functions..(a + 1) * nb * functions];
            solve(source, nb, functions, &mut rows[a * cb * functions..(a + 1) * cb * functions]);
        }
        let mut coefficients = vec![0.0; axes[0].coefficients() * cb * functions];
        solve(&rows, na, cb * functions, &mut coefficients);
        Self { axes, functions, coefficients }
    }

    /// Values and both slopes of every function at u.
    pub(crate) fn read(&self, u: [f64; 2], mut put: impl FnMut(usize, f64, [f64; 2])) {
        let (a, na, va, da) = self.axes[0].weights(u[0]);
        let (b, nb, vb, db) = self.axes[1].weights(u[1]);
        let stride = self.axes[1].coefficients() * self.functions;
        for c in 0..self.functions {
            let (mut value, mut slopes) = (0.0, [0.0; 2]);
            for i in 0..na {
                let row = (a + i) * stride + b * self.functions + c;
                let (mut inner, mut inner_slope) = (0.0, 0.0);
                for j in 0..nb {
                    let coefficient = self.coefficients[row + j * self.functions];
                    inner += vb[j] * coefficient;
                    inner_slope += db[j] * coefficient;
                }
                value += va[i] * inner;
                slopes[0] += da[i] * inner;
                slopes[1] += va[i] * inner_slope;
            }
            put(c, value, slopes);
        }
    }
}

/// B-spline coefficients c of values f along an axis of vectors: (c_{k−1} + 4c_k + c_{k+1})/6 = f_k, c″ = 0 at the ends.
fn solve(values: &[f64], nodes: usize, width: usize, out: &mut [f64]) {
    if nodes == 1 {
        out.copy_from_slice(values);
        return;
    }
    let at = |k: usize| k * width..(k + 1) * width;
    // out[k + 1] holds c_k. The end conditions give c_0 = f_0 and c_last = f_last; between, Thomas elimination.
    for k in 0..nodes {
        out[at(k + 1)].copy_from_slice(&values[at(k)]);
    }
    let mut pivots = vec![0.0; nodes];
    for k in 1..nodes - 1 {
        pivots[k] = 1.0 / (4.0 - pivots[k - 1]);
        for c in 0..width {
            let before = out[k * width + c];
            let own = 6.0 * out[(k + 1) * width + c];
            out[(k + 1) * width + c] = (own - before) * pivots[k];
        }
    }
    for k in (1..nodes - 1).rev() {
        for c in 0..width {
            let after = out[(k + 2) * width + c];
            out[(k + 1) * width + c] -= pivots[k] * after;
        }
    }
    for c in 0..width {
        out[c] = 2.0 * out[width + c] - out[2 * width + c];
        out[(nodes + 1) * width + c] = 2.0 * out[nodes * width + c] - out[(nodes - 1) * width + c];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_met_and_between_them_the_error_falls_as_the_fourth_power() {
        // Flat at the ends, as surfaces are.
        let f = |x: f64, z: f64| x.tanh() * (2.0 + (z - 1.0).tanh());
        let worst = |step: f64| {
            let axes = [Axis::new((-16.0, 16.0), step), Axis::new((-16.0, 16.0), step)];
            let values: Vec<f64> = (0..axes[0].nodes)
                .flat_map(|a| (0..axes[1].nodes).map(move |b| (a, b)))
                .map(|(a, b)| f(axes[0].node(a), axes[1].node(b)))
                .collect();
            let spline = Spline::new(axes, 1, &values);
            spline.read([axes[0].node(3), axes[1].node(5)], |_, v, _| {
                assert!((v - f(axes[0].node(3), axes[1].node(5))).abs() < 1e-14);
            });
            let mut error = 0.0_f64;
            for k in 0..200 {
                let (x, z) = (2.5 * (1.7 * f64::from(k)).sin(), 3.0 * (2.9 * f64::from(k)).cos());
                spline.read([x, z], |_, v, slopes| {
                    error = error.max((v - f(x, z)).abs());
                    let dx = (2.0 + (z - 1.0).tanh()) / x.cosh().powi(2);
                    let dz = x.tanh() / (z - 1.0).cosh().powi(2);
                    assert!((slopes[0] - dx).abs() < 0.3 * step.powi(2) && (slopes[1] - dz).abs() < 0.3 * step.powi(2));
                });
            }
            error
        };
        let (coarse, fine) = (worst(0.4), worst(0.2));
        assert!(coarse < 2e-3 && fine < coarse / 8.0, "{coarse} {fine}");
    }

    #[test]
    fn a_single_node_is_constant() {
        let axes = [Axis::single(), Axis::new((0.0, 3.0), 1.0)];
        let spline = Spline::new(axes, 2, &[0.0, 5.0, 1.0, 5.0, 2.0, 5.0, 3.0, 5.0]);
        spline.read([9.0, 1.25], |c, v, slopes| {
            let (value, slope) = [(1.25, 1.0), (5.0, 0.0)][c];
            assert!((v - value).abs() < 1e-14 && slopes[0] == 0.0 && (slopes[1] - slope).abs() < 1e-14);
        });
    }
}
