//! Checks the hierarchy behind every name: its items, what its rows say about each ordered pair, and whether that is possible.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use caveat_theory::{Comparison, ComparisonGraph, PairClasses};

use super::findings::{Findings, ProblemKind};
use super::runs::{Entry, NO_TRUTH, Runs, UNUSABLE};
use crate::conditions::{EXCEPTION, Flaw, MAX_ITEMS, NO, Place, SEEN, TRAINED, Trained, YES};
use crate::error::{Result, ResultsError};
use crate::hierarchy_name::{contradiction, told};
use crate::interner::index_of;
use crate::trial_table::TrialColumn;

/// The items of a hierarchy: the ranks of its trained pairs, from `first` to `last`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Items {
    pub(super) fn len(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    fn contain(self, rank: u16) -> bool {
        (self.first..=self.last).contains(&rank)
    }

    /// Every pair, (higher, lower).
    fn pairs(self) -> impl Iterator<Item = (u16, u16)> {
        (self.first..=self.last).flat_map(move |i| (i + 1..=self.last).map(move |j| (i, j)))
    }

    /// Index of the ordered pair in a square over the items; `None` if a rank is none of them.
    pub(super) fn index(self, a: u16, b: u16) -> Option<usize> {
        let inside = self.contain(a) && self.contain(b);
        inside.then(|| usize::from(a - self.first) * self.len() + usize::from(b - self.first))
    }
}

/// Marks of an ordered pair, how many rows have them, and the first such row.
#[derive(Debug, Clone, Copy)]
struct Variant {
    marks: u8,
    count: u64,
    first: Place,
}

/// Checks every hierarchy over all conditions; returns the items of each by the number of its name.
pub(super) fn check(runs: &Runs, tables: &[PathBuf], findings: &mut Findings) -> Result<HashMap<u32, Items>> {
    let mut by_tag: Vec<(u32, Vec<&[Entry]>)> = Vec::new();
    let mut index = HashMap::new();
    for (key, entries) in runs.iter() {
        let tag = key.condition.names[3];
        let at = index_of(&mut index, &mut by_tag, tag, || (tag, Vec::new()));
        by_tag[at].1.push(entries);
    }
    let mut items = HashMap::new();
    for (tag, rows) in by_tag {
        let mut hierarchy = Hierarchy { tag: runs.name(tag), tables, findings };
        if let Some(found) = hierarchy.find_items(&rows) {
            hierarchy.report_foreign_ranks(found, &rows);
            let pairs = hierarchy.reconcile(found, &rows);
            hierarchy.check_name(found, &pairs);
            hierarchy.check_pairs(found, &pairs)?;
            items.insert(tag, found);
        }
    }
    Ok(items)
}

struct Hierarchy<'a> {
    tag: String,
    tables: &'a [PathBuf],
    findings: &'a mut Findings,
}

impl Hierarchy<'_> {
    fn name(&self, place: Place) -> String {
        name_of(place, self.tables)
    }

    /// Finds the items: the longest sequence of ranks that are trained in at least half of the runs, so that a wrong rank in a few
    /// rows is not an item.
    fn find_items(&mut self, rows: &[&[Entry]]) -> Option<Items> {
        let mut trained = vec![0_u64; MAX_ITEMS];
        let mut n_runs = 0_u64;
        for run in rows {
            let mut any = false;
            for e in run.iter().filter(|e| e.marks & TRAINED != 0) {
                trained[usize::from(e.a)] += 1;
                trained[usize::from(e.b)] += 1;
                any = true;
            }
            n_runs += u64::from(any);
        }
        if n_runs == 0 {
            let first = rows.iter().flat_map(|run| run.iter()).map(|e| e.place).min()?;
            let tag = &self.tag;
            self.findings.add_row(first, ProblemKind::MissingPremise, Some(TrialColumn::IsTrain), || {
                format!("is_train is false in all rows of hier {tag}: expected true in those of the trained pairs")
            });
            return None;
        }
        let often = |rank: usize| trained[rank] > 0 && 2 * trained[rank] >= n_runs;
        let is_any_often = (0..MAX_ITEMS).any(often);
        let is_item = |rank: usize| if is_any_often { often(rank) } else { trained[rank] > 0 };
        let mut best: Option<(u64, Items)> = None;
        let mut rank = 0;
        while rank < MAX_ITEMS {
            let start = rank;
            let mut rows = 0;
            while rank < MAX_ITEMS && is_item(rank) {
                rows += trained[rank];
                rank += 1;
            }
            if best.is_none_or(|(most, _)| rows > most) && rank > start {
                best = Some((rows, Items { first: start as u16, last: (rank - 1) as u16 }));
            }
            rank += 1;
        }
        best.map(|(_, items)| items)
    }

    fn report_foreign_ranks(&mut self, items: Items, rows: &[&[Entry]]) {
        let range = format!("the trained pairs of hier {} have ranks {} to {}", self.tag, items.first, items.last);
        let mut first = None;
        for e in rows.iter().flat_map(|run| run.iter()) {
            for (rank, column) in [(e.a, TrialColumn::RankA), (e.b, TrialColumn::RankB)] {
                if !items.contain(rank) {
                    self.findings.add_row(e.place, ProblemKind::Rank, Some(column), || format!("rank {rank}: {range}"));
                }
            }
            first = first.into_iter().chain([e.place]).min();
        }
        if let Some(place) = first.filter(|_| items.first > 0) {
            self.findings.add_row(place, ProblemKind::Rank, Some(TrialColumn::RankA), || {
                format!("{range}: expected ranks from 0, the highest")
            });
        }
    }

    /// The marks of every ordered pair in most rows, by [`Items::index`]; reports rows with other marks.
    fn reconcile(&mut self, items: Items, rows: &[&[Entry]]) -> Vec<Option<Variant>> {
        let mut pairs: Vec<Option<Variant>> = vec![None; items.len() * items.len()];
        // Other marks of a pair than the first ones; rarely any.
        let mut others: HashMap<(usize, u8), Variant> = HashMap::new();
        let usable = |e: &&Entry| e.marks & UNUSABLE == 0;
        for e in rows.iter().flat_map(|run| run.iter()).filter(usable) {
            let Some(at) = items.index(e.a, e.b) else { continue };
            let fresh = Variant { marks: e.marks, count: 0, first: e.place };
            let known = pairs[at].get_or_insert(fresh);
            let variant = if known.marks == e.marks { known } else { others.entry((at, e.marks)).or_insert(fresh) };
            variant.count += 1;
            variant.first = variant.first.min(e.place);
        }
        if others.is_empty() {
            return pairs;
        }
        for ((at, _), other) in others {
            let known = pairs[at].get_or_insert(other);
            if (other.count, known.first) > (known.count, other.first) {
                *known = other;
            }
        }
        for e in rows.iter().flat_map(|run| run.iter()).filter(usable) {
            if let Some(most) = items.index(e.a, e.b).and_then(|at| pairs[at]).filter(|most| most.marks != e.marks) {
                self.report_contradiction(e, &most);
            }
        }
        pairs
    }

    fn report_contradiction(&mut self, e: &Entry, most: &Variant) {
        let truth = |marks: u8, mark: u8| if marks & mark != 0 { "true" } else { "false" };
        let label = |marks: u8| match marks & (YES | NO) {
            YES => "Yes",
            NO => "No",
            _ => "missing",
        };
        let columns = [
            (TRAINED, TrialColumn::IsTrain),
            (EXCEPTION, TrialColumn::IsException),
            (NO_TRUTH, TrialColumn::NoGt),
            (YES | NO, TrialColumn::Label),
        ];
        for (mark, column) in columns.into_iter().filter(|(mark, _)| (e.marks ^ most.marks) & mark != 0) {
            let (tag, there) = (&self.tag, self.name(most.first));
            self.findings.add_row(e.place, ProblemKind::MixedHierarchy, Some(column), || {
                let (here, said) = match column {
                    TrialColumn::Label => (label(e.marks), label(most.marks)),
                    _ => (truth(e.marks, mark), truth(most.marks, mark)),
                };
                let (a, b) = (e.a, e.b);
                format!("{here} for the ordered pair ({a}, {b}), but {said} in {there} and most rows of hier {tag}")
            });
        }
    }

    /// Checks the number of items and the exceptions against the name of the hierarchy.
    fn check_name(&mut self, items: Items, pairs: &[Option<Variant>]) {
        let at = |a: u16, b: u16| items.index(a, b).and_then(|k| pairs[k]);
        let marked = |&(i, j): &(u16, u16)| [at(i, j), at(j, i)].iter().flatten().any(|v| v.marks & EXCEPTION != 0);
        let exceptions: Vec<(usize, usize)> = items.pairs().filter(marked).map(|(i, j)| (j.into(), i.into())).collect();
        let Some(place) = pairs.iter().flatten().map(|v| v.first).min() else { return };
        let Some(against) = contradiction(&self.tag, items.len(), &exceptions) else { return };
        let tag = &self.tag;
        self.findings.add_row(place, ProblemKind::HierarchyName, Some(TrialColumn::Hier), || {
            format!("{}: expected the name of what was trained, or all of its rows", told(tag, &against))
        });
    }

    /// Checks labels, exceptions and premises, as most rows have them.
    fn check_pairs(&mut self, items: Items, pairs: &[Option<Variant>]) -> Result<()> {
        let at = |a: u16, b: u16| items.index(a, b).and_then(|k| pairs[k]);
        // Ranks are below `MAX_ITEMS`.
        let both = |(i, j): (usize, usize)| [at(i as u16, j as u16), at(j as u16, i as u16)].into_iter().flatten();
        let marks = |a: usize, b: usize| at(a as u16, b as u16).map_or(0, |said| said.marks | SEEN);
        let trained = Trained::find(usize::from(items.last) + 1, marks);
        let mut impossible = HashSet::new();
        for problem in &trained.problems {
            let pair = problem.pair;
            let Some(first) = both(pair).map(|said| said.first).min() else { continue };
            let (place, kind, text) = match problem.flaw {
                Flaw::Alike(label) => {
                    impossible.insert(pair);
                    let later = both(pair).map(|said| said.first).max().unwrap_or(first);
                    let text = format!(
                        "pair {pair:?} is labelled {label} in both orders, here and in {}: expected Yes in one, No in the other",
                        self.name(first)
                    );
                    (later, ProblemKind::ImpossibleLabel, text)
                }
                Flaw::OtherOrders => (first, ProblemKind::TrainedOrder, problem.to_string()),
                _ => (first, ProblemKind::Exception, problem.to_string()),
            };
            self.findings.add_row(place, kind, Some(problem.flaw.column()), || text);
        }
        let pairs = trained.comparisons.iter().map(|c| (c.winner.min(c.loser), c.winner.max(c.loser)));
        let is_exception = |&pair: &(usize, usize)| both(pair).any(|said| said.marks & EXCEPTION != 0);
        // A trained premise counts as one whatever its label: a wrong label is reported once, and not again with what follows.
        let mut comparisons: Vec<(usize, usize)> =
            pairs.clone().map(|(i, j)| if is_exception(&(i, j)) { (j, i) } else { (i, j) }).collect();
        let first_exception = pairs.filter(is_exception).find_map(|pair| both(pair).map(|said| said.first).min());
        if let Some(place) = first_exception {
            for (r, s) in (items.first..items.last).map(|r| (r, r + 1)) {
                let said = || both((r.into(), s.into()));
                if said().any(|v| v.marks & TRAINED != 0) {
                    continue;
                }
                comparisons.push((r.into(), s.into()));
                let tag = &self.tag;
                let place = said().next().map_or(place, |v| v.first);
                self.findings.add_row(place, ProblemKind::MissingPremise, Some(TrialColumn::IsTrain), || {
                    format!("the premise ({r}, {s}) is not trained in hier {tag}, which has exceptions: expected all neighbors trained")
                });
            }
        }
        // Without comparisons, the problems above say it all.
        if comparisons.is_empty() {
            return Ok(());
        }
        let first = usize::from(items.first);
        let graph = comparisons.into_iter().map(|(winner, loser)| Comparison::new(winner - first, loser - first));
        let classes = ComparisonGraph::new(items.len(), graph)
            .and_then(|g| g.classes())
            .map_err(|source| ResultsError::Theory { context: format!("hier {}, trained pairs", self.tag), source })?;
        for (i, j) in items.pairs().filter(|&(i, j)| !impossible.contains(&(i.into(), j.into()))) {
            for (a, b) in [(i, j), (j, i)] {
                if let Some(said) = at(a, b) {
                    self.check_label((a, b), said, &classes, items.first);
                }
            }
        }
        Ok(())
    }

    /// Checks the label of one ordered pair against the trained pairs, whose items count from the rank `first`.
    fn check_label(&mut self, (a, b): (u16, u16), said: Variant, classes: &PairClasses, first: u16) {
        let [i, j] = [a, b].map(|rank| usize::from(rank - first));
        let (trained, expected) = (classes.is_trained(i, j), classes.label(i, j));
        let label = match said.marks & (YES | NO) {
            YES => Some(1),
            NO => Some(-1),
            _ => None,
        };
        let tag = &self.tag;
        let words = |label: i8| if label > 0 { "Yes" } else { "No" };
        match (expected, label) {
            (Some(expected), _) if said.marks & NO_TRUTH != 0 => {
                self.findings.add_row(said.first, ProblemKind::NoGt, Some(TrialColumn::NoGt), || {
                    let why = if trained { "is trained" } else { "follows from the trained pairs" };
                    format!(
                        "true for the pair ({a}, {b}), which {why} in hier {tag}: expected false and the label {}",
                        words(expected)
                    )
                });
            }
            // An exception with the label of a premise is already reported.
            (Some(expected), Some(label)) if label != expected && said.marks & EXCEPTION == 0 => {
                self.findings.add_row(said.first, ProblemKind::ImpliedLabel, Some(TrialColumn::Label), || {
                    let expected = words(expected);
                    match said.marks & TRAINED != 0 {
                        true => format!(
                            "{} for the trained pair ({a}, {b}) is against the rank order: expected {expected}, or is_exception true",
                            words(label)
                        ),
                        false => format!(
                            "{} for the pair ({a}, {b}), but the trained pairs of hier {tag} imply {expected}",
                            words(label)
                        ),
                    }
                });
            }
            (None, Some(_)) if said.marks & NO_TRUTH == 0 => {
                self.findings.add_row(said.first, ProblemKind::OpenLabel, Some(TrialColumn::Label), || {
                    format!(
                        "a label for the pair ({a}, {b}), on which the trained pairs of hier {tag} imply no answer: expected no_gt true"
                    )
                });
            }
            _ => {}
        }
    }
}

/// A row of a table in words.
pub(super) fn name_of(place: Place, tables: &[PathBuf]) -> String {
    format!("row {} of {}", place.row(), tables[place.table()].display())
}
