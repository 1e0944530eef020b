//! `caveat lm models`: what can be fetched by name, and what of it is there.

use caveat_lm::{FetchedFrom, FetchedModel, RegistryEntry, WheelSource, cache_directory, cached, registry};
use caveat_results::{Format, Table};

use crate::cli::ModelsArgs;
use crate::failure::Failure;
use crate::output::{check_table_path, print_table, tell};

pub(crate) fn run(args: &ModelsArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    let cache = cache_directory()?;
    let models: Vec<Listed> = registry().iter().map(|entry| Listed { entry, cached: cached(entry, &cache) }).collect();
    match (&args.output.output, args.output.format) {
        (Some(path), _) => Ok(table(&models)?.write(path)?),
        (None, Format::Table) => {
            print_table(&brief(&models)?, Format::Table)?;
            tell(&format!("the cache is {}", cache.display()));
            Ok(())
        }
        (None, format) => print_table(&table(&models)?, format),
    }
}

/// A registered model, and what of it is in the cache.
struct Listed {
    entry: &'static RegistryEntry,
    cached: Vec<FetchedModel>,
}

impl Listed {
    fn in_cache(&self) -> String {
        self.cached.iter().map(|model| source_name(model.source)).collect::<Vec<_>>().join(", ")
    }

    /// What a command loads.
    fn path(&self) -> String {
        self.cached.first().map(|model| model.path.display().to_string()).unwrap_or_default()
    }
}

/// A source as it is called on the command line.
pub(super) fn source_name(source: FetchedFrom) -> &'static str {
    match source {
        FetchedFrom::Hub => "hub",
        FetchedFrom::Wheel => "wheel",
    }
}

fn table(models: &[Listed]) -> Result<Table, Failure> {
    let text = |of: fn(&RegistryEntry) -> &str| models.iter().map(move |model| of(model.entry));
    let wheel =
        |of: fn(&WheelSource) -> &str| models.iter().map(move |model| model.entry.wheel.as_ref().map_or("", of));
    Ok(Table::new()
        .text("name", text(|entry| entry.name))?
        .text("description", text(|entry| entry.description))?
        .text("license", text(|entry| entry.license))?
        .flag("gated", models.iter().map(|model| model.entry.gated))?
        .text("repository", text(|entry| entry.hub.repository))?
        .text("revision", text(|entry| entry.hub.revision))?
        .text("wheel", wheel(|wheel| wheel.project))?
        .text("wheel_version", wheel(|wheel| wheel.version))?
        .text("cached", models.iter().map(Listed::in_cache))?
        .text("path", models.iter().map(Listed::path))?)
}

/// What a terminal has room for.
fn brief(models: &[Listed]) -> Result<Table, Failure> {
    let sources = |model: &Listed| if model.entry.wheel.is_some() { "hub, wheel" } else { "hub" };
    Ok(Table::new()
        .text("name", models.iter().map(|model| model.entry.name))?
        .text("license", models.iter().map(|model| model.entry.license))?
        .text("sources", models.iter().map(sources))?
        .text("cached", models.iter().map(|model| if model.cached.is_empty() { "-".into() } else { model.in_cache() }))?
        .text("description", models.iter().map(|model| model.entry.description))?)
}
