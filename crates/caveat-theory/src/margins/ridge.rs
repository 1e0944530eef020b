//! Ridge regression on what a task or a graph trains, with any exchangeable kernel, by the fastest route or by a chosen one.

use std::fmt;
use std::str::FromStr;

use super::dense::EntryError;
use super::{Margins, asymmetric, chain, dense, graph};
use crate::comparison_graph::{ComparisonGraph, PresentationOrder, Trial};
use crate::error::{Result, TheoryError};
use crate::kernel::exchangeable::check_c;
use crate::kernel::{ExchangeableKernel, MeasuredKernel, RidgeModel, StoredPrecision};
use crate::task::TransitiveTask;

/// How the margins are computed; the table in [`crate::margins`] says what each covers and costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// Closed form on a chain with exceptions.
    Chain,
    /// Sparse equation for the ranks.
    Graph,
    /// Item effects by position, for kernels or trials that tell the positions apart.
    Asymmetric,
    /// The full kernel matrix.
    Dense,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chain => "chain",
            Self::Graph => "graph",
            Self::Asymmetric => "asymmetric",
            Self::Dense => "dense",
        })
    }
}

impl FromStr for Route {
    type Err = TheoryError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "chain" => Ok(Self::Chain),
            "graph" => Ok(Self::Graph),
            "asymmetric" => Ok(Self::Asymmetric),
            "dense" => Ok(Self::Dense),
            _ => Err(TheoryError::BadInput {
                what: "route",
                problem: format!("\"{name}\" is unknown: it must be chain, graph, asymmetric or dense"),
            }),
        }
    }
}

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

    fn trials(&self) -> (usize, Vec<Trial>) {
        (self.graph().n_items(), self.graph().trials())
    }
}

/// The solution of one route, with what all routes have in common.
pub struct RidgeSolution {
    margins: Box<dyn Margins + Send + Sync>,
    ranks: Option<Vec<f64>>,
    route: Route,
    screening: f64,
    memorization: f64,
}

impl fmt::Debug for RidgeSolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RidgeSolution").field("route", &self.route).field("n_items", &self.n_items()).finish()
    }
}

/// Solves for the margins with a kernel of conjunctivity `conjunctivity` and inverse regularization `c` ∈ (0, ∞].
///
/// `c` is that of the kernel normalized to κ_id − κ_flip = 1. `conjunctivity` is [`ExchangeableKernel::conjunctivity`], or what
/// is known of it more exactly than the orbit values tell, as of deep networks. Without a `route`, the chain's closed form is
/// taken where it applies, else the graph's equation, and the asymmetric route where positions differ.
///
/// ```
/// use caveat_theory::margins::ridge::{self, Trained};
/// use caveat_theory::{ExchangeableKernel, Margins, TransitiveTask};
/// let task = TransitiveTask::new(9, &[(5, 3)])?;
/// let kernel = ExchangeableKernel::from_conjunctivity(0.2)?;
/// let solution = ridge::solve(Trained::Task(&task), &kernel, 0.2, 10.0, None)?;
/// assert!(solution.margin(5, 3) > 0.0);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// A kernel that is indefinite on that many items, parameters out of range, a route that does not apply, or what it refuses.
pub fn solve(
    trained: Trained<'_>,
    kernel: &ExchangeableKernel,
    conjunctivity: f64,
    c: f64,
    route: Option<Route>,
) -> Result<RidgeSolution> {
    let (n_items, order) = (trained.graph().n_items(), trained.graph().order());
    kernel.check_definite(n_items)?;
    // A definite kernel has α ≥ 0 but for rounding.
    let conjunctivity = if (-1e-9..0.0).contains(&conjunctivity) { 0.0 } else { conjunctivity };
    let reduces = kernel.is_position_symmetric() && order == PresentationOrder::Both && conjunctivity <= 1.0;
    let model = if reduces { Some(RidgeModel::new(conjunctivity, c)?) } else { None };
    match (route, model) {
        (None | Some(Route::Chain), Some(model)) => match by_chain(trained, &model) {
            Err(TheoryError::RouteUnavailable { .. }) if route.is_none() => by_graph(trained, &model),
            solved => solved,
        },
        (Some(Route::Graph), Some(model)) => by_graph(trained, &model),
        (Some(route @ (Route::Chain | Route::Graph)), None) => Err(TheoryError::RouteUnavailable {
            route: if route == Route::Chain { "chain" } else { "graph" },
            reason: "it needs both presentation orders and a position-symmetric kernel with α ≤ 1; use the asymmetric or dense \
                     route"
                .into(),
        }),
        (None | Some(Route::Asymmetric), model) => {
            let (n_items, trials) = trained.trials();
            match asymmetric::solve(n_items, &trials, kernel, c) {
                Ok(s) => {
                    let ranks = s.ranks();
                    Ok(RidgeSolution::new(Box::new(s), Some(ranks), Route::Asymmetric, model.as_ref()))
                }
                Err(TheoryError::RouteUnavailable { .. }) if route.is_none() && trials.len() <= dense::MAX_TRIALS => {
                    by_dense(trained, kernel, c, model.as_ref())
                }
                Err(error) => Err(error),
            }
        }
        (Some(Route::Dense), model) => by_dense(trained, kernel, c, model.as_ref()),
    }
}

fn by_dense(
    trained: Trained<'_>,
    kernel: &ExchangeableKernel,
    c: f64,
    model: Option<&RidgeModel>,
) -> Result<RidgeSolution> {
    let (n_items, trials) = trained.trials();
    let s = dense::solve_exchangeable(n_items, &trials, kernel, c)?;
    let ranks = s.ranks().map(<[f64]>::to_vec);
    Ok(RidgeSolution::new(Box::new(s), ranks, Route::Dense, model))
}

/// Solves with a full kernel matrix over the ordered pairs, as it is; `c` is 1/ridge on its own scale.
///
/// `matrix` is row-major in the order of [`MeasuredKernel::project`], which checks it. There are no ranks.
///
/// # Errors
/// A matrix that is refused there or is of another number of items; `c` ≤ 0 or NaN; what the dense route refuses.
pub fn solve_matrix(trained: Trained<'_>, matrix: &[f64], c: f64) -> Result<RidgeSolution> {
    let MeasuredKernel { n_items: n, precision, .. } = MeasuredKernel::project_square(matrix)?;
    let at_most = precision.entry_error();
    // Double precision has a larger error where the matrix shows it, by an eigenvalue below 0.
    let known = if precision == StoredPrecision::Float64 { 0.0 } else { at_most };
    let (n_items, trials) = trained.trials();
    if n != n_items {
        return Err(TheoryError::BadInput {
            what: "kernel matrix over ordered pairs",
            problem: format!("the kernel is of {n} items, the task of {n_items}"),
        });
    }
    let at = |(i, j): (usize, usize)| i * (n - 1) + j - usize::from(j > i);
    let side = n * (n - 1);
    let s = dense::solve_rounded(
        n,
        &trials,
        |e, f| matrix[at(e) * side + at(f)],
        1.0 / check_c(c)?,
        EntryError { known, at_most },
    )?;
    Ok(RidgeSolution::new(Box::new(s), None, Route::Dense, None))
}

fn by_chain(trained: Trained<'_>, model: &RidgeModel) -> Result<RidgeSolution> {
    let recognized;
    let task = match trained {
        Trained::Task(task) => task,
        Trained::Graph(graph) => {
            let Some(task) = TransitiveTask::from_graph(graph) else {
                let reason = "the graph is no chain of items in order with exceptions; use the graph route".into();
                return Err(TheoryError::RouteUnavailable { route: "chain", reason });
            };
            recognized = task;
            &recognized
        }
    };
    let s = chain::solve(task, model)?;
    let ranks = s.ranks();
    Ok(RidgeSolution::new(Box::new(s), Some(ranks), Route::Chain, Some(model)))
}

fn by_graph(trained: Trained<'_>, model: &RidgeModel) -> Result<RidgeSolution> {
    let s = graph::solve(trained.graph(), model)?;
    let ranks = s.ranks().to_vec();
    Ok(RidgeSolution::new(Box::new(s), Some(ranks), Route::Graph, Some(model)))
}

impl RidgeSolution {
    fn new(
        margins: Box<dyn Margins + Send + Sync>,
        ranks: Option<Vec<f64>>,
        route: Route,
        model: Option<&RidgeModel>,
    ) -> Self {
        let (screening, memorization) =
            model.map_or((f64::NAN, f64::NAN), |model| (model.screening(1.0), model.memorization(1.0)));
        Self { margins, ranks, route, screening, memorization }
    }

    /// The rank of every item; `None` for a kernel that is not exchangeable.
    pub fn ranks(&self) -> Option<&[f64]> {
        self.ranks.as_deref()
    }

    /// The route taken.
    pub fn route(&self) -> Route {
        self.route
    }

    /// Screening μ of pairs presented once; NaN where positions differ.
    pub fn screening(&self) -> f64 {
        self.screening
    }

    /// Memorization weight m of pairs presented once; NaN where positions differ.
    pub fn memorization(&self) -> f64 {
        self.memorization
    }
}

impl Margins for RidgeSolution {
    fn n_items(&self) -> usize {
        self.margins.n_items()
    }

    fn margin(&self, i: usize, j: usize) -> f64 {
        self.margins.margin(i, j)
    }

    fn sign(&self, i: usize, j: usize) -> i8 {
        self.margins.sign(i, j)
    }

    fn tie_tolerance(&self) -> f64 {
        self.margins.tie_tolerance()
    }

    fn matrix(&self) -> Vec<f64> {
        self.margins.matrix()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_routes_agree_and_the_fastest_is_taken() {
        let task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        let kernel = ExchangeableKernel::from_conjunctivity(0.3).unwrap();
        let by = |trained, route| solve(trained, &kernel, 0.3, 5.0, route).unwrap();
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
        let by = |route| solve(Trained::Task(&task), &kernel, 0.3, 5.0, route);
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
        let full = solve_matrix(Trained::Task(&task), &matrix, 4.0).unwrap();
        let exchangeable =
            solve(Trained::Task(&task), &kernel, kernel.conjunctivity(), 4.0 * kernel.scale(), None).unwrap();
        for (a, b) in full.matrix().iter().zip(exchangeable.matrix()) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        assert!(full.ranks().is_none());
        let small = TransitiveTask::new(4, &[]).unwrap();
        let refusal = solve_matrix(Trained::Task(&small), &matrix, 4.0).unwrap_err().to_string();
        assert!(refusal.contains("the kernel is of 5 items, the task of 4"), "{refusal}");
    }
}
