//! Margins by a solver at every point, and a spline through a grid of them for searches.

use rayon::prelude::*;

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::flow;
use crate::inference::engine::surface::chart::{Chart, Point};
use crate::inference::engine::surface::field::{Bounds, Field};
use crate::inference::engine::surface::pairs::{ObservedPairs, hebbian};
use crate::inference::engine::surface::spline::{Axis, Spline};
use crate::kernel::RidgeModel;
use crate::learner::LearnerKind;
use crate::logistic;
use crate::margins::{Margins, graph};
use crate::numeric::sigmoid::sigmoid;

/// Distance of grid nodes in either coordinate: margins vary over distances of 1, and the spline's error is below 2·10⁻⁴ of
/// their root mean square.
const STEP: f64 = 0.4;

/// Step of the central differences, whose error is of its square.
const DIFFERENCE: f64 = 1e-4;

#[derive(Debug, Clone)]
pub(crate) struct Solved {
    graph: ComparisonGraph,
    learner: LearnerKind,
    reference: f64,
    /// The chart that the spline covers.
    primary: Chart,
    /// Shapes of all pairs, then log ρ.
    spline: Option<Spline>,
}

impl Solved {
    pub(crate) fn new(
        graph: &ComparisonGraph,
        learner: LearnerKind,
        observed: &ObservedPairs,
        reference: f64,
        primary: Chart,
        bounds: &Bounds,
    ) -> Result<Self> {
        let mut solved = Self { graph: graph.clone(), learner, reference, primary, spline: None };
        let axes = match primary {
            Chart::Plane => [Axis::new(bounds.x, STEP), Axis::new(bounds.z, STEP)],
            Chart::AlongStrength { .. } => [Axis::new(bounds.z, STEP), Axis::single()],
            Chart::AlongConjunctivity { .. } => [Axis::new(bounds.x, STEP), Axis::single()],
            Chart::Corner | Chart::Fixed { .. } | Chart::Screening => return Ok(solved),
        };
        let node = |k: usize| {
            let u = [axes[0].node(k / axes[1].nodes), axes[1].node(k % axes[1].nodes)];
            let mut field = Field::default();
            field.resize(observed.pairs.len());
            solved.solve(observed, primary.point(u), &mut field.shape)?;
            field.normalize(0);
            field.shape.push(field.log_scale);
            Ok(field.shape)
        };
        let n_nodes = axes[0].nodes * axes[1].nodes;
        let nodes: Vec<Vec<f64>> = (0..n_nodes).into_par_iter().map(node).collect::<Result<_>>()?;
        solved.spline = Some(Spline::new(axes, observed.pairs.len() + 1, &nodes.concat()));
        Ok(solved)
    }

    /// Reads shape, scale and slopes from the spline; false where it does not cover the chart.
    pub(crate) fn read(&self, chart: Chart, u: [f64; 2], field: &mut Field) -> bool {
        let Some(spline) = self.spline.as_ref().filter(|_| chart == self.primary) else { return false };
        let n = field.shape.len();
        spline.read(u, |k, value, slopes| {
            if k == n {
                (field.log_scale, field.scale_slopes) = (value, slopes);
            } else {
                (field.shape[k], field.slopes[0][k], field.slopes[1][k]) = (value, slopes[0], slopes[1]);
            }
        });
        true
    }

    /// Margins and their slopes in the free coordinates, by central differences.
    pub(crate) fn margins(&self, observed: &ObservedPairs, chart: Chart, u: [f64; 2], field: &mut Field) -> Result<()> {
        self.solve(observed, chart.point(u), &mut field.shape)?;
        let mut other = vec![0.0; observed.pairs.len()];
        for d in 0..chart.dimension() {
            let mut at = u;
            at[d] = u[d] + DIFFERENCE;
            self.solve(observed, chart.point(at), &mut field.slopes[d])?;
            at[d] = u[d] - DIFFERENCE;
            self.solve(observed, chart.point(at), &mut other)?;
            for (slope, low) in field.slopes[d].iter_mut().zip(&other) {
                *slope = (*slope - low) / (2.0 * DIFFERENCE);
            }
        }
        Ok(())
    }

    /// f on every pair.
    fn solve(&self, observed: &ObservedPairs, point: Point, margins: &mut [f64]) -> Result<()> {
        let Point::Plane { x, z } = point else {
            let reason = "the limit α → 0, C → ∞ at a memorization weight is a line only for equal weights";
            return Err(TheoryError::not_applicable("the solver", reason));
        };
        if z == f64::NEG_INFINITY {
            hebbian(observed, self.learner, x, margins, &mut vec![0.0; observed.pairs.len()]);
            return Ok(());
        }
        let (conjunctivity, strength) = (sigmoid(x), z.exp() / self.reference);
        let model = || RidgeModel::new(conjunctivity, strength);
        let solution: Box<dyn Margins> = match self.learner {
            LearnerKind::Ridge => Box::new(graph::solve(&self.graph, &model()?)?),
            LearnerKind::GradientFlow => Box::new(flow::solve(&self.graph, conjunctivity, strength, None)?),
            LearnerKind::Logistic => Box::new(logistic::solve(&self.graph, &model()?)?),
        };
        margins.iter_mut().zip(&observed.pairs).for_each(|(f, &(i, j))| *f = solution.margin(i, j));
        Ok(())
    }
}
