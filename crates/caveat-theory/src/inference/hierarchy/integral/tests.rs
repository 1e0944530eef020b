//! Tests of one unit's marginal likelihood against closed forms.

use super::*;
use crate::inference::engine::surface::grid::Block;

/// A likelihood exp(−(x − center)²/2s²) on the first axis and the same on the gain, wide enough for both.
fn gaussian(center: [f64; 2], sd: [f64; 2], spacing: f64) -> UnitGrid {
    let axis = |center: f64, sd: f64| -> Vec<f64> {
        let n = (6.0 / spacing).ceil() as i32;
        (-n..=n).map(|k| center + f64::from(k) * spacing * sd).collect()
    };
    let (x, gain) = (axis(center[0], sd[0]), axis(center[1], sd[1]));
    let log = |u: f64, k: usize| -0.5 * ((u - center[k]) / sd[k]).powi(2);
    let mut values = Vec::new();
    let mut blocks = Vec::new();
    for (i, u) in x.iter().enumerate() {
        let block = Block {
            x: i as u32,
            z: 0,
            bias: 0,
            first: 0,
            gains: gain.len() as u32,
            start: values.len(),
            open: [false; 2],
            largest: 1.0,
        };
        blocks.push(block);
        values.extend(gain.iter().map(|g| (log(*u, 0) + log(*g, 1)).exp() as f32));
    }
    let single = || Nodes { at: vec![0.0], open: [true; 2] };
    let closed = |at: Vec<f64>| Nodes { at, open: [false; 2] };
    UnitGrid {
        nodes: [closed(x), single(), closed(gain), single(), single()],
        present: [true, false, true, false, false],
        blocks,
        values,
        log_peak: -3.0,
        scales: [sd[0], 1.0, sd[1], 1.0, 1.0],
        peak: [center[0], 0.0, center[1], 0.0, 0.0],
    }
}

fn population(x: (f64, f64), gain: (f64, f64)) -> Population {
    let level = |(mean, sd): (f64, f64)| Level::Normal { mean, log_sd: sd.ln() };
    [level(x), Level::Limit(0), level(gain), Level::Limit(0), Level::Limit(0)]
}

/// log ∫ exp(−(u − center)²/2s²) N(u; mean, sd²) du.
fn closed_form(center: f64, s: f64, (mean, sd): (f64, f64)) -> f64 {
    let v = s * s + sd * sd;
    (s / v.sqrt()).ln() - (center - mean).powi(2) / (2.0 * v)
}

#[test]
fn normal_likelihoods_have_their_closed_form_at_every_spread() {
    for (x, gain) in
        [((0.4, 0.8), (1.0, 0.3)), ((3.0, 1.0), (0.0, 2.0)), ((0.7, 1e-3), (1.2, 1e-3)), ((-6.0, 4.0), (1.1, 0.05))]
    {
        let exact = -3.0 + closed_form(0.5, 0.7, x) + closed_form(1.1, 0.2, gain);
        // A spline is off by at most 3h⁴/384 of the peak on each axis, which counts for more in the tails.
        for (spacing, tolerance) in [(1.2, 0.05), (0.5, 1.5e-3), (0.1, 2e-5)] {
            let grid = gaussian([0.5, 1.1], [0.7, 0.2], spacing);
            let (value, _) = Integral::new(&grid, &population(x, gain)).log_likelihood();
            assert!(
                (value - exact).abs() < tolerance * (1.0 + 0.05 * exact.abs()),
                "{x:?} {gain:?} {spacing}: {value} {exact}"
            );
        }
    }
}

#[test]
fn slopes_are_those_of_the_value() {
    let grid = gaussian([0.5, 1.1], [0.7, 0.2], 0.5);
    let at = [0.3, -0.4, 0.9, -0.7];
    let of = |at: [f64; 4]| {
        let p = population((at[0], at[1].exp()), (at[2], at[3].exp()));
        Integral::new(&grid, &p).log_likelihood()
    };
    let (_, slopes) = of(at);
    for (k, place) in [0, 1, 4, 5].into_iter().enumerate() {
        let moved = |h: f64| {
            let mut there = at;
            there[k] += h;
            of(there).0
        };
        let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        assert!((numeric - slopes[place]).abs() < 1e-6, "{k}: {numeric} {}", slopes[place]);
    }
}

#[test]
fn an_open_end_counts_for_all_beyond_it() {
    // A likelihood 1 − Φ(u): 1 far below 0 and 0 far above. Its mean over normal u is 1 − Φ(μ/√(1 + σ²)).
    let mut grid = gaussian([0.0, 0.0], [1.0, 1.0], 3.0);
    let at: Vec<f64> = (0..=40).map(|k| 0.25 * f64::from(k) - 5.0).collect();
    let block =
        |x: u32, start: usize| Block { x, z: 0, bias: 0, first: 0, gains: 1, start, open: [false; 2], largest: 1.0 };
    grid.blocks = (0..at.len()).map(|k| block(k as u32, k)).collect();
    grid.values = at.iter().map(|u| normal_cdf(-u) as f32).collect();
    grid.nodes[0] = Nodes { at, open: [true, false] };
    grid.nodes[2] = Nodes { at: vec![0.0], open: [true; 2] };
    grid.present[2] = false;
    let of = |level: Level| {
        let mut p = population((0.0, 1.0), (0.0, 1.0));
        p[0] = level;
        Integral::new(&grid, &p).log_likelihood().0 + 3.0
    };
    assert!(of(Level::Limit(0)).abs() < 1e-6 && of(Level::Limit(1)) == f64::NEG_INFINITY);
    for (mean, log_sd) in [(-40.0_f64, 1.0_f64), (0.25, -20.0), (0.0, 0.0), (1.0, 1.5), (-3.0, 0.3)] {
        let exact = normal_cdf(-mean / (1.0 + (2.0 * log_sd).exp()).sqrt());
        let found = of(Level::Normal { mean, log_sd });
        assert!((found - exact.ln()).abs() < 1e-4, "{mean} {log_sd}: {found} {}", exact.ln());
    }
}

#[test]
fn ends_of_windows_count_for_all_beyond_them() {
    // The same along the gain, in a window that ends in the middle of the axis: 1 there and beyond.
    let mut grid = gaussian([0.0, 0.0], [1.0, 1.0], 3.0);
    let at: Vec<f64> = (0..=48).map(|k| 0.25 * f64::from(k) - 6.0).collect();
    let block = Block { x: 0, z: 0, bias: 0, first: 8, gains: 35, start: 0, open: [true, false], largest: 1.0 };
    grid.blocks = vec![block];
    grid.values = at[8..43].iter().map(|u| normal_cdf(-u - 0.5) as f32).collect();
    grid.nodes[0] = Nodes { at: vec![0.0], open: [true; 2] };
    grid.nodes[2] = Nodes { at, open: [true, false] };
    grid.present[0] = false;
    let of = |level: Level| {
        let mut p = population((0.0, 1.0), (0.0, 1.0));
        p[2] = level;
        Integral::new(&grid, &p).log_likelihood().0 + 3.0
    };
    assert!(of(Level::Limit(0)).abs() < 1e-3);
    for (mean, log_sd) in [(-40.0_f64, 1.0_f64), (0.2, -20.0), (0.0, 0.0), (-1.0, 1.0), (-3.0, 0.3)] {
        let exact = normal_cdf(-(mean + 0.5) / (1.0 + (2.0 * log_sd).exp()).sqrt());
        let found = of(Level::Normal { mean, log_sd });
        assert!((found - exact.ln()).abs() < 1e-3, "{mean} {log_sd}: {found} {}", exact.ln());
    }
}

#[test]
fn what_is_known_of_a_unit_is_shrunken_as_normal_theory_says() {
    let grid = gaussian([0.5, 1.1], [0.7, 0.2], 0.1);
    let p = population((2.0, 0.5), (1.0, 0.3));
    let values = std::mem::take(&mut Integral::new(&grid, &p).marginals()[0]);
    let posterior = Posterior::new(&grid.nodes[0], values, p[0]);
    // Weights 1/0.49 and 1/0.25.
    let (a, b): (f64, f64) = (1.0 / 0.49, 1.0 / 0.25);
    let (mean, sd) = ((a * 0.5 + b * 2.0) / (a + b), (1.0 / (a + b)).sqrt());
    for (share, z) in [(0.5, 0.0), (0.025, -1.959_964), (0.975, 1.959_964)] {
        let found = quantile(share, |u| posterior.share_below(u));
        assert!((found - (mean + z * sd)).abs() < 3e-3, "{share}: {found} {}", mean + z * sd);
    }
}
