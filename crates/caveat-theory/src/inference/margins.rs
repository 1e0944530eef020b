//! Weighted least-squares fits of any learner to margins of ordered pairs, with an optional position bias.

use serde::{Deserialize, Serialize};

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::engine::profile::{check_size, correlation};
use crate::inference::engine::surface::Field;
use crate::inference::engine::surface::grid::UnitGrid;
use crate::inference::engine::surface::model::Model;
use crate::inference::engine::surface::scoring::Workspace;
use crate::inference::engine::surface::search;
use crate::inference::estimates::{BootstrapIntervals, FitLimit, ProfileIntervals};
use crate::inference::intervals::{likelihood, resample};
use crate::inference::margin_fit::{MarginFit, Place};
use crate::inference::model::ModelSpec;
use crate::inference::response::{Gaussian, Response};

/// An observed margin of an ordered pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MarginObservation {
    /// Item shown first.
    pub first: usize,
    /// Item shown second.
    pub second: usize,
    /// Margin in favor of the first.
    pub margin: f64,
    /// Weight, positive: the reciprocal of a relative error variance.
    pub weight: f64,
}

/// Fits many sets of margins on the same task and ordered pairs.
///
/// For ridge regression without bias and with one margin a pair this is [`MarginFitter`](crate::MarginFitter) by another route.
#[derive(Debug, Clone)]
pub struct MarginModelFitter {
    pub(crate) model: Model,
}

impl MarginModelFitter {
    /// Prepares fits of `spec` to margins of ordered pairs (each listed once) of the task that `graph` trains.
    ///
    /// # Errors
    /// As [`ChoiceFitter::new`](crate::inference::choice::ChoiceFitter::new), or a specification with lapses, which margins do not have.
    pub fn new(graph: &ComparisonGraph, spec: &ModelSpec, pairs: &[(usize, usize)]) -> Result<Self> {
        if spec.lapse {
            let problem = "lapses are a property of choices; fit margins without them";
            return Err(TheoryError::bad_input("model specification", problem));
        }
        Ok(Self { model: Model::new(graph, spec, pairs)? })
    }

    /// The whole likelihood of margins, their error variance integrated out, with nodes every `spacing` standard deviations if
    /// that is not more than `most` values.
    pub(crate) fn grid(&self, observations: &[MarginObservation], spacing: f64, most: usize) -> Result<UnitGrid> {
        self.model.grid(&self.tabulate(observations.iter())?, spacing, most)
    }

    /// Least-squares fit to the margins of all clusters together.
    ///
    /// # Errors
    /// A pair that the fitter was not prepared for, a margin that is not finite, a weight that is not positive, or none.
    pub fn fit(&self, clusters: &[Vec<MarginObservation>]) -> Result<MarginFit> {
        let data = self.tabulate(clusters.iter().flatten())?;
        let mut work = Workspace::default();
        let best = search::fit(&self.model, &data, &mut work)?;
        let residual = data.residual(best.value);
        let fitted = self.model.predictor(&best.at, &mut work.field)?;
        let pair = |o: &MarginObservation| Ok((o.margin, fitted[self.model.position(o.first, o.second)?], o.weight));
        let pairs: Vec<(f64, f64, f64)> = clusters.iter().flatten().map(pair).collect::<Result<_>>()?;
        Ok(MarginFit {
            estimates: self.model.estimates(&best.at, &data, &mut work.field)?,
            residual_squares: residual,
            r_squared: if data.squares > 0.0 { 1.0 - residual / data.squares } else { f64::NAN },
            correlation: correlation(&pairs),
            n_observations: data.count,
            n_parameters: self.model.spec.n_parameters(),
            fitted,
            place: Place::Chart(best.at),
        })
    }

    /// 95 % profile intervals for independent Gaussian errors of unknown variance: values at which the residual is at most
    /// (1 + t²/(N − p)) times its minimum, t the 97.5 % quantile of Student's t with N − p degrees of freedom.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), or no more observations than parameters.
    pub fn intervals(&self, fit: &MarginFit, clusters: &[Vec<MarginObservation>]) -> Result<ProfileIntervals> {
        let data = self.tabulate(clusters.iter().flatten())?;
        if fit.n_observations <= fit.n_parameters {
            let (n, p) = (fit.n_observations, fit.n_parameters);
            let problem = format!("{n} margins for {p} parameters leave no residual; observe more pairs");
            return Err(TheoryError::BadInput { what: "profile intervals", problem });
        }
        let threshold = data.threshold(data.value(fit.residual_squares), fit.n_parameters);
        likelihood::intervals(&self.model, &data, fit.point()?, &fit.estimates, threshold)
    }

    /// Resamples clusters and refits, `fit` being the fit to all of them, as
    /// [`ChoiceFitter::bootstrap`](crate::inference::choice::ChoiceFitter::bootstrap).
    ///
    /// # Errors
    /// Fewer than two clusters or replicates, or margins that [`fit`](Self::fit) refuses.
    pub fn bootstrap(
        &self,
        fit: &MarginFit,
        clusters: &[Vec<MarginObservation>],
        replicates: usize,
        seed: u64,
    ) -> Result<BootstrapIntervals> {
        let tables: Vec<Gaussian> = clusters.iter().map(|c| self.tabulate(c.iter())).collect::<Result<_>>()?;
        let hebbian = fit.estimates.limit == Some(FitLimit::Hebbian);
        resample::resample(&self.model, &tables, fit.point()?, hebbian, replicates, seed)
    }

    /// Gaussian log-likelihood of margins under a fit, with error variance `variance`/weight.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn log_likelihood(&self, fit: &MarginFit, variance: f64, observations: &[MarginObservation]) -> Result<f64> {
        self.tabulate(observations.iter())?;
        let predicted = self.model.predictor(fit.point()?, &mut Field::default())?;
        let score = |o: &MarginObservation| {
            Ok(log_density(o.margin - predicted[self.model.position(o.first, o.second)?], variance / o.weight))
        };
        observations.iter().map(score).sum()
    }

    pub(crate) fn tabulate<'a>(&self, observations: impl Iterator<Item = &'a MarginObservation>) -> Result<Gaussian> {
        let bad = |problem: String| Err(TheoryError::BadInput { what: "observed margins", problem });
        let mut table = Gaussian::empty(self.model.surface.pairs.len());
        let observations: Vec<&MarginObservation> = observations.collect();
        check_size(observations.iter().map(|o| o.margin))?;
        for &MarginObservation { first, second, margin, weight } in observations {
            if !margin.is_finite() {
                return bad(format!("the margin of pair {first} {second} is {margin}; leave out pairs without data"));
            }
            if !(weight > 0.0 && weight.is_finite()) {
                return bad(format!("the weight of pair {first} {second} is {weight}; give a positive, finite number"));
            }
            table.add_margin(self.model.position(first, second)?, margin, weight);
        }
        if table.count == 0 {
            return bad("there are none; give at least one".into());
        }
        Ok(table)
    }
}

/// Log density of a residual of a normal error.
pub(crate) fn log_density(residual: f64, variance: f64) -> f64 {
    -0.5 * (residual * residual / variance + (std::f64::consts::TAU * variance).ln())
}
