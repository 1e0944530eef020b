//! One call for every learner: margins and ranks of a kernel on what is trained, by the fastest route that applies.
//!
//! | learner | route | kernels | trained | cost |
//! |---|---|---|---|---|
//! | ridge | [`chain`] | position-symmetric | chain with exceptions | O(k³) once, O(k) a margin |
//! | ridge | [`graph`] | position-symmetric | any graph, any weights | sparse Cholesky or conjugate gradients |
//! | ridge | [`asymmetric`] | any exchangeable kernel | any ordered trials | O((2n+1)³) |
//! | ridge | [`dense`] | any kernel matrix | any ordered trials | O(trials³) |
//! | gradient flow | chain, spectral, Krylov ([`flow`]) | position-symmetric | any graph in both orders | up to O(n³) |
//! | logistic | Newton ([`logistic`]) | position-symmetric | any graph in both orders | 5 to 30 sparse solves |
//!
//! What is solved for is f = argmin of the learner's objective ([`learner`](crate::learner)) over the functions of the kernel, on all ordered
//! pairs: see [`margins`](crate::margins) for the ridge (§3), [`flow`] (§6) and [`logistic`] (§7). Margins are in units of labels, ±1, but in
//! log-odds for logistic regression.

use std::fmt;

use crate::comparison_graph::{ComparisonGraph, PresentationOrder};
use crate::error::{Result, TheoryError};
use crate::flow::{self, FlowSolution};
use crate::kernel::measured::bad_kernel;
use crate::kernel::{ExchangeableKernel, MeasuredKernel, RidgeModel, StoredPrecision};
use crate::learner::Learner;
use crate::logistic::{self, LogisticSolution};
use crate::margins::Margins;
use crate::margins::asymmetric::{self, AsymmetricSolution};
use crate::margins::chain::{self, ChainSolution};
use crate::margins::dense::{self, DenseSolution, EntryError};
use crate::margins::graph::{self, GraphSolution};
use crate::route::Route;
use crate::task::TransitiveTask;

/// What is trained.
#[derive(Debug, Clone, Copy)]
pub enum Trained<'a> {
    /// A chain with exceptions.
    Task(&'a TransitiveTask),
    /// Any comparisons.
    Graph(&'a ComparisonGraph),
}

impl Trained<'_> {
    /// The trained pairs.
    pub fn graph(&self) -> &ComparisonGraph {
        match self {
            Self::Task(task) => task.graph(),
            Self::Graph(graph) => graph,
        }
    }
}

impl<'a> From<&'a TransitiveTask> for Trained<'a> {
    fn from(task: &'a TransitiveTask) -> Self {
        Self::Task(task)
    }
}

impl<'a> From<&'a ComparisonGraph> for Trained<'a> {
    fn from(graph: &'a ComparisonGraph) -> Self {
        Self::Graph(graph)
    }
}

/// How ordered pairs are represented.
#[derive(Debug, Clone, Copy)]
pub enum Kernel<'a> {
    /// By orbit values. The strength of a learner is that of the kernel normalized to κ_id − κ_flip = 1.
    Exchangeable(&'a ExchangeableKernel),
    /// By all n(n−1) × n(n−1) entries as they are, row-major in the order of [`MeasuredKernel::project`]; C is 1/ridge on
    /// their own scale.
    Matrix(&'a [f64]),
}

impl<'a> From<&'a ExchangeableKernel> for Kernel<'a> {
    fn from(kernel: &'a ExchangeableKernel) -> Self {
        Self::Exchangeable(kernel)
    }
}

/// Margins and ranks of a trained kernel, with how they were found.
///
/// Memory is that of its route: O(n + trained pairs), but n² where positions differ or a matrix is given.
pub struct Solution {
    found: Found,
    learner: Learner,
    /// α and C of the ridge where both positions act alike.
    model: Option<RidgeModel>,
    route: Route,
}

enum Found {
    Chain(ChainSolution),
    Graph(GraphSolution),
    Asymmetric(AsymmetricSolution),
    Dense(DenseSolution),
    Flow(FlowSolution),
    Logistic(LogisticSolution),
}

/// How a solution was found, and how well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolutionInfo {
    /// The route taken.
    pub route: Route,
    /// Iterations or Newton steps; 0 for closed forms and direct solves.
    pub iterations: usize,
    /// The relative residual that the route reports: of the sparse system (graph), of the exponential (flow) or of the
    /// optimality conditions (logistic); 0 for routes that end at rounding.
    pub residual: f64,
}

/// Solves for the margins of `kernel`, trained on `trained` by `learner`.
///
/// Without a `route`, the first of the table that applies is taken.
///
/// ```
/// use caveat_theory::{ExchangeableKernel, Learner, Margins, TransitiveTask, solve};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// let kernel = ExchangeableKernel::from_conjunctivity(0.2)?;
/// let solution = solve(&task, &kernel, Learner::Ridge { c: 10.0 }, None)?;
/// assert!(solution.margin(2, 6) > 0.0); // generalizes across the exception
/// assert!(solution.margin(5, 3) > 0.0); // and remembers it
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// A kernel that is indefinite on that many items, parameters out of range, a route that does not apply (the error says
/// why, and which does), or what the route refuses.
pub fn solve<'a>(
    trained: impl Into<Trained<'a>>,
    kernel: impl Into<Kernel<'a>>,
    learner: Learner,
    route: Option<Route>,
) -> Result<Solution> {
    let trained = trained.into();
    learner.check()?;
    match (kernel.into(), learner) {
        (Kernel::Matrix(entries), Learner::Ridge { c }) => match route {
            None | Some(Route::Dense) => by_matrix(trained, entries, c, learner),
            Some(route) => Err(route.unavailable("a kernel matrix is solved on the dense route only")),
        },
        (Kernel::Matrix(_), _) => Err(bad_kernel("it is trained by ridge regression only")),
        (Kernel::Exchangeable(kernel), Learner::Ridge { c }) => ridge(trained, kernel, c, route),
        (Kernel::Exchangeable(kernel), Learner::GradientFlow { time }) => {
            let found =
                flow::solve(trained.graph(), one_conjunctivity(trained, kernel, "gradient flow")?, time, route)?;
            let route = found.info.route;
            Ok(Solution { found: Found::Flow(found), learner, model: None, route })
        }
        (Kernel::Exchangeable(kernel), Learner::Logistic { c }) => {
            if let Some(route) = route.filter(|route| *route != Route::Newton) {
                return Err(route.unavailable("logistic regression has one route, newton"));
            }
            let model = RidgeModel::new(one_conjunctivity(trained, kernel, "logistic regression")?, c)?;
            let found = Found::Logistic(logistic::solve(trained.graph(), &model)?);
            Ok(Solution { found, learner, model: None, route: Route::Newton })
        }
    }
}

/// α where the kernel on these trials is that of one conjunctivity.
fn conjunctivity(trained: Trained<'_>, kernel: &ExchangeableKernel) -> Result<Option<f64>> {
    kernel.check_definite(trained.graph().n_items())?;
    let alpha = kernel.conjunctivity();
    // Rounding alone puts it below 0 for a definite kernel.
    let alpha = if (-1e-9..0.0).contains(&alpha) { 0.0 } else { alpha };
    let both = trained.graph().order() == PresentationOrder::Both;
    Ok((both && kernel.is_position_symmetric() && alpha <= 1.0).then_some(alpha))
}

/// The conjunctivity for a learner that has no route for kernels which tell the positions apart.
fn one_conjunctivity(trained: Trained<'_>, kernel: &ExchangeableKernel, learner: &'static str) -> Result<f64> {
    let reason = "it needs both presentation orders and a position-symmetric kernel with α ≤ 1; use ridge regression";
    conjunctivity(trained, kernel)?.ok_or_else(|| TheoryError::not_applicable(learner, reason))
}

fn ridge(trained: Trained<'_>, kernel: &ExchangeableKernel, c: f64, route: Option<Route>) -> Result<Solution> {
    let model = conjunctivity(trained, kernel)?.map(|alpha| RidgeModel::new(alpha, c)).transpose()?;
    let solution = |found, route| Ok(Solution { found, learner: Learner::Ridge { c }, model, route });
    let graph = trained.graph();
    let n_items = graph.n_items();
    let recognized = match trained {
        Trained::Graph(graph) if matches!(route, None | Some(Route::Chain)) => TransitiveTask::from_graph(graph),
        _ => None,
    };
    let task = match trained {
        Trained::Task(task) => Some(task),
        Trained::Graph(_) => recognized.as_ref(),
    };
    match (route, &model) {
        (Some(route @ (Route::Chain | Route::Graph)), None) => Err(route.unavailable(
            "it needs both presentation orders and a position-symmetric kernel with α ≤ 1; use the asymmetric or dense route",
        )),
        (None | Some(Route::Chain), Some(model)) => {
            let obstacle = task.map_or_else(
                || Some("the graph is no chain of items in order with exceptions; use the graph route".into()),
                chain::obstacle,
            );
            match (obstacle, task) {
                (None, Some(task)) => solution(Found::Chain(chain::solve(task, model)?), Route::Chain),
                (Some(reason), _) if route.is_some() => Err(Route::Chain.unavailable(reason)),
                _ => solution(Found::Graph(graph::solve(graph, model)?), Route::Graph),
            }
        }
        (Some(Route::Graph), Some(model)) => solution(Found::Graph(graph::solve(graph, model)?), Route::Graph),
        (None | Some(Route::Asymmetric), _) => {
            let trials = graph.trials();
            let system = asymmetric::System::new(n_items, &trials, kernel, c)?;
            if route.is_none() && trials.len() <= dense::MAX_TRIALS && system.obstacle().is_some() {
                let found = dense::solve_exchangeable(n_items, &trials, kernel, c)?;
                return solution(Found::Dense(found), Route::Dense);
            }
            solution(Found::Asymmetric(system.solve()?), Route::Asymmetric)
        }
        (Some(Route::Dense), _) => {
            solution(Found::Dense(dense::solve_exchangeable(n_items, &graph.trials(), kernel, c)?), Route::Dense)
        }
        (Some(route @ (Route::Spectral | Route::Krylov | Route::Newton)), _) => {
            Err(route.unavailable("ridge regression has the routes chain, graph, asymmetric and dense"))
        }
    }
}

fn by_matrix(trained: Trained<'_>, matrix: &[f64], c: f64, learner: Learner) -> Result<Solution> {
    let MeasuredKernel { n_items: n, precision, .. } = MeasuredKernel::project_square(matrix)?;
    let at_most = precision.entry_error();
    // A matrix in double precision counts as rounded only where an eigenvalue below 0 shows it.
    let known = if precision == StoredPrecision::Float64 { 0.0 } else { at_most };
    let graph = trained.graph();
    if n != graph.n_items() {
        return Err(bad_kernel(format!("the kernel is of {n} items, the task of {}", graph.n_items())));
    }
    let at = |(i, j): (usize, usize)| i * (n - 1) + j - usize::from(j > i);
    let side = n * (n - 1);
    let entry = |e, f| matrix[at(e) * side + at(f)];
    let found = dense::solve_rounded(n, &graph.trials(), entry, 1.0 / c, EntryError { known, at_most })?;
    Ok(Solution { found: Found::Dense(found), learner, model: None, route: Route::Dense })
}

impl Solution {
    /// The rank of every item; `None` for a kernel that is not exchangeable. Cost O(n·k) on the chain with k exceptions.
    pub fn ranks(&self) -> Option<Vec<f64>> {
        match &self.found {
            Found::Chain(s) => Some(s.ranks()),
            Found::Graph(s) => Some(s.ranks.clone()),
            Found::Asymmetric(s) => Some(s.ranks()),
            Found::Dense(s) => s.ranks().map(<[f64]>::to_vec),
            Found::Flow(s) => Some(s.ranks.clone()),
            Found::Logistic(s) => Some(s.ranks.clone()),
        }
    }

    /// What only logistic regression gives: dual coefficients, probabilities and the certificate of optimality; `None` for other learners.
    pub fn logistic(&self) -> Option<&LogisticSolution> {
        match &self.found {
            Found::Logistic(s) => Some(s),
            _ => None,
        }
    }

    /// How it was trained.
    pub fn learner(&self) -> Learner {
        self.learner
    }

    /// The route taken.
    pub fn route(&self) -> Route {
        self.route
    }

    /// The route taken, and how well it did.
    pub fn info(&self) -> SolutionInfo {
        let (iterations, residual) = match &self.found {
            Found::Graph(s) => (s.info.iterations, s.info.relative_residual),
            Found::Flow(s) => (s.info.iterations, s.info.error_estimate),
            Found::Logistic(s) => (s.info.steps, s.info.kkt_residual),
            Found::Chain(_) | Found::Asymmetric(_) | Found::Dense(_) => (0, 0.0),
        };
        SolutionInfo { route: self.route, iterations, residual }
    }

    /// Screening μ of pairs presented once; NaN for other learners than the ridge, and where positions differ.
    pub fn screening(&self) -> f64 {
        self.model.map_or(f64::NAN, |model| model.screening(1.0))
    }

    /// Memorization weight m of pairs presented once; NaN as [`screening`](Self::screening).
    pub fn memorization(&self) -> f64 {
        self.model.map_or(f64::NAN, |model| model.memorization(1.0))
    }

    fn margins(&self) -> &(dyn Margins + Send + Sync) {
        match &self.found {
            Found::Chain(s) => s,
            Found::Graph(s) => s,
            Found::Asymmetric(s) => s,
            Found::Dense(s) => s,
            Found::Flow(s) => s,
            Found::Logistic(s) => s,
        }
    }
}

impl fmt::Debug for Solution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Solution").field("learner", &self.learner).field("route", &self.route).finish_non_exhaustive()
    }
}

impl Margins for Solution {
    fn n_items(&self) -> usize {
        self.margins().n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        self.margins().margin(i, j)
    }

    fn sign(&self, i: usize, j: usize) -> i8 {
        self.margins().sign(i, j)
    }

    fn tie_tolerance(&self) -> f64 {
        self.margins().tie_tolerance()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_routes_agree_and_the_fastest_is_taken() {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let kernel = ExchangeableKernel::from_conjunctivity(0.3).unwrap();
        let by = |trained: Trained<'_>, route| solve(trained, &kernel, Learner::Ridge { c: 5.0 }, route).unwrap();
        let fastest = by(Trained::Task(&task), None);
        assert_eq!(fastest.route(), Route::Chain);
        for route in [Route::Chain, Route::Graph, Route::Asymmetric, Route::Dense] {
            for trained in [Trained::Task(&task), Trained::Graph(task.graph())] {
                let other = by(trained, Some(route));
                assert_eq!(other.route(), route);
                assert_eq!(route.to_string().parse::<Route>().unwrap(), route);
                for (a, b) in fastest.matrix().iter().zip(other.matrix()) {
                    assert!((a - b).abs() < 1e-12, "{route}: {a} {b}");
                }
                for (a, b) in fastest.ranks().unwrap().iter().zip(other.ranks().unwrap()) {
                    assert!((a - b).abs() < 1e-12, "{route}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn one_presentation_order_takes_the_asymmetric_route_and_refuses_the_others() {
        let task = TransitiveTask::new(5, &[]).unwrap().with_order(PresentationOrder::HigherFirst);
        let kernel = ExchangeableKernel::from_conjunctivity(0.3).unwrap();
        let by = |route| solve(&task, &kernel, Learner::Ridge { c: 5.0 }, route);
        let solution = by(None).unwrap();
        assert_eq!(solution.route(), Route::Asymmetric);
        assert!(solution.screening().is_nan());
        for route in [Route::Chain, Route::Graph] {
            let refusal = by(Some(route)).unwrap_err().to_string();
            assert!(refusal.contains("use the asymmetric or dense route"), "{refusal}");
        }
    }

    #[test]
    fn a_full_matrix_of_an_exchangeable_kernel_gives_its_margins() {
        let task = TransitiveTask::new(5, &[(3, 1)]).unwrap();
        let kernel = ExchangeableKernel::from_orbits([2.0, 0.4, 1.1, 0.9, 0.5, 0.3]).unwrap();
        let pairs: Vec<(usize, usize)> =
            (0..5).flat_map(|i| (0..5).filter(move |&j| j != i).map(move |j| (i, j))).collect();
        let matrix: Vec<f64> = pairs.iter().flat_map(|&p| pairs.iter().map(move |&q| kernel.value(p, q))).collect();
        let full = solve(&task, Kernel::Matrix(&matrix), Learner::Ridge { c: 4.0 }, None).unwrap();
        let exchangeable = solve(&task, &kernel, Learner::Ridge { c: 4.0 * kernel.scale() }, None).unwrap();
        for (a, b) in full.matrix().iter().zip(exchangeable.matrix()) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        assert!(full.ranks().is_none());
        let small = TransitiveTask::new(4, &[]).unwrap();
        let refusal = solve(&small, Kernel::Matrix(&matrix), Learner::Ridge { c: 4.0 }, None).unwrap_err().to_string();
        assert!(refusal.contains("the kernel is of 5 items, the task of 4"), "{refusal}");
    }
}
