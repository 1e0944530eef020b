//! `report`: every figure and table of the theory and of language models, with the findings, as one page and its files.

mod html;
mod models;
mod sections;

use std::path::Path;

use caveat_figures::{Figure, Format as Picture};
use caveat_results::{ResultsError, Table, WriteFailure, write_atomically};

use crate::error::Result;
use crate::watch::Watch;
pub use models::LanguageModels;
use sections::Section;

/// A report, ready to be written.
pub struct Report {
    sections: Vec<Section>,
}

impl Report {
    /// Computes and draws everything, beginning with the input that can be wrong.
    ///
    /// # Errors
    /// Trial tables that cannot be read or fitted, or a computation that fails.
    pub fn new(models: &LanguageModels, watch: &dyn Watch) -> Result<Self> {
        let mut of_models =
            vec![sections::language_model_accuracy(models, watch)?, sections::language_models(models, watch)?];
        if let Some(geometries) = &models.geometries {
            of_models.push(sections::hidden_states_section(geometries)?);
        }
        let mut sections = sections::theory(watch)?;
        sections.extend(of_models);
        Ok(Self { sections })
    }

    /// Writes figures/*.svg|pdf, tables/*.parquet|csv and, last, index.html, so that it never points to missing files.
    ///
    /// # Errors
    /// A directory or file that cannot be made.
    pub fn write(&self, directory: &Path, watch: &dyn Watch) -> Result<()> {
        let [figures, tables] = ["figures", "tables"].map(|d| directory.join(d));
        for directory in [&figures, &tables] {
            std::fs::create_dir_all(directory)
                .map_err(|e| ResultsError::Write { path: directory.clone(), reason: e.to_string() })?;
        }
        let all: Vec<&Figure> = self.sections.iter().flat_map(|s| &s.figures).collect();
        let work = watch.begin(all.len() as u64, "writing figures");
        for figure in all {
            for format in [Picture::Svg, Picture::Pdf] {
                write_bytes(&figures.join(format!("{}.{format}", figure.name)), &figure.canvas.render(format)?)?;
            }
            write_table(&tables, &format!("figure-{}", figure.name), &figure.table)?;
            work.advance(1);
        }
        for (name, table) in self.sections.iter().flat_map(|s| &s.tables) {
            write_table(&tables, name, table)?;
        }
        write_bytes(&directory.join("index.html"), html::page(&self.sections).as_bytes())
    }

    /// The findings of all sections as aligned text.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for section in &self.sections {
            let width = section.findings.iter().map(|f| f.0.chars().count()).max().unwrap_or(0);
            text += &format!("{}\n", section.title);
            for (what, value) in &section.findings {
                text += &format!("  {what:width$}  {value}\n");
            }
            text.push('\n');
        }
        text
    }
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    Ok(write_atomically(path, |out| out.write_all(bytes).map_err(WriteFailure::from))?)
}

fn write_table(directory: &Path, name: &str, table: &Table) -> Result<()> {
    for extension in ["parquet", "csv"] {
        table.write(&directory.join(format!("{name}.{extension}")))?;
    }
    Ok(())
}
