//! Executes a sweep: skips finished runs, loads each model once, and logs failures before it goes on to the next run.

use std::any::Any;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use caveat_results::GEOMETRY;
use serde_json::json;

use super::plan::{Sweep, SweepRun};
use crate::error::{LmError, Result, one_line};
use crate::lease::Holder;
use crate::run::{
    Claim, ClaimedFolder, Finish, LoadedModel, RunProgress, check_finished, claim, is_finished, perform, weights_sha256,
};

/// The log of failures in the folder of a sweep.
pub const FAILURES: &str = "failures.jsonl";

/// An event in a sweep.
#[derive(Debug)]
pub enum SweepEvent<'a> {
    /// A model is being read.
    Loading {
        /// Its name.
        model: &'a str,
        /// Weights read so far.
        done: u64,
        /// All weights.
        total: u64,
    },
    /// A note for the user on a model or a run. Notes may repeat.
    Note(&'a str),
    /// A run starts.
    Begin(&'a SweepRun),
    /// A run makes progress.
    Running(&'a RunProgress),
    /// A run ends or is skipped.
    End(&'a SweepRun, &'a Outcome),
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done by this call.
    Done,
    /// It already existed, with the same settings.
    There,
    /// Another process finished it first; the results of that process are kept.
    Elsewhere,
    /// Another process is doing it.
    Busy(Holder),
    /// It failed, for this reason.
    Failed(String),
}

/// The outcome of a sweep.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepReport {
    /// Number of all runs.
    pub runs: usize,
    /// Runs done by this call.
    pub done: usize,
    /// Runs that already existed, or that another process did meanwhile.
    pub there: usize,
    /// Runs that another process was still doing at the end.
    pub busy: usize,
    /// Folders of failed runs, and the reasons.
    pub failed: Vec<(PathBuf, String)>,
    /// Whether the sweep was cancelled; a later call continues it.
    pub interrupted: bool,
}

impl SweepReport {
    /// Number of runs that were not reached.
    pub fn left(&self) -> usize {
        self.runs.saturating_sub(self.done + self.there + self.busy + self.failed.len())
    }
}

/// How a sweep is run.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// The name of the device.
    pub device: String,
    /// The cache of models.
    pub cache: PathBuf,
    /// Most runs to start.
    pub limit: Option<usize>,
}

/// Does the runs of a sweep that do not exist yet. Several processes may work on one sweep at the same time; no run is done twice.
///
/// Failed runs are appended to `failures.jsonl` in the output folder. `cancelled` is called between steps.
///
/// Memory: each model twice, untrained and in training, plus the memory for training.
///
/// # Errors
/// [`LmError::Write`] if the log of failures cannot be written. Errors of runs and models are in the report.
pub fn run_sweep(
    sweep: &Sweep,
    options: &SweepOptions,
    on: &mut dyn FnMut(&SweepEvent<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<SweepReport> {
    let mut report = SweepReport { runs: sweep.runs.len(), ..Default::default() };
    let mut models = Models { sweep, options, loaded: None, weights: HashMap::new() };
    let mut begun = 0;
    let mut busy = Vec::new();
    // Runs that other processes were doing are tried again at the end: those processes may have been killed.
    for pass in [0, 1] {
        let runs: Vec<&SweepRun> = if pass == 0 { sweep.runs.iter().collect() } else { std::mem::take(&mut busy) };
        for run in runs {
            if cancelled() {
                report.interrupted = true;
                return Ok(report);
            }
            let may_begin = options.limit.is_none_or(|limit| begun < limit);
            if !may_begin && !is_finished(&run.folder) {
                continue;
            }
            // A process that seems dead is watched only if there is nothing else to do.
            let outcome = match models.run(run, on, cancelled, pass == 1) {
                Ok(outcome) => outcome,
                Err(LmError::Interrupted) => {
                    report.interrupted = true;
                    return Ok(report);
                }
                Err(e) => Outcome::Failed(one_line(e)),
            };
            match &outcome {
                Outcome::Done => report.done += 1,
                Outcome::There | Outcome::Elsewhere => report.there += 1,
                Outcome::Busy(_) if pass == 0 => {
                    busy.push(run);
                    continue;
                }
                Outcome::Busy(_) => report.busy += 1,
                Outcome::Failed(reason) => {
                    log(&sweep.output, run, reason)?;
                    report.failed.push((run.folder.clone(), reason.clone()));
                }
            }
            begun += usize::from(matches!(outcome, Outcome::Done | Outcome::Failed(_)));
            on(&SweepEvent::End(run, &outcome));
        }
    }
    Ok(report)
}

/// The model of the current runs.
struct Models<'a> {
    sweep: &'a Sweep,
    options: &'a SweepOptions,
    /// Its index, and the untrained model or why it cannot be loaded.
    loaded: Option<(usize, std::result::Result<LoadedModel, String>)>,
    /// Checksums of weights by index of the model; none for weights that are absent.
    weights: HashMap<usize, Option<String>>,
}

impl Models<'_> {
    fn run(
        &mut self,
        run: &SweepRun,
        on: &mut dyn FnMut(&SweepEvent<'_>),
        cancelled: &dyn Fn() -> bool,
        may_wait: bool,
    ) -> Result<Outcome> {
        let claimed = match claim(&run.folder, false, may_wait.then_some(cancelled))? {
            Claim::Mine(claimed) => claimed,
            Claim::Finished => return self.accept_earlier(run).map(|()| Outcome::There),
            Claim::Busy(holder) => return Ok(Outcome::Busy(holder)),
        };
        let mut model = match self.load(run.model, on) {
            Ok(model) => model.clone(),
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        if cancelled() {
            return Err(LmError::Interrupted);
        }
        on(&SweepEvent::Begin(run));
        let finish = match self.compute(run, &mut model, &claimed, on, cancelled) {
            Ok(()) => claimed.finish()?,
            // After a failure because another process, finding this one silent, took the run over, the run is that process's.
            Err(_) if !cancelled() && claimed.is_elsewhere() => match claim(&run.folder, false, None)? {
                Claim::Finished => Finish::Elsewhere,
                Claim::Busy(holder) => return Ok(Outcome::Busy(holder)),
                // The other process did not finish it: the second pass tries again.
                Claim::Mine(_) => return Ok(Outcome::Busy(Holder { process: None })),
            },
            Err(e) => return Err(e),
        };
        match finish {
            Finish::Here => Ok(Outcome::Done),
            Finish::Elsewhere => self.accept_earlier(run).map(|()| Outcome::Elsewhere),
        }
    }

    /// Does a run and writes its results into the claimed folder.
    fn compute(
        &self,
        run: &SweepRun,
        model: &mut LoadedModel,
        claimed: &ClaimedFolder,
        on: &mut dyn FnMut(&SweepEvent<'_>),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        let mut progress = |progress: &RunProgress| on(&SweepEvent::Running(progress));
        let keep_states = self.sweep.save_similarity;
        let is_over = || cancelled() || claimed.is_lost();
        // The trained model is discarded afterwards, so nothing can be left half-changed by a panic.
        let step = AssertUnwindSafe(|| perform(model, &run.settings(), keep_states, &mut progress, &is_over));
        let performed = catch_unwind(step).unwrap_or_else(|panic| Err(LmError::Failed(reason_of(&*panic))))?;
        if let Some(note) = &performed.note {
            on(&SweepEvent::Note(note));
        }
        if keep_states {
            performed.write_geometry(claimed.directory())?;
        }
        performed.results.write(claimed.directory())
    }

    /// Accepts a run that already exists, if it has the requested settings.
    fn accept_earlier(&mut self, run: &SweepRun) -> Result<()> {
        let path = || self.sweep.models[run.model].locate(&self.options.cache);
        let weights = self.weights.entry(run.model).or_insert_with(|| weights_sha256(&path().ok()?).ok());
        check_finished(&run.folder, &run.settings(), weights.as_deref())?;
        if self.sweep.save_similarity && !run.folder.join(GEOMETRY).is_file() {
            let problem = "is a run without similarities: expected it removed or elsewhere";
            return Err(LmError::bad_file(&run.folder, problem));
        }
        Ok(())
    }

    fn load(
        &mut self,
        number: usize,
        on: &mut dyn FnMut(&SweepEvent<'_>),
    ) -> std::result::Result<&LoadedModel, String> {
        // The previous model is dropped first, since there may be no room for two.
        self.loaded.take_if(|(loaded, _)| *loaded != number);
        let (_, loaded) = self.loaded.get_or_insert_with(|| {
            let found = &self.sweep.models[number];
            let mut progress = |done, total| on(&SweepEvent::Loading { model: &found.name, done, total });
            let path = found.locate(&self.options.cache);
            let loaded = path.and_then(|path| LoadedModel::load(&path, &self.options.device, &mut progress));
            for note in loaded.iter().flat_map(|loaded| &loaded.notes) {
                on(&SweepEvent::Note(note));
            }
            (number, loaded.map_err(one_line))
        });
        loaded.as_ref().map_err(String::clone)
    }
}

/// The message of a panic.
fn reason_of(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    one_line(format!("the computation broke off: {}", said.as_deref().unwrap_or("no reason is known")))
}

/// Appends a failure to the log in one write, so that several processes can do so.
fn log(output: &Path, run: &SweepRun, reason: &str) -> Result<()> {
    let path = output.join(FAILURES);
    let fail = |e| LmError::write(&path, e);
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let folder = run.folder.strip_prefix(output).unwrap_or(&run.folder);
    let kind = run.kind();
    let line = json!({
        "folder": folder.display().to_string(),
        "model": kind.model,
        "task": kind.stimuli.item_set.task_name(),
        "hier": kind.hier,
        "method": kind.training.method.name(),
        "seed": run.seed,
        "reverse": run.reverse,
        "error": reason,
        "unix_time": at,
    });
    fs::create_dir_all(output).map_err(fail)?;
    let mut file: File = File::options().create(true).append(true).open(&path).map_err(fail)?;
    file.write_all(format!("{line}\n").as_bytes()).map_err(fail)
}
