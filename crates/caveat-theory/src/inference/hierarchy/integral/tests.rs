use super::super::super::choice::Block;
use super::*;

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
        // Linear between nodes is as if the likelihood were wider by a sixth of the squared distance.
        for (spacing, tolerance) in [(0.5, 0.1), (0.1, 4e-3)] {
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
    // A likelihood that is 1 below 0 and falls to 0 at 1: a mean running to −∞ reaches its limit.
    let mut grid = gaussian([0.0, 0.0], [1.0, 1.0], 3.0);
    grid.nodes[0] = Nodes { at: vec![-1.0, 0.0, 1.0], open: [true, false] };
    grid.nodes[2] = Nodes { at: vec![0.0], open: [true; 2] };
    grid.present[2] = false;
    let block =
        |x: u32, start: usize| Block { x, z: 0, bias: 0, first: 0, gains: 1, start, open: [false; 2], largest: 1.0 };
    (grid.blocks, grid.values) = (vec![block(0, 0), block(1, 1), block(2, 2)], vec![1.0, 1.0, 0.0]);
    let of = |level: Level| {
        let mut p = population((0.0, 1.0), (0.0, 1.0));
        p[0] = level;
        Integral::new(&grid, &p).log_likelihood().0 + 3.0
    };
    assert!(of(Level::Limit(0)).abs() < 1e-12 && of(Level::Limit(1)) == f64::NEG_INFINITY);
    assert!(of(Level::Normal { mean: -40.0, log_sd: 1.0 }).abs() < 1e-9);
    assert!((of(Level::Normal { mean: 0.25, log_sd: -20.0 }) - 0.75f64.ln()).abs() < 1e-6);
    // ½ below 0, and above it ∫ (1 − u)φ(u) du from 0 to 1.
    let exact = 0.5 + (normal(1.0) - 0.5) - (density(0.0) - density(1.0));
    assert!((of(Level::Normal { mean: 0.0, log_sd: 0.0 }) - exact.ln()).abs() < 1e-6);
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
        let found = quantile(share, |u| posterior.below(u));
        assert!((found - (mean + z * sd)).abs() < 3e-3, "{share}: {found} {}", mean + z * sd);
    }
}
