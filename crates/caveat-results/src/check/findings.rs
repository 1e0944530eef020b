//! Collects problems: counts all, and keeps the first by row of every kind and file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use caveat_theory::named_enum;

use crate::conditions::Place;
use crate::trial_table::TrialColumn;

named_enum! {
    /// What kind of problem it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum ProblemKind, ALL {
        Schema = "schema": "A file that is not a trial table: unreadable, damaged or empty, a column missing or of the wrong type",
        MissingValue = "missing_value": "No value where there must be one",
        UnreadableValue = "unreadable_value": "Text in a column of numbers or truth values",
        Setting = "setting": "A setting other than full, lora, probe and none",
        Phase = "phase": "A phase other than pre and post",
        Direction = "direction": "A direction other than forward and backward, or one that contradicts the ranks",
        Label = "label": "A label other than Yes and No",
        Rank = "rank": "A rank that no item can have",
        SameItem = "same_item": "A rank compared with itself",
        RankOrder = "rank_order": "rank_higher, rank_lower or gap contradict rank_a and rank_b",
        LogitDiff = "logit_diff": "A logit difference that is not finite",
        ProbYes = "prob_yes": "A probability outside 0 to 1",
        ProbabilitySign = "probability_sign": "prob_yes and logit_diff are on different sides of undecided",
        GroundTruth = "ground_truth": "ground_truth contradicts label or no_gt",
        Margin = "margin": "margin is not logit_diff times ground_truth",
        Correct = "correct": "correct contradicts prob_yes and label",
        PairedCorrect = "paired_correct": "paired_correct contradicts the probabilities of the two directions",
        Hyperparameter = "hyperparameter": "lora_r or l2_reg missing, superfluous or out of range",
        DuplicateRow = "duplicate_row": "A row that is there already",
        MissingPair = "missing_pair": "An ordered pair that a run or a condition lacks",
        MissingSeed = "missing_seed": "A seed that a condition lacks",
        MissingRun = "missing_run": "An order or phase that a seed lacks",
        MixedHierarchy = "mixed_hierarchy": "Rows of one hierarchy that mark an ordered pair differently",
        ImpossibleLabel = "impossible_label": "A pair labelled the same in both orders",
        ImpliedLabel = "implied_label": "A label against what the trained pairs imply, or against the rank order where no exception is marked",
        OpenLabel = "open_label": "A label where the trained pairs imply no answer",
        NoGt = "no_gt": "no_gt where there is a right answer",
        Exception = "exception": "A marked exception that is none, or that is marked in one order only",
        MissingPremise = "missing_premise": "A premise that a hierarchy with exceptions does not train, or no trained pair at all",
        TrainedOrder = "trained_order": "A pair is trained in other orders of presentation than those before it",
        HierarchyName = "hierarchy_name": "The name of a hierarchy means other items or exceptions than its rows",
    }
}

/// One problem of a trial table, or the number of further ones of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind it is.
    pub kind: ProblemKind,
    /// The file.
    pub path: PathBuf,
    /// Row of the table, from 0 without the header; `None` for a problem of the whole file or a mere count.
    pub row: Option<u64>,
    /// The column, if the problem is about one.
    pub column: Option<TrialColumn>,
    /// What is wrong, and what would be right.
    pub text: String,
    /// Number of problems: 1, or the number of those not spelled out.
    pub count: u64,
}

/// A problem of a known kind and file; the order is that of the report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    row: Option<u64>,
    column: Option<TrialColumn>,
    text: String,
}

#[derive(Debug, Default)]
struct Kept {
    total: u64,
    /// The first ones, at most as many as asked for.
    found: Vec<Found>,
}

/// Problems by file and kind. Which are kept does not depend on the order in which they were found.
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

    /// An empty collection that keeps as many.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.most)
    }

    /// Adds a problem; its text is only made if it is kept.
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

    /// Adds a problem of one row.
    pub(super) fn add_row(
        &mut self,
        place: Place,
        kind: ProblemKind,
        column: Option<TrialColumn>,
        text: impl FnOnce() -> String,
    ) {
        self.add(place.table(), kind, Some(place.row()), column, text);
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

    /// All problems by file, row and kind; the count of those not kept follows the last of its kind.
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
