//! Where a unit's likelihood is tabulated: nodes of its axes, as near to each other as it varies.

use crate::error::Result;
use crate::inference::engine::surface::grid::{
    DEPTH, LAPSE_ENDS, Maker, Nodes, Place, RELEVANT, lapse_of, typical_rate,
};
use crate::inference::engine::surface::scoring::{BIAS, Coordinates, LAPSE, maximize};
use crate::inference::engine::surface::search::{evenly, scan_axes};
use crate::inference::response::{MAX_LAPSE, Response};

/// About the most nodes of the axes of lapses and biases: where the data tell little, coarser axes suffice.
const MOST: f64 = 24.0;

/// Rounds of refinement of the first two axes; a cell is cut in up to four in each.
const ROUNDS: usize = 14;

impl<R: Response> Maker<'_, R> {
    /// Nodes of the first two axes, refined where the likelihood varies.
    pub(crate) fn refined(&mut self, start: Coordinates, spacing: f64) -> Result<[Vec<f64>; 2]> {
        let dimension = self.chart.dimension();
        let mut axes = scan_axes(&self.model.surface, self.chart);
        for k in 0..dimension {
            anchor(&mut axes[k], start[k]);
        }
        for _ in 0..ROUNDS {
            let mut before = start;
            let mut peak = f64::NEG_INFINITY;
            let mut all = Vec::with_capacity(axes[0].len() * axes[1].len());
            for &a in &axes[0] {
                for &b in &axes[1] {
                    let place = self.place([a, b], before)?;
                    before = place.theta;
                    peak = peak.max(place.log);
                    all.push(place);
                }
            }
            let n = axes[1].len();
            let mut more: [Vec<f64>; 2] = Default::default();
            for k in 0..dimension {
                // The typical rate of a node's line, places counted by their likelihood: steps at very large gains are no reason for a
                // fine axis. None where nothing counts.
                let rate = |node: usize| -> Option<f64> {
                    let (from, to, step) = if k == 0 { (node * n, (node + 1) * n, 1) } else { (node, all.len(), n) };
                    let line: Vec<&Place> = all[from..to].iter().step_by(step).collect();
                    let best = line.iter().fold(f64::NEG_INFINITY, |best, p| best.max(p.log));
                    let typical = typical_rate(line.into_iter(), best, k);
                    (peak - best < DEPTH).then_some(if peak - best < RELEVANT { typical } else { 0.5 * typical })
                };
                let rates: Vec<Option<f64>> = (0..axes[k].len()).map(rate).collect();
                for (cell, rate) in axes[k].windows(2).zip(rates.windows(2)) {
                    let largest = match (rate[0], rate[1]) {
                        (None, None) => continue,
                        (a, b) => a.unwrap_or(0.0).max(b.unwrap_or(0.0)),
                    };
                    more[k].extend(cuts(cell, largest, spacing));
                }
            }
            if more.iter().all(Vec::is_empty) {
                break;
            }
            for (axis, more) in axes.iter_mut().zip(more) {
                more.into_iter().for_each(|u| add(axis, u));
            }
        }
        Ok(axes)
    }

    /// The places where the likelihood counts, in order. The axes are cut to them and one node more on either side.
    pub(crate) fn likely_places(&self, axes: &mut [Vec<f64>; 2], peak: f64) -> Vec<(u32, u32, Place)> {
        let mut kept = Vec::new();
        for (i, a) in axes[0].iter().enumerate() {
            for (j, b) in axes[1].iter().enumerate() {
                if let Some(place) = self.places.get(&[a.to_bits(), b.to_bits()])
                    && peak - place.log < DEPTH
                {
                    kept.push(([i, j], *place));
                }
            }
        }
        let first: [usize; 2] = std::array::from_fn(|k| {
            let nodes = kept.iter().map(|(node, _)| node[k]);
            let first = nodes.clone().min().unwrap_or(0).saturating_sub(1);
            let last = nodes.max().map_or(axes[k].len(), |last| last + 2).min(axes[k].len());
            axes[k] = axes[k][first..last].to_vec();
            first
        });
        let moved = |node: [usize; 2], k: usize| (node[k] - first[k]) as u32;
        kept.into_iter().map(|(node, place)| (moved(node, 0), moved(node, 1), place)).collect()
    }

    /// Log-likelihood with one of lapses and bias held at the best point of the first two axes, and the rate there.
    fn held(&mut self, top: Coordinates, coordinate: usize, value: f64) -> Result<(f64, f64)> {
        let mut search = self.search(None);
        search.free[0] = false;
        search.free[1] = false;
        search.free[coordinate] = false;
        let mut start = top;
        start[coordinate] = value;
        let best = maximize(&self.model.surface, self.response, &search, start, &mut self.work)?;
        let information = best.information[coordinate][coordinate] / self.unit;
        Ok((self.response.log_likelihood(best.value), information.max(0.0).sqrt()))
    }

    pub(crate) fn lapse_nodes(&mut self, top: Coordinates, peak: f64, spacing: f64) -> Result<Nodes> {
        let lowest = self.response.smallest(self.unit).ln().clamp(LAPSE_ENDS.0, -5.0);
        let highest = LAPSE_ENDS.1;
        let mut at = evenly((lowest, highest), ((highest - lowest) / 1.5).ceil() as usize);
        if top[LAPSE] > 0.0 && top[LAPSE] < MAX_LAPSE {
            add(&mut at, (top[LAPSE] / (MAX_LAPSE - top[LAPSE])).ln().clamp(lowest, highest));
        }
        self.refine_axis(&mut at, peak, spacing, |maker, l| {
            let lapse = lapse_of(l);
            let (log, rate) = maker.held(top, LAPSE, lapse)?;
            Ok((log, rate * lapse * (MAX_LAPSE - lapse) / MAX_LAPSE))
        })?;
        let open = [at[0] <= lowest, at[at.len() - 1] >= highest];
        Ok(Nodes { at, open })
    }

    pub(crate) fn bias_nodes(&mut self, top: Coordinates, peak: f64, spacing: f64) -> Result<Nodes> {
        let (_, rate) = self.held(top, BIAS, top[BIAS])?;
        let largest = self.response.largest().1;
        let unit = if rate > 0.0 { 1.0 / rate } else { 1.0 };
        let mut at = vec![top[BIAS]];
        for side in [-1.0, 1.0] {
            let mut length = unit;
            loop {
                let value = (top[BIAS] + side * length).clamp(-largest, largest);
                add(&mut at, value);
                if value.abs() >= largest || peak - self.held(top, BIAS, value)?.0 > 1.5 * DEPTH || length > 1e6 * unit
                {
                    break;
                }
                length *= 1.5;
            }
        }
        self.refine_axis(&mut at, peak, spacing, |maker, b| maker.held(top, BIAS, b))?;
        let open = [at[0] <= -largest, at[at.len() - 1] >= largest];
        Ok(Nodes { at, open })
    }

    /// Refines one axis as the first two are, and drops its ends where the likelihood is 0.
    fn refine_axis(
        &mut self,
        at: &mut Vec<f64>,
        peak: f64,
        spacing: f64,
        mut value_and_rate: impl FnMut(&mut Self, f64) -> Result<(f64, f64)>,
    ) -> Result<()> {
        // The first two axes are held here, which hides some of the likelihood.
        let depth = 1.5 * DEPTH;
        let mut spacing = spacing;
        for round in 0..8 {
            let known: Vec<(f64, f64)> = at.iter().map(|&u| value_and_rate(self, u)).collect::<Result<_>>()?;
            let rate = |known: &[(f64, f64)]| {
                known.iter().filter(|k| peak - k.0 < RELEVANT).fold(0.0_f64, |rate, k| rate.max(k.1))
            };
            if round == 0 {
                let length: f64 = at.windows(2).zip(known.windows(2)).map(|(c, k)| rate(k) * (c[1] - c[0])).sum();
                spacing = spacing.max(length / MOST);
            }
            let mut more = Vec::new();
            for (cell, known) in at.windows(2).zip(known.windows(2)) {
                more.extend(cuts(cell, rate(known), spacing));
            }
            if more.is_empty() || round == 7 {
                let inside = |k: &(f64, f64)| peak - k.0 < depth;
                let first = known.iter().position(inside).unwrap_or(0).saturating_sub(1);
                let last = (known.iter().rposition(inside).unwrap_or(at.len() - 1) + 1).min(at.len() - 1);
                *at = at[first..=last].to_vec();
                return Ok(());
            }
            more.into_iter().for_each(|u| add(at, u));
        }
        Ok(())
    }
}

/// Places that cut a cell into up to four parts, no farther apart than `spacing` where the likelihood varies at `rate`.
fn cuts(cell: &[f64], rate: f64, spacing: f64) -> impl Iterator<Item = f64> {
    let (low, width) = (cell[0], cell[1] - cell[0]);
    let parts = (rate * width / spacing).ceil().clamp(1.0, 4.0) as usize;
    (1..parts).map(move |i| low + width * i as f64 / parts as f64)
}

/// Moves the inner nodes of an axis so that one is at the peak: errors between nodes that many units share would add up.
fn anchor(axis: &mut Vec<f64>, peak: f64) {
    let (low, high) = (axis[0], axis[axis.len() - 1]);
    let cell = axis[1] - low;
    let shift = (peak - low).rem_euclid(cell);
    axis.iter_mut().for_each(|u| *u += shift);
    axis.retain(|u| low + 0.2 * cell < *u && *u < high - 0.2 * cell && (u - peak).abs() > 0.2 * cell);
    // Ends first: a peak that is nearly at an end counts as that end, so that the axis is open there.
    for u in [low, high, peak] {
        add(axis, u);
    }
}

/// Adds a node in order, unless one is there or within rounding of it: a cell of no width has no slope.
fn add(axis: &mut Vec<f64>, u: f64) {
    let at = axis.partition_point(|&v| v < u);
    let is_near = |v: Option<&f64>| v.is_some_and(|v| (v - u).abs() <= 1e-9 * (1.0 + u.abs()));
    if !is_near(axis.get(at)) && !is_near(at.checked_sub(1).and_then(|k| axis.get(k))) {
        axis.insert(at, u);
    }
}

#[cfg(test)]
mod tests {
    use crate::inference::engine::surface::grid::axes::add;

    #[test]
    fn nodes_as_near_as_rounding_are_one() {
        let mut axis = vec![-1.0, 0.3, 2.0];
        for u in [0.1 + 0.2, -1.0 - 1e-12, 2.0 + 4.0 * f64::EPSILON, 0.5, 0.5] {
            add(&mut axis, u);
        }
        assert_eq!(axis, [-1.0, 0.3, 0.5, 2.0]);
    }
}
