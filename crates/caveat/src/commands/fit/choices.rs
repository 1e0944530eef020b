//! Fits to choices by maximum likelihood, of trial tables or of a file of choices.

use std::path::{Path, PathBuf};

use caveat_results::{
    ChoiceColumns, ChoiceTable, ConditionKey, Grouping, ResultsError, TrialCounts, read_choices, read_choices_by_pair,
};
use caveat_theory::inference::{ChoiceCount, ChoiceFit, ChoiceFitter, FitLimit, ModelSpec, ordered_pairs};
use caveat_theory::{ComparisonGraph, TransitiveTask};
use rayon::prelude::*;

use super::report::{Head, Parameter, Report};
use super::{by_columns, strength_name};
use crate::cli::{ByColumn, ChoiceSpec, ClusterColumn, FitArgs};
use crate::commands::pairs;
use crate::commands::results::reading;
use crate::failure::Failure;
use crate::progress;

/// The choices of one condition, in clusters that are resampled and left out as a whole.
#[derive(Debug, Clone)]
pub(crate) struct ChoiceUnit {
    pub(crate) head: Head,
    pub(crate) graph: ComparisonGraph,
    pub(crate) clusters: Vec<Vec<ChoiceCount>>,
    /// What a cluster is.
    pub(crate) cluster: &'static str,
}

/// A file of choices and how its units were made.
#[derive(Debug)]
pub(crate) struct ChoiceFile {
    pub(crate) units: Vec<ChoiceUnit>,
    /// The rows behind every unit, as they were read.
    pub(crate) tables: Vec<ChoiceTable>,
    /// What a person should know of the reading.
    pub(crate) note: Option<String>,
}

/// Whether the command line names a file of choices instead of trial tables.
pub(crate) fn is_choice_file(args: &FitArgs) -> Result<bool, Failure> {
    if args.choices.columns.is_some() || args.choices.preset.is_some() {
        return Ok(true);
    }
    let path = &args.files[0];
    if !path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
        return Ok(false);
    }
    let header = first_line(path)?;
    let has = |name: &str| header.split(',').any(|column| column.trim().trim_matches('"') == name);
    Ok(!has("rank_a") && (has("winner") || has("higher") || has("distance")))
}

fn first_line(path: &Path) -> Result<String, Failure> {
    use std::io::{BufRead, BufReader, Read};
    let read = |source| Failure::from(ResultsError::Read { path: path.to_owned(), source });
    let mut line = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    // Far longer than any header; a file without line ends is not read whole.
    BufReader::new(file.take(1 << 16)).read_until(b'\n', &mut line).map_err(read)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Reads a file of choices and cuts it into units and clusters.
pub(crate) fn read_file(args: &FitArgs) -> Result<ChoiceFile, Failure> {
    let [path] = args.files.as_slice() else {
        return Err(Failure::input("several files of choices: name one at a time"));
    };
    let spec = &args.choices;
    let table = read_choices(path, &columns(spec)?)?;
    let exceptions = pairs(&spec.exception);
    let task = TransitiveTask::new(table.n_items, &exceptions)?;
    let by = groupings(args.by.as_deref())?;
    let (cluster, within) = clusters_of(&table, spec.cluster, &by)?;
    let mut file = ChoiceFile { units: Vec::new(), tables: Vec::new(), note: reconstruction(&table) };
    for (values, part) in split(&table, &by)? {
        let head = Head::Groups(by.iter().copied().zip(values).collect());
        let clusters = spread(&part).clusters_by(&within)?.into_iter().map(|c| c.choices).collect();
        file.units.push(ChoiceUnit { head, graph: task.graph().clone(), clusters, cluster });
        file.tables.push(part);
    }
    Ok(file)
}

fn columns(spec: &ChoiceSpec) -> Result<ChoiceColumns, Failure> {
    let mut columns = match &spec.preset {
        Some(name) => ChoiceColumns::preset(name)?,
        None => spec.columns.clone().unwrap_or_default(),
    };
    if let Some(trials) = spec.trials {
        columns.trials = TrialCounts::Fixed(trials);
    }
    columns.n_items = spec.n_items.or(columns.n_items);
    columns.first_rank = spec.first_rank.or(columns.first_rank);
    columns.items = spec.order.clone().or(columns.items);
    Ok(columns)
}

fn reconstruction(table: &ChoiceTable) -> Option<String> {
    table.reconstruction.as_ref().map(|found| {
        format!(
            "numbers of trials reconstructed from the proportions of {} groups; no whole number fits {} of {} rows (--trials N sets them)",
            found.typical.len(),
            found.failed,
            table.rows.len() + table.distance_rows.len()
        )
    })
}

fn groupings(by: Option<&[ByColumn]>) -> Result<Vec<Grouping>, Failure> {
    by.unwrap_or_default()
        .iter()
        .map(|column| match column {
            ByColumn::Subject => Ok(Grouping::Subject),
            ByColumn::Session => Ok(Grouping::Session),
            ByColumn::Condition => Ok(Grouping::Condition),
            _ => Err(Failure::input("--by of a file of choices takes subject, session and condition")),
        })
        .collect()
}

/// What is resampled: what --cluster says, else subjects, else sessions; sessions of different subjects are different ones.
fn clusters_of(
    table: &ChoiceTable,
    chosen: Option<ClusterColumn>,
    by: &[Grouping],
) -> Result<(&'static str, Vec<Grouping>), Failure> {
    let has = |g: Grouping| !table.names(g).is_empty() && !by.contains(&g);
    let session = || {
        let subjects = (!table.names(Grouping::Subject).is_empty()).then_some(Grouping::Subject);
        subjects.into_iter().chain([Grouping::Session]).collect()
    };
    match chosen {
        Some(ClusterColumn::Subject) => Ok(("subject", vec![Grouping::Subject])),
        Some(ClusterColumn::Session) => Ok(("session", session())),
        None if has(Grouping::Subject) => Ok(("subject", vec![Grouping::Subject])),
        None if has(Grouping::Session) => Ok(("session", session())),
        None => Ok(("file", Vec::new())),
    }
}

/// The parts of a table with their values of each grouping.
fn split(table: &ChoiceTable, by: &[Grouping]) -> Result<Vec<(Vec<String>, ChoiceTable)>, Failure> {
    let parts = table.split_by(by)?;
    Ok(parts
        .into_iter()
        .map(|(_, part)| {
            let groups = part.rows.first().map(|r| r.groups).or_else(|| part.distance_rows.first().map(|r| r.groups));
            let value = |g: &Grouping| {
                groups.and_then(|groups| part.names(*g).get(groups[*g as usize] as usize).cloned()).unwrap_or_default()
            };
            (by.iter().map(value).collect(), part)
        })
        .collect())
}

/// Choices known by distance only, spread evenly over the pairs of that distance; others as they are.
fn spread(table: &ChoiceTable) -> ChoiceTable {
    let mut table = table.clone();
    for row in std::mem::take(&mut table.distance_rows) {
        let share = 1.0 / (table.n_items - row.distance) as f64;
        table.rows.extend((0..table.n_items - row.distance).map(|first| caveat_results::ChoiceRow {
            first,
            second: first + row.distance,
            first_chosen: row.higher_chosen * share,
            trials: row.trials * share,
            groups: row.groups,
        }));
    }
    table
}

/// The choices in trial tables: which item the model preferred, seed by seed.
pub(crate) fn read_trials(files: &[PathBuf], args: &FitArgs) -> Result<Vec<ChoiceUnit>, Failure> {
    let by = by_columns(args.by.as_deref())?;
    let read = reading(|progress| read_choices_by_pair(files, args.phase, progress))?;
    let mut units: Vec<(ConditionKey, ChoiceUnit)> = Vec::new();
    for seed in read.seeds {
        let key = super::observed::reduced(&seed.condition, &by);
        let graph = &read.hierarchies[seed.hierarchy].graph;
        let choices = seed
            .counts
            .iter()
            .map(|&(first, second, n, yes)| ChoiceCount { first, second, first_chosen: yes as f64, trials: n as f64 })
            .collect();
        match units.iter_mut().find(|(k, _)| *k == key) {
            Some((_, unit)) if unit.graph == *graph => unit.clusters.push(choices),
            Some(_) => {
                return Err(Failure::input(format!(
                    "conditions that train different pairs are fitted together as {key}: add hier to --by"
                )));
            }
            None => units.push((
                key.clone(),
                ChoiceUnit {
                    head: Head::Condition(key),
                    graph: graph.clone(),
                    clusters: vec![choices],
                    cluster: "seed",
                },
            )),
        }
    }
    units.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(units.into_iter().map(|(_, unit)| unit).collect())
}

/// A fit with everything that is reported of it.
#[derive(Debug, Clone)]
pub(crate) struct FittedChoices {
    pub(crate) fit: ChoiceFit,
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) report: Report,
}

/// Fits every unit; fits run one after the other, replicates in parallel.
pub(crate) fn fit_all(
    units: &[ChoiceUnit],
    spec: &ModelSpec,
    replicates: usize,
    seed: u64,
) -> Result<Vec<FittedChoices>, Failure> {
    let bar = progress::bar(units.len() as u64, "fitting choices");
    let fitted = units
        .par_iter()
        .map(|unit| {
            let fitted = fit(unit, spec, replicates, seed);
            bar.inc(1);
            fitted
        })
        .collect();
    bar.finish_and_clear();
    fitted
}

fn fit(unit: &ChoiceUnit, spec: &ModelSpec, replicates: usize, seed: u64) -> Result<FittedChoices, Failure> {
    let at = |e: caveat_theory::TheoryError| Failure::from(e).at(unit.head.name());
    let pairs = ordered_pairs(&unit.clusters);
    let fitter = ChoiceFitter::new(&unit.graph, spec, &pairs).map_err(at)?;
    let fit = fitter.fit(&unit.clusters).map_err(at)?;
    let profile = fitter.intervals(&fit, &unit.clusters).map_err(at)?;
    let bootstrap = if replicates > 0 && unit.clusters.len() > 1 {
        Some(fitter.bootstrap(&fit, &unit.clusters, replicates, seed).map_err(at)?)
    } else {
        None
    };
    let (e, b) = (&fit.estimates, bootstrap.as_ref());
    let parameter =
        |name, estimate, bootstrap, profile: Option<caveat_theory::inference::ParameterInterval>| Parameter {
            name,
            estimate,
            bootstrap,
            profile: profile.map(|p| p.interval),
            identified: profile.is_some_and(|p| p.identified),
        };
    // In the Hebbian limit the estimate is gain·strength, and the profile is that of the gain itself.
    let is_hebbian = e.limit == Some(FitLimit::Hebbian);
    let gain_profile = profile.gain.filter(|_| !is_hebbian);
    let mut parameters = vec![
        parameter("conjunctivity", e.conjunctivity, b.and_then(|b| b.conjunctivity), profile.conjunctivity),
        parameter(strength_name(spec.family), e.strength, b.and_then(|b| b.strength), profile.strength),
        parameter("gain", e.gain, b.and_then(|b| b.gain), gain_profile),
    ];
    if spec.lapse {
        parameters.push(parameter("lapse", e.lapse, b.and_then(|b| b.lapse), profile.lapse));
    }
    if spec.position_bias {
        let bias = b.and_then(|b| b.position_bias);
        parameters.push(parameter("position_bias", e.position_bias, bias, profile.position_bias));
    }
    let report = Report {
        head: unit.head.clone(),
        parameters,
        limit: e.limit,
        scores: vec![
            ("screening", e.screening),
            ("memorization", e.memorization),
            ("log_likelihood", fit.log_likelihood),
            ("deviance_explained", fit.deviance_explained),
            ("mcfadden", fit.mcfadden),
            ("n_trials", fit.n_trials),
        ],
        counts: vec![("n_pairs", pairs.len()), ("n_clusters", unit.clusters.len())],
        saturated: Some(e.saturated),
    };
    Ok(FittedChoices { fit, pairs, report })
}
