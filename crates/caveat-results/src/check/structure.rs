//! Compares rows and runs: what is there twice or missing, and whether the two orders of a pair agree.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use rayon::prelude::*;

use super::findings::{Findings, ProblemKind};
use super::hierarchy::{Items, name_of};
use super::runs::{Entry, Members, Runs, UNPAIRED};
use crate::conditions::{ConditionId, NO, Place, YES};
use crate::error::first_names;
use crate::trial_table::TrialColumn;

/// Most pairs or seeds that one problem names.
const NAMED: usize = 8;

/// Checks all conditions against themselves and each other.
pub(super) fn check(runs: &Runs, items: &HashMap<u32, Items>, tables: &[PathBuf], findings: &mut Findings) {
    let conditions = runs.conditions();
    let found: Vec<Findings> = conditions
        .par_iter()
        .map(|(id, members)| {
            let items = items.get(&id.names[3]).copied();
            let mut condition = Condition { runs, id, members, items, tables, findings: findings.empty() };
            condition.check_rows();
            condition.check_pairs();
            condition.check_runs();
            condition.findings
        })
        .collect();
    found.into_iter().for_each(|f| findings.merge(f));
    check_seeds(runs, &conditions, tables, findings);
}

struct Condition<'a> {
    runs: &'a Runs,
    id: &'a ConditionId,
    members: &'a Members<'a>,
    items: Option<Items>,
    tables: &'a [PathBuf],
    findings: Findings,
}

impl Condition<'_> {
    /// Reports rows that are there twice, and checks paired_correct against both orders of a pair.
    fn check_rows(&mut self) {
        let mut sorted: Vec<Entry> = Vec::new();
        for (_, entries) in self.members {
            sorted.clear();
            sorted.extend_from_slice(entries);
            // Both orders of a pair become neighbors, forward first.
            sorted.sort_unstable_by_key(|e| (e.a.min(e.b), e.a.max(e.b), e.a, e.place));
            for pair in sorted.chunk_by(|x, y| (x.a.min(x.b), x.a.max(x.b)) == (y.a.min(y.b), y.a.max(y.b))) {
                for same in pair.chunk_by(|x, y| x.a == y.a) {
                    let first = same[0].place;
                    for e in &same[1..] {
                        let (there, a, b) = (first, e.a, e.b);
                        self.findings.add_row(e.place, ProblemKind::DuplicateRow, None, || {
                            format!(
                                "the ordered pair ({a}, {b}) of this run is in {} already",
                                name_of(there, self.tables)
                            )
                        });
                    }
                }
                // With duplicates it is unknown which rows belong together.
                if let [x, y] = pair
                    && x.a != y.a
                {
                    self.check_paired(x, y);
                }
            }
        }
    }

    fn check_paired(&mut self, x: &Entry, y: &Entry) {
        let (yes, no) = match (x.marks & (YES | NO), y.marks & (YES | NO)) {
            (YES, NO) => (x.prob_yes, y.prob_yes),
            (NO, YES) => (y.prob_yes, x.prob_yes),
            _ => return,
        };
        if yes.is_nan() || no.is_nan() {
            return;
        }
        let expected = u8::from(yes > no);
        for e in [x, y].into_iter().filter(|e| e.paired != UNPAIRED && e.paired != expected) {
            self.findings.add_row(e.place, ProblemKind::PairedCorrect, Some(TrialColumn::PairedCorrect), || {
                format!(
                    "{}: expected {expected}, for prob_yes is {yes} in the order labelled Yes and {no} in the other",
                    e.paired
                )
            });
        }
    }

    /// Reports ordered pairs that no run of the condition has, and those that some runs lack.
    fn check_pairs(&mut self) {
        let Some(items) = self.items else { return };
        let n = items.len();
        let mut seen = vec![false; n * n];
        let mut here = vec![false; n * n];
        let mut counts = Vec::with_capacity(self.members.len());
        let mark = |square: &mut [bool], entries: &[Entry]| {
            square.fill(false);
            entries.iter().filter_map(|e| items.index(e.a, e.b)).for_each(|at| square[at] = true);
        };
        for (_, entries) in self.members {
            mark(&mut here, entries);
            seen.iter_mut().zip(&here).for_each(|(all, one)| *all |= *one);
            counts.push(here.iter().filter(|x| **x).count());
        }
        let lacking = |present: &dyn Fn(usize) -> bool| -> Vec<(u16, u16)> {
            let ranks = items.first..=items.last;
            let all = ranks.clone().flat_map(|a| ranks.clone().map(move |b| (a, b))).filter(|(a, b)| a != b);
            all.filter(|&(a, b)| items.index(a, b).is_some_and(|at| !present(at))).collect()
        };
        let total = seen.iter().filter(|x| **x).count();
        if total < n * (n - 1) {
            let pairs = lacking(&|at| seen[at]);
            let first = self.members.iter().flat_map(|(_, entries)| first_row(entries)).min();
            let name = self.runs.describe(self.id);
            if let Some(place) = first {
                self.findings.add_row(place, ProblemKind::MissingPair, None, || {
                    format!(
                        "no run of condition {name}, which begins here, has {} of the {} ordered pairs: {}",
                        pairs.len(),
                        n * (n - 1),
                        list(pairs.iter().map(|(a, b)| format!("({a}, {b})")))
                    )
                });
            }
        }
        for ((key, entries), count) in self.members.iter().zip(counts) {
            if count == total {
                continue;
            }
            mark(&mut here, entries);
            let pairs = lacking(&|at| here[at] || !seen[at]);
            let Some(place) = first_row(entries) else { continue };
            self.findings.add_row(place, ProblemKind::MissingPair, None, || {
                format!(
                    "the run that begins here (seed {}, reverse {}, phase {}) lacks {} of the {total} ordered pairs of its \
                     condition: {}",
                    key.seed,
                    key.reverse,
                    key.phase(),
                    pairs.len(),
                    list(pairs.iter().map(|(a, b)| format!("({a}, {b})")))
                )
            });
        }
    }

    /// Reports seeds that lack an order or a phase that other seeds of the condition have.
    fn check_runs(&mut self) {
        let all: BTreeSet<(bool, bool)> = self.members.iter().map(|(key, _)| (key.reverse, key.is_post)).collect();
        let mut by_seed: HashMap<i64, (Place, BTreeSet<(bool, bool)>)> = HashMap::new();
        for (key, entries) in self.members {
            let Some(place) = first_row(entries) else { continue };
            let (first, runs) = by_seed.entry(key.seed).or_insert((place, BTreeSet::new()));
            *first = place.min(*first);
            runs.insert((key.reverse, key.is_post));
        }
        let name = self.runs.describe(self.id);
        for (seed, (place, runs)) in by_seed.into_iter().filter(|(_, (_, runs))| runs.len() < all.len()) {
            self.findings.add_row(place, ProblemKind::MissingRun, None, || {
                let lacks = all.difference(&runs).map(|(reverse, is_post)| {
                    format!("reverse {reverse} phase {}", if *is_post { "post" } else { "pre" })
                });
                format!("seed {seed} of condition {name} lacks {}, which other seeds have", list(lacks))
            });
        }
    }
}

/// Reports seeds that a condition lacks and others of its setting, task and hierarchy have.
fn check_seeds(runs: &Runs, conditions: &[(ConditionId, Members<'_>)], tables: &[PathBuf], findings: &mut Findings) {
    // The first row of each seed of every group.
    let mut groups: HashMap<[u32; 3], HashMap<i64, Place>> = HashMap::new();
    let group_of = |id: &ConditionId| [id.names[0], id.names[2], id.names[3]];
    for (id, members) in conditions {
        let seeds = groups.entry(group_of(id)).or_default();
        for (key, entries) in members {
            if let Some(place) = first_row(entries) {
                seeds.entry(key.seed).and_modify(|first| *first = place.min(*first)).or_insert(place);
            }
        }
    }
    for (id, members) in conditions {
        let own: BTreeSet<i64> = members.iter().map(|(key, _)| key.seed).collect();
        let group = &groups[&group_of(id)];
        let mut missing: Vec<(i64, Place)> =
            group.iter().filter(|(seed, _)| !own.contains(seed)).map(|(s, p)| (*s, *p)).collect();
        missing.sort_unstable();
        let first = members.iter().flat_map(|(_, entries)| first_row(entries)).min();
        if let (Some(&(_, there)), Some(place)) = (missing.first(), first) {
            findings.add_row(place, ProblemKind::MissingSeed, Some(TrialColumn::Seed), || {
                    format!(
                        "condition {}, which begins here, lacks seed{} {}, which others of its setting, task and hier have ({})",
                        runs.describe(id),
                        if missing.len() == 1 { "" } else { "s" },
                        list(missing.iter().map(|(seed, _)| seed.to_string())),
                        name_of(there, tables)
                    )
            });
        }
    }
}

fn first_row(entries: &[Entry]) -> Option<Place> {
    entries.iter().map(|e| e.place).min()
}

/// The first few names, and how many more there are.
fn list(names: impl Iterator<Item = String>) -> String {
    first_names(&names.collect::<Vec<_>>(), NAMED)
}
