//! Which models, stimuli and hierarchies of a table the figure of the study shows.

use caveat_results::ConditionKey;

use super::super::pairs::Pairs;
use super::super::{order, studied, trained, typical};
use crate::text::task_words;

/// Stimulus set shown where a panel shows one.
const PREFERRED_TASK: &str = "fake";
/// Model whose probe is shown over its penalty.
const PREFERRED_PROBE: &str = "qwen35-4b";

/// How models were trained, as a group of violins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Training {
    pub(super) setting: String,
    lora_r: Option<f64>,
    l2_reg: Option<f64>,
}

impl Training {
    /// The three of the study, LoRA and probe with their typical rank and penalty or, where the table has none, the study's; then
    /// every other setting of the table, all of its hyperparameters together.
    pub(super) fn all(pairs: &Pairs<'_>) -> Vec<Self> {
        let one = |setting: &str, of: fn(&ConditionKey) -> Option<f64>| {
            let keys = pairs.conditions().map(|c| pairs.key(c)).filter(|key| key.setting == setting);
            Some(typical(setting, keys.filter_map(of)).unwrap_or(studied(setting)))
        };
        let (rank, penalty) = (one("lora", |key| key.lora_r), one("probe", |key| key.l2_reg));
        let mut all =
            vec![Self::new("full", None, None), Self::new("lora", rank, None), Self::new("probe", None, penalty)];
        let settings = order::words(pairs.conditions().map(|c| pairs.key(c).setting.as_str()));
        let others = settings.into_iter().filter(|setting| !["full", "lora", "probe"].contains(setting));
        all.extend(others.map(|setting| Self::new(setting, None, None)));
        all
    }

    /// A setting with its rank or penalty; all of them where there is none.
    fn new(setting: &str, lora_r: Option<f64>, l2_reg: Option<f64>) -> Self {
        Self { setting: setting.to_owned(), lora_r, l2_reg }
    }

    pub(super) fn includes(&self, key: &ConditionKey) -> bool {
        let near = |wanted: Option<f64>, value: Option<f64>| wanted.is_none_or(|w| value.is_some_and(|v| same(v, w)));
        key.setting == self.setting && near(self.lora_r, key.lora_r) && near(self.l2_reg, key.l2_reg)
    }

    /// Its name in figures.
    pub(super) fn label(&self) -> String {
        match self.setting.as_str() {
            "full" => "full fine-tuning".into(),
            setting => trained(setting, self.lora_r, self.l2_reg),
        }
    }
}

/// The conditions of the panels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// How the models of all heatmaps were trained, and of the violins by hierarchy.
    pub(super) training: Training,
    /// Stimulus set of the heatmaps.
    pub(super) task: String,
    /// Up to two models.
    pub(super) models: Vec<String>,
    /// Number of models with that training and these stimuli.
    pub(super) n_models: usize,
    /// A hierarchy without exceptions, if possible with as many items as the first one with exceptions.
    pub(super) plain: Option<usize>,
    /// All hierarchies with exceptions, the smallest first.
    pub(super) exceptions: Vec<usize>,
    /// The model shown for every hierarchy with exceptions.
    pub(super) model_by_hierarchy: Option<String>,
    /// Conditions of one probe over its penalty on the smallest hierarchy that has them, with C = 1/l2 in increasing order.
    pub(super) probe: Vec<(f64, usize)>,
}

impl Choice {
    pub(super) fn new(pairs: &Pairs<'_>) -> Self {
        let (exceptions, plain): (Vec<usize>, Vec<usize>) =
            pairs.hierarchies().into_iter().partition(|&h| !pairs.hierarchy(h).exceptions.is_empty());
        let size = exceptions.first().map(|&h| pairs.hierarchy(h).n_items);
        let plain =
            plain.iter().copied().find(|&h| Some(pairs.hierarchy(h).n_items) == size).or(plain.first().copied());
        let first: Vec<usize> = plain.into_iter().chain(exceptions.first().copied()).collect();
        let in_first = |c: &usize| pairs.hierarchy_of(*c).is_some_and(|h| first.contains(&h));
        let mut shown: Vec<usize> = pairs.conditions().filter(in_first).collect();
        let setting = prefer(shown.iter().map(|&c| pairs.key(c).setting.as_str()), "full").to_owned();
        shown.retain(|&c| pairs.key(c).setting == setting);
        let task = prefer(shown.iter().map(|&c| pairs.key(c).task.as_str()), PREFERRED_TASK).to_owned();
        shown.retain(|&c| pairs.key(c).task == task);
        let mut models = order::words(shown.iter().map(|&c| pairs.key(c).model.as_str()));
        let n_models = models.len();
        models.truncate(2);
        let mut choice = Self {
            training: Training::new(&setting, None, None),
            task,
            models: models.into_iter().map(str::to_owned).collect(),
            n_models,
            plain,
            exceptions,
            model_by_hierarchy: None,
            probe: Vec::new(),
        };
        let covered =
            |model: &&String| choice.exceptions.iter().filter(|&&h| choice.find(pairs, model, h).is_some()).count();
        // The first of those with most hierarchies.
        choice.model_by_hierarchy = choice.models.iter().rev().max_by_key(covered).cloned();
        let probes = choice.exceptions.iter().map(|&h| probe(pairs, h));
        choice.probe = probes.into_iter().find(|series| !series.is_empty()).unwrap_or_default();
        choice
    }

    /// The first condition of a model and hierarchy with the training and stimuli of this choice.
    pub(super) fn find(&self, pairs: &Pairs<'_>, model: &str, hierarchy: usize) -> Option<usize> {
        pairs.conditions().find(|&c| {
            let key = pairs.key(c);
            let same = key.model == model && key.task == self.task && self.training.includes(key);
            same && pairs.hierarchy_of(c) == Some(hierarchy)
        })
    }
}

/// Whether two hyperparameters are the same, apart from rounding.
fn same(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 1e-9 * wanted
}

/// The preferred word if it occurs, else the first in order; empty without words.
fn prefer<'a>(words: impl Iterator<Item = &'a str>, preferred: &'a str) -> &'a str {
    let words = order::words(words);
    if words.contains(&preferred) { preferred } else { words.first().copied().unwrap_or("") }
}

/// The conditions of one model and stimulus set over at least two positive penalties, by C = 1/l2.
fn probe(pairs: &Pairs<'_>, hierarchy: usize) -> Vec<(f64, usize)> {
    let strength = |c: usize| pairs.key(c).l2_reg.filter(|l| *l > 0.0 && l.is_finite()).map(|l| 1.0 / l);
    let probes: Vec<(f64, usize)> = pairs
        .conditions()
        .filter(|&c| pairs.hierarchy_of(c) == Some(hierarchy))
        .filter_map(|c| Some((strength(c)?, c)))
        .collect();
    let models = order::words(probes.iter().map(|&(_, c)| pairs.key(c).model.as_str()));
    let mut chosen = Vec::new();
    for model in models {
        let own: Vec<(f64, usize)> = probes.iter().copied().filter(|&(_, c)| pairs.key(c).model == model).collect();
        for task in order::words(own.iter().map(|&(_, c)| pairs.key(c).task.as_str())) {
            let mut series: Vec<(f64, usize)> =
                own.iter().copied().filter(|&(_, c)| pairs.key(c).task == task).collect();
            series.sort_by(|a, b| a.0.total_cmp(&b.0));
            series.dedup_by(|a, b| a.0 == b.0);
            let preferred = model == PREFERRED_PROBE && task == PREFERRED_TASK;
            if series.len() > 1 && (chosen.is_empty() || preferred) {
                chosen = series;
            }
        }
    }
    chosen
}

/// Its items and exceptions in words.
pub(super) fn exceptions(hierarchy: &caveat_results::Hierarchy) -> String {
    task_words(hierarchy.n_items, hierarchy.exceptions.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::super::super::pairs::tests::{Spec, table};
    use super::*;

    const NEAR: &[(usize, usize)] = &[(5, 3)];
    const WIDE: &[(usize, usize)] = &[(7, 3)];

    #[test]
    fn full_fine_tuning_and_invented_names_come_first() {
        let specs: [Spec<'_>; 9] = [
            ("lora", "a-model", "fake", 9, NEAR, Some(32.0)),
            ("full", "gpt2", "real", 9, NEAR, None),
            ("full", "gpt2", "fake", 9, NEAR, None),
            ("full", "pythia", "fake", 11, WIDE, None),
            ("full", "pythia", "fake", 9, NEAR, None),
            ("full", "qwen", "fake", 9, NEAR, None),
            ("full", "gpt2", "fake", 12, &[], None),
            ("full", "gpt2", "fake", 9, &[], None),
            ("scratch", "gpt2", "fake", 9, &[], None),
        ];
        let table = table(&specs);
        let pairs = Pairs::new(&table).unwrap();
        let choice = Choice::new(&pairs);
        assert_eq!((choice.training.setting.as_str(), choice.task.as_str()), ("full", "fake"));
        assert_eq!(choice.models, ["gpt2", "pythia"]);
        assert_eq!(choice.model_by_hierarchy.as_deref(), Some("pythia"));
        assert_eq!(choice.plain.map(|h| pairs.hierarchy(h).name.as_str()), Some("ti_n9"));
        let names: Vec<&str> = choice.exceptions.iter().map(|&h| pairs.hierarchy(h).name.as_str()).collect();
        assert_eq!(names, ["exc_n9_5-3", "exc_n11_7-3"]);
        assert_eq!(choice.find(&pairs, "gpt2", choice.exceptions[0]), Some(2));
        assert_eq!(choice.find(&pairs, "gpt2", choice.exceptions[1]), None);
        let labels: Vec<String> = Training::all(&pairs).iter().map(Training::label).collect();
        assert_eq!(labels, ["full fine-tuning", "LoRA r = 32", "probe l2 = 1e-4", "scratch"]);
        assert!(Training::all(&pairs)[1].includes(pairs.key(0)) && !Training::all(&pairs)[1].includes(pairs.key(2)));
        assert!(choice.probe.is_empty());
    }

    #[test]
    fn another_rank_or_penalty_is_shown_where_the_studied_one_is_absent() {
        let labels = |specs: &[Spec<'_>]| {
            let table = table(specs);
            let pairs = Pairs::new(&table).unwrap();
            Training::all(&pairs).iter().map(Training::label).collect::<Vec<_>>()
        };
        let rank = |r| ("lora", "gpt2", "fake", 9, NEAR, Some(r));
        let probe = |l| ("probe", "gpt2", "fake", 9, NEAR, Some(l));
        assert_eq!(labels(&[rank(64.0), rank(16.0), probe(1e-6)])[1..], ["LoRA r = 16", "probe l2 = 1e-6"]);
        assert_eq!(labels(&[rank(8.0), rank(32.0), probe(0.0)])[1..], ["LoRA r = 32", "probe l2 = 0"]);
        // The nearest by ratio, not by difference.
        assert_eq!(
            labels(&[rank(2.0), rank(16.0), rank(128.0), probe(0.0), probe(1e-6), probe(1e-3)])[1..],
            ["LoRA r = 16", "probe l2 = 0.001"]
        );
    }

    #[test]
    fn the_probe_is_the_preferred_or_the_first_with_two_penalties() {
        let mut specs: Vec<Spec<'_>> = vec![
            ("probe", "a-model", "fake", 9, NEAR, Some(1.0)),
            ("probe", "gpt2", "real", 9, NEAR, Some(0.1)),
            ("probe", "gpt2", "real", 9, NEAR, Some(10.0)),
            ("probe", "gpt2", "real", 9, NEAR, Some(0.0)),
            ("probe", "llama", "fake", 9, NEAR, Some(0.1)),
            ("probe", "llama", "fake", 9, NEAR, Some(10.0)),
        ];
        let found = |specs: &[Spec<'_>]| Choice::new(&Pairs::new(&table(specs)).unwrap()).probe;
        assert_eq!(found(&specs), [(0.1, 2), (10.0, 1)]);
        specs.push(("probe", PREFERRED_PROBE, "fake", 9, NEAR, Some(2.0)));
        assert_eq!(found(&specs).len(), 2, "one penalty is no series");
        specs.push(("probe", PREFERRED_PROBE, "fake", 9, NEAR, Some(4.0)));
        assert_eq!(found(&specs), [(0.25, 7), (0.5, 6)]);
    }
}
