//! Writes and reads the folder of a run: `MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Result, ResultsError};

/// The file in a run's folder that holds its results.
pub const RESULTS: &str = "results.json";

/// The documented layout.
pub(crate) const LAYOUT: &str = "MODEL/TASK/HIER/[lora_rR_alphaA | l2_X | none]/seedS_fwd|rev/results.json";

/// How a run was trained, according to its folder.
#[derive(Debug, Clone, PartialEq)]
pub enum RunSetting {
    /// All parameters; this has no folder.
    Full,
    /// Low-rank adapters.
    Lora {
        /// Their rank.
        r: u64,
        /// Their scale times the rank.
        alpha: f64,
    },
    /// The readout alone.
    Probe {
        /// The penalty.
        l2_reg: f64,
    },
    /// Nothing was trained.
    None,
    /// In some way that a [`Layout`](crate::Layout) only names.
    Other(String),
}

impl RunSetting {
    /// Name in the column `setting` of trial tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Full => "full",
            Self::Lora { .. } => "lora",
            Self::Probe { .. } => "probe",
            Self::None => "none",
            Self::Other(name) => name,
        }
    }

    /// Rank of the adapters.
    pub fn lora_r(&self) -> Option<f64> {
        if let Self::Lora { r, .. } = self { Some(*r as f64) } else { None }
    }

    /// Scale of the adapters times their rank.
    pub fn lora_alpha(&self) -> Option<f64> {
        if let Self::Lora { alpha, .. } = self { Some(*alpha) } else { None }
    }

    /// Penalty of the probe.
    pub fn l2_reg(&self) -> Option<f64> {
        if let Self::Probe { l2_reg } = self { Some(*l2_reg) } else { None }
    }

    /// The name of its folder, if it has one.
    fn folder(&self) -> Option<String> {
        match self {
            Self::Full => None,
            Self::Lora { r, alpha } => Some(format!("lora_r{r}_alpha{}", in_name(*alpha))),
            Self::Probe { l2_reg } => Some(format!("l2_{}", in_name(*l2_reg))),
            Self::None => Some("none".to_owned()),
            Self::Other(name) => Some(name.clone()),
        }
    }

    /// Reads the setting from a folder; `None` if the folder is not that of a setting.
    pub(crate) fn parse(folder: &str) -> std::result::Result<Option<Self>, String> {
        if folder.starts_with("lora_") {
            let setting = parse_lora(folder)
                .ok_or_else(|| format!("directory {folder:?}: expected a rank and an alpha, as in lora_r16_alpha32"))?;
            return Ok(Some(setting));
        }
        if folder.starts_with("l2_") {
            let l2_reg = number(folder.trim_start_matches("l2_")).ok_or_else(|| {
                format!("directory {folder:?}: expected a penalty of at least 0, as in l2_0p0001 or l2_1e-4")
            })?;
            return Ok(Some(Self::Probe { l2_reg }));
        }
        Ok((folder == "none").then_some(Self::None))
    }
}

/// The folder of a run below that of all runs; `reverse` says whether the hierarchy was reversed.
pub fn run_folder(model: &str, task: &str, hier: &str, setting: &RunSetting, seed: u64, reverse: bool) -> PathBuf {
    let order = if reverse { "rev" } else { "fwd" };
    let folders = [model, task, hier].map(str::to_owned).into_iter().chain(setting.folder());
    folders.chain([format!("seed{seed}_{order}")]).collect()
}

/// Adds all files of that name down to some depth below a directory; skips hidden directories and links to directories.
pub(crate) fn find_files(directory: &Path, name: &str, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let fail = |e| ResultsError::read(directory, e);
    for entry in fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let own = entry.file_name();
        if entry.file_type().map_err(fail)?.is_dir() {
            if depth > 0 && !own.to_string_lossy().starts_with('.') {
                find_files(&entry.path(), name, depth - 1, found)?;
            }
        } else if own == name {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Seed and order of a folder.
pub(crate) fn parse_seed(folder: &str) -> Option<(i64, bool)> {
    let (seed, order) = folder.strip_prefix("seed")?.split_once('_')?;
    let reverse = match order {
        "fwd" => false,
        "rev" => true,
        _ => return None,
    };
    Some((seed.parse().ok()?, reverse))
}

/// Reads a seed from a folder named in other ways: 0, seed0, seed_0, run-3, s1_rev.
pub(crate) fn parse_loose_seed(folder: &str) -> Option<(i64, Option<bool>)> {
    let orders = [("_fwd", false), ("-fwd", false), ("_rev", true), ("-rev", true)];
    let order = orders.into_iter().find_map(|(end, reverse)| Some((folder.strip_suffix(end)?, reverse)));
    let (rest, reverse) = order.map_or((folder, None), |(rest, reverse)| (rest, Some(reverse)));
    let digits = rest.len() - rest.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (word, digits) = rest.split_at(digits);
    let plain = word.trim_end_matches(['_', '-', '=']);
    let known = ["", "seed", "s", "run", "rep", "replicate"].contains(&plain.to_lowercase().as_str());
    (known && !digits.is_empty()).then(|| Some((digits.parse().ok()?, reverse)))?
}

fn parse_lora(folder: &str) -> Option<RunSetting> {
    let (r, alpha) = folder.strip_prefix("lora_r")?.split_once("_alpha")?;
    let r = r.parse::<u32>().ok().filter(|r| *r > 0)?;
    Some(RunSetting::Lora { r: r.into(), alpha: number(alpha).filter(|alpha| *alpha > 0.0)? })
}

/// Writes a number for the name of a folder: with `p` for the point, small and large ones as `1e-4`.
fn in_name(value: f64) -> String {
    let is_handy = value == 0.0 || (1e-3..1e6).contains(&value.abs());
    let text = if is_handy { value.to_string() } else { format!("{value:e}") };
    text.replace('.', "p")
}

/// Reads a number without a sign from the name of a folder, with a point or `p`.
fn number(text: &str) -> Option<f64> {
    let starts_right = text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == 'p');
    let value = text.replacen('p', ".", 1).parse::<f64>().ok()?;
    (starts_right && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Positive and finite, as penalties and scales are.
    fn positive() -> impl Strategy<Value = f64> {
        prop::num::f64::POSITIVE
    }

    fn settings() -> impl Strategy<Value = RunSetting> {
        prop_oneof![
            Just(RunSetting::Full),
            Just(RunSetting::None),
            (1..u32::MAX, positive()).prop_map(|(r, alpha)| RunSetting::Lora { r: r.into(), alpha }),
            prop_oneof![Just(0.0), positive()].prop_map(|l2_reg| RunSetting::Probe { l2_reg }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(setting in settings(), seed in 0..=i64::MAX as u64, reverse: bool) {
            let folder = run_folder("tiny", "fake", "ti_n9", &setting, seed, reverse);
            let names: Vec<&str> = folder.iter().map(|name| name.to_str().unwrap()).collect();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            prop_assert!(names.iter().all(|name| name.chars().all(plain)), "{:?}", names);
            let (last, rest) = names.split_last().unwrap();
            prop_assert_eq!(parse_seed(last), Some((seed as i64, reverse)));
            prop_assert_eq!(parse_loose_seed(last), Some((seed as i64, Some(reverse))));
            prop_assert_eq!(&rest[..3], ["tiny", "fake", "ti_n9"]);
            let found = rest.get(3).map_or(Ok(Some(RunSetting::Full)), |name| RunSetting::parse(name));
            prop_assert_eq!(found, Ok(Some(setting)));
        }
    }

    #[test]
    fn folders_are_named_as_folders_of_runs_are_read() {
        let below = |setting: RunSetting| run_folder("m", "t", "h", &setting, 3, true).display().to_string();
        assert_eq!(below(RunSetting::Full), "m/t/h/seed3_rev");
        assert_eq!(below(RunSetting::None), "m/t/h/none/seed3_rev");
        assert_eq!(below(RunSetting::Lora { r: 8, alpha: 0.5 }), "m/t/h/lora_r8_alpha0p5/seed3_rev");
        for (l2_reg, name) in [(0.0, "0"), (0.1, "0p1"), (1e-4, "1e-4"), (50.0, "50"), (2.5e-7, "2p5e-7")] {
            assert_eq!(below(RunSetting::Probe { l2_reg }), format!("m/t/h/l2_{name}/seed3_rev"));
        }
    }
}
