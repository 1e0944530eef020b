//! The rows of every run, as compact entries: what is needed to compare rows with each other.

use std::collections::HashMap;

use super::findings::Findings;
use super::values::{Bad, Columns, NAMES, RowProblems, check_row, report_faults};
use crate::conditions::ConditionKey;
use crate::error::{Result, ResultsError};
use crate::interner::Interner;
use crate::trial_table::{TrialBatch, TrialColumn};

/// A row of a table: the table's number in the upper bits, so that places compare by table, then by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    const ROW_BITS: u32 = 40;

    pub(super) fn new(table: usize, row: u64) -> Self {
        Self((table as u64) << Self::ROW_BITS | row & ((1 << Self::ROW_BITS) - 1))
    }

    pub(super) fn table(self) -> usize {
        (self.0 >> Self::ROW_BITS) as usize
    }

    pub(super) fn row(self) -> u64 {
        self.0 & ((1 << Self::ROW_BITS) - 1)
    }
}

/// Mark of a trained row.
pub(super) const TRAINED: u8 = 1;
/// Mark of an exception.
pub(super) const EXCEPTION: u8 = 2;
/// Mark of a row without ground truth.
pub(super) const NO_TRUTH: u8 = 4;
/// Mark of the label Yes.
pub(super) const YES: u8 = 8;
/// Mark of the label No.
pub(super) const NO: u8 = 16;
/// Mark of a row whose marks cannot all be used, because one is missing or unreadable.
pub(super) const UNUSABLE: u8 = 32;

/// paired_correct of a row, where it is neither 0 nor 1.
pub(super) const UNPAIRED: u8 = 2;

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// NaN where there is none.
    pub(super) prob_yes: f64,
    pub(super) a: u16,
    pub(super) b: u16,
    pub(super) marks: u8,
    /// 0, 1 or [`UNPAIRED`].
    pub(super) paired: u8,
}

/// What a run shares with the others of its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConditionId {
    /// Numbers of setting, model, task and hier.
    pub(super) names: [u32; 4],
    /// Bits of the hyperparameters, with one NaN and one zero.
    lora_r: u64,
    l2_reg: u64,
    lora_alpha: u64,
}

/// What all rows of one run share: one model trained once, judged in one phase.
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
    n_rows: u64,
    names: Interner,
    keys: Vec<RunKey>,
    entries: Vec<Vec<Entry>>,
    index: HashMap<RunKey, usize>,
}

/// What one row must share with the last for both to be of the same run, as it stands in a batch.
#[derive(Clone, Copy, PartialEq)]
struct Same {
    names: [i32; 4],
    lora_r: u64,
    l2_reg: u64,
    lora_alpha: u64,
    seed: i64,
    reverse: bool,
    phase: u8,
}

impl Runs {
    /// Checks the rows of a batch of a table one by one, and takes those that can be placed.
    pub(super) fn add(&mut self, batch: &TrialBatch, table: usize, most: usize) -> Result<()> {
        use TrialColumn as C;
        const PLACING: [TrialColumn; 5] = [C::Seed, C::Reverse, C::LoraR, C::L2Reg, C::LoraAlpha];
        const MARKS: [TrialColumn; 3] = [C::IsTrain, C::IsException, C::NoGt];

        let c = Columns::from_batch(batch)?;
        // Taken out, so that the runs can be changed beside it.
        let mut findings = self.findings.take().unwrap_or_else(|| Findings::new(most));
        let mut faults = batch.faults();
        let mut last: Option<(Same, usize)> = None;
        for row in 0..batch.n_rows() {
            let number = batch.first_row() + row as u64;
            let mut problems = RowProblems { findings: &mut findings, table, row: number };
            let here = faults.iter().take_while(|f| f.row == row).count();
            let bad = if here > 0 { report_faults(&faults[..here], &mut problems) } else { Bad::default() };
            faults = &faults[here..];
            let ranks_are_usable = check_row(&c, row, bad, &mut problems);
            let phase = c.phase(row);
            if !ranks_are_usable || phase > 1 || bad.any(&PLACING) {
                continue;
            }
            let same = Same {
                names: c.names.map(|n| n.keys[row]),
                lora_r: c.lora_r[row].to_bits(),
                l2_reg: c.l2_reg[row].to_bits(),
                lora_alpha: c.lora_alpha[row].to_bits(),
                seed: c.seed[row],
                reverse: c.reverse.value(row),
                phase,
            };
            let run = match last {
                Some((known, run)) if known == same => run,
                _ => match self.run_of(batch, &c, row, &same)? {
                    Some(run) => run,
                    None => continue,
                },
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
            self.entries[run].push(Entry {
                place: Place::new(table, number),
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
        for (mut key, entries) in other.keys.into_iter().zip(other.entries) {
            for name in &mut key.condition.names {
                *name = self.names.intern(other.names.label(*name).as_bytes()).map_err(ResultsError::BadTable)?;
            }
            match self.index.get(&key) {
                Some(&run) => self.entries[run].extend(entries),
                None => {
                    self.index.insert(key, self.keys.len());
                    self.keys.push(key);
                    self.entries.push(entries);
                }
            }
        }
        Ok(())
    }

    /// Number of all rows, those included that could not be placed.
    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// All runs with their rows; a run has at least one.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&RunKey, &[Entry])> {
        self.keys.iter().zip(self.entries.iter().map(Vec::as_slice))
    }

    /// The runs of every condition, in order of first appearance.
    pub(super) fn conditions(&self) -> Vec<(ConditionId, Members<'_>)> {
        let mut index = HashMap::new();
        let mut conditions: Vec<(ConditionId, Members<'_>)> = Vec::new();
        for (key, entries) in self.iter() {
            let at = *index.entry(key.condition).or_insert_with(|| {
                conditions.push((key.condition, Vec::new()));
                conditions.len() - 1
            });
            conditions[at].1.push((key, entries));
        }
        conditions
    }

    /// The name of a number in [`ConditionId::names`].
    pub(super) fn name(&self, number: u32) -> String {
        self.names.label(number)
    }

    /// A condition in words.
    pub(super) fn describe(&self, id: &ConditionId) -> String {
        let [setting, model, task, hier] = id.names.map(|n| self.names.label(n));
        let value = |bits| Some(f64::from_bits(bits)).filter(|x| !x.is_nan());
        let key = ConditionKey { setting, model, task, hier, lora_r: value(id.lora_r), l2_reg: value(id.l2_reg) };
        value(id.lora_alpha).map_or_else(|| key.to_string(), |alpha| format!("{key} lora_alpha={alpha}"))
    }

    /// The run of a row; none if one of its names is missing.
    fn run_of(&mut self, batch: &TrialBatch, c: &Columns<'_>, row: usize, same: &Same) -> Result<Option<usize>> {
        let mut names = [0; 4];
        for ((number, column), text) in names.iter_mut().zip(NAMES).zip(c.names) {
            let Some(name) = text.get(row) else { return Ok(None) };
            *number = self.names.intern(name.as_bytes()).map_err(|problem| batch.bad_value(row, column, problem))?;
        }
        let condition = ConditionId {
            names,
            lora_r: canonical(same.lora_r),
            l2_reg: canonical(same.l2_reg),
            lora_alpha: canonical(same.lora_alpha),
        };
        let key = RunKey { condition, seed: same.seed, reverse: same.reverse, is_post: same.phase == 1 };
        let next = self.keys.len();
        let run = *self.index.entry(key).or_insert(next);
        if run == next {
            self.keys.push(key);
            self.entries.push(Vec::new());
        }
        Ok(Some(run))
    }
}

/// One NaN for all, one zero for both.
fn canonical(bits: u64) -> u64 {
    let x = f64::from_bits(bits);
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}
