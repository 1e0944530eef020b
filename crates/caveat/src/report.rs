//! `caveat reproduce`: every figure and table of the theory and of language models, ours or those given, with a report of them.

mod html;
mod own;
mod sections;

use std::path::Path;
use std::time::Instant;

use caveat_figures::{Figure, Format as Picture};
use caveat_results::{ResultsError, Table};

use crate::cli::ReproduceArgs;
use crate::failure::Failure;
use crate::output::{check_directory, print_text, write_bytes};
use crate::progress;
use crate::tell::tell;
use sections::{LanguageModels, Section};

pub(crate) fn run(args: &ReproduceArgs) -> Result<(), Failure> {
    let start = Instant::now();
    if let Some(directory) = &args.published
        && !directory.is_dir()
    {
        return Err(Failure::input(format!(
            "{}: not a directory; --published names one that holds trial tables, as ti/*.parquet and exception/*.parquet",
            directory.display()
        )));
    }
    let [figures, tables] = ["figures", "tables"].map(|d| args.output.join(d));
    for directory in [&figures, &tables] {
        check_directory(directory)?;
    }
    // Input that can be wrong comes first, and nothing is made before all of it has proved right.
    let of_models = |directory: &Path, models| -> Result<Vec<Section>, Failure> {
        Ok(vec![sections::language_model_accuracy(directory, models)?, sections::language_models(directory, models)?])
    };
    let of_models = match args.published.as_deref() {
        Some(directory) => of_models(directory, LanguageModels::GIVEN)?,
        None => {
            let mut of_models = of_models(own::directory()?.path(), own::DESCRIPTION)?;
            of_models.push(sections::hidden_states_section(&own::geometries()?)?);
            of_models
        }
    };
    let mut sections = sections::theory()?;
    sections.extend(of_models);
    for directory in [&figures, &tables] {
        std::fs::create_dir_all(directory)
            .map_err(|e| Failure::from(ResultsError::Write { path: directory.clone(), reason: e.to_string() }))?;
    }
    write_files(&sections, &figures, &tables)?;
    // Last, so that it never points to files that are not there.
    write_bytes(&args.output.join("index.html"), html::page(&sections)?.as_bytes())?;
    print_text(&summary(&sections))?;
    tell(&format!("{} in {:.1} s", args.output.join("index.html").display(), start.elapsed().as_secs_f64()));
    Ok(())
}

fn write_files(sections: &[Section], figures: &Path, tables: &Path) -> Result<(), Failure> {
    let all: Vec<&Figure> = sections.iter().flat_map(|s| &s.figures).collect();
    let bar = progress::bar(all.len() as u64, "writing figures");
    for figure in all {
        for (format, extension) in [(Picture::Svg, "svg"), (Picture::Pdf, "pdf")] {
            write_bytes(&figures.join(format!("{}.{extension}", figure.name)), &figure.render(format)?)?;
        }
        if let Some(table) = &figure.table {
            write_table(tables, &format!("figure-{}", figure.name), table)?;
        }
        bar.inc(1);
    }
    for (name, table) in sections.iter().flat_map(|s| &s.tables) {
        write_table(tables, name, table)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn write_table(directory: &Path, name: &str, table: &Table) -> Result<(), Failure> {
    for extension in ["parquet", "csv"] {
        table.write(&directory.join(format!("{name}.{extension}")))?;
    }
    Ok(())
}

/// The findings of all sections as aligned text.
fn summary(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let width = section.findings.iter().map(|f| f.0.chars().count()).max().unwrap_or(0);
        text += &format!("{}\n", section.title);
        for (what, value) in &section.findings {
            let pad = " ".repeat(width - what.chars().count());
            text += &format!("  {what}{pad}  {value}\n");
        }
        text.push('\n');
    }
    text
}
