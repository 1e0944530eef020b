//! The rows of every run as compact entries, with what is needed to compare them.

use std::collections::HashMap;

use super::findings::Findings;
use super::values::{Bad, Columns, RowProblems, check_row, report_faults};
use crate::conditions::{AsWritten, ConditionId, EXCEPTION, NO, Place, TRAINED, YES};
use crate::error::Result;
use crate::interner::{Interner, index_of};
use crate::trial_table::{TextColumn, TrialBatch, TrialColumn};

/// Mark of a row without ground truth, in addition to those of what was trained.
pub(super) const NO_TRUTH: u8 = 32;
/// Mark of a row with a missing or unreadable mark.
pub(super) const UNUSABLE: u8 = 64;

/// paired_correct of a row if it is neither 0 nor 1.
pub(super) const UNPAIRED: u8 = 2;

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// NaN if missing.
    pub(super) prob_yes: f64,
    pub(super) a: u16,
    pub(super) b: u16,
    pub(super) marks: u8,
    /// 0, 1 or [`UNPAIRED`].
    pub(super) paired: u8,
}

/// What all rows of one run share: a model trained once, and the phase in which it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RunKey {
    pub(super) condition: ConditionId,
    pub(super) seed: i64,
    pub(super) reverse: bool,
    pub(super) is_post: bool,
}

impl RunKey {
    pub(super) fn phase(&self) -> &'static str {
        if self.is_post { "post" } else { "pre" }
    }
}

/// The runs of one condition with their rows.
pub(super) type Members<'a> = Vec<(&'a RunKey, &'a [Entry])>;

/// All runs met, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Runs {
    findings: Option<Findings>,
    /// Number of all rows, including those that were not collected.
    pub(super) n_rows: u64,
    names: Interner,
    runs: Vec<(RunKey, Vec<Entry>)>,
    index: HashMap<RunKey, usize>,
}

impl Runs {
    /// Checks the rows of a batch one by one, and collects those whose run and ranks are known.
    pub(super) fn add(&mut self, batch: &TrialBatch, table: usize, most: usize) -> Result<()> {
        use TrialColumn as C;
        const PLACING: [TrialColumn; 5] = [C::Seed, C::Reverse, C::LoraR, C::L2Reg, C::LoraAlpha];
        const MARKS: [TrialColumn; 3] = [C::IsTrain, C::IsException, C::NoGt];

        let c = Columns::from_batch(batch)?;
        // Moved out, so that `self` can be changed meanwhile.
        let mut findings = self.findings.take().unwrap_or_else(|| Findings::new(most));
        let mut faults = batch.faults();
        // Consecutive rows are mostly of the same run.
        let mut last: Option<((AsWritten, i64, bool, u8), usize)> = None;
        for row in 0..batch.n_rows() {
            let place = Place::new(table, batch.first_row() + row as u64);
            let mut problems = RowProblems { findings: &mut findings, place };
            let here = faults.iter().take_while(|f| f.row == row).count();
            let bad = if here > 0 { report_faults(&faults[..here], &mut problems) } else { Bad::default() };
            faults = &faults[here..];
            let ranks_are_usable = check_row(&c, row, bad, &mut problems);
            let phase = c.phase(row);
            if !ranks_are_usable || phase > 1 || bad.any(&PLACING) {
                continue;
            }
            let same = (c.condition.as_written(row), c.seed[row], c.reverse.value(row), phase);
            let run = match last {
                Some((known, run)) if known == same => run,
                _ if c.condition.names.iter().any(|name| name.keys[row] == TextColumn::MISSING) => continue,
                _ => {
                    let condition = c.condition.id(batch, row, &mut self.names)?;
                    let (seed, reverse) = (c.seed[row], c.reverse.value(row));
                    self.run(RunKey { condition, seed, reverse, is_post: phase == 1 })
                }
            };
            last = Some((same, run));
            let mark = |flag: bool, mark: u8| if flag { mark } else { 0 };
            let label = match c.label(row) {
                0 => YES,
                1 => NO,
                2 => UNUSABLE,
                _ => 0,
            };
            let paired = c.paired_correct[row];
            self.runs[run].1.push(Entry {
                place,
                prob_yes: if bad.has(C::ProbYes) { f64::NAN } else { c.prob_yes[row] },
                a: c.rank_a[row] as u16,
                b: c.rank_b[row] as u16,
                marks: label
                    | mark(c.is_train.value(row), TRAINED)
                    | mark(c.is_exception.value(row), EXCEPTION)
                    | mark(c.no_gt.value(row), NO_TRUTH)
                    | mark(bad.any(&MARKS), UNUSABLE),
                paired: if paired == 1.0 {
                    1
                } else if paired == 0.0 {
                    0
                } else {
                    UNPAIRED
                },
            });
        }
        self.n_rows += batch.n_rows() as u64;
        self.findings = Some(findings);
        Ok(())
    }

    /// Adds the runs of later rows, and their findings to `findings`.
    pub(super) fn merge(&mut self, other: Self, findings: &mut Findings) -> Result<()> {
        if let Some(found) = other.findings {
            findings.merge(found);
        }
        self.n_rows += other.n_rows;
        for (mut key, entries) in other.runs {
            key.condition = key.condition.renumbered(&other.names, &mut self.names)?;
            let run = self.run(key);
            self.runs[run].1.extend(entries);
        }
        Ok(())
    }

    /// All runs with their rows; a run has at least one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RunKey, &[Entry])> {
        self.runs.iter().map(|(key, entries)| (key, entries.as_slice()))
    }

    /// The runs of every condition, in order of first appearance.
    pub(super) fn conditions(&self) -> Vec<(ConditionId, Members<'_>)> {
        let mut index = HashMap::new();
        let mut conditions: Vec<(ConditionId, Members<'_>)> = Vec::new();
        for (key, entries) in self.iter() {
            let at = index_of(&mut index, &mut conditions, key.condition, || (key.condition, Vec::new()));
            conditions[at].1.push((key, entries));
        }
        conditions
    }

    /// The name of a number in [`ConditionId::names`].
    pub(super) fn name(&self, number: u32) -> String {
        self.names.get(number).to_owned()
    }

    /// A condition in words.
    pub(super) fn describe(&self, id: &ConditionId) -> String {
        let key = id.key(&self.names);
        id.lora_alpha().map_or_else(|| key.to_string(), |alpha| format!("{key} lora_alpha={alpha}"))
    }

    /// The number of a run, a new one if it was not met before.
    fn run(&mut self, key: RunKey) -> usize {
        index_of(&mut self.index, &mut self.runs, key, || (key, Vec::new()))
    }
}
