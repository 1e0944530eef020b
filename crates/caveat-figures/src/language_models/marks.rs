//! The numbers of figures of judged pairs: one tidy row per mark.

use caveat_results::{ConditionKey, Table};
use caveat_theory::PairClass;

use crate::error::Result;
use crate::figure::whole;

/// One mark and what it stands for; words are empty and numbers NaN or `None` where they do not apply or several are pooled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// Letter of the panel.
    pub(super) panel: String,
    /// Kind of mark: cell, value, mean or point of a line.
    pub(super) mark: &'static str,
    pub(super) setting: String,
    pub(super) model: String,
    pub(super) task: String,
    pub(super) hierarchy: String,
    pub(super) lora_r: f64,
    pub(super) l2_reg: f64,
    pub(super) class: Option<PairClass>,
    pub(super) pair: Option<(usize, usize)>,
    /// Place on the x axis, where that is a number.
    pub(super) x: f64,
    /// Percent.
    pub(super) value: f64,
    /// Ends of the interval of the value, in percent.
    pub(super) interval: (f64, f64),
    /// Number of trials.
    pub(super) n: u64,
}

impl Mark {
    /// A mark of one condition.
    pub(super) fn for_panel(panel: &str, mark: &'static str, key: &ConditionKey) -> Self {
        Self {
            panel: panel.to_owned(),
            mark,
            setting: key.setting.clone(),
            model: key.model.clone(),
            task: key.task.clone(),
            hierarchy: key.hier.clone(),
            lora_r: key.lora_r.unwrap_or(f64::NAN),
            l2_reg: key.l2_reg.unwrap_or(f64::NAN),
            class: None,
            pair: None,
            x: f64::NAN,
            value: f64::NAN,
            interval: (f64::NAN, f64::NAN),
            n: 0,
        }
    }

    /// A mark of several conditions, with the words that they share.
    pub(super) fn pooled(panel: &str, mark: &'static str, keys: &[&ConditionKey]) -> Option<Self> {
        let (first, rest) = keys.split_first()?;
        let mut pooled = Self::for_panel(panel, mark, first);
        let clear = |same: bool, word: &mut String| {
            if !same {
                word.clear();
            }
        };
        clear(rest.iter().all(|k| k.setting == first.setting), &mut pooled.setting);
        clear(rest.iter().all(|k| k.model == first.model), &mut pooled.model);
        clear(rest.iter().all(|k| k.task == first.task), &mut pooled.task);
        clear(rest.iter().all(|k| k.hier == first.hier), &mut pooled.hierarchy);
        if rest.iter().any(|k| k.lora_r != first.lora_r) {
            pooled.lora_r = f64::NAN;
        }
        if rest.iter().any(|k| k.l2_reg != first.l2_reg) {
            pooled.l2_reg = f64::NAN;
        }
        Some(pooled)
    }
}

/// The marks as a table.
pub(super) fn table(marks: &[Mark]) -> Result<Table> {
    let words = |f: fn(&Mark) -> &str| marks.iter().map(|m| f(m).to_owned()).collect::<Vec<_>>();
    let numbers = |f: fn(&Mark) -> f64| marks.iter().map(f).collect::<Vec<_>>();
    let ranks = |f: fn((usize, usize)) -> usize| {
        marks.iter().map(|m| m.pair.and_then(|p| i64::try_from(f(p)).ok())).collect::<Vec<_>>()
    };
    Ok(Table::new()
        .text("panel", words(|m| &m.panel))?
        .text("mark", words(|m| m.mark))?
        .text("setting", words(|m| &m.setting))?
        .text("model", words(|m| &m.model))?
        .text("task", words(|m| &m.task))?
        .text("hier", words(|m| &m.hierarchy))?
        .float("lora_r", numbers(|m| m.lora_r))?
        .float("l2_reg", numbers(|m| m.l2_reg))?
        .text("class", words(|m| m.class.map_or("", PairClass::name)))?
        .integer("rank_a", ranks(|p| p.0))?
        .integer("rank_b", ranks(|p| p.1))?
        .float("x", numbers(|m| m.x))?
        .float("value", numbers(|m| m.value))?
        .float("low", numbers(|m| m.interval.0))?
        .float("high", numbers(|m| m.interval.1))?
        .integer("n", whole(marks.iter().map(|m| usize::try_from(m.n).unwrap_or(usize::MAX))))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pooled_marks_keep_the_words_that_all_share() {
        let key = |model: &str, l2_reg| ConditionKey {
            setting: "probe".into(),
            model: model.into(),
            task: "fake".into(),
            hier: "ti_n9".into(),
            lora_r: None,
            l2_reg: Some(l2_reg),
        };
        let (a, b) = (key("gpt2", 1.0), key("pythia", 1.0));
        let mark = Mark::pooled("c", "mean", &[&a, &b]).unwrap();
        assert_eq!((mark.setting.as_str(), mark.model.as_str(), mark.l2_reg), ("probe", "", 1.0));
        assert!(Mark::pooled("c", "mean", &[&a, &key("gpt2", 2.0)]).unwrap().l2_reg.is_nan());
        assert!(Mark::pooled("c", "mean", &[]).is_none());
        let table = table(&[mark]).unwrap();
        assert_eq!(table.n_rows(), 1);
    }
}
