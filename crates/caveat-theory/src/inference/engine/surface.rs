//! Margins of three kinds of learner as functions of conjunctivity and training strength, in coordinates that reach every limit.
//!
//! A learner turns a task into margins f_{α,s}: kernel ridge regression (s = C), gradient flow (s = t), or kernel logistic
//! regression (s = C). A [`Surface`] holds what a fit needs of them on a fixed list of pairs. Its coordinates are
//! x = log α/(1−α) and z = log(s·w), w the presentation weight. Margins span many orders of magnitude over this plane, so
//! they are split into a **shape** ψ, with unit root mean square over the distinct pairs, and a scale ρ: f = ρψ. The root
//! mean square, unlike the largest margin, is smooth in x and z. With gain·ρ as coefficient nothing over- or underflows.
//!
//! **Limits.** The box of coordinates ends where the shape is its own limit to 10⁻⁶: α = 0 and 1, s = 0 (where f/s has the
//! limit K(w∘y), halved for the logistic loss) and s = ∞. The ends themselves are points too. At α → 0, s → ∞ together the
//! limit depends on the memorization weight m = αs/(1 + αs) (ridge) or 1 − e^{−αs} (flow): the plane's corner is a line.
//! The box holds that line, where it is neither of its ends, to 10⁻³; fits try it by itself.
//! One limit is out of reach: on separable training data logistic margins grow as log C and their shape converges as
//! 1/log C, so that C ends at [`LOGISTIC_MAX`].
//!
//! **Two engines.** With equal weights, ridge and flow are spectral sums over one eigendecomposition of the Laplacian:
//! exact, with exact derivatives, in O(pairs·items) a point. Otherwise a solver runs at every point, and a bicubic spline
//! through a grid of them serves searches; estimates are then polished with the solver.

use crate::comparison_graph::{ComparisonGraph, PresentationOrder};
use crate::error::{Result, TheoryError, check_range};
use crate::kernel::exchangeable::check_conjunctivity;
use crate::learner::LearnerKind;
use crate::numeric::sigmoid::{logit, sigmoid};

mod chart;
mod field;
pub(crate) mod grid;
pub(crate) mod information;
pub(crate) mod model;
pub(crate) mod pairs;
pub(crate) mod scoring;
pub(crate) mod search;
mod solved;
mod spectral;
mod spline;

pub(crate) use chart::{Chart, Point};
pub(crate) use field::{Bounds, Field};
use pairs::ObservedPairs;
use solved::Solved;
use spectral::Spectral;

/// Largest C (times presentation weight) of a logistic surface.
pub const LOGISTIC_MAX: f64 = 1e8;

/// Half-range of log m/(1−m) on the corner: m to 10⁻⁷.
const CORNER_RANGE: f64 = 16.0;

/// Half-range of log μ: from 10⁻⁸ to 10⁸, as in fits to margins.
const SCREENING_RANGE: f64 = 18.4;

#[derive(Debug, Clone)]
enum Engine {
    Spectral(Spectral),
    Solved(Box<Solved>),
}

/// Margins of a list of ordered pairs over the plane of conjunctivity and strength, or a part of it.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    pub(crate) learner: LearnerKind,
    /// The ordered pairs, as given.
    pub(crate) pairs: Vec<(usize, usize)>,
    /// For every ordered pair its unordered one, and −1 if the two are in opposite order, else 1.
    pub(crate) index: Vec<(usize, f64)>,
    observed: ObservedPairs,
    engine: Engine,
    /// The free part of the plane.
    pub(crate) primary: Chart,
    pub(crate) bounds: Bounds,
    /// log of the reference weight: z = log s + this.
    pub(crate) log_weight: f64,
}

impl Surface {
    /// Prepares the plane, or a part of it: with the conjunctivity or the strength (0 and ∞ allowed) held at a value.
    ///
    /// Cost one eigendecomposition of the Laplacian (ridge, flow, equal weights), or some thousands of solves in parallel
    /// (logistic: 0.7 s for 9 items on two cores; unequal weights).
    pub(crate) fn new(
        graph: &ComparisonGraph,
        learner: LearnerKind,
        pairs: &[(usize, usize)],
        conjunctivity: Option<f64>,
        strength: Option<f64>,
    ) -> Result<Self> {
        if graph.order() != PresentationOrder::Both {
            let reason = "it needs every trained pair in both presentation orders";
            return Err(TheoryError::not_applicable("the fit of choices", reason));
        }
        let equal = graph.common_weight().is_some();
        let (low, high) = graph.weight_range();
        let reference = if equal { high } else { low.sqrt() * high.sqrt() };
        let (observed, index) = ObservedPairs::new(graph, pairs, reference)?;
        let mut degree = vec![0.0_f64; graph.n_items()];
        for e in graph.edges() {
            degree[e.first as usize] += 1.0;
            degree[e.second as usize] += 1.0;
        }
        let degree = degree.into_iter().fold(1.0, f64::max);
        let spread = (high / low).ln();
        // Relative distance of the shape from its limits: μ over the smallest eigenvalue of the Laplacian, at least
        // about π²/n²; the additive strength times the degree; C times the norm of the kernel; 1/(αC).
        let x = (-(12.5 + 2.0 * (graph.n_items() as f64).ln() + spread), 14.0 + degree.ln() + spread);
        let z_high = if learner == LearnerKind::Logistic { LOGISTIC_MAX.ln() } else { 14.0 - x.0 + spread };
        let bounds = Bounds { x, z: (-(14.0 + (2.0 * degree).ln() + spread), z_high) };
        let log_weight = reference.ln();
        let x = conjunctivity.map(check_conjunctivity).transpose()?.map(logit);
        let z = strength.map(|s| check_strength(s, learner)).transpose()?.map(|s| s.ln() + log_weight);
        let primary = match (x, z) {
            (None, None) => Chart::Plane,
            (Some(x), None) => Chart::AlongStrength { x },
            (None, Some(z)) => Chart::AlongConjunctivity { z },
            (Some(x), Some(z)) => Chart::Fixed { x, z },
        };
        let engine = if equal && learner != LearnerKind::Logistic && graph.n_items() <= crate::flow::MAX_DENSE {
            Engine::Spectral(Spectral::new(graph, learner, &observed)?)
        } else {
            Engine::Solved(Box::new(Solved::new(graph, learner, &observed, reference, primary, &bounds)?))
        };
        Ok(Self { learner, pairs: pairs.to_vec(), index, observed, engine, primary, bounds, log_weight })
    }

    /// Whether every evaluation is exact.
    pub(crate) fn is_exact(&self) -> bool {
        matches!(self.engine, Engine::Spectral(_))
    }

    /// The limits of the free part, as charts: what an optimum at an end of the box may stand for.
    pub(crate) fn limits(&self) -> Vec<Chart> {
        const INFINITY: f64 = f64::INFINITY;
        // Logistic margins have no limit at C = ∞, and with unequal weights the corner is no line.
        let has_strongest = self.learner != LearnerKind::Logistic;
        match self.primary {
            Chart::Plane => {
                let mut charts =
                    vec![Chart::AlongStrength { x: -INFINITY }, Chart::AlongConjunctivity { z: -INFINITY }];
                charts.extend(has_strongest.then_some(Chart::AlongConjunctivity { z: INFINITY }));
                charts.extend(self.is_exact().then_some(Chart::Corner));
                charts.push(Chart::Fixed { x: INFINITY, z: if has_strongest { INFINITY } else { -INFINITY } });
                charts
            }
            Chart::AlongStrength { x } => {
                let ends = if has_strongest { &[-INFINITY, INFINITY][..] } else { &[-INFINITY] };
                ends.iter().map(|&z| Chart::Fixed { x, z }).collect()
            }
            Chart::AlongConjunctivity { z } => {
                // At s = ∞ the end α → 0 has m = 1: it is the box's own end.
                let ends = if z < INFINITY { &[-INFINITY, INFINITY][..] } else { &[INFINITY] };
                ends.iter().map(|&x| Chart::Fixed { x, z }).collect()
            }
            Chart::Corner | Chart::Fixed { .. } | Chart::Screening => Vec::new(),
        }
    }

    /// Ends of the free coordinates of a chart.
    pub(crate) fn ends(&self, chart: Chart) -> [(f64, f64); 2] {
        match chart {
            Chart::Plane => [self.bounds.x, self.bounds.z],
            Chart::AlongStrength { .. } => [self.bounds.z, (0.0, 0.0)],
            Chart::AlongConjunctivity { .. } => [self.bounds.x, (0.0, 0.0)],
            Chart::Corner => [(-CORNER_RANGE, CORNER_RANGE), (0.0, 0.0)],
            Chart::Fixed { .. } => [(0.0, 0.0); 2],
            Chart::Screening => [(-SCREENING_RANGE, SCREENING_RANGE), (-CORNER_RANGE, CORNER_RANGE)],
        }
    }

    /// Shape, scale and slopes at a point of a chart; `exact` avoids the spline, where there is one.
    pub(crate) fn evaluate(&self, chart: Chart, u: [f64; 2], exact: bool, field: &mut Field) -> Result<()> {
        field.resize(self.observed.pairs.len());
        match &self.engine {
            Engine::Spectral(spectral) => {
                spectral.margins(&self.observed, chart.point(u), field);
                match chart {
                    Chart::AlongStrength { .. } => field.slopes.swap(0, 1),
                    Chart::Screening => to_screening(u, field),
                    _ => {}
                }
            }
            Engine::Solved(solved) => {
                if !exact && solved.read(chart, u, field) {
                    return Ok(());
                }
                solved.margins(&self.observed, chart, u, field)?;
            }
        }
        field.normalize(chart.dimension());
        Ok(())
    }
}

/// Turns slopes in x and z into slopes in log μ and log m/(1−m).
fn to_screening(u: [f64; 2], field: &mut Field) {
    let (m, rest) = (sigmoid(u[1]), sigmoid(-u[1]));
    // α itself, mμ/(2 + mμ).
    let odds = m * u[0].exp() / 2.0;
    let a = odds / (1.0 + odds);
    let [fx, fz] = &mut field.slopes;
    for (fx, fz) in fx.iter_mut().zip(fz) {
        (*fx, *fz) = (*fx + (a - 1.0) * *fz, rest * *fx + (m + a * rest) * *fz);
    }
}

fn check_strength(strength: f64, learner: LearnerKind) -> Result<f64> {
    if learner == LearnerKind::Logistic && strength.is_infinite() {
        let range = "finite for logistic margins";
        return Err(TheoryError::OutOfRange { name: "strength", value: strength, range });
    }
    if strength == 0.0 || strength.is_infinite() && strength > 0.0 {
        return Ok(strength);
    }
    // Inside, neither s·w nor its reciprocal overflows for any sensible weight.
    check_range("strength", strength, 1e-100, 1e100, "0, inf, or between 1e-100 and 1e100")
}

#[cfg(test)]
/// Margins at one point, split so that no limit over- or underflows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Margins divided by their scale, in the order of the ordered pairs; all zero if all margins are.
    pub(crate) values: Vec<f64>,
    /// log of the root mean square of the margins over the distinct unordered pairs; at strength 0, of margins per unit of
    /// strength. 0 if all margins are zero.
    pub(crate) log_scale: f64,
}

#[cfg(test)]
impl Surface {
    /// The whole plane.
    pub(crate) fn whole(graph: &ComparisonGraph, learner: LearnerKind, pairs: &[(usize, usize)]) -> Result<Self> {
        Self::new(graph, learner, pairs, None, None)
    }

    /// Margins f(first, second) of the ordered pairs at α ∈ [0, 1] and strength s ∈ (0, ∞], computed there and not read
    /// from a grid.
    pub(crate) fn margins(&self, conjunctivity: f64, strength: f64) -> Result<Vec<f64>> {
        check_range("strength", strength, f64::MIN_POSITIVE, f64::INFINITY, "positive (inf is allowed)")?;
        let shape = self.shape(conjunctivity, strength)?;
        let scale = shape.log_scale.exp();
        Ok(shape.values.into_iter().map(|v| v * scale).collect())
    }

    /// Shape and scale at α ∈ [0, 1] and strength s ∈ [0, ∞], computed there and not read from a grid.
    pub(crate) fn shape(&self, conjunctivity: f64, strength: f64) -> Result<Shape> {
        let x = logit(check_conjunctivity(conjunctivity)?);
        let z = check_strength(strength, self.learner)?.ln() + self.log_weight;
        let mut field = Field::default();
        self.evaluate(Chart::Fixed { x, z }, [0.0; 2], true, &mut field)?;
        let values = self.index.iter().map(|&(at, sign)| sign * field.shape[at]).collect();
        // At s = 0 the engines give f/(s·w).
        let per_strength = if strength == 0.0 { self.log_weight } else { 0.0 };
        Ok(Shape { values, log_scale: field.log_scale + per_strength })
    }
}

#[cfg(test)]
mod tests;
