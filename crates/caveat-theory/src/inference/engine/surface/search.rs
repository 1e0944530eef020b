//! The global search: a coarse scan of a chart, scoring from its best nodes, and the same on every limit.

use crate::error::Result;
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::scoring::{
    AMPLITUDE, BIAS, Coordinates, LAPSE, Optimum, Search, Workspace, maximize, promise,
};
use crate::inference::engine::surface::{Chart, Point, Surface};
use crate::inference::response::Response;
use crate::learner::LearnerKind;

/// Distance of scanned nodes.
const SPACING: f64 = 1.6;

/// Nodes of a plane's scan that are climbed from; a climb costs as much as a few nodes.
const STARTS: usize = 24;

/// The same for a line.
const LINE_STARTS: usize = 4;

/// Difference in log-likelihood, in units of evidence, below which two nodes are one plateau: the scan's own tolerance.
const PLATEAU: f64 = 0.02;

/// Expected gain in log-likelihood at which an estimate is good: its error is 10⁻⁵ of its standard error.
const TOLERANCE: f64 = 1e-10;

/// A limit is taken where nothing inside is better by more than this: the box ends where shapes are limits to 10⁻⁶.
const LIMIT: f64 = 1e-6;

/// An optimum and where it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Best {
    pub(crate) at: At,
    pub(crate) value: f64,
}

impl Model {
    /// The search over everything that is free in a chart.
    pub(crate) fn search(&self, chart: Chart, exact: bool) -> Search {
        Search {
            chart,
            free: [true, true, true, self.spec.lapse, self.spec.position_bias],
            held: None,
            lapses: self.spec.lapse,
            exact,
            tolerance: TOLERANCE,
            steps: 200,
        }
    }
}

/// The ends of `n` ≥ 1 equal cells from `low` to `high`, which are among them to the last bit: what lies at an end is a limit.
pub(crate) fn evenly((low, high): (f64, f64), n: usize) -> Vec<f64> {
    let inner = (1..n).map(|k| low + (high - low) * k as f64 / n as f64);
    std::iter::once(low).chain(inner).chain([high]).collect()
}

/// The nodes of a scan of a chart.
pub(crate) fn scan_axes(surface: &Surface, chart: Chart) -> [Vec<f64>; 2] {
    let ends = surface.ends(chart);
    [0, 1].map(|k| match ends[k] {
        _ if k >= chart.dimension() => vec![0.0],
        (low, high) => evenly((low, high), ((high - low) / SPACING).ceil().max(1.0) as usize),
    })
}

/// The maximum over a chart and other local maxima, best first.
pub(crate) fn maxima<R: Response>(
    model: &Model,
    response: &R,
    chart: Chart,
    work: &mut Workspace,
) -> Result<Vec<Optimum>> {
    let surface = &model.surface;
    // A chart that the spline does not cover goes to the solver in any case.
    let search = model.search(chart, false);
    let axes = scan_axes(surface, chart);
    let (na, nb) = (axes[0].len(), axes[1].len());
    let free = [false, false, true, search.free[LAPSE], search.free[BIAS]];
    let inner = Search { free, tolerance: 1e-2, steps: 15, ..search };
    let lapse = if model.spec.lapse { 0.05 } else { 0.0 };
    let mut thetas: Vec<Coordinates> = Vec::with_capacity(na * nb);
    let (mut values, mut promises) = (Vec::with_capacity(na * nb), Vec::with_capacity(na * nb));
    let mut previous = [0.0, 0.0, 1.0, lapse, 0.0];
    for a in 0..na {
        for b in 0..nb {
            (previous[0], previous[1]) = (axes[0][a], axes[1][b]);
            // Neither end of the amplitude is a good start.
            previous[AMPLITUDE] = previous[AMPLITUDE].clamp(0.1, 10.0);
            previous[LAPSE] = if model.spec.lapse { previous[LAPSE].clamp(0.005, 0.3) } else { 0.0 };
            let best = maximize(surface, response, &inner, previous, work)?;
            previous = best.theta;
            thetas.push(best.theta);
            values.push(best.value);
            promises.push(promise(&best, &search, SPACING));
        }
        previous = thetas[a * nb];
    }
    // The most promising nodes, of a plateau (as towards a limit) only one.
    let mut order: Vec<usize> = (0..promises.len()).collect();
    order.sort_by(|&i, &j| promises[j].total_cmp(&promises[i]).then(i.cmp(&j)));
    let mut starts: Vec<usize> = Vec::new();
    let wanted = if chart.dimension() > 1 { STARTS } else { LINE_STARTS };
    for k in order {
        let near = |a: f64, b: f64| (a - b).abs() <= PLATEAU * response.unit(values[k]) + 1e-12 * a.abs();
        if starts.iter().all(|&s| !near(values[s], values[k])) {
            starts.push(k);
            if starts.len() == wanted {
                break;
            }
        }
    }
    let mut found: Vec<Optimum> =
        starts.iter().map(|&k| maximize(surface, response, &search, thetas[k], work)).collect::<Result<_>>()?;
    let sort = |found: &mut Vec<Optimum>| found.sort_by(|p, q| q.value.total_cmp(&p.value));
    sort(&mut found);
    if !surface.is_exact() && chart == surface.primary && chart.dimension() > 0 {
        // What the spline found, polished with the solver.
        let exact = Search { exact: true, steps: 30, ..search };
        found.truncate(2);
        for optimum in &mut found {
            *optimum = maximize(surface, response, &exact, optimum.theta, work)?;
        }
        sort(&mut found);
    }
    Ok(found)
}

/// The global maximum, limits included.
pub(crate) fn fit<R: Response>(model: &Model, response: &R, work: &mut Workspace) -> Result<Best> {
    let primary = model.surface.primary;
    work.forget();
    let inside = maxima(model, response, primary, work)?;
    let mut best = Best { at: At { chart: primary, theta: inside[0].theta }, value: inside[0].value };
    let mut of_limits: Option<Best> = None;
    for chart in model.surface.limits() {
        let mut found = maxima(model, response, chart, work)?[0];
        // With lapses the likelihood has several maxima on a limit; the one beside that of the inside is another start.
        let beside =
            maximize(&model.surface, response, &model.search(chart, false), project(chart, best.at.theta), work)?;
        if beside.value > found.value {
            found = beside;
        }
        // Later limits are special cases of earlier ones.
        let slack = LIMIT * response.unit(found.value);
        if of_limits.is_none_or(|l| found.value >= l.value - slack) {
            let value = of_limits.map_or(found.value, |l| l.value.max(found.value));
            of_limits = Some(Best { at: At { chart, theta: found.theta }, value });
        }
    }
    if let Some(limit) = of_limits
        && limit.value >= best.value - LIMIT * response.unit(best.value)
    {
        best = limit;
    }
    settle_strength(model, response, &mut best, work)?;
    Ok(best)
}

/// The point of a limit's chart beside one of the plane's.
fn project(chart: Chart, theta: Coordinates) -> Coordinates {
    let mut there = theta;
    (there[0], there[1]) = match chart {
        Chart::AlongStrength { .. } => (theta[1], 0.0),
        Chart::AlongConjunctivity { .. } => (theta[0], 0.0),
        Chart::Corner => (theta[0] + theta[1], 0.0),
        Chart::Plane | Chart::Fixed { .. } | Chart::Screening => (theta[0], theta[1]),
    };
    there
}

/// Distance from the end of the box below which a strength without a limit is tried at the end.
const NEAR_END: f64 = 6.0;

/// Moves the strength of logistic margins, which have no limit, to the end of its range where nothing inside is better by more than a
/// limit's tolerance: they change as 1/log C, and a climb may stop on the way.
fn settle_strength<R: Response>(model: &Model, response: &R, best: &mut Best, work: &mut Workspace) -> Result<()> {
    let at = match best.at.chart {
        Chart::Plane => 1,
        Chart::AlongStrength { .. } => 0,
        _ => return Ok(()),
    };
    let end = model.surface.bounds.z.1;
    if model.surface.learner != LearnerKind::Logistic || best.at.theta[at] < end - NEAR_END {
        return Ok(());
    }
    hold(model, response, best, (at, end), work)
}

/// Moves a coordinate to a value, all others being fitted to it, where nothing is better by more than a limit's tolerance.
fn hold<R: Response>(
    model: &Model,
    response: &R,
    best: &mut Best,
    (at, value): (usize, f64),
    work: &mut Workspace,
) -> Result<()> {
    let mut search = model.search(best.at.chart, !model.surface.is_exact());
    search.free[at] = false;
    let mut theta = best.at.theta;
    theta[at] = value;
    work.forget();
    let there = maximize(&model.surface, response, &search, theta, work)?;
    if there.value >= best.value - LIMIT * response.unit(best.value) {
        *best = Best { at: At { chart: best.at.chart, theta: there.theta }, value: there.value.max(best.value) };
    }
    Ok(())
}

/// Position biases and amplitudes below this are inside: at it one choice in e⁸ ≈ 3,000 goes against a bias or margin of that size.
const LARGE: f64 = 8.0;

/// Moves a large amplitude and a large position bias to their bounds, where nothing inside is better by more than a limit's
/// tolerance: they run off, and where a climb stopped on the way means nothing.
pub(crate) fn run_off<R: Response>(model: &Model, response: &R, best: &mut Best, work: &mut Workspace) -> Result<()> {
    let (amplitude, bias) = response.largest();
    if amplitude.is_finite() && (LARGE..amplitude).contains(&best.at.theta[AMPLITUDE]) {
        hold(model, response, best, (AMPLITUDE, amplitude), work)?;
    }
    let found = best.at.theta[BIAS];
    if model.spec.position_bias && bias.is_finite() && found.abs() >= LARGE {
        hold(model, response, best, (BIAS, bias.copysign(found)), work)?;
    }
    Ok(())
}

/// A point of the primary chart's box that stands for an optimum, which may be a limit.
pub(crate) fn point_inside(model: &Model, at: &At) -> Coordinates {
    let primary = model.surface.primary;
    let bounds = model.surface.bounds;
    let mut theta = at.theta;
    let (x, z) = match at.chart.point([theta[0], theta[1]]) {
        Point::Plane { x, z } => (x, z),
        // The lowest α whose αs is still within the box.
        Point::Corner { logit_memorization } => {
            let z = (logit_memorization - bounds.x.0).min(bounds.z.1);
            (logit_memorization - z, z)
        }
    };
    let (x, z) = (x.clamp(bounds.x.0, bounds.x.1), z.clamp(bounds.z.0, bounds.z.1));
    (theta[0], theta[1]) = match primary {
        Chart::Plane => (x, z),
        Chart::AlongStrength { .. } => (z, 0.0),
        Chart::AlongConjunctivity { .. } => (x, 0.0),
        Chart::Corner | Chart::Fixed { .. } | Chart::Screening => (0.0, 0.0),
    };
    theta
}
