//! Requests about files, from keyword arguments: fits, summaries, checks and the figures of language models.

use caveat_analysis::{
    AnalysisError, ChoiceRequest, FigureName, FigureRequest, FitOutcome, FitRequest, PlainTask, choice,
};
use caveat_figures::language_models::hidden_states;
use caveat_results::{ChoiceColumns, Filter, Geometries, GroupColumn, Input};
use caveat_theory::{Named, PresentationOrder};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::arguments::{self as arg, Argument, Paths, wrong};
use crate::errors::{bad, raise, spell, warn};
use crate::figure::Figure;
use crate::long;
use crate::table::Table;
use crate::task::TransitiveTask;

/// Keyword arguments; each is taken once.
struct Keywords<'py>(Bound<'py, PyDict>);

impl<'py> Keywords<'py> {
    /// The argument `name`, unless it is absent or None.
    fn take<T: for<'a> Argument<'a, 'py>>(&self, name: &str) -> PyResult<Option<T>> {
        let Some(value) = self.0.get_item(name)? else { return Ok(None) };
        self.0.del_item(name)?;
        Option::parse(name, &value)
    }

    /// A choice by its name.
    fn take_named<T: Named>(&self, name: &str) -> PyResult<Option<T>> {
        self.take::<String>(name)?.map(|value| raise(choice(name, &value))).transpose()
    }

    /// One text or a list of them.
    fn take_texts(&self, name: &str) -> PyResult<Vec<String>> {
        Ok(self.take::<Bound<'py, PyAny>>(name)?.map(|value| texts(name, &value)).transpose()?.unwrap_or_default())
    }

    /// Refuses arguments that nobody took.
    fn finish(self) -> PyResult<()> {
        match self.0.keys().iter().next() {
            Some(name) => Err(PyTypeError::new_err(format!("{name} is no argument of a fit"))),
            None => Ok(()),
        }
    }
}

/// One text or a list of them.
pub(crate) fn texts(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    if value.is_instance_of::<PyString>() { Ok(vec![String::parse(what, value)?]) } else { Vec::parse(what, value) }
}

fn inputs(paths: Paths) -> Vec<Input> {
    paths.0.iter().map(|path| Input::new(path)).collect()
}

/// Reads a task: a `TransitiveTask`, a number of items, or text.
fn plain_task(what: &str, value: &Bound<'_, PyAny>) -> PyResult<PlainTask> {
    if let Ok(task) = value.cast::<TransitiveTask>() {
        let task = &task.get().task;
        if !task.weights().is_empty() || task.order() != PresentationOrder::Both {
            return Err(bad(
                what,
                format_args!(
                    "expected every trained pair equally often and in both orders, as files of choices are fitted, got weights {:?} and \
                     the order '{}'",
                    task.weights(),
                    task.order().name()
                ),
            ));
        }
        let exceptions = task.exceptions().iter().map(|e| (e.winner, e.loser)).collect();
        return Ok(PlainTask { n_items: task.n_items(), exceptions });
    }
    if value.is_instance_of::<PyString>() {
        return String::parse(what, value)?.parse().map_err(|problem| bad(what, problem));
    }
    match value.extract() {
        Ok(n_items) => Ok(PlainTask { n_items, exceptions: Vec::new() }),
        Err(_) => Err(wrong(what, "a TransitiveTask, a number of items, or text as in '9:5-3'", value)),
    }
}

/// Reads tasks by condition, or one for all.
fn tasks(given: Option<Bound<'_, PyAny>>) -> PyResult<Vec<(Option<String>, PlainTask)>> {
    let Some(given) = given else { return Ok(Vec::new()) };
    let Ok(named) = given.cast::<PyDict>() else { return Ok(vec![(None, plain_task("tasks", &given)?)]) };
    let one = |(name, task): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let what = format!("tasks[{}]", name.repr()?);
        Ok((if name.is_none() { None } else { Some(name.str()?.to_string()) }, plain_task(&what, &task)?))
    };
    named.iter().map(one).collect()
}

/// Reads a dict of columns by role.
pub(crate) fn choice_columns(columns: &Bound<'_, PyAny>) -> PyResult<ChoiceColumns> {
    let columns: &Bound<'_, PyDict> = Argument::parse("columns", columns)?;
    let mut roles = Vec::new();
    for (role, column) in columns {
        roles.push((role.str()?.to_string(), column.str()?.to_string()));
    }
    raise(ChoiceColumns::of_roles(roles.iter().map(|(role, column)| (role.as_str(), column.as_str()))))
}

/// The table of fits, that of predicted pairs, the figures by pair and by distance, and notes.
type FoundInFiles = (Table, Option<Table>, Option<Figure>, Option<Figure>, Vec<String>);

/// Fits files, which errors call `what`; keyword arguments are the fields of a request.
#[pyfunction]
#[pyo3(signature = (what, files, *, draw_pairs = false, draw_distances = false, **keywords))]
pub(crate) fn fit_files(
    py: Python<'_>,
    what: &str,
    files: &Bound<'_, PyAny>,
    draw_pairs: bool,
    draw_distances: bool,
    keywords: Option<Bound<'_, PyDict>>,
) -> PyResult<FoundInFiles> {
    let given = Keywords(keywords.unwrap_or_else(|| PyDict::new(py)));
    let mut request = FitRequest::new(inputs(Argument::parse(what, files)?));
    let by = given.take::<Bound<'_, PyAny>>("by")?;
    request.by = by
        .map(|by| texts("by", &by)?.iter().map(|name| raise(choice("by", name))).collect::<PyResult<_>>())
        .transpose()?;
    request.loss = given.take_named("loss")?;
    request.learner = given.take_named("learner")?.unwrap_or(request.learner);
    request.lapse = given.take("lapse")?.unwrap_or_default();
    request.position_bias = given.take("position_bias")?.unwrap_or_default();
    request.train = given.take_texts("train")?;
    request.test = given.take_texts("test")?;
    request.compare = given.take("compare")?.unwrap_or_default();
    request.folds = given.take("folds")?;
    request.hierarchical = given.take("hierarchical")?.unwrap_or_default();
    if let Some(phase) = given.take::<String>("phase")? {
        request.phase = raise(phase.parse())?;
    }
    request.filters = given.take_texts("where")?;
    request.bootstrap = given.take("bootstrap")?;
    request.seed = given.take("seed")?.unwrap_or_default();
    request.choices = ChoiceRequest {
        columns: given.take::<Bound<'_, PyAny>>("columns")?.map(|columns| choice_columns(&columns)).transpose()?,
        preset: given.take("preset")?,
        tasks: tasks(given.take("tasks")?)?,
        n_items: given.take("n_items")?,
        exceptions: given.take("exceptions")?.unwrap_or_default(),
        items: given.take("items")?,
        first_rank: given.take("first_rank")?,
        skip_missing: given.take("skip_missing")?.unwrap_or_default(),
        trials: given.take("trials")?,
        cluster: given.take_named("cluster")?,
        draw_pairs,
        draw_distances,
    };
    given.finish()?;
    let work = move |steps: &long::Steps| caveat_analysis::fit(&request, steps);
    let FitOutcome { table, pairs, by_pair, by_distance, notes, warnings, .. } = long::run(py, "fit", None, work)?;
    // Three levels up is the caller of the package's own functions.
    warnings.iter().try_for_each(|warning| warn(py, warning, 3))?;
    let notes = warnings.iter().chain(&notes).map(|note| spell(note)).collect();
    Ok((Table::new(table), pairs.map(Table::new), by_pair.map(Figure::new), by_distance.map(Figure::new), notes))
}

/// A figure of language models, from their trial tables.
#[pyfunction]
pub(crate) fn trials_figure(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::name)] name: &str,
    #[pyo3(from_py_with = arg::files)] files: Paths,
) -> PyResult<Figure> {
    let name: FigureName = raise(choice("name", name))?;
    let request = FigureRequest { name, task: None, c: None, published: inputs(files) };
    let work = move |steps: &long::Steps| caveat_analysis::figure(&request, steps);
    Ok(Figure::new(long::run(py, "figure", None, work)?))
}

/// The geometry of the hidden states that runs kept, as a table and a picture.
#[pyfunction]
pub(crate) fn geometry_of_runs(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::runs)] runs: Paths,
) -> PyResult<(Table, Figure)> {
    let work = move |_: &long::Steps| {
        let geometries = Geometries::read(&runs.0)?;
        Ok::<_, AnalysisError>((geometries.table()?, hidden_states::draw(geometries.rows())?))
    };
    let (table, figure) = long::run(py, "geometry", None, work)?;
    Ok((Table::new(table), Figure::new(figure)))
}

/// Conditions on rows of trial tables.
fn filters(value: &Bound<'_, PyAny>) -> PyResult<Vec<Filter>> {
    let all = texts("where", value)?.into_iter().map(|expression| raise(Filter::all(&expression)));
    Ok(all.collect::<PyResult<Vec<_>>>()?.concat())
}

/// The table that the work makes, after its warnings.
fn warned_table(
    py: Python<'_>,
    what: &'static str,
    work: impl FnOnce(&long::Steps) -> caveat_analysis::Result<caveat_analysis::Told> + Send + 'static,
) -> PyResult<Table> {
    let (table, warnings) = long::run(py, what, None, work)?;
    warnings.iter().try_for_each(|warning| warn(py, warning, 2))?;
    Ok(Table::new(table))
}

/// Accuracy and margin of trial tables by pair class and columns.
#[pyfunction]
pub(crate) fn summarize_trials(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::files)] files: Paths,
    by: &Bound<'_, PyAny>,
    r#where: &Bound<'_, PyAny>,
) -> PyResult<Table> {
    let by: Vec<GroupColumn> = texts("by", by)?.iter().map(|name| raise(name.parse())).collect::<PyResult<_>>()?;
    let filters = filters(r#where)?;
    warned_table(py, "summary", move |steps| caveat_analysis::summarize(&inputs(files), &by, filters, steps))
}

/// How often each item of trial tables is placed above each other.
#[pyfunction]
pub(crate) fn placements(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::files)] files: Paths,
    r#where: &Bound<'_, PyAny>,
) -> PyResult<Table> {
    let filters = filters(r#where)?;
    warned_table(py, "placements", move |steps| {
        let (pairs, doubts) = caveat_analysis::placements(&inputs(files), filters, steps)?;
        Ok((caveat_analysis::placement_table(&pairs)?, doubts))
    })
}

/// Every problem of trial tables.
#[pyfunction]
pub(crate) fn check_trials(
    py: Python<'_>,
    #[pyo3(from_py_with = arg::files)] files: Paths,
    #[pyo3(from_py_with = arg::most)] most: usize,
) -> PyResult<Table> {
    warned_table(py, "check", move |steps| {
        Ok((caveat_analysis::check(&inputs(files), most, steps)?.table()?, Vec::new()))
    })
}
