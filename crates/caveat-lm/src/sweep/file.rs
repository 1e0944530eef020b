//! Reads the file of a sweep, and reports every mistake in it with its line.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use caveat_theory::named_enum;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use toml::Spanned;

use crate::error::{LmError, Result, one_line};
use crate::run::{TRAINING_OPTIONS, TrainingOptions, hierarchy_of_name};
use crate::stimuli::text_file::read_small;
use crate::training::LoraModule;

/// Most seeds of a grid.
const MAX_SEEDS: usize = 100_000;

/// The contents of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SweepFile {
    pub(super) output: Option<PathBuf>,
    pub(super) device: Option<String>,
    #[serde(default)]
    pub(super) save_similarity: bool,
    #[serde(default)]
    pub(super) defaults: GridTable,
    #[serde(default)]
    pub(super) grid: Vec<Spanned<GridTable>>,
}

/// A grid, or the defaults of all grids. Keys with several values are crossed.
#[derive(Debug, Default)]
pub(super) struct GridTable {
    pub(super) models: Option<Many<Short<ModelEntry>>>,
    pub(super) items: Option<Many<Short<ItemsEntry>>>,
    pub(super) hierarchies: Option<Many<Short<HierarchyEntry>>>,
    pub(super) seeds: Option<Seeds>,
    pub(super) orders: Option<Many<RunOrder>>,
    pub(super) template: Option<PathBuf>,
    pub(super) lora_r: Option<Many<usize>>,
    pub(super) lora_alpha: Option<Many<f64>>,
    pub(super) l2: Option<Many<f64>>,
    modules: Option<Many<LoraModule>>,
    /// The options of training, with the first value of those that have several.
    pub(super) training: TrainingOptions,
}

/// The keys of a grid.
static KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let own = ["models", "items", "hierarchies", "seeds", "orders", "template", "method"];
    own.into_iter().chain(TRAINING_OPTIONS.iter().map(|option| option.name)).collect()
});

/// A known key.
struct GridKey(String);

impl<'de> Deserialize<'de> for GridKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        // Older sweep files have these names.
        let key = match key.as_str() {
            "rank" => "lora_r".to_owned(),
            "alpha" => "lora_alpha".to_owned(),
            _ => key,
        };
        match KEYS.contains(&key.as_str()) {
            true => Ok(Self(key)),
            false => Err(D::Error::unknown_field(&key, &KEYS)),
        }
    }
}

impl<'de> Deserialize<'de> for GridTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        /// Passes on the options of training, and stores all other keys in the grid.
        struct TrainingKeys<'a, A> {
            grid: &'a mut GridTable,
            map: A,
        }
        impl<'de, A: MapAccess<'de>> MapAccess<'de> for TrainingKeys<'_, A> {
            type Error = A::Error;

            fn next_key_seed<K: DeserializeSeed<'de>>(
                &mut self,
                seed: K,
            ) -> std::result::Result<Option<K::Value>, A::Error> {
                while let Some(GridKey(key)) = self.map.next_key()? {
                    match key.as_str() {
                        "models" => self.grid.models = Some(self.map.next_value()?),
                        "items" => self.grid.items = Some(self.map.next_value()?),
                        "hierarchies" => self.grid.hierarchies = Some(self.map.next_value()?),
                        "seeds" => self.grid.seeds = Some(self.map.next_value()?),
                        "orders" => self.grid.orders = Some(self.map.next_value()?),
                        "template" => self.grid.template = Some(self.map.next_value()?),
                        "lora_r" if self.grid.lora_r.is_some() => return Err(A::Error::duplicate_field("lora_r")),
                        "lora_alpha" if self.grid.lora_alpha.is_some() => {
                            return Err(A::Error::duplicate_field("lora_alpha"));
                        }
                        "lora_r" => self.grid.lora_r = Some(self.map.next_value()?),
                        "lora_alpha" => self.grid.lora_alpha = Some(self.map.next_value()?),
                        "l2" => self.grid.l2 = Some(self.map.next_value()?),
                        "modules" => self.grid.modules = Some(self.map.next_value()?),
                        _ => return seed.deserialize(key.into_deserializer()).map(Some),
                    }
                }
                Ok(None)
            }

            fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> std::result::Result<V::Value, A::Error> {
                self.map.next_value_seed(seed)
            }
        }
        struct OfTable;
        impl<'de> Visitor<'de> for OfTable {
            type Value = GridTable;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("struct GridTable")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<GridTable, A::Error> {
                let mut grid = GridTable::default();
                let keys = TrainingKeys { grid: &mut grid, map };
                let training = TrainingOptions::deserialize(MapAccessDeserializer::new(keys))?;
                grid.training = TrainingOptions {
                    lora_r: grid.lora_r.as_ref().map(|many| many.0[0]),
                    lora_alpha: grid.lora_alpha.as_ref().map(|many| many.0[0]),
                    l2: grid.l2.as_ref().map(|many| many.0[0]),
                    modules: grid.modules.take().map(|many| many.0),
                    ..training
                };
                Ok(grid)
            }
        }
        deserializer.deserialize_struct("GridTable", &KEYS, OfTable)
    }
}

/// A model: a registered name or a path, and its name in results.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    pub(super) model: String,
    pub(super) name: Option<String>,
}

/// A set of items: one of the built-in sets, or a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemsEntry {
    /// A built-in name or a file.
    pub(super) set: String,
    #[serde(default)]
    pub(super) in_order: bool,
    pub(super) anchor: Option<(String, String)>,
    pub(super) equity: Option<(f64, f64)>,
    pub(super) template: Option<PathBuf>,
}

/// A hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HierarchyEntry {
    pub(super) n: usize,
    #[serde(default)]
    pub(super) exceptions: Vec<(usize, usize)>,
    pub(super) name: Option<String>,
}

/// A table that can be replaced by a name.
pub(super) trait ByName: Sized {
    const EXPECTED: &'static str;

    fn by_name(name: &str) -> Result<Self>;
}

impl ByName for ModelEntry {
    const EXPECTED: &'static str = "a model by name or path, or a table with the keys model and name";

    fn by_name(name: &str) -> Result<Self> {
        Ok(Self { model: name.to_owned(), name: None })
    }
}

impl ByName for ItemsEntry {
    const EXPECTED: &'static str =
        "items by name or file, or a table with the keys set, in_order, anchor, equity and template";

    fn by_name(name: &str) -> Result<Self> {
        Ok(Self { set: name.to_owned(), in_order: false, anchor: None, equity: None, template: None })
    }
}

impl ByName for HierarchyEntry {
    const EXPECTED: &'static str =
        "a hierarchy by name, as in \"ti_n9\", or a table with the keys n, exceptions and name";

    fn by_name(name: &str) -> Result<Self> {
        let (n, exceptions) = hierarchy_of_name(name)?;
        Ok(Self { n, exceptions, name: None })
    }
}

/// A table or a name in its place.
#[derive(Debug)]
pub(super) struct Short<T>(pub(super) T);

impl<'de, T: ByName + Deserialize<'de>> Deserialize<'de> for Short<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct NameOrTable<T>(PhantomData<T>);
        impl<'de, T: ByName + Deserialize<'de>> Visitor<'de> for NameOrTable<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<T, E> {
                T::by_name(name).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(NameOrTable(PhantomData)).map(Self)
    }
}

/// One value, or a list of at least one.
#[derive(Debug)]
pub(super) struct Many<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);
        macro_rules! one_of {
            ($($visit:ident: $kind:ty),+) => {
                $(fn $visit<E: de::Error>(self, value: $kind) -> std::result::Result<Vec<T>, E> {
                    T::deserialize(value.into_deserializer()).map(|one| vec![one])
                })+
            };
        }
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a value or a list of values")
            }

            one_of!(visit_bool: bool, visit_i64: i64, visit_f64: f64, visit_str: &str);

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Vec<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> std::result::Result<Vec<T>, A::Error> {
                let values = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                match values.is_empty() {
                    true => Err(A::Error::custom("the list is empty: expected at least one value")),
                    false => Ok(values),
                }
            }
        }
        deserializer.deserialize_any(OneOrMany(PhantomData)).map(Self)
    }
}

named_enum! {
    /// Whether the hierarchy is used as drawn or upside down.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
    #[serde(try_from = "String")]
    pub(super) enum RunOrder, ALL {
        Forward = "fwd",
        Reverse = "rev",
    }
    refuse |name| -> LmError {
        LmError::Invalid(format!("unknown order {name:?}: expected fwd or rev"))
    }
}

/// Seeds: a number, a list, or ranges as in "0-9,20".
#[derive(Debug)]
pub(super) struct Seeds(pub(super) Vec<u64>);

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Ranges;
        impl<'de> Visitor<'de> for Ranges {
            type Value = Vec<u64>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("seeds as a number, a list of numbers, or ranges as in \"0-9,20\"")
            }

            fn visit_i64<E: de::Error>(self, seed: i64) -> std::result::Result<Vec<u64>, E> {
                u64::deserialize(seed.into_deserializer()).map(|seed| vec![seed])
            }

            fn visit_str<E: de::Error>(self, ranges: &str) -> std::result::Result<Vec<u64>, E> {
                seeds(ranges).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> std::result::Result<Vec<u64>, A::Error> {
                let seeds = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                match seeds.is_empty() {
                    true => Err(A::Error::custom("there are no seeds: expected at least one")),
                    false => Ok(seeds),
                }
            }
        }
        deserializer.deserialize_any(Ranges).map(Self)
    }
}

/// Parses ranges of seeds, inclusive and separated by commas.
fn seeds(ranges: &str) -> std::result::Result<Vec<u64>, String> {
    let expected = || format!("seeds {ranges:?}: expected numbers and ranges, as in \"0-9,20\"");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| expected());
    let mut seeds: Vec<u64> = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(range)?, number(range)?),
        };
        let many = last.checked_sub(first).ok_or_else(expected)?;
        if many >= MAX_SEEDS as u64 || seeds.len() + many as usize >= MAX_SEEDS {
            return Err(format!("seeds {ranges:?}: expected at most {MAX_SEEDS}"));
        }
        seeds.extend(first..=last);
    }
    Ok(seeds)
}

/// Reads the file of a sweep. Also returns its text, for [`line_of`].
pub(super) fn read(path: &Path) -> Result<(SweepFile, String)> {
    let text = String::from_utf8(read_small(path, "the settings of a sweep")?)
        .map_err(|e| LmError::bad_file(path, format!("byte {} is not UTF-8", e.utf8_error().valid_up_to())))?;
    let parsed = toml::from_str::<SweepFile>(&text).map_err(|e| {
        let line = e.span().map(|span| format!("line {}: ", line_of(&text, span))).unwrap_or_default();
        LmError::bad_file(path, one_line(format!("{line}{}", e.message())))
    })?;
    Ok((parsed, text))
}

/// The line in which a part of a text starts, counted from 1.
pub(super) fn line_of(text: &str, span: Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|&b| b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("sweep.toml");
        std::fs::write(&path, text).unwrap();
        let problem = read(&path).unwrap_err().to_string();
        assert!(problem.contains("sweep.toml: ") && !problem.contains('\n'), "{problem}");
        problem
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, says) in [
            ("output = 'runs'\nmodels = ['x']\n", "line 2: unknown field `models`"),
            ("[[grid]]\nmodels = 'x'\nsedes = 3\n", "line 3: unknown field `sedes`"),
            ("[defaults]\n\nmethod = 'lorra'\n", "line 3: unknown method \"lorra\": expected one of full, lora"),
            ("[[grid]]\nseeds = '0-x'\n", "line 2: seeds \"0-x\": expected numbers and ranges"),
            ("[[grid]]\nseeds = '9-0'\n", "line 2: seeds \"9-0\": expected"),
            ("[[grid]]\nseeds = '0-99999999999999'\n", "line 2: seeds \"0-99999999999999\": expected at most 100000"),
            ("[[grid]]\nseeds = [1,\n -2]\n", "line 3: "),
            ("[[grid]]\nseeds = []\n", "line 2: there are no seeds"),
            ("[[grid]]\nseeds = true\n", "line 2: "),
            ("[[grid]]\norders = ['fwd', 'backward']\n", "line 2: unknown order \"backward\": expected fwd or rev"),
            ("[[grid]]\nmodels = []\n", "line 2: the list is empty"),
            ("[[grid]]\nmodels = [{ model = 'x', nme = 'y' }]\n", "line 2: unknown field `nme`"),
            ("[[grid]]\nmodels = [{ name = 'y' }]\n", "line 2: missing field `model`"),
            ("[[grid]]\nmodels = [3]\n", "line 2: invalid type: integer `3`, expected a model by name or path"),
            ("[[grid]]\nhierarchies = ['ti_9']\n", "line 2: hierarchy \"ti_9\": expected ti_nN"),
            ("[[grid]]\nhierarchies = [{ n = 9, exceptions = [[5]] }]\n", "line 2: "),
            ("[[grid]]\nitems = [{ set = 'poker', equty = [0.5, 0.6] }]\n", "line 2: unknown field `equty`"),
            ("[[grid]]\nepochs = 1.5\n", "line 2: "),
            ("[[grid]]\nepochs = -1\n", "line 2: "),
            ("[[grid]]\nmodules = ['q_proj', 'x_proj']\n", "line 2: no matrix of a layer is called \"x_proj\""),
            ("[[grid]]\n\nmodules = 'x'\n", "line 3: no matrix of a layer is called \"x\""),
            ("[[grid]]\nrank = 2\nlora_r = 2\n", "duplicate field `lora_r`"),
            ("[[grid]]\nlora_r = true\n", "line 2: invalid type: boolean `true`, expected usize"),
            ("defaults = 3\n", "line 1: invalid type: integer `3`, expected struct GridTable"),
            ("[[grid]\n", "line 1: "),
            ("[[grid]]\nepochs = 1\nepochs = 2\n", "line 3: duplicate key"),
        ] {
            let problem = refusal(text);
            assert!(problem.contains(says), "{text:?}: {problem}");
        }
    }

    #[test]
    fn one_value_is_as_good_as_a_list() {
        let parse = |text: &str| toml::from_str::<SweepFile>(text).unwrap().grid.remove(0).into_inner();
        let grid = parse("[[grid]]\nmodels = 'a'\nrank = 4\nalpha = 8\nl2 = 0.5\nhierarchies = { n = 5 }\nseeds = 7");
        assert_eq!(grid.models.unwrap().0[0].0, ModelEntry { model: "a".into(), name: None });
        assert_eq!(
            (grid.lora_r.unwrap().0, grid.lora_alpha.unwrap().0, grid.l2.unwrap().0),
            (vec![4], vec![8.0], vec![0.5])
        );
        let options = parse("[[grid]]\nmodules = 'q_proj'\nlora_r = [4, 2]\nepochs = 3").training;
        let modules = Some(vec![LoraModule::QProj]);
        assert_eq!(options, TrainingOptions { lora_r: Some(4), modules, epochs: Some(3), ..Default::default() });
        let hierarchy = HierarchyEntry { n: 5, exceptions: vec![], name: None };
        assert_eq!((&grid.hierarchies.unwrap().0[0].0, grid.seeds.unwrap().0), (&hierarchy, vec![7]));
        let grid = parse("[[grid]]\nhierarchies = ['exc_mid_n9', { n = 9, exceptions = [[5, 3]] }]\nseeds = [3, 1]");
        let hierarchies: Vec<HierarchyEntry> = grid.hierarchies.unwrap().0.into_iter().map(|h| h.0).collect();
        assert_eq!((&hierarchies[0], grid.seeds.unwrap().0), (&hierarchies[1], vec![3, 1]));
    }

    #[test]
    fn ranges_of_seeds_include_both_ends() {
        assert_eq!(seeds("0-3, 7,10 - 11"), Ok(vec![0, 1, 2, 3, 7, 10, 11]));
        assert_eq!(seeds("5"), Ok(vec![5]));
        assert!(seeds("").is_err() && seeds("1-").is_err() && seeds("-1").is_err() && seeds("1,,2").is_err());
        assert!(seeds(&format!("{0}-{0}", u64::MAX)).is_ok());
        assert!(seeds(&format!("0-{}", u64::MAX)).is_err());
    }

    #[test]
    fn files_that_are_no_text_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("sweep.toml");
        std::fs::write(&path, b"output = '\xff'").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("byte 10 is not UTF-8"));
        std::fs::write(&path, vec![b'\n'; (1 << 20) + 1]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("more than 1048576 bytes"));
        assert!(read(place.path()).is_err());
    }
}
