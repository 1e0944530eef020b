//! Least-squares fit of (α, C, gain) to observed margins, through a profile over the screening alone.
//!
//! Model: margin(i, j) = gain · f_{α,C}(i, j). With d = r_i − r_j at screening μ and y the label of a trained pair,
//! gain·f = A·(1+μ)d + B·(y − d)·1_trained, A = gain/(1+μ), B = gain·m: linear in (A, B) for every μ, with 0 ≤ B ≤ A(1+μ).
//! Each (μ, m) is one (α, C), so three parameters cost a one-dimensional search. The coordinates stay finite in all limits:
//! as μ → ∞, (1+μ)d → net wins of i minus those of j.

use serde::Serialize;

use crate::comparison_graph::{ComparisonGraph, PresentationOrder};
use crate::error::{Result, TheoryError};
use crate::kernel::RidgeModel;
use crate::margins::{chain, graph};
use crate::task::TransitiveTask;

/// The edge of the parameter space that a fit lies on, where some parameters stand for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FitLimit {
    /// C → 0 with gain → ∞: margins follow K·y. `c` is 0 and `gain` is the finite gain·C.
    Hebbian,
    /// α → 0 and C → ∞ together: `memorization` is their limit, which α = 0, C = ∞ alone do not tell.
    Additive,
    /// α = 1: only trained pairs have margins, and C is not identified (reported as ∞, all strength in the gain).
    Conjunctive,
    /// No model with positive gain is better than none: gain 0, and no parameter is identified.
    NoSignal,
}

/// A fit of three parameters, and how well it describes the margins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// α; NaN without signal.
    pub conjunctivity: f64,
    /// C ∈ [0, ∞]; 0 only in the Hebbian limit.
    pub c: f64,
    /// μ ∈ [0, ∞].
    pub screening: f64,
    /// m ∈ [0, 1].
    pub memorization: f64,
    /// Scale of the margins; in the Hebbian limit gain·C.
    pub gain: f64,
    /// Which limit the optimum is, if any.
    pub limit: Option<FitLimit>,
    /// 1 − Σ residual²/Σ margin², about zero.
    pub r_squared: f64,
    /// Pearson correlation of observed and fitted margins; NaN if either is constant.
    pub correlation: f64,
    /// Number of pairs.
    pub n_pairs: usize,
    /// Fitted margins, in the order of the pairs.
    pub fitted: Vec<f64>,
    pub(crate) coefficients: Coefficients,
    /// Presentation weight of every trained pair; C is per unit of it.
    pub(crate) weight: f64,
}

/// The fit in the coordinates that are finite everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Coefficients {
    pub(crate) screening: f64,
    /// A = gain/(1+μ), or its limit.
    pub(crate) rank_slope: f64,
    /// B = gain·m.
    pub(crate) memory: f64,
}

/// Margins per unit of A and of B for every pair, at one screening.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    screening: f64,
    /// (1+μ)(r_i − r_j).
    rank: Vec<f64>,
    /// y − (r_i − r_j) where trained, else 0.
    memory: Vec<f64>,
}

/// The task as the fit sees it: what it needs to make a basis at any screening.
#[derive(Debug, Clone)]
pub(crate) struct BasisMaker<'g> {
    graph: &'g ComparisonGraph,
    /// Presentation weight of every trained pair.
    pub(crate) weight: f64,
    task: Option<TransitiveTask>,
    pairs: Vec<(usize, usize)>,
    /// Label of each pair, NaN if untrained.
    labels: Vec<f64>,
    net_wins: Vec<f64>,
}

impl<'g> BasisMaker<'g> {
    pub(crate) fn new(graph: &'g ComparisonGraph, pairs: &[(usize, usize)]) -> Result<Self> {
        let weight = graph.edges()[0].weight();
        if graph.order() != PresentationOrder::Both || graph.edges().iter().any(|e| e.weight() != weight) {
            return Err(TheoryError::RouteUnavailable {
                route: "fit",
                reason: "it needs every trained pair in both orders and equally often".into(),
            });
        }
        let n_items = graph.n_items();
        for &(i, j) in pairs {
            if i == j {
                return Err(TheoryError::SelfComparison(i));
            }
            if let Some(&rank) = [i, j].iter().find(|&&rank| rank >= n_items) {
                return Err(TheoryError::RankOutOfRange { rank, n_items });
            }
        }
        let labels = pairs
            .iter()
            .map(|&(i, j)| {
                let sign = if i < j { 1.0 } else { -1.0 };
                graph.edge_index(i, j).map_or(f64::NAN, |at| sign * graph.edges()[at].label())
            })
            .collect();
        let mut net_wins = vec![0.0; n_items];
        for e in graph.edges() {
            net_wins[e.first as usize] += e.label();
            net_wins[e.second as usize] -= e.label();
        }
        Ok(Self { graph, weight, task: TransitiveTask::from_graph(graph), pairs: pairs.to_vec(), labels, net_wins })
    }

    pub(crate) fn basis(&self, screening: f64) -> Result<Basis> {
        // (1+μ)r for every item; at μ = ∞ the net wins.
        let scaled: Vec<f64> = if screening.is_infinite() {
            self.net_wins.clone()
        } else {
            let model = RidgeModel::new(0.0, 2.0 / (screening * self.weight))?;
            let ranks = match &self.task {
                Some(task) => chain::solve(task, &model)?.ranks(),
                None => graph::solve(self.graph, &model)?.into_ranks(),
            };
            ranks.into_iter().map(|r| r * (1.0 + screening)).collect()
        };
        let rank: Vec<f64> = self.pairs.iter().map(|&(i, j)| scaled[i] - scaled[j]).collect();
        let memory = rank
            .iter()
            .zip(&self.labels)
            .map(|(r, &y)| if y.is_nan() { 0.0 } else { y - r / (1.0 + screening) })
            .collect();
        Ok(Basis { screening, rank, memory })
    }
}

/// The bases of several tasks, one after the other.
fn joint_basis(makers: &[BasisMaker<'_>], screening: f64) -> Result<Basis> {
    let mut all = Basis { screening, rank: Vec::new(), memory: Vec::new() };
    for maker in makers {
        let basis = maker.basis(screening)?;
        all.rank.extend(basis.rank);
        all.memory.extend(basis.memory);
    }
    Ok(all)
}

impl Basis {
    pub(crate) fn margins(&self, at: &Coefficients) -> Vec<f64> {
        self.rank.iter().zip(&self.memory).map(|(u, v)| at.rank_slope * u + at.memory * v).collect()
    }

    /// Least squares over A and B within 0 ≤ B ≤ A(1+μ); returns the sum of squared residuals too.
    fn solve(&self, observed: &[f64]) -> (Coefficients, f64) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let (u, v) = (&self.rank, &self.memory);
        let (uu, uv, vv) = (dot(u, u), dot(u, v), dot(v, v));
        let (uo, vo) = (dot(u, observed), dot(v, observed));
        let at = |rank_slope: f64, memory: f64| Coefficients { screening: self.screening, rank_slope, memory };
        let det = uu * vv - uv * uv;
        if det > 1e-14 * uu * vv {
            let (a, b) = ((vv * uo - uv * vo) / det, (uu * vo - uv * uo) / det);
            if a >= 0.0 && b >= 0.0 && b <= a * (1.0 + self.screening) {
                let best = at(a, b);
                return (best, self.residual(&best, observed));
            }
        }
        // The optimum lies on an edge: m = 0, or m = 1 (for μ = ∞: α = 1, that is A = 0).
        let no_memory = at(if uu > 0.0 { (uo / uu).max(0.0) } else { 0.0 }, 0.0);
        let full_memory = if self.screening.is_infinite() {
            at(0.0, if vv > 0.0 { (vo / vv).max(0.0) } else { 0.0 })
        } else {
            let scale = 1.0 + self.screening;
            let (wo, ww) = (uo + scale * vo, uu + 2.0 * scale * uv + scale * scale * vv);
            let a = if ww > 0.0 { (wo / ww).max(0.0) } else { 0.0 };
            at(a, a * scale)
        };
        let (none, full) = (self.residual(&no_memory, observed), self.residual(&full_memory, observed));
        if none <= full { (no_memory, none) } else { (full_memory, full) }
    }

    fn residual(&self, at: &Coefficients, observed: &[f64]) -> f64 {
        self.margins(at).iter().zip(observed).map(|(f, o)| (o - f) * (o - f)).sum()
    }
}

/// One task of a fit: what it trains, and which pairs were observed.
#[derive(Debug, Clone, Copy)]
pub struct ObservedTask<'a, 'g> {
    /// What is trained.
    pub graph: &'g ComparisonGraph,
    /// The pairs whose margins are observed.
    pub pairs: &'a [(usize, usize)],
}

/// Fits many sets of margins on the same task (or tasks, jointly) and pairs; the grid of bases is made once.
#[derive(Debug, Clone)]
pub struct MarginFitter<'g> {
    makers: Vec<BasisMaker<'g>>,
    pairs: Vec<(usize, usize)>,
    /// Over log μ, between the two limits.
    grid: Vec<Basis>,
    additive: Basis,
    hebbian: Basis,
}

/// log₁₀ μ of the grid runs over ±LOG_RANGE in steps of 1/PER_DECADE.
const LOG_RANGE: i32 = 8;
const PER_DECADE: i32 = 8;

impl<'g> MarginFitter<'g> {
    /// Prepares fits of margins of `pairs` for what `graph` trains. Cost about 130 solves.
    ///
    /// # Errors
    /// No pair, a pair out of range, or pairs trained unequally often or in one order only.
    pub fn new(graph: &'g ComparisonGraph, pairs: &[(usize, usize)]) -> Result<Self> {
        Self::joint(&[ObservedTask { graph, pairs }])
    }

    /// Prepares fits of one (α, C, gain) to the margins of several tasks, one after the other in every list of margins.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn joint(tasks: &[ObservedTask<'_, 'g>]) -> Result<Self> {
        if tasks.iter().all(|t| t.pairs.is_empty()) {
            return Err(TheoryError::NoComparisons);
        }
        let makers: Result<Vec<_>> = tasks.iter().map(|t| BasisMaker::new(t.graph, t.pairs)).collect();
        let makers = makers?;
        if makers.iter().any(|m| m.weight != makers[0].weight) {
            return Err(TheoryError::RouteUnavailable {
                route: "fit",
                reason: "tasks fitted together need equal presentation weights".into(),
            });
        }
        let steps = -LOG_RANGE * PER_DECADE..=LOG_RANGE * PER_DECADE;
        let grid: Result<Vec<Basis>> =
            steps.map(|k| joint_basis(&makers, 10f64.powf(f64::from(k) / f64::from(PER_DECADE)))).collect();
        let (additive, hebbian) = (joint_basis(&makers, 0.0)?, joint_basis(&makers, f64::INFINITY)?);
        let pairs = tasks.iter().flat_map(|t| t.pairs).copied().collect();
        Ok(Self { makers, pairs, grid: grid?, additive, hebbian })
    }

    /// The least-squares fit to margins in the order of the pairs.
    ///
    /// Without trained pairs among them, m is not identified: the fit reports m = 0.
    ///
    /// # Errors
    /// A number of margins other than that of the pairs, or one that is not finite.
    pub fn fit(&self, observed: &[f64]) -> Result<Fit> {
        if observed.len() != self.pairs.len() {
            return Err(TheoryError::BadInput {
                what: "observed margins",
                problem: format!("{} margins for {} pairs; give one each", observed.len(), self.pairs.len()),
            });
        }
        if let Some(at) = observed.iter().position(|o| !o.is_finite()) {
            let (i, j) = self.pairs[at];
            return Err(TheoryError::BadInput {
                what: "observed margins",
                problem: format!("the margin of pair {i} {j} is {}; leave out pairs without data", observed[at]),
            });
        }
        let sse: Vec<f64> = self.grid.iter().map(|b| b.solve(observed).1).collect();
        let best = (0..sse.len()).min_by(|&a, &b| sse[a].total_cmp(&sse[b])).unwrap_or(0);
        let log = |k: usize| (self.grid[k].screening).ln();
        let (low, high) = (log(best.saturating_sub(1)), log((best + 1).min(sse.len() - 1)));
        let refined = self.refine(observed, low, high)?;
        let mut fit = (&self.grid[best], sse[best]);
        if refined.1 < fit.1 {
            fit = (&refined.0, refined.1);
        }
        // A limit is reported where nothing inside is better by more than rounding.
        for limit in [&self.hebbian, &self.additive] {
            let value = limit.solve(observed).1;
            if value <= fit.1 * (1.0 + 1e-9) {
                fit = (limit, value);
            }
        }
        Ok(Fit::new(fit.0, &fit.0.solve(observed).0, observed, self.makers[0].weight))
    }

    /// Golden-section search over log μ.
    fn refine(&self, observed: &[f64], mut low: f64, mut high: f64) -> Result<(Basis, f64)> {
        const RATIO: f64 = 0.618_033_988_749_894_9;
        let at = |x: f64| -> Result<(Basis, f64)> {
            let basis = joint_basis(&self.makers, x.exp())?;
            let value = basis.solve(observed).1;
            Ok((basis, value))
        };
        let (mut a, mut b) = (high - RATIO * (high - low), low + RATIO * (high - low));
        let (mut fa, mut fb) = (at(a)?, at(b)?);
        while high - low > 1e-9 {
            if fa.1 <= fb.1 {
                (high, b, fb) = (b, a, fa);
                a = high - RATIO * (high - low);
                fa = at(a)?;
            } else {
                (low, a, fa) = (a, b, fb);
                b = low + RATIO * (high - low);
                fb = at(b)?;
            }
        }
        Ok(if fa.1 <= fb.1 { fa } else { fb })
    }

    /// The pairs, in the order of the margins.
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }
}

impl Fit {
    fn new(basis: &Basis, at: &Coefficients, observed: &[f64], weight: f64) -> Self {
        let fitted = basis.margins(at);
        let (r_squared, correlation) = agreement(observed, &fitted);
        let Coefficients { screening, rank_slope, memory } = *at;
        let (conjunctivity, c, memorization, gain, limit);
        if rank_slope == 0.0 && memory == 0.0 {
            (conjunctivity, c, memorization, gain) = (f64::NAN, f64::NAN, f64::NAN, 0.0);
            limit = Some(FitLimit::NoSignal);
        } else if rank_slope == 0.0 {
            (conjunctivity, c, memorization, gain) = (1.0, f64::INFINITY, 1.0, memory);
            limit = Some(FitLimit::Conjunctive);
        } else if screening.is_infinite() {
            gain = (2.0 * rank_slope + memory) / weight;
            (conjunctivity, c, memorization) = (memory / (2.0 * rank_slope + memory), 0.0, 0.0);
            limit = Some(FitLimit::Hebbian);
        } else {
            gain = rank_slope * (1.0 + screening);
            memorization = (memory / gain).min(1.0);
            let inverse = (1.0 - memorization) * screening / (2.0 + memorization * screening);
            conjunctivity = memorization * screening / (2.0 + memorization * screening);
            c = 1.0 / (inverse * weight);
            limit = (screening == 0.0).then_some(FitLimit::Additive);
        }
        Self {
            conjunctivity,
            c,
            screening,
            memorization,
            gain,
            limit,
            r_squared,
            correlation,
            n_pairs: observed.len(),
            fitted,
            coefficients: *at,
            weight,
        }
    }
}

/// R² about zero, and Pearson correlation (NaN if either side is constant).
pub(crate) fn agreement(observed: &[f64], fitted: &[f64]) -> (f64, f64) {
    let n = observed.len() as f64;
    let total: f64 = observed.iter().map(|o| o * o).sum();
    let residual: f64 = observed.iter().zip(fitted).map(|(o, f)| (o - f) * (o - f)).sum();
    let (mo, mf) = (observed.iter().sum::<f64>() / n, fitted.iter().sum::<f64>() / n);
    let (mut oo, mut ff, mut of) = (0.0, 0.0, 0.0);
    for (o, f) in observed.iter().zip(fitted) {
        oo += (o - mo) * (o - mo);
        ff += (f - mf) * (f - mf);
        of += (o - mo) * (f - mf);
    }
    let r_squared = if total > 0.0 { 1.0 - residual / total } else { f64::NAN };
    let correlation = if oo > 0.0 && ff > 0.0 { of / (oo.sqrt() * ff.sqrt()) } else { f64::NAN };
    (r_squared, correlation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison_graph::Comparison;
    use crate::margins::Margins;
    use proptest::prelude::*;

    fn all_pairs(n: usize) -> Vec<(usize, usize)> {
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
    }

    fn fit(task: &TransitiveTask, margins: &[f64]) -> Fit {
        MarginFitter::new(task.graph(), &all_pairs(task.n_items())).unwrap().fit(margins).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn parameters_are_recovered_from_exact_margins(
            alpha in 0.02..0.95f64, log_c in -1.0..2.0f64, log_gain in -2.0..3.0f64, exception in any::<bool>(),
        ) {
            let exceptions: &[_] = if exception { &[(5, 3)] } else { &[] };
            let task = TransitiveTask::new(9, exceptions).unwrap();
            let (c, gain) = (10f64.powf(log_c), 10f64.powf(log_gain));
            let solution = chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap();
            let margins: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| gain * solution.margin(i, j)).collect();
            let fit = fit(&task, &margins);
            // The minimum of a sum of squares is found to the square root of its rounding.
            prop_assert!((fit.conjunctivity - alpha).abs() < 1e-5, "{fit:?}");
            prop_assert!((fit.c / c - 1.0).abs() < 1e-4 && (fit.gain / gain - 1.0).abs() < 1e-4, "{fit:?}");
            prop_assert!(fit.r_squared > 1.0 - 1e-10 && fit.limit.is_none());
        }
    }

    #[test]
    fn the_fit_is_no_worse_than_a_fine_search_of_the_plane() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        // A deterministic disturbance of a model's margins.
        let solution = chain::solve(&task, &RidgeModel::new(0.25, 4.0).unwrap()).unwrap();
        let observed: Vec<f64> = all_pairs(9)
            .iter()
            .enumerate()
            .map(|(k, &(i, j))| 3.0 * solution.margin(i, j) + 0.4 * (2.4 * k as f64).sin())
            .collect();
        let best = fit(&task, &observed);
        let total: f64 = observed.iter().map(|o| o * o).sum();
        for a in 0..=60 {
            for k in -20..=40 {
                let model = RidgeModel::new(f64::from(a) / 60.0, 10f64.powf(f64::from(k) / 10.0)).unwrap();
                let s = chain::solve(&task, &model).unwrap();
                let f: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| s.margin(i, j)).collect();
                let (of, ff): (f64, f64) =
                    observed.iter().zip(&f).fold((0.0, 0.0), |acc, (o, f)| (acc.0 + o * f, acc.1 + f * f));
                let r_squared = of.max(0.0).powi(2) / (ff * total);
                assert!(r_squared <= best.r_squared + 1e-12, "{model:?}: {r_squared} > {}", best.r_squared);
            }
        }
    }

    #[test]
    fn limits_are_reported_as_limits_with_finite_numbers() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        // Hebbian: margins K·y of α = 0.3, times 5.
        let model = RidgeModel::new(0.3, 1e-9).unwrap();
        let s = chain::solve(&task, &model).unwrap();
        let hebbian: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| 5e9 * s.margin(i, j)).collect();
        let f = fit(&task, &hebbian);
        assert_eq!((f.limit, f.c), (Some(FitLimit::Hebbian), 0.0));
        assert!((f.gain - 5.0).abs() < 1e-5 && (f.conjunctivity - 0.3).abs() < 1e-6, "{f:?}");
        // Conjunctive: only trained pairs.
        let classes = task.classes().unwrap();
        let conjunctive: Vec<f64> = all_pairs(9)
            .iter()
            .map(|&(i, j)| if classes.is_trained(i, j) { 2.0 * f64::from(classes.label(i, j).unwrap()) } else { 0.0 })
            .collect();
        let f = fit(&task, &conjunctive);
        assert_eq!((f.limit, f.conjunctivity), (Some(FitLimit::Conjunctive), 1.0));
        assert!((f.gain - 2.0).abs() < 1e-12);
        // Additive: unscreened ranks.
        let additive: Vec<f64> = all_pairs(9).iter().map(|&(i, j)| (j - i) as f64).collect();
        let plain = TransitiveTask::new(9, &[]).unwrap();
        let f = fit(&plain, &additive);
        assert_eq!((f.limit, f.c), (Some(FitLimit::Additive), f64::INFINITY));
        assert!((f.r_squared - 1.0).abs() < 1e-12);
        // Reversed margins have no positive gain.
        let reversed: Vec<f64> = additive.iter().map(|m| -m).collect();
        let f = fit(&plain, &reversed);
        assert_eq!((f.limit, f.gain, f.r_squared), (Some(FitLimit::NoSignal), 0.0, 0.0));
    }

    #[test]
    fn c_is_per_unit_of_presentation_weight() {
        let mut task = TransitiveTask::new(7, &[(4, 2)]).unwrap();
        for e in task.graph().edges().to_vec() {
            task = task.with_weight(e.items().0, e.items().1, 3.0).unwrap();
        }
        let s = chain::solve(&task, &RidgeModel::new(0.3, 2.0).unwrap()).unwrap();
        let observed: Vec<f64> = all_pairs(7).iter().map(|&(i, j)| s.margin(i, j)).collect();
        let f = fit(&task, &observed);
        assert!((f.c - 2.0).abs() < 1e-4 && (f.conjunctivity - 0.3).abs() < 1e-5, "{f:?}");
    }

    #[test]
    fn other_graphs_and_partial_pairs_are_fitted_too() {
        let graph = ComparisonGraph::new(
            5,
            [(0, 1), (1, 2), (2, 3), (3, 4), (0, 2), (4, 0)].map(|(w, l)| Comparison::new(w, l)),
        )
        .unwrap();
        let pairs = [(0, 1), (1, 3), (2, 4), (0, 4), (4, 1)];
        let s = graph::solve(&graph, &RidgeModel::new(0.4, 3.0).unwrap()).unwrap();
        let observed: Vec<f64> = pairs.iter().map(|&(i, j)| 2.0 * s.margin(i, j)).collect();
        let f = MarginFitter::new(&graph, &pairs).unwrap().fit(&observed).unwrap();
        assert!((f.conjunctivity - 0.4).abs() < 1e-5 && (f.c - 3.0).abs() < 1e-4, "{f:?}");
    }

    #[test]
    fn one_model_is_fitted_to_two_tasks_at_once() {
        let (plain, task) = (TransitiveTask::new(9, &[]).unwrap(), TransitiveTask::new(11, &[(6, 4)]).unwrap());
        let model = RidgeModel::new(0.3, 6.0).unwrap();
        let mut observed = Vec::new();
        for t in [&plain, &task] {
            let s = chain::solve(t, &model).unwrap();
            observed.extend(all_pairs(t.n_items()).iter().map(|&(i, j)| 2.5 * s.margin(i, j)));
        }
        let fitter = MarginFitter::joint(&[
            ObservedTask { graph: plain.graph(), pairs: &all_pairs(9) },
            ObservedTask { graph: task.graph(), pairs: &all_pairs(11) },
        ]);
        let f = fitter.unwrap().fit(&observed).unwrap();
        assert!((f.conjunctivity - 0.3).abs() < 1e-5 && (f.gain - 2.5).abs() < 1e-4 && f.n_pairs == 36 + 55, "{f:?}");
    }

    #[test]
    fn bad_margins_are_refused() {
        let task = TransitiveTask::new(4, &[]).unwrap();
        let fitter = MarginFitter::new(task.graph(), &[(0, 1), (1, 2)]).unwrap();
        assert!(fitter.fit(&[1.0]).is_err());
        assert!(fitter.fit(&[1.0, f64::NAN]).is_err());
        assert!(MarginFitter::new(task.graph(), &[]).is_err());
        assert!(MarginFitter::new(task.graph(), &[(0, 4)]).is_err());
    }
}
