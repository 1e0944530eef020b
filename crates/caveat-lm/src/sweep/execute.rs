//! A sweep at work: finished runs are passed over, each model is loaded once, failures are logged and the next run begins.

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

/// What happens in a sweep.
#[derive(Debug)]
pub enum SweepEvent<'a> {
    /// A model is being read.
    Loading {
        /// Its name.
        model: &'a str,
        /// Numbers of its weights read so far.
        done: u64,
        /// All.
        total: u64,
    },
    /// What a person should know of a model or a run. The same may be told of many.
    Note(&'a str),
    /// A run begins.
    Begin(&'a SweepRun),
    /// The run goes on.
    Running(&'a RunProgress),
    /// A run ends, or is passed over.
    End(&'a SweepRun, &'a Outcome),
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done now.
    Done,
    /// It was there, made with the same settings.
    There,
    /// Another process did it while this one was at it too; the other's results are kept.
    Elsewhere,
    /// Another process is at it.
    Busy(Holder),
    /// It failed, for this reason.
    Failed(String),
}

/// What became of a sweep.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SweepReport {
    /// All its runs.
    pub runs: usize,
    /// Runs done now.
    pub done: usize,
    /// Runs that were there, or that another process did meanwhile.
    pub there: usize,
    /// Runs that another process was at, to the end.
    pub busy: usize,
    /// Folders of the runs that failed, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// Whether it was ended early; a later call goes on.
    pub interrupted: bool,
}

impl SweepReport {
    /// Runs that were not reached.
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
    /// Runs to begin at most.
    pub limit: Option<usize>,
}

/// Does the runs of a sweep that are not there. Another process may do the same at the same time; none is done twice.
///
/// A run that fails is appended to `failures.jsonl` in the output folder. `cancelled` is asked between steps.
///
/// Memory: a model twice, once as it was and once in training, with what training takes.
///
/// # Errors
/// [`LmError::Write`] for a log of failures that cannot be written. What is wrong with a run or a model is in the report.
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
    // Those that others were at come once more at the end: their processes may have been killed.
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
            // Whoever seems dead is watched only where nothing else is left to do.
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
    /// Its number, and the model as it was, or why it cannot be loaded.
    loaded: Option<(usize, std::result::Result<LoadedModel, String>)>,
    /// Checksums of the weights by the number of the model, none of those that are not there.
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
        let mut model = match self.load(run.model, on)? {
            Ok(model) => model.clone(),
            Err(reason) => return Ok(Outcome::Failed(reason)),
        };
        if cancelled() {
            return Err(LmError::Interrupted);
        }
        on(&SweepEvent::Begin(run));
        let finish = match self.compute(run, &mut model, &claimed, on, cancelled) {
            Ok(()) => claimed.finish()?,
            // What fails where another process took over, having found this one silent, is the other's.
            Err(_) if !cancelled() && claimed.is_elsewhere() => match claim(&run.folder, false, None)? {
                Claim::Finished => Finish::Elsewhere,
                Claim::Busy(holder) => return Ok(Outcome::Busy(holder)),
                // It came to nothing there: the second pass begins anew.
                Claim::Mine(_) => return Ok(Outcome::Busy(Holder { process: None })),
            },
            Err(e) => return Err(e),
        };
        match finish {
            Finish::Here => Ok(Outcome::Done),
            Finish::Elsewhere => self.accept_earlier(run).map(|()| Outcome::Elsewhere),
        }
    }

    /// Runs a model, and writes what comes of it into the claimed folder.
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
        // A model in training is thrown away afterwards, so that nothing is left half-changed.
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

    /// Accepts a run that exists already, if its settings are those requested.
    fn accept_earlier(&mut self, run: &SweepRun) -> Result<()> {
        let sha256_of = |number: usize| {
            let path = self.sweep.models.get(number)?.locate(&self.options.cache).ok()?;
            weights_sha256(&path).ok()
        };
        let weights = self.weights.entry(run.model).or_insert_with(|| sha256_of(run.model));
        check_finished(&run.folder, &run.settings(), weights.as_deref())?;
        if self.sweep.save_similarity && !run.folder.join(GEOMETRY).is_file() {
            return Err(LmError::bad_file(
                &run.folder,
                "is a run without similarities: expected it removed or elsewhere",
            ));
        }
        Ok(())
    }

    fn load(
        &mut self,
        number: usize,
        on: &mut dyn FnMut(&SweepEvent<'_>),
    ) -> Result<std::result::Result<&LoadedModel, String>> {
        if self.loaded.as_ref().is_none_or(|(loaded, _)| *loaded != number) {
            // The one before is let go first: there may be no room for two.
            self.loaded = None;
            let found = self.sweep.models.get(number).ok_or_else(|| LmError::invalid("a run without a model"))?;
            let mut load = || {
                let path = found.locate(&self.options.cache)?;
                let mut progress = |done, total| on(&SweepEvent::Loading { model: &found.name, done, total });
                LoadedModel::load(&path, &self.options.device, &mut progress)
            };
            let loaded = load().map_err(one_line);
            for note in loaded.iter().flat_map(|loaded| &loaded.notes) {
                on(&SweepEvent::Note(note));
            }
            self.loaded = Some((number, loaded));
        }
        match &self.loaded {
            Some((_, Ok(model))) => Ok(Ok(model)),
            Some((_, Err(reason))) => Ok(Err(reason.clone())),
            None => Err(LmError::invalid("a run without a model")),
        }
    }
}

/// What a panic says.
fn reason_of(panic: &(dyn Any + Send)) -> String {
    let said =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    one_line(format!("the computation broke off: {}", said.as_deref().unwrap_or("no reason is known")))
}

/// Appends a failure to the log, in one piece, so that several processes can.
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
