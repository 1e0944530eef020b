//! What makes a condition of trial tables.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::table::Table;

/// The largest number of items of a condition: sums are kept for all ordered pairs of every seed.
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
    /// Adds the columns of conditions to a table; lora_r and l2_reg are missing where they do not apply.
    ///
    /// # Errors
    /// As [`Table::with`].
    pub fn add_columns<'a>(keys: impl Iterator<Item = &'a Self> + Clone, table: Table) -> Result<Table> {
        let text = |of: fn(&Self) -> &str| keys.clone().map(of);
        let float = |of: fn(&Self) -> Option<f64>| keys.clone().map(move |key| of(key).unwrap_or(f64::NAN));
        table
            .text("setting", text(|key| &key.setting))?
            .text("model", text(|key| &key.model))?
            .text("task", text(|key| &key.task))?
            .text("hier", text(|key| &key.hier))?
            .float("lora_r", float(|key| key.lora_r))?
            .float("l2_reg", float(|key| key.l2_reg))
    }

    /// Order of conditions in every output: by name column by column, then by hyperparameter, absent before any value.
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
        write!(f, "{} {} {} {}", self.setting, self.model, self.task, self.hier)?;
        self.lora_r.map_or(Ok(()), |r| write!(f, " lora_r={r}"))?;
        self.l2_reg.map_or(Ok(()), |l| write!(f, " l2_reg={l}"))
    }
}
