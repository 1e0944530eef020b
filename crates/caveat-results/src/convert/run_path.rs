//! Reads the path of a run, in the documented layout or in one that names every folder.

use std::path::{Component, Path};

use super::folder_names::{Look, Way, look, look_of_model, ways};
use super::layout::{Layout, Word};
use crate::hierarchy_name::hierarchy;
use crate::run_layout::{LAYOUT, RunSetting, parse_loose_seed, parse_seed};

/// A fact that a run's own file may confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Model,
    Task,
    Hier,
    Setting,
}

/// Why a path may be in another layout, and which facts its file must record to make it certain.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doubt {
    pub(super) why: String,
    pub(super) unless: Vec<Fact>,
}

/// What the path of a run tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunPath {
    pub(super) setting: RunSetting,
    pub(super) model: String,
    pub(super) task: String,
    pub(super) hier: String,
    pub(super) seed: i64,
    /// `None` where a layout tells no order.
    pub(super) reverse: Option<bool>,
    /// Whether every folder was named.
    pub(super) by_layout: bool,
    /// Whether there is a folder of the setting; a run without one is of full fine-tuning.
    pub(super) setting_is_named: bool,
    pub(super) doubts: Vec<Doubt>,
    /// The text of a refusal before and after the doubts.
    refusal: [String; 2],
}

impl RunPath {
    /// Reads the path of results.json below the directory called `given`.
    pub(super) fn parse(below: &Path, given: &str, layout: Option<&Layout>) -> Result<Self, String> {
        let mut names = Vec::new();
        for component in below.components() {
            if let Component::Normal(name) = component {
                names.push(name.to_str().ok_or("the path is not UTF-8: rename its directories")?);
            }
        }
        names.pop();
        match layout {
            Some(layout) => Self::by_layout(&names, given, layout),
            None => Self::documented(&names, given),
        }
    }

    fn documented(names: &[&str], given: &str) -> Result<Self, String> {
        let as_in = match Layout::suggested(names) {
            Some(layout) => format!("as in ⟨layout={layout}⟩"),
            None => "as in ⟨layout=model/task/hier/setting/seed⟩".to_owned(),
        };
        let folders = names.join("/");
        let refusal = [
            format!("the folders {folders} are not the layout {LAYOUT}: "),
            format!("; give the directory that holds MODEL, or say what each folder is, {as_in}"),
        ];
        let unknown = |why: String| Err([&refusal[0], &why, &refusal[1]].map(String::as_str).concat());
        let Some((seed, folders)) = names.split_last() else {
            return Err(format!("the path is too short: expected {LAYOUT}"));
        };
        let (seed, reverse) = parse_seed(seed).ok_or_else(|| {
            format!(
                "directory {seed:?}: expected a seed and an order, as in seed0_fwd or seed0_rev, in {LAYOUT}; for other folders \
                 say what each is, {as_in}"
            )
        })?;
        let (setting, folders) = match folders.split_last() {
            Some((last, rest)) => match RunSetting::parse(last)? {
                Some(setting) => (Some(setting), rest),
                None => (None, folders),
            },
            None => (None, folders),
        };
        let [ref above @ .., model, task, hier] = *folders else {
            return Err(format!("the path is too short below the directory given: expected {LAYOUT}"));
        };
        let setting_is_named = setting.is_some();
        let setting = setting.unwrap_or(RunSetting::Full);

        // A folder above that contradicts one that is read is wrong whatever the file records.
        for name in above {
            if is_other_training(name, &setting, setting_is_named) {
                return unknown(format!("{name:?} looks like another way of training and stands above MODEL"));
            }
            if hierarchy(name).is_some() && *name != hier {
                return unknown(format!("{name:?} looks like a hierarchy and stands above MODEL"));
            }
        }
        let mut doubts = Vec::new();
        let mut doubt = |why: String, unless: &[Fact]| doubts.push(Doubt { why, unless: unless.to_vec() });
        for (place, name, looks, own, fact) in [
            ("MODEL", model, look_of_model(model), Look::Model, Fact::Model),
            ("TASK", task, look(task), Look::Task, Fact::Task),
            ("HIER", hier, look(hier), Look::Hierarchy, Fact::Hier),
        ] {
            if let Some(looks) = looks.filter(|looks| *looks != own) {
                let unless = if looks == Look::Training { &[fact, Fact::Setting][..] } else { &[fact] };
                doubt(format!("{name:?} looks like {looks} and stands for {place}"), unless);
            }
        }
        if hierarchy(hier).is_none() && matches!(look(hier), None | Some(Look::Hierarchy)) {
            let why = format!(
                "{hier:?} stands for HIER, is not named as in ti_n9, exc_mid_n9 or exc_5_2_n9, and is not recorded"
            );
            doubt(why, &[Fact::Hier]);
        }
        if !above.is_empty() {
            let mut unless = vec![Fact::Model, Fact::Task, Fact::Hier];
            unless.extend((!setting_is_named).then_some(Fact::Setting));
            let above = above.join("/");
            let why = format!(
                "{above} stands above what would be {model}/{task}/{hier}, and not all of model, task, hier and method are recorded"
            );
            doubt(why, &unless);
        }
        if is_other_training(given, &setting, setting_is_named) {
            let why = format!(
                "{given:?}, the directory given, looks like another way of training: give the one above it, or rename it if it is none"
            );
            doubt(why, &[Fact::Setting]);
        }
        if hierarchy(given).is_some() && given != hier {
            doubt(
                format!("{given:?}, the directory given, looks like another hierarchy: give the one above it"),
                &[Fact::Hier],
            );
        }
        let (model, task, hier) = (model.to_owned(), task.to_owned(), hier.to_owned());
        let reverse = Some(reverse);
        Ok(Self { setting, model, task, hier, seed, reverse, by_layout: false, setting_is_named, doubts, refusal })
    }

    fn by_layout(names: &[&str], given: &str, layout: &Layout) -> Result<Self, String> {
        if names.len() != layout.0.len() {
            return Err(format!(
                "{} folders below the directory given ({}): expected {}, as the layout {layout} has",
                names.len(),
                names.join("/"),
                layout.0.len()
            ));
        }
        let find = |word: Word| {
            let at = layout.0.iter().position(|w| *w == word)?;
            let name = names[at];
            // Other tools write name=value.
            Some(name.split_once('=').filter(|(n, _)| n.eq_ignore_ascii_case(word.name())).map_or(name, |(_, v)| v))
        };
        let text = |word: Word| find(word).unwrap_or_default().to_owned();
        let seed = text(Word::Seed);
        let (number, reverse) = match parse_seed(&seed) {
            Some((number, reverse)) => (number, Some(reverse)),
            None => parse_loose_seed(&seed).ok_or_else(|| {
                format!(
                    "directory {seed:?} (the seed): expected one that ends in its number, as in seed0, 0 or seed0_rev"
                )
            })?,
        };
        let named = find(Word::Setting);
        let setting = match named {
            None | Some("full") => RunSetting::Full,
            Some(name) => RunSetting::parse(name).ok().flatten().unwrap_or_else(|| RunSetting::Other(name.to_owned())),
        };
        // Without a setting, a layout means full fine-tuning, which other folders may contradict.
        let passed_over =
            names.iter().zip(&layout.0).filter(|(_, word)| **word == Word::PassedOver).map(|(name, _)| *name);
        let other = passed_over.chain([given]).find(|name| named.is_none() && is_other_training(name, &setting, false));
        let doubts = other
            .into_iter()
            .map(|name| Doubt { why: format!("{name:?} looks like a way of training"), unless: vec![Fact::Setting] });
        Ok(Self {
            model: text(Word::Model),
            task: text(Word::Task),
            hier: text(Word::Hier),
            seed: number,
            reverse,
            by_layout: true,
            setting_is_named: named.is_some(),
            doubts: doubts.collect(),
            refusal: [
                String::new(),
                format!(
                    ", and in the layout {layout} no folder is the setting: expected the word setting in its place, below the \
                     directory given"
                ),
            ],
            setting,
        })
    }

    /// Why the path is in doubt, given the facts that the file confirms.
    pub(super) fn in_doubt(&self, confirmed: &[Fact]) -> Option<String> {
        let is_left = |doubt: &&Doubt| !doubt.unless.iter().all(|fact| confirmed.contains(fact));
        let left: Vec<&str> = self.doubts.iter().filter(is_left).map(|doubt| doubt.why.as_str()).collect();
        let [before, behind] = &self.refusal;
        (!left.is_empty()).then(|| format!("{before}{}{behind}", left.join("; ")))
    }
}

/// Whether the name of a folder contradicts a setting. If the setting has a folder of its own, only another adapter or quantization
/// does: `full_sweep` may hold LoRA.
fn is_other_training(name: &str, setting: &RunSetting, is_named: bool) -> bool {
    ways(name).any(|(_, way)| !way.fits(setting) && (!is_named || way == Way::Other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Result<RunPath, String> {
        RunPath::parse(Path::new(path), "given", None)
    }

    /// A path that is certain, or why it is not.
    fn certain(path: &str, given: &str) -> Result<RunPath, String> {
        let found = RunPath::parse(Path::new(path), given, None)?;
        match found.in_doubt(&[]) {
            Some(why) => Err(why),
            None => Ok(found),
        }
    }

    #[test]
    fn paths_say_what_was_run() {
        let full = parse("deep/in/llama/fake/ti_n9/seed07_rev/results.json").unwrap();
        assert_eq!((full.model.as_str(), full.task.as_str(), full.hier.as_str()), ("llama", "fake", "ti_n9"));
        assert_eq!((&full.setting, full.seed, full.reverse), (&RunSetting::Full, 7, Some(true)));
        assert_eq!(full.doubts[0].unless, [Fact::Model, Fact::Task, Fact::Hier, Fact::Setting]);
        let lora = parse("llama/fake/ti_n9/lora_r16_alpha0p5/seed-1_fwd/results.json").unwrap();
        assert_eq!((lora.setting, lora.seed, lora.reverse), (RunSetting::Lora { r: 16, alpha: 0.5 }, -1, Some(false)));
        let none = parse("llama/fake/ti_n9/none/seed1_fwd/results.json").unwrap();
        assert_eq!((none.setting, none.model.as_str(), none.hier.as_str()), (RunSetting::None, "llama", "ti_n9"));
        for (name, l2_reg) in
            [("l2_0p0001", 1e-4), ("l2_1e-4", 1e-4), ("l2_50", 50.0), ("l2_2.5", 2.5), ("l2_0", 0.0), ("l2_0p0", 0.0)]
        {
            let probe = parse(&format!("m/t/h/{name}/seed0_fwd/results.json")).unwrap();
            assert_eq!(probe.setting, RunSetting::Probe { l2_reg });
        }
    }

    #[test]
    fn malformed_paths_say_what_would_be_right() {
        for (path, says) in [
            ("results.json", "too short"),
            ("seed0_fwd/results.json", "too short below the directory given"),
            ("t/h/seed0_fwd/results.json", "MODEL/TASK/HIER/"),
            ("t/h/l2_1/seed0_fwd/results.json", "too short"),
            ("t/h/none/seed0_fwd/results.json", "too short"),
            ("m/t/h/run0/results.json", "\"run0\": expected a seed and an order"),
            ("m/t/h/seed0_forward/results.json", "seed0_fwd or seed0_rev"),
            ("m/t/h/seedx_fwd/results.json", "seed0_fwd or seed0_rev"),
            ("m/t/h/lora_16/seed0_fwd/results.json", "lora_r16_alpha32"),
            ("m/t/h/lora_r0_alpha1/seed0_fwd/results.json", "lora_r16_alpha32"),
            ("m/t/h/lora_r1_alpha0/seed0_fwd/results.json", "lora_r16_alpha32"),
            ("m/t/h/l2_-1/seed0_fwd/results.json", "a penalty of at least 0"),
            ("m/t/h/l2_0p0p1/seed0_fwd/results.json", "a penalty of at least 0"),
            ("m/t/h/l2_inf/seed0_fwd/results.json", "a penalty of at least 0"),
            (
                "m/t/ti_n9/qlora_r16_alpha32/seed0_fwd/results.json",
                "\"qlora_r16_alpha32\" looks like a way of training",
            ),
            ("m/t/ti_n9/full/seed0_fwd/results.json", "\"full\" looks like a way of training"),
            ("m/t/ti_n9/lora-r16/seed0_fwd/results.json", "looks like a way of training and stands for HIER"),
            ("qlora_r16/m/ti_n9/seed0_fwd/results.json", "looks like a way of training and stands for MODEL"),
            ("m/lora16/ti_n9/seed0_fwd/results.json", "looks like a way of training and stands for TASK"),
            ("m/t/ti_n9/adamw/seed0_fwd/results.json", "\"ti_n9\" looks like a hierarchy and stands for TASK"),
            ("ti_n9/m/t/seed0_fwd/results.json", "\"ti_n9\" looks like a hierarchy and stands for MODEL"),
            ("ti_n9/m/t/x/seed0_fwd/results.json", "\"ti_n9\" looks like a hierarchy and stands above MODEL"),
        ] {
            let problem = certain(path, "given").unwrap_err();
            assert!(problem.contains(says), "{path}: {problem}");
        }
    }

    #[test]
    fn trees_of_researchers_are_not_certain() {
        for (path, says, layout) in [
            ("qlora/smol/poker/ti_n4", "\"qlora\" looks like another way", "setting/model/task/hier/seed"),
            ("lora/smol/poker/ti_n4", "\"lora\" looks like another way", "setting/model/task/hier/seed"),
            ("4bit/smol/poker/ti_n4", "\"4bit\" looks like another way", "setting/model/task/hier/seed"),
            ("lora_r16_alpha32/smol/poker/ti_n4", "looks like another way", "setting/model/task/hier/seed"),
            ("qlora/smol/poker/ti_n4/lora_r8_alpha16", "\"qlora\" looks like another way", "⟨layout="),
            ("2024-05-01/smol/poker/ti_n4", "2024-05-01 stands above", "_/model/task/hier/seed"),
            ("lr1e-4/smol/poker/ti_n4", "lr1e-4 stands above", "_/model/task/hier/seed"),
            (
                "smol/poker/ti_n4/exc_mid_n4",
                "\"poker\" looks like a task and stands for MODEL",
                "model/task/hier/_/seed",
            ),
            ("ti_n4/smol/poker/exc_mid_n4", "\"ti_n4\" looks like a hierarchy and stands above", "⟨layout="),
            ("ti/smol/poker/exc_mid_n4", "ti stands above", "⟨layout="),
            ("smol/poker/lr1e-4", "\"lr1e-4\" looks like a hyperparameter and stands for HIER", "⟨layout="),
            ("smol/poker/epochs3", "looks like a hyperparameter", "⟨layout="),
            ("smol/poker/temp0.7", "looks like a hyperparameter", "⟨layout="),
            ("smol/poker/adamw", "looks like a hyperparameter", "⟨layout="),
            ("smol/lr1e-4/ti_n4", "\"lr1e-4\" looks like a hyperparameter and stands for TASK", "⟨layout="),
            ("poker/ti/smol", "looks like a task and stands for MODEL", "task/hier/model/seed"),
            ("m/t/h", "\"h\" stands for HIER, is not named", "model/task/hier/seed"),
            ("m/t/exception", "is not named as in ti_n9", "⟨layout="),
            ("poker/smol/ti_n4", "\"poker\" looks like a task and stands for MODEL", "task/model/hier/seed"),
            ("towns/llama/ti_n4", "\"llama\" looks like a model and stands for TASK", "task/model/hier/seed"),
            ("exp3/towns/ti_n4", "\"exp3\" looks like a folder of folders and stands for MODEL", "⟨layout="),
            ("smol/20240501/ti_n4", "looks like a folder of folders and stands for TASK", "⟨layout="),
            ("smol-qlora/poker/ti_n4", "\"smol-qlora\" looks like a way of training and stands for MODEL", "⟨layout="),
            ("model=smol/task=poker/ti_n4", "looks like a key with its value", "model/task/hier/seed"),
        ] {
            let problem = certain(&format!("{path}/seed0_fwd/results.json"), "given").unwrap_err();
            assert!(
                problem.contains(says)
                    && problem.contains(layout)
                    && problem.contains(path)
                    && problem.contains(LAYOUT),
                "{path}: {problem}"
            );
        }
        let path = "smol/poker/ti_n4/seed0_fwd/results.json";
        for given in ["qlora", "runs_4bit", "lora", "exc_mid_n4"] {
            let problem = certain(path, given).unwrap_err();
            assert!(problem.contains(&format!("{given:?}, the directory given")), "{problem}");
        }
        for given in ["runs", "ti_n4", "full", "finetuned"] {
            assert!(certain(path, given).is_ok(), "{given}");
        }
        assert!(certain("smol/poker/ti_n4/lora_r8_alpha16/seed0_fwd/results.json", "full_results").is_ok());
    }

    #[test]
    fn a_layout_says_what_every_folder_is() {
        let of = |layout: &str, path: &str| RunPath::parse(Path::new(path), "given", Some(&layout.parse().unwrap()));
        let found = of("setting/_/task/model/hier/seed", "qlora_r16/2024/poker/m/ti_n9/seed_3/results.json").unwrap();
        assert_eq!((found.setting.name(), found.task.as_str(), found.model.as_str()), ("qlora_r16", "poker", "m"));
        assert_eq!((found.hier.as_str(), found.seed, found.reverse), ("ti_n9", 3, None));
        let found = of("model/task/hier/setting/seed", "model=m/t/h/lora_r4_alpha8/7_rev/results.json").unwrap();
        assert_eq!(
            (found.model.as_str(), found.setting.lora_r(), found.seed, found.reverse),
            ("m", Some(4.0), 7, Some(true))
        );
        let short = of("model/task/hier/seed", "m/t/h/full/seed0/results.json").unwrap_err();
        assert!(
            short.contains("5 folders") && short.contains("expected 4, as the layout model/task/hier/seed has"),
            "{short}"
        );
        assert!(of("model/task/hier/seed", "m/t/h/x/results.json").unwrap_err().contains("ends in its number"));
        // Who passes over a way of training has not said how the run was trained.
        let hidden = of("_/model/task/hier/seed", "qlora/m/t/h/seed0/results.json").unwrap();
        assert!(hidden.doubts[0].why.contains("\"qlora\" looks like a way of training") && !hidden.setting_is_named);
        assert_eq!(of("_/model/task/hier/setting/seed", "qlora/m/t/h/full/seed0/results.json").unwrap().doubts, []);
    }
}
