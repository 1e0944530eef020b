//! What the path of a run says was run: by the documented layout, or by one that names every folder.

use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

use crate::error::{Result, ResultsError};

/// The documented layout.
pub(super) const LAYOUT: &str = "MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev/results.json";

/// How a run was trained.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Full,
    Lora {
        r: f64,
        alpha: f64,
    },
    Probe {
        l2_reg: f64,
    },
    None,
    /// By a name that a layout gives it.
    Other(String),
}

/// What the path of a run says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunPath {
    pub(super) setting: Setting,
    pub(super) model: String,
    pub(super) task: String,
    pub(super) hier: String,
    pub(super) seed: i64,
    /// `None` where a layout tells no order.
    pub(super) reverse: Option<bool>,
    /// Folders above the model, which say nothing.
    pub(super) above: Vec<String>,
    /// Whether every folder was named.
    pub(super) by_layout: bool,
}

/// What the folders of runs are, from the directory given downwards: `model/task/hier/setting/seed`.
///
/// The words are model, task, hier, setting and seed, each once, and `_` or `*` for a folder that is passed over. The folder of a
/// setting is `full`, `none`, `lora_rR_alphaA`, `l2_X` or any other name, which is then that of the setting; the folder of a seed
/// ends in its number, perhaps with `_fwd` or `_rev` after it. `name=value` stands for its value.
///
/// ```
/// use caveat_results::Layout;
/// let layout: Layout = "setting/model/task/hier/seed".parse()?;
/// assert_eq!(layout.to_string(), "setting/model/task/hier/seed");
/// assert!("model/seed".parse::<Layout>().unwrap_err().to_string().contains("task"));
/// # Ok::<(), caveat_results::ResultsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(Vec<Word>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Model,
    Task,
    Hier,
    Setting,
    Seed,
    PassedOver,
}

impl Word {
    const NAMED: [Self; 5] = [Self::Model, Self::Task, Self::Hier, Self::Setting, Self::Seed];

    fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Task => "task",
            Self::Hier => "hier",
            Self::Setting => "setting",
            Self::Seed => "seed",
            Self::PassedOver => "_",
        }
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
                "_" | "*" => Word::PassedOver,
                name => match Word::NAMED.into_iter().find(|w| w.name() == name) {
                    Some(word) if words.contains(&word) => {
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
        match Word::NAMED.into_iter().find(|w| *w != Word::Setting && !words.contains(w)) {
            Some(absent) => bad(format!(
                "layout {text:?}: no folder for {}: expected model, task, hier and seed, as in model/task/hier/setting/seed",
                absent.name()
            )),
            None => Ok(Self(words)),
        }
    }
}

impl RunPath {
    /// Reads the components below the input directory, the last of which is results.json.
    pub(super) fn parse(below: &Path, layout: Option<&Layout>) -> std::result::Result<Self, String> {
        let mut names = Vec::new();
        for component in below.components() {
            if let Component::Normal(name) = component {
                names.push(name.to_str().ok_or("the path is not UTF-8: rename its directories")?);
            }
        }
        names.pop();
        match layout {
            Some(layout) => Self::by_layout(&names, layout),
            None => Self::documented(names),
        }
    }

    fn documented(mut names: Vec<&str>) -> std::result::Result<Self, String> {
        let folders = names.join("/");
        let seed = names.pop().ok_or_else(|| format!("the path is too short: expected {LAYOUT}"))?;
        let (seed, reverse) = parse_seed(seed).ok_or_else(|| {
            format!(
                "directory {seed:?}: expected a seed and an order, as in seed0_fwd or seed0_rev, in {LAYOUT}; for other folders \
                 say what each is, as in --layout model/task/hier/setting/seed"
            )
        })?;
        let setting = match names.last().copied() {
            Some(name) if name.starts_with("lora_") => {
                names.pop();
                parse_lora(name).ok_or_else(|| {
                    format!("directory {name:?}: expected a rank and an alpha, as in lora_r16_alpha32")
                })?
            }
            Some(name) if name.starts_with("l2_") => {
                names.pop();
                parse_probe(name).ok_or_else(|| {
                    format!("directory {name:?}: expected a penalty of at least 0, as in l2_0p0001 or l2_1e-4")
                })?
            }
            Some("none") => {
                names.pop();
                Setting::None
            }
            _ => Setting::Full,
        };
        let [ref above @ .., model, task, hier] = names[..] else {
            return Err(format!("the path is too short below the directory given: expected {LAYOUT}"));
        };
        let places = [("MODEL", model), ("TASK", task), ("HIER", hier)];
        let unknown = |why: String| {
            format!(
                "the folders {folders} are not the layout {LAYOUT}: {why}; say what each folder is, as in --layout \
                 model/task/hier/setting/seed"
            )
        };
        if let Some((place, name)) = places.iter().find(|(place, name)| is_method(name, *place == "MODEL")) {
            return Err(unknown(format!("{name:?} looks like a way of training and stands for {place}")));
        }
        let hierarchies = above.iter().copied().map(|name| ("above MODEL", name)).chain(places);
        if let Some((place, name)) = hierarchies.into_iter().find(|(p, n)| *p != "HIER" && is_hierarchy(n))
            && !is_hierarchy(hier)
        {
            return Err(unknown(format!("{name:?} looks like a hierarchy and stands for {place}")));
        }
        Ok(Self {
            setting,
            model: model.into(),
            task: task.into(),
            hier: hier.into(),
            seed,
            reverse: Some(reverse),
            above: above.iter().map(|name| (*name).to_owned()).collect(),
            by_layout: false,
        })
    }

    fn by_layout(names: &[&str], layout: &Layout) -> std::result::Result<Self, String> {
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
            // As folders of other tools are named.
            Some(name.split_once('=').filter(|(n, _)| n.eq_ignore_ascii_case(word.name())).map_or(name, |(_, v)| v))
        };
        let text = |word: Word| find(word).unwrap_or_default().to_owned();
        let seed = text(Word::Seed);
        let (number, reverse) = match parse_seed(&seed) {
            Some((number, reverse)) => (number, Some(reverse)),
            None => loose_seed(&seed).ok_or_else(|| {
                format!(
                    "directory {seed:?} (the seed): expected one that ends in its number, as in seed0, 0 or seed0_rev"
                )
            })?,
        };
        let setting = match find(Word::Setting) {
            None | Some("full") => Setting::Full,
            Some("none") => Setting::None,
            Some(name) => parse_lora(name)
                .or_else(|| parse_probe(name).filter(|_| name.starts_with("l2_")))
                .unwrap_or_else(|| Setting::Other(name.to_owned())),
        };
        let (model, task, hier) = (text(Word::Model), text(Word::Task), text(Word::Hier));
        Ok(Self { setting, model, task, hier, seed: number, reverse, above: Vec::new(), by_layout: true })
    }

    pub(super) fn lora_r(&self) -> Option<f64> {
        if let Setting::Lora { r, .. } = self.setting { Some(r) } else { None }
    }

    pub(super) fn lora_alpha(&self) -> Option<f64> {
        if let Setting::Lora { alpha, .. } = self.setting { Some(alpha) } else { None }
    }

    pub(super) fn l2_reg(&self) -> Option<f64> {
        if let Setting::Probe { l2_reg } = self.setting { Some(l2_reg) } else { None }
    }

    pub(super) fn setting_name(&self) -> &str {
        match &self.setting {
            Setting::Full => "full",
            Setting::Lora { .. } => "lora",
            Setting::Probe { .. } => "probe",
            Setting::None => "none",
            Setting::Other(name) => name,
        }
    }
}

/// Whether a name is that of a hierarchy, as runs are named: ti_n9, exc_mid_n9.
pub(super) fn is_hierarchy(name: &str) -> bool {
    (name.starts_with("ti_") || name.starts_with("exc_")) && n_items(name).is_some()
}

/// The number of items that the name of a hierarchy ends in.
pub(super) fn n_items(name: &str) -> Option<usize> {
    let (_, digits) = name.rsplit_once("_n")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Whether the name of a folder looks like a way of training; that of a model may hold such a word.
fn is_method(name: &str, of_model: bool) -> bool {
    const WORDS: [&str; 20] = [
        "full", "lora", "qlora", "dora", "qdora", "rslora", "ia3", "adapter", "adapters", "probe", "none", "sft", "ft",
        "finetune", "peft", "bitfit", "4bit", "8bit", "int4", "int8",
    ];
    let lower = name.to_lowercase();
    let is_word =
        |part: &str| WORDS.contains(&part.trim_end_matches(|c: char| c.is_ascii_digit())) || WORDS.contains(&part);
    let mut parts = lower.split(['_', '-', '.', '=', ' ']);
    if of_model { parts.next().is_some_and(is_word) } else { parts.any(is_word) }
}

fn parse_seed(name: &str) -> Option<(i64, bool)> {
    let (seed, order) = name.strip_prefix("seed")?.split_once('_')?;
    let reverse = match order {
        "fwd" => false,
        "rev" => true,
        _ => return None,
    };
    Some((seed.parse().ok()?, reverse))
}

/// A seed as others name its folder: 0, seed0, seed_0, run-3, s1_rev.
fn loose_seed(name: &str) -> Option<(i64, Option<bool>)> {
    let orders = [("_fwd", false), ("-fwd", false), ("_rev", true), ("-rev", true)];
    let order = orders.into_iter().find_map(|(end, reverse)| Some((name.strip_suffix(end)?, reverse)));
    let (rest, reverse) = order.map_or((name, None), |(rest, reverse)| (rest, Some(reverse)));
    let digits = rest.len() - rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (word, digits) = rest.split_at(digits);
    let plain = word.trim_end_matches(['_', '-', '=']);
    let known = ["", "seed", "s", "run", "rep", "replicate"].contains(&plain.to_lowercase().as_str());
    (known && !digits.is_empty()).then(|| Some((digits.parse().ok()?, reverse)))?
}

fn parse_lora(name: &str) -> Option<Setting> {
    let (r, alpha) = name.strip_prefix("lora_r")?.split_once("_alpha")?;
    let r = r.parse::<u32>().ok().filter(|r| *r > 0)?;
    Some(Setting::Lora { r: f64::from(r), alpha: number(alpha).filter(|alpha| *alpha > 0.0)? })
}

fn parse_probe(name: &str) -> Option<Setting> {
    number(name.trim_start_matches("l2_")).map(|l2_reg| Setting::Probe { l2_reg })
}

/// A number without a sign, with `p` for the point where the file system was not trusted with one.
fn number(text: &str) -> Option<f64> {
    let starts_right = text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == 'p');
    let value = text.replacen('p', ".", 1).parse::<f64>().ok()?;
    (starts_right && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> std::result::Result<RunPath, String> {
        RunPath::parse(Path::new(path), None)
    }

    #[test]
    fn paths_say_what_was_run() {
        let full = parse("deep/in/llama/fake/ti_n9/seed07_rev/results.json").unwrap();
        assert_eq!((full.model.as_str(), full.task.as_str(), full.hier.as_str()), ("llama", "fake", "ti_n9"));
        assert_eq!((&full.setting, full.seed, full.reverse), (&Setting::Full, 7, Some(true)));
        assert_eq!(full.above, ["deep", "in"]);
        let lora = parse("llama/fake/ti_n9/lora_r16_alpha0p5/seed-1_fwd/results.json").unwrap();
        assert_eq!((lora.setting, lora.seed, lora.reverse), (Setting::Lora { r: 16.0, alpha: 0.5 }, -1, Some(false)));
        let none = parse("llama/fake/ti_n9/none/seed1_fwd/results.json").unwrap();
        assert_eq!((none.setting, none.model.as_str(), none.hier.as_str()), (Setting::None, "llama", "ti_n9"));
        for (name, l2_reg) in
            [("l2_0p0001", 1e-4), ("l2_1e-4", 1e-4), ("l2_50", 50.0), ("l2_2.5", 2.5), ("l2_0", 0.0), ("l2_0p0", 0.0)]
        {
            let probe = parse(&format!("m/t/h/{name}/seed0_fwd/results.json")).unwrap();
            assert_eq!(probe.setting, Setting::Probe { l2_reg });
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
            ("ti_n9/m/t/x/seed0_fwd/results.json", "\"ti_n9\" looks like a hierarchy and stands for above MODEL"),
        ] {
            let problem = parse(path).unwrap_err();
            assert!(problem.contains(says), "{path}: {problem}");
        }
    }

    #[test]
    fn a_layout_says_what_every_folder_is() {
        let of = |layout: &str, path: &str| RunPath::parse(Path::new(path), Some(&layout.parse().unwrap()));
        let found = of("setting/_/task/model/hier/seed", "qlora_r16/2024/poker/m/ti_n9/seed_3/results.json").unwrap();
        assert_eq!((found.setting_name(), found.task.as_str(), found.model.as_str()), ("qlora_r16", "poker", "m"));
        assert_eq!((found.hier.as_str(), found.seed, found.reverse), ("ti_n9", 3, None));
        let found = of("model/task/hier/setting/seed", "model=m/t/h/lora_r4_alpha8/7_rev/results.json").unwrap();
        assert_eq!((found.model.as_str(), found.lora_r(), found.seed, found.reverse), ("m", Some(4.0), 7, Some(true)));
        let short = of("model/task/hier/seed", "m/t/h/full/seed0/results.json").unwrap_err();
        assert!(
            short.contains("5 folders") && short.contains("expected 4, as the layout model/task/hier/seed has"),
            "{short}"
        );
        assert!(of("model/task/hier/seed", "m/t/h/x/results.json").unwrap_err().contains("ends in its number"));
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
