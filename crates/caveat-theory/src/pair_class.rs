//! Sections of items and classes of pairs: which judgments the trained relations imply, and of what kind they are.
//!
//! Write i → j where i won against j at least as often as it lost, and i ⇝ j where a path of such wins leads from i to j. A cycle
//! is a set of at least two items with i ⇝ j for all of them. Items outside cycles share a section iff the same cycles are above them and
//! the same below. The answer of a trained pair is the sign of its label; of an untrained one it is +1 if i ⇝ j and not j ⇝ i, −1 in
//! the opposite case, and otherwise there is none.
//!
//! Source: the classes are those of Cheng & Lippl 2026, arXiv 2605.22972, extended to any comparisons; §1.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::comparison_graph::ComparisonGraph;
use crate::error::{Result, TheoryError};
use crate::memory;
use crate::named_enum;

named_enum! {
    /// Kind of an unordered pair, from the trained relations alone (Cheng & Lippl 2026); in the order of tables and figures.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum PairClass, ALL {
        /// Trained, outside every cycle.
        Premise = "premise",
        /// Trained, both items in one cycle: the exception and the premise pairs that it contradicts.
        ExceptionCycle = "exception_cycle",
        /// Untrained, both items in the same outer section.
        WithinSection = "within_section",
        /// Untrained, items in different outer sections: the judgment reaches across the exception.
        CrossSection = "cross_section",
        /// Untrained, at least one item in a cycle, the items not in the same one.
        CycleToSection = "cycle_to_section",
        /// Untrained, and the trained relations imply no answer (as between two items of one cycle).
        Ambiguous = "ambiguous",
    }
}

impl PairClass {
    /// The classes with a right answer, on which accuracy is counted.
    pub const SCORED: [Self; 5] =
        [Self::Premise, Self::ExceptionCycle, Self::WithinSection, Self::CrossSection, Self::CycleToSection];
}

/// Where an item stands relative to the cycles: in one of them, or in a section outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// In the k-th cycle (a strongly connected component of at least two items).
    Cycle(u32),
    /// In the k-th outer section: the items with the same cycles above and below them.
    Outer(u32),
}

/// Sections, classes and labels of all pairs of a comparison graph.
///
/// The module says what they are; on a chain, the outer sections are the maximal runs between the cycles. Memory 9n²/8 bytes. Time
/// O(n·m/64 + n²/64 + n·cycles).
#[derive(Debug, Clone)]
pub struct PairClasses {
    n_items: usize,
    sections: Vec<Section>,
    /// Sign of the trained label of (i, j), or [`UNTRAINED`].
    trained: Vec<i8>,
    /// Bit j of row i: a directed path leads from i to j.
    reach: Vec<u64>,
    words: usize,
}

/// Marks a pair that is not trained.
const UNTRAINED: i8 = 2;

impl ComparisonGraph {
    /// Sections, classes and labels of all pairs; see [`PairClasses`].
    ///
    /// # Errors
    /// More items than [`PairClasses::MAX_ITEMS`].
    pub fn classes(&self) -> Result<PairClasses> {
        PairClasses::new(self)
    }
}

impl PairClasses {
    /// Largest number of items for which all pairs are classified.
    pub const MAX_ITEMS: usize = 20_000;

    pub(crate) fn new(graph: &ComparisonGraph) -> Result<Self> {
        let n = graph.n_items();
        if n > Self::MAX_ITEMS {
            let problem = format!("{n} items are too many to classify all pairs: at most {} are", Self::MAX_ITEMS);
            return Err(TheoryError::BadInput { what: "pair classes", problem });
        }
        // A byte and a bit for every ordered pair.
        memory::check(
            1.2 * (n * n) as f64,
            || format!("classes of all pairs of {n} items"),
            |free| format!("those of {:.0} items would fit", (free / 1.2).sqrt()),
        )?;
        let mut below: Vec<Vec<u32>> = vec![Vec::new(); n];
        let mut trained = vec![UNTRAINED; n * n];
        for e in graph.edges() {
            let (i, j) = e.items();
            let y = e.label();
            let sign = if y > 0.0 { 1 } else { -i8::from(y < 0.0) };
            trained[i * n + j] = sign;
            trained[j * n + i] = -sign;
            if y >= 0.0 {
                below[i].push(j as u32);
            }
            if y <= 0.0 {
                below[j].push(i as u32);
            }
        }
        let (component, sizes) = strongly_connected_components(&below);
        let words = n.div_ceil(64);
        let reach = reachability(&below, &component, sizes.len(), words);
        let sections = sections(&component, &sizes, &reach, words);
        Ok(Self { n_items: n, sections, trained, reach, words })
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// The section of an item, or its cycle.
    pub fn section(&self, item: usize) -> Section {
        self.sections[item]
    }

    /// Sections of all items, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Whether a directed path of trained relations leads from `i` down to `j`.
    pub fn reaches(&self, i: usize, j: usize) -> bool {
        is_set(&self.reach, self.words, i, j)
    }

    /// Whether the pair was trained.
    pub fn is_trained(&self, i: usize, j: usize) -> bool {
        self.trained[i * self.n_items + j] != UNTRAINED
    }

    /// The right answer for (i, j): the trained label if the pair is trained, else the ground truth.
    ///
    /// +1 if `i` wins, −1 if `j` does, `None` if there is no answer.
    pub fn label(&self, i: usize, j: usize) -> Option<i8> {
        match self.trained[i * self.n_items + j] {
            UNTRAINED => match (self.reaches(i, j), self.reaches(j, i)) {
                (true, false) => Some(1),
                (false, true) => Some(-1),
                _ => None,
            },
            0 => None,
            sign => Some(sign),
        }
    }

    /// Class of the pair {i, j}, i ≠ j.
    pub fn class(&self, i: usize, j: usize) -> PairClass {
        let (a, b) = (self.sections[i], self.sections[j]);
        let in_cycle = |s| matches!(s, Section::Cycle(_));
        if self.is_trained(i, j) {
            return if in_cycle(a) && a == b { PairClass::ExceptionCycle } else { PairClass::Premise };
        }
        if self.label(i, j).is_none() {
            PairClass::Ambiguous
        } else if in_cycle(a) || in_cycle(b) {
            PairClass::CycleToSection
        } else if a == b {
            PairClass::WithinSection
        } else {
            PairClass::CrossSection
        }
    }

    /// All unordered pairs (i, j), i < j, with class and label.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, PairClass, Option<i8>)> + '_ {
        let n = self.n_items;
        (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j, self.class(i, j), self.label(i, j))))
    }

    /// The pairs of a class (i, j), i < j, that have a label, with it.
    pub(crate) fn labeled(&self, class: PairClass) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let own = self.pairs().filter(move |pair| pair.2 == class);
        own.filter_map(|(i, j, _, label)| Some((i, j, f64::from(label?))))
    }
}

/// Tarjan's algorithm without recursion: component of every node, numbered so that edges lead to smaller or equal numbers,
/// and the size of each component.
pub(crate) fn strongly_connected_components(below: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
    const UNSEEN: u32 = u32::MAX;
    let n = below.len();
    let (mut index, mut low) = (vec![UNSEEN; n], vec![0u32; n]);
    let (mut component, mut sizes) = (vec![UNSEEN; n], Vec::new());
    let (mut stack, mut calls) = (Vec::new(), Vec::<(u32, usize)>::new());
    let mut next = 0;
    for start in 0..n as u32 {
        if index[start as usize] != UNSEEN {
            continue;
        }
        calls.push((start, 0));
        while let Some(&mut (v, ref mut child)) = calls.last_mut() {
            let at = v as usize;
            if *child == 0 && index[at] == UNSEEN {
                index[at] = next;
                low[at] = next;
                next += 1;
                stack.push(v);
            }
            if let Some(&w) = below[at].get(*child) {
                *child += 1;
                let w_at = w as usize;
                if index[w_at] == UNSEEN {
                    calls.push((w, 0));
                } else if component[w_at] == UNSEEN {
                    low[at] = low[at].min(index[w_at]);
                }
                continue;
            }
            calls.pop();
            if let Some(&(parent, _)) = calls.last() {
                low[parent as usize] = low[parent as usize].min(low[at]);
            }
            if low[at] == index[at] {
                let id = sizes.len() as u32;
                let mut size = 0;
                while let Some(w) = stack.pop() {
                    component[w as usize] = id;
                    size += 1;
                    if w == v {
                        break;
                    }
                }
                sizes.push(size);
            }
        }
    }
    (component, sizes)
}

/// Bit j of row i.
fn is_set(rows: &[u64], words: usize, i: usize, j: usize) -> bool {
    rows[i * words + j / 64] >> (j % 64) & 1 == 1
}

/// Reachability bit rows of all items. Components come numbered in reverse topological order, so one pass suffices.
fn reachability(below: &[Vec<u32>], component: &[u32], n_components: usize, words: usize) -> Vec<u64> {
    let n = below.len();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n_components];
    for (item, &c) in component.iter().enumerate() {
        members[c as usize].push(item);
    }
    let mut reach = vec![0u64; n * words];
    let mut row = vec![0u64; words];
    for items in &members {
        row.fill(0);
        for &i in items {
            for &j in &below[i] {
                let j = j as usize;
                row[j / 64] |= 1 << (j % 64);
                if component[j] != component[i] {
                    for (w, r) in row.iter_mut().zip(&reach[j * words..(j + 1) * words]) {
                        *w |= r;
                    }
                }
            }
        }
        // Items of a cycle reach each other, and so themselves, by their own edges.
        for &i in items {
            reach[i * words..(i + 1) * words].copy_from_slice(&row);
        }
    }
    reach
}

/// Numbers cycles and outer sections in order of their first item.
fn sections(component: &[u32], sizes: &[u32], reach: &[u64], words: usize) -> Vec<Section> {
    let n = component.len();
    let reaches = |i: usize, j: usize| is_set(reach, words, i, j);
    // One item of each cycle stands for it.
    let mut representatives: Vec<usize> = Vec::new();
    let mut cycle_number = vec![u32::MAX; sizes.len()];
    for (item, &c) in component.iter().enumerate() {
        let c = c as usize;
        if sizes[c] > 1 && cycle_number[c] == u32::MAX {
            cycle_number[c] = representatives.len() as u32;
            representatives.push(item);
        }
    }
    let mut outer = HashMap::<Vec<(bool, bool)>, u32>::new();
    (0..n)
        .map(|item| {
            let c = component[item] as usize;
            if sizes[c] > 1 {
                return Section::Cycle(cycle_number[c]);
            }
            let signature = representatives.iter().map(|&r| (reaches(item, r), reaches(r, item))).collect();
            let next = outer.len() as u32;
            Section::Outer(*outer.entry(signature).or_insert(next))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison_graph::Comparison;
    use crate::task::TransitiveTask;

    fn counts(task: &TransitiveTask) -> Vec<usize> {
        let classes = task.graph().classes().unwrap();
        PairClass::ALL.iter().map(|&c| classes.pairs().filter(|p| p.2 == c).count()).collect()
    }

    #[test]
    fn classes_of_the_published_task_are_counted_by_hand() {
        // n = 9, cycle of ranks 3, 4, 5: sections {0,1,2} and {6,7,8}. Premises: 8 − 2; cycle: 2 + 1;
        // within: (0,2), (6,8); cross: 3 × 3; cycle to section: 6 × 3 minus the trained (2,3) and (5,6); none ambiguous.
        assert_eq!(counts(&TransitiveTask::new(9, &[(5, 3)]).unwrap()), [6, 3, 2, 9, 16, 0]);
    }

    #[test]
    fn without_an_exception_all_untrained_pairs_are_within_one_section() {
        assert_eq!(counts(&TransitiveTask::new(6, &[]).unwrap()), [5, 0, 10, 0, 0, 0]);
    }

    #[test]
    fn overlapping_exceptions_merge_into_one_cycle() {
        let task = TransitiveTask::new(9, &[(4, 2), (5, 3)]).unwrap();
        let classes = task.graph().classes().unwrap();
        assert!((2..=5).all(|i| classes.section(i) == Section::Cycle(0)));
        // (2,5) alone is untrained within the cycle 2..=5 of 4 items with 3 + 2 trained pairs.
        assert_eq!(counts(&task)[5], 1);
    }

    #[test]
    fn separate_cycles_have_a_section_between_them() {
        let task = TransitiveTask::new(12, &[(4, 2), (9, 7)]).unwrap();
        let classes = task.graph().classes().unwrap();
        assert_eq!(classes.section(5), Section::Outer(1));
        assert_eq!(classes.class(5, 6), PairClass::Premise);
        assert_eq!(classes.class(3, 8), PairClass::CycleToSection);
        assert_eq!(classes.class(1, 6), PairClass::CrossSection);
        assert_eq!(classes.class(10, 11), PairClass::Premise);
        assert_eq!(classes.label(8, 3), Some(-1));
    }

    #[test]
    fn a_reversed_adjacent_pair_makes_no_cycle_but_leaves_pairs_without_an_answer() {
        // 0 > 1, 2 > 1, 2 > 3: nothing is known of 0 against 2 or 3, and 1 against 3.
        let task = TransitiveTask::new(4, &[(2, 1)]).unwrap();
        let classes = task.graph().classes().unwrap();
        assert_eq!(classes.label(1, 2), Some(-1));
        assert_eq!(classes.class(1, 2), PairClass::Premise);
        for (i, j) in [(0, 2), (0, 3), (1, 3)] {
            assert_eq!(classes.class(i, j), PairClass::Ambiguous);
        }
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let n = 5_000;
        let graph = ComparisonGraph::new(n, (1..n).map(|i| Comparison::new(i - 1, i))).unwrap();
        let classes = graph.classes().unwrap();
        assert_eq!(classes.label(0, n - 1), Some(1));
        assert!(classes.sections().iter().all(|&s| s == Section::Outer(0)));
    }
}
