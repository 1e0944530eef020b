//! Writes the files of a run on hidden states: similarities as .npy matrices, a description of their rows, and geometry.json.

use std::io::Write;
use std::path::Path;

use burn::tensor::Tensor;
use caveat_results::{GEOMETRY, Phase, write_atomically, write_matrix};
use serde::Serialize;
use serde_json::{Value, json};

use super::Geometry;
use super::states::{Metric, Vectors, lexicographic, no_direction};
use crate::error::{LmError, Result};
use crate::stimuli::Stimuli;

const META: &str = "rep_sim_meta.json";

/// Writes geometry.json into `folder`, completely or not at all.
pub(crate) fn write_geometry(folder: &Path, geometry: &Geometry) -> Result<()> {
    write_json(folder, GEOMETRY, geometry)
}

/// Writes the similarity of every two ordered pairs into `folder`: for every phase `rep_sim_PHASE.npy` under cosine and
/// `rep_sim_PHASE_dot.npy` under the inner product, float64, n(n−1) × n(n−1), and rep_sim_meta.json, which describes the rows. Each
/// file is written completely or not at all.
///
/// Rows and columns are the ordered pairs in lexicographic order, as all commands that read a kernel matrix expect them: ranks
/// (0, 1), (0, 2), …, (1, 0), (1, 2), …. A zero state, which has no cosine, is an error.
pub(crate) fn write_similarities(folder: &Path, phases: &[(Phase, &Tensor<2>)], stimuli: &Stimuli) -> Result<()> {
    let order = lexicographic(stimuli)?;
    let mut files = Vec::new();
    for &(phase, states) in phases {
        let states = Vectors::read(states, stimuli, &order)?;
        for metric in Metric::ALL {
            let vectors = states
                .scaled_for(metric)
                .map_err(|row| LmError::Failed(no_direction(stimuli, &stimuli.prompts[order[row]])))?;
            let file = match metric {
                Metric::Cosine => format!("rep_sim_{phase}.npy"),
                Metric::Dot => format!("rep_sim_{phase}_dot.npy"),
            };
            write_matrix(&folder.join(&file), &vectors.gram(), order.len())?;
            files.push(json!({ "file": file, "phase": phase, "metric": metric }));
        }
    }
    let row = |(index, &k): (usize, &usize)| {
        let prompt = &stimuli.prompts[k];
        json!({
            "index": index,
            "team_a": stimuli.hierarchy[prompt.rank_a],
            "team_b": stimuli.hierarchy[prompt.rank_b],
            "rank_a": prompt.rank_a,
            "rank_b": prompt.rank_b,
            "direction": prompt.direction,
            "is_train": prompt.is_train,
            "is_exception": prompt.is_exception,
            "no_gt": prompt.no_gt,
            "label": prompt.label,
            "gap": prompt.gap(),
        })
    };
    // The metric is that of the files that have none in their names.
    let meta = json!({
        "metric": Metric::Cosine,
        "n_items": stimuli.hierarchy.len(),
        "files": files,
        "rows": order.iter().enumerate().map(row).collect::<Vec<Value>>(),
    });
    write_json(folder, META, &meta)
}

fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let path = folder.join(name);
    let mut text = serde_json::to_string_pretty(value).map_err(|e| LmError::write(&path, e))?;
    text.push('\n');
    Ok(write_atomically(&path, |out| out.write_all(text.as_bytes()))?)
}
