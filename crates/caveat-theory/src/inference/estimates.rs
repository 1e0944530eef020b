//! What a fit finds, in the same words for every fit: parameters, the limit that they lie in, and intervals.

use serde::{Deserialize, Serialize};

use crate::named_enum;

/// A parameter of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parameter {
    /// α ∈ [0, 1].
    Conjunctivity,
    /// C or t ∈ [0, ∞], per unit of presentation weight.
    Strength,
    /// The gain ∈ [0, ∞].
    Gain,
    /// The lapse rate λ ∈ [0, ½].
    Lapse,
    /// The bias b for the first position.
    PositionBias,
    /// μ ∈ [0, ∞], which α and C give.
    Screening,
    /// m ∈ [0, 1], which α and C give.
    Memorization,
}

/// One value for each parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerParameter<T> {
    /// For α.
    pub conjunctivity: T,
    /// For C or t.
    pub strength: T,
    /// For the gain.
    pub gain: T,
    /// For λ.
    pub lapse: T,
    /// For b.
    pub position_bias: T,
    /// For μ.
    pub screening: T,
    /// For m.
    pub memorization: T,
}

impl<T> PerParameter<T> {
    /// What `value` gives for every parameter, in the order of the fields.
    pub(crate) fn try_from_fn<E>(mut value: impl FnMut(Parameter) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            conjunctivity: value(Parameter::Conjunctivity)?,
            strength: value(Parameter::Strength)?,
            gain: value(Parameter::Gain)?,
            lapse: value(Parameter::Lapse)?,
            position_bias: value(Parameter::PositionBias)?,
            screening: value(Parameter::Screening)?,
            memorization: value(Parameter::Memorization)?,
        })
    }

    /// What `value` gives for every parameter.
    pub(crate) fn from_fn(mut value: impl FnMut(Parameter) -> T) -> Self {
        let all = Self::try_from_fn(|parameter| Ok::<_, std::convert::Infallible>(value(parameter)));
        all.unwrap_or_else(|never| match never {})
    }
}

impl<T: Copy> PerParameter<T> {
    /// The value of a parameter.
    pub fn get(&self, parameter: Parameter) -> T {
        match parameter {
            Parameter::Conjunctivity => self.conjunctivity,
            Parameter::Strength => self.strength,
            Parameter::Gain => self.gain,
            Parameter::Lapse => self.lapse,
            Parameter::PositionBias => self.position_bias,
            Parameter::Screening => self.screening,
            Parameter::Memorization => self.memorization,
        }
    }

    /// What `change` makes of every value.
    pub fn map<U>(self, change: impl Fn(T) -> U) -> PerParameter<U> {
        PerParameter::from_fn(|parameter| change(self.get(parameter)))
    }
}

named_enum! {
    /// The edge of the parameter space that a fit lies on, where some parameters stand for a limit.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum FitLimit, ALL {
        /// C → 0 with gain → ∞: margins follow K·y. C is 0 and the gain is the finite gain·C.
        Hebbian = "hebbian",
        /// α → 0 and C → ∞ together: the memorization is their limit, which α = 0, C = ∞ alone do not tell.
        Additive = "additive",
        /// α = 1: only trained pairs have margins, and C is not identified (reported as ∞, all of it in the gain).
        Conjunctive = "conjunctive",
        /// Ridge 0 with any kernel: trained pairs are interpolated as far as the kernel can.
        Ridgeless = "ridgeless",
        /// No model with positive gain is better than none: gain 0, and no parameter is identified.
        NoSignal = "no_signal",
    }
}

/// Values of all parameters, with what they imply.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// α; NaN without signal.
    pub conjunctivity: f64,
    /// C or t in [0, ∞], 0 only in the Hebbian limit; NaN without signal, and for conjunctive logistic margins. A logistic C is ∞ at
    /// the end of its range, [`LOGISTIC_MAX`](crate::inference::engine::surface::LOGISTIC_MAX), and the gain is the one there.
    pub strength: f64,
    /// Scale of the margins, in logits for choices; gain·strength in the Hebbian limit, gain·m in the conjunctive one.
    pub gain: f64,
    /// λ ∈ [0, ½]; 0 for a model without lapses.
    pub lapse: f64,
    /// b; 0 for a model without position bias, ±∞ where choices are explained best by a bias without bound.
    pub position_bias: f64,
    /// μ ∈ [0, ∞] of ridge regression with equal presentation weights; otherwise NaN.
    pub screening: f64,
    /// m ∈ [0, 1] of ridge regression with equal presentation weights; otherwise NaN.
    pub memorization: f64,
    /// Which limit the optimum is, if any.
    pub limit: Option<FitLimit>,
    /// Whether the amplitude is at its cap: the data are predicted without error and the gain may be any larger number.
    pub saturated: bool,
}

impl Estimates {
    /// The value of a parameter.
    pub fn get(&self, parameter: Parameter) -> f64 {
        self.per_parameter().get(parameter)
    }

    /// The values by parameter.
    pub fn per_parameter(&self) -> PerParameter<f64> {
        let Self { conjunctivity, strength, gain, lapse, position_bias, screening, memorization, .. } = *self;
        PerParameter { conjunctivity, strength, gain, lapse, position_bias, screening, memorization }
    }
}

/// An interval of a parameter; NaN where there is none, for example where no replicate identifies the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// No interval at all.
    pub(crate) const NONE: Self = Self { low: f64::NAN, high: f64::NAN };

    /// Stretches it to hold another; NaN counts for nothing.
    pub(crate) fn join(&mut self, other: Self) {
        (self.low, self.high) = (self.low.min(other.low), self.high.max(other.high));
    }

    /// Stretches it to hold a value.
    pub(crate) fn include(&mut self, value: f64) {
        self.join(Self { low: value, high: value });
    }
}

/// A profile interval of a parameter, and how informative it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ParameterInterval {
    /// The accepted values; up to the end of the parameter's range where all there are accepted (for a logistic C,
    /// [`LOGISTIC_MAX`](crate::inference::engine::surface::LOGISTIC_MAX) counts as ∞).
    pub interval: Interval,
    /// Whether the observed pairs determine the parameter, however little noise there were.
    pub identified: bool,
    /// Whether the interval is informative on both sides: both ends lie inside the range of a parameter without bound, and
    /// not the whole of \[0, 1\] or \[0, ½\] is accepted of another.
    pub bounded: bool,
}

/// 95 % profile intervals; `None` for a parameter that is fixed or not part of the model.
pub type ProfileIntervals = PerParameter<Option<ParameterInterval>>;

/// 95 % intervals over clusters that are independent of each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterIntervals {
    /// The intervals; `None` for a parameter that is fixed or not part of the model, and of μ and m but for ridge regression
    /// with free α and C and equal presentation weights. That of the gain is of gain·strength where the estimate is the
    /// Hebbian limit, and `None` where the strength is held at 0.
    pub intervals: PerParameter<Option<Interval>>,
    /// Number of clusters.
    pub clusters: usize,
}

/// 95 % expanded percentile intervals over resampled clusters, and the replicates behind them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BootstrapIntervals {
    /// The intervals; `None` for a parameter that is fixed or not part of the model. That of the gain is of gain·strength
    /// where the fit to all clusters is the Hebbian limit; otherwise a replicate in that limit counts as an infinite gain.
    pub intervals: PerParameter<Option<Interval>>,
    /// Number of replicates.
    pub replicates: usize,
    /// Seed of the random numbers; the same seed gives the same intervals on any number of threads.
    pub seed: u64,
    /// The parameters of every replicate, the gain as in its interval; NaN where a replicate has no signal.
    #[serde(skip)]
    pub draws: Vec<PerParameter<f64>>,
}
