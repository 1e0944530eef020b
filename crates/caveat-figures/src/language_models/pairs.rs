//! A table of judged pairs, checked once and summed for figures: placements and accuracies of unordered pairs.

use std::collections::BTreeMap;

use caveat_results::{ConditionKey, Hierarchy, PairCell, PairTable, wilson_interval};
use caveat_theory::PairClass;

use super::order;
use crate::error::{FigureError, Result};

/// The cells of every condition.
pub(super) struct Pairs<'a> {
    table: &'a PairTable,
    cells: Vec<Vec<&'a PairCell>>,
}

/// Right answers among scored trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Proportion {
    n_correct: u64,
    n_scored: u64,
}

impl Proportion {
    pub(super) fn add(&mut self, other: Self) {
        self.n_correct += other.n_correct;
        self.n_scored += other.n_scored;
    }

    /// Number of scored trials.
    pub(super) fn n(self) -> u64 {
        self.n_scored
    }

    /// The share in percent; NaN without trials.
    pub(super) fn percent(self) -> f64 {
        100.0 * self.n_correct as f64 / self.n_scored as f64
    }

    /// Its Wilson 95 % interval in percent; NaN without trials.
    pub(super) fn interval(self) -> (f64, f64) {
        let (low, high) = wilson_interval(self.n_correct as f64, self.n_scored as f64);
        (100.0 * low, 100.0 * high)
    }
}

impl std::iter::Sum for Proportion {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut sum, part| {
            sum.add(part);
            sum
        })
    }
}

/// How often the answers to one unordered pair of one condition were right, over both orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PairAccuracy {
    /// Index of the condition.
    pub(super) condition: usize,
    /// The higher item.
    pub(super) first: usize,
    /// The lower item.
    pub(super) second: usize,
    pub(super) class: PairClass,
    pub(super) proportion: Proportion,
}

/// How often the higher item of every pair is placed above the lower one.
pub(super) struct Placements<'a> {
    pub(super) key: &'a ConditionKey,
    pub(super) hierarchy: &'a Hierarchy,
    /// Percentages at first · n + second for first < second, NaN where nothing was observed.
    percent: Vec<f64>,
    n: Vec<u64>,
}

impl Placements<'_> {
    pub(super) fn n_items(&self) -> usize {
        self.hierarchy.n_items
    }

    /// P(first above second) in percent, for `first < second`.
    pub(super) fn percent(&self, first: usize, second: usize) -> f64 {
        self.percent[first * self.hierarchy.n_items + second]
    }

    /// Number of trials behind it.
    pub(super) fn n(&self, first: usize, second: usize) -> u64 {
        self.n[first * self.hierarchy.n_items + second]
    }
}

impl<'a> Pairs<'a> {
    /// Checks a table.
    ///
    /// # Errors
    /// A cell whose condition, hierarchy or ranks the table does not have, or that disagrees with its condition's other cells
    /// about the hierarchy.
    pub(super) fn new(table: &'a PairTable) -> Result<Self> {
        let mut cells: Vec<Vec<&PairCell>> = vec![Vec::new(); table.conditions.len()];
        for (row, cell) in table.cells.iter().enumerate() {
            let bad = |problem: String| FigureError::bad("pair table", format!("cell {row}: {problem}"));
            let (conditions, hierarchies) = (table.conditions.len(), table.hierarchies.len());
            let own = cells.get_mut(cell.condition).ok_or_else(|| {
                bad(format!("condition {}, but there are {conditions}: the first is 0", cell.condition))
            })?;
            let hierarchy = table.hierarchies.get(cell.hierarchy).ok_or_else(|| {
                bad(format!("hierarchy {}, but there are {hierarchies}: the first is 0", cell.hierarchy))
            })?;
            let (a, b, n) = (cell.rank_a, cell.rank_b, hierarchy.n_items);
            if a == b || a.max(b) >= n {
                return Err(bad(format!("ranks {a} and {b} are no pair of the {n} items of {}", hierarchy.name)));
            }
            if hierarchy.classes.n_items() != n {
                let classified = hierarchy.classes.n_items();
                return Err(bad(format!("{} has {n} items, but classes of {classified}", hierarchy.name)));
            }
            if own.first().is_some_and(|first| first.hierarchy != cell.hierarchy) {
                let condition = &table.conditions[cell.condition];
                return Err(bad(format!("{condition} has cells of two hierarchies: expected one")));
            }
            own.push(cell);
        }
        Ok(Self { table, cells })
    }

    /// Indices of the conditions with cells, in the order of the table.
    pub(super) fn conditions(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.cells.len()).filter(|&c| !self.cells[c].is_empty())
    }

    pub(super) fn key(&self, condition: usize) -> &'a ConditionKey {
        &self.table.conditions[condition]
    }

    /// Index of the hierarchy of a condition with cells.
    pub(super) fn hierarchy_of(&self, condition: usize) -> Option<usize> {
        self.cells[condition].first().map(|cell| cell.hierarchy)
    }

    pub(super) fn hierarchy(&self, index: usize) -> &'a Hierarchy {
        &self.table.hierarchies[index]
    }

    /// The hierarchies that have conditions, by the number of items, then by name.
    pub(super) fn hierarchies(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self.conditions().filter_map(|c| self.hierarchy_of(c)).collect();
        used.sort_unstable();
        used.dedup();
        let names = order::words(used.iter().map(|&h| self.hierarchy(h).name.as_str()));
        used.sort_by_key(|&h| {
            let hierarchy = self.hierarchy(h);
            (hierarchy.n_items, names.iter().position(|name| *name == hierarchy.name))
        });
        used
    }

    /// Placements of all pairs of a condition, with equal weight for both orders of presentation; `None` without cells.
    pub(super) fn placements(&self, condition: usize) -> Option<Placements<'a>> {
        let hierarchy = self.hierarchy(self.hierarchy_of(condition)?);
        let n_items = hierarchy.n_items;
        let (mut sums, mut n) = (vec![(0.0, 0u32); n_items * n_items], vec![0; n_items * n_items]);
        for cell in &self.cells[condition] {
            if cell.prob_yes.is_finite() {
                let forward = cell.rank_a < cell.rank_b;
                let at = cell.rank_a.min(cell.rank_b) * n_items + cell.rank_a.max(cell.rank_b);
                sums[at].0 += if forward { cell.prob_yes } else { 1.0 - cell.prob_yes };
                sums[at].1 += 1;
                n[at] += cell.n;
            }
        }
        // Without any order this is 0 / 0, NaN, as it should be.
        let percent = sums.into_iter().map(|(sum, orders)| 100.0 * sum / f64::from(orders)).collect();
        Some(Placements { key: self.key(condition), hierarchy, percent, n })
    }

    /// Accuracies of all pairs of a condition that have scored trials, in order of their items.
    pub(super) fn accuracies(&self, condition: usize) -> Vec<PairAccuracy> {
        let mut pairs: BTreeMap<(usize, usize), (PairClass, Proportion)> = BTreeMap::new();
        for cell in self.cells[condition].iter().filter(|c| c.n_scored > 0) {
            let pair = (cell.rank_a.min(cell.rank_b), cell.rank_a.max(cell.rank_b));
            let (_, sum) = pairs.entry(pair).or_insert((cell.class, Proportion::default()));
            sum.add(Proportion { n_correct: cell.n_correct, n_scored: cell.n_scored });
        }
        let accuracy =
            |((first, second), (class, proportion))| PairAccuracy { condition, first, second, class, proportion };
        pairs.into_iter().map(accuracy).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use caveat_theory::TransitiveTask;

    /// One condition: setting, model, stimulus task, items, exceptions, LoRA rank or penalty.
    pub(in super::super) type Spec<'a> = (&'a str, &'a str, &'a str, usize, &'a [(usize, usize)], Option<f64>);

    /// A table whose answers depend on pair and condition in a fixed way, 40 trials per ordered pair.
    pub(in super::super) fn table(specs: &[Spec<'_>]) -> PairTable {
        let mut table = PairTable { hierarchies: Vec::new(), conditions: Vec::new(), cells: Vec::new() };
        for (condition, &(setting, model, task, n_items, exceptions, parameter)) in specs.iter().enumerate() {
            let marks: Vec<String> = exceptions.iter().map(|(w, l)| format!("_{w}-{l}")).collect();
            let name = if exceptions.is_empty() {
                format!("ti_n{n_items}")
            } else {
                format!("exc_n{n_items}{}", marks.concat())
            };
            let known = table.hierarchies.iter().position(|h| h.name == name);
            let hierarchy = known.unwrap_or_else(|| {
                let trained = TransitiveTask::new(n_items, exceptions).unwrap();
                table.hierarchies.push(Hierarchy {
                    name: name.clone(),
                    n_items,
                    graph: trained.graph().clone(),
                    exceptions: exceptions.to_vec(),
                    classes: trained.classes().unwrap(),
                });
                table.hierarchies.len() - 1
            });
            let of = |wanted: &str| parameter.filter(|_| setting == wanted);
            table.conditions.push(ConditionKey {
                setting: setting.into(),
                model: model.into(),
                task: task.into(),
                hier: name,
                lora_r: of("lora"),
                l2_reg: of("probe"),
            });
            let classes = &table.hierarchies[hierarchy].classes;
            for (a, b) in (0..n_items * n_items).map(|k| (k / n_items, k % n_items)).filter(|(a, b)| a != b) {
                let label = classes.label(a, b);
                let wave = ((a * n_items + b + 7 * condition) as f64 * 12.9898).sin();
                let n_correct = (32.0 + 7.9 * wave).round() as u64;
                let right = n_correct as f64 / 40.0;
                table.cells.push(PairCell {
                    condition,
                    hierarchy,
                    rank_a: a,
                    rank_b: b,
                    class: classes.class(a, b),
                    n: 40,
                    n_scored: if label.is_some() { 40 } else { 0 },
                    n_correct: if label.is_some() { n_correct } else { 0 },
                    n_yes: if label == Some(-1) { 40 - n_correct } else { n_correct },
                    prob_yes: if label == Some(-1) { 1.0 - right } else { right },
                    margin: 4.0 * wave,
                });
            }
        }
        table
    }

    #[test]
    fn placements_weigh_both_orders_the_same_and_skip_what_is_missing() {
        let mut table = table(&[("full", "gpt2", "fake", 3, &[], None)]);
        for cell in &mut table.cells {
            (cell.n, cell.prob_yes) = match (cell.rank_a, cell.rank_b) {
                (0, 1) => (10, 0.9),
                (1, 0) => (1000, 0.3),
                (0, 2) => (10, 0.8),
                _ => (10, f64::NAN),
            };
        }
        let pairs = Pairs::new(&table).unwrap();
        let placements = pairs.placements(0).unwrap();
        // (90 + 70) / 2, although one order has a hundred times the trials.
        assert!((placements.percent(0, 1) - 80.0).abs() < 1e-12 && placements.n(0, 1) == 1010);
        assert!((placements.percent(0, 2) - 80.0).abs() < 1e-12 && placements.n(0, 2) == 10);
        assert!(placements.percent(1, 2).is_nan() && placements.n(1, 2) == 0);
    }

    #[test]
    fn accuracies_sum_both_orders() {
        let mut table = table(&[("full", "gpt2", "fake", 4, &[(2, 1)], None)]);
        for cell in table.cells.iter_mut().filter(|c| c.n_scored > 0) {
            cell.n_correct = if cell.rank_a < cell.rank_b { 10 } else { 30 };
        }
        let pairs = Pairs::new(&table).unwrap();
        let accuracies = pairs.accuracies(0);
        // 0 > 1, 2 > 1, 2 > 3 are trained; the other three pairs have no answer.
        let scored: Vec<_> = accuracies.iter().map(|a| (a.first, a.second)).collect();
        assert_eq!(scored, [(0, 1), (1, 2), (2, 3)]);
        assert!(accuracies.iter().all(|a| a.proportion == Proportion { n_correct: 40, n_scored: 80 }));
        let total: Proportion = accuracies.iter().map(|a| a.proportion).sum();
        assert_eq!((total.n(), total.percent()), (240, 50.0));
        let (low, high) = total.interval();
        assert!(low < 50.0 && 50.0 < high && (low + high - 100.0).abs() < 1e-9);
        assert!(Proportion::default().percent().is_nan() && Proportion::default().interval().0.is_nan());
    }

    #[test]
    fn hierarchies_come_by_size_and_name_and_only_if_used() {
        let specs: [Spec<'_>; 4] = [
            ("full", "gpt2", "fake", 20, &[(9, 5)], None),
            ("full", "gpt2", "fake", 9, &[(7, 3)], None),
            ("full", "gpt2", "fake", 9, &[(5, 3)], None),
            ("full", "gpt2", "fake", 4, &[], None),
        ];
        let mut table = table(&specs);
        table.cells.retain(|c| c.condition != 3);
        let pairs = Pairs::new(&table).unwrap();
        assert_eq!(pairs.hierarchies(), [2, 1, 0]);
        assert_eq!(pairs.conditions().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(pairs.placements(3).is_none() && pairs.accuracies(3).is_empty());
    }

    #[test]
    fn cells_that_do_not_fit_their_table_are_refused() {
        let specs: [Spec<'_>; 2] =
            [("full", "gpt2", "fake", 9, &[(5, 3)], None), ("full", "gpt2", "real", 4, &[], None)];
        let changes: [fn(&mut PairCell); 5] =
            [|c| c.condition = 9, |c| c.hierarchy = 9, |c| c.rank_a = 9, |c| c.rank_b = c.rank_a, |c| c.hierarchy = 1];
        for (k, change) in changes.into_iter().enumerate() {
            let mut table = table(&specs);
            change(&mut table.cells[1]);
            assert!(matches!(Pairs::new(&table), Err(FigureError::BadInput { what: "pair table", .. })), "change {k}");
        }
    }
}
