//! Reads trial tables and files of choices, as tables and conditions.

use std::collections::BTreeSet;

use caveat_analysis::Work;
use caveat_results::{
    ChoiceColumns, Condition, Grouping, Phase as Training, Result, RowFilter, Table as Columns, TrialBatch,
    TrialColumn, TrialCounts, Values, read_choice_files, read_conditions as conditions, scan_trials,
};
use numpy::ndarray::{Array2, Array3};
use numpy::{PyArray2, PyArray3};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict};
use serde::{Deserialize, Serialize};

use crate::arguments::{self as arg, Paths};
use crate::errors::{bad, raise, warn};
use crate::graph::ComparisonGraph;
use crate::long::{self, Steps};
use crate::requests::{choice_columns, texts};
use crate::table::{Table, with_pairs};
use crate::task::TransitiveTask;

/// Reads columns of trial tables.
///
/// Parameters
/// ----------
/// paths : path or list of path
///     Files (Parquet or .csv) and directories of them, at any depth.
/// columns : list of str, optional
///     Names of the columns to read; by default all 25 except the hyperparameters, which not every table has.
/// progress : bool or callable
///     A bar after a second where someone can see it, or a function of (done, total) rows.
///
/// Returns
/// -------
/// Table
///     One row per trial, in the order of files and rows.
///
/// Raises
/// ------
/// OSError
///     A file that cannot be read.
/// ValueError
///     A column that is unknown, missing or of the wrong type; with the file, row and column.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> trials = caveat.read_trials(["crates/caveat/results/trials.parquet"], ["rank_a", "rank_b", "logit_diff"])
/// >>> trials.column_names
/// ['rank_a', 'rank_b', 'logit_diff']
#[pyfunction]
#[pyo3(signature = (paths, columns = None, *, progress = None))]
pub(crate) fn read_trials(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::paths)] paths: Paths,
    #[pyo3(from_py_with = arg::columns)] columns: Option<Vec<String>>,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Table> {
    let known = TrialColumn::ALL.into_iter();
    let columns: Vec<TrialColumn> = match columns {
        None => known.filter(|c| !matches!(c, TrialColumn::LoraR | TrialColumn::L2Reg)).collect(),
        Some(names) => {
            let column = |name: &String| {
                known.clone().find(|c| c.name() == name).ok_or_else(|| {
                    let known = TrialColumn::ALL.map(TrialColumn::name).join(", ");
                    bad("columns", format_args!("'{name}' is unknown: trial tables have {known}"))
                })
            };
            names.iter().map(column).collect::<PyResult<_>>()?
        }
    };
    let work = move |steps: &Steps| -> Result<Columns> {
        let progress = |done, total| steps.reach(done, total);
        let parts = scan_trials(&paths.0, &columns, &progress, |parts: &mut Vec<Vec<Values>>, batch| {
            parts.push(columns.iter().map(|&column| values(batch, column)).collect::<Result<_>>()?);
            Ok(())
        })?;
        joined(&columns, parts.into_iter().flatten())
    };
    Ok(Table::new(long::run(py, "reading trial tables", progress, work)?))
}

/// Joins batches of columns, one below the other.
fn joined(columns: &[TrialColumn], mut parts: impl Iterator<Item = Vec<Values>>) -> Result<Columns> {
    let mut all = parts.next().unwrap_or_else(|| vec![Values::Float(Vec::new()); columns.len()]);
    for part in parts {
        for (whole, part) in all.iter_mut().zip(part) {
            match (whole, part) {
                (Values::Float(a), Values::Float(b)) => a.extend(b),
                (Values::Integer(a), Values::Integer(b)) => a.extend(b),
                (Values::Text(a), Values::Text(b)) => a.extend(b),
                (Values::Flag(a), Values::Flag(b)) => a.extend(b),
                // A column has one type in all batches.
                _ => {}
            }
        }
    }
    columns.iter().zip(all).try_fold(Columns::new(), |table, (column, values)| table.with(column.name(), values))
}

fn values(batch: &TrialBatch, column: TrialColumn) -> Result<Values> {
    use caveat_results::ColumnKind::{Flag, Integer, Real, Text};
    Ok(match column.kind() {
        Text => {
            let text = batch.text(column)?;
            Values::Text((0..batch.n_rows()).map(|row| text.get(row).unwrap_or_default().to_owned()).collect())
        }
        Integer => Values::Integer(batch.integers(column)?.iter().map(|&x| Some(x)).collect()),
        Real => Values::Float(batch.reals(column)?.to_vec()),
        Flag => Values::Flag(batch.flags(column)?.iter().map(|x| x.unwrap_or_default()).collect()),
    })
}

/// The trials of one setting, model, task and hierarchy, as margins.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> condition = caveat.read_conditions(["crates/caveat/results/trials.parquet"])[0]
/// >>> condition.margins.shape == (condition.n_items, condition.n_items)
/// True
#[pyclass(frozen, module = "caveat", name = "Condition")]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PyCondition {
    condition: Condition,
}

fields! { PyCondition:
    /// Number of items.
    n_items(self) -> usize = self.condition.n_items();
    /// What was trained, as a graph on ranks.
    graph(self) -> ComparisonGraph = ComparisonGraph::of_ranks(self.condition.graph().clone());
    /// What was trained, if it is a chain with exceptions; otherwise None.
    task(self) -> Option<TransitiveTask> = self.condition.task().map(|task| TransitiveTask { task: task.clone() });
    /// The exceptions as (winner, loser).
    exceptions(self) -> Vec<(usize, usize)> = self.condition.exceptions().to_vec();
    /// The random seeds of the runs.
    seeds(self) -> Vec<i64> = self.condition.seeds().to_vec();
    /// What was run: setting, model, task, hier, and the hyperparameter lora_r or l2_reg if there is one.
    key(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> = {
        let of = self.condition.key();
        let names = [("setting", &of.setting), ("model", &of.model), ("task", &of.task), ("hier", &of.hier)];
        let key = names.into_py_dict(py)?;
        for (name, value) in [("lora_r", of.lora_r), ("l2_reg", of.l2_reg)] {
            if let Some(value) = value {
                key.set_item(name, value)?;
            }
        }
        Ok(key)
    };
    /// Mean difference of logits by first and second item, an array of shape (n_items, n_items); NaN for pairs not shown.
    margins(self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> = {
        let mean = |(i, j)| if i == j { 0.0 } else { self.condition.mean(i, j).unwrap_or(f64::NAN) };
        PyArray2::from_owned_array(py, Array2::from_shape_fn((self.n_items(), self.n_items()), mean))
    };
    /// The same for every seed, an array of shape (seeds, n_items, n_items), as `cluster_intervals` takes it.
    seed_margins(self, py: Python<'py>) -> Bound<'py, PyArray3<f64>> = {
        let n = self.n_items();
        let mean = |(seed, i, j)| match self.condition.seed_sum(seed, i, j) {
            _ if i == j => 0.0,
            (_, 0) => f64::NAN,
            (sum, count) => sum / count as f64,
        };
        PyArray3::from_owned_array(py, Array3::from_shape_fn((self.condition.seeds().len(), n, n), mean))
    };
}

#[pymethods]
impl PyCondition {
    fn __repr__(&self) -> String {
        format!(
            "<Condition {}: {} items, {} seeds>",
            self.condition.key(),
            self.condition.n_items(),
            self.condition.seeds().len()
        )
    }
}

/// Reads trial tables as conditions: one for every setting, model, task, hierarchy and hyperparameter.
///
/// Parameters
/// ----------
/// paths : path or list of path
///     Files and directories of trial tables.
/// phase : {"pre", "post"}
///     Rows before or after training.
/// progress : bool or callable
///     A bar after a second where someone can see it, or a function of (done, total) rows.
///
/// Returns
/// -------
/// list of Condition
///     Their ``graph`` and ``margins`` are what `fit` takes, ``seed_margins`` what `cluster_intervals` takes.
///
/// Examples
/// --------
/// >>> import caveat
/// >>> conditions = caveat.read_conditions(["crates/caveat/results/trials.parquet"])
/// >>> full = [c for c in conditions if c.key["setting"] == "full" and c.key["hier"] == "ti_n9" and c.key["task"] == "fake"]
/// >>> round(caveat.fit(full[0].graph, full[0].margins).conjunctivity, 3)
/// 0.308
#[pyfunction]
#[pyo3(signature = (paths, *, phase = "post", progress = None))]
pub(crate) fn read_conditions(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::paths)] paths: Paths,
    #[pyo3(from_py_with = arg::phase)] phase: &str,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Vec<PyCondition>> {
    let phase: Training = raise(phase.parse())?;
    let work = move |steps: &Steps| conditions(&paths.0, phase, &|done, total| steps.reach(done, total));
    let read = long::run(py, "reading trial tables", progress, work)?;
    let doubts: BTreeSet<String> = read.iter().flat_map(Condition::doubts).collect();
    doubts.iter().try_for_each(|doubt| warn(py, doubt, 1))?;
    Ok(read.into_iter().map(|condition| PyCondition { condition }).collect())
}

/// Reads CSV files of choices of animals or people.
///
/// Parameters
/// ----------
/// path : path or list of path
///     The file, or several with the same columns, read one below the other.
/// columns : dict of str to str, optional
///     The file's columns by role: ``winner`` and ``loser`` (and perhaps ``accuracy``); or ``higher``, ``lower`` and ``accuracy``; or
///     ``distance`` and ``accuracy``; and, if it has them, ``first``, ``count``, ``subject``, ``session`` and ``condition``. By
///     default columns have the names of their roles.
/// preset : str, optional
///     Columns of a published file, instead of ``columns``: ``"jensen2015-monkeys"`` or ``"jensen2015-humans"``.
/// n_items : int, optional
///     Number of items, if they are ranks.
/// items : list of str, optional
///     Names of the items, highest first, if the file has names.
/// first_rank : {0, 1}, optional
///     Rank of the highest item in the file.
/// trials : float, optional
///     Number of trials behind every row, if the file has no count.
/// skip_missing : bool
///     Whether to leave out rows that lack a value (such as an empty response), with a warning, instead of refusing them.
/// where : str or list of str
///     Conditions for the rows to use, on any columns of the file, such as ``"phase==test & rt<2000"``.
///
/// Returns
/// -------
/// Table
///     One row per row of the file: ``first`` and ``second`` (ranks from 0), ``first_chosen`` and ``trials``, or for a file by distance
///     ``distance``, ``higher_chosen`` and ``trials``; and ``subject``, ``session`` and ``condition`` if the file has them.
///
/// Examples
/// --------
/// >>> import caveat, pathlib, tempfile
/// >>> file = pathlib.Path(tempfile.mkdtemp()) / "choices.csv"
/// >>> _ = file.write_text("chosen,other\nA,B\nC,B\nA,C\n")
/// >>> table = caveat.read_choices(file, {"winner": "chosen", "loser": "other"}, items=["A", "B", "C"])
/// >>> table["first_chosen"]
/// array([1., 0., 1.])
#[pyfunction]
#[pyo3(signature = (path, columns = None, *, preset = None, n_items = None, items = None, first_rank = None, trials = None,
                    skip_missing = false, r#where = None))]
#[allow(clippy::too_many_arguments, reason = "keywords of a Python function")]
pub(crate) fn read_choices(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::path)] path: Paths,
    #[pyo3(from_py_with = arg::columns)] columns: Option<Bound<'_, PyAny>>,
    #[pyo3(from_py_with = arg::preset)] preset: Option<&str>,
    #[pyo3(from_py_with = arg::n_items)] n_items: Option<usize>,
    #[pyo3(from_py_with = arg::items)] items: Option<Vec<String>>,
    #[pyo3(from_py_with = arg::first_rank)] first_rank: Option<usize>,
    #[pyo3(from_py_with = arg::trials)] trials: Option<f64>,
    skip_missing: bool,
    r#where: Option<Bound<'_, PyAny>>,
) -> PyResult<Table> {
    let mut wanted = match (preset, columns) {
        (Some(_), Some(_)) => return Err(bad("preset", "it takes the place of columns: give one of the two")),
        (Some(name), None) => raise(ChoiceColumns::preset(name))?,
        (None, Some(columns)) => choice_columns(&columns)?,
        (None, None) => ChoiceColumns::default(),
    };
    if let Some(trials) = trials {
        wanted.trials = TrialCounts::Fixed(trials);
    }
    wanted.n_items = n_items.or(wanted.n_items);
    wanted.first_rank = first_rank.or(wanted.first_rank);
    wanted.items = items.or(wanted.items);
    wanted.skip_missing = skip_missing;
    for expression in r#where.map(|w| texts("where", &w)).transpose()?.unwrap_or_default() {
        wanted.filters.extend(raise(RowFilter::all(&expression))?);
    }
    let choices = long::run(py, "reading choices", None, move |_| read_choice_files(&path.0, &wanted))?;
    // One of these is empty.
    let (rows, distances) = (&choices.rows, &choices.distance_rows);
    choices.left_out.notes(rows.len() + distances.len()).iter().try_for_each(|note| warn(py, note, 1))?;
    let build = || -> Result<Columns> {
        let mut table = if rows.is_empty() {
            Columns::new()
                .integer("distance", distances.iter().map(|r| r.distance as i64))?
                .float("higher_chosen", distances.iter().map(|r| r.higher_chosen))?
                .float("trials", distances.iter().map(|r| r.trials))?
        } else {
            with_pairs(rows.iter().map(|r| (r.first, r.second)))?
                .float("first_chosen", rows.iter().map(|r| r.first_chosen))?
                .float("trials", rows.iter().map(|r| r.trials))?
        };
        let groups = rows.iter().map(|r| r.groups).chain(distances.iter().map(|r| r.groups));
        for (at, grouping) in Grouping::ALL.into_iter().enumerate() {
            let names = choices.names(grouping);
            if !names.is_empty() {
                table = table.text(grouping.name(), groups.clone().map(|g| names[g[at] as usize].as_str()))?;
            }
        }
        Ok(table)
    };
    Ok(Table::new(raise(build())?))
}
