//! Layouts: what every folder above a run is, as a person says it.

use std::fmt;
use std::str::FromStr;

use caveat_theory::named_enum;

use super::folder_names::{Look, look};
use crate::error::{Result, ResultsError};

/// What the folders of runs are, below the directory given: `model/task/hier/setting/seed`.
///
/// The words are model, task, hier, setting and seed, each once, and `_` or `*` for a folder to ignore. The folder of a setting is
/// `full`, `none`, `lora_rR_alphaA`, `l2_X` or any other name, which is then the name of the setting. The folder of a seed ends in
/// its number, perhaps followed by `_fwd` or `_rev`. A folder `name=value` stands for its value.
///
/// ```
/// use caveat_results::Layout;
/// let layout: Layout = "setting/model/task/hier/seed".parse()?;
/// assert_eq!(layout.to_string(), "setting/model/task/hier/seed");
/// assert!("model/seed".parse::<Layout>().unwrap_err().to_string().contains("task"));
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(pub(super) Vec<Word>);

named_enum! {
    /// What a folder is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Word, ALL {
        Model = "model",
        Task = "task",
        Hier = "hier",
        Setting = "setting",
        Seed = "seed",
        PassedOver = "_",
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.iter().map(|w| w.name()).collect::<Vec<_>>().join("/"))
    }
}

impl FromStr for Layout {
    type Err = ResultsError;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |problem: String| Err(ResultsError::BadTable(problem));
        let mut words = Vec::new();
        for part in text.trim().trim_matches('/').split('/') {
            let word = match part.trim() {
                "*" => Word::PassedOver,
                name => match Word::ALL.into_iter().find(|w| w.name() == name) {
                    Some(word) if word != Word::PassedOver && words.contains(&word) => {
                        return bad(format!("layout {text:?}: {name} is there twice: expected it once"));
                    }
                    Some(word) => word,
                    None => {
                        return bad(format!(
                            "layout {text:?}: unknown word {name:?}: expected model, task, hier, setting and seed, and _ for a \
                             folder to pass over, as in model/task/hier/setting/seed"
                        ));
                    }
                },
            };
            words.push(word);
        }
        match [Word::Model, Word::Task, Word::Hier, Word::Seed].into_iter().find(|w| !words.contains(w)) {
            Some(absent) => bad(format!(
                "layout {text:?}: no folder for {absent}: expected model, task, hier and seed, as in model/task/hier/setting/seed"
            )),
            None => Ok(Self(words)),
        }
    }
}

impl Layout {
    /// The layout that the names of folders suggest, the last being the seed; `None` if there are too few for what is needed.
    pub(super) fn suggested(names: &[&str]) -> Option<Self> {
        let (_, folders) = names.split_last()?;
        let mut words: Vec<Option<Word>> = Vec::new();
        for name in folders {
            let word = match look(name) {
                Some(Look::Hierarchy) => Some(Word::Hier),
                Some(Look::Training) => Some(Word::Setting),
                Some(Look::Task) => Some(Word::Task),
                Some(Look::Model) => Some(Word::Model),
                Some(Look::Pair) => {
                    let is_named = |w: &Word| *w != Word::PassedOver && name.to_lowercase().starts_with(w.name());
                    Word::ALL.into_iter().find(is_named)
                }
                Some(Look::Hyperparameter | Look::Holder) => Some(Word::PassedOver),
                None => None,
            };
            let is_free = word == Some(Word::PassedOver) || !words.contains(&word);
            words.push(word.filter(|_| is_free));
        }
        for needed in [Word::Model, Word::Task, Word::Hier] {
            if !words.contains(&Some(needed)) {
                *words.iter_mut().find(|word| word.is_none())? = Some(needed);
            }
        }
        let named = words.into_iter().map(|word| word.unwrap_or(Word::PassedOver));
        Some(Self(named.chain([Word::Seed]).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_suggest_a_layout_where_it_is_plain() {
        let suggested = |path: &str| Layout::suggested(&path.split('/').collect::<Vec<_>>()).map(|l| l.to_string());
        for (path, layout) in [
            ("qlora/smol/poker/ti_n4/seed0_fwd", Some("setting/model/task/hier/seed")),
            ("smol/poker/ti_n4/qlora_r16/3", Some("model/task/hier/setting/seed")),
            ("poker/ti_n4/smol/seed0_fwd", Some("task/hier/model/seed")),
            ("2024-05-01/towns/mine/ti_n4/seed0_fwd", Some("_/model/task/hier/seed")),
            ("task=poker/model=m/hier=ti_n4/seed=0", Some("task/model/hier/seed")),
            ("smol/poker/lr1e-4/seed0_fwd", None),
            ("poker/ti_n4/seed0_fwd", None),
        ] {
            assert_eq!(suggested(path).as_deref(), layout, "{path}");
        }
    }

    #[test]
    fn malformed_layouts_say_what_would_be_right() {
        for (text, says) in [
            ("model/task/hier", "no folder for seed"),
            ("model/model/task/hier/seed", "model is there twice"),
            ("model/task/hier/day/seed", "unknown word \"day\""),
            ("", "unknown word"),
        ] {
            let message = text.parse::<Layout>().unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
        }
    }
}
