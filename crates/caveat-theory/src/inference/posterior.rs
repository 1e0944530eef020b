//! Posteriors over people: every person's choices under a hierarchy of parameters, its log density with exact gradients.
//!
//! Person p in session s has parameters θ_k on scales without bounds ([`UnitScale`](super::UnitScale)): logit α, log C (or log t), log gain, logit of
//! λ/(½ − λ), and the bias b. With ψ and ρ the shape and the scale of the margins,
//!
//! > θ_{p,s,k} = m_k + s_k·z_{p,k} + t_k·w_{p,s,k},  z, w ~ N(0, 1),
//! >
//! > P(first is chosen) = λ/2 + (1 − λ)·σ(gain·ρψ(first, second) + b),
//! >
//! > m_k ~ N([`mean`](ParameterPrior::mean), [`sd`](ParameterPrior::sd)²), s_k and t_k half-normal with scales
//! > [`between`](ParameterPrior::between) and [`within`](ParameterPrior::within).
//!
//! One person alone has no population: θ_k = m_k. Sessions differ (the term of w) only where asked. The coordinates of the density are
//! m, log s, log t, z and w in this order: not centered, since data of one person are often weaker than the population.
//!
//! Margins and their derivatives come from one surface for each task: exact for ridge regression and gradient flow with equal
//! weights, and a bicubic spline otherwise, whose own derivative the gradient is. Source: §9.7.

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::inference::choice::{ChoiceCount, ChoiceFitter};
use crate::inference::engine::surface::grid::lapse_of;
use crate::inference::engine::surface::{Field, Surface};
use crate::inference::estimates::Parameter;
use crate::inference::hierarchy::tasks;
use crate::inference::model::ModelSpec;
use crate::inference::response::{Binomial, Response};
use crate::numeric::sigmoid::sigmoid;

mod density;
mod diagnostics;
mod sample;

pub use diagnostics::{Diagnostics, DrawSummary, diagnose, summarize};
pub use sample::{Draws, SamplerSettings, SamplerStep, sample};

/// What is believed of one parameter before any data, on its scale without bounds ([`UnitScale`](super::UnitScale)).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ParameterPrior {
    /// Mean of the normal prior of the population's mean.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Scale of the half-normal prior of the standard deviation between people.
    pub between: f64,
    /// Scale of the half-normal prior of the standard deviation between sessions of a person.
    pub within: f64,
}

impl ParameterPrior {
    /// The weak prior of a parameter where none is given.
    ///
    /// Medians (and 95 % ranges) of the population's median: α 0.18 (0.004 to 0.92), C or t 3 (0.06 to 160), gain 3 (0.15 to 57), λ 0.04
    /// (0.002 to 0.29), b 0 ± 2. People differ by a factor of e in C and gain, or as much in the odds of α and λ, or by half a logit in b.
    pub fn weak(parameter: Parameter) -> Self {
        let (mean, sd, between, within) = match parameter {
            Parameter::Conjunctivity | Parameter::Memorization => (-1.5, 2.0, 1.0, 0.5),
            Parameter::Strength | Parameter::Screening => (3.0_f64.ln(), 2.0, 1.0, 0.5),
            Parameter::Gain => (3.0_f64.ln(), 1.5, 1.0, 0.5),
            Parameter::Lapse => (-2.5, 1.5, 1.0, 0.5),
            Parameter::PositionBias => (0.0, 1.0, 0.5, 0.25),
        };
        Self { mean, sd, between, within }
    }

    fn check(&self, parameter: Parameter) -> Result<()> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if self.mean.is_finite() && positive(self.sd) && positive(self.between) && positive(self.within) {
            return Ok(());
        }
        Err(TheoryError::BadInput {
            what: "prior",
            problem: format!(
                "that of {parameter:?} has mean {}, sd {}, between {} and within {}; give a finite mean and positive others",
                self.mean, self.sd, self.between, self.within
            ),
        })
    }
}

/// The choices of one person in one session, and what was trained before.
#[derive(Debug, Clone, Copy)]
pub struct SessionChoices<'a> {
    /// Which person, from 0.
    pub person: usize,
    /// The task that was trained.
    pub graph: &'a ComparisonGraph,
    /// What was chosen.
    pub choices: &'a [ChoiceCount],
}

/// How people and sessions are put together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PosteriorSettings {
    /// Whether the sessions of a person have parameters of their own around the person's.
    pub sessions_differ: bool,
    /// Priors that replace the weak ones.
    pub priors: Vec<(Parameter, ParameterPrior)>,
}

/// The posterior of people's parameters, as a density that can be sampled.
#[derive(Debug, Clone)]
pub struct ChoicePosterior {
    spec: ModelSpec,
    /// The free parameters, and what is believed of each.
    parameters: Vec<(Parameter, ParameterPrior)>,
    fitters: Vec<ChoiceFitter>,
    sessions: Vec<Session>,
    n_people: usize,
    sessions_differ: bool,
}

#[derive(Debug, Clone)]
struct Session {
    person: usize,
    fitter: usize,
    data: Binomial,
    /// The ordered pairs with trials.
    observed: Vec<usize>,
}

impl ChoicePosterior {
    /// Prepares the posterior of `spec` given the choices of all sessions. People are numbered from 0 without gaps.
    ///
    /// Cost: one surface for each distinct task, as [`ChoiceFitter::new`].
    ///
    /// # Errors
    /// No session, a person without one, sessions that are to differ where nobody has two, a prior without a positive width, a
    /// prior of a parameter that is not free, or what [`ChoiceFitter::fit`] refuses.
    pub fn new(spec: &ModelSpec, sessions: &[SessionChoices<'_>], settings: &PosteriorSettings) -> Result<Self> {
        let bad = |problem: String| Err(TheoryError::BadInput { what: "posterior", problem });
        let n_people = sessions.iter().map(|s| s.person + 1).max().unwrap_or(0);
        let mut n_sessions = vec![0; n_people];
        sessions.iter().for_each(|s| n_sessions[s.person] += 1);
        if n_people == 0 {
            return bad("there are no choices; give those of at least one person".into());
        }
        if let Some(person) = n_sessions.iter().position(|n| *n == 0) {
            return bad(format!("person {person} has no choices; number people from 0 without gaps"));
        }
        if settings.sessions_differ && n_sessions.iter().all(|n| *n < 2) {
            return bad("nobody has more than one session, so that sessions cannot differ".into());
        }
        let free = |p: &Parameter| match p {
            Parameter::Conjunctivity => spec.conjunctivity.is_none(),
            Parameter::Strength => spec.strength.is_none(),
            _ => true,
        };
        let mut parameters: Vec<_> =
            spec.parameters().into_iter().filter(free).map(|p| (p, ParameterPrior::weak(p))).collect();
        for &(parameter, prior) in &settings.priors {
            prior.check(parameter)?;
            let Some((_, own)) = parameters.iter_mut().find(|(p, _)| *p == parameter) else {
                return bad(format!("{parameter:?} has a prior but is not a free parameter of the model"));
            };
            *own = prior;
        }
        let pairs = |s: &SessionChoices<'_>| s.choices.iter().map(|c| (c.first, c.second)).collect();
        let (tasks, task_of) = tasks(sessions.iter().map(|s| (s.graph, pairs(s))));
        let fitters: Vec<ChoiceFitter> =
            tasks.iter().map(|(graph, pairs)| ChoiceFitter::new(graph, spec, pairs)).collect::<Result<_>>()?;
        let sessions = sessions
            .iter()
            .zip(task_of)
            .map(|(session, fitter)| {
                let data = fitters[fitter].total(&fitters[fitter].tabulate(&[session.choices.to_vec()])?)?;
                let observed = (0..fitters[fitter].pairs().len()).filter(|&k| !data.is_missing(k)).collect();
                Ok(Session { person: session.person, fitter, data, observed })
            })
            .collect::<Result<_>>()?;
        Ok(Self { spec: *spec, parameters, fitters, sessions, n_people, sessions_differ: settings.sessions_differ })
    }

    /// The free parameters, in the order of a session's coordinates.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.parameters.iter().map(|(parameter, _)| *parameter).collect()
    }

    /// The priors in the order of [`parameters`](Self::parameters).
    pub fn priors(&self) -> Vec<ParameterPrior> {
        self.parameters.iter().map(|(_, prior)| *prior).collect()
    }

    /// Number of people.
    pub fn n_people(&self) -> usize {
        self.n_people
    }

    /// The person of every session.
    pub fn people(&self) -> Vec<usize> {
        self.sessions.iter().map(|s| s.person).collect()
    }

    /// Whether people are drawn from a population: there are two at least.
    pub fn has_population(&self) -> bool {
        self.n_people > 1
    }

    /// Whether sessions have parameters of their own around their person's.
    pub fn sessions_differ(&self) -> bool {
        self.sessions_differ
    }

    /// The ordered pairs of a session's [`probabilities`](Self::probabilities).
    pub fn pairs(&self, session: usize) -> &[(usize, usize)] {
        self.fitters[self.sessions[session].fitter].pairs()
    }

    /// Log-likelihood of all choices, without binomial coefficients, given every session's parameters on their scales:
    /// `theta[session·K + k]`, k in the order of the K [`parameters`](Self::parameters). `gradient` has the same shape and is written
    /// over. −∞ or NaN where the parameters are beyond floating point.
    ///
    /// This is what a model written elsewhere (PyMC, Stan, NumPyro) needs of this one.
    ///
    /// # Errors
    /// What the solvers refuse.
    ///
    /// # Panics
    /// If a slice has another length.
    pub fn log_likelihood(&self, theta: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let k = self.parameters.len();
        assert_eq!((theta.len(), gradient.len()), (self.sessions.len() * k, self.sessions.len() * k));
        let mut field = Field::default();
        let mut total = 0.0;
        for (session, (theta, gradient)) in
            self.sessions.iter().zip(theta.chunks_exact(k).zip(gradient.chunks_exact_mut(k)))
        {
            total += self.session_likelihood(session, theta, gradient, &mut field)?;
        }
        Ok(total)
    }

    /// The probability that the first is chosen on every ordered pair of [`pairs`](Self::pairs), at a session's parameters on their scales.
    ///
    /// # Errors
    /// What the solvers refuse.
    pub fn probabilities(&self, session: usize, theta: &[f64]) -> Result<Vec<f64>> {
        let surface = &self.fitters[self.sessions[session].fitter].model.surface;
        let at = self.place(surface, theta);
        let mut field = Field::default();
        surface.evaluate(surface.primary, at.surface, false, &mut field)?;
        let amplitude = (at.log_gain + field.log_scale).exp();
        let probability = |&(pair, sign): &(usize, f64)| {
            let up = sigmoid(amplitude * sign * field.shape[pair] + at.bias);
            0.5 * at.lapse + (1.0 - at.lapse) * up
        };
        Ok(surface.index.iter().map(probability).collect())
    }

    fn session_likelihood(
        &self,
        session: &Session,
        theta: &[f64],
        gradient: &mut [f64],
        field: &mut Field,
    ) -> Result<f64> {
        let surface = &self.fitters[session.fitter].model.surface;
        let at = self.place(surface, theta);
        surface.evaluate(surface.primary, at.surface, false, field)?;
        if !surface.is_exact() {
            // A spline stays what it is at the end of its box.
            for (d, (low, high)) in surface.ends(surface.primary).into_iter().enumerate() {
                if !(low..=high).contains(&at.surface[d]) {
                    field.slopes[d].fill(0.0);
                    field.scale_slopes[d] = 0.0;
                }
            }
        }
        let amplitude = (at.log_gain + field.log_scale).exp();
        let lapse = self.spec.lapse.then_some(at.lapse);
        let (mut value, mut by_surface, mut by_gain, mut by_lapse, mut by_bias) = (0.0, [0.0; 2], 0.0, 0.0, 0.0);
        for &k in &session.observed {
            let (pair, sign) = surface.index[k];
            let scaled = amplitude * sign;
            let terms = session.data.terms(k, scaled * field.shape[pair] + at.bias, lapse);
            value += terms.value;
            by_gain += terms.eta * scaled * field.shape[pair];
            for (sum, slopes) in by_surface.iter_mut().zip(&field.slopes) {
                *sum += terms.eta * scaled * slopes[pair];
            }
            by_lapse += terms.lapse;
            by_bias += terms.eta;
        }
        // The amplitude moves with the surface coordinates, through log ρ.
        for (sum, slope) in by_surface.iter_mut().zip(field.scale_slopes) {
            *sum += by_gain * slope;
        }
        let mut surface_slopes = by_surface.into_iter();
        for ((parameter, _), gradient) in self.parameters.iter().zip(gradient) {
            *gradient = match parameter {
                Parameter::Conjunctivity | Parameter::Strength => surface_slopes.next().unwrap_or(0.0),
                Parameter::Gain => by_gain,
                // λ = σ(l)/2, so that ∂λ/∂l = λ(1 − 2λ).
                Parameter::Lapse => by_lapse * at.lapse * (1.0 - 2.0 * at.lapse),
                Parameter::PositionBias => by_bias,
                Parameter::Screening | Parameter::Memorization => 0.0,
            };
        }
        Ok(value)
    }

    /// What a session's parameters on their scales mean on its surface.
    fn place(&self, surface: &Surface, theta: &[f64]) -> Place {
        let mut place = Place { surface: [0.0; 2], log_gain: 0.0, lapse: 0.0, bias: 0.0 };
        let mut free = 0;
        for ((parameter, _), &value) in self.parameters.iter().zip(theta) {
            match parameter {
                Parameter::Conjunctivity => {
                    place.surface[free] = value;
                    free += 1;
                }
                Parameter::Strength => {
                    place.surface[free] = value + surface.log_weight;
                    free += 1;
                }
                Parameter::Gain => place.log_gain = value,
                Parameter::Lapse => place.lapse = lapse_of(value),
                Parameter::PositionBias => place.bias = value,
                Parameter::Screening | Parameter::Memorization => {}
            }
        }
        if self.spec.strength == Some(0.0) {
            // The surface then has margins per unit of weighted strength.
            place.log_gain += surface.log_weight;
        }
        place
    }
}

/// The coordinates of a surface, and the parameters of the answers.
struct Place {
    surface: [f64; 2],
    log_gain: f64,
    lapse: f64,
    bias: f64,
}

#[cfg(test)]
mod tests;
