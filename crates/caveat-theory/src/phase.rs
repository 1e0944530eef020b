//! Phase grids: accuracy of every pair class over conjunctivity α and inverse regularization, at full speed.
//!
//! Chains with equal weights take a fast path: eight configurations at a time share one pass of tridiagonal elimination.
//! Pivots of the diagonally dominant M-matrix stay above 1 but for the last, which is about nμ. Where μ is too small for that, and
//! everywhere else, configurations are solved one by one. Where ranks underflow or cancel, so that the lanes cannot judge a pair, the
//! closed form gives its sign.
//!
//! Per class, accuracy is the mean over its pairs of ½(1 + y·sign f_{α,C}(i, j)) ∈ [0, 1], y = ±1 the right answer; a tie counts ½.
//! The axes are α ∈ [0, 1] and 1/C (or 1/t) ∈ [0, ∞), and the margins those of [`margins`](crate::margins).
//!
//! Source: the classes and the question are those of Cheng & Lippl 2026, arXiv 2605.22972; the equations §3 and §5.

use rayon::prelude::*;

use crate::comparison_graph::PresentationOrder;
use crate::error::{Result, TheoryError, check_range};
use crate::kernel::{ExchangeableKernel, RidgeModel};
use crate::learner::{Learner, LearnerKind};
use crate::margins::chain::{self, ChainSolution};
use crate::margins::{Accuracy, Margins};
use crate::memory;
use crate::pair_class::{PairClass, PairClasses};
use crate::solve::solve;
use crate::task::TransitiveTask;

/// Configurations solved together.
const LANES: usize = 8;
/// A number for each configuration.
type Lanes = [f64; LANES];

/// Below this screening, elimination would leave rounding in the common level of the ranks.
const MIN_SCREENING: f64 = 1e-6;

/// Ranks whose rounding is below that of this number may have lost digits to underflow.
const UNDERFLOW: f64 = 1e-270;

/// Counts for a pair that the lanes cannot judge: more than all other pairs together, with exact sums.
const UNKNOWN: f64 = 4_294_967_296.0;

/// The values of the two axes of a phase grid.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseAxes {
    /// α, each in [0, 1].
    pub conjunctivity: Vec<f64>,
    /// 1/C (ridge) or 1/T (gradient flow), each in [0, ∞).
    pub inverse_strength: Vec<f64>,
    /// What the second axis regularizes.
    pub learner: LearnerKind,
}

impl PhaseAxes {
    /// Cell centers of an `n_alpha` × `n_strength` grid: α evenly over `alpha`, 1/C evenly in its logarithm over `inverse_c`.
    ///
    /// # Errors
    /// An empty grid or a range that is empty or out of bounds.
    pub fn cell_centers(n_alpha: usize, n_strength: usize, alpha: (f64, f64), inverse_c: (f64, f64)) -> Result<Self> {
        if n_alpha == 0 || n_strength == 0 {
            let problem = format!("a grid of {n_alpha} × {n_strength} cells has none; both sides must be at least 1");
            return Err(TheoryError::BadInput { what: "phase grid", problem });
        }
        check_range("lower conjunctivity", alpha.0, 0.0, 1.0, "between 0 and 1")?;
        check_range("upper conjunctivity", alpha.1, alpha.0, 1.0, "between the lower one and 1")?;
        check_range("lower 1/C", inverse_c.0, f64::MIN_POSITIVE, f64::MAX, "positive and finite")?;
        check_range("upper 1/C", inverse_c.1, inverse_c.0, f64::MAX, "finite and at least the lower one")?;
        let sides = n_alpha as f64 + n_strength as f64;
        let fits = |free: f64| format!("{:.0} values on both axes would fit", free / 16.0);
        memory::check(16.0 * sides, || format!("a grid of {n_alpha} × {n_strength} cells"), fits)?;
        let center = |k: usize, n: usize| (k as f64 + 0.5) / n as f64;
        let (low, high) = (inverse_c.0.ln(), inverse_c.1.ln());
        Ok(Self {
            conjunctivity: (0..n_alpha).map(|k| alpha.0 + (alpha.1 - alpha.0) * center(k, n_alpha)).collect(),
            inverse_strength: (0..n_strength).map(|k| (low + (high - low) * center(k, n_strength)).exp()).collect(),
            learner: LearnerKind::Ridge,
        })
    }

    /// Refuses a grid that does not fit in memory at `bytes_per_cell`: [`GRID_BYTES`] for itself, more for its tables and pictures.
    ///
    /// # Errors
    /// [`TheoryError::TooLarge`], with the grid that would fit.
    pub fn check_memory(&self, bytes_per_cell: f64) -> Result<()> {
        let (columns, rows) = (self.conjunctivity.len(), self.inverse_strength.len());
        let cells = columns as f64 * rows as f64;
        let fits = |free: f64| {
            let share = (free / (cells * bytes_per_cell)).sqrt();
            let side = |n: usize| ((n as f64 * share) as usize).max(1);
            format!("a grid of {} × {} would fit", side(columns), side(rows))
        };
        memory::check(cells * bytes_per_cell, || format!("a grid of {columns} × {rows} cells"), fits)
    }

    /// A cell in words.
    fn place(&self, alpha: f64, inverse: f64) -> String {
        let name = if self.learner == LearnerKind::Ridge { "C" } else { "time" };
        format!("conjunctivity {alpha}, {name} {}", 1.0 / inverse)
    }
}

/// Bytes that a cell of a [`PhaseGrid`] takes.
pub const GRID_BYTES: f64 = 40.0;

/// Accuracy of all scored pair classes on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseGrid {
    /// The axes.
    pub axes: PhaseAxes,
    /// By scored class, each row-major with a row per value of 1/C.
    shares: [Vec<f64>; 5],
}

impl PhaseGrid {
    /// Number of configurations.
    pub fn n_cells(&self) -> usize {
        self.shares[0].len()
    }

    /// Accuracy of one class on the grid, NaN for a class with no pair: row-major with a row per value of 1/C, cell (row, column) at
    /// row · n_alpha + column. Empty for [`PairClass::Ambiguous`], which has no right answer.
    pub fn class(&self, class: PairClass) -> &[f64] {
        PairClass::SCORED.iter().position(|c| *c == class).map_or(&[], |at| &self.shares[at])
    }

    /// The accuracies of all of [`PairClass::SCORED`], without copying.
    pub fn into_classes(self) -> [Vec<f64>; 5] {
        self.shares
    }
}

/// Computes a phase grid in parallel; `progress` is called with the number of configurations just done.
///
/// # Errors
/// An axis value out of range, more items than can be classified, or what the solvers refuse.
pub fn phase_grid(task: &TransitiveTask, axes: &PhaseAxes, progress: &(dyn Fn(usize) + Sync)) -> Result<PhaseGrid> {
    for &alpha in &axes.conjunctivity {
        check_range("conjunctivity", alpha, 0.0, 1.0, "between 0 (additive) and 1 (conjunctive)")?;
    }
    for &inverse in &axes.inverse_strength {
        check_range("1/C", inverse, 0.0, f64::MAX, "a finite number of at least 0")?;
    }
    let classes = task.classes()?;
    let plan = (axes.learner == LearnerKind::Ridge).then(|| Plan::new(task, &classes)).flatten();
    let single = |alpha: f64, inverse: f64| -> Result<Accuracy> {
        let learner = Learner::with_strength(axes.learner, 1.0 / inverse);
        Ok(solve(task, &ExchangeableKernel::from_conjunctivity(alpha)?, learner, None)?.accuracy(&classes))
    };
    let width = axes.conjunctivity.len();
    axes.check_memory(GRID_BYTES)?;
    // Zeros cost nothing until they are written, which the threads do; memory is what takes the time here.
    let mut shares: [Vec<f64>; 5] = std::array::from_fn(|_| vec![0.0; width * axes.inverse_strength.len()]);
    if width > 0 {
        let [premise, cycle, within, across, outside] = shares.each_mut().map(|of| of.par_chunks_mut(width));
        let rows = premise.zip(cycle).zip(within).zip(across).zip(outside).zip(&axes.inverse_strength);
        rows.try_for_each(|(((((premise, cycle), within), across), outside), &inverse)| -> Result<()> {
            let mut row = [premise, cycle, within, across, outside];
            let mut scratch = plan.as_ref().map(Scratch::new);
            for (at, alphas) in axes.conjunctivity.chunks(LANES).enumerate() {
                let start = at * LANES;
                if let (Some(plan), Some(scratch)) = (&plan, &mut scratch)
                    && plan.covers(alphas, inverse)
                {
                    for (to, lanes) in row.iter_mut().zip(plan.shares(task, alphas, inverse, scratch)?) {
                        to[start..start + alphas.len()].copy_from_slice(&lanes[..alphas.len()]);
                    }
                    continue;
                }
                for (k, &alpha) in alphas.iter().enumerate() {
                    let accuracy =
                        single(alpha, inverse).map_err(|error| error.in_place(axes.place(alpha, inverse)))?;
                    for (to, class) in row.iter_mut().zip(PairClass::SCORED) {
                        to[start + k] = accuracy.in_class(class).unwrap_or(f64::NAN);
                    }
                }
            }
            progress(width);
            Ok(())
        })?;
    }
    Ok(PhaseGrid { axes: axes.clone(), shares })
}

/// A pair to judge: its items, its label, and whether it is trained.
struct Judged {
    first: usize,
    second: usize,
    label: f64,
    trained: bool,
}

/// What a chain with equal weights asks of every configuration.
struct Plan {
    n_items: usize,
    /// Presentation weight of all pairs.
    weight: f64,
    /// (p, q, coupling, source) of every exception: (1, −1) for a new pair, (0, −2) for a reversed premise.
    exceptions: Vec<(usize, usize, f64, f64)>,
    /// The screening from which on fields can fall to rounding along the chain.
    steep: f64,
    /// The scored classes in order, each with its pairs.
    classes: [Vec<Judged>; 5],
}

/// Working memory of one thread.
struct Scratch {
    inverse_pivots: Vec<Lanes>,
    /// Chain field, then each exception's field.
    fields: Vec<Vec<Lanes>>,
    ranks: Vec<Lanes>,
    /// Size of the terms summed in each rank.
    sizes: Vec<Lanes>,
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        let zeros = || vec![[0.0; LANES]; plan.n_items];
        Self {
            inverse_pivots: zeros(),
            fields: (0..=plan.exceptions.len()).map(|_| zeros()).collect(),
            ranks: zeros(),
            sizes: zeros(),
        }
    }
}

/// The order of pairs by the closed form, in one configuration.
struct Signs {
    solution: ChainSolution,
    /// For every item, how many of the links above it do not fall, and how many do not rise.
    not_falling: Vec<usize>,
    not_rising: Vec<usize>,
}

impl Signs {
    fn new(task: &TransitiveTask, alpha: f64, inverse: f64) -> Result<Self> {
        let solution = chain::solve(task, &RidgeModel::new(alpha, 1.0 / inverse)?)?;
        let mut signs = Self { solution, not_falling: vec![0], not_rising: vec![0] };
        for i in 1..task.n_items() {
            let sign = signs.solution.rank_sign(i - 1, i);
            signs.not_falling.push(signs.not_falling[i - 1] + usize::from(sign <= 0));
            signs.not_rising.push(signs.not_rising[i - 1] + usize::from(sign >= 0));
        }
        Ok(signs)
    }

    /// Sign of the margin of a pair.
    fn sign_of(&self, pair: &Judged) -> i8 {
        let (i, j) = (pair.first, pair.second);
        // Mostly ranks fall at every link between the two items, and the items themselves need no look.
        if !pair.trained && self.not_falling[i] == self.not_falling[j] {
            1
        } else if !pair.trained && self.not_rising[i] == self.not_rising[j] {
            -1
        } else {
            self.solution.sign(i, j)
        }
    }
}

impl Plan {
    /// `None` where the fast path does not apply.
    fn new(task: &TransitiveTask, classes: &PairClasses) -> Option<Self> {
        let weight = task.graph().common_weight()?;
        if task.order() != PresentationOrder::Both || task.exceptions().len() > 16 {
            return None;
        }
        let exceptions = task
            .exceptions()
            .iter()
            .map(|e| if e.is_adjacent() { (e.loser, e.winner, 0.0, -2.0) } else { (e.loser, e.winner, 1.0, -1.0) })
            .collect();
        let judged = |class: PairClass| {
            let trained =
                |(first, second, label)| Judged { first, second, label, trained: classes.is_trained(first, second) };
            classes.labeled(class).map(trained).collect()
        };
        // Fields fall by e^λ < 2 + μ at every item.
        let n_items = task.n_items();
        let steep = f64::EPSILON.powf(-1.0 / n_items as f64) - 2.0;
        Some(Self { n_items, steep, weight, exceptions, classes: PairClass::SCORED.map(judged) })
    }

    fn covers(&self, alphas: &[f64], inverse: f64) -> bool {
        let smallest = alphas.iter().fold(f64::INFINITY, |a, &b| a.min(b));
        2.0 * (smallest + inverse / self.weight) >= MIN_SCREENING
    }

    /// By scored class and configuration, NaN for a class with no pair.
    fn shares(&self, task: &TransitiveTask, alphas: &[f64], inverse: f64, scratch: &mut Scratch) -> Result<[Lanes; 5]> {
        let relative = inverse / self.weight;
        // Unused lanes repeat the last configuration.
        let alpha: Lanes = std::array::from_fn(|l| alphas[l.min(alphas.len() - 1)]);
        let screening = alpha.map(|a| 2.0 * (a + relative) / (1.0 - a));
        let memorization = alpha.map(|a| if a == 0.0 { 0.0 } else { a / (a + relative) });
        self.solve(&screening, scratch);
        let scratch = &*scratch;
        let rounding = self.rounding();
        // Adds 1 for a pair in order, 0 for one out of order, UNKNOWN where the lanes cannot judge.
        let judge = |pair: &Judged, sum: &mut Lanes| {
            let (ri, rj) = (&scratch.ranks[pair.first], &scratch.ranks[pair.second]);
            let (si, sj) = (&scratch.sizes[pair.first], &scratch.sizes[pair.second]);
            for l in 0..LANES {
                let difference = pair.label * (ri[l] - rj[l]);
                let m = if pair.trained { memorization[l] } else { 0.0 };
                let f = m + (1.0 - m) * difference;
                let unknown = rounding * (si[l] + sj[l] + m);
                sum[l] += if f > unknown {
                    1.0
                } else if f < -unknown {
                    0.0
                } else {
                    UNKNOWN
                };
            }
        };
        let mut exact: [Option<Signs>; LANES] = [const { None }; LANES];
        let mut shares = [[f64::NAN; LANES]; 5];
        for (pairs, share) in self.classes.iter().zip(&mut shares) {
            if pairs.is_empty() {
                continue;
            }
            let mut correct = [0.0; LANES];
            for pair in pairs {
                judge(pair, &mut correct);
            }
            for l in 0..alphas.len() {
                if correct[l] < UNKNOWN {
                    continue;
                }
                let signs = match &mut exact[l] {
                    Some(signs) => signs,
                    empty => empty.insert(Signs::new(task, alphas[l], inverse)?),
                };
                let judged = pairs.iter().map(|pair| {
                    let mut one = [0.0; LANES];
                    judge(pair, &mut one);
                    if one[l] == UNKNOWN { 0.5 * (1.0 + pair.label * f64::from(signs.sign_of(pair))) } else { one[l] }
                });
                correct[l] = judged.sum();
            }
            *share = correct.map(|c| c / pairs.len() as f64);
        }
        Ok(shares)
    }

    /// Rounding error of a margin relative to its ranks: that of elimination, which passes every item twice, and twice what the closed
    /// form calls a tie, so that no pair that the lanes judge is a tie there.
    fn rounding(&self) -> f64 {
        let changes = self.exceptions.len();
        let closed_form = chain::ROUNDINGS * (1 + changes * changes) as f64;
        f64::EPSILON * (2.0 * closed_form + 8.0 * self.n_items as f64)
    }

    /// Fills `scratch.ranks` and `scratch.sizes`.
    fn solve(&self, screening: &Lanes, scratch: &mut Scratch) {
        let n = self.n_items;
        let Scratch { inverse_pivots, fields, ranks, sizes } = scratch;
        let mut before = [0.0; LANES];
        for (i, pivot) in inverse_pivots.iter_mut().enumerate() {
            let degree = if i == 0 || i == n - 1 { 1.0 } else { 2.0 };
            *pivot = std::array::from_fn(|l| 1.0 / (degree + screening[l] - before[l]));
            before = *pivot;
        }
        let chain_ends = (0, n - 1);
        let sources = std::iter::once(chain_ends).chain(self.exceptions.iter().map(|e| (e.0, e.1)));
        for (field, (plus, minus)) in fields.iter_mut().zip(sources) {
            solve_tridiagonal(inverse_pivots, field, plus, minus);
        }
        let (rule, exceptions) = fields.split_at(1);
        let rule = &rule[0];
        ranks.copy_from_slice(rule);
        sizes.iter_mut().zip(rule).for_each(|(size, r)| *size = r.map(|r| r.abs() + UNDERFLOW));
        let multipliers = self.multipliers(rule, exceptions);
        for (field, x) in exceptions.iter().zip(&multipliers) {
            for i in 0..n {
                for l in 0..LANES {
                    let term = x[l] * field[i][l];
                    ranks[i][l] += term;
                    sizes[i][l] += term.abs();
                }
            }
        }
        if screening.iter().any(|&mu| mu >= self.steep) {
            // Away from sources a field is a share of its neighbors' sum, which rounds where the field changes its sign.
            let mut above = sizes[0];
            for i in 0..n {
                let (own, below) = (sizes[i], sizes[(i + 1).min(n - 1)]);
                for l in 0..LANES {
                    sizes[i][l] += (above[l] + below[l]) / (2.0 + screening[l]);
                }
                above = own;
            }
        }
    }

    /// Solves (I + WΓ)x = σ − WΔ in every lane. Rows with W = 0 are decoupled; the rest is I plus a Gram matrix, so
    /// elimination needs no pivoting.
    fn multipliers(&self, rule: &[Lanes], fields: &[Vec<Lanes>]) -> Vec<Lanes> {
        let k = self.exceptions.len();
        let across = |field: &[Lanes], (p, q, ..): (usize, usize, f64, f64)| -> Lanes {
            std::array::from_fn(|l| field[p][l] - field[q][l])
        };
        let mut system = vec![[0.0; LANES]; k * k];
        let mut x: Vec<Lanes> = Vec::with_capacity(k);
        for (a, &e) in self.exceptions.iter().enumerate() {
            let (coupling, source) = (e.2, e.3);
            for (b, field) in fields.iter().enumerate() {
                system[a * k + b] = across(field, e).map(|gamma| f64::from(a == b) + coupling * gamma);
            }
            x.push(across(rule, e).map(|delta| source - coupling * delta));
        }
        for pivot in 0..k {
            for row in pivot + 1..k {
                for l in 0..LANES {
                    let factor = system[row * k + pivot][l] / system[pivot * k + pivot][l];
                    for column in pivot..k {
                        system[row * k + column][l] -= factor * system[pivot * k + column][l];
                    }
                    x[row][l] -= factor * x[pivot][l];
                }
            }
        }
        for row in (0..k).rev() {
            for l in 0..LANES {
                let known: f64 = (row + 1..k).map(|column| system[row * k + column][l] * x[column][l]).sum();
                x[row][l] = (x[row][l] - known) / system[row * k + row][l];
            }
        }
        x
    }
}

/// field = (L + μI)⁻¹(e_plus − e_minus).
fn solve_tridiagonal(inverse_pivots: &[Lanes], field: &mut [Lanes], plus: usize, minus: usize) {
    let n = field.len();
    let mut carry = [0.0; LANES];
    for i in 0..n {
        let source = f64::from(i == plus) - f64::from(i == minus);
        for l in 0..LANES {
            // carry is the forward-substituted right-hand side of the row before, times its inverse pivot.
            field[i][l] = source + carry[l];
            carry[l] = field[i][l] * inverse_pivots[i][l];
        }
    }
    field[n - 1] = carry;
    for i in (0..n - 1).rev() {
        for l in 0..LANES {
            field[i][l] = (field[i][l] + field[i + 1][l]) * inverse_pivots[i][l];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn task(n: usize, picks: &[(prop::sample::Index, prop::sample::Index)], weight: f64) -> TransitiveTask {
        let mut exceptions = Vec::new();
        for (a, b) in picks {
            let loser = a.index(n - 1);
            let e = (loser + 1 + b.index(n - 1 - loser), loser);
            if !exceptions.contains(&e) {
                exceptions.push(e);
            }
        }
        let mut task = TransitiveTask::new(n, &exceptions).unwrap();
        for e in task.graph().edges().to_vec() {
            task = task.with_weight(e.items().0, e.items().1, weight).unwrap();
        }
        task
    }

    /// All shares of a grid are those of the closed form, to the last bit.
    fn check(task: &TransitiveTask, axes: &PhaseAxes) {
        let classes = task.classes().unwrap();
        let grid = phase_grid(task, axes, &|_| ()).unwrap();
        let width = axes.conjunctivity.len();
        for (row, &inverse) in axes.inverse_strength.iter().enumerate() {
            for (column, &alpha) in axes.conjunctivity.iter().enumerate() {
                let model = RidgeModel::new(alpha, 1.0 / inverse).unwrap();
                let solution = chain::solve(task, &model).unwrap();
                let (exact, screened) = (solution.accuracy(&classes), solution.screening().is_finite());
                for class in PairClass::SCORED {
                    let share = Some(grid.class(class)[row * width + column]).filter(|s| !s.is_nan());
                    let place = format!("{task}, α {alpha} 1/C {inverse}, {class}");
                    assert_eq!(share, exact.in_class(class), "{place}");
                    if task.exceptions().is_empty() && class == PairClass::WithinSection && screened {
                        assert!(share.is_none_or(|s| s == 1.0), "{place}: {share:?}");
                    }
                }
            }
        }
    }

    /// α near and at either end as often as between.
    fn conjunctivity() -> impl Strategy<Value = f64> {
        let near = || (0.0..20.0f64).prop_map(|x| 10f64.powf(-x));
        prop_oneof![3 => 0.0..1.0f64, 1 => near(), 1 => near().prop_map(|x| 1.0 - x), 1 => prop_oneof![Just(0.0), Just(1.0)]]
    }

    /// 1/C over its whole range.
    fn inverse_strength() -> impl Strategy<Value = f64> {
        let power = |x: f64| 10f64.powf(x);
        let ends = prop_oneof![Just(0.0), Just(f64::MIN_POSITIVE), Just(f64::MAX)];
        prop_oneof![3 => (-6.0..3.0f64).prop_map(power), 2 => (-300.0..308.0f64).prop_map(power), 1 => ends]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn the_fast_path_agrees_with_the_closed_form(
            n in 2usize..14, picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
            weight in prop_oneof![Just(1.0), 0.2..5.0f64],
        ) {
            check(&task(n, &picks, weight), &PhaseAxes::cell_centers(11, 9, (0.0, 1.0), (1e-4, 10.0)).unwrap());
        }

        #[test]
        fn the_fast_path_agrees_with_the_closed_form_on_long_chains_and_at_extremes(
            n in prop_oneof![2usize..20, 20usize..300],
            picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
            weight in prop_oneof![Just(1.0), 0.2..5.0f64],
            conjunctivity in prop::collection::vec(conjunctivity(), 1..10),
            inverse_strength in prop::collection::vec(inverse_strength(), 1..4),
        ) {
            check(&task(n, &picks, weight), &PhaseAxes { conjunctivity, inverse_strength, learner: LearnerKind::Ridge });
        }
    }

    #[test]
    fn pairs_are_in_order_where_their_ranks_underflow() {
        for (n, exceptions, alpha, inverse) in [
            (1001, vec![], 0.3, 10.0),
            (401, vec![], 0.9, 10.0),
            (201, vec![], 0.9, 1000.0),
            (9, vec![], 0.75, 1e80),
            (1001, vec![(500, 497)], 0.3, 10.0),
        ] {
            let task = TransitiveTask::new(n, &exceptions).unwrap();
            let learner = LearnerKind::Ridge;
            check(&task, &PhaseAxes { conjunctivity: vec![alpha], inverse_strength: vec![inverse], learner });
        }
    }

    #[test]
    fn limits_on_the_grid_are_solved_too() {
        let task = TransitiveTask::new(9, &[(5, 3)]).unwrap();
        let axes = PhaseAxes {
            conjunctivity: vec![0.0, 0.2, 1.0],
            inverse_strength: vec![0.0, 1e-9],
            learner: LearnerKind::Ridge,
        };
        let grid = phase_grid(&task, &axes, &|_| ()).unwrap();
        // α = 0, C = ∞: the cycle ties. α = 1: only trained pairs are known.
        let (cycle, across) = (grid.class(PairClass::ExceptionCycle), grid.class(PairClass::CrossSection));
        assert_eq!(cycle[..3], [0.5, 1.0, 1.0]);
        assert_eq!((across[0], across[2]), (1.0, 0.5));
        assert_eq!((grid.n_cells(), grid.class(PairClass::Ambiguous).len()), (6, 0));
        assert_eq!(grid.clone().into_classes()[3], across);
    }

    #[test]
    fn bad_axes_are_refused() {
        assert!(PhaseAxes::cell_centers(0, 5, (0.0, 1.0), (1e-3, 1.0)).is_err());
        assert!(PhaseAxes::cell_centers(5, 5, (0.5, 0.2), (1e-3, 1.0)).is_err());
        assert!(PhaseAxes::cell_centers(5, 5, (0.0, 1.0), (0.0, 1.0)).is_err());
    }
}
