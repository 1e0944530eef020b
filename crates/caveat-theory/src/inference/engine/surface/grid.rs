//! A unit's whole likelihood, tabulated once on a grid that is fine where it varies and reaches every limit.
//!
//! Axes are those on which populations are normal: x = logit α, log s, log gain, log λ/(½−λ) and b. At every node of the
//! first two, the gain has a window of its own, as its likely values move with them. A node is kept where the likelihood,
//! maximized over the others, is above e^−[`DEPTH`] of its peak. The spacing of nodes is a share of the standard deviation
//! that the expected information gives with the other axes held.

mod axes;

use std::collections::HashMap;

use crate::error::Result;
use crate::inference::engine::surface::Chart;
use crate::inference::engine::surface::model::{At, Model};
use crate::inference::engine::surface::scoring::{
    AMPLITUDE, BIAS, Coordinates, Held, LAPSE, Optimum, Search, Workspace, evaluate, maximize,
};
use crate::inference::engine::surface::search::{self, point_inside};
use crate::inference::response::{MAX_LAPSE, Response};
use crate::numeric::sigmoid::sigmoid;

/// Log-likelihood below the peak at which it counts as 0.
pub(crate) const DEPTH: f64 = 10.0;

/// The same, of nodes that decide how fine an axis is.
const RELEVANT: f64 = 5.0;

/// Distance of gains where there are lapses, as a share of that without: rates are known at two lapse rates, and at some others the
/// data tell gains better.
const GAINS_WITH_LAPSES: f64 = 0.5;

/// Where the likeliest lapse rate is above the first number, one smaller by the second factor is tried too. Choices that hardly depend
/// on distance may be many lapses with a large gain, where nothing tells α and C, or few lapses with a small gain.
const FEWER_LAPSES: (f64, f64) = (0.02, 6.0);

/// A place counts for this power of its likelihood in the typical rate, so that a ridge between nodes shows on its flanks.
const TEMPER: f64 = 0.5;

/// Spacing of lapses relative to that of other axes: the likelihood is smoother than its curvature at the peak says.
const LAPSES: f64 = 1.5;

/// Spacing in standard deviations beyond which more values are taken instead.
const COARSEST: f64 = 3.0;

/// Ends of the axis of lapses at most: λ of 3·10⁻⁶, and ½ − λ of 10⁻³.
const LAPSE_ENDS: (f64, f64) = (-12.0, 6.0);

/// Number of axes: x, log s, log gain, lapses, bias.
pub(crate) const AXES: usize = 5;

/// Nodes of an axis, ascending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nodes {
    pub(crate) at: Vec<f64>,
    /// Whether the likelihood beyond the lower and the upper end is that of the end; otherwise it is 0 there.
    pub(crate) open: [bool; 2],
}

impl Nodes {
    /// Of an axis that the model does not have.
    fn single() -> Self {
        Self { at: vec![0.0], open: [true; 2] }
    }

    /// The ends that are open, and `others` in place of those that are not.
    pub(crate) fn open_ends(&self, others: [f64; 2]) -> [f64; 2] {
        let ends = [self.at[0], self.at[self.at.len() - 1]];
        [0, 1].map(|side| if self.open[side] { ends[side] } else { others[side] })
    }
}

/// A window of gains at one node of the first two axes and of biases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) x: u32,
    pub(crate) z: u32,
    pub(crate) bias: u32,
    /// Place of its lowest gain on the unit's axis of gains.
    pub(crate) first: u32,
    pub(crate) gains: u32,
    /// Place of its values: one row of gains per lapse rate.
    pub(crate) start: usize,
    /// As of nodes, of the window.
    pub(crate) open: [bool; 2],
    /// Largest of its values.
    pub(crate) largest: f32,
}

/// The likelihood of one unit, relative to its peak.
#[derive(Debug, Clone)]
pub(crate) struct UnitGrid {
    pub(crate) nodes: [Nodes; AXES],
    pub(crate) present: [bool; AXES],
    pub(crate) blocks: Vec<Block>,
    pub(crate) values: Vec<f32>,
    /// Log-likelihood at the peak.
    pub(crate) log_peak: f64,
    /// Standard deviations that the information at the peak gives, with the others held; ∞ without information.
    pub(crate) scales: [f64; AXES],
    /// Where the peak is; ends of the grid stand for limits.
    pub(crate) peak: [f64; AXES],
}

/// The best fit at a node of the first two axes.
#[derive(Debug, Clone, Copy)]
struct Place {
    theta: Coordinates,
    log_scale: f64,
    /// Log-likelihood, maximized over gain, lapses and bias.
    log: f64,
    rates: Rates,
    /// With fewer lapses, the log-likelihood maximized over gain and bias, and the rates.
    fewer: Option<(f64, Rates)>,
}

/// Square roots of the information about both coordinates and log gain, with the others held.
type Rates = [f64; 3];

/// The tabulated part of a grid: its axis of gains, its blocks, and their values.
type Table = (Nodes, Vec<Block>, Vec<f32>);

struct Maker<'a, R> {
    model: &'a Model,
    response: &'a R,
    chart: Chart,
    unit: f64,
    work: Workspace,
    places: HashMap<[u64; 2], Place>,
    /// Most values of the grid.
    most: usize,
    /// Share of the places that had used them up.
    done: f64,
}

impl Model {
    /// Tabulates the likelihood of `response`, with nodes every `spacing` standard deviations, or farther apart where that would
    /// be more than `most` values.
    pub(crate) fn grid<R: Response>(&self, response: &R, spacing: f64, most: usize) -> Result<UnitGrid> {
        let mut work = Workspace::default();
        let best = search::fit(self, response, &mut work)?;
        let unit = response.unit(best.value).max(response.least_unit());
        let chart = self.surface.primary;
        let mut maker = Maker { model: self, response, chart, unit, work, places: HashMap::new(), most, done: 1.0 };
        let dimension = chart.dimension() + 1 + usize::from(self.spec.lapse) + usize::from(self.spec.position_bias);
        let mut spacing = spacing;
        loop {
            if let Some(grid) = maker.make(&best.at, spacing)? {
                return Ok(grid);
            }
            spacing *= 1.1 * maker.done.max(0.01).powf(-1.0 / dimension as f64);
            if spacing > COARSEST {
                maker.most = usize::MAX;
            }
        }
    }
}

impl<R: Response> Maker<'_, R> {
    /// The grid; `None` if it would have too many values.
    fn make(&mut self, best: &At, spacing: f64) -> Result<Option<UnitGrid>> {
        let start = point_inside(self.model, best);
        let mut axes = self.refined(start, spacing)?;
        let mut log_peak = f64::NEG_INFINITY;
        let mut top = start;
        for place in self.places.values() {
            if place.log > log_peak || place.log == log_peak && place.theta < top {
                (log_peak, top) = (place.log, place.theta);
            }
        }
        let places = self.likely_places(&mut axes, log_peak);
        let spec = &self.model.spec;
        let lapses = if spec.lapse { self.lapse_nodes(top, log_peak, LAPSES * spacing)? } else { Nodes::single() };
        let biases = if spec.position_bias { self.bias_nodes(top, log_peak, spacing)? } else { Nodes::single() };
        let share = if spec.lapse { GAINS_WITH_LAPSES } else { 1.0 };
        let step = (share * spacing / typical_rate(places.iter().map(|p| &p.2), log_peak, 2)).clamp(1e-7, 1.0);
        let table = self.blocks(&places, &lapses, &biases, step)?;
        let Some((gains, mut blocks, values)) = table else { return Ok(None) };
        let dimension = self.chart.dimension();
        let shift = self.model.surface.log_weight;
        let [first, second] = axes;
        let ends = self.model.surface.ends(self.chart);
        let nodes = |at: Vec<f64>, k: usize, shift: f64| {
            let open = [at[0] <= ends[k].0, at[at.len() - 1] >= ends[k].1];
            Nodes { at: at.into_iter().map(|u| u - shift).collect(), open }
        };
        let (x, z) = match self.chart {
            Chart::Plane => (nodes(first, 0, 0.0), nodes(second, 1, shift)),
            Chart::AlongConjunctivity { .. } => (nodes(first, 0, 0.0), Nodes::single()),
            Chart::AlongStrength { .. } => {
                blocks.iter_mut().for_each(|block| (block.x, block.z) = (block.z, block.x));
                (Nodes::single(), nodes(first, 0, shift))
            }
            Chart::Corner | Chart::Fixed { .. } | Chart::Screening => (Nodes::single(), Nodes::single()),
        };
        let present = [
            dimension == 2 || matches!(self.chart, Chart::AlongConjunctivity { .. }),
            dimension == 2 || matches!(self.chart, Chart::AlongStrength { .. }),
            true,
            spec.lapse,
            spec.position_bias,
        ];
        let (peak, scales) = self.peak_and_scales(top, present, shift)?;
        Ok(Some(UnitGrid { nodes: [x, z, gains, lapses, biases], present, blocks, values, log_peak, scales, peak }))
    }

    /// The peak and the scales there, on the axes that are `present`.
    fn peak_and_scales(
        &mut self,
        top: Coordinates,
        present: [bool; AXES],
        shift: f64,
    ) -> Result<([f64; AXES], [f64; AXES])> {
        let place = self.place([top[0], top[1]], top)?;
        let there = evaluate(&self.model.surface, self.response, &self.search(None), place.theta, &mut self.work)?;
        let (lapse, rest) = (place.theta[LAPSE], MAX_LAPSE - place.theta[LAPSE]);
        let slope = lapse * rest / MAX_LAPSE;
        let (a, b) = match self.chart {
            Chart::AlongStrength { .. } => (1, 0),
            _ => (0, 1),
        };
        let peak = [
            if present[0] { place.theta[a] } else { 0.0 },
            if present[1] { place.theta[b] - shift } else { 0.0 },
            self.log_gain(&place),
            (lapse / rest).ln().clamp(LAPSE_ENDS.0, LAPSE_ENDS.1),
            place.theta[BIAS],
        ];
        let scales = [
            1.0 / place.rates[a],
            1.0 / place.rates[b],
            1.0 / place.rates[2],
            1.0 / (slope * (there.information[LAPSE][LAPSE] / self.unit).sqrt()),
            1.0 / (there.information[BIAS][BIAS] / self.unit).sqrt(),
        ];
        Ok((peak, scales))
    }

    /// log gain at a place, of the smallest amplitude at least.
    fn log_gain(&self, place: &Place) -> f64 {
        let shift = if self.model.spec.strength == Some(0.0) { self.model.surface.log_weight } else { 0.0 };
        place.theta[AMPLITUDE].max(self.response.smallest(self.unit)).ln() - place.log_scale - shift
    }

    fn search(&self, gain: Option<f64>) -> Search {
        Search { held: gain.map(Held::Gain), tolerance: 1e-3, steps: 25, ..self.model.search(self.chart, false) }
    }

    /// What is known at a point, climbed to from `start`.
    fn place(&mut self, u: [f64; 2], start: Coordinates) -> Result<Place> {
        let key = u.map(f64::to_bits);
        if let Some(place) = self.places.get(&key) {
            return Ok(*place);
        }
        let free = self.search(None);
        let held = Search { free: [false, false, true, free.free[LAPSE], free.free[BIAS]], ..free };
        let mut start = start;
        (start[0], start[1]) = (u[0], u[1]);
        // Neither end is a good start.
        let cap = self.response.largest().0;
        if cap.is_finite() {
            start[AMPLITUDE] = start[AMPLITUDE].clamp(0.1, 0.4 * cap);
        }
        if self.model.spec.lapse {
            start[LAPSE] = start[LAPSE].clamp(0.005, 0.3);
        }
        let best = maximize(&self.model.surface, self.response, &held, start, &mut self.work)?;
        let log_scale = self.work.field.log_scale;
        let rates = self.rates(&best, log_scale)?;
        let fewer = if self.model.spec.lapse && best.theta[LAPSE] > FEWER_LAPSES.0 {
            let held = Search { free: [false, false, true, false, free.free[BIAS]], ..free };
            let mut start = best.theta;
            start[LAPSE] /= FEWER_LAPSES.1;
            start[AMPLITUDE] *= 0.5;
            let best = maximize(&self.model.surface, self.response, &held, start, &mut self.work)?;
            Some((self.response.log_likelihood(best.value), self.rates(&best, log_scale)?))
        } else {
            None
        };
        let log = self.response.log_likelihood(best.value);
        let place = Place { theta: best.theta, log_scale, log, rates, fewer };
        self.places.insert(key, place);
        Ok(place)
    }

    /// Rates at a maximum over gains; those of the coordinates with the gain held, not the amplitude.
    fn rates(&mut self, best: &Optimum, log_scale: f64) -> Result<Rates> {
        let gain = best.theta[AMPLITUDE] / log_scale.exp();
        let tied = if gain.is_finite() {
            evaluate(&self.model.surface, self.response, &self.search(Some(gain)), best.theta, &mut self.work)?
        } else {
            *best
        };
        let rate = |information: f64| (information / self.unit).max(0.0).sqrt();
        let by_gain = best.theta[AMPLITUDE] * rate(best.information[AMPLITUDE][AMPLITUDE]);
        Ok([rate(tied.information[0][0]), rate(tied.information[1][1]), by_gain])
    }

    /// The values at every place and bias, over a window of gains; `None` if there are too many.
    fn blocks(
        &mut self,
        places: &[(u32, u32, Place)],
        lapses: &Nodes,
        biases: &Nodes,
        step: f64,
    ) -> Result<Option<Table>> {
        let surface = &self.model.surface;
        let cells = self.response.cells(&surface.index, !self.model.spec.position_bias);
        let lapse: Vec<f64> =
            if self.model.spec.lapse { lapses.at.iter().map(|&l| lapse_of(l)).collect() } else { Vec::new() };
        let rows = lapses.at.len();
        let (floor, cap) = (self.response.smallest(self.unit).ln(), self.response.largest().0.ln());
        let peak = places.iter().fold(f64::NEG_INFINITY, |peak, p| peak.max(p.2.log));
        let shift = if self.model.spec.strength == Some(0.0) { surface.log_weight } else { 0.0 };
        let beyond = (BEYOND / step).ceil() as i64;
        let mut found: Vec<(Block, i64)> = Vec::with_capacity(places.len());
        let mut values: Vec<f32> = Vec::new();
        for (done, (x, z, place)) in places.iter().enumerate() {
            if values.len() > self.most {
                self.done = done as f64 / places.len() as f64;
                return Ok(None);
            }
            surface.evaluate(self.chart, [place.theta[0], place.theta[1]], false, &mut self.work.field)?;
            let shape = &self.work.field.shape;
            let scale = place.log_scale + shift;
            let lowest = ((floor - scale) / step).ceil() as i64;
            let highest = if cap.is_finite() { (((cap - scale) / step).floor() as i64).max(lowest) } else { i64::MAX };
            let center = ((place.theta[AMPLITUDE].ln().max(floor) - scale) / step).round() as i64;
            let center = center.clamp(lowest, highest);
            let nearest = biases.at.partition_point(|b| *b < place.theta[BIAS]).min(biases.at.len() - 1);
            // From the likeliest bias outward, each from the likeliest gain of the one before.
            for outward in [1_i64, -1] {
                let mut start = center;
                let mut at = nearest as i64 + outward.min(0);
                while at >= 0 && (at as usize) < biases.at.len() {
                    let bias = biases.at[at as usize];
                    let line = |k: i64| {
                        let amplitude = (k as f64 * step + scale).exp();
                        Line::new(|out| self.response.fill(&cells, shape, amplitude, &lapse, bias, out))
                    };
                    let (first, lines, is_open) = window(start, (lowest, highest), peak, beyond, line);
                    let Some(best) = (0..lines.len()).max_by(|&a, &b| lines[a].top.total_cmp(&lines[b].top)) else {
                        break;
                    };
                    start = first + best as i64;
                    let is_out = lines[best].top < peak - DEPTH;
                    let block = Block {
                        x: *x,
                        z: *z,
                        bias: at as u32,
                        first: 0,
                        gains: lines.len() as u32,
                        start: values.len(),
                        open: [first == lowest, is_open],
                        largest: (lines[best].top - peak).exp() as f32,
                    };
                    found.push((block, first));
                    for row in 0..rows {
                        values.extend(lines.iter().map(|l| (l.values[row] - peak).exp() as f32));
                    }
                    if is_out {
                        break;
                    }
                    at += outward;
                }
            }
        }
        self.work.forget();
        let lowest = found.iter().map(|f| f.1).min().unwrap_or(0);
        let highest = found.iter().map(|f| f.1 + i64::from(f.0.gains) - 1).max().unwrap_or(0);
        let gains = Nodes {
            at: (lowest..=highest).map(|k| k as f64 * step).collect(),
            open: [0, 1].map(|side| found.iter().any(|f| f.0.open[side])),
        };
        let placed = |(block, first): &(Block, i64)| Block { first: (first - lowest) as u32, ..*block };
        Ok(Some((gains, found.iter().map(placed).collect(), values)))
    }
}

/// Log-likelihoods at one gain, for every lapse rate.
struct Line {
    values: Vec<f64>,
    top: f64,
}

impl Line {
    fn new(fill: impl FnOnce(&mut Vec<f64>)) -> Self {
        let mut values = Vec::new();
        fill(&mut values);
        let top = values.iter().fold(f64::NEG_INFINITY, |top, v| top.max(*v));
        Self { values, top }
    }
}

/// How far in log gain windows go beyond the cap of amplitudes while the likelihood still falls: the cap is that of the typical margin,
/// and smaller ones may tell more.
const BEYOND: f64 = 4.0;

/// A change of the likelihood from one gain to the next that counts as none, as a share of the peak.
const FLAT: f64 = 1e-3;

/// The place of the first line, the lines from about where they are highest to the first below e^−[`DEPTH`] of the peak on either side,
/// within bounds, and whether the upper end is open: there the lines go on, at most `beyond` of them, until nothing changes.
fn window(
    start: i64,
    bounds: (i64, i64),
    peak: f64,
    beyond: i64,
    line: impl Fn(i64) -> Line,
) -> (i64, Vec<Line>, bool) {
    let least = peak - DEPTH;
    let mut lines = std::collections::VecDeque::from([line(start)]);
    let mut first = start;
    let is_flat = |a: &Line, b: &Line| {
        a.values.iter().zip(&b.values).all(|(a, b)| ((a - peak).exp() - (b - peak).exp()).abs() <= FLAT)
    };
    let mut is_open = false;
    // Up while it rises, and on until it is low; then the same down.
    loop {
        let n = lines.len();
        let last = first + n as i64 - 1;
        let (top, before) = (lines[n - 1].top, n.checked_sub(2).map(|k| lines[k].top));
        if top < least && before.is_some_and(|before| top <= before) {
            break;
        }
        if last >= bounds.1
            && (last >= bounds.1.saturating_add(beyond) || n > 1 && is_flat(&lines[n - 2], &lines[n - 1]))
        {
            is_open = true;
            break;
        }
        lines.push_back(line(last + 1));
    }
    loop {
        let (top, after) = (lines[0].top, lines.get(1).map(|l| l.top));
        if first <= bounds.0 || (top < least && after.is_some_and(|after| top <= after)) {
            break;
        }
        first -= 1;
        lines.push_front(line(first));
    }
    (first, lines.into(), is_open)
}

/// Root mean square of the rate of a coordinate over places, each counted by a power of its likelihood relative to `best`.
fn typical_rate<'a>(places: impl Iterator<Item = &'a Place>, best: f64, k: usize) -> f64 {
    let all = places.flat_map(|p| std::iter::once((p.log, p.rates)).chain(p.fewer));
    let (sum, total) = all.fold((0.0, 0.0), |(sum, total), (log, rates)| {
        let weight = (TEMPER * (log - best)).exp();
        (sum + weight * rates[k] * rates[k], total + weight)
    });
    (sum / total).sqrt()
}

/// λ at a place of its axis.
pub(crate) fn lapse_of(l: f64) -> f64 {
    MAX_LAPSE * sigmoid(l)
}
