//! Populations of subjects or models: every unit's whole likelihood under a normal distribution of its parameters.
//!
//! Each parameter of a unit is normal on a scale without bounds ([`UnitScale`]), independently of its others. The population's
//! means and standard deviations maximize the product of the units' marginal likelihoods, each an integral of the unit's whole
//! likelihood by quadrature. A unit whose own estimate is a limit (α = 0, C = ∞) pulls like any other: its likelihood is flat
//! towards the limit, and nobody is left out. A mean may itself be a limit, and a standard deviation 0. Intervals are profile
//! intervals; docs/decisions/0018-populations.md says which cut-off, and what they cover.
//!
//! With θ_u the parameters of unit u on their scales, the likelihood is Π_u ∫ L_u(θ)·Π_k N(θ_k; m_k, s_k²) dθ, maximized over the means
//! m_k ∈ [−∞, ∞] and standard deviations s_k from 0 to [`LARGEST_BETWEEN`]. Source: §9.4.

use rayon::prelude::*;
use serde::Serialize;

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::choice::{ChoiceCount, ChoiceFitter, ordered_pairs};
use crate::inference::engine::surface::grid::{AXES, UnitGrid, lapse_of};
use crate::inference::engine::surface::pairs::distinct;
use crate::inference::estimates::{Interval, Parameter};
use crate::inference::margins::{MarginModelFitter, MarginObservation};
use crate::inference::model::ModelSpec;
use crate::numeric::sigmoid::logit;

mod integral;
mod interval;
mod likelihood;
mod mixture;
mod spline;

use integral::{INFINITIES, Integral, Level, Population, Posterior, quantile};
use interval::{CutOff, Profile};
use likelihood::{Fitted, LOG_SD, Units};
use mixture::draws;

/// Distance of the nodes of a unit's likelihood, in its standard deviations: a spline is then off by 1 % of the peak at most.
const SPACING: f64 = 1.0;

/// Most values in the grid of one of `n_units` units, 0.4 GB together up to 400 units: larger grids get nodes farther apart.
fn most(n_units: usize) -> usize {
    (100_000_000 / n_units.max(1)).clamp(250_000, 4_000_000)
}

/// The largest standard deviation between units that is tried.
pub const LARGEST_BETWEEN: f64 = 10.0;

/// A unit's likelihood, as a share of its largest, above which a value is likely: twice its logarithm is −3.84.
const LIKELY: f64 = 0.147;

/// The scale without bounds on which units are normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitScale {
    /// As it is, for a position bias.
    Identity,
    /// Logarithm, for C, times and gains.
    Log,
    /// log p/(1 − p), for α.
    Logit,
    /// log λ/(½ − λ), for lapse rates.
    HalfLogit,
}

impl UnitScale {
    /// The scale of a parameter.
    pub fn for_parameter(parameter: Parameter) -> Self {
        match parameter {
            Parameter::Conjunctivity | Parameter::Memorization => Self::Logit,
            Parameter::Strength | Parameter::Gain | Parameter::Screening => Self::Log,
            Parameter::Lapse => Self::HalfLogit,
            Parameter::PositionBias => Self::Identity,
        }
    }

    /// Name in tables; stable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Log => "log",
            Self::HalfLogit => "half_logit",
            Self::Identity => "identity",
        }
    }

    /// A parameter's value on this scale; infinite at an end of its range.
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Identity => value,
            Self::Log => value.ln(),
            Self::Logit => logit(value),
            Self::HalfLogit => value.ln() - (0.5 - value).ln(),
        }
    }

    /// The value of a parameter from its place on this scale.
    pub fn invert(self, place: f64) -> f64 {
        match self {
            Self::Identity => place,
            Self::Log => place.exp(),
            Self::Logit => 1.0 / (1.0 + (-place).exp()),
            Self::HalfLogit => lapse_of(place),
        }
    }
}

/// One unit's choices: what it was trained on, and what it chose.
#[derive(Debug, Clone, Copy)]
pub struct UnitChoices<'a> {
    /// The task of this unit.
    pub graph: &'a ComparisonGraph,
    /// Its choices; how they are divided into clusters does not matter.
    pub clusters: &'a [Vec<ChoiceCount>],
}

/// One unit's margins: what it was trained on, and its margins.
#[derive(Debug, Clone, Copy)]
pub struct UnitMargins<'a> {
    /// The task of this unit.
    pub graph: &'a ComparisonGraph,
    /// Its margins. Their error variance is the unit's own and unknown.
    pub observations: &'a [MarginObservation],
}

/// How units are alike and how they differ in one parameter; values are on the parameter's own scale unless noted otherwise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationParameter {
    /// The parameter.
    pub parameter: Parameter,
    /// The scale on which units are normal.
    pub scale: UnitScale,
    /// Median over units; a limit of the range (0, 1 or ∞) where all units are best there.
    pub median: f64,
    /// 95 % profile interval of the median, its ends possibly limits.
    pub interval: Interval,
    /// Standard deviation between units on the scale, 0 where nothing tells them apart, as for a median at a limit;
    /// [`LARGEST_BETWEEN`] where it may be any larger.
    pub between: f64,
    /// 95 % profile interval of the standard deviation, from 0 to ∞; NaN where the median is at a limit.
    pub between_interval: Interval,
    /// 95 % interval for the true value of a new unit.
    pub new_unit: Interval,
    /// The estimate of every unit, in order, given all units.
    pub units: Vec<ShrunkenEstimate>,
}

/// The best guess for one unit, given all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ShrunkenEstimate {
    /// Median of the unit's posterior.
    pub estimate: f64,
    /// Its 2.5 % and 97.5 % quantiles; a limit where neither the population's interval nor the unit's likelihood is against it.
    /// The uncertainty of the population's mean and standard deviation is in it.
    pub interval: Interval,
}

/// A population fitted to units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PopulationFit {
    /// Every free parameter of the model.
    pub parameters: Vec<PopulationParameter>,
    /// Log marginal likelihood; of margins up to a constant.
    pub log_likelihood: f64,
    /// Number of units.
    pub n_units: usize,
}

/// Units with their whole likelihoods, ready for a fit of their population.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    grids: Vec<UnitGrid>,
}

const PARAMETERS: [Parameter; AXES] =
    [Parameter::Conjunctivity, Parameter::Strength, Parameter::Gain, Parameter::Lapse, Parameter::PositionBias];

impl Hierarchy {
    /// Refuses a model whose populations cannot be fitted.
    ///
    /// # Errors
    /// Both lapses and a position bias.
    pub fn check(spec: &ModelSpec) -> Result<()> {
        if spec.lapse && spec.position_bias {
            // Their quadrature in five dimensions has been seen to be off by a quarter of the likelihood.
            return Err(TheoryError::bad_input(
                "hierarchical fit",
                "lapses and a position bias together are not integrated well enough; leave one of them out",
            ));
        }
        Ok(())
    }

    /// Tabulates the likelihood of every unit's choices, and calls `done` after each. Units with the same task share its
    /// surface. For 252 trials of 7 items about 30 ms a unit, with lapses 60 ms; of logistic margins 0.7 s a task more.
    ///
    /// # Errors
    /// Fewer than two units, both lapses and a position bias, or what [`ChoiceFitter::fit`] refuses.
    pub fn of_choices(spec: &ModelSpec, units: &[UnitChoices<'_>], done: &(dyn Fn() + Sync)) -> Result<Self> {
        Self::check(spec)?;
        Self::of_choices_spaced(spec, units, SPACING, done)
    }

    fn of_choices_spaced(
        spec: &ModelSpec,
        units: &[UnitChoices<'_>],
        spacing: f64,
        done: &(dyn Fn() + Sync),
    ) -> Result<Self> {
        let (tasks, task_of) = tasks(units.iter().map(|u| (u.graph, ordered_pairs(u.clusters))));
        let fitters: Vec<ChoiceFitter> =
            tasks.iter().map(|(graph, pairs)| ChoiceFitter::new(graph, spec, pairs)).collect::<Result<_>>()?;
        Self::new(units.len(), done, |k| fitters[task_of[k]].grid(units[k].clusters, spacing, most(units.len())))
    }

    /// The same of every unit's margins.
    ///
    /// # Errors
    /// Fewer than two units, or what [`MarginModelFitter::fit`] refuses.
    pub fn of_margins(spec: &ModelSpec, units: &[UnitMargins<'_>], done: &(dyn Fn() + Sync)) -> Result<Self> {
        let pairs = |u: &UnitMargins<'_>| u.observations.iter().map(|o| (o.first, o.second)).collect();
        let (tasks, task_of) = tasks(units.iter().map(|u| (u.graph, pairs(u))));
        let fitters: Vec<MarginModelFitter> =
            tasks.iter().map(|(graph, pairs)| MarginModelFitter::new(graph, spec, pairs)).collect::<Result<_>>()?;
        Self::new(units.len(), done, |k| fitters[task_of[k]].grid(units[k].observations, SPACING, most(units.len())))
    }

    fn new(n: usize, done: &(dyn Fn() + Sync), grid: impl Fn(usize) -> Result<UnitGrid> + Sync) -> Result<Self> {
        if n < 2 {
            let problem = format!("{n} unit tells nothing of how units differ; give at least 2");
            return Err(TheoryError::BadInput { what: "hierarchical fit", problem });
        }
        let grids = (0..n).into_par_iter().map(&grid).inspect(|_| done()).collect::<Result<_>>()?;
        Ok(Self { grids })
    }

    /// Number of steps of [`fit`](Self::fit).
    pub fn steps(&self) -> usize {
        3 + 2 * self.grids[0].present.iter().filter(|p| **p).count()
    }

    /// The population with its intervals and every unit's place in it; calls `done` after each step. For 40 units of 252
    /// trials about a second, with lapses some seconds.
    pub fn fit(&self, done: &(dyn Fn() + Sync)) -> PopulationFit {
        let units = Units::new(&self.grids);
        let best = units.best();
        done();
        let cut = CutOff::new(self.grids.len());
        let populations = draws(&units, &best);
        done();
        // What is known of every unit under each, one likelihood per axis.
        let known: Vec<Vec<[Vec<f64>; AXES]>> = self
            .grids
            .par_iter()
            .map(|grid| populations.iter().map(|p| Integral::new(grid, p).marginals()).collect())
            .collect();
        done();
        let parameters = (0..AXES)
            .filter(|&k| units.present[k])
            .map(|k| {
                let mean = Profile { units: &units, best: &best, cut: &cut, parameter: 2 * k }.interval();
                done();
                let spread = Profile { units: &units, best: &best, cut: &cut, parameter: 2 * k + 1 }.interval();
                done();
                self.parameter(k, &best, mean, spread, &populations, &known)
            })
            .collect();
        PopulationFit { parameters, log_likelihood: best.value, n_units: self.grids.len() }
    }

    /// The 95 % profile intervals of some parameters' medians alone, as [`fit`](Self::fit) gives them; `None` for a parameter
    /// that the model does not have.
    pub fn intervals<const N: usize>(&self, parameters: [Parameter; N]) -> [Option<Interval>; N] {
        let units = Units::new(&self.grids);
        let (best, cut) = (units.best(), CutOff::new(self.grids.len()));
        parameters.map(|parameter| {
            let axis = PARAMETERS.iter().position(|p| *p == parameter).filter(|&k| units.present[k])?;
            let [low, high] = Profile { units: &units, best: &best, cut: &cut, parameter: 2 * axis }.interval();
            let scale = UnitScale::for_parameter(parameter);
            Some(Interval { low: scale.invert(low), high: scale.invert(high) })
        })
    }

    fn parameter(
        &self,
        axis: usize,
        best: &Fitted,
        mean: [f64; 2],
        spread: [f64; 2],
        populations: &[Population],
        known: &[Vec<[Vec<f64>; AXES]>],
    ) -> PopulationParameter {
        let scale = UnitScale::for_parameter(PARAMETERS[axis]);
        let back = |low: f64, high: f64| Interval { low: scale.invert(low), high: scale.invert(high) };
        let weight = 1.0 / populations.len() as f64;
        // Beyond the last place of units whose likelihood goes on to a limit.
        let ends = self.grids.iter().fold(INFINITIES, |ends, grid| grid.nodes[axis].open_ends(ends));
        let new_unit = |share| {
            at_limit(quantile(share, |u| populations.iter().map(|p| weight * p[axis].share_below(u)).sum()), ends)
        };
        let shrunken = |(grid, known): (&UnitGrid, &Vec<[Vec<f64>; AXES]>)| {
            let posteriors: Vec<Posterior<'_>> = populations
                .iter()
                .zip(known)
                .map(|(p, likelihoods)| Posterior::new(&grid.nodes[axis], likelihoods[axis].clone(), p[axis]))
                .collect();
            let nodes = &grid.nodes[axis];
            let reach = nodes.open_ends(INFINITIES);
            let at = |share| {
                let u = quantile(share, |u| posteriors.iter().map(|p| weight * p.share_below(u)).sum());
                at_limit(u, reach)
            };
            // A limit has no prior probability: it is inside where neither the population nor this unit excludes it.
            let likely = |node: usize| {
                let mean = |k: usize| known.iter().map(|l| l[axis][k].max(0.0)).sum::<f64>();
                mean(node) >= LIKELY * (0..nodes.at.len()).map(mean).fold(0.0, f64::max)
            };
            let [low, high] = [(0, 0, 0.025), (1, nodes.at.len() - 1, 0.975)].map(|(side, node, share)| {
                let is_inside = mean[side].is_infinite() && nodes.open[side] && likely(node);
                if is_inside { INFINITIES[side] } else { at(share) }
            });
            ShrunkenEstimate { estimate: scale.invert(at(0.5)), interval: back(low, high) }
        };
        let sd = |log: f64| match log {
            _ if log <= LOG_SD.0 => 0.0,
            _ if log == LOG_SD.1 => LARGEST_BETWEEN,
            _ => log.exp(),
        };
        let (median, between, between_interval) = match best.population[axis] {
            Level::Limit(side) => (INFINITIES[side], 0.0, Interval::NONE),
            Level::Normal { mean, log_sd } => (mean, sd(log_sd), Interval { low: sd(spread[0]), high: sd(spread[1]) }),
        };
        PopulationParameter {
            parameter: PARAMETERS[axis],
            scale,
            median: scale.invert(median),
            interval: back(mean[0], mean[1]),
            between,
            between_interval,
            // A limit of the median has no share of a prior: it is inside where the median may be it.
            new_unit: back(
                if mean[0].is_infinite() { mean[0] } else { new_unit(0.025) },
                if mean[1].is_infinite() { mean[1] } else { new_unit(0.975) },
            ),
            units: self.grids.par_iter().zip(known).map(shrunken).collect(),
        }
    }
}

/// A place, or the limit of the range where the likelihood there is that of the limit.
fn at_limit(u: f64, [low, high]: [f64; 2]) -> f64 {
    match u {
        _ if u <= low => f64::NEG_INFINITY,
        _ if u >= high => f64::INFINITY,
        _ => u,
    }
}

type Pairs = Vec<(usize, usize)>;

/// The distinct tasks with all pairs that their units were shown, and which is each unit's.
pub(crate) fn tasks<'a>(
    units: impl Iterator<Item = (&'a ComparisonGraph, Pairs)>,
) -> (Vec<(&'a ComparisonGraph, Pairs)>, Vec<usize>) {
    let mut tasks: Vec<(&ComparisonGraph, Pairs)> = Vec::new();
    let mut task_of = Vec::new();
    for (graph, pairs) in units {
        let at = tasks.iter().position(|(g, _)| *g == graph).unwrap_or_else(|| {
            tasks.push((graph, Vec::new()));
            tasks.len() - 1
        });
        tasks[at].1.extend(pairs);
        task_of.push(at);
    }
    let tasks = tasks.into_iter().map(|(graph, pairs)| (graph, distinct(pairs.into_iter())));
    (tasks.collect(), task_of)
}

#[cfg(test)]
mod tests;
