//! The hierarchy behind every tag: its items, what its rows say about each ordered pair, and whether that can be.

use std::collections::HashMap;
use std::path::PathBuf;

use caveat_theory::{Comparison, ComparisonGraph, PairClasses};

use super::findings::{Findings, ProblemKind};
use super::runs::{EXCEPTION, Entry, NO, NO_TRUTH, Place, Runs, TRAINED, UNUSABLE, YES};
use crate::conditions::{MAX_ITEMS, orders_admitted, other_orders};
use crate::error::{Result, ResultsError};
use crate::hierarchy_name::{contradiction, told};
use crate::trial_table::TrialColumn;

/// The items of a hierarchy: ranks from `first` to `last`, those of its trained pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items {
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Items {
    pub(super) fn len(self) -> usize {
        usize::from(self.last - self.first) + 1
    }

    pub(super) fn contain(self, rank: u16) -> bool {
        (self.first..=self.last).contains(&rank)
    }

    /// Index of the ordered pair in a square over the items; `None` if a rank is outside.
    pub(super) fn index(self, a: u16, b: u16) -> Option<usize> {
        let inside = self.contain(a) && self.contain(b);
        inside.then(|| usize::from(a - self.first) * self.len() + usize::from(b - self.first))
    }
}

/// What rows say about an ordered pair, how many say so, and the first of them.
#[derive(Debug, Clone, Copy)]
struct Variant {
    marks: u8,
    count: u64,
    first: Place,
}

/// Checks every hierarchy over all conditions, and gives the items of each by the number of its tag.
pub(super) fn check(runs: &Runs, tables: &[PathBuf], findings: &mut Findings) -> Result<HashMap<u32, Items>> {
    let mut by_tag: Vec<(u32, Vec<&[Entry]>)> = Vec::new();
    let mut index = HashMap::new();
    for (key, entries) in runs.iter() {
        let tag = key.condition.names[3];
        let at = *index.entry(tag).or_insert_with(|| {
            by_tag.push((tag, Vec::new()));
            by_tag.len() - 1
        });
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
    fn add(&mut self, place: Place, kind: ProblemKind, column: TrialColumn, text: impl FnOnce() -> String) {
        self.findings.add(place.table(), kind, Some(place.row()), Some(column), text);
    }

    fn name(&self, place: Place) -> String {
        name_of(place, self.tables)
    }

    /// The items: the longest run of consecutive ranks that are trained in half of the runs or more, so that a wrong rank in a
    /// few rows makes no item.
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
            let tag = self.tag.clone();
            self.add(first, ProblemKind::MissingPremise, TrialColumn::IsTrain, || {
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
                    self.add(e.place, ProblemKind::Rank, column, || format!("rank {rank}: {range}"));
                }
            }
            first = first.into_iter().chain([e.place]).min();
        }
        if let Some(place) = first.filter(|_| items.first > 0) {
            self.add(place, ProblemKind::Rank, TrialColumn::RankA, || {
                format!("{range}: expected ranks from 0, the highest")
            });
        }
    }

    /// What most rows say about every ordered pair, by [`Items::index`]; rows that say otherwise are reported.
    fn reconcile(&mut self, items: Items, rows: &[&[Entry]]) -> Vec<Option<Variant>> {
        let mut pairs: Vec<Option<Variant>> = vec![None; items.len() * items.len()];
        // Variants of pairs beside the one met first; rarely any.
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
            let (tag, there) = (self.tag.clone(), self.name(most.first));
            self.add(e.place, ProblemKind::MixedHierarchy, column, || {
                let (here, said) = match column {
                    TrialColumn::Label => (label(e.marks), label(most.marks)),
                    _ => (truth(e.marks, mark), truth(most.marks, mark)),
                };
                let (a, b) = (e.a, e.b);
                format!("{here} for the ordered pair ({a}, {b}), but {said} in {there} and most rows of hier {tag}")
            });
        }
    }

    /// Number of items and exceptions against the name of the hierarchy.
    fn check_name(&mut self, items: Items, pairs: &[Option<Variant>]) {
        let at = |a: u16, b: u16| items.index(a, b).and_then(|k| pairs[k]);
        let all = || (items.first..=items.last).flat_map(|i| (i + 1..=items.last).map(move |j| (i, j)));
        let marked = |&(i, j): &(u16, u16)| [at(i, j), at(j, i)].iter().flatten().any(|v| v.marks & EXCEPTION != 0);
        let exceptions: Vec<(usize, usize)> = all().filter(marked).map(|(i, j)| (j.into(), i.into())).collect();
        let Some(place) = pairs.iter().flatten().map(|v| v.first).min() else { return };
        let Some(against) = contradiction(&self.tag, items.len(), &exceptions) else { return };
        let tag = self.tag.clone();
        self.add(place, ProblemKind::HierarchyName, TrialColumn::Hier, || {
            format!("{}: expected the name of what was trained, or all of its rows", told(&tag, &against))
        });
    }

    /// Labels, exceptions and premises of the hierarchy, as most rows have them.
    fn check_pairs(&mut self, items: Items, pairs: &[Option<Variant>]) -> Result<()> {
        let at = |a: u16, b: u16| items.index(a, b).and_then(|k| pairs[k]);
        let unordered = || (items.first..=items.last).flat_map(|i| (i + 1..=items.last).map(move |j| (i, j)));
        let mut comparisons = Vec::new();
        let mut impossible = vec![false; pairs.len()];
        let mut first_exception = None;
        // Which orders every trained pair admits.
        let mut admitted = u8::MAX;
        for (i, j) in unordered() {
            let (forward, backward) = (at(i, j), at(j, i));
            let Some(pair) = Pair::from_variants(forward, backward) else { continue };
            if let Some((earlier, later)) = pair.both_labelled_alike() {
                impossible[items.index(i, j).unwrap_or(0)] = true;
                let there = self.name(earlier);
                let label = if pair.marks & YES != 0 { "Yes" } else { "No" };
                self.add(later, ProblemKind::ImpossibleLabel, TrialColumn::Label, || {
                    format!("pair ({i}, {j}) is labelled {label} in both orders, here and in {there}: expected Yes in one, No in the other")
                });
            }
            self.check_exception(i, j, &pair);
            if pair.marks & TRAINED == 0 {
                continue;
            }
            let is_exception = pair.marks & EXCEPTION != 0;
            let is_untrained = |said: Option<Variant>| said.is_some_and(|v| v.marks & TRAINED == 0);
            let first_wins = pair.higher_wins.unwrap_or(!is_exception);
            let orders = orders_admitted(is_untrained(backward), is_untrained(forward), first_wins);
            if admitted & orders == 0 {
                self.add(pair.first, ProblemKind::TrainedOrder, TrialColumn::IsTrain, || {
                    other_orders(i.into(), j.into())
                });
            } else {
                admitted &= orders;
            }
            if is_exception && first_exception.is_none() {
                first_exception = Some((pair.first, i, j));
            }
            // What is trained as a premise counts as one whatever its label: that is reported, and what follows from it would
            // only repeat it.
            comparisons.push(if is_exception { (j, i) } else { (i, j) });
        }
        if let Some((place, ..)) = first_exception {
            for (r, s) in (items.first..items.last).map(|r| (r, r + 1)) {
                let seen = at(r, s).or(at(s, r));
                let trained = [at(r, s), at(s, r)].iter().flatten().any(|v| v.marks & TRAINED != 0);
                if trained {
                    continue;
                }
                comparisons.push((r, s));
                let tag = self.tag.clone();
                self.add(seen.map_or(place, |v| v.first), ProblemKind::MissingPremise, TrialColumn::IsTrain, || {
                    format!("the premise ({r}, {s}) is not trained in hier {tag}, which has exceptions: expected all neighbors trained")
                });
            }
        }
        // Then the ranks that make no hierarchy are reported as such.
        if comparisons.is_empty() {
            return Ok(());
        }
        let index = |rank: u16| usize::from(rank - items.first);
        let graph = comparisons.into_iter().map(|(winner, loser)| Comparison::new(index(winner), index(loser)));
        let classes = ComparisonGraph::new(items.len(), graph)
            .and_then(|g| g.classes())
            .map_err(|source| ResultsError::Theory { context: format!("hier {}, trained pairs", self.tag), source })?;
        for (i, j) in unordered() {
            if impossible[items.index(i, j).unwrap_or(0)] {
                continue;
            }
            for (a, b) in [(i, j), (j, i)] {
                if let Some(said) = at(a, b) {
                    self.check_label((a, b), said, &classes, (index(a), index(b)));
                }
            }
        }
        Ok(())
    }

    fn check_exception(&mut self, i: u16, j: u16, pair: &Pair) {
        let column = TrialColumn::IsException;
        let mut problem = |text: String| self.add(pair.first, ProblemKind::Exception, column, || text);
        if pair.marks & EXCEPTION == 0 {
            return;
        }
        if pair.exception_in_one_order {
            problem(format!("pair ({i}, {j}) is marked in one order only: expected the same in both"));
        } else if pair.marks & TRAINED == 0 {
            problem(format!(
                "pair ({i}, {j}) is marked as an exception, but is_train is false: exceptions are trained"
            ));
        } else if pair.higher_wins == Some(true) {
            problem(format!(
                "pair ({i}, {j}) is marked as an exception, but its label follows the rank order: expected that {j} wins"
            ));
        }
    }

    /// The label of one ordered pair against the trained pairs; `at` is the pair by item number.
    fn check_label(&mut self, (a, b): (u16, u16), said: Variant, classes: &PairClasses, at: (usize, usize)) {
        let trained = classes.is_trained(at.0, at.1);
        let expected = classes.label(at.0, at.1);
        let label = match said.marks & (YES | NO) {
            YES => Some(1),
            NO => Some(-1),
            _ => None,
        };
        let tag = self.tag.clone();
        let words = |label: i8| if label > 0 { "Yes" } else { "No" };
        match (expected, label) {
            (Some(expected), _) if said.marks & NO_TRUTH != 0 => {
                self.add(said.first, ProblemKind::NoGt, TrialColumn::NoGt, || {
                    let why = if trained { "is trained" } else { "follows from the trained pairs" };
                    format!(
                        "true for the pair ({a}, {b}), which {why} in hier {tag}: expected false and the label {}",
                        words(expected)
                    )
                });
            }
            // An exception with the label of a premise is reported as such.
            (Some(expected), Some(label)) if label != expected && said.marks & EXCEPTION == 0 => {
                self.add(said.first, ProblemKind::ImpliedLabel, TrialColumn::Label, || {
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
                self.add(said.first, ProblemKind::OpenLabel, TrialColumn::Label, || {
                    format!(
                        "a label for the pair ({a}, {b}), on which the trained pairs of hier {tag} imply no answer: expected no_gt true"
                    )
                });
            }
            _ => {}
        }
    }
}

/// What rows say about an unordered pair, in either order.
struct Pair {
    /// The marks of both orders together.
    marks: u8,
    exception_in_one_order: bool,
    higher_wins: Option<bool>,
    /// The first row that says so.
    first: Place,
    /// The first rows of both orders, if both have one label.
    alike: Option<(Place, Place)>,
}

impl Pair {
    fn from_variants(forward: Option<Variant>, backward: Option<Variant>) -> Option<Self> {
        let first = forward.map(|v| v.first).into_iter().chain(backward.map(|v| v.first)).min()?;
        let (f, b) = (forward.map_or(0, |v| v.marks), backward.map_or(0, |v| v.marks));
        let alike = match (forward, backward) {
            (Some(f), Some(b)) if f.marks & b.marks & (YES | NO) != 0 => {
                Some((f.first.min(b.first), f.first.max(b.first)))
            }
            _ => None,
        };
        let higher_wins = match (f & (YES | NO), b & (YES | NO)) {
            (YES, _) | (0, NO) => Some(true),
            (NO, _) | (0, YES) => Some(false),
            _ => None,
        };
        let exception_in_one_order = forward.is_some() && backward.is_some() && (f ^ b) & EXCEPTION != 0;
        Some(Self { marks: f | b, exception_in_one_order, higher_wins, first, alike })
    }

    fn both_labelled_alike(&self) -> Option<(Place, Place)> {
        self.alike
    }
}

/// A row of a table in words.
pub(super) fn name_of(place: Place, tables: &[PathBuf]) -> String {
    format!("row {} of {}", place.row(), tables[place.table()].display())
}
