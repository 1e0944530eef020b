//! The geometry of hidden states: the similarities of all ordered pairs, their conjunctivity, and the margins they predict.
//!
//! The hidden state at the answer's position, after the final normalization, is what the readout sees. Its inner products over all
//! ordered pairs are the kernel of a linear readout, about which [`geometry`] answers two questions:
//!
//! * **What is it?** Its projection on the exchangeable kernels (six orbit averages), their conjunctivity α, and the share of the
//!   measured kernel that the projection explains.
//! * **What does it predict?** The margins of kernel ridge regression on the trained pairs, with the projection and with the measured
//!   kernel itself, where ridge and gain are fitted to the margins of the model after training.
//!
//! **Centering.** States of different prompts have most in common: cosines are near 1 for every pair. Nothing here depends on that. α
//! is a ratio of differences of orbit values, in which a common term cancels. The shares of variance are those of double-centered or
//! antisymmetric parts. The margins compared are antisymmetrized logit differences, which an intercept does not change; the
//! regression has a free one ([`KernelFitter`]), since a large common component acts as an
//! intercept of the readout.

mod files;
mod states;

use burn::tensor::Tensor;
use caveat_results::{GeometryNumbers, Phase, Table};
use caveat_theory::inference::{FitLimit, KernelFitter, MarginFitter};
use caveat_theory::{MeasuredKernel, TransitiveTask};
use serde::Serialize;

use self::states::{Vectors, dot, lexicographic};
use crate::error::{LmError, Result};
use crate::stimuli::{Prompt, Stimuli};

pub(crate) use files::{write_geometry, write_similarities};
pub use states::{MAX_ITEMS, Metric};

/// The geometry of a run's hidden states. In JSON, numbers that are infinite or undefined are null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Geometry {
    /// Number of items n.
    pub n_items: usize,
    /// The unordered pairs (0, 1), (0, 2), …, (1, 2), …; all lists of margins are in this order.
    pub pairs: Vec<GeometryPair>,
    /// The theory fitted to the margins alone; none without margins.
    pub behavior: Option<BehaviorFit>,
    /// Every phase under every metric.
    pub kernels: Vec<KernelGeometry>,
}

/// An unordered pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeometryPair {
    /// The smaller rank.
    pub rank_a: usize,
    /// The larger rank.
    pub rank_b: usize,
    /// Whether the pair is trained.
    pub is_train: bool,
    /// Whether the pair is an exception.
    pub is_exception: bool,
    /// Whether the trained pairs imply no answer.
    pub no_gt: bool,
    /// The observed margin after training: half of logit_diff(a, b) − logit_diff(b, a), positive if the higher item wins.
    pub margin: Option<f64>,
}

/// The theory fitted to the observed margins with all parameters free. The α of a kernel should agree with this one, and no kernel
/// with the theory's symmetries can fit better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BehaviorFit {
    /// α; NaN without signal.
    pub conjunctivity: f64,
    /// C ∈ [0, ∞].
    pub c: f64,
    /// Scale of the margins; in the Hebbian limit gain·C.
    pub gain: f64,
    /// Which limit the optimum is, if any.
    pub limit: Option<FitLimit>,
    /// 1 − Σ residual²/Σ margin², about zero.
    pub r_squared: f64,
    /// Pearson correlation of observed and fitted margins.
    pub correlation: f64,
}

/// The similarities of one phase under one metric: their geometry and predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelGeometry {
    /// Before or after training.
    pub phase: Phase,
    /// How states are compared.
    pub metric: Metric,
    /// Why there is no projection, if so: two items, states that do not distinguish (a, b) from (b, a), or a zero state under cosine.
    pub undefined: Option<String>,
    /// The projection on the exchangeable kernels.
    pub projection: Option<MeasuredKernel>,
    /// Share of the squared norm of the kernel's antisymmetric part that the projection explains, in [0, 1]. Margins of pairs trained
    /// in both orders depend on that part only; the projection's own shares concern everything that prompts express.
    pub antisymmetric_variance_explained: Option<f64>,
    /// The predicted margins; none without observed margins.
    pub predictions: Option<KernelPredictions>,
}

/// Margins by kernel ridge regression.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelPredictions {
    /// With the exchangeable projection, in which six numbers represent the kernel.
    pub exchangeable: MarginPrediction,
    /// With the measured kernel itself.
    pub measured: MarginPrediction,
}

/// Predicted margins at the best-fitting ridge and gain, and their agreement with those observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarginPrediction {
    /// C = (κ_id − κ_flip)/ridge ∈ [0, ∞]; NaN without signal.
    pub c: f64,
    /// Ridge on the kernel's own scale; NaN without signal.
    pub ridge: f64,
    /// Scale of the margins; in the Hebbian limit gain/ridge.
    pub gain: f64,
    /// Which limit the optimum is, if any.
    pub limit: Option<FitLimit>,
    /// 1 − Σ (observed − predicted)²/Σ observed², about zero.
    pub r_squared: f64,
    /// Pearson correlation of observed and predicted margins; NaN if either is constant.
    pub correlation: f64,
    /// Predicted margins, in the order of [`Geometry::pairs`].
    pub margins: Vec<f64>,
}

/// Describes hidden states and predicts margins from them.
///
/// `phases` are hidden states [prompts, hidden] at the answer's position, in the order of the prompts of `stimuli`. `logit_diffs`, in
/// the same order, are the answers of the trained model: log odds of Yes over No. Without them nothing is predicted.
///
/// Cost O(n⁴·hidden) per phase and metric for n items: 20 ms for 9 items, a minute for 100.
///
/// # Errors
/// Prompts that are not all ordered pairs; more than [`MAX_ITEMS`] items; states whose shape does not match the prompts; states or
/// logit differences that are not finite. States without a projection are no error: [`KernelGeometry::undefined`] says why.
pub fn geometry(phases: &[(Phase, &Tensor<2>)], stimuli: &Stimuli, logit_diffs: Option<&[f64]>) -> Result<Geometry> {
    let order = lexicographic(stimuli)?;
    let n_items = stimuli.hierarchy.len();
    let task = TransitiveTask::new(n_items, &stimuli.exceptions).map_err(theory)?;
    let margins = logit_diffs.map(|values| antisymmetrized(values, stimuli)).transpose()?;
    let upper = order.iter().map(|&k| &stimuli.prompts[k]).filter(|prompt| prompt.rank_a < prompt.rank_b);
    let pair = |(k, prompt): (usize, &Prompt)| GeometryPair {
        rank_a: prompt.rank_a,
        rank_b: prompt.rank_b,
        is_train: prompt.is_train,
        is_exception: prompt.is_exception,
        no_gt: prompt.no_gt,
        margin: margins.as_ref().map(|margins| margins[k]),
    };
    let pairs: Vec<GeometryPair> = upper.enumerate().map(pair).collect();
    let behavior = margins.as_deref().map(|margins| BehaviorFit::fit(&task, &pairs, margins)).transpose()?;
    let mut kernels = Vec::with_capacity(phases.len() * Metric::ALL.len());
    for &(phase, states) in phases {
        let states = Vectors::read(states, stimuli, &order)?;
        for metric in Metric::ALL {
            let mut found = KernelGeometry {
                phase,
                metric,
                undefined: None,
                projection: None,
                antisymmetric_variance_explained: None,
                predictions: None,
            };
            match states.scaled_for(metric) {
                Ok(vectors) => found.describe(&vectors, &task, &pairs, margins.as_deref())?,
                Err(row) => found.undefined = Some(states::no_direction(stimuli, &stimuli.prompts[order[row]])),
            }
            kernels.push(found);
        }
    }
    Ok(Geometry { n_items, pairs, behavior, kernels })
}

impl KernelGeometry {
    fn describe(
        &mut self,
        vectors: &Vectors,
        task: &TransitiveTask,
        pairs: &[GeometryPair],
        margins: Option<&[f64]>,
    ) -> Result<()> {
        let n_items = task.n_items();
        // What all states share costs digits and affects only the orbit values, so those come from the states as they are and everything
        // else from the centered ones.
        let centered = vectors.centered();
        let mut gram = vectors.gram();
        let projection = match MeasuredKernel::project(n_items, &gram) {
            Ok(projection) => projection,
            Err(e) => {
                self.undefined = Some(e.to_string());
                return Ok(());
            }
        };
        drop(gram);
        gram = centered.gram();
        antisymmetrize(n_items, &mut gram);
        self.antisymmetric_variance_explained =
            MeasuredKernel::project(n_items, &gram).ok().map(|part| part.variance_explained);
        drop(gram);
        if let Some(margins) = margins {
            self.predictions = Some(KernelPredictions::fit(&projection, &centered, task, pairs, margins)?);
        }
        self.projection = Some(projection);
        Ok(())
    }

    fn numbers(&self) -> GeometryNumbers {
        let projection = self.projection.as_ref();
        let predicted = |of: fn(&KernelPredictions) -> f64| self.predictions.as_ref().map(of);
        GeometryNumbers {
            conjunctivity: projection.map(|p| p.conjunctivity),
            variance: projection.map(|p| p.variance_explained),
            antisymmetric: self.antisymmetric_variance_explained,
            c: predicted(|p| p.exchangeable.c),
            r_squared: predicted(|p| p.exchangeable.r_squared),
            correlation: predicted(|p| p.exchangeable.correlation),
            r_squared_measured: predicted(|p| p.measured.r_squared),
            correlation_measured: predicted(|p| p.measured.correlation),
        }
    }
}

impl BehaviorFit {
    fn fit(task: &TransitiveTask, pairs: &[GeometryPair], margins: &[f64]) -> Result<Self> {
        let pairs: Vec<(usize, usize)> = pairs.iter().map(|pair| (pair.rank_a, pair.rank_b)).collect();
        let fit = MarginFitter::new(task.graph(), &pairs).and_then(|fitter| fitter.fit(margins)).map_err(theory)?;
        Ok(Self {
            conjunctivity: fit.estimates.conjunctivity,
            c: fit.estimates.strength,
            gain: fit.estimates.gain,
            limit: fit.estimates.limit,
            r_squared: fit.r_squared,
            correlation: fit.correlation,
        })
    }

    fn numbers(&self) -> GeometryNumbers {
        let [conjunctivity, c, r_squared, correlation] =
            [self.conjunctivity, self.c, self.r_squared, self.correlation].map(Some);
        GeometryNumbers { conjunctivity, c, r_squared, correlation, ..Default::default() }
    }
}

impl KernelPredictions {
    /// Fits both kernels to `margins`; `vectors` must be centered.
    fn fit(
        projection: &MeasuredKernel,
        vectors: &Vectors,
        task: &TransitiveTask,
        pairs: &[GeometryPair],
        margins: &[f64],
    ) -> Result<Self> {
        let n = task.n_items();
        let kernel = projection.kernel;
        // A constant has no effect, and without it nothing is lost to cancellation.
        let exchangeable = |e, f| kernel.value(e, f) - kernel.disjoint;
        let measured = |e, f| dot(vectors.row(row_of(n, e)), vectors.row(row_of(n, f)));
        Ok(Self {
            exchangeable: MarginPrediction::fit(exchangeable, kernel.scale(), task, pairs, margins)?,
            measured: MarginPrediction::fit(measured, kernel.scale(), task, pairs, margins)?,
        })
    }
}

impl MarginPrediction {
    /// Fits a kernel; `scale` is κ_id − κ_flip, which converts a ridge to C.
    fn fit(
        kernel: impl Fn((usize, usize), (usize, usize)) -> f64,
        scale: f64,
        task: &TransitiveTask,
        pairs: &[GeometryPair],
        margins: &[f64],
    ) -> Result<Self> {
        let pairs: Vec<(usize, usize)> = pairs.iter().map(|pair| (pair.rank_a, pair.rank_b)).collect();
        let fitter = KernelFitter::new(task.n_items(), &task.trials(), kernel, &pairs);
        let fit = fitter.and_then(|fitter| fitter.fit(margins)).map_err(theory)?;
        Ok(Self {
            c: scale / fit.ridge,
            ridge: fit.ridge,
            gain: fit.gain,
            limit: fit.limit,
            r_squared: fit.r_squared,
            correlation: fit.correlation,
            margins: fit.fitted,
        })
    }
}

impl Geometry {
    /// Conjunctivity, shares of variance explained, and agreement of predicted with observed margins, for every phase and metric. The
    /// last row, `kernel` "fitted", is the theory fitted to the margins alone. Undefined numbers are missing.
    ///
    /// # Errors
    /// Those of the table; none in practice.
    pub fn table(&self) -> Result<Table> {
        let kernels = self.kernels.iter().map(|kernel| ((kernel.phase.name(), kernel.metric.name()), kernel.numbers()));
        let fitted = self.behavior.iter().map(|fit| (("post", "fitted"), fit.numbers()));
        let (names, numbers): (Vec<_>, Vec<_>) = kernels.chain(fitted).unzip();
        let table = Table::new().text("phase", names.iter().map(|(phase, _)| *phase))?;
        Ok(GeometryNumbers::add_columns(numbers, table.text("kernel", names.iter().map(|(_, kernel)| *kernel))?)?)
    }
}

/// (logit_diff(i, j) − logit_diff(j, i))/2 for all i < j, in lexicographic order.
fn antisymmetrized(logit_diffs: &[f64], stimuli: &Stimuli) -> Result<Vec<f64>> {
    let n = stimuli.hierarchy.len();
    if logit_diffs.len() != stimuli.prompts.len() {
        let (found, n) = (logit_diffs.len(), stimuli.prompts.len());
        return Err(LmError::invalid(format!("{found} logit differences: expected one for each of {n} prompts")));
    }
    let mut table = vec![0.0; n * n];
    for (prompt, &value) in stimuli.prompts.iter().zip(logit_diffs) {
        if !value.is_finite() {
            let of = states::pair(stimuli, prompt);
            return Err(LmError::Failed(format!("the logit difference of {of} is {value}: all must be finite")));
        }
        table[prompt.rank_a * n + prompt.rank_b] = value;
    }
    Ok(unordered_pairs(n).map(|(i, j)| 0.5 * (table[i * n + j] - table[j * n + i])).collect())
}

/// All (i, j) with i < j < n, in lexicographic order.
fn unordered_pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

/// Row of the ordered pair (i, j) in lexicographic order.
fn row_of(n_items: usize, (i, j): (usize, usize)) -> usize {
    i * (n_items - 1) + j - usize::from(j > i)
}

/// Replaces a kernel over ordered pairs by the kernel of the antisymmetric features (φ(i, j) − φ(j, i))/2.
fn antisymmetrize(n_items: usize, gram: &mut [f64]) {
    let side = n_items * (n_items - 1);
    let rows = unordered_pairs(n_items).map(|(i, j)| (row_of(n_items, (i, j)), row_of(n_items, (j, i))));
    let rows: Vec<(usize, usize)> = rows.collect();
    for &(a, b) in &rows {
        for &(c, d) in &rows {
            let part = 0.25 * (gram[a * side + c] - gram[a * side + d] - gram[b * side + c] + gram[b * side + d]);
            for (row, column, value) in [(a, c, part), (a, d, -part), (b, c, -part), (b, d, part)] {
                gram[row * side + column] = value;
            }
        }
    }
}

fn theory(e: caveat_theory::TheoryError) -> LmError {
    LmError::Failed(format!("the geometry of hidden states: {e}"))
}

#[cfg(test)]
mod tests;
