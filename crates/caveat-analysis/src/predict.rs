//! `predict`: ranks, margins and accuracy of a learner on a task, by any route.

use std::path::{Path, PathBuf};

use caveat_results::{Table, read_matrix};
use caveat_theory::{
    Accuracy, ExchangeableKernel, Kernel, Learner, Margins, MeasuredKernel, PresentationOrder, Route, Solution,
    TransitiveTask, memory, solve,
};
use serde::{Serialize, Serializer};

use crate::error::{AnalysisError, Result};
use crate::task::ordered_pairs;

/// A prediction to make.
#[derive(Debug, Clone)]
pub struct PredictRequest {
    /// What is trained.
    pub task: TransitiveTask,
    /// How pairs are represented.
    pub kernel: KernelChoice,
    /// What learns, and how strongly.
    pub learner: Learner,
    /// A route to force; `None` for the fastest that applies.
    pub route: Option<Route>,
    /// Whether to leave out margins and accuracy.
    pub ranks_only: bool,
}

/// The source of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub enum KernelChoice {
    /// The normalized exchangeable kernel of this conjunctivity α.
    Conjunctivity(f64),
    /// Six orbit values: identical, flipped, same first, same second, crossed, disjoint. C is then 1/ridge on this kernel.
    Orbits([f64; 6]),
    /// A matrix (.npy) over all ordered pairs.
    Matrix(PathBuf),
    /// The projection of such a matrix on the exchangeable kernels.
    Projection(PathBuf),
}

/// A prediction; as JSON, it has the keys that the command documents.
#[derive(Debug, Clone, Serialize)]
pub struct PredictOutcome {
    /// Number of items.
    pub n_items: usize,
    /// Exceptions (winner, loser) by rank.
    pub exceptions: Vec<(usize, usize)>,
    /// Conjunctivity α of the kernel.
    pub conjunctivity: f64,
    /// Inverse regularization; NaN under gradient flow.
    pub c: f64,
    /// Screening μ; NaN where the kernel or learner has none.
    pub screening: f64,
    /// Memorization m; NaN where the kernel or learner has none.
    pub memorization: f64,
    /// The rank of every item; `None` for a kernel without ranks.
    pub ranks: Option<Vec<f64>>,
    /// f(a, b), row-major n × n with 0 on the diagonal; `None` if only ranks were asked for.
    #[serde(serialize_with = "square")]
    pub margins: Option<Vec<f64>>,
    /// Accuracy by class of pairs; `None` if only ranks were asked for.
    pub accuracy: Option<Accuracy>,
    /// Time of gradient flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<f64>,
    /// `logistic` for kernel logistic regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<&'static str>,
    /// The orbit values, where they were given or projected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<[f64; 6]>,
    #[serde(skip)]
    task: TransitiveTask,
}

/// A flat square matrix as rows.
fn square<S: Serializer>(matrix: &Option<Vec<f64>>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    let rows = |m: &Vec<f64>| m.chunks(m.len().isqrt().max(1)).map(<[f64]>::to_vec).collect::<Vec<_>>();
    matrix.as_ref().map(rows).serialize(serializer)
}

/// Most items whose n × n margins are of use in memory and on a screen.
const MAX_MARGINS: usize = 4_096;

/// Refuses tables of all ordered pairs of items that do not fit memory.
///
/// # Errors
/// [`AnalysisError::Memory`], with how many items would fit.
pub fn check_pairs(n_items: usize, what: &str) -> Result<()> {
    // About ten columns, some of them words, and the same again as text.
    const BYTES: f64 = 200.0;
    let fits = |free: f64| format!("those of {:.0} would fit", (free / BYTES).sqrt());
    let bytes = BYTES * (n_items as f64 * n_items as f64);
    Ok(memory::check(bytes, || format!("{what} of all pairs of {n_items} items"), fits)?)
}

/// Predicts.
///
/// # Errors
/// A file that holds no kernel matrix, a kernel that is not definite, a route that does not apply, or options that exclude each
/// other.
pub fn predict(request: &PredictRequest) -> Result<PredictOutcome> {
    let PredictRequest { task, kernel, learner, .. } = request;
    if task.n_items() > MAX_MARGINS && !request.ranks_only {
        return Err(AnalysisError::input(format!(
            "{} items have too many pairs to print: beyond {MAX_MARGINS} items, add ⟨ranks_only⟩",
            task.n_items()
        )));
    }
    if !request.ranks_only {
        check_pairs(task.n_items(), "the margins")?;
    }
    let (given, orbits) = match kernel {
        KernelChoice::Matrix(path) => return predict_matrix(request, path),
        KernelChoice::Conjunctivity(alpha) => (Some(*alpha), ExchangeableKernel::from_conjunctivity(*alpha)?),
        KernelChoice::Orbits(orbits) => (None, ExchangeableKernel::from_orbits(*orbits)?),
        KernelChoice::Projection(path) => (None, measure(path)?.1.kernel),
    };
    // Of a given kernel, C is 1/ridge; its antisymmetric part is normalized by κ_id − κ_flip.
    let (alpha, scale) = match given {
        Some(alpha) => (alpha, 1.0),
        None => {
            orbits.check_definite(task.n_items())?;
            let alpha = orbits.conjunctivity();
            // A definite kernel has α ≥ 0 except for rounding.
            (if (-1e-9..0.0).contains(&alpha) { 0.0 } else { alpha }, orbits.scale())
        }
    };
    let is_symmetric = orbits.is_position_symmetric();
    let learner = match *learner {
        Learner::Ridge { c } => Learner::Ridge { c: c * scale },
        Learner::Logistic { c } => {
            let reduces = is_symmetric && task.order() == PresentationOrder::Both && alpha <= 1.0;
            if !reduces || request.route.is_some() {
                return Err(AnalysisError::input(
                    "⟨learner=logistic⟩ needs both presentation orders and a position-symmetric kernel, and has one route: leave out ⟨route⟩",
                ));
            }
            Learner::Logistic { c: c * scale }
        }
        Learner::GradientFlow { time } => {
            if request.route.is_some() {
                return Err(AnalysisError::input("⟨time⟩ has its own route: leave out ⟨route⟩"));
            }
            if !is_symmetric {
                return Err(AnalysisError::input(
                    "⟨time⟩ needs a position-symmetric kernel (same first = same second)",
                ));
            }
            Learner::GradientFlow { time }
        }
    };
    let solution = solve(task, &orbits, learner, request.route)?;
    let found = PredictOutcome::new(request, &solution, alpha)?;
    Ok(PredictOutcome { kernel: given.is_none().then(|| orbits.orbits()), ..found })
}

/// The entries of a matrix, and its projection.
fn measure(path: &Path) -> Result<(Vec<f64>, MeasuredKernel)> {
    let (entries, _) = read_matrix(path)?;
    let measured =
        MeasuredKernel::project_square(&entries).map_err(|e| AnalysisError::from(e).in_place(path.display()))?;
    Ok((entries, measured))
}

fn predict_matrix(request: &PredictRequest, path: &Path) -> Result<PredictOutcome> {
    let (entries, measured) = measure(path)?;
    let n = request.task.n_items();
    if measured.n_items != n {
        let problem = format!("the kernel is of {} items, the task of {n}", measured.n_items);
        return Err(AnalysisError::Input(problem).in_place(path.display()));
    }
    if !matches!(request.learner, Learner::Ridge { .. }) || !matches!(request.route, None | Some(Route::Dense)) {
        return Err(AnalysisError::input(
            "a kernel matrix is solved by ridge regression on the dense route only; ⟨project⟩ lifts that",
        ));
    }
    if request.ranks_only {
        return Err(AnalysisError::input(
            "⟨ranks_only⟩: a kernel matrix that is not exchangeable gives no ranks; add ⟨project⟩, or leave it out",
        ));
    }
    let solution = solve(&request.task, Kernel::Matrix(&entries), request.learner, None)?;
    PredictOutcome::new(request, &solution, measured.conjunctivity)
}

impl PredictOutcome {
    fn new(request: &PredictRequest, solution: &Solution, conjunctivity: f64) -> Result<Self> {
        let PredictRequest { task, learner, .. } = request;
        let full = !request.ranks_only;
        Ok(Self {
            n_items: task.n_items(),
            exceptions: task.exceptions().iter().map(|e| (e.winner, e.loser)).collect(),
            conjunctivity,
            c: match *learner {
                Learner::Ridge { c } | Learner::Logistic { c } => c,
                Learner::GradientFlow { .. } => f64::NAN,
            },
            screening: solution.screening(),
            memorization: solution.memorization(),
            ranks: solution.ranks(),
            // Adding zero makes −0 plain 0.
            margins: full.then(|| solution.matrix().into_iter().map(|f| f + 0.0).collect()),
            accuracy: if full { Some(solution.accuracy(&task.classes()?)) } else { None },
            time: if let Learner::GradientFlow { time } = *learner { Some(time) } else { None },
            loss: matches!(learner, Learner::Logistic { .. }).then_some("logistic"),
            kernel: None,
            task: task.clone(),
        })
    }

    /// The margin f(a, b); NaN if only ranks were asked for.
    pub fn margin(&self, a: usize, b: usize) -> f64 {
        self.margins.as_ref().map_or(f64::NAN, |margins| margins[a * self.n_items + b])
    }

    /// One row per ordered pair, or per item where only ranks were asked for.
    ///
    /// # Errors
    /// None in practice; those of [`Table`].
    pub fn table(&self) -> Result<Table> {
        if self.margins.is_none() {
            let ranks = self.ranks.clone().unwrap_or_default();
            return Ok(Table::new().count("item", 0..ranks.len())?.float("rank", ranks)?);
        }
        let classes = self.task.classes()?;
        let pairs = ordered_pairs(self.n_items);
        Ok(Table::new()
            .count("rank_a", pairs.iter().map(|p| p.0))?
            .count("rank_b", pairs.iter().map(|p| p.1))?
            .text("class", pairs.iter().map(|&(a, b)| classes.class(a, b).name()))?
            .integer("label", pairs.iter().map(|&(a, b)| classes.label(a, b).map(i64::from)))?
            .float("margin", pairs.iter().map(|&(a, b)| self.margin(a, b)))?)
    }
}
