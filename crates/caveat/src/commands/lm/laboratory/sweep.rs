//! `caveat lm sweep`: does the runs of a file that do not exist yet.

use std::collections::HashSet;
use std::path::Path;

use caveat_lm::{
    FAILURES, Outcome, RunSettings, Sweep, SweepEvent, SweepModel, SweepOptions, SweepReport, SweepRun,
    cache_directory, differences_from, is_finished, run_sweep,
};
use caveat_results::{Format, RunSetting, Table};
use indicatif::{MultiProgress, ProgressBar};
use serde_json::json;

use super::interrupt::Interrupt;
use super::prepare::{cache_for, prepare};
use super::progress::{self, Stages};
use crate::cli::SweepArgs;
use crate::failure::Failure;
use crate::output::{check_directory, json as to_json, print_table, print_text};
use crate::tell::tell;

pub(crate) fn run(args: &SweepArgs) -> Result<(), Failure> {
    let sweep = Sweep::read(&args.file, args.output.as_deref(), cache_directory().ok().as_deref())?;
    sweep.models.iter().filter_map(SweepModel::note).for_each(|note| tell(&note));
    if args.dry_run {
        return print_table(&listing(&sweep)?, args.format.format);
    }
    check_directory(&sweep.output)?;
    let device = prepare(&args.compute, sweep.device.as_deref())?;
    let options = SweepOptions { device, cache: cache_for(&sweep.models)?, limit: args.limit };
    warn_of_absent(&sweep, &options.cache);
    let interrupt = Interrupt::watch()?;
    let mut watch = Watch::new(&sweep);
    let report = run_sweep(&sweep, &options, &mut |event| watch.on(event), &|| interrupt.is_requested());
    watch.finish();
    let report = report?;
    print(&sweep, &report, args.format.format)?;
    if report.interrupted {
        return Err(Failure::Interrupted("interrupted: the same command goes on with the runs that are left".into()));
    }
    match report.failed.len() {
        0 => Ok(()),
        n => {
            let (runs, log) = (report.runs, sweep.output.join(FAILURES));
            Err(Failure::Run(format!("{n} of {runs} runs failed: {} says why", log.display())))
        }
    }
}

/// Reports missing models at the start, not after hours; the runs of the other models are done all the same.
fn warn_of_absent(sweep: &Sweep, cache: &Path) {
    for (number, model) in sweep.models.iter().enumerate() {
        let Err(problem) = model.locate(cache) else { continue };
        let open = sweep.runs.iter().filter(|run| run.model == number && !is_finished(&run.folder)).count();
        if open > 0 {
            tell(&format!("{open} runs will fail: {problem}"));
        }
    }
}

/// Shows progress on bars on a terminal, and as lines in a log.
struct Watch<'a> {
    sweep: &'a Sweep,
    bars: MultiProgress,
    all: ProgressBar,
    stages: Stages,
    /// Notes already printed.
    told: HashSet<String>,
}

impl<'a> Watch<'a> {
    fn new(sweep: &'a Sweep) -> Self {
        let (bars, all, part) = progress::of_all_and_part(sweep.runs.len() as u64, "runs");
        Self { sweep, bars, all, stages: Stages::on(part), told: HashSet::new() }
    }

    fn on(&mut self, event: &SweepEvent<'_>) {
        match event {
            SweepEvent::Loading { model, done, total } => self.stages.loading(model, *done, *total),
            SweepEvent::Note(note) => {
                if self.told.insert((*note).to_owned()) {
                    self.tell(note);
                }
            }
            SweepEvent::Begin(run) => {
                self.all.set_message(self.name(run));
                self.stages.begin();
            }
            SweepEvent::Running(progress) => self.stages.run(progress),
            SweepEvent::End(run, outcome) => {
                self.all.inc(1);
                let line = |what: &str| format!("{what} {}", run.folder.display());
                match outcome {
                    Outcome::There => {}
                    Outcome::Done if !self.bars.is_hidden() => {}
                    Outcome::Done => self.tell(&line("done")),
                    Outcome::Elsewhere => self.tell(&line("another process did")),
                    Outcome::Busy(holder) => self.tell(&line(&format!("{holder} is at"))),
                    Outcome::Failed(reason) => self.tell(&format!("{}: {reason}", line("failed"))),
                }
            }
        }
    }

    /// The end of the path of a run's folder, which is more telling than the start.
    fn name(&self, run: &SweepRun) -> String {
        const SHOWN: usize = 43;
        let name = run.folder.strip_prefix(&self.sweep.output).unwrap_or(&run.folder).display().to_string();
        match name.char_indices().rev().nth(SHOWN - 1) {
            Some((at, _)) if at > 0 => format!("…{}", &name[at..]),
            _ => name,
        }
    }

    /// Prints a line above the bars.
    fn tell(&self, text: &str) {
        self.bars.suspend(|| tell(text));
    }

    fn finish(&self) {
        self.stages.finish();
        self.all.finish_and_clear();
    }
}

fn print(sweep: &Sweep, report: &SweepReport, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        let failures = report
            .failed
            .iter()
            .map(|(folder, error)| json!({ "folder": folder.display().to_string(), "error": error }));
        return print_text(&to_json(&json!({
            "output": sweep.output.display().to_string(),
            "runs": report.runs,
            "done": report.done,
            "there": report.there,
            "busy": report.busy,
            "failed": report.failed.len(),
            "left": report.left(),
            "interrupted": report.interrupted,
            "failures": failures.collect::<Vec<_>>(),
        }))?);
    }
    let count = |number: usize| [i64::try_from(number).ok()];
    let table = Table::new()
        .text("output", [sweep.output.display().to_string()])?
        .integer("runs", count(report.runs))?
        .integer("done", count(report.done))?
        .integer("there", count(report.there))?
        .integer("busy", count(report.busy))?
        .integer("failed", count(report.failed.len()))?
        .integer("left", count(report.left()))?
        .flag("interrupted", [report.interrupted])?;
    print_table(&table, format)
}

/// All runs with their settings and whether they exist.
fn listing(sweep: &Sweep) -> Result<Table, Failure> {
    let runs = &sweep.runs;
    let status = runs.iter().map(status).collect::<Result<Vec<_>, Failure>>()?;
    let text = |of: fn(&RunSettings) -> &str| runs.iter().map(move |run| of(run.kind()).to_owned());
    let number = |of: fn(&RunSetting) -> Option<f64>| {
        runs.iter().map(move |run| of(&run.kind().training.method.setting()).unwrap_or(f64::NAN))
    };
    Ok(Table::new()
        .text("status", status)?
        .text("model", text(|kind| &kind.model))?
        .text("task", text(|kind| kind.stimuli.item_set.task_name()))?
        .text("hier", text(|kind| &kind.hier))?
        .text("method", text(|kind| kind.training.method.name()))?
        .float("lora_r", number(RunSetting::lora_r))?
        .float("lora_alpha", number(RunSetting::lora_alpha))?
        .float("l2_reg", number(RunSetting::l2_reg))?
        .integer("seed", runs.iter().map(|run| i64::try_from(run.seed).ok()))?
        .flag("reverse", runs.iter().map(|run| run.reverse))?
        .text("folder", runs.iter().map(|run| run.folder.display().to_string()))?)
}

/// "there", "open", or how an existing run differs from this one, which will then fail.
fn status(run: &SweepRun) -> Result<String, Failure> {
    if !is_finished(&run.folder) {
        return Ok("open".to_owned());
    }
    let differences = differences_from(&run.folder, &run.settings(), None)?;
    Ok(match differences.is_empty() {
        true => "there".to_owned(),
        false => format!("there with {}", differences.join(", ")),
    })
}
