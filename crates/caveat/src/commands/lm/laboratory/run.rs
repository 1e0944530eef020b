//! `caveat lm run`: does one run.

use std::fs;
use std::path::{Path, PathBuf};

use caveat_lm::stimuli::poker::EquityBounds;
use caveat_lm::stimuli::{ItemSet, PromptTemplate, StimulusSettings};
use caveat_lm::{
    Claim, ClaimedFolder, Finish, LoadedModel, MAX_GEOMETRY_ITEMS, MethodKind, PerformedRun, RunResults, RunSettings,
    RunSummary, Spelling, SweepModel, claim, differences_from, is_finished, item_set, open_model, perform,
    save_adapter, save_model, weights_sha256,
};
use caveat_results::GEOMETRY;
use serde_json::Value;

use super::interrupt::Interrupt;
use super::prepare::{cache_for, find, load, prepare};
use super::progress::Stages;
use super::summary::Shown;
use crate::cli::{RunArgs, Saved};
use crate::commands::pairs;
use crate::failure::Failure;
use crate::output::check_directory;
use crate::tell::tell;

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    check_saving(args)?;
    let model = find(&args.model, args.model_name.as_deref())?;
    let training = args.training.settings(args.seed, Spelling::Flags)?;
    let settings = RunSettings::new(&model.name, stimuli(args)?, args.hierarchy_name.as_deref(), training)?;
    // Stimuli that cannot be drawn are refused before anything is created or loaded.
    settings.stimuli.build()?;
    let n_items = settings.stimuli.n_items;
    if args.save_similarity && n_items > MAX_GEOMETRY_ITEMS {
        let problem =
            format!("--save-similarity with {n_items} items: states are compared for at most {MAX_GEOMETRY_ITEMS}");
        return Err(Failure::input(problem));
    }
    check_directory(&args.output)?;
    let device = prepare(&args.compute, None)?;
    let folder = settings.folder(&args.output);
    let asked = Asked { args, model, settings, device, folder, interrupt: Interrupt::watch()? };
    let folder = &asked.folder;
    match claim(folder, args.force, Some(&|| asked.interrupt.is_requested()))? {
        Claim::Finished => asked.report_earlier(),
        Claim::Busy(holder) => Err(Failure::Run(format!("{}: {holder} is at this run", folder.display()))),
        Claim::Mine(claimed) => {
            let mut stages = Stages::new();
            let outcome = asked.run(claimed, &mut stages);
            stages.finish();
            match outcome? {
                Some((summary, geometry)) => {
                    Shown { folder, already_there: false, summary, geometry }.print(args.format.format)
                }
                None => {
                    tell("another process did the same run meanwhile: its results are kept");
                    asked.report_earlier()
                }
            }
        }
    }
}

type Geometry = Option<(Value, Option<caveat_lm::Geometry>)>;

/// A requested run, and what it needs.
struct Asked<'a> {
    args: &'a RunArgs,
    model: SweepModel,
    settings: RunSettings,
    device: String,
    folder: PathBuf,
    interrupt: Interrupt,
}

impl Asked<'_> {
    /// Does the run; returns none if another process has done it meanwhile.
    fn run(&self, claimed: ClaimedFolder, stages: &mut Stages) -> Result<Option<(RunSummary, Geometry)>, Failure> {
        match self.compute(&claimed, stages) {
            Ok(done) => Ok((claimed.finish()? == Finish::Here).then_some(done)),
            // Another process took the run over after minutes without a sign of life of this one.
            Err(_) if !self.interrupt.is_requested() && claimed.is_elsewhere() => {
                if is_finished(&self.folder) && !self.args.force {
                    return Ok(None);
                }
                let folder = self.folder.display();
                Err(Failure::Run(format!("{folder}: another process took this run over while this one was suspended")))
            }
            Err(e) => Err(e),
        }
    }

    /// Computes the run and writes its results into the claimed folder.
    fn compute(&self, claimed: &ClaimedFolder, stages: &mut Stages) -> Result<(RunSummary, Geometry), Failure> {
        let cancelled = || self.interrupt.is_requested() || claimed.is_lost();
        let mut loaded = load(&self.model, &self.device, stages)?;
        let mut on = |progress: &_| stages.run(progress);
        let performed = perform(&mut loaded, &self.settings, self.args.save_similarity, &mut on, &cancelled)?;
        performed.note.iter().for_each(|note| stages.tell(note));
        let geometry = self.keep_results(&loaded, &performed, claimed.directory())?;
        performed.results.write(claimed.directory())?;
        Ok((RunSummary::from_results(&performed.results)?, geometry))
    }

    /// Writes what is saved besides the results.
    fn keep_results(&self, loaded: &LoadedModel, performed: &PerformedRun, folder: &Path) -> Result<Geometry, Failure> {
        match self.args.save {
            Some(Saved::Adapter) => {
                let base = self.model.base_model(&loaded.weights_sha256);
                save_adapter(&folder.join(name_of(Saved::Adapter)), &loaded.model, &base)?;
                self.model.note_of_adapter().iter().for_each(|note| tell(note));
            }
            Some(Saved::Model) => {
                let files = open_model(&loaded.path)?;
                save_model(&folder.join(name_of(Saved::Model)), &loaded.model, &files, &mut |_, _| ())?;
            }
            None => {}
        }
        if !self.args.save_similarity {
            return Ok(None);
        }
        let geometry = performed.write_geometry(folder)?;
        Ok(Some((serde_json::to_value(&geometry)?, Some(geometry))))
    }

    /// Reports a run that already exists, if it has the requested settings.
    fn report_earlier(&self) -> Result<(), Failure> {
        let Self { args, folder, .. } = self;
        let refuse = |problem: String| {
            let folder = folder.display();
            Failure::input(format!("{folder}: {problem}: --force replaces the run, --output puts this one elsewhere"))
        };
        // A model that no longer exists cannot be compared with the one of the run.
        let path = self.model.locate(&cache_for([&self.model])?).ok();
        let weights = path.and_then(|path| weights_sha256(&path).ok());
        let differences = differences_from(folder, &self.settings, weights.as_deref())?;
        if !differences.is_empty() {
            return Err(refuse(format!("is there, with {}", differences.join(", "))));
        }
        if let Some(saved) = args.save.filter(|&saved| !folder.join(name_of(saved)).is_dir()) {
            return Err(refuse(format!("is there, but {} was not saved", name_of(saved))));
        }
        let geometry = folder.join(GEOMETRY);
        if args.save_similarity && !geometry.is_file() {
            return Err(refuse("is there, but its similarities were not saved".to_owned()));
        }
        let summary = RunSummary::from_results(&RunResults::read(folder)?)?;
        let geometry = args.save_similarity.then(|| read_json(&geometry)).transpose()?.map(|value| (value, None));
        Shown { folder, already_there: true, summary, geometry }.print(args.format.format)
    }
}

fn read_json(path: &Path) -> Result<Value, Failure> {
    let wrong =
        |reason: &dyn std::fmt::Display| Failure::input(format!("{}: cannot be read: {reason}", path.display()));
    let text = fs::read(path).map_err(|e| wrong(&e))?;
    serde_json::from_slice(&text).map_err(|e| wrong(&e))
}

fn name_of(saved: Saved) -> &'static str {
    match saved {
        Saved::Adapter => "adapter",
        Saved::Model => "model",
    }
}

/// Refuses to save what the method does not train.
fn check_saving(args: &RunArgs) -> Result<(), Failure> {
    let method = args.training.method.unwrap_or_default();
    match (args.save, method) {
        (None, _) | (Some(Saved::Adapter), MethodKind::Lora) => Ok(()),
        (Some(Saved::Model), MethodKind::Full | MethodKind::Probe) => Ok(()),
        (Some(_), MethodKind::None) => Err(Failure::input("--save: with method none nothing is trained: leave it out")),
        (Some(Saved::Adapter), _) => {
            Err(Failure::input(format!("--save adapter: with method {method} there is none: save the model")))
        }
        (Some(Saved::Model), _) => {
            Err(Failure::input("--save model: with method lora the adapter is what is trained: save the adapter"))
        }
    }
}

fn stimuli(args: &RunArgs) -> Result<StimulusSettings, Failure> {
    let item_set = item_set(&args.items, args.in_order, Path::new(""))?;
    if !args.equity.is_empty() && item_set != ItemSet::Poker {
        let items = &args.items;
        return Err(Failure::input(format!("--equity does nothing with items {items:?}: leave it out")));
    }
    let defaults = StimulusSettings::default();
    let n_items = match (&item_set, args.n) {
        (_, Some(n)) => n,
        (ItemSet::Custom(list), None) if !list.is_drawn() => list.items().len(),
        (_, None) => defaults.n_items,
    };
    let equity = match args.equity[..] {
        [low, high] => EquityBounds { low, high },
        _ => defaults.equity,
    };
    let anchor = match &args.anchor[..] {
        [winner, loser] => Some((winner.clone(), loser.clone())),
        _ => None,
    };
    Ok(StimulusSettings {
        item_set,
        n_items,
        exceptions: pairs(&args.exception),
        seed: args.seed,
        reverse: args.reverse,
        template: args.template.as_deref().map(PromptTemplate::from_file).transpose()?,
        anchor,
        equity,
    })
}
