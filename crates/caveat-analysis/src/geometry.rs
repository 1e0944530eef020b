//! `geometry`: what runs have kept of their hidden states, as a picture.

use caveat_figures::Figure;
use caveat_figures::language_models::hidden_states::{self, KernelSource, RunGeometry};
use caveat_results::{ConditionKey, Table, Values};

use crate::error::Result;

/// The picture of a table of geometries. Similarities are cosines; inner products, which weigh pairs by the length of their
/// states, stay in the table.
///
/// # Errors
/// Of a table without a run.
pub fn geometry_figure(table: &Table) -> Result<Figure> {
    let [settings, models, tasks, hiers, phases, kernels] =
        ["setting", "model", "task", "hier", "phase", "kernel"].map(|name| texts(table, name));
    let [lora_r, l2_reg, conjunctivity, r_squared, r_squared_measured] =
        ["lora_r", "l2_reg", "conjunctivity", "r_squared", "r_squared_measured"].map(|name| floats(table, name));
    let defined = |value: f64| value.is_finite().then_some(value);
    let run = |row: usize| {
        let source = match (phases[row].as_str(), kernels[row].as_str()) {
            (_, "fitted") => KernelSource::Margins,
            ("pre", "cosine") => KernelSource::StatesBefore,
            ("post", "cosine") => KernelSource::StatesAfter,
            _ => return None,
        };
        Some(RunGeometry {
            condition: ConditionKey {
                setting: settings[row].clone(),
                model: models[row].clone(),
                task: tasks[row].clone(),
                hier: hiers[row].clone(),
                lora_r: defined(lora_r[row]),
                l2_reg: defined(l2_reg[row]),
            },
            source,
            conjunctivity: conjunctivity[row],
            r_squared: r_squared[row],
            r_squared_measured: r_squared_measured[row],
        })
    };
    let runs: Vec<RunGeometry> = (0..table.n_rows()).filter_map(run).collect();
    Ok(hidden_states::draw(&runs)?)
}

/// A column of text; empty if there is none of this name.
pub(crate) fn texts<'a>(table: &'a Table, name: &str) -> &'a [String] {
    match table.column(name) {
        Some(Values::Text(values)) => values,
        _ => &[],
    }
}

/// A column of numbers; empty if there is none of this name.
pub(crate) fn floats<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    match table.column(name) {
        Some(Values::Float(values)) => values,
        _ => &[],
    }
}
