//! Fisher scoring with damping, within bounds, over up to two surface coordinates, amplitude, lapse rate and position bias.
//!
//! A step solves (I + d·diag I)·δ = s, s the score, I the expected information and d ≥ 0 the damping, which grows tenfold where a step gains
//! nothing (Levenberg 1944, doi:10.1090/qam/10666).

use crate::error::Result;
use crate::inference::engine::surface::{Chart, Field, Surface};
use crate::inference::response::{MAX_LAPSE, Response, Terms};
use crate::numeric::cholesky::solve_part;
use crate::numeric::vectors::dot;

/// u₀, u₁, amplitude, λ, b.
pub(crate) type Coordinates = [f64; 5];

pub(crate) const AMPLITUDE: usize = 2;
pub(crate) const LAPSE: usize = 3;
pub(crate) const BIAS: usize = 4;

/// The direction of one coordinate.
pub(crate) fn unit(k: usize) -> Coordinates {
    std::array::from_fn(|i| f64::from(i == k))
}

/// Longest step in a surface coordinate: margins vary over distances of 1.
const LONGEST: f64 = 1.5;

/// Pivots of the information, scaled to unit diagonal, below which a direction is left out of a step.
const SINGULAR: f64 = 1e-13;

/// What a climb may vary, and how far it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    pub(crate) chart: Chart,
    pub(crate) free: [bool; 5],
    /// What the amplitude follows from.
    pub(crate) held: Option<Held>,
    /// Whether lapses are part of the model.
    pub(crate) lapses: bool,
    /// Whether to use the solver rather than the spline.
    pub(crate) exact: bool,
    /// Expected gain of log-likelihood, in units of evidence, below which to stop.
    pub(crate) tolerance: f64,
    pub(crate) steps: usize,
}

/// A scale that is held while the surface coordinates vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Held {
    /// The gain: the amplitude is gain·ρ.
    Gain(f64),
    /// gain·e^z: the amplitude is that times ρ·e^(−z). The chart is the plane or along the strength.
    GainStrength(f64),
}

impl Held {
    /// The amplitude at a point, and the slopes of its logarithm.
    pub(crate) fn amplitude(self, chart: Chart, u: [f64; 2], field: &Field) -> (f64, [f64; 2]) {
        let mut slopes = field.scale_slopes;
        match self {
            Self::Gain(gain) => (gain * field.log_scale.exp(), slopes),
            Self::GainStrength(product) => {
                let at = chart.dimension() - 1;
                slopes[at] -= 1.0;
                (product * (field.log_scale - u[at]).exp(), slopes)
            }
        }
    }
}

/// Log-likelihood at a point with its score and expected information.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Optimum {
    pub(crate) theta: Coordinates,
    pub(crate) value: f64,
    pub(crate) score: Coordinates,
    pub(crate) information: [Coordinates; 5],
}

/// Buffers that are reused from evaluation to evaluation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    pub(crate) field: Field,
    /// Where the field was evaluated last.
    last: Option<(Chart, [f64; 2], bool)>,
}

impl Workspace {
    /// Forgets the field, which may be of another surface.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }
}

/// Log-likelihood, score and information at a point.
pub(crate) fn evaluate<R: Response>(
    surface: &Surface,
    response: &R,
    search: &Search,
    mut theta: Coordinates,
    work: &mut Workspace,
) -> Result<Optimum> {
    let u = [theta[0], theta[1]];
    let key = (search.chart, u, search.exact);
    if work.last != Some(key) {
        work.last = None;
        surface.evaluate(search.chart, u, search.exact, &mut work.field)?;
        work.last = Some(key);
    }
    let field = &work.field;
    let dimension = search.chart.dimension();
    let mut tied = [0.0; 2];
    if let Some(held) = search.held {
        (theta[AMPLITUDE], tied) = held.amplitude(search.chart, u, field);
    }
    let (a, b) = (theta[AMPLITUDE], theta[BIAS]);
    let lapse = search.lapses.then_some(theta[LAPSE]);
    let mut out = Optimum { theta, value: 0.0, score: [0.0; 5], information: [[0.0; 5]; 5] };
    for (pair, &(at, sign)) in surface.index.iter().enumerate() {
        if response.is_missing(pair) {
            continue;
        }
        let shape = sign * field.shape[at];
        let t: Terms = response.terms(pair, a * shape + b, lapse);
        let mut d = [0.0, 0.0, shape, 0.0, 1.0];
        for k in 0..dimension {
            d[k] = a * (sign * field.slopes[k][at] + shape * tied[k]);
        }
        out.value += t.value;
        out.score[LAPSE] += t.lapse;
        out.information[LAPSE][LAPSE] += t.lapse_lapse;
        for i in [0, 1, AMPLITUDE, BIAS] {
            out.score[i] += t.eta * d[i];
            out.information[i][LAPSE] += t.eta_lapse * d[i];
            for j in i..5 {
                if j != LAPSE {
                    out.information[i][j] += t.eta_eta * d[i] * d[j];
                }
            }
        }
    }
    for i in 0..5 {
        for j in i + 1..5 {
            // The row of the lapse rate was summed as the column of the others.
            let (from, to) = if i == LAPSE { (j, i) } else { (i, j) };
            out.information[to][from] = out.information[from][to];
        }
    }
    Ok(out)
}

/// Ends of all coordinates.
pub(crate) fn bounds<R: Response>(surface: &Surface, response: &R, chart: Chart) -> [(f64, f64); 5] {
    let (amplitude, bias) = response.largest();
    let ends = surface.ends(chart);
    [ends[0], ends[1], (0.0, amplitude), (0.0, MAX_LAPSE), (-bias, bias)]
}

/// Climbs from `start` to a local maximum.
pub(crate) fn maximize<R: Response>(
    surface: &Surface,
    response: &R,
    search: &Search,
    start: Coordinates,
    work: &mut Workspace,
) -> Result<Optimum> {
    let bounds = bounds(surface, response, search.chart);
    let mut free = search.free;
    free[AMPLITUDE] &= search.held.is_none();
    free[search.chart.dimension()..2].fill(false);
    let mut start = start;
    for k in 0..5 {
        if free[k] {
            start[k] = start[k].clamp(bounds[k].0, bounds[k].1);
        }
    }
    let mut here = evaluate(surface, response, search, start, work)?;
    let mut damping = 0.0_f64;
    for _ in 0..search.steps {
        // At a bound, a coordinate that would leave is held.
        let mut moving = free;
        for k in 0..5 {
            let outward = (here.theta[k] <= bounds[k].0 && here.score[k] <= 0.0)
                || (here.theta[k] >= bounds[k].1 && here.score[k] >= 0.0);
            moving[k] &= !outward;
        }
        let step = scoring_step(&here, &moving, damping);
        let expected = 0.5 * dot(&step, &here.score);
        let unit = response.unit(here.value);
        // Damping shortens the step and with it the expected gain.
        let promised = expected * (1.0 + damping);
        if promised.is_nan() || promised <= search.tolerance * unit {
            break;
        }
        let mut theta = here.theta;
        for k in 0..5 {
            if moving[k] {
                let length = if k < 2 { step[k].clamp(-LONGEST, LONGEST) } else { step[k] };
                theta[k] = (theta[k] + length).clamp(bounds[k].0, bounds[k].1);
            }
        }
        let there = evaluate(surface, response, search, theta, work)?;
        if there.value > here.value {
            here = there;
            damping = if damping > 1e-4 { damping * 0.1 } else { 0.0 };
        } else {
            damping = (10.0 * damping).max(1e-2);
            if damping > 1e10 {
                break;
            }
        }
    }
    Ok(here)
}

/// The value that the quadratic model at a point promises within `radius` in the surface coordinates: it tells a slope towards a
/// maximum between nodes from a plateau.
pub(crate) fn promise(here: &Optimum, search: &Search, radius: f64) -> f64 {
    let mut moving = search.free;
    moving[search.chart.dimension()..2].fill(false);
    let mut step = scoring_step(here, &moving, 1e-3);
    for length in &mut step[..2] {
        *length = length.clamp(-radius, radius);
    }
    let quadratic: f64 = step.iter().zip(&here.information).map(|(s, row)| s * dot(row, &step)).sum();
    here.value + (dot(&step, &here.score) - 0.5 * quadratic).max(0.0)
}

/// Solves (I + damping·diag I)·step = score over the moving coordinates, leaving out directions without information.
fn scoring_step(here: &Optimum, moving: &[bool; 5], damping: f64) -> Coordinates {
    // Scaled to unit diagonal.
    let size: Coordinates = std::array::from_fn(|k| here.information[k][k].max(0.0).sqrt());
    let part: [bool; 5] = std::array::from_fn(|k| moving[k] && size[k] > 0.0);
    let entry = |i: usize, j: usize| here.information[i][j] / size[i] / size[j] + if i == j { damping } else { 0.0 };
    let scaled = solve_part(&part, entry, |i| here.score[i] / size[i], |_| SINGULAR);
    std::array::from_fn(|k| if part[k] { scaled[k] / size[k] } else { 0.0 })
}
