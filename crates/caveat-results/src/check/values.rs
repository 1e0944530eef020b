//! Checks every value of a row against the others of the same row.

use arrow_array::BooleanArray;

use super::findings::{Findings, ProblemKind};
use crate::conditions::{ConditionColumns, MAX_ITEMS, Place};
use crate::error::Result;
use crate::trial_table::{Fault, TextColumn, TrialBatch, TrialColumn};

/// How far prob_yes may be on the wrong side of ½ for logit_diff: logits up to 32 in bfloat16 are exact to 1/16, their difference to
/// 1/8, and the logistic function is nowhere steeper than 1/4.
const PROBABILITY_TOLERANCE: f64 = 1.0 / 32.0;

/// Relative tolerance of a margin: one unit in the last place of bfloat16.
const MARGIN_TOLERANCE: f64 = 1.0 / 256.0;

/// The columns of a batch, text as codes.
pub(super) struct Columns<'a> {
    pub(super) condition: ConditionColumns<'a>,
    setting: Coded<'a>,
    phase: Coded<'a>,
    direction: Coded<'a>,
    label: Coded<'a>,
    pub(super) seed: &'a [i64],
    pub(super) reverse: &'a BooleanArray,
    pub(super) rank_a: &'a [i64],
    pub(super) rank_b: &'a [i64],
    rank_higher: &'a [i64],
    rank_lower: &'a [i64],
    gap: &'a [i64],
    pub(super) is_train: &'a BooleanArray,
    pub(super) is_exception: &'a BooleanArray,
    pub(super) no_gt: &'a BooleanArray,
    logit_diff: &'a [f64],
    pub(super) prob_yes: &'a [f64],
    ground_truth: &'a [f64],
    margin: &'a [f64],
    correct: &'a [f64],
    pub(super) paired_correct: &'a [f64],
}

/// A column of text with the codes of its values for [`TextColumn::code`].
struct Coded<'a> {
    text: &'a TextColumn,
    codes: Vec<u8>,
}

impl<'a> Coded<'a> {
    fn new(text: &'a TextColumn, names: &[&str]) -> Self {
        Self { text, codes: text.codes(names) }
    }

    fn code(&self, row: usize) -> u8 {
        self.text.code(&self.codes, row)
    }
}

const SETTINGS: [&str; 4] = ["full", "lora", "probe", "none"];

impl<'a> Columns<'a> {
    pub(super) fn from_batch(batch: &'a TrialBatch) -> Result<Self> {
        use TrialColumn as C;
        let condition = ConditionColumns::from_batch(batch)?;
        Ok(Self {
            condition,
            setting: Coded::new(batch.text(C::Setting)?, &SETTINGS),
            phase: Coded::new(batch.text(C::Phase)?, &["pre", "post"]),
            direction: Coded::new(batch.text(C::Direction)?, &["forward", "backward"]),
            label: Coded::new(batch.text(C::Label)?, &["Yes", "No"]),
            seed: batch.integers(C::Seed)?,
            reverse: batch.flags(C::Reverse)?,
            rank_a: batch.integers(C::RankA)?,
            rank_b: batch.integers(C::RankB)?,
            rank_higher: batch.integers(C::RankHigher)?,
            rank_lower: batch.integers(C::RankLower)?,
            gap: batch.integers(C::Gap)?,
            is_train: batch.flags(C::IsTrain)?,
            is_exception: batch.flags(C::IsException)?,
            no_gt: batch.flags(C::NoGt)?,
            logit_diff: batch.reals(C::LogitDiff)?,
            prob_yes: batch.reals(C::ProbYes)?,
            ground_truth: batch.reals(C::GroundTruth)?,
            margin: batch.reals(C::Margin)?,
            correct: batch.reals(C::Correct)?,
            paired_correct: batch.reals(C::PairedCorrect)?,
        })
    }

    /// 0 for pre, 1 for post, anything else for no valid phase.
    pub(super) fn phase(&self, row: usize) -> u8 {
        self.phase.code(row)
    }

    /// 0 for Yes, 1 for No, 2 for another text, or [`TextColumn::NO_CODE`].
    pub(super) fn label(&self, row: usize) -> u8 {
        self.label.code(row)
    }
}

/// The columns of a row that are missing or unreadable, and from which nothing follows.
#[derive(Clone, Copy, Default)]
pub(super) struct Bad(u32);

impl Bad {
    pub(super) fn has(self, column: TrialColumn) -> bool {
        self.0 >> column as u32 & 1 == 1
    }

    pub(super) fn any(self, columns: &[TrialColumn]) -> bool {
        columns.iter().any(|c| self.has(*c))
    }

    fn add(&mut self, column: TrialColumn) {
        self.0 |= 1 << column as u32;
    }
}

/// Collects the problems of one row of a batch.
pub(super) struct RowProblems<'a> {
    pub(super) findings: &'a mut Findings,
    pub(super) place: Place,
}

impl RowProblems<'_> {
    fn add(&mut self, kind: ProblemKind, column: TrialColumn, text: impl FnOnce() -> String) {
        self.findings.add_row(self.place, kind, Some(column), text);
    }
}

/// Reports what could not be read in a row, and returns the columns that the other checks should ignore.
pub(super) fn report_faults(faults: &[Fault], problems: &mut RowProblems<'_>) -> Bad {
    let mut bad = Bad::default();
    for Fault { column, text, .. } in faults {
        bad.add(*column);
        let expected = column.kind().accepted();
        match text {
            None => problems
                .add(ProblemKind::MissingValue, *column, || format!("the value is missing: expected {expected}")),
            Some(text) => {
                problems.add(ProblemKind::UnreadableValue, *column, || format!("{text:?}: expected {expected}"));
            }
        }
    }
    bad
}

/// Checks one row and reports what is wrong; returns whether its ranks can be used.
pub(super) fn check_row(c: &Columns<'_>, row: usize, bad: Bad, problems: &mut RowProblems<'_>) -> bool {
    check_names(c, row, problems);
    check_hyperparameters(c, row, bad, problems);
    let ranks_are_usable = check_ranks(c, row, bad, problems);
    check_judgment(c, row, bad, problems);
    check_truth(c, row, bad, problems);
    ranks_are_usable
}

fn check_names(c: &Columns<'_>, row: usize, problems: &mut RowProblems<'_>) {
    for (column, text) in TrialColumn::CONDITION_NAMES.into_iter().zip(c.condition.names) {
        if text.keys[row] == TextColumn::MISSING {
            problems.add(ProblemKind::MissingValue, column, || "the value is missing: expected a name".into());
        }
    }
    if usize::from(c.setting.code(row)) == SETTINGS.len() {
        let text = || format!("{:?}: expected full, lora, probe or none", c.setting.text.get(row).unwrap_or_default());
        problems.add(ProblemKind::Setting, TrialColumn::Setting, text);
    }
    let choices = [
        (c.phase(row), c.phase.text, TrialColumn::Phase, ProblemKind::Phase, "pre or post"),
        (
            c.direction.code(row),
            c.direction.text,
            TrialColumn::Direction,
            ProblemKind::Direction,
            "forward or backward",
        ),
    ];
    for (code, text, column, kind, expected) in choices {
        match code {
            0 | 1 => {}
            TextColumn::NO_CODE => {
                problems.add(ProblemKind::MissingValue, column, || format!("the value is missing: expected {expected}"))
            }
            _ => problems.add(kind, column, || format!("{:?}: expected {expected}", text.get(row).unwrap_or_default())),
        }
    }
}

fn check_hyperparameters(c: &Columns<'_>, row: usize, bad: Bad, problems: &mut RowProblems<'_>) {
    let Some(&name) = SETTINGS.get(usize::from(c.setting.code(row))) else { return };
    let [rank, penalty, _] = c.condition.numbers.map(|x| x[row]);
    for (owner, value, is_in_range, column, expected) in [
        ("lora", rank, rank > 0.0, TrialColumn::LoraR, "a positive number"),
        ("probe", penalty, penalty >= 0.0, TrialColumn::L2Reg, "a number of at least 0"),
    ] {
        let is_right = if name == owner { is_in_range && value.is_finite() } else { value.is_nan() };
        if is_right || bad.has(column) {
            continue;
        }
        problems.add(ProblemKind::Hyperparameter, column, || match (name == owner, value.is_nan()) {
            (true, true) => format!("the value is missing with setting {name}: expected {expected}"),
            (true, false) => format!("{value}: expected {expected}"),
            _ => format!("{value} with setting {name}: expected no value"),
        });
    }
}

fn check_ranks(c: &Columns<'_>, row: usize, bad: Bad, problems: &mut RowProblems<'_>) -> bool {
    use TrialColumn as C;
    let (a, b) = (c.rank_a[row], c.rank_b[row]);
    let mut usable = true;
    for (rank, column) in [(a, C::RankA), (b, C::RankB)] {
        if bad.has(column) {
            usable = false;
        } else if !(0..MAX_ITEMS as i64).contains(&rank) {
            usable = false;
            problems.add(ProblemKind::Rank, column, || {
                format!("rank {rank}: expected a rank from 0, the highest, to {}", MAX_ITEMS - 1)
            });
        }
    }
    if !usable {
        return false;
    }
    if a == b {
        problems.add(ProblemKind::SameItem, C::RankB, || {
            format!("rank {b} is compared with itself: expected a rank other than rank_a")
        });
        return false;
    }
    let derived = [
        (c.rank_higher[row], a.min(b), C::RankHigher),
        (c.rank_lower[row], a.max(b), C::RankLower),
        (c.gap[row], (a - b).abs(), C::Gap),
    ];
    for (found, expected, column) in derived {
        if found != expected && !bad.has(column) {
            problems
                .add(ProblemKind::RankOrder, column, || format!("{found}: expected {expected} for ranks {a} and {b}"));
        }
    }
    let direction = c.direction.code(row);
    if direction < 2 && direction != u8::from(a > b) {
        problems.add(ProblemKind::Direction, C::Direction, || {
            let names = ["forward", "backward"];
            format!("{}: expected {} for ranks {a} and {b}", names[direction as usize], names[usize::from(a > b)])
        });
    }
    true
}

fn check_judgment(c: &Columns<'_>, row: usize, bad: Bad, problems: &mut RowProblems<'_>) {
    use TrialColumn as C;
    let (logit, yes) = (c.logit_diff[row], c.prob_yes[row]);
    let logit_is_right = bad.has(C::LogitDiff) || logit.is_finite();
    if !logit_is_right {
        problems.add(ProblemKind::LogitDiff, C::LogitDiff, || {
            format!("{}: expected a finite logit difference", missing_or(logit))
        });
    }
    let probability_is_right = bad.has(C::ProbYes) || (0.0..=1.0).contains(&yes);
    if !probability_is_right {
        problems.add(ProblemKind::ProbYes, C::ProbYes, || {
            format!("{}: expected a probability from 0 to 1", missing_or(yes))
        });
    }
    if !logit_is_right || !probability_is_right || bad.any(&[C::LogitDiff, C::ProbYes]) {
        return;
    }
    let beyond = yes - 0.5;
    if beyond.abs() > PROBABILITY_TOLERANCE && beyond * logit <= 0.0 {
        problems.add(ProblemKind::ProbabilitySign, C::ProbYes, || {
            let side = if logit > 0.0 {
                "more than 0.5"
            } else if logit < 0.0 {
                "less than 0.5"
            } else {
                "0.5"
            };
            format!("{yes} with logit_diff {logit}: expected {side}")
        });
    }
}

fn check_truth(c: &Columns<'_>, row: usize, bad: Bad, problems: &mut RowProblems<'_>) {
    use TrialColumn as C;
    let label = c.label(row);
    if label == 2 {
        problems.add(ProblemKind::Label, C::Label, || {
            format!("{:?}: expected Yes or No", c.label.text.get(row).unwrap_or_default())
        });
    }
    let paired = c.paired_correct[row];
    let is_paired = paired.is_nan() || paired == 0.0 || paired == 1.0;
    if !is_paired && !bad.has(C::PairedCorrect) {
        problems.add(ProblemKind::PairedCorrect, C::PairedCorrect, || format!("{paired}: expected 0, 1 or no value"));
    }
    if bad.has(C::NoGt) {
        return;
    }
    if c.no_gt.value(row) {
        let empty = [
            (c.ground_truth[row], C::GroundTruth, ProblemKind::GroundTruth),
            (c.margin[row], C::Margin, ProblemKind::Margin),
            (c.correct[row], C::Correct, ProblemKind::Correct),
            (paired, C::PairedCorrect, ProblemKind::PairedCorrect),
        ];
        for (value, column, kind) in empty {
            if !value.is_nan() && !bad.has(column) {
                problems.add(kind, column, || format!("{value} where no_gt is true: expected no value"));
            }
        }
        return;
    }
    if label == TextColumn::NO_CODE {
        problems.add(ProblemKind::MissingValue, C::Label, || {
            "the value is missing where no_gt is false: expected Yes or No".into()
        });
    }
    let truth = c.ground_truth[row];
    let truth_is_right = match label {
        0 => truth == 1.0,
        1 => truth == -1.0,
        _ => truth.abs() == 1.0,
    };
    if !truth_is_right && !bad.has(C::GroundTruth) {
        problems.add(ProblemKind::GroundTruth, C::GroundTruth, || match label {
            0 => format!("{}: expected 1, because the label is Yes", missing_or(truth)),
            1 => format!("{}: expected -1, because the label is No", missing_or(truth)),
            _ => format!("{}: expected 1 or -1", missing_or(truth)),
        });
    }
    // Margin and correct follow from the label. If the ground truth contradicts it, that is the only problem reported.
    let (logit, yes, margin, correct) = (c.logit_diff[row], c.prob_yes[row], c.margin[row], c.correct[row]);
    let usable = truth_is_right && logit.is_finite() && !bad.any(&[C::GroundTruth, C::LogitDiff, C::Margin]);
    // False for a margin that is NaN.
    let is_margin = (margin - logit * truth).abs() <= MARGIN_TOLERANCE * logit.abs();
    if usable && !is_margin {
        problems.add(ProblemKind::Margin, C::Margin, || {
            format!("{}: expected {} = logit_diff × ground_truth", missing_or(margin), logit * truth + 0.0)
        });
    }
    if label < 2 && (0.0..=1.0).contains(&yes) && !bad.any(&[C::ProbYes, C::Correct]) {
        let expected = f64::from(u8::from((yes > 0.5) == (label == 0)));
        if correct != expected {
            problems.add(ProblemKind::Correct, C::Correct, || {
                let label = ["Yes", "No"][label as usize];
                format!("{}: expected {expected} for prob_yes {yes} and label {label}", missing_or(correct))
            });
        }
    }
}

fn missing_or(value: f64) -> String {
    if value.is_nan() { "missing or NaN".into() } else { value.to_string() }
}
