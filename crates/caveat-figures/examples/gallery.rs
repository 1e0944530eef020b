//! Draws every figure into a folder; those of language models show made-up observations.
//!
//! `cargo run --release -p caveat-figures --example gallery -- FOLDER [svg|pdf|png]`

use std::path::PathBuf;

use caveat_figures::language_models::scatter::Against;
use caveat_figures::language_models::{self, Condition, TheoryMargins};
use caveat_figures::margins_figure::{self, MarginsInputs};
use caveat_figures::window_figure::{self, WindowInputs};
use caveat_figures::{Figure, Format, conjunctivity_figure, mechanism_figure, phase_figure, task_figure};
use caveat_results::{ConditionKey, GeometryNumbers, GeometryRow, GeometrySource, Hierarchy, PairCell, PairTable};
use caveat_theory::margins::{Margins, chain};
use caveat_theory::phase::{PhaseAxes, phase_grid};
use caveat_theory::{Activation, RandomFeatures, RidgeModel, TransitiveTask};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "gallery".into()));
    let extension = arguments.next().unwrap_or_else(|| "svg".into());
    std::fs::create_dir_all(&folder)?;
    for figure in figures()? {
        let path = folder.join(&figure.name).with_extension(&extension);
        std::fs::write(&path, figure.canvas.render(Format::from_path(&path)?)?)?;
        println!("{}: {}", path.display(), figure.caption);
    }
    Ok(())
}

fn figures() -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let task = TransitiveTask::new(9, &[(5, 3)])?;
    let activations = [1.0, 0.5, 0.2, 0.0, -1.0].map(Activation::leaky).into_iter().collect::<Result<Vec<_>, _>>()?;
    let random_features = activations
        .iter()
        .flat_map(|&activation| [1, 2, 4].map(|depth| (activation, depth)))
        .map(|(activation, depth)| {
            RandomFeatures { width: 400, replicates: 8, ..RandomFeatures::new(activation, depth, 0) }.estimate(None)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let axes = PhaseAxes::cell_centers(400, 400, (0.0, 1.0), (1e-4, 10.0))?;
    let rows = [(9, (5, 3)), (11, (6, 4)), (11, (7, 3))]
        .into_iter()
        .map(|(n, exception)| {
            let task = TransitiveTask::new(n, &[exception])?;
            let grid = phase_grid(&task, &axes, &|_| ())?;
            Ok((task, grid))
        })
        .collect::<Result<Vec<_>, caveat_theory::TheoryError>>()?;
    let mut conditions = Vec::new();
    for (m, model) in ["gpt2", "pythia-160m", "an-instructed-model-with-a-long-name-7b"].into_iter().enumerate() {
        for (s, setting) in ["full", "lora"].into_iter().enumerate() {
            for (n, exceptions) in [(9, vec![]), (9, vec![(5, 3)]), (11, vec![(6, 4)])] {
                conditions.push(made_up(model, setting, n, &exceptions, 0.08 + 0.06 * m as f64 + 0.05 * s as f64)?);
            }
        }
    }
    let judged = judged()?;
    Ok(vec![
        language_models::study::draw(&judged)?,
        language_models::placements::draw(&judged, &[0, 2, 4])?,
        language_models::heatmaps::draw(&conditions[1..4])?,
        language_models::scatter::draw(&conditions[..6], Against::Fitted)?,
        language_models::scatter::draw(&conditions[1..4], Against::Predicted)?,
        language_models::conjunctivity::draw(&conditions)?,
        language_models::hidden_states::draw(&geometries())?,
        task_figure::draw(&task)?,
        margins_figure::draw(&MarginsInputs::default())?,
        mechanism_figure::draw(&task, &[0.1, 1.0, 4.0])?,
        phase_figure::draw(&rows)?,
        window_figure::draw(&WindowInputs::default())?,
        conjunctivity_figure::draw(&activations, 12, &random_features)?,
    ])
}

/// A condition whose observations are the theory's plus a deterministic disturbance.
fn made_up(
    model: &str,
    setting: &str,
    n: usize,
    exceptions: &[(usize, usize)],
    conjunctivity: f64,
) -> Result<Condition, Box<dyn std::error::Error>> {
    let task = TransitiveTask::new(n, exceptions)?;
    let margins = |alpha: f64| -> Result<Vec<f64>, Box<dyn std::error::Error>> {
        Ok(chain::solve(&task, &RidgeModel::new(alpha, 10.0)?)?.matrix().iter().map(|f| 4.0 * f).collect())
    };
    let disturbed = |(k, f): (usize, f64)| {
        if k % (n + 1) == 0 || k == 40 { f64::NAN } else { f + 0.8 * (k as f64 * 12.9898 + conjunctivity * 99.0).sin() }
    };
    Ok(Condition {
        model: model.into(),
        setting: setting.into(),
        task: "made up".into(),
        hierarchy: if exceptions.is_empty() { format!("ti_n{n}") } else { format!("exc_mid_n{n}") },
        n_items: n,
        exceptions: exceptions.to_vec(),
        observed: margins(conjunctivity)?.into_iter().enumerate().map(disturbed).collect(),
        fitted: Some(TheoryMargins { margins: margins(conjunctivity)?, r_squared: 0.934 }),
        predicted: Some(TheoryMargins { margins: margins(conjunctivity + 0.03)?, r_squared: 0.88 }),
        conjunctivity: conjunctivity + 0.01 * (n as f64 - 9.0),
        conjunctivity_interval: Some((0.8 * conjunctivity, 1.3 * conjunctivity + 0.02)),
    })
}

/// The hidden states of 20 runs of six conditions; a probe leaves them unchanged.
fn geometries() -> Vec<GeometryRow> {
    let mut runs = Vec::new();
    for (c, (setting, lora_r, l2_reg)) in
        [("full", None, None), ("lora", Some(16.0), None), ("probe", None, Some(1e-6))].into_iter().enumerate()
    {
        for (h, hier) in ["exc_mid_n9", "ti_n9"].into_iter().enumerate() {
            let [setting, model, task, hier] = [setting, "gpt2", "made up", hier].map(String::from);
            let condition = ConditionKey { setting, model, task, hier, lora_r, l2_reg };
            for run in 0..20 {
                let noise = |k: f64| (k * 78.233 + f64::from(run) * 12.9898 + (10 * c + h) as f64).sin();
                let before = 0.14 + 0.01 * noise(1.0);
                let after = if c == 2 { before } else { 0.19 + 0.03 * noise(2.0) };
                for (phase, kernel, conjunctivity, r_squared, measured) in [
                    ("pre", "cosine", before, 0.92 + 0.06 * noise(4.0), Some(0.86 + 0.09 * noise(5.0))),
                    ("post", "cosine", after, 0.94 + 0.04 * noise(6.0), None),
                    ("post", "fitted", 0.15 + 0.04 * noise(3.0), 0.96 + 0.03 * noise(7.0), None),
                ] {
                    let numbers = GeometryNumbers {
                        conjunctivity: Some(conjunctivity),
                        r_squared: Some(r_squared),
                        r_squared_measured: measured,
                        ..Default::default()
                    };
                    let [phase, kernel] = [phase, kernel].map(String::from);
                    let source = GeometrySource { phase, kernel, seed: Some(i64::from(run)), reverse: false };
                    runs.push(GeometryRow { condition: condition.clone(), source, numbers });
                }
            }
        }
    }
    runs
}

/// Judgments with probabilities that are logistic in the theory's margins, 200 trials per ordered pair.
fn judged() -> Result<PairTable, Box<dyn std::error::Error>> {
    let mut table = PairTable { hierarchies: Vec::new(), conditions: Vec::new(), cells: Vec::new() };
    for (n, exceptions) in [(9, vec![]), (9, vec![(5, 3)]), (11, vec![(6, 4)])] {
        let task = TransitiveTask::new(n, &exceptions)?;
        let classes = task.classes()?;
        let name = if exceptions.is_empty() { format!("ti_n{n}") } else { format!("exc_mid_n{n}") };
        let probes = [1e-4, 0.1, 1.0, 10.0].map(|l2| ("probe", None, Some(l2)));
        let trainings = [("full", None, None), ("lora", Some(32.0), None)].into_iter().chain(probes);
        for (setting, lora_r, l2_reg) in trainings {
            for (model, conjunctivity) in [("gpt2", 0.3), ("pythia-160m", 0.4)] {
                let c = if setting == "lora" { 0.2 } else { 1.0 / l2_reg.unwrap_or(1e-3) };
                let solution = chain::solve(&task, &RidgeModel::new(conjunctivity, c)?)?;
                let key = ConditionKey {
                    setting: setting.into(),
                    model: model.into(),
                    task: "made up".into(),
                    hier: name.clone(),
                    lora_r,
                    l2_reg,
                };
                for (a, b) in (0..n * n).map(|k| (k / n, k % n)).filter(|(a, b)| a != b) {
                    let margin = solution.margin(a, b);
                    let prob_yes = 1.0 / (1.0 + (-4.0 * margin).exp());
                    let right = classes.label(a, b).map(|y| if y > 0 { prob_yes } else { 1.0 - prob_yes });
                    table.cells.push(PairCell {
                        condition: table.conditions.len(),
                        hierarchy: table.hierarchies.len(),
                        rank_a: a,
                        rank_b: b,
                        class: classes.class(a, b),
                        n: 200,
                        n_scored: if right.is_some() { 200 } else { 0 },
                        n_correct: (200.0 * right.unwrap_or(0.0)).round() as u64,
                        n_yes: (200.0 * prob_yes).round() as u64,
                        prob_yes,
                        margin,
                    });
                }
                table.conditions.push(key);
            }
        }
        table.hierarchies.push(Hierarchy { name, n_items: n, graph: task.graph().clone(), exceptions, classes });
    }
    Ok(table)
}
