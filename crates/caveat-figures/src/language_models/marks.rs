//! The numbers of figures of judged pairs: one tidy row per mark.

use caveat_results::{ConditionKey, Table};
use caveat_theory::PairClass;

use crate::error::Result;

/// One mark and what it shows; words are empty and numbers NaN or `None` where they do not apply or several are pooled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// Letter of the panel.
    pub(super) panel: String,
    /// Kind of mark: cell, value, mean or point of a line.
    pub(super) mark: &'static str,
    pub(super) key: ConditionKey,
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
            key: key.clone(),
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
        let mut mark = Self::for_panel(panel, mark, first);
        for key in rest {
            let shared = &mut mark.key;
            let words = [
                (&mut shared.setting, &key.setting),
                (&mut shared.model, &key.model),
                (&mut shared.task, &key.task),
                (&mut shared.hier, &key.hier),
            ];
            words.into_iter().filter(|(own, other)| own != other).for_each(|(own, _)| own.clear());
            shared.lora_r = shared.lora_r.filter(|_| key.lora_r == shared.lora_r);
            shared.l2_reg = shared.l2_reg.filter(|_| key.l2_reg == shared.l2_reg);
        }
        Some(mark)
    }
}

/// The marks as a table.
pub(super) fn table(marks: &[Mark]) -> Result<Table> {
    let words = |f: fn(&Mark) -> &str| marks.iter().map(f);
    let numbers = |f: fn(&Mark) -> f64| marks.iter().map(f);
    let ranks =
        |f: fn((usize, usize)) -> usize| marks.iter().map(move |m| m.pair.and_then(|p| i64::try_from(f(p)).ok()));
    let table = Table::new().text("panel", words(|m| &m.panel))?.text("mark", words(|m| m.mark))?;
    Ok(ConditionKey::add_columns(marks.iter().map(|m| &m.key), table)?
        .text("class", words(|m| m.class.map_or("", PairClass::name)))?
        .integer("rank_a", ranks(|p| p.0))?
        .integer("rank_b", ranks(|p| p.1))?
        .float("x", numbers(|m| m.x))?
        .float("value", numbers(|m| m.value))?
        .float("low", numbers(|m| m.interval.0))?
        .float("high", numbers(|m| m.interval.1))?
        .count("n", marks.iter().map(|m| usize::try_from(m.n).unwrap_or(usize::MAX)))?)
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
        assert_eq!(mark.key, ConditionKey { model: String::new(), ..a.clone() });
        assert_eq!(Mark::pooled("c", "mean", &[&a, &key("gpt2", 2.0)]).unwrap().key.l2_reg, None);
        assert!(Mark::pooled("c", "mean", &[]).is_none());
        let table = table(&[mark]).unwrap();
        assert_eq!(table.n_rows(), 1);
    }
}
