//! The log density of a posterior over people and its gradient, in coordinates that are not centered.

use std::ops::Range;

use super::ChoicePosterior;
use crate::error::Result;

/// Where each kind of coordinate lies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// m, one for each of the K parameters.
    pub(super) means: Range<usize>,
    /// log s, K or none.
    pub(super) between: Range<usize>,
    /// log t, K or none.
    pub(super) within: Range<usize>,
    /// z, K for each person, or none.
    pub(super) people: Range<usize>,
    /// w, K for each session, or none.
    pub(super) sessions: Range<usize>,
}

impl Layout {
    pub(super) fn new(posterior: &ChoicePosterior) -> Self {
        let k = posterior.parameters.len();
        let mut end = 0;
        let mut next = |size: usize| {
            end += size;
            end - size..end
        };
        let only_if = |holds: bool, size: usize| if holds { size } else { 0 };
        Self {
            means: next(k),
            between: next(only_if(posterior.has_population(), k)),
            within: next(only_if(posterior.sessions_differ, k)),
            people: next(only_if(posterior.has_population(), k * posterior.n_people)),
            sessions: next(only_if(posterior.sessions_differ, k * posterior.sessions.len())),
        }
    }
}

impl ChoicePosterior {
    /// Number of coordinates: K, and with a population K·(2 + people), and K·(1 + sessions) more where sessions differ.
    pub fn dimension(&self) -> usize {
        Layout::new(self).sessions.end
    }

    /// Every person's parameters on their scales, `[person·K + k]`.
    pub fn person_parameters(&self, position: &[f64]) -> Vec<f64> {
        let (k, layout) = (self.parameters.len(), Layout::new(self));
        let mut theta = Vec::with_capacity(self.n_people * k);
        for person in 0..self.n_people {
            for p in 0..k {
                let mut value = position[p];
                if self.has_population() {
                    value += position[layout.between.start + p].exp() * position[layout.people.start + person * k + p];
                }
                theta.push(value);
            }
        }
        theta
    }

    /// Every session's parameters on their scales, `[session·K + k]`; a person's own where sessions do not differ.
    pub fn session_parameters(&self, position: &[f64]) -> Vec<f64> {
        let (k, layout) = (self.parameters.len(), Layout::new(self));
        let people = self.person_parameters(position);
        let mut theta = Vec::with_capacity(self.sessions.len() * k);
        for (s, session) in self.sessions.iter().enumerate() {
            for p in 0..k {
                let mut value = people[session.person * k + p];
                if self.sessions_differ {
                    value += position[layout.within.start + p].exp() * position[layout.sessions.start + s * k + p];
                }
                theta.push(value);
            }
        }
        theta
    }

    /// Log density at a position of [`dimension`](Self::dimension) coordinates, up to a constant, and its gradient, written over.
    /// −∞ or NaN where the parameters are beyond floating point. About 1 µs for each session of 7 items.
    ///
    /// # Errors
    /// What the solvers refuse.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn log_density(&self, position: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let (k, layout) = (self.parameters.len(), Layout::new(self));
        assert_eq!((position.len(), gradient.len()), (layout.sessions.end, layout.sessions.end));
        let theta = self.session_parameters(position);
        let mut by_theta = vec![0.0; theta.len()];
        let mut value = self.log_likelihood(&theta, &mut by_theta)?;
        for (gradient, place) in gradient.iter_mut().zip(position) {
            *gradient = -place;
        }
        value -= 0.5 * position[layout.people.start..].iter().map(|z| z * z).sum::<f64>();
        for (p, (_, prior)) in self.parameters.iter().enumerate() {
            let off = (position[p] - prior.mean) / prior.sd;
            value -= 0.5 * off * off;
            gradient[p] = -off / prior.sd;
            // A half-normal standard deviation, in its logarithm.
            for (range, scale) in [(&layout.between, prior.between), (&layout.within, prior.within)] {
                if !range.is_empty() {
                    let log_sd = position[range.start + p];
                    let ratio = log_sd.exp() / scale;
                    value += log_sd - 0.5 * ratio * ratio;
                    gradient[range.start + p] = 1.0 - ratio * ratio;
                }
            }
        }
        for (s, session) in self.sessions.iter().enumerate() {
            for p in 0..k {
                let slope = by_theta[s * k + p];
                gradient[p] += slope;
                if self.has_population() {
                    let (z, sd) = (layout.people.start + session.person * k + p, layout.between.start + p);
                    let scaled = slope * position[sd].exp();
                    gradient[z] += scaled;
                    gradient[sd] += scaled * position[z];
                }
                if self.sessions_differ {
                    let (w, sd) = (layout.sessions.start + s * k + p, layout.within.start + p);
                    let scaled = slope * position[sd].exp();
                    gradient[w] += scaled;
                    gradient[sd] += scaled * position[w];
                }
            }
        }
        Ok(value)
    }
}
