//! What makes a condition: its key for people, and numbers that are cheap to compare for reading rows.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Result, ResultsError};
use crate::interner::Interner;
use crate::table::Table;
use crate::trial_table::{TextColumn, TrialBatch, TrialColumn};

/// The largest number of items of a condition, as sums are kept for all ordered pairs of every seed.
pub const MAX_ITEMS: usize = 1024;

/// What distinguishes one condition from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionKey {
    /// How the model was trained: full, lora or probe.
    pub setting: String,
    /// Name of the model.
    pub model: String,
    /// Name of the stimulus set.
    pub task: String,
    /// Name of the hierarchy, like ti_n9 or exc_mid_n9.
    pub hier: String,
    /// Rank of the LoRA update, where there is one.
    pub lora_r: Option<f64>,
    /// L2 penalty of the probe, where there is one.
    pub l2_reg: Option<f64>,
}

impl ConditionKey {
    /// Adds the columns of conditions to a table, with the errors of [`Table::with`]; lora_r and l2_reg are missing where they do not
    /// apply.
    pub fn add_columns<'a>(keys: impl Iterator<Item = &'a Self> + Clone, table: Table) -> Result<Table> {
        let text = |get: fn(&Self) -> &str| keys.clone().map(get);
        let float = |get: fn(&Self) -> Option<f64>| keys.clone().map(move |key| get(key).unwrap_or(f64::NAN));
        table
            .text("setting", text(|key| &key.setting))?
            .text("model", text(|key| &key.model))?
            .text("task", text(|key| &key.task))?
            .text("hier", text(|key| &key.hier))?
            .float("lora_r", float(|key| key.lora_r))?
            .float("l2_reg", float(|key| key.l2_reg))
    }

    /// Order of conditions in every output: by setting, model, task and hier, then by hyperparameter, absent before any value.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        let hyperparameter = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        };
        [&self.setting, &self.model, &self.task, &self.hier]
            .cmp(&[&other.setting, &other.model, &other.task, &other.hier])
            .then_with(|| hyperparameter(self.lora_r, other.lora_r))
            .then_with(|| hyperparameter(self.l2_reg, other.l2_reg))
    }
}

impl fmt::Display for ConditionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What conditions have in common lacks the columns over which it is.
        let names = [&self.setting, &self.model, &self.task, &self.hier].into_iter().filter(|name| !name.is_empty());
        for (k, name) in names.enumerate() {
            write!(f, "{}{name}", if k == 0 { "" } else { " " })?;
        }
        self.lora_r.map_or(Ok(()), |r| write!(f, " lora_r={r}"))?;
        self.l2_reg.map_or(Ok(()), |l| write!(f, " l2_reg={l}"))
    }
}

/// A condition by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConditionId {
    /// Numbers of [`TrialColumn::CONDITION_NAMES`].
    pub(crate) names: [u32; 4],
    /// Bits of [`TrialColumn::CONDITION_NUMBERS`], as [`canonical`] makes them.
    pub(crate) numbers: [u64; 3],
}

impl ConditionId {
    /// The condition, without the scale of the LoRA update.
    pub(crate) fn key(&self, names: &Interner) -> ConditionKey {
        let [setting, model, task, hier] = self.names.map(|n| names.get(n).to_owned());
        let [lora_r, l2_reg, _] = self.numbers.map(present);
        ConditionKey { setting, model, task, hier, lora_r, l2_reg }
    }

    /// The scale of the LoRA update, where there is one.
    pub(crate) fn lora_alpha(&self) -> Option<f64> {
        present(self.numbers[2])
    }

    /// The same condition with names numbered by `to` instead of `from`.
    pub(crate) fn renumbered(mut self, from: &Interner, to: &mut Interner) -> Result<Self> {
        for name in &mut self.names {
            // Fails for 2³² names only.
            *name = to.intern(from.get(*name).as_bytes()).map_err(ResultsError::BadTable)?;
        }
        Ok(self)
    }
}

fn present(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|x| !x.is_nan())
}

/// The columns of a batch that make conditions.
pub(crate) struct ConditionColumns<'a> {
    pub(crate) names: [&'a TextColumn; 4],
    pub(crate) numbers: [&'a [f64]; 3],
}

/// The condition of a row within one batch: keys of names and bits of numbers, which need no lookup.
pub(crate) type AsWritten = ([i32; 4], [u64; 3]);

impl<'a> ConditionColumns<'a> {
    pub(crate) fn from_batch(batch: &'a TrialBatch) -> Result<Self> {
        let [setting, model, task, hier] = TrialColumn::CONDITION_NAMES.map(|c| batch.text(c));
        let [lora_r, l2_reg, lora_alpha] = TrialColumn::CONDITION_NUMBERS.map(|c| batch.reals(c));
        Ok(Self { names: [setting?, model?, task?, hier?], numbers: [lora_r?, l2_reg?, lora_alpha?] })
    }

    #[inline]
    pub(crate) fn as_written(&self, row: usize) -> AsWritten {
        (self.names.map(|n| n.keys[row]), self.numbers.map(|n| n[row].to_bits()))
    }

    /// The condition of a row, with names numbered by `numbers`; a missing name is an error.
    pub(crate) fn id(&self, batch: &TrialBatch, row: usize, numbers: &mut Interner) -> Result<ConditionId> {
        let mut names = [0; 4];
        for ((number, column), text) in names.iter_mut().zip(TrialColumn::CONDITION_NAMES).zip(self.names) {
            let Some(name) = text.get(row) else {
                return Err(batch.bad_value(row, column, "the value is missing: expected a name"));
            };
            *number = numbers.intern(name.as_bytes()).map_err(|problem| batch.bad_value(row, column, problem))?;
        }
        Ok(ConditionId { names, numbers: self.numbers.map(|n| canonical(n[row])) })
    }
}

/// The bits of a number, the same for all NaN and for both zeros.
pub(crate) fn canonical(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}
