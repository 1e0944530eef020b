//! Which condition a row is of, by numbers that are cheap to compare.

use super::key::ConditionKey;
use crate::error::{Result, ResultsError};
use crate::interner::Interner;
use crate::trial_table::{TextColumn, TrialBatch, TrialColumn};

/// A condition by the numbers of its names.
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

    /// The same with names that were numbered by `from` numbered by `to`.
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

/// The columns of a batch that tell conditions apart.
pub(crate) struct ConditionColumns<'a> {
    pub(crate) names: [&'a TextColumn; 4],
    pub(crate) numbers: [&'a [f64]; 3],
}

/// What rows of a batch that are of one condition share, as it stands there; nothing is looked up for it.
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

    /// The condition of a row, its names numbered by `numbers`.
    ///
    /// # Errors
    /// A name that is missing, by row and column.
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

/// The bits of a number, with one NaN for all and one zero for both.
pub(crate) fn canonical(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}
