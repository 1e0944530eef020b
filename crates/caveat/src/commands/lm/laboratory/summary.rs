//! Prints the summary of a run: accuracy by pair class before and after training, costs, and the geometry of hidden states.

use std::path::Path;

use caveat_lm::{Geometry, RunSummary};
use caveat_results::{Format, Table};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{json as to_json, print_table, print_text};
use caveat_analysis::short;

/// A run that was just done or existed already.
pub(super) struct Shown<'a> {
    pub(super) folder: &'a Path,
    pub(super) already_there: bool,
    pub(super) summary: RunSummary,
    /// The geometry, if requested: as JSON, and, for a run that was just done, the original.
    pub(super) geometry: Option<(Value, Option<Geometry>)>,
}

impl Shown<'_> {
    pub(super) fn print(&self, format: Format) -> Result<(), Failure> {
        match format {
            Format::Json => print_text(&to_json(&json!({
                "folder": self.folder.display().to_string(),
                "already_there": self.already_there,
                "summary": self.summary,
                "geometry": self.geometry.as_ref().map(|(value, _)| value),
            }))?),
            Format::Csv => print_table(&self.classes()?, Format::Csv),
            Format::Table => {
                let mut text = self.classes()?.render(Format::Table)?;
                text.push_str(&format!("\n{}\n", self.costs()));
                if let Some((_, Some(geometry))) = &self.geometry {
                    text.push_str(&format!("\n{}", geometry.table()?.render(Format::Table)?));
                }
                let there = if self.already_there { "there already: " } else { "" };
                text.push_str(&format!("\n{there}{}\n", self.folder.display()));
                print_text(&text)
            }
        }
    }

    fn classes(&self) -> Result<Table, Failure> {
        let classes = &self.summary.classes;
        let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
        Ok(Table::new()
            .text("class", classes.iter().map(|class| class.class))?
            .integer("n", classes.iter().map(|class| i64::try_from(class.n).ok()))?
            .float("accuracy_before", classes.iter().map(|class| number(class.accuracy_before)))?
            .float("accuracy_after", classes.iter().map(|class| number(class.accuracy_after)))?
            .float("margin_before", classes.iter().map(|class| number(class.margin_before)))?
            .float("margin_after", classes.iter().map(|class| number(class.margin_after)))?)
    }

    /// Losses, steps, the probability of the answers, time and memory, as far as they are known.
    fn costs(&self) -> String {
        let s = &self.summary;
        let course = |before: Option<f64>, after: Option<f64>| match (before, after) {
            (Some(before), Some(after)) => Some(format!("{} -> {}", short(before), short(after))),
            (one, other) => one.or(other).map(short),
        };
        let plural = if s.steps == 1 { "" } else { "s" };
        let losses =
            course(s.loss_first, s.loss_last).map(|losses| format!("loss {losses} in {} step{plural}", s.steps));
        let mass = course(s.answer_mass_before, s.answer_mass_after);
        let mass = mass.map(|mass| format!("probability of Yes and No together {mass}"));
        let stages = s
            .seconds
            .iter()
            .flat_map(|s| [("load", Some(s.load)), ("before", Some(s.before)), ("train", s.train), ("after", s.after)]);
        let seconds = stages.filter_map(|(what, seconds)| Some(format!("{what} {:.1} s", seconds?)));
        let memory = s.peak_memory_bytes.map(|bytes| format!("{:.2} GB", bytes as f64 / 1e9));
        let costs: Vec<String> = seconds.chain(memory).collect();
        let costs = (!costs.is_empty()).then(|| costs.join(", "));
        losses.into_iter().chain(mass).chain(costs).collect::<Vec<_>>().join("\n")
    }
}
