//! Cluster bootstrap of fits to choices and margins: whole subjects, sessions or seeds are resampled with all they hold.
//!
//! Expanded percentiles as of [`bootstrap()`](crate::inference::bootstrap()); a second maximum is looked for by weighted least squares,
//! Σ w(z − aψ − b)² over amplitude a and bias b at every node of a scan, with the working responses z = η + s/w and weights w of Fisher
//! scoring at the full fit (§9.2).

use std::iter::zip;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::Result;
use crate::inference::choice::{ChoiceCount, ChoiceFit, ChoiceFitter};
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::scoring::{AMPLITUDE, BIAS, Coordinates, LAPSE, Search, Workspace, maximize};
use crate::inference::engine::surface::search;
use crate::inference::engine::surface::{Field, Point};
use crate::inference::estimates::{BootstrapIntervals, FitLimit, PerParameter};
use crate::inference::intervals::bootstrap::check_counts;
use crate::inference::response::Response;
use crate::numeric::sigmoid::sigmoid;
use crate::numeric::vectors::dot;

/// Expected gain in log-likelihood at which a replicate is done: its error is about 10⁻³ of a standard error.
const TOLERANCE: f64 = 1e-6;

/// Distance in the surface coordinates from which on a second start is worth a climb.
const ELSEWHERE: f64 = 3.0;

/// One node of the scan with what a quadratic approximation of the likelihood needs.
struct Node {
    u: [f64; 2],
    shape: Vec<f64>,
    /// Σ wψ², Σ wψ.
    square: f64,
    sum: f64,
}

/// The likelihood around the full fit as weighted least squares: working responses and weights of Fisher scoring.
struct Screen {
    nodes: Vec<Node>,
    eta: Vec<f64>,
    /// Working weights.
    weights: Vec<f64>,
    total: f64,
    bias: bool,
}

impl Screen {
    fn new<R: Response>(model: &Model, data: &R, at: &At) -> Result<Self> {
        let surface = &model.surface;
        let chart = surface.primary;
        let mut field = Field::default();
        let eta = model.predictor(at, &mut field)?;
        let lapse = model.spec.lapse.then_some(at.theta[LAPSE]);
        let weights: Vec<f64> = (0..eta.len())
            .map(|k| if data.is_missing(k) { 0.0 } else { data.terms(k, eta[k], lapse).eta_eta })
            .collect();
        let axes = search::scan_axes(surface, chart);
        let mut nodes = Vec::with_capacity(axes[0].len() * axes[1].len());
        for &a in &axes[0] {
            for &b in &axes[1] {
                surface.evaluate(chart, [a, b], false, &mut field)?;
                let shape: Vec<f64> = surface.index.iter().map(|&(k, sign)| sign * field.shape[k]).collect();
                let square = zip(&shape, &weights).map(|(s, w)| w * s * s).sum();
                let sum = dot(&weights, &shape);
                nodes.push(Node { u: [a, b], shape, square, sum });
            }
        }
        let total = weights.iter().sum();
        Ok(Self { nodes, eta, weights, total, bias: model.spec.position_bias })
    }

    /// The node, amplitude and bias that describe resampled choices best to second order around the full fit.
    fn best<R: Response>(&self, data: &R, lapse: Option<f64>, pull: &mut Vec<f64>) -> Option<([f64; 2], f64, f64)> {
        // w·(working response) with the weights of the full fit.
        pull.clear();
        pull.extend(
            zip(&self.weights, &self.eta).enumerate().map(|(k, (w, &eta))| {
                if data.is_missing(k) { w * eta } else { w * eta + data.terms(k, eta, lapse).eta }
            }),
        );
        let sum: f64 = pull.iter().sum();
        let mut best: Option<(f64, [f64; 2], f64, f64)> = None;
        for node in &self.nodes {
            let (mut square, mut along) = (node.square, dot(&node.shape, pull));
            if self.bias && self.total > 0.0 {
                square -= node.sum * node.sum / self.total;
                along -= node.sum * sum / self.total;
            }
            if !(square > 0.0 && along > 0.0) {
                continue;
            }
            let (explained, amplitude) = (along * along / square, along / square);
            if best.is_none_or(|b| explained > b.0) {
                let bias = if self.bias { (sum - amplitude * node.sum) / self.total } else { 0.0 };
                best = Some((explained, node.u, amplitude, bias));
            }
        }
        best.map(|(_, u, amplitude, bias)| (u, amplitude, bias))
    }
}

impl ChoiceFitter {
    /// Resamples clusters and refits, `fit` being the fit to all of them. 10,000 replicates of 72 pairs of 9
    /// items take 0.7 s on two cores.
    ///
    /// Every replicate starts from the full fit, and from the best node of a scan of a quadratic approximation if that lies elsewhere.
    /// Logistic margins and unequal weights are read from the spline, whose error is far below the spread. Estimates at an end of the
    /// box count as the limit there.
    ///
    /// # Errors
    /// Fewer than two clusters or replicates, or choices that [`fit`](Self::fit) refuses.
    pub fn bootstrap(
        &self,
        fit: &ChoiceFit,
        clusters: &[Vec<ChoiceCount>],
        replicates: usize,
        seed: u64,
    ) -> Result<BootstrapIntervals> {
        let tables = self.tabulate(clusters)?;
        self.total(&tables)?;
        let hebbian = fit.estimates.limit == Some(FitLimit::Hebbian);
        resample(&self.model, &tables, &fit.at, hebbian, replicates, seed)
    }
}

/// Bootstraps whole tables around the fit to all of them.
pub(crate) fn resample<R: Response + Send>(
    model: &Model,
    tables: &[R],
    fit: &At,
    hebbian: bool,
    replicates: usize,
    seed: u64,
) -> Result<BootstrapIntervals> {
    check_counts(tables.len(), replicates)?;
    let n_pairs = model.surface.pairs.len();
    let mut total = R::empty(n_pairs);
    tables.iter().for_each(|table| total.add(table));
    let screen = Screen::new(model, &total, fit)?;
    let search = Search { tolerance: TOLERANCE, steps: 60, ..model.search(model.surface.primary, false) };
    let start = search::point_inside(model, fit);
    let draws: Vec<PerParameter<f64>> = (0..replicates as u64)
        .into_par_iter()
        .map_init(
            || (Workspace::default(), R::empty(n_pairs), Vec::new()),
            |(work, data, pull), replicate| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(replicate);
                data.clear();
                for _ in 0..tables.len() {
                    data.add(&tables[rng.random_range(0..tables.len())]);
                }
                let (draw, gain_strength) = refit(model, data, &search, start, &screen, work, pull)?;
                Ok(if hebbian { PerParameter { gain: gain_strength, ..draw } } else { draw })
            },
        )
        .collect::<Result<_>>()?;
    Ok(BootstrapIntervals::new(draws, tables.len(), seed, |parameter| model.coordinate(parameter).is_some()))
}

/// The parameters of one resampled data set except μ and m, and gain·strength, which is finite in the Hebbian limit.
fn refit<R: Response>(
    model: &Model,
    data: &R,
    search: &Search,
    start: Coordinates,
    screen: &Screen,
    work: &mut Workspace,
    pull: &mut Vec<f64>,
) -> Result<(PerParameter<f64>, f64)> {
    let surface = &model.surface;
    let mut from = start;
    // An amplitude of 0 would leave the surface coordinates where they are.
    from[AMPLITUDE] = from[AMPLITUDE].max(0.1);
    let mut best = maximize(surface, data, search, from, work)?;
    let lapse = model.spec.lapse.then_some(start[LAPSE]);
    if let Some((u, amplitude, bias)) = screen.best(data, lapse, pull) {
        let distance = (u[0] - best.theta[0]).abs().max((u[1] - best.theta[1]).abs());
        if distance > ELSEWHERE {
            let there = [u[0], u[1], amplitude, start[LAPSE], bias];
            let other = maximize(surface, data, search, there, work)?;
            if other.value > best.value {
                best = other;
            }
        }
    }
    let at = At { chart: search.chart, theta: best.theta };
    let (x, z) = match at.chart.point([at.theta[0], at.theta[1]]) {
        Point::Plane { x, z } => (x, z),
        Point::Corner { .. } => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let (amplitude, lapse, bias) = (best.theta[AMPLITUDE], best.theta[LAPSE], best.theta[BIAS]);
    let nothing = PerParameter { lapse, position_bias: bias, ..PerParameter::default().map(|_: f64| f64::NAN) };
    if amplitude == 0.0 {
        return Ok((PerParameter { conjunctivity: f64::NAN, strength: f64::NAN, gain: 0.0, ..nothing }, 0.0));
    }
    // The field is that of the last evaluation, which need not be the best.
    surface.evaluate(at.chart, [at.theta[0], at.theta[1]], false, &mut work.field)?;
    work.forget();
    // Within one unit of an end nothing distinguishes a value from the limit.
    let ends = surface.bounds;
    let snap = |v: f64, (low, high): (f64, f64), limit: f64, inside: f64| match v {
        _ if v <= low + 1.0 => 0.0,
        _ if v >= high - 1.0 => limit,
        _ => inside,
    };
    let conjunctivity = snap(x, ends.x, 1.0, sigmoid(x));
    let strength = snap(z, ends.z, f64::INFINITY, (z - surface.log_weight).exp());
    let inside = amplitude / work.field.log_scale.exp();
    let gain = if strength == 0.0 { f64::INFINITY } else { inside };
    Ok((PerParameter { conjunctivity, strength, gain, ..nothing }, inside * (z - surface.log_weight).exp()))
}
