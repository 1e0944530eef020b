//! Problems as they are found: of one kind in one file only the first by row are kept, all are counted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use caveat_theory::named_enum;

use crate::trial_table::TrialColumn;

named_enum! {
    /// What kind of problem it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ProblemKind, ALL {
        /// A file that is no trial table: unreadable, damaged or empty, a column missing or of the wrong type.
        Schema = "schema",
        /// No value where there must be one.
        MissingValue = "missing_value",
        /// Text in a column of numbers or truth values.
        UnreadableValue = "unreadable_value",
        /// A setting other than full, lora, probe and none.
        Setting = "setting",
        /// A phase other than pre and post.
        Phase = "phase",
        /// A direction other than forward and backward, or one that contradicts the ranks.
        Direction = "direction",
        /// A label other than Yes and No.
        Label = "label",
        /// A rank that no item has.
        Rank = "rank",
        /// A rank compared with itself.
        SameItem = "same_item",
        /// rank_higher, rank_lower or gap contradict rank_a and rank_b.
        RankOrder = "rank_order",
        /// A logit difference that is not finite.
        LogitDiff = "logit_diff",
        /// A probability outside 0 to 1.
        ProbYes = "prob_yes",
        /// prob_yes and logit_diff are on different sides.
        ProbabilitySign = "probability_sign",
        /// ground_truth contradicts label or no_gt.
        GroundTruth = "ground_truth",
        /// margin is not logit_diff times ground_truth.
        Margin = "margin",
        /// correct contradicts prob_yes and label.
        Correct = "correct",
        /// paired_correct contradicts the probabilities of the two directions.
        PairedCorrect = "paired_correct",
        /// lora_r or l2_reg missing, superfluous or out of range.
        Hyperparameter = "hyperparameter",
        /// A row that is there already.
        DuplicateRow = "duplicate_row",
        /// An ordered pair that a run or a condition lacks.
        MissingPair = "missing_pair",
        /// A seed that a condition lacks.
        MissingSeed = "missing_seed",
        /// An order or phase that a seed lacks.
        MissingRun = "missing_run",
        /// Rows of one hierarchy that mark an ordered pair differently.
        MixedHierarchy = "mixed_hierarchy",
        /// A pair labelled the same in both orders.
        ImpossibleLabel = "impossible_label",
        /// A label against what the trained pairs imply, or against the rank order where no exception is marked.
        ImpliedLabel = "implied_label",
        /// A label where the trained pairs imply no answer.
        OpenLabel = "open_label",
        /// no_gt where there is a right answer.
        NoGt = "no_gt",
        /// An exception that is none, or that is marked in one order only.
        Exception = "exception",
        /// A premise that a hierarchy with exceptions does not train, or no trained pair at all.
        MissingPremise = "missing_premise",
        /// A pair is trained in other orders of presentation than those before it.
        TrainedOrder = "trained_order",
        /// The name of a hierarchy tells of other items or exceptions than its rows.
        HierarchyName = "hierarchy_name",
    }
}

/// One problem of a trial table, or the number of further ones of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub kind: ProblemKind,
    /// The file.
    pub path: PathBuf,
    /// Row of the table, counted from 0 without the header; `None` where it is about the file or only a count.
    pub row: Option<u64>,
    /// The column it is about, if it is one.
    pub column: Option<TrialColumn>,
    /// What is wrong, and what would be right.
    pub text: String,
    /// How many problems the entry stands for: 1, or the number of those not spelled out.
    pub count: u64,
}

/// Ordered as they are to be listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    row: Option<u64>,
    column: Option<TrialColumn>,
    text: String,
}

#[derive(Debug, Default)]
struct Kept {
    total: u64,
    /// The first by order, at most as many as asked for.
    found: Vec<Found>,
}

/// Problems by file and kind. What is kept does not depend on the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    most: usize,
    kept: BTreeMap<(usize, ProblemKind), Kept>,
}

impl Findings {
    /// Keeps the first `most` of every kind in every file.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new() }
    }

    /// None yet, and as many to keep.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.most)
    }

    /// Adds a problem; its words are made only if it is kept.
    pub(super) fn add(
        &mut self,
        table: usize,
        kind: ProblemKind,
        row: Option<u64>,
        column: Option<TrialColumn>,
        text: impl FnOnce() -> String,
    ) {
        let kept = self.kept.entry((table, kind)).or_default();
        kept.total += 1;
        let full = kept.found.len() >= self.most;
        if full && kept.found.last().is_none_or(|last| (last.row, last.column) < (row, column)) {
            return;
        }
        let found = Found { row, column, text: text() };
        kept.found.insert(kept.found.partition_point(|f| *f <= found), found);
        kept.found.truncate(self.most);
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, from) in other.kept {
            let kept = self.kept.entry(key).or_default();
            kept.total += from.total;
            kept.found.extend(from.found);
            kept.found.sort();
            kept.found.truncate(self.most);
        }
    }

    /// All problems by file and row, those of one row by kind; the count of what was not kept follows the last of its kind.
    pub(super) fn into_problems(self, tables: &[PathBuf]) -> Vec<Problem> {
        let mut listed: Vec<(usize, Option<u64>, ProblemKind, bool, Problem)> = Vec::new();
        for ((table, kind), kept) in self.kept {
            let path = &tables[table];
            let last = kept.found.last().and_then(|f| f.row);
            let more = kept.total - kept.found.len() as u64;
            for Found { row, column, text } in kept.found {
                let problem = Problem { kind, path: path.clone(), row, column, text, count: 1 };
                listed.push((table, row, kind, false, problem));
            }
            if more > 0 {
                let text = format!("… and {} more of this kind", grouped(more));
                let problem = Problem { kind, path: path.clone(), row: None, column: None, text, count: more };
                listed.push((table, last, kind, true, problem));
            }
        }
        listed.sort_by_key(|l| (l.0, l.1, l.2, l.3));
        listed.into_iter().map(|(.., problem)| problem).collect()
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rows: impl Iterator<Item = u64>) -> Findings {
        let mut findings = Findings::new(3);
        rows.for_each(|row| findings.add(0, ProblemKind::Rank, Some(row), None, || format!("{row}")));
        findings
    }

    #[test]
    fn the_first_by_row_are_kept_in_whatever_order_they_come() {
        let tables = [PathBuf::from("t")];
        let (mut parts, mut other) = (found((0..50).rev()), found((50..2000).map(|k| k * 7 % 1950 + 50)));
        parts.merge(found(std::iter::empty()));
        other.merge(parts);
        let problems = other.into_problems(&tables);
        assert_eq!(problems, found(0..2000).into_problems(&tables));
        let rows: Vec<Option<u64>> = problems.iter().map(|p| p.row).collect();
        assert_eq!(rows, [Some(0), Some(1), Some(2), None]);
        assert_eq!((problems[3].text.as_str(), problems[3].count), ("… and 1,997 more of this kind", 1997));
    }

    #[test]
    fn digits_come_in_groups_of_three() {
        assert_eq!([1, 12, 123, 1234, 123_456, 1_234_567].map(grouped).join(" "), "1 12 123 1,234 123,456 1,234,567");
    }
}
