//! The balance window: for which conjunctivity a model generalizes across an exception and still remembers it.
//!
//! Untrained pairs depend on α and C through the screening μ alone, so cross-section pairs are all correct iff μ stays below
//! the first μ* at which one of them flips: α < α_gen(C) = (μ*/2 − 1/C)/(1 + μ*/2). A trained pair has the margin
//! m·y + (1−m)(r_i − r_j), so the exception's cycle is remembered iff the memorization weight m exceeds what the worst of its
//! pairs needs: α > α_mem(C). The two boundaries meet where μ = μ* and m just suffices, at the critical C in closed form.
//!
//! Of a single exception (p, q) on items that are no neighbors the worst cross-section pair is (p − 1, q + 1), so μ* ∈ (0, ∞) is the root of
//! r_{p−1} = r_{q+1}. A pair of the cycle with the rank difference d < 0 in favor of its label needs m > −d/(1 − d). α_gen and α_mem are in
//! units of α ∈ [0, 1], C ∈ (0, ∞].
//!
//! Source: §5; the trade-off is that of Cheng & Lippl 2026, arXiv 2605.22972.

use serde::Serialize;

use crate::error::{Result, check_range};
use crate::kernel::{ExchangeableKernel, RidgeModel};
use crate::learner::{Learner, LearnerKind};
use crate::margins::{Margins, chain};
use crate::numeric::roots::bisect;
use crate::numeric::sigmoid::sigmoid;
use crate::pair_class::PairClass;
use crate::solve::solve;
use crate::task::TransitiveTask;

/// Where generalization and memorization hold, for one task and one learner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BalanceWindow {
    /// μ*, the smallest screening at which a cross-section pair fails. `None` if none ever does, and where no single
    /// screening exists (gradient flow, unequal presentation weights).
    pub screening_star: Option<f64>,
    /// α_gen: all cross-section pairs are correct for α below it and above `generalization_from`. 1 if they never fail; zero or
    /// negative if they fail already at α = 0.
    pub conjunctivity_generalization: f64,
    /// The α below which some cross-section pair fails: 0 or less except for reversed premises among several exceptions,
    /// where the rule may need some screening to win.
    pub generalization_from: f64,
    /// α_mem: all exception-cycle pairs have their trained sign iff α > α_mem. 0 if every α > 0 remembers.
    pub conjunctivity_memorization: f64,
    /// Whether some α does both: max(α_mem, generalization_from, 0) < α_gen.
    pub balances: bool,
    /// The C (or time) at which the window closes; below it no α balances. `None` if cross-section pairs never fail.
    pub critical: Option<f64>,
}

/// Computes the window of a task.
///
/// With one exception and equal weights each boundary costs O(log²) evaluations of closed forms, whatever the number of items;
/// with several exceptions each evaluation costs O(n²), with gradient flow or unequal weights a solve.
///
/// ```
/// use caveat_theory::{balance_window, Learner, TransitiveTask};
/// let window = balance_window(&TransitiveTask::new(9, &[(5, 3)])?, Learner::Ridge { c: f64::INFINITY })?;
/// assert!((window.screening_star.unwrap() - 1.0).abs() < 1e-12);
/// assert!((window.conjunctivity_generalization - 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), caveat_theory::TheoryError>(())
/// ```
///
/// # Errors
/// A strength of training that is not positive, or what the solvers refuse.
pub fn balance_window(task: &TransitiveTask, learner: Learner) -> Result<BalanceWindow> {
    check_positive(learner)?;
    match (learner, task.graph().common_weight()) {
        (Learner::Ridge { c }, Some(weight)) => Screened::new(task)?.window(c, weight),
        _ => numerical_window(task, learner, true),
    }
}

/// The boundaries of [`balance_window`] alone, with `critical` left `None`: for gradient flow and unequal weights, finding where
/// the window closes costs a hundred times as much as the boundaries at one strength.
///
/// # Errors
/// As [`balance_window`].
pub fn window_boundaries(task: &TransitiveTask, learner: Learner) -> Result<BalanceWindow> {
    check_positive(learner)?;
    match (learner, task.graph().common_weight()) {
        (Learner::Ridge { .. }, Some(_)) => Ok(BalanceWindow { critical: None, ..balance_window(task, learner)? }),
        _ => numerical_window(task, learner, false),
    }
}

/// Refuses a learner that has not learned at all.
fn check_positive(learner: Learner) -> Result<()> {
    learner.check()?;
    check_range("time", learner.strength(), f64::MIN_POSITIVE, f64::INFINITY, "positive (inf is allowed)").map(drop)
}

/// The quantities of a task that depend on the screening alone.
struct Screened<'t> {
    task: &'t TransitiveTask,
    /// Cross-section pairs with their labels, and exception-cycle pairs with theirs; the worst pairs suffice if known.
    cross: Vec<(usize, usize, f64)>,
    cycle: Vec<(usize, usize, f64)>,
    /// (p, q) of a single exception on non-neighbors: its worst pairs are known in closed form.
    single: Option<(usize, usize)>,
}

impl<'t> Screened<'t> {
    fn new(task: &'t TransitiveTask) -> Result<Self> {
        if let [e] = task.exceptions()
            && !e.is_adjacent()
        {
            let (p, q) = (e.loser, e.winner);
            // The exception's own margin never fails (its rank difference is ≤ 0); see `worst_cycle_difference`.
            let cross = if p > 0 && q + 1 < task.n_items() { vec![(p - 1, q + 1, 1.0)] } else { Vec::new() };
            return Ok(Self { task, cross, cycle: Vec::new(), single: Some((p, q)) });
        }
        if task.exceptions().is_empty() {
            return Ok(Self { task, cross: Vec::new(), cycle: Vec::new(), single: None });
        }
        let classes = task.classes()?;
        let [cross, cycle] =
            [PairClass::CrossSection, PairClass::ExceptionCycle].map(|class| classes.labeled(class).collect());
        Ok(Self { task, cross, cycle, single: None })
    }

    fn solve(&self, screening: f64) -> Result<chain::ChainSolution> {
        // With equal weights only μ matters, so C is that of m = 0.
        let weight = self.task.graph().edges()[0].weight();
        chain::solve(self.task, &RidgeModel::new(0.0, 2.0 / (screening * weight))?)
    }

    /// The smallest label·(r_i − r_j) over cross-section pairs, where positive is correct.
    fn worst_cross(&self, screening: f64) -> Result<f64> {
        let solution = self.solve(screening)?;
        if let (Some(_), [(i, j, y)]) = (self.single, &self.cross[..]) {
            return Ok(y * solution.margin(*i, *j));
        }
        Ok(worst_margin(&self.cross, &solution))
    }

    /// The smallest label·(r_i − r_j) over exception-cycle pairs.
    fn worst_cycle_difference(&self, screening: f64) -> Result<f64> {
        let solution = self.solve(screening)?;
        let Some((p, q)) = self.single else {
            return Ok(self.cycle.iter().fold(f64::INFINITY, |w, &(i, j, y)| w.min(y * solution.margin(i, j))));
        };
        // Adjacent differences in the cycle are a·e^{iλ} + b·e^{−iλ}: convex in i, or least at an end. The exception's own
        // is −Σ of them with sign reversed, never the worst.
        let at = |i: usize| solution.margin(i, i + 1);
        let (mut low, mut high) = (p, q - 1);
        let ends = at(low).min(at(high));
        while high - low > 2 {
            let (a, b) = (low + (high - low) / 3, high - (high - low) / 3);
            if at(a) <= at(b) { high = b } else { low = a }
        }
        Ok((low..=high).fold(ends, |w, i| w.min(at(i))))
    }

    /// Memorization weight that the worst exception-cycle pair needs at this screening: m + (1−m)d > 0.
    fn memorization_needed(&self, screening: f64) -> Result<f64> {
        let d = self.worst_cycle_difference(screening)?;
        Ok(if d < 0.0 { -d / (1.0 - d) } else { 0.0 })
    }

    /// The screenings between which all cross-section pairs are correct: from 0 for most tasks, to ∞ (`None`) for some.
    fn generalizing_screenings(&self) -> Result<(f64, Option<f64>)> {
        if self.cross.is_empty() {
            return Ok((0.0, None));
        }
        let worst = |log: f64| self.worst_cross(log.exp());
        // In x = e^{−λ} the margins are polynomials with coefficients of order one, so none flips for x < 10⁻⁴; and at
        // μ = 10⁻¹⁸ a chain of 10⁶ items is unscreened.
        let (low, high) = (1e-18_f64.ln(), 1e4_f64.ln());
        let Some((from, to)) = first_stretch(worst, low, high, 440)? else { return Ok((0.0, Some(0.0))) };
        Ok((if from > low { from.exp() } else { 0.0 }, to.map(f64::exp)))
    }

    fn window(&self, c: f64, weight: f64) -> Result<BalanceWindow> {
        let (from, screening_star) = self.generalizing_screenings()?;
        let inverse = 1.0 / (c * weight);
        let boundary = |mu: f64| (mu / 2.0 - inverse) / (1.0 + mu / 2.0);
        let generalization = screening_star.map_or(1.0, boundary);
        let generalization_from = boundary(from).max(0.0);
        let memorization = self.memorization_boundary(c, weight)?;
        let critical = match screening_star {
            // At 0 nothing generalizes at any screening, so no C opens a window.
            None | Some(0.0) => None,
            Some(mu) => Some(RidgeModel::from_screening(mu, self.memorization_needed(mu)?)?.c() / weight),
        };
        Ok(BalanceWindow {
            screening_star,
            conjunctivity_generalization: generalization,
            generalization_from,
            conjunctivity_memorization: memorization,
            balances: memorization.max(generalization_from) < generalization,
            critical,
        })
    }

    /// The largest α at which some exception-cycle pair lacks its trained sign.
    fn memorization_boundary(&self, c: f64, weight: f64) -> Result<f64> {
        if c.is_infinite() || (self.single.is_none() && self.cycle.is_empty()) {
            return Ok(0.0);
        }
        last_failure(|alpha| {
            let model = RidgeModel::new(alpha, c)?;
            Ok(model.memorization(weight) - self.memorization_needed(model.screening(weight))?)
        })
    }
}

/// The smallest label · margin of some pairs, with the sign that a solution gives where rounding hides it.
fn worst_margin(pairs: &[(usize, usize, f64)], solution: &impl Margins) -> f64 {
    let signed = |&(i, j, y): &(usize, usize, f64)| y * f64::from(solution.sign(i, j)) * solution.margin(i, j).abs();
    pairs.iter().map(signed).fold(f64::INFINITY, f64::min)
}

/// The same boundaries from solutions alone, for any learner.
fn numerical_window(task: &TransitiveTask, learner: Learner, with_critical: bool) -> Result<BalanceWindow> {
    let classes = task.classes()?;
    let [cross, cycle] =
        [PairClass::CrossSection, PairClass::ExceptionCycle].map(|class| classes.labeled(class).collect::<Vec<_>>());
    let worst = |pairs: &[(usize, usize, f64)], alpha: f64, learner: Learner| -> Result<f64> {
        Ok(worst_margin(pairs, &solve(task, &ExchangeableKernel::from_conjunctivity(alpha)?, learner, None)?))
    };
    let generalization = |learner: Learner| -> Result<(f64, f64)> {
        if cross.is_empty() {
            return Ok((0.0, 1.0));
        }
        // In the logit of α, from both limits' neighborhoods.
        let (low, high) = (-30.0, 30.0);
        let found = first_stretch(|x| worst(&cross, sigmoid(x), learner), low, high, 240)?;
        let Some((from, to)) = found else { return Ok((0.0, 0.0)) };
        Ok((if from > low { sigmoid(from) } else { 0.0 }, to.map_or(1.0, sigmoid)))
    };
    let memorization = |learner: Learner| -> Result<f64> {
        let interpolates = learner.strength().is_infinite() && learner.kind() != LearnerKind::Logistic;
        if cycle.is_empty() || interpolates {
            return Ok(0.0);
        }
        last_failure(|alpha| worst(&cycle, alpha, learner))
    };
    let (from, alpha_gen) = generalization(learner)?;
    let alpha_mem = memorization(learner)?;
    let stronger = |strength: f64| Learner::with_strength(learner.kind(), strength);
    let gap = |log: f64| -> Result<f64> {
        let t = stronger(log.exp());
        let (from, to) = generalization(t)?;
        Ok(to - memorization(t)?.max(from))
    };
    // A window that no strength of training closes has no critical one.
    let closes = || -> Result<bool> {
        Ok(!cross.is_empty() && gap(1e6_f64.ln())? > 0.0 && generalization(stronger(1e6))?.1 < 1.0)
    };
    let critical = if !with_critical || !closes()? {
        None
    } else {
        first_crossing(|log| gap(-log), -(1e6_f64.ln()), -(1e-6_f64.ln()), 24)?.map(|log| (-log).exp())
    };
    Ok(BalanceWindow {
        screening_star: None,
        conjunctivity_generalization: alpha_gen,
        generalization_from: from,
        conjunctivity_memorization: alpha_mem,
        balances: alpha_mem.max(from) < alpha_gen,
        critical,
    })
}

/// The ends of the first of `steps` equal intervals of [low, high] at whose upper end `f` is positive, or is not.
fn first_interval(
    mut f: impl FnMut(f64) -> Result<f64>,
    (low, high): (f64, f64),
    steps: usize,
    is_positive: bool,
) -> Result<Option<(f64, f64)>> {
    let mut before = low;
    for step in 1..=steps {
        let x = low + (high - low) * step as f64 / steps as f64;
        let value = f(x)?;
        if if is_positive { value > 0.0 } else { value <= 0.0 } {
            return Ok(Some((before, x)));
        }
        before = x;
    }
    Ok(None)
}

/// The first x in [low, high] at which `f`, positive before, is no longer positive: to the last bit, by bisection inside the
/// first of `steps` intervals that ends nonpositive. `None` if it stays positive or begins nonpositive.
fn first_crossing(mut f: impl FnMut(f64) -> Result<f64>, low: f64, high: f64, steps: usize) -> Result<Option<f64>> {
    if f(low)? <= 0.0 {
        return Ok(None);
    }
    let found = first_interval(&mut f, (low, high), steps, false)?;
    found.map(|(good, bad)| boundary(f, good, bad)).transpose()
}

/// The first stretch of [low, high] on which `f` is positive: where it begins, `low` or by bisection on a grid, and where it ends, if it
/// does. `None` if `f` is positive nowhere on the grid.
fn first_stretch(
    mut f: impl FnMut(f64) -> Result<f64>,
    low: f64,
    high: f64,
    steps: usize,
) -> Result<Option<(f64, Option<f64>)>> {
    let from = if f(low)? > 0.0 {
        low
    } else {
        let Some(ends) = first_interval(&mut f, (low, high), steps, true)? else { return Ok(None) };
        let narrow = |bad: f64, good: f64| (good - bad).abs() <= 1e-14 * good.abs().max(bad.abs());
        // The last point known to be correct, so that a search may start there.
        bisect(ends, HALVINGS, narrow, |x| Ok(f(x)? <= 0.0))?.1
    };
    Ok(Some((from, first_crossing(f, from, high, steps)?)))
}

/// Halvings between any two numbers until they are neighbors, and more.
const HALVINGS: usize = 1100;

/// Where f > 0 at `good` ends on the way to `bad`, to neighboring numbers.
fn boundary(mut f: impl FnMut(f64) -> Result<f64>, good: f64, bad: f64) -> Result<f64> {
    let narrow = |good: f64, bad: f64| (good - bad).abs() <= 1e-16 * good.abs().max(bad.abs());
    let (good, bad) = bisect((good, bad), 200, narrow, |x| Ok(f(x)? > 0.0))?;
    Ok(0.5 * (good + bad))
}

/// The largest α ∈ [0, 1) with f(α) ≤ 0; 0 if f > 0 on all of (0, 1). Searched from α = 1 down to 1e-300.
fn last_failure(mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    // Near 1 in steps of α itself, below in steps of log α.
    let upper = (1..=64).map(|k| 1.0 - k as f64 / 80.0);
    let lower = (1..=300).map(|k| 0.2 * 10f64.powf(-(k as f64) / 10.0));
    let tiny = (1..=27).map(|k| 2e-31 * 10f64.powf(-10.0 * k as f64));
    let mut good = 1.0;
    for alpha in upper.chain(lower).chain(tiny) {
        if f(alpha)? <= 0.0 {
            return boundary(f, good, alpha);
        }
        good = alpha;
    }
    Ok(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ridge(n: usize, exceptions: &[(usize, usize)], c: f64) -> BalanceWindow {
        balance_window(&TransitiveTask::new(n, exceptions).unwrap(), Learner::Ridge { c }).unwrap()
    }

    #[test]
    fn screening_star_takes_the_values_derived_by_hand() {
        let nine = ridge(9, &[(5, 3)], f64::INFINITY);
        assert!((nine.screening_star.unwrap() - 1.0).abs() < 1e-12);
        assert!((nine.conjunctivity_generalization - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(nine.conjunctivity_memorization, 0.0);
        let eleven = ridge(11, &[(6, 4)], f64::INFINITY);
        assert!((eleven.screening_star.unwrap() - (2f64.sqrt() - 1.0)).abs() < 1e-12);
        let seven = ridge(7, &[(4, 2)], 10.0);
        assert_eq!((seven.screening_star, seven.critical), (None, None));
        assert_eq!(seven.conjunctivity_generalization, 1.0);
    }

    #[test]
    fn plain_transitive_inference_always_balances() {
        for c in [1e-6, 1.0, f64::INFINITY] {
            let w = ridge(9, &[], c);
            assert_eq!((w.conjunctivity_generalization, w.conjunctivity_memorization), (1.0, 0.0));
            assert!(w.balances);
        }
    }

    #[test]
    fn the_window_closes_exactly_at_the_critical_c() {
        for (n, e) in [(9, (5, 3)), (11, (6, 4)), (11, (7, 3)), (15, (9, 4)), (30, (14, 12))] {
            let critical = ridge(n, &[e], 1.0).critical.unwrap();
            let width = |c| {
                let w = ridge(n, &[e], c);
                w.conjunctivity_generalization - w.conjunctivity_memorization
            };
            assert!(width(critical * (1.0 + 1e-6)) > 0.0 && width(critical * (1.0 - 1e-6)) < 0.0, "{n} {e:?}");
            assert!(width(critical).abs() < 1e-9);
        }
    }

    #[test]
    fn boundaries_are_where_accuracies_flip() {
        let cases: [(usize, &[(usize, usize)]); 5] =
            [(9, &[(5, 3)]), (11, &[(6, 4)]), (11, &[(7, 3)]), (16, &[(5, 3), (11, 9)]), (14, &[(7, 4), (8, 6)])];
        for (n, exceptions) in cases {
            let task = TransitiveTask::new(n, exceptions).unwrap();
            let classes = task.classes().unwrap();
            for c in [0.5, 3.0, 10.0, 1e3, 1e6] {
                let w = ridge(n, exceptions, c);
                let accuracy =
                    |alpha: f64| chain::solve(&task, &RidgeModel::new(alpha, c).unwrap()).unwrap().accuracy(&classes);
                let (g, m) = (w.conjunctivity_generalization, w.conjunctivity_memorization);
                if g > 0.0 {
                    assert_eq!(accuracy(g * (1.0 - 1e-9)).cross_section, Some(1.0), "{n} {exceptions:?} C {c}");
                    assert!(accuracy(g * (1.0 + 1e-9)).cross_section < Some(1.0), "{n} {exceptions:?} C {c}");
                }
                // The margin that decides is of order α at the boundary; its terms of order 1/C round at eps.
                let off = 1e-9 + 1e-13 * c;
                assert!(m > 0.0);
                assert_eq!(accuracy(m * (1.0 + off)).exception_cycle, Some(1.0), "{n} {exceptions:?} C {c}");
                assert!(accuracy(m * (1.0 - off)).exception_cycle < Some(1.0), "{n} {exceptions:?} C {c}");
            }
        }
    }

    #[test]
    fn reversed_premises_may_need_some_screening() {
        let exceptions = [(5, 1), (8, 7), (11, 2), (8, 6)];
        let task = TransitiveTask::new(12, &exceptions).unwrap();
        let classes = task.classes().unwrap();
        let w = ridge(12, &exceptions, 1e3);
        let from = w.generalization_from;
        assert!(from > 0.01 && from < w.conjunctivity_generalization, "{w:?}");
        for (alpha, correct) in [(0.01, false), (from * (1.0 - 1e-6), false), (from * (1.0 + 1e-6), true)] {
            let s = chain::solve(&task, &RidgeModel::new(alpha, 1e3).unwrap()).unwrap();
            assert_eq!(s.accuracy(&classes).cross_section == Some(1.0), correct, "α {alpha}");
        }
    }

    #[test]
    fn the_numerical_window_finds_the_closed_one() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        for c in [2.0, 10.0, 300.0] {
            let (closed, numerical) =
                (ridge(9, &[(5, 3)], c), numerical_window(&task, Learner::Ridge { c }, true).unwrap());
            let close = |a: f64, b: f64| (a - b).abs() < 1e-11;
            if closed.conjunctivity_generalization > 0.0 {
                assert!(close(closed.conjunctivity_generalization, numerical.conjunctivity_generalization));
            }
            assert!(close(closed.conjunctivity_memorization, numerical.conjunctivity_memorization));
            assert!((closed.critical.unwrap() / numerical.critical.unwrap() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_huge_task_has_its_window_at_once() {
        let w = ridge(1_000_000, &[(600_000, 400_000)], 1e13);
        let mu = w.screening_star.unwrap();
        assert!(mu > 0.0 && w.balances && w.conjunctivity_memorization > 0.0, "{w:?}");
    }

    #[test]
    fn cross_section_fails_beyond_the_screening_star_and_nowhere_below() {
        let mut largest = 0.0_f64;
        for n in 5..=16 {
            for p in 1..n - 3 {
                for q in p + 2..n - 1 {
                    let task = TransitiveTask::new(n, &[(q, p)]).unwrap();
                    let classes = task.classes().unwrap();
                    let (from, star) = Screened::new(&task).unwrap().generalizing_screenings().unwrap();
                    assert_eq!(from, 0.0);
                    largest = largest.max(star.unwrap_or(0.0));
                    for k in -60..=60 {
                        let mu = 10f64.powf(f64::from(k) / 10.0);
                        // At μ* itself the pair ties.
                        if star.is_some_and(|star| (mu / star - 1.0).abs() < 1e-9) {
                            continue;
                        }
                        let model = RidgeModel::from_screening(mu, 0.5).unwrap();
                        let correct =
                            chain::solve(&task, &model).unwrap().accuracy(&classes).cross_section == Some(1.0);
                        assert_eq!(correct, star.is_none_or(|star| mu < star), "n {n} ({q} {p}) μ {mu} star {star:?}");
                    }
                }
            }
        }
        // Far below the end of the search.
        assert!(largest < 100.0, "{largest}");
    }

    #[test]
    fn equal_weights_rescale_c() {
        let mut task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        for (i, j) in (1..9).map(|i| (i - 1, i)).chain([(5, 3)]) {
            task = task.with_weight(i, j, 4.0).unwrap();
        }
        let (a, b) = (balance_window(&task, Learner::Ridge { c: 5.0 }).unwrap(), ridge(9, &[(5, 3)], 20.0));
        assert!((a.conjunctivity_generalization - b.conjunctivity_generalization).abs() < 1e-14);
        assert!((a.conjunctivity_memorization - b.conjunctivity_memorization).abs() < 1e-13);
        assert!((a.critical.unwrap() * 4.0 / b.critical.unwrap() - 1.0).abs() < 1e-13);
    }
}
