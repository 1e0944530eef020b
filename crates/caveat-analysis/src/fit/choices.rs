//! Fits to choices by maximum likelihood, of trial tables or of a file of choices.

use caveat_results::{
    ChoiceColumns, ChoiceRow, ChoiceTable, ConditionKey, DeclaredTasks, Grouping, RowFilter, TaskUnits, TrialCounts,
    look_alikes, read_choice_files, read_choices_by_pair,
};
use caveat_theory::ComparisonGraph;
use caveat_theory::inference::{ChoiceCount, ChoiceFit, ChoiceFitter, ordered_pairs};

use super::report::{Head, Known, Report, choice_bounds, reported};
use super::request::{ByColumn, ChoiceRequest, ClusterColumn, FitRequest, Job};
use crate::error::{AnalysisError, Result};
use crate::watch::{Watch, in_parallel, reading};

/// Most items of a declared task, the same as of files.
const MOST_ITEMS: usize = 1_000_000;

/// The choices of one condition, in clusters that are resampled and left out as a whole.
#[derive(Debug, Clone)]
pub(crate) struct ChoiceUnit {
    pub(crate) head: Head,
    pub(crate) graph: ComparisonGraph,
    pub(crate) clusters: Vec<Vec<ChoiceCount>>,
    /// What a cluster is.
    pub(crate) cluster: &'static str,
    /// What was trained, as N:W-L,…; `None` for trial tables, which name it themselves.
    pub(crate) task: Option<String>,
}

/// The units of a file of choices.
#[derive(Debug)]
pub(crate) struct ChoiceFile {
    pub(crate) units: Vec<ChoiceUnit>,
    /// The rows behind every unit, as they were read.
    pub(crate) tables: Vec<ChoiceTable>,
    /// What a person should know about how it was read.
    pub(crate) notes: Vec<String>,
    /// What makes that doubtful.
    pub(crate) warnings: Vec<String>,
}

/// Reads files of choices and divides them into units and clusters.
pub(crate) fn read_file(request: &FitRequest) -> Result<ChoiceFile> {
    let columns = columns(request)?;
    let table = read_choice_files(&request.files, &columns)?;
    if request.position_bias && !table.presentation_known {
        return Err(AnalysisError::input(if table.rows.is_empty() {
            "the file does not say who was shown first, as it tells symbolic distances only: leave out ⟨position_bias⟩"
        } else {
            "the file does not say which item was shown first, which a position bias is about: name that column (first=COLUMN in \
             ⟨columns⟩), or leave out ⟨position_bias⟩"
        }));
    }
    let by = match &request.by {
        None if request.posterior.is_some() => people_and_sessions(&table),
        by => groupings(by.as_deref())?,
    };
    let (cluster, within) = clusters_of(&table, request.choices.cluster, &by)?;
    let TaskUnits { units, notes: of_tasks } = table.units(&by, &declared_tasks(&request.choices, &columns)?)?;
    let mut warnings: Vec<String> = columns.items.as_deref().and_then(look_alikes).into_iter().collect();
    if !table.distance_rows.is_empty() {
        warnings.push(
            "the file tells symbolic distances only, and all pairs of a distance are taken to be chosen equally often, which by the \
             theory they are not: C comes out too large, and intervals too short; fit choices by pair where there are some"
                .to_owned(),
        );
    }
    let mut file = ChoiceFile { units: Vec::new(), tables: Vec::new(), notes: Vec::new(), warnings };
    file.notes.extend(table.left_out.notes(table.rows.len() + table.distance_rows.len()));
    file.notes.extend(reconstruction(&table).into_iter().chain(of_tasks));
    if !by.contains(&Grouping::Condition) {
        file.notes.extend(table.training_taken_together());
    }
    for unit in units {
        let head = Head::Groups(by.iter().copied().zip(unit.values).collect());
        let mut clusters = spread(&unit.table).clusters_by(&within)?;
        // By name, so that resampling does not depend on the order of rows.
        clusters.sort_by(|a, b| a.name.cmp(&b.name));
        let clusters = clusters.into_iter().map(|c| c.choices).collect();
        let (graph, task) = (unit.task.graph().clone(), Some(unit.task.to_string()));
        file.units.push(ChoiceUnit { head, graph, clusters, cluster, task });
        file.tables.push(unit.table);
    }
    Ok(file)
}

/// What a posterior is over where nobody says: people, and the sessions of each, as far as the file has them.
fn people_and_sessions(table: &ChoiceTable) -> Vec<Grouping> {
    [Grouping::Subject, Grouping::Session].into_iter().filter(|g| !table.names(*g).is_empty()).collect()
}

/// What the request says of tasks.
fn declared_tasks(request: &ChoiceRequest, columns: &ChoiceColumns) -> Result<DeclaredTasks> {
    let mut declared = DeclaredTasks {
        exceptions: request.exceptions.clone(),
        n_items: columns.n_items.filter(|_| columns.items.is_none()),
        ..DeclaredTasks::default()
    };
    for (name, task) in &request.tasks {
        if task.n_items > MOST_ITEMS {
            return Err(AnalysisError::input(format!("⟨tasks⟩ of {} items: expected 2 to {MOST_ITEMS}", task.n_items)));
        }
        let task = task.build()?;
        match name {
            Some(name) => declared.named.push((name.clone(), task)),
            None if declared.others.is_some() => {
                return Err(AnalysisError::input(
                    "two tasks without a name: give one with ⟨tasks=N⟩, and CONDITION=N for others",
                ));
            }
            None => declared.others = Some(task),
        }
    }
    Ok(declared)
}

fn columns(request: &FitRequest) -> Result<ChoiceColumns> {
    let asked = &request.choices;
    let mut columns = match &asked.preset {
        Some(name) => ChoiceColumns::preset(name)?,
        None => asked.columns.clone().unwrap_or_default(),
    };
    if let Some(trials) = asked.trials {
        columns.trials = TrialCounts::Fixed(trials);
    }
    // Tasks say how many items there are; a preset's number is that of its published task.
    columns.n_items = asked.n_items.or(columns.n_items).filter(|_| asked.tasks.is_empty());
    columns.first_rank = asked.first_rank.or(columns.first_rank);
    columns.items = asked.items.clone().or(columns.items);
    columns.skip_missing = asked.skip_missing;
    for expression in &request.filters {
        columns.filters.extend(RowFilter::all(expression)?);
    }
    Ok(columns)
}

fn reconstruction(table: &ChoiceTable) -> Option<String> {
    table.reconstruction.as_ref().map(|found| {
        format!(
            "numbers of trials reconstructed from the proportions of {} groups; no whole number fits {} of {} rows (⟨trials=N⟩ sets them)",
            found.typical.len(),
            found.failed,
            table.rows.len() + table.distance_rows.len()
        )
    })
}

fn groupings(by: Option<&[ByColumn]>) -> Result<Vec<Grouping>> {
    by.unwrap_or_default()
        .iter()
        .map(|column| match column {
            ByColumn::Subject => Ok(Grouping::Subject),
            ByColumn::Session => Ok(Grouping::Session),
            ByColumn::Condition => Ok(Grouping::Condition),
            _ => Err(AnalysisError::input("⟨by⟩ of a file of choices takes subject, session and condition")),
        })
        .collect()
}

/// What is resampled: what the request says, else subjects, else sessions. Sessions of different subjects are different.
fn clusters_of(
    table: &ChoiceTable,
    chosen: Option<ClusterColumn>,
    by: &[Grouping],
) -> Result<(&'static str, Vec<Grouping>)> {
    let has = |g: Grouping| !table.names(g).is_empty() && !by.contains(&g);
    let session = || {
        let subjects = (!table.names(Grouping::Subject).is_empty()).then_some(Grouping::Subject);
        subjects.into_iter().chain([Grouping::Session]).collect()
    };
    let alone = chosen.filter(|column| {
        by.contains(&match column {
            ClusterColumn::Subject => Grouping::Subject,
            ClusterColumn::Session => Grouping::Session,
        })
    });
    if let Some(column) = alone {
        let name = column.name();
        return Err(AnalysisError::input(format!(
            "⟨cluster={name}⟩: with {name} in ⟨by⟩ every fit has one {name} alone; leave out one of them"
        )));
    }
    match chosen {
        Some(ClusterColumn::Subject) => Ok(("subject", vec![Grouping::Subject])),
        Some(ClusterColumn::Session) => Ok(("session", session())),
        None if has(Grouping::Subject) => Ok(("subject", vec![Grouping::Subject])),
        None if has(Grouping::Session) => Ok(("session", session())),
        None => Ok(("file", Vec::new())),
    }
}

/// Spreads choices known by distance only evenly over the pairs of that distance.
fn spread(table: &ChoiceTable) -> ChoiceTable {
    let mut table = table.clone();
    for row in std::mem::take(&mut table.distance_rows) {
        let share = 1.0 / (table.n_items - row.distance) as f64;
        table.rows.extend((0..table.n_items - row.distance).map(|first| ChoiceRow {
            first,
            second: first + row.distance,
            first_chosen: row.higher_chosen * share,
            trials: row.trials * share,
            groups: row.groups,
        }));
    }
    table
}

/// The choices in trial tables, which item the model preferred, seed by seed; and doubts about which pairs were trained, a line each.
pub(crate) fn read_trials(request: &FitRequest, watch: &dyn Watch) -> Result<(Vec<ChoiceUnit>, Vec<String>)> {
    let by = request.trial_columns()?;
    let selection = request.selection()?;
    let read = reading(watch, |progress| read_choices_by_pair(&request.files, selection, progress))?;
    let mut units: Vec<(ConditionKey, ChoiceUnit)> = Vec::new();
    for seed in read.seeds {
        let key = super::observe::reduced(&seed.condition, &by);
        let graph = &read.hierarchies[seed.hierarchy].graph;
        let choices = seed
            .counts
            .iter()
            .map(|&(first, second, n, yes)| ChoiceCount { first, second, first_chosen: yes as f64, trials: n as f64 })
            .collect();
        match units.iter_mut().find(|(k, _)| *k == key) {
            Some((_, unit)) if unit.graph == *graph => unit.clusters.push(choices),
            Some(_) => {
                return Err(AnalysisError::input(format!(
                    "conditions that train different pairs are fitted together as {key}: add hier to ⟨by⟩"
                )));
            }
            None => {
                let (head, graph) = (Head::Condition(key.clone()), graph.clone());
                let unit = ChoiceUnit { head, graph, clusters: vec![choices], cluster: "seed", task: None };
                units.push((key, unit));
            }
        }
    }
    units.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok((units.into_iter().map(|(_, unit)| unit).collect(), read.doubts))
}

/// A fit with everything that is reported of it.
#[derive(Debug, Clone)]
pub(crate) struct FittedChoices {
    pub(crate) fit: ChoiceFit,
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) report: Report,
}

/// Fits every unit, in parallel.
pub(crate) fn fit_all(units: &[ChoiceUnit], job: &Job<'_>) -> Result<Vec<FittedChoices>> {
    in_parallel(units, job.watch, "fitting choices", |unit| fit(unit, job).map_err(|e| unit.head.in_place(e)))
}

fn fit(unit: &ChoiceUnit, job: &Job<'_>) -> caveat_theory::Result<FittedChoices> {
    let spec = &job.spec;
    let pairs = ordered_pairs(&unit.clusters);
    let fitter = ChoiceFitter::new(&unit.graph, spec, &pairs)?;
    let fit = fitter.fit(&unit.clusters)?;
    let profile = fitter.intervals(&fit, &unit.clusters)?;
    let several = unit.clusters.iter().filter(|c| c.iter().any(|c| c.trials > 0.0)).count() > 1;
    let intervals = several.then(|| fitter.cluster_intervals(&fit, &unit.clusters)).transpose()?;
    let replicates = job.request.replicates();
    let resample = || fitter.bootstrap(&fit, &unit.clusters, replicates, job.request.seed);
    let bootstrap = (several && replicates > 0).then(resample).transpose()?;
    // The trials of one animal or person are a sample; the answers of one random seed are not.
    let over = match unit.cluster {
        "seed" => several.then_some("seeds"),
        "subject" if several => Some("subjects"),
        "session" if several => Some("sessions"),
        _ => Some("trials"),
    };
    let e = &fit.estimates;
    let over_trials = over == Some("trials");
    let known = Known { over_trials, ..Known::new(Some(profile), intervals, bootstrap, e) };
    let report = Report {
        head: unit.head.clone(),
        parameters: reported(&spec.parameters(), spec.learner, e, &known),
        over,
        at_bound: choice_bounds(e, spec.learner.strength_name(), spec.lapse),
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
        task: unit.task.clone(),
    };
    Ok(FittedChoices { fit, pairs, report })
}
